/* tools/nuscenes_infer.c - a network's results for a scene, when glint eval nuscenes has --model; see
 * nuscenes_job.h.
 *
 * A scene's boxes go into its part before the metric's share, so that the process that puts the scenes
 * together has all of them and can write the submission. Their order is that of the submission's file
 * (samples as in the split, then rank), which is what decides among equal scores: reading the file back gives
 * the same numbers. */
#define _POSIX_C_SOURCE 200809L
#include "eval/nuscenes_submission.h"
#include "tools/nuscenes_job.h"
#include "tools/places.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum glint_nuscenes_task glint_nuscenes_job_task(const struct glint_nuscenes_job *job)
{
    return strcmp(job->metric->name, "tracking") == 0 ? GLINT_NUSCENES_TRACKING : GLINT_NUSCENES_DETECTION;
}

static int32_t *split_samples(const struct glint_nuscenes_job *job)
{
    int32_t *samples = malloc(((size_t)job->split.n_samples + 1) * sizeof *samples);
    for (int32_t i = 0; samples && i < job->split.n_samples; i++)
        samples[i] = job->split.sample[i].sample;
    return samples;
}

int glint_nuscenes_infer_open(struct glint_nuscenes_job *job)
{
    char folder[4096];
    if (!glint_find_model(job->shared.model, folder, sizeof folder))
        return glint_fail(GLINT_E_NOTFOUND, "--model %s: not found; looked for %s", job->shared.model,
                          folder);
    struct glint_nuscenes_stack *stack = &job->net.stack;
    GLINT_TRY(glint_nuscenes_net_stack(folder, stack));
    if (job->n_past >= 0)
        stack->n_past = job->n_past;
    stack->allow_missing = job->allow_missing;
    const struct glint_nuscenes_stack wanted = *stack;
    int32_t *samples = split_samples(job);
    if (!samples)
        return glint_fail(GLINT_E_NOMEM, "no memory for the samples");
    const int32_t cap = glint_nuscenes_cap_points(job->tables, samples, job->split.n_samples, &wanted);
    free(samples);
    GLINT_TRY(glint_eval_net_open(&job->shared, cap > 0 ? cap : 1, &job->engine));
    GLINT_TRY(glint_nuscenes_net_read(folder, job->engine.context.classes, job->engine.context.n_classes,
                                      job->engine.context.point_classes, job->engine.context.n_point_classes,
                                      &job->net));
    job->net.stack = wanted;
    GLINT_TRY(glint_nuscenes_boxes_init(&job->pred, &job->split));
    job->pred.meta[1] = true; /* lidar alone */
    job->time = calloc((size_t)job->split.n_samples + 1, sizeof *job->time);
    job->found_time = calloc((size_t)job->split.n_samples + 1, sizeof *job->found_time);
    if (!job->time || !job->found_time)
        return glint_fail(GLINT_E_NOMEM, "no memory for the samples' times");
    GLINT_TRY(glint_nuscenes_boxes_init(&job->found, &job->split));
    job->found.meta[1] = true;
    return GLINT_OK;
}

int glint_nuscenes_reserve(struct glint_nuscenes_boxes *boxes, int64_t more, int64_t *cap)
{
    if (boxes->n + more <= *cap)
        return GLINT_OK;
    const int64_t larger = (boxes->n + more) * 3 / 2;
    void *p = realloc(boxes->box, (size_t)larger * sizeof *boxes->box);
    if (!p)
        return glint_fail(GLINT_E_NOMEM, "no memory for %lld boxes", (long long)larger);
    boxes->box = p;
    *cap = larger;
    return GLINT_OK;
}

struct taking { /* one scene */
    struct glint_nuscenes_job *job;
    const int32_t *order; /* its samples, by frame */
    int32_t n;
};

static void take_time(const struct taking *t, int32_t sample, const struct glint_frame *frame)
{
    t->job->time[sample].total_ns = frame->total_ns;
    memcpy(t->job->time[sample].stage_ns, frame->latency_ns, sizeof frame->latency_ns);
}

