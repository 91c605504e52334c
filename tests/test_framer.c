/* tests/test_framer.c - where frames begin, and what is in them. */
#include "tests/util.h"
#include "tests/packets.h"
#include "io/framer.h"
#include <math.h>

static struct glint_returns returns;
static struct glint_frame_pool *pool;

/* One return per azimuth, 1 ms apart from t_ms on. */
static void set(int32_t n, const float *azimuths, int64_t t_ms)
{
    returns.n = n;
    returns.frame_id = -1;
    for (int32_t i = 0; i < n; i++) {
        returns.azimuth[i] = azimuths[i];
        returns.t_ns[i] = (t_ms + i) * 1000000;
        returns.x[i] = (float)i;
        returns.y[i] = 1;
        returns.z[i] = 2;
        returns.intensity[i] = 0.5f;
        returns.ring[i] = (uint16_t)i;
        returns.block[i] = (uint16_t)i;
    }
}

/* The indices at which frames begin, up to 8, ended by n. */
static void check_cuts(struct glint_cutter *c, const int32_t *want)
{
    int32_t at = 0, k = 0;
    do {
        at = glint_cutter_find(c, &returns, at);
        assert_int_equal(at, want[k]);
    } while (want[k++] < returns.n);
}
#define CUTS(c, ...) check_cuts(c, (const int32_t[]){__VA_ARGS__})
#define SET(t_ms, ...)                                                                                       \
    set((int32_t)(sizeof((const float[]){__VA_ARGS__}) / sizeof(float)), (const float[]){__VA_ARGS__}, t_ms)

static void a_frame_begins_where_the_azimuth_passes_the_cut(void **state)
{
    (void)state;
    struct glint_cutter c;
    glint_cutter_init(&c, 0, false);
    SET(0, 350, 355, 359.99f, 0, 5, 90, 180, 270, 359, 1);
    CUTS(&c, 3, 9, 10);
    SET(10, 2, 100, 200, 300, 358); /* goes on in the next packet */
    CUTS(&c, 5);
    SET(15, 0.5f);
    CUTS(&c, 0, 1);
}

static void the_cut_may_be_anywhere(void **state)
{
    (void)state;
    static const double cuts[] = {180, -180, 540};
    for (int i = 0; i < 3; i++) {
        struct glint_cutter c;
        glint_cutter_init(&c, cuts[i], false);
        SET(0, 90, 179.99f, 180, 270, 359, 0, 90, 179, 181);
        CUTS(&c, 2, 8, 9);
    }
}

static void parts_of_a_turn_are_cut_every_so_many_degrees(void **state)
{
    (void)state;
    struct glint_cutter c;
    glint_cutter_init(&c, 10, true);
    glint_cutter_set_sector(&c, 90);
    SET(0, 20, 99, 100, 150, 140, 189, 191, 279, 281, 9, 11, 350, 12);
    CUTS(&c, 2, 6, 8, 10, 11, 12, 13); /* over three parts at once: one frame; 140 is late */
    glint_cutter_init(&c, 0, false);
    glint_cutter_set_sector(&c, 100); /* the last part of a turn is what is left */
    SET(0, 10, 110, 210, 290, 310, 350, 5, 99, 100);
    CUTS(&c, 1, 2, 4, 6, 8, 9);
}

static void late_blocks_make_no_cut(void **state)
{
    (void)state;
    struct glint_cutter c;
    glint_cutter_init(&c, 0, false);
    SET(0, 355, 359, 1, 358, 2, 357, 3, 90, 88, 92); /* packets overtake each other around the cut */
    CUTS(&c, 2, 10);
}

static void narrow_views_are_cut_each_turn(void **state)
{
    (void)state;
    struct glint_cutter c;
    glint_cutter_init(&c, 0, false);
    SET(0, 170, 180, 190);
    CUTS(&c, 3);
    SET(100, 170, 180, 190);
    CUTS(&c, 0, 3);
    glint_cutter_init(&c, 0, false);
    SET(0, 180, 182, 185);
    CUTS(&c, 3);
    SET(100, 180, 182, 185); /* back by 5 degrees only, but a turn later */
    CUTS(&c, 0, 3);
    glint_cutter_init(&c, 0, false);
    SET(0, 350, 355, 5, 10); /* the view holds the cut */
    CUTS(&c, 2, 4);
    SET(100, 350, 355, 5, 10);
    CUTS(&c, 2, 4);
}

