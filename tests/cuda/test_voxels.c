/* tests/cuda/test_voxels.c - points to pillars and their orders on the device: the CPU's integers, bit for
 * bit. */
#include "cuda/cuda_util.h"
#include "voxel/cuda/sort.h"
#include "voxel/cuda/unique.h"
#include "voxel/cuda/voxelize.h"
#include "voxel/cuda/window.h"
#include "voxel/unique.h"
#include "voxel/voxel.h"

#define POINTS 5000
#define VOXELS 1400

static const struct glint_grid plain = {
    .origin = {-10, -10, -2}, .cell = {0.32f, 0.9f, 4}, .dim = {62, 22, 1}};

struct cloud {
    int32_t n;
    float x[POINTS], y[POINTS], z[POINTS];
};

/* Points in clusters, at faces and outside; every 97th is no number. */
static void make(struct cloud *c, int32_t n, uint64_t seed)
{
    c->n = n;
    for (int32_t i = 0; i < n; i++) {
        c->x[i] = glint_test_uniform(&seed, -12, 12);
        c->y[i] = i % 3 ? glint_test_uniform(&seed, -2, 2) : glint_test_uniform(&seed, -12, 12);
        c->z[i] = glint_test_uniform(&seed, -2.1f, 2.1f);
        if (i % 4 == 0) /* a face between cells, or a step beside it */
            c->x[i] =
                nextafterf(-10.0f + 0.32f * (float)(i % 62), i % 3 ? 20.0f * (float)(i % 3 - 1) : -10.0f);
        if (i % 97 == 0)
            c->y[i] = i % 2 ? NAN : INFINITY;
        if (i % 101 == 0)
            c->z[i] = 1e30f;
    }
}

struct wanted {
    struct glint_exec exec;
    struct glint_arena arena;
    struct glint_voxels v;
};

static void voxelize_cpu(struct wanted *w, const struct glint_grid *g, struct cloud *c, int32_t cap_voxels,
                         bool no_filter)
{
    struct glint_points points = {.n = c->n, .cap = POINTS, .x = c->x, .y = c->y, .z = c->z};
    assert_ok(glint_exec_init(&w->exec, 0, 1, 4096));
    assert_ok(glint_arena_init(&w->arena, glint_voxels_bytes(POINTS, cap_voxels)));
    assert_ok(glint_voxels_init(&w->v, &w->arena, POINTS, cap_voxels));
    assert_ok(glint_voxelize(&w->exec, g, &points, no_filter, &w->v));
}

static void release(struct wanted *w)
{
    glint_arena_fini(&w->arena);
    glint_exec_fini(&w->exec);
}

static void get_ints(struct glint_cuda_test *t, const int32_t *from, int32_t n, int32_t *to)
{
    if (n > 0)
        glint_cuda_get(t, to, from, (size_t)n * sizeof *to);
}

static void assert_ints(struct glint_cuda_test *t, const int32_t *device, const int32_t *want, int32_t n)
{
    int32_t *got = malloc((size_t)n * sizeof *got + 1);
    get_ints(t, device, n, got);
    assert_memory_equal(got, want, (size_t)n * sizeof *got);
    free(got);
}

static void check_counts(struct glint_cuda_test *t, const struct glint_voxels_cuda *d,
                         const struct glint_voxels *v)
{
    int32_t count[GLINT_VOXELS_COUNTS];
    get_ints(t, d->count, GLINT_VOXELS_COUNTS, count);
    assert_int_equal(count[GLINT_VOXELS_N], v->n_voxels);
    assert_int_equal(count[GLINT_VOXELS_POINTS], v->n_points);
    assert_int_equal(count[GLINT_VOXELS_IN], v->n_in);
    assert_int_equal(count[GLINT_VOXELS_REJECTED], v->n_rejected);
    assert_int_equal(count[GLINT_VOXELS_CLIPPED], v->n_clipped);
    assert_int_equal(count[GLINT_VOXELS_DROPPED], v->n_dropped);
}

