/* io/capture_info.c - see capture_info.h. One pass finds flows and time span, a second one, if there is a
 * decoder for the packets, decodes them all. */
#include "io/capture_info.h"
#include "io/capture.h"
#include "io/framer.h"
#include "io/source_pcap.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FLOWS_SEEN 256

struct flows {
    int32_t n;
    struct glint_capture_flow flow[FLOWS_SEEN];
};

static void note_flow(struct flows *s, const struct glint_packet *p)
{
    for (int32_t i = 0; i < s->n; i++) {
        struct glint_capture_flow *f = &s->flow[i];
        if (f->size == p->size && f->dst_port == p->dst_port && f->src_ip == p->src_ip) {
            f->packets++;
            return;
        }
    }
    if (s->n < FLOWS_SEEN)
        s->flow[s->n++] = (struct glint_capture_flow){p->src_ip, p->size, p->dst_port, 1};
}

static int more_packets_first(const void *a, const void *b)
{
    const struct glint_capture_flow *x = a, *y = b;
    if (x->packets != y->packets)
        return x->packets > y->packets ? -1 : 1;
    if (x->dst_port != y->dst_port)
        return x->dst_port < y->dst_port ? -1 : 1;
    if (x->size != y->size)
        return x->size < y->size ? -1 : 1;
    return x->src_ip < y->src_ip ? -1 : x->src_ip > y->src_ip;
}

static void keep_flows(struct flows *s, struct glint_capture_info *info)
{
    qsort(s->flow, (size_t)s->n, sizeof s->flow[0], more_packets_first);
    info->n_flows = s->n < GLINT_CAPTURE_INFO_FLOWS ? s->n : GLINT_CAPTURE_INFO_FLOWS;
    memcpy(info->flows, s->flow, (size_t)info->n_flows * sizeof info->flows[0]);
}

/* Any end of the packets but the regular one is kept as text. */
static int read_flows(struct glint_source *source, struct glint_capture_info *info)
{
    struct flows *s = malloc(sizeof *s);
    struct glint_packet p;
    struct glint_source_pcap_stats stats;
    int status;
    if (!s)
        return glint_fail(GLINT_E_NOMEM, "no memory for the flows of a capture");
    s->n = 0;
    while ((status = source->ops->next_packet(source, &p)) == GLINT_OK)
        note_flow(s, &p);
    keep_flows(s, info);
    free(s);
    if (glint_source_pcap_stats(source, &stats)) {
        info->records = stats.records;
        info->datagrams = stats.datagrams;
        info->other_records = stats.other;
        info->incomplete_datagrams = stats.incomplete;
        info->first_ns = stats.first_ns;
        info->last_ns = stats.last_ns;
    }
    if (status != GLINT_E_EOF && info->datagrams > 0)
        snprintf(info->truncated, sizeof info->truncated, "%.250s", glint_error_text());
    return status == GLINT_E_EOF || info->datagrams > 0 ? GLINT_OK : status;
}

struct cuts {
    uint64_t n;
    int64_t first_ns, last_ns;
};

static void note_cut(struct cuts *cuts, int64_t t_ns)
{
    if (cuts->n++ == 0)
        cuts->first_ns = t_ns;
    cuts->last_ns = t_ns;
}

static double rate_of(const struct cuts *cuts)
{
    const int64_t span_ns = cuts->last_ns - cuts->first_ns;
    return span_ns > 0 ? (double)(cuts->n - 1) / ((double)span_ns * 1e-9) : 0.0;
}

static void note_returns(const struct glint_returns *r, struct glint_cutter *cutter, struct cuts *cuts,
                         struct glint_capture_info *info)
{
    if (r->n > 0 && info->returns == 0) {
        info->frames = 1;
        info->sensor_first_ns = r->t_ns[0];
    }
    for (int32_t i = 0; i < r->n;) {
        i = glint_cutter_find(cutter, r, i);
        if (i < r->n) {
            info->frames++;
            note_cut(cuts, r->t_ns[i]);
        }
    }
    info->returns += (uint64_t)r->n;
    if (r->n > 0)
        info->sensor_last_ns = r->t_ns[r->n - 1];
}

static void note_samples(const struct glint_sensor_samples *s, struct glint_capture_info *info)
{
    for (int32_t i = 0; i < s->n_imu; i++) {
        info->imu_samples++;
        for (int k = 0; k < 3; k++)
            info->accel_mean[k] += (s->imu[i].accel[k] - info->accel_mean[k]) / (float)info->imu_samples;
    }
    info->positions += s->has_position;
    if (s->has_position)
        info->last_position = s->position;
}

static int decode_all(struct glint_capture *c, struct glint_capture_info *info)
{
    struct glint_returns *r = malloc(sizeof *r);
    struct glint_cutter cutter;
    struct cuts cuts = {0};
    struct glint_packet p;
    if (!r)
        return glint_fail(GLINT_E_NOMEM, "no memory for the returns of a packet");
    glint_cutter_init(&cutter, 0, c->decoder->cut_by_frame_id);
    while (c->source->ops->next_packet(c->source, &p) == GLINT_OK) {
        const enum glint_packet_kind kind = glint_decoder_take(c->decoder, &p, r, &info->loss);
        info->lidar_packets += kind == GLINT_PACKET_LIDAR;
        info->other_packets += kind == GLINT_PACKET_OTHER;
        note_returns(r, &cutter, &cuts, info);
        note_samples(&c->decoder->samples, info);
    }
    info->frame_rate_hz = rate_of(&cuts);
    glint_source_pcap_account(c->source, &info->loss);
    free(r);
    return GLINT_OK;
}

static void describe_sensor(const struct glint_decoder *d, struct glint_capture_info *info)
{
    info->has_sensor = true;
    memcpy(info->sensor, d->sensor, sizeof info->sensor);
    memcpy(info->why, d->why, sizeof info->why);
    memcpy(info->calibration, d->calibration, sizeof info->calibration);
    memcpy(info->return_mode, d->return_mode, sizeof info->return_mode);
    info->clock_offset_ns = d->clock_offset_ns;
    info->time_scale = d->time_scale;
}

int glint_capture_info_read(const char *path, const struct glint_decoder_settings *settings,
                            struct glint_capture_info *info_out)
{
    struct glint_source *source;
    struct glint_capture capture;
    memset(info_out, 0, sizeof *info_out);
    GLINT_TRY(glint_source_open(path, NULL, &source));
    int status = source->ops->gives_packets
                     ? read_flows(source, info_out)
                     : glint_fail(GLINT_E_ARG, "%s: no capture: it gives frames", path);
    source->ops->close(source);
    GLINT_TRY(status);
    if (glint_capture_open(path, NULL, settings, &capture) != GLINT_OK) {
        snprintf(info_out->why_not, sizeof info_out->why_not, "%.250s", glint_error_text());
        return GLINT_OK;
    }
    status = decode_all(&capture, info_out);
    describe_sensor(capture.decoder, info_out);
    glint_capture_close(&capture);
    return status;
}
