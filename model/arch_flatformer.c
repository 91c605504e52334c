/* model/arch_flatformer.c - FlatFormer (Liu et al., CVPR 2023): dynamic pillar encoder, flattened window
 * attention, SECOND backbone with residuals, FPN neck, centre head with an IoU branch. Tensor names are the
 * reference's (mit-han-lab/flatformer). */
#include "core/status.h"
#include "model/flatformer.h"
#include "model/head_center.h"
#include "model/ops.h"
#include <stdio.h>
#include <string.h>

#define BLOCKS_MAX 64
#define STAGES_MAX 8
#define ORDERS     4 /* x, x shifted, y, y shifted: one per layer of a block */

static const char *const order_names[ORDERS] = {"perm.x", "perm.x_shift", "perm.y", "perm.y_shift"};

struct parts { /* the configuration's own sections, checked */
    int32_t n_vfe, vfe[GLINT_VFE_LAYERS];
    double vfe_eps;
    int32_t dim, heads, ffn, blocks, window, group;
    double ln_eps;
    int32_t n_stages, channels[STAGES_MAX], layers[STAGES_MAX], strides[STAGES_MAX];
    bool residual;
    double backbone_eps;
    int32_t neck[STAGES_MAX], upsample[STAGES_MAX];
    double neck_eps;
    int32_t head;
    double head_eps, branch_eps;
    bool velocity, iou;
    struct glint_center center;
};

/* Configuration */

#define EPS_LO 0.0
#define EPS_HI 1.0

static int read_encoder(struct glint_json root, struct parts *p)
{
    struct glint_json e;
    GLINT_TRY(glint_config_section(root, "encoder", "channels heads ffn blocks window group norm_eps", &e));
    GLINT_TRY(glint_json_i32(e, "channels", 4, GLINT_CHANNELS_MAX, &p->dim));
    GLINT_TRY(glint_json_i32(e, "heads", 1, 256, &p->heads));
    GLINT_TRY(glint_json_i32(e, "ffn", 1, GLINT_CHANNELS_MAX, &p->ffn));
    GLINT_TRY(glint_json_i32(e, "blocks", 1, BLOCKS_MAX, &p->blocks));
    GLINT_TRY(glint_json_i32(e, "window", 1, 1024, &p->window));
    GLINT_TRY(glint_json_i32(e, "group", 1, 4096, &p->group));
    GLINT_TRY(glint_json_f64(e, "norm_eps", EPS_LO, EPS_HI, &p->ln_eps));
    if (p->dim % p->heads)
        return glint_json_fail(glint_json_get(e, "heads"), "a divisor of channels (%d) expected, found %d",
                               p->dim, p->heads);
    if (p->vfe[p->n_vfe - 1] != p->dim)
        return glint_json_fail(glint_json_get(e, "channels"),
                               "%d, the last of vfe.channels, expected, found %d", p->vfe[p->n_vfe - 1],
                               p->dim);
    return GLINT_OK;
}

static int read_backbone(struct glint_json root, struct parts *p)
{
    struct glint_json b;
    p->residual = true;
    GLINT_TRY(glint_config_section(root, "backbone", "channels layers strides residual norm_eps", &b));
    GLINT_TRY(
        glint_json_i32s(b, "channels", -1, STAGES_MAX, 1, GLINT_CHANNELS_MAX, p->channels, &p->n_stages));
    if (p->n_stages < 1)
        return glint_json_fail(glint_json_get(b, "channels"), "one stage at least expected");
    GLINT_TRY(glint_json_i32s(b, "layers", p->n_stages, STAGES_MAX, 0, 64, p->layers, NULL));
    GLINT_TRY(glint_json_i32s(b, "strides", p->n_stages, STAGES_MAX, 1, 2, p->strides, NULL));
    GLINT_TRY(glint_config_optional_bool(b, "residual", &p->residual));
    return glint_json_f64(b, "norm_eps", EPS_LO, EPS_HI, &p->backbone_eps);
}

