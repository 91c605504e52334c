/* glint/trace.h - where every microsecond went: time per stage over a run, and its export. A trace is handed
 * to the model and the pipeline, which fill it. Thread-safe; allocates nothing after open. */
#ifndef GLINT_TRACE_H
#define GLINT_TRACE_H
#include "glint/frame.h"
#include "glint/status.h"
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct glint_trace;

struct glint_trace_stats { /* of one stage, or of a whole frame */
    uint64_t count;
    int64_t p50_ns, p90_ns, p99_ns, max_ns, sum_ns;
};

/* Keeps the newest cap_events events for export and exact percentiles over the newest cap_events samples of
 * each stage; count, sum and max are over all. GLINT_E_ARG, GLINT_E_NOMEM. */
int glint_trace_open(size_t cap_events, struct glint_trace **trace_out);
/* Has the system provide all of its memory now: else pages come with use, and a program that runs without end
 * grows by them for some minutes. */
void glint_trace_touch(struct glint_trace *trace);
void glint_trace_close(struct glint_trace *trace); /* NULL is fine */

/* Statistics so far: nearest-rank percentiles; all 0 when the stage never ran or trace is NULL.
 * stage GLINT_STAGE_COUNT: whole frames. Sorts: not for every frame. */
void glint_trace_stats(struct glint_trace *trace, int stage, struct glint_trace_stats *stats_out);

/* Chrome trace JSON (opens in ui.perfetto.dev): one track per thread, frame number as argument, one
 * asynchronous slice per frame from arrival to publication. The file appears whole or not at all. GLINT_E_IO.
 */
int glint_trace_export(struct glint_trace *trace, const char *path);

#ifdef __cplusplus
}
#endif
#endif
