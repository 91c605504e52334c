/* ros/source_bag.c - see source_bag.h. */
#include "ros/source_bag.h"
#include "core/log.h"
#include "ros/bag.h"
#include "ros/cloud.h"
#include "ros/compress.h"
#include "ros/packets.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLOUD_TYPE  "sensor_msgs/msg/PointCloud2"
#define LOOK_CLOUDS 16 /* of which the largest tells how large frames are */

struct source_bag {
    struct glint_source base;
    struct glint_bag *bag;
    bool skip_corrupt, told_note;
    int32_t *input_of;                         /* by topic: number among those that are read, -1: is not */
    char (*input_path)[GLINT_ROS_NAME + 1200]; /* by input: "drive.mcap /velodyne_packets" */
    int32_t n_inputs, n_topics;
    struct glint_ros_packet_list list; /* of the present message */
    struct glint_bag_message message;
    struct glint_buffer unpacked; /* the present message, where it was packed */
    uint64_t n_packets, n_frames, n_corrupt;
    struct glint_loss loss; /* of the frames so far */
    int32_t cap_points;
};

/* ---- topics ---- */

static bool is_cloud(const struct glint_bag_topic *t)
{
    return strcmp(t->type, CLOUD_TYPE) == 0;
}

/* Ouster's drivers put measurements of motion on a topic of the same type. */
static bool is_packets(const struct glint_bag_topic *t)
{
    return glint_ros_packets_of(t->type) && !strstr(t->name, "imu");
}

/* "/points (sensor_msgs/msg/PointCloud2), ..." of those that `pick` takes; all with NULL. */
static void list_topics(const struct glint_bag *bag, bool (*pick)(const struct glint_bag_topic *), char *text,
                        size_t size)
{
    size_t n = 0;
    snprintf(text, size, "none");
    for (int32_t i = 0; i < bag->n_topics && n < size; i++)
        if (!pick || pick(&bag->topics[i]))
            n += (size_t)snprintf(text + n, size - n, "%s%s (%s)", n ? ", " : "", bag->topics[i].name,
                                  bag->topics[i].type);
}

static int want_named(struct glint_bag *bag, const char *name)
{
    char list[600];
    const int32_t at = glint_bag_find(bag, name);
    if (at < 0) {
        list_topics(bag, NULL, list, sizeof list);
        return glint_fail(GLINT_E_NOTFOUND, "%s: no topic %s; there are: %s", bag->path, name, list);
    }
    if (!is_cloud(&bag->topics[at]) && !glint_ros_packets_of(bag->topics[at].type))
        return glint_fail(
            GLINT_E_UNSUPPORTED,
            "%s: topic %s is of type %s: expected PointCloud2 or packets of a lidar (docs/ROS.md)", bag->path,
            name, bag->topics[at].type);
    bag->topics[at].wanted = true;
    return GLINT_OK;
}

static int32_t want_all(struct glint_bag *bag, bool (*pick)(const struct glint_bag_topic *))
{
    int32_t n = 0;
    for (int32_t i = 0; i < bag->n_topics; i++) {
        bag->topics[i].wanted = pick(&bag->topics[i]);
        n += bag->topics[i].wanted;
    }
    return n;
}

static int want_topics(struct glint_bag *bag, const char *name)
{
    char list[600];
    if (name)
        return want_named(bag, name);
    if (want_all(bag, is_packets) > 0)
        return GLINT_OK;
    const int32_t n = want_all(bag, is_cloud);
    list_topics(bag, n > 1 ? is_cloud : NULL, list, sizeof list);
    if (n == 0)
        return glint_fail(GLINT_E_NOTFOUND,
                          "%s: no topic of PointCloud2 or of a lidar's packets (docs/ROS.md); there are: %s",
                          bag->path, list);
    return n == 1 ? GLINT_OK
                  : glint_fail(GLINT_E_ARG, "%s: %d topics of clouds, choose one with --topic: %s", bag->path,
                               n, list);
}

static int name_inputs(struct source_bag *s)
{
    const struct glint_bag *bag = s->bag;
    s->n_topics = bag->n_topics;
    s->input_of = calloc((size_t)bag->n_topics + 1, sizeof *s->input_of);
    s->input_path = calloc((size_t)bag->n_topics + 1, sizeof *s->input_path);
    if (!s->input_of || !s->input_path)
        return glint_fail(GLINT_E_NOMEM, "%s: no memory", bag->path);
    for (int32_t i = 0; i < bag->n_topics; i++) {
        s->input_of[i] = -1;
        if (!bag->topics[i].wanted)
            continue;
        if (strcmp(bag->topics[i].encoding, "cdr") != 0)
            return glint_fail(GLINT_E_UNSUPPORTED, "%s: topic %s: encoding \"%.32s\": expected cdr",
                              bag->path, bag->topics[i].name, bag->topics[i].encoding);
        s->input_of[i] = s->n_inputs;
        snprintf(s->input_path[s->n_inputs++], sizeof *s->input_path, "%s %.90s", bag->path,
                 bag->topics[i].name);
    }
    return GLINT_OK;
}

