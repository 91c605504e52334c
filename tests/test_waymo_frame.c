/* tests/test_waymo_frame.c - Waymo's frames: every point, label and zone of the reference files, all legal
 * encodings, and frames that are damaged or do not fit themselves. */
#include "tests/files.h"
#include "core/bytes.h"
#include "core/json.h"
#include "io/proto_memory.h"
#include "io/waymo_frame.h"
#include "tests/waymo_made.h"
#include <math.h>

#define SHARED "eval/waymo_frames/"
#define ROW    56 /* bytes of the reference's table of points */

static struct glint_pool *pool;

/* ---- reference files ---- */

struct table {
    char *data;
    size_t n, at, stride, seen;
    double worst;
};

static void check_point(struct table *t, const struct glint_waymo_image *image, int laser, int ret, int32_t k)
{
    if (t->seen++ % t->stride)
        return;
    assert_true(t->at < t->n);
    const uint8_t *row = (const uint8_t *)t->data + ROW * t->at++;
    const struct glint_range_points *p = &image->points;
    const int32_t pixel = p->pixel[k];
    const double at[3] = {p->x[k], p->y[k], p->z[k]};
    for (int i = 0; i < 3; i++)
        t->worst = fmax(t->worst, fabs(at[i] - glint_le_f64(row + 8 * i)));
    for (int i = 0; i < 4; i++)
        assert_true(image->pixel[4 * (size_t)pixel + (size_t)i] == glint_le_f32(row + 24 + 4 * i));
    assert_int_equal(row[40], laser + 1);
    assert_int_equal(row[41], ret + 1);
    assert_int_equal(glint_le16(row + 42), pixel / image->width);
    assert_int_equal(glint_le16(row + 44), pixel % image->width);
    assert_int_equal((int32_t)glint_le32(row + 48), image->label ? image->label[2 * pixel] : -1);
    assert_int_equal((int32_t)glint_le32(row + 52), image->label ? image->label[2 * pixel + 1] : -1);
}

static void check_frame_points(struct table *t, const struct glint_waymo_frame *f)
{
    t->seen = 0;
    for (int l = 0; l < GLINT_WAYMO_LASERS; l++)
        for (int r = 0; r < GLINT_WAYMO_RETURNS; r++)
            for (int32_t k = 0; k < f->laser[l].image[r].points.n; k++)
                check_point(t, &f->laser[l].image[r], l, r, k);
}

static double number(struct glint_json object, const char *key)
{
    double value;
    assert_int_equal(glint_json_f64(object, key, -1e18, 1e18, &value), GLINT_OK);
    return value;
}

static void check_sums(const struct glint_waymo_frame *f, struct glint_json truth)
{
    const struct glint_json all = glint_json_get(truth, "per_laser");
    for (size_t i = 0; i < glint_json_size(all); i++) {
        const struct glint_json t = glint_json_at(all, i);
        const int l = (int)number(t, "laser") - 1, r = (int)number(t, "ret") - 1;
        const struct glint_waymo_image *image = &f->laser[l].image[r];
        const struct glint_range_points *p = &image->points;
        double sum[4] = {0}, zone = 0;
        for (int32_t k = 0; k < p->n; k++) {
            const float *pixel = image->pixel + 4 * (size_t)p->pixel[k];
            const double v[4] = {p->x[k], p->y[k], p->z[k], (double)pixel[0]};
            for (int m = 0; m < 4; m++)
                sum[m] += v[m];
            zone += pixel[3] == 1;
        }
        assert_int_equal(p->n, number(t, "num_points"));
        assert_int_equal(image->height, number(t, "height"));
        assert_int_equal(image->width, number(t, "width"));
        assert_true(zone == number(t, "num_nlz"));
        assert_true(fabs(sum[0] - number(t, "sum_x")) < 1e-4 && fabs(sum[1] - number(t, "sum_y")) < 1e-4 &&
                    fabs(sum[2] - number(t, "sum_z")) < 1e-4 && fabs(sum[3] - number(t, "sum_range")) < 1e-2);
    }
}

