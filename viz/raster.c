/* viz/raster.c - see raster.h. Lines are drawn by distance: a pixel takes the share of its centre's depth
 * under the line's edge, row by row over the few pixels the line can touch. */
#include "viz/raster.h"
#include "viz/font.h"
#include <math.h>
#include <stdbool.h>
#include <string.h>

void glint_raster_clear(struct glint_image *image, struct glint_color color)
{
    const int64_t n = (int64_t)image->w * image->h;
    for (int64_t i = 0; i < n; i++)
        memcpy(image->rgb + 3 * i, &color, 3);
}

static uint8_t mix(uint8_t from, uint8_t to, float alpha)
{
    return (uint8_t)((float)from + alpha * ((float)to - (float)from) + 0.5f);
}

void glint_raster_blend(struct glint_image *image, int32_t x, int32_t y, struct glint_color color,
                        float alpha)
{
    if (x < 0 || y < 0 || x >= image->w || y >= image->h || !(alpha > 0.0f))
        return;
    const float a = alpha < 1.0f ? alpha : 1.0f;
    uint8_t *p = image->rgb + 3 * ((int64_t)y * image->w + x);
    p[0] = mix(p[0], color.r, a);
    p[1] = mix(p[1], color.g, a);
    p[2] = mix(p[2], color.b, a);
}

static int32_t clamp_int(double v, int32_t lo, int32_t hi)
{
    return v < lo ? lo : v > hi ? hi : (int32_t)v;
}

void glint_raster_fill(struct glint_image *image, int32_t x0, int32_t y0, int32_t x1, int32_t y1,
                       struct glint_color color, float alpha)
{
    for (int32_t y = y0 > 0 ? y0 : 0; y < y1 && y < image->h; y++)
        for (int32_t x = x0 > 0 ? x0 : 0; x < x1 && x < image->w; x++)
            glint_raster_blend(image, x, y, color, alpha);
}

void glint_raster_dot(struct glint_image *image, float x, float y, struct glint_color color, float alpha)
{
    if (!(x > -2.0f && y > -2.0f && x < (float)image->w + 2.0f && y < (float)image->h + 2.0f))
        return;
    const float left = floorf(x - 0.5f), top = floorf(y - 0.5f);
    const float fx = x - 0.5f - left, fy = y - 0.5f - top;
    const int32_t ix = (int32_t)left, iy = (int32_t)top;
    glint_raster_blend(image, ix, iy, color, alpha * (1.0f - fx) * (1.0f - fy));
    glint_raster_blend(image, ix + 1, iy, color, alpha * fx * (1.0f - fy));
    glint_raster_blend(image, ix, iy + 1, color, alpha * (1.0f - fx) * fy);
    glint_raster_blend(image, ix + 1, iy + 1, color, alpha * fx * fy);
}

struct segment {
    double x0, y0, dx, dy, half; /* from (x0, y0) by (dx, dy), half its width */
};

/* Cuts [t0, t1] to where from + t * step lies in [lo, hi]; false when nothing is left (Liang and Barsky,
 * 1984). */
static bool cut(double from, double step, double lo, double hi, double *t0, double *t1)
{
    if (step == 0.0)
        return from >= lo && from <= hi;
    const double a = (lo - from) / step, b = (hi - from) / step;
    const double first = a < b ? a : b, last = a < b ? b : a;
    *t0 = first > *t0 ? first : *t0;
    *t1 = last < *t1 ? last : *t1;
    return *t0 <= *t1;
}

static bool clip(const struct glint_image *image, double x0, double y0, double x1, double y1, double width,
                 struct segment *s)
{
    const double margin = width + 2.0;
    double t0 = 0.0, t1 = 1.0;
    if (!isfinite(x0) || !isfinite(y0) || !isfinite(x1) || !isfinite(y1) || !(width > 0.0 && width < 1000.0))
        return false;
    if (!cut(x0, x1 - x0, -margin, image->w + margin, &t0, &t1) ||
        !cut(y0, y1 - y0, -margin, image->h + margin, &t0, &t1))
        return false;
    *s = (struct segment){x0 + t0 * (x1 - x0), y0 + t0 * (y1 - y0), (t1 - t0) * (x1 - x0),
                          (t1 - t0) * (y1 - y0), 0.5 * width};
    return true;
}

