/* model/config_text.h - writing our config.json out of a foreign configuration: what the convert_*.c share.
 *
 * The first three add "key": value and `end` (", ", "},\n" ...) to the text; values are checked where they
 * are read: GLINT_E_FORMAT with file and member. */
#ifndef GLINT_MODEL_CONFIG_TEXT_H
#define GLINT_MODEL_CONFIG_TEXT_H
#include "model/build.h"

/* [numbers] of the foreign member, n of them (-1: any, up to GLINT_CLASSES_MAX). */
int glint_copy_numbers(struct glint_text *text, const char *key, struct glint_json from, const char *member,
                       int32_t n, const char *end);
/* A number, within 1e9. */
int glint_copy_number(struct glint_text *text, const char *key, struct glint_json from, const char *member,
                      const char *end);
void glint_add_numbers(struct glint_text *text, const char *key, const double *values, int32_t n,
                       const char *end);

/* A string in quotes; what JSON strings may not hold is left out. */
void glint_add_string(struct glint_text *text, const char *string);
#endif
