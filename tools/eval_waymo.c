/* tools/eval_waymo.c - glint eval waymo: the official metrics of result files, or of a model run over
 * segments. */
#include "core/file.h"
#include "eval/waymo_submission.h"
#include "eval/waymo_within.h"
#include "tools/commands.h"
#include "tools/eval_waymo_found.h"
#include "tools/eval_waymo_net.h"
#include "tools/waymo_print.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TRUTH = 1, RESULTS, MODE, EXACT, DATA, SAVE, SUBMISSION, ACCOUNT, METHOD };

static const struct mode {
    const char *name, *json_name;
    enum { DETECTION, TRACKING, SEGMENTATION } metric;
    enum glint_waymo_tables tables;
    unsigned iou_kind;
} modes[] = {
    {"det3d", "det3d", DETECTION, GLINT_WAYMO_STANDARD, GLINT_WAYMO_IOU_3D},
    {"bev2d", "bev2d", DETECTION, GLINT_WAYMO_STANDARD, GLINT_WAYMO_IOU_BEV},
    {"extra3d", "extra3d", DETECTION, GLINT_WAYMO_EXTRA, GLINT_WAYMO_IOU_3D},
    {"tracking", "track", TRACKING, GLINT_WAYMO_STANDARD, GLINT_WAYMO_IOU_3D},
    {"segmentation", "seg", SEGMENTATION, GLINT_WAYMO_STANDARD, GLINT_WAYMO_IOU_3D},
};
#define N_MODES ((int)(sizeof modes / sizeof modes[0]))

struct job {
    struct glint_shared_options shared;
    const struct mode *mode;
    const char **truth;  /* room for all arguments */
    const char **labels; /* truth, or the files of --data */
    int32_t n_truth;
    const char *results;
    bool exact;
    struct glint_eval_waymo_net net; /* with --model: what it is run over, and where results go */
    const char **data;               /* room for all arguments */
    bool takes_data;                 /* files behind --data */
    struct glint_waymo_objects *set;
    struct glint_waymo_result result;
};

static bool take_mode(struct job *job, const char *value)
{
    const char *names[N_MODES];
    for (int i = 0; i < N_MODES; i++) {
        names[i] = modes[i].name;
        if (strcmp(value, names[i]) == 0) {
            job->mode = &modes[i];
            return true;
        }
    }
    const char *near = glint_nearest_name(value, names, N_MODES);
    glint_usage_error(job->shared.command,
                      "--mode %s: expected det3d, bev2d, extra3d, tracking or segmentation%s%s", value,
                      near ? "; did you mean " : "", near ? near : "");
    return false;
}

static bool take(void *ctx, int key, const char *value)
{
    struct job *job = ctx;
    if (key == MODE)
        return take_mode(job, value);
    if (key == EXACT)
        job->exact = true;
    else if (key == RESULTS)
        job->results = value;
    else if (key == SAVE)
        job->net.save = value;
    else if (key == SUBMISSION)
        job->net.submission = value;
    else if (key == ACCOUNT)
        job->net.account = value;
    else if (key == METHOD)
        job->net.method = value;
    else if (key == DATA || (key == GLINT_ARG_INPUT && job->takes_data))
        job->data[job->net.n_data++] = value;
    else /* --ground-truth, and files behind it */
        job->truth[job->n_truth++] = value;
    job->takes_data = key == DATA || (key == GLINT_ARG_INPUT && job->takes_data);
    return true;
}

/* ---- the metric ---- */

/* A submission must be one that the dataset's server takes; Objects alone may be of any kind. */
static int check_submission(const struct job *job)
{
    struct glint_waymo_within within;
    struct glint_waymo_check check;
    struct glint_file file;
    GLINT_TRY(glint_file_open(&file, job->results));
    const int status = glint_waymo_within(job->results, file.data, file.size, &within);
    glint_file_close(&file);
    return status == GLINT_OK && within.is_submission
               ? glint_waymo_submission_check(job->results, job->mode->metric == TRACKING, &check)
               : GLINT_OK;
}

static void tell_damage(int64_t n_damaged)
{
    if (n_damaged > 0)
        glint_say("%lld damaged records of the ground truth were left out", (long long)n_damaged);
}

