/* core/cuda/fragment.h - small matrices spread over a warp's registers, multiplied by the tensor cores:
 * c (16 x 8, fp32) += a (16 x 16) b (16 x 8), a and b in T = __half or __nv_bfloat16 (PTX ISA,
 * "mma.m16n8k16"). All 32 lanes call each function together, from one place.
 *
 * Layout, for lane = threadIdx.x % 32, g = lane / 4, t = lane % 4; x[] are pairs of T, lower column (row)
 * first: a.x[0] = (g, 2t 2t+1)  a.x[1] = (g+8, 2t 2t+1)  a.x[2] = (g, 2t+8 2t+9)  a.x[3] = (g+8, 2t+8 2t+9)
 * (row, column) b.x[0] = (2t 2t+1, g)  b.x[1] = (2t+8 2t+9, g) (row, column) c.x[0], c.x[1] = (g, 2t), (g,
 * 2t+1)   c.x[2], c.x[3] = (g+8, 2t), (g+8, 2t+1) so that two neighbouring c (16 columns), rounded to T by
 * glint_fragment_pack, are an a again.
 *
 * sm_75 has m16n8k8 for __half (two per product) and none for __nv_bfloat16: such a kernel traps there, the
 * host refuses bf16 below 80 before (glint_device_info.arch). */
#ifndef GLINT_CORE_CUDA_FRAGMENT_H
#define GLINT_CORE_CUDA_FRAGMENT_H
#include "core/cuda/kernel.h"

template <class T> struct glint_fragment_a {
    uint32_t x[4];
};
template <class T> struct glint_fragment_b {
    uint32_t x[2];
};
struct glint_fragment_c {
    float x[4];
};

__device__ __forceinline__ int glint_lane()
{
    return (int)(threadIdx.x & 31u); /* blocks are one-dimensional where fragments are used */
}
/* Row and column of c.x[i] in this lane. */
__device__ __forceinline__ int glint_fragment_row(int i)
{
    return (glint_lane() >> 2) + 8 * (i >> 1);
}
__device__ __forceinline__ int glint_fragment_column(int i)
{
    return 2 * (glint_lane() & 3) + (i & 1);
}
__device__ __forceinline__ void glint_fragment_zero(glint_fragment_c &c)
{
    c.x[0] = c.x[1] = c.x[2] = c.x[3] = 0.0f;
}

/* Two floats rounded to nearest even, the first in the lower half. */
template <class T> __device__ __forceinline__ uint32_t glint_pack(float low, float high);
template <> __device__ __forceinline__ uint32_t glint_pack<__half>(float low, float high)
{
    return (uint32_t)__half_as_ushort(__float2half_rn(low)) |
           (uint32_t)__half_as_ushort(__float2half_rn(high)) << 16;
}
template <> __device__ __forceinline__ uint32_t glint_pack<__nv_bfloat16>(float low, float high)
{
    return (uint32_t)__bfloat16_as_ushort(__float2bfloat16_rn(low)) |
           (uint32_t)__bfloat16_as_ushort(__float2bfloat16_rn(high)) << 16;
}

/* The 16 x 16 block of two products side by side as the left factor of the next. */
template <class T>
__device__ __forceinline__ void glint_fragment_pack(glint_fragment_a<T> &a, const glint_fragment_c &left,
                                                    const glint_fragment_c &right)
{
    a.x[0] = glint_pack<T>(left.x[0], left.x[1]);
    a.x[1] = glint_pack<T>(left.x[2], left.x[3]);
    a.x[2] = glint_pack<T>(right.x[0], right.x[1]);
    a.x[3] = glint_pack<T>(right.x[2], right.x[3]);
}

/* Eight rows of eight T per matrix; lane l gives the address (shared memory, aligned to 16) of row l % 8 of
 * matrix l / 8. PTX ISA, "ldmatrix". n = 2: lanes 16 to 31 give any valid address. */
__device__ __forceinline__ void glint_load_matrices4(uint32_t (&x)[4], const void *row, bool transposed)
{
#if GLINT_CUDA_EMULATED
    glint_emulated_load_matrices(x, 4, row, transposed);
#elif defined(__CUDA_ARCH__)
    const unsigned from = (unsigned)__cvta_generic_to_shared(row);
    if (transposed)
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
                     : "=r"(x[0]), "=r"(x[1]), "=r"(x[2]), "=r"(x[3])
                     : "r"(from)
                     : "memory");
    else
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                     : "=r"(x[0]), "=r"(x[1]), "=r"(x[2]), "=r"(x[3])
                     : "r"(from)
                     : "memory");
#endif
}
__device__ __forceinline__ void glint_load_matrices2(uint32_t (&x)[2], const void *row, bool transposed)
{
#if GLINT_CUDA_EMULATED
    glint_emulated_load_matrices(x, 2, row, transposed);
#elif defined(__CUDA_ARCH__)
    const unsigned from = (unsigned)__cvta_generic_to_shared(row);
    if (transposed)
        asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0,%1}, [%2];"
                     : "=r"(x[0]), "=r"(x[1])
                     : "r"(from)
                     : "memory");
    else
        asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0,%1}, [%2];"
                     : "=r"(x[0]), "=r"(x[1])
                     : "r"(from)
                     : "memory");
