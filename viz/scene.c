/* viz/scene.c - see scene.h. Drawn from back to front: rings, ground, other points, labels, boxes, words. */
#include "viz/scene.h"
#include "core/box.h"
#include "viz/match.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

#define COLOR(hex) ((struct glint_color){(hex) >> 16 & 255, (hex) >> 8 & 255, (hex)&255})

static const struct {
    const char *name;
    struct glint_color color;
} class_colors[] = {
    {"car", COLOR(0xffa23a)},        {"pedestrian", COLOR(0xff77d4)}, {"cyclist", COLOR(0xa98bff)},
    {"truck", COLOR(0x4cc9f0)},      {"bus", COLOR(0x4cc9f0)},        {"ground", COLOR(0x646f80)},
    {"vegetation", COLOR(0x4fae62)}, {"building", COLOR(0xb58a63)},   {"pole", COLOR(0xe6d46a)},
    {"vehicle", COLOR(0x5fa8ff)},    {"other", COLOR(0xa9b2bf)},      {"Vehicle", COLOR(0xffa23a)},
    {"Pedestrian", COLOR(0xff77d4)}, {"Cyclist", COLOR(0xa98bff)},
};
static const struct glint_color spare_colors[] = {COLOR(0xffa23a), COLOR(0xff77d4), COLOR(0xa98bff),
                                                  COLOR(0x4cc9f0), COLOR(0xe6d46a), COLOR(0x7bd389),
                                                  COLOR(0xf28482), COLOR(0xa9b2bf)};
static const struct glint_color night = COLOR(0x0a0d13), panel = COLOR(0x121722), ring = COLOR(0x2a3342),
                                ring_text = COLOR(0x7b8798), words = COLOR(0xdfe6ef), quiet = COLOR(0x93a0b2),
                                found = COLOR(0x3ddc84), missed = COLOR(0xff3b4e), wrong = COLOR(0xfff04d),
                                ignored = COLOR(0x5c6675);

struct view { /* from metres to pixels */
    float cx, cy, scale;
};

static float view_x(const struct view *v, float y_m)
{
    return v->cx - y_m * v->scale;
}

static float view_y(const struct view *v, float x_m)
{
    return v->cy - x_m * v->scale;
}

struct glint_color glint_scene_class_color(const char *name, int32_t index)
{
    for (size_t i = 0; name && i < sizeof class_colors / sizeof class_colors[0]; i++)
        if (strcmp(class_colors[i].name, name) == 0)
            return class_colors[i].color;
    const int32_t n = (int32_t)(sizeof spare_colors / sizeof spare_colors[0]);
    return spare_colors[(index % n + n) % n];
}

static const char *class_name(const char *const *names, int32_t n, int32_t index)
{
    return index >= 0 && index < n && names ? names[index] : NULL;
}

/* Text on a dark ground, so that it reads over points. */
static float words_at(struct glint_image *image, float x, float y, float cap, struct glint_color color,
                      const char *text)
{
    const float width = glint_raster_text_width(cap, text);
    if (!(fabsf(x) < 1e5f && fabsf(y) < 1e5f))
        return x;
    glint_raster_fill(image, (int32_t)(x - 2), (int32_t)(y - cap - 2), (int32_t)(x + width), (int32_t)(y + 3),
                      night, 0.55f);
    return glint_raster_text(image, x, y, cap, color, 1.0f, text);
}

static void draw_rings(struct glint_image *image, const struct view *v, float range_m)
{
    for (int m = 10; (float)m <= 1.42f * range_m; m += 10)
        glint_raster_circle(image, v->cx, v->cy, (float)m * v->scale, 1.2f, ring, m % 50 ? 0.8f : 1.0f);
    glint_raster_line(image, 0, v->cy, (float)image->w, v->cy, 1.0f, ring, 0.6f);
    glint_raster_line(image, v->cx, 0, v->cx, (float)image->h, 1.0f, ring, 0.6f);
}

