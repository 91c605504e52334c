/* sim/vehicle.c - cars: what a LiDAR sees of them is a rounded lower body on dark wheels in open arches, a
 * bonnet and a boot that bulge, slanted panes that mostly let rays through to the seats, narrow pillars, a
 * curved roof, mirrors, and the bright spots of plates and lamps. Sizes are those of cars sold in Europe,
 * America and Japan. */
#include "sim/things.h"

static float range(struct glint_sim_random *r, float a, float b)
{
    return glint_sim_range(r, a, b);
}

float glint_sim_draw_paint(struct glint_sim_random *r)
{
    const float u = glint_sim_uniform(r);
    if (u < 0.28f)
        return range(r, 0.02f, 0.09f); /* black and dark: hardly anything comes back */
    return u < 0.62f ? range(r, 0.1f, 0.35f) : range(r, 0.4f, 0.8f);
}

struct glint_sim_vehicle_size glint_sim_draw_car(struct glint_sim_random *r)
{
    static const struct {
        float share, length[2], width[2], height[2];
    } kinds[GLINT_SIM_N_CARS] = {
        [GLINT_SIM_SEDAN] = {0.24f, {4.2f, 5.05f}, {1.68f, 1.92f}, {1.38f, 1.52f}},
        [GLINT_SIM_HATCHBACK] = {0.26f, {3.4f, 4.4f}, {1.58f, 1.83f}, {1.40f, 1.60f}},
        [GLINT_SIM_WAGON] = {0.12f, {4.3f, 4.95f}, {1.70f, 1.88f}, {1.43f, 1.58f}},
        [GLINT_SIM_SUV] = {0.17f, {4.0f, 5.1f}, {1.75f, 2.02f}, {1.58f, 1.92f}},
        [GLINT_SIM_MINIVAN] = {0.06f, {3.6f, 5.1f}, {1.55f, 1.98f}, {1.62f, 1.95f}},
        [GLINT_SIM_VAN] = {0.06f, {4.4f, 6.0f}, {1.75f, 2.05f}, {1.85f, 2.65f}},
        [GLINT_SIM_PICKUP] = {0.05f, {4.9f, 5.9f}, {1.80f, 2.05f}, {1.70f, 1.95f}},
        [GLINT_SIM_COUPE] = {0.04f, {3.9f, 4.7f}, {1.70f, 1.95f}, {1.22f, 1.40f}},
    };
    float u = glint_sim_uniform(r);
    int k = 0;
    while (k < GLINT_SIM_N_CARS - 1 && (u -= kinds[k].share) >= 0)
        k++;
    const float along = glint_sim_uniform(r); /* long ones are wide, too */
    struct glint_sim_vehicle_size size = {.kind = (enum glint_sim_vehicle)k};
    size.length = kinds[k].length[0] + along * (kinds[k].length[1] - kinds[k].length[0]);
    const float wide = 0.6f * along + 0.4f * glint_sim_uniform(r);
    size.width = kinds[k].width[0] + wide * (kinds[k].width[1] - kinds[k].width[0]);
    size.height = range(r, kinds[k].height[0], kinds[k].height[1]);
    return size;
}

void glint_sim_wheel(struct glint_sim_set *s, float x, float y, float radius, float half_width, float hub)
{
    const float out = y > 0 ? 1.0f : -1.0f, z = radius - 0.015f;
    glint_sim_cylinder(s, (float[3]){x, y - half_width, z}, (float[3]){x, y + half_width, z}, radius, 0.05f);
    struct glint_sim_part *rim =
        glint_sim_cylinder(s, (float[3]){x, y + out * (half_width - 0.02f), z},
                           (float[3]){x, y + out * (half_width + 0.008f), z}, radius * 0.66f, hub);
    rim->material = GLINT_SIM_MESH;
    rim->p0 = 0.7f;
}

/* What one car looks like. x ahead, the middle of the car at 0. */
struct car {
    enum glint_sim_vehicle kind;
    float half, side, roof;   /* half length and width, height */
    float belt, nose, tail;   /* heights: lower edge of the windows, front and rear end of the body's top */
    float clear, arch, wheel; /* heights: underbody, top of the arches; radius */
    float front_axle, rear_axle;
    float cowl, deck;          /* where the windscreen and the rear window meet the body (x) */
    float screen, rear_screen; /* how far they lean (x) */
    float round_front, round_rear, lean, shoulder;
    float paint;
};

