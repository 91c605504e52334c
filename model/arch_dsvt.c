/* model/arch_dsvt.c - DSVT (Wang et al., CVPR 2023): dynamic pillar or voxel encoder, attention over sets of
 * sparse windows, in stages with attention pooling between them, residual bird's-eye backbone, centre head
 * with an IoU branch. Tensor names are the reference's (Haiyang-W/DSVT, a fork of OpenPCDet). */
#include "core/status.h"
#include "model/dsvt.h"
#include "model/head_center.h"
#include "model/ops.h"
#include "model/ops_sets.h"
#include <stdio.h>
#include <string.h>

#define STAGES_MAX 8
#define BLOCKS_MAX 64
#define LEVELS_MAX 8
#define TABLE_MAX  (1 << 26) /* floats of one layer's position table */
#define EPS_LO     0.0
#define EPS_HI     1.0

struct stage {
    int32_t dim[3], pool[3]; /* cells; gathered from the stage before by pool */
    int32_t blocks, heads, ffn;
    struct glint_set_window window[2]; /* by shift */
};

struct parts { /* the configuration's own sections, checked */
    int32_t n_vfe, vfe[GLINT_VFE_LAYERS];
    double vfe_eps;
    int32_t channels, n_stages, pool_heads;
    struct stage stages[STAGES_MAX];
    double norm_eps, position_eps;
    int32_t n_levels, level[LEVELS_MAX], layers[LEVELS_MAX], strides[LEVELS_MAX];
    int32_t up[LEVELS_MAX], upsample[LEVELS_MAX];
    double bev_eps;
    int32_t head;
    double head_eps;
    bool velocity, iou, bias;
    struct glint_center center;
};

/* Configuration */

static int read_shifts(struct glint_json node, const int32_t hybrid[3], struct stage *s)
{
    const struct glint_json shifts = glint_json_get(node, "shifts");
    if (glint_json_size(shifts) != 2)
        return glint_json_fail(shifts, "an array of two shifts of three cells expected");
    for (int h = 0; h < 2; h++) {
        struct glint_set_window *w = &s->window[h];
        double value[3];
        GLINT_TRY(glint_json_numbers(glint_json_at(shifts, (size_t)h), 3, 3, value, NULL));
        memcpy(w->dim, s->dim, sizeof w->dim);
        for (int k = 0; k < 3; k++) {
            w->window[k] = s->window[0].window[k] * (h ? hybrid[k] : 1);
            if (!(value[k] >= 0 && value[k] <= w->window[k]))
                return glint_json_fail(glint_json_at(shifts, (size_t)h),
                                       "0 to the window's cells expected, found %g", value[k]);
            w->shift[k] = k == 2 && s->dim[2] == w->window[2] ? 0 : (int32_t)value[k];
        }
        if (glint_set_window_check(w) != GLINT_OK)
            return glint_json_fail(node, "%s", glint_error_text());
    }
    return GLINT_OK;
}

static int read_stage(struct glint_json node, const int32_t dim[3], bool first, struct parts *p,
                      struct stage *s)
{
    int32_t hybrid[3], set;
    GLINT_TRY(glint_config_only(node, "blocks heads ffn set window hybrid shifts pool"));
    for (int k = 0; k < 3; k++)
        s->pool[k] = 1;
    if (!first)
        GLINT_TRY(glint_json_i32s(node, "pool", 3, 3, 1, 64, s->pool, NULL));
    else if (glint_json_has(node, "pool"))
        return glint_json_fail(glint_json_get(node, "pool"), "nothing is before the first stage");
    for (int k = 0; k < 3; k++)
        s->dim[k] = (dim[k] + s->pool[k] - 1) / s->pool[k];
    if ((int64_t)s->pool[0] * s->pool[1] * s->pool[2] > GLINT_SET_POOL_SLOTS)
        return glint_json_fail(glint_json_get(node, "pool"), "at most %d cells expected",
                               GLINT_SET_POOL_SLOTS);
    GLINT_TRY(glint_json_i32(node, "blocks", 1, BLOCKS_MAX, &s->blocks));
    GLINT_TRY(glint_json_i32(node, "heads", 1, 256, &s->heads));
    GLINT_TRY(glint_json_i32(node, "ffn", 1, GLINT_CHANNELS_MAX, &s->ffn));
    GLINT_TRY(glint_json_i32(node, "set", 1, 1024, &set));
    s->window[0].set = s->window[1].set = set;
    GLINT_TRY(glint_json_i32s(node, "window", 3, 3, 1, 1024, s->window[0].window, NULL));
    GLINT_TRY(glint_json_i32s(node, "hybrid", 3, 3, 1, 16, hybrid, NULL));
    GLINT_TRY(read_shifts(node, hybrid, s));
    if (p->channels % s->heads)
        return glint_json_fail(glint_json_get(node, "heads"), "a divisor of channels (%d) expected, found %d",
                               p->channels, s->heads);
    return (int64_t)glint_set_window_cells(&s->window[1]) * p->channels <= TABLE_MAX
               ? GLINT_OK
               : glint_json_fail(glint_json_get(node, "window"), "a smaller window expected");
}

