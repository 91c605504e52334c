/* ros/dds.c - see dds.h. */
#include "ros/dds.h"
#include "ros/dds_bytes.h"
#include <dds/dds.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOPIC_NAME 256

struct glint_dds {
    dds_entity_t participant;
};

static int fail_dds(const char *what, dds_return_t code)
{
    return glint_fail(GLINT_E_DEVICE, "%s: Cyclone DDS: %s", what, dds_strretcode(-code));
}

int glint_dds_open(int32_t domain, struct glint_dds **dds_out)
{
    char what[32];
    *dds_out = NULL;
    struct glint_dds *dds = calloc(1, sizeof *dds);
    if (!dds)
        return glint_fail(GLINT_E_NOMEM, "no memory for DDS");
    snprintf(what, sizeof what, "DDS domain %d", domain);
    dds->participant = dds_create_participant((dds_domainid_t)domain, NULL, NULL);
    if (dds->participant < 0) {
        const int status = fail_dds(what, dds->participant);
        free(dds);
        return status;
    }
    *dds_out = dds;
    return GLINT_OK;
}

void glint_dds_close(struct glint_dds *dds)
{
    if (!dds)
        return;
    dds_delete(dds->participant);
    free(dds);
}

static dds_qos_t *make_qos(bool reliable, int32_t depth)
{
    static const dds_data_representation_id_t xcdr1 = DDS_DATA_REPRESENTATION_XCDR1;
    dds_qos_t *qos = dds_create_qos();
    dds_qset_reliability(qos, reliable ? DDS_RELIABILITY_RELIABLE : DDS_RELIABILITY_BEST_EFFORT,
                         DDS_MSECS(100));
    dds_qset_history(qos, DDS_HISTORY_KEEP_LAST, depth);
    dds_qset_durability(qos, DDS_DURABILITY_VOLATILE);
    dds_qset_data_representation(qos, 1, &xcdr1);
    return qos;
}

/* ROS 2 puts "rt" before the names of topics (its design article "Topic and Service name mapping to DDS"). */
static int make_topic(struct glint_dds *dds, const char *topic, const struct glint_ros_type *type,
                      const dds_qos_t *qos, dds_entity_t *topic_out)
{
    char name[TOPIC_NAME], type_name[GLINT_ROS_NAME];
    glint_ros_dds_name(type, type_name);
    if (topic[0] != '/' || (size_t)snprintf(name, sizeof name, "rt%s", topic) >= sizeof name)
        return glint_fail(GLINT_E_ARG, "topic %.80s: expected a name with / before it, of at most %d bytes",
                          topic, TOPIC_NAME - 3);
    struct ddsi_sertype *sertype = glint_dds_bytes_type(type_name);
    if (!sertype)
        return glint_fail(GLINT_E_NOMEM, "topic %s: no memory", topic);
    *topic_out = dds_create_topic_sertype(dds->participant, name, &sertype, qos, NULL, NULL);
    if (*topic_out >= 0)
        return GLINT_OK;
    glint_dds_bytes_type_drop(sertype);
    return fail_dds(topic, *topic_out);
}

static int make_end(struct glint_dds *dds, const char *topic, const struct glint_ros_type *type,
                    bool reliable, int32_t depth, bool writes, int32_t *end_out)
{
    dds_entity_t topic_entity, end = 0;
    dds_qos_t *qos = make_qos(reliable, depth);
    int status = make_topic(dds, topic, type, qos, &topic_entity);
    if (status == GLINT_OK) {
        end = writes ? dds_create_writer(dds->participant, topic_entity, qos, NULL)
                     : dds_create_reader(dds->participant, topic_entity, qos, NULL);
        status = end < 0 ? fail_dds(topic, end) : GLINT_OK;
    }
    dds_delete_qos(qos);
    *end_out = end;
    return status;
}

int glint_dds_writer(struct glint_dds *dds, const char *topic, const struct glint_ros_type *type,
                     bool reliable, int32_t depth, int32_t *writer_out)
{
    return make_end(dds, topic, type, reliable, depth, true, writer_out);
}

int glint_dds_reader(struct glint_dds *dds, const char *topic, const struct glint_ros_type *type,
                     bool reliable, int32_t depth, int32_t *reader_out)
{
    return make_end(dds, topic, type, reliable, depth, false, reader_out);
}

bool glint_dds_matched(struct glint_dds *dds, int32_t entity)
{
    dds_publication_matched_status_t written;
    dds_subscription_matched_status_t read;
    (void)dds;
    if (dds_get_publication_matched_status(entity, &written) == DDS_RETCODE_OK)
        return written.current_count > 0;
    return dds_get_subscription_matched_status(entity, &read) == DDS_RETCODE_OK && read.current_count > 0;
}

int glint_dds_write(struct glint_dds *dds, int32_t writer, const uint8_t *data, size_t size)
{
    const struct glint_dds_bytes sample = {(uint8_t *)(uintptr_t)data, size}; /* only read */
    (void)dds;
    const dds_return_t code = dds_write(writer, &sample);
    if (code == DDS_RETCODE_TIMEOUT)
        return GLINT_E_AGAIN;
    return code == DDS_RETCODE_OK ? GLINT_OK : fail_dds("writing a message", code);
}

bool glint_dds_wait_acked(struct glint_dds *dds, int32_t writer, int64_t timeout_ns)
{
    (void)dds;
    return dds_wait_for_acks(writer, timeout_ns) == DDS_RETCODE_OK;
}

int glint_dds_take(struct glint_dds *dds, int32_t reader, struct glint_buffer *message,
                   int64_t *written_ns_out)
{
    struct glint_dds_bytes sample = {NULL, 0};
    void *samples[1] = {&sample};
    dds_sample_info_t info;
    (void)dds;
    const dds_return_t n = dds_take(reader, samples, &info, 1, 1);
    if (n < 0)
        return fail_dds("reading a message", n);
    const bool there = n == 1 && info.valid_data;
    glint_buffer_clear(message);
    if (there) {
        glint_buffer_add(message, sample.data, sample.size);
        *written_ns_out = info.source_timestamp;
    }
    free(sample.data);
    return !there            ? GLINT_E_AGAIN
           : message->failed ? glint_fail(GLINT_E_NOMEM, "no memory for a message")
                             : GLINT_OK;
}
