/* eval/waymo_iou.c - see waymo_iou.h.
 *
 * The intersection of two convex polygons is found by chasing edges (O'Rourke et al., A new linear algorithm
 * for intersecting convex polygons, 1982): one edge of each polygon is held, their crossing is noted, and the
 * edge that aims at the other is advanced. Which of two nearly equal edges advances is a matter of the signs
 * of cross products, so tiny ones are computed again without rounding error. The order of operations below is
 * part of the contract: results decide matches at thresholds. */
#include "eval/waymo_iou.h"
#include "core/box.h"
#include <math.h>
#include <stddef.h>
#include <string.h>

#define MAX_DIMENSION  1e6
#define MIN_DIMENSION  1e-2
#define MIN_UNION      1e-6
#define MIN_TWICE_AREA 1e-10
#define CROSS_EXACT    0x1p-50 /* below it the sign of a rounded cross product is not sure */
#define CAP_POINTS     40      /* at most two per step, 16 steps */

typedef struct {
    double x, y;
} point;

struct points {
    int n;
    point p[CAP_POINTS];
};

/* Of finite numbers, so without fmin's and fmax's care for others. */
static double lower(double a, double b)
{
    return b < a ? b : a;
}
static double higher(double a, double b)
{
    return a < b ? b : a;
}

/* ---- shapes ---- */

static void find_corners(struct glint_waymo_shape *s, const struct glint_waymo_box *b)
{
    const double half = b->length / 2.0, ox = cos(b->heading) * half, oy = sin(b->heading) * half;
    const double x0 = b->x - ox, y0 = b->y - oy, x1 = b->x + ox,
                 y1 = b->y + oy; /* middles of back and front */
    const double inverse = 1.0 / b->length, half_width = b->width / 2.0;
    const double wx = (-(y1 - y0) * inverse) * half_width, wy = ((x1 - x0) * inverse) * half_width;
    const double corner[4][2] = {
        {x0 + wx, y0 + wy}, {x0 - wx, y0 - wy}, {x1 - wx, y1 - wy}, {x1 + wx, y1 + wy}};
    memcpy(s->corner, corner, sizeof corner);
}

void glint_waymo_shape_init(struct glint_waymo_shape *s, const struct glint_waymo_box *b)
{
    memset(s, 0, sizeof *s);
    s->box = *b;
    const bool huge = b->length >= MAX_DIMENSION || b->width >= MAX_DIMENSION || b->height >= MAX_DIMENSION;
    s->usable_2d = !huge && b->length > MIN_DIMENSION && b->width > MIN_DIMENSION;
    s->usable_3d = s->usable_2d && b->height > MIN_DIMENSION;
    if (!s->usable_2d)
        return;
    find_corners(s, b);
    for (int k = 0; k < 2; k++) {
        s->low[k] = s->high[k] = s->corner[0][k];
        for (int i = 1; i < 4; i++) {
            s->low[k] = lower(s->low[k], s->corner[i][k]);
            s->high[k] = higher(s->high[k], s->corner[i][k]);
        }
    }
}

/* ---- cross products whose sign is right ---- */

/* Adds x to the expansion e of n parts (each smaller than the next one's last bit; Shewchuk's
 * grow-expansion). */
static int grow(double *e, int n, double x)
{
    int m = 0;
    for (int i = 0; i < n; i++) {
        const double sum = x + e[i], b = sum - x, error = (x - (sum - b)) + (e[i] - b);
        if (error != 0)
            e[m++] = error;
        x = sum;
    }
    e[m++] = x;
    return m;
}

/* (b - a) x (d - c) as the sum of eight products of coordinates, each product as two doubles. */
static double cross_exact(point a, point b, point c, point d)
{
    const double left[8] = {b.x, -a.x, -b.x, a.x, -b.y, a.y, b.y, -a.y};
    const double right[8] = {d.y, d.y, c.y, c.y, d.x, d.x, c.x, c.x};
    double parts[17];
    int n = 0;
    for (int i = 0; i < 8; i++) {
        const double product = left[i] * right[i];
        n = grow(parts, n, fma(left[i], right[i], -product));
        n = grow(parts, n, product);
    }
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += parts[i];
    return sum;
}

static double cross(point a, point b, point c, point d)
{
    if ((a.x == b.x && a.y == b.y) || (c.x == d.x && c.y == d.y))
        return 0;
    const double rounded = (b.x - a.x) * (d.y - c.y) - (b.y - a.y) * (d.x - c.x);
    return fabs(rounded) > CROSS_EXACT ? rounded : cross_exact(a, b, c, d);
}