static int read_encoder(const struct glint_model_config *config, struct parts *p)
{
    struct glint_json e, stages;
    const int32_t *dim = config->grid.dim;
    GLINT_TRY(glint_config_section(config->root, "encoder",
                                   "channels pool_heads norm_eps position_norm_eps stages", &e));
    GLINT_TRY(glint_json_i32(e, "channels", 4, GLINT_CHANNELS_MAX, &p->channels));
    GLINT_TRY(glint_json_i32(e, "pool_heads", 1, 256, &p->pool_heads));
    GLINT_TRY(glint_json_f64(e, "norm_eps", EPS_LO, EPS_HI, &p->norm_eps));
    GLINT_TRY(glint_json_f64(e, "position_norm_eps", EPS_LO, EPS_HI, &p->position_eps));
    if (p->vfe[p->n_vfe - 1] != p->channels)
        return glint_json_fail(glint_json_get(e, "channels"),
                               "%d, the last of vfe.channels, expected, found %d", p->vfe[p->n_vfe - 1],
                               p->channels);
    if (p->channels % p->pool_heads)
        return glint_json_fail(glint_json_get(e, "pool_heads"),
                               "a divisor of channels (%d) expected, found %d", p->channels, p->pool_heads);
    stages = glint_json_get(e, "stages");
    p->n_stages = (int32_t)glint_json_size(stages);
    if (p->n_stages < 1 || p->n_stages > STAGES_MAX)
        return glint_json_fail(stages, "1 to %d stages expected", STAGES_MAX);
    for (int32_t i = 0; i < p->n_stages; i++) {
        GLINT_TRY(read_stage(glint_json_at(stages, (size_t)i), dim, i == 0, p, &p->stages[i]));
        dim = p->stages[i].dim;
    }
    return dim[2] == 1
               ? GLINT_OK
               : glint_json_fail(stages, "one cell along z after the last stage expected, found %d", dim[2]);
}

/* All levels' upsampled maps must have one size. */
static int check_levels(struct glint_json b, const int32_t dim[3], const struct parts *p)
{
    int32_t h = dim[1], w = dim[0], h0 = 0, w0 = 0;
    for (int32_t i = 0; i < p->n_levels; i++) {
        h = (h - 1) / p->strides[i] + 1;
        w = (w - 1) / p->strides[i] + 1;
        h0 = i ? h0 : h * p->upsample[i];
        w0 = i ? w0 : w * p->upsample[i];
        if (h * p->upsample[i] != h0 || w * p->upsample[i] != w0)
            return glint_json_fail(glint_json_at(glint_json_get(b, "upsample"), (size_t)i),
                                   "makes a map of %d x %d beside one of %d x %d", h * p->upsample[i],
                                   w * p->upsample[i], h0, w0);
    }
    return GLINT_OK;
}

static int read_backbone(const struct glint_model_config *config, struct parts *p)
{
    struct glint_json b;
    GLINT_TRY(glint_config_section(config->root, "backbone",
                                   "channels layers strides upsample upsample_channels norm_eps", &b));
    GLINT_TRY(glint_json_i32s(b, "channels", -1, LEVELS_MAX, 1, GLINT_CHANNELS_MAX, p->level, &p->n_levels));
    if (p->n_levels < 1)
        return glint_json_fail(glint_json_get(b, "channels"), "one level at least expected");
    GLINT_TRY(glint_json_i32s(b, "layers", p->n_levels, LEVELS_MAX, 0, 64, p->layers, NULL));
    GLINT_TRY(glint_json_i32s(b, "strides", p->n_levels, LEVELS_MAX, 1, 2, p->strides, NULL));
    GLINT_TRY(
        glint_json_i32s(b, "upsample", p->n_levels, LEVELS_MAX, 1, GLINT_DECONV_MAX, p->upsample, NULL));
    GLINT_TRY(
        glint_json_i32s(b, "upsample_channels", p->n_levels, LEVELS_MAX, 1, GLINT_CHANNELS_MAX, p->up, NULL));
    GLINT_TRY(glint_json_f64(b, "norm_eps", EPS_LO, EPS_HI, &p->bev_eps));
    return check_levels(b, p->stages[p->n_stages - 1].dim, p);
}

