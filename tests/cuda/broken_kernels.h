/* tests/cuda/broken_kernels.h - kernels that break CUDA's rules, each in one way, for test_emulate. */
#ifndef GLINT_TESTS_CUDA_BROKEN_KERNELS_H
#define GLINT_TESTS_CUDA_BROKEN_KERNELS_H
#include "core/device.h"
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum glint_broken {
    GLINT_BROKEN_NOTHING,          /* out[i] = x[n - 1 - i] through shared memory, as all below mean it */
    GLINT_BROKEN_LEAVES,           /* half of the block leaves before the barrier */
    GLINT_BROKEN_TWO_BARRIERS,     /* the halves of a branch have a barrier each */
    GLINT_BROKEN_NO_BARRIER,       /* a race: none between writing and reading */
    GLINT_BROKEN_SHUFFLE_LEAVES,   /* lanes that a shuffle names do not come */
    GLINT_BROKEN_SHUFFLE_PLACES,   /* lanes come to different shuffles */
    GLINT_BROKEN_SHUFFLE_MASKS,    /* lanes come with different masks */
    GLINT_BROKEN_NOT_IN_MASK,      /* a lane is not in its own mask */
    GLINT_BROKEN_BEHIND,           /* writes one number behind out */
    GLINT_BROKEN_BEFORE,           /* writes one number before out */
    GLINT_BROKEN_BEHIND_SHARED,    /* reads one number behind the dynamic shared memory */
    GLINT_BROKEN_NO_ASYNC_WAIT,    /* reads what an asynchronous copy brings before it is waited for */
    GLINT_BROKEN_ASYNC_ALIGNMENT,  /* an asynchronous copy to an address that is not aligned */
    GLINT_BROKEN_MATRIX_ALIGNMENT, /* a fragment's row that is not aligned */
    GLINT_BROKEN_PART_OF_A_WARP,   /* a block of 16 threads multiplies fragments */
    GLINT_BROKEN_UNSET_SHARED,     /* reads shared memory that nobody wrote */
    GLINT_BROKEN_TRAP,
};

/* n <= 1024 floats. */
int glint_broken_reverse(struct glint_stream *s, enum glint_broken how, const float *x, int32_t n,
                         float *out);
/* Launches that CUDA refuses: 0 blocks, 2000 threads, or shared memory of a GiB. */
int glint_broken_launch(struct glint_stream *s, int how);

#ifdef __cplusplus
}
#endif
#endif
