/* sim/block.c - filling a block, street side by street side and then its inside; see sim/block.h. Everything
 * takes its place first (oriented rectangles that may not overlap), so nothing stands in anything else. */
#include "sim/block.h"
#include "sim/terrain.h"
#include <stdlib.h>

enum { BLOCK = 100, SIDE, INSIDE };
#define MOST_PLACES  1600
#define MOST_WALKERS 96

struct place {                        /* taken */
    float x, y, c, s, half_x, half_y; /* from the block's middle */
};

struct fill {
    const struct glint_sim_style *w;
    struct glint_sim_block *b;
    enum glint_sim_scene scene;
    double x0, y0; /* the block's middle */
    int32_t n_objects, n_places;
    struct place place[MOST_PLACES];
    struct glint_sim_walker walker[MOST_WALKERS];
    float toward[4]; /* which side of each street is the block's: +1 left, -1 right */
};

/* One side of a street as it is filled. */
struct kerbside {
    int k, side;
    const struct glint_sim_street *street;
    float toward, edge, walk, length;
};

static bool apart(const struct place *a, const struct place *b)
{
    const float dx = b->x - a->x, dy = b->y - a->y;
    const float reach = a->half_x + a->half_y + b->half_x + b->half_y;
    if (dx * dx + dy * dy > reach * reach)
        return true;
    const float axes[4][2] = {{a->c, a->s}, {-a->s, a->c}, {b->c, b->s}, {-b->s, b->c}};
    for (int k = 0; k < 4; k++) {
        const float u = axes[k][0], v = axes[k][1];
        const float ea = a->half_x * fabsf(a->c * u + a->s * v) + a->half_y * fabsf(a->c * v - a->s * u);
        const float eb = b->half_x * fabsf(b->c * u + b->s * v) + b->half_y * fabsf(b->c * v - b->s * u);
        if (fabsf(dx * u + dy * v) > ea + eb)
            return true;
    }
    return false;
}

/* How far (x, y) lies inside the block: the least distance beyond its streets' edges (that of `except`
 * apart). */
static double depth(const struct fill *f, double x, double y, int except)
{
    double least = 1e9;
    for (int k = 0; k < 4; k++) {
        if (k == except)
            continue;
        double along, left;
        const struct glint_sim_street *s = &f->b->street[k];
        glint_sim_street_project(s, x, y, &along, &left);
        const double in = left * (double)f->toward[k] -
                          (s->there ? (double)glint_sim_street_edge(s, f->toward[k] > 0) : 0.5);
        least = in < least ? in : least;
    }
    return least;
}

static bool take(struct fill *f, double x, double y, float half_x, float half_y, float yaw)
{
    double sine, cosine;
    glint_sim_sincos((double)yaw, &sine, &cosine);
    const struct place p = {
        (float)(x - f->x0), (float)(y - f->y0), (float)cosine, (float)sine, half_x, half_y};
    for (int32_t n = 0; n < f->n_places; n++)
        if (!apart(&p, &f->place[n]))
            return false;
    if (f->n_places == MOST_PLACES)
        return false;
    f->place[f->n_places++] = p;
    return true;
}

static int32_t next_id(struct fill *f)
{
    const int32_t i = f->b->i & 1023, j = f->b->j & 1023, n = f->n_objects < 1023 ? ++f->n_objects : 1023;
    return (i * 1024 + j) * 1024 + n + 1000000; /* below 2^31; smaller ids are the traffic's */
}

/* Takes a place at most as near to any street as half_y and puts it on the ground. */
static bool find(struct fill *f, double x, double y, float half_x, float half_y, float yaw, int except,
                 struct glint_sim_place *at_out)
{
    const double room = (double)glint_sim_min(half_x, half_y);
    if (depth(f, x, y, except) < room || !take(f, x, y, half_x, half_y, yaw))
        return false;
    *at_out = (struct glint_sim_place){x, y, glint_sim_height_among(f->w, f->b->street, 4, x, y, NULL), yaw};
    return true;
}

