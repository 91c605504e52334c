/* tests/test_height.c - frames from another height than the network was trained for. */
#include "tests/util.h"
#include "tests/model_fixture.h"
#include "core/cpu.h"
#include "core/frame.h"
#include "core/log.h"
#include "glint/model.h"
#include "model/height.h"
#include <math.h>

#define FOLDER GLINT_BUILD_DIR "/test_height_model"
#define CAP    6000

static struct glint_frame_pool *pool;
static struct glint_height height;
static int32_t n_notes;
static char note[300];

static void count_note(void *ctx, enum glint_log_level level, const char *line)
{
    (void)ctx;
    (void)level;
    n_notes++;
    snprintf(note, sizeof note, "%s", line);
}

/* A flat ground at z, hills of `uneven` m, and things on it up to 1.5 m. */
static struct glint_frame *scan(float z, float uneven)
{
    struct glint_frame *frame = glint_frame_get(pool, false);
    uint64_t seed = 7;
    for (int32_t i = 0; i < CAP; i++) {
        const float x = glint_test_uniform(&seed, -8, 8), y = glint_test_uniform(&seed, -8, 8);
        const float hill = uneven * sinf(x) * sinf(y), above = glint_test_uniform(&seed, 0, 1.5f);
        glint_frame_add_point(frame, x, y, z + hill + (i % 3 ? 0 : above), 0.5f, 0, 0, 0);
    }
    return frame;
}

static float choose(float z, int32_t sensor, uint64_t index)
{
    struct glint_frame *frame = scan(z, 0);
    frame->sensor = sensor;
    frame->index = index;
    const float shift = glint_height_choose(&height, frame, "m");
    glint_frame_unref(frame);
    return shift;
}

static int begin(void **state)
{
    (void)state;
    height = (struct glint_height){.lo = 1.5f, .hi = 2.2f, .cap_points = CAP};
    n_notes = 0;
    glint_log_set(count_note, NULL, GLINT_LOG_INFO);
    return glint_frame_pool_open(4, CAP, 100, &pool);
}

static int end(void **state)
{
    (void)state;
    glint_log_set(NULL, NULL, GLINT_LOG_INFO);
    glint_frame_pool_close(pool);
    return 0;
}

static void what_is_near_the_range_stays(void **state)
{
    (void)state;
    static const float z[] = {-1.01f, -1.5f, -1.8f, -2.2f, -2.69f};
    for (uint64_t i = 0; i < 5; i++)
        assert_true(choose(z[i], 0, i) == 0.0f);
    assert_int_equal(n_notes, 0);
}

static void the_ground_comes_to_the_middle_of_the_range(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 3; i++)
        assert_true(choose(0.05f, 0, i) == -1.9f);
    assert_int_equal(n_notes, 1);
    assert_string_equal(note,
                        "m: ground at +0.1 m, sensor height 1.5 to 2.2 m expected: points are shifted by "
                        "-1.9 m for the network, and boxes back");
    assert_true(choose(-4.0f, 1, 3) > 2.0f); /* another sensor, on a mast */
    assert_true(choose(0.05f, 0, 4) == -1.9f);
    assert_true(choose(0.05f, GLINT_HEIGHT_SENSORS, 5) == 0.0f);
}

/* A few frames, or a slope, change nothing. */
static void it_does_not_flicker(void **state)
{
    (void)state;
    uint64_t index = 0;
    assert_true(choose(-1.8f, 0, index++) == 0.0f);
    for (int i = 0; i < 12; i++)
        assert_true(choose(i % 5 == 4 ? -1.8f : 0.0f, 0, index++) == 0.0f);
    assert_true(choose(-1.8f, 0, index++) == 0.0f);
    for (int i = 0; i < 4; i++)
        assert_true(choose(0.0f, 0, index++) == 0.0f);
    assert_true(choose(0.0f, 0, index++) < -1.7f);
    for (int i = 0; i < 12; i++)
        assert_true(choose(i % 2 ? 0.6f : -0.6f, 0, index++) < -1.7f);
    for (int i = 0; i < 4; i++)
        assert_true(choose(-1.8f, 0, index++) < -1.7f);
    assert_true(choose(-1.8f, 0, index++) == 0.0f);
    assert_int_equal(n_notes, 2);
    assert_true(choose(0.0f, 0, 0) < -1.7f); /* a source that begins anew */
}

