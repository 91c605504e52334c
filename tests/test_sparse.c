/* tests/test_sparse.c - networks of maps at active pixels: the same bits in every map that an outsider reads;
 * to rounding where convolutions go by tiles. */
#include "tests/kernels.h"
#include "model/flatpoint.h"
#include "model/ops.h"
#include "model/run.h"
#include "model/sparse.h"

#define VALUES_MAX 24
#define LAYERS_MAX 20

struct net {
    struct glint_net net;
    struct glint_value values[VALUES_MAX];
    struct glint_layer layers[LAYERS_MAX];
    struct glint_conv_params conv[LAYERS_MAX];
    struct glint_deconv_params deconv[LAYERS_MAX];
    void *weights[LAYERS_MAX][4], *tile_weights[LAYERS_MAX];
    bool tiles;   /* convolutions of stride 1 go by tiles */
    size_t bytes; /* of all values */
    int32_t tokens, voxels;
    uint64_t seed;
};

static int32_t add_value(struct net *n, enum glint_value_kind kind, int32_t h, int32_t w, int32_t c)
{
    const int32_t v = n->net.n_values++;
    assert_true(v < VALUES_MAX);
    n->values[v] = (struct glint_value){
        .kind = kind, .h = h, .w = w, .c = c, .sites = -1, .parent = -1, .offset = n->bytes};
    n->bytes += kind == GLINT_VALUE_MAP ? glint_arena_round(glint_map_bytes(h, w, c)) : 0;
    return v;
}

static int32_t add_slice(struct net *n, int32_t map, int32_t first, int32_t c)
{
    const int32_t v = add_value(n, GLINT_VALUE_BYTES, n->values[map].h, n->values[map].w, c);
    n->values[v].kind = GLINT_VALUE_MAP;
    n->values[v].parent = map;
    n->values[v].first_channel = first;
    return v;
}

static struct glint_layer *add_layer(struct net *n, enum glint_op op, int32_t in, int32_t other, int32_t out)
{
    struct glint_layer *l = &n->layers[n->net.n_layers++];
    assert_true(n->net.n_layers <= LAYERS_MAX);
    *l = (struct glint_layer){
        .op = op, .stage = GLINT_STAGE_BEV, .n_in = other < 0 ? 1 : 2, .n_out = out >= 0};
    l->in[0] = in;
    l->in[1] = other;
    l->out[0] = out;
    return l;
}

static void pack(struct net *n, struct glint_weights *w, void **memory, int32_t k, int32_t n_out,
                 struct glint_winograd *tiles)
{
    float *rows = kernel_random(&n->seed, (int64_t)k * n_out, -0.4f, 0.4f);
    float *bias = kernel_random(&n->seed, n_out, -0.3f, 0.5f);
    *memory = kernel_alloc(glint_weights_bytes(k, n_out));
    glint_weights_pack(w, *memory, rows, k, NULL, bias, k, n_out);
    if (tiles) {
        void **tile_weights = &n->tile_weights[n->net.n_layers];
        *tile_weights = kernel_alloc(glint_winograd_bytes(k / 9, n_out));
        glint_winograd_pack(tiles, *tile_weights, rows, bias, k / 9, n_out);
    }
    free(rows);
    free(bias);
}

/* A convolution (kernel 1 or 3) to a new map of c channels, or to map `to` when that is not negative. */
static int32_t add_conv(struct net *n, int32_t kernel, int32_t stride, int32_t in, int32_t residual,
                        int32_t c, int32_t to)
{
    const struct glint_value from = n->values[in];
    const int32_t out =
        to >= 0 ? to : add_value(n, GLINT_VALUE_MAP, (from.h - 1) / stride + 1, (from.w - 1) / stride + 1, c);
    const int32_t at = n->net.n_layers;
    struct glint_conv_params *p = &n->conv[at];
    *p = (struct glint_conv_params){.stride = stride, .act = GLINT_ACT_RELU};
    pack(n, &p->weights, &n->weights[at][0], kernel * kernel * from.c, n->values[out].c,
         n->tiles && kernel == 3 && stride == 1 ? &p->tiles : NULL);
    add_layer(n, kernel == 3 ? GLINT_OP_CONV3X3 : GLINT_OP_CONV1X1, in, residual, out)->params = p;
    return out;
}

