/* model/cuda/net_plan.c - memory of a network on a device; see net.h.
 *
 * The planner of the host (plan.h) places the device's values by the lifetimes that it has found already, and
 * each layer's scratch as a block that lives for that layer. With keep_stages every value has memory of its
 * own, as a tap looks at them when the frame is done. */
#include "core/status.h"
#include "model/cuda/net.h"
#include "model/plan.h"
#include <stdlib.h>
#include <string.h>

/* Types of maps: of floats where a layer that is no convolution reads numbers from them, and convolutions
 * that stay exact. */

static int32_t root_of(const struct glint_net *net, int32_t value)
{
    const int32_t parent = net->values[value].parent;
    return parent < 0 ? value : parent;
}

static bool reads_floats(const struct glint_layer *layer, int32_t i)
{
    if (layer->op == GLINT_OP_CONV3X3 || layer->op == GLINT_OP_CONV3X3_WIDE)
        return i == 0 && ((const struct glint_conv_params *)layer->params)->affine.exact;
    return layer->op == GLINT_OP_CENTER_GATE || layer->op == GLINT_OP_CENTER_PICK ||
           (layer->op == GLINT_OP_PEAK_HEAD && i == 0);
}

static void choose_types(struct glint_device_net *d)
{
    const struct glint_net *net = d->net;
    for (int32_t v = 0; v < net->n_values; v++)
        d->values[v].map.type = d->map_type;
    for (int32_t l = 0; l < net->n_layers; l++)
        for (int32_t i = 0; i < net->layers[l].n_in; i++)
            if (reads_floats(&net->layers[l], i))
                d->values[root_of(net, net->layers[l].in[i])].map.type = GLINT_DTYPE_F32;
    for (int32_t v = 0; v < net->n_values; v++)
        d->values[v].map.type = d->values[root_of(net, v)].map.type;
}

/* Bytes of values */

static size_t bytes_of(const struct glint_device_net *d, int32_t value, const struct glint_layer *maker,
                       int32_t i)
{
    const struct glint_value *v = &d->net->values[value];
    switch (v->kind) {
    case GLINT_VALUE_POINTS:
        return maker->op == GLINT_OP_VFE && ((const struct glint_vfe_params *)maker->params)->tanh_out == i &&
                       i > 0
                   ? 0 /* the host stages them so */
                   : (size_t)d->net->cap_points * (size_t)v->c * sizeof(float);
    case GLINT_VALUE_TOKENS:
        return maker->op == GLINT_OP_POINT_HEAD ? 0
                                                : (size_t)d->net->cap_voxels * (size_t)v->c * sizeof(float);
    case GLINT_VALUE_ORDER:
        return (size_t)d->net->cap_voxels * sizeof(int32_t);
    case GLINT_VALUE_MAP:
        return v->parent < 0 ? glint_cuda_map_bytes(v->h, v->w, v->c, d->values[value].map.type) : 0;
    case GLINT_VALUE_BYTES:
        return glint_net_op(maker->op)->value ? glint_net_op(maker->op)->value(d, maker, i) : 0;
    default:
        return 0; /* voxels are the net's own; sites, rules and levels have no version here */
    }
}

static void size_values(struct glint_device_net *d)
{
    for (int32_t l = 0; l < d->net->n_layers; l++) {
        const struct glint_layer *layer = &d->net->layers[l];
        for (int32_t i = 0; i < layer->n_out; i++) {
            const size_t bytes = bytes_of(d, layer->out[i], layer, i);
            struct net_value *v = &d->values[layer->out[i]];
            v->bytes = bytes > v->bytes ? bytes : v->bytes;
        }
    }
    for (int32_t v = 0; v < d->net->n_values; v++) /* a map that is written in slices only */
        if (d->net->values[v].kind == GLINT_VALUE_MAP && d->net->values[v].parent < 0)
            d->values[v].bytes = bytes_of(d, v, NULL, 0);
}