static void pauses_and_clock_jumps_begin_frames(void **state)
{
    (void)state;
    struct glint_cutter c;
    glint_cutter_init(&c, 0, false);
    SET(0, 10, 20);
    CUTS(&c, 2);
    SET(5000, 30, 40);
    CUTS(&c, 0, 2);
    SET(-5000, 50, 60);
    CUTS(&c, 0, 2);
}

static void frame_ids_cut_and_late_ones_do_not(void **state)
{
    (void)state;
    static const int64_t ids[] = {65534, 65535, 0, 65535, 0, 1, 40000};
    static const int32_t cut[] = {2, 0, 0, 2, 2, 0, 0};
    struct glint_cutter c;
    glint_cutter_init(&c, 0, true);
    for (int i = 0; i < 7; i++) {
        SET(i, 1, 2);
        returns.frame_id = ids[i];
        assert_int_equal(glint_cutter_late(&c, &returns), i == 3);
        assert_int_equal(glint_cutter_find(&c, &returns, 0), cut[i]);
    }
    SET(0, 1);
    returns.n = 0; /* a packet without returns begins nothing */
    returns.frame_id = 7;
    assert_int_equal(glint_cutter_find(&c, &returns, 0), 0);
}

/* ---- frames ---- */

static struct glint_framer *open_framer(bool by_frame_id, bool to_vehicle)
{
    static struct glint_decoder d; /* outlives the framer */
    d = (struct glint_decoder){
        .sensor = "Test", .to_vehicle_yaw = -1.57079632679489661923, .cut_by_frame_id = by_frame_id};
    const struct glint_framer_settings settings = {.to_vehicle = to_vehicle};
    struct glint_framer *f;
    assert_int_equal(glint_framer_open(&settings, &d, &f), GLINT_OK);
    return f;
}

static void frames_are_whole_stamped_and_in_order(void **state)
{
    (void)state;
    struct glint_framer *f = open_framer(false, false);
    struct glint_frame *a = glint_frame_get(pool, false), *b = glint_frame_get(pool, false);
    int32_t pos = 0;
    SET(1000, 300, 359, 1, 100);
    assert_int_equal(glint_framer_push(f, &returns, &pos, a), GLINT_OK);
    assert_int_equal(pos, 2);
    assert_int_equal(a->points.n, 2);
    assert_int_equal(a->index, 0);
    assert_string_equal(a->name, "000000");
    assert_string_equal(a->source, "Test");
    assert_int_equal(a->stamp_ns, 1000000000);
    assert_int_equal(a->points.offset_ns[1], 1000000);
    assert_int_equal(glint_framer_push(f, &returns, &pos, b), GLINT_E_AGAIN);
    assert_int_equal(pos, 4);
    assert_int_equal(b->points.n, 2);
    assert_int_equal(b->index, 1);
    assert_int_equal(b->stamp_ns, 1002000000);
    assert_true(b->points.x[0] == 2 && b->points.y[0] == 1 && b->points.z[0] == 2 &&
                b->points.intensity[0] == 0.5f);
    assert_int_equal(b->points.ring[1], 3);
    glint_frame_unref(a);
    glint_frame_unref(b);
    glint_framer_close(f);
}

static void a_cut_at_the_first_return_of_a_packet(void **state)
{
    (void)state;
    struct glint_framer *f = open_framer(false, false);
    struct glint_frame *a = glint_frame_get(pool, false), *b = glint_frame_get(pool, false);
    int32_t pos = 0;
    SET(0, 350, 359);
    assert_int_equal(glint_framer_push(f, &returns, &pos, a), GLINT_E_AGAIN);
    pos = 0;
    SET(2, 0, 1);
    assert_int_equal(glint_framer_push(f, &returns, &pos, a), GLINT_OK);
    assert_int_equal(pos, 0);
    assert_int_equal(a->points.n, 2);
    assert_int_equal(glint_framer_push(f, &returns, &pos, b), GLINT_E_AGAIN);
    assert_int_equal(b->points.n, 2);
    glint_frame_unref(a);
    glint_frame_unref(b);
    glint_framer_close(f);
}

static void points_turn_into_the_vehicles_frame(void **state)
{
    (void)state;
    struct glint_framer *f = open_framer(false, true);
    struct glint_frame *a = glint_frame_get(pool, false);
    int32_t pos = 0;
    SET(0, 1, 2, 3);
    glint_framer_push(f, &returns, &pos, a);
    assert_true(a->points.x[2] == 1 && a->points.y[2] == -2 &&
                a->points.z[2] == 2); /* a quarter turn, exactly */
    glint_frame_unref(a);
    glint_framer_close(f);
}

