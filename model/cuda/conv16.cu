/* model/cuda/conv16.cu - convolutions of maps of 16 bits on tensor cores; see conv.h, conv16.cuh.
 *
 * Both kernels are implicit products: a block of 256 threads makes 128 pixels x up to 128 outputs, its sums
 * in registers, while inputs and weights arrive in shared memory by asynchronous copies. Weights come in the
 * order in which lanes multiply them (16 bytes per lane and block of 16 x 16), so that shared memory is read
 * without conflicts; rows of pixels are 16 bytes longer than their channels, for the same reason. A row is a
 * pixel of its own: what lies in unwanted pixels of a tile reaches no other, and is not written. The first
 * blocks of a launch write the background where it is wanted.
 *
 * tiles: 3x3, stride 1. Two tiles of 8 x 8 pixels with their halo, 32 or 64 channels at a time, two such
 * chunks under way, and the weights of a tap and chunk, three under way. An input pixel is read 1.56 times,
 * not nine.
 *
 *   launch     (tiles / 2) x (n / 128) x 256 threads, after 64 blocks of background
 *   resources  127 registers, 107 KB shared (64 channels) or 57 KB; n <= 64: 95, 82 KB, 44 KB; n <= 16: 62,
 *              64 KB, 35 KB (sm_90, no spills): two blocks on a multiprocessor
 *   work       2 * 9 * k * n FLOPs per pixel of its tiles; 3.1 k + 2 n bytes per pixel from memory, 18 k n
 *              per block from the cache of level two
 *   limit      tensor cores; per 16 products of a warp (65 kFLOP) 3 KB are read from shared memory
 *
 * rows: everything else. 128 pixels of a list, 32 channels of a tap at a time, three such steps under way.
 *
 *   launch     (pixels / 128) x (n / 128) x places x 256 threads, after 64 blocks of background
 *   resources  126 registers, 55 KB shared; n <= 64: 101, 43 KB; n <= 16: 66, 34 KB (sm_90, no spills)
 *   work       2 * taps * k * n FLOPs per pixel; 2 * taps * k bytes per pixel from the cache of level two
 *   limit      tensor cores for 1x1 and transposed ones; that cache for the others */
#include "model/cuda/product16.cuh"
#include "model/cuda/fill.cuh"

#define SIDE  GLINT_CUDA_TILE
#define HALO  (SIDE + 2)
#define TILES (ROWS / (SIDE * SIDE))

#define FILL_BLOCKS 64 /* that write the background beside the others */

static int32_t blocks_of(int32_t n)
{
    return (n + BLOCK - 1) / BLOCK;
}

size_t glint_conv16_values(int32_t taps, int32_t k, int32_t n)
{
    return (size_t)taps * (size_t)blocks_of(k) * (size_t)blocks_of(n) * VALUES;
}

static float weight_at(const struct glint_weights *w, int64_t i, int64_t j)
{
    return w->panels[(j / GLINT_PANEL * w->k + i) * GLINT_PANEL + j % GLINT_PANEL];
}

static uint16_t to_half(float v, enum glint_dtype type)
{
    return type == GLINT_DTYPE_F16 ? __half_as_ushort(__float2half_rn(v))
                                   : __bfloat16_as_ushort(__float2bfloat16_rn(v));
}

void glint_conv16_pack(const struct glint_cuda_conv *c, const struct glint_weights *w, uint16_t *to)
{
    const int64_t k_blocks = blocks_of(c->k), n_blocks = blocks_of(c->n), taps = c->kernel * c->kernel;
    for (int64_t b = 0; b < taps * k_blocks * n_blocks; b++)
        for (int64_t i = 0; i < VALUES; i++) {
            const int64_t lane = i / 8, v = i % 8, tap = b / n_blocks / k_blocks;
            const int64_t k = b / n_blocks % k_blocks * BLOCK + 2 * (lane % 4) + (v % 2) + 8 * (v / 2 % 2);
            const int64_t n = b % n_blocks * BLOCK + lane / 4 + 8 * (v / 4);
            to[b * VALUES + i] = k < c->k && n < c->n ? to_half(weight_at(w, tap * c->k + k, n), c->type) : 0;
        }
}

