/* convert/published_openpcdet.c - DSVT and CenterPoint as OpenPCDet configures them: see published.h. */
#include "convert/published.h"
#include "core/status.h"
#include <math.h>
#include <string.h>

static bool recognise(struct glint_json root)
{
    return glint_json_has(root, "MODEL") && glint_json_has(root, "CLASS_NAMES");
}

static const char *name_of(struct glint_json section)
{
    const char *name = json_string_value(json_object_get(section.node, "NAME"));
    return name ? name : "";
}

static bool is_one(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (!strcmp(name, *names))
            return true;
    return false;
}

/* The members of a section that describe the network; others are of training. */
static json_t *part(struct glint_json section, const char *const *members)
{
    json_t *out = json_object();
    for (; *members; members++)
        if (glint_json_has(section, *members))
            json_object_set(out, *members, glint_json_get(section, *members).node);
    return out;
}

/* Data */

static struct glint_json voxel_processor(struct glint_json data)
{
    const struct glint_json list = glint_json_get(data, "DATA_PROCESSOR");
    for (size_t i = 0; i < glint_json_size(list); i++)
        if (glint_json_has(glint_json_at(list, i), "VOXEL_SIZE"))
            return glint_json_at(list, i);
    return glint_json_get(list, "VOXEL_SIZE");
}

static int read_grid(struct glint_json data, struct glint_published *p)
{
    const struct glint_json processor = voxel_processor(data);
    double range[6], size[3];
    json_t *grid = json_array();
    glint_published_set(p, "grid", grid);
    if (!processor.node)
        return glint_json_fail(glint_json_get(data, "DATA_PROCESSOR"), "one with VOXEL_SIZE expected");
    GLINT_TRY(glint_published_copy(p, "pcr", data, "POINT_CLOUD_RANGE", NULL));
    GLINT_TRY(glint_published_copy(p, "vs", processor, "VOXEL_SIZE", NULL));
    GLINT_TRY(glint_json_f64s(data, "POINT_CLOUD_RANGE", 6, 6, range, NULL));
    GLINT_TRY(glint_json_f64s(processor, "VOXEL_SIZE", 3, 3, size, NULL));
    for (int k = 0; k < 3; k++) {
        const double n = round((range[k + 3] - range[k]) / size[k]);
        if (!(n >= 1 && n <= 1e6))
            return glint_json_fail(glint_json_get(processor, "VOXEL_SIZE"), "does not divide the range");
        json_array_append_new(grid, json_integer((json_int_t)n));
    }
    return GLINT_OK;
}

static int read_fields(struct glint_json data, struct glint_published *p)
{
    const struct glint_json list =
        glint_json_get(glint_json_get(data, "POINT_FEATURE_ENCODING"), "used_feature_list");
    json_t *fields = json_array();
    json_object_set_new(glint_published_input(p), "fields", fields);
    for (size_t i = 0; i < glint_json_size(list); i++) {
        const char *name = json_string_value(glint_json_at(list, i).node);
        if (!name)
            return glint_json_fail(list, "names expected");
        json_array_append_new(fields, json_string(!strcmp(name, "timestamp") ? "lag" : name));
    }
    glint_published_set(p, "nf", json_integer((json_int_t)glint_json_size(list)));
    return glint_json_size(list) >= 3 ? GLINT_OK : glint_json_fail(list, "x, y, z and more expected");
}

/* What the dataset's loader does to points (pcdet/datasets). */
static int read_dataset(struct glint_json data, struct glint_published *p)
{
    json_t *input = glint_published_input(p);
    const char *dataset = json_string_value(json_object_get(data.node, "DATASET"));
    int32_t sweeps = 1;
    dataset = dataset ? dataset : "";
    if (!strcmp(dataset, "WaymoDataset"))
        json_object_set_new(input, "intensity", json_string("tanh"));
    if (!strcmp(dataset, "NuScenesDataset")) {
        json_object_set_new(input, "intensity", json_string("0..255"));
        json_object_set_new(input, "min_distance_m", json_real(1.0));
        json_object_set_new(input, "axes", json_string("x right, y forward, z up")); /* the sensor's */
        GLINT_TRY(glint_config_optional_i32(data, "MAX_SWEEPS", 1, 32, &sweeps));
    }
    const json_t *frames = json_object_get(glint_json_get(data, "SEQUENCE_CONFIG").node, "ENABLED");
    if (json_is_true(frames))
        return glint_json_fail(glint_json_get(data, "SEQUENCE_CONFIG"), "one frame expected");
    if (sweeps > 1)
        json_object_set_new(input, "sweeps", json_integer(sweeps - 1));
    return GLINT_OK;
}

/* The network */

static int read_vfe(struct glint_json vfe, struct glint_published *p)
{
    GLINT_TRY(glint_published_bool(vfe, "WITH_DISTANCE", false));
    GLINT_TRY(glint_published_bool(vfe, "USE_ABSLOTE_XYZ", true));
    GLINT_TRY(glint_published_bool(vfe, "USE_NORM", true));
    return glint_published_copy(p, "filters", vfe, "NUM_FILTERS", NULL);
}

