/* model/bev.c - see bev.h.
 *
 * A 3x3 convolution is a product whose row m is the neighbourhood of output pixel m: with channels last,
 * three runs of 3 c contiguous floats (nine of c in a slice of a wider map). Nothing is copied; pixels are
 * handed out in tiles of a few rows, so that neighbourhoods overlap in the cache. */
#include "model/bev.h"
#include <assert.h>
#include <string.h>

#define TILE_W    28 /* output pixels of a tile: TILE_W x TILE_H, a multiple of the kernels' 14 rows */
#define TILE_H    4
#define TILE      (TILE_W * TILE_H)
#define CONV_TAPS 9

size_t glint_map_bytes(int32_t h, int32_t w, int32_t c)
{
    return ((size_t)h + 2) * ((size_t)w + 2) * (size_t)c * sizeof(float);
}

void glint_map_init(struct glint_map *map, void *memory, int32_t h, int32_t w, int32_t c)
{
    *map = (struct glint_map){.h = h, .w = w, .c = c, .ld = c, .pitch = ((int64_t)w + 2) * c};
    map->data = (float *)memory + map->pitch + map->ld;
}

struct glint_map glint_map_slice(const struct glint_map *map, int32_t first_channel, int32_t n_channels)
{
    assert(first_channel >= 0 && n_channels > 0 && first_channel + n_channels <= map->c);
    struct glint_map slice = *map;
    slice.data += first_channel;
    slice.c = n_channels;
    return slice;
}

static float *pixel(const struct glint_map *map, int64_t y, int64_t x)
{
    return map->data + y * map->pitch + x * map->ld;
}

/* n pixels from (y, x) on, along the row. */
static void clear_pixels(const struct glint_map *map, int64_t y, int64_t x, int64_t n)
{
    float *p = pixel(map, y, x);
    if (map->ld == map->c) {
        memset(p, 0, (size_t)(n * map->ld) * sizeof *p);
        return;
    }
    for (int64_t i = 0; i < n; i++)
        memset(p + i * map->ld, 0, (size_t)map->c * sizeof *p);
}

void glint_map_clear_border(const struct glint_map *map)
{
    clear_pixels(map, -1, -1, (int64_t)map->w + 2);
    clear_pixels(map, map->h, -1, (int64_t)map->w + 2);
    for (int32_t y = 0; y < map->h; y++) {
        clear_pixels(map, y, -1, 1);
        clear_pixels(map, y, map->w, 1);
    }
}

static void clear_rows(void *ctx, int64_t begin, int64_t end, int worker)
{
    (void)worker;
    const struct glint_map *map = ctx;
    for (int64_t y = begin; y < end; y++)
        clear_pixels(map, y - 1, -1, (int64_t)map->w + 2);
}

int glint_bev_scatter(struct glint_exec *x, const float *tokens, const int32_t *coord, int32_t n,
                      const struct glint_map *out)
{
    struct glint_map map = *out;
    glint_pool_for(x->pool, (int64_t)map.h + 2, 16, clear_rows, &map);
    return glint_bev_scatter_at(x, tokens, coord, n, out);
}

int glint_bev_scatter_at(struct glint_exec *x, const float *tokens, const int32_t *coord, int32_t n,
                         const struct glint_map *out)
{
    (void)x;
    for (int32_t i = 0; i < n; i++) {
        const int32_t cx = coord[3 * i], cy = coord[3 * i + 1];
        assert(cx >= 0 && cx < out->w && cy >= 0 && cy < out->h);
        memcpy(pixel(out, cy, cx), tokens + (int64_t)i * out->c, (size_t)out->c * sizeof *tokens);
    }
    return GLINT_OK;
}

void glint_conv_rows(const float *w, int32_t n_out, int32_t n_in, int32_t kernel, float *rows_out)
{
    const int64_t taps = (int64_t)kernel * kernel;
    for (int64_t o = 0; o < n_out; o++)
        for (int64_t i = 0; i < n_in; i++)
            for (int64_t t = 0; t < taps; t++)
                rows_out[(o * taps + t) * n_in + i] = w[(o * n_in + i) * taps + t];
}

struct conv {
    glint_gemm_fn *gemm;
    const struct glint_weights *w;
    const struct glint_map *in, *residual, *out;
    int32_t stride;
    enum glint_act act;
    const struct glint_pixel *pixels; /* NULL: all, by tiles */
};

