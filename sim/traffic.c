/* sim/traffic.c - see sim/traffic.h. Following is the Intelligent Driver Model (Treiber, Hennecke, Helbing,
 * 2000); a junction is entered when it has been granted: when those that are in it go ways that do not cross,
 * and when there is room to leave it. */
#include "sim/traffic.h"
#include "sim/way.h"
#include <stdlib.h>

enum { MOVER = 200, SPAWN, LANES_OF };
#define WARM_UP    100 /* steps before time 0 */
#define MOST_ALIVE 220

static double front(const struct glint_sim_mover *m) /* half of its length */
{
    return (double)m->size.length / 2;
}

static bool same_lane(const struct glint_sim_leg *a, const struct glint_sim_leg *b)
{
    return !a->turn && !b->turn && a->i == b->i && a->j == b->j && a->dir == b->dir &&
           a->forward == b->forward && a->lane == b->lane;
}

static bool same_entry(const struct glint_sim_leg *a,
                       const struct glint_sim_leg *b) /* come from the same street */
{
    return a->i == b->i && a->j == b->j && a->dir == b->dir && a->forward == b->forward;
}

static bool same_node(const struct glint_sim_leg *a, const struct glint_sim_leg *b)
{
    return a->node_i == b->node_i && a->node_j == b->node_j;
}

/* The gap from m's nose to o's tail along m's way when o is ahead on it, or a large number. */
static double gap_to(const struct glint_sim_mover *m, const struct glint_sim_mover *o)
{
    const struct glint_sim_leg *a = &m->leg[0], *b = &m->leg[1], *c = &o->leg[0];
    const double length = front(m) + front(o), rest = a->length - m->s;
    if (same_lane(a, c) || (a->turn && c->turn && same_node(a, c) && same_entry(a, c)))
        return o->s > m->s || (o->s == m->s && o->id < m->id) ? o->s - m->s - length : 1e9;
    if (same_lane(b, c) || (b->turn && c->turn && same_node(b, c) && same_entry(b, c)))
        return rest + o->s - length;
    if (!a->turn && c->turn && same_node(a, c) && same_entry(a, c)) /* goes another way than we will */
        return rest + o->s - length;
    if (a->turn && c->turn && same_node(a, c) &&
        same_lane(b, &o->leg[1])) /* will be on the lane that we go to */
        return rest - (c->length - o->s) > 0 ? rest - (c->length - o->s) - length : 1e9;
    return 1e9;
}

/* Whether two that pass the same junction never come near each other. */
static bool agree(const struct glint_sim_leg *a, const struct glint_sim_leg *b, double apart)
{
    const double dx = b->x0 - a->x0, dy = b->y0 - a->y0;
    if (same_entry(a, b))
        return true;
    for (int i = 0; i <= GLINT_SIM_LEG_STEPS; i += 2)
        for (int k = 0; k <= GLINT_SIM_LEG_STEPS; k += 2) {
            const double x = (double)(b->x[k] - a->x[i]) + dx, y = (double)(b->y[k] - a->y[i]) + dy;
            if (x * x + y * y < apart * apart)
                return false;
        }
    return true;
}

/* How much of the lane that the turn leads to is free, from its begin: m has to fit in behind all that are on
 * it or on their way to it. */
static bool has_room(const struct glint_sim_traffic *t, const struct glint_sim_mover *m)
{
    double tail = 1e9, before = 0;
    for (int32_t k = 0; k < t->n_alive; k++) {
        const struct glint_sim_mover *o = t->mover[t->alive[k]];
        if (o == m)
            continue;
        if (glint_sim_way_leaves(&o->leg[0], &m->leg[1]))
            tail = fmin(tail, o->s - front(o) + o->v);
        const struct glint_sim_leg *other = o->leg[0].turn ? &o->leg[0] : o->granted ? &o->leg[1] : NULL;
        if (other && same_node(other, &m->leg[1]) && other->to_lane == m->leg[1].to_lane &&
            other->to_i == m->leg[1].to_i && other->to_j == m->leg[1].to_j &&
            other->to_dir == m->leg[1].to_dir && other->to_forward == m->leg[1].to_forward)
            before += 2 * front(o) + 4;
    }
    return tail > 2 * front(m) + 4 + before;
}

