/* ros/packets.c - see packets.h. The tables of types.c say where the packets start; what one of them looks
 * like is told here: a stamp or none, and bytes of a fixed or a sent length. */
#include "ros/packets.h"
#include <string.h>

struct glint_ros_packets {
    const char *name;
    const struct glint_ros_type *type;
    const char *field; /* where the packets, or the bytes of the only one, are */
    bool is_list, is_stamped;
    uint32_t fixed; /* bytes of an array; 0: a sequence */
    bool sized;     /* behind the array: how many of its bytes are the packet */
    uint16_t port;
};

/* ouster_ros has the same message under an older name; nebula's Hesai drivers had two. */
static const struct glint_ros_packets kinds[] = {
    {"velodyne_msgs/msg/VelodyneScan", &glint_ros_velodyne_scan, "packets", true, true, 1206, false, 2368},
    {"pandar_msgs/msg/PandarScan", &glint_ros_pandar_scan, "packets", true, true, 1500, true, 2368},
    {"hesai_msgs/msg/PandarScan", &glint_ros_pandar_scan, "packets", true, true, 1500, true, 2368},
    {"nebula_msgs/msg/NebulaPackets", &glint_ros_nebula_packets, "packets", true, true, 0, false, 2368},
    {"robosense_msgs/msg/RobosenseScan", &glint_ros_robosense_scan, "packets", true, true, 1248, true, 6699},
    {"rslidar_msg/msg/RslidarPacket", &glint_ros_rslidar_packet, "data", false, false, 0, false, 6699},
    {"ouster_sensor_msgs/msg/PacketMsg", &glint_ros_packet_msg, "buf", false, false, 0, false, 7502},
    {"ouster_ros/msg/PacketMsg", &glint_ros_packet_msg, "buf", false, false, 0, false, 7502},
    {"ouster_msgs/msg/PacketMsg", &glint_ros_packet_msg, "buf", false, false, 0, false, 7502},
};

const struct glint_ros_packets *glint_ros_packets_of(const char *type)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(type, kinds[i].name) == 0)
            return &kinds[i];
    return NULL;
}

uint16_t glint_ros_packets_port(const struct glint_ros_packets *kind)
{
    return kind->port;
}

/* The stamp of a message that starts with a header. */
static int64_t header_stamp(const struct glint_ros_packets *kind, struct glint_cdr_reader r)
{
    return strcmp(kind->type->fields[0].name, "header") == 0 ? glint_cdr_stamp(&r) : 0;
}

int glint_ros_packets_open(const struct glint_ros_packets *kind, const uint8_t *data, size_t size,
                           const char *what, struct glint_ros_packet_list *list_out)
{
    struct glint_ros_packet_list list = {.kind = kind, .left = 1};
    GLINT_TRY(glint_cdr_open(&list.reader, data, size, what));
    list.stamp_ns = header_stamp(kind, list.reader);
    glint_ros_skip_to(kind->type, kind->field, &list.reader);
    if (kind->is_list)
        list.left = glint_cdr_length(
            &list.reader, 8 + (size_t)(kind->fixed ? kind->fixed : 4)); /* a stamp, bytes or their length */
    if (list.reader.failed)
        return glint_fail(GLINT_E_FORMAT, "%s: a message of %zu bytes is no whole %s", what, size,
                          kind->name);
    *list_out = list;
    return GLINT_OK;
}

/* Drivers of Ouster's before 2023 sent a byte too many; all packets of these sensors are of whole words. */
static uint32_t without_extra(const struct glint_ros_packets *kind, uint32_t size)
{
    return kind->type == &glint_ros_packet_msg && size % 4 == 1 ? size - 1 : size;
}

bool glint_ros_packets_next(struct glint_ros_packet_list *list, struct glint_ros_packet *packet_out)
{
    const struct glint_ros_packets *kind = list->kind;
    struct glint_cdr_reader *r = &list->reader;
    if (list->left == 0 || r->failed)
        return false;
    list->left--;
    const int64_t stamp = kind->is_stamped ? glint_cdr_stamp(r) : 0;
    uint32_t size = kind->fixed ? kind->fixed : glint_cdr_length(r, 1);
    const uint8_t *data = glint_cdr_bytes(r, size);
    const uint32_t sent = kind->sized ? glint_cdr_u32(r) : size;
    r->failed |= sent > size;
    if (r->failed)
        return false;
    size = without_extra(kind, sent);
    *packet_out = (struct glint_ros_packet){data, size, stamp > 0 ? stamp : list->stamp_ns};
    return true;
}
