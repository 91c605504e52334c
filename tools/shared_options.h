/* tools/shared_options.h - the options that several commands have: one table in groups, of which a command
 * picks some, and the values they set.
 *
 *     static const struct glint_option options[] = {GLINT_OPTION_GROUP(GLINT_OPTIONS_SENSOR),
 *                                                   {"--dump", "DIR", "every stage's tensors", DUMP},
 *                                                   {NULL, NULL, NULL, 0}};
 *
 * stands for --sensor, --calib and --dump. In the command:
 *
 *     struct glint_shared_options s;
 *     glint_shared_options_init(&s, command);
 *     const int code = glint_shared_options_parse(&s, argc, argv, take, job);   // take: --dump and inputs
 *     if (code >= 0)
 *         return code;
 *
 * A new shared option is a line of the table in shared_options.c, a key here, and where it is taken: and by
 * that a key of --config. */
#ifndef GLINT_TOOLS_SHARED_OPTIONS_H
#define GLINT_TOOLS_SHARED_OPTIONS_H
#include "glint/model.h"
#include "io/decoder.h"
#include "io/source_live.h"
#include "tools/motion.h"
#include "tools/options.h"
#include "tools/outputs.h"
#include "tools/service_options.h"

enum { /* keys; a command's own are below */
       GLINT_KEY_SENSOR = GLINT_SHARED_KEYS,
       GLINT_KEY_CALIB,
       GLINT_KEY_CLOCK,
       GLINT_KEY_CUT,
       GLINT_KEY_SUB_SWEEP,
       GLINT_KEY_MODEL,
       GLINT_KEY_BOXES_MODEL,
       GLINT_KEY_TTA,
       GLINT_KEY_DEVICE,
       GLINT_KEY_PRECISION,
       GLINT_KEY_SCORE,
       GLINT_KEY_THREADS,
       GLINT_KEY_PIN,
       GLINT_KEY_OUT,
       GLINT_KEY_TRACK,
       GLINT_KEY_TOPICS,
       GLINT_KEY_LAYOUT,
       GLINT_KEY_COMPRESS,
       GLINT_KEY_TRACE,
       GLINT_KEY_JSON,
       GLINT_KEY_FRAMES,
       GLINT_KEY_REPORT,
       GLINT_KEY_PARTS,
       GLINT_KEY_RESUME,
       GLINT_KEY_SKIP_CORRUPT,
       GLINT_KEY_TOPIC,
       GLINT_KEY_FRAME_DEADLINE,
       GLINT_KEY_LATE,
       GLINT_KEY_SERVICE, /* the next ones: service_options.h */
       GLINT_KEY_CONFIG = GLINT_KEY_SERVICE,
       GLINT_KEY_CHECK_CONFIG,
       GLINT_KEY_RECORD,
       GLINT_KEY_PRIORITY,
       GLINT_KEY_CPUS,
       GLINT_KEY_RECEIVE_CPU,
       GLINT_KEY_LOCK_MEMORY,
       GLINT_KEY_MOTION, /* the next ones: motion.h */
       GLINT_KEY_POSES = GLINT_KEY_MOTION,
       GLINT_KEY_POSE_TIMES,
       GLINT_KEY_TWIST,
       GLINT_KEY_DESKEW,
       GLINT_KEY_BETWEEN,
       GLINT_KEY_EXTRINSICS,
       GLINT_KEY_FRAME,
       GLINT_KEY_STACK,
       GLINT_KEY_MERGE,
       GLINT_KEY_DEADLINE,
       GLINT_KEY_NET, /* the next ones: net_options.h */
       GLINT_KEY_PORT = GLINT_KEY_NET,
       GLINT_KEY_IFACE,
       GLINT_KEY_ADDRESS,
       GLINT_KEY_GROUP,
       GLINT_KEY_PCAP,
       GLINT_KEY_FILTER,
       GLINT_KEY_DURATION,
       GLINT_KEY_RCVBUF,
       GLINT_KEY_RING,
       GLINT_KEY_HW_STAMPS,
       GLINT_KEY_END
};

struct glint_shared_options { /* as given, else their defaults; strings are those of argv */
    const struct glint_command *command;
    const char *sensor, *calib;
    enum glint_time_scale time_scale; /* UNKNOWN: auto */
    float cut_deg, sub_sweep_deg;
    struct glint_motion_options motion; /* glint_motion_open reads the files */

    const char *model, *device; /* model: NULL is the default one, "none" points only */
    bool device_asked;          /* device was named, "auto" perhaps */
    const char *boxes_model;    /* NULL: none */
    enum glint_precision precision;
    enum glint_views_set views;
    float score;       /* < 0: the model's */
    int32_t n_threads; /* the cores */
    bool pin, threads_given;
    bool track;

    const char *out[GLINT_OUTPUTS_CAP]; /* at most GLINT_OUTPUTS_CAP - 1 */
    int32_t n_out;
    struct glint_ros_output ros; /* of .mcap files and ROS 2 topics */
    const char *trace_path, *json_path;
    uint64_t first_frame, end_frame; /* all */
    const char *report_path, *parts_path;
    bool resume;
    bool skip_corrupt;
    const char *topic;
    int64_t deadline_ns; /* of a frame; 0: none */
    enum glint_late late;
    struct glint_live_settings net;
    struct glint_service_options service;
};

void glint_shared_options_init(struct glint_shared_options *s, const struct glint_command *command);

/* What --config has read; the strings above may be its own. */
void glint_shared_options_close(struct glint_shared_options *s);

/* Takes all arguments, those of the file that --config names first: the shared ones into s, each of the
 * command's own, and inputs (GLINT_ARG_INPUT), by take, which returns false after a printed line. -1: go on;
 * else the exit code. */
int glint_shared_options_parse(struct glint_shared_options *s, int argc, char **argv,
                               bool (*take)(void *ctx, int key, const char *value), void *ctx);

/* Whether what is written (--out, --trace, --json and `extra`, which may be NULL) is all different files, and
 * none of them one that is read: the inputs, --calib, --poses, --pose-times, --extrinsics. Else says so. */
bool glint_shared_options_apart(const struct glint_shared_options *s, const char *const *inputs,
                                int32_t n_inputs, const char *const *extra, int32_t n_extra);

/* Whether boxes are wanted: --model is not none. */
bool glint_shared_options_wants_model(const struct glint_shared_options *s);

/* The names of --clock: "utc". */
const char *glint_time_scale_name(enum glint_time_scale scale);
#endif
