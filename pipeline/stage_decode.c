/* pipeline/stage_decode.c - packets to returns; every packet is accounted for, by sensor. */
#include "core/status.h"
#include "pipeline/stage.h"
#include <stdlib.h>

struct decode {
    struct glint_sensors *sensors;
    struct glint_packet_returns *out; /* as large as any packet's; only what is used is touched */
};

static int init(void *priv, const struct glint_stage_env *env)
{
    struct decode *d = priv;
    d->sensors = env->sensors;
    d->out = malloc(sizeof *d->out);
    return d->out ? GLINT_OK : glint_fail(GLINT_E_NOMEM, "no memory for returns");
}

static int process(void *priv, struct glint_item item, struct glint_emit *out)
{
    struct decode *d = priv;
    const struct glint_packet_batch *batch = item.data;
    for (int32_t i = 0; i < batch->n; i++) {
        d->out->arrival_ns = batch->packets[i].arrival_ns;
        d->out->received_ns = batch->packets[i].stamp_ns;
        if (glint_sensors_take(d->sensors, &batch->packets[i], &d->out->returns, &d->out->sensor) ==
            GLINT_PACKET_LIDAR)
            GLINT_TRY(out->put(out, (struct glint_item){GLINT_ITEM_RETURNS, d->out}));
    }
    return GLINT_OK;
}

static void fini(void *priv)
{
    free(((struct decode *)priv)->out);
}

const struct glint_stage_info glint_stage_decode = {
    .name = "decode",
    .span = GLINT_STAGE_DECODE,
    .priv_size = sizeof(struct decode),
    .init = init,
    .process = process,
    .fini = fini,
};
