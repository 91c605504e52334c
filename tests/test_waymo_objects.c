/* tests/test_waymo_objects.c - reading Waymo objects: order, legal encodings, and what is refused. */
#include "tests/files.h"
#include "tests/util.h"
#include "eval/waymo_objects.h"
#include <math.h>

/* ---- writing messages ---- */

struct message {
    uint8_t data[4096];
    size_t n;
};

static void put(struct message *m, const void *data, size_t n)
{
    assert_true(m->n + n <= sizeof m->data);
    memcpy(m->data + m->n, data, n);
    m->n += n;
}
static void put_varint(struct message *m, uint64_t value)
{
    do {
        const uint8_t byte = (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
        put(m, &byte, 1);
        value >>= 7;
    } while (value);
}
static void put_number(struct message *m, uint32_t field, uint64_t value)
{
    put_varint(m, field << 3);
    put_varint(m, value);
}
static void put_double(struct message *m, uint32_t field, double value)
{
    put_varint(m, field << 3 | 1);
    put(m, &value, 8);
}
static void put_bytes(struct message *m, uint32_t field, const void *data, size_t n)
{
    put_varint(m, field << 3 | 2);
    put_varint(m, n);
    put(m, data, n);
}

struct drawn {
    const char *context;
    int64_t stamp_us;
    double x;
};

static void put_object(struct message *objects, const struct drawn *d, int camera)
{
    struct message box = {0}, label = {0}, object = {0};
    put_double(&box, 1, d->x);
    put_double(&box, 5, 4.5);
    put_bytes(&label, 1, box.data, box.n);
    put_number(&label, 3, 1);
    put_number(&label, 7, 9);
    put_bytes(&object, 1, label.data, label.n);
    put_bytes(&object, 4, d->context, strlen(d->context));
    put_number(&object, 5, (uint64_t)d->stamp_us);
    if (camera)
        put_number(&object, 6, (uint64_t)camera);
    put_bytes(objects, 1, object.data, object.n);
}

static int open_messages(const struct message *truth, const struct message *results, bool by_camera,
                         struct glint_waymo_objects **set)
{
    const char *const truths[] = {glint_test_write("waymo_truth.bin", truth->data, truth->n)};
    const char *path = glint_test_write("waymo_results.bin", results->data, results->n);
    const struct glint_waymo_inputs inputs = {
        .truth = truths, .n_truth = 1, .results = path, .by_camera = by_camera};
    return glint_waymo_objects_open(&inputs, set);
}

/* ---- tests ---- */

/* Any order in the file; units as "NAME_CAMERA" byte by byte, then time as a number; objects as they stood.
 */
static void order(void **state)
{
    (void)state;
    static const struct drawn drawn[] = {{"b", 10, 1}, {"a", 9, 2},  {"b", 9, 3},   {"b", 10, 4},
                                         {"a", 10, 5}, {"", 7, 6},   {"a1", -5, 7}, {"b", 10, 8},
                                         {"a", 9, 9},  {"a", 100, 0}};
    static const struct {
        const char *unit;
        int64_t stamp_us;
        int32_t n;
        double x[3];
    } want[] = {{"(no context)", 7, 1, {6}}, {"a1", -5, 1, {7}}, {"a", 9, 2, {2, 9}},    {"a", 10, 1, {5}},
                {"a", 100, 1, {0}},          {"b", 9, 1, {3}},   {"b", 10, 3, {1, 4, 8}}};
    struct message truth = {0}, results = {0};
    struct glint_waymo_objects *set;
    struct glint_waymo_list list = {0};
    for (size_t i = 0; i < 10; i++)
        put_object(&truth, &drawn[i], 0);
    assert_int_equal(open_messages(&truth, &results, true, &set), GLINT_OK);
    assert_int_equal(glint_waymo_objects_units(set), 4);
    assert_int_equal(glint_waymo_objects_count(set, GLINT_WAYMO_TRUTH), 10);
    int32_t frame = 0;
    for (int32_t u = 0; u < 4; u++) {
        const struct glint_waymo_unit *unit = glint_waymo_objects_unit(set, u);
        assert_int_equal(unit->first, frame);
        for (; frame < unit->end; frame++) {
            assert_string_equal(unit->name, want[frame].unit);
            assert_int_equal(glint_waymo_objects_stamp_us(set, frame), want[frame].stamp_us);
            assert_int_equal(glint_waymo_objects_read(set, frame, GLINT_WAYMO_TRUTH, &list), GLINT_OK);
            assert_int_equal(list.n, want[frame].n);
            for (int32_t i = 0; i < list.n; i++)
                assert_true(list.object[i].box.x == want[frame].x[i]);
            assert_int_equal(glint_waymo_objects_read(set, frame, GLINT_WAYMO_RESULTS, &list), GLINT_OK);
            assert_int_equal(list.n, 0);
        }
        glint_waymo_objects_release(set, u);
    }
    assert_int_equal(frame, 7);
    free(list.object);
    glint_waymo_objects_close(set);
}

static void cameras_are_frames_of_their_own(void **state)
{
    (void)state;
    struct message truth = {0}, results = {0};
    struct glint_waymo_objects *set;
    const struct drawn d = {"a", 9, 1};
    put_object(&truth, &d, 0);
    put_object(&truth, &d, 2);
    put_object(&results, &d, 2);
    assert_int_equal(open_messages(&truth, &results, true, &set), GLINT_OK);
    assert_int_equal(glint_waymo_objects_units(set), 2);
    assert_string_equal(glint_waymo_objects_unit(set, 1)->name, "a camera 2");
    glint_waymo_objects_close(set);
    assert_int_equal(open_messages(&truth, &results, false, &set), GLINT_OK);
    assert_int_equal(glint_waymo_objects_units(set), 1);
    assert_int_equal(glint_waymo_objects_unit(set, 0)->end, 1);
    glint_waymo_objects_close(set);
}

/* Fields in another order and twice, unknown ones and unknown values, a number of a wrong type. */
static void legal_encodings(void **state)
{
    (void)state;
    struct message box = {0}, more_box = {0}, speed = {0}, label = {0}, object = {0}, objects = {0},
                   none = {0};
    const float score = 0.25f;
    put_double(&box, 7, 0.5);
    put_double(&box, 1, 8);
    put_number(&box, 2, 77); /* no double */
    put_double(&more_box, 1, 9);
    put_double(&speed, 2, 4);
    put_double(&speed, 1, 3);
    put_number(&label, 3, 4);
    put_number(&label, 3, 9); /* no such type: as if it were not there */
    put_bytes(&label, 4, "first", 5);
    put_bytes(&label, 4, "x\0y", 3);
    put_bytes(&label, 1, box.data, box.n);
    put_bytes(&label, 2, speed.data, speed.n);
    put_bytes(&label, 11, "SIDE_LEFT", 9);
    put_bytes(&object, 1, label.data, label.n);
    put_varint(&object, 2 << 3 | 5);
    put(&object, &score, 4);
    put_number(&object, 3, 1);
    put_bytes(&object, 1000, "?", 1);
    put_number(&object, 5, 1);
    put_number(&object, 5, (uint64_t)-2);
    label.n = 0;
    put_bytes(&label, 1, more_box.data, more_box.n);
    put_number(&label, 7, 12);
    put_bytes(&object, 1, label.data, label.n); /* joined with the first */
    put_bytes(&objects, 2, "zone", 4);
    put_bytes(&objects, 1, object.data, object.n);
    struct glint_waymo_objects *set;
    struct glint_waymo_list list = {0};
    assert_int_equal(open_messages(&objects, &none, true, &set), GLINT_OK);
    assert_int_equal(glint_waymo_objects_stamp_us(set, 0), -2);
    assert_int_equal(glint_waymo_objects_read(set, 0, GLINT_WAYMO_TRUTH, &list), GLINT_OK);
    const struct glint_waymo_object *o = list.object;
    assert_true(o->box.x == 9 && o->box.y == 0 && o->box.heading == 0.5 && o->speed == 5);
    assert_true(o->score == score && o->in_zone);
    assert_int_equal(o->type, GLINT_WAYMO_CYCLIST);
    assert_int_equal(o->n_points, 12);
    assert_int_equal(o->visible_camera, 4);
    assert_int_equal(o->id_size, 3);
    assert_memory_equal(o->id, "x\0y", 3);
    free(list.object);
    glint_waymo_objects_close(set);
}

static void refused(void **state)
{
    (void)state;
    struct message good = {0}, none = {0}, bad;
    struct glint_waymo_objects *set;
    struct glint_waymo_list list = {0};
    const struct drawn d = {"a", 9, 1}, not_finite = {"a", 9, NAN};
    put_object(&good, &d, 0);
    assert_int_equal(open_messages(&none, &good, true, &set), GLINT_E_FORMAT);
    assert_non_null(strstr(glint_error_text(), "no labelled object"));
    for (size_t n = 1; n < good.n; n++) { /* cut anywhere */
        bad = good;
        bad.n = n;
        assert_int_equal(open_messages(&good, &bad, true, &set), GLINT_E_FORMAT);
        assert_non_null(strstr(glint_error_text(), "waymo_results.bin: byte 0: "));
        assert_null(set);
    }
    bad = good;
    const uint8_t group = 3 << 3 | 3;
    put(&bad, &group, 1);
    assert_int_equal(open_messages(&good, &bad, true, &set), GLINT_E_FORMAT);
    assert_non_null(strstr(glint_error_text(), "unknown wire type"));
    put_object(&good, &not_finite, 0); /* the second object: found when its frame is read */
    assert_int_equal(open_messages(&good, &none, true, &set), GLINT_OK);
    assert_int_equal(glint_waymo_objects_read(set, 0, GLINT_WAYMO_TRUTH, &list), GLINT_E_FORMAT);
    assert_non_null(strstr(glint_error_text(), "not finite"));
    free(list.object);
    glint_waymo_objects_close(set);
}

static void damaged_records(void **state)
{
    (void)state;
    static const char *const files[] = {"bad_data_crc", "bad_length_crc", "truncated"};
    char truth[512], results[512];
    if (!glint_test_shared("eval/waymo_metrics/case_gt_only_pred.bin", results, sizeof results))
        skip();
    for (size_t i = 0; i < 3; i++) {
        snprintf(truth, sizeof truth, "%s/eval/waymo_frames/%s.tfrecord", GLINT_SHARED, files[i]);
        const char *const truths[] = {truth};
        const struct glint_waymo_inputs inputs = {
            .truth = truths, .n_truth = 1, .results = results, .by_camera = true};
        struct glint_waymo_objects *set;
        assert_int_equal(glint_waymo_objects_open(&inputs, &set), GLINT_E_FORMAT);
        assert_non_null(strstr(glint_error_text(), files[i]));
        assert_non_null(strstr(glint_error_text(), "byte"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order),           cmocka_unit_test(cameras_are_frames_of_their_own),
        cmocka_unit_test(legal_encodings), cmocka_unit_test(refused),
        cmocka_unit_test(damaged_records),
    };
    return cmocka_run_group_tests(tests, glint_test_folder_make, glint_test_folder_remove);
}
