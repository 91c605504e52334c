/* eval/parts.h - finished units of an evaluation kept in a folder, so that an interrupted run can be
 * continued.
 *
 * A unit is unit_000012.part: a header with the evaluation's identity, the bytes, their CRC; written beside
 * and renamed, so that it is whole or not there. unit_000012.running says who is doing a unit. */
#ifndef GLINT_EVAL_PARTS_H
#define GLINT_EVAL_PARTS_H
#include "io/output.h"

struct glint_parts { /* start with all zero */
    char folder[900];
    uint64_t identity;
};
/* Makes the folder; without resume, parts of former runs in it are removed. GLINT_E_IO, GLINT_E_ARG (too
 * long). */
int glint_parts_open(struct glint_parts *p, const char *folder, uint64_t identity, bool resume);

/* Whether a unit is there, and its bytes, appended to out: GLINT_OK, GLINT_E_NOTFOUND, GLINT_E_FORMAT
 * (damaged: the unit has to be done again), GLINT_E_ARG (of another identity). Not with an empty folder name.
 */
int glint_parts_read(const struct glint_parts *p, int32_t unit, struct glint_buffer *out);
int glint_parts_write(const struct glint_parts *p, int32_t unit, const struct glint_buffer *bytes);

/* Marks who does a unit; the mark goes with write(). who_out of a mark that was left: false where there is
 * none. */
int glint_parts_mark(const struct glint_parts *p, int32_t unit, const char *who);
bool glint_parts_marked(const struct glint_parts *p, int32_t unit, char *who_out, size_t size);

/* Removes all parts and the folder, if nothing else is in it. */
void glint_parts_remove(const struct glint_parts *p);
#endif
