/* io/source_nuscenes.h - a nuScenes dataset as a source of frames: the LIDAR_TOP key frame of each sample,
 * with the sweeps before it moved to its moment.
 *
 * Frames are in the key frame's lidar, axes turned to ours by the named adapter (x forward, y left:
 * glint_nuscenes_to_vehicle); heights are above the sensor, as networks for nuScenes take them. Past sweeps
 * go sensor -> vehicle -> world -> vehicle at the key frame -> its sensor, in double; points.lag is their
 * age. The frame's pose (has_pose) is world from frame, so that boxes found in the frame can be put into the
 * dataset's world. frame->index counts samples; stamps are the tables'. */
#ifndef GLINT_IO_SOURCE_NUSCENES_H
#define GLINT_IO_SOURCE_NUSCENES_H
#include "io/nuscenes_tables.h"
#include "io/source.h"

#define GLINT_NUSCENES_PAST 31

struct glint_nuscenes_stack { /* which points a frame has; all zero: the key frame as it is */
    int32_t n_past; /* sweeps before the key frame, at most GLINT_NUSCENES_PAST; fewer at a scene's begin */
    float min_distance_m; /* drops points whose |x| and |y| in their own sensor's frame are both below: the
                           * vehicle itself (the devkit's filter, 1 m there) */
    bool allow_missing;   /* sweeps without a file are left out, which is told once; else such a frame fails.
                           * Key frames are always needed */
};

/* Whether path is a dataset: has a folder v1.0-trainval, v1.0-test or v1.0-mini (in this order) with
 * sample_data.json. Its name, static storage; NULL: no. */
const char *glint_nuscenes_version_in(const char *root);

/* World from the frame of a key frame (row of tables->sweep). */
struct glint_pose glint_nuscenes_frame_pose(const struct glint_nuscenes_tables *tables, int32_t sweep);

/* The most points a frame of these samples (rows of tables->sample) can have, by the files' sizes. */
int32_t glint_nuscenes_cap_points(const struct glint_nuscenes_tables *tables, const int32_t *samples,
                                  int32_t n, const struct glint_nuscenes_stack *stack);

/* Which points of a key frame's file are in its frame, in this order, before those of past sweeps: one flag
 * per point, the caller frees. Fails as the frame would. */
int glint_nuscenes_kept(const struct glint_nuscenes_tables *tables, int32_t sweep,
                        const struct glint_nuscenes_stack *stack, uint8_t **kept_out, size_t *n_out);

/* Frames of the given samples, in this order; tables and samples stay the caller's and outlive the source.
 * GLINT_E_ARG, GLINT_E_NOMEM. A cloud that is missing or broken fails the call that meets it
 * (GLINT_E_NOTFOUND, GLINT_E_FORMAT); the next call goes on. */
int glint_source_nuscenes_over(const struct glint_nuscenes_tables *tables, const int32_t *samples, int32_t n,
                               const struct glint_nuscenes_stack *stack, struct glint_source **source_out);

/* All samples of a dataset that have a key frame. Reads the tables (seconds for trainval). */
int glint_source_nuscenes_open(const char *root, const struct glint_nuscenes_stack *stack,
                               struct glint_source **source_out);
#endif
