/* tests/parity/parity_vfe.c - glint_vfe with the kernels of each instruction set. */
#include "attention/vfe.h"
#include "tests/parity/parity.h"
#include <math.h>

struct shape {
    int32_t n_points, n_voxels, layers;
    int32_t width[GLINT_VFE_LAYERS];
};

struct call {
    struct glint_exec *x;
    struct glint_vfe vfe;
    struct glint_points points;
    int32_t *point, *start, *coord, n_voxels;
    float *out;
    struct glint_vfe_taps taps;
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

static void make_vfe(struct parity *p, const struct shape *s, struct glint_vfe *v)
{
    *v = (struct glint_vfe){
        .n_columns = 11, .cell = {0.32f, 0.32f, 6}, .centre_offset = {-74.72f, -74.72f, 1}};
    for (int32_t c = 0; c < 11; c++) {
        const enum glint_vfe_source source = c < 5   ? GLINT_VFE_FIELD
                                             : c < 8 ? GLINT_VFE_MEAN
                                                     : GLINT_VFE_CENTRE;
        v->column[c] = (struct glint_vfe_column){source, c < 5 ? c : (c - 5) % 3, 1};
    }
    v->n_layers = s->layers;
    for (int32_t l = 0; l < s->layers; l++) {
        v->width[l] = s->width[l];
        v->point[l] = make_weights(p, l == 0 ? 11 : s->width[l - 1], s->width[l]);
        if (l > 0)
            v->voxel[l] = make_weights(p, s->width[l - 1], s->width[l]);
    }
}

static void make_call(struct parity *p, const struct shape *s, struct call *c)
{
    const size_t n = (size_t)s->n_points, voxels = (size_t)s->n_voxels;
    make_vfe(p, s, &c->vfe);
    c->points = (struct glint_points){.n = s->n_points,
                                      .cap = s->n_points,
                                      .x = values(p, s->n_points, 75),
                                      .y = values(p, s->n_points, 75),
                                      .z = values(p, s->n_points, 3),
                                      .intensity = values(p, s->n_points, 1)};
    c->point = parity_alloc(p, n * sizeof(int32_t));
    c->start = parity_alloc(p, (voxels + 1) * sizeof(int32_t));
    c->coord = parity_alloc(p, 3 * voxels * sizeof(int32_t));
    c->out = parity_alloc(p, voxels * (size_t)s->width[s->layers - 1] * sizeof(float));
    c->n_voxels = s->n_voxels;
    for (int32_t i = 0; i < s->n_points; i++) {
        const int32_t j = (int32_t)parity_below(p, (uint32_t)i + 1);
        c->point[i] = c->point[j];
        c->point[j] = i;
    }
    c->start[0] = 0;
    for (int32_t v = 0; v < s->n_voxels; v++) { /* at least one each, the last takes what is left */
        const int32_t left = s->n_points - c->start[v] - (s->n_voxels - v),
                      most = 2 * s->n_points / s->n_voxels;
        const int32_t more = (int32_t)parity_below(p, (uint32_t)most + 1);
        c->start[v + 1] = v + 1 == s->n_voxels ? s->n_points : c->start[v] + 1 + (more < left ? more : left);
        for (int32_t a = 0; a < 3; a++)
            c->coord[3 * v + a] = (int32_t)parity_below(p, a == 2 ? 1 : 468);
    }
}

static void run(void *ctx)
{
    const struct call *c = ctx;
    glint_vfe(c->x, &c->vfe, &c->points, c->point, c->start, c->coord, c->n_voxels, c->out, &c->taps);
}

static void one(struct parity *p, struct shape s)
{
    parity_shape(p, "%d points, %d voxels, %d layers to %d", s.n_points, s.n_voxels, s.layers,
                 s.width[s.layers - 1]);
    const int32_t last = s.layers - 1;
    const int64_t out_values = (int64_t)s.n_voxels * s.width[last],
                  point_values = (int64_t)s.n_points * s.width[last];
    struct glint_exec reference = p->exec;
    reference.isa = 0;
    struct call c = {0};
    make_call(p, &s, &c);
    float *out[2], *points[2];
    for (int version = 0; version < 2; version++) {
        c.x = version ? &p->exec : &reference;
        c.out = out[version] = parity_alloc(p, (size_t)out_values * sizeof(float));
        c.taps.layer_point[last] = points[version] = parity_alloc(p, (size_t)point_values * sizeof(float));
        run(&c);
    }
    parity_close(p, "voxels", out[1], out[0], out_values, -1, -1, 1e-6);
    parity_close(p, "points", points[1], points[0], point_values, -1, -1, 1e-6);
}

static void check(struct parity *p)
{
    for (int32_t n = 1; n <= 40; n++)
        one(p, (struct shape){n, (n + 1) / 2, 2, {n, 3 + n}});
    one(p, (struct shape){5000, 700, 2, {64, 128}});
    one(p, (struct shape){300, 300, 1, {32}});
    one(p, (struct shape){3000, 1, 3, {20, 16, 40}}); /* all in one voxel */
    one(p, (struct shape){2000, 3, 2, {32, 64}});
}

static void bench(struct parity *p)
{
    const struct shape s = {108672, 11079, 2, {64, 128}};
    struct call c = {.x = &p->exec};
    if (!p->exec.isa)
        return;
    parity_shape(p, "bench");
    make_call(p, &s, &c);
    parity_time(p, "108672 points, 11079 voxels, 64, 128", s.n_points, "point",
                2.0 * s.n_points * (11 * 64 + 64 * 128) + 2.0 * s.n_voxels * 64 * 128, run, &c);
}

const struct parity_kernel parity_vfe = {check, bench};
