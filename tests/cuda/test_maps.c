/* tests/cuda/test_maps.c - sets of pixels, scatter, background and convolutions on the device against the
 * CPU's. */
#include "cuda/cuda_maps.h"
#include "model/cuda/active.h"

static struct glint_active make_set(int32_t h, int32_t w)
{
    struct glint_active a;
    glint_active_init(&a, malloc(glint_active_bytes(h, w) + 1), h, w);
    return a;
}

static struct glint_active put_set(struct glint_cuda_test *t, const struct glint_active *a)
{
    struct glint_active d = *a;
    d.bits = glint_cuda_put(t, a->bits, glint_active_bytes(a->h, a->w));
    return d;
}

static void check_set(struct glint_cuda_test *t, const struct glint_active *device,
                      const struct glint_active *want)
{
    const size_t bytes = glint_active_bytes(want->h, want->w);
    uint64_t *got = malloc(bytes + 1);
    glint_cuda_get(t, got, device->bits, bytes);
    assert_memory_equal(got, want->bits, bytes);
    free(got);
}

static void run(struct glint_cuda_test *t, const struct glint_active_step *steps, int32_t n,
                const int32_t *coord, int32_t n_coord)
{
    assert_ok(glint_active_run_cuda(t->stream, glint_cuda_put(t, steps, (size_t)n * sizeof *steps), n,
                                    glint_cuda_put(t, coord, (size_t)(n_coord ? n_coord : 1) * 12),
                                    glint_cuda_put(t, &n_coord, sizeof n_coord)));
}

/* sets */

static void check_list(struct glint_cuda_test *t, const struct glint_active *a,
                       const struct glint_active *device)
{
    const int64_t count = glint_active_count(a);
    const int32_t cap_tiles = glint_cuda_cap_tiles(a->h, a->w);
    struct glint_pixel *want = malloc((size_t)count * sizeof *want + 1),
                       *got = malloc((size_t)count * sizeof *got + 1);
    struct glint_cuda_tile *tiles = malloc((size_t)cap_tiles * sizeof *tiles + 1);
    struct glint_pixel *list = glint_cuda_put(t, NULL, (size_t)count * sizeof *list);
    struct glint_cuda_tile *tile_list = glint_cuda_put(t, NULL, (size_t)cap_tiles * sizeof *tile_list);
    int32_t *n = glint_cuda_put(t, NULL, 8), found[2], k = 0;
    const struct glint_active_step steps[] = {
        {.op = GLINT_ACTIVE_LIST, .from = *device, .list = list, .n = n},
        {.op = GLINT_ACTIVE_TILES, .from = *device, .list = tile_list, .n = n + 1}};
    run(t, steps, 2, (const int32_t[]){0, 0, 0}, 0);
    glint_cuda_get(t, found, n, sizeof found);
    assert_int_equal(found[0], glint_active_list(a, want));
    glint_cuda_get(t, got, list, (size_t)count * sizeof *got);
    assert_memory_equal(got, want, (size_t)count * sizeof *got);
    glint_cuda_get(t, tiles, tile_list, (size_t)found[1] * sizeof *tiles);
    for (int32_t y = 0; y < a->h; y += GLINT_CUDA_TILE)
        for (int32_t x = 0; x < a->w; x += GLINT_CUDA_TILE) {
            uint64_t pixels = 0;
            for (int32_t i = 0; i < 64; i++)
                if (y + i / 8 < a->h && x + i % 8 < a->w)
                    pixels |= (a->bits[(y + i / 8) * a->words + (x + i % 8) / 64] >> ((x + i % 8) % 64) & 1)
                              << i;
            if (!pixels)
                continue;
            assert_true(k < found[1] && tiles[k].y == y && tiles[k].x == x && tiles[k].pixels == pixels);
            k++;
        }
    assert_int_equal(k, found[1]);
    free(want);
    free(got);
    free(tiles);
}

