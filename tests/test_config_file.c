/* tests/test_config_file.c - YAML and Python configurations as JSON: values, bases, what is skipped or
 * refused. */
#include "tests/util.h"
#include "convert/config_file.h"

#define FOLDER GLINT_BUILD_DIR "/test_config"

typedef int read_fn(const char *name, const char *path, const char *base, const char *text, size_t size,
                    struct glint_json_doc **doc_out);

static struct glint_json_doc *read_with(read_fn *read, const char *text)
{
    struct glint_json_doc *doc;
    if (read("c", "", NULL, text, strlen(text), &doc) != GLINT_OK)
        fail_msg("%s", glint_error_text());
    return doc;
}

static void refused(read_fn *read, const char *text, const char *reason)
{
    struct glint_json_doc *doc;
    assert_int_equal(read("c", "", NULL, text, strlen(text), &doc), GLINT_E_FORMAT);
    if (!strstr(glint_error_text(), reason))
        fail_msg("%s: \"%s\" expected in \"%s\"", text, reason, glint_error_text());
}

static double number(struct glint_json_doc *doc, const char *key)
{
    double value;
    if (glint_json_f64(glint_json_root(doc), key, -1e300, 1e300, &value) != GLINT_OK)
        fail_msg("%s", glint_error_text());
    return value;
}

static const char *text_of(struct glint_json_doc *doc, const char *key)
{
    const char *value = NULL;
    if (glint_json_string(glint_json_root(doc), key, &value) != GLINT_OK)
        fail_msg("%s", glint_error_text());
    return value;
}

static void python_values(void **state)
{
    (void)state;
    struct glint_json_doc *doc =
        read_with(glint_config_python, "# a comment\n"
                                       "size = (0.32, 0.32, 6)\n"
                                       "n = -1_000; \n" /* skipped: a semicolon */
                                       "a = 2 * (3 + 4) - 10 / 4\n"
                                       "s = 'it''s' \" a\\n\\\"b\\\"\"\n"
                                       "r = r'\\d'\n"
                                       "root = 'data/' + 'waymo'\n"
                                       "first = size[0]\n"
                                       "two = size[:2]\n"
                                       "last = size[-1]\n"
                                       "model = dict(\n"
                                       "    type='X',  # why\n"
                                       "    size=size,\n"
                                       "    inner=dict(yes=True, no=False, none=None,),\n"
                                       "    keys={'a': 1, \"b\": [1, 2, 3,], 3: 'c'},\n"
                                       ")\n"
                                       "inner = model['inner']\n"
                                       "one = (7)\ntuple = (7,)\nempty = []\n"
                                       "long = '''a\nb'''\n"
                                       "e = 1e-3\n");
    const struct glint_json root = glint_json_root(doc);
    double v[3];
    int32_t n;
    bool yes;
    assert_int_equal(glint_json_f64s(root, "size", 3, 3, v, NULL), GLINT_OK);
    assert_true(v[0] == 0.32 && v[2] == 6);
    assert_true(number(doc, "a") == 11.5 && number(doc, "first") == 0.32 && number(doc, "last") == 6);
    assert_true(number(doc, "one") == 7 && number(doc, "e") == 1e-3);
    assert_string_equal(text_of(doc, "s"), "its a\n\"b\"");
    assert_string_equal(text_of(doc, "r"), "\\d");
    assert_string_equal(text_of(doc, "root"), "data/waymo");
    assert_string_equal(text_of(doc, "long"), "a\nb");
    assert_int_equal(glint_json_f64s(root, "two", -1, 3, v, &n), GLINT_OK);
    assert_int_equal(n, 2);
    assert_int_equal(glint_json_size(glint_json_get(root, "tuple")), 1);
    assert_true(glint_json_is_array(glint_json_get(root, "empty")));
    const struct glint_json model = glint_json_get(root, "model"), inner = glint_json_get(model, "inner");
    assert_int_equal(glint_json_bool(inner, "yes", &yes), GLINT_OK);
    assert_true(yes);
    assert_int_equal(glint_json_size(glint_json_get(glint_json_get(model, "keys"), "b")), 3);
    assert_true(glint_json_has(glint_json_get(model, "keys"), "3"));
    assert_true(glint_json_has(glint_json_get(root, "inner"), "none"));
    assert_false(glint_json_has(root, "n"));
    assert_non_null(strstr(text_of(doc, "_skipped"), "c:3: the end of the line expected"));
    glint_json_close(doc);
}

