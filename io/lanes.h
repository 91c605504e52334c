/* io/lanes.h - what decoders share: a block's lasers as lanes of one loop, their points, and the returns they
 * append.
 *
 * A lane is one measurement of a block: its laser's direction table, when in the block it fires, its numbers.
 * Points of all lanes are computed together (no branch, no double); then the lanes that saw something are
 * appended. */
#ifndef GLINT_IO_LANES_H
#define GLINT_IO_LANES_H
#include "calib/beam.h"
#include "io/decoder.h"

#define GLINT_LANES_CAP     128
#define GLINT_AZIMUTH_STEPS 36000 /* of 0.01 degree */

struct glint_lanes {
    int32_t n;
    float dir[3][GLINT_LANES_CAP], off[3][GLINT_LANES_CAP]; /* see calib/beam.h */
    float when[GLINT_LANES_CAP];   /* firing time / block period: how far the head has turned on */
    int32_t t_ns[GLINT_LANES_CAP]; /* firing time after the block's */
    uint16_t channel[GLINT_LANES_CAP], ring[GLINT_LANES_CAP];
};

/* One block as read from the packet, and its points. */
struct glint_shot {
    float distance[GLINT_LANES_CAP]; /* m, without corrections */
    uint32_t hit[GLINT_LANES_CAP];   /* 0: no return */
    float intensity[GLINT_LANES_CAP];
    float x[GLINT_LANES_CAP], y[GLINT_LANES_CAP], z[GLINT_LANES_CAP];
};

/* What all returns of a block share. */
struct glint_block {
    float azimuth_deg;
    int64_t t_ns;
    uint16_t number;
    uint8_t ret;
};

/* cos and sin of every azimuth a sensor can send, in 0.01 degree: one table for all decoders, made when it is
 * first asked for. */
struct glint_turns {
    float cos[GLINT_AZIMUTH_STEPS], sin[GLINT_AZIMUTH_STEPS];
};
const struct glint_turns *glint_turns(void);

/* Lane i becomes channel c of the beams. */
void glint_lanes_set(struct glint_lanes *lanes, int32_t i, const struct glint_beams *beams, int32_t c);

/* ---- kernels: all versions give the same, bit for bit ---- */

/* Reads n units of a block, each unit_bytes (3 or 4) long - distance u16 in unit_m, reflectivity u8, what
 * follows is passed over; little or big endian - into hit, distance and intensity of lanes 0..n-1 (intensity
 * 0..1). */
typedef void glint_lanes_read_fn(const uint8_t *units, int32_t unit_bytes, bool big_endian, int32_t n,
                                 float unit_m, struct glint_shot *shot);

/* Points of all lanes with the head at one angle: p = (dir d + off) turned by the angle whose cosine and sine
 * are c, s. */
typedef void glint_lanes_place_fn(const struct glint_lanes *lanes, float c, float s, struct glint_shot *shot);

/* The same where the head turns on during the block: lane i is at the angle (c, s) plus step_rad * when[i].
 * |step_rad| must be small (series to the fourth order: 4e-9 at 0.1 rad). */
typedef void glint_lanes_turning_fn(const struct glint_lanes *lanes, float c, float s, float step_rad,
                                    struct glint_shot *shot);

/* Appends the lanes with a hit, in order. returns has room for lanes->n more, and for up to 15 behind them
 * that are written over. */
typedef void glint_lanes_append_fn(const struct glint_lanes *lanes, const struct glint_shot *shot,
                                   const struct glint_block *block, struct glint_returns *returns);

glint_lanes_read_fn glint_lanes_read_c, glint_lanes_read_avx2;
glint_lanes_place_fn glint_lanes_place_c, glint_lanes_place_avx2, glint_lanes_place_avx512;
glint_lanes_turning_fn glint_lanes_turning_c, glint_lanes_turning_avx2, glint_lanes_turning_avx512;
glint_lanes_append_fn glint_lanes_append_c, glint_lanes_append_avx2, glint_lanes_append_avx512;

void glint_lanes_avx2_init(void); /* makes the table of append_avx2; thread-safe */

/* The fastest versions within the GLINT_ISA_* bits of isa, ready for use. Static storage. */
struct glint_lanes_kernels {
    glint_lanes_read_fn *read;
    glint_lanes_place_fn *place;
    glint_lanes_turning_fn *turning;
    glint_lanes_append_fn *append;
};
const struct glint_lanes_kernels *glint_lanes_kernels_get(unsigned isa);

/* The machine's, chosen once. */
const struct glint_lanes_kernels *glint_lanes_kernels(void);

/* Notes a block before its returns are appended; more than the capacity are passed over. */
void glint_block_begin(struct glint_returns *returns, float azimuth_deg);

#endif
