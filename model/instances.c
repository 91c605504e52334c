/* model/instances.c - see instances.h. Most points are of classes that no box has, and most others lie far
 * from most boxes: a class's bit and the distance from a box's centre decide before anything is turned. */
#include "model/instances.h"
#include <math.h>
#include <string.h>

/* Names of one kind: the first one stands for all others. */
static const char *const kinds[][12] = {
    {"vehicle", "car", "truck", "bus", "trailer", "construction_vehicle", "other_vehicle", "other-vehicle",
     "other vehicle"},
    {"cyclist", "bicycle", "motorcycle", "bicyclist", "motorcyclist"},
    {"pedestrian", "person"},
    {"cone", "traffic_cone", "construction_cone"},
    {"sign", "traffic-sign", "traffic_sign"},
};

static bool stands_for(const char *general, const char *name)
{
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        for (size_t i = 1; !strcmp(kinds[k][0], general) && i < 12 && kinds[k][i]; i++)
            if (!strcmp(kinds[k][i], name))
                return true;
    return false;
}

void glint_instances_match(const char *const *classes, int32_t n_classes, const char *const *point_classes,
                           int32_t n_point_classes, struct glint_instances *out)
{
    *out = (struct glint_instances){{0}};
    for (int32_t c = 0; c < n_classes && c < GLINT_CLASSES_MAX; c++)
        for (int32_t p = 0; p < n_point_classes && p < GLINT_CLASSES_MAX; p++)
            if (!strcmp(classes[c], point_classes[p]) || stands_for(classes[c], point_classes[p]) ||
                stands_for(point_classes[p], classes[c]))
                out->points_of[c] |= UINT64_C(1) << p;
}

struct job {
    const struct glint_instances *match;
    struct glint_frame *frame;
    uint64_t wanted; /* classes of points that some box can have */
};

static bool inside(const struct glint_box *b, float x, float y, float z)
{
    const float dx = x - b->center[0], dy = y - b->center[1], dz = z - b->center[2];
    const float l = 0.5f * b->size[0], w = 0.5f * b->size[1];
    if (!(fabsf(dz) <= 0.5f * b->size[2]) || !(dx * dx + dy * dy <= l * l + w * w))
        return false;
    const float c = cosf(b->yaw), s = sinf(b->yaw);
    return fabsf(c * dx + s * dy) <= l && fabsf(c * dy - s * dx) <= w;
}

static uint16_t instance_of(const struct job *j, int64_t i)
{
    const struct glint_frame *f = j->frame;
    const uint64_t bit = f->point_class[i] < GLINT_CLASSES_MAX ? UINT64_C(1) << f->point_class[i] : 0;
    int32_t best = -1;
    for (int32_t b = 0; (bit & j->wanted) && b < f->n_boxes && b < UINT16_MAX; b++) {
        const struct glint_box *box = &f->boxes[b];
        if (box->label >= 0 && box->label < GLINT_CLASSES_MAX && (j->match->points_of[box->label] & bit) &&
            (best < 0 || box->score > f->boxes[best].score) &&
            inside(box, f->points.x[i], f->points.y[i], f->points.z[i]))
            best = b;
    }
    return (uint16_t)(best + 1);
}

static void set_some(void *ctx, int64_t begin, int64_t end, int worker)
{
    const struct job *j = ctx;
    (void)worker;
    for (int64_t i = begin; i < end; i++)
        j->frame->point_instance[i] = instance_of(j, i);
}

void glint_instances_set(struct glint_exec *x, const struct glint_instances *match, struct glint_frame *frame)
{
    struct job j = {match, frame, 0};
    for (int32_t b = 0; b < frame->n_boxes; b++)
        if (frame->boxes[b].label >= 0 && frame->boxes[b].label < GLINT_CLASSES_MAX)
            j.wanted |= match->points_of[frame->boxes[b].label];
    glint_pool_for(x->pool, frame->points.n, 4096, set_some, &j);
}
