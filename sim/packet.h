/* sim/packet.h - what a sensor measured, as the packets it would send: the inverse of io/decode_*.
 *
 *     const struct glint_packet_format *f = glint_packet_format_at(glint_packet_format_find("VLP-16"));
 *     struct glint_firing firings[GLINT_FIRINGS_CAP];      // f->firings of them, each with f->lanes ranges
 *     uint8_t bytes[GLINT_PACKET_BYTES];
 *     struct glint_packet p;
 *     glint_packet_make(f, number, firings, bytes, &p);    // p.data is bytes
 *
 * A firing is what a sensor measures around one position of its head: `lanes` numbers for each return, in the
 * order in which its packets store them. Mostly a lane is a laser; a VLP-16 puts two firings of its 16 lasers
 * into a block, here one firing of 32 lanes. Layouts are those of the manuals that the decoders cite. Pure
 * functions. */
#ifndef GLINT_SIM_PACKET_H
#define GLINT_SIM_PACKET_H
#include "io/decoder.h"

#define GLINT_FIRINGS_CAP        25    /* most of a packet */
#define GLINT_FIRING_RETURNS     3     /* most of a lane */
#define GLINT_PACKET_BYTES       40000 /* most of a packet */
#define GLINT_PACKET_CALIBRATION 50000 /* most of a calibration file */
#define GLINT_PACKET_LANES       128   /* most of a firing */

struct glint_firing {
    int64_t t_ns;   /* UTC */
    uint32_t angle; /* of the head, in the sensor's units: see glint_angle_kind */
    uint32_t turn;  /* number of the frame, where packets tell it */
    /* Per return, `lanes` each. Metres; 0, or what the format cannot say: no return. Intensities 0..1. */
    const float *range[GLINT_FIRING_RETURNS], *intensity[GLINT_FIRING_RETURNS];
    /* Where each lane looks, rad, x forward, y left: only for formats that say it (GLINT_ANGLE_NONE). */
    const float *azimuth, *elevation;
};

enum glint_angle_kind {
    GLINT_ANGLE_CLOCKWISE, /* 0.01 degree of the head's turn, clockwise from above */
    GLINT_ANGLE_COLUMN,    /* number of a column, 0..columns_per_turn-1 (Ouster) */
    GLINT_ANGLE_MIRROR,    /* 0.01 degree of a mirror's encoder (AT128) */
    GLINT_ANGLE_NONE       /* each point says where it is (RS-LiDAR-M1, Livox) */
};

struct glint_packet_format {
    const char *name, *sensor, *family; /* "VLP-16 dual", "VLP-16" (of decoder settings), "velodyne" */
    enum glint_angle_kind angles;
    uint32_t size;      /* bytes of a packet */
    uint16_t port;      /* where it is sent to */
    int32_t firings;    /* of a packet */
    int32_t lanes;      /* of a firing */
    int32_t returns;    /* of a lane */
    int32_t firing_ns;  /* from one to the next */
    int32_t packet_ns;  /* firings * firing_ns, or what the sensor rounds it to */
    int32_t columns;    /* GLINT_ANGLE_COLUMN: per turn */
    float unit_m;       /* of ranges */
    float range_most_m; /* the largest that fits */

    /* private */
    void (*make)(const struct glint_packet_format *f, uint32_t number, const struct glint_firing *firings,
                 uint8_t *out); /* out is zeros */
    uint32_t (*make_accessory)(const struct glint_packet_format *f, uint32_t number, int64_t t_ns,
                               uint8_t *out);
    size_t (*make_calibration)(const struct glint_packet_format *f, uint8_t *out, const char **ending);
    const void *layout;
};

int32_t glint_packet_format_count(void);
const struct glint_packet_format *glint_packet_format_at(int32_t i); /* i in 0..count-1 */

/* The first whose name has `part` in it (case, spaces and marks do not count); -1: none. */
int32_t glint_packet_format_find(const char *part);

/* Packet `number` of the sensor, of f->firings firings. stamp_ns of the packet is that of its first firing;
 * addresses are 192.168.1.201 and the sensor's port. */
void glint_packet_make(const struct glint_packet_format *f, uint32_t number,
                       const struct glint_firing *firings, uint8_t bytes[GLINT_PACKET_BYTES],
                       struct glint_packet *packet_out);

/* A packet of the same sensor without points - position, state, IMU at rest - of the time t_ns. False where
 * there is none. */
bool glint_packet_make_accessory(const struct glint_packet_format *f, uint32_t number, int64_t t_ns,
                                 uint8_t bytes[GLINT_PACKET_BYTES], struct glint_packet *packet_out);

/* The calibration or metadata file that its decoder cannot do without; 0 bytes where it can. *ending_out:
 * ".json". */
size_t glint_packet_calibration(const struct glint_packet_format *f, uint8_t bytes[GLINT_PACKET_CALIBRATION],
                                const char **ending_out);

/* Opens the decoder of the format's packets, with that file (in the temporary folder, for a moment) where it
 * needs one. As glint_decoder_open; GLINT_E_IO when the file cannot be written. */
int glint_packet_decoder_open(const struct glint_packet_format *f, struct glint_decoder **decoder_out);

/* The same with another file of `size` bytes; 0: none. */
int glint_packet_decoder_open_with(const struct glint_packet_format *f, const uint8_t *calibration,
                                   size_t size, const char *ending, struct glint_decoder **decoder_out);
#endif
