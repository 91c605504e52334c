/* eval/crew.h - threads of this process that do units of an evaluation, one each at a time. */
#ifndef GLINT_EVAL_CREW_H
#define GLINT_EVAL_CREW_H
#include "eval/task.h"

struct glint_crew;

struct glint_crew_result {
    int32_t unit;
    int status;
    char reason[1024];         /* of a failure */
    struct glint_buffer bytes; /* the taker's to free */
};

int glint_crew_open(const struct glint_eval_task *task, int32_t n_threads, struct glint_crew **crew_out);
void glint_crew_close(struct glint_crew *crew); /* waits for what is being done; NULL is fine */

/* Threads without a unit. */
int32_t glint_crew_idle(struct glint_crew *crew);
void glint_crew_give(struct glint_crew *crew, int32_t unit); /* to one of them */
/* A finished unit, if there is one; waits for it at most wait_ns. */
bool glint_crew_take(struct glint_crew *crew, int64_t wait_ns, struct glint_crew_result *result_out);
#endif
