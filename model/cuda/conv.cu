/* model/cuda/conv.cu - see conv.h: shapes, weights' layout, and the plain products of floats.
 *
 * Weights of floats: per place of a transposed convolution rows [taps * k][n], n rounded up to 64 by zeros;
 * then as many biases. Those of 16 bits are in conv16.cuh.
 *
 *   kernel               launch                            registers, shared bytes (sm_90, no spills)
 *   product<conv_plain>  pixels / 64 x n / 64 (x places)   48, 8448
 *                        2 * taps * k * n FLOPs per pixel; see product.cuh for what limits it */
#include "model/cuda/conv16.cuh"
#include "model/cuda/product.cuh"

/* The value for input i of output j of packed weights. */
static float weight_at(const struct glint_weights *w, int64_t i, int64_t j)
{
    return w->panels[(j / GLINT_PANEL * w->k + i) * GLINT_PANEL + j % GLINT_PANEL];
}

static size_t rounded(size_t bytes)
{
    return (bytes + 255) / 256 * 256;
}

static int32_t taps_of(const struct glint_cuda_conv *c)
{
    return c->kernel * c->kernel;
}

static size_t values_bytes(const struct glint_cuda_conv *c)
{
    const size_t places = (size_t)c->scale * (size_t)c->scale;
    if (c->type != GLINT_DTYPE_F32)
        return rounded(places * glint_conv16_values(taps_of(c), c->k, c->n) * 2);
    return rounded(places * (size_t)taps_of(c) * (size_t)c->k * (size_t)product_ldw(c->n) * sizeof(float));
}

size_t glint_cuda_conv_bytes(const struct glint_cuda_conv *c)
{
    return values_bytes(c) + rounded((size_t)product_ldw(c->n) * sizeof(float));
}

static void pack_floats(const struct glint_cuda_conv *c, const struct glint_weights *w, float *to)
{
    const int64_t k = (int64_t)taps_of(c) * c->k, ldw = product_ldw(c->n);
    for (int64_t i = 0; i < k; i++)
        for (int64_t j = 0; j < ldw; j++)
            to[i * ldw + j] = j < c->n ? weight_at(w, i, j) : 0.0f;
}

void glint_cuda_conv_pack(const struct glint_cuda_conv *c, const struct glint_weights *weights, void *host)
{
    const int32_t places = c->scale * c->scale;
    float *bias = (float *)((uint8_t *)host + values_bytes(c));
    memset(host, 0, glint_cuda_conv_bytes(c));
    for (int32_t place = 0; place < places; place++)
        if (c->type == GLINT_DTYPE_F32)
            pack_floats(c, &weights[place],
                        (float *)host +
                            (size_t)place * (size_t)taps_of(c) * (size_t)c->k * (size_t)product_ldw(c->n));
        else
            glint_conv16_pack(c, &weights[place],
                              (uint16_t *)host + (size_t)place * glint_conv16_values(taps_of(c), c->k, c->n));
    for (int32_t j = 0; j < c->n && weights[0].bias; j++)
        bias[j] = weights[0].bias[j];
}

void glint_cuda_conv_set(struct glint_cuda_conv *c, const void *device)
{
    c->weights = device;
    c->bias = (const float *)((const uint8_t *)device + values_bytes(c));
}

/* Rows of a product that are pixels: neighbourhoods of outputs, or inputs of a transposed convolution, whose
 * place is the block's z. */
struct conv_plain {
    typedef float value;
    int32_t n_segments, k, n, ldw;
    struct glint_conv16_job job;

    __device__ int32_t n_rows() const
    {
        return job.n_rows();
    }
    __device__ const float *row(int32_t m, int32_t segment) const
    {
        int32_t y, x;
        job.input(m, segment, &y, &x);
        const struct glint_cuda_map &in = job.in;
        return y >= 0 && y < in.h && x >= 0 && x < in.w ? (const float *)in.data + pixel_at(in, y, x) : NULL;
    }
    __device__ const float *weights_at() const
    {
        return (const float *)job.weights + (int64_t)blockIdx.z * n_segments * k * ldw;
    }
    __device__ void put(int32_t m, int32_t j, float sum) const
    {
        int32_t y, x;
        job.output(m, (int32_t)blockIdx.z, &y, &x);
        job.store(y, x, j, sum);
    }
};

static int check_sizes(const struct glint_cuda_conv *c, const struct glint_cuda_map *in,
                       const struct glint_cuda_map *out)
{
    const int32_t pad = c->kernel == 3 ? 1 : 0;
    const bool up = c->scale > 1;
    const int32_t h = up ? c->scale * in->h : (in->h + 2 * pad - c->kernel) / c->stride + 1;
    const int32_t w = up ? c->scale * in->w : (in->w + 2 * pad - c->kernel) / c->stride + 1;
    if (out->h == h && out->w == w && in->c == c->k && out->c == c->n && in->type == c->type)
        return GLINT_OK;
    return glint_fail(
        GLINT_E_ARG,
        "a convolution %d -> %d by %d x %d, stride %d, of a map of %d x %d x %d makes no %d x %d x %d", c->k,
        c->n, c->kernel, c->kernel, c->stride, in->h, in->w, in->c, out->h, out->w, out->c);
}

static int check(const struct glint_cuda_conv *c, const struct glint_cuda_map *in,
                 const struct glint_cuda_map *residual, const struct glint_cuda_map *out)
{
    GLINT_TRY(check_sizes(c, in, out));
    if (residual && (residual->h != out->h || residual->w != out->w || residual->c != out->c))
        return glint_fail(GLINT_E_ARG, "a residual of %d x %d x %d for a map of %d x %d x %d", residual->h,
                          residual->w, residual->c, out->h, out->w, out->c);
    if (c->act == GLINT_ACT_GELU || (c->scale > 1 && (c->kernel != 1 || c->stride != 1)) ||
        (c->dilation > 1 && (c->kernel != 3 || c->stride != 1)))
        return glint_fail(GLINT_E_ARG,
                          "a convolution of kernel %d, stride %d, dilation %d, scale %d, activation %d",
                          c->kernel, c->stride, c->dilation, c->scale, (int)c->act);
    return GLINT_OK;
}

int glint_conv_cuda(struct glint_stream *s, const struct glint_cuda_conv *c, const struct glint_cuda_map *in,
                    const struct glint_cuda_map *residual, const struct glint_cuda_map *out,
                    const struct glint_cuda_places *at)
{
    GLINT_TRY(check(c, in, residual, out));
    struct glint_conv16_job job;
    memset(&job, 0, sizeof job);
    job.set(c, in, residual, out, at);
    if (c->type != GLINT_DTYPE_F32)
        return glint_conv16(s, c, &job, at);
    if (at && at->fill)
        GLINT_TRY(glint_background_fill_cuda(s, at->background, at->fill, at->n_fill, at->cap_fill, out));
    const struct conv_plain p = {taps_of(c), c->k, c->n, product_ldw(c->n), job};
    return launch_product(s, p, job.cap, (unsigned)(c->scale * c->scale));
}
