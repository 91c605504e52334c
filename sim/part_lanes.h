/* sim/part_lanes.h - rays against the parts of a thing, in its frame, over the operations of lanes_c.h,
 * lanes_avx2.h or lanes_avx512.h: include one of them first. What a material does with a ray is here, too:
 * panes, windows, meshes. */
#include "sim/chance_lanes.h"
#include "sim/trace.h"

#define NEAREST 0.05f /* m: nothing is seen nearer */

struct ray { /* in a thing's frame */
    lf o[3], d[3];
    lf inverse; /* 1 / d.d: ground that slopes shears directions, they are not
                   quite of length 1 */
    lu key;
    lf best;
};

struct found {
    lm hit;
    lf t, cosine, light;
};

static inline lf dot(const lf a[3], const float b[3])
{
    return a[0] * lf_set(b[0]) + a[1] * lf_set(b[1]) + a[2] * lf_set(b[2]);
}

/* Rays that pass through the sphere before their best. */
static inline lm meets_sphere(const struct ray *r, const float c[3], float radius)
{
    const lf x = lf_set(c[0]) - r->o[0], y = lf_set(c[1]) - r->o[1], z = lf_set(c[2]) - r->o[2];
    const lf along = x * r->d[0] + y * r->d[1] + z * r->d[2], far2 = x * x + y * y + z * z;
    const lf wide = lf_set(radius * 1.001f + 0.001f), nearest = along * r->inverse,
             reach = wide * lf_set(1.2f);
    const lm near = lf_lt(far2 - along * nearest, wide * wide);
    return lm_and(near, lm_and(lf_lt(lf_set(0.0f) - reach, nearest), lf_lt(nearest - reach, r->best)));
}

struct crossing { /* of a convex body */
    lf in, out, cosine;
    lu in_face, in_material;
    lm hit;
};

struct plane_at { /* where a ray meets a plane */
    lf t, across;
    lm entering;
};

static inline struct plane_at meet(const struct ray *r, const struct glint_sim_plane *plane)
{
    const lf across = dot(r->d, plane->n), gap = lf_set(plane->d) - dot(r->o, plane->n);
    struct plane_at p;
    p.across = lf_if(lf_lt(lf_abs(across), lf_set(1e-9f)), lf_set(1e-9f), across);
    p.t = gap / p.across;
    p.entering = lf_lt(p.across, lf_set(0.0f));
    return p;
}

/* Where rays go in and out; through which face is looked up only when one of
 * the wanted does. Ends as soon as none of them can hit any more: where a ray
 * comes in only grows, where it leaves only falls. */
static inline struct crossing cross(const struct ray *r, const struct glint_sim_plane *plane, int n,
                                    lm wanted)
{
    struct crossing c = {.in = lf_set(NEAREST), .out = lf_set(GLINT_SIM_FAR), .cosine = lf_set(0.0f)};
    c.in_face = lu_set(255);
    c.in_material = lu_set(0);
    for (int i = 0; i < n; i++) {
        const struct plane_at p = meet(r, &plane[i]);
        c.in = lf_max(c.in, lf_if(p.entering, p.t, lf_set(0.0f)));
        c.out = lf_min(c.out, lf_if(p.entering, lf_set(GLINT_SIM_FAR), p.t));
        if (i % 4 == 3 && !lm_any(lm_and(wanted, lf_lt(c.in, lf_min(c.out, r->best)))))
            break;
    }
    c.hit = lm_and(lm_and(wanted, lf_lt(lf_set(NEAREST), c.in)), lf_lt(c.in, lf_min(c.out, r->best)));
    if (!lm_any(c.hit))
        return c;
    for (int i = n - 1; i >= 0; i--) {
        const struct plane_at p = meet(r, &plane[i]);
        const lm here = lm_but(lm_but(p.entering, lf_lt(p.t, c.in)), lf_lt(c.in, p.t));
        c.cosine = lf_if(here, lf_set(0.0f) - p.across, c.cosine);
        c.in_face = lu_if(here, lu_set((uint32_t)i), c.in_face);
        c.in_material = lu_if(here, lu_set((uint32_t)plane[i].material), c.in_material);
    }
    return c;
}

