/* tests/test_waymo_submission.c - Waymo's results: written, read back, and refused. */
#include "tests/files.h"
#include "core/status.h"
#include "eval/waymo_submission.h"
#include "eval/waymo_within.h"
#include "eval/waymo_zone.h"
#include "io/waymo.pb-c.h"
#include <math.h>

static const struct glint_waymo_prediction good = {.context = "segment-1",
                                                   .stamp_us = 1557845612345678,
                                                   .type = 1,
                                                   .center = {12.5, -3, 0.75},
                                                   .size = {4.5, 2, 1.5},
                                                   .heading = 0.5,
                                                   .speed = {1, -2},
                                                   .has_speed = true,
                                                   .in_zone = true,
                                                   .score = 0.75f,
                                                   .id = "17"};
static const struct glint_waymo_submission about = {.task = GLINT_WAYMO_TASK_DETECTION_3D,
                                                    .account = "somebody@example.org",
                                                    .method = "glint",
                                                    .authors = "A. One, B. Two,,C",
                                                    .past_frames = 2,
                                                    .latency_s = 0.05f};

/* n results, each in a frame of its own. */
static void fill(struct glint_buffer *b, int n)
{
    struct glint_waymo_prediction r = good;
    for (int i = 0; i < n; i++, r.stamp_us += 100000)
        assert_int_equal(glint_waymo_put_prediction(b, &r), GLINT_OK);
}

static void expect(int status, const char *reason)
{
    assert_int_equal(status, GLINT_E_FORMAT);
    if (!strstr(glint_error_text(), reason))
        fail_msg("\"%s\" expected in \"%s\"", reason, glint_error_text());
}

static void objects_read_back(void **state)
{
    (void)state;
    struct glint_buffer b = {0};
    struct glint_waymo_check check;
    fill(&b, 3);
    Glint__Waymo__Objects *o = glint__waymo__objects__unpack(NULL, b.size, b.data);
    assert_non_null(o);
    assert_int_equal(o->n_objects, 3);
    const Glint__Waymo__Object *first = o->objects[0];
    assert_string_equal(first->context_name, "segment-1");
    assert_string_equal(first->object->id, "17");
    assert_true(first->frame_timestamp_micros == good.stamp_us && first->score == 0.75f &&
                first->overlap_with_nlz);
    assert_true(first->object->type == 1 && first->object->box->center_y == -3 &&
                first->object->box->length == 4.5 && first->object->box->width == 2 &&
                first->object->box->height == 1.5 && first->object->box->heading == 0.5 &&
                first->object->metadata->speed_y == -2);
    glint__waymo__objects__free_unpacked(o, NULL);
    const char *path = glint_test_path("objects.bin");
    assert_int_equal(glint_waymo_objects_write(path, &b), GLINT_OK);
    assert_int_equal(glint_waymo_submission_check(path, false, &check), GLINT_OK);
    assert_true(check.n_objects == 3 && check.n_frames == 3 && !check.is_submission);
    assert_int_equal(glint_waymo_submission_check(path, true, &check), GLINT_OK);
    glint_buffer_fini(&b);
}

static void submissions_read_back(void **state)
{
    (void)state;
    struct glint_buffer b = {0};
    struct glint_waymo_check check;
    size_t size;
    struct glint_waymo_within w;
    fill(&b, 40); /* more than one byte of length */
    const char *path = glint_test_path("submission.bin");
    assert_int_equal(glint_waymo_submission_write(path, &about, &b), GLINT_OK);
    assert_int_equal(glint_waymo_submission_check(path, false, &check), GLINT_OK);
    assert_true(check.n_objects == 40 && check.n_frames == 40 && check.is_submission);
    char *data = glint_test_read(path, &size);
    assert_int_equal(glint_waymo_within(path, (uint8_t *)data, size, &w), GLINT_OK);
    assert_int_equal(w.end - w.from, b.size);
    assert_memory_equal(data + w.from, b.data, b.size);
    Glint__Waymo__Submission *s = glint__waymo__submission__unpack(NULL, size, (uint8_t *)data);
    assert_non_null(s);
    assert_int_equal(s->n_authors, 3);
    assert_string_equal(s->authors[1], "B. Two");
    assert_true(s->inference_results->n_objects == 40 && s->number_past_frames_exclude_current == 2 &&
                s->latency_second == 0.05f && s->sensor_type == 1 && s->task == 2);
    glint__waymo__submission__free_unpacked(s, NULL);
    free(data);
    expect(glint_waymo_submission_check(path, true, &check), "task is not 4 (TRACKING_3D)");
    assert_int_equal(glint_waymo_within("objects", b.data, b.size, &w), GLINT_OK);
    assert_true(w.from == 0 && w.end == b.size && !w.is_submission);
    struct glint_waymo_submission nobody = about;
    nobody.account = "";
    assert_int_equal(glint_waymo_submission_write(path, &nobody, &b), GLINT_E_ARG);
    glint_buffer_fini(&b);
}