static int open_metric(struct job *job, struct glint_eval_task *task)
{
    struct glint_waymo_result *r = &job->result;
    const unsigned kind = job->mode->iou_kind | (job->exact ? GLINT_WAYMO_IOU_EXACT : 0);
    const struct glint_waymo_inputs inputs = {job->labels, job->n_truth, job->results,
                                              job->shared.skip_corrupt, job->mode->metric == DETECTION};
    r->mode = job->mode->json_name;
    if (job->mode->metric == SEGMENTATION) {
        GLINT_TRY(glint_waymo_segmentation_open(&inputs, &r->segmentation));
        glint_waymo_segmentation_task(r->segmentation, task);
        tell_damage(glint_waymo_segmentation_damaged(r->segmentation));
        return GLINT_OK;
    }
    GLINT_TRY(check_submission(job));
    GLINT_TRY(glint_waymo_objects_open(&inputs, &job->set));
    tell_damage(glint_waymo_objects_damaged(job->set));
    if (job->mode->metric == TRACKING) {
        GLINT_TRY(glint_waymo_tracking_open(job->set, kind, &r->tracking));
        glint_waymo_tracking_task(r->tracking, task);
        return GLINT_OK;
    }
    GLINT_TRY(glint_waymo_detection_open(job->set, job->mode->tables, kind, &r->detection));
    glint_waymo_detection_task(r->detection, task);
    return GLINT_OK;
}

static void close_metric(struct job *job)
{
    glint_waymo_detection_close(job->result.detection);
    glint_waymo_tracking_close(job->result.tracking);
    glint_waymo_segmentation_close(job->result.segmentation);
    glint_waymo_objects_close(job->set);
}

static uint64_t identity_of(const struct job *job)
{
    uint64_t identity = glint_identity_text(0, job->mode->name);
    identity = glint_identity_bytes(identity, &job->exact, sizeof job->exact);
    identity = glint_identity_bytes(identity, &job->shared.skip_corrupt, sizeof job->shared.skip_corrupt);
    identity = glint_identity_file(identity, job->results);
    for (int32_t i = 0; i < job->n_truth; i++)
        identity = glint_identity_file(identity, job->labels[i]);
    return identity;
}

/* ---- results ---- */

static int write_json(const struct job *job)
{
    const char *path = job->shared.json_path;
    const bool to_stdout = strcmp(path, "-") == 0;
    struct glint_json_writer w;
    if (to_stdout)
        glint_json_writer_init(&w, 1);
    else
        GLINT_TRY(glint_json_writer_create(&w, path, 1));
    glint_json_put_object(&w, NULL);
    glint_waymo_put(&w, &job->result);
    glint_json_put_end(&w);
    const int status = glint_json_writer_finish(&w);
    if (to_stdout && status == GLINT_OK) {
        fwrite(w.text, 1, w.size, stdout);
        glint_json_writer_fini(&w);
    }
    return status;
}

static int write_report(const struct job *job)
{
    const bool runs = job->shared.model != NULL; /* its data has the points, whatever the labels are from */
    const struct glint_eval_waymo_found found = {
        .set = job->set,
        .detection = job->result.detection,
        .by_type = job->mode->tables == GLINT_WAYMO_STANDARD,
        .path = runs ? (const char *const *)(void *)job->net.files.path : job->labels,
        .n_paths = runs ? job->net.files.n : job->n_truth};
    struct glint_report page = {0};
    glint_report_begin(&page, "Waymo", runs ? job->shared.model : job->results);
    glint_waymo_put_report(&page, &job->result);
    int status = job->result.detection ? glint_eval_waymo_found(&found, &page) : GLINT_OK;
    if (status == GLINT_OK && runs)
        status = glint_eval_waymo_net_put_latencies(&job->net, &page);
    if (status == GLINT_OK)
        return glint_report_write(&page, job->shared.report_path);
    glint_buffer_fini(&page.html);
    return status;
}

static int write_results(const struct job *job)
{
    if (!job->shared.json_path || strcmp(job->shared.json_path, "-") != 0)
        glint_waymo_print(&job->result);
    if (job->shared.json_path)
        GLINT_TRY(write_json(job));
    return job->shared.report_path ? write_report(job) : GLINT_OK;
}

static int evaluate(struct job *job)
{
    struct glint_eval_task task;
    struct glint_eval_run_stats stats = {0};
    int status = open_metric(job, &task);
    if (status == GLINT_OK) {
        task.identity = identity_of(job);
        status =
            job->shared.model /* what the ranks have made together the root evaluates: seconds, after hours */
                ? glint_eval_run_alone(&task, job->shared.n_threads, &stats)
                : glint_eval_do(&job->shared, &task, NULL, &stats);
    }
    if (status < 0)
        return glint_eval_failure(status, NULL, &stats);
    if (!stats.is_root)
        return GLINT_EXIT_OK;
    status = write_results(job);
    return status < 0 ? glint_report_failure(status, GLINT_SIDE_OUTPUT) : GLINT_EXIT_OK;
}

/* The network's results become a file, which is evaluated like any other. */
static int run_model(struct job *job)
{
    job->shared.track = job->mode->metric == TRACKING;
    job->net.options = &job->shared;
    job->net.data = job->data;
    const int status = glint_eval_waymo_net_run(&job->net);
    if (status < 0 && job->net.stats.n_failed > 0) /* each was told when it failed */
        return glint_failure_exit(status, GLINT_SIDE_INPUT);
    if (status < 0)
        return glint_report_failure(status, status == GLINT_E_IO ? GLINT_SIDE_OUTPUT : GLINT_SIDE_INPUT);
    if (!job->net.stats.is_root)
        return GLINT_EXIT_OK;
    job->results = job->net.results;
    if (job->n_truth == 0) {
        job->labels = (const char **)(void *)job->net.files.path;
        job->n_truth = job->net.files.n;
    }
    return evaluate(job);
}

