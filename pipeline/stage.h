/* pipeline/stage.h - what a stage is: plain data and a process function. Stages own no threads; the pipeline
 * runs them in order and takes the time around every process call.
 *
 *     source (packets) -> decode -> frame -> [merge] -> [align] -> infer -> [track] -> publish
 *     source (frames)  -------------------------------> [align] -> infer -> [track] -> publish
 *
 * A new stage is one file with one `const struct glint_stage_info`, and a line in choose_stages() of
 * pipeline.c. */
#ifndef GLINT_PIPELINE_STAGE_H
#define GLINT_PIPELINE_STAGE_H
#include "core/frame.h"
#include "core/trace.h"
#include "glint/pipeline.h"
#include "io/sensors.h"
#include "io/sink.h"
#include "io/source.h"

enum glint_item_kind {
    GLINT_ITEM_NONE,    /* what a source stage is called with */
    GLINT_ITEM_PACKETS, /* struct glint_packet_batch, the giver's: read during the call */
    GLINT_ITEM_RETURNS, /* struct glint_packet_returns, the giver's: read during the call */
    GLINT_ITEM_FRAME    /* struct glint_frame: its reference goes with it */
};

struct glint_item { /* what flows between stages */
    enum glint_item_kind kind;
    void *data;
};

#define GLINT_BATCH_PACKETS 32        /* so that queues and spans cost little per packet */
#define GLINT_BATCH_BYTES   (1 << 18) /* holds the largest datagram, or 32 of usual size */

struct glint_packet_batch {
    int32_t n;
    int64_t arrival_ns;                               /* monotonic, when the last of them was read */
    struct glint_packet packets[GLINT_BATCH_PACKETS]; /* data points into bytes */
    uint8_t *bytes;                                   /* GLINT_BATCH_BYTES */
};

struct glint_packet_returns { /* of one packet */
    struct glint_returns returns;
    int64_t arrival_ns, received_ns; /* monotonic; UTC */
    int32_t sensor;                  /* number in env->sensors */
};

struct glint_emit { /* where a stage puts its results; GLINT_E_EOF: no more are wanted, not a failure */
    int (*put)(struct glint_emit *emit, struct glint_item item);
    int64_t waited_ns; /* by the stage, for others; the chain takes it off the stage's time */
};

struct glint_peek;

/* A free frame for a stage that makes them: waits for one, which is not the stage's time. */
struct glint_frame *glint_stage_new_frame(struct glint_frame_pool *pool, struct glint_emit *out);

/* What stages are made from; all of it outlives them. */
struct glint_stage_env {
    const struct glint_pipeline_settings *settings;
    struct glint_frame_pool *frames;
    struct glint_sensors *sensors; /* of packets, with their accounts: decode and frame write them */
    struct glint_peek *peek; /* packets, those read before the first process call at first; NULL: frames */
    struct glint_loss *loss; /* of stages behind the frame's, in the input's thread: what they drop */
    bool *sink_failed;       /* one per sink: not to be finished */
};

struct glint_stage_info {
    const char *name;
    enum glint_stage
        span; /* what its time counts as; GLINT_STAGE_COUNT: the stage takes its own spans (inference) */
    size_t priv_size;
    int (*init)(void *priv, const struct glint_stage_env *env); /* fini is called also when it failed */
    /* GLINT_OK, GLINT_E_EOF (source: end of input; others: as put said), GLINT_E_AGAIN (source: nothing now),
     * or a failure. A frame handed to process is passed on by put, or given back (unref), also on failure. */
    int (*process)(void *priv, struct glint_item item, struct glint_emit *out);
    /* The source has nothing at the moment (live): what is due by now is handed on. As process; may be NULL.
     */
    int (*tick)(void *priv, int64_t utc_ns, struct glint_emit *out);
    int (*flush)(void *priv, struct glint_emit *out); /* end of input: what is still held; may be NULL */
    void (*fini)(void *priv);                         /* may be NULL */
};

extern const struct glint_stage_info glint_stage_packets, glint_stage_frames; /* the two sources */
extern const struct glint_stage_info glint_stage_decode, glint_stage_frame, glint_stage_merge,
    glint_stage_align, glint_stage_infer, glint_stage_track, glint_stage_publish;
#endif