/* The same along a kerb: `beyond` m behind the edge of the street, turned by `turn` against its direction. */
static bool find_along(struct fill *f, const struct kerbside *k, float along, float beyond, float half_x,
                       float half_y, float turn, struct glint_sim_place *at_out)
{
    const struct glint_sim_spot p =
        glint_sim_street_at(k->street, (double)along, (double)(k->toward * (k->edge + beyond)));
    return find(f, p.x, p.y, half_x, half_y, p.heading + turn, k->k, at_out);
}

static void add_vehicle(struct fill *f, double x, double y, float yaw, float trucks, int except, float room,
                        struct glint_sim_random *r)
{
    const bool truck = trucks > 0 && glint_sim_chance(r, trucks);
    const struct glint_sim_vehicle_size size = truck ? glint_sim_draw_truck(r, false) : glint_sim_draw_car(r);
    const float half_x = size.length / 2 + 0.12f, half_y = size.width / 2 + 0.1f;
    if (size.length > 15 - 60 * f->w->loose ||
        depth(f, x, y, except) < (double)(room + (except < 0 ? 0 : half_x)) ||
        !take(f, x, y, half_x, half_y, yaw))
        return;
    const struct glint_sim_place at = {x, y, glint_sim_height_among(f->w, f->b->street, 4, x, y, NULL), yaw};
    glint_sim_add_vehicle(&f->b->set, &at, &size, next_id(f), r);
}

static void park(struct fill *f, const struct kerbside *k, struct glint_sim_random *r)
{
    const enum glint_sim_strip strip = k->street->strip[k->side];
    if (strip != GLINT_SIM_PARALLEL && strip != GLINT_SIM_ANGLED)
        return;
    const float full = glint_sim_range(r, 0.15f, 1.0f), slant = glint_sim_range(r, 0.7f, 1.3f);
    const bool slanted = glint_sim_chance(r, 0.3f);
    const float turn = strip == GLINT_SIM_PARALLEL ? 0 : slanted ? slant : 1.5708f;
    const float aside = k->street->half + k->street->strip_width[k->side] / 2 +
                        (strip == GLINT_SIM_ANGLED ? 0.3f : 0); /* vans */
    for (float s = 4; s < k->length - 4;) {
        const float next = strip == GLINT_SIM_PARALLEL ? glint_sim_range(r, 4.7f, 6.3f)
                           : slanted                   ? glint_sim_range(r, 3.2f, 3.9f)
                                                       : glint_sim_range(r, 2.45f, 2.9f);
        const float off = glint_sim_range(r, -0.15f, 0.15f), wrong = glint_sim_range(r, -0.06f, 0.06f);
        const bool there = glint_sim_chance(r, full),
                   back = glint_sim_chance(r, strip == GLINT_SIM_PARALLEL ? 0.12f : 0.5f);
        const float with = k->toward * f->w->side > 0 ? 0 : 3.14159f; /* the traffic's way at this kerb */
        if (there) {
            const struct glint_sim_spot p =
                glint_sim_street_at(k->street, (double)s, (double)(k->toward * aside + off));
            const float yaw =
                p.heading + (strip == GLINT_SIM_PARALLEL ? with : turn * k->toward) + (back ? 3.14159f : 0);
            add_vehicle(f, p.x, p.y, yaw + wrong, strip == GLINT_SIM_PARALLEL ? 0.14f : 0.0f, k->k, 5, r);
        }
        s += next;
    }
}

