/* io/sensors.c - see sensors.h. A flow is a source address and a destination port; once it is known whose it
 * is, its packets go there without a look. Lidar packets of another known sensor on a new flow open a
 * decoder; others are offered to the sensors of the same address. */
#include "io/sensors.h"
#include "core/log.h"
#include "io/decoder_family.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FLOWS       64
#define UNLIKE_TOLD 200
#define RECENT      128  /* packets a duplicate may be behind */
#define HASHED_CAP  1024 /* of longer packets the two ends are compared: they hold time and number */
#define NOBODY      (-1) /* of a flow: refused for good */

struct flow {
    uint32_t src_ip;
    uint16_t port;
    int32_t input, sensor;
};

struct recent {
    uint32_t at;
    uint64_t hash[RECENT];
};

struct glint_sensors {
    struct glint_decoder_settings settings;
    const struct glint_source *source;
    char sensor[64], calib[1024], capture[1024];
    const struct glint_sensor_place *places; /* NULL: any sensors */
    int32_t n_places;
    int32_t n, n_flows;
    struct glint_sensor sensors[GLINT_SENSORS_CAP];
    struct recent recent[GLINT_SENSORS_CAP];
    struct flow flows[FLOWS];
    bool told_full;
    uint32_t n_unlike; /* packets at the first place that its sensor does not know */
};

/* ---- duplicates ---- */

static uint64_t load64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* Two lanes of multiply and xor over 16 bytes at a time. */
static uint64_t hash_bytes(const uint8_t *p, size_t n, uint64_t h)
{
    uint64_t a = h ^ UINT64_C(0x9e3779b97f4a7c15), b = h + UINT64_C(0x7f4a7c159e3779b9);
    for (; n >= 16; n -= 16, p += 16) {
        a = (a ^ load64(p)) * UINT64_C(0xff51afd7ed558ccd);
        a ^= a >> 32;
        b = (b ^ load64(p + 8)) * UINT64_C(0xc4ceb9fe1a85ec53);
        b ^= b >> 29;
    }
    for (; n > 0; n--)
        a = (a ^ *p++) * UINT64_C(0x100000001b3);
    a = (a ^ (b << 31 | b >> 33)) * UINT64_C(0xff51afd7ed558ccd);
    return a ^ a >> 32;
}

static uint64_t hash_packet(const struct glint_packet *p)
{
    if (p->size <= 2 * HASHED_CAP)
        return hash_bytes(p->data, p->size, p->size + ((uint64_t)p->dst_port << 32)) | 1;
    const uint64_t h = hash_bytes(p->data, HASHED_CAP, p->size);
    return hash_bytes(p->data + p->size - HASHED_CAP, HASHED_CAP, h) | 1;
}

/* Notes the packet; true when it is among the recent ones. */
static bool is_duplicate(struct recent *r, const struct glint_packet *p)
{
    const uint64_t h = hash_packet(p); /* never 0, which is an empty place */
    uint64_t found = 0;
    for (int i = 0; i < RECENT; i++)
        found |= r->hash[i] == h;
    if (!found)
        r->hash[r->at++ % RECENT] = h;
    return found;
}

/* ---- sensors ---- */

static bool is_named(const struct glint_decoder_settings *s)
{
    return s->sensor && *s->sensor && strcmp(s->sensor, "auto") != 0;
}

/* A decoder for the sensor of this one lidar packet, as the settings want it. returns: room to try it. */
static int open_for(const struct glint_decoder_settings *settings, const struct glint_packet *packet,
                    struct glint_returns *returns, struct glint_decoder **decoder_out)
{
    struct glint_decoder_settings s = *settings;
    uint32_t lost;
    s.sensor = NULL;
    *decoder_out = NULL;
    GLINT_TRY(glint_decoder_open(&s, packet, 1, decoder_out));
    if ((*decoder_out)->ops->decode(*decoder_out, packet, returns, &lost) != GLINT_PACKET_LIDAR) {
        glint_decoder_close(*decoder_out);
        *decoder_out = NULL;
        return glint_fail(GLINT_E_FORMAT, "no lidar packet");
    }
    if (!is_named(settings) || glint_decoder_name_has((*decoder_out)->sensor, settings->sensor) ||
        glint_decoder_name_has((*decoder_out)->ops->name, settings->sensor))
        return GLINT_OK;
    glint_decoder_close(*decoder_out);
    *decoder_out = NULL;
    return glint_fail(GLINT_E_UNSUPPORTED, "another sensor than %s", settings->sensor);
}

