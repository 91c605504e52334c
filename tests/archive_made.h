/* tests/archive_made.h - what torch.save writes, made here: pickles, zip archives and the older format; for
 * tests and as seeds of fuzzing. Blocks grow; made_free gives them back. */
#ifndef GLINT_TESTS_ARCHIVE_MADE_H
#define GLINT_TESTS_ARCHIVE_MADE_H
#include "core/tensor.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

struct made {
    uint8_t *data;
    size_t n, cap;
};

static inline void made_add(struct made *m, const void *bytes, size_t n)
{
    if (m->n + n > m->cap) {
        m->cap = 2 * (m->n + n) + 256;
        m->data = realloc(m->data, m->cap);
        if (!m->data)
            abort();
    }
    if (n)
        memcpy(m->data + m->n, bytes, n);
    m->n += n;
}

static inline void made_free(struct made *m)
{
    free(m->data);
    *m = (struct made){0};
}

static inline void made_number(struct made *m, int width, uint64_t value)
{
    for (int i = 0; i < width; i++)
        made_add(m, (const uint8_t[]){(uint8_t)(value >> (8 * i))}, 1);
}

static inline void made_byte(struct made *m, int byte)
{
    made_number(m, 1, (uint64_t)byte);
}

/* ---- pickles (protocol 2) ---- */

static inline void made_text(struct made *m, const char *text)
{
    made_byte(m, 'X');
    made_number(m, 4, strlen(text));
    made_add(m, text, strlen(text));
}

static inline void made_int(struct made *m, int64_t value)
{
    made_byte(m, 0x8a); /* LONG1 */
    made_byte(m, 8);
    made_number(m, 8, (uint64_t)value);
}

static inline void made_global(struct made *m, const char *module, const char *name)
{
    made_byte(m, 'c');
    made_add(m, module, strlen(module));
    made_byte(m, '\n');
    made_add(m, name, strlen(name));
    made_byte(m, '\n');
}

static inline const char *made_class(enum glint_dtype dtype)
{
    static const char *const names[GLINT_DTYPE_COUNT] = {
        [GLINT_DTYPE_F64] = "DoubleStorage", [GLINT_DTYPE_F32] = "FloatStorage",
        [GLINT_DTYPE_F16] = "HalfStorage",   [GLINT_DTYPE_BF16] = "BFloat16Storage",
        [GLINT_DTYPE_I64] = "LongStorage",   [GLINT_DTYPE_I32] = "IntStorage",
        [GLINT_DTYPE_I16] = "ShortStorage",  [GLINT_DTYPE_I8] = "CharStorage",
        [GLINT_DTYPE_U8] = "ByteStorage",    [GLINT_DTYPE_BOOL] = "BoolStorage"};
    return names[dtype];
}

static inline void made_dims(struct made *m, int32_t n, const int64_t *values)
{
    made_byte(m, '(');
    for (int32_t i = 0; i < n; i++)
        made_int(m, values[i]);
    made_byte(m, 't');
}

struct made_tensor {
    const char *key;
    enum glint_dtype dtype;
    int64_t n; /* elements of the storage */
    int64_t offset;
    int32_t n_dims;
    int64_t shape[GLINT_TENSOR_DIMS], stride[GLINT_TENSOR_DIMS];
};

/* Strides of rows one after another. */
static inline void made_contiguous(struct made_tensor *t)
{
    int64_t step = 1;
    for (int32_t i = t->n_dims - 1; i >= 0; i--) {
        t->stride[i] = step;
        step *= t->shape[i];
    }
    t->n = step;
}

/* ('storage', class, key, 'cpu', n[, None]) Q */
static inline void made_storage(struct made *m, const struct made_tensor *t, bool plain)
{
    made_byte(m, '(');
    made_text(m, "storage");
    made_global(m, "torch", made_class(t->dtype));
    made_text(m, t->key);
    made_text(m, "cpu");
    made_int(m, t->n);
    if (plain)
        made_byte(m, 'N');
    made_add(m, "tQ", 2);
}

/* plain: the format without zip */
static inline void made_pickled_tensor(struct made *m, const struct made_tensor *t, bool plain)
{
    made_global(m, "torch._utils", "_rebuild_tensor_v2");
    made_byte(m, '(');
    made_storage(m, t, plain);
    made_int(m, t->offset);
    made_dims(m, t->n_dims, t->shape);
    made_dims(m, t->n_dims, t->stride);
    made_byte(m, 0x89); /* False */
    made_global(m, "collections", "OrderedDict");
    made_add(m, ")RtR", 4);
}

/* ---- zip ---- */

struct made_zip {
    struct made file, directory;
    int n;
    bool no_crc; /* none recorded: a changed byte is not noticed by it */
};

static inline void made_zip_head(struct made *m, const char *magic, bool central, int method, uint32_t crc,
                                 uint64_t packed, uint64_t size, size_t name)
{
    made_add(m, magic, 4);
    if (central)
        made_number(m, 2, 20);
    made_number(m, 2, 20);
    made_number(m, 2, 0); /* flags */
    made_number(m, 2, (uint64_t)method);
    made_number(m, 4, 0); /* time */
    made_number(m, 4, crc);
    made_number(m, 4, packed);
    made_number(m, 4, size);
    made_number(m, 2, name);
    made_number(m, 2, 0); /* extra */
}

