/* tests/test_golden_dsvt.c - every tensor of every golden DSVT case against a model's tap: integers equal,
 * numbers within 1e-4 + 1e-4 of their size as its README has it (sections 3 to 8), the same detections. */
#include "tests/zoo_dsvt.h"
#include "core/cpu.h"
#include "core/frame.h"
#include "core/status.h"
#include "glint/model.h"

#define CAP_BOXES 4096

struct copy { /* of a tensor that the tap saw */
    int64_t n, width;
    float *f32; /* integers too, as floats */
};

enum { BOXES, SCORES, HEAT, LABELS, CELLS, RAW, DET_BOXES, DET_SCORES, DET_LABELS, DET_SRC, COPIES };
static const char *const copied[] = {"dec.boxes", "dec.scores", "dec.hm_scores", "dec.labels", "dec.cells",
                                     "dec.raw",   "det.boxes",  "det.scores",    "det.labels", "det.src"};

struct check {
    struct glint_zoo z;
    struct copy copy[COPIES];
    struct copy rows; /* of the last block */
};

/* Copies */

static void take(struct copy *c, const struct glint_tensor *t)
{
    c->n = t->shape[0];
    c->width = c->n ? glint_tensor_elements(t) / c->n : 0;
    c->f32 = realloc(c->f32, ((size_t)glint_tensor_elements(t) + 1) * sizeof(float));
    assert_non_null(c->f32);
    for (int64_t i = 0; i < glint_tensor_elements(t); i++)
        c->f32[i] =
            t->dtype == GLINT_DTYPE_F32 ? ((const float *)t->data)[i] : (float)glint_zoo_integer(t, i);
}

static void take_golden(struct check *c, int which, struct copy *out)
{
    const struct glint_tensor *t = glint_safetensors_find(c->z.file, copied[which]);
    const size_t used = strlen(c->z.seen);
    assert_non_null(t);
    *out = (struct copy){0};
    take(out, t);
    snprintf(c->z.seen + used, sizeof c->z.seen - used, "%s ", copied[which]);
}

/* The pooling's input at the listed cells: rows of the stage by place, zeros where there is none. */
static void compare_pool_input(struct check *c, int32_t stage, const struct glint_tensor *slot,
                               const struct glint_tensor *index)
{
    char name[40], listed[48];
    snprintf(name, sizeof name, "stage%d.pool_in_rows", stage);
    snprintf(listed, sizeof listed, "stage%d.pool_in_rows.rows", stage);
    const struct glint_tensor *want = glint_safetensors_find(c->z.file, name);
    const struct glint_tensor *rows = glint_safetensors_find(c->z.file, listed);
    if (!want || !rows)
        return;
    const int64_t n = want->shape[0], places = want->shape[1], width = want->shape[2];
    float *got = calloc((size_t)(n * places * width) + 1, sizeof *got);
    assert_non_null(got);
    assert_int_equal(width, c->rows.width);
    for (int64_t i = 0; i < n; i++)
        for (int64_t r = 0; r < c->rows.n; r++)
            if (glint_zoo_integer(index, r) == glint_zoo_integer(rows, i))
                memcpy(got + (i * places + glint_zoo_integer(slot, r)) * width, c->rows.f32 + r * width,
                       (size_t)width * sizeof *got);
    glint_zoo_whole(
        &c->z, name,
        &(struct glint_tensor){
            .name = name, .dtype = GLINT_DTYPE_F32, .n_dims = 3, .shape = {n, places, width}, .data = got});
    free(got);
}

static void see_integers(struct check *c, const struct glint_tensor *t)
{
    int32_t stage = 0, end = 0;
    glint_zoo_equal(&c->z, t->name, t);
    if (sscanf(t->name, "stage%d.pool_slot%n", &stage, &end) == 1 && end) {
        char name[32];
        snprintf(name, sizeof name, "stage%d.pool_index", stage);
        compare_pool_input(c, stage - 1, t,
                           glint_safetensors_find(c->z.file, name)); /* equal to ours by now */
    }
    if (!strcmp(t->name, "rejected"))
        glint_zoo_equal(&c->z, "points_dropped", t);
}

static void see_rows(struct check *c, const struct glint_tensor *t)
{
    int32_t stage = 0, block, end = 0;
    char index[32] = "rows";
    if (sscanf(t->name, "stage%d.%n", &stage, &end) == 1 && end)
        stage += !strcmp(t->name + end, "pooled");
    if (stage > 0)
        snprintf(index, sizeof index, "stage%d.rows", stage);
    const bool points = !strcmp(t->name, "vfe.in") || !strncmp(t->name, "vfe.pfn", 7);
    const bool whole = strstr(t->name, ".mha_") != NULL;
    glint_zoo_rows(&c->z, t->name, whole ? NULL : points ? "pt_rows" : index, t);
    end = 0;
    if (sscanf(t->name, "stage%d.block%d.out%n", &stage, &block, &end) == 2 && end)
        take(&c->rows, t);
}

