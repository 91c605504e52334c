/* voxel/cuda/window.cu - see window.h.
 *
 * Keys are distinct and bounded by the grid, so that no sort is needed: a key's rank is how many smaller ones
 * are there. All orders at once in four launches: clear a bitmap per order, set the bit of every pillar's
 * key, count the bits before each word within its block of words, and look up each pillar's rank.
 * FlatFormer's grid of 468 has 1.8 million keys, 0.9 MB of bitmaps for four orders; four radix sorts would be
 * some 24 launches. Where the bitmap would be beyond BITMAP_MAX, keys are sorted.
 *
 * Bytes: 2 / 8 per key of the bitmaps written and read twice, 12 + 8 per pillar and order. Limited by launch
 * latency. sm_90: 15 to 26 registers, 8228 bytes of shared memory in the last. */
#include "voxel/cuda/window.h"
#include "voxel/cuda/scan.cuh"
#include "voxel/cuda/sort.h"
extern "C" {
#include "voxel/sort.h"
}

#define BITMAP_MAX (1u << 26) /* keys: 8 MB, 2048 blocks of words */
#define WORDS      1024       /* of a block, 4 per thread */
#define EACH       (WORDS / GLINT_SCAN_THREADS)
#define THREADS    256

struct order { /* what a key is made of */
    int32_t style, axis, shift, window;
    int32_t n;        /* windows per row: as in the keys */
    int32_t n_blocks; /* of words */
    int32_t grid;
    uint32_t *word;  /* n_blocks x WORDS: the bitmap */
    int32_t *before; /* bits before a word within its block */
    int32_t *block;  /* n_blocks: bits of a block */
    int32_t *perm;
};
struct orders {
    struct order order[GLINT_WINDOW_ORDERS];
    const int32_t *coord, *n;
    int32_t most;
};

/* As snake_key in voxel/window.c. */
static __device__ inline uint32_t snake_key(const struct order &o, int32_t a, int32_t b)
{
    const int32_t w = o.window, m = 2 * w;
    const int64_t wa = a / w, ia = a % w, wb = b / w, ib = b % w;
    const int64_t row_sign = wa % 2 ? -1 : 1, column_sign = ib % 2 ? -1 : 1;
    return (uint32_t)((o.n * wa + row_sign * wb) * m * m + row_sign * (m * ib + column_sign * ia));
}

static __device__ inline uint32_t plain_key(const struct order &o, uint32_t a, uint32_t b)
{
    const uint32_t w = (uint32_t)o.window, n = (uint32_t)o.n;
    return ((a / w * n + b / w) * w + a % w) * w + b % w;
}

static __device__ inline uint32_t key_of(const struct order &o, const int32_t *coord)
{
    const int32_t x = coord[0] + o.shift, y = coord[1] + o.shift;
    const int32_t own = o.axis ? y : x, other = o.axis ? x : y;
    return o.style == GLINT_WINDOW_SNAKE ? snake_key(o, other, own)
                                         : plain_key(o, (uint32_t)own, (uint32_t)other);
}

/* The i-th pillar's key, and whether it lies in the grid: another's would be outside of the bitmap. */
static __device__ inline bool find_key(const struct orders &all, const struct order &o, int32_t i,
                                       uint32_t *key_out)
{
    const int32_t *coord = all.coord + 3 * (int64_t)i;
    const uint32_t grid = (uint32_t)o.grid;
    if (i >= *all.n || i >= all.most || (uint32_t)coord[0] >= grid || (uint32_t)coord[1] >= grid)
        return false;
    *key_out = key_of(o, coord);
    return true;
}

static __global__ void __launch_bounds__(THREADS) clear_words(const struct orders all)
{
    const struct order &o = all.order[blockIdx.y];
    const int32_t words = o.n_blocks * WORDS, step = (int32_t)(gridDim.x * THREADS);
    for (int32_t i = (int32_t)(blockIdx.x * THREADS + threadIdx.x); i < words; i += step)
        o.word[i] = 0;
}

static __global__ void __launch_bounds__(THREADS) mark_keys(const struct orders all)
{
    const struct order &o = all.order[blockIdx.y];
    uint32_t key;
    if (find_key(all, o, (int32_t)(blockIdx.x * THREADS + threadIdx.x), &key))
        atomicOr(&o.word[key / 32], 1u << key % 32);
}

