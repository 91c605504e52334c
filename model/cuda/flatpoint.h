/* model/cuda/flatpoint.h - the operations of the "flatpoint" architecture on the device: pillars merged to a
 * map (model/patch_merge.h), peaks (peaks.h) and their boxes (head_patch.h), classes of points
 * (head_points.h). Suppression by distance is in nms.h.
 *
 * Their linear maps are glint_cuda_conv of kernel 1 (stride, dilation and scale 1) in floats, k all of the
 * map's inputs; what they read may be of 16 bits. */
#ifndef GLINT_MODEL_CUDA_FLATPOINT_H
#define GLINT_MODEL_CUDA_FLATPOINT_H
#ifdef __cplusplus
extern "C" {
#endif
#include "model/cuda/conv.h"
#include "model/head_patch.h"
#include "model/head_points.h"
#include "model/patch_merge.h"
#include "model/peaks.h"

/* glint_patch_merge: tokens (of `type`, linear.k / stride^2 values each) to every pixel of out. coord: n x 3
 * (x, y, z). work: of glint_patch_merge_work_bytes_cuda bytes, aligned to 256. */
struct glint_cuda_patch_merge {
    int32_t stride, row_axis;
    struct glint_cuda_conv linear;
};
size_t glint_patch_merge_work_bytes_cuda(int32_t h, int32_t w, int32_t stride);
int glint_patch_merge_cuda(struct glint_stream *s, const struct glint_cuda_patch_merge *merge,
                           const void *tokens, enum glint_dtype type, const int32_t *coord, const int32_t *n,
                           int32_t cap, const struct glint_cuda_map *out, void *work);

/* glint_peaks with the least score of all classes as its threshold, less those that are not above their own
 * class's: the same peaks in the same order. heat, iou: floats; iou NULL: none. least: device, per class, one
 * of heat->c floats. The rule's threshold is not read. */
size_t glint_peaks_work_bytes_cuda(int32_t h, int32_t w, int32_t n_classes, int32_t max_peaks);
int glint_peaks_cuda(struct glint_stream *s, const struct glint_cuda_map *heat,
                     const struct glint_cuda_map *iou, const struct glint_peaks_rule *rule,
                     const float *least, void *work, struct glint_peak *peaks_out, int32_t *n_out);

/* glint_head_patch and glint_head_patch_box at *n peaks (at most max_peaks): values, n x GLINT_PATCH_OUTPUTS;
 * boxes with score and label of their peak, those that are not finite left out, the others in order. */
struct glint_cuda_head_patch {
    int32_t patch, row_axis;
    struct glint_cuda_conv l1, l2, l3;
    float cell_m, origin_m[2];
};
size_t glint_head_patch_work_bytes_cuda(const struct glint_cuda_head_patch *head, int32_t max_peaks);
int glint_head_patch_cuda(struct glint_stream *s, const struct glint_cuda_head_patch *head,
                          const struct glint_cuda_map *map, const struct glint_peak *peaks, const int32_t *n,
                          int32_t max_peaks, void *work, float *values, struct glint_box *boxes_out,
                          int32_t *n_out);

/* glint_head_points. Class and confidence are indexed by input point; n_in bytes of both are set to 255 and 0
 * first. Any number of classes up to 64. logits_out (sorted points x classes) may be NULL. */
struct glint_cuda_head_points {
    int32_t stride, row_axis;
    struct glint_cuda_conv point, token, cell, out; /* the bias of token is not read */
};
struct glint_cuda_point_rows { /* as in struct glint_voxels, on the device */
    const int32_t *n_points, *n_voxels;
    int32_t cap_points, cap_voxels;
    const int32_t *point, *start, *coord;
    const void *features, *tokens;
    enum glint_dtype feature_type, token_type;
};
size_t glint_head_points_work_bytes_cuda(const struct glint_cuda_head_points *head, int32_t cap_points,
                                         int32_t cap_voxels);
int glint_head_points_cuda(struct glint_stream *s, const struct glint_cuda_head_points *head,
                           const struct glint_cuda_point_rows *rows, const struct glint_cuda_map *map,
                           void *work, uint8_t *class_out, uint8_t *confidence_out, int32_t n_in,
                           float *logits_out);

#ifdef __cplusplus
}
#endif
#endif
