/* attention/set_layer.c - see set_layer.h.
 *
 * A set is small (some twenty rows on average in DSVT), too few for the products to use their weights well.
 * So a worker takes several sets at a time, about PIECE rows: products and norms see them as one block, only
 * the attention goes set by set. Everything between stays in scratch of the second-level cache. */
#include "attention/set_layer.h"
#include "attention/attend.h"
#include "attention/norm.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PIECE 98 /* rows from which sets begin: seven tiles of the products */
#define V_GAP 16 /* floats, one cache line: one head's values spread over the cache's sets */

struct job {
    const struct glint_set_layer *layer;
    const struct glint_set_rows *rows;
    struct glint_arena *scratch;
    glint_gemm_fn *gemm;
    glint_attend_fn *attend;
    glint_norm_fn *norm;
};

struct work { /* of one worker, for the sets of one piece */
    const struct job *job;
    int32_t n;             /* rows */
    const int32_t *row;    /* n: which */
    const float **x;       /* n rows of the input */
    const float **pointer; /* n */
    float **to;            /* n */
    float *sum;            /* n x dim: x + position, later y */
    float *qk;             /* n x 2 dim, later n x ffn */
    float *v;              /* n x v_ld, later n x dim */
    int64_t v_ld;
    float *o;   /* n x dim: attended heads, later z */
    void *head; /* of glint_attend_fn */
};

static int32_t most_rows(const struct glint_set_layer *l)
{
    return PIECE + l->largest - 1;
}