static const char *ip_text(uint32_t ip, char *out, size_t size)
{
    snprintf(out, size, "%u.%u.%u.%u", ip >> 24, ip >> 16 & 255, ip >> 8 & 255, ip & 255);
    return out;
}

/* Two Ousters with one metadata file: one of the two is decoded wrongly. */
static void warn_shared_metadata(const struct glint_sensors *s, const struct glint_sensor *added)
{
    for (int32_t i = 0; i < s->n; i++) {
        const struct glint_decoder *d = s->sensors[i].decoder;
        if (strcmp(d->ops->name, "ouster") == 0 && strcmp(d->calibration, added->decoder->calibration) == 0)
            glint_log(GLINT_LOG_WARN, "%s takes %s, as %s does: each sensor has a metadata file of its own",
                      added->name, d->calibration, s->sensors[i].name);
    }
}

static int32_t add_sensor(struct glint_sensors *s, struct glint_decoder *decoder,
                          const struct glint_packet *p, int32_t place)
{
    char ip[20];
    struct glint_sensor *sensor = &s->sensors[s->n];
    memset(sensor, 0, sizeof *sensor);
    sensor->decoder = decoder;
    sensor->src_ip = p->src_ip;
    sensor->port = p->dst_port;
    sensor->input = p->input;
    sensor->place = place;
    snprintf(sensor->name, sizeof sensor->name, "%s %s:%u", decoder->sensor,
             ip_text(p->src_ip, ip, sizeof ip), p->dst_port);
    warn_shared_metadata(s, sensor);
    glint_log(GLINT_LOG_INFO, "another sensor: %s%s%s", place >= 0 ? s->places[place].name : "",
              place >= 0 ? ", " : "", sensor->name);
    if (place >= 0)
        snprintf(sensor->name, sizeof sensor->name, "%s", s->places[place].name);
    return s->n++;
}

int glint_sensors_open(const struct glint_decoder_settings *settings, struct glint_decoder *first,
                       struct glint_sensors **sensors_out)
{
    *sensors_out = NULL;
    struct glint_sensors *s = calloc(1, sizeof *s);
    if (!s)
        return glint_fail(GLINT_E_NOMEM, "no memory for sensors");
    snprintf(s->sensor, sizeof s->sensor, "%s", settings->sensor ? settings->sensor : "");
    snprintf(s->calib, sizeof s->calib, "%s", settings->calib ? settings->calib : "");
    snprintf(s->capture, sizeof s->capture, "%s", settings->capture ? settings->capture : "");
    s->settings = *settings;
    s->settings.sensor = s->sensor;
    s->settings.calib = *s->calib ? s->calib : NULL;
    s->settings.capture = *s->capture ? s->capture : NULL;
    s->sensors[0].decoder = first;
    s->sensors[0].place = -1;
    snprintf(s->sensors[0].name, sizeof s->sensors[0].name, "%s", first->sensor);
    s->n = 1;
    *sensors_out = s;
    return GLINT_OK;
}

void glint_sensors_set_source(struct glint_sensors *s, const struct glint_source *source)
{
    s->source = source;
}

void glint_sensors_set_places(struct glint_sensors *s, const struct glint_sensor_place *places,
                              int32_t n_places)
{
    s->places = places;
    s->n_places = n_places;
    s->sensors[0].place = 0;
    snprintf(s->sensors[0].name, sizeof s->sensors[0].name, "%s", places[0].name);
}

void glint_sensors_close(struct glint_sensors *s)
{
    for (int32_t i = 1; s && i < s->n; i++)
        glint_decoder_close(s->sensors[i].decoder);
    free(s);
}

