/* tests/test_head_center.c - boxes of a centre head from whole maps: the golden case, and made ones for
 * order, limits and absurd values. */
#include "tests/golden.h"
#include "tests/golden_zoo.h"
#include "core/status.h"
#include "model/head_center.h"
#include <math.h>

struct heads { /* a head's maps and candidates, in memory of their own */
    struct glint_map map[GLINT_CENTER_BRANCHES];
    const struct glint_map *maps[GLINT_CENTER_BRANCHES];
    void *memory[GLINT_CENTER_BRANCHES + 3];
    struct glint_candidates dec, det;
    struct glint_center_work work;
};

static struct glint_center waymo_like(int32_t top_k)
{
    struct glint_center c = {.n_classes = 3,
                             .top_k = top_k,
                             .cell = {0.4f, 0.4f},
                             .origin = {-51.2f, -51.2f},
                             .score = {0.1f, 0.1f, 0.1f},
                             .iou_power = 2,
                             .range = {-51.2f, -51.2f, -10, 51.2f, 51.2f, 10},
                             .nms_iou = {0.7f, 0.4f, 0.2f},
                             .nms_pre = {300, 1000, 1000},
                             .nms_post = {250, 60, 200},
                             .nms_range = {-50, -50, -10, 50, 50, 10}};
    return c;
}

static void heads_open(struct heads *h, const struct glint_center *c, int32_t height, int32_t width)
{
    *h = (struct heads){0};
    for (unsigned b = 0; b < GLINT_CENTER_BRANCHES; b++) {
        const int32_t channels = glint_center_branch_channels(b, c->n_classes);
        h->memory[b] = calloc(1, glint_map_bytes(height, width, channels));
        glint_map_init(&h->map[b], h->memory[b], height, width, channels);
        h->maps[b] = &h->map[b];
    }
    h->memory[7] = malloc(glint_candidates_bytes(c->top_k, 14));
    h->memory[8] = malloc(glint_candidates_bytes(c->top_k, 0));
    h->memory[9] = malloc(glint_center_work_bytes(c->top_k));
    glint_candidates_init(&h->dec, h->memory[7], c->top_k, 14);
    glint_candidates_init(&h->det, h->memory[8], c->top_k, 0);
    glint_center_work_init(&h->work, h->memory[9], c->top_k);
}

static void decode(const struct glint_center *c, struct heads *h, float least_score)
{
    glint_center_pick(c, h->maps, least_score, &h->dec);
    glint_center_boxes(c, least_score, &h->dec);
}

static void heads_close(struct heads *h)
{
    for (unsigned i = 0; i < GLINT_CENTER_BRANCHES + 3; i++)
        free(h->memory[i]);
}

static float *cell(struct heads *h, enum glint_center_branch branch, int32_t y, int32_t x)
{
    const struct glint_map *m = &h->map[branch];
    return m->data + y * m->pitch + x * m->ld;
}

/* The maps of the file, channels first, into ours. */
static void load_maps(struct heads *h, const struct glint_safetensors *file)
{
    for (unsigned b = 0; b < GLINT_CENTER_BRANCHES; b++) {
        char name[32];
        snprintf(name, sizeof name, "head.%s", glint_center_branch_name(b, GLINT_CENTER_MMDET));
        const float *in = glint_golden_f32(file, name);
        for (int32_t c = 0; c < h->map[b].c; c++)
            for (int32_t y = 0; y < h->map[b].h; y++)
                for (int32_t x = 0; x < h->map[b].w; x++)
                    cell(h, b, y, x)[c] = *in++;
    }
}

