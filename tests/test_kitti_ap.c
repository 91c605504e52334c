/* tests/test_kitti_ap.c - KITTI's average precision against the published evaluation's numbers. */
#include "tests/util.h"
#include "core/json.h"
#include "eval/kitti_ap.h"
#include "eval/kitti_overlap.h"
#include "glint/status.h"
#include <math.h>

#define N_FRAMES  160
#define TOLERANCE 1e-6 /* percent */

struct set {
    struct glint_kitti_objects truth[N_FRAMES], found[N_FRAMES];
    struct glint_kitti_frame frame[N_FRAMES];
};

static void load(struct set *s, const char *pred)
{
    for (int i = 0; i < N_FRAMES; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/eval/kitti/label_2/%06d.txt", GLINT_SHARED, i);
        assert_int_equal(glint_kitti_objects_read(path, GLINT_KITTI_LABELS, &s->truth[i]), 0);
        snprintf(path, sizeof path, "%s/eval/kitti/%s/%06d.txt", GLINT_SHARED, pred, i);
        assert_int_equal(glint_kitti_objects_read(path, GLINT_KITTI_RESULTS, &s->found[i]), 0);
        s->frame[i] =
            (struct glint_kitti_frame){s->truth[i].object, s->found[i].object, s->truth[i].n, s->found[i].n};
    }
}

static void unload(struct set *s)
{
    for (int i = 0; i < N_FRAMES; i++) {
        glint_kitti_objects_fini(&s->truth[i]);
        glint_kitti_objects_fini(&s->found[i]);
    }
    free(s);
}

static void check_curve(struct glint_json want, const struct glint_kitti_curve *got)
{
    double value, precision[GLINT_KITTI_RECALLS];
    int32_t n;
    assert_int_equal(glint_json_f64(want, "min_overlap", 0, 1, &value), 0);
    assert_near(value, got->min_overlap, 1e-12);
    assert_int_equal(glint_json_f64(want, "AP_R11", 0, 100, &value), 0);
    assert_near(value, got->ap_r11, TOLERANCE);
    assert_int_equal(glint_json_f64(want, "AP_R40", 0, 100, &value), 0);
    assert_near(value, got->ap_r40, TOLERANCE);
    if (!glint_json_has(want, "precision41"))
        return;
    assert_int_equal(
        glint_json_f64s(want, "precision41", GLINT_KITTI_RECALLS, GLINT_KITTI_RECALLS, precision, &n), 0);
    for (int i = 0; i < GLINT_KITTI_RECALLS; i++)
        assert_near(precision[i], got->precision[i], TOLERANCE);
}

/* Every number of an expected file. */
static void check(const char *pred)
{
    char path[512];
    struct glint_json_doc *doc;
    struct glint_kitti_ap ap;
    struct set *s = calloc(1, sizeof *s);
    snprintf(path, sizeof path, "%s/eval/kitti/%s_expected.json", GLINT_SHARED, pred);
    assert_int_equal(glint_json_load(path, &doc), 0);
    load(s, pred);
    assert_int_equal(glint_kitti_ap_compute(s->frame, N_FRAMES, &ap), 0);
    int n = 0;
    for (int c = 0; c < GLINT_KITTI_CLASSES; c++)
        for (int level = 0; level < GLINT_KITTI_LEVELS; level++)
            for (int m = 0; m < GLINT_KITTI_METRICS; m++)
                for (int d = 0; d < GLINT_KITTI_DIFFICULTIES; d++, n++) {
                    struct glint_json at = glint_json_get(glint_json_root(doc), glint_kitti_class_name(c));
                    at = glint_json_get(at, glint_kitti_level_name(level));
                    at = glint_json_get(at, glint_kitti_metric_name(m));
                    at = glint_json_get(at, glint_kitti_difficulty_name(d));
                    assert_true(glint_json_is_object(at));
                    check_curve(at, &ap.curve[c][level][m][d]);
                }
    assert_int_equal(n, 72);
    glint_json_close(doc);
    unload(s);
}

static void same_as_published(void **state)
{
    char path[512];
    (void)state;
    if (!glint_test_shared("eval/kitti/label_2", path, sizeof path))
        skip();
    check("pred");
    check("pred_ties");
    check("pred_perfect");
}

static struct glint_kitti_object car(double x, double z, double score)
{
    return (struct glint_kitti_object){.type = "Car",
                                       .bbox = {100 + 10 * x, 100, 180 + 10 * x, 160},
                                       .size = {1.5, 1.6, 4},
                                       .bottom = {x, 1.6, z},
                                       .score = score};
}

