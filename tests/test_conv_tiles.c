/* tests/test_conv_tiles.c - convolutions by tiles against glint_conv3x3, whole and at chosen tiles. */
#include "tests/kernels.h"
#include "model/conv_tiles.h"

struct shape {
    int32_t h, w, c, n;
    bool in_slice, out_slice, residual;
    enum glint_act act;
};

struct layer {
    struct shape s;
    void *in_memory, *out_memory[2], *residual_memory, *weights_memory, *tiles_memory, *fixed_memory;
    struct glint_map in, out[2], residual; /* out: plain, by tiles */
    struct glint_weights weights;
    struct glint_winograd tiles;
    double bound; /* of its error by norm */
};

static struct glint_map make_map(void **memory, int32_t h, int32_t w, int32_t c, bool slice, uint64_t *seed)
{
    struct glint_map map;
    const int32_t wide = slice ? 2 * c : c;
    const size_t bytes = glint_map_bytes(h, w, wide);
    *memory = kernel_alloc(bytes);
    memset(*memory, 0xff, bytes); /* NaN where nobody should look */
    glint_map_init(&map, *memory, h, w, wide);
    map = glint_map_slice(&map, slice ? c : 0, c);
    for (int64_t i = 0; seed && i < (int64_t)h * w * c; i++)
        map.data[i / c / w * map.pitch + i / c % w * map.ld + i % c] = glint_test_uniform(seed, -1, 1);
    if (seed)
        glint_map_clear_border(&map);
    return map;
}

static void layer_open(struct layer *l, struct shape s)
{
    uint64_t seed = 5 + (uint64_t)(s.h * 31 + s.w);
    *l = (struct layer){.s = s, .bound = 3e-6};
    l->in = make_map(&l->in_memory, s.h, s.w, s.c, s.in_slice, &seed);
    l->residual = make_map(&l->residual_memory, s.h, s.w, s.n, false, &seed);
    for (int i = 0; i < 2; i++)
        l->out[i] = make_map(&l->out_memory[i], s.h, s.w, s.n, s.out_slice, NULL);
    float *rows = kernel_random(&seed, (int64_t)s.n * 9 * s.c, -1, 1),
          *bias = kernel_random(&seed, s.n, -1, 1);
    l->weights_memory = kernel_alloc(glint_weights_bytes(9 * s.c, s.n));
    l->tiles_memory = kernel_alloc(glint_winograd_bytes(s.c, s.n));
    glint_weights_pack(&l->weights, l->weights_memory, rows, 9 * s.c, NULL, bias, 9 * s.c, s.n);
    glint_winograd_pack(&l->tiles, l->tiles_memory, rows, bias, s.c, s.n);
    free(rows);
    free(bias);
}

static void layer_close(struct layer *l)
{
    void *blocks[] = {l->in_memory,      l->out_memory[0], l->out_memory[1], l->residual_memory,
                      l->weights_memory, l->tiles_memory,  l->fixed_memory};
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++)
        free(blocks[i]);
}

static bool wanted(const struct glint_tile *tiles, int32_t n, int32_t y, int32_t x)
{
    for (int32_t i = 0; i < n; i++)
        if (tiles[i].y == y / 4 * 4 && tiles[i].x == x / 4 * 4)
            return tiles[i].pixels >> (y % 4 * 4 + x % 4) & 1;
    return !tiles;
}

static void compare(const struct layer *l, const struct glint_tile *tiles, int32_t n_tiles)
{
    double difference = 0.0, size = 1e-300;
    for (int32_t y = -1; y <= l->s.h; y++)
        for (int32_t x = -1; x <= l->s.w; x++)
            for (int32_t i = 0; i < l->s.n; i++) {
                const bool inside = y >= 0 && y < l->s.h && x >= 0 && x < l->s.w;
                const float want = l->out[0].data[y * l->out[0].pitch + x * l->out[0].ld + i];
                const float got = l->out[1].data[y * l->out[1].pitch + x * l->out[1].ld + i];
                if (!inside || !wanted(tiles, n_tiles, y, x)) {
                    assert_true(isnan(got)); /* as it was */
                    continue;
                }
                difference += ((double)got - (double)want) * ((double)got - (double)want);
                size += (double)want * (double)want;
            }
    if (!(sqrt(difference / size) <= l->bound))
        fail_msg("%d x %d, %d -> %d: relative error %.3g", l->s.h, l->s.w, l->s.c, l->s.n,
                 sqrt(difference / size));
}

