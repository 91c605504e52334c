/* eval/waymo_tracking.c - see waymo_tracking.h.
 *
 * A scene is cut into its shards once; each is followed at every cutoff, but where no score lies between two
 * cutoffs the counts of the first are those of the second. */
#include "eval/waymo_tracking.h"
#include "eval/waymo_detection.h"
#include "eval/waymo_scene.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N        GLINT_WAYMO_CUTOFFS
#define N_SHARDS (GLINT_WAYMO_N_TYPES + 3 * GLINT_WAYMO_N_TYPES)

static const enum glint_waymo_generator generators[GLINT_WAYMO_SCENE_GENERATORS] = {GLINT_WAYMO_BY_TYPE,
                                                                                    GLINT_WAYMO_BY_RANGE};

struct glint_waymo_tracking {
    const struct glint_waymo_objects *set;
    unsigned iou_kind;
    struct glint_waymo_mot_counts counts[N_SHARDS][N];
};

int glint_waymo_tracking_open(const struct glint_waymo_objects *set, unsigned iou_kind,
                              struct glint_waymo_tracking **metric_out)
{
    *metric_out = calloc(1, sizeof **metric_out);
    if (!*metric_out)
        return glint_fail(GLINT_E_NOMEM, "out of memory");
    (*metric_out)->set = set;
    (*metric_out)->iou_kind = iou_kind;
    return GLINT_OK;
}

void glint_waymo_tracking_close(struct glint_waymo_tracking *t)
{
    free(t);
}

/* ---- one shard of a scene ---- */

struct part { /* the shard's objects and pairs, in arrays as long as the scene's */
    struct glint_waymo_mot_frame *frame;
    struct glint_waymo_mot_row *row;
    struct glint_waymo_mot_column *column;
    struct glint_waymo_mot_edge *edge;
    int32_t *row_number, *column_number; /* of the scene's: place in the part's frame, -1: not in the shard */
    int32_t n_rows, n_columns, n_edges;
};

static void part_fini(struct part *p)
{
    free(p->frame);
    free(p->row);
    free(p->column);
    free(p->edge);
    free(p->row_number);
    free(p->column_number);
}

static int part_init(struct part *p, const struct glint_waymo_scene *s)
{
    const size_t rows = (size_t)s->n_rows + 1, columns = (size_t)s->n_columns + 1;
    p->frame = malloc((size_t)s->n_frames * sizeof *p->frame);
    p->row = malloc(rows * sizeof *p->row);
    p->column = malloc(columns * sizeof *p->column);
    p->edge = malloc(((size_t)s->n_edges + 1) * sizeof *p->edge);
    p->row_number = malloc(rows * sizeof *p->row_number);
    p->column_number = malloc(columns * sizeof *p->column_number);
    return p->frame && p->row && p->column && p->edge && p->row_number && p->column_number
               ? GLINT_OK
               : glint_fail(GLINT_E_NOMEM, "out of memory for the tracks of a segment");
}

static void take_frame(struct part *p, const struct glint_waymo_scene *s,
                       const struct glint_waymo_mot_frame *f, int g, int32_t shard,
                       struct glint_waymo_mot_frame *to)
{
    to->row = p->n_rows;
    to->column = p->n_columns;
    to->edge = p->n_edges;
    for (int32_t i = f->row; i < f->end_row; i++) {
        const bool in = s->row[i].shard[g] == shard;
        p->row_number[i] = in ? p->n_rows - to->row : -1;
        if (in)
            p->row[p->n_rows++] =
                (struct glint_waymo_mot_row){s->row[i].id, s->row[i].alive, s->row[i].in_zone};
    }
    for (int32_t j = f->column; j < f->end_column; j++) {
        const bool in = s->column[j].shard[g] == shard;
        p->column_number[j] = in ? p->n_columns - to->column : -1;
        if (in)
            p->column[p->n_columns++] = (struct glint_waymo_mot_column){s->column[j].id, s->column[j].level};
    }
    for (int32_t k = f->edge; k < f->end_edge; k++) {
        struct glint_waymo_mot_edge e = s->edge[k];
        e.row = p->row_number[f->row + e.row];
        e.column = p->column_number[f->column + e.column];
        if (e.row >= 0 && e.column >= 0)
            p->edge[p->n_edges++] = e;
    }
    to->end_row = p->n_rows;
    to->end_column = p->n_columns;
    to->end_edge = p->n_edges;
}

static int follow_shard(struct glint_waymo_mot *mot, struct part *p, const struct glint_waymo_scene *s, int g,
                        int32_t shard, struct glint_waymo_mot_counts counts[N])
{
    bool changes[N + 1] = {false}; /* something goes at this cutoff */
    p->n_rows = p->n_columns = p->n_edges = 0;
    for (int32_t f = 0; f < s->n_frames; f++)
        take_frame(p, s, &s->frame[f], g, shard, &p->frame[f]);
    for (int32_t i = 0; i < p->n_rows; i++)
        changes[p->row[i].alive] = true;
    const struct glint_waymo_mot_scene part = {p->frame,    p->row,       p->column,      p->edge,
                                               s->n_frames, s->n_row_ids, s->n_column_ids};
    memset(counts, 0, N * sizeof *counts);
    for (int32_t c = 0; c < N && p->n_rows + p->n_columns > 0; c++) {
        if (c > 0 && !changes[c])
            counts[c] = counts[c - 1];
        else
            GLINT_TRY(glint_waymo_mot_run(mot, &part, c, &counts[c]));
    }
    return GLINT_OK;
}

