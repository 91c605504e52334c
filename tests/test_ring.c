/* tests/test_ring.c */
#define _POSIX_C_SOURCE 200809L
#include "tests/util.h"
#include "core/ring.h"
#include "core/status.h"
#include <pthread.h>
#include <stdbool.h>
#include <time.h>

#define ITEMS 20000

static struct glint_ring *open_ring(int32_t depth, enum glint_ring_policy policy)
{
    struct glint_ring *ring;
    assert_int_equal(glint_ring_open(depth, policy, &ring), GLINT_OK);
    return ring;
}

static int numbers[ITEMS]; /* what the pointers in the queues point at */

static void *push_all(void *arg)
{
    struct glint_ring *ring = arg;
    for (int i = 0; i < ITEMS; i++) {
        void *dropped = NULL;
        if (glint_ring_push(ring, &numbers[i], &dropped) != GLINT_OK)
            return ring;
    }
    glint_ring_finish(ring);
    return NULL;
}

static void waiting_loses_nothing_and_keeps_order(void **state)
{
    (void)state;
    struct glint_ring *ring = open_ring(3, GLINT_RING_WAIT);
    pthread_t thread;
    void *item, *failed;
    pthread_create(&thread, NULL, push_all, ring);
    for (int i = 0; i < ITEMS; i++) {
        assert_int_equal(glint_ring_pop(ring, &item), GLINT_OK);
        assert_ptr_equal(item, &numbers[i]);
    }
    assert_int_equal(glint_ring_pop(ring, &item), GLINT_E_EOF);
    assert_null(item);
    assert_int_equal(glint_ring_pop(ring, &item), GLINT_E_EOF); /* again and again */
    pthread_join(thread, &failed);
    assert_null(failed);
    assert_int_equal(glint_ring_dropped(ring), 0);
    glint_ring_close(ring);
}

static void newest_wins_gives_up_the_oldest(void **state)
{
    (void)state;
    struct glint_ring *ring = open_ring(2, GLINT_RING_NEWEST);
    void *item, *dropped;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(glint_ring_push(ring, &numbers[i], &dropped), GLINT_OK);
        assert_ptr_equal(dropped, i < 2 ? NULL : &numbers[i - 2]);
    }
    assert_int_equal(glint_ring_dropped(ring), 3);
    glint_ring_pop(ring, &item);
    assert_ptr_equal(item, &numbers[3]);
    glint_ring_pop(ring, &item);
    assert_ptr_equal(item, &numbers[4]);
    glint_ring_close(ring);
}

static void newest_wins_in_order_and_counts_under_load(void **state)
{
    (void)state;
    struct glint_ring *ring = open_ring(2, GLINT_RING_NEWEST);
    pthread_t thread;
    void *item;
    int last = -1;
    uint64_t popped = 0;
    pthread_create(&thread, NULL, push_all, ring);
    while (glint_ring_pop(ring, &item) == GLINT_OK) {
        const int i = (int)((int *)item - numbers);
        assert_true(i > last);
        last = i;
        popped++;
    }
    pthread_join(thread, NULL);
    assert_int_equal(last, ITEMS - 1);
    assert_int_equal(popped + glint_ring_dropped(ring), ITEMS);
    glint_ring_close(ring);
}

static void *pop_one(void *arg)
{
    void *item;
    return glint_ring_pop(arg, &item) == GLINT_E_CANCELLED ? arg : NULL;
}

static void cancel_wakes_both_sides(void **state)
{
    (void)state;
    const struct timespec moment = {0, 2000000};
    struct glint_ring *full = open_ring(1, GLINT_RING_WAIT), *empty = open_ring(1, GLINT_RING_WAIT);
    pthread_t pusher, popper;
    void *failed, *cancelled, *item;
    pthread_create(&pusher, NULL, push_all, full);
    pthread_create(&popper, NULL, pop_one, empty);
    nanosleep(&moment, NULL); /* so that they usually wait */
    glint_ring_cancel(full);
    glint_ring_cancel(empty);
    pthread_join(pusher, &failed);
    pthread_join(popper, &cancelled);
    assert_ptr_equal(failed, full);
    assert_ptr_equal(cancelled, empty);
    assert_int_equal(glint_ring_pop(empty, &item), GLINT_E_CANCELLED);
    while (glint_ring_take(full))
        ;
    assert_null(glint_ring_take(full));
    glint_ring_close(full);
    glint_ring_close(empty);
}

static void after_finish_pushes_are_refused_and_pops_drain(void **state)
{
    (void)state;
    struct glint_ring *ring = open_ring(2, GLINT_RING_WAIT);
    void *item, *dropped = &item;
    assert_int_equal(glint_ring_push(ring, &numbers[0], &dropped), GLINT_OK);
    assert_null(dropped);
    glint_ring_finish(ring);
    assert_int_equal(glint_ring_push(ring, &numbers[1], NULL), GLINT_E_CANCELLED);
    assert_int_equal(glint_ring_pop(ring, &item), GLINT_OK);
    assert_int_equal(glint_ring_pop(ring, &item), GLINT_E_EOF);
    glint_ring_close(ring);
    glint_ring_close(NULL);
    assert_int_equal(glint_ring_open(0, GLINT_RING_WAIT, &ring), GLINT_E_ARG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waiting_loses_nothing_and_keeps_order),
        cmocka_unit_test(newest_wins_gives_up_the_oldest),
        cmocka_unit_test(newest_wins_in_order_and_counts_under_load),
        cmocka_unit_test(cancel_wakes_both_sides),
        cmocka_unit_test(after_finish_pushes_are_refused_and_pops_drain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
