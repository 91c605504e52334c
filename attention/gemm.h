/* attention/gemm.h - matrix products with packed weights: C = act(A W' + bias) + residual.
 *
 * One kernel serves linear layers and convolutions: row m of A is given by pointers, in segments of
 * contiguous values, so that an image with channels last needs no copy (K = ky segments of kx * channels). */
#ifndef GLINT_ATTENTION_GEMM_H
#define GLINT_ATTENTION_GEMM_H
#include "core/exec.h"
#include <stdbool.h>

#define GLINT_PANEL   32   /* output columns per packed panel, zero padded */
#define GLINT_FEW     4    /* so few outputs are also kept as rows: a panel would be mostly padding */
#define GLINT_PAIRS_K 4608 /* most inputs of a map in reduced precision */

enum glint_act {
    GLINT_ACT_NONE,
    GLINT_ACT_RELU,
    GLINT_ACT_GELU,      /* exact, by erf */
    GLINT_ACT_RELU_LAST, /* ReLU of the sum with the residual, the others come before it */
};

/* A linear map R^k -> R^n: panels[n/32][k][32] and a bias padded with zeros to whole panels. The same layout
 * for every instruction set. */
struct glint_weights {
    int32_t k, n;
    const float *panels;
    const float *bias;
    const float *rows; /* n x k when n <= GLINT_FEW; NULL otherwise, or where a caller made its own panels */
    const uint16_t *pairs; /* in 16 bits for the kernels that use it: pairs[n/32][k/2][32][2], k rounded up to
                            * even; NULL: float */
    const float *scale;    /* the pairs are integers, times this per output (whole panels); NULL: bfloat16 */
};

size_t glint_weights_bytes(int32_t k, int32_t n);

/* Packs rows (n x k row-major: [out, in]; row stride ld) into memory (aligned to 64, glint_weights_bytes).
 * scale multiplies each output (a folded norm) and may be NULL; bias (n) may be NULL. */
void glint_weights_pack(struct glint_weights *w, void *memory, const float *rows, int64_t ld,
                        const float *scale, const float *bias, int32_t k, int32_t n);

/* What weights, and the rows that meet them, are rounded to in a model of less precision. */
enum glint_narrow {
    GLINT_NARROW_NONE,
    GLINT_NARROW_BF16,
    GLINT_NARROW_I16, /* integers with a scale per output, rows in blocks with a scale each (fixed.h) */
};

/* Weights in reduced precision. Whether a map can have them (n > GLINT_FEW, k <= GLINT_PAIRS_K), their size,
 * and the rounding of packed weights (to nearest, ties to even) into memory of that size. */
bool glint_weights_pairable(int32_t k, int32_t n);
size_t glint_weights_pairs_bytes(int32_t k, int32_t n);
void glint_weights_pair(struct glint_weights *w, void *memory);

/* The same as integers, for k a multiple of GLINT_FIXED_STEP; memory aligned to 64. An output's scale is the
 * least with which no integer is beyond 16 bits and no sum over a block of any row beyond 32: some 14 bits
 * remain of the largest weight. */
size_t glint_weights_fixed_bytes(int32_t k, int32_t n);
void glint_weights_fix(struct glint_weights *w, void *memory);

/* c[m][0..n) = act(sum over s, j of a[s][m][j] * W[s * k/n_segments + j] + bias) (+ residual[m]), one thread.
 * a: n_segments x m pointers, segment-major; each names k / n_segments contiguous floats. c[m] and
 * residual[m] by row strides or pointers; residual[m] may be c[m]. The order of additions for one element
 * does not depend on m or on neighbours. */
struct glint_gemm {
    const struct glint_weights *w;
    int32_t m, n_segments;
    const float *const *rows; /* n_segments x m */
    /* Rows in 16 bits already, instead of `rows`, for weights with pairs and at most 9 segments of whole
     * pairs; or NULL. Of integers: with the scales of their blocks. */
    const uint16_t *const *half_rows;
    const float *const *half_scales; /* n_segments x m, each k / n_segments / block */
    int32_t block;
    float *c;
    int64_t ldc;
    float *const *c_rows;  /* m pointers instead of c/ldc, or NULL */
    const float *residual; /* added after the activation, or NULL */
    int64_t ldr;
    const float *const *residual_rows; /* m pointers instead of residual/ldr, or NULL */
    enum glint_act act;
};
/* Weights of integers in a version that uses them (glint_gemm_avx512vnni, glint_gemm_c): rows are rounded as
 * glint_fixed_row_c does, in blocks of glint_fixed_block(k / n_segments) where they come as floats; integers'
 * sums over a block are exact; then, in this order, sum = fma((float)block's sum, row's scale, sum), and sum
 * * scale + bias. All such versions give the same bits but for GELU.
 *
 * Relative error against double: |err| <= 4 eps sqrt(k) * |A||W| per element (fp32, any version). Weights
 * with pairs in a version that uses them (glint_gemm_avx512bf16): A and W are rounded to bfloat16 first, 2^-9
 * each at most, and numbers below 2^-126 count as zero. */
typedef void glint_gemm_fn(const struct glint_gemm *g);
glint_gemm_fn glint_gemm_c, glint_gemm_avx2, glint_gemm_avx512, glint_gemm_avx512vnni, glint_gemm_avx512bf16;
glint_gemm_fn *glint_gemm_get(unsigned isa);

/* For versions: whether this product's weights of integers can be used; else it is one of floats. */
bool glint_gemm_takes_integers(const struct glint_gemm *g);

/* Plain dense product over all threads: a is m x k with row stride lda. */
int glint_linear(struct glint_exec *x, const struct glint_weights *w, const float *a, int64_t lda, int32_t m,
                 float *c, int64_t ldc, enum glint_act act, const float *residual, int64_t ldr);
#endif
