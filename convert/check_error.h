/* convert/check_error.h - private to check.c and check_parts.c: errors between numbers, and the parts of a
 * tensor. */
#ifndef GLINT_CONVERT_CHECK_ERROR_H
#define GLINT_CONVERT_CHECK_ERROR_H
#include "convert/check.h"

struct glint_check_error {
    double d2, w2;         /* sums of squares: differences, what is wanted */
    double worst, largest; /* difference; wanted */
    int64_t n_broken;      /* finite on one side only */
};

double glint_check_number(const struct glint_tensor *t, int64_t i);
void glint_check_add(struct glint_check_error *e, double got, double want);

/* The row's verdict, the worse of its and this error's. */
void glint_check_judge(const struct glint_check *c, struct glint_check_row *row,
                       const struct glint_check_error *e);

/* The case's tensor NAME + ending, marked as seen; NULL: none. */
const struct glint_tensor *glint_check_find(struct glint_check *c, const char *name, const char *ending);

/* Rows [n, C]; a map [C, h, w]; anything else, whole. want may be NULL (sums or statistics alone). false: not
 * comparable. */
bool glint_check_table(struct glint_check *c, struct glint_check_row *row, const struct glint_tensor *got,
                       const struct glint_tensor *want);
bool glint_check_map(struct glint_check *c, struct glint_check_row *row, const struct glint_tensor *got,
                     const struct glint_tensor *want);
bool glint_check_whole(struct glint_check *c, struct glint_check_row *row, const struct glint_tensor *got,
                       const struct glint_tensor *want);

/* Detections: the run's against the case's. */
void glint_check_boxes(struct glint_check *c, struct glint_check_row *row, const struct glint_check_found *f);
#endif
