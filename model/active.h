/* model/active.h - which pixels of a map differ from what an empty frame gives there.
 *
 * Most of a bird's-eye map holds no pillar. There, and as far from pillars as a network's kernels reach, each
 * of its maps has the values that it has for an empty frame: the background. So it is enough, and exact (to
 * the last bit but for convolutions by tiles), to compute the active pixels, and to write the background
 * where a layer reads beyond them:
 *
 *     glint_active_clear(&a0);
 *     glint_active_set(&a0, coord, n, 1, 1);           pillars
 *     glint_active_grow(&a0, 1, &a1);                  outputs of a 3x3 convolution that see one
 *     n1 = glint_active_list(&a1, list);
 *     glint_conv3x3_at(x, ..., list, n1);
 *     glint_active_grow(&a1, 1, &a2);                  the next convolution's outputs ...
 *     glint_active_reads(&a2, 1, &reads);              ... and what they read,
 *     glint_active_remove(&reads, &a1);                less what is computed,
 *     glint_background_fill(x, &small, period, list, glint_active_list(&reads, list), &map);
 *
 * sparse.h does so for a whole network.
 */
#ifndef GLINT_MODEL_ACTIVE_H
#define GLINT_MODEL_ACTIVE_H
#include "core/exec.h"

struct glint_active {
    int32_t h, w;   /* at most 65535 each */
    int32_t words;  /* of a row */
    uint64_t *bits; /* h x words; pixel x is bit x % 64 of word x / 64; bits beyond w are 0 */
};

struct glint_pixel {
    uint16_t y, x;
};

#define GLINT_TILE 4 /* pixels per side; tiles lie side by side from pixel (0, 0) on */

struct glint_tile { /* its first pixel, and which of its pixels are active: bit 4 y + x */
    uint16_t y, x, pixels;
};

size_t glint_active_bytes(int32_t h, int32_t w);
void glint_active_init(struct glint_active *a, void *memory, int32_t h,
                       int32_t w); /* owner's memory; cleared */
void glint_active_clear(struct glint_active *a);
void glint_active_all(struct glint_active *a);

/* Marks the pixels of n pillars, s x s of which make one; row_axis: what rows count, 1 y (0: x). coord: n x 3
 * (x, y, z). */
void glint_active_set(struct glint_active *a, const int32_t *coord, int32_t n, int32_t s, int32_t row_axis);

/* out: the outputs of a 3x3 convolution of this stride (1, 2) that see an active pixel. out differs from in
 * and has the size of the convolution's output. */
void glint_active_grow(const struct glint_active *in, int32_t stride, struct glint_active *out);

/* in: what a 3x3 convolution of this stride reads for the pixels of `out`. in differs from out. */
void glint_active_reads(const struct glint_active *out, int32_t stride, struct glint_active *in);

/* in: the same where tiles with pixels of `out` are computed, stride 1: all that any of a tile's 4 x 4 reads.
 */
void glint_active_tile_reads(const struct glint_active *out, struct glint_active *in);

/* out: the s x s places of each active pixel. out is s times as high and wide. */
void glint_active_upsample(const struct glint_active *in, int32_t s, struct glint_active *out);

void glint_active_add(struct glint_active *a, const struct glint_active *b);    /* a or b, same size */
void glint_active_remove(struct glint_active *a, const struct glint_active *b); /* a and not b */
int64_t glint_active_count(const struct glint_active *a);

/* The active pixels, in an order that keeps neighbours together (bands of four rows), to list (room for
 * glint_active_count); returns their number. */
int32_t glint_active_list(const struct glint_active *a, struct glint_pixel *list);

/* The tiles with active pixels, row by row, to list (room for glint_active_cap_tiles); returns their number.
 */
int32_t glint_active_tiles(const struct glint_active *a, struct glint_tile *list);
int64_t glint_active_count_tiles(const struct glint_active *a);
size_t glint_active_cap_tiles(int32_t h, int32_t w);
#endif
