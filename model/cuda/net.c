/* model/cuda/net.c - a network on a device: its opening, and a frame's way through it; see net.h,
 * model/device_net.h. */
#include "model/cuda/net.h"
#include "core/clock.h"
#include "core/pool.h"
#include "core/status.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUCKET_STEP 1024 /* points: buckets are multiples of it */

/* Whether it can be */

static bool has_version(const struct glint_layer *layer)
{
    const struct glint_voxelize_params *voxelize = layer->params;
    const struct glint_vfe_params *vfe = layer->params;
    if (layer->op == GLINT_OP_VOXELIZE && voxelize->hard.max_voxels > 0)
        return false;
    if (layer->op == GLINT_OP_VFE && vfe->joined_out > 0)
        return false;
    return glint_net_op(layer->op)->there;
}

int glint_device_net_check(const struct glint_net *net, enum glint_precision precision, int index)
{
    int n;
    if (precision == GLINT_PRECISION_I16)
        return glint_fail(GLINT_E_DEVICE, "precision i16: of the CPU only; on a device f32, bf16 or f16");
    for (int32_t i = 0; i < net->n_layers; i++)
        if (!has_version(&net->layers[i]))
            return glint_fail(GLINT_E_UNSUPPORTED,
                              "device \"cuda:%d\": operation %s (%s) has no version for devices", index,
                              glint_op_get(net->layers[i].op)->name, net->layers[i].name);
    GLINT_TRY(glint_device_count(&n));
    if (index < 0 || index >= n)
        return glint_fail(GLINT_E_DEVICE, "device \"cuda:%d\": there %s %d here", index,
                          n == 1 ? "is" : "are", n);
    return GLINT_OK;
}

/* Opening */

static void find_stretches(struct glint_device_net *d)
{
    for (int32_t i = 0; i < d->net->n_layers; i++) {
        struct net_stretch *last = d->n_stretches ? &d->stretch[d->n_stretches - 1] : NULL;
        if (last && (last->stage == d->net->layers[i].stage || d->n_stretches == NET_STAGES))
            last->end = i + 1;
        else
            d->stretch[d->n_stretches++] = (struct net_stretch){d->net->layers[i].stage, i, i + 1};
    }
}

/* Eight sizes of frames up to the capacity; of small ones fewer. */
static void choose_buckets(struct glint_device_net *d)
{
    for (int i = 1; i <= NET_BUCKETS; i++) {
        const int64_t part = ((int64_t)d->net->cap_points * i + NET_BUCKETS - 1) / NET_BUCKETS;
        const int32_t size = (int32_t)((part + BUCKET_STEP - 1) / BUCKET_STEP * BUCKET_STEP);
        if (d->n_buckets == 0 || size > d->bucket[d->n_buckets - 1])
            d->bucket[d->n_buckets++] = size;
    }
}

static int open_streams(struct glint_device_net *d)
{
    GLINT_TRY(glint_device_open(d->settings.index, &d->device));
    GLINT_TRY(glint_stream_open(d->device, &d->in));
    GLINT_TRY(glint_stream_open(d->device, &d->work));
    GLINT_TRY(glint_stream_open(d->device, &d->side));
    GLINT_TRY(glint_event_open(d->device, &d->forked));
    GLINT_TRY(glint_event_open(d->device, &d->joined));
    for (int i = 0; i < NET_SLOTS; i++) {
        struct net_slot *s = &d->slot[i];
        GLINT_TRY(glint_event_open(d->device, &s->sent));
        GLINT_TRY(glint_event_open(d->device, &s->arrived));
        GLINT_TRY(glint_event_open(d->device, &s->done));
        for (int k = 0; k <= d->n_stretches; k++)
            GLINT_TRY(glint_event_open(d->device, &s->stage[k]));
    }
    return GLINT_OK;
}

