/* tests/test_stage_align.c - motion in the pipeline: mount, moments, stacks and frames without a pose; and
 * the demo drive, whose parked cars must fit their labels better than as measured. */
#include "calib/icp.h"
#include "calib/trajectory.h"
#include "core/json.h"
#include "glint/pipeline.h"
#include "io/source_pcap.h"
#include "tests/fakes.h"
#include <math.h>

#define PERIOD INT64_C(100000000)
#define START  INT64_C(1700000000000000000)

/* Frames every 0.1 s with three points ahead, measured at their begin, middle and end, of a thing that stands
 * 20 m from where a vehicle with 10 m/s along x began. */
static int n_sensors; /* 0: one; else frames come from so many in turns */

static int drive_next(struct glint_source *source, struct glint_frame *frame)
{
    struct fake_frames *s = (struct fake_frames *)source;
    if (s->at == s->n)
        return GLINT_E_EOF;
    const int i = s->at++;
    frame->stamp_ns = START + i * PERIOD;
    frame->sensor = n_sensors > 1 ? i % n_sensors : 0;
    for (uint32_t k = 0; k < 3; k++) {
        const uint32_t offset = k * 50000000;
        const float t = 0.1f * (float)i + 1e-9f * (float)offset;
        glint_frame_add_point(frame, 20 - 10 * t, 1, 0, 0.5f, (uint16_t)(10 * i), (uint8_t)k, offset);
    }
    return GLINT_OK;
}

static struct fake_frames drive(int n)
{
    static const struct glint_source_ops ops = {
        .name = "drive", .next_frame = drive_next, .cap_points = fake_cap_points, .progress = fake_progress};
    return (struct fake_frames){.source = {.ops = &ops, .path = "drive"}, .n = n, .bad = -1};
}

static struct fake_sink sink;
static struct glint_pipeline_stats stats;

#define KEPT 8
static struct kept { /* frames as they are published */
    int32_t n;
    float x[64], y[64], lag[64];
    uint16_t ring[64];
    bool has_pose, has_lag;
    int64_t reference_ns, align_ns;
    double position[3];
    struct glint_loss loss;
} kept[KEPT];

static void keep(struct fake_sink *s, const struct glint_frame *f)
{
    (void)s;
    struct kept *k = &kept[f->index % KEPT];
    memset(k, 0, sizeof *k);
    k->n = f->points.n;
    memcpy(k->x, f->points.x, (size_t)k->n * sizeof *k->x);
    memcpy(k->y, f->points.y, (size_t)k->n * sizeof *k->y);
    memcpy(k->ring, f->points.ring, (size_t)k->n * sizeof *k->ring);
    k->has_lag = f->points.lag != NULL;
    if (k->has_lag)
        memcpy(k->lag, f->points.lag, (size_t)k->n * sizeof *k->lag);
    k->has_pose = f->has_pose;
    k->reference_ns = f->reference_ns;
    k->align_ns = f->latency_ns[GLINT_STAGE_ALIGN];
    memcpy(k->position, f->pose_position, sizeof k->position);
    k->loss = f->loss;
}

static int run(struct glint_pipeline_settings *s, int n)
{
    struct fake_frames source = drive(n);
    struct glint_pipeline *p;
    s->source = &source.source;
    fake_sink_init(&sink, "sink");
    sink.on_write = keep;
    s->sinks[0] = &sink.sink;
    s->n_sinks = 1;
    const int status = glint_pipeline_open(s, &p);
    if (status < 0)
        return status;
    assert_int_equal(glint_pipeline_run(p), GLINT_OK);
    glint_pipeline_stats(p, &stats);
    glint_pipeline_close(p);
    return GLINT_OK;
}

