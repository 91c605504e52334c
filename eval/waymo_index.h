/* eval/waymo_index.h - which frames there are in files of Waymo objects, and which bytes belong to each. The
 * part of waymo_objects that knows nothing of files: keys go in one after the other, runs of equal ones are
 * joined. */
#ifndef GLINT_EVAL_WAYMO_INDEX_H
#define GLINT_EVAL_WAYMO_INDEX_H
#include "eval/waymo_decode.h"

struct glint_waymo_run { /* objects of one frame one behind the other */
    uint64_t offset;     /* of the first in its file (a TFRecord: of the record) */
    int32_t frame, file;
    int32_t n;
};

struct glint_waymo_index_frame {
    int32_t unit;
    int64_t stamp_us;
    int32_t run[2], end[2]; /* per side, after finish: its runs */
};

struct glint_waymo_index {
    bool by_camera;
    struct glint_waymo_unit *unit;
    struct glint_waymo_unit_key { /* what units are sorted by: "CONTEXT_CAMERA" or "CONTEXT" */
        char *text;
        size_t size;
    } * unit_key;
    struct glint_waymo_index_frame *frame;
    struct glint_waymo_run *run[2];
    int32_t n_units, cap_units, n_frames, cap_frames, n_runs[2], cap_runs[2];
    int32_t *unit_slot, *frame_slot; /* open hash tables of numbers, -1: free; sizes are powers of two */
    int32_t n_unit_slots, n_frame_slots;
    int64_t n_objects[2];
    struct { /* the last key of each side */
        struct glint_waymo_key key;
        int32_t frame;
        bool valid;
    } last[2];
};

void glint_waymo_index_fini(struct glint_waymo_index *index);

/* The frame of a key, made if it is new; the key's bytes must stay until the next call. GLINT_E_NOMEM. */
int glint_waymo_index_frame(struct glint_waymo_index *index, int side, const struct glint_waymo_key *key,
                            int32_t *frame_out);
/* n objects at offset of a file; `joins`: directly behind those of the last call. GLINT_E_NOMEM,
 * GLINT_E_UNSUPPORTED for more than 2^31 runs. */
int glint_waymo_index_add(struct glint_waymo_index *index, int side, const struct glint_waymo_run *run,
                          bool joins);

/* Puts units and frames in the official order and sorts the runs by frame. GLINT_E_NOMEM. */
int glint_waymo_index_finish(struct glint_waymo_index *index);
#endif
