/* tests/test_golden_tiny.c - a model of the default model's network on a simulated scan, against what its
 * training code makes of the scan (golden/glint_tiny_example.safetensors), for each instruction set and one
 * and two threads. Its weights are those of the reference data, whatever model is shipped. */
#include "tests/files.h"
#include "tests/util.h"
#include "core/cpu.h"
#include "core/frame.h"
#include "core/safetensors.h"
#include "core/status.h"
#include "core/tensor.h"
#include "glint/model.h"
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#define WEIGHTS GLINT_SHARED "/default-model/glint-sim-tiny.safetensors"
#define CONFIG  GLINT_SOURCE_DIR "/tests/golden/glint_tiny_example.json"
#define EXAMPLE GLINT_SOURCE_DIR "/tests/golden/glint_tiny_example.safetensors"

struct check { /* relative errors by norm of the tensors seen */
    const struct glint_safetensors *file;
    double heat, logits;
    int32_t index[20000]; /* sorted point -> point */
};

static double relative(const float *got, const float *want, int64_t n)
{
    double error = 0, norm = 0;
    for (int64_t i = 0; i < n; i++) {
        error += (got[i] - (double)want[i]) * (got[i] - (double)want[i]);
        norm += (double)want[i] * want[i];
    }
    return sqrt(error / norm);
}

static void see(void *ctx, const struct glint_tensor *t)
{
    struct check *c = ctx;
    if (!strcmp(t->name, "head.heatmap")) {
        /* the file has [class, y, x], the network's rows run along x */
        const float *want = glint_safetensors_find(c->file, "head.heatmap")->data, *got = t->data;
        static float turned[4 * 128 * 128];
        for (int k = 0; k < 4; k++)
            for (int x = 0; x < 128; x++)
                for (int y = 0; y < 128; y++)
                    turned[(k * 128 + y) * 128 + x] = got[(k * 128 + x) * 128 + y];
        c->heat = relative(turned, want, 4 * 128 * 128);
    }
    if (!strcmp(t->name, "point.index"))
        for (int64_t i = 0; i < t->shape[0]; i++)
            c->index[i] = ((const int32_t *)t->data)[i] - 1; /* our extra first point */
    if (!strcmp(t->name, "point.logits")) {
        const float *want = glint_safetensors_find(c->file, "point.logits")->data, *got = t->data;
        static float ordered[20000 * 8];
        for (int64_t i = 0; i < t->shape[0]; i++)
            memcpy(ordered + 8 * c->index[i], got + 8 * i, 8 * sizeof *got);
        c->logits = relative(ordered, want, t->shape[0] * 8);
    }
}

static void check_boxes(const struct glint_frame *frame, const struct glint_tensor *want)
{
    const float *row = want->data;
    assert_int_equal(frame->n_boxes, want->shape[0]);
    for (int32_t i = 0; i < frame->n_boxes; i++, row += 9) {
        const struct glint_box *b = &frame->boxes[i];
        assert_int_equal(b->label, (int)row[8]);
        assert_true(fabsf(b->score - row[7]) < 1e-5f);
        for (int k = 0; k < 3; k++)
            assert_true(fabsf(b->center[k] - row[k]) < 1e-3f && fabsf(b->size[k] - row[3 + k]) < 1e-3f);
        assert_true(fabs(remainder(b->yaw - row[6], 6.283185307179586)) < 2e-3);
    }
}

/* Points of vehicles and people belong to the boxes they lie in. */
static void check_instances(const struct glint_frame *frame)
{
    int64_t cars = 0;
    for (int32_t i = 0; i < frame->points.n; i++) {
        const uint16_t instance = frame->point_instance[i];
        assert_in_range(instance, 0, frame->n_boxes);
        if (!instance)
            continue;
        static const int point_class[] = {4, 5, 6, 4}; /* of car, pedestrian, cyclist, truck */
        const struct glint_box *b = &frame->boxes[instance - 1];
        assert_int_equal(frame->point_class[i], point_class[b->label]);
        assert_true(hypotf(frame->points.x[i] - b->center[0], frame->points.y[i] - b->center[1]) <=
                    0.5f * hypotf(b->size[0], b->size[1]) + 1e-3f);
        cars += b->label == 0;
    }
    assert_true(cars > 100);
}

