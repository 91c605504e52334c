/* model/bev.c - see bev.h.
 *
 * A 3x3 convolution is a product whose row m is the neighbourhood of output pixel m: with channels last,
 * three runs of 3 c contiguous floats (nine of c in a slice of a wider map). Nothing is copied; pixels are
 * handed out in tiles of a few rows, so that neighbourhoods overlap in the cache. */
#include "model/bev.h"
#include "attention/act.h"
#include "attention/bfloat.h"
#include "attention/fixed.h"
#include <assert.h>
#include <string.h>

#define TILE_W    28 /* output pixels of a tile: TILE_W x TILE_H, a multiple of the kernels' 14 rows */
#define TILE_H    4
#define TILE      (TILE_W * TILE_H)
#define CONV_TAPS 9

#define KERNEL_ROWS 14   /* of a tile of the product */
#define STAGED      4096 /* floats: 16 KB */

size_t glint_map_bytes(int32_t h, int32_t w, int32_t c)
{
    return ((size_t)h + 2) * ((size_t)w + 2) * (size_t)c * sizeof(float);
}

void glint_map_init(struct glint_map *map, void *memory, int32_t h, int32_t w, int32_t c)
{
    *map = (struct glint_map){.h = h, .w = w, .c = c, .ld = c, .pitch = ((int64_t)w + 2) * c};
    map->data = (float *)memory + map->pitch + map->ld;
}

static size_t halves_bytes(int32_t h, int32_t w, int32_t c)
{
    return glint_arena_round(((size_t)h + 2) * ((size_t)w + 2) * (size_t)c * sizeof(uint16_t));
}

size_t glint_map_half_bytes(int32_t h, int32_t w, int32_t c, int32_t block)
{
    return halves_bytes(h, w, c) + (block ? glint_map_bytes(h, w, c / block) : 0);
}

void glint_map_add_half(struct glint_map *map, void *memory, int32_t block)
{
    map->half = (uint16_t *)memory + map->pitch + map->ld;
    map->block = block;
    if (!block)
        return;
    map->scale_ld = map->ld / block;
    map->scale_pitch = map->pitch / block;
    map->scale = (float *)((uint8_t *)memory + halves_bytes(map->h, map->w, map->c)) + map->scale_pitch +
                 map->scale_ld;
}

struct glint_map glint_map_slice(const struct glint_map *map, int32_t first_channel, int32_t n_channels)
{
    assert(first_channel >= 0 && n_channels > 0 && first_channel + n_channels <= map->c);
    struct glint_map slice = *map;
    slice.data = map->data ? map->data + first_channel : NULL;
    slice.half = map->half ? map->half + first_channel : NULL;
    slice.scale = map->scale ? map->scale + first_channel / map->block : NULL;
    slice.c = n_channels;
    return slice;
}

static float *pixel(const struct glint_map *map, int64_t y, int64_t x)
{
    return map->data + y * map->pitch + x * map->ld;
}

static uint16_t *half_pixel(const struct glint_map *map, int64_t y, int64_t x)
{
    return map->half + y * map->pitch + x * map->ld;
}

static float *pixel_scale(const struct glint_map *map, int64_t y, int64_t x)
{
    return map->scale + y * map->scale_pitch + x * map->scale_ld;
}

/* n pixels from (y, x) on, along the row. */
static void clear_pixels(const struct glint_map *map, int64_t y, int64_t x, int64_t n)
{
    const bool joined = map->ld == map->c; /* one run of all */
    const size_t size = (size_t)(joined ? n * map->c : map->c);
    for (int64_t i = 0; i < (joined ? 1 : n); i++) {
        if (map->data)
            memset(pixel(map, y, x + i), 0, size * sizeof *map->data);
        if (map->half)
            memset(half_pixel(map, y, x + i), 0, size * sizeof *map->half);
        if (map->scale)
            memset(pixel_scale(map, y, x + i), 0, size / (size_t)map->block * sizeof *map->scale);
    }
}

struct halve { /* how pixels are rounded */
    glint_bfloat_row_fn *bfloat;
    glint_fixed_row_fn *fixed;
};

