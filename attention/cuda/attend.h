/* attention/cuda/attend.h - attention of all heads within groups of equal size, on a device. */
#ifndef GLINT_ATTENTION_CUDA_ATTEND_H
#define GLINT_ATTENTION_CUDA_ATTEND_H
#include "attention/cuda/precision.h"
#include "core/device.h"
#ifdef __cplusplus
extern "C" {
#endif
#include "attention/flat_layer.h"

/* Rows of q, k, v (each `dim` wide, a head in a slice of dim / heads) lie by token at stride ld; groups take
 * them by perm as glint_flat_layer says: group k has sorted positions k g .. k g + g - 1, the last group
 * attends over the last g positions and only its new ones count. Values are float, or have 16 bits. */
struct glint_attend_cuda {
    enum glint_precision precision;
    int32_t dim, heads, group;
    enum glint_short_group short_group;
    const void *q, *k, *v;
    int64_t ld;
    const int32_t *perm, *n; /* n on the device, at most `most` */
    int32_t most;
    void *out; /* rows by token, stride ldo, of the same precision */
    int64_t ldo;
    void *padded_out; /* NULL, or ceil(n / g) g x dim: all results of all groups in their order, packed */
};

/* Enqueues it. Softmax in float; keys beyond what a tile holds are gone over in tiles with a running
 * maximum. 16 bits: the softmax's numerators are rounded before their product with v. GLINT_E_ARG,
 * GLINT_E_DEVICE. */
int glint_attend_cuda(struct glint_stream *s, const struct glint_attend_cuda *a);
#ifdef __cplusplus
}
#endif
#endif