int32_t glint_sensors_count(const struct glint_sensors *s)
{
    return s->n;
}

struct glint_sensor *glint_sensors_get(struct glint_sensors *s, int32_t index)
{
    return &s->sensors[index];
}

void glint_sensors_loss(const struct glint_sensors *s, struct glint_loss *loss_out)
{
    memset(loss_out, 0, sizeof *loss_out);
    for (int32_t i = 0; i < s->n; i++) {
        const struct glint_loss *l = &s->sensors[i].loss;
        loss_out->packets_received += l->packets_received;
        loss_out->packets_decoded += l->packets_decoded;
        loss_out->packets_malformed += l->packets_malformed;
        loss_out->packets_foreign += l->packets_foreign;
        loss_out->packets_lost += l->packets_lost;
        loss_out->packets_duplicate += l->packets_duplicate;
        loss_out->packets_dropped += l->packets_dropped;
        loss_out->points_dropped += l->points_dropped;
        loss_out->points_clipped += l->points_clipped;
    }
}

/* ---- packets ---- */

static struct flow *find_flow(struct glint_sensors *s, const struct glint_packet *p)
{
    for (int32_t i = 0; i < s->n_flows; i++)
        if (s->flows[i].src_ip == p->src_ip && s->flows[i].port == p->dst_port &&
            s->flows[i].input == p->input)
            return &s->flows[i];
    return NULL;
}

static void note_flow(struct glint_sensors *s, const struct glint_packet *p, int32_t sensor)
{
    if (s->n_flows < FLOWS)
        s->flows[s->n_flows++] = (struct flow){p->src_ip, p->dst_port, p->input, sensor};
}

static enum glint_packet_kind count_duplicate(struct glint_sensor *sensor, const struct glint_packet *p)
{
    struct glint_loss *l = &sensor->loss;
    l->packets_received += 1 + (uint64_t)p->other_before + p->incomplete_before;
    l->packets_decoded++;
    l->packets_duplicate++;
    l->packets_malformed += p->incomplete_before;
    l->packets_foreign += p->other_before;
    l->packets_dropped += p->dropped_before;
    return GLINT_PACKET_OTHER;
}

/* A clock that is not set is compared as it is, before it is moved. */
static void note_clock(struct glint_sensor *sensor, const struct glint_packet *p,
                       const struct glint_returns *r)
{
    const struct glint_decoder *d = sensor->decoder;
    const int64_t moved_ns = d->time_scale == GLINT_TIME_CAPTURE ? d->clock_offset_ns : 0;
    if (r->n > 0 && !d->late && p->stamp_ns > 0)
        glint_clock_model_add(&sensor->clock, r->t_ns[r->n - 1] - moved_ns, p->stamp_ns);
}

static enum glint_packet_kind take_by(struct glint_sensors *s, int32_t i, const struct glint_packet *p,
                                      struct glint_returns *returns)
{
    struct glint_sensor *sensor = &s->sensors[i];
    const enum glint_packet_kind kind = glint_decoder_take(sensor->decoder, p, returns, &sensor->loss);
    if (kind == GLINT_PACKET_LIDAR)
        note_clock(sensor, p, returns);
    return kind;
}

/* Where a packet's sender is expected, -1: nowhere. */
static int32_t place_of(const struct glint_sensors *s, const struct glint_packet *p)
{
    for (int32_t i = 0; i < s->n_places; i++)
        if ((s->places[i].src_ip == 0 || s->places[i].src_ip == p->src_ip) &&
            (s->places[i].port == 0 || s->places[i].port == p->dst_port))
            return i;
    return -1;
}

static bool is_place_taken(const struct glint_sensors *s, int32_t place)
{
    for (int32_t i = 0; i < s->n; i++)
        if (s->sensors[i].place == place)
            return true;
    return false;
}

/* Whether other packets of this sender may yet be those of a sensor that is expected. */
static bool is_sender_expected(const struct glint_sensors *s, const struct glint_packet *p)
{
    for (int32_t i = 0; i < s->n_places; i++)
        if (s->places[i].src_ip == p->src_ip)
            return true;
    return false;
}

