/* convert/archive.c - see archive.h. The formats are those of torch/serialization.py. */
#include "convert/archive.h"
#include "convert/zip.h"
#include "core/bytes.h"
#include "core/file.h"
#include "core/status.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PICKLE_MOST        ((uint64_t)48 << 20) /* bytes of data.pkl; of thousands of tensors: one */
#define PICKLE_PACKED_MOST ((uint64_t)16 << 20) /* unpacked, where it was deflated */

struct extent { /* of an archive without zip: where the numbers of a key lie */
    const uint8_t *key;
    uint32_t key_size;
    uint64_t at, n_bytes;
};

struct glint_archive {
    char *name; /* in the same block */
    struct glint_file file;
    const uint8_t *bytes;
    size_t size;
    struct glint_pickle values;
    struct glint_zip zip; /* entries NULL: the other format */
    const char *folder;
    size_t folder_size;
    void *unpacked; /* data.pkl, when it was deflated */
    struct extent *extents;
    uint32_t n_extents;
    struct glint_pickle keys;
};

static int wrong(const struct glint_archive *a, const char *what)
{
    return glint_fail(GLINT_E_FORMAT, "%s: %s", a->name, what);
}

/* A zip archive */

static bool ends_with(const struct glint_zip_entry *e, const char *ending)
{
    const size_t n = strlen(ending);
    return e->name_size >= n && memcmp(e->name + e->name_size - n, ending, n) == 0;
}

static const struct glint_zip_entry *find_pickle(struct glint_archive *a)
{
    static const char ending[] = "/data.pkl";
    for (int32_t i = 0; i < a->zip.n; i++)
        if (ends_with(&a->zip.entries[i], ending)) {
            a->folder = a->zip.entries[i].name;
            a->folder_size = a->zip.entries[i].name_size - strlen(ending);
            return &a->zip.entries[i];
        }
    return NULL;
}

static const struct glint_zip_entry *entry(const struct glint_archive *a, const char *name)
{
    return glint_zip_find(&a->zip, a->folder, a->folder_size, name, strlen(name));
}

static int check_byte_order(const struct glint_archive *a)
{
    const struct glint_zip_entry *e = entry(a, "byteorder");
    const uint8_t *text;
    void *owned;
    if (!e || e->size != 3) /* "big" */
        return GLINT_OK;
    GLINT_TRY(glint_zip_unpack(&a->zip, e, &text, &owned));
    const bool big = memcmp(text, "big", 3) == 0;
    free(owned);
    return big ? wrong(a, "its numbers are big-endian; only little-endian ones are read") : GLINT_OK;
}

static int read_zip(struct glint_archive *a)
{
    char name[1200];
    const uint8_t *bytes;
    size_t used = 0;
    GLINT_TRY(glint_zip_open(&a->zip, a->name, a->bytes, a->size));
    const struct glint_zip_entry *e = find_pickle(a);
    if (!e)
        return wrong(a, "a zip archive without FOLDER/data.pkl: not written by torch.save");
    if (entry(a, "constants.pkl"))
        return wrong(a, "a TorchScript archive; save the weights: torch.save(model.state_dict(), FILE)");
    GLINT_TRY(check_byte_order(a));
    if (e->size > (e->method == GLINT_ZIP_STORED ? PICKLE_MOST : PICKLE_PACKED_MOST))
        return wrong(a, "data.pkl: larger than any checkpoint's");
    GLINT_TRY(glint_zip_unpack(&a->zip, e, &bytes, &a->unpacked));
    snprintf(name, sizeof name, "%s: data.pkl", a->name);
    GLINT_TRY(glint_pickle_read(&a->values, name, 0, bytes, (size_t)e->size, &used));
    return used == e->size ? GLINT_OK : wrong(a, "data.pkl: bytes after the end of the pickle");
}

static int storage_of_zip(const struct glint_archive *a, const struct glint_pickle_storage *s, uint64_t *size,
                          const uint8_t **out, void **owned)
{
    char name[80];
    if (s->key_size > sizeof name - 8)
        return wrong(a, "a storage whose key has more than 70 letters");
    const int n = snprintf(name, sizeof name, "data/%.*s", (int)s->key_size, (const char *)s->key);
    const struct glint_zip_entry *e = glint_zip_find(&a->zip, a->folder, a->folder_size, name, (size_t)n);
    if (!e)
        return glint_fail(GLINT_E_FORMAT, "%s: no entry %s, which a tensor needs", a->name, name);
    *size = e->size;
    return glint_zip_unpack(&a->zip, e, out, owned);
}

/* Without zip: five pickles, then for each key an int64 count and the numbers. */

