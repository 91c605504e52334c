/* ros/mcap_read.c - MCAP files as bags, see bag.h; the format's numbers are in mcap.h.
 *
 * Messages are read from front to back, a chunk at a time: that needs no index, so that a file which was
 * never finished reads as well. The topics come from the summary; without one the file is read through once.
 * A topic that the summary does not name is added when its channel comes. */
#include "core/bytes.h"
#include "core/file.h"
#include "core/log.h"
#include "io/output.h"
#include "ros/bag.h"
#include "ros/compress.h"
#include "ros/mcap.h"
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#define ID_STEP 64 /* numbers of channels and schemas that are made room for at once; they are u16 */

struct record {
    uint8_t opcode;
    const uint8_t *data;
    size_t size, at; /* at: of the next value */
    bool failed;     /* a value was beyond the end */
};

struct span { /* records one after the other */
    const uint8_t *data;
    size_t size, at;
};

struct bag_mcap {
    struct glint_bag bag;
    struct glint_file file;
    struct span records; /* of the file */
    struct span chunk;   /* of the present chunk, unpacked */
    struct glint_buffer unpacked;
    size_t chunk_at, dropped; /* in the file: the chunk; what was given back of the mapping */
    struct id {               /* what channel and schema of that number are */
        int32_t topic;        /* -1: no such channel */
        char *type;           /* NULL: no such schema */
    } * ids;
    size_t n_ids;
    bool listing, ended; /* reading for the topics only; all was read */
};

/* ---- values of a record ---- */

static const uint8_t *take(struct record *r, size_t n)
{
    r->failed |= n > r->size - r->at;
    if (r->failed)
        return NULL;
    r->at += n;
    return r->data + r->at - n;
}

static uint16_t take_u16(struct record *r)
{
    const uint8_t *p = take(r, 2);
    return p ? glint_le16(p) : 0;
}

static uint32_t take_u32(struct record *r)
{
    const uint8_t *p = take(r, 4);
    return p ? glint_le32(p) : 0;
}

static uint64_t take_u64(struct record *r)
{
    const uint8_t *p = take(r, 8);
    return p ? glint_le64(p) : 0;
}

static struct glint_bag_text take_text(struct record *r)
{
    const uint32_t n = take_u32(r);
    const uint8_t *p = take(r, n);
    return (struct glint_bag_text){p ? (const char *)p : "", p ? n : 0};
}

static int64_t to_ns(uint64_t time)
{
    return time > INT64_MAX ? 0 : (int64_t)time;
}

/* The next record of a span: false at its end, or where what is left holds no whole record. */
static bool next_record(struct span *s, struct record *r)
{
    const size_t left = s->size - s->at;
    if (left < GLINT_MCAP_RECORD_HEAD)
        return false;
    const uint64_t size = glint_le64(s->data + s->at + 1);
    if (size > left - GLINT_MCAP_RECORD_HEAD)
        return false;
    *r = (struct record){s->data[s->at], s->data + s->at + GLINT_MCAP_RECORD_HEAD, (size_t)size, 0, false};
    s->at += GLINT_MCAP_RECORD_HEAD + (size_t)size;
    return true;
}

/* ---- schemas and channels ---- */

static int fail_record(const struct bag_mcap *m, const char *what)
{
    return glint_fail(GLINT_E_FORMAT, "%s: %s record of %s at offset %zu is cut short", m->bag.path, what,
                      m->chunk.data ? "the chunk" : "the file", m->chunk.data ? m->chunk_at : m->records.at);
}

/* The place of a number; NULL without memory. */
static struct id *id_at(struct bag_mcap *m, uint16_t number)
{
    if (number >= m->n_ids) {
        const size_t n = ((size_t)number / ID_STEP + 1) * ID_STEP;
        struct id *ids = realloc(m->ids, n * sizeof *ids);
        if (!ids)
            return NULL;
        for (size_t i = m->n_ids; i < n; i++)
            ids[i] = (struct id){-1, NULL};
        m->ids = ids;
        m->n_ids = n;
    }
    return &m->ids[number];
}

static int32_t topic_of(const struct bag_mcap *m, uint16_t channel)
{
    return channel < m->n_ids ? m->ids[channel].topic : -1;
}

static int fail_memory(const struct bag_mcap *m)
{
    return glint_fail(GLINT_E_NOMEM, "%s: no memory for its topics", m->bag.path);
}

