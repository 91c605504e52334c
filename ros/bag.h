/* ros/bag.h - recordings of messages as ROS 2 makes them: MCAP files (mcap_read.c), SQLite files of rosbag2
 * (bag_db3.c), and rosbag2's folders of either, whose files are read one after the other.
 *
 *     struct glint_bag *bag;
 *     GLINT_TRY(glint_bag_open("drive.mcap", &bag));
 *     for (int32_t i = 0; i < bag->n_topics; i++) ... bag->topics[i].name, .type; .wanted = true for some
 *     struct glint_bag_message m;
 *     while ((status = glint_bag_next(bag, &m)) == GLINT_OK) ... m.data, m.size, bag->topics[m.topic]
 *     glint_bag_close(bag);
 *
 * Nothing in a file is trusted. Memory is bounded by its largest chunk or message, at most GLINT_BAG_BLOCK.
 * One thread at a time. */
#ifndef GLINT_ROS_BAG_H
#define GLINT_ROS_BAG_H
#include "core/status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GLINT_BAG_BLOCK (256u << 20) /* most bytes of a chunk unpacked, or of a message */
#define GLINT_BAG_NAME  1024         /* most letters of a topic's name, type or encoding */

struct glint_bag_topic {
    char *name, *type;   /* "/points", "sensor_msgs/msg/PointCloud2" */
    char *encoding;      /* of its messages: "cdr" */
    uint64_t n_messages; /* as far as the file says so; 0: unknown or none */
    bool wanted;         /* set by the caller: others are passed over */
};

struct glint_bag_message {
    int32_t topic;
    int64_t log_ns;      /* UTC, when it was recorded */
    const uint8_t *data; /* until the next call */
    size_t size;
};

struct glint_bag;
struct glint_bag_ops {
    const char *name; /* "mcap", "db3" */
    int (*next)(struct glint_bag *bag, struct glint_bag_message *message_out);
    double (*progress)(const struct glint_bag *bag); /* 0..1 */
    void (*close)(struct glint_bag *bag);
};

struct glint_bag { /* first member of each kind's own struct */
    const struct glint_bag_ops *ops;
    char path[1024];
    bool skip_corrupt;  /* set by the caller: damaged chunks are counted and left out, not a failure */
    uint64_t n_corrupt; /* so many were */
    int32_t n_topics, cap_topics;
    struct glint_bag_topic *topics;
    int64_t first_ns, last_ns; /* of all messages, as far as the file says so; 0 0: unknown */
    char note[160];            /* what is unusual about the file ("no end mark ..."), "" nothing */
};

/* Whether path is one of these: by the first bytes of a file, by the metadata.yaml of a folder. */
bool glint_bag_probe(const char *path);

/* Opens a file or a folder and lists its topics. GLINT_E_NOTFOUND, GLINT_E_IO, GLINT_E_FORMAT,
 * GLINT_E_UNSUPPORTED (a compression or SQLite that this build lacks, more than 4096 topics). */
int glint_bag_open(const char *path, struct glint_bag **bag_out);
void glint_bag_close(struct glint_bag *bag); /* NULL is fine */

/* The next message of a wanted topic, in the file's order (db3: by time). GLINT_E_EOF at the end;
 * GLINT_E_FORMAT for a damaged chunk, after which the next call goes on behind it, and for a file that is cut
 * in the middle of a record, after all that is whole. */
int glint_bag_next(struct glint_bag *bag, struct glint_bag_message *message_out);

/* The topic of a name, -1: none. */
int32_t glint_bag_find(const struct glint_bag *bag, const char *name);

/* ---- for the kinds of bags ---- */

/* Adds a topic (strings of n bytes are copied): its number, or GLINT_E_NOMEM. One of the same name and type
 * is not added twice. */
struct glint_bag_text {
    const char *data;
    size_t size;
};
int32_t glint_bag_add_topic(struct glint_bag *bag, struct glint_bag_text name, struct glint_bag_text type,
                            struct glint_bag_text encoding);
void glint_bag_fini(struct glint_bag *bag); /* the topics */

int glint_bag_mcap_open(const char *path, struct glint_bag **bag_out);
int glint_bag_mcap_open_memory(const uint8_t *data, size_t size, const char *name,
                               struct glint_bag **bag_out);
int glint_bag_db3_open(const char *path, struct glint_bag **bag_out);
int glint_bag_folder_open(const char *path, struct glint_bag **bag_out);
#endif