static void see(void *ctx, const struct glint_tensor *t)
{
    struct check *c = ctx;
    for (int i = 0; i < COPIES; i++)
        if (!strcmp(t->name, copied[i])) {
            take(&c->copy[i], t);
            return;
        }
    if (t->dtype != GLINT_DTYPE_F32)
        see_integers(c, t);
    else if (t->n_dims == 3)
        glint_zoo_map(&c->z, t->name, t);
    else
        see_rows(c, t);
}

/* Detections: as sets, by class and cell */

static int64_t find_cell(const struct copy *label, const struct copy *cell, float wanted_label,
                         const float *wanted)
{
    for (int64_t i = 0; i < label->n; i++)
        if (label->f32[i] == wanted_label && cell->f32[2 * i] == wanted[0] &&
            cell->f32[2 * i + 1] == wanted[1])
            return i;
    return -1;
}

static double row_error(const struct copy *got, int64_t i, const struct copy *want, int64_t k)
{
    double worst = 0;
    for (int64_t j = 0; j < want->width; j++) {
        const double error =
            fabs((double)got->f32[i * got->width + j] - (double)want->f32[k * want->width + j]);
        worst = error <= worst ? worst : isfinite(error) ? error : INFINITY;
    }
    return worst;
}

static void expect_row(struct check *c, int which, int64_t i, const struct copy *want, int64_t k, double most)
{
    if (c->copy[which].width != want->width || !(row_error(&c->copy[which], i, want, k) <= most))
        glint_zoo_expect(&c->z, copied[which], false, "a row differs");
}

static void compare_detections(struct check *c)
{
    struct copy want[COPIES];
    for (int i = 0; i < COPIES; i++)
        take_golden(c, i, &want[i]);
    glint_zoo_expect(&c->z, "dec.boxes", c->copy[LABELS].n == want[LABELS].n, "another count");
    glint_zoo_expect(&c->z, "det.boxes", c->copy[DET_SRC].n == want[DET_SRC].n, "another count");
    for (int64_t k = 0; k < want[LABELS].n; k++) {
        const int64_t i =
            find_cell(&c->copy[LABELS], &c->copy[CELLS], want[LABELS].f32[k], want[CELLS].f32 + 2 * k);
        glint_zoo_expect(&c->z, "dec.cells", i >= 0, "a cell is missing");
        if (i < 0)
            continue;
        expect_row(c, BOXES, i, &want[BOXES], k, 1e-3);
        expect_row(c, SCORES, i, &want[SCORES], k, 1e-4);
        expect_row(c, HEAT, i, &want[HEAT], k, 1e-4);
        expect_row(c, RAW, i, &want[RAW], k, 1e-3);
    }
    for (int64_t k = 0; k < want[DET_SRC].n; k++) {
        const int64_t from = (int64_t)want[DET_SRC].f32[k];
        int64_t i = -1;
        for (int64_t j = 0; j < c->copy[DET_SRC].n; j++) {
            const int64_t at = (int64_t)c->copy[DET_SRC].f32[j];
            if (c->copy[LABELS].f32[at] == want[LABELS].f32[from] &&
                !memcmp(c->copy[CELLS].f32 + 2 * at, want[CELLS].f32 + 2 * from, 2 * sizeof(float)))
                i = j;
        }
        glint_zoo_expect(&c->z, "det.src", i >= 0, "a detection is missing");
        if (i < 0)
            continue;
        expect_row(c, DET_BOXES, i, &want[DET_BOXES], k, 1e-3);
        expect_row(c, DET_SCORES, i, &want[DET_SCORES], k, 1e-4);
        expect_row(c, DET_LABELS, i, &want[DET_LABELS], k, 0);
    }
    for (int i = 0; i < COPIES; i++)
        free(want[i].f32);
}

