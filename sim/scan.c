/* sim/scan.c - one scan: what is near, the sensor's way, bundles of rays, the
 * kernel, and echoes; see sim/sim.h.
 *
 * A scan works in a frame of its own: axes of the world, origin at the vehicle
 * rounded to 16 m, so that single precision is fine and rasters can be kept
 * while the vehicle stays near. Rays go in bundles of nearly one azimuth: the
 * lasers of a turning sensor that point the same way, whichever column they
 * belong to; of other patterns, the rays in order of azimuth. Blocks of bundles
 * are spread over threads; nothing depends on who does which. */
#include "sim/rows.h"
#include "sim/world.h"
#include <stdlib.h>

#define BLOCK      32 /* bundles */
#define MOST_TURN  128
#define POSE_STEPS 64
#define ANCHOR_M   16.0
#define LONGEST_S  0.25

struct footprint { /* of all instances, for culling */
    float *x, *y, *ax, *ay, *hx, *hy, *low, *high, *speed;
};

struct scan {
    struct glint_sim *sim;
    const struct glint_sim_rays *rays;
    const struct glint_sim_returns *out;
    glint_sim_trace_fn *trace;
    glint_sim_look_fn *look;
    glint_sim_fill_fn *fill;
    glint_sim_echo_fn *echo;
    struct glint_sim_sight sight;
    struct glint_sim_sensing sensing;
    struct glint_sim_rows rows;
    double x0, y0, z0, middle_s; /* the scan's frame; its middle time */
    struct footprint foot;
    uint32_t seed;
};

/* A block's own memory, one per worker. */
struct work {
    struct glint_sim_bundle bundle[BLOCK + 1]; /* [0]: the one before the block */
    int32_t ray[BLOCK + 1][GLINT_SIM_BUNDLE];
    struct glint_sim_candidate near[GLINT_SIM_MOST_NEAR], own[GLINT_SIM_MOST_NEAR];
    struct footprint_of {
        float x, y, ax, ay, hx, hy, margin;
    } shape[GLINT_SIM_MOST_NEAR], shape_sorted[GLINT_SIM_MOST_NEAR];
    struct glint_sim_instance turned[MOST_TURN];
    int32_t n_near;
    int32_t order[GLINT_SIM_MOST_NEAR];
    struct glint_sim_echoes echoes;
};

/* --- what is near --- */

static int add_instance(struct glint_sim *sim, const struct scan *s, const struct glint_sim_set *set,
                        const struct glint_sim_thing *t, const struct glint_sim_moving *m)
{
    if (sim->n_instances == sim->cap_instances) {
        const int32_t wanted = sim->cap_instances ? sim->cap_instances * 2 : 4096;
        struct glint_sim_instance *more = realloc(sim->instance, (size_t)wanted * sizeof *more);
        if (!more)
            return glint_fail(GLINT_E_NOMEM, "sim: out of memory for a scan");
        sim->instance = more;
        sim->cap_instances = wanted;
    }
    struct glint_sim_instance *n = &sim->instance[sim->n_instances++];
    *n = (struct glint_sim_instance){.set = set, .thing = t, .cosine = t->cos_yaw, .sine = t->sin_yaw};
    n->x = (float)(t->x - s->x0);
    n->y = (float)(t->y - s->y0);
    n->z = (float)(t->z - s->z0);
    if (m) {
        n->vx = m->vx;
        n->vy = m->vy;
        n->yaw_rate = m->yaw_rate;
    }
    if (t->cls == GLINT_SIM_CLASS_VEHICLE || t->cls == GLINT_SIM_CLASS_CYCLIST) {
        double slope[2];
        glint_sim_hill(&sim->style, t->x, t->y, slope);
        n->tilt_x = (float)slope[0];
        n->tilt_y = (float)slope[1];
    }
    return GLINT_OK;
}

static bool within(const struct glint_sim_thing *t, double x, double y, double reach)
{
    const double size = (double)glint_sim_max(t->hi[0] - t->lo[0], t->hi[1] - t->lo[1]);
    const double dx = t->x - x, dy = t->y - y, r = reach + size;
    return t->n_parts > 0 && dx * dx + dy * dy < r * r;
}

