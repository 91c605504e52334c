/* model/cuda/center_branches.cu - the branches of a centre head at some cells; see center.h.
 *
 * A block takes eight cells of one branch: the nine pixels around each make 72 rows of a product with the
 * first convolution's weights (9 k inputs, 64 hidden channels at a time), whose outputs stay in shared
 * memory; the second convolution's few values are sums over them, a warp each. No map of hidden channels
 * exists, and pixels that two cells share are computed for both. The second convolution sees zeros beyond the
 * map, as it does in whole maps.
 *
 * 16 bits: fourteen cells, 126 rows, the first convolution on tensor cores (product16.cuh), its outputs in
 * float.
 *
 *   kernel      launch                         registers, shared bytes (sm_90, no spills)
 *   branches    (cells / 8) x branches x 256   80, 28672; bound by shared memory: 20 products per nine reads
 *   branches16  (cells / 14) x branches x 256  122, 44032; bound by the latency of 9 k / 32 steps
 *
 * Either 2 * 81 * k * hidden + 18 * hidden * n FLOPs per cell and branch. */
#include "model/cuda/center.h"
#include "model/cuda/product16.cuh"

#define CELLS    8
#define TAPS     9
#define OWN_ROWS 80 /* CELLS * TAPS, rounded up to 16 x OWN_M */
#define OWN_M    5
#define OWN_N    4
#define HIDDEN   64 /* at once */
#define STEP     16 /* inputs at once */
#define FEW      16 /* most values of a branch */
#define ROWS_MAX (CELLS * TAPS)

static size_t rounded(size_t bytes)
{
    return (bytes + 255) / 256 * 256;
}

static __host__ __device__ int32_t hidden_rounded(int32_t hidden)
{
    return (hidden + HIDDEN - 1) / HIDDEN * HIDDEN;
}

/* First weights [9 k][hidden rounded], or in the order of conv16.cuh, their bias, last weights [9 hidden][n],
 * theirs.
 */
struct branch_parts {
    size_t first_bias, last, last_bias, all;
};

