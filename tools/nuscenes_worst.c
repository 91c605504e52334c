/* tools/nuscenes_worst.c - the samples with most missed and false boxes as pictures from above; see
 * nuscenes_job.h.
 *
 * Which results count is by class: those at least as sure as where precision and recall at 2 m are best
 * together (F1). Everything is drawn in the frame of the key frame's lidar, x forward. */
#include "core/frame.h"
#include "eval/found.h"
#include "io/source_nuscenes.h"
#include "tools/eval_picture.h"
#include "tools/nuscenes_job.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLASSES GLINT_NUSCENES_DETECTION_CLASSES
#define SHOWN   6

struct seen { /* a sample's boxes in its frame */
    struct glint_box *box;
    struct glint_found_object *object;
    uint8_t *box_state, *object_state;
    int32_t n_boxes, n_objects;
};

static void seen_fini(struct seen *s)
{
    free(s->box);
    free(s->object);
    free(s->box_state);
    free(s->object_state);
}

static void least_scores(const struct glint_nuscenes_detection_result *d, float least[CLASSES])
{
    for (int c = 0; c < CLASSES; c++) {
        const struct glint_nuscenes_curve *curve = &d->curve[c][GLINT_NUSCENES_TP_THRESHOLD];
        double best = 0;
        least[c] = INFINITY; /* a class without a single match shows no boxes */
        for (int i = 1; i < GLINT_NUSCENES_CURVE; i++) {
            const double recall = i * 0.01, p = curve->precision[i], f1 = 2 * p * recall / (p + recall);
            if (p > 0 && f1 > best) {
                best = f1;
                least[c] = (float)curve->confidence[i];
            }
        }
    }
}

static struct glint_box to_frame(const struct glint_pose *frame_from_world,
                                 const struct glint_nuscenes_box *b)
{
    struct glint_box out = {.size = {(float)b->size[1], (float)b->size[0], (float)b->size[2]},
                            .score = (float)b->score,
                            .label = b->name,
                            .id = -1};
    const double origin[3] = {0, 0, 0};
    double p[3];
    glint_pose_apply(*frame_from_world, b->translation, p);
    for (int k = 0; k < 3; k++)
        out.center[k] = (float)p[k];
    const struct glint_pose turn = glint_pose_from_rpy(0, 0, glint_nuscenes_yaw(b->rotation), origin);
    double rpy[3];
    glint_pose_to_rpy(glint_pose_compose(*frame_from_world, turn), rpy);
    out.yaw = (float)rpy[2];
    return out;
}

static bool look(const struct glint_nuscenes_job *job, const struct glint_nuscenes_boxes *pred,
                 int32_t sample, const float least[CLASSES], struct seen *s)
{
    const struct glint_nuscenes_range *objects = &job->gt.of_sample[sample],
                                      *boxes = &pred->of_sample[sample];
    const int32_t key = job->tables->sample[job->split.sample[sample].sample].key;
    const struct glint_pose pose = glint_pose_inverse(glint_nuscenes_frame_pose(job->tables, key));
    const struct glint_found_rule rule = {.distance_m = 2, .least_score = least};
    s->n_boxes = boxes->n;
    s->n_objects = objects->n;
    s->box = malloc(((size_t)boxes->n + 1) * sizeof *s->box);
    s->object = malloc(((size_t)objects->n + 1) * sizeof *s->object);
    s->box_state = malloc((size_t)boxes->n + 1);
    s->object_state = malloc((size_t)objects->n + 1);
    if (!s->box || !s->object || !s->box_state || !s->object_state)
        return false;
    for (int32_t i = 0; i < boxes->n; i++)
        s->box[i] = to_frame(&pose, &pred->box[boxes->first + i]);
    for (int32_t i = 0; i < objects->n; i++) {
        const struct glint_nuscenes_box *b = &job->gt.box[objects->first + i];
        s->object[i] = (struct glint_found_object){.box = to_frame(&pose, b), .points = b->num_pts};
    }
    glint_found_match(&rule, s->box, s->n_boxes, s->object, s->n_objects, CLASSES, s->box_state,
                      s->object_state);
    return true;
}

