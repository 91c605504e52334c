/* tests/test_nuscenes_lidarseg.c - lidar segmentation of nuScenes, and confusion matrices
 * (eval/segmentation). */
#include "tests/nuscenes_fixture.h"
#include "tests/json_compare.h"
#include "core/status.h"
#include "eval/nuscenes_lidarseg.h"
#include "eval/segmentation.h"

static void numbers_of_a_matrix(void **state)
{
    (void)state;
    uint64_t m[9] = {0}, other[9] = {0};
    const uint8_t truth[] = {0, 1, 1, 1, 2, 0}, found[] = {0, 1, 1, 2, 1, 2};
    glint_confusion_add(m, 3, truth, found, 6);
    assert_int_equal(m[0], 1);
    assert_int_equal(m[1 * 3 + 2], 1);
    assert_true(glint_confusion_iou(m, 3, 1) == 0.5);
    glint_confusion_ignore(m, 3, 0);
    assert_true(isnan(glint_confusion_iou(m, 3, 0)));
    assert_true(glint_confusion_iou(m, 3, 2) == 0); /* true, never found */
    assert_true(glint_confusion_mean_iou(m, 3) == 0.25);
    assert_true(glint_confusion_weighted_iou(m, 3) == 3 * 0.5 / 4);
    assert_true(isnan(glint_confusion_mean_iou(other, 3)) && isnan(glint_confusion_weighted_iou(other, 3)));
    glint_confusion_merge(other, 3, m);
    glint_confusion_merge(other, 3, m);
    assert_int_equal(other[4], 2 * m[4]);
}

struct dataset {
    struct glint_nuscenes_tables *tables;
    struct glint_nuscenes_split split;
};

static struct dataset open_shared(void)
{
    struct dataset d;
    char path[1024];
    if (!glint_test_shared("eval/nuscenes/dataroot", path, sizeof path))
        skip();
    assert_int_equal(glint_nuscenes_tables_open(path, "v1.0-mini", &d.tables), GLINT_OK);
    assert_int_equal(glint_nuscenes_split_init(&d.split, d.tables, "mini_val"), GLINT_OK);
    return d;
}

static void close_dataset(struct dataset *d)
{
    glint_nuscenes_split_fini(&d->split);
    glint_nuscenes_tables_close(d->tables);
}

static void official_numbers_are_reproduced(void **state)
{
    (void)state;
    struct dataset d = open_shared();
    struct glint_nuscenes_confusion sum = {{{0}}};
    struct glint_json_writer w;
    char results[1024], expected[1024];
    assert_true(glint_test_shared("eval/nuscenes/results", results, sizeof results));
    assert_true(
        glint_test_shared("eval/nuscenes/expected/lidarseg_expected.json", expected, sizeof expected));
    for (int32_t s = 0; s < d.split.n_scenes; s++)
        assert_int_equal(glint_nuscenes_lidarseg_score(&d.split, "mini_val", results, s, &sum), GLINT_OK);
    glint_json_writer_init(&w, 1);
    glint_json_put_object(&w, NULL);
    glint_nuscenes_lidarseg_put(&w, &sum);
    glint_json_put_end(&w);
    assert_int_equal(glint_json_writer_finish(&w), GLINT_OK);
    glint_test_same_json_file(w.text, w.size, expected, 1e-9);
    glint_json_writer_fini(&w);
    close_dataset(&d);
}

/* Truth written as a result is perfect but for classes that are ignored; then one byte is wrong, one is
 * missing. */
static void written_results_are_read_and_checked(void **state)
{
    (void)state;
    struct dataset d = open_shared();
    struct glint_nuscenes_confusion sum = {{{0}}};
    uint8_t class_of[256], *labels = NULL;
    size_t n = 0;
    const char *results = glint_test_folder;
    assert_int_equal(glint_nuscenes_lidarseg_map(d.tables, class_of), GLINT_OK);
    for (int32_t i = d.split.n_samples - 1; i >= 0; i--) {
        free(labels);
        assert_int_equal(glint_nuscenes_lidarseg_truth(&d.split, i, class_of, &labels, &n), GLINT_OK);
        for (size_t k = 0; k < n; k++)
            labels[k] = labels[k] ? labels[k] : 1;
        assert_int_equal(glint_nuscenes_lidarseg_write(&d.split, "mini_val", results, i, labels, n),
                         GLINT_OK);
    }
    assert_int_equal(glint_nuscenes_lidarseg_score(&d.split, "mini_val", results, 0, &sum), GLINT_OK);
    assert_true(glint_confusion_mean_iou(sum.count[0], GLINT_NUSCENES_LIDARSEG_CLASSES) == 1);
    labels[5] = 17;
    assert_int_equal(glint_nuscenes_lidarseg_write(&d.split, "mini_val", results, 0, labels, n), GLINT_OK);
    assert_int_equal(glint_nuscenes_lidarseg_score(&d.split, "mini_val", results, 0, &sum), GLINT_E_FORMAT);
    assert_non_null(strstr(glint_error_text(), "offset 5: class 1..16 expected, found 17"));
    assert_int_equal(glint_nuscenes_lidarseg_write(&d.split, "mini_val", results, 0, labels, n - 1),
                     GLINT_OK);
    assert_int_equal(glint_nuscenes_lidarseg_score(&d.split, "mini_val", results, 0, &sum), GLINT_E_FORMAT);
    assert_non_null(strstr(glint_error_text(), "points, but the key frame has"));
    assert_int_equal(glint_nuscenes_lidarseg_score(&d.split, "mini_val", "/nowhere", 0, &sum),
                     GLINT_E_NOTFOUND);
    free(labels);
    close_dataset(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_of_a_matrix),
        cmocka_unit_test(official_numbers_are_reproduced),
        cmocka_unit_test(written_results_are_read_and_checked),
    };
    return cmocka_run_group_tests(tests, glint_test_folder_make, glint_test_folder_remove);
}
