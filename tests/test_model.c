/* tests/test_model.c - a model in use: frames of all sizes, limits, settings, nothing allocated, import. */
#include "tests/util.h"
#include "tests/model_fixture.h"
#include "core/cpu.h"
#include "core/frame.h"
#include "core/trace.h"
#include "glint/model.h"
#include <malloc.h>
#include <math.h>

#define FOLDER GLINT_BUILD_DIR "/test_model_model"
#define CAP    500

static struct glint_model *open_fixture(const char *config, int32_t threads, float score,
                                        struct glint_trace *trace)
{
    struct fixture *f = fixture_open();
    struct glint_model_settings s;
    struct glint_model *model;
    glint_model_settings_default(&s);
    s.n_threads = threads;
    s.cap_points = CAP;
    s.score = score;
    fixture_write(f, FOLDER, config);
    if (glint_model_open(FOLDER, &s, trace, &model) != GLINT_OK)
        fail_msg("%s", glint_error_text());
    fixture_close(f);
    return model;
}

static struct glint_frame_pool *open_pool(int32_t cap_boxes)
{
    struct glint_frame_pool *pool;
    assert_int_equal(glint_frame_pool_open(4, CAP + 10, cap_boxes, &pool), GLINT_OK);
    return pool;
}

static struct glint_frame *random_frame(struct glint_frame_pool *pool, int32_t n)
{
    struct glint_frame *frame = glint_frame_get(pool, false);
    uint64_t seed = 5;
    for (int32_t i = 0; i < n; i++)
        glint_frame_add_point(frame, glint_test_uniform(&seed, -9, 9), glint_test_uniform(&seed, -9, 9),
                              glint_test_uniform(&seed, -2, 2), glint_test_uniform(&seed, 0, 1), 0, 0, 0);
    return frame;
}

static void frames_of_all_sizes(void **state)
{
    (void)state;
    static const int32_t sizes[] = {0, 1, 2, 11, 12, 13, 24, 100, CAP};
    struct glint_model *model = open_fixture(NULL, 2, 0, NULL);
    struct glint_frame_pool *pool = open_pool(100);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct glint_frame *frame = random_frame(pool, sizes[i]);
        struct glint_model_cost cost;
        assert_int_equal(glint_model_run(model, frame), GLINT_OK);
        glint_model_cost(model, &cost);
        assert_true(cost.n_points <= sizes[i] && cost.n_pillars <= cost.n_points);
        assert_true((cost.n_pillars == 0) == (cost.flop[GLINT_STAGE_BEV] == 0) &&
                    (cost.n_pillars == 0) == (cost.flop[GLINT_STAGE_ATTEND] == 0));
        for (int32_t k = 0; k < frame->n_boxes; k++)
            assert_true(isfinite(frame->boxes[k].yaw) && frame->boxes[k].score > 0 &&
                        frame->boxes[k].label < 2);
        glint_frame_unref(frame);
    }
    glint_frame_pool_close(pool);
    glint_model_close(model);
}

/* The same boxes, to rounding. */
static void assert_same_boxes(const struct glint_frame *a, const struct glint_frame *b)
{
    assert_true(a->n_boxes > 0 && a->n_boxes == b->n_boxes);
    for (int32_t i = 0; i < a->n_boxes; i++) {
        const struct glint_box *p = &a->boxes[i], *q = &b->boxes[i];
        assert_int_equal(p->label, q->label);
        assert_true(fabsf(p->score - q->score) <= 1e-5f &&
                    fabsf(remainderf(p->yaw - q->yaw, 6.2831853f)) <= 1e-4f);
        for (int k = 0; k < 3; k++)
            assert_true(fabsf(p->center[k] - q->center[k]) <= 1e-4f &&
                        fabsf(p->size[k] - q->size[k]) <= 1e-4f * q->size[k]);
    }
}

