/* model/cuda/nms.h - greedy suppression (model/nms.h) on the device: the same boxes, in the same order.
 *
 * Which boxes overlap is decided for all pairs at once, a bit each, by the arithmetic of glint_rect_iou,
 * operation by operation in double; then one block walks over the bits in order. Only sine and cosine of a
 * yaw may differ from the host's in their last bit, which matters where an IoU is within some 1e-15 of the
 * threshold. */
#ifndef GLINT_MODEL_CUDA_NMS_H
#define GLINT_MODEL_CUDA_NMS_H
#ifdef __cplusplus
extern "C" {
#endif
#include "core/box.h"
#include "model/cuda/map.h"
#include "model/nms.h"

#define GLINT_CUDA_NMS_CAP 16384 /* most candidates: the bits of their pairs are 32 MB */

/* Bytes of work for cap candidates. */
size_t glint_nms_work_bytes_cuda(int32_t cap);

/* As glint_nms_rotated: candidates (*n of at most cap indices into rects, in descending score) to keep_out,
 * their number to n_out. All on the device; work aligned to 256. candidates NULL: 0 .. *n - 1. GLINT_E_ARG
 * for a cap above GLINT_CUDA_NMS_CAP. */
int glint_nms_rotated_cuda(struct glint_stream *s, const struct glint_rect *rects, const int32_t *candidates,
                           const int32_t *n, int32_t cap, const struct glint_nms_rule *rule,
                           int32_t *keep_out, int32_t *n_out, void *work);

/* As glint_nms_distance; min_distance on the device. */
int glint_nms_distance_cuda(struct glint_stream *s, const struct glint_box *boxes, const int32_t *candidates,
                            const int32_t *n, int32_t cap, const float *min_distance, int32_t n_labels,
                            int32_t post_max, int32_t *keep_out, int32_t *n_out, void *work);

#ifdef __cplusplus
}
#endif
#endif
