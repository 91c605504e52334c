/* io/samples.h - what packets without points tell: motion, position, time. */
#ifndef GLINT_IO_SAMPLES_H
#define GLINT_IO_SAMPLES_H
#include <stdbool.h>
#include <stdint.h>

#define GLINT_IMU_CAP  64 /* most measurements of one packet */
#define GLINT_NMEA_CAP 128

/* One measurement of a sensor's IMU, in the IMU's own axes (as the sensor sends them). */
struct glint_imu {
    int64_t t_ns;   /* UTC, by the same rule as points */
    float accel[3]; /* m/s^2, gravity included */
    float gyro[3];  /* rad/s */
};

/* One report of a GNSS receiver that is connected to the sensor. */
struct glint_position {
    int64_t t_ns;                  /* UTC when the sensor sent it */
    char sentence[GLINT_NMEA_CAP]; /* NMEA as received, without the line's end; "" for none */
    bool checksum_ok, valid; /* of the sentence; valid: the receiver has a fix. Without it the rest is 0 */
    int64_t utc_ns;          /* the second the sentence says; 0: none */
    double latitude_deg, longitude_deg, speed_m_s, track_deg;
    uint8_t pps; /* 0 none, 1 attempting, 2 locked, 3 error */
    bool has_pps;
};

/* What the last packet held. */
struct glint_sensor_samples {
    int32_t n_imu;
    struct glint_imu imu[GLINT_IMU_CAP];
    bool has_position;
    struct glint_position position;
};
#endif
