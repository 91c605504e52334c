/* tests/test_labels.c - labels from .jsonl, and which of them were found. */
#include "tests/util.h"
#include "glint/status.h"
#include "viz/match.h"

static const char *const classes[] = {"car", "pedestrian"};

static int open_text(const char *text, struct glint_labels **out)
{
    char name[512];
    snprintf(name, sizeof name, "%s/test_labels.jsonl", GLINT_BUILD_DIR);
    FILE *f = fopen(name, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    const int status = glint_labels_open(name, classes, 2, out);
    remove(name);
    return status;
}

static void frames_are_found_by_number(void **state)
{
    (void)state;
    struct glint_labels *labels;
    int32_t n = -1;
    assert_int_equal(open_text("{\"frame\":0,\"boxes\":[]}\n\n"
                               "{\"frame\":4,\"more\":1,\"boxes\":[{\"label\":\"pedestrian\",\"center\":[1,2,"
                               "3],\"size\":[4,5,6],"
                               "\"yaw\":0.5,\"points\":9,\"track\":3},{\"label\":\"tram\",\"center\":[0,0,0],"
                               "\"size\":[1,1,1],\"yaw\":0}]}",
                               &labels),
                     0);
    assert_non_null(glint_labels_frame(labels, 0, &n));
    assert_int_equal(n, 0);
    assert_null(glint_labels_frame(labels, 1, &n));
    const struct glint_label *l = glint_labels_frame(labels, 4, &n);
    assert_int_equal(n, 2);
    assert_int_equal(glint_labels_most(labels), 2);
    assert_int_equal(l[0].box.label, 1);
    assert_int_equal(l[0].points, 9);
    assert_float_equal(l[0].box.size[2], 6, 0);
    assert_int_equal(l[1].box.label, -1);
    assert_int_equal(l[1].points, -1);
    assert_string_equal(l[1].name, "tram");
    glint_labels_close(labels);
}

static void frames_without_boxes_are_there(void **state)
{
    (void)state;
    struct glint_labels *labels;
    int32_t n = -1;
    assert_int_equal(open_text("{\"frame\":2,\"boxes\":[]}\n", &labels), 0);
    assert_non_null(glint_labels_frame(labels, 2, &n));
    assert_int_equal(n, 0);
    glint_labels_close(labels);
}

static void bad_lines_are_named(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "{",
        "[]",
        "{\"frame\":0}",
        "{\"frame\":-1,\"boxes\":[]}",
        "{\"frame\":0,\"boxes\":{}}",
        "{\"frame\":3,\"boxes\":[]}\n{\"frame\":3,\"boxes\":[]}",
        "{\"frame\":0,\"boxes\":[{\"label\":\"car\",\"center\":[1,2],\"size\":[1,1,1],\"yaw\":0}]}",
        "{\"frame\":0,\"boxes\":[{\"label\":7,\"center\":[1,2,3],\"size\":[1,1,1],\"yaw\":0}]}",
        "{\"frame\":0,\"boxes\":[{\"label\":\"car\",\"center\":[1,2,3],\"size\":[1,1,1],\"yaw\":\"north\"}]}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct glint_labels *labels;
        assert_int_equal(open_text(bad[i], &labels), GLINT_E_FORMAT);
        assert_null(labels);
        assert_non_null(strstr(glint_error_text(), "test_labels.jsonl"));
    }
    struct glint_labels *labels;
    assert_int_equal(glint_labels_open("/no/such/file", classes, 2, &labels), GLINT_E_NOTFOUND);
}

static struct glint_label label(float x, float y, int32_t cls, int32_t points)
{
    return (struct glint_label){.box = {.center = {x, y, 0}, .label = cls}, .points = points};
}

static struct glint_box box(float x, float y, int32_t cls)
{
    return (struct glint_box){.center = {x, y, 0}, .label = cls};
}

static void the_nearest_of_its_class_is_found_once(void **state)
{
    (void)state;
    const struct glint_label l[] = {label(0, 0, 0, 50), label(1.5f, 0, 0, 50), label(10, 0, 1, 50),
                                    label(20, 0, 0, 50)};
    const struct glint_box b[] = {box(1, 0, 0), box(0.2f, 0, 0), box(0.1f, 0.1f, 0), box(10, 0, 0),
                                  box(22.1f, 0, 0)};
    uint8_t of_box[5], of_label[4];
    glint_match(&GLINT_MATCH_RULE_DEFAULT, b, 5, l, 4, of_box, of_label);
    const uint8_t want_box[] = {1, 1, 0, 0, 0}, want_label[] = {1, 1, 0, 0};
    assert_memory_equal(of_box, want_box, sizeof want_box);
    assert_memory_equal(of_label, want_label, sizeof want_label);
}

static void weak_and_far_labels_do_not_count(void **state)
{
    (void)state;
    const struct glint_label l[] = {label(0, 0, 0, 4), label(60, 0, 0, 500), label(30, 0, 0, -1),
                                    label(0.5f, 0, 0, 50)};
    const struct glint_box b[] = {box(0, 0, 0), box(0, 0.1f, 0), box(60, 0, 0)};
    uint8_t of_box[3], of_label[4];
    glint_match(&GLINT_MATCH_RULE_DEFAULT, b, 3, l, 4, of_box, of_label);
    const uint8_t want_box[] = {GLINT_MATCH_FOUND, GLINT_MATCH_IGNORED, GLINT_MATCH_IGNORED};
    const uint8_t want_label[] = {GLINT_MATCH_IGNORED, GLINT_MATCH_IGNORED, GLINT_MATCH_NONE,
                                  GLINT_MATCH_FOUND};
    assert_memory_equal(of_box, want_box, sizeof want_box);
    assert_memory_equal(of_label, want_label, sizeof want_label);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_are_found_by_number),
        cmocka_unit_test(frames_without_boxes_are_there),
        cmocka_unit_test(bad_lines_are_named),
        cmocka_unit_test(the_nearest_of_its_class_is_found_once),
        cmocka_unit_test(weak_and_far_labels_do_not_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
