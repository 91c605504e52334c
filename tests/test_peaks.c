/* tests/test_peaks.c - complete golden head maps, and the plain definition on maps full of ties. */
#include "tests/golden.h"
#include "model/peaks.h"
#include <math.h>

#define CAP 4096

static struct glint_peak peaks[CAP], want[400000];

static struct glint_map make_map(int32_t h, int32_t w, int32_t c, int32_t gap)
{
    struct glint_map m = {.h = h, .w = w, .c = c, .ld = c + gap};
    m.pitch = m.ld * w + 5;
    m.data = calloc((size_t)(m.pitch * h + 1), sizeof *m.data);
    assert_non_null(m.data);
    return m;
}

static float *at(const struct glint_map *m, int32_t row, int32_t col)
{
    return m->data + row * m->pitch + col * m->ld;
}

static float plain_sigmoid(float v)
{
    return 1.0f / (1.0f + expf(-v));
}

static int best_first(const void *a, const void *b)
{
    const struct glint_peak *l = a, *r = b;
    if (l->score != r->score)
        return l->score < r->score ? 1 : -1;
    if (l->label != r->label)
        return l->label < r->label ? -1 : 1;
    return l->row != r->row ? (l->row < r->row ? -1 : 1) : (l->col > r->col) - (l->col < r->col);
}

static bool plain_maximum(const struct glint_map *heat, int32_t row, int32_t col, int32_t label)
{
    const float p = plain_sigmoid(at(heat, row, col)[label]);
    for (int32_t r = row > 0 ? row - 1 : 0; r <= row + 1 && r < heat->h; r++)
        for (int32_t c = col > 0 ? col - 1 : 0; c <= col + 1 && c < heat->w; c++)
            if (!(plain_sigmoid(at(heat, r, c)[label]) <= p))
                return false;
    return true;
}

/* The definition: every score, sorted, cut. */
static int32_t plain_peaks(const struct glint_map *heat, const struct glint_map *iou,
                           const struct glint_peaks_rule *rule)
{
    int32_t n = 0;
    for (int32_t row = 0; row < heat->h; row++)
        for (int32_t col = 0; col < heat->w; col++)
            for (int32_t label = 0; label < heat->c; label++) {
                float score = plain_sigmoid(at(heat, row, col)[label]);
                if (iou) {
                    const float v = at(iou, row, col)[0];
                    score *= powf(isnan(v) ? v : v < 0 ? 0 : v > 1 ? 1 : v, rule->iou_power);
                }
                if (score > rule->threshold && (!rule->local_max || plain_maximum(heat, row, col, label)))
                    want[n++] = (struct glint_peak){score, label, row, col};
            }
    qsort(want, (size_t)n, sizeof *want, best_first);
    return n < rule->max_peaks ? n : rule->max_peaks;
}

static void check(int threads, const struct glint_map *heat, const struct glint_map *iou,
                  const struct glint_peaks_rule *rule)
{
    struct glint_exec x;
    int32_t n = -1;
    const int32_t n_want = plain_peaks(heat, iou, rule);
    assert_int_equal(glint_exec_init(&x, 0, threads, glint_peaks_scratch(rule->max_peaks)), GLINT_OK);
    memset(peaks, 0, sizeof peaks);
    assert_int_equal(glint_peaks(&x, heat, iou, rule, peaks, &n), GLINT_OK);
    assert_int_equal(n, n_want);
    assert_memory_equal(peaks, want, (size_t)n * sizeof *want);
    assert_int_equal(x.scratch[0].used, 0);
    glint_exec_fini(&x);
}

/* kind 0: random; 1: a few levels, ties everywhere; 2: constant with some bumps; 3: special values; 4: near
 * the threshold, neighbours one ulp apart */
static void fill(struct glint_map *m, int kind, uint64_t *random, float threshold)
{
    static const float special[] = {NAN, INFINITY, -INFINITY, 1e30f, -1e30f, 100, -100, 9.95f, -90, 0};
    for (int32_t row = 0; row < m->h; row++)
        for (int32_t col = 0; col < m->w; col++)
            for (int32_t k = 0; k < m->c; k++) {
                float *v = at(m, row, col) + k;
                const uint64_t r = glint_test_random(random);
                *v = glint_test_uniform(random, -6, 4);
                if (kind == 1)
                    *v = (float)(r % 4) - 2;
                else if (kind == 2 && r % 50)
                    *v = -4.25f;
                else if (kind == 3 && r % 3 == 0)
                    *v = special[r / 3 % 10];
                else if (kind == 4)
                    *v = logf(threshold / (1 - threshold)) + (float)((int)(r % 41) - 20) * 6e-8f;
            }
}

static void same_as_the_definition(void **state)
{
    (void)state;
    static const float thresholds[] = {0.1f, 0.5f, 0.999f, 0, -1, 0.01f, 0.99995f};
    static const int32_t most[] = {1, 7, 100, CAP};
    uint64_t random = 3;
    for (int round = 0; round < 280; round++) {
        const int32_t h = (int32_t)(glint_test_random(&random) % 40),
                      w = (int32_t)(glint_test_random(&random) % 40);
        struct glint_map heat = make_map(h, w, 1 + round % 4, round % 3 * 2), iou = make_map(h, w, 1, 3);
        const struct glint_peaks_rule rule = {
            .threshold = thresholds[round % 7],
            .max_peaks = most[round / 6 % 4],
            .local_max = round / 5 % 2,
            .iou_power = (float)(round % 3),
        };
        fill(&heat, round % 5, &random, rule.threshold);
        fill(&iou, round % 4, &random, 0.5f);
        check(1 + round % 3, &heat, round % 2 ? &iou : NULL, &rule);
        free(heat.data);
        free(iou.data);
    }
}