/* What is no literal is skipped, over lines and brackets, and never run. */
static void python_statements_are_skipped(void **state)
{
    (void)state;
    struct glint_json_doc *doc = read_with(glint_config_python, "import os\n"
                                                                "gpu_ids = range(0, 8)\n"
                                                                "x = os.system('ls', [\n  'a ] b', # )\n ])\n"
                                                                "y = dict(a=__import__('os').system('ls'))\n"
                                                                "def f(a):\n    return 1\n"
                                                                "z = 5\n");
    assert_true(number(doc, "z") == 5);
    assert_int_equal(glint_json_members(glint_json_root(doc)), 2); /* and _skipped */
    assert_non_null(strstr(text_of(doc, "_skipped"), "c:1: only assignments"));
    glint_json_close(doc);
    doc = read_with(glint_config_python, "y = (1 +\nx = 2\n");
    glint_json_close(doc);
    doc = read_with(glint_config_python, "a = 'no end\nb = 2\n");
    glint_json_close(doc);
    doc = read_with(glint_config_python,
                    "a = [1][5]\nb = {}['x']\nc = 'a' * 3\nd = -'x'\ne = 1 / 0\nf = 0x10\n");
    assert_int_equal(glint_json_members(glint_json_root(doc)), 1);
    glint_json_close(doc);
}

/* A text of 200 KB between head and tail, then 1000 times what stands for it. */
static const char *many_times(char *text, const char *head, const char *tail, const char *again)
{
    memset(text, 'x', 200000);
    memcpy(text, head, strlen(head));
    char *at = text + 200000 + sprintf(text + 200000, "%s", tail);
    for (int i = 0; i < 1000; i++)
        at += sprintf(at, "%s", again);
    sprintf(at, "]\n");
    return text;
}

/* Doubling a value by names, deep brackets, endless nonsense. */
static void python_is_bounded(void **state)
{
    (void)state;
    char *text = malloc(400000), *at = text + sprintf(text, "a0 = [1, 1]\n");
    for (int i = 1; i < 60; i++)
        at += sprintf(at, "a%d = [a%d, a%d]\n", i, i - 1, i - 1);
    refused(glint_config_python, text, "more than 200000 values");
    at = text + sprintf(text, "a0 = 'four'\n"); /* the same of a string: 2 TB */
    for (int i = 1; i < 40; i++)
        at += sprintf(at, "a%d = a%d + a%d\n", i, i - 1, i - 1);
    refused(glint_config_python, text, "more than 200000 values");
    refused(glint_config_python, many_times(text, "a = '", "'\nb = [", "a, "), "more than 200000 values");
    refused(glint_config_python, many_times(text, "a = {'", "': 1}\nb = [", "a, "),
            "more than 200000 values");
    memset(text, '[', 100000);
    text[100000] = 0;
    struct glint_json_doc *doc = read_with(glint_config_python, text);
    glint_json_close(doc);
    memset(text, '-', 100000);
    memcpy(text, "a = ", 4);
    doc = read_with(glint_config_python, text);
    glint_json_close(doc);
    at = text;
    for (int i = 0; i < 1000; i++)
        at += sprintf(at, "f(x)\n");
    refused(glint_config_python, text, "no configuration: first, c:1: only assignments");
    refused(glint_config_python, "_base_ = '/etc/passwd'\n", "names a base configuration");
    free(text);
}

static void yaml_values(void **state)
{
    (void)state;
    struct glint_json_doc *doc = read_with(
        glint_config_yaml, "A: {x: 1, 'y': -2.5, t: True, f: no, n: null, s: '1'}\n"
                           "B: [ 0.32, 1e3, name, \"q\" ]\n"
                           "C:\n  - NAME: one # comment\n    V: &v [1, 2]\n  - NAME: two\n    V: *v\n");
    const struct glint_json root = glint_json_root(doc), a = glint_json_get(root, "A");
    double v[4];
    bool yes = false;
    const char *text;
    assert_int_equal(glint_json_f64(a, "y", -9, 9, v), GLINT_OK);
    assert_true(v[0] == -2.5);
    assert_int_equal(glint_json_bool(a, "t", &yes), GLINT_OK);
    assert_true(yes);
    assert_int_equal(glint_json_bool(a, "f", &yes), GLINT_OK);
    assert_false(yes);
    assert_int_equal(glint_json_string(a, "s", &text), GLINT_OK);
    assert_string_equal(text, "1");
    assert_int_equal(glint_json_size(glint_json_get(root, "B")), 4);
    const struct glint_json two = glint_json_at(glint_json_get(root, "C"), 1);
    assert_int_equal(glint_json_f64s(two, "V", 2, 2, v, NULL), GLINT_OK);
    glint_json_close(doc);
    refused(glint_config_yaml, "[1, 2]", "a mapping expected");
    refused(glint_config_yaml, "a: [1", "c:");
    refused(glint_config_yaml, "a: {_BASE_CONFIG_: /etc/passwd}", "names a base configuration");
    refused(glint_config_yaml, "? [a]\n: 1\n", "a plain key expected");
}

