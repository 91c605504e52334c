/* tests/test_source_merge.c - two recordings as one source: the demo capture and copies of it. */
#include "tests/files.h"
#include "io/source_merge.h"
#include <math.h>

#define DEMO GLINT_SOURCE_DIR "/data/demo/demo.pcap"

static struct glint_frame_pool *pool;

static struct glint_source *open_two(const char *second)
{
    struct glint_source_merge_settings s = {
        .n_inputs = 2,
        .input = {{DEMO, "front", {{1, 0, 0, 0}, {0, 0, 0}}}, {second, "rear", {{0, 0, 0, 1}, {-2, 0, 1}}}}};
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
    struct glint_source *source = open_two(DEMO);
    int status, n = 0;
    int64_t points = 0;
    for (;; n++) {
        struct glint_frame *f = glint_frame_get(pool, false);
        status = source->ops->next_frame(source, f);
        if (status == GLINT_OK) {
            const int32_t half = f->points.n / 2;
            assert_string_equal(f->missing, "");
            assert_string_equal(f->source, "front+rear");
            assert_int_equal(f->points.n, 2 * half);
            for (int32_t i = 0; i < half; i += 97) { /* the other looks back from 2 m behind and 1 m up */
                assert_true(fabsf(f->points.x[i + half] + f->points.x[i] + 2) < 1e-4f);
                assert_true(fabsf(f->points.y[i + half] + f->points.y[i]) < 1e-4f);
                assert_true(fabsf(f->points.z[i + half] - f->points.z[i] - 1) < 1e-4f);
                assert_int_equal(f->points.offset_ns[i + half], f->points.offset_ns[i]);
            }
            points += f->points.n;
        }
        glint_frame_unref(f);
        if (status != GLINT_OK)
            break;
    }
    assert_int_equal(status, GLINT_E_EOF);
    assert_int_equal(n, 10);
    assert_int_equal(points, 2 * 634098);
    done(source);
}

/* The first 750 records of the capture, cut inside of the next. */
static void one_ends_early(void **state)
{
    (void)state;
    const size_t size = 24 + 750 * (16 + 1248) + 100;
    static char bytes[1100000];
    FILE *in = fopen(DEMO, "rb");
    assert_int_equal(fread(bytes, 1, size, in), size);
    fclose(in);
    glint_test_write("cut.pcap", bytes, size);
    struct glint_source *source = open_two(glint_test_path("cut.pcap"));
    int n = 0, n_missing = 0, status;
    uint64_t missed = 0, received = 0;
    for (;; n++) {
        struct glint_frame *f = glint_frame_get(pool, false);
        status = source->ops->next_frame(source, f);
        if (status == GLINT_OK) {
            n_missing += strcmp(f->missing, "rear") == 0;
            missed = f->loss.sensors_missed;
            received = f->loss.packets_received;
            assert_true(n < 4 || n_missing == n - 3);
        }
        glint_frame_unref(f);
        if (status != GLINT_OK)
            break;
    }
    assert_int_equal(status, GLINT_E_FORMAT);
    assert_non_null(strstr(glint_error_text(), "cut.pcap"));
    assert_int_equal(n, 10);
    assert_int_equal(n_missing, 6);
    assert_int_equal(missed, 6);
    assert_true(received >= 1875 + 750 - 20 && received <= 1875 + 750);
    done(source);
}

static void refused(void **state)
{
    (void)state;
    struct glint_source *source;
    struct glint_source_merge_settings s = {
        .n_inputs = 2, .input = {{.path = DEMO, .name = "a"}, {.path = "no.pcap", .name = "b"}}};
    assert_int_equal(glint_source_merge_open(&s, &source), GLINT_E_NOTFOUND);
    assert_null(source);
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
