/* tools/eval_waymo_net.h - a network over Waymo's segments: their frames in, results as an Objects file out.
 */
#ifndef GLINT_TOOLS_EVAL_WAYMO_NET_H
#define GLINT_TOOLS_EVAL_WAYMO_NET_H
#include "eval/report.h"
#include "io/waymo_files.h"
#include "tools/eval_run.h"

struct glint_eval_waymo_net { /* start with all zero, fill the first part */
    const struct glint_shared_options *options;
    const char *const *data; /* n_data files, or folders of them */
    int32_t n_data;
    const char *save;                          /* Objects file to write; NULL: one that fini removes */
    const char *submission, *account, *method; /* Submission file to write as well; NULL: none */

    struct glint_waymo_files files; /* data with their folders opened up */
    char results[1024];             /* on the root: path of the Objects file */
    struct glint_buffer times;      /* on the root: of each frame; private */
    struct glint_eval_run_stats stats;
};

/* Runs the options' model over the files' frames, a file being a unit of glint_eval_do (threads, ranks,
 * --parts,
 * --resume), and writes the boxes, on the root alone: in the order of files and frames, with the segment's
 * name and the frame's time, the dataset's type for the model's class of that name, and overlap_with_nlz by
 * the frame's zones. Fails as glint_eval_net_open and glint_eval_do; GLINT_E_IO where results cannot be
 * written; GLINT_E_UNSUPPORTED for a model none of whose classes is one of the dataset's. fini in every case.
 */
int glint_eval_waymo_net_run(struct glint_eval_waymo_net *net);
void glint_eval_waymo_net_fini(struct glint_eval_waymo_net *net);

/* Appends percentiles of each stage's time over all frames to the page. GLINT_E_NOMEM. */
int glint_eval_waymo_net_put_latencies(const struct glint_eval_waymo_net *net, struct glint_report *page);

/* The dataset's type (1 vehicle, 2 pedestrian, 3 sign, 4 cyclist) for a class's name; 0: none. */
int32_t glint_waymo_type_of_class(const char *name);
#endif
