/* sim/echo_lanes.h - what a sensor makes of hits (sim/trace.h), over the operations of lanes_c.h,
 * lanes_avx2.h or lanes_avx512.h: include one of them first, and define ECHO as the function's name.
 *
 * The light that comes back falls with the angle of incidence (ground and paint have laws of their own, signs
 * none) and with the distance squared; there is an echo where it exceeds a threshold that differs from shot
 * to shot, so that dark and glancing surfaces fade. A beam has a width: at an edge it meets two surfaces,
 * which a sensor tells apart when they are farther apart than a pulse is long, and mixes to one range between
 * them when not. */
#include "sim/chance_lanes.h"
#include "sim/trace.h"

#define PULSE 2.5f /* m */

static inline lf lit(lf light, lf cosine, lu what)
{
    const lu cls = what & lu_set(0xff), material = what >> 8;
    lf shade = light * (lf_set(0.15f) + lf_set(0.85f) * cosine);
    const lf paint = light * (lf_set(0.07f) + lf_set(0.93f) * cosine);
    const lf ground =
        (lf_set(0.06f) + lf_set(0.94f) * light) * lf_min(lf_set(1.0f), lf_set(0.2f) + lf_set(1.5f) * cosine);
    shade = lf_if(lu_eq(material, lu_set(GLINT_SIM_PAINT)), paint, shade);
    shade = lf_if(lu_eq(material, lu_set(GLINT_SIM_RETRO)), light, shade);
    return lf_if(lu_eq(cls, lu_set(GLINT_SIM_CLASS_GROUND)), ground, shade);
}

static inline lf power(const struct glint_sim_sensing *s, lf shade, lf t)
{
    const lf x = t * lf_set(s->extinction), haze = lf_set(1.0f) + x + lf_set(0.5f) * x * x;
    return shade / ((t * t + lf_set(16.0f)) * haze);
}

static inline lm seen(const struct glint_sim_sensing *s, lf power_of, lf t, lu key, uint32_t what)
{
    const lf least = lf_set(s->threshold) * (lf_set(0.4f) + lf_set(1.2f) * chance(key, what));
    const lm within = lm_and(lf_lt(lf_set(s->range_min), t), lf_lt(t, lf_set(s->range_max)));
    return lm_and(within, lf_lt(least, power_of));
}

static inline lf measured(lf shade, lu key, uint32_t what)
{
    const lf i = shade * (lf_set(1.0f) + lf_set(0.12f) * about_normal(key, what));
    return lf_min(lf_max(i, lf_set(0.004f)), lf_set(1.0f));
}

struct echo {
    lm there;
    lf range, shade;
    lu cls, id;
};

static inline struct echo swap_in(lm m, struct echo a, struct echo b) /* a where m, else b */
{
    struct echo e = {.range = lf_if(m, a.range, b.range), .shade = lf_if(m, a.shade, b.shade)};
    e.there = lm_or(lm_and(m, a.there), lm_but(b.there, m));
    e.cls = lu_if(m, a.cls, b.cls);
    e.id = lu_if(m, a.id, b.id);
    return e;
}

/* A drop of rain on the way. */
static inline struct echo drop(const struct glint_sim_sensing *s, lf t, lu key)
{
    struct echo e = {.cls = lu_set(GLINT_SIM_CLASS_OTHER), .id = lu_set(0)};
    e.range = minus_log(chance(key, 31) + lf_set(0x1p-25f)) * lf_set(1.0f / s->rain);
    e.shade = lf_set(0.03f) * chance(key, 32);
    e.there = lm_and(lf_lt(e.range, t), seen(s, power(s, e.shade, e.range), e.range, key, 33));
    return e;
}

static inline void store(struct glint_sim_echoes *out, int at, const struct echo *first,
                         const struct echo *second, const struct glint_sim_sensing *s, lu key)
{
    const lf none = lf_set(0.0f), nearest = lf_set(0.01f), noise = lf_set(s->noise);
    const lf r1 = lf_max(first->range + noise * about_normal(key, 41), nearest);
    const lf r2 = lf_max(second->range + noise * about_normal(key, 51), nearest);
    lf_store(out->range + at, lf_if(first->there, r1, none));
    lf_store(out->intensity + at, lf_if(first->there, measured(first->shade, key, 61), none));
    lf_store(out->range2 + at, lf_if(second->there, r2, none));
    lf_store(out->intensity2 + at, lf_if(second->there, measured(second->shade, key, 71), none));
    lu_store(out->cls + at, lu_if(first->there, first->cls, lu_set(0)));
    lu_store(out->id + at, lu_if(first->there, first->id, lu_set(0)));
    lu_store(out->cls2 + at, lu_if(second->there, second->cls, lu_set(0)));
    lu_store(out->id2 + at, lu_if(second->there, second->id, lu_set(0)));
}

static inline void echo(const struct glint_sim_sensing *s, const struct glint_sim_bundle *h,
                        const struct glint_sim_bundle *before, int at, lu key, struct glint_sim_echoes *out)
{
    const lf t = lf_load(h->t + at), other_t = lf_load(before->t + at);
    const lu what = lu_load(h->what + at), other_what = lu_load(before->what + at);
    struct echo first = {.range = t, .shade = lit(lf_load(h->light + at), lf_load(h->cosine + at), what)};
    first.cls = what & lu_set(0xff);
    first.id = lu_load(h->id + at);
    struct echo second = {.range = other_t, .cls = other_what & lu_set(0xff), .id = lu_load(before->id + at)};
    second.shade = lit(lf_load(before->light + at), lf_load(before->cosine + at), other_what) * lf_set(0.5f);
    /* edges */
    const lf jump = other_t - t, apart = lf_abs(jump);
    const lm edge = lm_and(lm_and(lf_lt(lf_set(0.4f), apart), lf_lt(apart, lf_set(300.0f))),
                           lf_lt(chance(key, 21), lf_set(s->mixed)));
    const lm merged = lm_and(edge, lf_lt(apart, lf_set(PULSE)));
    first.range = lf_if(merged, t + jump * chance(key, 22), t);
    first.shade = lf_if(edge, first.shade * lf_set(0.6f), first.shade);
    const lm kept = lf_lt(lf_set(s->dropout), chance(key, 23));
    first.there = lm_and(kept, seen(s, power(s, first.shade, first.range), first.range, key, 24));
    second.there = lm_and(lm_but(edge, merged), seen(s, power(s, second.shade, other_t), other_t, key, 25));
    /* a pane before it */
    struct echo pane = {.range = lf_load(h->pane + at), .shade = lf_load(h->pane_light + at)};
    pane.cls = lu_set(GLINT_SIM_CLASS_VEHICLE);
    pane.id = lu_load(h->pane_id + at);
    pane.there = lm_and(lf_lt(pane.range, t), seen(s, power(s, pane.shade, pane.range), pane.range, key, 26));
    second = swap_in(pane.there, pane, second);
    if (s->rain > 0) {
        const struct echo d = drop(s, first.range, key);
        second = swap_in(d.there, d, second);
    }
    const lm promote = lm_but(second.there, first.there);
    first = swap_in(promote, second, first);
    second.there = lm_but(second.there, promote);
    store(out, at, &first, &second, s, key);
}

void ECHO(const struct glint_sim_sensing *s, const struct glint_sim_bundle *b,
          const struct glint_sim_bundle *before, struct glint_sim_echoes *out)
{
    for (int at = 0; at < b->n; at += LANES)
        echo(s, b, before, at, lu_load(b->key + at) * lu_set(0x85ebca77u), out);
}
