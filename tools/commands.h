/* tools/commands.h - the commands of `glint`, one per cmd_*.c. */
#ifndef GLINT_TOOLS_COMMANDS_H
#define GLINT_TOOLS_COMMANDS_H
#include "tools/options.h"

extern const struct glint_command glint_cmd_run, glint_cmd_decode, glint_cmd_info, glint_cmd_import,
    glint_cmd_check, glint_cmd_bench, glint_cmd_doctor, glint_cmd_live, glint_cmd_record, glint_cmd_replay,
    glint_cmd_calibrate, glint_cmd_eval, glint_cmd_serve, glint_cmd_view, glint_cmd_trace, glint_cmd_sim;

/* What `glint eval` knows, one per eval_*.c. */
extern const struct glint_command glint_eval_nuscenes, glint_eval_waymo, glint_eval_kitti,
    glint_eval_semantickitti;
#endif
