/* tests/test_source_waymo.c - Waymo's files as a source of frames, and as a table. */
#include "tests/files.h"
#include "core/frame.h"
#include "io/source_waymo.h"
#include "io/waymo_csv.h"
#include "io/waymo_files.h"
#include "tests/waymo_made.h"
#include <math.h>

#define CAP 100

static struct glint_frame_pool *frames;

static struct glint_source *open_source(const char *path, int32_t n_threads, bool skip_corrupt)
{
    const struct glint_source_settings settings = {.n_threads = n_threads, .skip_corrupt = skip_corrupt};
    struct glint_source *source;
    if (glint_source_open(path, &settings, &source) != GLINT_OK)
        fail_msg("%s", glint_error_text());
    assert_string_equal(source->ops->name, "waymo");
    return source;
}

static void expect_name(struct glint_source *source, uint64_t index, const char *name)
{
    struct glint_frame *f = glint_frame_get(frames, false);
    if (source->ops->next_frame(source, f) != GLINT_OK)
        fail_msg("%s", glint_error_text());
    assert_int_equal(f->index, index);
    assert_string_equal(f->name, name);
    assert_true(f->points.n == 31 && f->intensity_is_tanh && f->stamp_ns % 1000 == 0 && f->stamp_ns > 0);
    glint_frame_unref(f);
}

static void expect_status(struct glint_source *source, int status, const char *reason)
{
    struct glint_frame *f = glint_frame_get(frames, false);
    assert_int_equal(source->ops->next_frame(source, f), status);
    glint_frame_unref(f);
    if (reason && !strstr(glint_error_text(), reason))
        fail_msg("\"%s\" expected in \"%s\"", reason, glint_error_text());
}

static void points_with_all_they_have(void **state)
{
    (void)state;
    struct glint_source *source = open_source(waymo_file("one.tfrecord", 1), 1, false);
    assert_int_equal(source->ops->cap_points(source), 4 * 6 + 3 * 5);
    struct glint_frame *f = glint_frame_get(frames, false);
    assert_int_equal(source->ops->next_frame(source, f), GLINT_OK);
    const struct glint_points *p = &f->points;
    assert_int_equal(p->n, 19 + 12);
    /* TOP's pixel 11 is the ninth of its points; FRONT's pixel 14 the last of all */
    assert_true(p->ring[8] == 1 && p->ret[8] == 0 && p->intensity[8] == tanhf(2.75f) &&
                p->elongation[8] == 0.5f);
    assert_true(p->ring[30] == GLINT_WAYMO_RING_LIDAR + 2 && p->offset_ns[30] == 0);
    assert_true(fabsf(hypotf(hypotf(p->x[30], p->y[30]), p->z[30]) - 24) < 1e-5f);
    assert_true(f->stamp_ns == INT64_C(1557845612000000000));
    assert_non_null(strstr(f->source, "one.tfrecord"));
    glint_frame_unref(f);
    expect_status(source, GLINT_E_EOF, NULL);
    glint_source_close(source);
}

static void a_folder_of_files(void **state)
{
    (void)state;
    assert_int_equal(mkdir(glint_test_path("many"), 0777), 0);
    assert_false(glint_waymo_is_path(glint_test_path("many")));
    waymo_file("many/b.tfrecord", 2);
    waymo_file("many/a.tfrecord", 5);
    waymo_file("many/c.TFRECORDS", 1);
    glint_test_write("many/notes.txt", "x", 1);
    assert_true(glint_waymo_is_path(glint_test_path("many")));
    for (int32_t threads = 1; threads <= 6; threads++) { /* batches that end in the middle of files */
        static const char *const names[] = {"made_0_1557845612000000", "made_0_1557845612100000",
                                            "made_0_1557845612200000", "made_1_1557845612300000",
                                            "made_1_1557845612400000"};
        struct glint_source *source = open_source(glint_test_path("many"), threads, false);
        for (uint64_t i = 0; i < 8; i++)
            expect_name(source, i, names[i < 5 ? i : i < 7 ? i - 5 : 0]);
        expect_status(source, GLINT_E_EOF, NULL);
        assert_true(source->ops->progress(source) == 1);
        glint_source_close(source);
    }
}

/* A file of three frames whose byte `at` of the middle one's payload is turned; its checksum is right or not.
 */
static const char *damaged_file(bool checksum_fits)
{
    const char *path = glint_test_path("damaged.tfrecord");
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    for (int i = 0; i < 3; i++) {
        static struct waymo_made made;
        uint8_t *data;
        waymo_make(&made, i);
        if (i == 1)
            made.packed[0][made.n_packed[0] / 2] ^= 0x55; /* inside the zlib stream */
        const size_t size = waymo_pack(&made, &data);
        assert_true(glint_tfrecord_write(f, data, size));
        if (i == 1 && !checksum_fits) {
            assert_int_equal(fseek(f, -4, SEEK_CUR), 0);
            assert_int_equal(fwrite("nope", 1, 4, f), 4);
        }
        free(data);
    }
    assert_int_equal(fclose(f), 0);
    return path;
}

