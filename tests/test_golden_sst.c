/* tests/test_golden_sst.c - small SST networks against PyTorch ones of the published structure, tensor by
 * tensor (bench/peers/sst_torch.py --make wrote the cases; points and weights are made). */
#include "tests/golden_zoo.h"
#include "core/cpu.h"
#include "core/frame.h"
#include "core/status.h"
#include "glint/model.h"

#define CAP_BOXES  512
#define CAP_POINTS 1024

static struct glint_safetensors *open_file(const char *name)
{
    char path[512];
    struct glint_safetensors *file;
    snprintf(path, sizeof path, "%s/tests/golden/sst_%s.safetensors", GLINT_SOURCE_DIR, name);
    assert_int_equal(glint_safetensors_open(path, &file), GLINT_OK);
    return file;
}

static const char *model_folder(const char *name)
{
    static char folder[512];
    char weights[512];
    snprintf(folder, sizeof folder, "%s/golden_sst_%s", GLINT_BUILD_DIR, name);
    snprintf(weights, sizeof weights, "%s/tests/golden/sst_%s_weights.safetensors", GLINT_SOURCE_DIR, name);
    if (glint_model_import(weights, "sst", NULL, folder) != GLINT_OK)
        fail_msg("import: %s", glint_error_text());
    return folder;
}

static struct glint_model *open_model(const char *name, const char *isa, int32_t threads, bool keep_stages)
{
    struct glint_model_settings s;
    struct glint_model *model;
    glint_model_settings_default(&s);
    s.isa = glint_cpu_isa() & glint_cpu_isa_mask(isa);
    s.n_threads = threads;
    s.cap_points = CAP_POINTS;
    s.keep_stages = keep_stages;
    if (glint_model_open(model_folder(name), &s, NULL, &model) != GLINT_OK)
        fail_msg("%s: %s", name, glint_error_text());
    return model;
}

static struct glint_frame *fill_frame(struct glint_frame_pool *pool, const struct glint_tensor *points)
{
    struct glint_frame *frame = glint_frame_get(pool, false);
    struct glint_points *p = &frame->points;
    const float *v = points ? points->data : NULL;
    p->n = points ? (int32_t)points->shape[0] : 0;
    for (int32_t i = 0; i < p->n; i++) {
        p->x[i] = v[4 * i];
        p->y[i] = v[4 * i + 1];
        p->z[i] = v[4 * i + 2];
        p->intensity[i] = v[4 * i + 3];
    }
    frame->as_network_input = true;
    return frame;
}

static void see(void *ctx, const struct glint_tensor *t)
{
    struct glint_zoo *z = ctx;
    if (t->dtype != GLINT_DTYPE_F32)
        glint_zoo_equal(z, t->name, t);
    else if (t->n_dims == 3)
        glint_zoo_map(z, t->name, t);
    else
        glint_zoo_whole(z, t->name, t);
}

/* The case's boxes, mmdetection3d's: dy along the heading, yaw clockwise. */
static void compare_published(struct glint_zoo *z, const struct glint_frame *frame, const char *name)
{
    const struct glint_tensor *source = glint_zoo_tensor(z->file, "det.src", GLINT_DTYPE_I32);
    const float *box = glint_zoo_tensor(z->file, "dec.boxes", GLINT_DTYPE_F32)->data;
    const float *score = glint_zoo_tensor(z->file, "dec.scores", GLINT_DTYPE_F32)->data;
    bool same = frame->n_boxes == source->shape[0];
    for (int32_t i = 0; same && i < frame->n_boxes; i++) {
        const struct glint_box *b = &frame->boxes[i];
        const int64_t k = glint_zoo_integer(source, i);
        const float *w = box + 9 * k, size[] = {w[4], w[3], w[5]};
        for (int j = 0; j < 3; j++)
            same = same && fabsf(b->center[j] - w[j]) < 1e-3f && fabsf(b->size[j] - size[j]) < 1e-3f;
        same = same && fabsf(b->score - score[k]) < 1e-4f &&
               b->label == glint_zoo_i32(z->file, "dec.labels", k) &&
               fabs(remainder((double)b->yaw + (double)w[6] + 1.5707963267948966, 6.283185307179586)) < 1e-3;
    }
    glint_zoo_expect(z, name, same, "differ from the case's boxes");
}

static void check_case(const char *name, const char *isa, int32_t threads)
{
    struct glint_safetensors *file = open_file(name);
    struct glint_zoo *z = calloc(1, sizeof *z);
    struct glint_frame_pool *pool;
    *z = (struct glint_zoo){.title = name, .file = file, .absolute = 2e-5, .relative = 2e-5};
    assert_int_equal(glint_frame_pool_open(1, CAP_POINTS, CAP_BOXES, &pool), GLINT_OK);
    struct glint_frame *frame = fill_frame(pool, glint_zoo_tensor(file, "points", GLINT_DTYPE_F32));
    for (int plain = 0; plain < 2; plain++) {
        struct glint_model *model = open_model(name, isa, threads, !plain);
        glint_model_set_tap(model, see, z);
        if (glint_model_run(model, frame) != GLINT_OK)
            fail_msg("%s", glint_error_text());
        compare_published(z, frame, plain ? "boxes without the tap" : "boxes");
        glint_model_close(model);
    }
    glint_zoo_all_seen(z, "points");
    print_message("%-8s %-7s x%d: %d compared, worst %.2f of the tolerance\n", name, isa, threads,
                  z->n_compared, z->worst);
    glint_frame_unref(frame);
    glint_frame_pool_close(pool);
    glint_safetensors_close(file);
    const int32_t n_wrong = z->n_wrong, n_compared = z->n_compared;
    free(z);
    assert_int_equal(n_wrong, 0);
    assert_true(n_compared > 40);
}

static void cosine_attention(void **state)
{
    (void)state;
    check_case("cosine", "c", 1);
    check_case("cosine", "avx2", 2);
    check_case("cosine", "avx512", 2);
}

static void plain_attention(void **state)
{
    (void)state;
    check_case("plain", "c", 2);
    check_case("plain", "avx2", 1);
    check_case("plain", "avx512", 1);
}

/* No points, then points, with one thread and two: the same bytes. */
static void frame_after_frame(void **state)
{
    struct glint_frame_pool *pool;
    struct glint_frame *frame[2][3];
    struct glint_safetensors *file = open_file("cosine");
    const struct glint_tensor *points = glint_zoo_tensor(file, "points", GLINT_DTYPE_F32);
    (void)state;
    assert_int_equal(glint_frame_pool_open(6, CAP_POINTS, CAP_BOXES, &pool), GLINT_OK);
    for (int t = 0; t < 2; t++) {
        struct glint_model *model = open_model("cosine", "avx512", 1 + t, false);
        for (int i = 0; i < 3; i++) {
            frame[t][i] = fill_frame(pool, i == 1 ? NULL : points);
            assert_int_equal(glint_model_run(model, frame[t][i]), GLINT_OK);
        }
        glint_model_close(model);
    }
    for (int i = 0; i < 6; i++) {
        const struct glint_frame *a = frame[i / 3][i % 3], *b = frame[0][i % 3 == 1 ? 1 : 0];
        assert_int_equal(a->n_boxes, b->n_boxes);
        assert_memory_equal(a->boxes, b->boxes, (size_t)a->n_boxes * sizeof *a->boxes);
    }
    for (int i = 0; i < 6; i++)
        glint_frame_unref(frame[i / 3][i % 3]);
    glint_frame_pool_close(pool);
    glint_safetensors_close(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cosine_attention),
        cmocka_unit_test(plain_attention),
        cmocka_unit_test(frame_after_frame),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
