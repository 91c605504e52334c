/* tests/test_rules.c - rulebooks against looking at all pairs. */
#include "tests/sites_made.h"

/* All pairs of the rules, each output's in its tile, kernel cell by kernel cell, none twice. */
static void check_rules(const struct glint_stencil *k, const struct glint_sites *in,
                        const struct glint_sites *out, const struct glint_rules *r)
{
    int64_t count[343], all = 0;
    assert_int_equal(r->n_in, in->n);
    assert_int_equal(r->n_out, out->n);
    for (int32_t cell = 0; cell < r->n_cells; cell++) {
        int64_t pairs = 0;
        for (int32_t i = 0; i < out->n; i++) {
            const int32_t row = out->order[i], tile = i / GLINT_RULES_TILE;
            const int32_t wanted = sites_slow_pair(k, in, out, row, cell);
            const int32_t *first = r->first + tile * (r->n_cells + 1) + cell;
            const int64_t block = (int64_t)tile * GLINT_RULES_TILE * r->n_cells;
            int32_t found = -1;
            for (int32_t e = first[0]; e < first[1]; e++)
                if (r->out[block + e] == row) {
                    assert_int_equal(found, -1);
                    found = r->in[block + e];
                }
            assert_int_equal(found, wanted);
            pairs += wanted >= 0;
        }
        all += pairs;
        glint_rules_count(r, count);
        assert_int_equal(count[cell], pairs);
    }
    assert_int_equal(glint_rules_count(r, NULL), all);
}

static void make_and_check(struct glint_exec *x, const struct glint_stencil *k, const struct glint_sites *in)
{
    int32_t dim[3];
    struct glint_sites strided;
    struct glint_rules rules;
    const struct glint_sites *out = in;
    void *memory = NULL;
    if (glint_stencil_dim(k, in->dim, dim) != GLINT_OK)
        return;
    if (memcmp(k, &(struct glint_stencil){{3, 3, 3}, {1, 1, 1}, {1, 1, 1}}, sizeof *k) != 0) {
        memory = kernel_alloc(glint_sites_bytes(dim[0] * dim[1] * dim[2]));
        glint_sites_init(&strided, memory, dim[0] * dim[1] * dim[2], dim);
        assert_int_equal(glint_sites_strided(x, in, k, &strided), GLINT_OK);
        out = &strided;
    }
    void *list = kernel_alloc(glint_rules_bytes(out->n, glint_stencil_cells(k)));
    glint_rules_init(&rules, list, out->n, glint_stencil_cells(k));
    assert_int_equal(glint_rules_make(x, k, in, out, &rules), GLINT_OK);
    check_rules(k, in, out, &rules);
    free(list);
    free(memory);
}

static void pairs_are_all_there_of(struct glint_exec *x)
{
    static const int32_t dims[][3] = {{1, 1, 1}, {9, 7, 5}, {23, 8, 6}};
    uint64_t random = 13;
    for (int d = 0; d < 3; d++)
        for (int i = 0; i < SITES_STENCILS; i++) {
            struct glint_sites s;
            const float share = d == 2 && i == 0 ? 1.0f : 0.3f; /* all cells: more than one tile */
            void *memory = sites_made(&random, dims[d], share, i % 2, &s);
            assert_int_equal(glint_sites_index(x, &s), GLINT_OK);
            make_and_check(x, &sites_stencils[i], &s);
            free(memory);
        }
}

/* Rules do not depend on the instruction set. */
static void pairs_are_all_there(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 3; threads += 2) {
        struct glint_exec x;
        assert_int_equal(glint_exec_init(&x, 0, threads, 65536), GLINT_OK);
        pairs_are_all_there_of(&x);
        glint_exec_fini(&x);
    }
}

/* Pieces of several tiles begin in the middle of lines: one line of all sites. */
static void long_lines(void **state)
{
    (void)state;
    static const int32_t dim[3] = {3000, 1, 1};
    uint64_t random = 17;
    struct glint_sites s;
    struct glint_exec x;
    void *memory = sites_made(&random, dim, 0.7f, true, &s);
    assert_int_equal(glint_exec_init(&x, 0, 3, 65536), GLINT_OK);
    assert_int_equal(glint_sites_index(&x, &s), GLINT_OK);
    make_and_check(&x, &sites_stencils[0], &s);
    glint_exec_fini(&x);
    free(memory);
}

static void too_small_a_room_is_refused(void **state)
{
    (void)state;
    static const int32_t dim[3] = {4, 4, 4};
    uint64_t random = 19;
    struct glint_sites s;
    struct glint_rules r;
    struct glint_exec x;
    const struct glint_stencil k = glint_stencil_same(3), wide = glint_stencil_same(5);
    void *memory = sites_made(&random, dim, 1, true, &s), *list = kernel_alloc(glint_rules_bytes(8, 27));
    assert_int_equal(glint_exec_init(&x, 0, 1, 64), GLINT_OK);
    assert_int_equal(glint_sites_index(&x, &s), GLINT_OK);
    glint_rules_init(&r, list, 8, 27);
    assert_int_equal(glint_rules_make(&x, &k, &s, &s, &r), GLINT_E_ARG);
    s.n = 8;
    assert_int_equal(glint_rules_make(&x, &wide, &s, &s, &r), GLINT_E_ARG);
    assert_int_equal(r.n_tiles, 0);
    glint_exec_fini(&x);
    free(list);
    free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs_are_all_there),
        cmocka_unit_test(long_lines),
        cmocka_unit_test(too_small_a_room_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
