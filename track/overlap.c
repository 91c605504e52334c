/* track/overlap.c - see overlap.h. The hull by monotone chains (A. M. Andrew 1979) over the eight corners. */
#include "track/overlap.h"
#include <math.h>
#include <string.h>

#define N 8

static double cross(const double o[2], const double a[2], const double b[2])
{
    return (a[0] - o[0]) * (b[1] - o[1]) - (a[1] - o[1]) * (b[0] - o[0]);
}

static void sort(double p[N][2])
{
    for (int i = 1; i < N; i++)
        for (int k = i; k > 0 && (p[k][0] < p[k - 1][0] || (p[k][0] == p[k - 1][0] && p[k][1] < p[k - 1][1]));
             k--) {
            double t[2];
            memcpy(t, p[k], sizeof t);
            memcpy(p[k], p[k - 1], sizeof t);
            memcpy(p[k - 1], t, sizeof t);
        }
}

/* One side of the hull, from p[from] on in steps of `step`; n points of it are there already. */
static int chain(double p[N][2], int from, int step, double hull[2 * N][2], int n)
{
    const int least = n + 1;
    for (int i = from; i >= 0 && i < N; i += step) {
        while (n > least && cross(hull[n - 2], hull[n - 1], p[i]) <= 0)
            n--;
        memcpy(hull[n++], p[i], sizeof hull[0]);
    }
    return n - 1; /* the last one begins the other side */
}

static double hull_area(double p[N][2])
{
    double hull[2 * N][2], twice = 0;
    sort(p);
    int n = chain(p, 0, 1, hull, 0);
    n = chain(p, N - 1, -1, hull, n);
    for (int i = 1; i + 1 < n; i++)
        twice += cross(hull[0], hull[i], hull[i + 1]);
    return 0.5 * twice;
}

double glint_rect_giou(const struct glint_rect *a, const struct glint_rect *b)
{
    double p[N][2];
    const double size_a = a->dx * a->dy, size_b = b->dx * b->dy;
    if (!(size_a > 0 && size_b > 0 && isfinite(size_a) && isfinite(size_b)))
        return -1;
    glint_rect_corners(a, p);
    glint_rect_corners(b, p + 4);
    const double both = glint_rect_intersection(a, b), either = size_a + size_b - both, hull = hull_area(p);
    return hull > 0 ? both / either - fmax(hull - either, 0) / hull : -1;
}
