/* tests/test_golden_flatformer.c - every tensor of every FlatFormer golden case against a model's tap.
 * Tolerances are those of the golden README, section 7: integers equal, 1e-5 by norm up to the encoder, 2e-5
 * for maps, the same set of boxes. */
#include "tests/golden_flatformer.h"
#include "core/cpu.h"
#include "core/status.h"

/* Models and frames */

/* The model folder of a weights file, made once per process; dropfirst: with the option set. */
static const char *model_folder(const char *config, bool dropfirst)
{
    static char folder[512];
    char weights[512], path[600];
    snprintf(folder, sizeof folder, "%s/golden_%s%s", GLINT_BUILD_DIR, config, dropfirst ? "_dropfirst" : "");
    snprintf(weights, sizeof weights, "%s/golden/flatformer/%s_weights.safetensors", GLINT_SHARED, config);
    if (glint_model_import(weights, NULL, NULL, folder) != GLINT_OK)
        fail_msg("import: %s", glint_error_text());
    if (!dropfirst)
        return folder;
    char text[16384];
    snprintf(path, sizeof path, "%s/config.json", folder);
    FILE *f = fopen(path, "r+");
    assert_non_null(f);
    const size_t n = fread(text, 1, sizeof text - 1, f);
    text[n] = 0;
    char *option = strstr(text, "\"drop_first_pillar\": false");
    assert_non_null(option);
    memcpy(option, "\"drop_first_pillar\": true ", 26);
    rewind(f);
    assert_int_equal(fwrite(text, 1, n, f), n);
    fclose(f);
    return folder;
}

static struct glint_model *open_model(const char *folder, enum glint_precision precision, const char *isa,
                                      int32_t threads, int32_t cap_points, bool keep_stages)
{
    struct glint_model_settings s;
    struct glint_model *model;
    glint_model_settings_default(&s);
    s.isa = glint_cpu_isa() & glint_cpu_isa_mask(isa);
    s.precision = precision;
    s.n_threads = threads;
    s.cap_points = cap_points;
    s.keep_stages = keep_stages;
    if (glint_model_open(folder, &s, NULL, &model) != GLINT_OK)
        fail_msg("%s: %s", folder, glint_error_text());
    return model;
}

/* Points as they are in the file: not finite ones too. */
static struct glint_frame *fill_frame(struct glint_frame_pool *pool, const struct glint_tensor *points)
{
    struct glint_frame *frame = glint_frame_get(pool, false);
    struct glint_points *p = &frame->points;
    const int64_t width = points->shape[1];
    const float *v = points->data;
    assert_true(points->shape[0] <= p->cap);
    if (width > 4)
        glint_frame_use_elongation(frame);
    for (int64_t i = 0; i < points->shape[0]; i++) {
        p->x[i] = v[i * width];
        p->y[i] = v[i * width + 1];
        p->z[i] = v[i * width + 2];
        p->intensity[i] = v[i * width + 3];
        if (width > 4)
            p->elongation[i] = v[i * width + 4];
    }
    p->n = (int32_t)points->shape[0];
    frame->as_network_input = true;
    return frame;
}

/* Without the tap residuals are fused, memory is shared and maps are computed where they matter only: the
 * same boxes, to rounding. */
static void compare_plain(struct check *c, struct glint_model *plain, struct glint_frame *frame)
{
    struct glint_box *boxes = malloc(CAP_BOXES * sizeof *boxes);
    const int32_t n = frame->n_boxes;
    assert_non_null(boxes);
    memcpy(boxes, frame->boxes, (size_t)n * sizeof *boxes);
    if (glint_model_run(plain, frame) != GLINT_OK)
        fail_msg("%s: %s", c->title, glint_error_text());
    golden_expect_equal(
        c, "boxes without the tap",
        c->precision == GLINT_PRECISION_F32
            ? golden_same_boxes(boxes, frame, n)
            : golden_much_the_same_boxes(boxes, frame, n, golden_tolerances[c->precision].found));
    free(boxes);
}

static void run_check(struct check *c, struct glint_model *model, struct glint_model *plain,
                      const struct glint_tensor *points)
{
    struct glint_frame_pool *pool;
    const char *filter = glint_safetensors_metadata(c->file, "range_filter");
    assert_int_equal(glint_frame_pool_open(1, (int32_t)points->shape[0] + 1, CAP_BOXES, &pool), GLINT_OK);
    struct glint_frame *frame = fill_frame(pool, points);
    frame->no_range_filter = filter && !strcmp(filter, "0");
    glint_model_set_tap(model, golden_tap, c);
    if (glint_model_run(model, frame) != GLINT_OK)
        fail_msg("%s: %s", c->title, glint_error_text());
    if (c->precision == GLINT_PRECISION_F32)
        golden_compare_detections(c);
    else
        golden_match_detections(c);
    golden_compare_published(c, frame);
    compare_plain(c, plain, frame);
    if (!c->dropfirst && c->item < 0 && c->precision == GLINT_PRECISION_F32)
        golden_expect_all_seen(c);
    golden_free_boxes(&c->dec);
    golden_free_boxes(&c->det);
    glint_frame_unref(frame);
    glint_frame_pool_close(pool);
    print_message("%-34s %3d compared, worst row %.1e, worst map %.1e\n", c->title, c->n_compared,
                  c->worst_row, c->worst_map);
}

