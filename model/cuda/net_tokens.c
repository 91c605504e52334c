/* model/cuda/net_tokens.c - the operations on points and tokens on a device; see net.h. */
#include "core/status.h"
#include "model/cuda/net.h"
#include "voxel/cuda/window.h"
#include <string.h>

/* voxelize */

static int voxelize_run(struct glint_device_net *d, const struct net_layer *l)
{
    const struct glint_voxelize_params *p = l->layer->params;
    const float *at = (const float *)(d->now->device_in + 256);
    const int32_t bucket = d->bucket[d->now->bucket];
    return glint_voxelize_cuda(d->work, &p->grid, at, at + bucket, at + 2 * (int64_t)bucket,
                               (const int32_t *)d->now->device_in, d->most_points, d->now->variant & 1,
                               &d->voxels);
}

/* vfe: the columns of a frame's points, whose intensities have another scale, and those of a network's inputs
 */

/* More than the last layer's points, which a launch per layer gives. */
static bool vfe_shows(const struct glint_vfe_params *p)
{
    bool any = p->in_out > 0 || p->mean_out > 0;
    for (int32_t i = 0; i < p->vfe.n_layers; i++)
        any = any || p->voxel_out[i] > 0 || (i + 1 < p->vfe.n_layers && p->point_out[i] > 0);
    return any;
}

static int vfe_size(struct glint_device_net *d, struct net_layer *l)
{
    const struct glint_vfe_params *p = l->layer->params;
    l->weight_bytes = glint_vfe_cuda_weights_bytes(&p->vfe, d->settings.precision);
    /* what scratch depends on, and no weights yet */
    l->u.vfe[0].vfe = p->vfe;
    l->u.vfe[0].precision = d->settings.precision;
    l->scratch_bytes =
        glint_vfe_cuda_scratch(&l->u.vfe[0], d->net->cap_points, d->net->cap_voxels, vfe_shows(p));
    d->tanh = p->tanh_out > 0;
    for (int32_t i = 0; i < p->vfe.n_columns; i++)
        if (p->vfe.column[i].source == GLINT_VFE_FIELD)
            d->reads_field[p->vfe.column[i].index] = true;
    return GLINT_OK;
}

static void vfe_pack(struct glint_device_net *d, struct net_layer *l, uint8_t *host)
{
    const struct glint_vfe_params *p = l->layer->params;
    glint_vfe_cuda_pack(&l->u.vfe[0], &p->vfe, d->settings.precision, host, l->weights);
    l->u.vfe[1] = l->u.vfe[0];
    struct glint_vfe_column *column = l->u.vfe[0].vfe.column;
    for (int32_t i = 0; i < p->vfe.n_columns; i++)
        if (column[i].source == GLINT_VFE_FIELD && column[i].index == GLINT_FIELD_INTENSITY)
            column[i].scale *= p->intensity_scale;
}

static float *optional_out(const struct glint_device_net *d, const struct net_layer *l, int32_t place)
{
    return place > 0 ? net_out(d, l, place)->data : NULL;
}

/* The fields that the network reads lie one after another, each of the bucket's size. */
static void find_fields(const struct glint_device_net *d, struct glint_vfe_points *points)
{
    const float *at = (const float *)(d->now->device_in + 256);
    for (int f = 0; f < NET_FIELDS; f++)
        if (d->reads_field[f]) {
            points->field[f] = at;
            at += d->bucket[d->now->bucket];
        }
}

static int vfe_run(struct glint_device_net *d, const struct net_layer *l)
{
    const struct glint_vfe_params *p = l->layer->params;
    const struct glint_voxels_cuda *v = &d->voxels;
    struct glint_vfe_points points = {.point = v->point,
                                      .voxel = v->voxel,
                                      .start = v->start,
                                      .coord = v->coord,
                                      .n_points = v->count + GLINT_VOXELS_POINTS,
                                      .n_voxels = v->count + GLINT_VOXELS_N,
                                      .most_points = d->most_points,
                                      .most_voxels = d->most_voxels};
    struct glint_vfe_taps taps = {.in = optional_out(d, l, p->in_out),
                                  .mean = optional_out(d, l, p->mean_out)};
    find_fields(d, &points);
    for (int32_t i = 0; i < p->vfe.n_layers; i++) {
        taps.layer_point[i] = optional_out(d, l, p->point_out[i]);
        taps.layer_voxel[i] = optional_out(d, l, p->voxel_out[i]);
    }
    return glint_vfe_cuda(d->work, &l->u.vfe[d->now->variant >> 1], &points, net_out(d, l, 0)->data, &taps,
                          l->scratch);
}

/* posenc: the table goes over with the weights */

static int posenc_size(struct glint_device_net *d, struct net_layer *l)
{
    (void)d;
    const struct glint_posenc *p = &((const struct glint_posenc_params *)l->layer->params)->posenc;
    l->weight_bytes = (size_t)p->n_values * (size_t)p->half * sizeof(float);
    return GLINT_OK;
}