/* The material of the face that rays leave through. */
static inline lu leaves_by(const struct ray *r, const struct glint_sim_plane *plane, int n, lf out)
{
    lu material = lu_set(0);
    for (int i = n - 1; i >= 0; i--) {
        const struct plane_at p = meet(r, &plane[i]);
        const lm other = lm_or(p.entering, lm_or(lf_lt(p.t, out), lf_lt(out, p.t)));
        material = lu_if(other, material, lu_set((uint32_t)plane[i].material));
    }
    return material;
}

/* Distance of the place where the ray enters to the nearest other face: near 0
 * there is a frame. */
static inline lf frame(const struct crossing *c, const struct glint_sim_plane *plane, int n, const lf p[3])
{
    lf least = lf_set(1e9f);
    for (int i = 0; i < n; i++) {
        const lf gap = lf_set(plane[i].d) - dot(p, plane[i].n);
        least = lf_if(lu_eq(c->in_face, lu_set((uint32_t)i)), least, lf_min(least, gap));
    }
    return least;
}

/* A pane gives an echo of its own, or lets the ray through to what is behind;
 * frames do not. */
static inline void glass(const struct ray *r, const struct glint_sim_part *part,
                         const struct glint_sim_plane *plane, uint32_t salt, const struct crossing *c,
                         struct found *f, lm *pane_out)
{
    const lm of_glass = lm_and(f->hit, lu_eq(c->in_material, lu_set(GLINT_SIM_GLASS)));
    if (!lm_any(of_glass))
        return;
    const lf p[3] = {r->o[0] + c->in * r->d[0], r->o[1] + c->in * r->d[1], r->o[2] + c->in * r->d[2]};
    const lm clear = lf_lt(lf_set(0.06f), frame(c, plane, part->n_planes, p));
    const lm post = lf_lt(lf_abs(p[0] - lf_set(part->p1)), lf_set(0.06f));
    const lm pane = lm_but(lm_and(of_glass, clear), post);
    const lm echo = lf_lt(chance(r->key, salt), lf_set(part->p0) * (lf_set(0.3f) + lf_set(0.7f) * c->cosine));
    const lm through = lm_but(pane, echo),
             last = lu_eq(leaves_by(r, plane, part->n_planes, c->out), lu_set(GLINT_SIM_GLASS));
    const lm inner = lm_and(lm_but(through, last), lf_lt(c->out, r->best));
    f->light = lf_if(pane, lf_set(0.06f), f->light);
    f->light = lf_if(inner, lf_set(0.07f), f->light);
    f->t = lf_if(inner, c->out, f->t);
    f->cosine = lf_if(inner, lf_set(0.5f), f->cosine);
    f->hit = lm_or(lm_but(f->hit, through), inner);
    *pane_out = through;
}

static inline lf fraction(lf a) /* of what is not negative */
{
    return a - lf_int(lu_trunc(a));
}

/* Windows of a house: mirrors, panes set back, rooms. */
static inline void facade(const struct ray *r, const struct glint_sim_part *part,
                          const struct glint_sim_plane *plane, uint32_t salt, const struct crossing *c,
                          struct found *f)
{
    const lm wall = lm_and(f->hit, lu_eq(c->in_material, lu_set(GLINT_SIM_FACADE)));
    if (!lm_any(wall) || !(part->p1 > 0))
        return;
    const lf x = r->o[0] + c->in * r->d[0], y = r->o[1] + c->in * r->d[1], z = r->o[2] + c->in * r->d[2];
    const lu face = lu_if(wall, c->in_face, lu_set(0));
    const lf nx = lf_gather(&plane->n[0], face * lu_set(sizeof *plane / sizeof(float)));
    const lf along = lf_if(lf_lt(lf_set(0.5f), lf_abs(nx)), y, x);
    const lf a = fraction((along + lf_set(64 * part->p0)) * lf_set(1.0f / part->p0));
    const lf h = fraction((z + lf_set(30.0f)) * lf_set(1.0f / 3.0f));
    const lm across =
        lm_and(lf_lt(a, lf_set(part->p1)), lm_and(lf_lt(lf_set(0.35f), h), lf_lt(h, lf_set(0.85f))));
    const lm window = lm_and(wall, across);
    const lf u = chance(r->key, salt), v = chance(r->key, salt + 1), w = chance(r->key, salt + 2);
    const lm mirror = lm_and(window, lf_lt(u, lf_set(0.45f))),
             room = lm_but(lm_and(window, lf_lt(u, lf_set(0.7f))), mirror);
    const lf deep = lf_if(room, lf_set(0.2f) + lf_set(6.0f) * v * v, lf_set(0.12f));
    f->t = lf_if(window, f->t + deep, f->t);
    f->light = lf_if(room, f->light * lf_set(0.5f), f->light);
    f->light = lf_if(mirror, lf_if(lf_lt(w, lf_set(0.85f)), lf_set(0.0f), lf_set(0.05f)), f->light);
}