/* Empty space is left out by default (sparse.h); the boxes are the same. */
static void check_whole_maps(enum glint_precision precision)
{
    struct glint_model_settings s;
    struct glint_model *part, *whole;
    glint_model_close(open_fixture(NULL, 2, 0, NULL)); /* the folder is there */
    struct glint_frame_pool *pool = open_pool(100);
    struct glint_frame *a = random_frame(pool, 20), *b = random_frame(pool, 20);
    struct glint_model_cost part_cost, whole_cost;
    glint_model_settings_default(&s);
    s.cap_points = CAP;
    s.n_threads = 2;
    s.score = 0;
    s.precision = precision;
    assert_int_equal(glint_model_open(FOLDER, &s, NULL, &part), GLINT_OK);
    s.whole_maps = true;
    assert_int_equal(glint_model_open(FOLDER, &s, NULL, &whole), GLINT_OK);
    assert_int_equal(glint_model_run(part, a), GLINT_OK);
    assert_int_equal(glint_model_run(whole, b), GLINT_OK);
    glint_model_cost(part, &part_cost);
    glint_model_cost(whole, &whole_cost);
    const int bev = GLINT_STAGE_BEV;
    assert_true(part_cost.flop[bev] < whole_cost.flop[bev]);
    assert_true(part_cost.flop[bev] + part_cost.flop_saved[bev] ==
                whole_cost.flop[bev] + whole_cost.flop_saved[bev]);
    assert_true(whole_cost.flop_saved[bev] > 0); /* by tiles */
    assert_true(part_cost.pixels[bev] > 0 && part_cost.pixels[bev] < part_cost.pixels_whole[bev]);
    assert_true(whole_cost.pixels[bev] == part_cost.pixels_whole[bev]);
    assert_true(part_cost.bytes[bev] > 0 && part_cost.bytes[bev] < whole_cost.bytes[bev]);
    assert_true(part_cost.bytes[GLINT_STAGE_ATTEND] == whole_cost.bytes[GLINT_STAGE_ATTEND]);
    assert_same_boxes(a, b);
    glint_frame_unref(a);
    glint_frame_unref(b);
    glint_frame_pool_close(pool);
    glint_model_close(part);
    glint_model_close(whole);
}

static void whole_maps_give_the_same_boxes(void **state)
{
    (void)state;
    check_whole_maps(GLINT_PRECISION_F32);
    if (glint_cpu_isa() & GLINT_ISA_AVX512_BF16)
        check_whole_maps(GLINT_PRECISION_BF16);
    if (glint_cpu_isa() & GLINT_ISA_AVX512_VNNI)
        check_whole_maps(GLINT_PRECISION_I16);
}

static void less_precision_wants_its_instructions(void **state)
{
    (void)state;
    struct glint_model_settings s;
    struct glint_model *model;
    glint_model_close(open_fixture(NULL, 1, 0, NULL)); /* the folder is there */
    glint_model_settings_default(&s);
    s.precision = GLINT_PRECISION_BF16;
    s.isa &= ~GLINT_ISA_AVX512_BF16;
    assert_int_equal(glint_model_open(FOLDER, &s, NULL, &model), GLINT_E_DEVICE);
    assert_non_null(strstr(glint_error_text(), "bf16"));
    s.precision = GLINT_PRECISION_F16;
    s.device = "cpu";
    assert_int_equal(glint_model_open(FOLDER, &s, NULL, &model), GLINT_E_DEVICE);
    s.precision = GLINT_PRECISION_I16;
    s.isa &= ~GLINT_ISA_AVX512_VNNI;
    assert_int_equal(glint_model_open(FOLDER, &s, NULL, &model), GLINT_E_DEVICE);
    assert_non_null(strstr(glint_error_text(), "i16"));
}

static void more_points_than_the_capacity(void **state)
{
    (void)state;
    struct glint_model *model = open_fixture(NULL, 1, -1, NULL);
    struct glint_frame_pool *pool = open_pool(100);
    struct glint_frame *frame = random_frame(pool, CAP + 1);
    assert_int_equal(glint_model_run(model, frame), GLINT_E_CAPACITY);
    frame->points.n = CAP;
    assert_int_equal(glint_model_run(model, frame), GLINT_OK);
    glint_frame_unref(frame);
    glint_frame_pool_close(pool);
    glint_model_close(model);
}

/* Pillars beyond max_pillars are left out, and the rest works. */
static void more_pillars_than_the_capacity(void **state)
{
    (void)state;
    const char *config =
        fixture_replace("\"pillar\": [0.5, 0.5, 4]", "\"pillar\": [0.5, 0.5, 4], \"max_pillars\": 20");
    struct glint_model *model = open_fixture(config, 1, -1, NULL);
    struct glint_frame_pool *pool = open_pool(100);
    struct glint_frame *frame = random_frame(pool, CAP);
    struct glint_model_cost cost;
    assert_int_equal(glint_model_run(model, frame), GLINT_OK);
    glint_model_cost(model, &cost);
    assert_int_equal(cost.n_pillars, 20);
    glint_frame_unref(frame);
    glint_frame_pool_close(pool);
    glint_model_close(model);
}