/* ---- the command ---- */

static bool is_complete(const struct job *job)
{
    const struct glint_command *command = job->shared.command;
    const char *const results[] = {job->results}, *const saved[] = {job->net.save, job->net.submission};
    if (job->shared.model && job->results)
        glint_usage_error(command, "--model and --results: one of them");
    else if (job->shared.model && job->net.n_data == 0)
        glint_usage_error(command,
                          "--data is needed: the TFRecord files that the model is run over, or their folder");
    else if (job->shared.model && job->mode->metric == SEGMENTATION)
        glint_usage_error(command, "--model gives boxes alone: --mode %s takes --results", job->mode->name);
    else if (job->net.submission && (!job->net.account || !job->net.method))
        glint_usage_error(command, "--submission needs --account E-MAIL and --method NAME");
    else if (!job->shared.model && (job->net.n_data > 0 || job->net.save || job->net.submission))
        glint_usage_error(command, "--data, --save and --submission go with --model");
    else if (job->n_truth == 0 && !job->shared.model)
        glint_usage_error(command, "--ground-truth is needed: an Objects file, or TFRecord files");
    else if (!job->results && !job->shared.model)
        glint_usage_error(command, "--results is needed: what is to be evaluated (or --model and --data)");
    else if (job->exact && job->mode->metric == SEGMENTATION)
        glint_usage_error(command, "--exact-iou is about boxes: not with --mode segmentation");
    else
        return glint_shared_options_apart(&job->shared, results, 1, saved, 2) &&
               glint_shared_options_apart(&job->shared, job->data, job->net.n_data, saved, 2) &&
               glint_shared_options_apart(&job->shared, job->truth, job->n_truth, saved, 2);
    return false;
}

static int run(const struct glint_command *command, int argc, char **argv)
{
    struct job job = {.mode = &modes[0]};
    glint_shared_options_init(&job.shared, command);
    job.labels = job.truth = calloc((size_t)argc + 1, sizeof *job.truth);
    job.data = calloc((size_t)argc + 1, sizeof *job.data);
    if (!job.truth || !job.data)
        return glint_report_failure(glint_fail(GLINT_E_NOMEM, "out of memory"), GLINT_SIDE_INPUT);
    int code = glint_shared_options_parse(&job.shared, argc, argv, take, &job);
    if (code < 0)
        code = !is_complete(&job) ? GLINT_EXIT_USAGE : job.shared.model ? run_model(&job) : evaluate(&job);
    close_metric(&job);
    glint_eval_waymo_net_fini(&job.net);
    free(job.data);
    free(job.truth);
    return code;
}

static const struct glint_option options[] = {
    {"--ground-truth", "FILE",
     "Objects (segmentation: SegmentationFrameList), or .tfrecord files; more may follow", TRUTH},
    {"--results", "FILE", "the same kind of message with what was predicted", RESULTS},
    {"--mode", "NAME", "det3d, bev2d, extra3d (other breakdowns), tracking or segmentation (default: det3d)",
     MODE},
    {"--exact-iou", NULL, "overlaps without the official library's quirks", EXACT},
    {"--data", "FILE",
     "with --model: .tfrecord files to run it over, or their folder; more may follow. Their labels "
     "are the ground truth unless that is given",
     DATA},
    {"--save", "FILE", "with --model: the results, as Objects", SAVE},
    {"--submission", "FILE", "with --model: the results as the dataset's server takes them", SUBMISSION},
    {"--account", "E-MAIL", "for --submission: of the account at the dataset's site", ACCOUNT},
    {"--method", "NAME", "for --submission: short and unique", METHOD},
    GLINT_OPTION_GROUP(GLINT_OPTIONS_MODEL),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_DAMAGE),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_EVAL),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_THREADS),
    {NULL, NULL, NULL, 0}};

const struct glint_command glint_eval_waymo = {
    "eval waymo",
    "Waymo: detection (AP, APH), tracking (MOTA, MOTP), segmentation (mIoU)",
    "--ground-truth FILE... --results FILE [options]\n       glint eval waymo --model DIR --data FILE... "
    "[options]",
    "  glint eval waymo --ground-truth gt.bin --results pred.bin --json waymo.json\n"
    "  glint eval waymo --mode tracking --ground-truth validation/*.tfrecord --results tracks.bin\n"
    "  glint eval waymo --model waymo_pillars --data validation --save boxes.bin --json waymo.json\n",
    options,
    run};
