/* attention/vfe.h - dynamic voxel feature encoder: per point decorate, linear, norm, ReLU; max per voxel; the
 * max joined back to the points for the next layer (mmdetection3d's DynamicVFE). */
#ifndef GLINT_ATTENTION_VFE_H
#define GLINT_ATTENTION_VFE_H
#include "attention/gemm.h"
#include "glint/frame.h"

#define GLINT_VFE_LAYERS  4
#define GLINT_VFE_COLUMNS 24

enum glint_vfe_source {
    GLINT_VFE_FIELD,  /* a point's own value; index: enum glint_point_field */
    GLINT_VFE_MEAN,   /* coordinate `index` minus the mean over the voxel's points */
    GLINT_VFE_CENTRE, /* coordinate `index` minus the cell's centre, cell * size + centre_offset in float */
};
enum glint_point_field {
    GLINT_FIELD_X,
    GLINT_FIELD_Y,
    GLINT_FIELD_Z,
    GLINT_FIELD_INTENSITY,
    GLINT_FIELD_ELONGATION,
    GLINT_FIELD_LAG
};

struct glint_vfe_column {
    enum glint_vfe_source source;
    int32_t index;
    float scale; /* multiplies the value; 1 leaves it as it is */
};

struct glint_vfe {
    int32_t n_columns;
    struct glint_vfe_column column[GLINT_VFE_COLUMNS];
    float cell[3], centre_offset[3]; /* centre = (float)coord * cell + centre_offset */
    int32_t n_layers;
    int32_t width[GLINT_VFE_LAYERS];
    struct glint_weights point[GLINT_VFE_LAYERS]; /* norm folded; layer 0: columns -> width[0], l > 0:
                                                     width[l-1] -> width[l] */
    struct glint_weights voxel[GLINT_VFE_LAYERS]; /* l > 0: the voxel's half of the joined input, no bias */
};

/* What the caller wants besides voxel_out; any may be NULL. Point tensors are in sorted point order. */
struct glint_vfe_taps {
    float *in;                            /* n_points x n_columns */
    float *mean;                          /* n_voxels x 3 */
    float *layer_point[GLINT_VFE_LAYERS]; /* n_points x width[l], after ReLU */
    float *layer_voxel[GLINT_VFE_LAYERS]; /* n_voxels x width[l] */
};

/* point/start/coord as in struct glint_voxels; a point of -1, the last of its voxel and not the only one, is
 * an empty slot (voxel/harden.h): a row of zeros that takes no part in means but in maxima. Means add points
 * in input order, in float (as the reference does). voxel_out: n_voxels x width[last]; each voxel has a
 * point. taps may be NULL. Threads split voxels; results do not depend on their number. The versions are
 * those of gemm.h, by x->isa. GLINT_E_ARG, GLINT_E_CAPACITY (scratch: glint_vfe_scratch per worker). */
int glint_vfe(struct glint_exec *x, const struct glint_vfe *vfe, const struct glint_points *points,
              const int32_t *point, const int32_t *start, const int32_t *coord, int32_t n_voxels,
              float *voxel_out, const struct glint_vfe_taps *taps);
size_t glint_vfe_scratch(const struct glint_vfe *vfe);
#endif
