/* tools/eval_semantickitti.c - glint eval semantickitti: IoU of .label files, or of a model's masks. */
#define _GNU_SOURCE
#include "core/file.h"
#include "eval/report.h"
#include "eval/semantickitti.h"
#include "io/stems.h"
#include "tools/commands.h"
#include "tools/eval_json.h"
#include "tools/eval_run.h"
#include "tools/places.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LABELS = 1, RESULTS, DATA, SEQUENCES, SUBMISSION };
#define SEQUENCES_DEFAULT "08" /* the published split "valid" */
#define CAP_SEQUENCES     22

struct scan {
    char sequence[8]; /* "" in a plain folder */
    char name[GLINT_STEM_CAP];
};
struct job { /* strings are those of argv */
    struct glint_shared_options shared;
    const char *labels, *results, *data, *sequences, *submission;
    bool is_dataset; /* folders have sequences/08/labels and the like */
    struct scan *scans;
    int32_t n_scans;
    struct glint_eval_net net;
    const struct glint_semantickitti_scheme *scheme;
    uint8_t class_of[256]; /* of the model's point classes, in the scheme; others: 0 */
    struct glint_semantickitti_counts counts;
    struct glint_semantickitti_iou iou;
};

static bool take(void *ctx, int key, const char *value)
{
    struct job *job = ctx;
    const char **const text[] = {[LABELS] = &job->labels,
                                 [RESULTS] = &job->results,
                                 [DATA] = &job->data,
                                 [SEQUENCES] = &job->sequences,
                                 [SUBMISSION] = &job->submission};
    if (key == GLINT_ARG_INPUT) {
        glint_usage_error(job->shared.command, "%s: an option expected", value);
        return false;
    }
    *text[key] = value;
    return true;
}

/* 0, or what to return plus one. */
static int check(const struct job *job)
{
    const struct glint_command *c = job->shared.command;
    if (!job->labels)
        return 1 + glint_usage_error(c, "--labels DIR expected, the dataset or a folder of .label files");
    if (!job->results == !job->shared.model)
        return 1 + glint_usage_error(c, "either --results DIR or --model DIR expected");
    if (job->submission && !job->shared.model)
        return 1 + glint_usage_error(c, "--submission: --model DIR expected, there is nothing to write");
    const char *const inputs[] = {job->labels, job->results, job->data};
    const char *const outputs[] = {job->submission, job->shared.report_path};
    return glint_shared_options_apart(&job->shared, inputs, 3, outputs, 2) ? 0 : 1 + GLINT_EXIT_USAGE;
}

/* ---- scans ---- */

/* "ROOT/sequences/08/labels/000000.label", or "ROOT/000000.label" in plain folders. */
static int path_of(const struct job *job, const char *root, const char *kind, int32_t i, const char *ending,
                   char path_out[PATH_MAX])
{
    const struct scan *s = &job->scans[i];
    const int n = s->sequence[0] ? snprintf(path_out, PATH_MAX, "%s/sequences/%s/%s/%s%s", root, s->sequence,
                                            kind, s->name, ending)
                                 : snprintf(path_out, PATH_MAX, "%s/%s%s", root, s->name, ending);
    return n < PATH_MAX ? GLINT_OK
                        : glint_fail(GLINT_E_ARG, "%.200s: a path of this length is not supported", root);
}

static int add_folder(struct job *job, const char *folder, const char *sequence)
{
    struct glint_stems stems;
    GLINT_TRY(glint_stems_of_folder(folder, ".label", &stems));
    struct scan *bigger = realloc(job->scans, (size_t)(job->n_scans + stems.n) * sizeof *bigger);
    if (bigger)
        job->scans = bigger;
    for (int32_t i = 0; bigger && i < stems.n; i++) {
        struct scan *s = &job->scans[job->n_scans++];
        snprintf(s->sequence, sizeof s->sequence, "%s", sequence);
        memcpy(s->name, stems.name[i], sizeof s->name);
    }
    glint_stems_fini(&stems);
    return bigger ? GLINT_OK : glint_fail(GLINT_E_NOMEM, "no memory for the names of scans");
}