static void houses(struct fill *f, const struct kerbside *k, struct glint_sim_random *r)
{
    const enum glint_sim_scene scene = f->scene;
    const bool small = scene == GLINT_SIM_RESIDENTIAL || scene == GLINT_SIM_RURAL;
    const float none = scene == GLINT_SIM_RURAL     ? 0.8f
                       : scene >= GLINT_SIM_PARKING ? 0.4f
                       : small                      ? 0.2f
                                                    : 0.1f;
    if (glint_sim_chance(r, none))
        return;
    float back = small ? glint_sim_range(r, 2, 12) : glint_sim_range(r, 0, 3);
    if (scene >= GLINT_SIM_PARKING)
        back = glint_sim_range(r, 10, 24);
    const bool crooked = glint_sim_chance(r, 0.2f), open = glint_sim_chance(r, 0.4f);
    for (float s = 0; s < k->length;) {
        const float l = small ? glint_sim_range(r, 7, 16) : glint_sim_range(r, 8, 32),
                    deep = glint_sim_range(r, 6, 15);
        const float h = small ? glint_sim_range(r, 3, 7.5f) : glint_sim_range(r, 4, 26);
        const float beyond = k->walk + back + deep / 2 + glint_sim_range(r, 0, small ? 3 : 1);
        const float turn = crooked ? glint_sim_range(r, -0.15f, 0.15f) : 0;
        const float gap = small ? glint_sim_range(r, 2, 9) : open ? glint_sim_range(r, 0.5f, 7) : 0.1f;
        struct glint_sim_place at;
        if (find_along(f, k, s + l / 2, beyond, l / 2, deep / 2, turn, &at))
            glint_sim_add_building(&f->b->set, &at, l / 2, deep / 2, h, r);
        s += l + gap;
    }
}

static void boundary(struct fill *f, const struct kerbside *k, struct glint_sim_random *r)
{
    const bool rural = f->scene == GLINT_SIM_RURAL;
    const float often = f->scene == GLINT_SIM_RESIDENTIAL ? 1.0f : rural ? 0.6f : 0.2f;
    if (!glint_sim_chance(r, often))
        return;
    const float beyond = rural ? glint_sim_range(r, 0.4f, 2) : k->walk + glint_sim_range(r, 0.2f, 0.8f);
    const bool hedges = glint_sim_chance(r, 0.7f) && !rural;
    for (float s = 6; s < k->length - 6;) {
        const float l = glint_sim_range(r, 3, 14), gap = glint_sim_range(r, 0.3f, 4),
                    u = glint_sim_uniform(r);
        const float half = glint_sim_range(r, 0.25f, 0.7f), high = glint_sim_range(r, 0.5f, 1.1f);
        const enum glint_sim_barrier kind = rural      ? (u < 0.85f ? GLINT_SIM_RAIL : GLINT_SIM_FENCE)
                                            : u < 0.8f ? GLINT_SIM_WALL
                                                       : GLINT_SIM_FENCE;
        const bool hedge = hedges && u < 0.55f;
        struct glint_sim_place at;
        if (glint_sim_chance(r, 0.7f) &&
            find_along(f, k, s + l / 2, beyond + (hedge ? 0.5f : 0), l / 2, hedge ? half : 0.2f, 0, &at)) {
            if (hedge)
                glint_sim_add_hedge(&f->b->set, &at, l, half, high, r);
            else
                glint_sim_add_barrier(&f->b->set, &at, l, kind, r);
        }
        s += l + gap;
    }
}

static void row_of_trees(struct fill *f, const struct kerbside *k, struct glint_sim_random *r)
{
    const float every = glint_sim_chance(r, 0.5f) ? glint_sim_range(r, 5, 14) : glint_sim_range(r, 12, 50);
    const float beyond = glint_sim_range(r, 0.45f, 0.9f);
    for (float s = glint_sim_range(r, 2, 2 + every); s < k->length;
         s += every * glint_sim_range(r, 0.8f, 1.3f)) {
        struct glint_sim_place at;
        if (find_along(f, k, s, beyond, 0.35f, 0.35f, 0, &at))
            glint_sim_add_tree(&f->b->set, &at, r);
    }
}

static void row_of_poles(struct fill *f, const struct kerbside *k, struct glint_sim_random *r)
{
    const float every = glint_sim_range(r, 9, 38);
    for (float s = glint_sim_range(r, 1, every); s < k->length; s += every * glint_sim_range(r, 0.5f, 1.3f)) {
        const float beyond = glint_sim_range(r, 0.25f, 0.7f), turn = glint_sim_chance(r, 0.8f) ? 0 : 1.57f;
        struct glint_sim_place at;
        if (find_along(f, k, s, beyond, 0.2f, 0.2f, turn + (glint_sim_chance(r, 0.5f) ? 3.14159f : 0), &at))
            glint_sim_add_pole(&f->b->set, &at, r);
    }
}

