/* io/source_waymo.h - frames of Waymo's TFRecord files, as a source of points; and the same as a table of
 * every point.
 *
 * Points are in the vehicle frame: all lidars, first and second returns (ret 0, 1), ring = 1024 * lidar + row
 * of its image (lidars TOP, FRONT, SIDE_LEFT, SIDE_RIGHT, REAR; row 0 is the highest), elongation as it is,
 * and intensity the hyperbolic tangent of the raw one, which has no upper end: so do the dataset's networks,
 * and it is 0..1. Points in no-label zones are points like others. A frame's stamp is its time, its name
 * CONTEXT_MICROSECONDS. */
#ifndef GLINT_IO_SOURCE_WAYMO_H
#define GLINT_IO_SOURCE_WAYMO_H
#include "io/source.h"
#include "io/waymo_frame.h"

#define GLINT_WAYMO_RING_LIDAR 1024

/* A file, or all TFRecord files of a folder in byte order of their names. Frames are read ahead, several at
 * once on settings->n_threads threads. Where a file has no damage, reading it takes memory for the frames in
 * work alone, whatever its size. settings may be NULL. Fails as source.h says; without protobuf-c
 * GLINT_E_UNSUPPORTED. */
int glint_source_waymo_open(const char *path, const struct glint_source_settings *settings,
                            struct glint_source **source_out);

/* The points of a frame, as above, into a cleared glint_frame: points, stamp, names (not index and source).
 * Those beyond its capacity are counted as clipped, those that are not finite or too far as dropped. */
void glint_waymo_to_frame(const struct glint_waymo_frame *from, struct glint_pool *pool,
                          struct glint_frame *to);

/* Pixels of all images: the most points the frame can have. */
int32_t glint_waymo_cap_points(const struct glint_waymo_frame *frame);
#endif