static struct glint_trajectory *straight(int64_t from, int64_t to)
{
    int64_t stamp[2] = {from, to};
    struct glint_pose pose[2] = {glint_pose_identity(), glint_pose_identity()};
    struct glint_trajectory *tr;
    pose[0].t[0] = 10e-9 * (double)(from - START);
    pose[1].t[0] = 10e-9 * (double)(to - START);
    assert_int_equal(glint_trajectory_make(2, stamp, pose, &tr), GLINT_OK);
    tr->gap_ns = to - from;
    return tr;
}

static bool near(double a, double b)
{
    return fabs(a - b) < 1e-4;
}

static void moments(void **state)
{
    (void)state;
    static const double part[] = {0, 0, 0.5, 1};
    struct glint_trajectory *tr = straight(START, START + 10 * PERIOD);
    struct glint_pipeline_settings s;
    for (int32_t threads = 1; threads <= 2; threads++)
        for (int when = GLINT_DESKEW_START; when <= GLINT_DESKEW_END; when++) {
            glint_pipeline_settings_default(&s);
            s.poses = tr;
            s.n_threads = threads;
            s.deskew = (enum glint_deskew)when;
            assert_int_equal(run(&s, 5), GLINT_OK);
            assert_int_equal(sink.n, 5);
            for (int i = 0; i < 5; i++) {
                const struct kept *k = &kept[i];
                for (int c = 0; c < 3; c++)
                    assert_true(near(k->x[c], 20 - (i + part[when])) && near(k->y[c], 1));
                assert_true(k->has_pose && near(k->position[0], i + part[when]) && k->align_ns >= 0);
                assert_true(k->reference_ns == START + i * PERIOD + (int64_t)(part[when] * (double)PERIOD));
                assert_false(k->has_lag);
            }
        }
    glint_trajectory_close(tr);
}

static void mount_without_poses(void **state)
{
    (void)state;
    const struct glint_pose mount = {{0, 0, 0, 1}, {1, 2, 3}}; /* looks back */
    struct glint_pipeline_settings s;
    glint_pipeline_settings_default(&s);
    s.mount = &mount;
    assert_int_equal(run(&s, 1), GLINT_OK);
    assert_true(near(kept[0].x[0], 1 - 20) && near(kept[0].y[0], 2 - 1) && near(kept[0].x[2], 1 - 19));
    assert_false(kept[0].has_pose);
    assert_int_equal(kept[0].loss.frames_without_pose, 0);
    glint_pipeline_settings_default(&s);
    assert_int_equal(run(&s, 1), GLINT_OK);
    assert_true(kept[0].align_ns == -1); /* nothing asked for: no stage */
}

static void stacks(void **state)
{
    (void)state;
    struct glint_trajectory *tr = straight(START, START + 10 * PERIOD);
    struct glint_pipeline_settings s;
    glint_pipeline_settings_default(&s);
    s.poses = tr;
    s.deskew = GLINT_DESKEW_END;
    s.stack = 3;
    assert_int_equal(run(&s, 5), GLINT_OK);
    for (int i = 0; i < 5; i++) {
        const struct kept *k = &kept[i];
        assert_int_equal(k->n, 3 * (i < 2 ? i + 1 : 3));
        assert_true(k->has_lag);
        for (int c = 0; c < k->n; c++) { /* the thing stands, whenever it was seen */
            assert_true(near(k->x[c], 20 - (i + 1)) && near(k->y[c], 1));
            assert_true(near(k->lag[c], 0.1 * (c / 3)));
            assert_int_equal(k->ring[c], 10 * (i - c / 3)); /* newest first */
        }
    }
    assert_int_equal(stats.loss.points_clipped, 0);
    s.stack = 2;
    s.cap_points = 5; /* of which 2 for a past sweep of 3 */
    assert_int_equal(run(&s, 3), GLINT_OK);
    assert_int_equal(kept[2].n, 5);
    for (int i = 0; i < 3; i++)
        assert_int_equal(kept[i].loss.points_clipped, i + 1);
    assert_int_equal(stats.loss.points_clipped, 3);
    glint_trajectory_close(tr);
}

