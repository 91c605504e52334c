/* viz/match.h - which detections belong to which labels: found, missed, false. */
#ifndef GLINT_VIZ_MATCH_H
#define GLINT_VIZ_MATCH_H
#include "viz/labels.h"

enum glint_match_state {
    GLINT_MATCH_NONE,    /* a missed label, a false detection */
    GLINT_MATCH_FOUND,   /* paired */
    GLINT_MATCH_IGNORED, /* too few points on the object; a detection paired with such a label */
};

struct glint_match_rule {
    float distance_m;   /* most distance of the centres, seen from above */
    int32_t min_points; /* labels with fewer returns are nobody's fault */
    float reach_m;      /* neither are labels beyond this in x or y */
};
#define GLINT_MATCH_RULE_DEFAULT ((struct glint_match_rule){2.0f, 5, 51.2f})

/* Greedy, in the order of boxes (score order inside a class, as models give them): each takes the nearest
 * free label of its class within reach; labels that count go before ignored ones. Writes one state per label
 * and per box. */
void glint_match(const struct glint_match_rule *rule, const struct glint_box *boxes, int32_t n_boxes,
                 const struct glint_label *labels, int32_t n_labels, uint8_t *box_state_out,
                 uint8_t *label_state_out);
#endif
