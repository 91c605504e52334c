/* tests/test_set_pool.c - attention pooling against its definition in double, one cell at a time. */
#include "tests/kernels.h"
#include "attention/set_pool.h"

enum { Q, K, V, OUT, MATRICES };

struct model {
    int32_t n, n_in, dim, heads, slots;
    float *matrix[MATRICES], *bias[MATRICES], *norm[2], *embedding, *empty, *in, *out;
    void *memory[MATRICES];
    int32_t *start, *member, *slot;
    struct glint_set_pool pool;
    struct glint_set_pool_rows rows;
};

/* Cells with 1 .. slots members, at random places. */
static void make_members(struct model *m, uint64_t *seed)
{
    m->start = kernel_alloc(((size_t)m->n + 1) * sizeof(int32_t));
    m->member = kernel_alloc((size_t)(m->n * m->slots) * sizeof(int32_t));
    m->slot = kernel_alloc((size_t)(m->n * m->slots) * sizeof(int32_t));
    m->n_in = m->start[0] = 0;
    for (int32_t c = 0; c < m->n; c++) {
        const uint64_t which =
            c == 0 ? ~UINT64_C(0) : glint_test_random(seed) | UINT64_C(1) << (c % m->slots);
        for (int32_t j = m->slots - 1; j >= 0; j--) /* in any order */
            if (which >> j & 1) {
                m->slot[m->n_in] = j;
                m->member[m->n_in] = m->n_in ^ 1;
                m->n_in++;
            }
        m->start[c + 1] = m->n_in;
    }
}

static void model_open(struct model *m, int32_t n, int32_t dim, int32_t heads, int32_t slots)
{
    uint64_t seed = 99 + (uint64_t)n;
    *m = (struct model){.n = n, .dim = dim, .heads = heads, .slots = slots};
    struct glint_weights *w[] = {&m->pool.q, &m->pool.k, &m->pool.v, &m->pool.out};
    for (int i = 0; i < MATRICES; i++) {
        const float range = 2.0f / sqrtf((float)dim);
        m->matrix[i] = kernel_random(&seed, (int64_t)dim * dim, -range, range);
        m->bias[i] = kernel_random(&seed, dim, -0.5f, 0.5f);
        m->memory[i] = kernel_alloc(glint_weights_bytes(dim, dim));
        glint_weights_pack(w[i], m->memory[i], m->matrix[i], dim, NULL, m->bias[i], dim, dim);
    }
    make_members(m, &seed);
    for (int i = 0; i < 2; i++)
        m->norm[i] = kernel_random(&seed, dim, 0.2f, 1.5f);
    m->embedding = kernel_random(&seed, (int64_t)slots * dim, -1, 1);
    m->empty = kernel_random(&seed, (int64_t)slots * dim, -1, 1);
    m->in = kernel_random(&seed, (int64_t)(m->n_in + 1) * dim, -1.5f,
                          0.5f); /* maxima that are often below zero */
    m->out = kernel_random(&seed, (int64_t)n * dim, -1, 1);
    m->pool.dim = dim;
    m->pool.heads = heads;
    m->pool.n_slots = slots;
    m->pool.norm = (struct glint_norm_weights){m->norm[0], m->norm[1]};
    m->pool.norm_eps = 1e-5f;
    m->pool.slots = m->embedding;
    m->pool.empty_key = m->empty;
    m->rows = (struct glint_set_pool_rows){n, m->in, m->start, m->member, m->slot, m->out};
}

static void model_close(struct model *m)
{
    void *const blocks[] = {m->norm[0], m->norm[1], m->embedding, m->empty, m->in,
                            m->out,     m->start,   m->member,    m->slot};
    for (int i = 0; i < MATRICES; i++) {
        free(m->matrix[i]);
        free(m->bias[i]);
        free(m->memory[i]);
    }
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        free(blocks[i]);
}

static void linear(const struct model *m, int part, const double *in, double *out)
{
    for (int32_t o = 0; o < m->dim; o++) {
        out[o] = m->bias[part][o];
        for (int32_t j = 0; j < m->dim; j++)
            out[o] += in[j] * (double)m->matrix[part][o * m->dim + j];
    }
}

