/* tests/cuda/test_tokens.c - position embeddings, the voxel encoder, attention and the whole layer on the
 * device against the CPU's reference. */
#include "attention/cuda/attend.h"
#include "attention/cuda/flat_layer.h"
#include "attention/cuda/posenc.h"
#include "attention/cuda/vfe.h"
#include "cuda/cuda_weights.h"

#define SCRATCH ((size_t)4 << 20)

static void open_cpu(struct glint_exec *x)
{
    assert_ok(glint_exec_init(x, 0, 1, SCRATCH));
}

/* positions */

static void positions(void **state)
{
    struct glint_cuda_test *t = *state;
    static const int32_t dims[] = {4, 6, 64, 128, 3};
    uint64_t seed = 3;
    for (int k = 0; k < 10; k++) {
        const int32_t dim = dims[k % 5], n = 77, values = k < 5 ? 50 : 13;
        const size_t bytes = glint_posenc_bytes(dim, values);
        void *table = malloc(bytes + 1);
        struct glint_posenc p;
        if (k < 5)
            glint_posenc_flatformer(&p, table, dim, values);
        else
            glint_posenc_window(&p, table, dim, values, 6, 1000);
        int32_t coord[3 * 77];
        for (int32_t i = 0; i < 3 * n; i++)
            coord[i] = (int32_t)(glint_test_random(&seed) % 50);
        float *want = malloc((size_t)(n * dim) * 4);
        struct glint_exec x;
        open_cpu(&x);
        assert_ok(glint_posenc(&x, &p, coord, n, want));
        p.table = glint_cuda_put(t, table, bytes);
        float *out = glint_cuda_put(t, NULL, (size_t)(90 * dim) * 4);
        assert_ok(glint_posenc_cuda(t->stream, &p, glint_cuda_put(t, coord, sizeof coord),
                                    glint_cuda_put(t, &n, 4), 90, out));
        float *got = got_floats(t, out, 90 * dim, GLINT_PRECISION_FP32);
        assert_memory_equal(got, want, (size_t)(n * dim) * 4);
        assert_true(isnan(got[n * dim]));
        glint_exec_fini(&x);
        free(table);
        free(want);
        free(got);
    }
}

/* voxel encoder */

struct sorted { /* points in voxels */
    int32_t n_points, n_voxels;
    float *field[6];
    int32_t point[4000], voxel[4000], start[1501], coord[4500];
};

/* Voxels of 1 .. 3 points, some of many; `empty`: every 7th ends with an empty slot. */
static void make_points(struct sorted *s, int32_t n_voxels, int32_t largest, bool empty, uint64_t seed)
{
    s->n_points = 0;
    s->n_voxels = n_voxels;
    for (int32_t v = 0; v < n_voxels; v++) {
        const int32_t n = v % 19 == 5 ? largest : 1 + (int32_t)(glint_test_random(&seed) % 3);
        s->start[v] = s->n_points;
        for (int32_t i = 0; i < n; i++) {
            const int32_t at = s->n_points++;
            s->voxel[at] = v;
            s->point[at] = empty && v % 7 == 0 && i > 0 && i + 1 == n ? -1 : 3999 - at;
        }
        for (int k = 0; k < 3; k++)
            s->coord[3 * v + k] = (int32_t)(glint_test_random(&seed) % 40);
    }
    s->start[n_voxels] = s->n_points;
    assert_in_range(s->n_points, 0, 4000);
    for (int k = 0; k < 6; k++)
        s->field[k] = k == GLINT_FIELD_LAG ? NULL : made_floats(4000, -5, 5, &seed);
}

struct encoder {
    struct glint_vfe vfe;
    void *memory[2 * GLINT_VFE_LAYERS];
};

static void make_encoder(struct encoder *e, int32_t n_layers, const int32_t *width, uint64_t seed)
{
    static const struct glint_vfe_column columns[] = {
        {GLINT_VFE_FIELD, GLINT_FIELD_X, 0.1f},
        {GLINT_VFE_FIELD, GLINT_FIELD_Y, 1},
        {GLINT_VFE_FIELD, GLINT_FIELD_Z, 1},
        {GLINT_VFE_FIELD, GLINT_FIELD_INTENSITY, 1},
        {GLINT_VFE_FIELD, GLINT_FIELD_LAG, 1},
        {GLINT_VFE_MEAN, 0, 0.7f},
        {GLINT_VFE_MEAN, 1, 1},
        {GLINT_VFE_MEAN, 2, 1},
        {GLINT_VFE_CENTRE, 0, 1},
        {GLINT_VFE_CENTRE, 1, 0.3f},
        {GLINT_VFE_CENTRE, 2, 1},
    };
    *e = (struct encoder){0};
    struct glint_vfe *v = &e->vfe;
    v->n_columns = sizeof columns / sizeof *columns;
    memcpy(v->column, columns, sizeof columns);
    v->n_layers = n_layers;
    for (int k = 0; k < 3; k++) {
        v->cell[k] = 0.32f + (float)k;
        v->centre_offset[k] = -7.3f;
    }
    for (int32_t l = 0; l < n_layers; l++) {
        v->width[l] = width[l];
        v->point[l] = made_weights(l ? width[l - 1] : v->n_columns, width[l], &seed, &e->memory[2 * l]);
        if (l == 0)
            continue;
        v->voxel[l] = made_weights(width[l - 1], width[l], &seed, &e->memory[2 * l + 1]);
        memset((float *)e->memory[2 * l + 1] + (width[l] + 31) / 32 * 32 * width[l - 1], 0,
               (size_t)width[l] * 4);
    }
}

