/* eval/found.c - see found.h. Quadratic in boxes and objects of a frame, which are tens. */
#include "eval/found.h"
#include <math.h>
#include <string.h>

const char *const glint_found_distance_names[GLINT_FOUND_DISTANCES] = {"0-10",  "10-20", "20-30", "30-40",
                                                                       "40-50", "50-60", "60+"};
const char *const glint_found_point_names[GLINT_FOUND_POINTS] = {"0",     "1-4",   "5-9",     "10-24",
                                                                 "25-49", "50-99", "100-199", "200+"};

static int distance_bin(const struct glint_box *box)
{
    const int bin = (int)fminf(hypotf(box->center[0], box->center[1]) / 10, 1e6f);
    return bin < GLINT_FOUND_DISTANCES ? bin : GLINT_FOUND_DISTANCES - 1;
}

static int points_bin(int32_t points)
{
    static const int32_t least[GLINT_FOUND_POINTS] = {0, 1, 5, 10, 25, 50, 100, 200};
    int bin = 0;
    while (bin + 1 < GLINT_FOUND_POINTS && points >= least[bin + 1])
        bin++;
    return bin;
}

struct match {
    const struct glint_found_rule *rule;
    const struct glint_found_object *objects;
    int32_t n_objects;
    uint8_t *taken; /* per object: its state so far */
};

static bool counts(const struct glint_found_object *object)
{
    return !object->ignored && object->box.label >= 0;
}

/* The nearest free object of the box's class among those that count or those that do not; -1: none. */
static int32_t nearest(const struct match *m, const struct glint_box *box, bool counting)
{
    float best = m->rule->distance_m * m->rule->distance_m;
    int32_t at = -1;
    for (int32_t i = 0; i < m->n_objects; i++) {
        const struct glint_found_object *o = &m->objects[i];
        if (m->taken[i] || counts(o) != counting || (o->box.label >= 0 && o->box.label != box->label))
            continue;
        const float dx = o->box.center[0] - box->center[0], dy = o->box.center[1] - box->center[1];
        if (dx * dx + dy * dy <= best) {
            best = dx * dx + dy * dy;
            at = i;
        }
    }
    return at;
}

static uint8_t match_box(const struct match *m, const struct glint_box *box)
{
    const int32_t counting = nearest(m, box, true);
    const int32_t at = counting >= 0 ? counting : nearest(m, box, false);
    if (at < 0)
        return GLINT_FOUND_NOT;
    m->taken[at] = counting >= 0 ? GLINT_FOUND_YES : GLINT_FOUND_IGNORED;
    return m->taken[at];
}

/* The best box that has no state yet; -1: none is left. */
static int32_t next_box(const struct glint_box *boxes, const uint8_t *state, int32_t n)
{
    int32_t best = -1;
    for (int32_t i = 0; i < n; i++)
        if (state[i] == UINT8_MAX && (best < 0 || boxes[i].score > boxes[best].score))
            best = i;
    return best;
}

void glint_found_match(const struct glint_found_rule *rule, const struct glint_box *boxes, int32_t n_boxes,
                       const struct glint_found_object *objects, int32_t n_objects, int32_t n_classes,
                       uint8_t *box_state_out, uint8_t *object_state_out)
{
    const struct match m = {rule, objects, n_objects, object_state_out};
    memset(object_state_out, GLINT_FOUND_NOT, (size_t)n_objects);
    for (int32_t i = 0; i < n_boxes; i++) {
        const int32_t c = boxes[i].label;
        const bool plays =
            c >= 0 && c < n_classes && !(rule->least_score && boxes[i].score < rule->least_score[c]);
        box_state_out[i] = plays ? UINT8_MAX : GLINT_FOUND_IGNORED;
    }
    for (int32_t i; (i = next_box(boxes, box_state_out, n_boxes)) >= 0;)
        box_state_out[i] = match_box(&m, &boxes[i]);
    for (int32_t i = 0; i < n_objects; i++)
        if (!counts(&objects[i]))
            object_state_out[i] = GLINT_FOUND_IGNORED;
}

static void add_share(struct glint_found_share *share, bool is_found)
{
    share->all++;
    share->found += is_found;
}

void glint_found_add(struct glint_found *f, const struct glint_box *boxes, const uint8_t *box_state,
                     int32_t n_boxes, const struct glint_found_object *objects, const uint8_t *object_state,
                     int32_t n_objects)
{
    for (int32_t i = 0; i < n_objects; i++) {
        const int32_t c = objects[i].box.label;
        if (object_state[i] == GLINT_FOUND_IGNORED || c < 0 || c >= GLINT_FOUND_CLASSES)
            continue;
        struct glint_found_class *k = &f->of_class[c];
        const bool is_found = object_state[i] == GLINT_FOUND_YES;
        k->objects++;
        k->found += is_found;
        add_share(&k->by_distance[distance_bin(&objects[i].box)], is_found);
        if (objects[i].points >= 0) {
            f->has_points = true;
            add_share(&k->by_points[points_bin(objects[i].points)], is_found);
        }
    }
    for (int32_t i = 0; i < n_boxes; i++) {
        if (box_state[i] == GLINT_FOUND_IGNORED || boxes[i].label < 0 ||
            boxes[i].label >= GLINT_FOUND_CLASSES)
            continue;
        f->of_class[boxes[i].label].boxes++;
        f->of_class[boxes[i].label].right += box_state[i] == GLINT_FOUND_YES;
    }
}

static double ratio(int64_t part, int64_t all)
{
    return all > 0 ? (double)part / (double)all : (double)NAN;
}

double glint_found_recall(const struct glint_found_class *c)
{
    return ratio(c->found, c->objects);
}

double glint_found_precision(const struct glint_found_class *c)
{
    return ratio(c->right, c->boxes);
}
