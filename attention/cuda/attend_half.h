/* attention/cuda/attend_half.h - grouped attention in 16 bits on tensor cores, behind attend.h. */
#ifndef GLINT_ATTENTION_CUDA_ATTEND_HALF_H
#define GLINT_ATTENTION_CUDA_ATTEND_HALF_H
#include "attention/cuda/attend.h"
#include <stdbool.h>
#ifdef __cplusplus
extern "C" {
#endif

/* Whether this attention has a kernel on tensor cores: 16 bits, heads of 16 or 32. */
bool glint_attend_half_takes(const struct glint_attend_cuda *a);
int glint_attend_half_cuda(struct glint_stream *s, const struct glint_attend_cuda *a);
#ifdef __cplusplus
}
#endif
#endif
