/* model/views.c - see views.h. */
#include "model/views.h"
#include "core/status.h"

static void add(struct glint_views *v, float c, float s, float mirror_x, float mirror_y, float scale)
{
    v->view[v->n++] = (struct glint_view){.xx = scale * c * mirror_x,
                                          .xy = -scale * s * mirror_y,
                                          .yx = scale * s * mirror_x,
                                          .yy = scale * c * mirror_y,
                                          .z = scale};
}

void glint_views_choose(struct glint_views *v, enum glint_views_set set)
{
    static const float scales[] = {0.9f, 0.95f, 1.0f, 1.05f, 1.1f};
    static const float quarter[4][2] = {{1, 0}, {0, 1}, {-1, 0}, {0, -1}};
    *v = (struct glint_views){0};
    if (set == GLINT_VIEWS_NONE)
        add(v, 1, 0, 1, 1, 1);
    for (int i = 0; i < 4 && set == GLINT_VIEWS_FLIPS; i++)
        add(v, 1, 0, i & 1 ? -1.0f : 1.0f, i & 2 ? -1.0f : 1.0f, 1);
    for (int i = 0; i < 4 && set == GLINT_VIEWS_ROTATIONS; i++)
        add(v, quarter[i][0], quarter[i][1], 1, 1, 1);
    for (int i = 0; i < 10 && set == GLINT_VIEWS_SCALES; i++)
        add(v, 1, 0, i < 5 ? 1.0f : -1.0f, i < 5 ? 1.0f : -1.0f, scales[i % 5]);
}

int glint_views_init(struct glint_views *v, struct glint_arena *arena, int32_t cap_points, int32_t n_classes)
{
    const size_t points = glint_arena_round(3 * (size_t)cap_points * sizeof(float));
    v->cap_points = cap_points;
    v->n_classes = n_classes;
    if (v->n < 2)
        return GLINT_OK;
    GLINT_TRY(glint_arena_init(arena, points + (size_t)cap_points * (size_t)n_classes * sizeof(float)));
    v->xyz = glint_arena_alloc(arena, points);
    v->sum = glint_arena_alloc(arena, (size_t)cap_points * (size_t)n_classes * sizeof(float));
    return GLINT_OK;
}

void glint_views_turn(const struct glint_views *v, const struct glint_points *points,
                      struct glint_points *out)
{
    const struct glint_view *w = &v->view[v->at];
    *out = *points;
    out->x = v->xyz;
    out->y = v->xyz + v->cap_points;
    out->z = v->xyz + 2 * (int64_t)v->cap_points;
    for (int32_t i = 0; i < points->n; i++) {
        out->x[i] = w->xx * points->x[i] + w->xy * points->y[i];
        out->y[i] = w->yx * points->x[i] + w->yy * points->y[i];
        out->z[i] = w->z * points->z[i];
    }
}
