/* calib/merge.c - see merge.h. Groups lie in order of their stamps; each has the memory of a whole frame. */
#include "calib/merge.h"
#include "calib/deskew.h"
#include "core/arena.h"
#include "core/cpu.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLOCK_SET_NS                                                                                         \
    INT64_C(1000000000) /* a sweep so much older than its deadline is of a clock set back                    \
                         */

struct part { /* a sensor's sweep in a group */
    bool there;
    int32_t from, n; /* its points */
    int64_t stamp_ns;
};

struct group {
    int64_t stamp_ns, begun_ns; /* stamp: of the sweep that began it */
    int64_t arrival_ns, received_ns;
    int32_t n_there;
    struct part part[GLINT_MERGE_SENSORS];
    struct glint_points points;
    bool has_elongation;
};

struct glint_merge {
    struct glint_merge_settings s;
    int32_t n_open;
    struct group *group[GLINT_MERGE_GROUPS]; /* those open come first, oldest first */
    struct group memory[GLINT_MERGE_GROUPS];
    struct glint_arena arena;
    struct glint_loss loss[GLINT_MERGE_SENSORS]; /* of each sensor's last sweep */
    uint64_t n_late, n_clipped, n_missed;
    bool has_gone;
    int64_t gone_ns; /* stamp of the last group that went out */
    glint_deskew_fn *move;
    struct glint_deskew_table mount[GLINT_MERGE_SENSORS];
};

/* ---- opening ---- */

static int check(const struct glint_merge_settings *s)
{
    if (s->n_sensors < 1 || s->n_sensors > GLINT_MERGE_SENSORS || s->window_ns < 0 || s->deadline_ns <= 0 ||
        s->cap_points < 1)
        return glint_fail(
            GLINT_E_ARG,
            "merging %d sensors, window %lld ns, deadline %lld ns, %d points: 1 to %d, >= 0, > 0 and > 0 "
            "wanted",
            s->n_sensors, (long long)s->window_ns, (long long)s->deadline_ns, s->cap_points,
            GLINT_MERGE_SENSORS);
    return GLINT_OK;
}

static struct glint_points carve(struct glint_arena *a, int32_t cap)
{
    const size_t n = (size_t)cap;
    return (struct glint_points){
        .cap = cap,
        .x = glint_arena_alloc(a, n * 4),
        .y = glint_arena_alloc(a, n * 4),
        .z = glint_arena_alloc(a, n * 4),
        .intensity = glint_arena_alloc(a, n * 4),
        .elongation = glint_arena_alloc(a, n * 4),
        .offset_ns = glint_arena_alloc(a, n * 4),
        .ring = glint_arena_alloc(a, n * 2),
        .ret = glint_arena_alloc(a, n),
    };
}

int glint_merge_open(const struct glint_merge_settings *settings, struct glint_merge **merge_out)
{
    *merge_out = NULL;
    GLINT_TRY(check(settings));
    struct glint_merge *m = calloc(1, sizeof *m);
    const size_t n = (size_t)settings->cap_points;
    const size_t bytes = 6 * glint_arena_round(n * 4) + glint_arena_round(n * 2) + glint_arena_round(n);
    if (!m || glint_arena_init(&m->arena, GLINT_MERGE_GROUPS * bytes) < 0) {
        free(m);
        return glint_fail(GLINT_E_NOMEM, "no memory for %d groups of %d points", GLINT_MERGE_GROUPS,
                          settings->cap_points);
    }
    glint_arena_small_pages(&m->arena); /* groups are seldom full */
    m->s = *settings;
    m->move = glint_deskew_get(glint_cpu_isa());
    for (int i = 0; i < GLINT_MERGE_GROUPS; i++) {
        m->group[i] = &m->memory[i];
        m->group[i]->points = carve(&m->arena, settings->cap_points);
    }
    for (int32_t i = 0; i < m->s.n_sensors; i++)
        (void)glint_deskew_make(NULL, 0, 0, 0, &m->s.sensor[i].mount,
                                &m->mount[i]); /* no poses: cannot fail */
    *merge_out = m;
    return GLINT_OK;
}

void glint_merge_close(struct glint_merge *merge)
{
    if (!merge)
        return;
    glint_arena_fini(&merge->arena);
    free(merge);
}