static void draw_windows(struct car *c, struct glint_sim_random *r)
{
    const float length = 2 * c->half;
    float bonnet = range(r, 0.22f, 0.30f) * length, boot = range(r, 0.01f, 0.03f) * length;
    c->screen = range(r, 0.55f, 0.95f);
    c->rear_screen = range(r, 0.10f, 0.45f);
    switch (c->kind) {
    case GLINT_SIM_SEDAN:
        boot = range(r, 0.11f, 0.20f) * length;
        c->rear_screen = range(r, 0.45f, 0.85f);
        break;
    case GLINT_SIM_COUPE:
        boot = range(r, 0.06f, 0.14f) * length;
        c->rear_screen = range(r, 0.7f, 1.2f);
        c->screen = range(r, 0.7f, 1.0f);
        break;
    case GLINT_SIM_HATCHBACK:
        bonnet = range(r, 0.19f, 0.26f) * length;
        break;
    case GLINT_SIM_MINIVAN:
        bonnet = range(r, 0.08f, 0.22f) * length;
        c->screen = range(r, 0.4f, 1.0f);
        break;
    case GLINT_SIM_VAN:
        bonnet = range(r, 0.06f, 0.19f) * length;
        c->screen = range(r, 0.3f, 0.75f);
        c->rear_screen = range(r, 0.02f, 0.12f);
        break;
    case GLINT_SIM_PICKUP:
        boot = range(r, 0.26f, 0.38f) * length;
        c->rear_screen = range(r, 0.05f, 0.25f);
        break;
    default:
        break;
    }
    c->cowl = c->half - bonnet;
    c->deck = -c->half + boot + 0.03f;
}

static struct car draw(const struct glint_sim_vehicle_size *size, struct glint_sim_random *r)
{
    struct car c = {
        .kind = size->kind, .half = size->length / 2, .side = size->width / 2, .roof = size->height};
    const bool tall = c.kind == GLINT_SIM_SUV || c.kind == GLINT_SIM_PICKUP;
    c.wheel = c.roof > 1.58f ? range(r, 0.31f, 0.38f) : range(r, 0.285f, 0.335f);
    c.clear = range(r, 0.15f, 0.22f) + (tall ? 0.05f : 0);
    c.arch = 2 * c.wheel + range(r, 0.02f, 0.07f);
    const float part = c.kind == GLINT_SIM_VAN ? range(r, 0.42f, 0.52f) : range(r, 0.57f, 0.66f);
    c.belt = glint_sim_max(c.roof * part, c.arch + 0.12f);
    c.nose = c.belt - range(r, 0.04f, 0.20f);
    c.tail = c.belt - range(r, 0.0f, 0.06f);
    c.front_axle = c.half - range(r, 0.17f, 0.21f) * 2 * c.half;
    c.rear_axle = -c.half + range(r, 0.16f, 0.22f) * 2 * c.half;
    draw_windows(&c, r);
    c.round_front = range(r, 0.25f, 0.75f) * glint_sim_min(1, c.side);
    c.round_rear = range(r, 0.12f, 0.45f) * glint_sim_min(1, c.side);
    c.lean = c.kind == GLINT_SIM_VAN ? range(r, 0.03f, 0.10f) : range(r, 0.18f, 0.38f);
    c.shoulder = range(r, 0.03f, 0.09f);
    c.paint = glint_sim_draw_paint(r);
    return c;
}

/* Upright planes that round the corners of the plan at x = +-half to a radius, at three angles each. */
static void round_corners(struct glint_sim_set *s, float x, float side, float radius)
{
    static const float angle[3][2] = {
        {0.9816f, 0.1908f}, {0.8829f, 0.4695f}, {0.5f, 0.8660f}}; /* 11, 28 and 60 degrees */
    const float sign = x > 0 ? 1.0f : -1.0f, ahead = fabsf(x) - radius, left = side - radius;
    for (int i = 0; i < 3; i++) { /* the first bows the end as a whole */
        const float aside = i == 0 ? left * 0.3f : left;
        const float d = ahead * angle[i][0] + aside * angle[i][1] + radius;
        glint_sim_face(s, sign * angle[i][0], angle[i][1], 0, d, GLINT_SIM_PAINT);
        glint_sim_face(s, sign * angle[i][0], -angle[i][1], 0, d, GLINT_SIM_PAINT);
    }
}

