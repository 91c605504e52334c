/* io/decoder.c - see decoder.h: choosing the sensor, the packet account, and the sensor's clock. */
#include "io/decoder_family.h"
#include "core/probe.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOUR_NS         INT64_C(3600000000000)
#define MINUTE_NS       INT64_C(60000000000)
#define YEAR_2010_NS    INT64_C(1262304000000000000)
#define CLOCK_SET_NS    (YEAR_2010_NS / 4) /* 1980: a capture before it has no clock */
#define YEAR_2200_NS    INT64_C(7258118400000000000)
#define MODELS_CAP      32
#define SECOND_NS       INT64_C(1000000000)
#define DAY_NS          (86400 * SECOND_NS)
#define GPS_FROM_TAI_NS (19 * SECOND_NS)
#define SCALE_NEAR_NS   (2 * SECOND_NS)
#define RESTART_GAP     100000 /* packets: more are a sensor that was off, not loss */

static const struct glint_decoder_family *const families[] = {
    &glint_family_velodyne, &glint_family_hesai,     &glint_family_hesai_at,
    &glint_family_ouster,   &glint_family_robosense, &glint_family_livox,
};
#define N_FAMILIES ((int32_t)(sizeof families / sizeof families[0]))

static void squeeze(const char *text, char *out, size_t cap)
{
    size_t n = 0;
    for (; *text && n + 1 < cap; text++)
        if (isalnum((unsigned char)*text))
            out[n++] = (char)tolower((unsigned char)*text);
    out[n] = '\0';
}

bool glint_decoder_name_has(const char *name, const char *part)
{
    char whole[64], piece[64];
    squeeze(name, whole, sizeof whole);
    squeeze(part, piece, sizeof piece);
    return piece[0] != '\0' && strstr(whole, piece) != NULL;
}

int32_t glint_family_vote(const struct glint_decoder_family *family, const struct glint_packet *packets,
                          int32_t n_packets, int32_t *votes_out)
{
    int32_t votes[MODELS_CAP] = {0}, best = -1;
    for (int32_t i = 0; i < n_packets; i++) {
        const int32_t model = family->model_of(&packets[i]);
        if (model >= 0 && model < MODELS_CAP)
            votes[model]++;
    }
    for (int32_t m = 0; m < MODELS_CAP; m++)
        if (votes[m] > (best < 0 ? 0 : votes[best]))
            best = m;
    if (votes_out)
        *votes_out = best < 0 ? 0 : votes[best];
    return best;
}

/* ---- what was seen, for people ---- */

struct seen {
    uint32_t size, count;
    uint16_t port;
};

static int32_t note(struct seen *seen, int32_t n, int32_t cap, const struct glint_packet *p)
{
    for (int32_t i = 0; i < n; i++)
        if (seen[i].size == p->size && seen[i].port == p->dst_port) {
            seen[i].count++;
            return n;
        }
    if (n < cap)
        seen[n++] = (struct seen){p->size, 1, p->dst_port};
    return n;
}

static int fail_unknown(const char *what, const struct glint_packet *packets, int32_t n_packets)
{
    struct seen seen[8];
    int32_t n = 0;
    char text[400] = "no packets";
    size_t used = 0;
    for (int32_t i = 0; i < n_packets; i++)
        n = note(seen, n, 8, &packets[i]);
    for (int32_t i = 0; i < n && used < sizeof text; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%u x %u bytes to port %u", i ? ", " : "",
                                 seen[i].count, seen[i].size, seen[i].port);
    return glint_fail(GLINT_E_FORMAT, "%s: saw %s", what, text);
}

/* ---- choosing ---- */

/* A family some packet belongs to though none tells the model, or NULL. */
static const struct glint_decoder_family *by_accessory(const struct glint_packet *packets, int32_t n_packets)
{
    for (int32_t f = 0; f < N_FAMILIES; f++)
        for (int32_t i = 0; i < n_packets && families[f]->is_accessory; i++)
            if (families[f]->is_accessory(&packets[i]))
                return families[f];
    return NULL;
}