/* Pointers to the neighbourhood of output pixel (y, x), one per segment, `step` apart. */
static void neighbourhood(const struct conv *c, struct glint_pixel at, int32_t n_segments, const float **rows,
                          int32_t step)
{
    const float *corner = pixel(c->in, at.y * c->stride - 1, at.x * c->stride - 1);
    for (int32_t s = 0; s < n_segments; s++) {
        const int32_t ky = n_segments == 3 ? s : s / 3, kx = n_segments == 3 ? 0 : s % 3;
        rows[s * step] = corner + ky * c->in->pitch + kx * c->in->ld;
    }
}

static void conv_pixels(const struct conv *c, const struct glint_pixel *pixels, int32_t m)
{
    const int32_t n_segments = c->in->ld == c->in->c ? 3 : CONV_TAPS;
    const float *rows[CONV_TAPS * TILE];
    const float *residual[TILE];
    float *c_rows[TILE];
    for (int32_t i = 0; i < m; i++) {
        neighbourhood(c, pixels[i], n_segments, rows + i, m);
        c_rows[i] = pixel(c->out, pixels[i].y, pixels[i].x);
        residual[i] = c->residual ? pixel(c->residual, pixels[i].y, pixels[i].x) : NULL;
    }
    const struct glint_gemm g = {.w = c->w,
                                 .m = m,
                                 .n_segments = n_segments,
                                 .rows = rows,
                                 .c_rows = c_rows,
                                 .residual_rows = c->residual ? residual : NULL,
                                 .act = c->act};
    c->gemm(&g);
}

static void conv_tiles(void *ctx, int64_t begin, int64_t end, int worker)
{
    (void)worker;
    const struct conv *c = ctx;
    const int64_t across = ((int64_t)c->out->w + TILE_W - 1) / TILE_W;
    for (int64_t t = begin; t < end; t++) {
        struct glint_pixel tile[TILE];
        const int64_t y0 = t / across * TILE_H, x0 = t % across * TILE_W;
        int32_t m = 0;
        for (int64_t y = y0; y < y0 + TILE_H && y < c->out->h; y++)
            for (int64_t x = x0; x < x0 + TILE_W && x < c->out->w; x++)
                tile[m++] = (struct glint_pixel){(uint16_t)y, (uint16_t)x};
        conv_pixels(c, tile, m);
    }
}

static void conv_list(void *ctx, int64_t begin, int64_t end, int worker)
{
    (void)worker;
    const struct conv *c = ctx;
    conv_pixels(c, c->pixels + begin, (int32_t)(end - begin));
}

static void check_conv(const struct conv *c)
{
    assert(c->w->k == CONV_TAPS * c->in->c && c->w->n == c->out->c && (c->stride == 1 || c->stride == 2));
    assert(c->out->h == (c->in->h - 1) / c->stride + 1 && c->out->w == (c->in->w - 1) / c->stride + 1);
    assert(c->out->h <= UINT16_MAX && c->out->w <= UINT16_MAX);
    (void)c; /* unused in a build without assertions */
}

int glint_conv3x3(struct glint_exec *x, const struct glint_map *in, const struct glint_weights *w,
                  int32_t stride, enum glint_act act, const struct glint_map *residual,
                  const struct glint_map *out)
{
    struct conv c = {glint_gemm_get(x->isa), w, in, residual, out, stride, act, NULL};
    check_conv(&c);
    const int64_t across = ((int64_t)out->w + TILE_W - 1) / TILE_W;
    const int64_t down = ((int64_t)out->h + TILE_H - 1) / TILE_H;
    glint_pool_for(x->pool, across * down, across, conv_tiles, &c);
    return GLINT_OK;
}

int glint_conv3x3_at(struct glint_exec *x, const struct glint_map *in, const struct glint_weights *w,
                     int32_t stride, enum glint_act act, const struct glint_map *residual,
                     const struct glint_map *out, const struct glint_pixel *pixels, int32_t n)
{
    struct conv c = {glint_gemm_get(x->isa), w, in, residual, out, stride, act, pixels};
    check_conv(&c);
    glint_pool_for(x->pool, n, TILE, conv_list, &c);
    return GLINT_OK;
}

struct pointwise {
    glint_gemm_fn *gemm;
    const struct glint_weights *w; /* one, or s * s */
    const struct glint_map *in, *out;
    int32_t s;
    enum glint_act act;
    const struct glint_pixel *pixels; /* NULL: all, by rows */
};

