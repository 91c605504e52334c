/* tests/test_waymo_match.c - the official assignment, and that solving it in components changes nothing. */
#include "tests/util.h"
#include "eval/waymo_match.h"

#define CAP 40

static uint64_t random_state = 17;

static int32_t below(int32_t n)
{
    return (int32_t)(glint_test_random(&random_state) % (uint64_t)n);
}

/* ---- the search ---- */

static int64_t best_of(int32_t n, const int32_t *weight, int32_t row, uint32_t used)
{
    int64_t best = 0;
    for (int32_t j = 0; j < n && row < n; j++)
        if (!(used >> j & 1)) {
            const int64_t sum = weight[row * n + j] + best_of(n, weight, row + 1, used | 1u << j);
            best = sum > best ? sum : best;
        }
    return best;
}

static void the_search_finds_the_largest_weight(void **state)
{
    (void)state;
    for (int round = 0; round < 400; round++) {
        const int32_t n = 1 + below(6), levels = round % 2 ? 4 : 1000000;
        int32_t weight[36], column[6];
        int64_t scratch[12 * 6], sum = 0;
        uint32_t used = 0;
        for (int32_t k = 0; k < n * n; k++)
            weight[k] = below(3) ? 0 : below(levels);
        glint_waymo_assign(n, weight, column, scratch);
        for (int32_t i = 0; i < n; i++) {
            assert_false(used >> column[i] & 1);
            used |= 1u << column[i];
            sum += weight[i * n + column[i]];
        }
        assert_int_equal(sum, best_of(n, weight, 0, 0));
    }
}

/* Which of several best ones: traced by hand through the rule. */
static void ties_go_the_official_way(void **state)
{
    (void)state;
    int64_t scratch[12 * 3];
    int32_t column[3];
    const int32_t same[4] = {5, 5, 5, 5};
    glint_waymo_assign(2, same, column, scratch);
    assert_int_equal(column[0], 0);
    assert_int_equal(column[1], 1);
    /* rows 0 and 1 want column 0 alike: row 1's tree goes through row 0, relabels, and finds column 1 free
     * for both; the tight edges of its root come first */
    const int32_t contested[4] = {5, 0, 5, 0};
    glint_waymo_assign(2, contested, column, scratch);
    assert_int_equal(column[0], 0);
    assert_int_equal(column[1], 1);
    const int32_t zeros[9] = {0};
    glint_waymo_assign(3, zeros, column, scratch);
    for (int32_t i = 0; i < 3; i++)
        assert_int_equal(column[i], i);
}

/* ---- components ---- */

struct made {
    struct glint_waymo_edge edges[CAP * CAP];
    int32_t alive[CAP];
    struct glint_waymo_problem problem;
};

/* levels: how many different weights, so how many ties; density in tenths; blocks: columns of far blocks do
 * not meet. */
static void make(struct made *m, int32_t n_rows, int32_t n_columns, int32_t levels, int32_t density,
                 int32_t blocks)
{
    struct glint_waymo_problem *p = &m->problem;
    *p = (struct glint_waymo_problem){n_rows, n_columns, 0, 1 + below(101), m->alive, m->edges};
    for (int32_t i = 0; i < n_rows; i++) {
        m->alive[i] = below(4) ? below(p->n_cutoffs + 1) : p->n_cutoffs;
        for (int32_t j = 0; j < n_columns; j++)
            if (i % blocks == j % blocks && below(10) < density)
                m->edges[p->n_edges++] = (struct glint_waymo_edge){i, j, 500000 + below(levels)};
    }
}

/* column[cutoff][row]; every row once at most. */
static void spread(const struct glint_waymo_match *match, int32_t n, int32_t column[101][CAP])
{
    memset(column, -1, 101 * sizeof *column);
    for (int32_t k = 0; k < n; k++)
        for (int32_t c = match[k].from; c < match[k].to; c++) {
            assert_int_equal(column[c][match[k].row], -1);
            column[c][match[k].row] = match[k].column;
        }
}

