/* tools/tally.c - see tally.h. */
#include "tools/tally.h"
#include <stdlib.h>
#include <string.h>

int glint_tally_open(struct glint_tally *t, const struct glint_labels *labels,
                     const struct glint_match_rule *rule, const struct glint_sink_context *context)
{
    memset(t, 0, sizeof *t);
    t->label_state = malloc((size_t)glint_labels_most(labels) + 1);
    if (!t->label_state)
        return glint_fail(GLINT_E_NOMEM, "no memory for labels");
    t->labels = labels;
    t->rule = *rule;
    for (int32_t i = 0; i < context->n_classes && i < GLINT_TALLY_CLASSES; i++)
        snprintf(t->rows[t->n_rows++].name, sizeof t->rows[0].name, "%s", context->classes[i]);
    t->n_classes = t->n_rows;
    return GLINT_OK;
}

void glint_tally_close(struct glint_tally *t)
{
    free(t->label_state);
    t->label_state = NULL;
}

/* The row of a class the model does not know. NULL when the table is full. */
static struct glint_tally_row *other_row(struct glint_tally *t, const char *name)
{
    for (int32_t i = t->n_classes; i < t->n_rows; i++)
        if (strcmp(t->rows[i].name, name) == 0)
            return &t->rows[i];
    if (t->n_rows == GLINT_TALLY_CLASSES)
        return NULL;
    snprintf(t->rows[t->n_rows].name, sizeof t->rows[0].name, "%s", name);
    return &t->rows[t->n_rows++];
}

void glint_tally_add(struct glint_tally *t, const struct glint_frame *frame)
{
    int32_t n;
    const struct glint_label *label = t->labels ? glint_labels_frame(t->labels, frame->index, &n) : NULL;
    if (!label)
        return;
    const int32_t n_boxes = frame->n_boxes < GLINT_TALLY_BOXES ? frame->n_boxes : GLINT_TALLY_BOXES;
    glint_match(&t->rule, frame->boxes, n_boxes, label, n, t->box_state, t->label_state);
    t->frames++;
    for (int32_t i = 0; i < n; i++) {
        const int32_t c = label[i].box.label;
        struct glint_tally_row *row = c >= 0 && c < t->n_classes ? &t->rows[c] : other_row(t, label[i].name);
        if (!row || t->label_state[i] == GLINT_MATCH_IGNORED)
            continue;
        row->labels++;
        row->found += t->label_state[i] == GLINT_MATCH_FOUND;
    }
    for (int32_t i = 0; i < n_boxes; i++) {
        const int32_t c = frame->boxes[i].label;
        if (c < 0 || c >= t->n_classes)
            continue;
        t->rows[c].boxes++;
        t->rows[c].wrong += t->box_state[i] == GLINT_MATCH_NONE;
    }
}

static void print_row(FILE *out, const struct glint_tally_row *r)
{
    char share[16] = "-";
    if (r->labels)
        snprintf(share, sizeof share, "%.0f %%", 100.0 * (double)r->found / (double)r->labels);
    fprintf(out, "%-12s %8lld %8lld %7s %8lld %8lld\n", r->name, (long long)r->labels, (long long)r->found,
            share, (long long)r->boxes, (long long)r->wrong);
}

void glint_tally_print(const struct glint_tally *t, FILE *out)
{
    struct glint_tally_row sum = {.name = "all"};
    fprintf(out, "labelled objects in %lld frames (%d points or more, centre within %g m, inside %g m)\n",
            (long long)t->frames, t->rule.min_points, (double)t->rule.distance_m, (double)t->rule.reach_m);
    fprintf(out, "%-12s %8s %8s %7s %8s %8s\n", "class", "labels", "found", "", "boxes", "false");
    for (int32_t i = 0; i < t->n_rows; i++) {
        const struct glint_tally_row *r = &t->rows[i];
        sum.labels += r->labels;
        sum.found += r->found;
        sum.boxes += r->boxes;
        sum.wrong += r->wrong;
        if (r->labels || r->boxes)
            print_row(out, r);
    }
    print_row(out, &sum);
}