/* All the neck's maps must have one size. */
static int check_neck(struct glint_json neck, const struct glint_grid *grid, const struct parts *p)
{
    int32_t h = grid->dim[1], w = grid->dim[0], h0 = 0, w0 = 0;
    for (int32_t i = 0; i < p->n_stages; i++) {
        h = (h - 1) / p->strides[i] + 1;
        w = (w - 1) / p->strides[i] + 1;
        if (i == 0) {
            h0 = h * p->upsample[i];
            w0 = w * p->upsample[i];
        }
        if (h * p->upsample[i] != h0 || w * p->upsample[i] != w0)
            return glint_json_fail(glint_json_at(glint_json_get(neck, "upsample"), (size_t)i),
                                   "makes a map of %d x %d beside one of %d x %d", h * p->upsample[i],
                                   w * p->upsample[i], h0, w0);
    }
    return GLINT_OK;
}

static int read_neck(struct glint_json root, const struct glint_grid *grid, struct parts *p)
{
    struct glint_json n;
    GLINT_TRY(glint_config_section(root, "neck", "channels upsample norm_eps", &n));
    GLINT_TRY(glint_json_i32s(n, "channels", p->n_stages, STAGES_MAX, 1, GLINT_CHANNELS_MAX, p->neck, NULL));
    GLINT_TRY(
        glint_json_i32s(n, "upsample", p->n_stages, STAGES_MAX, 1, GLINT_DECONV_MAX, p->upsample, NULL));
    GLINT_TRY(glint_json_f64(n, "norm_eps", EPS_LO, EPS_HI, &p->neck_eps));
    return check_neck(n, grid, p);
}

static int read_head(struct glint_json root, struct parts *p)
{
    struct glint_json h;
    p->velocity = p->iou = true;
    GLINT_TRY(glint_config_section(root, "head", "channels norm_eps branch_norm_eps velocity iou", &h));
    GLINT_TRY(glint_json_i32(h, "channels", 1, GLINT_CHANNELS_MAX, &p->head));
    GLINT_TRY(glint_json_f64(h, "norm_eps", EPS_LO, EPS_HI, &p->head_eps));
    GLINT_TRY(glint_json_f64(h, "branch_norm_eps", EPS_LO, EPS_HI, &p->branch_eps));
    GLINT_TRY(glint_config_optional_bool(h, "velocity", &p->velocity));
    return glint_config_optional_bool(h, "iou", &p->iou);
}

static int read_parts(const struct glint_model_config *config, struct parts *p)
{
    const struct glint_json root = config->root;
    *p = (struct parts){0};
    GLINT_TRY(glint_config_only(
        root, "glint arch name classes input grid vfe encoder backbone neck head decode nms datasets track"));
    GLINT_TRY(glint_config_pillars(config));
    if (config->grid.dim[0] != config->grid.dim[1])
        return glint_json_fail(glint_json_get(root, "grid"),
                               "as many cells along x as along y expected, found %d x %d",
                               config->grid.dim[0], config->grid.dim[1]);
    GLINT_TRY(glint_vfe_config(root, false, p->vfe, &p->n_vfe, &p->vfe_eps));
    GLINT_TRY(read_encoder(root, p));
    GLINT_TRY(read_backbone(root, p));
    GLINT_TRY(read_neck(root, &config->grid, p));
    GLINT_TRY(read_head(root, p));
    GLINT_TRY(glint_center_config(config, &p->center));
    /* The head's cells are as many pillars wide as the grid has more cells than the head's map. */
    const int32_t head_dim = ((config->grid.dim[0] - 1) / p->strides[0] + 1) * p->upsample[0];
    for (int k = 0; k < 2; k++) {
        p->center.cell[k] = (float)((double)config->pillar[k] * config->grid.dim[0] / head_dim);
        p->center.origin[k] = config->grid.origin[k];
    }
    return GLINT_OK;
}

/* Points to tokens */

/* Adds an optional output of the encoder for the tap; returns its place among the outputs. */
static int32_t vfe_output(struct glint_build *b, struct glint_layer *layer, int32_t value)
{
    glint_build_out(b, layer, value);
    return layer->n_out - 1;
}

