/* core/trace_format.h - a trace's events as text: Chrome's "Trace Event Format", JSON object form. Only for
 * core/trace_*.c.
 *
 * "X" spans with microseconds, "C" counters, "b"/"e" asynchronous slices for frames (they overlap), "M"
 * names. The spans of a frame's stages are tied by arrows: bind_id with flow_out on the first, flow_in and
 * flow_out on those between, flow_in on the publication. They are bound to the span that bears them, whatever
 * lies inside of it. */
#ifndef GLINT_CORE_TRACE_FORMAT_H
#define GLINT_CORE_TRACE_FORMAT_H
#include "core/trace_store.h"
#include <stdio.h>

#define GLINT_TRACE_FLOWS 256 /* frames on their way at a time whose arrows are known */
#define GLINT_TRACE_TAIL  "\n]}\n"

struct glint_trace_text { /* start with out, opened_ns and opened_utc_ns, the rest zero */
    FILE *out;
    int64_t opened_ns, opened_utc_ns;
    uint64_t n_flows;
    struct {
        uint64_t frame, id;    /* id 0: none */
    } flow[GLINT_TRACE_FLOWS]; /* at frame % GLINT_TRACE_FLOWS */
};

/* The file is head, names and events in any order, and GLINT_TRACE_TAIL. */
void glint_trace_put_head(struct glint_trace_text *t);
void glint_trace_put_thread(struct glint_trace_text *t, int thread, const char *name);
void glint_trace_put_event(struct glint_trace_text *t, const struct glint_trace_event *e);
void glint_trace_put_counter(struct glint_trace_text *t, const char *name, int64_t at_ns, double value);
#endif