/* ---- groups ---- */

static int64_t apart(int64_t a, int64_t b)
{
    return a > b ? a - b : b - a;
}

/* An open group that the sweep belongs to and that waits for its sensor. */
static struct group *find(struct glint_merge *m, int32_t which, int64_t stamp_ns)
{
    for (int32_t i = 0; i < m->n_open; i++)
        if (!m->group[i]->part[which].there && apart(m->group[i]->stamp_ns, stamp_ns) <= m->s.window_ns)
            return m->group[i];
    return NULL;
}

/* A new group at its place by stamp; there is room. */
static struct group *begin(struct glint_merge *m, int64_t stamp_ns, int64_t now_ns)
{
    struct group *g = m->group[m->n_open];
    int32_t at = m->n_open++;
    for (; at > 0 && m->group[at - 1]->stamp_ns > stamp_ns; at--)
        m->group[at] = m->group[at - 1];
    m->group[at] = g;
    const struct glint_points points = g->points;
    memset(g, 0, sizeof *g);
    g->points = points;
    g->points.n = 0;
    g->stamp_ns = stamp_ns;
    g->begun_ns = now_ns;
    return g;
}

static void add(struct glint_merge *m, struct group *g, int32_t which, const struct glint_frame *sweep)
{
    const struct glint_points *from = &sweep->points;
    struct glint_points *to = &g->points;
    const int32_t room = to->cap - to->n, n = from->n < room ? from->n : room, at = to->n;
    const size_t count = (size_t)n;
    memcpy(to->x + at, from->x, count * sizeof *to->x);
    memcpy(to->y + at, from->y, count * sizeof *to->y);
    memcpy(to->z + at, from->z, count * sizeof *to->z);
    memcpy(to->intensity + at, from->intensity, count * sizeof *to->intensity);
    memcpy(to->offset_ns + at, from->offset_ns, count * sizeof *to->offset_ns);
    memcpy(to->ring + at, from->ring, count * sizeof *to->ring);
    memcpy(to->ret + at, from->ret, count * sizeof *to->ret);
    if (from->elongation)
        memcpy(to->elongation + at, from->elongation, count * sizeof *to->elongation);
    else
        memset(to->elongation + at, 0, count * sizeof *to->elongation);
    m->move(&m->mount[which], to->x + at, to->y + at, to->z + at, to->offset_ns + at, n);
    g->has_elongation |= from->elongation != NULL;
    g->part[which] = (struct part){true, at, n, sweep->stamp_ns};
    g->n_there++;
    g->arrival_ns = sweep->arrival_ns > g->arrival_ns ? sweep->arrival_ns : g->arrival_ns;
    g->received_ns = sweep->received_ns > g->received_ns ? sweep->received_ns : g->received_ns;
    to->n += n;
    m->n_clipped += (uint64_t)(from->n - n);
}

void glint_merge_push(struct glint_merge *m, int32_t which, const struct glint_frame *sweep, int64_t now_ns)
{
    m->loss[which] = sweep->loss;
    struct group *g = find(m, which, sweep->stamp_ns);
    const int64_t since_ns = sweep->stamp_ns - m->gone_ns;
    const bool late =
        m->has_gone && since_ns <= m->s.window_ns && since_ns > -(m->s.deadline_ns + CLOCK_SET_NS);
    if (!g && (late || m->n_open == GLINT_MERGE_GROUPS)) { /* full only when the caller does not pop */
        m->n_late++;
        return;
    }
    add(m, g ? g : begin(m, sweep->stamp_ns, now_ns), which, sweep);
}

void glint_merge_loss(const struct glint_merge *m, struct glint_loss *loss_out)
{
    *loss_out = (struct glint_loss){
        .frames_dropped = m->n_late, .points_clipped = m->n_clipped, .sensors_missed = m->n_missed};
}

int64_t glint_merge_due_ns(const struct glint_merge *m)
{
    return m->n_open > 0 ? m->group[0]->begun_ns + m->s.deadline_ns : INT64_MAX;
}

/* ---- going out ---- */

static void append(char *text, size_t size, const char *separator, const char *name)
{
    const size_t used = strlen(text);
    snprintf(text + used, size - used, "%s%s", used ? separator : "", name);
}

