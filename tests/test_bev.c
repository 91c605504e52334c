/* tests/test_bev.c - maps, scatter, convolutions and upsampling against sums in double over [channel][y][x].
 */
#include "tests/kernels.h"
#include "model/bev.h"

struct image { /* the same values twice: a map, and planes */
    void *memory;
    struct glint_map map;
};

static void image_open(struct image *im, int32_t h, int32_t w, int32_t c)
{
    im->memory = kernel_alloc(glint_map_bytes(h, w, c));
    memset(im->memory, 0xff, glint_map_bytes(h, w, c)); /* NaN everywhere that nobody writes */
    glint_map_init(&im->map, im->memory, h, w, c);
}

static float *at(const struct glint_map *m, int64_t y, int64_t x)
{
    return m->data + y * m->pitch + x * m->ld;
}

static void fill(const struct glint_map *m, uint64_t *seed)
{
    for (int32_t y = 0; y < m->h; y++)
        for (int32_t x = 0; x < m->w; x++)
            for (int32_t c = 0; c < m->c; c++)
                at(m, y, x)[c] = glint_test_uniform(seed, -1, 1);
    glint_map_clear_border(m);
}

/* Every value of the map against want[y][x][c]. */
static void check_map(const struct glint_map *m, const double *want, double bound)
{
    float *got = kernel_alloc((size_t)m->h * (size_t)m->w * (size_t)m->c * sizeof *got);
    for (int32_t y = 0; y < m->h; y++)
        for (int32_t x = 0; x < m->w; x++)
            memcpy(got + ((int64_t)y * m->w + x) * m->c, at(m, y, x), (size_t)m->c * sizeof *got);
    kernel_assert_error(got, want, (int64_t)m->h * m->w * m->c, bound);
    free(got);
}

struct conv_case {
    int32_t h, w, c_in, c_out, stride;
    bool in_slice, out_slice, residual;
    enum glint_act act;
};

static double conv_at(const struct glint_map *in, const float *weight, int32_t stride, int32_t o, int32_t y,
                      int32_t x)
{
    double sum = 0.0;
    for (int32_t i = 0; i < in->c; i++)
        for (int32_t ky = 0; ky < 3; ky++)
            for (int32_t kx = 0; kx < 3; kx++) {
                const int32_t sy = y * stride + ky - 1, sx = x * stride + kx - 1;
                if (sy >= 0 && sy < in->h && sx >= 0 && sx < in->w)
                    sum += (double)at(in, sy, sx)[i] * (double)weight[((o * in->c + i) * 3 + ky) * 3 + kx];
            }
    return sum;
}

static void conv_case(struct glint_exec *x, const struct conv_case *t)
{
    uint64_t seed = 77;
    const int32_t oh = (t->h - 1) / t->stride + 1, ow = (t->w - 1) / t->stride + 1, k = 9 * t->c_in;
    struct image in, out, residual;
    image_open(&in, t->h, t->w, t->c_in * (t->in_slice ? 2 : 1));
    image_open(&out, oh, ow, t->c_out * (t->out_slice ? 2 : 1));
    image_open(&residual, oh, ow, t->c_out);
    const struct glint_map from = glint_map_slice(&in.map, t->in_slice ? t->c_in : 0, t->c_in);
    const struct glint_map to = glint_map_slice(&out.map, 0, t->c_out);
    fill(&from, &seed);
    fill(&residual.map, &seed);
    float *weight = kernel_random(&seed, (int64_t)t->c_out * k, -1, 1),
          *bias = kernel_random(&seed, t->c_out, -1, 1);
    float *rows = kernel_alloc((size_t)t->c_out * (size_t)k * sizeof *rows);
    void *memory = kernel_alloc(glint_weights_bytes(k, t->c_out));
    double *want = kernel_alloc((size_t)oh * (size_t)ow * (size_t)t->c_out * sizeof *want);
    struct glint_weights w;
    glint_conv_rows(weight, t->c_out, t->c_in, 3, rows);
    glint_weights_pack(&w, memory, rows, k, NULL, bias, k, t->c_out);
    assert_int_equal(glint_conv3x3(x, &from, &w, t->stride, t->act, t->residual ? &residual.map : NULL, &to),
                     0);
    for (int32_t i = 0; i < oh * ow * t->c_out; i++) {
        const int32_t o = i % t->c_out, px = i / t->c_out % ow, py = i / t->c_out / ow;
        double v = conv_at(&from, weight, t->stride, o, py, px) + (double)bias[o];
        v = t->act == GLINT_ACT_RELU && v < 0 ? 0 : v;
        want[i] = v + (t->residual ? (double)at(&residual.map, py, px)[o] : 0.0);
    }
    check_map(&to, want, 2e-6);
    if (t->out_slice)
        assert_true(isnan(at(&out.map, 0, 0)[t->c_out])); /* the other half is not ours */
    assert_true(isnan(at(&out.map, -1, 0)[0]) && isnan(at(&out.map, oh, ow)[0])); /* nor is the border */
    free(in.memory);
    free(out.memory);
    free(residual.memory);
    free(weight);
    free(bias);
    free(rows);
    free(memory);
    free(want);
}