/* The carrier's own body below the sensor. */
static void add_body(const struct scan *s, const struct glint_sim_track *own, double road,
                     struct glint_sim_set *set, struct glint_sim_moving *motion, int32_t *n)
{
    const double *at = s->rays->vehicle_from_sensor.t;
    const float top = (float)at[2] - s->rays->body_below_m;
    if (!(s->rays->body_below_m > 0) || top < 0.6f)
        return;
    glint_sim_thing_add(set, own->x, own->y, road, (float)own->yaw, GLINT_SIM_CLASS_OTHER)->key = 1;
    glint_sim_box(set, -0.2f, 0, top * 0.5f + 0.2f, 1.25f, 0.72f, top * 0.5f - 0.2f, 0, GLINT_SIM_PLAIN,
                  0.2f);
    glint_sim_box(set, 0, 0, 0.55f, 2.2f, 0.9f, 0.35f, 0, GLINT_SIM_PLAIN, 0.2f);
    motion[(*n)++] = (struct glint_sim_moving){(float)own->vx, (float)own->vy, (float)own->yaw_rate};
}

static int gather(struct scan *s, const struct glint_sim_track *own, double road)
{
    struct glint_sim *sim = s->sim;
    struct glint_sim_moving *motion = sim->motion;
    const double reach = fmin((double)s->rays->range_max_m, 240) + 4;
    GLINT_TRY(glint_sim_need_blocks(sim, own->x, own->y, reach));
    glint_sim_set_clear(&sim->moving);
    int32_t n = glint_sim_add_moving(sim, s->middle_s, own->x, own->y, reach, &sim->moving, motion,
                                     GLINT_SIM_MOST_MOVING - 1);
    add_body(s, own, road, &sim->moving, motion, &n);
    if (sim->moving.failed)
        return glint_fail(GLINT_E_NOMEM, "sim: out of memory for a scan");
    sim->n_instances = 0;
    for (int32_t k = 0; k < n; k++)
        GLINT_TRY(add_instance(sim, s, &sim->moving, &sim->moving.thing[k], &motion[k]));
    for (int32_t k = 0; k < sim->n_blocks; k++) {
        const struct glint_sim_set *set = &sim->block[k]->set;
        for (int32_t i = 0; i < set->n_things; i++)
            if (within(&set->thing[i], own->x, own->y, reach))
                GLINT_TRY(add_instance(sim, s, set, &set->thing[i], NULL));
    }
    return GLINT_OK;
}

static void footprints(struct scan *s)
{
    for (int32_t k = 0; k < s->sim->n_instances; k++) {
        const struct glint_sim_instance *n = &s->sim->instance[k];
        const struct glint_sim_thing *t = n->thing;
        const float mx = (t->lo[0] + t->hi[0]) / 2, my = (t->lo[1] + t->hi[1]) / 2;
        s->foot.hx[k] = (t->hi[0] - t->lo[0]) / 2;
        s->foot.hy[k] = (t->hi[1] - t->lo[1]) / 2;
        s->foot.x[k] = n->x + n->cosine * mx - n->sine * my;
        s->foot.y[k] = n->y + n->sine * mx + n->cosine * my;
        s->foot.ax[k] = n->cosine;
        s->foot.ay[k] = n->sine;
        const float lean =
            (fabsf(n->tilt_x) + fabsf(n->tilt_y)) * (fabsf(mx) + fabsf(my) + s->foot.hx[k] + s->foot.hy[k]);
        s->foot.low[k] = n->z + t->lo[2] - lean;
        s->foot.high[k] = n->z + t->hi[2] + lean;
        s->foot.speed[k] = fabsf(n->vx) + fabsf(n->vy) + fabsf(n->yaw_rate) * (s->foot.hx[k] + s->foot.hy[k]);
    }
}

/* --- the ground --- */

static int32_t cells(double m, float cell)
{
    return (int32_t)floor(m / (double)cell + 0.5);
}

/* Places of the profile: as dense as the raster near by, then farther and
 * farther apart, up to the range. */
static void make_ways(struct glint_sim_sight *g, float range)
{
    const double most = fmax((double)range, 60), knee = 8, step = 0.13;
    const int near = (int)((knee - 0.4) / step), rest = GLINT_SIM_PROFILE - 1 - near;
    const double growth = glint_sim_exp(glint_sim_log(most / knee) / rest);
    double r = 0.4;
    g->n_fine = 0;
    for (int k = 0; k < GLINT_SIM_PROFILE; k++) {
        g->way[k] = (float)r;
        if (r < 50 && k % 16 == 15)
            g->n_fine = k + 1;
        r = k < near ? r + step : r * growth;
    }
}

