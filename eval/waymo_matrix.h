/* eval/waymo_matrix.h - the classes in a range image's segmentation labels: a zlib stream of a MatrixInt32.
 */
#ifndef GLINT_EVAL_WAYMO_MATRIX_H
#define GLINT_EVAL_WAYMO_MATRIX_H
#include "eval/wire.h"
#include "io/inflate.h"

struct glint_waymo_matrix { /* start with all zero; free(value) at the end */
    uint8_t *value;         /* the class per pixel, row-major; GLINT_WAYMO_OTHER for what is none */
    size_t n, cap;
};
#define GLINT_WAYMO_OTHER 255

/* The stream is bytes of w's file; w names it in messages. With a shape [H, W, 2] the second of each two
 * numbers is the class, else every number. GLINT_E_FORMAT, GLINT_E_NOMEM. */
int glint_waymo_matrix_read(struct glint_waymo_matrix *matrix, struct glint_inflate *inflate,
                            struct glint_wire stream);
#endif
