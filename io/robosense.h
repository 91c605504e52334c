/* io/robosense.h - what the files of the RoboSense decoders share: the models, device packets. */
#ifndef GLINT_IO_ROBOSENSE_H
#define GLINT_IO_ROBOSENSE_H
#include "io/decoder_family.h"

#define ROBOSENSE_MSOP_BYTES  1248 /* points of a spinning sensor */
#define ROBOSENSE_M1_BYTES    1210 /* points of the M1 */
#define ROBOSENSE_M1_DIFOP    256
#define ROBOSENSE_DIFOP_BYTES 1248 /* state of a spinning sensor */
#define ROBOSENSE_LANES       32   /* measurements of a block */

/* A spinning sensor. A block is a firing of all 32 lasers, or two of 16: of one firing two returns in dual
 * mode. */
struct robosense_model {
    const char *name;
    uint8_t head;            /* byte 3 of the magic: 0A or 5A */
    uint8_t type[2];         /* bytes of the header that mean it */
    uint8_t model;           /* byte 32; 0: any not named by another row */
    uint8_t lasers;          /* 32 or 16 */
    bool utc;                /* seconds and us since 1970; else a date of bytes */
    bool new_modes;          /* return modes 4, 5, 6; else 1, 2 */
    bool reverses;           /* may be set to turn the other way */
    float unit_m;            /* of the distance, where the header does not say */
    bool says_unit;          /* the header does: byte 17 */
    int32_t firing_ns;       /* between firings of all lasers */
    const int32_t *laser_ns; /* per laser, after the firing */
    float ahead_m, up_m;     /* place of the lasers from the axis, along the azimuth, and from the origin */
    double angle_unit_deg;   /* of device packets */
    const float *elevation_deg, *azimuth_deg; /* nominal; azimuth NULL: all 0 */
};

/* Models of packets, -1 for none. The last number is the M1's. */
extern const struct robosense_model robosense_models[];
int32_t robosense_n_spinning(void);
bool robosense_is_device(const struct glint_packet *p); /* DIFOP, of the right size */
bool robosense_is_msop(const struct glint_packet *p,
                       uint8_t head); /* magic and size of a spinning sensor's */
bool robosense_is_m1(const struct glint_packet *p);
bool robosense_begins_like(const struct glint_packet *p); /* with any of the magics */
int32_t robosense_model_of(const struct glint_packet *p);

/* Seconds since 1970 (6 bytes) and us (4), big endian, as ns. */
int64_t robosense_utc(const uint8_t *p);

/* "dual", "strongest" ... of a return mode's byte; "" for none. Dual: 0. */
const char *robosense_mode_text(uint8_t mode, bool new_modes);

int glint_robosense_m1_open(struct glint_decoder **decoder_out);
#endif
