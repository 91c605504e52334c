/* tests/test_ptv3_config.c - configurations of Point Transformer V3: what fits is built, what does not is
 * named; Pointcept's own are translated. */
#include "core/status.h"
#include "model/ptv3.h"
#include "model/run.h"
#include "tests/util.h"

static const char good[] =
    "{\"glint\": 1, \"arch\": \"ptv3\", \"name\": \"small\", \"classes\": [], \"point_classes\": [\"a\", "
    "\"b\"],\n"
    "\"input\": {\"fields\": [\"x\", \"y\", \"z\"], \"axes\": \"x right, y forward, z up\"},\n"
    "\"grid\": {\"cell\": 0.1},\n"
    "\"serialization\": {\"orders\": [\"z\", \"hilbert\"], \"depth\": \"max+1\", \"permutations\": [0, 1, 1, "
    "0]},\n"
    "\"encoder\": {\"blocks\": [1, 2], \"channels\": [8, 16], \"heads\": [2, 4], \"patch\": [16, 32]},\n"
    "\"decoder\": {\"blocks\": [1], \"channels\": [8], \"heads\": [2]}}";

static int build(const char *text, struct glint_net *net)
{
    struct glint_model_config config;
    *net = (struct glint_net){0};
    GLINT_TRY(glint_model_config_parse("config.json", text, strlen(text), &config));
    const int status = glint_net_build(&config, 1000, false, net);
    glint_model_config_close(&config);
    return status;
}

/* `good` with one part of it replaced. */
static void expect_refused(const char *part, const char *by, const char *said)
{
    char text[2048];
    struct glint_net net;
    const char *at = strstr(good, part);
    assert_non_null(at);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - good), good, by, at + strlen(part));
    assert_int_equal(build(text, &net), GLINT_E_FORMAT);
    if (!strstr(glint_error_text(), said))
        fail_msg("\"%s\" does not say \"%s\"", glint_error_text(), said);
}

static const struct glint_level_params *level(const struct glint_net *net, int32_t stage)
{
    for (int32_t i = 0; i < net->n_layers; i++)
        if ((net->layers[i].op == GLINT_OP_LEVEL_SAMPLE || net->layers[i].op == GLINT_OP_LEVEL_POOL) &&
            ((const struct glint_level_params *)net->layers[i].params)->stage == stage)
            return net->layers[i].params;
    fail();
    return NULL;
}

/* Points are turned into memory for as many as the network was built for. */
static void more_points_than_there_is_room_for(void **state)
{
    float values[3000] = {0};
    struct glint_net net;
    (void)state;
    assert_int_equal(build(good, &net), GLINT_OK);
    struct glint_frame frame = {.points = {.n = 1001, .cap = 3000, .x = values, .y = values, .z = values}};
    struct glint_run run = {.net = &net, .frame = &frame};
    run.memory = malloc(glint_run_level_bytes(1000)); /* all values at its beginning */
    assert_non_null(run.memory);
    for (int32_t i = 0; i < net.n_values; i++)
        net.values[i].offset = 0;
    assert_int_equal(net.layers[0].op, GLINT_OP_LEVEL_SAMPLE);
    assert_int_equal(glint_op_get(GLINT_OP_LEVEL_SAMPLE)->run(&run, &net.layers[0]), GLINT_E_CAPACITY);
    assert_non_null(strstr(glint_error_text(), "1001 points; the model was opened for 1000"));
    free(run.memory);
    glint_net_fini(&net);
}

static void what_fits_is_built(void **state)
{
    struct glint_net net;
    (void)state;
    if (build(good, &net))
        fail_msg("%s", glint_error_text());
    assert_int_equal(level(&net, 0)->rule.depth, GLINT_DEPTH_MAX_PLUS_1);
    assert_int_equal(level(&net, 0)->rule.curve[0], GLINT_CURVE_Z);
    assert_int_equal(level(&net, 1)->rule.curve[0], GLINT_CURVE_HILBERT);
    assert_true(level(&net, 0)->turns && !level(&net, 0)->clips);
    glint_net_fini(&net);
}

