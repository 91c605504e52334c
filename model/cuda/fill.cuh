/* model/cuda/fill.cuh - the background at some pixels, by some blocks of FILL_THREADS threads of a launch. */
#ifndef GLINT_MODEL_CUDA_FILL_CUH
#define GLINT_MODEL_CUDA_FILL_CUH
#include "model/cuda/number.cuh"

#define FILL_THREADS 256

/* Items of `step` values each: pieces of a pixel's channels that are moved at once, as many bytes as all of
 * the pixels' addresses have in common. */
static inline int32_t piece_of(const struct glint_cuda_map *a, const struct glint_cuda_map *b)
{
    const int32_t size = a->type == GLINT_DTYPE_F32 ? 4 : 2, most = 16 / size;
    const int64_t odd = a->c | a->ld | a->pitch | b->ld | b->pitch |
                        (int64_t)(((uintptr_t)a->data | (uintptr_t)b->data) & 15) / size;
    return odd % most == 0 ? most : 1;
}

static __device__ __forceinline__ void move(void *to, const void *from, int32_t bytes)
{
    if (bytes == 16)
        *(uint4 *)to = *(const uint4 *)from;
    else if (bytes == 4)
        *(uint32_t *)to = *(const uint32_t *)from;
    else
        *(uint16_t *)to = *(const uint16_t *)from;
}

/* Pixel i of a list, or of the whole map. */
static __device__ __forceinline__ void pixel_of(const struct glint_pixel *pixels, int64_t i, int32_t w,
                                                int32_t *y, int32_t *x)
{
    *y = pixels ? pixels[i].y : (int32_t)(i / w);
    *x = pixels ? pixels[i].x : (int32_t)(i % w);
}

struct fill_job {
    struct glint_cuda_background background;
    struct glint_cuda_map out;
    const struct glint_pixel *pixels; /* NULL: all */
    const int32_t *n;
    int32_t cap, step, blocks; /* of values moved at once; of threads that do it */
};

/* No more blocks than there are pieces for, nor than `most`. */
static inline struct fill_job fill_job_of(const struct glint_cuda_background *b,
                                          const struct glint_pixel *pixels, const int32_t *n, int32_t cap,
                                          const struct glint_cuda_map *out, int32_t most)
{
    const int32_t count = pixels ? cap : out->h * out->w, step = piece_of(out, &b->small);
    const unsigned all = glint_blocks((int64_t)count * (out->c / step), FILL_THREADS);
    const struct fill_job f = {
        *b, *out, pixels, pixels ? n : NULL, count, step, all < (unsigned)most ? (int32_t)all : most};
    return f;
}

static inline int fill_check(const struct glint_cuda_background *b, const struct glint_cuda_map *out)
{
    const struct glint_cuda_map *small = &b->small;
    if (small->c != out->c || small->type != out->type || small->h > out->h || small->w > out->w ||
        b->period < 1 || (out->h - small->h) % b->period || (out->w - small->w) % b->period)
        return glint_fail(GLINT_E_ARG, "a background of %d x %d x %d, period %d, for a map of %d x %d x %d",
                          small->h, small->w, small->c, b->period, out->h, out->w, out->c);
    return GLINT_OK;
}

/* Block `block` of `blocks`: its share. */
static __device__ inline void fill_some(const struct fill_job &f, int32_t block, int32_t blocks)
{
    const struct glint_cuda_map &out = f.out, &small = f.background.small;
    const int32_t pieces = out.c / f.step, size = out.type == GLINT_DTYPE_F32 ? 4 : 2,
                  period = f.background.period;
    const int64_t count = (int64_t)(f.n ? min(*f.n, f.cap) : f.cap) * pieces,
                  all = (int64_t)blocks * FILL_THREADS;
    for (int64_t i = (int64_t)block * FILL_THREADS + threadIdx.x; i < count; i += all) {
        int32_t y, x;
        const int64_t first = i % pieces * f.step;
        pixel_of(f.pixels, i / pieces, out.w, &y, &x);
        const int64_t from =
            pixel_at(small, stand_in(y, out.h, small.h, period), stand_in(x, out.w, small.w, period)) + first;
        move((uint8_t *)out.data + (pixel_at(out, y, x) + first) * size,
             (const uint8_t *)small.data + from * size, f.step * size);
    }
}
#endif