static void check_steps(struct glint_cuda_test *t, int32_t h, int32_t w, int32_t n, uint64_t *seed)
{
    const int32_t h2 = (h - 1) / 2 + 1, w2 = (w - 1) / 2 + 1;
    int32_t *coord = calloc((size_t)n + 1, 12);
    struct glint_active want[8], set[8];
    const int first = t->n_blocks;
    for (int i = 0; i < 8; i++) {
        want[i] = i < 4    ? make_set(h, w)
                  : i < 6  ? make_set(h2, w2)
                  : i == 6 ? make_set(2 * h2, 2 * w2)
                           : make_set(3 * h2, 3 * w2);
        set[i] = put_set(t, &want[i]);
        assert_ok(glint_stream_fill(t->stream, set[i].bits, 0xff, glint_active_bytes(want[i].h, want[i].w)));
    }
    for (int32_t i = 0; i < n; i++) {
        coord[3 * i] = (int32_t)(glint_test_random(seed) % (uint64_t)w);
        coord[3 * i + 1] = (int32_t)(glint_test_random(seed) % (uint64_t)h);
        coord[3 * i + 2] = 0;
    }
    const struct glint_active_step steps[] = {
        {.op = GLINT_ACTIVE_CLEAR, .to = set[0]},
        {.op = GLINT_ACTIVE_SET, .to = set[0], .value = 1, .row_axis = 1},
        {.op = GLINT_ACTIVE_GROW, .to = set[1], .from = set[0], .value = 1},
        {.op = GLINT_ACTIVE_GROW, .to = set[4], .from = set[0], .value = 2},
        {.op = GLINT_ACTIVE_READS, .to = set[2], .from = set[4], .value = 2},
        {.op = GLINT_ACTIVE_READS, .to = set[3], .from = set[1], .value = 1},
        {.op = GLINT_ACTIVE_REMOVE, .to = set[3], .from = set[2]},
        {.op = GLINT_ACTIVE_ADD, .to = set[1], .from = set[2]},
        {.op = GLINT_ACTIVE_ALL, .to = set[5]},
        {.op = GLINT_ACTIVE_UPSAMPLE, .to = set[6], .from = set[4], .value = 2},
        {.op = GLINT_ACTIVE_UPSAMPLE, .to = set[7], .from = set[4], .value = 3},
        {.op = GLINT_ACTIVE_COPY, .to = set[2], .from = set[1]},
    };
    run(t, steps, sizeof steps / sizeof *steps, coord, n);
    glint_active_set(&want[0], coord, n, 1, 1);
    glint_active_grow(&want[0], 1, &want[1]);
    glint_active_grow(&want[0], 2, &want[4]);
    glint_active_reads(&want[4], 2, &want[2]);
    glint_active_reads(&want[1], 1, &want[3]);
    glint_active_remove(&want[3], &want[2]);
    glint_active_add(&want[1], &want[2]);
    glint_active_all(&want[5]);
    glint_active_upsample(&want[4], 2, &want[6]);
    glint_active_upsample(&want[4], 3, &want[7]);
    memcpy(want[2].bits, want[1].bits, glint_active_bytes(h, w));
    for (int i = 0; i < 8; i++) {
        check_set(t, &set[i], &want[i]);
        check_list(t, &want[i], &set[i]);
        free(want[i].bits);
    }
    free(coord);
    free_blocks(t, first);
}

static void sets(void **state)
{
    struct glint_cuda_test *t = *state;
    static const int32_t size[][3] = {{1, 1, 1},      {9, 64, 20},      {17, 65, 0},
                                      {70, 130, 300}, {468, 468, 3000}, {3, 200, 9}};
    uint64_t seed = 5;
    for (int i = 0; i < 6; i++)
        check_steps(t, size[i][0], size[i][1], size[i][2], &seed);
}

/* A set with pillars merged 2 x 2 and rows along x. */
static void merged_pillars(void **state)
{
    struct glint_cuda_test *t = *state;
    static const int32_t coord[] = {0, 5, 0, 1, 5, 0, 7, 0, 0, 3, 3, 9};
    struct glint_active want = make_set(4, 3), set = put_set(t, &want);
    const struct glint_active_step step = {.op = GLINT_ACTIVE_SET, .to = set, .value = 2, .row_axis = 0};
    run(t, &step, 1, coord, 4);
    glint_active_set(&want, coord, 4, 2, 0);
    check_set(t, &set, &want);
    free(want.bits);
}

/* scatter, background */

