/* tests/fuzz/decode_input.h - what an input of the decoders' fuzz targets is: one sensor and a stream of its
 * packets.
 *
 * Byte 0: the sensor, of the family's made ones (sim/made_packets.h), modulo their number. Byte 1: flags.
 * Then packets: a control byte, a size (u16, little endian) where the control says so, the bytes. What is cut
 * off at the end is a short packet. */
#ifndef GLINT_TESTS_FUZZ_DECODE_INPUT_H
#define GLINT_TESTS_FUZZ_DECODE_INPUT_H
#include "tests/fuzz/fuzz.h"
#include "sim/made_packets.h"

#ifndef FUZZ_FAMILY
#define FUZZ_FAMILY "velodyne"
#endif

#define INPUT_HEAD 2

enum {                     /* flags */
       INPUT_SENSORS = 1,  /* several sensors (io/sensors.h), else one decoder */
       INPUT_SECTORS = 2,  /* frames of 30 degrees */
       INPUT_CUT = 4,      /* at 90 degrees */
       INPUT_AUTO = 8,     /* the sensor is not named */
       INPUT_SEEN = 16,    /* the decoder is chosen by the input's own packets, else by a good one */
       INPUT_VEHICLE = 32, /* points in the vehicle's frame */
       INPUT_MEND = 64,    /* checksums that a random packet cannot have are taken out */
       INPUT_BLIND = 128   /* the decoder is chosen by a packet without points, where the sensor has one */
};
enum { INPUT_NOMINAL = 0, INPUT_ACCESSORY = 6, INPUT_SIZED = 7 }; /* control, low three bits: the size */

/* Sensors of the family: the n-th's number among all made ones, -1 behind the last. */
static inline int32_t input_sensor(int32_t n)
{
    for (int32_t i = 0; i < glint_made_count(); i++)
        if (strcmp(glint_made_family(i), FUZZ_FAMILY) == 0 && n-- == 0)
            return i;
    return -1;
}

static inline int32_t input_n_sensors(void)
{
    static int32_t n;
    while (input_sensor(n) >= 0)
        n++;
    return n;
}

/* Sizes of a sensor's packets of points and of its others (or 512). */
static inline void input_sizes(int32_t sensor, uint32_t sizes_out[2])
{
    static uint8_t bytes[GLINT_MADE_BYTES];
    static uint32_t known[128][2];
    struct glint_packet p;
    if (known[sensor][0] == 0) {
        glint_made_packet(sensor, 0, bytes, &p);
        known[sensor][0] = p.size;
        known[sensor][1] = glint_made_accessory(sensor, 0, bytes, &p) ? p.size : 512;
    }
    sizes_out[0] = known[sensor][0];
    sizes_out[1] = known[sensor][1];
}

/* The packet at `at`: its bytes begin at *body_out and go on for *size_out. Returns where the next one
 * begins. */
static inline size_t input_next(const uint8_t *data, size_t size, size_t at, int32_t sensor, size_t *body_out,
                                size_t *size_out)
{
    uint32_t sizes[2];
    const uint8_t what = data[at++] & 7;
    input_sizes(sensor, sizes);
    size_t n = sizes[what == INPUT_ACCESSORY];
    if (what == INPUT_SIZED && at + 2 <= size) {
        n = (size_t)data[at] + 256 * (size_t)data[at + 1];
        at += 2;
    }
    *body_out = at;
    *size_out = n < size - at ? n : size - at;
    return at + *size_out;
}
#endif
