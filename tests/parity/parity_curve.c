/* tests/parity/parity_curve.c - glint_curve_fn; the bench times the four codes and orders of a frame. */
#include "tests/parity/parity.h"
#include "voxel/curve.h"

static int32_t *random_coords(struct parity *p, int32_t n, int32_t depth)
{
    int32_t *coord = parity_alloc(p, (size_t)n * 3 * sizeof *coord);
    for (int32_t i = 0; i < 3 * n; i++)
        coord[i] = (int32_t)parity_below(p, 1u << depth);
    return coord;
}

static void one(struct parity *p, enum glint_curve curve, int32_t depth, int64_t prefix, int32_t n)
{
    parity_shape(p, "%s, depth %d, prefix %d, n = %d", glint_curve_name(curve), depth, (int)prefix, n);
    const int32_t *coord = random_coords(p, n, depth);
    int64_t *want = parity_alloc(p, (size_t)n * sizeof *want),
            *got = parity_alloc(p, (size_t)n * sizeof *got);
    glint_curve_c(curve, depth, prefix, coord, n, want);
    glint_curve_get(p->exec.isa)(curve, depth, prefix, coord, n, got);
    parity_same_u32(p, "code", (const uint32_t *)got, (const uint32_t *)want, 2 * (int64_t)n);
}

static void check(struct parity *p)
{
    for (int curve = 0; curve < GLINT_CURVE_COUNT; curve++)
        for (int32_t depth = 0; depth <= GLINT_CURVE_DEPTH_MAX; depth++) {
            for (int32_t n = 0; n <= 35; n++)
                one(p, (enum glint_curve)curve, depth, 0, n);
            one(p, (enum glint_curve)curve, depth, 5, 1003);
        }
}

struct call {
    struct parity *p;
    const int32_t *coord;
    int32_t n, *order;
    int64_t *code;
    void *scratch;
};

static void four_orders(void *ctx)
{
    const struct call *c = ctx;
    for (int i = 0; i < GLINT_CURVE_COUNT; i++) {
        glint_curve_get(c->p->exec.isa)((enum glint_curve)i, 12, 0, c->coord, c->n, c->code);
        glint_curve_sort(&c->p->exec, c->code, c->n, 36, c->order, c->scratch);
    }
}

static void bench(struct parity *p)
{
    parity_shape(p, "bench");
    struct call c = {.p = p, .n = 23000, .coord = random_coords(p, 23000, 12)};
    c.order = parity_alloc(p, (size_t)c.n * sizeof *c.order);
    c.code = parity_alloc(p, (size_t)c.n * sizeof *c.code);
    c.scratch = parity_alloc(p, glint_curve_sort_bytes(c.n));
    parity_time(p, "codes + sort, 4 orders, 23k", c.n, "voxel", 0, four_orders, &c);
}

const struct parity_kernel parity_curve = {check, bench};