static void see_ground(struct scan *s)
{
    static const float cell[2] = {0.25f, 1.0f};
    struct glint_sim *sim = s->sim;
    for (int k = 0; k < 2; k++) {
        struct glint_sim_ground_cache *g = &sim->ground[k];
        if (!g->made || g->x != s->x0 || g->y != s->y0) {
            glint_sim_raster_fill(&g->raster, &sim->style, s->x0, s->y0, s->z0, cell[k], sim->raster_work);
            g->made = true;
            g->x = s->x0;
            g->y = s->y0;
        }
        s->sight.raster[k] = g->raster;
        s->sight.first_column[k] = cells(g->raster.x0, cell[k]);
        s->sight.first_row[k] = cells(g->raster.y0, cell[k]);
        s->sight.raster[k].x0 -= s->x0;
        s->sight.raster[k].y0 -= s->y0;
    }
    const struct glint_sim_style *w = &sim->style;
    const float wet = sim->settings.rain_mm_h > 0.2f ? 0.5f : 1.0f;
    const float light[] = {w->asphalt * wet, 0.7f * wet, w->paving * wet, w->soil * wet};
    const float rough[] = {0.006f, 0.006f, 0.009f, w->roughness * 0.6f};
    for (int k = 0; k < GLINT_SIM_N_GROUNDS; k++) {
        s->sight.reflectivity[k] = light[k];
        s->sight.roughness[k] = rough[k];
    }
    make_ways(&s->sight, s->rays->range_max_m);
}

/* --- bundles --- */

struct wedge {             /* where bundles look */
    float ux, uy, tangent; /* middle direction; of half its width, 1e9: all around */
    float x, y, z, margin;
};

static struct wedge wedge_of(const struct glint_sim_bundle *b)
{
    return (struct wedge){b->ahead[0],  b->ahead[1],  b->tangent, b->origin[0],
                          b->origin[1], b->origin[2], b->spread};
}

static bool in_wedge(const struct wedge *w, float x, float y, float ax, float ay, float hx, float hy,
                     float margin)
{
    const float ex = x - w->x, ey = y - w->y;
    const float ahead = w->ux * ex + w->uy * ey, aside = fabsf(w->ux * ey - w->uy * ex);
    const float along = fabsf(w->ux * ax + w->uy * ay), across = fabsf(w->ux * ay - w->uy * ax);
    const float deep = ahead + hx * along + hy * across + margin, wide = hx * across + hy * along + margin;
    return w->tangent > 1e6f || (deep > 0 && aside - wide <= deep * w->tangent);
}

/* What covers a block: the middle bundle's direction, wide enough for all. */
static struct wedge cover(const struct wedge *of, int n)
{
    struct wedge w = of[n / 2];
    float most = 0, least = 1;
    for (int k = 0; k < n; k++) {
        const float c = of[k].ux * w.ux + of[k].uy * w.uy, s = fabsf(of[k].uy * w.ux - of[k].ux * w.uy);
        if (c < 0.3f || of[k].tangent > 1 || of[k].tangent * s > 0.5f * c)
            least = 0;
        else
            most = glint_sim_max(most, (s / c + of[k].tangent) / (1 - of[k].tangent * s / c));
        const float off = fabsf(of[k].x - w.x) + fabsf(of[k].y - w.y) + fabsf(of[k].z - w.z);
        w.margin = glint_sim_max(w.margin, off + of[k].margin);
    }
    w.tangent = least > 0 ? most : 1e9f;
    return w;
}

static void slopes(struct glint_sim_candidate *c, float low, float high, float near, float far)
{
    c->low = low / (low > 0 ? far : glint_sim_max(near, 0.01f));
    c->high = high / (high > 0 ? glint_sim_max(near, 0.01f) : far);
}

/* A moving thing as it is turned in the middle of the block. */
static const struct glint_sim_instance *turned(struct work *w, int32_t *n_turned,
                                               const struct glint_sim_instance *of, float dt)
{
    if (fabsf(of->yaw_rate) < 1e-4f || *n_turned == MOST_TURN)
        return of;
    struct glint_sim_instance *t = &w->turned[(*n_turned)++];
    double sine, cosine;
    glint_sim_sincos((double)(of->yaw_rate * dt), &sine, &cosine);
    *t = *of;
    t->cosine = (float)((double)of->cosine * cosine - (double)of->sine * sine);
    t->sine = (float)((double)of->sine * cosine + (double)of->cosine * sine);
    return t;
}

