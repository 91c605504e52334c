/* tests/test_sparse_conv.c - sparse convolutions: the reference against sums in double over all cells, each
 * version against the reference. */
#include "attention/sparse_conv.h"
#include "tests/sites_made.h"

struct made { /* a convolution between sites */
    struct glint_sites in, out;
    struct glint_rules rules;
    struct glint_pairs pairs;
    struct glint_sparse_conv conv;
    struct glint_weights cell[125];
    float *rows; /* per kernel cell n x c */
    float *bias, *input, *residual;
    void *memory[8];
};

static void make(struct glint_exec *x, struct made *m, const struct glint_stencil *k, int32_t c, int32_t n,
                 enum glint_act act)
{
    static const int32_t dim[3] = {16, 9, 5};
    uint64_t random = 23;
    int32_t out_dim[3];
    const int32_t cells = glint_stencil_cells(k);
    m->memory[0] = sites_made(&random, dim, 0.4f, false, &m->in);
    assert_int_equal(glint_sites_index(x, &m->in), GLINT_OK);
    assert_int_equal(glint_stencil_dim(k, dim, out_dim), GLINT_OK);
    const int32_t cap = out_dim[0] * out_dim[1] * out_dim[2];
    m->memory[1] = kernel_alloc(glint_sites_bytes(cap));
    glint_sites_init(&m->out, m->memory[1], cap, out_dim);
    assert_int_equal(glint_sites_strided(x, &m->in, k, &m->out), GLINT_OK);
    m->memory[2] = kernel_alloc(glint_rules_bytes(cap, cells));
    glint_rules_init(&m->rules, m->memory[2], cap, cells);
    assert_int_equal(glint_rules_make(x, k, &m->in, &m->out, &m->rules), GLINT_OK);
    m->pairs = (struct glint_pairs){m->out.n,       cells,          GLINT_RULES_TILE, m->rules.n_tiles,
                                    m->rules.order, m->rules.first, m->rules.in,      m->rules.out};
    m->rows = kernel_random(&random, (int64_t)cells * n * c, -1, 1);
    m->bias = kernel_random(&random, n, -1, 1);
    m->input = kernel_random(&random, (int64_t)m->in.n * c, -1, 1);
    m->residual = kernel_random(&random, (int64_t)m->out.n * n, -1, 1);
    const size_t each = (glint_weights_bytes(c, n) + 63) / 64 * 64;
    m->memory[3] = kernel_alloc(each * (size_t)cells);
    for (int32_t i = 0; i < cells; i++)
        glint_weights_pack(&m->cell[i], (uint8_t *)m->memory[3] + (size_t)i * each,
                           m->rows + (int64_t)i * n * c, c, NULL, NULL, c, n);
    m->conv = (struct glint_sparse_conv){c, n, cells, m->cell, m->bias, act};
}

static void unmake(struct made *m)
{
    for (int i = 0; i < 4; i++)
        free(m->memory[i]);
    free(m->rows);
    free(m->bias);
    free(m->input);
    free(m->residual);
}

/* Adds what kernel cell `cell` of output row o sees. */
static void add_cell(const struct made *m, const struct glint_stencil *k, int32_t o, int32_t cell,
                     double *want)
{
    const struct glint_sparse_conv *s = &m->conv;
    int32_t at[3], left = cell;
    for (int a = 0; a < 3; a++) {
        at[a] = m->out.coord[3 * o + a] * k->stride[a] - k->pad[a] + left % k->size[a];
        left /= k->size[a];
    }
    const int32_t i = glint_sites_find(&m->in, at[0], at[1], at[2]);
    for (int32_t j = 0; i >= 0 && j < s->n; j++)
        for (int32_t a = 0; a < s->c; a++)
            want[j] += (double)m->rows[(cell * s->n + j) * s->c + a] * (double)m->input[i * s->c + a];
}

static void sums(const struct made *m, const struct glint_stencil *k, bool residual, double *want)
{
    const int32_t n = m->conv.n;
    for (int32_t o = 0; o < m->out.n; o++, want += n) {
        for (int32_t j = 0; j < n; j++)
            want[j] = (double)m->bias[j] + (residual ? (double)m->residual[o * n + j] : 0.0);
        for (int32_t cell = 0; cell < m->conv.n_cells; cell++)
            add_cell(m, k, o, cell, want);
        for (int32_t j = 0; j < n; j++)
            want[j] = m->conv.act == GLINT_ACT_RELU && want[j] < 0 ? 0.0 : want[j];
    }
}

