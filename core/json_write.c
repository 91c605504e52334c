/* core/json_write.c - see json_write.h. */
#include "core/json_write.h"
#include "core/decimal.h"
#include "core/status.h"
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FLUSH ((size_t)1 << 16)

/* Room for n more bytes; NULL when memory ran out. */
static char *room(struct glint_json_writer *w, size_t n)
{
    if (w->file.stream && w->size >= FLUSH) { /* a short write is found by commit */
        fwrite(w->text, 1, w->size, w->file.stream);
        w->size = 0;
    }
    if (w->cap - w->size < n) {
        const size_t cap = (w->cap + n) * 2 + 256;
        char *text = w->failed ? NULL : realloc(w->text, cap);
        if (!text) {
            w->failed = true;
            return NULL;
        }
        w->text = text;
        w->cap = cap;
    }
    return w->text + w->size;
}

static void add(struct glint_json_writer *w, const char *text, size_t n)
{
    char *to = room(w, n);
    if (!to)
        return;
    memcpy(to, text, n);
    w->size += n;
}

static void add_line(struct glint_json_writer *w)
{
    if (w->indent == 0)
        return;
    const size_t n = (size_t)(w->indent * w->depth);
    char *to = room(w, n + 1);
    if (!to)
        return;
    to[0] = '\n';
    memset(to + 1, ' ', n);
    w->size += n + 1;
}

static void add_string(struct glint_json_writer *w, const char *text)
{
    static const char hex[] = "0123456789abcdef";
    add(w, "\"", 1);
    for (const char *p = text; *p;) {
        size_t n = 0;
        while ((unsigned char)p[n] >= 0x20 && p[n] != '"' && p[n] != '\\')
            n++;
        add(w, p, n);
        p += n;
        if (!*p)
            break;
        const char escape[6] = {'\\', 'u', '0', '0', hex[(unsigned char)*p >> 4], hex[*p & 15]};
        if ((unsigned char)*p < 0x20) {
            add(w, escape, sizeof escape);
        } else {
            add(w, "\\", 1);
            add(w, p, 1);
        }
        p++;
    }
    add(w, "\"", 1);
}

/* Comma, line and key before a value. */
static void begin(struct glint_json_writer *w, const char *key)
{
    const uint32_t bit = UINT32_C(1) << w->depth;
    assert(w->depth == 0 || !!(w->object & bit) == (key != NULL));
    if (w->filled & bit)
        add(w, ", ", w->indent ? 1 : 2);
    w->filled |= bit;
    if (w->depth > 0)
        add_line(w);
    if (key) {
        add_string(w, key);
        add(w, ": ", 2);
    }
}

static void open_bracket(struct glint_json_writer *w, const char *key, char bracket)
{
    begin(w, key);
    add(w, &bracket, 1);
    assert(w->depth < GLINT_JSON_WRITE_DEPTH);
    const uint32_t bit = UINT32_C(1) << ++w->depth;
    w->filled &= ~bit;
    w->object = bracket == '{' ? w->object | bit : w->object & ~bit;
}

void glint_json_put_object(struct glint_json_writer *w, const char *key)
{
    open_bracket(w, key, '{');
}

void glint_json_put_array(struct glint_json_writer *w, const char *key)
{
    open_bracket(w, key, '[');
}

void glint_json_put_end(struct glint_json_writer *w)
{
    assert(w->depth > 0);
    const uint32_t bit = UINT32_C(1) << w->depth--;
    if (w->filled & bit)
        add_line(w);
    add(w, w->object & bit ? "}" : "]", 1);
}

static void add_f64(struct glint_json_writer *w, double value)
{
    char *to = room(w, GLINT_DECIMAL_TEXT);
    if (to)
        w->size += glint_decimal_write(to, value);
}

void glint_json_put_f64(struct glint_json_writer *w, const char *key, double value)
{
    begin(w, key);
    if (isfinite(value))
        add_f64(w, value);
    else
        add(w, "null", 4);
}

void glint_json_put_f64_python(struct glint_json_writer *w, const char *key, double value)
{
    begin(w, key);
    if (isfinite(value))
        add_f64(w, value);
    else if (isnan(value))
        add(w, "NaN", 3);
    else
        add(w, value < 0 ? "-Infinity" : "Infinity", value < 0 ? 9 : 8);
}

void glint_json_put_f64s(struct glint_json_writer *w, const char *key, const double *values, size_t n)
{
    glint_json_put_array(w, key);
    const int indent = w->indent;
    w->indent = 0;
    for (size_t i = 0; i < n; i++)
        glint_json_put_f64(w, NULL, values[i]);
    glint_json_put_end(w);
    w->indent = indent;
}

void glint_json_put_i64(struct glint_json_writer *w, const char *key, int64_t value)
{
    char text[24];
    begin(w, key);
    add(w, text, (size_t)snprintf(text, sizeof text, "%lld", (long long)value));
}

void glint_json_put_i64s(struct glint_json_writer *w, const char *key, const int64_t *values, size_t n)
{
    glint_json_put_array(w, key);
    const int indent = w->indent;
    w->indent = 0;
    for (size_t i = 0; i < n; i++)
        glint_json_put_i64(w, NULL, values[i]);
    glint_json_put_end(w);
    w->indent = indent;
}

void glint_json_put_bool(struct glint_json_writer *w, const char *key, bool value)
{
    begin(w, key);
    add(w, value ? "true" : "false", value ? 4 : 5);
}

void glint_json_put_text(struct glint_json_writer *w, const char *key, const char *text)
{
    begin(w, key);
    add_string(w, text);
}

void glint_json_put_null(struct glint_json_writer *w, const char *key)
{
    begin(w, key);
    add(w, "null", 4);
}

void glint_json_writer_init(struct glint_json_writer *w, int indent)
{
    memset(w, 0, sizeof *w);
    w->indent = indent;
}

int glint_json_writer_create(struct glint_json_writer *w, const char *path, int indent)
{
    glint_json_writer_init(w, indent);
    return glint_file_create(&w->file, path);
}

int glint_json_writer_finish(struct glint_json_writer *w)
{
    assert(w->depth == 0);
    add(w, "\n", 1);
    if (w->failed) {
        const int status =
            glint_fail(GLINT_E_NOMEM, "%s: no memory to write", w->file.stream ? w->file.path : "JSON");
        glint_json_writer_fini(w);
        return status;
    }
    if (!w->file.stream)
        return GLINT_OK;
    fwrite(w->text, 1, w->size, w->file.stream);
    const int status = glint_file_commit(&w->file);
    glint_json_writer_fini(w);
    return status;
}

void glint_json_writer_fini(struct glint_json_writer *w)
{
    glint_file_discard(&w->file);
    free(w->text);
    w->text = NULL;
    w->size = w->cap = 0;
}
