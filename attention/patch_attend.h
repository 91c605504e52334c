/* attention/patch_attend.h - self-attention of tokens over patches: runs of equal length along an order of
 * theirs (Point Transformer V3, Wu et al., CVPR 2024, section 4). */
#ifndef GLINT_ATTENTION_PATCH_ATTEND_H
#define GLINT_ATTENTION_PATCH_ATTEND_H
#include "core/exec.h"
#include <stdbool.h>

/* A patch's keys are positions first .. first + n - 1 of the order; those from `fresh` on are the queries
 * whose results count. Of more than `size` tokens the last patch is filled up with the end of the one before
 * it; of fewer there is one patch of all. */
struct glint_patch {
    int32_t first, n, fresh;
};
int32_t glint_patch_count(int32_t n_tokens, int32_t size);
struct glint_patch glint_patch_at(int32_t n_tokens, int32_t size, int32_t index);

struct glint_patch_attend {
    int32_t dim, heads; /* head h has channels h * dim / heads .. */
    int32_t size;       /* tokens of a patch */
    bool narrow;        /* products in bfloat16, where attend.h has them */
};

/* out[t] (n x dim) = softmax(q k' / sqrt(dim / heads)) v per head over the patch of t; qkv: n x 3 dim, rows
 * q, k, v; order: position -> token. Uses x's threads, one head of one patch at a time; the result does not
 * depend on them. Error as glint_attend_fn. Allocates nothing; GLINT_E_CAPACITY when a worker has less than
 * glint_patch_attend_scratch bytes left. */
int glint_patch_attend(struct glint_exec *x, const struct glint_patch_attend *p, const float *qkv,
                       const int32_t *order, int32_t n, float *out);
size_t glint_patch_attend_scratch(const struct glint_patch_attend *p);

/* Multiply-adds x 2 over n tokens, borrowed ones counted. */
double glint_patch_attend_flop(const struct glint_patch_attend *p, int32_t n);
#endif
