/* core/cuda/async_copy.h - copies from global to shared memory that run while the thread computes (cp.async,
 * from sm_80 on; a plain copy on sm_75). What was copied may be read by the thread itself after async_wait,
 * by the other threads of its block after async_wait and a barrier. The emulation does not copy before the
 * wait, so that a missing wait shows.
 *
 *     glint_async_copy16(tile + at, global + from, inside);
 *     glint_async_commit();                    // a group: all copies since the last commit
 *     glint_async_wait<1>();                   // all groups but the newest are there
 *     __syncthreads(); */
#ifndef GLINT_CORE_CUDA_ASYNC_COPY_H
#define GLINT_CORE_CUDA_ASYNC_COPY_H
#include "core/cuda/kernel.h"

/* 16 bytes, both addresses aligned to 16; !valid: 16 zero bytes, and `from` is not read (it may be any
 * pointer). */
__device__ __forceinline__ void glint_async_copy16(void *shared_to, const void *from, bool valid = true)
{
#if GLINT_CUDA_EMULATED
    glint_emulated_async_copy(shared_to, from, valid);
#elif defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    const unsigned to = (unsigned)__cvta_generic_to_shared(shared_to);
    const int bytes = valid ? 16 : 0;
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(bytes) : "memory");
#else
    *(uint4 *)shared_to = valid ? *(const uint4 *)from : make_uint4(0, 0, 0, 0);
#endif
}

__device__ __forceinline__ void glint_async_commit()
{
#if GLINT_CUDA_EMULATED
    glint_emulated_async_commit();
#elif defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

/* Until at most N of the newest groups are still under way. */
template <int N> __device__ __forceinline__ void glint_async_wait()
{
#if GLINT_CUDA_EMULATED
    glint_emulated_async_wait(N);
#elif defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory");
#endif
}
#endif