/* ---- where two edges meet ---- */

static bool in_range(point p0, point p1, point q)
{
    return lower(p0.x, p1.x) <= q.x && q.x <= higher(p0.x, p1.x) && lower(p0.y, p1.y) <= q.y &&
           q.y <= higher(p0.y, p1.y);
}

static bool meet_parallel(point p0, point p1, point q0, point q1, point *out)
{
    if (cross(p0, p1, p0, q0) != 0)
        return false;
    if (in_range(q0, q1, p0))
        *out = p0;
    else if (in_range(q0, q1, p1))
        *out = p1;
    else if (in_range(p0, p1, q0))
        *out = q0;
    else if (in_range(p0, p1, q1))
        *out = q1;
    else
        return false;
    return true;
}

/* Whether a crossing lies on an edge: 0 <= t <= size, and near the far end looked at from there (a0..b1). */
static bool on_edge(double t, double size, double slack, double sign, point a0, point a1, point b0, point b1)
{
    if (t < 0 || t > size + slack)
        return false;
    return t <= size - slack || cross(a0, a1, b0, b1) * sign >= 0;
}

static bool meet(point p0, point p1, point q0, point q1, double det, point *out)
{
    if (det == 0)
        return meet_parallel(p0, p1, q0, q1, out);
    const double sign = copysign(1, det), size = fabs(det), slack = higher(size, 1) * CROSS_EXACT;
    const double t1 = cross(p0, q0, q1, q0);
    if (!on_edge(t1 * sign, size, slack, sign, p1, q1, q0, q1))
        return false;
    const double t2 = cross(p0, p1, p0, q0);
    if (!on_edge(t2 * sign, size, slack, sign, p1, p0, p1, q1))
        return false;
    const double t = higher(0, lower(1, t1 / det));
    *out = (point){p0.x + (p1.x - p0.x) * t, p0.y + (p1.y - p0.y) * t};
    return true;
}

/* ---- the chase ---- */

static bool same(point a, point b)
{
    return a.x == b.x && a.y == b.y;
}

static void append(struct points *v, point p)
{
    if (v->n == 0 || (!same(p, v->p[0]) && !same(p, v->p[v->n - 1])))
        v->p[v->n++] = p;
}

struct chaser { /* a polygon with its held edge */
    const double (*corner)[2];
    int next; /* index of the edge's end */
    point from, to;
    bool inside; /* the part of it that comes is inside the other */
};

static point corner_of(const struct chaser *c, int i)
{
    return (point){c->corner[i & 3][0], c->corner[i & 3][1]};
}

static void advance(struct chaser *c, struct points *v)
{
    if (c->inside)
        append(v, c->to);
    c->next++;
    c->from = c->to;
    c->to = corner_of(c, c->next);
}

/* True: v is the intersection. False: no edges met (v empty), or they met and the way round was not closed.
 */
static bool chase(struct chaser *p, struct chaser *q, struct points *v)
{
    for (int step = 0; step < 16; step++) {
        const double det = cross(p->from, p->to, q->to, q->from);
        point at = {0, 0};
        const bool met = meet(p->from, p->to, q->from, q->to, det, &at);
        /* >= 0: P's end lies left of Q's edge */
        const double side = met || det >= 0 ? cross(q->to, q->from, p->to, q->from) : 0;
        if (met) {
            if (v->n > 2 && same(at, v->p[0]))
                return true;
            if (v->n == 0)
                step = 7; /* once around is enough from here */
            append(v, at);
            p->inside = side >= 0;
            q->inside = !p->inside;
        }
        const bool advance_p = det >= 0 ? side < 0 : cross(p->to, p->from, q->to, p->from) >= 0;
        advance(advance_p ? p : q, v);
    }
    return false;
}

static bool contains(const struct glint_waymo_shape *s, const double p[2])
{
    if (p[0] < s->low[0] || p[1] < s->low[1] || p[0] > s->high[0] || p[1] > s->high[1])
        return false;
    for (int i = 0; i < 4; i++) {
        const double *a = s->corner[i], *b = s->corner[(i + 1) & 3];
        if ((b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0]) < 0)
            return false;
    }
    return true;
}

static bool contains_all(const struct glint_waymo_shape *outer, const struct glint_waymo_shape *inner)
{
    return contains(outer, inner->corner[0]) && contains(outer, inner->corner[1]) &&
           contains(outer, inner->corner[2]) && contains(outer, inner->corner[3]);
}

