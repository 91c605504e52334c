/* tests/test_centerpoint.c - CenterPoint's sections of config.json: what is refused, and by which name. */
#include "tests/util.h"
#include "core/status.h"
#include "model/build.h"

static const char good[] =
    "{\"glint\": 1, \"arch\": \"centerpoint\", \"name\": \"m\", \"classes\": [\"car\", \"truck\", \"bus\"], "
    "\"input\": {\"fields\": [\"x\", \"y\", \"z\", \"intensity\"]}, "
    "\"grid\": {\"range\": [-8, -8, -2, 8, 8, 4], \"pillar\": [0.25, 0.25, 0.25]}, "
    "\"encoder\": {\"type\": \"voxels\", \"channels\": [4, 4, 8, 8], \"out_channels\": 8, \"max_points\": 5, "
    "\"max_voxels\": 100, \"norm_eps\": 0.001}, "
    "\"backbone\": {\"channels\": [8, 16], \"layers\": [1, 1], \"strides\": [1, 2], \"upsample\": [1, 2], "
    "\"neck_channels\": [8, 8], \"norm_eps\": 0.001}, "
    "\"head\": {\"channels\": 8, \"tasks\": [1, 2], \"norm_eps\": 1e-5}, "
    "\"decode\": {\"top_k\": 50, \"score\": 0.1, \"range\": [-9, -9, -3, 9, 9, 3]}, "
    "\"nms\": {\"type\": \"circle\", \"post\": 83, \"radius\": [4, 0.5]}}";

static const struct {
    const char *words, *instead, *said;
} bads[] = {
    {"\"voxels\"", "\"boxels\"", "encoder.type: \"pillars\", \"hard_pillars\" or \"voxels\" expected"},
    {"\"voxels\"", "\"pillars\"", "grid.pillar: one cell along z"},
    {"[4, 4, 8, 8]", "[4, 4, 8]", "encoder.channels: "},
    {"[4, 4, 8, 8]", "[4, 4, 8, 0]", "encoder.channels[3]: "},
    {"\"max_points\": 5", "\"max_points\": 0", "encoder.max_points: "},
    {"\"max_voxels\": 100, ", "", "encoder.max_voxels: missing"},
    {"\"max_points\"", "\"max_pionts\"", "encoder.max_pionts: unknown member"},
    {"\"strides\": [1, 2]", "\"strides\": [1, 3]", "backbone.strides[1]: "},
    {"\"upsample\": [1, 2]", "\"upsample\": [1, 1]", "backbone.upsample[1]: makes 4 cells"},
    {"\"upsample\": [1, 2]", "\"upsample\": [0.25, 2]", "backbone.upsample[0]: 0.5 or a number"},
    {"\"tasks\": [1, 2]", "\"tasks\": [1, 1]", "head.tasks: 3 classes in all"},
    {"\"tasks\": [1, 2]", "\"tasks\": [3]", "nms.radius: "},
    {"\"top_k\": 50", "\"top_k\": 0", "decode.top_k: "},
    {"[-9, -9, -3, 9, 9, 3]", "[-9, 9, -3, 9, -9, 3]", "decode.range[1]: "},
    {"\"circle\"", "\"square\"", "nms.type: "},
    {"\"circle\"", "\"rotated\"", "nms.iou: "},
    {", \"radius\": [4, 0.5]", "", "nms.radius: "},
    {"8, 8, 4]", "8, 8, 2]", "grid: too small for sparse.conv_out.coords: kernel along z: 2 cells"},
    {"\"name\": \"m\"", "\"name\": \"m\", \"neck\": {}", "neck: unknown member"},
};

static int build(const char *words, const char *instead, struct glint_net *net)
{
    char text[4096];
    const char *at = strstr(good, words);
    struct glint_model_config config;
    assert_non_null(at);
    const int n =
        snprintf(text, sizeof text, "%.*s%s%s", (int)(at - good), good, instead, at + strlen(words));
    const int status = glint_model_config_parse("config.json", text, (size_t)n, &config);
    if (status != GLINT_OK)
        return status;
    const int built = glint_net_build(&config, 1000, false, net);
    glint_model_config_close(&config);
    return built;
}

static void a_good_one(void **state)
{
    (void)state;
    struct glint_net net;
    if (build("glint", "glint", &net) != GLINT_OK)
        fail_msg("%s", glint_error_text());
    assert_int_equal(net.layers[net.n_layers - 1].op, GLINT_OP_CENTER_JOIN);
    glint_net_fini(&net);
}

/* Convolutions instead of residual blocks: input, 1, three times 1 + 2, output. */
static void plain_convolutions(void **state)
{
    (void)state;
    struct glint_net net;
    int n = 0;
    if (build("\"max_points\"", "\"residual\": false, \"max_points\"", &net) != GLINT_OK)
        fail_msg("%s", glint_error_text());
    for (int32_t i = 0; i < net.n_layers; i++) {
        n += net.layers[i].op == GLINT_OP_SPARSE_CONV;
        assert_true(net.layers[i].op != GLINT_OP_SPARSE_CONV || net.layers[i].n_in == 2); /* no residual */
    }
    assert_int_equal(n, 12);
    glint_net_fini(&net);
}

static void every_bad_member_is_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bads / sizeof *bads; i++) {
        struct glint_net net;
        assert_int_equal(build(bads[i].words, bads[i].instead, &net), GLINT_E_FORMAT);
        if (strncmp(glint_error_text(), "config.json: ", 13) || !strstr(glint_error_text(), bads[i].said))
            fail_msg("%s instead of %s: \"%s\", wanted \"%s\"", bads[i].instead, bads[i].words,
                     glint_error_text(), bads[i].said);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_one),
        cmocka_unit_test(plain_convolutions),
        cmocka_unit_test(every_bad_member_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
