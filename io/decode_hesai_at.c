/* io/decode_hesai_at.c - Hesai AT128: a mirror of three faces, each sweeps the same 120 degrees.
 *
 * Header of 12 bytes (protocol 4.3), two blocks (encoder azimuth u16 of 0.01 degree, u8 of 1/25600; 128 x
 * (distance u16, reflectivity u8, confidence u8)), checksum, tail of 32 bytes with us at 20, return mode at
 * 24 and seconds at 26, then number and checksum (as in Hesai's SDK 2.0 and nebula). Little endian, the
 * seconds big.
 *
 * While the encoder goes through a face's field, the beam turns twice as fast: azimuth = 2 (encoder - start
 * of the field) - the channel's + its correction there, from the unit's own correction file: without it there
 * are no places. A frame is one face's sweep. */
#include "calib/at_correction.h"
#include "calib/beam.h"
#include "core/bytes.h"
#include "io/decoder_family.h"
#include "io/hesai_tables.h"
#include "io/lanes.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_SIZE  12
#define BLOCKS     2
#define CHANNELS   GLINT_AT_CHANNELS
#define BLOCK_SIZE (3 + 4 * CHANNELS)
#define TAIL_AT    (HEAD_SIZE + BLOCKS * BLOCK_SIZE + 4)
#define TAIL_SIZE  32
#define NUMBERED   (TAIL_AT + TAIL_SIZE + 8)
#define SIGNED     (NUMBERED + 32)
#define FIRING_NS  41666
#define SHIFT_NS   (-9249) /* of the packet's time */
#define TABLE_FINE 256     /* counts of 1/25600 degree in 0.01 degree */

/* The correction file as the points' loop takes it: of the channels cosines and sines, along the scan
 * radians, by node of the table. */
struct at_angles {
    float cos[CHANNELS], sin[CHANNELS], cos_up[CHANNELS], sin_up[CHANNELS];
    float azimuth_adjust[GLINT_AT_ADJUSTS][CHANNELS], elevation_adjust[GLINT_AT_ADJUSTS][CHANNELS];
};

struct hesai_at {
    struct glint_decoder base;
    struct glint_at_correction correction;
    struct at_angles angles;
    struct glint_lanes lanes; /* directions are not used: they are not fixed */
    struct glint_shot shot;
    bool has_last;
    uint32_t last_number;
    int32_t last_field;
    int64_t frame;
    const struct glint_turns *turns;
};

static bool protocol_fits(const struct glint_packet *p)
{
    return p->size >= HEAD_SIZE && p->data[0] == 0xee && p->data[1] == 0xff && p->data[2] == 4 &&
           p->data[3] == 3;
}

static const uint8_t *block_at(const uint8_t *data, int32_t b)
{
    return data + HEAD_SIZE + b * BLOCK_SIZE;
}

static int32_t encoder_of(const uint8_t *block)
{
    return glint_le16(block) * TABLE_FINE + block[2];
}

static int32_t returns_of(uint8_t mode)
{
    if (mode == 0x33 || mode == 0x34 || mode == 0x37 || mode == 0x38)
        return 1;
    return mode >= 0x39 && mode <= 0x3e && mode != 0x3d ? 2 : 0;
}

static bool is_whole(const struct glint_packet *p)
{
    if ((p->size != NUMBERED && p->size != SIGNED) || p->data[6] != CHANNELS || p->data[7] != BLOCKS ||
        p->data[9] == 0)
        return false;
    for (int32_t b = 0; b < BLOCKS; b++)
        if (encoder_of(block_at(p->data, b)) >= GLINT_AT_TURN)
            return false;
    return returns_of(p->data[TAIL_AT + 24]) > 0;
}

static int32_t model_of(const struct glint_packet *p)
{
    return protocol_fits(p) && is_whole(p) ? 0 : -1;
}

/* Cosine and sine of 0 <= deg < 360: the table's, and the rest to the first order (4e-9). */
static void turn(const struct glint_turns *t, float deg, float *c, float *s)
{
    int32_t i = (int32_t)(deg * 100 + 0.5f);
    const float rest = (deg - (float)i * 0.01f) * (float)(GLINT_PI / 180);
    i %= GLINT_AZIMUTH_STEPS;
    *c = t->cos[i] - t->sin[i] * rest;
    *s = t->sin[i] + t->cos[i] * rest;
}

