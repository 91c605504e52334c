/* pipeline/stage_align.c - a sweep's points to one moment and into the vehicle's frame; past sweeps on top.
 *
 * Each sweep is moved once, by the table of calib/deskew.h, and kept as it is then; when it is stacked onto a
 * later one of the same sensor it is moved from its moment to that one's as a whole. */
#include "calib/deskew.h"
#include "core/arena.h"
#include "core/cpu.h"
#include "core/log.h"
#include "core/status.h"
#include "pipeline/stage.h"
#include <stdlib.h>
#include <string.h>

struct sweep { /* a past one, in the vehicle's frame at its moment */
    struct glint_points points;
    int64_t reference_ns, time; /* time: of the same moment, as the trajectory counts */
};

struct history { /* ring of a sensor's past sweeps */
    int32_t n, newest;
    struct sweep past[GLINT_PIPELINE_STACK];
    struct glint_arena memory;
};

struct align {
    const struct glint_trajectory *poses;
    bool has_mount, told, begun;
    struct glint_pose mount;
    enum glint_deskew deskew;
    struct glint_loss *loss;
    glint_deskew_fn *move;
    int64_t origin; /* constant twist: the first frame's moment, where the world begins */
    struct glint_deskew_table table;

    int32_t cap_past, cap_points;               /* of a history; of a sweep */
    struct history *history[GLINT_SENSORS_CAP]; /* of each sensor, opened with its first sweep */
    bool no_memory;                             /* for a further one: told once */
};

/* ---- opening ---- */

static int reserve(struct history *h, int32_t cap_past, int32_t cap_points)
{
    const size_t n = (size_t)cap_points;
    const size_t bytes = 6 * glint_arena_round(n * 4) + glint_arena_round(n * 2) + glint_arena_round(n);
    GLINT_TRY(glint_arena_init(&h->memory, bytes * (size_t)cap_past));
    glint_arena_small_pages(&h->memory);
    for (int32_t i = 0; i < cap_past; i++)
        h->past[i].points = (struct glint_points){
            .cap = cap_points,
            .x = glint_arena_alloc(&h->memory, n * 4),
            .y = glint_arena_alloc(&h->memory, n * 4),
            .z = glint_arena_alloc(&h->memory, n * 4),
            .intensity = glint_arena_alloc(&h->memory, n * 4),
            .elongation = glint_arena_alloc(&h->memory, n * 4),
            .offset_ns = glint_arena_alloc(&h->memory, n * 4),
            .ring = glint_arena_alloc(&h->memory, n * 2),
            .ret = glint_arena_alloc(&h->memory, n),
        };
    return GLINT_OK;
}

static int open_history(struct align *a, int32_t sensor)
{
    struct history *h = calloc(1, sizeof *h);
    if (!h || reserve(h, a->cap_past, a->cap_points) < 0) {
        free(h);
        return glint_fail(GLINT_E_NOMEM, "no memory for %d past sweeps of %d points", a->cap_past,
                          a->cap_points);
    }
    a->history[sensor] = h;
    return GLINT_OK;
}

static int init(void *priv, const struct glint_stage_env *env)
{
    struct align *a = priv;
    const struct glint_pipeline_settings *s = env->settings;
    if (!s->poses && (s->deskew != GLINT_DESKEW_OFF || s->stack > 1))
        return glint_fail(GLINT_E_ARG, "deskew and stacking need poses of the vehicle");
    if (s->stack < 0 || s->stack > GLINT_PIPELINE_STACK)
        return glint_fail(GLINT_E_ARG, "a stack of %d sweeps, 1 to %d wanted", s->stack,
                          GLINT_PIPELINE_STACK);
    a->poses = s->poses;
    a->has_mount = s->mount != NULL;
    a->mount = s->mount ? *s->mount : glint_pose_identity();
    a->deskew = s->deskew;
    a->loss = env->loss;
    a->move = glint_deskew_get(glint_cpu_isa());
    a->cap_past = s->stack > 1 ? s->stack - 1 : 0;
    a->cap_points = a->cap_past > 0 ? s->cap_points / s->stack : 0;
    return a->cap_past > 0 ? open_history(a, 0) : GLINT_OK;
}

