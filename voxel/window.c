/* voxel/window.c - reference version, choice of version and the sort; see window.h. */
#include "voxel/window.h"
#include "voxel/sort.h"

#define GRID_MAX   (1 << 20) /* coordinates and quotients stay exact in float for the vector versions */
#define WINDOW_MAX (1 << 15)

static uint64_t key_max(const struct glint_window_order *o)
{
    const uint64_t w = (uint64_t)o->window, g = (uint64_t)o->grid;
    if (o->style == GLINT_WINDOW_PLAIN)
        return (g / w + 2) * (g / w + 2) * w * w - 1;
    const uint64_t last = (g + w - 1) / w; /* window of the largest coordinate, shifted by w */
    return (2 * (last + 1) * last + last + 1) * 4 * w * w - 1;
}

int glint_window_check(const struct glint_window_order *o)
{
    if (o->window < 1 || o->window > WINDOW_MAX)
        return glint_fail(GLINT_E_ARG, "window of %d cells: 1 to %d wanted", o->window, WINDOW_MAX);
    if (o->grid < 1 || o->grid > GRID_MAX)
        return glint_fail(GLINT_E_ARG, "window order: grid of %d cells, 1 to %d wanted", o->grid, GRID_MAX);
    if (o->shift < 0 || o->shift > o->window)
        return glint_fail(GLINT_E_ARG, "window order: shift %d, 0 to %d wanted", o->shift, o->window);
    if (o->axis != 0 && o->axis != 1)
        return glint_fail(GLINT_E_ARG, "window order: axis %d, 0 or 1 wanted", o->axis);
    if (o->style != GLINT_WINDOW_SNAKE && o->style != GLINT_WINDOW_PLAIN)
        return glint_fail(GLINT_E_ARG, "window order: unknown style %d", (int)o->style);
    if (key_max(o) > UINT32_MAX)
        return glint_fail(GLINT_E_ARG, "window order: keys of a grid of %d cells do not fit 32 bits",
                          o->grid);
    return GLINT_OK;
}

uint32_t glint_window_key_max(const struct glint_window_order *o)
{
    return (uint32_t)key_max(o);
}

/* a, b: shifted coordinates, a the one whose windows form rows (SNAKE axis 0: y) */
static uint32_t snake_key(const struct glint_window_order *o, int32_t a, int32_t b)
{
    const int32_t w = o->window, m = 2 * w, n = 2 * ((o->grid + w - 1) / w + 1);
    const int64_t wa = a / w, ia = a % w, wb = b / w, ib = b % w;
    const int64_t row_sign = wa % 2 ? -1 : 1, column_sign = ib % 2 ? -1 : 1;
    return (uint32_t)((n * wa + row_sign * wb) * m * m + row_sign * (m * ib + column_sign * ia));
}

static uint32_t plain_key(const struct glint_window_order *o, uint32_t a, uint32_t b)
{
    const uint32_t w = (uint32_t)o->window, n = (uint32_t)o->grid / w + 2;
    return ((a / w * n + b / w) * w + a % w) * w + b % w;
}

int glint_window_key_c(struct glint_exec *x, const struct glint_window_order *o, const int32_t *coord,
                       int32_t n, uint32_t *key_out)
{
    (void)x;
    for (int32_t i = 0; i < n; i++) {
        const int32_t cx = coord[3 * (int64_t)i] + o->shift, cy = coord[3 * (int64_t)i + 1] + o->shift;
        const int32_t own = o->axis ? cy : cx, other = o->axis ? cx : cy;
        key_out[i] = o->style == GLINT_WINDOW_SNAKE ? snake_key(o, other, own)
                                                    : plain_key(o, (uint32_t)own, (uint32_t)other);
    }
    return GLINT_OK;
}

glint_window_key_fn *glint_window_key_get(unsigned isa)
{
    glint_window_key_fn *fn = glint_window_key_c;
#if GLINT_HAVE_X86
    if (isa & GLINT_ISA_AVX2)
        fn = glint_window_key_avx2;
    if (isa & GLINT_ISA_AVX512)
        fn = glint_window_key_avx512;
#endif
    (void)isa; /* unused in a build without */
    return fn;
}

/* A coordinate outside would give keys that the sort's bits do not cover. */
static int check_coords(const struct glint_window_order *o, const int32_t *coord, int32_t n)
{
    uint32_t largest = 0;
    for (int32_t i = 0; i < n; i++)
        for (int k = 0; k < 2; k++) {
            const uint32_t c = (uint32_t)coord[3 * (int64_t)i + k]; /* negative ones become huge */
            largest = c > largest ? c : largest;
        }
    if (n > 0 && largest >= (uint32_t)o->grid)
        return glint_fail(GLINT_E_ARG, "window order: a pillar lies outside the grid of %d cells", o->grid);
    return GLINT_OK;
}

int glint_window_sort(struct glint_exec *x, const struct glint_window_order *o, const int32_t *coord,
                      int32_t n, int32_t *perm_out, uint32_t *scratch)
{
    GLINT_TRY(glint_window_check(o));
    GLINT_TRY(check_coords(o, coord, n));
    uint32_t *const key[2] = {scratch, scratch + n};
    GLINT_TRY(glint_window_key_get(x->isa)(x, o, coord, n, key[0]));
    glint_sort(x, key, n, glint_sort_bits(glint_window_key_max(o)), perm_out,
               (int32_t *)(scratch + 2 * (int64_t)n), false);
    return GLINT_OK;
}
