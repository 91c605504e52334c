/* model/cuda/map.cu - see map.h. A thread moves one value, 16 bytes where all addresses allow it.
 *
 * Registers on sm_90; none spills, none has shared memory; all are limited by memory:
 *
 *   kernel       launch                       registers  bytes
 *   scatter      tokens x channels / 256      32         tokens read, pixels written
 *   fill_pixels  pixels x channels / 8 / 256  32         pixels written; the small map stays in the cache
 *   clear        a fill of memory             -          map written (a slice: clear_pixels, 30)
 *   add          pixels x channels / 256      30         two read, one written
 *   to_planes    pixels x channels / 256      32         of a tap only */
#include "model/cuda/map.h"
#include "core/cuda/kernel.h"
#include "model/cuda/fill.cuh"

#define THREADS     256
#define MOST_BLOCKS 4096 /* each thread moves several pieces where there are more */

size_t glint_cuda_map_bytes(int32_t h, int32_t w, int32_t c, enum glint_dtype type)
{
    return (size_t)h * (size_t)w * (size_t)c * (type == GLINT_DTYPE_F32 ? 4 : 2);
}

struct glint_cuda_map glint_cuda_map_of(void *data, int32_t h, int32_t w, int32_t c, enum glint_dtype type)
{
    const struct glint_cuda_map map = {data, type, h, w, c, c, (int64_t)w * c};
    return map;
}

struct glint_cuda_map glint_cuda_map_slice(const struct glint_cuda_map *map, int32_t first_channel,
                                           int32_t n_channels)
{
    struct glint_cuda_map slice = *map;
    slice.data = (uint8_t *)map->data + (size_t)first_channel * (map->type == GLINT_DTYPE_F32 ? 4 : 2);
    slice.c = n_channels;
    return slice;
}

static __global__ void __launch_bounds__(FILL_THREADS) fill_pixels(struct fill_job f)
{
    fill_some(f, (int32_t)blockIdx.x, (int32_t)gridDim.x);
}

/* Blocks for so many items, each thread a few of them where there are many. */
static unsigned blocks_for(int64_t items)
{
    const unsigned all = glint_blocks(items, THREADS);
    return all < MOST_BLOCKS ? all : MOST_BLOCKS;
}

int glint_background_fill_cuda(struct glint_stream *s, const struct glint_cuda_background *b,
                               const struct glint_pixel *pixels, const int32_t *n, int32_t cap,
                               const struct glint_cuda_map *out)
{
    GLINT_TRY(fill_check(b, out));
    const struct fill_job f = fill_job_of(b, pixels, n, cap, out, MOST_BLOCKS);
    return GLINT_LAUNCH(fill_pixels, (unsigned)f.blocks, FILL_THREADS, 0, s, f);
}

static __global__ void __launch_bounds__(THREADS) clear_pixels(struct glint_cuda_map out)
{
    const int64_t count = (int64_t)out.h * out.w * out.c, all = (int64_t)gridDim.x * THREADS;
    for (int64_t i = (int64_t)blockIdx.x * THREADS + threadIdx.x; i < count; i += all) {
        const int64_t pixel = i / out.c;
        store_number(out.data, out.type,
                     pixel_at(out, (int32_t)(pixel / out.w), (int32_t)(pixel % out.w)) + i % out.c, 0.0f);
    }
}

int glint_map_clear_cuda(struct glint_stream *s, const struct glint_cuda_map *out)
{
    if (out->ld == out->c && out->pitch == (int64_t)out->w * out->c)
        return glint_stream_fill(s, out->data, 0, glint_cuda_map_bytes(out->h, out->w, out->c, out->type));
    return GLINT_LAUNCH(clear_pixels, blocks_for((int64_t)out->h * out->w * out->c), THREADS, 0, s, *out);
}

static __global__ void __launch_bounds__(THREADS)
    scatter(const void *tokens, enum glint_dtype type, const int32_t *coord, const int32_t *n, int32_t cap,
            struct glint_cuda_map out)
{
    const int64_t count = (int64_t)min(*n, cap) * out.c, all = (int64_t)gridDim.x * THREADS;
    for (int64_t i = (int64_t)blockIdx.x * THREADS + threadIdx.x; i < count; i += all) {
        const int64_t token = i / out.c;
        const int32_t x = coord[3 * token], y = coord[3 * token + 1];
        if (x >= 0 && x < out.w && y >= 0 && y < out.h)
            store_number(out.data, out.type, pixel_at(out, y, x) + i % out.c, load_number(tokens, type, i));
    }
}

int glint_bev_scatter_cuda(struct glint_stream *s, const void *tokens, enum glint_dtype type,
                           const int32_t *coord, const int32_t *n, int32_t cap,
                           const struct glint_cuda_map *out)
{
    return GLINT_LAUNCH(scatter, blocks_for((int64_t)cap * out->c), THREADS, 0, s, tokens, type, coord, n,
                        cap, *out);
}

static __global__ void __launch_bounds__(THREADS)
    add(struct glint_cuda_map a, struct glint_cuda_map b, struct glint_cuda_map out,
        const struct glint_pixel *pixels, const int32_t *n, int32_t cap)
{
    const int64_t count = (int64_t)(pixels ? min(*n, cap) : cap) * out.c, all = (int64_t)gridDim.x * THREADS;
    for (int64_t i = (int64_t)blockIdx.x * THREADS + threadIdx.x; i < count; i += all) {
        int32_t y, x;
        const int64_t c = i % out.c;
        pixel_of(pixels, i / out.c, out.w, &y, &x);
        store_number(out.data, out.type, pixel_at(out, y, x) + c,
                     load_number(a.data, a.type, pixel_at(a, y, x) + c) +
                         load_number(b.data, b.type, pixel_at(b, y, x) + c));
    }
}

int glint_map_add_cuda(struct glint_stream *s, const struct glint_cuda_map *a, const struct glint_cuda_map *b,
                       const struct glint_cuda_map *out, const struct glint_cuda_places *at)
{
    const struct glint_pixel *pixels = at ? at->pixels : NULL;
    const int32_t cap = pixels ? at->cap_pixels : out->h * out->w;
    if (a->c != out->c || b->c != out->c || a->h != out->h || b->h != out->h || a->w != out->w ||
        b->w != out->w)
        return glint_fail(GLINT_E_ARG, "maps of %d, %d and %d channels are to be added", a->c, b->c, out->c);
    return GLINT_LAUNCH(add, blocks_for((int64_t)cap * out->c), THREADS, 0, s, *a, *b, *out, pixels,
                        pixels ? at->n_pixels : NULL, cap);
}

/* Reads run along channels, a warp's writes along pixels of a row where channels are few. */
static __global__ void __launch_bounds__(THREADS) to_planes(struct glint_cuda_map map, float *out)
{
    const int64_t count = (int64_t)map.h * map.w * map.c, all = (int64_t)gridDim.x * THREADS;
    for (int64_t i = (int64_t)blockIdx.x * THREADS + threadIdx.x; i < count; i += all) {
        const int32_t x = (int32_t)(i % map.w), y = (int32_t)(i / map.w % map.h);
        out[i] = load_number(map.data, map.type, pixel_at(map, y, x) + i / map.w / map.h);
    }
}

int glint_map_planes_cuda(struct glint_stream *s, const struct glint_cuda_map *map, float *out)
{
    return GLINT_LAUNCH(to_planes, blocks_for((int64_t)map->h * map->w * map->c), THREADS, 0, s, *map, out);
}
