/* model/cuda/center_branches.cu - the branches of a centre head at some cells; see center.h.
 *
 * A block takes eight cells of one branch: the nine pixels around each make 72 rows of a product with the
 * first convolution's weights (9 k inputs, 64 hidden channels at a time), whose outputs stay in shared
 * memory; the second convolution's few values are sums over them, a warp each. No map of hidden channels
 * exists, and pixels that two cells share are computed for both. The second convolution sees zeros beyond the
 * map, as it does in whole maps.
 *
 *   launch  (cells / 8) x branches / 256    2 * 81 * k * hidden + 18 * hidden * n FLOPs per cell and branch;
 *           28 KB shared. Bound by shared memory: 20 multiply-adds per nine reads. */
#include "model/cuda/center.h"
#include "model/cuda/number.cuh"

#define THREADS  256
#define CELLS    8
#define TAPS     9
#define ROWS     80 /* CELLS * TAPS, rounded up to 16 x OWN_M */
#define OWN_M    5
#define OWN_N    4
#define HIDDEN   64 /* at once */
#define STEP     16 /* inputs at once */
#define VALUES   16 /* most of a branch */
#define ROWS_MAX (CELLS * TAPS)

static size_t rounded(size_t bytes)
{
    return (bytes + 255) / 256 * 256;
}

static int32_t hidden_rounded(const struct glint_cuda_branch *b)
{
    return (b->hidden + HIDDEN - 1) / HIDDEN * HIDDEN;
}

/* First weights [9 k][hidden rounded], their bias, last weights [9 hidden][n], theirs. */
struct branch_parts {
    size_t first_bias, last, last_bias, all;
};

static struct branch_parts parts_of(const struct glint_cuda_branches *b, int32_t index)
{
    const struct glint_cuda_branch *branch = &b->branch[index];
    const size_t hidden = (size_t)hidden_rounded(branch);
    struct branch_parts p;
    p.first_bias = rounded(TAPS * (size_t)b->k * hidden * sizeof(float));
    p.last = p.first_bias + rounded(hidden * sizeof(float));
    p.last_bias = p.last + rounded(TAPS * (size_t)branch->hidden * (size_t)branch->n * sizeof(float));
    p.all = p.last_bias + rounded((size_t)branch->n * sizeof(float));
    return p;
}

size_t glint_cuda_branch_bytes(const struct glint_cuda_branches *b, int32_t index)
{
    return parts_of(b, index).all;
}

static float weight_at(const struct glint_weights *w, int64_t i, int64_t j)
{
    return w->panels[(j / GLINT_PANEL * w->k + i) * GLINT_PANEL + j % GLINT_PANEL];
}

static void pack(const struct glint_weights *w, int64_t columns, float *to, float *bias)
{
    for (int64_t i = 0; i < w->k; i++)
        for (int64_t j = 0; j < w->n; j++)
            to[i * columns + j] = weight_at(w, i, j);
    for (int64_t j = 0; j < w->n; j++)
        bias[j] = w->bias[j];
}

void glint_cuda_branch_pack(const struct glint_cuda_branches *b, int32_t index,
                            const struct glint_weights *first, const struct glint_weights *last, void *host)
{
    const struct branch_parts p = parts_of(b, index);
    uint8_t *to = (uint8_t *)host;
    memset(host, 0, p.all);
    pack(first, hidden_rounded(&b->branch[index]), (float *)to, (float *)(to + p.first_bias));
    pack(last, b->branch[index].n, (float *)(to + p.last), (float *)(to + p.last_bias));
}

void glint_cuda_branch_set(struct glint_cuda_branches *b, int32_t index, const void *device)
{
    const struct branch_parts p = parts_of(b, index);
    const uint8_t *from = (const uint8_t *)device;
    struct glint_cuda_branch *branch = &b->branch[index];
    branch->first = from;
    branch->first_bias = (const float *)(from + p.first_bias);
    branch->last = (const float *)(from + p.last);
    branch->last_bias = (const float *)(from + p.last_bias);
}

struct branches_shared {
    __align__(16) float a[STEP][ROWS];
    __align__(16) float b[STEP][HIDDEN];
    float hidden[ROWS_MAX][HIDDEN];
    float value[CELLS][VALUES];
    int32_t y[CELLS], x[CELLS];
};

struct branches_job {
    struct glint_cuda_branches branches;
    struct glint_cuda_shared shared;
    struct glint_cuda_branch_cells at;
};

static __device__ void cell_of(const struct glint_cuda_branch_cells &at, int32_t i, int32_t *y, int32_t *x)
{
    *y = at.cells ? at.cells[i].y : at.candidate_cells[2 * i];
    *x = at.cells ? at.cells[i].x : at.candidate_cells[2 * i + 1];
}

