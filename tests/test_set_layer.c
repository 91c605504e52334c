/* tests/test_set_layer.c - a layer over sets against its definition in double, one row at a time. */
#include "tests/kernels.h"
#include "attention/set_layer.h"

#define PLACES 12

struct shape {
    int32_t n, dim, heads, ffn, largest;
    int norms; /* 2: SST, 3: DSVT's layers, 4: the last of a block */
    enum glint_act act;
    bool cosine;
};

enum { QK, V, OUT, FC1, FC2, MATRICES };

struct model {
    struct shape s;
    float *matrix[MATRICES], *bias[MATRICES], *norm[8];
    void *memory[MATRICES];
    float temperature[8];
    float *position, *in, *residual, *out, *attended, *inner;
    int32_t *place, *order, *start;
    struct glint_set_layer layer;
    struct glint_set_rows rows;
};

static void make_weights(struct model *m, uint64_t *seed)
{
    const struct shape *s = &m->s;
    const int32_t k[] = {s->dim, s->dim, s->dim, s->dim, s->ffn};
    const int32_t n[] = {2 * s->dim, s->dim, s->dim, s->ffn, s->dim};
    struct glint_weights *w[] = {&m->layer.qk, &m->layer.v, &m->layer.out, &m->layer.fc1, &m->layer.fc2};
    struct glint_norm_weights *norm[] = {&m->layer.norm1, &m->layer.norm2, &m->layer.outer, &m->layer.last};
    for (int i = 0; i < MATRICES; i++) {
        const float range = 2.0f / sqrtf((float)k[i]);
        m->matrix[i] = kernel_random(seed, (int64_t)k[i] * n[i], -range, range);
        m->bias[i] = kernel_random(seed, n[i], -0.3f, 0.3f);
        m->memory[i] = kernel_alloc(glint_weights_bytes(k[i], n[i]));
        glint_weights_pack(w[i], m->memory[i], m->matrix[i], k[i], NULL, m->bias[i], k[i], n[i]);
    }
    for (int i = 0; i < 8; i++)
        m->norm[i] = kernel_random(seed, s->dim, 0.2f, 1.5f);
    for (int i = 0; i < s->norms; i++)
        *norm[i] = (struct glint_norm_weights){m->norm[2 * i], m->norm[2 * i + 1]};
}

/* Sets of 1 .. largest rows in an order that is not the rows'. */
static void make_sets(struct model *m, uint64_t *seed)
{
    const int32_t n = m->s.n;
    m->place = kernel_alloc((size_t)n * sizeof(int32_t));
    m->order = kernel_alloc((size_t)n * sizeof(int32_t));
    m->start = kernel_alloc(((size_t)n + 1) * sizeof(int32_t));
    for (int32_t i = 0; i < n; i++) {
        const int32_t j = (int32_t)(glint_test_random(seed) % (uint64_t)(i + 1));
        m->place[i] = (int32_t)(glint_test_random(seed) % PLACES);
        m->order[i] = m->order[j];
        m->order[j] = i;
    }
    m->rows.n_sets = 0;
    for (int32_t at = 0; at < n;) {
        m->start[m->rows.n_sets++] = at;
        at += m->rows.n_sets == 1 ? m->s.largest
                                  : 1 + (int32_t)(glint_test_random(seed) % (uint64_t)m->s.largest);
    }
    m->start[m->rows.n_sets] = n;
}

static void model_open(struct model *m, struct shape s)
{
    uint64_t seed = 0x1234567 + (uint64_t)(s.n * 31 + s.dim * 7 + s.largest);
    *m = (struct model){.s = s};
    m->layer = (struct glint_set_layer){
        .dim = s.dim, .heads = s.heads, .ffn = s.ffn, .largest = s.largest, .act = s.act, .norm_eps = 1e-5f};
    make_weights(m, &seed);
    make_sets(m, &seed);
    m->layer.position = m->position = kernel_random(&seed, PLACES * s.dim, -1, 1);
    m->in = kernel_random(&seed, (int64_t)s.n * s.dim, -1.5f, 1.5f);
    m->residual = kernel_random(&seed, (int64_t)s.n * s.dim, -1.5f, 1.5f);
    m->out = kernel_random(&seed, (int64_t)s.n * s.dim, -1, 1);
    m->attended = kernel_random(&seed, (int64_t)s.n * s.dim, -1, 1);
    m->inner = kernel_random(&seed, (int64_t)s.n * s.dim, -1, 1);
    for (int32_t h = 0; h < s.heads; h++)
        m->temperature[h] = 0.1f + 0.2f * (float)h;
    m->layer.temperature = s.cosine ? m->temperature : NULL;
    m->rows.n = s.n;
    m->rows.in = m->in;
    m->rows.place = m->place;
    m->rows.order = m->order;
    m->rows.start = m->start;
    m->rows.residual = m->residual;
    m->rows.out = m->out;
    m->rows.attended = m->attended;
    m->rows.inner = s.norms > 2 ? m->inner : NULL;
}