static int read_head(const struct glint_model_config *config, struct parts *p)
{
    struct glint_json h;
    p->iou = true;
    GLINT_TRY(glint_config_section(config->root, "head", "channels norm_eps velocity iou bias", &h));
    GLINT_TRY(glint_json_i32(h, "channels", 1, GLINT_CHANNELS_MAX, &p->head));
    GLINT_TRY(glint_json_f64(h, "norm_eps", EPS_LO, EPS_HI, &p->head_eps));
    GLINT_TRY(glint_config_optional_bool(h, "velocity", &p->velocity));
    GLINT_TRY(glint_config_optional_bool(h, "iou", &p->iou));
    GLINT_TRY(glint_config_optional_bool(h, "bias", &p->bias));
    GLINT_TRY(glint_center_config(config, &p->center));
    return p->center.rectify && !p->iou
               ? glint_json_fail(glint_json_get(glint_json_get(config->root, "decode"), "iou_alpha"),
                                 "head.iou is false")
               : GLINT_OK;
}

static bool is_there(const struct parts *parts, enum glint_center_branch branch)
{
    return branch == GLINT_CENTER_VEL ? parts->velocity : branch == GLINT_CENTER_IOU ? parts->iou : true;
}

static int read_parts(const struct glint_model_config *config, struct parts *p)
{
    *p = (struct parts){0};
    GLINT_TRY(glint_config_only(
        config->root,
        "glint arch name classes input grid vfe encoder backbone head decode nms datasets track"));
    GLINT_TRY(glint_vfe_config(config->root, true, p->vfe, &p->n_vfe, &p->vfe_eps));
    GLINT_TRY(read_encoder(config, p));
    GLINT_TRY(read_backbone(config, p));
    GLINT_TRY(read_head(config, p));
    p->center.style = GLINT_CENTER_PCDET;
    p->center.branch_bias = p->bias;
    for (unsigned i = 0; i < GLINT_CENTER_BRANCHES; i++)
        p->center.branches |= (unsigned)is_there(p, i) << i;
    const struct stage *last = &p->stages[p->n_stages - 1];
    const int32_t head_dim = ((last->dim[0] - 1) / p->strides[0] + 1) * p->upsample[0];
    for (int k = 0; k < 2; k++) {
        p->center.cell[k] = (float)((double)config->pillar[k] * config->grid.dim[0] / head_dim);
        p->center.origin[k] = config->grid.origin[k];
    }
    return GLINT_OK;
}

/* Points to tokens */

static int32_t add_voxelize(struct glint_build *b)
{
    struct glint_layer *layer = glint_build_layer(b, GLINT_OP_VOXELIZE, GLINT_STAGE_VOXELIZE, "voxels");
    struct glint_voxelize_params *p = layer->params;
    const int32_t voxels = glint_build_voxels(b);
    p->grid = b->config->grid;
    p->grid.x_major = true;
    p->show_counts = true;
    glint_build_out(b, layer, voxels);
    return voxels;
}

/* Adds an output for the tap; returns its place among the outputs. */
static int32_t shown(struct glint_build *b, struct glint_layer *layer, int32_t value)
{
    glint_build_out(b, layer, value);
    return layer->n_out - 1;
}

