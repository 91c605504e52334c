/* attention/cuda/posenc.h - position embeddings on a device. */
#ifndef GLINT_ATTENTION_CUDA_POSENC_H
#define GLINT_ATTENTION_CUDA_POSENC_H
#include "core/device.h"
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif
#include "attention/posenc.h"

/* Enqueues glint_posenc, bit for bit: out is most x dim, of which the first *n (device) rows are written. p
 * is a glint_posenc whose table is a copy on the device; coord (n x 3) and out are of the device. A
 * coordinate outside of the table gives a row of zeros. GLINT_E_DEVICE. */
int glint_posenc_cuda(struct glint_stream *s, const struct glint_posenc *p, const int32_t *coord,
                      const int32_t *n, int32_t most, float *out);
#ifdef __cplusplus
}
#endif
#endif
