/* attention/cuda/vfe.h - the dynamic voxel feature encoder on a device (attention/vfe.h). */
#ifndef GLINT_ATTENTION_CUDA_VFE_H
#define GLINT_ATTENTION_CUDA_VFE_H
#include "attention/cuda/gemm.h"
#ifdef __cplusplus
extern "C" {
#endif
#include "attention/vfe.h"

/* An encoder with its weights on the device. */
struct glint_vfe_cuda {
    struct glint_vfe vfe; /* columns, cell, widths; column scales may be changed between frames */
    enum glint_precision precision;
    struct glint_matrix_cuda point[GLINT_VFE_LAYERS], voxel[GLINT_VFE_LAYERS];
};

/* Bytes of the packed weights, and the packing (as glint_matrix_cuda_pack). The first layer's are always
 * float: coordinates are among its inputs. */
size_t glint_vfe_cuda_weights_bytes(const struct glint_vfe *vfe, enum glint_precision precision);
void glint_vfe_cuda_pack(struct glint_vfe_cuda *v, const struct glint_vfe *vfe,
                         enum glint_precision precision, void *host, const void *device);

/* Points sorted by voxel, as glint_voxels_cuda has them: all of the device. */
struct glint_vfe_points {
    const float *field[6];   /* by enum glint_point_field; NULL reads as 0 */
    const int32_t *point;    /* n_points: index of the input point; -1: an empty slot */
    const int32_t *voxel;    /* n_points: its voxel */
    const int32_t *start;    /* n_voxels + 1 */
    const int32_t *coord;    /* n_voxels x 3 */
    const int32_t *n_points; /* counts on the device, at most the two below */
    const int32_t *n_voxels;
    int32_t most_points, most_voxels;
};

/* Enqueues glint_vfe: voxel_out is n_voxels x width[last], float. taps (of the device; any may be NULL) as
 * in attention/vfe.h; the last layer's points may be wanted in ordinary runs too (point heads). Results do
 * not depend on timing. scratch: glint_vfe_cuda_scratch, aligned to 256; `taps` there: whether more than the
 * last layer's points is wanted. fp32: means and decorated inputs are glint_vfe's bit for bit. GLINT_E_ARG,
 * GLINT_E_DEVICE. */
int glint_vfe_cuda(struct glint_stream *s, const struct glint_vfe_cuda *v, const struct glint_vfe_points *p,
                   float *voxel_out, const struct glint_vfe_taps *taps, void *scratch);
size_t glint_vfe_cuda_scratch(const struct glint_vfe_cuda *v, int32_t most_points, int32_t most_voxels,
                              bool taps);
#ifdef __cplusplus
}
#endif
#endif
