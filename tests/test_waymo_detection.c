/* tests/test_waymo_detection.c - every expected detection file; AP's integration; order and threads. */
#include "tests/waymo_eval.h"
#include "eval/waymo_detection.h"
#include <math.h>

#define N GLINT_WAYMO_CUTOFFS

#define FAKE   "waymo_fake/fake_ground_truths.bin", "waymo_fake/fake_predictions.bin", "waymo_fake/fake_"
#define SET(n) "waymo_metrics/" n "_gt.bin", "waymo_metrics/" n "_pred.bin", "waymo_metrics/" n "_"
#define RECORDS                                                                                              \
    "waymo_frames/generic_labels.tfrecord", "waymo_metrics/generic_pred.bin", "waymo_metrics/generic_"

static const struct glint_waymo_case sets[] = {
    {FAKE},
    {SET("generic")},
    {RECORDS},
    {SET("ties")},
    {SET("case_below_threshold")},
    {SET("case_default_score")},
    {SET("case_gt_only")},
    {SET("case_heading_flipped")},
    {SET("case_heading_wrap")},
    {SET("case_hungarian_vs_greedy")},
    {SET("case_iou_equals_threshold")},
    {SET("case_level_split")},
    {SET("case_multi_frame_keys")},
    {SET("case_nlz")},
    {SET("case_perfect")},
    {SET("case_pred_only")},
    {SET("case_range_edges")},
    {SET("case_recall_gap")},
    {SET("case_score_edges")},
    {SET("case_tiny_and_huge_boxes")},
    {SET("case_unknown_type")},
    {SET("case_z_offset")},
};
#define N_SETS (sizeof sets / sizeof *sets)

static struct glint_waymo_objects *open_set(const struct glint_waymo_case *c)
{
    char truth[512], results[512];
    const char *const truths[] = {glint_waymo_path(c->truth, truth)};
    const struct glint_waymo_inputs inputs = {
        .truth = truths, .n_truth = 1, .results = glint_waymo_path(c->results, results), .by_camera = true};
    struct glint_waymo_objects *set;
    if (glint_waymo_objects_open(&inputs, &set) < 0)
        fail_msg("%s", glint_error_text());
    return set;
}

static void check_counts(const char *row, const json_t *expected, const char *key, const int64_t *got)
{
    const json_t *list = json_object_get(expected, key);
    for (size_t c = 0; c < json_array_size(list); c++)
        if (json_integer_value(json_array_get(list, c)) != got[c])
            fail_msg("%s: %s at cutoff %zu is %lld; %lld expected", row, key, c, (long long)got[c],
                     (long long)json_integer_value(json_array_get(list, c)));
}

static void check_row(const struct glint_waymo_detection_row *row, const json_t *expected)
{
    const json_t *list = json_object_get(expected, "sum_ha");
    assert_string_equal(row->name, json_string_value(json_object_get(expected, "name")));
    if (fabs((double)row->ap - glint_waymo_number(expected, "mAP")) > 1e-6 ||
        fabs((double)row->aph - glint_waymo_number(expected, "mAPH")) > 1e-6)
        fail_msg("%s: %.9g %.9g; %.9g %.9g expected", row->name, (double)row->ap, (double)row->aph,
                 glint_waymo_number(expected, "mAP"), glint_waymo_number(expected, "mAPH"));
    check_counts(row->name, expected, "tp", row->tp);
    check_counts(row->name, expected, "fp", row->fp);
    check_counts(row->name, expected, "fn", row->fn);
    for (size_t c = 0; c < json_array_size(list); c++)
        if ((float)json_number_value(json_array_get(list, c)) != row->sum_ha[c])
            fail_msg("%s: sum_ha at cutoff %zu is %.9g", row->name, c, (double)row->sum_ha[c]);
    if (json_array_size(list) > 0)
        assert_true(row->any);
}

static struct glint_waymo_detection *score(const struct glint_waymo_objects *set,
                                           enum glint_waymo_tables tables, unsigned kind, int32_t n_threads)
{
    struct glint_waymo_detection *metric;
    struct glint_eval_task task;
    assert_int_equal(glint_waymo_detection_open(set, tables, kind, &metric), GLINT_OK);
    glint_waymo_detection_task(metric, &task);
    glint_waymo_run(&task, n_threads);
    return metric;
}

static void check_set(const struct glint_waymo_case *c, const char *mode, enum glint_waymo_tables tables,
                      unsigned kind)
{
    char name[256];
    snprintf(name, sizeof name, "%s%s_expected.json", c->expected, mode);
    struct glint_waymo_objects *set = open_set(c);
    struct glint_waymo_detection *metric = score(set, tables, kind, 1);
    json_t *expected = glint_waymo_expected(name);
    const json_t *rows = json_object_get(expected, "breakdowns");
    assert_int_equal(glint_waymo_detection_examples(metric), glint_waymo_number(expected, "num_examples"));
    assert_int_equal(glint_waymo_detection_rows(metric), json_array_size(rows));
    for (int32_t i = 0; i < glint_waymo_detection_rows(metric); i++) {
        struct glint_waymo_detection_row row;
        glint_waymo_detection_row(metric, i, &row);
        check_row(&row, json_array_get(rows, (size_t)i));
    }
    json_decref(expected);
    glint_waymo_detection_close(metric);
    glint_waymo_objects_close(set);
}

