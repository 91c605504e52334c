/* model/head_points.c - see head_points.h. The pillar's half is computed once per pillar and added to each of
 * its points. */
#include "model/head_points.h"
#include <math.h>
#include <string.h>

#define POINTS_AT_ONCE  112
#define PILLARS_AT_ONCE 56
#define MAX_CLASSES     64

struct points_job {
    struct glint_exec *x;
    const struct glint_head_points *head;
    const float *features, *tokens;
    const int32_t *point, *start, *coord;
    const struct glint_map *map;
    float *pillar; /* n_voxels x hidden */
    uint8_t *class_out, *confidence_out;
    float *logits_out;
};

size_t glint_head_points_scratch(const struct glint_head_points *head)
{
    const size_t floats = (size_t)head->point.n * 2 + (size_t)head->out.n;
    return POINTS_AT_ONCE * floats * sizeof(float) + 4 * GLINT_ARENA_ALIGN;
}

static void pillar_half(void *ctx, int64_t begin, int64_t end, int worker)
{
    (void)worker;
    const struct points_job *j = ctx;
    const struct glint_head_points *h = j->head;
    const float *cells[PILLARS_AT_ONCE], *tokens[PILLARS_AT_ONCE];
    const int32_t m = (int32_t)(end - begin);
    float *out = j->pillar + begin * h->cell.n;
    for (int32_t i = 0; i < m; i++) {
        const int32_t *c = j->coord + 3 * (begin + i);
        cells[i] = j->map->data + c[h->row_axis] / h->stride * j->map->pitch +
                   c[1 - h->row_axis] / h->stride * j->map->ld;
        tokens[i] = j->tokens + (begin + i) * h->token.k;
    }
    glint_gemm_fn *gemm = glint_gemm_get(j->x->isa);
    gemm(&(struct glint_gemm){
        .w = &h->cell, .m = m, .n_segments = 1, .rows = cells, .c = out, .ldc = h->cell.n});
    gemm(&(struct glint_gemm){.w = &h->token,
                              .m = m,
                              .n_segments = 1,
                              .rows = tokens,
                              .c = out,
                              .ldc = h->cell.n,
                              .residual = out,
                              .ldr = h->cell.n});
}

static void choose(const struct points_job *j, const float *logits, int64_t sorted)
{
    const int32_t n = j->head->out.n, p = j->point[sorted];
    int32_t best = 0;
    float sum = 0;
    for (int32_t c = 1; c < n; c++)
        if (logits[c] > logits[best])
            best = c;
    for (int32_t c = 0; c < n; c++)
        sum += expf(logits[c] - logits[best]);
    j->class_out[p] = (uint8_t)best;
    j->confidence_out[p] = sum >= 1 ? (uint8_t)(255.0f / sum + 0.5f) : 0; /* logits that are no numbers: 0 */
}

/* The points of voxels begin..end-1, a block at a time: every block starts at a voxel range's first point. */
static void classify(void *ctx, int64_t begin, int64_t end, int worker)
{
    const struct points_job *j = ctx;
    const struct glint_head_points *h = j->head;
    struct glint_arena *scratch = &j->x->scratch[worker];
    const size_t mark = glint_arena_mark(scratch);
    const int32_t hidden = h->point.n, classes = h->out.n;
    float *half = glint_arena_alloc(scratch, POINTS_AT_ONCE * (size_t)hidden * sizeof *half);
    float *mid = glint_arena_alloc(scratch, POINTS_AT_ONCE * (size_t)hidden * sizeof *mid);
    float *logits = glint_arena_alloc(scratch, POINTS_AT_ONCE * (size_t)classes * sizeof *logits);
    const float *rows[POINTS_AT_ONCE];
    glint_gemm_fn *gemm = glint_gemm_get(j->x->isa);
    int64_t voxel = begin;
    for (int64_t first = j->start[begin]; first < j->start[end]; first += POINTS_AT_ONCE) {
        const int64_t left = j->start[end] - first;
        const int32_t m = (int32_t)(left < POINTS_AT_ONCE ? left : POINTS_AT_ONCE);
        for (int32_t i = 0; i < m; i++) {
            while (j->start[voxel + 1] <= first + i)
                voxel++;
            memcpy(half + (int64_t)i * hidden, j->pillar + voxel * hidden, (size_t)hidden * sizeof *half);
            rows[i] = j->features + (first + i) * h->point.k;
        }
        gemm(&(struct glint_gemm){.w = &h->point,
                                  .m = m,
                                  .n_segments = 1,
                                  .rows = rows,
                                  .c = mid,
                                  .ldc = hidden,
                                  .residual = half,
                                  .ldr = hidden});
        for (int64_t i = 0; i < (int64_t)m * hidden; i++)
            mid[i] = mid[i] > 0 ? mid[i] : 0;
        for (int32_t i = 0; i < m; i++)
            rows[i] = mid + (int64_t)i * hidden;
        gemm(&(struct glint_gemm){
            .w = &h->out, .m = m, .n_segments = 1, .rows = rows, .c = logits, .ldc = classes});
        for (int32_t i = 0; i < m; i++)
            choose(j, logits + (int64_t)i * classes, first + i);
        if (j->logits_out)
            memcpy(j->logits_out + first * classes, logits, (size_t)m * (size_t)classes * sizeof *logits);
    }
    glint_arena_reset(scratch, mark);
}

int glint_head_points(struct glint_exec *x, const struct glint_head_points *head, const float *point_features,
                      const int32_t *point, const int32_t *start, const int32_t *coord, int32_t n_voxels,
                      const float *tokens, const struct glint_map *map, float *scratch, uint8_t *class_out,
                      uint8_t *confidence_out, float *logits_out)
{
    if (head->out.n > MAX_CLASSES || head->cell.k != map->c || head->cell.n != head->point.n ||
        head->token.n != head->point.n || head->out.k != head->point.n)
        return glint_fail(GLINT_E_ARG, "point head: layers do not fit each other (%d, %d, %d, %d)",
                          head->point.n, head->token.n, head->cell.n, head->out.k);
    struct points_job job = {x,     head, point_features, tokens,    point,          start,
                             coord, map,  scratch,        class_out, confidence_out, logits_out};
    glint_pool_for(x->pool, n_voxels, PILLARS_AT_ONCE, pillar_half, &job);
    glint_pool_for(x->pool, n_voxels, 256, classify, &job);
    return GLINT_OK;
}
