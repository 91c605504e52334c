/* tests/test_harden.c - hard voxels against a walk over the points in file order. */
#include "tests/kernels.h"
#include "voxel/harden.h"

#define N     4000
#define CELLS 64 /* 4 x 4 x 4 */

struct walk { /* by definition: a voxel opens at its first point while there is room */
    int32_t n, cell[CELLS], count[CELLS], point[CELLS][N];
};

static int32_t cell_of(const float *p)
{
    int32_t c[3];
    for (int k = 0; k < 3; k++) {
        if (!(p[k] >= 0 && p[k] < 4))
            return -1;
        c[k] = (int32_t)p[k];
    }
    return (c[2] * 4 + c[1]) * 4 + c[0];
}

static void walk_points(const struct glint_hard *rule, float p[N][3], int32_t n, struct walk *w)
{
    w->n = 0;
    for (int32_t i = 0; i < n; i++) {
        const int32_t cell = cell_of(p[i]);
        int32_t v = 0;
        while (v < w->n && w->cell[v] != cell)
            v++;
        if (cell < 0 || (v == w->n && w->n == rule->max_voxels))
            continue;
        if (v == w->n) {
            w->cell[w->n] = cell;
            w->count[w->n++] = 0;
        }
        if (w->count[v] < rule->max_points)
            w->point[v][w->count[v]++] = i;
    }
}

static void check(const struct glint_hard *rule, const struct glint_voxels *v, const struct walk *w)
{
    int32_t kept = 0, slots = 0;
    assert_int_equal(v->n_voxels, w->n);
    for (int32_t i = 0; i < w->n; i++) {
        const int32_t row = v->shown[i], *c = v->coord + 3 * row;
        const bool pad = rule->pad && w->count[i] < rule->max_points;
        assert_int_equal((c[2] * 4 + c[1]) * 4 + c[0], w->cell[i]);
        assert_int_equal(v->start[row + 1] - v->start[row], w->count[i] + pad);
        assert_memory_equal(v->point + v->start[row], w->point[i], (size_t)w->count[i] * 4);
        if (pad)
            assert_int_equal(v->point[v->start[row + 1] - 1], -1);
        kept += w->count[i];
        slots += pad;
    }
    assert_int_equal(v->n_points, kept + slots);
    assert_int_equal(v->n_in, kept + v->n_rejected + v->n_clipped);
}

static void first_come(void **state)
{
    (void)state;
    static const struct glint_hard rules[] = {{64, 10, false}, {64, 10, true},   {20, 3, true},
                                              {1, 1, true},    {64, 5000, true}, {7, 80, false}};
    static const struct glint_grid grid = {.cell = {1, 1, 1}, .dim = {4, 4, 4}};
    static float p[N][3], x[N], y[N], z[N];
    static struct walk walk;
    uint64_t random = 29;
    struct glint_exec exec;
    struct glint_arena arena;
    struct glint_voxels v;
    assert_int_equal(glint_exec_init(&exec, 0, 1, 64), 0);
    assert_int_equal(glint_arena_init(&arena, glint_voxels_bytes(N, CELLS)), 0);
    assert_int_equal(glint_voxels_init(&v, &arena, N, CELLS), 0);
    void *memory = kernel_alloc(glint_harden_bytes(N, CELLS));
    for (int32_t n = 0; n <= N; n = n ? n * 20 : 1)
        for (size_t r = 0; r < sizeof rules / sizeof *rules; r++) {
            for (int32_t i = 0; i < n; i++) {
                for (int k = 0; k < 3; k++)
                    p[i][k] = glint_test_uniform(&random, -0.3f, 4.3f);
                x[i] = p[i][0];
                y[i] = p[i][1];
                z[i] = p[i][2];
            }
            const struct glint_points points = {.n = n, .cap = N, .x = x, .y = y, .z = z};
            assert_int_equal(glint_voxelize(&exec, &grid, &points, false, &v), 0);
            glint_harden(&rules[r], &v, memory);
            walk_points(&rules[r], p, n, &walk);
            check(&rules[r], &v, &walk);
        }
    free(memory);
    glint_arena_fini(&arena);
    glint_exec_fini(&exec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(first_come)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
