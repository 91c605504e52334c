/* voxel/sort.h - stable sort of integer keys. */
#ifndef GLINT_VOXEL_SORT_H
#define GLINT_VOXEL_SORT_H
#include "core/exec.h"
#include <stdbool.h>

/* order_out[i] = position in the input of the i-th smallest of n keys; equal keys stay in input order, so
 * that the result is the same for any number of threads. Keys are below 2^bits, 0 <= bits <= 32. key[0] holds
 * the keys; both blocks and order_scratch (n each) are overwritten. With keep_keys the sorted keys are in
 * key[r] for the returned r, 0 or 1; without, r means nothing. x may be NULL: the caller's thread alone. */
int glint_sort(struct glint_exec *x, uint32_t *const key[2], int32_t n, int32_t bits, int32_t *order_out,
               int32_t *order_scratch, bool keep_keys);

/* Bits needed for values 0 .. largest. */
int32_t glint_sort_bits(uint32_t largest);
#endif
