/* tests/json_compare.h - whether one JSON document says the same as another, numbers to a tolerance. */
#ifndef GLINT_TESTS_JSON_COMPARE_H
#define GLINT_TESTS_JSON_COMPARE_H
#include "tests/util.h"
#include <jansson.h>
#include <math.h>

/* Fails the test at the first member that differs, with the way to it. An object may have members of its
 * own beside those that are wanted. */
static inline void glint_test_same_json(const char *path, const json_t *got, const json_t *want,
                                        double tolerance)
{
    char inner[512];
    const char *key;
    json_t *value;
    if (!got)
        fail_msg("%s: missing", path);
    if (json_is_number(want) && json_is_number(got)) {
        const double a = json_number_value(got), b = json_number_value(want);
        if (!(fabs(a - b) <= tolerance))
            fail_msg("%s: %.17g instead of %.17g", path, a, b);
        return;
    }
    if (json_typeof(got) != json_typeof(want))
        fail_msg("%s: type %d instead of %d", path, json_typeof(got), json_typeof(want));
    if (json_is_string(want) && strcmp(json_string_value(got), json_string_value(want)) != 0)
        fail_msg("%s: \"%s\" instead of \"%s\"", path, json_string_value(got), json_string_value(want));
    if (json_array_size(got) != json_array_size(want))
        fail_msg("%s: %zu elements instead of %zu", path, json_array_size(got), json_array_size(want));
    json_object_foreach((json_t *)(uintptr_t)want, key, value)
    {
        snprintf(inner, sizeof inner, "%.400s.%.100s", path, key);
        glint_test_same_json(inner, json_object_get(got, key), value, tolerance);
    }
    for (size_t i = 0; i < json_array_size(want); i++) {
        snprintf(inner, sizeof inner, "%.400s[%zu]", path, i);
        glint_test_same_json(inner, json_array_get(got, i), json_array_get(want, i), tolerance);
    }
}

/* got (text in memory) against a file. */
static inline void glint_test_same_json_file(const char *got, size_t size, const char *path, double tolerance)
{
    json_error_t error;
    json_t *a = json_loadb(got, size, 0, &error), *b = json_load_file(path, 0, &error);
    if (!a || !b)
        fail_msg("%s: %s", a ? path : "result", error.text);
    glint_test_same_json("", a, b, tolerance);
    json_decref(a);
    json_decref(b);
}
#endif
