/* pipeline/chain.h - the stages that one thread runs, and the pipeline around them; only for pipeline/. */
#ifndef GLINT_PIPELINE_CHAIN_H
#define GLINT_PIPELINE_CHAIN_H
#include "core/ring.h"
#include "pipeline/peek.h"
#include "pipeline/stage.h"
#include <pthread.h>
#include <stdatomic.h>

#define GLINT_CHAIN_STAGES 10
#define GLINT_CHAINS       3

/* Where the time of a chain goes. Exactly one stage runs at a time; what it hands on is another stage's time.
 * Several calls (packets) add up until a frame comes out of them. */
struct glint_laps {
    int64_t last_ns, start_ns;             /* charged up to; listed up to */
    int64_t ns[GLINT_STAGE_COUNT];         /* since start_ns */
    int64_t pending_ns[GLINT_STAGE_COUNT]; /* listed, but of a frame that is not complete */
    bool is_open; /* several calls are listed together: start_ns is the first one's */
};

struct glint_chain {
    struct glint_pipeline *pipeline;
    const char *name;
    int first, n;                /* its stages */
    struct glint_ring *in, *out; /* NULL: a source stage; the pipeline's end */
    int current;                 /* stage that runs, -1: none */
    int failed;                  /* stage whose process failed, -1 */
    bool cancelled;              /* the next chain takes no more */
    struct glint_laps laps;
    pthread_t thread;
    bool started;
};

struct glint_chain_out { /* where a stage puts */
    struct glint_emit emit;
    struct glint_chain *chain;
    int stage;
};

struct glint_pipeline {
    struct glint_pipeline_settings settings;
    struct glint_stage_env env;
    struct glint_frame_pool *frames;
    struct glint_decoder *own_decoder;
    struct glint_sensors *sensors; /* of packets; input's thread */
    struct glint_peek peek;
    struct glint_loss loss;      /* of the stages behind the frame's; input's thread */
    struct glint_loss last_loss; /* of the last frame made; input's thread */
    bool sink_failed[GLINT_PIPELINE_SINKS];

    int n_stages, maker; /* maker: the stage that makes frames */
    int last_input;      /* the last stage of the input's thread */
    const struct glint_stage_info *info[GLINT_CHAIN_STAGES];
    void *priv[GLINT_CHAIN_STAGES];
    struct glint_chain_out outs[GLINT_CHAIN_STAGES];
    int n_chains;
    struct glint_chain chains[GLINT_CHAINS];
    struct glint_ring *rings[GLINT_CHAINS - 1];

    uint64_t n_made; /* frames made, their numbers; input's thread */
    atomic_bool stop;
    _Atomic uint64_t frames_in, frames_published, frames_late;
    _Atomic uint64_t frames_dropped, dropped_by[GLINT_DROP_COUNT];
    _Atomic int64_t started_ns, ended_ns;
    _Atomic int32_t progress_ppm, n_told_failed;

    pthread_mutex_t mutex; /* of the first failure */
    int status;
    char reason[1024];
};

/* Keeps the calling thread's failure; false: there was one before. */
bool glint_pipeline_keep_failure(struct glint_pipeline *p, int status);

/* Counts a frame that is not published, and why. */
void glint_pipeline_count_drop(struct glint_pipeline *p, enum glint_drop why);

/* Runs the chain to its end: the input's until the source ends, fails or is stopped; others until what they
 * are given ends. Then nobody waits for it any more. */
void glint_chain_run(struct glint_chain *chain);

/* Tells the neighbours that the chain is over and drops what was still waiting for it. */
void glint_chain_end(struct glint_chain *chain);

int glint_chain_put(struct glint_emit *emit, struct glint_item item);
#endif