static void absurd_points_are_dropped_and_too_many_clipped(void **state)
{
    (void)state;
    struct glint_framer *f = open_framer(false, false);
    struct glint_frame *a = glint_frame_get(pool, false);
    int32_t pos = 0;
    SET(0, 1, 2, 3, 4, 5, 6, 7);
    returns.x[0] = NAN;
    returns.y[1] = INFINITY;
    returns.z[2] = -2e4f;
    returns.x[3] = returns.y[3] = 9e3f; /* 12.7 km away */
    returns.intensity[4] = NAN;
    glint_framer_push(f, &returns, &pos, a);
    assert_int_equal(a->points.n, 2);
    assert_int_equal(a->loss.points_dropped, 5);
    SET(7, 8, 9, 10, 11, 12, 13, 14, 15);
    pos = 0;
    glint_framer_push(f, &returns, &pos, a); /* the pool's frames have 8 points */
    assert_int_equal(a->points.n, 8);
    assert_int_equal(a->loss.points_clipped, 2);
    assert_int_equal(a->loss.points_dropped, 5);
    glint_frame_unref(a);
    glint_framer_close(f);
}

static void late_returns_of_an_older_frame_are_dropped(void **state)
{
    (void)state;
    struct glint_framer *f = open_framer(true, false);
    struct glint_frame *a = glint_frame_get(pool, false);
    int32_t pos = 0;
    SET(0, 1, 2);
    returns.frame_id = 8;
    assert_int_equal(glint_framer_push(f, &returns, &pos, a), GLINT_E_AGAIN);
    pos = 0;
    returns.frame_id = 7;
    assert_int_equal(glint_framer_push(f, &returns, &pos, a), GLINT_E_AGAIN);
    assert_int_equal(pos, 2);
    assert_int_equal(a->points.n, 2);
    assert_int_equal(a->loss.points_dropped, 2);
    pos = 0;
    returns.frame_id = 9;
    assert_int_equal(glint_framer_push(f, &returns, &pos, a), GLINT_OK);
    glint_frame_unref(a);
    glint_framer_close(f);
}

/* A sensor that starts again counts its frames anew: what is late at first is its new frame soon. */
static void a_sensor_that_starts_again_is_not_late_for_long(void **state)
{
    (void)state;
    struct glint_framer *f = open_framer(true, false);
    struct glint_frame *a = glint_frame_get(pool, false);
    int32_t pos = 0, i = 0;
    SET(0, 1, 2);
    returns.frame_id = 3;
    assert_int_equal(glint_framer_push(f, &returns, &pos, a), GLINT_E_AGAIN);
    returns.frame_id = 1;
    for (; i < 100; i++) {
        pos = 0;
        if (glint_framer_push(f, &returns, &pos, a) == GLINT_OK)
            break;
    }
    assert_int_equal(i, 32);
    assert_int_equal(a->points.n, 2);
    assert_int_equal(a->loss.points_dropped, 64);
    glint_frame_unref(a);
    a = glint_frame_get(pool, false);
    assert_int_equal(glint_framer_push(f, &returns, &pos, a), GLINT_E_AGAIN);
    pos = 0;
    assert_int_equal(glint_framer_push(f, &returns, &pos, a), GLINT_E_AGAIN);
    assert_int_equal(a->points.n, 4);
    pos = 0;
    returns.frame_id = 2;
    assert_int_equal(glint_framer_push(f, &returns, &pos, a), GLINT_OK);
    glint_frame_unref(a);
    glint_framer_close(f);
}

/* Blocks one degree apart from `from` on, one return each but those from `dark` on. */
static void set_blocks(int32_t from, int32_t n, int32_t dark)
{
    float azimuths[64];
    for (int32_t i = 0; i < n; i++)
        azimuths[i] = (float)((from + i) % 360);
    set(dark, azimuths, from);
    returns.n_blocks = n;
    for (int32_t i = 0; i < n; i++) {
        returns.t_ns[i] = (from + i) * INT64_C(100000);
        returns.block_azimuth[i] = azimuths[i];
        returns.block_first[i] = i < dark ? i : dark;
    }
}

