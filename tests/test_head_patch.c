/* tests/test_head_patch.c */
#include "tests/util.h"
#include "model/head_patch.h"
#include <math.h>

enum { K = 5, C = 12, HIDDEN = 18, H = 11, W = 8 };

static float l1[HIDDEN * K * K * C], l2[HIDDEN * HIDDEN], l3[GLINT_PATCH_OUTPUTS * HIDDEN], bias[HIDDEN];

static void dense(const float *w, const double *in, int k, int n, int relu, double *out)
{
    for (int o = 0; o < n; o++) {
        out[o] = bias[o];
        for (int i = 0; i < k; i++)
            out[o] += w[o * k + i] * in[i];
        if (relu && out[o] < 0)
            out[o] = 0;
    }
}

static void want_at(const struct glint_map *map, int cy, int cx, double out[GLINT_PATCH_OUTPUTS])
{
    double in[K * K * C], a[HIDDEN], b[HIDDEN];
    int i = 0;
    for (int y = cy - K / 2; y <= cy + K / 2; y++)
        for (int x = cx - K / 2; x <= cx + K / 2; x++)
            for (int c = 0; c < C; c++)
                in[i++] =
                    y >= 0 && y < H && x >= 0 && x < W ? map->data[y * map->pitch + x * map->ld + c] : 0;
    dense(l1, in, K * K * C, HIDDEN, 1, a);
    dense(l2, a, HIDDEN, HIDDEN, 1, b);
    dense(l3, b, HIDDEN, GLINT_PATCH_OUTPUTS, 0, out);
}

static void every_cell_of_a_map_corners_too(void **state)
{
    (void)state;
    uint64_t seed = 3;
    float *all[] = {l1, l2, l3, bias};
    const size_t sizes[] = {HIDDEN * K * K * C, HIDDEN * HIDDEN, GLINT_PATCH_OUTPUTS * HIDDEN, HIDDEN};
    for (int t = 0; t < 4; t++)
        for (size_t i = 0; i < sizes[t]; i++)
            all[t][i] = glint_test_uniform(&seed, -0.5f, 0.5f);
    struct glint_head_patch head = {.patch = K, .cell_m = 0.8f, .origin_m = {-10, -20}};
    struct glint_weights *packed[] = {&head.l1, &head.l2, &head.l3};
    const int shape[3][2] = {{K * K * C, HIDDEN}, {HIDDEN, HIDDEN}, {HIDDEN, GLINT_PATCH_OUTPUTS}};
    void *memory[4];
    for (int t = 0; t < 3; t++) {
        memory[t] = aligned_alloc(64, glint_arena_round(glint_weights_bytes(shape[t][0], shape[t][1])));
        glint_weights_pack(packed[t], memory[t], all[t], shape[t][0], NULL, bias, shape[t][0], shape[t][1]);
    }
    struct glint_map map;
    memory[3] = aligned_alloc(64, glint_arena_round(glint_map_bytes(H, W, C)));
    glint_map_init(&map, memory[3], H, W, C);
    for (int y = 0; y < H; y++)
        for (int i = 0; i < W * C; i++)
            map.data[y * map.pitch + i / C * map.ld + i % C] = glint_test_uniform(&seed, -1, 1);
    int32_t cells[H * W * 2];
    for (int i = 0; i < H * W; i++) {
        cells[2 * i] = i / W;
        cells[2 * i + 1] = i % W;
    }
    static float got[H * W * GLINT_PATCH_OUTPUTS];
    for (int threads = 1; threads <= 2; threads++) {
        struct glint_exec x;
        assert_int_equal(glint_exec_init(&x, glint_cpu_isa(), threads, glint_head_patch_scratch(&head, C)),
                         0);
        assert_int_equal(glint_head_patch(&x, &head, &map, cells, H * W, got), 0);
        for (int i = 0; i < H * W; i++) {
            double want[GLINT_PATCH_OUTPUTS];
            want_at(&map, cells[2 * i], cells[2 * i + 1], want);
            for (int o = 0; o < GLINT_PATCH_OUTPUTS; o++)
                assert_true(fabs(got[i * GLINT_PATCH_OUTPUTS + o] - want[o]) < 1e-4);
        }
        glint_exec_fini(&x);
    }
    for (int t = 0; t < 4; t++)
        free(memory[t]);
}

static void boxes_take_the_axis_from_the_doubled_angle(void **state)
{
    (void)state;
    const struct glint_head_patch head = {.row_axis = 0, .cell_m = 0.8f, .origin_m = {-51.2f, -51.2f}};
    for (double yaw = -3.1; yaw < 3.14; yaw += 0.05) {
        const float v[GLINT_PATCH_OUTPUTS] = {0.25f,
                                              0.5f,
                                              -1,
                                              logf(4),
                                              logf(2),
                                              logf(1.5f),
                                              0.1f * (float)sin(yaw),
                                              0.1f * (float)cos(yaw),
                                              (float)sin(2 * yaw),
                                              (float)cos(2 * yaw)};
        struct glint_box box;
        glint_head_patch_box(&head, v, 3, 5, &box);
        assert_true(fabs(remainder(box.yaw - yaw, 6.283185307179586)) < 1e-4);
        assert_true(fabsf(box.center[0] - (3.25f * 0.8f - 51.2f)) < 1e-4f);
        assert_true(fabsf(box.center[1] - (5.5f * 0.8f - 51.2f)) < 1e-4f);
        assert_true(fabsf(box.size[0] - 4) < 1e-5f && fabsf(box.size[2] - 1.5f) < 1e-5f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cell_of_a_map_corners_too),
        cmocka_unit_test(boxes_take_the_axis_from_the_doubled_angle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
