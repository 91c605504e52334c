/* tests/test_sites.c - the index of sparse sites, and the sites of strided convolutions, against looking at
 * everything. */
#include "tests/sites_made.h"

static const int32_t dims[][3] = {{1, 1, 1}, {9, 7, 5}, {70, 6, 4}, {2, 40, 3}};
#define DIMS ((int)(sizeof dims / sizeof *dims))

static void check_index(const struct glint_sites *s)
{
    for (int32_t z = -1; z <= s->dim[2]; z++)
        for (int32_t y = -1; y <= s->dim[1]; y++)
            for (int32_t x = -1; x <= s->dim[0]; x++)
                assert_int_equal(glint_sites_find(s, x, y, z), sites_slow_find(s, x, y, z));
    assert_int_equal(s->line_start[s->n_lines], s->n);
    for (int32_t i = 1; i < s->n; i++) {
        const int32_t *a = s->coord + 3 * s->order[i - 1], *b = s->coord + 3 * s->order[i];
        assert_true(a[2] < b[2] || (a[2] == b[2] && (a[1] < b[1] || (a[1] == b[1] && a[0] < b[0]))));
        assert_int_equal(s->x[i], b[0]);
    }
}

static void finds_each_of(struct glint_exec *x)
{
    uint64_t random = 3;
    for (int d = 0; d < DIMS; d++)
        for (int i = 0; i < 6; i++) {
            struct glint_sites s;
            void *memory = sites_made(&random, dims[d], i < 2 ? 0.0f : 0.1f * (float)i * (float)i, i % 2, &s);
            assert_int_equal(glint_sites_index(x, &s), GLINT_OK);
            check_index(&s);
            free(memory);
        }
}

static void finds_each(void **state)
{
    (void)state;
    kernel_each_exec(finds_each_of);
}

static bool sees_any(const struct glint_stencil *k, const struct glint_sites *in, int32_t x, int32_t y,
                     int32_t z)
{
    int32_t cell[3] = {x, y, z};
    const struct glint_sites one = {.coord = cell};
    bool any = false;
    for (int32_t c = 0; c < glint_stencil_cells(k); c++)
        any = any || sites_slow_pair(k, in, &one, 0, c) >= 0;
    return any;
}

static void check_strided(struct glint_exec *x, const struct glint_sites *in, const struct glint_stencil *k)
{
    int32_t dim[3];
    struct glint_sites out;
    if (glint_stencil_dim(k, in->dim, dim) != GLINT_OK)
        return;
    const int32_t cap = dim[0] * dim[1] * dim[2];
    void *memory = kernel_alloc(glint_sites_bytes(cap));
    glint_sites_init(&out, memory, cap, dim);
    assert_int_equal(glint_sites_strided(x, in, k, &out), GLINT_OK);
    int32_t n = 0;
    for (int32_t i = 0; i < cap; i++) {
        const int32_t at[3] = {i % dim[0], i / dim[0] % dim[1], i / dim[0] / dim[1]};
        if (!sees_any(k, in, at[0], at[1], at[2]))
            continue;
        assert_true(n < out.n);
        assert_memory_equal(out.coord + 3 * n, at, sizeof at); /* ascending, so they come in this order */
        n++;
    }
    assert_int_equal(out.n, n);
    assert_int_equal(out.n_lost, 0);
    check_index(&out);
    if (n > 1) { /* a set that is too small keeps the first */
        glint_sites_init(&out, memory, n - 1, dim);
        assert_int_equal(glint_sites_strided(x, in, k, &out), GLINT_OK);
        assert_int_equal(out.n, n - 1);
        assert_int_equal(out.n_lost, 1);
        check_index(&out);
    }
    free(memory);
}

static void strided_sites_are_those_that_see_one_of(struct glint_exec *x)
{
    uint64_t random = 5;
    for (int d = 0; d < DIMS; d++)
        for (int i = 0; i < SITES_STENCILS; i++) {
            struct glint_sites s;
            void *memory = sites_made(&random, dims[d], 0.07f * (float)(i + 1), i % 2, &s);
            assert_int_equal(glint_sites_index(x, &s), GLINT_OK);
            check_strided(x, &s, &sites_stencils[i]);
            free(memory);
        }
}

static void strided_sites_are_those_that_see_one(void **state)
{
    (void)state;
    kernel_each_exec(strided_sites_are_those_that_see_one_of);
}

/* Large sets take the sort's pieces and threads: the same index. */
static void any_number_of_threads(void **state)
{
    (void)state;
    static const int32_t dim[3] = {300, 200, 10};
    struct glint_sites s[2];
    for (int i = 0; i < 2; i++) {
        uint64_t random = 11;
        struct glint_exec x;
        void *memory = sites_made(&random, dim, 0.2f, false, &s[i]);
        assert_int_equal(glint_exec_init(&x, 0, 1 + 2 * i, 64), GLINT_OK);
        assert_int_equal(glint_sites_index(&x, &s[i]), GLINT_OK);
        glint_exec_fini(&x);
        if (i == 1) {
            assert_int_equal(s[0].n_lines, s[1].n_lines);
            assert_memory_equal(s[0].order, s[1].order, (size_t)s[0].n * sizeof(int32_t));
            free(s[0].coord); /* the beginning of its memory */
            free(memory);
        }
    }
}

static void wrong_sites_are_refused(void **state)
{
    (void)state;
    static const int32_t dim[3] = {4, 4, 4};
    static const int32_t wrong[][6] = {{0, 0, 0, 4, 0, 0}, {0, -1, 0, 1, 1, 1}, {2, 3, 1, 2, 3, 1}};
    struct glint_sites s;
    struct glint_exec x;
    void *memory = kernel_alloc(glint_sites_bytes(4));
    assert_int_equal(glint_exec_init(&x, 0, 1, 64), GLINT_OK);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        glint_sites_init(&s, memory, 4, dim);
        s.n = 2;
        memcpy(s.coord, wrong[i], sizeof wrong[i]);
        assert_int_equal(glint_sites_index(&x, &s), GLINT_E_ARG);
        assert_int_equal(s.n, 0);
    }
    struct glint_stencil k = glint_stencil_same(3);
    int32_t out[3];
    k.stride[1] = 0;
    assert_int_equal(glint_stencil_dim(&k, dim, out), GLINT_E_ARG);
    k = (struct glint_stencil){{5, 1, 1}, {1, 1, 1}, {0, 0, 0}};
    assert_int_equal(glint_stencil_dim(&k, dim, out), GLINT_E_ARG);
    glint_exec_fini(&x);
    free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_each),
        cmocka_unit_test(strided_sites_are_those_that_see_one),
        cmocka_unit_test(any_number_of_threads),
        cmocka_unit_test(wrong_sites_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
