/* eval/waymo_pairs.h - the objects of one frame, as the Waymo metrics compare them: both sides decoded, and
 * every pair of a prediction and a labelled box of its type that overlaps enough to matter. */
#ifndef GLINT_EVAL_WAYMO_PAIRS_H
#define GLINT_EVAL_WAYMO_PAIRS_H
#include "eval/waymo_objects.h"

struct glint_waymo_pair {
    int32_t prediction, truth;
    float iou;      /* as float32, as everything is compared */
    int32_t weight; /* IoU in millionths when the pair can match, else 0 */
};

struct glint_waymo_pairs { /* start with all zero */
    struct glint_waymo_list truth, prediction;
    struct glint_waymo_shape *truth_shape, *prediction_shape; /* not of objects of unknown type */
    struct glint_waymo_pair *pair;                            /* in order of prediction, then truth */
    int32_t n_pairs;

    int64_t n_overlaps; /* counters since the start: overlaps computed */
    /* private */
    struct glint_waymo_reach {
        double low[2], high[2];
        int32_t truth;
    } * reach;                /* upright boxes around the truth, by type, then in order */
    int32_t first_of_type[6]; /* those of type t: first_of_type[t] <= i < first_of_type[t + 1] */
    int32_t cap_pairs, cap_truth, cap_prediction, cap_reach;
};
void glint_waymo_pairs_fini(struct glint_waymo_pairs *pairs);

/* Reads a frame's objects into truth and prediction. */
int glint_waymo_pairs_read(struct glint_waymo_pairs *pairs, const struct glint_waymo_objects *set,
                           int32_t frame);

/* Finds the pairs that can match, and with `overlapping` also those with an IoU of at least 0.01.
 * GLINT_E_NOMEM. */
int glint_waymo_pairs_find(struct glint_waymo_pairs *pairs, unsigned iou_kind, bool overlapping);
#endif
