/* model/centerpoint_config.c - CenterPoint's sections of config.json; docs/MODELS.md describes them. */
#include "core/status.h"
#include "model/centerpoint.h"
#include <math.h>
#include <string.h>

#define EPS_LO    0.0
#define EPS_HI    1.0
#define TOP_K_MAX 65536

/* Sparse stages halve the grid; the last step, of the height alone, is by two too. */
#define SPARSE_STAGES 4

static int read_kind(struct glint_json encoder, struct glint_centerpoint *c)
{
    static const char *const names[] = {"pillars", "hard_pillars", "voxels"};
    const char *type;
    GLINT_TRY(glint_json_string(encoder, "type", &type));
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(type, names[i])) {
            c->encoder = i;
            return GLINT_OK;
        }
    return glint_json_fail(glint_json_get(encoder, "type"),
                           "\"pillars\", \"hard_pillars\" or \"voxels\" expected, found \"%s\"", type);
}

static int read_pillars(struct glint_json e, const struct glint_model_config *config,
                        struct glint_centerpoint *c)
{
    GLINT_TRY(glint_json_i32s(e, "channels", -1, GLINT_VFE_LAYERS, 2, GLINT_CHANNELS_MAX, c->vfe, &c->n_vfe));
    for (int32_t i = 0; i < c->n_vfe; i++)
        if (i + 1 < c->n_vfe && c->vfe[i] % 2)
            return glint_json_fail(glint_json_at(glint_json_get(e, "channels"), (size_t)i),
                                   "an even number expected: half of it is the pillar's maximum");
    if (c->n_vfe < 1)
        return glint_json_fail(glint_json_get(e, "channels"), "one layer at least expected");
    return glint_config_pillars(config);
}

static int read_voxels(struct glint_json e, struct glint_centerpoint *c)
{
    bool residual = true;
    c->sparse_blocks = 2;
    GLINT_TRY(glint_config_optional_bool(e, "residual", &residual));
    c->sparse_plain = !residual;
    GLINT_TRY(glint_json_i32s(e, "channels", SPARSE_STAGES, GLINT_CENTERPOINT_LEVELS, 1, GLINT_CHANNELS_MAX,
                              c->sparse, &c->n_sparse));
    GLINT_TRY(glint_json_i32(e, "out_channels", 1, GLINT_CHANNELS_MAX, &c->sparse_out));
    return glint_config_optional_i32(e, "blocks", 1, 16, &c->sparse_blocks);
}

static int read_encoder(const struct glint_model_config *config, struct glint_centerpoint *c)
{
    struct glint_json e;
    GLINT_TRY(glint_config_section(
        config->root, "encoder", "type channels out_channels blocks residual max_points max_voxels norm_eps",
        &e));
    GLINT_TRY(read_kind(e, c));
    GLINT_TRY(glint_json_f64(e, "norm_eps", EPS_LO, EPS_HI, &c->encoder_eps));
    GLINT_TRY(c->encoder == GLINT_CENTERPOINT_VOXELS ? read_voxels(e, c) : read_pillars(e, config, c));
    if (c->encoder == GLINT_CENTERPOINT_PILLARS)
        return GLINT_OK;
    c->hard.pad = c->encoder == GLINT_CENTERPOINT_HARD_PILLARS;
    GLINT_TRY(glint_json_i32(e, "max_points", 1, 1 << 16, &c->hard.max_points));
    return glint_json_i32(e, "max_voxels", 1, 1 << 24, &c->hard.max_voxels);
}

/* 0.5 is what no integer says. */
static int read_upsample(struct glint_json b, struct glint_centerpoint *c)
{
    double factor[GLINT_CENTERPOINT_LEVELS];
    GLINT_TRY(glint_json_f64s(b, "upsample", c->n_levels, GLINT_CENTERPOINT_LEVELS, factor, NULL));
    for (int32_t i = 0; i < c->n_levels; i++) {
        const double whole = floor(factor[i]);
        if (factor[i] != 0.5 && !(whole == factor[i] && whole >= 1 && whole <= GLINT_DECONV_MAX))
            return glint_json_fail(glint_json_at(glint_json_get(b, "upsample"), (size_t)i),
                                   "0.5 or a number 1..%d expected, found %g", GLINT_DECONV_MAX, factor[i]);
        c->upsample[i] = (int32_t)whole;
    }
    return GLINT_OK;
}

