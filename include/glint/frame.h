/* glint/frame.h - what flows through Glint: points, boxes, masks, and a frame of them.
 *
 * Metres, radians, int64 nanoseconds. Vehicle frame: x forward, y left, z up. */
#ifndef GLINT_FRAME_H
#define GLINT_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The stages a frame passes, in order; the names are those of spans, latency members of the
 * JSON lines and trace tracks. X(ENUM, name) */
#define GLINT_STAGE_MAP(X)                                                                                   \
    X(CAPTURE, capture)                                                                                      \
    X(DECODE, decode)                                                                                        \
    X(FRAME, frame)                                                                                          \
    X(ALIGN, align)                                                                                          \
    X(VOXELIZE, voxelize)                                                                                    \
    X(ENCODE, encode)                                                                                        \
    X(ATTEND, attend)                                                                                        \
    X(BEV, bev)                                                                                              \
    X(HEAD, head)                                                                                            \
    X(NMS, nms)                                                                                              \
    X(TRACK, track)                                                                                          \
    X(PUBLISH, publish)

enum glint_stage {
#define GLINT_STAGE_ENUM(upper, name) GLINT_STAGE_##upper,
    GLINT_STAGE_MAP(GLINT_STAGE_ENUM)
#undef GLINT_STAGE_ENUM
        GLINT_STAGE_COUNT
};

/* What is not as it should be with a frame: a bit each in its `health`; the names are those in the JSON
 * lines, in metrics and in diagnostics. 0: all is well. X(ENUM, name) */
#define GLINT_HEALTH_MAP(X)                                                                                  \
    X(SENSOR_MISSING, sensor_missing)   /* merged frame without one of its sensors: see `missing` */         \
    X(PACKETS_LOST, packets_lost)       /* since the sensor's frame before, by their numbers or time */      \
    X(PACKETS_DROPPED, packets_dropped) /* since then: came to this machine, but a buffer was full */        \
    X(INPUT_DAMAGED, input_damaged)     /* since then: malformed packets, damaged records */                 \
    X(POINTS_CLIPPED, points_clipped)   /* since then: beyond the frame's capacity */                        \
    X(CLOCK_NOT_SET, clock_not_set)     /* stamps are the arrivals' */                                       \
    X(CLOCK_JUMPED, clock_jumped)       /* since then the sensor's clock was set, or it has started anew */  \
    X(NO_POSE, no_pose)                 /* wanted to be moved, but there was no pose for its time */         \
    X(FRAMES_SKIPPED, frames_skipped)   /* frames between the one published before and this were dropped */  \
    X(LATE, late)                       /* older than the deadline when it was published */                  \
    X(OUTPUT_FAILING, output_failing)   /* one of the other outputs cannot be written at the moment */       \
    X(NETWORK_CLIPPED, network_clipped) /* more voxels or sites than the network has room for */

enum glint_health {
#define GLINT_HEALTH_ENUM(upper, name) GLINT_HEALTH_##upper,
    GLINT_HEALTH_MAP(GLINT_HEALTH_ENUM)
#undef GLINT_HEALTH_ENUM
        GLINT_HEALTH_COUNT
};
#define GLINT_HEALTH_BIT(which) (1u << (which))

/* Structure of arrays over one allocation of `cap` points. x, y, z, intensity, ring, ret and
 * offset_ns are always there; elongation only where the input has it and lag only where past sweeps are
 * stacked (else NULL, read as 0).
 * A point with a NaN stays out: readers drop and count it. */
struct glint_points {
    int32_t n, cap;
    float *x, *y, *z;    /* m, vehicle frame */
    float *intensity;    /* 0..1; the adapter says how it was scaled */
    float *elongation;   /* Waymo; NULL when absent */
    float *lag;          /* s, age of the point's sweep: 0 for the present one; NULL when absent */
    uint16_t *ring;      /* laser, 0-based from the lowest elevation or as the sensor numbers them */
    uint8_t *ret;        /* return, 0-based */
    uint32_t *offset_ns; /* since the frame's stamp; of a past sweep's points since that sweep's */
};

