/* model/peaks.h - the best cells of a heat map. */
#ifndef GLINT_MODEL_PEAKS_H
#define GLINT_MODEL_PEAKS_H
#include "model/bev.h"
#include <stdbool.h>

struct glint_peaks_rule {
    float threshold;   /* only cells with a score > threshold (strict) */
    int32_t max_peaks; /* K: at most so many, the best over all classes together */
    bool local_max;    /* only cells whose sigmoid is the maximum of its 3 x 3 neighbours of the same class
                        * (equals    allowed, cells outside the map do not count, a NaN among them forbids) */
    float iou_power;   /* >= 0; used where an IoU map is given */
};

struct glint_peak {
    float score;
    int32_t label;    /* class: channel of the heat map */
    int32_t row, col; /* cell */
};

/* The cells of all classes by descending score, equal ones by (label, row, col) ascending: one total order,
 * so that the result is the same for any number of threads. Writes min(K, cells above the threshold) peaks
 * and their number. score = sigmoid(heat) * clamp(iou, 0, 1) ^ iou_power   (iou: one channel of heat's size,
 * or NULL: sigmoid(heat)) in float by expf and powf. NaN is no peak. FlatFormer's "best K per class, then
 * best K of those, then score > threshold" is the same list: the best K overall are among the best K of their
 * classes, and as each step keeps a head of one descending order, the threshold may come first - far from any
 * pillar maps are constant, and thousands of equal scores below the threshold then cost one compare each.
 * peaks_out: room for max_peaks. Scratch of each worker: glint_peaks_scratch(max_peaks).
 * GLINT_E_ARG for maps that do not fit each other, a negative power or more than 2^32 scores; GLINT_E_NOMEM
 * when scratch is too small. */
int glint_peaks(struct glint_exec *x, const struct glint_map *heat, const struct glint_map *iou,
                const struct glint_peaks_rule *rule, struct glint_peak *peaks_out, int32_t *n_out);
size_t glint_peaks_scratch(int32_t max_peaks);
#endif