/* Carves w from `arena`; with a NULL arena only adds up what that takes. */
static size_t carve(struct glint_arena *arena, const struct glint_set_layer *l, struct work *w)
{
    const size_t n = (size_t)most_rows(l), dim = (size_t)l->dim, v_ld = dim + V_GAP;
    const size_t wide = 2 * dim > (size_t)l->ffn ? 2 * dim : (size_t)l->ffn;
    const struct {
        void **to;
        size_t bytes;
    } part[] = {
        {(void **)&w->x, n * sizeof(float *)},
        {(void **)&w->pointer, n * sizeof(float *)},
        {(void **)&w->to, n * sizeof(float *)},
        {(void **)&w->sum, n * dim * sizeof(float)},
        {(void **)&w->qk, n * wide * sizeof(float)},
        {(void **)&w->v, n * v_ld * sizeof(float)},
        {(void **)&w->o, n * dim * sizeof(float)},
        {&w->head, glint_attend_scratch(l->largest, l->dim / l->heads)},
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

size_t glint_set_layer_scratch(const struct glint_set_layer *layer)
{
    struct work unused;
    return carve(NULL, layer, &unused);
}

static void gather(struct work *w)
{
    const struct glint_set_rows *r = w->job->rows;
    const int32_t dim = w->job->layer->dim;
    for (int32_t i = 0; i < w->n; i++) {
        const float *x = r->in + (int64_t)w->row[i] * dim;
        const float *p = w->job->layer->position + (int64_t)r->place[w->row[i]] * dim;
        float *sum = w->sum + (int64_t)i * dim;
        for (int32_t j = 0; j < dim; j++)
            sum[j] = x[j] + p[j];
        w->x[i] = x;
    }
}

/* c = act(a weights' + bias) (+ residual) over the piece's rows. */
static void product(struct work *w, const struct glint_weights *weights, const float *const *a, float *c,
                    int64_t ldc, enum glint_act act, const float *const *residual)
{
    const struct glint_gemm g = {.w = weights,
                                 .m = w->n,
                                 .n_segments = 1,
                                 .rows = a,
                                 .c = c,
                                 .ldc = ldc,
                                 .residual_rows = residual,
                                 .act = act};
    w->job->gemm(&g);
}

/* The rows of a matrix, valid until the next call. */
static const float *const *rows_of(struct work *w, const float *a, int64_t lda)
{
    for (int32_t i = 0; i < w->n; i++)
        w->pointer[i] = a + i * lda;
    return w->pointer;
}

/* Queries and keys of length 1, head by head. */
static void normalise(struct work *w)
{
    const struct glint_set_layer *l = w->job->layer;
    const int32_t d = l->dim / l->heads;
    for (int32_t i = 0; i < w->n; i++)
        for (int32_t h = 0; h < 2 * l->heads; h++) {
            float *v = w->qk + (int64_t)i * 2 * l->dim + h * d, sum = 0.0f;
            for (int32_t j = 0; j < d; j++)
                sum += v[j] * v[j];
            const float length = sqrtf(sum), factor = 1.0f / (length > 1e-12f ? length : 1e-12f);
            for (int32_t j = 0; j < d; j++)
                v[j] *= factor;
        }
}

/* Rows first .. first + n - 1 of the piece are a set. */
static void attend_set(struct work *w, int32_t first, int32_t n)
{
    const struct glint_set_layer *l = w->job->layer;
    const int32_t d = l->dim / l->heads;
    const float *qk = w->qk + (int64_t)first * 2 * l->dim;
    for (int32_t h = 0; h < l->heads; h++) {
        const struct glint_attend a = {.m = n,
                                       .n = n,
                                       .d = d,
                                       .q = qk + h * d,
                                       .k = qk + l->dim + h * d,
                                       .v = w->v + first * w->v_ld + h * d,
                                       .ldq = 2 * l->dim,
                                       .ldk = 2 * l->dim,
                                       .ldv = w->v_ld,
                                       .scale =
                                           l->temperature ? 1.0f / l->temperature[h] : 1.0f / sqrtf((float)d),
                                       .out = w->o + (int64_t)first * l->dim + h * d,
                                       .ldo = l->dim,
                                       .scratch = w->head};
        w->job->attend(&a);
    }
}

static void norm(const struct work *w, const struct glint_norm_weights *n, const float *a)
{
    const struct glint_set_layer *l = w->job->layer;
    w->job->norm(a, l->dim, w->n, l->dim, n->weight, n->bias, l->norm_eps, w->to);
}

/* Results of the next norm go to the rows of a matrix: of the piece's order, or of the layer's. */
static void norm_to_piece(struct work *w, float *to)
{
    for (int32_t i = 0; i < w->n; i++)
        w->to[i] = to + (int64_t)i * w->job->layer->dim;
}

static void norm_to_rows(struct work *w, float *to)
{
    for (int32_t i = 0; i < w->n; i++)
        w->to[i] = to + (int64_t)w->row[i] * w->job->layer->dim;
}

static void copy_to_rows(const struct work *w, const float *from, float *to)
{
    const int64_t dim = w->job->layer->dim;
    for (int32_t i = 0; to && i < w->n; i++)
        memcpy(to + w->row[i] * dim, from + i * dim, (size_t)dim * sizeof *to);
}

static void add(struct work *w, float *a, const float *const *b)
{
    const int64_t dim = w->job->layer->dim;
    for (int32_t i = 0; i < w->n; i++)
        for (int64_t j = 0; j < dim; j++)
            a[i * dim + j] += b[i][j];
}

/* From z, in w->o, to the layer's output. */
static void finish(struct work *w)
{
    const struct glint_set_layer *l = w->job->layer;
    const struct glint_set_rows *r = w->job->rows;
    const bool more = l->last.weight != NULL;
    copy_to_rows(w, w->o, r->inner);
    add(w, w->o, w->x);
    if (more)
        norm_to_piece(w, w->o);
    else
        norm_to_rows(w, r->out);
    norm(w, &l->outer, w->o);
    if (!more)
        return;
    copy_to_rows(w, w->o, r->layered);
    for (int32_t i = 0; i < w->n; i++)
        w->pointer[i] = r->residual + (int64_t)w->row[i] * l->dim;
    add(w, w->o, w->pointer);
    norm_to_rows(w, r->out);
    norm(w, &l->last, w->o);
}

/* From the attention's concatenated heads on. */
static void feed_forward(struct work *w)
{
    const struct glint_set_layer *l = w->job->layer;
    float *attended = w->v, *y = w->sum;
    if (w->job->rows->attended) {
        product(w, &l->out, rows_of(w, w->o, l->dim), attended, l->dim, GLINT_ACT_NONE, NULL);
        copy_to_rows(w, attended, w->job->rows->attended);
    }
    product(w, &l->out, rows_of(w, w->o, l->dim), attended, l->dim, GLINT_ACT_NONE, w->x);
    norm_to_piece(w, y);
    norm(w, &l->norm1, attended);
    product(w, &l->fc1, rows_of(w, y, l->dim), w->qk, l->ffn, l->act, NULL);
    product(w, &l->fc2, rows_of(w, w->qk, l->ffn), attended, l->dim, GLINT_ACT_NONE,
            (const float *const *)w->to);
    if (l->outer.weight) {
        norm_to_piece(w, w->o);
        norm(w, &l->norm2, attended);
        finish(w);
    } else {
        norm_to_rows(w, w->job->rows->out);
        norm(w, &l->norm2, attended);
    }
}

/* First set that begins at position `from` or later. */
static int32_t first_set(const struct glint_set_rows *r, int64_t from)
{
    int32_t low = 0, n = r->n_sets;
    while (n > 0) {
        const int32_t half = n / 2;
        if (r->start[low + half] < from) {
            low += half + 1;
            n -= half + 1;
        } else {
            n = half;
        }
    }
    return low;
}

static void run_piece(struct work *w, int64_t piece)
{
    const struct glint_set_layer *l = w->job->layer;
    const struct glint_set_rows *r = w->job->rows;
    const int32_t first = first_set(r, piece * PIECE), end = first_set(r, (piece + 1) * PIECE);
    if (first == end)
        return;
    w->n = r->start[end] - r->start[first];
    w->row = r->order + r->start[first];
    gather(w);
    product(w, &l->qk, rows_of(w, w->sum, l->dim), w->qk, 2 * (int64_t)l->dim, GLINT_ACT_NONE, NULL);
    product(w, &l->v, w->x, w->v, w->v_ld, GLINT_ACT_NONE, NULL);
    if (l->temperature)
        normalise(w);
    for (int32_t s = first; s < end; s++)
        attend_set(w, r->start[s] - r->start[first], r->start[s + 1] - r->start[s]);
    feed_forward(w);
}

static void run_pieces(void *ctx, int64_t begin, int64_t end, int worker)
{
    const struct job *job = ctx;
    struct glint_arena *arena = &job->scratch[worker];
    const size_t mark = glint_arena_mark(arena);
    struct work w = {.job = job};
    carve(arena, job->layer, &w);
    for (int64_t i = begin; i < end; i++)
        run_piece(&w, i);
    glint_arena_reset(arena, mark);
}

static int check(const struct glint_exec *x, const struct glint_set_layer *l, const struct glint_set_rows *r)
{
    if (l->dim < 1 || l->heads < 1 || l->dim % l->heads != 0 || l->largest < 1 || l->ffn < 1 ||
        (l->last.weight && !l->outer.weight))
        return glint_fail(GLINT_E_ARG, "layer of width %d, %d heads, sets of %d, inner width %d", l->dim,
                          l->heads, l->largest, l->ffn);
    for (int32_t i = 0; i < r->n_sets; i++)
        if (r->start[i + 1] <= r->start[i] || r->start[i + 1] - r->start[i] > l->largest)
            return glint_fail(GLINT_E_ARG, "set %d of %d rows, 1 to %d wanted", i,
                              r->start[i + 1] - r->start[i], l->largest);
    const size_t wanted = glint_set_layer_scratch(l);
    for (int i = 0; i < x->n_workers; i++)
        if (x->scratch[i].cap - x->scratch[i].used < wanted)
            return glint_fail(GLINT_E_CAPACITY, "a layer wants %zu bytes of scratch, worker %d has %zu left",
                              wanted, i, x->scratch[i].cap - x->scratch[i].used);
    return GLINT_OK;
}

int glint_set_layer(struct glint_exec *x, const struct glint_set_layer *layer,
                    const struct glint_set_rows *rows)
{
    GLINT_TRY(check(x, layer, rows));
    struct job job = {
        .layer = layer,
        .rows = rows,
        .scratch = x->scratch,
        .gemm = glint_gemm_get(x->isa),
        .attend = layer->qk.pairs && (x->isa & GLINT_ISA_AVX512_BF16) ? glint_attend_bf16_get(x->isa)
                                                                      : glint_attend_get(x->isa),
        .norm = glint_norm_get(x->isa),
    };
    glint_pool_for(x->pool, ((int64_t)rows->n + PIECE - 1) / PIECE, 1, run_pieces, &job);
    return GLINT_OK;
}

int glint_set_positions(struct glint_exec *x, const struct glint_weights *first,
                        const struct glint_weights *second, const int32_t size[3], float *out)
{
    const int32_t n = size[0] * size[1] * size[2], k = first->k;
    float *in = malloc((size_t)n * ((size_t)k + (size_t)first->n) * sizeof *in);
    if (!in)
        return glint_fail(GLINT_E_NOMEM, "no memory for the positions of a window of %d cells", n);
    float *hidden = in + (int64_t)n * k;
    for (int32_t i = 0; i < n; i++) {
        const int32_t at[3] = {i % size[0], i / size[0] % size[1], i / size[0] / size[1]};
        for (int32_t a = 0; a < k; a++)
            in[(int64_t)i * k + a] = (float)at[a] - (float)size[a] / 2.0f;
    }
    glint_linear(x, first, in, k, n, hidden, first->n, GLINT_ACT_RELU, NULL, 0);
    glint_linear(x, second, hidden, first->n, n, out, second->n, GLINT_ACT_NONE, NULL, 0);
    free(in);
    return GLINT_OK;
}

void glint_set_sines(const int32_t size[3], int32_t dim, float base, float *out)
{
    const int32_t axes = size[2] > 1 ? 3 : 2, values = dim / axes, n = size[0] * size[1] * size[2];
    memset(out, 0, (size_t)n * (size_t)dim * sizeof *out);
    for (int32_t i = 0; i < n; i++) {
        const int32_t at[3] = {i % size[0], i / size[0] % size[1], i / size[0] / size[1]};
        for (int32_t j = 0; j < axes * values; j++) {
            const int32_t a = j / values, k = j % values;
            const float exponent = (float)(2 * (k / 2)) / (float)values;
            const float frequency = (float)pow((double)base, (double)exponent);
            const double angle = (double)(((float)at[a] - (float)size[a] / 2.0f) / frequency);
            out[(int64_t)i * dim + j] = (float)(k % 2 ? cos(angle) : sin(angle));
        }
    }
}
