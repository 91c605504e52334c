/* eval/nuscenes_boxes.c - see nuscenes_boxes.h. */
#include "eval/nuscenes_boxes.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The split */

static int allocate(struct glint_nuscenes_split *split)
{
    const struct glint_nuscenes_tables *t = split->tables;
    const size_t samples = (size_t)t->n_samples + 1, scenes = (size_t)t->n_scenes + 2;
    split->scene = malloc(scenes * sizeof *split->scene);
    split->sample = malloc(samples * sizeof *split->sample);
    split->place = malloc(samples * sizeof *split->place);
    split->scene_first = calloc(scenes, sizeof *split->scene_first);
    split->of_scene = malloc(samples * sizeof *split->of_scene);
    if (!split->scene || !split->sample || !split->place || !split->scene_first || !split->of_scene)
        return glint_fail(GLINT_E_NOMEM, "no memory for %d samples", t->n_samples);
    return GLINT_OK;
}

/* of_scene by counting: samples of a scene in the order of the table. */
static void group_by_scene(struct glint_nuscenes_split *split)
{
    for (int32_t i = 0; i < split->n_samples; i++)
        split->scene_first[split->sample[i].scene + 1]++;
    for (int32_t s = 0; s < split->n_scenes; s++)
        split->scene_first[s + 1] += split->scene_first[s];
    for (int32_t i = 0; i < split->n_samples; i++)
        split->of_scene[split->scene_first[split->sample[i].scene]++] = i;
    for (int32_t s = split->n_scenes; s > 0; s--)
        split->scene_first[s] = split->scene_first[s - 1];
    split->scene_first[0] = 0;
}

static int fill(struct glint_nuscenes_split *split, const char *name, int32_t *scene_place)
{
    const struct glint_nuscenes_tables *t = split->tables;
    for (int32_t s = 0; s < t->n_scenes; s++)
        scene_place[s] = glint_nuscenes_in_split(name, t->scene[s].name) == 1 ? -2 : -1; /* -2: not met yet */
    for (int32_t i = 0; i < t->n_samples; i++) {
        int32_t *place = &scene_place[t->sample[i].scene];
        split->place[i] = -1;
        if (*place == -1)
            continue;
        if (*place == -2) {
            *place = split->n_scenes;
            split->scene[split->n_scenes++] = t->sample[i].scene;
        }
        if (t->sample[i].key < 0)
            return glint_fail(GLINT_E_FORMAT, "%s/%s: %s: a sample without a key frame of LIDAR_TOP", t->root,
                              t->version, t->scene[t->sample[i].scene].name);
        split->place[i] = split->n_samples;
        split->sample[split->n_samples++] = (struct glint_nuscenes_split_sample){i, *place};
    }
    if (split->n_samples == 0)
        return glint_fail(GLINT_E_NOTFOUND, "%s/%s: none of the scenes of split %s is in these tables",
                          t->root, t->version, name);
    group_by_scene(split);
    return GLINT_OK;
}

int glint_nuscenes_split_init(struct glint_nuscenes_split *split, const struct glint_nuscenes_tables *tables,
                              const char *name)
{
    *split = (struct glint_nuscenes_split){.tables = tables};
    if (glint_nuscenes_in_split(name, "") < 0)
        return glint_fail(GLINT_E_ARG, "split %s: train, val, test, mini_train or mini_val expected", name);
    GLINT_TRY(allocate(split));
    int32_t *scene_place = malloc(((size_t)tables->n_scenes + 1) * sizeof *scene_place);
    if (!scene_place)
        return glint_fail(GLINT_E_NOMEM, "no memory for %d scenes", tables->n_scenes);
    const int status = fill(split, name, scene_place);
    free(scene_place);
    return status;
}

void glint_nuscenes_split_fini(struct glint_nuscenes_split *split)
{
    free(split->scene);
    free(split->sample);
    free(split->place);
    free(split->scene_first);
    free(split->of_scene);
    memset(split, 0, sizeof *split);
}

/* Boxes */

int glint_nuscenes_boxes_init(struct glint_nuscenes_boxes *boxes, const struct glint_nuscenes_split *split)
{
    memset(boxes, 0, sizeof *boxes);
    boxes->of_sample = calloc((size_t)split->n_samples + 1, sizeof *boxes->of_sample);
    return boxes->of_sample ? GLINT_OK
                            : glint_fail(GLINT_E_NOMEM, "no memory for %d samples", split->n_samples);
}

void glint_nuscenes_boxes_fini(struct glint_nuscenes_boxes *boxes)
{
    for (int32_t i = 0; i < boxes->n_tracks && boxes->track; i++)
        free(boxes->track[i]);
    free(boxes->track);
    free(boxes->box);
    free(boxes->of_sample);
    memset(boxes, 0, sizeof *boxes);
}

/* The submission's attribute for each row of the table: names are compared, so those beyond the benchmark's
 * eight never equal a result's. */
static int32_t attribute_of(const struct glint_nuscenes_tables *t, int32_t row)
{
    const char *name = t->attribute[row].name;
    const int32_t i = glint_nuscenes_attribute_named(name, (int32_t)strlen(name));
    return i >= 0 ? i : GLINT_NUSCENES_ATTRIBUTES + row;
}