/* A frame with little room for boxes gets the best, in the order of all. */
static void the_best_boxes_are_kept(void **state)
{
    (void)state;
    struct glint_model *model = open_fixture(NULL, 1, 0, NULL);
    struct glint_frame_pool *wide = open_pool(100), *narrow = open_pool(5);
    struct glint_frame *all = random_frame(wide, 300), *few = random_frame(narrow, 300);
    assert_int_equal(glint_model_run(model, all), GLINT_OK);
    assert_int_equal(glint_model_run(model, few), GLINT_OK);
    assert_true(all->n_boxes > 5);
    assert_int_equal(few->n_boxes, 5);
    float least = 1;
    int32_t better = 0, k = 0;
    for (int32_t i = 0; i < 5; i++)
        least = few->boxes[i].score < least ? few->boxes[i].score : least;
    for (int32_t i = 0; i < all->n_boxes; i++) {
        better += all->boxes[i].score > least;
        if (k < 5 && !memcmp(&all->boxes[i], &few->boxes[k], sizeof few->boxes[k]))
            k++;
    }
    assert_true(better <= 4);
    assert_int_equal(k, 5);
    glint_frame_unref(all);
    glint_frame_unref(few);
    glint_frame_pool_close(wide);
    glint_frame_pool_close(narrow);
    glint_model_close(model);
}

/* 0..255: a frame's intensity is scaled, a network input is not. */
static void intensity_is_scaled(void **state)
{
    (void)state;
    const char *config = fixture_replace("\"intensity\"]}", "\"intensity\"], \"intensity\": \"0..255\"}");
    struct glint_frame_pool *pool = open_pool(100);
    struct glint_frame *plain = random_frame(pool, 200), *scaled = random_frame(pool, 200);
    for (int32_t i = 0; i < 200; i++) {
        plain->points.intensity[i] = (float)(i % 256) / 255.0f;
        scaled->points.intensity[i] = (float)(i % 256) / 255.0f * 255.0f;
    }
    scaled->as_network_input = true;
    struct glint_model *model = open_fixture(config, 1, 0, NULL);
    assert_int_equal(glint_model_run(model, plain), GLINT_OK);
    assert_int_equal(glint_model_run(model, scaled), GLINT_OK);
    assert_true(plain->n_boxes > 0);
    assert_int_equal(plain->n_boxes, scaled->n_boxes);
    for (int32_t i = 0; i < plain->n_boxes; i++)
        assert_true(fabsf(plain->boxes[i].score - scaled->boxes[i].score) < 1e-5f);
    scaled->as_network_input = false;
    assert_int_equal(glint_model_run(model, scaled), GLINT_OK);
    assert_true(scaled->n_boxes != plain->n_boxes ||
                memcmp(scaled->boxes, plain->boxes, (size_t)plain->n_boxes * sizeof *plain->boxes));
    glint_frame_unref(plain);
    glint_frame_unref(scaled);
    glint_frame_pool_close(pool);
    glint_model_close(model);
}

/* tanh: of a frame's raw intensity, unless it is that already or a network input. */
static void intensity_under_tanh(void **state)
{
    (void)state;
    const char *config = fixture_replace("\"intensity\"]}", "\"intensity\"], \"intensity\": \"tanh\"}");
    struct glint_frame_pool *pool = open_pool(100);
    struct glint_frame *raw = random_frame(pool, 200), *made = random_frame(pool, 200);
    for (int32_t i = 0; i < 200; i++) {
        raw->points.intensity[i] = (float)(i % 50) * 0.1f;
        made->points.intensity[i] = tanhf((float)(i % 50) * 0.1f);
    }
    struct glint_model *model = open_fixture(config, 1, 0, NULL);
    assert_int_equal(glint_model_run(model, raw), GLINT_OK);
    assert_true(raw->n_boxes > 0);
    for (int how = 0; how < 3; how++) {
        made->intensity_is_tanh = how == 0;
        made->as_network_input = how == 1;
        assert_int_equal(glint_model_run(model, made), GLINT_OK);
        const bool same = raw->n_boxes == made->n_boxes &&
                          !memcmp(raw->boxes, made->boxes, (size_t)raw->n_boxes * sizeof *raw->boxes);
        assert_int_equal(same, how < 2);
    }
    assert_true(raw->points.intensity[49] == 49 * 0.1f); /* the frame keeps its own */
    glint_frame_unref(raw);
    glint_frame_unref(made);
    glint_frame_pool_close(pool);
    glint_model_close(model);
}

