/* tests/test_json_write.c - the writer, and exact decimals (core/decimal). */
#include "tests/files.h"
#include "core/decimal.h"
#include "core/json_write.h"
#include "core/status.h"
#include <math.h>

static const char *decimal(double v)
{
    static char text[GLINT_DECIMAL_TEXT + 1];
    text[glint_decimal_write(text, v)] = 0;
    return text;
}

static void doubles_are_written_as_python_does(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *text;
    } cases[] = {{0, "0.0"},
                 {-0.0, "-0.0"},
                 {1, "1.0"},
                 {-100, "-100.0"},
                 {0.1, "0.1"},
                 {0.1 + 0.2, "0.30000000000000004"},
                 {1.0 / 3, "0.3333333333333333"},
                 {0.4130269377088013, "0.4130269377088013"},
                 {1e-4, "0.0001"},
                 {1e-5, "1e-05"},
                 {123456.789012, "123456.789012"},
                 {1e15, "1000000000000000.0"},
                 {1e16, "1e+16"},
                 {1.5e300, "1.5e+300"},
                 {9007199254740993.0, "9007199254740992.0"},
                 {5e-324, "5e-324"},
                 {2.2250738585072014e-308, "2.2250738585072014e-308"},
                 {1.7976931348623157e308, "1.7976931348623157e+308"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(decimal(cases[i].value), cases[i].text);
}

static void any_double_survives(void **state)
{
    (void)state;
    uint64_t random = 1;
    for (int i = 0; i < 200000; i++) {
        uint64_t bits = glint_test_random(&random);
        double v, back;
        if (i % 2) /* of the sizes that results have */
            bits = (bits & ~(UINT64_C(0x7ff) << 52)) | (UINT64_C(1000) + bits % 50) << 52;
        memcpy(&v, &bits, sizeof v);
        if (!isfinite(v))
            continue;
        back = strtod(decimal(v), NULL);
        if (memcmp(&v, &back, sizeof v) != 0)
            fail_msg("%.17g written as %s", v, decimal(v));
    }
}

static void objects_and_arrays(void **state)
{
    (void)state;
    struct glint_json_writer w;
    const double row[] = {1, NAN, 0.25};
    const int64_t counts[] = {7, -1};
    glint_json_writer_init(&w, 1);
    glint_json_put_object(&w, NULL);
    glint_json_put_f64(&w, "a", INFINITY);
    glint_json_put_array(&w, "b");
    glint_json_put_i64(&w, NULL, INT64_MIN);
    glint_json_put_text(&w, NULL, "\"\\\n\x01\xc3\xa9");
    glint_json_put_end(&w);
    glint_json_put_f64s(&w, "r", row, 3);
    glint_json_put_i64s(&w, "i", counts, 2);
    glint_json_put_object(&w, "empty");
    glint_json_put_end(&w);
    glint_json_put_bool(&w, "t", true);
    glint_json_put_null(&w, "n");
    glint_json_put_f64_python(&w, "p", NAN);
    glint_json_put_end(&w);
    assert_int_equal(glint_json_writer_finish(&w), GLINT_OK);
    static const char want[] =
        "{\n \"a\": null,\n \"b\": [\n  -9223372036854775808,\n"
        "  \"\\\"\\\\\\u000a\\u0001\xc3\xa9\"\n ],\n"
        " \"r\": [1.0, null, 0.25],\n \"i\": [7, -1],\n \"empty\": {},\n \"t\": true,\n \"n\": null,\n"
        " \"p\": NaN\n}\n";
    assert_int_equal(w.size, sizeof want - 1);
    assert_memory_equal(w.text, want, sizeof want - 1);
    glint_json_writer_fini(&w);
}

static void a_large_file_is_written_through(void **state)
{
    (void)state;
    struct glint_json_writer w;
    const char *path = glint_test_path("large.json");
    assert_int_equal(glint_json_writer_create(&w, path, 0), GLINT_OK);
    glint_json_put_array(&w, NULL);
    for (int i = 0; i < 100000; i++)
        glint_json_put_i64(&w, NULL, i);
    assert_true(w.cap < 1 << 20);
    glint_json_put_end(&w);
    assert_int_equal(glint_json_writer_finish(&w), GLINT_OK);
    size_t size;
    char *text = glint_test_read(path, &size);
    assert_memory_equal(text, "[0, 1, 2, ", 10);
    assert_string_equal(text + size - 16, ", 99998, 99999]\n");
    free(text);
}

static void given_up_leaves_no_file(void **state)
{
    (void)state;
    struct glint_json_writer w;
    const char *path = glint_test_path("none.json");
    assert_int_equal(glint_json_writer_create(&w, path, 1), GLINT_OK);
    glint_json_put_object(&w, NULL);
    glint_json_writer_fini(&w);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_equal(glint_json_writer_create(&w, "/nowhere/x.json", 1), GLINT_E_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(doubles_are_written_as_python_does),
        cmocka_unit_test(any_double_survives),
        cmocka_unit_test(objects_and_arrays),
        cmocka_unit_test(a_large_file_is_written_through),
        cmocka_unit_test(given_up_leaves_no_file),
    };
    return cmocka_run_group_tests(tests, glint_test_folder_make, glint_test_folder_remove);
}