static void check_label(const struct glint_waymo_label *label, struct glint_json t)
{
    const char *id;
    double center[3], speed[2];
    assert_int_equal(glint_json_string(t, "id", &id), GLINT_OK);
    assert_string_equal(label->id, id);
    assert_int_equal(glint_json_f64s(t, "center", 3, 3, center, NULL), GLINT_OK);
    assert_memory_equal(center, label->center, sizeof center);
    assert_int_equal(glint_json_f64s(t, "speed", 2, 2, speed, NULL), GLINT_OK);
    assert_memory_equal(speed, label->speed, sizeof speed);
    assert_true(label->size[0] == number(t, "length") && label->size[1] == number(t, "width") &&
                label->size[2] == number(t, "height") && label->heading == number(t, "heading"));
    assert_true(label->type == number(t, "type") && label->n_points == number(t, "num_lidar_points_in_box") &&
                label->n_top_points == number(t, "num_top_lidar_points_in_box"));
    double difficulty;
    const bool given = glint_json_f64(t, "detection_difficulty_level", 0, 2, &difficulty) == GLINT_OK;
    assert_int_equal(label->detection_difficulty, given ? (int)difficulty : 0);
}

static void check_truth(const struct glint_waymo_frame *f, struct glint_json truth)
{
    const char *context;
    double pose[16];
    assert_int_equal(glint_json_string(truth, "context", &context), GLINT_OK);
    assert_string_equal(f->context, context);
    assert_true((double)f->stamp_us == number(truth, "timestamp_micros"));
    assert_int_equal(glint_json_f64s(truth, "pose", 16, 16, pose, NULL), GLINT_OK);
    assert_true(f->has_pose && memcmp(pose, f->pose, sizeof pose) == 0);
    check_sums(f, truth);
    const struct glint_json labels = glint_json_get(truth, "labels");
    assert_int_equal(glint_json_size(labels), f->n_labels);
    for (int32_t i = 0; i < f->n_labels; i++)
        check_label(&f->labels[i], glint_json_at(labels, (size_t)i));
    assert_int_equal(f->n_zones, 1);
    assert_true(f->zones[0].n > 2);
}

static void check_file(const char *name, size_t stride, struct glint_pool *with)
{
    char path[512], text[64];
    struct table t = {.stride = stride};
    struct glint_json_doc *doc;
    struct glint_waymo_reader *reader;
    struct glint_tfrecord file;
    struct glint_record record[3];
    snprintf(text, sizeof text, SHARED "%s_points.bin", name);
    if (!glint_test_shared(text, path, sizeof path))
        skip();
    t.data = glint_test_read(path, &t.n);
    t.n /= ROW;
    snprintf(text, sizeof text, SHARED "%s_truth.json", name);
    assert_true(glint_test_shared(text, path, sizeof path));
    assert_int_equal(glint_json_load(path, &doc), GLINT_OK);
    snprintf(text, sizeof text, SHARED "%s.tfrecord", name);
    assert_true(glint_test_shared(text, path, sizeof path));
    assert_int_equal(glint_tfrecord_open(&file, path, false), GLINT_OK);
    int n = 0;
    while (n < 3 && glint_tfrecord_next(&file, &record[n]) == GLINT_OK)
        n++;
    assert_int_equal(glint_waymo_reader_open(3, with, &reader), GLINT_OK);
    for (int again = 0; again < 2; again++) { /* the second time in memory that has been used */
        glint_waymo_read(reader, path, record, n, GLINT_WAYMO_CLASSES);
        t.at = 0;
        for (int i = 0; i < n; i++) {
            const struct glint_waymo_frame *f;
            if (glint_waymo_reader_frame(reader, i, &f) != GLINT_OK)
                fail_msg("%s", glint_error_text());
            check_frame_points(&t, f);
            check_truth(f, glint_json_at(glint_json_get(glint_json_root(doc), "frames"), (size_t)i));
        }
        assert_int_equal(t.at, t.n);
    }
    printf("%s: largest difference %.3g m\n", name, t.worst);
    assert_true(t.worst < 1e-6);
    glint_waymo_reader_close(reader);
    glint_tfrecord_close(&file);
    glint_json_close(doc);
    free(t.data);
}

