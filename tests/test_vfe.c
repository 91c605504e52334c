/* tests/test_vfe.c - the voxel encoder against its definition in double: golden README 3.3. */
#include "tests/kernels.h"
#include "attention/vfe.h"

struct shape {
    int32_t n_layers, width[GLINT_VFE_LAYERS];
    int32_t n_voxels, most; /* points of a voxel: 1 .. most, at random */
    int32_t huge;           /* points of voxel 1 when not 0 */
};

struct model {
    struct shape s;
    struct glint_vfe vfe;
    float *matrix[GLINT_VFE_LAYERS],
        *bias[GLINT_VFE_LAYERS]; /* joined input: [out, point half, voxel half] */
    void *memory[2 * GLINT_VFE_LAYERS];
    struct glint_points points;
    int32_t n;
    int32_t *point, *start, *coord;
    double *in, *layer_point[GLINT_VFE_LAYERS], *layer_voxel[GLINT_VFE_LAYERS];
};

static const struct glint_vfe_column columns[] = {
    {GLINT_VFE_FIELD, GLINT_FIELD_X, 1},
    {GLINT_VFE_FIELD, GLINT_FIELD_Z, 0.5f},
    {GLINT_VFE_FIELD, GLINT_FIELD_INTENSITY, 1},
    {GLINT_VFE_FIELD, GLINT_FIELD_ELONGATION, 1},
    {GLINT_VFE_MEAN, 0, 4},
    {GLINT_VFE_MEAN, 1, 1},
    {GLINT_VFE_MEAN, 2, 1},
    {GLINT_VFE_CENTRE, 0, 5},
    {GLINT_VFE_CENTRE, 1, 1},
    {GLINT_VFE_CENTRE, 2, 1},
};
#define COLUMNS 10

static void open_points(struct model *m, uint64_t *seed)
{
    const struct shape s = m->s;
    m->start = kernel_alloc((size_t)(s.n_voxels + 1) * sizeof(int32_t));
    m->coord = kernel_alloc((size_t)s.n_voxels * 3 * sizeof(int32_t));
    m->start[0] = 0;
    for (int32_t v = 0; v < s.n_voxels; v++) {
        int32_t count = 1 + (int32_t)(glint_test_random(seed) % (uint64_t)s.most);
        if (v == 1 && s.huge)
            count = s.huge;
        m->start[v + 1] = m->start[v] + count;
        for (int a = 0; a < 3; a++)
            m->coord[3 * v + a] = (int32_t)(glint_test_random(seed) % 400);
    }
    m->n = m->start[s.n_voxels];
    m->point = kernel_alloc((size_t)m->n * sizeof(int32_t));
    m->points = (struct glint_points){.n = m->n, .cap = m->n};
    float **field[] = {&m->points.x, &m->points.y, &m->points.z, &m->points.intensity};
    for (int f = 0; f < 4; f++)
        *field[f] = kernel_random(seed, m->n, -2, 2);
    for (int32_t i = 0; i < m->n; i++)
        m->point[i] = (int32_t)(((int64_t)i * 7919 + 3) % m->n);
}

static void open_weights(struct model *m, uint64_t *seed)
{
    for (int32_t l = 0; l < m->s.n_layers; l++) {
        const int32_t below = l == 0 ? COLUMNS : m->s.width[l - 1], k = l == 0 ? below : 2 * below;
        const int32_t n = m->vfe.width[l] = m->s.width[l];
        const float range = 2.0f / sqrtf((float)k);
        m->matrix[l] = kernel_random(seed, (int64_t)k * n, -range, range);
        m->bias[l] = kernel_random(seed, n, -0.5f, 0.5f);
        m->memory[2 * l] = kernel_alloc(glint_weights_bytes(below, n));
        m->memory[2 * l + 1] = kernel_alloc(glint_weights_bytes(below, n));
        glint_weights_pack(&m->vfe.point[l], m->memory[2 * l], m->matrix[l], k, NULL, m->bias[l], below, n);
        if (l > 0)
            glint_weights_pack(&m->vfe.voxel[l], m->memory[2 * l + 1], m->matrix[l] + below, k, NULL, NULL,
                               below, n);
    }
}

