/* sim/trace_lanes.h - the kernel of sim/trace.h, written once over the
 * operations of lanes_c.h, lanes_avx2.h or lanes_avx512.h: include one of them
 * first, and define TRACE, LOOK and FILL as the functions' names.
 *
 * Rays never look at each other: a test that skips work for several at once (a
 * sphere that none of them meets) only leaves out what would not have changed
 * any of them. So the bits do not depend on how many go together. */
#include "sim/part_lanes.h"
#include "sim/rows.h"
#include "sim/trace.h"

/* --- ground --- */

struct spot { /* of a raster */
    lf height, slope_x, slope_y;
    lu index;
};

static inline struct spot look(const struct glint_sim_raster *r, lf x, lf y)
{
    const float inverse = 1.0f / r->cell, last = (float)(GLINT_SIM_RASTER - 1) - 0.001f;
    const lf u = lf_at_most_index((x - lf_set((float)r->x0)) * lf_set(inverse), last);
    const lf v = lf_at_most_index((y - lf_set((float)r->y0)) * lf_set(inverse), last);
    const lu i = lu_trunc(u), j = lu_trunc(v), at = j * lu_set(GLINT_SIM_RASTER) + i;
    const lf a = u - lf_int(i), b = v - lf_int(j);
    const lf h00 = lf_gather(r->height, at), h10 = lf_gather(r->height + 1, at);
    const lf h01 = lf_gather(r->height + GLINT_SIM_RASTER, at),
             h11 = lf_gather(r->height + GLINT_SIM_RASTER + 1, at);
    const lf low = h00 + a * (h10 - h00), high = h01 + a * (h11 - h01);
    const lf dx0 = h10 - h00, dx1 = h11 - h01;
    struct spot s;
    s.height = low + b * (high - low);
    s.slope_x = (dx0 + b * (dx1 - dx0)) * lf_set(inverse);
    s.slope_y = (high - low) * lf_set(inverse);
    s.index = at;
    return s;
}

/* Of the nearest node: enough to find about where a ray comes down. */
static inline lf near_height(const struct glint_sim_raster *r, lf x, lf y)
{
    const float inverse = 1.0f / r->cell, last = (float)(GLINT_SIM_RASTER - 1);
    const lf u = lf_at_most_index((x - lf_set((float)r->x0)) * lf_set(inverse) + lf_set(0.5f), last);
    const lf v = lf_at_most_index((y - lf_set((float)r->y0)) * lf_set(inverse) + lf_set(0.5f), last);
    return lf_gather(r->height, lu_trunc(v) * lu_set(GLINT_SIM_RASTER) + lu_trunc(u));
}

/* Heights along the bundle's middle, and the highest slope at which the ground
 * up to each place is seen: a ray of slope s meets the ground where that first
 * reaches s. */
static inline void make_profile(const struct glint_sim_sight *g, struct glint_sim_bundle *b)
{
    for (int k = 0; k < GLINT_SIM_PROFILE; k += LANES) {
        const lf r = lf_load(g->way + k);
        const lf x = lf_set(b->origin[0]) + r * lf_set(b->ahead[0]),
                 y = lf_set(b->origin[1]) + r * lf_set(b->ahead[1]);
        const lf h = near_height(&g->raster[k >= g->n_fine], x, y);
        lf_store(b->height + k, h);
        lf_store(b->horizon + k, (h - lf_set(b->origin[2])) / r);
    }
    enum {
        PARTS = 8,
        EACH = GLINT_SIM_PROFILE / PARTS
    }; /* the highest so far: eight chains beside each other */
    float most[PARTS];
    for (int p = 0; p < PARTS; p++)
        most[p] = -1e30f;
    for (int k = 0; k < EACH; k++)
        for (int p = 0; p < PARTS; p++) {
            float *h = &b->horizon[p * EACH + k];
            most[p] = *h > most[p] ? *h : most[p];
            *h = most[p];
        }
    float before = most[0];
    for (int p = 1; p < PARTS; p++) {
        for (int k = 0; k < EACH; k += LANES)
            lf_store(b->horizon + p * EACH + k, lf_max(lf_load(b->horizon + p * EACH + k), lf_set(before)));
        before = most[p] > before ? most[p] : before;
    }
    b->horizon[GLINT_SIM_PROFILE - 1] = 1e30f; /* nothing is met any more */
}

