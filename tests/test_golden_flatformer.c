/* tests/test_golden_flatformer.c - every tensor of every FlatFormer golden case against a model's tap. The
 * cases hold chosen rows, crops, sums and statistics of the big tensors; the tap shows them whole. Tolerances
 * are those of the golden README, section 7: integers equal, 1e-5 by norm up to the encoder, 2e-5 for maps,
 * the same set of boxes. */
#include "tests/util.h"
#include "core/cpu.h"
#include "core/frame.h"
#include "core/safetensors.h"
#include "core/status.h"
#include "glint/model.h"
#include <math.h>

#define CAP_BOXES 4096

/* What a precision may differ: its errors by norm, and the share of detections that have a partner of the
 * same class, the score within 0.02 and centre and size within 5 cm. Random weights make scores that are
 * nearly tied. */
struct tolerance {
    double row, map, found;
};
static const struct tolerance tolerances[] = {
    [GLINT_PRECISION_F32] = {1e-5, 2e-5, 1},
    [GLINT_PRECISION_BF16] = {1.2e-2, 3e-2, 0.93},
    [GLINT_PRECISION_I16] = {3e-3, 4e-3, 0.99},
};

struct boxes { /* what the tap saw of dec.* or det.* */
    int32_t n;
    float *box, *score, *raw;
    int32_t *label, *cell, *source;
};

struct check { /* of one frame */
    const char *title;
    const struct glint_safetensors *file;
    const char *map_prefix; /* of maps and detections in the file: "", "item0.", "dropfirst." */
    bool dropfirst;         /* the few tensors of that variant */
    int32_t item;           /* of a batch */
    enum glint_precision precision;
    int32_t first_row, first_point, n_points; /* the frame's share of a batch's pillars and kept points */
    int32_t last_block;                       /* of the encoder */
    struct boxes dec, det;
    int32_t n_compared, n_wrong;
    double worst_row, worst_map;
    char seen[16384]; /* " name name ": the file's tensors that were compared */
};

/* Comparing */

static void wrong(struct check *c, const char *name, double error, double tol)
{
    c->n_wrong++;
    print_error("%s: %s: error %.3e, tolerance %.1e\n", c->title, name, error, tol);
}

static void expect(struct check *c, const char *name, double error, double tol, double *worst)
{
    c->n_compared++;
    if (worst && error > *worst)
        *worst = error;
    if (!(error <= tol))
        wrong(c, name, error, tol);
}

static void expect_equal(struct check *c, const char *name, bool equal)
{
    expect(c, name, equal ? 0 : INFINITY, 0, NULL);
}

static const struct glint_tensor *find(struct check *c, const char *prefix, const char *name,
                                       const char *suffix)
{
    char full[128];
    snprintf(full, sizeof full, "%s%s%s", prefix, name, suffix);
    const struct glint_tensor *t = glint_safetensors_find(c->file, full);
    const size_t used = strlen(c->seen);
    if (t)
        snprintf(c->seen + used, sizeof c->seen - used, "%s%s ", used ? "" : " ", full);
    return t;
}

/* |a - b| / |b| over n pairs, added up by the caller. */
struct norm {
    double difference, size;
};

static void add_pair(struct norm *n, double got, double want)
{
    const double d = got - want;
    n->difference += d * d;
    n->size += want * want;
    if (!isfinite(got))
        n->difference = INFINITY;
}

static double relative(struct norm n)
{
    return n.size > 0 ? sqrt(n.difference / n.size) : sqrt(n.difference);
}

/* Chosen rows: entry i of the file is row index[i] of the run, where that row is the frame's. */
static void compare_rows(struct check *c, const char *name, const char *prefix,
                         const struct glint_tensor *got, const struct glint_tensor *index, int32_t first)
{
    const struct glint_tensor *want = find(c, prefix, name, "");
    if (!want || !index)
        return;
    const int32_t *rows = index->data;
    const float *w = want->data, *g = got->data;
    const int64_t width = got->shape[1];
    struct norm n = {0};
    if (want->shape[0] != index->shape[0] || want->shape[1] != width) {
        expect_equal(c, name, false);
        return;
    }
    for (int64_t i = 0; i < want->shape[0]; i++)
        if (rows[i] >= first && rows[i] < first + got->shape[0])
            for (int64_t k = 0; k < width; k++)
                add_pair(&n, g[(rows[i] - first) * width + k], w[i * width + k]);
    expect(c, name, relative(n), tolerances[c->precision].row, &c->worst_row);
}

