/* model/arch_sst.c - SST (Fan et al., CVPR 2022): dynamic pillar encoder, attention over the pillars of whole
 * windows, shifted and not in turns, a few convolutions that fill the holes between pillars, centre head.
 * Tensor names are the reference's (tusen-ai/SST: SSTv2, SECONDFPN with one level, CenterHead).
 *
 * The reference's region batching (windows of like counts padded to one size, "drop levels") is a way to
 * compute, not part of the result as long as no level drops tokens: windows are sets of whatever size here.
 */
#include "core/status.h"
#include "model/head_center.h"
#include "model/ops.h"
#include "model/ops_sets.h"
#include "model/sst.h"
#include <stdio.h>
#include <string.h>

#define BLOCKS_MAX 64
#define CONVS_MAX  8
#define EPS_LO     0.0
#define EPS_HI     1.0

struct parts { /* the configuration's own sections, checked */
    int32_t n_vfe, vfe[GLINT_VFE_LAYERS];
    double vfe_eps;
    int32_t channels, heads, ffn, blocks;
    struct glint_set_window window[2]; /* by shift */
    double norm_eps, base;
    bool cosine, tau_each;
    double tau_least;
    int32_t n_convs, convs, dilation[CONVS_MAX];
    bool shortcut;
    double conv_eps;
    int32_t neck, head;
    double neck_eps, head_eps, branch_eps;
    bool velocity, iou;
    struct glint_center center;
};

/* Configuration */

/* Shifted by half a window; along z only where there is more than one window. */
static int read_windows(struct glint_json e, const int32_t dim[3], struct parts *p)
{
    int32_t window[3];
    GLINT_TRY(glint_json_i32s(e, "window", 3, 3, 1, 256, window, NULL));
    for (int h = 0; h < 2; h++) {
        struct glint_set_window *w = &p->window[h];
        *w = (struct glint_set_window){.set = 0};
        for (int k = 0; k < 3; k++) {
            w->dim[k] = dim[k];
            w->window[k] = window[k];
            w->shift[k] = h == 0 || (k == 2 && window[2] == dim[2]) ? 0 : window[k] / 2;
        }
        if (glint_set_window_check(w) != GLINT_OK)
            return glint_json_fail(e, "%s", glint_error_text());
    }
    return glint_set_window_cells(&p->window[0]) <= 4096
               ? GLINT_OK
               : glint_json_fail(glint_json_get(e, "window"), "at most 4096 cells expected");
}

static int read_encoder(const struct glint_model_config *config, struct parts *p)
{
    struct glint_json e;
    p->tau_least = 0.01;
    GLINT_TRY(glint_config_section(
        config->root, "encoder",
        "channels heads ffn blocks window norm_eps position_base cosine tau_each tau_least", &e));
    GLINT_TRY(glint_json_i32(e, "channels", 4, GLINT_CHANNELS_MAX, &p->channels));
    GLINT_TRY(glint_json_i32(e, "heads", 1, 256, &p->heads));
    GLINT_TRY(glint_json_i32(e, "ffn", 1, GLINT_CHANNELS_MAX, &p->ffn));
    GLINT_TRY(glint_json_i32(e, "blocks", 1, BLOCKS_MAX, &p->blocks));
    GLINT_TRY(glint_json_f64(e, "norm_eps", EPS_LO, EPS_HI, &p->norm_eps));
    GLINT_TRY(glint_json_f64(e, "position_base", 1, 1e6, &p->base));
    GLINT_TRY(glint_config_optional_bool(e, "cosine", &p->cosine));
    GLINT_TRY(glint_config_optional_bool(e, "tau_each", &p->tau_each));
    GLINT_TRY(glint_config_optional_f64(e, "tau_least", 1e-4, 100, &p->tau_least));
    GLINT_TRY(read_windows(e, config->grid.dim, p));
    if (p->channels % p->heads)
        return glint_json_fail(glint_json_get(e, "heads"), "a divisor of channels (%d) expected, found %d",
                               p->channels, p->heads);
    return p->vfe[p->n_vfe - 1] == p->channels
               ? GLINT_OK
               : glint_json_fail(glint_json_get(e, "channels"),
                                 "%d, the last of vfe.channels, expected, found %d", p->vfe[p->n_vfe - 1],
                                 p->channels);
}

static int read_convs(struct glint_json root, struct parts *p)
{
    struct glint_json c, n;
    GLINT_TRY(glint_config_section(root, "convs", "channels dilations shortcut norm_eps", &c));
    GLINT_TRY(glint_json_i32(c, "channels", 1, GLINT_CHANNELS_MAX, &p->convs));
    GLINT_TRY(glint_json_i32s(c, "dilations", -1, CONVS_MAX, 1, 4, p->dilation, &p->n_convs));
    GLINT_TRY(glint_config_optional_bool(c, "shortcut", &p->shortcut));
    GLINT_TRY(glint_json_f64(c, "norm_eps", EPS_LO, EPS_HI, &p->conv_eps));
    GLINT_TRY(glint_config_section(root, "neck", "channels norm_eps", &n));
    GLINT_TRY(glint_json_i32(n, "channels", 1, GLINT_CHANNELS_MAX, &p->neck));
    return glint_json_f64(n, "norm_eps", EPS_LO, EPS_HI, &p->neck_eps);
}