static void tokens_at_their_cells(void **state)
{
    struct glint_cuda_test *t = *state;
    uint64_t seed = 8;
    static const int32_t coord[] = {3, 1, 0, 0, 0, 0, 4, 2, 0, 4, 0, 0};
    const int32_t n = 3, c = 10;
    float *tokens = made_floats(4 * c, -1, 1, &seed);
    const struct glint_map shape = {.h = 3, .w = 5, .c = c};
    const enum glint_dtype types[] = {GLINT_DTYPE_F32, GLINT_DTYPE_BF16, GLINT_DTYPE_F16};
    for (int i = 0; i < 3; i++) {
        const struct glint_cuda_map map = put_map(t, &shape, types[i], 2, 13);
        assert_ok(glint_map_clear_cuda(t->stream, &map));
        assert_ok(glint_bev_scatter_cuda(t->stream, glint_cuda_put(t, tokens, 4 * (size_t)c * 4),
                                         GLINT_DTYPE_F32, glint_cuda_put(t, coord, sizeof coord),
                                         glint_cuda_put(t, &n, 4), 4, &map));
        float *got = got_map(t, &map);
        for (int32_t k = 0; k < 15 * c; k++) {
            float want = 0;
            for (int32_t token = 0; token < n; token++)
                if (k / c == coord[3 * token + 1] * 5 + coord[3 * token])
                    want = tokens[token * c + k % c];
            const float bound = types[i] == GLINT_DTYPE_F32   ? 0
                                : types[i] == GLINT_DTYPE_F16 ? 0x1p-11f
                                                              : 0x1p-8f;
            assert_near(got[k], want, fabsf(want) * bound);
        }
        free(got);
    }
    free(tokens);
}

static void background_as_on_the_host(void **state)
{
    struct glint_cuda_test *t = *state;
    uint64_t seed = 9;
    struct glint_exec x;
    assert_ok(glint_exec_init(&x, 0, 1, 1 << 20));
    static const int32_t channels[] = {8, 3, 16};
    for (int i = 0; i < 6; i++) {
        const enum glint_dtype type = i < 3 ? GLINT_DTYPE_F32 : GLINT_DTYPE_F16;
        const int32_t c = channels[i % 3], period = 1 + i % 2 * 3, h = 24 + 4 * period, w = 24 + 8 * period;
        struct host_map small = host_map_open(24, 24, c, &seed), whole = host_map_open(h, w, c, NULL);
        struct glint_pixel *pixels = malloc((size_t)h * (size_t)w * sizeof *pixels);
        for (int32_t k = 0; k < h * w; k++)
            pixels[k] = (struct glint_pixel){(uint16_t)(k / w), (uint16_t)(k % w)};
        assert_ok(glint_background_fill(&x, &small.map, period, pixels, h * w, &whole.map));
        const struct glint_cuda_background b = {put_map(t, &small.map, type, 0, c), period};
        const struct glint_map shape = {.h = h, .w = w, .c = c};
        const struct glint_cuda_map all = put_map(t, &shape, type, 0, c),
                                    some = put_map(t, &shape, type, 0, c);
        const int32_t n = h * w / 2;
        assert_ok(glint_background_fill_cuda(t->stream, &b, NULL, NULL, 0, &all));
        assert_ok(glint_background_fill_cuda(t->stream, &b,
                                             glint_cuda_put(t, pixels, (size_t)(h * w) * sizeof *pixels),
                                             glint_cuda_put(t, &n, 4), h * w, &some));
        float *got = got_map(t, &all), *half = got_map(t, &some);
        for (int32_t k = 0; k < h * w * c; k++) {
            assert_true(got[k] == whole.map.data[k / c / w * whole.map.pitch + k / c % w * c + k % c]);
            assert_true(k / c < n ? half[k] == got[k] : isnan(half[k]));
        }
        free(got);
        free(half);
        free(pixels);
        free(small.memory);
        free(whole.memory);
        free_blocks(t, 0);
    }
    glint_exec_fini(&x);
}

/* convolutions */

struct conv_case {
    int32_t h, w, k, n, kernel, stride, dilation, scale;
    bool residual;
    enum glint_act act;
};

