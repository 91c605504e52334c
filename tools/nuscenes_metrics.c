/* tools/nuscenes_metrics.c - the three metrics of glint eval nuscenes; see nuscenes_job.h. The tables on
 * stdout are laid out as the official tools print them. */
#include "eval/nuscenes_submission.h"
#include "eval/segmentation.h"
#include "tools/nuscenes_job.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Detection */

static int open_boxes(struct glint_nuscenes_job *job, enum glint_nuscenes_task task)
{
    GLINT_TRY(glint_nuscenes_ground_truth(&job->split, task, &job->gt));
    return job->results ? glint_nuscenes_submission_read(job->results, &job->split, task, &job->pred)
                        : glint_nuscenes_infer_open(job);
}

static int detection_open(struct glint_nuscenes_job *job)
{
    job->detected = malloc(sizeof *job->detected);
    if (!job->detected)
        return glint_fail(GLINT_E_NOMEM, "no memory for the metric");
    GLINT_TRY(glint_nuscenes_detection_open(&job->detection));
    return open_boxes(job, GLINT_NUSCENES_DETECTION);
}

static int detection_score(void *ctx, int32_t scene, struct glint_buffer *out)
{
    struct glint_nuscenes_job *job = ctx;
    if (!job->results)
        GLINT_TRY(glint_nuscenes_infer_scene(job, scene, out));
    return glint_nuscenes_detection_score(&job->split, &job->gt, &job->pred, scene, out);
}

static int detection_reduce(void *ctx, int32_t scene, struct glint_blob *in)
{
    struct glint_nuscenes_job *job = ctx;
    if (!job->results)
        GLINT_TRY(glint_nuscenes_infer_take(job, scene, in));
    return glint_nuscenes_detection_add(job->detection, in);
}

static int detection_finish(struct glint_nuscenes_job *job)
{
    return glint_nuscenes_detection_finish(job->detection, job->results ? job->results : job->root,
                                           job->detected);
}

static void detection_put(struct glint_json_writer *w, const struct glint_nuscenes_job *job)
{
    glint_nuscenes_detection_put(w, job->detected);
}

static void print_cells(const char *name, const double *value, size_t n, int decimals)
{
    printf("%-20s", name);
    for (size_t i = 0; i < n; i++) {
        char text[32];
        snprintf(text, sizeof text, "%.*f", decimals, value[i]);
        printf("\t%-6s", isnan(value[i]) ? "nan" : text);
    }
    printf("\n");
}

static void print_head(const char *first, const char *const *columns, size_t n)
{
    printf("%-20s", first);
    for (size_t i = 0; i < n; i++)
        printf("\t%-6s", columns[i]);
    printf("\n");
}

static void detection_print(const struct glint_nuscenes_job *job)
{
    static const char *const means[] = {"mATE", "mASE", "mAOE", "mAVE", "mAAE"};
    static const char *const columns[] = {"AP", "ATE", "ASE", "AOE", "AVE", "AAE"};
    const struct glint_nuscenes_detection_result *r = job->detected;
    printf("mAP: %.4f\n", r->mean_ap);
    for (int e = 0; e < GLINT_NUSCENES_ERRORS; e++)
        printf("%s: %.4f\n", means[e], r->tp_error[e]);
    printf("NDS: %.4f\n\nPer-class results:\n", r->nd_score);
    print_head("Object Class", columns, 6);
    for (int c = 0; c < GLINT_NUSCENES_DETECTION_CLASSES; c++) {
        double row[6] = {r->mean_dist_ap[c]};
        memcpy(row + 1, r->label_tp_error[c], sizeof r->label_tp_error[c]);
        print_cells(glint_nuscenes_task_info(GLINT_NUSCENES_DETECTION)->name[c], row, 6, 3);
    }
}

/* Tracking: scores only filter; the metric itself looks at all scenes together. */

static int tracking_open(struct glint_nuscenes_job *job)
{
    job->tracks = calloc((size_t)job->split.n_scenes + 1, sizeof *job->tracks);
    job->tracked = malloc(sizeof *job->tracked);
    if (!job->tracks || !job->tracked)
        return glint_fail(GLINT_E_NOMEM, "no memory for the metric");
    if (!job->results || !job->shared.track)
        return open_boxes(job, GLINT_NUSCENES_TRACKING);
    GLINT_TRY(glint_nuscenes_ground_truth(&job->split, GLINT_NUSCENES_TRACKING, &job->gt));
    return glint_nuscenes_track_results(job);
}

