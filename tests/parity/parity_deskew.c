/* tests/parity/parity_deskew.c - glint_deskew_fn. */
#include "calib/deskew.h"
#include "tests/parity/parity.h"
#include <math.h>

enum times { IN_ORDER, ANY_ORDER, ALL_EQUAL, BEYOND, NASTY, TIMES };
static const char *const time_names[] = {"in order", "any order", "all equal", "beyond the table",
                                         "NaN and huge"};

static const struct glint_pose mount = {{0.5, -0.5, 0.5, -0.5}, {1.2, -0.1, 1.8}};

/* 20 m/s in a bend of 0.5 rad/s, rolling; extent 0: one entry. */
static void make_table(uint32_t extent_ns, bool still, struct glint_deskew_table *table)
{
    struct glint_trajectory *tr = NULL;
    const struct glint_motion twist = {{20, 0.3, -0.1}, {0.2, -0.1, 0.5}};
    glint_trajectory_from_twist(twist, &tr);
    glint_deskew_make(still ? NULL : tr, 0, extent_ns, extent_ns / 2, &mount, table);
    glint_trajectory_close(tr);
}

static uint32_t time_of(struct parity *p, enum times times, uint32_t extent_ns, int32_t i, int32_t n)
{
    switch (times) {
    case IN_ORDER:
        return (uint32_t)((uint64_t)extent_ns * (uint64_t)i / (uint64_t)n);
    case ALL_EQUAL:
        return extent_ns / 3;
    case BEYOND:
        return parity_below(p, 2) ? UINT32_MAX - parity_below(p, 9) : extent_ns;
    default:
        return parity_below(p, extent_ns + 1);
    }
}

static void one(struct parity *p, uint32_t extent_ns, bool still, enum times times, int32_t n)
{
    static const float nasty[] = {NAN, INFINITY, -INFINITY, 3e38f, -3e38f, 1e-40f, -0.0f};
    static struct glint_deskew_table table;
    parity_shape(p, "%s, extent %u ns, still %d, n = %d", time_names[times], extent_ns, still, n);
    make_table(extent_ns, still, &table);
    float *want[3], *got[3];
    uint32_t *offset = parity_alloc(p, ((size_t)n + 1) * sizeof *offset);
    *offset++ = 0; /* arrays need no alignment */
    for (int32_t i = 0; i < n; i++)
        offset[i] = time_of(p, times, extent_ns, i, n);
    for (int k = 0; k < 3; k++) {
        want[k] = parity_alloc(p, ((size_t)n + 1) * sizeof **want);
        *want[k]++ = 0;
        for (int32_t i = 0; i < n; i++)
            want[k][i] = times == NASTY && parity_below(p, 4) == 0 ? nasty[parity_below(p, 7)]
                                                                   : parity_uniform(p, -100, 100);
        got[k] = parity_copy(p, want[k], (size_t)n * sizeof **got);
    }
    glint_deskew_c(&table, want[0], want[1], want[2], offset, n);
    glint_deskew_get(p->exec.isa)(&table, got[0], got[1], got[2], offset, n);
    for (int k = 0; k < 3; k++)
        parity_same_f32(p, k == 0 ? "x" : k == 1 ? "y" : "z", got[k], want[k], n);
}

static void check(struct parity *p)
{
    static const uint32_t extents[] = {0, 1, 999999, 1000000, 103680000, 2000000000};
    for (size_t e = 0; e < sizeof extents / sizeof extents[0]; e++)
        for (enum times times = IN_ORDER; times < TIMES; times++) {
            for (int32_t n = 0; n <= 37; n++)
                one(p, extents[e], false, times, n);
            one(p, extents[e], false, times, 5003);
            one(p, extents[e], true, times, 35);
        }
}

struct call {
    glint_deskew_fn *fn;
    struct glint_deskew_table table;
    float *v[3];
    uint32_t *offset;
    int32_t n;
};

static void run(void *ctx)
{
    struct call *c = ctx;
    c->fn(&c->table, c->v[0], c->v[1], c->v[2], c->offset, c->n);
}

static void table_again(void *ctx)
{
    make_table(100000000, false, &((struct call *)ctx)->table);
}

static void bench(struct parity *p)
{
    static struct call c;
    c = (struct call){.fn = glint_deskew_get(p->exec.isa), .n = 120000};
    parity_shape(p, "bench");
    make_table(100000000, false, &c.table);
    for (int i = 0; i < 12; i++) /* the same points again and again: they must not run away */
        c.table.mount[i] = i % 5 == 0;
    c.offset = parity_alloc(p, (size_t)c.n * sizeof *c.offset);
    for (int k = 0; k < 3; k++) {
        c.v[k] = parity_alloc(p, (size_t)c.n * sizeof **c.v);
        parity_fill_uniform(p, c.v[k], c.n, -100, 100);
    }
    for (enum times times = IN_ORDER; times <= ANY_ORDER; times++) {
        for (int32_t i = 0; i < c.n; i++)
            c.offset[i] = time_of(p, times, 100000000, i, c.n);
        parity_time(p, times == IN_ORDER ? "120k points in order" : "120k points in any order", c.n, "point",
                    0, run, &c);
    }
    parity_time(p, "table of 100 ms", c.table.n, "entry", 0, table_again, &c);
}

const struct parity_kernel parity_deskew = {check, bench};
