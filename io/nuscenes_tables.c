/* io/nuscenes_tables.c - see nuscenes_tables.h.
 *
 * One reader per table, in an order in which what a row refers to is known already; links between rows of one
 * table (prev, next) and the poses, of which only those of LIDAR_TOP are wanted, are resolved at the end of
 * it. */
#include "io/nuscenes_tables.h"
#include "io/table_rows.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct loader { /* what is needed while reading only */
    struct glint_nuscenes_tables *t;
    struct glint_rows rows;
    char path[1200];
    struct glint_token_map scene, sensor, calibration, pose, category, attribute, instance, annotation;
    int32_t n_sensors;
    struct link {
        struct glint_token prev, next;
    } * link; /* of the table being read */
    int32_t cap, cap_links, cap_slots;
    size_t text_size, text_cap;
};

#define COUNT(array) ((int32_t)(sizeof(array) / sizeof *(array)))

/* Room for item n of an array. */
static int grow(void *array_at, int32_t n, int32_t *cap, size_t size)
{
    void **array = array_at;
    if (n < *cap)
        return GLINT_OK;
    if (*cap > INT32_MAX / 2)
        return glint_fail(GLINT_E_CAPACITY, "more than %d rows", n);
    const int32_t larger = *cap ? *cap * 2 : 64;
    void *p = realloc(*array, (size_t)larger * size);
    if (!p)
        return glint_fail(GLINT_E_NOMEM, "no memory for %d rows", larger);
    *array = p;
    *cap = larger;
    return GLINT_OK;
}

static int open_table(struct loader *l, const char *table, const struct glint_row_field *field, int32_t n)
{
    snprintf(l->path, sizeof l->path, "%s/%s/%s.json", l->t->root, l->t->version, table);
    l->cap = 0;
    return glint_rows_open(&l->rows, l->path, field, n);
}

static bool have_table(struct loader *l, const char *table)
{
    struct stat st;
    snprintf(l->path, sizeof l->path, "%s/%s/%s.json", l->t->root, l->t->version, table);
    return stat(l->path, &st) == 0;
}

/* All rows of a table through one function; `row` is the reader's own struct. */
static int read_table(struct loader *l, const char *table, const struct glint_row_field *field, int32_t n,
                      void *row, int (*take)(struct loader *l, const void *row))
{
    GLINT_TRY(open_table(l, table, field, n));
    int status;
    while ((status = glint_rows_next(&l->rows, row)) == GLINT_OK && (status = take(l, row)) == GLINT_OK)
        ;
    glint_rows_close(&l->rows);
    return status == GLINT_E_EOF ? GLINT_OK : status;
}

static int row_fail(struct loader *l, const char *what)
{
    return glint_json_stream_fail(&l->rows.stream, "%s", what);
}

static int add_token(struct loader *l, struct glint_token_map *map, struct glint_token token, int32_t value)
{
    const int status = glint_token_map_add(map, token, value);
    if (status == GLINT_E_ARG)
        return row_fail(l, "a row with this token was there before");
    return status;
}

/* The row that a token means; a failure that names the field when there is none. */
static int find(struct loader *l, const struct glint_token_map *map, struct glint_token token,
                const char *field, int32_t *out)
{
    char text[GLINT_TOKEN_TEXT];
    *out = glint_token_map_find(map, token);
    if (*out >= 0)
        return GLINT_OK;
    glint_token_format(token, text);
    return glint_json_stream_fail(&l->rows.stream, "%s %s is in no row of its table", field, text);
}

static int put_text(struct loader *l, const char *text, uint32_t *at_out)
{
    const size_t n = strlen(text) + 1;
    if (l->text_size + n > l->text_cap) {
        const size_t cap = (l->text_cap + n) * 2;
        char *p = cap < UINT32_MAX ? realloc(l->t->text, cap) : NULL;
        if (!p)
            return glint_fail(GLINT_E_NOMEM, "%s: no memory for file names", l->path);
        l->t->text = p;
        l->text_cap = cap;
    }
    memcpy(l->t->text + l->text_size, text, n);
    *at_out = (uint32_t)l->text_size;
    l->text_size += n;
    return GLINT_OK;
}

