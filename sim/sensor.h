/* sim/sensor.h - the sensors that can be simulated, as data: where and when each laser fires, how far it
 * sees.
 *
 *     struct glint_sim_sensor *s;
 *     GLINT_TRY(glint_sim_sensor_open("vlp16", &s));
 *     struct glint_sim_column c;
 *     glint_sim_sensor_column(s, k, &c);      // firing k since the sensor was switched on
 *     ...
 *     glint_sim_sensor_close(s);
 *
 * Angles, offsets and times are those that the sensor's decoder has: they are learned from it, by two packets
 * of the same firings at different distances. So points that are decoded from packets of these rays lie where
 * the rays hit, to the resolution of the packets. The head turns by a whole number of the packets' angle
 * units from firing to firing, so that no angle is rounded: the rate is ten turns a second to 3 %. */
#ifndef GLINT_SIM_SENSOR_H
#define GLINT_SIM_SENSOR_H
#include "sim/packet.h"

/* Lanes of one firing, in the sensor's frame (x forward, y left, z up) with the head at 0. */
struct glint_sim_lanes {
    float dir[3][GLINT_PACKET_LANES]; /* unit; without meaning where each point says where it is */
    float off[3][GLINT_PACKET_LANES]; /* m, where the ray starts */
    int32_t laser_ns[GLINT_PACKET_LANES];
    uint16_t ring[GLINT_PACKET_LANES]; /* as decoders number them */
};

struct glint_sim_sensor {
    const struct glint_packet_format *format;
    uint32_t step; /* of the head from firing to firing, in the format's unit */
    bool has_off;
    int32_t n_tables; /* firing k of a packet has table k % n_tables */
    struct glint_sim_lanes table[2];

    /* From the data sheets. range10: where half of the returns of a diffuse target of 10 % are lost. */
    float range_min_m, range_max_m, range10_m, noise_m, divergence_rad;
    float height_m; /* above ground, as such sensors are mounted */
};

/* Firing k. */
struct glint_sim_column {
    int64_t t_ns;   /* since firing 0 */
    uint32_t angle; /* as struct glint_firing has it */
    uint32_t turn;  /* frames are numbered as the decoder cuts them */
    float head_rad; /* turn of the lanes about z, counter-clockwise */
};

/* By the names of --sensor, with the mode behind it: "vlp16", "hdl32e dual", "os1-64". GLINT_E_ARG: there is
 * none of that name (the reason names a near one); GLINT_E_UNSUPPORTED: it cannot be simulated. */
int glint_sim_sensor_open(const char *name, struct glint_sim_sensor **sensor_out);
void glint_sim_sensor_close(struct glint_sim_sensor *sensor); /* NULL is fine */

void glint_sim_sensor_column(const struct glint_sim_sensor *s, int64_t k,
                             struct glint_sim_column *column_out);

/* Packets of as many whole turns as fit into the time, of at least one. */
int64_t glint_sim_sensor_packets(const struct glint_sim_sensor *s, double seconds);

/* Where the lanes of firing k look, for sensors whose points say where they are (GLINT_ANGLE_NONE): `lanes`
 * angles in rad, whole numbers of 0.01 degree. */
void glint_sim_sensor_pattern(const struct glint_sim_sensor *s, int64_t k, float *azimuth_out,
                              float *elevation_out);
#endif
