/* tools/nuscenes_job.h - glint eval nuscenes: what its parts share. A metric is a row of functions; the job
 * runs it over the scenes of a split (eval/task.h) and writes what comes out. */
#ifndef GLINT_TOOLS_NUSCENES_JOB_H
#define GLINT_TOOLS_NUSCENES_JOB_H
#include "core/json_write.h"
#include "eval/nuscenes_boxes.h"
#include "eval/nuscenes_detection.h"
#include "eval/nuscenes_lidarseg.h"
#include "eval/nuscenes_tracking.h"
#include "eval/report.h"
#include "eval/task.h"
#include "tools/eval_run.h"
#include "tools/nuscenes_net.h"

struct glint_nuscenes_track_part { /* a scene's boxes that are evaluated */
    struct glint_track_frame *frame;
    struct glint_track_box *box;
    struct glint_track_scene scene;
};

struct glint_nuscenes_job {
    struct glint_shared_options shared;
    const char *root, *version, *split_name;
    const char *results; /* NULL: shared.model is run */
    const char *curves, *submission;
    int32_t n_past; /* --sweeps; -1: the model's */
    bool allow_missing;
    const struct glint_nuscenes_metric *metric;

    struct glint_nuscenes_tables *tables;
    struct glint_nuscenes_split split;
    struct glint_nuscenes_boxes gt, pred;

    struct glint_eval_net engine; /* with a model */
    struct glint_nuscenes_net net;
    struct glint_nuscenes_boxes found; /* of all scenes, where they are put together */
    int64_t cap_pred, cap_found;
    struct glint_nuscenes_time { /* of a sample; all zero: not run */
        int64_t total_ns, stage_ns[GLINT_STAGE_COUNT];
    } * time, *found_time; /* per split->sample: as the scenes are done, and put together */

    struct glint_nuscenes_detection *detection;
    struct glint_nuscenes_detection_result *detected;
    struct glint_nuscenes_confusion confusion;
    int refused; /* lidarseg: GLINT_OK, or why the results are refused */
    char reason[512];
    struct glint_nuscenes_track_part *tracks; /* per scene */
    struct glint_track_metrics *tracked;
};

struct glint_nuscenes_metric {
    const char *name; /* --task */
    int (*open)(struct glint_nuscenes_job *job);
    int (*score)(void *job, int32_t scene, struct glint_buffer *out);
    int (*reduce)(void *job, int32_t scene, struct glint_blob *in);
    int (*finish)(struct glint_nuscenes_job *job);
    void (*put)(struct glint_json_writer *w, const struct glint_nuscenes_job *job);
    void (*print)(const struct glint_nuscenes_job *job); /* the table, to stdout */
};
/* "detection", "tracking", "lidarseg"; NULL: no such metric. */
const struct glint_nuscenes_metric *glint_nuscenes_metric_named(const char *name);
void glint_nuscenes_metric_close(struct glint_nuscenes_job *job);

/* What the boxes of a model are for: detection or, with --task tracking, tracks. */
enum glint_nuscenes_task glint_nuscenes_job_task(const struct glint_nuscenes_job *job);

/* With a model (nuscenes_infer.c). open: the model and what it gives out. scene: its boxes to job->pred and
 * out; take: from there to job->found; write: the submission. */
/* --track: the results are detections; makes tracks of them (nuscenes_track.c), in job->pred. */
int glint_nuscenes_track_results(struct glint_nuscenes_job *job);

/* Parts of it. Room for more boxes: ranges stay where they are. Frames as they were. A scene's track `*track`
 * gets its number among all scenes', whose tracks there were `first` of before, and a name. GLINT_E_NOMEM. */
int glint_nuscenes_reserve(struct glint_nuscenes_boxes *boxes, int64_t more, int64_t *cap);
void glint_nuscenes_sort_by_time(const struct glint_nuscenes_split *split, int32_t *order, int32_t n);
int glint_nuscenes_name_track(struct glint_nuscenes_boxes *boxes, int32_t scene, int32_t first,
                              int32_t *track);

int glint_nuscenes_infer_open(struct glint_nuscenes_job *job);
int glint_nuscenes_infer_scene(struct glint_nuscenes_job *job, int32_t scene, struct glint_buffer *out);
int glint_nuscenes_infer_take(struct glint_nuscenes_job *job, int32_t scene, struct glint_blob *in);
int glint_nuscenes_infer_masks(struct glint_nuscenes_job *job, int32_t scene, struct glint_buffer *out);
int glint_nuscenes_infer_times(struct glint_nuscenes_job *job, int32_t scene, struct glint_blob *in);
int glint_nuscenes_infer_write(const struct glint_nuscenes_job *job);
void glint_nuscenes_infer_close(struct glint_nuscenes_job *job);

/* --report (nuscenes_report.c), and in it the samples with most missed and false boxes (nuscenes_worst.c),
 * with detection's result. GLINT_E_NOMEM. */
int glint_nuscenes_report(struct glint_nuscenes_job *job);
int glint_nuscenes_worst(struct glint_report *r, struct glint_nuscenes_job *job);
#endif
