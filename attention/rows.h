/* attention/rows.h - what transformer blocks do to each token by itself: layer norm before or after a linear
 * map, and two maps with an activation between them. Rows pass in pieces that stay in the second-level cache
 * between the steps. */
#ifndef GLINT_ATTENTION_ROWS_H
#define GLINT_ATTENTION_ROWS_H
#include "attention/gemm.h"

struct glint_layer_norm { /* of rows; see norm.h */
    const float *weight, *bias;
    float eps;
};

/* All: m rows, one after another; several threads, on which results do not depend; no allocation. Memory of
 * each worker: glint_rows_scratch(the widest row between the steps), GLINT_E_CAPACITY where that is missing.
 * Errors as gemm.h and norm.h have them. */
size_t glint_rows_scratch(int32_t width);

/* out (m x w->n) = w norm(in) */
int glint_norm_linear(struct glint_exec *x, const struct glint_layer_norm *norm,
                      const struct glint_weights *w, const float *in, int32_t m, float *out);

/* branch = norm(w in), out = residual + branch (m x w->n). branch NULL: not wanted. residual may be out. */
int glint_linear_norm(struct glint_exec *x, const struct glint_weights *w,
                      const struct glint_layer_norm *norm, const float *in, int32_t m, const float *residual,
                      float *out, float *branch);

/* branch = fc2 gelu(fc1 norm(in)), out = in + branch (m x fc2->n = fc1->k). Scratch for the width fc1->k +
 * fc1->n. */
int glint_norm_mlp(struct glint_exec *x, const struct glint_layer_norm *norm, const struct glint_weights *fc1,
                   const struct glint_weights *fc2, const float *in, int32_t m, float *out, float *branch);
#endif
