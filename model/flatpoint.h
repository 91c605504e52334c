/* model/flatpoint.h - parameters of the operations that the "flatpoint" architecture adds; see
 * arch_flatpoint.c. */
#ifndef GLINT_MODEL_FLATPOINT_H
#define GLINT_MODEL_FLATPOINT_H
#include "model/build.h"
#include "model/head_patch.h"
#include "model/head_points.h"
#include "model/patch_merge.h"

/* PATCH_MERGE: tokens, voxels -> map (out[0]), scratch bytes (out[1]) */
struct glint_patch_merge_params {
    struct glint_patch_merge merge;
    struct glint_affine affine; /* weight [s * s * n, k], norm [n] */
};

/* PEAK_HEAD: heat map, map -> peaks with their boxes (out[0], bytes). The least score is the run's or the
 * class's. */
struct glint_peak_head_params {
    struct glint_head_patch head;
    struct glint_affine l1, l2, l3;
    int32_t max_peaks;
    float score[GLINT_CLASSES_MAX];
    float distance_m[GLINT_CLASSES_MAX];    /* DISTANCE_NMS: least distance of centres */
    int32_t class_group[GLINT_CLASSES_MAX]; /* DISTANCE_NMS: classes of one group suppress each other */
};
size_t glint_peak_head_bytes(int32_t max_peaks);

/* DISTANCE_NMS: peaks with boxes -> the frame's boxes. Parameters of the PEAK_HEAD before it. */

/* POINT_HEAD: points, tokens, map, voxels -> the frame's masks; scratch tokens (out[0]); logits (out[1],
 * optional) */
struct glint_point_head_params {
    struct glint_head_points head;
    struct glint_affine point, token, cell, out;
    int32_t n_classes;
};
#endif