static struct halve halve_get(unsigned isa)
{
    return (struct halve){glint_bfloat_row_get(isa), glint_fixed_row_get(isa)};
}

/* Writes a pixel's values, plus those of the same pixel of `add` (of the same formats, or NULL), rounded; or,
 * to a map of floats only, as they are. */
static void write_pixel(const struct halve *halve, const struct glint_map *map, struct glint_pixel at,
                        const float *values, const struct glint_map *add)
{
    float *whole = map->data ? pixel(map, at.y, at.x) : NULL;
    uint16_t *half = map->half ? half_pixel(map, at.y, at.x) : NULL;
    const uint16_t *more = add ? half_pixel(add, at.y, at.x) : NULL;
    if (map->scale)
        halve->fixed(values, (const int16_t *)more, add ? pixel_scale(add, at.y, at.x) : NULL, map->c,
                     map->block, (int16_t *)half, pixel_scale(map, at.y, at.x), whole);
    else if (half)
        halve->bfloat(values, more, map->c, half, whole);
    else
        memcpy(whole, values, (size_t)map->c * sizeof *values);
}

struct rounding {
    const struct glint_map *map;
    struct halve halve;
};

static void round_rows(void *ctx, int64_t begin, int64_t end, int worker)
{
    (void)worker;
    const struct rounding *r = ctx;
    for (int64_t y = begin; y < end; y++)
        for (int32_t x = 0; x < r->map->w; x++)
            write_pixel(&r->halve, r->map, (struct glint_pixel){(uint16_t)y, (uint16_t)x},
                        pixel(r->map, y, x), NULL);
}

void glint_map_round(struct glint_exec *x, const struct glint_map *map)
{
    struct rounding r = {map, halve_get(x->isa)};
    if (map->half && map->data)
        glint_pool_for(x->pool, map->h, 4, round_rows, &r);
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
    const struct halve halve = halve_get(x->isa);
    for (int32_t i = 0; i < n; i++) {
        const int32_t cx = coord[3 * i], cy = coord[3 * i + 1];
        assert(cx >= 0 && cx < out->w && cy >= 0 && cy < out->h);
        write_pixel(&halve, out, (struct glint_pixel){(uint16_t)cy, (uint16_t)cx},
                    tokens + (int64_t)i * out->c, NULL);
    }
    return GLINT_OK;
}

int glint_stack_scatter(struct glint_exec *x, const float *tokens, const int32_t *coord, int32_t n,
                        int32_t depth, const struct glint_map *out)
{
    struct glint_map map = *out;
    glint_pool_for(x->pool, (int64_t)map.h + 2, 16, clear_rows, &map);
    return glint_stack_scatter_at(x, tokens, coord, n, depth, out);
}