/* The k values of a pixel of the shared map, NULL beyond it: where it is undefined, the background's. */
template <class T>
static __device__ const T *pixel_of(const struct glint_cuda_shared &s, int32_t y, int32_t x)
{
    const struct glint_cuda_map &map = s.map, &small = s.background.small;
    if (y < 0 || y >= map.h || x < 0 || x >= map.w)
        return NULL;
    if (is_active(s.active, y, x))
        return (const T *)map.data + pixel_at(map, y, x);
    return (const T *)small.data + pixel_at(small, stand_in(y, map.h, small.h, s.background.period),
                                            stand_in(x, map.w, small.w, s.background.period));
}

/* Row m's pixel (of the nine of a cell) is in the map; its place there. */
static __device__ bool row_pixel(const struct glint_cuda_map &map, const struct branches_shared &sm,
                                 int32_t m, int32_t n_cells, int32_t *y, int32_t *x)
{
    if (m >= TAPS * n_cells)
        return false;
    *y = sm.y[m / TAPS] + m % TAPS / 3 - 1;
    *x = sm.x[m / TAPS] + m % TAPS % 3 - 1;
    return *y >= 0 && *y < map.h && *x >= 0 && *x < map.w;
}

static __device__ __forceinline__ void multiply(const struct branches_shared &sm, int32_t m, int32_t n,
                                                float sum[OWN_M][OWN_N])
{
#pragma unroll
    for (int32_t k = 0; k < STEP; k++) {
        const float4 b = *(const float4 *)&sm.b[k][n];
        const float w[OWN_N] = {b.x, b.y, b.z, b.w};
        for (int32_t i = 0; i < OWN_M; i++) {
            const float a = sm.a[k][m + 16 * i];
            for (int32_t j = 0; j < OWN_N; j++)
                sum[i][j] = fmaf(a, w[j], sum[i][j]);
        }
    }
}

/* The first convolution's outputs h0 .. h0 + HIDDEN for all rows, to shared memory. */
template <class T>
static __device__ void hidden_of(const struct branches_job &j, const struct glint_cuda_branch &branch,
                                 int32_t n_cells, int32_t h0, int32_t ldw, struct branches_shared &sm)
{
    const int32_t t = (int32_t)threadIdx.x, own_m = t / 16, own_n = t % 16 * OWN_N, load_k = t % 16;
    const struct glint_cuda_map &map = j.shared.map;
    const float *weights = (const float *)branch.first + h0;
    float sum[OWN_M][OWN_N] = {{0.0f}};
    int32_t y, x;
    for (int32_t tap = 0; tap < TAPS; tap++) {
        const T *row[OWN_M];
        for (int32_t i = 0; i < OWN_M; i++)
            row[i] = row_pixel(map, sm, own_m + 16 * i, n_cells, &y, &x)
                         ? pixel_of<T>(j.shared, y + tap / 3 - 1, x + tap % 3 - 1)
                         : NULL;
        for (int32_t k0 = 0; k0 < j.branches.k; k0 += STEP) {
            const bool inside = k0 + load_k < j.branches.k;
            const bool weighted = k0 + own_m < j.branches.k;
            const float *w = weights + ((int64_t)tap * j.branches.k + k0 + own_m) * ldw + own_n;
            __syncthreads();
            for (int32_t i = 0; i < OWN_M; i++)
                sm.a[load_k][own_m + 16 * i] = row[i] && inside ? number(row[i][k0 + load_k]) : 0.0f;
            for (int32_t i = 0; i < OWN_N; i++)
                sm.b[own_m][own_n + i] = weighted ? w[i] : 0.0f;
            __syncthreads();
            multiply(sm, own_m, own_n, sum);
        }
    }
    __syncthreads();
    for (int32_t i = 0; i < OWN_M; i++) {
        const int32_t m = own_m + 16 * i;
        const bool real = row_pixel(map, sm, m, n_cells, &y, &x);
        for (int32_t n = 0; m < ROWS_MAX && n < OWN_N; n++) {
            const float v = sum[i][n] + branch.first_bias[h0 + own_n + n];
            sm.hidden[m][own_n + n] = real && h0 + own_n + n < branch.hidden ? (v < 0.0f ? 0.0f : v) : 0.0f;
        }
    }
    __syncthreads();
}