struct conv16 { /* a kernel's own view of a job */
    struct glint_conv16_job job;
    int32_t k, n, k_blocks, n_blocks;
    bool pieces;                         /* inputs lie in whole, aligned pieces of 16 bytes */
    const struct glint_cuda_tile *tiles; /* NULL: all */
    const int32_t *n_tiles;
    int32_t cap_tiles, tiles_across;
    struct fill_job fill; /* by the first blocks */
};

/* Which block of the convolution this one is; negative: it has done its share of the background. */
static __device__ __forceinline__ int32_t block_of(const struct conv16 &p)
{
    const int32_t block = (int32_t)blockIdx.x - p.fill.blocks;
    if (block < 0 && blockIdx.y == 0 && blockIdx.z == 0)
        fill_some(p.fill, (int32_t)blockIdx.x, p.fill.blocks);
    return block;
}

/* PIECE values of a pixel from channel c on, to shared memory: zeros beyond the map and beyond the channels.
 */
template <class T>
static __device__ __forceinline__ void load_piece(const struct conv16 &p, T *to, int32_t y, int32_t x,
                                                  int32_t c)
{
    const struct glint_cuda_map &in = p.job.in;
    const bool inside = y >= 0 && y < in.h && x >= 0 && x < in.w;
    load_piece_of(to, inside ? (const T *)in.data + pixel_at(in, y, x) : NULL, c, p.k, p.pieces);
}

/* The weights of a tap, of the block's place. */
template <class T> static __device__ __forceinline__ const T *weights_of(const struct conv16 &p, int32_t tap)
{
    const int64_t map = (int64_t)blockIdx.z * p.job.kernel * p.job.kernel + tap;
    return (const T *)p.job.weights + map * p.k_blocks * p.n_blocks * VALUES;
}

/* Two neighbouring outputs of a pixel. */
template <class T>
static __device__ __forceinline__ void store_pair(const struct conv16 &p, int32_t y, int32_t x, int32_t j,
                                                  float v0, float v1)
{
    const struct glint_cuda_map &out = p.job.out;
    const int64_t at = pixel_at(out, y, x) + j;
    if (j >= p.n)
        return;
    v0 = p.job.finished(y, x, j, v0);
    if (j + 1 < p.n)
        v1 = p.job.finished(y, x, j + 1, v1);
    if (j + 1 < p.n && out.type != GLINT_DTYPE_F32 && ((uintptr_t)((T *)out.data + at) & 3) == 0) {
        *(uint32_t *)((T *)out.data + at) = glint_pack<T>(v0, v1);
        return;
    }
    store_number(out.data, out.type, at, v0);
    if (j + 1 < p.n)
        store_number(out.data, out.type, at + 1, v1);
}

/* where(row, &y, &x): the output's pixel of a row of the block; false: none. */
template <class T, int NB, class Where>
static __device__ __forceinline__ void store_sums(const struct conv16 &p, const struct conv_sums<NB> &s,
                                                  Where where)
{
    const int32_t warp = (int32_t)threadIdx.x / 32, warp_n = warp % conv_shape<NB>::warps_n,
                  warp_m = warp / conv_shape<NB>::warps_n;
    const int32_t n0 = ((int32_t)blockIdx.y * NB + warp_n * conv_shape<NB>::NT) * BLOCK;
#pragma unroll
    for (int i = 0; i < conv_shape<NB>::MT; i++)
#pragma unroll
        for (int half = 0; half < 2; half++) {
            int32_t y, x;
            if (!where((warp_m * conv_shape<NB>::MT + i) * 16 + glint_fragment_row(2 * half), &y, &x))
                continue;
#pragma unroll
            for (int j = 0; j < 2 * conv_shape<NB>::NT; j++)
                store_pair<T>(p, y, x, n0 + 8 * j + glint_fragment_column(0), s.c[i][j].x[2 * half],
                              s.c[i][j].x[2 * half + 1]);
        }
}

/* Rows: pixels of a list. */

#define ROW_CHUNK 32
#define ROW_LD    (ROW_CHUNK + PIECE)

template <int NB> struct conv_rows_shared {
    static const int a = ROWS * ROW_LD, b = ROW_CHUNK / BLOCK * NB * VALUES;
    static const size_t bytes = STAGES * (size_t)(a + b) * 2;
};

