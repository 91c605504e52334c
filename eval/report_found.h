/* eval/report_found.h - what every dataset's report has: what was found where, and how long it took. */
#ifndef GLINT_EVAL_REPORT_FOUND_H
#define GLINT_EVAL_REPORT_FOUND_H
#include "eval/found.h"
#include "eval/report.h"

/* A heading, a table of precision and recall per class, bars of recall by distance and by number of points
 * (where these are known). `rule` says in words what found means. Classes without objects and boxes are left
 * out. */
void glint_report_found(struct glint_report *r, const struct glint_found *found, const char *const *names,
                        int32_t n_classes, const char *rule);

struct glint_report_time { /* times of one kind, sorted by the call */
    const char *name;
    int64_t *ns;
    int32_t n;
};
/* A heading and a table of percentiles in milliseconds; kinds without times are left out. */
void glint_report_latencies(struct glint_report *r, const char *words, struct glint_report_time *times,
                            int32_t n_times);
#endif
