/* serve/shelf.h - frames of a log, as messages, within a bounded amount of memory around the one that is
 * looked at. A worker puts frames in order from where it was told to start; readers ask for any. What is far
 * from the cursor makes room; a worker that is far enough ahead waits; one that works at the wrong place is
 * told to start again elsewhere.
 *
 *     worker:  while (glint_shelf_next_run(shelf, &first) == GLINT_OK)
 *                  ... frames from `first` on: status = glint_shelf_put(shelf, index, message) ...
 *                  until it is not GLINT_OK or the log ends: glint_shelf_end(shelf)
 *     readers: glint_shelf_want(shelf, index); message = glint_shelf_get(shelf, index) */
#ifndef GLINT_SERVE_SHELF_H
#define GLINT_SERVE_SHELF_H
#include "core/status.h"
#include "serve/message.h"

struct glint_shelf;

struct glint_shelf_state {
    uint64_t n_known;                      /* frames are known to be there: the last one seen + 1 */
    bool complete;                         /* n_known is the log's length */
    uint64_t n_kept;                       /* on the shelf */
    size_t bytes, budget;                  /* of them */
    int64_t first_stamp_ns, last_stamp_ns; /* of the first and last frame seen */
    uint64_t cursor;
    double progress; /* of the input read at frame n_known - 1, 0..1; < 0: not known */
};

/* GLINT_E_NOMEM, GLINT_E_ARG: a budget below 1 MiB. */
int glint_shelf_open(size_t budget, struct glint_shelf **shelf_out);
void glint_shelf_close(struct glint_shelf *shelf); /* worker and readers are gone; NULL is fine */
void glint_shelf_stop(
    struct glint_shelf *shelf); /* the worker's calls return GLINT_E_CANCELLED; any thread */

/* The worker. next_run waits until a frame is wanted that is not there. put takes over the reference, waits
 * while there is no room, and returns GLINT_E_EOF where frames of another place are wanted: next_run tells
 * which. Numbers may be left out: whoever wants one that is not in the log gets the next frame. end: the log
 * has no more frames. */
int glint_shelf_next_run(struct glint_shelf *shelf, uint64_t *first_out);
int glint_shelf_put(struct glint_shelf *shelf, uint64_t index, int64_t stamp_ns, double progress,
                    struct glint_message *message);
void glint_shelf_end(struct glint_shelf *shelf);

/* Readers, any thread. want moves the cursor. get: a reference, or NULL while it is not there; *index_out is
 * the number of the frame that is given for `index`: another one where the log has none of that number. */
void glint_shelf_want(struct glint_shelf *shelf, uint64_t index);
struct glint_message *glint_shelf_get(struct glint_shelf *shelf, uint64_t index, uint64_t *index_out);
void glint_shelf_state(struct glint_shelf *shelf, struct glint_shelf_state *state_out);
#endif