/* Layers that are one launch: orders of the same voxels, branches at the same cells. */

static bool joins(const struct glint_layer *a, const struct glint_layer *b)
{
    if (a->op != b->op || a->stage != b->stage)
        return false;
    return a->op == GLINT_OP_WINDOW_ORDER ||
           (a->op == GLINT_OP_CENTER_BRANCH && a->in[0] == b->in[0] && a->in[1] == b->in[1]);
}

static void group_layers(struct glint_device_net *d)
{
    for (int32_t l = 0; l < d->net->n_layers; l++) {
        struct net_layer *first = &d->layers[l];
        const int32_t most = first->layer->op == GLINT_OP_WINDOW_ORDER ? 8 : GLINT_CENTER_BRANCHES;
        first->n_group = 1;
        while (l + 1 < d->net->n_layers && first->n_group < most &&
               joins(first->layer, &d->net->layers[l + 1])) {
            d->layers[++l].done_before = true;
            first->n_group++;
        }
    }
}

/* The block of a value lives from the layer that does the work of its maker to its last use; what is fetched
 * at the end, to the end. */
static struct glint_plan_block block_of(const struct glint_device_net *d, int32_t value)
{
    const struct glint_value *v = &d->net->values[value];
    struct glint_plan_block b = {
        .bytes = net_round(d->values[value].bytes), .first = v->first, .last = v->last};
    if (v->first < 0)
        b.bytes = 0;
    while (b.first > 0 && d->layers[b.first].done_before)
        b.first--;
    if (d->boxes && value == d->boxes_value)
        b.last = d->net->n_layers;
    return b;
}

static void place(struct glint_device_net *d, int32_t value, uint8_t *memory)
{
    struct net_value *v = &d->values[value];
    const struct glint_value *value_of = &d->net->values[value];
    v->data = memory;
    if (value_of->kind == GLINT_VALUE_MAP)
        v->map = glint_cuda_map_of(memory, value_of->h, value_of->w, value_of->c, v->map.type);
}

static void place_slices(struct glint_device_net *d)
{
    for (int32_t i = 0; i < d->net->n_values; i++) {
        const struct glint_value *v = &d->net->values[i];
        if (v->kind == GLINT_VALUE_MAP && v->parent >= 0)
            d->values[i].map = glint_cuda_map_slice(&d->values[v->parent].map, v->first_channel, v->c);
    }
}

/* Shared: one block in which all lie by their lifetimes. */
static int plan_shared(struct glint_device_net *d, struct glint_plan_block *blocks, size_t *bytes)
{
    const int32_t n = d->net->n_values;
    for (int32_t i = 0; i < n; i++)
        blocks[i] = block_of(d, i);
    for (int32_t l = 0; l < d->net->n_layers; l++)
        blocks[n + l] =
            (struct glint_plan_block){.bytes = net_round(d->layers[l].scratch_bytes), .first = l, .last = l};
    size_t planned;
    GLINT_TRY(glint_plan_blocks(blocks, n + d->net->n_layers, &planned));
    *bytes += glint_device_arena_round(planned);
    return GLINT_OK;
}

static int place_shared(struct glint_device_net *d, const struct glint_plan_block *blocks)
{
    const int32_t n = d->net->n_values;
    size_t planned = 0;
    void *memory;
    for (int32_t i = 0; i < n + d->net->n_layers; i++)
        if (blocks[i].offset + blocks[i].bytes > planned)
            planned = blocks[i].offset + blocks[i].bytes;
    GLINT_TRY(glint_device_arena_alloc(&d->memory, planned, &memory));
    for (int32_t i = 0; i < n; i++)
        place(d, i, (uint8_t *)memory + blocks[i].offset);
    for (int32_t l = 0; l < d->net->n_layers; l++)
        d->layers[l].scratch = (uint8_t *)memory + blocks[n + l].offset;
    return GLINT_OK;
}