static void show_vfe(struct glint_build *b, struct glint_layer *layer, struct glint_vfe_params *p)
{
    char name[32];
    p->in_out = vfe_output(b, layer, glint_build_points(b, "vfe.in", p->vfe.n_columns));
    p->mean_out = vfe_output(b, layer, glint_build_tokens(b, "vfe.mean_xyz", 3));
    for (int32_t l = 0; l < p->vfe.n_layers; l++) {
        snprintf(name, sizeof name, "vfe.l%d.point", l);
        p->point_out[l] = vfe_output(b, layer, glint_build_points(b, name, p->vfe.width[l]));
        snprintf(name, sizeof name, "vfe.l%d.pillar", l);
        if (l + 1 < p->vfe.n_layers)
            p->voxel_out[l] = vfe_output(b, layer, glint_build_tokens(b, name, p->vfe.width[l]));
    }
}

static int32_t add_vfe(struct glint_build *b, const struct parts *parts, int32_t voxels)
{
    char linear[64], norm[64];
    struct glint_layer *layer = glint_build_layer(b, GLINT_OP_VFE, GLINT_STAGE_ENCODE, "voxel_encoder");
    struct glint_vfe_params *p = layer->params;
    glint_vfe_set_columns(&p->vfe, b->config, false);
    for (int32_t l = 0; l < parts->n_vfe; l++) {
        snprintf(linear, sizeof linear, "voxel_encoder.vfe_layers.%d.linear", l);
        snprintf(norm, sizeof norm, "voxel_encoder.vfe_layers.%d.norm", l);
        glint_vfe_layer_set(p, linear, norm, parts->vfe_eps, parts->vfe[l]);
    }
    const int32_t tokens = glint_build_tokens(b, "vfe.out", parts->dim);
    glint_build_in(b, layer, voxels);
    glint_build_out(b, layer, tokens);
    glint_vfe_set_intensity(b, layer, p);
    if (b->keep_stages)
        show_vfe(b, layer, p);
    return tokens;
}

static int32_t add_voxelize(struct glint_build *b)
{
    struct glint_layer *layer = glint_build_layer(b, GLINT_OP_VOXELIZE, GLINT_STAGE_VOXELIZE, "pillars");
    struct glint_voxelize_params *p = layer->params;
    const int32_t voxels = glint_build_voxels(b);
    p->grid = b->config->grid;
    p->grid.clamp = true; /* also without a filter, as the reference does */
    glint_build_out(b, layer, voxels);
    return voxels;
}

/* The encoder */

static int32_t add_order(struct glint_build *b, const struct parts *parts, int32_t voxels, int32_t index)
{
    struct glint_layer *layer =
        glint_build_layer(b, GLINT_OP_WINDOW_ORDER, GLINT_STAGE_VOXELIZE, "%s", order_names[index]);
    struct glint_window_order_params *p = layer->params;
    const int32_t order = glint_build_order(b, order_names[index]);
    p->order = (struct glint_window_order){.style = GLINT_WINDOW_SNAKE,
                                           .window = parts->window,
                                           .grid = b->config->grid.dim[0],
                                           .shift = index % 2 ? parts->window / 2 : 0,
                                           .axis = index / 2};
    glint_build_in(b, layer, voxels);
    glint_build_out(b, layer, order);
    glint_build_out(b, layer, glint_build_bytes(b, (size_t)b->net->cap_voxels * 4 * sizeof(int32_t)));
    return order;
}

static int32_t add_posenc(struct glint_build *b, const struct parts *parts, int32_t voxels)
{
    struct glint_layer *layer = glint_build_layer(b, GLINT_OP_POSENC, GLINT_STAGE_ENCODE, "pe");
    struct glint_posenc_params *p = layer->params;
    const int32_t pe = glint_build_tokens(b, "pe", parts->dim);
    p->style = GLINT_POSENC_FLATFORMER;
    p->dim = parts->dim;
    p->n_values = b->config->grid.dim[0];
    glint_build_in(b, layer, voxels);
    glint_build_out(b, layer, pe);
    return pe;
}