/* Step i: a tap and a chunk of channels, to their stage. Two threads per row, two pieces each. */
template <class T, int NB>
static __device__ __forceinline__ void load_rows(const struct conv16 &p, T *shared, int32_t step,
                                                 int32_t chunks, int32_t first, int32_t n_rows)
{
    typedef struct conv_rows_shared<NB> part;
    T *a = shared + step % STAGES * (part::a + part::b);
    const int32_t row = (int32_t)threadIdx.x / 2, tap = step / chunks, c0 = step % chunks * ROW_CHUNK;
    int32_t y = -1, x = -1;
    if (first + row < n_rows)
        p.job.input(first + row, tap, &y, &x);
    for (int32_t i = 0; i < 2; i++) {
        const int32_t c = ((int32_t)threadIdx.x % 2 * 2 + i) * PIECE;
        load_piece(p, a + row * ROW_LD + c, y, x, c0 + c);
    }
    load_weights<T, NB, ROW_CHUNK / BLOCK>(weights_of<T>(p, tap), c0 / BLOCK, p.k_blocks, p.n_blocks,
                                           (int32_t)blockIdx.y * NB, a + part::a);
}

template <class T, int NB> static __global__ void __launch_bounds__(THREADS, 2) rows(struct conv16 p)
{
    GLINT_SHARED_BYTES(bytes);
    typedef struct conv_rows_shared<NB> part;
    T *shared = (T *)bytes;
    const int32_t n_rows = p.job.n_rows(), block = block_of(p), first = block * ROWS;
    const int32_t chunks = (p.k + ROW_CHUNK - 1) / ROW_CHUNK, steps = p.job.kernel * p.job.kernel * chunks;
    const int32_t warp_m = (int32_t)threadIdx.x / 32 / conv_shape<NB>::warps_n, lane = glint_lane();
    struct conv_sums<NB> sum;
    if (block < 0 || first >= n_rows)
        return;
    clear(sum);
    for (int32_t i = 0; i < STAGES - 1; i++) {
        if (i < steps)
            load_rows<T, NB>(p, shared, i, chunks, first, n_rows);
        glint_async_commit();
    }
    for (int32_t step = 0; step < steps; step++) {
        glint_async_wait<STAGES - 2>();
        __syncthreads();
        if (step + STAGES - 1 < steps)
            load_rows<T, NB>(p, shared, step + STAGES - 1, chunks, first, n_rows);
        glint_async_commit();
        const T *stage = shared + step % STAGES * (part::a + part::b);
#pragma unroll
        for (int32_t k = 0; k < ROW_CHUNK / BLOCK; k++) {
            const T *a[conv_shape<NB>::MT];
#pragma unroll
            for (int i = 0; i < conv_shape<NB>::MT; i++)
                a[i] = stage + ((warp_m * conv_shape<NB>::MT + i) * 16 + lane % 16) * ROW_LD + k * BLOCK +
                       lane / 16 * 8;
            multiply<T, NB>(sum, a, stage + part::a + k * NB * VALUES);
        }
    }
    glint_async_wait<0>();
    store_sums<T, NB>(p, sum, [&](int32_t row, int32_t *y, int32_t *x) {
        if (first + row >= n_rows)
            return false;
        p.job.output(first + row, (int32_t)blockIdx.z, y, x);
        return true;
    });
}

/* Tiles: 3x3, stride 1. */

template <int NB, int CHUNK> struct conv_tiles_shared {
    static const int ld = CHUNK + PIECE, halo = TILES * HALO * HALO * ld,
                     weights = CHUNK / BLOCK * NB * VALUES;
    static const size_t bytes = (2 * (size_t)halo + STAGES * (size_t)weights) * 2;
};

/* Tile i of the list; of the map where all are meant. pixels 0: none. */
static __device__ struct glint_cuda_tile tile_of(const struct conv16 &p, int32_t i, int32_t n_tiles)
{
    struct glint_cuda_tile t = {0, 0, 0, 0};
    if (i >= n_tiles)
        return t;
    if (p.tiles)
        return p.tiles[i];
    t.y = (uint16_t)(i / p.tiles_across * SIDE);
    t.x = (uint16_t)(i % p.tiles_across * SIDE);
    t.pixels = ~UINT64_C(0);
    return t;
}

