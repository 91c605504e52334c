/* tests/cuda/broken_kernels.cu - see broken_kernels.h. */
#include "cuda/broken_kernels.h"
#include "core/cuda/async_copy.h"
#include "core/cuda/fragment.h"
#include "core/cuda/kernel.h"

__device__ static void at_barriers(enum glint_broken how, int i, int n)
{
    if (how == GLINT_BROKEN_LEAVES && i >= n / 2)
        return;
    if (how == GLINT_BROKEN_TWO_BARRIERS && i >= n / 2)
        __syncthreads();
    else if (how != GLINT_BROKEN_NO_BARRIER)
        __syncthreads();
}

__device__ static void in_a_warp(enum glint_broken how, int i)
{
    const unsigned all = 0xffffffffu;
    if (how == GLINT_BROKEN_SHUFFLE_LEAVES && (i & 1))
        __shfl_sync(all, i, 0);
    if (how == GLINT_BROKEN_SHUFFLE_PLACES) {
        if (i & 1)
            __shfl_sync(all, i, 0);
        else
            __shfl_sync(all, i, 0);
    }
    if (how == GLINT_BROKEN_SHUFFLE_MASKS)
        __shfl_sync(i & 1 ? all : all - 4u * (i < 2), i, 0);
    if (how == GLINT_BROKEN_NOT_IN_MASK)
        __ballot_sync(1u, i);
}

__device__ static void fragments(enum glint_broken how, unsigned char *bytes)
{
    glint_fragment_a<__half> a;
    glint_fragment_b<__half> b;
    glint_fragment_c c;
    glint_fragment_load_a(a, (const __half *)(bytes + (how == GLINT_BROKEN_MATRIX_ALIGNMENT ? 2 : 0)), 8);
    b.x[0] = b.x[1] = 0;
    glint_fragment_zero(c);
    glint_fragment_multiply(c, a, b);
}

__global__ static void reverse(enum glint_broken how, const float *x, int32_t n, float *out)
{
    GLINT_SHARED_BYTES(bytes);
    float *shared = (float *)bytes;
    const int i = (int)threadIdx.x;
    if (how == GLINT_BROKEN_NO_ASYNC_WAIT || how == GLINT_BROKEN_ASYNC_ALIGNMENT) {
        if (i < n / 4)
            glint_async_copy16(shared + 4 * i + (how == GLINT_BROKEN_ASYNC_ALIGNMENT), x + 4 * i);
        glint_async_commit();
    } else if (how != GLINT_BROKEN_UNSET_SHARED || i != 3) {
        shared[i] = x[i];
    }
    if (how == GLINT_BROKEN_MATRIX_ALIGNMENT || how == GLINT_BROKEN_PART_OF_A_WARP)
        fragments(how, bytes);
    in_a_warp(how, i);
    at_barriers(how, i, n);
    out[i] = shared[n - 1 - i];
    if (how == GLINT_BROKEN_BEHIND && i == 0)
        out[n] = 1.0f;
    if (how == GLINT_BROKEN_BEFORE && i == 0)
        out[-1] = 1.0f;
    if (how == GLINT_BROKEN_BEHIND_SHARED && i == 0)
        out[i] = shared[n];
    if (how == GLINT_BROKEN_TRAP && i == n - 1)
        __trap();
}
int glint_broken_reverse(struct glint_stream *s, enum glint_broken how, const float *x, int32_t n, float *out)
{
    return GLINT_LAUNCH(reverse, 1, (unsigned)n, (size_t)n * sizeof *x, s, how, x, n, out);
}

__global__ static void nothing(int) {}
int glint_broken_launch(struct glint_stream *s, int how)
{
    return GLINT_LAUNCH(nothing, how == 0 ? 0 : 1, how == 1 ? 2000 : 32, how == 2 ? (size_t)1 << 30 : 0, s,
                        0);
}
