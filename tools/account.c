/* tools/account.c - see account.h. */
#include "tools/account.h"
#include "core/cpu.h"
#include "tools/glint_commit.h"
#include "tools/net_options.h"
#include <string.h>

static void put_count(json_t *o, const char *name, uint64_t n)
{
    json_object_set_new(o, name, json_integer((json_int_t)n));
}

static json_t *json_packets(const struct glint_loss *l)
{
    json_t *o = json_object();
    put_count(o, "received", l->packets_received);
    put_count(o, "decoded", l->packets_decoded);
    put_count(o, "malformed", l->packets_malformed);
    put_count(o, "foreign", l->packets_foreign);
    put_count(o, "lost", l->packets_lost);
    put_count(o, "duplicate", l->packets_duplicate);
    put_count(o, "dropped", l->packets_dropped);
    put_count(o, "points_dropped", l->points_dropped);
    put_count(o, "points_clipped", l->points_clipped);
    return o;
}

static json_t *json_dropped_by(const struct glint_session *s)
{
    json_t *o = json_object();
    for (int i = 0; i < GLINT_DROP_COUNT; i++)
        put_count(o, glint_drop_name((enum glint_drop)i), s->dropped_by[i]);
    return o;
}

/* Of the published frames. */
static json_t *json_health(const struct glint_session *s)
{
    json_t *o = json_object();
    for (int i = 0; i < GLINT_HEALTH_COUNT; i++)
        if (s->health[i] > 0)
            put_count(o, glint_health_name((enum glint_health)i), s->health[i]);
    return o;
}

static json_t *json_frames(const struct glint_session *s)
{
    json_t *o = json_object();
    put_count(o, "in", s->frames_in);
    put_count(o, "published", s->n_frames);
    put_count(o, "dropped", s->frames_dropped);
    json_object_set_new(o, "dropped_by", json_dropped_by(s));
    put_count(o, "degraded", s->frames_degraded);
    json_object_set_new(o, "health", json_health(s));
    put_count(o, "points", s->n_points);
    put_count(o, "boxes", s->n_boxes);
    put_count(o, "without_pose", s->loss.frames_without_pose);
    if (glint_motion_merges(s->motion)) {
        put_count(o, "sensors_missed", s->loss.sensors_missed);
        put_count(o, "sweeps_dropped",
                  s->loss.frames_dropped - s->frames_dropped); /* too late for their frame */
    }
    return o;
}

/* From a frame's last packet to its result; of recorded input without the waiting in queues. */
static json_t *json_latency(const struct glint_session *s)
{
    struct glint_trace_stats t;
    json_t *o = json_object();
    glint_trace_stats(s->trace, GLINT_STAGE_COUNT, &t);
    json_object_set_new(o, "p50", json_real((double)t.p50_ns * 1e-6));
    json_object_set_new(o, "p90", json_real((double)t.p90_ns * 1e-6));
    json_object_set_new(o, "p99", json_real((double)t.p99_ns * 1e-6));
    json_object_set_new(o, "max", json_real((double)t.max_ns * 1e-6));
    return o;
}

static json_t *json_clock(const struct glint_pipeline_sensor *s)
{
    json_t *o = json_object();
    const enum glint_time_scale scale = (enum glint_time_scale)s->time_scale;
    json_object_set_new(o, "scale", json_string(glint_time_scale_name(scale)));
    json_object_set_new(o, "set", scale == GLINT_TIME_CAPTURE ? json_false() : json_true());
    if (s->has_clock) {
        json_object_set_new(o, "offset_ms", json_real(s->clock_offset_ns * 1e-6));
        json_object_set_new(o, "drift_ppm", json_real(s->clock_drift_ppm));
        put_count(o, "jumps", s->clock_jumps);
    }
    return o;
}

static json_t *json_sensor(const struct glint_pipeline_sensor *s)
{
    char address[24];
    json_t *o = json_object();
    snprintf(address, sizeof address, "%u.%u.%u.%u", s->src_ip >> 24, s->src_ip >> 16 & 255,
             s->src_ip >> 8 & 255, s->src_ip & 255);
    json_object_set_new(o, "name", json_string(s->name));
    json_object_set_new(o, "address", json_string(address));
    json_object_set_new(o, "port", json_integer(s->port));
    put_count(o, "frames", s->frames);
    json_object_set_new(o, "packets", json_packets(&s->loss));
    json_object_set_new(o, "clock", json_clock(s));
    return o;
}

static json_t *json_sensors(const struct glint_session *s)
{
    json_t *list = json_array();
    for (int32_t i = 0; i < s->n_sensors; i++)
        json_array_append_new(list, json_sensor(&s->sensors[i]));
    return list;
}

json_t *glint_account_json(struct glint_session *s, const char *command, const struct glint_live_stats *net)
{
    json_t *o = json_object();
    json_object_set_new(o, "command", json_string(command));
    json_object_set_new(o, "commit", json_string(GLINT_COMMIT));
    json_object_set_new(o, "processor", json_string(glint_cpu_name()));
    json_object_set_new(o, "cores", json_integer(glint_cpu_count()));
    json_object_set_new(o, "wall_s", json_real((double)s->wall_ns * 1e-9));
    if (net)
        json_object_set_new(o, "network", glint_net_json(net));
    json_object_set_new(o, "packets", json_packets(&s->loss));
    json_object_set_new(o, "sensors", json_sensors(s));
    json_object_set_new(o, "frames", json_frames(s));
    if (s->outputs)
        json_object_set_new(o, "outputs", glint_outputs_json(s->outputs));
    if (s->trace)
        json_object_set_new(o, "latency_ms", json_latency(s));
    put_count(o, "peak_memory_bytes", (uint64_t)glint_report_peak_bytes());
    return o;
}

static void clock_text(const struct glint_pipeline_sensor *s, char *text, size_t size)
{
    const char *scale = glint_time_scale_name((enum glint_time_scale)s->time_scale);
    if (s->time_scale == GLINT_TIME_CAPTURE)
        snprintf(text, size, "clock not set: its times are moved to those of arrival");
    else if (s->has_clock)
        snprintf(text, size, "clock %s: packets arrive %.3f ms after their time, drift %+.1f ppm%s", scale,
                 s->clock_offset_ns * 1e-6, s->clock_drift_ppm, s->clock_jumps ? ", it jumped" : "");
    else
        snprintf(text, size, "clock %s", scale);
}

const char *glint_account_drops(const struct glint_session *s, char *text, size_t size)
{
    size_t n = 0;
    text[0] = '\0';
    for (int i = 0; i < GLINT_DROP_COUNT && n < size; i++)
        if (s->dropped_by[i] > 0)
            n += (size_t)snprintf(text + n, size - n, "%s%llu %s", n ? ", " : " (",
                                  (unsigned long long)s->dropped_by[i], glint_drop_name((enum glint_drop)i));
    if (n > 0 && n < size)
        snprintf(text + n, size - n, ")");
    return text;
}

void glint_account_tell_sensors(const struct glint_session *s)
{
    for (int32_t i = 0; i < s->n_sensors; i++) {
        const struct glint_pipeline_sensor *sensor = &s->sensors[i];
        char clock[160];
        clock_text(sensor, clock, sizeof clock);
        glint_say(
            "%s: %llu packets, %llu lost, %llu double; %llu frames; %s", sensor->name,
            (unsigned long long)sensor->loss.packets_received, (unsigned long long)sensor->loss.packets_lost,
            (unsigned long long)sensor->loss.packets_duplicate, (unsigned long long)sensor->frames, clock);
    }
}
