/* tests/golden_flatformer.h - one frame of a FlatFormer golden case against what a model's tap shows: the
 * tensors (golden_tensors.c) and the detections (golden_boxes.c). Counts in the check, prints what differs.
 */
#ifndef GLINT_TESTS_GOLDEN_FLATFORMER_H
#define GLINT_TESTS_GOLDEN_FLATFORMER_H
#include "core/frame.h"
#include "core/safetensors.h"
#include "glint/model.h"
#include "tests/util.h"

#define CAP_BOXES 4096

/* What a precision may differ: its errors by norm (stats: of a map's mean, mean size and largest value per
 * channel, which add up one and the same error of all empty pixels), and the share of detections that have a
 * partner of the same class, the score within 0.02 and centre and size within 5 cm. Random weights make
 * scores that are nearly tied. */
struct tolerance {
    double row, map, stats, found;
};
extern const struct tolerance golden_tolerances[]; /* by enum glint_precision */

struct boxes { /* what the tap saw of dec.* or det.* */
    int32_t n;
    float *box, *score, *raw;
    int32_t *label, *cell, *source;
};

struct check { /* of one frame */
    const char *title;
    const struct glint_safetensors *file;
    const char *map_prefix; /* of maps and detections in the file: "", "item0.", "dropfirst." */
    bool dropfirst;         /* the few tensors of that variant */
    int32_t item;           /* of a batch */
    enum glint_precision precision;
    int32_t first_row, first_point, n_points; /* the frame's share of a batch's pillars and kept points */
    int32_t last_block;                       /* of the encoder */
    struct boxes dec, det;
    int32_t n_compared, n_wrong;
    double worst_row, worst_map, worst_stats;
    char seen[16384]; /* " name name ": the file's tensors that were compared */
};

/* |a - b| / |b| over n pairs, added up by the caller. */
struct norm {
    double difference, size;
};
void golden_add_pair(struct norm *n, double got, double want);
double golden_relative(struct norm n);

/* A comparison's result; worst may be NULL. */
void golden_wrong(struct check *c, const char *name, double error, double tol);
void golden_expect(struct check *c, const char *name, double error, double tol, double *worst);
void golden_expect_equal(struct check *c, const char *name, bool equal);

/* The file's tensor prefix + name + suffix, noted as seen; NULL when there is none. */
const struct glint_tensor *golden_find(struct check *c, const char *prefix, const char *name,
                                       const char *suffix);

/* The model's tap, ctx a struct check: compares tensors as they come and keeps the boxes. */
void golden_tap(void *ctx, const struct glint_tensor *t);

/* Every tensor of the file but the inputs must have met its like. */
void golden_expect_all_seen(struct check *c);

/* The boxes that the tap saw: part is "boxes", "scores", "labels", "cells", "raw" or "src". */
void golden_keep_boxes(struct boxes *b, const char *part, const struct glint_tensor *t);
void golden_free_boxes(struct boxes *b);

/* The same set of boxes, by class and cell; or, of less precision, the share of the precision's tolerance. */
void golden_compare_detections(struct check *c);
void golden_match_detections(struct check *c);

/* The boxes that leave the model are the detections in our terms. */
void golden_compare_published(struct check *c, const struct glint_frame *frame);

/* Each of n boxes has its own among as many others; their order by score may differ where scores hardly do.
 */
bool golden_same_boxes(const struct glint_box *boxes, const struct glint_frame *frame, int32_t n);

/* The same for less precision: the share of boxes that have a partner. */
bool golden_much_the_same_boxes(const struct glint_box *boxes, const struct glint_frame *frame, int32_t n,
                                double share);
#endif