struct glint_box {
    float center[3];   /* geometric centre, m */
    float size[3];     /* length along the heading, width, height, m */
    float yaw;         /* counter-clockwise from +x, in (-pi, pi] */
    float velocity[2]; /* m/s, in the frame of the box */
    float score;       /* 0..1 */
    int32_t label;     /* index into the model's classes */
    int32_t id;        /* of its track (glint/track.h), -1: of none; the rest is of tracks only */
    float yaw_rate;    /* rad/s */
    float age_s;       /* since the object was first seen */
    float unseen_s;    /* since it was last detected: 0 in this frame; else the box is where it should be */
};

/* Packets and points accounted for since the source was opened.
 * received = decoded + malformed + foreign; lost is what the sequence numbers say is missing. Of the decoded,
 * duplicate ones came twice (their points are in the frame once). Dropped (live input) came to this machine,
 * but found the kernel's or the program's buffer full: they are not in received. */
struct glint_loss {
    uint64_t packets_received, packets_decoded, packets_malformed, packets_foreign, packets_lost;
    uint64_t packets_duplicate, packets_dropped;
    uint64_t points_dropped;      /* not finite or absurd (beyond 10 km) */
    uint64_t points_clipped;      /* beyond the frame's capacity */
    uint64_t frames_dropped;      /* by a queue's policy, a deadline or a failing stage */
    uint64_t frames_without_pose; /* wanted to be moved, but there was no pose for their time */
    uint64_t sensors_missed;      /* sensors that were not there when a merged frame was due */
    uint64_t records_corrupt;     /* damaged records of a file that were to be skipped */
};

/* One frame: the points of a sweep and everything computed from them. Reference counted;
 * all memory is reserved when the frame pool is opened. */
struct glint_frame {
    uint64_t index;      /* 0-based, counted by the source */
    int64_t stamp_ns;    /* UTC, of the first point; 0 when the input has none */
    int64_t arrival_ns;  /* monotonic, last byte of the input here */
    int64_t received_ns; /* packets: UTC, when the last of them came, or was recorded */
    int32_t sensor;      /* packets: number among the input's sensors; merged frames and files: 0 */
    char source[256];    /* file or sensor, for people */
    char name[128];      /* stem for output files, "000000" */

    /* Where the points are frames of a tensor file: item `batch_index` of `batch_size` (1 for all
     * other inputs), and whether the model's range filter is to be left out (golden cases). */
    int32_t batch_index, batch_size;
    bool no_range_filter;
    bool as_network_input;  /* points are network inputs: no intensity rescaling */
    bool intensity_is_tanh; /* of a raw one without upper end (Waymo): networks that want that get it as it is
                             */

    struct glint_points points;
    float viewpoint[3]; /* where they were measured from, in their frame; NaN: several places, or not known */

    /* By the align stage. reference_ns: the moment (UTC, or 0 for input without stamps) that all points are
     * moved to. The vehicle's pose at that moment in the world of the given poses, where there is one: world
     * from vehicle. */
    bool has_pose;
    int64_t reference_ns;
    double pose_position[3]; /* m */
    double pose_rotation[4]; /* unit quaternion w, x, y, z */

    char missing[256]; /* merged frames: names of the sensors that were not there in time, "left,rear"; else
                          "" */
    uint32_t health;   /* bits of enum glint_health: in what this frame is degraded; 0: in nothing */
    float coverage; /* share of the sweep that was received, 0..1; -1: not known (point files, other scans) */

    int32_t n_boxes, cap_boxes;
    struct glint_box *boxes;
    uint8_t *point_class;      /* points.n, valid when has_masks; 255 = not classified */
    uint8_t *point_confidence; /* points.n, 0..255 */
    uint16_t *point_instance;  /* points.n, 0 = none, else 1 + index into boxes */
    bool has_masks;

    struct glint_loss loss;                /* cumulative at the time of this frame */
    int64_t latency_ns[GLINT_STAGE_COUNT]; /* time spent per stage on this frame; -1 = stage not run */
    int64_t total_ns; /* input complete -> published; without the waiting in queues of a replay */

    int64_t queued_ns;             /* private */
    int32_t refs;                  /* private */
    struct glint_frame_pool *pool; /* private */
};

/* Name of a stage: "voxelize". Static storage. */
const char *glint_stage_name(enum glint_stage stage);
const char *glint_health_name(enum glint_health which); /* "packets_lost" */

#ifdef __cplusplus
}
#endif
#endif
