/* tools/report.h - what is told after a run: time per stage, what was lost. */
#ifndef GLINT_TOOLS_REPORT_H
#define GLINT_TOOLS_REPORT_H
#include "core/trace.h"
#include <stdio.h>

/* A line per stage that ran, and the whole frame: p50, p90, p99, max in milliseconds. */
void glint_report_latency(struct glint_trace *trace, FILE *out);

/* Sums the counts of one input into all. */
void glint_report_add_loss(struct glint_loss *all, const struct glint_loss *one);

/* One line for whatever was lost, malformed, foreign or dropped; nothing when all is well. */
void glint_report_loss(const struct glint_loss *loss);

/* The most memory the process had, in bytes. */
int64_t glint_report_peak_bytes(void);
#endif