static double decorated(const struct model *m, int32_t v, int32_t i, const struct glint_vfe_column *c)
{
    const float *field[] = {m->points.x, m->points.y, m->points.z, m->points.intensity, NULL};
    const float *f = field[c->index];
    double value = f ? f[m->point[i]] : 0.0, mean = 0;
    if (c->source == GLINT_VFE_CENTRE)
        value -= (double)m->coord[3 * v + c->index] * (double)m->vfe.cell[c->index] +
                 (double)m->vfe.centre_offset[c->index];
    if (c->source == GLINT_VFE_MEAN) {
        for (int32_t j = m->start[v]; j < m->start[v + 1]; j++)
            mean += (double)f[m->point[j]] / (m->start[v + 1] - m->start[v]);
        value -= mean;
    }
    return value * (double)c->scale;
}

static double point_value(const struct model *m, int32_t l, int32_t v, int32_t i, int32_t o)
{
    const int32_t below = l == 0 ? COLUMNS : m->s.width[l - 1], k = l == 0 ? below : 2 * below;
    const double *from = l == 0 ? m->in : m->layer_point[l - 1];
    double sum = m->bias[l][o];
    for (int32_t j = 0; j < below; j++)
        sum += from[(int64_t)i * below + j] * (double)m->matrix[l][o * k + j];
    for (int32_t j = 0; j < below && l > 0; j++)
        sum += m->layer_voxel[l - 1][(int64_t)v * below + j] * (double)m->matrix[l][o * k + below + j];
    return sum < 0 ? 0 : sum;
}

static void want_layers(struct model *m)
{
    m->in = kernel_alloc((size_t)m->n * COLUMNS * sizeof(double));
    for (int32_t v = 0; v < m->s.n_voxels; v++)
        for (int32_t i = m->start[v]; i < m->start[v + 1]; i++)
            for (int32_t c = 0; c < COLUMNS; c++)
                m->in[(int64_t)i * COLUMNS + c] = decorated(m, v, i, &columns[c]);
    for (int32_t l = 0; l < m->s.n_layers; l++) {
        const int32_t width = m->s.width[l];
        m->layer_point[l] = kernel_alloc((size_t)m->n * (size_t)width * sizeof(double));
        m->layer_voxel[l] = kernel_alloc((size_t)m->s.n_voxels * (size_t)width * sizeof(double));
        for (int32_t v = 0; v < m->s.n_voxels; v++)
            for (int32_t o = 0; o < width; o++) {
                double most = 0;
                for (int32_t i = m->start[v]; i < m->start[v + 1]; i++) {
                    const double value = m->layer_point[l][(int64_t)i * width + o] =
                        point_value(m, l, v, i, o);
                    most = value > most ? value : most;
                }
                m->layer_voxel[l][(int64_t)v * width + o] = most;
            }
    }
}

static void model_open(struct model *m, struct shape s)
{
    uint64_t seed = 0xabcdef + (uint64_t)s.n_voxels;
    *m = (struct model){.s = s};
    m->vfe = (struct glint_vfe){.n_columns = COLUMNS,
                                .cell = {0.32f, 0.32f, 6},
                                .centre_offset = {-74.72f, -74.72f, 1},
                                .n_layers = s.n_layers};
    memcpy(m->vfe.column, columns, sizeof columns);
    open_points(m, &seed);
    open_weights(m, &seed);
    want_layers(m);
}

static void model_close(struct model *m)
{
    for (int32_t l = 0; l < GLINT_VFE_LAYERS; l++) {
        free(m->matrix[l]);
        free(m->bias[l]);
        free(m->memory[2 * l]);
        free(m->memory[2 * l + 1]);
        free(m->layer_point[l]);
        free(m->layer_voxel[l]);
    }
    free(m->points.x);
    free(m->points.y);
    free(m->points.z);
    free(m->points.intensity);
    free(m->point);
    free(m->start);
    free(m->coord);
    free(m->in);
}