struct track_head { /* of a scene in its blob: frames, then their boxes, follow */
    int32_t n_frames, n_truth_ids, n_found_ids;
    int64_t n_boxes;
};
struct track_frame {
    int64_t time_us;
    int32_t n_truth, n_found;
};

struct renumber { /* ids in the order of their coming */
    int32_t *of;  /* -1: not come yet */
    int32_t n;
};

static int renumber_open(struct renumber *r, int32_t n)
{
    r->n = 0;
    r->of = malloc(((size_t)n + 1) * sizeof *r->of);
    if (!r->of)
        return glint_fail(GLINT_E_NOMEM, "no memory for %d tracks", n);
    memset(r->of, 0xff, ((size_t)n + 1) * sizeof *r->of);
    return GLINT_OK;
}

static void add_boxes(struct glint_buffer *out, const struct glint_nuscenes_boxes *boxes, int32_t sample,
                      struct renumber *ids)
{
    const struct glint_nuscenes_range *range = &boxes->of_sample[sample];
    for (int32_t i = 0; i < range->n; i++) {
        const struct glint_nuscenes_box *b = &boxes->box[range->first + i];
        int32_t *id = &ids->of[b->track];
        if (*id < 0)
            *id = ids->n++;
        const struct glint_track_box box = {
            .cls = b->name, .id = *id, .x = b->translation[0], .y = b->translation[1], .score = b->score};
        glint_buffer_add(out, &box, sizeof box);
    }
}

static int64_t time_of(const struct glint_nuscenes_split *split, int32_t sample)
{
    return split->tables->sample[split->sample[sample].sample].timestamp_us;
}

/* A scene's samples by rising time; there are about 40. */
static int32_t *samples_by_time(const struct glint_nuscenes_split *split, int32_t scene, int32_t *n_out)
{
    const int32_t first = split->scene_first[scene], n = split->scene_first[scene + 1] - first;
    int32_t *order = malloc(((size_t)n + 1) * sizeof *order);
    for (int32_t i = 0; order && i < n; i++) {
        int32_t k = i;
        for (; k > 0 && time_of(split, order[k - 1]) > time_of(split, split->of_scene[first + i]); k--)
            order[k] = order[k - 1];
        order[k] = split->of_scene[first + i];
    }
    *n_out = n;
    return order;
}

static void add_scene(struct glint_nuscenes_job *job, const int32_t *order, int32_t n, struct renumber *truth,
                      struct renumber *found, struct glint_buffer *out)
{
    struct glint_buffer frames = {0}, boxes = {0};
    for (int32_t i = 0; i < n; i++) {
        glint_nuscenes_filter(&job->split, GLINT_NUSCENES_TRACKING, order[i], &job->gt);
        glint_nuscenes_filter(&job->split, GLINT_NUSCENES_TRACKING, order[i], &job->pred);
        const struct track_frame frame = {time_of(&job->split, order[i]), job->gt.of_sample[order[i]].n,
                                          job->pred.of_sample[order[i]].n};
        glint_buffer_add(&frames, &frame, sizeof frame);
        add_boxes(&boxes, &job->gt, order[i], truth);
        add_boxes(&boxes, &job->pred, order[i], found);
    }
    const struct track_head head = {n, truth->n, found->n,
                                    (int64_t)(boxes.size / sizeof(struct glint_track_box))};
    glint_buffer_add(out, &head, sizeof head);
    glint_buffer_add(out, frames.data, frames.size);
    glint_buffer_add(out, boxes.data, boxes.size);
    out->failed = out->failed || frames.failed || boxes.failed;
    glint_buffer_fini(&frames);
    glint_buffer_fini(&boxes);
}

