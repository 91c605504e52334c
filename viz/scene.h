/* viz/scene.h - a frame as a picture from above: points, boxes, labels, rings, legend. Forward (x) is up. */
#ifndef GLINT_VIZ_SCENE_H
#define GLINT_VIZ_SCENE_H
#include "io/sink.h"
#include "viz/labels.h"
#include "viz/raster.h"

struct glint_scene {
    const struct glint_frame *frame;
    const struct glint_sink_context *context; /* names of classes */
    float range_m;                            /* from the middle to the edge */

    /* Labels to compare with; labels NULL: none. States as glint_match writes them. */
    const struct glint_label *labels;
    int32_t n_labels;
    const uint8_t *label_state, *box_state;
};

/* Draws everything; the image's old content is lost. Allocates nothing. */
void glint_scene_draw(struct glint_image *image, const struct glint_scene *scene);

/* The colour of a class of boxes or of points by its name; by its index where the name is unknown. */
struct glint_color glint_scene_class_color(const char *name, int32_t index);
#endif
