/* model/convert_flatformer.c - a FlatFormer's training configuration, as the metadata of the golden weights
 * has it (one flat object), into our config.json. */
#include "core/status.h"
#include "model/config_text.h"
#include "model/flatformer.h"
#include <math.h>

bool glint_flatformer_recognise(struct glint_json foreign)
{
    static const char *const keys[] = {"vs",    "pcr",    "filt",  "vfe", "dim",
                                       "heads", "window", "group", "bb",  "fpn"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (!glint_json_has(foreign, keys[i]))
            return false;
    return true;
}

static int convert_classes(struct glint_json foreign, struct glint_text *text, int32_t *n_out)
{
    static const char *const waymo[] = {"vehicle", "pedestrian", "cyclist"};
    GLINT_TRY(glint_json_i32(foreign, "ncls", 1, GLINT_CLASSES_MAX, n_out));
    glint_text_add(text, "  \"classes\": [");
    for (int32_t i = 0; i < *n_out; i++)
        if (*n_out == 3)
            glint_text_add(text, "%s\"%s\"", i ? ", " : "", waymo[i]);
        else
            glint_text_add(text, "%s\"class%d\"", i ? ", " : "", i);
    glint_text_add(text, "],\n");
    return GLINT_OK;
}

static int convert_input(struct glint_json foreign, struct glint_text *text)
{
    static const char *const fields[] = {"\"x\"", ", \"y\"", ", \"z\"", ", \"intensity\"",
                                         ", \"elongation\""};
    int32_t n;
    GLINT_TRY(glint_json_i32(foreign, "nf", 3, 5, &n));
    glint_text_add(text, "  \"input\": {\"fields\": [");
    for (int32_t i = 0; i < n; i++)
        glint_text_add(text, "%s", fields[i]);
    glint_text_add(text,
                   "], \"intensity\": \"0..1\", \"axes\": \"x forward, y left, z up\"},\n  \"grid\": {");
    GLINT_TRY(glint_copy_numbers(text, "range", foreign, "pcr", 6, ", "));
    GLINT_TRY(glint_copy_numbers(text, "filter", foreign, "filt", 6, ", "));
    return glint_copy_numbers(text, "pillar", foreign, "vs", 3, ", \"drop_first_pillar\": false},\n");
}

static int convert_encoder(struct glint_json foreign, struct glint_text *text)
{
    int32_t dim;
    GLINT_TRY(glint_json_i32(foreign, "dim", 4, GLINT_CHANNELS_MAX, &dim));
    glint_text_add(text, "  \"vfe\": {");
    GLINT_TRY(glint_copy_numbers(text, "channels", foreign, "vfe", -1, ", "));
    GLINT_TRY(glint_copy_number(text, "norm_eps", foreign, "bn_eps", "},\n  \"encoder\": {"));
    glint_text_add(text, "\"channels\": %d, \"ffn\": %d, ", dim, 2 * dim);
    GLINT_TRY(glint_copy_number(text, "heads", foreign, "heads", ", "));
    GLINT_TRY(glint_copy_number(text, "blocks", foreign, "blocks", ", "));
    GLINT_TRY(glint_copy_number(text, "window", foreign, "window", ", "));
    GLINT_TRY(glint_copy_number(text, "group", foreign, "group", ", "));
    return glint_copy_number(text, "norm_eps", foreign, "ln_eps", "},\n");
}

static int convert_maps(struct glint_json foreign, struct glint_text *text)
{
    glint_text_add(text, "  \"backbone\": {");
    GLINT_TRY(glint_copy_numbers(text, "channels", foreign, "bb", -1, ", "));
    GLINT_TRY(glint_copy_numbers(text, "layers", foreign, "nums", -1, ", "));
    GLINT_TRY(glint_copy_numbers(text, "strides", foreign, "strides", -1, ", "));
    GLINT_TRY(glint_copy_number(text, "norm_eps", foreign, "bn_eps", "},\n  \"neck\": {"));
    GLINT_TRY(glint_copy_numbers(text, "channels", foreign, "fpn", -1, ", "));
    GLINT_TRY(glint_copy_numbers(text, "upsample", foreign, "ups", -1, ", "));
    GLINT_TRY(glint_copy_number(text, "norm_eps", foreign, "bn_eps", "},\n  \"head\": {"));
    GLINT_TRY(glint_copy_number(text, "channels", foreign, "share", ", "));
    GLINT_TRY(glint_copy_number(text, "norm_eps", foreign, "bn_eps", ", "));
    return glint_copy_number(text, "branch_norm_eps", foreign, "head_bn_eps", "},\n");
}

static int convert_decode(struct glint_json foreign, struct glint_text *text, int32_t n_classes)
{
    double score;
    GLINT_TRY(glint_json_f64(foreign, "score_thr", 0, 1, &score));
    glint_text_add(text, "  \"decode\": {\"score\": [");
    for (int32_t i = 0; i < n_classes; i++)
        glint_text_add(text, "%s%.12g", i ? ", " : "", score);
    glint_text_add(text, "], ");
    GLINT_TRY(glint_copy_number(text, "top_k", foreign, "max_num", ", "));
    GLINT_TRY(glint_copy_number(text, "iou_power", foreign, "iou_pow", ", "));
    GLINT_TRY(glint_copy_numbers(text, "range", foreign, "post", 6, "},\n  \"nms\": {"));
    GLINT_TRY(glint_copy_numbers(text, "iou", foreign, "thr", n_classes, ", "));
    GLINT_TRY(glint_copy_numbers(text, "pre", foreign, "pre", n_classes, ", "));
    GLINT_TRY(glint_copy_numbers(text, "post", foreign, "postn", n_classes, ", "));
    return glint_copy_numbers(text, "range", foreign, "limit", 6, "}\n}\n");
}

/* The member grid, where there is one, is what range and pillar size make. */
static int check_cells(struct glint_json foreign)
{
    double range[6], pillar[3];
    int32_t cells;
    if (!glint_json_has(foreign, "grid"))
        return GLINT_OK;
    GLINT_TRY(glint_json_f64s(foreign, "pcr", 6, 6, range, NULL));
    GLINT_TRY(glint_json_f64s(foreign, "vs", 3, 3, pillar, NULL));
    GLINT_TRY(glint_json_i32(foreign, "grid", 1, 1 << 20, &cells));
    const float n = ceilf(((float)range[3] - (float)range[0]) / (float)pillar[0]);
    return n == (float)cells ? GLINT_OK
                             : glint_json_fail(glint_json_get(foreign, "grid"),
                                               "%g, from pcr and vs, expected, found %d", (double)n, cells);
}

/* What this file does not implement must not be asked for. */
static int check_fixed(struct glint_json foreign)
{
    bool yes = true;
    int32_t factor = 1;
    double temperature = 10000;
    GLINT_TRY(glint_config_optional_bool(foreign, "residual", &yes));
    if (yes)
        GLINT_TRY(glint_config_optional_bool(foreign, "norm_bbox", &yes));
    if (!yes)
        return glint_json_fail(foreign, "residual and norm_bbox: true expected");
    GLINT_TRY(glint_config_optional_i32(foreign, "osf", 1, 1, &factor));
    GLINT_TRY(glint_config_optional_f64(foreign, "pos_temperature", 10000, 10000, &temperature));
    return check_cells(foreign);
}

int glint_flatformer_convert(struct glint_json foreign, struct glint_text *text)
{
    const char *name = "flatformer";
    int32_t n_classes;
    GLINT_TRY(check_fixed(foreign));
    if (glint_json_has(foreign, "name"))
        GLINT_TRY(glint_json_string(foreign, "name", &name));
    glint_text_add(text, "{\n  \"glint\": 1,\n  \"arch\": \"flatformer\",\n  \"name\": \"");
    for (; *name; name++) /* what JSON strings may not hold is left out */
        if ((unsigned char)*name >= 32 && *name != '"' && *name != '\\')
            glint_text_add(text, "%c", *name);
    glint_text_add(text, "\",\n");
    GLINT_TRY(convert_classes(foreign, text, &n_classes));
    GLINT_TRY(convert_input(foreign, text));
    GLINT_TRY(convert_encoder(foreign, text));
    GLINT_TRY(convert_maps(foreign, text));
    return convert_decode(foreign, text, n_classes);
}