static int list_scans(struct job *job)
{
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s/sequences", job->labels);
    job->is_dataset = glint_is_folder(folder);
    if (!job->is_dataset)
        return add_folder(job, job->labels, "");
    const char *at = job->sequences ? job->sequences : SEQUENCES_DEFAULT;
    for (int k = 0; *at && k < CAP_SEQUENCES; k++) {
        char sequence[8] = "";
        const size_t n = strcspn(at, ",");
        if (n == 0 || n >= sizeof sequence || memchr(at, '/', n))
            return glint_fail(GLINT_E_ARG, "--sequences %s: expected numbers like 08,10", at);
        memcpy(sequence, at, n);
        at += n + (at[n] == ',');
        snprintf(folder, sizeof folder, "%s/sequences/%s/labels", job->labels, sequence);
        GLINT_TRY(add_folder(job, folder, sequence));
    }
    return GLINT_OK;
}

/* ---- a unit ---- */

static const char *unit_name(void *ctx, int32_t unit)
{
    return ((struct job *)ctx)->scans[unit].name;
}

static int64_t unit_frames(void *ctx, int32_t unit)
{
    (void)ctx;
    (void)unit;
    return 1;
}

struct scored { /* a scan with its truth */
    struct job *job;
    int32_t unit;
    struct glint_label_bytes truth;
    struct glint_semantickitti_counts *counts;
};

static int write_submission(const struct scored *s, const uint8_t *found, int32_t n)
{
    char path[PATH_MAX];
    struct glint_buffer content = {0};
    GLINT_TRY(path_of(s->job, s->job->submission, "predictions", s->unit, ".label", path));
    for (int32_t i = 0; i < n; i++)
        glint_buffer_u32(&content, glint_semantickitti_label_of(found[i]));
    int status = glint_output_parents(path);
    if (status == GLINT_OK)
        status = glint_output_write(path, &content);
    glint_buffer_fini(&content);
    return status;
}

static int take_masks(void *ctx, const struct glint_frame *frame)
{
    const struct scored *s = ctx;
    uint8_t *found = malloc((size_t)frame->points.n + 1);
    if (!found)
        return glint_fail(GLINT_E_NOMEM, "no memory for the classes of %d points", frame->points.n);
    for (int32_t i = 0; i < frame->points.n; i++)
        found[i] = s->job->class_of[frame->point_class[i]];
    int status = glint_semantickitti_add_classes(s->counts, s->job->scheme, s->truth, found, frame->points.n);
    if (status == GLINT_OK && s->job->submission)
        status = write_submission(s, found, frame->points.n);
    free(found);
    return status;
}

static int run_network(struct scored *s)
{
    char path[PATH_MAX];
    struct glint_source *source;
    const char *root = s->job->data ? s->job->data : s->job->labels;
    GLINT_TRY(path_of(s->job, root, "velodyne", s->unit, ".bin", path));
    GLINT_TRY(glint_source_open(path, &(struct glint_source_settings){.format = "kitti"}, &source));
    const int status = glint_eval_net_run(&s->job->net, source, take_masks, s);
    glint_source_close(source);
    return status;
}

static int compare(struct scored *s)
{
    char path[PATH_MAX];
    struct glint_file file;
    GLINT_TRY(path_of(s->job, s->job->results, "predictions", s->unit, ".label", path));
    GLINT_TRY(glint_file_open(&file, path));
    const int status =
        glint_semantickitti_add(s->counts, s->truth, (struct glint_label_bytes){path, file.data, file.size});
    glint_file_close(&file);
    return status;
}

static int score(void *ctx, int32_t unit, struct glint_buffer *out)
{
    struct job *job = ctx;
    char path[PATH_MAX];
    struct glint_file file;
    struct glint_semantickitti_counts counts = {0};
    GLINT_TRY(path_of(job, job->labels, "labels", unit, ".label", path));
    GLINT_TRY(glint_file_open(&file, path));
    struct scored s = {job, unit, {path, file.data, file.size}, &counts};
    const int status = job->net.model ? run_network(&s) : compare(&s);
    glint_file_close(&file);
    glint_buffer_add(out, &counts, sizeof counts);
    return status;
}

static int reduce(void *ctx, int32_t unit, struct glint_blob *in)
{
    struct job *job = ctx;
    struct glint_semantickitti_counts counts;
    (void)unit;
    GLINT_TRY(glint_blob_read(in, &counts, sizeof counts));
    for (int i = 0; i < GLINT_SEMANTICKITTI_CLASSES; i++)
        for (int k = 0; k < GLINT_SEMANTICKITTI_CLASSES; k++)
            job->counts.n[i][k] += counts.n[i][k];
    return GLINT_OK;
}

