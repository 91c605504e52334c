/* tests/test_patch_merge.c - against a plain sum in double, for each instruction set and thread count. */
#include "tests/util.h"
#include "model/patch_merge.h"
#include <math.h>

enum { S = 2, DIM = 24, OUT = 20, H = 9, W = 7 };

static void check(unsigned isa, int threads, int32_t n)
{
    uint64_t seed = 7 + (uint64_t)n;
    struct glint_exec x;
    assert_int_equal(glint_exec_init(&x, isa, threads, 1 << 20), 0);
    float rows[OUT * S * S * DIM], bias[OUT], tokens[200 * DIM];
    int32_t coord[200 * 3];
    for (int i = 0; i < OUT * S * S * DIM; i++)
        rows[i] = glint_test_uniform(&seed, -1, 1);
    for (int i = 0; i < OUT; i++)
        bias[i] = glint_test_uniform(&seed, -1, 1);
    for (int i = 0; i < n * DIM; i++)
        tokens[i] = glint_test_uniform(&seed, -1, 1);
    for (int32_t i = 0, place = 0; i < n; i++, place += 1 + (int32_t)(glint_test_random(&seed) % 2)) {
        coord[3 * i] = place % (S * W);
        coord[3 * i + 1] = place / (S * W);
        coord[3 * i + 2] = 0;
    }
    struct glint_patch_merge merge = {.stride = S, .row_axis = 1};
    void *packed = aligned_alloc(64, glint_arena_round(glint_weights_bytes(S * S * DIM, OUT)));
    glint_weights_pack(&merge.w, packed, rows, S * S * DIM, NULL, bias, S * S * DIM, OUT);
    struct glint_map map;
    void *memory = aligned_alloc(64, glint_arena_round(glint_map_bytes(H, W, OUT)));
    glint_map_init(&map, memory, H, W, OUT);
    int32_t *scratch = malloc(glint_patch_merge_scratch(H, W, S));
    assert_int_equal(glint_patch_merge(&x, &merge, tokens, coord, n, &map, scratch), 0);
    for (int32_t y = 0; y < H; y++)
        for (int32_t px = 0; px < W; px++)
            for (int32_t o = 0; o < OUT; o++) {
                double want = bias[o];
                for (int32_t i = 0; i < n; i++)
                    if (coord[3 * i] / S == px && coord[3 * i + 1] / S == y)
                        for (int c = 0; c < DIM; c++)
                            want += (double)tokens[i * DIM + c] *
                                    rows[o * S * S * DIM +
                                         (coord[3 * i + 1] % S * S + coord[3 * i] % S) * DIM + c];
                const double got = map.data[y * map.pitch + px * map.ld + o];
                assert_true(fabs(got - (want > 0 ? want : 0)) < 1e-4);
            }
    free(scratch);
    free(memory);
    free(packed);
    glint_exec_fini(&x);
}

static void equals_the_plain_sum(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 2; threads++)
        for (int32_t n = 0; n <= 130; n += n < 4 ? 1 : 63) {
            check(0, threads, n);
            check(glint_cpu_isa(), threads, n);
        }
}

static void weights_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    struct glint_exec x;
    assert_int_equal(glint_exec_init(&x, 0, 1, 1024), 0);
    const struct glint_patch_merge merge = {.stride = S, .w = {.k = 10, .n = OUT}};
    const struct glint_map map = {.h = H, .w = W, .c = OUT};
    assert_int_equal(glint_patch_merge(&x, &merge, NULL, NULL, 0, &map, NULL), GLINT_E_ARG);
    glint_exec_fini(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_the_plain_sum),
        cmocka_unit_test(weights_that_do_not_fit_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
