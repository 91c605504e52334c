/* io/velodyne_near.h - two corrections of an HDL-64E that depend on the distance, for sensors whose
 * calibration has them (calib/beam.h: has_near, has_focus).
 *
 * Near the sensor (HDL-64E S3 User's Manual 63-HDL64ES3 REV K, page 43, and S2.1 manual, page 34, Appendix F
 * "Dual Two Point Calibration"): the unit was calibrated at 25.04 m and again 2.40 m beside and 1.93 m ahead
 * of it. In between the distance's correction is linear in the point's distance beside (for the coordinate
 * across) and ahead (for the one ahead and, as the manual does it, the height); nearer it goes on,
 * beyond 25.04 m it is the far one.
 *
 * Intensity (REV K, page 10: "focal distance: maximum intensity distance"; the formula as in
 * velodyne_pointcloud of ROS): slope * |256 (1 - focus / 131 m)^2 - 256 (1 - distance / 65535 units)^2| is
 * added, between the laser's least and most. */
#ifndef GLINT_IO_VELODYNE_NEAR_H
#define GLINT_IO_VELODYNE_NEAR_H
#include "io/lanes.h"

struct glint_velodyne_near {
    bool has_near, has_focus;
    float beside[GLINT_BEAMS_CAP], ahead[GLINT_BEAMS_CAP]; /* m, more than the far correction */
    float focus[GLINT_BEAMS_CAP], slope[GLINT_BEAMS_CAP];  /* focus: 256 (1 - focus / 131 m)^2 */
    float least[GLINT_BEAMS_CAP], most[GLINT_BEAMS_CAP];   /* 0..255 */
};
void glint_velodyne_near_init(struct glint_velodyne_near *n, const struct glint_beams *beams);

/* Intensities of a block as read; the shot's hits are distances in units. */
void glint_velodyne_near_intensities(const struct glint_velodyne_near *n, const struct glint_lanes *lanes,
                                     struct glint_shot *shot);

/* Points of a block that a glint_lanes_turning_fn has placed by the same c, s and step_rad. */
void glint_velodyne_near_points(const struct glint_velodyne_near *n, const struct glint_lanes *lanes, float c,
                                float s, float step_rad, struct glint_shot *shot);
#endif
