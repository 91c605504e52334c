/* tests/test_nuscenes_detection.c - the detection metric against the official numbers, and on a few boxes. */
#include "tests/nuscenes_fixture.h"
#include "tests/json_compare.h"
#include "core/status.h"
#include "eval/nuscenes_detection.h"
#include "eval/nuscenes_submission.h"

#define TOLERANCE 1e-9

static struct glint_nuscenes_tables *tables;
static struct glint_nuscenes_split split;

static int open_split(const char *root)
{
    GLINT_TRY(glint_nuscenes_tables_open(root, "v1.0-mini", &tables));
    return glint_nuscenes_split_init(&split, tables, "mini_val");
}

static void close_split(void)
{
    glint_nuscenes_split_fini(&split);
    glint_nuscenes_tables_close(tables);
    tables = NULL;
}

/* Scenes in any order; put together in theirs. */
static int evaluate(struct glint_nuscenes_boxes *gt, struct glint_nuscenes_boxes *pred, bool backwards,
                    struct glint_nuscenes_detection_result *result)
{
    struct glint_nuscenes_detection *d;
    struct glint_buffer parts[8] = {{0}};
    int status = glint_nuscenes_detection_open(&d);
    for (int32_t s = 0; s < split.n_scenes && status == GLINT_OK; s++) {
        const int32_t scene = backwards ? split.n_scenes - 1 - s : s;
        status = glint_nuscenes_detection_score(&split, gt, pred, scene, &parts[scene]);
    }
    for (int32_t s = 0; s < split.n_scenes && status == GLINT_OK; s++) {
        struct glint_blob blob = {parts[s].data, parts[s].size, 0};
        status = glint_nuscenes_detection_add(d, &blob);
        assert_true(status < 0 || blob.at == blob.size);
    }
    if (status == GLINT_OK)
        status = glint_nuscenes_detection_finish(d, "results", result);
    for (int i = 0; i < 8; i++)
        glint_buffer_fini(&parts[i]);
    glint_nuscenes_detection_close(d);
    return status;
}

static int evaluate_file(const char *path, bool backwards, struct glint_nuscenes_detection_result *result)
{
    struct glint_nuscenes_boxes gt, pred;
    assert_int_equal(glint_nuscenes_ground_truth(&split, GLINT_NUSCENES_DETECTION, &gt), GLINT_OK);
    int status = glint_nuscenes_submission_read(path, &split, GLINT_NUSCENES_DETECTION, &pred);
    if (status == GLINT_OK)
        status = evaluate(&gt, &pred, backwards, result);
    glint_nuscenes_boxes_fini(&gt);
    glint_nuscenes_boxes_fini(&pred);
    return status;
}

static void compare(const struct glint_nuscenes_detection_result *r, const char *expected, bool curves)
{
    struct glint_json_writer w;
    char path[1024];
    if (!glint_test_shared(expected, path, sizeof path))
        skip();
    glint_json_writer_init(&w, 1);
    glint_json_put_object(&w, NULL);
    if (curves)
        glint_nuscenes_detection_put_curves(&w, r);
    else
        glint_nuscenes_detection_put(&w, r);
    glint_json_put_end(&w);
    assert_int_equal(glint_json_writer_finish(&w), GLINT_OK);
    glint_test_same_json_file(w.text, w.size, path, TOLERANCE);
    glint_json_writer_fini(&w);
}

static void open_shared(void)
{
    char path[1024];
    if (!glint_test_shared("eval/nuscenes/dataroot", path, sizeof path))
        skip();
    assert_int_equal(open_split(path), GLINT_OK);
}

static void official_numbers_are_reproduced(void **state)
{
    (void)state;
    static const char *const names[] = {
        "det_generic",          "det_ties",       "det_nan_velocity", "det_perfect",
        "det_shuffled_samples", "det_low_recall", "det_500_boxes"};
    struct glint_nuscenes_detection_result *r = malloc(sizeof *r);
    open_shared();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[1024], expected[256];
        snprintf(expected, sizeof expected, "eval/nuscenes/results/%s.json", names[i]);
        assert_true(glint_test_shared(expected, path, sizeof path));
        assert_int_equal(evaluate_file(path, i % 2, r), GLINT_OK);
        snprintf(expected, sizeof expected, "eval/nuscenes/expected/%s_expected.json", names[i]);
        compare(r, expected, false);
        snprintf(expected, sizeof expected, "eval/nuscenes/expected/%s_curves.json", names[i]);
        if (i < 2)
            compare(r, expected, true);
    }
    free(r);
    close_split();
}

