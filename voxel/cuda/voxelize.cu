/* voxel/cuda/voxelize.cu - see voxelize.h.
 *
 * As on the CPU: cell numbers, a stable sort, runs of equal numbers; refused points carry the number one past
 * the last cell. Beyond the frame's points, up to the size of the launch, keys are padded with that number
 * too: the sort is stable, so the padding ends up behind the refused points. Three launches and the sort, of
 * whose passes (8 bits each: 3 for FlatFormer's grid) each moves 16 bytes per point. sm_90: 19, 14 and 32
 * registers, 64 bytes of shared memory; CUB's pass 80 and 36 KB. */
#include "voxel/cuda/voxelize.h"
#include "voxel/cuda/scan.cuh"
#include "voxel/cuda/sort.h"
extern "C" {
#include "voxel/sort.h"
}

#define CELL_THREADS 256
#define KEYS         1024 /* of a block, 4 per thread */
#define EACH         (KEYS / GLINT_SCAN_THREADS)

struct cells {
    struct glint_cell_rule rule;
    const float *x, *y, *z;
    const int32_t *n;
    int32_t most;
    bool clamp;
    uint32_t *key;
    int32_t *order;
};

/* As axis_cell in voxel/cell.c: subtraction and division are rounded each. */
static __device__ inline uint32_t axis_cell(const struct glint_cell_rule *r, int k, float v, bool clamp,
                                            bool *inside)
{
    if (!(v > r->keep_lo[k] && v < r->keep_hi[k])) {
        *inside = false;
        return 0;
    }
    float t = __fdiv_rn(__fsub_rn(v, r->origin[k]), r->cell[k]);
    if (clamp) {
        t = t > 0.0f ? t : 0.0f;
        t = t < r->last[k] ? t : r->last[k];
    } else if (!(t >= 0.0f && t < r->end[k])) {
        *inside = false;
        return 0;
    }
    return (uint32_t)t * r->stride[k];
}

/* One thread per point. 12 bytes read, 8 written per point; latency. */
static __global__ void __launch_bounds__(CELL_THREADS) find_cells(const struct cells c)
{
    const int32_t i = (int32_t)(blockIdx.x * CELL_THREADS + threadIdx.x);
    if (i >= c.most)
        return;
    uint32_t number = c.rule.none;
    if (i < *c.n) {
        bool inside = true;
        const uint32_t sum = axis_cell(&c.rule, 0, c.x[i], c.clamp, &inside) +
                             axis_cell(&c.rule, 1, c.y[i], c.clamp, &inside) +
                             axis_cell(&c.rule, 2, c.z[i], c.clamp, &inside);
        number = inside ? sum : number;
    }
    c.key[i] = number;
    c.order[i] = i;
}

struct place {
    const uint32_t *key;  /* most, ascending */
    const int32_t *order; /* most */
    const int32_t *n;
    int32_t most, cap;
    uint32_t none;
    uint32_t n_fast, n_middle;
    int32_t fast; /* axis: 0 or 2 */
    bool drop_first;
    int32_t *block;
    int32_t *count, *point, *voxel, *start, *coord;
};

static __device__ inline int32_t points_of(const struct place &p)
{
    return *p.n < p.most ? *p.n : p.most;
}

/* First position in ascending keys whose value is at least `wanted`. */
static __device__ inline int32_t lower_bound(const uint32_t *key, int32_t n, uint32_t wanted)
{
    int32_t first = 0;
    while (n > 0) {
        const int32_t half = n / 2;
        if (key[first + half] < wanted) {
            first += half + 1;
            n -= half + 1;
        } else {
            n = half;
        }
    }
    return first;
}

/* Which of a thread's keys begin the run of a cell, as bits. */
static __device__ inline int32_t find_heads(const struct place &p, int32_t first, int32_t n,
                                            uint32_t *bits_out)
{
    uint32_t bits = 0;
    for (int32_t k = 0; k < EACH; k++) {
        const int32_t i = first + k;
        if (i < n && p.key[i] < p.none && (i == 0 || p.key[i] != p.key[i - 1]))
            bits |= 1u << k;
    }
    *bits_out = bits;
    return (int32_t)__popc(bits);
}

