/* model/convert_dsvt.c - a DSVT's training configuration, as the metadata of the golden weights has it (the
 * reference's own members, under b3d, b2d and head), into our config.json. convert/ makes this of an
 * OpenPCDet file. */
#include "core/status.h"
#include "model/config_text.h"
#include "model/dsvt.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

#define STAGES_MAX 8

struct source { /* the parts, wherever they are */
    struct glint_json encoder, input, maps, head, classes;
    double range[6], voxel[3];
    int32_t n_fields, n_filters, n_stages;
    double filters[4];
    int32_t cells[3];
};

bool glint_dsvt_recognise(struct glint_json foreign)
{
    const struct glint_json input = glint_json_get(glint_json_get(foreign, "b3d"), "INPUT_LAYER");
    return glint_json_has(input, "set_info") && glint_json_has(input, "window_shape");
}

/* Reading */

static int read_parts(struct glint_json foreign, struct source *s)
{
    s->maps = glint_json_get(foreign, "b2d");
    s->head = glint_json_get(foreign, "head");
    s->classes = glint_json_at(glint_json_get(s->head, "CLASS_NAMES_EACH_HEAD"), 0);
    GLINT_TRY(glint_json_f64s(foreign, "pcr", 6, 6, s->range, NULL));
    GLINT_TRY(glint_json_f64s(foreign, "vs", 3, 3, s->voxel, NULL));
    GLINT_TRY(glint_json_i32(foreign, "nf", 3, 5, &s->n_fields));
    return glint_json_f64s(foreign, "filters", -1, 4, s->filters, &s->n_filters);
}

/* Cells: rounded, as the reference has them; where they are given they must be those. */
static int read_cells(struct source *s)
{
    double given[3];
    const struct glint_json grid = glint_json_get(s->input, "sparse_shape");
    GLINT_TRY(glint_json_numbers(grid, 3, 3, given, NULL));
    for (int k = 0; k < 3; k++) {
        s->cells[k] = (int32_t)lround((s->range[3 + k] - s->range[k]) / s->voxel[k]);
        if (given[k] != s->cells[k])
            return glint_json_fail(grid, "%d cells along %c, from range and voxel size, expected, found %g",
                                   s->cells[k], "xyz"[k], given[k]);
    }
    return GLINT_OK;
}

/* What the runtime does not do must not be asked for. */
static int check_fixed(const struct source *s)
{
    const char *text = "gelu";
    bool no = false;
    if (glint_json_has(s->encoder, "activation"))
        GLINT_TRY(glint_json_string(s->encoder, "activation", &text));
    if (strcmp(text, "gelu"))
        return glint_json_fail(glint_json_get(s->encoder, "activation"), "gelu expected, found %s", text);
    text = "attention";
    if (glint_json_has(s->encoder, "reduction_type"))
        GLINT_TRY(glint_json_string(s->encoder, "reduction_type", &text));
    if (s->n_stages > 1 && strcmp(text, "attention"))
        return glint_json_fail(glint_json_get(s->encoder, "reduction_type"), "attention expected, found %s",
                               text);
    GLINT_TRY(glint_config_optional_bool(s->input, "normalize_pos", &no));
    return no ? glint_json_fail(glint_json_get(s->input, "normalize_pos"), "false expected") : GLINT_OK;
}

static int read_source(struct glint_json foreign, struct source *s)
{
    *s = (struct source){.encoder = glint_json_get(foreign, "b3d")};
    s->input = glint_json_get(s->encoder, "INPUT_LAYER");
    s->n_stages = (int32_t)glint_json_size(glint_json_get(s->input, "window_shape"));
    if (s->n_stages < 1 || s->n_stages > STAGES_MAX)
        return glint_json_fail(glint_json_get(s->input, "window_shape"), "1 to %d windows expected",
                               STAGES_MAX);
    GLINT_TRY(read_parts(foreign, s));
    GLINT_TRY(read_cells(s));
    return check_fixed(s);
}

/* Writing */

