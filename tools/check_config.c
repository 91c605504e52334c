/* tools/check_config.c - see check_config.h. */
#define _GNU_SOURCE
#include "tools/check_config.h"
#include "core/cpu.h"
#include "io/decoder.h"
#include "io/output.h"
#include "tools/open_model.h"
#include "tools/places.h"
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

__attribute__((format(printf, 2, 3))) static void line(const char *what, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    printf("%-12s ", what);
    vprintf(fmt, args);
    printf("\n");
    va_end(args);
}

static void keep_first(int *first, int code)
{
    *first = *first ? *first : code;
}

/* ---- sensors ---- */

static int check_sensor(const struct glint_shared_options *o, int32_t i, const char *where,
                        int32_t *cap_points)
{
    struct glint_decoder *d;
    const struct glint_sensor_place *p = &o->service.place[i];
    const struct glint_decoder_settings settings = {
        .sensor = p->sensor, .calib = p->calib, .scale = o->time_scale};
    const int status = glint_decoder_open(&settings, NULL, 0, &d);
    if (status < 0) {
        glint_say("%s:%lu: sensor %s: %s", o->service.config_path, o->service.config->sensor[i].line, p->name,
                  glint_error_text());
        return GLINT_EXIT_INPUT;
    }
    line("sensor", "%s: %s, %s, calibration: %s, at most %d points a turn", p->name, d->sensor, where,
         d->calibration, d->cap_points);
    *cap_points = d->cap_points > *cap_points ? d->cap_points : *cap_points;
    glint_decoder_close(d);
    return 0;
}

static void where_text(const struct glint_sensor_place *p, char *out, size_t size)
{
    size_t n = 0;
    out[0] = '\0';
    if (p->src_ip)
        n = (size_t)snprintf(out, size, "from %u.%u.%u.%u", p->src_ip >> 24, p->src_ip >> 16 & 255,
                             p->src_ip >> 8 & 255, p->src_ip & 255);
    if (p->port)
        snprintf(out + n, size - n, "%sto port %u", n ? " " : "", p->port);
}

static int check_sensors(const struct glint_shared_options *o, int32_t *cap_points)
{
    const struct glint_service_options *s = &o->service;
    int first = 0;
    for (int32_t i = 0; i < s->n_places; i++) {
        char where[64];
        where_text(&s->place[i], where, sizeof where);
        keep_first(&first, check_sensor(o, i, where, cap_points));
    }
    if (s->n_places == 0)
        line("sensor", "%s, by its packets", o->sensor ? o->sensor : "any");
    if (glint_motion_merges(&o->motion)) {
        line("merge", "%d sensors, a frame waits for %d ms", o->motion.merge.n_sensors,
             o->motion.deadline_ms ? o->motion.deadline_ms : 100);
        *cap_points *= o->motion.merge.n_sensors;
    }
    return first;
}

/* ---- network ---- */

/* In use is what they are while the service runs. */
static int check_network(const struct glint_shared_options *o)
{
    struct glint_live_settings net = o->net;
    struct glint_source *source;
    net.priority = net.cpu_plus_1 = 0; /* told apart */
    const int status = glint_source_live_open(&net, &source);
    if (status == GLINT_OK) {
        line("network", "%s", source->path);
        for (int32_t i = 0; i < net.n_groups; i++)
            line("", "group %s", net.groups[i]);
        struct glint_live_stats stats;
        if (glint_source_live_stats(source, &stats) && stats.rcvbuf_bytes < stats.rcvbuf_wanted)
            line("", "socket buffer %.1f MiB of %.0f: sudo sysctl -w net.core.rmem_max=%lld",
                 (double)stats.rcvbuf_bytes / 1048576, (double)stats.rcvbuf_wanted / 1048576,
                 (long long)stats.rcvbuf_wanted);
        glint_source_close(source);
        return 0;
    }
    if (strstr(glint_error_text(), "in use by another program")) {
        line("network", "%s; it may be the service that runs already", glint_error_text());
        return 0;
    }
    return glint_report_failure(status, GLINT_SIDE_INPUT);
}

/* ---- model and outputs ---- */

static int check_model(const struct glint_shared_options *o, int32_t cap_points, struct glint_model **model,
                       struct glint_sink_context *context)
{
    const int32_t cap = glint_motion_cap_points(&o->motion, cap_points ? cap_points : 300000);
    const int status = glint_open_model(o, cap, false, NULL, model, context);
    if (status < 0)
        return glint_report_failure(status, GLINT_SIDE_INPUT);
    if (*model)
        line("model", "%s, %s, %s, %d classes, %d threads", o->model ? o->model : GLINT_DEFAULT_MODEL,
             o->device, glint_precision_name(o->precision), context->n_classes, o->n_threads);
    else
        line("model", "none: points only");
    return 0;
}

