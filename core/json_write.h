/* core/json_write.h - writing JSON: results of evaluations, submissions.
 *
 *     struct glint_json_writer w;
 *     GLINT_TRY(glint_json_writer_create(&w, "out.json", 1));
 *     glint_json_put_object(&w, NULL);
 *     glint_json_put_f64(&w, "mean_ap", 0.413);    // 17 digits where they are needed, null for NaN
 *     glint_json_put_array(&w, "classes");
 *     glint_json_put_text(&w, NULL, "car");        // elements have no key
 *     glint_json_put_end(&w);
 *     glint_json_put_end(&w);
 *     return glint_json_writer_finish(&w);         // the first failure of all that was put
 *
 * Doubles are the shortest text that reads back to the same double (core/decimal.h). Order of calls is the
 * order in the file. Files appear whole or not at all. */
#ifndef GLINT_CORE_JSON_WRITE_H
#define GLINT_CORE_JSON_WRITE_H
#include "core/file.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GLINT_JSON_WRITE_DEPTH 31 /* brackets within brackets; deeper is an error of ours */

struct glint_json_writer {
    char *text; /* what is not in the file yet; without a file: all, not terminated */
    size_t size, cap;
    bool failed; /* memory ran out */

    /* private */
    struct glint_file_out file; /* stream NULL: none */
    int indent, depth;
    uint32_t filled, object; /* bit d: something is in the brackets of depth d; they are braces */
};

/* To memory. indent: spaces per depth; 0: all on one line. */
void glint_json_writer_init(struct glint_json_writer *w, int indent);
/* To a file (glint_file_create). On failure there is nothing to finish. */
int glint_json_writer_create(struct glint_json_writer *w, const char *path, int indent);

/* Ends the text with a newline and gives the file its name. GLINT_E_NOMEM, GLINT_E_IO. With a file the writer
 * is gone after it; without, text stays until fini. */
int glint_json_writer_finish(struct glint_json_writer *w);
void glint_json_writer_fini(struct glint_json_writer *w); /* gives up what is not finished */

/* key: the member's name in an object, NULL in an array and for the document itself. */
void glint_json_put_object(struct glint_json_writer *w, const char *key);
void glint_json_put_array(struct glint_json_writer *w, const char *key);
void glint_json_put_end(struct glint_json_writer *w); /* of the innermost of both */
void glint_json_put_f64(struct glint_json_writer *w, const char *key, double value); /* not finite: null */
void glint_json_put_i64(struct glint_json_writer *w, const char *key, int64_t value);
void glint_json_put_bool(struct glint_json_writer *w, const char *key, bool value);
void glint_json_put_text(struct glint_json_writer *w, const char *key, const char *text); /* UTF-8 */
void glint_json_put_null(struct glint_json_writer *w, const char *key);
/* The same as bare tokens that Python reads and writes (NaN, Infinity): for submissions alone. */
void glint_json_put_f64_python(struct glint_json_writer *w, const char *key, double value);
/* Arrays of numbers on one line. */
void glint_json_put_f64s(struct glint_json_writer *w, const char *key, const double *values, size_t n);
void glint_json_put_i64s(struct glint_json_writer *w, const char *key, const int64_t *values, size_t n);
#endif
