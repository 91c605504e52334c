/* convert/check_parts.c - rows, maps and detections of a run against those of a case; see check.h. */
#include "convert/check_error.h"
#include "core/bytes.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CENTRE_M 1e-3 /* of detections that are the same */
#define SCORE    1e-4

/* Errors */

double glint_check_number(const struct glint_tensor *t, int64_t i)
{
    switch (t->dtype) {
    case GLINT_DTYPE_F64:
        return ((const double *)t->data)[i];
    case GLINT_DTYPE_F32:
        return (double)((const float *)t->data)[i];
    case GLINT_DTYPE_I64:
        return (double)((const int64_t *)t->data)[i];
    case GLINT_DTYPE_I32:
        return (double)((const int32_t *)t->data)[i];
    case GLINT_DTYPE_U32:
        return (double)((const uint32_t *)t->data)[i];
    case GLINT_DTYPE_I16:
        return (double)((const int16_t *)t->data)[i];
    case GLINT_DTYPE_U16:
        return (double)((const uint16_t *)t->data)[i];
    case GLINT_DTYPE_I8:
        return (double)((const int8_t *)t->data)[i];
    case GLINT_DTYPE_U8:
    case GLINT_DTYPE_BOOL:
        return (double)((const uint8_t *)t->data)[i];
    default:
        return NAN; /* halves are not what runs or cases hold */
    }
}

void glint_check_add(struct glint_check_error *e, double got, double want)
{
    if (!isfinite(got) || !isfinite(want)) {
        e->n_broken += !(got == want || (isnan(got) && isnan(want)));
        return;
    }
    const double d = fabs(got - want), w = fabs(want);
    e->d2 += d * d;
    e->w2 += w * w;
    e->worst = d > e->worst ? d : e->worst;
    e->largest = w > e->largest ? w : e->largest;
}

void glint_check_judge(const struct glint_check *c, struct glint_check_row *row,
                       const struct glint_check_error *e)
{
    const double by_norm = e->w2 > 0 ? sqrt(e->d2 / e->w2) : sqrt(e->d2);
    const double most = 50 * c->tolerance * (e->largest > 0 ? e->largest : 1);
    row->by_norm = by_norm > row->by_norm ? by_norm : row->by_norm;
    row->worst = e->worst > row->worst ? e->worst : row->worst;
    row->n_wrong += e->n_broken;
    row->same = row->same && by_norm <= c->tolerance && e->worst <= most && e->n_broken == 0;
}

/* Rows */

static int64_t width_of(const struct glint_tensor *t)
{
    int64_t n = 1;
    for (int32_t i = 1; i < t->n_dims; i++)
        n *= t->shape[i];
    return n;
}

static const struct glint_tensor *list_of(struct glint_check *c, const char *name, const char *ending,
                                          int64_t n)
{
    const struct glint_tensor *t = glint_check_find(c, name, ending);
    return t && t->n_dims == 1 && t->shape[0] == n ? t : NULL;
}

/* Of the tensor itself, or of what it belongs to: "a.b.c" in a.b.c.rows, a.b.rows or a.rows. */
static const struct glint_tensor *rows_above(struct glint_check *c, const char *name, int64_t n)
{
    char part[96];
    snprintf(part, sizeof part, "%s", name);
    for (char *dot = part; dot; dot = strrchr(part, '.')) {
        if (dot != part)
            *dot = 0;
        const struct glint_tensor *t = list_of(c, part, ".rows", n);
        if (t)
            return t;
    }
    return NULL;
}

/* Which rows the case has: of points, of the tensor, of its stage, of all tokens, of the next stage. */
static const struct glint_tensor *rows_of(struct glint_check *c, const char *name, int64_t n, int64_t n_got)
{
    char stage[2][24];
    const char *digit = strpbrk(name, "0123456789");
    const int number = digit ? atoi(digit) % 1000 : 0;
    if (strncmp(name, "vfe.", 4) == 0 && n_got != c->n_coords)
        return list_of(c, "pt_rows", "", n);
    snprintf(stage[0], sizeof stage[0], "stage%d", number);
    snprintf(stage[1], sizeof stage[1], "stage%d", number + 1);
    const struct glint_tensor *t = rows_above(c, name, n);
    t = t ? t : list_of(c, stage[0], ".rows", n);
    t = t ? t : list_of(c, "rows", "", n);
    return t ? t : list_of(c, stage[1], ".rows", n);
}

/* The run's row that is the case's row `i` of n. */
static int64_t place(const struct glint_check *c, int64_t i, int64_t n)
{
    return c->order && n == c->n_coords && i >= 0 && i < n ? c->order[i] : i;
}

