/* model/arch_flatpoint.c - "flatpoint": a small relative of FlatFormer that finds boxes and classifies
 * points.
 *
 * Pillars, two-layer DynamicVFE, FlatFormer layers over groups in four plain window orders with a position
 * embedding of the place in the window, pillars merged s x s into a coarse map (no fine map exists), a
 * residual stage and a stage at half resolution, joined; heat map by 1x1; boxes from a patch of the map at
 * heat map peaks only; point classes from point, pillar and map features. The rows of its maps run along x,
 * the columns along y. docs/MODELS.md describes the configuration. */
#include "core/status.h"
#include "model/flatpoint.h"
#include "model/ops.h"
#include <stdio.h>
#include <string.h>

#define ORDERS 4

struct config {
    int32_t vfe[GLINT_VFE_LAYERS], n_vfe;
    float scale[GLINT_VFE_COLUMNS];
    int32_t dim, heads, ffn, blocks, window, group;
    double temperature, layer_norm_eps, norm_eps;
    int32_t stride, channels[2], shared;
    int32_t patch, hidden, point_hidden;
    struct glint_peak_head_params peaks; /* thresholds and distances */
};

struct values { /* indices of the network's values */
    int32_t voxels, points, tokens, pe[2], order[ORDERS], fused;
};

/* Configuration */

static int read_encoder(struct glint_json root, struct config *c)
{
    struct glint_json vfe, e;
    GLINT_TRY(glint_config_section(root, "vfe", "widths scale", &vfe));
    GLINT_TRY(glint_json_i32s(vfe, "widths", -1, GLINT_VFE_LAYERS, 1, 1024, c->vfe, &c->n_vfe));
    GLINT_TRY(glint_config_section(
        root, "encoder", "dim heads ffn blocks window group position_temperature layer_norm_eps", &e));
    GLINT_TRY(glint_json_i32(e, "dim", 4, 1024, &c->dim));
    GLINT_TRY(glint_json_i32(e, "heads", 1, 64, &c->heads));
    GLINT_TRY(glint_json_i32(e, "ffn", 1, 4096, &c->ffn));
    GLINT_TRY(glint_json_i32(e, "blocks", 1, 16, &c->blocks));
    GLINT_TRY(glint_json_i32(e, "window", 1, 64, &c->window));
    GLINT_TRY(glint_json_i32(e, "group", 1, 1024, &c->group));
    GLINT_TRY(glint_json_f64(e, "position_temperature", 1, 1e6, &c->temperature));
    GLINT_TRY(glint_json_f64(e, "layer_norm_eps", 0, 1, &c->layer_norm_eps));
    if (c->dim % c->heads || c->dim % 4)
        return glint_json_fail(glint_json_get(e, "dim"), "a multiple of 4 and of heads expected, found %d",
                               c->dim);
    if (c->n_vfe < 1 || c->vfe[c->n_vfe - 1] != c->dim)
        return glint_json_fail(glint_json_get(vfe, "widths"), "the last width must be encoder.dim, %d",
                               c->dim);
    return GLINT_OK;
}

/* The classes of "exclusive" suppress each other, the others only themselves. */
static int read_exclusive(struct glint_json head, const struct glint_model_config *m, struct config *c)
{
    const char *names[GLINT_CLASSES_MAX];
    int32_t n = 0;
    for (int32_t i = 0; i < m->n_classes; i++)
        c->peaks.class_group[i] = i;
    if (glint_json_has(head, "exclusive"))
        GLINT_TRY(glint_json_strings(head, "exclusive", GLINT_CLASSES_MAX, names, &n));
    for (int32_t k = 0; k < n; k++) {
        int32_t label = 0;
        while (label < m->n_classes && strcmp(names[k], m->classes[label]))
            label++;
        if (label == m->n_classes)
            return glint_json_fail(glint_json_at(glint_json_get(head, "exclusive"), (size_t)k),
                                   "a class of \"classes\" expected, found \"%s\"", names[k]);
        c->peaks.class_group[label] = m->n_classes;
    }
    return GLINT_OK;
}

