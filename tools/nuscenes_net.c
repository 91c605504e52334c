/* tools/nuscenes_net.c - see nuscenes_net.h. The attribute rule is the usual one of networks without an
 * attribute head: by speed, with what is most frequent in the data for each class. */
#include "tools/nuscenes_net.h"
#include "calib/pose.h"
#include "core/json.h"
#include "core/log.h"
#include "eval/nuscenes_submission.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLASSES GLINT_NUSCENES_DETECTION_CLASSES
#define MANMADE 15 /* of lidarseg: the most frequent class of what is nothing else */

/* Names that other networks use for nuScenes' classes. */
static const struct {
    const char *name, *class;
} synonyms[] = {
    {"vehicle", "car"}, {"cyclist", "bicycle"}, {"person", "pedestrian"}, {"cone", "traffic_cone"}};

static const struct {
    const char *name, *class;
} point_synonyms[] = {{"ground", "driveable_surface"},
                      {"road", "driveable_surface"},
                      {"building", "manmade"},
                      {"pole", "manmade"},
                      {"vehicle", "car"},
                      {"cyclist", "bicycle"},
                      {"person", "pedestrian"},
                      {"tree", "vegetation"}};

/* By class: moving, standing. */
static const char *const usual_attributes[CLASSES][2] = {
    {"vehicle.moving", "vehicle.parked"},  /* car */
    {"vehicle.moving", "vehicle.parked"},  /* truck */
    {"vehicle.moving", "vehicle.stopped"}, /* bus */
    {"vehicle.moving", "vehicle.parked"},  /* trailer */
    {"vehicle.moving", "vehicle.parked"},  /* construction_vehicle */
    {"pedestrian.moving", "pedestrian.standing"},
    {"cycle.with_rider", "cycle.without_rider"}, /* motorcycle */
    {"cycle.with_rider", "cycle.without_rider"}, /* bicycle */
    {"", ""},
    {"", ""}};

static int32_t class_named(const char *name)
{
    return glint_nuscenes_class_named(GLINT_NUSCENES_DETECTION, name, (int32_t)strlen(name));
}

static int32_t attribute_named(const char *name)
{
    return glint_nuscenes_attribute_named(name, (int32_t)strlen(name));
}

static int32_t usual_class(const char *name)
{
    for (size_t i = 0; i < sizeof synonyms / sizeof *synonyms; i++)
        if (strcmp(synonyms[i].name, name) == 0)
            return class_named(synonyms[i].class);
    return class_named(name);
}

/* Reading config.json */

static int read_stack(struct glint_json root, struct glint_nuscenes_stack *stack)
{
    const struct glint_json input = glint_json_get(root, "input");
    double distance = 0;
    *stack = (struct glint_nuscenes_stack){.n_past = 0};
    if (glint_json_has(input, "sweeps"))
        GLINT_TRY(glint_json_i32(input, "sweeps", 0, GLINT_NUSCENES_PAST, &stack->n_past));
    if (glint_json_has(input, "min_distance_m"))
        GLINT_TRY(glint_json_f64(input, "min_distance_m", 0, 100, &distance));
    stack->min_distance_m = (float)distance;
    return GLINT_OK;
}

static int load(const char *folder, struct glint_json_doc **doc_out)
{
    char path[2048];
    snprintf(path, sizeof path, "%.2000s/config.json", folder);
    return glint_json_load(path, doc_out);
}

int glint_nuscenes_net_stack(const char *folder, struct glint_nuscenes_stack *stack)
{
    struct glint_json_doc *doc;
    *stack = (struct glint_nuscenes_stack){.n_past = 0};
    GLINT_TRY(load(folder, &doc));
    const int status = read_stack(glint_json_root(doc), stack);
    glint_json_close(doc);
    return status;
}

static int read_class(struct glint_json classes, const char *name, int32_t *out)
{
    const char *class;
    *out = usual_class(name);
    if (!glint_json_has(classes, name))
        return GLINT_OK;
    GLINT_TRY(glint_json_string(classes, name, &class));
    *out = class_named(class);
    return *out >= 0 || !class[0] ? GLINT_OK
                                  : glint_json_fail(glint_json_get(classes, name),
                                                    "a class of nuScenes expected, found \"%s\"", class);
}

