/* tests/test_json_stream.c */
#include "tests/util.h"
#include "core/decimal.h"
#include "core/json_stream.h"
#include <math.h>

static struct glint_json_stream s;

static void start(const char *text, unsigned flags)
{
    glint_json_stream_init(&s, "file", text, strlen(text), flags);
}

static void assert_reason(const char *text)
{
    assert_string_equal(glint_error_text(), text);
}

static int skip_all(const char *text, size_t size, unsigned flags)
{
    glint_json_stream_init(&s, "file", text, size, flags);
    GLINT_TRY(glint_json_stream_skip(&s));
    return glint_json_stream_finish(&s);
}

static void a_table_is_read(void **state)
{
    (void)state;
    struct glint_json_text key, text;
    int64_t i;
    double d, three[3];
    bool flag;
    start(" [ {\"a\": 12, \"skip\": {\"x\": [1, [], {}]}, \"t\": \"caf\\u00e9\", \"v\": [1, 2.5, -3e2] } ,\n"
          "{\"a\": -0.5, \"f\": false}]\n",
          0);
    assert_int_equal(glint_json_stream_array(&s), GLINT_OK);
    assert_int_equal(glint_json_stream_item(&s), GLINT_OK);
    assert_int_equal(glint_json_stream_object(&s), GLINT_OK);
    assert_int_equal(glint_json_stream_key(&s, &key), GLINT_OK);
    assert_true(glint_json_text_is(key, "a"));
    assert_int_equal(glint_json_stream_i64(&s, &i), GLINT_OK);
    assert_int_equal(i, 12);
    assert_int_equal(glint_json_stream_key(&s, &key), GLINT_OK);
    assert_int_equal(glint_json_stream_skip(&s), GLINT_OK);
    assert_int_equal(glint_json_stream_key(&s, &key), GLINT_OK);
    assert_int_equal(glint_json_stream_text(&s, &text), GLINT_OK);
    assert_true(glint_json_text_is(text, "caf\xc3\xa9"));
    assert_int_equal(glint_json_stream_key(&s, &key), GLINT_OK);
    assert_int_equal(glint_json_stream_f64s(&s, 3, three, NULL), GLINT_OK);
    assert_true(three[0] == 1 && three[1] == 2.5 && three[2] == -300);
    assert_int_equal(glint_json_stream_key(&s, &key), GLINT_E_EOF);
    assert_int_equal(glint_json_stream_item(&s), GLINT_OK);
    assert_int_equal(glint_json_stream_object(&s), GLINT_OK);
    assert_int_equal(glint_json_stream_key(&s, &key), GLINT_OK);
    assert_int_equal(glint_json_stream_f64(&s, &d), GLINT_OK);
    assert_true(d == -0.5);
    assert_int_equal(glint_json_stream_key(&s, &key), GLINT_OK);
    assert_int_equal(glint_json_stream_bool(&s, &flag), GLINT_OK);
    assert_false(flag);
    assert_int_equal(glint_json_stream_key(&s, &key), GLINT_E_EOF);
    assert_int_equal(glint_json_stream_item(&s), GLINT_E_EOF);
    assert_int_equal(glint_json_stream_finish(&s), GLINT_OK);
}

