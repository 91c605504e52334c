/* tests/parity/parity_window_key.c - glint_window_key_fn; the bench times the four orders of a frame. */
#include "tests/parity/parity.h"
#include "voxel/window.h"

static int32_t *random_coords(struct parity *p, int32_t n, int32_t grid)
{
    int32_t *coord = parity_alloc(p, (size_t)n * 3 * sizeof *coord);
    for (int32_t i = 0; i < 3 * n; i++)
        coord[i] = (int32_t)parity_below(p, (uint32_t)grid);
    return coord;
}

static void one(struct parity *p, const struct glint_window_order *o, int32_t n)
{
    parity_shape(p, "%s, w = %d, G = %d, shift %d, axis %d, n = %d",
                 o->style == GLINT_WINDOW_SNAKE ? "snake" : "plain", o->window, o->grid, o->shift, o->axis,
                 n);
    if (!parity_true(p, "order refused", glint_window_check(o) == GLINT_OK))
        return;
    const int32_t *coord = random_coords(p, n, o->grid);
    uint32_t *want = parity_alloc(p, (size_t)n * sizeof *want),
             *got = parity_alloc(p, (size_t)n * sizeof *got);
    glint_window_key_c(&p->exec, o, coord, n, want);
    glint_window_key_get(p->exec.isa)(&p->exec, o, coord, n, got);
    parity_same_u32(p, "key", got, want, n);
    for (int32_t i = 0; i < n; i++)
        parity_true(p, "key beyond glint_window_key_max", want[i] <= glint_window_key_max(o));
}

static void check(struct parity *p)
{
    static const int32_t window[] = {1, 2, 9, 13, 468}, grid[] = {1, 5, 256, 468, 12000};
    for (int variant = 0; variant < 4; variant++)
        for (size_t w = 0; w < sizeof window / sizeof window[0]; w++)
            for (size_t g = 0; g < sizeof grid / sizeof grid[0]; g++)
                for (int32_t shift = 0; shift < 2; shift++) {
                    const struct glint_window_order o = {
                        .style = variant & 1 ? GLINT_WINDOW_PLAIN : GLINT_WINDOW_SNAKE,
                        .window = window[w],
                        .grid = grid[g],
                        .shift = shift * window[w] / 2,
                        .axis = variant >> 1,
                    };
                    for (int32_t n = 0; n <= 35; n++)
                        one(p, &o, n);
                    one(p, &o, 2003);
                }
}

struct call {
    struct parity *p;
    const int32_t *coord;
    int32_t n, *perm;
    uint32_t *scratch;
    enum glint_window_style style;
};

static void four_orders(void *ctx)
{
    const struct call *c = ctx;
    for (int i = 0; i < 4; i++) {
        const struct glint_window_order o = {
            .style = c->style, .window = 13, .grid = 468, .shift = i % 2 * 6, .axis = i / 2};
        glint_window_sort(&c->p->exec, &o, c->coord, c->n, c->perm, c->scratch);
    }
}

static void bench(struct parity *p)
{
    parity_shape(p, "bench");
    struct call c = {.p = p, .n = 30000, .coord = random_coords(p, 30000, 468)};
    c.perm = parity_alloc(p, (size_t)c.n * sizeof *c.perm);
    c.scratch = parity_alloc(p, (size_t)c.n * 4 * sizeof *c.scratch);
    parity_time(p, "keys + sort, 4 snake orders, 30k", c.n, "pillar", 0, four_orders, &c);
    c.style = GLINT_WINDOW_PLAIN;
    parity_time(p, "keys + sort, 4 plain orders, 30k", c.n, "pillar", 0, four_orders, &c);
}

const struct parity_kernel parity_window_key = {check, bench};
