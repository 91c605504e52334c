/* model/op_maps.c - operations on bird's-eye maps: the kernels of bev.h as layers. Memory is shared between
 * values, so each layer clears the border of the map it writes. */
#include "core/status.h"
#include "model/ops.h"
#include "model/run.h"
#include <stdio.h>

extern const struct glint_op_info glint_op_bev_scatter, glint_op_conv3x3, glint_op_conv3x3_wide,
    glint_op_conv2x2, glint_op_conv1x1, glint_op_deconv, glint_op_add;

static struct glint_map out_map(const struct glint_run *r, const struct glint_layer *layer)
{
    const struct glint_map map = glint_run_map(r, layer->out[0]);
    glint_map_clear_border(&map);
    return map;
}

/* bev_scatter */

static int bev_scatter_run(struct glint_run *r, const struct glint_layer *layer)
{
    const struct glint_map out = glint_run_map(r, layer->out[0]);
    int32_t n;
    const int32_t *coord = glint_run_coord(r, layer->in[1], &n);
    return glint_bev_scatter(r->exec, glint_run_floats(r, layer->in[0]), coord, n, &out);
}

const struct glint_op_info glint_op_bev_scatter = {.name = "bev_scatter", .run = bev_scatter_run};

/* conv3x3, conv1x1 */

static int conv_bind(struct glint_bind *bind, struct glint_layer *layer)
{
    struct glint_conv_params *p = layer->params;
    if (p->affine.kernel == 3 && p->stride == 1 && !p->plain)
        return glint_bind_conv(bind, &p->affine, &p->weights, &p->tiles);
    return glint_bind_affine(bind, &p->affine, &p->weights);
}

static bool by_tiles(const struct glint_conv_params *p)
{
    return p->affine.kernel == 3 && p->stride == 1 && !p->plain &&
           glint_conv_tiles_pay(p->affine.k, p->affine.n);
}

static bool conv_reads_half(const struct glint_net *net, const struct glint_layer *layer)
{
    const struct glint_conv_params *p = layer->params;
    return !by_tiles(p) && glint_affine_narrows(&p->affine, net->narrow, p->affine.kernel * p->affine.kernel);
}

static size_t conv3x3_scratch(const struct glint_net *net, const struct glint_layer *layer)
{
    const struct glint_conv_params *p = layer->params;
    (void)net;
    return by_tiles(p) ? glint_conv_tiles_scratch(p->affine.k, p->affine.n) : 0;
}

static void count_conv(struct glint_run *r, const struct glint_layer *layer, const struct glint_weights *w,
                       const struct glint_map *out)
{
    glint_run_flop(r, layer, 2.0 * out->h * out->w * (double)w->k * w->n);
}

static int conv3x3_run(struct glint_run *r, const struct glint_layer *layer)
{
    const struct glint_conv_params *p = layer->params;
    const struct glint_map in = glint_run_map(r, layer->in[0]), out = out_map(r, layer);
    const struct glint_map residual =
        layer->n_in > 1 ? glint_run_map(r, layer->in[1]) : (struct glint_map){0};
    const struct glint_map *added = layer->n_in > 1 ? &residual : NULL;
    if (p->tiles.n) {
        glint_run_flop(r, layer, glint_conv_tiles_flop(&p->tiles, glint_active_cap_tiles(out.h, out.w)));
        return glint_conv_tiles(r->exec, &in, &p->tiles, p->act, added, &out, NULL, 0);
    }
    count_conv(r, layer, &p->weights, &out);
    if (p->plain && !added && !out.half && !in.half)
        return glint_conv3x3_by_taps(r->exec, &in, &p->weights, p->stride, p->act, &out);
    return glint_conv3x3(r->exec, &in, &p->weights, p->stride, p->act, added, &out);
}

