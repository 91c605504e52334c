/* tools/net_options.c - see net_options.h. */
#define _GNU_SOURCE
#include "tools/net_options.h"
#include "io/decoder_family.h"
#include "tools/shared_options.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool take_port(const struct glint_command *c, struct glint_live_settings *s, const char *value)
{
    int32_t port;
    if (!glint_value_int(c, "--port", value, 1, 65535, &port))
        return false;
    for (int32_t i = 0; i < s->n_ports; i++)
        if (s->ports[i] == port)
            return true;
    if (s->n_ports == GLINT_LIVE_PORTS) {
        glint_usage_error(c, "--port %s: at most %d ports", value, GLINT_LIVE_PORTS);
        return false;
    }
    s->ports[s->n_ports++] = (uint16_t)port;
    return true;
}

static bool take_group(const struct glint_command *c, struct glint_live_settings *s, const char *value)
{
    if (s->n_groups < GLINT_LIVE_GROUPS) {
        s->groups[s->n_groups++] = value;
        return true;
    }
    glint_usage_error(c, "--group %s: at most %d groups", value, GLINT_LIVE_GROUPS);
    return false;
}

static bool take_number(const struct glint_command *c, struct glint_live_settings *s, int key,
                        const char *value)
{
    int32_t mib;
    float seconds;
    if (key == GLINT_KEY_DURATION) {
        if (!glint_value_float(c, "--duration", value, 0.001, 1e8, &seconds))
            return false;
        s->duration_ns = (int64_t)((double)seconds * 1e9);
        return true;
    }
    if (!glint_value_int(c, key == GLINT_KEY_RING ? "--ring" : "--rcvbuf", value, 1,
                         key == GLINT_KEY_RING ? 65536 : 1024, &mib))
        return false;
    if (key == GLINT_KEY_RING)
        s->ring_bytes = (size_t)mib << 20;
    else
        s->rcvbuf_bytes = mib << 20;
    return true;
}

bool glint_net_take(const struct glint_command *c, struct glint_live_settings *s, int key, const char *value)
{
    switch (key) {
    case GLINT_KEY_PORT:
        return take_port(c, s, value);
    case GLINT_KEY_IFACE:
        s->iface = value;
        return true;
    case GLINT_KEY_GROUP:
        return take_group(c, s, value);
    case GLINT_KEY_ADDRESS:
        s->address = value;
        return true;
    case GLINT_KEY_PCAP:
        return s->pcap = true;
    case GLINT_KEY_FILTER:
        s->filter = value;
        return true;
    case GLINT_KEY_HW_STAMPS:
        return s->hardware_stamps = true;
    default:
        return take_number(c, s, key, value);
    }
}

bool glint_net_default_ports(struct glint_live_settings *s, const char *sensor)
{
    static const struct {
        const char *names[8];
        uint16_t ports[3];
    } known[] = {/* factory settings, from the makers' manuals */
                 {{"velodyne", "vlp", "hdl", "vls", "puck"}, {2368, 8308, 0}},
                 {{"hesai", "pandar", "xt", "qt", "at128", "ot128"}, {2368, 10110, 0}},
                 {{"ouster", "os0", "os1", "os2", "osdome"}, {7502, 7503, 0}},
                 {{"robosense", "helios", "bpearl", "rslidar", "rsm1", "m1"}, {6699, 7788, 0}},
                 {{"livox", "mid360", "hap"}, {56301, 56401, 57000}}};
    for (size_t f = 0; sensor && f < sizeof known / sizeof known[0]; f++)
        for (int i = 0; i < 8 && known[f].names[i]; i++)
            if (glint_decoder_name_has(sensor, known[f].names[i])) {
                for (int k = 0; k < 3 && known[f].ports[k]; k++)
                    s->ports[s->n_ports++] = known[f].ports[k];
                return true;
            }
    return false;
}

