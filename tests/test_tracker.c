/* tests/test_tracker.c - objects over time: ids that stay, what is shown while unseen, turned-round yaws. */
#include "glint/pipeline.h"
#include "tests/fakes.h"
#include "tests/street.h"

static const struct street_noise usual = {0.12, 0.08, 0, 0, {0.5f, 0.95f}};
static struct street_frame street;

static struct glint_tracker *open_tracker(void)
{
    struct glint_track_settings s;
    struct glint_tracker *t;
    glint_track_settings_default(&s, street_classes, 4);
    assert_int_equal(glint_tracker_open(&s, &t), GLINT_OK);
    return t;
}

/* Cars parked on both sides and driving both ways, people on the pavement, one crossing. */
static int make_street(struct street_object *o, uint64_t *seed)
{
    int n = 0;
    for (int i = 0; i < 12; i++)
        o[n++] = (struct street_object){STREET_CAR, -30 + 6.2 * i, i % 2 ? 6 : -6, i % 3 ? 0 : 3.1, 0, 0};
    for (int i = 0; i < 3; i++) {
        o[n++] = (struct street_object){STREET_CAR, -40 + 20.0 * i, -2, 0, 9, 0};
        o[n++] = (struct street_object){STREET_CAR, 90 - 20.0 * i, 2, 3.14159, 12, 0};
    }
    for (int i = 0; i < 8; i++) /* who meets passes at 80 cm */
        o[n++] = (struct street_object){STREET_PEDESTRIAN,
                                        -10 + 3.0 * i,
                                        9 + 0.8 * i,
                                        i % 2 ? 0 : 3.14159,
                                        (double)glint_test_uniform(seed, 0.7f, 1.6f),
                                        0};
    o[n++] = (struct street_object){STREET_PEDESTRIAN, 25, -9, 1.57, 1.5, 0};
    o[n++] = (struct street_object){STREET_CYCLIST, -20, -4, 0, 5, 0.02};
    o[n++] = (struct street_object){STREET_TRUCK, 50, -2, 0, 7, 0};
    return n;
}

/* Everything seen in every frame keeps its first id, whether the vehicle's way is known or not. */
static void ids_stay(void **state)
{
    (void)state;
    static const struct street_ego egos[] = {{0, 0, true},  {8, 0, true},  {8, 0.1, true},
                                             {0, 0, false}, {8, 0, false}, {6, 0.1, false}};
    for (int e = 0; e < 6; e++)
        for (uint64_t run = 1; run <= 5; run++) {
            struct street_object o[64];
            int32_t id[64] = {0};
            uint64_t seed = run * 1234567 + (uint64_t)e;
            const int n = make_street(o, &seed);
            struct glint_tracker *t = open_tracker();
            for (int f = 0; f < 60; f++) {
                street_begin(&street, f, 0.1, &egos[e]);
                for (int i = 0; i < n; i++) {
                    const struct glint_box truth = street_truth(&o[i], f, 0.1, &egos[e]);
                    assert_true(street_see(&street, &truth, &usual, &seed));
                }
                assert_int_equal(glint_tracker_run(t, &street.frame), GLINT_OK);
                for (int i = 0; i < n; i++) {
                    const int32_t now = street.boxes[i].id;
                    if (id[i] > 0 && now != id[i])
                        print_message("ego %d, run %d, frame %d: object %d was %d, is %d\n", e, (int)run, f,
                                      i, id[i], now);
                    assert_true(id[i] <= 0 || now == id[i]);
                    assert_true(f < 4 || now > 0);
                    id[i] = now;
                }
            }
            glint_tracker_close(t);
        }
}

static void speeds_are_learned(void **state)
{
    (void)state;
    const struct street_ego ego = {8, 0.1, true};
    const struct street_object o[] = {{STREET_CAR, 30, 5, 0.3, 11, 0.2},
                                      {STREET_CAR, 10, -8, 1, 0, 0},
                                      {STREET_PEDESTRIAN, 12, 9, 2, 1.4, 0}};
    struct glint_tracker *t = open_tracker();
    uint64_t seed = 9;
    for (int f = 0; f < 40; f++) {
        street_begin(&street, f, 0.1, &ego);
        for (int i = 0; i < 3; i++) {
            const struct glint_box truth = street_truth(&o[i], f, 0.1, &ego);
            street_see(&street, &truth, &usual, &seed);
        }
        glint_tracker_run(t, &street.frame);
        for (int i = 0; i < 3 && f > 20; i++) {
            const struct glint_box *b = &street.boxes[i];
            const struct glint_box truth = street_truth(&o[i], f, 0.1, &ego);
            const double yaw = (double)truth.yaw;
            assert_near(b->velocity[0], o[i].speed * cos(yaw), 0.9); /* in the vehicle's axes */
            assert_near(b->velocity[1], o[i].speed * sin(yaw), 0.9);
            assert_near(b->center[0], truth.center[0], 0.35);
            assert_near(b->age_s, 0.1 * f, 1e-4);
        }
    }
    glint_tracker_close(t);
}

