/* tests/test_plan.c - memory planning: blocks that live together never overlap, and memory is shared. */
#include "tests/util.h"
#include "core/arena.h"
#include "core/status.h"
#include "model/ops.h"
#include "model/plan.h"

#define BLOCKS 200

static void no_two_that_live_together_overlap(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (int round = 0; round < 300; round++) {
        struct glint_plan_block b[BLOCKS];
        const int32_t n = (int32_t)(glint_test_random(&seed) % BLOCKS) + 1;
        size_t total, sum = 0;
        for (int32_t i = 0; i < n; i++) {
            const int32_t first = (int32_t)(glint_test_random(&seed) % 50);
            b[i] = (struct glint_plan_block){.bytes = glint_test_random(&seed) % 10000,
                                             .first = first,
                                             .last = first + (int32_t)(glint_test_random(&seed) % 10)};
            sum += glint_arena_round(b[i].bytes);
        }
        assert_int_equal(glint_plan_blocks(b, n, &total), GLINT_OK);
        assert_true(total <= sum);
        for (int32_t i = 0; i < n; i++) {
            assert_int_equal(b[i].offset % GLINT_ARENA_ALIGN, 0);
            assert_true(b[i].offset + b[i].bytes <= total);
            for (int32_t k = 0; k < i; k++) {
                const bool together = b[i].first <= b[k].last && b[k].first <= b[i].last;
                const bool overlap =
                    b[i].offset < b[k].offset + b[k].bytes && b[k].offset < b[i].offset + b[i].bytes;
                assert_false(together && overlap);
            }
        }
    }
}

/* A chain, each block needed by the next step only: two places are enough. */
static void a_chain_needs_two_places(void **state)
{
    (void)state;
    struct glint_plan_block b[20];
    size_t total;
    for (int32_t i = 0; i < 20; i++)
        b[i] = (struct glint_plan_block){.bytes = 640, .first = i, .last = i + 1};
    assert_int_equal(glint_plan_blocks(b, 20, &total), GLINT_OK);
    assert_int_equal(total, 1280);
}

static void nothing_needs_nothing(void **state)
{
    (void)state;
    size_t total = 5;
    assert_int_equal(glint_plan_blocks(NULL, 0, &total), GLINT_OK);
    assert_int_equal(total, 0);
}

/* A slice lives in its parent's memory, which is kept as long as the slice is used. */
static void a_slice_keeps_its_parent(void **state)
{
    (void)state;
    struct glint_value v[] = {
        {.kind = GLINT_VALUE_MAP, .h = 4, .w = 4, .c = 8, .parent = -1},
        {.kind = GLINT_VALUE_MAP, .h = 4, .w = 4, .c = 4, .parent = 0},
        {.kind = GLINT_VALUE_BYTES, .bytes = 100, .parent = -1},
        {.kind = GLINT_VALUE_BYTES, .bytes = 100, .parent = -1}, /* used by nobody */
    };
    struct glint_layer l[] = {
        {.n_out = 1, .out = {1}},
        {.n_out = 1, .out = {2}},
        {.n_in = 1, .in = {1}},
    };
    struct glint_net net = {.n_layers = 3, .layers = l, .n_values = 4, .values = v};
    size_t total;
    assert_int_equal(glint_plan_net(&net, &total), GLINT_OK);
    assert_int_equal(v[0].first, 0);
    assert_int_equal(v[0].last, 2);
    assert_int_equal(v[2].first, 1);
    assert_int_equal(v[3].first, -1);
    assert_int_equal(v[0].bytes, 6 * 6 * 8 * 4);
    assert_int_equal(total, glint_arena_round(v[0].bytes) + 128);
}

/* In reduced precision a map that products read is kept so; in float too where something else reads it, or a
 * tap. */
static void maps_are_kept_as_they_are_read(void **state)
{
    (void)state;
    struct glint_conv_params conv[4] = {0};
    struct glint_value v[] = {
        {.kind = GLINT_VALUE_MAP, .h = 4, .w = 4, .c = 8, .parent = -1}, /* of pillars, read by conv[0] */
        {.kind = GLINT_VALUE_MAP, .h = 4, .w = 4, .c = 8, .parent = -1}, /* by conv[1], which also adds it */
        {.kind = GLINT_VALUE_MAP,
         .h = 4,
         .w = 4,
         .c = 8,
         .parent = -1}, /* by conv[2] and the heat map's decoding */
        {.kind = GLINT_VALUE_MAP, .h = 4, .w = 4, .c = 8, .parent = -1}, /* by conv[3], of too few outputs */
        {.kind = GLINT_VALUE_MAP, .h = 4, .w = 4, .c = 3, .parent = -1},
    };
    struct glint_layer l[] = {
        {.op = GLINT_OP_BEV_SCATTER, .n_out = 1, .out = {0}},
        {.op = GLINT_OP_CONV3X3, .n_in = 1, .in = {0}, .n_out = 1, .out = {1}, .params = &conv[0]},
        {.op = GLINT_OP_CONV3X3, .n_in = 2, .in = {1, 1}, .n_out = 1, .out = {2}, .params = &conv[1]},
        {.op = GLINT_OP_CONV3X3, .n_in = 1, .in = {2}, .n_out = 1, .out = {3}, .params = &conv[2]},
        {.op = GLINT_OP_CONV3X3, .n_in = 1, .in = {3}, .n_out = 1, .out = {4}, .params = &conv[3]},
        {.op = GLINT_OP_CENTER_PICK, .n_in = 1, .in = {2}},
    };
    static const bool half[] = {true, true, true, false, false}, only[] = {true, true, false, false, false};
    struct glint_net net = {.n_layers = 6, .layers = l, .n_values = 5, .values = v};
    size_t total;
    for (int i = 0; i < 4; i++)
        conv[i].affine = (struct glint_affine){.k = 8, .n = i < 3 ? 8 : 3, .kernel = 3};
    for (int i = 0; i < 3; i++) { /* in float, in less, in less with a tap */
        net.narrow = i > 0 ? GLINT_NARROW_BF16 : GLINT_NARROW_NONE;
        net.keep_stages = i > 1;
        assert_int_equal(glint_plan_net(&net, &total), GLINT_OK);
        for (int k = 0; k < 5; k++) {
            assert_int_equal(v[k].half, i > 0 && half[k]);
            assert_int_equal(v[k].half_only, i == 1 && only[k]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_two_that_live_together_overlap),
        cmocka_unit_test(a_chain_needs_two_places),
        cmocka_unit_test(nothing_needs_nothing),
        cmocka_unit_test(a_slice_keeps_its_parent),
        cmocka_unit_test(maps_are_kept_as_they_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
