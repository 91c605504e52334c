/* eval/waymo_within.c - see waymo_within.h. Objects has messages in its fields 1 and 2; a Submission has a
 * number, the task, in field 1, which is written first. */
#include "eval/waymo_within.h"
#include "eval/wire.h"

#define RESULTS_FIELD 11 /* of Submission */

static int find_results(struct glint_wire *w, struct glint_waymo_within *out)
{
    struct glint_wire_field f;
    int status, n_results = 0;
    while ((status = glint_wire_next(w, &f)) == GLINT_OK) {
        out->is_submission |= f.number > 2 || f.type != GLINT_WIRE_BYTES;
        if (f.number != RESULTS_FIELD || f.type != GLINT_WIRE_BYTES)
            continue;
        out->field = (size_t)(f.at - w->base);
        out->from = (size_t)(f.data - w->base);
        out->end = out->from + f.size;
        n_results++;
    }
    if (status != GLINT_E_EOF)
        return status;
    if (n_results > 1)
        return glint_wire_fail(w, w->base, "a submission in several pieces: give each as a file of its own");
    if (out->is_submission && n_results == 0)
        out->field = out->from = out->end;
    return GLINT_OK;
}

int glint_waymo_within(const char *name, const uint8_t *data, size_t size, struct glint_waymo_within *out)
{
    struct glint_wire w = glint_wire_of(name, data, size);
    struct glint_wire_field first;
    *out = (struct glint_waymo_within){.end = size};
    if (size == 0)
        return GLINT_OK;
    GLINT_TRY(glint_wire_next(&w, &first));
    if (first.number == 1 && first.type == GLINT_WIRE_BYTES)
        return GLINT_OK;
    w.at = data;
    return find_results(&w, out);
}
