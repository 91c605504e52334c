/* sim/train_api.c - scans for training out of sim/sim.h; see train_api.h.
 *
 * A turn is cast sensor by sensor into returns per ray; those that came are points, each moved by the one
 * matrix of its column. An object's box is taken to the mean time of its points by its velocity. */
#include "sim/train_api.h"
#include "sim/math.h"
#include "sim/sim.h"
#include <stdlib.h>
#include <string.h>

#define MAX_LASERS  128
#define MAX_OBJECTS 4096
#define SCRATCH     (UINT64_C(1) << 20)

struct rays { /* room for one sensor's turn */
    int32_t cap_columns, cap_lasers;
    int32_t *column_ns;
    float *angle, *range, *intensity, *dir[3];
    uint8_t *cls;
    int32_t *instance;
};

struct seen { /* of an object, over all sensors */
    int64_t sum_ns;
    int32_t n, row;
};

struct world {
    struct glint_sim *sim;
    struct glint_exec exec;
    struct rays rays;
    struct glint_sim_object object[MAX_OBJECTS];
    struct seen seen[MAX_OBJECTS];
    int32_t n_objects;
};

int32_t glint_train_api_version(void)
{
    return GLINT_TRAIN_API_VERSION;
}

const char *glint_train_error(void)
{
    return glint_error_text();
}

/* World */

void glint_train_world_close(void *world)
{
    struct world *w = world;
    if (!w)
        return;
    struct rays *r = &w->rays;
    void *const blocks[] = {r->column_ns, r->angle,  r->range, r->intensity, r->dir[0],
                            r->dir[1],    r->dir[2], r->cls,   r->instance};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        free(blocks[i]);
    glint_sim_close(w->sim);
    glint_exec_fini(&w->exec);
    free(w);
}

int32_t glint_train_world_open(const struct glint_train_world *settings, void **world_out)
{
    *world_out = NULL;
    struct world *w = calloc(1, sizeof *w);
    if (!w)
        return glint_fail(GLINT_E_NOMEM, "train: out of memory");
    struct glint_sim_settings s = glint_sim_default_settings();
    s.seed = settings->seed;
    s.seconds = settings->seconds;
    s.scene = (enum glint_sim_scene)settings->scene;
    s.traffic = settings->traffic;
    s.people = settings->people;
    s.rain_mm_h = settings->rain_mm_h;
    int status = glint_exec_init(&w->exec, glint_cpu_isa(), 1, SCRATCH);
    if (status == GLINT_OK)
        status = glint_sim_open(&s, &w->sim);
    if (status == GLINT_OK)
        *world_out = w;
    else
        glint_train_world_close(w);
    return status;
}

/* Rays */

static int grow(void **block, size_t bytes)
{
    void *p = realloc(*block, bytes);
    if (!p)
        return glint_fail(GLINT_E_NOMEM, "train: out of memory");
    *block = p;
    return GLINT_OK;
}

static int room_for(struct rays *r, int32_t columns, int32_t lasers)
{
    if (columns <= r->cap_columns && lasers <= r->cap_lasers)
        return GLINT_OK;
    const int32_t c = columns > r->cap_columns ? columns : r->cap_columns,
                  l = lasers > r->cap_lasers ? lasers : r->cap_lasers;
    const size_t n = (size_t)c * (size_t)l;
    r->cap_columns = r->cap_lasers = 0;
    GLINT_TRY(grow((void **)&r->column_ns, (size_t)c * sizeof *r->column_ns));
    GLINT_TRY(grow((void **)&r->angle, (size_t)c * sizeof *r->angle));
    GLINT_TRY(grow((void **)&r->range, n * sizeof *r->range));
    GLINT_TRY(grow((void **)&r->intensity, n * sizeof *r->intensity));
    GLINT_TRY(grow((void **)&r->cls, n * sizeof *r->cls));
    GLINT_TRY(grow((void **)&r->instance, n * sizeof *r->instance));
    for (int k = 0; k < 3; k++)
        GLINT_TRY(grow((void **)&r->dir[k], (size_t)l * sizeof *r->dir[k]));
    r->cap_columns = c;
    r->cap_lasers = l;
    return GLINT_OK;
}

static struct glint_pose pose_of(const double place[3], double roll, double pitch, double yaw)
{
    double s[3], c[3];
    glint_sim_sincos(roll / 2, &s[0], &c[0]);
    glint_sim_sincos(pitch / 2, &s[1], &c[1]);
    glint_sim_sincos(yaw / 2, &s[2], &c[2]);
    return (struct glint_pose){
        .q = {c[0] * c[1] * c[2] + s[0] * s[1] * s[2], s[0] * c[1] * c[2] - c[0] * s[1] * s[2],
              c[0] * s[1] * c[2] + s[0] * c[1] * s[2], c[0] * c[1] * s[2] - s[0] * s[1] * c[2]},
        .t = {place[0], place[1], place[2]}};
}

