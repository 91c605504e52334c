/* tools/ros_options.h - the options of what is written for ROS 2: --topics, --layout, --compress. */
#ifndef GLINT_TOOLS_ROS_OPTIONS_H
#define GLINT_TOOLS_ROS_OPTIONS_H
#include "ros/sinks.h"
#include "tools/options.h"

/* One of GLINT_KEY_TOPICS ... GLINT_KEY_COMPRESS; false after a printed line. */
bool glint_ros_take(const struct glint_command *c, struct glint_ros_output *o, int key, const char *value);
#endif