struct shown { /* what taps want, on one side */
    struct glint_vfe_taps taps;
    float *out;
};

static int64_t tap_floats(const struct sorted *s, const struct glint_vfe *v, int which)
{
    if (which == 0)
        return (int64_t)s->n_points * v->n_columns;
    if (which == 1)
        return (int64_t)s->n_voxels * 3;
    const int l = (which - 2) / 2;
    return l < v->n_layers ? (int64_t)(which % 2 ? s->n_voxels : s->n_points) * v->width[l] : 0;
}
static float **tap_at(struct glint_vfe_taps *t, int which)
{
    return which == 0   ? &t->in
           : which == 1 ? &t->mean
           : which % 2  ? &t->layer_voxel[(which - 2) / 2]
                        : &t->layer_point[(which - 2) / 2];
}

/* taps: all; else those of the last layer's points only. */
static void encode_and_compare(struct glint_cuda_test *t, enum glint_precision p, struct encoder *e,
                               struct sorted *s, bool taps)
{
    struct glint_exec x;
    struct glint_vfe_cuda v;
    struct shown cpu = {0}, gpu = {0};
    const int first = t->n_blocks;
    const int32_t last = e->vfe.n_layers - 1, most_points = s->n_points + 90, most_voxels = s->n_voxels + 30;
    const int64_t outs = (int64_t)s->n_voxels * e->vfe.width[last];
    open_cpu(&x);
    for (int k = 0; k < 2 + 2 * e->vfe.n_layers; k++)
        if (taps || k == 2 + 2 * last) {
            *tap_at(&cpu.taps, k) = malloc((size_t)tap_floats(s, &e->vfe, k) * 4 + 4);
            *tap_at(&gpu.taps, k) = glint_cuda_put(t, NULL, (size_t)tap_floats(s, &e->vfe, k) * 4);
        }
    cpu.out = malloc((size_t)outs * 4 + 4);
    const struct glint_points points = {.n = 4000,
                                        .x = s->field[0],
                                        .y = s->field[1],
                                        .z = s->field[2],
                                        .intensity = s->field[3],
                                        .elongation = s->field[4]};
    assert_ok(glint_vfe(&x, &e->vfe, &points, s->point, s->start, s->coord, s->n_voxels, cpu.out, &cpu.taps));
    struct glint_vfe_points d = {.n_points = glint_cuda_put(t, &s->n_points, 4),
                                 .n_voxels = glint_cuda_put(t, &s->n_voxels, 4),
                                 .most_points = most_points,
                                 .most_voxels = most_voxels};
    for (int k = 0; k < 6; k++)
        d.field[k] = s->field[k] ? glint_cuda_put(t, s->field[k], 4000 * 4) : NULL;
    d.point = glint_cuda_put(t, s->point, (size_t)s->n_points * 4);
    d.voxel = glint_cuda_put(t, s->voxel, (size_t)s->n_points * 4);
    d.start = glint_cuda_put(t, s->start, (size_t)(s->n_voxels + 1) * 4);
    d.coord = glint_cuda_put(t, s->coord, (size_t)s->n_voxels * 12);
    const size_t bytes = glint_vfe_cuda_weights_bytes(&e->vfe, p);
    void *host = aligned_alloc(64, bytes), *device = glint_cuda_put(t, NULL, bytes);
    glint_vfe_cuda_pack(&v, &e->vfe, p, host, device);
    assert_ok(glint_stream_upload(t->stream, device, host, bytes));
    gpu.out = glint_cuda_put(t, NULL, (size_t)outs * 4);
    assert_ok(
        glint_vfe_cuda(t->stream, &v, &d, gpu.out, &gpu.taps,
                       glint_cuda_put(t, NULL, glint_vfe_cuda_scratch(&v, most_points, most_voxels, taps))));
    float *got = got_floats(t, gpu.out, outs, GLINT_PRECISION_FP32);
    const double error = relative_error(got, cpu.out, outs);
    if (!(error <= most_error(p)))
        print_error("precision %d, %d voxels, %d layers of %d: error %g\n", (int)p, s->n_voxels,
                    e->vfe.n_layers, e->vfe.width[last], error);
    assert_true(error <= most_error(p));
    free(got);
    for (int k = 0; k < 2 + 2 * e->vfe.n_layers; k++) {
        const float *want = *tap_at(&cpu.taps, k);
        const int64_t n = tap_floats(s, &e->vfe, k);
        if (!want)
            continue;
        got = got_floats(t, *tap_at(&gpu.taps, k), n, GLINT_PRECISION_FP32);
        if (k < 2)
            assert_memory_equal(got, want, (size_t)n * 4);
        assert_true(relative_error(got, want, n) <= most_error(p));
        free(got);
        free(*tap_at(&cpu.taps, k));
    }
    free(host);
    free(cpu.out);
    glint_exec_fini(&x);
    free_blocks(t, first);
}

