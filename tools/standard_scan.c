/* tools/standard_scan.c - see standard_scan.h. Each ray ends at the nearest of ground, walls and blocks. */
#include "tools/standard_scan.h"
#include "core/frame.h"
#include "core/status.h"
#include <math.h>

#define BEAMS 64
_Static_assert(GLINT_STANDARD_SCAN_POINTS % BEAMS == 0, "one point per ray");

static double least(double a, double b)
{
    return b > 0.0 && b < a ? b : a;
}

/* Where a ray enters the block, or INFINITY (slabs). */
static double enter_block(const double d[3], double x, double y)
{
    const double lo[3] = {x - 2.2, y - 0.9, -1.8}, hi[3] = {x + 2.2, y + 0.9, -0.3};
    double t0 = 0.0, t1 = INFINITY;
    for (int k = 0; k < 3; k++) {
        const double a = lo[k] / d[k], b = hi[k] / d[k];
        t0 = fmax(t0, fmin(a, b));
        t1 = fmin(t1, fmax(a, b));
    }
    return t0 < t1 ? t0 : INFINITY;
}

static double distance(const double d[3])
{
    double t = 90.0;
    t = least(t, -1.8 / d[2]);
    t = least(t, (d[1] > 0.0 ? 14.0 : -11.0) / d[1]);
    for (int i = -4; i <= 4; i++) {
        t = least(t, enter_block(d, 9.0 * i, 4.5));
        t = least(t, enter_block(d, 11.0 * i + 3.0, -4.0));
    }
    return t;
}

static void fill(struct glint_frame *frame, int beams, int azimuths)
{
    for (int beam = 0; beam < beams; beam++)
        for (int i = 0; i < azimuths; i++) {
            const double el = (-24.8 + 26.8 * beam / (beams - 1)) * 0.017453292519943295;
            const double az = (i + 0.5) * 6.283185307179586 / azimuths;
            const double d[3] = {cos(el) * cos(az), cos(el) * sin(az), sin(el) + 1e-9}, t = distance(d);
            glint_frame_add_point(frame, (float)(t * d[0]), (float)(t * d[1]), (float)(t * d[2]), 0.3f,
                                  (uint16_t)beam, 0, 0);
        }
}

void glint_standard_scan_fill(struct glint_frame *frame)
{
    fill(frame, BEAMS, GLINT_STANDARD_SCAN_POINTS / BEAMS);
}

void glint_made_scan_fill(struct glint_frame *frame, int32_t n_points)
{
    const int beams = n_points < 40000 ? 32 : n_points > 300000 ? 128 : BEAMS;
    fill(frame, beams, n_points / beams);
}

int glint_standard_scan_run(struct glint_model *model)
{
    struct glint_frame_pool *pool;
    GLINT_TRY(glint_frame_pool_open(1, GLINT_STANDARD_SCAN_POINTS, 4096, &pool));
    struct glint_frame *frame = glint_frame_get(pool, false);
    glint_standard_scan_fill(frame);
    const int status = glint_model_run(model, frame);
    glint_frame_unref(frame);
    glint_frame_pool_close(pool);
    return status;
}
