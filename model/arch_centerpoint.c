/* model/arch_centerpoint.c - CenterPoint (Yin et al., CVPR 2021) as in OpenPCDet: pillars or sparse voxels
 * (centerpoint_points.c, centerpoint_voxels.c), a bird's-eye backbone whose levels are brought to one size, a
 * centre head per group of classes. Tensor names are OpenPCDet's. docs/MODELS.md describes the
 * configuration. */
#include "core/status.h"
#include "model/centerpoint.h"
#include <stdio.h>

/* Bird's-eye backbone */

static int32_t add_level(struct glint_build *b, const struct glint_centerpoint *c, int32_t level, int32_t map)
{
    for (int32_t j = 0; j <= c->layers[level]; j++) {
        char prefix[48], norm[48], name[40];
        const int32_t stride = j == 0 ? c->strides[level] : 1;
        const struct glint_value *from = &b->net->values[map];
        snprintf(prefix, sizeof prefix, "backbone_2d.blocks.%d.%d", level, 3 * j + 1);
        snprintf(norm, sizeof norm, "backbone_2d.blocks.%d.%d", level, 3 * j + 2);
        snprintf(name, sizeof name, "backbone.block%d.%d", level, j);
        const int32_t out = glint_build_map(b, name, (from->h - 1) / stride + 1, (from->w - 1) / stride + 1,
                                            c->channels[level]);
        struct glint_layer *layer = glint_build_conv(b, GLINT_STAGE_BEV, prefix, false, norm, c->backbone_eps,
                                                     3, stride, GLINT_ACT_RELU, map, -1, out);
        ((struct glint_conv_params *)layer->params)->plain = b->keep_stages;
        map = out;
    }
    return map;
}

/* A level's result, at the size of the heads, to its channels of the joined map. */
static void add_up(struct glint_build *b, const struct glint_centerpoint *c, int32_t level, int32_t from,
                   int32_t to)
{
    char prefix[48], norm[48];
    snprintf(prefix, sizeof prefix, "backbone_2d.deblocks.%d.0", level);
    snprintf(norm, sizeof norm, "backbone_2d.deblocks.%d.1", level);
    if (c->upsample[level])
        glint_build_deconv(b, GLINT_STAGE_BEV, prefix, norm, c->backbone_eps, c->upsample[level],
                           GLINT_ACT_RELU, from, to);
    else
        glint_build_conv(b, GLINT_STAGE_BEV, prefix, false, norm, c->backbone_eps, 2, 2, GLINT_ACT_RELU, from,
                         -1, to);
}

static int32_t add_backbone(struct glint_build *b, const struct glint_centerpoint *c, int32_t map)
{
    int32_t levels[GLINT_CENTERPOINT_LEVELS], channels = 0, first = 0;
    for (int32_t i = 0; i < c->n_levels; i++) {
        levels[i] = map = add_level(b, c, i, map);
        channels += c->neck[i];
    }
    const struct glint_value *level = &b->net->values[levels[0]];
    const int32_t up = c->upsample[0];
    const int32_t joined = glint_build_map(b, NULL, up ? level->h * up : level->h / 2,
                                           up ? level->w * up : level->w / 2, channels);
    for (int32_t i = 0; i < c->n_levels; i++) {
        char name[40];
        snprintf(name, sizeof name, "backbone.up%d", i);
        add_up(b, c, i, levels[i], glint_build_slice(b, name, joined, first, c->neck[i]));
        first += c->neck[i];
    }
    return joined;
}

/* Heads */

static int32_t add_head(struct glint_build *b, const struct glint_centerpoint *c, int32_t index,
                        int32_t shared, int32_t hidden)
{
    const struct glint_center *center = &c->heads[index];
    struct glint_center_branches branches = {
        .center = center, .norm_eps = c->head_eps, .shared = shared, .hidden = hidden};
    snprintf(branches.prefix, sizeof branches.prefix, "dense_head.heads_list.%d", index);
    snprintf(branches.name, sizeof branches.name, "head%d", index);
    return glint_build_center_head(b, center, glint_build_center_branches(b, &branches), index,
                                   c->first_label[index], c->radius[index]);
}

static void add_heads(struct glint_build *b, const struct glint_centerpoint *c, int32_t map)
{
    const struct glint_value *m = &b->net->values[map];
    const int32_t shared = glint_build_map(b, "head.shared", m->h, m->w, c->shared);
    int32_t detections[GLINT_CENTER_HEADS];
    struct glint_layer *layer =
        glint_build_conv(b, GLINT_STAGE_HEAD, "dense_head.shared_conv.0", c->bias, "dense_head.shared_conv.1",
                         c->head_eps, 3, 1, GLINT_ACT_RELU, map, -1, shared);
    ((struct glint_conv_params *)layer->params)->plain = b->keep_stages;
    const int32_t hidden = glint_build_map(b, NULL, m->h, m->w, c->shared);
    for (int32_t i = 0; i < c->n_heads; i++)
        detections[i] = add_head(b, c, i, shared, hidden);
    glint_build_center_join(b, c->heads, c->n_heads, detections, c->first_label);
}

static int build(struct glint_build *b)
{
    struct glint_centerpoint c;
    GLINT_TRY(glint_centerpoint_config(b->config, &c));
    b->net->x_right = b->config->x_right;
    const int32_t map = c.encoder == GLINT_CENTERPOINT_VOXELS ? glint_centerpoint_voxels(b, &c)
                                                              : glint_centerpoint_pillars(b, &c);
    add_heads(b, &c, add_backbone(b, &c, map));
    return b->status;
}

const struct glint_arch glint_arch_centerpoint = {
    .name = "centerpoint",
    .turns = true,
    .build = build,
    .recognise = glint_centerpoint_recognise,
    .convert = glint_centerpoint_convert,
};
