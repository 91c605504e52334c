/* model/sparse.c - see sparse.h. */
#include "model/sparse.h"
#include "core/status.h"
#include "model/active.h"
#include "model/flatpoint.h"
#include "model/ops.h"
#include "model/run.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct state {      /* of one value; unused for those that are not maps */
    bool made;      /* by a layer that we run */
    int32_t stride; /* input pixels per pixel */
    int32_t reach;  /* input pixels on each side that a pixel depends on */
    int32_t small_h, small_w;
    struct glint_map small;     /* the value while the network runs on the small grid */
    struct glint_active active; /* computed pixels; of a map with slices: of any of them */
    struct glint_active reads;  /* pixels that any layer reads; kept for maps, not for slices */
};

struct glint_sparse {
    const struct glint_net *net;
    struct state *values;         /* net->n_values */
    struct glint_map *background; /* net->n_layers: what each gives for an empty frame, on the small grid */
    const struct glint_layer *input; /* the one that writes pillars to a map */
    int32_t period;                  /* the largest stride: a multiple of all */
    struct glint_arena memory;
    struct glint_active work, wanted; /* room for the largest map; work is resized by `borrow` */
    struct glint_pixel *list;
    struct glint_tile *tiles;
};

/* The map that a value is, or is a slice of. */
static int32_t root(const struct glint_net *net, int32_t value)
{
    const int32_t parent = net->values[value].parent;
    return parent < 0 ? value : parent;
}

static int32_t conv_stride(const struct glint_layer *layer)
{
    return ((const struct glint_conv_params *)layer->params)->stride;
}

/* Treated as if it read what a 3x3 one of its stride does: somewhat more. */
static int32_t conv_dilation(const struct glint_layer *layer)
{
    return ((const struct glint_conv_params *)layer->params)->dilation;
}

static bool strided(const struct glint_layer *layer)
{
    return layer->op == GLINT_OP_CONV2X2 || (layer->op == GLINT_OP_CONV1X1 && conv_stride(layer) > 1);
}

static bool is_input(const struct glint_layer *layer)
{
    return layer->op == GLINT_OP_BEV_SCATTER || layer->op == GLINT_OP_PATCH_MERGE ||
           layer->op == GLINT_OP_SITES_TO_MAP;
}

static bool by_tiles(const struct glint_layer *layer)
{
    return layer->op == GLINT_OP_CONV3X3 && ((const struct glint_conv_params *)layer->params)->tiles.n > 0;
}

static int32_t deconv_scale(const struct glint_layer *layer)
{
    return ((const struct glint_deconv_params *)layer->params)->affine.kernel;
}

static bool makes_map(const struct glint_net *net, const struct glint_layer *layer)
{
    for (int32_t i = 0; i < layer->n_out; i++)
        if (net->values[layer->out[i]].kind == GLINT_VALUE_MAP)
            return true;
    return false;
}

/* Opening: strides, reaches and small sizes, forward through the layers; false: whole maps it is. */

static bool derive_values(const struct glint_layer *layer, const struct state *in, struct state *out)
{
    out->stride = in->stride;
    out->reach = in->reach;
    switch (layer->op) {
    case GLINT_OP_CONV3X3:
    case GLINT_OP_CONV2X2:
        out->stride *= conv_stride(layer);
        out->reach += in->stride;
        return true;
    case GLINT_OP_CONV3X3_WIDE:
        out->reach += conv_dilation(layer) * in->stride;
        return true;
    case GLINT_OP_CONV1X1:
        out->stride *= conv_stride(layer);
        return true;
    case GLINT_OP_DECONV:
        out->reach += in->stride;
        out->stride /= deconv_scale(layer);
        return in->stride % deconv_scale(layer) == 0;
    default:
        return layer->op == GLINT_OP_ADD;
    }
}

