/* eval/waymo_scene.c - see waymo_scene.h. */
#include "eval/waymo_scene.h"
#include "eval/waymo_detection.h"
#include "eval/waymo_pairs.h"
#include <stdlib.h>
#include <string.h>

static int out_of_memory(void)
{
    return glint_fail(GLINT_E_NOMEM, "out of memory for the tracks of a segment");
}

/* ---- ids ---- */

struct ids { /* open hash table of strings that lie elsewhere */
    struct id {
        const char *text; /* NULL: free */
        size_t size;
        int32_t number;
    } * slot;
    int32_t n, n_slots; /* a power of two */
};

static uint64_t hash(const char *text, size_t size)
{
    uint64_t h = UINT64_C(14695981039346656037); /* FNV-1a */
    for (size_t i = 0; i < size; i++)
        h = (h ^ (uint8_t)text[i]) * UINT64_C(1099511628211);
    return h ^ h >> 29;
}

static struct id *slot_of(const struct ids *ids, const char *text, size_t size)
{
    uint64_t at = hash(text, size);
    for (;; at++) {
        struct id *id = &ids->slot[at & (uint64_t)(ids->n_slots - 1)];
        if (!id->text || (id->size == size && memcmp(id->text, text, size) == 0))
            return id;
    }
}

static int grow_ids(struct ids *ids)
{
    const struct ids before = *ids;
    if (ids->n < ids->n_slots / 2)
        return GLINT_OK;
    ids->n_slots = ids->n_slots ? 2 * ids->n_slots : 256;
    ids->slot = calloc((size_t)ids->n_slots, sizeof *ids->slot);
    if (!ids->slot) {
        *ids = before;
        return out_of_memory();
    }
    for (int32_t i = 0; i < before.n_slots; i++)
        if (before.slot[i].text)
            *slot_of(ids, before.slot[i].text, before.slot[i].size) = before.slot[i];
    free(before.slot);
    return GLINT_OK;
}

static int number_of(struct ids *ids, const struct glint_waymo_object *o, int32_t *number_out)
{
    GLINT_TRY(grow_ids(ids));
    struct id *id = slot_of(ids, o->id, o->id_size);
    if (!id->text)
        *id = (struct id){o->id, o->id_size, ids->n++};
    *number_out = id->number;
    return GLINT_OK;
}

/* ---- frames ---- */

/* Room for `more` elements behind n. */
static int reserve(void *array, int32_t *cap, int32_t n, int32_t more, size_t size)
{
    if (more <= *cap - n)
        return GLINT_OK;
    const size_t wanted = 2 * ((size_t)n + (size_t)more);
    void *grown = wanted > INT32_MAX ? NULL : realloc(*(void **)array, wanted * size);
    if (!grown)
        return out_of_memory();
    *(void **)array = grown;
    *cap = (int32_t)wanted;
    return GLINT_OK;
}

static int add_side(const struct glint_waymo_list *list, struct ids *ids, struct glint_waymo_scene_object *to)
{
    for (int32_t i = 0; i < list->n; i++) {
        const struct glint_waymo_object *o = &list->object[i];
        to[i] = (struct glint_waymo_scene_object){
            .alive = glint_waymo_alive(o->score),
            .level = o->tracking_level,
            .in_zone = o->in_zone,
            .shard = {(int8_t)glint_waymo_shard(GLINT_WAYMO_BY_TYPE, o),
                      (int8_t)glint_waymo_shard(GLINT_WAYMO_BY_RANGE, o)},
        };
        GLINT_TRY(number_of(ids, o, &to[i].id));
    }
    return GLINT_OK;
}

struct reader {
    const struct glint_waymo_objects *set;
    struct glint_waymo_pairs pairs;
    struct ids row_ids, column_ids;
    int32_t *seen; /* by column id and type: the last frame it was in; grows with the ids */
    int32_t cap_seen;
};

