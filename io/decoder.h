/* io/decoder.h - one sensor's packets to returns. A family of sensors is one file with tables; a decoder
 * keeps no memory between packets but time and sequence.
 *
 *     glint_decoder_open(&settings, first_packets, n, &decoder);   // or glint_capture_open of io/capture.h
 *     while (... a packet ...)
 *         if (glint_decoder_take(decoder, &packet, returns, &loss) == GLINT_PACKET_LIDAR)
 *             ... returns ...
 */
#ifndef GLINT_IO_DECODER_H
#define GLINT_IO_DECODER_H
#include "io/samples.h"
#include "io/source.h"

#define GLINT_DECODER_STAMPS 64

#define GLINT_RETURNS_CAP 8192 /* most returns of one packet, any sensor */

#define GLINT_BLOCKS_CAP 64 /* most blocks */

/* Returns of one packet in the sensor's own frame, every non-zero one, unfiltered, in packet order (block,
 * return, channel as the packet stores them). Structure of arrays. */
struct glint_returns {
    int32_t n;
    float x[GLINT_RETURNS_CAP], y[GLINT_RETURNS_CAP], z[GLINT_RETURNS_CAP]; /* m */
    float intensity[GLINT_RETURNS_CAP];                                     /* 0..1 */
    float azimuth[GLINT_RETURNS_CAP]; /* degrees [0, 360) of the block, as the sensor counts: what frames are
                                         cut by */
    int64_t t_ns[GLINT_RETURNS_CAP];  /* UTC */
    uint16_t block[GLINT_RETURNS_CAP], channel[GLINT_RETURNS_CAP]; /* as in the decode CSV contract */
    uint16_t ring[GLINT_RETURNS_CAP];                              /* channels by elevation, lowest 0 */
    uint8_t ret[GLINT_RETURNS_CAP];

    /* Blocks of the packet, also those that saw nothing: where their returns begin, where the head stood. */
    int32_t n_blocks, block_first[GLINT_BLOCKS_CAP];
    float block_azimuth[GLINT_BLOCKS_CAP];
    int64_t frame_id; /* where the sensor numbers its frames (Ouster), else -1 */
};

enum glint_packet_kind {
    GLINT_PACKET_LIDAR,
    GLINT_PACKET_OTHER,     /* known and accounted for: position, IMU */
    GLINT_PACKET_MALFORMED, /* the sensor's, but damaged */
    GLINT_PACKET_FOREIGN    /* of something else, or of another sensor */
};

struct glint_decoder;
struct glint_decoder_ops {
    const char *name; /* "velodyne", "hesai", "ouster" */
    /* returns_out is filled for LIDAR packets. lost_out: packets missing before this one by its sequence or
     * time. */
    enum glint_packet_kind (*decode)(struct glint_decoder *d, const struct glint_packet *packet,
                                     struct glint_returns *returns_out, uint32_t *lost_out);
    void (*close)(struct glint_decoder *d);
};
enum glint_time_scale {
    GLINT_TIME_UNKNOWN, /* no stamp yet */
    GLINT_TIME_UTC,     /* the sensor's own */
    GLINT_TIME_TAI,     /* of a PTP clock, leap seconds taken off */
    GLINT_TIME_GPS,
    GLINT_TIME_HOUR,   /* the sensor's within the hour, the hour the receiver's or the capture's */
    GLINT_TIME_CAPTURE /* moved to the capture's clock */
};

struct glint_decoder { /* first member of each decoder's own struct */
    const struct glint_decoder_ops *ops;
    char sensor[64];        /* "Velodyne HDL-32E" */
    char why[160];          /* what told the sensor: "1206 bytes, product byte 0x22" */
    char calibration[1024]; /* file, or "built in" */
    char return_mode[48];   /* of the last LIDAR packet: "strongest", "dual (last, strongest)"; "" before the
                               first */
    double to_vehicle_yaw;  /* turn about z from the sensor's frame to x forward, y left */
    bool cut_by_frame_id;   /* else by azimuth */
    bool turns;             /* azimuths count through a turn: frames may be cut at any */
    float window_deg[2];    /* azimuths between which it measures; equal: all */
    int32_t cap_points;     /* most returns of one turn at the slowest rate, all return modes */

    /* What was added to the sensor's clock to get UTC: 0 when its own stamps are UTC; whole seconds when they
     * are TAI or GPS time; else the sensor's clock is not set and t_ns is its time moved to the capture's
     * clock. */
    int64_t clock_offset_ns;
    enum glint_time_scale time_scale;

    struct glint_sensor_samples samples; /* of the packet last taken; copy what you keep */

    enum glint_time_scale wanted_scale; /* as in the settings */
    bool lost_by_time;                  /* packets carry no number: what is missing is told by their time */
    bool late;                          /* the last LIDAR packet came after later ones (decode sets it) */

    /* private */
    bool has_address; /* packets of other addresses than the first LIDAR packet's are foreign */
    uint32_t src_ip;
    uint64_t open_lost;                      /* counted as lost, and may still come late */
    int64_t period_ns;                       /* of LIDAR packets, by arrival */
    int64_t stamps_ns[GLINT_DECODER_STAMPS]; /* of the last ones */
    uint32_t n_stamps;
};

struct glint_decoder_settings {
    const char *sensor;  /* "auto" (or NULL) or a name or part of it: "hdl32e", "vlp16", "xt32", "ouster" */
    const char *calib;   /* file or NULL: a metadata file beside the capture (Ouster), else built in */
    const char *capture; /* path of the capture, to look beside it; may be NULL */
    bool as_measured;    /* HDL-64E: without its calibration's two-point and intensity corrections */
    enum glint_time_scale scale; /* UTC, TAI, GPS: what the sensor's dates count; UNKNOWN: by their distance
                                  * from the capture's clock */
};

/* Chooses by settings or by the look of the first packets. GLINT_E_FORMAT when no decoder knows them (text
 * says sizes and ports seen), GLINT_E_NOTFOUND for a missing calibration, GLINT_E_ARG for a sensor name
 * nobody has. */
int glint_decoder_open(const struct glint_decoder_settings *settings, const struct glint_packet *packets,
                       int32_t n_packets, struct glint_decoder **decoder_out);
void glint_decoder_close(struct glint_decoder *decoder); /* NULL is fine */

/* Decodes one packet and accounts for it and for what the source skipped before it: received + 1, and one of
 * decoded (LIDAR, OTHER), malformed, foreign; lost by the sensor's sequence: a packet that comes late is no
 * longer lost, and a jump of the sensor's clock or number that the arrivals do not bear out is none. Of a
 * LIDAR packet returns_out is filled (n may be 0). A sensor is known by the source address of its first LIDAR
 * packet: a second one on the same port is foreign. One thread at a time; allocates nothing. */
enum glint_packet_kind glint_decoder_take(struct glint_decoder *decoder, const struct glint_packet *packet,
                                          struct glint_returns *returns_out, struct glint_loss *loss);
#endif
