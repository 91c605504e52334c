/* tests/test_pool.c */
#include "tests/util.h"
#include "core/pool.h"

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
        cmocka_unit_test(absurd_thread_counts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