static double distance(const struct segment *s, double x, double y)
{
    const double length2 = s->dx * s->dx + s->dy * s->dy;
    double t = length2 > 0.0 ? ((x - s->x0) * s->dx + (y - s->y0) * s->dy) / length2 : 0.0;
    t = t < 0.0 ? 0.0 : t > 1.0 ? 1.0 : t;
    const double ex = x - s->x0 - t * s->dx, ey = y - s->y0 - t * s->dy;
    return sqrt(ex * ex + ey * ey);
}

/* The part of the segment within `reach` of row y, as x from *lo to *hi; false when there is none. */
static bool row_span(const struct segment *s, double y, double reach, double *lo, double *hi)
{
    double t0 = 0.0, t1 = 1.0;
    if (!cut(s->y0, s->dy, y - reach, y + reach, &t0, &t1))
        return false;
    const double a = s->x0 + t0 * s->dx, b = s->x0 + t1 * s->dx;
    *lo = (a < b ? a : b) - reach;
    *hi = (a < b ? b : a) + reach;
    return true;
}

static void draw_segment(struct glint_image *image, const struct segment *s, struct glint_color color,
                         float alpha)
{
    const double reach = s->half + 0.5;
    const double top = (s->dy < 0 ? s->y0 + s->dy : s->y0) - reach,
                 bottom = (s->dy < 0 ? s->y0 : s->y0 + s->dy) + reach;
    const int32_t last = clamp_int(bottom, -1, image->h - 1);
    for (int32_t y = clamp_int(top, 0, image->h); y <= last; y++) {
        double lo, hi;
        if (!row_span(s, y + 0.5, reach, &lo, &hi))
            continue;
        const int32_t x1 = clamp_int(hi, -1, image->w - 1);
        for (int32_t x = clamp_int(lo, 0, image->w); x <= x1; x++) {
            const double depth = reach - distance(s, x + 0.5, y + 0.5);
            glint_raster_blend(image, x, y, color, alpha * (float)(depth < 1.0 ? depth : 1.0));
        }
    }
}

void glint_raster_line(struct glint_image *image, float x0, float y0, float x1, float y1, float width,
                       struct glint_color color, float alpha)
{
    struct segment s;
    if (clip(image, x0, y0, x1, y1, width, &s))
        draw_segment(image, &s, color, alpha);
}

void glint_raster_dashes(struct glint_image *image, float x0, float y0, float x1, float y1, float width,
                         float on, float off, struct glint_color color, float alpha)
{
    struct segment s;
    if (!(on > 0.0f && off > 0.0f) || !clip(image, x0, y0, x1, y1, width, &s))
        return;
    const double length = sqrt(s.dx * s.dx + s.dy * s.dy), period = (double)on + (double)off;
    for (int32_t i = 0; i * period < length; i++) {
        const double a = i * period / length, b = (i * period + (double)on) / length;
        const double end = b < 1.0 ? b : 1.0;
        const struct segment dash = {s.x0 + a * s.dx, s.y0 + a * s.dy, (end - a) * s.dx, (end - a) * s.dy,
                                     s.half};
        draw_segment(image, &dash, color, alpha);
    }
}

/* The pixels of row y between radii: from the centre's column outwards on the side `sign`. */
static void circle_row(struct glint_image *image, double cx, double cy, double radius, double reach,
                       int32_t y, int sign, struct glint_color color, float alpha)
{
    const double dy = y + 0.5 - cy, outer = radius + reach, inner = radius - reach;
    if (fabs(dy) >= outer)
        return;
    const double from = fabs(dy) < inner ? sqrt(inner * inner - dy * dy) : 0.0,
                 to = sqrt(outer * outer - dy * dy);
    const double a = sign > 0 ? cx + from : cx - to, b = sign > 0 ? cx + to : cx - from;
    const int32_t last =
        clamp_int(ceil(b - 0.5) - 1.0, -1, image->w - 1); /* halves: no pixel belongs to both sides */
    for (int32_t x = clamp_int(ceil(a - 0.5), 0, image->w); x <= last; x++) {
        const double dx = x + 0.5 - cx;
        const double depth = reach - fabs(sqrt(dx * dx + dy * dy) - radius);
        glint_raster_blend(image, x, y, color, alpha * (float)(depth < 1.0 ? depth : 1.0));
    }
}

