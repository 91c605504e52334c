/* tools/cmd_sim.c - a labelled drive through a made-up street, as the packets of any sensor. */
#define _GNU_SOURCE
#include "calib/beam.h"
#include "core/clock.h"
#include "core/cpu.h"
#include "core/log.h"
#include "io/pcap_write.h"
#include "tools/commands.h"
#include "tools/progress.h"
#include "tools/shared_options.h"
#include "tools/sim_files.h"
#include "tools/sim_send.h"
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SENSOR = 1, SEED, SECONDS, OUT, TO, SCENE, TRAFFIC, PEOPLE, WEATHER, THREADS };

#define SENSORS  GLINT_SIM_SENDERS
#define START_NS INT64_C(10000000)            /* of the drive: some lasers fire before their packet's time */
#define EPOCH_NS INT64_C(1735690200000000000) /* 2025-01-01 00:10:00 UTC, but for what is sent at once */
#define PIECE_NS 100000000                    /* cast at once */
#define LEAD_NS  INT64_C(50000000)            /* live: from the first piece to its first packet */

struct mounted {      /* a sensor where it sits */
    const char *spec; /* as given */
    char name[64];    /* "hdl-32e", for files */
    char calib[900];  /* the file that --calib takes when the packets are read; "" */
    struct glint_sim_sensor *sensor;
    struct glint_pose vehicle_from_sensor;
    struct glint_sim_scan *scan;
    struct glint_sim_files files;
    bool has_files;
    struct glint_pcap_writer *writer; /* its own, where there are several sensors */
    int64_t end_packet;               /* of the drive: whole turns */
    int32_t at;                       /* next packet of the piece */
    struct glint_packet packet;       /* of it, made already if has_packet */
    bool has_packet;
    uint8_t *bytes;
    uint64_t n_packets;
};

struct job {
    struct glint_shared_options o;
    struct glint_sim_settings world;
    double seconds;
    float dropout;
    const char *out;
    char to[64];
    int32_t port;
    struct mounted sensors[SENSORS];
    int32_t n_sensors;

    struct glint_sim *sim;
    struct glint_exec exec;
    bool has_exec;
    struct glint_pcap_writer *writer;
    struct glint_sim_send *send;
    bool sends;
    int64_t epoch_ns, end_ns, done_ns;
    int64_t cast_ns;
};

static volatile int stop;

static void on_signal(int number)
{
    (void)number;
    stop = 1;
}

/* ---- options ---- */

/* ADDR or ADDR:PORT */
static bool take_to(struct job *j, const char *value)
{
    snprintf(j->to, sizeof j->to, "%s", value);
    char *colon = strchr(j->to, ':');
    if (colon)
        *colon = '\0';
    if (!*j->to)
        snprintf(j->to, sizeof j->to, "127.0.0.1");
    return !colon || glint_value_int(j->o.command, "--to", colon + 1, 1, 65535, &j->port);
}

/* "rain=4,dropouts=0.05", "dry" */
static bool take_weather(struct job *j, const char *value)
{
    char text[100];
    snprintf(text, sizeof text, "%s", value);
    for (char *rest = text, *word; (word = strsep(&rest, ",")) != NULL;) {
        if (strcmp(word, "dry") == 0)
            j->world.rain_mm_h = 0;
        else if (strncmp(word, "rain=", 5) == 0) {
            if (!glint_value_float(j->o.command, "--weather rain", word + 5, 0, 50, &j->world.rain_mm_h))
                return false;
        } else if (strncmp(word, "dropouts=", 9) == 0) {
            if (!glint_value_float(j->o.command, "--weather dropouts", word + 9, 0, 0.9, &j->dropout))
                return false;
        } else {
            glint_usage_error(j->o.command,
                              "--weather: \"%s\", expected dry, rain=MM_PER_HOUR or dropouts=SHARE", word);
            return false;
        }
    }
    return true;
}

static bool take_scene(struct job *j, const char *value)
{
    const char *names[GLINT_SIM_SCENE_COUNT];
    for (int i = 0; i < GLINT_SIM_SCENE_COUNT; i++) {
        names[i] = glint_sim_scene_name((enum glint_sim_scene)i);
        if (strcmp(names[i], value) == 0) {
            j->world.scene = (enum glint_sim_scene)i;
            return true;
        }
    }
    const char *near = glint_nearest_name(value, names, GLINT_SIM_SCENE_COUNT);
    glint_usage_error(j->o.command,
                      "--scene: \"%s\"%s%s, expected any, urban, residential, rural, parking or square",
                      value, near ? ", did you mean " : "", near ? near : "");
    return false;
}