/* Whole maps add up in another order than those of which a part is computed. */
static void assert_boxes_near(const struct glint_box *a, const struct glint_box *b)
{
    assert_int_equal(a->label, b->label);
    assert_near(a->score, b->score, 1e-5);
    assert_near(a->yaw, b->yaw, 1e-4);
    for (int k = 0; k < 3; k++) {
        assert_near(a->center[k], b->center[k], 1e-4 * (1 + fabs((double)a->center[k])));
        assert_near(a->size[k], b->size[k], 1e-4 * (double)a->size[k]);
    }
}

/* A head without the branches vel and iou, a backbone without residuals: other tensors, other layers. */
static void optional_parts_are_left_out(void **state)
{
    (void)state;
    struct fixture *f = fixture_open();
    struct glint_model_settings s;
    struct glint_model *model;
    char config[sizeof fixture_config + 1024];
    snprintf(config, sizeof config, "%s",
             fixture_replace("\"branch_norm_eps\": 1e-5",
                             "\"branch_norm_eps\": 1e-5, \"velocity\": false, \"iou\": false"));
    int32_t n = 0;
    for (int32_t i = 0; i < f->n; i++) {
        if (strstr(f->name[i], "task_heads.0.vel") || strstr(f->name[i], "task_heads.0.iou")) {
            free(f->data[i]);
            continue;
        }
        memcpy(f->name[n], f->name[i], sizeof f->name[i]);
        f->tensor[n] = f->tensor[i];
        f->tensor[n].name = f->name[n];
        f->data[n++] = f->data[i];
    }
    f->n = n;
    struct glint_frame_pool *pool = open_pool(100);
    struct glint_frame *frame[2] = {random_frame(pool, 300), random_frame(pool, 300)};
    for (int whole = 0; whole < 2; whole++) {
        glint_model_settings_default(&s);
        s.n_threads = 1;
        s.cap_points = CAP;
        s.score = 0;
        s.keep_stages = whole;
        fixture_write(f, FOLDER, config);
        if (glint_model_open(FOLDER, &s, NULL, &model) != GLINT_OK)
            fail_msg("%s", glint_error_text());
        assert_int_equal(glint_model_run(model, frame[whole]), GLINT_OK);
        glint_model_close(model);
    }
    assert_true(frame[0]->n_boxes > 0 && frame[0]->n_boxes == frame[1]->n_boxes);
    for (int32_t i = 0; i < frame[0]->n_boxes; i++)
        assert_boxes_near(&frame[0]->boxes[i], &frame[1]->boxes[i]);
    assert_true(frame[0]->boxes[0].velocity[0] == 0);
    glint_frame_unref(frame[0]);
    glint_frame_unref(frame[1]);
    glint_frame_pool_close(pool);
    fixture_close(f);
    model = open_fixture(fixture_replace("\"strides\": [1, 2]", "\"strides\": [1, 2], \"residual\": false"),
                         1, 0, NULL);
    glint_model_close(model);
}

static void stages_are_timed(void **state)
{
    (void)state;
    struct glint_trace *trace;
    assert_int_equal(glint_trace_open(100, &trace), GLINT_OK);
    struct glint_model *model = open_fixture(NULL, 1, -1, trace);
    struct glint_frame_pool *pool = open_pool(100);
    struct glint_frame *frame = random_frame(pool, 200);
    assert_int_equal(glint_model_run(model, frame), GLINT_OK);
    for (int s = GLINT_STAGE_VOXELIZE; s <= GLINT_STAGE_NMS; s++)
        assert_true(frame->latency_ns[s] >= 0);
    assert_int_equal(frame->latency_ns[GLINT_STAGE_TRACK], -1);
    glint_frame_unref(frame);
    glint_frame_pool_close(pool);
    glint_model_close(model);
    glint_trace_close(trace);
}

/* The heap is the same before and after frames. */
static void a_run_allocates_nothing(void **state)
{
    (void)state;
    struct glint_model *model = open_fixture(NULL, 2, 0, NULL);
    struct glint_frame_pool *pool = open_pool(100);
    struct glint_frame *frame = random_frame(pool, 400);
    assert_int_equal(glint_model_run(model, frame), GLINT_OK);
    const struct mallinfo2 before = mallinfo2();
    for (int i = 0; i < 5; i++)
        assert_int_equal(glint_model_run(model, frame), GLINT_OK);
    const struct mallinfo2 after = mallinfo2();
    assert_int_equal(after.uordblks, before.uordblks);
    assert_int_equal(after.hblkhd, before.hblkhd);
    glint_frame_unref(frame);
    glint_frame_pool_close(pool);
    glint_model_close(model);
}

/* Import */

static void write_weights(const char *path, const char *config)
{
    struct fixture *f = fixture_open();
    const char *const meta[] = {"config", config};
    assert_int_equal(glint_safetensors_write(path, f->tensor, f->n, meta, config ? 1 : 0), GLINT_OK);
    fixture_close(f);
}

