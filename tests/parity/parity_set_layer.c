/* tests/parity/parity_set_layer.c - glint_set_layer and glint_set_pool. */
#include "attention/set_pool.h"
#include "tests/parity/parity.h"
#include <math.h>
#include <stdio.h>

#define PLACES 50

struct shape {
    int32_t n, dim, heads, largest;
    int norms; /* 2 .. 4 */
};

struct call {
    struct glint_exec *x;
    struct glint_set_layer layer;
    struct glint_set_rows rows;
};

static float *values(struct parity *p, int64_t n, float range)
{
    float *v = parity_alloc(p, (size_t)n * sizeof *v);
    parity_fill_uniform(p, v, n, -range, range);
    return v;
}

static struct glint_weights make_weights(struct parity *p, int32_t k, int32_t n)
{
    struct glint_weights w;
    const float *rows = values(p, (int64_t)k * n, 2.0f / sqrtf((float)k)), *bias = values(p, n, 0.3f);
    glint_weights_pack(&w, parity_alloc(p, glint_weights_bytes(k, n)), rows, k, NULL, bias, k, n);
    return w;
}

static struct glint_norm_weights make_norm(struct parity *p, int32_t dim, bool there)
{
    struct glint_norm_weights n = {NULL, NULL};
    if (there) {
        n.weight = values(p, dim, 1);
        n.bias = values(p, dim, 1);
    }
    return n;
}

static void make_layer(struct parity *p, const struct shape *s, struct glint_set_layer *l)
{
    const int32_t dim = s->dim;
    *l = (struct glint_set_layer){
        .dim = dim,
        .heads = s->heads,
        .ffn = 2 * dim,
        .largest = s->largest,
        .act = GLINT_ACT_GELU,
        .qk = make_weights(p, dim, 2 * dim),
        .v = make_weights(p, dim, dim),
        .out = make_weights(p, dim, dim),
        .fc1 = make_weights(p, dim, 2 * dim),
        .fc2 = make_weights(p, 2 * dim, dim),
        .norm1 = make_norm(p, dim, true),
        .norm2 = make_norm(p, dim, true),
        .outer = make_norm(p, dim, s->norms > 2),
        .last = make_norm(p, dim, s->norms > 3),
        .norm_eps = 1e-5f,
        .position = values(p, (int64_t)PLACES * dim, 1),
    };
}

static void make_rows(struct parity *p, const struct shape *s, struct glint_set_rows *r)
{
    int32_t *place = parity_alloc(p, (size_t)s->n * sizeof *place),
            *order = parity_alloc(p, (size_t)s->n * sizeof *order);
    int32_t *start = parity_alloc(p, ((size_t)s->n + 1) * sizeof *start), n_sets = 0;
    for (int32_t i = 0; i < s->n; i++) {
        const int32_t j = (int32_t)parity_below(p, (uint32_t)i + 1);
        place[i] = (int32_t)parity_below(p, PLACES);
        order[i] = order[j];
        order[j] = i;
    }
    for (int32_t at = 0; at < s->n; at += 1 + (int32_t)parity_below(p, (uint32_t)s->largest))
        start[n_sets++] = at;
    start[n_sets] = s->n;
    *r = (struct glint_set_rows){.n = s->n,
                                 .n_sets = n_sets,
                                 .in = values(p, (int64_t)s->n * s->dim, 1.5f),
                                 .place = place,
                                 .order = order,
                                 .start = start,
                                 .residual = values(p, (int64_t)s->n * s->dim, 1.5f)};
}

static void run(void *ctx)
{
    const struct call *c = ctx;
    glint_set_layer(c->x, &c->layer, &c->rows);
}

