/* pipeline/stage_publish.c - a frame to all sinks, in order. */
#include "core/clock.h"
#include "core/status.h"
#include "pipeline/stage.h"

struct publish {
    struct glint_sink *const *sinks;
    int32_t n_sinks;
    bool *failed; /* n_sinks */
    struct glint_trace *trace;
    int64_t deadline_ns; /* 0: none */
    uint64_t next;       /* number of the frame that comes if none is dropped */
};

static int init(void *priv, const struct glint_stage_env *env)
{
    struct publish *p = priv;
    p->sinks = env->settings->sinks;
    p->n_sinks = env->settings->n_sinks;
    p->failed = env->sink_failed;
    p->trace = env->settings->trace;
    p->deadline_ns = env->settings->deadline_ns;
    p->next = env->settings->first_frame;
    return GLINT_OK;
}

/* What shows at the end of the way only. Frames that were dropped are told by their numbers, so that it is
 * the same frame that tells it with one thread or several. */
static void note_health(struct publish *p, struct glint_frame *frame)
{
    if (frame->index > p->next)
        frame->health |= GLINT_HEALTH_BIT(GLINT_HEALTH_FRAMES_SKIPPED);
    if (p->deadline_ns > 0 && frame->total_ns > p->deadline_ns)
        frame->health |= GLINT_HEALTH_BIT(GLINT_HEALTH_LATE);
    p->next = frame->index + 1;
}

static int process(void *priv, struct glint_item item, struct glint_emit *out)
{
    struct publish *p = priv;
    struct glint_frame *frame = item.data;
    glint_trace_counter(p->trace, "points", frame->points.n);
    glint_trace_counter(p->trace, "boxes", frame->n_boxes);
    glint_trace_counter(p->trace, "packets lost", (double)frame->loss.packets_lost);
    frame->total_ns =
        frame->arrival_ns > 0 ? glint_clock_monotonic_ns() - frame->arrival_ns : 0; /* for sinks */
    note_health(p, frame);
    for (int32_t i = 0; i < p->n_sinks; i++) {
        const int status = p->sinks[i]->ops->write(p->sinks[i], frame);
        if (status < 0) {
            p->failed[i] = true;
            glint_frame_unref(frame);
            return status;
        }
    }
    return out->put(out, item);
}

const struct glint_stage_info glint_stage_publish = {
    .name = "publish",
    .span = GLINT_STAGE_PUBLISH,
    .priv_size = sizeof(struct publish),
    .init = init,
    .process = process,
};
