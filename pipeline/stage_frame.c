/* pipeline/stage_frame.c - returns to frames, in the vehicle's frame. */
#include "core/status.h"
#include "io/framer.h"
#include "pipeline/stage.h"

struct framing {
    struct glint_framer *framer;
    struct glint_frame_pool *pool;
    const struct glint_loss *loss;
    struct glint_frame *frame; /* being filled; NULL before the first returns and after each frame */
};

static int init(void *priv, const struct glint_stage_env *env)
{
    struct framing *f = priv;
    f->pool = env->frames;
    f->loss = env->loss;
    const struct glint_framer_settings settings = {.cut_deg = env->settings->cut_deg,
                                                   .sub_sweep_deg = env->settings->sub_sweep_deg,
                                                   .to_vehicle = !env->settings->sensor_frame};
    return glint_framer_open(&settings, env->decoder, &f->framer);
}

/* The framer has counted the points; the packets are counted here. */
static int hand_on(struct framing *f, struct glint_emit *out)
{
    struct glint_frame *frame = f->frame;
    const uint64_t dropped = frame->loss.points_dropped, clipped = frame->loss.points_clipped;
    frame->loss = *f->loss;
    frame->loss.points_dropped = dropped;
    frame->loss.points_clipped = clipped;
    f->frame = NULL;
    return out->put(out, (struct glint_item){GLINT_ITEM_FRAME, frame});
}

static int process(void *priv, struct glint_item item, struct glint_emit *out)
{
    struct framing *f = priv;
    const struct glint_packet_returns *packet = item.data;
    for (int32_t pos = 0;;) {
        if (!f->frame)
            f->frame = glint_frame_get(f->pool, true);
        const int32_t before = f->frame->points.n;
        const int status = glint_framer_push(f->framer, &packet->returns, &pos, f->frame);
        if (f->frame->points.n > before)
            f->frame->arrival_ns = packet->arrival_ns;
        if (status != GLINT_OK)
            return status == GLINT_E_AGAIN ? GLINT_OK : status;
        GLINT_TRY(hand_on(f, out));
    }
}

static int flush(void *priv, struct glint_emit *out)
{
    struct framing *f = priv;
    return f->frame && f->frame->points.n > 0 ? hand_on(f, out) : GLINT_OK;
}

static void fini(void *priv)
{
    struct framing *f = priv;
    glint_frame_unref(f->frame);
    glint_framer_close(f->framer);
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
