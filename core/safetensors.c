/* core/safetensors.c - see safetensors.h.
 *
 * The format's own rules are kept to the letter: the data is covered by the tensors without overlap and
 * without holes. So a file that is cut short, or longer than its header says, is always noticed. */
#include "core/safetensors.h"
#include "core/bytes.h"
#include "core/file.h"
#include "core/json.h"
#include "core/status.h"
#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>

#define HEADER_MOST 100000000 /* bytes; the same bound as the reference implementation */
#define META        "__metadata__"

struct extent { /* where a tensor's data lies, counted from the end of the header */
    int64_t begin, end;
    int32_t index;
};

struct glint_safetensors {
    const char *name; /* for messages */
    struct glint_file file;
    struct glint_json_doc *header;
    const uint8_t *data;
    int64_t data_size;
    int32_t n;
    struct glint_tensor *tensors;
    void **copies; /* n, of data that the file holds at addresses not fit for its type; else NULL */
};

/* Header entries */

static int wrong(const struct glint_safetensors *f, const char *tensor, const char *what)
{
    return glint_fail(GLINT_E_FORMAT, "%s: tensor %.200s: %s", f->name, tensor, what);
}

static int read_dtype(const struct glint_safetensors *f, const char *name, json_t *node,
                      enum glint_dtype *out)
{
    const char *text = json_string_value(node);
    if (!text)
        return wrong(f, name, "dtype: a string expected");
    for (int i = 0; i < GLINT_DTYPE_COUNT; i++)
        if (strcmp(text, glint_dtype_name((enum glint_dtype)i)) == 0) {
            *out = (enum glint_dtype)i;
            return GLINT_OK;
        }
    return glint_fail(GLINT_E_FORMAT, "%s: tensor %.200s: dtype %.40s not known", f->name, name, text);
}

static int read_shape(const struct glint_safetensors *f, struct glint_tensor *t, json_t *shape)
{
    if (!json_is_array(shape))
        return wrong(f, t->name, "shape: an array expected");
    if (json_array_size(shape) > GLINT_TENSOR_DIMS)
        return glint_fail(GLINT_E_FORMAT, "%s: tensor %.200s: %zu dimensions, at most %d expected", f->name,
                          t->name, json_array_size(shape), GLINT_TENSOR_DIMS);
    t->n_dims = (int32_t)json_array_size(shape);
    int64_t bytes = (int64_t)glint_dtype_size(t->dtype);
    for (int32_t i = 0; i < t->n_dims; i++) {
        json_t *dim = json_array_get(shape, (size_t)i);
        if (!json_is_integer(dim) || json_integer_value(dim) < 0)
            return wrong(f, t->name, "shape: integers >= 0 expected");
        t->shape[i] = json_integer_value(dim);
        if (t->shape[i] > 0 && bytes > INT64_MAX / t->shape[i])
            return wrong(f, t->name, "shape: more elements than any memory holds");
        bytes *= t->shape[i];
    }
    return GLINT_OK;
}

static int read_offsets(const struct glint_safetensors *f, const struct glint_tensor *t, json_t *pair,
                        struct extent *e)
{
    json_t *begin = json_array_get(pair, 0), *end = json_array_get(pair, 1);
    if (json_array_size(pair) != 2 || !json_is_integer(begin) || !json_is_integer(end))
        return wrong(f, t->name, "data_offsets: two integers expected");
    e->begin = json_integer_value(begin);
    e->end = json_integer_value(end);
    if (e->begin < 0 || e->end < e->begin || e->end > f->data_size)
        return glint_fail(
            GLINT_E_FORMAT,
            "%s: tensor %.200s: data_offsets [%lld, %lld] outside the %lld bytes of data that follow",
            f->name, t->name, (long long)e->begin, (long long)e->end, (long long)f->data_size);
    const int64_t size = glint_tensor_elements(t) * (int64_t)glint_dtype_size(t->dtype);
    if (e->end - e->begin != size)
        return glint_fail(GLINT_E_FORMAT,
                          "%s: tensor %.200s: %lld bytes by its shape, %lld by its data_offsets", f->name,
                          t->name, (long long)size, (long long)(e->end - e->begin));
    return GLINT_OK;
}