static void clutter(struct fill *f, const struct kerbside *k, struct glint_sim_random *r)
{
    const int n = (int)(k->length * glint_sim_range(r, 0.02f, 0.22f));
    for (int i = 0; i < n; i++) {
        const struct glint_sim_clutter c = glint_sim_draw_clutter(r);
        const float s = glint_sim_range(r, 0, k->length), far = glint_sim_chance(r, 0.3f) ? 9.0f : 0.0f;
        const float beyond = c.half_y + glint_sim_range(r, 0.1f, k->walk + far);
        const float turn = glint_sim_chance(r, 0.6f) ? 0 : glint_sim_range(r, -3.1f, 3.1f);
        struct glint_sim_place at;
        if (find_along(f, k, s, beyond, c.half_x, c.half_y, turn, &at))
            glint_sim_add_clutter(&f->b->set, &at, &c, r);
    }
}

static void greenery(struct fill *f, const struct kerbside *k, struct glint_sim_random *r)
{
    const bool urban = f->scene == GLINT_SIM_URBAN;
    const float spread = glint_sim_chance(r, 0.5f) ? 5.0f : 20.0f, dense = k->length / 110;
    const int thickets = urban                        ? glint_sim_pick(r, 0, 5)
                         : glint_sim_chance(r, 0.75f) ? glint_sim_pick(r, 4, 40)
                                                      : 0;
    struct glint_sim_place at;
    for (int i = (int)((float)thickets * dense); i > 0; i--) {
        const bool car = glint_sim_chance(r, 0.35f), low = glint_sim_chance(r, 0.5f); /* as large as a car */
        const float a = car ? glint_sim_range(r, 0.8f, 2.6f) : glint_sim_range(r, 0.8f, 5);
        const float b = car ? glint_sim_range(r, 0.6f, 1.3f) : glint_sim_range(r, 0.6f, 3);
        const float h = car   ? glint_sim_range(r, 0.8f, 2.2f)
                        : low ? glint_sim_range(r, 0.4f, 1.5f)
                              : glint_sim_range(r, 1, 5);
        const float u = glint_sim_uniform(r), s = glint_sim_range(r, 0, k->length);
        if (find_along(f, k, s, k->walk + b + 0.3f + spread * u * u, a, b, 0, &at))
            glint_sim_add_thicket(&f->b->set, &at, a, b, h, r);
    }
    for (int i = (int)((float)(urban ? glint_sim_pick(r, 0, 8) : glint_sim_pick(r, 5, 40)) * dense); i > 0;
         i--) {
        const float s = glint_sim_range(r, 0, k->length), beyond = k->walk + glint_sim_range(r, 0.5f, 28);
        const float a = glint_sim_range(r, 0.3f, 1.6f), b = glint_sim_range(r, 0.3f, 1.3f),
                    h = glint_sim_range(r, 0.4f, 1.8f);
        if (glint_sim_chance(r, 0.45f)) {
            if (find_along(f, k, s, beyond, 0.4f, 0.4f, 0, &at))
                glint_sim_add_tree(&f->b->set, &at, r);
        } else if (find_along(f, k, s, beyond + b, a * 0.8f, b * 0.8f, 0, &at))
            glint_sim_add_bush(&f->b->set, &at, a, b, h, r);
    }
}

static void yards(struct fill *f, const struct kerbside *k, struct glint_sim_random *r)
{
    struct glint_sim_place at;
    if (f->scene != GLINT_SIM_URBAN)
        for (int i = glint_sim_pick(r, 0, 4); i > 0; i--) {
            const float a = glint_sim_range(r, 1, 3.2f), b = glint_sim_range(r, 0.8f, 2),
                        s = glint_sim_range(r, 0, k->length);
            const float turn =
                glint_sim_chance(r, 0.2f) ? glint_sim_range(r, -1.5f, 1.5f) : glint_sim_range(r, -0.2f, 0.2f);
            if (find_along(f, k, s, k->walk + glint_sim_range(r, 2, 14), a, b, turn, &at))
                glint_sim_add_shed(&f->b->set, &at, a, b, r);
        }
    if (f->scene == GLINT_SIM_RESIDENTIAL)
        for (int i = glint_sim_pick(r, 0, 6); i > 0; i--) { /* in drive ways */
            const float s = glint_sim_range(r, 0, k->length), beyond = k->walk + glint_sim_range(r, 2.6f, 8);
            const float turn = glint_sim_chance(r, 0.5f) ? 1.5708f : -1.5708f,
                        wrong = glint_sim_range(r, -0.15f, 0.15f);
            const struct glint_sim_spot p =
                glint_sim_street_at(k->street, (double)s, (double)(k->toward * (k->edge + beyond)));
            add_vehicle(f, p.x, p.y, p.heading + turn + wrong, 0, k->k, 2, r);
        }
}