static int64_t compare(struct glint_waymo_matcher *fast, struct glint_waymo_matcher *plain,
                       const struct made *m)
{
    static int32_t got[101][CAP], want[101][CAP];
    const struct glint_waymo_match *match;
    int32_t n;
    const int64_t before = glint_waymo_matcher_searches(fast);
    assert_int_equal(glint_waymo_match(fast, &m->problem, &match, &n), GLINT_OK);
    spread(match, n, got);
    assert_int_equal(glint_waymo_match(plain, &m->problem, &match, &n), GLINT_OK);
    spread(match, n, want);
    assert_memory_equal(got, want, sizeof got);
    return glint_waymo_matcher_searches(fast) - before;
}

static void components_change_nothing(void **state)
{
    (void)state;
    static struct made m;
    struct glint_waymo_matcher *fast, *plain;
    int64_t n_searches = 0, n_without = 0;
    assert_int_equal(glint_waymo_matcher_open(&fast), GLINT_OK);
    assert_int_equal(glint_waymo_matcher_open(&plain), GLINT_OK);
    glint_waymo_matcher_plain(plain, true);
    for (int round = 0; round < 6000; round++) {
        static const int32_t levels[] = {1, 2, 5, 500000, 500000, 500000};
        const int32_t size = round % 50 ? 9 : CAP;
        make(&m, 1 + below(size), 1 + below(size), levels[round % 6], 1 + below(9), 1 + below(6));
        const int64_t searches = compare(fast, plain, &m);
        n_searches += searches;
        n_without += searches == 0;
    }
    assert_true(n_searches > 1000); /* ties were there, */
    assert_true(n_without > 1500);  /* and components that need no search */
    glint_waymo_matcher_close(fast);
    glint_waymo_matcher_close(plain);
}

/* A tie in one place leaves the others to their components, and a tie that a heavier pair covers is none. */
static void stars(void **state)
{
    (void)state;
    struct glint_waymo_matcher *matcher;
    const struct glint_waymo_match *match;
    int32_t n;
    assert_int_equal(glint_waymo_matcher_open(&matcher), GLINT_OK);
    const struct glint_waymo_edge edges[] = {{0, 0, 700000}, {1, 0, 600000}, {2, 0, 600000}};
    const int32_t alive[] = {50, 70, 90};
    const struct glint_waymo_problem p = {3, 1, 3, 101, alive, edges};
    assert_int_equal(glint_waymo_match(matcher, &p, &match, &n), GLINT_OK);
    int32_t column[101][CAP];
    spread(match, n, column);
    for (int c = 0; c < 101; c++) {
        assert_int_equal(column[c][0], c < 50 ? 0 : -1);
        assert_int_equal(column[c][1] == 0 || column[c][2] == 0, c >= 50 && c < 90);
    }
    assert_int_equal(glint_waymo_matcher_searches(matcher), 1); /* 50 <= c < 70 at once */
    glint_waymo_matcher_close(matcher);
}

static void nothing_is_fine(void **state)
{
    (void)state;
    struct glint_waymo_matcher *matcher;
    const struct glint_waymo_match *match;
    int32_t n = -1;
    const int32_t alive[] = {3};
    assert_int_equal(glint_waymo_matcher_open(&matcher), GLINT_OK);
    const struct glint_waymo_problem none = {0, 0, 0, 101, NULL, NULL}, no_edge = {1, 1, 0, 101, alive, NULL};
    assert_int_equal(glint_waymo_match(matcher, &none, &match, &n), GLINT_OK);
    assert_int_equal(n, 0);
    assert_int_equal(glint_waymo_match(matcher, &no_edge, &match, &n), GLINT_OK);
    assert_int_equal(n, 0);
    glint_waymo_matcher_close(matcher);
    glint_waymo_matcher_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_search_finds_the_largest_weight),
        cmocka_unit_test(ties_go_the_official_way),
        cmocka_unit_test(components_change_nothing),
        cmocka_unit_test(stars),
        cmocka_unit_test(nothing_is_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
