/* tests/test_semantickitti.c - labels, classes, IoU. */
#include "tests/util.h"
#include "eval/semantickitti.h"
#include "glint/status.h"

static struct glint_label_bytes bytes(const char *name, const uint32_t *labels, size_t n)
{
    return (struct glint_label_bytes){name, (const uint8_t *)labels, 4 * n}; /* a little-endian machine */
}

static void labels_and_classes(void **state)
{
    (void)state;
    assert_int_equal(glint_semantickitti_class_of(10), 1);
    assert_int_equal(glint_semantickitti_class_of(252), 1);
    assert_int_equal(glint_semantickitti_class_of(0x00070000 | 60), 9);
    assert_int_equal(glint_semantickitti_class_of(52), 0);
    assert_int_equal(glint_semantickitti_class_of(2), -1);
    assert_int_equal(glint_semantickitti_class_of(300), -1);
    for (int32_t c = 0; c < GLINT_SEMANTICKITTI_CLASSES; c++) /* there and back */
        assert_int_equal(glint_semantickitti_class_of(glint_semantickitti_label_of(c)), c);
    assert_int_equal(glint_semantickitti_label_of(5), 20);
    assert_int_equal(glint_semantickitti_label_of(9), 40);
    assert_string_equal(glint_semantickitti_official.names[19], "traffic-sign");
}

/* Truth: 4 car, 3 road, 1 pole, 2 unlabeled. Found: car x3 and road; road x2 and nothing; car; car, pole. */
static void iou_as_published(void **state)
{
    (void)state;
    static const uint32_t truth[] = {10, 252, 0x10000a, 10, 40, 60, 40, 80, 0, 99};
    static const uint32_t found[] = {10, 10, 10, 40, 40, 0x2003c, 0, 10, 10, 80};
    struct glint_semantickitti_counts counts = {{{0}}};
    struct glint_semantickitti_iou iou;
    assert_int_equal(glint_semantickitti_add(&counts, bytes("t", truth, 10), bytes("f", found, 10)), 0);
    glint_semantickitti_finish(&counts, GLINT_SEMANTICKITTI_CLASSES, &iou);
    assert_near(iou.iou[1], 3.0 / 5, 1e-12); /* the car on the pole counts, that on unlabeled does not */
    assert_near(iou.iou[9], 2.0 / 4, 1e-12);
    assert_near(iou.iou[18], 0, 0);
    assert_near(iou.iou_mean, (0.6 + 0.5) / 19, 1e-12); /* classes that are nowhere have 0 */
    assert_near(iou.accuracy, 5.0 / 7, 1e-12);          /* of the 7 found on labelled truth */
    assert_int_equal(iou.points[1], 4);
    assert_int_equal(iou.points[0], 0);
}

static void bad_files_are_refused(void **state)
{
    (void)state;
    static const uint32_t truth[] = {10, 40, 80}, odd[] = {10, 40, 300};
    struct glint_semantickitti_counts counts = {{{0}}};
    const struct glint_label_bytes good = bytes("good", truth, 3), cut = {"cut", good.data, 11};
    const struct {
        struct glint_label_bytes truth, found;
        const char *reason;
    } bad[] = {{good, bytes("f", truth, 2), "f: 2 labels, but good has 3"},
               {good, cut, "cut: 11 bytes, expected a multiple of 4"},
               {cut, good, "cut: 11 bytes"},
               {good, bytes("f", odd, 3), "f: point 2: SemanticKITTI has no label 300"},
               {bytes("t", odd, 3), good, "t: point 2"}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(glint_semantickitti_add(&counts, bad[i].truth, bad[i].found), GLINT_E_FORMAT);
        assert_non_null(strstr(glint_error_text(), bad[i].reason));
    }
    for (int i = 0; i < GLINT_SEMANTICKITTI_CLASSES; i++)
        for (int k = 0; k < GLINT_SEMANTICKITTI_CLASSES; k++)
            assert_int_equal(counts.n[i][k], 0);
    assert_int_equal(glint_semantickitti_add(&counts, bytes("e", truth, 0), bytes("e", truth, 0)), 0);
}

static void models_of_other_data_are_held_against_coarse_classes(void **state)
{
    (void)state;
    static const char *const ours[] = {"ground", "vehicle", "other", "pole"};
    static const char *const theirs[] = {"road", "car", "unlabeled"};
    static const char *const nobodys[] = {"water", "road works"};
    const struct glint_semantickitti_scheme *scheme;
    uint8_t class_of[4];
    assert_int_equal(glint_semantickitti_scheme_of(theirs, 3, &scheme, class_of), 0);
    assert_ptr_equal(scheme, &glint_semantickitti_official);
    assert_int_equal(class_of[0], 9);
    assert_int_equal(class_of[2], 0);
    assert_int_equal(glint_semantickitti_scheme_of(nobodys, 2, &scheme, class_of), GLINT_E_UNSUPPORTED);
    assert_int_equal(glint_semantickitti_scheme_of(ours, 4, &scheme, class_of), 0);
    assert_ptr_equal(scheme, &glint_semantickitti_coarse);
    assert_string_equal(scheme->names[class_of[1]], "vehicle");
    assert_int_equal(class_of[2], 0);

    static const uint32_t truth[] = {40, 48, 72, 18, 81, 50, 1}; /* ground x3, vehicle, pole, building, - */
    const uint8_t found[] = {class_of[0], class_of[0], class_of[2], class_of[1],
                             class_of[3], class_of[3], class_of[1]};
    struct glint_semantickitti_counts counts = {{{0}}};
    struct glint_semantickitti_iou iou;
    assert_int_equal(glint_semantickitti_add_classes(&counts, scheme, bytes("t", truth, 7), found, 7), 0);
    assert_int_equal(glint_semantickitti_add_classes(&counts, scheme, bytes("t", truth, 7), found, 6),
                     GLINT_E_FORMAT);
    assert_non_null(strstr(glint_error_text(), "7 labels, but the scan has 6"));
    glint_semantickitti_finish(&counts, scheme->n_classes, &iou);
    assert_near(iou.iou[class_of[0]], 2.0 / 3, 1e-12);
    assert_near(iou.iou[class_of[1]], 1, 1e-12);
    assert_near(iou.iou[class_of[3]], 0.5, 1e-12);
    assert_near(iou.iou_mean, (2.0 / 3 + 1 + 0.5) / 7, 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_and_classes),
        cmocka_unit_test(iou_as_published),
        cmocka_unit_test(bad_files_are_refused),
        cmocka_unit_test(models_of_other_data_are_held_against_coarse_classes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
