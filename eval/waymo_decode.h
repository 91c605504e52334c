/* eval/waymo_decode.h - single messages of Waymo's object files to plain data (io/waymo.proto says what the
 * fields mean). As everywhere in protobuf: fields in any order, the last of a repeated singular one counts,
 * unknown ones and unknown values of enumerations are skipped. */
#ifndef GLINT_EVAL_WAYMO_DECODE_H
#define GLINT_EVAL_WAYMO_DECODE_H
#include "eval/waymo_objects.h"
#include "eval/wire.h"

struct glint_waymo_key { /* which frame something belongs to */
    const uint8_t *context;
    size_t context_size;
    int64_t stamp_us;
    int32_t camera;
};

/* `message` is walked to its end. GLINT_E_FORMAT with file and byte. */
int glint_waymo_decode_object_key(struct glint_wire message, struct glint_waymo_key *key_out);
int glint_waymo_decode_frame_key(struct glint_wire message, struct glint_waymo_key *key_out,
                                 int32_t *n_labels_out);
int glint_waymo_decode_object(struct glint_wire message, struct glint_waymo_object *object_out); /* Object */
int glint_waymo_decode_label(struct glint_wire message,
                             struct glint_waymo_object *object_out); /* Label alone */

#define GLINT_WAYMO_OBJECTS_OBJECT     1 /* field of Objects */
#define GLINT_WAYMO_FRAME_LASER_LABELS 6 /* field of Frame */
#endif