static struct glint_safetensors *open_case(const char *name)
{
    char path[512], relative[128];
    struct glint_safetensors *file;
    snprintf(relative, sizeof relative, "golden/flatformer/%s.safetensors", name);
    if (!glint_test_shared(relative, path, sizeof path))
        return NULL;
    if (glint_safetensors_open(path, &file) != GLINT_OK)
        fail_msg("%s", glint_error_text());
    return file;
}

/* One frame of a single-frame case. */
static void check_case(const char *name, bool dropfirst, enum glint_precision precision, const char *isa,
                       int32_t threads)
{
    struct glint_safetensors *file = open_case(name);
    if (!file)
        skip();
    char title[96];
    const bool waymo = strncmp(name, "waymo", 5) == 0;
    const struct glint_tensor *points = glint_safetensors_find(file, "points_raw");
    snprintf(title, sizeof title, "%s%s %s x%d", name, dropfirst ? " dropfirst" : "", isa, threads);
    struct check c = {.title = title,
                      .file = file,
                      .map_prefix = dropfirst ? "dropfirst." : "",
                      .dropfirst = dropfirst,
                      .item = -1,
                      .precision = precision,
                      .last_block = waymo ? 1 : 0};
    const char *folder = model_folder(waymo ? "waymo" : "tiny", dropfirst);
    const int32_t cap = (int32_t)points->shape[0] + 1;
    struct glint_model *model = open_model(folder, precision, isa, threads, cap, true);
    struct glint_model *plain = open_model(folder, precision, isa, threads, cap, false);
    run_check(&c, model, plain, points);
    glint_model_close(model);
    glint_model_close(plain);
    glint_safetensors_close(file);
    assert_int_equal(c.n_wrong, 0);
    assert_true(c.n_compared >= (dropfirst ? 5 : 40));
}

