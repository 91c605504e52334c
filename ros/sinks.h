/* ros/sinks.h - the sinks that speak ROS 2: files (MCAP) and, where the build has it, the network (DDS). */
#ifndef GLINT_ROS_SINKS_H
#define GLINT_ROS_SINKS_H
#include "ros/mcap_write.h"
#include "ros/messages.h"

struct glint_ros_output { /* what is written and how */
    struct glint_ros_settings ros;
    struct glint_mcap_settings mcap;
};
void glint_ros_output_default(struct glint_ros_output *o);

/* An MCAP file of every topic that the settings name (mcap_write.h says what a cut or full disk leaves of
 * it). The strings of ctx and of the settings, and path, outlive the sink. */
int glint_sink_mcap_open(const char *path, const struct glint_ros_output *output,
                         const struct glint_sink_context *ctx, struct glint_sink **sink_out);

/* Topics in a DDS domain, "dds:7"; "dds" alone is that of ROS_DOMAIN_ID, or 0. Has a thread and a queue of
 * its own: write never waits, the newest frame wins; account() has the counts. finish waits, at most 2 s,
 * until readers of reliable topics have all. GLINT_E_ARG (no domain), GLINT_E_DEVICE (Cyclone DDS, with its
 * reason), GLINT_E_UNSUPPORTED (a build without). `where` and the strings of ctx and settings outlive the
 * sink. */
bool glint_sink_dds_is(const char *where);
int glint_sink_dds_open(const char *where, const struct glint_ros_settings *settings,
                        const struct glint_sink_context *ctx, struct glint_sink **sink_out);
#endif
