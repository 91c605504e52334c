/* core/trace.c - see trace.h.
 *
 * One mutex around everything: a frame has some tens of events, which at 25 ns each is nothing beside the
 * work they measure. Events and samples are rings, so that a run of any length keeps its newest part. */
#define _POSIX_C_SOURCE 200809L
#include "core/trace_store.h"
#include "core/arena.h"
#include "core/clock.h"
#include "core/probe.h"
#include "core/status.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int glint_trace_open(size_t cap_events, struct glint_trace **trace_out)
{
    *trace_out = NULL;
    if (cap_events < 1 || cap_events > (size_t)1 << 26)
        return glint_fail(GLINT_E_ARG, "trace of %zu events: 1 to %d wanted", cap_events, 1 << 26);
    struct glint_trace *t = calloc(1, sizeof *t);
    int64_t *numbers =
        calloc(cap_events * (GLINT_TRACE_SERIES + 1), sizeof *numbers); /* pages come with use */
    struct glint_trace_event *events = calloc(cap_events, sizeof *events);
    if (!t || !numbers || !events) {
        free(t);
        free(numbers);
        free(events);
        return glint_fail(GLINT_E_NOMEM, "no memory for a trace of %zu events", cap_events);
    }
    t->cap_events = cap_events;
    t->events = events;
    t->scratch = numbers;
    for (size_t i = 0; i < GLINT_TRACE_SERIES; i++)
        t->samples[i].newest = numbers + (i + 1) * cap_events;
    t->opened_ns = glint_clock_monotonic_ns();
    t->opened_utc_ns = glint_clock_utc_ns();
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&t->call, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&t->mutex, NULL);
    pthread_mutex_init(&t->scratch_mutex, NULL);
    *trace_out = t;
    return GLINT_OK;
}

void glint_trace_touch(struct glint_trace *t)
{
    glint_memory_touch(t->events, t->cap_events * sizeof *t->events);
    glint_memory_touch(t->scratch, t->cap_events * (GLINT_TRACE_SERIES + 1) * sizeof *t->scratch);
}

void glint_trace_close(struct glint_trace *t)
{
    if (!t)
        return;
    (void)glint_trace_stream_end(t); /* what it could not write was told to whoever ended it before */
    pthread_cond_destroy(&t->call);
    pthread_mutex_destroy(&t->scratch_mutex);
    pthread_mutex_destroy(&t->mutex);
    free(t->events);
    free(t->scratch);
    free(t);
}

/* The calling thread's track, a new one at its first event. Under the mutex. */
static int track(struct glint_trace *t)
{
    const pthread_t self = pthread_self();
    for (int i = 0; i < t->n_threads; i++)
        if (!t->threads[i].device && pthread_equal(t->threads[i].id, self))
            return i;
    if (t->n_threads == GLINT_TRACE_THREADS)
        return GLINT_TRACE_THREADS - 1;
    const int i = t->n_threads++;
    t->threads[i].id = self;
    snprintf(t->threads[i].name, sizeof t->threads[i].name, "thread %d", i);
    return i;
}

/* A device's track, a new one at its first event. Under the mutex. */
static int device_track(struct glint_trace *t, const char *name)
{
    for (int i = 0; i < t->n_threads; i++)
        if (t->threads[i].device && strcmp(t->threads[i].name, name) == 0)
            return i;
    if (t->n_threads == GLINT_TRACE_THREADS)
        return GLINT_TRACE_THREADS - 1;
    const int i = t->n_threads++;
    t->threads[i].device = true;
    snprintf(t->threads[i].name, sizeof t->threads[i].name, "%s", name);
    return i;
}

void glint_trace_thread(struct glint_trace *t, const char *name)
{
    if (!t)
        return;
    pthread_mutex_lock(&t->mutex);
    char *mine = t->threads[track(t)].name;
    strncpy(mine, name, sizeof t->threads->name - 1);
    pthread_mutex_unlock(&t->mutex);
}

/* Under the mutex. */
static void add_event_on(struct glint_trace *t, int on_track, struct glint_trace_event event)
{
    event.thread = (uint8_t)on_track;
    t->events[t->n_events++ % t->cap_events] = event;
    if (t->stream && t->n_events == t->call_at)
        pthread_cond_signal(&t->call);
}
static void add_event(struct glint_trace *t, struct glint_trace_event event)
{
    add_event_on(t, track(t), event);
}

static void add_sample(struct glint_trace *t, int stage, int64_t ns)
{
    struct glint_trace_samples *s = &t->samples[stage];
    s->newest[s->count++ % t->cap_events] = ns;
    s->sum_ns += ns;
    s->max_ns = ns > s->max_ns ? ns : s->max_ns;
}

int64_t glint_span_begin(struct glint_trace *t)
{
    (void)t;
    return glint_clock_monotonic_ns();
}

/* stage GLINT_STAGE_COUNT: a part of one. */
static void list(struct glint_trace *t, const char *name, int stage, uint64_t frame, int64_t begun_ns,
                 int64_t ns)
{
    if (!t)
        return;
    pthread_mutex_lock(&t->mutex);
    add_event(t, (struct glint_trace_event){.kind = GLINT_TRACE_SPAN,
                                            .name = name,
                                            .stage = (uint8_t)stage,
                                            .frame = frame,
                                            .begin_ns = begun_ns,
                                            .duration_ns = ns});
    pthread_mutex_unlock(&t->mutex);
}