static void add_loss(struct glint_loss *sum, const struct glint_loss *one)
{
    sum->packets_received += one->packets_received;
    sum->packets_decoded += one->packets_decoded;
    sum->packets_malformed += one->packets_malformed;
    sum->packets_foreign += one->packets_foreign;
    sum->packets_lost += one->packets_lost;
    sum->packets_duplicate += one->packets_duplicate;
    sum->packets_dropped += one->packets_dropped;
    sum->points_dropped += one->points_dropped;
    sum->points_clipped += one->points_clipped;
    sum->frames_dropped += one->frames_dropped;
}

/* Offsets count from the earliest stamp; u32 holds 4 s. */
static void shift_offsets(struct glint_points *p, const struct part *part, int64_t stamp_ns)
{
    const uint64_t by = (uint64_t)(part->stamp_ns - stamp_ns);
    for (int32_t i = part->from; i < part->from + part->n && i < p->n; i++) {
        const uint64_t o = p->offset_ns[i] + by;
        p->offset_ns[i] = o > UINT32_MAX ? UINT32_MAX : (uint32_t)o;
    }
}

static void copy_points(const struct group *g, struct glint_frame *frame)
{
    struct glint_points *to = &frame->points;
    const struct glint_points *from = &g->points;
    to->n = from->n < to->cap ? from->n : to->cap;
    const size_t n = (size_t)to->n;
    memcpy(to->x, from->x, n * sizeof *to->x);
    memcpy(to->y, from->y, n * sizeof *to->y);
    memcpy(to->z, from->z, n * sizeof *to->z);
    memcpy(to->intensity, from->intensity, n * sizeof *to->intensity);
    memcpy(to->offset_ns, from->offset_ns, n * sizeof *to->offset_ns);
    memcpy(to->ring, from->ring, n * sizeof *to->ring);
    memcpy(to->ret, from->ret, n * sizeof *to->ret);
    if (!g->has_elongation)
        return;
    glint_frame_use_elongation(frame);
    memcpy(to->elongation, from->elongation, n * sizeof *to->elongation);
}

static void fill(struct glint_merge *m, const struct group *g, struct glint_frame *frame)
{
    int64_t stamp = INT64_MAX;
    copy_points(g, frame);
    m->n_clipped += (uint64_t)(g->points.n - frame->points.n);
    for (int32_t i = 0; i < m->s.n_sensors; i++)
        if (g->part[i].there && g->part[i].stamp_ns < stamp)
            stamp = g->part[i].stamp_ns;
    for (int32_t i = 0; i < m->s.n_sensors; i++) {
        const struct part *part = &g->part[i];
        add_loss(&frame->loss, &m->loss[i]);
        if (part->there)
            shift_offsets(&frame->points, part, stamp);
        m->n_missed += !part->there;
        append(part->there ? frame->source : frame->missing,
               part->there ? sizeof frame->source : sizeof frame->missing, part->there ? "+" : ",",
               m->s.sensor[i].name);
    }
    frame->stamp_ns = stamp;
    glint_frame_no_viewpoint(frame);
    frame->arrival_ns = g->arrival_ns;
    frame->received_ns = g->received_ns;
    frame->loss.points_clipped += m->n_clipped;
    frame->loss.frames_dropped += m->n_late;
    frame->loss.sensors_missed = m->n_missed;
}

int glint_merge_pop(struct glint_merge *m, int64_t now_ns, bool flush, struct glint_frame *frame)
{
    if (m->n_open == 0)
        return GLINT_E_AGAIN;
    struct group *g = m->group[0];
    const bool due = now_ns >= glint_merge_due_ns(m), full = m->n_open == GLINT_MERGE_GROUPS;
    /* A complete younger group shows that the sensors missing in this one have gone on. */
    bool passed = false;
    for (int32_t i = 1; i < m->n_open; i++)
        passed |= m->group[i]->n_there == m->s.n_sensors;
    if (g->n_there < m->s.n_sensors && !due && !flush && !full && !passed)
        return GLINT_E_AGAIN;
    fill(m, g, frame);
    m->has_gone = true;
    m->gone_ns = g->stamp_ns;
    m->n_open--;
    memmove(m->group, m->group + 1, (size_t)m->n_open * sizeof m->group[0]);
    m->group[m->n_open] = g;
    return GLINT_OK;
}