static int open_tables(struct glint_device_net *d)
{
    d->values = calloc((size_t)d->net->n_values + 1, sizeof *d->values);
    d->layers = calloc((size_t)d->net->n_layers + 1, sizeof *d->layers);
    if (!d->values || !d->layers)
        return glint_fail(GLINT_E_NOMEM, "no memory for %d layers", d->net->n_layers);
    for (int32_t i = 0; i < d->net->n_layers; i++)
        d->layers[i].layer = &d->net->layers[i];
    for (int f = GLINT_FIELD_X; f <= GLINT_FIELD_Z; f++)
        d->reads_field[f] = true;
    return GLINT_OK;
}

static int ready_graphs(struct glint_device_net *d);

static int open_net(struct glint_device_net *d)
{
    struct glint_device_info info;
    find_stretches(d);
    choose_buckets(d);
    GLINT_TRY(open_tables(d));
    GLINT_TRY(open_streams(d));
    GLINT_TRY(glint_device_describe(d->device, &info));
    snprintf(d->track, sizeof d->track, "cuda:%d", d->settings.index);
    snprintf(d->name, sizeof d->name, "cuda:%d, %s", d->settings.index, info.name);
    GLINT_TRY(glint_net_plan(d));
    GLINT_TRY(glint_net_sparse_open(d));
    return ready_graphs(d);
}

static enum glint_dtype type_of(enum glint_precision precision)
{
    return precision == GLINT_PRECISION_BF16  ? GLINT_DTYPE_BF16
           : precision == GLINT_PRECISION_F16 ? GLINT_DTYPE_F16
                                              : GLINT_DTYPE_F32;
}

int glint_device_net_open(struct glint_run *run, const struct glint_device_net_settings *settings,
                          struct glint_device_net **out)
{
    *out = NULL;
    struct glint_device_net *d = calloc(1, sizeof *d);
    if (!d)
        return glint_fail(GLINT_E_NOMEM, "no memory for a network on a device");
    d->run = run;
    d->net = run->net;
    d->settings = *settings;
    d->map_type = type_of(settings->precision);
    const int status = open_net(d);
    if (status != GLINT_OK) {
        glint_device_net_close(d);
        return status;
    }
    *out = d;
    return GLINT_OK;
}

static void close_slot(struct net_slot *s)
{
    glint_event_close(s->sent);
    glint_event_close(s->arrived);
    glint_event_close(s->done);
    for (int k = 0; k <= NET_STAGES; k++)
        glint_event_close(s->stage[k]);
}

void glint_device_net_close(struct glint_device_net *d)
{
    if (!d)
        return;
    if (d->work)
        glint_stream_wait(d->work);
    struct glint_graph **graph = &d->graph[0][0][0][0];
    for (size_t i = 0; i < sizeof d->graph / sizeof *graph; i++)
        glint_graph_close(graph[i]);
    glint_net_sparse_close(d->sparse);
    for (int i = 0; i < NET_SLOTS; i++)
        close_slot(&d->slot[i]);
    glint_event_close(d->forked);
    glint_event_close(d->joined);
    glint_device_arena_close(&d->pinned);
    glint_device_arena_close(&d->memory);
    glint_device_arena_close(&d->weights);
    glint_stream_close(d->side);
    glint_stream_close(d->work);
    glint_stream_close(d->in);
    glint_device_close(d->device);
    free(d->host_planes);
    free(d->layers);
    free(d->values);
    free(d);
}

size_t glint_device_net_bytes(const struct glint_device_net *d)
{
    return d->memory.cap + d->weights.cap;
}

const char *glint_device_net_name(const struct glint_device_net *d)
{
    return d->name;
}

/* Enqueueing: a stretch of layers, the sets of the maps beside the one before them. */

static bool begins_maps(const struct glint_device_net *d, const struct net_stretch *s)
{
    for (int32_t i = s->first; i < s->end; i++)
        if (d->net->layers[i].op == GLINT_OP_BEV_SCATTER || d->net->layers[i].op == GLINT_OP_PATCH_MERGE)
            return true;
    return false;
}

static int run_layers(struct glint_device_net *d, const struct net_stretch *s)
{
    for (int32_t i = s->first; i < s->end; i++)
        if (!d->layers[i].done_before)
            GLINT_TRY(glint_net_op(d->net->layers[i].op)->run(d, &d->layers[i]));
    return GLINT_OK;
}

