/* tools/eval_kitti.c - glint eval kitti: the official average precision of result files, or of a model. */
#define _GNU_SOURCE
#include "tools/eval_kitti.h"
#include "eval/kitti_put.h"
#include "tools/commands.h"
#include "tools/eval_json.h"
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEAST_SCORE 0.05f /* a curve wants also what nobody would call a detection */

enum { LABELS = 1, RESULTS, SPLIT, DATA, SUBMISSION, IMAGE };

static bool take_image(struct glint_kitti_job *job, const char *value)
{
    char rest;
    if (sscanf(value, "%5dx%5d%c", &job->image[0], &job->image[1], &rest) == 2 && job->image[0] > 1 &&
        job->image[1] > 1)
        return true;
    glint_usage_error(job->shared.command, "--image %s: expected WIDTHxHEIGHT in pixels", value);
    return false;
}

static bool take(void *ctx, int key, const char *value)
{
    struct glint_kitti_job *job = ctx;
    const char **const text[] = {[LABELS] = &job->labels,
                                 [RESULTS] = &job->results,
                                 [SPLIT] = &job->split,
                                 [DATA] = &job->data,
                                 [SUBMISSION] = &job->submission};
    if (key == IMAGE)
        return take_image(job, value);
    if (key == GLINT_ARG_INPUT) {
        glint_usage_error(job->shared.command, "%s: an option expected", value);
        return false;
    }
    *text[key] = value;
    return true;
}

/* 0, or what to return plus one. */
static int check(const struct glint_kitti_job *job)
{
    const struct glint_command *c = job->shared.command;
    if (!job->labels)
        return 1 + glint_usage_error(c, "--labels DIR expected, the folder of label files");
    if (!job->results == !job->shared.model)
        return 1 + glint_usage_error(c, "either --results DIR or --model DIR expected");
    if (job->shared.model && (!job->data || !job->shared.calib))
        return 1 + glint_usage_error(c, "--model: --data DIR (velodyne) and --calib DIR expected as well");
    if (job->data && !job->shared.calib)
        return 1 + glint_usage_error(c, "--data: --calib DIR expected as well");
    if (job->submission && !job->shared.model)
        return 1 + glint_usage_error(c, "--submission: --model DIR expected, there is nothing to write");
    const char *const inputs[] = {job->labels, job->results, job->split, job->data};
    const char *const outputs[] = {job->submission, job->shared.report_path};
    return glint_shared_options_apart(&job->shared, inputs, 4, outputs, 2) ? 0 : 1 + GLINT_EXIT_USAGE;
}

/* ---- the task ---- */

static const char *unit_name(void *ctx, int32_t unit)
{
    return ((struct glint_kitti_job *)ctx)->stems.name[unit];
}

static int64_t unit_frames(void *ctx, int32_t unit)
{
    (void)ctx;
    (void)unit;
    return 1;
}

static int score(void *ctx, int32_t unit, struct glint_buffer *out)
{
    struct glint_kitti_job *job = ctx;
    struct glint_kitti_scored scored = {0};
    const int status = glint_kitti_score(job, job->stems.name[unit], &scored);
    if (status == GLINT_OK)
        glint_kitti_scored_put(&scored, out);
    glint_kitti_scored_fini(&scored);
    return status;
}

static int reduce(void *ctx, int32_t unit, struct glint_blob *in)
{
    return glint_kitti_scored_get(&((struct glint_kitti_job *)ctx)->scored[unit], in);
}

static uint64_t identity_of(const struct glint_kitti_job *job)
{
    uint64_t id = glint_identity_text(0, "kitti 1");
    char path[PATH_MAX];
    const struct {
        const char *folder, *ending;
    } folders[] = {
        {job->labels, ".txt"}, {job->results, ".txt"}, {job->shared.calib, ".txt"}, {job->data, ".bin"}};
    for (int32_t i = 0; i < job->stems.n; i++)
        for (int k = 0; k < 4; k++)
            if (folders[k].folder && glint_kitti_path(folders[k].folder, job->stems.name[i],
                                                      folders[k].ending, path, sizeof path) == GLINT_OK)
                id = glint_identity_file(id, path);
    id = glint_identity_text(id, job->submission);
    return glint_identity_bytes(id, job->image, sizeof job->image);
}

/* ---- what comes out ---- */

