/* tools/motion.c - see motion.h. */
#include "tools/motion.h"
#include "calib/extrinsics.h"
#include "glint/status.h"
#include "tools/shared_options.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One of the words; false after a line. */
static bool take_word(const struct glint_command *c, const char *option, const char *value,
                      const char *const *words, int n, int *out)
{
    char list[128] = "";
    for (*out = 0; *out < n; ++*out) {
        if (strcmp(words[*out], value) == 0)
            return true;
        const size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s", *out ? ", " : "", words[*out]);
    }
    glint_usage_error(c, "%s %s: expected one of %s", option, value, list);
    return false;
}

/* Six numbers, or two: forward speed and turn to the left. */
static bool take_twist(struct glint_motion_options *m, const struct glint_command *c, const char *value)
{
    double v[6];
    char end;
    const int n = sscanf(value, "%lf,%lf,%lf,%lf,%lf,%lf%c", &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &end);
    m->has_twist = true;
    if (n == 6) {
        memcpy(m->twist.v_m, v, sizeof m->twist.v_m);
        memcpy(m->twist.w_rad, v + 3, sizeof m->twist.w_rad);
        return true;
    }
    if (sscanf(value, "%lf,%lf%c", &v[0], &v[1], &end) == 2) {
        m->twist = (struct glint_motion){{v[0], 0, 0}, {0, 0, v[1]}};
        return true;
    }
    glint_usage_error(c, "--twist %s: expected VX,VY,VZ,WX,WY,WZ or VX,WZ", value);
    return false;
}

/* ADDR, ADDR:PORT or :PORT */
static bool take_place(struct glint_pipeline_merge_sensor *sensor, const char *text)
{
    char address[20];
    struct in_addr ip;
    unsigned port = 0;
    char end;
    const size_t n = strcspn(text, ":");
    if (n >= sizeof address || (text[n] && (sscanf(text + n, ":%5u%c", &port, &end) != 1 || port > 65535)))
        return false;
    snprintf(address, sizeof address, "%.*s", (int)n, text);
    if (n > 0 && inet_pton(AF_INET, address, &ip) != 1)
        return false;
    sensor->src_ip = n > 0 ? ntohl(ip.s_addr) : 0;
    sensor->port = (uint16_t)port;
    return sensor->src_ip != 0 || port != 0;
}

static bool take_name(struct glint_motion_options *m, char *text)
{
    struct glint_pipeline_merge *g = &m->merge;
    if (!text[0] || g->n_sensors == GLINT_PIPELINE_MERGE)
        return false;
    struct glint_pipeline_merge_sensor *sensor = &g->sensor[g->n_sensors];
    *sensor = (struct glint_pipeline_merge_sensor){.name = text, .input = -1};
    g->n_sensors++;
    char *place = strchr(text, '=');
    if (!place)
        return true;
    *place = '\0';
    return place > text && take_place(sensor, place + 1);
}

static bool take_names(struct glint_motion_options *m, const struct glint_command *c, const char *value)
{
    bool good = strlen(value) < sizeof m->names;
    m->merge.n_sensors = 0;
    snprintf(m->names, sizeof m->names, "%s", value);
    for (char *at = m->names, *end; at && good; at = end) {
        end = strchr(at, ',');
        if (end)
            *end++ = '\0';
        good = take_name(m, at);
    }
    if (!good)
        glint_usage_error(c,
                          "--merge %s: expected A,B,...: 1 to %d frames of sensors, each alone or with the "
                          "address and port of its packets: A=192.168.1.201:2368",
                          value, GLINT_PIPELINE_MERGE);
    return good;
}

bool glint_motion_take(struct glint_motion_options *m, const struct glint_command *c, int key,
                       const char *value)
{
    static const char *const moments[] = {"off", "start", "middle", "end"}; /* as enum glint_deskew */
    static const char *const ways[] = {"se3", "linear"};
    int word = 0;
    switch (key) {
    case GLINT_KEY_POSES:
        m->poses_path = value;
        return true;
    case GLINT_KEY_POSE_TIMES:
        m->times_path = value;
        return true;
    case GLINT_KEY_TWIST:
        return take_twist(m, c, value);
    case GLINT_KEY_DESKEW:
        m->has_deskew = take_word(c, "--deskew", value, moments, 4, &word);
        m->deskew = (enum glint_deskew)word;
        return m->has_deskew;
    case GLINT_KEY_BETWEEN:
        if (!take_word(c, "--between", value, ways, 2, &word))
            return false;
        m->linear = word == 1;
        return true;
    case GLINT_KEY_EXTRINSICS:
        m->extrinsics_path = value;
        return true;
    case GLINT_KEY_FRAME:
        m->frame = value;
        return true;
    case GLINT_KEY_MERGE:
        return take_names(m, c, value);
    case GLINT_KEY_DEADLINE:
        return glint_value_int(c, "--deadline", value, 1, 60000, &m->deadline_ms);
    default:
        return glint_value_int(c, "--stack", value, 1, GLINT_PIPELINE_STACK, &m->stack);
    }
}

