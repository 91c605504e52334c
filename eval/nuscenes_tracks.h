/* eval/nuscenes_tracks.h - tracks of a scene with their holes filled, for eval/nuscenes_tracking. */
#ifndef GLINT_EVAL_NUSCENES_TRACKS_H
#define GLINT_EVAL_NUSCENES_TRACKS_H
#include "eval/nuscenes_tracking.h"

struct glint_tracks { /* one side of a scene */
    struct glint_track_box *box;
    int32_t *first; /* n_frames + 1: frame f has box[first[f]] .. box[first[f + 1] - 1] */
};
enum glint_track_side { GLINT_TRACK_TRUTH, GLINT_TRACK_FOUND };

/* Found boxes get the mean score of their track. Frames between the first and last box of a track that have
 * none of it get one, behind the others. GLINT_E_NOMEM: nothing is kept. */
int glint_tracks_init(struct glint_tracks *tracks, const struct glint_track_scene *scene,
                      enum glint_track_side side);
void glint_tracks_fini(struct glint_tracks *tracks);
#endif
