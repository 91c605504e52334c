/* eval/waymo_within.h - where in a file of Waymo results the Objects message is: all of it, or the inside of
 * a Submission. */
#ifndef GLINT_EVAL_WAYMO_WITHIN_H
#define GLINT_EVAL_WAYMO_WITHIN_H
#include "core/status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct glint_waymo_within {
    size_t from, end; /* the message's bytes */
    size_t field;     /* of a submission: where the field that holds them starts */
    bool is_submission;
};

/* name is for messages. Objects are told by their first field and not walked over. GLINT_E_FORMAT with the
 * byte. */
int glint_waymo_within(const char *name, const uint8_t *data, size_t size, struct glint_waymo_within *out);
#endif
