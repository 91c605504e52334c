/* voxel/cuda/sort.h - stable sort of pairs on a device: CUB's radix sort behind one function. The only file
 * that includes CUB; the emulation has a plain stand-in. */
#ifndef GLINT_VOXEL_CUDA_SORT_H
#define GLINT_VOXEL_CUDA_SORT_H
#include "core/device.h"
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

/* Device memory that sorting up to cap pairs takes, a multiple of 256; asks CUB, so a device must be open. */
size_t glint_sort_cuda_bytes(int32_t cap);

/* Enqueues a sort of n pairs by the lowest `bits` of their keys (1 <= bits <= 32), equal keys in input order.
 * All arrays are of the device, n each: the pairs come in key[0], value[0] and leave in key[r], value[r] for
 * the r, 0 or 1, that *side_out gets at once. n is the host's: pad with keys that sort behind all others.
 * temp: glint_sort_cuda_bytes(cap), aligned to 256. GLINT_E_DEVICE. */
int glint_sort_cuda(struct glint_stream *s, uint32_t *const key[2], int32_t *const value[2], int32_t n,
                    int32_t bits, void *temp, size_t temp_bytes, int32_t *side_out);
#ifdef __cplusplus
}
#endif
#endif
