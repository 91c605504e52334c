/* ros/mcap_write.c - see mcap_write.h.
 *
 * Messages gather in `chunk`, each channel's places in it in its `index`. When the chunk ends, the chunk
 * record and its message indexes are put together in `out` and written by one call. What the summary wants to
 * know of a chunk is kept as its finished chunk index record (some 150 bytes a chunk), so that a summary is
 * put together by appending. */
#define _POSIX_C_SOURCE 200809L
#include "ros/mcap_write.h"
#include "core/clock.h"
#include "ros/mcap.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define LIBRARY "glint"

struct channel {
    uint32_t sequence;
    uint64_t n;                /* messages in the file */
    struct glint_buffer index; /* of the chunk: pairs of time and offset */
};

struct glint_mcap_writer {
    const char *path;
    struct glint_mcap_settings settings;
    struct glint_compressor *compressor;
    int fd;
    bool is_regular, failed, finished;
    uint64_t size;                         /* of the file, up to its last whole chunk */
    uint32_t crc;                          /* of these bytes */
    struct glint_buffer chunk, out;        /* records of the chunk; what goes to the file */
    struct glint_buffer schemas, channels; /* their records, for the first chunk and the summary */
    struct glint_buffer chunk_indexes;
    uint16_t n_schemas, n_channels;
    char *type_names[GLINT_MCAP_CHANNELS]; /* of the schemas */
    struct channel channel[GLINT_MCAP_CHANNELS];
    bool told_channels;              /* their records are in a chunk */
    _Atomic uint32_t chunk_messages; /* waiting in the chunk at hand */
    uint32_t n_chunks;
    uint64_t chunk_first, chunk_last, first, last; /* times: of the chunk, of the chunks in the file */
    _Atomic uint64_t n_messages;                   /* in the file */
    int64_t chunk_began_ns;                        /* monotonic */
};

void glint_mcap_settings_default(struct glint_mcap_settings *s)
{
    *s = (struct glint_mcap_settings){glint_compression_best(), 1 << 20, INT64_C(1000000000)};
}

/* ---- records ---- */

static void put_u8(struct glint_buffer *b, uint8_t value)
{
    glint_buffer_add(b, &value, 1);
}

static void put_u16(struct glint_buffer *b, uint16_t value)
{
    const uint8_t bytes[2] = {(uint8_t)value, (uint8_t)(value >> 8)};
    glint_buffer_add(b, bytes, 2);
}

static void put_u64(struct glint_buffer *b, uint64_t value)
{
    glint_buffer_u32(b, (uint32_t)value);
    glint_buffer_u32(b, (uint32_t)(value >> 32));
}

static void put_text(struct glint_buffer *b, const char *text)
{
    glint_buffer_u32(b, (uint32_t)strlen(text));
    glint_buffer_text(b, text);
}

/* Opens a record; its place is for end_record. */
static size_t begin_record(struct glint_buffer *b, enum glint_mcap_opcode opcode)
{
    const size_t at = b->size;
    put_u8(b, (uint8_t)opcode);
    put_u64(b, 0);
    return at;
}

static void set_u64(struct glint_buffer *b, size_t at, uint64_t value)
{
    for (size_t i = 0; !b->failed && i < 8; i++)
        b->data[at + i] = (uint8_t)(value >> 8 * i);
}

static void end_record(struct glint_buffer *b, size_t at)
{
    set_u64(b, at + 1, b->size - at - GLINT_MCAP_RECORD_HEAD);
}

/* A u32 of bytes to come: begin, and end with its place. */
static size_t begin_bytes(struct glint_buffer *b)
{
    glint_buffer_u32(b, 0);
    return b->size;
}

static void end_bytes(struct glint_buffer *b, size_t at)
{
    const uint32_t n = (uint32_t)(b->size - at);
    for (size_t i = 0; !b->failed && i < 4; i++)
        b->data[at - 4 + i] = (uint8_t)(n >> 8 * i);
}

