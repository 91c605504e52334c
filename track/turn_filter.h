/* track/turn_filter.h - where a thing is and how it moves, from places seen with noise: a Kalman filter of
 * constant speed and turn rate. Doubles, no memory of its own, deterministic.
 *
 * Velocity is kept as a vector and not as a speed along the heading, so that a thing that rolls back, walks
 * sideways or stands needs no case of its own; how much it may move across its heading is a measurement
 * (glint_turn_filter_slip). */
#ifndef GLINT_TRACK_TURN_FILTER_H
#define GLINT_TRACK_TURN_FILTER_H

enum {
    GLINT_TURN_X,
    GLINT_TURN_Y,
    GLINT_TURN_VX,
    GLINT_TURN_VY,
    GLINT_TURN_YAW,
    GLINT_TURN_RATE,
    GLINT_TURN_N
};

struct glint_turn_filter {
    double x[GLINT_TURN_N];               /* m, m/s, rad, rad/s */
    double p[GLINT_TURN_N][GLINT_TURN_N]; /* covariance */
};

struct glint_turn_noise {
    double accel;   /* m/s^2, over a second */
    double turn;    /* rad/s^2, over a second */
    double decay_s; /* of the turn rate */
};

/* Standing at (x, y, yaw) unless a velocity is set afterwards; sigma: deviations of place, yaw and speed. */
void glint_turn_filter_init(struct glint_turn_filter *f, double x, double y, double yaw, double sigma_m,
                            double sigma_yaw, double sigma_mps);

/* dt_s later, dt_s >= 0. */
void glint_turn_filter_predict(struct glint_turn_filter *f, double dt_s,
                               const struct glint_turn_noise *noise);

/* The place (x, y) was seen, with deviations along and across the direction `axis` (rad). */
void glint_turn_filter_place(struct glint_turn_filter *f, double x, double y, double axis, double sigma_along,
                             double sigma_across);

/* The yaw was seen; of the ways to turn to it the shorter one is meant. */
void glint_turn_filter_yaw(struct glint_turn_filter *f, double yaw, double sigma);
void glint_turn_filter_velocity(struct glint_turn_filter *f, double vx, double vy, double sigma);

/* It moves along its heading, forward or back, but for a speed across of deviation sigma. */
void glint_turn_filter_slip(struct glint_turn_filter *f, double sigma);

/* Squared Mahalanobis distance of a place seen with those deviations, and the covariance it was measured with
 * (xx, xy, yy) in cov_out, which may be NULL. */
double glint_turn_filter_distance(const struct glint_turn_filter *f, double x, double y, double axis,
                                  double sigma_along, double sigma_across, double cov_out[3]);

/* Turns everything about the origin by `turn`, then moves it: the same thing in other coordinates. */
void glint_turn_filter_move(struct glint_turn_filter *f, double turn, double dx, double dy);
#endif