void glint_span_list(struct glint_trace *t, enum glint_stage stage, uint64_t frame, int64_t begun_ns,
                     int64_t ns)
{
    GLINT_PROBE3(stage__end, glint_stage_name(stage), frame, ns);
    list(t, glint_stage_name(stage), (int)stage, frame, begun_ns, ns);
}

void glint_span_device(struct glint_trace *t, const char *name, enum glint_stage stage, uint64_t frame,
                       int64_t begun_ns, int64_t ns)
{
    GLINT_PROBE3(stage__end, glint_stage_name(stage), frame, ns);
    if (!t)
        return;
    pthread_mutex_lock(&t->mutex);
    add_event_on(t, device_track(t, name),
                 (struct glint_trace_event){.kind = GLINT_TRACE_SPAN,
                                            .name = glint_stage_name(stage),
                                            .stage = (uint8_t)stage,
                                            .frame = frame,
                                            .begin_ns = begun_ns,
                                            .duration_ns = ns});
    pthread_mutex_unlock(&t->mutex);
}

int64_t glint_span_end(struct glint_trace *t, enum glint_stage stage, struct glint_frame *frame,
                       int64_t begun_ns)
{
    const int64_t ns = glint_clock_monotonic_ns() - begun_ns;
    if (frame)
        frame->latency_ns[stage] = (frame->latency_ns[stage] < 0 ? 0 : frame->latency_ns[stage]) + ns;
    glint_span_list(t, stage, frame ? frame->index : GLINT_TRACE_NO_FRAME, begun_ns, ns);
    return ns;
}

void glint_span_part(struct glint_trace *t, const char *name, uint64_t frame_index, int64_t begun_ns)
{
    if (t)
        list(t, name, GLINT_STAGE_COUNT, frame_index, begun_ns, glint_clock_monotonic_ns() - begun_ns);
}

#define HOUR_NS INT64_C(3600000000000)

/* From the stamp to now; of a recording as if the last packet had come when it was recorded. Clocks that are
 * hours apart tell nothing. */
static int64_t age_of(const struct glint_frame *frame)
{
    const int64_t came_ns = frame->received_ns - frame->stamp_ns;
    const bool known =
        frame->received_ns > 0 && frame->stamp_ns > 0 && came_ns < HOUR_NS && came_ns > -HOUR_NS;
    return known ? came_ns + frame->total_ns : GLINT_TRACE_NO_AGE;
}

void glint_trace_frame_done(struct glint_trace *t, struct glint_frame *frame)
{
    const int64_t now = glint_clock_monotonic_ns();
    frame->total_ns = frame->arrival_ns > 0 ? now - frame->arrival_ns : 0;
    const int64_t age_ns = age_of(frame);
    GLINT_PROBE4(frame__publish, frame->index, frame->total_ns, age_ns, frame->n_boxes);
    if (!t)
        return;
    pthread_mutex_lock(&t->mutex);
    for (int i = 0; i < GLINT_STAGE_COUNT; i++)
        if (frame->latency_ns[i] >= 0)
            add_sample(t, i, frame->latency_ns[i]);
    add_sample(t, GLINT_STAGE_COUNT, frame->total_ns);
    if (age_ns != GLINT_TRACE_NO_AGE)
        add_sample(t, GLINT_TRACE_POINT_AGE, age_ns);
    if (frame->arrival_ns > 0)
        add_event(t, (struct glint_trace_event){.kind = GLINT_TRACE_FRAME,
                                                .name = "frame",
                                                .frame = frame->index,
                                                .begin_ns = frame->arrival_ns,
                                                .duration_ns = frame->total_ns,
                                                .age_ns = age_ns});
    pthread_mutex_unlock(&t->mutex);
}

void glint_trace_counter(struct glint_trace *t, const char *name, double value)
{
    if (!t)
        return;
    pthread_mutex_lock(&t->mutex);
    add_event(t, (struct glint_trace_event){.kind = GLINT_TRACE_COUNTER,
                                            .name = name,
                                            .frame = GLINT_TRACE_NO_FRAME,
                                            .begin_ns = glint_clock_monotonic_ns(),
                                            .value = value});
    pthread_mutex_unlock(&t->mutex);
}

static int by_value(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The least sample that at least percent of them do not exceed. */
static int64_t percentile(const int64_t *sorted, size_t n, size_t percent)
{
    return sorted[(n * percent + 99) / 100 - 1];
}

void glint_trace_stats(struct glint_trace *t, int stage, struct glint_trace_stats *stats_out)
{
    memset(stats_out, 0, sizeof *stats_out);
    if (!t || stage < 0 || stage >= GLINT_TRACE_SERIES)
        return;
    const struct glint_trace_samples *s = &t->samples[stage];
    pthread_mutex_lock(&t->scratch_mutex);
    pthread_mutex_lock(&t->mutex);
    const size_t n = s->count < t->cap_events ? (size_t)s->count : t->cap_events;
    memcpy(t->scratch, s->newest, n * sizeof *t->scratch);
    stats_out->count = s->count;
    stats_out->sum_ns = s->sum_ns;
    stats_out->max_ns = s->max_ns;
    pthread_mutex_unlock(&t->mutex);
    if (n > 0) {
        qsort(t->scratch, n, sizeof *t->scratch,
              by_value); /* glibc takes memory for large n: not per frame */
        stats_out->p50_ns = percentile(t->scratch, n, 50);
        stats_out->p90_ns = percentile(t->scratch, n, 90);
        stats_out->p99_ns = percentile(t->scratch, n, 99);
    }
    pthread_mutex_unlock(&t->scratch_mutex);
}
