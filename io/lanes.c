/* io/lanes.c - see lanes.h. The place loops have no dependence between lanes and vectorise; append writes
 * every lane and moves on only past those with a hit, so that the sparse sky costs no mispredicted branch. */
#include "io/lanes.h"
#include "core/cpu.h"
#include <math.h>
#include <pthread.h>

static struct glint_turns turns;

static void make_turns(void)
{
    struct glint_turns *t = &turns;
    const int quarter = GLINT_AZIMUTH_STEPS / 4;
    for (int i = 0; i < quarter; i++) {
        const double a = (double)i * (GLINT_PI / 18000);
        const float c = (float)cos(a), s = (float)sin(a);
        t->cos[i] = t->sin[i + quarter] = c;
        t->sin[i] = t->cos[i + 3 * quarter] = s;
        t->cos[i + quarter] = t->sin[i + 2 * quarter] = -s;
        t->cos[i + 2 * quarter] = t->sin[i + 3 * quarter] = -c;
    }
}

const struct glint_turns *glint_turns(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_turns);
    return &turns;
}

void glint_lanes_set(struct glint_lanes *lanes, int32_t i, const struct glint_beams *beams, int32_t c)
{
    for (int k = 0; k < 3; k++) {
        lanes->dir[k][i] = beams->dir[k][c];
        lanes->off[k][i] = beams->off[k][c];
    }
    lanes->channel[i] = (uint16_t)c;
    lanes->ring[i] = beams->ring[c];
}

void glint_lanes_place(const struct glint_lanes *lanes, float c, float s, struct glint_shot *shot)
{
    for (int32_t i = 0; i < lanes->n; i++) {
        const float d = shot->distance[i];
        const float px = lanes->dir[0][i] * d + lanes->off[0][i];
        const float py = lanes->dir[1][i] * d + lanes->off[1][i];
        shot->x[i] = c * px - s * py;
        shot->y[i] = s * px + c * py;
        shot->z[i] = lanes->dir[2][i] * d + lanes->off[2][i];
    }
}

void glint_lanes_place_turning(const struct glint_lanes *lanes, float c, float s, float step_rad,
                               struct glint_shot *shot)
{
    for (int32_t i = 0; i < lanes->n; i++) {
        const float a = step_rad * lanes->when[i], a2 = a * a;
        const float ca = 1 - a2 * (0.5f - a2 * (1.0f / 24)), sa = a * (1 - a2 * (1.0f / 6));
        const float ci = c * ca - s * sa, si = s * ca + c * sa;
        const float d = shot->distance[i];
        const float px = lanes->dir[0][i] * d + lanes->off[0][i];
        const float py = lanes->dir[1][i] * d + lanes->off[1][i];
        shot->x[i] = ci * px - si * py;
        shot->y[i] = si * px + ci * py;
        shot->z[i] = lanes->dir[2][i] * d + lanes->off[2][i];
    }
}

void glint_block_begin(struct glint_returns *returns, float azimuth_deg)
{
    if (returns->n_blocks == GLINT_BLOCKS_CAP)
        return;
    returns->block_first[returns->n_blocks] = returns->n;
    returns->block_azimuth[returns->n_blocks++] = azimuth_deg;
}

void glint_lanes_append_c(const struct glint_lanes *lanes, const struct glint_shot *shot,
                          const struct glint_block *block, struct glint_returns *returns)
{
    int32_t k = returns->n;
    for (int32_t i = 0; i < lanes->n; i++) {
        returns->x[k] = shot->x[i];
        returns->y[k] = shot->y[i];
        returns->z[k] = shot->z[i];
        returns->intensity[k] = shot->intensity[i];
        returns->azimuth[k] = block->azimuth_deg;
        returns->t_ns[k] = block->t_ns + lanes->t_ns[i];
        returns->block[k] = block->number;
        returns->channel[k] = lanes->channel[i];
        returns->ring[k] = lanes->ring[i];
        returns->ret[k] = block->ret;
        k += shot->hit[i] != 0;
    }
    returns->n = k;
}

glint_lanes_append_fn *glint_lanes_append_get(unsigned isa)
{
#if GLINT_HAVE_X86
    if (isa & GLINT_ISA_AVX512)
        return glint_lanes_append_avx512;
#endif
    (void)isa; /* unused in a build without */
    return glint_lanes_append_c;
}

void glint_lanes_append(const struct glint_lanes *lanes, const struct glint_shot *shot,
                        const struct glint_block *block, struct glint_returns *returns)
{
    glint_lanes_append_get(glint_cpu_isa())(lanes, shot, block, returns);
}
