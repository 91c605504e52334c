/* ros/encode_boxes.c - a frame's boxes: vision_msgs/Detection3DArray, Autoware's DetectedObjects and
 * TrackedObjects, and markers to look at in RViz. */
#include "ros/encode.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static void put_size(struct glint_cdr *c, const struct glint_box *box)
{
    glint_ros_put_xyz(c, (double)box->size[0], (double)box->size[1], (double)box->size[2]);
}

#define COVARIANCE_BYTES (36 * sizeof(double))

/* geometry_msgs/PoseWithCovariance, the covariance unknown. */
static void put_pose_covariance(struct glint_cdr *c, const struct glint_box *box)
{
    glint_ros_put_pose(c, box->center, (double)box->yaw);
    glint_cdr_put_zeros(c, COVARIANCE_BYTES);
}

/* "7", or nothing where the box is not tracked. */
static const char *id_text(const struct glint_box *box, char text[16])
{
    text[0] = 0;
    if (box->id >= 0)
        snprintf(text, 16, "%d", box->id);
    return text;
}

/* ---- vision_msgs/Detection3DArray ---- */

static void put_detection(struct glint_ros_encoder *e, const struct glint_box *box)
{
    struct glint_cdr *c = &e->cdr;
    char number[24], id[16];
    glint_ros_put_header(e, e->settings->frame_id);
    glint_cdr_put_u32(c, 1);
    glint_cdr_put_text(c, glint_ros_label(e->ctx, box->label, number));
    glint_cdr_put_f64(c, (double)box->score);
    put_pose_covariance(c, box);
    glint_ros_put_pose(c, box->center, (double)box->yaw);
    put_size(c, box);
    glint_cdr_put_text(c, id_text(box, id));
}

void glint_ros_put_detections(struct glint_ros_encoder *e)
{
    glint_ros_put_header(e, e->settings->frame_id);
    glint_cdr_put_u32(&e->cdr, (uint32_t)e->frame->n_boxes);
    for (int32_t i = 0; i < e->frame->n_boxes; i++)
        put_detection(e, &e->frame->boxes[i]);
}

/* ---- autoware_perception_msgs ---- */

/* Names that models and datasets give to Autoware's classes (ObjectClassification). */
static const struct {
    const char *name;
    uint8_t label;
} classes[] = {
    {"car", 1},     {"vehicle", 1},    {"truck", 2},        {"construction_vehicle", 2},
    {"bus", 3},     {"trailer", 4},    {"motorcycle", 5},   {"bicycle", 6},
    {"cyclist", 6}, {"pedestrian", 7}, {"motorcyclist", 5}, {"van", 1},
    {"person", 7},  {"tram", 3},
};

static uint8_t autoware_class(const char *name)
{
    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++)
        if (strcmp(name, classes[i].name) == 0)
            return classes[i].label;
    return 0;
}

/* existence_probability and classification. */
static void put_classification(struct glint_ros_encoder *e, const struct glint_box *box)
{
    char number[24];
    glint_cdr_put_f32(&e->cdr, box->score);
    glint_cdr_put_u32(&e->cdr, 1);
    glint_cdr_put_u8(&e->cdr, autoware_class(glint_ros_label(e->ctx, box->label, number)));
    glint_cdr_put_f32(&e->cdr, 1.0f);
}

static float speed(const struct glint_box *box)
{
    const float v = hypotf(box->velocity[0], box->velocity[1]);
    return isfinite(v) ? v : 0;
}

/* geometry_msgs/TwistWithCovariance: Autoware wants it along the object's own axes. */
static void put_twist(struct glint_cdr *c, const struct glint_box *box)
{
    const double s = sin((double)box->yaw), k = cos((double)box->yaw);
    const double vx = speed(box) > 0 ? (double)box->velocity[0] : 0,
                 vy = speed(box) > 0 ? (double)box->velocity[1] : 0;
    glint_ros_put_xyz(c, k * vx + s * vy, k * vy - s * vx, 0);
    glint_ros_put_xyz(c, 0, 0, box->id >= 0 ? (double)box->yaw_rate : 0);
    glint_cdr_put_zeros(c, COVARIANCE_BYTES);
}

