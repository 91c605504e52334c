/* track/hypotheses.c - see hypotheses.h. */
#include "track/hypotheses.h"
#include "track/sight.h"
#include <math.h>

#define APART_M 0.4 /* closer hypotheses are one */
#define BETTER  0.2 /* a second hypothesis must have so much more support */

/* The object in the frame of the points, moved by (dx, dy) in the world. */
static struct glint_sight_place place_of(const struct glint_tracker *t, const struct glint_track *track,
                                         double dx, double dy)
{
    const double *x = track->motion.x;
    const double at[3] = {x[GLINT_TURN_X] + dx, x[GLINT_TURN_Y] + dy, track->z};
    double here[3];
    struct glint_sight_place p = {.yaw = (float)(x[GLINT_TURN_YAW] - t->heading)};
    glint_pose_apply(glint_pose_inverse(t->world), at, here);
    for (int k = 0; k < 3; k++) {
        p.center[k] = (float)here[k];
        p.size[k] = (float)track->size[k];
    }
    return p;
}

/* It stands: its speed was wrong, not its place. */
static void stop(struct glint_track *track, const double back[2])
{
    double *x = track->motion.x;
    glint_turn_filter_place(&track->motion, x[GLINT_TURN_X] + back[0], x[GLINT_TURN_Y] + back[1],
                            x[GLINT_TURN_YAW], 0.3, 0.3);
    glint_turn_filter_velocity(&track->motion, 0, 0, 1.0);
}

void glint_track_hypotheses(struct glint_tracker *t, const struct glint_frame *frame)
{
    struct glint_sight_place place[GLINT_SIGHT_CAP];
    struct {
        struct glint_track *track;
        double back[2];
        int32_t first, n;
    } of[GLINT_SIGHT_CAP / 2];
    int32_t n = 0, n_places = 0;
    for (int32_t i = 0; i < t->n_tracks && frame->points.n > 0 && n < GLINT_SIGHT_CAP / 2; i++) {
        struct glint_track *track = &t->tracks[i];
        const double unseen_s = 1e-9 * (double)(t->now_ns - track->seen_ns), *x = track->motion.x;
        if (track->detection >= 0)
            continue;
        of[n].track = track;
        of[n].back[0] = -x[GLINT_TURN_VX] * unseen_s;
        of[n].back[1] = -x[GLINT_TURN_VY] * unseen_s;
        of[n].first = n_places;
        of[n].n = hypot(of[n].back[0], of[n].back[1]) > APART_M ? 2 : 1;
        place[n_places++] = place_of(t, track, 0, 0);
        if (of[n].n == 2)
            place[n_places++] = place_of(t, track, of[n].back[0], of[n].back[1]);
        n++;
    }
    if (n > 0)
        glint_sight(frame, place, n_places);
    for (int32_t i = 0; i < n; i++) {
        const struct glint_sight_place *p = &place[of[i].first];
        const bool stands = of[i].n == 2 && p[1].sight == GLINT_SIGHT_POINTS &&
                            (double)p[1].support > (double)p[0].support + BETTER;
        of[i].track->sight = p[stands].sight;
        if (stands)
            stop(of[i].track, of[i].back);
    }
}
