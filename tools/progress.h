/* tools/progress.h - a progress bar on stderr, only on a terminal and only for work longer than a second. */
#ifndef GLINT_TOOLS_PROGRESS_H
#define GLINT_TOOLS_PROGRESS_H
#include <stdbool.h>
#include <stdint.h>

struct glint_progress {
    int64_t begun_ns, shown_ns;
    bool on, drawn;
};

void glint_progress_begin(struct glint_progress *p);
/* done: 0..1, or < 0 when unknown; count: frames so far, told with their rate and the time left. Draws at
 * most ten times a second. */
void glint_progress_update(struct glint_progress *p, double done, uint64_t count);
/* Wipes the bar. */
void glint_progress_end(struct glint_progress *p);
#endif
