/* io/source_nuscenes.c - see source_nuscenes.h. */
#define _POSIX_C_SOURCE 200809L
#include "io/source_nuscenes.h"
#include "core/bytes.h"
#include "core/file.h"
#include "core/frame.h"
#include "core/log.h"
#include "io/source_points.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define RECORD 20 /* bytes of a point: f32 x y z intensity ring */

struct dataset {
    struct glint_source base;
    const struct glint_nuscenes_tables *tables;
    struct glint_nuscenes_tables *own_tables; /* NULL: the caller's */
    const int32_t *samples;
    int32_t *own_samples;
    int32_t n, at, cap_points;
    struct glint_nuscenes_stack stack;
    bool told;
};

const char *glint_nuscenes_version_in(const char *root)
{
    static const char *const versions[] = {"v1.0-trainval", "v1.0-test", "v1.0-mini"};
    char path[2048];
    struct stat st;
    for (int i = 0; i < 3; i++)
        if (snprintf(path, sizeof path, "%s/%s/sample_data.json", root, versions[i]) < (int)sizeof path &&
            stat(path, &st) == 0)
            return versions[i];
    return NULL;
}

/* Sensor from our axes: forward is the sensor's y, left its -x; the inverse of glint_nuscenes_to_vehicle as a
 * rotation, a quarter turn. */
static struct glint_pose sensor_from_frame(void)
{
    const double none[3] = {0, 0, 0};
    return glint_pose_from_rpy(0, 0, 1.57079632679489661923, none);
}

struct glint_pose glint_nuscenes_frame_pose(const struct glint_nuscenes_tables *t, int32_t sweep)
{
    const struct glint_nuscenes_sweep *s = &t->sweep[sweep];
    return glint_pose_compose(t->pose[s->pose],
                              glint_pose_compose(t->calibration[s->calibration], sensor_from_frame()));
}

/* Sizes */

static const char *path_of(const struct glint_nuscenes_tables *t, const struct glint_nuscenes_sweep *sweep,
                           char path[2048])
{
    snprintf(path, 2048, "%s/%s", t->root, t->text + sweep->file);
    return path;
}

static int64_t points_in(const struct glint_nuscenes_tables *t, int32_t sweep)
{
    char path[2048];
    struct stat st;
    return stat(path_of(t, &t->sweep[sweep], path), &st) == 0 ? (int64_t)st.st_size / RECORD : 0;
}

int32_t glint_nuscenes_cap_points(const struct glint_nuscenes_tables *t, const int32_t *samples, int32_t n,
                                  const struct glint_nuscenes_stack *stack)
{
    int64_t most = 0;
    for (int32_t i = 0; i < n; i++) {
        int64_t points = 0;
        int32_t sweep = t->sample[samples[i]].key;
        for (int32_t k = 0; k <= stack->n_past && sweep >= 0; k++, sweep = t->sweep[sweep].prev)
            points += points_in(t, sweep);
        most = points > most ? points : most;
    }
    return most < GLINT_CLOUD_CAP_POINTS ? (int32_t)most : GLINT_CLOUD_CAP_POINTS;
}

/* Points */

static bool is_near(const float p[3], float distance)
{
    return fabsf(p[0]) < distance && fabsf(p[1]) < distance;
}

static void add_point(struct glint_frame *frame, const float at[3], const uint8_t *record, float lag)
{
    const float ring = glint_le_f32(record + 16);
    const int32_t before = frame->points.n;
    glint_frame_add_point(frame, at[0], at[1], at[2], glint_le_f32(record + 12) / 255.0f,
                          ring >= 0 && ring <= UINT16_MAX ? (uint16_t)ring : 0, 0, 0);
    if (frame->points.lag && frame->points.n > before)
        frame->points.lag[before] = lag;
}

/* motion NULL: the key frame itself, whose coordinates stay as they are in the file. */
static void add_points(const struct glint_file *file, float min_distance, const double *motion, float lag,
                       struct glint_frame *frame)
{
    for (size_t i = 0; i + RECORD <= file->size; i += RECORD) {
        const uint8_t *r = file->data + i;
        float p[3] = {glint_le_f32(r), glint_le_f32(r + 4), glint_le_f32(r + 8)}, at[3];
        if (is_near(p, min_distance))
            continue;
        if (motion) {
            const double q[3] = {(double)p[0], (double)p[1], (double)p[2]};
            for (int k = 0; k < 3; k++)
                p[k] = (float)(motion[4 * k] * q[0] + motion[4 * k + 1] * q[1] + motion[4 * k + 2] * q[2] +
                               motion[4 * k + 3]);
        }
        glint_nuscenes_to_vehicle(p, at);
        add_point(frame, at, r, lag);
    }
}