/* Sum or norm of every row; sums may cancel, so their error is taken relative to the rows' norms. */
static void compare_row_sums(struct check *c, const char *name, const char *prefix,
                             const struct glint_tensor *got)
{
    const struct glint_tensor *sum = find(c, prefix, name, ".rowsum"),
                              *norm = find(c, prefix, name, ".rownorm");
    const float *g = got->data;
    struct norm ns = {0}, nn = {0};
    double size = 0;
    for (int64_t i = 0; i < got->shape[0]; i++) {
        double s = 0, q = 0;
        for (int64_t k = 0; k < got->shape[1]; k++) {
            const double v = g[i * got->shape[1] + k];
            s += v;
            q += v * v;
        }
        size += q;
        if (sum)
            add_pair(&ns, s, ((const float *)sum->data)[c->first_row + i]);
        if (norm)
            add_pair(&nn, sqrt(q), ((const float *)norm->data)[c->first_row + i]);
    }
    if (sum)
        expect(c, name, sqrt(ns.difference / (size > 0 ? size : 1)), tolerances[c->precision].row,
               &c->worst_row);
    if (norm)
        expect(c, name, relative(nn), tolerances[c->precision].row, &c->worst_row);
}

static void compare_whole(struct check *c, const char *name, const struct glint_tensor *got)
{
    const struct glint_tensor *want = find(c, "", name, "");
    struct norm n = {0};
    if (!want)
        return;
    const int64_t size = glint_tensor_elements(want);
    if (size != glint_tensor_elements(got)) {
        expect_equal(c, name, false);
        return;
    }
    for (int64_t i = 0; i < size; i++)
        add_pair(&n, ((const float *)got->data)[i], ((const float *)want->data)[i]);
    expect(c, name, relative(n), tolerances[c->precision].row, &c->worst_row);
}

/* A map's crop at (y0, x0). */
static void compare_crop(struct check *c, const char *name, const struct glint_tensor *got,
                         const struct glint_tensor *want, int64_t y0, int64_t x0)
{
    const float *g = got->data, *w = want->data;
    const int64_t h = want->shape[1], width = want->shape[2];
    struct norm n = {0};
    if (want->shape[0] != got->shape[0] || y0 + h > got->shape[1] || x0 + width > got->shape[2]) {
        expect_equal(c, name, false);
        return;
    }
    for (int64_t ch = 0; ch < want->shape[0]; ch++)
        for (int64_t y = 0; y < h; y++)
            for (int64_t x = 0; x < width; x++)
                add_pair(&n, g[(ch * got->shape[1] + y0 + y) * got->shape[2] + x0 + x],
                         w[(ch * h + y) * width + x]);
    expect(c, name, relative(n), tolerances[c->precision].map, &c->worst_map);
}

/* Mean, mean of sizes and largest size of each channel. */
static void compare_stats(struct check *c, const char *name, const struct glint_tensor *got,
                          const struct glint_tensor *want)
{
    const int64_t cells = got->shape[1] * got->shape[2];
    struct norm n = {0};
    for (int64_t ch = 0; ch < got->shape[0]; ch++) {
        const float *g = (const float *)got->data + ch * cells, *w = (const float *)want->data + ch * 3;
        double sum = 0, size = 0, largest = 0;
        for (int64_t i = 0; i < cells; i++) {
            sum += g[i];
            size += fabs(g[i]);
            largest = fabs(g[i]) > largest ? fabs(g[i]) : largest;
        }
        add_pair(&n, sum / (double)cells, w[0]);
        add_pair(&n, size / (double)cells, w[1]);
        add_pair(&n, largest, w[2]);
    }
    expect(c, name, relative(n), tolerances[c->precision].map, &c->worst_map);
}

static void compare_map(struct check *c, const char *name, const struct glint_tensor *got)
{
    const struct glint_tensor *crop = find(c, c->map_prefix, name, ""),
                              *win = find(c, c->map_prefix, name, ".win");
    const struct glint_tensor *stats = find(c, c->map_prefix, name, ".stats");
    const struct glint_tensor *tl = find(c, c->map_prefix, name, ".tl"),
                              *br = find(c, c->map_prefix, name, ".br");
    if (crop && win)
        compare_crop(c, name, got, crop, ((const int32_t *)win->data)[0], ((const int32_t *)win->data)[1]);
    if (stats)
        compare_stats(c, name, got, stats);
    if (tl)
        compare_crop(c, name, got, tl, 0, 0);
    if (br)
        compare_crop(c, name, got, br, got->shape[1] - 8, got->shape[2] - 8);
}