static int take_schema(struct bag_mcap *m, struct record *r)
{
    const uint16_t id = take_u16(r);
    const struct glint_bag_text name = take_text(r);
    if (r->failed)
        return fail_record(m, "a schema");
    if (name.size > GLINT_BAG_NAME) /* chunks unpack to far more than the file has */
        return glint_fail(GLINT_E_FORMAT, "%s: schema %u: a name of %zu letters, expected at most %d",
                          m->bag.path, id, name.size, GLINT_BAG_NAME);
    struct id *place = id_at(m, id);
    char *copy = place && !place->type ? malloc(name.size + 1) : NULL;
    if (!place || (!copy && !place->type))
        return fail_memory(m);
    if (copy) {
        memcpy(copy, name.data, name.size);
        copy[name.size] = 0;
        place->type = copy;
    }
    return GLINT_OK;
}

static int take_channel(struct bag_mcap *m, struct record *r)
{
    const uint16_t id = take_u16(r), schema = take_u16(r);
    const struct glint_bag_text topic = take_text(r), encoding = take_text(r);
    if (r->failed)
        return fail_record(m, "a channel");
    if (topic_of(m, id) >= 0)
        return GLINT_OK;
    struct id *place = id_at(m, id);
    if (!place)
        return fail_memory(m);
    const char *known = schema < m->n_ids ? m->ids[schema].type : NULL, *type = known ? known : "";
    const int32_t at =
        glint_bag_add_topic(&m->bag, topic, (struct glint_bag_text){type, strlen(type)}, encoding);
    if (at >= 0)
        place->topic = at;
    return at < 0 ? at : GLINT_OK;
}

/* ---- chunks ---- */

static int open_chunk(struct bag_mcap *m, struct record *r)
{
    char name[20] = "", what[1100];
    take_u64(r); /* times of first and last message */
    take_u64(r);
    const uint64_t size = take_u64(r);
    const uint32_t crc = take_u32(r);
    const struct glint_bag_text compression = take_text(r);
    const uint64_t packed_size = take_u64(r);
    const uint8_t *packed = packed_size <= r->size ? take(r, (size_t)packed_size) : NULL;
    snprintf(what, sizeof what, "%.1000s: chunk at offset %zu", m->bag.path, m->chunk_at);
    if (!packed || compression.size >= sizeof name)
        return glint_fail(GLINT_E_FORMAT, "%s: its record is shorter than it says", what);
    if (size > GLINT_BAG_BLOCK)
        return glint_fail(GLINT_E_FORMAT, "%s: %llu bytes unpacked, expected at most %u", what,
                          (unsigned long long)size, GLINT_BAG_BLOCK);
    memcpy(name, compression.data, compression.size);
    glint_buffer_clear(&m->unpacked);
    uint8_t *out = glint_buffer_room(&m->unpacked, (size_t)size + 1);
    if (!out)
        return glint_fail(GLINT_E_NOMEM, "%s: no memory for %llu bytes", what, (unsigned long long)size);
    GLINT_TRY(glint_decompress(name, packed, (size_t)packed_size, out, (size_t)size, what));
    if (crc != 0 && (uint32_t)crc32_z(0, out, (size_t)size) != crc)
        return glint_fail(GLINT_E_FORMAT, "%s: its crc is not the one stored", what);
    m->chunk = (struct span){out, (size_t)size, 0};
    return GLINT_OK;
}

/* ---- messages ---- */

/* GLINT_OK: message_out is one that is wanted; GLINT_E_AGAIN: it is not. */
static int take_message(struct bag_mcap *m, struct record *r, struct glint_bag_message *message_out)
{
    const uint16_t channel = take_u16(r);
    take_u32(r); /* sequence */
    const uint64_t log_time = take_u64(r);
    take_u64(r); /* published */
    if (r->failed)
        return fail_record(m, "a message");
    const int32_t topic = topic_of(m, channel);
    if (topic < 0)
        return glint_fail(GLINT_E_FORMAT, "%s: a message of channel %u, which was not described before it",
                          m->bag.path, channel);
    if (m->listing) {
        m->bag.topics[topic].n_messages++;
        const int64_t ns = to_ns(log_time);
        m->bag.first_ns = m->bag.first_ns == 0 || ns < m->bag.first_ns ? ns : m->bag.first_ns;
        m->bag.last_ns = ns > m->bag.last_ns ? ns : m->bag.last_ns;
    }
    if (m->listing || !m->bag.topics[topic].wanted)
        return GLINT_E_AGAIN;
    *message_out = (struct glint_bag_message){topic, to_ns(log_time), r->data + r->at, r->size - r->at};
    return GLINT_OK;
}

