/* eval/waymo_match.c - see waymo_match.h.
 *
 * The official search is cubic in the size of a frame and is asked at a hundred score cutoffs. But pairs that
 * can match fall into small connected components (duplicates around one labelled box, mostly), and the
 * heaviest assignment is the union of the components' heaviest matchings, because pairs of weight 0 can
 * always fill up the square. Where that is unique within a component, every correct search finds it, so each
 * component is solved on its own, and again only at cutoffs where one of its predictions goes. Where it is
 * not unique, the official search is run on the whole group and its choice is taken. */
#include "eval/waymo_match.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define CAP_SIDE  6  /* smaller side of a component that is solved by trying all sets */
#define CAP_LINES 48 /* its larger side */
#define SETS      (1 << CAP_SIDE)

struct tied { /* a component's best is not unique at these cutoffs */
    int32_t component, from, to;
};

struct glint_waymo_matcher {
    bool plain;
    int64_t n_searches;
    void *memory; /* of the int32 arrays below */
    size_t memory_size;
    int32_t *row_component; /* of each row; -1: without edges */
    int32_t *column_root;   /* union-find over columns; a root is the lowest of its columns */
    int32_t *column_component;
    int32_t *component_start; /* edges of component k: order[component_start[k] .. component_start[k + 1]) */
    int32_t *order;           /* edges by component, in order of row inside */
    int32_t *mark;            /* n_cutoffs: the official search is needed */
    int32_t *line;            /* a row's or column's number inside its component */
    int32_t *rows;            /* rows alive */
    int32_t *assignment, *weight;
    int64_t *scratch;
    size_t cap_search; /* in rows */
    int32_t n_components;
    struct glint_waymo_match *matches;
    struct tied *tied;
    int32_t n_matches, cap_matches, n_tied, cap_tied;
};

int glint_waymo_matcher_open(struct glint_waymo_matcher **matcher_out)
{
    *matcher_out = calloc(1, sizeof **matcher_out);
    return *matcher_out ? GLINT_OK : glint_fail(GLINT_E_NOMEM, "out of memory");
}

void glint_waymo_matcher_close(struct glint_waymo_matcher *m)
{
    if (!m)
        return;
    free(m->memory);
    free(m->assignment);
    free(m->weight);
    free(m->scratch);
    free(m->matches);
    free(m->tied);
    free(m);
}

void glint_waymo_matcher_plain(struct glint_waymo_matcher *m, bool plain)
{
    m->plain = plain;
}

int64_t glint_waymo_matcher_searches(const struct glint_waymo_matcher *m)
{
    return m->n_searches;
}

/* ---- memory ---- */

static int out_of_memory(void)
{
    return glint_fail(GLINT_E_NOMEM, "out of memory while matching boxes");
}

static int reserve(struct glint_waymo_matcher *m, const struct glint_waymo_problem *p)
{
    const size_t rows = (size_t)p->n_rows, columns = (size_t)p->n_columns, edges = (size_t)p->n_edges;
    const size_t n = 3 * rows + 4 * columns + edges + (size_t)p->n_cutoffs + 2;
    if (n * sizeof(int32_t) > m->memory_size) {
        free(m->memory);
        m->memory_size = 2 * n * sizeof(int32_t);
        m->memory = malloc(m->memory_size);
        if (!m->memory) {
            m->memory_size = 0;
            return out_of_memory();
        }
    }
    m->row_component = m->memory;
    m->rows = m->row_component + rows;
    m->column_root = m->rows + rows;
    m->column_component = m->column_root + columns;
    m->component_start = m->column_component + columns;
    m->line = m->component_start + columns + 1;
    m->order = m->line + rows + columns;
    m->mark = m->order + edges;
    return GLINT_OK;
}

static int add_match(struct glint_waymo_matcher *m, int32_t row, int32_t column, int32_t from, int32_t to)
{
    if (from >= to)
        return GLINT_OK;
    if (m->n_matches == m->cap_matches) {
        const int32_t cap = m->cap_matches ? 2 * m->cap_matches : 256;
        void *grown = realloc(m->matches, (size_t)cap * sizeof *m->matches);
        if (!grown)
            return out_of_memory();
        m->matches = grown;
        m->cap_matches = cap;
    }
    m->matches[m->n_matches++] = (struct glint_waymo_match){row, column, from, to};
    return GLINT_OK;
}

