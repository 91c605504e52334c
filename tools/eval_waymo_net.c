/* tools/eval_waymo_net.c - see eval_waymo_net.h.
 *
 * A unit reads its file twice: first the messages alone, for the names, times, poses and zones of its frames,
 * then, through the source and the network, the points. Frames are paired by their time, in order. */
#define _POSIX_C_SOURCE 200809L
#include "tools/eval_waymo_net.h"
#include "core/file.h"
#include "core/log.h"
#include "core/status.h"
#include "eval/report_found.h"
#include "eval/waymo_submission.h"
#include "eval/waymo_zone.h"
#include "glint/model.h"
#include "io/source_waymo.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct job {
    const struct glint_shared_options *options;
    const struct glint_waymo_files *files;
    int64_t *n_frames; /* of each file */
    struct glint_eval_net net;
    int32_t type[64]; /* of the model's classes; 0: no result */
    float height;     /* of the model's origin above the ground, m */
    const char *results_path;
    struct glint_buffer *times; /* struct frame_time of all frames, on the root */
    struct glint_file_out out;  /* created by the root, which alone reduces */
    bool created;
};

/* ---- classes ---- */

int32_t glint_waymo_type_of_class(const char *name)
{
    static const struct {
        const char *name;
        int32_t type;
    } classes[] = {{"vehicle", 1},    {"car", 1},     {"truck", 1},      {"bus", 1},
                   {"van", 1},        {"trailer", 1}, {"motorcycle", 1}, {"construction_vehicle", 1},
                   {"pedestrian", 2}, {"person", 2},  {"sign", 3},       {"traffic_sign", 3},
                   {"cyclist", 4},    {"bicycle", 4}, {"bicyclist", 4}};
    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++) {
        size_t k = 0; /* in any case: "Car", "TYPE" prefixes are not ours */
        while (name[k] && (name[k] | 32) == (classes[i].name[k] | 32))
            k++;
        if (!name[k] && !classes[i].name[k])
            return classes[i].type;
    }
    return 0;
}

static int map_classes(struct job *j)
{
    const struct glint_sink_context *c = &j->net.context;
    int32_t n = 0;
    for (int32_t i = 0; i < c->n_classes && i < 64; i++) {
        j->type[i] = glint_waymo_type_of_class(c->classes[i]);
        n += j->type[i] > 0;
        if (j->type[i] == 0)
            glint_log(GLINT_LOG_WARN, "boxes of class %s are left out: it is none of Waymo's", c->classes[i]);
    }
    return n > 0 ? GLINT_OK
                 : glint_fail(GLINT_E_UNSUPPORTED,
                              "none of the model's classes is a vehicle, pedestrian, sign or cyclist");
}

/* ---- height ----
 *
 * The dataset's vehicle frame lies on the ground. Models that were trained with the sensor as the origin say
 * how high it was: for them points are lowered by that, and boxes raised again. */

struct lowered {
    struct glint_source base;
    struct glint_source *inner; /* the caller's */
    float height;
};

static float height_of(const struct glint_model_info *info)
{
    return (info->sensor_height_m[0] + info->sensor_height_m[1]) / 2;
}

static int lowered_next(struct glint_source *source, struct glint_frame *frame)
{
    const struct lowered *l = (const struct lowered *)source;
    GLINT_TRY(l->inner->ops->next_frame(l->inner, frame));
    for (int32_t i = 0; i < frame->points.n; i++)
        frame->points.z[i] -= l->height;
    return GLINT_OK;
}

static int32_t lowered_cap_points(struct glint_source *source)
{
    struct lowered *l = (struct lowered *)source;
    return l->inner->ops->cap_points(l->inner);
}

static double lowered_progress(struct glint_source *source)
{
    struct lowered *l = (struct lowered *)source;
    return l->inner->ops->progress(l->inner);
}

static void lowered_account(const struct glint_source *source, struct glint_loss *loss)
{
    glint_source_account(((const struct lowered *)source)->inner, loss);
}

static void lowered_close(struct glint_source *source)
{
    (void)source;
}

static const struct glint_source_ops lowered_ops = {.name = "lowered",
                                                    .next_frame = lowered_next,
                                                    .cap_points = lowered_cap_points,
                                                    .progress = lowered_progress,
                                                    .account = lowered_account,
                                                    .close = lowered_close};

/* ---- a unit ---- */

