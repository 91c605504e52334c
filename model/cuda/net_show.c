/* model/cuda/net_show.c - what a tap sees of a network on a device, and what its work was; see net.h.
 *
 * Values are brought to the run's memory in the host's layouts, where the host's own functions show them:
 * names and conventions are in one place. */
#include "core/status.h"
#include "model/cuda/net.h"
#include "model/flatpoint.h"
#include <string.h>

static int fetch(struct glint_device_net *d, void *to, const void *from, size_t bytes)
{
    return glint_stream_download(d->work, to, from, bytes);
}

/* What the host's voxelisation leaves; the counts are set already. */
static int fetch_voxels(struct glint_device_net *d)
{
    struct glint_voxels *v = d->run->voxels;
    GLINT_TRY(fetch(d, v->order[0], d->voxels.point, (size_t)v->n_points * sizeof(int32_t)));
    GLINT_TRY(fetch(d, v->order[1], d->voxels.sorted, (size_t)v->n_in * sizeof(int32_t)));
    GLINT_TRY(fetch(d, v->start, d->voxels.start, ((size_t)v->n_voxels + 1) * sizeof(int32_t)));
    GLINT_TRY(fetch(d, v->coord, d->voxels.coord, (size_t)v->n_voxels * 3 * sizeof(int32_t)));
    v->point = v->order[0];
    v->rejected = v->order[1] + (v->n_in - v->n_rejected);
    return GLINT_OK;
}

static void put_planes(const struct glint_device_net *d, const struct glint_map *m)
{
    for (int32_t c = 0; c < m->c; c++)
        for (int32_t y = 0; y < m->h; y++)
            for (int32_t x = 0; x < m->w; x++)
                m->data[y * m->pitch + x * m->ld + c] = d->host_planes[((int64_t)c * m->h + y) * m->w + x];
}

static int fetch_map(struct glint_device_net *d, int32_t value)
{
    const struct glint_map m = glint_run_map(d->run, value);
    GLINT_TRY(glint_map_planes_cuda(d->work, &d->values[value].map, d->planes));
    GLINT_TRY(fetch(d, d->host_planes, d->planes, (size_t)m.h * (size_t)m.w * (size_t)m.c * sizeof(float)));
    GLINT_TRY(glint_stream_wait(d->work));
    put_planes(d, &m);
    return GLINT_OK;
}

static int fetch_value(struct glint_device_net *d, int32_t value)
{
    const struct glint_value *v = &d->net->values[value];
    const size_t points = (size_t)d->run->voxels->n_points, rows = (size_t)d->run->voxels->n_voxels;
    if (d->values[value].bytes == 0 && v->parent < 0 && v->kind != GLINT_VALUE_VOXELS)
        return GLINT_OK;
    switch (v->kind) {
    case GLINT_VALUE_VOXELS:
        return fetch_voxels(d);
    case GLINT_VALUE_POINTS:
        return fetch(d, glint_run_bytes(d->run, value), d->values[value].data,
                     points * (size_t)v->c * sizeof(float));
    case GLINT_VALUE_TOKENS:
    case GLINT_VALUE_ORDER:
        return fetch(d, glint_run_bytes(d->run, value), d->values[value].data,
                     rows * (size_t)v->c * sizeof(float));
    case GLINT_VALUE_MAP:
        return fetch_map(d, value);
    default:
        return GLINT_OK;
    }
}

int glint_net_show(struct glint_device_net *d, const struct net_layer *l)
{
    const struct net_op *op = glint_net_op(l->layer->op);
    for (int32_t i = 0; i < l->layer->n_out; i++)
        GLINT_TRY(fetch_value(d, l->layer->out[i]));
    if (op->fetch)
        GLINT_TRY(op->fetch(d, l));
    GLINT_TRY(glint_stream_wait(d->work));
    glint_run_show(d->run, l->layer);
    return GLINT_OK;
}

/* Work, from the numbers that came back with the boxes. */

struct work {
    double flop, saved, bytes, pixels, pixels_whole;
};

