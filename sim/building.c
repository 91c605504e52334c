/* sim/building.c - houses with windows, gables, bays and awnings; sheds; walls, fences and rails; see
 * sim/things.h. */
#include "sim/things.h"

static float range(struct glint_sim_random *r, float a, float b)
{
    return glint_sim_range(r, a, b);
}

static void gable(struct glint_sim_set *s, float half_x, float half_y, float z, struct glint_sim_random *r)
{
    const float over = range(r, 0.1f, 0.6f), rise = half_y * range(r, 0.4f, 1.0f), w = half_y + over,
                l = half_x + over;
    glint_sim_convex(s, range(r, 0.1f, 0.4f));
    glint_sim_face(s, 0, rise, w, rise * w + w * z, GLINT_SIM_PLAIN);
    glint_sim_face(s, 0, -rise, w, rise * w + w * z, GLINT_SIM_PLAIN);
    glint_sim_face(s, 0, 0, -1, -z, GLINT_SIM_PLAIN);
    glint_sim_face(s, 1, 0, 0, l, GLINT_SIM_PLAIN);
    glint_sim_face(s, -1, 0, 0, l, GLINT_SIM_PLAIN);
    glint_sim_bounds(s, (float[3]){-l, -w, z}, (float[3]){l, w, z + rise});
}

/* Bays, steps, balconies, columns, awnings along both long sides. */
static void relief(struct glint_sim_set *s, float half_x, float half_y, float height, float stone,
                   struct glint_sim_random *r)
{
    for (int i = glint_sim_pick(r, 0, 9); i > 0; i--) {
        const float side = glint_sim_chance(r, 0.5f) ? 1.0f : -1.0f, x = range(r, -half_x, half_x);
        const float deep = range(r, 0.05f, 0.7f), half = range(r, 0.15f, 2.0f);
        const bool up = glint_sim_chance(r, 0.4f);
        const float z = up ? range(r, 2.3f, glint_sim_max(2.5f, height - 1)) : 0;
        const float h = up ? range(r, 0.1f, 0.6f) : range(r, 0.3f, 3.0f);
        glint_sim_box(s, x, side * (half_y + deep * 0.5f), z + h / 2, half, deep, h / 2, 0, GLINT_SIM_PLAIN,
                      stone);
    }
    for (float x = -half_x + range(r, 0.5f, 6); x < half_x; x += range(r, 4, 12)) /* rain pipes */
        for (float side = -1; side <= 1; side += 2)
            glint_sim_post(s, x, side * (half_y + 0.06f), 0, height, 0.05f, 0.35f);
}

void glint_sim_add_building(struct glint_sim_set *s, const struct glint_sim_place *at, float half_x,
                            float half_y, float height, struct glint_sim_random *r)
{
    glint_sim_thing_add(s, at->x, at->y, at->z, at->yaw, GLINT_SIM_CLASS_BUILDING);
    const float stone = range(r, 0.15f, 0.6f);
    struct glint_sim_part *p = glint_sim_box(s, 0, 0, height / 2 - 0.5f, half_x, half_y, height / 2 + 0.5f, 0,
                                             GLINT_SIM_FACADE, stone);
    p->p0 = range(r, 1.8f, 4.5f);
    p->p1 = glint_sim_chance(r, 0.75f) ? range(r, 0.2f, 0.6f) : 0;
    if (height < 9 && glint_sim_chance(r, 0.7f))
        gable(s, half_x, half_y, height, r);
    if (half_x > 5 && glint_sim_chance(r, 0.25f)) { /* a wing */
        const float a = range(r, 1.5f, half_x * 0.5f), b = range(r, 0.5f, 2.5f),
                    h = height * range(r, 0.4f, 0.95f);
        const float x = range(r, -half_x + a, half_x - a), side = glint_sim_chance(r, 0.5f) ? 1.0f : -1.0f;
        glint_sim_box(s, x, side * half_y, h / 2 - 0.5f, a, b, h / 2 + 0.5f, 0, GLINT_SIM_FACADE, stone)->p0 =
            2.5f;
    }
    relief(s, half_x, half_y, height, stone, r);
}

void glint_sim_add_shed(struct glint_sim_set *s, const struct glint_sim_place *at, float half_x, float half_y,
                        struct glint_sim_random *r)
{
    glint_sim_thing_add(s, at->x, at->y, at->z, at->yaw, GLINT_SIM_CLASS_BUILDING);
    const float h = range(r, 1.6f, 2.8f);
    glint_sim_box(s, 0, 0, h / 2 - 0.2f, half_x, half_y, h / 2 + 0.2f, 0, GLINT_SIM_PLAIN,
                  range(r, 0.1f, 0.6f));
    if (glint_sim_chance(r, 0.5f))
        gable(s, half_x, half_y, h, r);
}

static void wall(struct glint_sim_set *s, float length, struct glint_sim_random *r)
{
    const float h = range(r, 0.3f, 1.2f), half = range(r, 0.08f, 0.2f), stone = range(r, 0.15f, 0.6f);
    glint_sim_box(s, 0, 0, h - 0.3f, length / 2, half, h + 0.3f, 0, GLINT_SIM_PLAIN, stone);
    if (glint_sim_chance(r, 0.4f))
        for (float x = -length / 2; x <= length / 2; x += 3)
            glint_sim_box(s, x, 0, h - 0.2f, half + 0.06f, half + 0.06f, h + 0.4f, 0, GLINT_SIM_PLAIN, stone);
}

static void fence(struct glint_sim_set *s, float length, struct glint_sim_random *r)
{
    const float h = range(r, 0.4f, 1.1f), metal = range(r, 0.15f, 0.6f);
    glint_sim_box(s, 0, 0, h + 0.05f, length / 2, 0.03f, h, 0, GLINT_SIM_MESH, metal)->p0 =
        range(r, 0.1f, 0.9f);
    for (float x = -length / 2; x < length / 2; x += 2.5f)
        glint_sim_post(s, x, 0, 0, 2 * h + 0.1f, 0.05f, 0.3f);
}

static void rail(struct glint_sim_set *s, float length)
{
    glint_sim_box(s, 0, 0, 0.62f, length / 2, 0.05f, 0.16f, 0, GLINT_SIM_PLAIN, 0.5f);
    for (float x = -length / 2; x < length / 2; x += 3)
        glint_sim_box(s, x, 0, 0.3f, 0.05f, 0.08f, 0.32f, 0, GLINT_SIM_PLAIN, 0.4f);
}

void glint_sim_add_barrier(struct glint_sim_set *s, const struct glint_sim_place *at, float length,
                           enum glint_sim_barrier kind, struct glint_sim_random *r)
{
    const enum glint_sim_class cls =
        kind == GLINT_SIM_WALL ? GLINT_SIM_CLASS_BUILDING : GLINT_SIM_CLASS_OTHER;
    glint_sim_thing_add(s, at->x, at->y, at->z, at->yaw, cls);
    if (kind == GLINT_SIM_WALL)
        wall(s, length, r);
    else if (kind == GLINT_SIM_FENCE)
        fence(s, length, r);
    else
        rail(s, length);
}
