/* tools/nuscenes_infer.c - a network's results for a scene, when glint eval nuscenes has --model; see
 * nuscenes_job.h.
 *
 * A scene's boxes go into its part before the metric's share, so that the process that puts the scenes
 * together has all of them and can write the submission. Their order is that of the submission's file
 * (samples as in the split, then rank), which is what decides among equal scores: reading the file back gives
 * the same numbers. */
#include "eval/nuscenes_submission.h"
#include "tools/nuscenes_job.h"
#include "tools/places.h"
#include <stdlib.h>
#include <string.h>

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

/* Room for more boxes; ranges stay where they are. */
static int reserve(struct glint_nuscenes_boxes *boxes, int64_t more, int64_t *cap)
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
    GLINT_TRY(reserve(pred, GLINT_NUSCENES_MAX_BOXES, &t->job->cap_pred));
    struct glint_nuscenes_range *range = &pred->of_sample[sample];
    range->first = pred->n;
    range->n = glint_nuscenes_net_boxes(&t->job->net, frame, sample, pred->box + pred->n);
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

static int infer(struct glint_nuscenes_job *job, int32_t scene,
                 int (*take)(void *ctx, const struct glint_frame *frame))
{
    const int32_t first = job->split.scene_first[scene], n = job->split.scene_first[scene + 1] - first;
    int32_t *rows = malloc(((size_t)n + 1) * sizeof *rows);
    job->pred.n = 0; /* the scene before is done */
    const int status = rows ? run_scene(job, job->split.of_scene + first, n, rows, take)
                            : glint_fail(GLINT_E_NOMEM, "no memory for a scene");
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

int glint_nuscenes_infer_take(struct glint_nuscenes_job *job, int32_t scene, struct glint_blob *in)
{
    struct glint_nuscenes_boxes *found = &job->found;
    int64_t n;
    GLINT_TRY(glint_blob_read(in, &n, sizeof n));
    if (n < 0 || n > INT32_MAX)
        return glint_fail(GLINT_E_FORMAT, "a part of an evaluation is damaged");
    GLINT_TRY(reserve(found, n, &job->cap_found));
    for (int64_t i = 0; i < n; i++) {
        struct glint_nuscenes_box *box = &found->box[found->n];
        GLINT_TRY(glint_blob_read(in, box, sizeof *box));
        if (box->sample < 0 || box->sample >= job->split.n_samples)
            return glint_fail(GLINT_E_FORMAT, "a part of an evaluation is damaged");
        struct glint_nuscenes_range *range = &found->of_sample[box->sample];
        if (range->n++ == 0)
            range->first = found->n;
        found->n++;
    }
    return glint_nuscenes_infer_times(job, scene, in);
}

int glint_nuscenes_infer_write(const struct glint_nuscenes_job *job)
{
    return glint_nuscenes_submission_write(job->submission, &job->split, GLINT_NUSCENES_DETECTION,
                                           &job->found);
}

void glint_nuscenes_infer_close(struct glint_nuscenes_job *job)
{
    glint_eval_net_close(&job->engine);
    glint_nuscenes_boxes_fini(&job->found);
    free(job->time);
    free(job->found_time);
}
