/* tests/test_nms.c - keep lists of golden and evaluation cases, every golden decode, and the plain rule on
 * nasty boxes. */
#include "tests/golden.h"
#include "model/nms.h"
#include <jansson.h>
#include <math.h>

#define CAP 4096

static struct glint_rect rects[CAP];
static int32_t order[CAP], keep[CAP], want[CAP];
static float scores[CAP];
static double scratch[4 * CAP];

static const struct glint_nms_rule no_caps = {.pre_max = CAP, .post_max = CAP};

static int by_score(const void *a, const void *b)
{
    const int32_t i = *(const int32_t *)a, j = *(const int32_t *)b;
    return scores[i] != scores[j] ? (scores[i] < scores[j] ? 1 : -1) : (i > j) - (i < j);
}

static void sort_by_score(int32_t n)
{
    for (int32_t i = 0; i < n; i++)
        order[i] = i;
    qsort(order, (size_t)n, sizeof order[0], by_score);
}

static void golden_keep_lists(void **state)
{
    (void)state;
    static const double thresholds[] = {0.10, 0.20, 0.40, 0.55, 0.70, 0.80};
    struct glint_safetensors *file = glint_golden_open("nms_unit");
    if (!file)
        skip();
    const float *boxes = glint_golden_f32(file, "boxes");
    memcpy(scores, glint_golden_f32(file, "scores"), 240 * sizeof(float));
    for (int32_t i = 0; i < 240; i++) { /* yaw turns clockwise there */
        const float *b = boxes + 7 * i;
        rects[i] = (struct glint_rect){(double)b[0], (double)b[1], (double)b[3], (double)b[4], -(double)b[6]};
    }
    sort_by_score(240);
    for (size_t t = 0; t < 6; t++) {
        char name[16];
        snprintf(name, sizeof name, "keep_%.2f", thresholds[t]);
        const struct glint_tensor *list = glint_golden_tensor(file, name, GLINT_DTYPE_I32);
        struct glint_nms_rule rule = no_caps;
        rule.threshold = thresholds[t];
        assert_int_equal(glint_nms_rotated(rects, order, 240, &rule, keep, scratch), list->shape[0]);
        assert_memory_equal(keep, list->data, (size_t)list->shape[0] * 4);
    }
    glint_safetensors_close(file);
}

/* The rule of README 3.9 on the decoded boxes of a case gives its det.src. */
struct case_rule {
    struct glint_nms_rule nms[3];
    float limit[3];
};
static const struct case_rule tiny_rule = {{{0.7, 300, 250}, {0.4, 1000, 60}, {0.2, 1000, 200}},
                                           {50, 50, 10}};
static const struct case_rule waymo_rule = {{{0.8, 2048, 300}, {0.55, 1024, 100}, {0.55, 1024, 100}},
                                            {80, 80, 10}};

static void check_decoded(const struct glint_safetensors *file, const struct case_rule *rule)
{
    const struct glint_tensor *decoded = glint_golden_tensor(file, "dec.boxes", GLINT_DTYPE_F32);
    const struct glint_tensor *source = glint_golden_tensor(file, "det.src", GLINT_DTYPE_I32);
    const float *box = decoded->data;
    const int32_t *label = glint_golden_i32(file, "dec.labels"), *src = source->data;
    const int32_t n = (int32_t)decoded->shape[0];
    int32_t n_found = 0;
    assert_true(n <= CAP);
    for (int32_t i = 0; i < n; i++) {
        const float *b = box + 9 * i;
        rects[i] = (struct glint_rect){(double)b[0], (double)b[1], (double)b[3], (double)b[4], -(double)b[6]};
    }
    for (int32_t class = 0; class < 3; class ++) {
        int32_t n_class = 0;
        for (int32_t i = 0; i < n; i++)
            if (label[i] == class)
                order[n_class++] = i;
        const int32_t n_kept = glint_nms_rotated(rects, order, n_class, &rule->nms[class], keep, scratch);
        for (int32_t i = 0; i < n_kept; i++) {
            const float *b = box + 9 * keep[i];
            if (fabsf(b[0]) > rule->limit[0] || fabsf(b[1]) > rule->limit[1] || fabsf(b[2]) > rule->limit[2])
                continue;
            assert_true(n_found < source->shape[0]);
            assert_int_equal(keep[i], src[n_found++]);
        }
    }
    assert_int_equal(n_found, source->shape[0]);
}