static void aim(struct rays *r, const struct glint_train_sensor *q)
{
    for (int32_t l = 0; l < q->n_lasers; l++) {
        double se, ce, sa, ca;
        glint_sim_sincos((double)q->elevation[l], &se, &ce);
        glint_sim_sincos(q->azimuth ? (double)q->azimuth[l] : 0, &sa, &ca);
        r->dir[0][l] = (float)(ce * ca);
        r->dir[1][l] = (float)(ce * sa);
        r->dir[2][l] = (float)se;
    }
    for (int32_t c = 0; c < q->n_columns; c++) {
        r->angle[c] = (float)(q->first - 2 * GLINT_SIM_PI * (double)c / (double)q->n_columns);
        r->column_ns[c] = (int32_t)(q->turn_ns * c / q->n_columns);
    }
}

static int check(const struct glint_train_sensor *q)
{
    if (q->n_lasers < 1 || q->n_lasers > MAX_LASERS || !q->elevation)
        return glint_fail(GLINT_E_ARG, "train: %d lasers, expected 1..%d", q->n_lasers, MAX_LASERS);
    if (q->n_columns < 1 || q->n_columns > 65536)
        return glint_fail(GLINT_E_ARG, "train: %d columns, expected 1..65536", q->n_columns);
    if (q->turn_ns < 1 || q->turn_ns > 1000000000)
        return glint_fail(GLINT_E_ARG, "train: a turn of %lld ns, expected at most a second",
                          (long long)q->turn_ns);
    return GLINT_OK;
}

static int cast(struct world *w, const struct glint_train_sensor *q, int64_t start_ns,
                struct glint_sim_rays *rays_out)
{
    struct rays *r = &w->rays;
    GLINT_TRY(check(q));
    GLINT_TRY(room_for(r, q->n_columns, q->n_lasers));
    aim(r, q);
    *rays_out = (struct glint_sim_rays){.n_columns = q->n_columns,
                                        .n_lasers = q->n_lasers,
                                        .start_ns = start_ns,
                                        .column_ns = r->column_ns,
                                        .laser_ns = q->laser_ns,
                                        .angle = r->angle,
                                        .dir = {r->dir[0], r->dir[1], r->dir[2]},
                                        .vehicle_from_sensor = pose_of(q->place, q->roll, q->pitch, q->yaw),
                                        .range_min_m = q->range_min_m,
                                        .range_max_m = q->range_max_m,
                                        .noise_m = q->noise_m,
                                        .sensitivity = q->sensitivity,
                                        .dropout = q->dropout,
                                        .divergence_rad = q->divergence_rad,
                                        .noise_seed = q->noise_seed,
                                        .body_below_m = q->body_below_m};
    const struct glint_sim_returns out = {
        .range_m = r->range, .intensity = r->intensity, .cls = r->cls, .instance = r->instance};
    return glint_sim_cast(w->sim, &w->exec, rays_out, &out);
}

/* Points */