static void run(unsigned isa, int threads, bool keep_stages)
{
    static struct check check;
    struct glint_safetensors *file;
    assert_int_equal(glint_safetensors_open(EXAMPLE, &file), 0);
    const struct glint_tensor *points = glint_safetensors_find(file, "points_raw");
    struct glint_frame_pool *pool;
    assert_int_equal(glint_frame_pool_open(1, (int32_t)points->shape[0] + 1, 256, &pool), 0);
    struct glint_frame *frame = glint_frame_get(pool, false);
    const float *p = points->data;
    glint_frame_add_point(frame, 200, 0, 0, 0, 0, 0, 0); /* outside: no pillar, no class */
    for (int64_t i = 0; i < points->shape[0]; i++, p += 4)
        glint_frame_add_point(frame, p[0], p[1], p[2], p[3], 0, 0, 0);
    frame->as_network_input = true;

    struct glint_model_settings settings;
    glint_model_settings_default(&settings);
    settings.n_threads = threads;
    settings.isa = isa;
    settings.cap_points = frame->points.cap;
    settings.keep_stages = keep_stages;
    settings.score = 0.3f;
    struct glint_model *model;
    if (glint_model_open(glint_test_path("model"), &settings, NULL, &model) != 0)
        fail_msg("%s", glint_error_text());
    memset(&check, 0, sizeof check);
    check.file = file;
    check.heat = check.logits = keep_stages ? 1 : 0;
    if (keep_stages)
        glint_model_set_tap(model, see, &check);
    for (int times = 0; times < 2; times++) { /* twice: nothing is left over from the run before */
        assert_int_equal(glint_model_run(model, frame), 0);
        check_boxes(frame, glint_safetensors_find(file, "prototype.detections"));
    }
    assert_true(frame->has_masks);
    check_instances(frame);
    assert_int_equal(frame->point_class[0], 255);
    const float *logits = glint_safetensors_find(file, "point.logits")->data;
    int64_t differ = 0;
    for (int64_t i = 0; i < points->shape[0]; i++) {
        int best = 0;
        for (int c = 1; c < 8; c++)
            best = logits[8 * i + c] > logits[8 * i + best] ? c : best;
        differ += frame->point_class[i + 1] != best &&
                  fabsf(logits[8 * i + frame->point_class[i + 1]] - logits[8 * i + best]) > 1e-4f;
    }
    assert_int_equal(differ, 0);
    if (check.heat > 1e-5 || check.logits > 1e-5)
        fail_msg("isa %s, %d threads: heat map %.2e, logits %.2e", glint_cpu_isa_name(isa), threads,
                 check.heat, check.logits);
    glint_model_close(model);
    glint_frame_unref(frame);
    glint_frame_pool_close(pool);
    glint_safetensors_close(file);
}

static void make_folder(void)
{
    char real[4096];
    assert_int_equal(mkdir(glint_test_path("model"), 0777), 0);
    assert_non_null(realpath(WEIGHTS, real));
    assert_int_equal(symlink(real, glint_test_path("model/model.safetensors")), 0);
    assert_int_equal(symlink(CONFIG, glint_test_path("model/config.json")), 0);
}

static void equals_the_training_code(void **state)
{
    (void)state;
    if (access(WEIGHTS, R_OK))
        skip();
    make_folder();
    const unsigned isas[] = {0, GLINT_ISA_AVX2, ~0u};
    for (int i = 0; i < 3; i++)
        for (int threads = 1; threads <= 2; threads++)
            run(glint_cpu_isa() & isas[i], threads, threads == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(equals_the_training_code)};
    return cmocka_run_group_tests(tests, glint_test_folder_make, glint_test_folder_remove);
}