static int read_head(const struct glint_model_config *m, struct config *c)
{
    struct glint_json bev, head, points;
    GLINT_TRY(glint_config_section(m->root, "bev", "stride channels shared norm_eps", &bev));
    GLINT_TRY(glint_json_i32(bev, "stride", 1, 4, &c->stride));
    GLINT_TRY(glint_json_i32s(bev, "channels", 2, 2, 1, GLINT_CHANNELS_MAX, c->channels, NULL));
    GLINT_TRY(glint_json_i32(bev, "shared", 1, GLINT_CHANNELS_MAX, &c->shared));
    GLINT_TRY(glint_json_f64(bev, "norm_eps", 0, 1, &c->norm_eps));
    GLINT_TRY(glint_config_section(m->root, "head", "patch hidden peaks score distance_m exclusive", &head));
    GLINT_TRY(glint_json_i32(head, "patch", 1, 15, &c->patch));
    GLINT_TRY(glint_json_i32(head, "hidden", 1, 1024, &c->hidden));
    GLINT_TRY(glint_json_i32(head, "peaks", 1, 4096, &c->peaks.max_peaks));
    GLINT_TRY(glint_config_floats(head, "score", m->n_classes, 0, 1, c->peaks.score));
    GLINT_TRY(glint_config_floats(head, "distance_m", m->n_classes, 0, 1000, c->peaks.distance_m));
    GLINT_TRY(read_exclusive(head, m, c));
    GLINT_TRY(glint_config_section(m->root, "points", "hidden", &points));
    GLINT_TRY(glint_json_i32(points, "hidden", 1, 1024, &c->point_hidden));
    if (c->patch % 2 == 0)
        return glint_json_fail(glint_json_get(head, "patch"), "an odd number expected, found %d", c->patch);
    if (m->n_point_classes < 1)
        return glint_json_fail(m->root, "\"point_classes\" expected: the network has a point head");
    return GLINT_OK;
}

static int read_config(const struct glint_model_config *m, struct config *c)
{
    *c = (struct config){0};
    GLINT_TRY(read_encoder(m->root, c));
    GLINT_TRY(read_head(m, c));
    const struct glint_json vfe = glint_json_get(m->root, "vfe");
    GLINT_TRY(glint_config_floats(vfe, "scale", m->n_fields + 6, -1e6, 1e6, c->scale));
    const int32_t *dim = m->grid.dim;
    if (dim[0] != dim[1] || dim[0] % (2 * c->stride))
        return glint_json_fail(glint_json_get(m->root, "grid"),
                               "a square grid of a multiple of %d cells expected, found %d x %d",
                               2 * c->stride, dim[0], dim[1]);
    return GLINT_OK;
}

/* Layers */

static void add_voxels(struct glint_build *b, const struct config *c, struct values *v)
{
    const struct glint_model_config *m = b->config;
    v->voxels = glint_build_voxels(b);
    struct glint_layer *layer = glint_build_layer(b, GLINT_OP_VOXELIZE, GLINT_STAGE_VOXELIZE, "voxels");
    struct glint_voxelize_params *p = layer->params;
    p->grid = m->grid;
    p->grid.x_major = true;
    glint_build_out(b, layer, v->voxels);
    for (int32_t i = 0; i < ORDERS; i++) { /* x, x shifted, y, y shifted */
        static const char *const names[ORDERS] = {"perm.x", "perm.x_shift", "perm.y", "perm.y_shift"};
        v->order[i] = glint_build_order(b, names[i]);
        layer = glint_build_layer(b, GLINT_OP_WINDOW_ORDER, GLINT_STAGE_VOXELIZE, "%s", names[i]);
        struct glint_window_order_params *o = layer->params;
        o->order = (struct glint_window_order){.style = GLINT_WINDOW_PLAIN,
                                               .window = c->window,
                                               .grid = m->grid.dim[0],
                                               .shift = i % 2 ? c->window / 2 : 0,
                                               .axis = i / 2};
        glint_build_in(b, layer, v->voxels);
        glint_build_out(b, layer, v->order[i]);
        glint_build_out(b, layer, glint_build_bytes(b, (size_t)b->net->cap_voxels * 4 * sizeof(int32_t)));
    }
}