static void convolutions_of(struct glint_exec *x)
{
    static const struct conv_case cases[] = {
        {1, 1, 3, 2, 1, false, false, false, GLINT_ACT_NONE},
        {2, 3, 4, 5, 1, false, false, true, GLINT_ACT_RELU},
        {9, 61, 16, 33, 1, false, true, true, GLINT_ACT_RELU},
        {17, 30, 8, 8, 1, true, false, false, GLINT_ACT_RELU},
        {8, 8, 5, 4, 2, false, false, false, GLINT_ACT_RELU},
        {9, 7, 16, 20, 2, true, true, true, GLINT_ACT_NONE},
        {40, 57, 4, 3, 2, false, false, true, GLINT_ACT_NONE},
        {5, 29, 64, 2, 1, false, false, false, GLINT_ACT_NONE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        conv_case(x, &cases[i]);
}

static void convolutions(void **state)
{
    (void)state;
    kernel_each_exec(convolutions_of);
}

/* Upsampling by s (1: a pointwise product) into the second half of a wider map. */
static void deconv_case(struct glint_exec *x, int32_t s)
{
    uint64_t seed = 5;
    const int32_t h = 6, w = 131, c_in = 10, c_out = 7;
    struct image in, out;
    image_open(&in, h, w, c_in);
    image_open(&out, s * h, s * w, 2 * c_out);
    fill(&in.map, &seed);
    const struct glint_map to = glint_map_slice(&out.map, c_out, c_out);
    float *rows = kernel_random(&seed, s * s * c_in * c_out, -1, 1),
          *bias = kernel_random(&seed, c_out, -1, 1);
    struct glint_weights weights[9];
    uint8_t *memory = kernel_alloc((size_t)(s * s) * glint_weights_bytes(c_in, c_out));
    for (int32_t p = 0; p < s * s; p++)
        glint_weights_pack(&weights[p], memory + (size_t)p * glint_weights_bytes(c_in, c_out),
                           rows + p * c_in * c_out, c_in, NULL, bias, c_in, c_out);
    if (s == 1)
        assert_int_equal(glint_conv1x1(x, &in.map, weights, GLINT_ACT_RELU, &to), 0);
    else
        assert_int_equal(glint_deconv(x, &in.map, weights, s, GLINT_ACT_RELU, &to), 0);
    double *want = kernel_alloc((size_t)(to.h * to.w * c_out) * sizeof *want);
    for (int32_t i = 0; i < to.h * to.w * c_out; i++) {
        const int32_t o = i % c_out, px = i / c_out % to.w, py = i / c_out / to.w;
        double v = bias[o];
        for (int32_t j = 0; j < c_in; j++)
            v += (double)at(&in.map, py / s, px / s)[j] *
                 (double)rows[((py % s * s + px % s) * c_out + o) * c_in + j];
        want[i] = v < 0 ? 0 : v;
    }
    check_map(&to, want, 1e-6);
    assert_true(isnan(at(&out.map, 0, 0)[0]));
    free(in.memory);
    free(out.memory);
    free(rows);
    free(bias);
    free(memory);
    free(want);
}

static void upsampling_of(struct glint_exec *x)
{
    for (int32_t s = 1; s <= 3; s++)
        deconv_case(x, s);
}

static void upsampling(void **state)
{
    (void)state;
    kernel_each_exec(upsampling_of);
}

static void scatter_of(struct glint_exec *x)
{
    const int32_t coord[] = {0, 0, 0, 4, 2, 0, 3, 0, 0};
    const float tokens[] = {1, 2, 3, 4, 5, 6};
    struct image im;
    image_open(&im, 3, 5, 2);
    assert_int_equal(glint_bev_scatter(x, tokens, coord, 3, &im.map), 0);
    for (int32_t y = -1; y <= 3; y++)
        for (int32_t px = -1; px <= 5; px++) {
            const float *v = at(&im.map, y, px);
            const int32_t which = y == 0 && px == 0 ? 0 : y == 2 && px == 4 ? 1 : y == 0 && px == 3 ? 2 : -1;
            assert_true(v[0] == (which < 0 ? 0.0f : tokens[2 * which]));
            assert_true(v[1] == (which < 0 ? 0.0f : tokens[2 * which + 1]));
        }
    free(im.memory);
}

static void scatter_zeroes_the_rest(void **state)
{
    (void)state;
    kernel_each_exec(scatter_of);
}

static void a_slice_clears_its_own_border(void **state)
{
    (void)state;
    struct image im;
    image_open(&im, 3, 4, 6);
    const struct glint_map slice = glint_map_slice(&im.map, 2, 3);
    glint_map_clear_border(&slice);
    for (int32_t y = -1; y <= 3; y++)
        for (int32_t x = -1; x <= 4; x++)
            for (int32_t c = 0; c < 6; c++) {
                const bool border = y < 0 || y == 3 || x < 0 || x == 4, ours = c >= 2 && c < 5;
                assert_true(border && ours ? at(&im.map, y, x)[c] == 0.0f : isnan(at(&im.map, y, x)[c]));
            }
    free(im.memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(convolutions),
        cmocka_unit_test(upsampling),
        cmocka_unit_test(scatter_zeroes_the_rest),
        cmocka_unit_test(a_slice_clears_its_own_border),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