static void add_walker(struct fill *f, const struct kerbside *k, float from, float to, float left, bool rider,
                       float start, float speed, struct glint_sim_random *r)
{
    if (f->b->n_walkers == MOST_WALKERS)
        return;
    const float middle = (from + to) / 2;
    const struct glint_sim_spot a = glint_sim_street_at(k->street, (double)from, (double)left);
    const struct glint_sim_spot b = glint_sim_street_at(k->street, (double)to, (double)left);
    if (depth(f, a.x, a.y, k->k) < 2.5 || depth(f, b.x, b.y, k->k) < 2.5)
        return;
    const struct glint_sim_spot p = glint_sim_street_at(k->street, (double)middle, (double)left);
    if (depth(f, p.x, p.y, k->k) < 0 ||
        !take(f, p.x, p.y, (to - from) / 2 + (rider ? 1.1f : 0.3f), rider ? 0.7f : 0.42f, p.heading))
        return;
    const float pause = glint_sim_range(r, 1, 6);
    const int32_t id = next_id(f);
    f->walker[f->b->n_walkers++] = (struct glint_sim_walker){.id = id,
                                                             .seed = glint_sim_mix(r->state),
                                                             .street = k->k,
                                                             .from = from,
                                                             .to = to,
                                                             .left = left,
                                                             .speed = speed,
                                                             .pause = pause,
                                                             .start = start,
                                                             .rider = rider};
}

/* A group: some stand together, some walk beside each other. */
static void people(struct fill *f, const struct kerbside *k, float s, float beyond,
                   struct glint_sim_random *r)
{
    int n = 1;
    while (n < 7 && glint_sim_chance(r, 0.42f))
        n++;
    const bool walk = glint_sim_chance(r, 0.6f);
    const float way = glint_sim_range(r, 3, 14), speed = glint_sim_range(r, 0.7f, 1.7f),
                start = glint_sim_range(r, 0, 60);
    for (int i = 0; i < n; i++) {
        const float ds = i ? glint_sim_range(r, -1.3f, 1.3f) : 0,
                    dd = i ? glint_sim_range(r, -1.1f, 1.1f) : 0;
        const float off = glint_sim_max(beyond + dd, 0.45f);
        if (walk) {
            add_walker(f, k, s + ds, s + ds + way, k->toward * (k->edge + off), false, start, speed, r);
            continue;
        }
        struct glint_sim_place at;
        if (!find_along(f, k, s + ds, off, 0.3f, 0.3f, glint_sim_range(r, -3.14159f, 3.14159f), &at))
            continue;
        const int32_t id = next_id(f);
        const struct glint_sim_gait gait = {glint_sim_range(r, 0, 0.12f), glint_sim_uniform(r)};
        glint_sim_add_person(&f->b->set, &at, id, gait, r);
    }
}