/* How the corrections of a block's channels lie between two nodes of their tables. */
struct at_place {
    float cos, sin; /* of what the beam has swept */
    int32_t node, next;
    float share;
};

/* Points of all channels: the sum of the swept angle and the channel's by addition, the small correction by a
 * series to the fourth order (4e-9 at 5 degrees). */
static void place(const struct at_angles *restrict a, const struct at_place *at,
                  struct glint_shot *restrict shot)
{
    const float *restrict here = a->azimuth_adjust[at->node], *restrict then = a->azimuth_adjust[at->next];
    const float *restrict here_up = a->elevation_adjust[at->node], *restrict then_up =
                                                                       a->elevation_adjust[at->next];
    for (int32_t i = 0; i < CHANNELS; i++) {
        const float t = here[i] + (then[i] - here[i]) * at->share, t2 = t * t;
        const float u = here_up[i] + (then_up[i] - here_up[i]) * at->share, u2 = u * u;
        const float ct = 1 - t2 * (0.5f - t2 * (1.0f / 24)),
                    st = t * (1 - t2 * (1.0f / 6 - t2 * (1.0f / 120)));
        const float cu = 1 - u2 * (0.5f - u2 * (1.0f / 24)),
                    su = u * (1 - u2 * (1.0f / 6 - u2 * (1.0f / 120)));
        const float c = at->cos * a->cos[i] + at->sin * a->sin[i],
                    s = at->sin * a->cos[i] - at->cos * a->sin[i];
        const float ca = c * ct - s * st, sa = s * ct + c * st;
        const float flat = shot->distance[i] * (a->cos_up[i] * cu - a->sin_up[i] * su);
        shot->x[i] = flat * sa;
        shot->y[i] = flat * ca;
        shot->z[i] = shot->distance[i] * (a->sin_up[i] * cu + a->cos_up[i] * su);
    }
}

static void decode_block(struct hesai_at *h, const uint8_t *data, int32_t b, int64_t t_ns, int32_t returns,
                         struct glint_returns *out)
{
    const struct glint_lanes_kernels *k = glint_lanes_kernels();
    const uint8_t *at = block_at(data, b);
    const int32_t encoder = encoder_of(at), field = glint_at_field(&h->correction, encoder);
    if (field < 0)
        return; /* between two faces */
    const int32_t swept = (encoder - h->correction.start[field] + GLINT_AT_TURN) % GLINT_AT_TURN;
    const int64_t firing = returns == 1 ? (BLOCKS - b) * INT64_C(41666) : FIRING_NS;
    const struct glint_block block = {(float)encoder / 25600, t_ns + SHIFT_NS - firing, (uint16_t)b,
                                      (uint8_t)(b % returns)};
    const float node = (float)encoder * (1.0f / (2 * 25600));
    struct at_place p = {.node = (int32_t)node % GLINT_AT_ADJUSTS, .share = node - (float)(int32_t)node};
    p.next = (p.node + 1) % GLINT_AT_ADJUSTS;
    turn(h->turns, (float)(2 * swept % GLINT_AT_TURN) * (1.0f / 25600), &p.cos, &p.sin);
    k->read(at + 3, 4, false, CHANNELS, (float)data[9] * 1e-3f, &h->shot);
    place(&h->angles, &p, &h->shot);
    k->append(&h->lanes, &h->shot, &block, out);
}

static uint32_t missing(struct hesai_at *h, uint32_t number)
{
    const uint32_t lost = h->has_last ? glint_decoder_missing(h->last_number, number, UINT64_C(1) << 32) : 0;
    const bool late = h->has_last && (uint32_t)(h->last_number - number) < 1000;
    h->base.late = late;
    if (!late)
        h->last_number = number;
    h->has_last = true;
    return lost;
}

/* Seconds since 1970 in five bytes after a zero one. */
static int64_t time_of(const uint8_t *tail)
{
    const int64_t s = (int64_t)tail[27] << 32 | glint_be32(tail + 28);
    return s > 7258118400 ? -1 : s * INT64_C(1000000000) + glint_le32(tail + 20) * INT64_C(1000);
}

