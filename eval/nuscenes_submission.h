/* eval/nuscenes_submission.h - result files of nuScenes' detection and tracking tasks:
 * {"meta": {...}, "results": {sample token: [box, ...]}}.
 *
 * Read as a stream (files have up to some GB) and refused as the official tools refuse them: `meta` or
 * `results` missing; samples other than exactly the split's; more than 500 boxes in a sample; a key of a box
 * missing; a wrong number of elements; NaN in a translation, size, rotation or score; an unknown class or
 * attribute; no box at all. Refused beyond that, because what the official tools make of it is hardly meant:
 * a sample that is there twice, a box whose sample_token is not that of its list. A box without score has -1,
 * as there. */
#ifndef GLINT_EVAL_NUSCENES_SUBMISSION_H
#define GLINT_EVAL_NUSCENES_SUBMISSION_H
#include "eval/nuscenes_boxes.h"

#define GLINT_NUSCENES_MAX_BOXES 500 /* in a sample */

/* GLINT_E_NOTFOUND, GLINT_E_IO; GLINT_E_FORMAT with the reason: FILE:LINE:COLUMN, sample and box. fini of
 * boxes also after a failure. */
int glint_nuscenes_submission_read(const char *path, const struct glint_nuscenes_split *split,
                                   enum glint_nuscenes_task task, struct glint_nuscenes_boxes *boxes_out);

/* The same from memory; name is for messages. */
int glint_nuscenes_submission_parse(const char *name, const void *data, size_t size,
                                    const struct glint_nuscenes_split *split, enum glint_nuscenes_task task,
                                    struct glint_nuscenes_boxes *boxes_out);

/* Writes a file that reads back to the same boxes, samples in the split's order. boxes->meta says what was
 * used; track holds the ids of a tracking submission. GLINT_E_IO, GLINT_E_NOMEM. */
int glint_nuscenes_submission_write(const char *path, const struct glint_nuscenes_split *split,
                                    enum glint_nuscenes_task task, const struct glint_nuscenes_boxes *boxes);
#endif
