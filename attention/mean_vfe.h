/* attention/mean_vfe.h - the plainest voxel feature encoder: the mean of a voxel's points. */
#ifndef GLINT_ATTENTION_MEAN_VFE_H
#define GLINT_ATTENTION_MEAN_VFE_H
#include "attention/vfe.h"

struct glint_mean_vfe {
    int32_t n_columns;
    struct glint_vfe_column column[GLINT_VFE_COLUMNS]; /* GLINT_VFE_FIELD all */
};

/* out: n_voxels x n_columns: each field's sum over the voxel's points, in their order and in float, over
 * their number, times the column's scale. point/start as in struct glint_voxels; each voxel has a point.
 * Threads split voxels. GLINT_E_ARG for other columns. */
int glint_mean_vfe(struct glint_exec *x, const struct glint_mean_vfe *vfe, const struct glint_points *points,
                   const int32_t *point, const int32_t *start, int32_t n_voxels, float *out);
#endif
