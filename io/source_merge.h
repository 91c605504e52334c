/* io/source_merge.h - frames of several sensors, an input with stamps for each, as one source of frames in
 * the vehicle's frame; see calib/merge.h for what belongs together. (Captures: source_several.h, and the
 * pipeline merges.)
 *
 * Sweeps come in order of their ends, as if live, and deadlines are counted by them: the same input gives the
 * same frames on any machine. An input that ends or fails early does not end the others: its sensor is
 * missing from then on, and its failure comes when all are at their end. */
#ifndef GLINT_IO_SOURCE_MERGE_H
#define GLINT_IO_SOURCE_MERGE_H
#include "calib/merge.h"
#include "io/source.h"

struct glint_source_merge_settings {
    int32_t n_inputs; /* 1..GLINT_MERGE_SENSORS */
    struct {
        const char *path, *name; /* used during open only */
        struct glint_pose mount; /* vehicle from sensor */
    } input[GLINT_MERGE_SENSORS];
    int64_t window_ns, deadline_ns; /* 0: 50 ms and 100 ms */
};

/* Opens all. Fails as glint_source_open; GLINT_E_ARG (a capture, a wrong number), GLINT_E_NOMEM. Frames
 * without stamps (KITTI, PCD) cannot be merged: GLINT_E_UNSUPPORTED when one is read. */
int glint_source_merge_open(const struct glint_source_merge_settings *settings,
                            struct glint_source **source_out);
#endif
