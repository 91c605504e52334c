/* io/clock_model.c - see clock_model.h. When all windows are full, each two become one and windows are twice
 * as wide from then on: an hour costs no more memory than a second. */
#include "io/clock_model.h"
#include <string.h>

#define FIRST_WIDTH_NS INT64_C(50000000)
#define JUMP_NS        INT64_C(500000000)

static void begin(struct glint_clock_model *m, int64_t delay_ns, int64_t arrival_ns)
{
    m->n = 0;
    m->width_ns = FIRST_WIDTH_NS;
    m->begun_ns = arrival_ns;
    m->base_ns = m->last_ns = delay_ns;
    m->window_end_ns = 0;
    m->samples = 0;
}

static void halve(struct glint_clock_model *m)
{
    for (int32_t i = 0; i < m->n / 2; i++) {
        const int32_t k = 2 * i + (m->window[2 * i + 1].low_ns < m->window[2 * i].low_ns);
        m->window[i] = m->window[k];
    }
    m->n /= 2;
    m->width_ns *= 2;
}

void glint_clock_model_add(struct glint_clock_model *m, int64_t sensor_ns, int64_t arrival_ns)
{
    const int64_t delay_ns = arrival_ns - sensor_ns;
    const bool jump = delay_ns - m->last_ns > JUMP_NS || delay_ns - m->last_ns < -JUMP_NS;
    const uint64_t jumps = m->jumps + (m->samples > 0 && jump);
    if (m->samples == 0 || jump)
        begin(m, delay_ns, arrival_ns);
    m->jumps = jumps;
    m->samples++;
    m->last_ns = delay_ns;
    const int64_t at_ns = arrival_ns - m->begun_ns, low_ns = delay_ns - m->base_ns;
    if (m->n == 0 || at_ns >= m->window_end_ns) {
        if (m->n == GLINT_CLOCK_WINDOWS)
            halve(m);
        m->window_end_ns = at_ns + m->width_ns;
        m->window[m->n].at_ns = at_ns;
        m->window[m->n++].low_ns = low_ns;
    } else if (low_ns < m->window[m->n - 1].low_ns) {
        m->window[m->n - 1].at_ns = at_ns;
        m->window[m->n - 1].low_ns = low_ns;
    }
}

/* Least squares through the windows' least delays. */
bool glint_clock_model_fit(const struct glint_clock_model *m, struct glint_clock_fit *fit_out)
{
    double x = 0, y = 0, xx = 0, xy = 0;
    memset(fit_out, 0, sizeof *fit_out);
    if (m->samples == 0)
        return false;
    for (int32_t i = 0; i < m->n; i++) {
        x += (double)m->window[i].at_ns / m->n;
        y += (double)m->window[i].low_ns / m->n;
    }
    for (int32_t i = 0; i < m->n; i++) {
        const double dx = (double)m->window[i].at_ns - x;
        xx += dx * dx;
        xy += dx * ((double)m->window[i].low_ns - y);
    }
    const double last = (double)m->window[m->n - 1].at_ns;
    const double slope = last >= 1e9 && xx > 0 ? xy / xx : 0;
    fit_out->offset_ns = (double)m->base_ns + y + slope * (last - x);
    fit_out->drift_ppm = slope * 1e6;
    fit_out->span_s = last * 1e-9;
    fit_out->samples = m->samples;
    fit_out->jumps = m->jumps;
    return true;
}
