/* voxel/level.c - see level.h. Points are sorted by the place of their cell along the first curve; the runs
 * of equal places are the rows, and the first point of a run, which is the first in the file, stands for it.
 * The same sort makes the first order: rows are in it already. */
#include "voxel/level.h"
#include <math.h>
#include <string.h>

#define REFUSED INT32_MIN

/* Cells to either side of 0 along x, y and z: x times y stays below 2^31, which indices of sites count to. */
static const double cells_max[3] = {1 << 14, 1 << 14, 1 << 13};

/* Memory */

static size_t carve(struct glint_level *level, uint8_t *memory, int32_t cap)
{
    const size_t n = (size_t)cap;
    size_t at = 0;
    void *part[2 * GLINT_LEVEL_CURVES + 4];
    const size_t sort = glint_curve_sort_bytes(cap) + n * (sizeof(int64_t) + 4 * sizeof(int32_t));
    for (int i = 0; i < 2 * GLINT_LEVEL_CURVES + 4; i++) {
        const size_t item = i < GLINT_LEVEL_CURVES ? sizeof(int64_t) : sizeof(int32_t);
        const size_t bytes = i < 2 * GLINT_LEVEL_CURVES        ? n * item
                             : i == 2 * GLINT_LEVEL_CURVES     ? 3 * n * item
                             : i == 2 * GLINT_LEVEL_CURVES + 3 ? sort
                                                               : (n + 1) * item;
        part[i] = memory ? memory + at : NULL;
        at += glint_arena_round(bytes);
    }
    if (!memory)
        return at;
    *level = (struct glint_level){.cap = cap,
                                  .coord = part[2 * GLINT_LEVEL_CURVES],
                                  .cluster = part[2 * GLINT_LEVEL_CURVES + 1],
                                  .start = part[2 * GLINT_LEVEL_CURVES + 2],
                                  .scratch = part[2 * GLINT_LEVEL_CURVES + 3]};
    for (int i = 0; i < GLINT_LEVEL_CURVES; i++) {
        level->code[i] = part[i];
        level->order[i] = part[GLINT_LEVEL_CURVES + i];
    }
    return at;
}

size_t glint_level_bytes(int32_t cap)
{
    return carve(NULL, NULL, cap);
}

void glint_level_init(struct glint_level *level, void *memory, int32_t cap)
{
    carve(level, memory, cap);
}

/* Orders */

static bool ascends(const int64_t *code, int32_t n)
{
    for (int32_t i = 1; i < n; i++)
        if (code[i] < code[i - 1])
            return false;
    return true;
}

static void make_order(struct glint_exec *x, struct glint_level *level, int32_t i)
{
    if (!ascends(level->code[i], level->n)) {
        glint_curve_sort(x, level->code[i], level->n, 3 * level->depth, level->order[i], level->scratch);
        return;
    }
    for (int32_t j = 0; j < level->n; j++)
        level->order[i][j] = j;
}

static void make_orders(struct glint_exec *x, struct glint_level *level)
{
    glint_curve_fn *fn = glint_curve_get(x->isa);
    for (int32_t i = 0; i < level->n_curves; i++) {
        fn(level->curve[i], level->depth, 0, level->coord, level->n, level->code[i]);
        make_order(x, level, i);
    }
}

static void set_curves(struct glint_level *level, const enum glint_curve *curve, int32_t n)
{
    level->n_curves = n;
    memcpy(level->curve, curve, (size_t)n * sizeof *curve);
}

/* Sampling */

struct sampling { /* scratch of a level, laid out for its points */
    int64_t *code;
    int32_t *cell, *order; /* n x 3, n */
    void *sort;
};

static struct sampling sampling_of(const struct glint_level *level)
{
    uint8_t *at = level->scratch;
    const size_t n = (size_t)level->cap;
    struct sampling s = {.code = (int64_t *)at};
    at += n * sizeof *s.code;
    s.cell = (int32_t *)at;
    s.order = s.cell + 3 * n;
    s.sort = s.order + n;
    return s;
}

/* floor of a quotient of less than most; NaN and all others: REFUSED. */
static inline int32_t floor_of(double t, double most)
{
    if (!(t >= -most && t < most))
        return REFUSED;
    const int32_t whole = (int32_t)t;
    return whole - (t < (double)whole);
}

static inline int32_t cell_of(float p, const struct glint_level_rule *rule, double most)
{
    const float single = p / (float)rule->cell;
    return floor_of(rule->in_double ? (double)p / rule->cell : (double)single, most);
}

