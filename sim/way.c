/* sim/way.c - see sim/way.h. */
#include "sim/way.h"

enum { WAY = 300 };

int32_t glint_sim_way_lanes(const struct glint_sim_style *w, int32_t i, int32_t j, int32_t dir)
{
    struct glint_sim_street s;
    glint_sim_draw_street(w, i, j, dir, &s);
    return s.there ? s.lanes : 0;
}

/* How far from a node's middle its streets are clear of each other. */
static double radius(const struct glint_sim_style *w, int32_t i, int32_t j)
{
    double most = 4;
    for (int32_t k = 0; k < 4; k++) {
        struct glint_sim_street s;
        glint_sim_draw_street(w, i - (k == 1), j - (k == 3), k / 2, &s);
        for (int side = 0; s.there && side < 2; side++)
            most = fmax(most, (double)glint_sim_street_edge(&s, side) + 1.5);
    }
    return most;
}

void glint_sim_way_lane(const struct glint_sim_style *w, int32_t i, int32_t j, int32_t dir, bool forward,
                        int32_t lane, struct glint_sim_leg *out)
{
    struct glint_sim_street s;
    glint_sim_get_street(w, i, j, dir, &s);
    const int32_t i1 = i + (dir == 0), j1 = j + (dir == 1);
    const double from = radius(w, i, j), to = s.length - radius(w, i1, j1);
    const double beside = (double)(w->side * ((float)lane + 0.5f) * s.lane * (forward ? 1.0f : -1.0f));
    *out = (struct glint_sim_leg){
        .i = i, .j = j, .dir = dir, .forward = forward, .lane = lane, .speed = s.speed};
    out->node_i = forward ? i1 : i;
    out->node_j = forward ? j1 : j;
    double x = 0, y = 0;
    for (int k = 0; k <= GLINT_SIM_LEG_STEPS; k++) {
        const double f = k / (double)GLINT_SIM_LEG_STEPS;
        const struct glint_sim_spot p =
            glint_sim_street_at(&s, forward ? from + f * (to - from) : to + f * (from - to), beside);
        if (k == 0)
            out->x0 = p.x, out->y0 = p.y;
        else
            out->length += sqrt((p.x - x) * (p.x - x) + (p.y - y) * (p.y - y));
        x = p.x, y = p.y;
        out->x[k] = (float)(x - out->x0);
        out->y[k] = (float)(y - out->y0);
    }
}

void glint_sim_way_at(const struct glint_sim_leg *leg, double s, double *x_out, double *y_out,
                      float *heading_out)
{
    const double at = s / leg->length * GLINT_SIM_LEG_STEPS;
    int k = (int)floor(at);
    k = k < 0 ? 0 : k > GLINT_SIM_LEG_STEPS - 1 ? GLINT_SIM_LEG_STEPS - 1 : k;
    const double f = at - k;
    *x_out = leg->x0 + (double)leg->x[k] + f * (double)(leg->x[k + 1] - leg->x[k]);
    *y_out = leg->y0 + (double)leg->y[k] + f * (double)(leg->y[k + 1] - leg->y[k]);
    const int m = f < 0.5 ? (k > 0 ? k - 1 : 0) : k, o = m < GLINT_SIM_LEG_STEPS - 1 ? m + 1 : m;
    const double g = k == 0 && f < 0.5 ? 0 : f < 0.5 ? f + 0.5 : f - 0.5;
    const double dx = (1 - g) * (double)(leg->x[m + 1] - leg->x[m]) + g * (double)(leg->x[o + 1] - leg->x[o]);
    const double dy = (1 - g) * (double)(leg->y[m + 1] - leg->y[m]) + g * (double)(leg->y[o + 1] - leg->y[o]);
    *heading_out = (float)glint_sim_atan2(dy, dx);
}

/* Headings are counted 0 +x, 1 +y, 2 -x, 3 -y of the lattice. */
static int heading_of(const struct glint_sim_leg *leg)
{
    return leg->dir + (leg->forward ? 0 : 2);
}

/* The street that leaves node (i, j) with a heading; the lanes that it has, 0 when it is not there. */
static int32_t leaving(const struct glint_sim_style *w, int32_t i, int32_t j, int heading,
                       struct glint_sim_leg *to)
{
    to->to_dir = heading % 2;
    to->to_forward = heading < 2;
    to->to_i = i - (heading == 2);
    to->to_j = j - (heading == 3);
    return glint_sim_way_lanes(w, to->to_i, to->to_j, to->to_dir);
}

/* Turns: 0 straight, 1 left, 3 right. Those over the other lanes start from the innermost lane, the others
 * from the outermost. */
static bool fits(const struct glint_sim_style *w, int turn, int32_t lane, int32_t lanes)
{
    if (turn == 0 || lanes < 2)
        return true;
    const bool wide = (turn == 1) == (w->side < 0);
    return wide ? lane == 0 : lane == lanes - 1;
}