static int add_tied(struct glint_waymo_matcher *m, int32_t component, int32_t from, int32_t to)
{
    if (from >= to)
        return GLINT_OK;
    if (m->n_tied == m->cap_tied) {
        const int32_t cap = m->cap_tied ? 2 * m->cap_tied : 64;
        void *grown = realloc(m->tied, (size_t)cap * sizeof *m->tied);
        if (!grown)
            return out_of_memory();
        m->tied = grown;
        m->cap_tied = cap;
    }
    m->tied[m->n_tied++] = (struct tied){component, from, to};
    return GLINT_OK;
}

/* ---- components ---- */

static int32_t root_of(int32_t *root, int32_t i)
{
    while (root[i] != i) {
        root[i] = root[root[i]];
        i = root[i];
    }
    return i;
}

/* Columns that share a row are together. */
static void join_columns(struct glint_waymo_matcher *m, const struct glint_waymo_problem *p)
{
    for (int32_t j = 0; j < p->n_columns; j++)
        m->column_root[j] = j;
    for (int32_t e = 1; e < p->n_edges; e++)
        if (p->edges[e].row == p->edges[e - 1].row) {
            const int32_t a = root_of(m->column_root, p->edges[e].column);
            const int32_t b = root_of(m->column_root, p->edges[e - 1].column);
            m->column_root[a > b ? a : b] = a > b ? b : a;
        }
}

/* Numbers the components and sorts the edges by them, stably. */
static void find_components(struct glint_waymo_matcher *m, const struct glint_waymo_problem *p)
{
    join_columns(m, p);
    m->n_components = 0;
    for (int32_t j = 0; j < p->n_columns; j++) {
        const int32_t root = root_of(m->column_root, j);
        m->column_component[j] = root == j ? m->n_components++ : m->column_component[root];
    }
    memset(m->component_start, 0, (size_t)(m->n_components + 1) * sizeof(int32_t));
    for (int32_t i = 0; i < p->n_rows; i++)
        m->row_component[i] = -1;
    for (int32_t e = 0; e < p->n_edges; e++) {
        const int32_t k = m->column_component[p->edges[e].column];
        m->row_component[p->edges[e].row] = k;
        m->component_start[k]++;
    }
    for (int32_t k = 0, sum = 0; k <= m->n_components; k++) { /* the end of each, then filled from behind */
        sum += k < m->n_components ? m->component_start[k] : 0;
        m->component_start[k] = sum;
    }
    for (int32_t e = p->n_edges - 1; e >= 0; e--)
        m->order[--m->component_start[m->column_component[p->edges[e].column]]] = e;
}

/* ---- one column: its heaviest row ---- */

static int by_weight(const void *a, const void *b)
{
    const struct glint_waymo_edge *p = a, *q = b;
    return p->weight != q->weight ? (p->weight < q->weight) - (p->weight > q->weight) : p->row - q->row;
}

/* From the heaviest weight down: who has it wins the cutoffs that nobody before reaches; two of them tie
 * where both are there. `edges` are reordered. */
static int solve_star(struct glint_waymo_matcher *m, const struct glint_waymo_problem *p, int32_t component,
                      struct glint_waymo_edge *edges, int32_t n)
{
    int32_t covered = 0;
    if (n > 1)
        qsort(edges, (size_t)n, sizeof *edges, by_weight);
    for (int32_t i = 0, end; i < n; i = end) {
        int32_t first = i, most = p->alive[edges[i].row], second = 0;
        for (end = i + 1; end < n && edges[end].weight == edges[i].weight; end++) {
            const int32_t alive = p->alive[edges[end].row];
            second = alive > most ? most : alive > second ? alive : second;
            first = alive > most ? end : first;
            most = alive > most ? alive : most;
        }
        GLINT_TRY(add_tied(m, component, covered, second));
        covered = second > covered ? second : covered;
        GLINT_TRY(add_match(m, edges[first].row, edges[first].column, covered, most));
        covered = most > covered ? most : covered;
    }
    return GLINT_OK;
}

