/* ros/messages.h - a frame as ROS 2 messages: which topics there are, and the CDR bytes of each.
 *
 *     struct glint_ros_settings s;
 *     glint_ros_settings_default(&s);
 *     for (int t = 0; t < GLINT_ROS_TOPIC_COUNT; t++)
 *         if (glint_ros_wants(&s, t, frame)) {
 *             glint_buffer_clear(&bytes);
 *             glint_ros_encode(&s, t, &context, frame, &bytes);  // sink context: names of the classes
 *             ... glint_ros_topic(t)->name, bytes.data, bytes.size
 *         }
 *
 * All topics of a frame carry the same stamp, glint_ros_stamp(). What is in each: docs/ROS.md. */
#ifndef GLINT_ROS_MESSAGES_H
#define GLINT_ROS_MESSAGES_H
#include "io/sink.h"
#include "ros/types.h"

/* X(ENUM, topic, type, reliable, depth) */
#define GLINT_ROS_TOPIC_MAP(X)                                                                               \
    X(POINTS, "/glint/points", glint_ros_point_cloud2, false, 5)                                             \
    X(DETECTIONS, "/glint/detections", glint_ros_detection3d_array, true, 10)                                \
    X(OBJECTS, "/glint/objects", glint_ros_detected_objects, true, 10)                                       \
    X(TRACKS, "/glint/tracks", glint_ros_tracked_objects, true, 10)                                          \
    X(MARKERS, "/glint/markers", glint_ros_marker_array, true, 10)                                           \
    X(DIAGNOSTICS, "/diagnostics", glint_ros_diagnostic_array, true, 10)                                     \
    X(TF, "/tf", glint_ros_tf_message, true, 100)

enum glint_ros_topic {
#define GLINT_ROS_TOPIC_ENUM(upper, topic, type, reliable, depth) GLINT_ROS_TOPIC_##upper,
    GLINT_ROS_TOPIC_MAP(GLINT_ROS_TOPIC_ENUM)
#undef GLINT_ROS_TOPIC_ENUM
        GLINT_ROS_TOPIC_COUNT
};
#define GLINT_ROS_TOPICS_ALL ((1u << GLINT_ROS_TOPIC_COUNT) - 1)

struct glint_ros_topic_info {
    const char *name;
    const struct glint_ros_type *type;
    bool reliable; /* else best effort: what a slow network loses is lost */
    int32_t depth; /* messages kept for a reader that falls behind */
};

/* Autoware's point layouts; with masks each point has 4 bytes more: label, confidence, instance. */
enum glint_ros_layout {
    GLINT_ROS_XYZIRC,    /* 16 bytes: x y z, intensity, return type, channel */
    GLINT_ROS_XYZIRCAEDT /* 32 bytes: besides azimuth, elevation, distance, time stamp */
};

struct glint_ros_settings {
    unsigned topics; /* bits 1 << GLINT_ROS_TOPIC_* */
    enum glint_ros_layout layout;
    const char *frame_id; /* of points and boxes: the vehicle's; "base_link" */
    const char *map_id;   /* of given poses; "map" */
    /* Counts of the publisher's own, which go into diagnostics with the frame's; NULL: none. */
    void (*account)(const void *ctx, glint_sink_count_fn *put, void *put_ctx);
    const void *account_ctx;
};

/* All topics, XYZIRC. */
void glint_ros_settings_default(struct glint_ros_settings *s);

const struct glint_ros_topic_info *glint_ros_topic(enum glint_ros_topic topic);

/* The topic of a name, with or without its "/glint/" or "/": "points". GLINT_ROS_TOPIC_COUNT: none. */
enum glint_ros_topic glint_ros_topic_named(const char *name);

/* Whether a frame has something to say there: tracks only of frames that were tracked, tf only with a pose.
 */
bool glint_ros_wants(const struct glint_ros_settings *s, enum glint_ros_topic topic,
                     const struct glint_frame *frame);

/* The moment that points and boxes hold at (reference_ns where they were moved to one, else stamp_ns), UTC
 * ns; of frames without any stamp the index counts, ten to a second. */
int64_t glint_ros_stamp(const struct glint_frame *frame);

/* Appends the topic's message. Reads the frame only; any thread. Memory that runs out shows in
 * bytes->failed. */
void glint_ros_encode(const struct glint_ros_settings *s, enum glint_ros_topic topic,
                      const struct glint_sink_context *ctx, const struct glint_frame *frame,
                      struct glint_buffer *bytes);
#endif
