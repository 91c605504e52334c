/* io/capture_info.h - what a capture holds: for `glint info`. */
#ifndef GLINT_IO_CAPTURE_INFO_H
#define GLINT_IO_CAPTURE_INFO_H
#include "io/decoder.h"

#define GLINT_CAPTURE_INFO_FLOWS 16

struct glint_capture_flow { /* datagrams of one size to one port from one address */
    uint32_t src_ip, size;
    uint16_t dst_port;
    uint64_t packets;
};

struct glint_capture_info {
    int32_t n_flows; /* most packets first; beyond the capacity they are only in `datagrams` */
    struct glint_capture_flow flows[GLINT_CAPTURE_INFO_FLOWS];
    uint64_t records, datagrams, other_records, incomplete_datagrams;
    int64_t first_ns, last_ns; /* records' stamps, UTC */

    bool has_sensor;
    char why_not[256]; /* !has_sensor: the decoder's reason */
    char why[160];     /* how the sensor was recognised */
    char sensor[64], calibration[1024], return_mode[48];
    int64_t clock_offset_ns; /* these two: see struct glint_decoder */
    enum glint_time_scale time_scale;
    int64_t sensor_first_ns, sensor_last_ns; /* of its returns */
    double frame_rate_hz;                    /* from the first cut to the last; 0 with less than two cuts */
    uint64_t frames, returns;                /* as the framer cuts, incomplete first and last turn counted */
    uint64_t lidar_packets, other_packets;
    uint64_t imu_samples, positions;     /* io/samples.h */
    struct glint_position last_position; /* of the last packet with one */
    float accel_mean[3];                 /* of all IMU samples, m/s^2: which way is down */
    struct glint_loss loss;

    char truncated[256]; /* the reason when the capture ends in the middle of a record, else "" */
};

/* Reads the whole capture. A capture of no known sensor, or cut at its end, is still described: GLINT_OK with
 * why_not or truncated set. Fails when nothing can be read. settings->capture may be NULL: path. */
int glint_capture_info_read(const char *path, const struct glint_decoder_settings *settings,
                            struct glint_capture_info *info_out);
#endif
