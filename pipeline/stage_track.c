/* pipeline/stage_track.c - a frame's boxes to objects with ids. */
#include "glint/track.h"
#include "core/status.h"
#include "pipeline/stage.h"

struct track {
    struct glint_tracker *tracker;
};

static int init(void *priv, const struct glint_stage_env *env)
{
    ((struct track *)priv)->tracker = env->settings->tracker;
    return GLINT_OK;
}

static int process(void *priv, struct glint_item item, struct glint_emit *out)
{
    const int status = glint_tracker_run(((struct track *)priv)->tracker, item.data);
    if (status < 0) {
        glint_frame_unref(item.data);
        return status;
    }
    return out->put(out, item);
}

const struct glint_stage_info glint_stage_track = {
    .name = "track",
    .span = GLINT_STAGE_TRACK,
    .priv_size = sizeof(struct track),
    .init = init,
    .process = process,
};