static int32_t count_wrong(const struct seen *s, int32_t *missed, int32_t *false_boxes)
{
    *missed = *false_boxes = 0;
    for (int32_t i = 0; i < s->n_objects; i++)
        *missed += s->object_state[i] == GLINT_FOUND_NOT;
    for (int32_t i = 0; i < s->n_boxes; i++)
        *false_boxes += s->box_state[i] == GLINT_FOUND_NOT;
    return *missed + *false_boxes;
}

/* The key frame's points; without its file boxes alone are drawn. */
static int draw(struct glint_report *r, const struct glint_nuscenes_job *job, int32_t sample,
                const struct seen *s, const char *caption)
{
    const struct glint_nuscenes_stack plain = {.n_past = 0};
    const int32_t row = job->split.sample[sample].sample;
    struct glint_source *source;
    struct glint_frame_pool *pool;
    GLINT_TRY(glint_source_nuscenes_over(job->tables, &row, 1, &plain, &source));
    const int32_t cap = source->ops->cap_points(source);
    int status = glint_frame_pool_open(1, cap > 0 ? cap : 1, 1, &pool);
    if (status == GLINT_OK) {
        struct glint_frame *frame = glint_frame_get(pool, false);
        const bool has_points = source->ops->next_frame(source, frame) == GLINT_OK;
        const struct glint_eval_view view = {.name = job->tables->scene[job->tables->sample[row].scene].name,
                                             .index = (uint64_t)sample,
                                             .points = has_points ? &frame->points : NULL,
                                             .boxes = s->box,
                                             .box_state = s->box_state,
                                             .objects = s->object,
                                             .object_state = s->object_state,
                                             .n_boxes = s->n_boxes,
                                             .n_objects = s->n_objects,
                                             .n_names = CLASSES,
                                             .names =
                                                 glint_nuscenes_task_info(GLINT_NUSCENES_DETECTION)->name,
                                             .range_m = 51.2f};
        status = glint_eval_picture(r, caption, &view);
        glint_frame_unref(frame);
        glint_frame_pool_close(pool);
    }
    glint_source_close(source);
    return status;
}

static int show(struct glint_report *r, const struct glint_nuscenes_job *job,
                const struct glint_nuscenes_boxes *pred, int32_t sample, const float least[CLASSES])
{
    struct seen s = {0};
    char caption[300], token[GLINT_TOKEN_TEXT];
    int32_t missed, false_boxes;
    const struct glint_nuscenes_sample *row = &job->tables->sample[job->split.sample[sample].sample];
    int status =
        look(job, pred, sample, least, &s) ? GLINT_OK : glint_fail(GLINT_E_NOMEM, "no memory for a picture");
    if (status == GLINT_OK) {
        count_wrong(&s, &missed, &false_boxes);
        glint_token_format(row->token, token);
        snprintf(caption, sizeof caption, "%s, sample %s: %d missed, %d false",
                 job->tables->scene[row->scene].name, token, missed, false_boxes);
        status = draw(r, job, sample, &s, caption);
    }
    seen_fini(&s);
    return status;
}

int glint_nuscenes_worst(struct glint_report *r, struct glint_nuscenes_job *job)
{
    struct glint_nuscenes_boxes *pred = job->results ? &job->pred : &job->found;
    float least[CLASSES];
    int32_t worst[SHOWN], missed, false_boxes,
        *n_wrong = calloc((size_t)job->split.n_samples + 1, sizeof *n_wrong);
    int status =
        n_wrong ? GLINT_OK : glint_fail(GLINT_E_NOMEM, "no memory for %d samples", job->split.n_samples);
    least_scores(job->detected, least);
    for (int32_t i = 0; status == GLINT_OK && i < job->split.n_samples; i++) {
        struct seen s = {0};
        glint_nuscenes_filter(&job->split, GLINT_NUSCENES_DETECTION, i,
                              &job->gt); /* other ranks' are not yet */
        glint_nuscenes_filter(&job->split, GLINT_NUSCENES_DETECTION, i, pred);
        if (look(job, pred, i, least, &s))
            n_wrong[i] = count_wrong(&s, &missed, &false_boxes);
        else
            status = glint_fail(GLINT_E_NOMEM, "no memory for a sample");
        seen_fini(&s);
    }
    const int32_t n = status == GLINT_OK ? glint_eval_worst(n_wrong, job->split.n_samples, SHOWN, worst) : 0;
    for (int32_t i = 0; status == GLINT_OK && i < n; i++)
        status = show(r, job, pred, worst[i], least);
    free(n_wrong);
    return status;
}
