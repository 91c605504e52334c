/* tests/cuda/test_net.c - networks on a device beside the CPU's: the default model on a simulated scan,
 * frames one after another and two at once, what is refused, and that frames allocate nothing. */
#include "net_util.h"
#include "glint/trace.h"

#define TINY    GLINT_SOURCE_DIR "/data/models/glint-tiny"
#define EXAMPLE GLINT_SOURCE_DIR "/tests/golden/glint_tiny_example.safetensors"

/* Points of the example: x y z intensity, every `step`th. */
static struct glint_frame *example_frame(struct glint_frame_pool *pool, int step)
{
    struct glint_safetensors *file;
    struct glint_frame *frame = glint_frame_get(pool, false);
    assert_ok(glint_safetensors_open(EXAMPLE, &file));
    const struct glint_tensor *points = glint_safetensors_find(file, "points_raw");
    const float *p = points->data;
    glint_frame_add_point(frame, 200, 0, 0, 0, 0, 0, 0); /* outside: no pillar, no class */
    for (int64_t i = 0; i < points->shape[0]; i += step)
        glint_frame_add_point(frame, p[4 * i], p[4 * i + 1], p[4 * i + 2], p[4 * i + 3], 0, 0, 0);
    glint_safetensors_close(file);
    return frame;
}

static bool alike(const struct glint_box *a, const struct glint_box *b, double most)
{
    bool same = a->label == b->label && fabs((double)a->score - b->score) <= most / 2 &&
                fabs(remainder((double)a->yaw - b->yaw, 6.283185307179586)) <= 2 * most;
    for (int k = 0; k < 3; k++)
        same = same && fabs((double)a->center[k] - b->center[k]) <= most &&
               fabs((double)a->size[k] - b->size[k]) <= most;
    return same;
}

/* How many boxes of a have no partner in b. */
static int32_t lonely(const struct glint_frame *a, const struct glint_frame *b, double most)
{
    int32_t n = 0;
    for (int32_t i = 0; i < a->n_boxes; i++) {
        bool found = false;
        for (int32_t k = 0; k < b->n_boxes && !found; k++)
            found = alike(&a->boxes[i], &b->boxes[k], most);
        n += !found;
    }
    return n;
}

static int32_t other_classes(const struct glint_frame *a, const struct glint_frame *b)
{
    int32_t n = 0;
    for (int32_t i = 0; i < a->points.n; i++)
        n += a->point_class[i] != b->point_class[i];
    return n;
}

static void beside_the_cpu(int step, enum glint_precision precision, double most, int32_t most_lonely,
                           double most_other)
{
    struct glint_frame_pool *pool;
    assert_ok(glint_frame_pool_open(2, 20000, 256, &pool));
    struct glint_frame *want = example_frame(pool, step), *got = example_frame(pool, step);
    struct glint_model *cpu = net_open(TINY, "cpu", GLINT_PRECISION_F32, 20000, false);
    struct glint_model *device = net_open(TINY, "cuda:0", precision, 20000, false);
    struct glint_model_cost a, b;
    assert_ok(glint_model_run(cpu, want));
    assert_ok(glint_model_run(device, got));
    assert_true(want->n_boxes > 0 && got->has_masks);
    const int32_t alone = lonely(want, got, most) + lonely(got, want, most), other = other_classes(want, got);
    print_message("%d boxes, %d without a partner; %d of %d points of another class\n", want->n_boxes, alone,
                  other, want->points.n);
    assert_true(alone <= most_lonely && other <= most_other * want->points.n);
    assert_int_equal(got->point_class[0], 255);
    glint_model_cost(cpu, &a);
    glint_model_cost(device, &b);
    assert_int_equal(a.n_pillars, b.n_pillars);
    assert_int_equal(a.n_points, b.n_points);
    assert_true(b.flop[GLINT_STAGE_ATTEND] > 0 && b.pixels[GLINT_STAGE_BEV] > 0);
    assert_true(got->latency_ns[GLINT_STAGE_VOXELIZE] > 0 && got->latency_ns[GLINT_STAGE_NMS] >= 0);
    glint_model_close(device);
    glint_model_close(cpu);
    glint_frame_unref(want);
    glint_frame_unref(got);
    glint_frame_pool_close(pool);
}

static void default_model(void **state)
{
    (void)state;
    beside_the_cpu(1, GLINT_PRECISION_F32, 1e-3, 0, 0.0005);
}

static void default_model_in_halves(void **state)
{
    (void)state;
    beside_the_cpu(3, GLINT_PRECISION_F16, 0.05, 1, 0.01);
}

static void same_results(const struct glint_frame *a, const struct glint_frame *b)
{
    assert_int_equal(a->n_boxes, b->n_boxes);
    assert_memory_equal(a->boxes, b->boxes, (size_t)a->n_boxes * sizeof *a->boxes);
    assert_memory_equal(a->point_class, b->point_class, (size_t)a->points.n);
    assert_memory_equal(a->point_confidence, b->point_confidence, (size_t)a->points.n);
}

