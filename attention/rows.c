/* attention/rows.c - see rows.h. */
#include "attention/rows.h"
#include "attention/norm.h"

#define ROWS 112 /* of a piece: a multiple of the products' 14 */

struct job {
    const struct glint_layer_norm *norm;
    const struct glint_weights *w, *w2; /* w2: the second map of an MLP */
    const float *in, *residual;
    float *out, *branch;
    struct glint_arena *scratch;
    glint_gemm_fn *gemm;
    glint_norm_fn *norm_fn;
};

size_t glint_rows_scratch(int32_t width)
{
    return ROWS * (size_t)width * sizeof(float) + 2 * GLINT_ARENA_ALIGN;
}

/* Scratch for m rows of `width`, until the arena is reset. */
static float *take(struct glint_arena *arena, int32_t width)
{
    return glint_arena_alloc(arena, ROWS * (size_t)width * sizeof(float));
}

static void norm(const struct job *j, const float *in, int32_t m, int32_t n, float *out)
{
    float *rows[ROWS];
    for (int32_t i = 0; i < m; i++)
        rows[i] = out + (int64_t)i * n;
    j->norm_fn(in, n, m, n, j->norm->weight, j->norm->bias, j->norm->eps, rows);
}

static void product(const struct job *j, const struct glint_weights *w, const float *in, int32_t m,
                    float *out, enum glint_act act, const float *residual)
{
    const float *rows[ROWS];
    for (int32_t i = 0; i < m; i++)
        rows[i] = in + (int64_t)i * w->k;
    const struct glint_gemm g = {.w = w,
                                 .m = m,
                                 .n_segments = 1,
                                 .rows = rows,
                                 .c = out,
                                 .ldc = w->n,
                                 .residual = residual,
                                 .ldr = w->n,
                                 .act = act};
    j->gemm(&g);
}

static void add(const float *a, const float *b, int64_t n, float *out)
{
    for (int64_t i = 0; i < n; i++)
        out[i] = a[i] + b[i];
}

static void norm_linear(void *ctx, int64_t begin, int64_t end, int worker)
{
    const struct job *j = ctx;
    struct glint_arena *arena = &j->scratch[worker];
    const size_t mark = glint_arena_mark(arena);
    const int32_t m = (int32_t)(end - begin), k = j->w->k;
    float *normed = take(arena, k);
    norm(j, j->in + begin * k, m, k, normed);
    product(j, j->w, normed, m, j->out + begin * j->w->n, GLINT_ACT_NONE, NULL);
    glint_arena_reset(arena, mark);
}

static void linear_norm(void *ctx, int64_t begin, int64_t end, int worker)
{
    const struct job *j = ctx;
    struct glint_arena *arena = &j->scratch[worker];
    const size_t mark = glint_arena_mark(arena);
    const int32_t m = (int32_t)(end - begin), n = j->w->n;
    float *rows = j->branch ? j->branch + begin * n : take(arena, n);
    product(j, j->w, j->in + begin * j->w->k, m, rows, GLINT_ACT_NONE, NULL);
    norm(j, rows, m, n, rows);
    add(j->residual + begin * n, rows, (int64_t)m * n, j->out + begin * n);
    glint_arena_reset(arena, mark);
}

static void norm_mlp(void *ctx, int64_t begin, int64_t end, int worker)
{
    const struct job *j = ctx;
    struct glint_arena *arena = &j->scratch[worker];
    const size_t mark = glint_arena_mark(arena);
    const int32_t m = (int32_t)(end - begin), k = j->w->k;
    const float *in = j->in + begin * k;
    float *normed = take(arena, k), *hidden = take(arena, j->w->n), *out = j->out + begin * k;
    norm(j, in, m, k, normed);
    product(j, j->w, normed, m, hidden, GLINT_ACT_GELU, NULL);
    product(j, j->w2, hidden, m, j->branch ? j->branch + begin * k : out, GLINT_ACT_NONE,
            j->branch ? NULL : in);
    if (j->branch)
        add(in, j->branch + begin * k, (int64_t)m * k, out);
    glint_arena_reset(arena, mark);
}

static int run(struct glint_exec *x, struct job *j, int32_t m, size_t wanted, glint_pool_fn *fn)
{
    for (int i = 0; i < x->n_workers; i++)
        if (x->scratch[i].cap - x->scratch[i].used < wanted)
            return glint_fail(GLINT_E_CAPACITY, "%zu bytes of scratch wanted, worker %d has %zu left", wanted,
                              i, x->scratch[i].cap - x->scratch[i].used);
    j->scratch = x->scratch;
    j->gemm = glint_gemm_get(x->isa);
    j->norm_fn = glint_norm_get(x->isa);
    glint_pool_for(x->pool, m, ROWS, fn, j);
    return GLINT_OK;
}

int glint_norm_linear(struct glint_exec *x, const struct glint_layer_norm *norm_of,
                      const struct glint_weights *w, const float *in, int32_t m, float *out)
{
    struct job j = {.norm = norm_of, .w = w, .in = in, .out = out};
    return run(x, &j, m, glint_rows_scratch(w->k), norm_linear);
}

int glint_linear_norm(struct glint_exec *x, const struct glint_weights *w,
                      const struct glint_layer_norm *norm_of, const float *in, int32_t m,
                      const float *residual, float *out, float *branch)
{
    struct job j = {.norm = norm_of, .w = w, .in = in, .residual = residual, .out = out, .branch = branch};
    return run(x, &j, m, glint_rows_scratch(w->n), linear_norm);
}

int glint_norm_mlp(struct glint_exec *x, const struct glint_layer_norm *norm_of,
                   const struct glint_weights *fc1, const struct glint_weights *fc2, const float *in,
                   int32_t m, float *out, float *branch)
{
    struct job j = {.norm = norm_of, .w = fc1, .w2 = fc2, .in = in, .out = out, .branch = branch};
    return run(x, &j, m, glint_rows_scratch(fc1->k + fc1->n), norm_mlp);
}