static void put_gt(struct glint_json_writer *w, const struct glint_nuscenes_box *box)
{
    char token[GLINT_TOKEN_TEXT];
    glint_token_format(tables->sample[split.sample[box->sample].sample].token, token);
    glint_json_put_object(w, NULL);
    glint_json_put_text(w, "sample_token", token);
    glint_json_put_text(w, "detection_name",
                        glint_nuscenes_task_info(GLINT_NUSCENES_DETECTION)->name[box->name]);
    glint_json_put_f64s(w, "translation", box->translation, 3);
    glint_json_put_f64s(w, "velocity", box->velocity, 2);
    glint_json_put_i64(w, "num_pts", box->num_pts);
    glint_json_put_text(w, "attribute_name",
                        box->attribute < 0 ? "" : glint_nuscenes_attributes[box->attribute]);
    glint_json_put_f64(w, "ego_dist", box->ego_dist);
    glint_json_put_end(w);
}

static void ground_truth_is_filtered_as_official(void **state)
{
    (void)state;
    struct glint_nuscenes_boxes gt;
    struct glint_json_writer w;
    char path[1024];
    open_shared();
    assert_true(glint_test_shared("eval/nuscenes/expected/gt_boxes_after_filter.json", path, sizeof path));
    assert_int_equal(glint_nuscenes_ground_truth(&split, GLINT_NUSCENES_DETECTION, &gt), GLINT_OK);
    glint_json_writer_init(&w, 0);
    glint_json_put_array(&w, NULL);
    for (int32_t i = 0; i < split.n_samples; i++) {
        glint_nuscenes_filter(&split, GLINT_NUSCENES_DETECTION, i, &gt);
        for (int32_t k = 0; k < gt.of_sample[i].n; k++)
            put_gt(&w, &gt.box[gt.of_sample[i].first + k]);
    }
    glint_json_put_end(&w);
    assert_int_equal(glint_json_writer_finish(&w), GLINT_OK);
    glint_test_same_json_file(w.text, w.size, path, TOLERANCE);
    glint_json_writer_fini(&w);
    glint_nuscenes_boxes_fini(&gt);
    close_split();
}

static void invalid_submissions_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name, *reason;
    } cases[] = {
        {"501_boxes", "more than 500 boxes in a sample"},
        {"all_empty", "no sample has any box"},
        {"extra_sample", "a sample that is not in the split"},
        {"missing_sample", "results of 1 of 60 samples of the split are missing"},
        {"missing_velocity", "\"velocity\" is missing"},
        {"nan_score", "detection_score is NaN"},
        {"nan_translation", "translation is NaN"},
        {"negative_size_on_match", "takes part in a match, sizes above 0 expected"},
        {"no_meta", "\"meta\" is missing"},
        {"no_results", "\"results\" is missing"},
        {"size_two_elements", "size has 2 elements, 3 expected"},
        {"unknown_attribute", "unknown attribute"},
        {"unknown_class", "unknown class"},
    };
    struct glint_nuscenes_detection_result *r = malloc(sizeof *r);
    open_shared();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[1024], name[256];
        snprintf(name, sizeof name, "eval/nuscenes/results/reject_%s.json", cases[i].name);
        assert_true(glint_test_shared(name, path, sizeof path));
        assert_int_equal(evaluate_file(path, false, r), GLINT_E_FORMAT);
        if (!strstr(glint_error_text(), cases[i].reason) || strchr(glint_error_text(), '\n'))
            fail_msg("%s: \"%s\" expected in \"%s\"", cases[i].name, cases[i].reason, glint_error_text());
    }
    free(r);
    close_split();
}

