/* ros/dds_none.c - in builds without Cyclone DDS; see dds.h. Nothing can be opened. */
#include "ros/dds.h"

int glint_dds_open(int32_t domain, struct glint_dds **dds_out)
{
    *dds_out = NULL;
    return glint_fail(GLINT_E_UNSUPPORTED,
                      "DDS domain %d: Cyclone DDS was left out of this build (cyclonedds-dev)", domain);
}

void glint_dds_close(struct glint_dds *dds)
{
    (void)dds;
}

int glint_dds_writer(struct glint_dds *dds, const char *topic, const struct glint_ros_type *type,
                     bool reliable, int32_t depth, int32_t *writer_out)
{
    (void)dds, (void)topic, (void)type, (void)reliable, (void)depth, (void)writer_out;
    return GLINT_E_UNSUPPORTED;
}

int glint_dds_reader(struct glint_dds *dds, const char *topic, const struct glint_ros_type *type,
                     bool reliable, int32_t depth, int32_t *reader_out)
{
    (void)dds, (void)topic, (void)type, (void)reliable, (void)depth, (void)reader_out;
    return GLINT_E_UNSUPPORTED;
}

bool glint_dds_matched(struct glint_dds *dds, int32_t entity)
{
    (void)dds, (void)entity;
    return false;
}

int glint_dds_write(struct glint_dds *dds, int32_t writer, const uint8_t *data, size_t size)
{
    (void)dds, (void)writer, (void)data, (void)size;
    return GLINT_E_UNSUPPORTED;
}

bool glint_dds_wait_acked(struct glint_dds *dds, int32_t writer, int64_t timeout_ns)
{
    (void)dds, (void)writer, (void)timeout_ns;
    return false;
}

int glint_dds_take(struct glint_dds *dds, int32_t reader, struct glint_buffer *message,
                   int64_t *written_ns_out)
{
    (void)dds, (void)reader, (void)message, (void)written_ns_out;
    return GLINT_E_UNSUPPORTED;
}