static void one_case(struct glint_exec *x, const struct glint_stencil *k, int32_t c, int32_t n,
                     enum glint_act act, bool residual)
{
    struct made m;
    make(x, &m, k, c, n, act);
    const int64_t values = (int64_t)m.out.n * n;
    double *want = kernel_alloc((size_t)values * sizeof *want);
    float *plain = kernel_alloc((size_t)values * sizeof *plain);
    float *got = kernel_alloc((size_t)values * sizeof *got);
    sums(&m, k, residual, want);
    const float *added = residual ? m.residual : NULL;
    assert_int_equal(glint_sparse_conv_c(x, &m.conv, &m.pairs, m.input, added, plain), GLINT_OK);
    kernel_assert_error(plain, want, values, 1e-6);
    assert_int_equal(glint_sparse_conv(x, &m.conv, &m.pairs, m.input, added, got), GLINT_OK);
    kernel_assert_error(got, want, values, 1e-6);
    free(want);
    free(plain);
    free(got);
    unmake(&m);
}

static void sums_over_neighbours_of(struct glint_exec *x)
{
    static const int32_t widths[][2] = {{4, 4}, {5, 16}, {16, 32}, {64, 33}, {7, 3}};
    for (int w = 0; w < 5; w++)
        for (int i = 0; i < SITES_STENCILS; i += w == 0 ? 1 : 2)
            one_case(x, &sites_stencils[i], widths[w][0], widths[w][1],
                     i % 2 ? GLINT_ACT_NONE : GLINT_ACT_RELU, (i + w) % 2);
}

static void sums_over_neighbours(void **state)
{
    (void)state;
    kernel_each_exec(sums_over_neighbours_of);
}

/* Threads take tiles: the bits are the same. */
static void threads_give_the_same_bits(void **state)
{
    (void)state;
    float *out[2];
    int64_t n = 0;
    for (int i = 0; i < 2; i++) {
        struct glint_exec x;
        struct made m;
        assert_int_equal(glint_exec_init(&x, glint_cpu_isa(), 1 + 2 * i, 65536), GLINT_OK);
        make(&x, &m, &sites_stencils[1], 16, 32, GLINT_ACT_RELU);
        n = (int64_t)m.out.n * 32;
        out[i] = kernel_alloc((size_t)n * sizeof **out);
        assert_int_equal(glint_sparse_conv(&x, &m.conv, &m.pairs, m.input, NULL, out[i]), GLINT_OK);
        unmake(&m);
        glint_exec_fini(&x);
    }
    assert_memory_equal(out[0], out[1], (size_t)n * sizeof **out);
    free(out[0]);
    free(out[1]);
}

/* No pairs at all: bias and residual. */
static void outputs_without_pairs(void **state)
{
    (void)state;
    static const int32_t order[2] = {1, 0}, first[2] = {0, 0};
    static const float bias[2] = {1, -2}, residual[4] = {0.5f, 1, -3, 4}, want[4] = {1.5f, 0, 0, 2};
    const struct glint_pairs none = {2, 1, GLINT_RULES_TILE, 1, order, first, order, order};
    const float rows[4] = {1, 2, 3, 4};
    struct glint_weights w;
    struct glint_exec x;
    float got[4];
    void *memory = kernel_alloc(glint_weights_bytes(2, 2));
    glint_weights_pack(&w, memory, rows, 2, NULL, NULL, 2, 2);
    const struct glint_sparse_conv conv = {2, 2, 1, &w, bias, GLINT_ACT_RELU};
    assert_int_equal(glint_exec_init(&x, glint_cpu_isa(), 1, 64), GLINT_OK);
    assert_int_equal(glint_sparse_conv(&x, &conv, &none, rows, residual, got), GLINT_OK);
    assert_memory_equal(got, want, sizeof want);
    assert_int_equal(glint_sparse_conv_c(&x, &conv, &none, rows, residual, got), GLINT_OK);
    assert_memory_equal(got, want, sizeof want);
    glint_exec_fini(&x);
    free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_over_neighbours),
        cmocka_unit_test(threads_give_the_same_bits),
        cmocka_unit_test(outputs_without_pairs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
