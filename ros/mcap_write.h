/* ros/mcap_write.h - writes an MCAP file of messages: chunks (compressed, with crc32 and message indexes),
 * and at the end chunk index, statistics and summary offsets.
 *
 *     int status = glint_mcap_create("x.mcap", &settings, &w);
 *     status = glint_mcap_add_channel(w, &channel, &id);           // up to GLINT_MCAP_CHANNELS
 *     status = glint_mcap_write(w, id, time_ns, data, size);       // as often as wanted
 *     status = glint_mcap_end_chunk_if_due(w);                     // between messages that belong together
 *     status = glint_mcap_finish(w);
 *     glint_mcap_close(w);
 *
 * A chunk goes to the file whole, in one piece, so that a file whose writer is killed can be read up to its
 * last whole chunk. Where a chunk cannot be written (disk full), the part that was is taken back: finish then
 * still tries to write the summary, and the file is valid in either case.
 *
 * Failures: GLINT_E_IO with path and reason, GLINT_E_NOMEM. One thread at a time. */
#ifndef GLINT_ROS_MCAP_WRITE_H
#define GLINT_ROS_MCAP_WRITE_H
#include "ros/compress.h"

#define GLINT_MCAP_CHANNELS 16

struct glint_mcap_settings {
    enum glint_compression compression;
    size_t chunk_bytes; /* a chunk ends when it holds so many, */
    int64_t chunk_ns;   /* or when so much time (monotonic) has passed since its first message */
};

/* The best compression there is, 1 MiB (about a sweep: what one frame waits for is small, and what a kill
 * costs), 1 s. */
void glint_mcap_settings_default(struct glint_mcap_settings *s);

struct glint_mcap_channel { /* strings are copied */
    const char *topic;
    const char *type, *schema; /* "sensor_msgs/msg/PointCloud2", its definition (encoding ros2msg) */
    const char *qos;           /* YAML for rosbag2 ("offered_qos_profiles"); NULL: none */
};

struct glint_mcap_writer;

/* Makes the file (and missing folders), replacing what is there. path outlives the writer. */
int glint_mcap_create(const char *path, const struct glint_mcap_settings *settings,
                      struct glint_mcap_writer **writer_out);

/* Before the first message. Channels of the same type share its schema. GLINT_E_CAPACITY. */
int glint_mcap_add_channel(struct glint_mcap_writer *w, const struct glint_mcap_channel *channel,
                           uint16_t *id_out);

/* Copies the message (CDR) into the chunk. */
int glint_mcap_write(struct glint_mcap_writer *w, uint16_t channel, int64_t time_ns, const uint8_t *data,
                     size_t size);

/* Writes the chunk out if it is large or old enough. */
int glint_mcap_end_chunk_if_due(struct glint_mcap_writer *w);

/* Messages in the file's whole chunks, and those that wait for theirs: after a failure, or after finish, they
 * are not in the file. From any thread. */
void glint_mcap_counts(const struct glint_mcap_writer *w, uint64_t *written_out, uint64_t *waiting_out);

/* Writes what is left and the summary, and the data to the disk. After a failed write only the summary. */
int glint_mcap_finish(struct glint_mcap_writer *w);
void glint_mcap_close(struct glint_mcap_writer *w); /* after finish, or to give up; NULL is fine */
#endif
