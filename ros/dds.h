/* ros/dds.h - ROS 2 topics on the network, through Cyclone DDS: serialized messages out and in.
 *
 *     struct glint_dds *dds;
 *     GLINT_TRY(glint_dds_open(0, &dds));
 *     GLINT_TRY(glint_dds_writer(dds, "/points", &glint_ros_point_cloud2, false, 5, &writer));
 *     GLINT_TRY(glint_dds_write(dds, writer, bytes, size));        // CDR with its header (ros/cdr.h)
 *     glint_dds_close(dds);
 *
 * A ROS 2 node in the same domain sees these topics as any other's: topic "/points" is "rt/points" there,
 * types are named "sensor_msgs::msg::dds_::PointCloud2_". Which network interfaces and peers: CYCLONEDDS_URI,
 * as for ROS 2.
 *
 * Functions fail with GLINT_E_DEVICE, naming the topic and Cyclone DDS's reason. Writers and readers may be
 * used from any thread; writes may wait up to 100 ms for readers that must not miss anything. */
#ifndef GLINT_ROS_DDS_H
#define GLINT_ROS_DDS_H
#include "ros/types.h"

#define GLINT_DDS_DOMAIN_MOST 232 /* higher ones have no UDP ports of their own */

struct glint_dds;

/* Takes part in a domain. GLINT_E_UNSUPPORTED in builds without Cyclone DDS. */
int glint_dds_open(int32_t domain, struct glint_dds **dds_out);
void glint_dds_close(struct glint_dds *dds); /* with its writers and readers; NULL is fine */

/* Volatile, keeps the last `depth` messages; reliable or best effort. *writer_out, *reader_out: numbers for
 * the functions below. */
int glint_dds_writer(struct glint_dds *dds, const char *topic, const struct glint_ros_type *type,
                     bool reliable, int32_t depth, int32_t *writer_out);
int glint_dds_reader(struct glint_dds *dds, const char *topic, const struct glint_ros_type *type,
                     bool reliable, int32_t depth, int32_t *reader_out);

/* Whether anybody reads what the writer writes, or writes what the reader reads. */
bool glint_dds_matched(struct glint_dds *dds, int32_t entity);

/* Sends a message (a copy). GLINT_E_AGAIN: slow readers have left no room for 100 ms; it is not sent. */
int glint_dds_write(struct glint_dds *dds, int32_t writer, const uint8_t *data, size_t size);

/* Waits until readers of a reliable writer have all, at most so long: false when they have not. */
bool glint_dds_wait_acked(struct glint_dds *dds, int32_t writer, int64_t timeout_ns);

/* Takes the oldest message into `message` (its content is replaced) and the time at which it was written,
 * UTC. GLINT_E_AGAIN: there is none. */
int glint_dds_take(struct glint_dds *dds, int32_t reader, struct glint_buffer *message,
                   int64_t *written_ns_out);
#endif
