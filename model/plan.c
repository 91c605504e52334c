/* model/plan.c - see plan.h. Blocks are placed from the largest to the smallest: the big maps decide the
 * height of the memory, the small ones fall into the gaps beside them. With some hundred values the quadratic
 * search costs nothing beside reading the weights. */
#include "model/plan.h"
#include "attention/fixed.h"
#include "core/status.h"
#include "model/bev.h"
#include "model/ptv3.h"
#include "model/ops.h"
#include "voxel/rules.h"
#include <stdlib.h>

static bool live_together(const struct glint_plan_block *a, const struct glint_plan_block *b)
{
    return a->first <= b->last && b->first <= a->last;
}

static int by_size(const void *pa, const void *pb)
{
    const struct glint_plan_block *a = *(struct glint_plan_block *const *)pa;
    const struct glint_plan_block *b = *(struct glint_plan_block *const *)pb;
    if (a->bytes != b->bytes)
        return a->bytes < b->bytes ? 1 : -1;
    return (a > b) - (a < b); /* both point into one array */
}

/* The lowest offset of the smallest gap between the placed blocks that live with `block`; `placed` is in
 * order of offsets. */
static size_t find_gap(struct glint_plan_block *const *placed, int32_t n,
                       const struct glint_plan_block *block)
{
    size_t end = 0, best = SIZE_MAX, best_size = SIZE_MAX;
    for (int32_t i = 0; i < n; i++) {
        if (!live_together(placed[i], block))
            continue;
        if (placed[i]->offset >= end && placed[i]->offset - end >= block->bytes &&
            placed[i]->offset - end < best_size) {
            best = end;
            best_size = placed[i]->offset - end;
        }
        if (placed[i]->offset + placed[i]->bytes > end)
            end = placed[i]->offset + placed[i]->bytes;
    }
    return best != SIZE_MAX ? best : end;
}

static void insert_by_offset(struct glint_plan_block **placed, int32_t n, struct glint_plan_block *block)
{
    int32_t i = n;
    for (; i > 0 && placed[i - 1]->offset > block->offset; i--)
        placed[i] = placed[i - 1];
    placed[i] = block;
}

int glint_plan_blocks(struct glint_plan_block *blocks, int32_t n, size_t *bytes_out)
{
    *bytes_out = 0;
    struct glint_plan_block **order = calloc(2 * (size_t)n + 1, sizeof *order);
    if (!order)
        return glint_fail(GLINT_E_NOMEM, "no memory to plan %d blocks", n);
    struct glint_plan_block **placed = order + n;
    for (int32_t i = 0; i < n; i++) {
        blocks[i].bytes = glint_arena_round(blocks[i].bytes);
        order[i] = &blocks[i];
    }
    qsort(order, (size_t)n, sizeof *order, by_size);
    for (int32_t i = 0; i < n; i++) {
        order[i]->offset = find_gap(placed, i, order[i]);
        insert_by_offset(placed, i, order[i]);
        if (order[i]->offset + order[i]->bytes > *bytes_out)
            *bytes_out = order[i]->offset + order[i]->bytes;
    }
    free(order);
    return GLINT_OK;
}

/* A network's values: those with memory of their own are blocks; a slice lives in its parent, which it keeps
 * alive. */

/* Maps in 16 bits: those that a layer of the network writes so and a product reads so; of these, those in
 * float too that anything else reads. */

static bool reads_half(const struct glint_net *net, const struct glint_layer *layer, int32_t i)
{
    const struct glint_op_info *op = glint_op_get(layer->op);
    return i == 0 && op->reads_half && op->reads_half(net, layer);
}

/* Convolutions of floats may be by tiles, which write floats. */
static bool writes_half(const struct glint_net *net, const struct glint_layer *layer)
{
    return layer->op == GLINT_OP_BEV_SCATTER || layer->op == GLINT_OP_ADD ||
           (layer->op != GLINT_OP_CENTER_BRANCH && reads_half(net, layer, 0));
}

static struct glint_value *root(struct glint_net *net, int32_t value)
{
    const int32_t parent = net->values[value].parent;
    return &net->values[parent < 0 ? value : parent];
}

static void choose_halves(struct glint_net *net)
{
    for (int32_t l = 0; l < net->n_layers; l++)
        for (int32_t i = 0; i < net->layers[l].n_in; i++) {
            struct glint_value *v = root(net, net->layers[l].in[i]);
            v->half = v->half || (v->kind == GLINT_VALUE_MAP && reads_half(net, &net->layers[l], i));
        }
    for (int32_t l = 0; l < net->n_layers; l++)
        for (int32_t i = 0; i < net->layers[l].n_out; i++)
            if (!writes_half(net, &net->layers[l]))
                root(net, net->layers[l].out[i])->half = false;
}

static int32_t common_divisor(int32_t a, int32_t b)
{
    return b ? common_divisor(b, a % b) : a;
}

/* Blocks that no slice cuts. */
static void choose_blocks(struct glint_net *net)
{
    for (int32_t i = 0; i < net->n_values; i++)
        net->values[i].block = net->values[i].c;
    for (int32_t i = 0; i < net->n_values; i++) {
        const struct glint_value *v = &net->values[i];
        if (v->kind == GLINT_VALUE_MAP && v->parent >= 0)
            root(net, i)->block = common_divisor(root(net, i)->block, common_divisor(v->c, v->first_channel));
    }
    for (int32_t i = 0; i < net->n_values; i++) {
        net->values[i].block = glint_fixed_block(net->values[i].block);
        net->values[i].half = net->values[i].half && net->values[i].block > 0;
    }
}