static void one(struct parity *p, struct shape s)
{
    parity_shape(p, "n %d, dim %d, heads %d, sets up to %d, %d norms", s.n, s.dim, s.heads, s.largest,
                 s.norms);
    const int64_t count = (int64_t)s.n * s.dim;
    struct glint_exec reference = p->exec;
    reference.isa = 0;
    struct call c = {.x = &reference};
    float *out[2];
    make_layer(p, &s, &c.layer);
    make_rows(p, &s, &c.rows);
    for (int version = 0; version < 2; version++) {
        c.x = version ? &p->exec : &reference;
        c.rows.out = out[version] = parity_alloc(p, (size_t)count * sizeof(float));
        run(&c);
    }
    parity_close(p, "out", out[1], out[0], count, -1, -1, 1e-6);
}

static void pool(struct parity *p, int32_t n, int32_t dim, int32_t n_slots)
{
    parity_shape(p, "pool of %d cells, dim %d, %d places", n, dim, n_slots);
    struct glint_exec reference = p->exec;
    reference.isa = 0;
    struct glint_set_pool pool = {.dim = dim,
                                  .heads = 8,
                                  .n_slots = n_slots,
                                  .q = make_weights(p, dim, dim),
                                  .k = make_weights(p, dim, dim),
                                  .v = make_weights(p, dim, dim),
                                  .out = make_weights(p, dim, dim),
                                  .norm = make_norm(p, dim, true),
                                  .norm_eps = 1e-5f,
                                  .slots = values(p, (int64_t)n_slots * dim, 1)};
    int32_t *start = parity_alloc(p, ((size_t)n + 1) * sizeof *start);
    int32_t *member = parity_alloc(p, (size_t)(n * n_slots) * sizeof *member);
    int32_t *slot = parity_alloc(p, (size_t)(n * n_slots) * sizeof *slot), n_in = 0;
    for (int32_t c = 0; c < n; c++) {
        start[c] = n_in;
        for (int32_t j = 0; j < n_slots; j++)
            if (j == c % n_slots || parity_below(p, 2)) {
                slot[n_in] = j;
                member[n_in] = n_in;
                n_in++;
            }
    }
    start[n] = n_in;
    float *out[2], *empty = parity_alloc(p, (size_t)n_slots * (size_t)dim * sizeof *empty);
    const float *in = values(p, (int64_t)n_in * dim, 1);
    for (int version = 0; version < 2; version++) {
        struct glint_exec *x = version ? &p->exec : &reference;
        out[version] = parity_alloc(p, (size_t)n * (size_t)dim * sizeof(float));
        glint_set_pool_ready(x, &pool, empty);
        pool.empty_key = empty;
        glint_set_pool(x, &pool, &(struct glint_set_pool_rows){n, in, start, member, slot, out[version]});
    }
    parity_close(p, "pooled", out[1], out[0], (int64_t)n * dim, -1, -1, 1e-6);
}

static void check(struct parity *p)
{
    for (int32_t n = 0; n <= 40; n++)
        one(p, (struct shape){n, 24, 1 + n % 4 % 3, 1 + n % 9, 2 + n % 3});
    one(p, (struct shape){300, 64, 4, 18, 3});
    one(p, (struct shape){400, 192, 8, 36, 4});
    one(p, (struct shape){310, 128, 8, 150, 2});
    for (int32_t n = 0; n <= 9; n++)
        pool(p, n * n, 8 * (1 + n), 1 + n % 8);
}

static void bench(struct parity *p)
{
    static const struct shape shapes[] = {
        {11092, 192, 8, 36, 3}, {11092, 192, 8, 36, 4}, {6000, 128, 8, 144, 2}};
    for (size_t i = 0; i < (p->exec.isa ? sizeof shapes / sizeof *shapes : 0); i++) {
        const struct shape s = shapes[i];
        struct call c = {.x = &p->exec};
        char label[80];
        parity_shape(p, "bench %zu", i);
        make_layer(p, &s, &c.layer);
        make_rows(p, &s, &c.rows);
        c.rows.out = parity_alloc(p, (size_t)s.n * (size_t)s.dim * sizeof(float));
        snprintf(label, sizeof label, "dim %d, sets up to %d", s.dim, s.largest);
        parity_time(p, label, s.n, "row", 2.0 * s.n * 8.0 * s.dim * s.dim, run, &c);
    }
}

const struct parity_kernel parity_set_layer = {check, bench};
