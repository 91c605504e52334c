/* tests/test_arch_sets.c - configurations of DSVT and SST: good ones build, bad ones say which member, and
 * the training configurations that cannot be taken say why. */
#include "tests/util.h"
#include "core/status.h"
#include "model/build.h"
#include "model/dsvt.h"
#include "model/sst.h"

#define HEAD                                                                                                 \
    "{\"glint\": 1, \"name\": \"n\", \"classes\": [\"a\", \"b\"], \"input\": {\"fields\": [\"x\", \"y\", "   \
    "\"z\"]}, \"decode\": {\"top_k\": 9, \"score\": [0, 0], \"range\": [-8, -8, -8, 8, 8, 8]}, \"nms\": "    \
    "{\"iou\": [0.5, 0.5], \"pre\": [9, 9], \"post\": [9, 9], \"range\": [-8, -8, -8, 8, 8, 8]}, "

static const char dsvt[] = HEAD
    "\"arch\": \"dsvt\", \"grid\": {\"range\": [-8, -8, -2, 8, 8, 2], \"pillar\": [1, 1, 0.5]}, "
    "\"vfe\": {\"channels\": [8, 12], \"norm_eps\": 0.001}, "
    "\"encoder\": {\"channels\": 12, \"pool_heads\": 4, \"norm_eps\": 1e-5, \"position_norm_eps\": 1e-5, "
    "\"stages\": [{\"blocks\": 1, \"heads\": 2, \"ffn\": 8, \"set\": 5, \"window\": [4, 4, 8], \"hybrid\": "
    "[2, 2, 1], \"shifts\": [[0, 0, 0], [2, 2, 0]]}, {\"blocks\": 2, \"heads\": 3, \"ffn\": 9, \"set\": 6, "
    "\"pool\": [1, 1, 8], \"window\": [4, 3, 1], \"hybrid\": [2, 2, 1], \"shifts\": [[0, 0, 0], [1, 1, "
    "0]]}]}, "
    "\"backbone\": {\"channels\": [8, 10], \"layers\": [0, 1], \"strides\": [1, 2], \"upsample\": [1, 2], "
    "\"upsample_channels\": [6, 7], \"norm_eps\": 0.001}, \"head\": {\"channels\": 8, \"norm_eps\": 0.001}}";

static const char sst[] =
    HEAD "\"arch\": \"sst\", \"grid\": {\"range\": [-8, -8, -2, 8, 8, 2], \"pillar\": [1, 1, 4]}, "
         "\"vfe\": {\"channels\": [12], \"norm_eps\": 0.001}, "
         "\"encoder\": {\"channels\": 12, \"heads\": 2, \"ffn\": 8, \"blocks\": 1, \"window\": [4, 5, 1], "
         "\"norm_eps\": 1e-5, \"position_base\": 100}, \"convs\": {\"channels\": 6, \"dilations\": [1, 2], "
         "\"norm_eps\": 0.001}, \"neck\": {\"channels\": 6, \"norm_eps\": 0.001}, "
         "\"head\": {\"channels\": 8, \"norm_eps\": 0.001, \"branch_norm_eps\": 0.001}}";