static int fill_box(const struct glint_nuscenes_tables *t, enum glint_nuscenes_task task, int32_t annotation,
                    struct glint_nuscenes_box *box)
{
    const struct glint_nuscenes_annotation *a = &t->annotation[annotation];
    char token[GLINT_TOKEN_TEXT];
    if (task == GLINT_NUSCENES_DETECTION && a->n_attributes > 1) {
        glint_token_format(t->sample[a->sample].token, token);
        return glint_fail(GLINT_E_FORMAT,
                          "%s/%s: sample %s: an annotation with %d attributes, at most one expected", t->root,
                          t->version, token, a->n_attributes);
    }
    memcpy(box->translation, a->translation, sizeof box->translation);
    memcpy(box->size, a->size, sizeof box->size);
    memcpy(box->rotation, a->rotation, sizeof box->rotation);
    glint_nuscenes_velocity(t, annotation, box->velocity);
    box->attribute = a->n_attributes ? attribute_of(t, a->attribute) : -1;
    box->num_pts = a->n_lidar < INT32_MAX - a->n_radar ? a->n_lidar + a->n_radar : INT32_MAX;
    box->track = a->instance;
    box->score = -1;
    return GLINT_OK;
}

static int64_t count_annotations(const struct glint_nuscenes_split *split)
{
    int64_t n = 0;
    for (int32_t i = 0; i < split->n_samples; i++)
        n += split->tables->sample[split->sample[i].sample].n_annotations;
    return n;
}

int glint_nuscenes_ground_truth(const struct glint_nuscenes_split *split, enum glint_nuscenes_task task,
                                struct glint_nuscenes_boxes *boxes)
{
    const struct glint_nuscenes_tables *t = split->tables;
    GLINT_TRY(glint_nuscenes_boxes_init(boxes, split));
    boxes->box = malloc(((size_t)count_annotations(split) + 1) * sizeof *boxes->box);
    if (!boxes->box)
        return glint_fail(GLINT_E_NOMEM, "no memory for the annotations' boxes");
    for (int32_t i = 0; i < split->n_samples; i++) {
        const struct glint_nuscenes_sample *sample = &t->sample[split->sample[i].sample];
        boxes->of_sample[i].first = boxes->n;
        for (int32_t k = 0; k < sample->n_annotations; k++) {
            const int32_t a = t->of_sample[sample->first + k];
            const char *category = t->category[t->instance[t->annotation[a].instance].category].name;
            struct glint_nuscenes_box *box = &boxes->box[boxes->n];
            *box = (struct glint_nuscenes_box){.sample = i, .place = (int32_t)boxes->n};
            box->name = glint_nuscenes_class_of(task, category);
            if (box->name < 0)
                continue;
            GLINT_TRY(fill_box(t, task, a, box));
            boxes->n++;
        }
        boxes->of_sample[i].n = (int32_t)(boxes->n - boxes->of_sample[i].first);
    }
    return GLINT_OK;
}

/* What is evaluated */

/* The box's axes in the world: columns of its rotation matrix. */
static void axes(const double q[4], double m[9])
{
    const double n = q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + q[3] * q[3], s = n > 0 ? 2 / n : 0;
    const double w = q[0], x = q[1], y = q[2], z = q[3];
    const double out[9] = {1 - s * (y * y + z * z), s * (x * y - w * z),     s * (x * z + w * y),
                           s * (x * y + w * z),     1 - s * (x * x + z * z), s * (y * z - w * x),
                           s * (x * z - w * y),     s * (y * z + w * x),     1 - s * (x * x + y * y)};
    memcpy(m, out, sizeof out);
}

double glint_nuscenes_yaw(const double rotation[4])
{
    double m[9];
    axes(rotation, m);
    return atan2(m[3], m[0]);
}

/* Length runs along x, width along y; borders are inside. */
static bool inside(const struct glint_nuscenes_annotation *box, const double p[3])
{
    const double half[3] = {box->size[1] / 2, box->size[0] / 2, box->size[2] / 2};
    double m[9];
    axes(box->rotation, m);
    for (int k = 0; k < 3; k++) {
        double along = 0;
        for (int i = 0; i < 3; i++)
            along += m[3 * i + k] * (p[i] - box->translation[i]);
        if (!(fabs(along) <= half[k]))
            return false;
    }
    return true;
}

static bool in_rack(const struct glint_nuscenes_split *split, int32_t sample, const double p[3])
{
    const struct glint_nuscenes_tables *t = split->tables;
    const struct glint_nuscenes_sample *s = &t->sample[split->sample[sample].sample];
    for (int32_t k = 0; k < s->n_annotations; k++) {
        const struct glint_nuscenes_annotation *a = &t->annotation[t->of_sample[s->first + k]];
        if (strcmp(t->category[t->instance[a->instance].category].name, "static_object.bicycle_rack") == 0 &&
            inside(a, p))
            return true;
    }
    return false;
}

void glint_nuscenes_filter(const struct glint_nuscenes_split *split, enum glint_nuscenes_task task,
                           int32_t sample, struct glint_nuscenes_boxes *boxes)
{
    const struct glint_nuscenes_tables *t = split->tables;
    const struct glint_nuscenes_task_info *info = glint_nuscenes_task_info(task);
    const double *ego = t->pose[t->sweep[t->sample[split->sample[sample].sample].key].pose].t;
    struct glint_nuscenes_range *range = &boxes->of_sample[sample];
    struct glint_nuscenes_box *box = boxes->box + range->first;
    int32_t kept = 0;
    for (int32_t i = 0; i < range->n; i++) {
        const double dx = box[i].translation[0] - ego[0], dy = box[i].translation[1] - ego[1];
        box[i].ego_dist = sqrt(dx * dx + dy * dy);
        if (box[i].ego_dist < info->range_m[box[i].name] && box[i].num_pts != 0 &&
            !(glint_nuscenes_is_cycle(task, box[i].name) && in_rack(split, sample, box[i].translation)))
            box[kept++] = box[i];
    }
    range->n = kept;
}