static int take_frame(void *ctx, const struct glint_frame *frame)
{
    const struct taking *t = ctx;
    struct glint_nuscenes_boxes *pred = &t->job->pred;
    if (frame->index >= (uint64_t)t->n)
        return GLINT_OK;
    const int32_t sample = t->order[frame->index];
    GLINT_TRY(glint_nuscenes_reserve(pred, GLINT_NUSCENES_MAX_BOXES, &t->job->cap_pred));
    struct glint_nuscenes_range *range = &pred->of_sample[sample];
    range->first = pred->n;
    range->n = glint_nuscenes_net_boxes(&t->job->net, glint_nuscenes_job_task(t->job), frame, sample,
                                        pred->box + pred->n);
    for (int32_t i = 0; i < range->n; i++) /* ids of a scene count from 1 */
        if (pred->box[pred->n + i].track >= pred->n_tracks)
            pred->n_tracks = pred->box[pred->n + i].track + 1;
    pred->n += range->n;
    take_time(t, sample, frame);
    return GLINT_OK;
}

/* Point classes go straight to their file of the submission. */
static int take_masks(void *ctx, const struct glint_frame *frame)
{
    const struct taking *t = ctx;
    struct glint_nuscenes_job *job = t->job;
    uint8_t *labels;
    size_t n;
    if (frame->index >= (uint64_t)t->n)
        return GLINT_OK;
    const int32_t sample = t->order[frame->index];
    const int32_t key = job->tables->sample[job->split.sample[sample].sample].key;
    take_time(t, sample, frame);
    GLINT_TRY(glint_nuscenes_net_masks(&job->net, job->tables, key, frame, &labels, &n));
    const int status =
        glint_nuscenes_lidarseg_write(&job->split, job->split_name, job->submission, sample, labels, n);
    free(labels);
    return status;
}

static int64_t time_of(const struct glint_nuscenes_split *split, int32_t sample)
{
    return split->tables->sample[split->sample[sample].sample].timestamp_us;
}

static int run_scene(struct glint_nuscenes_job *job, const int32_t *order, int32_t n, int32_t *rows,
                     int (*take)(void *ctx, const struct glint_frame *frame))
{
    struct taking taking = {job, order, n};
    struct glint_source *source;
    for (int32_t i = 0; i < n; i++)
        rows[i] = job->split.sample[order[i]].sample;
    GLINT_TRY(glint_source_nuscenes_over(job->tables, rows, n, &job->net.stack, &source));
    const int status = glint_eval_net_run(&job->engine, source, take, &taking);
    glint_source_close(source);
    return status;
}

/* They are about 40. */
void glint_nuscenes_sort_by_time(const struct glint_nuscenes_split *split, int32_t *order, int32_t n)
{
    for (int32_t i = 1; i < n; i++)
        for (int32_t k = i; k > 0 && time_of(split, order[k - 1]) > time_of(split, order[k]); k--) {
            const int32_t earlier = order[k];
            order[k] = order[k - 1];
            order[k - 1] = earlier;
        }
}

static int infer(struct glint_nuscenes_job *job, int32_t scene,
                 int (*take)(void *ctx, const struct glint_frame *frame))
{
    const int32_t first = job->split.scene_first[scene], n = job->split.scene_first[scene + 1] - first;
    int32_t *rows = malloc(2 * ((size_t)n + 1) * sizeof *rows);
    job->pred.n = job->pred.n_tracks = 0; /* the scene before is done */
    int status = rows ? GLINT_OK : glint_fail(GLINT_E_NOMEM, "no memory for a scene");
    if (status == GLINT_OK) {
        int32_t *order = rows + n;
        memcpy(order, job->split.of_scene + first, (size_t)n * sizeof *order);
        glint_nuscenes_sort_by_time(&job->split, order, n);
        status = run_scene(job, order, n, rows, take);
    }
    free(rows);
    return status;
}

static int put_times(const struct glint_nuscenes_job *job, int32_t scene, struct glint_buffer *out)
{
    for (int32_t k = job->split.scene_first[scene]; k < job->split.scene_first[scene + 1]; k++)
        glint_buffer_add(out, &job->time[job->split.of_scene[k]], sizeof *job->time);
    return out->failed ? glint_fail(GLINT_E_NOMEM, "no memory for a scene's boxes") : GLINT_OK;
}

