/* tools/service_options.c - see service_options.h. */
#define _GNU_SOURCE
#include "tools/service_options.h"
#include "tools/net_options.h"
#include "tools/shared_options.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#define CAP_IPC_LOCK_BIT 14 /* linux/capability.h */
#define CAP_SYS_NICE_BIT 23

/* ---- taking ---- */

/* "2-5,7" */
static bool parse_cpus(const char *text, cpu_set_t *out)
{
    CPU_ZERO(out);
    for (const char *at = text; *at;) {
        char *end;
        const long from = strtol(at, &end, 10);
        long to = from;
        if (end == at || from < 0)
            return false;
        if (*end == '-') {
            at = end + 1;
            to = strtol(at, &end, 10);
            if (end == at)
                return false;
        }
        if (to < from || to >= CPU_SETSIZE || (*end && *end != ','))
            return false;
        for (long i = from; i <= to; i++)
            CPU_SET((size_t)i, out);
        at = *end ? end + 1 : end;
    }
    return CPU_COUNT(out) > 0;
}

static bool take_cpus(struct glint_service_options *s, const struct glint_command *c, const char *value)
{
    s->has_cpus = parse_cpus(value, &s->cpus);
    if (!s->has_cpus)
        glint_usage_error(c, "--cpus %s: expected CPU numbers such as 2-5,7", value);
    return s->has_cpus;
}

bool glint_service_take(struct glint_service_options *s, const struct glint_command *c, int key,
                        const char *value)
{
    int32_t cpu = 0;
    switch (key) {
    case GLINT_KEY_CONFIG:
        return true; /* read before */
    case GLINT_KEY_CHECK_CONFIG:
        return s->check = true;
    case GLINT_KEY_RECORD:
        s->record_path = value;
        return true;
    case GLINT_KEY_PRIORITY:
        return glint_value_int(c, "--priority", value, 2, 98, &s->priority);
    case GLINT_KEY_CPUS:
        return take_cpus(s, c, value);
    case GLINT_KEY_RECEIVE_CPU:
        if (!glint_value_int(c, "--receive-cpu", value, 0, CPU_SETSIZE - 1, &cpu))
            return false;
        s->receive_cpu_plus_1 = cpu + 1;
        return true;
    default:
        return s->lock_memory = true;
    }
}

/* ---- the configuration ---- */

static const char *find_path(int argc, char **argv, bool *bare_out)
{
    const char *path = NULL;
    *bare_out = false;
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strncmp(argv[i], "--config=", 9) == 0)
            path = argv[i] + 9;
        else if (strcmp(argv[i], "--config") == 0 && i + 1 < argc)
            path = argv[++i];
        else
            *bare_out = *bare_out || strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0;
    return path;
}

int glint_service_load(struct glint_service_options *s, const struct glint_command *c, int argc, char **argv,
                       bool (*take)(void *ctx, int key, const char *value), void *ctx)
{
    bool help;
    if (!glint_command_option(c, "--config"))
        return 0;
    s->config_path = find_path(argc, argv, &help);
    if (!s->config_path || help)
        return 0;
    return glint_car_config_load(s->config_path, c, take, ctx, &s->config);
}

void glint_service_options_close(struct glint_service_options *s)
{
    glint_car_config_close(s->config);
    s->config = NULL;
}

static int wrong_sensor(const struct glint_service_options *s, const struct glint_car_sensor *sensor,
                        const char *what)
{
    glint_say("%s:%lu: sensor %s: %s", s->config_path, sensor->line, sensor->place.name, what);
    return GLINT_EXIT_INPUT;
}

static bool has_port(const struct glint_live_settings *net, uint16_t port)
{
    for (int32_t i = 0; i < net->n_ports; i++)
        if (net->ports[i] == port)
            return true;
    return false;
}

/* Its own port and group; without a port the factory's. */
static int apply_network(struct glint_shared_options *o, const struct glint_car_sensor *sensor)
{
    struct glint_live_settings *net = &o->net;
    const uint16_t port = sensor->place.port;
    if (port != 0 && !has_port(net, port)) {
        if (net->n_ports == GLINT_LIVE_PORTS)
            return wrong_sensor(&o->service, sensor, "too many ports");
        net->ports[net->n_ports++] = port;
    }
    if (port == 0 && net->n_ports == 0 && !glint_net_default_ports(net, sensor->place.sensor))
        return wrong_sensor(&o->service, sensor, "which port are its packets sent to?");
    if (!sensor->group)
        return 0;
    for (int32_t i = 0; i < net->n_groups; i++)
        if (strcmp(net->groups[i], sensor->group) == 0)
            return 0;
    if (net->n_groups == GLINT_LIVE_GROUPS)
        return wrong_sensor(&o->service, sensor, "too many groups");
    net->groups[net->n_groups++] = sensor->group;
    return 0;
}

