/* tests/test_json.c */
#include "tests/util.h"
#include "core/json.h"
#include "core/status.h"
#include <math.h>

static struct glint_json_doc *parse(const char *text)
{
    struct glint_json_doc *doc;
    assert_int_equal(glint_json_parse("file", text, strlen(text), &doc), GLINT_OK);
    return doc;
}

static void assert_reason(const char *part)
{
    if (!strstr(glint_error_text(), part))
        fail_msg("\"%s\" expected in \"%s\"", part, glint_error_text());
}

static void members_are_read(void **state)
{
    (void)state;
    struct glint_json_doc *doc =
        parse("{\"a\": 3, \"b\": {\"c\": [1, 2.5, -1e3], \"s\": \"text\", \"t\": true}}");
    const struct glint_json root = glint_json_root(doc), b = glint_json_get(root, "b");
    int32_t i, n;
    double d, ds[4];
    bool t;
    const char *s;
    assert_int_equal(glint_json_i32(root, "a", 0, 3, &i), GLINT_OK);
    assert_int_equal(i, 3);
    assert_int_equal(glint_json_f64(root, "a", 0, 3, &d), GLINT_OK); /* an integer is a number */
    assert_true(d == 3);
    assert_int_equal(glint_json_f64s(b, "c", -1, 4, ds, &n), GLINT_OK);
    assert_int_equal(n, 3);
    assert_true(ds[0] == 1 && ds[1] == 2.5 && ds[2] == -1000);
    assert_int_equal(glint_json_string(b, "s", &s), GLINT_OK);
    assert_string_equal(s, "text");
    assert_int_equal(glint_json_bool(b, "t", &t), GLINT_OK);
    assert_true(t);
    assert_true(glint_json_has(root, "b") && glint_json_is_object(b) && !glint_json_is_array(b));
    assert_int_equal(glint_json_size(glint_json_get(b, "c")), 3);
    glint_json_close(doc);
}

static void members_come_in_file_order(void **state)
{
    (void)state;
    struct glint_json_doc *doc = parse("{\"z\": 1, \"a\": 2, \"m\": 3}");
    const struct glint_json root = glint_json_root(doc);
    assert_int_equal(glint_json_members(root), 3);
    assert_string_equal(glint_json_key(root, 0), "z");
    assert_string_equal(glint_json_key(root, 1), "a");
    assert_string_equal(glint_json_key(root, 2), "m");
    assert_null(glint_json_key(root, 3));
    glint_json_close(doc);
}

static void what_is_wrong_is_named_with_its_place(void **state)
{
    (void)state;
    struct glint_json_doc *doc =
        parse("{\"head\": {\"nms\": [{\"iou\": 2}, {}], \"k\": \"x\", \"s\": [1, 2]}}");
    const struct glint_json head = glint_json_get(glint_json_root(doc), "head");
    const struct glint_json nms = glint_json_get(head, "nms");
    double d;
    int32_t i, is[3];
    const char *s;
    assert_int_equal(glint_json_f64(glint_json_at(nms, 0), "iou", 0, 1, &d), GLINT_E_FORMAT);
    assert_reason("file: head.nms[0].iou: 0..1 expected, found 2");
    assert_int_equal(glint_json_f64(glint_json_at(nms, 1), "iou", 0, 1, &d), GLINT_E_FORMAT);
    assert_reason("file: head.nms[1].iou: missing");
    assert_int_equal(glint_json_f64(glint_json_at(nms, 7), "iou", 0, 1, &d), GLINT_E_FORMAT);
    assert_reason("file: head.nms[7].iou: missing");
    assert_int_equal(glint_json_i32(head, "k", 0, 1, &i), GLINT_E_FORMAT);
    assert_reason("file: head.k: an integer expected, found a string");
    assert_int_equal(glint_json_string(head, "s", &s), GLINT_E_FORMAT);
    assert_int_equal(glint_json_i32s(head, "s", 3, 3, 0, 9, is, NULL), GLINT_E_FORMAT);
    assert_reason("3 numbers expected, found 2");
    assert_int_equal(glint_json_i32s(head, "s", -1, 1, 0, 9, is, NULL), GLINT_E_FORMAT);
    assert_int_equal(glint_json_i32s(head, "s", -1, 3, 0, 1, is, NULL), GLINT_E_FORMAT);
    assert_reason("file: head.s[1]: 0..1 expected, found 2");
    glint_json_close(doc);
}

static void refused(const char *text, size_t size, const char *reason)
{
    struct glint_json_doc *doc;
    assert_int_equal(glint_json_parse("file", text, size, &doc), GLINT_E_FORMAT);
    assert_null(doc);
    assert_reason(reason);
}

static void bad_documents_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "{",
                                        "{\"a\": 1,}",
                                        "{\"a\": 1, \"a\": 2}",
                                        "[1] 2",
                                        "[1e999]",
                                        "[NaN]",
                                        "\"\xff\"",
                                        "\"\\u0000\"",
                                        "tru",
                                        "\"\\",
                                        "[1,\n2,\n}",
                                        "99999999999999999999"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        refused(texts[i], strlen(texts[i]), "file: line ");
    refused("[1,\n2,\n}", 9, "line 3 column 1");
    refused("[\"\0\"]", 5, "file: line 1");
}

static void depth_is_limited(void **state)
{
    (void)state;
    char text[200000];
    memset(text, '[', sizeof text);
    refused(text, sizeof text, "nested deeper than 64");
    for (int depth = 64; depth <= 65; depth++) {
        struct glint_json_doc *doc;
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        assert_int_equal(glint_json_parse("file", text, 2 * (size_t)depth, &doc),
                         depth == 64 ? GLINT_OK : GLINT_E_FORMAT);
        glint_json_close(doc);
    }
    glint_json_close(
        parse("[\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[\"]"));
}

static void long_ways_are_cut_not_overrun(void **state)
{
    (void)state;
    char key[300], text[400];
    memset(key, 'k', sizeof key - 1);
    key[sizeof key - 1] = 0;
    snprintf(text, sizeof text, "{\"%s\": {\"x\": [7]}}", key);
    struct glint_json_doc *doc = parse(text);
    const struct glint_json x = glint_json_get(glint_json_get(glint_json_root(doc), key), "x");
    const struct glint_json element = glint_json_at(x, 0);
    assert_non_null(element.node);
    assert_int_equal(strlen(element.path), sizeof element.path - 1);
    glint_json_close(doc);
}

static void a_missing_file_is_not_found(void **state)
{
    (void)state;
    struct glint_json_doc *doc;
    assert_int_equal(glint_json_load("no/such/file.json", &doc), GLINT_E_NOTFOUND);
    assert_null(doc);
    assert_reason("no/such/file.json");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_are_read),
        cmocka_unit_test(members_come_in_file_order),
        cmocka_unit_test(what_is_wrong_is_named_with_its_place),
        cmocka_unit_test(bad_documents_are_refused),
        cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(long_ways_are_cut_not_overrun),
        cmocka_unit_test(a_missing_file_is_not_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