static int open_auto(const struct glint_decoder_settings *settings, const struct glint_packet *packets,
                     int32_t n_packets, struct glint_decoder **decoder_out)
{
    const struct glint_decoder_family *family = NULL;
    int32_t model = -1, most = 0;
    for (int32_t f = 0; f < N_FAMILIES; f++) {
        int32_t votes;
        const int32_t m = glint_family_vote(families[f], packets, n_packets, &votes);
        if (votes > most) {
            family = families[f];
            model = m;
            most = votes;
        }
    }
    if (!family)
        family = by_accessory(packets, n_packets);
    return family ? family->open(settings, model, packets, n_packets, decoder_out)
                  : fail_unknown("no known sensor", packets, n_packets);
}

/* The named model; of several that bear the name the one that the packets are of, else the first. -1: none.
 */
static int32_t named_model(const struct glint_decoder_family *family, const char *name, int32_t seen)
{
    if (seen >= 0 && glint_decoder_name_has(family->model_name(seen), name))
        return seen;
    for (int32_t m = 0; m < family->n_models; m++)
        if (glint_decoder_name_has(family->model_name(m), name))
            return m;
    return -1;
}

/* Whether any of the packets is the decoder's at all. Leaves its clock and sequence used. */
static bool knows_any(struct glint_decoder *d, const struct glint_packet *packets, int32_t n_packets,
                      struct glint_returns *scratch)
{
    uint32_t lost;
    for (int32_t i = 0; i < n_packets; i++)
        if (d->ops->decode(d, &packets[i], scratch, &lost) != GLINT_PACKET_FOREIGN)
            return true;
    return false;
}

/* A sensor named by mistake would find every packet foreign, in silence. */
static int check_named(struct glint_decoder *d, const struct glint_packet *packets, int32_t n_packets)
{
    char what[100];
    struct glint_returns *scratch = malloc(sizeof *scratch);
    if (!scratch)
        return glint_fail(GLINT_E_NOMEM, "no memory for the returns of a packet");
    const bool known = n_packets == 0 || knows_any(d, packets, n_packets, scratch);
    free(scratch);
    snprintf(what, sizeof what, "no packet is of a %s", d->sensor);
    return known ? GLINT_OK : fail_unknown(what, packets, n_packets);
}

static int fail_name(const char *name)
{
    char known[1000] = "";
    for (int32_t f = 0; f < N_FAMILIES; f++)
        for (int32_t m = 0; m < families[f]->n_models; m++) {
            const size_t used = strlen(known);
            snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "", families[f]->model_name(m));
        }
    return glint_fail(GLINT_E_ARG, "sensor \"%.40s\" is not known; known are: %s", name, known);
}

/* By the family's name its model is told by the packets; Ouster's are told by metadata. */
static int open_named(const struct glint_decoder_settings *settings, const struct glint_packet *packets,
                      int32_t n_packets, struct glint_decoder **decoder_out)
{
    const struct glint_decoder_family *family = NULL;
    int32_t model = -1;
    for (int32_t f = 0; f < N_FAMILIES && !family; f++) {
        const int32_t seen = glint_family_vote(families[f], packets, n_packets, NULL);
        const bool whole = glint_decoder_name_has(families[f]->name, settings->sensor);
        model = whole ? seen : named_model(families[f], settings->sensor, seen);
        if (whole || model >= 0)
            family = families[f];
    }
    if (!family)
        return fail_name(settings->sensor);
    if (model < 0 && !family->by_metadata && by_accessory(packets, n_packets) != family)
        return fail_unknown(family->name, packets, n_packets);
    GLINT_TRY(family->open(settings, model, packets, n_packets, decoder_out));
    const int status = check_named(*decoder_out, packets, n_packets);
    glint_decoder_close(*decoder_out); /* used: a fresh one */
    *decoder_out = NULL;
    return status == GLINT_OK ? family->open(settings, model, packets, n_packets, decoder_out) : status;
}

int glint_decoder_open(const struct glint_decoder_settings *settings, const struct glint_packet *packets,
                       int32_t n_packets, struct glint_decoder **decoder_out)
{
    const bool any = !settings->sensor || !*settings->sensor || strcmp(settings->sensor, "auto") == 0;
    *decoder_out = NULL;
    GLINT_TRY((any ? open_auto : open_named)(settings, packets, n_packets, decoder_out));
    (*decoder_out)->wanted_scale = settings->scale;
    return GLINT_OK;
}

void glint_decoder_close(struct glint_decoder *decoder)
{
    if (decoder)
        decoder->ops->close(decoder);
}