/* ---- messages ---- */

/* A damaged message: counted where that is wanted (GLINT_E_AGAIN), else the failure that it is. */
static int damaged(struct source_bag *s, int status)
{
    if (status != GLINT_E_FORMAT || !s->skip_corrupt)
        return status;
    glint_log(GLINT_LOG_WARN, "%s: left out", glint_error_text());
    s->n_corrupt++;
    return GLINT_E_AGAIN;
}

static const char *what_of(const struct source_bag *s)
{
    return s->input_path[s->input_of[s->message.topic]];
}

/* The present message as it was sent. */
static int unpack(struct source_bag *s)
{
    struct glint_bag_message *m = &s->message;
    if (!glint_is_packed_message(m->data, m->size))
        return GLINT_OK;
    GLINT_TRY(glint_unpack_message(m->data, m->size, GLINT_BAG_BLOCK, &s->unpacked, what_of(s)));
    m->data = s->unpacked.data;
    m->size = s->unpacked.size;
    return GLINT_OK;
}

static int next_message(struct source_bag *s)
{
    const int status = glint_bag_next(s->bag, &s->message);
    if (status < 0 && status != GLINT_E_EOF)
        s->told_note = true; /* the failure says it */
    if (status == GLINT_E_EOF && s->bag->note[0] && !s->told_note) {
        s->told_note = true;
        glint_log(GLINT_LOG_WARN, "%s: %s", s->base.path, s->bag->note);
    }
    return status == GLINT_OK ? unpack(s) : status;
}

static int open_list(struct source_bag *s)
{
    GLINT_TRY(next_message(s));
    const struct glint_ros_packets *kind = glint_ros_packets_of(s->bag->topics[s->message.topic].type);
    return glint_ros_packets_open(kind, s->message.data, s->message.size, what_of(s), &s->list);
}

/* Packets of topic i come as from 127.0.0.(1 + i): messages do not tell their senders. */
static void give_packet(struct source_bag *s, const struct glint_ros_packet *p, struct glint_packet *out)
{
    const int32_t input = s->input_of[s->message.topic];
    *out = (struct glint_packet){
        .data = p->data,
        .size = p->size,
        .stamp_ns = p->stamp_ns > 0 ? p->stamp_ns : s->message.log_ns,
        .record = s->n_packets++,
        .input = input,
        .src_ip = 0x7f000001u + (uint32_t)input,
        .dst_ip = 0x7f000001u,
        .src_port = glint_ros_packets_port(s->list.kind),
        .dst_port = glint_ros_packets_port(s->list.kind),
    };
}

static int next_packet(struct glint_source *source, struct glint_packet *packet_out)
{
    struct source_bag *s = (struct source_bag *)source;
    struct glint_ros_packet p;
    for (;;) {
        if (s->list.kind && glint_ros_packets_next(&s->list, &p)) {
            give_packet(s, &p, packet_out);
            return GLINT_OK;
        }
        int status = GLINT_OK;
        if (s->list.kind && s->list.reader.failed)
            status = glint_fail(GLINT_E_FORMAT, "%s: a message at %lld ns is shorter than it says",
                                what_of(s), (long long)s->message.log_ns);
        s->list.kind = NULL;
        if (status == GLINT_OK)
            status = open_list(s);
        if (status < 0 && (status = damaged(s, status)) != GLINT_E_AGAIN)
            return status;
    }
}

static int next_frame(struct glint_source *source, struct glint_frame *frame)
{
    struct source_bag *s = (struct source_bag *)source;
    struct glint_ros_cloud cloud;
    int status;
    do {
        status = next_message(s);
        if (status == GLINT_OK)
            status = glint_ros_cloud_open(s->message.data, s->message.size, what_of(s), &cloud);
        if (status < 0)
            status = damaged(s, status);
    } while (status == GLINT_E_AGAIN);
    if (status < 0)
        return status;
    frame->index = s->n_frames;
    frame->received_ns = s->message.log_ns;
    snprintf(frame->source, sizeof frame->source, "%s", s->bag->topics[s->message.topic].name);
    snprintf(frame->name, sizeof frame->name, "%06llu", (unsigned long long)s->n_frames++);
    glint_ros_cloud_read(&cloud, frame);
    s->loss.points_dropped += frame->loss.points_dropped;
    s->loss.points_clipped += frame->loss.points_clipped;
    s->loss.records_corrupt = s->n_corrupt + s->bag->n_corrupt;
    frame->loss = s->loss;
    return GLINT_OK;
}

/* ---- the source ---- */

static int32_t cap_points(struct glint_source *source)
{
    return ((struct source_bag *)source)->cap_points;
}

