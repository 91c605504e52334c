/* eval/waymo_mot.h - following objects through the frames of one scene: the CLEAR MOT counts of the official
 * Waymo tracking metric, for one shard of the objects at one score cutoff. Source: Bernardin and
 * Stiefelhagen, Evaluating multiple object tracking performance, 2008. */
#ifndef GLINT_EVAL_WAYMO_MOT_H
#define GLINT_EVAL_WAYMO_MOT_H
#include "eval/waymo_match.h"

struct glint_waymo_mot_row { /* a prediction */
    int32_t id;              /* 0..n_row_ids - 1; one of two with an id in a frame is left out */
    int32_t alive;           /* there at cutoffs < alive */
    bool in_zone;
};
struct glint_waymo_mot_column { /* a labelled object; ids are unique in a frame */
    int32_t id, level;
};
struct glint_waymo_mot_edge { /* a pair that can match; in order of row, then column, counted in the frame */
    int32_t row, column, weight;
    float iou;
};

struct glint_waymo_mot_frame { /* ranges in the scene's arrays */
    int32_t row, end_row, column, end_column, edge, end_edge;
};

struct glint_waymo_mot_scene {                 /* not owned */
    const struct glint_waymo_mot_frame *frame; /* in order of time */
    const struct glint_waymo_mot_row *row;
    const struct glint_waymo_mot_column *column;
    const struct glint_waymo_mot_edge *edge;
    int32_t n_frames, n_row_ids, n_column_ids;
};

struct glint_waymo_mot_counts {
    int64_t objects[2], misses[2]; /* at level 1, 2 */
    int64_t fps, mismatches, matches;
    double cost; /* sum of 1 - IoU over matches */
};

struct glint_waymo_mot;                                     /* work memory; one user at a time */
int glint_waymo_mot_open(struct glint_waymo_mot **mot_out); /* GLINT_E_NOMEM */
void glint_waymo_mot_close(struct glint_waymo_mot *mot);    /* NULL is fine */

/* GLINT_E_NOMEM. */
int glint_waymo_mot_run(struct glint_waymo_mot *mot, const struct glint_waymo_mot_scene *scene,
                        int32_t cutoff, struct glint_waymo_mot_counts *counts_out);
#endif
