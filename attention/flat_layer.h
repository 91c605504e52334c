/* attention/flat_layer.h - one post-norm transformer layer over equal-size groups of sorted tokens
 * (FlatFormer, Liu et al., CVPR 2023, section 3; exact rules in DESIGN's golden README, 3.4). */
#ifndef GLINT_ATTENTION_FLAT_LAYER_H
#define GLINT_ATTENTION_FLAT_LAYER_H
#include "attention/gemm.h"

enum glint_short_group {                           /* fewer tokens than one group */
                         GLINT_SHORT_GROUP_SINGLE, /* one group of the n tokens */
                         GLINT_SHORT_GROUP_WRAP,   /* tokens repeated, i mod n, up to a whole group */
};

struct glint_flat_layer {
    int32_t dim, heads, ffn, group;
    struct glint_weights qk;  /* dim -> 2 dim: q rows, then k rows; input x + pe */
    struct glint_weights v;   /* dim -> dim; input x */
    struct glint_weights out; /* dim -> dim */
    struct glint_weights fc1, fc2;
    const float *norm1_weight, *norm1_bias, *norm2_weight, *norm2_bias; /* dim each */
    float norm_eps;
    enum glint_short_group short_group;
};

/* in, pe, out: n x dim in token order; in and out differ. perm: sorted position -> token. Group k takes
 * sorted positions k*g .. k*g+g-1; the last group attends over the last g tokens and only its last (n mod g)
 * results count. attn_out (ceil(n/g)*g x dim, padded group order; NULL in ordinary runs) gets the attention
 * output before the residual. Threads split groups; results do not depend on their number. Scratch per
 * worker: glint_flat_layer_scratch. The versions are those of its kernels (gemm, softmax, norm), by x->isa.
 * GLINT_E_ARG, GLINT_E_CAPACITY (scratch). */
int glint_flat_layer(struct glint_exec *x, const struct glint_flat_layer *layer, const float *in,
                     const float *pe, const int32_t *perm, int32_t n, float *out, float *attn_out);
size_t glint_flat_layer_scratch(const struct glint_flat_layer *layer);
#endif