/* ---- the account ---- */

static bool is_foreign(struct glint_decoder *d, const struct glint_packet *p)
{
    return d->has_address && p->src_ip != d->src_ip;
}

/* What the sequence says is lost, unless the arrivals of the last packets leave no time for it: then the
 * sensor's clock was set, or it has started anew. Several packets back, because what is lost and the pause in
 * the arrivals need not be at the same packet: they wait in buffers on the way. */
static uint32_t plausible_loss(struct glint_decoder *d, const struct glint_packet *p, uint32_t lost)
{
    const uint32_t n = d->n_stamps, at = n % GLINT_DECODER_STAMPS;
    const int64_t gap_ns = n > 0 ? p->stamp_ns - d->stamps_ns[(n - 1) % GLINT_DECODER_STAMPS] : 0;
    const int64_t span_ns = p->stamp_ns - d->stamps_ns[at]; /* of as many packets, when that many came */
    const bool known = n >= GLINT_DECODER_STAMPS && d->period_ns > 0 && span_ns >= 0;
    d->stamps_ns[at] = p->stamp_ns;
    d->n_stamps++;
    if (gap_ns >= 0 && n > 0) {
        const int64_t most_ns = 8 * d->period_ns + 1000; /* a pause tells nothing about the period */
        d->period_ns += n > 1 ? ((gap_ns < most_ns ? gap_ns : most_ns) - d->period_ns) / 16 : gap_ns;
    }
    return !known || lost <= GLINT_DECODER_STAMPS + 4 * (span_ns / d->period_ns) ? lost : 0;
}

static void count_lost(struct glint_decoder *d, const struct glint_packet *p, uint32_t lost,
                       struct glint_loss *loss)
{
    const uint32_t really = d->lost_by_time ? plausible_loss(d, p, lost) : lost;
    const bool back = d->late && d->open_lost > 0 && loss->packets_lost > 0;
    d->open_lost = really > 0 ? d->open_lost + really : d->open_lost - back;
    loss->packets_lost = loss->packets_lost + really - back;
    if (really > 0)
        GLINT_PROBE2(packet__loss, really, loss->packets_lost);
}

enum glint_packet_kind glint_decoder_take(struct glint_decoder *decoder, const struct glint_packet *packet,
                                          struct glint_returns *returns_out, struct glint_loss *loss)
{
    uint32_t lost = 0;
    decoder->late = false;
    returns_out->n = 0;
    returns_out->n_blocks = 0;
    returns_out->frame_id = -1;
    decoder->samples.n_imu = 0;
    decoder->samples.has_position = false;
    const enum glint_packet_kind kind = is_foreign(decoder, packet)
                                            ? GLINT_PACKET_FOREIGN
                                            : decoder->ops->decode(decoder, packet, returns_out, &lost);
    if (kind == GLINT_PACKET_LIDAR && !decoder->has_address) {
        decoder->has_address = true;
        decoder->src_ip = packet->src_ip;
    }
    loss->packets_received += 1 + (uint64_t)packet->other_before + packet->incomplete_before;
    loss->packets_decoded += kind == GLINT_PACKET_LIDAR || kind == GLINT_PACKET_OTHER;
    loss->packets_malformed += (kind == GLINT_PACKET_MALFORMED) + (uint64_t)packet->incomplete_before;
    loss->packets_foreign += (kind == GLINT_PACKET_FOREIGN) + (uint64_t)packet->other_before;
    if (kind == GLINT_PACKET_LIDAR)
        count_lost(decoder, packet, lost, loss);
    loss->packets_dropped += packet->dropped_before;
    return kind;
}

uint32_t glint_decoder_missing(uint64_t a, uint64_t b, uint64_t modulus)
{
    const uint64_t ahead = (b + modulus - a) % modulus;
    return ahead == 0 || ahead > RESTART_GAP || ahead > modulus / 2 ? 0 : (uint32_t)(ahead - 1);
}

/* ---- the clock ---- */

/* t plus a whole number of hours, nearest to `near_ns`. */
static int64_t nearest_hour(int64_t t, int64_t near_ns)
{
    const int64_t gap = near_ns - t + HOUR_NS / 2;
    const int64_t hours = gap >= 0 ? gap / HOUR_NS : -((-gap + HOUR_NS - 1) / HOUR_NS);
    return t + hours * HOUR_NS;
}

