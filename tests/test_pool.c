/* tests/test_pool.c */
#define _GNU_SOURCE
#include "tests/util.h"
#include "core/pool.h"
#include <sched.h>
#include <time.h>

#define N 10007

struct job {
    uint8_t times[N];
    int workers_seen[8];
};

static void count(void *ctx, int64_t begin, int64_t end, int worker)
{
    struct job *job = ctx;
    for (int64_t i = begin; i < end; i++)
        job->times[i]++;
    job->workers_seen[worker] = 1;
}

static void every_item_once(void **state)
{
    (void)state;
    static struct job job;
    for (int threads = 1; threads <= 8; threads++) {
        struct glint_pool *pool;
        assert_int_equal(glint_pool_open(threads, &pool), 0);
        for (int round = 0; round < 200; round++) {
            memset(&job, 0, sizeof job);
            const int64_t n = round % 3 == 0 ? N : round;
            glint_pool_for(pool, n, 1 + round % 50, count, &job);
            for (int i = 0; i < N; i++)
                assert_int_equal(job.times[i], i < n ? 1 : 0);
        }
        glint_pool_close(pool);
    }
}

/* Small jobs, one right after another and after pauses: workers come late, sleep, are woken. */
static void add(void *ctx, int64_t begin, int64_t end, int worker)
{
    (void)worker;
    int64_t *sums = ctx;
    for (int64_t i = begin; i < end; i++)
        sums[i] += i;
}

static void late_workers_are_not_needed(void **state)
{
    (void)state;
    int64_t sums[64] = {0}, jobs = 0;
    struct glint_pool *pool;
    assert_int_equal(glint_pool_open(6, &pool), 0);
    for (int pause = 0; pause < 40; pause++) {
        for (int i = 0; i < 500; i++, jobs++)
            glint_pool_for(pool, 64, 1 + i % 63, add, sums);
        const struct timespec a_while = {0, pause % 4 * 300000L};
        nanosleep(&a_while, NULL);
    }
    glint_pool_close(pool);
    for (int i = 0; i < 64; i++)
        assert_int_equal(sums[i], jobs * i);
}

static int cpus_seen[8];

static void see_cpu(void *ctx, int64_t begin, int64_t end, int worker)
{
    (void)ctx, (void)begin, (void)end;
    cpu_set_t set;
    assert_int_equal(sched_getaffinity(0, sizeof set, &set), 0);
    cpus_seen[worker] = CPU_COUNT(&set);
    const struct timespec a_while = {0, 2000000};
    nanosleep(&a_while, NULL); /* so that every worker gets a piece */
}

static void pinned_workers_have_one_cpu(void **state)
{
    (void)state;
    cpu_set_t allowed;
    struct glint_pool *pool;
    assert_int_equal(sched_getaffinity(0, sizeof allowed, &allowed), 0);
    const int n = CPU_COUNT(&allowed);
    if (n < 2 || n > 512)
        skip();
    assert_int_equal(glint_pool_open(2, &pool), 0);
    assert_int_equal(glint_pool_pin(pool), 0);
    for (int round = 0; round < 50 && !cpus_seen[1]; round++)
        glint_pool_for(pool, 8, 1, see_cpu, NULL);
    assert_int_equal(cpus_seen[1], 1);
    assert_int_equal(cpus_seen[0], n); /* the caller's own affair */
    glint_pool_close(pool);
    assert_int_equal(glint_pool_open(n + 1, &pool), 0);
    assert_int_equal(glint_pool_pin(pool), -4);
    glint_pool_close(pool);
}

static void absurd_thread_counts_are_refused(void **state)
{
    (void)state;
    struct glint_pool *pool;
    assert_int_equal(glint_pool_open(0, &pool), -4);
    assert_null(pool);
    assert_int_equal(glint_pool_threads(NULL), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_item_once),
        cmocka_unit_test(late_workers_are_not_needed),
        cmocka_unit_test(pinned_workers_have_one_cpu),
        cmocka_unit_test(absurd_thread_counts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
