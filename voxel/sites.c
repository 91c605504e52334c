/* voxel/sites.c - see sites.h.
 *
 * The index is a stable sort by x, then by line; rows that are in order already, as voxels and the results of
 * strided convolutions are, only have their lines counted. Sites of a strided convolution are found line by
 * line: the input lines that an output line sees set bits of one row of cells, which are then read in order.
 * No hashes: the order is the cells' own. */
#include "voxel/sites.h"
#include "voxel/sort.h"
#include <string.h>

#define WORD 64

static void *take(uint8_t *memory, size_t *used, size_t n)
{
    void *block = memory ? memory + *used : NULL;
    *used += glint_arena_round(n * sizeof(int32_t));
    return block;
}

static size_t carve(struct glint_sites *s, uint8_t *memory, size_t cap)
{
    size_t used = 0;
    s->coord = take(memory, &used, 3 * cap);
    s->order = take(memory, &used, cap);
    s->x = take(memory, &used, cap);
    s->line = take(memory, &used, cap);
    s->line_start = take(memory, &used, cap + 1);
    s->scratch = take(memory, &used, cap);
    return used;
}

size_t glint_sites_bytes(int32_t cap)
{
    struct glint_sites unused;
    return carve(&unused, NULL, (size_t)cap);
}

void glint_sites_init(struct glint_sites *s, void *memory, int32_t cap, const int32_t dim[3])
{
    *s = (struct glint_sites){.cap = cap, .dim = {dim[0], dim[1], dim[2]}};
    carve(s, memory, (size_t)cap);
    s->line_start[0] = 0;
}

/* The index */

static uint32_t line_of(const struct glint_sites *s, int32_t row)
{
    const int32_t *c = s->coord + 3 * (int64_t)row;
    return (uint32_t)c[2] * (uint32_t)s->dim[1] + (uint32_t)c[1];
}

static int check_coords(const struct glint_sites *s)
{
    if ((int64_t)s->dim[1] * s->dim[2] > INT32_MAX)
        return glint_fail(GLINT_E_ARG, "sites: %d x %d lines, fewer than 2^31 wanted", s->dim[1], s->dim[2]);
    for (int32_t i = 0; i < s->n; i++)
        for (int k = 0; k < 3; k++)
            if (s->coord[3 * (int64_t)i + k] < 0 || s->coord[3 * (int64_t)i + k] >= s->dim[k])
                return glint_fail(GLINT_E_ARG, "sites: row %d has %c %d, 0 to %d wanted", i, "xyz"[k],
                                  s -> coord[3 * (int64_t)i + k], s -> dim[k] - 1);
    return GLINT_OK;
}

static bool in_order(const struct glint_sites *s)
{
    for (int32_t i = 1; i < s->n; i++) {
        const uint32_t a = line_of(s, i - 1), b = line_of(s, i);
        if (a > b || (a == b && s->coord[3 * (int64_t)(i - 1)] >= s->coord[3 * (int64_t)i]))
            return false;
    }
    return true;
}

/* Sorts by x, then, of that order, by line. Arrays of the index that are not made yet hold the keys. */
static void sort_rows(struct glint_exec *x, struct glint_sites *s)
{
    uint32_t *const key[2] = {(uint32_t *)s->line, (uint32_t *)s->line_start};
    for (int32_t i = 0; i < s->n; i++)
        key[0][i] = (uint32_t)s->coord[3 * (int64_t)i];
    glint_sort(x, key, s->n, glint_sort_bits((uint32_t)s->dim[0] - 1), s->x, s->scratch, false);
    for (int32_t i = 0; i < s->n; i++)
        key[0][i] = line_of(s, s->x[i]);
    const uint32_t lines = (uint32_t)s->dim[1] * (uint32_t)s->dim[2];
    glint_sort(x, key, s->n, glint_sort_bits(lines - 1), s->order, s->scratch, false);
    for (int32_t i = 0; i < s->n; i++)
        s->order[i] = s->x[s->order[i]];
}

/* Lines and x of ordered rows; false: a site is there twice. */
static bool list_lines(struct glint_sites *s)
{
    uint32_t last = UINT32_MAX;
    s->n_lines = 0;
    for (int32_t i = 0; i < s->n; i++) {
        const uint32_t line = line_of(s, s->order[i]);
        s->x[i] = s->coord[3 * (int64_t)s->order[i]];
        if (line == last && s->x[i] == s->x[i - 1])
            return false;
        if (line != last) {
            s->line_start[s->n_lines] = i;
            s->line[s->n_lines++] = (int32_t)line;
        }
        last = line;
    }
    s->line_start[s->n_lines] = s->n;
    return true;
}

static void clear(struct glint_sites *s)
{
    s->n = s->n_lines = 0;
    s->line_start[0] = 0;
}