static void golden_detections(void **state)
{
    (void)state;
    for (size_t c = 0; c < GLINT_GOLDEN_CASES; c++) {
        struct glint_safetensors *file = glint_golden_open(glint_golden_cases[c]);
        if (!file)
            skip();
        if (glint_safetensors_find(file, "dec.boxes"))
            check_decoded(file, strncmp(glint_golden_cases[c], "waymo", 5) ? &tiny_rule : &waymo_rule);
        glint_safetensors_close(file);
    }
}

static double number_or(const json_t *object, const char *key, double otherwise)
{
    const json_t *value = json_object_get(object, key);
    return value ? json_number_value(value) : otherwise;
}

/* Candidates of one class (or all, label < 0) in order of score. */
static int32_t candidates_of(const json_t *item, int label, double score_threshold, int32_t *out)
{
    const json_t *labels = json_object_get(item, "labels");
    const int32_t n = (int32_t)json_array_size(labels);
    int32_t found = 0;
    sort_by_score(n);
    for (int32_t i = 0; i < n; i++)
        if ((label < 0 || json_integer_value(json_array_get(labels, (size_t)order[i])) == label) &&
            (double)scores[order[i]] >= score_threshold)
            out[found++] = order[i];
    return found;
}

static void check_eval_case(const json_t *item)
{
    const json_t *params = json_object_get(item, "params"), *boxes = json_object_get(item, "boxes");
    const json_t *expected = json_object_get(item, "keep");
    const int32_t n = (int32_t)json_array_size(boxes);
    const bool per_class = json_is_true(json_object_get(params, "per_class"));
    for (int32_t i = 0; i < n; i++) {
        double v[7];
        for (size_t k = 0; k < 7; k++)
            v[k] = json_number_value(json_array_get(json_array_get(boxes, (size_t)i), k));
        rects[i] = (struct glint_rect){v[0], v[1], v[3], v[4], v[6]};
        scores[i] = (float)json_number_value(json_array_get(json_object_get(item, "scores"), (size_t)i));
    }
    const struct glint_nms_rule rule = {
        .threshold = number_or(params, "thr", 0),
        .pre_max = (int32_t)number_or(params, "pre", CAP),
        .post_max = (int32_t)number_or(params, "post", CAP),
    };
    int32_t n_kept = 0;
    static int32_t candidates[CAP], all[CAP];
    for (int label = per_class ? 0 : -1; label < (per_class ? 8 : 0); label++) {
        const int32_t some = candidates_of(item, label, number_or(params, "score_thr", -1), candidates);
        const int32_t kept = glint_nms_rotated(rects, candidates, some, &rule, keep, scratch);
        memcpy(all + n_kept, keep, (size_t)kept * sizeof *keep);
        n_kept += kept;
    }
    qsort(all, (size_t)n_kept, sizeof *all, by_score);
    assert_int_equal(n_kept, json_array_size(expected));
    for (int32_t i = 0; i < n_kept; i++)
        assert_int_equal(all[i], json_integer_value(json_array_get(expected, (size_t)i)));
}

/* The same rule on volumes, which no network here asks for: the geometry is what is checked. */
static int32_t plain_rule_3d(const struct glint_cuboid *cuboids, int32_t n, const struct glint_nms_rule *rule,
                             int32_t *out)
{
    int32_t kept = 0;
    for (int32_t i = 0; i < n && i < rule->pre_max; i++) {
        bool gone = false;
        for (int32_t k = 0; k < kept && !gone; k++)
            gone = glint_cuboid_iou(&cuboids[out[k]], &cuboids[order[i]]) > rule->threshold;
        if (!gone)
            out[kept++] = order[i];
    }
    return kept < rule->post_max ? kept : rule->post_max;
}