static int conv3x3_wide_run(struct glint_run *r, const struct glint_layer *layer)
{
    const struct glint_conv_params *p = layer->params;
    const struct glint_map in = glint_run_map(r, layer->in[0]), out = out_map(r, layer);
    const struct glint_map residual =
        layer->n_in > 1 ? glint_run_map(r, layer->in[1]) : (struct glint_map){0};
    count_conv(r, layer, &p->weights, &out);
    return glint_conv3x3_wide(r->exec, &in, &p->weights, p->dilation, p->act,
                              layer->n_in > 1 ? &residual : NULL, &out);
}

static int conv1x1_run(struct glint_run *r, const struct glint_layer *layer)
{
    const struct glint_conv_params *p = layer->params;
    const struct glint_map in = glint_run_map(r, layer->in[0]), out = out_map(r, layer);
    count_conv(r, layer, &p->weights, &out);
    return glint_conv1x1(r->exec, &in, &p->weights, p->stride, p->act, &out);
}

static int conv2x2_run(struct glint_run *r, const struct glint_layer *layer)
{
    const struct glint_conv_params *p = layer->params;
    const struct glint_map in = glint_run_map(r, layer->in[0]), out = out_map(r, layer);
    count_conv(r, layer, &p->weights, &out);
    return glint_conv2x2(r->exec, &in, &p->weights, p->act, &out);
}

static void conv_text(const struct glint_layer *layer, char *text, size_t size)
{
    const struct glint_conv_params *p = layer->params;
    snprintf(text, size, "%d -> %d%s%s%s%s", p->affine.k, p->affine.n, p->stride == 2 ? ", stride 2" : "",
             p->act == GLINT_ACT_RELU ? ", relu" : "", layer->n_in > 1 ? ", residual" : "",
             p->act == GLINT_ACT_RELU_LAST ? ", relu" : "");
}

const struct glint_op_info glint_op_conv3x3 = {
    .name = "conv3x3",
    .params_size = sizeof(struct glint_conv_params),
    .bind = conv_bind,
    .scratch = conv3x3_scratch,
    .run = conv3x3_run,
    .reads_half = conv_reads_half,
    .text = conv_text,
};
const struct glint_op_info glint_op_conv2x2 = {
    .name = "conv2x2",
    .params_size = sizeof(struct glint_conv_params),
    .bind = conv_bind,
    .run = conv2x2_run,
    .reads_half = conv_reads_half,
    .text = conv_text,
};
const struct glint_op_info glint_op_conv3x3_wide = {
    .name = "conv3x3_wide",
    .params_size = sizeof(struct glint_conv_params),
    .bind = conv_bind,
    .run = conv3x3_wide_run,
    .text = conv_text,
};
const struct glint_op_info glint_op_conv1x1 = {
    .name = "conv1x1",
    .params_size = sizeof(struct glint_conv_params),
    .bind = conv_bind,
    .run = conv1x1_run,
    .reads_half = conv_reads_half,
    .text = conv_text,
};

struct glint_layer *glint_build_conv(struct glint_build *b, enum glint_stage stage, const char *prefix,
                                     bool with_bias, const char *norm, double norm_eps, int32_t kernel,
                                     int32_t stride, enum glint_act act, int32_t in, int32_t residual,
                                     int32_t out)
{
    struct glint_layer *layer = glint_build_layer(b,
                                                  kernel == 3   ? GLINT_OP_CONV3X3
                                                  : kernel == 2 ? GLINT_OP_CONV2X2
                                                                : GLINT_OP_CONV1X1,
                                                  stage, "%s", prefix);
    struct glint_conv_params *p = layer->params;
    glint_affine_set(&p->affine, prefix, with_bias, norm, norm_eps, b->net->values[in].c,
                     b->net->values[out].c, kernel);
    p->stride = stride;
    p->act = act;
    glint_build_in(b, layer, in);
    if (residual >= 0)
        glint_build_in(b, layer, residual);
    glint_build_out(b, layer, out);
    return layer;
}