static void the_golden_maps_give_the_golden_boxes(void **state)
{
    (void)state;
    struct glint_safetensors *file = glint_golden_open("tiny_nuscenes_heads");
    if (!file)
        skip();
    const struct glint_center c = waymo_like(1024);
    struct heads h;
    heads_open(&h, &c, 256, 256);
    load_maps(&h, file);
    decode(&c, &h, -1);
    glint_center_nms(&c, &h.dec, &h.work, &h.det);
    assert_int_equal(h.dec.n, 813);
    const float *box = glint_golden_f32(file, "dec.boxes"), *score = glint_golden_f32(file, "dec.scores");
    assert_memory_equal(h.dec.label, glint_golden_i32(file, "dec.labels"), 813 * sizeof(int32_t));
    assert_memory_equal(h.dec.cell, glint_golden_i32(file, "dec.cells"), 813 * 2 * sizeof(int32_t));
    assert_memory_equal(h.dec.raw, glint_golden_f32(file, "dec.raw"), 813 * 14 * sizeof(float));
    for (int32_t i = 0; i < 813; i++) {
        assert_true(fabsf(h.dec.score[i] - score[i]) <= 1e-6f);
        for (int k = 0; k < 9; k++)
            assert_true(fabsf(h.dec.box[9 * i + k] - box[9 * i + k]) <=
                        1e-5f * fmaxf(1, fabsf(box[9 * i + k])));
    }
    assert_int_equal(h.det.n, 383);
    assert_memory_equal(h.det.source, glint_golden_i32(file, "det.src"), 383 * sizeof(int32_t));
    assert_memory_equal(h.det.label, glint_golden_i32(file, "det.labels"), 383 * sizeof(int32_t));
    heads_close(&h);
    glint_safetensors_close(file);
}

/* All cells score the same: the first class's first cells, in order. */
static void ties_go_by_class_then_cell(void **state)
{
    (void)state;
    const struct glint_center c = waymo_like(10);
    struct heads h;
    heads_open(&h, &c, 5, 7);
    for (int32_t y = 0; y < 5; y++)
        for (int32_t x = 0; x < 7; x++) {
            *cell(&h, GLINT_CENTER_IOU, y, x) = 2; /* clamped to 1 */
            for (int k = 0; k < 3; k++)
                cell(&h, GLINT_CENTER_HEATMAP, y, x)[k] = 1;
        }
    decode(&c, &h, -1);
    assert_int_equal(h.dec.n, 10);
    for (int32_t i = 0; i < 10; i++) {
        assert_int_equal(h.dec.label[i], 0);
        assert_int_equal(h.dec.cell[2 * i], i / 7);
        assert_int_equal(h.dec.cell[2 * i + 1], i % 7);
        assert_true(fabsf(h.dec.score[i] - 0.7310586f) < 1e-6f);
    }
    heads_close(&h);
}

/* The best k of random scores, against sorting all of them. */
static void the_best_k_are_kept(void **state)
{
    (void)state;
    struct glint_center c = waymo_like(50);
    struct heads h;
    uint64_t seed = 3;
    c.iou_power = 0;
    heads_open(&h, &c, 40, 30);
    for (int32_t y = 0; y < 40; y++)
        for (int32_t x = 0; x < 30; x++)
            for (int k = 0; k < 3; k++)
                cell(&h, GLINT_CENTER_HEATMAP, y, x)[k] = glint_test_uniform(&seed, -4, 4);
    decode(&c, &h, -1);
    assert_int_equal(h.dec.n, 50);
    int32_t better = 0;
    const float last = cell(&h, GLINT_CENTER_HEATMAP, h.dec.cell[98], h.dec.cell[99])[h.dec.label[49]];
    for (int32_t y = 0; y < 40; y++)
        for (int32_t x = 0; x < 30; x++)
            for (int k = 0; k < 3; k++)
                better += cell(&h, GLINT_CENTER_HEATMAP, y, x)[k] > last;
    assert_int_equal(better, 49);
    for (int32_t i = 1; i < 50; i++)
        assert_true(h.dec.score[i] <= h.dec.score[i - 1]);
    heads_close(&h);
}