static bool derive_layer(struct glint_sparse *s, const struct glint_layer *layer)
{
    struct state *out = &s->values[layer->out[0]], *whole = &s->values[root(s->net, layer->out[0])];
    for (int32_t i = 0; i < layer->n_out; i++) /* other names of the same map are fine */
        if ((i == 0 || s->net->values[layer->out[i]].kind == GLINT_VALUE_MAP) &&
            root(s->net, layer->out[i]) != root(s->net, layer->out[0]))
            return false;
    if (is_input(layer)) {
        if (s->input) /* one is enough */
            return false;
        s->input = layer;
        out->stride = 1;
    } else {
        const struct state *in = &s->values[root(s->net, layer->in[0])];
        const struct state *other = &s->values[root(s->net, layer->in[layer->n_in > 1])];
        if (!in->made || !other->made || !derive_values(layer, in, out))
            return false;
        out->reach = out->reach > other->reach ? out->reach : other->reach;
    }
    if (whole->made && whole->stride != out->stride)
        return false;
    whole->reach = whole->reach > out->reach ? whole->reach : out->reach;
    whole->stride = out->stride;
    whole->made = out->made = true;
    return true;
}

static bool derive(struct glint_sparse *s)
{
    for (int32_t i = 0; i < s->net->n_layers; i++)
        if (makes_map(s->net, &s->net->layers[i]) && !derive_layer(s, &s->net->layers[i]))
            return false;
    return s->input;
}

/* Twice the reach and some periods, in step with the whole side; 0: that is not smaller than the side. */
static int32_t small_side(int32_t side, int32_t reach, int32_t period)
{
    const int32_t least = 2 * reach + 4 * period;
    return least + period < side ? least + (side - least) % period : 0;
}

static void small_size(struct glint_sparse *s, const struct glint_layer *layer)
{
    struct state *out = &s->values[layer->out[0]], *whole = &s->values[root(s->net, layer->out[0])];
    const struct state *in = &s->values[root(s->net, layer->in[0])];
    out->small_h = in->small_h;
    out->small_w = in->small_w;
    if (layer->op == GLINT_OP_CONV2X2) {
        out->small_h = in->small_h / 2;
        out->small_w = in->small_w / 2;
    } else if (layer->op == GLINT_OP_CONV3X3 || layer->op == GLINT_OP_CONV1X1) {
        out->small_h = (in->small_h - 1) / conv_stride(layer) + 1;
        out->small_w = (in->small_w - 1) / conv_stride(layer) + 1;
    } else if (layer->op == GLINT_OP_DECONV) {
        out->small_h = in->small_h * deconv_scale(layer);
        out->small_w = in->small_w * deconv_scale(layer);
    }
    whole->small_h = out->small_h;
    whole->small_w = out->small_w;
}

static bool derive_small(struct glint_sparse *s)
{
    int32_t reach = 0;
    s->period = 1;
    for (int32_t v = 0; v < s->net->n_values; v++) {
        const struct state *state = &s->values[v];
        reach = state->made && state->reach > reach ? state->reach : reach;
        s->period = state->made && state->stride > s->period ? state->stride : s->period;
    }
    struct state *input = &s->values[s->input->out[0]];
    input->small_h = small_side(s->net->values[s->input->out[0]].h, reach, s->period);
    input->small_w = small_side(s->net->values[s->input->out[0]].w, reach, s->period);
    for (int32_t v = 0; v < s->net->n_values; v++)
        if (s->values[v].made && s->period % s->values[v].stride != 0)
            return false;
    for (int32_t i = 0; i < s->net->n_layers; i++)
        if (makes_map(s->net, &s->net->layers[i]) && &s->net->layers[i] != s->input)
            small_size(s, &s->net->layers[i]);
    return input->small_h > 0 && input->small_w > 0 && root(s->net, s->input->out[0]) == s->input->out[0];
}

/* Memory: small maps, sets, lists. Called without an arena it only adds up. */

static void *take(struct glint_arena *arena, size_t bytes, size_t *total)
{
    *total += glint_arena_round(bytes);
    return arena ? glint_arena_alloc(arena, bytes) : NULL;
}

