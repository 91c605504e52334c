/* eval/ranks.h - the processes that mpirun started together, as far as evaluations need them: the root (rank
 * 0) gives numbered units to workers and gets bytes back. Without MPI, or not under mpirun, there is one
 * rank. */
#ifndef GLINT_EVAL_RANKS_H
#define GLINT_EVAL_RANKS_H
#include "io/output.h"

struct glint_ranks { /* by glint_ranks_open */
    int32_t rank, n;
};

/* Whether the environment says that mpirun (or Slurm's srun) started this process with others. */
bool glint_ranks_launched(void);

/* Joins the others, once per process. GLINT_E_ARG the second time, GLINT_E_DEVICE when MPI fails,
 * GLINT_E_UNSUPPORTED when the environment speaks of several processes and MPI was not built in. */
int glint_ranks_open(struct glint_ranks *ranks_out);
void glint_ranks_close(struct glint_ranks *ranks); /* when all messages are taken: waits for the others */

/* What a worker sends: GLINT_RANKS_READY asks for a unit; a result has a unit, a status and bytes (a
 * failure's reason as text). All calls from the thread that opened. */
#define GLINT_RANKS_READY (-1)
#define GLINT_RANKS_OVER  (-2)
struct glint_ranks_message {
    int32_t rank; /* of the sender, filled on receipt */
    int32_t unit; /* or GLINT_RANKS_READY */
    int32_t status;
};
int glint_ranks_send(struct glint_ranks *r, const struct glint_ranks_message *m,
                     const struct glint_buffer *bytes);
/* On the root: a message that has come, its bytes appended; false: none now. */
int glint_ranks_poll(struct glint_ranks *r, struct glint_ranks_message *m_out, struct glint_buffer *bytes,
                     bool *came_out);
/* Root to worker: a unit or GLINT_RANKS_OVER; and the worker's side of it, false: nothing has come. */
int glint_ranks_assign(struct glint_ranks *r, int32_t rank, int32_t unit);
int glint_ranks_assigned(struct glint_ranks *r, int32_t *unit_out, bool *came_out);
#endif