/* Planes through the edges of a profile (x, z), counter-clockwise seen with x to the right and z up. */
static void profile(struct glint_sim_set *s, const float (*v)[2], const enum glint_sim_material *material,
                    int n)
{
    for (int i = 0; i < n; i++) {
        const float *a = v[i], *b = v[(i + 1) % n];
        const float nx = b[1] - a[1], nz = a[0] - b[0];
        if (nx * nx + nz * nz < 1e-8f)
            continue;
        glint_sim_face(s, nx, 0, nz, nx * a[0] + nz * a[1], material ? material[i] : GLINT_SIM_PAINT);
    }
}

/* The body from the arches up to the windows. */
static void upper_body(struct glint_sim_set *s, const struct car *c)
{
    const float h = c->half, mid = (c->nose + c->belt) / 2 + 0.015f, waist = (c->arch + c->belt) / 2;
    const float bumper = glint_sim_min(c->arch + 0.06f, c->nose - 0.1f);
    const float v[][2] = {{-h + 0.02f, c->arch - 0.02f},
                          {h - 0.03f, c->arch - 0.02f},
                          {h, bumper},
                          {h - 0.06f, c->nose - 0.08f},
                          {h - 0.2f, c->nose},
                          {(h - 0.2f + c->cowl) / 2, mid},
                          {c->cowl, c->belt},
                          {c->deck, c->belt},
                          {-h + 0.12f, c->tail},
                          {-h + 0.02f, c->tail - 0.1f},
                          {-h, c->arch + 0.05f}};
    glint_sim_convex(s, c->paint);
    profile(s, v, NULL, (int)(sizeof v / sizeof *v));
    for (float y = -1; y <= 1; y += 2) {
        glint_sim_face(s, 0, y, 0.06f, c->side + 0.06f * waist - 0.005f, GLINT_SIM_PAINT);
        glint_sim_face(s, 0, y, -0.10f, c->side - 0.10f * waist, GLINT_SIM_PAINT);
        glint_sim_face(s, 0, y, 1.1f, c->side + 1.1f * (c->belt - c->shoulder), GLINT_SIM_PAINT);
    }
    round_corners(s, h, c->side, c->round_front);
    round_corners(s, -h, c->side, c->round_rear);
    glint_sim_bounds(s, (float[3]){-h, -c->side, c->arch - 0.02f}, (float[3]){h, c->side, c->belt + 0.02f});
}

/* A piece of the lower body between x0 and x1; rise: how much its outer end is cut upwards. */
static void lower_piece(struct glint_sim_set *s, const struct car *c, float x0, float x1)
{
    const bool front = x1 > c->front_axle, rear = x0 < c->rear_axle;
    const float side = c->side - 0.01f;
    glint_sim_convex(s, front || rear ? c->paint : c->paint * 0.8f);
    glint_sim_face(s, 1, 0, 0, x1, GLINT_SIM_PAINT);
    glint_sim_face(s, -1, 0, 0, -x0, GLINT_SIM_PAINT);
    glint_sim_face(s, 0, 0, 1, c->arch, GLINT_SIM_PAINT);
    glint_sim_face(s, 0, 0, -1, -c->clear, GLINT_SIM_PLAIN);
    for (float y = -1; y <= 1; y += 2)
        glint_sim_face(s, 0, y, -0.25f, side - 0.25f * c->arch, GLINT_SIM_PAINT);
    if (front) {
        round_corners(s, x1, side, c->round_front);
        glint_sim_face(s, 0.5f, 0, -1, 0.5f * (x1 - 0.12f) - c->clear, GLINT_SIM_PLAIN);
    }
    if (rear) {
        round_corners(s, x0, side, c->round_rear);
        glint_sim_face(s, -0.6f, 0, -1, -0.6f * (x0 + 0.15f) - c->clear, GLINT_SIM_PLAIN);
    }
    glint_sim_bounds(s, (float[3]){x0, -side, c->clear}, (float[3]){x1, side, c->arch});
}

