/* ros/source_bag.h - recordings of ROS 2 (MCAP, db3, rosbag2's folders) as sources of packets or frames. */
#ifndef GLINT_ROS_SOURCE_BAG_H
#define GLINT_ROS_SOURCE_BAG_H
#include "io/source.h"

/* Makes glint_source_open know these recordings. Once, at the program's start. */
void glint_ros_add_sources(void);

/* settings->topic: the topic that is read, of packets (packets.h) or PointCloud2. NULL: all topics of
 * packets, each a sensor of its own (the packets' `input` is its number among them); where there are none,
 * the only topic of clouds. Fails as glint_bag_open, and with GLINT_E_NOTFOUND (no such topic, none of these
 * types), GLINT_E_ARG (several topics of clouds), the topics that there are in the text.
 *
 * A damaged chunk or message fails the call that meets it; the next one goes on behind it. With
 * settings->skip_corrupt they are counted (loss.records_corrupt) and told in log lines. */
int glint_source_bag_open(const char *path, const struct glint_source_settings *settings,
                          struct glint_source **source_out);

/* The same of an MCAP file in memory. */
int glint_source_bag_open_memory(const uint8_t *data, size_t size, const char *name,
                                 struct glint_source **source_out);
#endif