void glint_raster_circle(struct glint_image *image, float cx, float cy, float radius, float width,
                         struct glint_color color, float alpha)
{
    if (!isfinite(cx) || !isfinite(cy) || !(radius > 0.0f && radius < 1e6f) || !(width > 0.0f))
        return;
    const double reach = 0.5 * (double)width + 0.5, outer = (double)radius + reach;
    const int32_t last = clamp_int((double)cy + outer, -1, image->h - 1);
    for (int32_t y = clamp_int((double)cy - outer, 0, image->h); y <= last; y++)
        for (int sign = -1; sign <= 1; sign += 2)
            circle_row(image, (double)cx, (double)cy, (double)radius, reach, y, sign, color, alpha);
}

/* Where the line at height y enters and leaves the polygon. */
static bool convex_span(const float *xy, int32_t n, double y, double *lo, double *hi)
{
    *lo = INFINITY;
    *hi = -INFINITY;
    for (int32_t i = 0; i < n; i++) {
        const float *a = xy + 2 * i, *b = xy + 2 * ((i + 1) % n);
        const double ya = (double)a[1], yb = (double)b[1];
        if ((ya <= y) == (yb <= y))
            continue;
        const double x = (double)a[0] + (y - ya) / (yb - ya) * ((double)b[0] - (double)a[0]);
        *lo = x < *lo ? x : *lo;
        *hi = x > *hi ? x : *hi;
    }
    return *lo < *hi;
}

void glint_raster_convex(struct glint_image *image, const float *xy, int32_t n, struct glint_color color,
                         float alpha)
{
    double top = INFINITY, bottom = -INFINITY, lo, hi;
    for (int32_t i = 0; i < n; i++) {
        if (!isfinite(xy[2 * i]) || !isfinite(xy[2 * i + 1]))
            return;
        top = fmin(top, (double)xy[2 * i + 1]);
        bottom = fmax(bottom, (double)xy[2 * i + 1]);
    }
    const int32_t last = clamp_int(bottom, -1, image->h - 1);
    for (int32_t y = clamp_int(top, 0, image->h); y <= last; y++)
        if (convex_span(xy, n, y + 0.5, &lo, &hi))
            glint_raster_fill(image, clamp_int(ceil(lo - 0.5), 0, image->w), y,
                              clamp_int(ceil(hi - 0.5), 0, image->w), y + 1, color, alpha);
}

static void draw_glyph(struct glint_image *image, float x, float y, float scale, float width,
                       struct glint_color color, float alpha, const char *s)
{
    float px = 0.0f, py = 0.0f;
    for (bool pen = false; *s; pen = true) {
        if (*s == ' ') {
            s++;
            pen = false;
        }
        const float nx = x + scale * (float)glint_font_unit(s[0]);
        const float ny = y - scale * (float)(glint_font_unit(s[1]) - GLINT_FONT_BASE);
        if (pen)
            glint_raster_line(image, px, py, nx, ny, width, color, alpha);
        px = nx;
        py = ny;
        s += 2;
    }
}

float glint_raster_text(struct glint_image *image, float x, float y, float cap, struct glint_color color,
                        float alpha, const char *text)
{
    const float scale = cap / GLINT_FONT_CAP;
    const float width = cap * 0.125f > 1.0f ? cap * 0.125f : 1.0f;
    for (; *text; text++) {
        draw_glyph(image, x, y, scale, width, color, alpha, glint_font_strokes(*text));
        x += scale * (float)(glint_font_width(*text) + GLINT_FONT_SPACING);
    }
    return x;
}

float glint_raster_text_width(float cap, const char *text)
{
    int units = 0;
    for (; *text; text++)
        units += glint_font_width(*text) + GLINT_FONT_SPACING;
    return cap / GLINT_FONT_CAP * (float)units;
}