static bool may_enter(const struct glint_sim_traffic *t, const struct glint_sim_mover *m)
{
    const struct glint_sim_leg *turn = &m->leg[1];
    for (int32_t k = 0; k < t->n_alive; k++) {
        const struct glint_sim_mover *o = t->mover[t->alive[k]];
        const struct glint_sim_leg *other = o->leg[0].turn ? &o->leg[0] : o->granted ? &o->leg[1] : NULL;
        if (o == m)
            continue;
        const double apart =
            0.6 + (double)(m->size.width + o->size.width) / 2 + (front(m) > 4 || front(o) > 4 ? 2.2 : 0);
        if (other && other->turn && same_node(turn, other) && !agree(turn, other, apart))
            return false;
        /* one that has just left it, not yet with all of its length */
        const struct glint_sim_leg *lane = &o->leg[0];
        const bool leaving = !lane->turn && o->s < front(o) + 1 &&
                             (lane->forward ? lane->i : lane->i + (lane->dir == 0)) == turn->node_i &&
                             (lane->forward ? lane->j : lane->j + (lane->dir == 1)) == turn->node_j;
        if (leaving && !glint_sim_way_leaves(lane, turn) && front(o) > 3)
            return false;
    }
    return has_room(t, m);
}

static double limit(const struct glint_sim_mover *m)
{
    double v = (double)(m->leg[0].speed * (m->leg[0].turn ? 1.0f : m->eager));
    const double next = (double)m->leg[1].speed, rest = m->leg[0].length - m->s;
    const double slow = sqrt(next * next + 2 * 1.3 * (rest > 0 ? rest : 0));
    return v < slow ? v : slow;
}

/* The acceleration behind a gap that closes at `closing`. */
static double follow(double v, double wanted, double gap, double closing)
{
    const double a = 1.4, q = v / wanted; /* comfortable: 1.4 m/s2 up, 1.8 down */
    const double distance = 2.2 + fmax(0.0, v * 1.3 + v * closing / (2 * 1.5874507866387544)); /* sqrt(a b) */
    const double near = distance / fmax(gap, 0.3);
    return fmax(-7.0, a * (1 - q * q * q * q - near * near));
}

static double drive(struct glint_sim_traffic *t, struct glint_sim_mover *m)
{
    double a = follow(m->v, limit(m), 1e9, 0);
    for (int32_t k = 0; k < t->n_alive; k++) {
        const struct glint_sim_mover *o = t->mover[t->alive[k]];
        if (o == m)
            continue;
        const double gap = gap_to(m, o);
        if (gap < 120)
            a = fmin(a, follow(m->v, limit(m), gap, m->v - o->v));
    }
    if (m->leg[1].turn) {
        const double rest = m->leg[0].length - m->s - front(m);
        if (!m->granted && rest < 12 + m->v * m->v / 3.0 && rest > -1)
            m->granted = may_enter(t, m);
        if (!m->granted)
            a = fmin(a, follow(m->v, limit(m), rest + 1.5, m->v));
    }
    return a;
}

static void advance(struct glint_sim_traffic *t, struct glint_sim_mover *m, double a)
{
    const double v = fmax(0.0, m->v + a * GLINT_SIM_STEP_S);
    m->s += (m->v + v) / 2 * GLINT_SIM_STEP_S;
    m->v = v;
    if (m->s < m->leg[0].length)
        return;
    m->s -= m->leg[0].length;
    m->leg[0] = m->leg[1];
    if (m->leg[0].turn)
        m->granted = false;
    glint_sim_way_next(t->w, m->size.length > 9 ? 0 : m->seed, m->turns++, &m->leg[0], &m->leg[1]);
}