static int32_t narrow(int64_t v)
{
    return v < -1 ? -1 : v > INT32_MAX ? INT32_MAX : (int32_t)v;
}

/* Scenes and samples */

struct scene_row {
    struct glint_token token;
    char name[GLINT_ROW_TEXT];
};
static const struct glint_row_field scene_fields[] = {
    {"token", GLINT_ROW_TOKEN, offsetof(struct scene_row, token), 0},
    {"name", GLINT_ROW_NAME, offsetof(struct scene_row, name), 0}};

/* Names that go on beyond our room are cut: no official one does. */
static void copy_name(char to[GLINT_NUSCENES_NAME], const char *from)
{
    snprintf(to, GLINT_NUSCENES_NAME, "%.*s", GLINT_NUSCENES_NAME - 1, from);
}

static int take_scene(struct loader *l, const void *data)
{
    const struct scene_row *row = data;
    struct glint_nuscenes_tables *t = l->t;
    GLINT_TRY(grow(&t->scene, t->n_scenes, &l->cap, sizeof *t->scene));
    GLINT_TRY(add_token(l, &l->scene, row->token, t->n_scenes));
    struct glint_nuscenes_scene *s = &t->scene[t->n_scenes++];
    s->token = row->token;
    s->n_samples = 0;
    copy_name(s->name, row->name);
    return GLINT_OK;
}

struct sample_row {
    struct glint_token token, scene;
    int64_t timestamp;
};
static const struct glint_row_field sample_fields[] = {
    {"token", GLINT_ROW_TOKEN, offsetof(struct sample_row, token), 0},
    {"timestamp", GLINT_ROW_I64, offsetof(struct sample_row, timestamp), 0},
    {"scene_token", GLINT_ROW_TOKEN, offsetof(struct sample_row, scene), 0}};

static int take_sample(struct loader *l, const void *data)
{
    const struct sample_row *row = data;
    struct glint_nuscenes_tables *t = l->t;
    int32_t scene;
    GLINT_TRY(grow(&t->sample, t->n_samples, &l->cap, sizeof *t->sample));
    GLINT_TRY(find(l, &l->scene, row->scene, "scene_token", &scene));
    GLINT_TRY(add_token(l, &t->samples, row->token, t->n_samples));
    t->sample[t->n_samples++] = (struct glint_nuscenes_sample){
        .token = row->token, .timestamp_us = row->timestamp, .scene = scene, .key = -1};
    t->scene[scene].n_samples++;
    return GLINT_OK;
}

/* Sensors, calibrations, sweeps, poses */

struct sensor_row {
    struct glint_token token;
    char channel[GLINT_ROW_TEXT];
};
static const struct glint_row_field sensor_fields[] = {
    {"token", GLINT_ROW_TOKEN, offsetof(struct sensor_row, token), 0},
    {"channel", GLINT_ROW_NAME, offsetof(struct sensor_row, channel), 0}};

static int take_sensor(struct loader *l, const void *data)
{
    const struct sensor_row *row = data;
    return strcmp(row->channel, "LIDAR_TOP") == 0 ? add_token(l, &l->sensor, row->token, l->n_sensors++)
                                                  : GLINT_OK;
}

struct pose_row {
    struct glint_token token, sensor;
    double rotation[4], translation[3];
};
static const struct glint_row_field calibration_fields[] = {
    {"token", GLINT_ROW_TOKEN, offsetof(struct pose_row, token), 0},
    {"sensor_token", GLINT_ROW_TOKEN, offsetof(struct pose_row, sensor), 0},
    {"translation", GLINT_ROW_F64S, offsetof(struct pose_row, translation), 3},
    {"rotation", GLINT_ROW_F64S, offsetof(struct pose_row, rotation), 4}};