static void add_deconv(struct net *n, int32_t s, int32_t in, int32_t out)
{
    const int32_t at = n->net.n_layers;
    struct glint_deconv_params *p = &n->deconv[at];
    *p = (struct glint_deconv_params){.affine = {.k = n->values[in].c, .n = n->values[out].c, .kernel = s},
                                      .act = GLINT_ACT_RELU};
    for (int32_t i = 0; i < s * s; i++)
        pack(n, &p->weights[i], &n->weights[at][i], n->values[in].c, n->values[out].c, NULL);
    add_layer(n, GLINT_OP_DECONV, in, -1, out)->params = p;
}

static int32_t net_open(struct net *n, int32_t h, int32_t w)
{
    *n = (struct net){.seed = 1234, .tiles = n->tiles};
    n->net.values = n->values;
    n->net.layers = n->layers;
    n->voxels = add_value(n, GLINT_VALUE_VOXELS, 0, 0, 0);
    n->tokens = add_value(n, GLINT_VALUE_TOKENS, 0, 0, 6);
    const int32_t canvas = add_value(n, GLINT_VALUE_MAP, h, w, 6);
    add_layer(n, GLINT_OP_BEV_SCATTER, n->tokens, n->voxels, canvas);
    return canvas;
}

static void net_close(struct net *n)
{
    for (int i = 0; i < LAYERS_MAX; i++)
        for (int k = 0; k < 4; k++)
            free(n->weights[i][k]);
    for (int i = 0; i < LAYERS_MAX; i++)
        free(n->tile_weights[i]);
}

/* Like FlatFormer's: residuals in the convolution and beside it, a strided stage, a neck of slices, two
 * heads. */
static void make_second(struct net *n, int32_t h, int32_t w, int32_t heads[2])
{
    int32_t x = net_open(n, h, w);
    x = add_conv(n, 3, 1, x, -1, 8, -1);
    x = add_conv(n, 3, 1, x, x, 8, -1);
    const int32_t one = x, two = add_conv(n, 3, 2, x, -1, 12, -1);
    const int32_t more = add_conv(n, 3, 1, two, -1, 12, -1);
    const int32_t sum = add_value(n, GLINT_VALUE_MAP, n->values[two].h, n->values[two].w, 12);
    add_layer(n, GLINT_OP_ADD, two, more, sum);
    const int32_t neck = add_value(n, GLINT_VALUE_MAP, h, w, 20);
    add_conv(n, 1, 1, one, -1, 12, add_slice(n, neck, 0, 12));
    add_deconv(n, 2, sum, add_slice(n, neck, 12, 8));
    struct glint_layer *last = &n->layers[n->net.n_layers - 1];
    last->out[last->n_out++] = add_slice(n, neck, 0, 20); /* another name of the whole */
    const int32_t shared = add_conv(n, 3, 1, neck, -1, 10, -1);
    const int32_t hidden =
        add_conv(n, 3, 1, shared, -1, 8, -1); /* both heads use this map, one after the other */
    heads[0] = add_conv(n, 3, 1, hidden, -1, 3, -1);
    heads[1] = add_conv(n, 3, 1, add_conv(n, 3, 1, shared, -1, 8, hidden), -1, 1, -1);
    add_layer(n, GLINT_OP_CENTER_DECODE, heads[0], heads[1], -1);
}

/* No upsampling, two strides, odd sides. */
static void make_strided(struct net *n, int32_t h, int32_t w, int32_t heads[2])
{
    const int32_t x = net_open(n, h, w);
    heads[0] = add_conv(n, 3, 2, x, -1, 7, -1);
    heads[1] = add_conv(n, 3, 1, add_conv(n, 3, 2, heads[0], -1, 9, -1), -1, 5, -1);
    add_layer(n, GLINT_OP_CENTER_DECODE, heads[0], heads[1], -1);
}

/* A residual block: the shortcut is a convolution of one pixel, the sum is activated. */
static int32_t add_block(struct net *n, int32_t stride, int32_t in, int32_t c)
{
    const int32_t first = add_conv(n, 3, stride, in, -1, c, -1),
                  shortcut = add_conv(n, 1, stride, in, -1, c, -1);
    n->conv[n->net.n_layers - 1].act = GLINT_ACT_NONE;
    const int32_t out = add_conv(n, 3, 1, first, shortcut, c, -1);
    n->conv[n->net.n_layers - 1].act = GLINT_ACT_RELU_LAST;
    return out;
}