static void overlaps_of_known_boxes(void **state)
{
    (void)state;
    struct glint_kitti_object a = car(0, 20, 1), b = a;
    b.bottom[0] = 2; /* half a length along x, the heading of ry = 0 */
    b.bbox[0] += 40;
    b.bbox[2] += 40;
    assert_near(glint_kitti_overlap(GLINT_KITTI_BEV, &a, &b), 1.0 / 3, 1e-12);
    assert_near(glint_kitti_overlap(GLINT_KITTI_BBOX, &a, &b), 1.0 / 3, 1e-12);
    b.bottom[1] = 1.6 - 0.75; /* half a height higher */
    assert_near(glint_kitti_overlap(GLINT_KITTI_3D, &a, &b), 1.0 / 7, 1e-12);
    assert_near(glint_kitti_covered(&b, &a), 0.5, 1e-12);
    a.rotation_y = 1.5707963267948966; /* its length along z now: b sticks out on one side */
    b.bottom[1] = 1.6;
    assert_near(glint_kitti_overlap(GLINT_KITTI_BEV, &a, &b), 0.8 * 1.6 / (2 * 4 * 1.6 - 0.8 * 1.6), 1e-9);
    b = (struct glint_kitti_object){.type = "Car"};
    for (int m = 0; m < GLINT_KITTI_OVERLAPS; m++)
        assert_near(glint_kitti_overlap((enum glint_kitti_metric)m, &b, &b), 0, 0);
}

/* One label found: a threshold at recall 1, so only precision[0] is set. */
static void dont_care_is_for_the_image_alone(void **state)
{
    (void)state;
    struct glint_kitti_object truth[2] = {car(0, 20, 0), car(30, 20, 0)},
                              found[2] = {car(0, 20, 0.9), car(30, 20, 0.95)};
    snprintf(truth[1].type, sizeof truth[1].type, "DontCare");
    truth[1].bottom[0] = truth[1].bottom[2] = -1000;
    const struct glint_kitti_frame frame = {truth, found, 2, 2};
    struct glint_kitti_ap ap;
    assert_int_equal(glint_kitti_ap_compute(&frame, 1, &ap), 0);
    const struct glint_kitti_curve(*strict)[GLINT_KITTI_DIFFICULTIES] = ap.curve[0][0];
    assert_near(strict[GLINT_KITTI_BBOX][0].precision[0], 1, 0);
    assert_near(strict[GLINT_KITTI_3D][0].precision[0], 0.5, 0);
    assert_near(strict[GLINT_KITTI_BBOX][0].ap_r11, 100.0 / 11, 1e-9);
    assert_near(strict[GLINT_KITTI_BBOX][0].ap_r40, 0, 0);
}

static void without_alpha_there_is_no_orientation(void **state)
{
    (void)state;
    const struct glint_kitti_object truth = car(0, 20, 0);
    struct glint_kitti_object found = car(0, 20, 0.9);
    found.alpha = -10;
    const struct glint_kitti_frame frame = {&truth, &found, 1, 1};
    struct glint_kitti_ap ap;
    assert_int_equal(glint_kitti_ap_compute(&frame, 1, &ap), 0);
    assert_true(isnan(ap.curve[0][0][GLINT_KITTI_AOS][0].ap_r40));
    assert_near(ap.curve[0][0][GLINT_KITTI_3D][0].precision[0], 1, 0);
}

static void limits_of_height_differ(void **state)
{
    (void)state;
    struct glint_kitti_object truth = car(0, 20, 0), found = car(0, 20, 0.9);
    truth.bbox[3] = found.bbox[3] = truth.bbox[1] + 40; /* a label must be higher, a result not lower */
    const struct glint_kitti_frame frame = {&truth, &found, 1, 1};
    struct glint_kitti_ap ap;
    assert_int_equal(glint_kitti_ap_compute(&frame, 1, &ap), 0);
    assert_near(ap.curve[0][0][GLINT_KITTI_3D][0].precision[0], 0, 0);
    assert_near(ap.curve[0][0][GLINT_KITTI_3D][1].precision[0], 1, 0);
    truth.bbox[3] += 0.1;
    assert_int_equal(glint_kitti_ap_compute(&frame, 1, &ap), 0);
    assert_near(ap.curve[0][0][GLINT_KITTI_3D][0].precision[0], 1, 0);
}

/* Label 0 could have either result, label 1 only the second: with the first one for label 0 both are found.
 */
static void among_equal_scores_the_first_is_taken(void **state)
{
    (void)state;
    const struct glint_kitti_object truth[2] = {car(0, 20, 0), car(0.5, 20, 0)};
    const struct glint_kitti_object found[2] = {car(-0.3, 20, 0.9), car(0.3, 20, 0.9)};
    const struct glint_kitti_frame frame = {truth, found, 2, 2};
    struct glint_kitti_ap ap;
    assert_int_equal(glint_kitti_ap_compute(&frame, 1, &ap), 0);
    assert_near(ap.curve[0][0][GLINT_KITTI_BEV][0].precision[1], 1, 0);
}

static void nothing_gives_zeros(void **state)
{
    (void)state;
    struct glint_kitti_ap ap;
    assert_int_equal(glint_kitti_ap_compute(NULL, 0, &ap), 0);
    assert_near(ap.curve[2][1][GLINT_KITTI_3D][2].ap_r40, 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_as_published),
        cmocka_unit_test(overlaps_of_known_boxes),
        cmocka_unit_test(dont_care_is_for_the_image_alone),
        cmocka_unit_test(without_alpha_there_is_no_orientation),
        cmocka_unit_test(limits_of_height_differ),
        cmocka_unit_test(among_equal_scores_the_first_is_taken),
        cmocka_unit_test(nothing_gives_zeros),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
