/* tools/eval_waymo_found.h - of Waymo's detection: what was found where, and the worst frames from above. */
#ifndef GLINT_TOOLS_EVAL_WAYMO_FOUND_H
#define GLINT_TOOLS_EVAL_WAYMO_FOUND_H
#include "eval/report.h"
#include "eval/waymo_detection.h"

struct glint_eval_waymo_found { /* memory of the caller */
    const struct glint_waymo_objects *set;
    const struct glint_waymo_detection *detection; /* of that set, after its task */
    bool by_type;                                  /* its tables are GLINT_WAYMO_STANDARD */
    const char *const *path; /* n_paths files to look for the frames' points in; only TFRecords have any */
    int32_t n_paths;
};

/* Appends both to the page. A frame whose points are in no file, or cannot be read, is drawn with its boxes
 * alone, which the page says. GLINT_E_FORMAT, GLINT_E_NOMEM. */
int glint_eval_waymo_found(const struct glint_eval_waymo_found *f, struct glint_report *page);
#endif
