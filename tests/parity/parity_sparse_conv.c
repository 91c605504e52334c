/* tests/parity/parity_sparse_conv.c - sparse convolutions by rules: the products of each instruction set
 * against the plain loops. Sites, rules and pairs are exact and tested by themselves (test_sites.c,
 * test_rules.c). */
#include "attention/sparse_conv.h"
#include "tests/parity/parity.h"
#include "voxel/rules.h"
#include <math.h>
#include <stdio.h>

struct shape {
    int32_t dim[3];
    float share; /* of the cells that are sites */
    struct glint_stencil k;
    int32_t c, n;
    enum glint_act act;
    bool residual;
};

struct call {
    struct glint_exec *x;
    struct glint_sparse_conv conv;
    struct glint_pairs pairs;
    int32_t n_in, n_out;
    float *in, *residual, *got, *want;
};

static struct glint_sites *make_sites(struct parity *p, const struct shape *s)
{
    const int32_t cap = s->dim[0] * s->dim[1] * s->dim[2];
    struct glint_sites *sites = parity_alloc(p, sizeof *sites);
    glint_sites_init(sites, parity_alloc(p, glint_sites_bytes(cap)), cap, s->dim);
    for (int32_t i = 0; i < cap; i++)
        if (s->share >= 1 || (s->share > 0 && parity_uniform(p, 0, 1) < s->share)) {
            sites->coord[3 * sites->n] = i % s->dim[0];
            sites->coord[3 * sites->n + 1] = i / s->dim[0] % s->dim[1];
            sites->coord[3 * sites->n + 2] = i / s->dim[0] / s->dim[1];
            sites->n++;
        }
    parity_true(p, "index", glint_sites_index(&p->exec, sites) == GLINT_OK);
    return sites;
}

static struct glint_rules *make_rules(struct parity *p, const struct shape *s, const struct glint_sites *in)
{
    int32_t dim[3];
    struct glint_rules *rules = parity_alloc(p, sizeof *rules);
    struct glint_sites *out = parity_alloc(p, sizeof *out);
    parity_true(p, "dim", glint_stencil_dim(&s->k, s->dim, dim) == GLINT_OK);
    const int32_t cap = dim[0] * dim[1] * dim[2], cells = glint_stencil_cells(&s->k);
    glint_sites_init(out, parity_alloc(p, glint_sites_bytes(cap)), cap, dim);
    parity_true(p, "strided", glint_sites_strided(&p->exec, in, &s->k, out) == GLINT_OK);
    glint_rules_init(rules, parity_alloc(p, glint_rules_bytes(cap, cells)), cap, cells);
    parity_true(p, "rules", glint_rules_make(&p->exec, &s->k, in, out, rules) == GLINT_OK);
    return rules;
}

static float *random_floats(struct parity *p, int64_t n)
{
    float *v = parity_alloc(p, (size_t)(n ? n : 1) * sizeof *v);
    parity_fill_normal(p, v, n);
    return v;
}

static void make_call(struct parity *p, const struct shape *s, struct call *c)
{
    const struct glint_sites *in = make_sites(p, s);
    const struct glint_rules *r = make_rules(p, s, in);
    struct glint_weights *w = parity_alloc(p, (size_t)r->n_cells * sizeof *w);
    for (int32_t k = 0; k < r->n_cells; k++)
        glint_weights_pack(&w[k], parity_alloc(p, glint_weights_bytes(s->c, s->n)),
                           random_floats(p, (int64_t)s->c * s->n), s->c, NULL, NULL, s->c, s->n);
    *c = (struct call){
        .x = &p->exec,
        .conv = {s->c, s->n, r->n_cells, w, random_floats(p, s->n), s->act},
        .pairs = {r->n_out, r->n_cells, GLINT_RULES_TILE, r->n_tiles, r->order, r->first, r->in, r->out},
        .n_in = r->n_in,
        .n_out = r->n_out};
    c->in = random_floats(p, (int64_t)c->n_in * s->c);
    c->residual = s->residual ? random_floats(p, (int64_t)c->n_out * s->n) : NULL;
    c->got = parity_alloc(p, (size_t)c->n_out * (size_t)s->n * sizeof(float) + 1);
    c->want = parity_alloc(p, (size_t)c->n_out * (size_t)s->n * sizeof(float) + 1);
}

static void run(void *ctx)
{
    const struct call *c = ctx;
    glint_sparse_conv(c->x, &c->conv, &c->pairs, c->in, c->residual, c->got);
}

static void check_shape(struct parity *p, const struct shape *s)
{
    struct call c;
    parity_shape(p, "%d x %d x %d, share %g, kernel %d %d %d, %d -> %d, act %d, residual %d", s->dim[0],
                 s->dim[1], s->dim[2], (double)s->share, s->k.size[0], s->k.size[1], s->k.size[2], s->c, s->n,
                 (int)s->act, (int)s->residual);
    make_call(p, s, &c);
    glint_sparse_conv_c(&p->exec, &c.conv, &c.pairs, c.in, c.residual, c.want);
    run(&c);
    const double k = (double)c.conv.n_cells * s->c;
    parity_close(p, "out", c.got, c.want, (int64_t)c.n_out * s->n, 8 * 6e-8 * sqrt(k) * 6, 1e-6, 1e-6);
}

static void check(struct parity *p)
{
    static const struct glint_stencil kernels[] = {{{3, 3, 3}, {1, 1, 1}, {1, 1, 1}},
                                                   {{3, 3, 3}, {2, 2, 2}, {1, 1, 0}},
                                                   {{1, 1, 3}, {1, 1, 2}, {0, 0, 0}}};
    static const float shares[] = {0, 1e-3f, 0.2f, 1};
    for (int32_t n = 1; n <= 67; n += 11)
        for (int i = 0; i < 12; i++)
            check_shape(p, &(struct shape){{13, 9, 5},
                                           shares[i / 3],
                                           kernels[i % 3],
                                           (n + 5 * i) % 35 + 1,
                                           n,
                                           i % 2 ? GLINT_ACT_RELU : GLINT_ACT_NONE,
                                           i % 5 < 2});
    check_shape(
        p, &(struct shape){{9, 9, 4}, 0.3f, {{5, 5, 5}, {1, 1, 1}, {2, 2, 2}}, 4, 32, GLINT_ACT_GELU, false});
    check_shape(p, &(struct shape){{1, 1, 1}, 1, kernels[0], 128, 128, GLINT_ACT_RELU, true});
}

/* The stages of CenterPoint's sparse backbone; a share of sites that gives some ten pairs per output. */
static void bench(struct parity *p)
{
    static const int32_t widths[] = {16, 32, 64, 128};
    for (int i = 0; i < 4; i++) {
        struct call c;
        char label[64];
        const struct shape s = {{60, 60, 10}, 0.35f,     {{3, 3, 3}, {1, 1, 1}, {1, 1, 1}},
                                widths[i],    widths[i], GLINT_ACT_RELU,
                                true};
        int64_t pairs = 0;
        parity_shape(p, "%d channels", widths[i]);
        make_call(p, &s, &c);
        for (int64_t t = 0; t < c.pairs.n_tiles; t++)
            pairs += c.pairs.first[(t + 1) * (c.pairs.n_cells + 1) - 1];
        snprintf(label, sizeof label, "%d -> %d, %.1f pairs per site", widths[i], widths[i],
                 (double)pairs / c.n_out);
        parity_time(p, label, c.n_out, "site", 2.0 * (double)pairs * widths[i] * widths[i], run, &c);
    }
}

const struct parity_kernel parity_sparse_conv = {check, bench};
