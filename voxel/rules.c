/* voxel/rules.c - see rules.h.
 *
 * Per tile and kernel line (kz, ky) the output lines of the tile and the input lines that they see ascend
 * together, so one walk over the list of lines finds them; along a pair of lines the same holds for x and
 * each kernel cell. Nothing is searched but where a tile begins. */
#include "voxel/rules.h"

static size_t cap_tiles(int32_t cap_out)
{
    return ((size_t)cap_out + GLINT_RULES_TILE - 1) / GLINT_RULES_TILE;
}

static size_t first_bytes(int32_t cap_out, int32_t n_cells)
{
    return glint_arena_round(cap_tiles(cap_out) * ((size_t)n_cells + 1) * sizeof(int32_t));
}

static size_t list_bytes(int32_t cap_out, int32_t n_cells)
{
    return glint_arena_round(cap_tiles(cap_out) * GLINT_RULES_TILE * (size_t)n_cells * sizeof(int32_t));
}

size_t glint_rules_bytes(int32_t cap_out, int32_t n_cells)
{
    return first_bytes(cap_out, n_cells) + 2 * list_bytes(cap_out, n_cells);
}

void glint_rules_init(struct glint_rules *r, void *memory, int32_t cap_out, int32_t n_cells)
{
    uint8_t *bytes = memory;
    *r = (struct glint_rules){.cap_out = cap_out, .n_cells = n_cells, .first = memory};
    r->in = (int32_t *)(bytes + first_bytes(cap_out, n_cells));
    r->out = (int32_t *)(bytes + first_bytes(cap_out, n_cells) + list_bytes(cap_out, n_cells));
}

struct job {
    const struct glint_stencil *k;
    const struct glint_sites *in, *out;
    const struct glint_rules *rules;
};

/* The first line of s whose number is at least `wanted`, from line `from` on. */
static int32_t line_from(const struct glint_sites *s, int32_t from, int32_t wanted)
{
    int32_t step = 1, end = from;
    while (end < s->n_lines && s->line[end] < wanted) { /* doubling steps, then halves */
        from = end + 1;
        end = from + step - 1;
        step *= 2;
    }
    end = end < s->n_lines ? end : s->n_lines;
    while (from < end) {
        const int32_t middle = from + (end - from) / 2;
        if (s->line[middle] < wanted)
            from = middle + 1;
        else
            end = middle;
    }
    return from;
}

/* The line that holds the site at position p. */
static int32_t line_at(const struct glint_sites *s, int32_t p)
{
    int32_t low = 0, high = s->n_lines;
    while (high - low > 1) {
        const int32_t middle = low + (high - low) / 2;
        if (s->line_start[middle] <= p)
            low = middle;
        else
            high = middle;
    }
    return low;
}

struct pair_list {
    int32_t *in, *out, n;
};

/* Pairs of one kernel cell between the outputs at positions begin .. end of one line and the input line
 * `line`. */
static void walk(const struct job *j, int32_t begin, int32_t end, int32_t line, int32_t kx,
                 struct pair_list *list)
{
    const struct glint_sites *in = j->in, *out = j->out;
    const int32_t stride = j->k->stride[0], shift = kx - j->k->pad[0];
    const int32_t last = in->line_start[line + 1];
    int32_t i = in->line_start[line], n = list->n;
    for (int32_t o = begin; o < end; o++) {
        const int32_t wanted = out->x[o] * stride + shift;
        while (i < last && in->x[i] < wanted)
            i++;
        if (i == last)
            break;
        if (in->x[i] != wanted)
            continue;
        list->in[n] = in->order[i];
        list->out[n++] = out->order[o];
    }
    list->n = n;
}

/* What one kernel line (kz, ky) sees of the part of a tile that is in one line of outputs: the input line, or
 * -1. Wanted lines ascend from call to call. */
