/* tests/test_waymo_segmentation.c - the expected segmentation files, matrices in legal and broken encodings.
 */
#include "tests/waymo_eval.h"
#include "eval/waymo_matrix.h"
#include "eval/waymo_segmentation.h"
#include <math.h>
#include <zlib.h>

static void check_set(const char *truth, const char *results, const char *expected_name, int64_t n_frames)
{
    char a[512], b[512];
    const char *const truths[] = {glint_waymo_path(truth, a)};
    struct glint_waymo_segmentation *metric;
    struct glint_eval_task task;
    const struct glint_waymo_inputs inputs = {
        .truth = truths, .n_truth = 1, .results = glint_waymo_path(results, b)};
    if (glint_waymo_segmentation_open(&inputs, &metric) < 0)
        fail_msg("%s", glint_error_text());
    glint_waymo_segmentation_task(metric, &task);
    glint_waymo_run(&task, 2);
    json_t *expected = glint_waymo_expected(expected_name);
    const json_t *classes = json_object_get(expected, "classes");
    assert_true(fabs((double)glint_waymo_segmentation_miou(metric) - glint_waymo_number(expected, "miou")) <
                1e-8);
    assert_int_equal(json_array_size(classes), GLINT_WAYMO_N_CLASSES);
    assert_int_equal(glint_waymo_segmentation_frames(metric), n_frames);
    for (int32_t id = 1; id <= GLINT_WAYMO_N_CLASSES; id++) {
        const json_t *want = json_array_get(classes, (size_t)id - 1);
        struct glint_waymo_segmentation_row row;
        glint_waymo_segmentation_row(metric, id, &row);
        assert_int_equal(row.id, glint_waymo_number(want, "id"));
        assert_string_equal(row.name, json_string_value(json_object_get(want, "name")));
        assert_int_equal(row.n_intersection, glint_waymo_number(want, "intersection"));
        assert_int_equal(row.n_union, glint_waymo_number(want, "union"));
        assert_true((float)glint_waymo_number(want, "iou") == row.iou);
    }
    json_decref(expected);
    glint_waymo_segmentation_close(metric);
}

static void official_numbers(void **state)
{
    (void)state;
    char path[512];
    if (!glint_test_shared("eval/waymo_metrics/seg_gt.bin", path, sizeof path))
        skip();
    check_set("waymo_metrics/seg_gt.bin", "waymo_metrics/seg_pred.bin", "waymo_metrics/seg_expected.json", 7);
    check_set("waymo_fake/fake_segmentation_groundtruths.bin", "waymo_fake/fake_segmentation_predictions.bin",
              "waymo_fake/fake_segmentation_expected.json", 6);
}

/* Frames of a TFRecord are ground truth too; two of the three are labelled. Nothing predicted: no
 * intersection. */
static void frames_as_ground_truth(void **state)
{
    (void)state;
    char a[512], b[512];
    if (!glint_test_shared("eval/waymo_frames/small.tfrecord", a, sizeof a))
        skip();
    const char *const truths[] = {a};
    struct glint_waymo_segmentation *metric;
    struct glint_waymo_segmentation_row row;
    struct glint_eval_task task;
    int64_t n_union = 0;
    const struct glint_waymo_inputs inputs = {
        .truth = truths, .n_truth = 1, .results = glint_waymo_path("waymo_metrics/case_gt_only_pred.bin", b)};
    assert_int_equal(glint_waymo_segmentation_open(&inputs, &metric), GLINT_OK);
    glint_waymo_segmentation_task(metric, &task);
    glint_waymo_run(&task, 1);
    assert_int_equal(glint_waymo_segmentation_frames(metric), 2);
    for (int32_t id = 1; id <= GLINT_WAYMO_N_CLASSES; id++) {
        glint_waymo_segmentation_row(metric, id, &row);
        assert_int_equal(row.n_intersection, 0);
        n_union += row.n_union;
    }
    assert_true(n_union > 0);
    glint_waymo_segmentation_close(metric);
}

/* ---- matrices ---- */

static int read_matrix(const uint8_t *message, size_t n, struct glint_waymo_matrix *m)
{
    uint8_t packed[256];
    uLongf size = sizeof packed;
    struct glint_inflate *inflate;
    assert_int_equal(compress(packed, &size, message, n), Z_OK);
    assert_int_equal(glint_inflate_open(&inflate), GLINT_OK);
    const int status =
        glint_waymo_matrix_read(m, inflate, (struct glint_wire){"file", packed, packed, packed + size});
    glint_inflate_close(inflate);
    return status;
}

static void matrices(void **state)
{
    (void)state;
    struct glint_waymo_matrix m = {0};
    /* shape [1, 2, 2] before the numbers, which come in two pieces: instance 7, class 3, instance 0, class
     * 300 */
    const uint8_t pairs[] = {0x12, 0x06, 0x08, 1,    0x08, 2,    0x08, 2,   0x0a,
                             0x02, 7,    3,    0x08, 0,    0x08, 0xac, 0x02};
    assert_int_equal(read_matrix(pairs, sizeof pairs, &m), GLINT_OK);
    assert_int_equal(m.n, 2);
    assert_int_equal(m.value[0], 3);
    assert_int_equal(m.value[1], GLINT_WAYMO_OTHER);
    const uint8_t plain[] = {0x0a, 0x03, 22, 0, 23, 0x12, 0x04, 0x0a, 0x02, 1, 3};
    assert_int_equal(read_matrix(plain, sizeof plain, &m), GLINT_OK);
    assert_int_equal(m.n, 3);
    assert_int_equal(m.value[0], 22);
    assert_int_equal(m.value[2], GLINT_WAYMO_OTHER);
    const uint8_t wrong_shape[] = {0x0a, 0x03, 1, 2, 3, 0x12, 0x04, 0x0a, 0x02, 2, 2};
    assert_int_equal(read_matrix(wrong_shape, sizeof wrong_shape, &m), GLINT_E_FORMAT);
    assert_non_null(strstr(glint_error_text(), "file: byte 0: segmentation labels: the shape"));
    const uint8_t cut[] = {0x0a, 0x03, 1};
    assert_int_equal(read_matrix(cut, sizeof cut, &m), GLINT_E_FORMAT);
    assert_non_null(strstr(glint_error_text(), "file: byte 0: segmentation labels, inflated: byte 0"));
    free(m.value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(official_numbers),
        cmocka_unit_test(frames_as_ground_truth),
        cmocka_unit_test(matrices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
