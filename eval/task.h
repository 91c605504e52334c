/* eval/task.h - an evaluation cut into units (scenes, segments, files), which any thread or rank does in any
 * order, and which are put together in one order: the result does not depend on who did what.
 *
 *     static const struct glint_eval_task task = {"nuscenes detection", ..., score, reduce, &ctx};
 *     int status = glint_eval_run(&task, &settings, &stats);
 *     if (status == GLINT_OK && stats.is_root)
 *         ... finish the metric, write tables and files ... */
#ifndef GLINT_EVAL_TASK_H
#define GLINT_EVAL_TASK_H
#include "eval/blob.h"
#include "io/output.h"
#include <stdbool.h>

struct glint_eval_task {
    const char *name;  /* "nuscenes detection", for people */
    uint64_t identity; /* hash of all that results depend on (inputs, model, options): parts kept by a run
                        * with another identity are not taken up */
    int32_t n_units;
    const char *(*unit_name)(void *ctx, int32_t unit); /* "scene-0103"; lives as long as ctx */
    int64_t (*unit_frames)(void *ctx, int32_t unit);   /* for the progress bar */
    /* Does a unit, in any thread of any rank; several at once with n_threads > 1. Appends its detections and
     * the sufficient statistics of the metric to out. */
    int (*score)(void *ctx, int32_t unit, struct glint_buffer *out);
    /* Takes what score wrote. On the root only, one at a time, units 0, 1, 2 ... in order. */
    int (*reduce)(void *ctx, int32_t unit, struct glint_blob *in);
    void *ctx;
};

struct glint_eval_run_settings {
    int32_t n_threads; /* units at once in this process, >= 1: 1 where score has threads of its own */
    const char *parts; /* folder that finished units are kept in until all are done; NULL: none */
    bool resume;       /* takes up the units that are in parts; else parts starts empty */
    bool refuses; /* the first failure ends all, and is told by what run returns alone: for results that are
                   * refused as a whole */
    /* Called on the root, from the thread of run, now and then. May be NULL. */
    void (*progress)(void *ctx, int64_t frames_done, int64_t frames_all);
    void *progress_ctx;
};

struct glint_eval_run_stats {
    bool is_root; /* false: another rank has the result; this one is done and says nothing */
    int32_t n_ranks;
    int32_t n_resumed; /* units taken from parts */
    int32_t n_failed;  /* units without a result */
};

/* Runs all units, on all ranks where the program was started by mpirun. A unit that fails is told at once in
 * a log line with its rank, name and reason, the others go on, and run returns the first failure after them:
 * what is finished is in parts. With success, parts is removed. GLINT_E_IO for parts. */
int glint_eval_run(const struct glint_eval_task *task, const struct glint_eval_run_settings *settings,
                   struct glint_eval_run_stats *stats_out);

/* The same in this process alone, also under mpirun, without parts: for what follows a run that all ranks
 * shared. */
int glint_eval_run_alone(const struct glint_eval_task *task, int32_t n_threads,
                         struct glint_eval_run_stats *stats_out);
#endif
