/* eval/kitti_put.h - KITTI's average precision for programs, people and reports. */
#ifndef GLINT_EVAL_KITTI_PUT_H
#define GLINT_EVAL_KITTI_PUT_H
#include "core/json_write.h"
#include "eval/kitti_ap.h"
#include "eval/report.h"

/* Members of the open object: class -> strict, loose -> bbox, bev, 3d, aos -> easy, moderate, hard ->
 * min_overlap, AP_R11, AP_R40 and, strict, precision41. */
void glint_kitti_put_json(struct glint_json_writer *w, const struct glint_kitti_ap *ap);

/* The lines that KITTI's users know, a block per class, least overlaps and number of recalls:
 *     Car AP_R40@0.70, 0.70, 0.70:
 *     bbox AP:61.4741, 61.6754, 62.2928 */
void glint_kitti_put_text(struct glint_buffer *out, const struct glint_kitti_ap *ap);

/* Tables, and curves of precision over recall. */
void glint_kitti_put_report(struct glint_report *r, const struct glint_kitti_ap *ap);
#endif
