/* sim/clutter.c - what else stands in streets, much of it as large as a person or a car and none of it one;
 * poles and signs; see sim/things.h. */
#include "sim/things.h"

enum {
    BIN,
    CRATE,
    CONTAINER,
    CONE,
    BOLLARD,
    BENCH,
    BICYCLE,
    SHELTER,
    HEAP,
    JERSEY,
    HYDRANT,
    POST_BOX,
    STATUE,
    STUMP,
    TABLES,
    CABINET,
    KIOSK,
    BOARD,
    N_KINDS
};

static float range(struct glint_sim_random *r, float a, float b)
{
    return glint_sim_range(r, a, b);
}

struct glint_sim_clutter glint_sim_draw_clutter(struct glint_sim_random *r)
{
    static const struct {
        float share, x[2], y[2];
    } kinds[N_KINDS] = {
        [BIN] = {0.15f, {0.17f, 0.42f}, {0.17f, 0.42f}},
        [CRATE] = {0.10f, {0.2f, 0.8f}, {0.15f, 0.6f}},
        [CONTAINER] = {0.06f, {0.6f, 3.2f}, {0.5f, 1.3f}},
        [CONE] = {0.06f, {0.2f, 0.2f}, {0.2f, 0.2f}},
        [BOLLARD] = {0.06f, {0.14f, 0.14f}, {0.14f, 0.14f}},
        [BENCH] = {0.06f, {0.9f, 0.9f}, {0.35f, 0.35f}},
        [BICYCLE] = {0.10f, {0.95f, 0.95f}, {0.3f, 0.3f}},
        [SHELTER] = {0.04f, {2.0f, 2.0f}, {0.9f, 0.9f}},
        [HEAP] = {0.05f, {0.3f, 1.2f}, {0.3f, 1.0f}},
        [JERSEY] = {0.05f, {1.0f, 6.0f}, {0.3f, 0.3f}},
        [HYDRANT] = {0.04f, {0.2f, 0.2f}, {0.2f, 0.2f}},
        [POST_BOX] = {0.05f, {0.2f, 0.4f}, {0.18f, 0.3f}},
        [STATUE] = {0.03f, {0.4f, 0.7f}, {0.4f, 0.7f}},
        [STUMP] = {0.03f, {0.2f, 0.5f}, {0.2f, 0.5f}},
        [TABLES] = {0.04f, {1.0f, 1.4f}, {1.0f, 1.4f}},
        [CABINET] = {0.05f, {0.3f, 0.9f}, {0.15f, 0.3f}},
        [KIOSK] = {0.01f, {1.0f, 2.0f}, {0.9f, 1.6f}},
        [BOARD] = {0.02f, {0.5f, 1.8f}, {0.15f, 0.15f}},
    };
    float u = glint_sim_uniform(r);
    int k = 0;
    while (k < N_KINDS - 1 && (u -= kinds[k].share) >= 0)
        k++;
    struct glint_sim_clutter c = {.kind = k};
    c.half_x = range(r, kinds[k].x[0], kinds[k].x[1]);
    c.half_y = range(r, kinds[k].y[0], kinds[k].y[1]);
    return c;
}

static void bench(struct glint_sim_set *s, float wood)
{
    glint_sim_box(s, 0, 0, 0.45f, 0.8f, 0.22f, 0.04f, 0, GLINT_SIM_PLAIN, wood);
    glint_sim_box(s, 0, -0.24f, 0.7f, 0.8f, 0.03f, 0.2f, 0, GLINT_SIM_PLAIN, wood);
    for (float x = -0.7f; x < 1; x += 1.4f)
        glint_sim_box(s, x, 0, 0.22f, 0.04f, 0.2f, 0.22f, 0, GLINT_SIM_PLAIN, wood);
}