static void every_point_of_small(void **state)
{
    (void)state;
    check_file("small", 1, NULL);
    check_file("small", 1, pool);
}

static void every_41st_point_of_full(void **state)
{
    (void)state;
    check_file("full", 41, pool);
}

/* ---- made frames ---- */

static int read_one(const uint8_t *data, size_t size, enum glint_waymo_parts parts,
                    struct glint_waymo_reader **reader_out, const struct glint_waymo_frame **frame_out)
{
    const struct glint_record record = {data, size, 77, 5};
    assert_int_equal(glint_waymo_reader_open(1, NULL, reader_out), GLINT_OK);
    glint_waymo_read(*reader_out, "made", &record, 1, parts);
    return glint_waymo_reader_frame(*reader_out, 0, frame_out);
}

static void a_made_frame(void **state)
{
    (void)state;
    static struct waymo_made w;
    struct glint_waymo_reader *reader;
    const struct glint_waymo_frame *f;
    uint8_t *data;
    waymo_make(&w, 4);
    const size_t size = waymo_pack(&w, &data);
    assert_int_equal(read_one(data, size, GLINT_WAYMO_CLASSES, &reader, &f), GLINT_OK);
    assert_string_equal(f->context, "made_1");
    assert_true(f->stamp_us == 1557845612400000 && f->n_labels == 1 && f->n_zones == 1 && f->zones[0].n == 3);
    const struct glint_waymo_image *top = &f->laser[0].image[0], *front = &f->laser[1].image[0];
    assert_true(top->points.n == 19 && front->points.n == 12 && top->n_label == 2 && !front->label);
    /* FRONT, row 0, column 1: the highest of three inclinations, azimuth (2 (5 - 1.5) / 5 - 1) pi */
    const double r = 11, a = 0.4 * 3.14159265358979323846;
    assert_int_equal(front->points.pixel[0], 1);
    assert_true(fabs(front->points.x[0] - r * cos(a)) < 1e-12 &&
                fabs(front->points.y[0] - r * sin(a)) < 1e-12 && fabs(front->points.z[0]) < 1e-12);
    /* TOP, row 3, column 5 (pixel 23), lowest of evenly spaced inclinations, turned and moved by its pose */
    const double inc = -0.25, az = (2 * (0.5 / 6) - 1) * 3.14159265358979323846, q = 33;
    const double at[2] = {q * cos(az) * cos(inc), q * sin(az) * cos(inc)}, yaw = (double)(0.001f * 5);
    assert_int_equal(top->points.pixel[18], 23);
    assert_true(fabs(top->points.x[18] - (cos(yaw) * at[0] - sin(yaw) * at[1] + 100.5)) < 1e-12 &&
                fabs(top->points.y[18] - (sin(yaw) * at[0] + cos(yaw) * at[1] - 20)) < 1e-12 &&
                fabs(top->points.z[18] - (q * sin(inc) + 3)) < 1e-12);
    glint_waymo_reader_close(reader);
    assert_int_equal(read_one(data, size, GLINT_WAYMO_LABELS, &reader, &f), GLINT_OK);
    assert_true(f->laser[0].image[0].height == 0 && f->n_labels == 1 && f->labels[0].n_points == 9);
    assert_true(f->labels[0].size[0] == 4.5 && f->labels[0].size[1] == 2);
    glint_waymo_reader_close(reader);
    free(data);
}

