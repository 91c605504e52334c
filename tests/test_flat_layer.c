/* tests/test_flat_layer.c - the layer against its definition in double: golden README 3.4, one token at a
 * time. */
#include "tests/kernels.h"
#include "attention/flat_layer.h"

struct shape {
    int32_t n, dim, heads, ffn, group;
    enum glint_short_group short_group;
};

#define PARTS 5
struct model {
    struct shape s;
    float *matrix[PARTS], *bias[PARTS]; /* qk, v, out, fc1, fc2 as [out, in] */
    int32_t k[PARTS], n_out[PARTS];
    void *memory[PARTS];
    float *norm[4];
    struct glint_flat_layer layer;
    float *in, *pe, *out, *attn;
    double *want, *want_attn;
    int32_t *perm;
};

static void model_open(struct model *m, struct shape s)
{
    uint64_t seed = 0x1234567 + (uint64_t)(s.n * 31 + s.dim * 7 + s.group);
    const int32_t k[PARTS] = {s.dim, s.dim, s.dim, s.dim, s.ffn};
    const int32_t n_out[PARTS] = {2 * s.dim, s.dim, s.dim, s.ffn, s.dim};
    m->s = s;
    m->layer = (struct glint_flat_layer){s.dim,   s.heads,           s.ffn,
                                         s.group, .norm_eps = 1e-5f, .short_group = s.short_group};
    struct glint_weights *w[PARTS] = {&m->layer.qk, &m->layer.v, &m->layer.out, &m->layer.fc1, &m->layer.fc2};
    for (int i = 0; i < PARTS; i++) {
        const float range = 2.0f / sqrtf((float)k[i]);
        m->k[i] = k[i];
        m->n_out[i] = n_out[i];
        m->matrix[i] = kernel_random(&seed, (int64_t)k[i] * n_out[i], -range, range);
        m->bias[i] = kernel_random(&seed, n_out[i], -0.3f, 0.3f);
        m->memory[i] = kernel_alloc(glint_weights_bytes(k[i], n_out[i]));
        glint_weights_pack(w[i], m->memory[i], m->matrix[i], k[i], NULL, m->bias[i], k[i], n_out[i]);
    }
    for (int i = 0; i < 4; i++)
        m->norm[i] = kernel_random(&seed, s.dim, 0.2f, 1.5f);
    m->layer.norm1_weight = m->norm[0];
    m->layer.norm1_bias = m->norm[1];
    m->layer.norm2_weight = m->norm[2];
    m->layer.norm2_bias = m->norm[3];
    const int64_t padded = (int64_t)(s.n + s.group - 1) / s.group * s.group;
    m->in = kernel_random(&seed, (int64_t)s.n * s.dim, -1.5f, 1.5f);
    m->pe = kernel_random(&seed, (int64_t)s.n * s.dim, -1, 1);
    m->out = kernel_random(&seed, (int64_t)s.n * s.dim, -1, 1);
    m->attn = kernel_random(&seed, padded * s.dim, -1, 1);
    m->want = kernel_alloc((size_t)s.n * (size_t)s.dim * sizeof(double));
    m->want_attn = kernel_alloc((size_t)padded * (size_t)s.dim * sizeof(double));
    m->perm = kernel_alloc((size_t)s.n * sizeof(int32_t));
    for (int32_t i = 0; i < s.n; i++)
        m->perm[i] = i;
    for (int32_t i = s.n - 1; i > 0; i--) {
        const int32_t j = (int32_t)(glint_test_random(&seed) % (uint64_t)(i + 1)), t = m->perm[i];
        m->perm[i] = m->perm[j];
        m->perm[j] = t;
    }
}

static void model_close(struct model *m)
{
    for (int i = 0; i < PARTS; i++) {
        free(m->matrix[i]);
        free(m->bias[i]);
        free(m->memory[i]);
    }
    for (int i = 0; i < 4; i++)
        free(m->norm[i]);
    free(m->in);
    free(m->pe);
    free(m->out);
    free(m->attn);
    free(m->want);
    free(m->want_attn);
    free(m->perm);
}