/* What leaves the model: our boxes are the detections, dx along the heading, labels from 0. */
static void compare_published(struct check *c, const struct glint_frame *frame, const char *name)
{
    const struct copy *d = c->copy;
    bool same = frame->n_boxes == d[DET_LABELS].n;
    for (int32_t i = 0; same && i < frame->n_boxes; i++) {
        const struct glint_box *b = &frame->boxes[i];
        bool found = false;
        for (int64_t k = 0; k < d[DET_LABELS].n && !found; k++) {
            const float *box = d[DET_BOXES].f32 + k * d[DET_BOXES].width;
            double worst = fabs((double)b->score - (double)d[DET_SCORES].f32[k]);
            for (int j = 0; j < 3; j++)
                worst = fmax(worst, fmax(fabs((double)b->center[j] - (double)box[j]),
                                         fabs((double)b->size[j] - (double)box[3 + j])));
            found = worst < 2e-4 && (float)(b->label + 1) == d[DET_LABELS].f32[k] &&
                    fabs(remainder((double)b->yaw - (double)box[6], 6.283185307179586)) < 1e-3;
        }
        same = found;
    }
    glint_zoo_expect(&c->z, name, same, "differ from the detections");
}

/* Models and frames */

static const char *model_folder(const char *name)
{
    static char folder[512];
    char weights[512];
    const char *config = !strncmp(name, "pillar_waymo", 12) ? "pillar_waymo"
                         : !strncmp(name, "pillar", 6)      ? "pillar_tiny"
                                                            : "voxel_tiny";
    snprintf(folder, sizeof folder, "%s/golden_dsvt_%s", GLINT_BUILD_DIR, config);
    snprintf(weights, sizeof weights, "%s/dsvt/%s_weights.safetensors", GLINT_ZOO_FOLDER, config);
    if (glint_model_import(weights, NULL, NULL, folder) != GLINT_OK)
        fail_msg("import: %s", glint_error_text());
    return folder;
}

static struct glint_model *open_model(const char *name, const char *isa, int32_t threads, int32_t cap_points,
                                      bool keep_stages)
{
    struct glint_model_settings s;
    struct glint_model *model;
    glint_model_settings_default(&s);
    s.isa = glint_cpu_isa() & glint_cpu_isa_mask(isa);
    s.n_threads = threads;
    s.cap_points = cap_points;
    s.keep_stages = keep_stages;
    if (glint_model_open(model_folder(name), &s, NULL, &model) != GLINT_OK)
        fail_msg("%s: %s", name, glint_error_text());
    return model;
}

static struct glint_frame *fill_frame(struct glint_frame_pool *pool, const struct glint_tensor *points)
{
    struct glint_frame *frame = glint_frame_get(pool, false);
    struct glint_points *p = &frame->points;
    const int64_t n = points ? points->shape[0] : 0, width = points ? points->shape[1] : 4;
    const float *v = points ? points->data : NULL;
    for (int64_t i = 0; i < n; i++) {
        p->x[i] = v[i * width];
        p->y[i] = v[i * width + 1];
        p->z[i] = v[i * width + 2];
        p->intensity[i] = v[i * width + 3];
    }
    p->n = (int32_t)n;
    frame->as_network_input = true;
    return frame;
}

static struct glint_safetensors *open_case(const char *name)
{
    char full[64];
    snprintf(full, sizeof full, "dsvt/%s", name);
    return glint_zoo_open(full);
}

/* The points of a case, of its own or of another whose file is then *other_out. */
static const struct glint_tensor *points_of(const struct glint_safetensors *file,
                                            struct glint_safetensors **other_out)
{
    const char *from = glint_safetensors_metadata(file, "points_from");
    *other_out = from ? open_case(from) : NULL;
    return glint_zoo_tensor(from ? *other_out : file, "points", GLINT_DTYPE_F32);
}

static void run(struct glint_model *model, struct glint_frame *frame)
{
    if (glint_model_run(model, frame) != GLINT_OK)
        fail_msg("%s", glint_error_text());
}

static void check_case(const char *name, const char *isa, int32_t threads)
{
    struct glint_safetensors *file = open_case(name), *other;
    struct glint_frame_pool *pool;
    if (!file)
        skip();
    struct check *c = calloc(1, sizeof *c);
    c->z = (struct glint_zoo){.title = name, .file = file, .absolute = 1e-4, .relative = 1e-4};
    const struct glint_tensor *points = points_of(file, &other);
    const int32_t cap = (int32_t)points->shape[0] + 1;
    assert_int_equal(glint_frame_pool_open(1, cap, CAP_BOXES, &pool), GLINT_OK);
    struct glint_frame *frame = fill_frame(pool, points);
    struct glint_model *model = open_model(name, isa, threads, cap, true);
    glint_model_set_tap(model, see, c);
    run(model, frame);
    glint_model_close(model);
    compare_detections(c);
    compare_published(c, frame, "boxes");
    model =
        open_model(name, isa, threads, cap, false); /* maps where they matter, branches at the best cells */
    run(model, frame);
    glint_model_close(model);
    compare_published(c, frame, "boxes without the tap");
    glint_zoo_all_seen(&c->z, "points rows pt_rows stage1.rows stage2.rows "
                              "stage3.rows stage0.pool_in_rows.rows stage1.pool_in_rows.rows "
                              "stage2.pool_in_rows.rows");
    print_message("%-28s %s x%d: %d compared, worst %.2f of the tolerance\n", name, isa, threads,
                  c->z.n_compared, c->z.worst);
    glint_frame_unref(frame);
    glint_frame_pool_close(pool);
    glint_safetensors_close(file);
    glint_safetensors_close(other);
    for (int i = 0; i < COPIES; i++)
        free(c->copy[i].f32);
    free(c->rows.f32);
    const int32_t n_wrong = c->z.n_wrong, n_compared = c->z.n_compared;
    free(c);
    assert_int_equal(n_wrong, 0);
    assert_true(n_compared > 60);
}

