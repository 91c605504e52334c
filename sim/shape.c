/* sim/shape.c - see sim/shape.h. */
#include "sim/shape.h"
#include "sim/random.h"
#include <stdlib.h>

/* Room for one more of `size` bytes; false, and noted, when there is none. */
static bool room(struct glint_sim_set *s, void **array, int32_t n, int32_t *cap, size_t size)
{
    if (n < *cap)
        return true;
    const int32_t wanted = *cap ? *cap * 2 : 64;
    void *more = realloc(*array, (size_t)wanted * size);
    if (!more) {
        s->failed = true;
        return false;
    }
    *array = more;
    *cap = wanted;
    return true;
}

void glint_sim_set_fini(struct glint_sim_set *s)
{
    free(s->thing);
    free(s->part);
    free(s->plane);
    *s = (struct glint_sim_set){0};
}

void glint_sim_set_clear(struct glint_sim_set *s)
{
    s->n_things = s->n_parts = s->n_planes = 0;
    s->failed = false;
}

struct glint_sim_thing *glint_sim_thing_last(struct glint_sim_set *s)
{
    return s->n_things > 0 && !s->failed ? &s->thing[s->n_things - 1] : &s->no_thing;
}

struct glint_sim_thing *glint_sim_thing_add(struct glint_sim_set *s, double x, double y, double z, float yaw,
                                            enum glint_sim_class cls)
{
    void *array = s->thing;
    const bool there = room(s, &array, s->n_things, &s->cap_things, sizeof *s->thing);
    s->thing = array;
    struct glint_sim_thing *t = there ? &s->thing[s->n_things++] : &s->no_thing;
    double sine, cosine;
    glint_sim_sincos((double)yaw, &sine, &cosine);
    *t = (struct glint_sim_thing){.x = x, .y = y, .z = z, .yaw = yaw, .first_part = s->n_parts};
    t->cos_yaw = (float)cosine;
    t->sin_yaw = (float)sine;
    t->cls = (uint8_t)cls;
    for (int k = 0; k < 3; k++)
        t->lo[k] = 1e9f, t->hi[k] = -1e9f;
    const uint64_t where = (uint64_t)(int64_t)(x * 512) * 0x9e3779b97f4a7c15u ^ (uint64_t)(int64_t)(y * 512);
    t->key = (uint32_t)(glint_sim_mix(where) >> 32);
    return t;
}

static void grow(struct glint_sim_thing *t, const float lo[3], const float hi[3])
{
    for (int k = 0; k < 3; k++) {
        t->lo[k] = glint_sim_min(t->lo[k], lo[k]);
        t->hi[k] = glint_sim_max(t->hi[k], hi[k]);
    }
}

static struct glint_sim_part *last_part(struct glint_sim_set *s)
{
    return s->n_parts > 0 && !s->failed ? &s->part[s->n_parts - 1] : &s->no_part;
}

static struct glint_sim_part *part(struct glint_sim_set *s, enum glint_sim_part_kind kind, float reflectivity)
{
    void *array = s->part;
    const bool there = room(s, &array, s->n_parts, &s->cap_parts, sizeof *s->part);
    s->part = array;
    struct glint_sim_part *p = there ? &s->part[s->n_parts++] : &s->no_part;
    struct glint_sim_thing *t = glint_sim_thing_last(s);
    *p = (struct glint_sim_part){.kind = (uint8_t)kind, .cls = t->cls, .reflectivity = reflectivity};
    p->first_plane = s->n_planes;
    for (int k = 0; k < 3; k++)
        p->axis[k][k] = 1;
    if (there)
        t->n_parts++;
    return p;
}

/* Bounds of the own box of half sizes h, turned. */
static void turned_bounds(struct glint_sim_set *s, const struct glint_sim_part *p, const float h[3])
{
    float lo[3], hi[3];
    for (int k = 0; k < 3; k++) {
        const float e =
            fabsf(p->axis[0][k]) * h[0] + fabsf(p->axis[1][k]) * h[1] + fabsf(p->axis[2][k]) * h[2];
        lo[k] = p->center[k] - e;
        hi[k] = p->center[k] + e;
    }
    grow(glint_sim_thing_last(s), lo, hi);
}

static struct glint_sim_part *round_part(struct glint_sim_set *s, enum glint_sim_part_kind kind,
                                         const float c[3], const float h[3], float yaw, float reflectivity)
{
    struct glint_sim_part *p = part(s, kind, reflectivity);
    double sine, cosine;
    glint_sim_sincos((double)yaw, &sine, &cosine);
    p->axis[0][0] = p->axis[1][1] = (float)cosine;
    p->axis[0][1] = (float)sine;
    p->axis[1][0] = -(float)sine;
    for (int k = 0; k < 3; k++) {
        p->center[k] = c[k];
        p->half[k] = h[k];
    }
    const bool boxed = kind == GLINT_SIM_HEDGE;
    p->radius = boxed ? sqrtf(h[0] * h[0] + h[1] * h[1] + h[2] * h[2])
                      : glint_sim_max(h[0], glint_sim_max(h[1], h[2]));
    turned_bounds(s, p, h);
    return p;
}

struct glint_sim_part *glint_sim_ellipsoid(struct glint_sim_set *s, float x, float y, float z, float a,
                                           float b, float c, float yaw, float reflectivity)
{
    return round_part(s, GLINT_SIM_ELLIPSOID, (float[3]){x, y, z}, (float[3]){a, b, c}, yaw, reflectivity);
}

