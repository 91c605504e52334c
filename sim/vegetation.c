/* sim/vegetation.c - trees, bushes, hedges: porous volumes on trunks; see sim/things.h. */
#include "sim/things.h"

static float range(struct glint_sim_random *r, float a, float b)
{
    return glint_sim_range(r, a, b);
}

static void crown(struct glint_sim_set *s, float low, float radius, float height, int n,
                  struct glint_sim_random *r)
{
    const float path = range(r, 0.3f, 1.6f), leaves = range(r, 0.2f, 0.6f);
    for (int i = 0; i < n; i++) {
        const float size = i ? range(r, 0.35f, 0.8f) : 1, d = i ? radius * range(r, 0.3f, 0.8f) : 0;
        double sine, cosine;
        glint_sim_sincos((double)range(r, -3.14159f, 3.14159f), &sine, &cosine);
        const float z = low + height * range(r, 0.75f, 1.2f), b = radius * size * range(r, 0.8f, 1.2f);
        const float own_path = path * range(r, 0.6f, 1.5f);
        glint_sim_cloud(s, d * (float)cosine, d * (float)sine, z, radius * size, b, height * size, 0, leaves,
                        own_path);
    }
}

static void branches(struct glint_sim_set *s, float z, float radius, float height, struct glint_sim_random *r)
{
    for (int i = glint_sim_pick(r, 2, 5); i > 0; i--) {
        double sine, cosine;
        glint_sim_sincos((double)range(r, -3.14159f, 3.14159f), &sine, &cosine);
        const float d = radius * range(r, 0.3f, 0.8f);
        const float from = z * range(r, 0.8f, 1.1f), to = z + height * range(r, 0.5f, 1.2f);
        glint_sim_cylinder(s, (float[3]){0, 0, from}, (float[3]){d * (float)cosine, d * (float)sine, to},
                           range(r, 0.02f, 0.06f), 0.25f);
    }
}

void glint_sim_add_tree(struct glint_sim_set *s, const struct glint_sim_place *at, struct glint_sim_random *r)
{
    glint_sim_thing_add(s, at->x, at->y, at->z, 0, GLINT_SIM_CLASS_VEGETATION);
    const float u = glint_sim_uniform(r), trunk = range(r, 0.07f, 0.34f), bark = range(r, 0.15f, 0.4f);
    float low = range(r, 1.6f, 4.5f), radius = range(r, 0.9f, 3.6f), height = radius * range(r, 0.7f, 1.6f);
    int n = glint_sim_pick(r, 2, 5);
    if (u < 0.12f) { /* conifer: branches to the ground */
        low = range(r, 0.2f, 0.7f), radius = range(r, 0.8f, 2.2f), height = range(r, 1.5f, 4.5f), n = 1;
    } else if (u < 0.2f) { /* young, with its stake */
        low = range(r, 1.4f, 2.2f), radius = range(r, 0.4f, 0.9f), height = radius, n = 2;
        glint_sim_post(s, 0.3f, 0, -0.1f, 1.5f, 0.04f, 0.3f);
    }
    const float x = range(r, -0.2f, 0.2f), y = range(r, -0.2f, 0.2f); /* it leans */
    glint_sim_cylinder(s, (float[3]){0, 0, -0.1f}, (float[3]){x, y, low + height * 0.6f},
                       u < 0.2f && u >= 0.12f ? 0.05f : trunk, bark);
    branches(s, low, radius, height, r);
    if (glint_sim_chance(r, 0.9f)) /* else bare */
        crown(s, low, radius, height, n, r);
}

void glint_sim_add_bush(struct glint_sim_set *s, const struct glint_sim_place *at, float a, float b, float h,
                        struct glint_sim_random *r)
{
    glint_sim_thing_add(s, at->x, at->y, at->z, at->yaw, GLINT_SIM_CLASS_VEGETATION);
    const float leaves = range(r, 0.2f, 0.6f);
    for (int i = glint_sim_pick(r, 1, 3); i > 0; i--) {
        const float x = range(r, -a, a) * (i > 1 ? 0.7f : 0.0f), y = range(r, -b, b) * (i > 1 ? 0.7f : 0.0f);
        const float z = h * range(r, 0.3f, 0.55f), half_x = a * range(r, 0.6f, 1.0f),
                    half_y = b * range(r, 0.6f, 1.0f);
        const float half_z = h * range(r, 0.4f, 0.65f), yaw = range(r, 0, 3.1f),
                    path = range(r, 0.06f, 0.45f);
        glint_sim_cloud(s, x, y, z, half_x, half_y, half_z, yaw, leaves, path);
    }
}

void glint_sim_add_thicket(struct glint_sim_set *s, const struct glint_sim_place *at, float a, float b,
                           float h, struct glint_sim_random *r)
{
    glint_sim_thing_add(s, at->x, at->y, at->z, at->yaw, GLINT_SIM_CLASS_VEGETATION);
    const float leaves = range(r, 0.2f, 0.6f),
                path = glint_sim_chance(r, 0.5f) ? range(r, 0.02f, 0.15f) : range(r, 0.1f, 0.7f);
    for (int i = glint_sim_pick(r, 4, 18); i > 0; i--) {
        const float size = range(r, 0.25f, 0.9f) * glint_sim_min(glint_sim_min(a, b) + 0.2f, h + 0.3f);
        const float x = range(r, -1, 1) * glint_sim_max(0, a - size * 0.6f),
                    y = range(r, -1, 1) * glint_sim_max(0, b - size * 0.6f);
        const float z = range(r, 0, 1) * h * 0.8f, wide = size * range(r, 0.7f, 1.3f),
                    high = size * range(r, 0.6f, 1.2f);
        const float yaw = range(r, 0, 3.1f), light = leaves * range(r, 0.7f, 1.3f);
        glint_sim_cloud(s, x, y, z, size, wide, high, yaw, light, path * range(r, 0.5f, 2.0f));
    }
}

void glint_sim_add_hedge(struct glint_sim_set *s, const struct glint_sim_place *at, float length,
                         float half_width, float half_height, struct glint_sim_random *r)
{
    glint_sim_thing_add(s, at->x, at->y, at->z, at->yaw, GLINT_SIM_CLASS_VEGETATION);
    const float leaves = range(r, 0.2f, 0.6f), path = range(r, 0.04f, 0.3f);
    glint_sim_hedge(s, 0, 0, half_height, length / 2, half_width, half_height, 0, leaves, path);
    for (float x = -length / 2; x < length / 2; x += range(r, 1.5f, 4)) { /* it does not grow straight */
        const float y = range(r, -0.2f, 0.2f), z = half_height * range(r, 1.0f, 1.8f),
                    half_x = range(r, 0.4f, 1.0f);
        const float half_y = half_width * range(r, 0.9f, 1.4f), half_z = half_height * range(r, 0.4f, 0.8f);
        glint_sim_cloud(s, x, y, z, half_x, half_y, half_z, 0, leaves, range(r, 0.05f, 0.3f));
    }
}
