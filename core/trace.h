/* core/trace.h - how a trace is filled: spans and counters. Thread-safe, allocates nothing. With a NULL trace
 * the spans still fill frame->latency_ns, and nothing else is kept. Opening, statistics and export:
 * glint/trace.h. */
#ifndef GLINT_CORE_TRACE_H
#define GLINT_CORE_TRACE_H
#include "glint/trace.h"

#define GLINT_TRACE_NO_FRAME UINT64_MAX

/* The calling thread's track in the export; name is copied. Threads without are "thread N". */
void glint_trace_thread(struct glint_trace *trace, const char *name);

/* A stage's time on one frame. begin returns the start time (monotonic ns), which end takes back; end returns
 * the time in ns, adds it to frame->latency_ns[stage] (-1 counts as 0) and lists the event. A frame is not
 * known yet (packets): NULL, the caller adds the time when it is. */
int64_t glint_span_begin(struct glint_trace *trace);
int64_t glint_span_end(struct glint_trace *trace, enum glint_stage stage, struct glint_frame *frame,
                       int64_t begun_ns);

/* Lists a stage's span that was measured elsewhere. frame_index as GLINT_TRACE_NO_FRAME: none. */
void glint_span_list(struct glint_trace *trace, enum glint_stage stage, uint64_t frame_index,
                     int64_t begun_ns, int64_t ns);

/* The same of work on a device, on a track of that name (copied) which no thread has. */
void glint_span_device(struct glint_trace *trace, const char *track, enum glint_stage stage,
                       uint64_t frame_index, int64_t begun_ns, int64_t ns);

/* A finer part inside a stage: `name` is static storage; only in the export, not in the statistics. */
void glint_span_part(struct glint_trace *trace, const char *name, uint64_t frame_index, int64_t begun_ns);

/* The frame is published: total_ns = now - arrival_ns (0 without arrival), its latencies and total enter the
 * statistics: one sample per stage, however many pieces it ran in. */
void glint_trace_frame_done(struct glint_trace *trace, struct glint_frame *frame);

/* A named counter's value at this moment, for the export. name is static storage. */
void glint_trace_counter(struct glint_trace *trace, const char *name, double value);
#endif
