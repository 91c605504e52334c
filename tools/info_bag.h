/* tools/info_bag.h - what a recording of ROS 2 messages holds, for glint info. */
#ifndef GLINT_TOOLS_INFO_BAG_H
#define GLINT_TOOLS_INFO_BAG_H
#include <jansson.h>

/* Adds to out: storage, time of the first and last message, a topic per line with type and number of
 * messages, and whether the file was finished. Fails as glint_bag_open. */
int glint_info_bag(const char *path, json_t *out);
#endif