static void edges(void **state)
{
    (void)state;
    for (size_t i = 0; i < ZOO_DSVT_CASES; i++)
        if (strstr(zoo_dsvt_cases[i], "_edge_"))
            check_case(zoo_dsvt_cases[i], "avx512", 1 + (int32_t)(i % 2));
}

/* For slow builds. */
static void few_edges(void **state)
{
    (void)state;
    check_case("pillar_tiny_edge_19", "avx512", 2);
    check_case("voxel_tiny_edge_25", "avx512", 2);
}

static void tiny_scans(void **state)
{
    (void)state;
    for (size_t i = 0; i < ZOO_DSVT_CASES; i++)
        if (strstr(zoo_dsvt_cases[i], "tiny") && !strstr(zoo_dsvt_cases[i], "_edge_"))
            check_case(zoo_dsvt_cases[i], "avx512", 2);
}

static void on_every_machine(void **state)
{
    (void)state;
    check_case("voxel_tiny_edge_71", "c", 2);
    check_case("pillar_tiny_edge_53", "c", 1);
    check_case("voxel_tiny_kittifov000002", "avx2", 2);
}

static void waymo(void **state)
{
    (void)state;
    check_case("pillar_waymo_kitti000001", "avx512", 2);
}

/* Frames through one model, none and others between, with one thread and two: nothing is left behind. */
static void frame_after_frame(void **state)
{
    static const char *const names[] = {"voxel_tiny_kittifov000002", NULL, "voxel_tiny_edge_1",
                                        "voxel_tiny_kittifov000002"};
    struct glint_frame_pool *pool;
    struct glint_frame *frame[2][4];
    (void)state;
    struct glint_safetensors *file = open_case(names[0]);
    if (!file)
        skip();
    glint_safetensors_close(file);
    assert_int_equal(glint_frame_pool_open(8, 40000, CAP_BOXES, &pool), GLINT_OK);
    for (int t = 0; t < 2; t++) {
        struct glint_model *model = open_model(names[0], "avx512", 1 + t, 40000, false);
        for (int i = 0; i < 4; i++) {
            file = names[i] ? open_case(names[i]) : NULL;
            frame[t][i] = fill_frame(pool, file ? glint_zoo_tensor(file, "points", GLINT_DTYPE_F32) : NULL);
            run(model, frame[t][i]);
            glint_safetensors_close(file);
        }
        glint_model_close(model);
    }
    for (int i = 0; i < 4; i++) {
        assert_int_equal(frame[0][i]->n_boxes, frame[1][i]->n_boxes);
        assert_memory_equal(frame[0][i]->boxes, frame[1][i]->boxes,
                            (size_t)frame[0][i]->n_boxes * sizeof(struct glint_box));
    }
    assert_true(frame[0][0]->n_boxes > 0);
    assert_int_equal(frame[0][0]->n_boxes, frame[0][3]->n_boxes);
    assert_memory_equal(frame[0][0]->boxes, frame[0][3]->boxes,
                        (size_t)frame[0][0]->n_boxes * sizeof(struct glint_box));
    for (int i = 0; i < 8; i++)
        glint_frame_unref(frame[i / 4][i % 4]);
    glint_frame_pool_close(pool);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tiny[] = {
        cmocka_unit_test(edges),
        cmocka_unit_test(tiny_scans),
        cmocka_unit_test(on_every_machine),
        cmocka_unit_test(frame_after_frame),
    };
    const struct CMUnitTest large[] = {cmocka_unit_test(waymo)};
    const struct CMUnitTest few[] = {cmocka_unit_test(few_edges)};
    if (argc > 1 && !strcmp(argv[1], "few"))
        return cmocka_run_group_tests(few, NULL, NULL);
    return argc > 1 && !strcmp(argv[1], "waymo") ? cmocka_run_group_tests(large, NULL, NULL)
                                                 : cmocka_run_group_tests(tiny, NULL, NULL);
}