static void scores_and_ranges_decide(void **state)
{
    (void)state;
    struct glint_center c = waymo_like(100);
    struct heads h;
    heads_open(&h, &c, 8, 8);
    for (int32_t y = 0; y < 8; y++)
        for (int32_t x = 0; x < 8; x++)
            for (int k = 0; k < 3; k++)
                cell(&h, GLINT_CENTER_HEATMAP, y, x)[k] = -20;
    float *heat = cell(&h, GLINT_CENTER_HEATMAP, 3, 4);
    heat[1] = 0; /* score 0.5, times 0.8 squared */
    *cell(&h, GLINT_CENTER_IOU, 3, 4) = 0.8f;
    decode(&c, &h, -1);
    assert_int_equal(h.dec.n, 1);
    assert_int_equal(h.dec.label[0], 1);
    assert_true(fabsf(h.dec.score[0] - 0.32f) < 1e-6f);
    decode(&c, &h, 0.33f); /* a score of the caller's */
    assert_int_equal(h.dec.n, 0);
    decode(&c, &h, 0.31f);
    assert_int_equal(h.dec.n, 1);
    c.score[1] = 0.4f; /* a score of the class */
    decode(&c, &h, -1);
    assert_int_equal(h.dec.n, 0);
    c.score[1] = 0.1f;
    *cell(&h, GLINT_CENTER_HEIGHT, 3, 4) = 10.5f; /* outside */
    decode(&c, &h, -1);
    assert_int_equal(h.dec.n, 0);
    *cell(&h, GLINT_CENTER_HEIGHT, 3, 4) = NAN;
    decode(&c, &h, -1);
    assert_int_equal(h.dec.n, 0);
    *cell(&h, GLINT_CENTER_HEIGHT, 3, 4) = 0;
    cell(&h, GLINT_CENTER_DIM, 3, 4)[0] = 200; /* its exponential is no float */
    decode(&c, &h, -1);
    assert_int_equal(h.dec.n, 0);
    heat[1] = NAN;
    decode(&c, &h, 0);
    for (int32_t i = 0; i < h.dec.n; i++)
        assert_true(h.dec.score[i] > 0);
    heads_close(&h);
}

static void without_velocity_and_iou(void **state)
{
    (void)state;
    const struct glint_center c = waymo_like(4);
    struct heads h;
    heads_open(&h, &c, 4, 4);
    h.maps[GLINT_CENTER_VEL] = h.maps[GLINT_CENTER_IOU] = NULL;
    cell(&h, GLINT_CENTER_HEATMAP, 1, 2)[2] = 3;
    decode(&c, &h, 0.6f);
    assert_int_equal(h.dec.n, 1);
    assert_true(fabsf(h.dec.score[0] - 0.95257413f) < 1e-6f);
    assert_true(h.dec.box[7] == 0 && h.dec.box[8] == 0);
    assert_true(h.dec.raw[13] == 3); /* the last class's logit, in its place */
    heads_close(&h);
}

/* A reference's box and ours: length along the heading, counter-clockwise. */
static void a_box_in_our_terms(void **state)
{
    (void)state;
    const float box[9] = {1, 2, 3, 1.8f, 4.5f, 1.5f, 0, 7, 8}; /* yaw 0: its long side dy points to -y */
    struct glint_box b;
    glint_center_box(GLINT_CENTER_MMDET, box, 0.5f, 2, &b);
    assert_true(b.size[0] == 4.5f && b.size[1] == 1.8f && b.size[2] == 1.5f);
    assert_true(fabsf(b.yaw + 1.5707963f) < 1e-6f);
    assert_true(b.center[2] == 3 && b.velocity[0] == 7 && b.label == 2 && b.id == -1);
    const float turned[9] = {0, 0, 0, 1, 2, 1, 3, 0, 0};
    glint_center_box(GLINT_CENTER_MMDET, turned, 0.5f, 0, &b);
    assert_true(fabs((double)b.yaw - (-3 - 1.5707963267948966 + 6.283185307179586)) < 1e-6);
}

