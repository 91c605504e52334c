/* model/patch_merge.h - pillars to a coarser bird's-eye map without a dense fine one: one linear map per
 * place inside the cell of s x s pillars, summed, normalised, ReLU. The same as a convolution with kernel =
 * stride = s over the scattered pillars. */
#ifndef GLINT_MODEL_PATCH_MERGE_H
#define GLINT_MODEL_PATCH_MERGE_H
#include "model/bev.h"

struct glint_patch_merge {
    int32_t stride;   /* s: pillars per map cell and side, <= 4 */
    int32_t row_axis; /* what the map's rows count: 0: x, 1: y; its columns count the other */
    struct glint_weights
        w; /* k = s * s * channels of a token, ordered (row place, column place, channel); norm folded */
};

/* tokens: n x (w.k / s^2); coord: n x 3, x y z. Cells without a pillar get ReLU(bias). scratch: of
 * glint_patch_merge_scratch bytes. */
int glint_patch_merge(struct glint_exec *x, const struct glint_patch_merge *merge, const float *tokens,
                      const int32_t *coord, int32_t n, const struct glint_map *out, int32_t *scratch);
size_t glint_patch_merge_scratch(int32_t h, int32_t w, int32_t s); /* bytes, for a map of h x w cells */
#endif
