/* core/trace_store.h - what trace.c keeps and trace_export.c writes; nobody else includes it. */
#ifndef GLINT_CORE_TRACE_STORE_H
#define GLINT_CORE_TRACE_STORE_H
#include "core/trace.h"
#include <pthread.h>

#define GLINT_TRACE_THREADS 64 /* tracks; later threads share the last one */

enum glint_trace_kind { GLINT_TRACE_SPAN, GLINT_TRACE_COUNTER, GLINT_TRACE_FRAME };

struct glint_trace_event {
    const char *name; /* static storage */
    uint64_t frame;   /* GLINT_TRACE_NO_FRAME: none */
    int64_t begin_ns; /* monotonic */
    union {
        int64_t duration_ns; /* span, frame */
        double value;        /* counter */
    };
    uint8_t kind, thread;
};

struct glint_trace_samples {
    uint64_t count;
    int64_t max_ns, sum_ns;
    int64_t *newest; /* cap_events; sample i is at i % cap_events */
};

struct glint_trace {
    pthread_mutex_t mutex; /* of everything but scratch */
    size_t cap_events;
    int64_t opened_ns;
    uint64_t n_events; /* ever; event i is at i % cap_events */
    struct glint_trace_event *events;
    struct glint_trace_samples samples[GLINT_STAGE_COUNT + 1];
    int n_threads;
    struct {
        pthread_t id;
        char name[32];
    } threads[GLINT_TRACE_THREADS];
    pthread_mutex_t scratch_mutex; /* taken before mutex */
    int64_t *scratch;              /* cap_events, for sorting */
};
#endif
