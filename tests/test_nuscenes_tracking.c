/* tests/test_nuscenes_tracking.c - AMOTA and its company on tracks made by hand. */
#include "tests/util.h"
#include "core/json.h"
#include "eval/nuscenes_tracking.h"
#include "eval/nuscenes_tracks.h"
#include "glint/status.h"
#include <math.h>

enum { CAR = 2, TRUCK = 6, MOST = 24 };

struct story { /* a scene with a frame every half second */
    struct glint_track_box truth[MOST][4], found[MOST][4];
    struct glint_track_frame frame[MOST];
    struct glint_track_scene scene;
};

static void begin(struct story *s, int32_t n_frames)
{
    memset(s, 0, sizeof *s);
    for (int32_t f = 0; f < n_frames; f++)
        s->frame[f] = (struct glint_track_frame){f * 500000, s->truth[f], s->found[f], 0, 0};
    s->scene = (struct glint_track_scene){s->frame, n_frames, 4, 4};
}

static void truth(struct story *s, int32_t f, int32_t cls, int32_t id, double x)
{
    s->truth[f][s->frame[f].n_truth++] = (struct glint_track_box){cls, id, x, 0, -1};
}

static void found(struct story *s, int32_t f, int32_t cls, int32_t id, double x, double score)
{
    s->found[f][s->frame[f].n_found++] = (struct glint_track_box){cls, id, x, 0, score};
}

static struct glint_track_metrics compute(struct story *s)
{
    struct glint_track_metrics m;
    assert_int_equal(glint_track_compute(&s->scene, 1, &m), 0);
    return m;
}

static void holes_are_filled_mirrored(void **state)
{
    (void)state;
    struct story s;
    struct glint_tracks t;
    begin(&s, 6);
    found(&s, 1, CAR, 3, 0, 0.5);
    found(&s, 5, TRUCK, 3, 8, 0.9);
    found(&s, 2, CAR, 0, 100, 0.25);
    s.frame[5].time_us = 2600000; /* 2.1 s after frame 1 */
    assert_int_equal(glint_tracks_init(&t, &s.scene, GLINT_TRACK_FOUND), 0);
    static const int32_t first[] = {0, 0, 1, 3, 4, 5, 6};
    assert_memory_equal(t.first, first, sizeof first);
    assert_int_equal(t.box[1].id, 0); /* its own boxes first */
    assert_int_equal(t.box[2].id, 3);
    assert_int_equal(t.box[2].cls, TRUCK);
    assert_near(t.box[2].x, 8 * 1.6 / 2.1, 1e-12); /* half a second after x = 0, yet near to x = 8 */
    assert_near(t.box[2].score, 0.7, 1e-12);
    assert_near(t.box[0].score, 0.7, 1e-15);
    assert_near(t.box[1].score, 0.25, 0);
    glint_tracks_fini(&t);
    assert_int_equal(glint_tracks_init(&t, &s.scene, GLINT_TRACK_TRUTH), 0);
    assert_int_equal(t.first[6], 0);
    glint_tracks_fini(&t);
}

/* One car over 10 frames. Result 0 has it from frame 2 to 4, result 1 from 6 on: a switch, a fragment, late
 * by two frames (1 s), a gap of one frame at most after that: the longest is the two at the beginning. */
static void a_switch_a_fragment_a_gap(void **state)
{
    (void)state;
    struct story s;
    begin(&s, 10);
    for (int32_t f = 0; f < 10; f++)
        truth(&s, f, CAR, 1, f);
    for (int32_t f = 2; f < 5; f++)
        found(&s, f, CAR, 0, f + 0.5, 0.8);
    for (int32_t f = 6; f < 10; f++)
        found(&s, f, CAR, 1, f + 0.25, 0.6);
    found(&s, 9, CAR, 2, 50, 0.9); /* false */
    const struct glint_track_metrics m = compute(&s);
    static const struct {
        int metric;
        double value;
    } want[] = {{GLINT_TRACK_GT, 10},
                {GLINT_TRACK_TP, 6},
                {GLINT_TRACK_IDS, 1},
                {GLINT_TRACK_FN, 3},
                {GLINT_TRACK_FP, 1},
                {GLINT_TRACK_FRAG, 1},
                {GLINT_TRACK_MOTA, 0.5},
                {GLINT_TRACK_TID, 1},
                {GLINT_TRACK_LGD, 1},
                {GLINT_TRACK_RECALL, 0.7},
                {GLINT_TRACK_MT, 0},
                {GLINT_TRACK_ML, 0},
                {GLINT_TRACK_FAF, 10},
                {GLINT_TRACK_MOTP, (3 * 0.5 + 4 * 0.25) / 7},
                {GLINT_TRACK_MOTAR, 1 - (5.0 - 4) / 6}};
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        if (fabs(m.of_class[want[i].metric][CAR] - want[i].value) > 1e-12)
            fail_msg("%s is %g, not %g", glint_track_metric_name(want[i].metric),
                     m.of_class[want[i].metric][CAR], want[i].value);
        assert_near(m.all[want[i].metric], want[i].value, 1e-12);
    }
    assert_true(isnan(m.curve[CAR].confidence[0]));       /* recall 1 is not reached */
    assert_near(m.curve[CAR].confidence[39], 0.8, 1e-12); /* recall 0.1 is, by the first match */
    assert_near(m.curve[CAR].recall_hypo[39], 0.1, 0);
    assert_true(m.of_class[GLINT_TRACK_AMOTA][CAR] > 0 && m.of_class[GLINT_TRACK_AMOTA][CAR] < 0.6);
    assert_true(isnan(m.of_class[GLINT_TRACK_MOTA][TRUCK]));
}

