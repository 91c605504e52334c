/* sim/terrain.c - see sim/terrain.h. The raster is painted: every piece of every street near by writes its
 * distance into the cells of its surroundings, the nearest wins; heights follow in one pass, hills by turning
 * phasors from cell to cell instead of a sine each. */
#include "sim/terrain.h"

double glint_sim_hill(const struct glint_sim_style *w, double x, double y, double slope_out[2])
{
    double z = 0;
    if (slope_out)
        slope_out[0] = slope_out[1] = 0;
    for (int k = 0; k < 5; k++) {
        const double kx = (double)w->hill[k][1], ky = (double)w->hill[k][2], a = (double)w->hill[k][0];
        double sine, cosine;
        glint_sim_sincos(kx * x + ky * y + (double)w->hill[k][3], &sine, &cosine);
        z += a * sine;
        if (slope_out) {
            slope_out[0] += a * kx * cosine;
            slope_out[1] += a * ky * cosine;
        }
    }
    return z;
}

static float lattice(uint64_t seed, int32_t i, int32_t j)
{
    uint32_t h = (uint32_t)i * 0x9e3779b1u ^ (uint32_t)j * 0x85ebca77u ^ (uint32_t)seed;
    h ^= h >> 16, h *= 0x7feb352du;
    h ^= h >> 15, h *= 0x846ca68bu;
    h ^= h >> 16;
    return (float)(h >> 8) * 0x1p-24f;
}

/* Smooth noise 0..1 of the given grain, m. */
static float noise(uint64_t seed, double x, double y, double grain)
{
    const double u = x / grain, v = y / grain, fu = floor(u), fv = floor(v);
    const int32_t i = (int32_t)fu, j = (int32_t)fv;
    float a = (float)(u - fu), b = (float)(v - fv);
    a = a * a * (3 - 2 * a), b = b * b * (3 - 2 * b);
    const float low = lattice(seed, i, j) * (1 - a) + lattice(seed, i + 1, j) * a;
    const float high = lattice(seed, i, j + 1) * (1 - a) + lattice(seed, i + 1, j + 1) * a;
    return low * (1 - b) + high * b;
}

#define WIDEST 20.0 /* m beyond a street's edge, from where on nothing changes any more */

/* What the place adds to the hills, beside and on a street. */
static double relief(const struct glint_sim_style *w, float kerb, float walk, double beyond, double middle,
                     double x, double y)
{
    if (beyond < 0)
        return -(double)w->crown * (middle < 8 ? middle : 8) - 0.05;
    double z = (double)kerb - 0.05;
    const double off = fmin(beyond, WIDEST) - (double)walk;
    if (w->scene == GLINT_SIM_SQUARE || w->scene == GLINT_SIM_PARKING || off < 0)
        return z;
    z += (double)w->slope * off;
    if (off > 0.3) {
        const double rise = off - 0.3 < 2 ? (off - 0.3) / 2 : 1;
        if (w->bank > 0) {
            const float b = noise(w->seed + 11, x, y, 27);
            z += rise * (double)w->bank * (b > 0.55f ? (double)(b - 0.55f) * 3 : 0);
        }
        z += rise * (double)(w->bumps * noise(w->seed + 12, x, y, 2.9));
    }
    return z;
}

double glint_sim_height(const struct glint_sim_style *w, const struct glint_sim_street *s, int side,
                        double beyond, double middle, double x, double y)
{
    return glint_sim_hill(w, x, y, NULL) + relief(w, s->kerb, s->walk[side], beyond, middle, x, y);
}

double glint_sim_height_among(const struct glint_sim_style *w, const struct glint_sim_street *s, int32_t n,
                              double x, double y, double *beyond_out)
{
    double best = 1e9, middle = 1e9;
    int32_t nearest = 0;
    int side = 0;
    for (int32_t k = 0; k < n; k++) {
        double along, left;
        if (!s[k].there)
            continue;
        glint_sim_street_project(&s[k], x, y, &along, &left);
        const double beyond = fabs(left) - (double)glint_sim_street_edge(&s[k], left > 0);
        if (beyond < best)
            best = beyond, nearest = k, side = left > 0, middle = fabs(left);
    }
    if (beyond_out)
        *beyond_out = best;
    return n > 0 ? glint_sim_height(w, &s[nearest], side, best, middle, x, y) : glint_sim_hill(w, x, y, NULL);
}