static bool take_sensor(struct job *j, const char *value)
{
    if (j->n_sensors == SENSORS) {
        glint_usage_error(j->o.command, "at most %d sensors", SENSORS);
        return false;
    }
    j->sensors[j->n_sensors++].spec = value;
    return true;
}

static bool take(void *ctx, int key, const char *value)
{
    struct job *j = ctx;
    int32_t seed = 0;
    float seconds = 0;
    switch (key) {
    case SENSOR:
        return take_sensor(j, value);
    case SEED:
        if (!glint_value_int(j->o.command, "--seed", value, 0, INT32_MAX, &seed))
            return false;
        j->world.seed = (uint64_t)seed;
        return true;
    case SECONDS:
        if (!glint_value_float(j->o.command, "--seconds", value, 0.01, 3590, &seconds))
            return false;
        j->seconds = (double)seconds;
        return true;
    case OUT:
        j->out = value;
        return true;
    case TO:
        return take_to(j, value);
    case SCENE:
        return take_scene(j, value);
    case TRAFFIC:
        return glint_value_float(j->o.command, "--traffic", value, 0, 3, &j->world.traffic);
    case PEOPLE:
        return glint_value_float(j->o.command, "--people", value, 0, 3, &j->world.people);
    case WEATHER:
        return take_weather(j, value);
    case THREADS:
        return glint_value_int(j->o.command, "--threads", value, 1, 256, &j->o.n_threads);
    default:
        glint_usage_error(j->o.command, "there is no input: \"%s\" (--sensor NAME, --out DIR, --to ADDR)",
                          value);
        return false;
    }
}

/* ---- sensors ---- */

/* Sensors that are not told where to sit: on the roof, side by side. */
static struct glint_pose usual_place(const struct glint_sim_sensor *s, int32_t i)
{
    static const double beside[SENSORS][2] = {{0, 0},    {0, 0.7},   {0, -0.7},   {1.2, 0},
                                              {-1.2, 0}, {1.2, 0.7}, {1.2, -0.7}, {-1.2, 0.7}};
    struct glint_pose p = glint_pose_identity();
    p.t[0] = beside[i][0];
    p.t[1] = beside[i][1];
    p.t[2] = (double)s->height_m;
    return p;
}

/* Three numbers or six, by commas. */
static bool read_numbers(const char *text, double v[6])
{
    int n = 0;
    for (char *end; n < 6; text = end + 1) {
        v[n] = strtod(text, &end);
        if (end == text || !(fabs(v[n]) <= (n < 3 ? 20 : 360)))
            return false;
        n++;
        if (*end != ',')
            return *end == '\0' && (n == 3 || n == 6);
    }
    return false;
}

/* x,y,z[,roll,pitch,yaw]: metres from the ground below the middle of the vehicle, degrees. */
static bool read_place(const struct job *j, const char *text, struct glint_pose *out)
{
    double v[6] = {0};
    const double rad = GLINT_PI / 180;
    if (!read_numbers(text, v)) {
        glint_usage_error(j->o.command,
                          "--sensor: \"@%s\", expected @x,y,z or @x,y,z,roll,pitch,yaw (m, degrees)", text);
        return false;
    }
    *out = glint_pose_from_rpy(v[3] * rad, v[4] * rad, v[5] * rad, v);
    return true;
}

/* Of files: letters, digits, dashes; the second of a kind with its number. */
static void name_sensor(struct job *j, struct mounted *m)
{
    const char *from = m->sensor->format->name;
    size_t n = 0;
    for (; *from && n + 8 < sizeof m->name; from++)
        m->name[n++] = (char)((*from >= 'A' && *from <= 'Z') ? *from + 32 : *from == ' ' ? '-' : *from);
    m->name[n] = '\0';
    int32_t same = 0;
    for (const struct mounted *other = j->sensors; other < m; other++)
        same += other->sensor->format == m->sensor->format;
    if (same > 0)
        snprintf(m->name + n, sizeof m->name - n, "-%d", same + 1);
}

