/* tests/test_source_merge.c - frames of two sensors as one source: folders of PCD files that carry stamps. */
#include "tests/files.h"
#include "io/source_merge.h"
#include <math.h>
#include <sys/stat.h>

#define START INT64_C(1700000000000000000)
#define MS    INT64_C(1000000)
#define TURNS 10

static struct glint_frame_pool *pool;

/* TURNS files NAME/00.pcd ... of two points each, 100 ms apart; those from `bad` on are cut short. */
static void make_folder(const char *name, int64_t late_ms, int bad)
{
    char file[64], text[400];
    mkdir(glint_test_path(name), 0777);
    for (int i = 0; i < TURNS; i++) {
        const int n =
            snprintf(text, sizeof text,
                     "# stamp_ns %lld\nVERSION .7\nFIELDS x y z intensity\nSIZE 4 4 4 4\nTYPE F F F F\n"
                     "COUNT 1 1 1 1\nWIDTH 2\nHEIGHT 1\nPOINTS 2\nDATA ascii\n%d 1 2 0.5\n%d 3 4 0.5\n",
                     (long long)(START + (100 * i + late_ms) * MS), 10 + i, 20 + i);
        snprintf(file, sizeof file, "%.40s/%02d.pcd", name, i);
        glint_test_write(file, text, (size_t)(i < bad ? n : n - 12));
    }
}

static struct glint_source *open_two(void)
{
    struct glint_source_merge_settings s = {
        .n_inputs = 2,
        .input = {{glint_test_path("front"), "front", {{1, 0, 0, 0}, {0, 0, 0}}},
                  {glint_test_path("rear"), "rear", {{0, 0, 0, 1}, {-2, 0, 1}}}}};
    struct glint_source *source;
    if (glint_source_merge_open(&s, &source) != GLINT_OK)
        fail_msg("%s", glint_error_text());
    assert_int_equal(glint_frame_pool_open(1, source->ops->cap_points(source), 1, &pool), GLINT_OK);
    return source;
}

static void done(struct glint_source *source)
{
    glint_source_close(source);
    glint_frame_pool_close(pool);
}

static void both_there(void **state)
{
    (void)state;
    make_folder("front", 0, TURNS);
    make_folder("rear", 30, TURNS);
    struct glint_source *source = open_two();
    int status = GLINT_OK, n = 0;
    for (; status == GLINT_OK; n++) {
        struct glint_frame *f = glint_frame_get(pool, false);
        status = source->ops->next_frame(source, f);
        if (status == GLINT_OK) {
            assert_string_equal(f->missing, "");
            assert_string_equal(f->source, "front+rear");
            assert_int_equal(f->points.n, 4);
            assert_true(f->stamp_ns == START + n * 100 * MS);
            for (int i = 0; i < 2; i++) { /* the other looks back from 2 m behind and 1 m up */
                assert_true(fabsf(f->points.x[i + 2] + f->points.x[i] + 2) < 1e-4f);
                assert_true(fabsf(f->points.y[i + 2] + f->points.y[i]) < 1e-4f);
                assert_true(fabsf(f->points.z[i + 2] - f->points.z[i] - 1) < 1e-4f);
                assert_int_equal(f->points.offset_ns[i + 2], 30 * MS);
            }
        }
        glint_frame_unref(f);
    }
    assert_int_equal(status, GLINT_E_EOF);
    assert_int_equal(n - 1, TURNS);
    done(source);
}

static void one_ends_early(void **state)
{
    (void)state;
    make_folder("front", 0, TURNS);
    make_folder("rear", 30, 4);
    struct glint_source *source = open_two();
    int status = GLINT_OK, n = 0, n_missing = 0;
    uint64_t missed = 0;
    for (; status == GLINT_OK; n++) {
        struct glint_frame *f = glint_frame_get(pool, false);
        status = source->ops->next_frame(source, f);
        if (status == GLINT_OK) {
            n_missing += strcmp(f->missing, "rear") == 0;
            missed = f->loss.sensors_missed;
            assert_true(n < 4 || n_missing == n - 3);
        }
        glint_frame_unref(f);
    }
    assert_int_equal(status, GLINT_E_FORMAT);
    assert_non_null(strstr(glint_error_text(), "04.pcd"));
    assert_int_equal(n - 1, TURNS);
    assert_int_equal(n_missing, 6);
    assert_int_equal(missed, 6);
    done(source);
}

static void refused(void **state)
{
    (void)state;
    struct glint_source *source;
    struct glint_source_merge_settings s = {
        .n_inputs = 2,
        .input = {{.path = glint_test_path("front"), .name = "a"}, {.path = "no.pcap", .name = "b"}}};
    make_folder("front", 0, TURNS);
    assert_int_equal(glint_source_merge_open(&s, &source), GLINT_E_NOTFOUND);
    assert_null(source);
    s.input[1].path = GLINT_SOURCE_DIR "/data/demo/demo.pcap";
    assert_int_equal(glint_source_merge_open(&s, &source), GLINT_E_ARG);
    s.n_inputs = 0;
    assert_int_equal(glint_source_merge_open(&s, &source), GLINT_E_ARG);
    const float points[8] = {1, 2, 3, 0.5f, 4, 5, 6, 0.5f};
    glint_test_write("scan.bin", points, sizeof points);
    s.n_inputs = 1;
    s.input[0].path = glint_test_path("scan.bin");
    assert_int_equal(glint_source_merge_open(&s, &source), GLINT_OK);
    assert_int_equal(glint_frame_pool_open(1, 10, 1, &pool), GLINT_OK);
    struct glint_frame *f = glint_frame_get(pool, false);
    assert_int_equal(source->ops->next_frame(source, f), GLINT_E_UNSUPPORTED);
    glint_frame_unref(f);
    done(source);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(both_there), cmocka_unit_test(one_ends_early),
                                       cmocka_unit_test(refused)};
    return cmocka_run_group_tests(tests, glint_test_folder_make, glint_test_folder_remove);
}
