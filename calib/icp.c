/* calib/icp.c - see icp.h.
 *
 * Per level both scans are thinned to one point per cube (a measured point, not a mean, so that planes stay
 * planes), A gets a k-d tree and a plane at each point that has a flat neighbourhood, and Gauss-Newton steps
 * follow until they are below what matters. The 6 x 6 system is solved in the directions of its eigenvectors,
 * turns scaled by the pairs' mean distance from their middle, so that a direction without information is not
 * moved along, and can be told. */
#include "calib/icp.h"
#include "calib/eigen.h"
#include "calib/kdtree.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NEIGHBOURS      14 /* of a plane's fit */
#define LEAST_PAIRS     100
#define LEAST_CONDITION 1e-3 /* planes fitted to noisy points alone give some 1e-4 in any direction */
#define DIRECTION_CUT   1e-6 /* of the strongest: no step along weaker ones */
#define TUKEY           4.685
#define SIGMA_LEAST     1e-4 /* m: scale of the weights on data without noise */

struct cloud {
    int32_t n;
    float *xyz; /* n x 3 */
};

struct level {
    struct cloud a, b;
    struct glint_kdtree *tree;
    float *normal;    /* a.n x 3; 0, 0, 0 where there is no plane */
    int32_t *pair;    /* b.n, index into a or -1 */
    double *residual; /* b.n */
    double *sorted;   /* b.n */
};

void glint_icp_settings_default(struct glint_icp_settings *s)
{
    *s = (struct glint_icp_settings){.n_levels = 4,
                                     .voxel_m = {1, 0.5, 0.25, 0.12},
                                     .reach_m = {3, 1, 0.5, 0.25},
                                     .iterations = 40,
                                     .least_overlap = 0.15,
                                     .least_inliers = 0.5,
                                     .inlier_m = 0.1,
                                     .most_moved_m = 2,
                                     .most_moved_rad = 0.26,
                                     .range_m = {1, 80}};
}

/* ---- thinning ---- */

struct keyed {
    uint64_t key;
    int32_t index;
};