/* Pushes blocks from..to, 30 in a packet; degrees from dark_from to dark_to see nothing. */
static void push_degrees(struct glint_framer *f, struct glint_frame *frame, int32_t from, int32_t to,
                         int32_t dark_from, int32_t dark_to)
{
    for (int32_t a = from; a < to; a += 30) {
        int32_t pos = 0;
        set_blocks(a, 30, a >= dark_from && a < dark_to ? 0 : 30);
        assert_int_equal(glint_framer_push(f, &returns, &pos, frame), GLINT_E_AGAIN);
    }
    returns.n_blocks = 0;
}

static float coverage_of(const struct glint_framer_settings *s, const float *window, const int32_t *degrees)
{
    struct glint_decoder d = {.sensor = "Test", .turns = true, .window_deg = {window[0], window[1]}};
    struct glint_frame *frame = glint_frame_get(pool, false);
    struct glint_framer *f;
    assert_int_equal(glint_framer_open(s, &d, &f), GLINT_OK);
    push_degrees(f, frame, degrees[0], degrees[1], degrees[2], degrees[3]);
    const float share = frame->coverage;
    glint_frame_unref(frame);
    glint_framer_close(f);
    return share;
}

static void coverage_is_the_share_of_the_sweep_received(void **state)
{
    (void)state;
    const struct glint_framer_settings whole = {0}, part = {.sub_sweep_deg = 90}, elsewhere = {.cut_deg = 90};
    const float all[2] = {0, 0}, front[2] = {270, 90}, right[2] = {0, 180};
    assert_near(coverage_of(&whole, all, (int32_t[]){0, 360, 0, 0}), 1, 1e-6);
    assert_near(coverage_of(&whole, all, (int32_t[]){0, 180, 0, 0}), 0.5, 1e-6);
    assert_near(coverage_of(&whole, all, (int32_t[]){0, 360, 300, 360}), 1, 1e-6); /* dark is not lost */
    assert_near(coverage_of(&whole, all, (int32_t[]){0, 360, 0, 60}), 1, 1e-6);
    assert_near(coverage_of(&whole, right, (int32_t[]){0, 90, 0, 0}), 0.5, 1e-6);
    assert_near(coverage_of(&elsewhere, front, (int32_t[]){270, 330, 0, 0}), 60 / 180.0, 1e-6);
    assert_near(coverage_of(&part, all, (int32_t[]){90, 150, 0, 0}), 60 / 90.0, 1e-6);
}

static void angles_need_a_scan_that_turns(void **state)
{
    (void)state;
    const struct glint_decoder d = {.sensor = "Solid state"};
    const struct glint_framer_settings bad[] = {{.cut_deg = 90}, {.sub_sweep_deg = 90}};
    const struct glint_framer_settings worse[] = {
        {.sub_sweep_deg = 0.5}, {.sub_sweep_deg = -1}, {.cut_deg = NAN}};
    struct glint_framer *f;
    for (int i = 0; i < 2; i++)
        assert_int_equal(glint_framer_open(&bad[i], &d, &f), GLINT_E_UNSUPPORTED);
    for (int i = 0; i < 3; i++)
        assert_int_equal(glint_framer_open(&worse[i], &d, &f), GLINT_E_ARG);
    assert_null(f);
}

static int make_pool(void **state)
{
    (void)state;
    return glint_frame_pool_open(2, 8, 1, &pool);
}

static int remove_pool(void **state)
{
    (void)state;
    glint_frame_pool_close(pool);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_begins_where_the_azimuth_passes_the_cut),
        cmocka_unit_test(the_cut_may_be_anywhere),
        cmocka_unit_test(parts_of_a_turn_are_cut_every_so_many_degrees),
        cmocka_unit_test(late_blocks_make_no_cut),
        cmocka_unit_test(narrow_views_are_cut_each_turn),
        cmocka_unit_test(pauses_and_clock_jumps_begin_frames),
        cmocka_unit_test(frame_ids_cut_and_late_ones_do_not),
        cmocka_unit_test(frames_are_whole_stamped_and_in_order),
        cmocka_unit_test(a_cut_at_the_first_return_of_a_packet),
        cmocka_unit_test(points_turn_into_the_vehicles_frame),
        cmocka_unit_test(absurd_points_are_dropped_and_too_many_clipped),
        cmocka_unit_test(coverage_is_the_share_of_the_sweep_received),
        cmocka_unit_test(angles_need_a_scan_that_turns),
        cmocka_unit_test(late_returns_of_an_older_frame_are_dropped),
        cmocka_unit_test(a_sensor_that_starts_again_is_not_late_for_long),
    };
    return cmocka_run_group_tests(tests, make_pool, remove_pool);
}
