/* tools/cmd_replay.c - a capture back onto the network. */
#define _GNU_SOURCE
#include "io/replay.h"
#include "tools/commands.h"
#include "tools/net_options.h"
#include "tools/shared_options.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { TO = 1, SPEED, RATE, LOOP, LOSS, DUPLICATE, REORDER, SEED };

struct job {
    struct glint_shared_options o;
    const char *input;
    char to[64];
    struct glint_replay_settings settings;
    struct glint_replay_stats stats;
};

static volatile int stop;

static void on_signal(int number)
{
    (void)number;
    stop = 1;
}

/* ADDR, ADDR:PORT or :PORT */
static bool take_to(struct job *j, const char *value)
{
    int32_t port = 0;
    snprintf(j->to, sizeof j->to, "%s", value);
    char *colon = strchr(j->to, ':');
    if (colon && !glint_value_int(j->o.command, "--to", colon + 1, 1, 65535, &port))
        return false;
    if (colon)
        *colon = '\0';
    j->settings.port = (uint16_t)port;
    j->settings.to = *j->to ? j->to : NULL;
    return true;
}

static bool take_double(struct job *j, const char *option, const char *value, double lo, double hi,
                        double *out)
{
    float number;
    if (!glint_value_float(j->o.command, option, value, lo, hi, &number))
        return false;
    *out = (double)number;
    return true;
}

static bool take_whole(struct job *j, const char *option, const char *value, int64_t hi, int32_t *out)
{
    return glint_value_int(j->o.command, option, value, 0, hi, out);
}

static bool take(void *ctx, int key, const char *value)
{
    struct job *j = ctx;
    struct glint_replay_settings *s = &j->settings;
    int32_t whole = 0;
    bool good = true;
    switch (key) {
    case TO:
        return take_to(j, value);
    case SPEED:
        s->speed = 0;
        return strcmp(value, "max") == 0 || take_double(j, "--speed", value, 1e-3, 1e6, &s->speed);
    case RATE:
        return take_double(j, "--rate", value, 1e-3, 1e9, &s->rate);
    case LOOP:
        good = take_whole(j, "--loop", value, INT32_MAX, &whole);
        s->loops = whole;
        return good;
    case LOSS:
        return take_double(j, "--loss", value, 0, 1, &s->loss);
    case DUPLICATE:
        return take_double(j, "--duplicate", value, 0, 1, &s->duplicate);
    case REORDER:
        return take_whole(j, "--reorder", value, 1024, &s->reorder);
    case SEED:
        good = take_whole(j, "--seed", value, INT32_MAX, &whole);
        s->seed = (uint64_t)whole;
        return good;
    default:
        if (j->input)
            glint_usage_error(j->o.command, "one capture at a time: %s and %s", j->input, value);
        good = !j->input;
        j->input = value;
        return good;
    }
}

static int tell(struct job *j)
{
    const struct glint_replay_stats *s = &j->stats;
    const double seconds = (double)s->wall_ns * 1e-9;
    glint_say(
        "%llu packets of %llu sent in %.2f s: %.0f per second, %.1f MB/s; %llu left out, %llu doubled, %llu "
        "reordered, %llu refused",
        (unsigned long long)s->sent, (unsigned long long)s->read, seconds,
        seconds > 0 ? (double)s->sent / seconds : 0, seconds > 0 ? (double)s->bytes / seconds * 1e-6 : 0,
        (unsigned long long)s->lost, (unsigned long long)s->duplicated, (unsigned long long)s->reordered,
        (unsigned long long)s->failed);
    if (!j->o.json_path)
        return GLINT_OK;
    json_t *o = json_object();
    json_object_set_new(o, "command", json_string("replay"));
    json_object_set_new(o, "input", json_string(j->input));
    json_object_set_new(o, "read", json_integer((json_int_t)s->read));
    json_object_set_new(o, "sent", json_integer((json_int_t)s->sent));
    json_object_set_new(o, "bytes", json_integer((json_int_t)s->bytes));
    json_object_set_new(o, "lost", json_integer((json_int_t)s->lost));
    json_object_set_new(o, "duplicated", json_integer((json_int_t)s->duplicated));
    json_object_set_new(o, "reordered", json_integer((json_int_t)s->reordered));
    json_object_set_new(o, "failed", json_integer((json_int_t)s->failed));
    json_object_set_new(o, "wall_s", json_real(seconds));
    json_object_set_new(o, "latest_ms", json_real((double)s->latest_ns * 1e-6));
    return glint_net_write_json(o, j->o.json_path);
}

static int run(const struct glint_command *c, int argc, char **argv)
{
    struct job j = {.settings = {.speed = 1}};
    glint_shared_options_init(&j.o, c);
    int code = glint_shared_options_parse(&j.o, argc, argv, take, &j);
    if (code >= 0)
        return code;
    if (!j.input)
        return glint_usage_error(c, "no capture given");
    if (!glint_shared_options_apart(&j.o, &j.input, 1, NULL, 0))
        return GLINT_EXIT_USAGE;
    struct sigaction act = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    sigaction(SIGINT, &act, NULL);
    sigaction(SIGTERM, &act, NULL);
    int status = glint_replay(j.input, &j.settings, &stop, &j.stats);
    code = status < 0 ? glint_report_failure(status, GLINT_SIDE_INPUT) : GLINT_EXIT_OK;
    if (code != GLINT_EXIT_OK && j.stats.read == 0)
        return code;
    status = tell(&j);
    if (status < 0 && code == GLINT_EXIT_OK)
        code = glint_report_failure(status, GLINT_SIDE_OUTPUT);
    return code;
}

static const struct glint_option options[] = {
    {"--to", "ADDR[:PORT]", "where to (default: 127.0.0.1, the packets' own ports)", TO},
    {"--speed", "X", "times as fast as recorded, or max (default: 1)", SPEED},
    {"--rate", "N", "packets per second, whatever their stamps say", RATE},
    {"--loop", "N", "send the capture N times", LOOP},
    {"--loss", "P", "leave out this share of the packets, 0 to 1", LOSS},
    {"--duplicate", "P", "send this share twice", DUPLICATE},
    {"--reorder", "W", "mix packets within blocks of W", REORDER},
    {"--seed", "N", "of the faults above: the same seed, the same faults", SEED},
    GLINT_OPTION_GROUP(GLINT_OPTIONS_JSON),
    {NULL, NULL, NULL, 0}};

const struct glint_command glint_cmd_replay = {
    "replay",
    "a capture back onto the network, with faults if wanted",
    "CAPTURE [options]",
    "  glint live --sensor vlp16 --duration 20 &\n  glint replay drive.pcap --speed 10 --loss 0.01\n",
    options,
    run};
