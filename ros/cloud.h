/* ros/cloud.h - sensor_msgs/PointCloud2 to frames: any layout, any types, either byte order. */
#ifndef GLINT_ROS_CLOUD_H
#define GLINT_ROS_CLOUD_H
#include "core/frame.h"
#include "ros/cdr.h"

struct glint_ros_cloud { /* a message as its header describes it, checked against its size */
    int64_t stamp_ns;
    const char *frame_id;
    int32_t n_points;
    uint32_t width, point_step, row_step;
    const uint8_t *data; /* of the points, in the message */
    bool big_endian;
    struct glint_ros_column { /* of a value that is read; kind 0: there is none */
        uint32_t offset;
        uint8_t kind; /* INT8 = 1 ... FLOAT64 = 8, of sensor_msgs/PointField */
    } column[7];
    bool return_from_1; /* of `return_type` */
};

/* Reads and checks a message; `what` is for messages. GLINT_E_FORMAT: no whole PointCloud2, fields outside of
 * a point, points outside of the data, no x, y, z, more than 16 777 216 points. */
int glint_ros_cloud_open(const uint8_t *message, size_t size, const char *what,
                         struct glint_ros_cloud *cloud_out);

/* Its points into a cleared frame, with stamp_ns. Coordinates are taken as they are. Intensities above 1, or
 * of whole numbers, are divided by 255. Points that are not finite are counted, not taken. */
void glint_ros_cloud_read(const struct glint_ros_cloud *cloud, struct glint_frame *frame);
#endif
