/* track/hypotheses.h - objects that were not detected: where they may be, held against the points. */
#ifndef GLINT_TRACK_HYPOTHESES_H
#define GLINT_TRACK_HYPOTHESES_H
#include "track/tracker_state.h"

/* For each object without a detection (the first 32 of them): it may have gone on as expected, or have
 * stopped where it was. The hypothesis that the points support best becomes its place; `sight` says what they
 * say of it. This is TrajectoryFormer's idea (X. Chen et al., ICCV 2023: several predicted boxes per track,
 * scored against the present points) with a ray count where they have a network. Nothing is said where the
 * frame has no points. */
void glint_track_hypotheses(struct glint_tracker *t, const struct glint_frame *frame);
#endif
