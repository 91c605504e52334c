/* calib/trajectory.c - see trajectory.h. */
#include "calib/trajectory.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int check_stamps(int32_t n, const int64_t *stamp_ns)
{
    if (n < 1)
        return glint_fail(GLINT_E_ARG, "a trajectory without a pose");
    for (int32_t i = 1; i < n; i++)
        if (stamp_ns[i] <= stamp_ns[i - 1])
            return glint_fail(GLINT_E_ARG, "pose %d is not later than the one before", i);
    return GLINT_OK;
}

static struct glint_trajectory *reserve(int32_t n)
{
    struct glint_trajectory *tr = calloc(1, sizeof *tr);
    int64_t *stamps = calloc((size_t)n + 1, sizeof *stamps);
    struct glint_pose *poses = calloc((size_t)n + 1, sizeof *poses);
    if (!tr || !stamps || !poses) {
        free(tr);
        free(stamps);
        free(poses);
        glint_fail(GLINT_E_NOMEM, "no memory for %d poses", n);
        return NULL;
    }
    *tr = (struct glint_trajectory){.how = GLINT_INTERPOLATE_SE3,
                                    .gap_ns = INT64_C(500000000),
                                    .beyond_ns = INT64_C(150000000),
                                    .n = n,
                                    .stamp_ns = stamps,
                                    .pose = poses};
    return tr;
}

int glint_trajectory_make(int32_t n, const int64_t *stamp_ns, const struct glint_pose *pose,
                          struct glint_trajectory **trajectory_out)
{
    *trajectory_out = NULL;
    GLINT_TRY(check_stamps(n, stamp_ns));
    struct glint_trajectory *tr = reserve(n);
    if (!tr)
        return GLINT_E_NOMEM;
    memcpy(tr->stamp_ns, stamp_ns, (size_t)n * sizeof *stamp_ns);
    memcpy(tr->pose, pose, (size_t)n * sizeof *pose);
    snprintf(tr->path, sizeof tr->path, "poses");
    *trajectory_out = tr;
    return GLINT_OK;
}

int glint_trajectory_from_twist(struct glint_motion twist, struct glint_trajectory **trajectory_out)
{
    *trajectory_out = NULL;
    for (int k = 0; k < 3; k++)
        if (!(fabs(twist.v_m[k]) <= 1000) || !(fabs(twist.w_rad[k]) <= 100))
            return glint_fail(GLINT_E_ARG, "a twist of more than 1000 m/s or 100 rad/s, or no number");
    struct glint_trajectory *tr = reserve(0);
    if (!tr)
        return GLINT_E_NOMEM;
    tr->constant = true;
    tr->twist = twist;
    snprintf(tr->path, sizeof tr->path, "twist");
    *trajectory_out = tr;
    return GLINT_OK;
}

void glint_trajectory_close(struct glint_trajectory *tr)
{
    if (!tr)
        return;
    free(tr->stamp_ns);
    free(tr->pose);
    free(tr);
}

/* Index of the last pose at or before t_ns, -1 when all are later. */
static int32_t find(const struct glint_trajectory *tr, int64_t t_ns)
{
    int32_t lo = -1, hi = tr->n;
    while (hi - lo > 1) {
        const int32_t mid = lo + (hi - lo) / 2;
        if (tr->stamp_ns[mid] <= t_ns)
            lo = mid;
        else
            hi = mid;
    }
    return lo;
}

static int no_pose(const struct glint_trajectory *tr, const char *what, int64_t missing, int64_t limit)
{
    if (tr->by_frame)
        return glint_fail(GLINT_E_NOTFOUND, "%s: %s by %.2f frames, at most %.2f are bridged", tr->path, what,
                          (double)missing * 1e-9, (double)limit * 1e-9);
    return glint_fail(GLINT_E_NOTFOUND, "%s: %s by %.3f s, at most %.3f s are bridged", tr->path, what,
                      (double)missing * 1e-9, (double)limit * 1e-9);
}

/* Poses i and i + 1 with time going from 0 at the first to 1 at the second. */
static struct glint_pose along(const struct glint_trajectory *tr, int32_t i, int64_t t_ns)
{
    const double length = (double)(tr->stamp_ns[i + 1] - tr->stamp_ns[i]);
    return glint_pose_between(tr->pose[i], tr->pose[i + 1], (double)(t_ns - tr->stamp_ns[i]) / length,
                              tr->how);
}

/* Before the first or after the last pose: the first or last motion goes on, unless it spans a gap. */
static struct glint_pose go_on(const struct glint_trajectory *tr, int32_t end, int64_t t_ns)
{
    const int32_t i = end == 0 ? 0 : end - 1;
    if (tr->n == 1 || tr->stamp_ns[i + 1] - tr->stamp_ns[i] > tr->gap_ns)
        return tr->pose[end];
    return along(tr, i, t_ns);
}

int glint_trajectory_at(const struct glint_trajectory *tr, int64_t t_ns, struct glint_pose *pose_out)
{
    if (tr->constant) {
        *pose_out = glint_pose_exp(glint_motion_scale(tr->twist, (double)t_ns * 1e-9));
        return GLINT_OK;
    }
    if (t_ns > INT64_MAX / 2 || t_ns < INT64_MIN / 2) /* differences must fit */
        return glint_fail(GLINT_E_NOTFOUND, "%s: no pose at %lld ns", tr->path, (long long)t_ns);
    const int32_t i = find(tr, t_ns), last = tr->n - 1;
    if (i < 0 && tr->stamp_ns[0] - t_ns > tr->beyond_ns)
        return no_pose(tr, "before the first pose", tr->stamp_ns[0] - t_ns, tr->beyond_ns);
    if (i == last && t_ns - tr->stamp_ns[last] > tr->beyond_ns)
        return no_pose(tr, "after the last pose", t_ns - tr->stamp_ns[last], tr->beyond_ns);
    if (i < 0 || i == last) {
        *pose_out = go_on(tr, i < 0 ? 0 : last, t_ns);
        return GLINT_OK;
    }
    if (t_ns == tr->stamp_ns[i]) {
        *pose_out = tr->pose[i];
        return GLINT_OK;
    }
    const int64_t gap = tr->stamp_ns[i + 1] - tr->stamp_ns[i];
    if (gap > tr->gap_ns)
        return no_pose(tr, "poses apart", gap, tr->gap_ns);
    *pose_out = along(tr, i, t_ns);
    return GLINT_OK;
}

int glint_trajectory_motion(const struct glint_trajectory *tr, int64_t from_ns, int64_t to_ns,
                            struct glint_pose *to_from_out)
{
    struct glint_pose from, to;
    if (tr->constant) {
        *to_from_out = glint_pose_exp(glint_motion_scale(tr->twist, (double)(from_ns - to_ns) * 1e-9));
        return GLINT_OK;
    }
    GLINT_TRY(glint_trajectory_at(tr, from_ns, &from));
    GLINT_TRY(glint_trajectory_at(tr, to_ns, &to));
    *to_from_out = glint_pose_compose(glint_pose_inverse(to), from);
    return GLINT_OK;
}
