/* ros/sink_mcap.c - see sinks.h: a channel per topic, a message per topic and frame. */
#include "ros/sinks.h"
#include <stdio.h>
#include <stdlib.h>

struct sink_mcap {
    struct glint_sink sink;
    struct glint_sink_context ctx;
    struct glint_ros_settings ros;
    struct glint_mcap_writer *writer;
    uint16_t channel[GLINT_ROS_TOPIC_COUNT];
    struct glint_buffer message;
};

void glint_ros_output_default(struct glint_ros_output *o)
{
    glint_ros_settings_default(&o->ros);
    glint_mcap_settings_default(&o->mcap);
}

/* As rosbag2 keeps a publisher's QoS, so that playing offers the same: its numbers are rmw's (reliable 1,
 * best effort 2; keep last 1; volatile 2; automatic liveliness 1), times without limit. */
static void describe_qos(const struct glint_ros_topic_info *info, char *text, size_t size)
{
    snprintf(text, size,
             "- history: 1\n  depth: %d\n  reliability: %d\n  durability: 2\n"
             "  deadline:\n    sec: 9223372036\n    nsec: 854775807\n"
             "  lifespan:\n    sec: 9223372036\n    nsec: 854775807\n"
             "  liveliness: 1\n  liveliness_lease_duration:\n    sec: 9223372036\n    nsec: 854775807\n"
             "  avoid_ros_namespace_conventions: false",
             info->depth, info->reliable ? 1 : 2);
}

static int add_channel(struct sink_mcap *s, enum glint_ros_topic topic)
{
    const struct glint_ros_topic_info *info = glint_ros_topic(topic);
    struct glint_buffer schema = {0};
    char type[GLINT_ROS_NAME], qos[512];
    glint_ros_type_name(info->type, type);
    describe_qos(info, qos, sizeof qos);
    glint_ros_schema_text(info->type, &schema);
    const struct glint_mcap_channel channel = {info->name, type, (const char *)schema.data, qos};
    const int status = schema.failed ? glint_fail(GLINT_E_NOMEM, "%s: no memory", s->sink.path)
                                     : glint_mcap_add_channel(s->writer, &channel, &s->channel[topic]);
    glint_buffer_fini(&schema);
    return status;
}

static int write_topic(struct sink_mcap *s, enum glint_ros_topic topic, const struct glint_frame *frame)
{
    glint_buffer_clear(&s->message);
    glint_ros_encode(&s->ros, topic, &s->ctx, frame, &s->message);
    if (s->message.failed)
        return glint_fail(GLINT_E_NOMEM, "%s: no memory for a message", s->sink.path);
    return glint_mcap_write(s->writer, s->channel[topic], glint_ros_stamp(frame), s->message.data,
                            s->message.size);
}

static int write_frame(struct glint_sink *sink, const struct glint_frame *frame)
{
    struct sink_mcap *s = (struct sink_mcap *)sink;
    for (int t = 0; t < GLINT_ROS_TOPIC_COUNT; t++)
        if (glint_ros_wants(&s->ros, (enum glint_ros_topic)t, frame))
            GLINT_TRY(write_topic(s, (enum glint_ros_topic)t, frame));
    return glint_mcap_end_chunk_if_due(s->writer);
}

static int finish(struct glint_sink *sink)
{
    return glint_mcap_finish(((struct sink_mcap *)sink)->writer);
}

static void close_sink(struct glint_sink *sink)
{
    struct sink_mcap *s = (struct sink_mcap *)sink;
    glint_mcap_close(s->writer);
    glint_buffer_fini(&s->message);
    free(s);
}

static void account(const struct glint_sink *sink, glint_sink_count_fn *put, void *ctx)
{
    uint64_t written, waiting;
    glint_mcap_counts(((const struct sink_mcap *)sink)->writer, &written, &waiting);
    put(ctx, "messages_written", written);
    put(ctx, "messages_in_no_chunk", waiting); /* at the end: lost */
}

static const struct glint_sink_ops ops = {
    .name = "mcap", .write = write_frame, .finish = finish, .close = close_sink, .account = account};

int glint_sink_mcap_open(const char *path, const struct glint_ros_output *output,
                         const struct glint_sink_context *ctx, struct glint_sink **sink_out)
{
    *sink_out = NULL;
    struct sink_mcap *s = calloc(1, sizeof *s);
    if (!s)
        return glint_fail(GLINT_E_NOMEM, "%s: no memory", path);
    s->sink = (struct glint_sink){&ops, path};
    s->ctx = *ctx;
    s->ros = output->ros;
    int status = glint_mcap_create(path, &output->mcap, &s->writer);
    for (int t = 0; t < GLINT_ROS_TOPIC_COUNT && status == GLINT_OK; t++)
        if (s->ros.topics >> t & 1)
            status = add_channel(s, (enum glint_ros_topic)t);
    if (status < 0) {
        close_sink(&s->sink);
        return status;
    }
    *sink_out = &s->sink;
    return GLINT_OK;
}
