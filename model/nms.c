/* model/nms.c - see nms.h.
 *
 * Nearly all pairs are far apart. The upright bounds of the kept rectangles stand in float arrays, sixteen to
 * a block, and a block is passed over by plain compares that the compiler turns into vector code. The bounds
 * are widened by more than the rounding of float, so that a pair passed over has no common area. Pairs that
 * remain are refused by bounds of the common area where that is certain, and else by the exact IoU. */
#include "model/nms.h"
#include <math.h>

#define BLOCK 16
#define SLACK 1e-6 /* relative: some roundings of float (6e-8 each) */

struct kept {
    double *cos, *sin;              /* of the yaw */
    float *x, *y, *half_x, *half_y; /* upright bounds: centre and half sides */
    int32_t n;
};

struct bounds {
    double cos, sin;
    float x, y, half_x, half_y;
};

static int32_t whole_blocks(int32_t n)
{
    return (n + BLOCK - 1) / BLOCK * BLOCK;
}

size_t glint_nms_scratch(int32_t n)
{
    return n > 0 ? (size_t)whole_blocks(n) * (4 * sizeof(float) + 2 * sizeof(double)) : 0;
}

static struct bounds bounds_of(const struct glint_rect *r)
{
    const double turn_cos = cos(r->yaw), turn_sin = sin(r->yaw), c = fabs(turn_cos), s = fabs(turn_sin);
    const double slack = SLACK * (1 + fabs(r->x) + fabs(r->y));
    return (struct bounds){
        .cos = turn_cos,
        .sin = turn_sin,
        .x = (float)r->x,
        .y = (float)r->y,
        .half_x = (float)(0.5 * (r->dx * c + r->dy * s) * (1 + SLACK) + slack),
        .half_y = (float)(0.5 * (r->dx * s + r->dy * c) * (1 + SLACK) + slack),
    };
}

/* The rest of a new block lies beyond everything. */
static void keep_bounds(struct kept *k, const struct bounds *b)
{
    if (k->n % BLOCK == 0)
        for (int32_t i = 0; i < BLOCK; i++) {
            k->x[k->n + i] = k->y[k->n + i] = INFINITY;
            k->half_x[k->n + i] = k->half_y[k->n + i] = 0;
        }
    k->cos[k->n] = b->cos;
    k->sin[k->n] = b->sin;
    k->x[k->n] = b->x;
    k->y[k->n] = b->y;
    k->half_x[k->n] = b->half_x;
    k->half_y[k->n] = b->half_y;
    k->n++;
}

/* Which of a block may touch b; false when none. Written so that NaN counts as far: such rectangles overlap
 * nothing. */
static bool block_near(const struct kept *k, int32_t first, const struct bounds *b, int32_t near_out[BLOCK])
{
    int32_t any = 0;
    for (int32_t i = 0; i < BLOCK; i++) {
        const int32_t in_x = fabsf(k->x[first + i] - b->x) <= k->half_x[first + i] + b->half_x;
        const int32_t in_y = fabsf(k->y[first + i] - b->y) <= k->half_y[first + i] + b->half_y;
        near_out[i] = in_x & in_y;
        any |= near_out[i];
    }
    return any != 0;
}

/* No less than the common area: b cut by the bounds of a in b's frame. cos, sin: of a's yaw seen from b. */
static double most_common_area(const struct glint_rect *a, const struct glint_rect *b,
                               const struct bounds *turn_b, double rel_cos, double rel_sin)
{
    const double x = a->x - b->x, y = a->y - b->y, c = fabs(rel_cos), s = fabs(rel_sin);
    const double u = fabs(x * turn_b->cos + y * turn_b->sin), v = fabs(y * turn_b->cos - x * turn_b->sin);
    const double half_u = 0.5 * (a->dx * c + a->dy * s), half_v = 0.5 * (a->dx * s + a->dy * c);
    const double slack = 1e-9 * (a->dx + a->dy + b->dx + b->dy);
    const double along = fmin(fmin(half_u + 0.5 * b->dx - u, b->dx), 2 * half_u) + slack;
    const double across = fmin(fmin(half_v + 0.5 * b->dy - v, b->dy), 2 * half_v) + slack;
    return along > 0 && across > 0 ? along * across : 0;
}

