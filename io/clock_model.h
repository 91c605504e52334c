/* io/clock_model.h - a sensor's clock: which time it counts (UTC, GPS, TAI), and how it runs against the
 * clock of this machine. */
#ifndef GLINT_IO_CLOCK_MODEL_H
#define GLINT_IO_CLOCK_MODEL_H
#include <stdbool.h>
#include <stdint.h>

/* Offset and drift from pairs of sensor time and arrival. Network and queues only ever make arrivals later,
 * so the line is laid through the least delays of successive windows. Members are private. */
#define GLINT_CLOCK_WINDOWS 64
struct glint_clock_model {
    int32_t n;
    int64_t width_ns, begun_ns; /* of a window; arrival of the first sample */
    int64_t base_ns, last_ns;   /* arrival - sensor time: of the first sample, of the last */
    struct {
        int64_t at_ns, low_ns; /* arrival since begun, delay since base */
    } window[GLINT_CLOCK_WINDOWS];
    int64_t window_end_ns;
    uint64_t samples, jumps;
};

/* All zero is a model without samples. A sample that is more than half a second off the one before begins the
 * model anew: the clock was set, or the sensor has started again (jumps counts them). */
void glint_clock_model_add(struct glint_clock_model *m, int64_t sensor_ns, int64_t arrival_ns);

struct glint_clock_fit {
    double offset_ns; /* arrival - sensor time of the quickest packets, at the last sample: network and
                       * reading included */
    double drift_ppm; /* > 0: the sensor's clock is slow. 0 with less than a second of samples */
    double span_s;    /* of the samples since the last jump */
    uint64_t samples, jumps;
};
bool glint_clock_model_fit(const struct glint_clock_model *m,
                           struct glint_clock_fit *fit_out); /* false: none */
#endif