static const struct glint_row_field pose_fields[] = {
    {"token", GLINT_ROW_TOKEN, offsetof(struct pose_row, token), 0},
    {"rotation", GLINT_ROW_F64S, offsetof(struct pose_row, rotation), 4},
    {"translation", GLINT_ROW_F64S, offsetof(struct pose_row, translation), 3}};

static int make_pose(struct loader *l, const struct pose_row *row, struct glint_pose *out)
{
    double square = 0;
    for (int i = 0; i < 4; i++)
        square += row->rotation[i] * row->rotation[i];
    const double length = sqrt(square);
    if (!(fabs(length - 1) <= 1e-3))
        return glint_json_stream_fail(&l->rows.stream, "rotation of length %g, a unit quaternion expected",
                                      length);
    for (int i = 0; i < 4; i++)
        out->q[i] = row->rotation[i] / length;
    memcpy(out->t, row->translation, sizeof out->t);
    return GLINT_OK;
}

static int take_calibration(struct loader *l, const void *data)
{
    const struct pose_row *row = data;
    struct glint_nuscenes_tables *t = l->t;
    if (glint_token_map_find(&l->sensor, row->sensor) < 0)
        return GLINT_OK;
    GLINT_TRY(grow(&t->calibration, t->n_calibrations, &l->cap, sizeof *t->calibration));
    GLINT_TRY(add_token(l, &l->calibration, row->token, t->n_calibrations));
    return make_pose(l, row, &t->calibration[t->n_calibrations++]);
}

struct data_row {
    struct glint_token token, sample, pose, calibration, prev, next;
    int64_t timestamp;
    bool is_key_frame;
    char filename[GLINT_ROW_TEXT];
};
static const struct glint_row_field data_fields[] = {
    {"token", GLINT_ROW_TOKEN, offsetof(struct data_row, token), 0},
    {"sample_token", GLINT_ROW_TOKEN, offsetof(struct data_row, sample), 0},
    {"ego_pose_token", GLINT_ROW_TOKEN, offsetof(struct data_row, pose), 0},
    {"calibrated_sensor_token", GLINT_ROW_TOKEN, offsetof(struct data_row, calibration), 0},
    {"timestamp", GLINT_ROW_I64, offsetof(struct data_row, timestamp), 0},
    {"is_key_frame", GLINT_ROW_BOOL, offsetof(struct data_row, is_key_frame), 0},
    {"filename", GLINT_ROW_NAME, offsetof(struct data_row, filename), 0},
    {"prev", GLINT_ROW_LINK, offsetof(struct data_row, prev), 0},
    {"next", GLINT_ROW_LINK, offsetof(struct data_row, next), 0}};

/* The pose's place: sweeps may share one. */
static int pose_index(struct loader *l, struct glint_token token, int32_t *out)
{
    *out = glint_token_map_find(&l->pose, token);
    if (*out >= 0)
        return GLINT_OK;
    *out = l->t->n_poses;
    return glint_token_map_add(&l->pose, token, l->t->n_poses++);
}

static int take_data(struct loader *l, const void *data)
{
    const struct data_row *row = data;
    struct glint_nuscenes_tables *t = l->t;
    struct glint_nuscenes_sweep sweep = {.token = row->token,
                                         .timestamp_us = row->timestamp,
                                         .is_key_frame = row->is_key_frame,
                                         .prev = -1,
                                         .next = -1};
    sweep.calibration = glint_token_map_find(&l->calibration, row->calibration);
    if (sweep.calibration < 0) { /* another sensor */
        t->n_other_data++;
        return GLINT_OK;
    }
    GLINT_TRY(find(l, &t->samples, row->sample, "sample_token", &sweep.sample));
    GLINT_TRY(grow(&t->sweep, t->n_sweeps, &l->cap, sizeof *t->sweep));
    GLINT_TRY(grow(&l->link, t->n_sweeps, &l->cap_links, sizeof *l->link));
    GLINT_TRY(add_token(l, &t->sweep_map, row->token, t->n_sweeps));
    GLINT_TRY(pose_index(l, row->pose, &sweep.pose));
    GLINT_TRY(put_text(l, row->filename, &sweep.file));
    if (row->is_key_frame)
        t->sample[sweep.sample].key = t->n_sweeps;
    l->link[t->n_sweeps] = (struct link){row->prev, row->next};
    t->sweep[t->n_sweeps++] = sweep;
    return GLINT_OK;
}

