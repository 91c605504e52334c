/* eval/report.h - an evaluation as one page to look at: tables, curves, bars, pictures.
 *
 * A report is a page that grows from top to bottom; each call appends. It knows nothing of datasets: each of
 * them says in its own order what it has. The page is one HTML file without anything outside: styles, charts
 * (SVG) and pictures (PNG) are inside, light or dark as the reader's screen is.
 *
 *     struct glint_report report = {0};
 *     glint_report_begin(&report, "KITTI", "glint-tiny on 10 scans");
 *     glint_report_heading(&report, "Average precision");
 *     glint_report_table_begin(&report, "in percent", columns, 3);
 *     glint_report_row(&report, "Car");
 *     glint_report_cell(&report, 61.67, 2); ...
 *     glint_report_table_end(&report);
 *     glint_report_figures_begin(&report);
 *     glint_report_curves(&report, &curves);
 *     glint_report_figures_end(&report);
 *     int status = glint_report_write(&report, "out"); // out/index.html
 *
 * All text is escaped, none is kept. What does not fit in memory is told by glint_report_write. */
#ifndef GLINT_EVAL_REPORT_H
#define GLINT_EVAL_REPORT_H
#include "io/output.h"

struct glint_report { /* start with all zero */
    struct glint_buffer html;
};

void glint_report_begin(struct glint_report *r, const char *title, const char *subtitle);
void glint_report_heading(struct glint_report *r, const char *text);
void glint_report_words(struct glint_report *r, const char *text); /* a paragraph */

/* A table: the first column has the rows' names, n_columns further ones follow. */
void glint_report_table_begin(struct glint_report *r, const char *caption, const char *const *columns,
                              int32_t n_columns);
void glint_report_row(struct glint_report *r, const char *name);
void glint_report_cell(struct glint_report *r, double value, int decimals); /* NaN: a dash */
void glint_report_cell_i64(struct glint_report *r, int64_t value);
void glint_report_cell_text(struct glint_report *r, const char *text);
void glint_report_table_end(struct glint_report *r);

/* Curves, bars and pictures stand side by side between these two. */
void glint_report_figures_begin(struct glint_report *r);
void glint_report_figures_end(struct glint_report *r);

struct glint_report_line {
    const char *name;
    const double *x, *y; /* n; where one is NaN the line is broken */
    int32_t n;
};
struct glint_report_curves { /* lines over common axes */
    const char *title, *x_name, *y_name;
    double x[2], y[2]; /* ends of the axes, lower one first; points outside are cut off */
    const struct glint_report_line *lines;
    int32_t n_lines;
};
void glint_report_curves(struct glint_report *r, const struct glint_report_curves *curves);

struct glint_report_set { /* a bar for each group */
    const char *name;
    const double *value;  /* n_groups; NaN: no bar */
    const int64_t *count; /* n_groups: what the value was taken of, told below the group; NULL: not told */
};
struct glint_report_bars {
    const char *title, *x_name, *y_name;
    const char *const *groups; /* "0-10 m" */
    int32_t n_groups, n_sets;
    double most; /* upper end of the axis, which begins at 0 */
    const struct glint_report_set *sets;
};
void glint_report_bars(struct glint_report *r, const struct glint_report_bars *bars);

/* A PNG file in memory; copied into the page. */
void glint_report_picture(struct glint_report *r, const char *caption, const uint8_t *png, size_t size);

/* Ends the page and writes it to folder/index.html (the folder is made), then forgets it: success or not, the
 * report is all zero. GLINT_E_IO, GLINT_E_NOMEM. */
int glint_report_write(struct glint_report *r, const char *folder);
#endif