/* A record of the file or of a chunk; GLINT_E_AGAIN: no message. */
static int take_record(struct bag_mcap *m, struct record *r, struct glint_bag_message *message_out)
{
    switch (r->opcode) {
    case GLINT_MCAP_SCHEMA:
        GLINT_TRY(take_schema(m, r));
        return GLINT_E_AGAIN;
    case GLINT_MCAP_CHANNEL:
        GLINT_TRY(take_channel(m, r));
        return GLINT_E_AGAIN;
    case GLINT_MCAP_MESSAGE:
        return take_message(m, r, message_out);
    default:
        return GLINT_E_AGAIN; /* indexes, attachments, metadata, and what later versions may bring */
    }
}

/* The file has no more whole records: was it finished? */
static int at_end(struct bag_mcap *m)
{
    const size_t left = m->records.size - m->records.at;
    m->ended = true;
    if (left == 0) {
        snprintf(m->bag.note, sizeof m->bag.note,
                 "not finished: its writer was stopped; all %zu bytes are whole", m->records.size);
        return GLINT_E_EOF;
    }
    snprintf(m->bag.note, sizeof m->bag.note, "cut short: the record at offset %zu is not whole",
             m->records.at);
    return glint_fail(GLINT_E_FORMAT, "%s: cut short: the record at offset %zu is not whole", m->bag.path,
                      m->records.at);
}

/* A chunk that cannot be read: left out and counted where that is wanted. */
static int damaged(struct bag_mcap *m, int status)
{
    m->chunk = (struct span){NULL, 0, 0};
    if (status != GLINT_E_FORMAT || !m->bag.skip_corrupt)
        return status;
    glint_log(GLINT_LOG_WARN, "%s: left out", glint_error_text());
    m->bag.n_corrupt++;
    return GLINT_E_AGAIN;
}

/* One step: a record of the chunk, or else of the file. */
static int step(struct bag_mcap *m, struct glint_bag_message *message_out)
{
    struct record r;
    if (m->chunk.data && next_record(&m->chunk, &r)) {
        const int status = take_record(m, &r, message_out);
        return status == GLINT_OK || status == GLINT_E_AGAIN ? status : damaged(m, status);
    }
    if (m->chunk.data && m->chunk.at < m->chunk.size)
        return damaged(m, glint_fail(GLINT_E_FORMAT, "%s: chunk at offset %zu: a record is not whole",
                                     m->bag.path, m->chunk_at));
    m->chunk = (struct span){NULL, 0, 0};
    if (m->file.data)
        glint_file_done(&m->file, m->records.at, &m->dropped);
    m->chunk_at = m->records.at;
    if (!next_record(&m->records, &r))
        return at_end(m);
    if (r.opcode == GLINT_MCAP_DATA_END || r.opcode == GLINT_MCAP_FOOTER) {
        m->ended = true;
        return GLINT_E_EOF;
    }
    if (r.opcode == GLINT_MCAP_CHUNK) {
        const int status = open_chunk(m, &r);
        return status < 0 ? damaged(m, status) : GLINT_E_AGAIN;
    }
    return take_record(m, &r, message_out);
}

static int next(struct glint_bag *bag, struct glint_bag_message *message_out)
{
    struct bag_mcap *m = (struct bag_mcap *)bag;
    int status = GLINT_E_EOF;
    while (!m->ended && (status = step(m, message_out)) == GLINT_E_AGAIN)
        continue;
    return m->ended && status == GLINT_E_AGAIN ? GLINT_E_EOF : status;
}

static double progress(const struct glint_bag *bag)
{
    const struct bag_mcap *m = (const struct bag_mcap *)bag;
    return m->records.size > 0 ? (double)m->records.at / (double)m->records.size : 1;
}

/* ---- opening ---- */

static void close_bag(struct glint_bag *bag)
{
    struct bag_mcap *m = (struct bag_mcap *)bag;
    for (size_t i = 0; i < m->n_ids; i++)
        free(m->ids[i].type);
    free(m->ids);
    glint_buffer_fini(&m->unpacked);
    glint_bag_fini(bag);
    glint_file_close(&m->file);
    free(m);
}

static const struct glint_bag_ops ops = {"mcap", next, progress, close_bag};

static void take_statistics(struct bag_mcap *m, struct record *r)
{
    take(r, 8 + 2 + 4 * 4); /* numbers of messages, schemas, channels, attachments, metadata, chunks */
    m->bag.first_ns = to_ns(take_u64(r));
    m->bag.last_ns = to_ns(take_u64(r));
    const uint32_t bytes = take_u32(r);
    for (uint32_t i = 0; i < bytes / 10 && !r->failed; i++) {
        const uint16_t channel = take_u16(r);
        const uint64_t n = take_u64(r);
        if (!r->failed && topic_of(m, channel) >= 0)
            m->bag.topics[topic_of(m, channel)].n_messages += n;
    }
}