static void check_volume_case(const json_t *item)
{
    static struct glint_cuboid cuboids[CAP];
    const json_t *params = json_object_get(item, "params"), *boxes = json_object_get(item, "boxes");
    const json_t *expected = json_object_get(item, "keep");
    const int32_t n = (int32_t)json_array_size(boxes);
    assert_false(json_is_true(json_object_get(params, "per_class")));
    for (int32_t i = 0; i < n; i++) {
        double v[7];
        for (size_t k = 0; k < 7; k++)
            v[k] = json_number_value(json_array_get(json_array_get(boxes, (size_t)i), k));
        cuboids[i] = (struct glint_cuboid){{v[0], v[1], v[3], v[4], v[6]}, v[2], v[5]};
        scores[i] = (float)json_number_value(json_array_get(json_object_get(item, "scores"), (size_t)i));
    }
    const struct glint_nms_rule rule = {
        .threshold = number_or(params, "thr", 0),
        .pre_max = (int32_t)number_or(params, "pre", CAP),
        .post_max = (int32_t)number_or(params, "post", CAP),
    };
    const int32_t some = candidates_of(item, -1, number_or(params, "score_thr", -1), order);
    assert_int_equal(plain_rule_3d(cuboids, some, &rule, keep), json_array_size(expected));
    for (size_t i = 0; i < json_array_size(expected); i++)
        assert_int_equal(keep[i], json_integer_value(json_array_get(expected, i)));
}

static void evaluation_keep_lists(void **state)
{
    (void)state;
    char path[512];
    if (!glint_test_shared("eval/iou/nms_cases.json", path, sizeof path))
        skip();
    json_t *root = json_load_file(path, 0, NULL);
    assert_non_null(root);
    const json_t *cases = json_object_get(root, "cases");
    int checked = 0, volumes = 0;
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *item = json_array_get(cases, i);
        if (json_is_true(json_object_get(json_object_get(item, "params"), "use3d"))) {
            check_volume_case(item);
            volumes++;
        } else {
            check_eval_case(item);
            checked++;
        }
    }
    assert_true(checked >= 17 && volumes >= 1);
    json_decref(root);
}

static int32_t plain_rule(int32_t n, double threshold, int32_t *out)
{
    int32_t kept = 0;
    for (int32_t i = 0; i < n; i++) {
        bool gone = false;
        for (int32_t k = 0; k < kept && !gone; k++)
            gone = glint_rect_iou(&rects[out[k]], &rects[i]) > threshold;
        if (!gone)
            out[kept++] = i;
    }
    return kept;
}

/* Crowds of all sizes, far from the origin too, thin, empty, huge and broken ones. */
static struct glint_rect nasty_rect(uint64_t *random, double origin)
{
    struct glint_rect r = {
        origin + (double)glint_test_uniform(random, -9, 9),
        origin + (double)glint_test_uniform(random, -9, 9),
        (double)expf(glint_test_uniform(random, -3, 2)),
        (double)expf(glint_test_uniform(random, -3, 2)),
        (double)glint_test_uniform(random, -7, 7),
    };
    switch (glint_test_random(random) % 40) {
    case 0:
        r.dx = 0;
        break;
    case 1:
        r.dy = -1;
        break;
    case 2:
        r.x = NAN;
        break;
    case 3:
        r.dx = INFINITY;
        break;
    case 4:
        r.yaw = NAN;
        break;
    case 5:
        r.dx = 1e30;
        break;
    case 6:
        r.dx = 1000;
        r.dy = 0.01;
        break;
    case 7:
        r.y = -INFINITY;
        break;
    default:
        break;
    }
    return r;
}

