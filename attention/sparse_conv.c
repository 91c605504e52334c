/* attention/sparse_conv.c - see sparse_conv.h.
 *
 * A tile of outputs stays in the cache while one product per kernel cell adds to those of its rows that the
 * cell has pairs for: rows of input and output are pointers into the tensors themselves, so nothing is
 * gathered or scattered by copies, and the weights of a cell are read once per tile. */
#include "attention/sparse_conv.h"
#include "attention/act.h"
#include <string.h>

#define ROWS 112 /* of one product: a multiple of the kernels' 14 */

struct job {
    const struct glint_sparse_conv *s;
    const struct glint_pairs *p;
    glint_gemm_fn *gemm;
    const float *in, *residual;
    float *out;
};

static float activate(enum glint_act act, float v)
{
    return act == GLINT_ACT_RELU ? glint_relu(v) : act == GLINT_ACT_GELU ? glint_gelu(v) : v;
}

static void finish_row(const struct job *j, int32_t row)
{
    float *restrict out = j->out + (int64_t)row * j->s->n;
    const int32_t n = j->s->n;
    if (j->residual) {
        const float *restrict add = j->residual + (int64_t)row * n;
        for (int32_t i = 0; i < n; i++)
            out[i] += add[i];
    }
    if (j->s->act == GLINT_ACT_RELU)
        for (int32_t i = 0; i < n; i++)
            out[i] = glint_relu(out[i]);
    else if (j->s->act != GLINT_ACT_NONE)
        for (int32_t i = 0; i < n; i++)
            out[i] = activate(j->s->act, out[i]);
}

/* Pairs first .. last of a block with one kernel cell's weights. */
static void add_pairs(const struct job *j, int32_t cell, const int32_t *in, const int32_t *out, int32_t n)
{
    const float *rows[ROWS], *added[ROWS];
    float *to[ROWS];
    for (int32_t done = 0; done < n; done += ROWS) {
        const int32_t m = n - done < ROWS ? n - done : ROWS;
        for (int32_t i = 0; i < m; i++) {
            rows[i] = j->in + (int64_t)in[done + i] * j->s->c;
            added[i] = to[i] = j->out + (int64_t)out[done + i] * j->s->n;
        }
        const struct glint_gemm g = {.w = &j->s->cell[cell],
                                     .m = m,
                                     .n_segments = 1,
                                     .rows = rows,
                                     .c_rows = to,
                                     .residual_rows = added,
                                     .act = GLINT_ACT_NONE};
        j->gemm(&g);
    }
}

static void one_tile(const struct job *j, int64_t t)
{
    const struct glint_pairs *p = j->p;
    const int32_t begin = (int32_t)t * p->tile;
    const int32_t end = begin + p->tile < p->n_out ? begin + p->tile : p->n_out;
    const int32_t *first = p->first + t * (p->n_cells + 1);
    const int64_t block = t * p->tile * p->n_cells;
    for (int32_t i = begin; i < end; i++)
        memcpy(j->out + (int64_t)p->order[i] * j->s->n, j->s->bias, (size_t)j->s->n * sizeof *j->out);
    for (int32_t k = 0; k < p->n_cells; k++)
        add_pairs(j, k, p->in + block + first[k], p->out + block + first[k], first[k + 1] - first[k]);
    if (j->residual || j->s->act != GLINT_ACT_NONE)
        for (int32_t i = begin; i < end; i++)
            finish_row(j, p->order[i]);
}

static void tiles(void *ctx, int64_t begin, int64_t end, int worker)
{
    (void)worker;
    for (int64_t t = begin; t < end; t++)
        one_tile(ctx, t);
}

int glint_sparse_conv(struct glint_exec *x, const struct glint_sparse_conv *s,
                      const struct glint_pairs *pairs, const float *in, const float *residual, float *out)
{
    struct job j = {s, pairs, glint_gemm_get(x->isa), in, residual, out};
    glint_pool_for(x->pool, pairs->n_tiles, 1, tiles, &j);
    return GLINT_OK;
}

/* The reference */

static float weight(const struct glint_weights *w, int32_t o, int32_t i)
{
    return w->panels[((int64_t)(o / GLINT_PANEL) * w->k + i) * GLINT_PANEL + o % GLINT_PANEL];
}

static void add_pair(const struct glint_weights *w, const float *in, float *out)
{
    for (int32_t o = 0; o < w->n; o++) {
        float sum = 0.0f;
        for (int32_t i = 0; i < w->k; i++)
            sum += weight(w, o, i) * in[i];
        out[o] += sum;
    }
}

int glint_sparse_conv_c(struct glint_exec *x, const struct glint_sparse_conv *s, const struct glint_pairs *p,
                        const float *in, const float *residual, float *out)
{
    (void)x; /* in the caller's thread */
    const struct job j = {s, p, NULL, in, residual, out};
    for (int64_t i = 0; i < p->n_out; i++)
        memcpy(out + i * s->n, s->bias, (size_t)s->n * sizeof *out);
    for (int64_t t = 0; t < p->n_tiles; t++)
        for (int32_t k = 0; k < p->n_cells; k++)
            for (int32_t e = p->first[t * (p->n_cells + 1) + k]; e < p->first[t * (p->n_cells + 1) + k + 1];
                 e++) {
                const int64_t at = t * p->tile * p->n_cells + e;
                add_pair(&s->cell[k], in + (int64_t)p->in[at] * s->c, out + (int64_t)p->out[at] * s->n);
            }
    for (int32_t i = 0; i < p->n_out; i++)
        finish_row(&j, i);
    return GLINT_OK;
}
