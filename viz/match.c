/* viz/match.c - see match.h. Quadratic in boxes times labels, which are tens. */
#include "viz/match.h"
#include <math.h>
#include <string.h>

static bool counts(const struct glint_match_rule *rule, const struct glint_label *label)
{
    return (label->points < 0 || label->points >= rule->min_points) &&
           fabsf(label->box.center[0]) <= rule->reach_m && fabsf(label->box.center[1]) <= rule->reach_m;
}

/* The nearest free label of the box's class among those that count or those that do not; -1: none within
 * reach. */
static int32_t nearest(const struct glint_match_rule *rule, const struct glint_box *box,
                       const struct glint_label *labels, int32_t n, const uint8_t *taken, bool counting)
{
    float best = rule->distance_m * rule->distance_m;
    int32_t found = -1;
    for (int32_t i = 0; i < n; i++) {
        if (taken[i] || labels[i].box.label != box->label || counts(rule, &labels[i]) != counting)
            continue;
        const float dx = labels[i].box.center[0] - box->center[0],
                    dy = labels[i].box.center[1] - box->center[1];
        if (dx * dx + dy * dy <= best) {
            best = dx * dx + dy * dy;
            found = i;
        }
    }
    return found;
}

void glint_match(const struct glint_match_rule *rule, const struct glint_box *boxes, int32_t n_boxes,
                 const struct glint_label *labels, int32_t n_labels, uint8_t *box_state_out,
                 uint8_t *label_state_out)
{
    memset(label_state_out, GLINT_MATCH_NONE, (size_t)n_labels);
    for (int32_t b = 0; b < n_boxes; b++) {
        int32_t l = nearest(rule, &boxes[b], labels, n_labels, label_state_out, true);
        box_state_out[b] = l >= 0 ? GLINT_MATCH_FOUND : GLINT_MATCH_NONE;
        if (l < 0) {
            l = nearest(rule, &boxes[b], labels, n_labels, label_state_out, false);
            box_state_out[b] = l >= 0 ? GLINT_MATCH_IGNORED : GLINT_MATCH_NONE;
        }
        if (l >= 0)
            label_state_out[l] = box_state_out[b];
    }
    for (int32_t l = 0; l < n_labels; l++)
        if (label_state_out[l] == GLINT_MATCH_NONE && !counts(rule, &labels[l]))
            label_state_out[l] = GLINT_MATCH_IGNORED;
}
