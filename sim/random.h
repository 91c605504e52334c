/* sim/random.h - chance that depends on a seed and a purpose alone: splitmix64 (Steele et al., 2014) started
 * from a hash of both, so that one thing's numbers do not move when another thing takes more of them. */
#ifndef GLINT_SIM_RANDOM_H
#define GLINT_SIM_RANDOM_H
#include "sim/math.h"
#include <stdbool.h>
#include <stdint.h>

struct glint_sim_random {
    uint64_t state;
};

static inline uint64_t glint_sim_mix(uint64_t z)
{
    z += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static inline struct glint_sim_random glint_sim_random_of(uint64_t seed, int64_t a, int64_t b,
                                                          uint64_t purpose)
{
    const uint64_t h = glint_sim_mix(seed ^ glint_sim_mix(purpose));
    return (struct glint_sim_random){
        glint_sim_mix(h ^ glint_sim_mix((uint64_t)a * 2654435761u + (uint64_t)b))};
}

static inline uint32_t glint_sim_next(struct glint_sim_random *r)
{
    const uint64_t z = glint_sim_mix(r->state);
    r->state += UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(z >> 32);
}

static inline float glint_sim_uniform(struct glint_sim_random *r) /* 0 <= u < 1 */
{
    return (float)(glint_sim_next(r) >> 8) * 0x1p-24f;
}

static inline float glint_sim_range(struct glint_sim_random *r, float from, float to)
{
    return from + (to - from) * glint_sim_uniform(r);
}

static inline int glint_sim_pick(struct glint_sim_random *r, int from, int to) /* both included */
{
    return from + (int)(glint_sim_next(r) % (uint32_t)(to - from + 1));
}

static inline bool glint_sim_chance(struct glint_sim_random *r, float p)
{
    return glint_sim_uniform(r) < p;
}

static inline float glint_sim_normal(struct glint_sim_random *r) /* mean 0, deviation 1 */
{
    const double u = (double)glint_sim_uniform(r) + 0x1p-25, v = (double)glint_sim_uniform(r);
    return (float)(sqrt(-2 * glint_sim_log(u)) * glint_sim_cos(2 * GLINT_SIM_PI * v));
}
#endif
