/* calib/trajectory.h - the vehicle's poses over time, and the pose at any time in between.
 *
 *     struct glint_trajectory *tr;
 *     int status = glint_trajectory_load("drive.poses.csv", NULL, &tr);
 *     ...
 *     status = glint_trajectory_at(tr, t_ns, &pose); // GLINT_E_NOTFOUND: no pose for that time
 *
 * Poses are "world from vehicle"; which world does not matter, only differences are used. */
#ifndef GLINT_CALIB_TRAJECTORY_H
#define GLINT_CALIB_TRAJECTORY_H
#include "calib/pose.h"
#include <stddef.h>
#include <stdint.h>

struct glint_trajectory {
    /* May be changed at any time between look-ups. */
    enum glint_interpolation how;
    int64_t gap_ns;    /* poses further apart than this say nothing about the time between */
    int64_t beyond_ns; /* the motion at an end goes on for at most so long */

    bool by_frame; /* stamps are frames * 1e9: pose k holds in the middle of frame k, at (k + 0.5) * 1e9 */

    /* private */
    bool constant; /* twist for ever */
    struct glint_motion twist;
    int32_t n;
    int64_t *stamp_ns; /* n, rising */
    struct glint_pose *pose;
    char path[1024];
};

/* Interpolation SE(3), gaps of 0.5 s (by_frame: 1.5 frames), 0.15 s beyond the ends (1 frame). */

/* Reads a file of poses; chosen by content:
 *
 * - CSV with a header that names its columns, any order, others are passed over. Time: stamp_ns or
 *   timestamp_ns, UTC nanoseconds, strictly rising. Then one of
 *     x, y, z (or tx_m, ty_m, tz_m) with roll, pitch, yaw (rad) or qw, qx, qy, qz:  poses
 *     wx, wy, wz (rad/s) with vx or speed (m/s; vy, vz too, 0 when absent):          twists of the vehicle
 *   in its own frame, from an IMU's gyro and a wheel's speed: between two rows the motion is even at the mean
 *   of both (trapezoid), the rotation exact for it. No accelerometer, no bias: over a sweep that is enough,
 * as a way of kilometres it is not.
 * - KITTI odometry poses: lines of 12 numbers, a row-major 3 x 4 matrix. With times_path (one time in seconds
 *   a line, as KITTI's times.txt) pose k holds at times[k] seconds after the epoch; with NULL they go by
 * frame.
 *
 * GLINT_E_NOTFOUND, GLINT_E_IO, GLINT_E_NOMEM, GLINT_E_FORMAT with file, line and what was expected. */
int glint_trajectory_load(const char *path, const char *times_path, struct glint_trajectory **trajectory_out);

/* The same from memory; name and times_name (NULL with times NULL) are for messages. */
int glint_trajectory_parse(const char *name, const char *text, size_t size, const char *times_name,
                           const char *times, size_t times_size, struct glint_trajectory **trajectory_out);

/* n poses, copied; stamps rise strictly. GLINT_E_ARG, GLINT_E_NOMEM. */
int glint_trajectory_make(int32_t n, const int64_t *stamp_ns, const struct glint_pose *pose,
                          struct glint_trajectory **trajectory_out);

/* The same twist (m/s, rad/s, in the vehicle's frame) at all times. GLINT_E_NOMEM, GLINT_E_ARG. */
int glint_trajectory_from_twist(struct glint_motion twist, struct glint_trajectory **trajectory_out);

void glint_trajectory_close(struct glint_trajectory *trajectory); /* NULL is fine */

/* The pose at t_ns; for by_frame in its own count. GLINT_E_NOTFOUND where there is none within the limits:
 * the reason says the file, what is missing and by how much. Allocates nothing; thread-safe. For the constant
 * twist the world is the vehicle at time 0: differences over hours lose digits, so ask for times near each
 * other by glint_trajectory_motion. */
int glint_trajectory_at(const struct glint_trajectory *tr, int64_t t_ns, struct glint_pose *pose_out);

/* "vehicle at `to_ns` from vehicle at `from_ns`": takes points of one time to the other. As above. */
int glint_trajectory_motion(const struct glint_trajectory *tr, int64_t from_ns, int64_t to_ns,
                            struct glint_pose *to_from_out);
#endif
