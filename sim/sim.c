/* sim/sim.c - the world behind sim/sim.h. A first one: a straight road with cars and people as boxes, cast
 * ray by ray. */
#include "sim/sim.h"
#include "sim/math.h"
#include <stdlib.h>

#define SPEED_M_S 8.0
#define N_OBJECTS 120

struct glint_sim {
    struct glint_sim_settings settings;
    struct glint_sim_object object[N_OBJECTS]; /* boxes in the world */
};

struct glint_sim_settings glint_sim_default_settings(void)
{
    return (struct glint_sim_settings){.seconds = 60, .traffic = -1, .people = -1};
}

static uint64_t mix(uint64_t z)
{
    z += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static double uniform(uint64_t seed, uint64_t what)
{
    return (double)(mix(seed ^ mix(what)) >> 11) * 0x1p-53;
}

static void place(struct glint_sim *s, int32_t i)
{
    const bool person = i % 4 == 3;
    struct glint_sim_object *o = &s->object[i];
    const double u = uniform(s->settings.seed, (uint64_t)i), side = i % 2 ? 1 : -1;
    *o = (struct glint_sim_object){.id = i + 1, .kind = person ? "person" : "sedan"};
    o->label = person ? GLINT_SIM_LABEL_PEDESTRIAN : GLINT_SIM_LABEL_CAR;
    o->box = person ? (struct glint_box){.size = {0.7f, 0.6f, 1.75f}}
                    : (struct glint_box){.size = {4.4f, 1.8f, 1.5f}};
    o->box.center[0] = (float)(8.0 * i - 100 + 3 * u);
    o->box.center[1] = (float)(side * (person ? 8 : 5));
    o->box.center[2] = o->box.size[2] / 2;
    o->box.label = (int32_t)o->label;
    o->box.id = o->id;
}

int glint_sim_open(const struct glint_sim_settings *settings, struct glint_sim **sim_out)
{
    if (!(settings->seconds >= 1 && settings->seconds <= 3600))
        return glint_fail(GLINT_E_ARG, "sim: seconds is %g, expected 1..3600", settings->seconds);
    struct glint_sim *s = calloc(1, sizeof *s);
    if (!s)
        return glint_fail(GLINT_E_NOMEM, "sim: out of memory");
    s->settings = *settings;
    for (int32_t i = 0; i < N_OBJECTS; i++)
        place(s, i);
    *sim_out = s;
    return GLINT_OK;
}

void glint_sim_close(struct glint_sim *sim)
{
    free(sim);
}

struct glint_pose glint_sim_pose(struct glint_sim *sim, int64_t t_ns)
{
    (void)sim;
    struct glint_pose p = glint_pose_identity();
    p.t[0] = SPEED_M_S * (double)t_ns * 1e-9;
    return p;
}

struct glint_sim_imu glint_sim_imu(struct glint_sim *sim, int64_t t_ns)
{
    (void)sim, (void)t_ns;
    return (struct glint_sim_imu){.acceleration = {0, 0, 9.81}, .velocity = {SPEED_M_S, 0, 0}};
}

int glint_sim_objects(struct glint_sim *sim, int64_t t_ns, double radius_m, struct glint_sim_object *out,
                      int32_t cap, int32_t *n_out)
{
    const struct glint_pose at = glint_sim_pose(sim, t_ns);
    *n_out = 0;
    for (int32_t i = 0; i < N_OBJECTS; i++) {
        struct glint_sim_object o = sim->object[i];
        o.box.center[0] -= (float)at.t[0];
        if (hypot((double)o.box.center[0], (double)o.box.center[1]) > radius_m)
            continue;
        if (*n_out == cap)
            return GLINT_E_CAPACITY;
        out[(*n_out)++] = o;
    }
    return GLINT_OK;
}

/* Where the ray enters the box, or `best`. */
static double enter(const struct glint_box *b, const double o[3], const double d[3], double best)
{
    double from = 0, to = best;
    for (int k = 0; k < 3; k++) {
        const double half = (double)b->size[k] / 2, c = (double)b->center[k],
                     inv = 1 / (d[k] == 0 ? 1e-12 : d[k]);
        const double t0 = (c - half - o[k]) * inv, t1 = (c + half - o[k]) * inv;
        from = fmax(from, fmin(t0, t1));
        to = fmin(to, fmax(t0, t1));
    }
    return from > 0 && from < to ? from : best;
}

static void cast_ray(struct glint_sim *s, const struct glint_sim_rays *rays, int32_t c, int32_t l,
                     const struct glint_sim_returns *out)
{
    const int32_t ray = c * rays->n_lasers + l;
    const int64_t t = rays->start_ns + rays->column_ns[c] + (rays->laser_ns ? rays->laser_ns[l] : 0);
    float of[3], df[3];
    glint_sim_ray(rays, c, l, of, df);
    double o[3] = {(double)of[0], (double)of[1], (double)of[2]}, tip[3], d[3];
    for (int k = 0; k < 3; k++)
        tip[k] = o[k] + (double)df[k];
    const struct glint_pose p = glint_pose_compose(glint_sim_pose(s, t), rays->vehicle_from_sensor);
    glint_pose_apply(p, o, o);
    glint_pose_apply(p, tip, tip);
    for (int k = 0; k < 3; k++)
        d[k] = tip[k] - o[k];
    double best = d[2] < -1e-6 ? -o[2] / d[2] : 1e9;
    int32_t instance = 0, cls = GLINT_SIM_CLASS_GROUND;
    for (int32_t i = 0; i < N_OBJECTS; i++) {
        const double r = enter(&s->object[i].box, o, d, best);
        if (r < best) {
            best = r, instance = s->object[i].id;
            cls =
                s->object[i].label == GLINT_SIM_LABEL_CAR ? GLINT_SIM_CLASS_VEHICLE : GLINT_SIM_CLASS_PERSON;
        }
    }
    const bool hit = best >= (double)rays->range_min_m && best <= (double)rays->range_max_m;
    out->range_m[ray] = hit ? (float)best : 0.0f;
    if (out->intensity)
        out->intensity[ray] = hit ? 0.3f : 0.0f;
    if (out->cls)
        out->cls[ray] = (uint8_t)cls;
    if (out->instance)
        out->instance[ray] = hit ? instance : 0;
    if (out->range2_m)
        out->range2_m[ray] = 0;
}

int glint_sim_cast(struct glint_sim *sim, struct glint_exec *x, const struct glint_sim_rays *rays,
                   const struct glint_sim_returns *out)
{
    (void)x;
    if (rays->n_lasers < 1 || rays->n_lasers > 128)
        return glint_fail(GLINT_E_ARG, "sim: %d lasers, expected 1..128", rays->n_lasers);
    for (int32_t c = 0; c < rays->n_columns; c++)
        for (int32_t l = 0; l < rays->n_lasers; l++)
            cast_ray(sim, rays, c, l, out);
    return GLINT_OK;
}