/* Query and key rows, then value rows, are parts of one stacked tensor. */
static void set_layer_tensors(struct glint_flat_layer_params *p, const char *prefix)
{
    const struct glint_flat_layer *l = &p->layer;
    char name[GLINT_TENSOR_NAME];
    snprintf(name, sizeof name, "%s.attn.attn.out_proj", prefix);
    glint_affine_set(&p->out, name, true, NULL, 0, l->dim, l->dim, 0);
    snprintf(name, sizeof name, "%s.fc1", prefix);
    glint_affine_set(&p->fc1, name, true, NULL, 0, l->dim, l->ffn, 0);
    snprintf(name, sizeof name, "%s.fc2", prefix);
    glint_affine_set(&p->fc2, name, true, NULL, 0, l->ffn, l->dim, 0);
    p->qk = (struct glint_affine){.k = l->dim, .n = 2 * l->dim, .n_rows = 3 * l->dim};
    snprintf(p->qk.weight, sizeof p->qk.weight, "%s.attn.attn.in_proj_weight", prefix);
    snprintf(p->qk.bias, sizeof p->qk.bias, "%s.attn.attn.in_proj_bias", prefix);
    p->v = p->qk;
    p->v.n = l->dim;
    p->v.first_row = 2 * l->dim;
    snprintf(p->norm1, sizeof p->norm1, "%s.norm1", prefix);
    snprintf(p->norm2, sizeof p->norm2, "%s.norm2", prefix);
}

static int32_t add_flat_layer(struct glint_build *b, const struct parts *parts, int32_t block, int32_t index,
                              int32_t in, int32_t pe, int32_t order)
{
    char prefix[64], name[40];
    snprintf(prefix, sizeof prefix, "middle_encoder.block_list.%d.block.%d", block, index);
    snprintf(name, sizeof name, "enc.b%d.l%d", block, index);
    struct glint_layer *layer = glint_build_layer(b, GLINT_OP_FLAT_LAYER, GLINT_STAGE_ATTEND, "%s", prefix);
    struct glint_flat_layer_params *p = layer->params;
    const int32_t out = glint_build_tokens(b, name, parts->dim);
    p->layer = (struct glint_flat_layer){.dim = parts->dim,
                                         .heads = parts->heads,
                                         .ffn = parts->ffn,
                                         .group = parts->group,
                                         .norm_eps = (float)parts->ln_eps,
                                         .short_group = GLINT_SHORT_GROUP_SINGLE};
    p->first = block == 0 && index == 0;
    set_layer_tensors(p, prefix);
    glint_build_in(b, layer, in);
    glint_build_in(b, layer, pe);
    glint_build_in(b, layer, order);
    glint_build_out(b, layer, out);
    if (b->keep_stages && p->first)
        glint_build_out(b, layer,
                        glint_build_bytes(b, ((size_t)b->net->cap_voxels + (size_t)parts->group) *
                                                 (size_t)parts->dim * sizeof(float)));
    return out;
}

static int32_t add_encoder(struct glint_build *b, const struct parts *parts, int32_t voxels,
                           const int32_t *orders, int32_t tokens)
{
    const int32_t pe = add_posenc(b, parts, voxels);
    for (int32_t block = 0; block < parts->blocks; block++)
        for (int32_t i = 0; i < ORDERS; i++)
            tokens = add_flat_layer(b, parts, block, i, tokens, pe, orders[i]);
    return tokens;
}

static int32_t add_scatter(struct glint_build *b, const struct parts *parts, int32_t voxels, int32_t tokens)
{
    struct glint_layer *layer = glint_build_layer(b, GLINT_OP_BEV_SCATTER, GLINT_STAGE_BEV, "canvas");
    const int32_t canvas =
        glint_build_map(b, NULL, b->config->grid.dim[1], b->config->grid.dim[0], parts->dim);
    glint_build_in(b, layer, tokens);
    glint_build_in(b, layer, voxels);
    glint_build_out(b, layer, canvas);
    return canvas;
}

/* Backbone and neck */

static bool same_shape(const struct glint_build *b, int32_t v1, int32_t v2)
{
    const struct glint_value *a = &b->net->values[v1], *c = &b->net->values[v2];
    return a->h == c->h && a->w == c->w && a->c == c->c;
}

