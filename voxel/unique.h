/* voxel/unique.h - runs of equal keys. */
#ifndef GLINT_VOXEL_UNIQUE_H
#define GLINT_VOXEL_UNIQUE_H
#include <stdint.h>

/* Finds the runs of equal values in n ascending keys. start_out[r] = first position of run r and
 * start_out[runs] = the end of the last; at most cap runs are reported, so start_out has cap + 1 places.
 * Returns the runs reported; start_out[runs] < n says that there were more. cap >= 0. */
int32_t glint_unique(const uint32_t *key, int32_t n, int32_t cap, int32_t *start_out);
#endif
