/* convert/zip.c - see zip.h. The end record is looked for from the end, the directory is walked once; local
 * headers are read only to learn where an entry's bytes begin, as sizes in them may be left out (streams). */
#include "convert/zip.h"
#include "core/bytes.h"
#include "core/status.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define END_SIZE       22 /* 4.3.16, without the comment */
#define END64_SIZE     56 /* 4.3.14 */
#define LOCATOR_SIZE   20 /* 4.3.15 */
#define DIRECTORY_SIZE 46 /* 4.3.12, an entry without name, extra field and comment */
#define LOCAL_SIZE     30 /* 4.3.7 */
#define BOMB_RATIO     20
#define BOMB_FREE      ((uint64_t)16 << 20)

struct reader {
    struct glint_zip *zip;
    const uint8_t *bytes;
    uint64_t size;
    uint64_t n, directory, directory_size; /* entries; where the directory is */
    uint64_t unpacked;                     /* of deflated entries so far */
};

struct extent { /* the bytes of an entry, local header included */
    uint64_t begin, end;
    int32_t index;
};

static int wrong(const struct reader *r, uint64_t offset, const char *what)
{
    return glint_fail(GLINT_E_FORMAT, "%s: offset %llu: %s", r->zip->path, (unsigned long long)offset, what);
}

static int wrong_entry(const struct glint_zip *zip, const struct glint_zip_entry *e, const char *what)
{
    const int size = e->name_size < 120 ? (int)e->name_size : 120;
    return glint_fail(GLINT_E_FORMAT, "%s: entry %.*s: %s", zip->path, size, e->name, what);
}

/* The end of the archive */

static int read_end64(struct reader *r, uint64_t end)
{
    if (end < LOCATOR_SIZE || memcmp(r->bytes + end - LOCATOR_SIZE, "PK\6\7", 4) != 0)
        return wrong(r, end, "sizes of 64 bits without the record that has them");
    const uint64_t at = glint_le64(r->bytes + end - LOCATOR_SIZE + 8);
    if (at > end - LOCATOR_SIZE || end - LOCATOR_SIZE - at < END64_SIZE ||
        memcmp(r->bytes + at, "PK\6\6", 4) != 0)
        return wrong(r, end - LOCATOR_SIZE, "no end record of 64 bits where it should be");
    r->n = glint_le64(r->bytes + at + 32);
    r->directory_size = glint_le64(r->bytes + at + 40);
    r->directory = glint_le64(r->bytes + at + 48);
    return GLINT_OK;
}

static int find_end(struct reader *r, uint64_t *end_out)
{
    const uint64_t last = r->size < END_SIZE ? 0 : r->size - END_SIZE;
    const uint64_t first = last > 65535 ? last - 65535 : 0;
    for (uint64_t at = last + 1; r->size >= END_SIZE && at-- > first;)
        if (!memcmp(r->bytes + at, "PK\5\6", 4) &&
            at + END_SIZE + glint_le16(r->bytes + at + 20) == r->size) {
            *end_out = at;
            return GLINT_OK;
        }
    return wrong(r, r->size, "no end record of a zip archive: the file is cut short");
}

static int read_end(struct reader *r)
{
    uint64_t end = 0;
    GLINT_TRY(find_end(r, &end));
    const uint8_t *p = r->bytes + end;
    if (glint_le16(p + 4) != glint_le16(p + 6))
        return wrong(r, end, "an archive of several volumes");
    r->n = glint_le16(p + 10);
    r->directory_size = glint_le32(p + 12);
    r->directory = glint_le32(p + 16);
    if (r->n == 0xffff || r->directory_size == 0xffffffff || r->directory == 0xffffffff)
        GLINT_TRY(read_end64(r, end));
    if (r->directory > end || r->directory_size > end - r->directory)
        return wrong(r, end, "the directory would lie outside of the file");
    if (r->n > GLINT_ZIP_ENTRIES_MAX || r->n > r->directory_size / DIRECTORY_SIZE)
        return wrong(r, end, "more entries than there can be");
    return GLINT_OK;
}

/* Entries */

/* The extra field of sizes of 64 bits (4.5.3), or NULL. */
static const uint8_t *find_extra64(const uint8_t *p, size_t size, size_t *left)
{
    for (size_t at = 0; size - at >= 4;) {
        const size_t n = glint_le16(p + at + 2);
        if (n > size - at - 4)
            return NULL;
        *left = n;
        if (glint_le16(p + at) == 1)
            return p + at + 4;
        at += 4 + n;
    }
    return NULL;
}