/* The rows of a cell's places, zeros where there is no member. */
static void places(const struct model *m, int32_t c, double (*s)[64])
{
    memset(s, 0, (size_t)m->slots * sizeof *s);
    for (int32_t i = m->start[c]; i < m->start[c + 1]; i++)
        for (int32_t j = 0; j < m->dim; j++)
            s[m->slot[i]][j] = m->in[m->member[i] * m->dim + j];
}

static void cell(const struct model *m, int32_t c, double *out)
{
    double s[8][64], sum[64], k[8][64], v[8][64], query[64], q[64], o[64] = {0}, mean = 0, variance = 0;
    const int32_t d = m->dim / m->heads;
    places(m, c, s);
    for (int32_t j = 0; j < m->dim; j++) {
        query[j] = s[0][j];
        for (int32_t p = 1; p < m->slots; p++)
            query[j] = s[p][j] > query[j] ? s[p][j] : query[j];
    }
    linear(m, Q, query, q);
    for (int32_t p = 0; p < m->slots; p++) {
        for (int32_t j = 0; j < m->dim; j++)
            sum[j] = s[p][j] + (double)m->embedding[p * m->dim + j];
        linear(m, K, sum, k[p]);
        linear(m, V, s[p], v[p]);
    }
    for (int32_t first = 0; first < m->dim; first += d) {
        double weight[8], total = 0;
        for (int32_t p = 0; p < m->slots; p++) {
            double score = 0;
            for (int32_t j = first; j < first + d; j++)
                score += q[j] * k[p][j];
            total += weight[p] = exp(score / sqrt((double)d));
        }
        for (int32_t p = 0; p < m->slots; p++)
            for (int32_t j = first; j < first + d; j++)
                o[j] += weight[p] / total * v[p][j];
    }
    linear(m, OUT, o, out);
    for (int32_t j = 0; j < m->dim; j++)
        mean += (out[j] += query[j]) / m->dim;
    for (int32_t j = 0; j < m->dim; j++)
        variance += (out[j] - mean) * (out[j] - mean) / m->dim;
    for (int32_t j = 0; j < m->dim; j++)
        out[j] = (out[j] - mean) / sqrt(variance + 1e-5) * (double)m->norm[0][j] + (double)m->norm[1][j];
}

static void check(struct glint_exec *x, int32_t n, int32_t dim, int32_t heads, int32_t slots)
{
    struct model m;
    model_open(&m, n, dim, heads, slots);
    double *want = kernel_alloc((size_t)n * (size_t)dim * sizeof *want);
    glint_set_pool_ready(x, &m.pool, m.empty);
    assert_int_equal(glint_set_pool(x, &m.pool, &m.rows), GLINT_OK);
    for (int32_t c = 0; c < n; c++)
        cell(&m, c, want + (int64_t)c * dim);
    kernel_assert_error(m.out, want, (int64_t)n * dim, 1e-6);
    free(want);
    model_close(&m);
}

static void shapes_of(struct glint_exec *x)
{
    check(x, 1, 16, 2, 4);
    check(x, 130, 64, 8, 4);
    check(x, 60, 40, 8, 2);
    check(x, 33, 24, 3, 8);
    check(x, 20, 8, 8, 1);
}

static void as_defined(void **state)
{
    (void)state;
    kernel_each_exec(shapes_of);
}

static void nothing_and_what_does_not_fit(void **state)
{
    (void)state;
    struct glint_exec x;
    struct model m;
    assert_int_equal(glint_exec_init(&x, 0, 1, 1 << 12), 0);
    model_open(&m, 10, 64, 8, 4);
    assert_int_equal(glint_set_pool(&x, &m.pool, &m.rows), GLINT_E_CAPACITY);
    m.pool.n_slots = 3;
    assert_int_equal(glint_set_pool(&x, &m.pool, &m.rows), GLINT_E_ARG);
    glint_exec_fini(&x);
    assert_int_equal(glint_exec_init(&x, 0, 1, 1 << 20), 0);
    m.rows.n = 0;
    assert_int_equal(glint_set_pool(&x, &m.pool, &m.rows), GLINT_OK);
    model_close(&m);
    glint_exec_fini(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_defined),
        cmocka_unit_test(nothing_and_what_does_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
