/* model/height.h - frames whose origin is at another height above the ground than the network was trained for
 * (input.sensor_height_m of its config.json): points in a vehicle's frame, whose origin lies on the ground,
 * or of a sensor on a bumper. The network sees such points moved along z, so that their ground is where it
 * was in training, and its boxes are moved back.
 *
 *     const float shift = glint_height_choose(&h, frame, name);
 *     float *const z = glint_height_shift(&h, shift, &frame->points);
 *     ... the network has taken the points ...
 *     frame->points.z = z;
 *     ... it has made its boxes ...
 *     glint_height_shift_back(shift, frame);
 *
 * The shift is chosen by the first frame whose ground is seen, per sensor, and stays while the ground does: a
 * slope, or a frame that sees none, changes nothing. It depends on the frames and their order alone. */
#ifndef GLINT_MODEL_HEIGHT_H
#define GLINT_MODEL_HEIGHT_H
#include "model/ground.h"

#define GLINT_HEIGHT_SENSORS  16
#define GLINT_HEIGHT_MARGIN_M 0.5f /* beyond the heights of training, which the network is taken to stand */

struct glint_height {
    float lo, hi;   /* m above ground, of training; hi 0: not known, nothing is moved */
    float *shifted; /* cap_points: the z that the network sees */
    int32_t cap_points;
    uint64_t index; /* of the last frame */
    struct glint_height_sensor {
        bool chosen;
        float shift;   /* m, a whole number of tenths */
        float told;    /* the one that the log knows of */
        int32_t n_out; /* frames in a row whose ground is elsewhere */
    } sensor[GLINT_HEIGHT_SENSORS];
    struct glint_ground ground;
};

/* Whether a model for sensors lo to hi above the ground moves points whose ground is at z, where that ground
 * is so uneven; the shift then, else 0. */
bool glint_height_wants(float lo, float hi, float z, float spread, float *shift_out);

/* The shift of a frame's z, m; 0: it stays as it is. Never of network inputs. Tells the log when a sensor's
 * shift changes; `name` is the model's. */
float glint_height_choose(struct glint_height *h, const struct glint_frame *frame, const char *name);

/* points->z becomes a moved copy in h->shifted, valid until the next call; returns what it was. With a shift
 * of 0 nothing happens. points->n is at most cap_points, unless the shift is 0. */
float *glint_height_shift(struct glint_height *h, float shift, struct glint_points *points);

void glint_height_shift_back(float shift, struct glint_frame *frame); /* boxes */
#endif
