/* attention/attend.h - one head of attention over one group of tokens. */
#ifndef GLINT_ATTENTION_ATTEND_H
#define GLINT_ATTENTION_ATTEND_H
#include "attention/gemm.h"

/* out = softmax(scale q k') v: m queries, n keys and values, all d wide. Rows by strides, so that a head may
 * be a slice of wider rows. */
struct glint_attend {
    int32_t m, n, d;
    const float *q, *k, *v;
    int64_t ldq, ldk, ldv;
    float scale;
    float *out; /* overlaps none of the others */
    int64_t ldo;
    void *scratch; /* aligned, glint_attend_scratch(n, d) bytes */
};

/* One thread; a result depends on its query, not on m. |error| <= 4e-7 sqrt(d) (1 + largest |scale q k'|)
 * times the largest |v|. A NaN in a query or a key makes the result NaN. */
typedef void glint_attend_fn(const struct glint_attend *a);
glint_attend_fn glint_attend_c, glint_attend_avx2, glint_attend_avx512;
glint_attend_fn *glint_attend_get(unsigned isa);
size_t glint_attend_scratch(int32_t n, int32_t d);

/* In reduced precision: q, k, v and the weights 2^.. of the softmax are rounded to bfloat16 (to nearest, ties
 * to even) before their products; scores, the weights' sum (of those not rounded) and the result are float.
 * Against softmax(scale q k') v of rounded q, k, v: |error| <= 2.2e-3 times the largest |v|, beside the
 * above. */
glint_attend_fn glint_attend_bf16_c, glint_attend_avx512bf16;
glint_attend_fn *glint_attend_bf16_get(unsigned isa);
#endif
