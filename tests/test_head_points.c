/* tests/test_head_points.c - point classes against a plain computation in double. */
#include "tests/util.h"
#include "model/head_points.h"
#include <math.h>

enum { V = 37, N = 700, F = 10, DIM = 14, CH = 6, HIDDEN = 9, CLASSES = 5, H = 8, W = 9, STRIDE = 2 };

static float wp[HIDDEN * F], wt[HIDDEN * DIM], wc[HIDDEN * CH], wo[CLASSES * HIDDEN], bp[HIDDEN], bc[HIDDEN],
    bo[CLASSES];
static float features[N * F], tokens[V * DIM], logits[N * CLASSES], scratch[V * HIDDEN];
static int32_t point[N], start[V + 1], coord[V * 3];

static void fill(uint64_t *seed, float *a, size_t n)
{
    for (size_t i = 0; i < n; i++)
        a[i] = glint_test_uniform(seed, -1, 1);
}

static void *pack(struct glint_weights *w, const float *rows, const float *bias, int k, int n)
{
    void *memory = aligned_alloc(64, glint_arena_round(glint_weights_bytes(k, n)));
    glint_weights_pack(w, memory, rows, k, NULL, bias, k, n);
    return memory;
}

static void want_logits(const struct glint_map *map, int sorted, int voxel, double out[CLASSES])
{
    double mid[HIDDEN];
    const float *cell =
        map->data + coord[3 * voxel + 1] / STRIDE * map->pitch + coord[3 * voxel] / STRIDE * map->ld;
    for (int h = 0; h < HIDDEN; h++) {
        mid[h] = bp[h] + bc[h];
        for (int i = 0; i < F; i++)
            mid[h] += wp[h * F + i] * features[sorted * F + i];
        for (int i = 0; i < DIM; i++)
            mid[h] += wt[h * DIM + i] * tokens[voxel * DIM + i];
        for (int i = 0; i < CH; i++)
            mid[h] += wc[h * CH + i] * cell[i];
        mid[h] = mid[h] > 0 ? mid[h] : 0;
    }
    for (int c = 0; c < CLASSES; c++) {
        out[c] = bo[c];
        for (int h = 0; h < HIDDEN; h++)
            out[c] += wo[c * HIDDEN + h] * mid[h];
    }
}

static void logits_and_classes(void **state)
{
    (void)state;
    uint64_t seed = 5;
    fill(&seed, wp, HIDDEN * F), fill(&seed, wt, HIDDEN * DIM), fill(&seed, wc, HIDDEN * CH),
        fill(&seed, wo, CLASSES * HIDDEN);
    fill(&seed, bp, HIDDEN), fill(&seed, bc, HIDDEN), fill(&seed, bo, CLASSES), fill(&seed, features, N * F);
    fill(&seed, tokens, V * DIM);
    for (int v = 0; v <= V; v++)
        start[v] = v == V ? N : v < 3 ? v : 3 + (v - 3) * (N - 3) / V; /* small voxels and a big one */
    for (int v = 0; v < V; v++) {
        coord[3 * v] = v % (W * STRIDE);
        coord[3 * v + 1] = v / (W * STRIDE) * 5;
    }
    for (int i = 0; i < N; i++)
        point[i] = N - 1 - i;
    struct glint_map map;
    void *memory = aligned_alloc(64, glint_arena_round(glint_map_bytes(H, W, CH)));
    glint_map_init(&map, memory, H, W, CH);
    for (int y = 0; y < H; y++)
        for (int i = 0; i < W * CH; i++)
            map.data[y * map.pitch + i / CH * map.ld + i % CH] = glint_test_uniform(&seed, -1, 1);
    struct glint_head_points head = {.stride = STRIDE, .row_axis = 1};
    void *packed[] = {pack(&head.point, wp, bp, F, HIDDEN), pack(&head.token, wt, NULL, DIM, HIDDEN),
                      pack(&head.cell, wc, bc, CH, HIDDEN), pack(&head.out, wo, bo, HIDDEN, CLASSES)};
    for (int threads = 1; threads <= 2; threads++) {
        struct glint_exec x;
        uint8_t cls[N + 1], confidence[N + 1];
        memset(cls, 255, sizeof cls);
        memset(confidence, 0, sizeof confidence);
        assert_int_equal(glint_exec_init(&x, glint_cpu_isa(), threads, glint_head_points_scratch(&head)), 0);
        assert_int_equal(glint_head_points(&x, &head, features, point, start, coord, V, tokens, &map, scratch,
                                           cls, confidence, logits),
                         0);
        for (int v = 0; v < V; v++)
            for (int i = start[v]; i < start[v + 1]; i++) {
                double want[CLASSES], sum = 0;
                int best = 0;
                want_logits(&map, i, v, want);
                for (int c = 0; c < CLASSES; c++) {
                    assert_true(fabs(logits[i * CLASSES + c] - want[c]) < 1e-4);
                    best = want[c] > want[best] ? c : best;
                }
                for (int c = 0; c < CLASSES; c++)
                    sum += exp(want[c] - want[best]);
                assert_true(logits[i * CLASSES + cls[point[i]]] > want[best] - 1e-4);
                assert_true(abs((int)confidence[point[i]] - (int)lround(255 / sum)) <= 1);
            }
        assert_int_equal(cls[N], 255); /* nobody's point */
        glint_exec_fini(&x);
    }
    for (int i = 0; i < 4; i++)
        free(packed[i]);
    free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(logits_and_classes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
