/* model/head_patch.h - boxes regressed by a small network from the k x k patch of the bird's-eye map around
 * each heat map peak, and nowhere else. */
#ifndef GLINT_MODEL_HEAD_PATCH_H
#define GLINT_MODEL_HEAD_PATCH_H
#include "glint/frame.h"
#include "model/bev.h"

#define GLINT_PATCH_OUTPUTS                                                                                  \
    10 /* row, column (cells), z (m), log l w h, sin yaw, cos yaw, sin 2 yaw, cos 2 yaw */

struct glint_head_patch {
    int32_t patch;                   /* k, odd */
    int32_t row_axis;                /* what the map's rows count: 0: x, 1: y */
    struct glint_weights l1, l2, l3; /* k * k * c (ordered row, column, channel) -> hidden -> hidden -> 10 */
    float cell_m;                    /* size of a map cell */
    float origin_m[2];               /* lowest x, y */
};

/* Regresses the n cells (row, column pairs) of map; out: n x 10. Cells beyond the border count as zeros. */
int glint_head_patch(struct glint_exec *x, const struct glint_head_patch *head, const struct glint_map *map,
                     const int32_t *cells, int32_t n, float *out);
size_t glint_head_patch_scratch(const struct glint_head_patch *head, int32_t channels); /* bytes per worker */

/* One regressed cell to a box: centre, size, yaw. The axis comes from the doubled angle, the direction along
 * it from the single one, so that an undecided front cannot turn a box. */
void glint_head_patch_box(const struct glint_head_patch *head, const float *values, int32_t row,
                          int32_t column, struct glint_box *box_out);
#endif