int glint_nuscenes_kept(const struct glint_nuscenes_tables *t, int32_t sweep,
                        const struct glint_nuscenes_stack *stack, uint8_t **kept_out, size_t *n_out)
{
    char path[2048];
    struct glint_file file;
    *kept_out = NULL;
    GLINT_TRY(glint_file_open(&file, path_of(t, &t->sweep[sweep], path)));
    *n_out = file.size / RECORD;
    uint8_t *kept = malloc(*n_out + 1);
    for (size_t i = 0; kept && i < *n_out; i++) {
        const uint8_t *r = file.data + i * RECORD;
        const float p[3] = {glint_le_f32(r), glint_le_f32(r + 4), glint_le_f32(r + 8)};
        kept[i] = !is_near(p, stack->min_distance_m) &&
                  glint_point_is_sane(p[0], p[1], p[2], glint_le_f32(r + 12) / 255.0f);
    }
    glint_file_close(&file);
    *kept_out = kept;
    return kept ? GLINT_OK : glint_fail(GLINT_E_NOMEM, "%s: no memory", path);
}

static struct glint_pose world_from_sensor(const struct glint_nuscenes_tables *t,
                                           const struct glint_nuscenes_sweep *s)
{
    return glint_pose_compose(t->pose[s->pose], t->calibration[s->calibration]);
}

static int add_sweep(struct dataset *d, int32_t key, int32_t sweep, struct glint_frame *frame)
{
    const struct glint_nuscenes_tables *t = d->tables;
    const struct glint_nuscenes_sweep *k = &t->sweep[key], *s = &t->sweep[sweep];
    char path[2048];
    struct glint_file file;
    int32_t n_frames, n_points;
    double motion[12];
    GLINT_TRY(glint_file_open(&file, path_of(t, s, path)));
    const struct glint_cloud_file cloud = {path, file.data, file.size};
    const int status = glint_cloud_nuscenes.count(&cloud, &n_frames, &n_points);
    if (status == GLINT_OK) {
        glint_pose_to_matrix(
            glint_pose_compose(glint_pose_inverse(world_from_sensor(t, k)), world_from_sensor(t, s)), motion);
        add_points(&file, d->stack.min_distance_m, sweep == key ? NULL : motion,
                   (float)(1e-6 * (double)(k->timestamp_us - s->timestamp_us)), frame);
    }
    glint_file_close(&file);
    return status;
}

static int missing_sweep(struct dataset *d, int status)
{
    if (status != GLINT_E_NOTFOUND || !d->stack.allow_missing)
        return status;
    if (!d->told)
        glint_log(GLINT_LOG_WARN, "%s; frames go on with the sweeps that are there", glint_error_text());
    d->told = true;
    return GLINT_OK;
}

static void set_frame(const struct dataset *d, int32_t key, struct glint_frame *frame)
{
    const struct glint_nuscenes_tables *t = d->tables;
    const struct glint_pose pose = glint_nuscenes_frame_pose(t, key);
    const char *file = t->text + t->sweep[key].file, *slash = strrchr(file, '/');
    snprintf(frame->name, sizeof frame->name, "%.*s", (int)sizeof frame->name - 1, slash ? slash + 1 : file);
    char *ending = strstr(frame->name, ".pcd.bin");
    if (ending)
        *ending = 0;
    snprintf(frame->source, sizeof frame->source, "%.*s", (int)sizeof frame->source - 1, file);
    frame->stamp_ns = frame->reference_ns = t->sweep[key].timestamp_us * 1000;
    frame->has_pose = true;
    memcpy(frame->pose_position, pose.t, sizeof pose.t);
    memcpy(frame->pose_rotation, pose.q, sizeof pose.q);
}