static int check_memory(struct glint_mcap_writer *w, const struct glint_buffer *b)
{
    if (!b->failed)
        return GLINT_OK;
    w->failed = true;
    return glint_fail(GLINT_E_NOMEM, "%s: no memory for a chunk", w->path);
}

/* ---- the file ---- */

/* Writes `out` whole, or takes back what was written of it. */
static int write_out(struct glint_mcap_writer *w)
{
    size_t written = 0;
    GLINT_TRY(check_memory(w, &w->out));
    const int status = glint_output_all(w->fd, w->path, w->out.data, w->out.size, &written);
    if (status < 0) {
        w->failed = true;
        if (w->is_regular && written > 0 && ftruncate(w->fd, (off_t)w->size) == 0)
            lseek(w->fd, (off_t)w->size, SEEK_SET);
        return status;
    }
    w->crc = (uint32_t)crc32_z(w->crc, w->out.data, w->out.size);
    w->size += w->out.size;
    return GLINT_OK;
}

static int write_head(struct glint_mcap_writer *w)
{
    glint_buffer_clear(&w->out);
    glint_buffer_add(&w->out, GLINT_MCAP_MAGIC, GLINT_MCAP_MAGIC_SIZE);
    const size_t header = begin_record(&w->out, GLINT_MCAP_HEADER);
    put_text(&w->out, "ros2");
    put_text(&w->out, LIBRARY);
    end_record(&w->out, header);
    return write_out(w);
}