/* Each sensor's sweeps are stacked onto its own. */
static void stacks_of_two_sensors(void **state)
{
    (void)state;
    struct glint_trajectory *tr = straight(START, START + 10 * PERIOD);
    struct glint_pipeline_settings s;
    glint_pipeline_settings_default(&s);
    s.poses = tr;
    s.deskew = GLINT_DESKEW_END;
    s.stack = 2;
    n_sensors = 2;
    assert_int_equal(run(&s, 6), GLINT_OK);
    n_sensors = 0;
    for (int i = 0; i < 6; i++) {
        const struct kept *k = &kept[i];
        assert_int_equal(k->n, i < 2 ? 3 : 6);
        for (int c = 0; c < k->n; c++) {
            assert_true(near(k->x[c], 20 - (i + 1)));
            assert_true(near(k->lag[c], c < 3 ? 0 : 0.2));
            assert_int_equal(k->ring[c], 10 * (c < 3 ? i : i - 2));
        }
    }
    glint_trajectory_close(tr);
}

/* Frames 2 and 3 lie in a gap: unmoved, alone, counted; then it goes on with a new stack. */
static void without_a_pose(void **state)
{
    (void)state;
    const int64_t stamp[4] = {START, START + 2 * PERIOD, START + 4 * PERIOD, START + 6 * PERIOD};
    struct glint_pose pose[4];
    struct glint_trajectory *tr;
    struct glint_pipeline_settings s;
    for (int i = 0; i < 4; i++) {
        pose[i] = glint_pose_identity();
        pose[i].t[0] = 2 * i;
    }
    assert_int_equal(glint_trajectory_make(4, stamp, pose, &tr), GLINT_OK);
    tr->gap_ns = 2 * PERIOD;
    tr->stamp_ns[1] = START + 2 * PERIOD - 1; /* now 2..4 is a gap */
    tr->beyond_ns = 0;
    glint_pipeline_settings_default(&s);
    s.poses = tr;
    s.deskew = GLINT_DESKEW_START;
    s.stack = 2;
    assert_int_equal(run(&s, 6), GLINT_OK);
    for (int i = 0; i < 6; i++) {
        const bool gap = i == 2 || i == 3 || i == 1; /* 1 ends a nanosecond inside of it */
        assert_int_equal(kept[i].has_pose, !gap);
        assert_int_equal(kept[i].n, gap || i == 0 || i == 4 ? 3 : 6);
        assert_int_equal(kept[i].loss.frames_without_pose, i < 1 ? 0 : i < 4 ? i : 3);
        if (gap)
            assert_true(near(kept[i].x[2], 20 - (i + 1)));
    }
    assert_int_equal(stats.loss.frames_without_pose, 3);
    glint_trajectory_close(tr);
}

static void wrong_settings(void **state)
{
    (void)state;
    struct glint_pipeline_settings s;
    glint_pipeline_settings_default(&s);
    s.deskew = GLINT_DESKEW_END;
    assert_int_equal(run(&s, 1), GLINT_E_ARG);
    assert_non_null(strstr(glint_error_text(), "need poses"));
    glint_pipeline_settings_default(&s);
    s.stack = 2;
    assert_int_equal(run(&s, 1), GLINT_E_ARG);
    struct glint_trajectory *tr = straight(START, START + PERIOD);
    s.poses = tr;
    s.stack = GLINT_PIPELINE_STACK + 1;
    assert_int_equal(run(&s, 1), GLINT_E_ARG);
    glint_trajectory_close(tr);
}

/* ---- the demo drive ---- */

#define DEMO GLINT_SOURCE_DIR "/data/demo/"
static const double turn_s = 0.10368, speed = 5;

struct car { /* parked, from the labels of one turn */
    double center[3], size[3], yaw, points;
};
static struct parked {
    int32_t n;
    struct car car[64];
} parked[10];