static void add_vfe(struct glint_build *b, const struct config *c, struct values *v)
{
    const struct glint_model_config *m = b->config;
    struct glint_layer *layer = glint_build_layer(b, GLINT_OP_VFE, GLINT_STAGE_ENCODE, "vfe");
    struct glint_vfe_params *p = layer->params;
    struct glint_vfe *vfe = &p->vfe;
    for (int32_t i = 0; i < m->n_fields; i++)
        vfe->column[vfe->n_columns++] = (struct glint_vfe_column){GLINT_VFE_FIELD, (int32_t)m->fields[i], 1};
    for (int32_t k = 0; k < 3; k++)
        vfe->column[vfe->n_columns++] = (struct glint_vfe_column){GLINT_VFE_MEAN, k, 1};
    for (int32_t k = 0; k < 2; k++)
        vfe->column[vfe->n_columns++] = (struct glint_vfe_column){GLINT_VFE_CENTRE, k, 1};
    vfe->column[vfe->n_columns++] = (struct glint_vfe_column){GLINT_VFE_FIELD, GLINT_FIELD_Z, 1};
    for (int32_t i = 0; i < vfe->n_columns; i++)
        vfe->column[i].scale = c->scale[i];
    for (int k = 0; k < 3; k++) {
        vfe->cell[k] = m->pillar[k];
        vfe->centre_offset[k] = m->pillar[k] / 2 + m->range[k];
    }
    for (int32_t l = 0; l < c->n_vfe; l++) {
        char linear[16], norm[16];
        snprintf(linear, sizeof linear, "vfe.l%d", l + 1);
        snprintf(norm, sizeof norm, "vfe.b%d", l + 1);
        glint_vfe_layer_set(p, linear, norm, c->norm_eps, c->vfe[l]);
    }
    v->tokens = glint_build_tokens(b, "vfe.out", c->dim);
    v->points = glint_build_points(b, NULL, c->dim);
    p->point_out[c->n_vfe - 1] = 1;
    glint_build_in(b, layer, v->voxels);
    glint_build_out(b, layer, v->tokens);
    glint_build_out(b, layer, v->points);
    glint_vfe_set_intensity(b, layer, p);
}

static void add_positions(struct glint_build *b, const struct config *c, struct values *v)
{
    for (int32_t i = 0; i < 2; i++) {
        v->pe[i] = glint_build_tokens(b, i ? "pe_shift" : "pe", c->dim);
        struct glint_layer *layer =
            glint_build_layer(b, GLINT_OP_POSENC, GLINT_STAGE_ENCODE, i ? "pe_shift" : "pe");
        struct glint_posenc_params *p = layer->params;
        p->style = GLINT_POSENC_WINDOW;
        p->dim = c->dim;
        p->n_values = b->config->grid.dim[0];
        p->window = c->window;
        p->shift = i ? c->window / 2 : 0;
        p->temperature = (float)c->temperature;
        glint_build_in(b, layer, v->voxels);
        glint_build_out(b, layer, v->pe[i]);
    }
}

static void set_affine(struct glint_affine *a, const char *prefix, const char *part, int32_t k, int32_t n)
{
    char name[GLINT_TENSOR_NAME];
    snprintf(name, sizeof name, "%s.%s", prefix, part);
    glint_affine_set(a, name, true, NULL, 0, k, n, 0);
}

