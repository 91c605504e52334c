/* convert/check.c - see check.h. Tensors are compared while they pass by; only detections are kept. */
#include "convert/check.h"
#include "convert/check_error.h"
#include "core/status.h"
#include "core/text.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GAP 5e-3 /* between the best two classes of a row: nearer is a tie */

const struct glint_tensor *glint_check_find(struct glint_check *c, const char *name, const char *ending)
{
    char full[128];
    if (snprintf(full, sizeof full, "%s%s", name, ending) >= (int)sizeof full)
        return NULL;
    for (int32_t i = 0; i < glint_safetensors_count(c->golden); i++) {
        const struct glint_tensor *t = glint_safetensors_at(c->golden, i);
        if (strcmp(t->name, full) == 0) {
            c->seen[i] = true;
            return t;
        }
    }
    return NULL;
}

static bool is_float(const struct glint_tensor *t)
{
    return t->dtype == GLINT_DTYPE_F32 || t->dtype == GLINT_DTYPE_F64;
}

static struct glint_check_row *add_row(struct glint_check *c, const char *name, const struct glint_tensor *t)
{
    if (c->n == c->cap) {
        const int32_t cap = c->cap ? 2 * c->cap : 64;
        struct glint_check_row *more = realloc(c->rows, (size_t)cap * sizeof *more);
        if (!more) {
            c->failed = true;
            return NULL;
        }
        c->rows = more;
        c->cap = cap;
    }
    struct glint_check_row *row = &c->rows[c->n++];
    *row = (struct glint_check_row){.n_dims = t->n_dims, .same = true};
    snprintf(row->name, sizeof row->name, "%s", name);
    memcpy(row->shape, t->shape, sizeof row->shape);
    return row;
}

/* Voxels */

struct voxel {
    int32_t at[4];
    int32_t row;
};

static int by_place(const void *a, const void *b)
{
    const struct voxel *p = a, *q = b;
    for (int k = 0; k < 4; k++)
        if (p->at[k] != q->at[k])
            return p->at[k] < q->at[k] ? -1 : 1;
    return 0;
}

static struct voxel *sorted_voxels(const struct glint_tensor *t)
{
    const int64_t n = t->shape[0], width = t->shape[1]; /* 4, or 3 without the frame */
    struct voxel *v = calloc((size_t)n + 1, sizeof *v);
    for (int64_t i = 0; v && i < n; i++) {
        v[i].row = (int32_t)i;
        for (int k = 0; k < width; k++)
            v[i].at[k] = (int32_t)glint_check_number(t, width * i + k);
    }
    if (v)
        qsort(v, (size_t)n, sizeof *v, by_place);
    return v;
}

/* The case's voxels in the run's order: the same set, in any order. */
static void match_voxels(struct glint_check *c, struct glint_check_row *row, const struct glint_tensor *got,
                         const struct glint_tensor *want)
{
    const int64_t n = want->shape[0];
    struct voxel *a = sorted_voxels(want), *b = sorted_voxels(got);
    int32_t *order = calloc((size_t)n + 1, sizeof *order);
    bool turned = false;
    c->failed |= !a || !b || !order;
    for (int64_t i = 0; i < n && !c->failed; i++) {
        row->n_wrong += i >= got->shape[0] || by_place(&a[i], &b[i]) != 0;
        order[a[i].row] = i < got->shape[0] ? b[i].row : 0;
        turned |= a[i].row != b[i < got->shape[0] ? i : 0].row;
    }
    row->n_wrong += got->shape[0] > n ? got->shape[0] - n : 0;
    row->same = row->n_wrong == 0;
    c->n_coords = (int32_t)n;
    if (row->same && turned && !c->failed) {
        snprintf(row->note, sizeof row->note, "in another order");
        c->order = order;
        order = NULL;
    }
    free(order);
    free(a);
    free(b);
}

/* Integers */

