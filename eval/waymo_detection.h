/* eval/waymo_detection.h - the Waymo detection metric: AP and heading-weighted APH at two levels of
 * difficulty, by breakdown, as the official library computes them (same counts, same float32 sums).
 *
 *     struct glint_waymo_detection *metric;
 *     struct glint_eval_task task;
 *     GLINT_TRY(glint_waymo_detection_open(set, GLINT_WAYMO_DET3D, GLINT_WAYMO_IOU_3D, &metric));
 *     glint_waymo_detection_task(metric, &task);
 *     GLINT_TRY(glint_eval_run(&task, &settings, &stats));
 *     if (stats.is_root)
 *         for (int32_t i = 0; i < glint_waymo_detection_rows(metric); i++)
 *             glint_waymo_detection_row(metric, i, &row); */
#ifndef GLINT_EVAL_WAYMO_DETECTION_H
#define GLINT_EVAL_WAYMO_DETECTION_H
#include "eval/task.h"
#include "eval/waymo_breakdown.h"

#define GLINT_WAYMO_CUTOFFS 101 /* scores 0, 0.01 ... 1 in float32 */

float glint_waymo_cutoff(int32_t i);
/* How many of the cutoffs a score reaches: those 0 <= c < the result. */
int32_t glint_waymo_alive(float score);

enum glint_waymo_tables {
    GLINT_WAYMO_STANDARD, /* object type and range: what the official tool prints */
    GLINT_WAYMO_EXTRA,    /* one shard, all but sign, size, velocity, camera */
};

struct glint_waymo_detection_row { /* of the table: a shard at a level */
    char name[GLINT_WAYMO_NAME_SIZE + 16];
    float ap, aph;
    bool any; /* something happened: an object of either side */
    /* per cutoff, in the metric's memory */
    const int64_t *tp, *fp, *fn;
    const float *sum_ha;
};

struct glint_waymo_detection;

/* kind: GLINT_WAYMO_IOU_3D or _BEV, with _EXACT or not. The set must have been opened by camera and stay
 * open. GLINT_E_NOMEM. */
int glint_waymo_detection_open(const struct glint_waymo_objects *set, enum glint_waymo_tables tables,
                               unsigned kind, struct glint_waymo_detection **metric_out);
void glint_waymo_detection_close(struct glint_waymo_detection *metric); /* NULL is fine */

/* Name, units and functions of *task; identity is the caller's. The sums of frames are added in the order of
 * the frames, so that they are the same with any number of threads and ranks. */
void glint_waymo_detection_task(struct glint_waymo_detection *metric, struct glint_eval_task *task);

/* After the task, on the root. */
int64_t glint_waymo_detection_examples(const struct glint_waymo_detection *metric);
int32_t glint_waymo_detection_rows(const struct glint_waymo_detection *metric);
void glint_waymo_detection_row(const struct glint_waymo_detection *metric, int32_t i,
                               struct glint_waymo_detection_row *row_out);

/* Area under the precision-recall curve, both of n values by cutoff, as the official library integrates it.
 */
float glint_waymo_average_precision(const float *precision, const float *recall, int32_t n);
#endif