static void shelter(struct glint_sim_set *s)
{
    glint_sim_box(s, 0, 0.8f, 1.2f, 1.9f, 0.03f, 1.2f, 0, GLINT_SIM_MESH, 0.3f)->p0 = 0.35f;
    glint_sim_box(s, 0, 0, 2.45f, 2, 0.9f, 0.06f, 0, GLINT_SIM_PLAIN, 0.3f);
    for (float x = -1.8f; x < 2; x += 3.6f)
        glint_sim_post(s, x, 0.7f, 0, 2.4f, 0.05f, 0.3f);
    glint_sim_box(s, 0, 0.55f, 0.45f, 1.2f, 0.18f, 0.04f, 0, GLINT_SIM_PLAIN, 0.3f);
}

/* Stands like a person, on a foot or not. */
static void statue(struct glint_sim_set *s, struct glint_sim_random *r)
{
    const float stone = range(r, 0.2f, 0.6f), foot = glint_sim_chance(r, 0.7f) ? range(r, 0.3f, 1.6f) : 0;
    if (foot > 0)
        glint_sim_box(s, 0, 0, foot / 2, 0.35f, 0.35f, foot / 2, 0, GLINT_SIM_PLAIN, stone);
    glint_sim_post(s, 0, 0, foot, foot + 0.9f, 0.2f, stone);
    glint_sim_ellipsoid(s, 0, 0, foot + 1.15f, 0.18f, 0.26f, 0.4f, 0, stone);
    glint_sim_ellipsoid(s, 0, 0, foot + 1.65f, 0.11f, 0.1f, 0.14f, 0, stone);
}

static void tables(struct glint_sim_set *s, struct glint_sim_random *r)
{
    const float wood = range(r, 0.1f, 0.6f);
    glint_sim_post(s, 0, 0, 0.72f, 0.75f, range(r, 0.3f, 0.5f), wood);
    glint_sim_post(s, 0, 0, 0, 0.72f, 0.04f, wood);
    for (int i = glint_sim_pick(r, 2, 4); i > 0; i--) {
        double sine, cosine;
        glint_sim_sincos((double)i * 1.57 + (double)range(r, -0.4f, 0.4f), &sine, &cosine);
        const float x = 0.75f * (float)cosine, y = 0.75f * (float)sine;
        glint_sim_box(s, x, y, 0.45f, 0.2f, 0.2f, 0.03f, 0, GLINT_SIM_PLAIN, wood);
        glint_sim_box(s, x * 1.25f, y * 1.25f, 0.68f, 0.05f + 0.15f * (float)fabs(sine),
                      0.05f + 0.15f * (float)fabs(cosine), 0.2f, 0, GLINT_SIM_PLAIN, wood);
    }
    if (glint_sim_chance(r, 0.3f)) {
        glint_sim_post(s, 0.1f, 0, 0.7f, 2.4f, 0.025f, 0.3f);
        glint_sim_ellipsoid(s, 0.1f, 0, 2.25f, 1.2f, 1.2f, 0.25f, 0, range(r, 0.3f, 0.7f));
    }
}