/* What results need of a file's frames, read one by one as the boxes come. */
struct frames {
    struct glint_tfrecord file;
    struct glint_waymo_reader *reader;
    bool skip_corrupt;
    struct job *job;
    struct glint_buffer boxes, times; /* what is found, as results; struct frame_time of each */
};

struct frame_time {                   /* ns */
    int64_t stage[GLINT_STAGE_COUNT]; /* -1: not run */
    int64_t total;
};

/* Goes on to the frame with this time. */
static int find_frame(struct frames *f, int64_t stamp_ns, const struct glint_waymo_frame **frame_out)
{
    struct glint_record record;
    int status;
    while ((status = glint_tfrecord_next(&f->file, &record)) == GLINT_OK) {
        glint_waymo_read(f->reader, f->file.file.path, &record, 1, GLINT_WAYMO_LABELS);
        status = glint_waymo_reader_frame(f->reader, 0, frame_out);
        if (status < 0 && !f->skip_corrupt)
            return status;
        if (status == GLINT_OK && (*frame_out)->stamp_us * 1000 == stamp_ns)
            return GLINT_OK;
    }
    return status == GLINT_E_EOF ? glint_fail(GLINT_E_FORMAT, "%s: no frame at %lld ns: the file changed",
                                              f->file.file.path, (long long)stamp_ns)
                                 : status;
}

static int put_box(struct frames *f, const struct glint_waymo_frame *frame, const struct glint_box *b)
{
    char id[16] = "";
    const int32_t type = b->label >= 0 && b->label < 64 ? f->job->type[b->label] : 0;
    if (type == 0 || (b->id < 0 && f->job->options->track))
        return GLINT_OK;
    if (b->id >= 0)
        snprintf(id, sizeof id, "%d", b->id);
    struct glint_waymo_prediction r = {.context = frame->context,
                                       .stamp_us = frame->stamp_us,
                                       .type = type,
                                       .heading = (double)b->yaw,
                                       .score = b->score < 0   ? 0
                                                : b->score > 1 ? 1
                                                               : b->score,
                                       .has_speed = true,
                                       .id = id};
    for (int k = 0; k < 3; k++) {
        r.center[k] = (double)b->center[k];
        r.size[k] = (double)b->size[k];
    }
    r.center[2] += (double)f->job->height;
    r.speed[0] = (double)b->velocity[0];
    r.speed[1] = (double)b->velocity[1];
    r.in_zone = glint_waymo_in_zone(frame, r.center, r.size, r.heading);
    return glint_waymo_put_prediction(&f->boxes, &r);
}

static int take(void *ctx, const struct glint_frame *boxes)
{
    struct frames *f = ctx;
    const struct glint_waymo_frame *frame;
    struct frame_time time = {.total = boxes->total_ns};
    memcpy(time.stage, boxes->latency_ns, sizeof time.stage);
    glint_buffer_add(&f->times, &time, sizeof time);
    GLINT_TRY(find_frame(f, boxes->stamp_ns, &frame));
    for (int32_t i = 0; i < boxes->n_boxes; i++)
        GLINT_TRY(put_box(f, frame, &boxes->boxes[i]));
    return GLINT_OK;
}

static struct glint_source_settings source_settings(const struct job *j)
{
    return (struct glint_source_settings){
        .format = "waymo", .n_threads = j->options->n_threads, .skip_corrupt = j->options->skip_corrupt};
}

/* A unit's part: bytes of times, times, results. */
static int put_unit(const struct frames *f, struct glint_buffer *out)
{
    const uint64_t size = f->times.size;
    if (f->times.failed || f->boxes.failed)
        return glint_fail(GLINT_E_NOMEM, "no memory for the results of a file");
    glint_buffer_add(out, &size, sizeof size);
    glint_buffer_add(out, f->times.data, f->times.size);
    glint_buffer_add(out, f->boxes.data, f->boxes.size);
    return GLINT_OK;
}

static int score(void *ctx, int32_t unit, struct glint_buffer *out)
{
    struct job *j = ctx;
    struct glint_source *source = NULL;
    struct frames frames = {.skip_corrupt = j->options->skip_corrupt, .job = j};
    const struct glint_source_settings settings = source_settings(j);
    const char *path = j->files->path[unit];
    int status = glint_tfrecord_open(&frames.file, path, frames.skip_corrupt);
    if (status == GLINT_OK)
        status = glint_waymo_reader_open(1, NULL, &frames.reader);
    if (status == GLINT_OK)
        status = glint_source_open(path, &settings, &source);
    if (status == GLINT_OK) {
        struct lowered lowered = {{.ops = &lowered_ops}, source, j->height};
        status = glint_eval_net_run(&j->net, &lowered.base, take, &frames);
    }
    if (status == GLINT_OK)
        status = put_unit(&frames, out);
    char reason[1400];
    snprintf(reason, sizeof reason, "%s", glint_error_text());
    glint_source_close(source);
    glint_waymo_reader_close(frames.reader);
    glint_tfrecord_close(&frames.file);
    glint_buffer_fini(&frames.boxes);
    glint_buffer_fini(&frames.times);
    return status < 0 ? glint_fail(status, "%s", reason) : GLINT_OK;
}