/* ---- a few rows and columns: all sets of the smaller side ---- */

struct small {
    int32_t n_lines, n_bits, n_edges; /* the larger side, the smaller side */
    struct small_edge {
        int32_t line, bit, weight, alive, edge;
    } edge[CAP_LINES * CAP_SIDE];
    int32_t best[CAP_LINES + 1]
                [SETS]; /* heaviest matching of the first lines that uses exactly these bits; -1 */
    uint8_t ways[CAP_LINES + 1][SETS]; /* how many there are, 2 for more */
};

static uint8_t few(int n)
{
    return (uint8_t)(n > 2 ? 2 : n);
}

static void use_edge(struct small *s, const struct small_edge *e, int32_t n_sets)
{
    const int32_t *before = s->best[e->line];
    int32_t *after = s->best[e->line + 1];
    uint8_t *ways = s->ways[e->line + 1];
    for (int32_t set = 0; set < n_sets; set++) {
        if (set >> e->bit & 1 || before[set] < 0)
            continue;
        const int32_t with = set | 1 << e->bit, weight = before[set] + e->weight;
        if (weight > after[with]) {
            after[with] = weight;
            ways[with] = s->ways[e->line][set];
        } else if (weight == after[with])
            ways[with] = few(ways[with] + s->ways[e->line][set]);
    }
}

/* The set of bits of the heaviest matching of rows with alive > cutoff; -1 when it is not the only one. */
static int32_t try_all(struct small *s, int32_t cutoff)
{
    const int32_t n_sets = 1 << s->n_bits;
    memset(s->best[0], -1, (size_t)n_sets * sizeof(int32_t));
    memset(s->ways[0], 0, (size_t)n_sets);
    s->best[0][0] = 0;
    s->ways[0][0] = 1;
    int32_t e = 0;
    for (int32_t line = 0; line < s->n_lines; line++) {
        memcpy(s->best[line + 1], s->best[line], (size_t)n_sets * sizeof(int32_t));
        memcpy(s->ways[line + 1], s->ways[line], (size_t)n_sets);
        for (; e < s->n_edges && s->edge[e].line == line; e++)
            if (s->edge[e].alive > cutoff)
                use_edge(s, &s->edge[e], n_sets);
    }
    const int32_t *last = s->best[s->n_lines];
    int32_t most = 0, ways = 0;
    for (int32_t set = 1; set < n_sets; set++)
        most = last[set] > last[most] ? set : most;
    for (int32_t set = 0; set < n_sets; set++)
        ways += last[set] == last[most] ? s->ways[s->n_lines][set] : 0;
    return ways == 1 ? most : -1;
}

static int walk_back(struct glint_waymo_matcher *m, const struct glint_waymo_problem *p,
                     const struct small *s, int32_t set, int32_t from, int32_t to)
{
    int32_t e = s->n_edges - 1;
    for (int32_t line = s->n_lines - 1; line >= 0; line--) {
        const int32_t weight = s->best[line + 1][set];
        const bool skipped = s->best[line][set] == weight;
        bool found = skipped;
        for (; e >= 0 && s->edge[e].line == line; e--) {
            const int32_t bit = 1 << s->edge[e].bit;
            if (found || s->edge[e].alive <= from || !(set & bit) || s->best[line][set ^ bit] < 0 ||
                s->best[line][set ^ bit] + s->edge[e].weight != weight)
                continue;
            const struct glint_waymo_edge *edge = &p->edges[s->edge[e].edge];
            GLINT_TRY(add_match(m, edge->row, edge->column, from, to));
            set ^= bit;
            found = true;
        }
    }
    return GLINT_OK;
}

/* The first cutoff after `from` at which a row of the component goes. */
static int32_t next_change(const struct small *s, int32_t from)
{
    int32_t to = INT32_MAX;
    for (int32_t e = 0; e < s->n_edges; e++)
        if (s->edge[e].alive > from && s->edge[e].alive < to)
            to = s->edge[e].alive;
    return to;
}

