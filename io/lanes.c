/* io/lanes.c - see lanes.h. Append writes every lane and moves on only past those with a hit, so that the
 * sparse sky costs no mispredicted branch. */
#include "io/lanes_place.h"
#include "core/bytes.h"
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

void glint_lanes_read_c(const uint8_t *units, int32_t unit_bytes, bool big_endian, int32_t n, float unit_m,
                        struct glint_shot *shot)
{
    for (int32_t i = 0; i < n; i++, units += unit_bytes) {
        const uint32_t raw = big_endian ? glint_be16(units) : glint_le16(units);
        shot->hit[i] = raw;
        shot->distance[i] = (float)raw * unit_m;
        shot->intensity[i] = (float)units[2] * (1.0f / 255);
    }
}

void glint_lanes_place_c(const struct glint_lanes *lanes, float c, float s, struct glint_shot *shot)
{
    lanes_place(lanes, c, s, shot);
}

void glint_lanes_turning_c(const struct glint_lanes *lanes, float c, float s, float step_rad,
                           struct glint_shot *shot)
{
    lanes_turning(lanes, c, s, step_rad, shot);
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

const struct glint_lanes_kernels *glint_lanes_kernels_get(unsigned isa)
{
    static const struct glint_lanes_kernels c = {glint_lanes_read_c, glint_lanes_place_c,
                                                 glint_lanes_turning_c, glint_lanes_append_c};
#if GLINT_HAVE_X86
    static const struct glint_lanes_kernels avx2 = {glint_lanes_read_avx2, glint_lanes_place_avx2,
                                                    glint_lanes_turning_avx2, glint_lanes_append_avx2},
                                            avx512 = {glint_lanes_read_avx2, glint_lanes_place_avx512,
                                                      glint_lanes_turning_avx512, glint_lanes_append_avx512};
    if (isa & GLINT_ISA_AVX512)
        return &avx512;
    if (isa & GLINT_ISA_AVX2) {
        glint_lanes_avx2_init();
        return &avx2;
    }
#endif
    (void)isa; /* unused in a build without */
    return &c;
}

static const struct glint_lanes_kernels *chosen;

static void choose(void)
{
    chosen = glint_lanes_kernels_get(glint_cpu_isa());
}

const struct glint_lanes_kernels *glint_lanes_kernels(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, choose);
    return chosen;
}
