/* tools/trace_table.c - see trace_table.h.
 *
 * The file is read as a stream, an event at a time. Spans are kept per frame until the frame's own event says
 * when it arrived and when it was published: what a stage did before the arrival of the last byte (decoding
 * the packets before it) is its time, but not part of the latency. Frames on their way are few; they sit in a
 * table at their number, so that memory is that of the results. */
#include "tools/trace_table.h"
#include "core/file.h"
#include "core/json_stream.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ON_WAY    512 /* frames on their way at a time */
#define SPANS_CAP 256 /* of a frame; the first and those behind count together */

struct span {
    int stage;
    double begin, end; /* us */
};

struct on_way {
    bool used;
    uint64_t frame;
    double sum_us[GLINT_STAGE_COUNT]; /* < 0: the stage did not run */
    int n;
    struct span span[SPANS_CAP];
};

struct event {
    char phase, name[128];
    bool is_stage, has_frame, has_latency, has_age;
    int64_t frame, thread;
    double ts, dur, value, latency_us, age_us;
    char thread_name[64];
};

struct reading {
    struct glint_trace_table *table;
    struct on_way *on_way; /* ON_WAY */
    double first_us, last_us;
    uint64_t n_stages, n_events;
};

/* ---- series ---- */

static int add(struct glint_trace_series *s, double us)
{
    if (s->n == s->cap) {
        const uint64_t cap = s->cap ? 2 * s->cap : 256;
        int64_t *ns = realloc(s->ns, cap * sizeof *ns);
        if (!ns)
            return glint_fail(GLINT_E_NOMEM, "no memory for %llu frames", (unsigned long long)cap);
        s->ns = ns;
        s->cap = cap;
    }
    s->ns[s->n++] = (int64_t)llround(fmin(fmax(us, -9e12), 9e12) * 1e3);
    return GLINT_OK;
}