static bool compare_rows(struct glint_check *c, struct glint_check_row *row, const struct glint_tensor *got,
                         const struct glint_tensor *want)
{
    const int64_t n = got->shape[0], width = width_of(got);
    struct glint_check_error e = {0};
    const struct glint_tensor *list = want->shape[0] == n ? NULL : rows_of(c, got->name, want->shape[0], n);
    if (width_of(want) != width || (!list && want->shape[0] != n))
        return false;
    for (int64_t i = 0; i < want->shape[0]; i++) {
        const int64_t at = place(c, list ? (int64_t)glint_check_number(list, i) : i, n);
        if (at < 0 || at >= n)
            return false;
        for (int64_t k = 0; k < width; k++)
            glint_check_add(&e, glint_check_number(got, at * width + k),
                            glint_check_number(want, i * width + k));
    }
    glint_check_judge(c, row, &e);
    if (list)
        snprintf(row->note, sizeof row->note, "%lld rows", (long long)want->shape[0]);
    return true;
}

static double row_sum(const struct glint_tensor *t, int64_t row, int64_t width, bool norm, double *sizes)
{
    double sum = 0;
    *sizes = 0;
    for (int64_t k = 0; k < width; k++) {
        const double v = glint_check_number(t, row * width + k);
        sum += norm ? v * v : v;
        *sizes += fabs(v);
    }
    return norm ? sqrt(sum) : sum;
}

/* Sums that nearly cancel say nothing by themselves: errors are relative to the sum of sizes. */
static bool compare_sums(struct glint_check *c, struct glint_check_row *row, const struct glint_tensor *got,
                         const struct glint_tensor *want, bool norm)
{
    const int64_t n = got->shape[0], width = width_of(got);
    struct glint_check_error e = {0};
    if (want->n_dims != 1 || want->shape[0] != n)
        return false;
    for (int64_t i = 0; i < n; i++) {
        double sizes;
        const double sum = row_sum(got, place(c, i, n), width, norm, &sizes);
        glint_check_add(&e, sizes + sum - glint_check_number(want, i), sizes);
    }
    glint_check_judge(c, row, &e);
    snprintf(row->note + strlen(row->note), sizeof row->note - strlen(row->note), "%ssums of all rows",
             row->note[0] ? ", " : "");
    return true;
}

bool glint_check_table(struct glint_check *c, struct glint_check_row *row, const struct glint_tensor *got,
                       const struct glint_tensor *want)
{
    const struct glint_tensor *sums = glint_check_find(c, got->name, ".rowsum"),
                              *norms = glint_check_find(c, got->name, ".rownorm");
    bool any = want && want->n_dims == got->n_dims && compare_rows(c, row, got, want);
    if (norms)
        any |= compare_sums(c, row, got, norms, true);
    else if (sums)
        any |= compare_sums(c, row, got, sums, false);
    return any;
}

/* Maps */

static bool compare_crop(struct glint_check *c, struct glint_check_row *row, const struct glint_tensor *got,
                         const struct glint_tensor *want, int64_t y0, int64_t x0)
{
    const int64_t h = want->shape[1], w = want->shape[2], H = got->shape[1], W = got->shape[2];
    struct glint_check_error e = {0};
    if (want->n_dims != 3 || want->shape[0] != got->shape[0] || y0 < 0 || x0 < 0 || y0 + h > H || x0 + w > W)
        return false;
    for (int64_t k = 0; k < want->shape[0]; k++)
        for (int64_t y = 0; y < h; y++)
            for (int64_t x = 0; x < w; x++)
                glint_check_add(&e, glint_check_number(got, (k * H + y0 + y) * W + x0 + x),
                                glint_check_number(want, (k * h + y) * w + x));
    glint_check_judge(c, row, &e);
    return true;
}

/* A mean may cancel: relative to the mean of sizes. */
static bool compare_stats(struct glint_check *c, struct glint_check_row *row, const struct glint_tensor *got,
                          const struct glint_tensor *want)
{
    const int64_t n = got->shape[1] * got->shape[2];
    struct glint_check_error e = {0};
    if (want->n_dims != 2 || want->shape[0] != got->shape[0] || want->shape[1] != 3)
        return false;
    for (int64_t k = 0; k < got->shape[0]; k++) {
        double sum = 0, sizes = 0, largest = 0;
        for (int64_t i = 0; i < n; i++) {
            const double v = glint_check_number(got, k * n + i);
            sum += v;
            sizes += fabs(v);
            largest = fabs(v) > largest ? fabs(v) : largest;
        }
        const double mean = n ? sum / (double)n : 0, size = n ? sizes / (double)n : 0;
        glint_check_add(&e, size + mean - glint_check_number(want, 3 * k), size);
        glint_check_add(&e, size, glint_check_number(want, 3 * k + 1));
        glint_check_add(&e, largest, glint_check_number(want, 3 * k + 2));
    }
    glint_check_judge(c, row, &e);
    snprintf(row->note + strlen(row->note), sizeof row->note - strlen(row->note), "%swhole map by channel",
             row->note[0] ? ", " : "");
    return true;
}

