/* eval/waymo_scene.h - all frames of a context as numbers: objects with ids 0, 1, 2 ..., pairs that can
 * match. What the tracking metric needs of the objects, without the objects. */
#ifndef GLINT_EVAL_WAYMO_SCENE_H
#define GLINT_EVAL_WAYMO_SCENE_H
#include "eval/waymo_breakdown.h"
#include "eval/waymo_mot.h"

#define GLINT_WAYMO_SCENE_GENERATORS 2 /* by type, by range */

struct glint_waymo_scene_object {
    int32_t id, alive, level; /* alive: of predictions; level: of ground truth */
    bool in_zone;
    int8_t shard[GLINT_WAYMO_SCENE_GENERATORS]; /* -1: none */
};

struct glint_waymo_scene {               /* start with all zero */
    struct glint_waymo_mot_frame *frame; /* ranges in row, column, edge */
    struct glint_waymo_scene_object *row, *column;
    struct glint_waymo_mot_edge *edge; /* row and column counted in the frame */
    int32_t n_frames, n_rows, n_columns, n_edges, n_row_ids, n_column_ids;
    int32_t cap_rows, cap_columns, cap_edges;
};

/* GLINT_E_FORMAT (two labelled objects of a frame and type with one id), GLINT_E_NOMEM; fini in every case.
 */
int glint_waymo_scene_read(struct glint_waymo_scene *scene, const struct glint_waymo_objects *set,
                           int32_t unit, unsigned iou_kind);
void glint_waymo_scene_fini(struct glint_waymo_scene *scene);
#endif