static void expect_refused(struct waymo_made *w, const char *reason)
{
    struct glint_waymo_reader *reader;
    const struct glint_waymo_frame *f;
    uint8_t *data;
    const size_t size = waymo_pack(w, &data);
    assert_int_equal(read_one(data, size, GLINT_WAYMO_CLASSES, &reader, &f), GLINT_E_FORMAT);
    assert_null(f);
    if (!strstr(glint_error_text(), reason) || !strstr(glint_error_text(), "made: record 5 at byte 77: "))
        fail_msg("\"%s\" expected in \"%s\"", reason, glint_error_text());
    glint_waymo_reader_close(reader);
    free(data);
    waymo_make(w, 0);
}

static void frames_that_do_not_fit(void **state)
{
    (void)state;
    static struct waymo_made w;
    waymo_make(&w, 0);
    w.calibration[1].name = 4;
    expect_refused(&w, "TOP has an image and no calibration");
    w.extrinsic[0].n_transform = 12;
    expect_refused(&w, "a lidar's extrinsic has 12 numbers, 16 expected");
    w.calibration[0].n_beam_inclinations = 2;
    expect_refused(&w, "FRONT has 2 beam inclinations, its image 3 rows");
    w.inclination[1] = NAN;
    expect_refused(&w, "FRONT: inclination 1 is not finite");
    w.matrix[3] = INFINITY;
    expect_refused(&w, "number 3 is not finite");
    w.matrix[0] = 0;
    expect_refused(&w, "the frame's pose has no inverse");
    w.laser[1].name = 1;
    expect_refused(&w, "lidar 1 has the name 1");
    w.laser[1].name = 6;
    expect_refused(&w, "lidar 1 has the name 6");
    w.image[0].has_range_image_pose_compressed = 0;
    expect_refused(&w, "TOP has no pixel poses");
    w.frame.pose = NULL;
    expect_refused(&w, "pixels have poses, the vehicle has none");
    w.zone.n_y = 2;
    expect_refused(&w, "no-label zone 0 has 3 x and 2 y");
    waymo_floats(&w, 1, w.poses, 6, 4, 6);
    expect_refused(&w, "images of TOP of [4, 6] and [6, 4] pixels");
    waymo_integers(&w, 2, w.classes, 3, 6, 2);
    expect_refused(&w, "images of TOP of [4, 6] and [3, 6] pixels");
    waymo_floats(&w, 3, w.range[1], 3, 5, 3);
    expect_refused(&w, "FRONT, return 1, range image: [3, 5, 3]: 4 channels");
    waymo_floats(&w, 3, w.range[1], -3, -5, 4);
    expect_refused(&w, "dimension 0 is -3");
}

static void streams_that_are_damaged(void **state)
{
    (void)state;
    static struct waymo_made w;
    uint8_t zeros[4096] = {0};
    waymo_make(&w, 0);
    w.n_packed[0] -= 5;
    expect_refused(&w, "TOP, return 1, range image: zlib stream is cut after");
    w.packed[1][20] ^= 0xff;
    expect_refused(&w, "TOP, return 1, pixel poses: ");
    w.packed[3][0] = 0;
    expect_refused(&w, "FRONT, return 1, range image: damaged zlib stream");
    w.packed[3][w.n_packed[3]++] = 0;
    expect_refused(&w, "1 bytes behind the zlib stream");
    w.n_packed[2] = waymo_compress(zeros, sizeof zeros, w.packed[2], sizeof w.packed[2]);
    expect_refused(&w, "TOP, return 1, segmentation: no valid MatrixInt32 message");
    w.n_packed[0] = waymo_compress(zeros, 0, w.packed[0], sizeof w.packed[0]);
    expect_refused(&w, "0 dimensions");
}