/* A chunk of the tiles' channels, with what is around them. */
template <class T, int NB, int CHUNK>
static __device__ __forceinline__ void load_halo(const struct conv16 &p, T *to,
                                                 const struct glint_cuda_tile *tiles, int32_t chunk)
{
    const int32_t per_pixel = CHUNK / PIECE;
    for (int32_t i = (int32_t)threadIdx.x; i < TILES * HALO * HALO * per_pixel; i += THREADS) {
        const int32_t pixel = i / per_pixel, c = i % per_pixel * PIECE, tile = pixel / (HALO * HALO);
        const int32_t y = pixel / HALO % HALO - 1, x = pixel % HALO - 1;
        const bool wanted = tiles[tile].pixels != 0;
        load_piece(p, to + pixel * conv_tiles_shared<NB, CHUNK>::ld + c, wanted ? tiles[tile].y + y : -1,
                   tiles[tile].x + x, chunk * CHUNK + c);
    }
}

template <class T, int NB, int CHUNK>
static __global__ void __launch_bounds__(THREADS, 2) tiles(struct conv16 p)
{
    GLINT_SHARED_BYTES(bytes);
    typedef struct conv_tiles_shared<NB, CHUNK> part;
    __shared__ struct glint_cuda_tile tile[TILES];
    T *halo = (T *)bytes, *weights = halo + 2 * part::halo;
    const int32_t n_tiles = p.tiles ? min(*p.n_tiles, p.cap_tiles) : p.cap_tiles, t = (int32_t)threadIdx.x;
    const int32_t chunks = (p.k + CHUNK - 1) / CHUNK, steps = chunks * 9;
    const int32_t warp_m = t / 32 / conv_shape<NB>::warps_n, lane = glint_lane();
    const int32_t block = block_of(p), n0 = (int32_t)blockIdx.y * NB;
    struct conv_sums<NB> sum;
    if (block < 0 || block * TILES >= n_tiles)
        return;
    if (t < TILES)
        tile[t] = tile_of(p, block * TILES + t, n_tiles);
    __syncthreads();
    clear(sum);
    load_halo<T, NB, CHUNK>(p, halo, tile, 0);
    for (int32_t i = 0; i < STAGES - 1; i++) { /* nine steps at least */
        load_weights<T, NB, CHUNK / BLOCK>(weights_of<T>(p, i), 0, p.k_blocks, p.n_blocks, n0,
                                           weights + i * part::weights);
        glint_async_commit();
    }
    int32_t own[conv_shape<NB>::MT]; /* this lane's rows: their pixels among the halos */
#pragma unroll
    for (int i = 0; i < conv_shape<NB>::MT; i++) {
        const int32_t row = (warp_m * conv_shape<NB>::MT + i) * 16 + lane % 16, pixel = row % (SIDE * SIDE);
        own[i] = (row / (SIDE * SIDE) * HALO * HALO + pixel / SIDE * HALO + pixel % SIDE) * part::ld +
                 lane / 16 * 8;
    }
    for (int32_t step = 0; step < steps; step++) {
        const int32_t chunk = step / 9, tap = step % 9, next = step + STAGES - 1;
        glint_async_wait<STAGES - 2>();
        __syncthreads();
        if (tap == 0 && chunk + 1 < chunks)
            load_halo<T, NB, CHUNK>(p, halo + (chunk + 1) % 2 * part::halo, tile, chunk + 1);
        if (next < steps)
            load_weights<T, NB, CHUNK / BLOCK>(weights_of<T>(p, next % 9), next / 9 * (CHUNK / BLOCK),
                                               p.k_blocks, p.n_blocks, n0,
                                               weights + next % STAGES * part::weights);
        glint_async_commit();
        const T *from = halo + chunk % 2 * part::halo + (tap / 3 * HALO + tap % 3) * part::ld;
        const T *w = weights + step % STAGES * part::weights;
#pragma unroll
        for (int32_t k = 0; k < CHUNK / BLOCK; k++) {
            const T *a[conv_shape<NB>::MT];
#pragma unroll
            for (int i = 0; i < conv_shape<NB>::MT; i++)
                a[i] = from + own[i] + k * BLOCK;
            multiply<T, NB>(sum, a, w + k * NB * VALUES);
        }
    }
    glint_async_wait<0>();
    store_sums<T, NB>(p, sum, [&](int32_t row, int32_t *y, int32_t *x) {
        const struct glint_cuda_tile &own_tile = tile[row / (SIDE * SIDE)];
        const int32_t pixel = row % (SIDE * SIDE);
        *y = own_tile.y + pixel / SIDE;
        *x = own_tile.x + pixel % SIDE;
        return (own_tile.pixels >> pixel & 1) && *y < p.job.out.h && *x < p.job.out.w;
    });
}