/* -1: go on; else the exit code. */
static int open_sensor(struct job *j, int32_t i)
{
    struct mounted *m = &j->sensors[i];
    char name[100];
    snprintf(name, sizeof name, "%s", m->spec);
    char *place = strchr(name, '@');
    if (place)
        *place++ = '\0';
    const int status = glint_sim_sensor_open(name, &m->sensor);
    if (status == GLINT_E_ARG || status == GLINT_E_UNSUPPORTED)
        return glint_usage_error(j->o.command, "--sensor: %s", glint_error_text());
    if (status < 0)
        return glint_report_failure(status, GLINT_SIDE_OUTPUT);
    m->vehicle_from_sensor = usual_place(m->sensor, i);
    if (place && !read_place(j, place, &m->vehicle_from_sensor))
        return GLINT_EXIT_USAGE;
    name_sensor(j, m);
    m->bytes = malloc(GLINT_PACKET_BYTES);
    return m->bytes
               ? -1
               : glint_report_failure(glint_fail(GLINT_E_NOMEM, "no memory for packets"), GLINT_SIDE_OUTPUT);
}

/* Two of one port: the next port is the other's. */
static uint16_t port_of(const struct job *j, int32_t i)
{
    uint16_t port = j->port ? (uint16_t)j->port : j->sensors[i].sensor->format->port;
    for (int32_t k = 0; k < i; k++)
        if (j->sensors[k].scan->settings.port == port) {
            port++;
            k = -1;
        }
    return port;
}

static int32_t points_of_turn(const struct mounted *m)
{
    const struct glint_packet_format *f = m->sensor->format;
    return (int32_t)(INT64_C(115000000) / f->firing_ns + 2 * f->firings) * f->lanes * f->returns;
}

static int open_scan(struct job *j, int32_t i)
{
    struct mounted *m = &j->sensors[i];
    const struct glint_sim_scan_settings settings = {.sensor = m->sensor,
                                                     .vehicle_from_sensor = m->vehicle_from_sensor,
                                                     .start_ns = START_NS,
                                                     .epoch_ns = j->epoch_ns,
                                                     .noise_seed = j->world.seed * SENSORS + (uint64_t)i,
                                                     .dropout = j->dropout,
                                                     .cap_packets =
                                                         PIECE_NS / m->sensor->format->packet_ns + 2,
                                                     .src_ip = 0xc0a801c9u + (uint32_t)i,
                                                     .port = port_of(j, i)};
    GLINT_TRY(glint_sim_scan_open(&settings, &m->scan));
    m->end_packet = glint_sim_sensor_packets(m->sensor, j->seconds);
    const int64_t end_ns = glint_sim_scan_time(m->scan, m->end_packet);
    j->end_ns = end_ns > j->end_ns ? end_ns : j->end_ns;
    return GLINT_OK;
}

/* ---- files of the drive ---- */

/* DIR, or where there are several sensors DIR/vlp-16 of each. */
static void folder_of(const struct job *j, const struct mounted *m, char out[800])
{
    snprintf(out, 800, "%.600s%s%s", j->out, j->n_sensors > 1 ? "/" : "", j->n_sensors > 1 ? m->name : "");
}

/* The calibration that decoders of the packets need, beside them: capture.json ... */
static int write_calibration(const struct job *j, struct mounted *m)
{
    const char *ending = "";
    char folder[800], path[900];
    struct glint_buffer b = {0};
    uint8_t *room = glint_buffer_room(&b, GLINT_PACKET_CALIBRATION);
    if (!room)
        return glint_fail(GLINT_E_NOMEM, "no memory for a calibration");
    b.size = glint_packet_calibration(m->sensor->format, room, &ending);
    folder_of(j, m, folder);
    snprintf(path, sizeof path, "%s/capture%s", folder, ending);
    const int status = b.size > 0 ? glint_output_write(path, &b) : GLINT_OK;
    if (b.size > 0 && strcmp(ending, ".json") != 0) /* Ouster's is found by itself */
        snprintf(m->calib, sizeof m->calib, "%s", path);
    glint_buffer_fini(&b);
    return status;
}