/* A detector that takes the front for the back in every fifth frame, and in the first two. */
static void front_and_back_are_told_apart(void **state)
{
    (void)state;
    const struct street_ego ego = {0, 0, true};
    const struct street_object o = {STREET_CAR, 20, 3, 0.5, 0, 0};
    struct glint_tracker *t = open_tracker();
    uint64_t seed = 4;
    for (int f = 0; f < 60; f++) {
        struct street_noise noise = usual;
        noise.flip = f < 2 || f % 5 == 4 ? 1 : 0;
        street_begin(&street, f, 0.1, &ego);
        const struct glint_box truth = street_truth(&o, f, 0.1, &ego);
        street_see(&street, &truth, &noise, &seed);
        glint_tracker_run(t, &street.frame);
        if (f > 8)
            assert_near(glint_wrap_angle((double)(street.boxes[0].yaw - truth.yaw)), 0, 0.2);
    }
    glint_tracker_close(t);
}

/* Missing for half a second: it is shown for a while where it should be, and is the same afterwards. */
static void the_unseen_goes_on(void **state)
{
    (void)state;
    const struct street_ego ego = {5, 0, true};
    const struct street_object o = {STREET_CAR, 10, 4, 0, 10, 0};
    struct glint_tracker *t = open_tracker();
    uint64_t seed = 4;
    int32_t id = 0;
    for (int f = 0; f < 60; f++) {
        street_begin(&street, f, 0.1, &ego);
        const struct glint_box truth = street_truth(&o, f, 0.1, &ego);
        const bool seen = f < 20 || f >= 26;
        if (seen)
            street_see(&street, &truth, &usual, &seed);
        glint_tracker_run(t, &street.frame);
        assert_int_equal(street.frame.n_boxes, seen || f < 21 ? 1 : 0);
        if (street.frame.n_boxes == 0 || f < 3)
            continue;
        assert_true(id == 0 || street.boxes[0].id == id);
        id = street.boxes[0].id;
        assert_near(street.boxes[0].unseen_s, seen ? 0 : 0.1 * (f - 19), 1e-4);
        if (f > 10)
            assert_near(street.boxes[0].center[0], truth.center[0], 0.7);
    }
    assert_true(id > 0);
    glint_tracker_close(t);
}

static void two_that_cross_stay_themselves(void **state)
{
    (void)state;
    const struct street_ego ego = {0, 0, false};
    for (uint64_t run = 1; run <= 20; run++) {
        const struct street_object o[] = {{STREET_PEDESTRIAN, 10, -4, 1.5708, 1.4, 0},
                                          {STREET_PEDESTRIAN, 10.4, 4, -1.5708, 1.4, 0}};
        struct glint_tracker *t = open_tracker();
        uint64_t seed = run * 99;
        int32_t id[2] = {0};
        for (int f = 0; f < 58; f++) {
            struct street_noise noise = usual;
            noise.place_m = 0.06;
            street_begin(&street, f, 0.1, &ego);
            for (int i = 0; i < 2; i++) {
                const struct glint_box truth = street_truth(&o[i], f, 0.1, &ego);
                street_see(&street, &truth, &noise, &seed);
            }
            glint_tracker_run(t, &street.frame);
            for (int i = 0; i < 2 && f > 4; i++) {
                assert_true(id[i] == 0 || id[i] == street.boxes[i].id);
                id[i] = street.boxes[i].id;
            }
        }
        assert_true(id[0] > 0 && id[1] > 0 && id[0] != id[1]);
        glint_tracker_close(t);
    }
}

