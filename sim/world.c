/* sim/world.c - a world's life: opening, what is near, where everybody is; see sim/sim.h and sim/world.h. */
#include "sim/world.h"
#include <stdlib.h>

struct glint_sim_settings glint_sim_default_settings(void)
{
    return (struct glint_sim_settings){.seconds = 60, .traffic = -1, .people = -1};
}

static int check(const struct glint_sim_settings *s)
{
    if (!(s->seconds >= 1 && s->seconds <= 3600))
        return glint_fail(GLINT_E_ARG, "sim: seconds is %g, expected 1..3600", s->seconds);
    if ((unsigned)s->scene >= GLINT_SIM_SCENE_COUNT)
        return glint_fail(GLINT_E_ARG, "sim: scene is %d, expected 0..%d", (int)s->scene,
                          GLINT_SIM_SCENE_COUNT - 1);
    if (!(s->traffic <= 3) || !(s->people <= 3))
        return glint_fail(GLINT_E_ARG, "sim: traffic and people are %g and %g, expected at most 3",
                          (double)s->traffic, (double)s->people);
    if (!(s->rain_mm_h >= 0 && s->rain_mm_h <= 50))
        return glint_fail(GLINT_E_ARG, "sim: rain is %g mm/h, expected 0..50", (double)s->rain_mm_h);
    return GLINT_OK;
}

int glint_sim_open(const struct glint_sim_settings *settings, struct glint_sim **sim_out)
{
    GLINT_TRY(check(settings));
    const size_t cells = (size_t)GLINT_SIM_RASTER * GLINT_SIM_RASTER;
    struct glint_sim *s = calloc(1, sizeof *s);
    if (!s)
        return glint_fail(GLINT_E_NOMEM, "sim: out of memory");
    s->settings = *settings;
    s->style = glint_sim_draw_style(settings);
    int status = glint_sim_traffic_init(&s->traffic, &s->style);
    s->raster_work = malloc(sizeof *s->raster_work);
    for (int k = 0; k < 2; k++) {
        s->ground[k].raster.height = malloc((cells + 2 * GLINT_SIM_RASTER) * sizeof(float));
        s->ground[k].raster.ground = malloc(cells + 8);
        if (!s->ground[k].raster.height || !s->ground[k].raster.ground)
            status = GLINT_E_NOMEM;
    }
    if (status == GLINT_OK && !s->raster_work)
        status = GLINT_E_NOMEM;
    if (status < 0) {
        glint_sim_close(s);
        return glint_fail(status, "sim: out of memory");
    }
    *sim_out = s;
    return GLINT_OK;
}

void glint_sim_close(struct glint_sim *sim)
{
    if (!sim)
        return;
    for (int32_t k = 0; k < sim->n_blocks; k++) {
        glint_sim_block_fini(sim->block[k]);
        free(sim->block[k]);
    }
    for (int k = 0; k < 2; k++) {
        free(sim->ground[k].raster.height);
        free(sim->ground[k].raster.ground);
    }
    glint_sim_traffic_fini(&sim->traffic);
    glint_sim_set_fini(&sim->moving);
    free(sim->raster_work);
    free(sim->instance);
    free(sim->scratch);
    free(sim);
}

/* --- blocks --- */

/* Makes room for one: the block that is farthest from the place goes. */
static void forget_one(struct glint_sim *sim, double x, double y)
{
    int32_t worst = 0;
    double most = -1;
    for (int32_t k = 0; k < sim->n_blocks; k++) {
        const double dx = (sim->block[k]->i + 0.5) * sim->style.spacing - x,
                     dy = (sim->block[k]->j + 0.5) * sim->style.spacing - y;
        if (dx * dx + dy * dy > most)
            most = dx * dx + dy * dy, worst = k;
    }
    glint_sim_block_fini(sim->block[worst]);
    free(sim->block[worst]);
    sim->block[worst] = sim->block[--sim->n_blocks];
}

