/* tests/test_assign.c - pairs of least cost, against all ways there are. */
#include "tests/util.h"
#include "core/assign.h"
#include <math.h>
#include <stdbool.h>

struct best {
    int n_pairs;
    double cost;
};

static bool is_better(struct best a, struct best b)
{
    return a.n_pairs > b.n_pairs || (a.n_pairs == b.n_pairs && a.cost < b.cost);
}

/* Tries every column and none for each row. */
static struct best try_all(const double *cost, int n_rows, int n_cols, int row, unsigned taken,
                           struct best so_far)
{
    if (row == n_rows)
        return so_far;
    struct best best = try_all(cost, n_rows, n_cols, row + 1, taken, so_far);
    for (int j = 0; j < n_cols; j++) {
        const double c = cost[row * n_cols + j];
        if ((taken >> j & 1) || !isfinite(c))
            continue;
        const struct best with = {so_far.n_pairs + 1, so_far.cost + c};
        const struct best got = try_all(cost, n_rows, n_cols, row + 1, taken | 1u << j, with);
        best = is_better(got, best) ? got : best;
    }
    return best;
}

static struct best assigned(const double *cost, int n_rows, int n_cols)
{
    int32_t column[16];
    unsigned taken = 0;
    struct best got = {0};
    assert_int_equal(glint_assign(cost, n_rows, n_cols, column), 0);
    for (int i = 0; i < n_rows; i++) {
        if (column[i] < 0)
            continue;
        assert_true(column[i] < n_cols);
        assert_false(taken >> column[i] & 1);
        assert_true(isfinite(cost[i * n_cols + column[i]]));
        taken |= 1u << column[i];
        got.n_pairs++;
        got.cost += cost[i * n_cols + column[i]];
    }
    return got;
}

static void as_cheap_as_the_best_of_all(void **state)
{
    (void)state;
    uint64_t seed = 11;
    for (int round = 0; round < 6000; round++) {
        double cost[36];
        const int n_rows = (int)(glint_test_random(&seed) >> 33) % 7,
                  n_cols = (int)(glint_test_random(&seed) >> 33) % 7;
        const float impossible = glint_test_uniform(&seed, -0.3f, 1);
        const bool in_steps = round % 3 == 0; /* many ways equally cheap */
        for (int i = 0; i < n_rows * n_cols; i++) {
            cost[i] = glint_test_uniform(&seed, round % 5 ? 0 : -4, 4);
            cost[i] = in_steps ? floor(cost[i]) : cost[i];
            if (glint_test_uniform(&seed, 0, 1) < impossible)
                cost[i] = round % 2 ? INFINITY : NAN;
        }
        const struct best want = try_all(cost, n_rows, n_cols, 0, 0, (struct best){0}),
                          got = assigned(cost, n_rows, n_cols);
        assert_int_equal(got.n_pairs, want.n_pairs);
        assert_near(got.cost, want.cost, 1e-9);
    }
}

static void the_nearest_gives_way(void **state)
{
    (void)state;
    static const double cost[] = {1, 2, 1.5, 9}; /* greedy would take 1 and pay 9 */
    int32_t column[2];
    assert_int_equal(glint_assign(cost, 2, 2, column), 0);
    assert_int_equal(column[0], 1);
    assert_int_equal(column[1], 0);
}

static void many_rows_and_columns(void **state)
{
    (void)state;
    enum { N = 300, M = 200 };
    double *cost = malloc(sizeof *cost * N * M);
    int32_t column[N];
    int n_pairs = 0;
    for (int i = 0; i < N; i++) /* row i wants column i; the last hundred find none free */
        for (int j = 0; j < M; j++)
            cost[i * M + j] = (double)(abs(i - j) + (i >= M ? 1000 : 0));
    assert_int_equal(glint_assign(cost, N, M, column), 0);
    for (int i = 0; i < N; i++) {
        assert_int_equal(column[i], i < M ? i : -1);
        n_pairs += column[i] >= 0;
    }
    assert_int_equal(n_pairs, M);
    free(cost);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_cheap_as_the_best_of_all),
        cmocka_unit_test(the_nearest_gives_way),
        cmocka_unit_test(many_rows_and_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