static void add_attention(struct glint_build *b, const struct config *c, struct values *v)
{
    for (int32_t i = 0; i < ORDERS * c->blocks; i++) {
        char prefix[32], name[40];
        snprintf(prefix, sizeof prefix, "layers.%d", i);
        snprintf(name, sizeof name, "enc.b%d.l%d", i / ORDERS, i % ORDERS);
        struct glint_layer *layer =
            glint_build_layer(b, GLINT_OP_FLAT_LAYER, GLINT_STAGE_ATTEND, "%s", prefix);
        struct glint_flat_layer_params *p = layer->params;
        p->layer = (struct glint_flat_layer){.dim = c->dim,
                                             .heads = c->heads,
                                             .ffn = c->ffn,
                                             .group = c->group,
                                             .norm_eps = (float)c->layer_norm_eps,
                                             .short_group = GLINT_SHORT_GROUP_WRAP};
        set_affine(&p->qk, prefix, "qk", c->dim, 2 * c->dim);
        set_affine(&p->v, prefix, "v", c->dim, c->dim);
        set_affine(&p->out, prefix, "o", c->dim, c->dim);
        set_affine(&p->fc1, prefix, "f1", c->dim, c->ffn);
        set_affine(&p->fc2, prefix, "f2", c->ffn, c->dim);
        snprintf(p->norm1, sizeof p->norm1, "%s.n1", prefix);
        snprintf(p->norm2, sizeof p->norm2, "%s.n2", prefix);
        glint_build_in(b, layer, v->tokens);
        glint_build_in(b, layer, v->pe[i % 2]);
        glint_build_in(b, layer, v->order[i % ORDERS]);
        v->tokens = glint_build_tokens(b, name, c->dim);
        glint_build_out(b, layer, v->tokens);
    }
}

static int32_t add_merge(struct glint_build *b, const struct config *c, const struct values *v, int32_t side)
{
    const int32_t map = glint_build_map(b, "merged", side, side, c->channels[0]);
    struct glint_layer *layer = glint_build_layer(b, GLINT_OP_PATCH_MERGE, GLINT_STAGE_BEV, "merge");
    struct glint_patch_merge_params *p = layer->params;
    p->merge = (struct glint_patch_merge){.stride = c->stride, .row_axis = 0};
    glint_affine_set(&p->affine, "merge", false, "mb", c->norm_eps, c->dim, c->channels[0], 0);
    glint_build_in(b, layer, v->tokens);
    glint_build_in(b, layer, v->voxels);
    glint_build_out(b, layer, map);
    glint_build_out(b, layer, glint_build_bytes(b, glint_patch_merge_scratch(side, side, c->stride)));
    return map;
}

/* 3x3 convolution NAME.0, norm NAME.1, ReLU, to a new map. */
static int32_t add_conv(struct glint_build *b, const struct config *c, const char *name, int32_t stride,
                        int32_t in, int32_t residual, int32_t out)
{
    char conv[24], norm[24];
    snprintf(conv, sizeof conv, "%s.0", name);
    snprintf(norm, sizeof norm, "%s.1", name);
    glint_build_conv(b, GLINT_STAGE_BEV, conv, false, norm, c->norm_eps, 3, stride, GLINT_ACT_RELU, in,
                     residual, out);
    return out;
}

static void add_maps(struct glint_build *b, const struct config *c, struct values *v)
{
    const int32_t side = b->config->grid.dim[0] / c->stride, half = side / 2, c1 = c->channels[0],
                  c2 = c->channels[1];
    const int32_t merged = add_merge(b, c, v, side);
    const int32_t joined = glint_build_map(b, "joined", side, side, 2 * c1);
    const int32_t a = glint_build_slice(b, "a", joined, 0, c1),
                  up = glint_build_slice(b, "up", joined, c1, c1);
    int32_t x = add_conv(b, c, "s1.0", 1, merged, -1, glint_build_map(b, NULL, side, side, c1));
    add_conv(b, c, "s1.1", 1, x, merged, a); /* a = s1(merged) + merged */
    x = add_conv(b, c, "s2.0", 2, a, -1, glint_build_map(b, NULL, half, half, c2));
    x = add_conv(b, c, "s2.1", 1, x, -1, glint_build_map(b, NULL, half, half, c2));
    x = add_conv(b, c, "s2.2", 1, x, -1, glint_build_map(b, "s2", half, half, c2));
    glint_build_deconv(b, GLINT_STAGE_BEV, "up", "ub", c->norm_eps, 2, GLINT_ACT_RELU, x, up);
    v->fused = add_conv(b, c, "fuse", 1, joined, -1, glint_build_map(b, "h", side, side, c->shared));
}