static inline struct spot look_at(const struct glint_sim_sight *g, lf x, lf y, lm fine)
{
    const lm all = lu_eq(lu_set(0), lu_set(0));
    struct spot s;
    if (!lm_any(lm_but(all, fine)))
        return look(&g->raster[0], x, y);
    const struct spot c = look(&g->raster[1], x, y);
    if (!lm_any(fine))
        return c;
    const struct spot a = look(&g->raster[0], x, y);
    s.height = lf_if(fine, a.height, c.height);
    s.slope_x = lf_if(fine, a.slope_x, c.slope_x);
    s.slope_y = lf_if(fine, a.slope_y, c.slope_y);
    s.index = lu_if(fine, a.index, c.index);
    return s;
}

static inline void ground(const struct glint_sim_sight *g, struct glint_sim_bundle *b, int at)
{
    const lf ox = lf_load(b->o[0] + at), oy = lf_load(b->o[1] + at), oz = lf_load(b->o[2] + at);
    const lf dx = lf_load(b->d[0] + at), dy = lf_load(b->d[1] + at), dz = lf_load(b->d[2] + at);
    const lu key = lu_load(b->key + at);
    const lf flat = lf_max(lf_sqrt(dx * dx + dy * dy), lf_set(1e-4f)), slope = dz / flat;
    lu k = lu_set(0); /* the first place with horizon >= slope */
    for (uint32_t half = GLINT_SIM_PROFILE / 2; half > 0; half /= 2) {
        const lm below = lf_lt(lf_gather(b->horizon + half - 1, k), slope);
        k = lu_if(below, k + lu_set(half), k);
    }
    const lm none = lu_eq(k, lu_set(GLINT_SIM_PROFILE - 1)), first = lu_eq(k, lu_set(0));
    const lu before = lu_if(first, k, k - lu_set(1));
    const lf rb = lf_gather(g->way, k), hb = lf_gather(b->height, k), ha = lf_gather(b->height, before);
    const lf ra = lf_if(first, lf_set(0.0f), lf_gather(g->way, before)), z = lf_set(b->origin[2]);
    const lf fa = z + slope * ra - ha, fb = z + slope * rb - hb, gap = rb - ra;
    const lf r = ra + gap * lf_min(lf_max(fa / lf_max(fa - fb, lf_set(1e-6f)), lf_set(0.0f)), lf_set(1.0f));
    const lm fine = lf_lt(r, lf_set(g->way[g->n_fine - 1]));
    const lf rise = lf_if(first, lf_set(0.0f), (hb - ha) / gap);
    const lf closing = lf_min(dz - rise * flat, lf_set(-0.004f)), most = gap;
    lf t = r / flat;
    struct spot s = look_at(g, ox + t * dx, oy + t * dy, fine);
    for (int turn = 0; turn < 2; turn++) { /* the ray's own place instead of the bundle's middle */
        const lf step = (oz + t * dz - s.height) / closing;
        t = t - lf_min(lf_max(step, lf_set(0.0f) - most), most);
        if (turn == 0)
            s = look_at(g, ox + t * dx, oy + t * dy, fine);
    }
    const lf up = lf_set(1.0f) / lf_sqrt(lf_set(1.0f) + s.slope_x * s.slope_x + s.slope_y * s.slope_y);
    const lf cosine = lf_max((dx * s.slope_x + dy * s.slope_y - dz) * up, lf_set(0.0f)) + lf_set(0.01f);
    const lu kind =
        lu_if(fine, lu_gather8(g->raster[0].ground, s.index), lu_gather8(g->raster[1].ground, s.index));
    const lf rough = lf_gather(g->roughness, kind) * lf_min(lf_set(0.5f) / cosine, lf_set(6.0f));
    /* patches: the cell of the world decides */
    const lu row = s.index >> 9, column = s.index & lu_set(GLINT_SIM_RASTER - 1);
    const lu fine_cell = (column + lu_set((uint32_t)g->first_column[0])) * lu_set(73856093u) ^
                         (row + lu_set((uint32_t)g->first_row[0])) * lu_set(19349663u);
    const lf patch = lf_if(fine, chance(fine_cell, 5), lf_set(0.5f));
    const lf light = lf_gather(g->reflectivity, kind) * (lf_set(0.75f) + lf_set(0.5f) * patch);
    const lm good = lm_but(lf_lt(lf_set(0.0f), t), none);
    t = t + rough * about_normal(key, 11);
    lf_store(b->t + at, lf_if(good, t, lf_set(GLINT_SIM_FAR)));
    lf_store(b->cosine + at, cosine);
    lf_store(b->light + at, light);
    lu_store(b->what + at, lu_set(GLINT_SIM_CLASS_GROUND));
    lu_store(b->id + at, lu_set(0));
    lf_store(b->pane + at, lf_set(GLINT_SIM_FAR));
    lf_store(b->pane_light + at, lf_set(0.0f));
    lu_store(b->pane_id + at, lu_set(0));
}