static bool is_there(void)
{
    char path[512];
    return glint_test_shared("eval/waymo_metrics/generic_gt.bin", path, sizeof path);
}

static void official_3d(void **state)
{
    (void)state;
    if (!is_there())
        skip();
    for (size_t i = 0; i < N_SETS; i++)
        check_set(&sets[i], "det3d", GLINT_WAYMO_STANDARD, GLINT_WAYMO_IOU_3D);
}

static void official_bev(void **state)
{
    (void)state;
    if (!is_there())
        skip();
    for (size_t i = 0; i < 4; i++)
        check_set(&sets[i], "bev2d", GLINT_WAYMO_STANDARD, GLINT_WAYMO_IOU_BEV);
}

static void official_extra(void **state)
{
    (void)state;
    if (!is_there())
        skip();
    for (size_t i = 0; i < 3; i++)
        check_set(&sets[i], "extra3d", GLINT_WAYMO_EXTRA, GLINT_WAYMO_IOU_3D);
}

/* The exact overlap changes nothing but fake, where README 3.3 says by how much. */
static void exact_overlaps(void **state)
{
    (void)state;
    struct glint_waymo_detection_row row;
    if (!is_there())
        skip();
    for (size_t i = 1; i < N_SETS; i++)
        check_set(&sets[i], "det3d", GLINT_WAYMO_STANDARD, GLINT_WAYMO_IOU_3D | GLINT_WAYMO_IOU_EXACT);
    struct glint_waymo_objects *set = open_set(&sets[0]);
    struct glint_waymo_detection *metric = score(set, GLINT_WAYMO_STANDARD, GLINT_WAYMO_IOU_EXACT, 1);
    glint_waymo_detection_row(metric, 0, &row);
    assert_true(fabs((double)row.ap - 0.209682) < 1e-6);
    glint_waymo_detection_row(metric, 10, &row);
    assert_string_equal(row.name, "RANGE_TYPE_VEHICLE_[30, 50)_LEVEL_1");
    assert_true(fabs((double)row.ap - 0.276636) < 1e-6);
    glint_waymo_detection_close(metric);
    glint_waymo_objects_close(set);
}

static void threads_change_no_bit(void **state)
{
    (void)state;
    if (!is_there())
        skip();
    struct glint_waymo_objects *set = open_set(&sets[1]);
    struct glint_waymo_detection *one = score(set, GLINT_WAYMO_STANDARD, GLINT_WAYMO_IOU_3D, 1);
    struct glint_waymo_detection *four = score(set, GLINT_WAYMO_STANDARD, GLINT_WAYMO_IOU_3D, 4);
    for (int32_t i = 0; i < glint_waymo_detection_rows(one); i++) {
        struct glint_waymo_detection_row a, b;
        glint_waymo_detection_row(one, i, &a);
        glint_waymo_detection_row(four, i, &b);
        assert_memory_equal(&a.ap, &b.ap, sizeof a.ap);
        assert_memory_equal(&a.aph, &b.aph, sizeof a.aph);
        assert_memory_equal(a.sum_ha, b.sum_ha, N * sizeof *a.sum_ha);
        assert_memory_equal(a.tp, b.tp, N * sizeof *a.tp);
    }
    glint_waymo_detection_close(one);
    glint_waymo_detection_close(four);
    glint_waymo_objects_close(set);
}

static void scores_and_cutoffs(void **state)
{
    (void)state;
    assert_int_equal(glint_waymo_alive(-1), 0);
    assert_int_equal(glint_waymo_alive(0), 1);
    assert_int_equal(glint_waymo_alive(1), N);
    assert_int_equal(glint_waymo_alive(2), N);
    assert_int_equal(glint_waymo_alive(INFINITY), N);
    assert_int_equal(glint_waymo_alive(-INFINITY), 0);
    for (int32_t c = 0; c < N; c++) {
        const float cutoff = glint_waymo_cutoff(c);
        assert_int_equal(glint_waymo_alive(cutoff), c + 1);
        assert_int_equal(glint_waymo_alive(nextafterf(cutoff, -1)), c);
        assert_int_equal(glint_waymo_alive(nextafterf(cutoff, 2)), c + 1);
    }
}

static void curves(void **state)
{
    (void)state;
    const float full[] = {1, 1}, half[] = {0.5f, 0.5f}, none[] = {0, 0}, up_to[] = {0.5f, 0};
    assert_true(fabsf(glint_waymo_average_precision(full, full, 2) - 1) < 1e-6f);
    assert_true(fabsf(glint_waymo_average_precision(half, full, 2) - 0.5f) < 1e-6f);
    assert_true(glint_waymo_average_precision(full, none, 2) == 0);
    /* recall ends at 0.5: half the area, and no ramp beyond it */
    assert_true(fabsf(glint_waymo_average_precision(full, up_to, 2) - 0.5f) < 1e-6f);
    /* a gap of 0.2 is held at the upper precision but for its last 0.05 */
    const float recall[] = {0.4f, 0.2f}, precision[] = {0.5f, 1};
    const double area = 0.15 * 0.5 + 0.05 * 0.75 + 0.2 * 1;
    assert_true(fabs((double)glint_waymo_average_precision(precision, recall, 2) - area) < 1e-6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(official_3d),
        cmocka_unit_test(official_bev),
        cmocka_unit_test(official_extra),
        cmocka_unit_test(exact_overlaps),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(scores_and_cutoffs),
        cmocka_unit_test(curves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