static void check_voxel_of_points(struct glint_cuda_test *t, const struct glint_voxels_cuda *d,
                                  const struct glint_voxels *v)
{
    static int32_t want[POINTS];
    for (int32_t i = 0; i < v->n_voxels; i++)
        for (int32_t p = v->start[i]; p < v->start[i + 1]; p++)
            want[p] = i;
    assert_ints(t, d->voxel, want, v->n_points);
}

static void compare(struct glint_cuda_test *t, const struct glint_grid *g, struct cloud *c,
                    int32_t cap_voxels, bool no_filter)
{
    struct wanted w;
    struct glint_voxels_cuda d;
    const int first = t->n_blocks;
    voxelize_cpu(&w, g, c, cap_voxels, no_filter);
    const float *x = glint_cuda_put(t, c->x, (size_t)c->n * 4),
                *y = glint_cuda_put(t, c->y, (size_t)c->n * 4),
                *z = glint_cuda_put(t, c->z, (size_t)c->n * 4);
    const int32_t *n = glint_cuda_put(t, &c->n, sizeof c->n);
    glint_voxels_cuda_init(&d, glint_cuda_put(t, NULL, glint_voxels_cuda_bytes(POINTS, cap_voxels)), POINTS,
                           cap_voxels);
    for (int k = 0; k < 2; k++) { /* launched over just the points, and over the capacity */
        const int32_t most = k || c->n < 1 ? POINTS : c->n;
        assert_ok(glint_voxelize_cuda(t->stream, g, x, y, z, n, most, no_filter, &d));
        check_counts(t, &d, &w.v);
        assert_ints(t, d.point, w.v.point, w.v.n_points);
        assert_ints(t, d.start, w.v.start, w.v.n_voxels + 1);
        assert_ints(t, d.coord, w.v.coord, 3 * w.v.n_voxels);
        assert_ints(t, d.sorted + w.v.n_in - w.v.n_rejected, w.v.rejected, (int32_t)w.v.n_rejected);
        check_voxel_of_points(t, &d, &w.v);
    }
    release(&w);
    while (t->n_blocks > first)
        glint_device_free(t->device, t->blocks[--t->n_blocks]);
}

static void voxels_are_those_of_the_cpu(void **state)
{
    static const int32_t sizes[] = {0, 1, 2, 31, 257, 1024, 1025, POINTS};
    static struct cloud c;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        make(&c, sizes[i], 11 + i);
        compare(*state, &plain, &c, VOXELS, false);
    }
}

static void every_kind_of_grid(void **state)
{
    static struct cloud c;
    make(&c, 1500, 3);
    for (int kind = 0; kind < 32; kind++) {
        struct glint_grid g = plain;
        g.filter = kind & 1;
        g.clamp = kind & 2;
        g.x_major = kind & 4;
        g.drop_first = kind & 8;
        if (kind & 16) {
            g.cell[2] = 0.5f;
            g.dim[2] = 8;
        }
        for (int k = 0; k < 3; k++) {
            g.keep_lo[k] = k == 1 ? -INFINITY : -3;
            g.keep_hi[k] = k == 1 ? INFINITY : 5;
        }
        compare(*state, &g, &c, 2000, kind % 3 == 0);
    }
}

static void capacity_reached_and_exceeded(void **state)
{
    static struct cloud c;
    struct wanted w;
    make(&c, 2000, 5);
    voxelize_cpu(&w, &plain, &c, VOXELS, false);
    const int32_t n = w.v.n_voxels;
    release(&w);
    for (int32_t cap = n - 1; cap <= n + 1; cap++)
        compare(*state, &plain, &c, cap, false);
    compare(*state, &plain, &c, 1, false);
    struct glint_grid g = plain;
    g.drop_first = true;
    for (int32_t cap = n - 2; cap <= n; cap++)
        compare(*state, &g, &c, cap, false);
}

