/* tools/eval_run.h - what `glint eval` of every dataset does alike: a network over a dataset's frames, and
 * units run over threads and ranks with a progress bar.
 *
 *     struct glint_eval_net net;
 *     glint_eval_net_open(&options, cap_points, &net);          // with --model
 *     ... in a task's score(): glint_eval_net_run(&net, source, take, &ctx) ...
 *     glint_eval_do(&options, &task, &net, &stats);
 *     glint_eval_net_close(&net); */
#ifndef GLINT_TOOLS_EVAL_RUN_H
#define GLINT_TOOLS_EVAL_RUN_H
#include "eval/task.h"
#include "io/sink.h"
#include "io/source.h"
#include "glint/track.h"
#include "tools/shared_options.h"
#include <stdatomic.h>

struct glint_eval_net {
    struct glint_model *model;
    struct glint_sink_context context; /* its classes */
    int32_t cap_points, n_threads;
    bool tracks; /* options->track: objects of each source get ids from 1 */
    struct glint_track_settings tracking;
    _Atomic int64_t frames; /* of the unit that is being done */
};

/* Opens the model of the options for frames of up to cap_points points. Fails as glint_open_model. */
int glint_eval_net_open(const struct glint_shared_options *options, int32_t cap_points,
                        struct glint_eval_net *net);
void glint_eval_net_close(struct glint_eval_net *net); /* all zero is fine */

/* Runs the source's frames through the network and gives each, with its boxes and masks in the frame the
 * source gave its points in, to take, in order; take's failure ends it. A file that cannot be read ends it as
 * well. One call at a time (a task whose score calls this has one thread: glint_eval_do sees to it). */
int glint_eval_net_run(struct glint_eval_net *net, struct glint_source *source,
                       int (*take)(void *ctx, const struct glint_frame *frame), void *ctx);

/* glint_eval_run with the options' threads (one unit at a time where there is a net, which has threads of its
 * own), parts (--parts; with a net and --json FILE, FILE.parts) and --resume. The task's identity is joined
 * with the model's and the options' that change its results. Without a net the first failure refuses all: one
 * line with the reason. */
int glint_eval_do(const struct glint_shared_options *options, const struct glint_eval_task *task,
                  struct glint_eval_net *net, struct glint_eval_run_stats *stats_out);

/* The exit code for a failed evaluation. Prints its line, unless units of a net failed: each was told then.
 */
int glint_eval_failure(int status, const struct glint_eval_net *net,
                       const struct glint_eval_run_stats *stats);

/* For identities: hashes begin with 0. A file counts by its path, size and time of change. */
uint64_t glint_identity_bytes(uint64_t identity, const void *bytes, size_t n);
uint64_t glint_identity_text(uint64_t identity, const char *text); /* NULL is fine */
uint64_t glint_identity_file(uint64_t identity, const char *path);
#endif