/* Sizes and place that did not fit 32 bits, in their fixed order. */
static bool read_extra64(const uint8_t *p, size_t size, struct glint_zip_entry *e, uint64_t *local)
{
    uint64_t *const wide[] = {&e->size, &e->packed, local};
    size_t left = 0;
    const uint8_t *field = find_extra64(p, size, &left);
    for (int i = 0; i < 3; i++) {
        if (*wide[i] != 0xffffffff)
            continue;
        if (!field || left < 8)
            return false;
        *wide[i] = glint_le64(field);
        field += 8;
        left -= 8;
    }
    return true;
}

static int check_kind(struct reader *r, const struct glint_zip_entry *e, uint16_t flags)
{
    if (flags & 1)
        return wrong_entry(r->zip, e, "encrypted");
    if (e->method != GLINT_ZIP_STORED && e->method != GLINT_ZIP_DEFLATED)
        return wrong_entry(r->zip, e, "neither stored nor deflated");
    if (e->method == GLINT_ZIP_STORED && e->size != e->packed)
        return wrong_entry(r->zip, e, "stored, but with another size");
    if (e->method == GLINT_ZIP_STORED)
        return GLINT_OK;
    if (e->size > UINT64_MAX / 2 || (r->unpacked += e->size) > r->size * BOMB_RATIO + BOMB_FREE)
        return wrong_entry(r->zip, e, "unpacks to more than 20 times the archive: a zip bomb");
    return GLINT_OK;
}

/* Where its bytes begin: behind the local header, whose name must be the directory's. */
static int find_data(struct reader *r, struct glint_zip_entry *e, uint64_t local, struct extent *x)
{
    if (local > r->directory || r->directory - local < LOCAL_SIZE ||
        memcmp(r->bytes + local, "PK\3\4", 4) != 0)
        return wrong_entry(r->zip, e, "no local header where the directory says");
    const uint8_t *p = r->bytes + local;
    const uint64_t head = LOCAL_SIZE + (uint64_t)glint_le16(p + 26) + glint_le16(p + 28);
    if (head > r->directory - local || e->packed > r->directory - local - head)
        return wrong_entry(r->zip, e, "reaches beyond the archive");
    if (glint_le16(p + 26) != e->name_size || memcmp(p + LOCAL_SIZE, e->name, e->name_size) != 0)
        return wrong_entry(r->zip, e, "has another name in its local header");
    e->data = p + head;
    x->begin = local;
    x->end = local + head + e->packed;
    return GLINT_OK;
}

static int read_entry(struct reader *r, uint64_t *at, struct extent *x)
{
    struct glint_zip_entry *e = &r->zip->entries[r->zip->n];
    const uint64_t left = r->directory + r->directory_size - *at;
    const uint8_t *p = r->bytes + *at;
    if (left < DIRECTORY_SIZE || memcmp(p, "PK\1\2", 4) != 0)
        return wrong(r, *at, "an entry of the directory expected");
    const uint64_t names = (uint64_t)glint_le16(p + 28) + glint_le16(p + 30) + glint_le16(p + 32);
    if (names > left - DIRECTORY_SIZE)
        return wrong(r, *at, "an entry of the directory is cut short");
    *e = (struct glint_zip_entry){.name = (const char *)p + DIRECTORY_SIZE,
                                  .name_size = glint_le16(p + 28),
                                  .crc = glint_le32(p + 16),
                                  .method = (enum glint_zip_method)glint_le16(p + 10),
                                  .size = glint_le32(p + 24),
                                  .packed = glint_le32(p + 20)};
    uint64_t local = glint_le32(p + 42);
    if (!read_extra64(p + DIRECTORY_SIZE + e->name_size, glint_le16(p + 30), e, &local))
        return wrong_entry(r->zip, e, "sizes of 64 bits are missing");
    GLINT_TRY(check_kind(r, e, glint_le16(p + 8)));
    GLINT_TRY(find_data(r, e, local, x));
    x->index = r->zip->n++;
    *at += DIRECTORY_SIZE + names;
    return GLINT_OK;
}

static int by_begin(const void *a, const void *b)
{
    const struct extent *p = a, *q = b;
    return p->begin < q->begin ? -1 : p->begin > q->begin;
}