static int need_block(struct glint_sim *sim, int32_t i, int32_t j, double x, double y)
{
    for (int32_t k = 0; k < sim->n_blocks; k++)
        if (sim->block[k]->i == i && sim->block[k]->j == j)
            return GLINT_OK;
    if (sim->n_blocks == GLINT_SIM_MOST_BLOCKS)
        forget_one(sim, x, y);
    struct glint_sim_block *b = calloc(1, sizeof *b);
    if (!b)
        return glint_fail(GLINT_E_NOMEM, "sim: out of memory for a block");
    const int status = glint_sim_block_init(b, &sim->style, i, j);
    if (status < 0) {
        glint_sim_block_fini(b);
        free(b);
        return status;
    }
    sim->block[sim->n_blocks++] = b;
    return GLINT_OK;
}

static bool block_is_near(const struct glint_sim *sim, int32_t i, int32_t j, double x, double y,
                          double radius_m)
{
    const double c = sim->style.spacing, loose = (double)sim->style.loose * c + 12;
    const double dx = fmax(0, fmax(i * c - loose - x, x - (i + 1) * c - loose));
    const double dy = fmax(0, fmax(j * c - loose - y, y - (j + 1) * c - loose));
    return dx * dx + dy * dy < radius_m * radius_m;
}

int glint_sim_need_blocks(struct glint_sim *sim, double x, double y, double radius_m)
{
    const double c = sim->style.spacing, r = fmin(radius_m, 3.4 * c);
    const int32_t i0 = (int32_t)floor((x - r) / c) - 1, i1 = (int32_t)floor((x + r) / c) + 1;
    const int32_t j0 = (int32_t)floor((y - r) / c) - 1, j1 = (int32_t)floor((y + r) / c) + 1;
    for (int32_t j = j0; j <= j1; j++)
        for (int32_t i = i0; i <= i1; i++)
            if (block_is_near(sim, i, j, x, y, r))
                GLINT_TRY(need_block(sim, i, j, x, y));
    return GLINT_OK;
}

/* --- motion --- */

static double seconds_of(const struct glint_sim *sim, int64_t t_ns)
{
    const double t = (double)t_ns * 1e-9;
    return t < 0 ? 0 : t > sim->settings.seconds ? sim->settings.seconds : t;
}

struct glint_sim_track glint_sim_own_track(struct glint_sim *sim, double seconds)
{
    struct glint_sim_track at = {0};
    if (glint_sim_traffic_until(&sim->traffic, seconds) == GLINT_OK)
        glint_sim_track_at(sim->traffic.mover[0], seconds, &at);
    return at;
}

double glint_sim_road(const struct glint_sim *sim, double x, double y, double slope_out[2])
{
    return glint_sim_hill(&sim->style, x, y, slope_out) - 0.05 - (double)sim->style.crown * 2;
}

static struct glint_pose pose_at(struct glint_sim *sim, double seconds)
{
    const struct glint_sim_track at = glint_sim_own_track(sim, seconds);
    double slope[2], sine, cosine;
    glint_sim_sincos(at.yaw, &sine, &cosine);
    const double z = glint_sim_road(sim, at.x, at.y, slope);
    /* nods under its acceleration */
    const double ahead = at.ax * cosine + at.ay * sine, aside = at.ay * cosine - at.ax * sine;
    const double pitch = -(slope[0] * cosine + slope[1] * sine) - 0.006 * ahead;
    const double roll = slope[1] * cosine - slope[0] * sine + 0.008 * aside;
    const double half[3] = {roll / 2, pitch / 2, at.yaw / 2};
    double s[3], c[3];
    for (int k = 0; k < 3; k++)
        glint_sim_sincos(half[k], &s[k], &c[k]);
    return (struct glint_pose){
        {c[0] * c[1] * c[2] + s[0] * s[1] * s[2], s[0] * c[1] * c[2] - c[0] * s[1] * s[2],
         c[0] * s[1] * c[2] + s[0] * c[1] * s[2], c[0] * c[1] * s[2] - s[0] * s[1] * c[2]},
        {at.x, at.y, z}};
}

struct glint_pose glint_sim_pose(struct glint_sim *sim, int64_t t_ns)
{
    return pose_at(sim, seconds_of(sim, t_ns));
}

