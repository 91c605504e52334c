/* core/trace_export.c - see glint/trace.h. Events are copied in small chunks under the mutex, so that
 * exporting while running holds nobody up; those overwritten meanwhile are left out. */
#include "core/file.h"
#include "core/status.h"
#include "core/trace_format.h"

#define CHUNK 256

static void put_threads(struct glint_trace_text *text, struct glint_trace *t)
{
    pthread_mutex_lock(&t->mutex);
    for (int i = 0; i < t->n_threads; i++)
        glint_trace_put_thread(text, i, t->threads[i].name);
    pthread_mutex_unlock(&t->mutex);
}

size_t glint_trace_copy(struct glint_trace *t, uint64_t *at, uint64_t end, struct glint_trace_event *events,
                        size_t cap)
{
    size_t n = 0;
    if (t->n_events > t->cap_events && *at < t->n_events - t->cap_events)
        *at = t->n_events - t->cap_events;
    while (n < cap && *at < end)
        events[n++] = t->events[(*at)++ % t->cap_events];
    return n;
}

static size_t copy_chunk(struct glint_trace *t, uint64_t *at, uint64_t end, struct glint_trace_event *chunk)
{
    pthread_mutex_lock(&t->mutex);
    const size_t n = glint_trace_copy(t, at, end, chunk, CHUNK);
    pthread_mutex_unlock(&t->mutex);
    return n;
}

static void put_all(FILE *out, struct glint_trace *t)
{
    struct glint_trace_event chunk[CHUNK];
    struct glint_trace_text text = {.out = out, .opened_ns = t->opened_ns, .opened_utc_ns = t->opened_utc_ns};
    uint64_t at = 0;
    pthread_mutex_lock(&t->mutex);
    const uint64_t end = t->n_events;
    pthread_mutex_unlock(&t->mutex);
    glint_trace_put_head(&text);
    put_threads(&text, t);
    for (size_t n; (n = copy_chunk(t, &at, end, chunk)) > 0;)
        for (size_t i = 0; i < n; i++)
            glint_trace_put_event(&text, &chunk[i]);
    fputs(GLINT_TRACE_TAIL, out);
}

int glint_trace_export(struct glint_trace *t, const char *path)
{
    struct glint_file_out out;
    if (!t)
        return glint_fail(GLINT_E_ARG, "%s: no trace to write", path);
    GLINT_TRY(glint_file_create(&out, path));
    put_all(out.stream, t);
    return glint_file_commit(&out);
}
