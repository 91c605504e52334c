/* tests/test_waymo_tracking.c - the expected tracking files, and the rules of following on small scenes. */
#include "tests/waymo_eval.h"
#include "eval/waymo_tracking.h"
#include <math.h>

static void check_row(const struct glint_waymo_tracking_row *row, const json_t *expected)
{
    static const char *const ratios[] = {"MOTA", "MOTP", "miss", "mismatch", "fp"};
    const float got[] = {row->mota, row->motp, row->miss, row->mismatch, row->fp};
    assert_string_equal(row->name, json_string_value(json_object_get(expected, "name")));
    for (int k = 0; k < 5; k++)
        if ((float)glint_waymo_number(expected, ratios[k]) != got[k])
            fail_msg("%s: %s is %.9g", row->name, ratios[k], (double)got[k]);
    assert_int_equal(row->n_objects, glint_waymo_number(expected, "num_objects_gt"));
    if (json_is_null(json_object_get(expected, "score_cutoff"))) {
        assert_true(isnan(row->cutoff));
        return;
    }
    assert_true((float)glint_waymo_number(expected, "score_cutoff") == row->cutoff);
    assert_int_equal(row->n_misses, glint_waymo_number(expected, "num_misses"));
    assert_int_equal(row->counts.fps, glint_waymo_number(expected, "num_fps"));
    assert_int_equal(row->counts.mismatches, glint_waymo_number(expected, "num_mismatches"));
    assert_int_equal(row->counts.matches, glint_waymo_number(expected, "num_matches"));
    assert_true(fabs(row->counts.cost - glint_waymo_number(expected, "matching_cost")) < 1e-9);
}

static void check_set(const char *truth, const char *results, const char *expected_name, int32_t n_threads)
{
    char a[512], b[512];
    const char *const truths[] = {glint_waymo_path(truth, a)};
    const struct glint_waymo_inputs inputs = {
        .truth = truths, .n_truth = 1, .results = glint_waymo_path(results, b), .by_camera = false};
    struct glint_waymo_objects *set;
    struct glint_waymo_tracking *metric;
    struct glint_eval_task task;
    assert_int_equal(glint_waymo_objects_open(&inputs, &set), GLINT_OK);
    assert_int_equal(glint_waymo_tracking_open(set, GLINT_WAYMO_IOU_3D, &metric), GLINT_OK);
    glint_waymo_tracking_task(metric, &task);
    glint_waymo_run(&task, n_threads);
    json_t *expected = glint_waymo_expected(expected_name);
    const json_t *rows = json_object_get(expected, "breakdowns");
    assert_int_equal(glint_waymo_tracking_rows(metric), json_array_size(rows));
    for (int32_t i = 0; i < glint_waymo_tracking_rows(metric); i++) {
        struct glint_waymo_tracking_row row;
        glint_waymo_tracking_row(metric, i, &row);
        check_row(&row, json_array_get(rows, (size_t)i));
    }
    json_decref(expected);
    glint_waymo_tracking_close(metric);
    glint_waymo_objects_close(set);
}

static void official_numbers(void **state)
{
    (void)state;
    char path[512];
    if (!glint_test_shared("eval/waymo_metrics/generic_gt.bin", path, sizeof path))
        skip();
    check_set("waymo_fake/fake_ground_truths.bin", "waymo_fake/fake_predictions.bin",
              "waymo_fake/fake_track_expected.json", 1);
    check_set("waymo_metrics/generic_gt.bin", "waymo_metrics/generic_pred.bin",
              "waymo_metrics/generic_track_expected.json", 2);
    check_set("waymo_frames/generic_labels.tfrecord", "waymo_metrics/generic_pred.bin",
              "waymo_metrics/generic_track_expected.json", 1);
}

/* ---- scenes by hand: per frame the predictions' ids, the labelled ids, and which pairs overlap ---- */

enum { CAP = 32 };
struct drawn {
    struct glint_waymo_mot_frame frame[CAP];
    struct glint_waymo_mot_row row[CAP];
    struct glint_waymo_mot_column column[CAP];
    struct glint_waymo_mot_edge edge[CAP];
    struct glint_waymo_mot_scene scene;
};

