/* eval/waymo_mot.c - see waymo_mot.h.
 *
 * The memory is a pairing of ids, kept both ways. In each frame pairs that are still possible are kept first,
 * the rest is matched anew, then the memory takes the new pairs over. Pairs whose objects are not seen stay.
 */
#include "eval/waymo_mot.h"
#include <stdlib.h>
#include <string.h>

struct pair {
    int32_t row_id, column_id;
};

struct glint_waymo_mot {
    struct glint_waymo_matcher *matcher;
    void *memory;
    size_t memory_size;
    int32_t *row_id_of, *column_id_of; /* the memory: by column id, by row id; -1: none */
    int32_t *row_here;                 /* by row id: the frame's row, when row_seen says this frame */
    int32_t *row_seen, *column_seen;   /* by id: last frame it was in */
    int32_t *column_paired;            /* by column id: last frame it was paired in */
    int32_t *row_use,
        *column_use; /* by row, column of the frame: FREE, its number among the rest, or TAKEN */
    int32_t *alive;  /* of the rest: all 1 */
    int32_t *rest_row, *rest_column; /* the rest's numbers to the frame's */
    struct pair *pairs;
    struct glint_waymo_edge *edges;
    const struct glint_waymo_mot_edge **edge_of; /* by row: its first edge */
    int32_t n_pairs;
};

enum { FREE = -1, TAKEN = -2, ABSENT = -3 };

int glint_waymo_mot_open(struct glint_waymo_mot **mot_out)
{
    struct glint_waymo_mot *m = calloc(1, sizeof *m);
    *mot_out = NULL;
    if (!m)
        return glint_fail(GLINT_E_NOMEM, "out of memory");
    const int status = glint_waymo_matcher_open(&m->matcher);
    if (status < 0)
        free(m);
    else
        *mot_out = m;
    return status;
}

void glint_waymo_mot_close(struct glint_waymo_mot *m)
{
    if (!m)
        return;
    glint_waymo_matcher_close(m->matcher);
    free(m->memory);
    free(m);
}

/* ---- memory ---- */

struct sizes {
    size_t rows, columns, edges; /* of the largest frame */
};

static struct sizes sizes_of(const struct glint_waymo_mot_scene *s)
{
    struct sizes most = {0, 0, 0};
    for (int32_t i = 0; i < s->n_frames; i++) {
        const struct glint_waymo_mot_frame *f = &s->frame[i];
        const struct sizes size = {(size_t)(f->end_row - f->row), (size_t)(f->end_column - f->column),
                                   (size_t)(f->end_edge - f->edge)};
        most.rows = size.rows > most.rows ? size.rows : most.rows;
        most.columns = size.columns > most.columns ? size.columns : most.columns;
        most.edges = size.edges > most.edges ? size.edges : most.edges;
    }
    return most;
}

static void *carve(uint8_t **at, size_t n, size_t size)
{
    void *block = *at;
    *at += (n * size + 15) / 16 * 16;
    return block;
}

