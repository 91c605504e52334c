/* viz/raster.h - drawing into an RGB image in memory: smooth lines, circles, convex fills, dots, text.
 *
 * Pixel (0, 0) is the upper left one, its centre at (0.5, 0.5); y grows downwards. Everything is clipped;
 * coordinates that are not finite draw nothing. No allocation, no global state; the same calls give the same
 * bytes. Functions are thread-safe on different images. */
#ifndef GLINT_VIZ_RASTER_H
#define GLINT_VIZ_RASTER_H
#include <stdint.h>

struct glint_image {
    int32_t w, h;
    uint8_t *rgb; /* h x w x 3, caller's memory */
};

struct glint_color {
    uint8_t r, g, b;
};

void glint_raster_clear(struct glint_image *image, struct glint_color color);

/* Mixes color into pixel (x, y) by alpha 0..1. */
void glint_raster_blend(struct glint_image *image, int32_t x, int32_t y, struct glint_color color,
                        float alpha);

/* The rectangle x0 <= x < x1, y0 <= y < y1 in whole pixels. */
void glint_raster_fill(struct glint_image *image, int32_t x0, int32_t y0, int32_t x1, int32_t y1,
                       struct glint_color color, float alpha);

/* A dot of the size of one pixel, spread over the four it touches. */
void glint_raster_dot(struct glint_image *image, float x, float y, struct glint_color color, float alpha);

/* A straight line of `width` pixels with round ends; dashed with `on` and `off` > 0 pixels. */
void glint_raster_line(struct glint_image *image, float x0, float y0, float x1, float y1, float width,
                       struct glint_color color, float alpha);
void glint_raster_dashes(struct glint_image *image, float x0, float y0, float x1, float y1, float width,
                         float on, float off, struct glint_color color, float alpha);

void glint_raster_circle(struct glint_image *image, float cx, float cy, float radius, float width,
                         struct glint_color color, float alpha);

/* A filled convex polygon (hard edges: for tints under outlines). xy: n x 2, 3 <= n <= 16, either direction.
 */
void glint_raster_convex(struct glint_image *image, const float *xy, int32_t n, struct glint_color color,
                         float alpha);

/* Text with its baseline's start at (x, y), capitals `cap` pixels high. Returns the x behind it. */
float glint_raster_text(struct glint_image *image, float x, float y, float cap, struct glint_color color,
                        float alpha, const char *text);
float glint_raster_text_width(float cap, const char *text);
#endif