/* The first sensor has no address before its first lidar packet. */
static bool may_be_first(const struct glint_sensors *s, const struct glint_packet *p)
{
    return s->sensors[0].port == 0 && p->input == 0 && (s->n_places == 0 || place_of(s, p) == 0);
}

/* Further inputs have files of their own beside them. */
static struct glint_decoder_settings settings_for(const struct glint_sensors *s, const struct glint_packet *p)
{
    struct glint_decoder_settings settings = s->settings;
    const int32_t place = place_of(s, p);
    if (place >= 0) {
        settings.sensor = s->places[place].sensor;
        settings.calib = s->places[place].calib;
    }
    if (p->input > 0 && s->source && s->source->ops->input_path)
        settings.capture = s->source->ops->input_path(s->source, p->input);
    return settings;
}

/* The right place, but not the model that was said. */
static void tell_unlike(const struct glint_sensors *s, const struct glint_packet *p, int32_t place)
{
    char ip[20];
    glint_log(GLINT_LOG_WARN, "%s: packets of %u bytes from %s to port %u are not of a %s",
              s->places[place].name, p->size, ip_text(p->src_ip, ip, sizeof ip), p->dst_port,
              s->places[place].sensor);
}

/* A decoder that was named takes what it can (a Velodyne's product byte is not asked): told, if the packet
 * looks like another model's. */
static void check_first_like(const struct glint_sensors *s, const struct glint_packet *p)
{
    const struct glint_decoder_settings settings = settings_for(s, p);
    struct glint_decoder *decoder;
    struct glint_returns *scratch = malloc(sizeof *scratch);
    if (scratch && open_for(&settings, p, scratch, &decoder) == GLINT_E_UNSUPPORTED)
        tell_unlike(s, p, 0);
    else if (scratch && decoder)
        glint_decoder_close(decoder);
    free(scratch);
}

/* False for what the first sensor does not know: it may be of another one, and is not in its account yet. */
static bool bind_first(struct glint_sensors *s, const struct glint_packet *p, struct glint_returns *returns,
                       enum glint_packet_kind *kind_out)
{
    struct glint_sensor *first = &s->sensors[0];
    const struct glint_loss before = first->loss;
    *kind_out = take_by(s, 0, p, returns);
    if (*kind_out == GLINT_PACKET_FOREIGN) {
        first->loss = before;
        return false;
    }
    if (*kind_out == GLINT_PACKET_LIDAR) {
        first->src_ip = p->src_ip;
        first->port = p->dst_port;
        note_flow(s, p, 0);
        if (s->n_places > 0)
            check_first_like(s, p);
    }
    return true;
}

/* The sensor at the same address that knows such packets, for what is no lidar packet. */
static int32_t companion_of(const struct glint_sensors *s, const struct glint_packet *p)
{
    for (int32_t i = 0; i < s->n; i++)
        if (s->sensors[i].src_ip == p->src_ip && s->sensors[i].input == p->input && s->sensors[i].port != 0)
            return i;
    return NOBODY;
}

/* Of a sender that is not expected: what goes with a sensor's packets, or nobody's. */
static int32_t unexpected(struct glint_sensors *s, const struct glint_packet *p, bool *known_out)
{
    char ip[20];
    const int32_t companion = companion_of(s, p);
    *known_out = companion != NOBODY || !is_sender_expected(s, p);
    if (may_be_first(s, p) && ++s->n_unlike == UNLIKE_TOLD) /* a few such packets mean nothing */
        tell_unlike(s, p, 0);
    if (companion == NOBODY && *known_out && s->n_flows < FLOWS)
        glint_log(GLINT_LOG_WARN, "packets from %s to port %u are of none of the sensors that are expected",
                  ip_text(p->src_ip, ip, sizeof ip), p->dst_port);
    return companion;
}