static int reserve(struct glint_waymo_mot *m, const struct glint_waymo_mot_scene *s)
{
    const struct sizes z = sizes_of(s);
    const size_t row_ids = (size_t)s->n_row_ids, column_ids = (size_t)s->n_column_ids;
    const size_t size = 16 * 16 + 12 * (row_ids + column_ids) + z.rows * (16 + sizeof m->edge_of[0]) +
                        z.columns * (8 + sizeof m->pairs[0]) + z.edges * sizeof m->edges[0];
    if (size > m->memory_size) {
        free(m->memory);
        m->memory_size = 0;
        m->memory = malloc(2 * size);
        if (!m->memory)
            return glint_fail(GLINT_E_NOMEM, "out of memory for the tracks of a segment");
        m->memory_size = 2 * size;
    }
    uint8_t *at = m->memory;
    m->row_id_of = carve(&at, column_ids, 4);
    m->column_seen = carve(&at, column_ids, 4);
    m->column_paired = carve(&at, column_ids, 4);
    m->column_id_of = carve(&at, row_ids, 4);
    m->row_here = carve(&at, row_ids, 4);
    m->row_seen = carve(&at, row_ids, 4);
    m->row_use = carve(&at, z.rows, 4);
    m->alive = carve(&at, z.rows, 4);
    m->rest_row = carve(&at, z.rows, 4);
    m->column_use = carve(&at, z.columns, 4);
    m->rest_column = carve(&at, z.columns, 4);
    m->pairs = carve(&at, z.columns, sizeof m->pairs[0]);
    m->edges = carve(&at, z.edges, sizeof m->edges[0]);
    m->edge_of = carve(&at, z.rows, sizeof m->edge_of[0]);
    memset(m->row_id_of, -1, 4 * column_ids);
    memset(m->column_seen, -1, 4 * column_ids);
    memset(m->column_paired, -1, 4 * column_ids);
    memset(m->column_id_of, -1, 4 * row_ids);
    memset(m->row_seen, -1, 4 * row_ids);
    return GLINT_OK;
}

/* ---- one frame ---- */

struct view { /* a frame of the scene */
    const struct glint_waymo_mot_row *row;
    const struct glint_waymo_mot_column *column;
    const struct glint_waymo_mot_edge *edge;
    int32_t n_rows, n_columns, n_edges, number, cutoff;
};

static void see(struct glint_waymo_mot *m, const struct view *v)
{
    for (int32_t i = 0; i < v->n_rows; i++) {
        const int32_t id = v->row[i].id;
        m->row_use[i] = ABSENT;
        m->edge_of[i] = NULL;
        if (v->row[i].alive <= v->cutoff || m->row_seen[id] == v->number)
            continue;
        m->row_use[i] = FREE;
        m->row_seen[id] = v->number;
        m->row_here[id] = i;
    }
    for (int32_t j = 0; j < v->n_columns; j++) {
        m->column_use[j] = FREE;
        m->column_seen[v->column[j].id] = v->number;
    }
    for (int32_t k = v->n_edges - 1; k >= 0; k--)
        m->edge_of[v->edge[k].row] = &v->edge[k];
}

static const struct glint_waymo_mot_edge *find_edge(const struct glint_waymo_mot *m, const struct view *v,
                                                    int32_t row, int32_t column)
{
    const struct glint_waymo_mot_edge *e = m->edge_of[row], *end = v->edge + v->n_edges;
    while (e && e < end && e->row == row && e->column < column)
        e++;
    return e && e < end && e->row == row && e->column == column ? e : NULL;
}

static void pair_up(struct glint_waymo_mot *m, const struct view *v, int32_t row, int32_t column,
                    struct glint_waymo_mot_counts *c)
{
    m->row_use[row] = m->column_use[column] = TAKEN;
    m->column_paired[v->column[column].id] = v->number;
    m->pairs[m->n_pairs++] = (struct pair){v->row[row].id, v->column[column].id};
    c->cost = c->cost + 1.0 - (double)find_edge(m, v, row, column)->iou;
}

/* Pairs of the memory that are both here and can match. */
static void keep(struct glint_waymo_mot *m, const struct view *v, struct glint_waymo_mot_counts *c)
{
    for (int32_t j = 0; j < v->n_columns; j++) {
        const int32_t id = m->row_id_of[v->column[j].id];
        if (id >= 0 && m->row_seen[id] == v->number && find_edge(m, v, m->row_here[id], j))
            pair_up(m, v, m->row_here[id], j, c);
    }
}

