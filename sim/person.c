/* sim/person.c - people on foot, with what they carry or push, and riders; see sim/things.h. Bodies are
 * ellipsoids and limbs cylinders; legs and arms swing with the step. */
#include "sim/things.h"

static float range(struct glint_sim_random *r, float a, float b)
{
    return glint_sim_range(r, a, b);
}

static struct glint_sim_part *limb(struct glint_sim_set *s, float x0, float y0, float z0, float x1, float y1,
                                   float z1, float radius, float reflectivity)
{
    return glint_sim_cylinder(s, (float[3]){x0, y0, z0}, (float[3]){x1, y1, z1}, radius, reflectivity);
}

struct body {
    float scale, wide, hip, shoulder; /* of 1.75 m; heights in m */
    float lean;                       /* shoulders ahead of the hip, m */
    float coat, trousers;             /* reflectivities */
    bool skirt;
};

static struct body draw_body(float height, float hip, struct glint_sim_random *r)
{
    struct body b = {.scale = height / 1.75f, .wide = range(r, 0.85f, 1.28f)};
    b.hip = hip * b.scale;
    b.shoulder = b.hip + 0.52f * b.scale;
    b.coat = range(r, 0.06f, 0.65f);
    b.trousers = range(r, 0.05f, 0.5f);
    b.skirt = glint_sim_chance(r, 0.15f);
    return b;
}

static void trunk(struct glint_sim_set *s, const struct body *b)
{
    const float k = b->scale, rise = b->shoulder - b->hip, z = (b->hip + b->shoulder) / 2;
    glint_sim_ellipsoid(s, b->lean / 2, 0, z + 0.02f, 0.145f * k * b->wide, 0.205f * k * b->wide, 0.37f * k,
                        0, b->coat);
    if (b->lean > 0.08f)
        glint_sim_tilt(s, b->lean, 0.001f, rise);
    glint_sim_ellipsoid(s, b->lean + 0.02f, 0, b->shoulder + 0.02f, 0.10f * k, 0.2f * k * b->wide, 0.1f * k,
                        0, b->coat);
    glint_sim_ellipsoid(s, b->lean * 1.25f + 0.02f, 0, b->shoulder + 0.20f * k, 0.105f * k, 0.085f * k,
                        0.14f * k, 0, 0.3f);
}

static void legs_and_arms(struct glint_sim_set *s, const struct body *b, struct glint_sim_gait gait,
                          struct glint_sim_random *r)
{
    const float k = b->scale, reach = gait.stride * k;
    const float bend = range(r, 0.0f, 0.12f), carry = glint_sim_chance(r, 0.25f) ? range(r, 0.1f, 0.3f) : 0;
    double sine, cosine;
    glint_sim_sincos(GLINT_SIM_PI * (double)gait.phase, &sine, &cosine);
    for (float side = -1; side <= 1; side += 2) {
        const float step = side * reach * (float)cosine,
                    lift = glint_sim_max(0.0f, side * (float)sine) * 0.12f * gait.stride * 2;
        const float y = side * 0.095f * k, knee_x = step * 0.5f + 0.06f * gait.stride + bend * 0.2f,
                    knee_z = b->hip * 0.52f;
        limb(s, 0, y, b->hip + 0.03f, knee_x, y, knee_z + lift, 0.082f * k * b->wide, b->trousers);
        limb(s, knee_x, y, knee_z + lift, step, y, 0.06f + lift, 0.06f * k * b->wide, b->trousers);
        glint_sim_ellipsoid(s, step + 0.06f, y, 0.05f + lift, 0.13f * k, 0.05f * k, 0.05f, 0, 0.1f);
        const float hand_x = b->lean - step * 0.7f + carry, hand_y = side * (0.27f + bend) * k;
        const float elbow_x = b->lean - step * 0.3f - bend * 0.3f,
                    elbow_z = (b->shoulder + b->hip) / 2 - 0.02f;
        limb(s, b->lean, side * 0.21f * k * b->wide, b->shoulder, elbow_x, hand_y, elbow_z,
             0.05f * k * b->wide, b->coat);
        limb(s, elbow_x, hand_y, elbow_z, hand_x, hand_y, b->hip - 0.02f + carry * 0.7f, 0.04f * k, b->coat);
    }
    if (b->skirt)
        limb(s, 0, 0, b->hip * 0.45f, 0, 0, b->hip + 0.05f, 0.2f * k, b->trousers);
}