static void upright(struct glint_sim_set *s, const struct glint_sim_clutter *c, float colour,
                    struct glint_sim_random *r)
{
    const float x = c->half_x, y = c->half_y;
    float h;
    switch (c->kind) {
    case BIN:
        h = range(r, 0.5f, 1.3f);
        if (glint_sim_chance(r, 0.5f))
            glint_sim_post(s, 0, 0, 0, h, x, colour);
        else
            glint_sim_box(s, 0, 0, h / 2, x, x * 0.85f, h / 2, 0, GLINT_SIM_PLAIN, colour);
        break;
    case CONE:
        h = range(r, 0.4f, 0.8f);
        glint_sim_box(s, 0, 0, 0.02f, 0.18f, 0.18f, 0.02f, 0, GLINT_SIM_PLAIN, 0.1f);
        glint_sim_ellipsoid(s, 0, 0, 0, 0.15f, 0.15f, h, 0, 0.6f);
        break;
    case BOLLARD:
        h = range(r, 0.5f, 1.1f);
        glint_sim_post(s, 0, 0, 0, h, range(r, 0.05f, 0.14f), colour);
        break;
    case HYDRANT:
        glint_sim_post(s, 0, 0, 0, 0.6f, 0.11f, colour);
        glint_sim_ellipsoid(s, 0, 0, 0.6f, 0.13f, 0.13f, 0.14f, 0, colour);
        glint_sim_box(s, 0, 0, 0.45f, 0.06f, 0.2f, 0.06f, 0, GLINT_SIM_PLAIN, colour);
        break;
    case STUMP:
        glint_sim_post(s, 0, 0, 0, range(r, 0.3f, 1.9f), x, colour);
        break;
    default: /* post box, cabinet, meter: boxes, some on a post */
        h = range(r, 0.35f, c->kind == CABINET ? 0.7f : 0.55f);
        if (c->kind == POST_BOX && glint_sim_chance(r, 0.5f)) {
            glint_sim_post(s, 0, 0, 0, 0.9f, 0.05f, 0.3f);
            glint_sim_box(s, 0, 0, 0.9f + h / 2, x, y, h / 2, 0, GLINT_SIM_PLAIN, colour);
        } else
            glint_sim_box(s, 0, 0, h, x, y, h, 0, GLINT_SIM_PLAIN, colour);
        break;
    }
}

static void flat(struct glint_sim_set *s, const struct glint_sim_clutter *c, float colour,
                 struct glint_sim_random *r)
{
    const float x = c->half_x, y = c->half_y;
    float h;
    switch (c->kind) {
    case CONTAINER: /* skips, dumpsters: as large as a car */
        h = range(r, 0.5f, 1.3f);
        glint_sim_convex(s, colour);
        glint_sim_face(s, 1, 0, -0.3f, x - 0.3f * 2 * h, GLINT_SIM_PLAIN);
        glint_sim_face(s, -1, 0, -0.3f, x - 0.3f * 2 * h, GLINT_SIM_PLAIN);
        glint_sim_face(s, 0, 1, 0, y, GLINT_SIM_PLAIN);
        glint_sim_face(s, 0, -1, 0, y, GLINT_SIM_PLAIN);
        glint_sim_face(s, 0, 0, 1, 2 * h, GLINT_SIM_PLAIN);
        glint_sim_face(s, 0, 0, -1, -0.08f, GLINT_SIM_PLAIN);
        glint_sim_bounds(s, (float[3]){-x, -y, 0.08f}, (float[3]){x, y, 2 * h});
        break;
    case HEAP:
        glint_sim_ellipsoid(s, 0, 0, 0, x, y, range(r, 0.2f, 0.9f), 0, colour);
        break;
    case JERSEY:
        h = range(r, 0.35f, 0.5f);
        glint_sim_box(s, 0, 0, h / 2, x, 0.28f, h / 2, 0, GLINT_SIM_PLAIN, colour);
        glint_sim_box(s, 0, 0, h, x, 0.1f, h, 0, GLINT_SIM_PLAIN, colour);
        break;
    case KIOSK:
        h = range(r, 1.1f, 1.4f);
        glint_sim_box(s, 0, 0, h, x, y, h, 0, GLINT_SIM_FACADE, colour)->p0 = 2;
        glint_sim_box(s, 0, 0, 2 * h, x + 0.3f, y + 0.3f, 0.08f, 0, GLINT_SIM_PLAIN, colour);
        break;
    case BOARD:
        h = range(r, 0.5f, 1.0f);
        glint_sim_box(s, 0, 0, 0.5f + h, x, 0.06f, h, 0, GLINT_SIM_PLAIN, colour);
        glint_sim_post(s, -x * 0.8f, 0, 0, 0.6f, 0.04f, 0.3f);
        glint_sim_post(s, x * 0.8f, 0, 0, 0.6f, 0.04f, 0.3f);
        break;
    default:
        h = range(r, 0.2f, 0.9f);
        glint_sim_box(s, 0, 0, h, x, y, h, 0, GLINT_SIM_PLAIN, colour);
        break;
    }
}

