/* eval/kitti_overlap.c - see kitti_overlap.h. */
#include "eval/kitti_overlap.h"
#include "core/box.h"
#include <math.h>

static double shared(double lo_a, double hi_a, double lo_b, double hi_b)
{
    return fmax(fmin(hi_a, hi_b) - fmax(lo_a, lo_b), 0);
}

static double image_area(const struct glint_kitti_object *o)
{
    return (o->bbox[2] - o->bbox[0]) * (o->bbox[3] - o->bbox[1]);
}

static double image_shared(const struct glint_kitti_object *a, const struct glint_kitti_object *b)
{
    return shared(a->bbox[0], a->bbox[2], b->bbox[0], b->bbox[2]) *
           shared(a->bbox[1], a->bbox[3], b->bbox[1], b->bbox[3]);
}

/* The footprint in the x-z plane. The heading is (cos ry, -sin ry) there: a turn by -ry. */
static struct glint_rect footprint(const struct glint_kitti_object *o)
{
    return (struct glint_rect){o->bottom[0], o->bottom[2], o->size[2], o->size[1], -o->rotation_y};
}

static double ratio(double both, double a, double b)
{
    return both > 0 ? both / (a + b - both) : 0;
}

static double of_boxes(const struct glint_kitti_object *a, const struct glint_kitti_object *b, bool in_3d)
{
    const struct glint_rect p = footprint(a), q = footprint(b);
    const double area = glint_rect_intersection(&p, &q), p_area = p.dx * p.dy, q_area = q.dx * q.dy;
    if (!in_3d)
        return ratio(area, p_area, q_area);
    const double both =
        area * shared(a->bottom[1] - a->size[0], a->bottom[1], b->bottom[1] - b->size[0], b->bottom[1]);
    return ratio(both, p_area * a->size[0], q_area * b->size[0]);
}

double glint_kitti_overlap(enum glint_kitti_metric metric, const struct glint_kitti_object *a,
                           const struct glint_kitti_object *b)
{
    if (metric == GLINT_KITTI_BEV || metric == GLINT_KITTI_3D)
        return of_boxes(a, b, metric == GLINT_KITTI_3D);
    return ratio(image_shared(a, b), image_area(a), image_area(b));
}

double glint_kitti_covered(const struct glint_kitti_object *found, const struct glint_kitti_object *region)
{
    const double both = image_shared(found, region);
    return both > 0 ? both / image_area(found) : 0;
}
