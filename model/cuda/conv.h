/* model/cuda/conv.h - convolutions of maps on the device: 3x3 (stride 1, 2; dilated), 2x2, 1x1, and
 * transposed ones with kernel = stride, as glint_conv3x3_at and its relatives of bev.h have them, at listed
 * pixels.
 *
 * Maps of floats: plain products of floats, no tensor cores. Maps of 16 bits (weights of the same type):
 * products of 16 bits with sums in float on tensor cores where channels are multiples of 8; bias, activation
 * and the residual are applied in float. The output may be of 16 bits or floats.
 *
 *     struct glint_cuda_conv c = {.kernel = 3, .stride = 1, .dilation = 1, .scale = 1, .k = 128, .n = 128,
 *                                 .type = GLINT_DTYPE_BF16, .act = GLINT_ACT_RELU};
 *     glint_cuda_conv_pack(&c, &params->weights, host);      once, glint_cuda_conv_bytes(&c)
 *     ... copy to device memory ...
 *     glint_cuda_conv_set(&c, device);
 *     glint_conv_cuda(stream, &c, &in, NULL, &out, &places);  per frame
 */
#ifndef GLINT_MODEL_CUDA_CONV_H
#define GLINT_MODEL_CUDA_CONV_H
#ifdef __cplusplus
extern "C" {
#endif
#include "attention/gemm.h"
#include "model/cuda/map.h"

struct glint_cuda_conv {
    int32_t kernel;        /* 1, 2 or 3 pixels per side; 1 of a transposed one */
    int32_t stride;        /* 1 or 2 */
    int32_t dilation;      /* pixels between the cells of kernel 3; 1: side by side */
    int32_t scale;         /* > 1: transposed, out is so many times as high and wide; 1: not */
    int32_t k, n;          /* channels in and out */
    enum glint_dtype type; /* of the weights and the input */
    enum glint_act act;    /* none, ReLU, ReLU last */
    const void *weights;   /* device; glint_cuda_conv_set */
    const float *bias;
};

/* Weights (scale * scale maps of a transposed convolution, one otherwise; float panels are read) in the
 * kernels' layout, in `host` of so many bytes; and the pointers to a copy of it on the device, aligned to
 * 256. */
size_t glint_cuda_conv_bytes(const struct glint_cuda_conv *c);
void glint_cuda_conv_pack(const struct glint_cuda_conv *c, const struct glint_weights *weights, void *host);
void glint_cuda_conv_set(struct glint_cuda_conv *c, const void *device);

/* out = act(conv(in) + bias) (+ residual, of out's shape; NULL: none) at the places: pixels of the output, of
 * a transposed convolution's input. Where both pixels and tiles are given, the faster is used. GLINT_E_ARG
 * for shapes that do not fit. Floats: the relative error of glint_gemm_fn. */
int glint_conv_cuda(struct glint_stream *s, const struct glint_cuda_conv *c, const struct glint_cuda_map *in,
                    const struct glint_cuda_map *residual, const struct glint_cuda_map *out,
                    const struct glint_cuda_places *at);

#ifdef __cplusplus
}
#endif
#endif
