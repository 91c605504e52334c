/* eval/report_chart.c - curves and bars of a report as SVG, see report.h. Sizes are in the drawing's own
 * unit; the page scales it. Series i has the style's colour i; from the eleventh on lines are dashed. */
#include "eval/report.h"
#include "eval/report_text.h"
#include <math.h>
#include <stdio.h>

enum { WIDTH = 480, HEIGHT = 300, LEFT = 52, RIGHT = 466, TOP = 14, BOTTOM = 250, N_COLOURS = 10 };

struct axis { /* values lo..hi lie at pixels from..to */
    double lo, hi, from, to;
};

static double place(const struct axis *a, double value)
{
    return a->from + (value - a->lo) / (a->hi - a->lo) * (a->to - a->from);
}

/* 1, 2 or 5 times a power of ten, so that some five steps fill the axis. */
static double step_of(const struct axis *a)
{
    const double raw = (a->hi - a->lo) / 5, power = pow(10, floor(log10(raw)));
    const double m = raw / power;
    return power * (m < 1.5 ? 1 : m < 3.5 ? 2 : m < 7.5 ? 5 : 10);
}

static void tick_text(const struct axis *a, double value, char text[32])
{
    const double step = step_of(a);
    const int decimals = step >= 1 ? 0 : (int)ceil(-log10(step) - 1e-9);
    snprintf(text, 32, "%.*f", decimals, fabs(value) < step * 1e-6 ? 0 : value);
}

static void begin(struct glint_buffer *b, const char *title)
{
    glint_buffer_text(b, "<figure><figcaption>");
    glint_report_escape(b, title);
    glint_report_put(b, "</figcaption><svg viewBox=\"0 0 %d %d\" role=\"img\">\n", WIDTH, HEIGHT);
}

static void axis_names(struct glint_buffer *b, const char *x_name, const char *y_name)
{
    glint_report_put(b, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">", (LEFT + RIGHT) / 2, HEIGHT - 8);
    glint_report_escape(b, x_name);
    glint_report_put(b, "</text><text transform=\"translate(14 %d) rotate(-90)\" text-anchor=\"middle\">",
                     (TOP + BOTTOM) / 2);
    glint_report_escape(b, y_name);
    glint_buffer_text(b, "</text>\n");
}

static void horizontal_grid(struct glint_buffer *b, const struct axis *y)
{
    const double step = step_of(y);
    for (double k = ceil(y->lo / step - 1e-9); k * step <= y->hi + 1e-9 * step; k++) {
        char text[32];
        const double at = place(y, k * step);
        tick_text(y, k * step, text);
        glint_report_put(b, "<path class=\"grid\" d=\"M%d %.1fH%d\"/>", LEFT, at, RIGHT);
        glint_report_put(b, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n", LEFT - 6, at + 4,
                         text);
    }
}

static void vertical_grid(struct glint_buffer *b, const struct axis *x)
{
    const double step = step_of(x);
    for (double k = ceil(x->lo / step - 1e-9); k * step <= x->hi + 1e-9 * step; k++) {
        char text[32];
        const double at = place(x, k * step);
        tick_text(x, k * step, text);
        glint_report_put(b, "<path class=\"grid\" d=\"M%.1f %dV%d\"/>", at, TOP, BOTTOM);
        glint_report_put(b, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s</text>\n", at, BOTTOM + 17,
                         text);
    }
}

static void legend_begin(struct glint_buffer *b)
{
    glint_report_put(b, "<path class=\"axis\" d=\"M%d %dH%d\"/></svg><div class=\"legend\">", LEFT, BOTTOM,
                     RIGHT);
}

static void legend_entry(struct glint_buffer *b, int32_t i, const char *name)
{
    glint_report_put(b, "<span><i style=\"background:var(--c%d)\"></i>", (int)(i % N_COLOURS));
    glint_report_escape(b, name);
    glint_buffer_text(b, "</span>");
}

static void end(struct glint_buffer *b)
{
    glint_buffer_text(b, "</div></figure>\n");
}

/* ---- curves ---- */

static bool is_inside(const struct axis *a, double value)
{
    return value >= a->lo && value <= a->hi; /* a NaN is not */
}

