/* attention/cuda/flat_group.h - a whole layer in one launch where a group fits a block, behind flat_layer.h.
 */
#ifndef GLINT_ATTENTION_CUDA_FLAT_GROUP_H
#define GLINT_ATTENTION_CUDA_FLAT_GROUP_H
#include "attention/cuda/flat_layer.h"
#include <stdbool.h>
#ifdef __cplusplus
extern "C" {
#endif

/* Whether there is a kernel for it: 16 bits, width 64 or 128, heads of 16, inner width twice the width,
 * groups of up to 80. Weights play no part. */
bool glint_flat_group_takes(const struct glint_flat_layer_cuda *l);

/* As glint_flat_layer_cuda, without scratch. */
int glint_flat_group_cuda(struct glint_stream *s, const struct glint_flat_layer_cuda *l, const float *in,
                          const float *pe, const int32_t *perm, const int32_t *n, int32_t most, float *out,
                          float *attn_out);
#ifdef __cplusplus
}
#endif
#endif