static int open_file(struct glint_mcap_writer *w)
{
    struct stat st;
    GLINT_TRY(glint_output_check(w->path));
    w->fd = open(w->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (w->fd < 0 || fstat(w->fd, &st) != 0)
        return glint_fail(GLINT_E_IO, "%s: cannot write: %s", w->path, strerror(errno));
    w->is_regular = S_ISREG(st.st_mode);
    GLINT_TRY(glint_compressor_open(w->settings.compression, &w->compressor));
    return write_head(w);
}

int glint_mcap_create(const char *path, const struct glint_mcap_settings *settings,
                      struct glint_mcap_writer **writer_out)
{
    *writer_out = NULL;
    struct glint_mcap_writer *w = calloc(1, sizeof *w);
    if (!w)
        return glint_fail(GLINT_E_NOMEM, "%s: no memory", path);
    w->path = path;
    w->settings = *settings;
    w->fd = -1;
    w->first = w->chunk_first = UINT64_MAX;
    const int status = open_file(w);
    if (status < 0)
        glint_mcap_close(w);
    else
        *writer_out = w;
    return status;
}

void glint_mcap_close(struct glint_mcap_writer *w)
{
    if (!w)
        return;
    if (w->fd >= 0)
        close(w->fd);
    for (int i = 0; i < GLINT_MCAP_CHANNELS; i++) {
        glint_buffer_fini(&w->channel[i].index);
        free(w->type_names[i]);
    }
    struct glint_buffer *const all[] = {&w->chunk, &w->out, &w->schemas, &w->channels, &w->chunk_indexes};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        glint_buffer_fini(all[i]);
    glint_compressor_close(w->compressor);
    free(w);
}

/* ---- channels ---- */

/* Schemas count from 1: 0 means none. */
static int schema_of(struct glint_mcap_writer *w, const struct glint_mcap_channel *channel, uint16_t *id_out)
{
    for (*id_out = 1; *id_out <= w->n_schemas; (*id_out)++)
        if (strcmp(w->type_names[*id_out - 1], channel->type) == 0)
            return GLINT_OK;
    w->type_names[w->n_schemas] = strdup(channel->type);
    if (!w->type_names[w->n_schemas])
        return glint_fail(GLINT_E_NOMEM, "%s: no memory", w->path);
    w->n_schemas++;
    const size_t at = begin_record(&w->schemas, GLINT_MCAP_SCHEMA);
    put_u16(&w->schemas, *id_out);
    put_text(&w->schemas, channel->type);
    put_text(&w->schemas, "ros2msg");
    put_text(&w->schemas, channel->schema);
    end_record(&w->schemas, at);
    return check_memory(w, &w->schemas);
}

int glint_mcap_add_channel(struct glint_mcap_writer *w, const struct glint_mcap_channel *channel,
                           uint16_t *id_out)
{
    uint16_t schema;
    if (w->n_channels == GLINT_MCAP_CHANNELS)
        return glint_fail(GLINT_E_CAPACITY, "%s: more than %d topics", w->path, GLINT_MCAP_CHANNELS);
    GLINT_TRY(schema_of(w, channel, &schema));
    struct glint_buffer *b = &w->channels;
    const size_t at = begin_record(b, GLINT_MCAP_CHANNEL);
    *id_out = w->n_channels++;
    put_u16(b, *id_out);
    put_u16(b, schema);
    put_text(b, channel->topic);
    put_text(b, "cdr");
    const size_t metadata = begin_bytes(b);
    if (channel->qos) {
        put_text(b, "offered_qos_profiles");
        put_text(b, channel->qos);
    }
    end_bytes(b, metadata);
    end_record(b, at);
    return check_memory(w, b);
}

/* ---- messages ---- */

static void begin_chunk(struct glint_mcap_writer *w)
{
    if (w->chunk.size > 0)
        return;
    w->chunk_began_ns = glint_clock_monotonic_ns();
    if (w->told_channels)
        return;
    glint_buffer_add(&w->chunk, w->schemas.data, w->schemas.size);
    glint_buffer_add(&w->chunk, w->channels.data, w->channels.size);
    w->told_channels = true;
}

int glint_mcap_write(struct glint_mcap_writer *w, uint16_t channel, int64_t time_ns, const uint8_t *data,
                     size_t size)
{
    struct channel *c = &w->channel[channel];
    const uint64_t time = time_ns > 0 ? (uint64_t)time_ns : 0;
    begin_chunk(w);
    put_u64(&c->index, time);
    put_u64(&c->index, w->chunk.size);
    const size_t at = begin_record(&w->chunk, GLINT_MCAP_MESSAGE);
    put_u16(&w->chunk, channel);
    glint_buffer_u32(&w->chunk, c->sequence++);
    put_u64(&w->chunk, time); /* logged */
    put_u64(&w->chunk, time); /* published */
    glint_buffer_add(&w->chunk, data, size);
    end_record(&w->chunk, at);
    w->chunk_messages++;
    w->chunk_first = time < w->chunk_first ? time : w->chunk_first;
    w->chunk_last = time > w->chunk_last ? time : w->chunk_last;
    GLINT_TRY(check_memory(w, &c->index));
    return check_memory(w, &w->chunk);
}

/* The chunk's record, in out. */
static int put_chunk(struct glint_mcap_writer *w)
{
    struct glint_buffer *b = &w->out;
    const size_t at = begin_record(b, GLINT_MCAP_CHUNK);
    put_u64(b, w->chunk_first);
    put_u64(b, w->chunk_last);
    put_u64(b, w->chunk.size);
    glint_buffer_u32(b, (uint32_t)crc32_z(0, w->chunk.data, w->chunk.size));
    put_text(b, glint_compression_name(w->settings.compression));
    const size_t length = b->size;
    put_u64(b, 0);
    GLINT_TRY(glint_compressor_run(w->compressor, w->chunk.data, w->chunk.size, b));
    set_u64(b, length, b->size - length - 8);
    end_record(b, at);
    return check_memory(w, b);
}

/* Behind the chunk: where each channel's messages are in it. */
static void put_message_indexes(struct glint_mcap_writer *w, uint64_t *at)
{
    for (uint16_t i = 0; i < w->n_channels; i++) {
        at[i] = w->size + w->out.size;
        if (w->channel[i].index.size == 0)
            continue;
        const size_t record = begin_record(&w->out, GLINT_MCAP_MESSAGE_INDEX);
        put_u16(&w->out, i);
        glint_buffer_u32(&w->out, (uint32_t)w->channel[i].index.size);
        glint_buffer_add(&w->out, w->channel[i].index.data, w->channel[i].index.size);
        end_record(&w->out, record);
    }
}

/* For the summary: where the chunk and its message indexes are. */
static void put_chunk_index(struct glint_mcap_writer *w, size_t chunk_bytes, const uint64_t *indexes)
{
    struct glint_buffer *b = &w->chunk_indexes;
    const char *compression = glint_compression_name(w->settings.compression);
    const size_t at = begin_record(b, GLINT_MCAP_CHUNK_INDEX);
    put_u64(b, w->chunk_first);
    put_u64(b, w->chunk_last);
    put_u64(b, w->size);
    put_u64(b, chunk_bytes);
    const size_t offsets = begin_bytes(b);
    for (uint16_t i = 0; i < w->n_channels; i++)
        if (w->channel[i].index.size > 0) {
            put_u16(b, i);
            put_u64(b, indexes[i]);
        }
    end_bytes(b, offsets);
    put_u64(b, w->out.size - chunk_bytes);
    put_text(b, compression);
    /* of the record: head, four numbers and the crc, the compression's name, the length */
    put_u64(b, chunk_bytes - GLINT_MCAP_RECORD_HEAD - 28 - 4 - strlen(compression) - 8);
    put_u64(b, w->chunk.size);
    end_record(b, at);
}

/* The chunk is in the file. */
static void count_chunk(struct glint_mcap_writer *w)
{
    for (uint16_t i = 0; i < w->n_channels; i++) {
        w->channel[i].n += w->channel[i].index.size / 16;
        glint_buffer_clear(&w->channel[i].index);
    }
    w->n_messages += w->chunk_messages;
    w->n_chunks++;
    w->first = w->chunk_first < w->first ? w->chunk_first : w->first;
    w->last = w->chunk_last > w->last ? w->chunk_last : w->last;
    w->chunk_messages = 0;
    w->chunk_first = UINT64_MAX;
    w->chunk_last = 0;
    glint_buffer_clear(&w->chunk);
}

static int end_chunk(struct glint_mcap_writer *w)
{
    uint64_t indexes[GLINT_MCAP_CHANNELS];
    const size_t known = w->chunk_indexes.size;
    glint_buffer_clear(&w->out);
    const int status = put_chunk(w);
    if (status < 0) {
        w->failed = true;
        return status;
    }
    const size_t chunk_bytes = w->out.size;
    put_message_indexes(w, indexes);
    put_chunk_index(w, chunk_bytes, indexes);
    GLINT_TRY(check_memory(w, &w->chunk_indexes));
    const int written = write_out(w);
    if (written < 0)
        w->chunk_indexes.size = known;
    else
        count_chunk(w);
    return written;
}

int glint_mcap_end_chunk_if_due(struct glint_mcap_writer *w)
{
    if (w->chunk_messages == 0 || w->failed)
        return GLINT_OK;
    if (w->chunk.size < w->settings.chunk_bytes &&
        glint_clock_monotonic_ns() - w->chunk_began_ns < w->settings.chunk_ns)
        return GLINT_OK;
    return end_chunk(w);
}

/* ---- the end ---- */

static void put_statistics(struct glint_mcap_writer *w, struct glint_buffer *b)
{
    const size_t at = begin_record(b, GLINT_MCAP_STATISTICS);
    put_u64(b, w->n_messages);
    put_u16(b, w->n_schemas);
    glint_buffer_u32(b, w->n_channels);
    glint_buffer_u32(b, 0); /* attachments */
    glint_buffer_u32(b, 0); /* metadata */
    glint_buffer_u32(b, w->n_chunks);
    put_u64(b, w->n_messages > 0 ? w->first : 0);
    put_u64(b, w->last);
    const size_t counts = begin_bytes(b);
    for (uint16_t i = 0; i < w->n_channels; i++)
        if (w->channel[i].n > 0) {
            put_u16(b, i);
            put_u64(b, w->channel[i].n);
        }
    end_bytes(b, counts);
    end_record(b, at);
}

struct group { /* records of one kind in the summary */
    enum glint_mcap_opcode opcode;
    size_t at, size;
};

static struct group put_group(struct glint_buffer *b, enum glint_mcap_opcode opcode,
                              const struct glint_buffer *records)
{
    const struct group g = {opcode, b->size, records->size};
    glint_buffer_add(b, records->data, records->size);
    return g;
}

static void put_offsets(struct glint_buffer *b, uint64_t base, const struct group *groups, int n)
{
    for (int i = 0; i < n; i++) {
        if (groups[i].size == 0)
            continue;
        const size_t at = begin_record(b, GLINT_MCAP_SUMMARY_OFFSET);
        put_u8(b, (uint8_t)groups[i].opcode);
        put_u64(b, base + groups[i].at);
        put_u64(b, groups[i].size);
        end_record(b, at);
    }
}

/* Data end, summary, footer and magic, in out. The summary's crc covers the footer up to itself. */
static void put_end(struct glint_mcap_writer *w)
{
    struct glint_buffer *b = &w->out;
    struct group groups[4];
    glint_buffer_clear(b);
    const size_t data_end = begin_record(b, GLINT_MCAP_DATA_END);
    glint_buffer_u32(b, w->crc);
    end_record(b, data_end);
    const size_t summary = b->size;
    groups[0] = put_group(b, GLINT_MCAP_SCHEMA, &w->schemas);
    groups[1] = put_group(b, GLINT_MCAP_CHANNEL, &w->channels);
    groups[2] = (struct group){GLINT_MCAP_STATISTICS, b->size, 0};
    put_statistics(w, b);
    groups[2].size = b->size - groups[2].at;
    groups[3] = put_group(b, GLINT_MCAP_CHUNK_INDEX, &w->chunk_indexes);
    const size_t offsets = b->size;
    put_offsets(b, w->size, groups, 4);
    const size_t footer = begin_record(b, GLINT_MCAP_FOOTER);
    put_u64(b, w->size + summary);
    put_u64(b, w->size + offsets);
    set_u64(b, footer + 1, 20);
    if (!b->failed)
        glint_buffer_u32(b, (uint32_t)crc32_z(0, b->data + summary, b->size - summary));
    glint_buffer_add(b, GLINT_MCAP_MAGIC, GLINT_MCAP_MAGIC_SIZE);
}

void glint_mcap_counts(const struct glint_mcap_writer *w, uint64_t *written_out, uint64_t *waiting_out)
{
    *written_out = w->n_messages;
    *waiting_out = w->chunk_messages;
}

int glint_mcap_finish(struct glint_mcap_writer *w)
{
    int status = GLINT_OK;
    if (w->finished)
        return GLINT_OK;
    w->finished = true;
    if (!w->failed && w->chunk_messages > 0)
        status = end_chunk(w);
    put_end(w);
    const int end = write_out(w);
    status = status < 0 ? status : end;
    if (status == GLINT_OK && fsync(w->fd) != 0 && errno != EINVAL && errno != ENOTSUP && errno != EROFS)
        status = glint_fail(GLINT_E_IO, "%s: cannot write: %s", w->path, strerror(errno));
    const int failed = close(w->fd);
    w->fd = -1;
    if (status == GLINT_OK && failed)
        return glint_fail(GLINT_E_IO, "%s: cannot write: %s", w->path, strerror(errno));
    return status;
}
