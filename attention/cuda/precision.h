/* attention/cuda/precision.h - what numbers a network's products take on a device. */
#ifndef GLINT_ATTENTION_CUDA_PRECISION_H
#define GLINT_ATTENTION_CUDA_PRECISION_H
#include <stddef.h>
#include <stdint.h>

/* Weights and the rows that meet them; sums, softmax, norms and what passes between layers are float. */
enum glint_precision {
    GLINT_PRECISION_FP32, /* the reference: plain multiply-adds, no tensor cores */
    GLINT_PRECISION_BF16,
    GLINT_PRECISION_FP16,
};

static inline size_t glint_precision_size(enum glint_precision p)
{
    return p == GLINT_PRECISION_FP32 ? 4 : 2;
}
#endif