/* A car is parked when its place in the world is the same in the first turn and in this one. */
static void read_labels(void)
{
    FILE *f = fopen(DEMO "demo.labels.jsonl", "r");
    static char line[65536];
    static double first[4096];
    for (int turn = 0; turn < 10 && fgets(line, sizeof line, f); turn++) {
        struct glint_json_doc *doc;
        assert_int_equal(glint_json_parse("labels", line, strlen(line), &doc), GLINT_OK);
        const struct glint_json boxes = glint_json_get(glint_json_root(doc), "boxes");
        for (size_t i = 0; i < glint_json_size(boxes); i++) {
            const struct glint_json box = glint_json_at(boxes, i);
            struct car *c = &parked[turn].car[parked[turn].n];
            const char *label;
            int32_t track, n;
            assert_int_equal(glint_json_string(box, "label", &label), GLINT_OK);
            assert_int_equal(glint_json_i32(box, "track", 0, 4095, &track), GLINT_OK);
            assert_int_equal(glint_json_f64s(box, "center", 3, 3, c->center, &n), GLINT_OK);
            assert_int_equal(glint_json_f64s(box, "size", 3, 3, c->size, &n), GLINT_OK);
            assert_int_equal(glint_json_f64(box, "yaw", -4, 4, &c->yaw), GLINT_OK);
            assert_int_equal(glint_json_f64(box, "points", 0, 1e6, &c->points), GLINT_OK);
            const double world = c->center[0] + speed * turn_s * turn;
            first[track] = turn == 0 ? world : first[track];
            if (strcmp(label, "car") == 0 && fabs(world - first[track]) < 0.02 && c->points >= 50 && turn > 0)
                parked[turn].n++;
        }
        glint_json_close(doc);
    }
    fclose(f);
}

static double outside_sum, near_points, inside_points;

/* Points about each car: how far outside of its box they lie, seen from above. */
static void measure(struct fake_sink *s, const struct glint_frame *f)
{
    (void)s;
    if (f->index >= 10)
        return;
    for (int32_t i = 0; i < parked[f->index].n; i++) {
        const struct car *c = &parked[f->index].car[i];
        for (int32_t k = 0; k < f->points.n; k++) {
            const double dx = f->points.x[k] - c->center[0], dy = f->points.y[k] - c->center[1];
            const double u = fabs(dx * cos(c->yaw) + dy * sin(c->yaw)) - c->size[0] / 2;
            const double v = fabs(dy * cos(c->yaw) - dx * sin(c->yaw)) - c->size[1] / 2;
            const double w = fabs(f->points.z[k] - c->center[2]) - c->size[2] / 2;
            const double out = fmax(fmax(u, v), 0);
            if (w > -0.15 || out > 0.4) /* not the road, nor the next car */
                continue;
            outside_sum += out;
            near_points++;
            inside_points += out < 0.03;
        }
    }
}

static double mean_outside(const struct glint_trajectory *tr, enum glint_deskew deskew, double *inside_out)
{
    struct glint_source *source;
    struct glint_pipeline_settings s;
    struct glint_pipeline *p;
    outside_sum = near_points = inside_points = 0;
    glint_pipeline_settings_default(&s);
    assert_int_equal(glint_source_pcap_open(DEMO "demo.pcap", NULL, &source), GLINT_OK);
    s.source = source;
    s.poses = tr;
    s.deskew = deskew;
    fake_sink_init(&sink, "sink");
    sink.on_write = measure;
    s.sinks[s.n_sinks++] = &sink.sink;
    assert_int_equal(glint_pipeline_open(&s, &p), GLINT_OK);
    assert_int_equal(glint_pipeline_run(p), GLINT_OK);
    glint_pipeline_close(p);
    glint_source_close(source);
    *inside_out = inside_points / near_points;
    return outside_sum / near_points;
}

