/* core/trace_export.c - see trace.h; the format is "Trace Event Format" (Chrome), JSON object form: "X" spans
 * with microseconds, "C" counters, "b"/"e" asynchronous slices for frames (they overlap), "M" names.
 *
 * Events are copied in small chunks under the mutex, so that exporting while running holds nobody up; those
 * overwritten meanwhile are left out. */
#include "core/trace_store.h"
#include "core/file.h"
#include "core/status.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

#define CHUNK 256

static void put_string(FILE *out, const char *text)
{
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            fputc('\\', out);
        fputc((unsigned char)*text < ' ' ? ' ' : *text, out);
    }
    fputc('"', out);
}

/* "<key>":12.345, from ns; not with %f, which writes the locale's decimal point. */
static void put_us(FILE *out, const char *key, int64_t ns)
{
    const uint64_t size = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
    fprintf(out, ",\"%s\":%s%" PRIu64 ".%03" PRIu64, key, ns < 0 ? "-" : "", size / 1000, size % 1000);
}

static void put_value(FILE *out, double value)
{
    char text[32];
    snprintf(text, sizeof text, "%.9g", isfinite(value) ? value : 0);
    char *comma = strchr(text, ',');
    if (comma)
        *comma = '.';
    fprintf(out, ",\"args\":{\"value\":%s}}", text);
}

static void put_head(FILE *out, char phase, const char *name, int thread)
{
    fprintf(out, ",\n{\"ph\":\"%c\",\"pid\":1,\"tid\":%d,\"name\":", phase, thread + 1);
    put_string(out, name);
}

static void put_frame(FILE *out, const struct glint_trace_event *e, int64_t at_ns)
{
    for (int end = 0; end < 2; end++) {
        put_head(out, end ? 'e' : 'b', e->name, e->thread);
        put_us(out, "ts", at_ns + (end ? e->duration_ns : 0));
        fprintf(out, ",\"cat\":\"frame\",\"id\":%" PRIu64 ",\"args\":{\"frame\":%" PRIu64 "}}", e->frame,
                e->frame);
    }
}

static void put_event(FILE *out, const struct glint_trace_event *e, int64_t opened_ns)
{
    const int64_t at_ns = e->begin_ns - opened_ns;
    if (e->kind == GLINT_TRACE_FRAME) {
        put_frame(out, e, at_ns);
        return;
    }
    put_head(out, e->kind == GLINT_TRACE_SPAN ? 'X' : 'C', e->name, e->thread);
    put_us(out, "ts", at_ns);
    if (e->kind == GLINT_TRACE_COUNTER) {
        put_value(out, e->value);
        return;
    }
    put_us(out, "dur", e->duration_ns);
    if (e->frame == GLINT_TRACE_NO_FRAME)
        fputs("}", out);
    else
        fprintf(out, ",\"args\":{\"frame\":%" PRIu64 "}}", e->frame);
}

static void put_threads(FILE *out, struct glint_trace *t)
{
    pthread_mutex_lock(&t->mutex);
    for (int i = 0; i < t->n_threads; i++) {
        put_head(out, 'M', "thread_name", i);
        fputs(",\"args\":{\"name\":", out);
        put_string(out, t->threads[i].name);
        fputs("}}", out);
    }
    pthread_mutex_unlock(&t->mutex);
}

/* Up to CHUNK events from *at on, which moves past them; 0 at the end. */
static size_t copy_chunk(struct glint_trace *t, uint64_t *at, uint64_t end, struct glint_trace_event *chunk)
{
    size_t n = 0;
    pthread_mutex_lock(&t->mutex);
    if (t->n_events > t->cap_events && *at < t->n_events - t->cap_events)
        *at = t->n_events - t->cap_events;
    while (n < CHUNK && *at < end)
        chunk[n++] = t->events[(*at)++ % t->cap_events];
    pthread_mutex_unlock(&t->mutex);
    return n;
}

static void put_all(FILE *out, struct glint_trace *t)
{
    struct glint_trace_event chunk[CHUNK];
    uint64_t at = 0;
    pthread_mutex_lock(&t->mutex);
    const uint64_t end = t->n_events;
    pthread_mutex_unlock(&t->mutex);
    fputs("{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n"
          "{\"ph\":\"M\",\"pid\":1,\"tid\":0,\"name\":\"process_name\",\"args\":{\"name\":\"glint\"}}",
          out);
    put_threads(out, t);
    for (size_t n; (n = copy_chunk(t, &at, end, chunk)) > 0;)
        for (size_t i = 0; i < n; i++)
            put_event(out, &chunk[i], t->opened_ns);
    fputs("\n]}\n", out);
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