/* Side of the map that enters the bird's-eye backbone. */
static int32_t bev_side(const struct glint_centerpoint *c, int32_t cells)
{
    for (int32_t i = 1; i < c->n_sparse; i++)
        cells = (cells - 1) / 2 + 1;
    return cells;
}

/* All levels must come to one size; a half needs even sides. */
static int check_sizes(struct glint_json b, const struct glint_model_config *config,
                       const struct glint_centerpoint *c)
{
    int32_t side[2], first[2] = {0, 0};
    for (int k = 0; k < 2; k++)
        side[k] = bev_side(c, config->grid.dim[k]);
    for (int32_t i = 0; i < c->n_levels; i++)
        for (int k = 0; k < 2; k++) {
            side[k] = (side[k] - 1) / c->strides[i] + 1;
            const int32_t to = c->upsample[i] ? side[k] * c->upsample[i] : side[k] / 2;
            first[k] = i ? first[k] : to;
            if (to != first[k] || (!c->upsample[i] && side[k] % 2))
                return glint_json_fail(glint_json_at(glint_json_get(b, "upsample"), (size_t)i),
                                       "makes %d cells along %c of %d, beside %d of the first level", to,
                                       "xy"[k], side[k], first[k]);
        }
    return GLINT_OK;
}

static int read_backbone(const struct glint_model_config *config, struct glint_centerpoint *c)
{
    struct glint_json b;
    GLINT_TRY(glint_config_section(config->root, "backbone",
                                   "channels layers strides upsample neck_channels norm_eps", &b));
    GLINT_TRY(glint_json_i32s(b, "channels", -1, GLINT_CENTERPOINT_LEVELS, 1, GLINT_CHANNELS_MAX, c->channels,
                              &c->n_levels));
    if (c->n_levels < 1)
        return glint_json_fail(glint_json_get(b, "channels"), "one level at least expected");
    GLINT_TRY(glint_json_i32s(b, "layers", c->n_levels, GLINT_CENTERPOINT_LEVELS, 0, 64, c->layers, NULL));
    GLINT_TRY(glint_json_i32s(b, "strides", c->n_levels, GLINT_CENTERPOINT_LEVELS, 1, 2, c->strides, NULL));
    GLINT_TRY(glint_json_i32s(b, "neck_channels", c->n_levels, GLINT_CENTERPOINT_LEVELS, 1,
                              GLINT_CHANNELS_MAX, c->neck, NULL));
    GLINT_TRY(read_upsample(b, c));
    GLINT_TRY(glint_json_f64(b, "norm_eps", EPS_LO, EPS_HI, &c->backbone_eps));
    return check_sizes(b, config, c);
}

/* tasks: how many of the classes, in order, each head has. */
static int read_head(const struct glint_model_config *config, struct glint_centerpoint *c)
{
    int32_t tasks[GLINT_CENTER_HEADS], sum = 0;
    struct glint_json h;
    c->velocity = true;
    GLINT_TRY(glint_config_section(config->root, "head", "channels tasks bias velocity norm_eps", &h));
    GLINT_TRY(glint_json_i32(h, "channels", 1, GLINT_CHANNELS_MAX, &c->shared));
    GLINT_TRY(glint_config_optional_bool(h, "bias", &c->bias));
    GLINT_TRY(glint_config_optional_bool(h, "velocity", &c->velocity));
    GLINT_TRY(glint_json_f64(h, "norm_eps", EPS_LO, EPS_HI, &c->head_eps));
    GLINT_TRY(glint_json_i32s(h, "tasks", -1, GLINT_CENTER_HEADS, 1, GLINT_CLASSES_MAX, tasks, &c->n_heads));
    for (int32_t i = 0; i < c->n_heads; i++) {
        c->first_label[i] = sum;
        c->heads[i].n_classes = tasks[i];
        sum += tasks[i];
    }
    return sum == config->n_classes
               ? GLINT_OK
               : glint_json_fail(glint_json_get(h, "tasks"), "%d classes in all expected, found %d",
                                 config->n_classes, sum);
}

