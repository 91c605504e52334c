/* tools/times.h - durations of one thing, and their percentiles. */
#ifndef GLINT_TOOLS_TIMES_H
#define GLINT_TOOLS_TIMES_H
#include <jansson.h>
#include <stdint.h>

struct glint_times { /* all zero is an empty one */
    int32_t n, cap;
    double *ms; /* in order of time, until a percentile is asked for */
};

/* Makes room for cap durations, so that adding as many allocates nothing. GLINT_E_NOMEM. */
int glint_times_open(struct glint_times *t, int32_t cap);
void glint_times_close(struct glint_times *t); /* all zero is fine */
void glint_times_clear(struct glint_times *t);

/* Beyond the capacity it is left out. */
void glint_times_add(struct glint_times *t, double ms);

/* Nearest rank: share 0.5 is the median, 1 the largest; 0 without durations. Sorts. */
double glint_times_at(struct glint_times *t, double share);

/* {"count", "p10_ms", "p25_ms", "p50_ms", "p75_ms", "p90_ms", "p99_ms", "max_ms"} */
json_t *glint_times_json(struct glint_times *t);
#endif
