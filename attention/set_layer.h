/* attention/set_layer.h - a post-norm transformer layer over sets of rows of any size, as window transformers
 * on sparse cells have them (DSVT: Wang et al., CVPR 2023; SST: Fan et al., CVPR 2022).
 *
 * For the rows x of one set, with p the position table's row of each:
 *     a = attention(q = k = x + p, v = x)      over the set's rows
 *     y = norm1(x + a);  z = norm2(y + fc2(act(fc1(y))))
 *     out = z                                  without `outer` (SST)
 *     out = outer(z + x)                       with it (DSVT)
 *     out = last(outer(z + x) + residual)      with `last` too: the end of a block of layers
 * Attention is softmax(q k' / sqrt(head width)) v, or with `temperature` the cosine of q and k over the
 * head's temperature (SST's). */
#ifndef GLINT_ATTENTION_SET_LAYER_H
#define GLINT_ATTENTION_SET_LAYER_H
#include "attention/gemm.h"

struct glint_norm_weights {
    const float *weight, *bias; /* NULL: there is no such norm */
};

struct glint_set_layer {
    int32_t dim, heads, ffn;
    int32_t largest; /* most rows of a set */
    enum glint_act act;
    struct glint_weights qk;  /* dim -> 2 dim: q rows, then k rows */
    struct glint_weights v;   /* dim -> dim */
    struct glint_weights out; /* dim -> dim */
    struct glint_weights fc1, fc2;
    struct glint_norm_weights norm1, norm2, outer, last;
    float norm_eps;
    const float *position;    /* table of rows of dim */
    const float *temperature; /* heads, each > 0; NULL: not the cosine */
};

struct glint_set_rows { /* what a layer reads and writes */
    int32_t n, n_sets;
    const float *in;       /* n x dim */
    const int32_t *place;  /* n: row of the position table */
    const int32_t *order;  /* n: position -> row */
    const int32_t *start;  /* n_sets + 1: first position of each set; each holds 1 .. largest */
    const float *residual; /* n x dim, for `last`; else unused */
    float *out;            /* n x dim, none of the inputs */
    float *attended;       /* n x dim: a; NULL in ordinary runs */
    float *inner;          /* n x dim: z; NULL in ordinary runs */
    float *layered;        /* n x dim, with `last`: outer(z + x); NULL in ordinary runs */
};

/* Threads split sets; results do not depend on their number, nor a row's on other sets. The versions are
 * those of its kernels (gemm, attend, norm), by x->isa. Scratch per worker: glint_set_layer_scratch.
 * Allocates nothing. GLINT_E_ARG (a set larger than `largest`, sizes), GLINT_E_CAPACITY (scratch). */
int glint_set_layer(struct glint_exec *x, const struct glint_set_layer *layer,
                    const struct glint_set_rows *rows);
size_t glint_set_layer_scratch(const struct glint_set_layer *layer);

/* The position table of a small network, Linear -> norm (folded), ReLU -> Linear, over all places of a window
 * of size[0] x size[1] x size[2] cells (counted as voxel/sets.h counts them): inputs (x - size[0] / 2, y -
 * size[1] / 2
 * [, z - size[2] / 2]), the third where first->k is 3. out: places x second->n. All threads of x;
 * GLINT_E_NOMEM. */
int glint_set_positions(struct glint_exec *x, const struct glint_weights *first,
                        const struct glint_weights *second, const int32_t size[3], float *out);

/* The sinusoidal table of SST: per axis (x, y, and z where size[2] > 1) floor(dim / axes) values, sin (even)
 * or cos (odd j) of (place - size / 2) / base^(2 floor(j / 2) / values), axes one after another, then zeros
 * up to dim. */
void glint_set_sines(const int32_t size[3], int32_t dim, float base, float *out);
#endif
