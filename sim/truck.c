/* sim/truck.c - lorries, trailers and buses; see sim/things.h. */
#include "sim/things.h"

static float range(struct glint_sim_random *r, float a, float b)
{
    return glint_sim_range(r, a, b);
}

struct glint_sim_vehicle_size glint_sim_draw_truck(struct glint_sim_random *r, bool moving)
{
    static const struct {
        float share, length[2], width[2], height[2];
    } kinds[] = {
        {0.34f, {5.6f, 10.5f}, {2.0f, 2.55f}, {2.5f, 3.9f}},   /* box truck */
        {0.10f, {5.6f, 9.5f}, {2.1f, 2.55f}, {2.3f, 3.1f}},    /* flatbed */
        {0.10f, {6.0f, 9.0f}, {2.3f, 2.55f}, {2.7f, 3.4f}},    /* tipper */
        {0.12f, {13.5f, 17.0f}, {2.45f, 2.6f}, {3.5f, 4.05f}}, /* semi */
        {0.26f, {8.0f, 13.5f}, {2.3f, 2.6f}, {2.8f, 3.5f}},    /* bus */
        {0.08f, {5.0f, 13.5f}, {2.1f, 2.55f}, {2.2f, 3.9f}},   /* trailer */
    };
    float u = glint_sim_uniform(r) * (moving ? 0.92f : 1.0f);
    int k = 0;
    while (k < 5 && (u -= kinds[k].share) >= 0)
        k++;
    struct glint_sim_vehicle_size size = {.kind = (enum glint_sim_vehicle)(GLINT_SIM_BOX_TRUCK + k)};
    size.length = range(r, kinds[k].length[0], kinds[k].length[1]);
    size.width = range(r, kinds[k].width[0], kinds[k].width[1]);
    size.height = range(r, kinds[k].height[0], kinds[k].height[1]);
    return size;
}

static void axle(struct glint_sim_set *s, float x, float side, bool twin)
{
    const float half = twin ? 0.27f : 0.15f;
    for (float y = -1; y <= 1; y += 2)
        glint_sim_wheel(s, x, y * (side - half), 0.48f, half, 0.2f);
}

/* A body of profile {rear, front, low, high} with the windscreen leaning back by `lean`; glass above z =
 * pane. */
static void hull(struct glint_sim_set *s, float x0, float x1, float side, float z0, float z1, float lean,
                 float round, enum glint_sim_material front, enum glint_sim_material sides, float paint)
{
    glint_sim_convex(s, paint);
    glint_sim_face(s, 1, 0, lean / (z1 - z0), x1 + lean / (z1 - z0) * z0, front);
    glint_sim_face(s, -1, 0, 0, -x0, sides);
    glint_sim_face(s, 0, 0, 1, z1, GLINT_SIM_PAINT);
    glint_sim_face(s, 0, 0, -1, -z0, GLINT_SIM_PLAIN);
    for (float y = -1; y <= 1; y += 2) {
        glint_sim_face(s, 0, y, 0, side, sides);
        glint_sim_face(s, 0.7f, 0.7f * y, 0, 0.7f * (x1 + side - 0.6f * round), front);
    }
    glint_sim_bounds(s, (float[3]){x0, -side, z0}, (float[3]){x1, side, z1});
}

