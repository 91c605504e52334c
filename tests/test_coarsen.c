/* tests/test_coarsen.c - coarser cells: the pooling tables of the golden DSVT cases, and a small one by hand.
 */
#include "tests/zoo_dsvt.h"
#include "core/status.h"
#include "voxel/coarsen.h"

static struct glint_coarse coarse_of(int32_t cap)
{
    struct glint_coarse c;
    glint_coarse_init(&c, aligned_alloc(64, glint_coarse_bytes(cap)), cap);
    return c;
}

static void check_stage(struct glint_exec *x, const struct glint_safetensors *file, const struct zoo_dsvt *d,
                        int32_t stage)
{
    char name[40];
    int32_t n, n_want;
    int32_t *coord = zoo_dsvt_coords(file, stage - 1, &n), *want = zoo_dsvt_coords(file, stage, &n_want);
    struct glint_coarse c = coarse_of(n);
    assert_int_equal(glint_coarsen(x, d->dim[stage - 1], d->pool[stage], coord, n, &c), GLINT_OK);
    assert_int_equal(c.n, n_want);
    assert_memory_equal(c.coord, want, (size_t)n_want * 3 * sizeof *want);
    snprintf(name, sizeof name, "stage%d.pool_index", stage);
    const int32_t *index = glint_zoo_tensor(file, name, GLINT_DTYPE_I32)->data;
    snprintf(name, sizeof name, "stage%d.pool_slot", stage);
    const int32_t *slot = glint_zoo_tensor(file, name, GLINT_DTYPE_I32)->data;
    for (int32_t i = 0; i < c.n; i++)
        for (int32_t k = c.start[i]; k < c.start[i + 1]; k++) {
            assert_int_equal(index[c.member[k]], i);
            assert_int_equal(slot[c.member[k]], c.slot[k]);
        }
    assert_int_equal(c.start[c.n], n);
    free(c.member);
    free(coord);
    free(want);
}

static void golden_pools(void **state)
{
    (void)state;
    struct glint_exec x = {.isa = 0, .n_workers = 1};
    for (size_t i = 0; i < ZOO_DSVT_CASES; i++) {
        char name[64];
        snprintf(name, sizeof name, "dsvt/%s", zoo_dsvt_cases[i]);
        const struct zoo_dsvt *d = zoo_dsvt_config(zoo_dsvt_cases[i]);
        struct glint_safetensors *file = glint_zoo_open(name);
        if (!file)
            skip();
        for (int32_t stage = 1; stage < d->n_stages; stage++)
            check_stage(&x, file, d, stage);
        glint_safetensors_close(file);
    }
}

static void by_hand(void **state)
{
    (void)state;
    static const int32_t coord[] = {4, 0, 5, 1, 3, 0, 0, 2, 1, 5, 1, 4}, want[] = {0, 1, 0, 2, 0, 1};
    static const int32_t member[] = {1, 2, 0, 3}, slot[] = {9, 1, 2, 10};
    struct glint_exec x = {.isa = 0, .n_workers = 1};
    struct glint_coarse c = coarse_of(4);
    assert_int_equal(glint_coarsen(&x, (const int32_t[]){6, 4, 7}, (const int32_t[]){2, 2, 3}, coord, 4, &c),
                     GLINT_OK);
    assert_int_equal(c.n, 2);
    assert_memory_equal(c.coord, want, sizeof want);
    assert_int_equal(c.start[1], 2);
    assert_memory_equal(c.member, member, sizeof member);
    assert_memory_equal(c.slot, slot, sizeof slot);
    assert_int_equal(glint_coarsen(&x, (const int32_t[]){6, 4, 7}, (const int32_t[]){2, 2, 2}, coord, 0, &c),
                     GLINT_OK);
    assert_int_equal(c.n, 0);
    assert_int_equal(glint_coarsen(&x, (const int32_t[]){6, 4, 5}, (const int32_t[]){2, 2, 2}, coord, 4, &c),
                     GLINT_E_ARG);
    assert_non_null(strstr(glint_error_text(), "row 0: cell 5 along z"));
    assert_int_equal(glint_coarsen(&x, (const int32_t[]){6, 4, 7}, (const int32_t[]){2, 0, 2}, coord, 4, &c),
                     GLINT_E_ARG);
    free(c.member);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(golden_pools), cmocka_unit_test(by_hand)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