/* The neighbour that a token names: -1 for none; a failure when no row has it. */
static int resolve(const struct loader *l, const struct glint_token_map *map, struct glint_token token,
                   int32_t *out)
{
    char text[GLINT_TOKEN_TEXT];
    *out = glint_token_map_find(map, token);
    if (*out >= 0 || glint_token_none(token))
        return GLINT_OK;
    glint_token_format(token, text);
    return glint_fail(GLINT_E_FORMAT, "%s: prev or next %s is in no row", l->path, text);
}

static int link_sweeps(struct loader *l)
{
    struct glint_nuscenes_tables *t = l->t;
    for (int32_t i = 0; i < t->n_sweeps; i++) {
        GLINT_TRY(resolve(l, &t->sweep_map, l->link[i].prev, &t->sweep[i].prev));
        GLINT_TRY(resolve(l, &t->sweep_map, l->link[i].next, &t->sweep[i].next));
    }
    return GLINT_OK;
}

static int take_pose(struct loader *l, const void *data)
{
    const struct pose_row *row = data;
    const int32_t i = glint_token_map_find(&l->pose, row->token);
    return i < 0 ? GLINT_OK : make_pose(l, row, &l->t->pose[i]);
}

static int read_poses(struct loader *l)
{
    struct glint_nuscenes_tables *t = l->t;
    struct pose_row row;
    t->pose = calloc((size_t)t->n_poses + 1, sizeof *t->pose); /* a quaternion of 0: not read */
    if (!t->pose)
        return glint_fail(GLINT_E_NOMEM, "no memory for %d poses", t->n_poses);
    GLINT_TRY(read_table(l, "ego_pose", pose_fields, COUNT(pose_fields), &row, take_pose));
    for (int32_t i = 0; i < t->n_sweeps; i++) {
        const double *q = t->pose[t->sweep[i].pose].q;
        if (q[0] == 0 && q[1] == 0 && q[2] == 0 && q[3] == 0)
            return glint_fail(GLINT_E_FORMAT, "%s: no pose for %s", l->path, t->text + t->sweep[i].file);
    }
    return GLINT_OK;
}

/* Categories, attributes, instances, annotations */

struct name_row {
    struct glint_token token;
    int64_t index;
    char name[GLINT_ROW_TEXT];
};
static const struct glint_row_field name_fields[] = {
    {"token", GLINT_ROW_TOKEN, offsetof(struct name_row, token), 0},
    {"name", GLINT_ROW_NAME, offsetof(struct name_row, name), 0},
    {"index", GLINT_ROW_I64, offsetof(struct name_row, index), 1}};

static int take_category(struct loader *l, const void *data)
{
    const struct name_row *row = data;
    struct glint_nuscenes_tables *t = l->t;
    GLINT_TRY(grow(&t->category, t->n_categories, &l->cap, sizeof *t->category));
    GLINT_TRY(add_token(l, &l->category, row->token, t->n_categories));
    struct glint_nuscenes_category *c = &t->category[t->n_categories++];
    c->token = row->token;
    c->index = narrow(row->index);
    copy_name(c->name, row->name);
    return GLINT_OK;
}