static void damage_costs_one_frame(void **state)
{
    (void)state;
    for (int fits = 0; fits < 2; fits++)
        for (int32_t threads = 1; threads <= 4; threads++) {
            struct glint_loss loss = {0};
            const char *path = damaged_file(fits), *reason = fits ? "TOP, return 1, range image" : "checksum";
            struct glint_source *source = open_source(path, threads, false);
            expect_name(source, 0, "made_0_1557845612000000");
            expect_status(source, GLINT_E_FORMAT, reason);
            assert_non_null(strstr(glint_error_text(), "damaged.tfrecord: record 1 at byte "));
            expect_name(source, 2, "made_0_1557845612200000");
            expect_status(source, GLINT_E_EOF, NULL);
            glint_source_close(source);
            source = open_source(path, threads, true);
            expect_name(source, 0, "made_0_1557845612000000");
            expect_name(source, 1, "made_0_1557845612200000");
            expect_status(source, GLINT_E_EOF, NULL);
            glint_source_account(source, &loss);
            assert_int_equal(loss.records_corrupt, 1);
            glint_source_close(source);
        }
}

static void empty_and_cut_files(void **state)
{
    (void)state;
    struct glint_source *source;
    struct glint_loss loss = {0};
    const char *path = glint_test_write("empty.tfrecord", "", 0);
    assert_int_equal(glint_source_open(path, NULL, &source), GLINT_E_FORMAT);
    assert_non_null(strstr(glint_error_text(), "empty.tfrecord: empty file: no record at byte 0"));
    source = open_source(path, 1, true);
    expect_status(source, GLINT_E_EOF, NULL);
    glint_source_account(source, &loss);
    assert_int_equal(loss.records_corrupt, 1);
    glint_source_close(source);
    path = glint_test_write("cut.tfrecord", "0123456", 7);
    assert_int_equal(glint_source_open(path, NULL, &source), GLINT_E_FORMAT);
    assert_non_null(strstr(glint_error_text(), "cut.tfrecord: record 0 at byte 0"));
    assert_int_equal(glint_source_open(glint_test_path("nothing.tfrecord"), NULL, &source), GLINT_E_NOTFOUND);
}

static void frames_without_images(void **state)
{
    (void)state;
    char path[512];
    if (!glint_test_shared("eval/waymo_frames/generic_labels.tfrecord", path, sizeof path))
        skip();
    struct glint_source *source = open_source(path, 1, false);
    for (int i = 0; i < 200; i++) {
        struct glint_frame *f = glint_frame_get(frames, false);
        assert_int_equal(source->ops->next_frame(source, f), GLINT_OK);
        assert_int_equal(f->points.n, 0);
        glint_frame_unref(f);
    }
    expect_status(source, GLINT_E_EOF, NULL);
    glint_source_close(source);
}

static void points_that_may_not_enter(void **state)
{
    (void)state;
    static struct waymo_made w;
    struct glint_waymo_reader *reader;
    const struct glint_waymo_frame *from;
    struct glint_frame_pool *small;
    uint8_t *data;
    waymo_make(&w, 0);
    w.range[1][4] = 1e6f;             /* too far */
    w.range[1][4 * 2 + 1] = NAN;      /* intensity */
    w.range[1][4 * 3 + 2] = INFINITY; /* elongation */
    w.range[1][4 * 4] = NAN;          /* no point at all */
    waymo_floats(&w, 3, w.range[1], 3, 5, 4);
    const size_t size = waymo_pack(&w, &data);
    assert_int_equal(glint_waymo_reader_open(1, NULL, &reader), GLINT_OK);
    glint_waymo_read(reader, "made", &(struct glint_record){data, size, 0, 0}, 1, GLINT_WAYMO_POINTS);
    assert_int_equal(glint_waymo_reader_frame(reader, 0, &from), GLINT_OK);
    struct glint_frame *f = glint_frame_get(frames, false);
    glint_waymo_to_frame(from, NULL, f);
    assert_true(f->points.n == 19 + 8 && f->loss.points_dropped == 3 && f->loss.points_clipped == 0);
    for (int32_t i = 0; i < f->points.n; i++)
        assert_true(
            glint_point_is_sane(f->points.x[i], f->points.y[i], f->points.z[i], f->points.intensity[i]));
    glint_frame_unref(f);
    assert_int_equal(glint_frame_pool_open(1, 20, 1, &small), GLINT_OK);
    f = glint_frame_get(small, false);
    glint_waymo_to_frame(from, NULL, f);
    assert_true(f->points.n + (int)f->loss.points_dropped == 20 && f->loss.points_clipped == 10);
    glint_frame_unref(f);
    glint_frame_pool_close(small);
    glint_waymo_reader_close(reader);
    free(data);
}