static int read_entry(struct glint_safetensors *f, const char *name, json_t *entry, struct extent *e)
{
    struct glint_tensor *t = &f->tensors[f->n];
    t->name = name;
    if (!json_is_object(entry))
        return wrong(f, name, "an object expected");
    GLINT_TRY(read_dtype(f, name, json_object_get(entry, "dtype"), &t->dtype));
    GLINT_TRY(read_shape(f, t, json_object_get(entry, "shape")));
    GLINT_TRY(read_offsets(f, t, json_object_get(entry, "data_offsets"), e));
    if (json_object_size(entry) != 3)
        return wrong(f, name, "dtype, shape and data_offsets expected and nothing else");
    e->index = f->n++;
    return GLINT_OK;
}

static int check_metadata(const struct glint_safetensors *f, json_t *meta)
{
    const char *key;
    json_t *value;
    if (!json_is_object(meta))
        return glint_fail(GLINT_E_FORMAT, "%s: " META ": an object expected", f->name);
    json_object_foreach(meta, key, value) if (!json_is_string(value)) return glint_fail(
        GLINT_E_FORMAT, "%s: " META ".%.200s: a string expected", f->name, key);
    return GLINT_OK;
}

/* The header as a whole */

static int by_begin(const void *a, const void *b)
{
    const struct extent *p = a, *q = b;
    if (p->begin != q->begin)
        return p->begin < q->begin ? -1 : 1;
    return p->end < q->end ? -1 : p->end > q->end; /* an empty one before the one that starts there */
}

/* Sorted by place, each tensor must start where the one before ends. */
static int check_cover(const struct glint_safetensors *f, struct extent *extents)
{
    int64_t at = 0;
    qsort(extents, (size_t)f->n, sizeof *extents, by_begin);
    for (int32_t i = 0; i < f->n; i++) {
        const char *name = f->tensors[extents[i].index].name;
        if (extents[i].begin < at)
            return glint_fail(GLINT_E_FORMAT, "%s: tensor %.200s: overlaps tensor %.200s", f->name, name,
                              f->tensors[extents[i - 1].index].name);
        if (extents[i].begin > at)
            return glint_fail(GLINT_E_FORMAT,
                              "%s: tensor %.200s: starts at %lld, the data before ends at %lld", f->name,
                              name, (long long)extents[i].begin, (long long)at);
        at = extents[i].end;
    }
    if (at != f->data_size)
        return glint_fail(GLINT_E_FORMAT, "%s: %lld bytes of data, %lld belong to tensors", f->name,
                          (long long)f->data_size, (long long)at);
    return GLINT_OK;
}

/* Points at the data, or at a copy where the type could not be read from that address. */
static int place(struct glint_safetensors *f, const struct extent *e)
{
    struct glint_tensor *t = &f->tensors[e->index];
    t->data = f->data + e->begin;
    if (e->begin == e->end || (uintptr_t)t->data % glint_dtype_size(t->dtype) == 0)
        return GLINT_OK;
    void *copy = malloc((size_t)(e->end - e->begin));
    if (!copy)
        return glint_fail(GLINT_E_NOMEM, "%s: tensor %.200s: no memory", f->name, t->name);
    t->data = f->copies[e->index] = memcpy(copy, t->data, (size_t)(e->end - e->begin));
    return GLINT_OK;
}

static int read_entries(struct glint_safetensors *f, json_t *root, struct extent *extents)
{
    const char *key;
    json_t *value;
    json_object_foreach(root, key, value)
    {
        if (strcmp(key, META) == 0)
            GLINT_TRY(check_metadata(f, value));
        else
            GLINT_TRY(read_entry(f, key, value, &extents[f->n]));
    }
    GLINT_TRY(check_cover(f, extents));
    for (int32_t i = 0; i < f->n; i++)
        GLINT_TRY(place(f, &extents[i]));
    return GLINT_OK;
}

