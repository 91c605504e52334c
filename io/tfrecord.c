/* io/tfrecord.c - see tfrecord.h. */
#define _DEFAULT_SOURCE /* madvise */
#include "io/tfrecord.h"
#include "core/bytes.h"
#include "core/cpu.h"
#include "core/log.h"
#include "core/status.h"
#include <stdarg.h>
#include <sys/mman.h>

#define HEAD          12 /* length and its checksum */
#define RELEASE_PIECE (8u << 20)

int glint_tfrecord_open(struct glint_tfrecord *t, const char *path, bool skip_corrupt)
{
    *t = (struct glint_tfrecord){.skip_corrupt = skip_corrupt, .crc = glint_crc32c_get(glint_cpu_isa())};
    return glint_file_open(&t->file, path);
}

void glint_tfrecord_close(struct glint_tfrecord *t)
{
    glint_file_close(&t->file);
    *t = (struct glint_tfrecord){0};
}

/* A damaged record: counted and passed over (GLINT_OK), or the reader's failure. */
static int damaged(struct glint_tfrecord *t, int64_t *count, const char *fmt, ...) GLINT_PRINTF(3, 4);
static int damaged(struct glint_tfrecord *t, int64_t *count, const char *fmt, ...)
{
    char reason[256];
    va_list args;
    va_start(args, fmt);
    vsnprintf(reason, sizeof reason, fmt, args);
    va_end(args);
    if (!t->skip_corrupt)
        return glint_fail(GLINT_E_FORMAT, "%s: record %lld at byte %llu: %s", t->file.path,
                          (long long)t->n_read, (unsigned long long)t->at, reason);
    (*count)++;
    glint_log(GLINT_LOG_WARN, "%s: record %lld at byte %llu left out: %s", t->file.path, (long long)t->n_read,
              (unsigned long long)t->at, reason);
    return GLINT_OK;
}

/* What cannot be passed over: the rest of the file is not read. */
static int lost(struct glint_tfrecord *t, int status)
{
    t->at = t->file.size;
    return status == GLINT_OK ? GLINT_E_EOF : status;
}

static int read_head(struct glint_tfrecord *t, struct glint_record *r)
{
    const uint64_t left = t->file.size - t->at;
    if (left == 0)
        return GLINT_E_EOF;
    if (left < HEAD)
        return lost(t, damaged(t, &t->damage.truncated,
                               "the file ends after %llu bytes of the 12 of a length and its checksum",
                               (unsigned long long)left));
    const uint8_t *p = t->file.data + t->at;
    const uint64_t size = glint_le64(p);
    const uint32_t stored = glint_le32(p + 8), found = glint_crc32c_masked(t->crc(0, p, 8));
    if (stored != found)
        return lost(t,
                    damaged(t, &t->damage.bad_length,
                            "its length has checksum %08x, stored is %08x: where the next record starts is "
                            "not known, the rest of the file cannot be read",
                            found, stored));
    if (left < GLINT_TFRECORD_OVERHEAD || size > left - GLINT_TFRECORD_OVERHEAD)
        return lost(t, damaged(t, &t->damage.truncated,
                               "its payload of %llu bytes and checksum are cut: the file ends after %llu",
                               (unsigned long long)size, (unsigned long long)(left - HEAD)));
    *r = (struct glint_record){p + HEAD, (size_t)size, t->at, t->n_read};
    return GLINT_OK;
}

static void step(struct glint_tfrecord *t, const struct glint_record *r)
{
    t->at = r->offset + r->size + GLINT_TFRECORD_OVERHEAD;
    t->n_read++;
}

int glint_tfrecord_next(struct glint_tfrecord *t, struct glint_record *record_out)
{
    for (;;) {
        const int head = read_head(t, record_out);
        if (head != GLINT_OK)
            return head;
        const struct glint_record *r = record_out;
        const uint32_t stored = glint_le32(r->data + r->size),
                       found = glint_crc32c_masked(t->crc(0, r->data, r->size));
        const int status = stored == found
                               ? GLINT_OK
                               : damaged(t, &t->damage.bad_data,
                                         "its %zu bytes of payload have checksum %08x, stored is %08x",
                                         r->size, found, stored);
        step(t, r);
        if (stored == found || status < 0)
            return status;
    }
}

int glint_tfrecord_skip(struct glint_tfrecord *t, struct glint_record *record_out)
{
    const int head = read_head(t, record_out);
    if (head == GLINT_OK)
        step(t, record_out);
    return head;
}

void glint_tfrecord_seek(struct glint_tfrecord *t, uint64_t offset, int64_t number)
{
    t->at = offset < t->file.size ? offset : t->file.size;
    t->n_read = number;
}

void glint_tfrecord_release(struct glint_tfrecord *t, uint64_t offset)
{
    const uint64_t end = (offset < t->file.size ? offset : t->file.size) / RELEASE_PIECE * RELEASE_PIECE;
    if (end <= t->released)
        return;
    uint8_t *base = (uint8_t *)(uintptr_t)t->file.data; /* pages of a mapping to read; nothing is changed */
    (void)madvise(base + t->released, (size_t)(end - t->released), MADV_DONTNEED);
    t->released = end;
}

bool glint_tfrecord_probe(const uint8_t *data, size_t size)
{
    return size >= HEAD && glint_le32(data + 8) == glint_crc32c_masked(glint_crc32c_c(0, data, 8));
}

static void put_u32(uint8_t *p, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(value >> 8 * i);
}

bool glint_tfrecord_write(FILE *out, const uint8_t *data, size_t size)
{
    glint_crc32c_fn *crc = glint_crc32c_get(glint_cpu_isa());
    uint8_t head[HEAD], tail[4];
    put_u32(head, (uint32_t)size);
    put_u32(head + 4, (uint32_t)((uint64_t)size >> 32));
    put_u32(head + 8, glint_crc32c_masked(crc(0, head, 8)));
    put_u32(tail, glint_crc32c_masked(crc(0, data, size)));
    return fwrite(head, 1, sizeof head, out) == sizeof head && fwrite(data, 1, size, out) == size &&
           fwrite(tail, 1, sizeof tail, out) == sizeof tail;
}