static int read_head(const struct glint_model_config *config, struct parts *p)
{
    struct glint_json h;
    p->velocity = true;
    GLINT_TRY(
        glint_config_section(config->root, "head", "channels norm_eps branch_norm_eps velocity iou", &h));
    GLINT_TRY(glint_json_i32(h, "channels", 1, GLINT_CHANNELS_MAX, &p->head));
    GLINT_TRY(glint_json_f64(h, "norm_eps", EPS_LO, EPS_HI, &p->head_eps));
    GLINT_TRY(glint_json_f64(h, "branch_norm_eps", EPS_LO, EPS_HI, &p->branch_eps));
    GLINT_TRY(glint_config_optional_bool(h, "velocity", &p->velocity));
    GLINT_TRY(glint_config_optional_bool(h, "iou", &p->iou));
    GLINT_TRY(glint_center_config(config, &p->center));
    for (int k = 0; k < 2; k++) {
        p->center.cell[k] = config->pillar[k];
        p->center.origin[k] = config->grid.origin[k];
    }
    return GLINT_OK;
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
        "glint arch name classes input grid vfe encoder convs neck head decode nms datasets track"));
    GLINT_TRY(glint_config_pillars(config));
    GLINT_TRY(glint_vfe_config(config->root, false, p->vfe, &p->n_vfe, &p->vfe_eps));
    GLINT_TRY(read_encoder(config, p));
    GLINT_TRY(read_convs(config->root, p));
    GLINT_TRY(read_head(config, p));
    for (unsigned i = 0; i < GLINT_CENTER_BRANCHES; i++)
        p->center.branches |= (unsigned)is_there(p, i) << i;
    return GLINT_OK;
}

/* Points to tokens */

static int32_t add_voxelize(struct glint_build *b)
{
    struct glint_layer *layer = glint_build_layer(b, GLINT_OP_VOXELIZE, GLINT_STAGE_VOXELIZE, "pillars");
    struct glint_voxelize_params *p = layer->params;
    const int32_t voxels = glint_build_voxels(b);
    p->grid = b->config->grid;
    glint_build_out(b, layer, voxels);
    return voxels;
}

static int32_t add_vfe(struct glint_build *b, const struct parts *parts, int32_t voxels)
{
    char linear[64], norm[64];
    struct glint_layer *layer = glint_build_layer(b, GLINT_OP_VFE, GLINT_STAGE_ENCODE, "voxel_encoder");
    struct glint_vfe_params *p = layer->params;
    struct glint_vfe *v = &p->vfe;
    for (int32_t i = 0; i < b->config->n_fields; i++)
        v->column[v->n_columns++] =
            (struct glint_vfe_column){GLINT_VFE_FIELD, (int32_t)b->config->fields[i], 1.0f};
    for (int32_t k = 0; k < 6; k++)
        v->column[v->n_columns++] =
            (struct glint_vfe_column){k < 3 ? GLINT_VFE_MEAN : GLINT_VFE_CENTRE, k % 3, 1.0f};
    memcpy(v->cell, b->config->grid.cell, sizeof v->cell);
    memcpy(v->centre_offset, b->config->centre_offset, sizeof v->centre_offset);
    for (int32_t l = 0; l < parts->n_vfe; l++) {
        snprintf(linear, sizeof linear, "voxel_encoder.vfe_layers.%d.linear", l);
        snprintf(norm, sizeof norm, "voxel_encoder.vfe_layers.%d.norm", l);
        glint_vfe_layer_set(p, linear, norm, parts->vfe_eps, parts->vfe[l]);
    }
    const int32_t tokens = glint_build_tokens(b, "vfe.out", parts->channels);
    glint_build_in(b, layer, voxels);
    glint_build_out(b, layer, tokens);
    glint_vfe_set_intensity(b, layer, p);
    return tokens;
}

/* The encoder: in each block a layer over windows, and one over shifted ones. */