/* Where the sensors sit, from the first one: the frame of poses.csv. */
static int write_extrinsics(const struct job *j)
{
    struct glint_buffer b = {0};
    char path[800];
    const struct glint_pose first = glint_pose_inverse(j->sensors[0].vehicle_from_sensor);
    glint_buffer_text(&b, "# the sensors seen from the first one\nframes:\n");
    for (int32_t i = 0; i < j->n_sensors; i++) {
        const struct glint_pose p = glint_pose_compose(first, j->sensors[i].vehicle_from_sensor);
        char text[400];
        snprintf(
            text, sizeof text,
            "  %s:\n    parent: vehicle\n    translation: [%.6f, %.6f, %.6f]\n    quaternion: [%.9f, %.9f, "
            "%.9f, %.9f]\n",
            j->sensors[i].name, p.t[0] + 0.0, p.t[1] + 0.0, p.t[2] + 0.0, p.q[0], p.q[1], p.q[2], p.q[3]);
        glint_buffer_text(&b, text);
    }
    snprintf(path, sizeof path, "%.600s/extrinsics.yaml", j->out);
    const int status = glint_output_write(path, &b);
    glint_buffer_fini(&b);
    return status;
}

static int open_writer(const char *folder, struct glint_pcap_writer **writer_out)
{
    char path[900];
    snprintf(path, sizeof path, "%s/capture.pcap", folder);
    if (access(path, F_OK) == 0)
        return glint_fail(GLINT_E_IO, "%s is there already: another --out, or remove that folder", path);
    GLINT_TRY(glint_output_parents(path));
    return glint_pcap_writer_open(&(struct glint_pcap_writer_settings){.path = path, .no_sync = true},
                                  writer_out);
}

static int open_files(struct job *j)
{
    char folder[800];
    snprintf(folder, sizeof folder, "%.600s", j->out);
    GLINT_TRY(open_writer(folder, &j->writer));
    for (int32_t i = 0; i < j->n_sensors; i++) {
        struct mounted *m = &j->sensors[i];
        folder_of(j, m, folder);
        if (j->n_sensors > 1)
            GLINT_TRY(open_writer(folder, &m->writer));
        GLINT_TRY(write_calibration(j, m));
        m->has_files = true;
        const int status = glint_sim_files_open(folder, points_of_turn(m), &m->files);
        m->has_files = status == GLINT_OK;
        GLINT_TRY(status);
    }
    return j->n_sensors > 1 ? write_extrinsics(j) : GLINT_OK;
}

/* ---- the drive ---- */

/* Casts each sensor's packets that begin before to_ns. */
static int cast_piece(struct job *j, int64_t to_ns)
{
    const int64_t begun_ns = glint_clock_monotonic_ns();
    for (int32_t i = 0; i < j->n_sensors; i++) {
        struct mounted *m = &j->sensors[i];
        const int64_t first = m->scan->next_packet;
        int64_t next = first;
        while (next < m->end_packet && next - first < m->scan->settings.cap_packets &&
               glint_sim_scan_time(m->scan, next) < to_ns)
            next++;
        GLINT_TRY(glint_sim_scan_cast(m->scan, j->sim, &j->exec, (int32_t)(next - first)));
        m->at = 0;
        m->has_packet = false;
    }
    j->cast_ns += glint_clock_monotonic_ns() - begun_ns;
    return GLINT_OK;
}

/* The sensor whose next packet of the piece is the earliest; NULL: all are taken. */
static struct mounted *earliest(struct job *j)
{
    struct mounted *first = NULL;
    for (int32_t i = 0; i < j->n_sensors; i++) {
        struct mounted *m = &j->sensors[i];
        if (m->at == m->scan->n_packets)
            continue;
        if (!m->has_packet)
            glint_sim_scan_packet(m->scan, m->at, m->bytes, &m->packet);
        m->has_packet = true;
        if (!first || m->packet.stamp_ns < first->packet.stamp_ns)
            first = m;
    }
    return first;
}

static int give_packets(struct job *j)
{
    for (struct mounted *m; !stop && (m = earliest(j)) != NULL;) {
        if (j->writer)
            GLINT_TRY(glint_pcap_writer_write(j->writer, &m->packet));
        if (m->writer)
            GLINT_TRY(glint_pcap_writer_write(m->writer, &m->packet));
        if (j->sends)
            glint_sim_send_packet(j->send, (int32_t)(m - j->sensors), &m->packet, &stop);
        m->has_packet = false;
        m->at++;
        m->n_packets++;
    }
    return GLINT_OK;
}

