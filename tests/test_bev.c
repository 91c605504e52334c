/* tests/test_bev.c - maps, scatter, convolutions and upsampling against sums in double over [channel][y][x].
 */
#include "tests/kernels.h"
#include "attention/bfloat.h"
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
        v += t->residual ? (double)at(&residual.map, py, px)[o] : 0.0;
        want[i] = t->act == GLINT_ACT_RELU_LAST && v < 0 ? 0 : v;
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
        {9, 7, 16, 20, 1, true, true, true, GLINT_ACT_RELU_LAST},
        {6, 9, 8, 2, 2, false, false, true, GLINT_ACT_RELU_LAST},
        {40, 57, 4, 3, 2, false, false, true, GLINT_ACT_NONE},
        {5, 29, 64, 2, 1, false, false, false, GLINT_ACT_NONE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        conv_case(x, &cases[i]);
}

/* Kernel cells 2 and 3 pixels apart, with a residual; whole, and at some pixels. */
static void wide_kernels_of(struct glint_exec *x)
{
    for (int32_t dilation = 2; dilation <= 3; dilation++) {
        uint64_t seed = 31;
        struct image in, out, residual;
        struct glint_weights w;
        image_open(&in, 7, 9, 5);
        image_open(&out, 7, 9, 18);
        image_open(&residual, 7, 9, 18);
        fill(&in.map, &seed);
        fill(&residual.map, &seed);
        float *weight = kernel_random(&seed, 18 * 45, -1, 1), *bias = kernel_random(&seed, 18, -1, 1),
              rows[18 * 45];
        void *memory = kernel_alloc(glint_weights_bytes(45, 18));
        double want[7 * 9 * 18];
        glint_conv_rows(weight, 18, 5, 3, rows);
        glint_weights_pack(&w, memory, rows, 45, NULL, bias, 45, 18);
        for (int32_t i = 0; i < 7 * 9 * 18; i++) {
            const int32_t o = i % 18, px = i / 18 % 9, py = i / 18 / 9;
            double v = bias[o];
            for (int32_t t = 0; t < 9; t++) {
                const int32_t iy = py + (t / 3 - 1) * dilation, ix = px + (t % 3 - 1) * dilation;
                for (int32_t c = 0; c < 5 && iy >= 0 && iy < 7 && ix >= 0 && ix < 9; c++)
                    v += (double)at(&in.map, iy, ix)[c] * (double)weight[(o * 5 + c) * 9 + t];
            }
            want[i] = (v < 0 ? 0 : v) + (double)at(&residual.map, py, px)[o];
        }
        assert_int_equal(
            glint_conv3x3_wide(x, &in.map, &w, dilation, GLINT_ACT_RELU, &residual.map, &out.map), 0);
        check_map(&out.map, want, 2e-6);
        const struct glint_pixel some[] = {{0, 0}, {6, 8}, {3, 4}};
        float before[18];
        memcpy(before, at(&out.map, 6, 8), sizeof before);
        memset(at(&out.map, 6, 8), 0, sizeof before);
        assert_int_equal(
            glint_conv3x3_wide_at(x, &in.map, &w, dilation, GLINT_ACT_RELU, &residual.map, &out.map, some, 3),
            0);
        assert_memory_equal(at(&out.map, 6, 8), before, sizeof before);
        free(in.memory);
        free(out.memory);
        free(residual.memory);
        free(weight);
        free(bias);
        free(memory);
    }
}

static void wide_kernels(void **state)
{
    (void)state;
    kernel_each_exec(wide_kernels_of);
}

/* One pixel, stride 2: each second row and column of the same with stride 1. */
static void strided_pixels_of(struct glint_exec *x)
{
    uint64_t seed = 5;
    struct image in, whole, half;
    struct glint_weights w;
    image_open(&in, 7, 10, 9);
    image_open(&whole, 7, 10, 20);
    image_open(&half, 4, 5, 20);
    fill(&in.map, &seed);
    float *rows = kernel_random(&seed, 9 * 20, -1, 1);
    void *memory = kernel_alloc(glint_weights_bytes(9, 20));
    glint_weights_pack(&w, memory, rows, 9, NULL, NULL, 9, 20);
    assert_int_equal(glint_conv1x1(x, &in.map, &w, 1, GLINT_ACT_NONE, &whole.map), 0);
    assert_int_equal(glint_conv1x1(x, &in.map, &w, 2, GLINT_ACT_NONE, &half.map), 0);
    for (int32_t y = 0; y < 4; y++)
        for (int32_t px = 0; px < 5; px++)
            assert_memory_equal(at(&half.map, y, px), at(&whole.map, 2 * y, 2 * px), 20 * sizeof(float));
    free(in.memory);
    free(whole.memory);
    free(half.memory);
    free(rows);
    free(memory);
}