static int follow_all(const struct glint_waymo_scene *s, struct glint_buffer *out)
{
    struct glint_waymo_mot *mot;
    struct part part = {0};
    GLINT_TRY(glint_waymo_mot_open(&mot));
    int status = part_init(&part, s);
    for (int g = 0; g < GLINT_WAYMO_SCENE_GENERATORS; g++)
        for (int32_t i = 0; i < glint_waymo_breakdown(generators[g])->n_shards && status == GLINT_OK; i++) {
            struct glint_waymo_mot_counts counts[N];
            status = follow_shard(mot, &part, s, g, i, counts);
            if (status == GLINT_OK)
                glint_buffer_add(out, counts, sizeof counts);
        }
    part_fini(&part);
    glint_waymo_mot_close(mot);
    return status == GLINT_OK && out->failed ? glint_fail(GLINT_E_NOMEM, "out of memory") : status;
}

/* ---- the task ---- */

static int score(void *ctx, int32_t unit, struct glint_buffer *out)
{
    const struct glint_waymo_tracking *t = ctx;
    struct glint_waymo_scene scene = {0};
    int status = glint_waymo_scene_read(&scene, t->set, unit, t->iou_kind);
    glint_waymo_objects_release(t->set, unit);
    if (status == GLINT_OK)
        status = follow_all(&scene, out);
    glint_waymo_scene_fini(&scene);
    return status;
}

static void add_counts(struct glint_waymo_mot_counts *to, const struct glint_waymo_mot_counts *c)
{
    for (int level = 0; level < 2; level++) {
        to->objects[level] += c->objects[level];
        to->misses[level] += c->misses[level];
    }
    to->fps += c->fps;
    to->mismatches += c->mismatches;
    to->matches += c->matches;
    to->cost += c->cost;
}

static int reduce(void *ctx, int32_t unit, struct glint_blob *in)
{
    struct glint_waymo_tracking *t = ctx;
    (void)unit;
    for (int32_t i = 0; i < N_SHARDS; i++)
        for (int c = 0; c < N; c++) {
            struct glint_waymo_mot_counts counts;
            GLINT_TRY(glint_blob_read(in, &counts, sizeof counts));
            add_counts(&t->counts[i][c], &counts);
        }
    return GLINT_OK;
}

static const char *unit_name(void *ctx, int32_t unit)
{
    return glint_waymo_objects_unit(((struct glint_waymo_tracking *)ctx)->set, unit)->name;
}

static int64_t unit_frames(void *ctx, int32_t unit)
{
    const struct glint_waymo_unit *u =
        glint_waymo_objects_unit(((struct glint_waymo_tracking *)ctx)->set, unit);
    return u->end - u->first;
}

void glint_waymo_tracking_task(struct glint_waymo_tracking *t, struct glint_eval_task *task)
{
    *task = (struct glint_eval_task){
        .name = "waymo tracking",
        .n_units = glint_waymo_objects_units(t->set),
        .unit_name = unit_name,
        .unit_frames = unit_frames,
        .score = score,
        .reduce = reduce,
        .ctx = t,
    };
}

/* ---- counts to ratios ---- */

int32_t glint_waymo_tracking_rows(const struct glint_waymo_tracking *t)
{
    (void)t;
    return 2 * N_SHARDS;
}

static void consider(struct glint_waymo_tracking_row *row, const struct glint_waymo_mot_counts *c, int level,
                     float cutoff)
{
    if (c->objects[level] == 0)
        return;
    const float objects = (float)c->objects[level], miss = (float)c->misses[level] / objects;
    const float fp = (float)c->fps / objects, mismatch = (float)c->mismatches / objects;
    const float mota = (float)(1.0 - (double)(miss + fp + mismatch));
    row->n_objects = c->objects[level];
    if (!(row->mota < mota))
        return;
    row->mota = mota;
    row->motp = c->matches > 0 ? (float)(c->cost / (double)c->matches) : 0;
    row->miss = miss;
    row->mismatch = mismatch;
    row->fp = fp;
    row->cutoff = cutoff;
    row->n_misses = c->misses[level];
    row->counts = *c;
}

void glint_waymo_tracking_row(const struct glint_waymo_tracking *t, int32_t i,
                              struct glint_waymo_tracking_row *row)
{
    const int32_t shard = i / 2, level = i % 2;
    const int g = shard < GLINT_WAYMO_N_TYPES ? 0 : 1;
    char name[GLINT_WAYMO_NAME_SIZE];
    memset(row, 0, sizeof *row);
    row->cutoff = NAN;
    glint_waymo_shard_name(generators[g], g ? shard - GLINT_WAYMO_N_TYPES : shard, name);
    snprintf(row->name, sizeof row->name, "%s_LEVEL_%d", name, level + 1);
    for (int c = 0; c < N; c++)
        consider(row, &t->counts[shard][c], level, glint_waymo_cutoff(c));
}