static int solve_small(struct glint_waymo_matcher *m, const struct glint_waymo_problem *p, int32_t component,
                       struct small *s)
{
    for (int32_t from = 0, to; (to = next_change(s, from)) != INT32_MAX; from = to) {
        const int32_t set = try_all(s, from);
        if (set < 0)
            GLINT_TRY(add_tied(m, component, from, to));
        else
            GLINT_TRY(walk_back(m, p, s, set, from, to));
    }
    return GLINT_OK;
}

/* ---- a component ---- */

/* Numbers rows and columns inside the component: line[row] and line[n_rows + column]. */
static void number_lines(struct glint_waymo_matcher *m, const struct glint_waymo_problem *p,
                         const int32_t *order, int32_t n, int32_t *n_rows_out, int32_t *n_columns_out)
{
    int32_t rows = 0, columns = 0, *column_line = m->line + p->n_rows;
    for (int32_t k = 0; k < n; k++)
        m->line[p->edges[order[k]].row] = column_line[p->edges[order[k]].column] = -1;
    for (int32_t k = 0; k < n; k++) {
        int32_t *row = &m->line[p->edges[order[k]].row], *column = &column_line[p->edges[order[k]].column];
        *row = *row < 0 ? rows++ : *row;
        *column = *column < 0 ? columns++ : *column;
    }
    *n_rows_out = rows;
    *n_columns_out = columns;
}

/* The component's edges by line. */
static void fill_small(const struct glint_waymo_matcher *m, const struct glint_waymo_problem *p,
                       const int32_t *order, int32_t n, bool lines_are_rows, struct small *s)
{
    s->n_edges = 0;
    for (int32_t line = 0; line < s->n_lines; line++)
        for (int32_t k = 0; k < n; k++) {
            const struct glint_waymo_edge *e = &p->edges[order[k]];
            const int32_t row = m->line[e->row], column = m->line[p->n_rows + e->column];
            if ((lines_are_rows ? row : column) == line)
                s->edge[s->n_edges++] = (struct small_edge){line, lines_are_rows ? column : row, e->weight,
                                                            p->alive[e->row], order[k]};
        }
}

static int32_t longest_alive(const struct glint_waymo_problem *p, const int32_t *order, int32_t n)
{
    int32_t most = 0;
    for (int32_t k = 0; k < n; k++)
        most = p->alive[p->edges[order[k]].row] > most ? p->alive[p->edges[order[k]].row] : most;
    return most;
}

static int solve_component(struct glint_waymo_matcher *m, const struct glint_waymo_problem *p,
                           int32_t component)
{
    const int32_t *order = m->order + m->component_start[component];
    const int32_t n = m->component_start[component + 1] - m->component_start[component];
    int32_t n_rows, n_columns;
    number_lines(m, p, order, n, &n_rows, &n_columns);
    if (n_columns == 1 && n <= CAP_LINES * CAP_SIDE) {
        struct glint_waymo_edge edges[CAP_LINES * CAP_SIDE];
        for (int32_t k = 0; k < n; k++)
            edges[k] = p->edges[order[k]];
        return solve_star(m, p, component, edges, n);
    }
    const int32_t lines = n_rows > n_columns ? n_rows : n_columns, bits = n_rows + n_columns - lines;
    if (lines > CAP_LINES || bits > CAP_SIDE)
        return add_tied(m, component, 0, longest_alive(p, order, n)); /* left to the official search */
    struct small small;
    small.n_lines = lines;
    small.n_bits = bits;
    fill_small(m, p, order, n, n_rows == lines, &small);
    return solve_small(m, p, component, &small);
}

/* ---- the official search, where it decides ---- */

static int reserve_search(struct glint_waymo_matcher *m, size_t n)
{
    if (n <= m->cap_search)
        return GLINT_OK;
    free(m->assignment);
    free(m->weight);
    free(m->scratch);
    m->cap_search = 0;
    m->assignment = malloc(n * sizeof(int32_t));
    m->weight = n > SIZE_MAX / n / sizeof(int32_t) ? NULL : malloc(n * n * sizeof(int32_t));
    m->scratch = malloc(12 * n * sizeof(int64_t));
    if (!m->assignment || !m->weight || !m->scratch)
        return out_of_memory();
    m->cap_search = n;
    return GLINT_OK;
}