/* By differences over 20 ms of poses, which are continuous to the second derivative. */
struct glint_sim_imu glint_sim_imu(struct glint_sim *sim, int64_t t_ns)
{
    const double h = 0.02, end = sim->settings.seconds;
    double t = seconds_of(sim, t_ns);
    t = t < h ? h : t > end - h ? end - h : t;
    const struct glint_pose a = pose_at(sim, t - h), b = pose_at(sim, t), c = pose_at(sim, t + h),
                            back = glint_pose_inverse(b);
    const double turn[4] = {back.q[0], back.q[1], back.q[2], back.q[3]};
    const struct glint_pose own = {{turn[0], turn[1], turn[2], turn[3]}, {0, 0, 0}};
    struct glint_sim_imu m;
    double force[3], speed[3];
    for (int k = 0; k < 3; k++) {
        force[k] = (a.t[k] - 2 * b.t[k] + c.t[k]) / (h * h) + (k == 2 ? 9.81 : 0);
        speed[k] = (c.t[k] - a.t[k]) / (2 * h);
    }
    glint_pose_apply(own, force, m.acceleration);
    glint_pose_apply(own, speed, m.velocity);
    const struct glint_pose d = glint_pose_compose(glint_pose_inverse(a), c);
    const double sign = d.q[0] < 0 ? -1 : 1; /* small: the vector part is half of the turn */
    for (int k = 0; k < 3; k++)
        m.rate[k] = sign * d.q[k + 1] * 2 / (2 * h);
    return m;
}

/* --- who moves --- */

static bool is_near(double dx, double dy, double radius_m)
{
    return dx * dx + dy * dy < radius_m * radius_m;
}

static void add_vehicle(struct glint_sim *sim, const struct glint_sim_mover *m,
                        const struct glint_sim_track *at, double seconds, struct glint_sim_set *set)
{
    struct glint_sim_random r = {glint_sim_mix(m->seed ^ 0x51)};
    const struct glint_sim_place place = {at->x, at->y, glint_sim_road(sim, at->x, at->y, NULL),
                                          (float)at->yaw};
    if (m->rider)
        glint_sim_add_rider(set, &place, m->id, (float)(seconds * 1.3), &r);
    else
        glint_sim_add_vehicle(set, &place, &m->size, m->id, &r);
}

static void add_walker(struct glint_sim *sim, const struct glint_sim_block *b,
                       const struct glint_sim_walker *k, const struct glint_sim_motion *at,
                       struct glint_sim_set *set)
{
    struct glint_sim_random r = {k->seed};
    const double z = glint_sim_height_among(&sim->style, b->street, 4, at->x, at->y, NULL);
    const struct glint_sim_place place = {at->x, at->y, z, (float)at->yaw};
    if (k->rider)
        glint_sim_add_rider(set, &place, k->id, at->gait.phase, &r);
    else
        glint_sim_add_person(set, &place, k->id, at->gait, &r);
}

static void moves(struct glint_sim_set *set, uint64_t seed, struct glint_sim_moving *motion, int32_t *n,
                  double vx, double vy, double yaw_rate)
{
    glint_sim_thing_last(set)->key = (uint32_t)(glint_sim_mix(seed) >> 32);
    motion[(*n)++] = (struct glint_sim_moving){(float)vx, (float)vy, (float)yaw_rate};
}

