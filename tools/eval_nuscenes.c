/* tools/eval_nuscenes.c - glint eval nuscenes: the official metrics of a result file, or of what a model
 * finds. */
#include "tools/commands.h"
#include "tools/eval_json.h"
#include "tools/nuscenes_job.h"
#include <string.h>

enum { VERSION = 1, SPLIT, TASK, RESULTS, CURVES, SUBMISSION, SWEEPS, ALLOW_MISSING };

static bool take_root(struct glint_nuscenes_job *job, const char *value)
{
    if (job->root) {
        glint_usage_error(job->shared.command, "one dataset at a time: %s", value);
        return false;
    }
    job->root = value;
    return true;
}

static bool take_task(struct glint_nuscenes_job *job, const char *value)
{
    job->metric = glint_nuscenes_metric_named(value);
    if (!job->metric)
        glint_usage_error(job->shared.command, "--task %s: expected detection, tracking or lidarseg", value);
    return job->metric != NULL;
}

static bool take(void *ctx, int key, const char *value)
{
    struct glint_nuscenes_job *job = ctx;
    const char **const text[] = {[VERSION] = &job->version,
                                 [SPLIT] = &job->split_name,
                                 [RESULTS] = &job->results,
                                 [CURVES] = &job->curves,
                                 [SUBMISSION] = &job->submission};
    if (key == GLINT_ARG_INPUT)
        return take_root(job, value);
    if (key == TASK)
        return take_task(job, value);
    if (key == SWEEPS)
        return glint_value_int(job->shared.command, "--sweeps", value, 0, GLINT_NUSCENES_PAST, &job->n_past);
    if (key == ALLOW_MISSING)
        job->allow_missing = true;
    else
        *text[key] = value;
    return true;
}

/* What was left out: the version whose folder is there, the split that is usual for it. */
static bool complete(struct glint_nuscenes_job *job)
{
    static const char *const usual[][2] = {
        {"v1.0-trainval", "val"}, {"v1.0-mini", "mini_val"}, {"v1.0-test", "test"}};
    if (!job->version)
        job->version = glint_nuscenes_version_in(job->root);
    if (!job->version)
        job->version = usual[0][0]; /* is not there, which is told when it is opened */
    for (int i = 0; i < 3 && !job->split_name; i++)
        if (strcmp(job->version, usual[i][0]) == 0)
            job->split_name = usual[i][1];
    return job->split_name != NULL;
}

/* What a part that is kept depends on, beside the model. */
static uint64_t identity(const struct glint_nuscenes_job *job)
{
    const char *const words[] = {"nuscenes 1", job->root, job->version, job->split_name, job->metric->name};
    const int32_t frames[] = {job->net.stack.n_past, job->allow_missing};
    uint64_t id = 0;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        id = glint_identity_text(id, words[i]);
    if (job->results)
        id = glint_identity_file(id, job->results);
    if (job->shared.track) {
        id = glint_identity_text(id, "track");
        id = glint_identity_bytes(id, &job->shared.score, sizeof job->shared.score);
    }
    return glint_identity_bytes(id, frames, sizeof frames);
}

static const char *scene_name(void *ctx, int32_t scene)
{
    const struct glint_nuscenes_job *job = ctx;
    return job->tables->scene[job->split.scene[scene]].name;
}

static int64_t scene_frames(void *ctx, int32_t scene)
{
    const struct glint_nuscenes_job *job = ctx;
    return job->split.scene_first[scene + 1] - job->split.scene_first[scene];
}

static int run_scenes(struct glint_nuscenes_job *job, struct glint_eval_run_stats *stats)
{
    const struct glint_eval_task task = {.name = job->metric->name,
                                         .identity = identity(job),
                                         .n_units = job->split.n_scenes,
                                         .unit_name = scene_name,
                                         .unit_frames = scene_frames,
                                         .score = job->metric->score,
                                         .reduce = job->metric->reduce,
                                         .ctx = job};
    return glint_eval_do(&job->shared, &task, job->results ? NULL : &job->engine, stats);
}

static void put_metric(struct glint_json_writer *w, const void *ctx)
{
    const struct glint_nuscenes_job *job = ctx;
    job->metric->put(w, job);
}

static void put_curves(struct glint_json_writer *w, const void *ctx)
{
    const struct glint_nuscenes_job *job = ctx;
    glint_nuscenes_detection_put_curves(w, job->detected);
}

/* A test split has no annotations: there is nothing to evaluate against, but a submission can be made. */
static bool is_blind(const struct glint_nuscenes_job *job)
{
    return job->tables->n_annotations == 0 && strcmp(job->metric->name, "lidarseg") != 0;
}

static int check_annotations(const struct glint_nuscenes_job *job)
{
    return !is_blind(job) || job->submission ? GLINT_OK
                                             : glint_fail(GLINT_E_FORMAT,
                                                          "%s/%s: no annotations to evaluate against; "
                                                          "--model with --submission writes results for "
                                                          "the official server",
                                                          job->root, job->version);
}

static int write_results(struct glint_nuscenes_job *job)
{
    if (is_blind(job)) {
        glint_say("%s/%s has no annotations: the submission alone is written", job->root, job->version);
        return glint_nuscenes_infer_write(job);
    }
    if (!glint_eval_json_on_stdout(job->shared.json_path))
        job->metric->print(job);
    if (job->shared.json_path)
        GLINT_TRY(glint_eval_json(job->shared.json_path, put_metric, job));
    if (job->curves)
        GLINT_TRY(glint_eval_json(job->curves, put_curves, job));
    if (job->submission && (job->detected || job->tracked))
        GLINT_TRY(glint_nuscenes_infer_write(job));
    return job->shared.report_path ? glint_nuscenes_report(job) : GLINT_OK;
}

