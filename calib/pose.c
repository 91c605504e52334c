/* calib/pose.c - see pose.h. Closed forms of the exponential map (Eade, "Lie groups for 2D and 3D
 * transformations", 2013, section 3); near zero angle their series, where the closed forms cancel. */
#include "calib/pose.h"
#include <math.h>
#include <string.h>

#define SMALL_ANGLE 1e-4 /* below, two terms of the series are exact to rounding */

static double dot3(const double a[3], const double b[3])
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

static void cross(const double a[3], const double b[3], double out[3])
{
    const double x = a[1] * b[2] - a[2] * b[1], y = a[2] * b[0] - a[0] * b[2], z = a[0] * b[1] - a[1] * b[0];
    out[0] = x;
    out[1] = y;
    out[2] = z;
}

static void normalize(double q[4])
{
    const double n = sqrt(q[0] * q[0] + dot3(q + 1, q + 1));
    for (int i = 0; i < 4; i++)
        q[i] /= n;
}

struct glint_pose glint_pose_identity(void)
{
    return (struct glint_pose){{1, 0, 0, 0}, {0, 0, 0}};
}

/* p + 2 w (v x p) + 2 v x (v x p): half the products of the matrix. */
static void rotate(const double q[4], const double p[3], double out[3])
{
    double a[3], b[3];
    cross(q + 1, p, a);
    cross(q + 1, a, b);
    for (int k = 0; k < 3; k++)
        out[k] = p[k] + 2 * (q[0] * a[k] + b[k]);
}

void glint_pose_apply(struct glint_pose a, const double p[3], double out[3])
{
    rotate(a.q, p, out);
    for (int k = 0; k < 3; k++)
        out[k] += a.t[k];
}

struct glint_pose glint_pose_compose(struct glint_pose a, struct glint_pose b)
{
    struct glint_pose c;
    double v[3];
    cross(a.q + 1, b.q + 1, v);
    c.q[0] = a.q[0] * b.q[0] - dot3(a.q + 1, b.q + 1);
    for (int k = 0; k < 3; k++)
        c.q[k + 1] = a.q[0] * b.q[k + 1] + b.q[0] * a.q[k + 1] + v[k];
    normalize(c.q); /* long chains stay on the unit sphere */
    glint_pose_apply(a, b.t, c.t);
    return c;
}

struct glint_pose glint_pose_inverse(struct glint_pose a)
{
    struct glint_pose c = {{a.q[0], -a.q[1], -a.q[2], -a.q[3]}, {0, 0, 0}};
    const double t[3] = {-a.t[0], -a.t[1], -a.t[2]};
    rotate(c.q, t, c.t);
    return c;
}

struct glint_pose glint_pose_from_rpy(double roll, double pitch, double yaw, const double t[3])
{
    const double cr = cos(roll / 2), sr = sin(roll / 2), cp = cos(pitch / 2), sp = sin(pitch / 2),
                 cy = cos(yaw / 2), sy = sin(yaw / 2);
    return (struct glint_pose){{cr * cp * cy + sr * sp * sy, sr * cp * cy - cr * sp * sy,
                                cr * sp * cy + sr * cp * sy, cr * cp * sy - sr * sp * cy},
                               {t[0], t[1], t[2]}};
}

void glint_pose_to_matrix(struct glint_pose a, double m[12])
{
    for (int k = 0; k < 3; k++) {
        const double axis[3] = {k == 0, k == 1, k == 2};
        double column[3];
        rotate(a.q, axis, column);
        for (int r = 0; r < 3; r++)
            m[4 * r + k] = column[r];
        m[4 * k + 3] = a.t[k];
    }
}

void glint_pose_to_rpy(struct glint_pose a, double rpy[3])
{
    double m[12];
    glint_pose_to_matrix(a, m);
    rpy[0] = atan2(m[9], m[10]);
    rpy[1] = atan2(-m[8], sqrt(m[0] * m[0] + m[4] * m[4]));
    rpy[2] = atan2(m[4], m[0]);
}

static bool is_rotation(const double m[12])
{
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) {
            const double d = m[i] * m[j] + m[4 + i] * m[4 + j] + m[8 + i] * m[8 + j];
            if (!(fabs(d - (i == j)) < 1e-3))
                return false;
        }
    const double det = m[0] * (m[5] * m[10] - m[6] * m[9]) - m[1] * (m[4] * m[10] - m[6] * m[8]) +
                       m[2] * (m[4] * m[9] - m[5] * m[8]);
    return det > 0;
}

/* From the largest of the four squares, so that no root is near zero (Shepperd 1978). */
static void quaternion_of(const double m[12], double q[4])
{
    const double r[3][3] = {{m[0], m[1], m[2]}, {m[4], m[5], m[6]}, {m[8], m[9], m[10]}};
    const double trace = r[0][0] + r[1][1] + r[2][2];
    int i = r[1][1] > r[0][0] ? 1 : 0;
    i = r[2][2] > r[i][i] ? 2 : i;
    if (trace > r[i][i]) {
        q[0] = 1 + trace;
        q[1] = r[2][1] - r[1][2];
        q[2] = r[0][2] - r[2][0];
        q[3] = r[1][0] - r[0][1];
    } else {
        const int j = (i + 1) % 3, k = (i + 2) % 3;
        q[0] = r[k][j] - r[j][k];
        q[1 + i] = 1 + r[i][i] - r[j][j] - r[k][k];
        q[1 + j] = r[j][i] + r[i][j];
        q[1 + k] = r[k][i] + r[i][k];
    }
    normalize(q);
}