enum { BOUNDING_BOX = 0, ORIENTATION_AVAILABLE = 2 }; /* of Shape and the kinematics */

static void put_shape(struct glint_cdr *c, const struct glint_box *box)
{
    glint_cdr_put_u8(c, BOUNDING_BOX);
    glint_cdr_put_u32(c, 0); /* no footprint */
    put_size(c, box);
}

void glint_ros_put_objects(struct glint_ros_encoder *e)
{
    struct glint_cdr *c = &e->cdr;
    glint_ros_put_header(e, e->settings->frame_id);
    glint_cdr_put_u32(c, (uint32_t)e->frame->n_boxes);
    for (int32_t i = 0; i < e->frame->n_boxes; i++) {
        const struct glint_box *box = &e->frame->boxes[i];
        put_classification(e, box);
        put_pose_covariance(c, box);
        glint_cdr_put_u8(c, 0); /* no covariance of the position */
        glint_cdr_put_u8(c, ORIENTATION_AVAILABLE);
        put_twist(c, box);
        glint_cdr_put_u8(c, speed(box) > 0);
        glint_cdr_put_u8(c, 0);
        put_shape(c, box);
    }
}

/* A UUID (RFC 9562, version 8: its content is the maker's) that ends with the track's number. */
static void put_uuid(struct glint_cdr *c, int32_t id)
{
    static const uint8_t start[12] = {'g', 'l', 'i', 'n', 't', 0, 0x80, 0, 0x80, 0, 0, 0};
    uint8_t *out = glint_cdr_put_room(c, 16);
    if (!out)
        return;
    memcpy(out, start, sizeof start);
    for (int i = 0; i < 4; i++)
        out[12 + i] = (uint8_t)((uint32_t)id >> (24 - 8 * i));
}

#define STATIONARY_MPS 0.3f /* slower than a slow walk: an object at rest, as far as a tracker can tell */

static void put_track(struct glint_ros_encoder *e, const struct glint_box *box)
{
    struct glint_cdr *c = &e->cdr;
    put_uuid(c, box->id);
    put_classification(e, box);
    put_pose_covariance(c, box);
    put_twist(c, box);
    glint_ros_put_xyz(c, 0, 0, 0); /* no acceleration */
    glint_ros_put_xyz(c, 0, 0, 0);
    glint_cdr_put_zeros(c, COVARIANCE_BYTES);
    glint_cdr_put_u8(c, ORIENTATION_AVAILABLE);
    glint_cdr_put_u8(c, speed(box) < STATIONARY_MPS);
    put_shape(c, box);
}

void glint_ros_put_tracks(struct glint_ros_encoder *e)
{
    uint32_t n = 0;
    for (int32_t i = 0; i < e->frame->n_boxes; i++)
        n += e->frame->boxes[i].id >= 0;
    glint_ros_put_header(e, e->settings->frame_id);
    glint_cdr_put_u32(&e->cdr, n);
    for (int32_t i = 0; i < e->frame->n_boxes; i++)
        if (e->frame->boxes[i].id >= 0)
            put_track(e, &e->frame->boxes[i]);
}

/* ---- visualization_msgs/MarkerArray ---- */

enum { ARROW = 0, CUBE = 1, TEXT = 9 };
enum { ADD = 0, DELETE_ALL = 3 };

struct marker {
    const char *ns, *text;
    int32_t id, type, action;
    float position[3], scale[3], color[4];
    float yaw;
};

