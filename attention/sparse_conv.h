/* attention/sparse_conv.h - convolutions over sparse sites, by rules of (input, output) pairs per kernel
 * cell: out[o] = act(bias + sum over kernel cells k and pairs (i, o) of k of W_k in[i] (+ residual[o])). */
#ifndef GLINT_ATTENTION_SPARSE_CONV_H
#define GLINT_ATTENTION_SPARSE_CONV_H
#include "attention/gemm.h"

/* Pairs, by tiles of `tile` outputs: as struct glint_rules (voxel/rules.h) has them, and their order. */
struct glint_pairs {
    int32_t n_out, n_cells, tile, n_tiles;
    const int32_t *order; /* n_out: output rows, tile after tile */
    const int32_t *first; /* n_tiles x (n_cells + 1): places in the tile's block */
    const int32_t *in;    /* blocks of tile * n_cells: rows of the input */
    const int32_t *out;   /* the same: rows of the output */
};

struct glint_sparse_conv {
    int32_t c, n, n_cells;
    const struct glint_weights *cell; /* n_cells maps c -> n without bias, in float */
    const float *bias;                /* n */
    enum glint_act act;               /* after the residual */
};

/* in: rows of c values; residual (rows of n, or NULL) and out, which differ: rows of n. Output rows that no
 * pair has are act(bias + residual). In float. For one element additions are: bias, then by ascending kernel
 * cell, then the residual; so results depend on neither tiles nor threads. Relative error as glint_gemm's
 * with k = n_cells * c. Several threads; allocates nothing. */
typedef int glint_sparse_conv_fn(struct glint_exec *x, const struct glint_sparse_conv *s,
                                 const struct glint_pairs *pairs, const float *in, const float *residual,
                                 float *out);
glint_sparse_conv_fn glint_sparse_conv_c; /* plain loops */
glint_sparse_conv_fn glint_sparse_conv; /* products by glint_gemm_get(x->isa), rows by pointers, no copies */
#endif
