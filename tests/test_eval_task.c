/* tests/test_eval_task.c - units over threads, failures, and parts that a second run takes up. */
#include "tests/files.h"
#include "core/log.h"
#include "eval/parts.h"
#include "eval/task.h"
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define N 40

struct sums { /* what the units add up to depends on the order: floats */
    atomic_int n_scored;
    int32_t failing; /* unit, -1 none */
    int32_t next;
    float sum;
    char said[4000];
};

static const char *unit_name(void *ctx, int32_t unit)
{
    static char names[N][16];
    (void)ctx;
    snprintf(names[unit], sizeof names[0], "unit-%02d", (int)unit);
    return names[unit];
}
static int64_t unit_frames(void *ctx, int32_t unit)
{
    (void)ctx;
    return unit + 1;
}
static int score(void *ctx, int32_t unit, struct glint_buffer *out)
{
    struct sums *s = ctx;
    atomic_fetch_add(&s->n_scored, 1);
    if (unit == s->failing)
        return glint_fail(GLINT_E_FORMAT, "file-%d: broken", (int)unit);
    if (unit % 3 == 0)
        usleep(1000); /* others overtake */
    for (int i = 0; i <= unit; i++) {
        const float x = 1.0f / (float)(1 + unit * 7 + i);
        glint_buffer_add(out, &x, sizeof x);
    }
    return GLINT_OK;
}
static int reduce(void *ctx, int32_t unit, struct glint_blob *in)
{
    struct sums *s = ctx;
    assert_int_equal(unit, s->next++);
    for (int i = 0; i <= unit; i++) {
        float x;
        GLINT_TRY(glint_blob_read(in, &x, sizeof x));
        s->sum += x;
    }
    uint8_t more;
    assert_int_equal(glint_blob_read(in, &more, 1), GLINT_E_FORMAT);
    return GLINT_OK;
}
static struct glint_eval_task task_of(struct sums *s)
{
    return (struct glint_eval_task){"sums", 77, N, unit_name, unit_frames, score, reduce, s};
}
static int run(struct sums *s, int32_t n_threads, const char *parts, bool resume,
               struct glint_eval_run_stats *stats)
{
    const struct glint_eval_task task = task_of(s);
    return glint_eval_run(
        &task, &(struct glint_eval_run_settings){.n_threads = n_threads, .parts = parts, .resume = resume},
        stats);
}
static float sum_of_one_thread(void)
{
    struct sums s = {.failing = -1};
    struct glint_eval_run_stats stats;
    assert_int_equal(run(&s, 1, NULL, false, &stats), GLINT_OK);
    assert_int_equal(s.next, N);
    assert_true(stats.is_root && stats.n_ranks == 1 && stats.n_failed == 0 && stats.n_resumed == 0);
    return s.sum;
}

static void threads_change_nothing(void **state)
{
    (void)state;
    const float one = sum_of_one_thread();
    for (int32_t n = 2; n <= 9; n++) {
        struct sums s = {.failing = -1};
        struct glint_eval_run_stats stats;
        assert_int_equal(run(&s, n, NULL, false, &stats), GLINT_OK);
        assert_int_equal(s.next, N);
        assert_memory_equal(&s.sum, &one, sizeof one);
    }
}

static void keep_said(void *ctx, enum glint_log_level level, const char *line)
{
    struct sums *s = ctx;
    (void)level;
    const size_t n = strlen(s->said);
    snprintf(s->said + n, sizeof s->said - n, "%s\n", line);
}

static void a_failed_unit_is_named_and_the_rest_is_taken_up_later(void **state)
{
    (void)state;
    char folder[300];
    snprintf(folder, sizeof folder, "%s/eval_parts", glint_test_folder);
    struct sums s = {.failing = 11};
    struct glint_eval_run_stats stats;
    glint_log_set(keep_said, &s, GLINT_LOG_INFO);
    assert_int_equal(run(&s, 3, folder, false, &stats), GLINT_E_FORMAT);
    assert_non_null(strstr(glint_error_text(), "unit-11: file-11: broken"));
    assert_non_null(strstr(s.said, "unit-11: file-11: broken"));
    assert_int_equal(stats.n_failed, 1);
    assert_int_equal(atomic_load(&s.n_scored), N);
    assert_int_equal(s.next, 11); /* reduced up to it */

    struct sums again = {.failing = -1};
    glint_log_set(keep_said, &again, GLINT_LOG_INFO);
    assert_int_equal(run(&again, 2, folder, true, &stats), GLINT_OK);
    glint_log_set(NULL, NULL, GLINT_LOG_INFO);
    assert_int_equal(stats.n_resumed, N - 1);
    assert_int_equal(atomic_load(&again.n_scored), 1);
    assert_non_null(strstr(again.said, "unit-11 was not finished: it was with rank 0"));
    const float one = sum_of_one_thread();
    assert_memory_equal(&again.sum, &one, sizeof one);
    assert_int_not_equal(access(folder, F_OK), 0); /* all is done: nothing is left behind */
}

