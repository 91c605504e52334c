/* tools/waymo_print.h - results of the Waymo metrics as tables, JSON and a page. */
#ifndef GLINT_TOOLS_WAYMO_PRINT_H
#define GLINT_TOOLS_WAYMO_PRINT_H
#include "core/json_write.h"
#include "eval/report.h"
#include "eval/waymo_detection.h"
#include "eval/waymo_segmentation.h"
#include "eval/waymo_tracking.h"

struct glint_waymo_result { /* one of the three; the others NULL */
    const char *mode;       /* "det3d", "bev2d", "extra3d", "track", "seg": as in the JSON */
    struct glint_waymo_detection *detection;
    struct glint_waymo_tracking *tracking;
    struct glint_waymo_segmentation *segmentation;
};

/* To stdout: the official tool's lines, then a summary as leaderboards have it. */
void glint_waymo_print(const struct glint_waymo_result *result);

/* The members of the JSON's object. Numbers are float32 with the 9 digits that restore them. */
void glint_waymo_put(struct glint_json_writer *w, const struct glint_waymo_result *result);

/* Appends to a page that was begun: tables, and for detection precision over recall. */
void glint_waymo_put_report(struct glint_report *page, const struct glint_waymo_result *result);
#endif
