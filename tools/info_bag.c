/* tools/info_bag.c - see info_bag.h. */
#include "tools/info_bag.h"
#include "ros/bag.h"
#include "ros/packets.h"
#include <string.h>

static json_t *topic_json(const struct glint_bag_topic *t)
{
    json_t *one = json_object(), *name = json_string(t->name), *type = json_string(t->type);
    const bool cloud = strcmp(t->type, "sensor_msgs/msg/PointCloud2") == 0;
    json_object_set_new(one, "topic", name ? name : json_string("(not UTF-8)"));
    json_object_set_new(one, "type", type ? type : json_string("(not UTF-8)"));
    json_object_set_new(one, "messages", json_integer((json_int_t)t->n_messages));
    if (cloud || glint_ros_packets_of(t->type))
        json_object_set_new(one, "read_as", json_string(cloud ? "points" : "packets"));
    return one;
}

int glint_info_bag(const char *path, json_t *out)
{
    struct glint_bag *bag;
    json_t *topics = json_array();
    const int status = glint_bag_open(path, &bag);
    if (status < 0) {
        json_decref(topics);
        return status;
    }
    json_object_set_new(out, "storage", json_string(bag->ops->name));
    if (bag->note[0])
        json_object_set_new(out, "note", json_string(bag->note));
    json_object_set_new(out, "duration_s", json_real((double)(bag->last_ns - bag->first_ns) * 1e-9));
    for (int32_t i = 0; i < bag->n_topics; i++)
        json_array_append_new(topics, topic_json(&bag->topics[i]));
    json_object_set_new(out, "topics", topics);
    glint_bag_close(bag);
    return GLINT_OK;
}