static int read_header(struct glint_safetensors *f)
{
    json_t *root = glint_json_root(f->header).node;
    if (!json_is_object(root))
        return glint_fail(GLINT_E_FORMAT, "%s: header: an object expected", f->name);
    const size_t most = json_object_size(root) + 1; /* never 0 */
    struct extent *extents = calloc(most, sizeof *extents);
    f->tensors = calloc(most, sizeof *f->tensors);
    f->copies = calloc(most, sizeof *f->copies);
    const int status = extents && f->tensors && f->copies
                           ? read_entries(f, root, extents)
                           : glint_fail(GLINT_E_NOMEM, "%s: no memory for %zu tensors", f->name, most);
    free(extents);
    return status;
}

static int read_all(struct glint_safetensors *f, const uint8_t *data, size_t size)
{
    if (size < 8)
        return glint_fail(GLINT_E_FORMAT, "%s: %zu bytes: too short for a safetensors file", f->name, size);
    const uint64_t header = glint_le64(data);
    if (header > size - 8 || header > HEADER_MOST)
        return glint_fail(GLINT_E_FORMAT,
                          "%s: header of %llu bytes in a file of %zu: cut short or no safetensors file",
                          f->name, (unsigned long long)header, size);
    if (header == 0 || data[8] != '{')
        return glint_fail(GLINT_E_FORMAT, "%s: offset 8: '{' expected", f->name);
    f->data = data + 8 + header;
    f->data_size = (int64_t)(size - 8 - header);
    GLINT_TRY(glint_json_parse(f->name, (const char *)data + 8, (size_t)header, &f->header));
    return read_header(f);
}

int glint_safetensors_parse(const char *name, const uint8_t *data, size_t size,
                            struct glint_safetensors **file_out)
{
    *file_out = NULL;
    struct glint_safetensors *f = calloc(1, sizeof *f + strlen(name) + 1);
    if (!f)
        return glint_fail(GLINT_E_NOMEM, "%s: no memory", name);
    f->name = strcpy((char *)(f + 1), name);
    const int status = read_all(f, data, size);
    if (status != GLINT_OK)
        glint_safetensors_close(f);
    else
        *file_out = f;
    return status;
}

int glint_safetensors_open(const char *path, struct glint_safetensors **file_out)
{
    struct glint_file file;
    *file_out = NULL;
    GLINT_TRY(glint_file_open(&file, path));
    const int status = glint_safetensors_parse(path, file.data, file.size, file_out);
    if (status == GLINT_OK)
        (*file_out)->file = file;
    else
        glint_file_close(&file);
    return status;
}

void glint_safetensors_close(struct glint_safetensors *f)
{
    if (!f)
        return;
    for (int32_t i = 0; f->copies && i < f->n; i++)
        free(f->copies[i]);
    free(f->copies);
    free(f->tensors);
    glint_json_close(f->header);
    glint_file_close(&f->file);
    free(f);
}

int32_t glint_safetensors_count(const struct glint_safetensors *f)
{
    return f->n;
}

const struct glint_tensor *glint_safetensors_at(const struct glint_safetensors *f, int32_t index)
{
    return index >= 0 && index < f->n ? &f->tensors[index] : NULL;
}

const struct glint_tensor *glint_safetensors_find(const struct glint_safetensors *f, const char *name)
{
    for (int32_t i = 0; i < f->n; i++)
        if (strcmp(f->tensors[i].name, name) == 0)
            return &f->tensors[i];
    return NULL;
}

void glint_safetensors_replace(struct glint_safetensors *f, int32_t index, const struct glint_tensor *t,
                               void *data)
{
    free(f->copies[index]);
    f->copies[index] = data;
    f->tensors[index] = *t;
}

const char *glint_safetensors_metadata(const struct glint_safetensors *f, const char *key)
{
    json_t *root = glint_json_root(f->header).node;
    return json_string_value(json_object_get(json_object_get(root, META), key));
}

