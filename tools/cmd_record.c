/* tools/cmd_record.c - packets from the network to capture files. The source's thread receives, this one
 * writes: a slow disk is caught up with by the ring, and what does not fit there is counted. */
#define _GNU_SOURCE
#include "core/clock.h"
#include "io/pcap_write.h"
#include "tools/commands.h"
#include "tools/net_options.h"
#include "tools/progress.h"
#include "tools/shared_options.h"
#include <stdlib.h>
#include <string.h>

enum { OUT = 1, SENSOR, ROTATE_MB, ROTATE_S, PACKETS, OVERWRITE };

struct job {
    struct glint_shared_options o;
    struct glint_pcap_writer_settings file;
    struct glint_source *source;
    struct glint_pcap_writer *writer;
    struct glint_progress progress;
    struct glint_live_stats stats;
    struct glint_pcap_writer_stats written;
    int64_t begun_ns;
};

static bool take(void *ctx, int key, const char *value)
{
    struct job *j = ctx;
    int32_t n = 0;
    bool good;
    switch (key) {
    case OUT:
        j->file.path = value;
        return true;
    case SENSOR:
        j->o.sensor = value;
        return true;
    case ROTATE_MB:
        good = glint_value_int(j->o.command, "--rotate-mb", value, 1, 1 << 20, &n);
        j->file.rotate_bytes = (uint64_t)n * 1000000;
        return good;
    case ROTATE_S:
        good = glint_value_int(j->o.command, "--rotate-s", value, 1, 1000000, &n);
        j->file.rotate_ns = (int64_t)n * 1000000000;
        return good;
    case PACKETS:
        good = glint_value_int(j->o.command, "--packets", value, 1, INT32_MAX, &n);
        j->o.net.most_packets = (uint64_t)n;
        return good;
    case OVERWRITE:
        return j->file.overwrite = true;
    default:
        glint_usage_error(j->o.command, "%s: no input is wanted", value);
        return false;
    }
}

/* -1: go on; else the exit code. */
static int parse(struct job *j, int argc, char **argv)
{
    struct glint_shared_options *o = &j->o;
    const int code = glint_shared_options_parse(o, argc, argv, take, j);
    if (code >= 0)
        return code;
    if (!j->file.path)
        return glint_usage_error(o->command, "--out FILE.pcap is needed, drive_%%04d.pcap with rotation");
    if (!glint_shared_options_apart(o, NULL, 0, &j->file.path, 1))
        return GLINT_EXIT_USAGE;
    return glint_net_check(o->command, &o->net, o->sensor);
}

static int copy_packets(struct job *j)
{
    struct glint_packet p;
    int status;
    while ((status = j->source->ops->next_packet(j->source, &p)) == GLINT_OK || status == GLINT_E_AGAIN) {
        const int wrote =
            status == GLINT_OK ? glint_pcap_writer_write(j->writer, &p) : glint_pcap_writer_tick(j->writer);
        GLINT_TRY(wrote);
        if (glint_net_hung_up())
            GLINT_TRY(glint_pcap_writer_rotate(j->writer));
        if (status == GLINT_E_AGAIN || p.record % 1024 == 0) {
            glint_source_live_stats(j->source, &j->stats);
            glint_progress_update(&j->progress, -1, j->stats.received);
        }
    }
    return status == GLINT_E_EOF ? GLINT_OK : status;
}

static json_t *describe(const struct job *j)
{
    json_t *o = json_object(), *w = json_object();
    json_object_set_new(o, "command", json_string("record"));
    json_object_set_new(o, "wall_s", json_real((double)(glint_clock_monotonic_ns() - j->begun_ns) * 1e-9));
    json_object_set_new(o, "network", glint_net_json(&j->stats));
    json_object_set_new(w, "packets", json_integer((json_int_t)j->written.packets));
    json_object_set_new(w, "bytes", json_integer((json_int_t)j->written.bytes));
    json_object_set_new(w, "files", json_integer((json_int_t)j->written.files));
    json_object_set_new(w, "last_file", json_string(j->written.path));
    json_object_set_new(o, "written", w);
    return o;
}

static int finish(struct job *j, int code)
{
    glint_source_live_stats(j->source, &j->stats);
    glint_say("%llu packets, %.1f MB in %llu file%s, last %s", (unsigned long long)j->written.packets,
              (double)j->written.bytes * 1e-6, (unsigned long long)j->written.files,
              j->written.files == 1 ? "" : "s", j->written.path);
    glint_net_tell_drops(&j->stats);
    const int status = j->o.json_path ? glint_net_write_json(describe(j), j->o.json_path) : GLINT_OK;
    return status < 0 && code == GLINT_EXIT_OK ? glint_report_failure(status, GLINT_SIDE_OUTPUT) : code;
}

static int record(struct job *j)
{
    j->begun_ns = glint_clock_monotonic_ns();
    int status = glint_source_live_open(&j->o.net, &j->source);
    if (status < 0)
        return glint_report_failure(status, GLINT_SIDE_INPUT);
    glint_net_stop_on_signal(j->source);
    glint_net_warn_buffer(j->source);
    status = glint_pcap_writer_open(&j->file, &j->writer);
    if (status < 0)
        return glint_report_failure(status, GLINT_SIDE_OUTPUT);
    glint_progress_begin(&j->progress);
    status = copy_packets(j);
    glint_progress_end(&j->progress);
    int code = status < 0 ? glint_report_failure(status, GLINT_SIDE_OUTPUT) : GLINT_EXIT_OK;
    if (status == GLINT_OK)
        status = glint_pcap_writer_flush(j->writer);
    if (status < 0 && code == GLINT_EXIT_OK)
        code = glint_report_failure(status, GLINT_SIDE_OUTPUT);
    glint_pcap_writer_stats(j->writer, &j->written);
    status = glint_pcap_writer_close(j->writer);
    if (status < 0 && code == GLINT_EXIT_OK)
        code = glint_report_failure(status, GLINT_SIDE_OUTPUT);
    return finish(j, code);
}

static int run(const struct glint_command *c, int argc, char **argv)
{
    struct job j = {0};
    glint_shared_options_init(&j.o, c);
    int code = parse(&j, argc, argv);
    if (code >= 0)
        return code;
    code = record(&j);
    glint_net_stop_on_signal(NULL);
    glint_source_close(j.source);
    return code;
}

static const struct glint_option options[] = {
    {"--out", "FILE", "capture to write; with %d, %04d ... a number per file", OUT},
    {"--sensor", "NAME", "listen at this sensor's usual ports", SENSOR},
    GLINT_OPTION_GROUP(GLINT_OPTIONS_NET),
    {"--rotate-mb", "N", "a new file every N MB", ROTATE_MB},
    {"--rotate-s", "N", "a new file every N seconds", ROTATE_S},
    {"--packets", "N", "end after N packets", PACKETS},
    {"--overwrite", NULL, "replace files that are there", OVERWRITE},
    GLINT_OPTION_GROUP(GLINT_OPTIONS_JSON),
    {NULL, NULL, NULL, 0}};

const struct glint_command glint_cmd_record = {
    "record",
    "packets from the network to capture files",
    "--out FILE.pcap (--port N | --sensor NAME) [options]",
    "  glint record --port 2368 --port 8308 --out drive_%04d.pcap --rotate-mb 500\n"
    "  kill -HUP $(pidof glint)      # the next file now\n",
    options,
    run};
