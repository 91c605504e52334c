/* core/json_stream.h - reading JSON from memory piece by piece, without a tree.
 *
 * core/json.h (a tree of jansson's nodes) is for configurations. A dataset's tables (nuScenes' sample_data is
 * 1.2 GB) and submissions (up to 1 GB) would need some ten times their size as a tree; here nothing is kept
 * but what the caller takes, numbers are exact doubles, and the mapped file is read once:
 *
 *     struct glint_json_stream s;
 *     glint_json_stream_init(&s, path, file.data, file.size, 0);
 *     GLINT_TRY(glint_json_stream_array(&s));
 *     int status;
 *     while ((status = glint_json_stream_item(&s)) == GLINT_OK) {      // GLINT_E_EOF: "]"
 *         struct glint_json_text key;
 *         GLINT_TRY(glint_json_stream_object(&s));
 *         while ((status = glint_json_stream_key(&s, &key)) == GLINT_OK)
 *             if (glint_json_text_is(key, "timestamp"))
 *                 GLINT_TRY(glint_json_stream_i64(&s, &timestamp));
 *             else
 *                 GLINT_TRY(glint_json_stream_skip(&s));
 *         if (status != GLINT_E_EOF)
 *             return status;
 *     }
 *     if (status != GLINT_E_EOF)
 *         return status;
 *     return glint_json_stream_finish(&s);
 *
 * The grammar is RFC 8259's, strictly: also what is skipped is checked (strings are valid UTF-8 without
 * control characters, numbers have no leading zero). Duplicate keys are the caller's business. Functions
 * return GLINT_OK, GLINT_E_EOF where said, or GLINT_E_FORMAT with "FILE:LINE:COLUMN: ..." (columns count
 * bytes); after a failure the stream is not used any more. */
#ifndef GLINT_CORE_JSON_STREAM_H
#define GLINT_CORE_JSON_STREAM_H
#include "core/status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define GLINT_JSON_STREAM_DEPTH 63   /* brackets within brackets */
#define GLINT_JSON_STREAM_TEXT  4096 /* most bytes of a string with escapes that can be taken */

enum glint_json_stream_flags {
    GLINT_JSON_NAN = 1 /* NaN, Infinity and -Infinity are numbers, as Python writes and reads them */
};

struct glint_json_text { /* not terminated; in the file's memory, or the stream's until its next call */
    const char *text;
    size_t size;
};

struct glint_json_stream { /* nothing to free */
    const char *name;
    const uint8_t *begin, *at, *end;
    const uint8_t *token; /* where the last key or value began: failures point there */
    unsigned flags;
    int32_t depth;
    uint64_t fresh;  /* bit d: nothing has been read in the brackets of depth d yet */
    uint64_t object; /* bit d: they are braces */
    char scratch[GLINT_JSON_STREAM_TEXT];
};

/* name (the file, for messages) and data outlive the stream. */
void glint_json_stream_init(struct glint_json_stream *s, const char *name, const void *data, size_t size,
                            unsigned flags);

/* The first byte of the next value ('{' '[' '"' 't' 'f' 'n' 'N' 'I' '-' or a digit when it is right), 0 at
 * the end. After key() or item(), or before the first value. */
char glint_json_stream_peek(struct glint_json_stream *s);

int glint_json_stream_object(struct glint_json_stream *s); /* "{" */
int glint_json_stream_array(struct glint_json_stream *s);  /* "[" */

/* Next member of the innermost object: its key, with the value to be read next; or GLINT_E_EOF: "}" was read.
 */
int glint_json_stream_key(struct glint_json_stream *s, struct glint_json_text *key_out);
/* Next element of the innermost array, to be read next; or GLINT_E_EOF: "]" was read. */
int glint_json_stream_item(struct glint_json_stream *s);

/* A value of that type. i64: no fraction, no exponent. f64: too large for a double is an error. text:
 * escapes are resolved. */
int glint_json_stream_f64(struct glint_json_stream *s, double *out);
int glint_json_stream_i64(struct glint_json_stream *s, int64_t *out);
int glint_json_stream_bool(struct glint_json_stream *s, bool *out);
int glint_json_stream_text(struct glint_json_stream *s, struct glint_json_text *out);
/* A value of any type, with all that is inside. */
int glint_json_stream_skip(struct glint_json_stream *s);

/* An array of exactly n numbers; *n_out, when not NULL, is how many there are (any count is then no error;
 * those beyond n are read and dropped). */
int glint_json_stream_f64s(struct glint_json_stream *s, size_t n, double *out, size_t *n_out);

/* Nothing but white space is left. */
int glint_json_stream_finish(struct glint_json_stream *s);

/* For checks of one's own: keeps "FILE:LINE:COLUMN: reason" of the last key or value, returns GLINT_E_FORMAT.
 */
int glint_json_stream_fail(struct glint_json_stream *s, const char *fmt, ...) GLINT_PRINTF(2, 3);

static inline bool glint_json_text_is(struct glint_json_text t, const char *word)
{
    return strlen(word) == t.size && memcmp(t.text, word, t.size) == 0;
}
#endif