static void put_share(struct glint_json_writer *w, const struct glint_found_share *share,
                      const char *const *names, int n)
{
    for (int i = 0; i < n; i++) {
        glint_json_put_object(w, names[i]);
        glint_json_put_i64(w, "objects", share[i].all);
        glint_json_put_i64(w, "found", share[i].found);
        glint_json_put_end(w);
    }
}

static void put_class(struct glint_json_writer *w, const struct glint_kitti_job *job, int c)
{
    const struct glint_found_class *k = &job->found.of_class[c];
    glint_json_put_object(w, glint_kitti_names[c]);
    glint_json_put_f64(w, "least_score", (double)job->least_score[c]);
    glint_json_put_i64(w, "objects", k->objects);
    glint_json_put_i64(w, "found", k->found);
    glint_json_put_f64(w, "recall", glint_found_recall(k));
    glint_json_put_i64(w, "boxes", k->boxes);
    glint_json_put_i64(w, "right", k->right);
    glint_json_put_f64(w, "precision", glint_found_precision(k));
    glint_json_put_object(w, "by_distance_m");
    put_share(w, k->by_distance, glint_found_distance_names, GLINT_FOUND_DISTANCES);
    glint_json_put_end(w);
    glint_json_put_object(w, "by_points");
    put_share(w, k->by_points, glint_found_point_names, GLINT_FOUND_POINTS);
    glint_json_put_end(w);
    glint_json_put_end(w);
}

static void put_all(struct glint_json_writer *w, const void *ctx)
{
    const struct glint_kitti_job *job = ctx;
    glint_kitti_put_json(w, &job->ap);
    if (!job->net.model)
        return;
    glint_json_put_object(w, "found_and_missed");
    glint_json_put_i64(w, "frames", job->stems.n);
    for (int c = 0; c < GLINT_KITTI_CLASSES; c++)
        put_class(w, job, c);
    glint_json_put_end(w);
}

/* "0.615", or "-" where there is nothing to divide by. */
static const char *share_text(double share, char text[16])
{
    snprintf(text, 16, isnan(share) ? "-" : "%.3f", share);
    return text;
}

static int print_tables(const struct glint_kitti_job *job)
{
    struct glint_buffer text = {0};
    glint_kitti_put_text(&text, &job->ap);
    if (text.failed)
        return glint_fail(GLINT_E_NOMEM, "no memory for the tables");
    fwrite(text.data, 1, text.size, stdout);
    glint_buffer_fini(&text);
    if (!job->net.model)
        return GLINT_OK;
    printf("\nfound within 2 m   objects   found  recall   boxes   right  precision  score >=\n");
    for (int c = 0; c < GLINT_KITTI_CLASSES; c++) {
        const struct glint_found_class *k = &job->found.of_class[c];
        char recall[16], precision[16];
        printf("%-16s %9lld %7lld  %6s %7lld %7lld  %9s %9.2f\n", glint_kitti_names[c], (long long)k->objects,
               (long long)k->found, share_text(glint_found_recall(k), recall), (long long)k->boxes,
               (long long)k->right, share_text(glint_found_precision(k), precision),
               (double)job->least_score[c]);
    }
    return GLINT_OK;
}

/* ---- from beginning to end ---- */

static int list_frames(struct glint_kitti_job *job)
{
    return job->split ? glint_stems_of_file(job->split, &job->stems)
                      : glint_stems_of_folder(job->labels, ".txt", &job->stems);
}

/* The largest scan, by the files' sizes. */
static int most_points(const struct glint_kitti_job *job, int32_t *out)
{
    char path[PATH_MAX];
    *out = 1;
    for (int32_t i = 0; i < job->stems.n; i++) {
        struct glint_source *source;
        GLINT_TRY(glint_kitti_path(job->data, job->stems.name[i], ".bin", path, sizeof path));
        GLINT_TRY(glint_source_open(path, &(struct glint_source_settings){.format = "kitti"}, &source));
        const int32_t n = source->ops->cap_points(source);
        *out = n > *out ? n : *out;
        glint_source_close(source);
    }
    return GLINT_OK;
}