static int read_point_class(struct glint_json classes, const char *name, uint8_t *out)
{
    const char *class = name;
    for (size_t i = 0; i < sizeof point_synonyms / sizeof *point_synonyms; i++)
        if (strcmp(point_synonyms[i].name, name) == 0)
            class = point_synonyms[i].class;
    const bool given = glint_json_has(classes, name);
    if (given)
        GLINT_TRY(glint_json_string(classes, name, &class));
    for (uint8_t c = 1; c < GLINT_NUSCENES_LIDARSEG_CLASSES; c++)
        if (strcmp(glint_nuscenes_lidarseg[c], class) == 0) {
            *out = c;
            return GLINT_OK;
        }
    return given ? glint_json_fail(glint_json_get(classes, name),
                                   "a class of lidarseg expected, found \"%s\"", class)
                 : GLINT_OK;
}

static int read_attributes(struct glint_json attributes, int32_t c, int32_t out[2])
{
    const char *const name = glint_nuscenes_task_info(GLINT_NUSCENES_DETECTION)->name[c];
    const char *names[2] = {usual_attributes[c][0], usual_attributes[c][1]};
    int32_t n = 2;
    if (glint_json_has(attributes, name))
        GLINT_TRY(glint_json_strings(attributes, name, 2, names, &n));
    for (int i = 0; i < 2; i++) {
        out[i] = n == 2 ? attribute_named(names[i]) : -1;
        if (n != 2 || (out[i] < 0 && names[i][0]))
            return glint_json_fail(glint_json_get(attributes, name),
                                   "the attributes of moving and standing objects expected");
    }
    return GLINT_OK;
}

static int read_section(struct glint_json section, const char *const *classes, struct glint_nuscenes_net *net)
{
    const struct glint_nuscenes_task_info *info = glint_nuscenes_task_info(GLINT_NUSCENES_DETECTION);
    const struct glint_json score = glint_json_get(section, "score");
    net->moving_mps = 0.2;
    if (glint_json_has(section, "moving_mps"))
        GLINT_TRY(glint_json_f64(section, "moving_mps", 0, 100, &net->moving_mps));
    for (int32_t i = 0; i < net->n_classes; i++)
        GLINT_TRY(read_class(glint_json_get(section, "classes"), classes[i], &net->class_of[i]));
    for (int32_t c = 0; c < CLASSES; c++) {
        net->score[c] = 0;
        if (glint_json_has(score, info->name[c]))
            GLINT_TRY(glint_json_f64(score, info->name[c], 0, 1, &net->score[c]));
        GLINT_TRY(read_attributes(glint_json_get(section, "attributes"), c, net->attribute[c]));
    }
    return GLINT_OK;
}

static void tell_unused(const struct glint_nuscenes_net *net, const char *const *classes)
{
    for (int32_t i = 0; i < net->n_classes; i++)
        if (net->class_of[i] < 0)
            glint_log(GLINT_LOG_INFO, "the model's class \"%s\" is none of nuScenes': its boxes are left out",
                      classes[i]);
}

int glint_nuscenes_net_read(const char *folder, const char *const *classes, int32_t n_classes,
                            const char *const *point_classes, int32_t n_point_classes,
                            struct glint_nuscenes_net *net)
{
    struct glint_json_doc *doc;
    memset(net, 0, sizeof *net);
    memset(net->point_class_of, MANMADE, sizeof net->point_class_of);
    GLINT_TRY(load(folder, &doc));
    const struct glint_json root = glint_json_root(doc);
    const struct glint_json section = glint_json_get(glint_json_get(root, "datasets"), "nuscenes");
    net->n_classes = n_classes < 64 ? n_classes : 64;
    int status = read_stack(root, &net->stack);
    if (status == GLINT_OK)
        status = read_section(section, classes, net);
    for (int32_t i = 0; status == GLINT_OK && i < n_point_classes && i < 256; i++)
        status = read_point_class(glint_json_get(section, "point_classes"), point_classes[i],
                                  &net->point_class_of[i]);
    glint_json_close(doc);
    if (status == GLINT_OK)
        tell_unused(net, classes);
    return status;
}

/* Boxes */

