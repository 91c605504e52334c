/* glint/pipeline.h - the way from an input to its results: source, decoder and framer, model, sinks, in
 * order.
 *
 *     struct glint_pipeline_settings s;
 *     glint_pipeline_settings_default(&s);
 *     s.source = source;
 *     s.cap_points = glint_pipeline_cap_points(source, NULL);
 *     ... open a model with the same cap_points: s.model = model; sinks: s.sinks[s.n_sinks++] = sink ...
 *     int status = glint_pipeline_open(&s, &pipeline);
 *     if (status == GLINT_OK)
 *         status = glint_pipeline_run(pipeline); // until the input ends, stop() or a failure
 *     glint_pipeline_stats(pipeline, &stats);    // before close
 *     glint_pipeline_close(pipeline);            // then close model, source, trace
 *
 * The same settings give the same results in the same order with one thread or several (but with a deadline).
 */
#ifndef GLINT_PIPELINE_H
#define GLINT_PIPELINE_H
#include "glint/frame.h"
#include "glint/status.h"

#ifdef __cplusplus
extern "C" {
#endif

struct glint_pipeline;
struct glint_source;
struct glint_decoder;
struct glint_model;
struct glint_sink;
struct glint_trace;
struct glint_tracker;
struct glint_trajectory;   /* calib/trajectory.h */
struct glint_pose;         /* calib/pose.h */
struct glint_sensor_place; /* io/sensors.h */

enum glint_queue_policy {
    GLINT_QUEUE_WAIT,  /* nothing is dropped, the input waits: recorded data */
    GLINT_QUEUE_NEWEST /* the input never waits, the oldest waiting frame is dropped and counted: live data */
};

/* What becomes of a frame that is older than the deadline: since its last point came to this machine. */
enum glint_late {
    GLINT_LATE_MARK, /* published, with GLINT_HEALTH_LATE in its health */
    GLINT_LATE_SKIP  /* dropped: before inference, which then goes on with the newest frame, or before
                      * publishing. Tracks are updated by it all the same */
};

/* Why frames are dropped, each counted apart. X(ENUM, name) */
#define GLINT_DROP_MAP(X)                                                                                    \
    X(QUEUE, queue)   /* a newer one took its place in a queue (GLINT_QUEUE_NEWEST) */                       \
    X(LATE, late)     /* past the deadline (GLINT_LATE_SKIP) */                                              \
    X(FAILED, failed) /* a stage or a sink failed with it, or it waited when one did */                      \
    X(INPUT, input)   /* a file that could not be read */

enum glint_drop {
#define GLINT_DROP_ENUM(upper, name) GLINT_DROP_##upper,
    GLINT_DROP_MAP(GLINT_DROP_ENUM)
#undef GLINT_DROP_ENUM
        GLINT_DROP_COUNT
};
const char *glint_drop_name(enum glint_drop why); /* "queue" */

/* The moment of a sweep that its points are moved to. */
enum glint_deskew { GLINT_DESKEW_OFF, GLINT_DESKEW_START, GLINT_DESKEW_MIDDLE, GLINT_DESKEW_END };

#define GLINT_PIPELINE_SINKS 16
#define GLINT_PIPELINE_STACK 32
#define GLINT_PIPELINE_MERGE 16

/* Frames of several sensors to one, in the vehicle's frame (calib/merge.h says which belong together). It
 * goes out when all are there, or deadline_ns after the first of them came: with what is there then, and the
 * names of those that are missing in `missing`. Sensors that fit no name are left out (counted, told once).
 */
struct glint_pipeline_merge {
    int32_t n_sensors;
    struct glint_pipeline_merge_sensor {
        const char *name;
        const struct glint_pose *mount; /* vehicle from sensor; NULL: its points are in the vehicle's frame */
        int32_t input;                  /* whose packets: of a source of several; -1: any */
        uint32_t src_ip;                /* host order, 0: any */
        uint16_t port;                  /* where its lidar packets go to, 0: any */
    } sensor[GLINT_PIPELINE_MERGE];
    int64_t window_ns, deadline_ns; /* 0: 50 ms (of parts of a turn their share), and 100 ms */
};

struct glint_pipeline_settings {
    struct glint_source *source;   /* needed; used until run returns; stays the caller's */
    struct glint_decoder *decoder; /* for sources of packets; stays the caller's. NULL: chosen from the first
                                    * packets by the next two, and the pipeline's own */
    const char *sensor, *calib;    /* as in io/decoder.h; may be NULL. Used during open only */
    const struct glint_sensor_place *places; /* sources of packets: the sensors that are expected, in place of
                                              * decoder, sensor and calib: nothing waits for packets then.
                                              * n_places of them, 0: any sensors. Stay the caller's */
    int32_t n_places;
    int32_t time_scale;   /* what the sensors' dates count: enum glint_time_scale, 0: told by them */
    double cut_deg;       /* azimuth at which turns are cut, as the sensor counts */
    double sub_sweep_deg; /* 0: frames are turns; else a frame every so many degrees, 1..360 */
    bool sensor_frame;    /* leave points in the sensor's own frame instead of the vehicle's */

    const struct glint_pipeline_merge *merge; /* sources of packets; NULL: each sensor's frames go their own
                                               * way. Stays the caller's; cap_points is of all together */

    /* Motion (stage align; left out when none of it is asked for). A frame without a pose for its time goes
     * on unmoved and alone, and is counted in loss.frames_without_pose. */
    const struct glint_trajectory *poses; /* of the vehicle; NULL: none; stays the caller's */
    const struct glint_pose *mount; /* vehicle from sensor, for points as the decoder gives them (x forward);
                                     * NULL: they are in the vehicle's frame. Used during open only */
    enum glint_deskew deskew;       /* needs poses. Off: the sweep counts as measured at its middle */
    int32_t stack;                  /* sweeps in a frame, the present one and stack - 1 past ones, 0 or 1: no
                                     * past ones. Needs poses; cap_points is of all together */

    struct glint_model *model; /* NULL: points only; stays the caller's */
    /* In place of model, may be NULL: called once by open when cap_points of a frame is known, which a live
     * input tells only with its first packets. A failure is open's. What it opens stays the caller's. */
    int (*open_model)(void *ctx, int32_t cap_points, struct glint_model **model_out);
    void *open_model_ctx;
    struct glint_tracker *tracker; /* glint/track.h; NULL: boxes have no ids; stays the caller's */
    struct glint_sink
        *sinks[GLINT_PIPELINE_SINKS]; /* written in this order. The pipeline's own after a successful
                                       * open: run finishes them, close closes them */
    int32_t n_sinks;
    struct glint_trace
        *trace; /* NULL: none (frames carry their latencies all the same); stays the caller's */

    int32_t n_threads; /* 1: all in the thread that calls run. More: input, inference and publishing
                        * overlap, in three threads. The model's own threads are its settings' */
    uint64_t first_frame,
        end_frame;           /* frames first <= index < end are inferred and published; run ends after end */
    bool skip_failed_frames; /* a frame that a stage fails with is dropped (GLINT_DROP_FAILED) and told in a
                              * log line, and the run goes on: a service. False: it ends */
    bool
        stop_at_bad_file; /* false: a folder goes on after a file that cannot be read (counted as a dropped
                           * frame, whose number stays unused); run returns the first such error at its end */
    enum glint_queue_policy policy; /* between input and inference, with several threads */
    int32_t queue_depth;  /* frames that may wait between two threads, >= 1; waiting counts in total_ns with
                             GLINT_QUEUE_NEWEST only */
    int64_t deadline_ns;  /* of a frame, since its last point came; of recorded input without the waiting in
                           * queues. 0: none. What is late depends on the machine, so results then do too */
    enum glint_late late; /* what becomes of late frames */
    int32_t cap_points, cap_boxes; /* of a frame; cap_points 0: glint_pipeline_cap_points() */
};

/* One thread, all frames, waiting queues of depth 1, 4096 boxes; everything else zero. */
void glint_pipeline_settings_default(struct glint_pipeline_settings *settings);

/* The most points a frame of this input can have, as far as it is known, for settings of the pipeline and the
 * model. decoder: of a source of packets, NULL when there is none yet. */
int32_t glint_pipeline_cap_points(struct glint_source *source, const struct glint_decoder *decoder);

/* Checks the settings, chooses a decoder where one is wanted (reads up to 64 packets, which are not lost) and
 * reserves all memory. GLINT_E_ARG, GLINT_E_NOMEM, GLINT_E_FORMAT (no packets, packets of no known sensor),
 * GLINT_E_NOTFOUND (calibration); then the sinks stay the caller's. */
int glint_pipeline_open(const struct glint_pipeline_settings *settings, struct glint_pipeline **pipeline_out);

/* Runs to the end of the input, once. All that came before a failure is published, all sinks but a failed one
 * are finished, and then the first failure is returned, its reason in glint_error_text(): of the source (a
 * capture cut short, a bad file), of the model, of a sink (disk full). GLINT_E_CANCELLED after
 * glint_pipeline_stop(), with all complete frames published. Allocates nothing per frame. */
int glint_pipeline_run(struct glint_pipeline *pipeline);

/* Makes run end soon: from any thread, also from a signal handler. */
void glint_pipeline_stop(struct glint_pipeline *pipeline);

void glint_pipeline_close(struct glint_pipeline *pipeline); /* not during run; NULL is fine */

struct glint_pipeline_stats {
    /* in = published + dropped (+ those on their way, during run), dropped is the sum of dropped_by. Frames
     * outside of first_frame..end_frame are not in. */
    uint64_t frames_in, frames_published, frames_dropped;
    uint64_t dropped_by[GLINT_DROP_COUNT];
    uint64_t frames_late;   /* published although late */
    struct glint_loss loss; /* at the end of the input; complete after run only */
    int64_t wall_ns;        /* of run, so far */
    double progress;        /* 0..1 of the input read, < 0 unknown */
};
/* One sensor of an input of packets. */
struct glint_pipeline_sensor {
    char name[112];  /* as in the frames' source */
    uint32_t src_ip; /* host order */
    uint16_t port;   /* of its lidar packets */
    uint64_t frames;
    struct glint_loss loss; /* packets of no sensor are with the first */
    /* Its clock: what was added to its stamps (0: they are UTC), and arrival - sensor time of
     * the quickest packets with the drift of the two clocks (> 0: the sensor's is slow). */
    int32_t time_scale; /* enum glint_time_scale of io/decoder.h */
    int64_t clock_moved_ns;
    bool has_clock;
    double clock_offset_ns, clock_drift_ppm;
    uint64_t clock_jumps; /* times it was set, or the sensor has started anew */
};
/* The sensors after run, in the order of their appearance; how many were written (<= cap). */
int32_t glint_pipeline_sensors(const struct glint_pipeline *pipeline, struct glint_pipeline_sensor *out,
                               int32_t cap);

/* Frames, time and progress at any time from any thread. */
void glint_pipeline_stats(const struct glint_pipeline *pipeline, struct glint_pipeline_stats *stats_out);

#ifdef __cplusplus
}
#endif
#endif