static uint64_t identity_of(const struct job *job)
{
    uint64_t id = glint_identity_text(0, "semantickitti 1");
    char path[PATH_MAX];
    for (int32_t i = 0; i < job->n_scans; i++) {
        if (path_of(job, job->labels, "labels", i, ".label", path) == GLINT_OK)
            id = glint_identity_file(id, path);
        if (job->results && path_of(job, job->results, "predictions", i, ".label", path) == GLINT_OK)
            id = glint_identity_file(id, path);
    }
    id = glint_identity_text(id, job->data);
    return glint_identity_text(id, job->submission);
}

/* ---- what comes out ---- */

static void print_table(const struct job *job)
{
    if (job->scheme != &glint_semantickitti_official)
        printf("coarse classes (the model knows none of the 19): these numbers are not the benchmark's\n");
    printf("Acc avg %.3f\nIoU avg %.3f\n", job->iou.accuracy, job->iou.iou_mean);
    for (int32_t c = 1; c < job->scheme->n_classes; c++)
        printf("IoU class %d [%s] = %.3f\n", c, job->scheme->names[c], job->iou.iou[c]);
}

static void put_all(struct glint_json_writer *w, const void *ctx)
{
    const struct job *job = ctx;
    char key[64];
    glint_json_put_f64(w, "accuracy_mean", job->iou.accuracy);
    glint_json_put_f64(w, "iou_mean", job->iou.iou_mean);
    for (int32_t c = 1; c < job->scheme->n_classes; c++) {
        snprintf(key, sizeof key, "iou_%s", job->scheme->names[c]);
        glint_json_put_f64(w, key, job->iou.iou[c]);
    }
    glint_json_put_text(w, "classes", job->scheme == &glint_semantickitti_official ? "official" : "coarse");
    glint_json_put_array(w, "confusion"); /* truth x found */
    for (int32_t c = 0; c < job->scheme->n_classes; c++) {
        double row[GLINT_SEMANTICKITTI_CLASSES];
        for (int32_t k = 0; k < job->scheme->n_classes; k++)
            row[k] = (double)job->counts.n[c][k];
        glint_json_put_f64s(w, NULL, row, (size_t)job->scheme->n_classes);
    }
    glint_json_put_end(w);
}

static void put_confusion(struct glint_report *r, const struct job *job)
{
    const int32_t n = job->scheme->n_classes;
    glint_report_heading(r, "What was taken for what");
    glint_report_table_begin(r, "row: truth, column: found; percent of the row", job->scheme->names, n);
    for (int32_t c = 1; c < n; c++) {
        glint_report_row(r, job->scheme->names[c]);
        for (int32_t k = 0; k < n; k++) {
            const double all = (double)job->iou.points[c], share = 100 * (double)job->counts.n[c][k] / all;
            if (all > 0 && share > 0)
                glint_report_cell(r, share, 1);
            else
                glint_report_cell_text(r, "");
        }
    }
    glint_report_table_end(r);
}

static int write_report(const struct job *job)
{
    static const char *const columns[] = {"IoU", "points of truth"};
    struct glint_report r = {0};
    char words[700];
    if (job->net.model)
        snprintf(words, sizeof words, "%s on %d scans", glint_model_info(job->net.model)->name, job->n_scans);
    else
        snprintf(words, sizeof words, "results of %.400s, %d scans", job->results, job->n_scans);
    glint_report_begin(&r, "SemanticKITTI segmentation", words);
    glint_report_heading(&r, "Intersection over union");
    if (job->scheme != &glint_semantickitti_official)
        glint_report_words(&r,
                           "Coarse classes, as the model knows none of the 19: not the benchmark's numbers.");
    glint_report_table_begin(&r, "unlabeled truth is ignored", columns, 2);
    glint_report_row(&r, "mean");
    glint_report_cell(&r, job->iou.iou_mean, 4);
    glint_report_cell_text(&r, "");
    for (int32_t c = 1; c < job->scheme->n_classes; c++) {
        glint_report_row(&r, job->scheme->names[c]);
        glint_report_cell(&r, job->iou.iou[c], 4);
        glint_report_cell_i64(&r, job->iou.points[c]);
    }
    glint_report_table_end(&r);
    put_confusion(&r, job);
    return glint_report_write(&r, job->shared.report_path);
}