/* ---- all of them ---- */

static int create(struct job *j)
{
    if (!j->created)
        GLINT_TRY(glint_file_create(&j->out, j->results_path));
    j->created = true;
    return GLINT_OK;
}

static int reduce(void *ctx, int32_t unit, struct glint_blob *in)
{
    struct job *j = ctx;
    const void *bytes;
    uint64_t n_times;
    (void)unit;
    GLINT_TRY(create(j));
    GLINT_TRY(glint_blob_read(in, &n_times, sizeof n_times));
    GLINT_TRY(glint_blob_view(in, (size_t)n_times, &bytes));
    glint_buffer_add(j->times, bytes, (size_t)n_times);
    const size_t n = in->size - in->at;
    GLINT_TRY(glint_blob_view(in, n, &bytes));
    return n == 0 || fwrite(bytes, 1, n, j->out.stream) == n
               ? GLINT_OK
               : glint_fail(GLINT_E_IO, "%s: cannot write", j->out.path);
}

static const char *unit_name(void *ctx, int32_t unit)
{
    return ((struct job *)ctx)->files->path[unit];
}

static int64_t unit_frames(void *ctx, int32_t unit)
{
    return ((struct job *)ctx)->n_frames[unit];
}

static int count_frames(struct job *j)
{
    j->n_frames = calloc((size_t)j->files->n + 1, sizeof *j->n_frames);
    if (!j->n_frames)
        return glint_fail(GLINT_E_NOMEM, "no memory for %d files", j->files->n);
    for (int32_t i = 0; i < j->files->n; i++) {
        struct glint_tfrecord file;
        struct glint_record record;
        GLINT_TRY(glint_tfrecord_open(&file, j->files->path[i], j->options->skip_corrupt));
        while (glint_tfrecord_skip(&file, &record) == GLINT_OK) /* damage is told when its turn comes */
            j->n_frames[i]++;
        glint_tfrecord_close(&file);
    }
    return GLINT_OK;
}

/* The most points of a frame, from the first file that can be read. */
static int find_cap_points(const struct job *j, int32_t *cap_out)
{
    const struct glint_source_settings settings = source_settings(j);
    int status = glint_fail(GLINT_E_ARG, "no file of frames");
    *cap_out = 0;
    for (int32_t i = 0; i < j->files->n && *cap_out == 0; i++) {
        struct glint_source *source;
        status = glint_source_open(j->files->path[i], &settings, &source);
        if (status < 0)
            continue;
        *cap_out = source->ops->cap_points(source);
        glint_source_close(source);
        if (*cap_out == 0)
            status = glint_fail(GLINT_E_FORMAT, "%s: its frames have no points", j->files->path[i]);
    }
    return *cap_out > 0 ? GLINT_OK : status;
}

static uint64_t identity_of(const struct job *j)
{
    uint64_t identity = glint_identity_text(0, "waymo results 2");
    for (int32_t i = 0; i < j->files->n; i++)
        identity = glint_identity_file(identity, j->files->path[i]);
    return glint_identity_bytes(identity, &j->options->skip_corrupt, sizeof j->options->skip_corrupt);
}

static int run_units(struct job *j, struct glint_eval_run_stats *stats_out)
{
    const struct glint_eval_task task = {.name = "waymo results",
                                         .identity = identity_of(j),
                                         .n_units = j->files->n,
                                         .unit_name = unit_name,
                                         .unit_frames = unit_frames,
                                         .score = score,
                                         .reduce = reduce,
                                         .ctx = j};
    int status = glint_eval_do(j->options, &task, &j->net, stats_out);
    if (status == GLINT_OK && stats_out->is_root)
        status = create(j);
    if (status == GLINT_OK && j->created)
        return glint_file_commit(&j->out);
    if (j->created)
        glint_file_discard(&j->out);
    return status;
}

