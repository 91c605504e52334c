/* model/cost.c - what a frame's work was, as far as it follows from the list of layers: memory moved, pixels
 * computed, work that empty space saved. Added up when somebody asks, so that a run does not pay for it. */
#include "model/ops.h"
#include "model/run.h"
#include "model/sparse.h"

/* Bytes of a value of which a layer reads or writes everything that there is. */
static double value_bytes(const struct glint_run *run, int32_t value)
{
    const struct glint_value *v = &run->net->values[value];
    const struct glint_value *map = v->parent < 0 ? v : &run->net->values[v->parent];
    const double tokens = run->voxels->n_voxels, points = run->voxels->n_points;
    if (glint_value_has_rows(v) &&
        v->sites >= 0) /* how many rows there were is known to the layers, which count them */
        return 0.0;
    switch (v->kind) {
    case GLINT_VALUE_VOXELS:
        return 4.0 * points + 16.0 * tokens;
    case GLINT_VALUE_POINTS:
        return 4.0 * points * v->c;
    case GLINT_VALUE_TOKENS:
        return 4.0 * tokens * v->c;
    case GLINT_VALUE_ORDER:
        return 4.0 * tokens;
    case GLINT_VALUE_MAP:
        return (map->half_only ? 2.0
                : map->half    ? 6.0
                               : 4.0) *
               v->c *
               (run->sparse ? (double)glint_active_count(glint_sparse_active(run->sparse, value))
                            : (double)v->h * v->w);
    case GLINT_VALUE_SITES:
    case GLINT_VALUE_LEVEL:
    case GLINT_VALUE_RULES:
    case GLINT_VALUE_BYTES:
        break; /* small, or counted where it is used */
    }
    return 0.0;
}

static double weights_bytes(const struct glint_layer *layer)
{
    const struct glint_conv_params *conv = layer->params;
    const struct glint_deconv_params *deconv = layer->params;
    const struct glint_flat_layer *flat = &((const struct glint_flat_layer_params *)layer->params)->layer;
    const double dim = flat->dim;
    switch (layer->op) {
    case GLINT_OP_CONV3X3:
    case GLINT_OP_CONV3X3_WIDE:
    case GLINT_OP_CONV2X2:
    case GLINT_OP_CONV1X1:
        return 4.0 * conv->weights.k * conv->weights.n;
    case GLINT_OP_DECONV:
        return 4.0 * deconv->affine.kernel * deconv->affine.kernel * deconv->weights[0].k *
               deconv->weights[0].n;
    case GLINT_OP_FLAT_LAYER:
        return 4.0 * dim * (4.0 * dim + 2.0 * flat->ffn);
    default:
        return 0.0;
    }
}

/* What a whole map takes less by tiles than pixel by pixel. */
static double tiles_save(const struct glint_run *run, const struct glint_layer *layer)
{
    const struct glint_conv_params *conv = layer->params;
    const struct glint_value *out = &run->net->values[layer->out[0]];
    if (layer->op != GLINT_OP_CONV3X3 || !conv->tiles.n)
        return 0.0;
    return 2.0 * out->h * out->w * (double)conv->weights.k * conv->weights.n -
           glint_conv_tiles_flop(&conv->tiles, glint_active_cap_tiles(out->h, out->w));
}

static void count_map(const struct glint_run *run, const struct glint_layer *layer,
                      struct glint_model_cost *cost)
{
    const struct glint_value *out = &run->net->values[layer->out[0]];
    if (run->sparse) {
        const struct glint_sparse_count n = glint_sparse_count(run->sparse, layer);
        cost->pixels[layer->stage] += n.pixels;
        cost->pixels_whole[layer->stage] += n.pixels_whole;
        cost->flop_saved[layer->stage] += n.flop_saved;
    } else {
        cost->pixels[layer->stage] += (double)out->h * out->w;
        cost->pixels_whole[layer->stage] += (double)out->h * out->w;
        cost->flop_saved[layer->stage] += tiles_save(run, layer);
    }
}

void glint_run_cost(const struct glint_run *run, struct glint_model_cost *cost)
{
    *cost = run->cost;
    for (int32_t i = 0; i < run->net->n_layers; i++) {
        const struct glint_layer *layer = &run->net->layers[i];
        double bytes = weights_bytes(layer);
        for (int32_t k = 0; k < layer->n_in; k++)
            bytes += value_bytes(run, layer->in[k]);
        for (int32_t k = 0; k < layer->n_out; k++)
            bytes += value_bytes(run, layer->out[k]);
        if (layer->op == GLINT_OP_VOXELIZE && run->frame)
            bytes += 12.0 * (double)run->voxels->n_in;
        cost->bytes[layer->stage] += bytes;
        if (layer->n_out && run->net->values[layer->out[0]].kind == GLINT_VALUE_MAP)
            count_map(run, layer, cost);
    }
}