static int32_t add_vfe(struct glint_build *b, const struct parts *parts, int32_t voxels)
{
    char linear[64], norm[64];
    struct glint_layer *layer = glint_build_layer(b, GLINT_OP_VFE, GLINT_STAGE_ENCODE, "vfe");
    struct glint_vfe_params *p = layer->params;
    glint_vfe_set_columns(&p->vfe, b->config, true);
    for (int32_t l = 0; l < parts->n_vfe; l++) {
        snprintf(linear, sizeof linear, "vfe.pfn_layers.%d.linear", l);
        snprintf(norm, sizeof norm, "vfe.pfn_layers.%d.norm", l);
        glint_vfe_layer_set(p, linear, norm, parts->vfe_eps,
                            l + 1 < parts->n_vfe ? parts->vfe[l] / 2 : parts->vfe[l]);
    }
    const int32_t tokens = glint_build_tokens(b, "vfe.out", parts->channels);
    glint_build_in(b, layer, voxels);
    glint_build_out(b, layer, tokens);
    glint_vfe_set_intensity(b, layer, p);
    if (b->keep_stages) {
        p->in_out = shown(b, layer, glint_build_points(b, "vfe.in", p->vfe.n_columns));
        p->point_out[0] = shown(b, layer, glint_build_points(b, NULL, p->vfe.width[0]));
        p->voxel_out[0] = shown(b, layer, glint_build_tokens(b, NULL, p->vfe.width[0]));
        p->joined_out = shown(b, layer, glint_build_points(b, "vfe.pfn0.point", 2 * p->vfe.width[0]));
    }
    return tokens;
}

/* The encoder */

struct at {                       /* where the encoder is */
    int32_t stage, block, global; /* global: blocks of all stages */
    int32_t cells;                /* voxels, or the stage's sites */
    int32_t sites;                /* -1 for voxels */
    int32_t sets[2];
};

static int32_t add_tokens(struct glint_build *b, const struct parts *parts, const struct at *at,
                          const char *what)
{
    char name[40];
    snprintf(name, sizeof name, "stage%d.block%d.%s", at->stage, at->block, what);
    return glint_build_tokens_of(b, name, parts->channels, at->sites);
}

static void set_positions(struct glint_set_layer_params *p, const struct parts *parts, const struct at *at,
                          int layer)
{
    const struct glint_set_window *w = &parts->stages[at->stage].window[layer];
    char linear[GLINT_TENSOR_NAME], norm[GLINT_TENSOR_NAME];
    static const char format[] =
        "backbone_3d.input_layer.posembed_layers.%d.%d.%d.position_embedding_head.%d";
    snprintf(linear, sizeof linear, format, at->stage, at->block, layer, 0);
    snprintf(norm, sizeof norm, format, at->stage, at->block, layer, 1);
    glint_affine_set(&p->position[0], linear, true, norm, parts->position_eps, w->window[2] > 1 ? 3 : 2,
                     parts->channels, 0);
    snprintf(linear, sizeof linear, format, at->stage, at->block, layer, 3);
    glint_affine_set(&p->position[1], linear, true, NULL, 0, parts->channels, parts->channels, 0);
    p->position[0].exact = p->position[1].exact = true;
    memcpy(p->position_size, w->window, sizeof p->position_size);
}

static void set_tensors(struct glint_set_layer_params *p, const struct parts *parts, const struct at *at,
                        int layer)
{
    const struct stage *s = &parts->stages[at->stage];
    char prefix[GLINT_TENSOR_NAME];
    p->layer = (struct glint_set_layer){.dim = parts->channels,
                                        .heads = s->heads,
                                        .ffn = s->ffn,
                                        .largest = s->window[0].set,
                                        .act = GLINT_ACT_GELU,
                                        .norm_eps = (float)parts->norm_eps};
    p->axis = layer;
    p->set = s->window[0].set;
    snprintf(prefix, sizeof prefix, "backbone_3d.stage_%d.%d.encoder_list.%d.win_attn", at->stage, at->block,
             layer);
    glint_set_layer_tensors(p, prefix, prefix);
    snprintf(p->outer, sizeof p->outer, "backbone_3d.stage_%d.%d.encoder_list.%d.norm", at->stage, at->block,
             layer);
    if (layer == 1)
        snprintf(p->last, sizeof p->last, "backbone_3d.residual_norm_stage_%d.%d", at->stage, at->block);
    set_positions(p, parts, at, layer);
}