/* Live: the first piece is cast, its first packet is due in a moment. */
static int begin_sending(struct job *j)
{
    const int64_t first_ns = (glint_clock_utc_ns() + LEAD_NS) / 1000000 * 1000000;
    j->epoch_ns = first_ns - START_NS;
    for (int32_t i = 0; i < j->n_sensors; i++)
        j->sensors[i].scan->settings.epoch_ns = j->epoch_ns;
    return glint_sim_send_open(j->to, j->n_sensors, glint_clock_monotonic_ns() + LEAD_NS, first_ns, &j->send);
}

static int give_piece(struct job *j)
{
    if (j->sends && !j->send)
        GLINT_TRY(begin_sending(j));
    for (int32_t i = 0; i < j->n_sensors; i++)
        if (j->sensors[i].has_files)
            GLINT_TRY(glint_sim_files_take(&j->sensors[i].files, j->sensors[i].scan, j->sim));
    return give_packets(j);
}

static int drive(struct job *j)
{
    struct glint_progress bar;
    int status = GLINT_OK;
    glint_progress_begin(&bar);
    for (j->done_ns = START_NS; status == GLINT_OK && j->done_ns < j->end_ns && !stop;) {
        status = cast_piece(j, j->done_ns + PIECE_NS);
        if (status == GLINT_OK)
            status = give_piece(j);
        j->done_ns = j->done_ns + PIECE_NS < j->end_ns ? j->done_ns + PIECE_NS : j->end_ns;
        glint_progress_update(&bar, (double)(j->done_ns - START_NS) / (double)(j->end_ns - START_NS),
                              j->sensors[0].files.n_frames);
    }
    glint_progress_end(&bar);
    if (j->send && status == GLINT_OK)
        glint_sim_send_drain(j->send, &stop);
    return status;
}

static int close_writer(struct glint_pcap_writer **writer)
{
    const int status = glint_pcap_writer_close(*writer);
    *writer = NULL;
    return status;
}

static int finish_files(struct job *j)
{
    for (int32_t i = 0; i < j->n_sensors; i++) {
        struct mounted *m = &j->sensors[i];
        m->has_files = false;
        GLINT_TRY(glint_sim_files_finish(&m->files, m->scan, j->sim));
        GLINT_TRY(close_writer(&m->writer));
    }
    GLINT_TRY(close_writer(&j->writer));
    return glint_sim_files_motion(j->out, j->sim, j->sensors[0].vehicle_from_sensor, j->epoch_ns, j->done_ns);
}

static int simulate(struct job *j)
{
    for (int32_t i = 0; i < j->n_sensors; i++)
        GLINT_TRY(open_scan(j, i));
    j->world.seconds = fmax(1, (double)j->end_ns * 1e-9 + 0.5);
    GLINT_TRY(glint_sim_open(&j->world, &j->sim));
    if (j->out)
        GLINT_TRY(open_files(j));
    GLINT_TRY(drive(j));
    return j->out ? finish_files(j) : GLINT_OK;
}

static void close_all(struct job *j)
{
    for (int32_t i = 0; i < j->n_sensors; i++) {
        struct mounted *m = &j->sensors[i];
        if (m->has_files)
            glint_sim_files_fini(&m->files);
        glint_pcap_writer_close(m->writer);
        glint_sim_scan_close(m->scan);
        glint_sim_sensor_close(m->sensor);
        free(m->bytes);
    }
    glint_pcap_writer_close(j->writer);
    glint_sim_send_close(j->send);
    if (j->has_exec)
        glint_exec_fini(&j->exec);
    glint_sim_close(j->sim);
}

static void tell(const struct job *j, int64_t wall_ns)
{
    const double drive_s = (double)(j->done_ns - START_NS) * 1e-9,
                 wall_s = fmax((double)wall_ns * 1e-9, 1e-9);
    for (int32_t i = 0; i < j->n_sensors; i++) {
        const struct mounted *m = &j->sensors[i];
        const double n = fmax((double)m->files.n_frames, 1);
        glint_say("%s: %llu packets to port %u", m->sensor->format->name, (unsigned long long)m->n_packets,
                  m->scan->settings.port);
        if (j->out)
            glint_say("%s: %llu frames, in each %.0f points and %.1f objects", m->sensor->format->name,
                      (unsigned long long)m->files.n_frames, (double)m->files.n_points / n,
                      (double)m->files.n_boxes / n);
        if (*m->calib)
            glint_say("%s: its packets are read with --calib %s", m->sensor->format->name, m->calib);
    }
    if (j->send) {
        const struct glint_sim_send_stats sent = glint_sim_send_stats(j->send);
        glint_say("%llu packets sent to %s, %llu refused, the latest %.1f ms after its time",
                  (unsigned long long)sent.sent, j->to, (unsigned long long)sent.failed,
                  (double)sent.latest_ns * 1e-6);
    }
    glint_say("%.1f s of a drive in %.1f s, %.1f times real time (casting %.0f %%)%s%s", drive_s, wall_s,
              drive_s / wall_s, 100 * (double)j->cast_ns * 1e-9 / wall_s, j->out ? ": " : "",
              j->out ? j->out : "");
}