static int take_attribute(struct loader *l, const void *data)
{
    const struct name_row *row = data;
    struct glint_nuscenes_tables *t = l->t;
    GLINT_TRY(grow(&t->attribute, t->n_attributes, &l->cap, sizeof *t->attribute));
    GLINT_TRY(add_token(l, &l->attribute, row->token, t->n_attributes));
    struct glint_nuscenes_attribute *a = &t->attribute[t->n_attributes++];
    a->token = row->token;
    copy_name(a->name, row->name);
    return GLINT_OK;
}

struct instance_row {
    struct glint_token token, category;
};
static const struct glint_row_field instance_fields[] = {
    {"token", GLINT_ROW_TOKEN, offsetof(struct instance_row, token), 0},
    {"category_token", GLINT_ROW_TOKEN, offsetof(struct instance_row, category), 0}};

static int take_instance(struct loader *l, const void *data)
{
    const struct instance_row *row = data;
    struct glint_nuscenes_tables *t = l->t;
    int32_t category;
    GLINT_TRY(grow(&t->instance, t->n_instances, &l->cap, sizeof *t->instance));
    GLINT_TRY(find(l, &l->category, row->category, "category_token", &category));
    GLINT_TRY(add_token(l, &l->instance, row->token, t->n_instances));
    t->instance[t->n_instances++] = (struct glint_nuscenes_instance){row->token, category};
    return GLINT_OK;
}

struct annotation_row {
    struct glint_token token, sample, instance, prev, next;
    struct glint_row_tokens attributes;
    double translation[3], size[3], rotation[4];
    int64_t n_lidar, n_radar;
};
static const struct glint_row_field annotation_fields[] = {
    {"token", GLINT_ROW_TOKEN, offsetof(struct annotation_row, token), 0},
    {"sample_token", GLINT_ROW_TOKEN, offsetof(struct annotation_row, sample), 0},
    {"instance_token", GLINT_ROW_TOKEN, offsetof(struct annotation_row, instance), 0},
    {"attribute_tokens", GLINT_ROW_TOKENS_OF, offsetof(struct annotation_row, attributes), 0},
    {"translation", GLINT_ROW_F64S, offsetof(struct annotation_row, translation), 3},
    {"size", GLINT_ROW_F64S, offsetof(struct annotation_row, size), 3},
    {"rotation", GLINT_ROW_F64S, offsetof(struct annotation_row, rotation), 4},
    {"prev", GLINT_ROW_LINK, offsetof(struct annotation_row, prev), 0},
    {"next", GLINT_ROW_LINK, offsetof(struct annotation_row, next), 0},
    {"num_lidar_pts", GLINT_ROW_I64, offsetof(struct annotation_row, n_lidar), 0},
    {"num_radar_pts", GLINT_ROW_I64, offsetof(struct annotation_row, n_radar), 0}};

static int fill_annotation(struct loader *l, const struct annotation_row *row,
                           struct glint_nuscenes_annotation *a)
{
    *a = (struct glint_nuscenes_annotation){.n_attributes = row->attributes.n,
                                            .attribute = -1,
                                            .n_lidar = narrow(row->n_lidar),
                                            .n_radar = narrow(row->n_radar)};
    memcpy(a->translation, row->translation, sizeof a->translation);
    memcpy(a->size, row->size, sizeof a->size);
    memcpy(a->rotation, row->rotation, sizeof a->rotation);
    GLINT_TRY(find(l, &l->t->samples, row->sample, "sample_token", &a->sample));
    GLINT_TRY(find(l, &l->instance, row->instance, "instance_token", &a->instance));
    if (a->n_attributes > 0)
        GLINT_TRY(find(l, &l->attribute, row->attributes.token[0], "attribute_tokens", &a->attribute));
    return GLINT_OK;
}