static void show_layer(struct glint_build *b, const struct parts *parts, const struct at *at, int index,
                       struct glint_layer *layer)
{
    struct glint_set_layer_params *p = layer->params;
    char name[16];
    snprintf(name, sizeof name, "pos%d", index);
    p->position_out = shown(b, layer, add_tokens(b, parts, at, name));
    if (index == 1)
        p->layered_out = shown(b, layer, add_tokens(b, parts, at, "layer1"));
    if (at->block > 0)
        return;
    p->inner_out = shown(b, layer, add_tokens(b, parts, at, index ? "layer1.setattn" : "layer0.setattn"));
    if (index == 0 && at->stage == 0)
        p->attended_out = shown(b, layer, glint_build_tokens_of(b, NULL, parts->channels, at->sites));
}

/* Two layers, along either axis, of the sets of one shift; the positions are those of either shift. */
static int32_t add_block(struct glint_build *b, const struct parts *parts, const struct at *at, int32_t in)
{
    int32_t tokens = in;
    for (int i = 0; i < 2; i++) {
        char name[56];
        const int32_t out = add_tokens(b, parts, at, i ? "out" : "layer0");
        snprintf(name, sizeof name, "backbone_3d.stage_%d.%d.encoder_list.%d", at->stage, at->block, i);
        struct glint_layer *layer =
            glint_build_set_layer(b, name, tokens, at->sets[at->global % 2], at->sets[i], i ? in : -1, out);
        set_tensors(layer->params, parts, at, i);
        if (b->keep_stages)
            show_layer(b, parts, at, i, layer);
        tokens = out;
    }
    return tokens;
}

static void add_sets(struct glint_build *b, const struct parts *parts, struct at *at)
{
    for (int h = 0; h < 2; h++) {
        char name[24];
        snprintf(name, sizeof name, "stage%d.shift%d", at->stage, h);
        at->sets[h] = glint_build_sets(b, name, at->cells, &parts->stages[at->stage].window[h]);
    }
}

static int32_t add_pool(struct glint_build *b, const struct parts *parts, struct at *at, int32_t tokens)
{
    char name[40];
    int32_t table;
    const struct stage *s = &parts->stages[at->stage];
    snprintf(name, sizeof name, "stage%d", at->stage);
    at->cells = at->sites = glint_build_coarsen(b, name, at->cells, s[-1].dim, s->pool, &table);
    snprintf(name, sizeof name, "stage%d.pooled", at->stage - 1);
    const int32_t pooled = glint_build_tokens_of(b, name, parts->channels, at->sites);
    snprintf(name, sizeof name, "backbone_3d.stage_%d_reduction", at->stage - 1);
    glint_build_set_pool(b, name, parts->pool_heads, s->pool[0] * s->pool[1] * s->pool[2], parts->norm_eps,
                         tokens, table, pooled);
    return pooled;
}

static int32_t add_encoder(struct glint_build *b, const struct parts *parts, struct at *at, int32_t tokens)
{
    for (; at->stage < parts->n_stages; at->stage++) {
        if (at->stage > 0)
            tokens = add_pool(b, parts, at, tokens);
        add_sets(b, parts, at);
        for (at->block = 0; at->block < parts->stages[at->stage].blocks; at->block++, at->global++)
            tokens = add_block(b, parts, at, tokens);
    }
    return tokens;
}

/* Bird's-eye maps */

static int32_t add_scatter(struct glint_build *b, const struct parts *parts, int32_t cells, int32_t tokens)
{
    struct glint_layer *layer = glint_build_layer(b, GLINT_OP_BEV_SCATTER, GLINT_STAGE_BEV, "canvas");
    const int32_t *dim = parts->stages[parts->n_stages - 1].dim;
    const int32_t canvas = glint_build_map(b, "bev", dim[1], dim[0], parts->channels);
    glint_build_in(b, layer, tokens);
    glint_build_in(b, layer, cells);
    glint_build_out(b, layer, canvas);
    return canvas;
}

