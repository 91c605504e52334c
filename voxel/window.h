/* voxel/window.h - the serialisations of a window transformer: pillars sorted by window and by place in it.
 */
#ifndef GLINT_VOXEL_WINDOW_H
#define GLINT_VOXEL_WINDOW_H
#include "core/exec.h"

enum glint_window_style {
    GLINT_WINDOW_SNAKE, /* FlatFormer: every other row of windows and column of cells runs backwards */
    GLINT_WINDOW_PLAIN, /* window row, window column, row, column, all ascending */
};

struct glint_window_order {
    enum glint_window_style style;
    int32_t window; /* w: cells per side */
    int32_t grid;   /* G: cells per side of the grid */
    int32_t shift;  /* added to both coordinates: 0 or floor(w / 2) */
    int32_t axis;   /* 0: x orders (SNAKE: rows of windows along x; PLAIN: x major), 1: y */
};

/* GLINT_E_ARG, with the field, unless 1 <= w, 1 <= G <= 2^20, 0 <= shift <= w <= 2^15, axis is 0 or 1 and all
 * keys are below 2^32. */
int glint_window_check(const struct glint_window_order *o);

/* An upper bound of the keys of a checked order. */
uint32_t glint_window_key_max(const struct glint_window_order *o);

/* The sort key of a cell, unique over the grid. With X = x + shift, Y = y + shift, window (wx, wy) = (X, Y)
 * div w and place (ix, iy) = (X, Y) mod w: SNAKE (FlatFormer's flattened window mapping): m = 2 w, N = 2
 * (ceil(G / w) + 1), sg(k) = +1 for even k, else -1, axis 0: (N wy + sg(wy) wx) m m + sg(wy) (m ix + sg(ix)
 * iy); axis 1: x and y exchanged. PLAIN: ((wa nw + wo) w + ra) w + ro with nw = G div w + 2, a = axis, o =
 * the other one, r = place. o must have passed glint_window_check and coordinates lie in the grid. Runs in
 * the calling thread, x is unused and may be NULL. All versions give the same keys. */
typedef int glint_window_key_fn(struct glint_exec *x, const struct glint_window_order *o,
                                const int32_t *coord /* n x 3: x y z */, int32_t n, uint32_t *key_out);
glint_window_key_fn glint_window_key_c, glint_window_key_avx2, glint_window_key_avx512;
glint_window_key_fn *glint_window_key_get(unsigned isa);

/* perm_out[i] = index of the pillar at sorted position i, the same for any number of threads. scratch: 3 * n
 * uint32. GLINT_E_ARG as glint_window_check, or for a coordinate outside the grid. Allocates nothing. */
int glint_window_sort(struct glint_exec *x, const struct glint_window_order *o, const int32_t *coord,
                      int32_t n, int32_t *perm_out, uint32_t *scratch);
#endif
