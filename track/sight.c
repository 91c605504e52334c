/* track/sight.c - see sight.h.
 *
 * A table over directions (the "diamond angle", which grows as the angle does and needs no arc tangent) says
 * which places a ray could meet at all: most rays meet none. The rest are cut with the box's three pairs of
 * planes. */
#include "track/sight.h"
#include <math.h>
#include <stdint.h>
#include <string.h>

#define BINS     1024
#define GROUND_M 0.25f

struct box { /* a place with its axes */
    float c, s, x, y, half[3], middle_z;
    float from[3]; /* the viewpoint in these axes */
};

/* 0..4 counter-clockwise from +x. */
static float diamond(float x, float y)
{
    const float a = y / (fabsf(x) + fabsf(y) + 1e-20f);
    const float angle = x >= 0 ? a : 2 - a;
    return angle < 0 ? angle + 4 : angle;
}

/* -1: no numbers. */
static int bin_of(float x, float y)
{
    const float bin = diamond(x, y) * (BINS / 4);
    return bin < BINS ? (int)bin : bin >= BINS ? BINS - 1 : -1;
}

static struct box box_of(const struct glint_sight_place *p, const float from[3])
{
    struct box b = {.c = cosf(p->yaw), .s = sinf(p->yaw), .x = p->center[0], .y = p->center[1]};
    const float dx = from[0] - b.x, dy = from[1] - b.y, height = fmaxf(p->size[2] - GROUND_M, 0.1f);
    b.half[0] = 0.5f * p->size[0];
    b.half[1] = 0.5f * p->size[1];
    b.half[2] = 0.5f * height;
    b.middle_z = p->center[2] + 0.5f * p->size[2] - b.half[2];
    b.from[0] = b.c * dx + b.s * dy;
    b.from[1] = b.c * dy - b.s * dx;
    b.from[2] = from[2] - b.middle_z;
    return b;
}

static bool is_sane(const struct glint_sight_place *p)
{
    float most = fabsf(p->yaw);
    for (int k = 0; k < 3; k++)
        most = fmaxf(most, fmaxf(fabsf(p->center[k]), fabsf(p->size[k])));
    return most < 1e6f && isfinite(p->yaw + p->center[0] + p->center[1] + p->center[2] + p->size[0] +
                                   p->size[1] + p->size[2]);
}

/* The directions in which the place lies; all of them from inside. */
static void mark(uint64_t *bins, const struct glint_sight_place *p, const struct box *b, const float from[3],
                 int index)
{
    const float middle = diamond(b->x - from[0], b->y - from[1]);
    float lo = 0, hi = 0;
    for (int i = 0; i < 4; i++) {
        const float u = (i & 1 ? 0.5f : -0.5f) * p->size[0], v = (i & 2 ? 0.5f : -0.5f) * p->size[1];
        float off =
            diamond(b->x + b->c * u - b->s * v - from[0], b->y + b->s * u + b->c * v - from[1]) - middle;
        off += off > 2 ? -4 : off < -2 ? 4 : 0.0f;
        lo = fminf(lo, off);
        hi = fmaxf(hi, off);
    }
    const int within = fabsf(b->from[0]) < b->half[0] && fabsf(b->from[1]) < b->half[1];
    const int first = (int)floorf((middle + lo) * (BINS / 4)) - 1,
              last = (int)ceilf((middle + hi) * (BINS / 4)) + 1;
    for (int k = within ? 0 : first; k <= (within ? BINS - 1 : last); k++)
        bins[(unsigned)k % BINS] |= UINT64_C(1) << index;
}

/* Where the ray enters and leaves the box, in parts of the way to its point. */
static bool cut(const struct box *b, const float to[3], float *in, float *out)
{
    *in = -INFINITY;
    *out = INFINITY;
    for (int k = 0; k < 3; k++) {
        const float d = to[k] - b->from[k];
        if (fabsf(d) < 1e-6f) {
            if (fabsf(b->from[k]) > b->half[k])
                return false;
            continue;
        }
        const float one = (-b->half[k] - b->from[k]) / d, other = (b->half[k] - b->from[k]) / d;
        *in = fmaxf(*in, fminf(one, other));
        *out = fminf(*out, fmaxf(one, other));
    }
    return *in <= *out && *out > 0;
}

