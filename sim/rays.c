/* sim/rays.c - rays as lines in the sensor's frame, and points on them; see sim/sim.h. */
#include "sim/math.h"
#include "sim/sim.h"

static void turn(double angle, float v[3])
{
    double s, c;
    glint_sim_sincos(angle, &s, &c);
    const float x = (float)(c * (double)v[0] - s * (double)v[1]);
    v[1] = (float)(s * (double)v[0] + c * (double)v[1]);
    v[0] = x;
}

void glint_sim_ray(const struct glint_sim_rays *rays, int32_t column, int32_t laser, float origin_out[3],
                   float dir_out[3])
{
    const size_t at = rays->angle ? (size_t)laser : (size_t)column * (size_t)rays->n_lasers + (size_t)laser;
    for (int k = 0; k < 3; k++) {
        dir_out[k] = rays->dir[k][at];
        origin_out[k] = rays->off[0] ? rays->off[k][laser] : 0.0f;
    }
    if (rays->angle) {
        turn((double)rays->angle[column], dir_out);
        turn((double)rays->angle[column], origin_out);
    }
}

int32_t glint_sim_points(const struct glint_sim_rays *rays, const float *range_m, float *xyz_out,
                         int32_t *ray_out)
{
    int32_t n = 0;
    for (int32_t c = 0; c < rays->n_columns; c++)
        for (int32_t l = 0; l < rays->n_lasers; l++) {
            const int32_t ray = c * rays->n_lasers + l;
            if (!(range_m[ray] > 0.0f))
                continue;
            float o[3], d[3];
            glint_sim_ray(rays, c, l, o, d);
            for (int k = 0; k < 3; k++)
                xyz_out[3 * n + k] = o[k] + range_m[ray] * d[k];
            ray_out[n++] = ray;
        }
    return n;
}

static struct glint_sim_object *find(struct glint_sim_object *objects, int32_t n, int32_t id)
{
    int32_t lo = 0, hi = n;
    while (lo < hi) {
        const int32_t mid = lo + (hi - lo) / 2;
        if (objects[mid].id < id)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < n && objects[lo].id == id ? &objects[lo] : NULL;
}

void glint_sim_count(const struct glint_sim_rays *rays, const struct glint_sim_returns *returns,
                     struct glint_sim_object *objects, int32_t n_objects)
{
    const size_t n = (size_t)rays->n_columns * (size_t)rays->n_lasers;
    for (int32_t i = 0; i < n_objects; i++)
        objects[i].n_points = 0;
    for (size_t i = 0; i < n; i++) {
        if (!(returns->range_m[i] > 0.0f) || returns->instance[i] <= 0)
            continue;
        struct glint_sim_object *o = find(objects, n_objects, returns->instance[i]);
        if (o)
            o->n_points++;
    }
}