static void yaml_is_bounded(void **state)
{
    (void)state;
    char text[4096], *at = text + sprintf(text, "a0: &a0 [1, 1]\n");
    for (int i = 1; i < 40; i++)
        at += sprintf(at, "a%d: &a%d [*a%d, *a%d]\n", i, i, i - 1, i - 1);
    refused(glint_config_yaml, text, "more than 200000 values");
    char *wide = malloc(400000); /* a long string many times */
    refused(glint_config_yaml, many_times(wide, "a: &a ", "\nb: [", "*a , "), "more than 200000 values");
    refused(glint_config_yaml, many_times(wide, "a: &a {? k", "\n : 1}\nb: [", "*a , "),
            "more than 200000 values");
    free(wide);
    memset(text, '[', 2000);
    strcpy(text + 2000, "\n");
    refused(glint_config_yaml, text, "nested deeper");
    refused(glint_config_yaml, "a: &a [*a]\n", "");
}

static void save(const char *name, const char *text)
{
    char path[600];
    snprintf(path, sizeof path, FOLDER "/%s", name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

/* As in the repositories: names relative to a folder above, or to the file's own. */
static void bases_are_found_and_merged(void **state)
{
    (void)state;
    mkdir(FOLDER, 0777);
    mkdir(FOLDER "/cfgs", 0777);
    mkdir(FOLDER "/cfgs/models", 0777);
    save("cfgs/base.yaml", "RANGE: [0, 1]\nSETS: {train: 5, test: 1}\nKEEP: 3\n");
    save("cfgs/models/x.yaml", "D:\n  _BASE_CONFIG_: cfgs/base.yaml\n  RANGE: [5]\n  SETS: {test: 2}\n");
    struct glint_json_doc *doc;
    if (glint_config_file_load(FOLDER "/cfgs/models/x.yaml", NULL, &doc) != GLINT_OK)
        fail_msg("%s", glint_error_text());
    const struct glint_json d = glint_json_get(glint_json_root(doc), "D"), sets = glint_json_get(d, "SETS");
    int32_t v;
    assert_int_equal(glint_json_size(glint_json_get(d, "RANGE")), 1);
    assert_int_equal(glint_json_i32(sets, "train", 5, 5, &v), GLINT_OK);
    assert_int_equal(glint_json_i32(sets, "test", 2, 2, &v), GLINT_OK);
    assert_int_equal(glint_json_i32(d, "KEEP", 3, 3, &v), GLINT_OK);
    glint_json_close(doc);
    save("cfgs/base.py", "a = dict(x=1, y=2)\nb = dict(x=1)\n");
    save("cfgs/models/y.py", "_base_ = ['../base.py']\na = dict(y=3)\nb = dict(_delete_=True, z=4)\n");
    assert_int_equal(glint_config_file_load(FOLDER "/cfgs/models/y.py", NULL, &doc), GLINT_OK);
    const struct glint_json root = glint_json_root(doc);
    assert_int_equal(glint_json_i32(glint_json_get(root, "a"), "x", 1, 1, &v), GLINT_OK);
    assert_int_equal(glint_json_i32(glint_json_get(root, "a"), "y", 3, 3, &v), GLINT_OK);
    assert_false(glint_json_has(glint_json_get(root, "b"), "x"));
    glint_json_close(doc);
    save("z.yaml", "_BASE_CONFIG_: elsewhere/base.yaml\n");
    assert_int_equal(glint_config_file_load(FOLDER "/z.yaml", NULL, &doc), GLINT_E_NOTFOUND);
    assert_non_null(strstr(glint_error_text(), "elsewhere/base.yaml"));
    save("z.yaml", "_BASE_CONFIG_: base.yaml\nA: 1\n");
    assert_int_equal(glint_config_file_load(FOLDER "/z.yaml", FOLDER "/cfgs", &doc), GLINT_OK);
    glint_json_close(doc);
    save("loop.py", "_base_ = 'loop.py'\n");
    assert_int_equal(glint_config_file_load(FOLDER "/loop.py", NULL, &doc), GLINT_E_FORMAT);
    assert_non_null(strstr(glint_error_text(), "bases of bases"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(python_values),     cmocka_unit_test(python_statements_are_skipped),
        cmocka_unit_test(python_is_bounded), cmocka_unit_test(yaml_values),
        cmocka_unit_test(yaml_is_bounded),   cmocka_unit_test(bases_are_found_and_merged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
