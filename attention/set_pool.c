/* attention/set_pool.c - see set_pool.h.
 *
 * The products are of members only: an empty place has the same key in every cell, and the bias for a value.
 * Cells go in pieces, so that products see blocks of rows; a cell's own attention, one query over a few keys,
 * is plain loops. */
#include "attention/set_pool.h"
#include "attention/norm.h"
#include <math.h>
#include <string.h>

#define PIECE 56 /* cells at a time */

struct job {
    const struct glint_set_pool *pool;
    const struct glint_set_pool_rows *rows;
    struct glint_arena *scratch;
    glint_gemm_fn *gemm;
    glint_norm_fn *norm;
};

struct work { /* of one worker, for cells first .. first + n - 1 */
    const struct job *job;
    int32_t first, n, begin, n_members;
    const float **pointer;
    float **to;
    float *query, *q, *o; /* PIECE x dim */
    float *sum, *k, *v;   /* members x dim */
};

static size_t carve(struct glint_arena *arena, const struct glint_set_pool *p, struct work *w)
{
    const size_t members = (size_t)PIECE * (size_t)p->n_slots;
    const size_t few = (size_t)PIECE * (size_t)p->dim * sizeof(float), many = few * (size_t)p->n_slots;
    const struct {
        void **to;
        size_t bytes;
    } part[] = {{(void **)&w->pointer, members * sizeof(float *)},
                {(void **)&w->to, members * sizeof(float *)},
                {(void **)&w->query, few},
                {(void **)&w->q, few},
                {(void **)&w->o, few},
                {(void **)&w->sum, many},
                {(void **)&w->k, many},
                {(void **)&w->v, many}};
    size_t total = 0;
    for (size_t i = 0; i < sizeof part / sizeof part[0]; i++) {
        total += glint_arena_round(part[i].bytes);
        if (arena)
            *part[i].to = glint_arena_alloc(arena, part[i].bytes);
    }
    return total;
}

size_t glint_set_pool_scratch(const struct glint_set_pool *pool)
{
    struct work unused;
    return carve(NULL, pool, &unused);
}

static const float *const *rows_of(struct work *w, const float *a, int32_t m)
{
    for (int32_t i = 0; i < m; i++)
        w->pointer[i] = a + (int64_t)i * w->job->pool->dim;
    return w->pointer;
}

static void product(struct work *w, const struct glint_weights *weights, const float *const *a, int32_t m,
                    float *c, const float *const *residual)
{
    const struct glint_gemm g = {.w = weights,
                                 .m = m,
                                 .n_segments = 1,
                                 .rows = a,
                                 .c = c,
                                 .ldc = weights->n,
                                 .residual_rows = residual};
    w->job->gemm(&g);
}

/* Members with their embeddings, and the rows themselves. */
static void gather(struct work *w)
{
    const struct glint_set_pool *p = w->job->pool;
    const struct glint_set_pool_rows *r = w->job->rows;
    for (int32_t i = 0; i < w->n_members; i++) {
        const float *x = r->in + (int64_t)r->member[w->begin + i] * p->dim;
        const float *e = p->slots + (int64_t)r->slot[w->begin + i] * p->dim;
        float *sum = w->sum + (int64_t)i * p->dim;
        for (int32_t j = 0; j < p->dim; j++)
            sum[j] = x[j] + e[j];
        w->pointer[i] = x;
    }
}

/* w->pointer has the members' rows. */
static void find_queries(struct work *w)
{
    const struct glint_set_pool *p = w->job->pool;
    const int32_t *start = w->job->rows->start + w->first;
    for (int32_t c = 0; c < w->n; c++) {
        float *query = w->query + (int64_t)c * p->dim;
        const bool full = start[c + 1] - start[c] == p->n_slots;
        for (int32_t j = 0; j < p->dim; j++)
            query[j] = full ? -INFINITY : 0.0f;
        for (int32_t i = start[c] - w->begin; i < start[c + 1] - w->begin; i++)
            for (int32_t j = 0; j < p->dim; j++)
                query[j] = query[j] < w->pointer[i][j] ? w->pointer[i][j] : query[j];
    }
}