/* Cells of the points that have one, one after another, and their numbers in s->order; how many. */
static int32_t find_cells(const struct glint_points *points, const struct glint_level_rule *rule,
                          const struct sampling *s, struct glint_level_points *out)
{
    const float *axis[3] = {points->x, points->y, points->z};
    int32_t n = 0;
    for (int k = 0; k < 3; k++)
        out->low[k] = INT32_MAX;
    for (int32_t i = 0; i < points->n; i++) {
        int32_t *cell = s->cell + 3 * (int64_t)n;
        bool there = true;
        for (int k = 0; k < 3; k++) {
            cell[k] = cell_of(axis[k][i], rule, cells_max[k]);
            there = there && cell[k] != REFUSED;
        }
        out->row[i] = -1;
        if (!there)
            continue;
        for (int k = 0; k < 3; k++)
            out->low[k] = cell[k] < out->low[k] ? cell[k] : out->low[k];
        s->order[n++] = i;
    }
    for (int k = 0; k < 3 && n == 0; k++)
        out->low[k] = 0;
    return n;
}

static int32_t bits_of(uint32_t v)
{
    int32_t bits = 0;
    for (; v; v >>= 1)
        bits++;
    return bits;
}

/* Cells from the lowest one on; the bits of the largest coordinate. */
static int32_t move_cells(int32_t *cell, int32_t n, const int32_t low[3], enum glint_level_depth rule)
{
    int32_t largest = 0;
    for (int32_t i = 0; i < n; i++)
        for (int k = 0; k < 3; k++) {
            cell[3 * (int64_t)i + k] -= low[k];
            largest = cell[3 * (int64_t)i + k] > largest ? cell[3 * (int64_t)i + k] : largest;
        }
    return bits_of((uint32_t)largest + (rule == GLINT_DEPTH_MAX_PLUS_1));
}

/* Runs of equal codes along `sorted` (positions among the points that have a cell) become rows. */
static void make_rows(const struct sampling *s, const int32_t *sorted, int32_t n, struct glint_level *level,
                      struct glint_level_points *out)
{
    int64_t before = -1;
    level->n = 0;
    for (int32_t i = 0; i < n; i++) {
        const int32_t at = sorted[i], point = s->order[at];
        if (s->code[at] != before) {
            memcpy(level->coord + 3 * (int64_t)level->n, s->cell + 3 * (int64_t)at, 3 * sizeof *s->cell);
            out->kept[level->n++] = point;
            before = s->code[at];
        }
        out->row[point] = level->n - 1;
    }
}

int glint_level_sample(struct glint_exec *x, const struct glint_level_rule *rule,
                       const struct glint_points *points, struct glint_level *level,
                       struct glint_level_points *out)
{
    const struct sampling s = sampling_of(level);
    if (points->n > level->cap)
        return glint_fail(GLINT_E_CAPACITY, "%d points; the model was opened for %d", points->n, level->cap);
    set_curves(level, rule->curve, rule->n_curves);
    const int32_t n = find_cells(points, rule, &s, out);
    out->n_refused = points->n - n;
    level->depth = move_cells(s.cell, n, out->low, rule->depth);
    glint_curve_get(x->isa)(rule->curve[0], level->depth, 0, s.cell, n, s.code);
    glint_curve_sort(x, s.code, n, 3 * level->depth, level->order[0], s.sort);
    make_rows(&s, level->order[0], n, level, out);
    make_orders(x, level);
    return GLINT_OK;
}

/* Coarser levels */

static void make_clusters(const struct glint_level *fine, int32_t shift, struct glint_level *coarse)
{
    int64_t before = -1;
    coarse->n = 0;
    for (int32_t i = 0; i < fine->n; i++) {
        const int32_t row = fine->order[0][i];
        const int64_t code = fine->code[0][row] >> (3 * shift);
        if (code != before) {
            for (int k = 0; k < 3; k++)
                coarse->coord[3 * (int64_t)coarse->n + k] = fine->coord[3 * (int64_t)row + k] >> shift;
            coarse->start[coarse->n++] = i;
            before = code;
        }
        coarse->cluster[row] = coarse->n - 1;
    }
    coarse->start[coarse->n] = fine->n;
}

int glint_level_pool(struct glint_exec *x, const struct glint_level *fine, const enum glint_curve *curve,
                     int32_t n_curves, struct glint_level *coarse)
{
    const int32_t shift = fine->depth > 0;
    if (fine->n > coarse->cap)
        return glint_fail(GLINT_E_CAPACITY, "%d cells; room for %d", fine->n, coarse->cap);
    set_curves(coarse, curve, n_curves);
    coarse->depth = fine->depth - shift;
    make_clusters(fine, shift, coarse);
    make_orders(x, coarse);
    return GLINT_OK;
}