static bool sooner(const struct glint_sim_candidate *a, const struct glint_sim_candidate *b)
{
    if (a->near != b->near)
        return a->near < b->near;
    return a->instance->thing->key < b->instance->thing->key;
}

static void sort(struct work *w)
{
    for (int32_t k = 0; k < w->n_near; k++) {
        int32_t at = k;
        while (at > 0 && sooner(&w->near[k], &w->near[w->order[at - 1]])) {
            w->order[at] = w->order[at - 1];
            at--;
        }
        w->order[at] = k;
    }
    for (int32_t k = 0; k < w->n_near; k++) {
        w->own[k] = w->near[w->order[k]];
        w->shape_sorted[k] = w->shape[w->order[k]];
    }
    memcpy(w->near, w->own, (size_t)w->n_near * sizeof *w->near);
    memcpy(w->shape, w->shape_sorted, (size_t)w->n_near * sizeof *w->shape);
}

/* The things that a block may see, near to far. dt: the block's middle and half
 * of its time. */
static void cull(const struct scan *s, struct work *w, const struct wedge *at, float dt, float half_dt)
{
    const struct footprint *f = &s->foot;
    int32_t n_turned = 0;
    w->n_near = 0;
    for (int32_t k = 0; k < s->sim->n_instances && w->n_near < GLINT_SIM_MOST_NEAR; k++) {
        const struct glint_sim_instance *n = &s->sim->instance[k];
        const float x = f->x[k] + n->vx * dt, y = f->y[k] + n->vy * dt;
        const float margin =
            at->margin + 0.02f + f->speed[k] * half_dt + fabsf(n->yaw_rate * dt) * (f->hx[k] + f->hy[k]);
        if (!in_wedge(at, x, y, f->ax[k], f->ay[k], f->hx[k], f->hy[k], margin))
            continue;
        const float ex = x - at->x, ey = y - at->y;
        const float px = glint_sim_max(fabsf(ex * f->ax[k] + ey * f->ay[k]) - f->hx[k] - margin, 0);
        const float py = glint_sim_max(fabsf(ey * f->ax[k] - ex * f->ay[k]) - f->hy[k] - margin, 0);
        const float near = sqrtf(px * px + py * py),
                    far = sqrtf(ex * ex + ey * ey) + f->hx[k] + f->hy[k] + margin;
        struct glint_sim_candidate *c = &w->near[w->n_near];
        c->instance = turned(w, &n_turned, n, dt);
        c->near = near * 0.999f;
        c->margin = margin;
        slopes(c, f->low[k] - at->z - margin, f->high[k] - at->z + margin, near, far);
        w->shape[w->n_near++] = (struct footprint_of){x, y, f->ax[k], f->ay[k], f->hx[k], f->hy[k], margin};
    }
    sort(w);
}

static int32_t choose(struct work *w, const struct wedge *at)
{
    int32_t n = 0;
    for (int32_t k = 0; k < w->n_near; k++) {
        const struct footprint_of *f = &w->shape[k];
        if (in_wedge(at, f->x, f->y, f->ax, f->ay, f->hx, f->hy, f->margin))
            w->own[n++] = w->near[k];
    }
    return n;
}

/* --- echoes --- */

static void put_numbers(float *to, const float *from, const int32_t *ray, int32_t n)
{
    for (int32_t k = 0; to && k < n; k++)
        if (ray[k] >= 0)
            to[ray[k]] = from[k];
}

static void put_ids(int32_t *to, const uint32_t *from, const int32_t *ray, int32_t n)
{
    for (int32_t k = 0; to && k < n; k++)
        if (ray[k] >= 0)
            to[ray[k]] = (int32_t)from[k];
}

static void put_classes(uint8_t *to, const uint32_t *from, const int32_t *ray, int32_t n)
{
    for (int32_t k = 0; to && k < n; k++)
        if (ray[k] >= 0)
            to[ray[k]] = (uint8_t)from[k];
}

