/* tools/ceiling.h - what this machine can do at most, measured here and now: to say how near a stage comes.
 *
 * Best of several short runs each, about a second in all. Other work on the machine lowers them, as it lowers
 * whatever is compared with them. */
#ifndef GLINT_TOOLS_CEILING_H
#define GLINT_TOOLS_CEILING_H
#include "core/pool.h"
#include <jansson.h>

#define GLINT_CEILING_SETS 4

struct glint_ceilings {
    int n_threads;
    double clock_ghz; /* while one thread adds */
    int n_sets;
    struct {
        const char *name;      /* "avx512", "avx2", "c" ("avx512bf16": products of pairs of bf16) */
        double gflop_per_s[2]; /* 2 per multiply-add: one thread, n_threads */
    } sets[GLINT_CEILING_SETS];
    double copy_gb_per_s[2],
        triad_gb_per_s[2]; /* bytes read and written, arrays far larger than the caches */
};

/* isa: the sets to measure besides plain C. GLINT_E_NOMEM. */
int glint_ceilings_measure(struct glint_ceilings *c, unsigned isa, int n_threads);

/* Multiply-adds of the named set, at n_threads; 0 when it was not measured. */
double glint_ceilings_gflop(const struct glint_ceilings *c, const char *set);

json_t *glint_ceilings_json(const struct glint_ceilings *c);

/* The processor's clock by a chain of dependent additions: a few ms. */
double glint_ceiling_clock_ghz(void);

/* A fixed piece of work, the same in every build and on every instruction set, that each of the pool's
 * threads does once: its time, in ms, is the unit of normalised results. Small enough for the inner caches.
 */
double glint_ceiling_loop_ms(struct glint_pool *pool);
#endif
