/* core/trace_format.c - see trace_format.h. */
#include "core/trace_format.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

#define NAME_MOST 200 /* characters of a name: an event's size is bounded */

static void put_string(FILE *out, const char *text)
{
    fputc('"', out);
    for (int i = 0; text[i] && i < NAME_MOST; i++) {
        if (text[i] == '"' || text[i] == '\\')
            fputc('\\', out);
        fputc((unsigned char)text[i] < ' ' ? ' ' : text[i], out);
    }
    fputc('"', out);
}

/* 12.345, from ns; not with %f, which writes the locale's decimal point. */
static void put_us(FILE *out, const char *before, int64_t ns)
{
    const uint64_t size = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
    fprintf(out, "%s%s%" PRIu64 ".%03" PRIu64, before, ns < 0 ? "-" : "", size / 1000, size % 1000);
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

static void put_begin(FILE *out, char phase, const char *name, int thread)
{
    fprintf(out, ",\n{\"ph\":\"%c\",\"pid\":1,\"tid\":%d,\"name\":", phase, thread + 1);
    put_string(out, name);
}

void glint_trace_put_head(struct glint_trace_text *t)
{
    fprintf(
        t->out,
        "{\"displayTimeUnit\":\"ms\",\"otherData\":{\"glint_trace\":1,\"begun_utc_ns\":%" PRId64
        "},\"traceEvents\":[\n{\"ph\":\"M\",\"pid\":1,\"tid\":0,\"name\":\"process_name\",\"args\":{\"name\":"
        "\"glint\"}}",
        t->opened_utc_ns);
}

void glint_trace_put_thread(struct glint_trace_text *t, int thread, const char *name)
{
    put_begin(t->out, 'M', "thread_name", thread);
    fputs(",\"args\":{\"name\":", t->out);
    put_string(t->out, name);
    fputs("}}", t->out);
}

void glint_trace_put_counter(struct glint_trace_text *t, const char *name, int64_t at_ns, double value)
{
    put_begin(t->out, 'C', name, 0);
    put_us(t->out, ",\"ts\":", at_ns - t->opened_ns);
    put_value(t->out, value);
}

/* Its two ages are those of DESIGN's: from the last byte of the input, and from the first point. */
static void put_frame(struct glint_trace_text *t, const struct glint_trace_event *e)
{
    const int64_t end_ns = e->begin_ns + e->duration_ns;
    const bool has_age = e->age_ns != GLINT_TRACE_NO_AGE;
    for (int end = 0; end < 2; end++) {
        put_begin(t->out, end ? 'e' : 'b', e->name, e->thread);
        put_us(t->out, ",\"ts\":", (end ? end_ns : e->begin_ns) - t->opened_ns);
        fprintf(t->out, ",\"cat\":\"frame\",\"id\":%" PRIu64 ",\"args\":{\"frame\":%" PRIu64, e->frame,
                e->frame);
        put_us(t->out, ",\"sweep_latency_us\":", e->duration_ns);
        if (has_age)
            put_us(t->out, ",\"point_age_us\":", e->age_ns);
        fputs("}}", t->out);
    }
    glint_trace_put_counter(t, "sweep latency ms", end_ns, 1e-6 * (double)e->duration_ns);
    if (has_age)
        glint_trace_put_counter(t, "point age ms", end_ns, 1e-6 * (double)e->age_ns);
}

/* Arrows: each frame has a number of its own, also where several inputs count theirs from 0. */
static void put_flow(struct glint_trace_text *t, const struct glint_trace_event *e)
{
    const size_t at = e->frame % GLINT_TRACE_FLOWS;
    const bool begins = t->flow[at].id == 0 || t->flow[at].frame != e->frame;
    const bool ends = e->stage == GLINT_STAGE_PUBLISH;
    if (begins) {
        t->flow[at].frame = e->frame;
        t->flow[at].id = ++t->n_flows;
    }
    fprintf(t->out, ",\"bind_id\":\"0x%" PRIx64 "\"%s%s", t->flow[at].id, begins ? "" : ",\"flow_in\":true",
            ends ? "" : ",\"flow_out\":true");
    if (ends)
        t->flow[at].id = 0;
}

static void put_span(struct glint_trace_text *t, const struct glint_trace_event *e)
{
    put_begin(t->out, 'X', e->name, e->thread);
    put_us(t->out, ",\"ts\":", e->begin_ns - t->opened_ns);
    put_us(t->out, ",\"dur\":", e->duration_ns);
    if (e->stage < GLINT_STAGE_COUNT)
        fputs(",\"cat\":\"stage\"", t->out);
    if (e->frame != GLINT_TRACE_NO_FRAME && e->stage < GLINT_STAGE_COUNT)
        put_flow(t, e);
    if (e->frame != GLINT_TRACE_NO_FRAME)
        fprintf(t->out, ",\"args\":{\"frame\":%" PRIu64 "}", e->frame);
    fputs("}", t->out);
}

void glint_trace_put_event(struct glint_trace_text *t, const struct glint_trace_event *e)
{
    if (e->kind == GLINT_TRACE_FRAME)
        put_frame(t, e);
    else if (e->kind == GLINT_TRACE_COUNTER)
        glint_trace_put_counter(t, e->name, e->begin_ns, e->value);
    else
        put_span(t, e);
}
