/* tests/golden_tensors.c - see golden_flatformer.h. The files hold chosen rows, crops, sums and statistics of
 * the big tensors; the tap shows them whole. */
#include "tests/golden_flatformer.h"
#include <math.h>

const struct tolerance golden_tolerances[] = {
    [GLINT_PRECISION_F32] = {1e-5, 2e-5, 2e-5, 1},
    [GLINT_PRECISION_BF16] = {1.2e-2, 3e-2, 3e-2, 0.93},
    [GLINT_PRECISION_F16] = {1e-2, 1e-2, 2e-2, 0.99}, /* of devices */
    [GLINT_PRECISION_I16] = {3e-3, 4e-3, 4e-3, 0.99},
};

void golden_wrong(struct check *c, const char *name, double error, double tol)
{
    c->n_wrong++;
    print_error("%s: %s: error %.3e, tolerance %.1e\n", c->title, name, error, tol);
}

void golden_expect(struct check *c, const char *name, double error, double tol, double *worst)
{
    c->n_compared++;
    if (worst && error > *worst)
        *worst = error;
    if (!(error <= tol))
        golden_wrong(c, name, error, tol);
}

void golden_expect_equal(struct check *c, const char *name, bool equal)
{
    golden_expect(c, name, equal ? 0 : INFINITY, 0, NULL);
}

const struct glint_tensor *golden_find(struct check *c, const char *prefix, const char *name,
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

void golden_add_pair(struct norm *n, double got, double want)
{
    const double d = got - want;
    n->difference += d * d;
    n->size += want * want;
    if (!isfinite(got))
        n->difference = INFINITY;
}

double golden_relative(struct norm n)
{
    return n.size > 0 ? sqrt(n.difference / n.size) : sqrt(n.difference);
}

/* Chosen rows: entry i of the file is row index[i] of the run, where that row is the frame's. */
static void compare_rows(struct check *c, const char *name, const char *prefix,
                         const struct glint_tensor *got, const struct glint_tensor *index, int32_t first)
{
    const struct glint_tensor *want = golden_find(c, prefix, name, "");
    if (!want || !index)
        return;
    const int32_t *rows = index->data;
    const float *w = want->data, *g = got->data;
    const int64_t width = got->shape[1];
    struct norm n = {0};
    if (want->shape[0] != index->shape[0] || want->shape[1] != width) {
        golden_expect_equal(c, name, false);
        return;
    }
    for (int64_t i = 0; i < want->shape[0]; i++)
        if (rows[i] >= first && rows[i] < first + got->shape[0])
            for (int64_t k = 0; k < width; k++)
                golden_add_pair(&n, g[(rows[i] - first) * width + k], w[i * width + k]);
    golden_expect(c, name, golden_relative(n), golden_tolerances[c->precision].row, &c->worst_row);
}

/* Sum or norm of every row; sums may cancel, so their error is taken relative to the rows' norms. */
static void compare_row_sums(struct check *c, const char *name, const char *prefix,
                             const struct glint_tensor *got)
{
    const struct glint_tensor *sum = golden_find(c, prefix, name, ".rowsum"),
                              *norm = golden_find(c, prefix, name, ".rownorm");
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
            golden_add_pair(&ns, s, ((const float *)sum->data)[c->first_row + i]);
        if (norm)
            golden_add_pair(&nn, sqrt(q), ((const float *)norm->data)[c->first_row + i]);
    }
    if (sum)
        golden_expect(c, name, sqrt(ns.difference / (size > 0 ? size : 1)),
                      golden_tolerances[c->precision].row, &c->worst_row);
    if (norm)
        golden_expect(c, name, golden_relative(nn), golden_tolerances[c->precision].row, &c->worst_row);
}

static void compare_whole(struct check *c, const char *name, const struct glint_tensor *got)
{
    const struct glint_tensor *want = golden_find(c, "", name, "");
    struct norm n = {0};
    if (!want)
        return;
    const int64_t size = glint_tensor_elements(want);
    if (size != glint_tensor_elements(got)) {
        golden_expect_equal(c, name, false);
        return;
    }
    for (int64_t i = 0; i < size; i++)
        golden_add_pair(&n, ((const float *)got->data)[i], ((const float *)want->data)[i]);
    golden_expect(c, name, golden_relative(n), golden_tolerances[c->precision].row, &c->worst_row);
}

/* A map's crop at (y0, x0). */
static void compare_crop(struct check *c, const char *name, const struct glint_tensor *got,
                         const struct glint_tensor *want, int64_t y0, int64_t x0)
{
    const float *g = got->data, *w = want->data;
    const int64_t h = want->shape[1], width = want->shape[2];
    struct norm n = {0};
    if (want->shape[0] != got->shape[0] || y0 + h > got->shape[1] || x0 + width > got->shape[2]) {
        golden_expect_equal(c, name, false);
        return;
    }
    for (int64_t ch = 0; ch < want->shape[0]; ch++)
        for (int64_t y = 0; y < h; y++)
            for (int64_t x = 0; x < width; x++)
                golden_add_pair(&n, g[(ch * got->shape[1] + y0 + y) * got->shape[2] + x0 + x],
                                w[(ch * h + y) * width + x]);
    golden_expect(c, name, golden_relative(n), golden_tolerances[c->precision].map, &c->worst_map);
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
        golden_add_pair(&n, sum / (double)cells, w[0]);
        golden_add_pair(&n, size / (double)cells, w[1]);
        golden_add_pair(&n, largest, w[2]);
    }
    golden_expect(c, name, golden_relative(n), golden_tolerances[c->precision].stats, &c->worst_stats);
}

static void compare_map(struct check *c, const char *name, const struct glint_tensor *got)
{
    const struct glint_tensor *crop = golden_find(c, c->map_prefix, name, ""),
                              *win = golden_find(c, c->map_prefix, name, ".win");
    const struct glint_tensor *stats = golden_find(c, c->map_prefix, name, ".stats");
    const struct glint_tensor *tl = golden_find(c, c->map_prefix, name, ".tl"),
                              *br = golden_find(c, c->map_prefix, name, ".br");
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
    const struct glint_tensor *want = golden_find(c, "", name, "");
    bool equal = true;
    if (!want)
        return;
    const int64_t columns = got->n_dims > 1 ? got->shape[1] : 1, n = got->shape[0];
    const int32_t *g = got->data, *w = (const int32_t *)want->data + first * columns;
    equal = first + n <= want->shape[0] && (c->item >= 0 || n == want->shape[0]);
    for (int64_t i = 0; equal && i < n * columns; i++)
        equal = (columns > 1 && i % columns == 0) || g[i] == w[i] - offset;
    golden_expect_equal(c, name, equal);
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

void golden_tap(void *ctx, const struct glint_tensor *t)
{
    struct check *c = ctx;
    const char *name = t->name;
    if (starts(name, "dec."))
        golden_keep_boxes(&c->dec, name + 4, t);
    else if (starts(name, "det."))
        golden_keep_boxes(&c->det, name + 4, t);
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

void golden_expect_all_seen(struct check *c)
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
            golden_wrong(c, name, INFINITY, 0);
    }
}