/* half: rounded as the value is, and so in both formats. */
static void take_map(struct glint_arena *arena, const struct state *state, const struct glint_value *value,
                     bool half, struct glint_map *map, size_t *total)
{
    const int32_t h = state->small_h, w = state->small_w, c = value->c;
    const size_t floats = glint_arena_round(glint_map_bytes(h, w, c));
    const size_t bytes = floats + (half ? glint_map_half_bytes(h, w, c, value->block) : 0);
    uint8_t *memory = take(arena, bytes, total);
    if (!memory)
        return;
    memset(memory, 0, bytes);
    glint_map_init(map, memory, h, w, c);
    if (half)
        glint_map_add_half(map, memory + floats, value->block);
}

static size_t carve(struct glint_sparse *s, struct glint_arena *arena)
{
    size_t total = 0, most_bits = 0, most_pixels = 0, most_tiles = 0;
    for (int32_t v = 0; v < s->net->n_values; v++) {
        struct state *state = &s->values[v];
        const struct glint_value *value = &s->net->values[v];
        if (!state->made)
            continue;
        const size_t bits = glint_active_bytes(value->h, value->w);
        const size_t pixels = (size_t)value->h * (size_t)value->w * sizeof(struct glint_pixel);
        most_bits = bits > most_bits ? bits : most_bits;
        const size_t tiles = glint_active_cap_tiles(value->h, value->w) * sizeof(struct glint_tile);
        most_pixels = pixels > most_pixels ? pixels : most_pixels;
        most_tiles = tiles > most_tiles ? tiles : most_tiles;
        void *active = take(arena, bits, &total), *reads = take(arena, bits, &total);
        if (arena) {
            glint_active_init(&state->active, active, value->h, value->w);
            glint_active_init(&state->reads, reads, value->h, value->w);
        }
        if (value->parent < 0)
            take_map(arena, state, value, value->half, &state->small, &total);
    }
    for (int32_t i = 0; i < s->net->n_layers; i++) {
        const int32_t to = s->net->layers[i].out[0];
        if (makes_map(s->net, &s->net->layers[i]))
            take_map(arena, &s->values[to], &s->net->values[to], false, &s->background[i], &total);
    }
    s->work.bits = take(arena, most_bits, &total);
    s->wanted.bits = take(arena, most_bits, &total);
    s->list = take(arena, most_pixels, &total);
    s->tiles = take(arena, most_tiles, &total);
    return total;
}

static void open_slices(struct glint_sparse *s)
{
    for (int32_t v = 0; v < s->net->n_values; v++) {
        const struct glint_value *value = &s->net->values[v];
        if (s->values[v].made && value->parent >= 0)
            s->values[v].small =
                glint_map_slice(&s->values[value->parent].small, value->first_channel, value->c);
    }
}

/* What one layer reads and writes. */
struct maps {
    struct glint_map in, other, out;
};

static void add_at(const struct maps *m, const struct glint_pixel *list, int32_t n)
{
    for (int32_t i = 0; i < n; i++) {
        const float *a = m->in.data + list[i].y * m->in.pitch + list[i].x * m->in.ld;
        const float *b = m->other.data + list[i].y * m->other.pitch + list[i].x * m->other.ld;
        float *out = m->out.data + list[i].y * m->out.pitch + list[i].x * m->out.ld;
        for (int32_t c = 0; c < m->out.c; c++)
            out[c] = a[c] + b[c];
    }
}