static void lower_body(struct glint_sim_set *s, const struct car *c)
{
    const float open = c->wheel + 0.06f, x0 = c->rear_axle, x1 = c->front_axle;
    lower_piece(s, c, -c->half + 0.03f, x0 - open);
    lower_piece(s, c, x0 + open, x1 - open);
    lower_piece(s, c, x1 + open, c->half - 0.01f);
    glint_sim_box(s, (x0 + x1) / 2, 0, (c->clear + c->arch) / 2 + 0.03f, (x1 - x0) / 2 + open,
                  c->side - 0.24f, (c->arch - c->clear) / 2 - 0.03f, 0, GLINT_SIM_PLAIN,
                  0.03f); /* between the wheels: dark */
    const float y = c->side - 0.115f;
    for (int i = 0; i < 4; i++)
        glint_sim_wheel(s, i & 1 ? x0 : x1, i & 2 ? y : -y, c->wheel, 0.105f, i & 1 ? 0.35f : 0.4f);
}

/* The cabin: panes on all sides unless it is a panel van; roof and pillars are painted. */
static void cabin(struct glint_sim_set *s, const struct car *c, struct glint_sim_random *r)
{
    const bool panel = c->kind == GLINT_SIM_VAN && glint_sim_chance(r, 0.6f);
    const enum glint_sim_material glass = GLINT_SIM_GLASS, paint = GLINT_SIM_PAINT,
                                  side = panel ? paint : glass;
    const float low = c->belt - 0.05f, top = c->roof, xf = c->cowl, xr = c->deck;
    const float roof_front = xf - c->screen,
                roof_rear = glint_sim_min(xr + c->rear_screen, roof_front - 0.4f);
    const float curve = range(r, 0.02f, 0.07f), mid = (roof_front + roof_rear) / 2;
    const float v[][2] = {{xr, low},
                          {xf, low},
                          {roof_front, top - curve},
                          {(roof_front + mid) / 2, top - 0.008f},
                          {mid - 0.2f, top},
                          {(roof_rear + mid) / 2, top - curve * 0.3f},
                          {roof_rear, top - curve * 1.2f}};
    const enum glint_sim_material m[] = {paint, glass, paint, paint, paint, paint, side};
    struct glint_sim_part *p = glint_sim_convex(s, c->paint);
    profile(s, v, m, (int)(sizeof v / sizeof *v));
    const float width = c->side - c->shoulder * 0.6f - 0.01f, nx = top - curve - low;
    for (float y = -1; y <= 1; y += 2) {
        glint_sim_face(s, 0, y, c->lean, width + c->lean * c->belt, side);
        glint_sim_face(s, 0, y, 1.2f, width - c->lean * (top - 0.1f - c->belt) + 1.2f * (top - 0.07f), paint);
        /* the windscreen bends around */
        glint_sim_face(s, nx, y * 0.45f * nx, c->screen,
                       nx * xf + c->screen * low + 0.45f * nx * width * 0.62f, glass);
        if (!panel)
            glint_sim_face(s, -nx, y * 0.4f * nx, c->rear_screen,
                           -nx * xr + c->rear_screen * low + 0.4f * nx * width * 0.65f, glass);
    }
    glint_sim_bounds(s, (float[3]){xr, -width, low}, (float[3]){xf, width, top});
    p->p0 = range(r, 0.02f, 0.28f);
    p->p1 = (roof_front + roof_rear) / 2 + range(r, 0.0f, 0.35f);
}

/* What rays meet behind the panes. */
static void inside(struct glint_sim_set *s, const struct car *c, struct glint_sim_random *r)
{
    const float front = c->cowl - range(r, 1.0f, 1.25f), z = c->belt + 0.08f;
    const float dark = range(r, 0.04f, 0.2f);
    if (c->deck > front - 0.2f)
        return;
    for (float y = -1; y <= 1; y += 2) {
        const float seat = y * c->side * 0.42f;
        glint_sim_box(s, front, seat, z - 0.1f, 0.09f, 0.22f, 0.2f, 0, GLINT_SIM_PLAIN, dark);
        glint_sim_box(s, front - 0.06f, seat, z + 0.2f, 0.05f, 0.12f, 0.09f, 0, GLINT_SIM_PLAIN, dark);
    }
    if (front - 0.95f > c->deck + 0.1f && c->kind != GLINT_SIM_VAN)
        glint_sim_box(s, front - 0.9f, 0, z - 0.1f, 0.1f, c->side * 0.72f, 0.2f, 0, GLINT_SIM_PLAIN, dark);
    if (glint_sim_chance(r, 0.3f)) { /* somebody at the wheel */
        const float seat = c->side * (glint_sim_chance(r, 0.8f) ? 0.42f : -0.42f);
        glint_sim_ellipsoid(s, front + 0.18f, seat, z, 0.13f, 0.21f, 0.26f, 0, 0.25f);
        glint_sim_ellipsoid(s, front + 0.18f, seat, z + 0.3f, 0.1f, 0.09f, 0.12f, 0, 0.3f);
    }
}