static inline void made_deflate(const void *data, size_t size, struct made *out)
{
    z_stream z = {.next_in = (z_const Bytef *)(uintptr_t)data, .avail_in = (uInt)size};
    uint8_t block[65536];
    if (deflateInit2(&z, 9, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY) != Z_OK)
        abort();
    for (int state = Z_OK; state != Z_STREAM_END;) {
        z.next_out = block;
        z.avail_out = sizeof block;
        state = deflate(&z, Z_FINISH);
        made_add(out, block, sizeof block - z.avail_out);
    }
    deflateEnd(&z);
}

static inline void made_zip_add(struct made_zip *z, const char *name, const void *data, size_t size,
                                bool deflated)
{
    struct made packed = {0};
    const size_t at = z->file.n;
    const uint32_t crc = z->no_crc ? 0 : (uint32_t)crc32(0, data, (uInt)size);
    if (deflated)
        made_deflate(data, size, &packed);
    else
        made_add(&packed, data, size);
    made_zip_head(&z->file, "PK\3\4", false, deflated ? 8 : 0, crc, packed.n, size, strlen(name));
    made_add(&z->file, name, strlen(name));
    made_add(&z->file, packed.data, packed.n);
    made_zip_head(&z->directory, "PK\1\2", true, deflated ? 8 : 0, crc, packed.n, size, strlen(name));
    made_number(&z->directory, 2, 0); /* comment */
    made_number(&z->directory, 2, 0); /* volume */
    made_number(&z->directory, 2, 0);
    made_number(&z->directory, 4, 0);
    made_number(&z->directory, 4, at);
    made_add(&z->directory, name, strlen(name));
    made_free(&packed);
    z->n++;
}

/* The directory and the end; z->file is then the archive. */
static inline void made_zip_end(struct made_zip *z)
{
    const size_t at = z->file.n;
    made_add(&z->file, z->directory.data, z->directory.n);
    made_add(&z->file, "PK\5\6\0\0\0\0", 8);
    made_number(&z->file, 2, (uint64_t)z->n);
    made_number(&z->file, 2, (uint64_t)z->n);
    made_number(&z->file, 4, z->directory.n);
    made_number(&z->file, 4, at);
    made_number(&z->file, 2, 0);
    made_free(&z->directory);
}

/* ---- checkpoints ---- */

struct made_entry {
    const char *name;
    struct made_tensor tensor;
    const void *data; /* of the whole storage */
};

/* {'state_dict': OrderedDict(...), 'epoch': 3} */
static inline struct made made_state(const struct made_entry *entries, int32_t n, bool plain)
{
    struct made m = {0};
    made_add(&m, "\x80\2}(", 4);
    made_text(&m, "state_dict");
    made_global(&m, "collections", "OrderedDict");
    made_add(&m, ")R(", 3);
    for (int32_t i = 0; i < n; i++) {
        made_text(&m, entries[i].name);
        made_pickled_tensor(&m, &entries[i].tensor, plain);
    }
    made_byte(&m, 'u');
    made_text(&m, "epoch");
    made_add(&m, "K\3u.", 4);
    return m;
}

static inline size_t made_storage_bytes(const struct made_tensor *t)
{
    return (size_t)t->n * glint_dtype_size(t->dtype);
}

static inline struct made made_checkpoint_zip_by(struct made_zip z, const struct made_entry *entries,
                                                 int32_t n, bool deflated)
{
    struct made pickle = made_state(entries, n, false);
    made_zip_add(&z, "archive/data.pkl", pickle.data, pickle.n, deflated);
    made_zip_add(&z, "archive/byteorder", "little", 6, false);
    for (int32_t i = 0; i < n; i++) {
        char name[64];
        snprintf(name, sizeof name, "archive/data/%.40s", entries[i].tensor.key);
        made_zip_add(&z, name, entries[i].data, made_storage_bytes(&entries[i].tensor), deflated);
    }
    made_zip_add(&z, "archive/version", "3\n", 2, false);
    made_zip_end(&z);
    made_free(&pickle);
    return z.file;
}

static inline struct made made_checkpoint_zip(const struct made_entry *entries, int32_t n, bool deflated)
{
    return made_checkpoint_zip_by((struct made_zip){0}, entries, n, deflated);
}

/* n_keys storages, of which the values use the first n. */
static inline struct made made_checkpoint_plain_of(const struct made_entry *entries, int32_t n,
                                                   int32_t n_keys)
{
    static const char head[] = "\x80\2\x8a\n\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19." /* magic number */
                               "\x80\2M\xe9\3.";                                       /* version 1001 */
    struct made m = {0}, pickle = made_state(entries, n, true);
    made_add(&m, head, sizeof head - 1);
    made_add(&m, "\x80\2}", 3);
    made_text(&m, "little_endian");
    made_add(&m, "\x88s.", 3);
    made_add(&m, pickle.data, pickle.n);
    made_add(&m, "\x80\2](", 4);
    for (int32_t i = 0; i < n_keys; i++)
        made_text(&m, entries[i].tensor.key);
    made_add(&m, "e.", 2);
    for (int32_t i = 0; i < n_keys; i++) {
        made_number(&m, 8, (uint64_t)entries[i].tensor.n);
        made_add(&m, entries[i].data, made_storage_bytes(&entries[i].tensor));
    }
    made_free(&pickle);
    return m;
}

static inline struct made made_checkpoint_plain(const struct made_entry *entries, int32_t n)
{
    return made_checkpoint_plain_of(entries, n, n);
}
#endif