/* With all taps, and without any: the same bits. */
static void check(struct glint_exec *x, const struct model *m)
{
    const int32_t last = m->s.n_layers - 1;
    const int64_t voxel_values = (int64_t)m->s.n_voxels * m->s.width[last];
    float *plain = kernel_alloc((size_t)voxel_values * sizeof *plain);
    float *tapped = kernel_alloc((size_t)voxel_values * sizeof *tapped);
    struct glint_vfe_taps taps = {.in = kernel_alloc((size_t)m->n * COLUMNS * sizeof(float)),
                                  .mean = kernel_alloc((size_t)m->s.n_voxels * 3 * sizeof(float))};
    for (int32_t l = 0; l <= last; l++) {
        taps.layer_point[l] = kernel_alloc((size_t)m->n * (size_t)m->s.width[l] * sizeof(float));
        taps.layer_voxel[l] = kernel_alloc((size_t)m->s.n_voxels * (size_t)m->s.width[l] * sizeof(float));
    }
    assert_int_equal(
        glint_vfe(x, &m->vfe, &m->points, m->point, m->start, m->coord, m->s.n_voxels, plain, NULL), 0);
    assert_int_equal(
        glint_vfe(x, &m->vfe, &m->points, m->point, m->start, m->coord, m->s.n_voxels, tapped, &taps), 0);
    kernel_assert_error(tapped, m->layer_voxel[last], voxel_values, 1e-6);
    assert_memory_equal(plain, tapped, (size_t)voxel_values * sizeof *plain);
    assert_memory_equal(taps.layer_voxel[last], tapped, (size_t)voxel_values * sizeof *plain);
    kernel_assert_error(taps.in, m->in, (int64_t)m->n * COLUMNS, 1e-6);
    for (int32_t l = 0; l <= last; l++) {
        kernel_assert_error(taps.layer_point[l], m->layer_point[l], (int64_t)m->n * m->s.width[l], 1e-6);
        kernel_assert_error(taps.layer_voxel[l], m->layer_voxel[l], (int64_t)m->s.n_voxels * m->s.width[l],
                            1e-6);
        free(taps.layer_point[l]);
        free(taps.layer_voxel[l]);
    }
    for (int32_t v = 0; v < m->s.n_voxels; v++) { /* the mean of one point is that point */
        if (m->start[v + 1] == m->start[v] + 1)
            assert_true(taps.mean[3 * v + 2] == m->points.z[m->point[m->start[v]]]);
    }
    free(taps.in);
    free(taps.mean);
    free(plain);
    free(tapped);
}

static const struct shape shapes[] = {
    {2, {64, 128}, 150, 30, 0},     /* the Waymo configuration's widths */
    {2, {32, 64}, 70, 1, 0},        /* one point each */
    {2, {32, 64}, 3, 20, 2000},     /* a voxel of several chunks */
    {3, {16, 20, 9}, 66, 12, 1000}, /* three layers, odd widths */
    {1, {33}, 65, 40, 700},         /* one layer */
    {2, {8, 8}, 1, 1, 0},           /* one point in all */
};
#define SHAPES (sizeof shapes / sizeof shapes[0])

static struct model models[SHAPES];

static int setup(void **state)
{
    (void)state;
    for (size_t i = 0; i < SHAPES; i++)
        model_open(&models[i], shapes[i]);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (size_t i = 0; i < SHAPES; i++)
        model_close(&models[i]);
    return 0;
}

static void shapes_of(struct glint_exec *x)
{
    for (size_t i = 0; i < SHAPES; i++)
        check(x, &models[i]);
}

static void every_shape(void **state)
{
    (void)state;
    kernel_each_exec(shapes_of);
}

static void no_voxels_is_fine(void **state)
{
    (void)state;
    struct glint_exec x;
    const int32_t start[] = {0};
    assert_int_equal(glint_exec_init(&x, glint_cpu_isa(), 1, (size_t)4 << 20), 0);
    assert_int_equal(glint_vfe(&x, &models[0].vfe, &models[0].points, NULL, start, NULL, 0, NULL, NULL), 0);
    glint_exec_fini(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_shape),
        cmocka_unit_test(no_voxels_is_fine),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
