/* viz/labels.h - boxes that people or a simulator drew, to hold detections against.
 *
 * The file has one JSON object per line: {"frame":3,"boxes":[{"label":"car","center":[x,y,z],"size":[l,w,h],
 * "yaw":0.1,"points":57}]}, with the conventions of glint/frame.h; "points" (returns on the object) may be
 * absent, further members are let be. */
#ifndef GLINT_VIZ_LABELS_H
#define GLINT_VIZ_LABELS_H
#include "core/status.h"
#include "glint/frame.h"

struct glint_label {
    struct glint_box box; /* box.label: index into the context's classes, -1 where the name is none of them */
    int32_t points;       /* returns on the object; -1 unknown */
    char name[24];        /* the class as the file says it */
};

struct glint_labels;

/* Reads the whole file. classes: the model's, n_classes of them. GLINT_E_NOTFOUND, GLINT_E_FORMAT (file and
 * line), GLINT_E_NOMEM. */
int glint_labels_open(const char *path, const char *const *classes, int32_t n_classes,
                      struct glint_labels **labels_out);
void glint_labels_close(struct glint_labels *labels); /* NULL is fine */

/* The labels of a frame, *n_out of them; NULL where the file does not mention the frame. Memory of `labels`.
 */
const struct glint_label *glint_labels_frame(const struct glint_labels *labels, uint64_t frame,
                                             int32_t *n_out);

/* Most labels of a frame. */
int32_t glint_labels_most(const struct glint_labels *labels);
#endif