static int on_host(struct glint_exec *x, const struct conv_case *c, const struct glint_map *in,
                   const struct glint_weights *w, const struct glint_map *residual,
                   const struct glint_map *out)
{
    if (c->scale > 1)
        return glint_deconv(x, in, w, c->scale, c->act, out);
    if (c->kernel == 1)
        return glint_conv1x1(x, in, w, c->stride, c->act, out);
    if (c->kernel == 2)
        return glint_conv2x2(x, in, w, c->act, out);
    return c->dilation > 1 ? glint_conv3x3_wide(x, in, w, c->dilation, c->act, residual, out)
                           : glint_conv3x3(x, in, w, c->stride, c->act, residual, out);
}

/* A third of the pixels of an h x w map, as lists on the device. */
static struct glint_cuda_places some_places(struct glint_cuda_test *t, int32_t h, int32_t w,
                                            struct glint_active *set, uint64_t *seed)
{
    for (int32_t i = 0; i < h * w; i++)
        if (glint_test_random(seed) % 3 == 0)
            glint_active_set(set, (const int32_t[]){i % w, i / w, 0}, 1, 1, 1);
    const struct glint_active device = put_set(t, set);
    const int32_t cap_tiles = glint_cuda_cap_tiles(h, w);
    struct glint_pixel *pixels = glint_cuda_put(t, NULL, (size_t)h * (size_t)w * sizeof *pixels);
    struct glint_cuda_tile *tiles = glint_cuda_put(t, NULL, (size_t)cap_tiles * sizeof *tiles);
    int32_t *n = glint_cuda_put(t, NULL, 8);
    const struct glint_active_step steps[] = {
        {.op = GLINT_ACTIVE_LIST, .from = device, .list = pixels, .n = n},
        {.op = GLINT_ACTIVE_TILES, .from = device, .list = tiles, .n = n + 1}};
    run(t, steps, 2, (const int32_t[]){0, 0, 0}, 0);
    return (struct glint_cuda_places){.pixels = pixels,
                                      .n_pixels = n,
                                      .cap_pixels = h * w,
                                      .tiles = tiles,
                                      .n_tiles = n + 1,
                                      .cap_tiles = cap_tiles};
}

/* got against want at the pixels of out whose place is in the set (NULL: all); the others are untouched. */
static void check_conv(const float *got, const struct conv_case *c, const struct glint_map *want,
                       const struct glint_active *set, double bound)
{
    double error = 0, size = 0;
    for (int64_t i = 0; i < (int64_t)want->h * want->w * c->n; i++) {
        const int64_t y = i / c->n / want->w, x = i / c->n % want->w, sy = y / c->scale, sx = x / c->scale;
        const double v = (double)want->data[y * want->pitch + x * want->ld + i % c->n];
        if (set && !(set->bits[sy * set->words + sx / 64] >> (sx % 64) & 1)) {
            assert_true(isnan(got[i]));
            continue;
        }
        error += ((double)got[i] - v) * ((double)got[i] - v); /* a NaN stays one */
        size += v * v;
    }
    if (!(error <= bound * bound * size))
        print_error("%d x %d x %d -> %d, kernel %d, stride %d, dilation %d, scale %d: error %g\n", c->h, c->w,
                    c->k, c->n, c->kernel, c->stride, c->dilation, c->scale, sqrt(error / size));
    assert_true(error <= bound * bound * size);
}

static void on_device(struct glint_cuda_test *t, const struct conv_case *c, enum glint_dtype type,
                      const struct host_map *in, const struct glint_weights *w,
                      const struct host_map *residual, const struct host_map *want, uint64_t *seed)
{
    struct glint_cuda_conv conv = {.kernel = c->kernel,
                                   .stride = c->stride,
                                   .dilation = c->dilation,
                                   .scale = c->scale,
                                   .k = c->k,
                                   .n = c->n,
                                   .type = type,
                                   .act = c->act};
    const struct glint_map shape = {.h = want->map.h, .w = want->map.w, .c = c->n};
    const int32_t lh = c->scale > 1 ? c->h : shape.h, lw = c->scale > 1 ? c->w : shape.w;
    struct glint_active set = make_set(lh, lw);
    put_conv(t, &conv, w);
    const struct glint_cuda_places places = some_places(t, lh, lw, &set, seed);
    const struct glint_cuda_places pixels = {
        .pixels = places.pixels, .n_pixels = places.n_pixels, .cap_pixels = places.cap_pixels};
    const struct glint_cuda_places *at[] = {NULL, &places, &pixels};
    for (int i = 0; i < 4; i++) { /* the last: of the type itself, in a slice of a wider map */
        const enum glint_dtype out_type = i < 3 ? GLINT_DTYPE_F32 : type;
        if (type == GLINT_DTYPE_BF16 && i % 2 == 0) /* as those of float16 */
            continue;
        const struct glint_cuda_map from =
            put_map(t, &in->map, type, i == 3 ? 8 : 0, c->k + (i == 3 ? 16 : 0));
        const struct glint_cuda_map added = put_map(t, &residual->map, type, 0, c->n);
        const struct glint_cuda_map to =
            put_map(t, &shape, out_type, i == 3 ? 3 : 0, c->n + (i == 3 ? 5 : 0));
        assert_ok(glint_conv_cuda(t->stream, &conv, &from, c->residual ? &added : NULL, &to, at[i % 3]));
        float *got = got_map(t, &to);
        const double half = type == GLINT_DTYPE_F16 ? 0x1p-11 : 0x1p-8;
        check_conv(got, c, &want->map, i % 3 ? &set : NULL, out_type == GLINT_DTYPE_F32 ? 1e-6 : half);
        free(got);
    }
    free(set.bits);
    free_blocks(t, 0);
}