static void what_does_not_is_named(void **state)
{
    (void)state;
    expect_refused("\"classes\": []", "\"classes\": [\"car\"]", "point_classes and no classes expected");
    expect_refused("[\"a\", \"b\"]", "[]", "one class at least");
    expect_refused("{\"cell\": 0.1}", "{\"range\": [0, 0, 0, 1, 1, 1], \"pillar\": [1, 1, 1]}",
                   "a cell size \"cell\" expected");
    expect_refused("0.1", "0", "grid.cell");
    expect_refused("{\"cell\": 0.1}", "{\"cell\": 0.1, \"clip\": [0, 0, 0, 1, 1, 0]}", "grid.clip[2]");
    expect_refused("{\"cell\": 0.1}", "{\"cell\": 0.1, \"quotient\": \"f16\"}", "grid.quotient");
    expect_refused("\"hilbert\"", "\"peano\"", "serialization.orders[1]");
    expect_refused("\"max+1\"", "\"min\"", "serialization.depth");
    expect_refused("[0, 1, 1, 0]", "[0, 1, 1]", "serialization.permutations");
    expect_refused("[0, 1, 1, 0]", "[0, 1, 2, 0]", "serialization.permutations");
    expect_refused("\"heads\": [2, 4]", "\"heads\": [2, 5]", "encoder.heads[1]");
    expect_refused("\"heads\": [2]", "\"heads\": [3]", "decoder.heads[0]");
    expect_refused("[16, 32]", "[16, 0]", "encoder.patch");
    expect_refused("\"channels\": [8, 16]", "\"channels\": [8, 1600]", "encoder.channels");
    expect_refused("\"decoder\"", "\"stem_kernel\": 4, \"decoder\"", "an odd size");
    expect_refused("\"decoder\"", "\"mlp_ration\": 4, \"decoder\"", "mlp_ration");
    expect_refused("x right, y forward, z up", "x up", "input.axes");
}

static void other_architectures_have_bounds(void **state)
{
    (void)state;
    expect_refused("\"ptv3\"", "\"flatformer\"", "");
}

static const char foreign[] =
    "{\"num_classes\": 22, \"grid\": 0.05, \"depth\": \"max+1\", \"net\": {\"in_channels\": 4, \"order\": "
    "[\"z\"], "
    "\"stride\": [2], \"enc_depths\": [1, 1], \"enc_channels\": [8, 16], \"enc_num_head\": [1, 2], "
    "\"enc_patch_size\": [64, 64], \"dec_depths\": [1], \"dec_channels\": [8], \"dec_num_head\": [1], "
    "\"mlp_ratio\": 2}}";

static void pointcepts_are_translated(void **state)
{
    char text[4096];
    struct glint_text out = {.data = text, .cap = sizeof text};
    struct glint_json_doc *doc;
    struct glint_net net;
    (void)state;
    assert_int_equal(glint_json_parse("foreign", foreign, sizeof foreign - 1, &doc), 0);
    assert_true(glint_ptv3_recognise(glint_json_root(doc)));
    assert_int_equal(glint_ptv3_convert(glint_json_root(doc), &out), 0);
    if (build(text, &net))
        fail_msg("%s", glint_error_text());
    assert_int_equal(level(&net, 0)->rule.depth, GLINT_DEPTH_MAX_PLUS_1);
    assert_true(level(&net, 0)->clips && level(&net, 0)->clip[5] == 2.0f && !level(&net, 0)->turns);
    assert_non_null(strstr(text, "\"tanh\""));
    glint_net_fini(&net);
    glint_json_close(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(more_points_than_there_is_room_for), cmocka_unit_test(what_fits_is_built),
        cmocka_unit_test(what_does_not_is_named), cmocka_unit_test(other_architectures_have_bounds),
        cmocka_unit_test(pointcepts_are_translated)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
