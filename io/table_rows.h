/* io/table_rows.h - rows of a JSON table ([{"name": value, ...}, ...]) into structs, described by fields.
 *
 *     static const struct glint_row_field fields[] = {
 *         {"token", GLINT_ROW_TOKEN, offsetof(struct row, token), 0},
 *         {"rotation", GLINT_ROW_F64S, offsetof(struct row, rotation), 4}};
 *
 *     struct row row;
 *     GLINT_TRY(glint_rows_open(&rows, "v1.0-mini/ego_pose.json", fields, 2));
 *     while ((status = glint_rows_next(&rows, &row)) == GLINT_OK)
 *         ...
 *     glint_rows_close(&rows);                       // GLINT_E_EOF: all rows were read */
#ifndef GLINT_IO_TABLE_ROWS_H
#define GLINT_IO_TABLE_ROWS_H
#include "core/file.h"
#include "core/json_stream.h"
#include "io/token_map.h"

#define GLINT_ROW_TEXT   256
#define GLINT_ROW_TOKENS 8

enum glint_row_kind {
    GLINT_ROW_TOKEN,     /* struct glint_token */
    GLINT_ROW_LINK,      /* the same, "" is none */
    GLINT_ROW_TOKENS_OF, /* struct glint_row_tokens: an array of tokens */
    GLINT_ROW_NAME,      /* char[GLINT_ROW_TEXT]; longer is an error */
    GLINT_ROW_I64,       /* int64_t */
    GLINT_ROW_F64S,      /* double[n] */
    GLINT_ROW_BOOL,      /* bool */
};

struct glint_row_tokens {
    int32_t n; /* how many there are; the first GLINT_ROW_TOKENS are kept */
    struct glint_token token[GLINT_ROW_TOKENS];
};

struct glint_row_field { /* at most 32 of them */
    const char *name;
    enum glint_row_kind kind;
    size_t offset; /* in the row's struct */
    int32_t n;     /* F64S: how many; I64: 1 when the field may be absent (-1 then) */
};

struct glint_rows {
    struct glint_json_stream stream;
    struct glint_file file;
    const struct glint_row_field *field;
    int32_t n_fields;
    int64_t row;    /* rows read so far */
    size_t dropped; /* bytes of the mapping that were given back */
};

int glint_rows_open(struct glint_rows *rows, const char *path, const struct glint_row_field *field,
                    int32_t n_fields);
/* The next row; fields that the table has beside those are skipped. GLINT_E_EOF after the last one.
 * GLINT_E_FORMAT with file, line, column. */
int glint_rows_next(struct glint_rows *rows, void *row_out);
void glint_rows_close(struct glint_rows *rows);
#endif