static int enqueue(struct glint_device_net *d, const struct net_stretch *s)
{
    if (!glint_net_sparse_beside(d, s->first, s->end))
        return run_layers(d, s);
    if (begins_maps(d, s)) { /* nothing lies between */
        GLINT_TRY(glint_net_sparse_run(d, d->work));
        return run_layers(d, s);
    }
    GLINT_TRY(glint_event_record(d->forked, d->work));
    GLINT_TRY(glint_stream_after(d->side, d->forked));
    GLINT_TRY(glint_net_sparse_run(d, d->side));
    GLINT_TRY(glint_event_record(d->joined, d->side));
    GLINT_TRY(run_layers(d, s));
    return glint_stream_after(d->work, d->joined);
}

static void choose_launches(struct glint_device_net *d, struct net_slot *slot)
{
    const int32_t bucket = d->bucket[slot->bucket];
    d->now = slot;
    d->most_points = bucket < d->net->cap_points ? bucket : d->net->cap_points;
    d->most_voxels = d->most_points < d->net->cap_voxels ? d->most_points : d->net->cap_voxels;
}

static int record(struct glint_device_net *d, const struct net_stretch *s, struct glint_graph **graph)
{
    GLINT_TRY(glint_graph_begin(d->work));
    const int status = enqueue(d, s);
    const int ended = glint_graph_end(d->work, graph);
    return status != GLINT_OK ? status : ended;
}

/* The slot's graphs for its bucket and variant, recorded where they are wanted for the first time. */
static int ready(struct glint_device_net *d, struct net_slot *slot)
{
    struct glint_graph **graph = d->graph[slot - d->slot][slot->bucket][slot->variant];
    choose_launches(d, slot);
    for (int32_t i = 0; i < d->n_stretches; i++)
        if (!graph[i])
            GLINT_TRY(record(d, &d->stretch[i], &graph[i]));
    return GLINT_OK;
}

/* Of ordinary frames all: nothing is left to do when they come. */
static int ready_graphs(struct glint_device_net *d)
{
    for (int i = 0; i < NET_SLOTS; i++)
        for (d->slot[i].bucket = 0; d->slot[i].bucket < d->n_buckets; d->slot[i].bucket++)
            GLINT_TRY(ready(d, &d->slot[i]));
    return GLINT_OK;
}

static int run_graphs(struct glint_device_net *d, struct net_slot *slot)
{
    struct glint_graph **graph = d->graph[slot - d->slot][slot->bucket][slot->variant];
    for (int32_t i = 0; i < d->n_stretches; i++) {
        GLINT_TRY(glint_event_record(slot->stage[i], d->work));
        GLINT_TRY(glint_graph_run(graph[i], d->work));
    }
    return glint_event_record(slot->stage[d->n_stretches], d->work);
}

/* Points to pinned memory, in the network's axes; several threads, as that is what the host has to do. */

struct staging {
    const struct glint_frame *frame;
    const float *field[NET_FIELDS];
    bool negate[NET_FIELDS], tanh[NET_FIELDS];
    float *to[NET_FIELDS];
};

static void stage_points(void *ctx, int64_t begin, int64_t end, int worker)
{
    const struct staging *s = ctx;
    const size_t n = (size_t)(end - begin);
    (void)worker;
    for (int f = 0; f < NET_FIELDS; f++) {
        if (!s->to[f])
            continue;
        if (!s->field[f])
            memset(s->to[f] + begin, 0, n * sizeof(float));
        else if (s->negate[f] || s->tanh[f])
            for (int64_t i = begin; i < end; i++)
                s->to[f][i] = s->negate[f] ? -s->field[f][i] : tanhf(s->field[f][i]);
        else
            memcpy(s->to[f] + begin, s->field[f] + begin, n * sizeof(float));
    }
}