/* Adds to the cells' values what these hidden channels give. */
static __device__ void add_values(const struct glint_cuda_branch &branch, int32_t n_cells, int32_t h0,
                                  struct branches_shared &sm)
{
    const int32_t lane = (int32_t)threadIdx.x % 32, warp = (int32_t)threadIdx.x / 32;
    const int32_t wide = min(HIDDEN, branch.hidden - h0);
    for (int32_t i = warp; i < n_cells * branch.n; i += THREADS / 32) {
        const int32_t cell = i / branch.n, j = i % branch.n;
        float sum = 0.0f;
        for (int32_t q = lane; q < TAPS * wide; q += 32) {
            const int32_t tap = q / wide, h = q % wide;
            sum = fmaf(sm.hidden[cell * TAPS + tap][h],
                       branch.last[((int64_t)tap * branch.hidden + h0 + h) * branch.n + j], sum);
        }
        for (int32_t d = 16; d > 0; d /= 2)
            sum += __shfl_xor_sync(0xffffffffu, sum, d);
        if (lane == 0)
            sm.value[cell][j] += sum;
    }
    __syncthreads();
}

static __device__ void write_values(const struct branches_job &j, const struct glint_cuda_branch &branch,
                                    int32_t first, int32_t n_cells, const struct branches_shared &sm)
{
    for (int32_t i = (int32_t)threadIdx.x; i < n_cells * branch.n; i += THREADS) {
        const int32_t cell = i / branch.n, k = i % branch.n;
        const float v = sm.value[cell][k] + branch.last_bias[k];
        if (j.at.rows)
            j.at.rows[(int64_t)(first + cell) * j.at.row_stride + branch.offset + k] = v;
        else
            ((float *)j.at.map.data)[pixel_at(j.at.map, sm.y[cell], sm.x[cell]) + k] = v;
    }
}

template <class T> static __global__ void __launch_bounds__(THREADS) branches(struct branches_job j)
{
    __shared__ struct branches_shared sm;
    const struct glint_cuda_branch branch = j.branches.branch[blockIdx.y];
    const int32_t n = min(*j.at.n, j.at.cap), t = (int32_t)threadIdx.x;
    const int32_t ldw = (branch.hidden + HIDDEN - 1) / HIDDEN * HIDDEN;
    for (int32_t first = (int32_t)blockIdx.x * CELLS; first < n; first += (int32_t)gridDim.x * CELLS) {
        const int32_t n_cells = min(CELLS, n - first);
        if (t < n_cells)
            cell_of(j.at, first + t, &sm.y[t], &sm.x[t]);
        if (t < CELLS * VALUES)
            sm.value[t / VALUES][t % VALUES] = 0.0f;
        __syncthreads();
        for (int32_t h0 = 0; h0 < branch.hidden; h0 += HIDDEN) {
            hidden_of<T>(j, branch, n_cells, h0, ldw, sm);
            add_values(branch, n_cells, h0, sm);
        }
        write_values(j, branch, first, n_cells, sm);
        __syncthreads();
    }
}

#define BLOCKS_MOST 1024 /* a few rounds of all multiprocessors; more cells go round */

static int check(const struct glint_cuda_branches *b, const struct glint_cuda_shared *shared,
                 const struct glint_cuda_branch_cells *at)
{
    if (shared->map.type != b->type || shared->map.c != b->k || b->n_branches < 1 ||
        b->n_branches > GLINT_CENTER_BRANCHES)
        return glint_fail(GLINT_E_ARG, "%d branches on a map of %d channels: weights have %d", b->n_branches,
                          shared->map.c, b->k);
    for (int32_t i = 0; i < b->n_branches; i++)
        if (b->branch[i].n < 1 || b->branch[i].n > VALUES || (!at->rows && at->map.c < b->branch[i].n))
            return glint_fail(GLINT_E_ARG, "a branch of %d values at some cells: 1 to %d expected",
                              b->branch[i].n, VALUES);
    return GLINT_OK;
}

int glint_center_branches_cuda(struct glint_stream *s, const struct glint_cuda_branches *b,
                               const struct glint_cuda_shared *shared,
                               const struct glint_cuda_branch_cells *at)
{
    GLINT_TRY(check(b, shared, at));
    const struct branches_job j = {*b, *shared, *at};
    const unsigned groups = glint_blocks(at->cap, CELLS);
    const dim3 grid(groups < BLOCKS_MOST ? groups : BLOCKS_MOST, (unsigned)b->n_branches);
    if (b->type == GLINT_DTYPE_F16)
        return GLINT_LAUNCH(branches<__half>, grid, THREADS, 0, s, j);
    if (b->type == GLINT_DTYPE_BF16)
        return GLINT_LAUNCH(branches<__nv_bfloat16>, grid, THREADS, 0, s, j);
    return GLINT_LAUNCH(branches<float>, grid, THREADS, 0, s, j);
}