int glint_sites_index(struct glint_exec *x, struct glint_sites *s)
{
    int status = check_coords(s);
    if (status == GLINT_OK && in_order(s))
        for (int32_t i = 0; i < s->n; i++)
            s->order[i] = i;
    else if (status == GLINT_OK)
        sort_rows(x, s);
    if (status == GLINT_OK && !list_lines(s))
        status = glint_fail(GLINT_E_ARG, "sites: a cell is there twice");
    if (status != GLINT_OK)
        clear(s);
    return status;
}

/* The first of n ascending values that is at least `wanted`. */
static int32_t lower_bound(const int32_t *value, int32_t n, int32_t wanted)
{
    int32_t first = 0;
    while (n > 0) {
        const int32_t half = n / 2;
        if (value[first + half] < wanted) {
            first += half + 1;
            n -= half + 1;
        } else {
            n = half;
        }
    }
    return first;
}

int32_t glint_sites_find(const struct glint_sites *s, int32_t x, int32_t y, int32_t z)
{
    if (x < 0 || y < 0 || z < 0 || x >= s->dim[0] || y >= s->dim[1] || z >= s->dim[2])
        return -1;
    const int32_t line = z * s->dim[1] + y, l = lower_bound(s->line, s->n_lines, line);
    if (l == s->n_lines || s->line[l] != line)
        return -1;
    const int32_t begin = s->line_start[l], end = s->line_start[l + 1];
    const int32_t at = begin + lower_bound(s->x + begin, end - begin, x);
    return at < end && s->x[at] == x ? s->order[at] : -1;
}

/* Stencils */

struct glint_stencil glint_stencil_same(int32_t size)
{
    return (struct glint_stencil){
        .size = {size, size, size}, .stride = {1, 1, 1}, .pad = {size / 2, size / 2, size / 2}};
}

int32_t glint_stencil_cells(const struct glint_stencil *k)
{
    return k->size[0] * k->size[1] * k->size[2];
}

int glint_stencil_check(const struct glint_stencil *k)
{
    for (int a = 0; a < 3; a++)
        if (k->size[a] < 1 || k->size[a] > GLINT_STENCIL_SIZE || k->stride[a] < 1 || k->stride[a] > 8 ||
            k->pad[a] < 0 || k->pad[a] >= k->size[a])
            return glint_fail(GLINT_E_ARG,
                              "kernel along %c: size 1 to %d, stride 1 to 8, padding below the size wanted, "
                              "found %d, %d, %d",
                              "xyz"[a], GLINT_STENCIL_SIZE, k -> size[a], k -> stride[a], k -> pad[a]);
    return GLINT_OK;
}

int glint_stencil_dim(const struct glint_stencil *k, const int32_t dim[3], int32_t dim_out[3])
{
    GLINT_TRY(glint_stencil_check(k));
    for (int a = 0; a < 3; a++) {
        const int64_t room = (int64_t)dim[a] + 2 * k->pad[a] - k->size[a];
        if (room < 0)
            return glint_fail(GLINT_E_ARG, "kernel along %c: %d cells, %d with padding, are less than %d",
                              "xyz"[a], dim[a], dim[a] + 2 * k->pad[a], k->size[a]);
        dim_out[a] = (int32_t)(room / k->stride[a]) + 1;
    }
    return GLINT_OK;
}

/* Sites of a strided convolution */

struct strided {
    const struct glint_sites *in;
    const struct glint_stencil *k;
    struct glint_sites *out;
    uint64_t *lines, *cells; /* bits: output lines that see an input line; cells of one of them */
};

static size_t words(int64_t bits)
{
    return (size_t)((bits + WORD - 1) / WORD);
}

size_t glint_sites_strided_scratch(const int32_t dim_out[3])
{
    return glint_arena_round(words((int64_t)dim_out[1] * dim_out[2]) * sizeof(uint64_t)) +
           glint_arena_round(words(dim_out[0]) * sizeof(uint64_t));
}

/* The outputs o of an axis that see input i: first_out <= o <= the returned last. */
static int32_t outputs_of(const struct glint_stencil *k, int axis, int32_t i, int32_t dim_out,
                          int32_t *first_out)
{
    const int32_t top = i + k->pad[axis], low = top - k->size[axis] + 1, stride = k->stride[axis];
    const int32_t last = top / stride;
    *first_out = low > 0 ? (low + stride - 1) / stride : 0;
    return last < dim_out ? last : dim_out - 1;
}

static void set_bits(uint64_t *bits, int64_t first, int64_t last)
{
    for (int64_t i = first; i <= last; i++)
        bits[i / WORD] |= (uint64_t)1 << i % WORD;
}

