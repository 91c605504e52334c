/* model/height.c - see height.h. */
#include "model/height.h"
#include "core/log.h"
#include <math.h>

#define UNEVEN_M    0.6f /* spread of a ground whose height says nothing */
#define MOST_M      5.0f /* a larger shift is a mistake in the mounting or the units, for people to see */
#define PATIENCE    5    /* frames in a row, for another shift */
#define STEPS_PER_M 10.0f

static bool is_outside(float lo, float hi, float z)
{
    return -z < lo - GLINT_HEIGHT_MARGIN_M || -z > hi + GLINT_HEIGHT_MARGIN_M;
}

/* In steps, so that one sensor's frames choose the same wherever they begin. */
static float shift_of(float lo, float hi, float z)
{
    return is_outside(lo, hi, z) ? roundf((-0.5f * (lo + hi) - z) * STEPS_PER_M) / STEPS_PER_M : 0.0f;
}

bool glint_height_wants(float lo, float hi, float z, float spread, float *shift_out)
{
    const float shift = hi > 0.0f && spread <= UNEVEN_M ? shift_of(lo, hi, z) : 0.0f;
    *shift_out = fabsf(shift) <= MOST_M ? shift : 0.0f;
    return *shift_out != 0.0f;
}

static void tell(const struct glint_height *h, float z, float shift, const char *name)
{
    if (shift != 0.0f)
        glint_log(
            GLINT_LOG_INFO,
            "%s: ground at %+.1f m, sensor height %g to %g m expected: points are shifted by %+.1f m for "
            "the network, and boxes back",
            name, (double)z, (double)h->lo, (double)h->hi, (double)shift);
    else
        glint_log(GLINT_LOG_INFO, "%s: ground at %+.1f m: points are no longer shifted", name, (double)z);
}

/* Some 40,000 points say as much as all. Primes, as sensors fire by numbers of lasers that are not: each
 * laser has its turn. */
static int32_t step_of(int32_t n)
{
    return n < 60000 ? 1 : n < 200000 ? 3 : 7;
}

static void look(struct glint_height *h, struct glint_height_sensor *s, const struct glint_frame *frame,
                 const char *name)
{
    float z, spread, shift;
    glint_ground_clear(&h->ground);
    glint_ground_add(&h->ground, &frame->points, step_of(frame->points.n));
    if (!glint_ground_median(&h->ground, h->ground.low, &z, &spread) || spread > UNEVEN_M)
        return;
    s->n_out = is_outside(h->lo, h->hi, z + s->shift) ? s->n_out + 1 : 0;
    if (s->chosen && s->n_out < PATIENCE)
        return;
    s->chosen = true;
    s->n_out = 0;
    glint_height_wants(h->lo, h->hi, z, spread, &shift);
    if (shift != s->told)
        tell(h, z, shift, name);
    s->shift = s->told = shift;
}

/* A source that begins anew has nothing to do with what was before. */
static void begin_anew(struct glint_height *h)
{
    for (int i = 0; i < GLINT_HEIGHT_SENSORS; i++)
        h->sensor[i] = (struct glint_height_sensor){.told = h->sensor[i].told};
}

float glint_height_choose(struct glint_height *h, const struct glint_frame *frame, const char *name)
{
    if (!(h->hi > 0.0f) || frame->as_network_input || frame->no_range_filter ||
        frame->points.n > h->cap_points || frame->sensor < 0 || frame->sensor >= GLINT_HEIGHT_SENSORS)
        return 0.0f;
    if (frame->index < h->index)
        begin_anew(h);
    h->index = frame->index;
    struct glint_height_sensor *s = &h->sensor[frame->sensor];
    look(h, s, frame, name);
    return s->shift;
}

float *glint_height_shift(struct glint_height *h, float shift, struct glint_points *points)
{
    float *const z = points->z;
    if (shift == 0.0f)
        return z;
    for (int32_t i = 0; i < points->n; i++)
        h->shifted[i] = z[i] + shift;
    points->z = h->shifted;
    return z;
}

void glint_height_shift_back(float shift, struct glint_frame *frame)
{
    for (int32_t i = 0; shift != 0.0f && i < frame->n_boxes; i++)
        frame->boxes[i].center[2] -= shift;
}