/* ---- from beginning to end ---- */

/* The largest scan, by the files' sizes. */
static int most_points(const struct job *job, int32_t *out)
{
    char path[PATH_MAX];
    *out = 1;
    for (int32_t i = 0; i < job->n_scans; i++) {
        struct glint_source *source;
        GLINT_TRY(path_of(job, job->data ? job->data : job->labels, "velodyne", i, ".bin", path));
        GLINT_TRY(glint_source_open(path, &(struct glint_source_settings){.format = "kitti"}, &source));
        const int32_t n = source->ops->cap_points(source);
        *out = n > *out ? n : *out;
        glint_source_close(source);
    }
    return GLINT_OK;
}

static int open_net(struct job *job)
{
    int32_t cap_points;
    GLINT_TRY(most_points(job, &cap_points));
    GLINT_TRY(glint_eval_net_open(&job->shared, cap_points, &job->net));
    const struct glint_sink_context *context = &job->net.context;
    if (context->n_point_classes == 0 || context->n_point_classes > 255)
        return glint_fail(GLINT_E_UNSUPPORTED, "the model gives no point classes");
    GLINT_TRY(glint_semantickitti_scheme_of(context->point_classes, context->n_point_classes, &job->scheme,
                                            job->class_of));
    if (job->submission && job->scheme != &glint_semantickitti_official)
        return glint_fail(GLINT_E_UNSUPPORTED, "--submission: the model's point classes are not the 19");
    return GLINT_OK;
}

static int work(struct job *job)
{
    struct glint_eval_run_stats stats = {0};
    int status = list_scans(job);
    if (status == GLINT_OK && job->shared.model)
        status = open_net(job);
    if (status == GLINT_OK) {
        const struct glint_eval_task task = {
            "semantickitti", identity_of(job), job->n_scans, unit_name, unit_frames, score, reduce, job};
        status = glint_eval_do(&job->shared, &task, job->net.model ? &job->net : NULL, &stats);
    }
    if (status < 0)
        return glint_eval_failure(status, &job->net, &stats);
    if (!stats.is_root)
        return GLINT_EXIT_OK;
    glint_semantickitti_finish(&job->counts, job->scheme->n_classes, &job->iou);
    if (!glint_eval_json_on_stdout(job->shared.json_path))
        print_table(job);
    status = job->shared.json_path ? glint_eval_json(job->shared.json_path, put_all, job) : GLINT_OK;
    if (status == GLINT_OK && job->shared.report_path)
        status = write_report(job);
    return status < 0 ? glint_report_failure(status, GLINT_SIDE_OUTPUT) : GLINT_EXIT_OK;
}

static int run(const struct glint_command *command, int argc, char **argv)
{
    struct job job = {.scheme = &glint_semantickitti_official};
    glint_shared_options_init(&job.shared, command);
    int code = glint_shared_options_parse(&job.shared, argc, argv, take, &job);
    if (code >= 0)
        return code;
    code = check(&job);
    if (code)
        return code - 1;
    code = work(&job);
    glint_eval_net_close(&job.net);
    free(job.scans);
    return code;
}

static const struct glint_option options[] = {
    {"--labels", "DIR", "the dataset (with sequences/08/labels ...), or a folder of .label files", LABELS},
    {"--results", "DIR", "results in the same arrangement (sequences/08/predictions ...)", RESULTS},
    {"--data", "DIR", "scans for --model: .bin of the same names (default: those of the dataset)", DATA},
    {"--sequences", "LIST", "of a dataset: 08,10 (default: " SEQUENCES_DEFAULT ", the split valid)",
     SEQUENCES},
    {"--submission", "DIR", "writes the model's results as .label files", SUBMISSION},
    GLINT_OPTION_GROUP(GLINT_OPTIONS_EVAL),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_MODEL),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_THREADS),
    {NULL, NULL, NULL, 0}};

const struct glint_command glint_eval_semantickitti = {
    "eval semantickitti",
    "SemanticKITTI segmentation: mIoU of the 19 classes",
    "--labels DIR {--results DIR | --model DIR [--data DIR]} [options]",
    "  glint eval semantickitti --labels dataset --results predictions --json scores.json\n",
    options,
    run};
