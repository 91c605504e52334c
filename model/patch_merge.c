/* model/patch_merge.c - see patch_merge.h. Occupied cells are listed in order of their first pillar and given
 * to the matrix kernel by pointers, s * s segments each; a missing pillar's segment points to zeros. */
#include "model/patch_merge.h"
#include <stdlib.h>
#include <string.h>

#define CELLS_AT_ONCE 56 /* rows of one kernel call: a multiple of its tile height */
#define MAX_PLACES    16 /* s <= 4 */
#define MAX_DIM       1024

struct merge_job {
    struct glint_exec *x;
    const struct glint_patch_merge *merge;
    const float *tokens;
    const struct glint_map *out;
    const int32_t *cell;  /* occupied cells */
    const int32_t *token; /* per occupied cell s * s tokens, -1 where none */
};

static const float zeros[MAX_DIM];

size_t glint_patch_merge_scratch(int32_t h, int32_t w, int32_t s)
{
    return (size_t)h * (size_t)w * (size_t)(s * s + 2) * sizeof(int32_t);
}

static void merge_cells(void *ctx, int64_t begin, int64_t end, int worker)
{
    (void)worker;
    const struct merge_job *j = ctx;
    const int32_t places = j->merge->stride * j->merge->stride, dim = j->merge->w.k / places;
    const float *rows[MAX_PLACES * CELLS_AT_ONCE];
    float *c_rows[CELLS_AT_ONCE];
    const int32_t m = (int32_t)(end - begin);
    for (int32_t i = 0; i < m; i++) {
        const int32_t cell = j->cell[begin + i];
        c_rows[i] = j->out->data + cell / j->out->w * j->out->pitch + cell % j->out->w * j->out->ld;
        for (int32_t p = 0; p < places; p++) {
            const int32_t t = j->token[(begin + i) * places + p];
            rows[p * m + i] = t < 0 ? zeros : j->tokens + (int64_t)t * dim;
        }
    }
    glint_gemm_get(j->x->isa)(&(struct glint_gemm){.w = &j->merge->w,
                                                   .m = m,
                                                   .n_segments = places,
                                                   .rows = rows,
                                                   .c_rows = c_rows,
                                                   .act = GLINT_ACT_RELU});
}

/* Lists the occupied cells and the token at each of their places; returns how many. */
static int32_t list_cells(const struct glint_patch_merge *merge, const int32_t *coord, int32_t n,
                          const struct glint_map *out, int32_t *slot, int32_t *cell, int32_t *token)
{
    const int32_t s = merge->stride, places = s * s;
    int32_t n_cells = 0;
    memset(slot, 0xff, (size_t)out->h * (size_t)out->w * sizeof *slot);
    for (int32_t i = 0; i < n; i++) {
        const int32_t row = coord[3 * i + merge->row_axis], column = coord[3 * i + 1 - merge->row_axis];
        const int32_t c = row / s * out->w + column / s;
        if (slot[c] < 0) {
            slot[c] = n_cells;
            cell[n_cells] = c;
            memset(token + (int64_t)n_cells * places, 0xff, (size_t)places * sizeof *token);
            n_cells++;
        }
        token[(int64_t)slot[c] * places + row % s * s + column % s] = i;
    }
    return n_cells;
}

static void fill_empty(const struct glint_map *out, const float *bias)
{
    float *first = out->data;
    for (int32_t c = 0; c < out->c; c++)
        first[c] = bias[c] > 0 ? bias[c] : 0;
    for (int32_t y = 0; y < out->h; y++)
        for (int32_t px = 0; px < out->w; px++)
            if (y || px)
                memcpy(out->data + y * out->pitch + px * out->ld, first, (size_t)out->c * sizeof *first);
}

int glint_patch_merge(struct glint_exec *x, const struct glint_patch_merge *merge, const float *tokens,
                      const int32_t *coord, int32_t n, const struct glint_map *out, int32_t *scratch)
{
    const int32_t places = merge->stride * merge->stride;
    if (places < 1 || places > MAX_PLACES || merge->w.k % places || merge->w.k / places > MAX_DIM ||
        merge->w.n != out->c)
        return glint_fail(GLINT_E_ARG, "patch merge of %d x %d pillars to %d channels: weights are %d x %d",
                          merge->stride, merge->stride, out->c, merge->w.n, merge->w.k);
    int32_t *slot = scratch, *cell = slot + (int64_t)out->h * out->w,
            *token = cell + (int64_t)out->h * out->w;
    fill_empty(out, merge->w.bias);
    glint_map_clear_border(out);
    struct merge_job job = {x, merge, tokens, out, cell, token};
    const int32_t n_cells = list_cells(merge, coord, n, out, slot, cell, token);
    glint_pool_for(x->pool, n_cells, CELLS_AT_ONCE, merge_cells, &job);
    return GLINT_OK;
}