static void one_cell_and_no_cell(void **state)
{
    static struct cloud c;
    c.n = 1300;
    for (int32_t i = 0; i < c.n; i++)
        c.x[i] = c.y[i] = c.z[i] = 0.25f;
    struct glint_grid g = plain;
    compare(*state, &g, &c, 5, false);
    g.drop_first = true;
    compare(*state, &g, &c, 5, false);
    for (int32_t i = 0; i < c.n; i++)
        c.x[i] = NAN;
    compare(*state, &g, &c, 5, false);
}

static void what_is_refused(void **state)
{
    struct glint_cuda_test *t = *state;
    struct glint_voxels_cuda d;
    struct glint_grid g = plain;
    glint_voxels_cuda_init(&d, glint_cuda_put(t, NULL, glint_voxels_cuda_bytes(10, 10)), 10, 10);
    assert_int_equal(glint_voxels_cuda_bytes(0, 10), 0);
    assert_int_equal(glint_voxelize_cuda(t->stream, &g, NULL, NULL, NULL, NULL, 11, false, &d), GLINT_E_ARG);
    g.cell[0] = 0;
    assert_int_equal(glint_voxelize_cuda(t->stream, &g, NULL, NULL, NULL, NULL, 10, false, &d), GLINT_E_ARG);
}

static void runs(void **state)
{
    struct glint_cuda_test *t = *state;
    static uint32_t key[3000];
    uint64_t seed = 9;
    for (int32_t i = 1; i < 3000; i++)
        key[i] = key[i - 1] + (glint_test_random(&seed) % 3 == 0);
    static const int32_t sizes[] = {0, 1, 1023, 1024, 1025, 3000}, caps[] = {1, 300, 4000};
    for (int k = 0; k < 18; k++) {
        const int32_t n = sizes[k % 6], cap = caps[k / 6];
        static int32_t want[4001], of[3000];
        const int32_t n_runs = glint_unique(key, n, cap, want);
        int32_t *start_d = glint_cuda_put(t, NULL, ((size_t)cap + 1) * 4),
                *run_d = glint_cuda_put(t, NULL, 3000 * 4);
        int32_t *count_d = glint_cuda_put(t, NULL, 4);
        assert_ok(glint_unique_cuda(t->stream, glint_cuda_put(t, key, sizeof key), glint_cuda_put(t, &n, 4),
                                    3000, cap, start_d, run_d, count_d,
                                    glint_cuda_put(t, NULL, glint_unique_cuda_bytes(3000))));
        assert_ints(t, count_d, &n_runs, 1);
        assert_ints(t, start_d, want, n_runs + 1);
        for (int32_t i = 0; i < n; i++)
            of[i] = i == 0 ? 0 : of[i - 1] + (key[i] != key[i - 1]);
        assert_ints(t, run_d, of, n);
    }
}

static void pairs_are_sorted_and_stable(void **state)
{
    struct glint_cuda_test *t = *state;
    enum { N = 2500 };
    static uint32_t keys[N], sorted[N];
    static int32_t values[N], got[N];
    uint64_t seed = 4;
    for (int32_t i = 0; i < N; i++) {
        keys[i] = (uint32_t)(glint_test_random(&seed) % 300);
        values[i] = i;
    }
    uint32_t *const key[2] = {glint_cuda_put(t, keys, sizeof keys), glint_cuda_put(t, NULL, sizeof keys)};
    int32_t *const value[2] = {glint_cuda_put(t, values, sizeof values),
                               glint_cuda_put(t, NULL, sizeof values)};
    const size_t bytes = glint_sort_cuda_bytes(N);
    int32_t side = -1;
    assert_ok(glint_sort_cuda(t->stream, key, value, N, 9, glint_cuda_put(t, NULL, bytes), bytes, &side));
    assert_in_range(side, 0, 1);
    glint_cuda_get(t, sorted, key[side], sizeof sorted);
    glint_cuda_get(t, got, value[side], sizeof got);
    for (int32_t i = 0; i < N; i++) {
        assert_int_equal(sorted[i], keys[got[i]]);
        assert_true(i == 0 || sorted[i - 1] < sorted[i] ||
                    (sorted[i - 1] == sorted[i] && got[i - 1] < got[i]));
    }
}

