/* model/op_sparse.c - operations on sparse sites: the sites of voxels and of strided convolutions, rules
 * between them (voxel/), and the convolutions themselves (attention/sparse_conv.h). */
#include "core/log.h"
#include "core/status.h"
#include "model/ops.h"
#include "model/run.h"
#include <stdio.h>
#include <string.h>

extern const struct glint_op_info glint_op_sites, glint_op_sites_strided, glint_op_rules,
    glint_op_sites_to_map, glint_op_sparse_conv;

static void count_bytes(struct glint_run *r, const struct glint_layer *layer, double bytes)
{
    r->cost.bytes[layer->stage] += bytes;
}

/* Whole sites are missing: told with the frame, and in words. */
static void clipped(struct glint_run *r, const struct glint_layer *layer, const struct glint_sites *s)
{
    r->frame->health |= GLINT_HEALTH_BIT(GLINT_HEALTH_NETWORK_CLIPPED);
    glint_log(GLINT_LOG_WARN, "%s: frame %llu has %lld sites more than the %d there is room for", layer->name,
              (unsigned long long)r->frame->index, (long long)s->n_lost, s->cap);
}

/* sites */

int32_t glint_build_voxel_sites(struct glint_build *b, const char *name, int32_t voxels, int32_t cap,
                                const int32_t dim[3])
{
    struct glint_layer *layer =
        glint_build_layer(b, GLINT_OP_SITES, GLINT_STAGE_VOXELIZE, "%s", name ? name : "voxels");
    const int32_t sites = glint_build_sites(b, name, cap, dim);
    glint_build_in(b, layer, voxels);
    glint_build_out(b, layer, sites);
    return sites;
}

static int sites_run(struct glint_run *r, const struct glint_layer *layer)
{
    const struct glint_voxels *v = r->voxels;
    struct glint_sites *s = glint_run_new_sites(r, layer->out[0]);
    s->n = v->n_voxels < s->cap ? v->n_voxels : s->cap;
    s->n_lost = v->n_voxels - s->n;
    if (v->shown) /* whose memory is the voxels' */
        s->shown = memcpy(s->scratch, v->shown, (size_t)s->n * sizeof *s->scratch);
    memcpy(s->coord, v->coord, (size_t)s->n * 3 * sizeof *s->coord);
    if (s->n_lost > 0)
        clipped(r, layer, s);
    count_bytes(r, layer, 24.0 * s->n);
    return glint_sites_index(r->exec, s); /* in order already: its scratch stays as it is */
}

const struct glint_op_info glint_op_sites = {.name = "sites", .run = sites_run};

/* sites_to_map */

static int sites_to_map_run(struct glint_run *r, const struct glint_layer *layer)
{
    const struct glint_sites *s = glint_run_sites(r, layer->in[1]);
    const struct glint_map out = glint_run_map(r, layer->out[0]);
    return glint_stack_scatter(r->exec, glint_run_floats(r, layer->in[0]), s->coord, s->n,
                               out.c / r->net->values[layer->in[0]].c, &out);
}

const struct glint_op_info glint_op_sites_to_map = {.name = "sites_to_map", .run = sites_to_map_run};

/* sites_strided */

int32_t glint_build_sites_strided(struct glint_build *b, const char *name, int32_t sites,
                                  const struct glint_stencil *stencil, int32_t cap)
{
    struct glint_layer *layer =
        glint_build_layer(b, GLINT_OP_SITES_STRIDED, GLINT_STAGE_VOXELIZE, "%s", name ? name : "strided");
    const struct glint_value *from = &b->net->values[sites];
    int32_t dim[3] = {1, 1, 1};
    if (b->status == GLINT_OK && glint_stencil_dim(stencil, from->dim, dim) != GLINT_OK) {
        char why[160];
        snprintf(why, sizeof why, "%s", glint_error_text());
        b->status = glint_json_fail(glint_json_get(b->config->root, "grid"), "too small for %s: %s",
                                    name ? name : "its convolutions", why);
    }
    const int64_t cells = (int64_t)dim[0] * dim[1] * dim[2];
    int64_t most = cap > 0 ? cap : 2 * (int64_t)from->cap;
    most = most < cells ? most : cells;
    ((struct glint_stencil_params *)layer->params)->stencil = *stencil;
    const int32_t out =
        glint_build_sites(b, name, (int32_t)(most < INT32_MAX / 4 ? most : INT32_MAX / 4), dim);
    glint_build_in(b, layer, sites);
    glint_build_out(b, layer, out);
    return out;
}

static int sites_strided_run(struct glint_run *r, const struct glint_layer *layer)
{
    const struct glint_stencil_params *p = layer->params;
    const struct glint_sites *in = glint_run_sites(r, layer->in[0]);
    struct glint_sites *out = glint_run_new_sites(r, layer->out[0]);
    GLINT_TRY(glint_sites_strided(r->exec, in, &p->stencil, out));
    if (out->n_lost > 0)
        clipped(r, layer, out);
    count_bytes(r, layer, 24.0 * in->n + 24.0 * out->n);
    return GLINT_OK;
}

static size_t sites_strided_scratch(const struct glint_net *net, const struct glint_layer *layer)
{
    return glint_sites_strided_scratch(net->values[layer->out[0]].dim);
}

static void stencil_text(const struct glint_layer *layer, char *text, size_t size)
{
    const struct glint_stencil *k = &((const struct glint_stencil_params *)layer->params)->stencil;
    snprintf(text, size, "kernel %d x %d x %d, stride %d %d %d", k->size[2], k->size[1], k->size[0],
             k->stride[2], k->stride[1], k->stride[0]);
}