static struct staging fields_of(const struct glint_device_net *d, const struct net_slot *slot)
{
    const struct glint_frame *frame = slot->frame;
    const struct glint_points *p = &frame->points;
    const bool turned = d->run->turned && !frame->as_network_input;
    struct staging s = {.frame = frame,
                        .field = {turned ? p->y : p->x, turned ? p->x : p->y, p->z, p->intensity,
                                  p->elongation,
                                  frame->as_network_input && !p->lag ? p->elongation : p->lag}};
    s.negate[GLINT_FIELD_X] = turned;
    s.tanh[GLINT_FIELD_INTENSITY] = d->tanh && !frame->as_network_input && !frame->intensity_is_tanh;
    float *at = (float *)(slot->host_in + 256);
    for (int f = 0; f < NET_FIELDS; f++)
        if (d->reads_field[f]) {
            s.to[f] = at;
            at += d->bucket[slot->bucket];
        }
    return s;
}

static int32_t bucket_of(const struct glint_device_net *d, int32_t n)
{
    int32_t b = 0;
    while (b + 1 < d->n_buckets && d->bucket[b] < n)
        b++;
    return b;
}

static int send(struct glint_device_net *d, struct net_slot *slot)
{
    struct staging s = fields_of(d, slot);
    size_t bytes = 256;
    for (int f = 0; f < NET_FIELDS; f++)
        bytes += d->reads_field[f] ? (size_t)d->bucket[slot->bucket] * sizeof(float) : 0;
    memcpy(slot->host_in, &slot->n_points, sizeof slot->n_points);
    glint_pool_for(d->run->exec->pool, slot->n_points, 16384, stage_points, &s);
    slot->staged_ns = glint_clock_monotonic_ns();
    GLINT_TRY(glint_event_record(slot->sent, d->in));
    GLINT_TRY(glint_stream_upload(d->in, slot->device_in, slot->host_in, bytes));
    GLINT_TRY(glint_event_record(slot->arrived, d->in));
    return glint_stream_after(d->work, slot->arrived);
}

/* What comes back: voxel counts, counts, boxes, classes and confidences of points. */
static int bring(struct glint_device_net *d, struct net_slot *slot)
{
    uint8_t *to = slot->host_out;
    const size_t n = (size_t)slot->n_points, half = net_round((size_t)d->net->cap_points);
    GLINT_TRY(glint_stream_download(d->work, to, d->voxels.count, GLINT_VOXELS_COUNTS * sizeof(int32_t)));
    GLINT_TRY(glint_stream_download(d->work, to + 256, d->counts, NET_COUNTS * sizeof(int32_t)));
    to += 256 + NET_COUNTS * sizeof(int32_t);
    if (d->boxes)
        GLINT_TRY(glint_stream_download(d->work, to, d->values[d->boxes_value].data, d->boxes_bytes));
    to += net_round(d->boxes_bytes);
    if (d->masks && n > 0) {
        GLINT_TRY(glint_stream_download(d->work, to, d->masks, n));
        GLINT_TRY(glint_stream_download(d->work, to + half, d->masks + half, n));
    }
    return glint_event_record(slot->done, d->work);
}

int glint_device_net_begin(struct glint_device_net *d, struct glint_frame *frame)
{
    const int32_t n = frame->points.n;
    if (n < 0 || n > d->net->cap_points)
        return glint_fail(GLINT_E_CAPACITY, "%d points in a frame, the capacity is %d", n,
                          d->net->cap_points);
    if (d->n_begun >= NET_SLOTS)
        return glint_fail(GLINT_E_CAPACITY, "%d frames begun on a device and none ended", d->n_begun);
    struct net_slot *slot = &d->slot[(d->first + d->n_begun) % NET_SLOTS];
    slot->begun_ns = glint_clock_monotonic_ns();
    slot->frame = frame;
    slot->n_points = n;
    slot->bucket = bucket_of(d, n);
    slot->variant = (frame->no_range_filter ? 1 : 0) + (frame->as_network_input ? 2 : 0);
    glint_range_push("glint frame");
    int status = ready(d, slot);
    if (status == GLINT_OK)
        status = send(d, slot);
    if (status == GLINT_OK)
        status = run_graphs(d, slot);
    if (status == GLINT_OK)
        status = bring(d, slot);
    glint_range_pop();
    if (status == GLINT_OK)
        d->n_begun++;
    return status;
}

/* The end */

/* The device's times of the stages; what the host and the copies took besides belongs to the first and the
 * last. */
