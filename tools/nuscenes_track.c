/* tools/nuscenes_track.c - detections of a result file become tracks, scene by scene; see nuscenes_job.h.
 *
 * A sample's boxes are put into the frame of its vehicle, as a network's would be, tracked, and put back. */
#include "calib/pose.h"
#include "eval/nuscenes_submission.h"
#include "glint/track.h"
#include "io/source_nuscenes.h"
#include "tools/nuscenes_job.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CAP_BOXES (2 * GLINT_NUSCENES_MAX_BOXES) /* unseen objects behind those of the file */

/* Results bear velocities, come twice a second, and weak boxes count in a metric that looks at all scores: an
 * object has its id at once. */
static struct glint_track_settings settings_of(const struct glint_shared_options *options)
{
    const struct glint_nuscenes_task_info *info = glint_nuscenes_task_info(GLINT_NUSCENES_DETECTION);
    struct glint_track_settings s;
    glint_track_settings_default(&s, info->name, info->n_classes);
    s.period_s = 0.5f;
    s.doubt_s = 1.1f;
    s.death = 0.01f;
    for (int32_t i = 0; i < s.n_classes; i++) {
        s.classes[i].noise_velocity = 1.0f;
        s.classes[i].confirm = 0;
        s.classes[i].birth_score = options->score >= 0 ? options->score : 0.1f;
    }
    return s;
}

static struct glint_box box_of(const struct glint_nuscenes_box *b,
                               const struct glint_pose *vehicle_from_world)
{
    const double none[3] = {0, 0, 0};
    struct glint_pose turn = *vehicle_from_world, heading = {.q = {1, 0, 0, 0}};
    double at[3], velocity[3] = {b->velocity[0], b->velocity[1], 0}, rpy[3];
    memcpy(turn.t, none, sizeof none);
    memcpy(heading.q, b->rotation, sizeof heading.q);
    glint_pose_apply(*vehicle_from_world, b->translation, at);
    glint_pose_apply(turn, velocity, velocity);
    glint_pose_to_rpy(glint_pose_compose(turn, heading), rpy);
    return (struct glint_box){.center = {(float)at[0], (float)at[1], (float)at[2]},
                              .size = {(float)b->size[1], (float)b->size[0], (float)b->size[2]},
                              .yaw = (float)rpy[2],
                              .velocity = {(float)velocity[0], (float)velocity[1]},
                              .score = (float)b->score,
                              .label = b->name,
                              .id = -1};
}

static void fill(const struct glint_nuscenes_job *job, const struct glint_nuscenes_boxes *detections,
                 int32_t sample, struct glint_frame *frame)
{
    const struct glint_nuscenes_tables *t = job->tables;
    const int32_t row = job->split.sample[sample].sample;
    const struct glint_pose pose = glint_nuscenes_frame_pose(t, t->sample[row].key),
                            back = glint_pose_inverse(pose);
    const struct glint_nuscenes_range *range = &detections->of_sample[sample];
    frame->stamp_ns = t->sample[row].timestamp_us * 1000;
    frame->has_pose = true;
    memcpy(frame->pose_position, pose.t, sizeof pose.t);
    memcpy(frame->pose_rotation, pose.q, sizeof pose.q);
    for (int32_t i = 0; i < range->n; i++)
        frame->boxes[frame->n_boxes++] = box_of(&detections->box[range->first + i], &back);
}

/* Ids of a scene count from 1, and go on from those of the scenes before. */
static int put(struct glint_nuscenes_job *job, const struct glint_frame *frame, int32_t sample,
               int32_t first_track)
{
    struct glint_nuscenes_boxes *pred = &job->pred;
    GLINT_TRY(glint_nuscenes_reserve(pred, GLINT_NUSCENES_MAX_BOXES, &job->cap_pred));
    struct glint_nuscenes_range *range = &pred->of_sample[sample];
    range->first = pred->n;
    range->n =
        glint_nuscenes_net_boxes(&job->net, GLINT_NUSCENES_TRACKING, frame, sample, pred->box + pred->n);
    for (int32_t i = 0; i < range->n; i++)
        GLINT_TRY(glint_nuscenes_name_track(pred, job->split.sample[sample].scene, first_track,
                                            &pred->box[pred->n + i].track));
    pred->n += range->n;
    return GLINT_OK;
}

static int track_scene(struct glint_nuscenes_job *job, const struct glint_nuscenes_boxes *detections,
                       struct glint_tracker *tracker, int32_t scene, struct glint_box *boxes)
{
    const int32_t first = job->split.scene_first[scene], n = job->split.scene_first[scene + 1] - first;
    const int32_t first_track = job->pred.n_tracks;
    int32_t *order = malloc(((size_t)n + 1) * sizeof *order);
    int status = order ? GLINT_OK : glint_fail(GLINT_E_NOMEM, "no memory for a scene");
    if (order)
        memcpy(order, job->split.of_scene + first, (size_t)n * sizeof *order);
    if (order)
        glint_nuscenes_sort_by_time(&job->split, order, n);
    for (int32_t i = 0; i < n && status == GLINT_OK; i++) {
        struct glint_frame frame = {.index = (uint64_t)i, .boxes = boxes, .cap_boxes = CAP_BOXES};
        fill(job, detections, order[i], &frame);
        status = glint_tracker_run(tracker, &frame);
        if (status == GLINT_OK)
            status = put(job, &frame, order[i], first_track);
    }
    free(order);
    return status;
}

static int track_all(struct glint_nuscenes_job *job, const struct glint_nuscenes_boxes *detections)
{
    const struct glint_track_settings settings = settings_of(&job->shared);
    struct glint_box *boxes = calloc(CAP_BOXES, sizeof *boxes);
    int status = boxes ? GLINT_OK : glint_fail(GLINT_E_NOMEM, "no memory for boxes");
    for (int32_t scene = 0; scene < job->split.n_scenes && status == GLINT_OK; scene++) {
        struct glint_tracker *tracker; /* of each scene its own: the same ids whoever does it */
        status = glint_tracker_open(&settings, &tracker);
        if (status < 0)
            break;
        status = track_scene(job, detections, tracker, scene, boxes);
        glint_tracker_close(tracker);
    }
    free(boxes);
    return status;
}

int glint_nuscenes_track_results(struct glint_nuscenes_job *job)
{
    struct glint_nuscenes_boxes detections;
    for (int32_t c = 0; c < GLINT_NUSCENES_DETECTION_CLASSES; c++)
        job->net.class_of[c] = c;
    job->net.n_classes = GLINT_NUSCENES_DETECTION_CLASSES;
    int status =
        glint_nuscenes_submission_read(job->results, &job->split, GLINT_NUSCENES_DETECTION, &detections);
    if (status == GLINT_OK)
        status = glint_nuscenes_boxes_init(&job->pred, &job->split);
    if (status == GLINT_OK) {
        memcpy(job->pred.meta, detections.meta, sizeof job->pred.meta);
        status = track_all(job, &detections);
    }
    glint_nuscenes_boxes_fini(&detections);
    return status;
}
