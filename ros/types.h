/* ros/types.h - ROS 2 messages as data: what fields a type has, as its .msg file lists them.
 *
 * From the tables come the text that an MCAP schema or a Foxglove channel wants (glint_ros_schema_text), the
 * DDS name of a type, and a walk over a message's bytes (glint_ros_skip). The names, fields, order and
 * constants are those of ROS 2 Humble and later: common_interfaces 4, vision_msgs 4, autoware_msgs 1,
 * velodyne_msgs 2, nebula_msgs, pandar_msgs, ouster_sensor_msgs, rslidar_msg. */
#ifndef GLINT_ROS_TYPES_H
#define GLINT_ROS_TYPES_H
#include "ros/cdr.h"

enum glint_ros_kind {
    GLINT_ROS_BOOL,
    GLINT_ROS_BYTE,
    GLINT_ROS_UINT8,
    GLINT_ROS_UINT16,
    GLINT_ROS_UINT32,
    GLINT_ROS_INT32,
    GLINT_ROS_FLOAT32,
    GLINT_ROS_FLOAT64,
    GLINT_ROS_STRING,
    GLINT_ROS_MESSAGE
};

#define GLINT_ROS_SEQUENCE (-1)

struct glint_ros_type;

struct glint_ros_field {
    const char *name; /* NULL ends a list */
    enum glint_ros_kind kind;
    int32_t count;                     /* 0: one; n: an array of n; GLINT_ROS_SEQUENCE */
    const struct glint_ros_type *type; /* of a GLINT_ROS_MESSAGE */
};

struct glint_ros_type {
    const char *package, *name; /* "sensor_msgs", "PointCloud2" */
    const char *constants;      /* lines, NULL: none */
    const struct glint_ros_field *fields;
};

extern const struct glint_ros_type
    /* what Glint publishes */
    glint_ros_point_cloud2,
    glint_ros_detection3d_array, glint_ros_detected_objects, glint_ros_tracked_objects,
    glint_ros_marker_array, glint_ros_diagnostic_array, glint_ros_tf_message,
    /* packets that it reads */
    glint_ros_velodyne_scan, glint_ros_pandar_scan, glint_ros_nebula_packets, glint_ros_robosense_scan,
    glint_ros_rslidar_packet, glint_ros_packet_msg;

#define GLINT_ROS_NAME 96 /* holds any name below */

/* "sensor_msgs/msg/PointCloud2", as in rosbag2, MCAP and Foxglove. */
void glint_ros_type_name(const struct glint_ros_type *type, char out[GLINT_ROS_NAME]);

/* "sensor_msgs::msg::dds_::PointCloud2_", as ROS 2 names types on DDS. */
void glint_ros_dds_name(const struct glint_ros_type *type, char out[GLINT_ROS_NAME]);

/* Appends the definition with those of all types it uses, in the form of the MCAP schema encoding "ros2msg":
 * the type's own lines, then for each other one a line of 80 '=', "MSG: package/Name" and its lines. Ends
 * with a zero that is not counted in the buffer's size. */
void glint_ros_schema_text(const struct glint_ros_type *type, struct glint_buffer *text);

/* Walks over one value of the type; r->failed where it is not there. */
void glint_ros_skip(const struct glint_ros_type *type, struct glint_cdr_reader *r);

/* Walks to the field: over all those before it. */
void glint_ros_skip_to(const struct glint_ros_type *type, const char *field, struct glint_cdr_reader *r);
#endif
