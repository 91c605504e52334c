/* model/cuda/net_sparse.c - a network's maps at active pixels only, on a device; see net.h and
 * model/sparse.h.
 *
 * What model/sparse.c works out frame by frame is the same every frame but for the pillars: here it is a list
 * of steps, written once, that one launch runs. Each layer then has lists of the pixels that it computes and
 * of those at which its background is read. The background comes from the device's own kernels, run once over
 * the small grid, so that it is what they would have computed there. */
#include "core/status.h"
#include "model/cuda/net.h"
#include "model/flatpoint.h"
#include "model/sparse.h"
#include <stdlib.h>

#define MOST_STEPS 4096

struct maps { /* a map value's sets */
    struct glint_active active, reads;
    struct glint_cuda_map small; /* the value on the small grid, as its last writer left it */
    bool written;
    struct glint_cuda_places places; /* active, listed; tiles NULL: not listed */
};

struct net_sparse {
    const struct glint_net *net;
    struct maps *values;
    struct glint_active more, wide; /* of the largest map */
    struct glint_active_step *list; /* on the host, while it is written */
    struct glint_active_step *steps;
    int32_t n_steps;
    size_t bytes; /* of the device, when sized */
    struct glint_device_arena *arena;
    int status;
};

static int32_t root_of(const struct glint_net *net, int32_t value)
{
    const int32_t parent = net->values[value].parent;
    return parent < 0 ? value : parent;
}

static struct glint_active of_size(struct glint_active set, const struct glint_active *like)
{
    return (struct glint_active){like->h, like->w, like->words, set.bits};
}

/* Memory: called without an arena it only adds up. */

static void *take(struct net_sparse *s, size_t bytes)
{
    void *memory = NULL;
    s->bytes += glint_device_arena_round(bytes);
    if (s->arena && s->status == GLINT_OK)
        s->status = glint_device_arena_alloc(s->arena, bytes, &memory);
    return memory;
}

static struct glint_active take_set(struct net_sparse *s, int32_t h, int32_t w)
{
    return (struct glint_active){h, w, (w + 63) / 64, take(s, glint_active_bytes(h, w))};
}

static void take_sets(struct glint_device_net *d, struct net_sparse *s)
{
    int32_t h = 1, w = 1;
    for (int32_t v = 0; v < s->net->n_values; v++) {
        const struct glint_value *value = &s->net->values[v];
        if (!glint_sparse_shape(d->run->sparse, v).made)
            continue;
        s->values[v].active = take_set(s, value->h, value->w);
        s->values[v].reads = take_set(s, value->h, value->w);
        h = value->h > h ? value->h : h;
        w = value->w > w ? value->w : w;
    }
    s->more = take_set(s, h, w);
    s->wide = take_set(s, h, w);
    s->steps = take(s, MOST_STEPS * sizeof *s->steps);
}

static void take_small(struct glint_device_net *d, struct net_sparse *s, int32_t value)
{
    const struct glint_sparse_shape shape = glint_sparse_shape(d->run->sparse, value);
    const struct glint_value *v = &s->net->values[value];
    const enum glint_dtype type = d->values[value].map.type;
    void *memory = take(s, glint_cuda_map_bytes(shape.small_h, shape.small_w, v->c, type));
    if (memory)
        s->values[value].small = glint_cuda_map_of(memory, shape.small_h, shape.small_w, v->c, type);
}

/* The small map that a layer writes: a value that is written again gets another one. */
static struct glint_cuda_map small_out(struct glint_device_net *d, struct net_sparse *s, int32_t value)
{
    const int32_t root = root_of(s->net, value);
    struct maps *v = &s->values[value], *whole = &s->values[root];
    if (v->written || !whole->written)
        take_small(d, s, root);
    v->written = whole->written = true;
    if (root != value && whole->small.data)
        v->small =
            glint_cuda_map_slice(&whole->small, s->net->values[value].first_channel, s->net->values[value].c);
    return v->small;
}

static bool makes_map(const struct glint_device_net *d, const struct glint_layer *layer)
{
    return layer->n_out > 0 && glint_sparse_has(d->run->sparse, layer);
}

/* Steps */

static void step(struct net_sparse *s, struct glint_active_step step)
{
    if (s->n_steps >= MOST_STEPS) {
        s->status = glint_fail(GLINT_E_UNSUPPORTED, "a network of more than %d steps of pixels", MOST_STEPS);
        return;
    }
    if (s->list)
        s->list[s->n_steps] = step;
    s->n_steps++;
}

