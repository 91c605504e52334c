/* tools/report.h - what is told after a run: time per stage, what was lost. */
#ifndef GLINT_TOOLS_REPORT_H
#define GLINT_TOOLS_REPORT_H
#include "core/trace.h"
#include <stdio.h>

#define GLINT_SAMPLES_CAP 65536

/* The time from input to boxes of each frame: its stages before publishing, without the waiting in queues
 * that a recording, read as fast as it goes, has between them. The newest GLINT_SAMPLES_CAP frames are kept.
 */
struct glint_samples {
    uint64_t n;
    int64_t ns[GLINT_SAMPLES_CAP];
};
void glint_samples_add(struct glint_samples *s, const struct glint_frame *frame);
void glint_samples_stats(struct glint_samples *s, struct glint_trace_stats *stats_out); /* sorts them */

/* A line per stage that ran, and "to boxes": p50, p90, p99, max in milliseconds. */
void glint_report_latency(struct glint_trace *trace, struct glint_samples *samples, FILE *out);

/* Sums the counts of one input into all. */
void glint_report_add_loss(struct glint_loss *all, const struct glint_loss *one);

/* One line for whatever was lost, malformed, foreign or dropped; nothing when all is well. */
void glint_report_loss(const struct glint_loss *loss);

/* The most memory the process had, in bytes. */
int64_t glint_report_peak_bytes(void);
#endif