/* -1: go on; else the exit code. */
static int prepare(struct job *j, int argc, char **argv)
{
    int code = glint_shared_options_parse(&j->o, argc, argv, take, j);
    if (code >= 0)
        return code;
    j->sends = *j->to != '\0';
    if (!j->out && !j->sends)
        return glint_usage_error(j->o.command, "nothing to do: --out DIR, --to ADDR, or both");
    if (j->out && strchr(j->out, '%'))
        return glint_usage_error(j->o.command, "--out %s: a folder, without %%", j->out);
    if (j->n_sensors == 0)
        take_sensor(j, "hdl32e");
    for (int32_t i = 0; i < j->n_sensors; i++)
        if ((code = open_sensor(j, i)) >= 0)
            return code;
    j->epoch_ns = EPOCH_NS;
    const int status = glint_exec_init(&j->exec, glint_cpu_isa(), j->o.n_threads, 16 << 20);
    j->has_exec = status == GLINT_OK;
    return status < 0 ? glint_report_failure(status, GLINT_SIDE_OUTPUT) : -1;
}

static int run(const struct glint_command *c, int argc, char **argv)
{
    struct job j = {.world = glint_sim_default_settings(), .seconds = 10};
    glint_shared_options_init(&j.o, c);
    int code = prepare(&j, argc, argv);
    if (code < 0) {
        struct sigaction act = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
        sigaction(SIGINT, &act, NULL);
        sigaction(SIGTERM, &act, NULL);
        const int64_t begun_ns = glint_clock_monotonic_ns();
        const int status = simulate(&j);
        code = status == GLINT_E_ARG ? glint_usage_error(c, "%s", glint_error_text())
               : status < 0          ? glint_report_failure(status, GLINT_SIDE_OUTPUT)
                                     : GLINT_EXIT_OK;
        if (code == GLINT_EXIT_OK)
            tell(&j, glint_clock_monotonic_ns() - begun_ns);
    }
    close_all(&j);
    return code;
}

static const struct glint_option options[] = {
    {"--sensor", "NAME[@AT]",
     "which, may repeat (default: hdl32e); AT: x,y,z[,roll,pitch,yaw], m above the ground, degrees", SENSOR},
    {"--seed", "N", "another street (default: 0); the same seed, the same bytes", SEED},
    {"--seconds", "S", "of the drive, in whole turns (default: 10)", SECONDS},
    {"--out", "DIR", "capture.pcap, frames, masks, labels.jsonl, poses.csv, imu.csv, calibration", OUT},
    {"--to", "ADDR[:PORT]", "send the packets as the sensor would, now (default port: the sensor's)", TO},
    {"--scene", "KIND", "any, urban, residential, rural, parking, square (default: any)", SCENE},
    {"--traffic", "X", "0 none, 1 usual, 3 dense (default: as the seed has it)", TRAFFIC},
    {"--people", "X", "likewise, pedestrians and riders", PEOPLE},
    {"--weather", "LIST", "dry, rain=MM_PER_HOUR, dropouts=SHARE, by commas (default: dry)", WEATHER},
    {"--threads", "N", "threads (default: the cores)", THREADS},
    {NULL, NULL, NULL, 0}};

const struct glint_command glint_cmd_sim = {
    "sim",
    "a labelled street scene as any sensor's packets: files, or live",
    "--out DIR | --to ADDR[:PORT] [options]",
    "  glint sim --sensor os1-64 --seed 7 --seconds 20 --out drive\n"
    "  glint run drive/capture.pcap --out drive/%06d.png\n"
    "  glint sim --sensor vlp16 --sensor hdl32e@0.5,0,2.1 --seconds 600 --to 127.0.0.1\n",
    options,
    run};
