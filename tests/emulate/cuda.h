/* tests/emulate/cuda.h - CUDA C++ on the host, for tests: what core/cuda/kernel.h includes where no GPU is.
 *
 * A launch runs its blocks one after another, the threads of a block as fibers that switch only where CUDA's
 * threads meet: barriers, shuffles, votes, fragments. A kernel without those runs as plain loops. Every
 * violation of CUDA's rules that shows on the way ends the launch and makes glint_stream_wait of its stream
 * fail with the kernel, the block and the place: threads that left while others wait, threads of a block at
 * different barriers, lanes of a warp at different places, shared addresses out of line. Shared memory starts
 * as NaN; asynchronous copies come when waited for.
 *
 * Orders: forward (the default), reverse and shuffled, of blocks and of threads between barriers. A kernel
 * whose result depends on it has a race: run it in each order and compare the bytes. */
#ifndef GLINT_TESTS_EMULATE_CUDA_H
#define GLINT_TESTS_EMULATE_CUDA_H
#include "emulate/emulate.h"
#include "emulate/intrinsics.h"
#include <functional>
#include <tuple>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __grid_constant__
#define __align__(n) __attribute__((aligned(n)))
#define __shared__   static
#define __constant__ static
#define warpSize     32

/* Where the running thread is. */
struct glint_emulated_place {
    uint3 thread, block;
    dim3 block_size, grid_size;
};
extern struct glint_emulated_place glint_emulated;
#define threadIdx glint_emulated.thread
#define blockIdx  glint_emulated.block
#define blockDim  glint_emulated.block_size
#define gridDim   glint_emulated.grid_size

#define GLINT_EMULATED_TEXT_(x) #x
#define GLINT_EMULATED_TEXT(x)  GLINT_EMULATED_TEXT_(x)
#define GLINT_EMULATED_HERE     __FILE__ ":" GLINT_EMULATED_TEXT(__LINE__)

/* The barrier of a block: *slot of all threads are handed to meet (n of them) by the last that comes. */
typedef void glint_emulated_meet(void **slots, unsigned mask);
void glint_emulated_barrier(const char *where);
int glint_emulated_barrier_count(const char *where, int predicate);
/* The same of the lanes of a warp that mask names: slots[lane]. */
void glint_emulated_warp(const char *where, unsigned mask, void *slot, glint_emulated_meet *meet);

#define __syncthreads()                glint_emulated_barrier(GLINT_EMULATED_HERE)
#define __syncthreads_count(predicate) glint_emulated_barrier_count(GLINT_EMULATED_HERE, (predicate) != 0)
#define __syncthreads_or(predicate)    (__syncthreads_count(predicate) != 0)
#define __syncthreads_and(predicate)                                                                         \
    (__syncthreads_count(predicate) == (int)(blockDim.x * blockDim.y * blockDim.z))

