/* tests/fuzz/fuzz_ros_message.c - single CDR messages: the first byte chooses a type that Glint reads or
 * walks. */
#include "tests/fuzz/fuzz.h"
#include "core/frame.h"
#include "ros/cloud.h"
#include "ros/messages.h"
#include "ros/packets.h"
#include <math.h>

static const char *const packets[] = {"velodyne_msgs/msg/VelodyneScan", "pandar_msgs/msg/PandarScan",
                                      "nebula_msgs/msg/NebulaPackets",  "robosense_msgs/msg/RobosenseScan",
                                      "rslidar_msg/msg/RslidarPacket",  "ouster_sensor_msgs/msg/PacketMsg"};
#define N_PACKETS (sizeof packets / sizeof packets[0])

static unsigned sum;

static void read_packets(const char *type, const uint8_t *data, size_t size)
{
    struct glint_ros_packet_list list;
    struct glint_ros_packet p;
    if (glint_ros_packets_open(glint_ros_packets_of(type), data, size, "input", &list) != GLINT_OK)
        return;
    while (glint_ros_packets_next(&list, &p))
        for (uint32_t i = 0; i < p.size; i++)
            sum += p.data[i];
}

static void read_cloud(const uint8_t *data, size_t size)
{
    static struct glint_frame_pool *pool;
    struct glint_ros_cloud cloud;
    if (!pool && glint_frame_pool_open(1, 1000, 1, &pool) < 0)
        abort();
    if (glint_ros_cloud_open(data, size, "input", &cloud) != GLINT_OK)
        return;
    struct glint_frame *frame = glint_frame_get(pool, false);
    glint_ros_cloud_read(&cloud, frame);
    for (int32_t i = 0; i < frame->points.n; i++)
        if (!isfinite(frame->points.x[i]) || !isfinite(frame->points.intensity[i]))
            abort();
    glint_frame_unref(frame);
}

static void walk(enum glint_ros_topic topic, const uint8_t *data, size_t size)
{
    struct glint_cdr_reader r;
    if (glint_cdr_open(&r, data, size, "input") != GLINT_OK)
        return;
    glint_ros_skip(glint_ros_topic(topic)->type, &r);
    if (r.at > r.size)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    const size_t which = data[0] % (1 + N_PACKETS + GLINT_ROS_TOPIC_COUNT);
    uint8_t *block = glint_fuzz_block(data + 1, size - 1);
    if (which == 0)
        read_cloud(block, size - 1);
    else if (which <= N_PACKETS)
        read_packets(packets[which - 1], block, size - 1);
    else
        walk((enum glint_ros_topic)(which - 1 - N_PACKETS), block, size - 1);
    free(block);
    return 0;
}
