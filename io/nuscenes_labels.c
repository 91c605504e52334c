/* io/nuscenes_labels.c - see nuscenes_labels.h. An .npz is a zip archive of .npy files;
 * numpy.savez_compressed writes sizes of an entry into the central directory always, into its local header
 * not always, so the directory is what is read (PKWARE APPNOTE 4.3.12; numpy.lib.format 1.0 to 3.0). */
#include "io/nuscenes_labels.h"
#include "core/bytes.h"
#include "core/file.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define CAP_POINTS (16u << 20) /* as source_points.h: more is no scan */

void glint_nuscenes_labels_fini(struct glint_nuscenes_labels *labels)
{
    free(labels->category);
    free(labels->instance);
    memset(labels, 0, sizeof *labels);
}

static int no_labels(const struct glint_nuscenes_tables *t, int32_t sweep, const char *table)
{
    char token[GLINT_TOKEN_TEXT];
    glint_token_format(t->sweep[sweep].token, token);
    return glint_fail(GLINT_E_NOTFOUND, "%s/%s/%s.json: no labels of key frame %s", t->root, t->version,
                      table, token);
}

int glint_nuscenes_lidarseg_read(const struct glint_nuscenes_tables *t, int32_t sweep,
                                 struct glint_nuscenes_labels *labels)
{
    char path[2048];
    struct glint_file file;
    memset(labels, 0, sizeof *labels);
    if (!t->sweep[sweep].lidarseg)
        return no_labels(t, sweep, "lidarseg");
    snprintf(path, sizeof path, "%s/%s", t->root, t->text + t->sweep[sweep].lidarseg);
    GLINT_TRY(glint_file_open(&file, path));
    labels->category = malloc(file.size + 1);
    if (labels->category && file.size)
        memcpy(labels->category, file.data, file.size);
    labels->n = file.size;
    glint_file_close(&file);
    return labels->category ? GLINT_OK : glint_fail(GLINT_E_NOMEM, "%s: no memory", path);
}

/* The archive's entry "data.npy" */

struct entry {
    uint32_t method; /* 0: stored, 8: deflated */
    size_t packed, size, at;
};

/* The end record: its offset, or size where there is none. It is followed by a comment of at most 64 KB. */
static size_t find_end(const uint8_t *data, size_t size)
{
    const size_t first = size > 22 + 65535 ? size - 22 - 65535 : 0;
    for (size_t i = size >= 22 ? size - 22 : 0; size >= 22; i--) {
        if (glint_le32(data + i) == 0x06054b50)
            return i;
        if (i == first)
            break;
    }
    return size;
}

static bool find_entry(const uint8_t *data, size_t size, struct entry *entry)
{
    const size_t end = find_end(data, size);
    if (end == size)
        return false;
    size_t at = glint_le32(data + end + 16);
    for (uint32_t n = glint_le16(data + end + 10); n > 0 && at <= size && size - at >= 46; n--) {
        const uint8_t *h = data + at;
        const size_t name = glint_le16(h + 28);
        if (glint_le32(h) != 0x02014b50 || size - at - 46 < name)
            return false;
        *entry =
            (struct entry){glint_le16(h + 10), glint_le32(h + 20), glint_le32(h + 24), glint_le32(h + 42)};
        if (name == 8 && memcmp(h + 46, "data.npy", 8) == 0)
            return true;
        at += 46 + name + glint_le16(h + 30) + glint_le16(h + 32);
    }
    return false;
}

static bool inflate_all(const uint8_t *in, size_t n, uint8_t *out, size_t size)
{
    z_stream z = {
        .next_in = (uint8_t *)(uintptr_t)in, .avail_in = (uInt)n, .next_out = out, .avail_out = (uInt)size};
    if (inflateInit2(&z, -15) != Z_OK) /* without a zlib header */
        return false;
    const int result = inflate(&z, Z_FINISH);
    inflateEnd(&z);
    return result == Z_STREAM_END && z.total_out == size;
}