static int evaluate(struct glint_nuscenes_job *job)
{
    struct glint_eval_run_stats stats = {0};
    int status = glint_nuscenes_tables_open(job->root, job->version, &job->tables);
    if (status == GLINT_OK)
        status = check_annotations(job);
    if (status == GLINT_OK)
        status = glint_nuscenes_split_init(&job->split, job->tables, job->split_name);
    if (status == GLINT_OK)
        status = job->metric->open(job);
    if (status == GLINT_OK)
        status = run_scenes(job, &stats);
    if (status == GLINT_OK && stats.is_root)
        status = job->metric->finish(job);
    if (status < 0)
        return glint_eval_failure(status, job->results ? NULL : &job->engine, &stats);
    if (!stats.is_root)
        return GLINT_EXIT_OK;
    status = write_results(job);
    return status < 0 ? glint_report_failure(status, GLINT_SIDE_OUTPUT) : GLINT_EXIT_OK;
}

/* -1: go on; else the exit code after a printed line. */
static int check_options(struct glint_nuscenes_job *job)
{
    const struct glint_command *c = job->shared.command;
    const bool detects = strcmp(job->metric->name, "detection") == 0;
    if (!job->root)
        return glint_usage_error(c, "no dataset given: the folder that has v1.0-mini or v1.0-trainval");
    if (!job->results == !job->shared.model)
        return glint_usage_error(c, "%s --results FILE or --model DIR is needed",
                                 job->results ? "only one of" : "one of");
    const bool tracks = strcmp(job->metric->name, "tracking") == 0;
    if (job->shared.track && !tracks)
        return glint_usage_error(c, "--track is of the task tracking");
    job->shared.track |= tracks && !job->results;
    if (!job->results && !detects && !job->shared.track && !job->submission)
        return glint_usage_error(
            c, "--task lidarseg with --model needs --submission DIR, for classes of points");
    if (job->curves && !detects)
        return glint_usage_error(c, "--curves are of the task detection");
    if (job->submission && job->results && !job->shared.track)
        return glint_usage_error(c, "--submission is what a model found: it needs --model (or --track)");
    if (!complete(job))
        return glint_usage_error(c, "--split is needed for version %s", job->version);
    const char *const inputs[] = {job->results}, *extra[2];
    int32_t n_extra = 0;
    if (job->curves)
        extra[n_extra++] = job->curves;
    if (job->submission)
        extra[n_extra++] = job->submission;
    return glint_shared_options_apart(&job->shared, inputs, job->results ? 1 : 0, extra, n_extra)
               ? -1
               : GLINT_EXIT_USAGE;
}

static int run(const struct glint_command *command, int argc, char **argv)
{
    struct glint_nuscenes_job job = {.metric = glint_nuscenes_metric_named("detection"), .n_past = -1};
    glint_shared_options_init(&job.shared, command);
    int code = glint_shared_options_parse(&job.shared, argc, argv, take, &job);
    if (code < 0)
        code = check_options(&job);
    if (code >= 0)
        return code;
    code = evaluate(&job);
    glint_nuscenes_metric_close(&job);
    glint_nuscenes_split_fini(&job.split);
    glint_nuscenes_tables_close(job.tables);
    return code;
}

static const struct glint_option options[] = {
    {"--version", "NAME",
     "folder of the tables (default: v1.0-trainval, v1.0-test or v1.0-mini, as is there)", VERSION},
    {"--split", "NAME", "train, val, test, mini_train or mini_val (default: val, test or mini_val)", SPLIT},
    {"--task", "NAME", "detection, tracking or lidarseg (default: detection)", TASK},
    {"--results", "FILE", "submission to evaluate; lidarseg: the folder that has lidarseg/SPLIT, or SPLIT",
     RESULTS},
    GLINT_OPTION_GROUP(GLINT_OPTIONS_TRACK),
    {"--curves", "FILE", "detection: precision, confidence and errors at 101 recalls, as JSON", CURVES},
    {"--submission", "FILE", "with --model: writes what was found as a submission; lidarseg: a folder",
     SUBMISSION},
    {"--sweeps", "N", "with --model: past sweeps under each key frame (default: the model's)", SWEEPS},
    {"--allow-missing-sweeps", NULL, "with --model: goes on with the sweeps that are there", ALLOW_MISSING},
    GLINT_OPTION_GROUP(GLINT_OPTIONS_MODEL),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_EVAL),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_THREADS),
    {NULL, NULL, NULL, 0}};

const struct glint_command glint_eval_nuscenes = {
    "eval nuscenes",
    "nuScenes: detection (mAP, NDS), tracking (AMOTA), lidar segmentation (mIoU)",
    "ROOT --results FILE | --model DIR [options]",
    "  glint eval nuscenes /data/nuscenes --split val --results results_nusc.json --json summary.json\n"
    "  glint eval nuscenes /data/nuscenes --model models/centerpoint --submission results_nusc.json\n"
    "  glint eval nuscenes /data/nuscenes --task tracking --results results_nusc.json --track\n",
    options,
    run};