/* What cannot be put cannot be read either: the same object made by hand. */
static void refused(struct glint_waymo_prediction r, const char *reason)
{
    struct glint_buffer b = {0};
    struct glint_waymo_check check;
    uint8_t bytes[512];
    Glint__Waymo__Box box = GLINT__WAYMO__BOX__INIT;
    Glint__Waymo__Label label = GLINT__WAYMO__LABEL__INIT;
    Glint__Waymo__Object object = GLINT__WAYMO__OBJECT__INIT, *list[2];
    Glint__Waymo__Objects objects = GLINT__WAYMO__OBJECTS__INIT;
    expect(glint_waymo_put_prediction(&b, &r), reason);
    assert_int_equal(b.size, 0);
    box.has_center_x = box.has_length = box.has_width = box.has_height = 1;
    box.center_x = r.center[0];
    box.length = r.size[0];
    box.width = r.size[1];
    box.height = r.size[2];
    label.box = &box;
    label.has_type = 1;
    label.type = r.type;
    object.object = &label;
    object.has_score = object.has_frame_timestamp_micros = 1;
    object.score = r.score;
    object.frame_timestamp_micros = r.stamp_us;
    object.context_name = (char *)(uintptr_t)r.context;
    list[0] = &object;
    objects.objects = list;
    objects.n_objects = 1;
    const size_t size = glint__waymo__objects__pack(&objects, bytes);
    fill(&b, 1);
    const size_t at = b.size;
    glint_buffer_add(&b, bytes, size);
    const char *path = glint_test_path("bad.bin");
    assert_int_equal(glint_waymo_objects_write(path, &b), GLINT_OK);
    expect(glint_waymo_submission_check(path, false, &check), reason);
    char place[64];
    snprintf(place, sizeof place, "bad.bin: object 1 at byte %zu: ", at);
    assert_non_null(strstr(glint_error_text(), place));
    glint_buffer_fini(&b);
}

static void invalid_results_are_refused(void **state)
{
    (void)state;
    struct glint_waymo_prediction r = good;
    r.context = "";
    refused(r, "no context_name");
    r = good;
    r.stamp_us = 0;
    refused(r, "frame_timestamp_micros is not positive");
    r = good;
    r.type = 0;
    refused(r, "type is none of");
    r.type = 5;
    refused(r, "type is none of");
    r = good;
    r.center[0] = NAN;
    refused(r, "a number of the box or its speed is not finite");
    r = good;
    r.size[1] = INFINITY;
    refused(r, "a number of the box or its speed is not finite");
    r.size[1] = 0;
    refused(r, "length, width or height is not positive");
    r = good;
    r.score = NAN;
    refused(r, "score is not within 0..1");
    r.score = 1.01f;
    refused(r, "score is not within 0..1");
}