/* Work enough that every thread gets some of it. */
static void same_with_any_threads(void **state)
{
    (void)state;
    uint64_t random = 5;
    struct glint_map heat = make_map(360, 360, 3, 0);
    const struct glint_peaks_rule rule = {.threshold = 0.05f, .max_peaks = CAP};
    fill(&heat, 0, &random, 0);
    for (int threads = 2; threads <= 4; threads++)
        for (int round = 0; round < 2; round++)
            check(threads, &heat, NULL, &rule);
    free(heat.data);
}

/* A head map [k, h, w] of a golden file with channels last. */
static struct glint_map load_map(const struct glint_safetensors *file, const char *name)
{
    const struct glint_tensor *t = glint_golden_tensor(file, name, GLINT_DTYPE_F32);
    const float *v = t->data;
    struct glint_map m = make_map((int32_t)t->shape[1], (int32_t)t->shape[2], (int32_t)t->shape[0], 0);
    for (int32_t k = 0; k < m.c; k++)
        for (int32_t row = 0; row < m.h; row++)
            for (int32_t col = 0; col < m.w; col++)
                at(&m, row, col)[k] = v[((int64_t)k * m.h + row) * m.w + col];
    return m;
}

/* dec.* are the peaks whose centres lie in the range of +-51.2 m. */
static void golden_maps(void **state)
{
    (void)state;
    struct glint_safetensors *file = glint_golden_open("tiny_nuscenes_heads");
    if (!file)
        skip();
    struct glint_map heat = load_map(file, "head.heatmap"), iou = load_map(file, "head.iou");
    struct glint_map reg = load_map(file, "head.reg"), height = load_map(file, "head.height");
    const struct glint_peaks_rule rule = {.threshold = 0.1f, .max_peaks = 1024, .iou_power = 2};
    struct glint_exec x;
    int32_t n, found = 0;
    assert_int_equal(glint_exec_init(&x, 0, 2, glint_peaks_scratch(1024)), GLINT_OK);
    assert_int_equal(glint_peaks(&x, &heat, &iou, &rule, peaks, &n), GLINT_OK);
    const struct glint_tensor *decoded = glint_golden_tensor(file, "dec.scores", GLINT_DTYPE_F32);
    const float *score = decoded->data;
    const int32_t *label = glint_golden_i32(file, "dec.labels"), *cell = glint_golden_i32(file, "dec.cells");
    for (int32_t i = 0; i < n; i++) {
        const float *r = at(&reg, peaks[i].row, peaks[i].col);
        const float px = ((float)peaks[i].col + r[0]) * 0.4f - 51.2f,
                    py = ((float)peaks[i].row + r[1]) * 0.4f - 51.2f;
        if (fabsf(px) > 51.2f || fabsf(py) > 51.2f || fabsf(at(&height, peaks[i].row, peaks[i].col)[0]) > 10)
            continue;
        assert_true(found < decoded->shape[0]);
        assert_true(fabsf(peaks[i].score - score[found]) < 2e-6f);
        assert_int_equal(peaks[i].label, label[found]);
        assert_int_equal(peaks[i].row, cell[2 * found]);
        assert_int_equal(peaks[i].col, cell[2 * found + 1]);
        found++;
    }
    assert_int_equal(found, decoded->shape[0]);
    glint_exec_fini(&x);
    free(heat.data);
    free(iou.data);
    free(reg.data);
    free(height.data);
    glint_safetensors_close(file);
}

static void absurd_arguments_are_refused(void **state)
{
    (void)state;
    struct glint_exec x;
    int32_t n;
    struct glint_map heat = make_map(4, 4, 2, 0), other = make_map(4, 5, 1, 0);
    struct glint_peaks_rule rule = {.threshold = 0.1f, .max_peaks = 100000, .iou_power = 1};
    assert_int_equal(glint_exec_init(&x, 0, 1, 64), GLINT_OK);
    assert_int_equal(glint_peaks(&x, &heat, NULL, &rule, peaks, &n), GLINT_E_NOMEM);
    rule.max_peaks = 0;
    assert_int_equal(glint_peaks(&x, &heat, NULL, &rule, peaks, &n), GLINT_OK);
    assert_int_equal(n, 0);
    assert_int_equal(glint_peaks(&x, &heat, &other, &rule, peaks, &n), GLINT_E_ARG);
    rule.iou_power = NAN;
    assert_int_equal(glint_peaks(&x, &heat, NULL, &rule, peaks, &n), GLINT_E_ARG);
    rule.iou_power = 1;
    heat.h = heat.w = 1 << 17;
    assert_int_equal(glint_peaks(&x, &heat, NULL, &rule, peaks, &n), GLINT_E_ARG);
    free(heat.data);
    free(other.data);
    glint_exec_fini(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_as_the_definition),
        cmocka_unit_test(same_with_any_threads),
        cmocka_unit_test(golden_maps),
        cmocka_unit_test(absurd_arguments_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