/* relu(conv2(relu(conv1(in))) + shortcut); the first block of a level has a convolution for its shortcut. */
static int32_t add_residual(struct glint_build *b, const struct parts *parts, int32_t level, int32_t index,
                            int32_t in)
{
    char prefix[64], norm[64], name[40];
    const int32_t stride = index == 0 ? parts->strides[level] : 1, c = parts->level[level];
    const int32_t h = (b->net->values[in].h - 1) / stride + 1, w = (b->net->values[in].w - 1) / stride + 1;
    const int32_t middle = glint_build_map(b, NULL, h, w, c);
    int32_t shortcut = in;
    snprintf(prefix, sizeof prefix, "backbone_2d.blocks.%d.%d.conv1", level, index);
    snprintf(norm, sizeof norm, "backbone_2d.blocks.%d.%d.bn1", level, index);
    glint_build_conv(b, GLINT_STAGE_BEV, prefix, false, norm, parts->bev_eps, 3, stride, GLINT_ACT_RELU, in,
                     -1, middle);
    if (index == 0) {
        shortcut = glint_build_map(b, NULL, h, w, c);
        snprintf(prefix, sizeof prefix, "backbone_2d.blocks.%d.%d.downsample_layer.0", level, index);
        snprintf(norm, sizeof norm, "backbone_2d.blocks.%d.%d.downsample_layer.1", level, index);
        glint_build_conv(b, GLINT_STAGE_BEV, prefix, false, norm, parts->bev_eps, 1, stride, GLINT_ACT_NONE,
                         in, -1, shortcut);
    }
    snprintf(name, sizeof name, "backbone.block%d.%d", level, index);
    const int32_t out = glint_build_map(b, name, h, w, c);
    snprintf(prefix, sizeof prefix, "backbone_2d.blocks.%d.%d.conv2", level, index);
    snprintf(norm, sizeof norm, "backbone_2d.blocks.%d.%d.bn2", level, index);
    glint_build_conv(b, GLINT_STAGE_BEV, prefix, false, norm, parts->bev_eps, 3, 1, GLINT_ACT_RELU_LAST,
                     middle, shortcut, out);
    return out;
}

static int32_t add_backbone(struct glint_build *b, const struct parts *parts, int32_t map)
{
    const int32_t stride = parts->strides[0], scale = parts->upsample[0];
    const int32_t h = ((b->net->values[map].h - 1) / stride + 1) * scale;
    const int32_t w = ((b->net->values[map].w - 1) / stride + 1) * scale;
    int32_t channels = 0, first = 0;
    for (int32_t i = 0; i < parts->n_levels; i++)
        channels += parts->up[i];
    const int32_t joined = glint_build_map(b, NULL, h, w, channels);
    for (int32_t i = 0; i < parts->n_levels; i++) {
        char prefix[48], norm[48], name[40];
        for (int32_t j = 0; j <= parts->layers[i]; j++)
            map = add_residual(b, parts, i, j, map);
        snprintf(prefix, sizeof prefix, "backbone_2d.deblocks.%d.0", i);
        snprintf(norm, sizeof norm, "backbone_2d.deblocks.%d.1", i);
        snprintf(name, sizeof name, "backbone.up%d", i);
        glint_build_deconv(b, GLINT_STAGE_BEV, prefix, norm, parts->bev_eps, parts->upsample[i],
                           GLINT_ACT_RELU, map, glint_build_slice(b, name, joined, first, parts->up[i]));
        first += parts->up[i];
    }
    return joined;
}

static void add_head(struct glint_build *b, const struct parts *parts, int32_t map)
{
    const int32_t h = b->net->values[map].h, w = b->net->values[map].w;
    const struct glint_center_branches branches = {
        .center = &parts->center,
        .prefix = "dense_head.heads_list.0",
        .name = "head",
        .norm_eps = parts->head_eps,
        .shared = glint_build_map(b, "head.shared", h, w, parts->head),
        .hidden = glint_build_map(b, NULL, h, w, parts->head),
    };
    glint_build_conv(b, GLINT_STAGE_HEAD, "dense_head.shared_conv.0", parts->bias, "dense_head.shared_conv.1",
                     parts->head_eps, 3, 1, GLINT_ACT_RELU, map, -1, branches.shared);
    glint_build_center_boxes(b, &parts->center, glint_build_center_branches(b, &branches));
}

static int build(struct glint_build *b)
{
    struct parts parts;
    GLINT_TRY(read_parts(b->config, &parts));
    b->net->x_right = b->config->x_right;
    const int32_t voxels = add_voxelize(b);
    struct at at = {.cells = voxels, .sites = -1};
    const int32_t tokens = add_encoder(b, &parts, &at, add_vfe(b, &parts, voxels));
    add_head(b, &parts, add_backbone(b, &parts, add_scatter(b, &parts, at.cells, tokens)));
    return b->status;
}

const struct glint_arch glint_arch_dsvt = {
    .name = "dsvt",
    .turns = true,
    .build = build,
    .recognise = glint_dsvt_recognise,
    .convert = glint_dsvt_convert,
};
