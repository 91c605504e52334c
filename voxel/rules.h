/* voxel/rules.h - rulebooks: which input row meets which kernel cell for which output row of a sparse
 * convolution. Made once for a pair of site sets, used by all layers between them.
 *
 * Pairs are kept for tiles of outputs, so that a tile's results stay in the cache while all kernel cells add
 * to them, and no two threads write to one row (attention/sparse_conv.h). */
#ifndef GLINT_VOXEL_RULES_H
#define GLINT_VOXEL_RULES_H
#include "voxel/sites.h"

#define GLINT_RULES_TILE 256 /* outputs */

/* Tile t has the outputs order[t * GLINT_RULES_TILE ...]; its pairs lie from t * GLINT_RULES_TILE * n_cells
 * on in `in` and `out`, and there those of kernel cell k at first[t * (n_cells + 1) + k] up to the next one's
 * beginning, in the order of the outputs. */
struct glint_rules {
    int32_t cap_out, n_cells;
    int32_t n_in, n_out, n_tiles;
    const int32_t *order; /* n_out: output rows by (z, y, x); of the output sites */
    int32_t *first;
    int32_t *in, *out; /* rows */
};

/* Carves arrays for cap_out outputs of kernels of n_cells (glint_stencil_cells) from memory aligned to 64. */
size_t glint_rules_bytes(int32_t cap_out, int32_t n_cells);
void glint_rules_init(struct glint_rules *r, void *memory, int32_t cap_out, int32_t n_cells);

/* Fills r for a stencil (as checked by glint_stencil_check) between indexed sites; for a submanifold
 * convolution `in` and `out` are the same set. out->n <= r->cap_out. The same for any number of threads;
 * allocates nothing. */
int glint_rules_make(struct glint_exec *x, const struct glint_stencil *k, const struct glint_sites *in,
                     const struct glint_sites *out, struct glint_rules *r);

/* Pairs of each kernel cell to count_out[n_cells] (or NULL); returns the number of all. */
int64_t glint_rules_count(const struct glint_rules *r, int64_t *count_out);
#endif
