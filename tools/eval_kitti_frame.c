/* tools/eval_kitti_frame.c - a frame of `glint eval kitti`: labels, and results or what the network finds. */
#define _GNU_SOURCE
#include "core/frame.h"
#include "core/json.h"
#include "tools/eval_kitti.h"
#include "tools/places.h"
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

int glint_kitti_path(const char *folder, const char *name, const char *ending, char *path_out, size_t size)
{
    const int n = snprintf(path_out, size, "%s/%s%s", folder, name, ending);
    return n > 0 && (size_t)n < size
               ? GLINT_OK
               : glint_fail(GLINT_E_ARG, "%.200s: a path of this length is not supported", folder);
}

/* ---- classes ---- */

static const struct {
    const char *model_class, *type;
} types[] = {{"car", "Car"},           {"vehicle", "Car"},     {"pedestrian", "Pedestrian"},
             {"person", "Pedestrian"}, {"cyclist", "Cyclist"}, {"bicycle", "Cyclist"},
             {"van", "Van"},           {"truck", "Truck"},     {"tram", "Tram"}};

const char *glint_kitti_type_of(const char *model_class)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strcasecmp(model_class, types[i].model_class) == 0)
            return types[i].type;
    return NULL;
}

/* The number for class c in head.score or decode.score; 0.5 where there is none. */
static double score_in(struct glint_json root, int32_t c, int32_t n_classes)
{
    static const char *const sections[] = {"head", "decode"};
    double scores[GLINT_FOUND_CLASSES];
    int32_t n;
    for (int i = 0; i < 2; i++) {
        const struct glint_json section = glint_json_get(root, sections[i]);
        if (glint_json_has(section, "score") && n_classes <= GLINT_FOUND_CLASSES &&
            glint_json_f64s(section, "score", n_classes, GLINT_FOUND_CLASSES, scores, &n) == GLINT_OK)
            return scores[c];
    }
    return 0.5;
}

static void scores_of_model(struct glint_kitti_job *job)
{
    char folder[PATH_MAX], path[PATH_MAX + 20];
    struct glint_json_doc *doc;
    if (!glint_find_model(job->shared.model, folder, sizeof folder))
        return;
    snprintf(path, sizeof path, "%s/config.json", folder);
    if (glint_json_load(path, &doc) < 0)
        return;
    for (int32_t i = 0; i < job->net.context.n_classes; i++) {
        const char *type = glint_kitti_type_of(job->net.context.classes[i]);
        for (int c = 0; c < GLINT_KITTI_CLASSES && type; c++)
            if (strcmp(type, glint_kitti_class_name(c)) == 0)
                job->least_score[c] = (float)score_in(glint_json_root(doc), i, job->net.context.n_classes);
    }
    glint_json_close(doc);
}

void glint_kitti_least_scores(struct glint_kitti_job *job)
{
    const float given = job->shared.score;
    for (int c = 0; c < GLINT_KITTI_CLASSES; c++)
        job->least_score[c] = given >= 0 ? given : 0.5f;
    if (given < 0 && job->net.model)
        scores_of_model(job);
}

/* ---- the network ---- */

struct taken { /* what a frame of the network becomes */
    const struct glint_kitti_job *job;
    const struct glint_kitti_calib *calib;
    struct glint_kitti_scored *scored;
    struct glint_buffer lines; /* the result file */
};

/* A box as a line of the result file; what the camera does not see is left out, as labels are. */
static void add_box(struct taken *t, const struct glint_box *box)
{
    const char *type = glint_kitti_type_of(t->job->net.context.classes[box->label]);
    struct glint_kitti_object o = {0};
    if (!type)
        return;
    snprintf(o.type, sizeof o.type, "%s", type);
    glint_kitti_box_to_camera(t->calib, box, &o);
    if (glint_kitti_project(t->calib, t->job->image, &o))
        glint_kitti_object_write(&o, &t->lines);
}

