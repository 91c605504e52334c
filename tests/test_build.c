/* tests/test_build.c - a model folder that fits is opened; each thing that does not fit is named. */
#include "tests/util.h"
#include "tests/model_fixture.h"
#include "glint/model.h"
#include "model/build.h"
#include <math.h>

#define FOLDER GLINT_BUILD_DIR "/test_build_model"

static int open_model(const char *config, const struct fixture *f, struct glint_model **model)
{
    struct glint_model_settings s;
    glint_model_settings_default(&s);
    s.n_threads = 1;
    s.cap_points = 1000;
    fixture_write(f, FOLDER, config);
    return glint_model_open(FOLDER, &s, NULL, model);
}

static void expect_refused(const char *config, const struct fixture *f, const char *file, const char *said)
{
    struct glint_model *model;
    assert_int_equal(open_model(config, f, &model), GLINT_E_FORMAT);
    assert_null(model);
    if (!strstr(glint_error_text(), file) || !strstr(glint_error_text(), said))
        fail_msg("\"%s\" does not say \"%s\" and \"%s\"", glint_error_text(), file, said);
}

static void what_fits_is_opened(void **state)
{
    (void)state;
    struct fixture *f = fixture_open();
    struct glint_model *model;
    int64_t n = 0;
    if (open_model(NULL, f, &model) != GLINT_OK)
        fail_msg("%s", glint_error_text());
    for (int32_t i = 0; i < f->n; i++)
        n += strstr(f->name[i], ".running_") ? 0 : glint_tensor_elements(&f->tensor[i]);
    const struct glint_model_info *info = glint_model_info(model);
    assert_string_equal(info->arch, "flatformer");
    assert_string_equal(info->classes[1], "person");
    assert_int_equal(info->n_parameters, n);
    assert_true(info->memory_bytes > 1000000);
    char text[256];
    assert_true(glint_model_layers(model) > 30);
    glint_model_layer_text(model, 0, text, sizeof text);
    assert_non_null(strstr(text, "grid 32 x 32"));
    glint_model_layer_text(model, glint_model_layers(model), text, sizeof text);
    assert_string_equal(text, "");
    glint_model_close(model);
    fixture_close(f);
}

static void a_missing_tensor_is_named(void **state)
{
    (void)state;
    struct fixture *f = fixture_open();
    for (int32_t i = 0; i < f->n; i++) { /* each of them */
        char *name = f->name[i], kept = name[0];
        name[0] = kept == 'v' ? 'w' : 'v';
        char original[112];
        snprintf(original, sizeof original, "\"%c%s\": missing", kept, name + 1);
        expect_refused(NULL, f, "model.safetensors", original);
        name[0] = kept;
    }
    fixture_close(f);
}

static void a_tensor_left_over_is_named(void **state)
{
    (void)state;
    struct fixture *f = fixture_open();
    fixture_add(f, 0, 1, 1, (const int64_t[]){4}, "backbone.blocks.0.2.0.weight");
    expect_refused(NULL, f, "model.safetensors", "\"backbone.blocks.0.2.0.weight\": no layer");
    f->n--;
    free(f->data[f->n]);
    fixture_add(f, 0, 1, 0, NULL, "backbone.blocks.0.0.1.num_batches_tracked"); /* a counter of training */
    struct glint_model *model;
    assert_int_equal(open_model(NULL, f, &model), GLINT_OK);
    glint_model_close(model);
    fixture_close(f);
}

static void another_shape_is_told(void **state)
{
    (void)state;
    struct fixture *f = fixture_open();
    const int32_t i = fixture_find(f, "neck.deblocks.1.0.weight");
    const struct glint_tensor good = f->tensor[i];
    f->tensor[i].shape[0] = 16;
    f->tensor[i].shape[1] = 24;
    expect_refused(NULL, f, "neck.deblocks.1.0.weight",
                   "F32 [24, 16, 2, 2] expected, found F32 [16, 24, 2, 2]");
    f->tensor[i] = good;
    f->tensor[i].n_dims = 3;
    f->tensor[i].shape[2] = 4;
    expect_refused(NULL, f, "neck.deblocks.1.0.weight", "found F32 [24, 16, 4]");
    f->tensor[i] = good;
    f->tensor[i].dtype = GLINT_DTYPE_I32;
    expect_refused(NULL, f, "neck.deblocks.1.0.weight", "found I32 [24, 16, 2, 2]");
    fixture_close(f);
}

static void values_that_cannot_be_are_told(void **state)
{
    (void)state;
    struct fixture *f = fixture_open();
    const int32_t i = fixture_find(f, "bbox_head.shared_conv.conv.weight");
    f->data[i][5] = NAN;
    expect_refused(NULL, f, "bbox_head.shared_conv.conv.weight", "element 5");
    f->data[i][5] = 0;
    f->data[fixture_find(f, "backbone.blocks.1.1.1.running_var")][3] = -1;
    expect_refused(NULL, f, "backbone.blocks.1.1.1.running_var", "element 3 is -1");
    fixture_close(f);
}