/* The driver's cab from x0 to x1: body, panes above it, roof. */
static void cab(struct glint_sim_set *s, float x0, float x1, float side, float top, float paint,
                struct glint_sim_random *r)
{
    const float pane = top * range(r, 0.50f, 0.58f), roof = top - range(r, 0.25f, 0.6f);
    hull(s, x0, x1, side, 0.42f, pane, 0.02f, 0.25f, GLINT_SIM_PAINT, GLINT_SIM_PAINT, paint);
    hull(s, x0 + 0.5f, x1 - 0.02f, side - 0.03f, pane, roof, range(r, 0.08f, 0.35f), 0.25f, GLINT_SIM_GLASS,
         GLINT_SIM_GLASS, paint);
    glint_sim_set_glass(s, range(r, 0.1f, 0.4f));
    hull(s, x0, x0 + 0.55f, side - 0.03f, pane, roof, 0, 0.02f, GLINT_SIM_PAINT, GLINT_SIM_PAINT, paint);
    hull(s, x0, x1 - 0.3f, side - 0.03f, roof, top, 0.3f, 0.3f, GLINT_SIM_PAINT, GLINT_SIM_PAINT, paint);
    for (float y = -1; y <= 1; y += 2)
        glint_sim_box(s, x1 - 0.1f, y * (side + 0.15f), pane + 0.35f, 0.05f, 0.1f, 0.2f, 0, GLINT_SIM_PLAIN,
                      0.1f);
    glint_sim_box(s, x1 + 0.005f, 0, 0.55f, 0.01f, 0.26f, 0.055f, 0, GLINT_SIM_RETRO, 1.6f);
}

static void cargo(struct glint_sim_set *s, float x0, float x1, float side, float deck, float top,
                  enum glint_sim_vehicle kind, struct glint_sim_random *r)
{
    const float mid = (x0 + x1) / 2, half = (x1 - x0) / 2, light = range(r, 0.15f, 0.8f);
    if (kind == GLINT_SIM_FLATBED) {
        const float wall = range(r, 0.05f, 0.35f);
        glint_sim_box(s, mid, 0, deck, half, side, 0.1f, 0, GLINT_SIM_PAINT, light);
        glint_sim_box(s, mid, side - 0.02f, deck + wall, half, 0.02f, wall, 0, GLINT_SIM_PAINT, light);
        glint_sim_box(s, mid, -side + 0.02f, deck + wall, half, 0.02f, wall, 0, GLINT_SIM_PAINT, light);
        for (int i = glint_sim_pick(r, 0, 4); i > 0; i--) {
            const float a = range(r, 0.3f, 0.9f), h = range(r, 0.2f, 0.8f);
            const float x = mid + range(r, -0.8f, 0.8f) * (half - a), y = range(r, -0.3f, 0.3f);
            const float b = range(r, 0.3f, side - 0.4f), colour = range(r, 0.1f, 0.6f);
            glint_sim_box(s, x, y, deck + 0.1f + h, a, b, h, 0, GLINT_SIM_PLAIN, colour);
        }
    } else if (kind == GLINT_SIM_TIPPER) {
        glint_sim_convex(s, light);
        glint_sim_face(s, 1, 0, 0, x1, GLINT_SIM_PAINT);
        glint_sim_face(s, -1, 0, -0.4f, -x0 - 0.4f * (deck + 0.9f), GLINT_SIM_PAINT);
        for (float y = -1; y <= 1; y += 2)
            glint_sim_face(s, 0, y, -0.15f, side - 0.15f * (deck + 1.0f), GLINT_SIM_PAINT);
        glint_sim_face(s, 0, 0, 1, glint_sim_max(top - 0.5f, deck + 0.9f), GLINT_SIM_PLAIN);
        glint_sim_face(s, 0, 0, -1, -deck, GLINT_SIM_PLAIN);
        glint_sim_bounds(s, (float[3]){x0 - 0.4f, -side, deck},
                         (float[3]){x1, side, glint_sim_max(top - 0.5f, deck + 0.9f)});
    } else {
        glint_sim_box(s, mid, 0, (deck + top) / 2, half, side, (top - deck) / 2, 0, GLINT_SIM_PAINT, light);
        if (glint_sim_chance(r, 0.5f)) /* marking tape along the lower edge */
            glint_sim_box(s, mid, 0, deck + 0.1f, half + 0.004f, side + 0.004f, 0.03f, 0, GLINT_SIM_RETRO,
                          1.0f);
    }
    glint_sim_box(s, mid, 0, deck - 0.2f, half, 0.45f, 0.16f, 0, GLINT_SIM_PLAIN, 0.08f);
    if (glint_sim_chance(r, 0.5f)) /* side guards */
        for (float y = -1; y <= 1; y += 2)
            glint_sim_box(s, mid, y * (side - 0.05f), 0.6f, half * 0.5f, 0.02f, 0.15f, 0, GLINT_SIM_PLAIN,
                          0.4f);
}

