/* ros/types.c - see types.h. */
#include "ros/types.h"
#include <stdio.h>
#include <string.h>

/* ---- the tables: a line per field ---- */

#define ONE(kind, name)                                                                                      \
    {                                                                                                        \
        name, GLINT_ROS_##kind, 0, NULL                                                                      \
    }
#define ARRAY(kind, name, n)                                                                                 \
    {                                                                                                        \
        name, GLINT_ROS_##kind, n, NULL                                                                      \
    }
#define LIST(kind, name)                                                                                     \
    {                                                                                                        \
        name, GLINT_ROS_##kind, GLINT_ROS_SEQUENCE, NULL                                                     \
    }
#define MSG(type, name)                                                                                      \
    {                                                                                                        \
        name, GLINT_ROS_MESSAGE, 0, &type                                                                    \
    }
#define MSGS(type, name)                                                                                     \
    {                                                                                                        \
        name, GLINT_ROS_MESSAGE, GLINT_ROS_SEQUENCE, &type                                                   \
    }
#define END                                                                                                  \
    {                                                                                                        \
        NULL, GLINT_ROS_BOOL, 0, NULL                                                                        \
    }

/* TYPE(variable, package, name, constants, fields) */
#define TYPE(id, package_, name_, constants_, ...)                                                           \
    static const struct glint_ros_field id##_fields[] = {__VA_ARGS__, END};                                  \
    const struct glint_ros_type id = {#package_, #name_, constants_, id##_fields}
#define PART(id, package_, name_, constants_, ...)                                                           \
    static const struct glint_ros_field id##_fields[] = {__VA_ARGS__, END};                                  \
    static const struct glint_ros_type id = {#package_, #name_, constants_, id##_fields}

PART(ros_time, builtin_interfaces, Time, NULL, ONE(INT32, "sec"), ONE(UINT32, "nanosec"));
PART(ros_duration, builtin_interfaces, Duration, NULL, ONE(INT32, "sec"), ONE(UINT32, "nanosec"));
PART(header, std_msgs, Header, NULL, MSG(ros_time, "stamp"), ONE(STRING, "frame_id"));
PART(color, std_msgs, ColorRGBA, NULL, ONE(FLOAT32, "r"), ONE(FLOAT32, "g"), ONE(FLOAT32, "b"),
     ONE(FLOAT32, "a"));

PART(point, geometry_msgs, Point, NULL, ONE(FLOAT64, "x"), ONE(FLOAT64, "y"), ONE(FLOAT64, "z"));
PART(point32, geometry_msgs, Point32, NULL, ONE(FLOAT32, "x"), ONE(FLOAT32, "y"), ONE(FLOAT32, "z"));
PART(vector3, geometry_msgs, Vector3, NULL, ONE(FLOAT64, "x"), ONE(FLOAT64, "y"), ONE(FLOAT64, "z"));
PART(quaternion, geometry_msgs, Quaternion, NULL, ONE(FLOAT64, "x"), ONE(FLOAT64, "y"), ONE(FLOAT64, "z"),
     ONE(FLOAT64, "w"));
PART(pose, geometry_msgs, Pose, NULL, MSG(point, "position"), MSG(quaternion, "orientation"));
PART(twist, geometry_msgs, Twist, NULL, MSG(vector3, "linear"), MSG(vector3, "angular"));
PART(accel, geometry_msgs, Accel, NULL, MSG(vector3, "linear"), MSG(vector3, "angular"));
PART(pose_covariance, geometry_msgs, PoseWithCovariance, NULL, MSG(pose, "pose"),
     ARRAY(FLOAT64, "covariance", 36));
PART(twist_covariance, geometry_msgs, TwistWithCovariance, NULL, MSG(twist, "twist"),
     ARRAY(FLOAT64, "covariance", 36));
PART(accel_covariance, geometry_msgs, AccelWithCovariance, NULL, MSG(accel, "accel"),
     ARRAY(FLOAT64, "covariance", 36));
PART(polygon, geometry_msgs, Polygon, NULL, MSGS(point32, "points"));
PART(transform, geometry_msgs, Transform, NULL, MSG(vector3, "translation"), MSG(quaternion, "rotation"));
PART(transform_stamped, geometry_msgs, TransformStamped, NULL, MSG(header, "header"),
     ONE(STRING, "child_frame_id"), MSG(transform, "transform"));
TYPE(glint_ros_tf_message, tf2_msgs, TFMessage, NULL, MSGS(transform_stamped, "transforms"));

PART(point_field, sensor_msgs, PointField,
     "uint8 INT8=1\nuint8 UINT8=2\nuint8 INT16=3\nuint8 UINT16=4\nuint8 INT32=5\nuint8 UINT32=6\n"
     "uint8 FLOAT32=7\nuint8 FLOAT64=8\n",
     ONE(STRING, "name"), ONE(UINT32, "offset"), ONE(UINT8, "datatype"), ONE(UINT32, "count"));
TYPE(glint_ros_point_cloud2, sensor_msgs, PointCloud2, NULL, MSG(header, "header"), ONE(UINT32, "height"),
     ONE(UINT32, "width"), MSGS(point_field, "fields"), ONE(BOOL, "is_bigendian"), ONE(UINT32, "point_step"),
     ONE(UINT32, "row_step"), LIST(UINT8, "data"), ONE(BOOL, "is_dense"));

PART(key_value, diagnostic_msgs, KeyValue, NULL, ONE(STRING, "key"), ONE(STRING, "value"));
PART(diagnostic_status, diagnostic_msgs, DiagnosticStatus,
     "byte OK=0\nbyte WARN=1\nbyte ERROR=2\nbyte STALE=3\n", ONE(BYTE, "level"), ONE(STRING, "name"),
     ONE(STRING, "message"), ONE(STRING, "hardware_id"), MSGS(key_value, "values"));
TYPE(glint_ros_diagnostic_array, diagnostic_msgs, DiagnosticArray, NULL, MSG(header, "header"),
     MSGS(diagnostic_status, "status"));

PART(compressed_image, sensor_msgs, CompressedImage, NULL, MSG(header, "header"), ONE(STRING, "format"),
     LIST(UINT8, "data"));
PART(uv_coordinate, visualization_msgs, UVCoordinate, NULL, ONE(FLOAT32, "u"), ONE(FLOAT32, "v"));
PART(mesh_file, visualization_msgs, MeshFile, NULL, ONE(STRING, "filename"), LIST(UINT8, "data"));
PART(marker, visualization_msgs, Marker,
     "int32 ARROW=0\nint32 CUBE=1\nint32 SPHERE=2\nint32 CYLINDER=3\nint32 LINE_STRIP=4\nint32 LINE_LIST=5\n"
     "int32 CUBE_LIST=6\nint32 SPHERE_LIST=7\nint32 POINTS=8\nint32 TEXT_VIEW_FACING=9\n"
     "int32 MESH_RESOURCE=10\nint32 TRIANGLE_LIST=11\nint32 ADD=0\nint32 MODIFY=0\nint32 DELETE=2\n"
     "int32 DELETEALL=3\n",
     MSG(header, "header"), ONE(STRING, "ns"), ONE(INT32, "id"), ONE(INT32, "type"), ONE(INT32, "action"),
     MSG(pose, "pose"), MSG(vector3, "scale"), MSG(color, "color"), MSG(ros_duration, "lifetime"),
     ONE(BOOL, "frame_locked"), MSGS(point, "points"), MSGS(color, "colors"), ONE(STRING, "texture_resource"),
     MSG(compressed_image, "texture"), MSGS(uv_coordinate, "uv_coordinates"), ONE(STRING, "text"),
     ONE(STRING, "mesh_resource"), MSG(mesh_file, "mesh_file"), ONE(BOOL, "mesh_use_embedded_materials"));
TYPE(glint_ros_marker_array, visualization_msgs, MarkerArray, NULL, MSGS(marker, "markers"));

PART(hypothesis, vision_msgs, ObjectHypothesis, NULL, ONE(STRING, "class_id"), ONE(FLOAT64, "score"));
PART(hypothesis_pose, vision_msgs, ObjectHypothesisWithPose, NULL, MSG(hypothesis, "hypothesis"),
     MSG(pose_covariance, "pose"));
PART(bounding_box3d, vision_msgs, BoundingBox3D, NULL, MSG(pose, "center"), MSG(vector3, "size"));
PART(detection3d, vision_msgs, Detection3D, NULL, MSG(header, "header"), MSGS(hypothesis_pose, "results"),
     MSG(bounding_box3d, "bbox"), ONE(STRING, "id"));
TYPE(glint_ros_detection3d_array, vision_msgs, Detection3DArray, NULL, MSG(header, "header"),
     MSGS(detection3d, "detections"));

PART(uuid, unique_identifier_msgs, UUID, NULL, ARRAY(UINT8, "uuid", 16));
PART(classification, autoware_perception_msgs, ObjectClassification,
     "uint8 UNKNOWN=0\nuint8 CAR=1\nuint8 TRUCK=2\nuint8 BUS=3\nuint8 TRAILER=4\nuint8 MOTORCYCLE=5\n"
     "uint8 BICYCLE=6\nuint8 PEDESTRIAN=7\n",
     ONE(UINT8, "label"), ONE(FLOAT32, "probability"));
PART(shape, autoware_perception_msgs, Shape, "uint8 BOUNDING_BOX=0\nuint8 CYLINDER=1\nuint8 POLYGON=2\n",
     ONE(UINT8, "type"), MSG(polygon, "footprint"), MSG(vector3, "dimensions"));
#define ORIENTATIONS "uint8 UNAVAILABLE=0\nuint8 SIGN_UNKNOWN=1\nuint8 AVAILABLE=2\n"
PART(detected_kinematics, autoware_perception_msgs, DetectedObjectKinematics, ORIENTATIONS,
     MSG(pose_covariance, "pose_with_covariance"), ONE(BOOL, "has_position_covariance"),
     ONE(UINT8, "orientation_availability"), MSG(twist_covariance, "twist_with_covariance"),
     ONE(BOOL, "has_twist"), ONE(BOOL, "has_twist_covariance"));
PART(detected_object, autoware_perception_msgs, DetectedObject, NULL, ONE(FLOAT32, "existence_probability"),
     MSGS(classification, "classification"), MSG(detected_kinematics, "kinematics"), MSG(shape, "shape"));
TYPE(glint_ros_detected_objects, autoware_perception_msgs, DetectedObjects, NULL, MSG(header, "header"),
     MSGS(detected_object, "objects"));
PART(tracked_kinematics, autoware_perception_msgs, TrackedObjectKinematics, ORIENTATIONS,
     MSG(pose_covariance, "pose_with_covariance"), MSG(twist_covariance, "twist_with_covariance"),
     MSG(accel_covariance, "acceleration_with_covariance"), ONE(UINT8, "orientation_availability"),
     ONE(BOOL, "is_stationary"));
PART(tracked_object, autoware_perception_msgs, TrackedObject, NULL, MSG(uuid, "object_id"),
     ONE(FLOAT32, "existence_probability"), MSGS(classification, "classification"),
     MSG(tracked_kinematics, "kinematics"), MSG(shape, "shape"));
TYPE(glint_ros_tracked_objects, autoware_perception_msgs, TrackedObjects, NULL, MSG(header, "header"),
     MSGS(tracked_object, "objects"));

PART(velodyne_packet, velodyne_msgs, VelodynePacket, NULL, MSG(ros_time, "stamp"),
     ARRAY(UINT8, "data", 1206));
TYPE(glint_ros_velodyne_scan, velodyne_msgs, VelodyneScan, NULL, MSG(header, "header"),
     MSGS(velodyne_packet, "packets"));
PART(pandar_packet, pandar_msgs, PandarPacket, NULL, MSG(ros_time, "stamp"), ARRAY(UINT8, "data", 1500),
     ONE(UINT32, "size"));
TYPE(glint_ros_pandar_scan, pandar_msgs, PandarScan, NULL, MSG(header, "header"),
     MSGS(pandar_packet, "packets"));
PART(nebula_packet, nebula_msgs, NebulaPacket, NULL, MSG(ros_time, "stamp"), LIST(UINT8, "data"));
TYPE(glint_ros_nebula_packets, nebula_msgs, NebulaPackets, NULL, MSG(header, "header"),
     MSGS(nebula_packet, "packets"));
PART(robosense_packet, robosense_msgs, RobosensePacket, NULL, MSG(ros_time, "stamp"),
     ARRAY(UINT8, "data", 1248), ONE(UINT32, "size"));
TYPE(glint_ros_robosense_scan, robosense_msgs, RobosenseScan, NULL, MSG(header, "header"),
     MSGS(robosense_packet, "packets"));
TYPE(glint_ros_rslidar_packet, rslidar_msg, RslidarPacket, NULL, MSG(header, "header"),
     ONE(UINT8, "is_difop"), ONE(UINT8, "is_frame_begin"), LIST(UINT8, "data"));
TYPE(glint_ros_packet_msg, ouster_sensor_msgs, PacketMsg, NULL, LIST(UINT8, "buf"));

static const struct {
    const char *name;
    size_t size; /* 0: not a number */
} kinds[] = {
    [GLINT_ROS_BOOL] = {"bool", 1},       [GLINT_ROS_BYTE] = {"byte", 1},
    [GLINT_ROS_UINT8] = {"uint8", 1},     [GLINT_ROS_UINT16] = {"uint16", 2},
    [GLINT_ROS_UINT32] = {"uint32", 4},   [GLINT_ROS_INT32] = {"int32", 4},
    [GLINT_ROS_FLOAT32] = {"float32", 4}, [GLINT_ROS_FLOAT64] = {"float64", 8},
    [GLINT_ROS_STRING] = {"string", 0},   [GLINT_ROS_MESSAGE] = {"", 0},
};

/* ---- names and texts ---- */

void glint_ros_type_name(const struct glint_ros_type *type, char out[GLINT_ROS_NAME])
{
    snprintf(out, GLINT_ROS_NAME, "%s/msg/%s", type->package, type->name);
}

void glint_ros_dds_name(const struct glint_ros_type *type, char out[GLINT_ROS_NAME])
{
    snprintf(out, GLINT_ROS_NAME, "%s::msg::dds_::%s_", type->package, type->name);
}

/* "uint8[16] uuid" */
static void put_field(struct glint_buffer *text, const struct glint_ros_field *f)
{
    char line[160], count[16] = "";
    if (f->count == GLINT_ROS_SEQUENCE)
        snprintf(count, sizeof count, "[]");
    else if (f->count > 0)
        snprintf(count, sizeof count, "[%d]", f->count);
    if (f->type)
        snprintf(line, sizeof line, "%s/%s%s %s\n", f->type->package, f->type->name, count, f->name);
    else
        snprintf(line, sizeof line, "%s%s %s\n", kinds[f->kind].name, count, f->name);
    glint_buffer_text(text, line);
}

static void put_lines(struct glint_buffer *text, const struct glint_ros_type *type)
{
    if (type->constants)
        glint_buffer_text(text, type->constants);
    for (const struct glint_ros_field *f = type->fields; f->name; f++)
        put_field(text, f);
}

#define MOST_TYPES 32

/* The types that `type` uses, each once, in the order of their first use. */
static void collect(const struct glint_ros_type *type, const struct glint_ros_type **list, int *n)
{
    for (const struct glint_ros_field *f = type->fields; f->name; f++) {
        int at = 0;
        while (at < *n && list[at] != f->type)
            at++;
        if (!f->type || at < *n || *n == MOST_TYPES)
            continue;
        list[(*n)++] = f->type;
        collect(f->type, list, n);
    }
}

void glint_ros_schema_text(const struct glint_ros_type *type, struct glint_buffer *text)
{
    const struct glint_ros_type *list[MOST_TYPES];
    int n = 0;
    collect(type, list, &n);
    put_lines(text, type);
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < 8; k++)
            glint_buffer_text(text, "==========");
        glint_buffer_text(text, "\nMSG: ");
        glint_buffer_text(text, list[i]->package);
        glint_buffer_text(text, "/");
        glint_buffer_text(text, list[i]->name);
        glint_buffer_text(text, "\n");
        put_lines(text, list[i]);
    }
    uint8_t *end = glint_buffer_room(text, 1);
    if (end)
        *end = 0;
}

/* ---- walks ---- */

static void skip_field(const struct glint_ros_field *f, struct glint_cdr_reader *r)
{
    const size_t size = kinds[f->kind].size;
    uint32_t n = f->count > 0 ? (uint32_t)f->count : 1;
    if (f->count == GLINT_ROS_SEQUENCE)
        n = glint_cdr_length(r, size ? size : 1);
    if (size) {
        if (n > 0)
            glint_cdr_align(r, size);
        glint_cdr_bytes(r, n * size);
        return;
    }
    for (uint32_t i = 0; i < n && !r->failed; i++) {
        if (f->type)
            glint_ros_skip(f->type, r);
        else
            (void)glint_cdr_text(r);
    }
}

void glint_ros_skip(const struct glint_ros_type *type, struct glint_cdr_reader *r)
{
    glint_ros_skip_to(type, NULL, r);
}

void glint_ros_skip_to(const struct glint_ros_type *type, const char *field, struct glint_cdr_reader *r)
{
    for (const struct glint_ros_field *f = type->fields; f->name; f++) {
        if (field && strcmp(f->name, field) == 0)
            return;
        skip_field(f, r);
    }
}
