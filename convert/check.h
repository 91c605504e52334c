/* convert/check.h - whether a network computes what its reference does: the tensors of a run against a case,
 * stage by stage.
 *
 *     struct glint_check c;
 *     GLINT_TRY(glint_check_begin(&c, case_file, 2e-5));
 *     glint_model_set_tap(model, glint_check_tap, &c);
 *     GLINT_TRY(glint_model_run(model, frame));
 *     GLINT_TRY(glint_check_end(&c));
 *     for (int32_t i = 0; i < c.n; i++) ... c.rows[i]
 *     glint_check_fini(&c);
 *
 * A case (docs/MODELS.md; tools/dump_case.py writes one from a PyTorch model) holds tensors under the names
 * of the run's, whole or in part: coords [P, 4]       batch, z, y, x of each voxel, in any order; tensors [P,
 * C] are in that order NAME [k, C]         rows listed in NAME.rows (A.rows of A.NAME), stageS.rows, rows or
 * pt_rows (k of them) NAME.rowsum, .rownorm [P]   sums and norms of every row NAME [C, h, w]      the crop at
 * NAME.win (y0, x0, h, w) of a map; NAME.tl, NAME.br: its corners NAME.stats [C, 3]   mean, mean of sizes,
 * largest size of the whole map P.boxes, P.scores, P.labels   detections, matched one to one by label, score
 * and place label, point_label  classes; with label_gap, rows whose best two are nearer than 5e-3 are counted
 * apart Integers must be equal. Floats: the error by norm is at most `tolerance`, and no element is off by
 * more than 50 times that of the largest. */
#ifndef GLINT_CONVERT_CHECK_H
#define GLINT_CONVERT_CHECK_H
#include "core/safetensors.h"
#include <stdbool.h>

#define GLINT_CHECK_TOLERANCE 2e-5

struct glint_check_row { /* a tensor of the run that the case has too, in the order they are made */
    char name[64];
    int32_t n_dims;
    int64_t shape[GLINT_TENSOR_DIMS]; /* the run's */
    double worst, by_norm;            /* largest error; error by norm. 0 of integers that are equal */
    int64_t n_wrong;                  /* integers, or elements that are no numbers on one side */
    bool same;
    char note[96]; /* what was compared */
};

struct glint_check_found { /* detections of the run, kept until all of them are there */
    char prefix[48];
    struct glint_tensor boxes, scores, labels; /* data of malloc */
};

struct glint_check {
    int32_t n, cap, n_differ;
    int32_t first; /* the first row that differs, -1: none */
    struct glint_check_row *rows;
    char unseen[2048]; /* names of the case that the run has not, between blanks */

    /* private */
    const struct glint_safetensors *golden;
    double tolerance;
    int32_t n_coords;
    int32_t *order; /* of the case's voxels in the run; NULL: the same */
    bool *seen;
    struct glint_check_found found[16];
    int32_t n_found;
    bool failed; /* no memory */
};

/* golden must outlive it. GLINT_E_NOMEM. */
int glint_check_begin(struct glint_check *c, const struct glint_safetensors *golden, double tolerance);
void glint_check_tap(void *check, const struct glint_tensor *tensor); /* glint_tap_fn */
/* The last of it: detections, what was not seen. GLINT_E_NOMEM; GLINT_E_FORMAT when the case has no tensor of
 * the run's at all. */
int glint_check_end(struct glint_check *c);
void glint_check_fini(struct glint_check *c);
#endif
