/* ros/packets.h - messages that hold a sensor's packets: those of the drivers for ROS 2.
 *
 *     const struct glint_ros_packets *kind = glint_ros_packets_of("velodyne_msgs/msg/VelodyneScan");
 *     struct glint_ros_packet_list list;
 *     GLINT_TRY(glint_ros_packets_open(kind, data, size, "/velodyne_packets", &list));
 *     while (glint_ros_packets_next(&list, &packet)) ... packet.data, packet.size, packet.stamp_ns
 *     ... list.reader.failed: the message was shorter than it said */
#ifndef GLINT_ROS_PACKETS_H
#define GLINT_ROS_PACKETS_H
#include "ros/types.h"

struct glint_ros_packets; /* one type of message */

/* By the type's name; NULL: not one of these. */
const struct glint_ros_packets *glint_ros_packets_of(const char *type);

struct glint_ros_packet {
    const uint8_t *data; /* in the message */
    uint32_t size;
    int64_t stamp_ns; /* as the message says it; 0: it does not */
};

struct glint_ros_packet_list {
    const struct glint_ros_packets *kind;
    struct glint_cdr_reader reader;
    uint32_t left;
    int64_t stamp_ns; /* of the message */
};

/* GLINT_E_FORMAT: no CDR, or too short for what it announces. `what` is for the message. */
int glint_ros_packets_open(const struct glint_ros_packets *kind, const uint8_t *data, size_t size,
                           const char *what, struct glint_ros_packet_list *list_out);

/* The next packet; false at the end, or where the message is cut short (reader.failed). */
bool glint_ros_packets_next(struct glint_ros_packet_list *list, struct glint_ros_packet *packet_out);

/* The UDP port that the sensors of this kind send to, for decoders that ask. */
uint16_t glint_ros_packets_port(const struct glint_ros_packets *kind);
#endif