/* Bytes that belong to two entries would make a small archive large. */
static int check_apart(const struct reader *r, struct extent *x)
{
    qsort(x, (size_t)r->zip->n, sizeof *x, by_begin);
    for (int32_t i = 1; i < r->zip->n; i++)
        if (x[i].begin < x[i - 1].end)
            return wrong_entry(r->zip, &r->zip->entries[x[i].index], "overlaps another entry");
    return GLINT_OK;
}

static int read_entries(struct reader *r, struct extent *x)
{
    uint64_t at = r->directory;
    for (uint64_t i = 0; i < r->n; i++)
        GLINT_TRY(read_entry(r, &at, &x[i]));
    return check_apart(r, x);
}

int glint_zip_open(struct glint_zip *zip, const char *path, const uint8_t *bytes, size_t size)
{
    struct reader r = {.zip = zip, .bytes = bytes, .size = size};
    *zip = (struct glint_zip){.path = path};
    GLINT_TRY(read_end(&r));
    struct extent *x = calloc((size_t)r.n + 1, sizeof *x);
    zip->entries = calloc((size_t)r.n + 1, sizeof *zip->entries);
    const int status =
        x && zip->entries ? read_entries(&r, x) : glint_fail(GLINT_E_NOMEM, "%s: no memory", path);
    free(x);
    if (status != GLINT_OK)
        glint_zip_close(zip);
    return status;
}

void glint_zip_close(struct glint_zip *zip)
{
    free(zip->entries);
    *zip = (struct glint_zip){0};
}

const struct glint_zip_entry *glint_zip_find(const struct glint_zip *zip, const char *folder,
                                             size_t folder_size, const char *name, size_t name_size)
{
    const size_t head = folder_size ? folder_size + 1 : 0;
    for (int32_t i = 0; i < zip->n; i++) {
        const struct glint_zip_entry *e = &zip->entries[i];
        if (e->name_size == head + name_size && !memcmp(e->name + head, name, name_size) &&
            (!head || (!memcmp(e->name, folder, folder_size) && e->name[folder_size] == '/')))
            return e;
    }
    return NULL;
}

/* Contents */

/* At once: both sizes are bounded. */
static int inflate_to(const struct glint_zip *zip, const struct glint_zip_entry *e, uint8_t *out)
{
    z_stream z = {.next_in = (z_const Bytef *)(uintptr_t)e->data,
                  .avail_in = (uInt)e->packed,
                  .next_out = out,
                  .avail_out = (uInt)e->size};
    if (inflateInit2(&z, -MAX_WBITS) != Z_OK)
        return glint_fail(GLINT_E_NOMEM, "%s: no memory to unpack", zip->path);
    const bool whole = inflate(&z, Z_FINISH) == Z_STREAM_END && z.avail_out == 0;
    inflateEnd(&z);
    return whole ? GLINT_OK : wrong_entry(zip, e, "does not unpack to the size that the directory says");
}

static uint32_t crc_of(const uint8_t *p, uint64_t size)
{
    uLong crc = crc32(0, NULL, 0);
    for (uint64_t at = 0; at < size;) {
        const uint64_t step = size - at < (1u << 30) ? size - at : 1u << 30;
        crc = crc32(crc, p + at, (uInt)step);
        at += step;
    }
    return (uint32_t)crc;
}

static int unpack(const struct glint_zip *zip, const struct glint_zip_entry *e, const uint8_t **out,
                  void **owned)
{
    *out = e->data;
    if (e->method == GLINT_ZIP_STORED)
        return GLINT_OK;
    if (e->size > GLINT_ZIP_UNPACK_MAX || e->packed > 2 * GLINT_ZIP_UNPACK_MAX)
        return wrong_entry(zip, e, "deflated and larger than 48 MB (torch.save stores; save it again)");
    *out = *owned = malloc((size_t)e->size + 1);
    if (!*owned)
        return glint_fail(GLINT_E_NOMEM, "%s: no memory to unpack", zip->path);
    return inflate_to(zip, e, *owned);
}

int glint_zip_unpack(const struct glint_zip *zip, const struct glint_zip_entry *e, const uint8_t **out,
                     void **owned_out)
{
    *owned_out = NULL;
    int status = unpack(zip, e, out, owned_out);
    if (status == GLINT_OK && e->crc && crc_of(*out, e->size) != e->crc)
        status = wrong_entry(zip, e, "its CRC is not the recorded one: the file is damaged");
    if (status != GLINT_OK) {
        free(*owned_out);
        *owned_out = NULL;
    }
    return status;
}