static void draw_ring_words(struct glint_image *image, const struct view *v, float range_m)
{
    char text[16];
    for (int m = 10; (float)m <= range_m; m += 10) {
        snprintf(text, sizeof text, "%d m", m);
        const float width = glint_raster_text_width(8.5f, text);
        words_at(image, v->cx - width * 0.5f, v->cy - (float)m * v->scale + 4.0f, 8.5f, ring_text, text);
    }
}

/* The carrier of the sensor: an arrow head that points forward. */
static void draw_ego(struct glint_image *image, const struct view *v)
{
    const float s = 11.0f;
    const float xy[] = {v->cx, v->cy - s,        v->cx + 0.7f * s, v->cy + 0.8f * s,
                        v->cx, v->cy + 0.4f * s, v->cx - 0.7f * s, v->cy + 0.8f * s};
    glint_raster_convex(image, xy, 3, words, 0.9f);
    glint_raster_convex(image, (const float[]){xy[0], xy[1], xy[4], xy[5], xy[6], xy[7]}, 3, words, 0.9f);
    for (int i = 0; i < 4; i++)
        glint_raster_line(image, xy[2 * i], xy[2 * i + 1], xy[2 * ((i + 1) % 4)], xy[2 * ((i + 1) % 4) + 1],
                          1.4f, words, 1.0f);
}

/* From deep blue through green to yellow between -2.5 m and 4 m, where points have no class. */
static struct glint_color height_color(float z)
{
    static const struct glint_color stops[] = {COLOR(0x3b4f9e), COLOR(0x3f7fbf), COLOR(0x38a89d),
                                               COLOR(0x6cc46a), COLOR(0xd7d94e), COLOR(0xffb54a)};
    const float t = fminf(fmaxf((z + 2.5f) / 6.5f, 0.0f), 1.0f) * 5.0f;
    const int i = t < 4.0f ? (int)t : 4;
    const float f = t - (float)i;
    const struct glint_color a = stops[i], b = stops[i + 1];
    return (struct glint_color){(uint8_t)((float)a.r + f * ((float)b.r - (float)a.r)),
                                (uint8_t)((float)a.g + f * ((float)b.g - (float)a.g)),
                                (uint8_t)((float)a.b + f * ((float)b.b - (float)a.b))};
}

/* Colours of all 256 point classes, and which of them is the ground. */
struct palette {
    struct glint_color color[256];
    int32_t ground;
};

static void fill_palette(struct palette *p, const struct glint_sink_context *context)
{
    p->ground = -1;
    for (int32_t i = 0; i < 256; i++) {
        const char *name = class_name(context->point_classes, context->n_point_classes, i);
        p->color[i] = name ? glint_scene_class_color(name, i) : ignored;
        if (name && strcmp(name, "ground") == 0)
            p->ground = i;
    }
}

static void draw_points(struct glint_image *image, const struct view *v, const struct glint_frame *frame,
                        const struct palette *palette)
{
    const struct glint_points *p = &frame->points;
    for (int pass = 0; pass < (frame->has_masks ? 2 : 1); pass++) /* the ground first, under everything */
        for (int32_t i = 0; i < p->n; i++) {
            const bool ground = frame->has_masks && frame->point_class[i] == palette->ground;
            if (frame->has_masks && ground != (pass == 0))
                continue;
            const struct glint_color color =
                frame->has_masks ? palette->color[frame->point_class[i]] : height_color(p->z[i]);
            glint_raster_dot(image, view_x(v, p->y[i]), view_y(v, p->x[i]), color, ground ? 0.75f : 1.0f);
        }
}

/* Corners in pixels, front left first, counter-clockwise seen from above; false when it cannot be drawn. */
static bool box_corners(const struct view *v, const struct glint_box *box, float xy[8])
{
    const float values[] = {box->center[0], box->center[1], box->size[0], box->size[1], box->yaw};
    for (int i = 0; i < 5; i++)
        if (!(fabsf(values[i]) < 1e4f))
            return false;
    double corner[4][2];
    const struct glint_rect rect = {.x = (double)box->center[0],
                                    .y = (double)box->center[1],
                                    .dx = (double)box->size[0],
                                    .dy = (double)box->size[1],
                                    .yaw = (double)box->yaw};
    glint_rect_corners(&rect, corner);
    for (int i = 0; i < 4; i++) {
        xy[2 * i] = view_x(v, (float)corner[i][1]);
        xy[2 * i + 1] = view_y(v, (float)corner[i][0]);
    }
    return true;
}

