/* ros/messages.c - see messages.h: the table of topics. */
#include "ros/encode.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct glint_ros_topic_info topics[] = {
#define INFO(upper, topic, type, reliable, depth) {topic, &type, reliable, depth},
    GLINT_ROS_TOPIC_MAP(INFO)
#undef INFO
};

static glint_ros_encode_fn *const encoders[] = {
    [GLINT_ROS_TOPIC_POINTS] = glint_ros_put_points,
    [GLINT_ROS_TOPIC_DETECTIONS] = glint_ros_put_detections,
    [GLINT_ROS_TOPIC_OBJECTS] = glint_ros_put_objects,
    [GLINT_ROS_TOPIC_TRACKS] = glint_ros_put_tracks,
    [GLINT_ROS_TOPIC_MARKERS] = glint_ros_put_markers,
    [GLINT_ROS_TOPIC_DIAGNOSTICS] = glint_ros_put_diagnostics,
    [GLINT_ROS_TOPIC_TF] = glint_ros_put_tf,
};

void glint_ros_settings_default(struct glint_ros_settings *s)
{
    *s =
        (struct glint_ros_settings){.topics = GLINT_ROS_TOPICS_ALL, .frame_id = "base_link", .map_id = "map"};
}

const struct glint_ros_topic_info *glint_ros_topic(enum glint_ros_topic topic)
{
    return &topics[topic];
}

enum glint_ros_topic glint_ros_topic_named(const char *name)
{
    for (int t = 0; t < GLINT_ROS_TOPIC_COUNT; t++) {
        const char *whole = topics[t].name;
        if (strcmp(name, whole) == 0 || strcmp(name, whole + 1) == 0 ||
            strcmp(name, strrchr(whole, '/') + 1) == 0)
            return (enum glint_ros_topic)t;
    }
    return GLINT_ROS_TOPIC_COUNT;
}

bool glint_ros_wants(const struct glint_ros_settings *s, enum glint_ros_topic topic,
                     const struct glint_frame *frame)
{
    if (!(s->topics >> topic & 1))
        return false;
    if (topic == GLINT_ROS_TOPIC_TRACKS)
        return frame->latency_ns[GLINT_STAGE_TRACK] >= 0;
    return topic != GLINT_ROS_TOPIC_TF || frame->has_pose;
}

int64_t glint_ros_stamp(const struct glint_frame *frame)
{
    const int64_t ns = frame->reference_ns > 0 ? frame->reference_ns : frame->stamp_ns;
    return ns > 0 ? ns : (int64_t)(frame->index & INT32_MAX) * 100000000;
}

void glint_ros_encode(const struct glint_ros_settings *s, enum glint_ros_topic topic,
                      const struct glint_sink_context *ctx, const struct glint_frame *frame,
                      struct glint_buffer *bytes)
{
    struct glint_ros_encoder e = {s, ctx, frame, glint_ros_stamp(frame), {NULL, 0}};
    glint_cdr_begin(&e.cdr, bytes);
    encoders[topic](&e);
}

/* ---- shared parts ---- */

void glint_ros_put_header(struct glint_ros_encoder *e, const char *frame_id)
{
    glint_cdr_put_stamp(&e->cdr, e->stamp_ns);
    glint_cdr_put_text(&e->cdr, frame_id);
}

void glint_ros_put_xyz(struct glint_cdr *c, double x, double y, double z)
{
    glint_cdr_put_f64(c, x);
    glint_cdr_put_f64(c, y);
    glint_cdr_put_f64(c, z);
}

void glint_ros_put_pose(struct glint_cdr *c, const float position[3], double yaw)
{
    glint_ros_put_xyz(c, (double)position[0], (double)position[1], (double)position[2]);
    glint_ros_put_xyz(c, 0, 0, sin(yaw / 2));
    glint_cdr_put_f64(c, cos(yaw / 2));
}

const char *glint_ros_label(const struct glint_sink_context *ctx, int32_t label, char number[24])
{
    if (label >= 0 && label < ctx->n_classes)
        return ctx->classes[label];
    snprintf(number, 24, "class_%d", label);
    return number;
}
