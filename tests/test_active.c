/* tests/test_active.c - sets of pixels against one pixel at a time; a network at active pixels against the
 * whole. */
#include "tests/kernels.h"
#include "model/bev.h"

static bool has(const struct glint_active *a, int32_t y, int32_t x)
{
    return y >= 0 && y < a->h && x >= 0 && x < a->w && a->bits[y * a->words + x / 64] >> (x % 64) & 1;
}

static void open_active(struct glint_active *a, int32_t h, int32_t w)
{
    glint_active_init(a, kernel_alloc(glint_active_bytes(h, w)), h, w);
}

static void random_active(struct glint_active *a, uint64_t *seed, int32_t n)
{
    for (int32_t i = 0; i < n; i++) {
        const int32_t coord[3] = {(int32_t)(glint_test_random(seed) % (uint64_t)a->w),
                                  (int32_t)(glint_test_random(seed) % (uint64_t)a->h), 0};
        glint_active_set(a, coord, 1, 1, 1);
    }
}

static void check_grow(const struct glint_active *in, int32_t stride)
{
    struct glint_active out;
    open_active(&out, (in->h - 1) / stride + 1, (in->w - 1) / stride + 1);
    glint_active_grow(in, stride, &out);
    int64_t n = 0;
    for (int32_t y = 0; y < out.h; y++)
        for (int32_t x = 0; x < out.w; x++) {
            bool want = false;
            for (int32_t tap = 0; tap < 9; tap++)
                want |= has(in, y * stride + tap / 3 - 1, x * stride + tap % 3 - 1);
            assert_int_equal(has(&out, y, x), want);
            n += want;
        }
    assert_int_equal(glint_active_count(&out), n); /* nothing beyond the last column */
    free(out.bits);
}

static void check_reads(const struct glint_active *out, int32_t stride, int32_t h, int32_t w)
{
    struct glint_active in, want;
    open_active(&in, h, w);
    open_active(&want, h, w);
    glint_active_reads(out, stride, &in);
    for (int32_t i = 0; i < 9 * out->h * out->w; i++) {
        const int32_t y = i / 9 / out->w, x = i / 9 % out->w;
        const int32_t coord[3] = {x * stride + i % 3 - 1, y * stride + i % 9 / 3 - 1, 0};
        if (has(out, y, x) && coord[0] >= 0 && coord[0] < w && coord[1] >= 0 && coord[1] < h)
            glint_active_set(&want, coord, 1, 1, 1);
    }
    assert_memory_equal(in.bits, want.bits, glint_active_bytes(h, w));
    free(in.bits);
    free(want.bits);
}

static void check_upsample(const struct glint_active *in, int32_t s)
{
    struct glint_active out;
    open_active(&out, s * in->h, s * in->w);
    glint_active_upsample(in, s, &out);
    for (int32_t y = 0; y < out.h; y++)
        for (int32_t x = 0; x < out.w; x++)
            assert_int_equal(has(&out, y, x), has(in, y / s, x / s));
    free(out.bits);
}

static void check_list(const struct glint_active *in)
{
    struct glint_active seen;
    open_active(&seen, in->h, in->w);
    const int64_t n = glint_active_count(in);
    struct glint_pixel *list = kernel_alloc(((size_t)n + 1) * sizeof *list);
    assert_int_equal(glint_active_list(in, list), n);
    for (int64_t i = 0; i < n; i++) {
        const int32_t coord[3] = {list[i].x, list[i].y, 0};
        assert_true(has(in, list[i].y, list[i].x) && !has(&seen, list[i].y, list[i].x));
        glint_active_set(&seen, coord, 1, 1, 1);
    }
    glint_active_remove(&seen, in);
    assert_int_equal(glint_active_count(&seen), 0);
    glint_active_add(&seen, in);
    assert_int_equal(glint_active_count(&seen), n);
    free(list);
    free(seen.bits);
}

/* Whether the tile of pixel (y, x) has an active pixel. */
static bool tile_has(const struct glint_active *a, int32_t y, int32_t x)
{
    bool any = false;
    for (int32_t i = 0; i < 16; i++)
        any |= has(a, y / 4 * 4 + i / 4, x / 4 * 4 + i % 4);
    return any;
}

