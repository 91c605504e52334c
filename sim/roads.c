/* sim/roads.c - see sim/roads.h. Streets are cubic Bezier curves that leave and reach nodes along the nodes'
 * own cross; they are kept as polylines of even steps, which is what everything else works with. */
#include "sim/roads.h"

enum { STYLE = 1, NODE, STREET, TURN };

static enum glint_sim_scene draw_scene(struct glint_sim_random *r)
{
    const float u = glint_sim_uniform(r);
    return u < 0.35f   ? GLINT_SIM_URBAN
           : u < 0.70f ? GLINT_SIM_RESIDENTIAL
           : u < 0.82f ? GLINT_SIM_RURAL
           : u < 0.93f ? GLINT_SIM_PARKING
                       : GLINT_SIM_SQUARE;
}

static void draw_ground(struct glint_sim_style *w, struct glint_sim_random *r)
{
    const bool hilly = glint_sim_chance(r, 0.35f);
    const float amplitude = hilly ? glint_sim_range(r, 0.4f, 2.6f) : glint_sim_range(r, 0.0f, 0.3f);
    for (int k = 0; k < 5; k++) {
        w->hill[k][0] = amplitude * glint_sim_range(r, -0.5f, 0.5f);
        w->hill[k][1] = glint_sim_range(r, -0.08f, 0.08f);
        w->hill[k][2] = glint_sim_range(r, -0.08f, 0.08f);
        w->hill[k][3] = glint_sim_range(r, 0, 6.28f);
    }
    w->slope = glint_sim_chance(r, 0.3f) ? glint_sim_range(r, -0.10f, 0.12f) : 0;
    w->bank = glint_sim_chance(r, 0.35f) ? glint_sim_range(r, 0.3f, 2.2f) : 0;
    w->bumps = glint_sim_chance(r, 0.6f) ? glint_sim_range(r, 0.05f, 0.5f) : 0.02f;
    w->crown = glint_sim_range(r, 0, 0.02f);
    w->asphalt = glint_sim_range(r, 0.06f, 0.25f);
    w->paving = glint_sim_range(r, 0.15f, 0.4f);
    w->soil = glint_sim_range(r, 0.2f, 0.5f);
    w->roughness = glint_sim_range(r, 0.02f, 0.09f);
}

struct glint_sim_style glint_sim_draw_style(const struct glint_sim_settings *settings)
{
    struct glint_sim_style w = {.seed = settings->seed};
    struct glint_sim_random r = glint_sim_random_of(settings->seed, 0, 0, STYLE);
    const enum glint_sim_scene drawn = draw_scene(&r);
    w.scene = settings->scene == GLINT_SIM_ANY ? drawn : settings->scene;
    const float u = glint_sim_uniform(&r);
    w.spacing = w.scene == GLINT_SIM_RURAL    ? 140 + 60 * (double)u
                : w.scene == GLINT_SIM_SQUARE ? 90 + 40 * (double)u
                                              : 75 + 65 * (double)u;
    w.loose = glint_sim_range(&r, 0.02f, 0.16f);
    w.crossing = glint_sim_range(&r, 0.3f, 1.0f);
    w.side = glint_sim_chance(&r, 0.8f) ? -1.0f : 1.0f;
    const float busy = glint_sim_range(&r, 0.05f, 1.9f), crowd = glint_sim_range(&r, 0.2f, 1.9f);
    w.density = settings->traffic < 0 ? busy : settings->traffic;
    w.crowd = settings->people < 0 ? crowd : settings->people;
    draw_ground(&w, &r);
    return w;
}

struct node {
    double x, y;
    double ax, ay; /* its own first axis; the second is a quarter turn left of it */
};

static struct node get_node(const struct glint_sim_style *w, int32_t i, int32_t j)
{
    struct glint_sim_random r = glint_sim_random_of(w->seed, i, j, NODE);
    struct node n;
    n.x = w->spacing * ((double)i + (double)(w->loose * glint_sim_range(&r, -1, 1)));
    n.y = w->spacing * ((double)j + (double)(w->loose * glint_sim_range(&r, -1, 1)));
    glint_sim_sincos((double)(3 * w->loose * glint_sim_range(&r, -1, 1)), &n.ay, &n.ax);
    return n;
}