static void put_marker(struct glint_ros_encoder *e, const struct marker *m)
{
    struct glint_cdr *c = &e->cdr;
    glint_ros_put_header(e, e->settings->frame_id);
    glint_cdr_put_text(c, m->ns);
    glint_cdr_put_i32(c, m->id);
    glint_cdr_put_i32(c, m->type);
    glint_cdr_put_i32(c, m->action);
    glint_ros_put_pose(c, m->position, (double)m->yaw);
    glint_ros_put_xyz(c, (double)m->scale[0], (double)m->scale[1], (double)m->scale[2]);
    for (int i = 0; i < 4; i++)
        glint_cdr_put_f32(c, m->color[i]);
    glint_cdr_put_u32(c, 0); /* lifetime: until the next message */
    glint_cdr_put_u32(c, 0);
    glint_cdr_put_u8(c, 0);    /* frame_locked */
    glint_cdr_put_u32(c, 0);   /* points */
    glint_cdr_put_u32(c, 0);   /* colors */
    glint_cdr_put_text(c, ""); /* texture_resource */
    glint_cdr_put_u32(c, 0);   /* texture: header's stamp, frame, format, data */
    glint_cdr_put_u32(c, 0);
    glint_cdr_put_text(c, "");
    glint_cdr_put_text(c, "");
    glint_cdr_put_u32(c, 0);
    glint_cdr_put_u32(c, 0); /* uv_coordinates */
    glint_cdr_put_text(c, m->text);
    glint_cdr_put_text(c, ""); /* mesh_resource */
    glint_cdr_put_text(c, ""); /* mesh_file: filename, data */
    glint_cdr_put_u32(c, 0);
    glint_cdr_put_u8(c, 0);
}

static const float colors[8][3] = {{0.2f, 0.7f, 1.0f}, {1.0f, 0.6f, 0.1f}, {0.4f, 0.9f, 0.3f},
                                   {0.9f, 0.3f, 0.8f}, {1.0f, 0.9f, 0.2f}, {0.3f, 0.9f, 0.8f},
                                   {1.0f, 0.4f, 0.4f}, {0.7f, 0.6f, 1.0f}};

static void put_cube(struct glint_ros_encoder *e, const struct glint_box *box, int32_t id)
{
    const float *color = colors[(uint32_t)box->label & 7];
    const struct marker m = {
        .ns = "boxes",
        .text = "",
        .id = id,
        .type = CUBE,
        .action = ADD,
        .position = {box->center[0], box->center[1], box->center[2]},
        .scale = {box->size[0], box->size[1], box->size[2]},
        .color = {color[0], color[1], color[2], box->id >= 0 && box->unseen_s > 0 ? 0.15f : 0.4f},
        .yaw = box->yaw};
    put_marker(e, &m);
}

/* "car 7 0.93" above the box. */
static void put_words(struct glint_ros_encoder *e, const struct glint_box *box, int32_t id)
{
    char number[24], track[16], text[160];
    snprintf(text, sizeof text, "%.100s%s%s %.2f", glint_ros_label(e->ctx, box->label, number),
             box->id >= 0 ? " " : "", id_text(box, track), (double)box->score);
    const struct marker m = {
        .ns = "labels",
        .text = text,
        .id = id,
        .type = TEXT,
        .action = ADD,
        .position = {box->center[0], box->center[1], box->center[2] + box->size[2] / 2 + 0.5f},
        .scale = {0, 0, 0.8f},
        .color = {1, 1, 1, 1}};
    put_marker(e, &m);
}

/* As long as the way of one second. */
static void put_arrow(struct glint_ros_encoder *e, const struct glint_box *box, int32_t id)
{
    const struct marker m = {.ns = "velocities",
                             .text = "",
                             .id = id,
                             .type = ARROW,
                             .action = ADD,
                             .position = {box->center[0], box->center[1], box->center[2]},
                             .scale = {speed(box), 0.2f, 0.2f},
                             .color = {1, 1, 1, 0.8f},
                             .yaw = atan2f(box->velocity[1], box->velocity[0])};
    put_marker(e, &m);
}

void glint_ros_put_markers(struct glint_ros_encoder *e)
{
    const struct marker clear = {.ns = "", .text = "", .action = DELETE_ALL};
    uint32_t n = 1;
    for (int32_t i = 0; i < e->frame->n_boxes; i++)
        n += 2u + (speed(&e->frame->boxes[i]) > STATIONARY_MPS);
    glint_cdr_put_u32(&e->cdr, n);
    put_marker(e, &clear);
    for (int32_t i = 0; i < e->frame->n_boxes; i++) {
        const struct glint_box *box = &e->frame->boxes[i];
        put_cube(e, box, i);
        put_words(e, box, i);
        if (speed(box) > STATIONARY_MPS)
            put_arrow(e, box, i);
    }
}