/* The layer at the pixels of `at`: of its output, of a transposed convolution's input. */
static int compute(struct glint_sparse *s, struct glint_exec *x, const struct glint_layer *layer,
                   const struct maps *m, const struct glint_active *at)
{
    const struct glint_conv_params *conv = layer->params;
    const struct glint_deconv_params *deconv = layer->params;
    const struct glint_map *residual = layer->n_in > 1 ? &m->other : NULL;
    if (by_tiles(layer))
        return glint_conv_tiles(x, &m->in, &conv->tiles, conv->act, residual, &m->out, s->tiles,
                                glint_active_tiles(at, s->tiles));
    const int32_t n = glint_active_list(at, s->list);
    switch (layer->op) {
    case GLINT_OP_CONV3X3:
        return glint_conv3x3_at(x, &m->in, &conv->weights, conv->stride, conv->act, residual, &m->out,
                                s->list, n);
    case GLINT_OP_CONV3X3_WIDE:
        return glint_conv3x3_wide_at(x, &m->in, &conv->weights, conv->dilation, conv->act, residual, &m->out,
                                     s->list, n);
    case GLINT_OP_CONV2X2:
        return glint_conv2x2_at(x, &m->in, &conv->weights, conv->act, &m->out, s->list, n);
    case GLINT_OP_CONV1X1:
        return glint_conv1x1_at(x, &m->in, &conv->weights, conv->stride, conv->act, &m->out, s->list, n);
    case GLINT_OP_DECONV:
        return glint_deconv_at(x, &m->in, deconv->weights, deconv->affine.kernel, deconv->act, &m->out,
                               s->list, n);
    default:
        assert(layer->op == GLINT_OP_ADD);
        add_at(m, s->list, n);
        glint_map_round(x, &m->out);
        return GLINT_OK;
    }
}

/* An empty set, lent until the next call. */
static struct glint_active *borrow(struct glint_sparse *s, int32_t h, int32_t w)
{
    glint_active_init(&s->work, s->work.bits, h, w);
    return &s->work;
}

static void copy_map(const struct glint_map *from, const struct glint_map *to)
{
    for (int32_t y = 0; y < to->h; y++)
        for (int32_t x = 0; x < to->w; x++)
            memcpy(to->data + y * to->pitch + x * to->ld, from->data + y * from->pitch + x * from->ld,
                   (size_t)to->c * sizeof(float));
}

/* No pillars: a scattered map is zero, as it is; a merged one has a bias. */
static int run_small_input(struct glint_sparse *s, struct glint_exec *x, const struct glint_map *small)
{
    const struct glint_patch_merge_params *p = s->input->params;
    if (s->input->op != GLINT_OP_PATCH_MERGE)
        return GLINT_OK;
    return glint_patch_merge(x, &p->merge, NULL, NULL, 0, small,
                             (int32_t *)s->list); /* a place per pixel is enough */
}

/* The network's maps for an empty frame, on the small grid. */
static int run_small(struct glint_sparse *s, struct glint_exec *x)
{
    for (int32_t i = 0; i < s->net->n_layers; i++) {
        const struct glint_layer *layer = &s->net->layers[i];
        if (layer == s->input) {
            GLINT_TRY(run_small_input(s, x, &s->values[layer->out[0]].small));
            copy_map(&s->values[layer->out[0]].small, &s->background[i]);
        }
        if (!makes_map(s->net, layer) || layer == s->input)
            continue;
        const struct maps m = {.in = s->values[layer->in[0]].small,
                               .other = s->values[layer->in[layer->n_in > 1]].small,
                               .out = s->values[layer->out[0]].small};
        const struct glint_map *pixels = layer->op == GLINT_OP_DECONV ? &m.in : &m.out;
        struct glint_active *all = borrow(s, pixels->h, pixels->w);
        glint_active_all(all);
        GLINT_TRY(compute(s, x, layer, &m, all));
        copy_map(&m.out, &s->background[i]); /* maps may be written again by a later layer */
    }
    return GLINT_OK;
}