static int open_net(struct glint_kitti_job *job)
{
    struct glint_shared_options options = job->shared;
    int32_t cap_points;
    options.score = options.score < 0 ? LEAST_SCORE : options.score;
    GLINT_TRY(most_points(job, &cap_points));
    GLINT_TRY(glint_eval_net_open(&options, cap_points, &job->net));
    snprintf(job->model_name, sizeof job->model_name, "%s", glint_model_info(job->net.model)->name);
    return GLINT_OK;
}

static int evaluate(struct glint_kitti_job *job, struct glint_eval_run_stats *stats)
{
    const struct glint_eval_task task = {.name = "kitti",
                                         .identity = identity_of(job),
                                         .n_units = job->stems.n,
                                         .unit_name = unit_name,
                                         .unit_frames = unit_frames,
                                         .score = score,
                                         .reduce = reduce,
                                         .ctx = job};
    job->scored = calloc((size_t)job->stems.n, sizeof *job->scored);
    if (!job->scored)
        return glint_fail(GLINT_E_NOMEM, "no memory for %d frames", job->stems.n);
    GLINT_TRY(glint_eval_do(&job->shared, &task, job->net.model ? &job->net : NULL, stats));
    if (!stats->is_root)
        return GLINT_OK;
    GLINT_TRY(glint_kitti_set_ap(job->scored, job->stems.n, &job->ap));
    return glint_kitti_find(job);
}

static int write_all(struct glint_kitti_job *job)
{
    if (!glint_eval_json_on_stdout(job->shared.json_path))
        GLINT_TRY(print_tables(job));
    if (job->shared.json_path)
        GLINT_TRY(glint_eval_json(job->shared.json_path, put_all, job));
    return job->shared.report_path ? glint_kitti_report(job) : GLINT_OK;
}

static int work(struct glint_kitti_job *job)
{
    struct glint_eval_run_stats stats = {0};
    int status = list_frames(job);
    if (status == GLINT_OK && job->shared.model)
        status = open_net(job);
    glint_kitti_least_scores(job);
    if (status == GLINT_OK)
        status = evaluate(job, &stats);
    if (status < 0)
        return glint_eval_failure(status, &job->net, &stats);
    status = stats.is_root ? write_all(job) : GLINT_OK;
    return status < 0 ? glint_report_failure(status, GLINT_SIDE_OUTPUT) : GLINT_EXIT_OK;
}

static void release(struct glint_kitti_job *job)
{
    for (int32_t i = 0; job->scored && i < job->stems.n; i++)
        glint_kitti_scored_fini(&job->scored[i]);
    free(job->scored);
    free(job->n_missed);
    free(job->n_false);
    glint_stems_fini(&job->stems);
    glint_eval_net_close(&job->net);
}

static int run(const struct glint_command *command, int argc, char **argv)
{
    struct glint_kitti_job job = {.image = {1242, 375}};
    glint_shared_options_init(&job.shared, command);
    int code = glint_shared_options_parse(&job.shared, argc, argv, take, &job);
    if (code >= 0)
        return code;
    code = check(&job);
    if (code)
        return code - 1;
    code = work(&job);
    release(&job);
    return code;
}

static const struct glint_option options[] = {
    {"--labels", "DIR", "label files, label_2/000000.txt ...", LABELS},
    {"--results", "DIR", "result files of the same names, one for every frame", RESULTS},
    {"--split", "FILE", "the frames, a name per line (default: all of --labels)", SPLIT},
    {"--data", "DIR", "scans, velodyne/000000.bin ...: for --model, and for points in the report", DATA},
    {"--calib", "DIR", "calibration files, calib/000000.txt ...", GLINT_KEY_CALIB},
    {"--image", "WxH", "size of the camera's image, px (default: 1242x375)", IMAGE},
    {"--submission", "DIR", "writes the model's results as result files", SUBMISSION},
    GLINT_OPTION_GROUP(GLINT_OPTIONS_EVAL),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_MODEL),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_THREADS),
    {NULL, NULL, NULL, 0}};

const struct glint_command glint_eval_kitti = {
    "eval kitti",
    "KITTI object detection: AP of boxes in the image, from above, in 3D, and AOS",
    "--labels DIR {--results DIR | --model DIR --data DIR --calib DIR} [options]",
    "  glint eval kitti --labels label_2 --results pred --json kitti.json\n"
    "  glint eval kitti --labels label_2 --model glint-tiny --data velodyne --calib calib --report page\n",
    options,
    run};