static void what_says_nothing_is_left_alone(void **state)
{
    (void)state;
    assert_true(choose(28.0f, 0, 0) == 0.0f); /* no mounting, but a mistake */
    struct glint_frame *frame = scan(0, 3);
    assert_true(glint_height_choose(&height, frame, "m") == 0.0f);
    glint_frame_unref(frame);
    frame = scan(0, 0);
    frame->points.n = 40;
    frame->sensor = 1;
    assert_true(glint_height_choose(&height, frame, "m") == 0.0f);
    frame->points.n = CAP;
    frame->as_network_input = true;
    assert_true(glint_height_choose(&height, frame, "m") == 0.0f);
    frame->as_network_input = false;
    frame->points.z[5] = NAN;
    assert_true(glint_height_choose(&height, frame, "m") < -1.7f);
    height.lo = height.hi = 0; /* a model that does not say */
    frame->sensor = 2;
    assert_true(glint_height_choose(&height, frame, "m") == 0.0f);
    glint_frame_unref(frame);
}

/* Models */

static struct glint_model *open_model(const char *config, int32_t threads)
{
    struct fixture *f = fixture_open();
    struct glint_model_settings s;
    struct glint_model *model;
    glint_model_settings_default(&s);
    s.device = "cpu";
    s.n_threads = threads;
    s.cap_points = CAP;
    s.score = 0;
    fixture_write(f, FOLDER, config);
    if (glint_model_open(FOLDER, &s, NULL, &model) != GLINT_OK)
        fail_msg("%s", glint_error_text());
    fixture_close(f);
    return model;
}

static struct glint_frame *run(const char *config, int32_t threads, float z, bool as_network_input)
{
    struct glint_model *model = open_model(config, threads);
    struct glint_frame *frame = scan(z, 0);
    float *const at = frame->points.z;
    const float third = at[2];
    frame->as_network_input = as_network_input;
    assert_int_equal(glint_model_run(model, frame), GLINT_OK);
    assert_true(frame->points.z == at && at[2] == third); /* the frame keeps its own */
    assert_true(frame->n_boxes > 0);
    glint_model_close(model);
    return frame;
}

static bool same(const struct glint_frame *a, const struct glint_frame *b)
{
    return a->n_boxes == b->n_boxes && !memcmp(a->boxes, b->boxes, (size_t)a->n_boxes * sizeof *a->boxes);
}

/* Each box of a is among b's, `up` metres higher. */
static void assert_higher(const struct glint_frame *a, const struct glint_frame *b, float up)
{
    assert_int_equal(a->n_boxes, b->n_boxes);
    for (int32_t i = 0; i < a->n_boxes; i++) {
        const struct glint_box *p = &a->boxes[i], *q = &b->boxes[i];
        assert_int_equal(p->label, q->label);
        assert_true(fabsf(p->score - q->score) < 1e-4f);
        for (int k = 0; k < 3; k++)
            assert_true(fabsf(q->center[k] - p->center[k] - (k == 2 ? up : 0)) < 1e-3f &&
                        fabsf(q->size[k] - p->size[k]) < 1e-3f * p->size[k]);
    }
}

static void raised_frames_give_the_same_boxes_raised(void **state)
{
    (void)state;
    char config[4096];
    snprintf(config, sizeof config, "%s",
             fixture_replace("\"intensity\"]}", "\"intensity\"], \"sensor_height_m\": [1.2, 1.6]}"));
    struct glint_frame *usual = run(config, 1, -1.4f, false), *silent = run(NULL, 1, -1.4f, false);
    assert_true(same(usual, silent)); /* in range: to the bit what it is without the height */
    assert_int_equal(n_notes, 0);
    struct glint_frame *raised = run(config, 1, 0.5f, false), *threads = run(config, 3, 0.5f, false);
    assert_int_equal(n_notes, 2);
    assert_higher(usual, raised, 1.9f);
    assert_true(same(raised, threads));
    glint_frame_unref(silent);
    glint_frame_unref(threads);
    silent = run(NULL, 1, 0.5f, false);
    threads = run(config, 1, 0.5f, true); /* a network's input */
    assert_true(same(silent, threads) && !same(silent, raised));
    glint_frame_unref(usual);
    glint_frame_unref(silent);
    glint_frame_unref(raised);
    glint_frame_unref(threads);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_near_the_range_stays, begin, end),
        cmocka_unit_test_setup_teardown(the_ground_comes_to_the_middle_of_the_range, begin, end),
        cmocka_unit_test_setup_teardown(it_does_not_flicker, begin, end),
        cmocka_unit_test_setup_teardown(what_says_nothing_is_left_alone, begin, end),
        cmocka_unit_test_setup_teardown(raised_frames_give_the_same_boxes_raised, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
