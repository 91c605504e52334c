/* eval/waymo_pairs.c - see waymo_pairs.h.
 *
 * A pair costs an overlap of two polygons only where a bound from upright boxes does not exclude it; most
 * pairs of a frame fall to the first comparison. */
#include "eval/waymo_pairs.h"
#include "eval/waymo_breakdown.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MIN_OVERLAP 0.01 /* in double there, compared with float32 overlaps */
#define MARGIN      1e-6 /* a bound this much below a threshold is below it after all rounding */

void glint_waymo_pairs_fini(struct glint_waymo_pairs *p)
{
    free(p->truth.object);
    free(p->prediction.object);
    free(p->truth_shape);
    free(p->prediction_shape);
    free(p->pair);
    free(p->reach);
    *p = (struct glint_waymo_pairs){0};
}

int glint_waymo_pairs_read(struct glint_waymo_pairs *p, const struct glint_waymo_objects *set, int32_t frame)
{
    GLINT_TRY(glint_waymo_objects_read(set, frame, GLINT_WAYMO_TRUTH, &p->truth));
    return glint_waymo_objects_read(set, frame, GLINT_WAYMO_RESULTS, &p->prediction);
}

static int out_of_memory(void)
{
    return glint_fail(GLINT_E_NOMEM, "out of memory for the boxes of a frame");
}

static int make_shapes(const struct glint_waymo_list *list, struct glint_waymo_shape **shape, int32_t *cap)
{
    if (list->n > *cap) {
        free(*shape);
        *cap = 0;
        *shape = malloc(2 * (size_t)list->n * sizeof **shape);
        if (!*shape)
            return out_of_memory();
        *cap = 2 * list->n;
    }
    for (int32_t i = 0; i < list->n; i++)
        if (list->object[i].type != GLINT_WAYMO_UNKNOWN)
            glint_waymo_shape_init(&(*shape)[i], &list->object[i].box);
    return GLINT_OK;
}

static int add_pair(struct glint_waymo_pairs *p, const struct glint_waymo_pair *pair)
{
    if (p->n_pairs == p->cap_pairs) {
        const int32_t cap = p->cap_pairs ? 2 * p->cap_pairs : 256;
        void *grown = realloc(p->pair, (size_t)cap * sizeof *p->pair);
        if (!grown)
            return out_of_memory();
        p->pair = grown;
        p->cap_pairs = cap;
    }
    p->pair[p->n_pairs++] = *pair;
    return GLINT_OK;
}

/* Gathers where labelled boxes reach to, for a search that touches nothing else. */
static int sort_truth(struct glint_waymo_pairs *p)
{
    int32_t *first = p->first_of_type, place[GLINT_WAYMO_N_TYPES + 2];
    if (p->truth.n > p->cap_reach) {
        free(p->reach);
        p->cap_reach = 0;
        p->reach = malloc(2 * (size_t)p->truth.n * sizeof *p->reach);
        if (!p->reach)
            return out_of_memory();
        p->cap_reach = 2 * p->truth.n;
    }
    memset(first, 0, sizeof p->first_of_type);
    for (int32_t j = 0; j < p->truth.n; j++)
        first[p->truth.object[j].type + 1]++;
    for (int t = 0; t <= GLINT_WAYMO_N_TYPES; t++)
        first[t + 1] += first[t];
    memcpy(place, first, sizeof place);
    for (int32_t j = 0; j < p->truth.n; j++) {
        const struct glint_waymo_shape *s = &p->truth_shape[j];
        struct glint_waymo_reach *r = &p->reach[place[p->truth.object[j].type]++];
        r->truth = j;
        for (int k = 0; k < 2 && p->truth.object[j].type != GLINT_WAYMO_UNKNOWN; k++) {
            r->low[k] = s->low[k];
            r->high[k] = s->high[k];
        }
    }
    return GLINT_OK;
}

static bool near(const struct glint_waymo_shape *a, const struct glint_waymo_reach *b)
{
    return (a->low[0] <= b->high[0]) & (b->low[0] <= a->high[0]) & (a->low[1] <= b->high[1]) &
           (b->low[1] <= a->high[1]);
}

static int consider(struct glint_waymo_pairs *p, int32_t prediction, int32_t truth, unsigned kind,
                    double least)
{
    const struct glint_waymo_shape *a = &p->prediction_shape[prediction], *b = &p->truth_shape[truth];
    if (glint_waymo_iou_bound(a, b, kind) < least - MARGIN)
        return GLINT_OK;
    const float iou = (float)glint_waymo_iou(a, b, kind);
    p->n_overlaps++;
    if ((double)iou < least)
        return GLINT_OK;
    const bool can_match = iou >= glint_waymo_threshold(p->prediction.object[prediction].type);
    const struct glint_waymo_pair pair = {prediction, truth, iou,
                                          can_match ? (int32_t)roundf(iou * 1000000.0f) : 0};
    return add_pair(p, &pair);
}

int glint_waymo_pairs_find(struct glint_waymo_pairs *p, unsigned kind, bool overlapping)
{
    p->n_pairs = 0;
    GLINT_TRY(make_shapes(&p->truth, &p->truth_shape, &p->cap_truth));
    GLINT_TRY(make_shapes(&p->prediction, &p->prediction_shape, &p->cap_prediction));
    GLINT_TRY(sort_truth(p));
    for (int32_t i = 0; i < p->prediction.n; i++) {
        const uint8_t type = p->prediction.object[i].type;
        const double least = overlapping ? MIN_OVERLAP : (double)glint_waymo_threshold(type);
        const int32_t end = type == GLINT_WAYMO_UNKNOWN ? 0 : p->first_of_type[type + 1];
        for (int32_t k = p->first_of_type[type]; k < end; k++)
            if (near(&p->prediction_shape[i], &p->reach[k]))
                GLINT_TRY(consider(p, i, p->reach[k].truth, kind, least));
    }
    return GLINT_OK;
}
