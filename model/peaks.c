/* model/peaks.c - see peaks.h.
 *
 * A score and its place make one 64-bit number, smaller for better: ~bits(score) above, label and cell below.
 * Each worker keeps the K smallest it has met in a heap with the worst on top; the K smallest of all workers'
 * heaps do not depend on which worker met which row. Most cells are passed over by comparing the logit with
 * that of the score to beat, lowered by more than the rounding of expf and division can be worth. */
#include "model/peaks.h"
#include <math.h>
#include <string.h>

#define THREADS_MAX 1024 /* of core/pool.h */
#define ROW_GRAIN   8
#define BLOCK       32 /* values tested at once in a map without gaps */

struct heap { /* the worst on top */
    uint64_t *key;
    int32_t n, cap;
};

struct job {
    const struct glint_map *heat, *iou;
    const struct glint_peaks_rule *rule;
    struct heap *heaps; /* per worker */
};

size_t glint_peaks_scratch(int32_t max_peaks)
{
    return glint_arena_round((size_t)(max_peaks > 0 ? max_peaks : 1) * sizeof(uint64_t)) +
           glint_arena_round(sizeof(struct heap) * THREADS_MAX);
}

static void sift_down(uint64_t *key, int32_t n, int32_t at)
{
    const uint64_t moved = key[at];
    for (int32_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && key[child + 1] > key[child])
            child++;
        if (key[child] <= moved)
            break;
        key[at] = key[child];
    }
    key[at] = moved;
}

static void sift_up(uint64_t *key, int32_t at)
{
    const uint64_t moved = key[at];
    for (; at > 0 && key[(at - 1) / 2] < moved; at = (at - 1) / 2)
        key[at] = key[(at - 1) / 2];
    key[at] = moved;
}

static void push(struct heap *h, uint64_t key)
{
    if (h->n < h->cap) {
        h->key[h->n] = key;
        sift_up(h->key, h->n++);
    } else if (key < h->key[0]) {
        h->key[0] = key;
        sift_down(h->key, h->n, 0);
    }
}

static void sort_ascending(struct heap *h)
{
    for (int32_t n = h->n - 1; n > 0; n--) {
        const uint64_t worst = h->key[0];
        h->key[0] = h->key[n];
        h->key[n] = worst;
        sift_down(h->key, n, 0);
    }
}

static uint64_t key_of(float score, uint32_t place)
{
    uint32_t bits;
    memcpy(&bits, &score, sizeof bits); /* scores are not negative: their bits ascend with them */
    return (uint64_t)~bits << 32 | place;
}

static float score_of(uint64_t key)
{
    const uint32_t bits = ~(uint32_t)(key >> 32);
    float score;
    memcpy(&score, &bits, sizeof score);
    return score;
}

static float sigmoid(float logit)
{
    return 1.0f / (1.0f + expf(-logit));
}

/* A logit below which sigmoid() is certainly less than score. The slope of the sigmoid is s (1 - s): a
 * relative error of 1e-6 in it is worth 1e-6 / (1 - s) in the logit. */
static float logit_bar(float score)
{
    const double s = (double)score;
    if (!(s > 0))
        return -INFINITY;
    if (s > 0.9999)
        return 8.0f;
    return (float)(log(s / (1 - s)) - 1e-5 - 1e-6 / (1 - s));
}

static const float *pixel(const struct glint_map *m, int64_t row, int64_t col)
{
    return m->data + row * m->pitch + col * m->ld;
}

static bool is_local_max(const struct glint_map *heat, int32_t row, int32_t col, int32_t label, float logit,
                         float p)
{
    for (int32_t r = row - 1; r <= row + 1; r++)
        for (int32_t c = col - 1; c <= col + 1; c++) {
            if (r < 0 || c < 0 || r >= heat->h || c >= heat->w)
                continue;
            const float v = pixel(heat, r, c)[label];
            if (!(v <= logit) && !(sigmoid(v) <= p)) /* either holds for NaN; equal sigmoids are equals */
                return false;
        }
    return true;
}

static void consider(const struct job *job, struct heap *h, int32_t row, int32_t col, int32_t label,
                     float logit)
{
    const float p = sigmoid(logit);
    float score = p;
    if (job->iou) {
        float iou = pixel(job->iou, row, col)[0];
        iou = iou < 0.0f ? 0.0f : iou; /* a NaN stays one */
        score *= powf(iou > 1.0f ? 1.0f : iou, job->rule->iou_power);
    }
    if (!(score > job->rule->threshold))
        return;
    const uint32_t cells = (uint32_t)job->heat->h * (uint32_t)job->heat->w;
    const uint32_t cell = (uint32_t)row * (uint32_t)job->heat->w + (uint32_t)col;
    const uint64_t key = key_of(score, (uint32_t)label * cells + cell);
    if (h->n == h->cap && key >= h->key[0])
        return;
    if (!job->rule->local_max || is_local_max(job->heat, row, col, label, logit, p))
        push(h, key);
}

static bool any_reaches(const float *v, int32_t n, float bar)
{
    int32_t any = 0;
    for (int32_t i = 0; i < n; i++)
        any |= v[i] >= bar;
    return any != 0;
}