static int32_t seen_line(const struct job *j, int32_t out_line, int32_t kz, int32_t ky, int32_t *next)
{
    const struct glint_sites *in = j->in;
    const int32_t z = out_line / j->out->dim[1] * j->k->stride[2] - j->k->pad[2] + kz;
    const int32_t y = out_line % j->out->dim[1] * j->k->stride[1] - j->k->pad[1] + ky;
    if (z < 0 || y < 0 || z >= in->dim[2] || y >= in->dim[1])
        return -1;
    *next = line_from(in, *next, z * in->dim[1] + y);
    return *next < in->n_lines && in->line[*next] == z * in->dim[1] + y ? *next : -1;
}

struct part { /* of a tile: positions begin .. end of one output line, and the input line that it sees */
    int32_t begin, end, line;
};

/* The parts of the tile's outputs that kernel line (kz, ky) sees something of. */
static int32_t list_parts(const struct job *j, int32_t begin, int32_t end, int32_t kz, int32_t ky,
                          int32_t *next, struct part *parts)
{
    int32_t n = 0;
    for (int32_t l = line_at(j->out, begin); l < j->out->n_lines && j->out->line_start[l] < end; l++) {
        const int32_t line = seen_line(j, j->out->line[l], kz, ky, next);
        const int32_t b = j->out->line_start[l], e = j->out->line_start[l + 1];
        if (line >= 0)
            parts[n++] = (struct part){b > begin ? b : begin, e < end ? e : end, line};
    }
    return n;
}

static void make_tile(const struct job *j, int64_t tile, int32_t *next)
{
    const struct glint_rules *r = j->rules;
    const int32_t begin = (int32_t)tile * GLINT_RULES_TILE;
    const int32_t end = begin + GLINT_RULES_TILE < r->n_out ? begin + GLINT_RULES_TILE : r->n_out;
    int32_t *first = r->first + tile * (r->n_cells + 1);
    struct part parts[GLINT_RULES_TILE];
    struct pair_list list = {.in = r->in + tile * GLINT_RULES_TILE * r->n_cells,
                             .out = r->out + tile * GLINT_RULES_TILE * r->n_cells};
    for (int32_t kz = 0; kz < j->k->size[2]; kz++)
        for (int32_t ky = 0; ky < j->k->size[1]; ky++, next++) {
            const int32_t n = list_parts(j, begin, end, kz, ky, next, parts);
            for (int32_t kx = 0; kx < j->k->size[0]; kx++) {
                *first++ = list.n;
                for (int32_t p = 0; p < n; p++)
                    walk(j, parts[p].begin, parts[p].end, parts[p].line, kx, &list);
            }
        }
    *first = list.n;
}

static void make_tiles(void *ctx, int64_t begin, int64_t end, int worker)
{
    (void)worker;
    int32_t next[GLINT_STENCIL_SIZE * GLINT_STENCIL_SIZE] = {0}; /* tiles of a piece ascend */
    for (int64_t t = begin; t < end; t++)
        make_tile(ctx, t, next);
}

int glint_rules_make(struct glint_exec *x, const struct glint_stencil *k, const struct glint_sites *in,
                     const struct glint_sites *out, struct glint_rules *r)
{
    r->n_in = r->n_out = r->n_tiles = 0;
    GLINT_TRY(glint_stencil_check(k));
    if (glint_stencil_cells(k) != r->n_cells || out->n > r->cap_out)
        return glint_fail(GLINT_E_ARG, "rules: %d outputs, %d kernel cells; room for %d, %d", out->n,
                          glint_stencil_cells(k), r->cap_out, r->n_cells);
    r->n_in = in->n;
    r->n_out = out->n;
    r->n_tiles = (int32_t)cap_tiles(out->n);
    r->order = out->order;
    struct job job = {k, in, out, r};
    glint_pool_for(x->pool, r->n_tiles, 8, make_tiles, &job);
    return GLINT_OK;
}

int64_t glint_rules_count(const struct glint_rules *r, int64_t *count_out)
{
    int64_t all = 0;
    for (int32_t k = 0; k < r->n_cells; k++) {
        int64_t n = 0;
        for (int64_t t = 0; t < r->n_tiles; t++)
            n += r->first[t * (r->n_cells + 1) + k + 1] - r->first[t * (r->n_cells + 1) + k];
        all += n;
        if (count_out)
            count_out[k] = n;
    }
    return all;
}