static int by_key(const void *a, const void *b)
{
    const struct keyed *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

/* 21 bits an axis: within range_m <= 10 km and cubes of 1 cm or more. */
static uint64_t key_of(const float *p, double voxel)
{
    uint64_t key = 0;
    for (int k = 0; k < 3; k++)
        key = key << 21 | ((uint64_t)(int64_t)(floor(p[k] / voxel) + 1048576) & 0x1fffff);
    return key;
}

static bool in_range(const float *p, const double range[2])
{
    const double d2 = (double)p[0] * p[0] + (double)p[1] * p[1] + (double)p[2] * p[2];
    return d2 >= range[0] * range[0] && d2 <= range[1] * range[1]; /* false for what is no number */
}

/* The first point of each cube, in order of cubes. */
static int thin(const float *xyz, int32_t n, double voxel, const double range[2], struct cloud *out)
{
    struct keyed *keys = malloc(((size_t)n + 1) * sizeof *keys);
    int32_t kept = 0;
    out->xyz = malloc(((size_t)n + 1) * 3 * sizeof *out->xyz);
    out->n = 0;
    if (!keys || !out->xyz) {
        free(keys);
        return glint_fail(GLINT_E_NOMEM, "no memory for %d points", n);
    }
    for (int32_t i = 0; i < n; i++)
        if (in_range(xyz + 3 * (size_t)i, range))
            keys[kept++] = (struct keyed){key_of(xyz + 3 * (size_t)i, voxel), i};
    qsort(keys, (size_t)kept, sizeof *keys, by_key);
    for (int32_t i = 0; i < kept; i++)
        if (i == 0 || keys[i].key != keys[i - 1].key)
            memcpy(out->xyz + 3 * (size_t)out->n++, xyz + 3 * (size_t)keys[i].index, 3 * sizeof *xyz);
    free(keys);
    return GLINT_OK;
}

/* ---- planes ---- */

/* The direction of least spread, when the neighbours spread in two others: neither a line (one laser's ring)
 * nor a lump. */
static bool fit_plane(const struct cloud *c, const int32_t *index, int32_t n, float normal[3])
{
    double mean[3] = {0}, cov[9] = {0}, values[3], vectors[9];
    for (int32_t i = 0; i < n; i++)
        for (int k = 0; k < 3; k++)
            mean[k] += c->xyz[3 * (size_t)index[i] + (size_t)k] / (double)n;
    for (int32_t i = 0; i < n; i++) {
        double d[3];
        for (int k = 0; k < 3; k++)
            d[k] = c->xyz[3 * (size_t)index[i] + (size_t)k] - mean[k];
        for (int k = 0; k < 9; k++)
            cov[k] += d[k / 3] * d[k % 3];
    }
    glint_eigen(3, cov, values, vectors);
    if (!(values[1] > 0.05 * values[2] && values[0] < 0.05 * values[1]))
        return false;
    for (int k = 0; k < 3; k++)
        normal[k] = (float)vectors[k];
    return true;
}

static void fit_planes(struct level *l, double reach)
{
    int32_t index[NEIGHBOURS];
    float d2[NEIGHBOURS];
    memset(l->normal, 0, (size_t)l->a.n * 3 * sizeof *l->normal);
    for (int32_t i = 0; i < l->a.n; i++) {
        const float *p = l->a.xyz + 3 * (size_t)i;
        const int32_t n = glint_kdtree_nearest(l->tree, p, NEIGHBOURS, (float)reach, index, d2);
        if (n >= 6)
            fit_plane(&l->a, index, n, l->normal + 3 * (size_t)i);
    }
}

static void level_close(struct level *l)
{
    glint_kdtree_close(l->tree);
    free(l->a.xyz);
    free(l->b.xyz);
    free(l->normal);
    free(l->pair);
    free(l->residual);
    free(l->sorted);
}

static int level_open(const float *a, int32_t n_a, const float *b, int32_t n_b, double voxel,
                      const double range[2], struct level *l)
{
    memset(l, 0, sizeof *l);
    GLINT_TRY(thin(a, n_a, voxel, range, &l->a));
    GLINT_TRY(thin(b, n_b, voxel, range, &l->b));
    if (l->a.n < LEAST_PAIRS || l->b.n < LEAST_PAIRS)
        return glint_fail(GLINT_E_FORMAT, "%d and %d points between %g and %g m: %d or more wanted", l->a.n,
                          l->b.n, range[0], range[1], LEAST_PAIRS);
    l->normal = malloc((size_t)l->a.n * 3 * sizeof *l->normal);
    l->pair = malloc((size_t)l->b.n * sizeof *l->pair);
    l->residual = malloc((size_t)l->b.n * sizeof *l->residual);
    l->sorted = malloc((size_t)l->b.n * sizeof *l->sorted);
    if (!l->normal || !l->pair || !l->residual || !l->sorted)
        return glint_fail(GLINT_E_NOMEM, "no memory for %d points", l->b.n);
    GLINT_TRY(glint_kdtree_open(l->a.xyz, l->a.n, &l->tree));
    fit_planes(l, fmax(8 * voxel, 1.0));
    return GLINT_OK;
}

/* ---- pairs ---- */

static const float *plane_of(const struct level *l, int32_t i)
{
    const float *n = l->normal + 3 * (size_t)l->pair[i];
    return n;
}

/* Nearest points of A with a plane; returns how many pairs there are. */
static int32_t find_pairs(struct level *l, struct glint_pose pose, double reach)
{
    int32_t n = 0;
    for (int32_t i = 0; i < l->b.n; i++) {
        const float *p = l->b.xyz + 3 * (size_t)i;
        const double from[3] = {p[0], p[1], p[2]};
        double at[3];
        float d2;
        int32_t j;
        glint_pose_apply(pose, from, at);
        const float q[3] = {(float)at[0], (float)at[1], (float)at[2]};
        l->pair[i] = -1;
        if (glint_kdtree_nearest(l->tree, q, 1, (float)reach, &j, &d2) == 0)
            continue;
        const float *a = l->a.xyz + 3 * (size_t)j, *m = l->normal + 3 * (size_t)j;
        if (m[0] == 0 && m[1] == 0 && m[2] == 0)
            continue;
        l->pair[i] = j;
        l->residual[i] = m[0] * (at[0] - a[0]) + m[1] * (at[1] - a[1]) + m[2] * (at[2] - a[2]);
        l->sorted[n++] = fabs(l->residual[i]);
    }
    return n;
}

static int rising(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Standard deviation of the residuals as their median says. */
static double robust_sigma(struct level *l, int32_t n)
{
    qsort(l->sorted, (size_t)n, sizeof *l->sorted, rising);
    return fmax(1.4826 * l->sorted[n / 2], SIGMA_LEAST);
}

static double tukey(double r, double sigma)
{
    const double u = r / (TUKEY * sigma);
    return fabs(u) < 1 ? (1 - u * u) * (1 - u * u) : 0;
}

/* ---- one step ---- */

struct normal_system { /* of motions about `middle`, turns in units of 1 / radius */
    double h[36], g[6];
    double middle[3], radius, weight;
};

static void find_middle(const struct level *l, struct glint_pose pose, double sigma, struct normal_system *s)
{
    double spread = 0;
    memset(s, 0, sizeof *s);
    for (int pass = 0; pass < 2; pass++)
        for (int32_t i = 0; i < l->b.n; i++) {
            const float *p = l->b.xyz + 3 * (size_t)i;
            const double w = l->pair[i] < 0 ? 0 : tukey(l->residual[i], sigma), from[3] = {p[0], p[1], p[2]};
            double at[3];
            if (w == 0)
                continue;
            glint_pose_apply(pose, from, at);
            s->weight += pass == 0 ? w : 0;
            for (int k = 0; k < 3; k++) {
                const double d = at[k] - s->middle[k] / s->weight;
                s->middle[k] += pass == 0 ? w * at[k] : 0;
                spread += pass == 0 ? 0 : w * d * d;
            }
        }
    for (int k = 0; k < 3; k++)
        s->middle[k] /= s->weight > 0 ? s->weight : 1;
    s->radius = fmax(sqrt(spread / fmax(s->weight, 1)), 0.1);
}

/* Row of pair i: [n, (p - middle) x n / radius]. */
static void add_pairs(const struct level *l, struct glint_pose pose, double sigma, struct normal_system *s)
{
    for (int32_t i = 0; i < l->b.n; i++) {
        const float *p = l->b.xyz + 3 * (size_t)i;
        const double w = l->pair[i] < 0 ? 0 : tukey(l->residual[i], sigma), from[3] = {p[0], p[1], p[2]};
        double d[3], row[6];
        if (w == 0)
            continue;
        const float *n = plane_of(l, i);
        glint_pose_apply(pose, from, d);
        for (int k = 0; k < 3; k++) {
            d[k] = (d[k] - s->middle[k]) / s->radius;
            row[k] = n[k];
        }
        for (int k = 0; k < 3; k++)
            row[3 + k] = d[(k + 1) % 3] * n[(k + 2) % 3] - d[(k + 2) % 3] * n[(k + 1) % 3];
        for (int r = 0; r < 6; r++) {
            s->g[r] += w * row[r] * l->residual[i];
            for (int c = 0; c < 6; c++)
                s->h[6 * r + c] += w * row[r] * row[c];
        }
    }
}

/* Solves h x = -g in the directions that h determines. */
static void solve(const struct normal_system *s, double values[6], double vectors[36], double x[6])
{
    glint_eigen(6, s->h, values, vectors);
    memset(x, 0, 6 * sizeof *x);
    for (int i = 0; i < 6; i++) {
        double along = 0;
        if (values[i] <= DIRECTION_CUT * values[5])
            continue;
        for (int k = 0; k < 6; k++)
            along += vectors[6 * i + k] * s->g[k];
        for (int k = 0; k < 6; k++)
            x[k] -= along / values[i] * vectors[6 * i + k];
    }
}

static struct glint_pose moved(struct glint_pose pose, const struct normal_system *s, const double x[6])
{
    struct glint_pose to = glint_pose_identity(), back = glint_pose_identity();
    const struct glint_motion m = {{x[0], x[1], x[2]},
                                   {x[3] / s->radius, x[4] / s->radius, x[5] / s->radius}};
    for (int k = 0; k < 3; k++) {
        to.t[k] = s->middle[k];
        back.t[k] = -s->middle[k];
    }
    return glint_pose_compose(to, glint_pose_compose(glint_pose_exp(m), glint_pose_compose(back, pose)));
}

/* ---- the result ---- */

static void name_direction(const double weak[6], char *text, size_t size)
{
    static const char *const names[] = {"along x", "along y", "along z", "about x", "about y", "about z"};
    int most = 0, second = -1;
    for (int k = 1; k < 6; k++)
        if (fabs(weak[k]) > fabs(weak[most]))
            most = k;
    for (int k = 0; k < 6; k++)
        if (k != most && (second < 0 || fabs(weak[k]) > fabs(weak[second])))
            second = k;
    if (fabs(weak[second]) > 0.5 * fabs(weak[most]))
        snprintf(text, size, "%s and %s", names[most], names[second]);
    else
        snprintf(text, size, "%s", names[most]);
}

static void tell_directions(const struct normal_system *s, double sigma, const double values[6],
                            const double vectors[36], struct glint_icp_result *r)
{
    (void)s;
    r->condition = values[5] > 0 ? fmax(values[0], 0) / values[5] : 0;
    memcpy(r->weak, vectors, sizeof r->weak);
    r->sigma_m = values[0] > 0 ? sigma / sqrt(values[0]) : INFINITY;
    name_direction(r->weak, r->weak_text, sizeof r->weak_text);
}

static void tell_residuals(struct level *l, int32_t n, const struct glint_icp_settings *s,
                           struct glint_icp_result *r)
{
    double sum = 0;
    int32_t inliers = 0;
    qsort(l->sorted, (size_t)n, sizeof *l->sorted, rising);
    while (inliers < n && l->sorted[inliers] <= s->inlier_m) {
        sum += l->sorted[inliers] * l->sorted[inliers];
        inliers++;
    }
    r->n_pairs = n;
    r->overlap = (double)n / l->b.n;
    r->inliers = n > 0 ? (double)inliers / n : 0;
    r->rms_m = inliers > 0 ? sqrt(sum / inliers) : 0;
    r->median_m = inliers > 0 ? l->sorted[inliers / 2] : 0;
}

static int judge(const struct glint_icp_settings *s, bool converged, const struct glint_icp_result *r)
{
    if (r->overlap < s->least_overlap)
        return glint_fail(
            GLINT_E_FORMAT,
            "not registered: %.0f %% of the points lie near a surface of the other scan, %.0f %% wanted: do "
            "the scans overlap, and is the first guess near?",
            100 * r->overlap, 100 * s->least_overlap);
    if (r->condition < LEAST_CONDITION)
        return glint_fail(
            GLINT_E_FORMAT,
            "not registered: the scene does not determine the motion %s (condition %.1e, %.0e wanted)",
            r->weak_text, r->condition, LEAST_CONDITION);
    if (r->inliers < s->least_inliers)
        return glint_fail(
            GLINT_E_FORMAT,
            "not registered: %.0f %% of the pairs fit to %g m, %.0f %% wanted: another first guess may help",
            100 * r->inliers, s->inlier_m, 100 * s->least_inliers);
    if (r->moved_m > s->most_moved_m || r->moved_rad > s->most_moved_rad)
        return glint_fail(
            GLINT_E_FORMAT,
            "not registered: %.2f m and %.1f deg from the first guess, more than %g m and %.0f deg are not "
            "trusted: is the guess right?",
            r->moved_m, r->moved_rad * 180 / 3.14159265358979, s->most_moved_m,
            s->most_moved_rad * 180 / 3.14159265358979);
    if (!converged)
        return glint_fail(GLINT_E_FORMAT, "not registered: still moving after %d iterations", r->iterations);
    return GLINT_OK;
}

/* ---- levels ---- */

/* Small against the level's cubes; on the last level 0.1 mm, or a tenth of what the residuals leave open:
 * nearest points change from step to step, so that it never quite stands still. */
static bool is_small(const struct normal_system *s, const double x[6], double sigma, double voxel, bool last)
{
    double sum = 0, gain = 0; /* gain: x' h x, the step in standard deviations squared */
    for (int k = 0; k < 6; k++) {
        sum += x[k] * x[k];
        for (int c = 0; c < 6; c++)
            gain += x[k] * s->h[6 * k + c] * x[c] / (sigma * sigma);
    }
    return sqrt(sum) < (last ? 1e-4 : 5e-3 * voxel) || gain < 0.01;
}

static int run_level(struct level *l, const struct glint_icp_settings *s, int32_t at, bool *converged,
                     struct glint_icp_result *r)
{
    const bool last = at == s->n_levels - 1;
    struct normal_system system;
    double values[6], vectors[36], x[6], sigma = 0;
    int32_t n = 0;
    *converged = false;
    const int32_t most = last ? s->iterations : s->iterations / 2;
    for (int32_t i = 0; i < most && !*converged; i++, r->iterations++) {
        n = find_pairs(l, r->a_from_b, s->reach_m[at]);
        if (n < LEAST_PAIRS)
            return glint_fail(
                GLINT_E_FORMAT,
                "not registered: %d points lie within %g m of a surface of the other scan, %d wanted: do the "
                "scans overlap, and is the first guess near?",
                n, s->reach_m[at], LEAST_PAIRS);
        sigma = robust_sigma(l, n);
        find_middle(l, r->a_from_b, sigma, &system);
        add_pairs(l, r->a_from_b, sigma, &system);
        solve(&system, values, vectors, x);
        r->a_from_b = moved(r->a_from_b, &system, x);
        *converged = is_small(&system, x, sigma, s->voxel_m[at], last);
    }
    tell_directions(&system, sigma, values, vectors, r);
    n = find_pairs(l, r->a_from_b, s->reach_m[at]);
    tell_residuals(l, n, s, r);
    return GLINT_OK;
}

/* ---- starts ---- */

/* The lasers' own pattern on the ground and on hedges makes false minima near "nothing moved". So the coarse
 * levels start from places around the guess as well; the pose that most of B's points fit to wins, and
 * another one that fits as well is told. */
#define STARTS    7
#define START_M   1.0
#define START_RAD 0.09
#define SAME_M    0.05
#define SAME_RAD  0.005
#define RIVAL     0.92 /* of the best score: fits as well */
#define WORTH     0.8  /* of the best score: may still win */

struct candidate {
    struct glint_icp_result r;
    bool converged;
    double score; /* share of B's points that lie on A's surfaces */
};

static int32_t make_starts(struct glint_pose guess, struct candidate *c)
{
    static const double at[STARTS][3] = {{0},
                                         {START_M, 0, 0},
                                         {-START_M, 0, 0},
                                         {0, START_M, 0},
                                         {0, -START_M, 0},
                                         {0, 0, START_RAD},
                                         {0, 0, -START_RAD}};
    for (int i = 0; i < STARTS; i++) { /* turns about B's own origin */
        const double none[3] = {0};
        memset(&c[i], 0, sizeof c[i]);
        c[i].r.a_from_b = glint_pose_compose(guess, glint_pose_from_rpy(0, 0, at[i][2], none));
        c[i].r.a_from_b.t[0] += at[i][0];
        c[i].r.a_from_b.t[1] += at[i][1];
    }
    return STARTS;
}

static bool same_pose(const struct candidate *a, const struct candidate *b)
{
    return glint_pose_distance(a->r.a_from_b, b->r.a_from_b) < SAME_M &&
           glint_pose_angle(a->r.a_from_b, b->r.a_from_b) < SAME_RAD;
}

/* Best first, each pose once, at most `most`; equal scores keep their order, so that the guess comes first.
 */
static int32_t keep_best(struct candidate *c, int32_t n, int32_t most)
{
    int32_t kept = 0;
    for (int32_t i = 1; i < n; i++) {
        const struct candidate x = c[i];
        int32_t k = i;
        for (; k > 0 && c[k - 1].score < x.score; k--)
            c[k] = c[k - 1];
        c[k] = x;
    }
    for (int32_t i = 0; i < n && kept < most; i++) {
        bool useless = most < STARTS && c[i].score < WORTH * c[0].score;
        for (int32_t k = 0; k < kept; k++)
            useless |= same_pose(&c[i], &c[k]);
        if (!useless)
            c[kept++] = c[i];
    }
    return kept;
}

/* All candidates through a level; those without enough pairs fall out. The last one's failure when none is
 * left. */
static int run_candidates(struct level *l, const struct glint_icp_settings *s, int32_t at,
                          struct candidate *c, int32_t *n)
{
    int32_t left = 0;
    int status = GLINT_OK;
    for (int32_t i = 0; i < *n; i++) {
        status = run_level(l, s, at, &c[i].converged, &c[i].r);
        c[i].score = c[i].r.overlap * c[i].r.inliers;
        if (status == GLINT_OK)
            c[left++] = c[i];
    }
    if (left == 0)
        return status;
    *n = keep_best(c, left, at == 0 ? STARTS : at == 1 ? 3 : 2);
    return GLINT_OK;
}

static int check_rival(const struct candidate *c, int32_t n)
{
    if (n < 2 || c[1].score < RIVAL * c[0].score)
        return GLINT_OK;
    return glint_fail(
        GLINT_E_FORMAT,
        "not registered: two poses fit alike, %.2f m and %.1f deg apart: another scene, or a nearer first "
        "guess, is needed",
        glint_pose_distance(c[0].r.a_from_b, c[1].r.a_from_b),
        glint_pose_angle(c[0].r.a_from_b, c[1].r.a_from_b) * 180 / 3.14159265358979);
}

int glint_icp(const float *a, int32_t n_a, const float *b, int32_t n_b, struct glint_pose guess,
              const struct glint_icp_settings *settings, struct glint_icp_result *result_out)
{
    struct glint_icp_settings s;
    struct candidate c[STARTS];
    int32_t n = make_starts(guess, c);
    glint_icp_settings_default(&s);
    if (settings)
        s = *settings;
    memset(result_out, 0, sizeof *result_out);
    result_out->a_from_b = guess;
    if (n_a < 0 || n_b < 0 || s.n_levels < 1 || s.n_levels > GLINT_ICP_LEVELS || s.iterations < 1)
        return glint_fail(GLINT_E_ARG, "%d levels of %d iterations for %d and %d points", s.n_levels,
                          s.iterations, n_a, n_b);
    for (int32_t i = 0; i < s.n_levels; i++) {
        struct level l;
        int status = level_open(a, n_a, b, n_b, s.voxel_m[i], s.range_m, &l);
        if (status == GLINT_OK)
            status = run_candidates(&l, &s, i, c, &n);
        level_close(&l);
        GLINT_TRY(status);
    }
    *result_out = c[0].r;
    result_out->moved_m = glint_pose_distance(guess, result_out->a_from_b);
    result_out->moved_rad = glint_pose_angle(guess, result_out->a_from_b);
    result_out->rival = n > 1 ? c[1].score / c[0].score : 0;
    GLINT_TRY(judge(&s, c[0].converged, result_out));
    return check_rival(c, n);
}