int glint_sparse_open(const struct glint_net *net, struct glint_exec *x, struct glint_sparse **sparse_out)
{
    *sparse_out = NULL;
    struct glint_sparse *s = calloc(1, sizeof *s);
    struct state *values = calloc((size_t)net->n_values + 1, sizeof *values);
    struct glint_map *background = calloc((size_t)net->n_layers + 1, sizeof *background);
    if (!s || !values || !background) {
        free(s);
        free(values);
        free(background);
        return glint_fail(GLINT_E_NOMEM, "no memory for the maps of %d values", net->n_values);
    }
    s->net = net;
    s->values = values;
    s->background = background;
    int status = GLINT_OK;
    const bool can = derive(s) && derive_small(s);
    if (can)
        status = glint_arena_init(&s->memory, carve(s, NULL));
    if (can && status == GLINT_OK) {
        carve(s, &s->memory);
        open_slices(s);
        status = run_small(s, x);
    }
    if (!can || status != GLINT_OK) {
        glint_sparse_close(s);
        return status;
    }
    *sparse_out = s;
    return GLINT_OK;
}

void glint_sparse_close(struct glint_sparse *s)
{
    if (!s)
        return;
    glint_arena_fini(&s->memory);
    free(s->values);
    free(s->background);
    free(s);
}

size_t glint_sparse_bytes(const struct glint_sparse *s)
{
    return s->memory.cap;
}

const struct glint_active *glint_sparse_active(const struct glint_sparse *s, int32_t value)
{
    return &s->values[value].active;
}

struct glint_sparse_shape glint_sparse_shape(const struct glint_sparse *s, int32_t value)
{
    const struct state *state = &s->values[value];
    return (struct glint_sparse_shape){state->made, state->stride, state->small_h, state->small_w};
}

int32_t glint_sparse_period(const struct glint_sparse *s)
{
    return s->period;
}

const struct glint_layer *glint_sparse_input(const struct glint_sparse *s)
{
    return s->input;
}

/* A frame: what is active, layer by layer. */

/* What a kernel of cells `dilation` apart reaches from `in`, and somewhat more: all that is as near. Reading
 * is the same as growing, as the kernel is symmetric. */
static void grow_wide(struct glint_sparse *s, const struct glint_active *in, int32_t dilation,
                      struct glint_active *out)
{
    struct glint_active *step = &s->wanted;
    glint_active_init(step, step->bits, in->h, in->w);
    glint_active_grow(in, 1, out);
    for (int32_t i = 1; i < dilation; i++) {
        glint_active_clear(step);
        glint_active_add(step, out);
        glint_active_clear(out);
        glint_active_grow(step, 1, out);
    }
}

static void activate(struct glint_sparse *s, const struct glint_layer *layer, const int32_t *coord, int32_t n)
{
    const int32_t to = layer->out[0], whole = root(s->net, to);
    struct glint_active *out = &s->values[to].active;
    const struct glint_active *in = &s->values[root(s->net, layer->in[0])].active;
    struct glint_active *more = borrow(s, out->h, out->w);
    const struct glint_patch_merge_params *merge = layer->params;
    switch (layer->op) {
    case GLINT_OP_BEV_SCATTER:
    case GLINT_OP_SITES_TO_MAP:
        glint_active_set(more, coord, n, 1, 1);
        break;
    case GLINT_OP_PATCH_MERGE:
        glint_active_set(more, coord, n, merge->merge.stride, merge->merge.row_axis);
        break;
    case GLINT_OP_CONV3X3:
        glint_active_grow(in, conv_stride(layer), more);
        break;
    case GLINT_OP_CONV3X3_WIDE:
        grow_wide(s, in, conv_dilation(layer), more);
        break;
    case GLINT_OP_DECONV:
        glint_active_upsample(in, deconv_scale(layer), more);
        break;
    default:
        if (strided(layer)) /* somewhat more than sees one */
            glint_active_grow(in, conv_stride(layer), more);
        else
            glint_active_add(more, in);
    }
    glint_active_add(out, more); /* to what an earlier layer wrote to the same map */
    if (layer->n_in > 1 && layer != s->input)
        glint_active_add(out, &s->values[root(s->net, layer->in[1])].active);
    if (whole != to)
        glint_active_add(&s->values[whole].active, out);
}