/* The entry's bytes; the caller frees. NULL: damaged, or no memory. */
static uint8_t *unpack(const uint8_t *data, size_t size, const struct entry *e)
{
    if (e->at > size || size - e->at < 30 || glint_le32(data + e->at) != 0x04034b50)
        return NULL;
    const size_t begin = e->at + 30 + glint_le16(data + e->at + 26) + glint_le16(data + e->at + 28);
    if (begin > size || size - begin < e->packed || e->size > 2 * (size_t)CAP_POINTS + 4096 || e->size == 0)
        return NULL;
    uint8_t *out = malloc(e->size);
    const bool ok =
        out && (e->method == 8   ? inflate_all(data + begin, e->packed, out, e->size)
                : e->method == 0 ? e->packed == e->size && memcpy(out, data + begin, e->size) != NULL
                                 : false);
    if (!ok) {
        free(out);
        return NULL;
    }
    return out;
}

/* Where the values of an .npy of little-endian uint16 begin; 0: it is none, or of another type. */
static size_t npy_values(const uint8_t *npy, size_t size)
{
    if (size < 12 || memcmp(npy, "\x93NUMPY", 6) != 0)
        return 0;
    const size_t head = npy[6] == 1 ? 10 : 12;
    const size_t text = npy[6] == 1 ? glint_le16(npy + 8) : glint_le32(npy + 8);
    if (text > size - head)
        return 0;
    char header[512] = {0};
    memcpy(header, npy + head, text < sizeof header - 1 ? text : sizeof header - 1);
    return strstr(header, "'<u2'") && strstr(header, "'fortran_order': False") ? head + text : 0;
}

static int split(const char *name, const uint8_t *values, size_t n, struct glint_nuscenes_labels *labels)
{
    labels->n = n;
    labels->category = malloc(n + 1);
    labels->instance = malloc((n + 1) * sizeof *labels->instance);
    if (!labels->category || !labels->instance)
        return glint_fail(GLINT_E_NOMEM, "%s: no memory", name);
    for (size_t i = 0; i < n; i++) {
        const uint16_t v = glint_le16(values + 2 * i);
        labels->category[i] = (uint8_t)(v / 1000);
        labels->instance[i] = v % 1000;
    }
    return GLINT_OK;
}

int glint_nuscenes_panoptic_parse(const char *name, const uint8_t *data, size_t size,
                                  struct glint_nuscenes_labels *labels)
{
    struct entry entry;
    memset(labels, 0, sizeof *labels);
    if (!find_entry(data, size, &entry))
        return glint_fail(GLINT_E_FORMAT, "%s: an .npz archive with an array \"data\" expected", name);
    uint8_t *npy = unpack(data, size, &entry);
    if (!npy)
        return glint_fail(GLINT_E_FORMAT, "%s: offset %zu: the array cannot be unpacked", name, entry.at);
    const size_t values = npy_values(npy, entry.size);
    int status;
    if (values == 0 || (entry.size - values) % 2 != 0)
        status = glint_fail(GLINT_E_FORMAT, "%s: an array of little-endian uint16 expected", name);
    else
        status = split(name, npy + values, (entry.size - values) / 2, labels);
    free(npy);
    return status;
}

int glint_nuscenes_panoptic_read(const struct glint_nuscenes_tables *t, int32_t sweep,
                                 struct glint_nuscenes_labels *labels)
{
    char path[2048];
    struct glint_file file;
    memset(labels, 0, sizeof *labels);
    if (!t->sweep[sweep].panoptic)
        return no_labels(t, sweep, "panoptic");
    snprintf(path, sizeof path, "%s/%s", t->root, t->text + t->sweep[sweep].panoptic);
    GLINT_TRY(glint_file_open(&file, path));
    const int status = glint_nuscenes_panoptic_parse(path, file.data, file.size, labels);
    glint_file_close(&file);
    return status;
}