static void add_boxes(struct glint_build *b, const struct config *c, const struct values *v)
{
    const struct glint_model_config *m = b->config;
    const int32_t side = m->grid.dim[0] / c->stride;
    const int32_t heat = glint_build_map(b, "head.heatmap", side, side, m->n_classes);
    glint_build_conv(b, GLINT_STAGE_HEAD, "hm", true, NULL, 0, 1, 1, GLINT_ACT_NONE, v->fused, -1, heat);
    struct glint_layer *layer = glint_build_layer(b, GLINT_OP_PEAK_HEAD, GLINT_STAGE_HEAD, "box");
    struct glint_peak_head_params *p = layer->params;
    *p = c->peaks;
    p->head = (struct glint_head_patch){.patch = c->patch,
                                        .row_axis = 0,
                                        .cell_m = m->pillar[0] * (float)c->stride,
                                        .origin_m = {m->range[0], m->range[1]}};
    set_affine(&p->l1, "box", "l1", c->patch * c->patch * c->shared, c->hidden);
    set_affine(&p->l2, "box", "l2", c->hidden, c->hidden);
    set_affine(&p->l3, "box", "l3", c->hidden, GLINT_PATCH_OUTPUTS);
    const int32_t boxes = glint_build_bytes(b, glint_peak_head_bytes(c->peaks.max_peaks));
    glint_build_in(b, layer, heat);
    glint_build_in(b, layer, v->fused);
    glint_build_out(b, layer, boxes);
    layer = glint_build_layer(b, GLINT_OP_DISTANCE_NMS, GLINT_STAGE_NMS, "distance");
    *(struct glint_peak_head_params *)layer->params = c->peaks;
    glint_build_in(b, layer, boxes);
}

static void add_points(struct glint_build *b, const struct config *c, const struct values *v)
{
    struct glint_layer *layer = glint_build_layer(b, GLINT_OP_POINT_HEAD, GLINT_STAGE_HEAD, "points");
    struct glint_point_head_params *p = layer->params;
    p->head = (struct glint_head_points){.stride = c->stride, .row_axis = 0};
    p->n_classes = b->config->n_point_classes;
    glint_affine_set(&p->point, "sp", true, NULL, 0, c->dim, c->point_hidden, 0);
    glint_affine_set(&p->token, "sc", false, NULL, 0, c->dim, c->point_hidden, 0);
    p->token.n_columns = c->dim + c->shared;
    glint_affine_set(&p->cell, "sc", true, NULL, 0, c->shared, c->point_hidden, 0);
    p->cell.n_columns = c->dim + c->shared;
    p->cell.first_column = c->dim;
    glint_affine_set(&p->out, "so", true, NULL, 0, c->point_hidden, p->n_classes, 0);
    glint_build_in(b, layer, v->points);
    glint_build_in(b, layer, v->tokens);
    glint_build_in(b, layer, v->fused);
    glint_build_in(b, layer, v->voxels);
    glint_build_out(b, layer, glint_build_tokens(b, NULL, c->point_hidden));
    if (b->keep_stages)
        glint_build_out(b, layer, glint_build_points(b, NULL, p->n_classes));
}

static int build(struct glint_build *b)
{
    struct config c;
    struct values v;
    GLINT_TRY(glint_config_pillars(b->config));
    GLINT_TRY(read_config(b->config, &c));
    add_voxels(b, &c, &v);
    add_vfe(b, &c, &v);
    add_positions(b, &c, &v);
    add_attention(b, &c, &v);
    add_maps(b, &c, &v);
    add_boxes(b, &c, &v);
    add_points(b, &c, &v);
    return GLINT_OK;
}

const struct glint_arch glint_arch_flatpoint = {.name = "flatpoint", .build = build};