int glint_stack_scatter_at(struct glint_exec *x, const float *tokens, const int32_t *coord, int32_t n,
                           int32_t depth, const struct glint_map *out)
{
    const int32_t channels = out->c / depth;
    (void)x; /* little is moved */
    assert(out->c % depth == 0 && out->data && !out->half);
    for (int32_t i = 0; i < n; i++)
        clear_pixels(out, coord[3 * i + 1], coord[3 * i], 1);
    for (int32_t i = 0; i < n; i++) {
        const int32_t *at = coord + 3 * (int64_t)i;
        float *to = pixel(out, at[1], at[0]) + at[2];
        assert(at[0] < out->w && at[1] < out->h && at[2] < depth);
        for (int32_t c = 0; c < channels; c++)
            to[c * depth] = tokens[(int64_t)i * channels + c];
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
    struct halve halve;
    const struct glint_weights *w;
    const struct glint_map *in, *residual, *out;
    int32_t stride;
    enum glint_act act;
    const struct glint_pixel *pixels; /* NULL: all, by tiles */
    int32_t kernel;                   /* pixels per side: 1, 2 or 3 */
    int32_t dilation;                 /* of kernel 3; 0, 1: side by side */
};

/* The rows of a product, in the precision that its weights have. */
struct rows {
    bool half;
    const float *whole[CONV_TAPS * TILE];
    const uint16_t *halves[CONV_TAPS * TILE];
    const float *scales[CONV_TAPS * TILE];
};

/* Row i begins at a pixel. */
static void set_row(struct rows *r, const struct glint_map *in, int32_t i, int64_t y, int64_t x)
{
    if (!r->half) {
        r->whole[i] = pixel(in, y, x);
        return;
    }
    r->halves[i] = half_pixel(in, y, x);
    if (in->scale)
        r->scales[i] = pixel_scale(in, y, x);
}

static struct glint_gemm product_of(const struct rows *r, const struct glint_map *in,
                                    const struct glint_weights *w, int32_t n_segments, int32_t m,
                                    enum glint_act act)
{
    return (struct glint_gemm){.w = w,
                               .m = m,
                               .n_segments = n_segments,
                               .rows = r->half ? NULL : r->whole,
                               .half_rows = r->half ? r->halves : NULL,
                               .half_scales = r->half && in->scale ? r->scales : NULL,
                               .block = in->block,
                               .act = act};
}

/* Results for a map that is rounded wait here, a few pixels at a time, so that they stay in the first-level
 * cache. Other maps are written by the product itself. */
static int32_t pixels_at_once(const struct glint_map *out)
{
    const int32_t fit = STAGED / out->c / KERNEL_ROWS * KERNEL_ROWS;
    return !out->half || fit > TILE ? TILE : fit < KERNEL_ROWS ? KERNEL_ROWS : fit;
}

/* A product's rows to the pixels of `out`; g->rows or half_rows, w, act and m are set. residual: NULL for
 * none. */
static void product_to(struct glint_gemm *g, const struct conv *c, const struct glint_pixel *at,
                       const struct glint_map *residual)
{
    const struct glint_map *out = c->out;
    float staged[KERNEL_ROWS * GLINT_MAP_CHANNELS];
    float *c_rows[TILE];
    const float *added[TILE];
    const bool add_floats = residual && residual->data;
    assert(out->half ? out->c <= GLINT_MAP_CHANNELS : !residual || add_floats);
    for (int32_t i = 0; i < g->m; i++) {
        c_rows[i] = out->half ? staged + i * out->c : pixel(out, at[i].y, at[i].x);
        added[i] = add_floats ? pixel(residual, at[i].y, at[i].x) : NULL;
    }
    g->c_rows = c_rows;
    g->residual_rows = add_floats ? added : NULL;
    c->gemm(g);
    for (int32_t i = 0; out->half && i < g->m; i++)
        write_pixel(&c->halve, out, at[i], c_rows[i], add_floats ? NULL : residual);
}

static void conv_pixels(const struct conv *c, const struct glint_pixel *pixels, int32_t m)
{
    const int32_t kernel = c->kernel, pad = kernel == 3 ? 1 : 0;
    const bool joined = c->in->ld == c->in->c; /* pixels of a row are one run */
    const int32_t n_segments = joined ? kernel : kernel * kernel;
    struct rows rows;
    rows.half = c->in->half && c->w->pairs;
    for (int32_t s = 0; s < n_segments; s++) {
        const int32_t ky = joined ? s : s / kernel, kx = joined ? 0 : s % kernel;
        for (int32_t i = 0; i < m; i++)
            set_row(&rows, c->in, s * m + i, pixels[i].y * c->stride - pad + ky,
                    pixels[i].x * c->stride - pad + kx);
    }
    struct glint_gemm g = product_of(&rows, c->in, c->w, n_segments, m, c->act);
    product_to(&g, c, pixels, c->residual);
}

/* Kernel cells c->dilation pixels apart; what lies beyond the map's border is zeros of its own. */
static void wide_pixels(const struct conv *c, const struct glint_pixel *pixels, int32_t m)
{
    static const float zeros[GLINT_MAP_CHANNELS];
    struct rows rows;
    rows.half = false;
    for (int32_t s = 0; s < CONV_TAPS; s++)
        for (int32_t i = 0; i < m; i++) {
            const int64_t y = pixels[i].y + (s / 3 - 1) * c->dilation,
                          x = pixels[i].x + (s % 3 - 1) * c->dilation;
            const bool inside = y >= 0 && y < c->in->h && x >= 0 && x < c->in->w;
            rows.whole[s * m + i] = inside ? pixel(c->in, y, x) : zeros;
        }
    struct glint_gemm g = product_of(&rows, c->in, c->w, CONV_TAPS, m, c->act);
    product_to(&g, c, pixels, c->residual);
}

/* Any number of pixels. */
static void conv_some(const struct conv *c, const struct glint_pixel *pixels, int64_t n)
{
    const int32_t step = pixels_at_once(c->out);
    for (int64_t i = 0; i < n; i += step)
        (c->dilation > 1 ? wide_pixels : conv_pixels)(c, pixels + i, n - i < step ? (int32_t)(n - i) : step);
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
        conv_some(c, tile, m);
    }
}