/* What replaces what in the fixture's configuration, and what is said. */
static const char *const bad_configs[][3] = {
    {"\"arch\": \"flatformer\"", "\"arch\": \"resnet\"", "arch: \"resnet\" is not known"},
    {"\"vfe\":", "\"other\": 1, \"vfe\":", "other: unknown member"},
    {"\"vfe\": {\"channels\": [8, 16],", "\"vfe\": {", "vfe.channels: missing"},
    {"\"vfe\": {\"channels\": [8, 16],", "\"vfe\": {\"channels\": [],", "vfe.channels: one layer"},
    {"\"vfe\": {\"channels\": [8, 16],", "\"vfe\": {\"channels\": [8, 0],", "vfe.channels[1]: "},
    {"\"vfe\": {\"channels\": [8, 16], \"norm_eps\": 0.001",
     "\"vfe\": {\"channels\": [8, 16], \"norm_eps\": -1", "vfe.norm_eps: "},
    {"\"encoder\": {\"channels\": 16", "\"encoder\": {\"channels\": 32", "encoder.channels: 16, the last of"},
    {"\"heads\": 2", "\"heads\": 3", "encoder.heads: a divisor of channels"},
    {"\"heads\": 2", "\"heads\": 0", "encoder.heads: "},
    {"\"ffn\": 24", "\"ffn\": 1e9", "encoder.ffn: "},
    {"\"blocks\": 1", "\"blocks\": 0", "encoder.blocks: "},
    {"\"window\": 5", "\"window\": 0", "encoder.window: "},
    {"\"group\": 12", "\"group\": -4", "encoder.group: "},
    {"\"channels\": [16, 24]", "\"channels\": [16, 99999]", "backbone.channels[1]: "},
    {"\"layers\": [1, 1]", "\"layers\": [1]", "backbone.layers: 2 numbers"},
    {"\"strides\": [1, 2]", "\"strides\": [1, 3]", "backbone.strides[1]: "},
    {"\"upsample\": [1, 2]", "\"upsample\": [1, 1]",
     "neck.upsample[1]: makes a map of 16 x 16 beside one of 32 x 32"},
    {"\"upsample\": [1, 2]", "\"upsample\": [1, 9]", "neck.upsample[1]: "},
    {"\"head\": {\"channels\": 8", "\"head\": {\"channels\": 0", "head.channels: "},
    {"\"branch_norm_eps\": 1e-5", "\"branch_norm_eps\": \"a\"", "head.branch_norm_eps: "},
    {"\"top_k\": 50", "\"top_k\": 0", "decode.top_k: "},
    {"\"score\": [0.1, 0.2]", "\"score\": [0.1]", "decode.score: 2 numbers"},
    {"\"score\": [0.1, 0.2]", "\"score\": [0.1, 2]", "decode.score[1]: "},
    {"\"iou_power\": 2", "\"iou_power\": -1", "decode.iou_power: "},
    {"\"range\": [-8, -8, -10, 8, 8, 10]},", "\"range\": [-8, 9, -10, 8, 8, 10]},", "decode.range[1]: "},
    {"\"iou\": [0.5, 0.5]", "\"iou\": [0.5, 0.5, 0.5]", "nms.iou: 2 numbers"},
    {"\"pre\": [40, 40]", "\"pre\": [0, 40]", "nms.pre[0]: "},
    {"\"post\": [20, 20]", "\"post\": 20", "nms.post: "},
    {"\"pillar\": [0.5, 0.5, 4]", "\"pillar\": [0.5, 1, 4]", "grid: as many cells along x"},
};

static void every_bad_section_is_named(void **state)
{
    (void)state;
    struct fixture *f = fixture_open();
    for (size_t i = 0; i < sizeof bad_configs / sizeof *bad_configs; i++)
        expect_refused(fixture_replace(bad_configs[i][0], bad_configs[i][1]), f,
                       "config.json: ", bad_configs[i][2]);
    fixture_close(f);
}

/* Each size is possible, all together need more memory than is sensible. */
static void absurd_sizes_are_refused(void **state)
{
    (void)state;
    struct fixture *f = fixture_open();
    static char config[sizeof fixture_config + 1024];
    snprintf(config, sizeof config, "%s",
             fixture_replace("[-8, -8, -2, 8, 8, 2]", "[-1024, -1024, -2, 1024, 1024, 2]"));
    char *width = strstr(config, "\"head\": {\"channels\": 8,");
    assert_non_null(width);
    memcpy(width, "\"head\":{\"channels\":999,", 23);
    expect_refused(config, f, "config.json: ", "GB of memory");
    fixture_close(f);
}

static void other_folders_and_settings(void **state)
{
    (void)state;
    struct glint_model_settings s;
    struct glint_model *model;
    glint_model_settings_default(&s);
    assert_int_equal(glint_model_open("/nonexistent", &s, NULL, &model), GLINT_E_NOTFOUND);
    assert_null(model);
    s.device = "cuda:0";
    assert_int_equal(glint_model_open(FOLDER, &s, NULL, &model), GLINT_E_DEVICE);
    s.device = "cpu";
    s.n_threads = 0;
    assert_int_equal(glint_model_open(FOLDER, &s, NULL, &model), GLINT_E_ARG);
    s.n_threads = 1;
    s.cap_points = 0;
    assert_int_equal(glint_model_open(FOLDER, &s, NULL, &model), GLINT_E_ARG);
    glint_model_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_fits_is_opened),
        cmocka_unit_test(a_missing_tensor_is_named),
        cmocka_unit_test(a_tensor_left_over_is_named),
        cmocka_unit_test(another_shape_is_told),
        cmocka_unit_test(values_that_cannot_be_are_told),
        cmocka_unit_test(every_bad_section_is_named),
        cmocka_unit_test(absurd_sizes_are_refused),
        cmocka_unit_test(other_folders_and_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
