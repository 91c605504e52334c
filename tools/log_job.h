/* tools/log_job.h - what serve and view do with recorded input: a model, and passes through the log that go
 * to one taker of frames. */
#ifndef GLINT_TOOLS_LOG_JOB_H
#define GLINT_TOOLS_LOG_JOB_H
#include "serve/server.h"
#include "tools/session.h"

struct glint_log_job { /* start with all zero */
    struct glint_shared_options o;
    const char *inputs[GLINT_SESSION_INPUTS];
    int32_t n_inputs;
    const char *bind; /* --bind; NULL: loopback */
    char token[GLINT_SERVE_TOKEN], title[256];
    struct glint_server_settings settings;
    /* private */
    struct glint_session session;
    struct glint_model *model;
    struct glint_server *noted; /* gets the run's counts; NULL: none */
    struct glint_tracker *tracker;
    struct glint_trace *trace; /* with --trace, which is written as it comes */
    struct glint_sink_context context;
    int32_t cap_points;
    int cut; /* exit code of a pass whose input failed after some frames, which stay to be looked at */
    int32_t n_barren; /* such passes in a row that had no frame: they began behind the last one */
    uint64_t in_before, dropped_before[GLINT_DROP_COUNT]; /* of the passes before */
    void (*stop)(void *ctx);
    void *stop_ctx;
};

/* The address and token of --bind, the model, the title: settings but for the shelf. Returns an exit code
 * after a printed line. From here on Ctrl-C and SIGTERM call stop, once, in a thread of its own; the second
 * one ends the program. */
int glint_log_job_open(struct glint_log_job *job, void (*stop)(void *ctx), void *ctx);
void glint_log_job_close(struct glint_log_job *job); /* stop is not called any more: its ctx may go */

/* Passes frames from number `first` on to take until it returns something else than GLINT_OK (GLINT_E_EOF: no
 * more are wanted, which is no failure), or the log ends: *ended_out. progress: of the input read, 0..1 or <
 * 0. Tracks begin anew
 * with every pass. Returns an exit code after a printed line; 0 where the input fails behind its first frames
 * (cut short, say): there the log ends, and job->cut is the program's exit code. */
typedef int glint_log_take_fn(void *ctx, const struct glint_frame *frame, double progress);
int glint_log_job_run(struct glint_log_job *job, uint64_t first, glint_log_take_fn *take, void *ctx,
                      bool *ended_out);

/* Tells where the page is. */
void glint_log_job_tell(const struct glint_server *server);
#endif
