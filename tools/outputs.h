/* tools/outputs.h - the --out files: which sink a path gets, all of them as one, and what happens when one of
 * them fails or is to be opened anew.
 *
 *     struct glint_outputs o = {.policy = GLINT_OUTPUTS_ANY};
 *     ... glint_outputs_add(&o, path, &context, &png, &ros) for each, then for each frame:
 *     status = glint_outputs_write(&o, frame);
 *     ... glint_outputs_close(&o); o.state[] has the account, up to o.n_states
 *
 * "{time}" in a path becomes the UTC second in which the file is opened: drive_20260131T145900Z.mcap. */
#ifndef GLINT_TOOLS_OUTPUTS_H
#define GLINT_TOOLS_OUTPUTS_H
#include "io/sink.h"
#include "ros/sinks.h"
#include "tools/options.h"
#include "viz/sink_png.h"
#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#define GLINT_OUTPUTS_CAP    16
#define GLINT_OUTPUTS_COUNTS 16
#define GLINT_OUTPUTS_ENDING 32

enum glint_outputs_policy {
    GLINT_OUTPUTS_ALL,    /* the first failure ends the run: recorded input */
    GLINT_OUTPUTS_ANY,    /* one that fails is left out from then on, as long as another one works: live */
    GLINT_OUTPUTS_SERVICE /* likewise to the last one. Files that are there are never written over: lines are
                           * appended, other formats get a number (drive-1.mcap) */
};

struct glint_output_state {
    char pattern[1024]; /* as given, "" for a sink that was not made by glint_outputs_add */
    char path[1024];    /* as opened */
    bool is_file;       /* a regular file, of which the next two tell whether it was moved */
    dev_t device;
    ino_t inode;
    bool failing;
    char reason[512];                  /* of the last failure, "" when there was none */
    uint64_t frames, missed, failures; /* written; not written because of failures; how often it failed */
    uint64_t slow;                     /* of the missed ones, those that found no room in a pipe */
    uint64_t unfinished; /* of the written ones, those in files that could not be finished: on disk in part */
    uint64_t in_file;    /* of the written ones, in the file at hand */
    uint64_t opened;     /* times */
    int32_t n_counts;    /* of the sink's own, when it was closed */
    struct {
        char name[48];
        uint64_t value;
    } counts[GLINT_OUTPUTS_COUNTS];
};

struct glint_outputs { /* start with all zero but the policy */
    enum glint_outputs_policy policy;
    struct glint_sink *sinks[GLINT_OUTPUTS_CAP]; /* NULL: failing, and given up */
    int32_t n, n_states;                         /* n_states: also after close */
    struct glint_output_state state[GLINT_OUTPUTS_CAP];

    /* private */
    struct glint_sink_context context;
    struct glint_png_settings png;
    const struct glint_ros_output *ros;
    char *sink_path[GLINT_OUTPUTS_CAP];     /* as the sinks keep it */
    pthread_t ending[GLINT_OUTPUTS_ENDING]; /* threads that finish files which others have followed */
    int32_t n_ending;
    atomic_bool reopen; /* wanted */
    _Atomic int32_t n_failing;
    pthread_mutex_t mutex; /* of sinks and states while frames are written; all zero is unlocked */
};

/* Adds the sink of path by its ending; .png with `png` (may be NULL for others), .mcap with `ros` (NULL: this
 * command writes none). The strings of all of them and path outlive it. */
int glint_outputs_add(struct glint_outputs *o, const char *path, const struct glint_sink_context *context,
                      const struct glint_png_settings *png, const struct glint_ros_output *ros);

/* Whether path is none of the n files (NULL: there is none), which are `what`: "an input"; else says so. */
bool glint_outputs_apart(const struct glint_command *c, const char *path, const char *const *files, int32_t n,
                         const char *what);

/* The run's counts, to those that want them. */
void glint_outputs_note(struct glint_outputs *o, const struct glint_sink_run *run);

/* To every one of them, after opening anew where that is wanted. By the policy the first failure, or GLINT_OK
 * as long as it goes on. */
int glint_outputs_write(struct glint_outputs *o, const struct glint_frame *frame);

/* Whether one of them is failing; from any thread. */
bool glint_outputs_failing(const struct glint_outputs *o);

/* Wants all of them opened anew before the next frame (also from a signal handler): those that are failing
 * are tried again, files that were moved or have {time} in their names go on in a new file, between two
 * frames: none is lost. The old one is finished meanwhile by a thread of its own. A file that is where it was
 * stays as it is. */
void glint_outputs_want_reopen(struct glint_outputs *o);

/* The same at once, if it is wanted and no frame is being written: while none come. From any thread. */
void glint_outputs_tick(struct glint_outputs *o);

/* Finishes and closes all; the first failure, also of one that was failing already. */
int glint_outputs_close(struct glint_outputs *o);

/* After close: one line for each that has not all frames; a list with the account of each. */
void glint_outputs_tell(const struct glint_outputs *o);
json_t *glint_outputs_json(const struct glint_outputs *o);

/* Fills in {time} and, where `keep` says that files are kept, a number. GLINT_E_ARG: too long. */
int glint_outputs_path(const char *pattern, int64_t utc_ns, bool keep, char *path_out, size_t size);
#endif