/* ---- the table ---- */

static const char *convert(const char *path, bool skip_corrupt, struct glint_waymo_csv_count *count)
{
    const struct glint_waymo_csv_settings settings = {
        .n_threads = 2, .skip_corrupt = skip_corrupt, .end_frame = 100};
    const char *out = glint_test_path("out.csv");
    assert_int_equal(glint_waymo_csv(path, out, &settings, count), GLINT_OK);
    return out;
}

static void a_table_of_made_points(void **state)
{
    (void)state;
    struct glint_waymo_csv_count count;
    size_t size;
    char *text = glint_test_read(convert(waymo_file("two.tfrecord", 2), false, &count), &size);
    assert_true(count.frames == 2 && count.points == 62 && count.corrupt == 0);
    static const char head[] =
        "frame,laser,return,row,col,x,y,z,range,intensity,elongation,nlz,instance,semantic\n0,1,1,0,1,";
    assert_memory_equal(text, head, sizeof head - 1);
    /* FRONT's pixel 1, see test_waymo_frame.c */
    assert_non_null(strstr(text, "\n0,2,1,0,1,3.399186938,10.461621679,0.000000000,11,0.25,0.5,1,-1,-1\n"));
    assert_non_null(strstr(text, "\n1,1,1,3,5,"));
    assert_non_null(strstr(text, ",33,5.75,0.5,-1,63,0\n"));
    free(text);
    text = glint_test_read(convert(damaged_file(false), true, &count), &size);
    assert_true(count.frames == 2 && count.points == 62 && count.corrupt == 1);
    assert_null(strstr(text, "\n1,"));
    assert_non_null(strstr(text, "\n2,1,1,"));
    free(text);
}

static void numbers_read_back(void **state)
{
    (void)state;
    static struct waymo_made w;
    static float values[200];
    uint64_t seed = 3;
    for (int round = 0; round < 10; round++) {
        waymo_make(&w, 0);
        for (int i = 0; i < 24; i++) { /* the intensities: of all sizes */
            values[i] = powf(10, glint_test_uniform(&seed, -8, 8)) * (i % 2 ? 1.0f : -1.0f);
            w.range[0][4 * i] = 1;
            w.range[0][4 * i + 1] = values[i];
        }
        waymo_floats(&w, 0, w.range[0], 4, 6, 4);
        uint8_t *data;
        const size_t size = waymo_pack(&w, &data);
        const char *path = glint_test_path("numbers.tfrecord");
        FILE *f = fopen(path, "wb");
        assert_true(f && glint_tfrecord_write(f, data, size) && fclose(f) == 0);
        free(data);
        char *text = glint_test_read(convert(path, false, NULL), NULL), *line = strchr(text, '\n') + 1;
        for (int i = 0; i < 24; i++, line = strchr(line, '\n') + 1) {
            char *p = line;
            for (int comma = 0; comma < 9; p++)
                comma += *p == ',';
            if (strtof(p, NULL) != values[i])
                fail_msg("%.9g was written as %.20s", (double)values[i], p);
        }
        free(text);
    }
}

static void a_table_is_not_started_for_a_file_that_is_none(void **state)
{
    (void)state;
    const struct glint_waymo_csv_settings settings = {.n_threads = 1, .end_frame = 100};
    const char *out = glint_test_write("kept.csv", "kept", 4);
    const char *path = glint_test_write("no.tfrecord", "this is no record of any kind", 29);
    assert_int_equal(glint_waymo_csv(path, out, &settings, NULL), GLINT_E_FORMAT);
    char *text = glint_test_read(out, NULL);
    assert_string_equal(text, "kept");
    free(text);
}

static int setup(void **state)
{
    return glint_test_folder_make(state) || glint_frame_pool_open(2, CAP, 1, &frames) != GLINT_OK;
}

static int teardown(void **state)
{
    glint_frame_pool_close(frames);
    return glint_test_folder_remove(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(points_with_all_they_have),
        cmocka_unit_test(a_folder_of_files),
        cmocka_unit_test(damage_costs_one_frame),
        cmocka_unit_test(empty_and_cut_files),
        cmocka_unit_test(frames_without_images),
        cmocka_unit_test(points_that_may_not_enter),
        cmocka_unit_test(a_table_of_made_points),
        cmocka_unit_test(numbers_read_back),
        cmocka_unit_test(a_table_is_not_started_for_a_file_that_is_none),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