struct pen {
    struct glint_color color;
    float width, tint; /* tint: how much of the colour fills the box */
    bool dashed;
};

static void stroke(struct glint_image *image, const struct pen *pen, float x0, float y0, float x1, float y1)
{
    if (pen->dashed)
        glint_raster_dashes(image, x0, y0, x1, y1, pen->width, 5.0f, 4.0f, pen->color, 1.0f);
    else
        glint_raster_line(image, x0, y0, x1, y1, pen->width, pen->color, 1.0f);
}

/* The outline, and the heading as a line from the centre through the middle of the front. */
static void draw_box(struct glint_image *image, const struct view *v, const struct glint_box *box,
                     const struct pen *pen)
{
    float xy[8];
    if (!box_corners(v, box, xy))
        return;
    if (pen->tint > 0.0f)
        glint_raster_convex(image, xy, 4, pen->color, pen->tint);
    for (int i = 0; i < 4; i++)
        stroke(image, pen, xy[2 * i], xy[2 * i + 1], xy[2 * ((i + 1) % 4)], xy[2 * ((i + 1) % 4) + 1]);
    const float mx = view_x(v, box->center[1]), my = view_y(v, box->center[0]);
    const float front_x = 0.5f * (xy[0] + xy[6]), front_y = 0.5f * (xy[1] + xy[7]);
    const float reach = 1.25f; /* a little beyond the front */
    stroke(image, pen, mx, my, mx + reach * (front_x - mx), my + reach * (front_y - my));
}

/* Words to the right of the box's rightmost corner. */
static void words_beside(struct glint_image *image, const struct view *v, const struct glint_box *box,
                         struct glint_color color, const char *text)
{
    float xy[8];
    int right = 0;
    if (!box_corners(v, box, xy))
        return;
    for (int i = 1; i < 4; i++)
        if (xy[2 * i] > xy[2 * right])
            right = i;
    words_at(image, xy[2 * right] + 5.0f, xy[2 * right + 1] + 4.0f, 8.5f, color, text);
}

static struct pen label_pen(uint8_t state)
{
    if (state == GLINT_MATCH_FOUND)
        return (struct pen){found, 2.6f, 0.10f, false};
    if (state == GLINT_MATCH_NONE)
        return (struct pen){missed, 2.2f, 0.10f, true};
    return (struct pen){ignored, 1.2f, 0.0f, true};
}

static void draw_labels(struct glint_image *image, const struct view *v, const struct glint_scene *s)
{
    for (int32_t i = 0; i < s->n_labels; i++) {
        const struct pen pen = label_pen(s->label_state[i]);
        draw_box(image, v, &s->labels[i].box, &pen);
        if (s->label_state[i] == GLINT_MATCH_NONE)
            words_beside(image, v, &s->labels[i].box, missed, s->labels[i].name);
    }
}

static struct pen box_pen(const struct glint_scene *s, int32_t i)
{
    const struct glint_box *box = &s->frame->boxes[i];
    const char *name = class_name(s->context->classes, s->context->n_classes, box->label);
    const bool is_wrong = s->labels && s->box_state[i] == GLINT_MATCH_NONE;
    return (struct pen){is_wrong ? wrong : glint_scene_class_color(name, box->label), 1.7f,
                        s->labels ? 0.0f : 0.14f, box->id >= 0 && box->unseen_s > 0};
}

/* Where an object will be in a second, from its middle; who stands has no way. */
static void draw_way(struct glint_image *image, const struct view *v, const struct glint_box *box,
                     struct glint_color color)
{
    const float speed = hypotf(box->velocity[0], box->velocity[1]);
    const float x = box->center[0], y = box->center[1];
    if (!(speed >= 0.7f && speed < 100.0f && fabsf(x) < 1e4f && fabsf(y) < 1e4f))
        return;
    glint_raster_dashes(image, view_x(v, y), view_y(v, x), view_x(v, y + box->velocity[1]),
                        view_y(v, x + box->velocity[0]), 1.7f, 5.0f, 3.0f, color, 1.0f);
}

