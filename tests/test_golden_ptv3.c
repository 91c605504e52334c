/* tests/test_golden_ptv3.c - Point Transformer V3 against its golden cases, every stage, in each instruction
 * set and with one and two threads; orders as the case has shuffled them; what no cell may change. */
#include "core/cpu.h"
#include "core/file.h"
#include "core/frame.h"
#include "core/status.h"
#include "glint/model.h"
#include "tests/golden_zoo.h"

#define MODEL GLINT_BUILD_DIR "/golden_ptv3_model"

/* The golden weights as a model folder, made once; NULL pattern: the configuration as it is imported. */
static bool make_model(const char *folder, const char *permutations)
{
    char path[512], *at;
    struct glint_safetensors *there = glint_zoo_open("ptv3/tiny_weights");
    if (!there)
        return false;
    glint_safetensors_close(there);
    if (glint_model_import(GLINT_ZOO_FOLDER "/ptv3/tiny_weights.safetensors", "ptv3", NULL, folder))
        fail_msg("%s", glint_error_text());
    if (!permutations)
        return true;
    struct glint_file view;
    snprintf(path, sizeof path, "%s/config.json", folder);
    assert_int_equal(glint_file_open(&view, path), 0);
    char *text = calloc(1, view.size + strlen(permutations) + 1);
    assert_non_null(text);
    memcpy(text, view.data, view.size);
    glint_file_close(&view);
    at = strstr(text, "\"depth\": \"max\"");
    assert_non_null(at);
    memmove(at + strlen(permutations), at, strlen(at) + 1);
    memcpy(at, permutations, strlen(permutations));
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    free(text);
    return true;
}

static struct glint_frame_pool *pool; /* of the one frame that there is */

static struct glint_frame *frame_of(const struct glint_tensor *points)
{
    assert_int_equal(glint_frame_pool_open(1, (int32_t)points->shape[0] + 1, 1, &pool), 0);
    struct glint_frame *frame = glint_frame_get(pool, false);
    const float *p = points->data;
    for (int64_t i = 0; i < points->shape[0]; i++, p += 4)
        glint_frame_add_point(frame, p[0], p[1], p[2], p[3], 0, 0, 0);
    frame->as_network_input = true;
    frame->batch_size = 1;
    return frame;
}

static void frame_done(struct glint_frame *frame)
{
    glint_frame_unref(frame);
    glint_frame_pool_close(pool);
}

static struct glint_model *open_model(const char *folder, unsigned isa, int threads, bool keep,
                                      const struct glint_frame *frame)
{
    struct glint_model_settings settings;
    struct glint_model *model;
    glint_model_settings_default(&settings);
    settings.isa = isa;
    settings.n_threads = threads;
    settings.keep_stages = keep;
    settings.cap_points = frame->points.cap;
    if (glint_model_open(folder, &settings, NULL, &model))
        fail_msg("%s", glint_error_text());
    return model;
}

/* Labels whose logits are nearly equal may change places. */
static void compare_labels(struct glint_zoo *z, const struct glint_tensor *got, const char *rows)
{
    const struct glint_tensor *want = glint_safetensors_find(z->file, got->name);
    const struct glint_tensor *gap = glint_safetensors_find(z->file, "label_gap");
    int64_t wrong = 0;
    assert_int_equal(want->shape[0], got->shape[0]);
    for (int64_t i = 0; i < want->shape[0]; i++) {
        const int64_t row = rows ? glint_zoo_integer(glint_safetensors_find(z->file, rows), i) : i;
        wrong += glint_zoo_integer(want, i) != glint_zoo_integer(got, i) &&
                 ((const float *)gap->data)[row] > 5e-3f;
    }
    glint_zoo_expect(z, got->name, wrong == 0, "labels differ");
    snprintf(z->seen + strlen(z->seen), sizeof z->seen - strlen(z->seen), "%s ", got->name);
}

static void see(void *ctx, const struct glint_tensor *t)
{
    struct glint_zoo *z = ctx;
    char rows[32];
    const char *dot = t->name + 3;
    const bool staged = !strncmp(t->name, "enc", 3) || !strncmp(t->name, "dec", 3);
    if (t->dtype != GLINT_DTYPE_F32 && strcmp(t->name, "label") && strcmp(t->name, "point_label"))
        glint_zoo_equal(z, t->name, t);
    else if (!strcmp(t->name, "label") || !strcmp(t->name, "point_label"))
        compare_labels(z, t, t->name[0] == 'p' ? "inverse" : NULL);
    else if (strcmp(t->name, "label_gap")) {
        snprintf(rows, sizeof rows, "stage%c.rows", staged ? dot[0] : '0');
        glint_zoo_rows(z, t->name, rows, t);
    } else {
        glint_zoo_whole(z, t->name, t);
    }
}