static int take_annotation(struct loader *l, const void *data)
{
    const struct annotation_row *row = data;
    struct glint_nuscenes_tables *t = l->t;
    GLINT_TRY(grow(&t->annotation, t->n_annotations, &l->cap, sizeof *t->annotation));
    GLINT_TRY(grow(&l->link, t->n_annotations, &l->cap_links, sizeof *l->link));
    GLINT_TRY(add_token(l, &l->annotation, row->token, t->n_annotations));
    GLINT_TRY(fill_annotation(l, row, &t->annotation[t->n_annotations]));
    l->link[t->n_annotations] = (struct link){row->prev, row->next};
    t->sample[t->annotation[t->n_annotations++].sample].n_annotations++;
    return GLINT_OK;
}

/* Links, and of_sample by counting. */
static int finish_annotations(struct loader *l)
{
    struct glint_nuscenes_tables *t = l->t;
    t->of_sample = malloc(((size_t)t->n_annotations + 1) * sizeof *t->of_sample);
    if (!t->of_sample)
        return glint_fail(GLINT_E_NOMEM, "no memory for %d annotations", t->n_annotations);
    for (int32_t i = 0, first = 0; i < t->n_samples; i++) {
        t->sample[i].first = first;
        first += t->sample[i].n_annotations;
        t->sample[i].n_annotations = 0;
    }
    for (int32_t i = 0; i < t->n_annotations; i++) {
        struct glint_nuscenes_annotation *a = &t->annotation[i];
        struct glint_nuscenes_sample *s = &t->sample[a->sample];
        t->of_sample[s->first + s->n_annotations++] = i;
        GLINT_TRY(resolve(l, &l->annotation, l->link[i].prev, &a->prev));
        GLINT_TRY(resolve(l, &l->annotation, l->link[i].next, &a->next));
    }
    return GLINT_OK;
}

/* Labels of points */

struct label_row {
    struct glint_token sweep;
    char filename[GLINT_ROW_TEXT];
};
static const struct glint_row_field label_fields[] = {
    {"sample_data_token", GLINT_ROW_TOKEN, offsetof(struct label_row, sweep), 0},
    {"filename", GLINT_ROW_NAME, offsetof(struct label_row, filename), 0}};

static int take_lidarseg(struct loader *l, const void *data)
{
    const struct label_row *row = data;
    int32_t sweep;
    GLINT_TRY(find(l, &l->t->sweep_map, row->sweep, "sample_data_token", &sweep));
    return put_text(l, row->filename, &l->t->sweep[sweep].lidarseg);
}

static int take_panoptic(struct loader *l, const void *data)
{
    const struct label_row *row = data;
    int32_t sweep;
    GLINT_TRY(find(l, &l->t->sweep_map, row->sweep, "sample_data_token", &sweep));
    return put_text(l, row->filename, &l->t->sweep[sweep].panoptic);
}

/* All of it */

static int read_data(struct loader *l)
{
    struct sensor_row sensor;
    struct pose_row pose;
    struct data_row data;
    GLINT_TRY(read_table(l, "sensor", sensor_fields, COUNT(sensor_fields), &sensor, take_sensor));
    if (l->n_sensors == 0)
        return glint_fail(GLINT_E_FORMAT, "%s: no sensor with channel LIDAR_TOP", l->path);
    GLINT_TRY(read_table(l, "calibrated_sensor", calibration_fields, COUNT(calibration_fields), &pose,
                         take_calibration));
    GLINT_TRY(read_table(l, "sample_data", data_fields, COUNT(data_fields), &data, take_data));
    GLINT_TRY(link_sweeps(l));
    return read_poses(l);
}

static int read_annotations(struct loader *l)
{
    struct name_row name;
    struct instance_row instance;
    struct annotation_row annotation;
    GLINT_TRY(read_table(l, "category", name_fields, COUNT(name_fields), &name, take_category));
    GLINT_TRY(read_table(l, "attribute", name_fields, COUNT(name_fields), &name, take_attribute));
    GLINT_TRY(read_table(l, "instance", instance_fields, COUNT(instance_fields), &instance, take_instance));
    GLINT_TRY(read_table(l, "sample_annotation", annotation_fields, COUNT(annotation_fields), &annotation,
                         take_annotation));
    return finish_annotations(l);
}

