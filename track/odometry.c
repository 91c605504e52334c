/* track/odometry.c - see odometry.h.
 *
 * Boxes are held against the objects' expected places, those that stand still counting most. Usually the
 * vehicle moves on as it did, nearest neighbours are the right pairs, and a few steps of weighted least
 * squares give the rest. At the beginning (nothing is known of speeds) and after a jolt a vote comes first:
 * every possible pair of box and object proposes a displacement, and the one that most boxes agree with wins:
 * things that stand agree with each other, things that drive do not. */
#include "track/odometry.h"
#include <math.h>
#include <string.h>

#define MOST_MPS    50.0 /* of the vehicle */
#define PAIRS_CAP   400  /* of a vote */
#define AGREE_M     0.35 /* so near two proposals are one */
#define LEAST_PAIRS 3
#define STEPS       6

struct place { /* of the vehicle in the plane of the world */
    double x, y, yaw;
};

struct vote {
    double x, y;
    int32_t box;
};

static struct place place_of(const struct glint_tracker *t)
{
    return (struct place){t->world.t[0], t->world.t[1], t->heading};
}

static void to_world(const struct place *p, const struct glint_box *b, double out[2])
{
    const double c = cos(p->yaw), s = sin(p->yaw), x = (double)b->center[0], y = (double)b->center[1];
    out[0] = p->x + c * x - s * y;
    out[1] = p->y + s * x + c * y;
}

static bool is_of_use(const struct glint_tracker *t, const struct glint_box *b)
{
    return b->label >= 0 && (double)b->score >= (double)t->s.strong_score &&
           isfinite(b->center[0] + b->center[1] + b->size[0]);
}

static bool may_be(const struct glint_tracker *t, const struct glint_track *track, const struct glint_box *b)
{
    return glint_track_same_kind(t, track->label, b->label) &&
           fabs(track->size[0] - (double)b->size[0]) < 1.0;
}

/* ---- nearest neighbours ---- */

/* -1: none within reach. */
static int32_t nearest_track(const struct glint_tracker *t, const struct glint_box *b, const double at[2],
                             double reach, double *apart)
{
    int32_t best = -1;
    *apart = reach;
    for (int32_t i = 0; i < t->n_tracks; i++) {
        const double *x = t->tracks[i].motion.x;
        const double d = hypot(x[GLINT_TURN_X] - at[0], x[GLINT_TURN_Y] - at[1]);
        if (d < *apart && may_be(t, &t->tracks[i], b)) {
            best = i;
            *apart = d;
        }
    }
    return best;
}

static int32_t agreeing(const struct glint_tracker *t, const struct glint_frame *f, const struct place *p)
{
    int32_t n = 0;
    for (int32_t k = 0; k < f->n_boxes; k++) {
        double at[2], apart;
        if (!is_of_use(t, &f->boxes[k]))
            continue;
        to_world(p, &f->boxes[k], at);
        n += nearest_track(t, &f->boxes[k], at, 2 * AGREE_M, &apart) >= 0;
    }
    return n;
}

/* ---- the vote ---- */

static int32_t propose(const struct glint_tracker *t, const struct glint_frame *f, const struct place *p,
                       struct vote *votes)
{
    const double reach = 1 + MOST_MPS * t->dt_s;
    int32_t n = 0;
    for (int32_t k = 0; k < f->n_boxes; k++) {
        double at[2];
        if (!is_of_use(t, &f->boxes[k]))
            continue;
        to_world(p, &f->boxes[k], at);
        for (int32_t i = 0; i < t->n_tracks && n < PAIRS_CAP; i++) {
            const double *x = t->tracks[i].motion.x;
            const double dx = x[GLINT_TURN_X] - at[0], dy = x[GLINT_TURN_Y] - at[1];
            if (dx * dx + dy * dy < reach * reach && may_be(t, &t->tracks[i], &f->boxes[k]))
                votes[n++] = (struct vote){dx, dy, k};
        }
    }
    return n;
}

/* The displacement that the votes of most boxes are near to; the smaller one of two. */
static struct place elect(const struct place *p, const struct vote *votes, int32_t n)
{
    int32_t best_n = 0;
    struct place best = *p;
    double best_size = INFINITY;
    for (int32_t i = 0; i < n; i++) {
        int32_t agree = 0, last = -1;
        double x = 0, y = 0;
        for (int32_t k = 0; k < n; k++) {
            if (votes[k].box == last || fabs(votes[k].x - votes[i].x) > AGREE_M ||
                fabs(votes[k].y - votes[i].y) > AGREE_M)
                continue;
            last = votes[k].box; /* they are in the order of boxes: one vote each */
            agree++;
            x += votes[k].x;
            y += votes[k].y;
        }
        const double size = hypot(votes[i].x, votes[i].y);
        if (agree < best_n || (agree == best_n && size >= best_size))
            continue;
        best_n = agree;
        best_size = size;
        best.x = p->x + x / agree;
        best.y = p->y + y / agree;
    }
    return best;
}

/* ---- least squares ---- */

struct sums { /* normal equations of a small displacement and turn about the vehicle */
    double a[3][3], b[3];
    int32_t n;
};

static void add_row(struct sums *s, const double j[3], double r, double weight)
{
    for (int i = 0; i < 3; i++) {
        for (int k = 0; k < 3; k++)
            s->a[i][k] += weight * j[i] * j[k];
        s->b[i] += weight * j[i] * r;
    }
}