static inline struct found hit_convex(const struct ray *r, const struct glint_sim_part *part,
                                      const struct glint_sim_plane *plane, uint32_t salt, lm near,
                                      lm *pane_out, lf *pane_t, lu *material_out)
{
    const struct crossing c = cross(r, plane, part->n_planes, near);
    struct found f = {
        .t = c.in, .cosine = lf_min(c.cosine, lf_set(1.0f)), .light = lf_set(part->reflectivity)};
    f.hit = c.hit;
    *material_out = c.in_material;
    *pane_t = c.in;
    if (!lm_any(f.hit))
        return f;
    glass(r, part, plane, salt, &c, &f, pane_out);
    facade(r, part, plane, salt, &c, &f);
    const lm mesh = lu_eq(c.in_material, lu_set(GLINT_SIM_MESH));
    f.hit = lm_but(f.hit, lm_but(mesh, lf_lt(chance(r->key, salt), lf_set(part->p0))));
    return f;
}

/* The ray in a part's own axes. */
static inline void own(const struct ray *r, const struct glint_sim_part *part, lf o[3], lf d[3])
{
    const lf e[3] = {r->o[0] - lf_set(part->center[0]), r->o[1] - lf_set(part->center[1]),
                     r->o[2] - lf_set(part->center[2])};
    for (int k = 0; k < 3; k++) {
        o[k] = dot(e, part->axis[k]);
        d[k] = dot(r->d, part->axis[k]);
    }
}

struct span {
    lf in, out;
    lm hit;
};

static inline struct span cross_ellipsoid(const lf o[3], const lf d[3], const float half[3], lf *normal_out)
{
    lf a = lf_set(0.0f), b = lf_set(0.0f), c = lf_set(-1.0f);
    for (int k = 0; k < 3; k++) {
        const lf w = lf_set(1.0f / (half[k] * half[k]));
        a = a + d[k] * d[k] * w;
        b = b + d[k] * o[k] * w;
        c = c + o[k] * o[k] * w;
    }
    const lf under = b * b - a * c, root = lf_sqrt(lf_max(under, lf_set(0.0f)));
    struct span s = {.in = (lf_set(0.0f) - b - root) / a, .out = (root - b) / a};
    s.hit = lf_lt(lf_set(0.0f), under);
    lf along = lf_set(0.0f), length = lf_set(1e-12f);
    for (int k = 0; k < 3; k++) {
        const lf n = (o[k] + s.in * d[k]) * lf_set(1.0f / (half[k] * half[k]));
        along = along + n * d[k];
        length = length + n * n;
    }
    *normal_out = lf_abs(along) / lf_sqrt(length);
    return s;
}

static inline struct span cross_box(const lf o[3], const lf d[3], const float half[3])
{
    struct span s = {.in = lf_set(NEAREST), .out = lf_set(GLINT_SIM_FAR)};
    for (int k = 0; k < 3; k++) {
        const lf inverse = lf_set(1.0f) / lf_if(lf_lt(lf_abs(d[k]), lf_set(1e-9f)), lf_set(1e-9f), d[k]);
        const lf a = (lf_set(-half[k]) - o[k]) * inverse, b = (lf_set(half[k]) - o[k]) * inverse;
        s.in = lf_max(s.in, lf_min(a, b));
        s.out = lf_min(s.out, lf_max(a, b));
    }
    s.hit = lf_lt(s.in, s.out);
    return s;
}

