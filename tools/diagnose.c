/* tools/diagnose.c - see diagnose.h. */
#include "tools/diagnose.h"
#include "model/height.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define BIN_M 0.5f
#define BINS  GLINT_DIAGNOSE_BINS

void glint_cloud_stats_clear(struct glint_cloud_stats *s)
{
    memset(s, 0, sizeof *s);
    glint_ground_clear(&s->ground);
}

static void add_bin(struct glint_cloud_stats *s, int axis, float v)
{
    const float bin = floorf(v / BIN_M) + (float)(BINS / 2);
    s->bins[axis][bin < 0.0f ? 0 : bin < (float)BINS ? (int)bin : BINS - 1]++;
}

void glint_cloud_stats_add(struct glint_cloud_stats *s, const struct glint_frame *frame,
                           const struct glint_model_info *model)
{
    const struct glint_points *p = &frame->points;
    s->n_frames++;
    s->n_boxes += (uint64_t)frame->n_boxes;
    s->n_points += (uint64_t)p->n;
    s->as_network_input |= frame->as_network_input;
    glint_ground_add(&s->ground, p, 1);
    for (int32_t i = 0; i < p->n; i++) {
        if (!isfinite(p->x[i] + p->y[i] + p->z[i] + p->intensity[i]))
            continue; /* frames that are tensors keep such points */
        add_bin(s, 0, p->x[i]);
        add_bin(s, 1, p->y[i]);
        add_bin(s, 2, p->z[i]);
        s->n_in_range += p->x[i] > model->range[0] && p->x[i] < model->range[3] &&
                         p->y[i] > model->range[1] && p->y[i] < model->range[4] &&
                         p->z[i] > model->range[2] && p->z[i] < model->range[5];
        s->intensity_sum += (double)p->intensity[i];
        s->intensity_max = fmaxf(s->intensity_max, p->intensity[i]);
    }
}

bool glint_cloud_ground(const struct glint_cloud_stats *s, float *z_out)
{
    float spread;
    return glint_ground_median(&s->ground, s->ground.low, z_out, &spread);
}

/* The value below which a share of the points lies, to a bin. */
static float quantile(const struct glint_cloud_stats *s, int axis, double share)
{
    const double wanted = share * (double)s->n_points;
    double sum = 0.0;
    for (int i = 0; i < BINS; i++) {
        sum += (double)s->bins[axis][i];
        if (sum > wanted)
            return ((float)(i - BINS / 2) + 0.5f) * BIN_M;
    }
    return 0.5f * BINS * BIN_M;
}

struct list {
    struct glint_finding *at;
    int32_t n;
};

static void say(struct list *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void say(struct list *l, const char *fmt, ...)
{
    va_list args;
    if (l->n == GLINT_FINDING_CAP)
        return;
    va_start(args, fmt);
    vsnprintf(l->at[l->n].text, sizeof l->at[l->n].text, fmt, args);
    va_end(args);
    l->n++;
}

/* Whether another axis than z looks like the vertical one, or z points down. */
static bool check_axes(const struct glint_cloud_stats *s, struct list *l)
{
    float spread[3], low, low_spread, high, high_spread;
    for (int k = 0; k < 3; k++)
        spread[k] = quantile(s, k, 0.98) - quantile(s, k, 0.02);
    const int flat =
        spread[0] < spread[1] ? (spread[0] < spread[2] ? 0 : 2) : (spread[1] < spread[2] ? 1 : 2);
    if (flat != 2 && 2.0f * spread[flat] < spread[2]) {
        say(l,
            "axes: points spread %.0f m along z but %.0f m along %c, which looks like the vertical one; "
            "expected x "
            "forward, y left, z up",
            (double)spread[2], (double)spread[flat], "xyz"[flat]);
        return true;
    }
    if (glint_ground_median(&s->ground, s->ground.low, &low, &low_spread) &&
        glint_ground_median(&s->ground, s->ground.high, &high, &high_spread) && high > 0.5f &&
        high_spread < 0.3f && low_spread > 2.0f * high_spread) {
        say(l, "axes: the flat ground lies %.1f m above the sensor: z seems to point down, expected up",
            (double)high);
        return true;
    }
    return false;
}

/* Where the model does not see to that itself. */
static void check_height(const struct glint_cloud_stats *s, const struct glint_model_info *m, struct list *l)
{
    float z, spread, shift;
    const float lo = m->sensor_height_m[0], hi = m->sensor_height_m[1];
    if (!glint_ground_median(&s->ground, s->ground.low, &z, &spread) || !(hi > 0.0f) ||
        glint_height_wants(lo, hi, z, spread, &shift))
        return;
    if (-z < lo - GLINT_HEIGHT_MARGIN_M || -z > hi + GLINT_HEIGHT_MARGIN_M)
        say(l,
            "sensor height: the ground lies at z = %.1f m, the model expects a sensor %.1f to %.1f m above "
            "it",
            (double)z, (double)lo, (double)hi);
}

static void check_intensity(const struct glint_cloud_stats *s, const struct glint_model_info *m,
                            struct list *l)
{
    if (!m->uses_intensity)
        return;
    if (s->intensity_max > 1.001f)
        say(l, "intensity: up to %g, the model expects 0 to 1", (double)s->intensity_max);
    else if (s->intensity_max == 0.0f)
        say(l, "intensity: all zero, the model was trained with it");
    else if (s->intensity_max < 0.02f)
        say(l, "intensity: at most %.3g, the model expects 0 to 1: scaled twice?", (double)s->intensity_max);
}

static void check_range(const struct glint_cloud_stats *s, const struct glint_model_info *m, struct list *l)
{
    const double share = (double)s->n_in_range / (double)s->n_points;
    if (share < 0.5)
        say(l, "range: %.0f %% of the points lie inside the model's %g..%g x %g..%g x %g..%g m",
            100.0 * share, (double)m->range[0], (double)m->range[3], (double)m->range[1], (double)m->range[4],
            (double)m->range[2], (double)m->range[5]);
    if (quantile(s, 0, 0.98) - quantile(s, 0, 0.02) < 2.0f &&
        quantile(s, 1, 0.98) - quantile(s, 1, 0.02) < 2.0f)
        say(l, "scale: nearly all points lie within 1 m of each other: expected metres");
}

int32_t glint_diagnose(const struct glint_cloud_stats *s, const struct glint_model_info *model,
                       struct glint_finding findings_out[GLINT_FINDING_CAP])
{
    struct list l = {findings_out, 0};
    if (s->n_frames == 0 || s->as_network_input)
        return 0;
    const double per_frame = (double)s->n_points / (double)s->n_frames;
    if (s->n_points == 0) {
        say(&l, "density: the frames hold no points");
        return l.n;
    }
    const bool turned = check_axes(s, &l);
    if (!turned)
        check_height(s, model, &l);
    check_intensity(s, model, &l);
    check_range(s, model, &l);
    if (per_frame < 8000.0)
        say(&l, "density: %.0f points per frame, a 16-beam sensor gives some 15,000 or more", per_frame);
    return l.n;
}
