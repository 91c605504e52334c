/* core/trace.c - see trace.h.
 *
 * One mutex around everything: a frame has some tens of events, which at 25 ns each is nothing beside the
 * work they measure. Events and samples are rings, so that a run of any length keeps its newest part. */
#include "core/trace_store.h"
#include "core/arena.h"
#include "core/clock.h"
#include "core/status.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int glint_trace_open(size_t cap_events, struct glint_trace **trace_out)
{
    *trace_out = NULL;
    if (cap_events < 1 || cap_events > (size_t)1 << 26)
        return glint_fail(GLINT_E_ARG, "trace of %zu events: 1 to %d wanted", cap_events, 1 << 26);
    struct glint_trace *t = calloc(1, sizeof *t);
    int64_t *numbers =
        calloc(cap_events * (GLINT_STAGE_COUNT + 2), sizeof *numbers); /* pages come with use */
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
    for (size_t i = 0; i <= GLINT_STAGE_COUNT; i++)
        t->samples[i].newest = numbers + (i + 1) * cap_events;
    t->opened_ns = glint_clock_monotonic_ns();
    pthread_mutex_init(&t->mutex, NULL);
    pthread_mutex_init(&t->scratch_mutex, NULL);
    *trace_out = t;
    return GLINT_OK;
}

void glint_trace_touch(struct glint_trace *t)
{
    glint_memory_touch(t->events, t->cap_events * sizeof *t->events);
    glint_memory_touch(t->scratch, t->cap_events * (GLINT_STAGE_COUNT + 2) * sizeof *t->scratch);
}

void glint_trace_close(struct glint_trace *t)
{
    if (!t)
        return;
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
        if (pthread_equal(t->threads[i].id, self))
            return i;
    if (t->n_threads == GLINT_TRACE_THREADS)
        return GLINT_TRACE_THREADS - 1;
    const int i = t->n_threads++;
    t->threads[i].id = self;
    snprintf(t->threads[i].name, sizeof t->threads[i].name, "thread %d", i);
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
static void add_event(struct glint_trace *t, struct glint_trace_event event)
{
    event.thread = (uint8_t)track(t);
    t->events[t->n_events++ % t->cap_events] = event;
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

void glint_span_list(struct glint_trace *t, const char *name, uint64_t frame, int64_t begun_ns, int64_t ns)
{
    if (!t)
        return;
    pthread_mutex_lock(&t->mutex);
    add_event(
        t,
        (struct glint_trace_event){
            .kind = GLINT_TRACE_SPAN, .name = name, .frame = frame, .begin_ns = begun_ns, .duration_ns = ns});
    pthread_mutex_unlock(&t->mutex);
}

int64_t glint_span_end(struct glint_trace *t, enum glint_stage stage, struct glint_frame *frame,
                       int64_t begun_ns)
{
    const int64_t ns = glint_clock_monotonic_ns() - begun_ns;
    if (frame)
        frame->latency_ns[stage] = (frame->latency_ns[stage] < 0 ? 0 : frame->latency_ns[stage]) + ns;
    if (t)
        glint_span_list(t, glint_stage_name(stage), frame ? frame->index : GLINT_TRACE_NO_FRAME, begun_ns,
                        ns);
    return ns;
}

void glint_span_part(struct glint_trace *t, const char *name, uint64_t frame_index, int64_t begun_ns)
{
    if (t)
        glint_span_list(t, name, frame_index, begun_ns, glint_clock_monotonic_ns() - begun_ns);
}

void glint_trace_frame_done(struct glint_trace *t, struct glint_frame *frame)
{
    const int64_t now = glint_clock_monotonic_ns();
    frame->total_ns = frame->arrival_ns > 0 ? now - frame->arrival_ns : 0;
    if (!t)
        return;
    pthread_mutex_lock(&t->mutex);
    for (int i = 0; i < GLINT_STAGE_COUNT; i++)
        if (frame->latency_ns[i] >= 0)
            add_sample(t, i, frame->latency_ns[i]);
    add_sample(t, GLINT_STAGE_COUNT, frame->total_ns);
    if (frame->arrival_ns > 0)
        add_event(t, (struct glint_trace_event){.kind = GLINT_TRACE_FRAME,
                                                .name = "frame",
                                                .frame = frame->index,
                                                .begin_ns = frame->arrival_ns,
                                                .duration_ns = frame->total_ns});
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
    if (!t || stage < 0 || stage > GLINT_STAGE_COUNT)
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
