/* attention/cuda/flat_layer.h - a transformer layer over equal-size groups of sorted tokens, on a device
 * (attention/flat_layer.h). */
#ifndef GLINT_ATTENTION_CUDA_FLAT_LAYER_H
#define GLINT_ATTENTION_CUDA_FLAT_LAYER_H
#include "attention/cuda/gemm.h"
#ifdef __cplusplus
extern "C" {
#endif
#include "attention/flat_layer.h"

/* A layer with its weights on the device. */
struct glint_flat_layer_cuda {
    int32_t dim, heads, ffn, group;
    enum glint_short_group short_group;
    enum glint_precision precision;
    struct glint_matrix_cuda qkv; /* dim -> 3 dim: q, k, v; or dim -> 2 dim, where v is apart */
    struct glint_matrix_cuda v;   /* dim -> dim; values NULL: in qkv (2 dim is a multiple of 64) */
    struct glint_matrix_cuda out, fc1, fc2;
    const float *norm1_weight, *norm1_bias, *norm2_weight, *norm2_bias;
    float norm_eps;
};

/* Bytes of the packed weights, and the packing (as glint_matrix_cuda_pack). */
size_t glint_flat_layer_cuda_weights_bytes(const struct glint_flat_layer *layer,
                                           enum glint_precision precision);
void glint_flat_layer_cuda_pack(struct glint_flat_layer_cuda *l, const struct glint_flat_layer *layer,
                                enum glint_precision precision, void *host, const void *device);

/* Enqueues glint_flat_layer over the first *n (device, at most `most`) tokens: in, pe, out n x dim float in
 * token order, all distinct; perm: sorted position -> token. attn_out: NULL in ordinary runs, or as in
 * flat_layer.h (for `most` tokens). scratch: glint_flat_layer_cuda_scratch, aligned to 256. GLINT_E_ARG,
 * GLINT_E_DEVICE. */
int glint_flat_layer_cuda(struct glint_stream *s, const struct glint_flat_layer_cuda *l, const float *in,
                          const float *pe, const int32_t *perm, const int32_t *n, int32_t most, float *out,
                          float *attn_out, void *scratch);
size_t glint_flat_layer_cuda_scratch(const struct glint_flat_layer_cuda *l, int32_t most, bool attn_out);
#ifdef __cplusplus
}
#endif
#endif
