/* tests/waymo_eval.h - what the tests of the Waymo metrics share: expected files, and running a task. */
#ifndef GLINT_TESTS_WAYMO_EVAL_H
#define GLINT_TESTS_WAYMO_EVAL_H
#include "tests/util.h"
#include "eval/task.h"
#include <jansson.h>

struct glint_waymo_case { /* a set of files under eval/ */
    const char *truth, *results, *expected;
};

/* GLINT_SHARED/eval/name in a buffer of the caller's. */
static inline const char *glint_waymo_path(const char *name, char path[512])
{
    snprintf(path, 512, "%s/eval/%s", GLINT_SHARED, name);
    return path;
}

static inline json_t *glint_waymo_expected(const char *name)
{
    char path[512];
    json_t *root = json_load_file(glint_waymo_path(name, path), 0, NULL);
    assert_non_null(root);
    return root;
}

static inline double glint_waymo_number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    assert_true(json_is_number(value));
    return json_number_value(value);
}

static inline void glint_waymo_run(const struct glint_eval_task *task, int32_t n_threads)
{
    const struct glint_eval_run_settings settings = {.n_threads = n_threads};
    struct glint_eval_run_stats stats;
    if (glint_eval_run(task, &settings, &stats) < 0)
        fail_msg("%s", glint_error_text());
    assert_true(stats.is_root);
}
#endif
