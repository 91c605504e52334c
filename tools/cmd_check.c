/* tools/cmd_check.c - a model against its reference, stage by stage. */
#include "convert/check.h"
#include "core/json_write.h"
#include "core/status.h"
#include "core/text.h"
#include "glint/model.h"
#include "tools/commands.h"
#include "tools/first_frame.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GOLDEN = 1, POINTS, TOLERANCE, THREADS, JSON };

struct job {
    const char *model, *golden, *points, *json;
    double tolerance;
    int threads;
    struct glint_safetensors *cases;
    struct glint_first_frame first;
    struct glint_check check;
};

/* The points: of the case, of the file it names in its metadata, or of another file. */
static int open_points(struct job *j)
{
    char path[1024];
    const char *from = glint_safetensors_metadata(j->cases, "points_from"), *slash = strrchr(j->golden, '/');
    if (j->points)
        return glint_first_frame_open(&j->first, j->points, NULL, NULL);
    if (!from)
        return glint_first_frame_open(&j->first, j->golden, NULL, NULL);
    snprintf(path, sizeof path, "%.*s%.200s%s", slash ? (int)(slash + 1 - j->golden) : 0, j->golden, from,
             glint_ends_with(from, ".safetensors") ? "" : ".safetensors");
    return glint_first_frame_open(&j->first, path, NULL, NULL);
}

static int run_model(struct job *j)
{
    struct glint_model_settings s;
    struct glint_model *model;
    glint_model_settings_default(&s);
    s.cap_points = j->first.frame->points.n > 0 ? j->first.frame->points.n : 1;
    s.keep_stages = true;
    if (j->threads > 0)
        s.n_threads = j->threads;
    int status = glint_model_open(j->model, &s, NULL, &model);
    if (status < 0)
        return status;
    status = glint_check_begin(&j->check, j->cases, j->tolerance);
    if (status == 0) {
        glint_model_set_tap(model, glint_check_tap, &j->check);
        status = glint_model_run(model, j->first.frame);
    }
    glint_model_close(model);
    return status == 0 ? glint_check_end(&j->check) : status;
}

static int compare(struct job *j)
{
    int status = glint_safetensors_open(j->golden, &j->cases);
    if (status < 0 || (status = open_points(j)) < 0)
        return status;
    if (j->first.frame->batch_size > 1)
        return glint_fail(GLINT_E_FORMAT, "%s: a case of %d frames; one is expected", j->golden,
                          j->first.frame->batch_size);
    return run_model(j);
}

/* Words */

static void shape_text(const struct glint_check_row *row, char *text, size_t size)
{
    size_t n = 0;
    text[0] = 0;
    for (int32_t i = 0; i < row->n_dims && n < size; i++)
        n += (size_t)snprintf(text + n, size - n, "%s%lld", i ? " x " : "", (long long)row->shape[i]);
}

static void print_row(const struct glint_check_row *row)
{
    char shape[80], worst[24] = "equal", norm[24] = "";
    shape_text(row, shape, sizeof shape);
    if (row->n_wrong)
        snprintf(worst, sizeof worst, "%lld wrong", (long long)row->n_wrong);
    else if (row->worst > 0)
        snprintf(worst, sizeof worst, "%.2e", row->worst);
    if (row->by_norm > 0)
        snprintf(norm, sizeof norm, "%.2e", row->by_norm);
    printf("%-7s  %-36s %-20s %12s %10s  %s\n", row->same ? "same" : "DIFFERS", row->name, shape, worst, norm,
           row->note);
}

static void print(const struct job *j)
{
    const struct glint_check *c = &j->check;
    printf("%-7s  %-36s %-20s %12s %10s\n", "", "tensor", "shape", "largest error", "by norm");
    for (int32_t i = 0; i < c->n; i++)
        print_row(&c->rows[i]);
    if (c->unseen[0])
        printf("not in the run: %s\n", c->unseen);
    if (c->first < 0)
        printf("%d tensors, all the same within %g by norm\n", c->n, j->tolerance);
    else
        printf("%d of %d tensors differ; the first is %s\n", c->n_differ, c->n, c->rows[c->first].name);
}