static const char foreign[] =
    "{\"name\": \"a \\\"b\\\"\", \"vs\": [0.5, 0.5, 4], \"pcr\": [-8, -8, -2, 8, 8, 2], \"filt\": [-8, -8, "
    "-2, 8, 8, 2], "
    "\"nf\": 4, \"vfe\": [8, 16], \"dim\": 16, \"heads\": 2, \"blocks\": 1, \"window\": 5, \"grid\": 32, "
    "\"group\": 12, "
    "\"bb\": [16, 24], \"nums\": [1, 1], \"strides\": [1, 2], \"fpn\": [8, 16], \"ups\": [1, 2], "
    "\"max_num\": 50, "
    "\"post\": [-8, -8, -9, 8, 8, 9], \"limit\": [-8, -8, -9, 8, 8, 9], \"pre\": [9, 9], \"postn\": [9, 9], "
    "\"thr\": [0.5, 0.5], \"score_thr\": 0.1, \"iou_pow\": 2, \"ncls\": 2, \"share\": 8, \"bn_eps\": 0.001, "
    "\"head_bn_eps\": 1e-5, \"ln_eps\": 1e-5}";

static void import_says_what_is_wrong(void **state)
{
    (void)state;
    const char *weights = GLINT_BUILD_DIR "/test_model_weights.safetensors",
               *out = GLINT_BUILD_DIR "/test_model_imported";
    write_weights(weights, NULL);
    assert_int_equal(glint_model_import(weights, NULL, NULL, out), GLINT_E_FORMAT);
    assert_non_null(strstr(glint_error_text(), "no \"config\""));
    write_weights(weights, "{\"a\": 1}");
    assert_int_equal(glint_model_import(weights, NULL, NULL, out), GLINT_E_FORMAT);
    assert_non_null(strstr(glint_error_text(), "no architecture known"));
    write_weights(weights, "{");
    assert_int_equal(glint_model_import(weights, NULL, NULL, out), GLINT_E_FORMAT);
    write_weights(weights, foreign);
    assert_int_equal(glint_model_import(weights, "resnet", NULL, out), GLINT_E_FORMAT);
    assert_non_null(strstr(glint_error_text(), "\"resnet\""));
    assert_int_equal(glint_model_import("/nonexistent", NULL, NULL, out), GLINT_E_NOTFOUND);
    /* 2 dim is not this fixture's feed-forward width: names the tensor, writes nothing */
    assert_int_equal(glint_model_import(weights, NULL, NULL, out), GLINT_E_FORMAT);
    assert_non_null(strstr(glint_error_text(), "fc1.weight"));
    struct stat st;
    assert_int_not_equal(stat(out, &st), 0);
}

/* The golden weights' configuration; the folder opens and carries the same tensors. */
static void an_imported_folder_opens(void **state)
{
    (void)state;
    char path[512];
    if (!glint_test_shared("golden/flatformer/tiny_weights.safetensors", path, sizeof path))
        skip();
    const char *out = GLINT_BUILD_DIR "/test_model_tiny";
    struct glint_model_settings s;
    struct glint_model *model;
    if (glint_model_import(path, "flatformer", NULL, out) != GLINT_OK)
        fail_msg("%s", glint_error_text());
    glint_model_settings_default(&s);
    assert_int_equal(glint_model_open(out, &s, NULL, &model), GLINT_OK);
    assert_string_equal(glint_model_info(model)->name, "tiny");
    assert_string_equal(glint_model_info(model)->classes[0], "vehicle");
    assert_true(glint_model_info(model)->memory_bytes < (size_t)400 << 20);
    glint_model_close(model);
    assert_int_equal(glint_model_import(path, NULL, NULL, "/proc/none/such"), GLINT_E_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_of_all_sizes),
        cmocka_unit_test(whole_maps_give_the_same_boxes),
        cmocka_unit_test(less_precision_wants_its_instructions),
        cmocka_unit_test(more_points_than_the_capacity),
        cmocka_unit_test(more_pillars_than_the_capacity),
        cmocka_unit_test(the_best_boxes_are_kept),
        cmocka_unit_test(intensity_is_scaled),
        cmocka_unit_test(intensity_under_tanh),
        cmocka_unit_test(optional_parts_are_left_out),
        cmocka_unit_test(stages_are_timed),
        cmocka_unit_test(a_run_allocates_nothing),
        cmocka_unit_test(import_says_what_is_wrong),
        cmocka_unit_test(an_imported_folder_opens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
