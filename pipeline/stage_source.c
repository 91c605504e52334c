/* pipeline/stage_source.c - the two ways in: packets of a capture or a network, frames of files. */
#include "core/clock.h"
#include "core/status.h"
#include "pipeline/peek.h"
#include <stdio.h>

/* Packets: one batch per call. What a batch ended with comes after it has been handed on. */

struct packets {
    struct glint_source *source;
    struct glint_peek *peek;
};

static int packets_init(void *priv, const struct glint_stage_env *env)
{
    struct packets *p = priv;
    p->source = env->settings->source;
    p->peek = env->peek;
    return GLINT_OK;
}

static int packets_process(void *priv, struct glint_item item, struct glint_emit *out)
{
    struct packets *p = priv;
    struct glint_packet_batch *batch;
    (void)item;
    const int64_t begun_ns = glint_clock_monotonic_ns();
    const int status = glint_peek_next(p->peek, p->source, &batch);
    /* live: until the first packet came there was nothing to do */
    const int64_t came_ns = batch->n > 0 ? batch->packets[0].arrival_ns : glint_clock_monotonic_ns();
    out->waited_ns += came_ns > begun_ns ? came_ns - begun_ns : 0;
    if (batch->n == 0)
        return status;
    const bool failed = status < 0 && status != GLINT_E_EOF && status != GLINT_E_AGAIN;
    char reason[1024] = ""; /* what follows may write its own */
    if (failed)
        snprintf(reason, sizeof reason, "%s", glint_error_text());
    GLINT_TRY(out->put(out, (struct glint_item){GLINT_ITEM_PACKETS, batch}));
    return failed ? glint_fail(status, "%s", reason) : status;
}

const struct glint_stage_info glint_stage_packets = {
    .name = "source",
    .span = GLINT_STAGE_CAPTURE,
    .priv_size = sizeof(struct packets),
    .init = packets_init,
    .process = packets_process,
};

/* Frames: one per call. */

struct frames {
    struct glint_source *source;
    struct glint_frame_pool *pool;
};

static int frames_init(void *priv, const struct glint_stage_env *env)
{
    struct frames *f = priv;
    f->source = env->settings->source;
    f->pool = env->frames;
    return GLINT_OK;
}

static int frames_process(void *priv, struct glint_item item, struct glint_emit *out)
{
    struct frames *f = priv;
    (void)item;
    struct glint_frame *frame = glint_stage_new_frame(f->pool, out);
    const int status = f->source->ops->next_frame(f->source, frame);
    if (status != GLINT_OK) {
        glint_frame_unref(frame);
        return status;
    }
    frame->arrival_ns = glint_clock_monotonic_ns();
    return out->put(out, (struct glint_item){GLINT_ITEM_FRAME, frame});
}

const struct glint_stage_info glint_stage_frames = {
    .name = "source",
    .span = GLINT_STAGE_CAPTURE,
    .priv_size = sizeof(struct frames),
    .init = frames_init,
    .process = frames_process,
};