static int read_pickle(struct glint_archive *a, struct glint_pickle *p, const char *what, size_t *at)
{
    char name[1200];
    size_t used = 0;
    snprintf(name, sizeof name, "%s: %s", a->name, what);
    GLINT_TRY(glint_pickle_read(p, name, *at, a->bytes + *at, a->size - *at, &used));
    *at += used;
    return GLINT_OK;
}

static int read_magic(struct glint_archive *a, size_t *at)
{
    static const uint8_t magic[] = {0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19};
    struct glint_pickle p;
    GLINT_TRY(read_pickle(a, &p, "magic number", at));
    const struct glint_pickle_value *v = &p.values[p.root];
    const bool ours = v->type == GLINT_PICKLE_LONG && v->count == sizeof magic &&
                      memcmp(v->as.bytes, magic, sizeof magic) == 0;
    glint_pickle_close(&p);
    return ours ? GLINT_OK : wrong(a, "a pickle, but not one of torch.save: its magic number is missing");
}

static int read_system(struct glint_archive *a, size_t *at)
{
    struct glint_pickle p;
    GLINT_TRY(read_pickle(a, &p, "version", at));
    const bool known = p.values[p.root].type == GLINT_PICKLE_INT && p.values[p.root].as.i == 1001;
    glint_pickle_close(&p);
    if (!known)
        return wrong(a, "version 1001 of torch.save's older format expected");
    GLINT_TRY(read_pickle(a, &p, "system", at));
    const struct glint_pickle_value *little = glint_pickle_get(&p, &p.values[p.root], "little_endian");
    const bool fits = !little || (little->type == GLINT_PICKLE_BOOL && little->as.i);
    glint_pickle_close(&p);
    return fits ? GLINT_OK : wrong(a, "its numbers are big-endian; only little-endian ones are read");
}

static int compare_keys(const uint8_t *a, uint32_t a_size, const uint8_t *b, uint32_t b_size)
{
    const int order = memcmp(a, b, a_size < b_size ? a_size : b_size);
    return order ? order : a_size < b_size ? -1 : a_size > b_size;
}

static int by_key(const void *a, const void *b)
{
    const struct extent *p = a, *q = b;
    return compare_keys(p->key, p->key_size, q->key, q->key_size);
}

static struct extent *find_extent(const struct glint_archive *a, const uint8_t *key, uint32_t key_size)
{
    const struct extent wanted = {.key = key, .key_size = key_size};
    return a->n_extents ? bsearch(&wanted, a->extents, a->n_extents, sizeof wanted, by_key) : NULL;
}

/* The extents of all keys, sorted; their sizes of elements for now (n_bytes). */
static int list_keys(struct glint_archive *a)
{
    const struct glint_pickle_value *list = &a->keys.values[a->keys.root];
    if (list->type != GLINT_PICKLE_LIST)
        return wrong(a, "a list of storages expected behind the values");
    a->extents = calloc((size_t)list->count + 1, sizeof *a->extents);
    if (!a->extents)
        return glint_fail(GLINT_E_NOMEM, "%s: no memory", a->name);
    for (uint32_t cell = list->head; cell; cell = a->keys.cells[cell].next) {
        const struct glint_pickle_value *key = &a->keys.values[a->keys.cells[cell].value];
        if (key->type != GLINT_PICKLE_TEXT)
            return wrong(a, "a storage's key is no text");
        a->extents[a->n_extents++] = (struct extent){.key = key->as.bytes, .key_size = key->count};
    }
    qsort(a->extents, a->n_extents, sizeof *a->extents, by_key);
    for (uint32_t i = 1; i < a->n_extents; i++)
        if (by_key(&a->extents[i - 1], &a->extents[i]) == 0)
            return wrong(a, "a storage's key is there twice");
    for (uint32_t i = 0; i < a->values.n_storages; i++) {
        const struct glint_pickle_storage *s = &a->values.storages[i];
        struct extent *x = find_extent(a, s->key, s->key_size);
        const uint64_t width = glint_dtype_size(s->dtype);
        if (!x || (x->n_bytes && x->n_bytes != width))
            return wrong(a, "a tensor's storage is not in the file, or has two types");
        x->n_bytes = width;
    }
    return GLINT_OK;
}

static int place_storages(struct glint_archive *a, size_t at)
{
    const struct glint_pickle_value *list = &a->keys.values[a->keys.root];
    for (uint32_t cell = list->head; cell; cell = a->keys.cells[cell].next) {
        const struct glint_pickle_value *key = &a->keys.values[a->keys.cells[cell].value];
        struct extent *x = find_extent(a, key->as.bytes, key->count);
        const uint64_t left = a->size - at;
        const uint64_t n = left >= 8 ? glint_le64(a->bytes + at) : UINT64_MAX;
        if (!x->n_bytes)
            return wrong(a, "a storage that no tensor has");
        if (left < 8 || n > (left - 8) / x->n_bytes)
            return glint_fail(GLINT_E_FORMAT, "%s: offset %zu: a storage is cut short", a->name, at);
        x->at = at + 8;
        x->n_bytes *= n;
        at += 8 + (size_t)x->n_bytes;
    }
    return at == a->size ? GLINT_OK : wrong(a, "bytes after the last storage");
}

