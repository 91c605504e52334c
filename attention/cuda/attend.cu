/* attention/cuda/attend.cu - see attend.h; the choice of kernel, and the one for any size.
 *
 * Any size: a thread per query, a block per head and stretch of a group's queries; query and result lie in
 * shared memory (value-major: a bank per thread), keys and values come from the caches, where all threads of
 * a warp read the same ones. KEYS keys at a time with a running maximum. 4 g d FLOP per query and head, at
 * most a fifth of the fp32 rate: two shared reads per two multiply-adds. sm_90: 64 registers, no
 * spills, up to 48 KB of shared memory. */
#include "attention/cuda/attend.h"
#include "attention/cuda/attend_half.h"
#include "attention/cuda/group.cuh"
#include "attention/cuda/numbers.cuh"

#define KEYS       8
#define SHARED_MAX 49152

/* One query of a thread: q and its result so far, each at stride `step` in shared memory. */
struct query {
    const float *q;
    float *sum;
    int32_t step;
    float largest, weight; /* of the scores so far; sum of exp(score - largest) */
};

/* Adds keys first .. first + count - 1 of the group: scores, the new maximum, weights, values. */
template <class T>
static __device__ inline void add_keys(const struct glint_attend_cuda &a, const struct glint_group &g,
                                       int32_t head, int32_t d, float scale, int32_t first, int32_t count,
                                       struct query *r)
{
    float score[KEYS];
    int64_t at[KEYS];
    float largest = r->largest;
    for (int32_t j = 0; j < KEYS; j++) {
        if (j >= count)
            break;
        at[j] = (int64_t)a.perm[glint_group_position(g, first + j)] * a.ld + (int64_t)head * d;
        const T *key = (const T *)a.k + at[j];
        float sum = 0.0f;
        for (int32_t i = 0; i < d; i++)
            sum = fmaf(r->q[i * r->step], glint_value(key[i]), sum);
        score[j] = sum * scale;
        largest = score[j] > largest ? score[j] : largest;
    }
    const float fade = expf(r->largest - largest);
    for (int32_t j = 0; j < KEYS && j < count; j++)
        score[j] = expf(score[j] - largest);
    r->weight *= fade;
    for (int32_t j = 0; j < KEYS && j < count; j++)
        r->weight += score[j];
    for (int32_t i = 0; i < d; i++) {
        float sum = r->sum[i * r->step] * fade;
        for (int32_t j = 0; j < KEYS && j < count; j++)
            sum =
                fmaf(glint_value(glint_rounded<T>(score[j])), glint_value(((const T *)a.v)[at[j] + i]), sum);
        r->sum[i * r->step] = sum;
    }
    r->largest = largest;
}

template <class T>
static __global__ void __launch_bounds__(128) attend_any(const struct glint_attend_cuda a, float scale)
{
    GLINT_SHARED_BYTES(bytes);
    const int32_t d = a.dim / a.heads, threads = (int32_t)blockDim.x, t = (int32_t)threadIdx.x;
    const int32_t head = (int32_t)blockIdx.y, n = *a.n < a.most ? *a.n : a.most;
    const struct glint_group g = glint_group_of((int32_t)blockIdx.x, a.group, n, (int32_t)a.short_group);
    const int32_t i = (int32_t)blockIdx.z * threads + t;
    if (g.fresh <= 0 || i >= (a.padded_out ? g.n_keys : g.fresh))
        return;
    float *q = (float *)bytes + t, *sum = q + (int64_t)threads * d;
    const int32_t token = a.perm[glint_group_position(g, i)];
    for (int32_t j = 0; j < d; j++) {
        q[j * threads] = glint_value(((const T *)a.q)[token * a.ld + (int64_t)head * d + j]);
        sum[j * threads] = 0.0f;
    }
    struct query r = {q, sum, threads, -INFINITY, 0.0f};
    for (int32_t first = 0; first < g.n_keys; first += KEYS)
        add_keys<T>(a, g, head, d, scale, first, g.n_keys - first < KEYS ? g.n_keys - first : KEYS, &r);
    for (int32_t j = 0; j < d; j++) {
        const T v = glint_rounded<T>(sum[j * threads] / r.weight);
        if (i < g.fresh)
            ((T *)a.out)[token * a.ldo + (int64_t)head * d + j] = v;
        if (a.padded_out)
            ((T *)a.padded_out)[((int64_t)g.first + i) * a.dim + (int64_t)head * d + j] = v;
    }
}

/* As many threads as shared memory holds queries and results for. */
static int32_t threads_for(int32_t d, int32_t group)
{
    int32_t threads = 128;
    while (threads > 1 &&
           (2 * (size_t)d * sizeof(float) * (size_t)threads > SHARED_MAX || threads / 2 >= group))
        threads /= 2;
    return threads;
}

int glint_attend_cuda(struct glint_stream *s, const struct glint_attend_cuda *a)
{
    if (a->heads < 1 || a->dim < a->heads || a->dim % a->heads != 0 || a->group < 1 || a->most < 1 ||
        2 * (size_t)(a->dim / a->heads) * sizeof(float) > SHARED_MAX)
        return glint_fail(GLINT_E_ARG, "attention of width %d, %d heads, groups of %d, up to %d tokens",
                          a->dim, a->heads, a->group, a->most);
    if (glint_attend_half_takes(a))
        return glint_attend_half_cuda(s, a);
    const int32_t d = a->dim / a->heads, threads = threads_for(d, a->group);
    const dim3 grid(glint_blocks(a->most, a->group), (unsigned)a->heads, glint_blocks(a->group, threads));
    const size_t shared = 2 * (size_t)d * sizeof(float) * (size_t)threads;
    const float scale = 1.0f / sqrtf((float)d);
    if (a->precision == GLINT_PRECISION_BF16)
        return GLINT_LAUNCH((attend_any<__nv_bfloat16>), grid, threads, shared, s, *a, scale);
    if (a->precision == GLINT_PRECISION_FP16)
        return GLINT_LAUNCH((attend_any<__half>), grid, threads, shared, s, *a, scale);
    return GLINT_LAUNCH((attend_any<float>), grid, threads, shared, s, *a, scale);
}