static void failures_name_line_and_column(void **state)
{
    (void)state;
    static const struct {
        const char *text, *reason;
    } cases[] = {
        {"[1,\n 2,\n  x]", "file:3:3: a value expected, found 'x'"},
        {"[1 2]", "file:1:4: ',' or ']' expected, found '2'"},
        {"[1,]", "file:1:4: a value expected, found ']'"},
        {"{\"a\":1,}", "file:1:8: a key in quotes expected, found '}'"},
        {"{\"a\" 1}", "file:1:6: ':' expected, found '1'"},
        {"[1", "file:1:3: ',' or ']' expected, found the end of the file"},
        {"", "file:1:1: a value expected, found the end of the file"},
        {"[01]", "file:1:2: malformed number"},
        {"[1.]", "file:1:2: malformed number"},
        {"[1e]", "file:1:2: malformed number"},
        {"[-]", "file:1:3: a number expected, found ']'"},
        {"[NaN]", "file:1:2: a value expected, found 'N'"},
        {"\"abc", "file:1:1: string without end"},
        {"\"a\\x\"", "file:1:3: unknown escape in a string"},
        {"\"\\ud800\"", "file:1:2: unknown escape in a string"},
        {"\"a\nb\"", "file:1:3: control character in a string"},
        {"\"\xc3(\"", "file:1:2: string is not UTF-8"},
        {"\"\xed\xa0\x80\"", "file:1:2: string is not UTF-8"},
        {"1 1", "file:1:3: the end of the file expected, found '1'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(skip_all(cases[i].text, strlen(cases[i].text), 0), GLINT_E_FORMAT);
        assert_reason(cases[i].reason);
    }
}

static void depth_is_limited(void **state)
{
    (void)state;
    char text[2 * GLINT_JSON_STREAM_DEPTH + 3];
    const size_t n = GLINT_JSON_STREAM_DEPTH;
    memset(text, '[', n);
    memset(text + n, ']', n);
    assert_int_equal(skip_all(text, 2 * n, 0), GLINT_OK);
    memset(text, '[', n + 1);
    assert_int_equal(skip_all(text, 2 * n + 2, 0), GLINT_E_FORMAT);
    assert_reason("file:1:64: nested deeper than 63");
}

static void not_a_number_only_where_asked(void **state)
{
    (void)state;
    double v[3];
    start("[NaN, Infinity, -Infinity]", GLINT_JSON_NAN);
    assert_int_equal(glint_json_stream_f64s(&s, 3, v, NULL), GLINT_OK);
    assert_true(isnan(v[0]) && v[1] == HUGE_VAL && v[2] == -HUGE_VAL);
    start("NaN", 0);
    assert_int_equal(glint_json_stream_f64(&s, v), GLINT_E_FORMAT);
    start("1e999", GLINT_JSON_NAN);
    assert_int_equal(glint_json_stream_f64(&s, v), GLINT_E_FORMAT);
    assert_reason("file:1:1: number too large");
}

static void counts_and_types_are_checked(void **state)
{
    (void)state;
    double v[3];
    int64_t i;
    size_t n;
    start("[1, 2]", 0);
    assert_int_equal(glint_json_stream_f64s(&s, 3, v, NULL), GLINT_E_FORMAT);
    assert_reason("file:1:1: 3 numbers expected, found 2");
    start("[1, 2, 3, 4]", 0);
    assert_int_equal(glint_json_stream_f64s(&s, 3, v, &n), GLINT_OK);
    assert_int_equal(n, 4);
    start("1.0", 0);
    assert_int_equal(glint_json_stream_i64(&s, &i), GLINT_E_FORMAT);
    assert_reason("file:1:1: a whole number expected");
    start("9223372036854775808", 0);
    assert_int_equal(glint_json_stream_i64(&s, &i), GLINT_E_FORMAT);
    start("-9223372036854775807", 0);
    assert_int_equal(glint_json_stream_i64(&s, &i), GLINT_OK);
    assert_true(i == -INT64_MAX);
    start("\"1\"", 0);
    assert_int_equal(glint_json_stream_f64(&s, v), GLINT_E_FORMAT);
    assert_reason("file:1:1: a number expected, found '\"'");
}

/* The same double as the C library's strtod, which rounds correctly. */
static void assert_as_strtod(const char *text)
{
    double got, want = strtod(text, NULL);
    start(text, 0);
    assert_int_equal(glint_json_stream_f64(&s, &got), GLINT_OK);
    if (memcmp(&got, &want, sizeof got) != 0)
        fail_msg("%s: %.17g instead of %.17g", text, got, want);
}

static void numbers_are_the_nearest_doubles(void **state)
{
    (void)state;
    static const char *const cases[] = {"0",
                                        "-0",
                                        "0.0",
                                        "-0e5",
                                        "1e22",
                                        "1e23",
                                        "9007199254740993",
                                        "9007199254740993.0",
                                        "0.1e-6",
                                        "36893488147419103232",
                                        "100000000000000000000000000",
                                        "123456789012345678901234567890.5e-10",
                                        "2.2250738585072011e-308",
                                        "4.9e-324",
                                        "1.7976931348623157e308",
                                        "0.000000000000000000000001e24",
                                        "8.5899345930000000000000000000000000000000000000000001",
                                        "9007199254740992.99999999999999999999999",
                                        "1.00000000000000011102230246251565404236316680908203125",
                                        "1.00000000000000011102230246251565404236316680908203124",
                                        "1.00000000000000011102230246251565404236316680908203126",
                                        "1e-400"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_as_strtod(cases[i]);
    uint64_t random = 7;
    char text[64];
    for (int i = 0; i < 200000; i++) {
        const uint64_t a = glint_test_random(&random), b = glint_test_random(&random);
        snprintf(text, sizeof text, "%s%llu.%0*llue%d", b & 1 ? "-" : "",
                 (unsigned long long)(a >> (b >> 1) % 60), 1 + (int)((b >> 8) % 18),
                 (unsigned long long)(b >> 20) % 100000, (int)((b >> 40) % 60) - 30);
        assert_as_strtod(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_is_read),
        cmocka_unit_test(failures_name_line_and_column),
        cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(not_a_number_only_where_asked),
        cmocka_unit_test(counts_and_types_are_checked),
        cmocka_unit_test(numbers_are_the_nearest_doubles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