/* Classes: rows whose best two are near are counted apart. */
static bool compare_labels(struct glint_check *c, struct glint_check_row *row, const struct glint_tensor *got,
                           const struct glint_tensor *want)
{
    const bool points = strcmp(got->name, "point_label") == 0;
    const struct glint_tensor *gap = glint_check_find(c, "label_gap", ""),
                              *inverse = points ? glint_check_find(c, "inverse", "") : NULL;
    const int64_t n = glint_tensor_elements(got);
    int64_t near = 0;
    if (!gap || (points && (!inverse || glint_tensor_elements(inverse) != n)))
        return false;
    for (int64_t i = 0; i < n; i++) {
        const int64_t k = inverse ? (int64_t)glint_check_number(inverse, i) : i;
        const int64_t at = c->order && !inverse && n == c->n_coords ? c->order[i] : i;
        const bool tie = k >= 0 && k < glint_tensor_elements(gap) && glint_check_number(gap, k) <= GAP;
        const bool differs = glint_check_number(got, at) != glint_check_number(want, i);
        near += differs && tie;
        row->n_wrong += differs && !tie;
    }
    row->same = row->n_wrong == 0;
    snprintf(row->note, sizeof row->note, "%lld near ties differ", (long long)near);
    return true;
}

static bool compare_integers(struct glint_check *c, struct glint_check_row *row,
                             const struct glint_tensor *got, const struct glint_tensor *want)
{
    const int64_t n = glint_tensor_elements(got);
    if (!want || glint_tensor_elements(want) != n)
        return false;
    if (glint_ends_with(got->name, "label") && compare_labels(c, row, got, want))
        return true;
    for (int64_t i = 0; i < n; i++)
        row->n_wrong += glint_check_number(got, c->order && n == c->n_coords ? c->order[i] : i) !=
                        glint_check_number(want, i);
    row->same = row->n_wrong == 0;
    return true;
}

/* Detections are kept until boxes, scores and labels are there. */

static struct glint_check_found *found_of(struct glint_check *c, const char *prefix)
{
    for (int32_t i = 0; i < c->n_found; i++)
        if (!strcmp(c->found[i].prefix, prefix))
            return &c->found[i];
    if (c->n_found == (int32_t)(sizeof c->found / sizeof *c->found))
        return NULL;
    struct glint_check_found *f = &c->found[c->n_found++];
    snprintf(f->prefix, sizeof f->prefix, "%s", prefix);
    return f;
}

static bool keep(struct glint_check *c, const struct glint_tensor *t)
{
    static const char *const endings[] = {".boxes", ".scores", ".labels"};
    char prefix[48];
    for (int i = 0; i < 3; i++) {
        if (!glint_ends_with(t->name, endings[i]))
            continue;
        snprintf(prefix, sizeof prefix, "%.*s", (int)(strlen(t->name) - strlen(endings[i])), t->name);
        struct glint_check_found *f = found_of(c, prefix);
        if (!f || !glint_check_find(c, prefix, ".boxes"))
            return false;
        struct glint_tensor *to = i == 0 ? &f->boxes : i == 1 ? &f->scores : &f->labels;
        const size_t size = (size_t)glint_tensor_elements(t) * glint_dtype_size(t->dtype);
        void *copy = malloc(size + 1);
        c->failed |= !copy;
        free((void *)(uintptr_t)to->data);
        *to = *t;
        to->data = copy && size ? memcpy(copy, t->data, size) : copy;
        return true;
    }
    return false;
}

/* Columns beside detections, in an order that near scores may turn: the boxes themselves are matched. */
static bool is_beside_boxes(struct glint_check *c, const char *name)
{
    static const char *const endings[] = {".cells", ".raw", ".src", ".keep", ".circle_keep"};
    char prefix[48];
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        if (!glint_ends_with(name, endings[i]))
            continue;
        snprintf(prefix, sizeof prefix, "%.*s", (int)(strlen(name) - strlen(endings[i])), name);
        return glint_check_find(c, prefix, ".boxes") || glint_check_find(c, prefix, ".dec.boxes");
    }
    return false;
}

/* One tensor */

static bool is_voxels(const struct glint_tensor *got, const struct glint_tensor *want)
{
    const int64_t width = strcmp(got->name, "coords") == 0 ? 4 : strcmp(got->name, "grid_coord") == 0 ? 3 : 0;
    return width && want && got->n_dims == 2 && want->n_dims == 2 && got->shape[1] == width &&
           want->shape[1] == width;
}