static void model_close(struct model *m)
{
    void *const blocks[] = {m->position, m->in,    m->residual, m->out,  m->attended,
                            m->inner,    m->place, m->order,    m->start};
    for (int i = 0; i < MATRICES; i++) {
        free(m->matrix[i]);
        free(m->bias[i]);
        free(m->memory[i]);
    }
    for (int i = 0; i < 8; i++)
        free(m->norm[i]);
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        free(blocks[i]);
}

/* The definition */

static void linear(const struct model *m, int part, int32_t first, int32_t n, int32_t k, const double *in,
                   double *out)
{
    for (int32_t o = 0; o < n; o++) {
        out[o] = m->bias[part][first + o];
        for (int32_t j = 0; j < k; j++)
            out[o] += in[j] * (double)m->matrix[part][(int64_t)(first + o) * k + j];
    }
}

static void norm(double *v, int32_t n, const float *weight, const float *bias)
{
    double mean = 0, variance = 0;
    for (int32_t i = 0; i < n; i++)
        mean += v[i] / n;
    for (int32_t i = 0; i < n; i++)
        variance += (v[i] - mean) * (v[i] - mean) / n;
    for (int32_t i = 0; i < n; i++)
        v[i] = (v[i] - mean) / sqrt(variance + 1e-5) * (double)weight[i] + (double)bias[i];
}

/* q, k, v of a row, dim each. */
static void project(const struct model *m, int32_t row, double *out)
{
    const int32_t dim = m->s.dim;
    double x[256], sum[256];
    for (int32_t j = 0; j < dim; j++) {
        x[j] = m->in[row * dim + j];
        sum[j] = x[j] + (double)m->position[m->place[row] * dim + j];
    }
    linear(m, QK, 0, 2 * dim, dim, sum, out);
    linear(m, V, 0, dim, dim, x, out + 2 * dim);
}

/* Row i of n projected ones. */
static double length(const double *v, int32_t n)
{
    double sum = 0;
    for (int32_t j = 0; j < n; j++)
        sum += v[j] * v[j];
    return sqrt(sum);
}

static void attend(const struct model *m, const double *set, int32_t n, int32_t i, double *out)
{
    const int32_t dim = m->s.dim, d = dim / m->s.heads;
    double p[256], o[256];
    for (int32_t first = 0; first < dim; first += d) {
        double total = 0;
        for (int32_t t = 0; t < n; t++) {
            double s = 0;
            for (int32_t j = first; j < first + d; j++)
                s += set[(int64_t)i * 3 * dim + j] * set[(int64_t)t * 3 * dim + dim + j];
            const double *q = set + (int64_t)i * 3 * dim + first,
                         *k = set + (int64_t)t * 3 * dim + dim + first;
            const double factor = m->s.cosine
                                      ? 1 / (length(q, d) * length(k, d) * (double)m->temperature[first / d])
                                      : 1 / sqrt((double)d);
            total += p[t] = exp(s * factor);
        }
        for (int32_t j = first; j < first + d; j++) {
            o[j] = 0;
            for (int32_t t = 0; t < n; t++)
                o[j] += p[t] / total * set[(int64_t)t * 3 * dim + 2 * dim + j];
        }
    }
    linear(m, OUT, 0, dim, dim, o, out);
}

