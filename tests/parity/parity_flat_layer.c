/* tests/parity/parity_flat_layer.c - glint_flat_layer, glint_softmax_fn and glint_norm_fn. */
#include "attention/flat_layer.h"
#include "attention/act.h"
#include "attention/norm.h"
#include "tests/parity/parity.h"
#include <math.h>
#include <stdio.h>

struct shape {
    int32_t n, dim, heads, group;
    enum glint_short_group short_group;
};

struct call {
    struct glint_exec *x;
    struct glint_flat_layer layer;
    const float *in, *pe;
    const int32_t *perm;
    int32_t n;
    float *out, *attn;
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

static void make_call(struct parity *p, const struct shape *s, struct call *c)
{
    const int32_t dim = s->dim;
    c->layer = (struct glint_flat_layer){
        .dim = dim,
        .heads = s->heads,
        .ffn = 2 * dim,
        .group = s->group,
        .qk = make_weights(p, dim, 2 * dim),
        .v = make_weights(p, dim, dim),
        .out = make_weights(p, dim, dim),
        .fc1 = make_weights(p, dim, 2 * dim),
        .fc2 = make_weights(p, 2 * dim, dim),
        .norm1_weight = values(p, dim, 1),
        .norm1_bias = values(p, dim, 1),
        .norm2_weight = values(p, dim, 1),
        .norm2_bias = values(p, dim, 1),
        .norm_eps = 1e-5f,
        .short_group = s->short_group,
    };
    int32_t *perm = parity_alloc(p, (size_t)s->n * sizeof *perm);
    for (int32_t i = 0; i < s->n; i++) {
        const int32_t j = (int32_t)parity_below(p, (uint32_t)i + 1);
        perm[i] = perm[j];
        perm[j] = i;
    }
    c->in = values(p, (int64_t)s->n * dim, 1.5f);
    c->pe = values(p, (int64_t)s->n * dim, 1);
    c->perm = perm;
    c->n = s->n;
}

static void run(void *ctx)
{
    const struct call *c = ctx;
    glint_flat_layer(c->x, &c->layer, c->in, c->pe, c->perm, c->n, c->out, c->attn);
}

static void one(struct parity *p, struct shape s)
{
    parity_shape(p, "n %d, dim %d, heads %d, group %d, short %d", s.n, s.dim, s.heads, s.group,
                 s.short_group);
    const int64_t rows = s.n < s.group && s.short_group == GLINT_SHORT_GROUP_SINGLE
                             ? s.n
                             : (int64_t)(s.n + s.group - 1) / s.group * s.group;
    struct glint_exec reference = p->exec;
    reference.isa = 0;
    struct call c = {0};
    make_call(p, &s, &c);
    float *out[2], *attn[2];
    for (int version = 0; version < 2; version++) {
        c.x = version ? &p->exec : &reference;
        c.out = out[version] = parity_alloc(p, (size_t)s.n * (size_t)s.dim * sizeof(float));
        c.attn = attn[version] = parity_alloc(p, (size_t)rows * (size_t)s.dim * sizeof(float));
        run(&c);
    }
    parity_close(p, "attention", attn[1], attn[0], rows * s.dim, -1, -1, 1e-6);
    parity_close(p, "out", out[1], out[0], (int64_t)s.n * s.dim, -1, -1, 1e-6);
}

/* Rows of scores: plain, all equal, far apart, with a NaN. */
static void softmax(struct parity *p, int32_t n, int kind)
{
    parity_shape(p, "softmax of %d, kind %d", n, kind);
    const int32_t m = 3;
    float *s[2], inverse[2][3];
    s[0] = values(p, (int64_t)m * n, kind == 2 ? 1000.0f : 5.0f);
    for (int32_t i = 0; kind == 1 && i < m * n; i++)
        s[0][i] = 7.0f;
    if (kind == 3)
        s[0][n + n / 2] = NAN;
    s[1] = parity_copy(p, s[0], (size_t)m * (size_t)n * sizeof(float));
    glint_softmax_c(s[0], n, m, n, 0.25f, inverse[0]);
    glint_softmax_get(p->exec.isa)(s[1], n, m, n, 0.25f, inverse[1]);
    if (kind == 3) { /* which terms are NaN is not promised, their sum is */
        parity_true(p, "sum of NaN", isnan(inverse[1][1]) && isnan(inverse[0][1]));
        return;
    }
    parity_close(p, "terms", s[1], s[0], (int64_t)m * n, 2e-38, 4e-7, -1);
    parity_close(p, "inverse sums", inverse[1], inverse[0], m, 0, 1e-6, -1);
}

static void layer_norm(struct parity *p, int32_t n)
{
    parity_shape(p, "norm of %d", n);
    const int32_t m = 4;
    float *a = values(p, (int64_t)m * n, 3), *weight = values(p, n, 2), *bias = values(p, n, 1);
    for (int32_t j = 0; j < n; j++)
        a[j] = 2.5f; /* a row without variance */
    float *want = parity_alloc(p, (size_t)m * (size_t)n * sizeof *want);
    float *rows[2][4];
    for (int32_t i = 0; i < m; i++) {
        rows[0][i] = want + i * n;
        rows[1][i] = a + i * n; /* in place */
    }
    glint_norm_c(a, n, m, n, weight, bias, 1e-5f, rows[0]);
    glint_norm_get(p->exec.isa)(a, n, m, n, weight, bias, 1e-5f, rows[1]);
    parity_close(p, "rows", a, want, (int64_t)m * n, n == 1 ? 1e-3 : 1e-5, 1e-5, -1);
}

static void check(struct parity *p)
{
    for (int32_t n = 1; n <= 70; n++) {
        for (int kind = 0; kind < 4; kind++)
            softmax(p, n, kind);
        layer_norm(p, n);
    }
    for (int32_t n = 0; n <= 40; n++)
        one(p, (struct shape){n, 16, 2, 13, n & 1 ? GLINT_SHORT_GROUP_SINGLE : GLINT_SHORT_GROUP_WRAP});
    one(p, (struct shape){289, 128, 8, 144, GLINT_SHORT_GROUP_SINGLE});
    one(p, (struct shape){130, 64, 4, 64, GLINT_SHORT_GROUP_WRAP});
    one(p, (struct shape){50, 96, 3, 20, GLINT_SHORT_GROUP_SINGLE});
    one(p, (struct shape){50, 35, 5, 17, GLINT_SHORT_GROUP_SINGLE});
    one(p, (struct shape){50, 66, 1, 33, GLINT_SHORT_GROUP_SINGLE});
}

static void bench(struct parity *p)
{
    static const struct shape shapes[] = {{11079, 128, 8, 144, GLINT_SHORT_GROUP_SINGLE},
                                          {9000, 64, 4, 64, GLINT_SHORT_GROUP_WRAP}};
    for (int i = 0; i < (p->exec.isa ? 2 : 0); i++) {
        const struct shape s = shapes[i];
        char label[80];
        parity_shape(p, "bench %d", i);
        struct call c = {.x = &p->exec};
        make_call(p, &s, &c);
        c.out = parity_alloc(p, (size_t)s.n * (size_t)s.dim * sizeof(float));
        snprintf(label, sizeof label, "n %d, dim %d, group %d", s.n, s.dim, s.group);
        const double padded = (double)(s.n + s.group - 1) / s.group * s.group;
        parity_time(p, label, s.n, "token", 16.0 * padded * s.dim * s.dim + 4 * padded * s.group * s.dim, run,
                    &c);
    }
}

const struct parity_kernel parity_flat_layer = {check, bench};