static int32_t add_layer(struct glint_build *b, const struct parts *parts, int32_t block, int index,
                         const int32_t sets[2], int32_t in)
{
    char prefix[56], name[40], attention[72];
    const struct glint_set_window *w = &parts->window[index];
    const int32_t cells = glint_set_window_cells(w);
    snprintf(prefix, sizeof prefix, "backbone.block_list.%d.encoder_list.%d", block, index);
    snprintf(name, sizeof name, "block%d.layer%d", block, index);
    snprintf(attention, sizeof attention, "%s.win_attn", prefix);
    const int32_t out = glint_build_tokens(b, name, parts->channels);
    struct glint_layer *layer = glint_build_set_layer(b, prefix, in, sets[index], sets[index], -1, out);
    struct glint_set_layer_params *p = layer->params;
    p->layer = (struct glint_set_layer){.dim = parts->channels,
                                        .heads = parts->heads,
                                        .ffn = parts->ffn,
                                        .largest = cells < b->net->cap_voxels ? cells : b->net->cap_voxels,
                                        .act = GLINT_ACT_GELU,
                                        .norm_eps = (float)parts->norm_eps};
    glint_set_layer_tensors(p, prefix, attention);
    if (parts->cosine)
        snprintf(p->tau, sizeof p->tau, "%s.self_attn.tau", attention);
    p->tau_each = parts->tau_each;
    p->tau_least = (float)parts->tau_least;
    p->base = (float)parts->base;
    memcpy(p->position_size, w->window, sizeof p->position_size);
    return out;
}

static int32_t add_encoder(struct glint_build *b, const struct parts *parts, int32_t voxels, int32_t tokens)
{
    const int32_t sets[2] = {glint_build_sets(b, "shift0", voxels, &parts->window[0]),
                             glint_build_sets(b, "shift1", voxels, &parts->window[1])};
    for (int32_t block = 0; block < parts->blocks; block++)
        for (int i = 0; i < 2; i++)
            tokens = add_layer(b, parts, block, i, sets, tokens);
    return tokens;
}

/* Bird's-eye maps */

static int32_t add_scatter(struct glint_build *b, const struct parts *parts, int32_t voxels, int32_t tokens)
{
    struct glint_layer *layer = glint_build_layer(b, GLINT_OP_BEV_SCATTER, GLINT_STAGE_BEV, "canvas");
    const int32_t canvas =
        glint_build_map(b, "bev", b->config->grid.dim[1], b->config->grid.dim[0], parts->channels);
    glint_build_in(b, layer, tokens);
    glint_build_in(b, layer, voxels);
    glint_build_out(b, layer, canvas);
    return canvas;
}

static int32_t add_convs(struct glint_build *b, const struct parts *parts, int32_t map)
{
    const int32_t h = b->config->grid.dim[1], w = b->config->grid.dim[0];
    for (int32_t i = 0; i < parts->n_convs; i++) {
        char prefix[40], norm[40], name[40];
        snprintf(prefix, sizeof prefix, "backbone.conv_layer.%d.0", i);
        snprintf(norm, sizeof norm, "backbone.conv_layer.%d.1", i);
        snprintf(name, sizeof name, "conv%d", i);
        const int32_t out = glint_build_map(b, name, h, w, parts->convs);
        const bool same = b->net->values[map].c == parts->convs;
        const int32_t residual = parts->shortcut && same ? map : -1;
        if (parts->dilation[i] > 1)
            glint_build_conv_wide(b, GLINT_STAGE_BEV, prefix, false, norm, parts->conv_eps,
                                  parts->dilation[i], GLINT_ACT_RELU, map, residual, out);
        else
            glint_build_conv(b, GLINT_STAGE_BEV, prefix, false, norm, parts->conv_eps, 3, 1, GLINT_ACT_RELU,
                             map, residual, out);
        map = out;
    }
    const int32_t neck = glint_build_map(b, "neck", h, w, parts->neck);
    glint_build_deconv(b, GLINT_STAGE_BEV, "neck.deblocks.0.0", "neck.deblocks.0.1", parts->neck_eps, 1,
                       GLINT_ACT_RELU, map, neck);
    return neck;
}

static void add_head(struct glint_build *b, const struct parts *parts, int32_t map)
{
    const int32_t h = b->net->values[map].h, w = b->net->values[map].w;
    const struct glint_center_branches branches = {
        .center = &parts->center,
        .prefix = "bbox_head.task_heads.0",
        .name = "head",
        .norm_eps = parts->branch_eps,
        .shared = glint_build_map(b, "head.shared", h, w, parts->head),
        .hidden = glint_build_map(b, NULL, h, w, parts->head),
    };
    glint_build_conv(b, GLINT_STAGE_HEAD, "bbox_head.shared_conv.conv", false, "bbox_head.shared_conv.bn",
                     parts->head_eps, 3, 1, GLINT_ACT_RELU, map, -1, branches.shared);
    glint_build_center_boxes(b, &parts->center, glint_build_center_branches(b, &branches));
}

static int build(struct glint_build *b)
{
    struct parts parts;
    GLINT_TRY(read_parts(b->config, &parts));
    const int32_t voxels = add_voxelize(b);
    const int32_t tokens = add_encoder(b, &parts, voxels, add_vfe(b, &parts, voxels));
    add_head(b, &parts, add_convs(b, &parts, add_scatter(b, &parts, voxels, tokens)));
    return b->status;
}

const struct glint_arch glint_arch_sst = {
    .name = "sst",
    .build = build,
    .recognise = glint_sst_recognise,
    .convert = glint_sst_convert,
};