/* Writing: wide types first, so that every tensor is aligned to its type (the data starts at a multiple of
 * 8). */

static int64_t bytes_of(const struct glint_tensor *t)
{
    return glint_tensor_elements(t) * (int64_t)glint_dtype_size(t->dtype);
}

static json_t *entry_json(const struct glint_tensor *t, int64_t begin)
{
    json_t *shape = json_array();
    for (int32_t i = 0; i < t->n_dims; i++)
        json_array_append_new(shape, json_integer(t->shape[i]));
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", glint_dtype_name(t->dtype), "shape", shape,
                     "data_offsets", (json_int_t)begin, (json_int_t)(begin + bytes_of(t)));
}

/* The header's text (free it), or NULL: no memory, or a name that is no UTF-8 or comes twice. */
static char *header_text(const struct glint_tensor *tensors, int32_t n, const char *const *meta,
                         int32_t n_meta)
{
    json_t *root = json_object(), *strings = n_meta > 0 ? json_object() : NULL;
    bool ok = root != NULL;
    for (int32_t i = 0; i < n_meta && ok; i++)
        ok = json_object_set_new(strings, meta[2 * i], json_string(meta[2 * i + 1])) == 0;
    if (strings)
        ok = json_object_set_new(root, META, strings) == 0 && ok;
    int64_t at = 0;
    for (size_t size = 8; size > 0 && ok; size /= 2)
        for (int32_t i = 0; i < n && ok; i++)
            if (glint_dtype_size(tensors[i].dtype) == size) {
                ok = !json_object_get(root, tensors[i].name) &&
                     json_object_set_new(root, tensors[i].name, entry_json(&tensors[i], at)) == 0;
                at += bytes_of(&tensors[i]);
            }
    char *text = ok ? json_dumps(root, JSON_COMPACT) : NULL;
    json_decref(root);
    return text;
}

static int put_data(void *ctx, int32_t index, FILE *out)
{
    const struct glint_tensor *t = &((const struct glint_tensor *)ctx)[index];
    if (bytes_of(t) > 0)
        fwrite(t->data, 1, (size_t)bytes_of(t), out); /* a failure shows when the file is committed */
    return GLINT_OK;
}

static int write_all(FILE *out, const char *header, const struct glint_tensor *tensors, int32_t n,
                     glint_safetensors_put_fn *put, void *ctx)
{
    const size_t length = strlen(header), padded = (length + 7) / 8 * 8;
    for (int i = 0; i < 8; i++)
        fputc((int)(((uint64_t)padded >> (8 * i)) & 0xff), out);
    fprintf(out, "%-*s", (int)padded, header);
    for (size_t size = 8; size > 0; size /= 2)
        for (int32_t i = 0; i < n; i++)
            if (glint_dtype_size(tensors[i].dtype) == size)
                GLINT_TRY(put(ctx, i, out));
    return GLINT_OK;
}

int glint_safetensors_write_by(const char *path, const struct glint_tensor *tensors, int32_t n_tensors,
                               const char *const *meta, int32_t n_meta, glint_safetensors_put_fn *put,
                               void *ctx)
{
    char *header = header_text(tensors, n_tensors, meta, n_meta);
    if (!header)
        return glint_fail(GLINT_E_ARG, "%s: tensor and metadata names must be UTF-8 and each appear once",
                          path);
    struct glint_file_out out;
    int status = glint_file_create(&out, path);
    if (status == GLINT_OK) {
        status = write_all(out.stream, header, tensors, n_tensors, put, ctx);
        if (status == GLINT_OK)
            status = glint_file_commit(&out);
        else
            glint_file_discard(&out);
    }
    free(header);
    return status;
}

int glint_safetensors_write(const char *path, const struct glint_tensor *tensors, int32_t n_tensors,
                            const char *const *meta, int32_t n_meta)
{
    return glint_safetensors_write_by(path, tensors, n_tensors, meta, n_meta, put_data,
                                      (void *)(uintptr_t)tensors);
}