static void fini(void *priv)
{
    struct align *a = priv;
    for (int32_t i = 0; i < GLINT_SENSORS_CAP; i++)
        if (a->history[i]) {
            glint_arena_fini(&a->history[i]->memory);
            free(a->history[i]);
        }
}

/* ---- the present sweep ---- */

struct moment {
    uint32_t extent_ns;
    int64_t begin, reference; /* as the trajectory counts */
    double part;              /* of the reference in the sweep */
};

static struct moment moment_of(const struct align *a, const struct glint_frame *frame)
{
    static const double parts[] = {[GLINT_DESKEW_OFF] = 0.5,
                                   [GLINT_DESKEW_START] = 0,
                                   [GLINT_DESKEW_MIDDLE] = 0.5,
                                   [GLINT_DESKEW_END] = 1};
    struct moment m = {.part = parts[a->deskew]};
    for (int32_t i = 0; i < frame->points.n; i++)
        m.extent_ns = frame->points.offset_ns[i] > m.extent_ns ? frame->points.offset_ns[i] : m.extent_ns;
    m.begin = frame->stamp_ns;
    m.reference = m.begin + (int64_t)(m.part * m.extent_ns);
    if (a->poses && a->poses->by_frame) {
        m.begin = (int64_t)frame->index * 1000000000;
        m.reference = m.begin + (int64_t)(m.part * 1e9);
    }
    return m;
}

/* Without a pose only the mount is in the table. */
static int make_table(struct align *a, const struct glint_frame *frame, const struct moment *m)
{
    const struct glint_pose *mount = a->has_mount ? &a->mount : NULL;
    const struct glint_trajectory *poses = a->deskew == GLINT_DESKEW_OFF ? NULL : a->poses;
    if (poses && poses->by_frame)
        return glint_deskew_make_by_frame(poses, frame->index, m->extent_ns, m->part, mount, &a->table);
    return glint_deskew_make(poses, m->begin, m->extent_ns, m->reference, mount, &a->table);
}

static int note_pose(struct align *a, struct glint_frame *frame, const struct moment *m)
{
    struct glint_pose pose;
    if (!a->poses)
        return GLINT_OK;
    if (!a->begun)
        a->origin = m->reference;
    if (a->poses->constant)
        GLINT_TRY(glint_trajectory_motion(a->poses, m->reference, a->origin, &pose));
    else
        GLINT_TRY(glint_trajectory_at(a->poses, m->reference, &pose));
    a->begun = frame->has_pose = true;
    memcpy(frame->pose_position, pose.t, sizeof pose.t);
    memcpy(frame->pose_rotation, pose.q, sizeof pose.q);
    return GLINT_OK;
}

static void count_without_pose(struct align *a, struct glint_frame *frame)
{
    a->loss->frames_without_pose++;
    frame->health |= GLINT_HEALTH_BIT(GLINT_HEALTH_NO_POSE);
    if (!a->told)
        glint_log(GLINT_LOG_WARN, "frame %llu is not moved: %s", (unsigned long long)frame->index,
                  glint_error_text());
    a->told = true;
}

static void move_viewpoint(const struct align *a, struct glint_frame *frame)
{
    double at[3];
    for (int k = 0; k < 3; k++)
        at[k] = (double)frame->viewpoint[k];
    glint_pose_apply(a->mount, at, at);
    for (int k = 0; k < 3; k++)
        frame->viewpoint[k] = (float)at[k];
}

static void align(struct align *a, struct glint_frame *frame, const struct moment *m)
{
    struct glint_points *p = &frame->points;
    int status = make_table(a, frame, m);
    if (status == GLINT_OK)
        status = note_pose(a, frame, m);
    if (status < 0)
        count_without_pose(a, frame);
    frame->reference_ns = frame->stamp_ns + (int64_t)(m->part * m->extent_ns);
    frame->loss.frames_without_pose = a->loss->frames_without_pose;
    if (a->has_mount)
        move_viewpoint(a, frame);
    if (a->has_mount || a->table.n > 1)
        a->move(&a->table, p->x, p->y, p->z, p->offset_ns, p->n);
}

/* ---- past sweeps ---- */