#define CASE(name)                                                                                           \
    static void name(void **state)                                                                           \
    {                                                                                                        \
        (void)state;                                                                                         \
        check_case(#name, false, GLINT_PRECISION_F32, "avx512", 2);                                          \
    }
#define DROPFIRST(name)                                                                                      \
    static void name##_dropfirst(void **state)                                                               \
    {                                                                                                        \
        (void)state;                                                                                         \
        check_case(#name, true, GLINT_PRECISION_F32, "avx512", 2);                                           \
    }

CASE(tiny_nuscenes)
CASE(tiny_kitti)
CASE(tiny_edge_short)
CASE(tiny_edge_one_group)
CASE(tiny_edge_one_group_plus_1)
CASE(tiny_edge_two_groups_minus_1)
CASE(tiny_edge_single_point)
CASE(tiny_edge_empty)
CASE(tiny_edge_border)
CASE(tiny_edge_clamp)
DROPFIRST(tiny_nuscenes)
DROPFIRST(tiny_kitti)
CASE(waymo_nuscenes)
CASE(waymo_kitti360)
CASE(waymo_edge_100)
CASE(waymo_edge_200)
DROPFIRST(waymo_nuscenes)

/* Less precision stays within its stated error. */
static void within_bf16(void **state)
{
    (void)state;
    if (!(glint_cpu_isa() & GLINT_ISA_AVX512_BF16))
        skip();
    check_case("tiny_kitti", false, GLINT_PRECISION_BF16, "avx512", 2);
    check_case("waymo_nuscenes", false, GLINT_PRECISION_BF16, "avx512", 2);
}

static void within_i16(void **state)
{
    (void)state;
    if (!(glint_cpu_isa() & GLINT_ISA_AVX512_VNNI))
        skip();
    check_case("tiny_kitti", false, GLINT_PRECISION_I16, "avx512", 2);
    check_case("waymo_nuscenes", false, GLINT_PRECISION_I16, "avx512", 2);
}

/* Every instruction set and number of threads finds the same; the best set with two threads ran above. */
static void tiny_on_every_machine(void **state)
{
    (void)state;
    check_case("tiny_kitti", false, GLINT_PRECISION_F32, "c", 2);
    check_case("tiny_kitti", false, GLINT_PRECISION_F32, "avx2", 1);
    check_case("tiny_kitti", false, GLINT_PRECISION_F32, "avx2", 2);
    check_case("tiny_kitti", false, GLINT_PRECISION_F32, "avx512", 1);
}

/* A batch's frames, one by one: pillars and points of the second follow the first's in the file. */
static void tiny_batch2(void **state)
{
    (void)state;
    struct glint_safetensors *file = open_case("tiny_batch2");
    if (!file)
        skip();
    struct glint_model *model =
        open_model(model_folder("tiny", false), GLINT_PRECISION_F32, "avx512", 1, 10000, true);
    struct glint_model *plain =
        open_model(model_folder("tiny", false), GLINT_PRECISION_F32, "avx512", 1, 10000, false);
    int32_t rows = 0, points = 0;
    for (int32_t item = 0; item < 2; item++) {
        char prefix[16], title[32], name[32];
        snprintf(prefix, sizeof prefix, "item%d.", item);
        snprintf(title, sizeof title, "tiny_batch2 %d", item);
        snprintf(name, sizeof name, "points_raw.%d", item);
        struct check c = {.title = title,
                          .file = file,
                          .map_prefix = prefix,
                          .item = item,
                          .first_row = rows,
                          .first_point = points};
        struct glint_model_cost cost;
        run_check(&c, model, plain, glint_safetensors_find(file, name));
        glint_model_cost(model, &cost);
        rows += cost.n_pillars;
        points += cost.n_points;
        assert_int_equal(c.n_wrong, 0);
    }
    assert_int_equal(rows, 250);
    assert_int_equal(points, 1208);
    glint_model_close(model);
    glint_model_close(plain);
    glint_safetensors_close(file);
}

/* Frame after frame through one model, other frames between: nothing is left behind. */
static void tiny_frame_after_frame(void **state)
{
    static const char *const names[] = {"tiny_kitti", "tiny_edge_empty", "tiny_edge_short", "tiny_kitti"};
    (void)state;
    struct glint_frame_pool *pool;
    struct glint_frame *frame[4];
    struct glint_model *model = NULL;
    assert_int_equal(glint_frame_pool_open(4, 40000, CAP_BOXES, &pool), GLINT_OK);
    for (int i = 0; i < 4; i++) {
        struct glint_safetensors *file = open_case(names[i]);
        if (!file)
            skip();
        model = model
                    ? model
                    : open_model(model_folder("tiny", false), GLINT_PRECISION_F32, "avx512", 2, 40000, false);
        frame[i] = fill_frame(pool, glint_safetensors_find(file, "points_raw"));
        assert_int_equal(glint_model_run(model, frame[i]), GLINT_OK);
        glint_safetensors_close(file);
    }
    assert_int_equal(frame[0]->n_boxes, 389);
    assert_int_equal(frame[3]->n_boxes, 389);
    assert_memory_equal(frame[0]->boxes, frame[3]->boxes, 389 * sizeof(struct glint_box));
    for (int i = 0; i < 4; i++)
        glint_frame_unref(frame[i]);
    glint_frame_pool_close(pool);
    glint_model_close(model);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tiny[] = {
        cmocka_unit_test(tiny_nuscenes),
        cmocka_unit_test(tiny_kitti),
        cmocka_unit_test(tiny_edge_short),
        cmocka_unit_test(tiny_edge_one_group),
        cmocka_unit_test(tiny_edge_one_group_plus_1),
        cmocka_unit_test(tiny_edge_two_groups_minus_1),
        cmocka_unit_test(tiny_edge_single_point),
        cmocka_unit_test(tiny_edge_empty),
        cmocka_unit_test(tiny_edge_border),
        cmocka_unit_test(tiny_edge_clamp),
        cmocka_unit_test(tiny_nuscenes_dropfirst),
        cmocka_unit_test(tiny_kitti_dropfirst),
        cmocka_unit_test(tiny_batch2),
        cmocka_unit_test(tiny_frame_after_frame),
        cmocka_unit_test(within_bf16),
        cmocka_unit_test(within_i16),
        cmocka_unit_test(tiny_on_every_machine),
    };
    const struct CMUnitTest waymo[] = {
        cmocka_unit_test(waymo_nuscenes),           cmocka_unit_test(waymo_kitti360),
        cmocka_unit_test(waymo_edge_100),           cmocka_unit_test(waymo_edge_200),
        cmocka_unit_test(waymo_nuscenes_dropfirst),
    };
    const struct CMUnitTest few[] = {
        cmocka_unit_test(tiny_edge_empty),
        cmocka_unit_test(tiny_edge_short),
        cmocka_unit_test(tiny_edge_border),
    };
    const char *set = argc > 1 ? argv[1] : "tiny";
    if (!strcmp(set, "few")) /* for slow builds */
        return cmocka_run_group_tests(few, NULL, NULL);
    return strcmp(set, "waymo") ? cmocka_run_group_tests(tiny, NULL, NULL)
                                : cmocka_run_group_tests(waymo, NULL, NULL);
}