int glint_net_check(const struct glint_command *c, struct glint_live_settings *s, const char *sensor)
{
    if (s->n_ports == 0 && !glint_net_default_ports(s, sensor) && !s->pcap)
        return glint_usage_error(c, "which port? --port N, or a sensor's: --sensor NAME");
    if (s->pcap && !s->iface)
        return glint_usage_error(c, "--pcap needs the interface: --iface IF");
    if (s->filter && !s->pcap)
        return glint_usage_error(c, "--filter goes with --pcap");
    return -1;
}

static struct glint_source *volatile running;

static void on_signal(int number)
{
    (void)number;
    if (running)
        glint_source_live_stop(running);
}

static volatile sig_atomic_t hung_up;

static void on_hangup(int number)
{
    (void)number;
    hung_up = 1;
}

bool glint_net_hung_up(void)
{
    const bool was = hung_up;
    hung_up = 0;
    return was;
}

void glint_net_stop_on_signal(struct glint_source *source)
{
    running = source;
    struct sigaction act = {.sa_handler = source ? on_signal : SIG_DFL, .sa_flags = (int)SA_RESETHAND};
    sigaction(SIGINT, &act, NULL);
    sigaction(SIGTERM, &act, NULL);
    if (isatty(STDERR_FILENO) == 1)
        return; /* a terminal that is closed ends the program */
    act = (struct sigaction){.sa_handler = source ? on_hangup : SIG_DFL, .sa_flags = SA_RESTART};
    sigaction(SIGHUP, &act, NULL);
}

void glint_net_warn_buffer(const struct glint_source *source)
{
    struct glint_live_stats s;
    if (!glint_source_live_stats(source, &s) || s.rcvbuf_bytes >= s.rcvbuf_wanted)
        return;
    glint_say(
        "warning: the kernel gives %.1f MiB of socket buffer, %.0f were asked for: a busy moment may lose "
        "packets (they are counted); more: sudo sysctl -w net.core.rmem_max=%lld",
        (double)s.rcvbuf_bytes / 1048576, (double)s.rcvbuf_wanted / 1048576, (long long)s.rcvbuf_wanted);
}

void glint_net_tell_drops(const struct glint_live_stats *s)
{
    if (s->kernel_drops + s->ring_drops + s->truncated == 0)
        return;
    glint_say(
        "packets dropped: %llu by the kernel (socket buffer full: --rcvbuf), %llu here (ring full: --ring), "
        "%llu too long",
        (unsigned long long)s->kernel_drops, (unsigned long long)s->ring_drops,
        (unsigned long long)s->truncated);
}

json_t *glint_net_json(const struct glint_live_stats *s)
{
    json_t *o = json_object();
    json_object_set_new(o, "received", json_integer((json_int_t)s->received));
    json_object_set_new(o, "bytes", json_integer((json_int_t)s->bytes));
    json_object_set_new(o, "kernel_drops", json_integer((json_int_t)s->kernel_drops));
    json_object_set_new(o, "ring_drops", json_integer((json_int_t)s->ring_drops));
    json_object_set_new(o, "truncated", json_integer((json_int_t)s->truncated));
    json_object_set_new(o, "other", json_integer((json_int_t)s->other));
    json_object_set_new(o, "rcvbuf_bytes", json_integer((json_int_t)s->rcvbuf_bytes));
    json_object_set_new(o, "ring_peak_bytes", json_integer((json_int_t)s->ring_peak));
    return o;
}

int glint_net_write_json(json_t *object, const char *path)
{
    char *text = json_dumps(object, JSON_INDENT(2) | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(9));
    json_decref(object);
    if (!text)
        return glint_fail(GLINT_E_NOMEM, "no memory for statistics");
    FILE *out = strcmp(path, "-") == 0 ? stdout : fopen(path, "w");
    bool good = out && fprintf(out, "%s\n", text) > 0;
    free(text);
    if (out && out != stdout)
        good = fclose(out) == 0 && good;
    return good ? GLINT_OK : glint_fail(GLINT_E_IO, "%s: cannot write: %s", path, strerror(errno));
}