/* Names without what JSON strings may not hold, in small letters as our others are. */
static void add_name(struct glint_text *text, const char *name)
{
    for (; *name; name++)
        if ((unsigned char)*name >= 32 && *name != '"' && *name != '\\')
            glint_text_add(text, "%c", *name >= 'A' && *name <= 'Z' ? *name + 'a' - 'A' : *name);
}

static int convert_classes(const struct source *s, struct glint_text *text, int32_t *n_out)
{
    const char *name;
    *n_out = (int32_t)glint_json_size(s->classes);
    if (*n_out < 1 || *n_out > GLINT_CLASSES_MAX)
        return glint_json_fail(s->classes, "1 to %d classes expected", GLINT_CLASSES_MAX);
    glint_text_add(text, "  \"classes\": [");
    for (int32_t i = 0; i < *n_out; i++) {
        GLINT_TRY(glint_json_text(glint_json_at(s->classes, (size_t)i), &name));
        glint_text_add(text, "%s\"", i ? ", " : "");
        add_name(text, name);
        glint_text_add(text, "\"");
    }
    glint_text_add(text, "],\n");
    return GLINT_OK;
}

static void convert_input(const struct source *s, struct glint_text *text)
{
    static const char *const fields[] = {"\"x\", \"y\", \"z\"", ", \"intensity\"", ", \"elongation\""};
    glint_text_add(text, "  \"input\": {\"fields\": [");
    for (int32_t i = 0; i + 3 <= s->n_fields; i++)
        glint_text_add(text, "%s", fields[i]);
    glint_text_add(text, "], \"intensity\": \"%s\", \"axes\": \"x forward, y left, z up\"},\n  \"grid\": {",
                   s->n_fields == 5 ? "tanh" : "0..1"); /* elongation: Waymo's points */
    glint_add_numbers(text, "range", s->range, 6, ", ");
    glint_add_numbers(text, "pillar", s->voxel, 3, ", ");
    glint_add_numbers(text, "cells", (const double[]){s->cells[0], s->cells[1], s->cells[2]}, 3,
                      "},\n  \"vfe\": {");
    glint_add_numbers(text, "channels", s->filters, s->n_filters, ", \"norm_eps\": 0.001},\n");
}

/* Element `stage` of a member of the input layer: n numbers. */
static int stage_numbers(const struct source *s, const char *member, int32_t stage, int32_t n, double *out)
{
    return glint_json_numbers(glint_json_at(glint_json_get(s->input, member), (size_t)stage), n, n, out,
                              NULL);
}

static int stage_number(const struct source *s, const char *member, int32_t stage, double *out)
{
    double value[STAGES_MAX];
    GLINT_TRY(glint_json_f64s(s->encoder, member, s->n_stages, STAGES_MAX, value, NULL));
    *out = value[stage];
    return GLINT_OK;
}

static int convert_stage(const struct source *s, int32_t stage, struct glint_text *text)
{
    double info[2], three[3], heads, ffn, channels;
    const struct glint_json shifts = glint_json_at(glint_json_get(s->input, "shifts_list"), (size_t)stage);
    GLINT_TRY(stage_numbers(s, "set_info", stage, 2, info));
    GLINT_TRY(stage_number(s, "nhead", stage, &heads));
    GLINT_TRY(stage_number(s, "dim_feedforward", stage, &ffn));
    GLINT_TRY(stage_number(s, "d_model", stage, &channels));
    if (channels != s->filters[s->n_filters - 1])
        return glint_json_fail(glint_json_get(s->encoder, "d_model"), "%g in all stages expected, found %g",
                               s->filters[s->n_filters - 1], channels);
    glint_text_add(text, "    {\"blocks\": %.12g, \"heads\": %.12g, \"ffn\": %.12g, \"set\": %.12g, ",
                   info[1], heads, ffn, info[0]);
    if (stage > 0) {
        GLINT_TRY(stage_numbers(s, "downsample_stride", stage - 1, 3, three));
        glint_add_numbers(text, "pool", three, 3, ", ");
    }
    GLINT_TRY(stage_numbers(s, "window_shape", stage, 3, three));
    glint_add_numbers(text, "window", three, 3, ", ");
    GLINT_TRY(glint_json_f64s(s->input, "hybrid_factor", 3, 3, three, NULL));
    glint_add_numbers(text, "hybrid", three, 3, ", \"shifts\": [");
    for (size_t h = 0; h < 2; h++) {
        GLINT_TRY(glint_json_numbers(glint_json_at(shifts, h), 3, 3, three, NULL));
        glint_text_add(text, "[%.12g, %.12g, %.12g]%s", three[0], three[1], three[2], h ? "" : ", ");
    }
    glint_text_add(text, "]}%s\n", stage + 1 < s->n_stages ? "," : "");
    return GLINT_OK;
}

