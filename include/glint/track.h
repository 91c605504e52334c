/* glint/track.h - objects over time: the boxes of one frame after the other get ids, velocities and ages.
 *
 *     struct glint_track_settings s;
 *     glint_track_settings_default(&s, info->classes, info->n_classes); // of the model
 *     glint_track_settings_read(&s, "model/config.json", info->classes, info->n_classes); // "track" section
 *     int status = glint_tracker_open(&s, &tracker);
 *     ... settings.tracker = tracker (glint/pipeline.h), or by hand, frame by frame:
 *     glint_tracker_run(tracker, frame);
 *     glint_tracker_close(tracker);
 *
 * What comes out: the frame's boxes stay in their order (masks follow those that leave). Those that belong
 * to an object known well enough get its id (1, 2, 3 ... in the order of their appearance, never used twice),
 * its smoothed place, size, yaw, class, score and velocity, and its age. Behind them come boxes of objects
 * that were not detected in this frame but should be there: unseen_s > 0. Others keep id -1. Ids follow
 * from the frames alone, not from threads, timing or addresses. */
#ifndef GLINT_TRACK_H
#define GLINT_TRACK_H
#include "glint/frame.h"
#include "glint/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GLINT_TRACKER_CLASSES 64

/* How objects of a class move and are seen. Standard deviations unless said otherwise. */
struct glint_track_class {
    char group[24]; /* classes of one group ("vehicle") may be taken for each other by the detector */

    /* Motion: constant speed and turn rate, disturbed by */
    float accel;     /* m/s^2, random acceleration over a second */
    float turn;      /* rad/s^2, random change of the turn rate over a second */
    float slip_mps;  /* speed across the heading (0: goes where it looks to; >= 100: in any direction). Only
                      * where the vehicle's own motion is known */
    float first_mps; /* speed of an object seen for the first time */
    float most_mps;  /* no object of the class is faster: an upper bound */
    float turn_decay_s; /* a turn that is not seen any more goes on for so long */

    /* Detections */
    float noise_m[2];         /* of a centre, along and across the heading, near the sensor */
    float noise_per_m;        /* more of it for each metre of distance */
    float noise_yaw_rad;      /* of a yaw; front and back may be taken for each other besides */
    float noise_velocity;     /* m/s, of a network's velocity; 0: it gives none */
    float reach_m, reach_mps; /* bound, not deviation: farther than reach_m + reach_mps * (time since it was
                               * seen) from where it should be a detection is of something else */

    /* Birth and death. Belief, as log odds, grows with detections above birth_score and shrinks with weaker
     * ones and while unseen: by 1 (a factor e of the odds) in each so many seconds. At most 4, a belief of
     * 0.98. */
    float birth_score; /* no object begins with a detection below, and none is shown without an object */
    float confirm; /* belief from which on an object has an id. Unseen, or with a detection below birth_score,
                    * it is shown while belief is 0.5 or more */
    float fade_s;  /* unseen, by 1 in so many seconds ... */
    float fade_hidden_s; /* ... where something stands in front of it */
    float fade_empty_s;  /* ... where its place was looked at and is empty */
    float fade_points_s; /* ... where points are at its place */
    float show_s;        /* longest time that an unseen object is shown without points at its place */
};

struct glint_track_settings {
    int32_t cap_tracks; /* objects at a time, 1..4096; more are not begun */
    int32_t cap_boxes;  /* detections looked at in a frame, 1..4096: those of best score */
    float period_s;     /* from frame to frame, where frames have no stamps */
    float most_gap_s;   /* after a longer gap, or a jump back, all objects are new ones */
    float keep_score; /* weaker detections are not looked at. Above 0: the network is asked for boxes down to
                       * it while tracking; those below their class's birth_score only continue objects */
    float strong_score; /* first choice: weaker ones only continue objects that no stronger one continues */
    float gate;         /* bound of the squared Mahalanobis distance of centres */
    float weight_overlap, weight_class; /* in the cost of a pair, beside distance^2 / gate: 1 - GIoU seen from
                                         * above (0..2), and 1 for another class of the group */
    float death;                        /* belief below which an object is forgotten */
    float doubt_s;                      /* an object that is not confirmed dies when unseen for longer */
    float double_iou;   /* overlap from above from which on a new object would be an old one again */
    float yaw_memory_s; /* front or back is decided by the detections of about so many seconds */
    int32_t n_classes;
    struct glint_track_class
        classes[GLINT_TRACKER_CLASSES]; /* of the model's labels; labels beyond: the last */
};

/* Values for classes by their names ("car", "Vehicle", "traffic_cone" ...); a name that is not known is taken
 * for something that may move like a cyclist. More than GLINT_TRACKER_CLASSES: the rest is left out. */
void glint_track_settings_default(struct glint_track_settings *s, const char *const *classes, int32_t n);

/* Changes what the "track" section of a model's config.json says, members named as above; those of a class in
 * "classes": {"car": {"accel": 3}}. Nothing is changed where there is no such section. `classes` are the
 * names given to _default. GLINT_E_FORMAT (with the member), GLINT_E_NOTFOUND, GLINT_E_IO. */
int glint_track_settings_read(struct glint_track_settings *s, const char *config_path,
                              const char *const *classes, int32_t n);

struct glint_tracker;

/* Reserves all memory. settings NULL: the defaults, without classes. GLINT_E_ARG, GLINT_E_NOMEM. */
int glint_tracker_open(const struct glint_track_settings *settings, struct glint_tracker **tracker_out);
void glint_tracker_close(struct glint_tracker *tracker); /* NULL is fine */

/* New settings for a tracker that has seen nothing yet, when classes are known only after it was opened
 * (live). Capacities stay as they were. GLINT_E_ARG. */
int glint_tracker_set(struct glint_tracker *tracker, const struct glint_track_settings *settings);

/* The next frame, see above. Time is reference_ns, else stamp_ns, else period_s after the one before. Works
 * in the world of the frame's pose where there is one (has_pose), else in one that stands still as far as
 * most boxes do: velocities are over ground either way. Allocates nothing. One thread at a time. Fails never:
 * what cannot be used (a box that is not finite) is left as it is. */
int glint_tracker_run(struct glint_tracker *tracker, struct glint_frame *frame);

/* Forgets all objects: another scene begins. Ids go on. */
void glint_tracker_reset(struct glint_tracker *tracker);

struct glint_track_counts {  /* since open */
    uint64_t frames, tracks; /* ids given */
    uint64_t not_begun;      /* for want of room: cap_tracks */
    uint64_t not_looked_at;  /* detections beyond cap_boxes */
};
void glint_tracker_counts(const struct glint_tracker *tracker, struct glint_track_counts *counts_out);

#ifdef __cplusplus
}
#endif
#endif