static void draw_line(struct glint_buffer *b, const struct glint_report_line *line, int32_t i,
                      const struct axis *x, const struct axis *y)
{
    bool down = false; /* the pen */
    glint_report_put(b, "<path class=\"line\" style=\"stroke:var(--c%d)%s\" d=\"", (int)(i % N_COLOURS),
                     i >= N_COLOURS ? ";stroke-dasharray:5 3" : "");
    for (int32_t k = 0; k < line->n; k++) {
        const bool there = is_inside(x, line->x[k]) && is_inside(y, line->y[k]);
        if (there)
            glint_report_put(b, "%c%.1f %.1f", down ? 'L' : 'M', place(x, line->x[k]), place(y, line->y[k]));
        down = there;
    }
    glint_buffer_text(b, "\"><title>");
    glint_report_escape(b, line->name);
    glint_buffer_text(b, "</title></path>\n");
}

void glint_report_curves(struct glint_report *r, const struct glint_report_curves *c)
{
    struct glint_buffer *b = &r->html;
    const struct axis x = {c->x[0], c->x[1], LEFT, RIGHT}, y = {c->y[0], c->y[1], BOTTOM, TOP};
    begin(b, c->title);
    horizontal_grid(b, &y);
    vertical_grid(b, &x);
    for (int32_t i = 0; i < c->n_lines; i++)
        draw_line(b, &c->lines[i], i, &x, &y);
    axis_names(b, c->x_name, c->y_name);
    legend_begin(b);
    for (int32_t i = 0; i < c->n_lines; i++)
        legend_entry(b, i, c->lines[i].name);
    end(b);
}

/* ---- bars ---- */

static void draw_bar(struct glint_buffer *b, const struct glint_report_bars *bars, int32_t set, int32_t group,
                     const struct axis *y)
{
    const struct glint_report_set *s = &bars->sets[set];
    const double slot = (double)(RIGHT - LEFT) / bars->n_groups, width = slot * 0.78 / bars->n_sets;
    const double left = LEFT + slot * (group + 0.11) + width * set;
    if (isnan(s->value[group]))
        return;
    const double top = place(y, fmin(fmax(s->value[group], 0), y->hi));
    glint_report_put(b,
                     "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"1.5\" "
                     "style=\"fill:var(--c%d)\"><title>",
                     left, top, fmax(width - 1.5, 1), fmax(BOTTOM - top, 0.8), (int)(set % N_COLOURS));
    glint_report_escape(b, s->name);
    glint_buffer_text(b, ", ");
    glint_report_escape(b, bars->groups[group]);
    glint_report_put(b, ": %.3f", s->value[group]);
    if (s->count)
        glint_report_put(b, " of %lld", (long long)s->count[group]);
    glint_buffer_text(b, "</title></rect>\n");
}

/* How many the group's bars are of, all together, below its name. */
static void group_count(struct glint_buffer *b, const struct glint_report_bars *bars, int32_t group)
{
    int64_t count = 0;
    bool is_told = false;
    for (int32_t s = 0; s < bars->n_sets; s++)
        if (bars->sets[s].count) {
            count += bars->sets[s].count[group];
            is_told = true;
        }
    if (is_told)
        glint_report_put(
            b, "<text class=\"count\" x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">n=%lld</text>\n",
            LEFT + (double)(RIGHT - LEFT) / bars->n_groups * (group + 0.5), BOTTOM + 30, (long long)count);
}

void glint_report_bars(struct glint_report *r, const struct glint_report_bars *bars)
{
    struct glint_buffer *b = &r->html;
    const struct axis y = {0, bars->most, BOTTOM, TOP};
    begin(b, bars->title);
    horizontal_grid(b, &y);
    for (int32_t g = 0; g < bars->n_groups; g++) {
        for (int32_t s = 0; s < bars->n_sets; s++)
            draw_bar(b, bars, s, g, &y);
        glint_report_put(b, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">",
                         LEFT + (double)(RIGHT - LEFT) / bars->n_groups * (g + 0.5), BOTTOM + 17);
        glint_report_escape(b, bars->groups[g]);
        glint_buffer_text(b, "</text>\n");
        group_count(b, bars, g);
    }
    axis_names(b, bars->x_name, bars->y_name);
    legend_begin(b);
    for (int32_t s = 0; s < bars->n_sets; s++)
        legend_entry(b, s, bars->sets[s].name);
    end(b);
}
