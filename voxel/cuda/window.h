/* voxel/cuda/window.h - the serialisations of a window transformer on a device: glint_window_sort's
 * permutations, all orders of a network at once. */
#ifndef GLINT_VOXEL_CUDA_WINDOW_H
#define GLINT_VOXEL_CUDA_WINDOW_H
#include "core/device.h"
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif
#include "voxel/window.h"

#define GLINT_WINDOW_ORDERS 8 /* most of one call */

/* Device memory for n_orders checked orders of up to cap pillars; a device must be open. */
size_t glint_window_sort_cuda_bytes(const struct glint_window_order *order, int32_t n_orders, int32_t cap);

/* Enqueues perm_out[k][i] = index of the pillar at position i of order[k] for the first *n (device, at most
 * `most` are looked at) pillars, whose cells are distinct and lie in the grid. perm_out is an array of the
 * host of device pointers (most each); scratch: glint_window_sort_cuda_bytes(order, n_orders, most), aligned
 * to 256. GLINT_E_ARG as glint_window_check and for more than GLINT_WINDOW_ORDERS, GLINT_E_DEVICE. */
int glint_window_sort_cuda(struct glint_stream *s, const struct glint_window_order *order, int32_t n_orders,
                           const int32_t *coord, const int32_t *n, int32_t most, int32_t *const *perm_out,
                           void *scratch);
#ifdef __cplusplus
}
#endif
#endif
