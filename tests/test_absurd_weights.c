/* tests/test_absurd_weights.c - weights that are finite and make no sense: whatever they overflow to, a run
 * ends and what it gives are boxes and classes. */
#include "tests/files.h"
#include "core/frame.h"
#include "core/safetensors.h"
#include "core/status.h"
#include "glint/model.h"
#include <math.h>

#define FOLDER GLINT_SOURCE_DIR "/data/models/glint-tiny"
#define POINTS 6000

static struct glint_frame_pool *pool;
static struct glint_frame *frame;

static void fill_frame(void)
{
    uint64_t random = 11;
    assert_int_equal(glint_frame_pool_open(1, POINTS, 4096, &pool), GLINT_OK);
    frame = glint_frame_get(pool, true);
    for (int i = 0; i < POINTS; i++) {
        const float x = glint_test_uniform(&random, -30, 30), y = glint_test_uniform(&random, -30, 30);
        const bool car = fabsf(x - 8) < 2 && fabsf(y - 3) < 1;
        glint_frame_add_point(frame, x, y, car ? -0.8f : -1.8f, 0, 0, 0, 0);
    }
}

/* The model's file with tensor `index` multiplied. */
static void write_damaged(const struct glint_safetensors *file, int32_t index, float factor)
{
    const int32_t n = glint_safetensors_count(file);
    struct glint_tensor *tensors = calloc((size_t)n, sizeof *tensors);
    for (int32_t i = 0; i < n; i++)
        tensors[i] = *glint_safetensors_at(file, i);
    const int64_t size = glint_tensor_elements(&tensors[index]);
    float *values = malloc((size_t)size * sizeof *values);
    for (int64_t i = 0; i < size; i++) {
        const float v = ((const float *)tensors[index].data)[i] * factor;
        values[i] = v > 3e38f ? 3e38f : v < -3e38f ? -3e38f : v;
    }
    tensors[index].data = values;
    assert_int_equal(glint_safetensors_write(glint_test_path("model.safetensors"), tensors, n, NULL, 0),
                     GLINT_OK);
    free(values);
    free(tensors);
}

static void check_results(const struct glint_model_info *info)
{
    for (int32_t i = 0; i < frame->n_boxes; i++) {
        const struct glint_box *b = &frame->boxes[i];
        assert_true(b->score >= 0 && b->score <= 1);
        assert_in_range(b->label, 0, info->n_classes - 1);
        assert_true(isfinite(b->yaw));
        for (int k = 0; k < 3; k++)
            assert_true(isfinite(b->center[k]) && isfinite(b->size[k]));
    }
    for (int32_t i = 0; i < frame->points.n; i++)
        assert_true(frame->point_class[i] == 255 || frame->point_class[i] < info->n_point_classes);
}

/* Weights that cannot be folded into finite ones may be refused; nothing else may happen. */
static void run_model(const char *tensor)
{
    struct glint_model_settings settings;
    struct glint_model *model;
    glint_model_settings_default(&settings);
    settings.n_threads = 1;
    settings.cap_points = POINTS;
    settings.score = 0;
    const int status = glint_model_open(glint_test_folder, &settings, NULL, &model);
    if (status == GLINT_E_FORMAT)
        return;
    if (status != GLINT_OK || glint_model_run(model, frame) != GLINT_OK)
        fail_msg("%s: %s", tensor, glint_error_text());
    check_results(glint_model_info(model));
    glint_model_close(model);
}

static void every_tensor_in_turn(void **state)
{
    (void)state;
    static const float factors[] = {1e30f, -1e37f, 3e4f};
    struct glint_safetensors *file;
    size_t size;
    fill_frame();
    char *config = glint_test_read(FOLDER "/config.json", &size);
    glint_test_write("config.json", config, size);
    free(config);
    assert_int_equal(glint_safetensors_open(FOLDER "/model.safetensors", &file), GLINT_OK);
    for (int32_t i = 0; i < glint_safetensors_count(file); i++) {
        write_damaged(file, i, factors[i % 3]);
        run_model(glint_safetensors_at(file, i)->name);
    }
    glint_safetensors_close(file);
    glint_frame_unref(frame);
    glint_frame_pool_close(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_tensor_in_turn)};
    return cmocka_run_group_tests(tests, glint_test_folder_make, glint_test_folder_remove);
}