/* Rucksack, bag, suitcase, umbrella. */
static void belongings(struct glint_sim_set *s, const struct body *b, struct glint_sim_random *r)
{
    const float k = b->scale;
    if (glint_sim_chance(r, 0.25f))
        glint_sim_ellipsoid(s, b->lean - 0.2f * k, 0, b->shoulder - 0.2f, 0.13f, 0.16f, 0.24f, 0,
                            range(r, 0.05f, 0.5f));
    const float u = glint_sim_uniform(r), side = glint_sim_chance(r, 0.5f) ? 0.32f : -0.32f;
    if (u < 0.14f)
        glint_sim_box(s, 0.05f, side, b->hip - 0.35f, 0.17f, 0.07f, 0.16f, 0, GLINT_SIM_PLAIN,
                      range(r, 0.05f, 0.6f));
    else if (u < 0.19f) {
        glint_sim_box(s, -0.35f, side, 0.38f, 0.15f, 0.2f, 0.32f, 0, GLINT_SIM_PLAIN, range(r, 0.05f, 0.6f));
        limb(s, -0.3f, side, 0.7f, -0.12f, side, 0.95f, 0.015f, 0.4f);
    } else if (u < 0.22f) {
        limb(s, 0.15f, 0, b->shoulder - 0.2f, 0.1f, 0, b->shoulder + 0.65f, 0.012f, 0.2f);
        glint_sim_ellipsoid(s, 0.1f, 0, b->shoulder + 0.5f, 0.5f, 0.5f, 0.14f, 0, range(r, 0.1f, 0.6f));
    }
}

static void pram(struct glint_sim_set *s, struct glint_sim_random *r)
{
    const float cloth = range(r, 0.05f, 0.5f), x = 0.85f;
    glint_sim_ellipsoid(s, x, 0, 0.72f, 0.40f, 0.24f, 0.22f, 0, cloth);
    glint_sim_ellipsoid(s, x - 0.12f, 0, 0.88f, 0.22f, 0.22f, 0.22f, 0, cloth);
    limb(s, x - 0.35f, 0.22f, 0.6f, 0.33f, 0.22f, 1.0f, 0.02f, 0.3f);
    limb(s, x - 0.35f, -0.22f, 0.6f, 0.33f, -0.22f, 1.0f, 0.02f, 0.3f);
    for (float side = -1; side <= 1; side += 2)
        for (float end = -1; end <= 1; end += 2) {
            struct glint_sim_part *p = limb(s, x + end * 0.33f, side * 0.25f, 0.14f, x + end * 0.33f,
                                            side * 0.28f, 0.14f, 0.14f, 0.15f);
            p->material = GLINT_SIM_MESH;
            p->p0 = 0.5f;
        }
}

/* The box of a label: what the parts fill, cut to what people mark. */
static void measure(struct glint_sim_thing *t, float most_length, float most_width)
{
    const float front = glint_sim_min(t->hi[0], most_length), back = glint_sim_max(t->lo[0], -most_length);
    t->length = glint_sim_max(front - back, 0.4f);
    t->middle = (front + back) / 2;
    t->width = glint_sim_min(glint_sim_max(t->hi[1] - t->lo[1], 0.4f), most_width);
    t->height = t->hi[2];
}

void glint_sim_add_person(struct glint_sim_set *s, const struct glint_sim_place *at, int32_t id,
                          struct glint_sim_gait gait, struct glint_sim_random *r)
{
    struct glint_sim_thing *t = glint_sim_thing_add(s, at->x, at->y, at->z, at->yaw, GLINT_SIM_CLASS_PERSON);
    const bool child = glint_sim_chance(r, 0.1f);
    const float height = child ? range(r, 0.95f, 1.45f) : range(r, 1.53f, 1.93f);
    struct body b = draw_body(height - 0.02f, 0.90f, r);
    b.lean = range(r, 0, 0.08f) + 0.05f * gait.stride;
    trunk(s, &b);
    legs_and_arms(s, &b, gait, r);
    t->kind = child ? "child" : "person";
    belongings(s, &b, r);
    measure(t, 0.6f, 0.9f);
    t->height = glint_sim_min(t->height, height + 0.03f);
    if (!child && glint_sim_chance(r, 0.03f)) {
        pram(s, r); /* pushed: not part of the box */
        t->kind = "person with pram";
    }
    t->id = id;
    t->label = GLINT_SIM_LABEL_PEDESTRIAN;
}

