/* tests/parity/parity_cell.c - glint_cell_fn. */
#include "tests/parity/parity.h"
#include "voxel/cell.h"
#include <math.h>

static const struct glint_grid grid = {
    .origin = {-5.12f, -3.2f, -2},
    .cell = {0.32f, 0.16f, 1.5f},
    .dim = {32, 40, 4},
    .keep_lo = {-5, -3.2f, -1.999f},
    .keep_hi = {5.12f, INFINITY, 3.999f},
};

enum cloud { RANDOM, ONE_CELL, BORDERS, NASTY, CLOUDS };
static const char *const cloud_names[] = {"random", "one cell", "on and beside borders", "NaN and huge"};

static float coordinate(struct parity *p, enum cloud cloud, int k, int32_t i)
{
    static const float nasty[] = {NAN, INFINITY, -INFINITY, 3e38f, -3e38f, 1e10f, -1e10f, 1e-40f, -0.0f};
    const float origin = grid.origin[k], cell = grid.cell[k], extent = cell * (float)grid.dim[k];
    switch (cloud) {
    case ONE_CELL:
        return origin + cell * parity_uniform(p, 1.1f, 1.9f);
    case BORDERS: {
        const float border = origin + cell * (float)((i * 7 + k) % (grid.dim[k] + 1));
        const uint32_t side = parity_below(p, 3);
        return side == 0 ? border : nextafterf(border, side == 1 ? INFINITY : -INFINITY);
    }
    case NASTY:
        if (parity_below(p, 4) == 0)
            return nasty[parity_below(p, sizeof nasty / sizeof nasty[0])];
        return origin + parity_uniform(p, 0, extent);
    default:
        return origin + parity_uniform(p, -0.1f * extent, 1.1f * extent);
    }
}

static void one(struct parity *p, const struct glint_grid *g, enum cloud cloud, int32_t n)
{
    parity_shape(p, "%s, n = %d, filter %d, clamp %d, x_major %d", cloud_names[cloud], n, g->filter, g->clamp,
                 g->x_major);
    float *v[3];
    for (int k = 0; k < 3; k++) {
        v[k] = parity_alloc(p, ((size_t)n + 1) * sizeof **v);
        *v[k]++ = 0; /* arrays need no alignment */
        for (int32_t i = 0; i < n; i++)
            v[k][i] = coordinate(p, cloud, k, i);
    }
    uint32_t *want = parity_alloc(p, (size_t)n * sizeof *want),
             *got = parity_alloc(p, (size_t)n * sizeof *got);
    glint_cell_c(g, v[0], v[1], v[2], n, want);
    glint_cell_get(p->exec.isa)(g, v[0], v[1], v[2], n, got);
    parity_same_u32(p, "number", got, want, n);
}

static void check(struct parity *p)
{
    for (int variant = 0; variant < 8; variant++) {
        struct glint_grid g = grid;
        g.filter = variant & 1;
        g.clamp = variant & 2;
        g.x_major = variant & 4;
        for (enum cloud cloud = RANDOM; cloud < CLOUDS; cloud++) {
            for (int32_t n = 0; n <= 67; n++)
                one(p, &g, cloud, n);
            one(p, &g, cloud, 5003);
        }
    }
}

struct call {
    const struct glint_grid *grid;
    glint_cell_fn *fn;
    const float *v[3];
    int32_t n;
    uint32_t *number;
};

static void run(void *ctx)
{
    const struct call *c = ctx;
    c->fn(c->grid, c->v[0], c->v[1], c->v[2], c->n, c->number);
}

static void bench(struct parity *p)
{
    struct call c = {.grid = &grid, .fn = glint_cell_get(p->exec.isa), .n = 180000};
    parity_shape(p, "bench");
    for (int k = 0; k < 3; k++) {
        float *v = parity_alloc(p, (size_t)c.n * sizeof *v);
        for (int32_t i = 0; i < c.n; i++)
            v[i] = coordinate(p, RANDOM, k, i);
        c.v[k] = v;
    }
    c.number = parity_alloc(p, (size_t)c.n * sizeof *c.number);
    parity_time(p, "180k points", c.n, "point", 0, run, &c);
}

const struct parity_kernel parity_cell = {check, bench};
