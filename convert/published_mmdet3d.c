/* convert/published_mmdet3d.c - FlatFormer as mit-han-lab/flatformer configures it (mmdetection3d 1.0): see
 * published.h. Checkpoints carry the text in meta.config. Quirks kept: the branches' batch norms have
 * PyTorch's own epsilon, as the norm settings are not passed on to them. */
#include "convert/published.h"
#include "core/status.h"
#include <math.h>
#include <string.h>

static bool recognise(struct glint_json root)
{
    const struct glint_json model = glint_json_get(root, "model");
    return glint_json_has(model, "bbox_head") && glint_json_has(model, "middle_encoder");
}

static int read_encoder(struct glint_json model, struct glint_published *p)
{
    const struct glint_json vfe = glint_json_get(model, "voxel_encoder"),
                            encoder = glint_json_get(model, "middle_encoder");
    double window[3];
    GLINT_TRY(glint_published_text(vfe, "type", "DynamicVFE"));
    GLINT_TRY(glint_published_bool(vfe, "with_distance", false));
    GLINT_TRY(glint_published_bool(vfe, "with_cluster_center", true));
    GLINT_TRY(glint_published_bool(vfe, "with_voxel_center", true));
    GLINT_TRY(glint_published_copy(p, "nf", vfe, "in_channels", NULL));
    GLINT_TRY(glint_published_copy(p, "vfe", vfe, "feat_channels", NULL));
    GLINT_TRY(glint_published_text(encoder, "type", "FlatFormer"));
    GLINT_TRY(glint_published_text(encoder, "activation", "gelu"));
    GLINT_TRY(glint_published_bool(encoder, "normalize_pos", false));
    GLINT_TRY(glint_published_copy(p, "dim", encoder, "in_channels", NULL));
    GLINT_TRY(glint_published_copy(p, "heads", encoder, "num_heads", NULL));
    GLINT_TRY(glint_published_copy(p, "blocks", encoder, "num_blocks", NULL));
    GLINT_TRY(glint_published_copy(p, "group", encoder, "group_size", NULL));
    GLINT_TRY(glint_published_copy(p, "pos_temperature", encoder, "pos_temperature", "10000"));
    GLINT_TRY(glint_json_f64s(encoder, "window_shape", 3, 3, window, NULL));
    if (window[0] != window[1])
        return glint_json_fail(glint_json_get(encoder, "window_shape"), "a square window expected");
    glint_published_set(p, "window", json_integer((json_int_t)window[0]));
    glint_published_set(p, "ln_eps", json_real(1e-5));
    return GLINT_OK;
}

/* The same epsilon wherever it is said. */
static int read_eps(struct glint_json model, struct glint_published *p)
{
    static const char *const parts[] = {"voxel_encoder", "backbone", "neck", "bbox_head"};
    double first = 1e-5, eps;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const struct glint_json norm = glint_json_get(glint_json_get(model, parts[i]), "norm_cfg");
        eps = 1e-5;
        GLINT_TRY(glint_config_optional_f64(norm, "eps", 0, 1, &eps));
        if (i > 0 && eps != first)
            return glint_json_fail(norm, "one eps in all parts expected: %g, found %g", first, eps);
        first = eps;
    }
    glint_published_set(p, "bn_eps", json_real(first));
    glint_published_set(p, "head_bn_eps", json_real(1e-5));
    return GLINT_OK;
}

static int read_maps(struct glint_json model, struct glint_published *p)
{
    const struct glint_json backbone = glint_json_get(model, "backbone"),
                            neck = glint_json_get(model, "neck");
    GLINT_TRY(glint_published_text(backbone, "type", "SECOND"));
    GLINT_TRY(glint_published_bool(backbone, "residual", true));
    GLINT_TRY(glint_published_copy(p, "bb", backbone, "out_channels", NULL));
    GLINT_TRY(glint_published_copy(p, "nums", backbone, "layer_nums", NULL));
    GLINT_TRY(glint_published_copy(p, "strides", backbone, "layer_strides", NULL));
    GLINT_TRY(glint_published_text(neck, "type", "SECONDFPN"));
    GLINT_TRY(glint_published_copy(p, "fpn", neck, "out_channels", NULL));
    return glint_published_copy(p, "ups", neck, "upsample_strides", NULL);
}

static int check_branches(struct glint_json head)
{
    static const char *const names[] = {"reg", "height", "dim", "rot", "vel", "iou"};
    static const double outputs[] = {2, 1, 3, 2, 2, 1};
    const struct glint_json heads = glint_json_get(head, "common_heads");
    if (glint_json_members(heads) != sizeof names / sizeof *names)
        return glint_json_fail(heads, "reg, height, dim, rot, vel and iou expected");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        double shape[2];
        GLINT_TRY(glint_json_f64s(heads, names[i], 2, 2, shape, NULL));
        if (shape[0] != outputs[i] || shape[1] != 2)
            return glint_json_fail(glint_json_get(heads, names[i]), "(%g, 2) expected", outputs[i]);
    }
    return GLINT_OK;
}