/* The same of every head, but for the radius. */
static int read_suppression(const struct glint_model_config *config, struct glint_centerpoint *c)
{
    struct glint_json nms;
    const char *type;
    double iou = 0;
    int32_t pre = TOP_K_MAX, post;
    GLINT_TRY(glint_config_section(config->root, "nms", "type iou pre post radius", &nms));
    GLINT_TRY(glint_json_string(nms, "type", &type));
    const bool circle = !strcmp(type, "circle");
    if (!circle && strcmp(type, "rotated"))
        return glint_json_fail(glint_json_get(nms, "type"),
                               "\"rotated\" or \"circle\" expected, found \"%s\"", type);
    if (!circle || glint_json_has(nms, "iou"))
        GLINT_TRY(glint_json_f64(nms, "iou", 0, 1, &iou));
    GLINT_TRY(glint_config_optional_i32(nms, "pre", 1, TOP_K_MAX, &pre));
    GLINT_TRY(glint_json_i32(nms, "post", 1, TOP_K_MAX, &post));
    if (circle || glint_json_has(nms, "radius"))
        GLINT_TRY(glint_config_floats(nms, "radius", c->n_heads, 1e-6, 1e6, c->radius));
    for (int32_t i = 0; i < c->n_heads; i++) {
        struct glint_center *h = &c->heads[i];
        h->joint = true;
        h->nms_iou[0] = (float)iou;
        h->nms_pre[0] = pre;
        h->nms_post[0] = post;
        h->circle = circle ? c->radius[i] : 0.0f;
        for (int k = 0; k < 3; k++) { /* what was decoded stays where it is */
            h->nms_range[k] = -INFINITY;
            h->nms_range[3 + k] = INFINITY;
        }
    }
    return GLINT_OK;
}

static int read_decode(const struct glint_model_config *config, struct glint_centerpoint *c)
{
    struct glint_json d;
    float range[6], score;
    double least;
    int32_t top_k;
    GLINT_TRY(glint_config_section(config->root, "decode", "top_k score range", &d));
    GLINT_TRY(glint_json_i32(d, "top_k", 1, TOP_K_MAX, &top_k));
    GLINT_TRY(glint_json_f64(d, "score", 0, 1, &least));
    GLINT_TRY(glint_config_floats(d, "range", 6, -1e4, 1e4, range));
    for (size_t k = 0; k < 3; k++)
        if (!(range[k] <= range[3 + k]))
            return glint_json_fail(glint_json_at(glint_json_get(d, "range"), k),
                                   "three lowest, then three highest coordinates expected");
    score = (float)least;
    for (int32_t i = 0; i < c->n_heads; i++) {
        struct glint_center *h = &c->heads[i];
        h->top_k = top_k;
        memcpy(h->range, range, sizeof range);
        for (int32_t k = 0; k < h->n_classes; k++)
            h->score[k] = score;
    }
    return GLINT_OK;
}

/* A head's cells are as many of the grid's wide as the grid has more. */
static void set_cells(const struct glint_model_config *config, struct glint_centerpoint *c)
{
    for (int k = 0; k < 2; k++) {
        const int32_t level = (bev_side(c, config->grid.dim[k]) - 1) / c->strides[0] + 1;
        const int32_t side = c->upsample[0] ? level * c->upsample[0] : level / 2;
        for (int32_t i = 0; i < c->n_heads; i++) {
            c->heads[i].cell[k] = (float)((double)config->pillar[k] * config->grid.dim[k] / side);
            c->heads[i].origin[k] = config->grid.origin[k];
        }
    }
}

int glint_centerpoint_config(const struct glint_model_config *config, struct glint_centerpoint *c)
{
    *c = (struct glint_centerpoint){0};
    GLINT_TRY(glint_config_only(
        config->root, "glint arch name classes input grid encoder backbone head decode nms datasets track"));
    GLINT_TRY(read_encoder(config, c));
    GLINT_TRY(read_backbone(config, c));
    GLINT_TRY(read_head(config, c));
    GLINT_TRY(read_decode(config, c));
    GLINT_TRY(read_suppression(config, c));
    set_cells(config, c);
    for (int32_t i = 0; i < c->n_heads; i++) {
        c->heads[i].style = GLINT_CENTER_PCDET;
        c->heads[i].branch_bias = c->bias;
        c->heads[i].branches = (1u << GLINT_CENTER_BRANCHES) - 1u - (1u << GLINT_CENTER_IOU) -
                               (c->velocity ? 0u : 1u << GLINT_CENTER_VEL);
    }
    return GLINT_OK;
}