static void two(struct net_sparse *s, enum glint_active_op op, struct glint_active to,
                struct glint_active from, int32_t value)
{
    step(s, (struct glint_active_step){.op = op, .to = to, .from = from, .value = value});
}

static const struct glint_conv_params *conv_of(const struct glint_layer *layer)
{
    return layer->params;
}

static bool strided(const struct glint_layer *layer)
{
    return layer->op == GLINT_OP_CONV2X2 || (layer->op == GLINT_OP_CONV1X1 && conv_of(layer)->stride > 1);
}

static bool is_3x3(const struct glint_layer *layer)
{
    return layer->op == GLINT_OP_CONV3X3 || strided(layer);
}

/* As far as a kernel of cells `dilation` apart reaches, and what is as near. */
static void grow_wide(struct net_sparse *s, struct glint_active in, int32_t dilation, struct glint_active out)
{
    const struct glint_active wide = of_size(s->wide, &out);
    two(s, GLINT_ACTIVE_GROW, out, in, 1);
    for (int32_t i = 1; i < dilation; i++) {
        two(s, GLINT_ACTIVE_COPY, wide, out, 0);
        two(s, GLINT_ACTIVE_GROW, out, wide, 1);
    }
}

static void activate_set(struct net_sparse *s, const struct glint_layer *layer, struct glint_active more)
{
    const struct glint_patch_merge_params *merge = layer->params;
    const bool merges = layer->op == GLINT_OP_PATCH_MERGE;
    two(s, GLINT_ACTIVE_CLEAR, more, more, 0);
    step(s, (struct glint_active_step){.op = GLINT_ACTIVE_SET,
                                       .to = more,
                                       .value = merges ? merge->merge.stride : 1,
                                       .row_axis = merges ? merge->merge.row_axis : 1});
}

static void activate(struct glint_device_net *d, struct net_sparse *s, const struct glint_layer *layer)
{
    const int32_t to = layer->out[0], whole = root_of(s->net, to);
    struct maps *out = &s->values[to];
    const struct glint_active more = of_size(s->more, &out->active);
    const struct glint_active in = s->values[root_of(s->net, layer->in[0])].active;
    if (layer == glint_sparse_input(d->run->sparse))
        activate_set(s, layer, more);
    else if (layer->op == GLINT_OP_CONV3X3_WIDE)
        grow_wide(s, in, conv_of(layer)->dilation, more);
    else if (layer->op == GLINT_OP_DECONV)
        two(s, GLINT_ACTIVE_UPSAMPLE, more, in,
            ((const struct glint_deconv_params *)layer->params)->affine.kernel);
    else if (is_3x3(layer))
        two(s, GLINT_ACTIVE_GROW, more, in, conv_of(layer)->stride);
    else
        two(s, GLINT_ACTIVE_COPY, more, in, 0);
    two(s, GLINT_ACTIVE_ADD, out->active, more, 0);
    if (layer->n_in > 1 && layer != glint_sparse_input(d->run->sparse))
        two(s, GLINT_ACTIVE_ADD, out->active, s->values[root_of(s->net, layer->in[1])].active, 0);
    if (whole != to)
        two(s, GLINT_ACTIVE_ADD, s->values[whole].active, out->active, 0);
}

/* What a layer reads of its maps besides their active pixels. Branches read the background where they need
 * it. */
static void read_maps(struct glint_device_net *d, struct net_sparse *s, const struct glint_layer *layer)
{
    for (int32_t i = 0; i < layer->n_in; i++) {
        const int32_t from = root_of(s->net, layer->in[i]);
        struct maps *in = &s->values[from];
        if (!glint_sparse_shape(d->run->sparse, from).made || layer->op == GLINT_OP_CENTER_BRANCH)
            continue;
        if (!makes_map(d, layer)) {
            two(s, GLINT_ACTIVE_ALL, in->reads, in->reads, 0);
            continue;
        }
        const struct glint_active out = s->values[layer->out[0]].active, more = of_size(s->more, &in->reads);
        if (i == 0 && layer->op == GLINT_OP_CONV3X3_WIDE)
            grow_wide(s, out, conv_of(layer)->dilation, more);
        else if (i == 0 && is_3x3(layer))
            two(s, GLINT_ACTIVE_READS, more, out, conv_of(layer)->stride);
        else if (layer->op != GLINT_OP_DECONV) /* which reads active pixels only */
            two(s, GLINT_ACTIVE_COPY, more, out, 0);
        else
            continue;
        two(s, GLINT_ACTIVE_ADD, in->reads, more, 0);
    }
}

/* Lists: of the pixels that a layer computes, once per map, and of those that it fills. */