/* Which packets are a sensor's: those of its input, its address, its port. */
static int place_sensors(struct glint_motion_options *m, const struct glint_command *c, int32_t n_inputs,
                         const struct glint_live_settings *net)
{
    struct glint_pipeline_merge *g = &m->merge;
    int32_t n_placed = 0;
    for (int32_t i = 0; i < g->n_sensors; i++)
        n_placed += g->sensor[i].src_ip != 0 || g->sensor[i].port != 0;
    if (n_placed == g->n_sensors && n_inputs <= 1)
        return 0;
    if (n_placed > 0)
        return glint_usage_error(c,
                                 "--merge: addresses are for all sensors of the network or of one capture");
    if (n_inputs > 0 && g->n_sensors != n_inputs)
        return glint_usage_error(c, "--merge names %d sensors, but there are %d inputs", g->n_sensors,
                                 n_inputs);
    if (n_inputs == 0 && g->n_sensors != net->n_ports)
        return glint_usage_error(c, "--merge: which packets are whose? As many --port as sensors, or "
                                    "NAME=ADDRESS, NAME=:PORT");
    for (int32_t i = 0; i < g->n_sensors; i++)
        if (n_inputs > 0)
            g->sensor[i].input = i;
        else
            g->sensor[i].port = net->ports[i];
    return 0;
}

/* A configuration tells the sensors' poses. */
static bool has_mounts(const struct glint_motion_options *m)
{
    for (int32_t i = 0; i < m->merge.n_sensors; i++)
        if (!m->merge.sensor[i].mount)
            return false;
    return true;
}

static int check(const struct glint_motion_options *m, const struct glint_command *c)
{
    const bool poses = m->poses_path || m->has_twist;
    if (m->poses_path && m->has_twist)
        return glint_usage_error(c, "--poses and --twist: one of them expected");
    if (m->times_path && !m->poses_path)
        return glint_usage_error(c, "--pose-times goes with --poses");
    if (!poses && m->has_deskew && m->deskew != GLINT_DESKEW_OFF)
        return glint_usage_error(c, "--deskew needs --poses FILE or --twist V");
    if (!poses && m->stack > 1)
        return glint_usage_error(c,
                                 "--stack needs --poses FILE or --twist V (0,0 for a vehicle that stands)");
    if (m->frame && !m->extrinsics_path)
        return glint_usage_error(c, "--frame goes with --extrinsics FILE");
    if (glint_motion_merges(m) && !m->extrinsics_path && !has_mounts(m))
        return glint_usage_error(c, "--merge goes with --extrinsics FILE");
    if (glint_motion_merges(m) && m->frame)
        return glint_usage_error(c, "--merge names the frames, --frame is for a single sensor");
    if (m->deadline_ms > 0 && !glint_motion_merges(m))
        return glint_usage_error(c, "--deadline goes with --merge (--frame-deadline is that of results)");
    return 0;
}

static int open_trajectory(struct glint_motion_options *m)
{
    int status = GLINT_OK;
    if (m->has_twist)
        status = glint_trajectory_from_twist(m->twist, &m->trajectory);
    else if (m->poses_path)
        status = glint_trajectory_load(m->poses_path, m->times_path, &m->trajectory);
    if (status == GLINT_OK && m->trajectory)
        m->trajectory->how = m->linear ? GLINT_INTERPOLATE_LINEAR : GLINT_INTERPOLATE_SE3;
    return status;
}

static int open_mount(struct glint_motion_options *m, const struct glint_command *c)
{
    if (!m->extrinsics_path)
        return 0;
    struct glint_extrinsics *e = calloc(1, sizeof *e);
    int code = 0, status = e ? glint_extrinsics_load(m->extrinsics_path, e) : GLINT_E_NOMEM;
    const char *frame = m->frame;
    for (int32_t i = 0; i < m->merge.n_sensors && status == GLINT_OK; i++) {
        if (m->merge.sensor[i].mount)
            continue;
        status = glint_extrinsics_between(e, m->merge.sensor[i].name, e->frame[0].name, &m->merge_mount[i]);
        m->merge.sensor[i].mount = &m->merge_mount[i];
    }
    if (glint_motion_merges(m))
        frame = e ? e->frame[0].name : NULL; /* then points are in the vehicle's frame */
    if (status == GLINT_OK && !frame && e->n == 2)
        frame = e->frame[1].name;
    if (status == GLINT_OK && !frame)
        code = glint_usage_error(c, "%s has %d frames: --frame NAME says which is the sensor's",
                                 m->extrinsics_path, e->n);
    else if (status == GLINT_OK)
        status = glint_extrinsics_between(e, frame, e->frame[0].name, &m->mount);
    if (status < 0)
        code = glint_report_failure(status, GLINT_SIDE_INPUT);
    m->has_mount = code == 0 && !glint_motion_merges(m);
    free(e);
    return code;
}

int glint_motion_open(struct glint_motion_options *m, const struct glint_command *c, int32_t n_inputs,
                      const struct glint_live_settings *net)
{
    int code = check(m, c);
    if (code == 0 && glint_motion_merges(m))
        code = place_sensors(m, c, n_inputs, net);
    if (code)
        return code;
    m->merge.deadline_ns = m->deadline_ms * INT64_C(1000000);
    const int status = open_trajectory(m);
    if (status < 0)
        return glint_report_failure(status, GLINT_SIDE_INPUT);
    if (m->trajectory && !m->has_deskew)
        m->deskew = GLINT_DESKEW_MIDDLE;
    return open_mount(m, c);
}

void glint_motion_close(struct glint_motion_options *m)
{
    glint_trajectory_close(m->trajectory);
    m->trajectory = NULL;
}

void glint_motion_set(const struct glint_motion_options *m, struct glint_pipeline_settings *settings)
{
    if (!m)
        return;
    settings->poses = m->trajectory;
    settings->mount = m->has_mount ? &m->mount : NULL;
    settings->deskew = m->trajectory ? m->deskew : GLINT_DESKEW_OFF;
    settings->stack = m->stack;
}

int32_t glint_motion_cap_points(const struct glint_motion_options *m, int32_t cap_points)
{
    const int32_t n = m && m->stack > 1 ? m->stack : 1;
    return cap_points > INT32_MAX / n ? INT32_MAX : cap_points * n;
}
