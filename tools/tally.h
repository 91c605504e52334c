/* tools/tally.h - how many labelled objects were found, over all frames, per class. */
#ifndef GLINT_TOOLS_TALLY_H
#define GLINT_TOOLS_TALLY_H
#include "io/sink.h"
#include "viz/match.h"
#include <stdio.h>

#define GLINT_TALLY_CLASSES 32
#define GLINT_TALLY_BOXES   4096

struct glint_tally_row {
    char name[24];
    int64_t labels, found, boxes, wrong;
};

struct glint_tally {
    const struct glint_labels *labels;
    struct glint_match_rule rule;
    struct glint_tally_row rows[GLINT_TALLY_CLASSES]; /* the model's classes, then names it does not know */
    int32_t n_rows, n_classes;
    int64_t frames; /* with labels */
    uint8_t box_state[GLINT_TALLY_BOXES];
    uint8_t *label_state;
};

/* labels stay the caller's. GLINT_E_NOMEM. */
int glint_tally_open(struct glint_tally *t, const struct glint_labels *labels,
                     const struct glint_match_rule *rule, const struct glint_sink_context *context);
void glint_tally_close(struct glint_tally *t); /* all zero is fine */

/* Counts a frame, if the labels mention it. Allocates nothing. */
void glint_tally_add(struct glint_tally *t, const struct glint_frame *frame);

/* A table with a line per class that has labels or boxes, and their sum. */
void glint_tally_print(const struct glint_tally *t, FILE *out);
#endif