static void record(struct glint_sim_traffic *t, struct glint_sim_mover *m)
{
    const int64_t n = t->step - m->born;
    if (n >= m->cap_track) {
        const int32_t wanted = m->cap_track ? m->cap_track * 2 : 128;
        float *more = realloc(m->track, (size_t)wanted * 3 * sizeof *more);
        if (!more) {
            t->failed = true;
            return;
        }
        m->track = more;
        m->cap_track = wanted;
    }
    double x, y;
    float heading;
    glint_sim_way_at(&m->leg[0], m->s, &x, &y, &heading);
    double sine, cosine;
    glint_sim_sincos((double)heading, &sine, &cosine);
    x -= (double)m->aside * sine;
    y += (double)m->aside * cosine;
    float *to = m->track + 3 * n;
    to[0] = (float)(x - m->x0);
    to[1] = (float)(y - m->y0);
    if (n > 0) { /* no jumps of a whole turn */
        const float before = to[-1], turn = 6.2831853f;
        heading += turn * floorf((before - heading) / turn + 0.5f);
    }
    to[2] = heading;
}

static struct glint_sim_mover *add(struct glint_sim_traffic *t)
{
    if (t->n == t->cap) {
        const int32_t wanted = t->cap ? t->cap * 2 : 256;
        struct glint_sim_mover **more = realloc(t->mover, (size_t)wanted * sizeof *more);
        if (!more) {
            t->failed = true;
            return NULL;
        }
        t->mover = more;
        t->cap = wanted;
    }
    struct glint_sim_mover *m = calloc(1, sizeof *m);
    if (!m || t->n_alive == MOST_ALIVE) {
        t->failed = t->failed || !m;
        free(m);
        return NULL;
    }
    m->id = t->n + 1;
    m->gone = INT64_MAX;
    m->born = t->step + 1;
    m->seed = glint_sim_mix(t->w->seed ^ glint_sim_mix((uint64_t)MOVER * 1000003u + (uint64_t)m->id));
    t->alive[t->n_alive++] = t->n;
    t->mover[t->n++] = m;
    return m;
}

static bool is_free(const struct glint_sim_traffic *t, const struct glint_sim_leg *leg, double s, double half)
{
    for (int32_t k = 0; k < t->n_alive; k++) {
        const struct glint_sim_mover *o = t->mover[t->alive[k]];
        const double v = 0.85 * (double)leg->speed, faster = o->v > v ? o->v : v, closing = fabs(o->v - v);
        if (same_lane(&o->leg[0], leg) &&
            fabs(o->s - s) < front(o) + half + 6 + faster * 1.3 + closing * closing / 4)
            return false;
        if (o->leg[0].turn && same_lane(&o->leg[1], leg) && s < half + front(o) + 15)
            return false;
    }
    return true;
}

static void place(struct glint_sim_traffic *t, const struct glint_sim_leg *leg, double s,
                  struct glint_sim_random *r)
{
    const bool truck = glint_sim_chance(r, 0.40f), rider = glint_sim_chance(r, 0.1f);
    struct glint_sim_vehicle_size size = truck ? glint_sim_draw_truck(r, true) : glint_sim_draw_car(r);
    const float eager = glint_sim_range(r, 0.75f, 1.1f), pace = glint_sim_range(r, 0.35f, 0.9f);
    if (rider)
        size = (struct glint_sim_vehicle_size){GLINT_SIM_COUPE, 1.9f, 0.8f, 1.7f};
    /* Long ones go straight on, where they always can, and need straight streets. */
    if ((size.length > 9 && leg->dir == 1) || size.length > 16 - 60 * t->w->loose)
        return;
    if (s + (double)size.length / 2 > leg->length || s < (double)size.length / 2 ||
        !is_free(t, leg, s, (double)size.length / 2))
        return;
    struct glint_sim_mover *m = add(t);
    if (!m)
        return;
    m->size = size;
    m->leg[0] = *leg;
    m->s = s;
    m->eager = rider ? pace : eager;
    m->rider = rider;
    m->aside = rider ? t->w->side * glint_sim_range(r, 0.2f, 0.9f)
                     : glint_sim_range(r, -0.25f, 0.25f) * (truck ? 0.2f : 1.0f);
    glint_sim_way_next(t->w, size.length > 9 ? 0 : m->seed, m->turns++, &m->leg[0], &m->leg[1]);
    const double rest = leg->length - s, slow = sqrt(2 * 1.2 * rest);
    m->v = fmin(0.85 * (double)leg->speed, slow);
    glint_sim_way_at(leg, s, &m->x0, &m->y0, &(float){0});
}