/* OpenPCDet's: a cosine before the sine, counter-clockwise, length along the heading. */
static void other_conventions(void **state)
{
    (void)state;
    struct glint_center c = waymo_like(4);
    struct heads h;
    struct glint_box b;
    c.style = GLINT_CENTER_PCDET;
    c.iou_power = 0;
    heads_open(&h, &c, 4, 4);
    cell(&h, GLINT_CENTER_HEATMAP, 1, 2)[2] = 3;
    cell(&h, GLINT_CENTER_ROT, 1, 2)[0] = 0.8f;
    cell(&h, GLINT_CENTER_ROT, 1, 2)[1] = 0.6f;
    decode(&c, &h, 0.6f);
    assert_int_equal(h.dec.n, 1);
    assert_near(h.dec.box[6], 0.6435011, 1e-6);
    const float box[9] = {1, 2, 3, 4.5f, 1.8f, 1.5f, 4, 7, 8};
    glint_center_box(GLINT_CENTER_PCDET, box, 0.5f, 2, &b);
    assert_true(b.size[0] == 4.5f && b.size[1] == 1.8f && b.size[2] == 1.5f);
    assert_near(b.yaw, 4 - 6.283185307179586, 1e-6);
    heads_close(&h);
}

/* Three boxes in a row, 2 m apart, 4 m long, of classes 0, 1, 0. */
static void suppression_of_all_classes(void **state)
{
    (void)state;
    struct glint_center c = waymo_like(4);
    struct heads h;
    c.style = GLINT_CENTER_PCDET;
    c.nms_iou[0] = 0.2f;
    heads_open(&h, &c, 4, 4);
    h.dec.n = 3;
    for (int32_t i = 0; i < 3; i++) {
        const float box[9] = {2 * (float)i, 0, 0, 4, 2, 2, 0, 0, 0};
        memcpy(h.dec.box + 9 * i, box, sizeof box);
        h.dec.score[i] = 1 - 0.1f * (float)i;
        h.dec.label[i] = i % 2;
    }
    glint_center_nms(&c, &h.dec, &h.work, &h.det);
    assert_int_equal(h.det.n, 3); /* neighbours are of other classes */
    c.joint = true;
    glint_center_nms(&c, &h.dec, &h.work, &h.det);
    assert_int_equal(h.det.n, 2);
    assert_int_equal(h.det.source[1], 2);
    c.circle = 3.9f; /* less than the square of 2 m */
    glint_center_nms(&c, &h.dec, &h.work, &h.det);
    assert_int_equal(h.det.n, 3);
    c.circle = 4;
    glint_center_nms(&c, &h.dec, &h.work, &h.det);
    assert_int_equal(h.det.n, 2);
    c.nms_post[0] = 1;
    glint_center_nms(&c, &h.dec, &h.work, &h.det);
    assert_int_equal(h.det.n, 1);
    heads_close(&h);
}

static struct glint_center dsvt_like(int32_t top_k)
{
    struct glint_center c = {.style = GLINT_CENTER_PCDET,
                             .n_classes = 3,
                             .top_k = top_k,
                             .rectify = true,
                             .alpha = {0.68f, 0.71f, 0.65f},
                             .cell = {0.4f, 0.4f},
                             .score = {0.1f, 0.1f, 0.1f},
                             .range = {-80, -80, -10, 80, 80, 10},
                             .nms_iou = {0.7f, 0.6f, 0.55f},
                             .nms_turn = -1.57079632679489661923,
                             .nms_pre = {4096, 4096, 4096},
                             .nms_post = {500, 500, 500},
                             .nms_range = {-1e4f, -1e4f, -1e4f, 1e4f, 1e4f, 1e4f}};
    return c;
}