static int take_times(struct glint_device_net *d, const struct net_slot *slot)
{
    struct glint_frame *frame = slot->frame;
    const int64_t now = glint_clock_monotonic_ns();
    int64_t copied, ns[NET_STAGES], rest = now - slot->begun_ns;
    GLINT_TRY(glint_event_elapsed(slot->sent, slot->stage[0], &copied));
    for (int32_t i = 0; i < d->n_stretches; i++) {
        GLINT_TRY(glint_event_elapsed(slot->stage[i], slot->stage[i + 1], &ns[i]));
        rest -= ns[i];
    }
    const int64_t before = slot->staged_ns - slot->begun_ns + copied;
    rest = rest < 0 ? 0 : rest;
    ns[0] += before < rest ? before : rest;
    ns[d->n_stretches - 1] += before < rest ? rest - before : 0;
    int64_t at = slot->begun_ns;
    for (int32_t i = 0; i < d->n_stretches; i++) {
        int64_t *latency = &frame->latency_ns[d->stretch[i].stage];
        *latency = (*latency < 0 ? 0 : *latency) + ns[i];
        glint_span_device(d->run->trace, d->track, d->stretch[i].stage, frame->index, at, ns[i]);
        at += ns[i];
    }
    return GLINT_OK;
}

static int32_t within(int32_t v, int32_t most)
{
    return v < 0 ? 0 : v < most ? v : most;
}

static void take_counts(struct glint_device_net *d, const int32_t *count)
{
    struct glint_voxels *v = d->run->voxels;
    v->n_voxels = within(count[GLINT_VOXELS_N], d->net->cap_voxels);
    v->n_points = within(count[GLINT_VOXELS_POINTS], d->net->cap_points);
    v->n_in = within(count[GLINT_VOXELS_IN], d->net->cap_points);
    v->n_rejected = within(count[GLINT_VOXELS_REJECTED], d->net->cap_points);
    v->n_clipped = within(count[GLINT_VOXELS_CLIPPED], d->net->cap_points);
    v->n_dropped = within(count[GLINT_VOXELS_DROPPED], d->net->cap_points);
    if (v->n_clipped > 0)
        d->run->frame->health |= GLINT_HEALTH_BIT(GLINT_HEALTH_NETWORK_CLIPPED);
}

static void take_masks(const struct glint_device_net *d, const struct net_slot *slot, const uint8_t *from)
{
    memcpy(slot->frame->point_class, from, (size_t)slot->n_points);
    memcpy(slot->frame->point_confidence, from + net_round((size_t)d->net->cap_points),
           (size_t)slot->n_points);
    slot->frame->has_masks = true;
}

static void take_results(struct glint_device_net *d, const struct net_slot *slot)
{
    uint8_t *from = slot->host_out;
    const int32_t *counts = (const int32_t *)(from + 256);
    take_counts(d, (const int32_t *)from);
    glint_net_cost(d, counts);
    from += 256 + NET_COUNTS * sizeof(int32_t);
    if (d->boxes)
        glint_net_op(d->boxes->layer->op)->take(d, from, counts);
    if (d->masks)
        take_masks(d, slot, from + net_round(d->boxes_bytes));
}

static int show(struct glint_device_net *d)
{
    for (int32_t i = 0; i < d->net->n_layers; i++)
        GLINT_TRY(glint_net_show(d, &d->layers[i]));
    return GLINT_OK;
}

int glint_device_net_end(struct glint_device_net *d, struct glint_run *run)
{
    if (d->n_begun == 0)
        return glint_fail(GLINT_E_ARG, "no frame was begun on the device");
    struct net_slot *slot = &d->slot[d->first];
    d->first = (d->first + 1) % NET_SLOTS;
    d->n_begun--;
    run->frame = slot->frame;
    GLINT_TRY(glint_event_wait(slot->done));
    if (d->n_begun == 0) /* nothing is left to wait for, but failures are told here */
        GLINT_TRY(glint_stream_wait(d->work));
    take_results(d, slot);
    GLINT_TRY(take_times(d, slot));
    return run->tap && d->settings.keep_stages ? show(d) : GLINT_OK;
}
