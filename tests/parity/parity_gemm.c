/* tests/parity/parity_gemm.c - glint_gemm_fn. The versions add in the same order, but fuse multiply and add.
 */
#include "attention/gemm.h"
#include "tests/parity/parity.h"
#include <math.h>
#include <stdio.h>

struct shape {
    int32_t m, k, n, segments;
    enum glint_act act;
    bool residual, pointers, nasty;
};

/* Rows in segment-major order, each segment of each row at an odd place of its own. */
static const float **make_rows(struct parity *p, const struct shape *s)
{
    const int32_t length = s->k / s->segments, count = s->m * s->segments;
    const float **rows = parity_alloc(p, ((size_t)count + 1) * sizeof *rows);
    float *a = parity_alloc(p, ((size_t)count * (size_t)(length + 1) + 1) * sizeof *a);
    parity_fill_uniform(p, a, (int64_t)count * (length + 1) + 1, -1, 1);
    for (int32_t i = 0; i < count; i++)
        rows[i] = a + 1 + (int64_t)i * (length + 1);
    if (s->nasty && s->m > 0)
        for (int i = 0; i < 4; i++)
            a[1 + parity_below(p, (uint32_t)(count * (length + 1)))] = i & 1 ? NAN : INFINITY;
    return rows;
}

static struct glint_weights make_weights(struct parity *p, int32_t k, int32_t n)
{
    struct glint_weights w;
    float *rows = parity_alloc(p, (size_t)n * (size_t)k * sizeof *rows);
    float *bias = parity_alloc(p, (size_t)n * sizeof *bias);
    parity_fill_uniform(p, rows, (int64_t)n * k, -1, 1);
    parity_fill_uniform(p, bias, n, -1, 1);
    glint_weights_pack(&w, parity_alloc(p, glint_weights_bytes(k, n)), rows, k, NULL, bias, k, n);
    return w;
}

static void one(struct parity *p, struct shape s)
{
    parity_shape(p, "m %d, k %d in %d, n %d, act %d, residual %d, pointers %d, nasty %d", s.m, s.k,
                 s.segments, s.n, s.act, s.residual, s.pointers, s.nasty);
    const struct glint_weights w = make_weights(p, s.k, s.n);
    const size_t values = (size_t)s.m * (size_t)s.n;
    float *c[2] = {parity_alloc(p, values * sizeof(float)), parity_alloc(p, values * sizeof(float))};
    float *residual = parity_alloc(p, values * sizeof *residual);
    float **c_rows = parity_alloc(p, ((size_t)s.m + 1) * sizeof *c_rows);
    parity_fill_uniform(p, residual, (int64_t)values, -1, 1);
    struct glint_gemm g = {
        .w = &w, .m = s.m, .n_segments = s.segments, .rows = make_rows(p, &s), .act = s.act};
    g.residual = s.residual ? residual : NULL;
    g.ldr = s.n;
    for (int version = 0; version < 2; version++) {
        for (int32_t i = 0; i < s.m; i++)
            c_rows[i] = c[version] + (int64_t)i * s.n;
        g.c = s.pointers ? NULL : c[version];
        g.ldc = s.n;
        g.c_rows = s.pointers ? c_rows : NULL;
        (version ? glint_gemm_get(p->exec.isa) : glint_gemm_c)(&g);
    }
    parity_close(p, "c", c[1], c[0], (int64_t)values, 4 * 1.2e-7 * sqrt(s.k) * s.k / 4, 0,
                 1e-6 * sqrt(1 + s.k / 64.0));
}

static void check(struct parity *p)
{
    for (int32_t m = 0; m <= 30; m++)
        one(p, (struct shape){m, 6, 40, 1 + m % 3, (enum glint_act)(m % 4), m & 1, m & 2, m % 5 == 0});
    for (int32_t n = 1; n <= 66; n++)
        one(p, (struct shape){17, 21, n, n % 2 ? 1 : 7, (enum glint_act)(n % 4), n & 1, n & 2, n % 5 == 0});
    for (int32_t k = 1; k <= 67; k++)
        one(p, (struct shape){15, k, 1 + k % 40, 1, (enum glint_act)(k % 4), k & 1, k & 2, k % 5 == 0});
    for (int32_t k = 1; k <= 200; k += 3)
        one(p, (struct shape){9, k, 1 + k % 5, 1, (enum glint_act)(k % 4), k & 1, k & 2, k % 5 == 0});
    for (int32_t i = 0; i < 20; i++) {
        const int32_t segments = 1 + 2 * (int32_t)parity_below(p, 2);
        const int32_t k = segments * (1 + (int32_t)parity_below(p, 300));
        one(p, (struct shape){(int32_t)parity_below(p, 200), k, 1 + (int32_t)parity_below(p, 130), segments,
                              (enum glint_act)(i % 4), i & 1, i & 2, false});
    }
}

struct call {
    struct glint_gemm g;
    glint_gemm_fn *fn;
};

static void run(void *ctx)
{
    const struct call *c = ctx;
    c->fn(&c->g);
}

static void bench(struct parity *p)
{
    static const struct shape shapes[] = {
        {112, 1152, 128, 3, GLINT_ACT_RELU, false, false, false},
        {112, 2304, 64, 3, GLINT_ACT_RELU, false, false, false},
        {144, 128, 256, 1, GLINT_ACT_NONE, false, false, false},
        {144, 128, 256, 1, GLINT_ACT_GELU, false, false, false},
        {144, 16, 144, 1, GLINT_ACT_NONE, false, false, false},
        {144, 144, 16, 1, GLINT_ACT_NONE, false, false, false},
        {112, 11, 64, 1, GLINT_ACT_RELU, false, false, false},
        {112, 576, 2, 3, GLINT_ACT_NONE, false, false, false},
    };
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        const struct shape s = shapes[i];
        char label[80];
        parity_shape(p, "bench %zu", i);
        const struct glint_weights w = make_weights(p, s.k, s.n);
        struct call c = {.fn = glint_gemm_get(p->exec.isa)};
        c.g = (struct glint_gemm){
            .w = &w, .m = s.m, .n_segments = s.segments, .rows = make_rows(p, &s), .act = s.act};
        c.g.c = parity_alloc(p, (size_t)s.m * (size_t)s.n * sizeof(float));
        c.g.ldc = s.n;
        snprintf(label, sizeof label, "m %d, k %d, n %d%s", s.m, s.k, s.n,
                 s.act == GLINT_ACT_GELU ? ", gelu" : "");
        parity_time(p, label, s.m, "row", 2.0 * s.m * s.n * s.k, run, &c);
    }
}

const struct parity_kernel parity_gemm = {check, bench};
