/* eval/semantickitti.h - SemanticKITTI's single-scan segmentation: .label files, the 19 classes, IoU.
 *
 * A .label file has a u32 per point of its scan: the class in the lower half, the instance in the upper.
 * Classes are mapped to 19 and 0, unlabeled, which is ignored where the truth has it. Sources: J. Behley et
 * al., ICCV 2019; semantic-kitti.yaml and evaluate_semantics of the published tools. */
#ifndef GLINT_EVAL_SEMANTICKITTI_H
#define GLINT_EVAL_SEMANTICKITTI_H
#include "core/status.h"
#include <stddef.h>
#include <stdint.h>

enum { GLINT_SEMANTICKITTI_CLASSES = 20 };

struct glint_semantickitti_scheme { /* what is told apart */
    int32_t n_classes;              /* with 0, which is ignored */
    const char *const *names;
    const uint8_t *class_of; /* per official class 0..19: the class here */
};
/* The official 19; and 7 coarse ones that models of other data can be held against: ground, vegetation,
 * building, pole, vehicle, pedestrian, cyclist. */
extern const struct glint_semantickitti_scheme glint_semantickitti_official, glint_semantickitti_coarse;

/* Official class 0..19 of a label (its lower half), -1: SemanticKITTI has no such label. The label that
 * stands for a class in submissions. */
int32_t glint_semantickitti_class_of(uint32_t label);
uint16_t glint_semantickitti_label_of(int32_t official_class);

/* The scheme whose classes the names of a model's point classes are: official where each is one of its, else
 * coarse; class_out gets a class of the scheme per name, 0 where there is none. GLINT_E_UNSUPPORTED: none of
 * the names is a class of either. */
int glint_semantickitti_scheme_of(const char *const *names, int32_t n,
                                  const struct glint_semantickitti_scheme **out, uint8_t *class_out);

struct glint_semantickitti_counts {                                      /* start with all zero */
    int64_t n[GLINT_SEMANTICKITTI_CLASSES][GLINT_SEMANTICKITTI_CLASSES]; /* truth x found */
};

struct glint_label_bytes { /* a .label file in memory; nothing in it is trusted */
    const char *name;
    const uint8_t *data;
    size_t size;
};
/* Adds a scan. GLINT_E_FORMAT: the sizes differ or are no multiple of 4, or a label is not SemanticKITTI's
 * (with the point's number); nothing is added then. */
int glint_semantickitti_add(struct glint_semantickitti_counts *counts, struct glint_label_bytes truth,
                            struct glint_label_bytes found);

/* The same with classes of a scheme in place of a result file. */
int glint_semantickitti_add_classes(struct glint_semantickitti_counts *counts,
                                    const struct glint_semantickitti_scheme *scheme,
                                    struct glint_label_bytes truth, const uint8_t *found, int32_t n_found);

struct glint_semantickitti_iou { /* as the published tools count: classes that are nowhere have 0 */
    double iou[GLINT_SEMANTICKITTI_CLASSES], iou_mean, accuracy;
    int64_t points[GLINT_SEMANTICKITTI_CLASSES]; /* of truth */
};
void glint_semantickitti_finish(const struct glint_semantickitti_counts *counts, int32_t n_classes,
                                struct glint_semantickitti_iou *out);
#endif