static void check_tiles(const struct glint_active *in)
{
    struct glint_active seen;
    const size_t cap = glint_active_cap_tiles(in->h, in->w);
    struct glint_tile *list = kernel_alloc(cap * sizeof *list);
    const int32_t n = glint_active_tiles(in, list);
    open_active(&seen, in->h, in->w);
    assert_true(n <= (int32_t)cap && n == glint_active_count_tiles(in));
    for (int32_t i = 0; i < n * 16; i++) {
        const struct glint_tile *t = &list[i / 16];
        const int32_t coord[3] = {t->x + i % 4, t->y + i % 16 / 4, 0};
        assert_true(t->pixels && t->x % 4 == 0 && t->y % 4 == 0);
        if (t->pixels >> (i % 16) & 1)
            glint_active_set(&seen, coord, 1, 1, 1);
    }
    assert_memory_equal(seen.bits, in->bits, glint_active_bytes(in->h, in->w));
    free(list);
    free(seen.bits);
}

static void check_tile_reads(const struct glint_active *out)
{
    struct glint_active in;
    int64_t n = 0;
    open_active(&in, out->h, out->w);
    glint_active_tile_reads(out, &in);
    for (int32_t y = 0; y < in.h; y++)
        for (int32_t x = 0; x < in.w; x++) {
            bool want = false; /* a pixel is read by its own tile and by those of its neighbours */
            for (int32_t tap = 0; tap < 9; tap++) {
                const int32_t ny = y + tap / 3 - 1, nx = x + tap % 3 - 1;
                want |= ny >= 0 && nx >= 0 && ny < in.h && nx < in.w && tile_has(out, ny, nx);
            }
            assert_int_equal(has(&in, y, x), want);
            n += want;
        }
    assert_int_equal(glint_active_count(&in), n);
    free(in.bits);
}

static void sets_of_every_width(void **state)
{
    (void)state;
    uint64_t seed = 3;
    for (int32_t w = 1; w <= 200; w += w < 70 ? 1 : 13) {
        struct glint_active in;
        open_active(&in, 1 + w % 9, w);
        random_active(&in, &seed, w / 4 + 1);
        check_grow(&in, 1);
        check_grow(&in, 2);
        check_reads(&in, 1, in.h, in.w);
        check_reads(&in, 2, 2 * in.h, 2 * in.w);
        check_reads(&in, 2, 2 * in.h - 1, 2 * in.w - 1);
        check_upsample(&in, 1 + w % 3);
        check_list(&in);
        check_tiles(&in);
        check_tile_reads(&in);
        free(in.bits);
    }
}

/* A network like SECOND with its neck, in short: two convolutions with a residual, a strided one and another,
 * both brought together at full resolution, and a head. */
enum { INPUT, C0, C1, D0, D1, NECK, SHARED, HEAD, MAPS };
static const int32_t channels[MAPS] = {5, 16, 16, 20, 20, 24, 16, 2};
static const int32_t scale[MAPS] = {1, 1, 1, 2, 2, 1, 1, 1};

struct net {
    struct glint_weights w[MAPS], up[4];
    void *memory[MAPS], *up_memory[4];
};

struct maps {
    struct glint_map map[MAPS];
    void *memory[MAPS];
};

static void pack(struct glint_weights *w, void **memory, uint64_t *seed, int32_t k, int32_t n)
{
    float *rows = kernel_random(seed, (int64_t)k * n, -0.4f, 0.4f),
          *bias = kernel_random(seed, n, -0.3f, 0.5f);
    *memory = kernel_alloc(glint_weights_bytes(k, n));
    glint_weights_pack(w, *memory, rows, k, NULL, bias, k, n);
    free(rows);
    free(bias);
}

static void net_open(struct net *net)
{
    uint64_t seed = 99;
    for (int i = C0; i < MAPS; i++)
        pack(&net->w[i], &net->memory[i], &seed, (i == NECK ? 1 : 9) * channels[i == NECK ? C1 : i - 1],
             i == NECK ? 12 : channels[i]);
    for (int i = 0; i < 4; i++)
        pack(&net->up[i], &net->up_memory[i], &seed, channels[D1], 12);
}

static void net_close(struct net *net)
{
    for (int i = C0; i < MAPS; i++)
        free(net->memory[i]);
    for (int i = 0; i < 4; i++)
        free(net->up_memory[i]);
}

