/* eval/waymo_zone.h - whether a box lies in a part of the scene that was not labelled. The dataset's server
 * sets overlap_with_nlz of results itself; for our own numbers we do. */
#ifndef GLINT_EVAL_WAYMO_ZONE_H
#define GLINT_EVAL_WAYMO_ZONE_H
#include "io/waymo_frame.h"

/* Whether the box's rectangle from above, moved to the global frame by the frame's pose, has a point in
 * common with one of the frame's zones (polygons, closed by their first corner, as given: also concave ones,
 * inside by the even-odd rule). False without a pose. size: length along the heading, width. */
bool glint_waymo_in_zone(const struct glint_waymo_frame *frame, const double center[3], const double size[2],
                         double heading);
#endif
