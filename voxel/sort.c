/* voxel/sort.c - least-significant-digit radix sort; see sort.h.
 *
 * The fewest passes of at most 11 bits, of equal width: 2048 counters and write positions still live in the
 * first two cache levels. The input is cut into pieces; each pass counts the digits per piece, gives every
 * (digit, piece) its place by one running sum, digit first, and lets each piece write its elements in order.
 * That order is the stable one whatever the number of pieces or threads. */
#include "voxel/sort.h"
#include <assert.h>
#include <string.h>

#define DIGIT_BITS 11
#define DIGITS     (1 << DIGIT_BITS)
#define PIECES_MAX 16
#define PIECE_MIN  16384 /* below this a piece costs more in counters than it gains */

struct pass {
    const uint32_t *key;
    const int32_t *order; /* NULL in the first pass: 0, 1, 2 ... */
    uint32_t *key_out;    /* NULL when nobody wants them any more */
    int32_t *order_out;
    int32_t n, piece; /* elements, elements per piece */
    int32_t shift;
    uint32_t mask;
    uint32_t (*place)[DIGITS]; /* per piece: counts, then the next place to write */
};

int32_t glint_sort_bits(uint32_t largest)
{
    int32_t bits = 0;
    for (; largest; largest >>= 1)
        bits++;
    return bits;
}

/* Neighbouring points often share a digit, and a counter cannot be read back before it is written: even and
 * odd elements have their own counters. */
static void count(const struct pass *p, int32_t first, int32_t last, uint32_t *restrict even)
{
    uint32_t odd[DIGITS];
    const uint32_t *restrict key = p->key;
    const uint32_t mask = p->mask;
    const int32_t shift = p->shift;
    memset(even, 0, ((size_t)mask + 1) * sizeof *even);
    memset(odd, 0, ((size_t)mask + 1) * sizeof *odd);
    int32_t i = first;
    for (; i < last - 1; i += 2) {
        even[(key[i] >> shift) & mask]++;
        odd[(key[i + 1] >> shift) & mask]++;
    }
    if (i < last)
        even[(key[i] >> shift) & mask]++;
    for (uint32_t digit = 0; digit <= mask; digit++)
        even[digit] += odd[digit];
}

static void count_piece(void *ctx, int64_t begin, int64_t end, int worker)
{
    (void)worker;
    const struct pass *p = ctx;
    for (int64_t piece = begin; piece < end; piece++) {
        const int32_t first = (int32_t)piece * p->piece;
        count(p, first, p->n - first > p->piece ? first + p->piece : p->n, p->place[piece]);
    }
}

/* Values in locals: stores to the counters and outputs could otherwise change what p holds. */
static inline void move(const struct pass *p, uint32_t *restrict place, int32_t first, int32_t last,
                        bool positions, bool with_keys)
{
    const uint32_t *restrict key = p->key, mask = p->mask;
    const int32_t *restrict order = p->order, shift = p->shift;
    uint32_t *restrict key_out = p->key_out;
    int32_t *restrict order_out = p->order_out;
    for (int32_t i = first; i < last; i++) {
        const uint32_t k = key[i];
        const uint32_t to = place[(k >> shift) & mask]++;
        order_out[to] = positions ? i : order[i];
        if (with_keys)
            key_out[to] = k;
    }
}

static void move_piece(void *ctx, int64_t begin, int64_t end, int worker)
{
    (void)worker;
    const struct pass *p = ctx;
    for (int64_t piece = begin; piece < end; piece++) {
        const int32_t first = (int32_t)piece * p->piece;
        const int32_t last = p->n - first > p->piece ? first + p->piece : p->n;
        uint32_t *place = p->place[piece];
        if (!p->order && p->key_out)
            move(p, place, first, last, true, true);
        else if (!p->order)
            move(p, place, first, last, true, false);
        else if (p->key_out)
            move(p, place, first, last, false, true);
        else
            move(p, place, first, last, false, false);
    }
}

static void counts_to_places(const struct pass *p, int32_t n_pieces)
{
    uint32_t next = 0;
    for (uint32_t digit = 0; digit <= p->mask; digit++)
        for (int32_t piece = 0; piece < n_pieces; piece++) {
            const uint32_t count = p->place[piece][digit];
            p->place[piece][digit] = next;
            next += count;
        }
}

static int32_t count_pieces(const struct glint_pool *pool, int32_t n)
{
    const int32_t threads = glint_pool_threads(pool), worth = n / PIECE_MIN;
    const int32_t pieces = threads < worth ? threads : worth;
    return pieces < 1 ? 1 : pieces < PIECES_MAX ? pieces : PIECES_MAX;
}

int glint_sort(struct glint_exec *x, uint32_t *const key[2], int32_t n, int32_t bits, int32_t *order_out,
               int32_t *order_scratch, bool keep_keys)
{
    assert(n >= 0 && bits >= 0 && bits <= 32);
    uint32_t place[PIECES_MAX][DIGITS];
    struct glint_pool *pool = x ? x->pool : NULL;
    const int32_t n_pieces = count_pieces(pool, n);
    const int32_t n_passes = bits > 0 ? (bits + DIGIT_BITS - 1) / DIGIT_BITS : 1;
    const int32_t width = (bits + n_passes - 1) / n_passes;
    int32_t *const order[2] = {order_out, order_scratch};
    struct pass p = {.n = n, .place = place, .mask = (1u << width) - 1};
    p.piece = (n + n_pieces - 1) / n_pieces;
    for (int32_t i = 0; i < n_passes; i++) {
        const bool last = i == n_passes - 1;
        p.key = key[i % 2];
        p.key_out = last && !keep_keys ? NULL : key[(i + 1) % 2];
        p.order_out = order[(n_passes - 1 - i) % 2];
        p.shift = i * width;
        glint_pool_for(pool, n_pieces, 1, count_piece, &p);
        counts_to_places(&p, n_pieces);
        glint_pool_for(pool, n_pieces, 1, move_piece, &p);
        p.order = p.order_out;
    }
    return n_passes % 2;
}