static int match_rest(struct glint_waymo_mot *m, const struct view *v, struct glint_waymo_mot_counts *c)
{
    struct glint_waymo_problem p = {.n_cutoffs = 1, .alive = m->alive, .edges = m->edges};
    const struct glint_waymo_match *match;
    int32_t n;
    for (int32_t i = 0; i < v->n_rows; i++)
        if (m->row_use[i] == FREE) {
            m->alive[p.n_rows] = 1;
            m->rest_row[p.n_rows] = i;
            m->row_use[i] = p.n_rows++;
        }
    for (int32_t j = 0; j < v->n_columns; j++)
        if (m->column_use[j] == FREE) {
            m->rest_column[p.n_columns] = j;
            m->column_use[j] = p.n_columns++;
        }
    for (int32_t k = 0; k < v->n_edges; k++) {
        const int32_t row = m->row_use[v->edge[k].row], column = m->column_use[v->edge[k].column];
        if (row >= 0 && column >= 0)
            m->edges[p.n_edges++] = (struct glint_waymo_edge){row, column, v->edge[k].weight};
    }
    GLINT_TRY(glint_waymo_match(m->matcher, &p, &match, &n));
    for (int32_t k = 0; k < n; k++)
        pair_up(m, v, m->rest_row[match[k].row], m->rest_column[match[k].column], c);
    return GLINT_OK;
}

static void count(const struct glint_waymo_mot *m, const struct view *v, struct glint_waymo_mot_counts *c)
{
    c->matches += m->n_pairs;
    for (int32_t i = 0; i < v->n_rows; i++)
        c->fps += m->row_use[i] >= 0 && !v->row[i].in_zone;
    for (int level = 1; level <= 2; level++)
        for (int32_t j = 0; j < v->n_columns; j++) {
            const bool missed = m->column_use[j] != TAKEN, above = v->column[j].level > level;
            c->misses[level - 1] += missed && !above;
            c->objects[level - 1] += !(missed && above);
        }
    for (int32_t k = 0; k < m->n_pairs; k++) {
        const int32_t row_id = m->pairs[k].row_id, before = m->row_id_of[m->pairs[k].column_id];
        const int32_t other = m->column_id_of[row_id];
        c->mismatches += before >= 0 && before != row_id;
        c->mismatches += other >= 0 && m->column_seen[other] != v->number;
    }
}

/* A labelled object that lost its prediction to another one and has none now is forgotten. */
static void remember(struct glint_waymo_mot *m, const struct view *v)
{
    for (int32_t k = 0; k < m->n_pairs; k++) {
        const int32_t other = m->column_id_of[m->pairs[k].row_id];
        if (other >= 0 && m->column_paired[other] != v->number)
            m->row_id_of[other] = -1;
    }
    for (int32_t k = 0; k < m->n_pairs; k++) {
        const int32_t before = m->row_id_of[m->pairs[k].column_id];
        if (before >= 0)
            m->column_id_of[before] = -1;
    }
    for (int32_t k = 0; k < m->n_pairs; k++) {
        m->row_id_of[m->pairs[k].column_id] = m->pairs[k].row_id;
        m->column_id_of[m->pairs[k].row_id] = m->pairs[k].column_id;
    }
}

int glint_waymo_mot_run(struct glint_waymo_mot *m, const struct glint_waymo_mot_scene *s, int32_t cutoff,
                        struct glint_waymo_mot_counts *counts_out)
{
    struct glint_waymo_mot_counts c = {0};
    GLINT_TRY(reserve(m, s));
    for (int32_t i = 0; i < s->n_frames; i++) {
        const struct glint_waymo_mot_frame *f = &s->frame[i];
        const struct view v = {s->row + f->row,
                               s->column + f->column,
                               s->edge + f->edge,
                               f->end_row - f->row,
                               f->end_column - f->column,
                               f->end_edge - f->edge,
                               i,
                               cutoff};
        m->n_pairs = 0;
        see(m, &v);
        keep(m, &v, &c);
        GLINT_TRY(match_rest(m, &v, &c));
        count(m, &v, &c);
        remember(m, &v);
    }
    *counts_out = c;
    return GLINT_OK;
}