static void encode(struct glint_cuda_test *t, enum glint_precision p, int32_t n_layers, const int32_t *width,
                   int32_t n_voxels, int32_t largest, bool empty)
{
    static struct sorted s;
    struct encoder e;
    make_encoder(&e, n_layers, width, 5);
    make_points(&s, n_voxels, largest, empty, 7 + (uint64_t)n_voxels);
    encode_and_compare(t, p, &e, &s, false);
    encode_and_compare(t, p, &e, &s, true);
    for (size_t i = 0; i < sizeof e.memory / sizeof *e.memory; i++)
        free(e.memory[i]);
    for (int k = 0; k < 6; k++)
        free(s.field[k]);
}

static void voxel_encoder(void **state)
{
    static const int32_t flat[] = {64, 128}, small[] = {32, 64}, odd[] = {24, 17, 40}, one[] = {64};
    for (int p = 0; p < PRECISIONS; p++) {
        const enum glint_precision precision = (enum glint_precision)p;
        encode(*state, precision, 2, flat, 150, 40, false);
        encode(*state, precision, 2, small, 61, 300, true);
        encode(*state, precision, 3, odd, 50, 20, true);
        encode(*state, precision, 1, one, 33, 10, false);
        encode(*state, precision, 2, small, 0, 10, false);
        encode(*state, precision, 2, small, 1, 1, false);
    }
}

/* layers */

struct layer {
    struct glint_flat_layer l;
    void *memory[5];
    float *norm;
};

static void make_layer(struct layer *l, int32_t dim, int32_t heads, int32_t ffn, int32_t group,
                       enum glint_short_group short_group, uint64_t seed)
{
    l->norm = made_floats(4 * dim, 0.5f, 1.5f, &seed);
    l->l = (struct glint_flat_layer){.dim = dim,
                                     .heads = heads,
                                     .ffn = ffn,
                                     .group = group,
                                     .qk = made_weights(dim, 2 * dim, &seed, &l->memory[0]),
                                     .v = made_weights(dim, dim, &seed, &l->memory[1]),
                                     .out = made_weights(dim, dim, &seed, &l->memory[2]),
                                     .fc1 = made_weights(dim, ffn, &seed, &l->memory[3]),
                                     .fc2 = made_weights(ffn, dim, &seed, &l->memory[4]),
                                     .norm1_weight = l->norm,
                                     .norm1_bias = l->norm + dim,
                                     .norm2_weight = l->norm + 2 * dim,
                                     .norm2_bias = l->norm + 3 * dim,
                                     .norm_eps = 1e-5f,
                                     .short_group = short_group};
}

static void shuffle(int32_t *perm, int32_t n, uint64_t *seed)
{
    for (int32_t i = 0; i < n; i++)
        perm[i] = i;
    for (int32_t i = n - 1; i > 0; i--) {
        const int32_t j = (int32_t)(glint_test_random(seed) % (uint64_t)(i + 1)), swapped = perm[i];
        perm[i] = perm[j];
        perm[j] = swapped;
    }
}

