/* pipeline/stage_merge.c - sweeps of several sensors to one frame; see calib/merge.h for what belongs
 * together.
 *
 * Deadlines count by the packets' stamps: when they came to this machine, now or when they were recorded.
 * What is due is handed on before a later sweep is looked at, and, while nothing comes (live input), by the
 * clock. So a recording of a live run gives the frames of that run. */
#include "calib/merge.h"
#include "core/log.h"
#include "core/status.h"
#include "pipeline/stage.h"
#include <stdio.h>
#include <string.h>

#define NOT_ASKED   0
#define NOBODY      (-1)
#define MS          INT64_C(1000000)
#define SLACK_NS    (2 * MS) /* a packet that has a stamp may still be on its way through the kernel */
#define APART_FIRST 10       /* frames in a row without a present sensor, until it is told why */

struct merging {
    const struct glint_pipeline_merge *wanted;
    struct glint_merge *merge;
    struct glint_frame_pool *pool;
    struct glint_sensors *sensors;
    struct glint_loss *loss;
    struct glint_frame *next;              /* what the merge fills; NULL: to be taken from the pool */
    int32_t place[GLINT_SENSORS_CAP];      /* of each sensor in the merge plus one; or as above */
    int64_t stamp_ns[GLINT_MERGE_SENSORS]; /* of the last sweep; 0: none yet */
    int32_t n_alone;                       /* frames in a row with one sensor although others send */
    bool told_apart;
    uint64_t n_nobody; /* sweeps of sensors that were not named */
    int64_t now_ns;
    int64_t latency_ns[GLINT_STAGE_COUNT]; /* of the sweeps since the last frame */
    uint32_t health;                       /* likewise */
};

/* Half a sweep: sensors that are not triggered together are at most so far apart. */
static int64_t window_of(const struct glint_pipeline_settings *s)
{
    const double part = s->sub_sweep_deg > 0 ? s->sub_sweep_deg / 360 : 1;
    return s->merge->window_ns ? s->merge->window_ns : (int64_t)(part * 50e6);
}

static int init(void *priv, const struct glint_stage_env *env)
{
    struct merging *m = priv;
    const struct glint_pipeline_merge *w = m->wanted = env->settings->merge;
    const int32_t stack = env->settings->stack > 1 ? env->settings->stack : 1;
    struct glint_merge_settings s = {.n_sensors = w->n_sensors,
                                     .window_ns = window_of(env->settings),
                                     .deadline_ns = w->deadline_ns ? w->deadline_ns : 100 * MS,
                                     .cap_points = env->settings->cap_points / stack};
    m->pool = env->frames;
    m->sensors = env->sensors;
    m->loss = env->loss;
    m->now_ns = INT64_MIN;
    for (int32_t i = 0; i < w->n_sensors && i < GLINT_MERGE_SENSORS; i++) {
        snprintf(s.sensor[i].name, sizeof s.sensor[i].name, "%s", w->sensor[i].name);
        s.sensor[i].mount = w->sensor[i].mount ? *w->sensor[i].mount : glint_pose_identity();
    }
    return glint_merge_open(&s, &m->merge);
}

static void fini(void *priv)
{
    struct merging *m = priv;
    glint_frame_unref(m->next);
    glint_merge_close(m->merge);
}

/* ---- whose sweep it is ---- */

static bool is_taken(const struct merging *m, int32_t place)
{
    for (int32_t i = 0; i < GLINT_SENSORS_CAP; i++)
        if (m->place[i] == place + 1)
            return true;
    return false;
}

/* The first sensor that fits a name has it. */
static int32_t find_place(const struct merging *m, const struct glint_sensor *sensor)
{
    for (int32_t i = 0; i < m->wanted->n_sensors; i++) {
        const struct glint_pipeline_merge_sensor *w = &m->wanted->sensor[i];
        if ((w->input < 0 || w->input == sensor->input) && (w->src_ip == 0 || w->src_ip == sensor->src_ip) &&
            (w->port == 0 || w->port == sensor->port) && !is_taken(m, i))
            return i + 1;
    }
    glint_log(GLINT_LOG_WARN, "%s is none of the sensors to merge: its frames are left out", sensor->name);
    return NOBODY;
}

static int32_t place_of(struct merging *m, int32_t sensor)
{
    if (m->place[sensor] == NOT_ASKED)
        m->place[sensor] = find_place(m, glint_sensors_get(m->sensors, sensor));
    return m->place[sensor] == NOBODY ? NOBODY : m->place[sensor] - 1;
}