static void run_case(const char *folder, const char *name, unsigned isa, int threads)
{
    static struct glint_zoo z;
    char path[64];
    snprintf(path, sizeof path, "ptv3/%s", name);
    z = (struct glint_zoo){.title = name, .file = glint_zoo_open(path), .absolute = 1e-4, .relative = 1e-4};
    struct glint_frame *frame = frame_of(glint_safetensors_find(z.file, "points"));
    struct glint_model *model = open_model(folder, isa, threads, true, frame);
    glint_model_set_tap(model, see, &z);
    for (int times = 0; times < 2; times++) /* nothing is left over from the run before */
        if (glint_model_run(model, frame))
            fail_msg("%s", glint_error_text());
    glint_zoo_all_seen(&z, "points perms");
    assert_int_equal(z.n_wrong, 0);
    assert_true(frame->has_masks);
    assert_int_equal(frame->n_boxes, 0);
    glint_model_close(model);
    frame_done(frame);
    glint_safetensors_close((struct glint_safetensors *)(uintptr_t)z.file);
}

static void every_stage_is_the_references(void **state)
{
    static const char *const cases[] = {"tiny_edge_2",  "tiny_edge_40",  "tiny_edge_64",
                                        "tiny_edge_65", "tiny_edge_127", "tiny_scan"};
    static const unsigned isas[] = {0, GLINT_ISA_AVX2, GLINT_ISA_AVX2 | GLINT_ISA_AVX512};
    (void)state;
    if (!make_model(MODEL, NULL))
        skip();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        run_case(MODEL, cases[i], glint_cpu_isa(), 1 + (int)(i % 2));
    for (size_t i = 0; i < sizeof isas / sizeof *isas; i++)
        if ((isas[i] & glint_cpu_isa()) == isas[i])
            run_case(MODEL, "tiny_edge_127", isas[i], 2);
}

static void shuffled_orders(void **state)
{
    char text[256] = "\"permutations\": [";
    struct glint_safetensors *file = glint_zoo_open("ptv3/tiny_shuffle");
    (void)state;
    if (!file)
        skip();
    const struct glint_tensor *perms = glint_safetensors_find(file, "perms");
    for (int64_t i = 0; i < glint_tensor_elements(perms); i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%lld", i ? ", " : "",
                 (long long)glint_zoo_integer(perms, i));
    snprintf(text + strlen(text), sizeof text - strlen(text), "], ");
    assert_true(make_model(MODEL "_shuffle", text));
    glint_safetensors_close(file);
    run_case(MODEL "_shuffle", "tiny_shuffle", glint_cpu_isa(), 1);
}

/* The imported configuration wants nuScenes' axes: frames, which have x forward, are turned. */
static void axes_are_turned(void **state)
{
    (void)state;
    if (!make_model(MODEL, NULL))
        skip();
    struct glint_safetensors *file = glint_zoo_open("ptv3/tiny_edge_127");
    struct glint_frame *frame = frame_of(glint_safetensors_find(file, "points"));
    const struct glint_tensor *want = glint_safetensors_find(file, "point_label");
    for (int32_t i = 0; i < frame->points.n; i++) {
        const float x = frame->points.x[i];
        frame->points.x[i] = frame->points.y[i];
        frame->points.y[i] = -x;
    }
    frame->as_network_input = false;
    struct glint_model *model = open_model(MODEL, glint_cpu_isa(), 1, false, frame);
    assert_int_equal(glint_model_run(model, frame), 0);
    for (int32_t i = 0; i < frame->points.n; i++)
        assert_int_equal(frame->point_class[i], glint_zoo_integer(want, i));
    glint_model_close(model);
    frame_done(frame);
    glint_safetensors_close(file);
}

struct votes { /* of the points, over views */
    float *sum, *logits;
    int32_t *row;
};

static void take_votes(void *ctx, const struct glint_tensor *t)
{
    struct votes *v = ctx;
    if (!strcmp(t->name, "inverse"))
        memcpy(v->row, t->data, (size_t)t->shape[0] * sizeof *v->row);
    if (!strcmp(t->name, "logits"))
        memcpy(v->logits, t->data, (size_t)(t->shape[0] * t->shape[1]) * sizeof *v->logits);
}

static void add_votes(struct votes *v, int32_t n)
{
    for (int32_t i = 0; i < n; i++) {
        const float *logit = v->logits + 16 * (int64_t)v->row[i];
        double all = 0;
        for (int k = 0; k < 16; k++)
            all += exp((double)logit[k]);
        for (int k = 0; k < 16; k++)
            v->sum[16 * i + k] += (float)(exp((double)logit[k]) / all);
    }
}

