/* core/trace.h - spans and counters, where every microsecond went. Thread-safe, allocates nothing after
 * open; a NULL trace makes every call a null test. */
#ifndef GLINT_CORE_TRACE_H
#define GLINT_CORE_TRACE_H
#include "glint/frame.h"
#include <stddef.h>

struct glint_trace;

struct glint_trace_stats { /* of one stage, or of a whole frame */
    uint64_t count;
    int64_t p50_ns, p90_ns, p99_ns, max_ns, sum_ns;
};

/* Keeps the newest cap_events spans for export and exact percentiles over at most cap_events samples
 * per stage. GLINT_E_NOMEM. */
int glint_trace_open(size_t cap_events, struct glint_trace **trace_out);
void glint_trace_close(struct glint_trace *trace); /* NULL is fine */

/* A stage's time on one frame. begin returns the start time, which end takes back, adds the time to
 * frame->latency_ns[stage] (-1 counts as 0), to the stage's statistics and to the event list. A stage that
 * runs in several pieces for one frame (packets) gives one sample per frame: see glint_trace_frame_done. */
int64_t glint_span_begin(struct glint_trace *trace);
void glint_span_end(struct glint_trace *trace, enum glint_stage stage, struct glint_frame *frame, int64_t begun_ns);

/* A finer part inside a stage: `name` is static storage; only in the export, not in the statistics. */
void glint_span_part(struct glint_trace *trace, const char *name, uint64_t frame_index, int64_t begun_ns);

/* The frame is published: its latencies enter the statistics, total_ns = now - arrival_ns. */
void glint_trace_frame_done(struct glint_trace *trace, struct glint_frame *frame);

/* Statistics so far; count 0 when the stage never ran. GLINT_STAGE_COUNT = whole frames. */
void glint_trace_stats(struct glint_trace *trace, int stage, struct glint_trace_stats *stats_out);

/* A named counter's value at this moment, for the export. */
void glint_trace_counter(struct glint_trace *trace, const char *name, double value);

/* Chrome trace JSON (opens in Perfetto): one track per thread, frame number as argument. GLINT_E_IO. */
int glint_trace_export(struct glint_trace *trace, const char *path);
#endif