static void put(const struct glint_sim_returns *out, const struct glint_sim_echoes *e, const int32_t *ray,
                int32_t n)
{
    put_numbers(out->range_m, e->range, ray, n);
    put_numbers(out->intensity, e->intensity, ray, n);
    put_classes(out->cls, e->cls, ray, n);
    put_ids(out->instance, e->id, ray, n);
    put_numbers(out->range2_m, e->range2, ray, n);
    put_numbers(out->intensity2, e->intensity2, ray, n);
    put_classes(out->cls2, e->cls2, ray, n);
    put_ids(out->instance2, e->id2, ray, n);
}

/* Bundles first .. first + n - 1, and the one before them, for the edges of the
 * first. */
static void do_block(const struct scan *s, struct work *w, int32_t first, int32_t n)
{
    struct wedge at[BLOCK + 1] = {0};
    float from = 1e9f, to = -1e9f;
    const int32_t skip = first > 0 && s->rays->angle ? 0 : 1;
    for (int32_t k = skip; k <= n; k++) {
        struct glint_sim_bundle *b = &w->bundle[k];
        s->fill(&s->rows, first + k - 1, b, w->ray[k]);
        s->look(b);
        at[k] = wedge_of(b);
        for (int32_t i = 0; i < b->n; i++) {
            from = b->dt[i] < from ? b->dt[i] : from;
            to = b->dt[i] > to ? b->dt[i] : to;
        }
    }
    const struct wedge all = cover(at + skip, n + 1 - skip);
    cull(s, w, &all, (from + to) / 2, (to - from) / 2);
    for (int32_t k = skip; k <= n; k++) {
        struct glint_sim_bundle *b = &w->bundle[k];
        s->trace(&s->sight, w->own, choose(w, &at[k]), b);
        if (k == 0)
            continue;
        s->echo(&s->sensing, b, k > skip && s->rays->angle ? b - 1 : b, &w->echoes);
        put(s->out, &w->echoes, w->ray[k], b->n);
    }
}

/* --- all of it --- */

struct job {
    const struct scan *s;
    struct work *work; /* per worker */
};

static void do_some(void *ctx, int64_t begin, int64_t end, int worker)
{
    const struct job *j = ctx;
    for (int64_t k = begin; k < end; k++) {
        const int32_t first = (int32_t)k * BLOCK, rest = j->s->rows.n_bundles - first;
        do_block(j->s, &j->work[worker], first, rest < BLOCK ? rest : BLOCK);
    }
}

static void sense(struct scan *s)
{
    const struct glint_sim_rays *r = s->rays;
    const float at = 0.42f * r->range_max_m, rain = s->sim->settings.rain_mm_h;
    s->sensing = (struct glint_sim_sensing){
        .range_min = r->range_min_m, .range_max = r->range_max_m, .noise = r->noise_m, .dropout = r->dropout};
    s->sensing.threshold = 0.10f / (at * at + 16) / glint_sim_max(r->sensitivity, 1e-3f);
    s->sensing.mixed = glint_sim_min(0.5f, r->divergence_rad * 100);
    s->sensing.rain = rain * 0.0012f;
    s->sensing.extinction = rain * 0.0006f;
}

static int check(const struct glint_sim_rays *r, const struct glint_sim_returns *out)
{
    if (r->n_lasers < 1 || r->n_lasers > GLINT_SIM_BUNDLE)
        return glint_fail(GLINT_E_ARG, "sim: n_lasers is %d, expected 1..%d", r->n_lasers, GLINT_SIM_BUNDLE);
    if (r->n_columns < 1 || r->n_columns > 1 << 20)
        return glint_fail(GLINT_E_ARG, "sim: n_columns is %d, expected 1..%d", r->n_columns, 1 << 20);
    if (!r->column_ns || !r->dir[0] || !r->dir[1] || !r->dir[2] || !out->range_m)
        return glint_fail(GLINT_E_ARG, "sim: column_ns, dir or range_m is NULL");
    if (!(r->range_max_m > r->range_min_m && r->range_max_m <= 500))
        return glint_fail(GLINT_E_ARG, "sim: ranges are %g to %g m, expected at most 500",
                          (double)r->range_min_m, (double)r->range_max_m);
    return GLINT_OK;
}

