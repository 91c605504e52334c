/* ros/sink_dds.c - results as ROS 2 topics on the network, see sinks.h.
 *
 * The pipeline's thread encodes a frame's messages into one of some slots, and goes on; a thread of the sink
 * hands them to DDS. When all slots wait, the oldest is given up: readers get the newest, and the pipeline
 * never waits. Topics that nobody reads are not encoded. */
#define _POSIX_C_SOURCE 200809L
#include "core/clock.h"
#include "core/log.h"
#include "core/ring.h"
#include "ros/dds.h"
#include "ros/sinks.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS         8 /* frames: most of a second */
#define FINISH_ACK_NS INT64_C(2000000000)

struct slot { /* the messages of one frame */
    unsigned topics;
    struct glint_buffer message[GLINT_ROS_TOPIC_COUNT];
};

struct sink_dds {
    struct glint_sink sink;
    struct glint_sink_context ctx;
    struct glint_ros_settings ros;
    struct glint_dds *dds;
    int32_t writer[GLINT_ROS_TOPIC_COUNT];
    struct slot slots[SLOTS + 2]; /* waiting, being written, being filled */
    struct glint_ring *waiting, *empty;
    pthread_t thread;
    bool running;
    atomic_uint_least64_t published, no_reader, dropped_queue_full, dropped_reader_slow, failed;
};

/* ---- the sink's thread ---- */

static void send_slot(struct sink_dds *s, struct slot *slot)
{
    for (int t = 0; t < GLINT_ROS_TOPIC_COUNT; t++) {
        if (!(slot->topics >> t & 1))
            continue;
        const struct glint_buffer *m = &slot->message[t];
        const int status = glint_dds_write(s->dds, s->writer[t], m->data, m->size);
        if (status == GLINT_OK)
            s->published++;
        else if (status == GLINT_E_AGAIN)
            s->dropped_reader_slow++;
        else if (s->failed++ == 0)
            glint_log(GLINT_LOG_WARN, "%s: %s", s->sink.path, glint_error_text());
    }
}

static void *run(void *arg)
{
    struct sink_dds *s = arg;
    void *slot;
    while (glint_ring_pop(s->waiting, &slot) == GLINT_OK) {
        send_slot(s, slot);
        glint_ring_push(s->empty, slot, NULL);
    }
    return NULL;
}

/* ---- the pipeline's thread ---- */

static void fill(struct sink_dds *s, struct slot *slot, const struct glint_frame *frame)
{
    slot->topics = 0;
    for (int t = 0; t < GLINT_ROS_TOPIC_COUNT; t++) {
        if (!glint_ros_wants(&s->ros, (enum glint_ros_topic)t, frame))
            continue;
        if (!glint_dds_matched(s->dds, s->writer[t])) {
            s->no_reader++;
            continue;
        }
        glint_buffer_clear(&slot->message[t]);
        glint_ros_encode(&s->ros, (enum glint_ros_topic)t, &s->ctx, frame, &slot->message[t]);
        if (slot->message[t].failed)
            s->failed++;
        else
            slot->topics |= 1u << t;
    }
}

static int write_frame(struct glint_sink *sink, const struct glint_frame *frame)
{
    struct sink_dds *s = (struct sink_dds *)sink;
    struct slot *slot = glint_ring_take(s->empty);
    void *dropped = NULL;
    if (!slot) { /* cannot be: a full queue gives one back */
        s->dropped_queue_full++;
        return GLINT_OK;
    }
    fill(s, slot, frame);
    if (slot->topics == 0)
        return glint_ring_push(s->empty, slot, NULL);
    GLINT_TRY(glint_ring_push(s->waiting, slot, &dropped));
    if (dropped) {
        s->dropped_queue_full++;
        glint_ring_push(s->empty, dropped, NULL);
    }
    return GLINT_OK;
}

/* What waits is sent, and who must not miss anything has it, if that goes soon. */
static int finish(struct glint_sink *sink)
{
    struct sink_dds *s = (struct sink_dds *)sink;
    if (!s->running)
        return GLINT_OK;
    glint_ring_finish(s->waiting);
    pthread_join(s->thread, NULL);
    s->running = false;
    const int64_t end = glint_clock_monotonic_ns() + FINISH_ACK_NS;
    for (int t = 0; t < GLINT_ROS_TOPIC_COUNT; t++)
        if (s->ros.topics >> t & 1 && glint_ros_topic((enum glint_ros_topic)t)->reliable &&
            !glint_dds_wait_acked(s->dds, s->writer[t],
                                  end > glint_clock_monotonic_ns() ? end - glint_clock_monotonic_ns() : 0))
            glint_log(GLINT_LOG_WARN, "%s: %s: a reader has not got all", s->sink.path,
                      glint_ros_topic((enum glint_ros_topic)t)->name);
    return GLINT_OK;
}

