/* tools/times.c - see times.h. */
#include "tools/times.h"
#include "core/status.h"
#include <math.h>
#include <stdlib.h>

int glint_times_open(struct glint_times *t, int32_t cap)
{
    *t = (struct glint_times){.cap = cap, .ms = calloc((size_t)(cap > 0 ? cap : 1), sizeof *t->ms)};
    return t->ms ? GLINT_OK : glint_fail(GLINT_E_NOMEM, "no memory for %d durations", cap);
}

void glint_times_close(struct glint_times *t)
{
    free(t->ms);
    *t = (struct glint_times){0};
}

void glint_times_clear(struct glint_times *t)
{
    t->n = 0;
}

void glint_times_add(struct glint_times *t, double ms)
{
    if (t->n < t->cap)
        t->ms[t->n++] = ms;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double glint_times_at(struct glint_times *t, double share)
{
    if (t->n == 0)
        return 0.0;
    qsort(t->ms, (size_t)t->n, sizeof *t->ms, ascending);
    const int32_t rank = (int32_t)ceil(share * t->n - 1e-9);
    return t->ms[rank < 1 ? 0 : rank > t->n ? t->n - 1 : rank - 1];
}

json_t *glint_times_json(struct glint_times *t)
{
    static const struct {
        const char *name;
        double share;
    } marks[] = {{"p10_ms", 0.1}, {"p25_ms", 0.25}, {"p50_ms", 0.5}, {"p75_ms", 0.75},
                 {"p90_ms", 0.9}, {"p99_ms", 0.99}, {"max_ms", 1.0}};
    json_t *out = json_object();
    json_object_set_new(out, "count", json_integer(t->n));
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        json_object_set_new(out, marks[i].name, json_real(glint_times_at(t, marks[i].share)));
    return out;
}
