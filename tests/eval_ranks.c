/* tests/eval_ranks.c - an evaluation of made units for tests/cli/eval_ranks.sh to start under mpirun:
 * eval_ranks THREADS PARTS|- [resume] [die=UNIT]; prints the result on the root. The process that gets unit
 * UNIT kills itself. */
#define _DEFAULT_SOURCE
#include "core/log.h"
#include "eval/task.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct work {
    int32_t dies_at, next;
    float sum;
    uint64_t hash;
};

static const char *unit_name(void *ctx, int32_t unit)
{
    static char names[60][16];
    (void)ctx;
    snprintf(names[unit], sizeof names[0], "scene-%04d", (int)unit);
    return names[unit];
}

static int64_t unit_frames(void *ctx, int32_t unit)
{
    (void)ctx;
    (void)unit;
    return 40;
}

/* Sizes from nothing to a megabyte, times that let ranks overtake each other. */
static int score(void *ctx, int32_t unit, struct glint_buffer *out)
{
    const struct work *w = ctx;
    usleep((useconds_t)(unit * 7919 % 13) * 1000);
    if (unit == w->dies_at) {
        usleep(100000);
        raise(SIGKILL);
    }
    for (int32_t i = 0; i < unit * 4000; i++) {
        const float x = 1.0f / (float)(1 + unit + i % 977);
        glint_buffer_add(out, &x, sizeof x);
    }
    return GLINT_OK;
}

static int reduce(void *ctx, int32_t unit, struct glint_blob *in)
{
    struct work *w = ctx;
    if (unit != w->next++ || in->size != (size_t)unit * 4000 * sizeof(float))
        return glint_fail(GLINT_E_FORMAT, "unit %d: %zu bytes", (int)unit, in->size);
    for (float x; in->at < in->size;) {
        GLINT_TRY(glint_blob_read(in, &x, sizeof x));
        w->sum += x;
        w->hash = w->hash * 1099511628211u + (uint64_t)(x * 1e9f);
    }
    return GLINT_OK;
}

static void say(void *ctx, enum glint_log_level level, const char *line)
{
    (void)ctx;
    (void)level;
    fprintf(stderr, "eval_ranks: %s\n", line);
}

int main(int argc, char **argv)
{
    struct work w = {.dies_at = -1};
    struct glint_eval_run_settings settings = {.n_threads = argc > 1 ? atoi(argv[1]) : 1};
    settings.parts = argc > 2 && strcmp(argv[2], "-") != 0 ? argv[2] : NULL;
    for (int i = 3; i < argc; i++) {
        settings.resume |= strcmp(argv[i], "resume") == 0;
        if (strncmp(argv[i], "die=", 4) == 0)
            w.dies_at = atoi(argv[i] + 4);
    }
    const struct glint_eval_task task = {"made", 1, 60, unit_name, unit_frames, score, reduce, &w};
    struct glint_eval_run_stats stats;
    glint_log_set(say, NULL, GLINT_LOG_INFO);
    const int status = glint_eval_run(&task, &settings, &stats);
    if (status < 0)
        fprintf(stderr, "eval_ranks: %s\n", glint_error_text());
    if (status == GLINT_OK && stats.is_root) {
        printf("sum %.9g hash %016llx units %d\n", (double)w.sum, (unsigned long long)w.hash, (int)w.next);
        fprintf(stderr, "ranks %d resumed %d\n", (int)stats.n_ranks, (int)stats.n_resumed);
    }
    return status < 0;
}
