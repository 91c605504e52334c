/* sim/made_packets.h - packets of every sensor that Glint decodes, with made-up returns: to measure and to
 * test decoders where no capture is at hand. They prove what a decoder does with the layout, not that the
 * layout is the sensor's (docs/SENSORS.md says what is proved by captures). Worlds: sim/sim.h.
 *
 *     uint8_t bytes[GLINT_MADE_BYTES];
 *     struct glint_packet p;
 *     const int32_t i = glint_made_find("VLS-128");
 *     for (uint32_t k = 0; k < 1000; k++)
 *         glint_made_packet(i, k, bytes, &p);      // p.data is bytes
 *
 * A sensor turns ten times a second; its returns are 5 to 30 m away, one of eleven is missing. Pure
 * functions. */
#ifndef GLINT_SIM_MADE_PACKETS_H
#define GLINT_SIM_MADE_PACKETS_H
#include "sim/packet.h"

#define GLINT_MADE_BYTES       GLINT_PACKET_BYTES           /* most of a packet */
#define GLINT_MADE_CALIBRATION GLINT_PACKET_CALIBRATION     /* and of a calibration file */
#define GLINT_MADE_T0_NS       INT64_C(1700000000000000000) /* 2023-11-14 22:13:20 UTC: packet 0 */

/* Sensors and modes are numbered 0..count-1, as the formats of sim/packet.h. */
int32_t glint_made_count(void);
const char *glint_made_name(int32_t i);   /* "VLS-128 dual" */
const char *glint_made_sensor(int32_t i); /* as the decoder's settings take it: "VLS-128" */
const char *glint_made_family(
    int32_t i); /* "velodyne", "hesai", "hesai_at", "ouster", "robosense", "robosense_m1", "livox" */

/* The first whose name has `part` in it (case, spaces and marks do not count); -1: none. */
int32_t glint_made_find(const char *part);

/* Packet k of points. */
void glint_made_packet(int32_t i, uint32_t k, uint8_t bytes[GLINT_MADE_BYTES],
                       struct glint_packet *packet_out);

/* A packet of the same sensor without points: position, state, IMU. False where there is none. */
bool glint_made_accessory(int32_t i, uint32_t k, uint8_t bytes[GLINT_MADE_BYTES],
                          struct glint_packet *packet_out);

/* The calibration or metadata file that its decoder cannot do without; 0 bytes where it can. *ending_out:
 * ".json". An HDL-64E's has all corrections that there are. */
size_t glint_made_calibration(int32_t i, uint8_t bytes[GLINT_MADE_CALIBRATION], const char **ending_out);

/* Opens its decoder, with that file where it needs one. As glint_decoder_open; GLINT_E_IO when the file
 * cannot be written to the temporary folder. */
int glint_made_open(int32_t i, struct glint_decoder **decoder_out);
#endif
