/* pipeline/stage.h - what a stage is: plain data and a process function. Stages own no threads; the pipeline runs
 * them, in order, and wraps every process call in a span. */
#ifndef GLINT_PIPELINE_STAGE_H
#define GLINT_PIPELINE_STAGE_H
#include "core/frame.h"
#include "core/trace.h"

/* What flows between stages: a frame, or whatever the stage before makes (a batch of packets). */
struct glint_item {
    enum { GLINT_ITEM_FRAME, GLINT_ITEM_PACKETS } kind;
    void *data;
};

struct glint_emit { /* where a stage puts its results */
    int (*put)(struct glint_emit *emit, struct glint_item item);
};

struct glint_stage_info {
    const char *name;
    enum glint_stage span; /* what its time counts as; GLINT_STAGE_COUNT: the stage takes its own spans (inference) */
    size_t priv_size;
    int (*init)(void *priv, const void *settings);
    /* item.data == NULL for a source stage. GLINT_OK, GLINT_E_EOF (source), GLINT_E_AGAIN, or a failure. */
    int (*process)(void *priv, struct glint_item item, struct glint_emit *out);
    int (*flush)(void *priv, struct glint_emit *out); /* end of input: what is still held; may be NULL */
    void (*reset)(void *priv);                         /* may be NULL */
    void (*fini)(void *priv);
};
#endif