/* What a layer reads of its maps besides their active pixels. */
static void read_maps(struct glint_sparse *s, const struct glint_layer *layer)
{
    const bool ours = makes_map(s->net, layer);
    for (int32_t i = 0; i < layer->n_in; i++) {
        struct state *in = &s->values[root(s->net, layer->in[i])];
        if (!in->made)
            continue;
        if (!ours) {
            if (layer->op != GLINT_OP_CENTER_BRANCH) /* which asks by glint_sparse_want */
                glint_active_all(&in->reads);
            continue;
        }
        const struct glint_active *out = &s->values[layer->out[0]].active;
        if (layer->op == GLINT_OP_CONV3X3_WIDE && i == 0) {
            struct glint_active *reads = borrow(s, in->reads.h, in->reads.w);
            grow_wide(s, out, conv_dilation(layer), reads);
            glint_active_add(&in->reads, reads);
        } else if ((layer->op == GLINT_OP_CONV3X3 || strided(layer)) && i == 0) {
            struct glint_active *reads = borrow(s, in->reads.h, in->reads.w);
            if (by_tiles(layer))
                glint_active_tile_reads(out, reads);
            else
                glint_active_reads(out, conv_stride(layer), reads);
            glint_active_add(&in->reads, reads);
        } else if (layer->op != GLINT_OP_DECONV) /* which reads active pixels only */
            glint_active_add(&in->reads, out);
    }
}

/* A new frame's sets. coord: n x 3 (x, y, z). */
static void begin(struct glint_sparse *s, const int32_t *coord, int32_t n)
{
    for (int32_t v = 0; v < s->net->n_values; v++)
        if (s->values[v].made) {
            glint_active_clear(&s->values[v].active);
            glint_active_clear(&s->values[v].reads);
        }
    for (int32_t i = 0; i < s->net->n_layers; i++)
        if (makes_map(s->net, &s->net->layers[i]))
            activate(s, &s->net->layers[i], coord, n);
    for (int32_t i = 0; i < s->net->n_layers; i++)
        read_maps(s, &s->net->layers[i]);
}

bool glint_sparse_has(const struct glint_sparse *s, const struct glint_layer *layer)
{
    return makes_map(s->net, layer);
}

/* The background where it is read. */
static int surround(struct glint_sparse *s, struct glint_exec *x, const struct glint_layer *layer,
                    const struct glint_map *out)
{
    const int32_t value = layer->out[0];
    const struct state *state = &s->values[value];
    struct glint_active *rest = borrow(s, out->h, out->w);
    glint_active_add(rest, &s->values[root(s->net, value)].reads);
    glint_active_remove(rest, &state->active);
    return glint_background_fill(x, &s->background[layer - s->net->layers], s->period / state->stride,
                                 s->list, glint_active_list(rest, s->list), out);
}

/* The last layer that writes the value. */
static const struct glint_layer *writer(const struct glint_sparse *s, int32_t value)
{
    const struct glint_layer *last = NULL;
    for (int32_t i = 0; i < s->net->n_layers; i++)
        if (s->net->layers[i].n_out && s->net->layers[i].out[0] == value)
            last = &s->net->layers[i];
    return last;
}

int glint_sparse_want(struct glint_sparse *s, struct glint_run *run, int32_t value,
                      const struct glint_pixel *pixels, int32_t n)
{
    struct state *state = &s->values[value];
    const struct glint_map out = glint_run_map(run, value);
    const struct glint_layer *layer = writer(s, value);
    struct glint_active *rest = borrow(s, out.h, out.w);
    assert(state->made && layer && root(s->net, value) == value);
    glint_active_init(&s->wanted, s->wanted.bits, out.h, out.w);
    for (int32_t i = 0; i < n; i++)
        glint_active_set(&s->wanted, (const int32_t[]){pixels[i].x, pixels[i].y, 0}, 1, 1, 1);
    glint_active_reads(&s->wanted, 1, rest);
    glint_active_remove(rest, &state->active);
    glint_active_remove(rest, &state->reads);
    glint_active_add(&state->reads, rest);
    return glint_background_fill(run->exec, &s->background[layer - s->net->layers], s->period / state->stride,
                                 s->list, glint_active_list(rest, s->list), &out);
}