static void own_place(const struct glint_sim_traffic *t, double *x, double *y)
{
    glint_sim_way_at(&t->mover[0]->leg[0], t->mover[0]->s, x, y, &(float){0});
}

/* Vehicles on all lanes whose distance from ours is between least and most. */
static void populate(struct glint_sim_traffic *t, double least, double most, float share, uint64_t salt)
{
    double x, y;
    own_place(t, &x, &y);
    const double cell = t->w->spacing;
    const int32_t i0 = (int32_t)floor((x - most) / cell) - 1, i1 = (int32_t)floor((x + most) / cell) + 1;
    const int32_t j0 = (int32_t)floor((y - most) / cell) - 1, j1 = (int32_t)floor((y + most) / cell) + 1;
    for (int32_t j = j0; j <= j1; j++)
        for (int32_t i = i0; i <= i1; i++)
            for (int32_t way = 0; way < 4; way++) {
                struct glint_sim_random r =
                    glint_sim_random_of(t->w->seed ^ salt, 4 * (int64_t)i + way, j, LANES_OF);
                struct glint_sim_leg leg;
                const double mx = (i + (way < 2 ? 0.5 : 0.0)) * cell - x,
                             my = (j + (way < 2 ? 0.0 : 0.5)) * cell - y;
                const double middle = sqrt(mx * mx + my * my), reach = 0.8 * cell;
                if (middle - reach > most || middle + reach < least)
                    continue;
                const int32_t lanes = glint_sim_way_lanes(t->w, i, j, way / 2);
                for (int32_t lane = 0; lane < lanes; lane++) {
                    glint_sim_way_lane(t->w, i, j, way / 2, way % 2 == 0, lane, &leg);
                    for (double s = (double)glint_sim_range(&r, 3, 20); s < leg.length;
                         s += (double)glint_sim_range(&r, 9, 30)) {
                        double px, py;
                        const bool wanted = glint_sim_chance(&r, share);
                        glint_sim_way_at(&leg, s, &px, &py, &(float){0});
                        const double d2 = (px - x) * (px - x) + (py - y) * (py - y);
                        if (wanted && d2 > least * least && d2 < most * most)
                            place(t, &leg, s, &r);
                    }
                }
            }
}

static void leave(struct glint_sim_traffic *t)
{
    double x, y;
    own_place(t, &x, &y);
    int32_t kept = 0;
    for (int32_t k = 0; k < t->n_alive; k++) {
        struct glint_sim_mover *m = t->mover[t->alive[k]];
        double px, py;
        glint_sim_way_at(&m->leg[0], m->s, &px, &py, &(float){0});
        const double d2 = (px - x) * (px - x) + (py - y) * (py - y), far = GLINT_SIM_SIGHT_M + 25;
        if (k > 0 && d2 > far * far)
            m->gone = t->step;
        else
            t->alive[kept++] = t->alive[k];
    }
    t->n_alive = kept;
}

static void step(struct glint_sim_traffic *t)
{
    double a[MOST_ALIVE];
    for (int32_t k = 0; k < t->n_alive; k++)
        a[k] = drive(t, t->mover[t->alive[k]]);
    for (int32_t k = 0; k < t->n_alive; k++)
        advance(t, t->mover[t->alive[k]], a[k]);
    t->step++;
    for (int32_t k = 0; k < t->n_alive; k++)
        record(t, t->mover[t->alive[k]]);
    if (t->step % 20 == 0) {
        leave(t);
        populate(t, GLINT_SIM_SIGHT_M - 35, GLINT_SIM_SIGHT_M, 0.2f * t->w->density, (uint64_t)t->step + 7);
    }
}

