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

#define GLINT_TRACE_LATENCY   GLINT_STAGE_COUNT       /* whole frames: the input's last byte -> published */
#define GLINT_TRACE_POINT_AGE (GLINT_STAGE_COUNT + 1) /* first point measured -> published, where known */

/* Statistics so far: nearest-rank percentiles; all 0 when the stage never ran or trace is NULL. stage: one of
 * enum glint_stage or the above. Sorts: not for every frame. */
void glint_trace_stats(struct glint_trace *trace, int stage, struct glint_trace_stats *stats_out);

/* Writes all events to path while they come, from now on and by a thread of its own, in the format below: a
 * few times a second, so that nobody who fills the trace waits, memory stays as it is, and the file is whole
 * JSON between any two writes, also after kill -9; one that comes in the middle of a write may cut its last
 * line and leave out the end, which `glint trace` reads too. Events that come faster than they can be written
 * are lost and counted ("trace events lost"). GLINT_E_IO, GLINT_E_ARG (already begun), GLINT_E_NOMEM. */
int glint_trace_stream_begin(struct glint_trace *trace, const char *path);
/* Writes the rest and closes the file. GLINT_E_IO: it could not be written as a whole (told in the log when
 * it happened; tracing itself went on). GLINT_OK where nothing was begun. close does it too. */
int glint_trace_stream_end(struct glint_trace *trace);

/* Chrome trace JSON (opens in ui.perfetto.dev) of the events that are still kept: one track per thread, frame
 * number as argument, arrows from stage to stage of a frame, one asynchronous slice per frame from arrival to
 * publication with its two ages. The file appears whole or not at all. GLINT_E_IO.
 */
int glint_trace_export(struct glint_trace *trace, const char *path);

#ifdef __cplusplus
}
#endif
#endif