static void scan_pixels(const struct job *job, struct heap *h, int32_t row, int32_t first, int32_t last,
                        float bar)
{
    const int32_t classes = job->heat->c;
    for (int32_t col = first; col < last; col++) {
        const float *v = pixel(job->heat, row, col);
        for (int32_t label = 0; label < classes; label++)
            if (v[label] >= bar)
                consider(job, h, row, col, label, v[label]);
    }
}

static void scan_rows(void *ctx, int64_t begin, int64_t end, int worker)
{
    const struct job *job = ctx;
    struct heap *h = &job->heaps[worker];
    const struct glint_map *heat = job->heat;
    const int32_t step = heat->ld == heat->c ? (BLOCK + heat->c - 1) / heat->c : heat->w; /* pixels */
    for (int32_t row = (int32_t)begin; row < end; row++) {
        const float worst = h->n == h->cap ? score_of(h->key[0]) : 0.0f;
        const float bar = logit_bar(fmaxf(worst, job->rule->threshold));
        for (int32_t col = 0; col < heat->w; col += step) {
            const int32_t n = heat->w - col < step ? heat->w - col : step;
            if (step == heat->w || any_reaches(pixel(heat, row, col), n * heat->c, bar))
                scan_pixels(job, h, row, col, col + n, bar);
        }
    }
}

static int check(const struct glint_map *heat, const struct glint_map *iou,
                 const struct glint_peaks_rule *rule)
{
    if (heat->h < 0 || heat->w < 0 || heat->c < 0 ||
        (heat->c > 0 && (int64_t)heat->h * heat->w > (int64_t)UINT32_MAX / heat->c))
        return glint_fail(GLINT_E_ARG, "peaks: a map of %d x %d x %d", heat->h, heat->w, heat->c);
    if (iou && (iou->h != heat->h || iou->w != heat->w))
        return glint_fail(GLINT_E_ARG, "peaks: IoU map of %d x %d for a heat map of %d x %d", iou->h, iou->w,
                          heat->h, heat->w);
    if (!(rule->iou_power >= 0) || rule->max_peaks < 0)
        return glint_fail(GLINT_E_ARG, "peaks: power %g and at most %d: neither may be negative",
                          (double)rule->iou_power, rule->max_peaks);
    return GLINT_OK;
}

static void write_peaks(const struct heap *best, const struct glint_map *heat, struct glint_peak *peaks_out)
{
    const uint32_t w = (uint32_t)heat->w, cells = (uint32_t)heat->h * w;
    for (int32_t i = 0; i < best->n; i++) {
        const uint32_t place = (uint32_t)best->key[i], cell = place % cells;
        peaks_out[i] = (struct glint_peak){
            .score = score_of(best->key[i]),
            .label = (int32_t)(place / cells),
            .row = (int32_t)(cell / w),
            .col = (int32_t)(cell % w),
        };
    }
}

/* One heap per worker, the table of them in the caller's scratch; NULL when there is too little. */
static struct heap *make_heaps(struct glint_exec *x, int n_workers, int32_t cap)
{
    struct heap *heaps = glint_arena_alloc(&x->scratch[0], (size_t)n_workers * sizeof *heaps);
    for (int w = 0; heaps && w < n_workers; w++) {
        heaps[w] = (struct heap){.cap = cap};
        heaps[w].key = glint_arena_alloc(&x->scratch[w], (size_t)cap * sizeof *heaps[w].key);
        if (!heaps[w].key)
            return NULL;
    }
    return heaps;
}

static void find(struct glint_exec *x, struct job *job, int n_workers, struct glint_peak *peaks_out,
                 int32_t *n_out)
{
    struct heap *best = &job->heaps[0];
    glint_pool_for(x->pool, job->heat->h, ROW_GRAIN, scan_rows, job);
    for (int w = 1; w < n_workers; w++)
        for (int32_t i = 0; i < job->heaps[w].n; i++)
            push(best, job->heaps[w].key[i]);
    sort_ascending(best);
    write_peaks(best, job->heat, peaks_out);
    *n_out = best->n;
}

int glint_peaks(struct glint_exec *x, const struct glint_map *heat, const struct glint_map *iou,
                const struct glint_peaks_rule *rule, struct glint_peak *peaks_out, int32_t *n_out)
{
    *n_out = 0;
    GLINT_TRY(check(heat, iou, rule));
    if (rule->max_peaks == 0)
        return GLINT_OK;
    const int n_workers = glint_pool_threads(x->pool);
    size_t mark[THREADS_MAX];
    for (int w = 0; w < n_workers; w++)
        mark[w] = glint_arena_mark(&x->scratch[w]);
    struct job job = {.heat = heat, .iou = iou, .rule = rule};
    job.heaps = make_heaps(x, n_workers, rule->max_peaks);
    if (job.heaps)
        find(x, &job, n_workers, peaks_out, n_out);
    for (int w = 0; w < n_workers; w++)
        glint_arena_reset(&x->scratch[w], mark[w]);
    return job.heaps ? GLINT_OK
                     : glint_fail(GLINT_E_NOMEM, "peaks: scratch for %d peaks wanted", rule->max_peaks);
}