/* Each by itself. */
static size_t apart_bytes(const struct glint_device_net *d)
{
    size_t bytes = 0;
    for (int32_t i = 0; i < d->net->n_values; i++)
        bytes += glint_device_arena_round(d->values[i].bytes);
    for (int32_t l = 0; l < d->net->n_layers; l++)
        bytes += glint_device_arena_round(d->layers[l].scratch_bytes);
    return bytes;
}

static int place_apart(struct glint_device_net *d)
{
    for (int32_t i = 0; i < d->net->n_values; i++) {
        void *memory;
        GLINT_TRY(glint_device_arena_alloc(&d->memory, d->values[i].bytes, &memory));
        place(d, i, memory);
    }
    for (int32_t l = 0; l < d->net->n_layers; l++)
        GLINT_TRY(glint_device_arena_alloc(&d->memory, d->layers[l].scratch_bytes, &d->layers[l].scratch));
    return GLINT_OK;
}

/* Everything else: voxels, counts, points of the slots, masks, a tap's map. */

static size_t in_bytes(const struct glint_device_net *d)
{
    return 256 + NET_FIELDS * (size_t)d->bucket[d->n_buckets - 1] * sizeof(float);
}

static size_t planes_bytes(const struct glint_device_net *d)
{
    size_t most = 0;
    for (int32_t i = 0; i < d->net->n_values; i++) {
        const struct glint_value *v = &d->net->values[i];
        const size_t bytes = (size_t)v->h * (size_t)v->w * (size_t)v->c * sizeof(float);
        most = v->kind == GLINT_VALUE_MAP && bytes > most ? bytes : most;
    }
    return d->settings.keep_stages ? most : 0;
}

static bool makes_masks(const struct glint_device_net *d)
{
    for (int32_t l = 0; l < d->net->n_layers; l++)
        if (d->net->layers[l].op == GLINT_OP_POINT_HEAD)
            return true;
    return false;
}

static size_t masks_bytes(const struct glint_device_net *d)
{
    return makes_masks(d) ? 2 * net_round((size_t)d->net->cap_points) : 0;
}

static int take_rest(struct glint_device_net *d)
{
    void *memory;
    const int32_t cap_points = d->net->cap_points, cap_voxels = d->net->cap_voxels;
    GLINT_TRY(glint_device_arena_alloc(&d->memory, glint_voxels_cuda_bytes(cap_points, cap_voxels), &memory));
    glint_voxels_cuda_init(&d->voxels, memory, cap_points, cap_voxels);
    GLINT_TRY(glint_device_arena_alloc(&d->memory, NET_COUNTS * sizeof(int32_t), &memory));
    d->counts = memory;
    if (masks_bytes(d) > 0) {
        GLINT_TRY(glint_device_arena_alloc(&d->memory, masks_bytes(d), &memory));
        d->masks = memory;
    }
    if (planes_bytes(d) > 0) {
        GLINT_TRY(glint_device_arena_alloc(&d->memory, planes_bytes(d), &memory));
        d->planes = memory;
        d->host_planes = malloc(planes_bytes(d));
        if (!d->host_planes)
            return glint_fail(GLINT_E_NOMEM, "no memory for a map of %zu bytes", planes_bytes(d));
    }
    d->out_bytes = 256 + NET_COUNTS * sizeof(int32_t) + net_round(d->boxes_bytes) + masks_bytes(d);
    for (int i = 0; i < NET_SLOTS; i++) {
        GLINT_TRY(glint_device_arena_alloc(&d->memory, in_bytes(d), &memory));
        d->slot[i].device_in = memory;
        GLINT_TRY(glint_device_arena_alloc(&d->pinned, in_bytes(d), &memory));
        d->slot[i].host_in = memory;
        GLINT_TRY(glint_device_arena_alloc(&d->pinned, d->out_bytes, &memory));
        d->slot[i].host_out = memory;
    }
    return glint_stream_fill(d->work, d->counts, 0, NET_COUNTS * sizeof(int32_t));
}