/* --- things --- */

static inline struct ray enter_frame(const struct glint_sim_instance *n, const struct glint_sim_bundle *b,
                                     int at)
{
    const lf dt = lf_load(b->dt + at), c = lf_set(n->cosine), s = lf_set(n->sine);
    const lf x = lf_load(b->o[0] + at) - lf_set(n->x) - lf_set(n->vx) * dt;
    const lf y = lf_load(b->o[1] + at) - lf_set(n->y) - lf_set(n->vy) * dt;
    const lf dx = lf_load(b->d[0] + at), dy = lf_load(b->d[1] + at);
    const lf tx = lf_set(n->tilt_x), ty = lf_set(n->tilt_y);
    struct ray r;
    r.o[0] = c * x + s * y;
    r.o[1] = c * y - s * x;
    r.o[2] = lf_load(b->o[2] + at) - lf_set(n->z) - (tx * x + ty * y);
    r.d[0] = c * dx + s * dy;
    r.d[1] = c * dy - s * dx;
    r.d[2] = lf_load(b->d[2] + at) - (tx * dx + ty * dy);
    r.inverse = lf_set(1.0f) / (r.d[0] * r.d[0] + r.d[1] * r.d[1] + r.d[2] * r.d[2]);
    r.key = lu_load(b->key + at);
    r.best = lf_load(b->t + at);
    return r;
}

static inline void keep(struct glint_sim_bundle *b, int at, struct ray *r, const struct found *f, lu what,
                        lu id)
{
    r->best = lf_if(f->hit, f->t, r->best);
    lf_store(b->t + at, r->best);
    lf_store(b->cosine + at, lf_if(f->hit, f->cosine, lf_load(b->cosine + at)));
    lf_store(b->light + at, lf_if(f->hit, f->light, lf_load(b->light + at)));
    lu_store(b->what + at, lu_if(f->hit, what, lu_load(b->what + at)));
    lu_store(b->id + at, lu_if(f->hit, id, lu_load(b->id + at)));
}

static inline void keep_pane(struct glint_sim_bundle *b, int at, lm pane, lf t, lf cosine, lu id)
{
    const lf before = lf_load(b->pane + at);
    const lm nearer = lm_and(pane, lf_lt(t, before));
    lf_store(b->pane + at, lf_if(nearer, t, before));
    lf_store(b->pane_light + at, lf_if(nearer, lf_set(0.05f) * (lf_set(0.2f) + lf_set(0.8f) * cosine),
                                       lf_load(b->pane_light + at)));
    lu_store(b->pane_id + at, lu_if(nearer, id, lu_load(b->pane_id + at)));
}

static inline bool hit_part(const struct glint_sim_set *set, const struct glint_sim_part *part, uint32_t salt,
                            int32_t id, struct ray *r, struct glint_sim_bundle *b, int at)
{
    const lm near = meets_sphere(r, part->center, part->radius);
    if (!lm_any(near))
        return false;
    struct found f;
    lu material = lu_set(part->material);
    if (part->kind == GLINT_SIM_CONVEX) {
        lm pane = lf_lt(lf_set(1.0f), lf_set(0.0f));
        lf pane_t;
        f = hit_convex(r, part, set->plane + part->first_plane, salt, near, &pane, &pane_t, &material);
        if (lm_any(pane))
            keep_pane(b, at, pane, pane_t, f.cosine, lu_set((uint32_t)id));
    } else if (part->kind == GLINT_SIM_ELLIPSOID)
        f = hit_ellipsoid(r, part, near);
    else if (part->kind == GLINT_SIM_CYLINDER)
        f = hit_cylinder(r, part, salt, near);
    else
        f = hit_leaves(r, part, salt, near);
    if (!lm_any(f.hit))
        return false;
    keep(b, at, r, &f, lu_set(part->cls) | material << 8, lu_set((uint32_t)id));
    return true;
}

/* Which of a thing's first 64 parts a bundle may meet at all, as seen from
 * above: a bit each. */