static void conv_list(void *ctx, int64_t begin, int64_t end, int worker)
{
    (void)worker;
    const struct conv *c = ctx;
    conv_some(c, c->pixels + begin, end - begin);
}

static void check_conv(const struct conv *c)
{
    const int32_t pad = c->kernel == 3 ? 1 : 0;
    assert(c->w->k == c->kernel * c->kernel * c->in->c && c->w->n == c->out->c &&
           (c->stride == 1 || c->stride == 2));
    assert(c->out->h == (c->in->h + 2 * pad - c->kernel) / c->stride + 1 &&
           c->out->w == (c->in->w + 2 * pad - c->kernel) / c->stride + 1);
    assert(c->out->h <= UINT16_MAX && c->out->w <= UINT16_MAX);
    (void)pad; /* unused in a build without assertions */
    (void)c;
}

static int conv_all(struct glint_exec *x, struct conv *c)
{
    check_conv(c);
    const int64_t across = ((int64_t)c->out->w + TILE_W - 1) / TILE_W;
    const int64_t down = ((int64_t)c->out->h + TILE_H - 1) / TILE_H;
    glint_pool_for(x->pool, across * down, across, conv_tiles, c);
    return GLINT_OK;
}

static int conv_at(struct glint_exec *x, struct conv *c, int32_t n)
{
    check_conv(c);
    glint_pool_for(x->pool, n, TILE, conv_list, c);
    return GLINT_OK;
}

int glint_conv3x3(struct glint_exec *x, const struct glint_map *in, const struct glint_weights *w,
                  int32_t stride, enum glint_act act, const struct glint_map *residual,
                  const struct glint_map *out)
{
    struct conv c = {
        glint_gemm_get(x->isa), halve_get(x->isa), w, in, residual, out, stride, act, NULL, 3, 1};
    return conv_all(x, &c);
}

/* One tap and panel of weights added to what the pixels of row y have; the first tap begins with the bias. */
static void add_tap(const struct conv *c, int32_t y, int32_t tap, int32_t first, int32_t n)
{
    const int64_t depth = c->in->c;
    const struct glint_weights *w = c->w;
    const struct glint_weights part = {.k = c->in->c,
                                       .n = n,
                                       .panels =
                                           w->panels + ((int64_t)first * w->k + tap * depth * GLINT_PANEL),
                                       .bias = w->bias + first};
    static const float zero[GLINT_PANEL];
    struct glint_weights next = part;
    next.bias = zero;
    for (int32_t x0 = 0; x0 < c->out->w; x0 += TILE) {
        const int32_t m = c->out->w - x0 < TILE ? c->out->w - x0 : TILE;
        const float *rows[TILE];
        for (int32_t i = 0; i < m; i++)
            rows[i] = pixel(c->in, y * c->stride - 1 + tap / 3, (x0 + i) * c->stride - 1 + tap % 3);
        float *to = pixel(c->out, y, x0) + first;
        const struct glint_gemm g = {.w = tap ? &next : &part,
                                     .m = m,
                                     .n_segments = 1,
                                     .rows = rows,
                                     .c = to,
                                     .ldc = c->out->ld,
                                     .residual = tap ? to : NULL,
                                     .ldr = c->out->ld};
        c->gemm(&g);
    }
}