static void take_all(struct points *v, const struct glint_waymo_shape *s)
{
    for (int i = 0; i < 4; i++)
        v->p[v->n++] = (point){s->corner[i][0], s->corner[i][1]};
}

static double area_of(const struct points *v)
{
    double twice = 0;
    for (int i = 1; i + 1 < v->n; i++) {
        const double ax = v->p[i].x - v->p[0].x, ay = v->p[i].y - v->p[0].y;
        const double bx = v->p[i + 1].x - v->p[0].x, by = v->p[i + 1].y - v->p[0].y;
        twice += ax * by - ay * bx;
    }
    return fabs(twice) <= MIN_TWICE_AREA ? 0 : twice * 0.5;
}

static bool apart(const struct glint_waymo_shape *a, const struct glint_waymo_shape *b)
{
    return a->low[0] > b->high[0] || b->low[0] > a->high[0] || a->low[1] > b->high[1] ||
           b->low[1] > a->high[1];
}

static double official_intersection(const struct glint_waymo_shape *a, const struct glint_waymo_shape *b)
{
    if (apart(a, b))
        return 0;
    struct points v = {0};
    struct chaser p = {.corner = a->corner, .next = 1}, q = {.corner = b->corner, .next = 1};
    p.from = corner_of(&p, 0);
    p.to = corner_of(&p, 1);
    q.from = corner_of(&q, 0);
    q.to = corner_of(&q, 1);
    if (!chase(&p, &q, &v)) {
        if (v.n > 0)
            return 0; /* here coincident boxes get lost */
        if (contains_all(b, a))
            take_all(&v, a);
        else if (contains_all(a, b))
            take_all(&v, b);
    }
    return area_of(&v);
}

static double intersection(const struct glint_waymo_shape *a, const struct glint_waymo_shape *b,
                           unsigned kind)
{
    if (!(kind & GLINT_WAYMO_IOU_EXACT))
        return official_intersection(a, b);
    const struct glint_rect p = {a->box.x, a->box.y, a->box.length, a->box.width, a->box.heading};
    const struct glint_rect q = {b->box.x, b->box.y, b->box.length, b->box.width, b->box.heading};
    return glint_rect_intersection(&p, &q);
}

/* ---- IoU ---- */

/* The common part of the z intervals; negative where they are disjoint. */
static double height_overlap(const struct glint_waymo_box *a, const struct glint_waymo_box *b)
{
    const double low = higher(a->z - a->height * 0.5, b->z - b->height * 0.5);
    const double high = lower(a->z + a->height * 0.5, b->z + b->height * 0.5);
    return high - low;
}

static double ratio(double both, double a, double b)
{
    const double all = a + b - both;
    return all <= MIN_UNION ? 0 : higher(lower(both / all, 1), 0);
}

double glint_waymo_iou(const struct glint_waymo_shape *a, const struct glint_waymo_shape *b, unsigned kind)
{
    const struct glint_waymo_box *p = &a->box, *q = &b->box;
    if (kind & GLINT_WAYMO_IOU_BEV) {
        if (!a->usable_2d || !b->usable_2d)
            return 0;
        return ratio(intersection(a, b, kind), p->length * p->width, q->length * q->width);
    }
    if (!a->usable_3d || !b->usable_3d)
        return 0;
    const double height = height_overlap(p, q);
    if (height < 0)
        return 0;
    return ratio(intersection(a, b, kind) * height, p->length * p->width * p->height,
                 q->length * q->width * q->height);
}

double glint_waymo_iou_bound(const struct glint_waymo_shape *a, const struct glint_waymo_shape *b,
                             unsigned kind)
{
    const struct glint_waymo_box *p = &a->box, *q = &b->box;
    const bool bev = kind & GLINT_WAYMO_IOU_BEV;
    if (!(bev ? a->usable_2d && b->usable_2d : a->usable_3d && b->usable_3d))
        return 0;
    const double dx = lower(a->high[0], b->high[0]) - higher(a->low[0], b->low[0]);
    const double dy = lower(a->high[1], b->high[1]) - higher(a->low[1], b->low[1]);
    const double height = bev ? 1 : height_overlap(p, q);
    if (dx < 0 || dy < 0 || height < 0)
        return 0;
    if (!(kind & GLINT_WAYMO_IOU_EXACT))
        return 1;
    const double area_p = p->length * p->width, area_q = q->length * q->width;
    const double most = lower(dx * dy, lower(area_p, area_q)) * height;
    const double all = (bev ? area_p + area_q : area_p * p->height + area_q * q->height) - most;
    return all <= MIN_UNION ? 1 : most / all;
}
