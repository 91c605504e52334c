/* io/decode_robosense_m1.c - RoboSense's RS-LiDAR-M1, which does not turn.
 *
 * A packet is a header of 32 bytes - magic, number u16, protocol u16, return mode, time mode, time at 10 -
 * and 25 blocks of a time offset (us), the number of the return (0: only one, 1, 2) and 5 points, one per
 * zone of the view: distance u16 (5 mm), vertical and horizontal angle u16 (0.01 degree from 32768),
 * intensity, attribute, elongation. All big endian. (RoboSense's rs_driver 1.5.19, decoder_RSM1.hpp;
 * RS-LiDAR-M1 User Guide.) Points are x forward, y left, z up.
 *
 * Packets of a frame are numbered from 1: to 630, in dual mode to 1260, ten frames a second. No capture has
 * been compared: tests encode packets themselves. */
#include "core/bytes.h"
#include "io/lanes.h"
#include "io/robosense.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCKS      25
#define CHANNELS    5
#define BLOCKS_AT   32
#define POINT_BYTES 9
#define BLOCK_BYTES (2 + CHANNELS * POINT_BYTES)
#define ZERO_ANGLE  32768
#define UNIT_M      0.005f
#define FRAME_NS    INT64_C(100000000)
#define SINGLE      630 /* packets of a frame */
#define DUAL        1260
#define LATE        64 /* packets: what is so much behind is late */

struct robosense_m1 {
    struct glint_decoder base;
    bool has_last;
    uint8_t mode;
    int32_t last, in_frame; /* numbers from 1 */
    int64_t first_ns, last_ns, frame_id;
    const struct glint_turns *turns;
};

static const uint8_t *block_at(const uint8_t *data, int32_t b)
{
    return data + BLOCKS_AT + b * BLOCK_BYTES;
}

static bool blocks_fit(const uint8_t *data)
{
    for (int32_t b = 0; b < BLOCKS; b++)
        if (block_at(data, b)[1] > 2)
            return false;
    return true;
}

static void decode_block(const struct robosense_m1 *m, const uint8_t *at, uint16_t number, int64_t t_ns,
                         struct glint_returns *r)
{
    const uint8_t ret = at[1] ? (uint8_t)(at[1] - 1) : 0;
    const uint8_t *p = at + 2;
    glint_block_begin(r, 0);
    for (uint16_t c = 0; c < CHANNELS; c++, p += POINT_BYTES) {
        const int32_t raw = glint_be16(p), k = r->n;
        const int32_t pitch = (glint_be16(p + 2) - ZERO_ANGLE + GLINT_AZIMUTH_STEPS) % GLINT_AZIMUTH_STEPS;
        const int32_t yaw = (glint_be16(p + 4) - ZERO_ANGLE + GLINT_AZIMUTH_STEPS) % GLINT_AZIMUTH_STEPS;
        const float d = (float)raw * UNIT_M, flat = d * m->turns->cos[pitch];
        r->x[k] = flat * m->turns->cos[yaw];
        r->y[k] = flat * m->turns->sin[yaw];
        r->z[k] = d * m->turns->sin[pitch];
        r->intensity[k] = (float)p[6] * (1.0f / 255);
        r->azimuth[k] = 0;
        r->t_ns[k] = t_ns + at[0] * INT64_C(1000);
        r->block[k] = number;
        r->channel[k] = r->ring[k] = c;
        r->ret[k] = ret;
        r->n += raw != 0;
    }
}

/* A frame has as many packets as its mode says, or more if they come. */
static void set_mode(struct robosense_m1 *m, uint8_t mode, int32_t n)
{
    if (!m->has_last || mode != m->mode)
        m->in_frame = mode == 0 ? DUAL : SINGLE;
    m->mode = mode;
    m->in_frame = n > m->in_frame ? n : m->in_frame;
    m->in_frame = m->last > m->in_frame ? m->last : m->in_frame;
}

/* Packets missing before number n; sets the frame. Whole frames are told by the time, at ten a second; a
 * frame that ends early without the time for the rest has fewer packets than thought. */
