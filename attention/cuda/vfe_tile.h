/* attention/cuda/vfe_tile.h - a voxel encoder of two layers in one launch, behind vfe.h. */
#ifndef GLINT_ATTENTION_CUDA_VFE_TILE_H
#define GLINT_ATTENTION_CUDA_VFE_TILE_H
#include "attention/cuda/vfe.h"
#include <stdbool.h>
#ifdef __cplusplus
extern "C" {
#endif

/* Whether there is a kernel for it: 16 bits, two layers of 64 and 128 or 32 and 64, up to 12 columns. It
 * shows the last layer's points only. */
bool glint_vfe_tile_takes(const struct glint_vfe_cuda *v);

/* As glint_vfe_cuda, without scratch. points_out: NULL, or n_points x width[1]. */
int glint_vfe_tile_cuda(struct glint_stream *s, const struct glint_vfe_cuda *v,
                        const struct glint_vfe_points *p, float *voxel_out, float *points_out);
#ifdef __cplusplus
}
#endif
#endif