struct glint_emulated_shuffle {
    uint64_t value, result;
    int from; /* lane */
};
void glint_emulated_meet_shuffle(void **slots, unsigned mask);
int glint_emulated_lane();
template <class T>
static inline T glint_emulated_shuffle_from(const char *where, unsigned mask, T value, int from, int width,
                                            bool inside)
{
    static_assert(sizeof(T) <= 8, "shuffles take 4 or 8 bytes");
    struct glint_emulated_shuffle s = {0, 0, inside ? from : glint_emulated_lane()};
    (void)width;
    memcpy(&s.value, &value, sizeof value);
    glint_emulated_warp(where, mask, &s, glint_emulated_meet_shuffle);
    memcpy(&value, &s.result, sizeof value);
    return value;
}
template <class T>
static inline T glint_emulated_shfl(const char *where, unsigned mask, T value, int lane, int width = 32)
{
    const int base = glint_emulated_lane() & ~(width - 1);
    return glint_emulated_shuffle_from(where, mask, value, base + (lane & (width - 1)), width, true);
}
template <class T>
static inline T glint_emulated_shfl_xor(const char *where, unsigned mask, T value, int with, int width = 32)
{
    const int from = glint_emulated_lane() ^ with, end = (glint_emulated_lane() | (width - 1)) + 1;
    return glint_emulated_shuffle_from(where, mask, value, from, width, from < end);
}
template <class T>
static inline T glint_emulated_shfl_down(const char *where, unsigned mask, T value, unsigned by,
                                         int width = 32)
{
    const int from = glint_emulated_lane() + (int)by, end = (glint_emulated_lane() | (width - 1)) + 1;
    return glint_emulated_shuffle_from(where, mask, value, from, width, from < end);
}
template <class T>
static inline T glint_emulated_shfl_up(const char *where, unsigned mask, T value, unsigned by, int width = 32)
{
    const int from = glint_emulated_lane() - (int)by, base = glint_emulated_lane() & ~(width - 1);
    return glint_emulated_shuffle_from(where, mask, value, from, width, from >= base);
}
#define __shfl_sync(...)      glint_emulated_shfl(GLINT_EMULATED_HERE, __VA_ARGS__)
#define __shfl_xor_sync(...)  glint_emulated_shfl_xor(GLINT_EMULATED_HERE, __VA_ARGS__)
#define __shfl_down_sync(...) glint_emulated_shfl_down(GLINT_EMULATED_HERE, __VA_ARGS__)
#define __shfl_up_sync(...)   glint_emulated_shfl_up(GLINT_EMULATED_HERE, __VA_ARGS__)

unsigned glint_emulated_ballot(const char *where, unsigned mask, int predicate);
unsigned glint_emulated_match(const char *where, unsigned mask, uint64_t value);
void glint_emulated_syncwarp(const char *where, unsigned mask = 0xffffffffu);
#define __ballot_sync(mask, predicate) glint_emulated_ballot(GLINT_EMULATED_HERE, mask, (predicate) != 0)
#define __any_sync(mask, predicate)    (__ballot_sync(mask, predicate) != 0)
#define __all_sync(mask, predicate)    (__ballot_sync(mask, !(predicate)) == 0)
#define __match_any_sync(mask, value)  glint_emulated_match(GLINT_EMULATED_HERE, mask, (uint64_t)(value))
#define __syncwarp(...)                glint_emulated_syncwarp(GLINT_EMULATED_HERE, ##__VA_ARGS__)

/* For core/cuda/kernel.h, async_copy.h and fragment.h. */
unsigned char *glint_emulated_shared_bytes();
void glint_emulated_async_copy(void *to, const void *from, bool valid);
void glint_emulated_async_commit();
void glint_emulated_async_wait(int n_left);
void glint_emulated_load_matrices(uint32_t *x, int n_matrices, const void *row, bool transposed);
void glint_emulated_mma_16(float *c, const uint32_t *a, const uint32_t *b, bool bfloat);
template <class T> static inline void glint_emulated_mma(float *c, const uint32_t *a, const uint32_t *b);
template <> inline void glint_emulated_mma<__half>(float *c, const uint32_t *a, const uint32_t *b)
{
    glint_emulated_mma_16(c, a, b, false);
}
template <> inline void glint_emulated_mma<__nv_bfloat16>(float *c, const uint32_t *a, const uint32_t *b)
{
    glint_emulated_mma_16(c, a, b, true);
}
#define __trap() glint_emulated_trap(GLINT_EMULATED_HERE)
void glint_emulated_trap(const char *where);

struct glint_stream;
int glint_emulated_launch(struct glint_stream *stream, const char *name, dim3 grid, dim3 block, size_t shared,
                          std::function<void()> thread);
template <class... P, class... A>
static inline int glint_launch(struct glint_stream *stream, const char *name, void (*kernel)(P...), dim3 grid,
                               dim3 block, size_t shared, A &&...args)
{
    std::tuple<P...> values(static_cast<P>(args)...);
    return glint_emulated_launch(stream, name, grid, block, shared,
                                 [kernel, values] { std::apply(kernel, values); });
}
#endif