static int read_head(struct glint_json head, bool waymo, struct glint_published *p)
{
    const struct glint_json tasks = glint_json_get(head, "tasks");
    GLINT_TRY(glint_published_text(head, "type", "CenterHead"));
    if (glint_json_size(tasks) != 1)
        return glint_json_fail(tasks, "one task expected, found %zu", glint_json_size(tasks));
    GLINT_TRY(check_branches(head));
    const struct glint_json names = glint_json_get(glint_json_at(tasks, 0), "class_names");
    glint_published_set(p, "ncls", json_integer((json_int_t)glint_json_size(names)));
    GLINT_TRY(glint_published_classes(p, "classes", names, true));
    json_t *first = json_array_get(json_object_get(p->overlay, "classes"), 0);
    if (waymo && json_is_string(first) && !strcmp(json_string_value(first), "car")) {
        json_array_set_new(json_object_get(p->overlay, "classes"), 0, json_string("vehicle"));
        glint_text_add(&p->notes, "- Its class `car` is Waymo's `vehicle`.\n");
    }
    GLINT_TRY(glint_published_copy(p, "share", head, "share_conv_channel", NULL));
    return glint_published_copy(p, "norm_bbox", head, "norm_bbox", "true");
}

static int read_decode(struct glint_json model, struct glint_published *p)
{
    const struct glint_json coder = glint_json_get(glint_json_get(model, "bbox_head"), "bbox_coder"),
                            test = glint_json_get(model, "test_cfg");
    double decode = 0, suppress = 0;
    GLINT_TRY(glint_published_text(coder, "type", "CenterPointBBoxCoder"));
    GLINT_TRY(glint_published_text(test, "nms_type", "rotate"));
    GLINT_TRY(glint_published_bool(test, "max_pool_nms", false));
    GLINT_TRY(glint_published_copy(p, "max_num", coder, "max_num", NULL));
    GLINT_TRY(glint_published_copy(p, "post", coder, "post_center_range", NULL));
    GLINT_TRY(glint_published_copy(p, "osf", coder, "out_size_factor", "1"));
    GLINT_TRY(glint_published_copy(p, "limit", test, "post_center_limit_range", NULL));
    GLINT_TRY(glint_published_copy(p, "pre", test, "pre_max_size", NULL));
    GLINT_TRY(glint_published_copy(p, "postn", test, "post_max_size", NULL));
    GLINT_TRY(glint_published_copy(p, "thr", test, "nms_thr", NULL));
    GLINT_TRY(glint_published_copy(p, "iou_pow", test, "iou_pow", "0"));
    GLINT_TRY(glint_config_optional_f64(coder, "score_threshold", 0, 1, &decode));
    GLINT_TRY(glint_config_optional_f64(test, "score_threshold", 0, 1, &suppress));
    glint_published_set(p, "score_thr", json_real(fmax(decode, suppress))); /* one after the other */
    return GLINT_OK;
}

/* What is done to points before the network. */
static int read_pipeline(struct glint_json root, struct glint_published *p)
{
    struct glint_json pipeline =
        glint_json_get(glint_json_get(glint_json_get(root, "data"), "test"), "pipeline");
    if (!glint_json_is_array(pipeline))
        pipeline = glint_json_get(root, "test_pipeline");
    const struct glint_json filter = glint_published_find(pipeline, "type", "PointsRangeFilter"),
                            load = glint_published_find(pipeline, "type", "LoadPointsFromFile"),
                            sweeps = glint_published_find(pipeline, "type", "LoadPointsFromMultiSweepsWaymo");
    const json_t *tanh_dims = json_object_get(load.node, "tanh_dim");
    int32_t n_sweeps = 0;
    if (!glint_json_is_array(pipeline))
        glint_text_add(&p->notes,
                       "- It says nothing of how points are loaded: no filter, intensity as it is.\n");
    if (filter.node)
        GLINT_TRY(glint_published_copy(p, "filt", filter, "point_cloud_range", NULL));
    else
        json_object_set(p->training, "filt", json_object_get(p->training, "pcr"));
    for (size_t i = 0; i < json_array_size(tanh_dims); i++)
        if (json_integer_value(json_array_get(tanh_dims, i)) == 3)
            json_object_set_new(glint_published_input(p), "intensity", json_string("tanh"));
    if (sweeps.node)
        GLINT_TRY(glint_json_i32(sweeps, "sweeps_num", 0, 31, &n_sweeps));
    if (n_sweeps)
        json_object_set_new(glint_published_input(p), "sweeps", json_integer(n_sweeps));
    if (json_is_true(json_object_get(sweeps.node, "remove_close")))
        glint_text_add(
            &p->notes,
            "- It leaves out past sweeps' points near the sensor (close_radius %g m); here they stay.\n",
            json_number_value(json_object_get(sweeps.node, "close_radius")));
    return GLINT_OK;
}

static int read(struct glint_json root, struct glint_published *p)
{
    const struct glint_json model = glint_json_get(root, "model"),
                            layer = glint_json_get(model, "voxel_layer");
    const json_t *dataset = json_object_get(root.node, "dataset_type");
    const bool waymo = json_is_string(dataset) && !strcmp(json_string_value(dataset), "WaymoDataset");
    p->arch = "flatformer";
    GLINT_TRY(glint_published_copy(p, "vs", layer, "voxel_size", NULL));
    GLINT_TRY(glint_published_copy(p, "pcr", layer, "point_cloud_range", NULL));
    GLINT_TRY(read_encoder(model, p));
    GLINT_TRY(read_eps(model, p));
    GLINT_TRY(read_maps(model, p));
    GLINT_TRY(read_head(glint_json_get(model, "bbox_head"), waymo, p));
    GLINT_TRY(read_decode(model, p));
    glint_published_set(p, "residual", json_true());
    return read_pipeline(root, p);
}

const struct glint_framework glint_published_mmdet3d = {"mmdetection3d", recognise, read};
