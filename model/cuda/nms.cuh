/* model/cuda/nms.cuh - the parts of suppression that nms.cu and center.cu share. */
#ifndef GLINT_MODEL_CUDA_NMS_CUH
#define GLINT_MODEL_CUDA_NMS_CUH
#include "model/cuda/nms.h"
#include "model/cuda/rect.cuh"
#include "model/model_config.h"

struct nms_item { /* a box in the order of suppression; boxes of one group, side by side, suppress each other
                   */
    struct rect_item rect;
    int32_t index, group; /* group -1: not looked at */
    int32_t label, unused;
};

enum nms_kind { NMS_ROTATED, NMS_CIRCLE, NMS_DISTANCE };

struct nms_rules { /* by group: IoU (a NaN's is none); most to keep */
    double iou[GLINT_CLASSES_MAX];
    int32_t pre[GLINT_CLASSES_MAX], post[GLINT_CLASSES_MAX];
    float radius;              /* NMS_CIRCLE: squared distances up to this */
    const float *min_distance; /* NMS_DISTANCE: n_labels x n_labels */
    int32_t n_labels;
};

struct nms_work {
    struct nms_item *items;
    int32_t *kept;  /* places of items, in order */
    uint64_t *bits; /* cap x words: whom an item suppresses, of those after it */
    int32_t words;
};

static inline size_t nms_carve(struct nms_work *w, void *memory, int32_t cap)
{
    uint8_t *at = (uint8_t *)memory;
    const size_t n = (size_t)cap, words = (n + 63) / 64;
    const size_t items = (n * sizeof(struct nms_item) + 255) / 256 * 256,
                 kept = (n * sizeof(int32_t) + 255) / 256 * 256;
    if (w) {
        w->items = (struct nms_item *)at;
        w->kept = (int32_t *)(at + items);
        w->bits = (uint64_t *)(at + items + kept);
        w->words = (int32_t)words;
    }
    return items + kept + (n * words * sizeof(uint64_t) + 255) / 256 * 256;
}

/* Fills work->bits for the *n items of at most cap. */
int glint_nms_bits(struct glint_stream *s, enum nms_kind kind, const struct nms_work *work, const int32_t *n,
                   int32_t cap, const struct nms_rules *rules);

#define NMS_WALK_THREADS 256
#define NMS_WALK_BITS    4096 /* words that fit into shared memory: those of 512 boxes */

struct nms_walk_shared {
    uint64_t bits[NMS_WALK_BITS];
    uint64_t removed[GLINT_CUDA_NMS_CAP / 64];
    uint64_t diagonal[64];
    int32_t group[64];
};

/* The bits of n items to shared memory where they fit; what lies below the diagonal is not there. */
static __device__ inline const uint64_t *nms_stage(const struct nms_work &w, int32_t n,
                                                   struct nms_walk_shared &shared, int32_t *words_out)
{
    const int32_t words = (n + 63) / 64;
    *words_out = words;
    for (int32_t i = (int32_t)threadIdx.x; i < words; i += NMS_WALK_THREADS)
        shared.removed[i] = 0;
    if (n * (int64_t)words > NMS_WALK_BITS) {
        *words_out = w.words;
        return w.bits;
    }
    for (int32_t i = (int32_t)threadIdx.x; i < n * words; i += NMS_WALK_THREADS)
        if (i % words >= i / words / 64)
            shared.bits[i] = w.bits[(int64_t)(i / words) * w.words + i % words];
    return shared.bits;
}

/* Which of 64 items stay, in order: every thread works it out for itself, from the bits among them. */
struct nms_walker {
    int32_t group, count; /* kept of the group that is being walked over */

    __device__ uint64_t keep(uint64_t alive, const struct nms_walk_shared &shared,
                             const struct nms_rules &rules)
    {
        uint64_t kept = 0;
        while (alive) {
            const int32_t i = __ffsll((long long)alive) - 1, g = shared.group[i];
            alive &= alive - 1;
            if (g < 0)
                continue;
            count = g == group ? count : 0;
            group = g;
            if (count >= rules.post[g])
                continue;
            count++;
            kept |= UINT64_C(1) << i;
            alive &= ~shared.diagonal[i];
        }
        return kept;
    }
};

/* Walks over the items, writes the places of those kept to w.kept and returns their number, to every thread
 * of one block of NMS_WALK_THREADS. */
static __device__ inline int32_t nms_walk(const struct nms_work &w, int32_t n, const struct nms_rules &rules,
                                          struct nms_walk_shared &shared)
{
    const int32_t t = (int32_t)threadIdx.x, n_words = (n + 63) / 64;
    int32_t words, n_kept = 0;
    const uint64_t *bits = nms_stage(w, n, shared, &words);
    struct nms_walker walker = {-1, 0};
    __syncthreads();
    for (int32_t word = 0; word < n_words; word++) {
        const int32_t first = 64 * word;
        if (t < 64) {
            shared.diagonal[t] = first + t < n ? bits[(int64_t)(first + t) * words + word] : 0;
            shared.group[t] = first + t < n ? w.items[first + t].group : -1;
        }
        __syncthreads();
        const uint64_t kept = walker.keep(~shared.removed[word], shared, rules);
        if (t < 64 && (kept >> t & 1))
            w.kept[n_kept + __popcll(kept & ((UINT64_C(1) << t) - 1))] = first + t;
        n_kept += __popcll(kept);
        for (int32_t i = word + 1 + t; i < n_words; i += NMS_WALK_THREADS) {
            uint64_t removed = shared.removed[i];
            for (uint64_t left = kept; left; left &= left - 1)
                removed |= bits[(int64_t)(first + __ffsll((long long)left) - 1) * words + i];
            shared.removed[i] = removed;
        }
        __syncthreads();
    }
    return n_kept;
}
#endif