static void finish(const struct model *m, int32_t row, const double *a, double *inner, double *out)
{
    const int32_t dim = m->s.dim;
    double y[256], hidden[512];
    for (int32_t j = 0; j < dim; j++)
        y[j] = (double)m->in[row * dim + j] + a[j];
    norm(y, dim, m->norm[0], m->norm[1]);
    linear(m, FC1, 0, m->s.ffn, dim, y, hidden);
    for (int32_t j = 0; j < m->s.ffn; j++)
        hidden[j] = m->s.act == GLINT_ACT_GELU ? kernel_gelu(hidden[j]) : hidden[j] > 0 ? hidden[j] : 0;
    linear(m, FC2, 0, dim, m->s.ffn, hidden, out);
    for (int32_t j = 0; j < dim; j++)
        out[j] += y[j];
    norm(out, dim, m->norm[2], m->norm[3]);
    memcpy(inner, out, (size_t)dim * sizeof *out);
    for (int32_t j = 0; m->s.norms > 2 && j < dim; j++)
        out[j] += (double)m->in[row * dim + j];
    if (m->s.norms > 2)
        norm(out, dim, m->norm[4], m->norm[5]);
    for (int32_t j = 0; m->s.norms > 3 && j < dim; j++)
        out[j] += (double)m->residual[row * dim + j];
    if (m->s.norms > 3)
        norm(out, dim, m->norm[6], m->norm[7]);
}

static void check(struct glint_exec *x, struct shape s)
{
    struct model m;
    model_open(&m, s);
    const size_t size = (size_t)s.n * (size_t)s.dim * sizeof(double);
    double *set = kernel_alloc((size_t)s.largest * 3 * (size_t)s.dim * sizeof(double));
    double *attended = kernel_alloc(size), *inner = kernel_alloc(size), *want = kernel_alloc(size);
    assert_int_equal(glint_set_layer(x, &m.layer, &m.rows), GLINT_OK);
    for (int32_t k = 0; k < m.rows.n_sets; k++) {
        const int32_t first = m.start[k], n = m.start[k + 1] - first;
        for (int32_t i = 0; i < n; i++)
            project(&m, m.order[first + i], set + (int64_t)i * 3 * s.dim);
        for (int32_t i = 0; i < n; i++) {
            const int64_t at = (int64_t)m.order[first + i] * s.dim;
            attend(&m, set, n, i, attended + at);
            finish(&m, m.order[first + i], attended + at, inner + at, want + at);
        }
    }
    kernel_assert_error(m.attended, attended, (int64_t)s.n * s.dim, 1e-6);
    kernel_assert_error(m.out, want, (int64_t)s.n * s.dim, 1e-6);
    if (s.norms > 2)
        kernel_assert_error(m.inner, inner, (int64_t)s.n * s.dim, 1e-6);
    free(set);
    free(attended);
    free(inner);
    free(want);
    model_close(&m);
}