static int write_json(const struct job *j)
{
    const struct glint_check *c = &j->check;
    struct glint_json_writer w;
    const int status = glint_json_writer_create(&w, j->json, 1);
    if (status < 0)
        return status;
    glint_json_put_object(&w, NULL);
    glint_json_put_text(&w, "model", j->model);
    glint_json_put_text(&w, "case", j->golden);
    glint_json_put_f64(&w, "tolerance", j->tolerance);
    glint_json_put_i64(&w, "tensors", c->n);
    glint_json_put_i64(&w, "differ", c->n_differ);
    if (c->first >= 0)
        glint_json_put_text(&w, "first", c->rows[c->first].name);
    glint_json_put_array(&w, "rows");
    for (int32_t i = 0; i < c->n; i++) {
        glint_json_put_object(&w, NULL);
        glint_json_put_text(&w, "name", c->rows[i].name);
        glint_json_put_bool(&w, "same", c->rows[i].same);
        glint_json_put_f64(&w, "largest_error", c->rows[i].worst);
        glint_json_put_f64(&w, "by_norm", c->rows[i].by_norm);
        glint_json_put_i64(&w, "wrong", c->rows[i].n_wrong);
        glint_json_put_text(&w, "note", c->rows[i].note);
        glint_json_put_end(&w);
    }
    glint_json_put_end(&w);
    glint_json_put_end(&w);
    return glint_json_writer_finish(&w);
}

static int report(const struct job *j)
{
    print(j);
    if (j->json && write_json(j) < 0)
        return glint_report_failure(GLINT_E_IO, GLINT_SIDE_OUTPUT);
    return j->check.n_differ ? GLINT_EXIT_FAILED : GLINT_EXIT_OK;
}

static bool read_number(const char *text, double lo, double hi, double *out)
{
    char *end;
    *out = strtod(text, &end);
    return end != text && !*end && *out >= lo && *out <= hi;
}

static int run(const struct glint_command *c, int argc, char **argv)
{
    struct glint_arguments a = {c, argc, 1, argv, false};
    struct job j = {.tolerance = GLINT_CHECK_TOLERANCE};
    const char *value;
    double number = 0;
    for (int arg; (arg = glint_arguments_next(&a, &value)) != GLINT_ARG_END;) {
        if (arg == GLINT_ARG_ERROR || arg == GLINT_ARG_HELP)
            return glint_arguments_exit(arg);
        if (arg == GLINT_ARG_INPUT && j.model)
            return glint_usage_error(c, "one model at a time: %s", value);
        if (arg == TOLERANCE && !read_number(value, 1e-12, 1, &j.tolerance))
            return glint_usage_error(c, "--tolerance: a number from 1e-12 to 1 expected, found %s", value);
        if (arg == THREADS && (!read_number(value, 1, 1024, &number) || number != (int)number))
            return glint_usage_error(c, "--threads: 1 to 1024 expected, found %s", value);
        if (arg == THREADS)
            j.threads = (int)number;
        else if (arg != TOLERANCE)
            *(arg == GOLDEN   ? &j.golden
              : arg == POINTS ? &j.points
              : arg == JSON   ? &j.json
                              : &j.model) = value;
    }
    if (!j.model || !j.golden)
        return glint_usage_error(c, j.model ? "--golden CASE is needed" : "no model folder given");
    const int status = compare(&j);
    const int code = status < 0 ? glint_report_failure(status, GLINT_SIDE_INPUT) : report(&j);
    glint_check_fini(&j.check);
    glint_first_frame_close(&j.first);
    glint_safetensors_close(j.cases);
    return code;
}

static const struct glint_option options[] = {
    {"--golden", "CASE",
     "the reference's tensors (.safetensors; tools/dump_case.py writes them from PyTorch)", GOLDEN},
    {"--points", "FILE", "the frame's points (default: points_raw or points of the case)", POINTS},
    {"--tolerance", "X", "largest error of a tensor by norm (default: 2e-5)", TOLERANCE},
    {"--threads", "N", "threads (default: one per CPU)", THREADS},
    {"--json", "FILE", "the table as JSON", JSON},
    {NULL, NULL, NULL, 0}};

const struct glint_command glint_cmd_check = {
    "check",
    "whether a model computes what its reference does, stage by stage",
    "MODEL --golden CASE.safetensors [options]",
    "  glint check models/flatformer --golden case.safetensors\n"
    "Exit status: 0 the same, 1 something differs (the first such tensor is named), 3 bad input.\n",
    options,
    run};