static void strided_pixels(void **state)
{
    (void)state;
    kernel_each_exec(strided_pixels_of);
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
        assert_int_equal(glint_conv1x1(x, &in.map, weights, 1, GLINT_ACT_RELU, &to), 0);
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

/* Sites of three heights: value c of height z is channel 3 c + z. */
static void stacks_of(struct glint_exec *x)
{
    const int32_t coord[] = {1, 0, 0, 4, 2, 0, 1, 0, 2, 4, 2, 1};
    const float tokens[] = {1, 2, 3, 4, 5, 6, 7, 8};
    struct image im;
    image_open(&im, 3, 5, 6);
    assert_int_equal(glint_stack_scatter(x, tokens, coord, 4, 3, &im.map), 0);
    double want[3 * 5 * 6] = {0};
    double *a = want + 1 * 6, *b = want + (2 * 5 + 4) * 6;
    a[0] = 1, a[3] = 2, a[2] = 5, a[5] = 6;
    b[0] = 3, b[3] = 4, b[1] = 7, b[4] = 8;
    check_map(&im.map, want, 0);
    memset(im.memory, 0x7f, glint_map_bytes(3, 5, 6)); /* only the sites' pixels now */
    assert_int_equal(glint_stack_scatter_at(x, tokens, coord, 4, 3, &im.map), 0);
    for (int32_t c = 0; c < 6; c++) {
        assert_true((double)at(&im.map, 0, 1)[c] == a[c] && (double)at(&im.map, 2, 4)[c] == b[c]);
        assert_true(at(&im.map, 1, 1)[c] > 1e30f);
    }
    free(im.memory);
}

static void stacks(void **state)
{
    (void)state;
    kernel_each_exec(stacks_of);
}

static double halved_at(const struct glint_map *in, const float *weight, int32_t o, int32_t y, int32_t x)
{
    double sum = 0.0;
    for (int32_t i = 0; i < in->c; i++)
        for (int32_t k = 0; k < 4; k++)
            sum += (double)at(in, 2 * y + k / 2, 2 * x + k % 2)[i] * (double)weight[(o * in->c + i) * 4 + k];
    return sum;
}

/* Halves of a map, whole and at some pixels, from a slice too; an odd last row and column are not read. */
static void halves_case(struct glint_exec *x, int32_t h, int32_t w, int32_t c, int32_t n, bool slice)
{
    struct image in, out;
    struct glint_weights weights;
    uint64_t seed = 71;
    image_open(&in, h, w, c + (slice ? 3 : 0));
    image_open(&out, h / 2, w / 2, n);
    fill(&in.map, &seed);
    const struct glint_map from = slice ? glint_map_slice(&in.map, 2, c) : in.map;
    float *weight = kernel_random(&seed, (int64_t)n * c * 4, -1, 1), *bias = kernel_random(&seed, n, -1, 1);
    float *rows = kernel_alloc((size_t)(n * c * 4) * sizeof *rows);
    void *memory = kernel_alloc(glint_weights_bytes(4 * c, n));
    glint_conv_rows(weight, n, c, 2, rows);
    glint_weights_pack(&weights, memory, rows, 4 * c, NULL, bias, 4 * c, n);
    double *want = kernel_alloc((size_t)(out.map.h * out.map.w * n) * sizeof *want);
    for (int32_t i = 0; i < out.map.h * out.map.w * n; i++) {
        const double v = halved_at(&from, weight, i % n, i / n / out.map.w, i / n % out.map.w);
        want[i] = fmax(v + (double)bias[i % n], 0);
    }
    assert_int_equal(glint_conv2x2(x, &from, &weights, GLINT_ACT_RELU, &out.map), 0);
    check_map(&out.map, want, 1e-6);
    const struct glint_pixel pixel = {(uint16_t)(h / 2 - 1), (uint16_t)(w / 2 - 1)};
    float *there = at(&out.map, pixel.y, pixel.x), *elsewhere = at(&out.map, 0, 0);
    const float right = there[0];
    there[0] = elsewhere[0] = -5;
    assert_int_equal(glint_conv2x2_at(x, &from, &weights, GLINT_ACT_RELU, &out.map, &pixel, 1), 0);
    assert_true(there[0] == right && elsewhere[0] == -5);
    free(want);
    free(memory);
    free(rows);
    free(weight);
    free(bias);
    free(in.memory);
    free(out.memory);
}

static void halves_of(struct glint_exec *x)
{
    halves_case(x, 8, 6, 5, 7, false);
    halves_case(x, 9, 71, 16, 40, true);
}

static void halves(void **state)
{
    (void)state;
    kernel_each_exec(halves_of);
}

/* The same sums in another order, with less error. */
static void taps_case(struct glint_exec *x, int32_t stride, enum glint_act act)
{
    const int32_t h = 9, w = 34, c = 40, n = 37;
    struct image in, out;
    struct glint_weights weights;
    uint64_t seed = 73;
    image_open(&in, h, w, c);
    image_open(&out, (h - 1) / stride + 1, (w - 1) / stride + 1, n);
    fill(&in.map, &seed);
    float *weight = kernel_random(&seed, (int64_t)n * c * 9, -1, 1), *bias = kernel_random(&seed, n, -1, 1);
    float *rows = kernel_alloc((size_t)(n * c * 9) * sizeof *rows);
    void *memory = kernel_alloc(glint_weights_bytes(9 * c, n));
    glint_conv_rows(weight, n, c, 3, rows);
    glint_weights_pack(&weights, memory, rows, 9 * c, NULL, bias, 9 * c, n);
    double *want = kernel_alloc((size_t)(out.map.h * out.map.w * n) * sizeof *want);
    for (int32_t i = 0; i < out.map.h * out.map.w * n; i++) {
        want[i] = conv_at(&in.map, weight, stride, i % n, i / n / out.map.w, i / n % out.map.w) +
                  (double)bias[i % n];
        want[i] = act == GLINT_ACT_RELU ? fmax(want[i], 0) : want[i];
    }
    assert_int_equal(glint_conv3x3_by_taps(x, &in.map, &weights, stride, act, &out.map), 0);
    check_map(&out.map, want, 5e-7);
    free(want);
    free(memory);
    free(rows);
    free(weight);
    free(bias);
    free(in.memory);
    free(out.memory);
}

static void taps_of(struct glint_exec *x)
{
    taps_case(x, 1, GLINT_ACT_RELU);
    taps_case(x, 2, GLINT_ACT_NONE);
}

static void tap_by_tap(void **state)
{
    (void)state;
    kernel_each_exec(taps_of);
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

/* Maps in bfloat16 */

struct rounded { /* one map in both formats, and views of each alone */
    struct image both;
    void *memory;
    struct glint_map floats, halves;
};

static void rounded_open(struct rounded *r, int32_t h, int32_t w, int32_t c)
{
    image_open(&r->both, h, w, c);
    r->memory = kernel_alloc(glint_map_half_bytes(h, w, c, 0));
    memset(r->memory, 0xff, glint_map_half_bytes(h, w, c, 0)); /* NaN */
    glint_map_add_half(&r->both.map, r->memory, 0);
    r->floats = r->halves = r->both.map;
    r->floats.half = NULL;
    r->halves.data = NULL;
}

static void rounded_fill(struct rounded *r, struct glint_exec *x, uint64_t *seed)
{
    rounded_open(r, 11, 37, 16);
    fill(&r->both.map, seed);
    glint_map_round(x, &r->both.map);
}

static void rounded_close(struct rounded *r)
{
    free(r->both.memory);
    free(r->memory);
}

/* Weights n x k with pairs, in memory to free. */
static void *random_pairs(struct glint_weights *w, uint64_t *seed, int32_t k, int32_t n)
{
    uint8_t *memory = kernel_alloc(glint_weights_bytes(k, n) + glint_weights_pairs_bytes(k, n));
    float *rows = kernel_random(seed, (int64_t)n * k, -1, 1), *bias = kernel_random(seed, n, -1, 1);
    glint_weights_pack(w, memory, rows, k, NULL, bias, k, n);
    glint_weights_pair(w, memory + glint_weights_bytes(k, n));
    free(rows);
    free(bias);
    return memory;
}

/* What `floats` rounds to is what both views of `got` hold, to the bit. */
static void check_rounded(const struct glint_map *floats, const struct glint_map *got, bool data)
{
    for (int32_t y = 0; y < got->h; y++)
        for (int32_t x = 0; x < got->w; x++)
            for (int32_t c = 0; c < got->c; c++) {
                const uint16_t want = glint_bfloat(at(floats, y, x)[c]);
                assert_int_equal(got->half[y * got->pitch + x * got->ld + c], want);
                if (data)
                    assert_true(at(got, y, x)[c] == glint_bfloat_value(want));
            }
}

/* A convolution that adds its input: from floats to floats, from and to bfloat16, and to both. */
static void rounded_convolution(struct glint_exec *x, int32_t stride)
{
    uint64_t seed = 21;
    struct rounded in, residual, want, half, both;
    struct glint_weights w;
    rounded_fill(&in, x, &seed);
    const int32_t h = (11 - 1) / stride + 1, width = (37 - 1) / stride + 1, c = stride == 1 ? 16 : 300;
    struct rounded *out[] = {&residual, &want, &half, &both};
    for (int i = 0; i < 4; i++)
        rounded_open(out[i], h, width, c);
    fill(&residual.both.map, &seed);
    glint_map_round(x, &residual.both.map);
    void *memory = random_pairs(&w, &seed, 9 * 16, c);
    glint_conv3x3(x, &in.floats, &w, stride, GLINT_ACT_RELU, &residual.floats, &want.floats);
    glint_conv3x3(x, &in.halves, &w, stride, GLINT_ACT_RELU, &residual.halves, &half.halves);
    glint_conv3x3(x, &in.floats, &w, stride, GLINT_ACT_RELU, &residual.both.map, &both.both.map);
    check_rounded(&want.floats, &half.halves, false);
    check_rounded(&want.floats, &both.both.map, true);
    assert_int_equal(half.halves.half[-1], 0xffff); /* the border is not ours */
    for (int i = 0; i < 4; i++)
        rounded_close(out[i]);
    rounded_close(&in);
    free(memory);
}

/* To the second half of a wider map. */
static void rounded_upsampling(struct glint_exec *x)
{
    uint64_t seed = 22;
    struct rounded in, want, got;
    struct glint_weights w[4];
    void *memory[4];
    rounded_fill(&in, x, &seed);
    rounded_open(&want, 22, 74, 20);
    rounded_open(&got, 22, 74, 20);
    for (int i = 0; i < 4; i++)
        memory[i] = random_pairs(&w[i], &seed, 16, 10);
    const struct glint_map floats = glint_map_slice(&want.floats, 10, 10),
                           halves = glint_map_slice(&got.halves, 10, 10);
    glint_deconv(x, &in.floats, w, 2, GLINT_ACT_NONE, &floats);
    glint_deconv(x, &in.halves, w, 2, GLINT_ACT_NONE, &halves);
    check_rounded(&floats, &halves, false);
    assert_int_equal(got.halves.half[9], 0xffff);
    for (int i = 0; i < 4; i++)
        free(memory[i]);
    rounded_close(&in);
    rounded_close(&want);
    rounded_close(&got);
}

static void rounded_scatter(struct glint_exec *x)
{
    const int32_t coord[] = {2, 1, 0};
    const float token[] = {1.0f + 0x1p-12f, -3.1f};
    struct rounded r;
    rounded_open(&r, 3, 4, 2);
    glint_bev_scatter(x, token, coord, 1, &r.halves);
    for (int32_t i = -6 * 2 - 2; i < 3 * 6 * 2; i++) {
        const int32_t k = i - 6 * 2 - 2 * 2;
        assert_int_equal(r.halves.half[i], k == 0 || k == 1 ? glint_bfloat(token[k]) : 0);
    }
    rounded_close(&r);
}

static void maps_in_bfloat16_of(struct glint_exec *x)
{
    rounded_scatter(x);
    if (!(x->isa & GLINT_ISA_AVX512_BF16))
        return;
    rounded_convolution(x, 1);
    rounded_convolution(x, 2);
    rounded_upsampling(x);
}

static void maps_in_bfloat16(void **state)
{
    (void)state;
    kernel_each_exec(maps_in_bfloat16_of);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(convolutions),
        cmocka_unit_test(strided_pixels),
        cmocka_unit_test(wide_kernels),
        cmocka_unit_test(upsampling),
        cmocka_unit_test(scatter_zeroes_the_rest),
        cmocka_unit_test(stacks),
        cmocka_unit_test(halves),
        cmocka_unit_test(tap_by_tap),
        cmocka_unit_test(a_slice_clears_its_own_border),
        cmocka_unit_test(maps_in_bfloat16),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