/* 50 MB of zeros in 50 KB; and an image of fields of two bytes each, all unknown. */
static void streams_that_explode(void **state)
{
    (void)state;
    static struct waymo_made w;
    const size_t large = 50u << 20, small = 30u << 20;
    uint8_t *zeros = calloc(large, 1), *fields = malloc(small);
    assert_true(zeros && fields);
    for (size_t i = 0; i < small; i += 2) {
        fields[i] = 0x78; /* field 15, a number */
        fields[i + 1] = 1;
    }
    waymo_make(&w, 0);
    uint8_t *packed = malloc(1 << 20);
    for (int k = 0; k < 2; k++) {
        uint8_t *data;
        struct glint_waymo_reader *reader;
        const struct glint_waymo_frame *f;
        const size_t n = waymo_compress(k ? fields : zeros, k ? small : large, packed, 1 << 20);
        size_t size = waymo_pack(&w, &data); /* for the struct; then with the large stream */
        free(data);
        w.image[1].range_image_compressed = (ProtobufCBinaryData){n, packed};
        data = malloc(glint__waymo__frame__get_packed_size(&w.frame));
        size = glint__waymo__frame__pack(&w.frame, data);
        assert_int_equal(read_one(data, size, GLINT_WAYMO_POINTS, &reader, &f), GLINT_E_FORMAT);
        assert_non_null(
            strstr(glint_error_text(), k ? "a MatrixFloat message that takes more than 192 MB of memory"
                                         : "inflates to more than 41943040 bytes"));
        glint_waymo_reader_close(reader);
        free(data);
    }
    free(packed);
    free(zeros);
    free(fields);
}

static void bytes_that_are_no_frame(void **state)
{
    (void)state;
    static struct waymo_made w;
    struct glint_waymo_reader *reader;
    const struct glint_waymo_frame *f;
    uint8_t *data;
    waymo_make(&w, 0);
    const size_t size = waymo_pack(&w, &data);
    assert_int_equal(read_one(data, size - 1, GLINT_WAYMO_LABELS, &reader, &f), GLINT_E_FORMAT);
    assert_string_equal(glint_error_text(), "made: record 5 at byte 77: no valid Frame message");
    glint_waymo_reader_close(reader);
    assert_int_equal(read_one(data, 0, GLINT_WAYMO_CLASSES, &reader, &f), GLINT_OK); /* all is optional */
    assert_true(f->n_labels == 0 && !f->has_pose && strcmp(f->context, "") == 0);
    glint_waymo_reader_close(reader);
    free(data);
}

/* Many small wishes are bounded like a large one, and given back in one go. */
static void memory_has_a_limit(void **state)
{
    (void)state;
    struct glint_proto_memory m;
    glint_proto_memory_init(&m, 1 << 20);
    for (int round = 0; round < 3; round++) {
        size_t taken = 0;
        for (uint8_t *p; (p = glint_proto_memory_take(&m, 1000)) != NULL; taken += 1000) {
            assert_true((uintptr_t)p % 16 == 0 && taken <= 1 << 20);
            memset(p, 0xab, 1000);
        }
        assert_true(m.exceeded && taken > 1000000);
        glint_proto_memory_reset(&m);
        assert_false(m.exceeded);
    }
    assert_null(glint_proto_memory_take(&m, SIZE_MAX));
    glint_proto_memory_fini(&m);
}

static int setup(void **state)
{
    return glint_test_folder_make(state) || glint_pool_open(3, &pool) != GLINT_OK;
}

static int teardown(void **state)
{
    glint_pool_close(pool);
    return glint_test_folder_remove(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_point_of_small),
        cmocka_unit_test(every_41st_point_of_full),
        cmocka_unit_test(a_made_frame),
        cmocka_unit_test(frames_that_do_not_fit),
        cmocka_unit_test(streams_that_are_damaged),
        cmocka_unit_test(streams_that_explode),
        cmocka_unit_test(bytes_that_are_no_frame),
        cmocka_unit_test(memory_has_a_limit),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