static float dot(const float *a, const float *b, int32_t n)
{
    float sum = 0.0f;
    for (int32_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* One head of one query over the cell's places. */
static void attend(const struct glint_set_pool *p, const float *q, const float *const *key,
                   const float *const *value, int32_t first, float *out)
{
    const int32_t d = p->dim / p->heads;
    const float scale = 1.0f / sqrtf((float)d);
    float s[GLINT_SET_POOL_SLOTS], largest = -INFINITY, sum = 0.0f;
    for (int32_t j = 0; j < p->n_slots; j++) {
        s[j] = scale * dot(q + first, key[j] + first, d);
        largest = s[j] > largest ? s[j] : largest;
    }
    for (int32_t j = 0; j < p->n_slots; j++)
        sum += s[j] = expf(s[j] - largest);
    memset(out + first, 0, (size_t)d * sizeof *out);
    for (int32_t j = 0; j < p->n_slots; j++)
        for (int32_t i = first; i < first + d; i++)
            out[i] += s[j] / sum * value[j][i];
}

static void attend_cells(struct work *w)
{
    const struct glint_set_pool *p = w->job->pool;
    const struct glint_set_pool_rows *r = w->job->rows;
    for (int32_t c = 0; c < w->n; c++) {
        const float *key[GLINT_SET_POOL_SLOTS], *value[GLINT_SET_POOL_SLOTS];
        for (int32_t j = 0; j < p->n_slots; j++) {
            key[j] = p->empty_key + (int64_t)j * p->dim;
            value[j] = p->v.bias;
        }
        for (int32_t i = r->start[w->first + c]; i < r->start[w->first + c + 1]; i++) {
            key[r->slot[i]] = w->k + (int64_t)(i - w->begin) * p->dim;
            value[r->slot[i]] = w->v + (int64_t)(i - w->begin) * p->dim;
        }
        for (int32_t h = 0; h < p->heads; h++)
            attend(p, w->q + (int64_t)c * p->dim, key, value, h * (p->dim / p->heads),
                   w->o + (int64_t)c * p->dim);
    }
}

static void finish(struct work *w)
{
    const struct glint_set_pool *p = w->job->pool;
    for (int32_t c = 0; c < w->n; c++)
        w->to[c] = w->query + (int64_t)c * p->dim;
    product(w, &p->out, rows_of(w, w->o, w->n), w->n, w->q, (const float *const *)w->to);
    for (int32_t c = 0; c < w->n; c++)
        w->to[c] = w->job->rows->out + (int64_t)(w->first + c) * p->dim;
    w->job->norm(w->q, p->dim, w->n, p->dim, p->norm.weight, p->norm.bias, p->norm_eps, w->to);
}

static void run_pieces(void *ctx, int64_t begin, int64_t end, int worker)
{
    const struct job *job = ctx;
    struct glint_arena *arena = &job->scratch[worker];
    const size_t mark = glint_arena_mark(arena);
    struct work w = {.job = job, .first = (int32_t)begin, .n = (int32_t)(end - begin)};
    carve(arena, job->pool, &w);
    w.begin = job->rows->start[begin];
    w.n_members = job->rows->start[end] - w.begin;
    gather(&w);
    product(&w, &job->pool->v, w.pointer, w.n_members, w.v, NULL);
    find_queries(&w);
    product(&w, &job->pool->q, rows_of(&w, w.query, w.n), w.n, w.q, NULL);
    product(&w, &job->pool->k, rows_of(&w, w.sum, w.n_members), w.n_members, w.k, NULL);
    attend_cells(&w);
    finish(&w);
    glint_arena_reset(arena, mark);
}

static int check(const struct glint_exec *x, const struct glint_set_pool *p,
                 const struct glint_set_pool_rows *r)
{
    if (p->dim < 1 || p->heads < 1 || p->dim % p->heads != 0 || p->n_slots < 1 ||
        p->n_slots > GLINT_SET_POOL_SLOTS)
        return glint_fail(GLINT_E_ARG, "pooling of width %d, %d heads, %d places", p->dim, p->heads,
                          p->n_slots);
    for (int32_t i = 0; i < r->n; i++)
        if (r->start[i + 1] <= r->start[i] || r->start[i + 1] - r->start[i] > p->n_slots)
            return glint_fail(GLINT_E_ARG, "cell %d of %d members, 1 to %d wanted", i,
                              r->start[i + 1] - r->start[i], p->n_slots);
    const size_t wanted = glint_set_pool_scratch(p);
    for (int i = 0; i < x->n_workers; i++)
        if (x->scratch[i].cap - x->scratch[i].used < wanted)
            return glint_fail(GLINT_E_CAPACITY, "pooling wants %zu bytes of scratch, worker %d has %zu left",
                              wanted, i, x->scratch[i].cap - x->scratch[i].used);
    return GLINT_OK;
}

int glint_set_pool(struct glint_exec *x, const struct glint_set_pool *pool,
                   const struct glint_set_pool_rows *rows)
{
    GLINT_TRY(check(x, pool, rows));
    struct job job = {.pool = pool,
                      .rows = rows,
                      .scratch = x->scratch,
                      .gemm = glint_gemm_get(x->isa),
                      .norm = glint_norm_get(x->isa)};
    glint_pool_for(x->pool, rows->n, PIECE, run_pieces, &job);
    return GLINT_OK;
}

void glint_set_pool_ready(struct glint_exec *x, const struct glint_set_pool *p, float *empty_key)
{
    glint_linear(x, &p->k, p->slots, p->dim, p->n_slots, empty_key, p->dim, GLINT_ACT_NONE, NULL, 0);
}