static void conv_case(struct glint_cuda_test *t, struct glint_exec *x, const struct conv_case *c,
                      uint64_t *seed)
{
    const int32_t pad = c->kernel == 3, up = c->scale > 1, places = c->scale * c->scale;
    const int32_t h = up ? c->scale * c->h : (c->h + 2 * pad - c->kernel) / c->stride + 1;
    const int32_t w = up ? c->scale * c->w : (c->w + 2 * pad - c->kernel) / c->stride + 1;
    struct host_map in = host_map_open(c->h, c->w, c->k, seed), residual = host_map_open(h, w, c->n, seed),
                    want = host_map_open(h, w, c->n, NULL);
    struct glint_weights weights[9];
    void *memory[9];
    for (int32_t i = 0; i < places; i++) {
        weights[i] = exact_weights(c->kernel * c->kernel * c->k, c->n, seed, &memory[i]);
        weights[i].bias = weights[0].bias;
    }
    assert_ok(on_host(x, c, &in.map, weights, c->residual ? &residual.map : NULL, &want.map));
    static const enum glint_dtype types[] = {GLINT_DTYPE_F32, GLINT_DTYPE_BF16, GLINT_DTYPE_F16};
    for (int i = 0; i < 3; i++)
        on_device(t, c, types[i], &in, weights, &residual, &want, seed);
    for (int32_t i = 0; i < places; i++)
        free(memory[i]);
    free(in.memory);
    free(residual.memory);
    free(want.memory);
}

static void convolutions(void **state)
{
    struct glint_cuda_test *t = *state;
    static const struct conv_case cases[] = {
        {11, 13, 16, 16, 3, 1, 1, 1, true, GLINT_ACT_RELU},
        {5, 10, 64, 130, 3, 1, 1, 1, false, GLINT_ACT_RELU},
        {8, 8, 40, 20, 3, 1, 1, 1, true, GLINT_ACT_RELU_LAST},
        {7, 11, 5, 3, 3, 1, 1, 1, false, GLINT_ACT_NONE},
        {1, 1, 8, 1, 3, 1, 1, 1, true, GLINT_ACT_NONE},
        {7, 10, 24, 33, 3, 2, 1, 1, false, GLINT_ACT_RELU},
        {12, 9, 8, 9, 3, 1, 2, 1, true, GLINT_ACT_RELU},
        {6, 11, 16, 70, 1, 1, 1, 1, false, GLINT_ACT_NONE},
        {11, 12, 9, 7, 1, 2, 1, 1, false, GLINT_ACT_RELU},
        {9, 12, 8, 6, 2, 2, 1, 1, false, GLINT_ACT_RELU},
        {5, 9, 48, 20, 1, 1, 1, 2, false, GLINT_ACT_RELU},
        {4, 3, 7, 5, 1, 1, 1, 3, false, GLINT_ACT_NONE},
    };
    struct glint_exec x;
    uint64_t seed = 21;
    assert_ok(glint_exec_init(&x, 0, 1, 1 << 22));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        conv_case(t, &x, &cases[i], &seed);
    glint_exec_fini(&x);
}