static void taps_rows(void *ctx, int64_t begin, int64_t end, int worker)
{
    const struct conv *c = ctx;
    (void)worker;
    for (int32_t y = (int32_t)begin; y < (int32_t)end; y++) {
        for (int32_t first = 0; first < c->w->n; first += GLINT_PANEL)
            for (int32_t tap = 0; tap < CONV_TAPS; tap++)
                add_tap(c, y, tap, first, c->w->n - first < GLINT_PANEL ? c->w->n - first : GLINT_PANEL);
        for (int32_t x = 0; c->act == GLINT_ACT_RELU && x < c->out->w; x++)
            for (int32_t k = 0; k < c->out->c; k++)
                pixel(c->out, y, x)[k] = glint_relu(pixel(c->out, y, x)[k]);
    }
}

int glint_conv3x3_by_taps(struct glint_exec *x, const struct glint_map *in, const struct glint_weights *w,
                          int32_t stride, enum glint_act act, const struct glint_map *out)
{
    struct conv c = {glint_gemm_get(x->isa), halve_get(x->isa), w, in, NULL, out, stride, act, NULL, 3, 1};
    check_conv(&c);
    assert(!out->half && (act == GLINT_ACT_NONE || act == GLINT_ACT_RELU));
    glint_pool_for(x->pool, out->h, 1, taps_rows, &c);
    return GLINT_OK;
}

int glint_conv3x3_at(struct glint_exec *x, const struct glint_map *in, const struct glint_weights *w,
                     int32_t stride, enum glint_act act, const struct glint_map *residual,
                     const struct glint_map *out, const struct glint_pixel *pixels, int32_t n)
{
    struct conv c = {
        glint_gemm_get(x->isa), halve_get(x->isa), w, in, residual, out, stride, act, pixels, 3, 1};
    return conv_at(x, &c, n);
}

static struct conv wide(const struct glint_exec *x, const struct glint_map *in, const struct glint_weights *w,
                        int32_t dilation, enum glint_act act, const struct glint_map *residual,
                        const struct glint_map *out)
{
    assert(in->data && in->c <= GLINT_MAP_CHANNELS && dilation > 1 && !out->half);
    return (struct conv){.gemm = glint_gemm_get(x->isa),
                         .halve = halve_get(x->isa),
                         .w = w,
                         .in = in,
                         .residual = residual,
                         .out = out,
                         .stride = 1,
                         .act = act,
                         .kernel = 3,
                         .dilation = dilation};
}

int glint_conv3x3_wide(struct glint_exec *x, const struct glint_map *in, const struct glint_weights *w,
                       int32_t dilation, enum glint_act act, const struct glint_map *residual,
                       const struct glint_map *out)
{
    struct conv c = wide(x, in, w, dilation, act, residual, out);
    return conv_all(x, &c);
}

int glint_conv3x3_wide_at(struct glint_exec *x, const struct glint_map *in, const struct glint_weights *w,
                          int32_t dilation, enum glint_act act, const struct glint_map *residual,
                          const struct glint_map *out, const struct glint_pixel *pixels, int32_t n)
{
    struct conv c = wide(x, in, w, dilation, act, residual, out);
    c.pixels = pixels;
    return conv_at(x, &c, n);
}

int glint_conv1x1(struct glint_exec *x, const struct glint_map *in, const struct glint_weights *w,
                  int32_t stride, enum glint_act act, const struct glint_map *out)
{
    struct conv c = {glint_gemm_get(x->isa), halve_get(x->isa), w, in, NULL, out, stride, act, NULL, 1, 1};
    return conv_all(x, &c);
}

int glint_conv1x1_at(struct glint_exec *x, const struct glint_map *in, const struct glint_weights *w,
                     int32_t stride, enum glint_act act, const struct glint_map *out,
                     const struct glint_pixel *pixels, int32_t n)
{
    struct conv c = {glint_gemm_get(x->isa), halve_get(x->isa), w, in, NULL, out, stride, act, pixels, 1, 1};
    return conv_at(x, &c, n);
}

int glint_conv2x2(struct glint_exec *x, const struct glint_map *in, const struct glint_weights *w,
                  enum glint_act act, const struct glint_map *out)
{
    struct conv c = {glint_gemm_get(x->isa), halve_get(x->isa), w, in, NULL, out, 2, act, NULL, 2, 1};
    return conv_all(x, &c);
}