/* "hypotheses:objects:pairs", ids as letters and digits: "ab:12:a1b2" */
static void draw(struct drawn *d, const char *text)
{
    const int32_t number = d->scene.n_frames;
    struct glint_waymo_mot_frame *f = &d->frame[number];
    if (number == 0)
        d->scene = (struct glint_waymo_mot_scene){d->frame, d->row, d->column, d->edge, 0, 26, 10};
    *f = number ? (struct glint_waymo_mot_frame){f[-1].end_row,    f[-1].end_row,  f[-1].end_column,
                                                 f[-1].end_column, f[-1].end_edge, f[-1].end_edge}
                : (struct glint_waymo_mot_frame){0};
    for (; *text != ':'; text++)
        d->row[f->end_row++] = (struct glint_waymo_mot_row){*text - 'a', 101, *text >= 'x'};
    for (text++; *text != ':'; text++)
        d->column[f->end_column++] = (struct glint_waymo_mot_column){*text - '0', *text >= '8' ? 2 : 1};
    for (text++; *text; text += 2) {
        struct glint_waymo_mot_edge e = {0, 0, 750000, 0.75f};
        while (d->row[f->row + e.row].id != text[0] - 'a')
            e.row++;
        while (d->column[f->column + e.column].id != text[1] - '0')
            e.column++;
        d->edge[f->end_edge++] = e;
    }
    d->scene.n_frames++;
}

static struct glint_waymo_mot_counts follow(const char *const *frames)
{
    static struct drawn d;
    struct glint_waymo_mot_counts counts;
    struct glint_waymo_mot *mot;
    memset(&d, 0, sizeof d);
    for (; *frames; frames++)
        draw(&d, *frames);
    assert_int_equal(glint_waymo_mot_open(&mot), GLINT_OK);
    assert_int_equal(glint_waymo_mot_run(mot, &d.scene, 0, &counts), GLINT_OK);
    glint_waymo_mot_close(mot);
    return counts;
}

static void rules_of_following(void **state)
{
    (void)state;
    static const struct {
        const char *frames[5];
        int64_t matches, misses, fps, mismatches;
    } cases[] = {
        {{"a:1:a1", "a:1:a1"}, 2, 0, 0, 0},
        {{"a:1:a1", "b:1:b1"}, 2, 0, 0, 1},       /* another hypothesis for the object */
        {{"a:1:a1", "ab:1:a1b1"}, 2, 0, 1, 0},    /* the pair of before is kept */
        {{"a:1:a1", "::", "a:1:a1"}, 2, 0, 0, 0}, /* also over a hole */
        {{"a:1:a1", "a:2:a2"}, 2, 0, 0, 1},       /* its object is gone from the frame */
        {{"ab:12:a1b2", "b:12:b1"}, 3, 1, 0, 1},  /* its object is there: a miss alone, and 1 changed */
        {{"ab:12:a1b2", "b:12:b1", "b:2:b2"}, 4, 1, 0, 2}, /* 2 was forgotten; b's object 1 is gone */
        {{"ab:12:a1b2", "ab:12:a2b1"}, 4, 0, 0, 2},        /* both change */
        {{"aa:1:a1"}, 1, 0, 0, 0},                         /* the second of an id is left out */
        {{"x:1:", "a:1:a1"}, 1, 1, 0, 0},                  /* in a no-label zone */
        {{"a:1:"}, 0, 1, 1, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct glint_waymo_mot_counts c = follow(cases[i].frames);
        if (c.matches != cases[i].matches || c.misses[0] != cases[i].misses || c.fps != cases[i].fps ||
            c.mismatches != cases[i].mismatches)
            fail_msg("case %zu: %lld matches, %lld misses, %lld fps, %lld mismatches", i,
                     (long long)c.matches, (long long)c.misses[0], (long long)c.fps, (long long)c.mismatches);
        assert_true(fabs(c.cost - 0.25 * (double)c.matches) < 1e-12);
    }
}

static void levels(void **state)
{
    (void)state;
    static const char *const frames[] = {"a:189:a8", NULL}; /* 8 and 9 are of level 2 */
    const struct glint_waymo_mot_counts c = follow(frames);
    assert_int_equal(c.misses[0], 1);
    assert_int_equal(c.objects[0], 2); /* 1 and the matched 8 */
    assert_int_equal(c.misses[1], 2);
    assert_int_equal(c.objects[1], 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(official_numbers),
        cmocka_unit_test(rules_of_following),
        cmocka_unit_test(levels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