/* The places computed and all others filled by one call: what two calls give. */
static void beside_case(struct glint_cuda_test *t, const struct conv_case *c, enum glint_dtype type,
                        uint64_t *seed)
{
    struct glint_cuda_conv conv = {
        .kernel = c->kernel, .stride = 1, .dilation = 1, .scale = 1, .k = c->k, .n = c->n, .type = type};
    void *memory;
    const struct glint_weights w = exact_weights(c->kernel * c->kernel * c->k, c->n, seed, &memory);
    struct host_map in = host_map_open(c->h, c->w, c->k, seed), small = host_map_open(12, 12, c->n, seed);
    struct glint_active set = make_set(c->h, c->w), rest = make_set(c->h, c->w);
    put_conv(t, &conv, &w);
    struct glint_cuda_places at = some_places(t, c->h, c->w, &set, seed);
    glint_active_all(&rest);
    glint_active_remove(&rest, &set);
    struct glint_pixel *list = malloc((size_t)(c->h * c->w) * sizeof *list);
    const int32_t n = glint_active_list(&rest, list);
    const struct glint_map shape = {.h = c->h, .w = c->w, .c = c->n};
    const struct glint_cuda_map from = put_map(t, &in.map, type, 0, c->k),
                                one = put_map(t, &shape, type, 0, c->n),
                                two = put_map(t, &shape, type, 0, c->n);
    const struct glint_cuda_background background = {put_map(t, &small.map, type, 0, c->n), 2};
    assert_ok(glint_conv_cuda(t->stream, &conv, &from, NULL, &two, &at));
    at.background = &background;
    at.fill = glint_cuda_put(t, list, (size_t)(c->h * c->w) * sizeof *list);
    at.n_fill = glint_cuda_put(t, &n, 4);
    at.cap_fill = c->h * c->w;
    assert_ok(glint_conv_cuda(t->stream, &conv, &from, NULL, &one, &at));
    assert_ok(glint_background_fill_cuda(t->stream, &background, at.fill, at.n_fill, at.cap_fill, &two));
    float *a = got_map(t, &one), *b = got_map(t, &two);
    assert_memory_equal(a, b, (size_t)(c->h * c->w * c->n) * 4);
    for (int32_t i = 0; i < c->h * c->w * c->n; i++)
        assert_true(isfinite(a[i]));
    free(a);
    free(b);
    free(list);
    free(set.bits);
    free(rest.bits);
    free(in.memory);
    free(small.memory);
    free(memory);
    free_blocks(t, 0);
}

static void background_beside_a_convolution(void **state)
{
    static const struct conv_case cases[] = {{.h = 20, .w = 24, .k = 16, .n = 24, .kernel = 3},
                                             {.h = 18, .w = 16, .k = 8, .n = 5, .kernel = 1}};
    uint64_t seed = 41;
    for (int i = 0; i < 4; i++)
        beside_case(*state, &cases[i / 2], i % 2 ? GLINT_DTYPE_F16 : GLINT_DTYPE_F32, &seed);
}

static void refusals(void **state)
{
    struct glint_cuda_test *t = *state;
    const struct glint_cuda_conv c = {.kernel = 3, .stride = 1, .dilation = 1, .scale = 1, .k = 8, .n = 8};
    const struct glint_cuda_map a = glint_cuda_map_of(NULL, 4, 4, 8, GLINT_DTYPE_F32),
                                b = glint_cuda_map_of(NULL, 4, 5, 8, GLINT_DTYPE_F32);
    assert_int_equal(glint_conv_cuda(t->stream, &c, &a, NULL, &b, NULL), GLINT_E_ARG);
    assert_int_equal(glint_conv_cuda(t->stream, &c, &a, &b, &a, NULL), GLINT_E_ARG);
    const struct glint_cuda_background back = {b, 1};
    assert_int_equal(glint_background_fill_cuda(t->stream, &back, NULL, NULL, 0, &a), GLINT_E_ARG);
}

static const struct CMUnitTest tests[] = {
    cuda_test(sets),
    cuda_test(merged_pillars),
    cuda_test(tokens_at_their_cells),
    cuda_test(background_as_on_the_host),
    cuda_test(convolutions),
    cuda_test(background_beside_a_convolution),
    cuda_test(refusals),
};
glint_cuda_main(tests)