static void to_world(const struct glint_pose *pose, const struct glint_box *b, struct glint_nuscenes_box *out)
{
    const double none[3] = {0, 0, 0},
                 center[3] = {(double)b->center[0], (double)b->center[1], (double)b->center[2]};
    struct glint_pose turn = *pose;
    memcpy(turn.t, none, sizeof none);
    const struct glint_pose heading =
        glint_pose_compose(turn, glint_pose_from_rpy(0, 0, (double)b->yaw, none));
    double velocity[3] = {(double)b->velocity[0], (double)b->velocity[1], 0};
    glint_pose_apply(*pose, center, out->translation);
    glint_pose_apply(turn, velocity, velocity);
    memcpy(out->rotation, heading.q, sizeof out->rotation);
    memcpy(out->velocity, velocity, sizeof out->velocity);
    out->size[0] = (double)b->size[1];
    out->size[1] = (double)b->size[0];
    out->size[2] = (double)b->size[2];
}

/* Falling score; among equal ones as the network gave them. */
static int by_score(const void *a, const void *b)
{
    const struct glint_box *x = *(const struct glint_box *const *)a, *y = *(const struct glint_box *const *)b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return x < y ? -1 : x > y;
}

/* The task's class, -1: none. */
static int32_t class_in(enum glint_nuscenes_task task, int32_t detection_class)
{
    const char *name = glint_nuscenes_task_info(GLINT_NUSCENES_DETECTION)->name[detection_class];
    return task == GLINT_NUSCENES_DETECTION ? detection_class
                                            : glint_nuscenes_class_named(task, name, (int32_t)strlen(name));
}

static bool is_wanted(const struct glint_nuscenes_net *net, enum glint_nuscenes_task task,
                      const struct glint_box *b)
{
    const int32_t c = b->label >= 0 && b->label < net->n_classes ? net->class_of[b->label] : -1;
    const bool is_tracked = task == GLINT_NUSCENES_DETECTION || b->id >= 0;
    return is_tracked && c >= 0 && class_in(task, c) >= 0 && (double)b->score >= net->score[c] &&
           b->size[0] > 0 && b->size[1] > 0 && b->size[2] > 0;
}

int32_t glint_nuscenes_net_boxes(const struct glint_nuscenes_net *net, enum glint_nuscenes_task task,
                                 const struct glint_frame *frame, int32_t sample,
                                 struct glint_nuscenes_box *boxes)
{
    struct glint_pose pose;
    const struct glint_box **wanted = malloc(((size_t)frame->n_boxes + 1) * sizeof *wanted);
    int32_t n = 0;
    memcpy(pose.t, frame->pose_position, sizeof pose.t);
    memcpy(pose.q, frame->pose_rotation, sizeof pose.q);
    for (int32_t i = 0; wanted && i < frame->n_boxes; i++)
        if (is_wanted(net, task, &frame->boxes[i]))
            wanted[n++] = &frame->boxes[i];
    if (n > 1)
        qsort(wanted, (size_t)n, sizeof *wanted, by_score);
    n = n < GLINT_NUSCENES_MAX_BOXES ? n : GLINT_NUSCENES_MAX_BOXES;
    for (int32_t i = 0; i < n; i++) {
        const struct glint_box *b = wanted[i];
        const int32_t c = net->class_of[b->label];
        const bool moves = hypot((double)b->velocity[0], (double)b->velocity[1]) > net->moving_mps;
        boxes[i] = (struct glint_nuscenes_box){.score = (double)b->score,
                                               .sample = sample,
                                               .name = class_in(task, c),
                                               .attribute = net->attribute[c][moves ? 0 : 1],
                                               .num_pts = -1,
                                               .track = b->id,
                                               .place = sample * GLINT_NUSCENES_MAX_BOXES + i};
        to_world(&pose, b, &boxes[i]);
    }
    free(wanted);
    return n;
}

int glint_nuscenes_net_masks(const struct glint_nuscenes_net *net, const struct glint_nuscenes_tables *tables,
                             int32_t sweep, const struct glint_frame *frame, uint8_t **labels_out,
                             size_t *n_out)
{
    GLINT_TRY(glint_nuscenes_kept(tables, sweep, &net->stack, labels_out, n_out));
    uint8_t *labels = *labels_out;
    int32_t at = 0;
    for (size_t i = 0; i < *n_out; i++) {
        const bool kept = labels[i] && at < frame->points.n;
        labels[i] = kept && frame->has_masks ? net->point_class_of[frame->point_class[at]] : MANMADE;
        at += kept;
    }
    return GLINT_OK;
}
