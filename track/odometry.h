/* track/odometry.h - how the vehicle moved, from the boxes alone, where frames come without poses. */
#ifndef GLINT_TRACK_ODOMETRY_H
#define GLINT_TRACK_ODOMETRY_H
#include "track/tracker_state.h"

/* Sets the tracker's world and heading for the frame whose boxes are given: that place of the vehicle at
 * which most of them are where objects should be by now. Objects have been moved to now. The world is that of
 * the first frame, or of the last pose that there was; it stands still as far as most objects do. With too
 * few of them the vehicle goes on as before. */
void glint_track_odometry(struct glint_tracker *t, const struct glint_frame *frame);
#endif