/* Frames of several buckets, one by one and with two on their way: the same bytes. An empty one, one of
 * points that are not finite, and one with fewer boxes than are found are among them. */
static void frame_after_frame(void **state)
{
    enum { N = 4 };
    struct glint_frame_pool *pool;
    struct glint_frame *one[N], *many[N];
    (void)state;
    assert_ok(glint_frame_pool_open(2 * N, 20000, 256, &pool));
    for (int i = 0; i < N; i++) {
        one[i] = example_frame(pool, i == 2 ? 40 : 10);
        many[i] = example_frame(pool, i == 2 ? 40 : 10);
    }
    one[1]->points.n = many[1]->points.n = 0;
    for (int32_t i = 0; i < one[2]->points.n; i += 2)
        one[2]->points.x[i] = many[2]->points.x[i] = i % 4 ? NAN : INFINITY;
    one[3]->cap_boxes = many[3]->cap_boxes = 1;
    struct glint_model *cpu = net_open(TINY, "cpu", GLINT_PRECISION_F32, 20000, false);
    struct glint_model *device = net_open(TINY, "cuda", GLINT_PRECISION_F32, 20000, false);
    for (int i = 0; i < N; i++)
        assert_ok(glint_model_run(cpu, many[i]));
    for (int i = 0; i < N; i++) {
        assert_ok(glint_model_run(device, one[i]));
        assert_int_equal(one[i]->n_boxes, many[i]->n_boxes);
        assert_int_equal(lonely(one[i], many[i], 1e-3), 0);
    }
    assert_int_equal(one[1]->n_boxes, 0);
    assert_int_equal(one[3]->n_boxes, 1);
    assert_ok(glint_model_run_many(device, many, N));
    for (int i = 0; i < N; i++)
        same_results(one[i], many[i]);
    glint_model_close(cpu);
    glint_model_close(device);
    for (int i = 0; i < N; i++) {
        glint_frame_unref(one[i]);
        glint_frame_unref(many[i]);
    }
    glint_frame_pool_close(pool);
}

/* What is refused says why, and leaves the model usable. */

static void refuse(const char *device, enum glint_precision precision, int status, const char *word)
{
    struct glint_model_settings s;
    struct glint_model *model;
    glint_model_settings_default(&s);
    s.device = device;
    s.precision = precision;
    assert_int_equal(glint_model_open(TINY, &s, NULL, &model), status);
    assert_null(model);
    if (!strstr(glint_error_text(), word))
        fail_msg("\"%s\" wanted in: %s", word, glint_error_text());
}

static void what_is_refused(void **state)
{
    (void)state;
    refuse("cuda:7", GLINT_PRECISION_F32, GLINT_E_DEVICE, "cuda:7");
    refuse("cuda:", GLINT_PRECISION_F32, GLINT_E_DEVICE, "expected auto, cpu, cuda or cuda:N");
    refuse("cuda:-1", GLINT_PRECISION_F32, GLINT_E_DEVICE, "expected");
    refuse("cuda:99999999999", GLINT_PRECISION_F32, GLINT_E_DEVICE, "expected");
    refuse("cuda:0x", GLINT_PRECISION_F32, GLINT_E_DEVICE, "expected");
    refuse("gpu", GLINT_PRECISION_F32, GLINT_E_DEVICE, "gpu");
    refuse("cuda", GLINT_PRECISION_I16, GLINT_E_DEVICE, "i16");
}

static void too_many_points(void **state)
{
    struct glint_frame_pool *pool;
    (void)state;
    assert_ok(glint_frame_pool_open(2, 20000, 16, &pool));
    struct glint_frame *frame = example_frame(pool, 40), *larger = example_frame(pool, 20);
    struct glint_model *model = net_open(TINY, "auto", GLINT_PRECISION_F32, frame->points.n, false);
    assert_non_null(strstr(glint_model_info(model)->device, "cuda:0"));
    assert_true(glint_model_info(model)->device_bytes > 0);
    assert_int_equal(glint_model_run(model, larger), GLINT_E_CAPACITY);
    assert_non_null(strstr(glint_error_text(), "capacity"));
    assert_ok(glint_model_run(model, frame));
    struct glint_frame *both[2] = {frame, larger};
    assert_int_equal(glint_model_run_many(model, both, 2), GLINT_E_CAPACITY);
    assert_true(frame->has_masks);
    assert_ok(glint_model_run(model, frame));
    glint_model_close(model);
    glint_frame_unref(frame);
    glint_frame_unref(larger);
    glint_frame_pool_close(pool);
}

static const struct CMUnitTest tests[] = {
    cuda_test(what_is_refused),         cuda_test(too_many_points),   cuda_test(default_model),
    cuda_test(default_model_in_halves), cuda_test(frame_after_frame),
};

int main(void)
{
    int status = glint_cuda_begin();
    if (status)
        return status;
    status = cmocka_run_group_tests(tests, NULL, NULL);
    glint_stream_close(glint_cuda_test.stream);
    glint_device_close(glint_cuda_test.device);
    return status;
}
