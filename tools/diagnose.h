/* tools/diagnose.h - why no boxes come out: what the input looks like, beside what the model was made for.
 *
 * Add frames as they pass, then ask. Memory is fixed (some 50 KB); frames are sampled in every point. */
#ifndef GLINT_TOOLS_DIAGNOSE_H
#define GLINT_TOOLS_DIAGNOSE_H
#include "glint/frame.h"
#include "glint/model.h"
#include "model/ground.h"

#define GLINT_DIAGNOSE_BINS 512 /* per axis: 0.5 m bins, +-128 m */
#define GLINT_FINDING_CAP   8

struct glint_cloud_stats {
    uint64_t n_frames, n_points, n_boxes, n_in_range;
    uint64_t bins[3][GLINT_DIAGNOSE_BINS];
    struct glint_ground ground;
    double intensity_sum;
    float intensity_max;
    bool as_network_input; /* of a tensor file: nothing is compared */
};

struct glint_finding {
    char text[200];
};

void glint_cloud_stats_clear(struct glint_cloud_stats *s);
void glint_cloud_stats_add(struct glint_cloud_stats *s, const struct glint_frame *frame,
                           const struct glint_model_info *model);

/* Height of the ground under the sensor's neighbourhood: the median of the lowest points of the cells 3 to 25
 * m away. False with too few cells. */
bool glint_cloud_ground(const struct glint_cloud_stats *s, float *z_out);

/* Differences between input and model, most telling first; 0: nothing unusual. One line each, no newline. */
int32_t glint_diagnose(const struct glint_cloud_stats *s, const struct glint_model_info *model,
                       struct glint_finding findings_out[GLINT_FINDING_CAP]);
#endif