static void the_old_pair_goes_before_the_nearer_one(void **state)
{
    (void)state;
    struct story s;
    begin(&s, 3);
    for (int32_t f = 0; f < 3; f++) {
        truth(&s, f, CAR, 0, 0);
        found(&s, f, CAR, 0, f ? 1.5 : 0.1, 0.5);
        if (f)
            found(&s, f, CAR, 1, 0, 0.5);
    }
    const struct glint_track_metrics m = compute(&s);
    assert_near(m.of_class[GLINT_TRACK_IDS][CAR], 0, 0);
    assert_near(m.of_class[GLINT_TRACK_FP][CAR], 2, 0);
    assert_near(m.of_class[GLINT_TRACK_MT][CAR], 1, 0);
    assert_near(m.of_class[GLINT_TRACK_MOTP][CAR], 3.1 / 3, 1e-12);
}

static void two_metres_are_too_far(void **state)
{
    (void)state;
    struct story s;
    begin(&s, 2);
    for (int32_t f = 0; f < 2; f++) {
        truth(&s, f, CAR, 0, 0);
        found(&s, f, CAR, 0, 2, 0.5);
    }
    const struct glint_track_metrics m = compute(&s);
    static const double worst[GLINT_TRACK_METRICS] = {0,   2, 0,   0, 2,   0,   2,  0, 1,
                                                      500, 0, NAN, 2, NAN, NAN, 20, 20};
    for (int k = 0; k < GLINT_TRACK_METRICS; k++)
        if (isnan(worst[k]) ? !isnan(m.of_class[k][CAR]) : !(fabs(m.of_class[k][CAR] - worst[k]) < 1e-12))
            fail_msg("%s is %g, not %g", glint_track_metric_name(k), m.of_class[k][CAR], worst[k]);
    assert_true(isnan(m.curve[CAR].recall_hypo[5]));
}

static void a_perfect_tracker(void **state)
{
    (void)state;
    struct story s;
    begin(&s, 20);
    for (int32_t f = 0; f < 20; f++)
        for (int32_t id = 0; id < 3; id++) {
            truth(&s, f, TRUCK, id, 10 * id + f);
            found(&s, f, TRUCK, id, 10 * id + f, 0.3 + 0.2 * id);
        }
    const struct glint_track_metrics m = compute(&s);
    assert_near(m.of_class[GLINT_TRACK_AMOTA][TRUCK], 1, 1e-12);
    assert_near(m.of_class[GLINT_TRACK_AMOTP][TRUCK], 0, 1e-12);
    assert_near(m.of_class[GLINT_TRACK_MOTA][TRUCK], 1, 1e-12);
    assert_near(m.all[GLINT_TRACK_MT], 3, 0);
    assert_near(m.all[GLINT_TRACK_GT], 60, 0);
}

static void json_has_the_official_members(void **state)
{
    (void)state;
    struct story s;
    struct glint_json_writer w;
    struct glint_json_doc *doc;
    begin(&s, 2);
    truth(&s, 0, CAR, 0, 0);
    found(&s, 0, CAR, 0, 1, 0.5);
    const struct glint_track_metrics m = compute(&s);
    glint_json_writer_init(&w, 1);
    glint_json_put_object(&w, NULL);
    glint_track_put(&w, &m);
    glint_json_put_end(&w);
    assert_int_equal(glint_json_writer_finish(&w), 0);
    assert_int_equal(glint_json_parse("w", w.text, w.size, &doc), 0);
    const struct glint_json root = glint_json_root(doc);
    double value;
    assert_int_equal(glint_json_f64(root, "amotp", 0, 2, &value), 0);
    assert_near(value, 1, 1e-12);
    assert_int_equal(
        glint_json_f64(glint_json_get(glint_json_get(root, "label_metrics"), "mota"), "car", 0, 2, &value),
        0);
    assert_near(value, 1, 1e-12);
    const struct glint_json car = glint_json_get(glint_json_get(root, "thresholds"), "car");
    assert_int_equal(glint_json_size(glint_json_get(car, "motar")), GLINT_TRACK_RECALLS);
    assert_int_equal(glint_json_members(car), 10);
    glint_json_close(doc);
    glint_json_writer_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holes_are_filled_mirrored),
        cmocka_unit_test(a_switch_a_fragment_a_gap),
        cmocka_unit_test(the_old_pair_goes_before_the_nearer_one),
        cmocka_unit_test(two_metres_are_too_far),
        cmocka_unit_test(a_perfect_tracker),
        cmocka_unit_test(json_has_the_official_members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
