/* sim/rows.c - see sim/rows.h. Poses are exact every few milliseconds and
 * linear between (a thousandth of a millimetre and a microradian off at most);
 * each ray takes the frame of its own column, and within it its own time. */
#include "sim/rows.h"
#include "sim/world.h"
#include <stdlib.h>

#define POSES      128
#define MOST_SHIFT 240
#define PER_BUNDLE 64 /* of patterns */

static int32_t rays_of(const struct glint_sim_rays *rays)
{
    return rays->n_columns * rays->n_lasers;
}

size_t glint_sim_rows_layout(struct glint_sim_rows *rows, const struct glint_sim_rays *rays, uint8_t *base)
{
    const size_t frames = glint_arena_round((size_t)rays->n_columns * sizeof *rows->row);
    const size_t orders = glint_arena_round(
        (rays->angle ? (size_t)rays->n_lasers : 3 * (size_t)rays_of(rays)) * sizeof(int32_t));
    rows->row = base ? (struct glint_sim_row *)(void *)base : NULL;
    rows->order = base ? (int32_t *)(void *)(base + frames) : NULL;
    return frames + orders;
}

/* --- frames of columns --- */

struct frame {
    double m[12]; /* scan's frame from sensor, row-major 3 x 4 */
};

static struct frame frame_at(struct glint_sim *sim, const struct glint_sim_rays *rays, const double at[4],
                             double t)
{
    struct frame f;
    struct glint_pose p =
        glint_pose_compose(glint_sim_pose(sim, (int64_t)floor(t * 1e9 + 0.5)), rays->vehicle_from_sensor);
    for (int k = 0; k < 3; k++)
        p.t[k] -= at[k];
    glint_pose_to_matrix(p, f.m);
    return f;
}

static void make_row(const struct frame *a, const struct frame *b, double part, double step, double angle,
                     struct glint_sim_row *out)
{
    double m[12], sine, cosine;
    for (int k = 0; k < 12; k++)
        m[k] = a->m[k] + part * (b->m[k] - a->m[k]);
    glint_sim_sincos(angle, &sine, &cosine);
    for (int k = 0; k < 3; k++) {
        out->r[3 * k] = (float)(m[4 * k] * cosine + m[4 * k + 1] * sine);
        out->r[3 * k + 1] = (float)(m[4 * k + 1] * cosine - m[4 * k] * sine);
        out->r[3 * k + 2] = (float)m[4 * k + 2];
        out->o[k] = (float)m[4 * k + 3];
        out->v[k] = (float)((b->m[4 * k + 3] - a->m[4 * k + 3]) / step);
    }
}

static void make_rows(struct glint_sim_rows *rows, struct glint_sim *sim, const double at[4], double from,
                      double to)
{
    const struct glint_sim_rays *rays = rows->rays;
    struct frame pose[POSES + 1];
    const double step = fmax((to - from) / POSES, 1e-6);
    for (int k = 0; k <= POSES; k++)
        pose[k] = frame_at(sim, rays, at, from + k * step);
    for (int32_t c = 0; c < rays->n_columns; c++) {
        const double t = (double)(rays->start_ns + rays->column_ns[c]) * 1e-9, u = (t - from) / step;
        const int k = u < 0 ? 0 : u >= POSES ? POSES - 1 : (int)u;
        make_row(&pose[k], &pose[k + 1], u - k, step, rays->angle ? (double)rays->angle[c] : 0,
                 &rows->row[c]);
        rows->row[c].dt = (float)(t - at[3]);
    }
}

/* --- order --- */

static void order_lasers(struct glint_sim_rows *rows)
{
    const struct glint_sim_rays *rays = rows->rays;
    for (int32_t l = 0; l < rays->n_lasers; l++) {
        int32_t at = l;
        while (at > 0 && rays->dir[2][rows->order[at - 1]] > rays->dir[2][l]) {
            rows->order[at] = rows->order[at - 1];
            at--;
        }
        rows->order[at] = l;
    }
}

/* How many columns earlier or later a laser points where the others do. */
static int32_t shift_of(const struct glint_sim_rays *rays, int32_t laser, double step)
{
    const double azimuth = glint_sim_atan2((double)rays->dir[1][laser], (double)rays->dir[0][laser]);
    const double shift = fabs(step) > 1e-5 ? floor(-azimuth / step + 0.5) : 0;
    return fabs(shift) > MOST_SHIFT ? 0 : (int32_t)shift;
}