static void fittings(struct glint_sim_set *s, const struct car *c, struct glint_sim_random *r)
{
    const float plate = range(r, 0.38f, 0.6f), lamp = c->nose - 0.14f, y = c->side - 0.28f;
    for (float side = -1; side <= 1; side += 2) {
        glint_sim_ellipsoid(s, c->cowl - 0.28f, side * (c->side + 0.08f), c->belt + 0.06f, 0.07f, 0.11f,
                            0.075f, 0, c->paint);
        const float nose = c->half - 0.08f - 0.35f * c->round_front * 0.3f;
        struct glint_sim_part *p = glint_sim_ellipsoid(s, nose, side * y, lamp, 0.07f, 0.14f, 0.06f, 0, 0.7f);
        p->material = GLINT_SIM_RETRO;
        p = glint_sim_ellipsoid(s, -c->half + 0.06f, side * (c->side - 0.2f), c->tail - 0.12f, 0.05f, 0.1f,
                                0.08f, 0, 1.2f);
        p->material = GLINT_SIM_RETRO;
    }
    if (glint_sim_chance(r, 0.8f))
        glint_sim_box(s, c->half, 0, plate, 0.012f, 0.26f, 0.055f, 0, GLINT_SIM_RETRO, 1.6f);
    glint_sim_box(s, -c->half, 0, plate + 0.2f, 0.012f, 0.26f, 0.055f, 0, GLINT_SIM_RETRO, 1.6f);
    if (glint_sim_chance(r, 0.15f) && c->kind != GLINT_SIM_COUPE) { /* roof bars or a box on them */
        const float h = glint_sim_chance(r, 0.25f) ? 0.17f : 0.02f;
        glint_sim_box(s, (c->cowl + c->deck) / 2 - 0.3f, 0, c->roof + h + 0.01f, 0.7f, c->side * 0.55f, h, 0,
                      GLINT_SIM_PLAIN, 0.08f);
    }
}

static void load(struct glint_sim_set *s, const struct car *c, struct glint_sim_random *r)
{
    const float x = (-c->half + c->deck) / 2, half = (c->deck + c->half) / 2;
    const float h = glint_sim_chance(r, 0.5f) ? range(r, 0.1f, 0.3f) : range(r, 0.25f, c->roof - c->belt);
    const float long_part = range(r, 0.5f, 0.9f), wide_part = range(r, 0.5f, 0.85f),
                colour = range(r, 0.1f, 0.6f);
    glint_sim_box(s, x, 0, c->belt + h / 2, half * long_part, c->side * wide_part, h / 2, 0, GLINT_SIM_PLAIN,
                  colour);
}

void glint_sim_build_car(struct glint_sim_set *s, const struct glint_sim_vehicle_size *size,
                         struct glint_sim_random *r)
{
    const struct car c = draw(size, r);
    upper_body(s, &c);
    cabin(s, &c, r);
    lower_body(s, &c);
    inside(s, &c, r);
    fittings(s, &c, r);
    if (c.kind == GLINT_SIM_PICKUP && glint_sim_chance(r, 0.5f))
        load(s, &c, r);
}

void glint_sim_add_vehicle(struct glint_sim_set *s, const struct glint_sim_place *at,
                           const struct glint_sim_vehicle_size *size, int32_t id, struct glint_sim_random *r)
{
    static const char *const names[GLINT_SIM_N_VEHICLES] = {
        "sedan", "hatchback", "wagon",   "suv",    "minivan", "van", "pickup",
        "coupe", "box truck", "flatbed", "tipper", "semi",    "bus", "trailer"};
    struct glint_sim_thing *t = glint_sim_thing_add(s, at->x, at->y, at->z, at->yaw, GLINT_SIM_CLASS_VEHICLE);
    const bool car = size->kind < GLINT_SIM_N_CARS;
    t->id = id;
    t->label = car ? GLINT_SIM_LABEL_CAR : GLINT_SIM_LABEL_TRUCK;
    t->kind = names[size->kind];
    t->length = size->length;
    t->width = size->width;
    t->height = size->height;
    if (car)
        glint_sim_build_car(s, size, r);
    else
        glint_sim_build_truck(s, size, r);
}