/* Pixels x0 .. x0 + m - 1 of input row y to the s * s places of each. */
static void pointwise_piece(const struct pointwise *p, int64_t y, int64_t x0, int32_t m)
{
    const float *rows[TILE];
    for (int32_t i = 0; i < m; i++)
        rows[i] = pixel(p->in, y, x0 + i);
    for (int32_t place = 0; place < p->s * p->s; place++) {
        const struct glint_gemm g = {.w = &p->w[place],
                                     .m = m,
                                     .n_segments = 1,
                                     .rows = rows,
                                     .c = pixel(p->out, p->s * y + place / p->s, p->s * x0 + place % p->s),
                                     .ldc = p->s * p->out->ld,
                                     .act = p->act};
        p->gemm(&g);
    }
}

static void pointwise_rows(void *ctx, int64_t begin, int64_t end, int worker)
{
    (void)worker;
    const struct pointwise *p = ctx;
    for (int64_t y = begin; y < end; y++)
        for (int32_t x = 0; x < p->in->w; x += TILE)
            pointwise_piece(p, y, x, p->in->w - x < TILE ? p->in->w - x : TILE);
}

static void pointwise_list(void *ctx, int64_t begin, int64_t end, int worker)
{
    (void)worker;
    const struct pointwise *p = ctx;
    const struct glint_pixel *at = p->pixels + begin;
    const int32_t m = (int32_t)(end - begin);
    const float *rows[TILE];
    float *c_rows[TILE];
    for (int32_t i = 0; i < m; i++)
        rows[i] = pixel(p->in, at[i].y, at[i].x);
    for (int32_t place = 0; place < p->s * p->s; place++) {
        for (int32_t i = 0; i < m; i++)
            c_rows[i] = pixel(p->out, p->s * at[i].y + place / p->s, p->s * at[i].x + place % p->s);
        const struct glint_gemm g = {
            .w = &p->w[place], .m = m, .n_segments = 1, .rows = rows, .c_rows = c_rows, .act = p->act};
        p->gemm(&g);
    }
}

int glint_deconv(struct glint_exec *x, const struct glint_map *in, const struct glint_weights *weights,
                 int32_t s, enum glint_act act, const struct glint_map *out)
{
    assert(weights->k == in->c && weights->n == out->c && out->h == s * in->h && out->w == s * in->w);
    struct pointwise p = {glint_gemm_get(x->isa), weights, in, out, s, act, NULL};
    glint_pool_for(x->pool, in->h, 4, pointwise_rows, &p);
    return GLINT_OK;
}

int glint_deconv_at(struct glint_exec *x, const struct glint_map *in, const struct glint_weights *weights,
                    int32_t s, enum glint_act act, const struct glint_map *out,
                    const struct glint_pixel *pixels, int32_t n)
{
    assert(weights->k == in->c && weights->n == out->c && out->h == s * in->h && out->w == s * in->w);
    struct pointwise p = {glint_gemm_get(x->isa), weights, in, out, s, act, pixels};
    glint_pool_for(x->pool, n, TILE, pointwise_list, &p);
    return GLINT_OK;
}

int glint_conv1x1(struct glint_exec *x, const struct glint_map *in, const struct glint_weights *w,
                  enum glint_act act, const struct glint_map *out)
{
    return glint_deconv(x, in, w, 1, act, out);
}

struct fill {
    const struct glint_map *small, *out;
    int32_t period;
    const struct glint_pixel *pixels;
};

/* The row (column) of the small map that stands for row y of n: as far from the nearer border, or any in the
 * middle at the same place of a period. */
static int32_t stand_in(const struct fill *f, int32_t y, int32_t n, int32_t small)
{
    const int32_t half = small / 2;
    if (y < half)
        return y;
    return y - n + small >= half + f->period ? y - n + small : half + (y - half) % f->period;
}

static void fill_pixels(void *ctx, int64_t begin, int64_t end, int worker)
{
    (void)worker;
    const struct fill *f = ctx;
    for (int64_t i = begin; i < end; i++) {
        const struct glint_pixel at = f->pixels[i];
        const float *from = pixel(f->small, stand_in(f, at.y, f->out->h, f->small->h),
                                  stand_in(f, at.x, f->out->w, f->small->w));
        memcpy(pixel(f->out, at.y, at.x), from, (size_t)f->out->c * sizeof *from);
    }
}

int glint_background_fill(struct glint_exec *x, const struct glint_map *small, int32_t period,
                          const struct glint_pixel *pixels, int32_t n, const struct glint_map *out)
{
    assert(small->c == out->c && small->h <= out->h && small->w <= out->w);
    assert((out->h - small->h) % period == 0 && (out->w - small->w) % period == 0);
    struct fill f = {small, out, period, pixels};
    glint_pool_for(x->pool, n, 512, fill_pixels, &f);
    return GLINT_OK;
}
