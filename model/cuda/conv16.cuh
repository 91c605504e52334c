/* model/cuda/conv16.cuh - what convolutions of floats and of 16 bits have in common, and the latter's door;
 * for conv.cu and conv16.cu. */
#ifndef GLINT_MODEL_CUDA_CONV16_CUH
#define GLINT_MODEL_CUDA_CONV16_CUH
#include "model/cuda/conv.h"
#include "model/cuda/number.cuh"

/* Weights in 16 bits: [place][tap][k / 16][n / 16][lane][8], zero padded, in the order in which a lane of a
 * warp multiplies them: of output block + lane / 4 (+ 8 in the second four) inputs 2 (lane % 4) + 0, 1, 8, 9.
 * One place's count; packing of it. */
size_t glint_conv16_values(int32_t taps, int32_t k, int32_t n);
void glint_conv16_pack(const struct glint_cuda_conv *c, const struct glint_weights *weights, uint16_t *to);

struct glint_conv16_job {                    /* a convolution at listed pixels */
    struct glint_cuda_map in, residual, out; /* residual.data NULL: none */
    const void *weights;
    const float *bias;
    int32_t kernel, stride, dilation, scale;
    enum glint_act act;
    const struct glint_pixel *pixels; /* NULL: all */
    const int32_t *n_pixels;
    int32_t cap, across; /* across: pixels of a row where all are meant */

    void set(const struct glint_cuda_conv *c, const struct glint_cuda_map *from,
             const struct glint_cuda_map *added, const struct glint_cuda_map *to,
             const struct glint_cuda_places *at)
    {
        const struct glint_cuda_map *listed = c->scale > 1 ? from : to;
        in = *from;
        if (added)
            residual = *added;
        out = *to;
        weights = c->weights;
        bias = c->bias;
        kernel = c->kernel;
        stride = c->stride;
        dilation = c->dilation > 1 ? c->dilation : 1;
        scale = c->scale;
        act = c->act;
        pixels = at ? at->pixels : NULL;
        n_pixels = pixels ? at->n_pixels : NULL;
        cap = pixels ? at->cap_pixels : listed->h * listed->w;
        across = listed->w;
    }

    __device__ __forceinline__ int32_t n_rows() const
    {
        return pixels ? min(*n_pixels, cap) : cap;
    }
    __device__ __forceinline__ void place(int32_t m, int32_t *y, int32_t *x) const
    {
        *y = pixels ? pixels[m].y : m / across;
        *x = pixels ? pixels[m].x : m % across;
    }
    /* The input that tap `tap` of row m reads; it may lie outside. */
    __device__ __forceinline__ void input(int32_t m, int32_t tap, int32_t *y, int32_t *x) const
    {
        const int32_t pad = kernel == 3 ? 1 : 0;
        place(m, y, x);
        *y = *y * stride + (tap / kernel - pad) * dilation;
        *x = *x * stride + (tap % kernel - pad) * dilation;
    }
    /* The output of row m; of place `at` of a transposed convolution. */
    __device__ __forceinline__ void output(int32_t m, int32_t at, int32_t *y, int32_t *x) const
    {
        place(m, y, x);
        *y = *y * scale + at / scale;
        *x = *x * scale + at % scale;
    }
    /* Value j of a pixel from its sum of products. */
    __device__ __forceinline__ float finished(int32_t y, int32_t x, int32_t j, float sum) const
    {
        float v = sum + bias[j];
        if (act == GLINT_ACT_RELU)
            v = v < 0.0f ? 0.0f : v;
        if (residual.data)
            v += load_number(residual.data, residual.type, pixel_at(residual, y, x) + j);
        if (act == GLINT_ACT_RELU_LAST)
            v = v < 0.0f ? 0.0f : v;
        return v;
    }
    __device__ __forceinline__ void store(int32_t y, int32_t x, int32_t j, float sum) const
    {
        store_number(out.data, out.type, pixel_at(out, y, x) + j, finished(y, x, j, sum));
    }
};

int glint_conv16(struct glint_stream *s, const struct glint_cuda_conv *c, const struct glint_conv16_job *job,
                 const struct glint_cuda_places *at);
#endif
