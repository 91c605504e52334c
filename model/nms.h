/* model/nms.h - greedy suppression of boxes that describe an object already found. */
#ifndef GLINT_MODEL_NMS_H
#define GLINT_MODEL_NMS_H
#include "core/box.h"
#include <stddef.h>

struct glint_nms_rule {
    double threshold; /* a box goes when its IoU with a kept one is > threshold (strict, exact IoU in double);
                         >= 0 */
    int32_t pre_max;  /* only the first pre_max candidates are looked at */
    int32_t post_max; /* at most so many are kept */
};

/* Walks over the candidates, which are indices into rects in descending score (NULL: 0 .. n - 1), and keeps
 * those that no kept one suppresses. keep_out gets their indices in that order, at most min(n, pre_max,
 * post_max) of them. Returns their number. The result is that of the exact IoU of every pair; rectangles with
 * a side that is not positive, or anything not finite, overlap nothing. rects: yaw counter-clockwise; both of
 * a network's clockwise yaws may as well be mirrored by the caller (y -> -y), the IoU is the same. scratch:
 * glint_nms_scratch(n) bytes, aligned to 8. Time is proportional to candidates times kept boxes. Allocates
 * nothing. */
int32_t glint_nms_rotated(const struct glint_rect *rects, const int32_t *candidates, int32_t n,
                          const struct glint_nms_rule *rule, int32_t *keep_out, void *scratch);
size_t glint_nms_scratch(int32_t n);

/* The same walk with distances of centres on the ground: a box goes when a kept one is nearer than
 * min_distance[label * n_labels + label of the kept one] (m; 0 or less: the two never exclude each other; the
 * matrix is symmetric). The distance is taken in float. Boxes with a label outside 0 .. n_labels - 1 are
 * always kept. */
int32_t glint_nms_distance(const struct glint_box *boxes, const int32_t *candidates, int32_t n,
                           const float *min_distance /* n_labels x n_labels */, int32_t n_labels,
                           int32_t post_max, int32_t *keep_out);
#endif