static int run_job(struct job *j, struct glint_eval_run_stats *stats_out)
{
    int32_t cap_points;
    GLINT_TRY(count_frames(j));
    GLINT_TRY(find_cap_points(j, &cap_points));
    GLINT_TRY(glint_eval_net_open(j->options, cap_points, &j->net));
    j->height = height_of(glint_model_info(j->net.model));
    GLINT_TRY(map_classes(j));
    return run_units(j, stats_out);
}

static int write_submission(const struct glint_eval_waymo_net *n)
{
    const struct glint_waymo_submission about = {
        .task = GLINT_WAYMO_TASK_DETECTION_3D, .account = n->account, .method = n->method};
    struct glint_file results;
    struct glint_waymo_check check;
    GLINT_TRY(
        glint_waymo_submission_check(n->results, false, &check)); /* what would be refused is not written */
    GLINT_TRY(glint_file_open(&results, n->results));
    const struct glint_buffer objects = {(uint8_t *)(uintptr_t)results.data, results.size, results.size,
                                         false};
    const int status = glint_waymo_submission_write(n->submission, &about, &objects); /* reads it only */
    glint_file_close(&results);
    return status;
}

static int choose_path(struct glint_eval_waymo_net *n)
{
    const char *tmp = getenv("TMPDIR");
    const int length = n->save ? snprintf(n->results, sizeof n->results, "%s", n->save)
                               : snprintf(n->results, sizeof n->results, "%s/glint-waymo-%ld.bin",
                                          tmp ? tmp : "/tmp", (long)getpid());
    return length < (int)sizeof n->results ? GLINT_OK
                                           : glint_fail(GLINT_E_ARG, "%.60s...: too long", n->results);
}

int glint_eval_waymo_net_run(struct glint_eval_waymo_net *n)
{
    struct job *j = calloc(1, sizeof *j);
    int status = j ? choose_path(n) : glint_fail(GLINT_E_NOMEM, "no memory to run a model");
    for (int32_t i = 0; i < n->n_data && status == GLINT_OK; i++)
        status = glint_waymo_files_add(&n->files, n->data[i]);
    if (status == GLINT_OK) {
        *j = (struct job){
            .options = n->options, .files = &n->files, .results_path = n->results, .times = &n->times};
        status = run_job(j, &n->stats);
        glint_eval_net_close(&j->net);
        free(j->n_frames);
    }
    free(j);
    if (status == GLINT_OK && n->stats.is_root && n->submission)
        status = write_submission(n);
    return status;
}

void glint_eval_waymo_net_fini(struct glint_eval_waymo_net *n)
{
    if (!n->save && n->stats.is_root && n->results[0])
        unlink(n->results);
    glint_buffer_fini(&n->times);
    glint_waymo_files_fini(&n->files);
}

/* Times of one stage over all frames (GLINT_STAGE_COUNT: the whole), -1 left out. */
static int32_t times_of(const struct glint_buffer *times, int stage, int64_t *out)
{
    int32_t n = 0;
    for (size_t at = 0; at + sizeof(struct frame_time) <= times->size; at += sizeof(struct frame_time)) {
        struct frame_time t;
        memcpy(&t, times->data + at, sizeof t);
        const int64_t ns = stage == GLINT_STAGE_COUNT ? t.total : t.stage[stage];
        if (ns >= 0)
            out[n++] = ns;
    }
    return n;
}

int glint_eval_waymo_net_put_latencies(const struct glint_eval_waymo_net *net, struct glint_report *page)
{
    struct glint_report_time times[GLINT_STAGE_COUNT + 1];
    const size_t n = net->times.size / sizeof(struct frame_time);
    int64_t *ns = malloc((GLINT_STAGE_COUNT + 1) * (n + 1) * sizeof *ns);
    if (!ns || net->times.failed) {
        free(ns);
        return glint_fail(GLINT_E_NOMEM, "no memory for the times of %zu frames", n);
    }
    for (int i = 0; i <= GLINT_STAGE_COUNT; i++) {
        int64_t *of_stage = ns + (size_t)i * n;
        const char *name = i < GLINT_STAGE_COUNT ? glint_stage_name((enum glint_stage)i) : "total";
        times[i] = (struct glint_report_time){name, of_stage, times_of(&net->times, i, of_stage)};
    }
    glint_report_latencies(page, "Of each stage and of the whole frame, on the machine that ran the network.",
                           times, GLINT_STAGE_COUNT + 1);
    free(ns);
    return GLINT_OK;
}