/* n integers of the file from `first` on, less `offset`; columns > 1 compares all but the first (the batch).
 */
static void compare_ints(struct check *c, const char *name, const struct glint_tensor *got, int64_t first,
                         int32_t offset)
{
    const struct glint_tensor *want = find(c, "", name, "");
    bool equal = true;
    if (!want)
        return;
    const int64_t columns = got->n_dims > 1 ? got->shape[1] : 1, n = got->shape[0];
    const int32_t *g = got->data, *w = (const int32_t *)want->data + first * columns;
    equal = first + n <= want->shape[0] && (c->item >= 0 || n == want->shape[0]);
    for (int64_t i = 0; equal && i < n * columns; i++)
        equal = (columns > 1 && i % columns == 0) || g[i] == w[i] - offset;
    expect_equal(c, name, equal);
}

/* Detections */

static void *copy(const struct glint_tensor *t)
{
    const size_t bytes = (size_t)glint_tensor_elements(t) * 4;
    void *data = malloc(bytes + 4);
    if (data)
        memcpy(data, t->data, bytes);
    return data;
}

static void keep_boxes(struct boxes *b, const char *part, const struct glint_tensor *t)
{
    b->n = (int32_t)t->shape[0];
    if (!strcmp(part, "boxes"))
        b->box = copy(t);
    else if (!strcmp(part, "scores"))
        b->score = copy(t);
    else if (!strcmp(part, "labels"))
        b->label = copy(t);
    else if (!strcmp(part, "cells"))
        b->cell = copy(t);
    else if (!strcmp(part, "raw"))
        b->raw = copy(t);
    else if (!strcmp(part, "src"))
        b->source = copy(t);
}

static void free_boxes(struct boxes *b)
{
    free(b->box);
    free(b->score);
    free(b->raw);
    free(b->label);
    free(b->cell);
    free(b->source);
}

static bool same_box(const float *got, const float *want)
{
    for (int k = 0; k < 9; k++) {
        const double turn =
            k == 6 ? remainder((double)got[k] - want[k], 6.283185307179586) : got[k] - (double)want[k];
        if (!(fabs(turn) <= (k == 6 ? 2e-3 : 1e-3)))
            return false;
    }
    return true;
}

static struct boxes file_boxes(struct check *c, const char *prefix)
{
    char stem[64];
    snprintf(stem, sizeof stem, "%s%s", c->map_prefix, prefix);
    const struct glint_tensor *box = find(c, stem, "boxes", ""), *score = find(c, stem, "scores", "");
    const struct glint_tensor *label = find(c, stem, "labels", ""), *cell = find(c, stem, "cells", "");
    const struct glint_tensor *raw = find(c, stem, "raw", ""), *source = find(c, stem, "src", "");
    return (struct boxes){.n = box ? (int32_t)box->shape[0] : -1,
                          .box = box ? (float *)(uintptr_t)box->data : NULL,
                          .score = score ? (float *)(uintptr_t)score->data : NULL,
                          .label = label ? (int32_t *)(uintptr_t)label->data : NULL,
                          .cell = cell ? (int32_t *)(uintptr_t)cell->data : NULL,
                          .raw = raw ? (float *)(uintptr_t)raw->data : NULL,
                          .source = source ? (int32_t *)(uintptr_t)source->data : NULL};
}

/* The cell of box i: its own, or that of the decoded box it comes from. */
static const int32_t *cell_of(const struct boxes *b, const struct boxes *dec, int32_t i)
{
    return b->cell ? b->cell + 2 * i : dec->cell + 2 * b->source[i];
}

static bool same_raw(const float *got, const float *want)
{
    struct norm n = {0};
    for (int k = 0; k < 14; k++)
        add_pair(&n, got[k], want[k]);
    return relative(n) <= 1e-4;
}

/* The same set by class and cell, each box and score within tolerance. */
static void compare_boxes(struct check *c, const char *name, const struct boxes *got,
                          const struct boxes *got_dec, const struct boxes *want, const struct boxes *want_dec)
{
    int32_t missing = 0, different = 0;
    for (int32_t i = 0; i < want->n; i++) {
        const int32_t *cell = cell_of(want, want_dec, i);
        int32_t k = 0;
        while (k < got->n && (got->label[k] != want->label[i] || memcmp(cell_of(got, got_dec, k), cell, 8)))
            k++;
        missing += k == got->n;
        if (k < got->n)
            different += !same_box(got->box + 9 * k, want->box + 9 * i) ||
                         !(fabs((double)got->score[k] - want->score[i]) <= 1e-5) ||
                         (want->raw && !same_raw(got->raw + 14 * k, want->raw + 14 * i));
    }
    if (missing || different || got->n != want->n)
        print_error("%s: %s: %d boxes of %d, %d missing, %d different\n", c->title, name, got->n, want->n,
                    missing, different);
    expect_equal(c, name, !missing && !different && got->n == want->n);
}