/* The convolution and the addition of its input; a tap sees the sum's first term by itself. */
static int32_t add_residual_conv(struct glint_build *b, const struct parts *parts, int32_t block,
                                 int32_t index, int32_t in)
{
    char prefix[64], norm[64], name[40];
    const int32_t stride = index == 0 ? parts->strides[block] : 1;
    const struct glint_value *from = &b->net->values[in];
    snprintf(prefix, sizeof prefix, "backbone.blocks.%d.%d.0", block, index);
    snprintf(norm, sizeof norm, "backbone.blocks.%d.%d.1", block, index);
    snprintf(name, sizeof name, "backbone.b%d.c%d", block, index);
    const int32_t out = glint_build_map(b, name, (from->h - 1) / stride + 1, (from->w - 1) / stride + 1,
                                        parts->channels[block]);
    const bool residual = parts->residual && same_shape(b, in, out);
    glint_build_conv(b, GLINT_STAGE_BEV, prefix, false, norm, parts->backbone_eps, 3, stride, GLINT_ACT_RELU,
                     in, residual && !b->keep_stages ? in : -1, out);
    if (!residual || !b->keep_stages)
        return out;
    const int32_t sum = glint_build_map(b, NULL, from->h, from->w, from->c);
    struct glint_layer *add = glint_build_layer(b, GLINT_OP_ADD, GLINT_STAGE_BEV, "%s + input", name);
    glint_build_in(b, add, out);
    glint_build_in(b, add, in);
    glint_build_out(b, add, sum);
    return sum;
}

static void add_backbone(struct glint_build *b, const struct parts *parts, int32_t map,
                         int32_t outs[STAGES_MAX])
{
    for (int32_t i = 0; i < parts->n_stages; i++) {
        char name[40];
        for (int32_t j = 0; j <= parts->layers[i]; j++)
            map = add_residual_conv(b, parts, i, j, map);
        snprintf(name, sizeof name, "backbone.out%d", i);
        glint_build_also(b, map, name);
        outs[i] = map;
    }
}

static int32_t add_neck(struct glint_build *b, const struct parts *parts, const int32_t outs[STAGES_MAX])
{
    int32_t channels = 0, first = 0;
    const struct glint_value *out0 = &b->net->values[outs[0]];
    for (int32_t i = 0; i < parts->n_stages; i++)
        channels += parts->neck[i];
    const int32_t neck =
        glint_build_map(b, NULL, out0->h * parts->upsample[0], out0->w * parts->upsample[0], channels);
    for (int32_t i = 0; i < parts->n_stages; i++) {
        char prefix[48], norm[48];
        snprintf(prefix, sizeof prefix, "neck.deblocks.%d.0", i);
        snprintf(norm, sizeof norm, "neck.deblocks.%d.1", i);
        const int32_t slice = glint_build_slice(b, NULL, neck, first, parts->neck[i]);
        struct glint_layer *layer = glint_build_deconv(b, GLINT_STAGE_BEV, prefix, norm, parts->neck_eps,
                                                       parts->upsample[i], GLINT_ACT_RELU, outs[i], slice);
        if (i + 1 == parts->n_stages && b->keep_stages)
            glint_build_out(b, layer,
                            glint_build_slice(b, "neck", neck, 0, channels)); /* whole, for the tap */
        first += parts->neck[i];
    }
    return neck;
}

/* Head: the heat map as a whole; the IoU where the heat passes the score; the other branches at the best
 * cells only. A tap sees all of them whole, their first convolutions one after another in one map. */

static int32_t add_branch(struct glint_build *b, const struct parts *parts, enum glint_center_branch branch,
                          int32_t shared, int32_t hidden)
{
    char prefix[64], norm[64], name[40];
    const char *branch_name = glint_center_branch_name(branch, GLINT_CENTER_MMDET);
    const struct glint_value *s = &b->net->values[shared];
    snprintf(prefix, sizeof prefix, "bbox_head.task_heads.0.%s.0.conv", branch_name);
    snprintf(norm, sizeof norm, "bbox_head.task_heads.0.%s.0.bn", branch_name);
    snprintf(name, sizeof name, "head.%s", branch_name);
    glint_build_conv(b, GLINT_STAGE_HEAD, prefix, false, norm, parts->branch_eps, 3, 1, GLINT_ACT_RELU,
                     shared, -1, hidden);
    const int32_t out =
        glint_build_map(b, name, s->h, s->w, glint_center_branch_channels(branch, b->config->n_classes));
    snprintf(prefix, sizeof prefix, "bbox_head.task_heads.0.%s.1", branch_name);
    struct glint_conv_params *last =
        glint_build_conv(b, GLINT_STAGE_HEAD, prefix, true, NULL, 0, 3, 1, GLINT_ACT_NONE, hidden, -1, out)
            ->params;
    last->affine.exact = branch != GLINT_CENTER_HEATMAP; /* as at the best cells */
    return out;
}