static const struct {
    const char *config, *from, *to, *said;
} bads[] = {
    {dsvt, "\"vfe\": {\"channels\": [8,", "\"vfe\": {\"channels\": [7,", "vfe.channels[0]: an even number"},
    {dsvt, "\"channels\": [8, 12]", "\"channels\": [8, 14]", "encoder.channels: 14"},
    {dsvt, "\"pool_heads\": 4", "\"pool_heads\": 5", "encoder.pool_heads: a divisor"},
    {dsvt, "\"heads\": 3", "\"heads\": 5", "encoder.stages[1].heads: a divisor"},
    {dsvt, "\"set\": 5", "\"set\": 0", "encoder.stages[0].set: "},
    {dsvt, "\"set\": 5,", "\"sets\": 5,", "unknown member"},
    {dsvt, "\"pool\": [1, 1, 8],", "", "encoder.stages[1].pool: "},
    {dsvt, "\"pool\": [1, 1, 8],", "\"pool\": [1, 1, 4],", "encoder.stages: one cell along z"},
    {dsvt, "\"pool\": [1, 1, 8],", "\"pool\": [9, 9, 8],", "encoder.stages[1].pool: at most 64"},
    {dsvt, "\"ffn\": 8,", "\"ffn\": 8, \"pool\": [1, 1, 1],", "nothing is before"},
    {dsvt, "[4, 4, 8]", "[4, 0, 8]", "encoder.stages[0].window[1]: "},
    {dsvt, "[[0, 0, 0], [2, 2, 0]]", "[[0, 0, 0]]", "encoder.stages[0].shifts: an array of two"},
    {dsvt, "[[0, 0, 0], [2, 2, 0]]", "[[0, 0, 0], [2, 99, 0]]",
     "encoder.stages[0].shifts[1]: 0 to the window"},
    {dsvt, "[[0, 0, 0], [2, 2, 0]]", "[[0, 0, 0], [2, 2]]", "encoder.stages[0].shifts[1]: 3 numbers"},
    {dsvt, "\"window\": [4, 4, 8]", "\"window\": [1024, 1024, 8]", "encoder.stages[0]"},
    {dsvt, "\"upsample\": [1, 2]", "\"upsample\": [1, 1]", "backbone.upsample[1]: makes a map of 8 x 8"},
    {dsvt, "\"top_k\": 9,", "\"top_k\": 9, \"iou_alpha\": [0.5, 2],", "decode.iou_alpha[1]: "},
    {dsvt, "\"head\": {\"channels\": 8,", "\"head\": {\"iou\": false, \"channels\": 8,", NULL},
    {dsvt, "\"head\": {", "\"track\": {}, \"head\": {", NULL},
    {sst, "\"pillar\": [1, 1, 4]", "\"pillar\": [1, 1, 2]", "grid.pillar: one cell along z"},
    {sst, "\"heads\": 2", "\"heads\": 5", "encoder.heads: a divisor"},
    {sst, "\"vfe\": {\"channels\": [12]", "\"vfe\": {\"channels\": [14]", "encoder.channels: 14"},
    {sst, "[4, 5, 1]", "[4, 5]", "encoder.window: 3 numbers"},
    {sst, "[4, 5, 1]", "[99, 99, 1]", "encoder.window: at most 4096"},
    {sst, "\"dilations\": [1, 2]", "\"dilations\": [1, 5]", "convs.dilations[1]: "},
    {sst, "\"position_base\": 100", "\"cosine\": 1, \"position_base\": 100", "encoder.cosine: true or false"},
    {sst, "\"convs\":", "\"backbone\": {}, \"convs\":", "backbone: unknown member"},
};

static int build(const char *text)
{
    struct glint_model_config config;
    struct glint_net net = {0};
    int status = glint_model_config_parse("config.json", text, strlen(text), &config);
    if (status == GLINT_OK) {
        status = glint_net_build(&config, 1000, true, &net);
        glint_net_fini(&net);
        glint_model_config_close(&config);
    }
    return status;
}

static void every_bad_member_is_named(void **state)
{
    (void)state;
    static char text[sizeof dsvt + 256];
    for (size_t i = 0; i < sizeof bads / sizeof *bads; i++) {
        const char *at = strstr(bads[i].config, bads[i].from);
        if (!at)
            fail_msg("case %zu: no %s", i, bads[i].from);
        snprintf(text, sizeof text, "%.*s%s%s", (int)(at - bads[i].config), bads[i].config, bads[i].to,
                 at + strlen(bads[i].from));
        const int status = build(text);
        if (status != (bads[i].said ? GLINT_E_FORMAT : GLINT_OK) ||
            (bads[i].said && !strstr(glint_error_text(), bads[i].said)))
            fail_msg("case %zu: %s \"%s\", wanted \"%s\"", i, glint_status_name(status), glint_error_text(),
                     bads[i].said ? bads[i].said : "nothing");
    }
}

static void good_ones_build(void **state)
{
    (void)state;
    if (build(dsvt) != GLINT_OK || build(sst) != GLINT_OK)
        fail_msg("%s", glint_error_text());
}

/* A training configuration of SST with a level that holds less than a window. */
static void dropped_tokens_are_refused(void **state)
{
    (void)state;
    static const char foreign[] =
        "{\"classes\": [\"a\"], \"in_channels\": 3, \"pcr\": [-8, -8, -2, 8, 8, 2], \"vs\": [1, 1, 4], "
        "\"sparse_shape\": [16, 16, 1], \"feat_channels\": [12], \"bn_eps\": 0.001, \"window_shape\": [12, "
        "12, 1], "
        "\"num_blocks\": 1, \"num_attached_conv\": 1, \"dim_feedforward\": 8, \"max_tokens\": 100}";
    struct glint_json_doc *doc;
    char data[4096];
    struct glint_text text = {.data = data, .cap = sizeof data};
    assert_int_equal(glint_json_parse("weights", foreign, strlen(foreign), &doc), GLINT_OK);
    assert_true(glint_sst_recognise(glint_json_root(doc)));
    assert_false(glint_dsvt_recognise(glint_json_root(doc)));
    assert_int_equal(glint_sst_convert(glint_json_root(doc), &text), GLINT_E_FORMAT);
    assert_non_null(strstr(glint_error_text(), "max_tokens: 144, a whole window"));
    glint_json_close(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_ones_build),
        cmocka_unit_test(every_bad_member_is_named),
        cmocka_unit_test(dropped_tokens_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
