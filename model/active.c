/* model/active.c - see active.h. Sets of pixels are bits, so that growing a whole map takes microseconds. */
#include "model/active.h"
#include <assert.h>
#include <string.h>

#define BAND   GLINT_TILE                   /* rows of a band in lists */
#define FIRSTS UINT64_C(0x1111111111111111) /* the first pixels of a word's tiles */

static int32_t words_of(int32_t w)
{
    return (w + 63) / 64;
}

size_t glint_active_bytes(int32_t h, int32_t w)
{
    return (size_t)h * (size_t)words_of(w) * sizeof(uint64_t);
}

void glint_active_init(struct glint_active *a, void *memory, int32_t h, int32_t w)
{
    assert(h >= 0 && h <= UINT16_MAX && w >= 0 && w <= UINT16_MAX);
    *a = (struct glint_active){.h = h, .w = w, .words = words_of(w), .bits = memory};
    glint_active_clear(a);
}

void glint_active_clear(struct glint_active *a)
{
    memset(a->bits, 0, glint_active_bytes(a->h, a->w));
}

static uint64_t last_word_mask(int32_t w)
{
    return w % 64 ? (UINT64_C(1) << (w % 64)) - 1 : ~UINT64_C(0);
}

static uint64_t *row(const struct glint_active *a, int32_t y)
{
    return a->bits + (int64_t)y * a->words;
}

static void set(struct glint_active *a, int32_t y, int32_t x)
{
    row(a, y)[x / 64] |= UINT64_C(1) << (x % 64);
}

void glint_active_all(struct glint_active *a)
{
    memset(a->bits, 0xff, glint_active_bytes(a->h, a->w));
    for (int32_t y = 0; y < a->h && a->words > 0; y++)
        row(a, y)[a->words - 1] = last_word_mask(a->w);
}

void glint_active_set(struct glint_active *a, const int32_t *coord, int32_t n, int32_t s, int32_t row_axis)
{
    for (int32_t i = 0; i < n; i++) {
        const int32_t y = coord[3 * i + row_axis] / s, x = coord[3 * i + 1 - row_axis] / s;
        assert(x >= 0 && x < a->w && y >= 0 && y < a->h);
        set(a, y, x);
    }
}

/* Word i of rows y - 1 .. y + 1 together, 0 outside. */
static uint64_t column(const struct glint_active *a, int32_t y, int32_t i)
{
    if (i < 0 || i >= a->words)
        return 0;
    uint64_t bits = 0;
    for (int32_t near = y > 0 ? y - 1 : 0; near <= y + 1 && near < a->h; near++)
        bits |= row(a, near)[i];
    return bits;
}

/* Word i of row y of the set grown by one pixel; bits beyond w may be set. */
static uint64_t grown(const struct glint_active *a, int32_t y, int32_t i)
{
    const uint64_t here = column(a, y, i);
    return here | here << 1 | here >> 1 | column(a, y, i - 1) >> 63 | column(a, y, i + 1) << 63;
}

/* The even bits, packed. */
static uint64_t even_bits(uint64_t v)
{
    v &= UINT64_C(0x5555555555555555);
    v = (v | v >> 1) & UINT64_C(0x3333333333333333);
    v = (v | v >> 2) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    v = (v | v >> 4) & UINT64_C(0x00ff00ff00ff00ff);
    v = (v | v >> 8) & UINT64_C(0x0000ffff0000ffff);
    return (v | v >> 16) & UINT64_C(0x00000000ffffffff);
}

void glint_active_grow(const struct glint_active *in, int32_t stride, struct glint_active *out)
{
    assert((stride == 1 || stride == 2) && in->bits != out->bits);
    assert(out->h == (in->h - 1) / stride + 1 && out->w == (in->w - 1) / stride + 1);
    for (int32_t y = 0; y < out->h; y++) {
        uint64_t *to = row(out, y);
        for (int32_t i = 0; i < out->words; i++)
            to[i] = stride == 1
                        ? grown(in, y, i)
                        : even_bits(grown(in, 2 * y, 2 * i)) | even_bits(grown(in, 2 * y, 2 * i + 1)) << 32;
        if (out->words > 0)
            to[out->words - 1] &= last_word_mask(out->w);
    }
}

/* The low 32 bits at even places. */
static uint64_t spread(uint64_t v)
{
    v &= UINT64_C(0x00000000ffffffff);
    v = (v | v << 16) & UINT64_C(0x0000ffff0000ffff);
    v = (v | v << 8) & UINT64_C(0x00ff00ff00ff00ff);
    v = (v | v << 4) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    v = (v | v << 2) & UINT64_C(0x3333333333333333);
    return (v | v << 1) & UINT64_C(0x5555555555555555);
}

/* Word i, at twice the width, of the rows of `out` whose outputs read row y at stride 2. */
static uint64_t centres(const struct glint_active *out, int32_t y, int32_t i)
{
    uint64_t bits = 0;
    if (i / 2 >= out->words)
        return 0;
    for (int32_t near = y / 2; near <= (y + 1) / 2 && near < out->h; near++)
        bits |= row(out, near)[i / 2];
    return spread(bits >> (i % 2 * 32));
}

