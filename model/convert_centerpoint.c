/* model/convert_centerpoint.c - a CenterPoint's training configuration, as the metadata of the golden weights
 * has it (range, voxel sizes, OpenPCDet's BACKBONE_2D and DENSE_HEAD sections), into our config.json. */
#include "core/status.h"
#include "model/centerpoint.h"
#include "model/config_text.h"

bool glint_centerpoint_recognise(struct glint_json foreign)
{
    static const char *const keys[] = {"kind", "nf", "pcr", "vs", "b2d", "head", "min_radius"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (!glint_json_has(foreign, keys[i]))
            return false;
    return true;
}

/* All heads' classes, one after another. */
static int convert_classes(struct glint_json heads, struct glint_text *text)
{
    const struct glint_json groups = glint_json_get(heads, "CLASS_NAMES_EACH_HEAD");
    const size_t n = glint_json_size(groups);
    if (n < 1 || n > GLINT_CENTER_HEADS)
        return glint_json_fail(groups, "1..%d groups of classes expected, found %zu", GLINT_CENTER_HEADS, n);
    glint_text_add(text, "  \"classes\": [");
    for (size_t i = 0; i < n; i++) {
        const char *names[GLINT_CLASSES_MAX];
        int32_t count = 0;
        GLINT_TRY(glint_json_strings_of(glint_json_at(groups, i), GLINT_CLASSES_MAX, names, &count));
        for (int32_t k = 0; k < count; k++) {
            glint_text_add(text, "%s", i || k ? ", " : "");
            glint_add_string(text, names[k]);
        }
    }
    glint_text_add(text, "],\n");
    return GLINT_OK;
}

static int convert_input(struct glint_json foreign, struct glint_text *text)
{
    static const char *const fields[] = {"\"x\"", ", \"y\"", ", \"z\"", ", \"intensity\"", ", \"lag\""};
    int32_t n;
    GLINT_TRY(glint_json_i32(foreign, "nf", 3, 5, &n));
    glint_text_add(text, "  \"input\": {\"fields\": [");
    for (int32_t i = 0; i < n; i++)
        glint_text_add(text, "%s", fields[i]);
    glint_text_add(text, "], \"intensity\": \"0..255\"%s},\n  \"grid\": {", n > 4 ? ", \"sweeps\": 9" : "");
    GLINT_TRY(glint_copy_numbers(text, "range", foreign, "pcr", 6, ", "));
    if (glint_json_has(foreign, "grid"))
        GLINT_TRY(glint_copy_numbers(text, "cells", foreign, "grid", 3, ", "));
    return glint_copy_numbers(text, "pillar", foreign, "vs", 3, "},\n");
}

/* VoxelResBackBone8x has 16 32 64 128 channels and 128 at the end, divided by `div`; VoxelBackBone8x
 * (`plain`) 64 in its last stage. */
static int convert_voxels(struct glint_json foreign, struct glint_text *text)
{
    int32_t divisor = 1;
    bool plain = false;
    GLINT_TRY(glint_config_optional_i32(foreign, "div", 1, 16, &divisor));
    GLINT_TRY(glint_config_optional_bool(foreign, "plain", &plain));
    glint_text_add(text, "\"type\": \"voxels\", \"channels\": [%d, %d, %d, %d], \"out_channels\": %d, ",
                   16 / divisor, 32 / divisor, 64 / divisor, (plain ? 64 : 128) / divisor, 128 / divisor);
    if (plain)
        glint_text_add(text, "\"residual\": false, ");
    GLINT_TRY(glint_copy_number(text, "max_points", foreign, "max_pts", ", "));
    return glint_copy_number(text, "max_voxels", foreign, "max_vox", ", ");
}

static int convert_encoder(struct glint_json foreign, struct glint_text *text)
{
    const char *kind;
    GLINT_TRY(glint_json_string(foreign, "kind", &kind));
    glint_text_add(text, "  \"encoder\": {");
    if (kind[0] == 'v') {
        GLINT_TRY(convert_voxels(foreign, text));
    } else if (kind[0] == 'h') { /* OpenPCDet's PillarVFE */
        glint_text_add(text, "\"type\": \"hard_pillars\", ");
        GLINT_TRY(glint_copy_numbers(text, "channels", foreign, "filters", -1, ", "));
        GLINT_TRY(glint_copy_number(text, "max_points", foreign, "max_pts", ", "));
        GLINT_TRY(glint_copy_number(text, "max_voxels", foreign, "max_vox", ", "));
    } else if (kind[0] == 'p') {
        glint_text_add(text, "\"type\": \"pillars\", ");
        GLINT_TRY(glint_copy_numbers(text, "channels", foreign, "filters", -1, ", "));
    } else {
        return glint_json_fail(glint_json_get(foreign, "kind"), "\"pillar\", \"hard\" or \"voxel\" expected");
    }
    glint_text_add(text, "\"norm_eps\": 0.001},\n");
    return GLINT_OK;
}

static int convert_backbone(struct glint_json foreign, struct glint_text *text)
{
    const struct glint_json b = glint_json_get(foreign, "b2d");
    glint_text_add(text, "  \"backbone\": {");
    GLINT_TRY(glint_copy_numbers(text, "channels", b, "NUM_FILTERS", -1, ", "));
    GLINT_TRY(glint_copy_numbers(text, "layers", b, "LAYER_NUMS", -1, ", "));
    GLINT_TRY(glint_copy_numbers(text, "strides", b, "LAYER_STRIDES", -1, ", "));
    GLINT_TRY(glint_copy_numbers(text, "upsample", b, "UPSAMPLE_STRIDES", -1, ", "));
    GLINT_TRY(glint_copy_numbers(text, "neck_channels", b, "NUM_UPSAMPLE_FILTERS", -1, ", "));
    glint_text_add(text, "\"norm_eps\": 0.001},\n");
    return GLINT_OK;
}

/* Branches of two convolutions; velocity or not. */
static int convert_head(struct glint_json h, struct glint_text *text)
{
    const struct glint_json groups = glint_json_get(h, "CLASS_NAMES_EACH_HEAD");
    const struct glint_json branches = glint_json_get(glint_json_get(h, "SEPARATE_HEAD_CFG"), "HEAD_DICT");
    bool bias = false;
    int32_t convs = 2;
    double eps = 1e-5;
    GLINT_TRY(glint_config_optional_bool(h, "USE_BIAS_BEFORE_NORM", &bias));
    GLINT_TRY(glint_config_optional_i32(h, "NUM_HM_CONV", 2, 2, &convs));
    GLINT_TRY(glint_config_optional_f64(h, "BN_EPS", 0, 1, &eps));
    for (size_t i = 0; i < glint_json_members(branches); i++)
        GLINT_TRY(glint_config_optional_i32(glint_json_get(branches, glint_json_key(branches, i)), "num_conv",
                                            2, 2, &convs));
    glint_text_add(text, "  \"head\": {");
    GLINT_TRY(glint_copy_number(text, "channels", h, "SHARED_CONV_CHANNEL", ", "));
    glint_text_add(text, "\"tasks\": [");
    for (size_t i = 0; i < glint_json_size(groups); i++)
        glint_text_add(text, "%s%zu", i ? ", " : "", glint_json_size(glint_json_at(groups, i)));
    glint_text_add(text, "], \"bias\": %s, \"velocity\": %s, \"norm_eps\": %.12g},\n",
                   bias ? "true" : "false", glint_json_has(branches, "vel") ? "true" : "false", eps);
    return GLINT_OK;
}

static int convert_post(struct glint_json foreign, struct glint_text *text)
{
    const struct glint_json post = glint_json_get(glint_json_get(foreign, "head"), "POST_PROCESSING");
    const struct glint_json nms = glint_json_get(post, "NMS_CONFIG");
    const struct glint_json head = glint_json_get(foreign, "head");
    const int32_t n_heads = (int32_t)glint_json_size(glint_json_get(head, "CLASS_NAMES_EACH_HEAD"));
    const char *type;
    GLINT_TRY(glint_json_string(nms, "NMS_TYPE", &type));
    glint_text_add(text, "  \"decode\": {");
    GLINT_TRY(glint_copy_number(text, "top_k", post, "MAX_OBJ_PER_SAMPLE", ", "));
    GLINT_TRY(glint_copy_number(text, "score", post, "SCORE_THRESH", ", "));
    GLINT_TRY(glint_copy_numbers(text, "range", post, "POST_CENTER_LIMIT_RANGE", 6, "},\n"));
    glint_text_add(text, "  \"nms\": {\"type\": \"%s\", ", type[0] == 'c' ? "circle" : "rotated");
    GLINT_TRY(glint_copy_number(text, "iou", nms, "NMS_THRESH", ", "));
    GLINT_TRY(glint_copy_number(text, "pre", nms, "NMS_PRE_MAXSIZE", ", "));
    GLINT_TRY(glint_copy_number(text, "post", nms, "NMS_POST_MAXSIZE", ""));
    /* radii belong to nuScenes' six heads; others need them only where they ask for circles */
    if (type[0] == 'c' || n_heads == (int32_t)glint_json_size(glint_json_get(foreign, "min_radius"))) {
        glint_text_add(text, ", ");
        GLINT_TRY(glint_copy_numbers(text, "radius", foreign, "min_radius", n_heads, ""));
    }
    glint_text_add(text, "}\n}\n");
    return GLINT_OK;
}

int glint_centerpoint_convert(struct glint_json foreign, struct glint_text *text)
{
    const struct glint_json head = glint_json_get(foreign, "head");
    const char *name = "centerpoint";
    if (glint_json_has(foreign, "name"))
        GLINT_TRY(glint_json_string(foreign, "name", &name));
    glint_text_add(text, "{\n  \"glint\": 1,\n  \"arch\": \"centerpoint\",\n  \"name\": ");
    glint_add_string(text, name);
    glint_text_add(text, ",\n");
    GLINT_TRY(convert_classes(head, text));
    GLINT_TRY(convert_input(foreign, text));
    GLINT_TRY(convert_encoder(foreign, text));
    GLINT_TRY(convert_backbone(foreign, text));
    GLINT_TRY(convert_head(head, text));
    return convert_post(foreign, text);
}