static void posenc_pack(struct glint_device_net *d, struct net_layer *l, uint8_t *host)
{
    (void)d;
    l->u.posenc = ((const struct glint_posenc_params *)l->layer->params)->posenc;
    memcpy(host, l->u.posenc.table, l->weight_bytes);
    l->u.posenc.table = (const float *)l->weights;
}

static int posenc_run(struct glint_device_net *d, const struct net_layer *l)
{
    return glint_posenc_cuda(d->work, &l->u.posenc, d->voxels.coord, d->voxels.count + GLINT_VOXELS_N,
                             d->most_voxels, net_out(d, l, 0)->data);
}

/* window_order: all orders of a group at once */

static void take_orders(const struct net_layer *l, struct glint_window_order order[GLINT_WINDOW_ORDERS])
{
    for (int32_t i = 0; i < l->n_group; i++)
        order[i] = ((const struct glint_window_order_params *)l[i].layer->params)->order;
}

static int order_size(struct glint_device_net *d, struct net_layer *l)
{
    struct glint_window_order order[GLINT_WINDOW_ORDERS];
    take_orders(l, order);
    l->scratch_bytes = glint_window_sort_cuda_bytes(order, l->n_group, d->net->cap_voxels);
    return GLINT_OK;
}

static int order_run(struct glint_device_net *d, const struct net_layer *l)
{
    struct glint_window_order order[GLINT_WINDOW_ORDERS];
    int32_t *perm[GLINT_WINDOW_ORDERS];
    take_orders(l, order);
    for (int32_t i = 0; i < l->n_group; i++)
        perm[i] = net_out(d, l + i, 0)->data;
    return glint_window_sort_cuda(d->work, order, l->n_group, d->voxels.coord,
                                  d->voxels.count + GLINT_VOXELS_N, d->most_voxels, perm, l->scratch);
}

/* flat_layer */

static bool shows(const struct net_layer *l)
{
    return l->layer->n_out > 1;
}

static int flat_size(struct glint_device_net *d, struct net_layer *l)
{
    const struct glint_flat_layer *layer = &((const struct glint_flat_layer_params *)l->layer->params)->layer;
    l->weight_bytes = glint_flat_layer_cuda_weights_bytes(layer, d->settings.precision);
    l->u.flat = (struct glint_flat_layer_cuda){.dim = layer->dim,
                                               .heads = layer->heads,
                                               .ffn = layer->ffn,
                                               .group = layer->group,
                                               .short_group = layer->short_group,
                                               .precision = d->settings.precision};
    l->scratch_bytes = glint_flat_layer_cuda_scratch(&l->u.flat, d->net->cap_voxels, shows(l));
    return GLINT_OK;
}

static void flat_pack(struct glint_device_net *d, struct net_layer *l, uint8_t *host)
{
    glint_flat_layer_cuda_pack(&l->u.flat, &((const struct glint_flat_layer_params *)l->layer->params)->layer,
                               d->settings.precision, host, l->weights);
}

static int flat_run(struct glint_device_net *d, const struct net_layer *l)
{
    return glint_flat_layer_cuda(d->work, &l->u.flat, net_in(d, l, 0)->data, net_in(d, l, 1)->data,
                                 net_in(d, l, 2)->data, d->voxels.count + GLINT_VOXELS_N, d->most_voxels,
                                 net_out(d, l, 0)->data, shows(l) ? net_out(d, l, 1)->data : NULL,
                                 l->scratch);
}

static size_t flat_value(const struct glint_device_net *d, const struct glint_layer *layer, int32_t i)
{
    const struct glint_flat_layer *f = &((const struct glint_flat_layer_params *)layer->params)->layer;
    (void)i;
    return ((size_t)d->net->cap_voxels + (size_t)f->group) * (size_t)f->dim * sizeof(float);
}

/* The attention's output of whole groups, as flat_layer_show wants it. */
static int flat_fetch(struct glint_device_net *d, const struct net_layer *l)
{
    const struct glint_flat_layer *f = &((const struct glint_flat_layer_params *)l->layer->params)->layer;
    const int32_t n = d->run->voxels->n_voxels, groups = (n + f->group - 1) / f->group;
    const size_t rows = n < f->group && f->short_group == GLINT_SHORT_GROUP_SINGLE
                            ? (size_t)n
                            : (size_t)groups * (size_t)f->group;
    if (!shows(l))
        return GLINT_OK;
    return glint_stream_download(d->work, glint_run_bytes(d->run, l->layer->out[1]), net_out(d, l, 1)->data,
                                 rows * (size_t)f->dim * sizeof(float));
}

const struct net_op glint_net_voxelize = {.there = true, .run = voxelize_run};
const struct net_op glint_net_vfe = {.there = true, .size = vfe_size, .pack = vfe_pack, .run = vfe_run};
const struct net_op glint_net_posenc = {
    .there = true, .size = posenc_size, .pack = posenc_pack, .run = posenc_run};
const struct net_op glint_net_window_order = {.there = true, .size = order_size, .run = order_run};
const struct net_op glint_net_flat_layer = {.there = true,
                                            .size = flat_size,
                                            .pack = flat_pack,
                                            .value = flat_value,
                                            .run = flat_run,
                                            .fetch = flat_fetch};
