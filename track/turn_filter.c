/* track/turn_filter.c - see turn_filter.h.
 *
 * Extended Kalman filter of the coordinated turn (Y. Bar-Shalom, X. R. Li, T. Kirubarajan, Estimation with
 * Applications to Tracking and Navigation, 2001, 11.7.1): x and y velocity and a turn rate, which the heading
 * shares. Measurements come one number after the other, so that nothing is inverted. */
#include "track/turn_filter.h"
#include "core/box.h"
#include <math.h>
#include <string.h>

enum { X = GLINT_TURN_X, Y, VX, VY, YAW, RATE, N };

void glint_turn_filter_init(struct glint_turn_filter *f, double x, double y, double yaw, double sigma_m,
                            double sigma_yaw, double sigma_mps)
{
    const double sigma[N] = {sigma_m, sigma_m, sigma_mps, sigma_mps, sigma_yaw, 0.3};
    memset(f, 0, sizeof *f);
    f->x[X] = x;
    f->x[Y] = y;
    f->x[YAW] = glint_wrap_angle(yaw);
    for (int i = 0; i < N; i++)
        f->p[i][i] = sigma[i] * sigma[i];
}

/* ---- later ---- */

struct turn { /* over dt at rate w: s = sin(w dt) / w, k = (1 - cos(w dt)) / w, and their slopes in w */
    double sin, cos, s, k, ds, dk;
};

static struct turn turn_of(double w, double dt)
{
    const double a = w * dt;
    struct turn t = {.sin = sin(a), .cos = cos(a)};
    if (fabs(a) < 1e-4) { /* series: the next terms are below 1e-8 of these */
        t.s = dt;
        t.k = 0.5 * a * dt;
        t.ds = -a * dt * dt / 3;
        t.dk = 0.5 * dt * dt;
    } else {
        t.s = t.sin / w;
        t.k = (1 - t.cos) / w;
        t.ds = (dt * t.cos - t.s) / w;
        t.dk = (dt * t.sin - t.k) / w;
    }
    return t;
}

/* How the state then follows from the state now, to first order. */
static void slopes(const struct glint_turn_filter *f, const struct turn *t, double dt, double fade,
                   double j[N][N])
{
    const double vx = f->x[VX], vy = f->x[VY];
    memset(j, 0, sizeof(double[N][N]));
    for (int i = 0; i < N; i++)
        j[i][i] = 1;
    j[X][VX] = j[Y][VY] = t->s;
    j[X][VY] = -t->k;
    j[Y][VX] = t->k;
    j[X][RATE] = vx * t->ds - vy * t->dk;
    j[Y][RATE] = vx * t->dk + vy * t->ds;
    j[VX][VX] = j[VY][VY] = t->cos;
    j[VX][VY] = -t->sin;
    j[VY][VX] = t->sin;
    j[VX][RATE] = -dt * (t->sin * vx + t->cos * vy);
    j[VY][RATE] = dt * (t->cos * vx - t->sin * vy);
    j[YAW][RATE] = dt;
    j[RATE][RATE] = fade;
}

/* p = j p j' */
static void carry(double p[N][N], double j[N][N])
{
    double jp[N][N];
    for (int i = 0; i < N; i++)
        for (int k = 0; k < N; k++) {
            jp[i][k] = 0;
            for (int m = 0; m < N; m++)
                jp[i][k] += j[i][m] * p[m][k];
        }
    for (int i = 0; i < N; i++)
        for (int k = 0; k <= i; k++) {
            double sum = 0;
            for (int m = 0; m < N; m++)
                sum += jp[i][m] * j[k][m];
            p[i][k] = p[k][i] = sum;
        }
}

/* White noise of the second derivative, of density q, over dt: what it does to a value and its derivative. */
static void disturb(double p[N][N], int value, int rate, double q, double dt)
{
    p[value][value] += q * dt * dt * dt / 3;
    p[value][rate] += q * dt * dt / 2;
    p[rate][value] = p[value][rate];
    p[rate][rate] += q * dt;
}

