/* model/conv_tiles.c - see conv_tiles.h.
 *
 * A piece of work is so many tiles that its transforms, in and out, stay in the second-level cache, while the
 * weights of the 36 places pass by once. Steps between places are a cache line more than a multiple of the
 * row, because a transform touches all of them at once and powers of two would share the cache's sets. */
#include "model/conv_tiles.h"
#include "core/status.h"
#include <assert.h>
#include <string.h>

#define SIDE        GLINT_WINOGRAD_SIDE
#define PLACES      GLINT_WINOGRAD_PLACES
#define ROWS        14 /* of the product's tile */
#define TILES_MAX   (4 * ROWS)
#define PIECE_BYTES ((size_t)640 << 10)
#define LEAST_IN    16 /* channels: with fewer the transforms cost more than the products save */

bool glint_conv_tiles_pay(int32_t c, int32_t n)
{
    return c >= LEAST_IN && n >= 1;
}

double glint_conv_tiles_flop(const struct glint_winograd *w, size_t n_tiles)
{
    return 2.0 * PLACES * (double)n_tiles * w->c * w->n;
}

static int32_t n_padded(int32_t n)
{
    return (n + 15) / 16 * 16;
}

/* Tiles of a piece. */
static int32_t piece_tiles(int32_t c, int32_t n)
{
    const size_t tile = PLACES * (size_t)(c + n_padded(n)) * sizeof(float);
    const int32_t fit = (int32_t)(PIECE_BYTES / tile) / ROWS * ROWS;
    return fit < ROWS ? ROWS : fit > TILES_MAX ? TILES_MAX : fit;
}

struct sizes { /* of a piece's buffers, in floats */
    int32_t tiles;
    int64_t in_step, out_step;
};

static struct sizes sizes_of(int32_t c, int32_t n)
{
    const int32_t tiles = piece_tiles(c, n);
    return (struct sizes){tiles, (int64_t)tiles * c + 16, (int64_t)tiles * n_padded(n) + 16};
}

size_t glint_conv_tiles_scratch(int32_t c, int32_t n)
{
    const struct sizes s = sizes_of(c, n);
    return glint_arena_round((size_t)(PLACES * s.in_step) * sizeof(float)) +
           glint_arena_round((size_t)(PLACES * s.out_step) * sizeof(float)) +
           glint_arena_round((size_t)PLACES * (size_t)c * sizeof(float));
}

struct conv {
    struct glint_exec *x;
    glint_gemm_fn *gemm;
    glint_winograd_in_fn *transform_in;
    glint_winograd_out_fn *transform_out;
    const struct glint_winograd *w;
    const struct glint_map *in, *residual, *out;
    enum glint_act act;
    const struct glint_tile *tiles; /* NULL: all */
    struct sizes sizes;
};

struct piece { /* a worker's buffers */
    float *in, *out, *patch;
};

static float *pixel(const struct glint_map *map, int64_t y, int64_t x)
{
    return map->data + y * map->pitch + x * map->ld;
}

static struct glint_tile nth_tile(const struct conv *c, int64_t index)
{
    if (c->tiles)
        return c->tiles[index];
    const int64_t across = ((int64_t)c->out->w + GLINT_TILE - 1) / GLINT_TILE;
    const int64_t y = index / across * GLINT_TILE, x = index % across * GLINT_TILE;
    unsigned pixels = 0;
    for (int64_t i = 0; i < GLINT_TILE * GLINT_TILE; i++)
        if (y + i / GLINT_TILE < c->out->h && x + i % GLINT_TILE < c->out->w)
            pixels |= 1u << i;
    return (struct glint_tile){(uint16_t)y, (uint16_t)x, (uint16_t)pixels};
}

/* A tile that reaches beyond the map's border: its inputs in `patch`, zero out there. */
static void copy_patch(const struct glint_map *in, struct glint_tile at, float *patch)
{
    const size_t bytes = (size_t)in->c * sizeof *patch;
    for (int64_t i = 0; i < PLACES; i++, patch += in->c) {
        const int64_t y = at.y - 1 + i / SIDE, x = at.x - 1 + i % SIDE;
        if (y <= in->h && x <= in->w)
            memcpy(patch, pixel(in, y, x), bytes);
        else
            memset(patch, 0, bytes);
    }
}

/* The next tile's inputs on their way into the cache while this one is worked on: its columns beyond those
 * that the two share. */
static inline __attribute__((always_inline)) void prefetch(const struct glint_map *in, struct glint_tile at,
                                                           struct glint_tile next)
{
    const int64_t shared = next.y == at.y && next.x == at.x + GLINT_TILE ? SIDE - GLINT_TILE : 0;
    const int64_t bytes = (SIDE - shared) * in->ld * (int64_t)sizeof(float);
    for (int64_t y = next.y - 1; y <= next.y + GLINT_TILE && y <= in->h; y++) {
        const char *from = (const char *)pixel(in, y, next.x - 1 + shared);
        for (int64_t line = 0; line < bytes; line += 64)
            __builtin_prefetch(from + line);
    }
}