void glint_sim_add_clutter(struct glint_sim_set *s, const struct glint_sim_place *at,
                           const struct glint_sim_clutter *what, struct glint_sim_random *r)
{
    if (what->kind == BICYCLE) {
        glint_sim_add_bicycle(s, at, r);
        return;
    }
    const bool pole = what->kind == CONE || what->kind == BOLLARD;
    const enum glint_sim_class cls = pole ? GLINT_SIM_CLASS_POLE : GLINT_SIM_CLASS_OTHER;
    const float colour = range(r, 0.05f, 0.7f);
    glint_sim_thing_add(s, at->x, at->y, at->z, at->yaw, cls);
    switch (what->kind) {
    case BENCH:
        bench(s, colour);
        break;
    case SHELTER:
        shelter(s);
        break;
    case STATUE:
        statue(s, r);
        break;
    case TABLES:
        tables(s, r);
        break;
    case CRATE:
    case CONTAINER:
    case HEAP:
    case JERSEY:
    case KIOSK:
    case BOARD:
        flat(s, what, colour, r);
        break;
    default:
        upright(s, what, colour, r);
        break;
    }
}

void glint_sim_add_pole(struct glint_sim_set *s, const struct glint_sim_place *at, struct glint_sim_random *r)
{
    glint_sim_thing_add(s, at->x, at->y, at->z, at->yaw, GLINT_SIM_CLASS_POLE);
    const float radius = range(r, 0.03f, 0.14f), h = range(r, 2.2f, 9.0f), u = glint_sim_uniform(r);
    glint_sim_post(s, 0, 0, -0.1f, h, radius, range(r, 0.2f, 0.6f));
    if (u < 0.32f) { /* a sign, across the street's direction */
        const float size = range(r, 0.25f, 0.5f), z = range(r, 1.9f, glint_sim_max(2.0f, h - 0.3f));
        const float high = size * range(r, 0.6f, 1.2f), yaw = range(r, -0.4f, 0.4f);
        glint_sim_box(s, radius, 0, z, 0.02f, size, high, yaw, GLINT_SIM_RETRO, 2.5f);
    } else if (u < 0.55f && h > 4) { /* an arm over the street */
        const float side = glint_sim_chance(r, 0.5f) ? 1.0f : -1.0f, reach = range(r, 1, 5) * side;
        glint_sim_cylinder(s, (float[3]){0, 0, h - 0.1f}, (float[3]){0, reach, h + range(r, -0.1f, 0.5f)},
                           0.05f, 0.3f);
        if (glint_sim_chance(r, 0.5f))
            glint_sim_box(s, 0, reach, h - 0.4f, 0.15f, 0.18f, 0.45f, 0, GLINT_SIM_PLAIN, 0.2f);
    } else if (u < 0.7f) /* a signal's lights */
        glint_sim_box(s, radius, 0, range(r, 2.2f, 2.8f), 0.15f, 0.17f, 0.42f, 0, GLINT_SIM_PLAIN, 0.2f);
    if (glint_sim_chance(r, 0.2f)) {
        const float foot = range(r, 0.4f, 1.2f);
        glint_sim_post(s, 0, 0, 0, foot, radius + range(r, 0.05f, 0.15f), 0.3f);
    }
    if (glint_sim_chance(r, 0.12f)) { /* a bin or a box hangs on it */
        const float z = range(r, 0.7f, 1.4f), colour = range(r, 0.1f, 0.5f);
        glint_sim_box(s, 0, radius + 0.18f, z, 0.16f, 0.16f, 0.25f, 0, GLINT_SIM_PLAIN, colour);
    }
}