static void shapes_of(struct glint_exec *x)
{
    static const struct shape shapes[] = {
        {1, 16, 2, 24, 1, 3, GLINT_ACT_GELU, false},     {2, 12, 3, 10, 2, 4, GLINT_ACT_GELU, false},
        {40, 64, 4, 96, 18, 3, GLINT_ACT_GELU, false},   {250, 64, 4, 96, 24, 4, GLINT_ACT_GELU, false},
        {230, 32, 8, 64, 130, 2, GLINT_ACT_RELU, false}, {150, 48, 3, 40, 20, 2, GLINT_ACT_GELU, true},
        {300, 48, 2, 40, 7, 2, GLINT_ACT_GELU, false},
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        check(x, shapes[i]);
}

static void as_defined(void **state)
{
    (void)state;
    kernel_each_exec(shapes_of);
}

/* A row does not see how sets are dealt to pieces: alone it is the same. */
static void a_set_alone_is_the_same(void **state)
{
    (void)state;
    struct glint_exec x;
    struct model m;
    assert_int_equal(glint_exec_init(&x, glint_cpu_isa(), 1, (size_t)8 << 20), 0);
    model_open(&m, (struct shape){300, 64, 4, 96, 20, 3, GLINT_ACT_GELU, false});
    assert_int_equal(glint_set_layer(&x, &m.layer, &m.rows), GLINT_OK);
    float *whole = kernel_alloc(300 * 64 * sizeof(float));
    memcpy(whole, m.out, 300 * 64 * sizeof(float));
    memset(m.out, 0, 300 * 64 * sizeof(float));
    for (int32_t k = 0; k < m.rows.n_sets; k++) {
        const int32_t start[] = {0, m.start[k + 1] - m.start[k]};
        struct glint_set_rows one = m.rows;
        one.n = start[1];
        one.n_sets = 1;
        one.start = start;
        one.order = m.order + m.start[k];
        assert_int_equal(glint_set_layer(&x, &m.layer, &one), GLINT_OK);
    }
    assert_memory_equal(m.out, whole, 300 * 64 * sizeof(float));
    free(whole);
    model_close(&m);
    glint_exec_fini(&x);
}

static void nothing_and_what_does_not_fit(void **state)
{
    (void)state;
    struct glint_exec x;
    struct model m;
    assert_int_equal(glint_exec_init(&x, 0, 1, 1 << 16), 0);
    model_open(&m, (struct shape){30, 64, 4, 96, 20, 3, GLINT_ACT_GELU, false});
    assert_int_equal(glint_set_layer(&x, &m.layer, &m.rows), GLINT_E_CAPACITY);
    glint_exec_fini(&x);
    assert_int_equal(glint_exec_init(&x, 0, 1, (size_t)8 << 20), 0);
    m.layer.largest = 19;
    assert_int_equal(glint_set_layer(&x, &m.layer, &m.rows), GLINT_E_ARG);
    m.rows.n = m.rows.n_sets = 0;
    assert_int_equal(glint_set_layer(&x, &m.layer, &m.rows), GLINT_OK);
    model_close(&m);
    glint_exec_fini(&x);
}

/* 3 x 2 places, no third coordinate: Linear of (x - 1.5, y - 1), ReLU, Linear. */
static void positions_of(struct glint_exec *x)
{
    uint64_t seed = 9;
    float *a = kernel_random(&seed, 2 * 5, -1, 1), *b = kernel_random(&seed, 5 * 7, -1, 1), out[6 * 7];
    void *memory[] = {kernel_alloc(glint_weights_bytes(2, 5)), kernel_alloc(glint_weights_bytes(5, 7))};
    struct glint_weights first, second;
    double want[6 * 7];
    glint_weights_pack(&first, memory[0], a, 2, NULL, a, 2, 5);
    glint_weights_pack(&second, memory[1], b, 5, NULL, b, 5, 7);
    assert_int_equal(glint_set_positions(x, &first, &second, (const int32_t[]){3, 2, 1}, out), GLINT_OK);
    for (int32_t i = 0; i < 6; i++)
        for (int32_t o = 0; o < 7; o++) {
            want[7 * i + o] = b[o];
            for (int32_t h = 0; h < 5; h++) {
                const double v = a[h] + (i % 3 - 1.5) * a[2 * h] + (i / 3 - 1.0) * a[2 * h + 1];
                want[7 * i + o] += v > 0 ? v * (double)b[5 * o + h] : 0;
            }
        }
    kernel_assert_error(out, want, 6 * 7, 1e-6);
    free(a);
    free(b);
    free(memory[0]);
    free(memory[1]);
}

/* Place (2, 1) of 3 x 2, base 100, 4 values an axis: x = 0.5 at the frequencies 1, 1, 10, 10, y = 0. */
static void sines(void **state)
{
    (void)state;
    float out[6 * 9];
    glint_set_sines((const int32_t[]){3, 2, 1}, 9, 100, out);
    const double want[] = {sin(0.5), cos(0.5), sin(0.05), cos(0.05), 0, 1, 0, 1, 0};
    for (int j = 0; j < 9; j++)
        assert_near(out[5 * 9 + j], want[j], 1e-6);
    float deep[8 * 6];
    glint_set_sines((const int32_t[]){2, 2, 2}, 6, 100, deep);
    assert_near(deep[4 * 6 + 4], 0, 1e-6); /* z of place (0, 0, 1): 1 - 2 / 2 */
    assert_near(deep[0 * 6 + 4], sin(-1), 1e-6);
}

static void positions(void **state)
{
    (void)state;
    kernel_each_exec(positions_of);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_defined),
        cmocka_unit_test(a_set_alone_is_the_same),
        cmocka_unit_test(nothing_and_what_does_not_fit),
        cmocka_unit_test(positions),
        cmocka_unit_test(sines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