/* The choice. */

template <class T, int NB> static int launch_rows(struct glint_stream *s, const struct conv16 &p)
{
    const dim3 grid((unsigned)p.fill.blocks + glint_blocks(p.job.cap, ROWS), glint_blocks(p.n_blocks, NB),
                    (unsigned)(p.job.scale * p.job.scale));
    return GLINT_LAUNCH((rows<T, NB>), grid, THREADS, conv_rows_shared<NB>::bytes, s, p);
}

template <class T, int NB> static int launch_tiles(struct glint_stream *s, const struct conv16 &p)
{
    const dim3 grid((unsigned)p.fill.blocks + glint_blocks(p.cap_tiles, TILES), glint_blocks(p.n_blocks, NB));
    const int most = glint_device_shared_bytes(glint_stream_device(s));
    const bool wide = p.k % 64 == 0 && (size_t)most >= conv_tiles_shared<NB, 64>::bytes +
                                                           sizeof(struct glint_cuda_tile) * TILES;
    if (wide)
        return GLINT_LAUNCH((tiles<T, NB, 64>), grid, THREADS, (conv_tiles_shared<NB, 64>::bytes), s, p);
    return GLINT_LAUNCH((tiles<T, NB, 32>), grid, THREADS, (conv_tiles_shared<NB, 32>::bytes), s, p);
}

template <class T, int NB> static int launch(struct glint_stream *s, const struct conv16 &p, bool by_tiles)
{
    return by_tiles ? launch_tiles<T, NB>(s, p) : launch_rows<T, NB>(s, p);
}

template <class T> static int launch_typed(struct glint_stream *s, const struct conv16 &p, bool by_tiles)
{
    if (p.n_blocks <= 1)
        return launch<T, 1>(s, p, by_tiles);
    return p.n_blocks <= 4 ? launch<T, 4>(s, p, by_tiles) : launch<T, 8>(s, p, by_tiles);
}

int glint_conv16(struct glint_stream *s, const struct glint_cuda_conv *c, const struct glint_conv16_job *job,
                 const struct glint_cuda_places *at)
{
    const struct glint_cuda_map *in = &job->in, *out = &job->out;
    const bool listed = at && at->tiles, whole = !job->pixels && !listed;
    const bool by_tiles =
        c->kernel == 3 && c->stride == 1 && job->dilation == 1 && c->scale == 1 && (listed || whole);
    struct conv16 p;
    memset(&p, 0, sizeof p);
    p.job = *job;
    p.k = c->k;
    p.n = c->n;
    p.k_blocks = blocks_of(c->k);
    p.n_blocks = blocks_of(c->n);
    p.pieces =
        c->k % PIECE == 0 && in->ld % PIECE == 0 && in->pitch % PIECE == 0 && (uintptr_t)in->data % 16 == 0;
    p.tiles = listed ? at->tiles : NULL;
    p.n_tiles = listed ? at->n_tiles : NULL;
    p.tiles_across = (out->w + SIDE - 1) / SIDE;
    p.cap_tiles = listed ? at->cap_tiles : (out->h + SIDE - 1) / SIDE * p.tiles_across;
    if (at && at->fill) {
        GLINT_TRY(fill_check(at->background, out));
        p.fill = fill_job_of(at->background, at->fill, at->n_fill, at->cap_fill, out, FILL_BLOCKS);
    }
    return c->type == GLINT_DTYPE_F16 ? launch_typed<__half>(s, p, by_tiles)
                                      : launch_typed<__nv_bfloat16>(s, p, by_tiles);
}