/* A kernel of cells two apart, added to its input: SST's last convolution. */
static int32_t add_wide(struct net *n, int32_t in)
{
    const bool tiles = n->tiles;
    n->tiles = false;
    const int32_t out = add_conv(n, 3, 1, in, in, n->values[in].c, -1);
    n->tiles = tiles;
    n->layers[n->net.n_layers - 1].op = GLINT_OP_CONV3X3_WIDE;
    n->conv[n->net.n_layers - 1].dilation = 2;
    return out;
}

/* DSVT's backbone, SST's wide kernel in it. */
static void make_residual(struct net *n, int32_t h, int32_t w, int32_t heads[2])
{
    const int32_t x = net_open(n, h, w);
    heads[0] = add_wide(n, add_block(n, 1, x, 8));
    heads[1] = add_block(n, 2, heads[0], 10);
    add_layer(n, GLINT_OP_CENTER_DECODE, heads[0], heads[1], -1);
}

/* Pillars merged two by two, rows counting x, and a background that is not zero. */
static void make_merged(struct net *n, int32_t h, int32_t w, int32_t heads[2])
{
    const int32_t merged = net_open(n, h, w);
    static struct glint_patch_merge_params p;
    p = (struct glint_patch_merge_params){.merge = {.stride = 2, .row_axis = 0}};
    pack(n, &p.merge.w, &n->weights[0][0], 2 * 2 * 6, 6, NULL);
    n->layers[0].op = GLINT_OP_PATCH_MERGE;
    n->layers[0].params = &p;
    n->layers[0].n_out = 2;
    n->layers[0].out[1] = add_value(n, GLINT_VALUE_BYTES, 0, 0, 0);
    n->bytes += glint_arena_round(glint_patch_merge_scratch(h, w, 2));
    const int32_t x = add_conv(n, 3, 1, merged, merged, 6, -1);
    heads[0] = add_conv(n, 3, 2, x, -1, 9, -1);
    heads[1] = add_value(n, GLINT_VALUE_MAP, h, w, 5);
    add_deconv(n, 2, add_conv(n, 3, 1, heads[0], -1, 9, -1), heads[1]);
    add_layer(n, GLINT_OP_CENTER_DECODE, heads[0], heads[1], -1);
}

struct frame {
    struct glint_voxels voxels;
    float *tokens;
};

static void frame_open(struct frame *f, const struct net *n, int32_t count)
{
    const struct glint_value *canvas = &n->values[n->layers[0].out[0]];
    const bool merged = n->layers[0].op == GLINT_OP_PATCH_MERGE;
    const int32_t size_x = merged ? 2 * canvas->h : canvas->w, size_y = merged ? 2 * canvas->w : canvas->h;
    uint64_t seed = 7 + (uint64_t)count;
    f->voxels = (struct glint_voxels){.n_voxels = count};
    f->voxels.coord = kernel_alloc((size_t)count * 3 * sizeof(int32_t) + 1);
    f->tokens = kernel_random(&seed, (int64_t)count * 6 + 1, -2, 2);
    for (int32_t i = 0; i < count; i++) { /* corners first; cells repeat, the last one stays */
        f->voxels.coord[3 * i] = i == 0   ? 0
                                 : i == 1 ? size_x - 1
                                          : (int32_t)(glint_test_random(&seed) % (uint64_t)size_x);
        f->voxels.coord[3 * i + 1] = i == 0   ? 0
                                     : i == 1 ? size_y - 1
                                              : (int32_t)(glint_test_random(&seed) % (uint64_t)size_y);
        f->voxels.coord[3 * i + 2] = 0;
    }
}

static void frame_close(struct frame *f)
{
    free(f->voxels.coord);
    free(f->tokens);
}

/* Runs all layers of maps into memory of its own, garbage before. */
static uint8_t *run(struct glint_exec *x, struct net *n, struct frame *f, struct glint_sparse *sparse,
                    double *flop_out)
{
    uint8_t *memory =
        kernel_alloc(n->bytes + glint_arena_round((size_t)f->voxels.n_voxels * 6 * sizeof(float)));
    struct glint_run r = {
        .exec = x, .sparse = sparse, .net = &n->net, .voxels = &f->voxels, .memory = memory};
    memset(memory, 0xff, n->bytes);
    n->values[n->tokens].offset = n->bytes;
    memcpy(memory + n->bytes, f->tokens, (size_t)f->voxels.n_voxels * 6 * sizeof(float));
    for (int32_t i = 0; i + 1 < n->net.n_layers; i++) /* the last reads the heads */
        assert_int_equal(sparse ? glint_sparse_layer(sparse, &r, &n->layers[i])
                                : glint_op_get(n->layers[i].op)->run(&r, &n->layers[i]),
                         GLINT_OK);
    *flop_out = r.cost.flop[GLINT_STAGE_BEV];
    return memory;
}

