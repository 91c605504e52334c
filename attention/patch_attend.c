/* attention/patch_attend.c - see patch_attend.h. A head's queries, keys and values of a patch are gathered
 * first: rows of a few floats, one after another, which the attention then reads many times. */
#include "attention/patch_attend.h"
#include "attention/attend.h"
#include <math.h>
#include <string.h>

int32_t glint_patch_count(int32_t n_tokens, int32_t size)
{
    return (int32_t)(((int64_t)n_tokens + size - 1) / size);
}

struct glint_patch glint_patch_at(int32_t n_tokens, int32_t size, int32_t index)
{
    const int32_t first = index * size;
    if (n_tokens <= size)
        return (struct glint_patch){0, n_tokens, 0};
    if (n_tokens - first >= size)
        return (struct glint_patch){first, size, first};
    return (struct glint_patch){n_tokens - size, size, first};
}

struct job {
    const struct glint_patch_attend *p;
    const float *qkv;
    const int32_t *order;
    int32_t n;
    float *out;
    struct glint_arena *scratch;
    glint_attend_fn *attend;
};

struct head { /* size x d each */
    float *q, *k, *v, *out;
    void *attend;
};

static size_t carve(struct glint_arena *arena, const struct glint_patch_attend *p, struct head *h)
{
    const size_t d = (size_t)(p->dim / p->heads), part = (size_t)p->size * d * sizeof(float);
    const size_t attend = glint_attend_scratch(p->size, (int32_t)d);
    if (arena) {
        h->q = glint_arena_alloc(arena, part);
        h->k = glint_arena_alloc(arena, part);
        h->v = glint_arena_alloc(arena, part);
        h->out = glint_arena_alloc(arena, part);
        h->attend = glint_arena_alloc(arena, attend);
    }
    return 4 * glint_arena_round(part) + glint_arena_round(attend);
}

size_t glint_patch_attend_scratch(const struct glint_patch_attend *p)
{
    return carve(NULL, p, NULL);
}

static void gather(const struct job *j, const int32_t *order, int32_t n, int32_t channel, float *to)
{
    const int32_t d = j->p->dim / j->p->heads, width = 3 * j->p->dim;
    for (int32_t i = 0; i < n; i++)
        memcpy(to + (int64_t)i * d, j->qkv + (int64_t)order[i] * width + channel, (size_t)d * sizeof *to);
}

static void attend_head(const struct job *j, const struct head *h, struct glint_patch patch, int32_t head)
{
    const int32_t dim = j->p->dim, d = dim / j->p->heads, m = patch.first + patch.n - patch.fresh;
    const int32_t *keys = j->order + patch.first, *queries = j->order + patch.fresh;
    gather(j, queries, m, head * d, h->q);
    gather(j, keys, patch.n, dim + head * d, h->k);
    gather(j, keys, patch.n, 2 * dim + head * d, h->v);
    const struct glint_attend a = {.m = m,
                                   .n = patch.n,
                                   .d = d,
                                   .q = h->q,
                                   .k = h->k,
                                   .v = h->v,
                                   .ldq = d,
                                   .ldk = d,
                                   .ldv = d,
                                   .scale = 1.0f / sqrtf((float)d),
                                   .out = h->out,
                                   .ldo = d,
                                   .scratch = h->attend};
    j->attend(&a);
    for (int32_t i = 0; i < m; i++)
        memcpy(j->out + (int64_t)queries[i] * dim + head * d, h->out + (int64_t)i * d,
               (size_t)d * sizeof *h->out);
}

static void attend_some(void *ctx, int64_t begin, int64_t end, int worker)
{
    const struct job *j = ctx;
    struct glint_arena *arena = &j->scratch[worker];
    const size_t mark = glint_arena_mark(arena);
    struct head h = {0};
    carve(arena, j->p, &h);
    for (int64_t i = begin; i < end; i++)
        attend_head(j, &h, glint_patch_at(j->n, j->p->size, (int32_t)(i / j->p->heads)),
                    (int32_t)(i % j->p->heads));
    glint_arena_reset(arena, mark);
}

int glint_patch_attend(struct glint_exec *x, const struct glint_patch_attend *p, const float *qkv,
                       const int32_t *order, int32_t n, float *out)
{
    const bool narrow = p->narrow && (x->isa & GLINT_ISA_AVX512_BF16);
    struct job job = {.p = p,
                      .qkv = qkv,
                      .order = order,
                      .n = n,
                      .out = out,
                      .scratch = x->scratch,
                      .attend = narrow ? glint_attend_bf16_get(x->isa) : glint_attend_get(x->isa)};
    for (int i = 0; i < x->n_workers; i++)
        if (x->scratch[i].cap - x->scratch[i].used < glint_patch_attend_scratch(p))
            return glint_fail(GLINT_E_CAPACITY, "attention over patches of %d wants %zu bytes of scratch",
                              p->size, glint_patch_attend_scratch(p));
    glint_pool_for(x->pool, (int64_t)glint_patch_count(n, p->size) * p->heads, 1, attend_some, &job);
    return GLINT_OK;
}

double glint_patch_attend_flop(const struct glint_patch_attend *p, int32_t n)
{
    const double keys = n < p->size ? n : p->size;
    return 4.0 * n * keys * p->dim;
}