static void draw_boxes(struct glint_image *image, const struct view *v, const struct glint_scene *s)
{
    for (int32_t i = 0; i < s->frame->n_boxes; i++) {
        const struct pen pen = box_pen(s, i);
        draw_box(image, v, &s->frame->boxes[i], &pen);
    }
    for (int32_t i = 0; i < s->frame->n_boxes; i++) {
        const struct glint_box *box = &s->frame->boxes[i];
        char text[32];
        if (box->id >= 0)
            snprintf(text, sizeof text, "%d  %.2f", box->id, (double)box->score);
        else
            snprintf(text, sizeof text, "%.2f", (double)box->score);
        words_beside(image, v, box, box_pen(s, i).color, text);
        if (box->id >= 0)
            draw_way(image, v, box, box_pen(s, i).color);
    }
}

/* 63400 -> "63,400" */
static const char *thousands(int64_t value, char *text, size_t size)
{
    char digits[32];
    const int n = snprintf(digits, sizeof digits, "%lld", (long long)value);
    size_t k = 0;
    for (int i = 0; i < n && k + 2 < size; i++) {
        if (i > 0 && (n - i) % 3 == 0 && digits[i - 1] != '-')
            text[k++] = ',';
        text[k++] = digits[i];
    }
    text[k] = 0;
    return text;
}

struct table { /* a panel of lines; rows are drawn downwards */
    struct glint_image *image;
    float x, y, cap, line;
};

static struct table panel_at(struct glint_image *image, int32_t x, int32_t y, int32_t w, int32_t rows)
{
    const float line = 19.0f;
    const int32_t h = (int32_t)(line * (float)rows) + 18;
    glint_raster_fill(image, x, y, x + w, y + h, panel, 0.82f);
    glint_raster_fill(image, x, y, x + w, y + 1, ring, 1.0f);
    glint_raster_fill(image, x, y + h - 1, x + w, y + h, ring, 1.0f);
    glint_raster_fill(image, x, y, x + 1, y + h, ring, 1.0f);
    glint_raster_fill(image, x + w - 1, y, x + w, y + h, ring, 1.0f);
    return (struct table){image, (float)x + 14.0f, (float)y + 22.0f, 10.0f, line};
}

static void row(struct table *t, float indent, struct glint_color color, const char *text)
{
    glint_raster_text(t->image, t->x + indent, t->y, t->cap, color, 1.0f, text);
    t->y += t->line;
}

/* One sample box of a pen, then what it means. */
static void row_pen(struct table *t, const struct pen *pen, const char *text)
{
    const float x0 = t->x, y0 = t->y - t->cap, x1 = t->x + 20.0f, y1 = t->y;
    const float corner[] = {x0, y0, x1, y0, x1, y1, x0, y1};
    if (pen->tint > 0.0f)
        glint_raster_convex(t->image, corner, 4, pen->color, pen->tint);
    for (int i = 0; i < 4; i++)
        stroke(t->image, pen, corner[2 * i], corner[2 * i + 1], corner[(2 * i + 2) % 8],
               corner[(2 * i + 3) % 8]);
    row(t, 32.0f, words, text);
}