static void bezier(const double p[4], double t, double *out)
{
    const double u = 1 - t;
    *out = u * u * u * p[0] + 3 * u * u * t * p[1] + 3 * u * t * t * p[2] + t * t * t * p[3];
}

/* The curve, first by the parameter, then again by its length. */
static void lay_out(const struct glint_sim_style *w, struct glint_sim_street *s)
{
    const struct node a = get_node(w, s->i, s->j),
                      b = get_node(w, s->i + (s->dir == 0), s->j + (s->dir == 1));
    const double reach = sqrt((b.x - a.x) * (b.x - a.x) + (b.y - a.y) * (b.y - a.y)) * 0.38;
    const double dax = s->dir ? -a.ay : a.ax, day = s->dir ? a.ax : a.ay;
    const double dbx = s->dir ? -b.ay : b.ax, dby = s->dir ? b.ax : b.ay;
    const double px[4] = {a.x, a.x + reach * dax, b.x - reach * dbx, b.x};
    const double py[4] = {a.y, a.y + reach * day, b.y - reach * dby, b.y};
    enum { FINE = 96 };
    double x[FINE + 1], y[FINE + 1], way[FINE + 1];
    for (int k = 0; k <= FINE; k++) {
        bezier(px, k / (double)FINE, &x[k]);
        bezier(py, k / (double)FINE, &y[k]);
        const double dx = k ? x[k] - x[k - 1] : 0, dy = k ? y[k] - y[k - 1] : 0;
        way[k] = k ? way[k - 1] + sqrt(dx * dx + dy * dy) : 0;
    }
    s->length = way[FINE];
    s->step = s->length / GLINT_SIM_STREET_STEPS;
    for (int n = 0, k = 0; n <= GLINT_SIM_STREET_STEPS; n++) {
        const double to = n * s->step;
        while (k < FINE - 1 && way[k + 1] < to)
            k++;
        const double f = (to - way[k]) / (way[k + 1] - way[k]);
        s->x[n] = x[k] + f * (x[k + 1] - x[k]);
        s->y[n] = y[k] + f * (y[k + 1] - y[k]);
    }
}

static void draw_strip(struct glint_sim_street *s, int side, enum glint_sim_scene scene,
                       struct glint_sim_random *r)
{
    const float u = glint_sim_uniform(r), v = glint_sim_uniform(r);
    enum glint_sim_strip strip = u < 0.42f   ? GLINT_SIM_PARALLEL
                                 : u < 0.58f ? GLINT_SIM_ANGLED
                                 : u < 0.72f ? GLINT_SIM_CYCLE_LANE
                                             : GLINT_SIM_NO_STRIP;
    if (scene == GLINT_SIM_RURAL)
        strip = v < 0.2f ? GLINT_SIM_CYCLE_LANE : GLINT_SIM_NO_STRIP;
    if (scene == GLINT_SIM_PARKING)
        strip = v < 0.8f ? GLINT_SIM_ANGLED : GLINT_SIM_PARALLEL;
    s->strip[side] = strip;
    s->strip_width[side] = strip == GLINT_SIM_PARALLEL     ? 2.5f
                           : strip == GLINT_SIM_ANGLED     ? 5.2f
                           : strip == GLINT_SIM_CYCLE_LANE ? 1.7f
                                                           : 0.2f;
}