/* A piece of a street, as it is painted. */
struct piece {
    double x, y, ux, uy, length; /* from, direction */
    double along;
    float edge[2];
    int32_t number;
};

static inline void paint_cell(const struct piece *p, double wx, double wy, float *beyond, int32_t *number,
                              float *along)
{
    const double f = wx * p->ux + wy * p->uy, cross = p->ux * wy - p->uy * wx;
    const double over = f < 0 ? -f : f > p->length ? f - p->length : 0;
    const bool left = cross > 0;
    const float off = (float)(over > 0 ? sqrt(cross * cross + over * over) : fabs(cross)),
                edge = p->edge[left];
    if (off - edge >= *beyond)
        return;
    *beyond = off - edge;
    *number = p->number * 2 + left;
    *along = (float)(p->along + f);
}

/* Lines between lanes, dashed, and in the middle, solid. */
static enum glint_sim_ground marking(const struct glint_sim_street *s, float off, float along)
{
    const float lane = off / s->lane, nearest = floorf(lane + 0.5f), part = along * (1.0f / 9);
    const bool dashed = part - floorf(part) < 0.35f, line = fabsf(lane - nearest) * s->lane < 0.12f;
    return line && (dashed || nearest < 0.5f) && nearest <= (float)s->lanes ? GLINT_SIM_MARKING
                                                                            : GLINT_SIM_ASPHALT;
}

/* Narrows lo..hi to where least <= slope * x + offset <= most. */
static void narrow(double slope, double offset, double least, double most, double *lo, double *hi)
{
    if (fabs(slope) < 1e-9) {
        if (offset < least || offset > most)
            *hi = *lo - 1;
        return;
    }
    const double a = (least - offset) / slope, b = (most - offset) / slope;
    *lo = fmax(*lo, fmin(a, b));
    *hi = fmin(*hi, fmax(a, b));
}

/* Only the strip across the piece, with as much at its ends as bends leave open outside. */
static void paint(const struct glint_sim_raster *t, const struct piece *p, double reach, float *beyond,
                  int32_t *street, float *along)
{
    const double x1 = p->x + p->ux * p->length, y1 = p->y + p->uy * p->length, inverse = 1 / (double)t->cell;
    const double last = GLINT_SIM_RASTER - 1, open = 1.3;
    const int r0 = (int)fmax(0, ceil((fmin(p->y, y1) - reach - t->y0) * inverse));
    const int r1 = (int)fmin(last, floor((fmax(p->y, y1) + reach - t->y0) * inverse));
    if (fmax(p->x, x1) + reach < t->x0 || fmin(p->x, x1) - reach > t->x0 + last * (double)t->cell)
        return;
    for (int r = r0; r <= r1; r++) {
        const double y = t->y0 + r * (double)t->cell, wy = y - p->y;
        double lo = fmin(p->x, x1) - reach - p->x, hi = fmax(p->x, x1) + reach - p->x;
        narrow(p->ux, wy * p->uy, -open, p->length + open, &lo, &hi);
        narrow(-p->uy, wy * p->ux, -reach, reach, &lo, &hi);
        if (lo > hi)
            continue;
        const int c0 = (int)fmax(0, ceil((lo + p->x - t->x0) * inverse));
        const int c1 = (int)fmin(last, floor((hi + p->x - t->x0) * inverse));
        for (int c = c0; c <= c1; c++) {
            const size_t k = (size_t)r * GLINT_SIM_RASTER + (size_t)c;
            paint_cell(p, t->x0 + c * (double)t->cell - p->x, wy, &beyond[k], &street[k], &along[k]);
        }
    }
}