static int ascending(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

int64_t glint_trace_rank(const struct glint_trace_series *s, int per_mille)
{
    if (s->n == 0)
        return 0;
    const uint64_t rank = (s->n * (uint64_t)per_mille + 999) / 1000;
    return s->ns[rank > 0 ? rank - 1 : 0];
}

const char *glint_trace_series_name(int series)
{
    static const char *const others[] = {"waiting", "sweep latency", "point age"};
    return series < GLINT_STAGE_COUNT ? glint_stage_name((enum glint_stage)series)
                                      : others[series - GLINT_STAGE_COUNT];
}

/* ---- frames ---- */

static struct on_way *of_frame(struct reading *r, uint64_t frame)
{
    struct on_way *w = &r->on_way[frame % ON_WAY];
    if (w->used && w->frame == frame)
        return w;
    w->used = true;
    w->frame = frame;
    w->n = 0;
    for (int i = 0; i < GLINT_STAGE_COUNT; i++)
        w->sum_us[i] = -1;
    return w;
}

static int take_span(struct reading *r, const struct event *e)
{
    int stage = 0;
    while (stage < GLINT_STAGE_COUNT && strcmp(e->name, glint_stage_name((enum glint_stage)stage)) != 0)
        stage++;
    if (!e->is_stage || stage == GLINT_STAGE_COUNT)
        return GLINT_OK;
    r->n_stages++;
    if (e->thread >= 0 && e->thread < GLINT_TABLE_THREADS)
        r->table->thread[e->thread].busy_us += e->dur;
    if (!e->has_frame)
        return GLINT_OK;
    struct on_way *w = of_frame(r, (uint64_t)e->frame);
    w->sum_us[stage] = fmax(w->sum_us[stage], 0) + e->dur;
    if (w->n < SPANS_CAP)
        w->span[w->n++] = (struct span){stage, e->ts, e->ts + e->dur};
    else if (w->span[SPANS_CAP - 1].stage == stage)
        w->span[SPANS_CAP - 1].end = e->ts + e->dur;
    return GLINT_OK;
}

/* What lies between arrival and publication. */
static int take_parts(struct reading *r, const struct on_way *w, double begin, double end)
{
    double part[GLINT_STAGE_COUNT + 1] = {0};
    part[GLINT_TABLE_WAITING] = end - begin;
    for (int i = 0; i < w->n; i++) {
        const double inside = fmin(w->span[i].end, end) - fmax(w->span[i].begin, begin);
        part[w->span[i].stage] += fmax(inside, 0);
        part[GLINT_TABLE_WAITING] -= fmax(inside, 0);
    }
    part[GLINT_TABLE_WAITING] = fmax(part[GLINT_TABLE_WAITING], 0);
    for (int i = 0; i <= GLINT_STAGE_COUNT; i++)
        GLINT_TRY(add(&r->table->part[i], part[i]));
    GLINT_TRY(add(&r->table->series[GLINT_TABLE_WAITING], part[GLINT_TABLE_WAITING]));
    return add(&r->table->whole, end - begin);
}

static int take_frame(struct reading *r, const struct event *e)
{
    struct glint_trace_table *t = r->table;
    if (!e->has_frame || !e->has_latency || strcmp(e->name, "frame") != 0)
        return GLINT_OK;
    struct on_way *w = of_frame(r, (uint64_t)e->frame);
    t->frames++;
    for (int i = 0; i < GLINT_STAGE_COUNT; i++)
        if (w->sum_us[i] >= 0)
            GLINT_TRY(add(&t->series[i], w->sum_us[i]));
    GLINT_TRY(add(&t->series[GLINT_TABLE_LATENCY], e->latency_us));
    if (e->has_age)
        GLINT_TRY(add(&t->series[GLINT_TABLE_POINT_AGE], e->age_us));
    GLINT_TRY(take_parts(r, w, e->ts, e->ts + e->latency_us));
    w->used = false;
    return GLINT_OK;
}

/* ---- events ---- */

static void take_counter(struct reading *r, const struct event *e)
{
    struct glint_trace_table *t = r->table;
    if (strcmp(e->name, "frames dropped") == 0)
        t->frames_dropped = e->value;
    else if (strcmp(e->name, "packets lost") == 0)
        t->packets_lost = e->value;
    else if (strcmp(e->name, "trace events lost") == 0)
        t->events_lost = e->value;
}

static void take_name(struct reading *r, const struct event *e)
{
    if (strcmp(e->name, "thread_name") == 0 && e->thread >= 0 && e->thread < GLINT_TABLE_THREADS)
        memcpy(r->table->thread[e->thread].name, e->thread_name, sizeof e->thread_name);
}

static int take_event(struct reading *r, const struct event *e)
{
    r->n_events++;
    if (e->phase == 'M') {
        take_name(r, e);
        return GLINT_OK;
    }
    r->first_us = fmin(r->first_us, e->ts);
    r->last_us = fmax(r->last_us, e->ts + e->dur);
    if (e->phase == 'C')
        take_counter(r, e);
    return e->phase == 'X' ? take_span(r, e) : e->phase == 'b' ? take_frame(r, e) : GLINT_OK;
}

static int read_text(struct glint_json_stream *s, char *out, size_t size)
{
    struct glint_json_text text;
    if (glint_json_stream_peek(s) != '"')
        return glint_json_stream_skip(s);
    GLINT_TRY(glint_json_stream_text(s, &text));
    const size_t n = text.size < size - 1 ? text.size : size - 1;
    memcpy(out, text.text, n);
    out[n] = 0;
    return GLINT_OK;
}

/* Whatever is no number is skipped. */
static int read_number(struct glint_json_stream *s, double *out, bool *has)
{
    const char c = glint_json_stream_peek(s);
    if (c != '-' && (c < '0' || c > '9'))
        return glint_json_stream_skip(s);
    if (has)
        *has = true;
    return glint_json_stream_f64(s, out);
}

static int64_t whole(double value)
{
    return value >= 0 && value < 9e15 ? (int64_t)value : -1;
}

static int read_args(struct glint_json_stream *s, struct event *e)
{
    struct glint_json_text key;
    double frame = -1;
    int status;
    if (glint_json_stream_peek(s) != '{')
        return glint_json_stream_skip(s);
    GLINT_TRY(glint_json_stream_object(s));
    while ((status = glint_json_stream_key(s, &key)) == GLINT_OK) {
        if (glint_json_text_is(key, "frame"))
            GLINT_TRY(read_number(s, &frame, NULL));
        else if (glint_json_text_is(key, "value"))
            GLINT_TRY(read_number(s, &e->value, NULL));
        else if (glint_json_text_is(key, "sweep_latency_us"))
            GLINT_TRY(read_number(s, &e->latency_us, &e->has_latency));
        else if (glint_json_text_is(key, "point_age_us"))
            GLINT_TRY(read_number(s, &e->age_us, &e->has_age));
        else if (glint_json_text_is(key, "name"))
            GLINT_TRY(read_text(s, e->thread_name, sizeof e->thread_name));
        else
            GLINT_TRY(glint_json_stream_skip(s));
    }
    e->frame = whole(frame);
    e->has_frame = e->frame >= 0;
    return status == GLINT_E_EOF ? GLINT_OK : status;
}

static int read_event(struct glint_json_stream *s, struct event *e)
{
    struct glint_json_text key;
    char text[16] = "";
    double thread = -1;
    int status;
    *e = (struct event){0};
    GLINT_TRY(glint_json_stream_object(s));
    while ((status = glint_json_stream_key(s, &key)) == GLINT_OK) {
        if (glint_json_text_is(key, "ph")) {
            GLINT_TRY(read_text(s, text, sizeof text));
            e->phase = text[0];
        } else if (glint_json_text_is(key, "cat")) {
            GLINT_TRY(read_text(s, text, sizeof text));
            e->is_stage = strcmp(text, "stage") == 0;
        } else if (glint_json_text_is(key, "name")) {
            GLINT_TRY(read_text(s, e->name, sizeof e->name));
        } else if (glint_json_text_is(key, "args")) {
            GLINT_TRY(read_args(s, e));
        } else if (glint_json_text_is(key, "ts")) {
            GLINT_TRY(read_number(s, &e->ts, NULL));
        } else if (glint_json_text_is(key, "dur")) {
            GLINT_TRY(read_number(s, &e->dur, NULL));
        } else if (glint_json_text_is(key, "tid")) {
            GLINT_TRY(read_number(s, &thread, NULL));
        } else {
            GLINT_TRY(glint_json_stream_skip(s));
        }
    }
    e->thread = whole(thread);
    return status == GLINT_E_EOF ? GLINT_OK : status;
}

static int read_events(struct reading *r, struct glint_json_stream *s)
{
    struct event e;
    int status;
    GLINT_TRY(glint_json_stream_array(s));
    while ((status = glint_json_stream_item(s)) == GLINT_OK) {
        GLINT_TRY(read_event(s, &e));
        GLINT_TRY(take_event(r, &e));
    }
    return status == GLINT_E_EOF ? GLINT_OK : status;
}

/* The object form, or the bare array that other writers use. */
static int read_file(struct reading *r, struct glint_json_stream *s)
{
    struct glint_json_text key;
    int status;
    if (glint_json_stream_peek(s) == '[')
        return read_events(r, s);
    GLINT_TRY(glint_json_stream_object(s));
    while ((status = glint_json_stream_key(s, &key)) == GLINT_OK)
        if (glint_json_text_is(key, "traceEvents"))
            GLINT_TRY(read_events(r, s));
        else
            GLINT_TRY(glint_json_stream_skip(s));
    return status == GLINT_E_EOF ? glint_json_stream_finish(s) : status;
}

static int read_all(const char *name, const void *data, size_t size, struct reading *r)
{
    struct glint_json_stream s;
    glint_json_stream_init(&s, name, data, size, 0);
    const int status = read_file(r, &s);
    if (status == GLINT_E_FORMAT && r->n_stages > 0) {
        r->table->is_cut = true;
        snprintf(r->table->cut_reason, sizeof r->table->cut_reason, "%.500s", glint_error_text());
        return GLINT_OK;
    }
    if (status == GLINT_OK && r->n_stages == 0)
        return glint_fail(GLINT_E_FORMAT,
                          "%s: %llu events, none of them a stage of Glint (files of --trace have them)", name,
                          (unsigned long long)r->n_events);
    return status;
}

int glint_trace_table_parse(const char *name, const void *data, size_t size, struct glint_trace_table *table)
{
    *table = (struct glint_trace_table){0};
    struct reading r = {.table = table, .first_us = INFINITY, .last_us = -INFINITY};
    r.on_way = calloc(ON_WAY, sizeof *r.on_way);
    const int status =
        r.on_way ? read_all(name, data, size, &r) : glint_fail(GLINT_E_NOMEM, "%s: no memory", name);
    free(r.on_way);
    table->span_us = r.last_us > r.first_us ? r.last_us - r.first_us : 0;
    for (int i = 0; i < GLINT_TABLE_SERIES; i++)
        if (table->series[i].n > 0)
            qsort(table->series[i].ns, table->series[i].n, sizeof *table->series[i].ns, ascending);
    if (status < 0)
        glint_trace_table_free(table);
    return status;
}

int glint_trace_table_read(const char *path, struct glint_trace_table *table)
{
    struct glint_file file;
    *table = (struct glint_trace_table){0};
    GLINT_TRY(glint_file_open(&file, path));
    const int status = glint_trace_table_parse(path, file.data, file.size, table);
    glint_file_close(&file);
    return status;
}

void glint_trace_table_free(struct glint_trace_table *table)
{
    for (int i = 0; i < GLINT_TABLE_SERIES; i++)
        free(table->series[i].ns);
    for (int i = 0; i <= GLINT_STAGE_COUNT; i++)
        free(table->part[i].ns);
    free(table->whole.ns);
    *table = (struct glint_trace_table){0};
}

int glint_trace_critical(const struct glint_trace_table *t, bool slowest, double *share, double *ns)
{
    const struct glint_trace_series *latency = &t->series[GLINT_TABLE_LATENCY];
    const int64_t lo = glint_trace_rank(latency, slowest ? 990 : 250),
                  hi = slowest ? INT64_MAX : glint_trace_rank(latency, 750);
    double sum[GLINT_STAGE_COUNT + 1] = {0}, all = 0, n = 0;
    int best = -1;
    for (uint64_t f = 0; f < t->whole.n; f++) {
        if (t->whole.ns[f] < lo || t->whole.ns[f] > hi)
            continue;
        n++;
        all += (double)t->whole.ns[f];
        for (int i = 0; i <= GLINT_STAGE_COUNT; i++)
            sum[i] += (double)t->part[i].ns[f];
    }
    for (int i = 0; i <= GLINT_STAGE_COUNT && all > 0; i++)
        if (best < 0 || sum[i] > sum[best])
            best = i;
    *share = best >= 0 ? sum[best] / all : 0;
    *ns = best >= 0 ? sum[best] / n : 0;
    return best;
}