static int read_labels(struct loader *l)
{
    struct label_row label;
    if (have_table(l, "lidarseg"))
        GLINT_TRY(read_table(l, "lidarseg", label_fields, COUNT(label_fields), &label, take_lidarseg));
    if (have_table(l, "panoptic"))
        GLINT_TRY(read_table(l, "panoptic", label_fields, COUNT(label_fields), &label, take_panoptic));
    return GLINT_OK;
}

static int read_all(struct loader *l)
{
    struct scene_row scene;
    struct sample_row sample;
    uint32_t none;
    GLINT_TRY(put_text(l, "", &none));
    GLINT_TRY(read_table(l, "scene", scene_fields, COUNT(scene_fields), &scene, take_scene));
    GLINT_TRY(read_table(l, "sample", sample_fields, COUNT(sample_fields), &sample, take_sample));
    GLINT_TRY(read_data(l));
    GLINT_TRY(read_annotations(l));
    return read_labels(l);
}

static void loader_fini(struct loader *l)
{
    struct glint_token_map *maps[] = {&l->scene,    &l->sensor,    &l->calibration, &l->pose,
                                      &l->category, &l->attribute, &l->instance,    &l->annotation};
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++)
        glint_token_map_fini(maps[i]);
    free(l->link);
    free(l);
}

int glint_nuscenes_tables_open(const char *root, const char *version,
                               struct glint_nuscenes_tables **tables_out)
{
    *tables_out = NULL;
    struct glint_nuscenes_tables *t = calloc(1, sizeof *t);
    struct loader *l = calloc(1, sizeof *l);
    int status = t && l ? GLINT_OK : glint_fail(GLINT_E_NOMEM, "%s: no memory", root);
    if (status == GLINT_OK && (strlen(root) >= sizeof t->root || strlen(version) >= sizeof t->version))
        status = glint_fail(GLINT_E_ARG, "%.60s...: path longer than %zu bytes", root, sizeof t->root - 1);
    if (status == GLINT_OK) {
        strcpy(t->root, root);
        strcpy(t->version, version);
        l->t = t;
        status = read_all(l);
    }
    if (l)
        loader_fini(l);
    if (status == GLINT_OK)
        *tables_out = t;
    else
        glint_nuscenes_tables_close(t);
    return status;
}

void glint_nuscenes_tables_close(struct glint_nuscenes_tables *t)
{
    if (!t)
        return;
    void *arrays[] = {t->scene,     t->sample,   t->sweep,      t->calibration, t->pose, t->category,
                      t->attribute, t->instance, t->annotation, t->of_sample,   t->text};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        free(arrays[i]);
    glint_token_map_fini(&t->samples);
    glint_token_map_fini(&t->sweep_map);
    free(t);
}

void glint_nuscenes_velocity(const struct glint_nuscenes_tables *t, int32_t annotation,
                             double velocity_out[2])
{
    const struct glint_nuscenes_annotation *a = &t->annotation[annotation];
    const struct glint_nuscenes_annotation *first = a->prev >= 0 ? &t->annotation[a->prev] : a;
    const struct glint_nuscenes_annotation *last = a->next >= 0 ? &t->annotation[a->next] : a;
    const double dt = 1e-6 * (double)t->sample[last->sample].timestamp_us -
                      1e-6 * (double)t->sample[first->sample].timestamp_us;
    const bool both = a->prev >= 0 && a->next >= 0, none = a->prev < 0 && a->next < 0;
    for (int k = 0; k < 2; k++)
        velocity_out[k] =
            none || dt > (both ? 3.0 : 1.5) ? NAN : (last->translation[k] - first->translation[k]) / dt;
}