static int check_unique(struct reader *r, const struct glint_waymo_scene_object *column, int32_t frame)
{
    const int32_t needed = GLINT_WAYMO_N_TYPES * r->column_ids.n, before = r->cap_seen;
    GLINT_TRY(reserve(&r->seen, &r->cap_seen, 0, needed, sizeof *r->seen));
    for (int32_t i = before; i < r->cap_seen; i++)
        r->seen[i] = -1;
    for (int32_t j = 0; j < r->pairs.truth.n; j++) {
        if (column[j].shard[0] < 0)
            continue;
        int32_t *seen = &r->seen[GLINT_WAYMO_N_TYPES * column[j].id + column[j].shard[0]];
        if (*seen == frame)
            return glint_waymo_objects_fail(r->set, &r->pairs.truth.object[j],
                                            "a second labelled object of this type, frame and id");
        *seen = frame;
    }
    return GLINT_OK;
}

static int add_frame(struct glint_waymo_scene *s, struct reader *r, int32_t number, unsigned iou_kind)
{
    const int32_t frame = s->n_frames;
    GLINT_TRY(glint_waymo_pairs_read(&r->pairs, r->set, number));
    GLINT_TRY(glint_waymo_pairs_find(&r->pairs, iou_kind, false));
    const int32_t n_rows = r->pairs.prediction.n, n_columns = r->pairs.truth.n, n_edges = r->pairs.n_pairs;
    GLINT_TRY(reserve(&s->row, &s->cap_rows, s->n_rows, n_rows, sizeof *s->row));
    GLINT_TRY(reserve(&s->column, &s->cap_columns, s->n_columns, n_columns, sizeof *s->column));
    GLINT_TRY(reserve(&s->edge, &s->cap_edges, s->n_edges, n_edges, sizeof *s->edge));
    if (n_rows > 0)
        GLINT_TRY(add_side(&r->pairs.prediction, &r->row_ids, s->row + s->n_rows));
    if (n_columns > 0) {
        GLINT_TRY(add_side(&r->pairs.truth, &r->column_ids, s->column + s->n_columns));
        GLINT_TRY(check_unique(r, s->column + s->n_columns, frame));
    }
    for (int32_t k = 0; k < n_edges; k++) {
        const struct glint_waymo_pair *p = &r->pairs.pair[k];
        s->edge[s->n_edges + k] = (struct glint_waymo_mot_edge){p->prediction, p->truth, p->weight, p->iou};
    }
    s->frame[s->n_frames++] = (struct glint_waymo_mot_frame){s->n_rows,    s->n_rows + n_rows,
                                                             s->n_columns, s->n_columns + n_columns,
                                                             s->n_edges,   s->n_edges + n_edges};
    s->n_rows += n_rows;
    s->n_columns += n_columns;
    s->n_edges += n_edges;
    return GLINT_OK;
}

int glint_waymo_scene_read(struct glint_waymo_scene *s, const struct glint_waymo_objects *set, int32_t unit,
                           unsigned iou_kind)
{
    const struct glint_waymo_unit *u = glint_waymo_objects_unit(set, unit);
    struct reader r = {.set = set};
    s->frame = malloc((size_t)(u->end - u->first) * sizeof *s->frame);
    int status = s->frame ? GLINT_OK : out_of_memory();
    for (int32_t f = u->first; f < u->end && status == GLINT_OK; f++)
        status = add_frame(s, &r, f, iou_kind);
    s->n_row_ids = r.row_ids.n;
    s->n_column_ids = r.column_ids.n;
    glint_waymo_pairs_fini(&r.pairs);
    free(r.row_ids.slot);
    free(r.column_ids.slot);
    free(r.seen);
    return status;
}

void glint_waymo_scene_fini(struct glint_waymo_scene *s)
{
    free(s->frame);
    free(s->row);
    free(s->column);
    free(s->edge);
    memset(s, 0, sizeof *s);
}
