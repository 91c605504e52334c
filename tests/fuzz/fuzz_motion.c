/* tests/fuzz/fuzz_motion.c - any file of poses or extrinsics: 'p' poses, 't' KITTI poses with half of the
 * input as times, 'e' extrinsics. */
#include "tests/fuzz/fuzz.h"
#include "calib/extrinsics.h"
#include "calib/trajectory.h"
#include <math.h>

static void check_pose(struct glint_pose p)
{
    const double n = p.q[0] * p.q[0] + p.q[1] * p.q[1] + p.q[2] * p.q[2] + p.q[3] * p.q[3];
    if (!(fabs(n - 1) < 1e-6) || !isfinite(p.t[0]) || !isfinite(p.t[1]) || !isfinite(p.t[2]))
        abort();
}

static void check_trajectory(struct glint_trajectory *tr)
{
    for (int32_t i = 0; i < tr->n; i++) {
        struct glint_pose p;
        if (glint_trajectory_at(tr, tr->stamp_ns[i], &p) != GLINT_OK)
            abort();
        check_pose(p);
        if (i > 0 && tr->stamp_ns[i] <= tr->stamp_ns[i - 1])
            abort();
    }
    glint_trajectory_close(tr);
}

static void check_extrinsics(const struct glint_extrinsics *e)
{
    for (int32_t i = 0; i < e->n; i++) {
        struct glint_pose p;
        if (glint_extrinsics_between(e, e->frame[i].name, e->frame[0].name, &p) != GLINT_OK)
            abort();
        check_pose(p);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct glint_extrinsics e;
    struct glint_trajectory *tr;
    if (size < 1)
        return 0;
    const size_t n = size - 1, half = n / 2;
    char *text = (char *)glint_fuzz_block(data + 1, n);
    if (data[0] == 'p' && glint_trajectory_parse("input", text, n, NULL, NULL, 0, &tr) == GLINT_OK)
        check_trajectory(tr);
    if (data[0] == 't' &&
        glint_trajectory_parse("input", text, half, "times", text + half, n - half, &tr) == GLINT_OK)
        check_trajectory(tr);
    if (data[0] == 'e' && glint_extrinsics_parse("input", text, n, &e) == GLINT_OK)
        check_extrinsics(&e);
    free(text);
    return 0;
}