static size_t rest_bytes(const struct glint_device_net *d)
{
    return glint_device_arena_round(glint_voxels_cuda_bytes(d->net->cap_points, d->net->cap_voxels)) +
           glint_device_arena_round(NET_COUNTS * sizeof(int32_t)) + glint_device_arena_round(masks_bytes(d)) +
           glint_device_arena_round(planes_bytes(d)) + NET_SLOTS * glint_device_arena_round(in_bytes(d));
}

int glint_net_count(struct glint_device_net *d, int32_t *index_out)
{
    if (d->n_counts >= NET_COUNTS)
        return glint_fail(GLINT_E_UNSUPPORTED, "a network of more than %d lists on a device", NET_COUNTS);
    *index_out = d->n_counts++;
    return GLINT_OK;
}

/* Weights: packed in host memory, copied at once. */

static int load_weights(struct glint_device_net *d)
{
    size_t bytes = 0;
    for (int32_t l = 0; l < d->net->n_layers; l++)
        bytes += net_round(d->layers[l].weight_bytes);
    GLINT_TRY(glint_device_arena_open(d->device, glint_device_arena_round(bytes), 0, &d->weights));
    void *memory;
    GLINT_TRY(glint_device_arena_alloc(&d->weights, bytes, &memory));
    struct glint_arena host;
    GLINT_TRY(glint_arena_init(&host, bytes + 256));
    uint8_t *base = glint_arena_alloc(&host, bytes);
    memset(base, 0, bytes);
    size_t at = 0;
    for (int32_t l = 0; l < d->net->n_layers; l++) {
        struct net_layer *layer = &d->layers[l];
        const struct net_op *op = glint_net_op(layer->layer->op);
        layer->weights = (uint8_t *)memory + at;
        if (op->pack && !layer->done_before)
            op->pack(d, layer, base + at);
        at += net_round(layer->weight_bytes);
    }
    int status = glint_stream_upload(d->work, memory, base, bytes);
    if (status == GLINT_OK)
        status = glint_stream_wait(d->work);
    glint_arena_fini(&host);
    return status;
}

int glint_net_plan(struct glint_device_net *d)
{
    choose_types(d);
    group_layers(d);
    size_values(d);
    for (int32_t l = 0; l < d->net->n_layers; l++) {
        const struct net_op *op = glint_net_op(d->net->layers[l].op);
        if (op->size && !d->layers[l].done_before)
            GLINT_TRY(op->size(d, &d->layers[l]));
    }
    const size_t n = (size_t)d->net->n_values + (size_t)d->net->n_layers;
    struct glint_plan_block *blocks = calloc(n + 1, sizeof *blocks);
    if (!blocks)
        return glint_fail(GLINT_E_NOMEM, "no memory to plan %zu blocks", n);
    size_t bytes = rest_bytes(d);
    int status = glint_net_sparse_size(d, &bytes);
    if (status == GLINT_OK && d->settings.keep_stages)
        bytes += apart_bytes(d);
    else if (status == GLINT_OK)
        status = plan_shared(d, blocks, &bytes);
    if (status == GLINT_OK)
        status = glint_device_arena_open(d->device, bytes, 0, &d->memory);
    if (status == GLINT_OK)
        status = d->settings.keep_stages ? place_apart(d) : place_shared(d, blocks);
    free(blocks);
    GLINT_TRY(status);
    place_slices(d);
    const size_t out = 256 + NET_COUNTS * sizeof(int32_t) + net_round(d->boxes_bytes) + masks_bytes(d);
    GLINT_TRY(glint_device_arena_open(
        d->device, NET_SLOTS * (glint_device_arena_round(in_bytes(d)) + glint_device_arena_round(out)), 1,
        &d->pinned));
    GLINT_TRY(take_rest(d));
    return load_weights(d);
}