static int32_t *count(struct glint_device_net *d, struct net_sparse *s)
{
    int32_t index = 0;
    if (s->arena && s->status == GLINT_OK)
        s->status = glint_net_count(d, &index);
    return s->arena ? d->counts + index : NULL;
}

static const struct glint_pixel *list_pixels(struct glint_device_net *d, struct net_sparse *s,
                                             const struct glint_active *set, const int32_t **n_out,
                                             int32_t *cap_out)
{
    *cap_out = set->h * set->w;
    struct glint_pixel *list = take(s, (size_t)*cap_out * sizeof *list);
    int32_t *n = count(d, s);
    step(s, (struct glint_active_step){.op = GLINT_ACTIVE_LIST, .from = *set, .list = list, .n = n});
    *n_out = n;
    return list;
}

static void list_places(struct glint_device_net *d, struct net_sparse *s, int32_t value, bool tiles)
{
    struct maps *v = &s->values[value];
    struct glint_cuda_places *p = &v->places;
    if (p->cap_pixels == 0)
        p->pixels = list_pixels(d, s, &v->active, &p->n_pixels, &p->cap_pixels);
    if (!tiles || p->cap_tiles > 0)
        return;
    p->cap_tiles = glint_cuda_cap_tiles(v->active.h, v->active.w);
    struct glint_cuda_tile *list = take(s, (size_t)p->cap_tiles * sizeof *list);
    int32_t *n = count(d, s);
    step(s, (struct glint_active_step){.op = GLINT_ACTIVE_TILES, .from = v->active, .list = list, .n = n});
    p->tiles = list;
    p->n_tiles = n;
}

static int32_t computed(const struct net_sparse *s, const struct glint_layer *layer)
{
    return layer->op == GLINT_OP_DECONV ? root_of(s->net, layer->in[0]) : layer->out[0];
}

static void list_layer(struct glint_device_net *d, struct net_sparse *s, struct net_layer *l)
{
    const struct glint_layer *layer = l->layer;
    const int32_t to = layer->out[0], at = computed(s, layer);
    const struct glint_active rest = of_size(s->more, &s->values[to].active);
    list_places(d, s, at, layer->op == GLINT_OP_CONV3X3);
    if (layer->op == GLINT_OP_DECONV)
        list_places(d, s, to, false); /* for the count alone */
    l->places = s->values[at].places;
    if (layer->op == GLINT_OP_PATCH_MERGE) /* writes all pixels */
        return;
    two(s, GLINT_ACTIVE_COPY, rest, s->values[root_of(s->net, to)].reads, 0);
    two(s, GLINT_ACTIVE_REMOVE, rest, s->values[to].active, 0);
    l->fill = list_pixels(d, s, &rest, &l->n_fill, &l->cap_fill);
}

static void write_steps(struct glint_device_net *d, struct net_sparse *s)
{
    const struct glint_net *net = s->net;
    for (int32_t v = 0; v < net->n_values; v++)
        if (glint_sparse_shape(d->run->sparse, v).made) {
            two(s, GLINT_ACTIVE_CLEAR, s->values[v].active, s->values[v].active, 0);
            two(s, GLINT_ACTIVE_CLEAR, s->values[v].reads, s->values[v].reads, 0);
        }
    for (int32_t i = 0; i < net->n_layers; i++)
        if (makes_map(d, &net->layers[i]))
            activate(d, s, &net->layers[i]);
    for (int32_t i = 0; i < net->n_layers; i++)
        read_maps(d, s, &net->layers[i]);
    for (int32_t v = 0; d->settings.keep_stages && v < net->n_values; v++)
        if (glint_sparse_shape(d->run->sparse, v).made &&
            net->values[v].parent < 0) /* a tap reads all of it */
            two(s, GLINT_ACTIVE_ALL, s->values[v].reads, s->values[v].reads, 0);
    for (int32_t i = 0; i < net->n_layers; i++)
        if (makes_map(d, &net->layers[i]))
            list_layer(d, s, &d->layers[i]);
}

/* The backgrounds */

static int run_small_layer(struct glint_device_net *d, struct net_sparse *s, struct net_layer *l, bool run)
{
    const struct glint_layer *layer = l->layer;
    const struct glint_cuda_map in = s->values[layer->in[0]].small,
                                other = s->values[layer->in[layer->n_in > 1]].small;
    const struct glint_cuda_map out = small_out(d, s, layer->out[0]);
    const struct glint_cuda_places all = {0};
    l->background = (struct glint_cuda_background){
        out, glint_sparse_period(d->run->sparse) / glint_sparse_shape(d->run->sparse, layer->out[0]).stride};
    if (!run || s->status != GLINT_OK)
        return s->status;
    if (layer != glint_sparse_input(d->run->sparse))
        return glint_net_map_layer(d, l, &in, layer->n_in > 1 ? &other : NULL, &out, &all);
    return glint_net_op(layer->op)->empty(d, l, &out);
}

