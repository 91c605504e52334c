/* tools/nuscenes_net.h - a network's boxes as nuScenes results: which of its classes is which, attributes,
 * and the way from a frame to the dataset's world.
 *
 * What a model's config.json can say (docs/MODELS.md), all optional:
 *
 *     "input": {"sweeps": 10, "min_distance_m": 1, ...}   past sweeps under each key frame, see
 * io/source_nuscenes.h "datasets": {"nuscenes": { "classes": {"cyclist": "bicycle", "other": ""}, other names
 * count as they are; "": left out "score": {"bicycle": 0.05},                            least score, beside
 * the model's own "moving_mps": 0.2,                                     above it an object moves
 *         "attributes": {"bus": ["vehicle.moving", "vehicle.stopped"]}}}       moving, standing; "": none */
#ifndef GLINT_TOOLS_NUSCENES_NET_H
#define GLINT_TOOLS_NUSCENES_NET_H
#include "eval/nuscenes_boxes.h"
#include "glint/model.h"
#include "io/source_nuscenes.h"

struct glint_nuscenes_net {
    struct glint_nuscenes_stack stack;
    double moving_mps;
    int32_t attribute[GLINT_NUSCENES_DETECTION_CLASSES][2]; /* moving, standing; -1: none */
    double score[GLINT_NUSCENES_DETECTION_CLASSES];
    int32_t n_classes;
    int32_t class_of[64];        /* the model's class -> detection class, -1: none */
    uint8_t point_class_of[256]; /* the model's point class -> lidarseg class 1..16; "manmade" where nothing
                                    is said */
};

/* Past sweeps that a model wants, from its folder's config.json. GLINT_E_NOTFOUND, GLINT_E_FORMAT. */
int glint_nuscenes_net_stack(const char *folder, struct glint_nuscenes_stack *stack_out);

/* All of it, for a model of that folder with these classes. GLINT_E_FORMAT: a class or attribute that
 * nuScenes does not have, with the member. Classes that are nobody's are told in a log line. */
int glint_nuscenes_net_read(const char *folder, const char *const *classes, int32_t n_classes,
                            const char *const *point_classes, int32_t n_point_classes,
                            struct glint_nuscenes_net *net_out);

/* A frame's boxes as results of a sample, best first, at most GLINT_NUSCENES_MAX_BOXES; of tracking those
 * that have an id and are of its classes. Returns how many. */
int32_t glint_nuscenes_net_boxes(const struct glint_nuscenes_net *net, enum glint_nuscenes_task task,
                                 const struct glint_frame *frame, int32_t sample,
                                 struct glint_nuscenes_box *boxes_out);

/* A frame's point classes as lidarseg's for all points of the key frame's file; points that were not in the
 * frame get "manmade". The caller frees. Fails as glint_nuscenes_kept. */
int glint_nuscenes_net_masks(const struct glint_nuscenes_net *net, const struct glint_nuscenes_tables *tables,
                             int32_t sweep, const struct glint_frame *frame, uint8_t **labels_out,
                             size_t *n_out);
#endif
