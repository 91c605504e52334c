/* voxel/cuda/voxelize.h - points to pillars (voxels) on a device: what glint_voxelize gives, number for
 * number.
 *
 *     glint_voxels_cuda_init(&v, memory, cap_points, cap_voxels);              once
 *     glint_voxelize_cuda(s, &grid, x, y, z, n, most, false, &v);              per frame: enqueues, never
 * waits kernels that follow read v.count[GLINT_VOXELS_N] on the device and are launched over cap_voxels */
#ifndef GLINT_VOXEL_CUDA_VOXELIZE_H
#define GLINT_VOXEL_CUDA_VOXELIZE_H
#include "core/device.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif
#include "voxel/cell.h"

/* Places in glint_voxels_cuda.count; IN = POINTS + REJECTED + CLIPPED + DROPPED. */
enum glint_voxels_count {
    GLINT_VOXELS_N,        /* voxels */
    GLINT_VOXELS_POINTS,   /* in them */
    GLINT_VOXELS_IN,       /* points given */
    GLINT_VOXELS_REJECTED, /* by filter, grid, or not finite */
    GLINT_VOXELS_CLIPPED,  /* in voxels beyond cap_voxels */
    GLINT_VOXELS_DROPPED,  /* in the first voxel, with drop_first */
    GLINT_VOXELS_COUNTS = 8
};

/* All pointers are of the device. Valid until the next glint_voxelize_cuda. */
struct glint_voxels_cuda {
    int32_t cap_points, cap_voxels;
    int32_t *count;  /* GLINT_VOXELS_COUNTS */
    int32_t *point;  /* n_points: index of the input point; sorted by voxel, input order inside one */
    int32_t *voxel;  /* n_points: the voxel of each entry of `point` */
    int32_t *start;  /* n_voxels + 1: first entry of `point` of each voxel */
    int32_t *coord;  /* n_voxels x 3: x, y, z cell */
    int32_t *sorted; /* n_in: all input points by cell, the n_rejected refused ones last and ascending */
    /* private scratch */
    uint32_t *key[2];
    int32_t *order[2];
    int32_t *block;
    void *temp;
    size_t temp_bytes;
};

/* Device memory of it all; 0 for capacities below 1. A device must be open. */
size_t glint_voxels_cuda_bytes(int32_t cap_points, int32_t cap_voxels);

/* Carves v from memory of the device, aligned to 256. */
void glint_voxels_cuda_init(struct glint_voxels_cuda *v, void *memory, int32_t cap_points,
                            int32_t cap_voxels);

/* Enqueues the voxelisation of the first *n points (device; no more than `most` <= cap_points, over which it
 * is launched, are looked at). Leaves out the filter of g with no_filter. v->sorted is set at once, the rest
 * as the stream gets there. GLINT_E_ARG for a grid that glint_grid_check refuses or `most` beyond the
 * capacity, GLINT_E_DEVICE. */
int glint_voxelize_cuda(struct glint_stream *s, const struct glint_grid *g, const float *x, const float *y,
                        const float *z, const int32_t *n, int32_t most, bool no_filter,
                        struct glint_voxels_cuda *v);
#ifdef __cplusplus
}
#endif
#endif