static enum glint_packet_kind decode(struct glint_decoder *d, const struct glint_packet *p,
                                     struct glint_returns *returns_out, uint32_t *lost_out)
{
    struct hesai_at *h = (struct hesai_at *)d;
    *lost_out = 0;
    returns_out->n = returns_out->n_blocks = 0;
    returns_out->frame_id = -1;
    if (!protocol_fits(p))
        return GLINT_PACKET_FOREIGN;
    if (!is_whole(p))
        return GLINT_PACKET_MALFORMED;
    const uint8_t *tail = p->data + TAIL_AT;
    const int32_t field = glint_at_field(&h->correction, encoder_of(block_at(p->data, 0)));
    const int32_t returns = returns_of(tail[24]);
    *lost_out = missing(h, glint_le32(tail + TAIL_SIZE));
    if (field >= 0 && field != h->last_field) {
        h->frame++;
        h->last_field = field;
    }
    returns_out->frame_id = h->frame;
    const int64_t t_ns = glint_decoder_utc(d, time_of(tail), true, p->stamp_ns);
    for (int32_t b = 0; b < BLOCKS; b++)
        decode_block(h, p->data, b, t_ns, returns, returns_out);
    snprintf(d->return_mode, sizeof d->return_mode, "%s", returns == 2 ? "dual" : "single");
    return GLINT_PACKET_LIDAR;
}

static void close_decoder(struct glint_decoder *d)
{
    free(d);
}

static const struct glint_decoder_ops ops = {"hesai", decode, close_decoder};

static const char *model_name(int32_t model)
{
    (void)model;
    return "Hesai AT128";
}

static void set_angles(struct at_angles *a, const struct glint_at_correction *c)
{
    const double rad = GLINT_PI / 180;
    for (int32_t i = 0; i < CHANNELS; i++) {
        a->cos[i] = (float)cos((double)c->azimuth_deg[i] * rad);
        a->sin[i] = (float)sin((double)c->azimuth_deg[i] * rad);
        a->cos_up[i] = (float)cos((double)c->elevation_deg[i] * rad);
        a->sin_up[i] = (float)sin((double)c->elevation_deg[i] * rad);
        for (int32_t k = 0; k < GLINT_AT_ADJUSTS; k++) {
            a->azimuth_adjust[k][i] = (float)((double)c->azimuth_adjust_deg[i][k] * rad);
            a->elevation_adjust[k][i] = (float)((double)c->elevation_adjust_deg[i][k] * rad);
        }
    }
}

static void set_up(struct hesai_at *h)
{
    double elevation[CHANNELS];
    h->base.ops = &ops;
    h->base.cut_by_frame_id = true;
    h->base.to_vehicle_yaw = -GLINT_PI / 2;
    h->base.cap_points = 2 * CHANNELS * 1500;
    h->last_field = -1;
    h->lanes.n = CHANNELS;
    for (int32_t c = 0; c < CHANNELS; c++) {
        elevation[c] = (double)h->correction.elevation_deg[c];
        h->lanes.channel[c] = (uint16_t)c;
        h->lanes.t_ns[c] = glint_at128_laser_ns[c];
    }
    glint_beams_rank(CHANNELS, elevation, h->lanes.ring);
    set_angles(&h->angles, &h->correction);
    snprintf(h->base.sensor, sizeof h->base.sensor, "Hesai AT128");
    snprintf(h->base.why, sizeof h->base.why, "%d- or %d-byte packets, protocol 4.3, 128 channels, 2 blocks",
             NUMBERED, SIGNED);
    snprintf(h->base.calibration, sizeof h->base.calibration, "%s", h->correction.path);
    h->turns = glint_turns();
}

static int open_decoder(const struct glint_decoder_settings *settings, int32_t model,
                        const struct glint_packet *packets, int32_t n_packets,
                        struct glint_decoder **decoder_out)
{
    (void)model;
    (void)packets;
    (void)n_packets;
    if (!settings->calib)
        return glint_fail(GLINT_E_NOTFOUND, "an AT128 needs its angle correction file (--calib FILE.dat)");
    struct hesai_at *h = calloc(1, sizeof *h);
    if (!h)
        return glint_fail(GLINT_E_NOMEM, "no memory for a decoder");
    const int status = glint_at_correction_load(settings->calib, &h->correction);
    if (status < 0) {
        free(h);
        return status;
    }
    set_up(h);
    *decoder_out = &h->base;
    return GLINT_OK;
}

const struct glint_decoder_family glint_family_hesai_at = {
    .name = "hesai at128",
    .n_models = 1,
    .model_name = model_name,
    .model_of = model_of,
    .open = open_decoder,
};