/* Fills rows[] with those alive and line[row] with their place there, then searches. */
static int search(struct glint_waymo_matcher *m, const struct glint_waymo_problem *p, int32_t cutoff,
                  int32_t *n_alive_out)
{
    int32_t n_alive = 0;
    for (int32_t i = 0; i < p->n_rows; i++)
        if (p->alive[i] > cutoff) {
            m->line[i] = n_alive;
            m->rows[n_alive++] = i;
        }
    *n_alive_out = n_alive;
    if (n_alive == 0)
        return GLINT_OK;
    const size_t n = (size_t)(n_alive > p->n_columns ? n_alive : p->n_columns);
    GLINT_TRY(reserve_search(m, n));
    memset(m->weight, 0, n * n * sizeof(int32_t));
    for (int32_t e = 0; e < p->n_edges; e++)
        if (p->alive[p->edges[e].row] > cutoff)
            m->weight[(size_t)m->line[p->edges[e].row] * n + (size_t)p->edges[e].column] = p->edges[e].weight;
    glint_waymo_assign((int32_t)n, m->weight, m->assignment, m->scratch);
    m->n_searches++;
    return GLINT_OK;
}

/* The search's choice in one component, at cutoffs from..to between which no row goes. */
static int take_choice(struct glint_waymo_matcher *m, const struct glint_waymo_problem *p, int32_t component,
                       int32_t n_alive, int32_t from, int32_t to)
{
    const size_t n = (size_t)(n_alive > p->n_columns ? n_alive : p->n_columns);
    for (int32_t k = 0; k < n_alive; k++) {
        const int32_t column = m->assignment[k];
        if (m->row_component[m->rows[k]] == component && column < p->n_columns &&
            m->weight[(size_t)k * n + (size_t)column] > 0)
            GLINT_TRY(add_match(m, m->rows[k], column, from, to));
    }
    return GLINT_OK;
}

enum { NEEDED = 1, CHANGED = 2 };

static void mark_cutoffs(struct glint_waymo_matcher *m, const struct glint_waymo_problem *p)
{
    memset(m->mark, 0, (size_t)p->n_cutoffs * sizeof *m->mark);
    for (int32_t t = 0; t < m->n_tied; t++)
        for (int32_t c = m->tied[t].from; c < m->tied[t].to; c++)
            m->mark[c] |= NEEDED;
    for (int32_t i = 0; i < p->n_rows; i++)
        if (p->alive[i] < p->n_cutoffs)
            m->mark[p->alive[i]] |= CHANGED;
}

static int solve_tied(struct glint_waymo_matcher *m, const struct glint_waymo_problem *p)
{
    mark_cutoffs(m, p);
    for (int32_t from = 0, to; from < p->n_cutoffs; from = to) {
        int32_t n_alive;
        for (to = from + 1; to < p->n_cutoffs && !(m->mark[to] & CHANGED); to++)
            m->mark[from] |= m->mark[to] & NEEDED;
        if (!(m->mark[from] & NEEDED))
            continue;
        GLINT_TRY(search(m, p, from, &n_alive));
        for (int32_t t = 0; t < m->n_tied; t++)
            if (m->tied[t].from <= from && from < m->tied[t].to)
                GLINT_TRY(take_choice(m, p, m->tied[t].component, n_alive, from, to));
    }
    return GLINT_OK;
}

int glint_waymo_match(struct glint_waymo_matcher *m, const struct glint_waymo_problem *p,
                      const struct glint_waymo_match **matches_out, int32_t *n_out)
{
    m->n_matches = m->n_tied = 0;
    if (p->n_edges > 0) {
        GLINT_TRY(reserve(m, p));
        find_components(m, p);
        for (int32_t k = 0; k < m->n_components; k++)
            GLINT_TRY(m->plain ? add_tied(m, k, 0, p->n_cutoffs) : solve_component(m, p, k));
        if (m->n_tied > 0)
            GLINT_TRY(solve_tied(m, p));
    }
    *matches_out = m->matches;
    *n_out = m->n_matches;
    return GLINT_OK;
}