static inline struct found hit_ellipsoid(const struct ray *r, const struct glint_sim_part *part, lm near)
{
    lf o[3], d[3];
    own(r, part, o, d);
    struct found f = {.light = lf_set(part->reflectivity)};
    const struct span s = cross_ellipsoid(o, d, part->half, &f.cosine);
    f.t = s.in;
    f.cosine = lf_min(f.cosine, lf_set(1.0f));
    f.hit = lm_and(lm_and(near, s.hit), lm_and(lf_lt(lf_set(NEAREST), s.in), lf_lt(s.in, r->best)));
    return f;
}

/* Leaves: the free way before one is met is exponential. Clumps: half of the
 * volume in cells of 0.35 m is thinner. */
static inline struct found hit_leaves(const struct ray *r, const struct glint_sim_part *part, uint32_t salt,
                                      lm near)
{
    lf o[3], d[3], unused;
    own(r, part, o, d);
    const struct span s = part->kind == GLINT_SIM_HEDGE ? cross_box(o, d, part->half)
                                                        : cross_ellipsoid(o, d, part->half, &unused);
    const lf in = lf_max(s.in, lf_set(NEAREST));
    const lf way = minus_log(chance(r->key, salt) + lf_set(0x1p-25f)) * lf_set(part->p0);
    struct found f = {.t = in + way};
    const lm inside = lm_and(s.hit, lf_lt(f.t, s.out));
    f.hit = lm_and(lm_and(near, inside), lf_lt(f.t, r->best));
    f.cosine = lf_set(0.4f) + lf_set(0.6f) * chance(r->key, salt + 1);
    f.light = lf_set(part->reflectivity) * (lf_set(0.4f) + chance(r->key, salt + 2));
    return f;
}

static inline struct found hit_cylinder(const struct ray *r, const struct glint_sim_part *part, uint32_t salt,
                                        lm near)
{
    lf o[3], d[3];
    own(r, part, o, d);
    const lf radius2 = lf_set(part->half[0] * part->half[0]), half = lf_set(part->half[2]);
    const lf a = lf_max(d[0] * d[0] + d[1] * d[1], lf_set(1e-9f)), b = d[0] * o[0] + d[1] * o[1];
    const lf under = b * b - a * (o[0] * o[0] + o[1] * o[1] - radius2);
    const lf round = (lf_set(0.0f) - b - lf_sqrt(lf_max(under, lf_set(0.0f)))) / a;
    const lm side = lm_and(lm_and(lf_lt(lf_set(0.0f), under), lf_lt(lf_set(NEAREST), round)),
                           lf_lt(lf_abs(o[2] + round * d[2]), half));
    const lf end = lf_if(lf_lt(lf_set(0.0f), d[2]), lf_set(-part->half[2]), half);
    const lf dz = lf_if(lf_lt(lf_abs(d[2]), lf_set(1e-7f)), lf_set(1e-7f), d[2]), flat = (end - o[2]) / dz;
    const lf x = o[0] + flat * d[0], y = o[1] + flat * d[1];
    const lm cap = lm_and(lf_lt(x * x + y * y, radius2), lf_lt(lf_set(NEAREST), flat));
    struct found f = {.light = lf_set(part->reflectivity)};
    f.t = lf_if(side, round, lf_set(GLINT_SIM_FAR));
    const lm nearer = lm_and(cap, lf_lt(flat, f.t));
    f.t = lf_if(nearer, flat, f.t);
    f.cosine = lf_if(nearer, lf_abs(d[2]), lf_abs(a * round + b) * lf_set(1.0f / part->half[0]));
    f.cosine = lf_min(f.cosine, lf_set(1.0f));
    f.hit = lm_and(near, lf_lt(f.t, r->best));
    if (part->material == GLINT_SIM_MESH)
        f.hit = lm_and(f.hit, lf_lt(chance(r->key, salt), lf_set(part->p0)));
    return f;
}
