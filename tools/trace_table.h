/* tools/trace_table.h - what a trace file says: time per stage over its frames, and where the time of a frame
 * goes. For the files of --trace (Chrome trace JSON, core/trace_format.h), also those of a run that was
 * killed or still goes on. */
#ifndef GLINT_TOOLS_TRACE_TABLE_H
#define GLINT_TOOLS_TRACE_TABLE_H
#include "glint/frame.h"
#include "glint/status.h"
#include <stdbool.h>
#include <stddef.h>

enum {                                          /* series after those of the stages */
       GLINT_TABLE_WAITING = GLINT_STAGE_COUNT, /* of a frame's latency: no stage works on it */
       GLINT_TABLE_LATENCY,                     /* sweep latency: last byte of the input -> published */
       GLINT_TABLE_POINT_AGE,                   /* first point -> published */
       GLINT_TABLE_SERIES
};

#define GLINT_TABLE_THREADS 65

struct glint_trace_series { /* one value per frame, in ns; sorted by _read */
    int64_t *ns;
    uint64_t n, cap;
};

struct glint_trace_table {
    struct glint_trace_series series[GLINT_TABLE_SERIES];
    /* Of the sweep latency, per frame: what a stage (or waiting) took of it; same order as frames came. */
    struct glint_trace_series part[GLINT_STAGE_COUNT + 1], whole;
    uint64_t frames;                                  /* published */
    double frames_dropped, packets_lost, events_lost; /* as counted last */
    double span_us;                                   /* of all that is in the file */
    struct glint_trace_thread_time {
        char name[64];
        double busy_us; /* in stages */
    } thread[GLINT_TABLE_THREADS];
    bool is_cut; /* the file ends before its end */
    char cut_reason[512];
};

/* GLINT_E_NOTFOUND, GLINT_E_IO, GLINT_E_FORMAT (no trace, or none of ours), GLINT_E_NOMEM; then there is
 * nothing to free. */
int glint_trace_table_read(const char *path, struct glint_trace_table *table);
/* The same from memory; name is for messages. */
int glint_trace_table_parse(const char *name, const void *data, size_t size, struct glint_trace_table *table);
void glint_trace_table_free(struct glint_trace_table *table);

/* Nearest rank, per mille: 500 is the median. 0 of nothing. */
int64_t glint_trace_rank(const struct glint_trace_series *s, int per_mille);
const char *glint_trace_series_name(int series); /* "decode", "waiting", "sweep latency", "point age" */

/* The part that takes most of the latency, over the median frames (slowest false) or the slowest hundredth:
 * its series, -1 when there are no latencies; its share of the latency, and its mean time, in *share, *ns. */
int glint_trace_critical(const struct glint_trace_table *table, bool slowest, double *share, double *ns);
#endif