int glint_sim_traffic_init(struct glint_sim_traffic *t, const struct glint_sim_style *w)
{
    *t = (struct glint_sim_traffic){.w = w, .step = -WARM_UP};
    t->alive = malloc(MOST_ALIVE * sizeof *t->alive);
    struct glint_sim_mover *m = t->alive ? add(t) : NULL;
    if (!m)
        return glint_fail(GLINT_E_NOMEM, "sim: out of memory for traffic");
    struct glint_sim_random r = glint_sim_random_of(w->seed, 0, 0, SPAWN);
    m->size = (struct glint_sim_vehicle_size){GLINT_SIM_SUV, 4.6f, 1.86f, 1.6f};
    m->eager = glint_sim_range(&r, 0.8f, 1.0f);
    const int32_t dir = 0, lane = glint_sim_pick(&r, 0, glint_sim_way_lanes(w, 0, 0, dir) - 1);
    glint_sim_way_lane(w, 0, 0, dir, glint_sim_chance(&r, 0.5f), lane, &m->leg[0]);
    m->s = m->leg[0].length * (double)glint_sim_range(&r, 0.05f, 0.6f);
    m->v = (double)(m->leg[0].speed * 0.5f);
    glint_sim_way_next(w, m->seed, m->turns++, &m->leg[0], &m->leg[1]);
    glint_sim_way_at(&m->leg[0], m->s, &m->x0, &m->y0, &(float){0});
    populate(t, 0, GLINT_SIM_SIGHT_M, glint_sim_min(0.9f, 0.22f * w->density), 1);
    return t->failed ? glint_fail(GLINT_E_NOMEM, "sim: out of memory for traffic") : GLINT_OK;
}

void glint_sim_traffic_fini(struct glint_sim_traffic *t)
{
    for (int32_t k = 0; k < t->n; k++) {
        free(t->mover[k]->track);
        free(t->mover[k]);
    }
    free(t->mover);
    free(t->alive);
    *t = (struct glint_sim_traffic){0};
}

int glint_sim_traffic_until(struct glint_sim_traffic *t, double seconds)
{
    const int64_t wanted = (int64_t)floor(seconds / GLINT_SIM_STEP_S) + 4;
    while (t->step < wanted && !t->failed)
        step(t);
    return t->failed ? glint_fail(GLINT_E_NOMEM, "sim: out of memory for traffic") : GLINT_OK;
}

/* One coordinate of a uniform cubic B-spline: value and derivatives by the parameter. */
static void spline(double p0, double p1, double p2, double p3, double u, double out[3])
{
    const double c0 = (p0 + 4 * p1 + p2) / 6, c1 = (p2 - p0) / 2, c2 = (p0 - 2 * p1 + p2) / 2,
                 c3 = (p3 - 3 * p2 + 3 * p1 - p0) / 6;
    out[0] = c0 + u * (c1 + u * (c2 + u * c3));
    out[1] = c1 + u * (2 * c2 + u * 3 * c3);
    out[2] = 2 * c2 + 6 * u * c3;
}

bool glint_sim_track_at(const struct glint_sim_mover *m, double seconds, struct glint_sim_track *out)
{
    const double at = seconds / GLINT_SIM_STEP_S, whole = floor(at);
    const int64_t k = (int64_t)whole;
    if (k - 1 < m->born || (m->gone != INT64_MAX && k + 2 > m->gone))
        return false;
    const float *p = m->track + 3 * (k - 1 - m->born);
    double v[3][3];
    for (int c = 0; c < 3; c++)
        spline((double)p[c], (double)p[3 + c], (double)p[6 + c], (double)p[9 + c], at - whole, v[c]);
    const double rate = 1 / GLINT_SIM_STEP_S;
    *out = (struct glint_sim_track){.x = m->x0 + v[0][0], .y = m->y0 + v[1][0], .yaw = v[2][0]};
    out->vx = v[0][1] * rate;
    out->vy = v[1][1] * rate;
    out->yaw_rate = v[2][1] * rate;
    out->ax = v[0][2] * rate * rate;
    out->ay = v[1][2] * rate * rate;
    return true;
}