/* All pixels, to rounding. */
static void compare_map(const struct glint_value *v, void *got, void *want)
{
    struct glint_map a, b;
    double difference = 0.0, size = 1e-300;
    glint_map_init(&a, got, v->h, v->w, v->c);
    glint_map_init(&b, want, v->h, v->w, v->c);
    for (int32_t y = 0; y < v->h; y++)
        for (int64_t i = 0; i < v->w * a.ld; i++) {
            const double w = (double)b.data[y * b.pitch + i], d = (double)a.data[y * a.pitch + i] - w;
            difference += d * d;
            size += w * w;
        }
    if (!(sqrt(difference / size) <= 3e-6))
        fail_msg("relative error %.3g", sqrt(difference / size));
}

static void compare(struct glint_exec *x, struct net *n, struct glint_sparse *sparse, const int32_t heads[2],
                    int32_t count)
{
    struct frame f;
    double whole_flop, sparse_flop;
    frame_open(&f, n, count);
    uint8_t *whole = run(x, n, &f, NULL, &whole_flop), *part = run(x, n, &f, sparse, &sparse_flop);
    for (int i = 0; i < 2; i++) {
        const struct glint_value *v = &n->values[heads[i]];
        if (n->tiles)
            compare_map(v, part + v->offset, whole + v->offset);
        else
            assert_memory_equal(part + v->offset, whole + v->offset, glint_map_bytes(v->h, v->w, v->c));
    }
    assert_true(sparse_flop <= whole_flop && (count > 0) == (sparse_flop > 0));
    assert_true(count > 1 || sparse_flop < 0.5 * whole_flop);
    free(whole);
    free(part);
    frame_close(&f);
}

typedef void make_fn(struct net *n, int32_t h, int32_t w, int32_t heads[2]);

static void check(struct glint_exec *x, make_fn *make, int32_t h, int32_t w, bool tiles)
{
    static const int32_t counts[] = {0, 2, 5, 600, 1};
    struct net n;
    struct glint_sparse *sparse;
    int32_t heads[2];
    n.tiles = tiles;
    make(&n, h, w, heads);
    assert_int_equal(glint_sparse_open(&n.net, x, &sparse), GLINT_OK);
    assert_non_null(sparse);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        compare(x, &n, sparse, heads, counts[i]);
    glint_sparse_close(sparse);
    net_close(&n);
}

static void networks_of(struct glint_exec *x)
{
    for (int tiles = 0; tiles < 2; tiles++) {
        check(x, make_second, 62, 44, tiles);
        check(x, make_second, 40, 70, tiles);
        check(x, make_merged, 40, 36, tiles);
        check(x, make_residual, 40, 37, tiles);
        for (int32_t side = 40; side <= 43; side++)
            check(x, make_strided, side, 83 - side, tiles);
    }
}

static void the_same_bits_as_whole_maps(void **state)
{
    (void)state;
    kernel_each_exec(networks_of);
}

static void small_grids_and_foreign_maps_stay_whole(void **state)
{
    (void)state;
    struct glint_exec x;
    struct glint_sparse *sparse;
    struct net n = {.tiles = false};
    int32_t heads[2];
    assert_int_equal(glint_exec_init(&x, glint_cpu_isa(), 1, 1 << 20), GLINT_OK);
    make_second(&n, 20, 100, heads); /* no larger than what a pixel depends on */
    assert_int_equal(glint_sparse_open(&n.net, &x, &sparse), GLINT_OK);
    assert_null(sparse);
    net_close(&n);
    make_second(&n, 130, 100, heads);
    n.layers[0].op = GLINT_OP_VFE; /* a map from who knows where */
    assert_int_equal(glint_sparse_open(&n.net, &x, &sparse), GLINT_OK);
    assert_null(sparse);
    net_close(&n);
    glint_exec_fini(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_bits_as_whole_maps),
        cmocka_unit_test(small_grids_and_foreign_maps_stay_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