static void row_swatch(struct table *t, struct glint_color color, const char *text)
{
    glint_raster_fill(t->image, (int32_t)t->x + 5, (int32_t)(t->y - t->cap), (int32_t)t->x + 15,
                      (int32_t)t->y, color, 1.0f);
    row(t, 32.0f, words, text);
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

#define TITLE_CHARS 27

/* What a frame is from, as long as the panel: names of scans differ at their ends, so the beginning goes. */
static void title_of(char *text, size_t size, const char *source)
{
    const char *name = base_name(source);
    const size_t n = strlen(name);
    if (n <= TITLE_CHARS)
        snprintf(text, size, "%s", name);
    else
        snprintf(text, size, "..%s", name + n - (TITLE_CHARS - 2));
}

static int32_t count_state(const uint8_t *state, int32_t n, uint8_t wanted)
{
    int32_t count = 0;
    for (int32_t i = 0; i < n; i++)
        count += state[i] == wanted;
    return count;
}

static void draw_title(struct glint_image *image, const struct glint_scene *s)
{
    char text[96], number[32];
    struct table t = panel_at(image, 16, 16, 290, s->labels ? 4 : 3);
    title_of(text, sizeof text, s->frame->source);
    row(&t, 0, words, text);
    snprintf(text, sizeof text, "frame %llu", (unsigned long long)s->frame->index);
    row(&t, 0, quiet, text);
    snprintf(text, sizeof text, "%s points, %d boxes", thousands(s->frame->points.n, number, sizeof number),
             s->frame->n_boxes);
    row(&t, 0, quiet, text);
    if (!s->labels)
        return;
    snprintf(text, sizeof text, "%d found, %d missed, %d false",
             count_state(s->label_state, s->n_labels, GLINT_MATCH_FOUND),
             count_state(s->label_state, s->n_labels, GLINT_MATCH_NONE),
             count_state(s->box_state, s->frame->n_boxes, GLINT_MATCH_NONE));
    row(&t, 0, quiet, text);
}

static void draw_box_legend(struct glint_image *image, const struct glint_scene *s)
{
    const int32_t shown = s->context->n_classes < 16 ? s->context->n_classes : 16;
    const int32_t rows = shown + (s->labels ? 4 : 0);
    if (rows == 0)
        return;
    struct table t = panel_at(image, image->w - 16 - 200, 16, 200, rows);
    for (int32_t i = 0; i < shown; i++) {
        const struct pen pen = {glint_scene_class_color(s->context->classes[i], i), 1.7f, 0.14f, false};
        row_pen(&t, &pen, s->context->classes[i]);
    }
    if (!s->labels)
        return;
    static const struct {
        uint8_t state;
        const char *text;
    } kinds[] = {{GLINT_MATCH_FOUND, "label, found"},
                 {GLINT_MATCH_NONE, "label, missed"},
                 {GLINT_MATCH_IGNORED, "label, few points"}};
    for (size_t i = 0; i < 3; i++) {
        const struct pen pen = label_pen(kinds[i].state);
        row_pen(&t, &pen, kinds[i].text);
    }
    row_pen(&t, &(struct pen){wrong, 1.7f, 0.0f, false}, "false box");
}

static void draw_point_legend(struct glint_image *image, const struct glint_scene *s,
                              const struct palette *palette)
{
    const int32_t shown = s->frame->has_masks ? s->context->n_point_classes : 3;
    const int32_t rows = shown < 16 ? shown : 16;
    if (rows == 0)
        return;
    struct table t = panel_at(image, 16, image->h - 16 - (19 * rows + 18), 160, rows);
    if (s->frame->has_masks) {
        for (int32_t i = 0; i < rows; i++)
            row_swatch(&t, palette->color[i], s->context->point_classes[i]);
        return;
    }
    row_swatch(&t, height_color(4.0f), "4 m high");
    row_swatch(&t, height_color(0.75f), "0.75 m");
    row_swatch(&t, height_color(-2.5f), "-2.5 m");
}

void glint_scene_draw(struct glint_image *image, const struct glint_scene *scene)
{
    const int32_t side = image->w < image->h ? image->w : image->h;
    const struct view v = {0.5f * (float)image->w, 0.5f * (float)image->h,
                           0.5f * (float)side / scene->range_m};
    struct palette palette;
    fill_palette(&palette, scene->context);
    glint_raster_clear(image, night);
    draw_rings(image, &v, scene->range_m);
    draw_points(image, &v, scene->frame, &palette);
    draw_ring_words(image, &v, scene->range_m);
    draw_ego(image, &v);
    if (scene->labels)
        draw_labels(image, &v, scene);
    draw_boxes(image, &v, scene);
    draw_title(image, scene);
    draw_box_legend(image, scene);
    draw_point_legend(image, scene, &palette);
}