/* ---- frames ---- */

/* Sensors that all send, but never at one time: their clocks differ. */
static void watch_clocks(struct merging *m, const struct glint_frame *frame)
{
    int64_t least = INT64_MAX, most = INT64_MIN;
    int32_t n = 0;
    for (int32_t i = 0; i < m->wanted->n_sensors; i++) {
        if (m->stamp_ns[i] == 0)
            continue;
        least = m->stamp_ns[i] < least ? m->stamp_ns[i] : least;
        most = m->stamp_ns[i] > most ? m->stamp_ns[i] : most;
        n++;
    }
    const bool alone = n > 1 && frame->missing[0] && !strchr(frame->source, '+') && most - least > 1000 * MS;
    m->n_alone = alone ? m->n_alone + 1 : 0;
    if (m->n_alone == APART_FIRST && !m->told_apart) {
        glint_log(GLINT_LOG_WARN, "the sensors' clocks are %.3f s apart: their sweeps cannot be merged",
                  (double)(most - least) * 1e-9);
        m->told_apart = true;
    }
}

/* What is lost from here on: sweeps that came too late, those of nobody, sensors that were missing. */
static void account(struct merging *m)
{
    struct glint_loss own;
    glint_merge_loss(m->merge, &own);
    m->loss->sensors_missed = own.sensors_missed;
    m->loss->frames_dropped = own.frames_dropped + m->n_nobody;
}

static void complete(struct merging *m, struct glint_frame *frame)
{
    account(m);
    frame->health |= m->health;
    m->health = 0;
    for (int i = 0; i < GLINT_STAGE_COUNT; i++) {
        frame->latency_ns[i] = m->latency_ns[i] > 0 ? m->latency_ns[i] : -1;
        m->latency_ns[i] = 0;
    }
    watch_clocks(m, frame);
}

/* What is complete or due. */
static int hand_on(struct merging *m, int64_t now_ns, bool flush, struct glint_emit *out)
{
    for (;;) {
        if (!m->next)
            m->next = glint_frame_get(m->pool, true);
        if (!m->next || glint_merge_pop(m->merge, now_ns, flush, m->next) != GLINT_OK)
            return GLINT_OK;
        struct glint_frame *frame = m->next;
        m->next = NULL;
        complete(m, frame);
        GLINT_TRY(out->put(out, (struct glint_item){GLINT_ITEM_FRAME, frame}));
    }
}

static int take(struct merging *m, const struct glint_frame *sweep, struct glint_emit *out)
{
    const int32_t place = place_of(m, sweep->sensor);
    if (place == NOBODY) {
        m->n_nobody++;
        return GLINT_OK;
    }
    m->now_ns = sweep->received_ns > m->now_ns ? sweep->received_ns : m->now_ns; /* clocks may jump back */
    GLINT_TRY(hand_on(m, m->now_ns, false, out));
    m->stamp_ns[place] = sweep->stamp_ns;
    m->health |= sweep->health;
    for (int i = 0; i < GLINT_STAGE_COUNT; i++)
        m->latency_ns[i] += sweep->latency_ns[i] > 0 ? sweep->latency_ns[i] : 0;
    glint_merge_push(m->merge, place, sweep, m->now_ns);
    return hand_on(m, m->now_ns, false, out);
}

static int process(void *priv, struct glint_item item, struct glint_emit *out)
{
    struct merging *m = priv;
    struct glint_frame *sweep = item.data;
    const int status = take(m, sweep, out);
    glint_frame_unref(sweep);
    account(m);
    return status;
}

static int tick(void *priv, int64_t utc_ns, struct glint_emit *out)
{
    struct merging *m = priv;
    if (m->now_ns == INT64_MIN || utc_ns - SLACK_NS < glint_merge_due_ns(m->merge))
        return GLINT_OK;
    m->now_ns = utc_ns - SLACK_NS > m->now_ns ? utc_ns - SLACK_NS : m->now_ns;
    return hand_on(m, m->now_ns, false, out);
}

static int flush(void *priv, struct glint_emit *out)
{
    struct merging *m = priv;
    return hand_on(m, m->now_ns, true, out);
}

const struct glint_stage_info glint_stage_merge = {
    .name = "merge",
    .span = GLINT_STAGE_ALIGN,
    .priv_size = sizeof(struct merging),
    .init = init,
    .process = process,
    .tick = tick,
    .flush = flush,
    .fini = fini,
};
