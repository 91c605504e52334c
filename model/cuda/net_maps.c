/* model/cuda/net_maps.c - the operations on bird's-eye maps on a device; see net.h. */
#include "core/status.h"
#include "model/cuda/net.h"

/* Sizes: of a convolution what its weights take in the type of the map that it reads. */

static void describe(const struct glint_device_net *d, struct net_layer *l)
{
    const struct glint_conv_params *p = l->layer->params;
    l->u.conv = (struct glint_cuda_conv){.kernel = p->affine.kernel,
                                         .stride = p->stride,
                                         .dilation = l->layer->op == GLINT_OP_CONV3X3_WIDE ? p->dilation : 1,
                                         .scale = 1,
                                         .k = p->affine.k,
                                         .n = p->affine.n,
                                         .type = net_in(d, l, 0)->map.type,
                                         .act = p->act};
}

static int conv_size(struct glint_device_net *d, struct net_layer *l)
{
    describe(d, l);
    l->weight_bytes = glint_cuda_conv_bytes(&l->u.conv);
    return GLINT_OK;
}

static void conv_pack(struct glint_device_net *d, struct net_layer *l, uint8_t *host)
{
    (void)d;
    glint_cuda_conv_pack(&l->u.conv, &((const struct glint_conv_params *)l->layer->params)->weights, host);
    glint_cuda_conv_set(&l->u.conv, l->weights);
}

static int deconv_size(struct glint_device_net *d, struct net_layer *l)
{
    const struct glint_deconv_params *p = l->layer->params;
    l->u.conv = (struct glint_cuda_conv){.kernel = 1,
                                         .stride = 1,
                                         .dilation = 1,
                                         .scale = p->affine.kernel,
                                         .k = p->affine.k,
                                         .n = p->affine.n,
                                         .type = net_in(d, l, 0)->map.type,
                                         .act = p->act};
    l->weight_bytes = glint_cuda_conv_bytes(&l->u.conv);
    return GLINT_OK;
}

static void deconv_pack(struct glint_device_net *d, struct net_layer *l, uint8_t *host)
{
    (void)d;
    glint_cuda_conv_pack(&l->u.conv, ((const struct glint_deconv_params *)l->layer->params)->weights, host);
    glint_cuda_conv_set(&l->u.conv, l->weights);
}

int glint_net_map_layer(struct glint_device_net *d, const struct net_layer *l,
                        const struct glint_cuda_map *in, const struct glint_cuda_map *other,
                        const struct glint_cuda_map *out, const struct glint_cuda_places *at)
{
    if (l->layer->op == GLINT_OP_ADD)
        return glint_map_add_cuda(d->work, in, other, out, at);
    return glint_conv_cuda(d->work, &l->u.conv, in, other, out, at);
}

static int fill(struct glint_device_net *d, const struct net_layer *l)
{
    if (!l->fill)
        return GLINT_OK;
    return glint_background_fill_cuda(d->work, &l->background, l->fill, l->n_fill, l->cap_fill,
                                      &net_out(d, l, 0)->map);
}

/* A convolution writes its background itself. */
static int conv_run(struct glint_device_net *d, const struct net_layer *l)
{
    struct glint_cuda_places at = l->places;
    at.background = &l->background;
    at.fill = l->fill;
    at.n_fill = l->n_fill;
    at.cap_fill = l->cap_fill;
    return glint_net_map_layer(d, l, &net_in(d, l, 0)->map, l->layer->n_in > 1 ? &net_in(d, l, 1)->map : NULL,
                               &net_out(d, l, 0)->map, &at);
}

static int add_run(struct glint_device_net *d, const struct net_layer *l)
{
    GLINT_TRY(glint_net_map_layer(d, l, &net_in(d, l, 0)->map, &net_in(d, l, 1)->map, &net_out(d, l, 0)->map,
                                  &l->places));
    return fill(d, l);
}

static int scatter_run(struct glint_device_net *d, const struct net_layer *l)
{
    const struct glint_cuda_map *out = &net_out(d, l, 0)->map;
    if (!d->sparse)
        GLINT_TRY(glint_map_clear_cuda(d->work, out));
    GLINT_TRY(glint_bev_scatter_cuda(d->work, net_in(d, l, 0)->data, GLINT_DTYPE_F32, d->voxels.coord,
                                     d->voxels.count + GLINT_VOXELS_N, d->most_voxels, out));
    return fill(d, l);
}

static int scatter_empty(struct glint_device_net *d, const struct net_layer *l,
                         const struct glint_cuda_map *out)
{
    (void)l;
    return glint_map_clear_cuda(d->work, out);
}

const struct net_op glint_net_bev_scatter = {.there = true, .run = scatter_run, .empty = scatter_empty};
const struct net_op glint_net_conv = {.there = true, .size = conv_size, .pack = conv_pack, .run = conv_run};
const struct net_op glint_net_deconv = {
    .there = true, .size = deconv_size, .pack = deconv_pack, .run = conv_run};
const struct net_op glint_net_add = {.there = true, .run = add_run};
