/* model/cuda/flatpoint.h - the operations of the "flatpoint" architecture on the device: pillars merged to a
 * map (model/patch_merge.h), peaks (peaks.h) and their boxes (head_patch.h), classes of points
 * (head_points.h). Suppression by distance is in nms.h. */
#ifndef GLINT_MODEL_CUDA_FLATPOINT_H
#define GLINT_MODEL_CUDA_FLATPOINT_H
#ifdef __cplusplus
extern "C" {
#endif
#include "model/cuda/conv.h"
#include "model/head_patch.h"
#include "model/head_points.h"
#include "model/peaks.h"

/* A linear map R^k -> R^n of floats or 16 bits, as glint_cuda_conv with kernel 1 packs it. */

/* glint_patch_merge. Writes every pixel of out. table: h * w * stride^2 int32. */
struct glint_cuda_patch_merge {
    int32_t stride, row_axis;
    struct glint_cuda_conv linear; /* kernel 1, k = stride^2 * channels of a token, act ReLU */
};
size_t glint_patch_merge_work_bytes_cuda(int32_t h, int32_t w, int32_t stride);
int glint_patch_merge_cuda(struct glint_stream *s, const struct glint_cuda_patch_merge *merge,
                           const void *tokens, const int32_t *coord, const int32_t *n, int32_t cap,
                           const struct glint_cuda_map *out, void *work);

/* glint_peaks: the same peaks in the same order. heat, iou: floats; iou data NULL: none. least: device, per
 * class; only scores above it count (the rule's threshold is not read). As on the host, the best max_peaks
 * with a score above the least of all classes are taken first. */
size_t glint_peaks_work_bytes_cuda(int32_t h, int32_t w, int32_t n_classes, int32_t max_peaks);
int glint_peaks_cuda(struct glint_stream *s, const struct glint_cuda_map *heat,
                     const struct glint_cuda_map *iou, const struct glint_peaks_rule *rule,
                     const float *least, void *work, struct glint_peak *peaks_out, int32_t *n_out);

/* glint_head_patch and glint_head_patch_box at peaks; boxes that are not finite are left out, the others keep
 * their order. values: peaks x GLINT_PATCH_OUTPUTS floats. The weights are those of glint_cuda_conv with
 * kernel 1; l2, l3 floats. */
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

/* glint_head_points: class and confidence by input point; the memory of both is set to 255 and 0 first
 * (n_in_cap bytes). All linear maps have kernel 1; token without bias, cell with it. logits_out may be NULL.
 * work: cap_voxels x hidden floats. */
struct glint_cuda_head_points {
    int32_t stride, row_axis;
    struct glint_cuda_conv point, token, cell, out;
};
struct glint_cuda_point_rows { /* as in struct glint_voxels, on the device */
    const int32_t *n_points, *n_voxels;
    int32_t cap_points, cap_voxels;
    const int32_t *point, *start, *coord;
    const void *features, *tokens; /* of the types of `point` and `token` */
};
size_t glint_head_points_work_bytes_cuda(const struct glint_cuda_head_points *head, int32_t cap_points,
                                         int32_t cap_voxels);
int glint_head_points_cuda(struct glint_stream *s, const struct glint_cuda_head_points *head,
                           const struct glint_cuda_point_rows *rows, const struct glint_cuda_map *map,
                           void *work, uint8_t *class_out, uint8_t *confidence_out, int32_t n_in_cap,
                           float *logits_out);

#ifdef __cplusplus
}
#endif
#endif
