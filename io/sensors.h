/* io/sensors.h - the sensors of one input: each packet to its own decoder, so that several sensors on one
 * port or in one capture do not disturb each other; and their accounts.
 *
 * A sensor is a source address and the port its lidar packets go to, in one input. The first is opened by the
 * input's first packets, others with their first lidar packet, at most GLINT_SENSORS_CAP in all. What else
 * the same address sends (position, IMU) goes to its sensor. A packet that came a moment ago, byte for byte,
 * is a duplicate: it is counted and not decoded again. Packets of nobody are foreign and in the account of
 * the first sensor.
 */
#ifndef GLINT_IO_SENSORS_H
#define GLINT_IO_SENSORS_H
#include "io/clock_model.h"
#include "io/decoder.h"

#define GLINT_SENSORS_CAP 16

/* A sensor that is known to be there, before its first packet. Strings outlive the sensors. */
struct glint_sensor_place {
    const char *name;   /* in frames' source and in accounts: "front" */
    const char *sensor; /* a model that opens without packets: "vlp16" */
    const char *calib;  /* NULL: built in */
    uint32_t src_ip;    /* host order, 0: any */
    uint16_t port;      /* its lidar packets go to, 0: any */
};

struct glint_sensor {
    struct glint_decoder *decoder;
    char name[112]; /* "Velodyne VLP-16"; further ones with their place: "Velodyne VLP-16 192.168.1.202:2368"
                     */
    uint32_t src_ip;
    uint16_t port;          /* of its lidar packets; 0 before the first */
    int32_t input;          /* as packets tell it */
    int32_t place;          /* of glint_sensors_set_places; -1: none */
    struct glint_loss loss; /* its points are counted by whoever makes frames */
    uint64_t frames;        /* likewise */
    struct glint_clock_model clock;
};

struct glint_sensors;

/* first stays the caller's and is the first sensor, of input 0; settings (strings are copied) are for further
 * ones: a name there means that only sensors of that name are taken. GLINT_E_NOMEM. */
int glint_sensors_open(const struct glint_decoder_settings *settings, struct glint_decoder *first,
                       struct glint_sensors **sensors_out);

/* The packets' source, used as long as the sensors are: tells the captures of further inputs, beside which
 * their sensors' files may lie. */
void glint_sensors_set_source(struct glint_sensors *sensors, const struct glint_source *source);
void glint_sensors_close(struct glint_sensors *sensors); /* NULL is fine */

/* Before the first packet: these sensors are expected and no others, the first place's is `first`. Packets of
 * others are foreign, and told once for each sender (as far as that is remembered). */
void glint_sensors_set_places(struct glint_sensors *sensors, const struct glint_sensor_place *places,
                              int32_t n_places);

/* Decodes one packet by its sensor, *sensor_out its number (0 for packets of nobody). Duplicates are
 * GLINT_PACKET_OTHER. Allocates only when a further sensor appears. One thread at a time. */
enum glint_packet_kind glint_sensors_take(struct glint_sensors *sensors, const struct glint_packet *packet,
                                          struct glint_returns *returns_out, int32_t *sensor_out);

int32_t glint_sensors_count(const struct glint_sensors *sensors);
struct glint_sensor *glint_sensors_get(struct glint_sensors *sensors, int32_t index); /* 0 <= index < count */
void glint_sensors_loss(const struct glint_sensors *sensors, struct glint_loss *loss_out); /* of all */

/* The most points a frame of any of the sensors in these packets can have: first's, and those of others that
 * are found. */
int32_t glint_sensors_cap_points(const struct glint_decoder_settings *settings,
                                 const struct glint_decoder *first, const struct glint_packet *packets,
                                 int32_t n_packets);
#endif