int32_t glint_sim_add_moving(struct glint_sim *sim, double seconds, double x, double y, double radius_m,
                             struct glint_sim_set *set, struct glint_sim_moving *motion, int32_t cap)
{
    int32_t n = 0;
    for (int32_t k = 1; k < sim->traffic.n && n < cap; k++) {
        const struct glint_sim_mover *m = sim->traffic.mover[k];
        struct glint_sim_track at;
        if (!glint_sim_track_at(m, seconds, &at) || !is_near(at.x - x, at.y - y, radius_m))
            continue;
        add_vehicle(sim, m, &at, seconds, set);
        moves(set, m->seed, motion, &n, at.vx, at.vy, at.yaw_rate);
    }
    for (int32_t k = 0; k < sim->n_blocks; k++) {
        const struct glint_sim_block *b = sim->block[k];
        for (int32_t i = 0; i < b->n_walkers && n < cap; i++) {
            const struct glint_sim_motion at = glint_sim_walker_at(b, &b->walker[i], seconds);
            if (!is_near(at.x - x, at.y - y, radius_m))
                continue;
            add_walker(sim, b, &b->walker[i], &at, set);
            double sine, cosine;
            glint_sim_sincos(at.yaw, &sine, &cosine);
            moves(set, b->walker[i].seed, motion, &n, at.speed * cosine, at.speed * sine, at.yaw_rate);
        }
    }
    return n;
}

/* --- labels --- */

static void label(const struct glint_sim_thing *t, const struct glint_sim_moving *m,
                  const struct glint_pose *vehicle, double yaw, struct glint_sim_object *out)
{
    *out = (struct glint_sim_object){.id = t->id, .label = (enum glint_sim_label)t->label, .kind = t->kind};
    double p[3] = {t->x + (double)(t->cos_yaw * t->middle), t->y + (double)(t->sin_yaw * t->middle),
                   t->z + (double)t->height / 2};
    glint_pose_apply(glint_pose_inverse(*vehicle), p, p);
    double sine, cosine;
    glint_sim_sincos(yaw, &sine, &cosine);
    for (int k = 0; k < 3; k++)
        out->box.center[k] = (float)p[k];
    out->box.size[0] = t->length;
    out->box.size[1] = t->width;
    out->box.size[2] = t->height;
    const double turn = (double)t->yaw - yaw;
    out->box.yaw = (float)(turn - 2 * GLINT_SIM_PI * floor(turn / (2 * GLINT_SIM_PI) + 0.5));
    const double vx = m ? (double)m->vx : 0, vy = m ? (double)m->vy : 0;
    out->box.velocity[0] = (float)(vx * cosine + vy * sine);
    out->box.velocity[1] = (float)(vy * cosine - vx * sine);
    out->box.score = 1;
    out->box.label = t->label;
    out->box.id = t->id;
    out->yaw_rate = m ? (double)m->yaw_rate : 0;
    out->box.yaw_rate = (float)out->yaw_rate;
}

static int by_id(const void *a, const void *b)
{
    const int32_t x = ((const struct glint_sim_object *)a)->id, y = ((const struct glint_sim_object *)b)->id;
    return x < y ? -1 : x > y;
}

int glint_sim_objects(struct glint_sim *sim, int64_t t_ns, double radius_m, struct glint_sim_object *out,
                      int32_t cap, int32_t *n_out)
{
    const double t = seconds_of(sim, t_ns);
    const struct glint_sim_track own = glint_sim_own_track(sim, t);
    const struct glint_pose vehicle = pose_at(sim, t);
    struct glint_sim_moving *motion = sim->motion;
    *n_out = 0;
    GLINT_TRY(glint_sim_need_blocks(sim, own.x, own.y, radius_m));
    glint_sim_set_clear(&sim->moving);
    glint_sim_add_moving(sim, t, own.x, own.y, radius_m, &sim->moving, motion, GLINT_SIM_MOST_MOVING);
    for (int32_t k = -1; k < sim->n_blocks; k++) {
        const struct glint_sim_set *set = k < 0 ? &sim->moving : &sim->block[k]->set;
        for (int32_t i = 0; i < set->n_things; i++) {
            const struct glint_sim_thing *thing = &set->thing[i];
            if (thing->id == 0 || !is_near(thing->x - own.x, thing->y - own.y, radius_m))
                continue;
            if (*n_out == cap)
                return glint_fail(GLINT_E_CAPACITY, "sim: more than %d objects within %g m", cap, radius_m);
            label(thing, k < 0 ? &motion[i] : NULL, &vehicle, own.yaw, &out[(*n_out)++]);
        }
    }
    qsort(out, (size_t)*n_out, sizeof *out, by_id);
    return GLINT_OK;
}
