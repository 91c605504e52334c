/* tools/motion.h - the options that say how the vehicle moves and where the sensor sits. */
#ifndef GLINT_TOOLS_MOTION_H
#define GLINT_TOOLS_MOTION_H
#include "calib/trajectory.h"
#include "glint/pipeline.h"
#include "io/source_live.h"
#include "tools/options.h"

struct glint_motion_options { /* start with all zero */
    const char *poses_path, *times_path, *extrinsics_path, *frame;
    bool linear, has_twist, has_deskew;
    struct glint_motion twist;
    enum glint_deskew deskew;
    int32_t stack;
    int32_t deadline_ms; /* of merged frames, 0: the default */

    /* --merge: sensors with these frames, of which one frame is made. merge.n_sensors 0: not asked for. The
     * i-th is that of input i, or of port i of the network, or of the address and port given with its name */
    struct glint_pipeline_merge merge;
    char names[512]; /* with zeros for commas */
    struct glint_pose merge_mount[GLINT_PIPELINE_MERGE];

    /* by glint_motion_open */
    struct glint_trajectory *trajectory; /* NULL: none */
    bool has_mount;
    struct glint_pose mount;
};

/* Takes an option of the groups MOTION and MERGE (shared_options.h); false after a printed line. */
bool glint_motion_take(struct glint_motion_options *m, const struct glint_command *c, int key,
                       const char *value);

/* Checks the options, also against the number of inputs (0: the network, with its ports), and reads the
 * files. 0, or the exit code after a printed line. */
int glint_motion_open(struct glint_motion_options *m, const struct glint_command *c, int32_t n_inputs,
                      const struct glint_live_settings *net);
void glint_motion_close(struct glint_motion_options *m);

/* Into a pipeline's settings; m lives as long as the pipeline, NULL changes nothing. */
void glint_motion_set(const struct glint_motion_options *m, struct glint_pipeline_settings *settings);

/* Whether frames of several sensors are to become one. */
static inline bool glint_motion_merges(const struct glint_motion_options *m)
{
    return m && m->merge.n_sensors > 0;
}

/* Points of all sweeps of a stack. */
int32_t glint_motion_cap_points(const struct glint_motion_options *m, int32_t cap_points);
#endif