/* A convolution adds a rounded map to results that it rounds, unless it activates the sum. */
static bool adds_half(struct glint_net *net, const struct glint_layer *layer, int32_t i)
{
    return i == 1 && layer->op == GLINT_OP_CONV3X3 && root(net, layer->out[0])->half &&
           ((const struct glint_conv_params *)layer->params)->act != GLINT_ACT_RELU_LAST;
}

static void choose_half_only(struct glint_net *net)
{
    for (int32_t i = 0; i < net->n_values; i++)
        net->values[i].half_only = net->values[i].half && !net->keep_stages;
    for (int32_t l = 0; l < net->n_layers; l++)
        for (int32_t i = 0; i < net->layers[l].n_in; i++)
            if (!reads_half(net, &net->layers[l], i) && !adds_half(net, &net->layers[l], i))
                root(net, net->layers[l].in[i])->half_only = false;
}

static void choose_formats(struct glint_net *net)
{
    for (int32_t i = 0; i < net->n_values; i++)
        net->values[i].half = false;
    if (net->narrow != GLINT_NARROW_NONE)
        choose_halves(net);
    if (net->narrow == GLINT_NARROW_I16)
        choose_blocks(net);
    choose_half_only(net);
}

size_t glint_value_map(const struct glint_value *v, void *memory, struct glint_map *map)
{
    const size_t floats = v->half_only ? 0 : glint_arena_round(glint_map_bytes(v->h, v->w, v->c));
    const size_t halves = v->half ? glint_map_half_bytes(v->h, v->w, v->c, v->block) : 0;
    if (!memory)
        return floats + halves;
    glint_map_init(map, memory, v->h, v->w, v->c);
    if (v->half)
        glint_map_add_half(map, (uint8_t *)memory + floats, v->block);
    if (v->half_only)
        map->data = NULL;
    return floats + halves;
}

static size_t cap_rows(const struct glint_net *net, const struct glint_value *v)
{
    return (size_t)(v->sites < 0 ? net->cap_voxels : net->values[v->sites].cap);
}

static size_t value_bytes(const struct glint_net *net, const struct glint_value *v)
{
    struct glint_map map;
    switch (v->kind) {
    case GLINT_VALUE_POINTS:
        return (size_t)net->cap_points * (size_t)v->c * sizeof(float);
    case GLINT_VALUE_TOKENS:
        return cap_rows(net, v) * (size_t)v->c * sizeof(float);
    case GLINT_VALUE_ORDER:
        return cap_rows(net, v) * sizeof(int32_t);
    case GLINT_VALUE_SITES:
        return glint_arena_round(sizeof(struct glint_sites)) + glint_sites_bytes(v->cap);
    case GLINT_VALUE_RULES:
        return glint_arena_round(sizeof(struct glint_rules)) +
               glint_rules_bytes((int32_t)cap_rows(net, v), v->n_cells);
    case GLINT_VALUE_LEVEL:
        return glint_run_level_bytes(v->cap);
    case GLINT_VALUE_MAP:
        return v->parent < 0 ? glint_value_map(v, NULL, &map) : 0;
    case GLINT_VALUE_BYTES:
        return v->bytes;
    case GLINT_VALUE_VOXELS:
        break; /* the model's own */
    }
    return 0;
}

static void touch(struct glint_net *net, int32_t value, int32_t layer)
{
    for (; value >= 0; value = net->values[value].parent) {
        struct glint_value *v = &net->values[value];
        if (v->first < 0)
            v->first = layer;
        v->last = layer;
    }
}

/* Whoever reads or writes rows reads the sites that say how many there are. */
static void touch_rows(struct glint_net *net, int32_t value, int32_t layer)
{
    const struct glint_value *v = &net->values[value];
    touch(net, value, layer);
    if (glint_value_has_rows(v) && v->sites >= 0)
        touch(net, v->sites, layer);
}

static void find_lifetimes(struct glint_net *net)
{
    for (int32_t i = 0; i < net->n_values; i++)
        net->values[i].first = net->values[i].last = -1;
    for (int32_t l = 0; l < net->n_layers; l++) {
        for (int32_t i = 0; i < net->layers[l].n_in; i++)
            touch_rows(net, net->layers[l].in[i], l);
        for (int32_t i = 0; i < net->layers[l].n_out; i++)
            touch_rows(net, net->layers[l].out[i], l);
    }
}

int glint_plan_net(struct glint_net *net, size_t *bytes_out)
{
    struct glint_plan_block *blocks = calloc((size_t)net->n_values + 1, sizeof *blocks);
    if (!blocks)
        return glint_fail(GLINT_E_NOMEM, "no memory to plan %d values", net->n_values);
    find_lifetimes(net);
    choose_formats(net);
    for (int32_t i = 0; i < net->n_values; i++) {
        struct glint_value *v = &net->values[i];
        v->bytes = value_bytes(net, v);
        blocks[i] = (struct glint_plan_block){
            .bytes = v->first >= 0 ? v->bytes : 0, .first = v->first, .last = v->last};
    }
    const int status = glint_plan_blocks(blocks, net->n_values, bytes_out);
    for (int32_t i = 0; i < net->n_values; i++)
        net->values[i].offset = blocks[i].offset;
    free(blocks);
    return status;
}