/* Of whom the packets of a new flow are, or NOBODY (known_out: for good). */
static int32_t owner_of(struct glint_sensors *s, const struct glint_packet *p, struct glint_returns *returns,
                        bool *known_out)
{
    struct glint_decoder *decoder;
    const int32_t place = place_of(s, p);
    *known_out = true;
    if (s->n_places > 0 && (place < 0 || is_place_taken(s, place)))
        return unexpected(s, p, known_out);
    if (s->n == GLINT_SENSORS_CAP) {
        if (!s->told_full)
            glint_log(GLINT_LOG_WARN, "more than %d sensors: the others' packets are foreign",
                      GLINT_SENSORS_CAP);
        s->told_full = true;
        return companion_of(s, p);
    }
    const struct glint_decoder_settings settings = settings_for(s, p);
    const int status = open_for(&settings, p, returns, &decoder);
    if (status == GLINT_OK)
        return add_sensor(s, decoder, p, place);
    if (status == GLINT_E_UNSUPPORTED && place >= 0)
        tell_unlike(s, p, place);
    *known_out = status != GLINT_E_FORMAT; /* nobody's lidar packet: the next may be one */
    if (status != GLINT_E_FORMAT && status != GLINT_E_UNSUPPORTED)
        glint_log(GLINT_LOG_WARN, "a further sensor is left out: %s", glint_error_text());
    return *known_out ? NOBODY : companion_of(s, p);
}

/* Foreign before anybody looks at it. */
static enum glint_packet_kind count_foreign(struct glint_sensors *s, const struct glint_packet *p,
                                            struct glint_returns *returns)
{
    struct glint_loss *l = &s->sensors[0].loss;
    returns->n = 0;
    l->packets_received += 1 + (uint64_t)p->other_before + p->incomplete_before;
    l->packets_foreign += 1 + (uint64_t)p->other_before;
    l->packets_malformed += p->incomplete_before;
    l->packets_dropped += p->dropped_before;
    return GLINT_PACKET_FOREIGN;
}

enum glint_packet_kind glint_sensors_take(struct glint_sensors *sensors, const struct glint_packet *packet,
                                          struct glint_returns *returns_out, int32_t *sensor_out)
{
    struct glint_sensors *s = sensors;
    const struct flow *flow = find_flow(s, packet);
    int32_t i = flow ? flow->sensor : NOBODY;
    *sensor_out = 0;
    returns_out->n = 0;
    if (!flow && may_be_first(s, packet)) {
        enum glint_packet_kind kind;
        if (is_duplicate(&s->recent[0], packet))
            return count_duplicate(&s->sensors[0], packet);
        if (bind_first(s, packet, returns_out, &kind))
            return kind;
    }
    if (!flow) {
        bool known;
        i = owner_of(s, packet, returns_out, &known);
        returns_out->n = 0;
        if (known && (i != NOBODY || !may_be_first(s, packet))) /* before, nothing is for good */
            note_flow(s, packet, i);
    }
    if (i == NOBODY)
        return count_foreign(s, packet, returns_out);
    *sensor_out = i;
    if (is_duplicate(&s->recent[i], packet))
        return count_duplicate(&s->sensors[i], packet);
    return take_by(s, i, packet, returns_out);
}

int32_t glint_sensors_cap_points(const struct glint_decoder_settings *settings,
                                 const struct glint_decoder *first, const struct glint_packet *packets,
                                 int32_t n_packets)
{
    struct flow seen[FLOWS];
    int32_t most = first->cap_points, n = 0;
    struct glint_returns *returns = malloc(sizeof *returns);
    for (int32_t i = 0; returns && i < n_packets && n < FLOWS; i++) {
        const struct glint_packet *p = &packets[i];
        struct glint_decoder *decoder;
        bool known = false;
        for (int32_t k = 0; k < n && !known; k++)
            known = seen[k].src_ip == p->src_ip && seen[k].port == p->dst_port && seen[k].input == p->input;
        if (known || open_for(settings, p, returns, &decoder) != GLINT_OK)
            continue;
        most = decoder->cap_points > most ? decoder->cap_points : most;
        glint_decoder_close(decoder);
        seen[n++] = (struct flow){p->src_ip, p->dst_port, p->input, 0};
    }
    free(returns);
    return most;
}