static inline uint64_t parts_ahead(const struct glint_sim_candidate *c, const struct glint_sim_bundle *b)
{
    const struct glint_sim_instance *n = c->instance;
    const float dt = b->dt[b->n / 2], x = b->origin[0] - n->x - n->vx * dt,
                y = b->origin[1] - n->y - n->vy * dt;
    const float ox = n->cosine * x + n->sine * y, oy = n->cosine * y - n->sine * x;
    const float ux = n->cosine * b->ahead[0] + n->sine * b->ahead[1],
                uy = n->cosine * b->ahead[1] - n->sine * b->ahead[0];
    const struct glint_sim_part *part = n->set->part + n->thing->first_part;
    uint64_t bits = 0;
    if (b->tangent > 1e6f)
        return ~bits;
    for (int32_t k = 0; k < n->thing->n_parts && k < 64; k++) {
        const float ex = part[k].center[0] - ox, ey = part[k].center[1] - oy,
                    wide = part[k].radius * 1.01f + c->margin + 0.01f;
        const float ahead = ux * ex + uy * ey + wide, aside = ux * ey - uy * ex;
        const bool meets = ahead > 0.0f && fabsf(aside) - wide <= ahead * b->tangent;
        bits |= (uint64_t)meets << k;
    }
    return bits;
}

static inline bool hit_thing(const struct glint_sim_instance *n, uint64_t parts, struct glint_sim_bundle *b,
                             int at)
{
    const struct glint_sim_thing *t = n->thing;
    struct ray r = enter_frame(n, b, at);
    const float middle[3] = {(t->lo[0] + t->hi[0]) / 2, (t->lo[1] + t->hi[1]) / 2, (t->lo[2] + t->hi[2]) / 2};
    const float hx = t->hi[0] - middle[0], hy = t->hi[1] - middle[1], hz = t->hi[2] - middle[2];
    if (!lm_any(meets_sphere(&r, middle, sqrtf(hx * hx + hy * hy + hz * hz))))
        return false;
    bool hit = false;
    for (int32_t k = 0; k < t->n_parts; k++) {
        if (k < 64 && !(parts >> k & 1))
            continue;
        const struct glint_sim_part *part = &n->set->part[t->first_part + k];
        hit = hit_part(n->set, part, t->key + 16u * (uint32_t)k, t->id, &r, b, at) || hit;
    }
    return hit;
}

/* The farthest best of sixteen rays. */
static inline float farthest(const struct glint_sim_bundle *b, int at)
{
    float most = 0;
    for (int k = 0; k < 16; k++)
        most = b->t[at + k] > most ? b->t[at + k] : most;
    return most;
}

/* A bundle's rays: each laser in the column in which it points the bundle's
 * way; at the scan's ends, where there is none, in the nearest one. */
void FILL(const struct glint_sim_rows *rows, int32_t bundle, struct glint_sim_bundle *b,
          int32_t ray_out[GLINT_SIM_BUNDLE])
{
    const uint32_t base = (uint32_t)(rows->first + bundle), last = (uint32_t)rows->rays->n_columns - 1;
    const float *row = rows->row->r;
    b->n = rows->per_bundle;
    for (int at = 0; at < b->n; at += LANES) {
        const lu column = lu_load(rows->shift + at) + lu_set(base);
        const lm early = lf_lt(lf_int(column), lf_set(0.0f)),
                 late = lf_lt(lf_int(lu_set(last)), lf_int(column));
        const lu in = lu_if(early, lu_set(0), lu_if(late, lu_set(last), column)),
                 from = in * lu_set(sizeof *rows->row / 4);
        const lf x = lf_load(rows->dir[0] + at), y = lf_load(rows->dir[1] + at),
                 z = lf_load(rows->dir[2] + at);
        const lf ox = lf_load(rows->off[0] + at), oy = lf_load(rows->off[1] + at),
                 oz = lf_load(rows->off[2] + at);
        const lf after = lf_load(rows->late + at);
        for (uint32_t c = 0; c < 3; c++) {
            const lf r0 = lf_gather(row + 3 * c, from), r1 = lf_gather(row + 3 * c + 1, from),
                     r2 = lf_gather(row + 3 * c + 2, from);
            const lf o = lf_gather(row + 9 + c, from), v = lf_gather(row + 12 + c, from);
            lf_store(b->d[c] + at, r0 * x + r1 * y + r2 * z);
            lf_store(b->o[c] + at, o + v * after + (r0 * ox + r1 * oy + r2 * oz));
        }
        lf_store(b->dt + at, lf_gather(row + 15, from) + after);
        const lu ray = in * lu_set((uint32_t)rows->rays->n_lasers) + lu_load(rows->laser + at);
        lu_store(b->key + at, (ray * lu_set(0x9e3779b1u)) ^ lu_set(rows->seed));
        const lm real = lm_but(lm_but(lu_eq(lu_load(rows->there + at), lu_set(1)), early), late);
        lu_store((uint32_t *)(void *)ray_out + at, lu_if(real, ray, lu_set(UINT32_MAX)));
    }
}