static double progress(struct glint_source *source)
{
    const struct glint_bag *bag = ((struct source_bag *)source)->bag;
    return bag->ops->progress(bag);
}

static void account(const struct glint_source *source, struct glint_loss *loss)
{
    const struct source_bag *s = (const struct source_bag *)source;
    loss->records_corrupt = s->n_corrupt + s->bag->n_corrupt;
}

static const char *input_path(const struct glint_source *source, int32_t input)
{
    const struct source_bag *s = (const struct source_bag *)source;
    return input >= 0 && input < s->n_inputs ? s->input_path[input] : NULL;
}

static void close_source(struct glint_source *source)
{
    struct source_bag *s = (struct source_bag *)source;
    glint_bag_close(s->bag);
    glint_buffer_fini(&s->unpacked);
    free(s->input_of);
    free(s->input_path);
    free(s);
}

static const struct glint_source_ops packet_ops = {
    .name = "bag",
    .gives_packets = true,
    .next_packet = next_packet,
    .progress = progress,
    .account = account,
    .input_path = input_path,
    .close = close_source,
};

static const struct glint_source_ops frame_ops = {
    .name = "bag",
    .next_frame = next_frame,
    .cap_points = cap_points,
    .progress = progress,
    .account = account,
    .close = close_source,
};

static struct source_bag *make(const char *path, const struct glint_source_settings *settings)
{
    struct source_bag *s = calloc(1, sizeof *s);
    if (s) {
        s->skip_corrupt = settings && settings->skip_corrupt;
        snprintf(s->base.path, sizeof s->base.path, "%s", path);
        s->base.ops = &packet_ops;
    }
    return s;
}

/* Chooses the topics of an open bag, which is taken also on failure. */
static int take_bag(struct source_bag *s, struct glint_bag *bag, const char *topic)
{
    s->bag = bag;
    bag->skip_corrupt = s->skip_corrupt;
    GLINT_TRY(want_topics(bag, topic));
    GLINT_TRY(name_inputs(s));
    for (int32_t i = 0; i < bag->n_topics; i++)
        if (bag->topics[i].wanted && is_cloud(&bag->topics[i]))
            s->base.ops = &frame_ops;
    return GLINT_OK;
}

/* The largest of the first clouds, and half as much again: a lidar's sweeps hardly differ. */
static int32_t look_at_clouds(struct source_bag *s)
{
    struct glint_ros_cloud cloud;
    int32_t most = 0;
    for (int i = 0; i < LOOK_CLOUDS && glint_bag_next(s->bag, &s->message) == GLINT_OK; i++)
        if (unpack(s) == GLINT_OK &&
            glint_ros_cloud_open(s->message.data, s->message.size, what_of(s), &cloud) == GLINT_OK &&
            cloud.n_points > most)
            most = cloud.n_points;
    return most + most / 2;
}

/* Takes the bag, and gives the source of it. */
static int open_with(struct glint_bag *bag, const char *path, const struct glint_source_settings *settings,
                     struct source_bag **s_out)
{
    struct source_bag *s = make(path, settings);
    *s_out = s;
    if (!s) {
        glint_bag_close(bag);
        return glint_fail(GLINT_E_NOMEM, "%s: no memory", path);
    }
    const int status = take_bag(s, bag, settings ? settings->topic : NULL);
    if (status < 0) {
        close_source(&s->base);
        *s_out = NULL;
    }
    return status;
}

static int open_path(const char *path, const struct glint_source_settings *settings,
                     struct source_bag **s_out)
{
    struct glint_bag *bag;
    *s_out = NULL;
    GLINT_TRY(glint_bag_open(path, &bag));
    return open_with(bag, path, settings, s_out);
}

int glint_source_bag_open(const char *path, const struct glint_source_settings *settings,
                          struct glint_source **source_out)
{
    struct source_bag *s, *look;
    *source_out = NULL;
    GLINT_TRY(open_path(path, settings, &s));
    if (s->base.ops == &frame_ops && open_path(path, settings, &look) == GLINT_OK) {
        s->cap_points = look_at_clouds(look);
        close_source(&look->base);
    }
    *source_out = &s->base;
    return GLINT_OK;
}

int glint_source_bag_open_memory(const uint8_t *data, size_t size, const char *name,
                                 struct glint_source **source_out)
{
    struct source_bag *s;
    struct glint_bag *bag;
    *source_out = NULL;
    GLINT_TRY(glint_bag_mcap_open_memory(data, size, name, &bag));
    GLINT_TRY(open_with(bag, name, NULL, &s));
    *source_out = &s->base;
    return GLINT_OK;
}

void glint_ros_add_sources(void)
{
    static const struct glint_source_kind kind = {"bag", glint_bag_probe, glint_source_bag_open};
    glint_source_add_kind(&kind);
}