#endif
}

/* a of a row-major 16 x 16 block in shared memory, `stride` elements from row to row (rows aligned to 16
 * bytes). */
template <class T>
__device__ __forceinline__ void glint_fragment_load_a(glint_fragment_a<T> &a, const T *block, int stride)
{
    const int lane = glint_lane();
    glint_load_matrices4(a.x, block + (lane & 15) * stride + (lane >> 4) * 8, false);
}
/* a of a 16 x 16 block that is stored transposed: block[column * stride + row]. */
template <class T>
__device__ __forceinline__ void glint_fragment_load_a_transposed(glint_fragment_a<T> &a, const T *block,
                                                                 int stride)
{
    const int lane = glint_lane();
    glint_load_matrices4(a.x, block + ((lane & 7) + (lane >> 4) * 8) * stride + (lane >> 3 & 1) * 8, true);
}
/* b of 16 x 8, stored by columns (as weights are: block[column * stride + row]). */
template <class T>
__device__ __forceinline__ void glint_fragment_load_b(glint_fragment_b<T> &b, const T *block, int stride)
{
    const int lane = glint_lane();
    glint_load_matrices2(b.x, block + (lane & 7) * stride + (lane >> 3 & 1) * 8, false);
}
/* b of 16 x 8, stored by rows: block[row * stride + column]. */
template <class T>
__device__ __forceinline__ void glint_fragment_load_b_rows(glint_fragment_b<T> &b, const T *block, int stride)
{
    const int lane = glint_lane();
    glint_load_matrices2(b.x, block + (lane & 15) * stride, true);
}
/* Two b side by side (16 x 16, columns 0..7 and 8..15), stored by columns; one instruction. */
template <class T>
__device__ __forceinline__ void glint_fragment_load_b2(glint_fragment_b<T> (&b)[2], const T *block,
                                                       int stride)
{
    const int lane = glint_lane();
    uint32_t x[4];
    glint_load_matrices4(x, block + ((lane & 7) + (lane >> 4) * 8) * stride + (lane >> 3 & 1) * 8, false);
    b[0].x[0] = x[0], b[0].x[1] = x[1], b[1].x[0] = x[2], b[1].x[1] = x[3];
}
/* Two b side by side, stored by rows. */
template <class T>
__device__ __forceinline__ void glint_fragment_load_b2_rows(glint_fragment_b<T> (&b)[2], const T *block,
                                                            int stride)
{
    const int lane = glint_lane();
    uint32_t x[4];
    glint_load_matrices4(x, block + (lane & 15) * stride + (lane >> 4) * 8, true);
    b[0].x[0] = x[0], b[0].x[1] = x[1], b[1].x[0] = x[2], b[1].x[1] = x[3];
}

#if GLINT_CUDA_EMULATED
template <class T>
static inline void glint_fragment_multiply(glint_fragment_c &c, const glint_fragment_a<T> &a,
                                           const glint_fragment_b<T> &b)
{
    glint_emulated_mma<T>(c.x, a.x, b.x);
}
#else
template <class T>
__device__ __forceinline__ void glint_fragment_multiply(glint_fragment_c &c, const glint_fragment_a<T> &a,
                                                        const glint_fragment_b<T> &b);
template <>
__device__ __forceinline__ void glint_fragment_multiply<__half>(glint_fragment_c &c,
                                                                const glint_fragment_a<__half> &a,
                                                                const glint_fragment_b<__half> &b)
{
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
        "{%0,%1,%2,%3};"
        : "+f"(c.x[0]), "+f"(c.x[1]), "+f"(c.x[2]), "+f"(c.x[3])
        : "r"(a.x[0]), "r"(a.x[1]), "r"(a.x[2]), "r"(a.x[3]), "r"(b.x[0]), "r"(b.x[1]));
#elif defined(__CUDA_ARCH__)
    asm("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5}, {%6}, {%0,%1,%2,%3};"
        : "+f"(c.x[0]), "+f"(c.x[1]), "+f"(c.x[2]), "+f"(c.x[3])
        : "r"(a.x[0]), "r"(a.x[1]), "r"(b.x[0]));
    asm("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5}, {%6}, {%0,%1,%2,%3};"
        : "+f"(c.x[0]), "+f"(c.x[1]), "+f"(c.x[2]), "+f"(c.x[3])
        : "r"(a.x[2]), "r"(a.x[3]), "r"(b.x[1]));
#endif
}
template <>
__device__ __forceinline__ void
glint_fragment_multiply<__nv_bfloat16>(glint_fragment_c &c, const glint_fragment_a<__nv_bfloat16> &a,
                                       const glint_fragment_b<__nv_bfloat16> &b)
{
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
        "{%0,%1,%2,%3};"
        : "+f"(c.x[0]), "+f"(c.x[1]), "+f"(c.x[2]), "+f"(c.x[3])
        : "r"(a.x[0]), "r"(a.x[1]), "r"(a.x[2]), "r"(a.x[3]), "r"(b.x[0]), "r"(b.x[1]));
#else
    __trap();
#endif
}
#endif
#endif