struct glint_layer *glint_build_conv_wide(struct glint_build *b, enum glint_stage stage, const char *prefix,
                                          bool with_bias, const char *norm, double norm_eps, int32_t dilation,
                                          enum glint_act act, int32_t in, int32_t residual, int32_t out)
{
    struct glint_layer *layer =
        glint_build_conv(b, stage, prefix, with_bias, norm, norm_eps, 3, 1, act, in, residual, out);
    struct glint_conv_params *p = layer->params;
    layer->op = GLINT_OP_CONV3X3_WIDE;
    p->dilation = dilation;
    p->plain = p->affine.exact = true; /* in float */
    return layer;
}

/* deconv */

static int deconv_bind(struct glint_bind *bind, struct glint_layer *layer)
{
    struct glint_deconv_params *p = layer->params;
    return glint_bind_deconv(bind, &p->affine, p->weights);
}

static int deconv_run(struct glint_run *r, const struct glint_layer *layer)
{
    const struct glint_deconv_params *p = layer->params;
    const struct glint_map in = glint_run_map(r, layer->in[0]), out = out_map(r, layer);
    glint_run_flop(r, layer, 2.0 * out.h * out.w * (double)p->affine.k * p->affine.n);
    return glint_deconv(r->exec, &in, p->weights, p->affine.kernel, p->act, &out);
}

static bool deconv_reads_half(const struct glint_net *net, const struct glint_layer *layer)
{
    return glint_affine_narrows(&((const struct glint_deconv_params *)layer->params)->affine, net->narrow, 1);
}

static void deconv_text(const struct glint_layer *layer, char *text, size_t size)
{
    const struct glint_deconv_params *p = layer->params;
    snprintf(text, size, "%d -> %d, x %d%s", p->affine.k, p->affine.n, p->affine.kernel,
             p->act == GLINT_ACT_RELU ? ", relu" : "");
}

const struct glint_op_info glint_op_deconv = {
    .name = "deconv",
    .params_size = sizeof(struct glint_deconv_params),
    .bind = deconv_bind,
    .run = deconv_run,
    .reads_half = deconv_reads_half,
    .text = deconv_text,
};

struct glint_layer *glint_build_deconv(struct glint_build *b, enum glint_stage stage, const char *prefix,
                                       const char *norm, double norm_eps, int32_t scale, enum glint_act act,
                                       int32_t in, int32_t out)
{
    struct glint_layer *layer = glint_build_layer(b, GLINT_OP_DECONV, stage, "%s", prefix);
    struct glint_deconv_params *p = layer->params;
    glint_affine_set(&p->affine, prefix, false, norm, norm_eps, b->net->values[in].c, b->net->values[out].c,
                     scale);
    p->act = act;
    glint_build_in(b, layer, in);
    glint_build_out(b, layer, out);
    return layer;
}

/* add */

struct add {
    struct glint_map a, b, out;
};

static void add_rows(void *ctx, int64_t begin, int64_t end, int worker)
{
    const struct add *m = ctx;
    (void)worker;
    for (int64_t y = begin; y < end; y++)
        for (int64_t x = 0; x < m->out.w; x++) {
            const float *a = m->a.data + y * m->a.pitch + x * m->a.ld;
            const float *b = m->b.data + y * m->b.pitch + x * m->b.ld;
            float *out = m->out.data + y * m->out.pitch + x * m->out.ld;
            for (int32_t c = 0; c < m->out.c; c++)
                out[c] = a[c] + b[c];
        }
}

static int add_run(struct glint_run *r, const struct glint_layer *layer)
{
    struct add m = {glint_run_map(r, layer->in[0]), glint_run_map(r, layer->in[1]), out_map(r, layer)};
    glint_pool_for(r->exec->pool, m.out.h, 8, add_rows, &m);
    glint_map_round(r->exec, &m.out);
    return GLINT_OK;
}

const struct glint_op_info glint_op_add = {.name = "add", .run = add_run};
