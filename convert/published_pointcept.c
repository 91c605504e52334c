/* convert/published_pointcept.c - PTv3 as Pointcept configures it ("PT-v3m1" below a segmentor): see
 * published.h.
 */
#include "convert/published.h"
#include "core/status.h"
#include <string.h>

static bool recognise(struct glint_json root)
{
    const struct glint_json backbone = glint_json_get(glint_json_get(root, "model"), "backbone");
    const json_t *type = json_object_get(backbone.node, "type");
    return json_is_string(type) && !strncmp(json_string_value(type), "PT-v3", 5);
}

/* What PTv3 could be besides, and is not in the published configurations. */
static int check_options(struct glint_json backbone)
{
    static const char *const off[] = {"enable_rpe", "enc_mode",  "cls_mode",
                                      "pdnorm_bn",  "pdnorm_ln", "pdnorm_adaptive"};
    GLINT_TRY(glint_published_text(backbone, "type", "PT-v3m1"));
    GLINT_TRY(glint_published_bool(backbone, "pre_norm", true));
    GLINT_TRY(glint_published_bool(backbone, "qkv_bias", true));
    for (size_t i = 0; i < sizeof off / sizeof *off; i++)
        GLINT_TRY(glint_published_bool(backbone, off[i], false));
    const json_t *scale = json_object_get(backbone.node, "qk_scale");
    return !scale || json_is_null(scale)
               ? GLINT_OK
               : glint_json_fail(glint_json_get(backbone, "qk_scale"), "None expected");
}

static int read_net(struct glint_json backbone, struct glint_published *p)
{
    static const char *const members[] = {"in_channels",  "order",        "stride",         "enc_depths",
                                          "enc_channels", "enc_num_head", "enc_patch_size", "dec_depths",
                                          "dec_channels", "dec_num_head", "dec_patch_size", "mlp_ratio"};
    json_t *net = json_object();
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        const struct glint_json value = glint_json_get(backbone, members[i]);
        if (!value.node) {
            json_decref(net);
            return glint_json_fail(value, "missing");
        }
        json_object_set(net, members[i], value.node);
    }
    glint_published_set(p, "net", net);
    return GLINT_OK;
}

static int read_input(struct glint_json root, struct glint_published *p)
{
    const struct glint_json data = glint_json_get(root, "data");
    struct glint_json part = glint_json_get(data, "val");
    part = part.node ? part : glint_json_get(data, "train");
    const struct glint_json sample = glint_published_find(part, "type", "GridSample"),
                            collect = glint_published_find(part, "type", "Collect"),
                            keys = glint_json_get(collect, "feat_keys"),
                            clip = glint_published_find(part, "type", "PointClip");
    const json_t *dataset = json_object_get(root.node, "dataset_type");
    GLINT_TRY(glint_published_copy(p, "grid", sample, "grid_size", NULL));
    if (glint_json_size(keys) != 2 || strcmp(json_string_value(glint_json_at(keys, 0).node), "coord") ||
        strcmp(json_string_value(glint_json_at(keys, 1).node), "strength"))
        return glint_json_fail(keys, "coord and strength expected: what a LiDAR gives");
    json_object_set_new(glint_published_input(p), "fields",
                        json_pack("[s, s, s, s]", "x", "y", "z", "intensity"));
    if (json_is_string(dataset) && !strcmp(json_string_value(dataset), "WaymoDataset"))
        json_object_set_new(glint_published_input(p), "intensity", json_string("tanh"));
    if (clip.node)
        GLINT_TRY(glint_published_copy(p, "clip", clip, "point_cloud_range", NULL));
    return GLINT_OK;
}

static int read(struct glint_json root, struct glint_published *p)
{
    const struct glint_json model = glint_json_get(root, "model"),
                            backbone = glint_json_get(model, "backbone");
    p->arch = "ptv3";
    GLINT_TRY(glint_published_text(model, "type", "DefaultSegmentorV2"));
    GLINT_TRY(check_options(backbone));
    GLINT_TRY(glint_published_copy(p, "num_classes", model, "num_classes", NULL));
    glint_published_set(p, "depth", json_string("max+1")); /* as Pointcept counts the bits of a coordinate */
    GLINT_TRY(read_net(backbone, p));
    GLINT_TRY(read_input(root, p));
    return glint_published_classes(p, "point_classes", glint_json_get(glint_json_get(root, "data"), "names"),
                                   false);
}

const struct glint_framework glint_published_pointcept = {"Pointcept", recognise, read};
