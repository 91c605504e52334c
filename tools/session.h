/* tools/session.h - inputs, one after the other, or the network, through a pipeline to the outputs: what run,
 * live, decode and bench share. */
#ifndef GLINT_TOOLS_SESSION_H
#define GLINT_TOOLS_SESSION_H
#include "glint/model.h"
#include "glint/pipeline.h"
#include "io/source_nuscenes.h"
#include "tools/progress.h"
#include "tools/report.h"
#include "tools/shared_options.h"

#define GLINT_SESSION_INPUTS  4096
#define GLINT_SESSION_SENSORS 64

struct glint_session { /* start with all zero, fill the first part */
    const char *const *inputs;
    int32_t n_inputs;
    struct glint_source *live;               /* instead of inputs: of the network; stays the caller's */
    struct glint_source *reader;             /* what is read instead: live behind it; NULL: live itself */
    const struct glint_sensor_place *places; /* live: the sensors that are expected */
    int32_t n_places;                        /* 0: any */
    bool is_service;                         /* frames that fail are dropped, and the run goes on */
    void (*on_open)(void *ctx);              /* the pipeline is ready; may be NULL */
    int32_t queue;                           /* live: frames that may wait before the oldest is dropped */
    const char *sensor, *calib;
    uint64_t first_frame, end_frame;           /* of each input */
    int32_t n_threads;                         /* 1: one thread for all */
    bool no_progress;                          /* no bar on the terminal */
    const char *topic;                         /* of recordings of messages; NULL: the only one */
    bool skip_corrupt;                         /* damaged records are counted */
    const struct glint_motion_options *motion; /* NULL: points stay as measured */
    struct glint_model *model;                 /* NULL: points only */
    int (*open_model)(void *ctx, int32_t cap_points,
                      struct glint_model **model_out); /* live: in place of model, see glint/pipeline.h */
    enum glint_time_scale time_scale;                  /* of the sensors' dates; UNKNOWN: told by them */
    float cut_deg, sub_sweep_deg;                      /* see glint/pipeline.h */
    int64_t deadline_ns;                               /* likewise */
    enum glint_late late;
    struct glint_tracker *tracker; /* NULL: none; goes on from input to input */
    struct glint_trace *trace;
    struct glint_outputs *outputs;
    struct glint_nuscenes_stack nuscenes; /* past sweeps of datasets: what the model wants */
    void (*on_frame)(void *ctx, const struct glint_frame *frame); /* after the outputs; may be NULL */
    void *ctx;

    /* Results, of all inputs. */
    uint64_t n_frames, n_points, n_boxes;
    uint64_t frames_in, frames_dropped; /* in = n_frames + dropped */
    uint64_t dropped_by[GLINT_DROP_COUNT];
    uint64_t frames_degraded,
        health[GLINT_HEALTH_COUNT]; /* published frames with any, with each health bit */
    struct glint_loss loss;
    int32_t
        n_sensors; /* of captures and the network, in the inputs' order; the first ones when there are more */
    struct glint_pipeline_sensor sensors[GLINT_SESSION_SENSORS];
    int64_t wall_ns;
    struct glint_samples samples;
    char sensor_name[64]; /* of the last capture */

    /* private */
    bool told_unused;
    uint64_t base, next; /* number of the input's first frame, and of the frame after the last one seen */
    int output_status;   /* of the first output that failed; open_model may set it */
    int32_t at;
    struct glint_pipeline *pipeline;
    struct glint_progress progress;
};

/* What the options say, into the first part. options and inputs outlive the session. */
void glint_session_set(struct glint_session *s, const struct glint_shared_options *options,
                       const char *const *inputs, int32_t n_inputs);

/* The most points a frame of any input can have: for the model's settings. Opens every input once, so that
 * one that cannot be read is told before anything starts: prints its line and returns its exit code. */
int glint_session_probe(struct glint_session *s, int32_t *cap_points_out);

/* How often SIGHUP came while a live session ran (outputs are opened anew by it, unless a terminal sent it).
 */
int32_t glint_session_hangups(void);

/* Runs all inputs; frames are numbered on through all of them. An input that fails is told (one line) and the
 * next one goes on; an output that fails ends it, as does Ctrl-C. Returns the exit code of the first failure.
 */
int glint_session_run(struct glint_session *s);
#endif
