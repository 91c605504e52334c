/* model/convert_ptv3.c - a Point Transformer V3's training configuration, as the metadata of the golden
 * weights has it (Pointcept's backbone arguments under "net"), into our config.json. */
#include "core/status.h"
#include "model/ptv3.h"
#include <string.h>

#define STAGES_MAX 8

bool glint_ptv3_recognise(struct glint_json foreign)
{
    const struct glint_json net = glint_json_get(foreign, "net");
    return glint_json_has(foreign, "num_classes") && glint_json_has(foreign, "grid") &&
           glint_json_has(net, "enc_patch_size") && glint_json_has(net, "dec_depths");
}

/* Classes as the data sets count them after their learning maps, which also tell the data set: nuScenes'
 * points have x to the right, Waymo's an intensity under a tangent. Others by number. */
static const char *const nuscenes[16] = {
    "barrier",    "bicycle",      "bus",     "car",       "construction_vehicle", "motorcycle",
    "pedestrian", "traffic_cone", "trailer", "truck",     "driveable_surface",    "other_flat",
    "sidewalk",   "terrain",      "manmade", "vegetation"};
static const char *const waymo[22] = {"car",
                                      "truck",
                                      "bus",
                                      "other_vehicle",
                                      "motorcyclist",
                                      "bicyclist",
                                      "pedestrian",
                                      "sign",
                                      "traffic_light",
                                      "pole",
                                      "construction_cone",
                                      "bicycle",
                                      "motorcycle",
                                      "building",
                                      "vegetation",
                                      "tree_trunk",
                                      "curb",
                                      "road",
                                      "lane_marker",
                                      "other_ground",
                                      "walkable",
                                      "sidewalk"};
static const char *const semantickitti[19] = {
    "car",          "bicycle", "motorcycle", "truck",    "other-vehicle", "person",   "bicyclist",
    "motorcyclist", "road",    "parking",    "sidewalk", "other-ground",  "building", "fence",
    "vegetation",   "trunk",   "terrain",    "pole",     "traffic-sign"};

static const char *const *names_of(int32_t n)
{
    return n == 16 ? nuscenes : n == 22 ? waymo : n == 19 ? semantickitti : NULL;
}

static int convert_classes(struct glint_json foreign, struct glint_text *text)
{
    int32_t n;
    GLINT_TRY(glint_json_i32(foreign, "num_classes", 1, GLINT_CLASSES_MAX, &n));
    const char *const *names = names_of(n);
    glint_text_add(text, "  \"classes\": [],\n  \"point_classes\": [");
    for (int32_t i = 0; i < n; i++)
        if (names)
            glint_text_add(text, "%s\"%s\"", i ? ", " : "", names[i]);
        else
            glint_text_add(text, "%s\"class%d\"", i ? ", " : "", i);
    glint_text_add(text, "],\n");
    return GLINT_OK;
}

/* "clip" is told, or known of the data set. */
static int convert_clip(struct glint_json foreign, int32_t n_classes, struct glint_text *text)
{
    double clip[6] = {-75.2, -75.2, -4, 75.2, 75.2, 2};
    if (glint_json_has(foreign, "clip"))
        GLINT_TRY(glint_json_f64s(foreign, "clip", 6, 6, clip, NULL));
    else if (n_classes != 22)
        return GLINT_OK;
    for (int i = 0; i < 6; i++)
        glint_text_add(text, "%s%.12g", i ? ", " : ", \"clip\": [", clip[i]);
    glint_text_add(text, "]");
    return GLINT_OK;
}

static int convert_input(struct glint_json foreign, struct glint_json net, struct glint_text *text)
{
    static const char *const fields[] = {"\"x\", \"y\", \"z\"", ", \"intensity\"", ", \"elongation\""};
    int32_t n, n_classes;
    double cell;
    GLINT_TRY(glint_json_i32(net, "in_channels", 3, 5, &n));
    GLINT_TRY(glint_json_i32(foreign, "num_classes", 1, GLINT_CLASSES_MAX, &n_classes));
    GLINT_TRY(glint_json_f64(foreign, "grid", 1e-3, 100, &cell));
    glint_text_add(text, "  \"input\": {\"fields\": [");
    for (int32_t i = 0; i + 3 <= n; i++)
        glint_text_add(text, "%s", fields[i]);
    glint_text_add(text, "], \"intensity\": \"%s\", \"axes\": \"%s\"},\n", n_classes == 22 ? "tanh" : "0..1",
                   n_classes == 16 ? "x right, y forward, z up" : "x forward, y left, z up");
    glint_text_add(text, "  \"grid\": {\"cell\": %.12g", cell);
    GLINT_TRY(convert_clip(foreign, n_classes, text));
    glint_text_add(text, "},\n");
    return GLINT_OK;
}