static int tracking_score(void *ctx, int32_t scene, struct glint_buffer *out)
{
    struct glint_nuscenes_job *job = ctx;
    struct renumber truth = {0}, found = {0};
    if (!job->results)
        GLINT_TRY(glint_nuscenes_infer_scene(job, scene, out));
    int32_t n, *order = samples_by_time(&job->split, scene, &n);
    int status = order ? GLINT_OK : glint_fail(GLINT_E_NOMEM, "no memory for a scene");
    if (status == GLINT_OK)
        status = renumber_open(&truth, job->tables->n_instances);
    if (status == GLINT_OK)
        status = renumber_open(&found, job->pred.n_tracks);
    if (status == GLINT_OK)
        add_scene(job, order, n, &truth, &found, out);
    free(order);
    free(truth.of);
    free(found.of);
    return status == GLINT_OK && out->failed ? glint_fail(GLINT_E_NOMEM, "no memory for a scene") : status;
}

static int tracking_reduce(void *ctx, int32_t scene, struct glint_blob *in)
{
    struct glint_nuscenes_job *job = ctx;
    struct glint_nuscenes_track_part *part = &job->tracks[scene];
    struct track_head head;
    if (!job->results)
        GLINT_TRY(glint_nuscenes_infer_take(job, scene, in));
    GLINT_TRY(glint_blob_read(in, &head, sizeof head));
    part->frame = calloc((size_t)head.n_frames + 1, sizeof *part->frame);
    part->box = calloc((size_t)head.n_boxes + 1, sizeof *part->box);
    if (!part->frame || !part->box)
        return glint_fail(GLINT_E_NOMEM, "no memory for a scene");
    const struct glint_track_box *box = part->box;
    for (int32_t i = 0; i < head.n_frames; i++) {
        struct track_frame frame;
        GLINT_TRY(glint_blob_read(in, &frame, sizeof frame));
        part->frame[i] = (struct glint_track_frame){.time_us = frame.time_us,
                                                    .truth = box,
                                                    .found = box + frame.n_truth,
                                                    .n_truth = frame.n_truth,
                                                    .n_found = frame.n_found};
        box += frame.n_truth + frame.n_found;
    }
    GLINT_TRY(glint_blob_read(in, part->box, (size_t)head.n_boxes * sizeof *part->box));
    part->scene = (struct glint_track_scene){part->frame, head.n_frames, head.n_truth_ids, head.n_found_ids};
    return GLINT_OK;
}

static int tracking_finish(struct glint_nuscenes_job *job)
{
    struct glint_track_scene *scenes = malloc(((size_t)job->split.n_scenes + 1) * sizeof *scenes);
    if (!scenes)
        return glint_fail(GLINT_E_NOMEM, "no memory for the scenes");
    for (int32_t s = 0; s < job->split.n_scenes; s++)
        scenes[s] = job->tracks[s].scene;
    const int status = glint_track_compute(scenes, job->split.n_scenes, job->tracked);
    free(scenes);
    return status;
}

static void tracking_put(struct glint_json_writer *w, const struct glint_nuscenes_job *job)
{
    glint_track_put(w, job->tracked);
}

static void tracking_print(const struct glint_nuscenes_job *job)
{
    const char *columns[GLINT_TRACK_METRICS];
    char upper[GLINT_TRACK_METRICS][16];
    double row[GLINT_TRACK_METRICS];
    for (int m = 0; m < GLINT_TRACK_METRICS; m++) {
        snprintf(upper[m], sizeof upper[m], "%s", glint_track_metric_name(m));
        for (char *p = upper[m]; *p; p++)
            *p = (char)(*p >= 'a' && *p <= 'z' ? *p - 'a' + 'A' : *p);
        columns[m] = upper[m];
    }
    printf("Per-class results:\n");
    print_head("", columns, GLINT_TRACK_METRICS);
    for (int c = 0; c < GLINT_TRACK_CLASSES; c++) {
        for (int m = 0; m < GLINT_TRACK_METRICS; m++)
            row[m] = job->tracked->of_class[m][c];
        print_cells(glint_track_class_name(c), row, GLINT_TRACK_METRICS, 3);
    }
    printf("\nAggregated results:\n");
    for (int m = 0; m < GLINT_TRACK_METRICS; m++)
        printf("%s\t%.3f\n", columns[m], job->tracked->all[m]);
}

/* Lidar segmentation */

