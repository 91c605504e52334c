/* attention/posenc.h - sinusoidal position embeddings of integer coordinates, from tables made when a model
 * opens. */
#ifndef GLINT_ATTENTION_POSENC_H
#define GLINT_ATTENTION_POSENC_H
#include "core/exec.h"

/* Row of a token = table[x] joined to table[y], then zeros up to dim. Coordinate c looks up (c + shift) mod
 * `modulo`, or c itself when modulo is 0. */
struct glint_posenc {
    int32_t dim, half;  /* half <= dim / 2: values per coordinate */
    int32_t n_values;   /* rows of the table */
    const float *table; /* n_values x half, owner's memory */
    int32_t shift, modulo;
};

/* Bytes of a table for n_values coordinates of a model of width dim. */
size_t glint_posenc_bytes(int32_t dim, int32_t n_values);

/* FlatFormer: L = 2 floor(dim / 4); table[c][2j] = sin(c / d_j), [2j + 1] = cos(c / d_j), d_j = 10000^(2j/L)
 * and the quotient in float, as its reference has them; 0 <= c < n_values (the grid's side). */
void glint_posenc_flatformer(struct glint_posenc *p, void *memory, int32_t dim, int32_t n_values);

/* Coordinates in the window: u = ((c + shift) mod window) - (window - 1) / 2; q = dim / 4;
 * table[c] = sin(u f_k) for k < q, then cos(u f_k), f_k = temperature^(-k/q) and the product in float. */
void glint_posenc_window(struct glint_posenc *p, void *memory, int32_t dim, int32_t window, int32_t shift,
                         float temperature);

/* out: n x dim. coord: n x 3 (x, y, z cell), each within the table (by modulo or by n_values). */
int glint_posenc(struct glint_exec *x, const struct glint_posenc *p, const int32_t *coord, int32_t n,
                 float *out);
#endif
