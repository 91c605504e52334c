/* core/cuda/kernel.h - all that a .cu file of Glint needs of CUDA, and the one way to launch a kernel.
 *
 * Compiled by nvcc it includes CUDA's headers; compiled by the host's C++ compiler for tests
 * (GLINT_CUDA_EMULATED) it includes tests/emulate/cuda.h, where the same names run on the host. So a .cu file
 * uses no `<<<>>>`, no cooperative groups, no textures and no inline assembly: what needs assembly stands in
 * fragment.h and async_copy.h.
 *
 *     __global__ static void square(float *x, const int32_t *n)
 *     {
 *         for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < *n; i += gridDim.x * blockDim.x)
 *             x[i] *= x[i];
 *     }
 *     int glint_square_cuda(struct glint_stream *s, float *x, const int32_t *n, int32_t cap)
 *     {
 *         return GLINT_LAUNCH(square, glint_blocks(cap, 256), 256, 0, s, x, n);
 *     }
 *
 * Arithmetic: nvcc is told not to fuse a*b+c (-fmad=false), as the host's compilers are (-ffp-contract=off);
 * write fmaf() where fusing is meant. Barriers and warp primitives are called by all threads that they name,
 * from one place: the emulation refuses a kernel in which some threads of a block wait at a __syncthreads()
 * and others left. */
#ifndef GLINT_CORE_CUDA_KERNEL_H
#define GLINT_CORE_CUDA_KERNEL_H
#if GLINT_CUDA_EMULATED
#include "emulate/cuda.h"
#else
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>
#endif
#include "core/device.h"
#include "core/status.h"

/* Launches kernel(args...) over grid x block threads with `shared` dynamic bytes on struct glint_stream
 * *stream: GLINT_OK or GLINT_E_DEVICE. Arguments are converted to the parameters' types and copied. A
 * template is put in parentheses: GLINT_LAUNCH((gemm<__half, 64>), ...). grid and block: numbers or dim3. */
#define GLINT_LAUNCH(kernel, grid, block, shared, stream, ...)                                               \
    glint_launch(stream, #kernel, kernel, grid, block, shared, __VA_ARGS__)

/* The block's dynamic shared memory as bytes, aligned to 128; once per kernel. */
#if GLINT_CUDA_EMULATED
#define GLINT_SHARED_BYTES(name) unsigned char *const name = glint_emulated_shared_bytes()
#else
#define GLINT_SHARED_BYTES(name) extern __shared__ __align__(128) unsigned char name[]
#endif

/* Blocks of `block` threads for n items; at least one, so that an empty launch is a valid one. */
static inline unsigned glint_blocks(int64_t n, int block)
{
    return n > 0 ? (unsigned)((n + block - 1) / block) : 1u;
}

#if !GLINT_CUDA_EMULATED
cudaStream_t glint_stream_cuda(const struct glint_stream *stream);

/* What CUDA says, as a status: 0, or GLINT_E_DEVICE (GLINT_E_NOMEM) with "what: CUDA's text". */
int glint_cuda_status(cudaError_t error, const char *what);

/* More than 48 KB of dynamic shared memory are asked for by name. */
int glint_cuda_launch(struct glint_stream *stream, const char *name, const void *kernel, dim3 grid,
                      dim3 block, size_t shared, void **args);

template <class... P, class... A>
static inline int glint_launch(struct glint_stream *stream, const char *name, void (*kernel)(P...), dim3 grid,
                               dim3 block, size_t shared, A &&...args)
{
    return [&](P... converted) {
        void *list[] = {(void *)&converted..., nullptr};
        return glint_cuda_launch(stream, name, (const void *)kernel, grid, block, shared, list);
    }(static_cast<P>(args)...);
}
#endif
#endif