/* The set of pixels that `compute` takes for a layer. */
static const struct glint_active *computed(const struct glint_sparse *s, const struct glint_layer *layer)
{
    return &s->values[layer->op == GLINT_OP_DECONV ? root(s->net, layer->in[0]) : layer->out[0]].active;
}

/* Pixel by pixel. */
static double flop(const struct glint_layer *layer, double n_pixels)
{
    const struct glint_conv_params *conv = layer->params;
    const struct glint_deconv_params *deconv = layer->params;
    if (layer->op == GLINT_OP_CONV3X3 || layer->op == GLINT_OP_CONV3X3_WIDE ||
        layer->op == GLINT_OP_CONV2X2 || layer->op == GLINT_OP_CONV1X1)
        return 2.0 * n_pixels * (double)conv->weights.k * conv->weights.n;
    if (layer->op == GLINT_OP_DECONV)
        return 2.0 * n_pixels * deconv_scale(layer) * deconv_scale(layer) * (double)deconv->weights[0].k *
               deconv->weights[0].n;
    return 0.0;
}

/* As it is computed. */
static double work(const struct glint_layer *layer, const struct glint_active *at)
{
    const struct glint_conv_params *conv = layer->params;
    return by_tiles(layer) ? glint_conv_tiles_flop(&conv->tiles, (size_t)glint_active_count_tiles(at))
                           : flop(layer, (double)glint_active_count(at));
}

struct glint_sparse_count glint_sparse_count(const struct glint_sparse *s, const struct glint_layer *layer)
{
    const struct glint_active *done = computed(s, layer), *out = &s->values[layer->out[0]].active;
    return (struct glint_sparse_count){.pixels = (double)glint_active_count(out),
                                       .pixels_whole = (double)out->h * out->w,
                                       .flop_saved =
                                           flop(layer, (double)done->h * done->w) - work(layer, done)};
}

static int run_input(struct glint_sparse *s, struct glint_run *run, const struct glint_layer *layer)
{
    const struct glint_map out = glint_run_map(run, layer->out[0]);
    const float *tokens = glint_run_floats(run, layer->in[0]);
    int32_t n;
    const int32_t *coord = glint_run_coord(run, layer->in[1], &n);
    begin(s, coord, n);
    if (layer->op == GLINT_OP_PATCH_MERGE) /* writes its empty pixels itself */
        return glint_op_get(layer->op)->run(run, layer);
    glint_map_clear_border(&out);
    if (layer->op == GLINT_OP_SITES_TO_MAP)
        GLINT_TRY(glint_stack_scatter_at(run->exec, tokens, coord, n, out.c / s->net->values[layer->in[0]].c,
                                         &out));
    else
        GLINT_TRY(glint_bev_scatter_at(run->exec, tokens, coord, n, &out));
    return surround(s, run->exec, layer, &out);
}

int glint_sparse_layer(struct glint_sparse *s, struct glint_run *run, const struct glint_layer *layer)
{
    if (layer == s->input)
        return run_input(s, run, layer);
    const int32_t to = layer->out[0];
    const struct glint_map out = glint_run_map(run, to);
    const struct maps m = {.in = glint_run_map(run, layer->in[0]),
                           .other = glint_run_map(run, layer->in[layer->n_in > 1]),
                           .out = out};
    glint_map_clear_border(&out);
    glint_run_flop(run, layer, work(layer, computed(s, layer)));
    GLINT_TRY(compute(s, run->exec, layer, &m, computed(s, layer)));
    return surround(s, run->exec, layer, &out);
}
