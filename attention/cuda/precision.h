/* attention/cuda/precision.h - what numbers a network's products take on a device: those of
 * enum glint_precision but I16. Weights and the rows that meet them; sums, softmax, norms and what passes
 * between layers are float. FP32 is the reference: plain multiply-adds, no tensor cores. */
#ifndef GLINT_ATTENTION_CUDA_PRECISION_H
#define GLINT_ATTENTION_CUDA_PRECISION_H
#include "glint/model.h"
#include <stddef.h>
#include <stdint.h>

#define GLINT_PRECISION_FP32 GLINT_PRECISION_F32
#define GLINT_PRECISION_FP16 GLINT_PRECISION_F16

static inline size_t glint_precision_size(enum glint_precision p)
{
    return p == GLINT_PRECISION_F32 ? 4 : 2;
}
#endif
