/* ros/bag_db3.c - rosbag2's SQLite files as bags, see bag.h. Tables (rosbag2_storage_sqlite3): topics (id,
 * name, type, serialization_format, ...), messages (id, topic_id, timestamp, data). */
#include "ros/bag.h"
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bag_db3 {
    struct glint_bag bag;
    sqlite3 *db;
    sqlite3_stmt *messages;
    struct id {
        sqlite3_int64 id;
        int32_t topic;
    } * ids; /* of the topics */
    int32_t n_ids;
    uint64_t n_read, n_total;
    bool ended;
};

static int fail_db(const struct bag_db3 *b, const char *doing)
{
    return glint_fail(sqlite3_errcode(b->db) == SQLITE_NOMEM ? GLINT_E_NOMEM : GLINT_E_FORMAT, "%s: %s: %s",
                      b->bag.path, doing, sqlite3_errmsg(b->db));
}

static int prepare(struct bag_db3 *b, const char *sql, sqlite3_stmt **out)
{
    return sqlite3_prepare_v2(b->db, sql, -1, out, NULL) == SQLITE_OK
               ? GLINT_OK
               : fail_db(b, "not a database of rosbag2");
}

/* Both tables must be tables: a view could do anything. */
static int check_tables(struct bag_db3 *b)
{
    sqlite3_stmt *s;
    GLINT_TRY(prepare(
        b, "SELECT count(*) FROM sqlite_master WHERE type='table' AND name IN ('topics','messages')", &s));
    const int n = sqlite3_step(s) == SQLITE_ROW ? sqlite3_column_int(s, 0) : 0;
    sqlite3_finalize(s);
    return n == 2 ? GLINT_OK
                  : glint_fail(GLINT_E_FORMAT,
                               "%s: not a database of rosbag2: expected tables topics and messages",
                               b->bag.path);
}

static struct glint_bag_text text_of(sqlite3_stmt *s, int column)
{
    const char *text = (const char *)sqlite3_column_text(s, column);
    return (struct glint_bag_text){text ? text : "", text ? strlen(text) : 0};
}

static int add_topic(struct bag_db3 *b, sqlite3_stmt *s)
{
    const int32_t topic = glint_bag_add_topic(&b->bag, text_of(s, 1), text_of(s, 2), text_of(s, 3));
    if (topic < 0)
        return topic;
    struct id *ids = realloc(b->ids, ((size_t)b->n_ids + 1) * sizeof *ids);
    if (!ids)
        return glint_fail(GLINT_E_NOMEM, "%s: no memory for its topics", b->bag.path);
    b->ids = ids;
    b->ids[b->n_ids++] = (struct id){sqlite3_column_int64(s, 0), topic};
    return GLINT_OK;
}

static int read_topics(struct bag_db3 *b)
{
    sqlite3_stmt *s;
    int status = GLINT_OK, row = SQLITE_DONE;
    GLINT_TRY(prepare(b, "SELECT id, name, type, serialization_format FROM topics ORDER BY id", &s));
    while (status == GLINT_OK && (row = sqlite3_step(s)) == SQLITE_ROW)
        status = add_topic(b, s);
    if (status == GLINT_OK && row != SQLITE_DONE)
        status = fail_db(b, "its topics cannot be read");
    sqlite3_finalize(s);
    return status;
}

static int32_t topic_of(const struct bag_db3 *b, sqlite3_int64 id)
{
    for (int32_t i = 0; i < b->n_ids; i++)
        if (b->ids[i].id == id)
            return b->ids[i].topic;
    return -1;
}

static int count_messages(struct bag_db3 *b)
{
    sqlite3_stmt *s;
    int row;
    GLINT_TRY(prepare(
        b, "SELECT topic_id, count(*), min(timestamp), max(timestamp) FROM messages GROUP BY topic_id", &s));
    while ((row = sqlite3_step(s)) == SQLITE_ROW) {
        const int32_t topic = topic_of(b, sqlite3_column_int64(s, 0));
        const int64_t first = sqlite3_column_int64(s, 2), last = sqlite3_column_int64(s, 3);
        if (topic < 0)
            continue;
        b->bag.topics[topic].n_messages += (uint64_t)sqlite3_column_int64(s, 1);
        b->bag.first_ns = b->n_total == 0 || first < b->bag.first_ns ? first : b->bag.first_ns;
        b->bag.last_ns = b->n_total == 0 || last > b->bag.last_ns ? last : b->bag.last_ns;
        b->n_total += (uint64_t)sqlite3_column_int64(s, 1);
    }
    const int status = row == SQLITE_DONE ? GLINT_OK : fail_db(b, "its messages cannot be read");
    sqlite3_finalize(s);
    return status;
}

static int next(struct glint_bag *bag, struct glint_bag_message *message_out)
{
    struct bag_db3 *b = (struct bag_db3 *)bag;
    while (!b->ended) {
        const int row = sqlite3_step(b->messages);
        b->ended = row != SQLITE_ROW;
        if (row == SQLITE_DONE)
            break;
        if (row != SQLITE_ROW)
            return fail_db(b, "its messages cannot be read any further");
        b->n_read++;
        const int32_t topic = topic_of(b, sqlite3_column_int64(b->messages, 0));
        if (topic < 0 || !bag->topics[topic].wanted)
            continue;
        const void *data = sqlite3_column_blob(b->messages, 2);
        *message_out = (struct glint_bag_message){topic, sqlite3_column_int64(b->messages, 1),
                                                  data ? data : (const void *)"",
                                                  (size_t)sqlite3_column_bytes(b->messages, 2)};
        return GLINT_OK;
    }
    return GLINT_E_EOF;
}

static double progress(const struct glint_bag *bag)
{
    const struct bag_db3 *b = (const struct bag_db3 *)bag;
    return b->n_total > 0 ? (double)b->n_read / (double)b->n_total : 1;
}

static void close_bag(struct glint_bag *bag)
{
    struct bag_db3 *b = (struct bag_db3 *)bag;
    sqlite3_finalize(b->messages);
    sqlite3_close(b->db);
    free(b->ids);
    glint_bag_fini(bag);
    free(b);
}

static const struct glint_bag_ops ops = {"db3", next, progress, close_bag};

/* Nothing in the file may run or write anything. */
static int open_db(struct bag_db3 *b)
{
    if (sqlite3_open_v2(b->bag.path, &b->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
        return fail_db(b, "cannot open");
    sqlite3_limit(b->db, SQLITE_LIMIT_LENGTH, (int)GLINT_BAG_BLOCK);
    sqlite3_db_config(b->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_exec(b->db, "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA query_only=ON", NULL,
                 NULL, NULL);
    GLINT_TRY(check_tables(b));
    GLINT_TRY(read_topics(b));
    GLINT_TRY(count_messages(b));
    return prepare(b, "SELECT topic_id, timestamp, data FROM messages ORDER BY timestamp, id", &b->messages);
}

int glint_bag_db3_open(const char *path, struct glint_bag **bag_out)
{
    *bag_out = NULL;
    struct bag_db3 *b = calloc(1, sizeof *b);
    if (!b)
        return glint_fail(GLINT_E_NOMEM, "%s: no memory", path);
    b->bag.ops = &ops;
    snprintf(b->bag.path, sizeof b->bag.path, "%s", path);
    const int status = open_db(b);
    if (status < 0)
        close_bag(&b->bag);
    else
        *bag_out = &b->bag;
    return status;
}