static struct branch_parts parts_of(const struct glint_cuda_branches *b, int32_t index)
{
    const struct glint_cuda_branch *branch = &b->branch[index];
    const size_t hidden = (size_t)hidden_rounded(branch->hidden);
    struct branch_parts p;
    p.first_bias = b->type == GLINT_DTYPE_F32
                       ? rounded(TAPS * (size_t)b->k * hidden * sizeof(float))
                       : rounded(glint_conv16_values(TAPS, b->k, branch->hidden) * sizeof(uint16_t));
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
    struct glint_cuda_conv conv = {};
    uint8_t *to = (uint8_t *)host;
    conv.kernel = 3;
    conv.k = b->k;
    conv.n = b->branch[index].hidden;
    conv.type = b->type;
    memset(host, 0, p.all);
    if (b->type == GLINT_DTYPE_F32)
        pack(first, hidden_rounded(b->branch[index].hidden), (float *)to, (float *)(to + p.first_bias));
    else
        glint_conv16_pack(&conv, first, (uint16_t *)to);
    memcpy(to + p.first_bias, first->bias, (size_t)first->n * sizeof(float));
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

#define CELLS16 14 /* of a block of 128 rows */

struct branch_cells { /* of a block */
    int32_t y[CELLS16], x[CELLS16];
    float value[CELLS16][FEW];
};

struct branches_shared {
    __align__(16) float a[STEP][OWN_ROWS];
    __align__(16) float b[STEP][HIDDEN];
    float hidden[ROWS_MAX][HIDDEN];
    struct branch_cells cells;
};

struct branches_job {
    struct glint_cuda_branches branches;
    struct glint_cuda_shared shared;
    struct glint_cuda_branch_cells at;
    bool pieces; /* the shared map lies in whole, aligned pieces of 16 bytes */
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
static __device__ bool row_pixel(const struct glint_cuda_map &map, const struct branch_cells &cells,
                                 int32_t m, int32_t n_cells, int32_t *y, int32_t *x)
{
    if (m >= TAPS * n_cells)
        return false;
    *y = cells.y[m / TAPS] + m % TAPS / 3 - 1;
    *x = cells.x[m / TAPS] + m % TAPS % 3 - 1;
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
static __device__ void hidden_of(const struct branches_job &j, const struct glint_cuda_branch &branch,
                                 int32_t n_cells, int32_t h0, int32_t ldw, struct branches_shared &sm)
{
    const int32_t t = (int32_t)threadIdx.x, own_m = t / 16, own_n = t % 16 * OWN_N, load_k = t % 16;
    const struct glint_cuda_map &map = j.shared.map;
    const float *weights = (const float *)branch.first + h0;
    float sum[OWN_M][OWN_N] = {{0.0f}};
    int32_t y, x;
    for (int32_t tap = 0; tap < TAPS; tap++) {
        const float *row[OWN_M];
        for (int32_t i = 0; i < OWN_M; i++)
            row[i] = row_pixel(map, sm.cells, own_m + 16 * i, n_cells, &y, &x)
                         ? pixel_of<float>(j.shared, y + tap / 3 - 1, x + tap % 3 - 1)
                         : NULL;
        for (int32_t k0 = 0; k0 < j.branches.k; k0 += STEP) {
            const bool inside = k0 + load_k < j.branches.k;
            const bool weighted = k0 + own_m < j.branches.k;
            const float *w = weights + ((int64_t)tap * j.branches.k + k0 + own_m) * ldw + own_n;
            __syncthreads();
            for (int32_t i = 0; i < OWN_M; i++)
                sm.a[load_k][own_m + 16 * i] = row[i] && inside ? row[i][k0 + load_k] : 0.0f;
            for (int32_t i = 0; i < OWN_N; i++)
                sm.b[own_m][own_n + i] = weighted ? w[i] : 0.0f;
            __syncthreads();
            multiply(sm, own_m, own_n, sum);
        }
    }
    __syncthreads();
    for (int32_t i = 0; i < OWN_M; i++) {
        const int32_t m = own_m + 16 * i;
        const bool real = row_pixel(map, sm.cells, m, n_cells, &y, &x);
        for (int32_t n = 0; m < ROWS_MAX && n < OWN_N; n++) {
            const float v = sum[i][n] + branch.first_bias[h0 + own_n + n];
            sm.hidden[m][own_n + n] = real && h0 + own_n + n < branch.hidden ? (v < 0.0f ? 0.0f : v) : 0.0f;
        }
    }
    __syncthreads();
}

/* Adds to the cells' values what these hidden channels (rows of HIDDEN) give. */
static __device__ void add_values(const struct glint_cuda_branch &branch, int32_t n_cells, int32_t h0,
                                  const float *hidden, struct branch_cells &cells)
{
    const int32_t lane = (int32_t)threadIdx.x % 32, warp = (int32_t)threadIdx.x / 32;
    const int32_t wide = min(HIDDEN, branch.hidden - h0);
    for (int32_t i = warp; i < n_cells * branch.n; i += THREADS / 32) {
        const int32_t cell = i / branch.n, j = i % branch.n;
        float sum = 0.0f;
        for (int32_t q = lane; q < TAPS * wide; q += 32) {
            const int32_t tap = q / wide, h = q % wide;
            sum = fmaf(hidden[(cell * TAPS + tap) * HIDDEN + h],
                       branch.last[((int64_t)tap * branch.hidden + h0 + h) * branch.n + j], sum);
        }
        for (int32_t d = 16; d > 0; d /= 2)
            sum += __shfl_xor_sync(0xffffffffu, sum, d);
        if (lane == 0)
            cells.value[cell][j] += sum;
    }
    __syncthreads();
}

static __device__ void begin_cells(const struct branches_job &j, int32_t first, int32_t n_cells,
                                   struct branch_cells &cells)
{
    const int32_t t = (int32_t)threadIdx.x;
    if (t < n_cells)
        cell_of(j.at, first + t, &cells.y[t], &cells.x[t]);
    if (t < CELLS16 * FEW)
        cells.value[t / FEW][t % FEW] = 0.0f;
    __syncthreads();
}

static __device__ void write_values(const struct branches_job &j, const struct glint_cuda_branch &branch,
                                    int32_t first, int32_t n_cells, const struct branch_cells &cells)
{
    for (int32_t i = (int32_t)threadIdx.x; i < n_cells * branch.n; i += THREADS) {
        const int32_t cell = i / branch.n, k = i % branch.n;
        const float v = cells.value[cell][k] + branch.last_bias[k];
        if (j.at.rows)
            j.at.rows[(int64_t)(first + cell) * j.at.row_stride + branch.offset + k] = v;
        else
            ((float *)j.at.map.data)[pixel_at(j.at.map, cells.y[cell], cells.x[cell]) + k] = v;
    }
    __syncthreads();
}

static __global__ void __launch_bounds__(THREADS) branches(struct branches_job j)
{
    __shared__ struct branches_shared sm;
    const struct glint_cuda_branch branch = j.branches.branch[blockIdx.y];
    const int32_t n = min(*j.at.n, j.at.cap), ldw = hidden_rounded(branch.hidden);
    for (int32_t first = (int32_t)blockIdx.x * CELLS; first < n; first += (int32_t)gridDim.x * CELLS) {
        const int32_t n_cells = min(CELLS, n - first);
        begin_cells(j, first, n_cells, sm.cells);
        for (int32_t h0 = 0; h0 < branch.hidden; h0 += HIDDEN) {
            hidden_of(j, branch, n_cells, h0, ldw, sm);
            add_values(branch, n_cells, h0, sm.hidden[0], sm.cells);
        }
        write_values(j, branch, first, n_cells, sm.cells);
    }
}

/* In 16 bits. */

#define HIDDEN_BLOCKS (HIDDEN / BLOCK)
#define CHUNK         32 /* inputs of a tap at once */
#define CHUNK_LD      (CHUNK + PIECE)
#define A_VALUES      (ROWS * CHUNK_LD)
#define STAGE_VALUES  (A_VALUES + CHUNK / BLOCK * HIDDEN_BLOCKS * VALUES)
#define BYTES16       (STAGES * STAGE_VALUES * 2) /* more than the hidden channels, which come later */

/* Step's rows and weights to their stage: two threads per row, whose own pixel is (y, x); real: in the map.
 */
template <class T>
static __device__ __forceinline__ void load_step(const struct branches_job &j,
                                                 const struct glint_cuda_branch &branch, int32_t step,
                                                 int32_t h0, bool real, int32_t y, int32_t x, T *shared)
{
    const int32_t k = j.branches.k, k_blocks = (k + BLOCK - 1) / BLOCK,
                  n_blocks = (branch.hidden + BLOCK - 1) / BLOCK;
    const int32_t chunks = (k + CHUNK - 1) / CHUNK, tap = step / chunks, c0 = step % chunks * CHUNK;
    T *a = shared + step % STAGES * STAGE_VALUES;
    const T *row = real ? pixel_of<T>(j.shared, y + tap / 3 - 1, x + tap % 3 - 1) : NULL;
    for (int32_t i = 0; i < 2; i++) {
        const int32_t c = ((int32_t)threadIdx.x % 2 * 2 + i) * PIECE;
        load_piece_of(a + (int32_t)threadIdx.x / 2 * CHUNK_LD + c, row, c0 + c, k, j.pieces);
    }
    load_weights<T, HIDDEN_BLOCKS, CHUNK / BLOCK>((const T *)branch.first +
                                                      (int64_t)tap * k_blocks * n_blocks * VALUES,
                                                  c0 / BLOCK, k_blocks, n_blocks, h0 / BLOCK, a + A_VALUES);
}

/* The sums, biased and cut, to rows of HIDDEN floats; zero for rows that are no pixel of the map. */
static __device__ __forceinline__ void store_hidden(const struct branches_job &j,
                                                    const struct glint_cuda_branch &branch, int32_t n_cells,
                                                    int32_t h0, const struct conv_sums<HIDDEN_BLOCKS> &s,
                                                    const struct branch_cells &cells, float *hidden)
{
    typedef struct conv_shape<HIDDEN_BLOCKS> part;
    const int32_t warp = (int32_t)threadIdx.x / 32, warp_m = warp / part::warps_n,
                  warp_n = warp % part::warps_n;
#pragma unroll
    for (int i = 0; i < part::MT; i++)
#pragma unroll
        for (int half = 0; half < 2; half++) {
            const int32_t m = (warp_m * part::MT + i) * 16 + glint_fragment_row(2 * half);
            int32_t y, x;
            const bool real = row_pixel(j.shared.map, cells, m, n_cells, &y, &x);
#pragma unroll
            for (int c = 0; c < 4 * part::NT; c++) {
                const int32_t n = warp_n * part::NT * BLOCK + c / 2 * 8 + glint_fragment_column(c % 2);
                const bool there = real && h0 + n < branch.hidden;
                const float v = there ? s.c[i][c / 2].x[2 * half + c % 2] + branch.first_bias[h0 + n] : 0.0f;
                if (m < TAPS * CELLS16)
                    hidden[m * HIDDEN + n] = v < 0.0f ? 0.0f : v;
            }
        }
}

template <class T>
static __device__ void hidden16_of(const struct branches_job &j, const struct glint_cuda_branch &branch,
                                   int32_t n_cells, int32_t h0, const struct branch_cells &cells, T *shared)
{
    typedef struct conv_shape<HIDDEN_BLOCKS> part;
    const int32_t steps = TAPS * ((j.branches.k + CHUNK - 1) / CHUNK), lane = glint_lane();
    const int32_t warp_m = (int32_t)threadIdx.x / 32 / part::warps_n;
    struct conv_sums<HIDDEN_BLOCKS> sum;
    int32_t y = 0, x = 0;
    const bool real = row_pixel(j.shared.map, cells, (int32_t)threadIdx.x / 2, n_cells, &y, &x);
    clear(sum);
    for (int32_t i = 0; i < STAGES - 1; i++) { /* nine steps at least */
        load_step(j, branch, i, h0, real, y, x, shared);
        glint_async_commit();
    }
    for (int32_t step = 0; step < steps; step++) {
        glint_async_wait<STAGES - 2>();
        __syncthreads();
        if (step + STAGES - 1 < steps)
            load_step(j, branch, step + STAGES - 1, h0, real, y, x, shared);
        glint_async_commit();
        const T *stage = shared + step % STAGES * STAGE_VALUES;
#pragma unroll
        for (int32_t k = 0; k < CHUNK / BLOCK; k++) {
            const T *a[part::MT];
#pragma unroll
            for (int i = 0; i < part::MT; i++)
                a[i] =
                    stage + ((warp_m * part::MT + i) * 16 + lane % 16) * CHUNK_LD + k * BLOCK + lane / 16 * 8;
            multiply<T, HIDDEN_BLOCKS>(sum, a, stage + A_VALUES + k * HIDDEN_BLOCKS * VALUES);
        }
    }
    glint_async_wait<0>();
    __syncthreads(); /* the stages become the hidden channels */
    store_hidden(j, branch, n_cells, h0, sum, cells, (float *)shared);
    __syncthreads();
}

template <class T> static __global__ void __launch_bounds__(THREADS, 2) branches16(struct branches_job j)
{
    GLINT_SHARED_BYTES(bytes);
    __shared__ struct branch_cells cells;
    const struct glint_cuda_branch branch = j.branches.branch[blockIdx.y];
    const int32_t n = min(*j.at.n, j.at.cap);
    for (int32_t first = (int32_t)blockIdx.x * CELLS16; first < n; first += (int32_t)gridDim.x * CELLS16) {
        const int32_t n_cells = min(CELLS16, n - first);
        begin_cells(j, first, n_cells, cells);
        for (int32_t h0 = 0; h0 < branch.hidden; h0 += HIDDEN) {
            hidden16_of<T>(j, branch, n_cells, h0, cells, (T *)bytes);
            add_values(branch, n_cells, h0, (const float *)bytes, cells);
        }
        write_values(j, branch, first, n_cells, cells);
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
        if (b->branch[i].n < 1 || b->branch[i].n > FEW || (!at->rows && at->map.c < b->branch[i].n))
            return glint_fail(GLINT_E_ARG, "a branch of %d values at some cells: 1 to %d expected",
                              b->branch[i].n, FEW);
    return GLINT_OK;
}

int glint_center_branches_cuda(struct glint_stream *s, const struct glint_cuda_branches *b,
                               const struct glint_cuda_shared *shared,
                               const struct glint_cuda_branch_cells *at)
{
    GLINT_TRY(check(b, shared, at));
    const bool wide = b->type != GLINT_DTYPE_F32;
    const struct branches_job j = {*b, *shared, *at,
                                   whole_pieces(&shared->map) && whole_pieces(&shared->background.small)};
    const unsigned groups = glint_blocks(at->cap, wide ? CELLS16 : CELLS);
    const dim3 grid(groups < BLOCKS_MOST ? groups : BLOCKS_MOST, (unsigned)b->n_branches);
    if (b->type == GLINT_DTYPE_F16)
        return GLINT_LAUNCH(branches16<__half>, grid, THREADS, BYTES16, s, j);
    if (b->type == GLINT_DTYPE_BF16)
        return GLINT_LAUNCH(branches16<__nv_bfloat16>, grid, THREADS, BYTES16, s, j);
    return GLINT_LAUNCH(branches, grid, THREADS, 0, s, j);
}