static int convert_encoder(const struct source *s, struct glint_text *text)
{
    glint_text_add(text,
                   "  \"encoder\": {\"channels\": %.12g, \"pool_heads\": 8, \"norm_eps\": 1e-05, "
                   "\"position_norm_eps\": 1e-05, \"stages\": [\n",
                   s->filters[s->n_filters - 1]);
    for (int32_t i = 0; i < s->n_stages; i++)
        GLINT_TRY(convert_stage(s, i, text));
    glint_text_add(text, "  ]},\n  \"backbone\": {");
    GLINT_TRY(glint_copy_numbers(text, "channels", s->maps, "NUM_FILTERS", -1, ", "));
    GLINT_TRY(glint_copy_numbers(text, "layers", s->maps, "LAYER_NUMS", -1, ", "));
    GLINT_TRY(glint_copy_numbers(text, "strides", s->maps, "LAYER_STRIDES", -1, ", "));
    GLINT_TRY(glint_copy_numbers(text, "upsample", s->maps, "UPSAMPLE_STRIDES", -1, ", "));
    return glint_copy_numbers(text, "upsample_channels", s->maps, "NUM_UPSAMPLE_FILTERS", -1,
                              ", \"norm_eps\": 0.001},\n");
}

/* Two convolutions in each branch, one head, the classes told apart. */
static int check_head(const struct source *s)
{
    const struct glint_json branches =
        glint_json_get(glint_json_get(s->head, "SEPARATE_HEAD_CFG"), "HEAD_DICT");
    int32_t n = 2;
    GLINT_TRY(glint_config_optional_i32(s->head, "NUM_HM_CONV", 2, 2, &n));
    for (size_t i = 0; i < glint_json_members(branches); i++)
        GLINT_TRY(
            glint_json_i32(glint_json_get(branches, glint_json_key(branches, i)), "num_conv", 2, 2, &n));
    if (glint_json_size(glint_json_get(s->head, "CLASS_NAMES_EACH_HEAD")) != 1)
        return glint_json_fail(glint_json_get(s->head, "CLASS_NAMES_EACH_HEAD"),
                               "one head for all classes expected");
    return GLINT_OK;
}

static int convert_head(const struct source *s, struct glint_text *text)
{
    const struct glint_json branches =
        glint_json_get(glint_json_get(s->head, "SEPARATE_HEAD_CFG"), "HEAD_DICT");
    double eps = 1e-5;
    int32_t channels;
    bool bias = true;
    GLINT_TRY(check_head(s));
    GLINT_TRY(glint_json_i32(s->head, "SHARED_CONV_CHANNEL", 1, GLINT_CHANNELS_MAX, &channels));
    GLINT_TRY(glint_config_optional_f64(s->head, "BN_EPS", 0, 1, &eps));
    GLINT_TRY(glint_config_optional_bool(s->head, "USE_BIAS_BEFORE_NORM", &bias));
    glint_text_add(
        text,
        "  \"head\": {\"channels\": %d, \"norm_eps\": %.12g, \"velocity\": %s, \"iou\": %s, \"bias\": %s},\n",
        channels, eps, glint_json_has(branches, "vel") ? "true" : "false",
        glint_json_has(branches, "iou") ? "true" : "false", bias ? "true" : "false");
    return GLINT_OK;
}

