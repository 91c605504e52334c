/* tests/test_arena.c */
#include "tests/util.h"
#include "core/arena.h"

static void blocks_are_aligned_and_disjoint(void **state)
{
    (void)state;
    struct glint_arena a;
    assert_int_equal(glint_arena_init(&a, 1000), 0);
    uint8_t *p = glint_arena_alloc(&a, 1), *q = glint_arena_alloc(&a, 65);
    assert_int_equal((uintptr_t)p % GLINT_ARENA_ALIGN, 0);
    assert_int_equal(q - p, GLINT_ARENA_ALIGN);
    assert_int_equal(a.used, 3 * GLINT_ARENA_ALIGN);
    glint_arena_fini(&a);
}

static void a_full_arena_gives_nothing_and_marks_take_back(void **state)
{
    (void)state;
    struct glint_arena a;
    assert_int_equal(glint_arena_init(&a, 256), 0);
    const size_t mark = glint_arena_mark(&a);
    assert_non_null(glint_arena_alloc(&a, 256));
    assert_null(glint_arena_alloc(&a, 1));
    assert_null(glint_arena_alloc(&a, SIZE_MAX));
    glint_arena_reset(&a, mark);
    assert_non_null(glint_arena_alloc(&a, 200));
    assert_int_equal(a.high, 256);
    glint_arena_fini(&a);
}

/* What is written while the system provides the memory stays, whenever it ends. */
static void memory_comes_beside_its_use(void **state)
{
    (void)state;
    for (int round = 0; round < 4; round++) {
        struct glint_arena a;
        assert_int_equal(glint_arena_init(&a, (size_t)48 << 20), 0);
        struct glint_arena_touch *touch = glint_arena_touch_begin(&a);
        for (size_t i = 0; i < a.cap; i += 4096)
            a.base[a.cap - 1 - i] = (uint8_t)(i / 4096 + 1);
        if (round % 2)
            glint_arena_touch_end(touch);
        for (size_t i = 0; i < a.cap; i += 4096)
            assert_int_equal(a.base[a.cap - 1 - i], (uint8_t)(i / 4096 + 1));
        if (round % 2 == 0)
            glint_arena_touch_end(touch);
        glint_arena_fini(&a);
    }
    struct glint_arena small;
    assert_int_equal(glint_arena_init(&small, 100), 0);
    assert_null(glint_arena_touch_begin(&small));
    glint_arena_touch_end(NULL);
    glint_arena_fini(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_aligned_and_disjoint),
        cmocka_unit_test(a_full_arena_gives_nothing_and_marks_take_back),
        cmocka_unit_test(memory_comes_beside_its_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