static int choose(const struct glint_sim_style *w, uint64_t seed, int32_t number,
                  const struct glint_sim_leg *now)
{
    static const int order[3][3] = {{0, 1, 3}, {1, 0, 3}, {3, 0, 1}};
    struct glint_sim_random r = glint_sim_random_of(seed, number, 0, WAY);
    const float u = seed ? glint_sim_uniform(&r) : 0; /* 0: straight on where it can */
    const int *wish = order[u < 0.5f ? 0 : u < 0.75f ? 1 : 2];
    const int32_t lanes = glint_sim_way_lanes(w, now->i, now->j, now->dir);
    for (int strict = 1; strict >= 0; strict--)
        for (int k = 0; k < 3; k++) {
            struct glint_sim_leg unused;
            if (leaving(w, now->node_i, now->node_j, (heading_of(now) + wish[k]) % 4, &unused) > 0 &&
                (!strict || fits(w, wish[k], now->lane, lanes)))
                return wish[k];
        }
    return 1;
}

#define FINE 80

/* A cubic Bezier curve between two places with headings, by even steps, and the speed it can be driven at. */
static void bend(const double p[2], float from, const double q[2], float to, struct glint_sim_leg *out)
{
    double s0, c0, s1, c1, x[FINE + 1], y[FINE + 1], way[FINE + 1];
    glint_sim_sincos((double)from, &s0, &c0);
    glint_sim_sincos((double)to, &s1, &c1);
    const double dx = q[0] - p[0], dy = q[1] - p[1], reach = 0.39 * sqrt(dx * dx + dy * dy);
    const double bx = reach * c0, by = reach * s0, cx = dx - reach * c1, cy = dy - reach * s1;
    for (int k = 0; k <= FINE; k++) {
        const double t = k / (double)FINE, u = 1 - t;
        x[k] = 3 * u * u * t * bx + 3 * u * t * t * cx + t * t * t * dx;
        y[k] = 3 * u * u * t * by + 3 * u * t * t * cy + t * t * t * dy;
        const double ex = k ? x[k] - x[k - 1] : 0, ey = k ? y[k] - y[k - 1] : 0;
        way[k] = k ? way[k - 1] + sqrt(ex * ex + ey * ey) : 0;
    }
    out->x0 = p[0], out->y0 = p[1];
    out->length = way[FINE];
    for (int n = 0, k = 0; n <= GLINT_SIM_LEG_STEPS; n++) {
        const double at = n * out->length / GLINT_SIM_LEG_STEPS;
        while (k < FINE - 1 && way[k + 1] < at)
            k++;
        const double f = (at - way[k]) / (way[k + 1] - way[k]);
        out->x[n] = (float)(x[k] + f * (x[k + 1] - x[k]));
        out->y[n] = (float)(y[k] + f * (y[k + 1] - y[k]));
    }
    double most = 1e-4; /* curvature, over two steps */
    for (int k = 2; k <= FINE; k += 2) {
        const double ax = x[k - 1] - x[k - 2], ay = y[k - 1] - y[k - 2], cx2 = x[k] - x[k - 1],
                     cy2 = y[k] - y[k - 1];
        const double a = sqrt(ax * ax + ay * ay), c = sqrt(cx2 * cx2 + cy2 * cy2);
        most = fmax(most, fabs(ax * cy2 - ay * cx2) / (a * c * (a + c) / 2 + 1e-12));
    }
    out->speed = (float)sqrt(2.0 / most); /* 2 m/s2 aside */
}

static void make_turn(const struct glint_sim_style *w, uint64_t seed, int32_t number,
                      const struct glint_sim_leg *now, struct glint_sim_leg *out)
{
    const int turn = choose(w, seed, number, now);
    *out = (struct glint_sim_leg){
        .i = now->i, .j = now->j, .dir = now->dir, .forward = now->forward, .lane = now->lane};
    out->turn = true;
    out->straight = turn == 0;
    out->node_i = now->node_i, out->node_j = now->node_j;
    const int32_t lanes = leaving(w, now->node_i, now->node_j, (heading_of(now) + turn) % 4, out);
    const bool wide = (turn == 1) == (w->side < 0);
    out->to_lane = turn == 0 ? (now->lane < lanes ? now->lane : lanes - 1) : wide ? 0 : lanes - 1;
    struct glint_sim_leg to;
    glint_sim_way_lane(w, out->to_i, out->to_j, out->to_dir, out->to_forward, out->to_lane, &to);
    double p[2], q[2];
    float from, toward;
    glint_sim_way_at(now, now->length, &p[0], &p[1], &from);
    glint_sim_way_at(&to, 0, &q[0], &q[1], &toward);
    bend(p, from, q, toward, out);
    out->speed = glint_sim_min(out->speed, glint_sim_min(now->speed, to.speed));
}

void glint_sim_way_next(const struct glint_sim_style *w, uint64_t seed, int32_t turn,
                        const struct glint_sim_leg *now, struct glint_sim_leg *next_out)
{
    if (now->turn)
        glint_sim_way_lane(w, now->to_i, now->to_j, now->to_dir, now->to_forward, now->to_lane, next_out);
    else
        make_turn(w, seed, turn, now, next_out);
}

bool glint_sim_way_leaves(const struct glint_sim_leg *lane, const struct glint_sim_leg *turn)
{
    return lane->i == turn->to_i && lane->j == turn->to_j && lane->dir == turn->to_dir &&
           lane->forward == turn->to_forward && lane->lane == turn->to_lane;
}