static int next_frame(struct glint_source *source, struct glint_frame *frame)
{
    struct dataset *d = (struct dataset *)source;
    if (d->at == d->n)
        return GLINT_E_EOF;
    frame->index = (uint64_t)d->at;
    const int32_t key = d->tables->sample[d->samples[d->at++]].key;
    set_frame(d, key, frame);
    if (d->stack.n_past > 0)
        glint_frame_use_lag(frame);
    GLINT_TRY(add_sweep(d, key, key, frame));
    int32_t sweep = d->tables->sweep[key].prev;
    for (int32_t k = 0; k < d->stack.n_past && sweep >= 0; k++, sweep = d->tables->sweep[sweep].prev) {
        const int status = add_sweep(d, key, sweep, frame);
        if (status < 0)
            GLINT_TRY(missing_sweep(d, status));
    }
    return GLINT_OK;
}

static int32_t cap_points(struct glint_source *source)
{
    return ((struct dataset *)source)->cap_points;
}

static double progress(struct glint_source *source)
{
    const struct dataset *d = (struct dataset *)source;
    return d->n ? (double)d->at / d->n : 1.0;
}

static void close_dataset(struct glint_source *source)
{
    struct dataset *d = (struct dataset *)source;
    glint_nuscenes_tables_close(d->own_tables);
    free(d->own_samples);
    free(d);
}

static const struct glint_source_ops ops = {.name = "nuscenes dataset",
                                            .next_frame = next_frame,
                                            .cap_points = cap_points,
                                            .progress = progress,
                                            .close = close_dataset};

static int check_samples(const struct glint_nuscenes_tables *t, const int32_t *samples, int32_t n)
{
    for (int32_t i = 0; i < n; i++)
        if (t->sample[samples[i]].key < 0)
            return glint_fail(GLINT_E_FORMAT, "%s/%s: %s: a sample without a key frame of LIDAR_TOP", t->root,
                              t->version, t->scene[t->sample[samples[i]].scene].name);
    return GLINT_OK;
}

int glint_source_nuscenes_over(const struct glint_nuscenes_tables *tables, const int32_t *samples, int32_t n,
                               const struct glint_nuscenes_stack *stack, struct glint_source **source_out)
{
    *source_out = NULL;
    GLINT_TRY(check_samples(tables, samples, n));
    if (stack->n_past < 0 || stack->n_past > GLINT_NUSCENES_PAST)
        return glint_fail(GLINT_E_ARG, "%d past sweeps, 0 to %d wanted", stack->n_past, GLINT_NUSCENES_PAST);
    struct dataset *d = calloc(1, sizeof *d);
    if (!d)
        return glint_fail(GLINT_E_NOMEM, "%s: no memory", tables->root);
    d->base.ops = &ops;
    snprintf(d->base.path, sizeof d->base.path, "%s", tables->root);
    d->tables = tables;
    d->samples = samples;
    d->n = n;
    d->stack = *stack;
    d->cap_points = glint_nuscenes_cap_points(tables, samples, n, stack);
    *source_out = &d->base;
    return GLINT_OK;
}

static int32_t *all_samples(const struct glint_nuscenes_tables *t, int32_t *n_out)
{
    int32_t *samples = malloc(((size_t)t->n_samples + 1) * sizeof *samples);
    *n_out = 0;
    for (int32_t i = 0; samples && i < t->n_samples; i++)
        if (t->sample[i].key >= 0)
            samples[(*n_out)++] = i;
    return samples;
}

int glint_source_nuscenes_open(const char *root, const struct glint_nuscenes_stack *stack,
                               struct glint_source **source_out)
{
    struct glint_nuscenes_tables *tables;
    const char *version = glint_nuscenes_version_in(root);
    int32_t n;
    *source_out = NULL;
    if (!version)
        return glint_fail(GLINT_E_NOTFOUND,
                          "%s: no nuScenes dataset: v1.0-trainval, v1.0-test or v1.0-mini expected", root);
    GLINT_TRY(glint_nuscenes_tables_open(root, version, &tables));
    int32_t *samples = all_samples(tables, &n);
    const int status =
        samples ? glint_source_nuscenes_over(tables, samples, n, stack, source_out)
                : glint_fail(GLINT_E_NOMEM, "%s: no memory for %d samples", root, tables->n_samples);
    if (status < 0) {
        free(samples);
        glint_nuscenes_tables_close(tables);
        return status;
    }
    ((struct dataset *)*source_out)->own_tables = tables;
    ((struct dataset *)*source_out)->own_samples = samples;
    return GLINT_OK;
}