struct glint_sim_part *glint_sim_cloud(struct glint_sim_set *s, float x, float y, float z, float a, float b,
                                       float c, float yaw, float reflectivity, float free_path)
{
    struct glint_sim_part *p =
        round_part(s, GLINT_SIM_CLOUD, (float[3]){x, y, z}, (float[3]){a, b, c}, yaw, reflectivity);
    p->p0 = free_path;
    return p;
}

struct glint_sim_part *glint_sim_hedge(struct glint_sim_set *s, float x, float y, float z, float a, float b,
                                       float c, float yaw, float reflectivity, float free_path)
{
    struct glint_sim_part *p =
        round_part(s, GLINT_SIM_HEDGE, (float[3]){x, y, z}, (float[3]){a, b, c}, yaw, reflectivity);
    p->p0 = free_path;
    return p;
}

static void point_axis(struct glint_sim_part *p, float x, float y, float z)
{
    const float n = 1 / sqrtf(x * x + y * y + z * z), side = sqrtf(x * x + y * y);
    float *const u = p->axis[0], *const v = p->axis[1], *const w = p->axis[2];
    w[0] = x * n, w[1] = y * n, w[2] = z * n;
    u[0] = side * n < 1e-4f ? 1.0f : -y / side;
    u[1] = side * n < 1e-4f ? 0.0f : x / side;
    u[2] = 0;
    v[0] = w[1] * u[2] - w[2] * u[1];
    v[1] = w[2] * u[0] - w[0] * u[2];
    v[2] = w[0] * u[1] - w[1] * u[0];
}

void glint_sim_tilt(struct glint_sim_set *s, float x, float y, float z)
{
    struct glint_sim_part *p = last_part(s);
    point_axis(p, x, y, z);
    turned_bounds(s, p, p->half);
}

struct glint_sim_part *glint_sim_cylinder(struct glint_sim_set *s, const float from[3], const float to[3],
                                          float radius, float reflectivity)
{
    struct glint_sim_part *p = part(s, GLINT_SIM_CYLINDER, reflectivity);
    float a[3], length2 = 0;
    for (int k = 0; k < 3; k++) {
        p->center[k] = (from[k] + to[k]) / 2;
        a[k] = to[k] - from[k];
        length2 += a[k] * a[k];
    }
    point_axis(p, a[0], a[1], a[2]);
    p->half[0] = p->half[1] = radius;
    p->half[2] = sqrtf(length2) / 2;
    p->radius = sqrtf(radius * radius + length2 / 4);
    turned_bounds(s, p, p->half);
    return p;
}

struct glint_sim_part *glint_sim_post(struct glint_sim_set *s, float x, float y, float z0, float z1,
                                      float radius, float reflectivity)
{
    return glint_sim_cylinder(s, (float[3]){x, y, z0}, (float[3]){x, y, z1}, radius, reflectivity);
}

void glint_sim_set_glass(struct glint_sim_set *s, float echo)
{
    struct glint_sim_part *p = last_part(s);
    p->p0 = echo;
    p->p1 = 1e9f;
}

struct glint_sim_part *glint_sim_convex(struct glint_sim_set *s, float reflectivity)
{
    return part(s, GLINT_SIM_CONVEX, reflectivity);
}

void glint_sim_face(struct glint_sim_set *s, float nx, float ny, float nz, float d, enum glint_sim_material m)
{
    void *array = s->plane;
    const bool there = room(s, &array, s->n_planes, &s->cap_planes, sizeof *s->plane);
    s->plane = array;
    struct glint_sim_part *p = last_part(s);
    if (!there || p->n_planes == UINT8_MAX)
        return;
    const float n = 1 / sqrtf(nx * nx + ny * ny + nz * nz);
    s->plane[s->n_planes++] = (struct glint_sim_plane){{nx * n, ny * n, nz * n}, d * n, (int32_t)m};
    p->n_planes++;
}

void glint_sim_bounds(struct glint_sim_set *s, const float lo[3], const float hi[3])
{
    struct glint_sim_part *p = last_part(s);
    float r2 = 0;
    for (int k = 0; k < 3; k++) {
        p->center[k] = (lo[k] + hi[k]) / 2;
        p->half[k] = (hi[k] - lo[k]) / 2;
        r2 += p->half[k] * p->half[k];
    }
    p->radius = sqrtf(r2);
    grow(glint_sim_thing_last(s), lo, hi);
}

struct glint_sim_part *glint_sim_box(struct glint_sim_set *s, float x, float y, float z, float half_x,
                                     float half_y, float half_z, float yaw, enum glint_sim_material sides,
                                     float reflectivity)
{
    struct glint_sim_part *p = glint_sim_convex(s, reflectivity);
    double sine, cosine;
    glint_sim_sincos((double)yaw, &sine, &cosine);
    const float c = (float)cosine, n = (float)sine;
    glint_sim_face(s, c, n, 0, c * x + n * y + half_x, sides);
    glint_sim_face(s, -c, -n, 0, half_x - c * x - n * y, sides);
    glint_sim_face(s, -n, c, 0, c * y - n * x + half_y, sides);
    glint_sim_face(s, n, -c, 0, half_y - c * y + n * x, sides);
    glint_sim_face(s, 0, 0, 1, z + half_z, GLINT_SIM_PLAIN);
    glint_sim_face(s, 0, 0, -1, half_z - z, GLINT_SIM_PLAIN);
    const float ex = fabsf(c) * half_x + fabsf(n) * half_y, ey = fabsf(n) * half_x + fabsf(c) * half_y;
    glint_sim_bounds(s, (float[3]){x - ex, y - ey, z - half_z}, (float[3]){x + ex, y + ey, z + half_z});
    p->material = (uint8_t)sides;
    return p;
}
