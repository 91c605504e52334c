/* tests/test_packet_ring.c - packets between two threads: order, every size, a full ring, the end. */
#define _GNU_SOURCE
#include "tests/util.h"
#include "io/packet_ring.h"
#include <pthread.h>

#define PACKETS 200000

static uint32_t size_of(uint64_t i)
{
    return i % 97 == 0 ? (uint32_t)(i * 7919 % 65508) : (uint32_t)(i % 1500);
}

static void fill(uint8_t *p, uint64_t i)
{
    memset(p, (int)(i & 255), size_of(i));
}

struct writer {
    struct glint_packet_ring *ring;
    uint64_t refused;
};

static void *write_main(void *arg)
{
    static uint8_t data[65536];
    struct writer *w = arg;
    for (uint64_t i = 0; i < PACKETS;) {
        fill(data, i);
        const struct glint_packet p = {.data = data, .size = size_of(i), .record = i};
        const bool pushed = glint_packet_ring_push(w->ring, &p);
        i += pushed;
        w->refused += !pushed;
        if (i % 16 == 0 || !pushed)
            glint_packet_ring_wake(w->ring);
    }
    glint_packet_ring_finish(w->ring);
    return NULL;
}

static void all_packets_pass_in_order_whole(void **state)
{
    (void)state;
    static uint8_t want[65536];
    struct writer w = {0};
    struct glint_packet p;
    pthread_t thread;
    uint64_t n = 0, n_nothing = 0;
    int status;
    assert_int_equal(glint_packet_ring_open(1 << 20, &w.ring), GLINT_OK);
    assert_int_equal(pthread_create(&thread, NULL, write_main, &w), 0);
    while ((status = glint_packet_ring_pop(w.ring, 10000, &p)) != GLINT_E_EOF) {
        if (status == GLINT_E_AGAIN && n_nothing++ < 100)
            continue; /* woken for nothing; never asleep for long: the test would take minutes */
        assert_int_equal(status, GLINT_OK);
        assert_int_equal(p.record, n);
        assert_int_equal(p.size, size_of(n));
        fill(want, n++);
        assert_int_equal(memcmp(p.data, want, p.size), 0);
    }
    pthread_join(thread, NULL);
    assert_int_equal(n, PACKETS);
    assert_int_equal(glint_packet_ring_used(w.ring), 0);
    assert_true(glint_packet_ring_peak(w.ring) <= 1 << 20);
    glint_packet_ring_close(w.ring);
}

static void full_ring_refuses_and_keeps_what_it_has(void **state)
{
    (void)state;
    static uint8_t data[65536];
    struct glint_packet_ring *ring;
    struct glint_packet p = {.data = data, .size = 60000};
    uint64_t n = 0;
    assert_int_equal(glint_packet_ring_open(1 << 20, &ring), GLINT_OK);
    assert_int_equal(glint_packet_ring_pop(ring, 0, &p), GLINT_E_AGAIN);
    for (p = (struct glint_packet){.data = data, .size = 60000}; glint_packet_ring_push(ring, &p); n++)
        p.record = n + 1;
    assert_int_equal(n, (1 << 20) / 60064 - (60064 * 17 > 1 << 20));
    p.data = data;
    p.size = 0;
    assert_true(glint_packet_ring_push(ring, &p)); /* a small one still fits */
    for (uint64_t i = 0; i < n; i++) {
        assert_int_equal(glint_packet_ring_pop(ring, 0, &p), GLINT_OK);
        assert_int_equal(p.record, i);
    }
    assert_int_equal(glint_packet_ring_pop(ring, 0, &p), GLINT_OK);
    assert_int_equal(p.size, 0);
    assert_int_equal(glint_packet_ring_pop(ring, 1, &p), GLINT_E_AGAIN);
    glint_packet_ring_finish(ring);
    assert_int_equal(glint_packet_ring_pop(ring, 1, &p), GLINT_E_EOF);
    glint_packet_ring_close(ring);
    assert_int_equal(glint_packet_ring_open(1000, &ring), GLINT_E_ARG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_packets_pass_in_order_whole),
                                       cmocka_unit_test(full_ring_refuses_and_keeps_what_it_has)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