static void maps_open(struct maps *m, int32_t h, int32_t w)
{
    for (int i = 0; i < MAPS; i++) {
        const size_t bytes = glint_map_bytes(h / scale[i], w / scale[i], channels[i]);
        m->memory[i] = kernel_alloc(bytes);
        memset(m->memory[i], 0xff, bytes); /* NaN */
        glint_map_init(&m->map[i], m->memory[i], h / scale[i], w / scale[i], channels[i]);
        glint_map_clear_border(&m->map[i]);
    }
}

static void maps_close(struct maps *m)
{
    for (int i = 0; i < MAPS; i++)
        free(m->memory[i]);
}

static void run_whole(struct glint_exec *x, const struct net *net, struct maps *m)
{
    struct glint_map *map = m->map;
    const struct glint_map left = glint_map_slice(&map[NECK], 0, 12),
                           right = glint_map_slice(&map[NECK], 12, 12);
    glint_conv3x3(x, &map[INPUT], &net->w[C0], 1, GLINT_ACT_RELU, NULL, &map[C0]);
    glint_conv3x3(x, &map[C0], &net->w[C1], 1, GLINT_ACT_RELU, &map[C0], &map[C1]);
    glint_conv3x3(x, &map[C1], &net->w[D0], 2, GLINT_ACT_RELU, NULL, &map[D0]);
    glint_conv3x3(x, &map[D0], &net->w[D1], 1, GLINT_ACT_RELU, &map[D0], &map[D1]);
    glint_conv1x1(x, &map[C1], &net->w[NECK], 1, GLINT_ACT_RELU, &left);
    glint_deconv(x, &map[D1], net->up, 2, GLINT_ACT_RELU, &right);
    glint_conv3x3(x, &map[NECK], &net->w[SHARED], 1, GLINT_ACT_RELU, NULL, &map[SHARED]);
    glint_conv3x3(x, &map[SHARED], &net->w[HEAD], 1, GLINT_ACT_NONE, NULL, &map[HEAD]);
}

struct sparse {
    struct glint_active active[MAPS], up, reads;
    struct glint_pixel *list;
};

/* Background around `computed` of map i, as far as any layer reads. */
static void surround(struct glint_exec *x, struct sparse *s, const struct glint_map *small,
                     const struct glint_map *map, const struct glint_active *computed,
                     const struct glint_active *reads)
{
    struct glint_active rest;
    open_active(&rest, reads->h, reads->w);
    glint_active_add(&rest, reads);
    glint_active_remove(&rest, computed);
    glint_background_fill(x, small, map->w == s->active[INPUT].w ? 2 : 1, s->list,
                          glint_active_list(&rest, s->list), map);
    free(rest.bits);
}

static void grow_twice(const struct glint_active *in, struct glint_active *out)
{
    struct glint_active once;
    open_active(&once, in->h, in->w);
    glint_active_grow(in, 1, &once);
    glint_active_grow(&once, 1, out);
    free(once.bits);
}

/* Convolution `to` from map `from`: its active pixels, and the background two pixels around them. */
static void conv(struct glint_exec *x, struct sparse *s, const struct net *net, const struct maps *small,
                 struct maps *m, int from, int to)
{
    struct glint_active *active = &s->active[to], reads;
    const int32_t stride = scale[to] / scale[from];
    glint_active_grow(&s->active[from], stride, active);
    glint_conv3x3_at(x, &m->map[from], &net->w[to], stride, to == HEAD ? GLINT_ACT_NONE : GLINT_ACT_RELU,
                     to == C1 || to == D1 ? &m->map[from] : NULL, &m->map[to], s->list,
                     glint_active_list(active, s->list));
    open_active(&reads, active->h, active->w);
    grow_twice(active, &reads);
    surround(x, s, &small->map[to], &m->map[to], active, &reads);
    free(reads.bits);
}

static void neck(struct glint_exec *x, struct sparse *s, const struct net *net, const struct maps *small,
                 struct maps *m)
{
    struct glint_active *both = &s->active[NECK];
    const struct glint_map left = glint_map_slice(&m->map[NECK], 0, 12),
                           right = glint_map_slice(&m->map[NECK], 12, 12);
    const struct glint_map small_left = glint_map_slice(&small->map[NECK], 0, 12);
    const struct glint_map small_right = glint_map_slice(&small->map[NECK], 12, 12);
    glint_deconv_at(x, &m->map[C1], &net->w[NECK], 1, GLINT_ACT_RELU, &left, s->list,
                    glint_active_list(&s->active[C1], s->list));
    glint_deconv_at(x, &m->map[D1], net->up, 2, GLINT_ACT_RELU, &right, s->list,
                    glint_active_list(&s->active[D1], s->list));
    glint_active_upsample(&s->active[D1], 2, &s->up);
    glint_active_add(both, &s->up);
    glint_active_add(both, &s->active[C1]);
    grow_twice(both, &s->reads);
    surround(x, s, &small_left, &left, &s->active[C1], &s->reads);
    surround(x, s, &small_right, &right, &s->up, &s->reads);
}