/* By Cramer's rule; false: not determined. */
static bool solve(const struct sums *s, double out[3])
{
    const double(*a)[3] = s->a;
    const double c0 = a[1][1] * a[2][2] - a[1][2] * a[2][1], c1 = a[1][2] * a[2][0] - a[1][0] * a[2][2],
                 c2 = a[1][0] * a[2][1] - a[1][1] * a[2][0], det = a[0][0] * c0 + a[0][1] * c1 + a[0][2] * c2;
    if (!(fabs(det) > 1e-12))
        return false;
    out[0] = (s->b[0] * c0 + s->b[1] * (a[0][2] * a[2][1] - a[0][1] * a[2][2]) +
              s->b[2] * (a[0][1] * a[1][2] - a[0][2] * a[1][1])) /
             det;
    out[1] = (s->b[0] * c1 + s->b[1] * (a[0][0] * a[2][2] - a[0][2] * a[2][0]) +
              s->b[2] * (a[0][2] * a[1][0] - a[0][0] * a[1][2])) /
             det;
    out[2] = (s->b[0] * c2 + s->b[1] * (a[0][1] * a[2][0] - a[0][0] * a[2][1]) +
              s->b[2] * (a[0][0] * a[1][1] - a[0][1] * a[1][0])) /
             det;
    return true;
}

/* An object counts by how well its place is known, and less when it moves. */
static double weight_of(const struct glint_track *track, double apart)
{
    const double *x = track->motion.x, speed = hypot(x[GLINT_TURN_VX], x[GLINT_TURN_VY]);
    const double variance = 0.04 + 0.5 * (track->motion.p[GLINT_TURN_X][GLINT_TURN_X] +
                                          track->motion.p[GLINT_TURN_Y][GLINT_TURN_Y]);
    return 1 / (variance * (1 + speed * speed) * (1 + apart * apart / (AGREE_M * AGREE_M)));
}

static void add_boxes(struct sums *s, const struct glint_tracker *t, const struct glint_frame *f,
                      const struct place *p, double reach)
{
    for (int32_t k = 0; k < f->n_boxes; k++) {
        double at[2], apart;
        if (!is_of_use(t, &f->boxes[k]))
            continue;
        to_world(p, &f->boxes[k], at);
        const int32_t i = nearest_track(t, &f->boxes[k], at, reach, &apart);
        if (i < 0)
            continue;
        const double *x = t->tracks[i].motion.x, weight = weight_of(&t->tracks[i], apart);
        const double jx[3] = {1, 0, -(at[1] - p->y)}, jy[3] = {0, 1, at[0] - p->x};
        add_row(s, jx, x[GLINT_TURN_X] - at[0], weight);
        add_row(s, jy, x[GLINT_TURN_Y] - at[1], weight);
        s->n++;
    }
}

/* Number of pairs in the last step. What the pairs leave open stays as expected: speeds change by some m/s^2,
 * turns by a few degrees a second. */
static int32_t fit(const struct glint_tracker *t, const struct glint_frame *f, struct place *p)
{
    int32_t n = 0;
    for (int step = 0; step < STEPS; step++) {
        struct sums s = {{{1, 0, 0}, {0, 1, 0}, {0, 0, 4e3}}, {0}, 0};
        double d[3];
        add_boxes(&s, t, f, p, step < STEPS / 2 ? 3 * AGREE_M : 2 * AGREE_M);
        if (s.n < LEAST_PAIRS || !solve(&s, d))
            return s.n;
        p->x += d[0];
        p->y += d[1];
        p->yaw += d[2];
        n = s.n;
    }
    return n;
}

/* ---- a frame ---- */

static struct place expected(const struct glint_tracker *t)
{
    const struct place p = place_of(t);
    const double dt = t->dt_s, yaw = p.yaw + 0.5 * t->way[2] * dt, c = cos(yaw), s = sin(yaw);
    return (struct place){p.x + dt * (c * t->way[0] - s * t->way[1]),
                          p.y + dt * (s * t->way[0] + c * t->way[1]), p.yaw + t->way[2] * dt};
}

/* Speed ahead, to the left, and of turning. */
static void note_way(struct glint_tracker *t, const struct place *to)
{
    const struct place from = place_of(t);
    const double turn = glint_wrap_angle(to->yaw - from.yaw), yaw = from.yaw + 0.5 * turn;
    const double c = cos(yaw), s = sin(yaw), dx = to->x - from.x, dy = to->y - from.y;
    const double now[3] = {(c * dx + s * dy) / t->dt_s, (c * dy - s * dx) / t->dt_s, turn / t->dt_s};
    const double part = t->n_ways < 2 ? 1 : 0.5;
    for (int k = 0; k < 3; k++)
        t->way[k] += part * (now[k] - t->way[k]);
    t->n_ways++;
}

static void go_to(struct glint_tracker *t, const struct place *p)
{
    const double at[3] = {p->x, p->y, t->world.t[2]};
    t->heading = glint_wrap_angle(p->yaw);
    t->world = glint_pose_from_rpy(0, 0, t->heading, at);
}

void glint_track_odometry(struct glint_tracker *t, const struct glint_frame *frame)
{
    struct vote votes[PAIRS_CAP];
    if (!(t->dt_s > 0) || t->n_tracks == 0)
        return;
    struct place p = expected(t);
    const int32_t n = t->n_ways < 2 ? 0 : agreeing(t, frame, &p);
    const int32_t n_votes = 2 * n < t->n_last || t->n_ways < 2 ? propose(t, frame, &p, votes) : 0;
    const struct place other = elect(&p, votes, n_votes);
    if (n_votes > 0 && agreeing(t, frame, &other) > agreeing(t, frame, &p))
        p = other;
    const struct place guess = p;
    t->n_last = fit(t, frame, &p);
    if (t->n_last < LEAST_PAIRS)
        p = n_votes > 0 ? expected(t) : guess;
    else
        note_way(t, &p);
    go_to(t, &p);
}