static void tile_in(const struct conv *c, const struct piece *p, struct glint_tile at, float *out)
{
    const struct glint_map *in = c->in;
    const bool whole = at.y + GLINT_TILE <= in->h && at.x + GLINT_TILE <= in->w;
    if (whole) {
        c->transform_in(pixel(in, at.y - 1, at.x - 1), in->pitch, in->ld, in->c, out, c->sizes.in_step);
        return;
    }
    copy_patch(in, at, p->patch);
    c->transform_in(p->patch, (int64_t)SIDE * in->c, in->c, in->c, out, c->sizes.in_step);
}

static void products(const struct conv *c, const struct piece *p, int32_t m)
{
    const float *rows[TILES_MAX];
    const int64_t ldc = n_padded(c->w->n);
    for (int32_t place = 0; place < PLACES; place++) {
        for (int32_t i = 0; i < m; i++)
            rows[i] = p->in + place * c->sizes.in_step + (int64_t)i * c->w->c;
        const struct glint_gemm g = {.w = &c->w->place[place],
                                     .m = m,
                                     .n_segments = 1,
                                     .rows = rows,
                                     .c = p->out + place * c->sizes.out_step,
                                     .ldc = ldc};
        c->gemm(&g);
    }
}

static void tile_out(const struct conv *c, const float *in, struct glint_tile at)
{
    const struct glint_winograd_tile t = {
        .in = in,
        .step = c->sizes.out_step,
        .n = c->w->n,
        .bias = c->w->bias,
        .act = c->act,
        .pixels = at.pixels,
        .out = pixel(c->out, at.y, at.x),
        .pitch = c->out->pitch,
        .ld = c->out->ld,
        .residual = c->residual ? pixel(c->residual, at.y, at.x) : NULL,
        .residual_pitch = c->residual ? c->residual->pitch : 0,
        .residual_ld = c->residual ? c->residual->ld : 0,
    };
    c->transform_out(&t);
}

static void conv_piece(void *ctx, int64_t begin, int64_t end, int worker)
{
    const struct conv *c = ctx;
    struct glint_arena *scratch = &c->x->scratch[worker];
    const size_t mark = glint_arena_mark(scratch);
    const struct piece p = {
        .in = glint_arena_alloc(scratch, (size_t)(PLACES * c->sizes.in_step) * sizeof(float)),
        .out = glint_arena_alloc(scratch, (size_t)(PLACES * c->sizes.out_step) * sizeof(float)),
        .patch = glint_arena_alloc(scratch, (size_t)PLACES * (size_t)c->w->c * sizeof(float)),
    };
    for (int64_t i = begin; i < end; i++) {
        const struct glint_tile at = nth_tile(c, i);
        if (i + 1 < end)
            prefetch(c->in, at, nth_tile(c, i + 1));
        tile_in(c, &p, at, p.in + (i - begin) * c->w->c);
    }
    products(c, &p, (int32_t)(end - begin));
    for (int64_t i = begin; i < end; i++)
        tile_out(c, p.out + (i - begin) * n_padded(c->w->n), nth_tile(c, i));
    glint_arena_reset(scratch, mark);
}

static int check_scratch(const struct glint_exec *x, size_t bytes)
{
    for (int i = 0; i < x->n_workers; i++)
        if (x->scratch[i].cap - x->scratch[i].used < bytes)
            return glint_fail(GLINT_E_NOMEM,
                              "a convolution by tiles needs %zu bytes of scratch, there are %zu", bytes,
                              x->scratch[i].cap - x->scratch[i].used);
    return GLINT_OK;
}

int glint_conv_tiles(struct glint_exec *x, const struct glint_map *in, const struct glint_winograd *w,
                     enum glint_act act, const struct glint_map *residual, const struct glint_map *out,
                     const struct glint_tile *tiles, int32_t n_tiles)
{
    assert(w->c == in->c && w->n == out->c && in->h == out->h && in->w == out->w && act != GLINT_ACT_GELU);
    assert(in->data && out->data && !out->half); /* floats only */
    struct conv c = {.x = x,
                     .gemm = glint_gemm_get(x->isa),
                     .transform_in = glint_winograd_in_get(x->isa),
                     .transform_out = glint_winograd_out_get(x->isa),
                     .w = w,
                     .in = in,
                     .residual = residual,
                     .out = out,
                     .act = act,
                     .tiles = tiles,
                     .sizes = sizes_of(w->c, w->n)};
    const int64_t n = tiles ? n_tiles : (int64_t)glint_active_cap_tiles(out->h, out->w);
    GLINT_TRY(check_scratch(x, glint_conv_tiles_scratch(w->c, w->n)));
    glint_pool_for(x->pool, n, c.sizes.tiles, conv_piece, &c);
    return GLINT_OK;
}
