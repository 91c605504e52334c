/* eval/waymo_zone.c - see waymo_zone.h. Two areas have a point in common when a corner of one is inside of
 * the other or two of their edges meet. */
#include "eval/waymo_zone.h"
#include <math.h>

struct point {
    double x, y;
};

static double side(struct point a, struct point b, struct point p)
{
    return (b.x - a.x) * (p.y - a.y) - (b.y - a.y) * (p.x - a.x);
}

/* Whether p, on the line of a and b, lies between them. */
static bool between(struct point a, struct point b, struct point p)
{
    return fmin(a.x, b.x) <= p.x && p.x <= fmax(a.x, b.x) && fmin(a.y, b.y) <= p.y && p.y <= fmax(a.y, b.y);
}

static bool edges_meet(struct point a, struct point b, struct point c, struct point d)
{
    const double c_side = side(a, b, c), d_side = side(a, b, d), a_side = side(c, d, a),
                 b_side = side(c, d, b);
    if (((c_side > 0 && d_side < 0) || (c_side < 0 && d_side > 0)) &&
        ((a_side > 0 && b_side < 0) || (a_side < 0 && b_side > 0)))
        return true;
    return (c_side == 0 && between(a, b, c)) || (d_side == 0 && between(a, b, d)) ||
           (a_side == 0 && between(c, d, a)) || (b_side == 0 && between(c, d, b));
}

static bool inside_rectangle(const struct point corner[4], struct point p)
{
    for (int i = 0; i < 4; i++)
        if (side(corner[i], corner[(i + 1) % 4], p) < 0)
            return false;
    return true;
}

static bool inside_zone(const struct glint_waymo_zone *z, struct point p)
{
    bool inside = false;
    for (int32_t i = 0, last = z->n - 1; i < z->n; last = i++) {
        const bool crosses = (z->y[i] > p.y) != (z->y[last] > p.y);
        if (crosses && p.x < (z->x[last] - z->x[i]) * (p.y - z->y[i]) / (z->y[last] - z->y[i]) + z->x[i])
            inside = !inside;
    }
    return inside;
}

static bool touches(const struct glint_waymo_zone *z, const struct point corner[4])
{
    if (z->n > 0 && (inside_zone(z, corner[0]) || inside_rectangle(corner, (struct point){z->x[0], z->y[0]})))
        return true;
    for (int32_t i = 0, last = z->n - 1; i < z->n; last = i++)
        for (int k = 0; k < 4; k++)
            if (edges_meet(corner[k], corner[(k + 1) % 4], (struct point){z->x[last], z->y[last]},
                           (struct point){z->x[i], z->y[i]}))
                return true;
    return false;
}

bool glint_waymo_in_zone(const struct glint_waymo_frame *frame, const double center[3], const double size[2],
                         double heading)
{
    static const double signs[4][2] = {{1, 1}, {-1, 1}, {-1, -1}, {1, -1}}; /* counter-clockwise */
    const double c = cos(heading), s = sin(heading), *m = frame->pose;
    struct point corner[4];
    if (!frame->has_pose || frame->n_zones == 0)
        return false;
    for (int i = 0; i < 4; i++) {
        const double along = signs[i][0] * size[0] / 2, across = signs[i][1] * size[1] / 2;
        const double x = center[0] + c * along - s * across, y = center[1] + s * along + c * across;
        corner[i].x = m[0] * x + m[1] * y + m[2] * center[2] + m[3];
        corner[i].y = m[4] * x + m[5] * y + m[6] * center[2] + m[7];
    }
    for (int32_t i = 0; i < frame->n_zones; i++)
        if (touches(&frame->zones[i], corner))
            return true;
    return false;
}