static void account_of(const void *of, glint_sink_count_fn *put, void *ctx)
{
    struct sink_dds *s = (struct sink_dds *)(uintptr_t)of;
    put(ctx, "messages_published", s->published);
    put(ctx, "messages_without_reader", s->no_reader);
    put(ctx, "frames_dropped_queue_full", s->dropped_queue_full);
    put(ctx, "messages_dropped_reader_slow", s->dropped_reader_slow);
    put(ctx, "messages_failed", s->failed);
}

static void account(const struct glint_sink *sink, glint_sink_count_fn *put, void *ctx)
{
    account_of(sink, put, ctx);
}

static void close_sink(struct glint_sink *sink)
{
    struct sink_dds *s = (struct sink_dds *)sink;
    if (s->running) {
        glint_ring_cancel(s->waiting);
        pthread_join(s->thread, NULL);
    }
    glint_dds_close(s->dds);
    glint_ring_close(s->waiting);
    glint_ring_close(s->empty);
    for (int i = 0; i < SLOTS + 2; i++)
        for (int t = 0; t < GLINT_ROS_TOPIC_COUNT; t++)
            glint_buffer_fini(&s->slots[i].message[t]);
    free(s);
}

static const struct glint_sink_ops ops = {
    .name = "dds", .write = write_frame, .finish = finish, .close = close_sink, .account = account};

/* ---- opening ---- */

/* "dds:7"; "dds" or "dds:" is ROS_DOMAIN_ID, or 0. */
static int read_domain(const char *where, int32_t *domain_out)
{
    const char *text = where + 3 + (where[3] == ':'), *id = getenv("ROS_DOMAIN_ID");
    const char *from = *text ? text : id && *id ? id : "0";
    char *end;
    const long value = strtol(from, &end, 10);
    if (*end || *from < '0' || *from > '9' || value > GLINT_DDS_DOMAIN_MOST)
        return glint_fail(GLINT_E_ARG, "%s: domain \"%.40s\": expected 0 to %d%s", where, from,
                          GLINT_DDS_DOMAIN_MOST, *text ? "" : " in ROS_DOMAIN_ID");
    *domain_out = (int32_t)value;
    return GLINT_OK;
}

static int open_topics(struct sink_dds *s)
{
    int32_t domain = 0;
    GLINT_TRY(read_domain(s->sink.path, &domain));
    GLINT_TRY(glint_dds_open(domain, &s->dds));
    for (int t = 0; t < GLINT_ROS_TOPIC_COUNT; t++) {
        const struct glint_ros_topic_info *info = glint_ros_topic((enum glint_ros_topic)t);
        if (s->ros.topics >> t & 1)
            GLINT_TRY(
                glint_dds_writer(s->dds, info->name, info->type, info->reliable, info->depth, &s->writer[t]));
    }
    return GLINT_OK;
}

static int start(struct sink_dds *s)
{
    GLINT_TRY(open_topics(s));
    GLINT_TRY(glint_ring_open(SLOTS, GLINT_RING_NEWEST, &s->waiting));
    GLINT_TRY(glint_ring_open(SLOTS + 2, GLINT_RING_WAIT, &s->empty));
    for (int i = 0; i < SLOTS + 2; i++)
        GLINT_TRY(glint_ring_push(s->empty, &s->slots[i], NULL));
    if (pthread_create(&s->thread, NULL, run, s) != 0)
        return glint_fail(GLINT_E_NOMEM, "%s: cannot make a thread", s->sink.path);
    s->running = true;
    return GLINT_OK;
}

bool glint_sink_dds_is(const char *where)
{
    return strncmp(where, "dds", 3) == 0 && (where[3] == 0 || where[3] == ':');
}

int glint_sink_dds_open(const char *where, const struct glint_ros_settings *settings,
                        const struct glint_sink_context *ctx, struct glint_sink **sink_out)
{
    *sink_out = NULL;
    struct sink_dds *s = calloc(1, sizeof *s);
    if (!s)
        return glint_fail(GLINT_E_NOMEM, "%s: no memory", where);
    s->sink = (struct glint_sink){&ops, where};
    s->ctx = *ctx;
    s->ros = *settings;
    s->ros.account = account_of;
    s->ros.account_ctx = s;
    const int status = start(s);
    if (status < 0)
        close_sink(&s->sink);
    else
        *sink_out = &s->sink;
    return status;
}