static void align_lasers(struct glint_sim_rows *rows)
{
    const struct glint_sim_rays *rays = rows->rays;
    double step = rays->n_columns > 1 ? (double)(rays->angle[1] - rays->angle[0]) : 1;
    step -= 2 * GLINT_SIM_PI * floor(step / (2 * GLINT_SIM_PI) + 0.5);
    int32_t least = 0, most = 0;
    rows->per_bundle = (rays->n_lasers + 15) / 16 * 16;
    for (int32_t p = 0; p < rows->per_bundle; p++) {
        const int32_t l = rows->order[p < rays->n_lasers ? p : rays->n_lasers - 1],
                      shift = shift_of(rays, l, step);
        least = shift < least ? shift : least;
        most = shift > most ? shift : most;
        rows->laser[p] = (uint32_t)l;
        rows->there[p] = p < rays->n_lasers;
        rows->shift[p] = (uint32_t)shift;
        rows->late[p] = rays->laser_ns ? (float)rays->laser_ns[l] * 1e-9f : 0;
        for (int k = 0; k < 3; k++) {
            rows->dir[k][p] = rays->dir[k][l];
            rows->off[k][p] = rays->off[0] ? rays->off[k][l] : 0;
        }
    }
    rows->first = -most;
    rows->n_bundles = rays->n_columns + most - least;
}

struct sorter {
    float azimuth, up;
    int32_t ray;
};

static int by_azimuth(const void *a, const void *b)
{
    const struct sorter *p = a, *q = b;
    if (p->azimuth != q->azimuth)
        return p->azimuth < q->azimuth ? -1 : 1;
    return p->ray < q->ray ? -1 : p->ray > q->ray;
}

static int by_elevation(const void *a, const void *b)
{
    const struct sorter *p = a, *q = b;
    if (p->up != q->up)
        return p->up < q->up ? -1 : 1;
    return p->ray < q->ray ? -1 : p->ray > q->ray;
}

static void order_rays(struct glint_sim_rows *rows)
{
    const struct glint_sim_rays *rays = rows->rays;
    const int32_t n = rays_of(rays);
    struct sorter *s = (struct sorter *)(void *)rows->order;
    for (int32_t k = 0; k < n; k++)
        s[k] = (struct sorter){(float)glint_sim_atan2((double)rays->dir[1][k], (double)rays->dir[0][k]),
                               rays->dir[2][k], k};
    qsort(s, (size_t)n, sizeof *s, by_azimuth);
    for (int32_t k = 0; k < n; k += PER_BUNDLE)
        qsort(s + k, (size_t)(n - k < PER_BUNDLE ? n - k : PER_BUNDLE), sizeof *s, by_elevation);
    for (int32_t k = 0; k < n; k++) /* order[k] lies before s[k] or in it */
        rows->order[k] = s[k].ray;
    rows->per_bundle = PER_BUNDLE;
    rows->n_bundles = (n + PER_BUNDLE - 1) / PER_BUNDLE;
}

void glint_sim_rows_fill(struct glint_sim_rows *rows, struct glint_sim *sim,
                         const struct glint_sim_rays *rays, uint32_t seed, const double frame[4], double from,
                         double to)
{
    rows->rays = rays;
    rows->seed = seed;
    make_rows(rows, sim, frame, from, to);
    if (rays->angle) {
        order_lasers(rows);
        align_lasers(rows);
    } else
        order_rays(rows);
}

/* --- bundles --- */

static void fill_ray(const struct glint_sim_rows *rows, int32_t ray, int32_t k, struct glint_sim_bundle *b)
{
    const struct glint_sim_rays *rays = rows->rays;
    const int32_t column = ray / rays->n_lasers, laser = ray % rays->n_lasers, at = rays->angle ? laser : ray;
    const struct glint_sim_row *row = &rows->row[column];
    const float x = rays->dir[0][at], y = rays->dir[1][at], z = rays->dir[2][at];
    const float late = rays->laser_ns ? (float)rays->laser_ns[laser] * 1e-9f : 0;
    const bool off = rays->off[0] != NULL;
    const float ox = off ? rays->off[0][laser] : 0, oy = off ? rays->off[1][laser] : 0,
                oz = off ? rays->off[2][laser] : 0;
    for (int c = 0; c < 3; c++) {
        const float *r = row->r + 3 * c;
        b->d[c][k] = r[0] * x + r[1] * y + r[2] * z;
        b->o[c][k] = row->o[c] + row->v[c] * late + (r[0] * ox + r[1] * oy + r[2] * oz);
    }
    b->dt[k] = row->dt + late;
    b->key[k] = (uint32_t)ray * 0x9e3779b1u ^ rows->seed;
}

void glint_sim_rows_bundle(const struct glint_sim_rows *rows, int32_t bundle, struct glint_sim_bundle *b,
                           int32_t ray_out[GLINT_SIM_BUNDLE])
{
    const int32_t n = rays_of(rows->rays);
    b->n = rows->per_bundle;
    for (int32_t k = 0; k < b->n; k++) {
        const int32_t at = bundle * rows->per_bundle + k, ray = rows->order[at < n ? at : n - 1];
        fill_ray(rows, ray, k, b);
        ray_out[k] = at < n ? ray : -1;
    }
}