/* One and the same object, as far as a rounded network can tell. */
static bool alike(const struct boxes *a, int32_t i, const struct boxes *b, int32_t k)
{
    bool near = a->label[i] == b->label[k] && fabs((double)a->score[i] - b->score[k]) <= 0.02;
    for (int j = 0; near && j < 6; j++)
        near = fabs((double)a->box[9 * i + j] - b->box[9 * k + j]) <= 0.05;
    return near;
}

static void match_detections(struct check *c)
{
    const struct boxes want = file_boxes(c, "det.");
    bool taken[CAP_BOXES] = {false};
    int32_t found = 0;
    for (int32_t i = 0; i < want.n; i++)
        for (int32_t k = 0; k < c->det.n; k++)
            if (!taken[k] && alike(&want, i, &c->det, k)) {
                taken[k] = true;
                found++;
                break;
            }
    const int32_t most = want.n > c->det.n ? want.n : c->det.n;
    print_message("%-34s %d of %d detections, %d expected\n", c->title, found, c->det.n, want.n);
    if (!(found >= tolerances[c->precision].found * most))
        wrong(c, "det: share that is not found", 1 - (double)found / most,
              1 - tolerances[c->precision].found);
}

static void compare_detections(struct check *c)
{
    const struct boxes dec = file_boxes(c, "dec."), det = file_boxes(c, "det.");
    for (int32_t i = 1; i < c->dec.n; i++)
        if (c->dec.score[i] > c->dec.score[i - 1])
            wrong(c, "dec.scores: not descending", 0, 0);
    compare_boxes(c, "dec", &c->dec, NULL, &dec, NULL);
    compare_boxes(c, "det", &c->det, &c->dec, &det, &dec);
}

/* The tap */

static bool starts(const char *text, const char *with)
{
    return !strncmp(text, with, strlen(with));
}

static void compare_pillars(struct check *c, const char *name, const struct glint_tensor *t)
{
    const bool points = !strcmp(name, "vfe.in") || (starts(name, "vfe.l") && strstr(name, ".point"));
    const struct glint_tensor *rows = glint_safetensors_find(c->file, points ? "pt_rows" : "rows");
    if (strstr(name, ".attn.")) {
        if (c->item < 0 || (c->item == 0) == (strstr(name, "first") != NULL))
            compare_whole(c, name, t);
        return;
    }
    compare_rows(c, name, "", t, rows, points ? c->first_point : c->first_row);
    if (!points)
        compare_row_sums(c, name, "", t);
}

static void tap_dropfirst(struct check *c, const struct glint_tensor *t)
{
    char last[32];
    const struct glint_tensor *rows = glint_safetensors_find(c->file, "dropfirst.rows");
    snprintf(last, sizeof last, "enc.b%d.l3", c->last_block);
    const char *name = !strcmp(t->name, last) ? "enc.out" : t->name;
    if (strcmp(name, "enc.out") && strcmp(name, "vfe.out"))
        return;
    compare_rows(c, name, "dropfirst.", t, rows, 0);
    compare_row_sums(c, name, "dropfirst.", t);
}

static void tap(void *ctx, const struct glint_tensor *t)
{
    struct check *c = ctx;
    const char *name = t->name;
    if (starts(name, "dec."))
        keep_boxes(&c->dec, name + 4, t);
    else if (starts(name, "det."))
        keep_boxes(&c->det, name + 4, t);
    else if (c->dropfirst)
        tap_dropfirst(c, t);
    else if (t->n_dims == 3)
        compare_map(c, name, t);
    else if (!strcmp(name, "coords") || !strcmp(name, "pillar_count"))
        compare_ints(c, name, t, c->first_row, 0);
    else if (starts(name, "perm."))
        compare_ints(c, name, t, c->first_row, c->first_row);
    else if (!strcmp(name, "flat2win") &&
             c->item <= 0) /* of a batch, the second part has no place of its own */
        compare_ints(c, name, t, 0, 0);
    else if (!strcmp(name, "rejected") && c->item < 0)
        compare_ints(c, name, t, 0, 0);
    else if (starts(name, "vfe.") || starts(name, "enc.") || !strcmp(name, "pe"))
        compare_pillars(c, name, t);
}