/* The middle of a bundle is its middle ray; widths hold all rays. */
void LOOK(struct glint_sim_bundle *b)
{
    const int m = b->n / 2;
    const float x = b->d[0][m], y = b->d[1][m], flat = sqrtf(x * x + y * y);
    b->ahead[0] = flat > 1e-6f ? x / flat : 1.0f;
    b->ahead[1] = flat > 1e-6f ? y / flat : 0.0f;
    for (int k = 0; k < 3; k++)
        b->origin[k] = b->o[k][m];
    float wide[LANES], off[LANES], low[LANES], high[LANES];
    lf most = lf_set(0.0f), spread = lf_set(0.0f);
    for (int at = 0; at < b->n; at += 16) {
        lf least_slope = lf_set(1e9f), most_slope = lf_set(-1e9f);
        for (int k = at; k < at + 16; k += LANES) {
            const lf dx = lf_load(b->d[0] + k), dy = lf_load(b->d[1] + k), ux = lf_set(b->ahead[0]),
                     uy = lf_set(b->ahead[1]);
            const lf ahead = dx * ux + dy * uy, aside = lf_abs(dy * ux - dx * uy);
            const lm narrow = lf_lt(lf_set(0.02f), ahead);
            most = lf_max(most, lf_if(narrow, aside / lf_if(narrow, ahead, lf_set(1.0f)), lf_set(1e9f)));
            const lf ex = lf_abs(lf_load(b->o[0] + k) - lf_set(b->origin[0]));
            const lf ey = lf_abs(lf_load(b->o[1] + k) - lf_set(b->origin[1]));
            const lf ez = lf_abs(lf_load(b->o[2] + k) - lf_set(b->origin[2]));
            spread = lf_max(spread, ex + ey + ez);
            const lf slope = lf_load(b->d[2] + k) / lf_max(lf_sqrt(dx * dx + dy * dy), lf_set(1e-4f));
            least_slope = lf_min(least_slope, slope);
            most_slope = lf_max(most_slope, slope);
        }
        lf_store(low, least_slope);
        lf_store(high, most_slope);
        b->low[at / 16] = low[0], b->high[at / 16] = high[0];
        for (int k = 1; k < LANES; k++) {
            b->low[at / 16] = low[k] < b->low[at / 16] ? low[k] : b->low[at / 16];
            b->high[at / 16] = high[k] > b->high[at / 16] ? high[k] : b->high[at / 16];
        }
    }
    lf_store(wide, most);
    lf_store(off, spread);
    b->tangent = wide[0], b->spread = off[0];
    for (int k = 1; k < LANES; k++) {
        b->tangent = wide[k] > b->tangent ? wide[k] : b->tangent;
        b->spread = off[k] > b->spread ? off[k] : b->spread;
    }
}

void TRACE(const struct glint_sim_sight *sight, const struct glint_sim_candidate *candidate,
           int32_t n_candidates, struct glint_sim_bundle *b)
{
    uint64_t parts[GLINT_SIM_MOST_NEAR];
    bool known[GLINT_SIM_MOST_NEAR] = {false};
    make_profile(sight, b);
    for (int at = 0; at < b->n; at += 16) {
        for (int k = 0; k < 16; k += LANES)
            ground(sight, b, at + k);
        float most = farthest(b, at);
        for (int32_t n = 0; n < n_candidates && candidate[n].near < most; n++) {
            if (candidate[n].high < b->low[at / 16] || candidate[n].low > b->high[at / 16])
                continue;
            if (!known[n])
                parts[n] = parts_ahead(&candidate[n], b);
            known[n] = true;
            bool hit = false;
            for (int k = 0; k < 16 && parts[n]; k += LANES)
                hit = hit_thing(candidate[n].instance, parts[n], b, at + k) || hit;
            if (hit)
                most = farthest(b, at);
        }
    }
}
