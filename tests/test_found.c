/* tests/test_found.c - found, missed and false; by distance and points; the report's part of it. */
#include "tests/util.h"
#include "eval/report_found.h"
#include "glint/status.h"

static struct glint_box box(float x, float y, int32_t label, float score)
{
    return (struct glint_box){.center = {x, y, 0}, .label = label, .score = score};
}
static struct glint_found_object object(float x, float y, int32_t label, int32_t points)
{
    return (struct glint_found_object){box(x, y, label, 1), points, false};
}

static const struct glint_found_rule two_metres = {2, NULL};

static void the_best_box_takes_the_nearest(void **state)
{
    (void)state;
    const struct glint_found_object o[] = {object(0, 0, 0, 9), object(1, 0, 0, 9), object(30, 0, 1, 9)};
    const struct glint_box b[] = {box(0.9f, 0, 0, 0.3f), box(0.8f, 0, 0, 0.9f), box(3.1f, 0, 0, 0.2f),
                                  box(30, 0, 0, 0.8f)};
    uint8_t of_box[4], of_object[3];
    glint_found_match(&two_metres, b, 4, o, 3, 2, of_box, of_object);
    static const uint8_t boxes[] = {1, 1, 0, 0}, objects[] = {1, 1, 0};
    assert_memory_equal(of_box, boxes, 4);
    assert_memory_equal(of_object, objects, 3);
}

static void ignored_objects_cost_nothing(void **state)
{
    (void)state;
    struct glint_found_object o[] = {object(0, 0, 0, 9), object(0.5f, 0, -1, 9), object(50, 0, 1, 9)};
    o[2].ignored = true;
    const float least[] = {0.25f, 0.5f};
    const struct glint_found_rule rule = {2, least};
    const struct glint_box b[] = {box(0.5f, 0, 0, 0.9f), box(0.4f, 0, 0, 0.8f), box(0, 0, 0, 0.2f),
                                  box(50, 0, 1, 0.5f),   box(0, 0, 7, 0.9f),    box(20, 0, 1, 0.7f)};
    uint8_t of_box[6], of_object[3];
    glint_found_match(&rule, b, 6, o, 3, 2, of_box, of_object);
    static const uint8_t boxes[] = {1, 2, 2, 2, 2, 0}, objects[] = {1, 2, 2};
    assert_memory_equal(of_box, boxes, 6);
    assert_memory_equal(of_object, objects, 3);
}

static void sums_by_distance_and_points(void **state)
{
    (void)state;
    const struct glint_found_object o[] = {object(9.99f, 0, 0, 4), object(0, -10, 0, 5),
                                           object(0, 300, 0, 250), object(3, 4, 1, -1)};
    const uint8_t of_object[] = {1, 0, 1, 1};
    const struct glint_box b[] = {box(0, 0, 0, 1), box(0, 0, 0, 1), box(0, 0, 1, 1)};
    const uint8_t of_box[] = {1, 0, 2};
    struct glint_found f = {0};
    glint_found_add(&f, b, of_box, 3, o, of_object, 4);
    const struct glint_found_class *c = &f.of_class[0];
    assert_int_equal(c->objects, 3);
    assert_int_equal(c->found, 2);
    assert_int_equal(c->by_distance[0].found, 1);
    assert_int_equal(c->by_distance[1].all, 1);
    assert_int_equal(c->by_distance[1].found, 0);
    assert_int_equal(c->by_distance[GLINT_FOUND_DISTANCES - 1].all, 1);
    assert_int_equal(c->by_points[1].found, 1);
    assert_int_equal(c->by_points[2].all, 1);
    assert_int_equal(c->by_points[7].found, 1);
    assert_near(glint_found_recall(c), 2.0 / 3, 1e-12);
    assert_near(glint_found_precision(c), 0.5, 1e-12);
    assert_true(isnan(glint_found_precision(&f.of_class[1]))); /* its only box is ignored */
    assert_int_equal(f.of_class[1].by_points[0].all, 0);
}

static void the_page_has_tables_and_bars(void **state)
{
    (void)state;
    static const char *const names[] = {"car", "tram", "bus"};
    struct glint_report r = {0};
    struct glint_found f = {0};
    int64_t ns[100];
    for (int i = 0; i < 100; i++)
        ns[i] = (int64_t)(100 - i) * 1000000;
    struct glint_report_time times[] = {{"none", NULL, 0}, {"total", ns, 100}};
    f.has_points = true;
    f.of_class[0].objects = 4;
    f.of_class[0].found = 3;
    f.of_class[0].by_distance[2] = (struct glint_found_share){3, 4};
    f.of_class[2].boxes = 1;
    glint_report_found(&r, &f, names, 3, "within 2 m");
    glint_report_latencies(&r, "of each frame", times, 2);
    glint_buffer_add(&r.html, "", 1);
    const char *html = (const char *)r.html.data;
    static const char *const inside[] = {
        "<th>car</th><td>4</td><td>3</td><td>0.750</td><td>0</td><td>0</td><td>&ndash;</td>",
        "<th>bus</th><td>0</td><td>0</td><td>&ndash;</td><td>1</td><td>0</td><td>0.000</td>",
        "car, 20-30: 0.750 of 4",
        "Recall by number of points",
        "<th>total</th><td>100</td><td>50.00</td><td>90.00</td><td>99.00</td><td>100.00</td>",
    };
    for (size_t i = 0; i < sizeof inside / sizeof inside[0]; i++)
        if (!strstr(html, inside[i]))
            fail_msg("not in the page: %s", inside[i]);
    assert_null(strstr(html, "tram"));
    assert_null(strstr(html, "none"));
    glint_buffer_fini(&r.html);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_best_box_takes_the_nearest),
        cmocka_unit_test(ignored_objects_cost_nothing),
        cmocka_unit_test(sums_by_distance_and_points),
        cmocka_unit_test(the_page_has_tables_and_bars),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