/* Where the summary starts, by the footer; 0: there is none. */
static size_t find_summary(const struct span *file)
{
    const size_t tail = GLINT_MCAP_RECORD_HEAD + 20 + GLINT_MCAP_MAGIC_SIZE;
    if (file->size < file->at + tail ||
        memcmp(file->data + file->size - GLINT_MCAP_MAGIC_SIZE, GLINT_MCAP_MAGIC, GLINT_MCAP_MAGIC_SIZE) != 0)
        return 0;
    const uint8_t *footer = file->data + file->size - tail;
    const uint64_t start = glint_le64(footer + GLINT_MCAP_RECORD_HEAD);
    const bool good = footer[0] == GLINT_MCAP_FOOTER && start > file->at && start < file->size - tail;
    return good ? (size_t)start : 0;
}

/* Topics and counts of the summary; false where it has no channels. */
static int read_summary(struct bag_mcap *m, bool *there_out)
{
    struct span summary = m->records;
    struct record r;
    bool counted = false;
    summary.at = find_summary(&m->records);
    *there_out = false;
    if (summary.at == 0)
        return GLINT_OK;
    while (next_record(&summary, &r) && r.opcode != GLINT_MCAP_FOOTER) {
        if (r.opcode == GLINT_MCAP_SCHEMA)
            GLINT_TRY(take_schema(m, &r));
        if (r.opcode == GLINT_MCAP_CHANNEL)
            GLINT_TRY(take_channel(m, &r));
        if (r.opcode == GLINT_MCAP_STATISTICS) {
            take_statistics(m, &r);
            counted = true;
        }
    }
    *there_out = m->bag.n_topics > 0 && counted;
    return GLINT_OK;
}

/* Reads the file through for its topics; what is damaged is told when it is read for its messages. */
static int read_through(struct bag_mcap *m)
{
    struct glint_bag_message message;
    const struct span start = m->records;
    int status;
    m->listing = true;
    do
        status = next(&m->bag, &message);
    while (status == GLINT_E_FORMAT && !m->ended);
    m->listing = m->ended = false;
    m->records = start;
    m->chunk = (struct span){NULL, 0, 0};
    m->dropped = 0;
    return status == GLINT_E_EOF || status == GLINT_E_FORMAT ? GLINT_OK : status;
}

static int start(struct bag_mcap *m, const uint8_t *data, size_t size)
{
    struct record header;
    bool there;
    if (size < GLINT_MCAP_MAGIC_SIZE || memcmp(data, GLINT_MCAP_MAGIC, GLINT_MCAP_MAGIC_SIZE) != 0)
        return glint_fail(GLINT_E_FORMAT, "%s: no MCAP file (version 0): its first bytes differ",
                          m->bag.path);
    m->records = (struct span){data, size, GLINT_MCAP_MAGIC_SIZE};
    if (!next_record(&m->records, &header) || header.opcode != GLINT_MCAP_HEADER)
        return glint_fail(GLINT_E_FORMAT, "%s: MCAP: expected a whole header record at offset 8",
                          m->bag.path);
    GLINT_TRY(read_summary(m, &there));
    return there ? GLINT_OK : read_through(m);
}

static struct bag_mcap *make(const char *name)
{
    struct bag_mcap *m = calloc(1, sizeof *m);
    if (m) {
        m->bag.ops = &ops;
        snprintf(m->bag.path, sizeof m->bag.path, "%s", name);
    }
    return m;
}

static int finish_open(struct bag_mcap *m, int status, struct glint_bag **bag_out)
{
    if (status < 0)
        close_bag(&m->bag);
    else
        *bag_out = &m->bag;
    return status;
}

int glint_bag_mcap_open(const char *path, struct glint_bag **bag_out)
{
    *bag_out = NULL;
    struct bag_mcap *m = make(path);
    if (!m)
        return glint_fail(GLINT_E_NOMEM, "%s: no memory", path);
    int status = glint_file_open(&m->file, path);
    if (status == GLINT_OK)
        status = start(m, m->file.data, m->file.size);
    return finish_open(m, status, bag_out);
}

int glint_bag_mcap_open_memory(const uint8_t *data, size_t size, const char *name, struct glint_bag **bag_out)
{
    *bag_out = NULL;
    struct bag_mcap *m = make(name);
    if (!m)
        return glint_fail(GLINT_E_NOMEM, "%s: no memory", name);
    return finish_open(m, start(m, data, size), bag_out);
}