/* The names of --merge without an address are the configuration's sensors. */
static int apply_merge(struct glint_shared_options *o)
{
    const struct glint_car_config *config = o->service.config;
    struct glint_motion_options *m = &o->motion;
    for (int32_t i = 0; i < m->merge.n_sensors; i++) {
        struct glint_pipeline_merge_sensor *wanted = &m->merge.sensor[i];
        const struct glint_car_sensor *found = NULL;
        for (int32_t k = 0; k < config->n_sensors; k++)
            if (strcmp(config->sensor[k].place.name, wanted->name) == 0)
                found = &config->sensor[k];
        if (!found) {
            glint_say("%s: merge: no sensor %s: there are %s", o->service.config_path, wanted->name,
                      config->names);
            return GLINT_EXIT_INPUT;
        }
        wanted->src_ip = found->place.src_ip;
        wanted->port = found->place.port;
        m->merge_mount[i] = found->pose;
        wanted->mount = found->has_pose ? &m->merge_mount[i] : NULL;
        if (!found->has_pose && !m->extrinsics_path)
            return wrong_sensor(&o->service, found,
                                "merged without a pose: translation and rotation_rpy_deg");
    }
    return 0;
}

/* One sensor's pose is that of all points; several without merging have one only if they are mounted alike.
 */
static int apply_mount(struct glint_shared_options *o)
{
    const struct glint_car_config *config = o->service.config;
    if (config->n_sensors > 1) {
        for (int32_t i = 0; i < config->n_sensors; i++)
            if (config->sensor[i].has_pose)
                return wrong_sensor(&o->service, &config->sensor[i],
                                    "several sensors with poses want merge: all");
        return 0;
    }
    if (config->sensor[0].has_pose && o->motion.extrinsics_path)
        return wrong_sensor(&o->service, &config->sensor[0],
                            "a pose, and extrinsics beside it: one of the two");
    if (o->motion.extrinsics_path && !o->motion.frame)
        o->motion.frame = config->sensor[0].place.name;
    o->motion.has_mount = config->sensor[0].has_pose;
    o->motion.mount = config->sensor[0].pose;
    return 0;
}

int glint_service_apply(struct glint_shared_options *o)
{
    struct glint_service_options *s = &o->service;
    if (s->has_cpus && !o->threads_given)
        o->n_threads = CPU_COUNT(&s->cpus);
    o->net.priority = s->priority;
    o->net.cpu_plus_1 = s->receive_cpu_plus_1;
    if (!s->config || s->config->n_sensors == 0)
        return 0;
    if (o->sensor || o->calib) {
        glint_say("%s: sensors, and --sensor or --calib beside them: one of the two expected",
                  s->config_path);
        return GLINT_EXIT_INPUT;
    }
    for (int32_t i = 0; i < s->config->n_sensors; i++) {
        const int code = apply_network(o, &s->config->sensor[i]);
        if (code)
            return code;
        s->place[s->n_places++] = s->config->sensor[i].place;
    }
    return glint_motion_merges(&o->motion) ? apply_merge(o) : apply_mount(o);
}

/* ---- the kernel's permission ---- */

int32_t glint_service_priority_limit(void)
{
    struct rlimit limit;
    if (glint_has_capability(CAP_SYS_NICE_BIT))
        return 99;
    return getrlimit(RLIMIT_RTPRIO, &limit) == 0 ? (limit.rlim_cur < 99 ? (int32_t)limit.rlim_cur : 99) : 0;
}

uint64_t glint_service_lock_limit(void)
{
    struct rlimit limit;
    if (glint_has_capability(CAP_IPC_LOCK_BIT) || getrlimit(RLIMIT_MEMLOCK, &limit) != 0 ||
        limit.rlim_cur == RLIM_INFINITY)
        return UINT64_MAX;
    return limit.rlim_cur;
}

static int enter_cpus(const struct glint_service_options *s)
{
    if (!s->has_cpus || sched_setaffinity(0, sizeof s->cpus, &s->cpus) == 0)
        return 0;
    glint_say(
        "--cpus: these CPUs cannot be taken: %s (nproc, taskset -p $$ and the cpuset of the service tell "
        "which there are)",
        strerror(errno));
    return GLINT_EXIT_DEVICE;
}

/* The receive thread is raised by one when it starts (io/source_live). Threads take over what their maker
 * has.
 */
static int enter_priority(const struct glint_service_options *s)
{
    const struct sched_param param = {.sched_priority = s->priority - 1};
    if (s->priority == 0)
        return 0;
    if (s->priority <= glint_service_priority_limit() && sched_setscheduler(0, SCHED_FIFO, &param) == 0)
        return 0;
    glint_say("--priority %d: real-time priority is not permitted here (limit %d): LimitRTPRIO=%d in the "
              "service's unit, \"rtprio %d\" in /etc/security/limits.d, or setcap cap_sys_nice+ep",
              s->priority, glint_service_priority_limit(), s->priority, s->priority);
    return GLINT_EXIT_DEVICE;
}

/* Pages are locked as they are touched: room that is reserved for what never comes costs nothing. */
static int enter_memory(const struct glint_service_options *s)
{
    if (!s->lock_memory || mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0)
        return 0;
    glint_say(
        "--lock-memory: not permitted here: %s (limit %llu KiB): LimitMEMLOCK=infinity in the service's "
        "unit, \"memlock unlimited\" in /etc/security/limits.d",
        strerror(errno), (unsigned long long)(glint_service_lock_limit() >> 10));
    return GLINT_EXIT_DEVICE;
}

int glint_service_enter(const struct glint_service_options *s)
{
    int code = enter_cpus(s);
    code = code ? code : enter_priority(s);
    return code ? code : enter_memory(s);
}
