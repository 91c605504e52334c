/* tests/test_shelf.c - a worker that gives frames of a log, and a reader that jumps about. */
#define _POSIX_C_SOURCE 200809L
#include "tests/util.h"
#include "serve/shelf.h"
#include <pthread.h>
#include <time.h>

#define LENGTH 400
#define SIZE   (1 << 17) /* bytes of a frame: eight of them fit */
#define BUDGET (1 << 20)

struct log {
    struct glint_shelf *shelf;
    pthread_t thread;
    _Atomic uint64_t worked; /* frames */
    uint64_t begins;         /* at this number; what is before is not in the log */
    uint64_t hole, hole_end;
};

static struct glint_message *frame(uint64_t index)
{
    struct glint_message *m = glint_message_new(SIZE, false);
    assert_non_null(m);
    memcpy(m->bytes, &index, sizeof index);
    return m;
}

static void *work(void *arg)
{
    struct log *l = arg;
    uint64_t first;
    while (glint_shelf_next_run(l->shelf, &first) == GLINT_OK) {
        uint64_t i = first > l->begins ? first : l->begins;
        int status = GLINT_OK;
        for (; i < LENGTH && status == GLINT_OK; i++, l->worked++)
            if (i < l->hole || i >= l->hole_end)
                status =
                    glint_shelf_put(l->shelf, i, (int64_t)(1000 + i), (double)(i + 1) / LENGTH, frame(i));
        if (status == GLINT_OK)
            glint_shelf_end(l->shelf);
    }
    return NULL;
}

static int open_with(void **state, uint64_t begins, uint64_t hole, uint64_t hole_end)
{
    struct log *l = calloc(1, sizeof *l);
    l->begins = begins;
    l->hole = hole;
    l->hole_end = hole_end;
    assert_int_equal(glint_shelf_open(BUDGET, &l->shelf), GLINT_OK);
    assert_int_equal(pthread_create(&l->thread, NULL, work, l), 0);
    *state = l;
    return 0;
}

static int open_log(void **state)
{
    return open_with(state, 0, 0, 0);
}

static int open_holes(void **state)
{
    return open_with(state, 20, 30, 33);
}

static int close_log(void **state)
{
    struct log *l = *state;
    glint_shelf_stop(l->shelf);
    pthread_join(l->thread, NULL);
    glint_shelf_close(l->shelf);
    free(l);
    assert_int_equal(glint_message_sum(), 0);
    return 0;
}

/* Asks until it is there; what comes must be what was asked for. */
static void see(struct log *l, uint64_t index, uint64_t want)
{
    struct glint_message *m = NULL;
    struct glint_shelf_state s;
    uint64_t instead = 0;
    const struct timespec moment = {0, 1000000};
    glint_shelf_want(l->shelf, index);
    for (int i = 0; i < 5000 && !(m = glint_shelf_get(l->shelf, index, &instead)); i++)
        nanosleep(&moment, NULL);
    assert_non_null(m);
    uint64_t got;
    memcpy(&got, m->bytes, sizeof got);
    glint_message_unref(m);
    assert_int_equal(got, want);
    assert_int_equal(instead, want);
    glint_shelf_state(l->shelf, &s);
    assert_true(s.bytes <= BUDGET);
    assert_true(s.n_kept <= BUDGET / SIZE);
}

static void forwards_and_backwards(void **state)
{
    struct log *l = *state;
    for (uint64_t i = 0; i < 60; i++)
        see(l, i, i);
    for (uint64_t i = 60; i-- > 20;)
        see(l, i, i);
    assert_true(l->worked < 60 * 20); /* not from the start for every frame */
}

static void jumps(void **state)
{
    struct log *l = *state;
    uint64_t seed = 7;
    for (int i = 0; i < 60; i++) {
        const uint64_t index = glint_test_random(&seed) % LENGTH;
        see(l, index, index);
    }
}

/* Playing at the end, and asking for what is not there. */
static void the_end(void **state)
{
    struct log *l = *state;
    struct glint_shelf_state s;
    for (uint64_t i = LENGTH - 12; i < LENGTH; i++)
        see(l, i, i);
    see(l, LENGTH - 1, LENGTH - 1);
    see(l, LENGTH + 50, LENGTH - 1);
    glint_shelf_state(l->shelf, &s);
    assert_int_equal(s.n_known, LENGTH);
    assert_true(s.complete);
    see(l, 0, 0);
    see(l, 3, 3);
}

static void far_behind_the_end_at_once(void **state)
{
    struct log *l = *state;
    const struct timespec moment = {0, 2000000};
    struct glint_shelf_state s;
    see(l, 0, 0);
    glint_shelf_want(l->shelf, 100000);
    for (int i = 0; i < 2000; i++) { /* the worker finds nothing there, and goes on from what it knows */
        nanosleep(&moment, NULL);
        glint_shelf_want(l->shelf, 100000);
        glint_shelf_state(l->shelf, &s);
        if (s.complete)
            break;
    }
    assert_true(s.complete);
    assert_int_equal(s.n_known, LENGTH);
    see(l, LENGTH - 1, LENGTH - 1);
}

/* A log that begins at 20 (--frames 20:), and whose 30, 31 and 32 could not be read. */
static void numbers_without_frames(void **state)
{
    struct log *l = *state;
    see(l, 0, 20);
    see(l, 5, 20);
    for (uint64_t i = 20; i < 30; i++)
        see(l, i, i);
    see(l, 30, 33);
    see(l, 32, 33);
    see(l, 40, 40);
    see(l, 31, 33);
    see(l, 0, 20);
    see(l, 200, 200);
    see(l, 32, 33);
    assert_true(l->worked < 1000);
}

static void too_small(void **state)
{
    (void)state;
    struct glint_shelf *shelf;
    assert_int_equal(glint_shelf_open(1000, &shelf), GLINT_E_ARG);
    assert_null(shelf);
}

/* What a shelf may keep is beside what all clients together get, so that a large one can be filled. */
static void messages_have_room_for_its_budget(void **state)
{
    (void)state;
    struct glint_shelf *shelf;
    const size_t budget = 4 * GLINT_MESSAGE_SUM_CAP;
    assert_int_equal(glint_message_cap(), GLINT_MESSAGE_SUM_CAP);
    assert_int_equal(glint_shelf_open(budget, &shelf), GLINT_OK);
    assert_int_equal(glint_message_cap(), GLINT_MESSAGE_SUM_CAP + budget);
    glint_shelf_close(shelf);
    assert_int_equal(glint_message_cap(), GLINT_MESSAGE_SUM_CAP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(forwards_and_backwards, open_log, close_log),
        cmocka_unit_test_setup_teardown(jumps, open_log, close_log),
        cmocka_unit_test_setup_teardown(the_end, open_log, close_log),
        cmocka_unit_test_setup_teardown(far_behind_the_end_at_once, open_log, close_log),
        cmocka_unit_test_setup_teardown(numbers_without_frames, open_holes, close_log),
        cmocka_unit_test(messages_have_room_for_its_budget),
        cmocka_unit_test(too_small)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