static int read_plain(struct glint_archive *a)
{
    size_t at = 0;
    GLINT_TRY(read_magic(a, &at));
    GLINT_TRY(read_system(a, &at));
    GLINT_TRY(read_pickle(a, &a->values, "values", &at));
    GLINT_TRY(read_pickle(a, &a->keys, "keys", &at));
    GLINT_TRY(list_keys(a));
    return place_storages(a, at);
}

static int storage_of_plain(const struct glint_archive *a, const struct glint_pickle_storage *s,
                            uint64_t *size, const uint8_t **out)
{
    const struct extent *x = find_extent(a, s->key, s->key_size); /* list_keys has found it */
    *out = a->bytes + x->at;
    *size = x->n_bytes;
    return GLINT_OK;
}

/* Both */

/* A safetensors file, which begins with a length, may begin with a pickle's first byte; then comes its '{'.
 */
bool glint_archive_begins(const uint8_t *bytes, size_t size)
{
    const bool pickle = size >= 2 && bytes[0] == 0x80 && bytes[1] <= 5 && !(size > 8 && bytes[8] == '{');
    return pickle || (size >= 4 && memcmp(bytes, "PK\3\4", 4) == 0) ||
           (size >= 262 && memcmp(bytes + 257, "ustar", 5) == 0);
}

static int read_any(struct glint_archive *a)
{
    if (a->size >= 4 && memcmp(a->bytes, "PK\3\4", 4) == 0)
        return read_zip(a);
    if (a->size >= 262 && memcmp(a->bytes + 257, "ustar", 5) == 0)
        return wrong(
            a, "a tar archive as PyTorch wrote them before version 0.1.10; load it there and save again");
    return read_plain(a);
}

int glint_archive_parse(const char *name, const uint8_t *bytes, size_t size,
                        struct glint_archive **archive_out)
{
    *archive_out = NULL;
    struct glint_archive *a = calloc(1, sizeof *a + strlen(name) + 1);
    if (!a)
        return glint_fail(GLINT_E_NOMEM, "%s: no memory", name);
    a->name = strcpy((char *)(a + 1), name);
    a->bytes = bytes;
    a->size = size;
    const int status = read_any(a);
    if (status != GLINT_OK)
        glint_archive_close(a);
    else
        *archive_out = a;
    return status;
}

int glint_archive_open(const char *path, struct glint_archive **archive_out)
{
    struct glint_file file;
    *archive_out = NULL;
    GLINT_TRY(glint_file_open(&file, path));
    const int status = glint_archive_parse(path, file.data, file.size, archive_out);
    if (status == GLINT_OK)
        (*archive_out)->file = file;
    else
        glint_file_close(&file);
    return status;
}

void glint_archive_close(struct glint_archive *a)
{
    if (!a)
        return;
    glint_pickle_close(&a->values);
    glint_pickle_close(&a->keys);
    glint_zip_close(&a->zip);
    free(a->extents);
    free(a->unpacked);
    glint_file_close(&a->file);
    free(a);
}

const struct glint_pickle *glint_archive_values(const struct glint_archive *a)
{
    return &a->values;
}

const char *glint_archive_format(const struct glint_archive *a)
{
    return a->zip.entries ? "PyTorch archive (zip)" : "PyTorch archive (before 1.6, without zip)";
}

int glint_archive_storage(const struct glint_archive *a, uint32_t index, const uint8_t **out,
                          void **owned_out)
{
    const struct glint_pickle_storage *s = &a->values.storages[index];
    const uint64_t width = glint_dtype_size(s->dtype);
    uint64_t size = 0;
    *owned_out = NULL;
    GLINT_TRY(a->zip.entries ? storage_of_zip(a, s, &size, out, owned_out)
                             : storage_of_plain(a, s, &size, out));
    const uint64_t first = (uint64_t)s->first * width, wanted = (uint64_t)s->n * width;
    if (first > size || wanted > size - first || (a->zip.entries && wanted != size)) {
        free(*owned_out);
        *owned_out = NULL;
        return glint_fail(GLINT_E_FORMAT, "%s: storage %.*s: %llu bytes, %lld elements of %s expected",
                          a->name, s->key_size < 60 ? (int)s->key_size : 60, (const char *)s->key,
                          (unsigned long long)size, (long long)s->n, glint_dtype_name(s->dtype));
    }
    *out += first;
    return GLINT_OK;
}