/* Opened as the run would, and removed where that made the file. */
static int check_output(const struct glint_shared_options *o, const char *pattern,
                        const struct glint_sink_context *context, const struct glint_png_settings *png)
{
    static struct glint_outputs one;
    struct stat st;
    memset(&one, 0, sizeof one);
    one.policy = GLINT_OUTPUTS_SERVICE;
    char path[sizeof one.state[0].path];
    int status = glint_outputs_path(pattern, 0, false, path, sizeof path);
    const bool was_there = strcmp(pattern, "-") == 0 || stat(path, &st) == 0;
    status = status < 0 ? status : glint_outputs_add(&one, path, context, png, &o->ros);
    if (status < 0 && strncmp(pattern, "http://", 7) == 0 && strstr(glint_error_text(), "in use")) {
        line("output", "%s; it may be the service that runs already", glint_error_text());
        return 0;
    }
    if (status < 0)
        return glint_report_failure(status, GLINT_SIDE_OUTPUT);
    snprintf(path, sizeof path, "%s", one.state[0].path);
    const bool made = one.state[0].is_file && !was_there;
    status = glint_outputs_close(&one);
    if (made)
        unlink(path);
    line("output", "%s", pattern);
    return status < 0 ? glint_report_failure(status, GLINT_SIDE_OUTPUT) : 0;
}

/* ---- rights ---- */

static int check_priority(const struct glint_service_options *s)
{
    const int32_t limit = glint_service_priority_limit();
    if (s->priority == 0)
        return 0;
    line("priority", "%d, the receive thread; %d, the others", s->priority, s->priority - 1);
    if (s->priority <= limit)
        return 0;
    glint_say("--priority %d: not permitted here (limit %d): LimitRTPRIO=%d in the service's unit",
              s->priority, limit, s->priority);
    return GLINT_EXIT_DEVICE;
}

static int check_cpus(const struct glint_service_options *s)
{
    cpu_set_t may, both;
    if (!s->has_cpus)
        return 0;
    sched_getaffinity(0, sizeof may, &may);
    CPU_AND(&both, &may, &s->cpus);
    line("cpus", "%d of the %d there are", CPU_COUNT(&both), glint_cpu_count());
    if (CPU_EQUAL(&both, &s->cpus))
        return 0;
    glint_say("--cpus: not all of them are there, or permitted");
    return GLINT_EXIT_DEVICE;
}

static int check_memory(const struct glint_service_options *s)
{
    const uint64_t limit = glint_service_lock_limit();
    if (!s->lock_memory)
        return 0;
    line("memory", "locked");
    if (limit == UINT64_MAX)
        return 0;
    glint_say("--lock-memory: %llu KiB may be locked: LimitMEMLOCK=infinity in the service's unit",
              (unsigned long long)(limit >> 10));
    return GLINT_EXIT_DEVICE;
}

/* Of files that are written once, at the end. */
static int check_file(const char *what, const char *path)
{
    if (!path || strcmp(path, "-") == 0)
        return 0;
    line(what, "%s", path);
    return glint_output_check(path) < 0 ? glint_report_failure(GLINT_E_IO, GLINT_SIDE_OUTPUT) : 0;
}

static void tell_rest(const struct glint_shared_options *o)
{
    if (o->deadline_ns > 0)
        line("deadline", "%.1f ms, late frames are %s", (double)o->deadline_ns * 1e-6,
             o->late == GLINT_LATE_SKIP ? "dropped" : "marked");
    if (o->track)
        line("track", "objects get ids");
    if (o->motion.trajectory)
        line("motion", "points are moved to one moment");
}

int glint_check_config(struct glint_shared_options *o)
{
    struct glint_model *model = NULL;
    struct glint_sink_context context = {0};
    int32_t cap_points = 0;
    int first = 0;
    glint_log_to_stderr(false);
    keep_first(&first, check_sensors(o, &cap_points));
    keep_first(&first, check_network(o));
    keep_first(&first, check_model(o, cap_points, &model, &context));
    const struct glint_png_settings png = {.range_m = glint_model_reach(model)};
    for (int32_t i = 0; i < o->n_out; i++)
        keep_first(&first, check_output(o, o->out[i], &context, &png));
    glint_model_close(model);
    keep_first(&first, check_file("record", o->service.record_path));
    keep_first(&first, check_file("account", o->json_path));
    keep_first(&first, check_file("trace", o->trace_path));
    tell_rest(o);
    keep_first(&first, check_cpus(&o->service));
    keep_first(&first, check_priority(&o->service));
    keep_first(&first, check_memory(&o->service));
    glint_log_to_stderr(true);
    printf("%s\n", first ? "not good: see above" : "good");
    return first;
}