static int32_t paint_streets(const struct glint_sim_raster *t, const struct glint_sim_style *w,
                             struct glint_sim_street *streets, float *beyond, int32_t *number, float *along)
{
    const double size = GLINT_SIM_RASTER * (double)t->cell;
    const int32_t i0 = (int32_t)floor(t->x0 / w->spacing) - 2,
                  i1 = (int32_t)floor((t->x0 + size) / w->spacing) + 2;
    const int32_t j0 = (int32_t)floor(t->y0 / w->spacing) - 2,
                  j1 = (int32_t)floor((t->y0 + size) / w->spacing) + 2;
    int32_t n = 0;
    for (int32_t j = j0; j <= j1; j++)
        for (int32_t i = i0; i <= i1; i++)
            for (int32_t dir = 0; dir < 2 && n < GLINT_SIM_RASTER_STREETS; dir++) {
                struct glint_sim_street *s = &streets[n];
                glint_sim_get_street(w, i, j, dir, s);
                if (!s->there)
                    continue;
                const double reach =
                    WIDEST + (double)glint_sim_max(glint_sim_street_edge(s, 0), glint_sim_street_edge(s, 1));
                for (int k = 0; k < GLINT_SIM_STREET_STEPS; k++) {
                    const double dx = s->x[k + 1] - s->x[k], dy = s->y[k + 1] - s->y[k],
                                 len = sqrt(dx * dx + dy * dy);
                    const struct piece p = {s->x[k],
                                            s->y[k],
                                            dx / len,
                                            dy / len,
                                            len,
                                            k * s->step,
                                            {glint_sim_street_edge(s, 0), glint_sim_street_edge(s, 1)},
                                            n};
                    paint(t, &p, reach, beyond, number, along);
                }
                n++;
            }
    return n;
}

/* Heights of one row: hills by phasors. */
static void fill_row(struct glint_sim_raster *t, const struct glint_sim_style *w,
                     const struct glint_sim_street *streets, int r, const float *beyond,
                     const int32_t *number)
{
    const double y = t->y0 + r * (double)t->cell;
    double re[5], im[5], cs[5], sn[5];
    for (int k = 0; k < 5; k++) {
        glint_sim_sincos((double)w->hill[k][1] * t->x0 + (double)w->hill[k][2] * y + (double)w->hill[k][3],
                         &im[k], &re[k]);
        glint_sim_sincos((double)w->hill[k][1] * (double)t->cell, &sn[k], &cs[k]);
    }
    for (int c = 0; c < GLINT_SIM_RASTER; c++) {
        const size_t at = (size_t)r * GLINT_SIM_RASTER + (size_t)c;
        double z = -t->z0;
        for (int k = 0; k < 5; k++) {
            z += (double)w->hill[k][0] * im[k];
            const double turned = re[k] * cs[k] - im[k] * sn[k];
            im[k] = im[k] * cs[k] + re[k] * sn[k];
            re[k] = turned;
        }
        const struct glint_sim_street *s = number[at] < 0 ? NULL : &streets[number[at] / 2];
        const int side = number[at] & 1;
        const float walk = s ? s->walk[side] : 0, off = beyond[at], along = t->height[at];
        const float middle = s ? off + glint_sim_street_edge(s, side) : 1e9f;
        z += relief(w, s ? s->kerb : 0.1f, walk, (double)off, (double)middle, t->x0 + c * (double)t->cell, y);
        t->height[at] = (float)z;
        if (off < 0 && s)
            t->ground[at] = (uint8_t)marking(s, middle, along);
        else
            t->ground[at] = off < walk || w->scene == GLINT_SIM_SQUARE ? GLINT_SIM_PAVING
                            : w->scene == GLINT_SIM_PARKING            ? GLINT_SIM_ASPHALT
                                                                       : GLINT_SIM_SOIL;
    }
}

void glint_sim_raster_fill(struct glint_sim_raster *t, const struct glint_sim_style *w, double x, double y,
                           double z0, float cell, struct glint_sim_raster_work *work)
{
    t->cell = cell;
    t->x0 = x - GLINT_SIM_RASTER / 2 * (double)cell;
    t->y0 = y - GLINT_SIM_RASTER / 2 * (double)cell;
    t->z0 = z0;
    for (size_t k = 0; k < (size_t)GLINT_SIM_RASTER * GLINT_SIM_RASTER; k++) {
        work->beyond[k] = (float)WIDEST;
        work->street[k] = -1;
    }
    paint_streets(t, w, work->streets, work->beyond, work->street, t->height); /* heights come later */
    for (int r = 0; r < GLINT_SIM_RASTER; r++)
        fill_row(t, w, work->streets, r, work->beyond, work->street);
}