void glint_turn_filter_predict(struct glint_turn_filter *f, double dt, const struct glint_turn_noise *noise)
{
    double j[N][N];
    const struct turn t = turn_of(f->x[RATE], dt);
    const double fade = noise->decay_s > 0 ? exp(-dt / noise->decay_s) : 1, vx = f->x[VX], vy = f->x[VY];
    slopes(f, &t, dt, fade, j);
    carry(f->p, j);
    disturb(f->p, X, VX, noise->accel * noise->accel, dt);
    disturb(f->p, Y, VY, noise->accel * noise->accel, dt);
    disturb(f->p, YAW, RATE, noise->turn * noise->turn, dt);
    f->x[X] += vx * t.s - vy * t.k;
    f->x[Y] += vx * t.k + vy * t.s;
    f->x[VX] = t.cos * vx - t.sin * vy;
    f->x[VY] = t.sin * vx + t.cos * vy;
    f->x[YAW] = glint_wrap_angle(f->x[YAW] + f->x[RATE] * dt);
    f->x[RATE] *= fade;
}

/* ---- seen ---- */

/* The number h x was off by `error` from what was seen with that variance. */
static void correct(struct glint_turn_filter *f, const double h[N], double error, double variance)
{
    double ph[N], s = variance;
    for (int i = 0; i < N; i++) {
        ph[i] = 0;
        for (int k = 0; k < N; k++)
            ph[i] += f->p[i][k] * h[k];
        s += h[i] * ph[i];
    }
    for (int i = 0; i < N; i++) {
        f->x[i] += ph[i] / s * error;
        for (int k = 0; k <= i; k++)
            f->p[i][k] = f->p[k][i] = f->p[i][k] - ph[i] * ph[k] / s;
        f->p[i][i] = fmax(f->p[i][i], 1e-9);
    }
    f->x[YAW] = glint_wrap_angle(f->x[YAW]);
}

void glint_turn_filter_place(struct glint_turn_filter *f, double x, double y, double axis, double sigma_along,
                             double sigma_across)
{
    const double c = cos(axis), s = sin(axis);
    const double along[N] = {c, s}, across[N] = {-s, c};
    correct(f, along, c * (x - f->x[X]) + s * (y - f->x[Y]), sigma_along * sigma_along);
    correct(f, across, c * (y - f->x[Y]) - s * (x - f->x[X]), sigma_across * sigma_across);
}

void glint_turn_filter_yaw(struct glint_turn_filter *f, double yaw, double sigma)
{
    const double h[N] = {[YAW] = 1};
    correct(f, h, glint_wrap_angle(yaw - f->x[YAW]), sigma * sigma);
}

void glint_turn_filter_velocity(struct glint_turn_filter *f, double vx, double vy, double sigma)
{
    const double hx[N] = {[VX] = 1}, hy[N] = {[VY] = 1};
    correct(f, hx, vx - f->x[VX], sigma * sigma);
    correct(f, hy, vy - f->x[VY], sigma * sigma);
}

void glint_turn_filter_slip(struct glint_turn_filter *f, double sigma)
{
    const double c = cos(f->x[YAW]), s = sin(f->x[YAW]), vx = f->x[VX], vy = f->x[VY];
    const double h[N] = {[VX] = -s, [VY] = c, [YAW] = -(c * vx + s * vy)};
    correct(f, h, s * vx - c * vy, sigma * sigma);
}

double glint_turn_filter_distance(const struct glint_turn_filter *f, double x, double y, double axis,
                                  double sigma_along, double sigma_across, double cov_out[3])
{
    const double c = cos(axis), s = sin(axis), a = sigma_along * sigma_along, b = sigma_across * sigma_across;
    const double xx = f->p[X][X] + c * c * a + s * s * b, xy = f->p[X][Y] + c * s * (a - b),
                 yy = f->p[Y][Y] + s * s * a + c * c * b;
    const double dx = x - f->x[X], dy = y - f->x[Y], det = xx * yy - xy * xy;
    if (cov_out) {
        cov_out[0] = xx;
        cov_out[1] = xy;
        cov_out[2] = yy;
    }
    return det > 0 ? (yy * dx * dx - 2 * xy * dx * dy + xx * dy * dy) / det : INFINITY;
}

void glint_turn_filter_move(struct glint_turn_filter *f, double turn, double dx, double dy)
{
    const double c = cos(turn), s = sin(turn);
    double j[N][N] = {{c, -s}, {s, c}, {0, 0, c, -s}, {0, 0, s, c}, {0, 0, 0, 0, 1}, {0, 0, 0, 0, 0, 1}};
    const double x = f->x[X], y = f->x[Y], vx = f->x[VX], vy = f->x[VY];
    f->x[X] = c * x - s * y + dx;
    f->x[Y] = s * x + c * y + dy;
    f->x[VX] = c * vx - s * vy;
    f->x[VY] = s * vx + c * vy;
    f->x[YAW] = glint_wrap_angle(f->x[YAW] + turn);
    carry(f->p, j);
}
