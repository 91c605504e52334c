/* attention/cuda/vfe_decorate.cuh - what a voxel encoder's first layer sees of a point, as attention/vfe.c
 * makes it: each operation rounded, in the same order. */
#ifndef GLINT_ATTENTION_CUDA_VFE_DECORATE_CUH
#define GLINT_ATTENTION_CUDA_VFE_DECORATE_CUH
#include "attention/cuda/vfe.h"
#include "core/cuda/kernel.h"

static __device__ inline float glint_vfe_field(const struct glint_vfe_points &p, int32_t index, int32_t point)
{
    return p.field[index] ? p.field[index][point] : 0.0f;
}

/* The mean of coordinate `axis` over a voxel's points, added in input order; an empty slot at the end is
 * none. */
static __device__ inline float glint_vfe_mean(const struct glint_vfe_points &p, int32_t voxel, int32_t axis)
{
    const int32_t begin = p.start[voxel];
    int32_t end = p.start[voxel + 1];
    end -= p.point[end - 1] < 0;
    float sum = 0.0f;
    for (int32_t i = begin; i < end; i++)
        sum = __fadd_rn(sum, glint_vfe_field(p, axis, p.point[i]));
    return __fdiv_rn(sum, (float)(end - begin));
}

/* Column c of sorted point i, which lies in `voxel` of mean[3]. */
static __device__ inline float glint_vfe_input(const struct glint_vfe &vfe, const struct glint_vfe_points &p,
                                               const float *mean, int32_t i, int32_t voxel, int32_t c)
{
    const struct glint_vfe_column &column = vfe.column[c];
    const int32_t point = p.point[i], index = column.index;
    if (point < 0)
        return 0.0f;
    float subtract = 0.0f;
    if (column.source == GLINT_VFE_MEAN)
        subtract = mean[index];
    else if (column.source == GLINT_VFE_CENTRE)
        subtract = __fadd_rn(__fmul_rn((float)p.coord[3 * (int64_t)voxel + index], vfe.cell[index]),
                             vfe.centre_offset[index]);
    return __fmul_rn(__fsub_rn(glint_vfe_field(p, index, point), subtract), column.scale);
}
#endif