static __global__ void __launch_bounds__(GLINT_SCAN_THREADS) count_words(const struct orders all)
{
    __shared__ int32_t shared[GLINT_SCAN_WARPS];
    const struct order &o = all.order[blockIdx.y];
    if ((int32_t)blockIdx.x >= o.n_blocks)
        return;
    const int32_t first = (int32_t)(blockIdx.x * WORDS + threadIdx.x * EACH);
    int32_t bits[EACH], sum = 0, total;
    for (int k = 0; k < EACH; k++) {
        bits[k] = (int32_t)__popc(o.word[first + k]);
        sum += bits[k];
    }
    int32_t before = glint_scan_block(sum, shared, &total);
    for (int k = 0; k < EACH; k++) {
        o.before[first + k] = before;
        before += bits[k];
    }
    if (threadIdx.x == 0)
        o.block[blockIdx.x] = total;
}

/* The first thing is a scan of the blocks' sums, by every block anew: at most 2048 of them. */
static __global__ void __launch_bounds__(GLINT_SCAN_THREADS) place_pillars(const struct orders all)
{
    __shared__ int32_t block_before[BITMAP_MAX / 32 / WORDS + 1];
    __shared__ int32_t shared[GLINT_SCAN_WARPS];
    const struct order &o = all.order[blockIdx.y];
    int32_t carried = 0;
    for (int32_t first = 0; first < o.n_blocks; first += GLINT_SCAN_THREADS) {
        const int32_t b = first + (int32_t)threadIdx.x;
        int32_t total;
        const int32_t before = glint_scan_block(b < o.n_blocks ? o.block[b] : 0, shared, &total);
        if (b < o.n_blocks)
            block_before[b] = carried + before;
        carried += total;
        __syncthreads();
    }
    const int32_t i = (int32_t)(blockIdx.x * GLINT_SCAN_THREADS + threadIdx.x);
    uint32_t key;
    if (!find_key(all, o, i, &key))
        return;
    const uint32_t word = key / 32, below = (1u << key % 32) - 1;
    o.perm[block_before[word / WORDS] + o.before[word] + (int32_t)__popc(o.word[word] & below)] = i;
}

/* Keys for a sort; behind all of them the padding, whose bits are all set and which comes later. */
static __global__ void __launch_bounds__(THREADS)
    write_keys(const struct orders all, int32_t which, uint32_t *key_out, int32_t *value_out)
{
    const int32_t i = (int32_t)(blockIdx.x * THREADS + threadIdx.x);
    if (i >= all.most)
        return;
    uint32_t key = 0xffffffffu;
    (void)find_key(all, all.order[which], i, &key);
    key_out[i] = key;
    value_out[i] = i;
}

static __global__ void __launch_bounds__(THREADS)
    copy_order(const int32_t *from, const int32_t *n, int32_t most, int32_t *to)
{
    const int32_t i = (int32_t)(blockIdx.x * THREADS + threadIdx.x);
    if (i < most && i < *n)
        to[i] = from[i];
}

static size_t rounded(size_t bytes)
{
    return (bytes + 255) / 256 * 256;
}

static bool by_bitmap(const struct glint_window_order *o)
{
    return glint_window_key_max(o) < BITMAP_MAX;
}

static int32_t word_blocks(const struct glint_window_order *o)
{
    return (int32_t)(glint_window_key_max(o) / 32 / WORDS + 1);
}

static size_t bitmap_bytes(const struct glint_window_order *o)
{
    const size_t blocks = (size_t)word_blocks(o);
    return 2 * rounded(blocks * WORDS * 4) + rounded(blocks * 4);
}

size_t glint_window_sort_cuda_bytes(const struct glint_window_order *order, int32_t n_orders, int32_t cap)
{
    size_t bitmaps = 0, sorts = 0;
    for (int32_t k = 0; k < n_orders; k++) {
        if (by_bitmap(&order[k]))
            bitmaps += bitmap_bytes(&order[k]);
        else
            sorts = 4 * rounded((size_t)cap * 4) + glint_sort_cuda_bytes(cap);
    }
    return bitmaps + sorts;
}

