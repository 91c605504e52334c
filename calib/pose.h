/* calib/pose.h - where something is and how it is turned: rigid motions in double precision.
 *
 * A pose "a from b" takes coordinates in frame b to coordinates in frame a:  p_a = R p_b + t.  Poses of a
 * vehicle in a world are "world from vehicle". Rotations are unit quaternions w, x, y, z (Hamilton's product;
 * q and -q are the same rotation). Roll, pitch, yaw are turns about x, y, z: R = Rz(yaw) Ry(pitch) Rx(roll),
 * as ROS counts. Functions take and give poses by value and cannot fail unless said. */
#ifndef GLINT_CALIB_POSE_H
#define GLINT_CALIB_POSE_H
#include "core/status.h"
#include <stdbool.h>

struct glint_pose {
    double q[4]; /* w, x, y, z, of length 1 */
    double t[3]; /* m */
};

/* A motion: w_rad is a turn about the axis w (its length is the angle), v_m the way along with it, both seen
 * in the moving frame. Of a second, it is a twist: m/s and rad/s. */
struct glint_motion {
    double v_m[3], w_rad[3];
};

enum glint_interpolation {
    GLINT_INTERPOLATE_LINEAR, /* straight line between the positions, even turn between the rotations */
    GLINT_INTERPOLATE_SE3     /* screw: turn and way together, as a vehicle in a bend moves */
};

struct glint_pose glint_pose_identity(void);
struct glint_pose glint_pose_compose(struct glint_pose a, struct glint_pose b); /* first b, then a */
struct glint_pose glint_pose_inverse(struct glint_pose a);
void glint_pose_apply(struct glint_pose a, const double p[3], double out[3]); /* out may be p */

struct glint_pose glint_pose_from_rpy(double roll, double pitch, double yaw, const double t[3]);
void glint_pose_to_rpy(struct glint_pose a, double rpy_out[3]); /* pitch in -pi/2..pi/2 */

/* Row-major 3 x 4 matrix [R | t]. From: GLINT_E_FORMAT (with no file in the text) unless R is a rotation to
 * 1e-3 per element of R^T R; what is off by less is set right. */
int glint_pose_from_matrix(const double m[12], struct glint_pose *pose_out);
void glint_pose_to_matrix(struct glint_pose a, double m_out[12]);

/* Makes q a unit quaternion; GLINT_E_FORMAT unless its length is 1 to 1e-3. */
int glint_pose_unit(struct glint_pose *pose);

/* The motion that, done evenly for one unit of time, leads to the pose, and back: exp(log(a)) = a. log turns
 * by the shorter way, up to pi. */
struct glint_motion glint_pose_log(struct glint_pose a);
struct glint_pose glint_pose_exp(struct glint_motion m);
struct glint_motion glint_motion_scale(struct glint_motion m, double s);

/* The pose at part s of the way from a (s = 0) to b (s = 1); s outside goes on in the same manner. */
struct glint_pose glint_pose_between(struct glint_pose a, struct glint_pose b, double s,
                                     enum glint_interpolation how);

/* Angle in 0..pi between the rotations, and distance between the origins. */
double glint_pose_angle(struct glint_pose a, struct glint_pose b);
double glint_pose_distance(struct glint_pose a, struct glint_pose b);
#endif
