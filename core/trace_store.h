/* core/trace_store.h - what trace.c keeps and trace_export.c and trace_stream.c write; nobody else includes
 * it. */
#ifndef GLINT_CORE_TRACE_STORE_H
#define GLINT_CORE_TRACE_STORE_H
#include "core/trace.h"
#include <pthread.h>

#define GLINT_TRACE_THREADS 64        /* tracks; later threads share the last one */
#define GLINT_TRACE_NO_AGE  INT64_MIN /* the frame's stamp or its packets' times are not known */

enum glint_trace_kind { GLINT_TRACE_SPAN, GLINT_TRACE_COUNTER, GLINT_TRACE_FRAME };

struct glint_trace_event {
    const char *name; /* static storage */
    uint64_t frame;   /* GLINT_TRACE_NO_FRAME: none */
    int64_t begin_ns; /* monotonic */
    union {
        int64_t duration_ns; /* span, frame */
        double value;        /* counter */
    };
    int64_t age_ns;              /* frame: from its stamp to its publication */
    uint8_t kind, thread, stage; /* stage of a span; GLINT_STAGE_COUNT: of none */
};

struct glint_trace_samples {
    uint64_t count;
    int64_t max_ns, sum_ns;
    int64_t *newest; /* cap_events; sample i is at i % cap_events */
};

#define GLINT_TRACE_SERIES (GLINT_STAGE_COUNT + 2) /* stages, whole frames, point ages */

struct glint_trace_stream;

struct glint_trace {
    pthread_mutex_t mutex; /* of everything but scratch */
    size_t cap_events;
    int64_t opened_ns, opened_utc_ns;
    uint64_t n_events; /* ever; event i is at i % cap_events */
    struct glint_trace_event *events;
    struct glint_trace_samples samples[GLINT_TRACE_SERIES];
    int n_threads;
    struct {
        pthread_t id;
        bool device; /* no thread's: found by its name */
        char name[32];
    } threads[GLINT_TRACE_THREADS];
    pthread_mutex_t scratch_mutex; /* taken before mutex */
    int64_t *scratch;              /* cap_events, for sorting */

    struct glint_trace_stream *stream; /* NULL: nothing is written while it runs */
    uint64_t call_at;                  /* with so many events the stream is called before its time */
    pthread_cond_t call;
};

/* Under the mutex: up to cap events from *at on, which moves past them (and past those that are gone); 0 at
 * `end`. */
size_t glint_trace_copy(struct glint_trace *t, uint64_t *at, uint64_t end, struct glint_trace_event *events,
                        size_t cap);
#endif
