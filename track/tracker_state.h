/* track/tracker_state.h - what a tracker keeps; only for track/. */
#ifndef GLINT_TRACK_TRACKER_STATE_H
#define GLINT_TRACK_TRACKER_STATE_H
#include "calib/pose.h"
#include "core/arena.h"
#include "core/box.h"
#include "glint/track.h"
#include "track/sight.h"
#include "track/turn_filter.h"

struct glint_track { /* one object; coordinates are the world's */
    struct glint_turn_filter motion;
    double z, size[3];
    double odds;   /* log odds of being there: belief is 1 / (1 + exp(-odds)) */
    double score;  /* of its detections, the newest ones most */
    double facing; /* > 0: detections say that its front is in front */
    float votes[GLINT_TRACKER_CLASSES];
    int32_t label, id, hits;
    bool confirmed;
    int64_t born_ns, seen_ns;
    int32_t detection;      /* of this frame, -1: none */
    enum glint_sight sight; /* without a detection: what the points say of its place */
};

struct glint_detection { /* of this frame, in the world */
    double center[3], size[3], yaw;
    double velocity[2];
    double range_m; /* from the sensor */
    double score;
    int32_t label, box; /* its place in the frame's list */
    int32_t track;      /* -1: of none */
};

struct glint_track_pair { /* that is possible */
    int32_t track, detection;
    double cost;
};

struct glint_tracker {
    struct glint_track_settings s;
    int32_t cap_tracks, cap_boxes;
    struct glint_arena memory;

    int32_t n_tracks; /* in the order of their birth */
    struct glint_track *tracks;
    int32_t n_detections;
    struct glint_detection *detections; /* cap_boxes */

    bool begun, has_pose; /* has_pose: the world is that of given poses */
    int64_t now_ns;
    double dt_s;             /* since the frame before */
    struct glint_pose world; /* from vehicle, now */
    double heading;          /* of the vehicle in it */

    /* odometry.c */
    double way[3];          /* of the vehicle: m/s ahead, m/s to the left, rad/s */
    int32_t n_ways, n_last; /* times it was found out; pairs of the last time */

    /* pairs.c */
    struct glint_track_pair *pairs; /* cap_tracks x cap_boxes */
    int32_t *set;                   /* cap_tracks + cap_boxes: which pieces belong together */
    int32_t *rows, *cols, *column;  /* of one piece */
    int32_t *place;                 /* of a detection among the piece's columns */
    double *cost;                   /* cap_tracks x (cap_boxes + cap_tracks) */
    void *scratch;

    uint16_t *moved_to; /* 65536: by instance, where boxes leave the list */

    int32_t next_id;
    struct glint_track_counts counts;
};

static inline const struct glint_track_class *glint_track_class(const struct glint_tracker *t, int32_t label)
{
    const int32_t n = t->s.n_classes;
    return &t->s.classes[label >= 0 && label < n ? label : n > 0 ? n - 1 : 0];
}

/* What pairs take of memory, and their share of it. */
size_t glint_track_pairs_bytes(int32_t cap_tracks, int32_t cap_boxes);
void glint_track_pairs_init(struct glint_tracker *t);

/* Gives objects that have none one of the free detections with least <= score < most, so that the sum of
 * costs is least; sets both sides. */
void glint_track_pairs_find(struct glint_tracker *t, double least, double most);

/* Whether a detector may take one class for the other. */
bool glint_track_same_kind(const struct glint_tracker *t, int32_t a, int32_t b);

/* Deviations of a detection's place, along and across its heading. */
void glint_track_noise(const struct glint_track_class *c, double range_m, double sigma_out[2]);

struct glint_rect glint_track_rect(const struct glint_track *track);
struct glint_rect glint_detection_rect(const struct glint_detection *d);
#endif
