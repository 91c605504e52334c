/* tests/parity/parity_voxelize.c - glint_voxelize with the versions of an instruction set, and with threads,
 * against the references in one thread: every output, with capacities reached and exceeded. */
#include "tests/parity/parity.h"
#include "voxel/voxel.h"
#include <math.h>
#include <stdio.h>

static const struct glint_grid grid = {
    .origin = {-10, -10, -2},
    .cell = {0.5f, 0.4f, 2},
    .dim = {40, 50, 2},
    .keep_lo = {-9.9f, -9.9f, -1.9f},
    .keep_hi = {9.9f, 9.9f, 1.9f},
};

enum cloud { RANDOM, ONE_CELL, ONE_PER_CELL, NASTY, CLOUDS };
static const char *const cloud_names[] = {"random", "one cell", "one per cell", "NaN and huge"};

static struct glint_points make_cloud(struct parity *p, enum cloud cloud, int32_t n)
{
    float *v[3];
    for (int k = 0; k < 3; k++)
        v[k] = parity_alloc(p, (size_t)n * sizeof *v[k]);
    for (int32_t i = 0; i < n; i++) {
        const int32_t place = cloud == ONE_CELL ? 777 : i * 7919 % 4000;
        const int32_t cell[3] = {place % 40, place / 40 % 50, place / 2000};
        for (int k = 0; k < 3; k++)
            v[k][i] = cloud == RANDOM
                          ? parity_uniform(p, -11, 11)
                          : grid.origin[k] + grid.cell[k] * ((float)cell[k] + parity_uniform(p, 0.1f, 0.9f));
        if (cloud == NASTY && parity_below(p, 3) == 0)
            v[parity_below(p, 3)][i] = parity_below(p, 2) ? NAN : parity_below(p, 2) ? 1e38f : -INFINITY;
    }
    return (struct glint_points){.n = n, .cap = n, .x = v[0], .y = v[1], .z = v[2]};
}

static void compare(struct parity *p, const struct glint_voxels *got, const struct glint_voxels *want)
{
    if (!parity_true(p, "number of voxels", got->n_voxels == want->n_voxels) ||
        !parity_true(p, "number of points", got->n_points == want->n_points) ||
        !parity_true(p, "rejected", got->n_rejected == want->n_rejected) ||
        !parity_true(p, "clipped", got->n_clipped == want->n_clipped) ||
        !parity_true(p, "dropped", got->n_dropped == want->n_dropped))
        return;
    parity_true(p, "a point is lost",
                got->n_in == got->n_points + got->n_rejected + got->n_clipped + got->n_dropped);
    parity_same_i32(p, "start", got->start, want->start, want->n_voxels + 1);
    parity_same_i32(p, "point", got->point, want->point, want->n_points);
    parity_same_i32(p, "coord", got->coord, want->coord, 3 * (int64_t)want->n_voxels);
    parity_same_i32(p, "rejected", got->rejected, want->rejected, want->n_rejected);
}

/* Memory in exact blocks with guards instead of one arena. */
static struct glint_voxels make_voxels(struct parity *p, int32_t cap_points, int32_t cap_voxels)
{
    struct glint_voxels v = {.cap_points = cap_points, .cap_voxels = cap_voxels};
    for (int i = 0; i < 2; i++) {
        v.key[i] = parity_alloc(p, (size_t)cap_points * 4);
        v.order[i] = parity_alloc(p, (size_t)cap_points * 4);
    }
    v.start = parity_alloc(p, ((size_t)cap_voxels + 1) * 4);
    v.coord = parity_alloc(p, (size_t)cap_voxels * 12);
    return v;
}

static void one(struct parity *p, const struct glint_grid *g, enum cloud cloud, int32_t n, int32_t cap_voxels)
{
    parity_shape(p, "%s, n = %d, room for %d voxels, filter %d, clamp %d, x_major %d, drop_first %d",
                 cloud_names[cloud], n, cap_voxels, g->filter, g->clamp, g->x_major, g->drop_first);
    const struct glint_points points = make_cloud(p, cloud, n);
    struct glint_voxels want = make_voxels(p, n, cap_voxels), got = make_voxels(p, n, cap_voxels);
    struct glint_exec reference = {.isa = 0};
    parity_true(p, "reference fails", glint_voxelize(&reference, g, &points, false, &want) == GLINT_OK);
    parity_true(p, "fails", glint_voxelize(&p->exec, g, &points, false, &got) == GLINT_OK);
    compare(p, &got, &want);
}

static void check(struct parity *p)
{
    static const int32_t sizes[] = {0, 1, 2, 17, 100, 4000, 4001, 70001};
    static const int32_t room[] = {1, 2, 3999, 4000, 4001};
    for (int variant = 0; variant < 16; variant++) {
        struct glint_grid g = grid;
        g.filter = variant & 1;
        g.clamp = variant & 2;
        g.x_major = variant & 4;
        g.drop_first = variant & 8;
        for (enum cloud cloud = RANDOM; cloud < CLOUDS; cloud++)
            for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
                for (size_t r = 0; r < sizeof room / sizeof room[0]; r++)
                    if (sizes[i] < 5000 || r == 3) /* one size is enough for threads */
                        one(p, &g, cloud, sizes[i], room[r]);
    }
}

struct call {
    struct parity *p;
    struct glint_grid grid;
    struct glint_points points;
    struct glint_voxels voxels;
};

static void run(void *ctx)
{
    struct call *c = ctx;
    glint_voxelize(&c->p->exec, &c->grid, &c->points, false, &c->voxels);
}

/* Rings of a spinning sensor 1.8 m above the ground, so that neighbours share cells as in real scans. */
static void bench(struct parity *p)
{
    parity_shape(p, "bench");
    enum { N = 180000, RINGS = 64 };
    struct call c = {.p = p, .voxels = make_voxels(p, N, 60000)};
    c.grid = (struct glint_grid){
        .origin = {-74.88f, -74.88f, -2}, .cell = {0.32f, 0.32f, 6}, .dim = {468, 468, 1}};
    c.grid.clamp = c.grid.filter = true;
    for (int k = 0; k < 3; k++) {
        c.grid.keep_lo[k] = k < 2 ? -74.88f : -1.999f;
        c.grid.keep_hi[k] = k < 2 ? 74.88f : 3.999f;
    }
    c.points = make_cloud(p, RANDOM, N);
    for (int32_t i = 0; i < N; i++) {
        const float angle = (float)(i / RINGS) * (6.2831853f * RINGS / N);
        const float down =
            0.025f + 0.4f * (float)(i % RINGS) / RINGS; /* the beam's angle below the horizon, rad */
        const float range = 1.8f / tanf(down) * parity_uniform(p, 0.9f, 1);
        c.points.x[i] = range * cosf(angle);
        c.points.y[i] = range * sinf(angle);
        c.points.z[i] = parity_uniform(p, -1.9f, 1);
    }
    run(&c);
    char label[64];
    snprintf(label, sizeof label, "180k points -> %d pillars", c.voxels.n_voxels);
    parity_time(p, label, N, "point", 0, run, &c);
}

const struct parity_kernel parity_voxelize = {check, bench};
