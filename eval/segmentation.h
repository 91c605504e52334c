/* eval/segmentation.h - confusion matrices of labelled points and intersection over union, for every dataset.
 */
#ifndef GLINT_EVAL_SEGMENTATION_H
#define GLINT_EVAL_SEGMENTATION_H
#include <stddef.h>
#include <stdint.h>

/* Counts point i in row truth[i], column found[i] of the n x n matrix; labels are below n. */
void glint_confusion_add(uint64_t *matrix /* n x n */, int32_t n, const uint8_t *truth, const uint8_t *found,
                         size_t n_points);

/* Sets row and column c to 0: points of that label count neither as truth nor as found. */
void glint_confusion_ignore(uint64_t *matrix /* n x n */, int32_t n, int32_t c);

/* matrix += other */
void glint_confusion_merge(uint64_t *matrix /* n x n */, int32_t n, const uint64_t *other /* n x n */);

/* Intersection over union of label c: diagonal / (row + column - diagonal); NaN where that is 0 / 0. */
double glint_confusion_iou(const uint64_t *matrix /* n x n */, int32_t n, int32_t c);

/* Mean over labels that have an IoU; NaN where none has. */
double glint_confusion_mean_iou(const uint64_t *matrix /* n x n */, int32_t n);

/* Mean weighted by the number of true points of each label. */
double glint_confusion_weighted_iou(const uint64_t *matrix /* n x n */, int32_t n);
#endif
