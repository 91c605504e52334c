/* tools/eval_picture.c - see eval_picture.h. */
#include "tools/eval_picture.h"
#include "core/arena.h"
#include "viz/match.h"
#include "viz/png_write.h"
#include "viz/scene.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { SIZE_PX = 900 };

struct canvas {
    struct glint_arena arena; /* for the encoder */
    struct glint_image image;
    uint8_t *png;
    size_t cap_png;
};

static int open_canvas(struct canvas *c)
{
    c->image = (struct glint_image){SIZE_PX, SIZE_PX, malloc((size_t)SIZE_PX * SIZE_PX * 3)};
    c->cap_png = glint_png_most_bytes(SIZE_PX, SIZE_PX);
    c->png = malloc(c->cap_png);
    if (!c->image.rgb || !c->png)
        return glint_fail(GLINT_E_NOMEM, "no memory for a picture");
    return glint_arena_init(&c->arena, glint_png_scratch_bytes(SIZE_PX, SIZE_PX));
}

static void close_canvas(struct canvas *c)
{
    glint_arena_fini(&c->arena);
    free(c->image.rgb);
    free(c->png);
}

static int draw(struct canvas *c, const struct glint_scene *scene, const char *caption,
                struct glint_report *r)
{
    size_t size;
    glint_scene_draw(&c->image, scene);
    GLINT_TRY(glint_png_encode(&c->image, &c->arena, c->png, c->cap_png, &size));
    glint_report_picture(r, caption, c->png, size);
    return GLINT_OK;
}

struct drawn { /* boxes that play, and objects as the scene wants them */
    struct glint_box *box;
    uint8_t *state;
    int32_t n;
    struct glint_label *label;
};

static bool gather(const struct glint_eval_view *v, struct drawn *d)
{
    d->box = malloc(((size_t)v->n_boxes + 1) * sizeof *d->box);
    d->state = malloc((size_t)v->n_boxes + 1);
    d->label = calloc((size_t)v->n_objects + 1, sizeof *d->label);
    if (!d->box || !d->state || !d->label)
        return false;
    for (int32_t i = 0; i < v->n_boxes; i++)
        if (v->box_state[i] != GLINT_FOUND_IGNORED) {
            d->state[d->n] = v->box_state[i];
            d->box[d->n++] = v->boxes[i];
        }
    for (int32_t i = 0; i < v->n_objects; i++) {
        const int32_t c = v->objects[i].box.label;
        d->label[i] = (struct glint_label){.box = v->objects[i].box, .points = v->objects[i].points};
        snprintf(d->label[i].name, sizeof d->label[i].name, "%s",
                 c >= 0 && c < v->n_names ? v->names[c] : "");
    }
    return true;
}

int glint_eval_picture(struct glint_report *r, const char *caption, const struct glint_eval_view *v)
{
    static_assert((int)GLINT_FOUND_NOT == GLINT_MATCH_NONE && (int)GLINT_FOUND_YES == GLINT_MATCH_FOUND &&
                      (int)GLINT_FOUND_IGNORED == GLINT_MATCH_IGNORED,
                  "states of objects are drawn as they are");
    struct canvas canvas = {0};
    struct drawn d = {0};
    int status = gather(v, &d) ? open_canvas(&canvas) : glint_fail(GLINT_E_NOMEM, "no memory for a picture");
    if (status == GLINT_OK) {
        struct glint_frame frame = {.boxes = d.box, .n_boxes = d.n, .index = v->index, .coverage = -1};
        const struct glint_sink_context context = {.n_classes = v->n_names, .classes = v->names};
        if (v->points)
            frame.points = *v->points;
        snprintf(frame.source, sizeof frame.source, "%s", v->name);
        const struct glint_scene scene = {&frame,       &context,        v->range_m, d.label,
                                          v->n_objects, v->object_state, d.state};
        status = draw(&canvas, &scene, caption, r);
    }
    close_canvas(&canvas);
    free(d.box);
    free(d.state);
    free(d.label);
    return status;
}

int32_t glint_eval_worst(const int32_t *n_wrong, int32_t n_frames, int32_t most, int32_t *frames_out)
{
    int32_t n = 0;
    for (int32_t f = 0; f < n_frames; f++) {
        int32_t at = n;
        while (at > 0 && n_wrong[frames_out[at - 1]] < n_wrong[f])
            at--;
        if (n_wrong[f] == 0 || at >= most)
            continue;
        n += n < most;
        for (int32_t i = n - 1; i > at; i--)
            frames_out[i] = frames_out[i - 1];
        frames_out[at] = f;
    }
    return n;
}