int32_t glint_leap_seconds(int64_t utc_ns)
{
    static const struct {
        int64_t from_s;
        int32_t seconds;
    } table[] = {{1483228800, 37}, {1435708800, 36}, {1341100800, 35}, {1230768000, 34}, {1136073600, 33}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (utc_ns / SECOND_NS >= table[i].from_s)
            return table[i].seconds;
    return 32;
}

bool glint_decoder_believes(int64_t date_ns, int64_t capture_ns)
{
    return capture_ns < CLOCK_SET_NS || (date_ns < capture_ns + DAY_NS && date_ns > capture_ns - DAY_NS);
}

/* At the first believed stamp: whether the clock is ahead of the capture by whole leap seconds. */
static void find_scale(struct glint_decoder *d, int64_t sensor_ns, int64_t capture_ns)
{
    const int64_t tai = glint_leap_seconds(capture_ns) * SECOND_NS, gps = tai - GPS_FROM_TAI_NS;
    const int64_t ahead = sensor_ns - capture_ns;
    if (d->wanted_scale != GLINT_TIME_UNKNOWN) {
        d->time_scale = d->wanted_scale;
        d->clock_offset_ns = d->wanted_scale == GLINT_TIME_TAI   ? -tai
                             : d->wanted_scale == GLINT_TIME_GPS ? -gps
                                                                 : 0;
        return;
    }
    d->time_scale = GLINT_TIME_UTC;
    if (capture_ns < CLOCK_SET_NS)
        return;
    if (ahead > tai - SCALE_NEAR_NS && ahead < tai + SCALE_NEAR_NS) {
        d->time_scale = GLINT_TIME_TAI;
        d->clock_offset_ns = -tai;
    } else if (ahead > gps - SCALE_NEAR_NS && ahead < gps + SCALE_NEAR_NS) {
        d->time_scale = GLINT_TIME_GPS;
        d->clock_offset_ns = -gps;
    }
}

static bool is_scale(const struct glint_decoder *d)
{
    return d->time_scale == GLINT_TIME_UTC || d->time_scale == GLINT_TIME_TAI ||
           d->time_scale == GLINT_TIME_GPS;
}

/* By an offset to the capture's clock; the sensor's own place in the hour again, when that has become right.
 */
static int64_t moved(struct glint_decoder *d, int64_t sensor_ns, bool year_known, int64_t capture_ns)
{
    int64_t t = sensor_ns + d->clock_offset_ns;
    if (!year_known)
        t = nearest_hour(t, capture_ns);
    const int64_t own = year_known ? 0 : nearest_hour(sensor_ns, capture_ns);
    if (t > capture_ns + MINUTE_NS || t < capture_ns - MINUTE_NS) {
        if (own > capture_ns - MINUTE_NS && own < capture_ns + MINUTE_NS) {
            d->clock_offset_ns = 0;
            d->time_scale = GLINT_TIME_HOUR;
            return own;
        }
        d->clock_offset_ns += capture_ns - t;
        d->time_scale = GLINT_TIME_CAPTURE;
        t = capture_ns;
    }
    return t;
}

int64_t glint_decoder_utc(struct glint_decoder *d, int64_t sensor_ns, bool year_known, int64_t capture_ns)
{
    if (sensor_ns < 0 || sensor_ns > YEAR_2200_NS || capture_ns < 0 || capture_ns > YEAR_2200_NS)
        return capture_ns; /* no time at all; sums below cannot overflow */
    if (year_known && sensor_ns >= YEAR_2010_NS && glint_decoder_believes(sensor_ns, capture_ns)) {
        if (!is_scale(d)) { /* the first, or the clock has been set by now */
            d->clock_offset_ns = 0;
            find_scale(d, sensor_ns, capture_ns);
        }
        return sensor_ns + d->clock_offset_ns;
    }
    if (capture_ns < CLOCK_SET_NS) /* a capture without a clock: nothing to hold on to */
        return sensor_ns;
    if (is_scale(d))
        d->clock_offset_ns = 0; /* the clock has been lost */
    if (d->time_scale == GLINT_TIME_UNKNOWN || is_scale(d))
        d->time_scale = year_known ? GLINT_TIME_CAPTURE : GLINT_TIME_HOUR;
    return moved(d, sensor_ns, year_known, capture_ns);
}