/* Bytes of a scan's memory, or its parts within `base`. */
static size_t lay_out(struct scan *s, uint8_t *base, int workers, struct work **work_out)
{
    const size_t n = (size_t)s->sim->n_instances + 16;
    size_t used = 0;
    float **const foot[] = {&s->foot.x,  &s->foot.y,   &s->foot.ax,   &s->foot.ay,   &s->foot.hx,
                            &s->foot.hy, &s->foot.low, &s->foot.high, &s->foot.speed};
    for (size_t k = 0; k < 9; k++, used += glint_arena_round(n * 4))
        *foot[k] = base ? (float *)(void *)(base + used) : NULL;
    *work_out = base ? (struct work *)(void *)(base + used) : NULL;
    used += glint_arena_round(sizeof **work_out * (size_t)workers);
    return used + glint_sim_rows_layout(&s->rows, s->rays, base ? base + used : NULL);
}

static int reserve(struct scan *s, int workers, struct work **work_out)
{
    struct glint_sim *sim = s->sim;
    const size_t bytes = lay_out(s, NULL, workers, work_out);
    if (bytes > sim->cap_scratch) {
        free(sim->scratch);
        sim->cap_scratch = 0;
        sim->scratch = aligned_alloc(GLINT_ARENA_ALIGN, glint_arena_round(bytes + bytes / 8));
        if (!sim->scratch)
            return glint_fail(GLINT_E_NOMEM, "sim: out of memory for a scan of %zu bytes", bytes);
        sim->cap_scratch = bytes + bytes / 8;
    }
    lay_out(s, sim->scratch, workers, work_out);
    return GLINT_OK;
}

static int times(struct scan *s, double *from_out, double *to_out)
{
    const struct glint_sim_rays *r = s->rays;
    int64_t least = INT64_MAX, most = INT64_MIN;
    for (int32_t c = 0; c < r->n_columns; c++) {
        least = r->column_ns[c] < least ? r->column_ns[c] : least;
        most = r->column_ns[c] > most ? r->column_ns[c] : most;
    }
    *from_out = (double)(r->start_ns + least) * 1e-9;
    *to_out = (double)(r->start_ns + most) * 1e-9;
    if (*to_out - *from_out > LONGEST_S)
        return glint_fail(GLINT_E_ARG, "sim: columns span %g s, expected at most %g", *to_out - *from_out,
                          LONGEST_S);
    return GLINT_OK;
}

int glint_sim_cast(struct glint_sim *sim, struct glint_exec *x, const struct glint_sim_rays *rays,
                   const struct glint_sim_returns *out)
{
    GLINT_TRY(check(rays, out));
    const unsigned isa = x ? x->isa : glint_cpu_isa();
    struct scan s = {.sim = sim,
                     .look = glint_sim_look_get(isa),
                     .fill = rays->angle ? glint_sim_fill_get(isa) : glint_sim_rows_bundle,
                     .rays = rays,
                     .out = out,
                     .trace = glint_sim_trace_get(isa),
                     .echo = glint_sim_echo_get(isa)};
    double from, to;
    GLINT_TRY(times(&s, &from, &to));
    s.middle_s = fmin(fmax((from + to) / 2, 0), sim->settings.seconds);
    GLINT_TRY(glint_sim_traffic_until(&sim->traffic, fmin(fmax(to, 0), sim->settings.seconds)));
    const struct glint_sim_track own = glint_sim_own_track(sim, s.middle_s);
    s.x0 = floor(own.x / ANCHOR_M + 0.5) * ANCHOR_M;
    s.y0 = floor(own.y / ANCHOR_M + 0.5) * ANCHOR_M;
    s.z0 = floor(glint_sim_hill(&sim->style, s.x0, s.y0, NULL));
    s.seed = (uint32_t)glint_sim_mix(
        sim->settings.seed ^ glint_sim_mix(rays->noise_seed ^ glint_sim_mix((uint64_t)rays->start_ns)));
    GLINT_TRY(gather(&s, &own, glint_sim_road(sim, own.x, own.y, NULL)));
    see_ground(&s);
    sense(&s);
    struct glint_pool *pool = x ? x->pool : NULL;
    struct work *work;
    GLINT_TRY(reserve(&s, glint_pool_threads(pool), &work));
    footprints(&s);
    glint_sim_rows_fill(&s.rows, sim, rays, s.seed, (double[4]){s.x0, s.y0, s.z0, s.middle_s}, from, to);
    struct job j = {&s, work};
    glint_pool_for(pool, (s.rows.n_bundles + BLOCK - 1) / BLOCK, 1, do_some, &j);
    return GLINT_OK;
}