static int run_small(struct glint_device_net *d, struct net_sparse *s, bool run)
{
    for (int32_t v = 0; v < s->net->n_values; v++)
        s->values[v].written = false;
    for (int32_t i = 0; i < s->net->n_layers; i++)
        if (makes_map(d, &s->net->layers[i]))
            GLINT_TRY(run_small_layer(d, s, &d->layers[i], run));
    return GLINT_OK;
}

int glint_net_sparse_size(struct glint_device_net *d, size_t *bytes)
{
    if (!d->run->sparse)
        return GLINT_OK;
    struct net_sparse *s = calloc(1, sizeof *s);
    struct maps *values = calloc((size_t)d->net->n_values + 1, sizeof *values);
    if (!s || !values) {
        free(s);
        free(values);
        return glint_fail(GLINT_E_NOMEM, "no memory for the maps of %d values", d->net->n_values);
    }
    d->sparse = s;
    s->net = d->net;
    s->values = values;
    take_sets(d, s);
    write_steps(d, s);
    GLINT_TRY(run_small(d, s, false));
    *bytes += s->bytes;
    for (int32_t v = 0; v < d->net->n_values; v++)
        values[v] = (struct maps){0};
    return s->status;
}

int glint_net_sparse_open(struct glint_device_net *d)
{
    struct net_sparse *s = d->sparse;
    if (!s)
        return GLINT_OK;
    s->arena = &d->memory;
    s->n_steps = 0;
    take_sets(d, s);
    s->list = calloc(MOST_STEPS, sizeof *s->list);
    if (!s->list)
        return glint_fail(GLINT_E_NOMEM, "no memory for %d steps", MOST_STEPS);
    write_steps(d, s);
    int status = s->status;
    if (status == GLINT_OK)
        status = glint_stream_fill(d->work, d->voxels.count, 0, GLINT_VOXELS_COUNTS * sizeof(int32_t));
    if (status == GLINT_OK)
        status = run_small(d, s, true);
    if (status == GLINT_OK)
        status = glint_stream_upload(d->work, s->steps, s->list, (size_t)s->n_steps * sizeof *s->list);
    if (status == GLINT_OK)
        status = glint_stream_wait(d->work);
    free(s->list);
    s->list = NULL;
    return status;
}

void glint_net_sparse_close(struct net_sparse *s)
{
    if (!s)
        return;
    free(s->values);
    free(s);
}

int glint_net_sparse_run(const struct glint_device_net *d, struct glint_stream *s)
{
    return glint_active_run_cuda(s, d->sparse->steps, d->sparse->n_steps, d->voxels.coord,
                                 d->voxels.count + GLINT_VOXELS_N);
}

/* Beside the stretch of layers before the one that begins the maps, unless that is the one that makes the
 * voxels. */
bool glint_net_sparse_beside(const struct glint_device_net *d, int32_t first, int32_t end)
{
    if (!d->sparse)
        return false;
    const int32_t input = (int32_t)(glint_sparse_input(d->run->sparse) - d->net->layers);
    for (int32_t i = 1; i < d->n_stretches; i++)
        if (input >= d->stretch[i].first && input < d->stretch[i].end) {
            const struct net_stretch *before = &d->stretch[i > 1 ? i - 1 : i];
            return before->first == first && before->end == end;
        }
    return false;
}

double glint_net_pixels(const struct glint_device_net *d, const struct net_layer *l, const int32_t *counts,
                        bool of_output)
{
    const struct glint_layer *layer = l->layer;
    const int32_t value = of_output ? layer->out[0] : computed(&(struct net_sparse){.net = d->net}, layer);
    const struct glint_value *v = &d->net->values[value];
    const struct glint_cuda_places *p = d->sparse ? &d->sparse->values[value].places : NULL;
    return p && p->n_pixels ? counts[p->n_pixels - d->counts] : (double)v->h * v->w;
}

struct glint_cuda_shared glint_net_shared(const struct glint_device_net *d, int32_t value)
{
    struct glint_cuda_shared shared = {.map = d->values[value].map};
    if (!d->sparse)
        return shared;
    shared.active = d->sparse->values[value].active;
    for (int32_t i = 0; i < d->net->n_layers; i++)
        if (d->net->layers[i].n_out && d->net->layers[i].out[0] == value)
            shared.background = d->layers[i].background;
    return shared;
}
