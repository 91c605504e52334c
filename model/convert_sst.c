/* model/convert_sst.c - an SST's training configuration, as the metadata of weights has it (the reference's
 * arguments of its input layer, SSTv2, neck and head, flat), into our config.json. */
#include "core/status.h"
#include "model/config_text.h"
#include "model/sst.h"
#include <string.h>

bool glint_sst_recognise(struct glint_json foreign)
{
    static const char *const keys[] = {"window_shape", "num_blocks", "num_attached_conv", "dim_feedforward",
                                       "pcr"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (!glint_json_has(foreign, keys[i]))
            return false;
    return true;
}

static int copy_bool(struct glint_text *text, const char *key, struct glint_json from, const char *member,
                     bool value, const char *end)
{
    GLINT_TRY(glint_config_optional_bool(from, member, &value));
    glint_text_add(text, "\"%s\": %s%s", key, value ? "true" : "false", end);
    return GLINT_OK;
}

static int convert_classes(struct glint_json foreign, struct glint_text *text)
{
    const char *names[GLINT_CLASSES_MAX];
    int32_t n;
    GLINT_TRY(glint_json_strings(foreign, "classes", GLINT_CLASSES_MAX, names, &n));
    glint_text_add(text, "  \"classes\": [");
    for (int32_t i = 0; i < n; i++) {
        glint_text_add(text, "%s", i ? ", " : "");
        glint_add_string(text, names[i]);
    }
    glint_text_add(text, "],\n");
    return GLINT_OK;
}

static int convert_input(struct glint_json foreign, struct glint_text *text)
{
    static const char *const fields[] = {"\"x\", \"y\", \"z\"", ", \"intensity\"", ", \"elongation\""};
    int32_t n;
    GLINT_TRY(glint_json_i32(foreign, "in_channels", 3, 5, &n));
    glint_text_add(text, "  \"input\": {\"fields\": [");
    for (int32_t i = 0; i + 3 <= n; i++)
        glint_text_add(text, "%s", fields[i]);
    glint_text_add(text, "], \"intensity\": \"%s\", \"axes\": \"x forward, y left, z up\"},\n  \"grid\": {",
                   n == 5   ? "tanh"
                   : n == 4 ? "0..1"
                            : "unused"); /* elongation: Waymo's points */
    GLINT_TRY(glint_copy_numbers(text, "range", foreign, "pcr", 6, ", "));
    GLINT_TRY(glint_copy_numbers(text, "pillar", foreign, "vs", 3, ", "));
    GLINT_TRY(glint_copy_numbers(text, "cells", foreign, "sparse_shape", 3, "},\n  \"vfe\": {"));
    GLINT_TRY(glint_copy_numbers(text, "channels", foreign, "feat_channels", -1, ", "));
    return glint_copy_number(text, "norm_eps", foreign, "bn_eps", "},\n");
}

/* Tokens must not be dropped: the largest level holds a whole window. */
static int check_levels(struct glint_json foreign)
{
    double window[3];
    int32_t most;
    if (!glint_json_has(foreign, "max_tokens"))
        return GLINT_OK;
    GLINT_TRY(glint_json_i32(foreign, "max_tokens", 1, INT32_MAX, &most));
    GLINT_TRY(glint_json_f64s(foreign, "window_shape", 3, 3, window, NULL));
    return most >= window[0] * window[1] * window[2]
               ? GLINT_OK
               : glint_json_fail(glint_json_get(foreign, "max_tokens"),
                                 "%g, a whole window, expected at least, found %d: tokens would be dropped",
                                 window[0] * window[1] * window[2], most);
}

static int convert_encoder(struct glint_json foreign, struct glint_text *text)
{
    const struct glint_json layer = glint_json_get(foreign, "layer_cfg");
    double least = 0.01;
    bool no = false;
    GLINT_TRY(check_levels(foreign));
    GLINT_TRY(glint_config_optional_bool(foreign, "normalize_pos", &no));
    GLINT_TRY(glint_config_optional_bool(layer, "use_bn", &no));
    if (no)
        return glint_json_fail(foreign, "normalize_pos and layer_cfg.use_bn: false expected");
    glint_text_add(text, "  \"encoder\": {");
    GLINT_TRY(glint_copy_number(text, "channels", foreign, "d_model", ", "));
    GLINT_TRY(glint_copy_number(text, "heads", foreign, "nhead", ", "));
    GLINT_TRY(glint_copy_number(text, "ffn", foreign, "dim_feedforward", ", "));
    GLINT_TRY(glint_copy_number(text, "blocks", foreign, "num_blocks", ", "));
    GLINT_TRY(glint_copy_numbers(text, "window", foreign, "window_shape", 3, ", \"norm_eps\": 1e-05, "));
    GLINT_TRY(glint_copy_number(text, "position_base", foreign, "pos_temperature", ", "));
    GLINT_TRY(copy_bool(text, "cosine", layer, "cosine", false, ", "));
    GLINT_TRY(copy_bool(text, "tau_each", layer, "non_shared_tau", false, ", "));
    GLINT_TRY(glint_config_optional_f64(layer, "tau_min", 1e-4, 100, &least));
    glint_text_add(text, "\"tau_least\": %.12g},\n  \"convs\": {", least);
    GLINT_TRY(glint_copy_number(text, "channels", foreign, "conv_out_channel", ", "));
    GLINT_TRY(glint_copy_numbers(text, "dilations", foreign, "conv_dilations", -1, ", "));
    GLINT_TRY(copy_bool(text, "shortcut", foreign, "conv_shortcut", false, ", "));
    GLINT_TRY(glint_copy_number(text, "norm_eps", foreign, "bn_eps", "},\n  \"neck\": {"));
    GLINT_TRY(glint_copy_number(text, "channels", foreign, "neck_channels", ", "));
    return glint_copy_number(text, "norm_eps", foreign, "bn_eps", "},\n");
}

static int convert_head(struct glint_json foreign, struct glint_text *text)
{
    double score;
    const int32_t n = (int32_t)glint_json_size(glint_json_get(foreign, "classes"));
    glint_text_add(text, "  \"head\": {");
    GLINT_TRY(glint_copy_number(text, "channels", foreign, "share_conv_channel", ", "));
    GLINT_TRY(glint_copy_number(text, "norm_eps", foreign, "bn_eps", ", "));
    GLINT_TRY(glint_copy_number(text, "branch_norm_eps", foreign, "head_bn_eps", ", "));
    GLINT_TRY(copy_bool(text, "velocity", foreign, "vel", true, "},\n  \"decode\": {"));
    GLINT_TRY(glint_copy_number(text, "top_k", foreign, "max_num", ", "));
    GLINT_TRY(glint_json_f64(foreign, "score_threshold", 0, 1, &score));
    glint_text_add(text, "\"score\": [");
    for (int32_t i = 0; i < n; i++)
        glint_text_add(text, "%s%.12g", i ? ", " : "", score);
    glint_text_add(text, "], ");
    GLINT_TRY(glint_copy_numbers(text, "range", foreign, "post_center_range", 6, "},\n  \"nms\": {"));
    GLINT_TRY(glint_copy_numbers(text, "iou", foreign, "nms_thr", n, ", "));
    GLINT_TRY(glint_copy_numbers(text, "pre", foreign, "pre_max_size", n, ", "));
    GLINT_TRY(glint_copy_numbers(text, "post", foreign, "post_max_size", n, ", "));
    return glint_copy_numbers(text, "range", foreign, "post_center_limit_range", 6, "}\n}\n");
}

int glint_sst_convert(struct glint_json foreign, struct glint_text *text)
{
    glint_text_add(text, "{\n  \"glint\": 1,\n  \"arch\": \"sst\",\n  \"name\": \"sst\",\n");
    GLINT_TRY(convert_classes(foreign, text));
    GLINT_TRY(convert_input(foreign, text));
    GLINT_TRY(convert_encoder(foreign, text));
    return convert_head(foreign, text);
}
