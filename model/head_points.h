/* model/head_points.h - a class for every point: from the point's own features, its pillar's and the map's at
 * its place. */
#ifndef GLINT_MODEL_HEAD_POINTS_H
#define GLINT_MODEL_HEAD_POINTS_H
#include "model/bev.h"

/* logits = out(relu(point(p) + pillar([x, map at the pillar's cell]))); class = the largest logit (the lowest
 * index among equals), confidence = its softmax share in 1/255. */
struct glint_head_points {
    int32_t stride;             /* pillars per map cell and side */
    int32_t row_axis;           /* what the map's rows count: 0: x, 1: y */
    struct glint_weights point; /* point features -> hidden */
    struct glint_weights token; /* token's part of the pillar's input -> hidden, no bias */
    struct glint_weights cell;  /* map's part -> hidden, bias of the pillar layer */
    struct glint_weights out;   /* hidden -> classes */
};

/* point_features: sorted points x point.k; point/start/coord as in struct glint_voxels; tokens: n_voxels x
 * token.k. class_out and confidence_out are indexed by input point; points outside every pillar are left as
 * they are. logits_out (sorted points x classes) may be NULL. scratch: n_voxels x hidden floats. */
int glint_head_points(struct glint_exec *x, const struct glint_head_points *head, const float *point_features,
                      const int32_t *point, const int32_t *start, const int32_t *coord, int32_t n_voxels,
                      const float *tokens, const struct glint_map *map, float *scratch, uint8_t *class_out,
                      uint8_t *confidence_out, float *logits_out);
size_t glint_head_points_scratch(const struct glint_head_points *head); /* bytes per worker */
#endif