static void one_look_is_not_enough_unless_it_is_sure(void **state)
{
    (void)state;
    const struct street_ego ego = {0, 0, false};
    struct glint_tracker *t = open_tracker();
    for (int f = 0; f < 3; f++) {
        street_begin(&street, f, 0.1, &ego);
        street.frame.n_boxes = 2;
        for (int i = 0; i < 2; i++)
            street.boxes[i] = (struct glint_box){
                .center = {10, (float)(30 * i + 9 * f), 0}, .size = {4, 2, 1.5f}, .score = i ? 0.45f : 0.9f};
        glint_tracker_run(t, &street.frame);
        assert_true(f > 0 || street.boxes[0].id == 1);
        assert_int_equal(street.boxes[1].id, -1);
        street.boxes[1].center[1] += 300; /* somewhere else every time */
    }
    glint_tracker_close(t);
}

static void another_scene_has_other_ids(void **state)
{
    (void)state;
    const struct street_ego ego = {0, 0, false};
    const struct street_object o = {STREET_CAR, 10, 4, 0, 0, 0};
    struct glint_tracker *t = open_tracker();
    static const int at[] = {0, 1, 2, 100, 101, 50, 51}; /* a jump on, a jump back */
    static const int32_t want[] = {1, 1, 1, 2, 2, 3, 3};
    for (int k = 0; k < 7; k++) {
        street_begin(&street, at[k], 0.1, &ego);
        street.boxes[street.frame.n_boxes++] = street_truth(&o, 0, 0.1, &ego);
        glint_tracker_run(t, &street.frame);
        assert_int_equal(street.boxes[0].id, want[k]);
    }
    glint_tracker_reset(t);
    street_begin(&street, 52, 0.1, &ego);
    street.boxes[street.frame.n_boxes++] = street_truth(&o, 0, 0.1, &ego);
    glint_tracker_run(t, &street.frame);
    assert_int_equal(street.boxes[0].id, 4);
    glint_tracker_close(t);
}

/* What no detector should say, and more than there is room for, does no harm. */
static void anything_goes(void **state)
{
    (void)state;
    static const float odd[] = {NAN, INFINITY, -INFINITY, 0, -1, 1e30f, 3e38f, 1e-30f, 5, 1, 0.5f};
    const struct street_ego ego = {3, 0.1, true};
    uint64_t seed = 8;
    struct glint_track_settings s;
    struct glint_tracker *t;
    struct glint_track_counts counts;
    glint_track_settings_default(&s, street_classes, 4);
    s.cap_tracks = 40;
    s.cap_boxes = 60;
    assert_int_equal(glint_tracker_open(&s, &t), GLINT_OK);
    for (int f = 0; f < 300; f++) {
        street_begin(&street, f % 50 == 49 ? 1 : f, 0.1, &ego);
        street.frame.has_pose = f % 3 != 0;
        if (f % 40 >= 38) /* the end of time, and then none */
            street.frame.reference_ns = street.frame.stamp_ns = f % 40 == 38 ? INT64_MAX : 0;
        street.frame.n_boxes = (int32_t)(glint_test_random(&seed) % STREET_BOXES);
        for (int32_t i = 0; i < street.frame.n_boxes; i++) {
            float v[10];
            for (int k = 0; k < 10; k++)
                v[k] = glint_test_random(&seed) % 8 == 0 ? odd[glint_test_random(&seed) % 11]
                                                         : glint_test_uniform(&seed, k < 3 ? -5 : 0.1f, 5);
            street.boxes[i] = (struct glint_box){.center = {v[0], v[1], v[2]},
                                                 .size = {v[3], v[4], v[5]},
                                                 .yaw = v[6],
                                                 .velocity = {v[7], v[8]},
                                                 .score = v[9],
                                                 .label = (int32_t)(glint_test_random(&seed) % 9) - 1};
        }
        assert_int_equal(glint_tracker_run(t, &street.frame), GLINT_OK);
        assert_true(street.frame.n_boxes <= STREET_BOXES);
    }
    glint_tracker_counts(t, &counts);
    assert_true(counts.frames == 300 && counts.not_begun > 0 && counts.not_looked_at > 0);
    glint_tracker_close(t);
}