/* The mean of what the network says of each view, which is made here by hand. */
static void several_views_are_averaged(void **state)
{
    (void)state;
    if (!make_model(MODEL, NULL))
        skip();
    struct glint_safetensors *file = glint_zoo_open("ptv3/tiny_scan");
    struct glint_frame *frame = frame_of(glint_safetensors_find(file, "points"));
    const int32_t n = frame->points.n;
    struct votes v = {.sum = calloc(33 * (size_t)n, sizeof(float))};
    assert_non_null(v.sum);
    v.logits = v.sum + 16 * (size_t)n;
    v.row = (int32_t *)(v.logits + 16 * (size_t)n);
    struct glint_model *model = open_model(MODEL, glint_cpu_isa(), 1, true, frame);
    glint_model_set_tap(model, take_votes, &v);
    for (int view = 0; view < 4; view++) {
        for (int32_t i = 0; i < n; i++) { /* none, x, y and x, y again: x, y, none */
            frame->points.x[i] = view & 1 ? -frame->points.x[i] : frame->points.x[i];
            frame->points.y[i] = view == 2 ? -frame->points.y[i] : frame->points.y[i];
        }
        assert_int_equal(glint_model_run(model, frame), 0);
        add_votes(&v, n);
    }
    glint_model_close(model);
    for (int32_t i = 0; i < n; i++)
        frame->points.y[i] = -frame->points.y[i];
    struct glint_model_settings settings;
    glint_model_settings_default(&settings);
    settings.views = GLINT_VIEWS_FLIPS;
    settings.n_threads = 2;
    settings.cap_points = n;
    assert_int_equal(glint_model_open(MODEL, &settings, NULL, &model), 0);
    const float *x = frame->points.x, x7 = x[7];
    assert_int_equal(glint_model_run(model, frame), 0);
    assert_true(frame->points.x == x && x[7] == x7);
    for (int32_t i = 0; i < n; i++) {
        const float *sum = v.sum + 16 * i;
        int best = 0;
        for (int k = 1; k < 16; k++)
            best = sum[k] > sum[best] ? k : best;
        assert_true(sum[best] - sum[frame->point_class[i]] < 1e-4f);
        assert_near(frame->point_confidence[i] / 255.0, sum[best] / 4, 3e-3);
    }
    glint_model_close(model);
    frame_done(frame);
    free(v.sum);
    glint_safetensors_close(file);
}

/* Masks of a frame: the same for any number of threads and without the stages kept; points without a cell
 * have none; no points, no masks. */
static void threads_and_stages_change_nothing(void **state)
{
    (void)state;
    if (!make_model(MODEL, NULL))
        skip();
    struct glint_safetensors *file = glint_zoo_open("ptv3/tiny_scan");
    struct glint_frame *frame = frame_of(glint_safetensors_find(file, "points"));
    const int32_t n = frame->points.n;
    uint8_t *want = malloc(2 * (size_t)n);
    assert_non_null(want);
    for (int v = 0; v < 3; v++) {
        struct glint_model *model = open_model(MODEL, glint_cpu_isa(), 1 + v, v == 2, frame);
        assert_int_equal(glint_model_run(model, frame), 0);
        if (v == 0) {
            memcpy(want, frame->point_class, (size_t)n);
            memcpy(want + n, frame->point_confidence, (size_t)n);
        }
        assert_memory_equal(want, frame->point_class, (size_t)n);
        assert_memory_equal(want + n, frame->point_confidence, (size_t)n);
        if (v < 2) {
            glint_model_close(model);
            continue;
        }
        frame->points.x[n - 1] = NAN;
        assert_int_equal(glint_model_run(model, frame), 0);
        assert_int_equal(frame->point_class[n - 1], 255);
        frame->points.n = 0;
        assert_int_equal(glint_model_run(model, frame), 0);
        assert_true(frame->has_masks);
        glint_model_close(model);
    }
    free(want);
    frame_done(frame);
    glint_safetensors_close(file);
}

/* Points of any kind: all in one cell, far apart, not numbers, features without end. */
static void absurd_points_have_a_class_or_none(void **state)
{
    static const float odd[] = {0,    -0.0f, 1e-30f,   0.05f,     -819.1f, 819.1f,
                                1e4f, 1e30f, INFINITY, -INFINITY, NAN};
    enum { N = 300, ODD = sizeof odd / sizeof *odd };
    float points[N][4];
    uint64_t seed = 5;
    (void)state;
    if (!make_model(MODEL, NULL))
        skip();
    const struct glint_tensor t = {.shape = {N, 4}, .data = points};
    for (int kind = 0; kind < 4; kind++) {
        for (int i = 0; i < N; i++)
            for (int k = 0; k < 4; k++)
                points[i][k] = kind == 0             ? 1.0f
                               : kind == 1           ? glint_test_uniform(&seed, -800, 800)
                               : k == 3 && kind == 2 ? 1.0f
                                                     : odd[glint_test_random(&seed) % ODD];
        struct glint_frame *frame = frame_of(&t);
        frame->points.n = N;
        struct glint_model *model = open_model(MODEL, glint_cpu_isa(), 2, false, frame);
        for (int i = 0; i < N; i++) { /* as they are: frames do not take all of them */
            frame->points.x[i] = points[i][0];
            frame->points.y[i] = points[i][1];
            frame->points.z[i] = points[i][2];
            frame->points.intensity[i] = points[i][3];
        }
        assert_int_equal(glint_model_run(model, frame), 0);
        for (int i = 0; i < N; i++)
            assert_true(frame->point_class[i] < 16 || (frame->point_class[i] == 255 && kind > 0));
        glint_model_close(model);
        frame_done(frame);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_stage_is_the_references),
                                       cmocka_unit_test(shuffled_orders),
                                       cmocka_unit_test(axes_are_turned),
                                       cmocka_unit_test(absurd_points_have_a_class_or_none),
                                       cmocka_unit_test(several_views_are_averaged),
                                       cmocka_unit_test(threads_and_stages_change_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
