/* track/overlap.h - how alike two footprints are, also where they do not touch. */
#ifndef GLINT_TRACK_OVERLAP_H
#define GLINT_TRACK_OVERLAP_H
#include "core/box.h"

/* Generalised IoU (H. Rezatofighi et al., CVPR 2019) with the convex hull of both: 1 for equal rectangles,
 * towards -1 the farther they are from each other for their size; -1 where one has no area. */
double glint_rect_giou(const struct glint_rect *a, const struct glint_rect *b);
#endif