bool glint_check_map(struct glint_check *c, struct glint_check_row *row, const struct glint_tensor *got,
                     const struct glint_tensor *want)
{
    const struct glint_tensor *win = glint_check_find(c, got->name, ".win"),
                              *stats = glint_check_find(c, got->name, ".stats"),
                              *tl = glint_check_find(c, got->name, ".tl"),
                              *br = glint_check_find(c, got->name, ".br");
    bool any = false;
    if (win && want && win->n_dims == 1 && win->shape[0] == 4) {
        any = compare_crop(c, row, got, want, (int64_t)glint_check_number(win, 0),
                           (int64_t)glint_check_number(win, 1));
        snprintf(row->note, sizeof row->note, "crop");
    } else if (want && want->n_dims == 3 && want->shape[1] == got->shape[1]) {
        any = compare_crop(c, row, got, want, 0, 0);
    }
    if (tl && tl->n_dims == 3)
        any |= compare_crop(c, row, got, tl, 0, 0);
    if (br && br->n_dims == 3)
        any |= compare_crop(c, row, got, br, got->shape[1] - br->shape[1], got->shape[2] - br->shape[2]);
    if (stats)
        any |= compare_stats(c, row, got, stats);
    return any;
}

bool glint_check_whole(struct glint_check *c, struct glint_check_row *row, const struct glint_tensor *got,
                       const struct glint_tensor *want)
{
    struct glint_check_error e = {0};
    const int64_t n = glint_tensor_elements(got);
    if (!want || glint_tensor_elements(want) != n)
        return false;
    for (int64_t i = 0; i < n; i++)
        glint_check_add(&e, glint_check_number(got, i), glint_check_number(want, i));
    glint_check_judge(c, row, &e);
    return true;
}

/* Detections */

struct boxes {
    const struct glint_tensor *box, *score, *label;
    int64_t n, width;
};

static double centre_error(const struct boxes *a, int64_t i, const struct boxes *b, int64_t j)
{
    double worst = 0;
    for (int64_t k = 0; k < 6 && k < a->width; k++) {
        const double d =
            fabs(glint_check_number(a->box, i * a->width + k) - glint_check_number(b->box, j * b->width + k));
        worst = d > worst || isnan(d) ? d : worst;
    }
    return worst;
}

/* The nearest of the run's that is free and has the same label and score; -1: none. */
static int64_t partner(const struct boxes *got, const struct boxes *want, int64_t i, const bool *taken,
                       double *error)
{
    int64_t best = -1;
    *error = CENTRE_M;
    for (int64_t j = 0; j < got->n; j++) {
        const double score = fabs(glint_check_number(got->score, j) - glint_check_number(want->score, i));
        if (taken[j] || glint_check_number(got->label, j) != glint_check_number(want->label, i) ||
            !(score <= SCORE))
            continue;
        const double d = centre_error(want, i, got, j);
        if (d <= *error) {
            *error = d;
            best = j;
        }
    }
    return best;
}

static int64_t match(const struct boxes *got, const struct boxes *want, struct glint_check_row *row)
{
    bool *taken = calloc((size_t)got->n + 1, sizeof *taken);
    int64_t n = 0;
    for (int64_t i = 0; taken && i < want->n; i++) {
        double error;
        const int64_t j = partner(got, want, i, taken, &error);
        if (j < 0)
            continue;
        taken[j] = true;
        row->worst = error > row->worst ? error : row->worst;
        n++;
    }
    free(taken);
    return n;
}

void glint_check_boxes(struct glint_check *c, struct glint_check_row *row, const struct glint_check_found *f)
{
    const struct boxes want = {glint_check_find(c, f->prefix, ".boxes"),
                               glint_check_find(c, f->prefix, ".scores"),
                               glint_check_find(c, f->prefix, ".labels"), 0, 0};
    struct boxes w = want, g = {&f->boxes, &f->scores, &f->labels, f->boxes.shape[0], f->boxes.shape[1]};
    row->same = false;
    if (!w.box || !w.score || !w.label || w.box->n_dims != 2 || w.box->shape[1] != g.width ||
        glint_tensor_elements(w.score) != w.box->shape[0] ||
        glint_tensor_elements(w.label) != w.box->shape[0]) {
        snprintf(row->note, sizeof row->note, "boxes, scores and labels of other shapes");
        return;
    }
    w.n = w.box->shape[0];
    w.width = g.width;
    const int64_t n = match(&g, &w, row);
    row->n_wrong = (w.n > g.n ? w.n : g.n) - n;
    row->same = row->n_wrong == 0;
    snprintf(row->note, sizeof row->note, "%lld of %lld detections found, %lld extra", (long long)n,
             (long long)w.n, (long long)(g.n - n));
}
