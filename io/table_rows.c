/* io/table_rows.c - see table_rows.h. Rows of a table nearly always have their fields in the same order, so
 * the search for a key starts behind the one found last. Pages that were read are given back: a table of a
 * gigabyte should not count as the process's memory. */
#include "io/table_rows.h"
#include <stdlib.h>
#include <string.h>

int glint_rows_open(struct glint_rows *rows, const char *path, const struct glint_row_field *field,
                    int32_t n_fields)
{
    GLINT_TRY(glint_file_open(&rows->file, path));
    rows->field = field;
    rows->n_fields = n_fields;
    rows->row = 0;
    rows->dropped = 0;
    glint_json_stream_init(&rows->stream, rows->file.path, rows->file.data, rows->file.size, 0);
    const int status = glint_json_stream_array(&rows->stream);
    if (status < 0)
        glint_rows_close(rows);
    return status;
}

void glint_rows_close(struct glint_rows *rows)
{
    glint_file_close(&rows->file);
}

static int32_t find_field(const struct glint_rows *rows, struct glint_json_text key, int32_t from)
{
    for (int32_t i = 0, k = from; i < rows->n_fields; i++, k = k + 1 < rows->n_fields ? k + 1 : 0)
        if (glint_json_text_is(key, rows->field[k].name))
            return k;
    return -1;
}

static int read_token(struct glint_json_stream *s, bool may_be_none, struct glint_token *out)
{
    struct glint_json_text text;
    GLINT_TRY(glint_json_stream_text(s, &text));
    *out = (struct glint_token){0, 0};
    if (may_be_none && text.size == 0)
        return GLINT_OK;
    if (!glint_token_parse(text.text, text.size, out))
        return glint_json_stream_fail(s, "a token of 32 hexadecimal digits expected, found \"%.*s\"",
                                      (int)(text.size < 60 ? text.size : 60), text.text);
    return GLINT_OK;
}

static int read_tokens(struct glint_json_stream *s, struct glint_row_tokens *out)
{
    int status;
    GLINT_TRY(glint_json_stream_array(s));
    for (out->n = 0; (status = glint_json_stream_item(s)) == GLINT_OK; out->n++) {
        struct glint_token token;
        GLINT_TRY(read_token(s, false, &token));
        if (out->n < GLINT_ROW_TOKENS)
            out->token[out->n] = token;
    }
    return status == GLINT_E_EOF ? GLINT_OK : status;
}

static int read_name(struct glint_json_stream *s, char *out)
{
    struct glint_json_text text;
    GLINT_TRY(glint_json_stream_text(s, &text));
    if (text.size >= GLINT_ROW_TEXT)
        return glint_json_stream_fail(s, "text longer than %d bytes", GLINT_ROW_TEXT - 1);
    memcpy(out, text.text, text.size);
    out[text.size] = 0;
    return GLINT_OK;
}

static int read_field(struct glint_json_stream *s, const struct glint_row_field *f, void *to)
{
    switch (f->kind) {
    case GLINT_ROW_TOKEN:
    case GLINT_ROW_LINK:
        return read_token(s, f->kind == GLINT_ROW_LINK, to);
    case GLINT_ROW_TOKENS_OF:
        return read_tokens(s, to);
    case GLINT_ROW_NAME:
        return read_name(s, to);
    case GLINT_ROW_I64:
        return glint_json_stream_i64(s, to);
    case GLINT_ROW_F64S:
        return glint_json_stream_f64s(s, (size_t)f->n, to, NULL);
    default:
        return glint_json_stream_bool(s, to);
    }
}

static bool may_be_absent(const struct glint_row_field *f)
{
    return f->kind == GLINT_ROW_I64 && f->n > 0;
}

static int read_row(struct glint_rows *rows, void *row_out)
{
    struct glint_json_stream *s = &rows->stream;
    struct glint_json_text key;
    uint32_t seen = 0;
    int status;
    int32_t next = 0;
    for (int32_t k = 0; k < rows->n_fields; k++)
        if (may_be_absent(&rows->field[k]))
            *(int64_t *)(void *)((char *)row_out + rows->field[k].offset) = -1;
    GLINT_TRY(glint_json_stream_object(s));
    const uint8_t *start = s->token;
    while ((status = glint_json_stream_key(s, &key)) == GLINT_OK) {
        const int32_t k = find_field(rows, key, next);
        if (k < 0) {
            GLINT_TRY(glint_json_stream_skip(s));
            continue;
        }
        GLINT_TRY(read_field(s, &rows->field[k], (char *)row_out + rows->field[k].offset));
        seen |= UINT32_C(1) << k;
        next = k + 1 < rows->n_fields ? k + 1 : 0;
    }
    if (status != GLINT_E_EOF)
        return status;
    s->token = start;
    for (int32_t k = 0; k < rows->n_fields; k++)
        if (!(seen >> k & 1) && !may_be_absent(&rows->field[k]))
            return glint_json_stream_fail(s, "row without \"%s\"", rows->field[k].name);
    return GLINT_OK;
}

int glint_rows_next(struct glint_rows *rows, void *row_out)
{
    struct glint_json_stream *s = &rows->stream;
    const int status = glint_json_stream_item(s);
    if (status == GLINT_E_EOF) {
        GLINT_TRY(glint_json_stream_finish(s));
        return GLINT_E_EOF;
    }
    GLINT_TRY(status);
    GLINT_TRY(read_row(rows, row_out));
    rows->row++;
    glint_file_done(&rows->file, (size_t)(s->at - rows->file.data), &rows->dropped);
    return GLINT_OK;
}
