/* pipeline/stage_frame.c - returns to frames, in the vehicle's frame: those of each sensor apart. */
#include "core/status.h"
#include "io/framer.h"
#include "pipeline/stage.h"
#include <stdio.h>

struct framing {
    struct glint_framer_settings settings;
    struct glint_frame_pool *pool;
    struct glint_sensors *sensors;
    struct glint_framer *framer[GLINT_SENSORS_CAP]; /* opened with a sensor's first returns */
    struct glint_frame *frame[GLINT_SENSORS_CAP];   /* being filled; NULL before the first returns and after
                                                     * each frame */
    struct glint_loss before[GLINT_SENSORS_CAP];    /* account with the last frame, and the clock's jumps */
    uint64_t jumps[GLINT_SENSORS_CAP];
};

static int open_framer(struct framing *f, int32_t sensor)
{
    return glint_framer_open(&f->settings, glint_sensors_get(f->sensors, sensor)->decoder,
                             &f->framer[sensor]);
}

static int init(void *priv, const struct glint_stage_env *env)
{
    struct framing *f = priv;
    f->pool = env->frames;
    f->sensors = env->sensors;
    f->settings = (struct glint_framer_settings){.cut_deg = env->settings->cut_deg,
                                                 .sub_sweep_deg = env->settings->sub_sweep_deg,
                                                 .to_vehicle = !env->settings->sensor_frame};
    return open_framer(f, 0);
}

/* In what a frame is degraded, by what happened since the sensor's last one. */
static uint32_t health_of(struct framing *f, int32_t i, const struct glint_sensor *sensor)
{
    uint32_t bits = glint_health_of_loss(&f->before[i], &sensor->loss);
    if (sensor->decoder->time_scale == GLINT_TIME_CAPTURE)
        bits |= GLINT_HEALTH_BIT(GLINT_HEALTH_CLOCK_NOT_SET);
    if (sensor->clock.jumps > f->jumps[i])
        bits |= GLINT_HEALTH_BIT(GLINT_HEALTH_CLOCK_JUMPED);
    f->before[i] = sensor->loss;
    f->jumps[i] = sensor->clock.jumps;
    return bits;
}

/* The framer has counted the points; the packets are counted by the sensor. */
static int hand_on(struct framing *f, int32_t i, struct glint_emit *out)
{
    struct glint_frame *frame = f->frame[i];
    struct glint_sensor *sensor = glint_sensors_get(f->sensors, i);
    sensor->loss.points_dropped = frame->loss.points_dropped;
    sensor->loss.points_clipped = frame->loss.points_clipped;
    sensor->frames++;
    frame->loss = sensor->loss;
    frame->health |= health_of(f, i, sensor);
    frame->sensor = i;
    snprintf(frame->source, sizeof frame->source, "%s", sensor->name);
    frame->name[0] = '\0'; /* by its number among all sensors' frames */
    f->frame[i] = NULL;
    return out->put(out, (struct glint_item){GLINT_ITEM_FRAME, frame});
}

static int process(void *priv, struct glint_item item, struct glint_emit *out)
{
    struct framing *f = priv;
    const struct glint_packet_returns *packet = item.data;
    const int32_t k = packet->sensor;
    if (!f->framer[k])
        GLINT_TRY(open_framer(f, k));
    for (int32_t pos = 0;;) {
        if (!f->frame[k])
            f->frame[k] = glint_stage_new_frame(f->pool, out);
        const int32_t before = f->frame[k]->points.n;
        const int status = glint_framer_push(f->framer[k], &packet->returns, &pos, f->frame[k]);
        if (f->frame[k]->points.n > before)
            f->frame[k]->arrival_ns = packet->arrival_ns;
        f->frame[k]->received_ns = packet->received_ns;
        if (status != GLINT_OK)
            return status == GLINT_E_AGAIN ? GLINT_OK : status;
        GLINT_TRY(hand_on(f, k, out));
    }
}

static int flush(void *priv, struct glint_emit *out)
{
    struct framing *f = priv;
    for (int32_t i = 0; i < GLINT_SENSORS_CAP; i++)
        if (f->frame[i] && f->frame[i]->points.n > 0)
            GLINT_TRY(hand_on(f, i, out));
    return GLINT_OK;
}

static void fini(void *priv)
{
    struct framing *f = priv;
    for (int32_t i = 0; i < GLINT_SENSORS_CAP; i++) {
        glint_frame_unref(f->frame[i]);
        glint_framer_close(f->framer[i]);
    }
}

const struct glint_stage_info glint_stage_frame = {
    .name = "frame",
    .span = GLINT_STAGE_FRAME,
    .priv_size = sizeof(struct framing),
    .init = init,
    .process = process,
    .flush = flush,
    .fini = fini,
};
