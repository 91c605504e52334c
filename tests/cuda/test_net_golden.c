/* tests/cuda/test_net_golden.c - FlatFormer's golden cases end to end on a device: every tensor that a tap
 * sees, the boxes, and the boxes of the ordinary network (maps at active pixels, memory shared, branches at
 * best cells only).
 *
 *     test_cuda_net_golden_emulated                 small cases (few; on a GPU all)
 *     test_cuda_net_golden_emulated scans           whole scans and the rest
 *     test_cuda_net_golden_emulated waymo_nuscenes  one case by name, in floats; f16, bf16: a second argument
 */
#include "net_util.h"

static void compare_plain(struct check *c, struct glint_model *plain, struct glint_frame *frame, bool exact,
                          double found)
{
    struct glint_box *boxes = malloc(CAP_BOXES * sizeof *boxes);
    const int32_t n = frame->n_boxes;
    assert_non_null(boxes);
    memcpy(boxes, frame->boxes, (size_t)n * sizeof *boxes);
    if (glint_model_run(plain, frame) != GLINT_OK)
        fail_msg("%s: %s", c->title, glint_error_text());
    golden_expect_equal(c, "boxes without the tap",
                        exact ? golden_same_boxes(boxes, frame, n)
                              : golden_much_the_same_boxes(boxes, frame, n, found));
    free(boxes);
}

/* Errors of 16 bits are those of devices: 1e-2, and 99 % of the detections. bfloat16's 8 bits are not enough
 * for that on a whole scan with random weights, whose scores are nearly tied (PyTorch under autocast: 2.6e-2,
 * 77 % of tiny_kitti's): there its maps are held to the stated 3e-2, and the detections told. */
static void check_frame(struct check *c, enum glint_precision precision, struct glint_model *model,
                        struct glint_model *plain, struct glint_frame *frame)
{
    const bool rough = precision == GLINT_PRECISION_BF16 && frame->points.n > 1000;
    c->precision = precision == GLINT_PRECISION_F32 ? precision : GLINT_PRECISION_F16;
    if (rough)
        c->precision = GLINT_PRECISION_BF16;
    glint_model_set_tap(model, golden_tap, c);
    if (glint_model_run(model, frame) != GLINT_OK)
        fail_msg("%s: %s", c->title, glint_error_text());
    const int32_t n_wrong = c->n_wrong;
    if (precision == GLINT_PRECISION_F32)
        golden_compare_detections(c);
    else
        golden_match_detections(c);
    if (rough)
        c->n_wrong = n_wrong;
    golden_compare_published(c, frame);
    compare_plain(c, plain, frame, precision == GLINT_PRECISION_F32, rough ? 0.8 : 0.99);
    if (c->item < 0 && precision == GLINT_PRECISION_F32)
        golden_expect_all_seen(c);
    golden_free_boxes(&c->dec);
    golden_free_boxes(&c->det);
    print_message("%-34s %3d compared, worst row %.1e, worst map %.1e, worst mean or maximum %.1e\n",
                  c->title, c->n_compared, c->worst_row, c->worst_map, c->worst_stats);
    assert_int_equal(c->n_wrong, 0);
}

static void check_case(const char *name, enum glint_precision precision)
{
    static const char *const names[] = {
        [GLINT_PRECISION_F32] = "f32", [GLINT_PRECISION_BF16] = "bf16", [GLINT_PRECISION_F16] = "f16"};
    const bool waymo = strncmp(name, "waymo", 5) == 0;
    struct glint_safetensors *file = net_case(name);
    const char *folder = net_folder(waymo ? "waymo" : "tiny");
    struct glint_frame_pool *pool;
    char title[96];
    if (!file || !folder)
        skip();
    const int32_t cap = (int32_t)glint_safetensors_find(file, "points_raw")->shape[0] + 1;
    snprintf(title, sizeof title, "%s %s", name, names[precision]);
    struct check c = {
        .title = title, .file = file, .map_prefix = "", .item = -1, .last_block = waymo ? 1 : 0};
    assert_int_equal(glint_frame_pool_open(1, cap, CAP_BOXES, &pool), GLINT_OK);
    struct glint_frame *frame = net_frame(pool, file, "points_raw");
    struct glint_model *model = net_open(folder, "cuda", precision, cap, true);
    struct glint_model *plain = net_open(folder, "cuda", precision, cap, false);
    check_frame(&c, precision, model, plain, frame);
    assert_true(c.n_compared >= 40);
    glint_model_close(model);
    glint_model_close(plain);
    glint_frame_unref(frame);
    glint_frame_pool_close(pool);
    glint_safetensors_close(file);
}