static struct order make_order(const struct glint_window_order *g, int32_t *perm)
{
    struct order o = {};
    o.style = (int32_t)g->style;
    o.axis = g->axis;
    o.shift = g->shift;
    o.window = g->window;
    o.grid = g->grid;
    o.n = g->style == GLINT_WINDOW_SNAKE ? 2 * ((g->grid + g->window - 1) / g->window + 1)
                                         : g->grid / g->window + 2;
    o.perm = perm;
    return o;
}

static int run_bitmaps(struct glint_stream *s, const struct orders &all, int32_t n_orders, int32_t blocks)
{
    const dim3 words((unsigned)blocks, (unsigned)n_orders);
    const dim3 pillars(glint_blocks(all.most, THREADS), (unsigned)n_orders);
    GLINT_TRY(GLINT_LAUNCH(clear_words, words, THREADS, 0, s, all));
    GLINT_TRY(GLINT_LAUNCH(mark_keys, pillars, THREADS, 0, s, all));
    GLINT_TRY(GLINT_LAUNCH(count_words, words, GLINT_SCAN_THREADS, 0, s, all));
    return GLINT_LAUNCH(place_pillars, pillars, GLINT_SCAN_THREADS, 0, s, all);
}

static int run_sort(struct glint_stream *s, const struct orders &all, int32_t which, int32_t bits,
                    uint8_t *scratch)
{
    const size_t array = rounded((size_t)all.most * 4);
    uint32_t *const key[2] = {(uint32_t *)scratch, (uint32_t *)(scratch + array)};
    int32_t *const value[2] = {(int32_t *)(scratch + 2 * array), (int32_t *)(scratch + 3 * array)};
    const unsigned blocks = glint_blocks(all.most, THREADS);
    int32_t side;
    GLINT_TRY(GLINT_LAUNCH(write_keys, blocks, THREADS, 0, s, all, which, key[0], value[0]));
    GLINT_TRY(glint_sort_cuda(s, key, value, all.most, bits, scratch + 4 * array,
                              glint_sort_cuda_bytes(all.most), &side));
    return GLINT_LAUNCH(copy_order, blocks, THREADS, 0, s, value[side], all.n, all.most,
                        all.order[which].perm);
}

int glint_window_sort_cuda(struct glint_stream *s, const struct glint_window_order *order, int32_t n_orders,
                           const int32_t *coord, const int32_t *n, int32_t most, int32_t *const *perm_out,
                           void *scratch)
{
    if (n_orders < 1 || n_orders > GLINT_WINDOW_ORDERS || most < 1)
        return glint_fail(GLINT_E_ARG, "%d window orders of up to %d pillars: 1 to %d and 1 or more wanted",
                          n_orders, most, GLINT_WINDOW_ORDERS);
    struct orders bitmaps = {};
    bitmaps.coord = coord;
    bitmaps.n = n;
    bitmaps.most = most;
    struct orders sorts = bitmaps;
    int32_t n_bitmaps = 0, blocks = 0;
    uint8_t *at = (uint8_t *)scratch;
    for (int32_t k = 0; k < n_orders; k++) {
        GLINT_TRY(glint_window_check(&order[k]));
        if (!by_bitmap(&order[k]))
            continue;
        struct order *o = &bitmaps.order[n_bitmaps++];
        *o = make_order(&order[k], perm_out[k]);
        o->n_blocks = word_blocks(&order[k]);
        o->word = (uint32_t *)at;
        o->before = (int32_t *)(at + rounded((size_t)o->n_blocks * WORDS * 4));
        o->block = (int32_t *)(at + 2 * rounded((size_t)o->n_blocks * WORDS * 4));
        blocks = o->n_blocks > blocks ? o->n_blocks : blocks;
        at += bitmap_bytes(&order[k]);
    }
    if (n_bitmaps > 0)
        GLINT_TRY(run_bitmaps(s, bitmaps, n_bitmaps, blocks));
    for (int32_t k = 0; k < n_orders; k++)
        if (!by_bitmap(&order[k])) {
            sorts.order[0] = make_order(&order[k], perm_out[k]);
            GLINT_TRY(run_sort(s, sorts, 0, glint_sort_bits(glint_window_key_max(&order[k])), at));
        }
    return GLINT_OK;
}
