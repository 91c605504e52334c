/* tools/motion.h - the options of run and decode that say how the vehicle moves and where the sensor sits. */
#ifndef GLINT_TOOLS_MOTION_H
#define GLINT_TOOLS_MOTION_H
#include "calib/trajectory.h"
#include "glint/pipeline.h"
#include "io/source_merge.h"
#include "tools/options.h"

struct glint_motion_options { /* start with all zero */
    const char *poses_path, *times_path, *extrinsics_path, *frame;
    bool linear, has_twist, has_deskew;
    struct glint_motion twist;
    enum glint_deskew deskew;
    int32_t stack;
    int32_t deadline_ms; /* of merged frames, 0: the default */

    /* --merge: the inputs are of sensors with these frames, and one frame is made of all. 0: not asked for.
     */
    int32_t n_merge;
    char names[512]; /* with zeros for commas */
    const char *merge_name[GLINT_MERGE_SENSORS];
    struct glint_pose merge_mount[GLINT_MERGE_SENSORS];

    /* by glint_motion_open */
    struct glint_trajectory *trajectory; /* NULL: none */
    bool has_mount;
    struct glint_pose mount;
};

/* Keys of the options below; a command's own begin at GLINT_MOTION_KEYS. */
enum {
    GLINT_MOTION_POSES = 1,
    GLINT_MOTION_TIMES,
    GLINT_MOTION_TWIST,
    GLINT_MOTION_DESKEW,
    GLINT_MOTION_BETWEEN,
    GLINT_MOTION_EXTRINSICS,
    GLINT_MOTION_FRAME,
    GLINT_MOTION_STACK,
    GLINT_MOTION_MERGE,
    GLINT_MOTION_DEADLINE,
    GLINT_MOTION_KEYS
};

/* Entries of a command's options. */
#define GLINT_MOTION_OPTIONS                                                                                 \
    {"--poses", "FILE", "the vehicle's poses (CSV with a header, or KITTI): points are moved to one moment", \
     GLINT_MOTION_POSES},                                                                                    \
        {"--pose-times", "FILE", "times of KITTI poses, seconds (default: pose k is frame k's)",             \
         GLINT_MOTION_TIMES},                                                                                \
        {"--twist", "V", "instead of poses, even motion: VX,VY,VZ,WX,WY,WZ in m/s and rad/s, or VX,WZ",      \
         GLINT_MOTION_TWIST},                                                                                \
        {"--deskew", "WHEN", "start, middle, end of the sweep, or off (default: middle, with poses)",        \
         GLINT_MOTION_DESKEW},                                                                               \
        {"--between", "HOW", "poses: se3, or linear (default: se3)", GLINT_MOTION_BETWEEN},                  \
        {"--extrinsics", "FILE", "where sensors sit on the vehicle (YAML)", GLINT_MOTION_EXTRINSICS},        \
        {"--frame", "NAME", "the sensor's frame in there (default: if it is the only one)",                  \
         GLINT_MOTION_FRAME},                                                                                \
    {                                                                                                        \
        "--stack", "K", "put K - 1 past sweeps under each one (1 to 32)", GLINT_MOTION_STACK                 \
    }

/* The same, of commands that take several recordings. */
#define GLINT_MERGE_OPTIONS                                                                                  \
    {"--merge", "A,B", "the inputs are of sensors with these frames, at the same time: one frame of all",    \
     GLINT_MOTION_MERGE},                                                                                    \
    {                                                                                                        \
        "--deadline", "MS", "merged frames go out after so long without who is missing (default: 100)",      \
            GLINT_MOTION_DEADLINE                                                                            \
    }

/* Takes an option with a key below GLINT_MOTION_KEYS; false after a printed line. */
bool glint_motion_take(struct glint_motion_options *m, const struct glint_command *c, int key,
                       const char *value);

/* Checks the options, also against the number of inputs, and reads the files. 0, or the exit code after a
 * printed line. */
int glint_motion_open(struct glint_motion_options *m, const struct glint_command *c, int32_t n_inputs);
void glint_motion_close(struct glint_motion_options *m);

/* Into a pipeline's settings; m lives as long as the pipeline, NULL changes nothing. */
void glint_motion_set(const struct glint_motion_options *m, struct glint_pipeline_settings *settings);

/* Points of all sweeps of a stack. */
int32_t glint_motion_cap_points(const struct glint_motion_options *m, int32_t cap_points);
#endif
