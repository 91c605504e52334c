/* tools/eval_kitti_find.c - precision and recall of `glint eval kitti`, and its page. */
#include "eval/kitti_overlap.h"
#include "eval/kitti_put.h"
#include "eval/report_found.h"
#include "tools/eval_kitti.h"
#include "tools/eval_picture.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define RULE_M     2.0f
#define MOST_SHOWN 8
#define SHOWN_M    60.0f /* from the middle to the edge of a picture */
#define DONT_CARE  0.5   /* part of a box in the image that lies in such a region */

const char *const glint_kitti_names[GLINT_KITTI_CLASSES] = {"Car", "Pedestrian", "Cyclist"};

/* The evaluated class that a label belongs to, -1: none; *ignored_out: it is a neighbour of that class. */
static int32_t class_of(const char *type, bool *ignored_out)
{
    *ignored_out = strcasecmp(type, "Van") == 0 || strcasecmp(type, "Person_sitting") == 0;
    if (*ignored_out)
        return strcasecmp(type, "Van") == 0 ? GLINT_KITTI_CAR : GLINT_KITTI_PEDESTRIAN;
    for (int32_t c = 0; c < GLINT_KITTI_CLASSES; c++)
        if (strcasecmp(type, glint_kitti_names[c]) == 0)
            return c;
    return -1;
}

static bool in_dont_care(const struct glint_kitti_scored *s, const struct glint_kitti_object *found)
{
    for (int32_t i = 0; i < s->truth.n; i++)
        if (strcasecmp(s->truth.object[i].type, "DontCare") == 0 &&
            glint_kitti_covered(found, &s->truth.object[i]) > DONT_CARE)
            return true;
    return false;
}

static void fill_view(struct glint_kitti_view *v, const struct glint_kitti_scored *s)
{
    bool ignored;
    for (int32_t i = 0; i < s->truth.n; i++) {
        const int32_t c = class_of(s->truth.object[i].type, &ignored);
        if (c < 0)
            continue;
        struct glint_found_object *o = &v->objects[v->n_objects++];
        *o = (struct glint_found_object){s->truth_box[i], s->points[i], ignored};
        o->box.label = c;
    }
    for (int32_t i = 0; i < s->found.n; i++) {
        const int32_t c = class_of(s->found.object[i].type, &ignored);
        v->boxes[v->n_boxes] = s->found_box[i];
        v->boxes[v->n_boxes++].label = ignored || in_dont_care(s, &s->found.object[i]) ? -1 : c;
    }
}

int glint_kitti_view_init(struct glint_kitti_view *v, const struct glint_kitti_job *job, int32_t frame)
{
    const struct glint_kitti_scored *s = &job->scored[frame];
    const struct glint_found_rule rule = {RULE_M, job->least_score};
    const size_t n_truth = (size_t)s->truth.n + 1, n_found = (size_t)s->found.n + 1;
    *v = (struct glint_kitti_view){malloc(n_truth * sizeof *v->objects),
                                   malloc(n_found * sizeof *v->boxes),
                                   malloc(n_truth),
                                   malloc(n_found),
                                   0,
                                   0};
    if (!v->objects || !v->boxes || !v->object_state || !v->box_state) {
        glint_kitti_view_fini(v);
        return glint_fail(GLINT_E_NOMEM, "no memory for the boxes of a frame");
    }
    fill_view(v, s);
    glint_found_match(&rule, v->boxes, v->n_boxes, v->objects, v->n_objects, GLINT_KITTI_CLASSES,
                      v->box_state, v->object_state);
    return GLINT_OK;
}

void glint_kitti_view_fini(struct glint_kitti_view *v)
{
    free(v->objects);
    free(v->boxes);
    free(v->object_state);
    free(v->box_state);
    *v = (struct glint_kitti_view){0};
}

static int32_t count_not(const uint8_t *state, int32_t n)
{
    int32_t count = 0;
    for (int32_t i = 0; i < n; i++)
        count += state[i] == GLINT_FOUND_NOT;
    return count;
}

int glint_kitti_find(struct glint_kitti_job *job)
{
    job->n_missed = calloc((size_t)job->stems.n + 1, sizeof *job->n_missed);
    job->n_false = calloc((size_t)job->stems.n + 1, sizeof *job->n_false);
    if (!job->n_missed || !job->n_false)
        return glint_fail(GLINT_E_NOMEM, "no memory for %d frames", job->stems.n);
    for (int32_t f = 0; f < job->stems.n; f++) {
        struct glint_kitti_view v;
        GLINT_TRY(glint_kitti_view_init(&v, job, f));
        glint_found_add(&job->found, v.boxes, v.box_state, v.n_boxes, v.objects, v.object_state, v.n_objects);
        job->n_missed[f] = count_not(v.object_state, v.n_objects);
        job->n_false[f] = count_not(v.box_state, v.n_boxes);
        glint_kitti_view_fini(&v);
    }
    return GLINT_OK;
}

/* ---- the page ---- */

struct shown { /* a frame's picture */
    struct glint_report *report;
    struct glint_eval_view view;
    char caption[160];
};