void glint_sim_draw_street(const struct glint_sim_style *w, int32_t i, int32_t j, int32_t dir,
                           struct glint_sim_street *out)
{
    struct glint_sim_random r = glint_sim_random_of(w->seed, 2 * (int64_t)i + dir, j, STREET);
    const enum glint_sim_scene scene = w->scene;
    *out = (struct glint_sim_street){.i = i, .j = j, .dir = dir};
    out->there = dir == 0 || glint_sim_chance(&r, w->crossing);
    const int wide = glint_sim_pick(&r, 0, 9),
              most = scene == GLINT_SIM_URBAN || scene == GLINT_SIM_RURAL ? 6 : 9;
    out->lanes = wide < most || scene == GLINT_SIM_PARKING ? 1
                 : wide == 9 && scene == GLINT_SIM_RURAL   ? 3
                                                           : 2;
    out->lane = glint_sim_range(&r, 2.95f, 3.6f);
    out->half = out->lane * (float)out->lanes;
    for (int side = 0; side < 2; side++) {
        draw_strip(out, side, scene, &r);
        out->walk[side] = glint_sim_range(&r, 1.3f, 4.5f);
    }
    out->kerb =
        scene == GLINT_SIM_RURAL || scene == GLINT_SIM_PARKING ? 0.0f : glint_sim_range(&r, 0.04f, 0.17f);
    if (scene == GLINT_SIM_SQUARE)
        out->kerb = 0.02f;
    const float v = glint_sim_uniform(&r);
    out->speed = scene == GLINT_SIM_RURAL                                  ? 15 + 8 * v
                 : scene == GLINT_SIM_PARKING || scene == GLINT_SIM_SQUARE ? 4 + 3 * v
                                                                           : 8 + 6 * v;
}

void glint_sim_get_street(const struct glint_sim_style *w, int32_t i, int32_t j, int32_t dir,
                          struct glint_sim_street *out)
{
    glint_sim_draw_street(w, i, j, dir, out);
    lay_out(w, out);
}

struct glint_sim_spot glint_sim_street_at(const struct glint_sim_street *s, double along, double left)
{
    double k = along / s->step;
    int n = (int)floor(k);
    n = n < 0 ? 0 : n > GLINT_SIM_STREET_STEPS - 1 ? GLINT_SIM_STREET_STEPS - 1 : n;
    const double f = k - n;
    /* The direction turns evenly from one piece's middle to the next. */
    const int m = f < 0.5 ? (n > 0 ? n - 1 : n) : n, o = m < GLINT_SIM_STREET_STEPS - 1 ? m + 1 : m;
    const double g = m == n && f >= 0.5 ? f - 0.5 : f + 0.5;
    const double h = g < 0 ? 0 : g > 1 ? 1 : g;
    double dx = (1 - h) * (s->x[m + 1] - s->x[m]) + h * (s->x[o + 1] - s->x[o]);
    double dy = (1 - h) * (s->y[m + 1] - s->y[m]) + h * (s->y[o + 1] - s->y[o]);
    const double inverse = 1 / sqrt(dx * dx + dy * dy);
    dx *= inverse, dy *= inverse;
    struct glint_sim_spot spot;
    spot.x = s->x[n] + f * (s->x[n + 1] - s->x[n]) - left * dy;
    spot.y = s->y[n] + f * (s->y[n + 1] - s->y[n]) + left * dx;
    spot.heading = (float)glint_sim_atan2(dy, dx);
    return spot;
}

void glint_sim_street_project(const struct glint_sim_street *s, double x, double y, double *along_out,
                              double *left_out)
{
    double best = 1e30;
    for (int n = 0; n < GLINT_SIM_STREET_STEPS; n++) {
        const double ux = s->x[n + 1] - s->x[n], uy = s->y[n + 1] - s->y[n], wx = x - s->x[n],
                     wy = y - s->y[n];
        const double u2 = ux * ux + uy * uy;
        double f = (wx * ux + wy * uy) / u2;
        f = f < 0 ? 0 : f > 1 ? 1 : f;
        const double ex = wx - f * ux, ey = wy - f * uy, e2 = ex * ex + ey * ey;
        if (e2 < best) {
            best = e2;
            *along_out = (n + f) * s->step;
            *left_out = ux * wy - uy * wx > 0 ? sqrt(e2) : -sqrt(e2);
        }
    }
}
