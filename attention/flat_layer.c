/* attention/flat_layer.c - see flat_layer.h.
 *
 * One group at a time, by one worker, in scratch that stays in its second-level cache: gather, project,
 * attend, then the whole rest of the layer while the rows are warm. */
#include "attention/flat_layer.h"
#include "attention/attend.h"
#include "attention/norm.h"
#include <math.h>

#define V_GAP 16 /* floats, one cache line */

struct job {
    const struct glint_flat_layer *layer;
    const float *in, *pe;
    const int32_t *perm;
    int32_t n;
    float *out, *attn_out;
    struct glint_arena *scratch;
    glint_gemm_fn *gemm;
    glint_attend_fn *attend;
    glint_norm_fn *norm;
};

struct work { /* of one worker, for one group */
    const struct job *job;
    int32_t n_tokens;  /* attended over */
    int32_t n_results; /* of the first rows, the ones that count */
    int32_t *token;    /* n_tokens */
    const float **x;   /* n_tokens rows of the input */
    float *sum;        /* n_tokens x dim: features + pe, later the normed attention */
    float *qk;         /* n_tokens x 2 dim, later n_results x ffn */
    float *v;          /* n_tokens x v_ld: a stride that spreads one head's values over the cache's sets */
    int64_t v_ld;
    float *o;   /* n_tokens x dim */
    void *head; /* of glint_attend_fn */
    const float **rows;
    float **out_rows;
};

