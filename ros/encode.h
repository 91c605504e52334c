/* ros/encode.h - what the messages' writers share; see messages.h for their use. */
#ifndef GLINT_ROS_ENCODE_H
#define GLINT_ROS_ENCODE_H
#include "ros/messages.h"

struct glint_ros_encoder { /* one message of one frame */
    const struct glint_ros_settings *settings;
    const struct glint_sink_context *ctx;
    const struct glint_frame *frame;
    int64_t stamp_ns;
    struct glint_cdr cdr;
};

typedef void glint_ros_encode_fn(struct glint_ros_encoder *e);
glint_ros_encode_fn glint_ros_put_points, glint_ros_put_detections, glint_ros_put_objects,
    glint_ros_put_tracks, glint_ros_put_markers, glint_ros_put_diagnostics, glint_ros_put_tf;

/* std_msgs/Header with the frame's stamp. */
void glint_ros_put_header(struct glint_ros_encoder *e, const char *frame_id);

/* geometry_msgs/Vector3 or Point. */
void glint_ros_put_xyz(struct glint_cdr *c, double x, double y, double z);

/* geometry_msgs/Pose: a place and a heading about z. */
void glint_ros_put_pose(struct glint_cdr *c, const float position[3], double yaw);

/* The name of a box's class; number: room for one that has none, "class_7". */
const char *glint_ros_label(const struct glint_sink_context *ctx, int32_t label, char number[24]);
#endif