static void copy_points(struct glint_points *to, int32_t at, const struct glint_points *from, int32_t n)
{
    const size_t count = (size_t)n;
    memcpy(to->x + at, from->x, count * sizeof *to->x);
    memcpy(to->y + at, from->y, count * sizeof *to->y);
    memcpy(to->z + at, from->z, count * sizeof *to->z);
    memcpy(to->intensity + at, from->intensity, count * sizeof *to->intensity);
    memcpy(to->ring + at, from->ring, count * sizeof *to->ring);
    memcpy(to->ret + at, from->ret, count * sizeof *to->ret);
    memcpy(to->offset_ns + at, from->offset_ns, count * sizeof *to->offset_ns);
    if (to->elongation && from->elongation)
        memcpy(to->elongation + at, from->elongation, count * sizeof *to->elongation);
}

static void keep(struct align *a, struct history *h, const struct glint_frame *frame, int32_t n,
                 const struct moment *m)
{
    h->newest = (h->newest + 1) % a->cap_past;
    struct sweep *s = &h->past[h->newest];
    s->points.n = n < s->points.cap ? n : s->points.cap;
    a->loss->points_clipped += (uint64_t)(n - s->points.n);
    copy_points(&s->points, 0, &frame->points, s->points.n);
    if (!frame->points.elongation)
        memset(s->points.elongation, 0, (size_t)s->points.n * sizeof *s->points.elongation);
    s->reference_ns = frame->reference_ns;
    s->time = m->reference;
    h->n += h->n < a->cap_past;
}

/* Behind the points that are there; what does not fit is clipped and counted. */
static int add_sweep(struct align *a, const struct sweep *s, struct glint_frame *frame,
                     const struct moment *m)
{
    struct glint_points *p = &frame->points;
    const int32_t room = p->cap - p->n, n = s->points.n < room ? s->points.n : room, at = p->n;
    struct glint_pose now_from_past;
    GLINT_TRY(glint_trajectory_motion(a->poses, s->time, m->reference, &now_from_past));
    GLINT_TRY(glint_deskew_make(NULL, 0, 0, 0, &now_from_past, &a->table));
    copy_points(p, at, &s->points, n);
    a->move(&a->table, p->x + at, p->y + at, p->z + at, p->offset_ns + at, n);
    for (int32_t i = at; i < at + n; i++)
        p->lag[i] = (float)((double)(frame->reference_ns - s->reference_ns) * 1e-9);
    p->n += n;
    a->loss->points_clipped += (uint64_t)(s->points.n - n);
    return GLINT_OK;
}

/* Of the frame's sensor; NULL when there is no memory for another one. */
static struct history *history_of(struct align *a, const struct glint_frame *frame)
{
    const int32_t i = frame->sensor;
    if (!a->history[i] && !a->no_memory && open_history(a, i) < 0) {
        glint_log(GLINT_LOG_WARN, "sweeps of %s are not stacked: %s", frame->source, glint_error_text());
        a->no_memory = true;
    }
    return a->history[i];
}

/* Newest first. The present sweep is kept before it is covered. */
static void stack(struct align *a, struct glint_frame *frame, const struct moment *m)
{
    struct history *h = a->cap_past > 0 ? history_of(a, frame) : NULL;
    if (a->cap_past == 0)
        return;
    glint_frame_use_lag(frame);
    if (!h)
        return;
    if (!frame->has_pose) {
        h->n = 0;
        return;
    }
    const int32_t n_present = frame->points.n, n_past = h->n, newest = h->newest;
    for (int32_t i = 0; i < n_past; i++)
        if (add_sweep(a, &h->past[(newest - i + a->cap_past) % a->cap_past], frame, m) < 0)
            break;
    keep(a, h, frame, n_present, m);
    frame->loss.points_clipped += a->loss->points_clipped;
}

static int process(void *priv, struct glint_item item, struct glint_emit *out)
{
    struct align *a = priv;
    struct glint_frame *frame = item.data;
    const struct moment m = moment_of(a, frame);
    align(a, frame, &m);
    stack(a, frame, &m);
    return out->put(out, item);
}

const struct glint_stage_info glint_stage_align = {
    .name = "align",
    .span = GLINT_STAGE_ALIGN,
    .priv_size = sizeof(struct align),
    .init = init,
    .process = process,
    .fini = fini,
};