static int convert_orders(struct glint_json foreign, struct glint_json net, struct glint_text *text)
{
    const char *depth = "max";
    const char *names[GLINT_LEVEL_CURVES];
    int32_t n;
    GLINT_TRY(glint_json_strings(net, "order", GLINT_LEVEL_CURVES, names, &n));
    glint_text_add(text, "  \"serialization\": {\"orders\": [");
    for (int32_t i = 0; i < n; i++) {
        const enum glint_curve curve = glint_curve_find(names[i]);
        if (curve == GLINT_CURVE_COUNT)
            return glint_json_fail(glint_json_get(net, "order"), "\"%s\" is no curve known here", names[i]);
        glint_text_add(text, "%s\"%s\"", i ? ", " : "", glint_curve_name(curve));
    }
    if (glint_json_has(foreign, "depth"))
        GLINT_TRY(glint_json_string(foreign, "depth", &depth));
    glint_text_add(text, "], \"depth\": \"%s\"},\n", strcmp(depth, "max") ? "max+1" : "max");
    return GLINT_OK;
}

static int copy_list(struct glint_json net, const char *member, const char *key, int32_t n, int32_t *n_out,
                     struct glint_text *text, const char *end)
{
    int32_t value[STAGES_MAX], count;
    GLINT_TRY(glint_json_i32s(net, member, n, STAGES_MAX, 0, GLINT_CHANNELS_MAX, value, &count));
    glint_text_add(text, "\"%s\": [", key);
    for (int32_t i = 0; i < count; i++)
        glint_text_add(text, "%s%d", i ? ", " : "", value[i]);
    glint_text_add(text, "]%s", end);
    if (n_out)
        *n_out = count;
    return GLINT_OK;
}

static int convert_stages(struct glint_json net, struct glint_text *text)
{
    int32_t n, ratio = 4, stride[STAGES_MAX];
    glint_text_add(text, "  \"encoder\": {");
    GLINT_TRY(copy_list(net, "enc_depths", "blocks", -1, &n, text, ", "));
    GLINT_TRY(copy_list(net, "enc_channels", "channels", n, NULL, text, ", "));
    GLINT_TRY(copy_list(net, "enc_num_head", "heads", n, NULL, text, ", "));
    GLINT_TRY(copy_list(net, "enc_patch_size", "patch", n, NULL, text, "},\n  \"decoder\": {"));
    GLINT_TRY(copy_list(net, "dec_depths", "blocks", n - 1, NULL, text, ", "));
    GLINT_TRY(copy_list(net, "dec_channels", "channels", n - 1, NULL, text, ", "));
    GLINT_TRY(copy_list(net, "dec_num_head", "heads", n - 1, NULL, text, "},\n"));
    GLINT_TRY(glint_json_i32s(net, "stride", n - 1, STAGES_MAX, 2, 2, stride, NULL));
    GLINT_TRY(glint_config_optional_i32(net, "mlp_ratio", 1, 16, &ratio));
    glint_text_add(text, "  \"stem_kernel\": 5,\n  \"mlp_ratio\": %d,\n", ratio);
    return GLINT_OK;
}

int glint_ptv3_convert(struct glint_json foreign, struct glint_text *text)
{
    const struct glint_json net = glint_json_get(foreign, "net");
    const char *name = "ptv3";
    if (glint_json_has(foreign, "name"))
        GLINT_TRY(glint_json_string(foreign, "name", &name));
    glint_text_add(text, "{\n  \"glint\": 1,\n  \"arch\": \"ptv3\",\n  \"name\": \"");
    for (; *name; name++) /* what JSON strings may not hold is left out */
        if ((unsigned char)*name >= 32 && *name != '"' && *name != '\\')
            glint_text_add(text, "%c", *name);
    glint_text_add(text, "\",\n");
    GLINT_TRY(convert_classes(foreign, text));
    GLINT_TRY(convert_input(foreign, net, text));
    GLINT_TRY(convert_orders(foreign, net, text));
    GLINT_TRY(convert_stages(net, text));
    glint_text_add(text, "  \"norm_eps\": 1e-5,\n  \"batch_norm_eps\": 1e-3\n}\n");
    return GLINT_OK;
}
