/* eval/waymo_detection_frame.h - one frame of the Waymo detection metric: matches at all score cutoffs,
 * counted. */
#ifndef GLINT_EVAL_WAYMO_DETECTION_FRAME_H
#define GLINT_EVAL_WAYMO_DETECTION_FRAME_H
#include "eval/waymo_detection.h"
#include "eval/waymo_match.h"
#include "eval/waymo_pairs.h"

/* What of a unit's frames can be added in any order: per shard of all generators and cutoff, as differences
 * between neighbouring cutoffs; one more element than cutoffs, so that ranges need no test. */
struct glint_waymo_counts {
    int32_t tp[GLINT_WAYMO_CUTOFFS + 1], fp[GLINT_WAYMO_CUTOFFS + 1];
    int32_t fn[2][GLINT_WAYMO_CUTOFFS + 1]; /* at level 1, 2 */
    int32_t any;                            /* objects seen */
};

struct glint_waymo_scorer { /* of one thread; start with all zero but the settings */
    unsigned iou_kind;
    const enum glint_waymo_generator *generators;
    int32_t n_generators, n_shards; /* n_shards: of all of them */

    struct glint_waymo_counts *counts;    /* n_shards: the sums so far */
    float (*sum_ha)[GLINT_WAYMO_CUTOFFS]; /* n_shards: of the last frame alone */
    bool *has_tp;                         /* n_shards: in the last frame */

    struct glint_waymo_pairs pairs; /* of the last frame, ground truth without those of no points */
    struct glint_waymo_matcher *matcher;
    /* private */
    void *memory;
    size_t memory_size;
    int32_t *alive, *rows, *columns, *row_of, *column_of, *row_alive, *first, *next, *best;
    uint32_t *row_groups, *column_groups;
    struct glint_waymo_edge *edges;
    int32_t cap_next;
};

/* GLINT_E_NOMEM; fini in every case. */
int glint_waymo_scorer_init(struct glint_waymo_scorer *scorer);
void glint_waymo_scorer_fini(struct glint_waymo_scorer *scorer);

/* Adds a frame to counts and leaves its sums of heading accuracy in sum_ha. *is_example_out: whether there is
 * an object in it at all. GLINT_E_FORMAT, GLINT_E_NOMEM. */
int glint_waymo_scorer_frame(struct glint_waymo_scorer *scorer, const struct glint_waymo_objects *set,
                             int32_t frame, bool *is_example_out);
#endif
