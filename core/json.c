/* core/json.c - see json.h. A node is a json_t of jansson; it never outlives its document. */
#include "core/json.h"
#include "core/file.h"
#include "core/status.h"
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH 64

struct glint_json_doc {
    json_t *root;
    char *name; /* in the same block */
};

/* Reading */

/* The parser recurses, so depth is bounded here, before it: brackets outside of strings. */
static int check_depth(const char *name, const char *text, size_t size)
{
    int depth = 0, line = 1;
    bool in_string = false;
    for (size_t i = 0; i < size; i++) {
        const char c = text[i];
        line += c == '\n';
        if (in_string && c == '\\')
            i++;
        else if (c == '"')
            in_string = !in_string;
        else if (!in_string && (c == '[' || c == '{') && ++depth > DEPTH)
            return glint_fail(GLINT_E_FORMAT, "%s: line %d: nested deeper than %d", name, line, DEPTH);
        else if (!in_string && (c == ']' || c == '}'))
            depth--;
    }
    return GLINT_OK;
}

int glint_json_parse(const char *name, const char *text, size_t size, struct glint_json_doc **doc_out)
{
    *doc_out = NULL;
    GLINT_TRY(check_depth(name, text, size));
    struct glint_json_doc *doc = malloc(sizeof *doc + strlen(name) + 1);
    if (!doc)
        return glint_fail(GLINT_E_NOMEM, "%s: no memory", name);
    doc->name = strcpy((char *)(doc + 1), name);
    json_error_t error;
    doc->root = json_loadb(size ? text : "", size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (!doc->root) {
        free(doc);
        return glint_fail(GLINT_E_FORMAT, "%s: line %d column %d: %s", name, error.line, error.column,
                          error.text);
    }
    *doc_out = doc;
    return GLINT_OK;
}

int glint_json_load(const char *path, struct glint_json_doc **doc_out)
{
    struct glint_file file;
    *doc_out = NULL;
    GLINT_TRY(glint_file_open(&file, path));
    const int status = glint_json_parse(path, (const char *)file.data, file.size, doc_out);
    glint_file_close(&file);
    return status;
}

void glint_json_close(struct glint_json_doc *doc)
{
    if (!doc)
        return;
    json_decref(doc->root);
    free(doc);
}

/* Walking */

/* dst = prefix + text, cut where dst ends. */
static void join(char *dst, size_t size, const char *prefix, const char *text)
{
    const size_t n = strlen(prefix) < size - 1 ? strlen(prefix) : size - 1;
    const size_t m = strlen(text) < size - 1 - n ? strlen(text) : size - 1 - n;
    memcpy(dst, prefix, n);
    memcpy(dst + n, text, m);
    dst[n + m] = 0;
}

struct glint_json glint_json_root(const struct glint_json_doc *doc)
{
    return (struct glint_json){.doc = doc, .node = doc->root};
}

struct glint_json glint_json_get(struct glint_json object, const char *key)
{
    struct glint_json member = {.doc = object.doc, .node = json_object_get(object.node, key)};
    join(member.path, sizeof member.path, object.path, object.path[0] ? "." : "");
    char prefix[sizeof member.path];
    memcpy(prefix, member.path, sizeof prefix);
    join(member.path, sizeof member.path, prefix, key);
    return member;
}

struct glint_json glint_json_at(struct glint_json array, size_t index)
{
    struct glint_json element = {.doc = array.doc, .node = json_array_get(array.node, index)};
    char text[32];
    snprintf(text, sizeof text, "[%zu]", index);
    join(element.path, sizeof element.path, array.path, text);
    return element;
}

bool glint_json_has(struct glint_json object, const char *key)
{
    return json_object_get(object.node, key) != NULL;
}

size_t glint_json_size(struct glint_json array)
{
    return json_array_size(array.node);
}

bool glint_json_is_object(struct glint_json value)
{
    return json_is_object((json_t *)value.node);
}

bool glint_json_is_array(struct glint_json value)
{
    return json_is_array((json_t *)value.node);
}

size_t glint_json_members(struct glint_json object)
{
    return json_object_size(object.node);
}

const char *glint_json_key(struct glint_json object, size_t index)
{
    void *member = json_object_iter(object.node);
    while (member && index--)
        member = json_object_iter_next(object.node, member);
    return member ? json_object_iter_key(member) : NULL;
}

/* Values */

static const char *type_name(const json_t *node)
{
    static const char *const names[] = {"an object", "an array", "a string", "an integer",
                                        "a number",  "true",     "false",    "null"};
    return node ? names[json_typeof(node)] : "nothing";
}

static int wrong(struct glint_json value, const char *expected)
{
    const char *path = value.path[0] ? value.path : "document";
    if (!value.node)
        return glint_fail(GLINT_E_FORMAT, "%s: %s: missing, %s expected", value.doc->name, path, expected);
    return glint_fail(GLINT_E_FORMAT, "%s: %s: %s expected, found %s", value.doc->name, path, expected,
                      type_name(value.node));
}

static int read_i32(struct glint_json value, int32_t lo, int32_t hi, int32_t *out)
{
    if (!json_is_integer((json_t *)value.node))
        return wrong(value, "an integer");
    const json_int_t number = json_integer_value(value.node);
    if (number < lo || number > hi)
        return glint_fail(GLINT_E_FORMAT, "%s: %s: %d..%d expected, found %lld", value.doc->name, value.path,
                          lo, hi, (long long)number);
    *out = (int32_t)number;
    return GLINT_OK;
}

static int read_f64(struct glint_json value, double lo, double hi, double *out)
{
    if (!json_is_number((json_t *)value.node))
        return wrong(value, "a number");
    const double number = json_number_value(value.node);
    if (!(number >= lo && number <= hi))
        return glint_fail(GLINT_E_FORMAT, "%s: %s: %g..%g expected, found %g", value.doc->name, value.path,
                          lo, hi, number);
    *out = number;
    return GLINT_OK;
}

int glint_json_i32(struct glint_json object, const char *key, int32_t lo, int32_t hi, int32_t *out)
{
    return read_i32(glint_json_get(object, key), lo, hi, out);
}

int glint_json_f64(struct glint_json object, const char *key, double lo, double hi, double *out)
{
    return read_f64(glint_json_get(object, key), lo, hi, out);
}

int glint_json_bool(struct glint_json object, const char *key, bool *out)
{
    const struct glint_json value = glint_json_get(object, key);
    if (!json_is_boolean((json_t *)value.node))
        return wrong(value, "true or false");
    *out = json_is_true((json_t *)value.node);
    return GLINT_OK;
}

int glint_json_string(struct glint_json object, const char *key, const char **out)
{
    return glint_json_text(glint_json_get(object, key), out);
}

int glint_json_text(struct glint_json value, const char **out)
{
    if (!json_is_string((json_t *)value.node))
        return wrong(value, "a string");
    *out = json_string_value(value.node);
    return GLINT_OK;
}

/* The array's length, checked against n or cap. */
static int read_count(struct glint_json array, int32_t n, int32_t cap, int32_t *n_out)
{
    if (!glint_json_is_array(array))
        return wrong(array, "an array of numbers");
    const size_t size = glint_json_size(array);
    if (n >= 0 && size != (size_t)n)
        return glint_fail(GLINT_E_FORMAT, "%s: %s: %d numbers expected, found %zu", array.doc->name,
                          array.path, n, size);
    if (size > (size_t)cap)
        return glint_fail(GLINT_E_FORMAT, "%s: %s: at most %d numbers expected, found %zu", array.doc->name,
                          array.path, cap, size);
    if (n_out)
        *n_out = (int32_t)size;
    return GLINT_OK;
}

int glint_json_f64s(struct glint_json object, const char *key, int32_t n, int32_t cap, double *out,
                    int32_t *n_out)
{
    return glint_json_numbers(glint_json_get(object, key), n, cap, out, n_out);
}

int glint_json_numbers(struct glint_json array, int32_t n, int32_t cap, double *out, int32_t *n_out)
{
    int32_t count;
    GLINT_TRY(read_count(array, n, cap, &count));
    for (int32_t i = 0; i < count; i++)
        GLINT_TRY(read_f64(glint_json_at(array, (size_t)i), -HUGE_VAL, HUGE_VAL, &out[i]));
    if (n_out)
        *n_out = count;
    return GLINT_OK;
}

int glint_json_i32s(struct glint_json object, const char *key, int32_t n, int32_t cap, int32_t lo, int32_t hi,
                    int32_t *out, int32_t *n_out)
{
    const struct glint_json array = glint_json_get(object, key);
    int32_t count;
    GLINT_TRY(read_count(array, n, cap, &count));
    for (int32_t i = 0; i < count; i++)
        GLINT_TRY(read_i32(glint_json_at(array, (size_t)i), lo, hi, &out[i]));
    if (n_out)
        *n_out = count;
    return GLINT_OK;
}

int glint_json_strings(struct glint_json object, const char *key, int32_t cap, const char **out,
                       int32_t *n_out)
{
    return glint_json_strings_of(glint_json_get(object, key), cap, out, n_out);
}

int glint_json_strings_of(struct glint_json array, int32_t cap, const char **out, int32_t *n_out)
{
    const size_t size = glint_json_size(array);
    if (!glint_json_is_array(array))
        return wrong(array, "an array of strings");
    if (size > (size_t)cap)
        return glint_json_fail(array, "at most %d strings expected, found %zu", cap, size);
    for (size_t i = 0; i < size; i++) {
        const struct glint_json value = glint_json_at(array, i);
        if (!json_is_string((json_t *)value.node))
            return wrong(value, "a string");
        out[i] = json_string_value(value.node);
    }
    *n_out = (int32_t)size;
    return GLINT_OK;
}

int glint_json_fail(struct glint_json value, const char *fmt, ...)
{
    char text[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return glint_fail(GLINT_E_FORMAT, "%s: %s: %s", value.doc->name, value.path[0] ? value.path : "document",
                      text);
}