static void shortcuts_change_nothing(void **state)
{
    (void)state;
    uint64_t random = 11;
    for (int round = 0; round < 60; round++) {
        const int32_t n = (int32_t)(glint_test_random(&random) % 300);
        const double threshold = (double)(round % 10) / 10, origin = round % 3 ? 0 : 40000;
        for (int32_t i = 0; i < n; i++)
            rects[i] =
                i > 0 && glint_test_random(&random) % 10 == 0 ? rects[i - 1] : nasty_rect(&random, origin);
        const int32_t n_want = plain_rule(n, threshold, want);
        struct glint_nms_rule rule = no_caps;
        rule.threshold = threshold;
        assert_int_equal(glint_nms_rotated(rects, NULL, n, &rule, keep, scratch), n_want);
        assert_memory_equal(keep, want, (size_t)n_want * sizeof *want);
        rule.post_max = n_want / 2;
        assert_int_equal(glint_nms_rotated(rects, NULL, n, &rule, keep, scratch), n_want / 2);
        assert_memory_equal(keep, want, (size_t)(n_want / 2) * sizeof *want);
    }
}

/* A common strip too thin for float is an overlap all the same; touching is none. */
static void a_sliver_is_an_overlap(void **state)
{
    (void)state;
    struct glint_nms_rule rule = no_caps; /* threshold 0 */
    for (int i = 0; i < 3; i++) {
        const double origin = i * 20000;
        rects[0] = (struct glint_rect){origin, -origin, 4, 2, 0};
        rects[1] = (struct glint_rect){origin + 4 - 1e-7, -origin, 4, 2, 0};
        assert_int_equal(glint_nms_rotated(rects, NULL, 2, &rule, keep, scratch), 1);
        rects[1].x = origin + 4;
        assert_int_equal(glint_nms_rotated(rects, NULL, 2, &rule, keep, scratch), 2);
    }
}

/* Labels 0 and 3 exclude each other at the larger of their distances, others only their like. */
static void centres_too_near(void **state)
{
    (void)state;
    static const float distance[16] = {1.5f, 0, 0, 2.5f, 0, 0.4f, 0, 0, 0, 0, 0.7f, 0, 2.5f, 0, 0, 2.5f};
    static const struct {
        float x, y;
        int32_t label, kept;
    } cases[] = {
        {0, 0, 0, 1},    {1.4f, 0, 0, 0}, {1.5f, 0, 0, 1},  {0.1f, 0.1f, 1, 1}, {0.3f, 0.4f, 1, 0},
        {0, 2.4f, 3, 0}, {9, 9, 3, 1},    {9, 10.6f, 0, 0}, {9, 11.6f, 0, 1},   {0, 0, 2, 1},
        {0, 0, 7, 1},    {0, 0, 7, 1},    {NAN, 0, 0, 1},
    };
    enum { N = sizeof cases / sizeof cases[0] };
    struct glint_box boxes[N];
    int32_t expected = 0;
    memset(boxes, 0, sizeof boxes);
    for (int32_t i = 0; i < N; i++) {
        boxes[i].center[0] = cases[i].x;
        boxes[i].center[1] = cases[i].y;
        boxes[i].label = cases[i].label;
        if (cases[i].kept)
            want[expected++] = i;
    }
    assert_int_equal(glint_nms_distance(boxes, NULL, N, distance, 4, N, keep), expected);
    assert_memory_equal(keep, want, (size_t)expected * sizeof *want);
    assert_int_equal(glint_nms_distance(boxes, NULL, N, distance, 4, 3, keep), 3);
    static const int32_t reversed[] = {1, 0};
    assert_int_equal(glint_nms_distance(boxes, reversed, 2, distance, 4, N, keep), 1);
    assert_int_equal(keep[0], 1);
}

static void nothing_is_fine(void **state)
{
    (void)state;
    assert_int_equal(glint_nms_rotated(rects, NULL, 0, &no_caps, keep, scratch), 0);
    assert_int_equal(glint_nms_distance(NULL, NULL, 0, NULL, 0, 9, keep), 0);
    const struct glint_nms_rule none = {0.5, 0, 5};
    assert_int_equal(glint_nms_rotated(rects, NULL, 5, &none, keep, scratch), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_keep_lists),      cmocka_unit_test(golden_detections),
        cmocka_unit_test(evaluation_keep_lists),  cmocka_unit_test(shortcuts_change_nothing),
        cmocka_unit_test(a_sliver_is_an_overlap), cmocka_unit_test(centres_too_near),
        cmocka_unit_test(nothing_is_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