static __global__ void __launch_bounds__(GLINT_SCAN_THREADS) count_voxels(const struct place p)
{
    __shared__ int32_t shared[GLINT_SCAN_WARPS];
    const int32_t first = (int32_t)(blockIdx.x * KEYS + threadIdx.x * EACH);
    uint32_t bits;
    int32_t total;
    (void)glint_scan_block(find_heads(p, first, points_of(p), &bits), shared, &total);
    if (threadIdx.x == 0)
        p.block[blockIdx.x] = total;
}

static __device__ void write_counts(const struct place &p, int32_t n, int32_t n_inside, int32_t skip,
                                    int32_t n_voxels, int32_t n_points)
{
    p.start[n_voxels] = n_points;
    p.count[GLINT_VOXELS_N] = n_voxels;
    p.count[GLINT_VOXELS_POINTS] = n_points;
    p.count[GLINT_VOXELS_IN] = n;
    p.count[GLINT_VOXELS_REJECTED] = n - n_inside;
    p.count[GLINT_VOXELS_CLIPPED] = n_inside - skip - n_points;
    p.count[GLINT_VOXELS_DROPPED] = skip;
}

static __device__ void write_coord(const struct place &p, uint32_t number, int32_t *coord)
{
    const uint32_t row = number / p.n_fast;
    coord[p.fast] = (int32_t)(number % p.n_fast);
    coord[1] = (int32_t)(row % p.n_middle);
    coord[2 - p.fast] = (int32_t)(row / p.n_middle);
}

/* Ranks the runs as unique.cu does. The thread that sees the first voxel beyond the capacity writes the
 * counts, or where there is none the one at the last point of a voxel, or thread 0 where there are no points.
 * 8 bytes read, 8 written per point, 16 per voxel; latency. */
static __global__ void __launch_bounds__(GLINT_SCAN_THREADS) place_voxels(const struct place p)
{
    __shared__ int32_t shared[GLINT_SCAN_WARPS], before_shared[GLINT_SCAN_WARPS];
    const int32_t n = points_of(p);
    const int32_t first = (int32_t)(blockIdx.x * KEYS + threadIdx.x * EACH);
    uint32_t bits;
    int32_t total, skip = 0;
    int32_t rank = glint_sum_block(p.block, (int32_t)blockIdx.x, before_shared);
    rank += glint_scan_block(find_heads(p, first, n, &bits), shared, &total) - 1;
    const bool any = n > 0 && p.key[0] < p.none;
    if (p.drop_first && any) {
        skip = lower_bound(p.key, n, p.key[0] + 1);
        rank--;
    }
    for (int32_t k = 0; k < EACH && first + k < n && p.key[first + k] < p.none; k++) {
        const int32_t i = first + k, at = i - skip;
        const bool head = bits >> k & 1, last = i == n - 1 || p.key[i + 1] >= p.none;
        rank += head;
        if (head && rank == p.cap)
            write_counts(p, n, lower_bound(p.key, n, p.none), skip, p.cap, at);
        if (last && rank < p.cap)
            write_counts(p, n, i + 1, skip, rank + 1, at + 1);
        if (rank < 0 || rank >= p.cap)
            continue;
        p.point[at] = p.order[i];
        p.voxel[at] = rank;
        if (head) {
            p.start[rank] = at;
            write_coord(p, p.key[i], p.coord + 3 * (int64_t)rank);
        }
    }
    if (!any && blockIdx.x == 0 && threadIdx.x == 0)
        write_counts(p, n, 0, 0, 0, 0);
}

static size_t rounded(size_t bytes)
{
    return (bytes + 255) / 256 * 256;
}

static int32_t block_count(int32_t most)
{
    return most > 0 ? (most + KEYS - 1) / KEYS : 1;
}

