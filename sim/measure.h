/* sim/measure.h - a sensor on the vehicle that drives through a world: what it measures, piece by piece, as
 * packets and as points with their classes.
 *
 *     GLINT_TRY(glint_sim_scan_open(&settings, &scan));
 *     while (...) {
 *         GLINT_TRY(glint_sim_scan_cast(scan, sim, exec, n_packets));   // the next ones
 *         for (int32_t i = 0; i < scan->n_packets; i++)
 *             glint_sim_scan_packet(scan, i, bytes, &packet);
 *         for (int32_t c = 0; c < scan->n_columns; c++)
 *             glint_sim_scan_points(scan, c, &cloud);
 *     }
 *     glint_sim_scan_close(scan);
 *
 * The same pieces give the same bytes, whatever the threads; noise is drawn piece by piece, so other pieces
 * have another one. Ranges and intensities are those of the packets: whole units. */
#ifndef GLINT_SIM_MEASURE_H
#define GLINT_SIM_MEASURE_H
#include "sim/sensor.h"
#include "sim/sim.h"

struct glint_sim_scan_settings {
    const struct glint_sim_sensor *sensor; /* stays open until the scan is closed */
    struct glint_pose vehicle_from_sensor; /* sensor: x forward, y left, z up */
    int64_t start_ns;                      /* of the drive: firing 0 */
    int64_t epoch_ns;                      /* UTC of the drive's begin */
    uint64_t noise_seed;
    float dropout;       /* share of returns that are lost */
    int32_t cap_packets; /* most of a piece */
    uint32_t src_ip;     /* of the packets; 0: 192.168.1.201 */
    uint16_t port;       /* 0: the sensor's */
};

struct glint_sim_scan {
    struct glint_sim_scan_settings settings;
    int64_t next_packet; /* the first of the next piece */

    /* The piece cast last. */
    int64_t first_packet;
    int32_t n_packets, n_columns; /* columns: firings */
    struct glint_sim_column *column;

    /* private */
    int32_t cap_columns;
    int32_t *column_ns;    /* by tables, as the rays want them */
    float *angle, *dir[3]; /* dir: of patterns */
    float *azimuth, *elevation;
    struct glint_sim_returns returns;
    float *ranges[GLINT_FIRING_RETURNS], *intensities[GLINT_FIRING_RETURNS]; /* as the packets order them */
    uint8_t *classes[GLINT_FIRING_RETURNS];
    int32_t *instances[GLINT_FIRING_RETURNS];
};

/* GLINT_E_ARG, GLINT_E_NOMEM. */
int glint_sim_scan_open(const struct glint_sim_scan_settings *settings, struct glint_sim_scan **scan_out);
void glint_sim_scan_close(struct glint_sim_scan *scan); /* NULL is fine */

/* Casts the firings of the next n_packets (at most the capacity). As glint_sim_cast. */
int glint_sim_scan_cast(struct glint_sim_scan *scan, struct glint_sim *sim, struct glint_exec *x,
                        int32_t n_packets);

/* Packet i of the piece; its stamp is the UTC time when its last laser has fired. */
void glint_sim_scan_packet(const struct glint_sim_scan *scan, int32_t i, uint8_t bytes[GLINT_PACKET_BYTES],
                           struct glint_packet *packet_out);

/* When packet number `packet` begins, ns of the drive. */
int64_t glint_sim_scan_time(const struct glint_sim_scan *scan, int64_t packet);

struct glint_sim_cloud { /* the caller's memory, `cap` of each */
    int32_t n, cap;
    int64_t stamp_ns;  /* UTC that times count from; the caller's to set */
    float *record;     /* cap x 6: x, y, z (m, in the sensor's frame of the point's own time), intensity 0..1,
                          ring, seconds after the stamp */
    uint8_t *cls;      /* enum glint_sim_class */
    int32_t *instance; /* id of the object, 0: none */
    uint8_t *ret;      /* 0-based */
};

/* Appends the returns of column c of the piece, return by return, as its decoder gives them; what finds no
 * room (one place stays free) is left out. */
void glint_sim_scan_points(const struct glint_sim_scan *scan, int32_t c, struct glint_sim_cloud *cloud);
#endif