static int take_result(void *ctx, const struct glint_frame *frame)
{
    struct taken *t = ctx;
    for (int32_t i = 0; i < frame->n_boxes; i++)
        add_box(t, &frame->boxes[i]);
    if (t->lines.failed)
        return glint_fail(GLINT_E_NOMEM, "no memory for the results of a frame");
    /* What is evaluated is what a result file holds, so that the file gives the same numbers. */
    GLINT_TRY(glint_kitti_objects_parse("result", t->lines.data, t->lines.size, GLINT_KITTI_RESULTS,
                                        &t->scored->found));
    memcpy(t->scored->latency_ns, frame->latency_ns, sizeof frame->latency_ns);
    t->scored->total_ns = frame->total_ns;
    GLINT_TRY(glint_kitti_scored_place(t->scored, t->calib));
    glint_kitti_scored_count(t->scored, t->calib, &frame->points);
    return GLINT_OK;
}

static int run_network(struct glint_kitti_job *job, const char *name, struct taken *t)
{
    char path[PATH_MAX];
    struct glint_source *source;
    GLINT_TRY(glint_kitti_path(job->data, name, ".bin", path, sizeof path));
    GLINT_TRY(glint_source_open(path, &(struct glint_source_settings){.format = "kitti"}, &source));
    int status = glint_eval_net_run(&job->net, source, take_result, t);
    glint_source_close(source);
    if (status == GLINT_OK && job->submission)
        status = glint_kitti_path(job->submission, name, ".txt", path, sizeof path);
    if (status == GLINT_OK && job->submission)
        status = glint_output_write(path, &t->lines);
    return status;
}

/* ---- a frame ---- */

static int read_calib(const struct glint_kitti_job *job, const char *name,
                      struct glint_kitti_calib *calib_out)
{
    char path[PATH_MAX];
    GLINT_TRY(glint_kitti_path(job->shared.calib, name, ".txt", path, sizeof path));
    return glint_kitti_calib_read(path, calib_out);
}

int glint_kitti_with_scan(const struct glint_kitti_job *job, const char *name,
                          int (*take)(void *ctx, const struct glint_frame *frame), void *ctx)
{
    char path[PATH_MAX];
    struct glint_source *source;
    struct glint_frame_pool *pool = NULL;
    GLINT_TRY(glint_kitti_path(job->data, name, ".bin", path, sizeof path));
    GLINT_TRY(glint_source_open(path, &(struct glint_source_settings){.format = "kitti"}, &source));
    int status = glint_frame_pool_open(1, source->ops->cap_points(source), 1, &pool);
    struct glint_frame *frame = status == GLINT_OK ? glint_frame_get(pool, true) : NULL;
    if (status == GLINT_OK)
        status = source->ops->next_frame(source, frame);
    if (status == GLINT_OK)
        status = take(ctx, frame);
    glint_frame_unref(frame);
    glint_frame_pool_close(pool);
    glint_source_close(source);
    return status;
}

static int count_points(void *ctx, const struct glint_frame *frame)
{
    struct taken *t = ctx;
    glint_kitti_scored_count(t->scored, t->calib, &frame->points);
    return GLINT_OK;
}

static int read_results(struct glint_kitti_job *job, const char *name, struct taken *t)
{
    char path[PATH_MAX];
    GLINT_TRY(glint_kitti_path(job->results, name, ".txt", path, sizeof path));
    GLINT_TRY(glint_kitti_objects_read(path, GLINT_KITTI_RESULTS, &t->scored->found));
    GLINT_TRY(glint_kitti_scored_place(t->scored, t->calib));
    return job->data ? glint_kitti_with_scan(job, name, count_points, t) : GLINT_OK;
}

int glint_kitti_score(struct glint_kitti_job *job, const char *name, struct glint_kitti_scored *scored_out)
{
    char path[PATH_MAX];
    struct glint_kitti_calib calib;
    struct taken t = {job, job->shared.calib ? &calib : NULL, scored_out, {0}};
    memset(scored_out->latency_ns, 0xff, sizeof scored_out->latency_ns);
    scored_out->total_ns = -1;
    GLINT_TRY(glint_kitti_path(job->labels, name, ".txt", path, sizeof path));
    GLINT_TRY(glint_kitti_objects_read(path, GLINT_KITTI_LABELS, &scored_out->truth));
    if (t.calib)
        GLINT_TRY(read_calib(job, name, &calib));
    const int status = job->net.model ? run_network(job, name, &t) : read_results(job, name, &t);
    glint_buffer_fini(&t.lines);
    return status;
}