int glint_pose_from_matrix(const double m[12], struct glint_pose *pose_out)
{
    *pose_out = glint_pose_identity();
    if (!is_rotation(m) || !isfinite(m[3]) || !isfinite(m[7]) || !isfinite(m[11]))
        return glint_fail(GLINT_E_FORMAT, "the 3 x 4 matrix is no rotation with a translation");
    quaternion_of(m, pose_out->q);
    for (int k = 0; k < 3; k++)
        pose_out->t[k] = m[4 * k + 3];
    return GLINT_OK;
}

int glint_pose_unit(struct glint_pose *pose)
{
    const double n = sqrt(pose->q[0] * pose->q[0] + dot3(pose->q + 1, pose->q + 1));
    if (!(fabs(n - 1) < 1e-3))
        return glint_fail(GLINT_E_FORMAT, "a quaternion of length %g, 1 expected", n);
    normalize(pose->q);
    return GLINT_OK;
}

/* 2 atan2(|v|, w) keeps all digits at small angles, where acos(w) has none. */
static void rotation_log(const double q[4], double w[3])
{
    const double n = sqrt(dot3(q + 1, q + 1)), sign = q[0] < 0 ? -1 : 1;
    const double f = n < 1e-12 ? 2 / fabs(q[0]) : 2 * atan2(n, fabs(q[0])) / n;
    for (int k = 0; k < 3; k++)
        w[k] = sign * f * q[k + 1];
}

static void rotation_exp(const double w[3], double q[4])
{
    const double angle = sqrt(dot3(w, w));
    const double f = angle < SMALL_ANGLE ? 0.5 - angle * angle / 48 : sin(angle / 2) / angle;
    q[0] = cos(angle / 2);
    for (int k = 0; k < 3; k++)
        q[k + 1] = f * w[k];
    normalize(q);
}

/* t = v + b (w x v) + c (w x (w x v)), b = (1 - cos a) / a^2, c = (a - sin a) / a^3. */
struct glint_pose glint_pose_exp(struct glint_motion m)
{
    struct glint_pose out;
    const double a2 = dot3(m.w_rad, m.w_rad), a = sqrt(a2);
    const bool small = a < SMALL_ANGLE;
    const double half = sin(a / 2);
    const double b = small ? 0.5 - a2 / 24 : 2 * half * half / a2;
    const double c = small ? 1.0 / 6 - a2 / 120 : (a - sin(a)) / (a2 * a);
    double wv[3], wwv[3];
    rotation_exp(m.w_rad, out.q);
    cross(m.w_rad, m.v_m, wv);
    cross(m.w_rad, wv, wwv);
    for (int k = 0; k < 3; k++)
        out.t[k] = m.v_m[k] + b * wv[k] + c * wwv[k];
    return out;
}

/* v = t - w x t / 2 + d (w x (w x t)), d = (1 - a cot(a/2) / 2) / a^2. */
struct glint_motion glint_pose_log(struct glint_pose p)
{
    struct glint_motion m;
    double wt[3], wwt[3];
    rotation_log(p.q, m.w_rad);
    const double a2 = dot3(m.w_rad, m.w_rad), a = sqrt(a2);
    const double d = a < 1e-2 ? 1.0 / 12 + a2 / 720 : (1 - a / 2 / tan(a / 2)) / a2;
    cross(m.w_rad, p.t, wt);
    cross(m.w_rad, wt, wwt);
    for (int k = 0; k < 3; k++)
        m.v_m[k] = p.t[k] - wt[k] / 2 + d * wwt[k];
    return m;
}

struct glint_motion glint_motion_scale(struct glint_motion m, double s)
{
    for (int k = 0; k < 3; k++) {
        m.v_m[k] *= s;
        m.w_rad[k] *= s;
    }
    return m;
}

struct glint_pose glint_pose_between(struct glint_pose a, struct glint_pose b, double s,
                                     enum glint_interpolation how)
{
    struct glint_motion way = glint_pose_log(glint_pose_compose(glint_pose_inverse(a), b));
    if (how == GLINT_INTERPOLATE_SE3)
        return glint_pose_compose(a, glint_pose_exp(glint_motion_scale(way, s)));
    memset(way.v_m, 0, sizeof way.v_m);
    struct glint_pose c = glint_pose_compose(a, glint_pose_exp(glint_motion_scale(way, s)));
    for (int k = 0; k < 3; k++)
        c.t[k] = a.t[k] + s * (b.t[k] - a.t[k]);
    return c;
}

double glint_pose_angle(struct glint_pose a, struct glint_pose b)
{
    double w[3];
    rotation_log(glint_pose_compose(glint_pose_inverse(a), b).q, w);
    return sqrt(dot3(w, w));
}

double glint_pose_distance(struct glint_pose a, struct glint_pose b)
{
    const double d[3] = {a.t[0] - b.t[0], a.t[1] - b.t[1], a.t[2] - b.t[2]};
    return sqrt(dot3(d, d));
}