static double rows_flop(const struct glint_layer *layer, double points, double voxels)
{
    const struct glint_vfe *vfe = &((const struct glint_vfe_params *)layer->params)->vfe;
    const struct glint_flat_layer *f = &((const struct glint_flat_layer_params *)layer->params)->layer;
    const struct glint_patch_merge_params *merge = layer->params;
    const struct glint_point_head_params *head = layer->params;
    double flop = 0;
    switch (layer->op) {
    case GLINT_OP_VFE:
        flop = points * vfe->n_columns * vfe->width[0];
        for (int32_t i = 1; i < vfe->n_layers; i++)
            flop += (points + voxels) * vfe->width[i - 1] * vfe->width[i];
        return 2 * flop;
    case GLINT_OP_FLAT_LAYER: /* each token once but for the last group's keys */
        return 2 * voxels * (4.0 * f->dim * f->dim + 2.0 * f->dim * f->ffn) +
               4 * voxels * (voxels < f->group ? voxels : f->group) * f->dim;
    case GLINT_OP_PATCH_MERGE:
        return 2 * voxels * merge->affine.k * merge->affine.n;
    case GLINT_OP_POINT_HEAD:
        return 2 * (points * ((double)head->point.k * head->point.n + (double)head->out.k * head->out.n) +
                    voxels * (double)(head->token.k + head->cell.k) * head->cell.n);
    default:
        return 0;
    }
}

static bool is_map_layer(const struct glint_device_net *d, const struct glint_layer *layer)
{
    return layer->n_out > 0 && d->net->values[layer->out[0]].kind == GLINT_VALUE_MAP;
}

static struct work map_work(const struct glint_device_net *d, const struct net_layer *l,
                            const int32_t *counts)
{
    const struct glint_value *out = &d->net->values[l->layer->out[0]];
    const struct glint_cuda_conv *c = &l->u.conv;
    const bool product = l->layer->op != GLINT_OP_ADD && l->layer->op != GLINT_OP_BEV_SCATTER &&
                         l->layer->op != GLINT_OP_PATCH_MERGE;
    const double places = glint_net_pixels(d, l, counts, false),
                 scale = product ? (double)c->scale * c->scale : 1;
    const double per = product ? 2.0 * c->kernel * c->kernel * scale * c->k * c->n : 0;
    struct work w = {.flop = per * places,
                     .pixels = glint_net_pixels(d, l, counts, true),
                     .pixels_whole = (double)out->h * out->w};
    w.saved = per * w.pixels_whole / scale - w.flop;
    return w;
}

static double branch_flop(const struct glint_device_net *d, const struct net_layer *l, const int32_t *counts)
{
    const struct glint_center_branch_params *p = l->layer->params;
    double cells = 0; /* a gate's; candidates that were suppressed are not counted */
    for (int32_t i = 0; i < d->net->n_layers; i++)
        if (d->net->layers[i].op == GLINT_OP_CENTER_GATE && d->net->layers[i].out[0] == l->layer->in[1])
            cells = counts[d->layers[i].u.center.count];
    return 2 * cells * 9 * (9.0 * p->first.affine.k + p->last.affine.n) * p->first.affine.n;
}

static double value_bytes(const struct glint_device_net *d, int32_t value, const struct glint_voxels *v,
                          double pixels)
{
    const struct glint_value *of = &d->net->values[value];
    const double size = (double)glint_dtype_size(d->values[value].map.type);
    return of->kind == GLINT_VALUE_VOXELS   ? 4.0 * v->n_points + 16.0 * v->n_voxels
           : of->kind == GLINT_VALUE_POINTS ? 4.0 * v->n_points * of->c
           : of->kind == GLINT_VALUE_TOKENS || of->kind == GLINT_VALUE_ORDER ? 4.0 * v->n_voxels * of->c
           : of->kind == GLINT_VALUE_MAP ? size * of->c * (pixels > 0 ? pixels : (double)of->h * of->w)
                                         : 0.0;
}

void glint_net_cost(struct glint_device_net *d, const int32_t *counts)
{
    const struct glint_voxels *v = d->run->voxels;
    struct glint_model_cost *cost = &d->run->cost;
    *cost = (struct glint_model_cost){.n_points = v->n_points, .n_pillars = v->n_voxels};
    for (int32_t i = 0; i < d->net->n_layers; i++) {
        const struct net_layer *l = &d->layers[i];
        const enum glint_stage stage = l->layer->stage;
        struct work w = {0};
        if (is_map_layer(d, l->layer))
            w = map_work(d, l, counts);
        w.flop += l->layer->op == GLINT_OP_CENTER_BRANCH ? branch_flop(d, l, counts)
                                                         : rows_flop(l->layer, v->n_points, v->n_voxels);
        for (int32_t k = 0; k < l->layer->n_in; k++)
            w.bytes += value_bytes(d, l->layer->in[k], v, w.pixels);
        for (int32_t k = 0; k < l->layer->n_out; k++)
            w.bytes += value_bytes(d, l->layer->out[k], v, w.pixels);
        cost->flop[stage] += w.flop;
        cost->flop_saved[stage] += w.saved;
        cost->bytes[stage] += w.bytes + (double)l->weight_bytes;
        cost->pixels[stage] += w.pixels;
        cost->pixels_whole[stage] += w.pixels_whole;
    }
}