static bool is_there(const struct parts *parts, enum glint_center_branch branch)
{
    return branch == GLINT_CENTER_VEL ? parts->velocity : branch == GLINT_CENTER_IOU ? parts->iou : true;
}

static bool is_whole(const struct glint_build *b, enum glint_center_branch branch)
{
    return b->keep_stages || branch == GLINT_CENTER_HEATMAP;
}

static int32_t add_branch_at(struct glint_build *b, const struct parts *parts,
                             enum glint_center_branch branch, int32_t shared, int32_t cells)
{
    char prefix[64];
    snprintf(prefix, sizeof prefix, "bbox_head.task_heads.0.%s",
             glint_center_branch_name(branch, GLINT_CENTER_MMDET));
    return glint_build_center_branch(b, &parts->center, branch, prefix, parts->branch_eps, shared,
                                     parts->head, cells);
}

static void add_head(struct glint_build *b, const struct parts *parts, int32_t neck)
{
    const struct glint_value *n = &b->net->values[neck];
    int32_t maps[GLINT_CENTER_BRANCHES];
    const int32_t shared = glint_build_map(b, "head.shared", n->h, n->w, parts->head);
    glint_build_conv(b, GLINT_STAGE_HEAD, "bbox_head.shared_conv.conv", false, "bbox_head.shared_conv.bn",
                     parts->head_eps, 3, 1, GLINT_ACT_RELU, neck, -1, shared);
    const int32_t heat_hidden = glint_build_map(b, NULL, n->h, n->w, parts->head);
    const int32_t hidden = glint_build_map(b, NULL, n->h, n->w, parts->head); /* of the others */
    for (unsigned i = 0; i < GLINT_CENTER_BRANCHES; i++)
        maps[i] = is_there(parts, i) && is_whole(b, i)
                      ? add_branch(b, parts, i, shared, i == GLINT_CENTER_HEATMAP ? heat_hidden : hidden)
                      : -1;
    if (is_there(parts, GLINT_CENTER_IOU) && maps[GLINT_CENTER_IOU] < 0)
        maps[GLINT_CENTER_IOU] =
            add_branch_at(b, parts, GLINT_CENTER_IOU, shared,
                          glint_build_center_gate(b, &parts->center, maps[GLINT_CENTER_HEATMAP]));
    const int32_t candidates = glint_build_center_pick(b, &parts->center, maps);
    for (unsigned i = 0; i < GLINT_CENTER_BRANCHES; i++)
        if (is_there(parts, i) && maps[i] < 0)
            add_branch_at(b, parts, i, shared, candidates);
    glint_build_center_boxes(b, &parts->center, candidates);
}

static int build(struct glint_build *b)
{
    struct parts parts;
    int32_t orders[ORDERS], outs[STAGES_MAX] = {0};
    GLINT_TRY(read_parts(b->config, &parts));
    const int32_t voxels = add_voxelize(b);
    for (int32_t i = 0; i < ORDERS; i++)
        orders[i] = add_order(b, &parts, voxels, i);
    const int32_t tokens = add_encoder(b, &parts, voxels, orders, add_vfe(b, &parts, voxels));
    add_backbone(b, &parts, add_scatter(b, &parts, voxels, tokens), outs);
    add_head(b, &parts, add_neck(b, &parts, outs));
    return b->status;
}

const struct glint_arch glint_arch_flatformer = {
    .name = "flatformer",
    .build = build,
    .recognise = glint_flatformer_recognise,
    .convert = glint_flatformer_convert,
};