static void look(struct glint_sight_place *p, const struct box *b, float x, float y, float z)
{
    const float dx = x - b->x, dy = y - b->y,
                to[3] = {b->c * dx + b->s * dy, b->c * dy - b->s * dx, z - b->middle_z};
    float in, out;
    if (!cut(b, to, &in, &out))
        return;
    p->inside += in <= 1 && out >= 1;
    p->through += out < 1;
    p->before += in > 1;
}

static void count_inside(const struct glint_points *points, struct glint_sight_place *places,
                         const struct box *boxes, int32_t n)
{
    for (int32_t i = 0; i < points->n; i++)
        for (int32_t k = 0; k < n; k++) {
            const struct box *b = &boxes[k];
            const float dx = points->x[i] - b->x, dy = points->y[i] - b->y;
            places[k].inside += fabsf(b->c * dx + b->s * dy) <= b->half[0] &&
                                fabsf(b->c * dy - b->s * dx) <= b->half[1] &&
                                fabsf(points->z[i] - b->middle_z) <= b->half[2];
        }
}

static void follow_rays(const struct glint_frame *frame, const uint64_t *bins,
                        struct glint_sight_place *places, const struct box *boxes)
{
    const struct glint_points *p = &frame->points;
    const float *from = frame->viewpoint;
    for (int32_t i = 0; i < p->n; i++) {
        const int bin = bin_of(p->x[i] - from[0], p->y[i] - from[1]);
        uint64_t which = bin < 0 ? 0 : bins[bin];
        if (which == 0 || (p->lag && p->lag[i] > 0) || !isfinite(p->z[i]))
            continue;
        for (; which; which &= which - 1) {
            const int k = __builtin_ctzll(which);
            look(&places[k], &boxes[k], p->x[i], p->y[i], p->z[i]);
        }
    }
}

/* Glass and thin things let some rays through, and some end in what is behind a thing's edge. */
static void judge(struct glint_sight_place *p)
{
    const int32_t reach = p->inside + p->through;
    p->support = reach > 0 ? (float)p->inside / (float)reach : 0;
    p->sight = GLINT_SIGHT_NONE;
    if (reach < 3)
        p->sight = p->before >= 3 ? GLINT_SIGHT_HIDDEN : GLINT_SIGHT_NONE;
    else if (p->inside >= 3 && p->support >= 0.3f)
        p->sight = GLINT_SIGHT_POINTS;
    else if (p->through >= 5 && p->support < 0.1f && p->before < p->through)
        p->sight = GLINT_SIGHT_EMPTY;
    else if (p->before > reach)
        p->sight = GLINT_SIGHT_HIDDEN;
}

void glint_sight(const struct glint_frame *frame, struct glint_sight_place *places, int32_t n)
{
    struct box boxes[GLINT_SIGHT_CAP];
    uint64_t bins[BINS] = {0};
    const bool known = isfinite(frame->viewpoint[0] + frame->viewpoint[1] + frame->viewpoint[2]);
    const float nowhere[3] = {0, 0, 0}, *from = known ? frame->viewpoint : nowhere;
    n = n < GLINT_SIGHT_CAP ? n : GLINT_SIGHT_CAP;
    for (int32_t k = 0; k < n; k++) {
        boxes[k] = box_of(&places[k], from);
        places[k].inside = places[k].through = places[k].before = 0;
        if (is_sane(&places[k]))
            mark(bins, &places[k], &boxes[k], from, k);
    }
    if (known)
        follow_rays(frame, bins, places, boxes);
    else
        count_inside(&frame->points, places, boxes, n);
    for (int32_t k = 0; k < n; k++)
        judge(&places[k]);
}
