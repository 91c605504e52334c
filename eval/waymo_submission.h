/* eval/waymo_submission.h - results as the Waymo Open Dataset takes them: `Objects` files, and `Submission`
 * files, which are those with who and how around them. Written, and checked before they are sent.
 *
 *     glint_waymo_put_prediction(&objects, &result);    // once per box, in any order
 *     glint_waymo_objects_write(path, &objects);    // or glint_waymo_submission_write(path, &about,
 * &objects)
 *
 * Objects are a sequence of fields, so that what was put for parts of a dataset is joined by putting it one
 * behind the other. Messages: io/waymo.proto. Without protobuf-c all that make or read messages fail with
 * GLINT_E_UNSUPPORTED. */
#ifndef GLINT_EVAL_WAYMO_SUBMISSION_H
#define GLINT_EVAL_WAYMO_SUBMISSION_H
#include "core/file.h"
#include "io/output.h"

enum glint_waymo_task { /* the dataset's numbers */
                        GLINT_WAYMO_TASK_DETECTION_3D = 2,
                        GLINT_WAYMO_TASK_TRACKING_3D = 4,
};

struct glint_waymo_prediction {
    const char *context;                /* name of the segment */
    int64_t stamp_us;                   /* of the frame */
    int32_t type;                       /* 1 vehicle, 2 pedestrian, 3 sign, 4 cyclist */
    double center[3], size[3], heading; /* vehicle frame; length along the heading, width, height */
    double speed[2];                    /* m/s along the vehicle frame's axes, with has_speed */
    bool has_speed, in_zone;
    float score;
    const char *id; /* of the track; NULL or "": none */
};

/* Appends one result. GLINT_E_FORMAT, with the member, for what the dataset's server refuses: no context
 * name, a time that is not positive, an unknown type, numbers that are not finite, a size that is not
 * positive, a score outside of 0..1. GLINT_E_NOMEM. */
int glint_waymo_put_prediction(struct glint_buffer *objects, const struct glint_waymo_prediction *result);

/* Writes an Objects file. GLINT_E_IO. */
int glint_waymo_objects_write(const char *path, const struct glint_buffer *objects);

struct glint_waymo_submission { /* strings may be NULL where it says so */
    enum glint_waymo_task task;
    const char *account;                          /* e-mail of the account at the dataset's site */
    const char *method;                           /* short unique name */
    const char *authors;                          /* separated by commas; may be NULL */
    const char *affiliation, *description, *link; /* may be NULL */
    int32_t past_frames;                          /* used besides the present one */
    float latency_s;                              /* 0: not told */
};

/* Writes a Submission file. GLINT_E_ARG: no account or method; GLINT_E_NOMEM, GLINT_E_IO. */
int glint_waymo_submission_write(const char *path, const struct glint_waymo_submission *about,
                                 const struct glint_buffer *objects);

struct glint_waymo_check {
    int64_t n_objects, n_frames;
    bool is_submission;
};

/* Checks a file of results as the dataset's server does: each object as glint_waymo_put_prediction, no two of
 * a frame with one id, with tracking an id for each; of a Submission also its task, account and method.
 * GLINT_E_FORMAT with file, object, byte and reason; GLINT_E_NOTFOUND, GLINT_E_IO, GLINT_E_NOMEM. */
int glint_waymo_submission_check(const char *path, bool tracking, struct glint_waymo_check *check_out);
#endif