static void all_people(struct fill *f, const struct kerbside *k, struct glint_sim_random *r)
{
    const float usual = f->scene == GLINT_SIM_RURAL ? 1.0f : f->scene == GLINT_SIM_SQUARE ? 12.0f : 7.5f;
    const int n = (int)(usual * f->w->crowd * k->length / 100 * glint_sim_range(r, 0, 2));
    for (int i = 0; i < n; i++) {
        const float s = glint_sim_range(r, 1, k->length - 1);
        people(f, k, s, glint_sim_range(r, 0.3f, k->walk + (f->scene == GLINT_SIM_SQUARE ? 14.0f : 0.5f)), r);
    }
    const bool lane = k->street->strip[k->side] == GLINT_SIM_CYCLE_LANE;
    const int riders = (int)(f->w->crowd * k->length / 100 * glint_sim_range(r, 0, lane ? 6 : 3.5f) + 0.5f);
    for (int i = 0; i < riders; i++) { /* along the kerb, on its lane or on the pavement */
        const float way = glint_sim_range(r, 8, 20),
                    s = glint_sim_range(r, 1, glint_sim_max(2, k->length - way - 1));
        const float speed = glint_sim_range(r, 2, 6.5f), start = glint_sim_range(r, 0, 60);
        const float off = lane ? -0.75f : glint_sim_range(r, 0.75f, 0.75f + k->walk);
        add_walker(f, k, s, s + way, k->toward * (k->edge + off), true, start, speed, r);
    }
}

static void fill_side(struct fill *f, int k)
{
    const struct glint_sim_street *s = &f->b->street[k];
    struct glint_sim_random r = glint_sim_random_of(f->w->seed, 4 * (int64_t)f->b->i + k, f->b->j, SIDE);
    if (!s->there)
        return;
    const int side = f->toward[k] > 0;
    const struct kerbside c = {
        k, side, s, f->toward[k], glint_sim_street_edge(s, side), s->walk[side], (float)s->length};
    park(f, &c, &r);
    all_people(f, &c, &r);
    houses(f, &c, &r);
    boundary(f, &c, &r);
    row_of_trees(f, &c, &r);
    row_of_poles(f, &c, &r);
    yards(f, &c, &r);
    greenery(f, &c, &r);
    clutter(f, &c, &r);
}

/* Rows of a car park, aligned with the south street. */
static void rows_of_cars(struct fill *f, struct glint_sim_random *r)
{
    const float full = glint_sim_range(r, 0.25f, 0.95f),
                yaw = glint_sim_street_at(&f->b->street[0], f->b->street[0].length / 2, 0).heading;
    const int rows = glint_sim_pick(r, 2, 6);
    double sine, cosine;
    glint_sim_sincos((double)yaw, &sine, &cosine);
    for (int n = 0; n < rows; n++) {
        const double v = ((double)n - rows / 2.0) * (double)glint_sim_range(r, 8.5f, 11);
        for (float u = -45; u < 45; u += glint_sim_range(r, 2.5f, 2.9f)) {
            const bool there = glint_sim_chance(r, full), back = glint_sim_chance(r, 0.5f);
            const float wrong = glint_sim_range(r, -0.07f, 0.07f);
            const double x = f->x0 + cosine * (double)u - sine * v, y = f->y0 + sine * (double)u + cosine * v;
            if (there)
                add_vehicle(f, x, y, yaw + (back ? 1.5708f : -1.5708f) + wrong, 0, -1, 4, r);
        }
    }
}

static void fill_inside(struct fill *f)
{
    struct glint_sim_random r = glint_sim_random_of(f->w->seed, f->b->i, f->b->j, INSIDE);
    const float reach = (float)f->w->spacing * 0.6f;
    if (f->scene == GLINT_SIM_PARKING)
        rows_of_cars(f, &r);
    for (int i = glint_sim_pick(&r, 5, 40); i > 0; i--) {
        const float x = glint_sim_range(&r, -reach, reach), y = glint_sim_range(&r, -reach, reach),
                    u = glint_sim_uniform(&r);
        const float turn = glint_sim_range(&r, -3.14159f, 3.14159f), a = glint_sim_range(&r, 0.4f, 2),
                    h = glint_sim_range(&r, 0.4f, 2);
        const struct glint_sim_clutter c = glint_sim_draw_clutter(&r);
        const double px = f->x0 + (double)x, py = f->y0 + (double)y;
        const float half_x = u < 0.5f   ? 0.4f
                             : u < 0.7f ? a
                                        : c.half_x,
                    half_y = u < 0.5f   ? 0.4f
                             : u < 0.7f ? a
                                        : c.half_y;
        struct glint_sim_place at;
        if (depth(f, px, py, -1) < 1 || !find(f, px, py, half_x, half_y, turn, -1, &at))
            continue;
        if (u < 0.4f)
            glint_sim_add_tree(&f->b->set, &at, &r);
        else if (u < 0.5f)
            glint_sim_add_pole(&f->b->set, &at, &r);
        else if (u < 0.7f)
            glint_sim_add_bush(&f->b->set, &at, a, a, h, &r);
        else
            glint_sim_add_clutter(&f->b->set, &at, &c, &r);
    }
}