static int draw_with_points(void *ctx, const struct glint_frame *frame)
{
    struct shown *s = ctx;
    s->view.points = &frame->points;
    return glint_eval_picture(s->report, s->caption, &s->view);
}

static int show(struct glint_kitti_job *job, struct glint_report *report, int32_t f)
{
    struct glint_kitti_view v;
    const char *name = job->stems.name[f];
    GLINT_TRY(glint_kitti_view_init(&v, job, f));
    struct shown s = {.report = report,
                      .view = {name, (uint64_t)f, NULL, v.boxes, v.box_state, v.objects, v.object_state,
                               v.n_boxes, v.n_objects, GLINT_KITTI_CLASSES, glint_kitti_names, SHOWN_M}};
    snprintf(s.caption, sizeof s.caption, "%s: %d missed, %d false", name, job->n_missed[f], job->n_false[f]);
    const int status = job->data && job->shared.calib ? glint_kitti_with_scan(job, name, draw_with_points, &s)
                                                      : glint_eval_picture(report, s.caption, &s.view);
    glint_kitti_view_fini(&v);
    return status;
}

static int show_worst(struct glint_kitti_job *job, struct glint_report *report)
{
    int32_t worst[MOST_SHOWN], status = GLINT_OK;
    int32_t *n_wrong = malloc(((size_t)job->stems.n + 1) * sizeof *n_wrong);
    if (!n_wrong)
        return glint_fail(GLINT_E_NOMEM, "no memory for %d frames", job->stems.n);
    for (int32_t f = 0; f < job->stems.n; f++)
        n_wrong[f] = job->n_missed[f] + job->n_false[f];
    const int32_t n = glint_eval_worst(n_wrong, job->stems.n, MOST_SHOWN, worst);
    free(n_wrong);
    glint_report_heading(report, "Worst frames");
    glint_report_words(report, n ? "Most missed and false boxes first, seen from above."
                                 : "No box is missed and none is false.");
    glint_report_figures_begin(report);
    for (int32_t i = 0; i < n && status == GLINT_OK; i++)
        status = show(job, report, worst[i]);
    glint_report_figures_end(report);
    return status;
}

/* Times of one stage over all frames (GLINT_STAGE_COUNT: the whole), -1 left out. */
static int32_t times_of(const struct glint_kitti_job *job, int stage, int64_t *out)
{
    int32_t n = 0;
    for (int32_t f = 0; f < job->stems.n; f++) {
        const struct glint_kitti_scored *s = &job->scored[f];
        const int64_t ns = stage == GLINT_STAGE_COUNT ? s->total_ns : s->latency_ns[stage];
        if (ns >= 0)
            out[n++] = ns;
    }
    return n;
}

static int put_latency(const struct glint_kitti_job *job, struct glint_report *report)
{
    struct glint_report_time times[GLINT_STAGE_COUNT + 1];
    const size_t n = (size_t)job->stems.n;
    int64_t *ns = malloc((GLINT_STAGE_COUNT + 1) * n * sizeof *ns);
    if (!ns)
        return glint_fail(GLINT_E_NOMEM, "no memory for %d frames", job->stems.n);
    for (int i = 0; i <= GLINT_STAGE_COUNT; i++) {
        const char *name = i < GLINT_STAGE_COUNT ? glint_stage_name((enum glint_stage)i) : "total";
        times[i] = (struct glint_report_time){name, ns + (size_t)i * n, times_of(job, i, ns + (size_t)i * n)};
    }
    glint_report_latencies(report,
                           "Of each stage and of the whole frame, on the machine that ran the network.",
                           times, GLINT_STAGE_COUNT + 1);
    free(ns);
    return GLINT_OK;
}

static void put_found(const struct glint_kitti_job *job, struct glint_report *report)
{
    char rule[400];
    const float *s = job->least_score;
    snprintf(rule, sizeof rule,
             "An object is found when a box of its type is within %.0f m of its centre, seen from above, "
             "with a score "
             "of at least %.2f (Car), %.2f (Pedestrian), %.2f (Cyclist). All labelled objects count, "
             "whatever their "
             "occlusion; vans, sitting persons and DontCare regions cost nothing.",
             (double)RULE_M, (double)s[0], (double)s[1], (double)s[2]);
    glint_report_found(report, &job->found, glint_kitti_names, GLINT_KITTI_CLASSES, rule);
}

int glint_kitti_report(struct glint_kitti_job *job)
{
    struct glint_report report = {0};
    char words[700];
    if (job->net.model)
        snprintf(words, sizeof words, "%s on %d frames of %.400s", job->model_name, job->stems.n, job->data);
    else
        snprintf(words, sizeof words, "results of %.400s, %d frames", job->results, job->stems.n);
    glint_report_begin(&report, "KITTI 3D object detection", words);
    glint_kitti_put_report(&report, &job->ap);
    put_found(job, &report);
    int status = show_worst(job, &report);
    if (status == GLINT_OK && job->net.model)
        status = put_latency(job, &report);
    if (status == GLINT_OK)
        return glint_report_write(&report, job->shared.report_path);
    glint_buffer_fini(&report.html);
    return status;
}