static double linear_at(const struct model *m, int part, const double *in, int32_t o)
{
    double sum = m->bias[part][o];
    for (int32_t j = 0; j < m->k[part]; j++)
        sum += in[j] * (double)m->matrix[part][o * m->k[part] + j];
    return sum;
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

/* Features, queries, keys and values of a token: dim each, one after another. */
static void project(const struct model *m, int32_t token, double *out)
{
    const int32_t dim = m->s.dim;
    double *sum = kernel_alloc((size_t)dim * sizeof *sum);
    for (int32_t j = 0; j < dim; j++) {
        out[j] = m->in[token * dim + j];
        sum[j] = (double)m->in[token * dim + j] + (double)m->pe[token * dim + j];
    }
    for (int32_t o = 0; o < 2 * dim; o++)
        out[dim + o] = linear_at(m, 0, sum, o);
    for (int32_t o = 0; o < dim; o++)
        out[3 * dim + o] = linear_at(m, 1, out, o);
    free(sum);
}

static void attend(const struct model *m, const double *group, int32_t n, int32_t i, double *out)
{
    const int32_t dim = m->s.dim, head = dim / m->s.heads;
    double *p = kernel_alloc((size_t)n * sizeof *p), *o = kernel_alloc((size_t)dim * sizeof *o);
    for (int32_t first = 0; first < dim; first += head) {
        double total = 0;
        for (int32_t t = 0; t < n; t++) {
            double s = 0;
            for (int32_t j = first; j < first + head; j++)
                s += group[i * 4 * dim + dim + j] * group[t * 4 * dim + 2 * dim + j];
            total += p[t] = exp(s / sqrt((double)head));
        }
        for (int32_t j = first; j < first + head; j++) {
            o[j] = 0;
            for (int32_t t = 0; t < n; t++)
                o[j] += p[t] / total * group[t * 4 * dim + 3 * dim + j];
        }
    }
    for (int32_t j = 0; j < dim; j++)
        out[j] = linear_at(m, 2, o, j);
    free(p);
    free(o);
}

static void rest(const struct model *m, double *v)
{
    const int32_t dim = m->s.dim;
    double *hidden = kernel_alloc((size_t)m->s.ffn * sizeof *hidden),
           *y = kernel_alloc((size_t)dim * sizeof *y);
    norm(v, dim, m->norm[0], m->norm[1]);
    for (int32_t o = 0; o < m->s.ffn; o++)
        hidden[o] = kernel_gelu(linear_at(m, 3, v, o));
    for (int32_t o = 0; o < dim; o++)
        y[o] = v[o] + linear_at(m, 4, hidden, o);
    norm(y, dim, m->norm[2], m->norm[3]);
    memcpy(v, y, (size_t)dim * sizeof *v);
    free(hidden);
    free(y);
}

/* One group: `tokens` in padded order, results of the first `fresh`. */
static void want_group(struct model *m, int32_t first, const int32_t *tokens, int32_t n, int32_t fresh)
{
    const int32_t dim = m->s.dim;
    double *group = kernel_alloc((size_t)(n * 4 * dim) * sizeof *group);
    double *v = kernel_alloc((size_t)dim * sizeof *v);
    for (int32_t i = 0; i < n; i++)
        project(m, tokens[i], group + i * 4 * dim);
    for (int32_t i = 0; i < n; i++) {
        attend(m, group, n, i, v);
        memcpy(m->want_attn + (int64_t)(first + i) * dim, v, (size_t)dim * sizeof *v);
        for (int32_t j = 0; j < dim; j++)
            v[j] += group[i * 4 * dim + j];
        rest(m, v);
        if (i < fresh)
            memcpy(m->want + (int64_t)tokens[i] * dim, v, (size_t)dim * sizeof *v);
    }
    free(group);
    free(v);
}

static void want_layer(struct model *m)
{
    const int32_t n = m->s.n, g = m->s.group;
    int32_t *tokens = kernel_alloc((size_t)g * sizeof *tokens);
    for (int32_t first = 0; first < n; first += g) {
        const int32_t fresh = n - first < g ? n - first : g;
        int32_t count = g;
        for (int32_t i = 0; i < g; i++) {
            if (i < fresh)
                tokens[i] = m->perm[first + i];
            else if (n >= g) /* the tokens before the new ones: sorted n - g .. */
                tokens[i] = m->perm[n - g + i - fresh];
            else if (m->s.short_group == GLINT_SHORT_GROUP_WRAP)
                tokens[i] = m->perm[i % n];
            else
                count = n;
        }
        want_group(m, first, tokens, count, fresh);
    }
    free(tokens);
}

static void check(struct glint_exec *x, struct model *m)
{
    const struct shape s = m->s;
    const int64_t rows = s.n < s.group && s.short_group == GLINT_SHORT_GROUP_SINGLE
                             ? s.n
                             : (int64_t)(s.n + s.group - 1) / s.group * s.group;
    assert_int_equal(glint_flat_layer(x, &m->layer, m->in, m->pe, m->perm, s.n, m->out, m->attn), 0);
    kernel_assert_error(m->out, m->want, (int64_t)s.n * s.dim, 1e-6);
    kernel_assert_error(m->attn, m->want_attn, rows * s.dim, 1e-6);
    float *untapped = kernel_alloc((size_t)s.n * (size_t)s.dim * sizeof *untapped);
    assert_int_equal(glint_flat_layer(x, &m->layer, m->in, m->pe, m->perm, s.n, untapped, NULL), 0);
    assert_memory_equal(untapped, m->out, (size_t)s.n * (size_t)s.dim * sizeof *untapped);
    free(untapped);
}

static const struct shape shapes[] = {
    {144, 128, 8, 256, 144, GLINT_SHORT_GROUP_SINGLE}, /* exactly one group */
    {145, 64, 4, 128, 144, GLINT_SHORT_GROUP_SINGLE},  /* one new token in the last */
    {127, 64, 4, 128, 64, GLINT_SHORT_GROUP_SINGLE},   /* two groups less one */
    {200, 64, 2, 128, 64, GLINT_SHORT_GROUP_SINGLE},   /* heads of 32 */
    {37, 64, 4, 96, 64, GLINT_SHORT_GROUP_SINGLE},     /* fewer than a group */
    {37, 64, 4, 96, 64, GLINT_SHORT_GROUP_WRAP},       /* the same, repeated */
    {1, 32, 2, 40, 9, GLINT_SHORT_GROUP_SINGLE},       /* a single token */
    {1, 32, 2, 40, 9, GLINT_SHORT_GROUP_WRAP},
    {53, 30, 5, 33, 7, GLINT_SHORT_GROUP_SINGLE}, /* nothing is a multiple of a vector */
    {20, 96, 2, 50, 13, GLINT_SHORT_GROUP_WRAP},  /* heads of 48 */
    {11, 70, 1, 20, 4, GLINT_SHORT_GROUP_SINGLE}, /* one head of 70 */
    {5, 8, 8, 8, 1, GLINT_SHORT_GROUP_SINGLE},    /* groups of one, heads of one */
};

static struct model *models; /* one per shape, with results in double */

static int setup(void **state)
{
    (void)state;
    models = calloc(sizeof shapes / sizeof shapes[0], sizeof *models);
    for (size_t i = 0; models && i < sizeof shapes / sizeof shapes[0]; i++) {
        model_open(&models[i], shapes[i]);
        want_layer(&models[i]);
    }
    return models ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        model_close(&models[i]);
    free(models);
    return 0;
}

static void shapes_of(struct glint_exec *x)
{
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        check(x, &models[i]);
}

static void every_shape(void **state)
{
    (void)state;
    kernel_each_exec(shapes_of);
}

static void no_tokens_is_fine(void **state)
{
    (void)state;
    struct glint_exec x;
    assert_int_equal(glint_exec_init(&x, glint_cpu_isa(), 1, (size_t)4 << 20), 0);
    assert_int_equal(glint_flat_layer(&x, &models[0].layer, NULL, NULL, NULL, 0, NULL, NULL), 0);
    glint_exec_fini(&x);
}

static void refuses_what_does_not_fit(void **state)
{
    (void)state;
    struct glint_exec x;
    assert_int_equal(glint_exec_init(&x, 0, 1, 1024), 0);
    const struct model *m = &models[0];
    assert_int_equal(glint_flat_layer(&x, &m->layer, m->in, m->pe, m->perm, m->s.n, m->out, NULL),
                     GLINT_E_CAPACITY);
    struct glint_flat_layer odd = m->layer;
    odd.heads = 7;
    assert_int_equal(glint_flat_layer(&x, &odd, m->in, m->pe, m->perm, m->s.n, m->out, NULL), GLINT_E_ARG);
    glint_exec_fini(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_shape),
        cmocka_unit_test(no_tokens_is_fine),
        cmocka_unit_test(refuses_what_does_not_fit),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
