/* voxel/cuda/unique.h - runs of equal keys on a device. */
#ifndef GLINT_VOXEL_CUDA_UNIQUE_H
#define GLINT_VOXEL_CUDA_UNIQUE_H
#include "core/device.h"
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

/* As glint_unique, over device memory: the runs of equal values among the first *n (at most `most`) of
 * ascending keys. start_out (cap + 1): first position of each run, then the end of the last one reported;
 * run_out (most, or NULL): the run of each key, also beyond cap; *n_runs_out: runs reported, at most cap.
 * scratch: glint_unique_cuda_bytes(most), aligned to 256. Two launches. GLINT_E_DEVICE. */
size_t glint_unique_cuda_bytes(int32_t most);
int glint_unique_cuda(struct glint_stream *s, const uint32_t *key, const int32_t *n, int32_t most,
                      int32_t cap, int32_t *start_out, int32_t *run_out, int32_t *n_runs_out, void *scratch);
#ifdef __cplusplus
}
#endif
#endif