static uint32_t missing(struct robosense_m1 *m, int32_t n, int64_t ns, int64_t *frame_out)
{
    const int64_t gap_ns = ns - m->last_ns;
    int32_t ahead = (n - m->last + m->in_frame) % m->in_frame;
    const bool soon = gap_ns < FRAME_NS / 2 && gap_ns > -10 * FRAME_NS;
    *frame_out = m->frame_id;
    if (m->has_last && soon && (ahead == 0 || ahead > m->in_frame - LATE)) {
        *frame_out -= n > m->last; /* late, or double */
        m->base.late = ahead != 0 && ns >= m->first_ns;
        return 0;
    }
    const bool known = m->has_last;
    m->first_ns = known && gap_ns > -10 * FRAME_NS ? m->first_ns : ns;
    ahead = ahead ? ahead : m->in_frame;
    if (known && n <= m->last && m->last > LATE && gap_ns >= 0 &&
        gap_ns < ahead * (FRAME_NS / m->in_frame) / 2) {
        m->in_frame = m->last;
        ahead = n;
    }
    const int64_t rest_ns = gap_ns - ahead * (FRAME_NS / m->in_frame) + FRAME_NS / 2;
    const int64_t whole = known && gap_ns > 0 && rest_ns > 0 ? rest_ns / FRAME_NS : 0;
    m->frame_id += known && n <= m->last;
    m->frame_id += whole < 60000 ? whole : 0; /* more are a sensor that was off */
    *frame_out = m->frame_id;
    m->has_last = true;
    m->last = n;
    m->last_ns = ns;
    const uint64_t after = (uint64_t)ahead + (uint64_t)(whole < 60000 ? whole : 0) * (uint64_t)m->in_frame;
    return known ? glint_decoder_missing(0, after, UINT32_MAX) : 0;
}

static enum glint_packet_kind decode(struct glint_decoder *d, const struct glint_packet *p,
                                     struct glint_returns *returns_out, uint32_t *lost_out)
{
    struct robosense_m1 *m = (struct robosense_m1 *)d;
    *lost_out = 0;
    returns_out->n = returns_out->n_blocks = 0;
    returns_out->frame_id = -1;
    if (robosense_is_device(p) && p->size == ROBOSENSE_M1_DIFOP)
        return GLINT_PACKET_OTHER;
    if (!robosense_is_m1(p))
        return robosense_begins_like(p) && p->size != ROBOSENSE_MSOP_BYTES ? GLINT_PACKET_MALFORMED
                                                                           : GLINT_PACKET_FOREIGN;
    if (!blocks_fit(p->data))
        return GLINT_PACKET_MALFORMED;
    const int32_t n = glint_be16(p->data + 4);
    const int64_t sensor_ns = robosense_utc(p->data + 10);
    set_mode(m, p->data[8], n);
    *lost_out = missing(m, n, sensor_ns, &returns_out->frame_id);
    const int64_t t_ns = glint_decoder_utc(d, sensor_ns, true, p->stamp_ns);
    for (int32_t b = 0; b < BLOCKS; b++)
        decode_block(m, block_at(p->data, b), (uint16_t)b, t_ns, returns_out);
    const char *mode = robosense_mode_text(p->data[8], true);
    snprintf(d->return_mode, sizeof d->return_mode, "%s", mode[0] ? mode : "single");
    return GLINT_PACKET_LIDAR;
}

static void close_decoder(struct glint_decoder *d)
{
    free(d);
}

static const struct glint_decoder_ops ops = {"robosense", decode, close_decoder};

int glint_robosense_m1_open(struct glint_decoder **decoder_out)
{
    struct robosense_m1 *m = calloc(1, sizeof *m);
    if (!m)
        return glint_fail(GLINT_E_NOMEM, "no memory for a decoder");
    m->base.ops = &ops;
    m->base.cut_by_frame_id = true;
    m->base.cap_points = DUAL * BLOCKS * CHANNELS * 21 / 20;
    m->frame_id = 1; /* what is late is not negative */
    snprintf(m->base.sensor, sizeof m->base.sensor, "RoboSense RS-LiDAR-M1");
    snprintf(m->base.why, sizeof m->base.why, "%u-byte packets that begin 55 AA 5A A5", ROBOSENSE_M1_BYTES);
    snprintf(m->base.calibration, sizeof m->base.calibration, "the sensor's own");
    m->turns = glint_turns();
    *decoder_out = &m->base;
    return GLINT_OK;
}