static void bus(struct glint_sim_set *s, float half, float side, float top, struct glint_sim_random *r)
{
    const float paint = glint_sim_draw_paint(r), pane = range(r, 1.05f, 1.35f),
                roof = top - range(r, 0.3f, 0.6f);
    hull(s, -half, half, side, 0.3f, pane, 0.02f, 0.4f, GLINT_SIM_PAINT, GLINT_SIM_PAINT, paint);
    hull(s, -half + 0.01f, half - 0.02f, side - 0.01f, pane, roof, 0.1f, 0.4f, GLINT_SIM_GLASS,
         GLINT_SIM_GLASS, paint);
    glint_sim_set_glass(s, range(r, 0.2f, 0.6f));
    hull(s, -half, half - 0.12f, side, roof, top, 0.15f, 0.4f, GLINT_SIM_PAINT, GLINT_SIM_PAINT, paint);
    for (float x = -half + 1.2f; x < half - 1; x += 0.8f) /* seats, mostly empty */
        glint_sim_box(s, x, 0, pane + 0.05f, 0.06f, side - 0.3f, 0.3f, 0, GLINT_SIM_PLAIN, 0.1f);
    for (float x = -half + 1.4f; x < half; x += range(r, 1.3f, 1.8f)) /* posts between the panes */
        for (float y = -1; y <= 1; y += 2)
            glint_sim_box(s, x, y * (side - 0.03f), (pane + roof) / 2, 0.05f, 0.02f, (roof - pane) / 2, 0,
                          GLINT_SIM_PAINT, paint);
    axle(s, half - range(r, 1.8f, 2.7f), side - 0.02f, false);
    axle(s, -half + range(r, 2.0f, 3.2f), side - 0.02f, true);
    for (float y = -1; y <= 1; y += 2)
        glint_sim_box(s, half + 0.12f, y * (side - 0.05f), pane + 0.8f, 0.1f, 0.12f, 0.2f, 0, GLINT_SIM_PLAIN,
                      0.1f);
}

void glint_sim_build_truck(struct glint_sim_set *s, const struct glint_sim_vehicle_size *size,
                           struct glint_sim_random *r)
{
    const float half = size->length / 2, side = size->width / 2, top = size->height;
    if (size->kind == GLINT_SIM_BUS) {
        bus(s, half, side, top, r);
        return;
    }
    const bool semi = size->kind == GLINT_SIM_SEMI, alone = size->kind == GLINT_SIM_TRAILER;
    const float long_cab = semi ? range(r, 2.0f, 2.6f) : range(r, 1.5f, 2.2f), deck = range(r, 0.85f, 1.2f);
    const float cab_top =
        semi ? range(r, 3.0f, glint_sim_min(3.8f, top)) : glint_sim_min(top, range(r, 2.2f, 3.0f));
    const float from = -half,
                to = alone ? half - 1.0f
                           : half - long_cab - (semi ? range(r, 0.6f, 1.0f) : range(r, 0.1f, 0.4f));
    cargo(s, from, to, side, deck, top, semi || alone ? GLINT_SIM_BOX_TRUCK : size->kind, r);
    if (alone) {
        glint_sim_box(s, half - 0.5f, 0, 0.6f, 0.5f, 0.06f, 0.06f, 0, GLINT_SIM_PLAIN, 0.2f);
        axle(s, -half * 0.3f, side, false);
        return;
    }
    cab(s, half - long_cab, half, side - 0.04f, cab_top, glint_sim_draw_paint(r), r);
    axle(s, half - range(r, 0.8f, 1.4f), side - 0.02f, false);
    axle(s, -half + range(r, 1.2f, 2.4f), side - 0.02f, true);
    if (semi) {
        axle(s, half - 4.6f, side - 0.02f, true);
        axle(s, -half + 3.7f, side - 0.02f, true);
        axle(s, -half + 5.0f, side - 0.02f, true);
    }
}