static enum glint_sim_scene draw_block_scene(const struct glint_sim_style *w, int32_t i, int32_t j)
{
    struct glint_sim_random r = glint_sim_random_of(w->seed, i, j, BLOCK);
    if (glint_sim_chance(&r, 0.72f))
        return w->scene;
    return (enum glint_sim_scene)glint_sim_pick(&r, GLINT_SIM_URBAN, GLINT_SIM_SQUARE);
}

int glint_sim_block_init(struct glint_sim_block *b, const struct glint_sim_style *w, int32_t i, int32_t j)
{
    *b = (struct glint_sim_block){.i = i, .j = j};
    struct fill *f = calloc(1, sizeof *f);
    if (!f)
        return glint_fail(GLINT_E_NOMEM, "sim: out of memory for a block");
    *f = (struct fill){.w = w, .b = b, .toward = {1, -1, -1, 1}};
    glint_sim_get_street(w, i, j, 0, &b->street[0]);
    glint_sim_get_street(w, i, j + 1, 0, &b->street[1]);
    glint_sim_get_street(w, i, j, 1, &b->street[2]);
    glint_sim_get_street(w, i + 1, j, 1, &b->street[3]);
    f->scene = draw_block_scene(w, i, j);
    f->x0 = (b->street[0].x[0] + b->street[1].x[GLINT_SIM_STREET_STEPS]) / 2;
    f->y0 = (b->street[0].y[0] + b->street[1].y[GLINT_SIM_STREET_STEPS]) / 2;
    for (int k = 0; k < 4; k++)
        fill_side(f, k);
    fill_inside(f);
    const size_t bytes = (size_t)b->n_walkers * sizeof *b->walker;
    b->walker = malloc(bytes ? bytes : 1);
    const bool failed = !b->walker || b->set.failed;
    if (b->walker)
        memcpy(b->walker, f->walker, bytes);
    free(f);
    return failed ? glint_fail(GLINT_E_NOMEM, "sim: out of memory for a block") : GLINT_OK;
}

void glint_sim_block_fini(struct glint_sim_block *b)
{
    glint_sim_set_fini(&b->set);
    free(b->walker);
    b->walker = NULL;
}

/* Walks there, stands and turns about, walks back, stands and turns about. */
struct glint_sim_motion glint_sim_walker_at(const struct glint_sim_block *b, const struct glint_sim_walker *k,
                                            double t)
{
    const double way = (double)(k->to - k->from), leg = way / (double)k->speed, half = leg + (double)k->pause;
    double u = (t + (double)k->start) / (2 * half);
    u = (u - floor(u)) * 2 * half;
    const bool back = u >= half;
    u -= back ? half : 0;
    const bool walks = u < leg;
    const double gone = walks ? u * (double)k->speed : way;
    const double s = back ? (double)k->to - gone : (double)k->from + gone;
    const struct glint_sim_spot p = glint_sim_street_at(&b->street[k->street], s, (double)k->left);
    const double turned = walks ? 0 : (u - leg) / (double)k->pause;
    struct glint_sim_motion m = {.x = p.x, .y = p.y};
    m.yaw = (double)p.heading + GLINT_SIM_PI * ((back ? 1 : 0) + turned);
    m.speed = walks ? (double)k->speed : 0;
    m.yaw_rate = walks ? 0 : GLINT_SIM_PI / (double)k->pause;
    m.gait = (struct glint_sim_gait){walks ? 0.16f + 0.1f * k->speed : 0.03f,
                                     (float)(s / (double)(k->rider ? 1.6f : 0.75f))};
    return m;
}