#define CASE(name)                                                                                           \
    static void name(void **state)                                                                           \
    {                                                                                                        \
        (void)state;                                                                                         \
        check_case(#name, GLINT_PRECISION_F32);                                                              \
    }
CASE(tiny_kitti)
CASE(tiny_nuscenes)
CASE(tiny_edge_short)
CASE(tiny_edge_one_group)
CASE(tiny_edge_one_group_plus_1)
CASE(tiny_edge_two_groups_minus_1)
CASE(tiny_edge_single_point)
CASE(tiny_edge_empty)
CASE(tiny_edge_border)
CASE(tiny_edge_clamp)

static void tiny_kitti_bf16(void **state)
{
    (void)state;
    check_case("tiny_kitti", GLINT_PRECISION_BF16);
}

static void tiny_kitti_f16(void **state)
{
    (void)state;
    check_case("tiny_kitti", GLINT_PRECISION_F16);
}

/* A batch's frames, one by one: pillars and points of the second follow the first's in the file. */
static void tiny_batch2(void **state)
{
    struct glint_safetensors *file = net_case("tiny_batch2");
    const char *folder = net_folder("tiny");
    struct glint_frame_pool *pool;
    struct glint_model_cost cost = {0};
    (void)state;
    if (!file || !folder)
        skip();
    struct glint_model *model = net_open(folder, "cuda", GLINT_PRECISION_F32, 10000, true);
    struct glint_model *plain = net_open(folder, "cuda", GLINT_PRECISION_F32, 10000, false);
    assert_int_equal(glint_frame_pool_open(1, 10000, CAP_BOXES, &pool), GLINT_OK);
    for (int32_t item = 0; item < 2; item++) {
        char prefix[16], title[32], name[32];
        snprintf(prefix, sizeof prefix, "item%d.", item);
        snprintf(title, sizeof title, "tiny_batch2 %d", item);
        snprintf(name, sizeof name, "points_raw.%d", item);
        struct check c = {.title = title,
                          .file = file,
                          .map_prefix = prefix,
                          .item = item,
                          .first_row = cost.n_pillars,
                          .first_point = cost.n_points};
        struct glint_frame *frame = net_frame(pool, file, name);
        check_frame(&c, GLINT_PRECISION_F32, model, plain, frame);
        glint_model_cost(model, &cost);
        glint_frame_unref(frame);
    }
    glint_frame_pool_close(pool);
    glint_model_close(model);
    glint_model_close(plain);
    glint_safetensors_close(file);
}

static const char *one_case, *one_precision = "f32";

static void the_named_case(void **state)
{
    (void)state;
    check_case(one_case, !strcmp(one_precision, "bf16")  ? GLINT_PRECISION_BF16
                         : !strcmp(one_precision, "f16") ? GLINT_PRECISION_F16
                                                         : GLINT_PRECISION_F32);
}

static void tiny_edge_short_bf16(void **state)
{
    (void)state;
    check_case("tiny_edge_short", GLINT_PRECISION_BF16);
}

#if GLINT_CUDA_EMULATED
#define FEW "few"
#else
#define FEW "all"
#endif

int main(int argc, char **argv)
{
    const struct CMUnitTest few[] = {
        cmocka_unit_test(tiny_edge_empty),
        cmocka_unit_test(tiny_edge_short),
        cmocka_unit_test(tiny_edge_short_bf16),
    };
    const struct CMUnitTest scans[] = {
        cmocka_unit_test(tiny_edge_single_point),
        cmocka_unit_test(tiny_edge_one_group),
        cmocka_unit_test(tiny_edge_one_group_plus_1),
        cmocka_unit_test(tiny_edge_two_groups_minus_1),
        cmocka_unit_test(tiny_edge_border),
        cmocka_unit_test(tiny_edge_clamp),
        cmocka_unit_test(tiny_batch2),
        cmocka_unit_test(tiny_kitti),
        cmocka_unit_test(tiny_nuscenes),
        cmocka_unit_test(tiny_kitti_bf16),
        cmocka_unit_test(tiny_kitti_f16),
    };
    const struct CMUnitTest one[] = {cmocka_unit_test(the_named_case)};
    int status = glint_cuda_begin();
    if (status)
        return status;
    one_case = argc > 1 ? argv[1] : FEW;
    one_precision = argc > 2 ? argv[2] : "f32";
    const bool all = !strcmp(one_case, "all"), first = !strcmp(one_case, "few"),
               rest = !strcmp(one_case, "scans");
    if (all || first)
        status = cmocka_run_group_tests(few, NULL, NULL);
    if (!status && (all || rest))
        status = cmocka_run_group_tests(scans, NULL, NULL);
    if (!all && !first && !rest)
        status = cmocka_run_group_tests(one, NULL, NULL);
    glint_stream_close(glint_cuda_test.stream);
    glint_device_close(glint_cuda_test.device);
    return status;
}
