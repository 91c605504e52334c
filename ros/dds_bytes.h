/* ros/dds_bytes.h - a type for Cyclone DDS whose samples are serialized already; see dds_bytes.c. */
#ifndef GLINT_ROS_DDS_BYTES_H
#define GLINT_ROS_DDS_BYTES_H
#include <stddef.h>
#include <stdint.h>

struct ddsi_sertype;

struct glint_dds_bytes { /* a sample: a message with its CDR header */
    uint8_t *data;       /* written: stays the caller's. Taken: malloc'ed, the caller's */
    size_t size;
};

/* A type of that name without keys; NULL without memory. dds_create_topic_sertype takes it. */
struct ddsi_sertype *glint_dds_bytes_type(const char *name);
void glint_dds_bytes_type_drop(struct ddsi_sertype *type); /* that it did not take */
#endif
