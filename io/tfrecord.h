/* io/tfrecord.h - TFRecord files: records of any bytes, each with its length and two checksums.
 *
 *     struct glint_tfrecord file;
 *     GLINT_TRY(glint_tfrecord_open(&file, path, false));
 *     while ((status = glint_tfrecord_next(&file, &record)) == GLINT_OK)
 *         ... record.data, record.size ...
 *     glint_tfrecord_close(&file);
 *
 * A record is: u64 length, u32 masked CRC-32C of the length's 8 bytes, payload, u32 masked CRC-32C of the
 * payload; all little-endian. There is no header and no index; a file without a byte has no records. */
#ifndef GLINT_IO_TFRECORD_H
#define GLINT_IO_TFRECORD_H
#include "core/file.h"
#include "io/crc32c.h"
#include <stdbool.h>

#define GLINT_TFRECORD_OVERHEAD 16 /* bytes of a record besides its payload */

struct glint_record {
    const uint8_t *data; /* in the mapped file */
    size_t size;
    uint64_t offset; /* of the record's first byte, its length */
    int64_t number;  /* 0-based in the file, damaged ones counted */
};

/* What was left out of a file that is read with skip_corrupt. */
struct glint_tfrecord_damage {
    int64_t bad_data;   /* payloads that are not what was written */
    int64_t bad_length; /* 0 or 1: nothing behind it can be read */
    int64_t truncated;  /* 0 or 1: the file ends inside its last record */
};

struct glint_tfrecord {
    struct glint_file file;
    bool skip_corrupt;
    uint64_t at; /* next record */
    int64_t n_read;
    struct glint_tfrecord_damage damage;
    glint_crc32c_fn *crc;
    uint64_t released; /* bytes given back to the system */
};

/* Maps a file. GLINT_E_NOTFOUND, GLINT_E_IO. */
int glint_tfrecord_open(struct glint_tfrecord *t, const char *path, bool skip_corrupt);
void glint_tfrecord_close(struct glint_tfrecord *t);

/* The next record with both checksums checked. GLINT_E_EOF at the end; GLINT_E_FORMAT, with file, record and
 * byte, for what is damaged: after a bad payload the next call goes on with the next record, after a bad
 * length or a cut file it says GLINT_E_EOF, because where the next record would start is not known. With
 * skip_corrupt damage is counted instead, told in a log line, and no failure. */
int glint_tfrecord_next(struct glint_tfrecord *t, struct glint_record *record_out);

/* Like next without looking at the payload and its checksum: the places of records at the speed of seeking.
 */
int glint_tfrecord_skip(struct glint_tfrecord *t, struct glint_record *record_out);

/* Goes on with the record whose first byte is at offset, as skip or next told, and has that number. */
void glint_tfrecord_seek(struct glint_tfrecord *t, uint64_t offset, int64_t number);

/* The bytes before offset are not needed for now: the process stops counting them as its own memory. Called
 * along the way it keeps the memory of reading a large file small. */
void glint_tfrecord_release(struct glint_tfrecord *t, uint64_t offset);

/* Whether a file starts with a record: its length fits the checksum behind it. */
bool glint_tfrecord_probe(const uint8_t *data, size_t size);

/* Appends a record to out (a stream of the caller); false: out has failed. */
bool glint_tfrecord_write(FILE *out, const uint8_t *data, size_t size);
#endif
