/* tools/ros_options.c - see ros_options.h. */
#include "tools/ros_options.h"
#include "tools/shared_options.h"
#include <stdio.h>
#include <string.h>

/* "points, detections, ..." for the message. */
static void list_topics(char *text, size_t size)
{
    text[0] = 0;
    for (int t = 0; t < GLINT_ROS_TOPIC_COUNT; t++) {
        const size_t n = strlen(text);
        snprintf(text + n, size - n, "%s%s", t ? ", " : "",
                 strrchr(glint_ros_topic((enum glint_ros_topic)t)->name, '/') + 1);
    }
}

static bool take_topics(const struct glint_command *c, struct glint_ros_output *o, const char *value)
{
    char name[64], known[200];
    unsigned topics = 0;
    for (const char *at = value; *at;) {
        const size_t n = strcspn(at, ",");
        snprintf(name, sizeof name, "%.*s", (int)n, at);
        const enum glint_ros_topic topic = glint_ros_topic_named(name);
        if (topic == GLINT_ROS_TOPIC_COUNT) {
            list_topics(known, sizeof known);
            glint_usage_error(c, "--topics %s: no topic \"%s\"; known: %s", value, name, known);
            return false;
        }
        topics |= 1u << topic;
        at += n + (at[n] == ',');
    }
    if (topics == 0)
        glint_usage_error(c, "--topics: expected names of topics with commas between them");
    o->ros.topics = topics;
    return topics != 0;
}

static bool take_layout(const struct glint_command *c, struct glint_ros_output *o, const char *value)
{
    const bool is_long = strcmp(value, "xyzircaedt") == 0;
    o->ros.layout = is_long ? GLINT_ROS_XYZIRCAEDT : GLINT_ROS_XYZIRC;
    if (is_long || strcmp(value, "xyzirc") == 0)
        return true;
    glint_usage_error(c, "--layout %s: expected xyzirc or xyzircaedt", value);
    return false;
}

bool glint_ros_take(const struct glint_command *c, struct glint_ros_output *o, int key, const char *value)
{
    if (key == GLINT_KEY_TOPICS)
        return take_topics(c, o, value);
    if (key == GLINT_KEY_LAYOUT)
        return take_layout(c, o, value);
    if (glint_compression_named(value, &o->mcap.compression) == GLINT_OK)
        return true;
    glint_usage_error(c, "--compress %s", glint_error_text());
    return false;
}