/* Of one object: classes that nobody told of behave as the last one does. */
static void labels_beyond_all_classes_do_no_harm(void **state)
{
    (void)state;
    static const int32_t labels[] = {INT32_MAX, 3, INT32_MAX, 70, 3};
    const struct street_ego ego = {0, 0, true};
    struct glint_tracker *t = open_tracker();
    int32_t id = 0;
    for (int f = 0; f < 5; f++) {
        street_begin(&street, f, 0.1, &ego);
        street.boxes[0] = (struct glint_box){
            .center = {10, 2, 0}, .size = {9, 2.6f, 3}, .score = 0.9f, .label = labels[f], .id = -1};
        street.frame.n_boxes = 1;
        assert_int_equal(glint_tracker_run(t, &street.frame), GLINT_OK);
        assert_int_equal(street.frame.n_boxes, 1);
        assert_true(f == 0 || (street.boxes[0].id == id && street.boxes[0].label == 3));
        id = street.boxes[0].id;
    }
    glint_tracker_close(t);
}

static void of_too_many_sure_ones_the_first_are_taken(void **state)
{
    (void)state;
    const struct street_ego ego = {0, 0, true};
    struct glint_track_settings s;
    struct glint_track_counts counts;
    struct glint_tracker *t;
    glint_track_settings_default(&s, street_classes, 4);
    s.cap_boxes = 60;
    assert_int_equal(glint_tracker_open(&s, &t), GLINT_OK);
    for (int f = 0; f < 5; f++) {
        street_begin(&street, f, 0.1, &ego);
        street.frame.n_boxes = 100;
        for (int i = 0; i < 100; i++)
            street.boxes[i] = (struct glint_box){
                .center = {10.0f * (float)i, 2, 0}, .size = {4.5f, 1.9f, 1.6f}, .score = 1, .id = -1};
        assert_int_equal(glint_tracker_run(t, &street.frame), GLINT_OK);
    }
    glint_tracker_counts(t, &counts);
    assert_int_equal(counts.not_looked_at, 5 * 40);
    assert_int_equal(counts.tracks, 60);
    glint_tracker_close(t);
}

/* A source whose frames have a box already. */
static int next_with_box(struct glint_source *source, struct glint_frame *frame)
{
    const int status = fake_next_frame(source, frame);
    if (status < 0)
        return status;
    frame->boxes[frame->n_boxes++] =
        (struct glint_box){.center = {10, 2, 0}, .size = {4, 2, 1.5f}, .score = 0.9f, .id = -1};
    return GLINT_OK;
}

static int32_t seen_id;
static int64_t seen_ns;

static void keep_id(struct fake_sink *sink, const struct glint_frame *frame)
{
    (void)sink;
    seen_id = frame->boxes[0].id;
    seen_ns = frame->latency_ns[GLINT_STAGE_TRACK];
}

static void in_the_pipeline_it_is_a_stage(void **state)
{
    (void)state;
    static const struct glint_source_ops ops = {.name = "boxes",
                                                .next_frame = next_with_box,
                                                .cap_points = fake_cap_points,
                                                .progress = fake_progress};
    for (int threads = 1; threads < 4; threads += 2) {
        struct fake_frames source = {.source = {.ops = &ops, .path = "boxes"}, .n = 5, .bad = -1};
        static struct fake_sink sink;
        struct glint_pipeline_settings s;
        struct glint_pipeline *p;
        struct glint_tracker *t = open_tracker();
        glint_pipeline_settings_default(&s);
        fake_sink_init(&sink, "sink");
        sink.on_write = keep_id;
        s.source = &source.source;
        s.tracker = t;
        s.n_threads = threads;
        s.sinks[s.n_sinks++] = &sink.sink;
        seen_id = 0;
        assert_int_equal(glint_pipeline_open(&s, &p), GLINT_OK);
        assert_int_equal(glint_pipeline_run(p), GLINT_OK);
        glint_pipeline_close(p);
        assert_int_equal(sink.n, 5);
        assert_int_equal(seen_id, 1);
        assert_true(seen_ns >= 0);
        glint_tracker_close(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_stay),
        cmocka_unit_test(speeds_are_learned),
        cmocka_unit_test(front_and_back_are_told_apart),
        cmocka_unit_test(the_unseen_goes_on),
        cmocka_unit_test(two_that_cross_stay_themselves),
        cmocka_unit_test(one_look_is_not_enough_unless_it_is_sure),
        cmocka_unit_test(another_scene_has_other_ids),
        cmocka_unit_test(anything_goes),
        cmocka_unit_test(of_too_many_sure_ones_the_first_are_taken),
        cmocka_unit_test(labels_beyond_all_classes_do_no_harm),
        cmocka_unit_test(in_the_pipeline_it_is_a_stage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