static int32_t larger(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

/* Carves w from `arena`; with a NULL arena only adds up what that takes. */
static size_t carve(struct glint_arena *arena, const struct glint_flat_layer *l, struct work *w)
{
    const size_t g = (size_t)l->group, dim = (size_t)l->dim, v_ld = dim + V_GAP;
    const size_t wide = (size_t)larger(2 * l->dim, l->ffn);
    const struct {
        void **to;
        size_t bytes;
    } part[] = {
        {(void **)&w->token, g * sizeof(int32_t)},
        {(void **)&w->x, g * sizeof(float *)},
        {(void **)&w->sum, g * dim * sizeof(float)},
        {(void **)&w->qk, g * wide * sizeof(float)},
        {(void **)&w->v, g * v_ld * sizeof(float)},
        {(void **)&w->o, g * dim * sizeof(float)},
        {&w->head, glint_attend_scratch(l->group, l->dim / l->heads)},
        {(void **)&w->rows, g * sizeof(float *)},
        {(void **)&w->out_rows, g * sizeof(float *)},
    };
    size_t total = 0;
    for (size_t i = 0; i < sizeof part / sizeof part[0]; i++) {
        total += glint_arena_round(part[i].bytes);
        if (arena)
            *part[i].to = glint_arena_alloc(arena, part[i].bytes);
    }
    w->v_ld = (int64_t)v_ld;
    return total;
}

size_t glint_flat_layer_scratch(const struct glint_flat_layer *layer)
{
    struct work unused;
    return carve(NULL, layer, &unused);
}

/* Which tokens group k attends over, new ones first; see the header for the last group. */
static void choose_tokens(struct work *w, int64_t k)
{
    const struct job *job = w->job;
    const int32_t g = job->layer->group, n = job->n, first = (int32_t)(k * g);
    const int32_t fresh = n - first < g ? n - first : g;
    w->n_results = fresh;
    w->n_tokens = n < g && job->layer->short_group == GLINT_SHORT_GROUP_SINGLE ? n : g;
    for (int32_t i = 0; i < w->n_tokens; i++) {
        int32_t position = first + i;
        if (i >= fresh)
            position = n < g ? i % n : n - g + (i - fresh);
        w->token[i] = job->perm[position];
    }
}

static void gather(struct work *w)
{
    const int32_t dim = w->job->layer->dim;
    for (int32_t i = 0; i < w->n_tokens; i++) {
        const float *x = w->job->in + (int64_t)w->token[i] * dim,
                    *pe = w->job->pe + (int64_t)w->token[i] * dim;
        float *sum = w->sum + (int64_t)i * dim;
        for (int32_t j = 0; j < dim; j++)
            sum[j] = x[j] + pe[j];
        w->x[i] = x;
    }
}

/* c = act(a weights' + bias) + residual over m rows; residual NULL: none. */
static void product(struct work *w, const struct glint_weights *weights, const float *const *a, int32_t m,
                    float *c, int64_t ldc, enum glint_act act, const float *const *residual)
{
    const struct glint_gemm g = {.w = weights,
                                 .m = m,
                                 .n_segments = 1,
                                 .rows = a,
                                 .c = c,
                                 .ldc = ldc,
                                 .residual_rows = residual,
                                 .act = act};
    w->job->gemm(&g);
}

/* The first m rows of a matrix, valid until the next call. */
static const float *const *rows_of(struct work *w, const float *a, int64_t lda, int32_t m)
{
    for (int32_t i = 0; i < m; i++)
        w->rows[i] = a + i * lda;
    return w->rows;
}

/* o's slice of one head for the first m rows. */
static void attend_head(struct work *w, int32_t h, int32_t m)
{
    const struct glint_flat_layer *l = w->job->layer;
    const int32_t d = l->dim / l->heads, first = h * d;
    const struct glint_attend a = {.m = m,
                                   .n = w->n_tokens,
                                   .d = d,
                                   .q = w->qk + first,
                                   .k = w->qk + l->dim + first,
                                   .v = w->v + first,
                                   .ldq = 2 * l->dim,
                                   .ldk = 2 * l->dim,
                                   .ldv = w->v_ld,
                                   .scale = 1.0f / sqrtf((float)d),
                                   .out = w->o + first,
                                   .ldo = l->dim,
                                   .scratch = w->head};
    w->job->attend(&a);
}

/* From the attention's concatenated heads to the layer's output rows. */
static void finish(struct work *w)
{
    const struct job *job = w->job;
    const struct glint_flat_layer *l = job->layer;
    const int32_t m = w->n_results, dim = l->dim;
    float *attended = w->v, *y = w->sum, *hidden = w->qk;
    const float *const *normed = (const float *const *)w->out_rows;
    product(w, &l->out, rows_of(w, w->o, dim, m), m, attended, dim, GLINT_ACT_NONE, w->x);
    for (int32_t i = 0; i < m; i++)
        w->out_rows[i] = y + (int64_t)i * dim;
    job->norm(attended, dim, m, dim, l->norm1_weight, l->norm1_bias, l->norm_eps, w->out_rows);
    product(w, &l->fc1, rows_of(w, y, dim, m), m, hidden, l->ffn, GLINT_ACT_GELU, NULL);
    product(w, &l->fc2, rows_of(w, hidden, l->ffn, m), m, attended, dim, GLINT_ACT_NONE, normed);
    for (int32_t i = 0; i < m; i++)
        w->out_rows[i] = job->out + (int64_t)w->token[i] * dim;
    job->norm(attended, dim, m, dim, l->norm2_weight, l->norm2_bias, l->norm_eps, w->out_rows);
}

static void run_group(struct work *w, int64_t k)
{
    const struct job *job = w->job;
    const struct glint_flat_layer *l = job->layer;
    const int32_t dim = l->dim;
    choose_tokens(w, k);
    gather(w);
    product(w, &l->qk, rows_of(w, w->sum, dim, w->n_tokens), w->n_tokens, w->qk, 2 * dim, GLINT_ACT_NONE,
            NULL);
    product(w, &l->v, w->x, w->n_tokens, w->v, w->v_ld, GLINT_ACT_NONE, NULL);
    const int32_t m = job->attn_out ? w->n_tokens : w->n_results;
    for (int32_t h = 0; h < l->heads; h++)
        attend_head(w, h, m);
    if (job->attn_out)
        product(w, &l->out, rows_of(w, w->o, dim, m), m, job->attn_out + k * l->group * dim, dim,
                GLINT_ACT_NONE, NULL);
    finish(w);
}

static void run_groups(void *ctx, int64_t begin, int64_t end, int worker)
{
    const struct job *job = ctx;
    struct glint_arena *arena = &job->scratch[worker];
    const size_t mark = glint_arena_mark(arena);
    struct work w = {.job = job};
    carve(arena, job->layer, &w);
    for (int64_t k = begin; k < end; k++)
        run_group(&w, k);
    glint_arena_reset(arena, mark);
}

static int check(const struct glint_exec *x, const struct glint_flat_layer *l)
{
    if (l->dim < 1 || l->heads < 1 || l->dim % l->heads != 0 || l->group < 1 || l->ffn < 1)
        return glint_fail(GLINT_E_ARG, "layer of width %d, %d heads, groups of %d, inner width %d", l->dim,
                          l->heads, l->group, l->ffn);
    const size_t wanted = glint_flat_layer_scratch(l);
    for (int i = 0; i < x->n_workers; i++)
        if (x->scratch[i].cap - x->scratch[i].used < wanted)
            return glint_fail(GLINT_E_CAPACITY, "a layer wants %zu bytes of scratch, worker %d has %zu left",
                              wanted, i, x->scratch[i].cap - x->scratch[i].used);
    return GLINT_OK;
}

int glint_flat_layer(struct glint_exec *x, const struct glint_flat_layer *layer, const float *in,
                     const float *pe, const int32_t *perm, int32_t n, float *out, float *attn_out)
{
    GLINT_TRY(check(x, layer));
    struct job job = {
        .layer = layer,
        .in = in,
        .pe = pe,
        .perm = perm,
        .n = n,
        .out = out,
        .attn_out = attn_out,
        .scratch = x->scratch,
        .gemm = glint_gemm_get(x->isa),
        .attend = layer->qk.pairs && (x->isa & GLINT_ISA_AVX512_BF16) ? glint_attend_bf16_get(x->isa)
                                                                      : glint_attend_get(x->isa),
        .norm = glint_norm_get(x->isa),
    };
    glint_pool_for(x->pool, ((int64_t)n + layer->group - 1) / layer->group, 1, run_groups, &job);
    return GLINT_OK;
}