/* Every tensor of the file but the inputs must have met its like. */
static void expect_all_seen(struct check *c)
{
    static const char *const inputs[] = {"points_raw", "pt_coords",  "rows",      "pt_rows",
                                         "win2flat",   "dropfirst.", "rejected.", "item"};
    for (int32_t i = 0; i < glint_safetensors_count(c->file); i++) {
        const char *name = glint_safetensors_at(c->file, i)->name;
        char word[136];
        bool input = false;
        for (size_t k = 0; k < sizeof inputs / sizeof *inputs; k++)
            input = input || starts(name, inputs[k]);
        snprintf(word, sizeof word, " %s ", name);
        if (!input && !strstr(c->seen, word))
            wrong(c, name, INFINITY, 0);
    }
}

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

/* The boxes that leave the model are the detections in our terms. */
static void compare_published(struct check *c, const struct glint_frame *frame)
{
    bool equal = frame->n_boxes == c->det.n;
    for (int32_t i = 0; equal && i < c->det.n; i++) {
        const float *d = c->det.box + 9 * i;
        const struct glint_box *b = &frame->boxes[i];
        const double turn = remainder(b->yaw - (-(double)d[6] - 1.5707963267948966), 6.283185307179586);
        equal = b->center[0] == d[0] && fabs((double)b->center[2] - b->size[2] / 2 - d[2]) < 1e-5 &&
                b->size[0] == d[4] && b->size[1] == d[3] && b->size[2] == d[5] && fabs(turn) < 1e-5 &&
                b->label == c->det.label[i] && b->score == c->det.score[i] && b->velocity[1] == d[8];
    }
    expect_equal(c, "published boxes", equal);
}

static bool near(const struct glint_box *p, const struct glint_box *q)
{
    bool is = p->label == q->label && fabsf(p->score - q->score) <= 1e-5f &&
              fabs(remainder(p->yaw - q->yaw, 6.283185307179586)) <= 2e-3;
    for (int k = 0; is && k < 3; k++)
        is = fabsf(p->center[k] - q->center[k]) <= 1e-3f &&
             fabsf(p->size[k] - q->size[k]) <= 1e-3f * (1.0f + q->size[k]);
    return is;
}

/* Each of n boxes has its own among as many others; their order by score may differ where scores hardly do.
 */
static bool same_boxes(const struct glint_box *boxes, const struct glint_frame *frame, int32_t n)
{
    bool same = frame->n_boxes == n;
    for (int32_t i = 0; same && i < n; i++) {
        int32_t k = 0;
        while (k < n && !near(&boxes[i], &frame->boxes[k]))
            k++;
        same = k < n;
    }
    return same;
}

static bool looks_alike(const struct glint_box *p, const struct glint_box *q)
{
    bool is = p->label == q->label && fabsf(p->score - q->score) <= 0.02f;
    for (int k = 0; is && k < 3; k++)
        is = fabsf(p->center[k] - q->center[k]) <= 0.05f && fabsf(p->size[k] - q->size[k]) <= 0.05f;
    return is;
}

/* The same for less precision: the share of boxes that have a partner. */
static bool much_the_same_boxes(const struct glint_box *boxes, const struct glint_frame *frame, int32_t n,
                                double share)
{
    bool taken[CAP_BOXES] = {false};
    int32_t found = 0;
    for (int32_t i = 0; i < n; i++)
        for (int32_t k = 0; k < frame->n_boxes; k++)
            if (!taken[k] && looks_alike(&boxes[i], &frame->boxes[k])) {
                taken[k] = true;
                found++;
                break;
            }
    return found >= share * (n > frame->n_boxes ? n : frame->n_boxes);
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
    expect_equal(c, "boxes without the tap",
                 c->precision == GLINT_PRECISION_F32
                     ? same_boxes(boxes, frame, n)
                     : much_the_same_boxes(boxes, frame, n, tolerances[c->precision].found));
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
    glint_model_set_tap(model, tap, c);
    if (glint_model_run(model, frame) != GLINT_OK)
        fail_msg("%s: %s", c->title, glint_error_text());
    if (c->precision == GLINT_PRECISION_F32)
        compare_detections(c);
    else
        match_detections(c);
    compare_published(c, frame);
    compare_plain(c, plain, frame);
    if (!c->dropfirst && c->item < 0 && c->precision == GLINT_PRECISION_F32)
        expect_all_seen(c);
    free_boxes(&c->dec);
    free_boxes(&c->det);
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
    const bool waymo = starts(name, "waymo");
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