static void run(struct glint_exec *x, struct layer *l, const struct glint_tile *tiles, int32_t n_tiles)
{
    const struct glint_map *residual = l->s.residual ? &l->residual : NULL;
    memset(l->out_memory[1], 0xff, glint_map_bytes(l->s.h, l->s.w, l->s.n * (l->s.out_slice ? 2 : 1)));
    assert_int_equal(glint_conv3x3(x, &l->in, &l->weights, 1, l->s.act, residual, &l->out[0]), 0);
    assert_int_equal(glint_conv_tiles(x, &l->in, &l->tiles, l->s.act, residual, &l->out[1], tiles, n_tiles),
                     0);
    compare(l, tiles, n_tiles);
}

static void whole_of(struct glint_exec *x)
{
    static const struct shape shapes[] = {
        {1, 1, 16, 3, false, false, false, GLINT_ACT_NONE},
        {4, 4, 17, 16, false, false, true, GLINT_ACT_RELU},
        {5, 7, 20, 33, true, true, true, GLINT_ACT_RELU},
        {9, 250, 16, 8, true, false, false, GLINT_ACT_RELU},
        {43, 38, 64, 64, false, true, true, GLINT_ACT_RELU},
        {6, 66, 256, 64, false, false, false, GLINT_ACT_NONE},
        {6, 9, 40, 24, false, false, true, GLINT_ACT_RELU_LAST},
        {30, 31, 128, 128, true, false, true, GLINT_ACT_RELU},
    };
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        struct layer l;
        layer_open(&l, shapes[i]);
        run(x, &l, NULL, 0);
        layer_close(&l);
    }
}

/* Products of integers: 14 bits, which the transforms make three less. */
static void integers_of(struct glint_exec *x)
{
    static const struct shape shapes[] = {
        {9, 50, 16, 3, true, false, false, GLINT_ACT_RELU},
        {43, 38, 64, 64, false, true, true, GLINT_ACT_RELU},
        {30, 31, 128, 128, true, false, true, GLINT_ACT_RELU},
    };
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        struct layer l;
        layer_open(&l, shapes[i]);
        l.fixed_memory = kernel_alloc(glint_winograd_fixed_bytes(shapes[i].c, shapes[i].n));
        glint_winograd_fix(&l.tiles, l.fixed_memory);
        l.bound = 2e-3;
        run(x, &l, NULL, 0);
        layer_close(&l);
    }
}

/* Tiles at borders and inside, each with pixels of its own; what no tile reads may be anything. */
static void chosen_of(struct glint_exec *x)
{
    static const struct glint_tile tiles[] = {{0, 0, 0x0001},   {0, 4, 0xffff},   {8, 20, 0x8000},
                                              {12, 28, 0x1122}, {20, 28, 0x0033}, {20, 0, 0x00f0}};
    struct layer l;
    layer_open(&l, (struct shape){22, 30, 32, 20, false, false, true, GLINT_ACT_RELU});
    run(x, &l, tiles, 6);
    for (int64_t i = 0; i < 32; i++) /* no tile is near */
        l.in.data[14 * l.in.pitch + 10 * l.in.ld + i] = NAN;
    assert_int_equal(glint_conv_tiles(x, &l.in, &l.tiles, l.s.act, &l.residual, &l.out[1], tiles, 6), 0);
    compare(&l, tiles, 6);
    run(x, &l, tiles, 0);
    layer_close(&l);
}

static void whole_maps(void **state)
{
    (void)state;
    kernel_each_exec(whole_of);
}

static void products_of_integers(void **state)
{
    (void)state;
    kernel_each_exec(integers_of);
}

static void chosen_tiles(void **state)
{
    (void)state;
    kernel_each_exec(chosen_of);
}

static void too_little_scratch_is_told(void **state)
{
    (void)state;
    struct glint_exec x;
    struct layer l;
    const size_t enough = glint_conv_tiles_scratch(16, 16);
    layer_open(&l, (struct shape){4, 4, 16, 16, false, false, false, GLINT_ACT_NONE});
    assert_int_equal(glint_exec_init(&x, 0, 2, enough - 64), 0);
    assert_int_equal(glint_conv_tiles(&x, &l.in, &l.tiles, 0, NULL, &l.out[1], NULL, 0), GLINT_E_NOMEM);
    glint_exec_fini(&x);
    assert_int_equal(glint_exec_init(&x, 0, 2, enough), 0);
    assert_int_equal(glint_conv_tiles(&x, &l.in, &l.tiles, 0, NULL, &l.out[1], NULL, 0), GLINT_OK);
    assert_int_equal(x.scratch[0].used, 0);
    glint_exec_fini(&x);
    layer_close(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_maps),
        cmocka_unit_test(products_of_integers),
        cmocka_unit_test(chosen_tiles),
        cmocka_unit_test(too_little_scratch_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
