/* voxel/coarsen.h - sparse cells gathered into coarser ones: the pooling tables of a network whose stages
 * have ever larger cells. */
#ifndef GLINT_VOXEL_COARSEN_H
#define GLINT_VOXEL_COARSEN_H
#include "core/exec.h"

struct glint_coarse {
    int32_t cap;     /* rows */
    int32_t n_in, n; /* n coarse cells of n_in rows */
    int32_t *coord;  /* n x 3: x, y, z of the coarse cells, ascending by (x, y, z) */
    int32_t *start;  /* n + 1: first position of each one's members */
    int32_t *member; /* n_in: rows, by coarse cell, ascending inside of one */
    int32_t
        *slot; /* n_in, by position: the member's place in its cell, (x % sx * sy + y % sy) * sz + z % sz */
    uint32_t *key[2];    /* scratch, cap each */
    int32_t *order_work; /* scratch, cap */
};
size_t glint_coarse_bytes(int32_t cap);
void glint_coarse_init(struct glint_coarse *c, void *memory, int32_t cap); /* memory: aligned to 64 */

/* Coarse cells are coord / stride per axis, of a grid of dim cells. coord: n x 3 (x, y, z), n <= c->cap.
 * GLINT_E_ARG unless dim and stride are 1 or more with fewer than 2^32 coarse cells, and for a coordinate
 * outside of dim; there are then no cells. The same for any number of threads; allocates nothing. */
int glint_coarsen(struct glint_exec *x, const int32_t dim[3], const int32_t stride[3], const int32_t *coord,
                  int32_t n, struct glint_coarse *c);
#endif