static int lidarseg_open(struct glint_nuscenes_job *job)
{
    uint8_t class_of[256];
    memset(&job->confusion, 0, sizeof job->confusion);
    GLINT_TRY(glint_nuscenes_lidarseg_map(job->tables, class_of));
    if (job->results)
        return GLINT_OK;
    GLINT_TRY(glint_nuscenes_infer_open(job));
    return job->engine.context.n_point_classes > 0
               ? GLINT_OK
               : glint_fail(GLINT_E_UNSUPPORTED, "--model %s gives no classes of points", job->shared.model);
}

/* What a scene leaves. A result file that is refused is no failure of the scene: the first one of all is told
 * at the end, in one line. */
struct lidarseg_part {
    int32_t status;
    char reason[512];
    struct glint_nuscenes_confusion sum;
};

static int lidarseg_score(void *ctx, int32_t scene, struct glint_buffer *out)
{
    struct glint_nuscenes_job *job = ctx;
    struct lidarseg_part part;
    memset(&part, 0, sizeof part);
    if (!job->results)
        GLINT_TRY(glint_nuscenes_infer_masks(job, scene, out));
    part.status = glint_nuscenes_lidarseg_score(
        &job->split, job->split_name, job->results ? job->results : job->submission, scene, &part.sum);
    if (part.status < 0)
        snprintf(part.reason, sizeof part.reason, "%s", glint_error_text());
    glint_buffer_add(out, &part, sizeof part);
    return out->failed ? glint_fail(GLINT_E_NOMEM, "no memory for a scene") : GLINT_OK;
}

static int lidarseg_reduce(void *ctx, int32_t scene, struct glint_blob *in)
{
    struct glint_nuscenes_job *job = ctx;
    struct lidarseg_part part;
    if (!job->results)
        GLINT_TRY(glint_nuscenes_infer_times(job, scene, in));
    GLINT_TRY(glint_blob_read(in, &part, sizeof part));
    if (part.status < 0 && job->refused == GLINT_OK) {
        job->refused = part.status;
        memcpy(job->reason, part.reason, sizeof job->reason);
    }
    glint_confusion_merge(job->confusion.count[0], GLINT_NUSCENES_LIDARSEG_CLASSES, part.sum.count[0]);
    return GLINT_OK;
}

static int lidarseg_finish(struct glint_nuscenes_job *job)
{
    return job->refused < 0 ? glint_fail(job->refused, "%.511s", job->reason) : GLINT_OK;
}

static void lidarseg_put(struct glint_json_writer *w, const struct glint_nuscenes_job *job)
{
    glint_nuscenes_lidarseg_put(w, &job->confusion);
}

static void lidarseg_print(const struct glint_nuscenes_job *job)
{
    const int32_t n = GLINT_NUSCENES_LIDARSEG_CLASSES;
    const uint64_t *matrix = job->confusion.count[0];
    printf("mIoU: %.4f\nFWIOU: %.4f\n\nIoU per class:\n", glint_confusion_mean_iou(matrix, n),
           glint_confusion_weighted_iou(matrix, n));
    for (int32_t c = 1; c < n; c++) {
        const double iou = glint_confusion_iou(matrix, n, c);
        print_cells(glint_nuscenes_lidarseg[c], &iou, 1, 4);
    }
}

static const struct glint_nuscenes_metric metrics[] = {
    {"detection", detection_open, detection_score, detection_reduce, detection_finish, detection_put,
     detection_print},
    {"tracking", tracking_open, tracking_score, tracking_reduce, tracking_finish, tracking_put,
     tracking_print},
    {"lidarseg", lidarseg_open, lidarseg_score, lidarseg_reduce, lidarseg_finish, lidarseg_put,
     lidarseg_print}};

const struct glint_nuscenes_metric *glint_nuscenes_metric_named(const char *name)
{
    for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++)
        if (strcmp(metrics[i].name, name) == 0)
            return &metrics[i];
    return NULL;
}

void glint_nuscenes_metric_close(struct glint_nuscenes_job *job)
{
    for (int32_t s = 0; job->tracks && s < job->split.n_scenes; s++) {
        free(job->tracks[s].frame);
        free(job->tracks[s].box);
    }
    free(job->tracks);
    free(job->tracked);
    free(job->detected);
    glint_nuscenes_detection_close(job->detection);
    glint_nuscenes_infer_close(job);
    glint_nuscenes_boxes_fini(&job->gt);
    glint_nuscenes_boxes_fini(&job->pred);
}