static struct seen *object_of(struct world *w, int32_t id)
{
    int32_t lo = 0, hi = w->n_objects;
    while (lo < hi) {
        const int32_t mid = lo + (hi - lo) / 2;
        if (w->object[mid].id < id)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < w->n_objects && w->object[lo].id == id ? &w->seen[lo] : NULL;
}

/* Frame of the result from the sensor at time t: as it is mounted, or with the vehicle's way until the middle
 * of the turn taken out. */
static void matrix_at(struct world *w, const struct glint_train_request *request, struct glint_pose out,
                      struct glint_pose sensor, int64_t t, int64_t middle, double m[12])
{
    if (request->deskew) {
        const struct glint_pose back = glint_pose_inverse(glint_sim_pose(w->sim, middle));
        sensor = glint_pose_compose(back, glint_pose_compose(glint_sim_pose(w->sim, t), sensor));
    }
    glint_pose_to_matrix(glint_pose_compose(glint_pose_inverse(out), sensor), m);
}

static int add_point(struct world *w, const struct glint_sim_rays *rays, int32_t c, int32_t l,
                     const double m[12], struct glint_train_scan *scan)
{
    const struct rays *r = &w->rays;
    const size_t ray = (size_t)c * (size_t)rays->n_lasers + (size_t)l;
    if (scan->n_points == scan->cap_points)
        return glint_fail(GLINT_E_CAPACITY, "train: more than %d points", scan->cap_points);
    const int32_t i = scan->n_points++;
    float o[3], d[3];
    glint_sim_ray(rays, c, l, o, d);
    double p[3];
    for (int k = 0; k < 3; k++)
        p[k] = (double)o[k] + (double)r->range[ray] * (double)d[k];
    for (int k = 0; k < 3; k++)
        scan->points[4 * i + k] =
            (float)(m[4 * k] * p[0] + m[4 * k + 1] * p[1] + m[4 * k + 2] * p[2] + m[4 * k + 3]);
    scan->points[4 * i + 3] = r->intensity[ray];
    scan->label[i] = r->cls[ray];
    scan->owner[i] = -1;
    struct seen *s = r->instance[ray] ? object_of(w, r->instance[ray]) : NULL;
    if (s) {
        scan->owner[i] = (int32_t)(s - w->seen); /* until rows are known */
        s->sum_ns += rays->column_ns[c] + (rays->laser_ns ? rays->laser_ns[l] : 0);
        s->n++;
    }
    return GLINT_OK;
}

static int add_points(struct world *w, const struct glint_sim_rays *rays,
                      const struct glint_train_request *request, struct glint_pose out, int64_t middle,
                      int32_t first_ring, struct glint_train_scan *scan)
{
    for (int32_t c = 0; c < rays->n_columns; c++) {
        double m[12];
        matrix_at(w, request, out, rays->vehicle_from_sensor, rays->start_ns + rays->column_ns[c], middle, m);
        for (int32_t l = 0; l < rays->n_lasers; l++) {
            if (!(w->rays.range[(size_t)c * (size_t)rays->n_lasers + (size_t)l] > 0.0f))
                continue;
            GLINT_TRY(add_point(w, rays, c, l, m, scan));
            scan->ring[scan->n_points - 1] = (uint16_t)(first_ring + l);
        }
    }
    return GLINT_OK;
}

/* Boxes */

static void turn_vector(struct glint_pose p, double x, double y, double out[3])
{
    const double v[3] = {x, y, 0};
    p.t[0] = p.t[1] = p.t[2] = 0;
    glint_pose_apply(p, v, out);
}

/* The object's box dt seconds after the middle of the turn; `frame` takes the vehicle's frame at the middle
 * to that of the result. */
static void box_at(const struct glint_sim_object *o, double dt, struct glint_pose frame,
                   float row[GLINT_TRAIN_BOX])
{
    const struct glint_box *b = &o->box;
    const double vx = (double)b->velocity[0], vy = (double)b->velocity[1],
                 yaw = (double)b->yaw + o->yaw_rate * dt;
    double at[3] = {(double)b->center[0] + vx * dt, (double)b->center[1] + vy * dt, (double)b->center[2]};
    double s, c, heading[3], v[3];
    glint_pose_apply(frame, at, at);
    glint_sim_sincos(yaw, &s, &c);
    turn_vector(frame, c, s, heading);
    turn_vector(frame, vx, vy, v);
    row[0] = (float)o->label;
    for (int k = 0; k < 3; k++) {
        row[1 + k] = (float)at[k];
        row[4 + k] = b->size[k];
    }
    row[7] = (float)glint_sim_atan2(heading[1], heading[0]);
    row[8] = (float)v[0];
    row[9] = (float)v[1];
}

static int add_box(struct world *w, int32_t i, const struct glint_train_request *request,
                   struct glint_pose out, int64_t middle, struct glint_train_scan *scan)
{
    struct seen *s = &w->seen[i];
    if (scan->n_boxes == scan->cap_boxes)
        return glint_fail(GLINT_E_CAPACITY, "train: more than %d boxes", scan->cap_boxes);
    s->row = scan->n_boxes++;
    const int64_t t = request->start_ns + s->sum_ns / s->n;
    struct glint_pose frame = glint_pose_inverse(out);
    if (!request->deskew) {
        const struct glint_pose way =
            glint_pose_compose(glint_pose_inverse(glint_sim_pose(w->sim, t)), glint_sim_pose(w->sim, middle));
        frame = glint_pose_compose(frame, way);
    }
    box_at(&w->object[i], (double)(t - middle) * 1e-9, frame, scan->boxes + (size_t)s->row * GLINT_TRAIN_BOX);
    scan->n_of[s->row] = s->n;
    scan->track[s->row] = w->object[i].id;
    return GLINT_OK;
}

static int find_objects(struct world *w, int64_t middle, double radius)
{
    GLINT_TRY(glint_sim_objects(w->sim, middle, radius, w->object, MAX_OBJECTS, &w->n_objects));
    memset(w->seen, 0, (size_t)w->n_objects * sizeof *w->seen);
    for (int32_t i = 0; i < w->n_objects; i++)
        w->seen[i].row = -1;
    return GLINT_OK;
}

int32_t glint_train_scan(void *world, const struct glint_train_sensor *sensors, int32_t n_sensors,
                         const struct glint_train_request *request, struct glint_train_scan *scan)
{
    struct world *w = world;
    if (n_sensors < 1)
        return glint_fail(GLINT_E_ARG, "train: no sensor");
    const struct glint_pose out = pose_of(request->place, request->roll, request->pitch, request->yaw);
    const int64_t middle = request->start_ns + sensors[0].turn_ns / 2;
    scan->n_points = scan->n_boxes = 0;
    GLINT_TRY(find_objects(w, middle, request->radius_m));
    for (int32_t k = 0, ring = 0; k < n_sensors; ring += sensors[k++].n_lasers) {
        struct glint_sim_rays rays;
        GLINT_TRY(cast(w, &sensors[k], request->start_ns, &rays));
        GLINT_TRY(add_points(w, &rays, request, out, middle, ring, scan));
    }
    for (int32_t i = 0; i < w->n_objects; i++)
        if (w->seen[i].n)
            GLINT_TRY(add_box(w, i, request, out, middle, scan));
    for (int32_t i = 0; i < scan->n_points; i++)
        if (scan->owner[i] >= 0)
            scan->owner[i] = w->seen[scan->owner[i]].row;
    return GLINT_OK;
}