static void mark_lines(const struct strided *s)
{
    const struct glint_sites *in = s->in;
    for (int32_t l = 0; l < in->n_lines; l++) {
        int32_t z, y;
        const int32_t z1 = outputs_of(s->k, 2, in->line[l] / in->dim[1], s->out->dim[2], &z);
        const int32_t y1 = outputs_of(s->k, 1, in->line[l] % in->dim[1], s->out->dim[1], &y);
        for (; z <= z1; z++)
            set_bits(s->lines, (int64_t)z * s->out->dim[1] + y, (int64_t)z * s->out->dim[1] + y1);
    }
}

/* The output cells that see a site of input line l. */
static void mark_cells(const struct strided *s, int32_t l)
{
    for (int32_t i = s->in->line_start[l]; i < s->in->line_start[l + 1]; i++) {
        int32_t first;
        const int32_t last = outputs_of(s->k, 0, s->in->x[i], s->out->dim[0], &first);
        set_bits(s->cells, first, last);
    }
}

static void append(struct glint_sites *out, int32_t x, int32_t line)
{
    if (out->n == out->cap) {
        out->n_lost++;
        return;
    }
    if (!out->n_lines || out->line[out->n_lines - 1] != line) {
        out->line_start[out->n_lines] = out->n;
        out->line[out->n_lines++] = line;
    }
    int32_t *c = out->coord + 3 * (int64_t)out->n;
    c[0] = x;
    c[1] = line % out->dim[1];
    c[2] = line / out->dim[1];
    out->x[out->n] = x;
    out->order[out->n] = out->n;
    out->n++;
}

static void take_cells(const struct strided *s, int32_t line)
{
    for (size_t w = 0; w < words(s->out->dim[0]); w++) {
        uint64_t bits = s->cells[w];
        s->cells[w] = 0;
        for (; bits; bits &= bits - 1)
            append(s->out, (int32_t)(w * WORD) + __builtin_ctzll(bits), line);
    }
}

/* next: per kernel line, the first input line that may still be wanted; wanted lines ascend. */
static void one_line(const struct strided *s, int32_t line, int32_t *next)
{
    const struct glint_sites *in = s->in;
    const struct glint_stencil *k = s->k;
    const int32_t z0 = line / s->out->dim[1] * k->stride[2] - k->pad[2];
    const int32_t y0 = line % s->out->dim[1] * k->stride[1] - k->pad[1];
    for (int32_t kz = 0; kz < k->size[2]; kz++)
        for (int32_t ky = 0; ky < k->size[1]; ky++, next++) {
            const int32_t z = z0 + kz, y = y0 + ky;
            if (z < 0 || y < 0 || z >= in->dim[2] || y >= in->dim[1])
                continue;
            while (*next < in->n_lines && in->line[*next] < z * in->dim[1] + y)
                (*next)++;
            if (*next < in->n_lines && in->line[*next] == z * in->dim[1] + y)
                mark_cells(s, *next);
        }
    take_cells(s, line);
}

static void all_lines(const struct strided *s)
{
    int32_t next[GLINT_STENCIL_SIZE * GLINT_STENCIL_SIZE] = {0};
    for (size_t w = 0; w < words((int64_t)s->out->dim[1] * s->out->dim[2]); w++)
        for (uint64_t bits = s->lines[w]; bits; bits &= bits - 1)
            one_line(s, (int32_t)(w * WORD) + __builtin_ctzll(bits), next);
    s->out->line_start[s->out->n_lines] = s->out->n;
}

int glint_sites_strided(struct glint_exec *x, const struct glint_sites *in, const struct glint_stencil *k,
                        struct glint_sites *out)
{
    struct glint_arena *scratch = &x->scratch[0];
    clear(out);
    out->n_lost = 0;
    GLINT_TRY(glint_stencil_dim(k, in->dim, out->dim));
    if ((int64_t)out->dim[1] * out->dim[2] > INT32_MAX)
        return glint_fail(GLINT_E_ARG, "sites: %d x %d lines, fewer than 2^31 wanted", out->dim[1],
                          out->dim[2]);
    const size_t mark = glint_arena_mark(scratch);
    const size_t n_lines = words((int64_t)out->dim[1] * out->dim[2]), n_cells = words(out->dim[0]);
    struct strided s = {in, k, out, glint_arena_alloc(scratch, n_lines * sizeof(uint64_t)), NULL};
    s.cells = glint_arena_alloc(scratch, n_cells * sizeof(uint64_t));
    if (s.lines && s.cells) {
        memset(s.lines, 0, n_lines * sizeof(uint64_t));
        memset(s.cells, 0, n_cells * sizeof(uint64_t));
        mark_lines(&s);
        all_lines(&s);
    }
    glint_arena_reset(scratch, mark);
    return s.lines && s.cells
               ? GLINT_OK
               : glint_fail(GLINT_E_NOMEM, "no scratch for %zu lines of %zu words", n_lines, n_cells);
}