static void run_sparse(struct glint_exec *x, const struct net *net, const struct maps *small, struct maps *m,
                       const struct glint_active *input)
{
    struct sparse s = {0};
    for (int i = 0; i < MAPS; i++)
        open_active(&s.active[i], m->map[i].h, m->map[i].w);
    open_active(&s.up, m->map[NECK].h, m->map[NECK].w);
    open_active(&s.reads, m->map[NECK].h, m->map[NECK].w);
    s.list = kernel_alloc((size_t)(m->map[NECK].h * m->map[NECK].w) * sizeof *s.list);
    glint_active_add(&s.active[INPUT], input);
    conv(x, &s, net, small, m, INPUT, C0);
    conv(x, &s, net, small, m, C0, C1);
    conv(x, &s, net, small, m, C1, D0);
    conv(x, &s, net, small, m, D0, D1);
    neck(x, &s, net, small, m);
    conv(x, &s, net, small, m, NECK, SHARED);
    conv(x, &s, net, small, m, SHARED, HEAD);
    struct glint_active all; /* the rest of the last map */
    open_active(&all, input->h, input->w);
    for (int32_t i = 0; i < input->h * input->w; i++)
        glint_active_set(&all, (int32_t[3]){i % input->w, i / input->w, 0}, 1, 1, 1);
    surround(x, &s, &small->map[HEAD], &m->map[HEAD], &s.active[HEAD], &all);
    free(all.bits);
    for (int i = 0; i < MAPS; i++)
        free(s.active[i].bits);
    free(s.up.bits);
    free(s.reads.bits);
    free(s.list);
}

/* Zero but for n pixels, among them corners. */
static void make_input(struct glint_map *map, struct glint_active *active, uint64_t *seed, int32_t n)
{
    for (int32_t y = 0; y < map->h; y++)
        memset(map->data + y * map->pitch, 0, (size_t)(map->w * map->ld) * sizeof(float));
    random_active(active, seed, n);
    if (n > 3)
        glint_active_set(active, (int32_t[6]){0, 0, 0, map->w - 1, map->h - 1, 0}, 2, 1, 1);
    for (int32_t i = 0; i < map->h * map->w; i++)
        for (int32_t c = 0; c < map->c && has(active, i / map->w, i % map->w); c++)
            map->data[i / map->w * map->pitch + i % map->w * map->ld + c] = glint_test_uniform(seed, -2, 2);
}

static void sparse_of(struct glint_exec *x)
{
    static const int32_t counts[] = {0, 1, 5, 700};
    uint64_t seed = 17;
    struct net net;
    struct maps small;
    struct glint_active none;
    net_open(&net);
    maps_open(&small, 28, 26); /* 52 x 44 less multiples of 2 */
    open_active(&none, 28, 26);
    make_input(&small.map[INPUT], &none, &seed, 0);
    run_whole(x, &net, &small);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct maps whole, sparse;
        struct glint_active active;
        maps_open(&whole, 52, 44);
        maps_open(&sparse, 52, 44);
        open_active(&active, 52, 44);
        make_input(&whole.map[INPUT], &active, &seed, counts[i]);
        memcpy(sparse.memory[INPUT], whole.memory[INPUT], glint_map_bytes(52, 44, channels[INPUT]));
        run_whole(x, &net, &whole);
        run_sparse(x, &net, &small, &sparse, &active);
        assert_memory_equal(sparse.memory[HEAD], whole.memory[HEAD], glint_map_bytes(52, 44, channels[HEAD]));
        maps_close(&whole);
        maps_close(&sparse);
        free(active.bits);
    }
    maps_close(&small);
    net_close(&net);
    free(none.bits);
}

static void active_pixels_give_the_same_bits(void **state)
{
    (void)state;
    kernel_each_exec(sparse_of);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_of_every_width),
        cmocka_unit_test(active_pixels_give_the_same_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