const struct glint_op_info glint_op_sites_strided = {
    .name = "sites_strided",
    .params_size = sizeof(struct glint_stencil_params),
    .scratch = sites_strided_scratch,
    .run = sites_strided_run,
    .text = stencil_text,
};

/* rules */

int32_t glint_build_sites_rules(struct glint_build *b, const char *name, int32_t in, int32_t out,
                                const struct glint_stencil *stencil)
{
    struct glint_layer *layer =
        glint_build_layer(b, GLINT_OP_RULES, GLINT_STAGE_VOXELIZE, "%s", name ? name : "rules");
    ((struct glint_stencil_params *)layer->params)->stencil = *stencil;
    const int32_t rules = glint_build_rules(b, name, out, glint_stencil_cells(stencil));
    glint_build_in(b, layer, in);
    glint_build_in(b, layer, out);
    glint_build_out(b, layer, rules);
    return rules;
}

static int rules_run(struct glint_run *r, const struct glint_layer *layer)
{
    const struct glint_stencil_params *p = layer->params;
    const struct glint_sites *in = glint_run_sites(r, layer->in[0]), *out = glint_run_sites(r, layer->in[1]);
    struct glint_rules *rules = glint_run_new_rules(r, layer->out[0]);
    GLINT_TRY(glint_rules_make(r->exec, &p->stencil, in, out, rules));
    count_bytes(r, layer, 16.0 * ((double)in->n + out->n) + 8.0 * (double)glint_rules_count(rules, NULL));
    return GLINT_OK;
}

const struct glint_op_info glint_op_rules = {
    .name = "rules",
    .params_size = sizeof(struct glint_stencil_params),
    .run = rules_run,
    .text = stencil_text,
};

/* sparse_conv */

struct glint_layer *glint_build_sparse_conv(struct glint_build *b, enum glint_stage stage, const char *prefix,
                                            bool with_bias, const char *norm, double norm_eps,
                                            const struct glint_stencil *stencil, enum glint_act act,
                                            int32_t in, int32_t rules, int32_t residual, int32_t out)
{
    struct glint_layer *layer = glint_build_layer(b, GLINT_OP_SPARSE_CONV, stage, "%s", prefix);
    struct glint_sparse_conv_params *p = layer->params;
    const int32_t k = b->net->values[in].c, n = b->net->values[out].c;
    glint_affine_set(&p->affine, prefix, with_bias, norm, norm_eps, k, n, 0);
    p->affine.exact = true; /* in float whatever the model's precision */
    memcpy(p->size, stencil->size, sizeof p->size);
    p->conv = (struct glint_sparse_conv){.c = k, .n = n, .n_cells = glint_stencil_cells(stencil), .act = act};
    glint_build_in(b, layer, in);
    glint_build_in(b, layer, rules);
    if (residual >= 0)
        glint_build_in(b, layer, residual);
    glint_build_out(b, layer, out);
    return layer;
}

static int sparse_conv_bind(struct glint_bind *bind, struct glint_layer *layer)
{
    struct glint_sparse_conv_params *p = layer->params;
    GLINT_TRY(glint_bind_cells(bind, &p->affine, p->size, &p->cells, &p->conv.bias));
    p->conv.cell = p->cells;
    return GLINT_OK;
}

static int sparse_conv_run(struct glint_run *r, const struct glint_layer *layer)
{
    const struct glint_sparse_conv *s = &((const struct glint_sparse_conv_params *)layer->params)->conv;
    const struct glint_rules *rules = glint_run_rules(r, layer->in[1]);
    const struct glint_pairs pairs = {.n_out = rules->n_out,
                                      .n_cells = rules->n_cells,
                                      .tile = GLINT_RULES_TILE,
                                      .n_tiles = rules->n_tiles,
                                      .order = rules->order,
                                      .first = rules->first,
                                      .in = rules->in,
                                      .out = rules->out};
    const double n_pairs = (double)glint_rules_count(rules, NULL);
    glint_run_flop(r, layer, 2.0 * n_pairs * s->c * s->n);
    count_bytes(r, layer,
                8.0 * n_pairs +
                    4.0 * ((double)rules->n_in * s->c + (layer->n_in > 2 ? 2.0 : 1.0) * rules->n_out * s->n +
                           (double)s->n_cells * s->c * s->n));
    return glint_sparse_conv(r->exec, s, &pairs, glint_run_floats(r, layer->in[0]),
                             layer->n_in > 2 ? glint_run_floats(r, layer->in[2]) : NULL,
                             glint_run_floats(r, layer->out[0]));
}

static void sparse_conv_text(const struct glint_layer *layer, char *text, size_t size)
{
    const struct glint_sparse_conv_params *p = layer->params;
    snprintf(text, size, "%d -> %d, kernel %d x %d x %d%s%s", p->conv.c, p->conv.n, p->size[2], p->size[1],
             p->size[0], p->conv.act == GLINT_ACT_RELU ? ", relu" : "", layer->n_in > 2 ? ", residual" : "");
}

const struct glint_op_info glint_op_sparse_conv = {
    .name = "sparse_conv",
    .params_size = sizeof(struct glint_sparse_conv_params),
    .bind = sparse_conv_bind,
    .run = sparse_conv_run,
    .text = sparse_conv_text,
};
