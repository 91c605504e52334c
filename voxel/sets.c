/* voxel/sets.c - see sets.h.
 *
 * One stable sort per axis by (window, place in the order of that axis): keys are unique, so nothing depends
 * on how rows come. Sets are cut from the runs of equal windows, which are the same along both axes. */
#include "voxel/sets.h"
#include "core/status.h"
#include "voxel/sort.h"
#include <string.h>

#define GRAIN 4096 /* rows per piece of work */

static int64_t windows_along(const struct glint_set_window *w, int k)
{
    return ((int64_t)w->dim[k] + w->window[k] - 1) / w->window[k] + 1;
}

int glint_set_window_check(const struct glint_set_window *w)
{
    double keys = 1;
    for (int k = 0; k < 3; k++) {
        if (w->dim[k] < 1 || w->window[k] < 1)
            return glint_fail(GLINT_E_ARG, "windows of %d in %d cells along %c: 1 at least wanted",
                              w->window[k], w->dim[k], "xyz"[k]);
        if (w->shift[k] < 0 || w->shift[k] > w->window[k])
            return glint_fail(GLINT_E_ARG, "windows shifted by %d along %c: 0 to %d wanted", w->shift[k],
                              "xyz"[k], w -> window[k]);
        keys *= (double)windows_along(w, k) * w->window[k];
    }
    if (w->set < 0)
        return glint_fail(GLINT_E_ARG, "sets of %d: 0 or more wanted", w->set);
    return keys < 2147483648.0
               ? GLINT_OK
               : glint_fail(GLINT_E_ARG, "windows of %d x %d x %d cells: too many in the grid", w->window[0],
                            w->window[1], w->window[2]);
}

int32_t glint_set_window_cells(const struct glint_set_window *w)
{
    return w->window[0] * w->window[1] * w->window[2];
}

int32_t glint_set_window_id(const struct glint_set_window *w, const int32_t coord[3])
{
    int64_t id = 0;
    for (int k = 0; k < 3; k++)
        id = id * windows_along(w, k) + (coord[k] + w->shift[k]) / w->window[k];
    return (int32_t)id;
}

int32_t glint_set_window_place(const struct glint_set_window *w, const int32_t coord[3])
{
    int32_t place = 0;
    for (int k = 2; k >= 0; k--)
        place = place * w->window[k] + (coord[k] + w->shift[k]) % w->window[k];
    return place;
}

/* Memory */

static size_t carve(struct glint_sets *s, uint8_t *memory, int32_t cap)
{
    const size_t rows = glint_arena_round((size_t)cap * 4), starts = glint_arena_round(((size_t)cap + 1) * 4);
    if (memory) {
        *s = (struct glint_sets){.cap = cap, .start = (int32_t *)memory};
        memory += starts;
        for (int i = 0; i < 2; i++) {
            s->order[i] = (int32_t *)(memory + (size_t)i * rows);
            s->key[i] = (uint32_t *)(memory + (2 + (size_t)i) * rows);
        }
        s->place = (int32_t *)(memory + 4 * rows);
        s->order_work = (int32_t *)(memory + 5 * rows);
        s->start[0] = 0;
    }
    return starts + 6 * rows;
}

size_t glint_sets_bytes(int32_t cap)
{
    return carve(NULL, NULL, cap);
}

void glint_sets_init(struct glint_sets *s, void *memory, int32_t cap)
{
    carve(s, memory, cap);
}

/* Keys */

struct keys {
    const struct glint_set_window *w;
    const int32_t *coord;
    int32_t axis, cells;
    int32_t wide[3]; /* windows along each axis */
    uint32_t *key;
    int32_t *place; /* NULL: there already */
};

static void make_keys(void *ctx, int64_t begin, int64_t end, int worker)
{
    const struct keys *j = ctx;
    const int32_t *w = j->w->window, *shift = j->w->shift;
    (void)worker;
    for (int64_t i = begin; i < end; i++) {
        const int32_t *c = j->coord + 3 * i;
        const int32_t x = c[0] + shift[0], y = c[1] + shift[1], z = c[2] + shift[2];
        const int32_t wx = x / w[0], wy = y / w[1], wz = z / w[2];
        const int32_t ix = x - wx * w[0], iy = y - wy * w[1], iz = z - wz * w[2];
        const uint32_t window = (uint32_t)((wx * j->wide[1] + wy) * j->wide[2] + wz);
        const int32_t in = j->axis == 0 ? (iy * w[0] + ix) * w[2] + iz : (ix * w[1] + iy) * w[2] + iz;
        j->key[i] = window * (uint32_t)j->cells + (uint32_t)in;
        if (j->place)
            j->place[i] = (iz * w[1] + iy) * w[0] + ix;
    }
}

static int check_coords(const struct glint_set_window *w, const int32_t *coord, int32_t n)
{
    for (int64_t i = 0; i < n; i++)
        for (int k = 0; k < 3; k++)
            if (coord[3 * i + k] < 0 || coord[3 * i + k] >= w->dim[k])
                return glint_fail(GLINT_E_ARG, "row %lld: cell %d along %c, 0 to %d wanted", (long long)i,
                                  coord[3 * i + k], "xyz"[k], w -> dim[k] - 1);
    return GLINT_OK;
}

/* Sets of the window whose rows lie at first .. first + k - 1. */
static void cut(const struct glint_set_window *w, int32_t first, int32_t k, struct glint_sets *s)
{
    const int64_t m = w->set ? ((int64_t)k + w->set - 1) / w->set : 1;
    for (int64_t i = 0; i < m; i++)
        s->start[s->n_sets++] = first + (int32_t)(i * k / m);
}

static void cut_all(const struct glint_set_window *w, const uint32_t *key, uint32_t cells,
                    struct glint_sets *s)
{
    for (int32_t first = 0, end; first < s->n; first = end) {
        const uint32_t begin = key[first] - key[first] % cells; /* of the window's keys */
        for (end = first + 1; end < s->n && key[end] - begin < cells; end++)
            ;
        cut(w, first, end - first, s);
    }
    s->start[s->n_sets] = s->n;
}

int glint_sets_make(struct glint_exec *x, const struct glint_set_window *w, const int32_t *coord, int32_t n,
                    struct glint_sets *s)
{
    s->n = s->n_sets = s->start[0] = 0;
    GLINT_TRY(glint_set_window_check(w));
    GLINT_TRY(check_coords(w, coord, n));
    struct keys job = {.w = w, .coord = coord, .cells = glint_set_window_cells(w), .place = s->place};
    uint64_t keys = (uint64_t)job.cells;
    for (int k = 0; k < 3; k++) {
        job.wide[k] = (int32_t)windows_along(w, k);
        keys *= (uint64_t)job.wide[k];
    }
    s->n = n;
    for (job.axis = 0; job.axis < 2; job.axis++) {
        job.key = s->key[0];
        glint_pool_for(x->pool, n, GRAIN, make_keys, &job);
        const int side = glint_sort(x, s->key, n, glint_sort_bits((uint32_t)(keys - 1)), s->order[job.axis],
                                    s->order_work, job.axis == 0);
        if (job.axis == 0)
            cut_all(w, s->key[side], (uint32_t)job.cells, s);
        job.place = NULL;
    }
    return GLINT_OK;
}