/* Distinct cells of a grid, in some order. */
static int32_t some_cells(int32_t grid, int32_t most, uint64_t seed, int32_t *coord)
{
    int32_t n = 0;
    for (int64_t at = (int64_t)(seed % 5); at < (int64_t)grid * grid && n < most; n++) {
        coord[3 * n] = (int32_t)(at % grid);
        coord[3 * n + 1] = (int32_t)(at / grid);
        coord[3 * n + 2] = 0;
        at += 1 + (int64_t)(glint_test_random(&seed) % (uint64_t)((int64_t)grid * grid / most + 1));
    }
    return n;
}

static void check_orders(struct glint_cuda_test *t, const struct glint_window_order *order, int32_t n_orders,
                         const int32_t *coord, int32_t n, int32_t most)
{
    struct glint_exec x;
    assert_ok(glint_exec_init(&x, 0, 1, 4096));
    int32_t *perm[GLINT_WINDOW_ORDERS];
    for (int32_t k = 0; k < n_orders; k++)
        perm[k] = glint_cuda_put(t, NULL, (size_t)most * 4);
    assert_ok(glint_window_sort_cuda(
        t->stream, order, n_orders, glint_cuda_put(t, coord, (size_t)most * 12), glint_cuda_put(t, &n, 4),
        most, perm, glint_cuda_put(t, NULL, glint_window_sort_cuda_bytes(order, n_orders, most))));
    int32_t *want = malloc((size_t)most * 16 + 16);
    for (int32_t k = 0; k < n_orders; k++) {
        assert_ok(glint_window_sort(&x, &order[k], coord, n, want, (uint32_t *)(want + most)));
        assert_ints(t, perm[k], want, n);
    }
    free(want);
    glint_exec_fini(&x);
}

static void permutations_are_those_of_the_cpu(void **state)
{
    static int32_t coord[3 * 3000];
    static const struct {
        int32_t grid, window, n;
    } cases[] = {{468, 9, 3000}, {256, 13, 2999}, {64, 8, 1},     {64, 8, 0},
                 {7, 9, 49},     {40, 1, 600},    {300, 12, 1025}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct glint_window_order order[8];
        for (int32_t k = 0; k < 8; k++)
            order[k] = (struct glint_window_order){.style = k < 4 ? GLINT_WINDOW_SNAKE : GLINT_WINDOW_PLAIN,
                                                   .window = cases[i].window,
                                                   .grid = cases[i].grid,
                                                   .shift = k % 2 ? cases[i].window / 2 : 0,
                                                   .axis = k / 2 % 2};
        const int32_t n = cases[i].n > 0 ? some_cells(cases[i].grid, cases[i].n, 5 + i, coord) : 0;
        check_orders(*state, order, 8, coord, n, 3000);
    }
}

static void a_grid_too_large_for_bitmaps_is_sorted(void **state)
{
    static int32_t coord[3 * 700];
    const int32_t n = some_cells(20000, 700, 3, coord);
    const struct glint_window_order order[2] = {
        {.style = GLINT_WINDOW_PLAIN, .window = 13, .grid = 20000, .shift = 6, .axis = 1},
        {.style = GLINT_WINDOW_PLAIN, .window = 5, .grid = 20000},
    };
    check_orders(*state, order, 2, coord, n, 700);
    assert_int_equal(glint_window_sort_cuda(NULL, order, 9, NULL, NULL, 1, NULL, NULL), GLINT_E_ARG);
}

static const struct CMUnitTest tests[] = {
    cuda_test(voxels_are_those_of_the_cpu),
    cuda_test(every_kind_of_grid),
    cuda_test(capacity_reached_and_exceeded),
    cuda_test(one_cell_and_no_cell),
    cuda_test(what_is_refused),
    cuda_test(runs),
    cuda_test(pairs_are_sorted_and_stable),
    cuda_test(permutations_are_those_of_the_cpu),
    cuda_test(a_grid_too_large_for_bitmaps_is_sorted),
};
glint_cuda_main(tests)