/* With a NULL memory only adds up what it takes. */
static size_t carve(struct glint_voxels_cuda *v, void *memory, int32_t cap_points, int32_t cap_voxels)
{
    const size_t points = (size_t)cap_points * 4, voxels = (size_t)cap_voxels * 4;
    v->temp_bytes = glint_sort_cuda_bytes(cap_points);
    const struct {
        void *to;
        size_t bytes;
    } part[] = {
        {&v->count, GLINT_VOXELS_COUNTS * sizeof(int32_t)},
        {&v->point, points},
        {&v->voxel, points},
        {&v->start, voxels + 4},
        {&v->coord, 3 * voxels},
        {&v->key[0], points},
        {&v->key[1], points},
        {&v->order[0], points},
        {&v->order[1], points},
        {&v->block, (size_t)block_count(cap_points) * sizeof(int32_t)},
        {&v->temp, v->temp_bytes},
    };
    size_t total = 0;
    for (size_t i = 0; i < sizeof part / sizeof *part; i++) {
        if (memory)
            *(void **)part[i].to = (char *)memory + total;
        total += rounded(part[i].bytes);
    }
    return total;
}

size_t glint_voxels_cuda_bytes(int32_t cap_points, int32_t cap_voxels)
{
    struct glint_voxels_cuda unused;
    return cap_points < 1 || cap_voxels < 1 ? 0 : carve(&unused, NULL, cap_points, cap_voxels);
}

void glint_voxels_cuda_init(struct glint_voxels_cuda *v, void *memory, int32_t cap_points, int32_t cap_voxels)
{
    *v = {};
    v->cap_points = cap_points;
    v->cap_voxels = cap_voxels;
    (void)carve(v, memory, cap_points, cap_voxels);
    v->sorted = v->order[0];
}

static struct place make_place(const struct glint_grid *g, const int32_t *n, int32_t most, int32_t side,
                               const struct glint_voxels_cuda *v)
{
    struct place p = {};
    p.key = v->key[side];
    p.order = v->order[side];
    p.n = n;
    p.most = most;
    p.cap = v->cap_voxels;
    p.none = glint_grid_cells(g);
    p.fast = g->x_major ? 2 : 0;
    p.n_fast = (uint32_t)g->dim[p.fast];
    p.n_middle = (uint32_t)g->dim[1];
    p.drop_first = g->drop_first;
    p.block = v->block;
    p.count = v->count;
    p.point = v->point;
    p.voxel = v->voxel;
    p.start = v->start;
    p.coord = v->coord;
    return p;
}

int glint_voxelize_cuda(struct glint_stream *s, const struct glint_grid *g, const float *x, const float *y,
                        const float *z, const int32_t *n, int32_t most, bool no_filter,
                        struct glint_voxels_cuda *v)
{
    struct glint_grid grid = *g;
    grid.filter = g->filter && !no_filter;
    int status = glint_grid_check(g);
    if (status != GLINT_OK)
        return status;
    if (most < 1 || most > v->cap_points)
        return glint_fail(GLINT_E_ARG, "voxelisation of up to %d points, the capacity is %d", most,
                          v->cap_points);
    struct cells c = {};
    glint_cell_rule(&grid, &c.rule);
    c.x = x;
    c.y = y;
    c.z = z;
    c.n = n;
    c.most = most;
    c.clamp = grid.clamp;
    c.key = v->key[0];
    c.order = v->order[0];
    GLINT_TRY(GLINT_LAUNCH(find_cells, (most + CELL_THREADS - 1) / CELL_THREADS, CELL_THREADS, 0, s, c));
    int32_t side = 0;
    status = glint_sort_cuda(s, v->key, v->order, most, glint_sort_bits(c.rule.none), v->temp, v->temp_bytes,
                             &side);
    if (status != GLINT_OK)
        return status;
    v->sorted = v->order[side];
    const struct place p = make_place(&grid, n, most, side, v);
    GLINT_TRY(GLINT_LAUNCH(count_voxels, block_count(most), GLINT_SCAN_THREADS, 0, s, p));
    GLINT_TRY(GLINT_LAUNCH(place_voxels, block_count(most), GLINT_SCAN_THREADS, 0, s, p));
    return GLINT_OK;
}