static void results_are_refused_in_one_line(void **state)
{
    (void)state;
    struct sums s = {.failing = 11};
    struct glint_eval_run_stats stats;
    const struct glint_eval_task task = task_of(&s);
    const struct glint_eval_run_settings settings = {.n_threads = 2, .refuses = true};
    glint_log_set(keep_said, &s, GLINT_LOG_INFO);
    assert_int_equal(glint_eval_run(&task, &settings, &stats), GLINT_E_FORMAT);
    glint_log_set(NULL, NULL, GLINT_LOG_INFO);
    assert_non_null(strstr(glint_error_text(), "unit-11: file-11: broken"));
    assert_string_equal(s.said, "");
    assert_true(atomic_load(&s.n_scored) < N);
}

static void flip_byte(const char *path, long at)
{
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    assert_int_equal(fseek(f, at, SEEK_SET), 0);
    const int c = fgetc(f);
    assert_int_equal(fseek(f, at, SEEK_SET), 0);
    fputc(c ^ 1, f);
    fclose(f);
}

static void damaged_parts_are_done_again_and_foreign_ones_refused(void **state)
{
    (void)state;
    char folder[300], path[400];
    snprintf(folder, sizeof folder, "%s/eval_parts2", glint_test_folder);
    struct sums s = {.failing = 39};
    struct glint_eval_run_stats stats;
    assert_int_equal(run(&s, 1, folder, false, &stats), GLINT_E_FORMAT);
    snprintf(path, sizeof path, "%s/unit_000005.part", folder);
    flip_byte(path, 40);
    snprintf(path, sizeof path, "%s/unit_000006.part", folder);
    assert_int_equal(truncate(path, 10), 0);
    struct sums again = {.failing = 39};
    assert_int_equal(run(&again, 1, folder, true, &stats), GLINT_E_FORMAT);
    assert_int_equal(stats.n_resumed, N - 3);
    assert_int_equal(atomic_load(&again.n_scored), 3);

    struct sums other = {.failing = -1};
    struct glint_eval_task task = task_of(&other);
    task.identity++;
    const struct glint_eval_run_settings settings = {.n_threads = 1, .parts = folder, .resume = true};
    assert_int_equal(glint_eval_run(&task, &settings, &stats), GLINT_E_ARG);
    assert_non_null(strstr(glint_error_text(), "of another evaluation"));
    assert_int_equal(atomic_load(&other.n_scored), 0);
    assert_int_equal(run(&other, 1, folder, false, &stats), GLINT_OK); /* anew */
    assert_int_equal(stats.n_resumed, 0);
}

static void nothing_foreign_is_removed(void **state)
{
    (void)state;
    char folder[300], path[400];
    struct glint_parts parts = {0};
    snprintf(folder, sizeof folder, "%s/eval_parts3", glint_test_folder);
    assert_int_equal(glint_parts_open(&parts, folder, 1, false), GLINT_OK);
    snprintf(path, sizeof path, "%s/mine.txt", folder);
    glint_test_write("eval_parts3/mine.txt", "x", 1);
    assert_int_equal(glint_parts_mark(&parts, 3, "rank 1\n"), GLINT_OK);
    glint_parts_remove(&parts);
    assert_int_equal(access(path, F_OK), 0);
    char who[20];
    assert_false(glint_parts_marked(&parts, 3, who, sizeof who));
}

static void a_folder_that_cannot_be_made_is_told(void **state)
{
    (void)state;
    struct sums s = {.failing = -1};
    struct glint_eval_run_stats stats;
    assert_int_equal(run(&s, 1, "/dev/null/parts", false, &stats), GLINT_E_IO);
    assert_int_equal(atomic_load(&s.n_scored), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(a_failed_unit_is_named_and_the_rest_is_taken_up_later),
        cmocka_unit_test(results_are_refused_in_one_line),
        cmocka_unit_test(damaged_parts_are_done_again_and_foreign_ones_refused),
        cmocka_unit_test(nothing_foreign_is_removed),
        cmocka_unit_test(a_folder_that_cannot_be_made_is_told),
    };
    return cmocka_run_group_tests(tests, glint_test_folder_make, glint_test_folder_remove);
}
