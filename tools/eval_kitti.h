/* tools/eval_kitti.h - what the parts of `glint eval kitti` share. */
#ifndef GLINT_TOOLS_EVAL_KITTI_H
#define GLINT_TOOLS_EVAL_KITTI_H
#include "eval/found.h"
#include "eval/kitti_set.h"
#include "tools/eval_run.h"

struct glint_kitti_job { /* strings are those of argv */
    struct glint_shared_options shared;
    const char *labels, *results, *split, *data, *submission;
    int32_t image[2]; /* width, height, px */

    struct glint_stems stems;
    struct glint_eval_net net;              /* with --model */
    float least_score[GLINT_KITTI_CLASSES]; /* of what counts as a detection in precision and recall */
    char model_name[64];
    struct glint_kitti_scored *scored; /* stems.n, on the root */
    struct glint_kitti_ap ap;
    struct glint_found found;
    int32_t *n_missed, *n_false; /* per frame */
};

/* "FOLDER/NAME.txt". GLINT_E_ARG: too long. */
int glint_kitti_path(const char *folder, const char *name, const char *ending, char *path_out, size_t size);

/* What is known of a frame after its labels, and its results or the network's: a task's unit. */
int glint_kitti_score(struct glint_kitti_job *job, const char *name, struct glint_kitti_scored *scored_out);

/* KITTI's type of a model's class: car is Car, bicycle Cyclist. NULL: it has none, boxes are left out. */
const char *glint_kitti_type_of(const char *model_class);

/* What counts as a detection of the model's classes: its config.json says; 0.5 where it does not. --score
 * stands above both. */
void glint_kitti_least_scores(struct glint_kitti_job *job);

struct glint_kitti_view { /* a frame as eval/found.h takes it; start with all zero */
    struct glint_found_object *objects;
    struct glint_box *boxes; /* labels: enum glint_kitti_class; -1: nobody minds them */
    uint8_t *object_state, *box_state;
    int32_t n_objects, n_boxes;
};
/* Vans and sitting persons are ignored, as are boxes in DontCare regions and of other types. GLINT_E_NOMEM.
 */
int glint_kitti_view_init(struct glint_kitti_view *view, const struct glint_kitti_job *job, int32_t frame);
void glint_kitti_view_fini(struct glint_kitti_view *view);
extern const char *const glint_kitti_names[GLINT_KITTI_CLASSES];

/* Precision and recall of all frames: job->found, n_missed, n_false. GLINT_E_NOMEM. */
int glint_kitti_find(struct glint_kitti_job *job);

/* The page, in shared.report_path. */
int glint_kitti_report(struct glint_kitti_job *job);

/* The scan of a frame, from --data, given to take. GLINT_E_* of reading, or take's. */
int glint_kitti_with_scan(const struct glint_kitti_job *job, const char *name,
                          int (*take)(void *ctx, const struct glint_frame *frame), void *ctx);
#endif
