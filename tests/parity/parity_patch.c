/* tests/parity/parity_patch.c - glint_patch_attend, and norms and maps of rows (attention/rows.h). */
#include "attention/patch_attend.h"
#include "attention/rows.h"
#include "tests/parity/parity.h"
#include <math.h>
#include <stdio.h>

static float *values(struct parity *p, int64_t n, float range)
{
    float *v = parity_alloc(p, (size_t)n * sizeof *v);
    parity_fill_uniform(p, v, n, -range, range);
    return v;
}

static int32_t *random_order(struct parity *p, int32_t n)
{
    int32_t *order = parity_alloc(p, (size_t)n * sizeof *order);
    for (int32_t i = 0; i < n; i++) {
        const int32_t j = (int32_t)parity_below(p, (uint32_t)i + 1);
        order[i] = order[j];
        order[j] = i;
    }
    return order;
}

struct call {
    struct glint_exec *x;
    struct glint_patch_attend attend;
    const float *qkv;
    const int32_t *order;
    int32_t n;
    float *out;
};

static void run(void *ctx)
{
    const struct call *c = ctx;
    glint_patch_attend(c->x, &c->attend, c->qkv, c->order, c->n, c->out);
}

static void one_attend(struct parity *p, int32_t n, int32_t dim, int32_t heads, int32_t size)
{
    parity_shape(p, "attend: n %d, dim %d, heads %d, patches of %d", n, dim, heads, size);
    struct glint_exec reference = p->exec;
    reference.isa = 0;
    struct call c = {.attend = {.dim = dim, .heads = heads, .size = size},
                     .qkv = values(p, 3 * (int64_t)n * dim, 1.5f),
                     .order = random_order(p, n),
                     .n = n};
    float *out[2];
    for (int version = 0; version < 2; version++) {
        c.x = version ? &p->exec : &reference;
        c.out = out[version] = parity_alloc(p, (size_t)n * (size_t)dim * sizeof(float));
        run(&c);
    }
    parity_close(p, "out", out[1], out[0], (int64_t)n * dim, 4e-6, 4e-6, 1e-6);
}

static struct glint_weights make_weights(struct parity *p, int32_t k, int32_t n)
{
    struct glint_weights w;
    const float *rows = values(p, (int64_t)k * n, 2.0f / sqrtf((float)k)), *bias = values(p, n, 0.3f);
    glint_weights_pack(&w, parity_alloc(p, glint_weights_bytes(k, n)), rows, k, NULL, bias, k, n);
    return w;
}

/* All three, with and without the branch apart; results of the fused and the apart one agree to rounding. */
static void one_rows(struct parity *p, int32_t m, int32_t k, int32_t n)
{
    parity_shape(p, "rows: m %d, k %d, n %d", m, k, n);
    struct glint_exec exec[2] = {p->exec, p->exec};
    exec[0].isa = 0;
    const struct glint_weights w = make_weights(p, k, n), back = make_weights(p, n, k);
    const struct glint_layer_norm of_k = {values(p, k, 1), values(p, k, 1), 1e-5f};
    const float *in = values(p, (int64_t)m * k, 2), *wide = values(p, (int64_t)m * n, 2);
    float *out[2][3], *branch[2][2];
    for (int v = 0; v < 2; v++) {
        for (int i = 0; i < 3; i++)
            out[v][i] = values(p, (int64_t)m * (i ? k : n), 9);
        for (int i = 0; i < 2; i++)
            branch[v][i] = values(p, (int64_t)m * k, 9);
        glint_norm_linear(&exec[v], &of_k, &w, in, m, out[v][0]);
        glint_linear_norm(&exec[v], &back, &of_k, wide, m, in, out[v][1], v ? branch[v][0] : NULL);
        glint_norm_mlp(&exec[v], &of_k, &w, &back, in, m, out[v][2], v ? branch[v][1] : NULL);
    }
    parity_close(p, "norm, linear", out[1][0], out[0][0], (int64_t)m * n, -1, -1, 2e-6);
    parity_close(p, "linear, norm", out[1][1], out[0][1], (int64_t)m * k, -1, -1, 2e-6);
    parity_close(p, "mlp", out[1][2], out[0][2], (int64_t)m * k, -1, -1, 2e-6);
    for (int64_t i = 0; i < (int64_t)m * k; i++)
        branch[1][1][i] += in[i];
    parity_close(p, "mlp's branch", branch[1][1], out[1][2], (int64_t)m * k, -1, -1, 1e-6);
}

static void check(struct parity *p)
{
    for (int32_t n = 0; n <= 40; n++)
        one_attend(p, n, 16, 2, 13);
    one_attend(p, 700, 32, 2, 300);
    one_attend(p, 400, 30, 3, 256);
    for (int32_t m = 0; m <= 5; m++)
        one_rows(p, m, 16, 33);
    one_rows(p, 250, 48, 192);
}

static void bench(struct parity *p)
{
    parity_shape(p, "bench");
    const int32_t n = 8192;
    struct call c = {.x = &p->exec,
                     .attend = {.dim = 256, .heads = 16, .size = 1024},
                     .qkv = values(p, 3 * (int64_t)n * 256, 1.5f),
                     .order = random_order(p, n),
                     .n = n,
                     .out = parity_alloc(p, (size_t)n * 256 * sizeof(float))};
    if (p->exec.isa)
        parity_time(p, "n 8192, dim 256, heads 16, patches of 1024", n, "token",
                    glint_patch_attend_flop(&c.attend, n), run, &c);
}

const struct parity_kernel parity_patch = {check, bench};