static bool compare(struct glint_check *c, struct glint_check_row *row, const struct glint_tensor *got,
                    const struct glint_tensor *want)
{
    if (is_voxels(got, want)) {
        match_voxels(c, row, got, want);
        return true;
    }
    if (!is_float(got) || (want && !is_float(want)))
        return compare_integers(c, row, got, want);
    if (got->n_dims == 3 && glint_check_map(c, row, got, want))
        return true;
    if (got->n_dims >= 2 && glint_check_table(c, row, got, want))
        return true;
    return glint_check_whole(c, row, got, want);
}

static bool is_input(const char *name)
{
    return strcmp(name, "points") == 0 || strcmp(name, "points_raw") == 0;
}

/* Integers that say something of voxels by their numbers mean nothing in another order. */
static bool depends_on_order(const struct glint_check *c, const struct glint_tensor *t)
{
    static const char *const counts[] = {"pillar_count", "voxel_count", "label", "point_label", "rejected"};
    if (!c->order || is_float(t) || t->dtype == GLINT_DTYPE_BOOL)
        return false;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        if (!strcmp(t->name, counts[i]))
            return false;
    return true;
}

void glint_check_tap(void *check, const struct glint_tensor *t)
{
    struct glint_check *c = check;
    const struct glint_tensor *want = glint_check_find(c, t->name, "");
    if (is_input(t->name) || is_beside_boxes(c, t->name) || depends_on_order(c, t) || keep(c, t))
        return;
    const bool parts = glint_check_find(c, t->name, ".rowsum") || glint_check_find(c, t->name, ".stats");
    if (!want && !parts)
        return;
    struct glint_check_row *row = add_row(c, t->name, t);
    if (row && !compare(c, row, t, want)) {
        row->same = false;
        snprintf(row->note, sizeof row->note, "another shape");
    }
}

int glint_check_begin(struct glint_check *c, const struct glint_safetensors *golden, double tolerance)
{
    *c = (struct glint_check){.golden = golden, .tolerance = tolerance, .first = -1};
    c->seen = calloc((size_t)glint_safetensors_count(golden) + 1, sizeof *c->seen);
    return c->seen ? GLINT_OK : glint_fail(GLINT_E_NOMEM, "no memory to compare");
}

static void end_boxes(struct glint_check *c)
{
    for (int32_t i = 0; i < c->n_found; i++) {
        const struct glint_check_found *f = &c->found[i];
        if (!f->boxes.data || !f->scores.data || !f->labels.data || f->boxes.n_dims != 2)
            continue;
        struct glint_check_row *row = add_row(c, f->prefix, &f->boxes);
        if (row)
            glint_check_boxes(c, row, f);
    }
}

/* Additions to tensors, and what is there to find others by, need no partner. */
static bool needs_none(const char *name)
{
    static const char *const endings[] = {".rowsum", ".rownorm", ".stats",     ".win",
                                          ".tl",     ".br",      "rows",       "margins",
                                          ".src",    "points",   "points_raw", "label_gap"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (glint_ends_with(name, endings[i]))
            return true;
    return strncmp(name, "dropfirst.", 10) == 0;
}

static void list_unseen(struct glint_check *c)
{
    size_t used = 0;
    for (int32_t i = 0; i < glint_safetensors_count(c->golden); i++) {
        const char *name = glint_safetensors_at(c->golden, i)->name;
        if (c->seen[i] || needs_none(name) || used + strlen(name) + 8 > sizeof c->unseen)
            continue;
        used += (size_t)snprintf(c->unseen + used, sizeof c->unseen - used, "%s%s", used ? " " : "", name);
    }
}

int glint_check_end(struct glint_check *c)
{
    end_boxes(c);
    list_unseen(c);
    if (c->failed)
        return glint_fail(GLINT_E_NOMEM, "no memory to compare");
    for (int32_t i = 0; i < c->n; i++) {
        c->n_differ += !c->rows[i].same;
        if (!c->rows[i].same && c->first < 0)
            c->first = i;
    }
    return c->n ? GLINT_OK
                : glint_fail(GLINT_E_FORMAT, "the case has no tensor of the run's: nothing to compare");
}

void glint_check_fini(struct glint_check *c)
{
    for (int32_t i = 0; i < c->n_found; i++) {
        free((void *)(uintptr_t)c->found[i].boxes.data);
        free((void *)(uintptr_t)c->found[i].scores.data);
        free((void *)(uintptr_t)c->found[i].labels.data);
    }
    free(c->rows);
    free(c->order);
    free(c->seen);
    *c = (struct glint_check){0};
}
