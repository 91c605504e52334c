/* io/source_merge.c - see source_merge.h. Each input is read one sweep ahead; the sweep that ends first is
 * pushed next. */
#include "io/source_merge.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS                  INT64_C(1000000)
#define POINTS_UNLESS_KNOWN 300000

struct reader { /* of one input */
    struct glint_source *source;
    struct glint_frame_pool *pool;
    struct glint_frame *sweep; /* the next one, whole when `ready` */
    bool ready, ended;
};

struct merged {
    struct glint_source base;
    int32_t n;
    struct reader reader[GLINT_MERGE_SENSORS];
    struct glint_merge *merge;
    int32_t cap_points;
    int64_t now_ns;
    int status; /* the first failure of an input */
    char reason[1024];
};

/* ---- one input ---- */

static int read_frame(struct reader *r)
{
    GLINT_TRY(r->source->ops->next_frame(r->source, r->sweep));
    if (r->sweep->stamp_ns == 0)
        return glint_fail(GLINT_E_UNSUPPORTED, "%s: frames without time stamps cannot be merged",
                          r->source->path);
    r->ready = true;
    return GLINT_OK;
}

/* The next sweep into r->sweep; a failure is kept and ends the input. */
static void read_ahead(struct merged *m, struct reader *r)
{
    if (r->ended)
        return;
    glint_frame_unref(r->sweep);
    r->sweep = glint_frame_get(r->pool, false);
    const int status = read_frame(r);
    r->ended = status < 0;
    if (status < 0 && status != GLINT_E_EOF && m->status == GLINT_OK) {
        m->status = status;
        snprintf(m->reason, sizeof m->reason, "%s", glint_error_text());
    }
}

static int64_t end_of(const struct glint_frame *f)
{
    uint32_t extent = 0;
    for (int32_t i = 0; i < f->points.n; i++)
        extent = f->points.offset_ns[i] > extent ? f->points.offset_ns[i] : extent;
    return f->stamp_ns + extent;
}

/* ---- all of them ---- */

/* Pushes the sweep that ends first; false when there is none. */
static bool push_next(struct merged *m)
{
    int32_t first = -1;
    int64_t first_end = INT64_MAX;
    for (int32_t i = 0; i < m->n; i++) {
        const int64_t end = m->reader[i].ready ? end_of(m->reader[i].sweep) : INT64_MAX;
        if (end < first_end) {
            first_end = end;
            first = i;
        }
    }
    if (first < 0)
        return false;
    m->now_ns = first_end > m->now_ns ? first_end : m->now_ns; /* clocks that jump back do not count */
    glint_merge_push(m->merge, first, m->reader[first].sweep, m->now_ns);
    m->reader[first].ready = false;
    read_ahead(m, &m->reader[first]);
    return true;
}

static int next_frame(struct glint_source *source, struct glint_frame *frame)
{
    struct merged *m = (struct merged *)source;
    bool more = true;
    while (glint_merge_pop(m->merge, m->now_ns, !more, frame) != GLINT_OK) {
        if (!more) {
            const int status = m->status;
            m->status = GLINT_OK; /* told once; then it is the end */
            return status < 0 ? glint_fail(status, "%s", m->reason) : GLINT_E_EOF;
        }
        more = push_next(m);
    }
    return GLINT_OK;
}

static int32_t cap_points(struct glint_source *source)
{
    return ((struct merged *)source)->cap_points;
}

static double progress(struct glint_source *source)
{
    const struct merged *m = (const struct merged *)source;
    double least = 1;
    for (int32_t i = 0; i < m->n; i++) {
        struct glint_source *s = m->reader[i].source;
        const double part = m->reader[i].ended ? 1 : s->ops->progress ? s->ops->progress(s) : -1;
        least = part < least ? part : least;
    }
    return least;
}

static void close_reader(struct reader *r)
{
    glint_frame_unref(r->sweep);
    glint_frame_pool_close(r->pool);
    glint_source_close(r->source);
}

static void close_all(struct glint_source *source)
{
    struct merged *m = (struct merged *)source;
    for (int32_t i = 0; i < m->n; i++)
        close_reader(&m->reader[i]);
    glint_merge_close(m->merge);
    free(m);
}

static const struct glint_source_ops ops = {.name = "merge",
                                            .next_frame = next_frame,
                                            .cap_points = cap_points,
                                            .progress = progress,
                                            .close = close_all};

/* ---- opening ---- */

static int open_reader(struct merged *m, struct reader *r, const char *path)
{
    GLINT_TRY(glint_source_open(path, NULL, &r->source));
    if (!r->source->ops->next_frame)
        return glint_fail(GLINT_E_ARG, "%s: a capture: its packets are merged by the pipeline", path);
    int32_t cap = r->source->ops->cap_points ? r->source->ops->cap_points(r->source) : 0;
    cap = cap > 0 ? cap : POINTS_UNLESS_KNOWN;
    m->cap_points += cap;
    const size_t used = strlen(m->base.path);
    snprintf(m->base.path + used, sizeof m->base.path - used, "%s%s", used ? " + " : "", path);
    return glint_frame_pool_open(1, cap, 0, &r->pool);
}

static int open_merge(struct merged *m, const struct glint_source_merge_settings *s)
{
    struct glint_merge_settings merge = {.n_sensors = s->n_inputs,
                                         .window_ns = s->window_ns ? s->window_ns : 50 * MS,
                                         .deadline_ns = s->deadline_ns ? s->deadline_ns : 100 * MS,
                                         .cap_points = m->cap_points};
    for (int32_t i = 0; i < s->n_inputs; i++) {
        snprintf(merge.sensor[i].name, sizeof merge.sensor[i].name, "%s", s->input[i].name);
        merge.sensor[i].mount = s->input[i].mount;
    }
    return glint_merge_open(&merge, &m->merge);
}

int glint_source_merge_open(const struct glint_source_merge_settings *settings,
                            struct glint_source **source_out)
{
    *source_out = NULL;
    if (settings->n_inputs < 1 || settings->n_inputs > GLINT_MERGE_SENSORS)
        return glint_fail(GLINT_E_ARG, "merging %d inputs, 1 to %d wanted", settings->n_inputs,
                          GLINT_MERGE_SENSORS);
    struct merged *m = calloc(1, sizeof *m);
    if (!m)
        return glint_fail(GLINT_E_NOMEM, "no memory for a source");
    m->base.ops = &ops;
    m->now_ns = INT64_MIN;
    int status = GLINT_OK;
    for (; m->n < settings->n_inputs && status == GLINT_OK; m->n++)
        status = open_reader(m, &m->reader[m->n], settings->input[m->n].path);
    if (status == GLINT_OK)
        status = open_merge(m, settings);
    if (status < 0) {
        close_all(&m->base);
        return status;
    }
    for (int32_t i = 0; i < m->n; i++)
        read_ahead(m, &m->reader[i]);
    *source_out = &m->base;
    return GLINT_OK;
}