/* IoU > t is I (1 + t) > t (A + B): where a bound of I fails that, so does I. */
static bool suppresses(const struct glint_rect *a, const struct bounds *turn_a, const struct glint_rect *b,
                       const struct bounds *turn_b, double threshold)
{
    const double area_a = a->dx * a->dy, area_b = b->dx * b->dy;
    const double wanted = threshold * (area_a + area_b) / (1 + threshold) * (1 - 1e-9);
    const double rel_cos = turn_a->cos * turn_b->cos + turn_a->sin * turn_b->sin;
    const double rel_sin = turn_a->sin * turn_b->cos - turn_a->cos * turn_b->sin;
    if (fmin(area_a, area_b) <= wanted || most_common_area(a, b, turn_b, rel_cos, rel_sin) <= wanted ||
        most_common_area(b, a, turn_a, rel_cos, rel_sin) <= wanted)
        return false;
    return glint_rect_iou(a, b) > threshold;
}

static bool is_suppressed(const struct glint_rect *rects, const int32_t *keep, const struct kept *k,
                          const struct glint_rect *r, const struct bounds *b, double threshold)
{
    for (int32_t first = 0; first < k->n; first += BLOCK) {
        int32_t near[BLOCK];
        if (!block_near(k, first, b, near))
            continue;
        for (int32_t i = 0; i < BLOCK; i++)
            if (near[i] && first + i < k->n) {
                const struct bounds turn = {.cos = k->cos[first + i], .sin = k->sin[first + i]};
                if (suppresses(&rects[keep[first + i]], &turn, r, b, threshold))
                    return true;
            }
    }
    return false;
}

static struct kept make_kept(int32_t n, void *scratch)
{
    const int64_t stride = whole_blocks(n > 0 ? n : 0);
    double *const turns = scratch;
    float *const sides = (float *)(turns + 2 * stride);
    return (struct kept){turns, turns + stride, sides, sides + stride, sides + 2 * stride, sides + 3 * stride,
                         0};
}

int32_t glint_nms_rotated(const struct glint_rect *rects, const int32_t *candidates, int32_t n,
                          const struct glint_nms_rule *rule, int32_t *keep_out, void *scratch)
{
    n = n < rule->pre_max ? n : rule->pre_max;
    struct kept k = make_kept(n, scratch);
    for (int32_t i = 0; i < n && k.n < rule->post_max; i++) {
        const int32_t index = candidates ? candidates[i] : i;
        const struct bounds b = bounds_of(&rects[index]);
        if (is_suppressed(rects, keep_out, &k, &rects[index], &b, rule->threshold))
            continue;
        keep_out[k.n] = index;
        keep_bounds(&k, &b);
    }
    return k.n;
}

static bool excludes(const struct glint_box *a, const struct glint_box *b, const float *min_distance,
                     int32_t n_labels)
{
    if (a->label < 0 || a->label >= n_labels || b->label < 0 || b->label >= n_labels)
        return false;
    const float dx = a->center[0] - b->center[0], dy = a->center[1] - b->center[1];
    return sqrtf(dx * dx + dy * dy) < min_distance[a->label * n_labels + b->label];
}

int32_t glint_nms_distance(const struct glint_box *boxes, const int32_t *candidates, int32_t n,
                           const float *min_distance, int32_t n_labels, int32_t post_max, int32_t *keep_out)
{
    int32_t n_kept = 0;
    for (int32_t i = 0; i < n && n_kept < post_max; i++) {
        const int32_t index = candidates ? candidates[i] : i;
        bool excluded = false;
        for (int32_t k = 0; k < n_kept && !excluded; k++)
            excluded = excludes(&boxes[index], &boxes[keep_out[k]], min_distance, n_labels);
        if (!excluded)
            keep_out[n_kept++] = index;
    }
    return n_kept;
}