/* A bicycle (wheels of spokes) or a motorcycle; x ahead, wheels at +-base. */
static void bicycle(struct glint_sim_set *s, bool motor, struct glint_sim_random *r)
{
    const float radius = motor ? range(r, 0.26f, 0.32f) : range(r, 0.30f, 0.35f),
                half = motor ? 0.06f : 0.02f;
    const float base = motor ? range(r, 0.62f, 0.72f) : range(r, 0.50f, 0.56f), tube = motor ? 0.05f : 0.024f;
    const float paint = range(r, 0.1f, 0.6f);
    for (float end = -1; end <= 1; end += 2) {
        struct glint_sim_part *p =
            limb(s, end * base, -half, radius, end * base, half, radius, radius, 0.12f);
        p->material = motor ? GLINT_SIM_PLAIN : GLINT_SIM_MESH;
        p->p0 = 0.4f;
    }
    limb(s, -base, 0, radius, 0, 0, 0.3f, tube, paint);
    limb(s, 0, 0, 0.3f, base * 0.8f, 0, 0.85f, tube, paint);
    limb(s, 0, 0, 0.28f, -0.2f, 0, 0.9f, tube, paint);
    limb(s, -0.18f, 0, 0.85f, base * 0.8f, 0, 0.82f, tube, paint);
    limb(s, -base, 0, radius, -0.18f, 0, 0.84f, tube, paint);
    limb(s, base, 0, radius, base * 0.75f, 0, 1.0f, tube, paint);
    limb(s, base * 0.75f, -0.28f, 1.02f, base * 0.75f, 0.28f, 1.02f, 0.022f, 0.3f);
    glint_sim_ellipsoid(s, -0.2f, 0, 0.93f, 0.13f, 0.08f, 0.05f, 0, 0.1f);
    if (motor) {
        glint_sim_ellipsoid(s, 0.05f, 0, 0.62f, 0.55f, 0.16f, 0.28f, 0, range(r, 0.05f, 0.6f));
        glint_sim_ellipsoid(s, -0.25f, 0, 0.78f, 0.42f, 0.15f, 0.09f, 0, 0.08f);
        if (glint_sim_chance(r, 0.5f))
            glint_sim_box(s, base * 0.85f, 0, 0.8f, 0.06f, 0.2f, 0.38f, 0, GLINT_SIM_PLAIN,
                          range(r, 0.1f, 0.6f));
        if (glint_sim_chance(r, 0.25f))
            glint_sim_box(s, -0.72f, 0, 1.0f, 0.2f, 0.22f, 0.2f, 0, GLINT_SIM_PLAIN, range(r, 0.1f, 0.7f));
    } else if (glint_sim_chance(r, 0.2f)) {
        glint_sim_box(s, glint_sim_chance(r, 0.5f) ? 0.62f : -0.5f, 0, 0.85f, 0.16f, 0.17f, 0.13f, 0,
                      GLINT_SIM_MESH, 0.3f)
            ->p0 = 0.5f;
    }
    glint_sim_ellipsoid(s, -base - radius * 0.7f, 0, 0.6f, 0.02f, 0.03f, 0.03f, 0, 1.5f)->material =
        GLINT_SIM_RETRO;
}

static void rider(struct glint_sim_set *s, const struct body *b, bool motor, float pedal)
{
    const float k = b->scale, seat = -0.22f;
    for (float side = -1; side <= 1; side += 2) {
        double sine, cosine;
        glint_sim_sincos(GLINT_SIM_PI * (double)(side > 0 ? pedal : pedal + 1), &sine, &cosine);
        const float y = side * (motor ? 0.19f : 0.11f) * k, foot_x = motor ? 0.05f : 0.17f * (float)cosine;
        const float foot_z = motor ? 0.33f : 0.30f + 0.17f * (float)sine, knee_x = 0.22f * k + 0.3f * foot_x;
        const float knee_z = b->hip - 0.22f + 0.4f * (foot_z - 0.3f);
        limb(s, seat, y, b->hip, knee_x, y, knee_z, 0.082f * k, b->trousers);
        limb(s, knee_x, y, knee_z, foot_x, y, foot_z, 0.058f * k, b->trousers);
        const float hand = seat + b->lean + 0.40f * k;
        limb(s, seat + b->lean, side * 0.2f * k, b->shoulder, glint_sim_min(hand, 0.42f), side * 0.25f, 1.05f,
             0.048f * k, b->coat);
    }
}

/* The trunk sits behind the middle. */
static void move_back(struct glint_sim_set *s, int32_t first, float dx)
{
    for (int32_t i = first; i < s->n_parts; i++)
        s->part[i].center[0] += dx;
}

void glint_sim_add_rider(struct glint_sim_set *s, const struct glint_sim_place *at, int32_t id, float pedal,
                         struct glint_sim_random *r)
{
    struct glint_sim_thing *t = glint_sim_thing_add(s, at->x, at->y, at->z, at->yaw, GLINT_SIM_CLASS_CYCLIST);
    const bool motor = glint_sim_chance(r, 0.3f);
    bicycle(s, motor, r);
    const float tall = range(r, 1.5f, 1.9f);
    struct body b = draw_body(tall, motor ? 0.86f : 0.98f, r);
    b.lean = motor ? range(r, 0.02f, 0.2f) : range(r, 0.05f, 0.38f);
    b.shoulder -= b.lean * 0.35f;
    const int32_t first = s->n_parts;
    trunk(s, &b);
    if (glint_sim_chance(r, 0.2f))
        glint_sim_ellipsoid(s, b.lean - 0.2f, 0, b.shoulder - 0.15f, 0.13f, 0.16f, 0.22f, 0,
                            range(r, 0.05f, 0.5f));
    if (!s->failed)
        move_back(s, first, -0.22f);
    rider(s, &b, motor, pedal);
    t->id = id;
    t->label = GLINT_SIM_LABEL_CYCLIST;
    t->kind = motor ? "motorcyclist" : "cyclist";
    measure(t, 1.2f, 0.9f);
}

void glint_sim_add_bicycle(struct glint_sim_set *s, const struct glint_sim_place *at,
                           struct glint_sim_random *r)
{
    glint_sim_thing_add(s, at->x, at->y, at->z, at->yaw, GLINT_SIM_CLASS_OTHER);
    bicycle(s, glint_sim_chance(r, 0.2f), r);
}