static void parked_cars_fit_their_labels(void **state)
{
    (void)state;
    struct glint_trajectory *tr;
    double inside_raw, inside;
    read_labels();
    assert_int_equal(glint_trajectory_load(DEMO "demo.poses.csv", NULL, &tr), GLINT_OK);
    const double raw = mean_outside(NULL, GLINT_DESKEW_OFF, &inside_raw);
    const double moved = mean_outside(tr, GLINT_DESKEW_MIDDLE, &inside);
    print_message("parked cars of the demo: points lie %.4f m outside of their boxes as measured (%.1f %% "
                  "inside), %.4f m "
                  "after deskew (%.1f %% inside)\n",
                  raw, 100 * inside_raw, moved, 100 * inside);
    assert_true(near_points > 10000);
    assert_true(moved < raw / 3 && inside > inside_raw);
    glint_trajectory_close(tr);
}

/* ---- turns of the demo on each other ---- */

static float turn_xyz[2][3 * 80000];
static int32_t turn_n[2];
static int64_t turn_ns[2];

static void keep_turn(struct fake_sink *s, const struct glint_frame *f)
{
    (void)s;
    if (f->index >= 2)
        return;
    turn_n[f->index] = f->points.n;
    turn_ns[f->index] = f->reference_ns;
    for (int32_t i = 0; i < f->points.n; i++) {
        turn_xyz[f->index][3 * i] = f->points.x[i];
        turn_xyz[f->index][3 * i + 1] = f->points.y[i];
        turn_xyz[f->index][3 * i + 2] = f->points.z[i];
    }
}

/* The way driven between two turns is found without the poses. From "nothing moved" the pattern of the lasers
 * alone leads to a false minimum at 1 cm, which must not win. */
static void turns_register(void **state)
{
    (void)state;
    struct glint_trajectory *tr;
    struct glint_source *source;
    struct glint_pipeline_settings s;
    struct glint_pipeline *p;
    struct glint_icp_result r;
    struct glint_pose truth;
    assert_int_equal(glint_trajectory_load(DEMO "demo.poses.csv", NULL, &tr), GLINT_OK);
    glint_pipeline_settings_default(&s);
    assert_int_equal(glint_source_pcap_open(DEMO "demo.pcap", NULL, &source), GLINT_OK);
    s.source = source;
    s.poses = tr;
    s.deskew = GLINT_DESKEW_START;
    s.end_frame = 2;
    fake_sink_init(&sink, "sink");
    sink.on_write = keep_turn;
    s.sinks[s.n_sinks++] = &sink.sink;
    assert_int_equal(glint_pipeline_open(&s, &p), GLINT_OK);
    assert_int_equal(glint_pipeline_run(p), GLINT_OK);
    glint_pipeline_close(p);
    glint_source_close(source);
    assert_int_equal(glint_trajectory_motion(tr, turn_ns[1], turn_ns[0], &truth), GLINT_OK);
    assert_int_equal(
        glint_icp(turn_xyz[0], turn_n[0], turn_xyz[1], turn_n[1], glint_pose_identity(), NULL, &r), GLINT_OK);
    print_message(
        "turns of the demo: %.4f m apart, off by %.4f m, %.4f deg; another pose fits %.0f %% as well\n",
        glint_pose_distance(truth, glint_pose_identity()), glint_pose_distance(r.a_from_b, truth),
        glint_pose_angle(r.a_from_b, truth) * 57.29578, 100 * r.rival);
    assert_true(glint_pose_distance(r.a_from_b, truth) < 0.01);
    assert_true(glint_pose_angle(r.a_from_b, truth) < 0.002);
    glint_trajectory_close(tr);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moments),
        cmocka_unit_test(mount_without_poses),
        cmocka_unit_test(stacks),
        cmocka_unit_test(stacks_of_two_sensors),
        cmocka_unit_test(without_a_pose),
        cmocka_unit_test(wrong_settings),
        cmocka_unit_test(parked_cars_fit_their_labels),
        cmocka_unit_test(turns_register),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