static void invalid_files_are_refused(void **state)
{
    (void)state;
    struct glint_buffer b = {0};
    struct glint_waymo_check check;
    struct glint_waymo_prediction r = good;
    assert_int_equal(glint_waymo_put_prediction(&b, &r), GLINT_OK);
    assert_int_equal(glint_waymo_put_prediction(&b, &r), GLINT_OK);
    const char *path = glint_test_path("same.bin");
    assert_int_equal(glint_waymo_objects_write(path, &b), GLINT_OK);
    expect(glint_waymo_submission_check(path, false, &check),
           "objects 0 and 1 of one frame and type have the same id");
    glint_buffer_clear(&b);
    r.id = NULL;
    assert_int_equal(glint_waymo_put_prediction(&b, &r), GLINT_OK);
    assert_int_equal(glint_waymo_put_prediction(&b, &r), GLINT_OK);
    assert_int_equal(glint_waymo_objects_write(path, &b), GLINT_OK);
    assert_int_equal(glint_waymo_submission_check(path, false, &check), GLINT_OK);
    assert_true(check.n_objects == 2 && check.n_frames == 1);
    expect(glint_waymo_submission_check(path, true, &check), "no id, which tracking needs");
    path = glint_test_write("empty.bin", "", 0);
    expect(glint_waymo_submission_check(path, false, &check), "empty.bin: no object in it");
    path = glint_test_write("text.bin", "{\"results\": 1}", 14);
    expect(glint_waymo_submission_check(path, false, &check), "text.bin: ");
    path = glint_test_write("cut.bin", b.data, b.size - 1);
    expect(glint_waymo_submission_check(path, false, &check), "cut.bin: byte ");
    path = glint_test_write("head.bin", "\x08\x02", 2); /* a submission with a task alone */
    expect(glint_waymo_submission_check(path, false, &check), "no account_name");
    path = glint_test_write("head.bin", "\x08\x02\x6a\x01x", 5);
    expect(glint_waymo_submission_check(path, false, &check), "no unique_method_name");
    path = glint_test_write("head.bin", "\x08\x02\x6a\x01x\x12\x01y", 8);
    expect(glint_waymo_submission_check(path, false, &check), "no object in it");
    assert_int_equal(glint_waymo_submission_check(glint_test_path("none.bin"), false, &check),
                     GLINT_E_NOTFOUND);
    glint_buffer_fini(&b);
}

static void boxes_in_zones(void **state)
{
    (void)state;
    /* an L, 10 m a side, 100 m away in the global frame, which is turned by 90 degrees */
    static const double x[] = {100, 110, 110, 105, 105, 100}, y[] = {0, 0, 5, 5, 10, 10};
    static const double turned[16] = {0, -1, 0, 100, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1};
    struct glint_waymo_zone zone = {"", x, y, 6};
    struct glint_waymo_frame frame = {.has_pose = true, .n_zones = 1, .zones = &zone};
    memcpy(frame.pose, turned, sizeof turned); /* global x = 100 - y, global y = x */
    static const struct {
        double center[3], size[2], heading;
        bool in;
    } cases[] = {
        {{2, -2, 0}, {1, 1}, 0, true},                   /* inside */
        {{8, -8, 0}, {1, 1}, 0, false},                  /* in the corner that is missing */
        {{8, -8, 0}, {8, 1}, 0, true},                   /* reaches out of it */
        {{8, -8, 0}, {1, 8}, 0, true},                   /* the other way */
        {{5, -5, 0}, {100, 100}, 0.3, true},             /* around all of it */
        {{-3, 3, 0}, {4, 1}, 0, false},                  /* beside */
        {{-3, 3, 0}, {9, 1}, -0.7853981633974483, true}, /* turned towards it */
        {{-3, 3, 0}, {9, 1}, 0.7853981633974483, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (glint_waymo_in_zone(&frame, cases[i].center, cases[i].size, cases[i].heading) != cases[i].in)
            fail_msg("case %zu", i);
    frame.has_pose = false;
    assert_false(glint_waymo_in_zone(&frame, cases[0].center, cases[0].size, 0));
    zone.n = 0;
    frame.has_pose = true;
    assert_false(glint_waymo_in_zone(&frame, cases[0].center, cases[0].size, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_read_back),
        cmocka_unit_test(submissions_read_back),
        cmocka_unit_test(invalid_results_are_refused),
        cmocka_unit_test(invalid_files_are_refused),
        cmocka_unit_test(boxes_in_zones),
    };
    return cmocka_run_group_tests(tests, glint_test_folder_make, glint_test_folder_remove);
}
