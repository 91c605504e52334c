/* model/cuda/product16.cuh - the product of 16 bits on tensor cores that convolutions and a head's branches
 * share: 128 rows x NB blocks of 16 outputs by 256 threads, sums in registers.
 *
 * Rows lie in shared memory, 8 values longer than what is taken of them at a time, weights in the order in
 * which lanes multiply them (conv16.cuh), both brought by asynchronous copies, STAGES under way: so neither
 * is read with conflicts. */
#ifndef GLINT_MODEL_CUDA_PRODUCT16_CUH
#define GLINT_MODEL_CUDA_PRODUCT16_CUH
#include "core/cuda/async_copy.h"
#include "core/cuda/fragment.h"
#include "model/cuda/conv16.cuh"

#define THREADS 256
#define ROWS    128 /* of a block */
#define STAGES  3
#define BLOCK   16       /* inputs and outputs of a block of weights */
#define VALUES  (32 * 8) /* of it */
#define PIECE   8        /* values of 16 bytes */

/* What a block has of the outputs: NB blocks of 16, warps of 16 MT rows x 16 NT outputs. */
template <int NB> struct conv_shape {
    static const int warps_n = NB >= 4 ? 2 : 1, warps_m = 8 / warps_n, MT = ROWS / warps_m / 16,
                     NT = NB / warps_n;
};

/* PIECE of a row's k values from c on, to shared memory: zeros beyond them and for no row. pieces: such
 * pieces are aligned, and k is a number of them. */
template <class T>
static __device__ __forceinline__ void load_piece_of(T *to, const T *row, int32_t c, int32_t k, bool pieces)
{
    if (pieces) {
        glint_async_copy16(to, row ? row + c : row, row && c < k);
        return;
    }
    for (int32_t i = 0; i < PIECE; i++)
        if (row && c + i < k)
            to[i] = row[c + i];
        else
            set_number(&to[i], 0.0f);
}

/* A map's rows can be taken so. */
static inline bool whole_pieces(const struct glint_cuda_map *m)
{
    return m->c % PIECE == 0 && m->ld % PIECE == 0 && m->pitch % PIECE == 0 && (uintptr_t)m->data % 16 == 0;
}

/* Weights of COUNT blocks of inputs from block `first` of those of a map (n_blocks of outputs, k_blocks of
 * inputs on from here), for NB blocks of outputs from n0 on. */
template <class T, int NB, int COUNT>
static __device__ __forceinline__ void load_weights(const T *weights, int32_t first, int32_t k_blocks,
                                                    int32_t n_blocks, int32_t n0, T *to)
{
    for (int32_t i = (int32_t)threadIdx.x; i < COUNT * NB * 32; i += THREADS) {
        const int32_t k = first + i / (NB * 32), n = n0 + i / 32 % NB;
        glint_async_copy16(to + (int64_t)i * 8, weights + ((int64_t)k * n_blocks + n) * VALUES + i % 32 * 8,
                           k < k_blocks && n < n_blocks);
    }
}

template <int NB> struct conv_sums {
    struct glint_fragment_c c[conv_shape<NB>::MT][2 * conv_shape<NB>::NT];
};

template <int NB> static __device__ __forceinline__ void clear(struct conv_sums<NB> &s)
{
#pragma unroll
    for (int i = 0; i < conv_shape<NB>::MT; i++)
#pragma unroll
        for (int j = 0; j < 2 * conv_shape<NB>::NT; j++)
            glint_fragment_zero(s.c[i][j]);
}

/* One block of 16 inputs: a[i] is this lane's address of its row of rows' block i, weights those of the step.
 */
template <class T, int NB>
static __device__ __forceinline__ void multiply(struct conv_sums<NB> &s, const T *const a[conv_shape<NB>::MT],
                                                const T *weights)
{
    const int32_t lane = glint_lane(), warp_n = (int32_t)threadIdx.x / 32 % conv_shape<NB>::warps_n;
    struct glint_fragment_a<T> left[conv_shape<NB>::MT];
#pragma unroll
    for (int i = 0; i < conv_shape<NB>::MT; i++)
        glint_load_matrices4(left[i].x, a[i], false);
#pragma unroll
    for (int j = 0; j < conv_shape<NB>::NT; j++) {
        const uint4 w = *(const uint4 *)(weights + (warp_n * conv_shape<NB>::NT + j) * VALUES + lane * 8);
        const struct glint_fragment_b<T> right[2] = {
            {{w.x, w.y}},
            {
                {
                    w.z, w.w
                }
            }
        };
#pragma unroll
        for (int i = 0; i < conv_shape<NB>::MT; i++) {
            glint_fragment_multiply(s.c[i][2 * j], left[i], right[0]);
            glint_fragment_multiply(s.c[i][2 * j + 1], left[i], right[1]);
        }
    }
}

#endif