void glint_active_reads(const struct glint_active *out, int32_t stride, struct glint_active *in)
{
    if (stride == 1) {
        glint_active_grow(out, 1, in);
        return;
    }
    assert(stride == 2 && out->h == (in->h - 1) / 2 + 1 && out->w == (in->w - 1) / 2 + 1);
    for (int32_t y = 0; y < in->h; y++) {
        uint64_t *to = row(in, y);
        for (int32_t i = 0; i < in->words; i++) { /* centres are even, so only the next word's can carry */
            const uint64_t here = centres(out, y, i);
            to[i] = here | here << 1 | here >> 1 | centres(out, y, i + 1) << 63;
        }
        to[in->words - 1] &= last_word_mask(in->w);
    }
}

/* Word i of the band of rows from y0 on, whole tiles where one has a pixel. */
static uint64_t band_tiles(const struct glint_active *a, int32_t y0, int32_t i)
{
    uint64_t bits = 0;
    if (i < 0 || i >= a->words)
        return 0;
    for (int32_t y = y0; y < y0 + BAND && y < a->h; y++)
        bits |= row(a, y)[i];
    bits |= bits >> 1;
    bits |= bits >> 2;
    return (bits & FIRSTS) * 15;
}

void glint_active_tile_reads(const struct glint_active *out, struct glint_active *in)
{
    assert(out->h == in->h && out->w == in->w && in->bits != out->bits);
    glint_active_clear(in);
    for (int32_t y0 = 0; y0 < out->h; y0 += BAND)
        for (int32_t i = 0; i < out->words; i++) {
            const uint64_t here = band_tiles(out, y0, i);
            uint64_t bits = here | here << 1 | here >> 1 | band_tiles(out, y0, i - 1) >> 63 |
                            band_tiles(out, y0, i + 1) << 63;
            if (i == out->words - 1)
                bits &= last_word_mask(out->w);
            for (int32_t y = y0 > 0 ? y0 - 1 : 0; y <= y0 + BAND && y < in->h; y++)
                row(in, y)[i] |= bits;
        }
}

void glint_active_upsample(const struct glint_active *in, int32_t s, struct glint_active *out)
{
    assert(s >= 1 && out->h == s * in->h && out->w == s * in->w);
    glint_active_clear(out);
    for (int32_t y = 0; y < in->h; y++)
        for (int32_t i = 0; i < in->words; i++)
            for (uint64_t bits = row(in, y)[i]; bits; bits &= bits - 1) {
                const int32_t x = 64 * i + __builtin_ctzll(bits);
                for (int32_t place = 0; place < s * s; place++)
                    set(out, s * y + place / s, s * x + place % s);
            }
}

void glint_active_add(struct glint_active *a, const struct glint_active *b)
{
    assert(a->h == b->h && a->w == b->w);
    for (int64_t i = 0; i < (int64_t)a->h * a->words; i++)
        a->bits[i] |= b->bits[i];
}

void glint_active_remove(struct glint_active *a, const struct glint_active *b)
{
    assert(a->h == b->h && a->w == b->w);
    for (int64_t i = 0; i < (int64_t)a->h * a->words; i++)
        a->bits[i] &= ~b->bits[i];
}

int64_t glint_active_count(const struct glint_active *a)
{
    int64_t n = 0;
    for (int64_t i = 0; i < (int64_t)a->h * a->words; i++)
        n += __builtin_popcountll(a->bits[i]);
    return n;
}

int32_t glint_active_list(const struct glint_active *a, struct glint_pixel *list)
{
    int32_t n = 0;
    for (int32_t y0 = 0; y0 < a->h; y0 += BAND)
        for (int32_t i = 0; i < a->words; i++)
            for (int32_t y = y0; y < y0 + BAND && y < a->h; y++)
                for (uint64_t bits = row(a, y)[i]; bits; bits &= bits - 1)
                    list[n++] = (struct glint_pixel){(uint16_t)y, (uint16_t)(64 * i + __builtin_ctzll(bits))};
    return n;
}

/* Bits 4 t .. 4 t + 3 of four words, as the pixels of a tile. */
static uint16_t tile_pixels(const uint64_t word[BAND], int t)
{
    unsigned pixels = 0;
    for (int y = 0; y < BAND; y++)
        pixels |= (unsigned)(word[y] >> (4 * t) & 15) << (4 * y);
    return (uint16_t)pixels;
}

int32_t glint_active_tiles(const struct glint_active *a, struct glint_tile *list)
{
    int32_t n = 0;
    for (int32_t y0 = 0; y0 < a->h; y0 += BAND)
        for (int32_t i = 0; i < a->words; i++) {
            uint64_t word[BAND] = {0};
            for (int32_t y = 0; y < BAND && y0 + y < a->h; y++)
                word[y] = row(a, y0 + y)[i];
            for (uint64_t bits = band_tiles(a, y0, i) & FIRSTS; bits; bits &= bits - 1) {
                const int t = __builtin_ctzll(bits) / 4;
                list[n++] =
                    (struct glint_tile){(uint16_t)y0, (uint16_t)(64 * i + 4 * t), tile_pixels(word, t)};
            }
        }
    return n;
}

int64_t glint_active_count_tiles(const struct glint_active *a)
{
    int64_t n = 0;
    for (int32_t y0 = 0; y0 < a->h; y0 += BAND)
        for (int32_t i = 0; i < a->words; i++)
            n += __builtin_popcountll(band_tiles(a, y0, i) & FIRSTS);
    return n;
}

size_t glint_active_cap_tiles(int32_t h, int32_t w)
{
    return ((size_t)h + BAND - 1) / BAND * (((size_t)w + BAND - 1) / BAND);
}
