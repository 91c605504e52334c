/* calib/merge.h - sweeps of several sensors to one frame in the vehicle's frame, by a deadline.
 *
 *     struct glint_merge_settings s = {.n_sensors = 2, .sensor = {{"front", mount_f}, {"left", mount_l}},
 *                                      .window_ns = 50000000, .deadline_ns = 120000000, .cap_points =
 * 300000}; glint_merge_open(&s, &m);
 *     // for each sweep that a sensor has completed, at time `now` of whatever clock the caller counts
 * deadlines by: glint_merge_push(m, which, sweep, now); while (glint_merge_pop(m, now, false, frame) ==
 * GLINT_OK) ... publish frame ...
 *     // live: call pop again at glint_merge_due_ns(m), when no sweep came before; at the end: with flush
 *
 * Sweeps whose stamps are at most window_ns from the first of their group's belong together, one of each
 * sensor. A group goes out when all sensors are in it, or deadline_ns after its first sweep was pushed: then
 * with what is there. Who is missing stands in the frame's `missing` and is counted in its loss. A sweep that
 * comes after its group is gone is dropped and counted (loss.frames_dropped). Nothing waits for anything
 * else, and frames go out in order of their stamps.
 *
 * A clock that is set back (a sensor's, or all) stalls nothing: sweeps from more than a second before the
 * last group that went out begin a time of their own.
 *
 * For replayed input `now` is the sweep's own end, so that the result does not depend on the machine's speed.
 */
#ifndef GLINT_CALIB_MERGE_H
#define GLINT_CALIB_MERGE_H
#include "calib/pose.h"
#include "core/frame.h"

#define GLINT_MERGE_SENSORS 16
#define GLINT_MERGE_GROUPS  4 /* open at a time; the oldest goes out early when a fifth begins */

struct glint_merge_settings {
    int32_t n_sensors; /* 1..GLINT_MERGE_SENSORS */
    struct {
        char name[32]; /* in `missing` */
        struct glint_pose
            mount; /* vehicle from sensor; for points in the vehicle's frame already: identity */
    } sensor[GLINT_MERGE_SENSORS];
    int64_t window_ns;   /* half of a sweep's time is right for sensors that are not triggered */
    int64_t deadline_ns; /* > 0 */
    int32_t cap_points;  /* of a group; points beyond it are clipped and counted */
};

struct glint_merge;

/* All memory is reserved here. GLINT_E_ARG, GLINT_E_NOMEM. */
int glint_merge_open(const struct glint_merge_settings *settings, struct glint_merge **merge_out);
void glint_merge_close(struct glint_merge *merge); /* NULL is fine */

/* Takes a copy of sensor number `which`'s sweep, moved by its mount. `now_ns` never goes back. Never fails:
 * what cannot be taken is counted. The sweep stays the caller's. */
void glint_merge_push(struct glint_merge *merge, int32_t which, const struct glint_frame *sweep,
                      int64_t now_ns);

/* The next group that is complete or due at now_ns (flush: any) into `frame`, which comes cleared: points,
 * stamp (the earliest sweep's), offsets since it, source ("front+left"), missing, loss, arrival.
 * GLINT_E_AGAIN: none. */
int glint_merge_pop(struct glint_merge *merge, int64_t now_ns, bool flush, struct glint_frame *frame);

/* What the merge itself has dropped so far: frames_dropped (late), points_clipped, sensors_missed. */
void glint_merge_loss(const struct glint_merge *merge, struct glint_loss *loss_out);

/* When the oldest open group is due; INT64_MAX when there is none. */
int64_t glint_merge_due_ns(const struct glint_merge *merge);
#endif