int glint_conv2x2_at(struct glint_exec *x, const struct glint_map *in, const struct glint_weights *w,
                     enum glint_act act, const struct glint_map *out, const struct glint_pixel *pixels,
                     int32_t n)
{
    struct conv c = {glint_gemm_get(x->isa), halve_get(x->isa), w, in, NULL, out, 2, act, pixels, 2, 1};
    return conv_at(x, &c, n);
}

/* A transposed convolution: c->stride is its scale, c->w its stride * stride maps, c->pixels are of the
 * input. */

/* m pixels to the places of each. */
static void places_of(const struct conv *c, const struct glint_pixel *at, int32_t m)
{
    const int32_t s = c->stride;
    struct rows rows;
    rows.half = c->in->half && c->w->pairs;
    for (int32_t i = 0; i < m; i++)
        set_row(&rows, c->in, i, at[i].y, at[i].x);
    for (int32_t place = 0; place < s * s; place++) {
        struct glint_pixel to[TILE];
        for (int32_t i = 0; i < m; i++)
            to[i] = (struct glint_pixel){(uint16_t)(s * at[i].y + place / s),
                                         (uint16_t)(s * at[i].x + place % s)};
        struct glint_gemm g = product_of(&rows, c->in, &c->w[place], 1, m, c->act);
        product_to(&g, c, to, NULL);
    }
}

static void deconv_rows(void *ctx, int64_t begin, int64_t end, int worker)
{
    (void)worker;
    const struct conv *c = ctx;
    const int32_t step = pixels_at_once(c->out);
    for (int64_t y = begin; y < end; y++)
        for (int32_t x = 0; x < c->in->w; x += step) {
            struct glint_pixel at[TILE];
            int32_t m = 0;
            for (; m < step && x + m < c->in->w; m++)
                at[m] = (struct glint_pixel){(uint16_t)y, (uint16_t)(x + m)};
            places_of(c, at, m);
        }
}

static void deconv_list(void *ctx, int64_t begin, int64_t end, int worker)
{
    (void)worker;
    const struct conv *c = ctx;
    const int32_t step = pixels_at_once(c->out);
    for (int64_t i = begin; i < end; i += step)
        places_of(c, c->pixels + i, end - i < step ? (int32_t)(end - i) : step);
}

int glint_deconv(struct glint_exec *x, const struct glint_map *in, const struct glint_weights *weights,
                 int32_t s, enum glint_act act, const struct glint_map *out)
{
    assert(weights->k == in->c && weights->n == out->c && out->h == s * in->h && out->w == s * in->w);
    struct conv c = {
        glint_gemm_get(x->isa), halve_get(x->isa), weights, in, NULL, out, s, act, NULL, false, 1};
    glint_pool_for(x->pool, in->h, 4, deconv_rows, &c);
    return GLINT_OK;
}

int glint_deconv_at(struct glint_exec *x, const struct glint_map *in, const struct glint_weights *weights,
                    int32_t s, enum glint_act act, const struct glint_map *out,
                    const struct glint_pixel *pixels, int32_t n)
{
    assert(weights->k == in->c && weights->n == out->c && out->h == s * in->h && out->w == s * in->w);
    struct conv c = {
        glint_gemm_get(x->isa), halve_get(x->isa), weights, in, NULL, out, s, act, pixels, false, 1};
    glint_pool_for(x->pool, n, TILE, deconv_list, &c);
    return GLINT_OK;
}

struct fill {
    struct halve halve;
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
        write_pixel(&f->halve, f->out, at, from, NULL);
    }
}

int glint_background_fill(struct glint_exec *x, const struct glint_map *small, int32_t period,
                          const struct glint_pixel *pixels, int32_t n, const struct glint_map *out)
{
    assert(small->c == out->c && small->h <= out->h && small->w <= out->w);
    assert((out->h - small->h) % period == 0 && (out->w - small->w) % period == 0);
    struct fill f = {halve_get(x->isa), small, out, period, pixels};
    glint_pool_for(x->pool, n, 512, fill_pixels, &f);
    return GLINT_OK;
}
