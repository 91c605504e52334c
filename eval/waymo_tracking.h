/* eval/waymo_tracking.h - the Waymo tracking metric: MOTA and MOTP by breakdown and level, at the score
 * cutoff that serves each row best. Used like waymo_detection.h; units are contexts. */
#ifndef GLINT_EVAL_WAYMO_TRACKING_H
#define GLINT_EVAL_WAYMO_TRACKING_H
#include "eval/task.h"
#include "eval/waymo_breakdown.h"
#include "eval/waymo_mot.h"

struct glint_waymo_tracking_row {
    char name[GLINT_WAYMO_NAME_SIZE + 16];
    float mota, motp, miss, mismatch, fp; /* all 0 where no cutoff has a MOTA above 0 */
    float cutoff;                         /* NaN: none */
    int64_t n_objects; /* at the highest cutoff that has any: as the official library tells it */
    int64_t n_misses;  /* and counts at the chosen cutoff */
    struct glint_waymo_mot_counts counts;
};

struct glint_waymo_tracking;

/* The set must have been opened without by_camera and stay open. GLINT_E_NOMEM. */
int glint_waymo_tracking_open(const struct glint_waymo_objects *set, unsigned iou_kind,
                              struct glint_waymo_tracking **metric_out);
void glint_waymo_tracking_close(struct glint_waymo_tracking *metric); /* NULL is fine */

/* As glint_waymo_detection_task. A unit fails with GLINT_E_FORMAT where two labelled objects of a frame and
 * type have one id. */
void glint_waymo_tracking_task(struct glint_waymo_tracking *metric, struct glint_eval_task *task);

int32_t glint_waymo_tracking_rows(const struct glint_waymo_tracking *metric);
void glint_waymo_tracking_row(const struct glint_waymo_tracking *metric, int32_t i,
                              struct glint_waymo_tracking_row *row_out);
#endif