static void read_maps(struct glint_json model, struct glint_published *p)
{
    static const char *const maps[] = {"LAYER_NUMS",       "LAYER_STRIDES",        "NUM_FILTERS",
                                       "UPSAMPLE_STRIDES", "NUM_UPSAMPLE_FILTERS", NULL};
    static const char *const head[] = {"CLASS_AGNOSTIC",       "CLASS_NAMES_EACH_HEAD",
                                       "SHARED_CONV_CHANNEL",  "NUM_HM_CONV",
                                       "USE_BIAS_BEFORE_NORM", "BN_EPS",
                                       "SEPARATE_HEAD_CFG",    "TARGET_ASSIGNER_CONFIG",
                                       "POST_PROCESSING",      NULL};
    glint_published_set(p, "b2d", part(glint_json_get(model, "BACKBONE_2D"), maps));
    glint_published_set(p, "head", part(glint_json_get(model, "DENSE_HEAD"), head));
}

static int read_dsvt(struct glint_json model, struct glint_published *p)
{
    static const char *const vfes[] = {"DynPillarVFE3D", "DynamicPillarVFE3D", "DynamicVoxelVFE", NULL};
    static const char *const members[] = {
        "INPUT_LAYER",    "block_name",      "set_info",         "d_model",
        "nhead",          "dim_feedforward", "dropout",          "activation",
        "reduction_type", "output_shape",    "conv_out_channel", NULL};
    const struct glint_json vfe = glint_json_get(model, "VFE");
    p->arch = "dsvt";
    if (!is_one(name_of(vfe), vfes))
        return glint_json_fail(glint_json_get(vfe, "NAME"), "a dynamic VFE expected");
    GLINT_TRY(read_vfe(vfe, p));
    json_t *b3d = part(glint_json_get(model, "BACKBONE_3D"), members);
    if (!json_object_get(b3d, "reduction_type"))
        json_object_set_new(b3d, "reduction_type", json_string("attention")); /* dsvt.py's default */
    glint_published_set(p, "b3d", b3d);
    read_maps(model, p);
    return glint_published_text(glint_json_get(model, "BACKBONE_2D"), "NAME", "BaseBEVResBackbone");
}

/* How many voxels, and points in each, the loader keeps. */
static int read_hard(struct glint_json data, struct glint_published *p)
{
    const struct glint_json processor = voxel_processor(data);
    GLINT_TRY(glint_published_copy(p, "max_pts", processor, "MAX_POINTS_PER_VOXEL", NULL));
    return glint_published_copy(p, "max_vox", glint_json_get(processor, "MAX_NUMBER_OF_VOXELS"), "test",
                                NULL);
}

static int read_voxels(struct glint_json data, struct glint_json model, struct glint_published *p)
{
    GLINT_TRY(glint_published_text(glint_json_get(model, "VFE"), "NAME", "MeanVFE"));
    glint_published_set(p, "kind", json_string("voxel"));
    glint_published_set(p, "div", json_integer(1));
    GLINT_TRY(read_hard(data, p));
    return glint_published_copy(p, "bevc", glint_json_get(model, "MAP_TO_BEV"), "NUM_BEV_FEATURES", NULL);
}

static int read_centerpoint(struct glint_json data, struct glint_json model, struct glint_published *p)
{
    static const char *const pillars[] = {"DynPillarVFE", "DynamicPillarVFE", NULL};
    const struct glint_json vfe = glint_json_get(model, "VFE"), sparse = glint_json_get(model, "BACKBONE_3D");
    p->arch = "centerpoint";
    if (sparse.node) {
        const bool plain = !strcmp(name_of(sparse), "VoxelBackBone8x");
        if (!plain)
            GLINT_TRY(glint_published_text(sparse, "NAME", "VoxelResBackBone8x"));
        glint_published_set(p, "plain", json_boolean(plain));
        GLINT_TRY(read_voxels(data, model, p));
    } else if (is_one(name_of(vfe), pillars)) {
        glint_published_set(p, "kind", json_string("pillar"));
        GLINT_TRY(read_vfe(vfe, p));
    } else if (!strcmp(name_of(vfe), "PillarVFE")) {
        glint_published_set(p, "kind", json_string("hard"));
        GLINT_TRY(read_vfe(vfe, p));
        GLINT_TRY(read_hard(data, p));
    } else {
        return glint_json_fail(glint_json_get(vfe, "NAME"),
                               "DynPillarVFE or PillarVFE, or VoxelResBackBone8x behind, expected");
    }
    read_maps(model, p);
    GLINT_TRY(glint_published_text(glint_json_get(model, "BACKBONE_2D"), "NAME", "BaseBEVBackbone"));
    /* radii of circle suppression, which these heads have no use for unless they name it */
    glint_published_set(p, "min_radius", json_pack("[f, f, f, f, f, f]", 4.0, 12.0, 10.0, 1.0, 0.85, 0.175));
    return GLINT_OK;
}

static int read(struct glint_json root, struct glint_published *p)
{
    const struct glint_json model = glint_json_get(root, "MODEL"), data = glint_json_get(root, "DATA_CONFIG");
    const char *dataset = json_string_value(json_object_get(data.node, "DATASET"));
    GLINT_TRY(glint_published_text(glint_json_get(model, "DENSE_HEAD"), "NAME", "CenterHead"));
    GLINT_TRY(read_grid(data, p));
    GLINT_TRY(read_fields(data, p));
    GLINT_TRY(read_dataset(data, p));
    GLINT_TRY(glint_published_classes(p, "classes", glint_json_get(root, "CLASS_NAMES"),
                                      dataset && !strcmp(dataset, "WaymoDataset")));
    return strcmp(name_of(glint_json_get(model, "BACKBONE_3D")), "DSVT") ? read_centerpoint(data, model, p)
                                                                         : read_dsvt(model, p);
}

const struct glint_framework glint_published_openpcdet = {"OpenPCDet", recognise, read};