/* The small dataset has two cars that are evaluated, at (110, 0) and (112, 1), and one beyond. */
static struct glint_nuscenes_box car(int32_t sample, double x, double y, double score, int32_t place)
{
    return (struct glint_nuscenes_box){.translation = {x, y, 1},
                                       .size = {2, 4, 1.5},
                                       .rotation = {1, 0, 0, 0},
                                       .velocity = {4, 2},
                                       .score = score,
                                       .sample = sample,
                                       .name = 0,
                                       .attribute = 5,
                                       .num_pts = -1,
                                       .place = place};
}

static void evaluate_cars(const struct glint_nuscenes_box *box, int32_t n,
                          struct glint_nuscenes_detection_result *r)
{
    struct glint_nuscenes_boxes gt, pred;
    assert_int_equal(open_split(nusc_write("data", NULL, NULL)), GLINT_OK);
    assert_int_equal(glint_nuscenes_ground_truth(&split, GLINT_NUSCENES_DETECTION, &gt), GLINT_OK);
    assert_int_equal(glint_nuscenes_boxes_init(&pred, &split), GLINT_OK);
    pred.box = malloc((size_t)n * sizeof *pred.box);
    memcpy(pred.box, box, (size_t)n * sizeof *box);
    pred.n = n;
    for (int32_t i = 0; i < n; i++) {
        pred.of_sample[box[i].sample].n++;
        pred.of_sample[box[i].sample].first = i + 1 - pred.of_sample[box[i].sample].n;
    }
    assert_int_equal(evaluate(&gt, &pred, false, r), GLINT_OK);
    glint_nuscenes_boxes_fini(&gt);
    glint_nuscenes_boxes_fini(&pred);
    close_split();
}

static void among_equal_scores_the_later_comes_first(void **state)
{
    (void)state;
    struct glint_nuscenes_detection_result *r = malloc(sizeof *r);
    /* the later one takes the car although the earlier is nearer: translation error 0.4 */
    const struct glint_nuscenes_box boxes[] = {car(0, 110.1, 0, 0.5, 0), car(0, 110.4, 0, 0.5, 1),
                                               car(1, 112.4, 1, 0.4, 2)};
    evaluate_cars(boxes, 3, r);
    assert_int_equal(r->n_gt[0], 3);
    assert_int_equal(r->n_pred[0], 3);
    assert_true(fabs(r->label_tp_error[0][0] - 0.4) < 1e-12);
    assert_true(isnan(r->label_tp_error[8][2]) && isnan(r->label_tp_error[9][3]));
    assert_true(r->label_tp_error[1][0] == 1);     /* no trucks */
    assert_int_equal(r->recall.by_distance[1], 2); /* at 10 m (two samples) and 7 m */
    assert_int_equal(r->recall.found_by_distance[1], 2);
    assert_int_equal(r->recall.by_points[1], 3);
    assert_int_equal(r->recall.found_by_points[1], 2);
    free(r);
}

static void a_match_is_nearer_than_the_threshold(void **state)
{
    (void)state;
    struct glint_nuscenes_detection_result *r = malloc(sizeof *r);
    const struct glint_nuscenes_box boxes[] = {car(0, 110.5, 0, 0.9, 0), car(1, 112, 1, 0.8, 1),
                                               car(2, 117, 1, 0.7, 2)};
    evaluate_cars(boxes, 3, r); /* exactly 0.5 m: a false positive there */
    assert_true(r->label_ap[0][1] > 0.99);
    assert_true(r->label_ap[0][0] < 0.6);
    assert_true(fabs(r->label_tp_error[0][4] - 0.0) < 0.4);
    free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(official_numbers_are_reproduced),
        cmocka_unit_test(ground_truth_is_filtered_as_official),
        cmocka_unit_test(invalid_submissions_are_refused),
        cmocka_unit_test(among_equal_scores_the_later_comes_first),
        cmocka_unit_test(a_match_is_nearer_than_the_threshold),
    };
    return cmocka_run_group_tests(tests, glint_test_folder_make, glint_test_folder_remove);
}