static void run_layer(struct glint_cuda_test *t, enum glint_precision p, const struct layer *l, int32_t n,
                      bool tap)
{
    struct glint_exec x;
    struct glint_flat_layer_cuda d;
    const int first = t->n_blocks;
    const int32_t dim = l->l.dim, g = l->l.group, most = n + 100;
    uint64_t seed = 77 + (uint64_t)n;
    float *in = made_floats((int64_t)n * dim, -2, 2, &seed),
          *pe = made_floats((int64_t)n * dim, -1, 1, &seed);
    int32_t *perm = malloc((size_t)most * 4);
    shuffle(perm, n, &seed);
    const int32_t groups = (n + g - 1) / g;
    const int32_t padded = n < g && l->l.short_group == GLINT_SHORT_GROUP_SINGLE ? n : groups * g;
    float *want = malloc((size_t)n * (size_t)dim * 4 + 4),
          *attn = malloc((size_t)groups * (size_t)g * (size_t)dim * 4 + 4);
    assert_ok(glint_exec_init(&x, 0, 1, glint_flat_layer_scratch(&l->l) + 4096));
    assert_ok(glint_flat_layer(&x, &l->l, in, pe, perm, n, want, attn));
    const size_t bytes = glint_flat_layer_cuda_weights_bytes(&l->l, p);
    void *host = aligned_alloc(64, bytes), *device = glint_cuda_put(t, NULL, bytes);
    glint_flat_layer_cuda_pack(&d, &l->l, p, host, device);
    assert_ok(glint_stream_upload(t->stream, device, host, bytes));
    float *out = glint_cuda_put(t, NULL, (size_t)most * (size_t)dim * 4);
    float *attn_d = tap ? glint_cuda_put(t, NULL, (size_t)(most + g) * (size_t)dim * 4) : NULL;
    assert_ok(glint_flat_layer_cuda(t->stream, &d, glint_cuda_put(t, in, (size_t)n * (size_t)dim * 4),
                                    glint_cuda_put(t, pe, (size_t)n * (size_t)dim * 4),
                                    glint_cuda_put(t, perm, (size_t)n * 4), glint_cuda_put(t, &n, 4), most,
                                    out, attn_d,
                                    glint_cuda_put(t, NULL, glint_flat_layer_cuda_scratch(&d, most, tap))));
    float *got = got_floats(t, out, (int64_t)(n + 1) * dim, GLINT_PRECISION_FP32);
    const double error = relative_error(got, want, (int64_t)n * dim);
    if (!(error <= most_error(p)))
        print_error("precision %d, %d tokens, width %d, %d heads, group %d: error %g\n", (int)p, n, dim,
                    l->l.heads, g, error);
    assert_true(error <= most_error(p));
    assert_true(isnan(got[(int64_t)n * dim]));
    if (tap && n > 0) {
        float *shown = got_floats(t, attn_d, (int64_t)padded * dim, GLINT_PRECISION_FP32);
        assert_true(relative_error(shown, attn, (int64_t)padded * dim) <= 3 * most_error(p));
        free(shown);
    }
    void *all[] = {in, pe, perm, want, attn, host, got};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
    glint_exec_fini(&x);
    free_blocks(t, first);
}

static void run_layers(struct glint_cuda_test *t, int32_t dim, int32_t heads, int32_t ffn, int32_t group,
                       enum glint_short_group short_group, const int32_t *sizes, int n_sizes)
{
    struct layer l;
    make_layer(&l, dim, heads, ffn, group, short_group, (uint64_t)(dim + group));
    for (int i = 0; i < PRECISIONS * n_sizes; i++)
        run_layer(t, (enum glint_precision)(i % PRECISIONS), &l, sizes[i / PRECISIONS], i % 2);
    for (size_t i = 0; i < 5; i++)
        free(l.memory[i]);
    free(l.norm);
}

static void layers_of_flatformer(void **state)
{
    static const int32_t sizes[] = {0, 1, 40, 69, 70};
    run_layers(*state, 128, 8, 256, 69, GLINT_SHORT_GROUP_SINGLE, sizes, 5);
}
static void layers_of_flatpoint(void **state)
{
    static const int32_t sizes[] = {1, 20, 64, 130};
    run_layers(*state, 64, 4, 128, 64, GLINT_SHORT_GROUP_WRAP, sizes, 4);
}
static void layers_of_other_sizes(void **state)
{
    static const int32_t few[] = {37}, more[] = {150}, many[] = {230};
    run_layers(*state, 64, 2, 96, 144, GLINT_SHORT_GROUP_SINGLE, more, 1);
    run_layers(*state, 64, 4, 128, 200, GLINT_SHORT_GROUP_SINGLE, many, 1);
    run_layers(*state, 40, 5, 24, 7, GLINT_SHORT_GROUP_WRAP, few, 1);
    run_layers(*state, 96, 2, 50, 16, GLINT_SHORT_GROUP_SINGLE, few, 1);
    run_layers(*state, 288, 18, 64, 20, GLINT_SHORT_GROUP_SINGLE, few, 1);
    run_layers(*state, 32, 1, 64, 300, GLINT_SHORT_GROUP_WRAP, more, 1);
}

static const struct CMUnitTest tests[] = {
    cuda_test(positions),           cuda_test(voxel_encoder),         cuda_test(layers_of_flatformer),
    cuda_test(layers_of_flatpoint), cuda_test(layers_of_other_sizes),
};
glint_cuda_main(tests)