int glint_nuscenes_infer_scene(struct glint_nuscenes_job *job, int32_t scene, struct glint_buffer *out)
{
    GLINT_TRY(infer(job, scene, take_frame));
    glint_buffer_add(out, &job->pred.n, sizeof job->pred.n);
    for (int32_t k = job->split.scene_first[scene]; k < job->split.scene_first[scene + 1]; k++) {
        const struct glint_nuscenes_range *range = &job->pred.of_sample[job->split.of_scene[k]];
        glint_buffer_add(out, job->pred.box + range->first, (size_t)range->n * sizeof *job->pred.box);
    }
    return put_times(job, scene, out);
}

int glint_nuscenes_infer_masks(struct glint_nuscenes_job *job, int32_t scene, struct glint_buffer *out)
{
    GLINT_TRY(infer(job, scene, take_masks));
    return put_times(job, scene, out);
}

int glint_nuscenes_infer_times(struct glint_nuscenes_job *job, int32_t scene, struct glint_blob *in)
{
    for (int32_t k = job->split.scene_first[scene]; k < job->split.scene_first[scene + 1]; k++)
        GLINT_TRY(glint_blob_read(in, &job->found_time[job->split.of_scene[k]], sizeof *job->found_time));
    return GLINT_OK;
}

#define TRACKS_MOST (1 << 20) /* of a scene */

int glint_nuscenes_name_track(struct glint_nuscenes_boxes *boxes, int32_t scene, int32_t first,
                              int32_t *track)
{
    const int32_t wanted = *track < TRACKS_MOST ? first + *track + 1 : INT32_MAX;
    if (wanted > boxes->n_tracks) {
        char **names = wanted < INT32_MAX ? realloc(boxes->track, (size_t)wanted * sizeof *names) : NULL;
        if (!names)
            return glint_fail(GLINT_E_NOMEM, "no memory for %d tracks", wanted);
        boxes->track = names;
    }
    for (; boxes->n_tracks < wanted; boxes->n_tracks++) {
        char name[48];
        snprintf(name, sizeof name, "%d-%d", scene, boxes->n_tracks - first);
        boxes->track[boxes->n_tracks] = strdup(name);
        if (!boxes->track[boxes->n_tracks])
            return glint_fail(GLINT_E_NOMEM, "no memory for a track");
    }
    *track = wanted - 1;
    return GLINT_OK;
}

int glint_nuscenes_infer_take(struct glint_nuscenes_job *job, int32_t scene, struct glint_blob *in)
{
    struct glint_nuscenes_boxes *found = &job->found;
    int64_t n;
    GLINT_TRY(glint_blob_read(in, &n, sizeof n));
    if (n < 0 || n > INT32_MAX)
        return glint_fail(GLINT_E_FORMAT, "a part of an evaluation is damaged");
    GLINT_TRY(glint_nuscenes_reserve(found, n, &job->cap_found));
    const int32_t first_track = found->n_tracks;
    for (int64_t i = 0; i < n; i++) {
        struct glint_nuscenes_box *box = &found->box[found->n];
        GLINT_TRY(glint_blob_read(in, box, sizeof *box));
        if (box->sample < 0 || box->sample >= job->split.n_samples)
            return glint_fail(GLINT_E_FORMAT, "a part of an evaluation is damaged");
        if (box->track >= 0)
            GLINT_TRY(glint_nuscenes_name_track(found, scene, first_track, &box->track));
        struct glint_nuscenes_range *range = &found->of_sample[box->sample];
        if (range->n++ == 0)
            range->first = found->n;
        found->n++;
    }
    return glint_nuscenes_infer_times(job, scene, in);
}

int glint_nuscenes_infer_write(const struct glint_nuscenes_job *job)
{
    return glint_nuscenes_submission_write(job->submission, &job->split, glint_nuscenes_job_task(job),
                                           job->results ? &job->pred : &job->found);
}

void glint_nuscenes_infer_close(struct glint_nuscenes_job *job)
{
    glint_eval_net_close(&job->engine);
    glint_nuscenes_boxes_fini(&job->found);
    free(job->time);
    free(job->found_time);
}