static void add_repeated(struct glint_text *text, const char *key, double value, int32_t n, const char *end)
{
    double values[GLINT_CLASSES_MAX];
    for (int32_t i = 0; i < n; i++)
        values[i] = value;
    glint_add_numbers(text, key, values, n, end);
}

/* A number for all classes, or one for each. */
static int copy_each(struct glint_text *text, const char *key, struct glint_json from, const char *member,
                     int32_t n, const char *end)
{
    double value;
    if (glint_json_is_array(glint_json_get(from, member)))
        return glint_copy_numbers(text, key, from, member, n, end);
    GLINT_TRY(glint_json_f64(from, member, -1e9, 1e9, &value));
    add_repeated(text, key, value, n, end);
    return GLINT_OK;
}

/* Haiyang-W/DSVT's own suppression turns boxes by 90 degrees, OpenPCDet's does not. */
static int convert_turn(struct glint_json nms, struct glint_text *text)
{
    const char *type = "multi_class_nms";
    if (glint_json_has(nms, "NMS_TYPE"))
        GLINT_TRY(glint_json_string(nms, "NMS_TYPE", &type));
    const bool turned = !strcmp(type, "multi_class_nms");
    if (!turned && strcmp(type, "class_specific_nms"))
        return glint_json_fail(glint_json_get(nms, "NMS_TYPE"),
                               "multi_class_nms or class_specific_nms expected, found %s", type);
    glint_text_add(text, ", \"turn_rad\": %s}\n}\n", turned ? "-1.5707963267948966" : "0");
    return GLINT_OK;
}

static int convert_decode(const struct source *s, int32_t n, struct glint_text *text)
{
    const struct glint_json post = glint_json_get(s->head, "POST_PROCESSING");
    const struct glint_json nms = glint_json_get(post, "NMS_CONFIG");
    double score, most;
    bool rectify = false;
    GLINT_TRY(glint_json_f64(post, "SCORE_THRESH", 0, 1, &score));
    GLINT_TRY(glint_json_f64(post, "MAX_OBJ_PER_SAMPLE", 1, 65536, &most));
    GLINT_TRY(glint_config_optional_bool(post, "USE_IOU_TO_RECTIFY_SCORE", &rectify));
    glint_text_add(text, "  \"decode\": {\"top_k\": %.12g, ", most);
    add_repeated(text, "score", score, n, ", ");
    if (rectify)
        GLINT_TRY(copy_each(text, "iou_alpha", post, "IOU_RECTIFIER", n, ", "));
    GLINT_TRY(glint_copy_numbers(text, "range", post, "POST_CENTER_LIMIT_RANGE", 6, "},\n  \"nms\": {"));
    GLINT_TRY(copy_each(text, "iou", nms, "NMS_THRESH", n, ", "));
    GLINT_TRY(copy_each(text, "pre", nms, "NMS_PRE_MAXSIZE", n, ", "));
    GLINT_TRY(copy_each(text, "post", nms, "NMS_POST_MAXSIZE", n, ", "));
    GLINT_TRY(glint_copy_numbers(text, "range", post, "POST_CENTER_LIMIT_RANGE", 6, ""));
    return convert_turn(nms, text);
}

int glint_dsvt_convert(struct glint_json foreign, struct glint_text *text)
{
    const char *name = "dsvt";
    struct source s;
    int32_t n_classes;
    GLINT_TRY(read_source(foreign, &s));
    if (glint_json_has(foreign, "name"))
        GLINT_TRY(glint_json_string(foreign, "name", &name));
    glint_text_add(text, "{\n  \"glint\": 1,\n  \"arch\": \"dsvt\",\n  \"name\": \"");
    add_name(text, name);
    glint_text_add(text, "\",\n");
    GLINT_TRY(convert_classes(&s, text, &n_classes));
    convert_input(&s, text);
    GLINT_TRY(convert_encoder(&s, text));
    GLINT_TRY(convert_head(&s, text));
    return convert_decode(&s, n_classes, text);
}
