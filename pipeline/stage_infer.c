/* pipeline/stage_infer.c - a frame's points to its boxes and masks. The model takes its own spans. */
#include "core/status.h"
#include "glint/model.h"
#include "pipeline/stage.h"

struct infer {
    struct glint_model *model;
};

static int init(void *priv, const struct glint_stage_env *env)
{
    ((struct infer *)priv)->model = env->settings->model;
    return GLINT_OK;
}

static int process(void *priv, struct glint_item item, struct glint_emit *out)
{
    const int status = glint_model_run(((struct infer *)priv)->model, item.data);
    if (status < 0) {
        glint_frame_unref(item.data);
        return status;
    }
    return out->put(out, item);
}

const struct glint_stage_info glint_stage_infer = {
    .name = "infer",
    .span = GLINT_STAGE_COUNT,
    .priv_size = sizeof(struct infer),
    .init = init,
    .process = process,
};
