/* eval/kitti_set.h - KITTI's frames as an evaluation goes through them: what is known of each after it was
 * looked at, and how that travels from the thread or rank that did it. */
#ifndef GLINT_EVAL_KITTI_SET_H
#define GLINT_EVAL_KITTI_SET_H
#include "eval/blob.h"
#include "eval/kitti_ap.h"
#include "glint/frame.h"
#include "io/kitti_calib.h"
#include "io/stems.h"

struct glint_kitti_scored { /* start with all zero */
    struct glint_kitti_objects truth, found;
    int32_t *points;                                 /* per object of truth: points on it, -1 unknown */
    struct glint_box *truth_box, *found_box;         /* in the vehicle frame; label -1 */
    int64_t latency_ns[GLINT_STAGE_COUNT], total_ns; /* -1: not run */
};
void glint_kitti_scored_fini(struct glint_kitti_scored *s);

/* Makes points (all unknown) and boxes of the objects. calib NULL: the scanner is taken to be where camera 0
 * is, as the frame's labels alone tell no better. GLINT_E_NOMEM. */
int glint_kitti_scored_place(struct glint_kitti_scored *s, const struct glint_kitti_calib *calib);

/* Counts the points (vehicle frame) on each object of truth, borders included. */
void glint_kitti_scored_count(struct glint_kitti_scored *s, const struct glint_kitti_calib *calib,
                              const struct glint_points *points);

/* To bytes and back (eval/blob.h): get replaces what is in s. GLINT_E_FORMAT, GLINT_E_NOMEM. */
void glint_kitti_scored_put(const struct glint_kitti_scored *s, struct glint_buffer *out);
int glint_kitti_scored_get(struct glint_kitti_scored *s, struct glint_blob *in);

/* Average precision of n frames. GLINT_E_NOMEM. */
int glint_kitti_set_ap(const struct glint_kitti_scored *scored, int32_t n, struct glint_kitti_ap *ap_out);
#endif
