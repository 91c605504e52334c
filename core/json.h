/* core/json.h - a thin, checked layer over the JSON library: every getter says file, member and what
 * was expected. Nodes belong to their document. */
#ifndef GLINT_CORE_JSON_H
#define GLINT_CORE_JSON_H
#include "core/status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct glint_json_doc; /* owns all its nodes */
struct glint_json {    /* a node with the way to it, for messages; passed by value */
    const struct glint_json_doc *doc;
    void *node;     /* NULL: absent */
    char path[120]; /* "head.nms[2].iou" */
};

/* Depth is limited to 64. `name` is the file in messages. GLINT_E_FORMAT with line and column. */
int glint_json_parse(const char *name, const char *text, size_t size, struct glint_json_doc **doc_out);
int glint_json_load(const char *path, struct glint_json_doc **doc_out);
void glint_json_close(struct glint_json_doc *doc); /* NULL is fine */
struct glint_json glint_json_root(const struct glint_json_doc *doc);

/* Member or element; absent (node NULL) where there is none: has() tells. */
struct glint_json glint_json_get(struct glint_json object, const char *key);
struct glint_json glint_json_at(struct glint_json array, size_t index);
bool glint_json_has(struct glint_json object, const char *key);
size_t glint_json_size(struct glint_json array); /* 0 for what is no array */
bool glint_json_is_object(struct glint_json value);
bool glint_json_is_array(struct glint_json value);
/* Members of an object in file order: 0 <= index < glint_json_members(); key in the document's memory. */
size_t glint_json_members(struct glint_json object);
const char *glint_json_key(struct glint_json object, size_t index);

/* Required members: GLINT_E_FORMAT when absent, of another type, or outside [lo, hi]. */
int glint_json_i32(struct glint_json object, const char *key, int32_t lo, int32_t hi, int32_t *out);
int glint_json_f64(struct glint_json object, const char *key, double lo, double hi, double *out);
int glint_json_bool(struct glint_json object, const char *key, bool *out);
int glint_json_string(struct glint_json object, const char *key, const char **out); /* document's memory */
int glint_json_text(struct glint_json value, const char **out); /* the value itself; the same */
/* An array of exactly n numbers (n < 0: any count up to cap; *n_out says how many). */
int glint_json_f64s(struct glint_json object, const char *key, int32_t n, int32_t cap, double *out,
                    int32_t *n_out);
int glint_json_numbers(struct glint_json array, int32_t n, int32_t cap, double *out, int32_t *n_out);
int glint_json_i32s(struct glint_json object, const char *key, int32_t n, int32_t cap, int32_t lo, int32_t hi,
                    int32_t *out, int32_t *n_out);
/* An array of strings, at most cap; in the document's memory. */
int glint_json_strings(struct glint_json object, const char *key, int32_t cap, const char **out,
                       int32_t *n_out);
int glint_json_strings_of(struct glint_json array, int32_t cap, const char **out, int32_t *n_out);

/* For checks of one's own: keeps "FILE: MEMBER: reason" and returns GLINT_E_FORMAT. */
int glint_json_fail(struct glint_json value, const char *fmt, ...) GLINT_PRINTF(2, 3);
#endif