/* Boxes of the golden unit case as candidates, and what is kept of them as `want` has it. */
static void check_kept(const struct glint_safetensors *file, const struct glint_center *c, const char *want)
{
    const struct glint_tensor *keep = glint_zoo_tensor(file, want, GLINT_DTYPE_I32);
    const float *box = glint_zoo_tensor(file, "boxes", GLINT_DTYPE_F32)->data;
    struct heads h;
    heads_open(&h, c, 1, 1);
    h.dec.n = 160;
    memcpy(h.dec.score, glint_zoo_tensor(file, "scores", GLINT_DTYPE_F32)->data, 160 * sizeof(float));
    memset(h.dec.cell, 0, 160 * 2 * sizeof(int32_t));
    for (int32_t i = 0; i < 160; i++) {
        memcpy(h.dec.box + i * GLINT_CENTER_BOX, box + 7 * i, 7 * sizeof(float));
        h.dec.label[i] = glint_zoo_i32(file, "labels", i);
    }
    glint_center_nms(c, &h.dec, &h.work, &h.det);
    assert_int_equal(h.det.n, keep->shape[0]);
    assert_memory_equal(h.det.source, keep->data, (size_t)h.det.n * sizeof(int32_t));
    heads_close(&h);
}

static void boxes_of_dsvt_are_turned_before_suppression(void **state)
{
    (void)state;
    struct glint_safetensors *file = glint_zoo_open("dsvt/nms_unit");
    struct glint_center c = dsvt_like(160);
    if (!file)
        skip();
    check_kept(file, &c, "keep_multi");
    c.joint = true;
    static const char *const names[] = {"keep_0.10", "keep_0.20", "keep_0.55", "keep_0.70"};
    for (int i = 0; i < 4; i++) {
        c.nms_iou[0] = strtof(names[i] + 5, NULL);
        check_kept(file, &c, names[i]);
    }
    glint_safetensors_close(file);
}

/* Picked by heat; then s^(1 - a) q^a, which may change the order of suppression; 0 stays unless more is
 * asked. */
static void scores_are_rectified_after_the_pick(void **state)
{
    (void)state;
    const struct glint_center c = dsvt_like(10);
    struct heads h;
    heads_open(&h, &c, 3, 9);
    for (int32_t y = 0; y < 3; y++)
        for (int32_t x = 0; x < 9; x++)
            for (int k = 0; k < 3; k++)
                cell(&h, GLINT_CENTER_HEATMAP, y, x)[k] = -9;
    static const float heat[] = {2, 1, 0, -2.5f},
                       iou[] = {-1.5f, 0.5f, 3, 1}; /* the last one is below the score */
    for (int i = 0; i < 4; i++) {
        cell(&h, GLINT_CENTER_HEATMAP, 1, 2 * i)[1] = heat[i];
        *cell(&h, GLINT_CENTER_IOU, 1, 2 * i) = iou[i];
    }
    decode(&c, &h, -1);
    assert_int_equal(h.dec.n, 3);
    assert_true(h.dec.score[0] == 0.0f);
    assert_near(h.dec.score[1], pow(0.7310585786, 0.29) * pow(0.75, 0.71), 1e-6);
    assert_near(h.dec.score[2], pow(0.5, 0.29), 1e-6);
    glint_center_nms(&c, &h.dec, &h.work, &h.det);
    assert_int_equal(h.det.n, 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(h.det.source[i], 2 - i);
    glint_center_pick(&c, h.maps, -1, &h.dec);
    glint_center_boxes(&c, 0.75f, &h.dec);
    assert_int_equal(h.dec.n, 1);
    heads_close(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(boxes_of_dsvt_are_turned_before_suppression),
        cmocka_unit_test(scores_are_rectified_after_the_pick),
        cmocka_unit_test(the_golden_maps_give_the_golden_boxes),
        cmocka_unit_test(ties_go_by_class_then_cell),
        cmocka_unit_test(the_best_k_are_kept),
        cmocka_unit_test(scores_and_ranges_decide),
        cmocka_unit_test(without_velocity_and_iou),
        cmocka_unit_test(a_box_in_our_terms),
        cmocka_unit_test(other_conventions),
        cmocka_unit_test(suppression_of_all_classes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
