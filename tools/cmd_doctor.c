/* tools/cmd_doctor.c - what this machine has, what is missing, and how to get it. */
#define _GNU_SOURCE
#include "core/cpu.h"
#include "core/device.h"
#include "core/status.h"
#include "tools/commands.h"
#include "tools/places.h"
#include "tools/service_options.h"
#include <dirent.h>
#include <jansson.h>
#include <pcap/pcap.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <yaml.h>
#include <zlib.h>

#define WANTED_SOCKET_BYTES 33554432 /* what live and record ask for: --rcvbuf */
#define CAP_NET_RAW_BIT     13       /* CAP_NET_RAW of linux/capability.h */

static void line(const char *what, const char *text)
{
    printf("%-16s %s\n", what, text);
}

/* The first line of a small file; false when it is not there. */
static bool first_line(const char *path, char *out, size_t size)
{
    FILE *f = fopen(path, "r");
    const bool good = f && fgets(out, (int)size, f);
    if (f)
        fclose(f);
    if (good)
        out[strcspn(out, "\n")] = 0;
    return good;
}

/* A member of /proc/meminfo in MiB, 0 when unknown. */
static long memory_mib(const char *name)
{
    FILE *f = fopen("/proc/meminfo", "r");
    char text[128];
    long kib = 0;
    while (f && !kib && fgets(text, sizeof text, f))
        if (strncmp(text, name, strlen(name)) == 0 && text[strlen(name)] == ':')
            kib = strtol(text + strlen(name) + 1, NULL, 10);
    if (f)
        fclose(f);
    return kib / 1024;
}

static void show_machine(void)
{
    struct utsname name;
    char text[512], isa[64];
    line("glint", GLINT_VERSION ", " GLINT_BUILD_TYPE);
    line("compiler", __VERSION__);
    if (uname(&name) == 0) {
        snprintf(text, sizeof text, "%.60s %.60s %.60s", name.sysname, name.release, name.machine);
        line("system", text);
    }
    line("processor", glint_cpu_name());
    snprintf(text, sizeof text, "%d usable by this process", glint_cpu_count());
    line("cores", text);
    snprintf(isa, sizeof isa, "%s", glint_cpu_isa_name(glint_cpu_isa()));
    const char *mask = getenv("GLINT_ISA");
    snprintf(text, sizeof text, "%s%s%.40s%s", isa, mask ? " (GLINT_ISA=" : "", mask ? mask : "",
             mask ? ")" : "");
    line("instructions", text);
    snprintf(text, sizeof text, "%ld MiB, %ld MiB available", memory_mib("MemTotal"),
             memory_mib("MemAvailable"));
    line("memory", text);
}

static void show_libraries(void)
{
    char text[128];
    snprintf(text, sizeof text, "%.100s", pcap_lib_version());
    line("libpcap", text);
    line("zlib", zlibVersion());
    line("libpng", png_get_libpng_ver(NULL));
    line("jansson", JANSSON_VERSION);
    line("libyaml", yaml_get_version_string());
    line("protobuf-c",
         GLINT_BUILT_WITH_PROTOBUF_C
             ? "built in: Waymo's TFRecord files"
             : "left out: no TFRecord files (libprotobuf-c-dev protobuf-c-compiler, then build again)");
    line("libdeflate", GLINT_BUILT_WITH_LIBDEFLATE
                           ? "built in"
                           : "left out: Waymo's files at half the speed (libdeflate-dev, then build again)");
    line("zstd, lz4", GLINT_BUILT_WITH_ZSTD && GLINT_BUILT_WITH_LZ4 ? "built in: chunks of .mcap files"
                      : GLINT_BUILT_WITH_ZSTD ? "only zstd built in: no .mcap files with lz4 (liblz4-dev)"
                      : GLINT_BUILT_WITH_LZ4
                          ? "only lz4 built in: no .mcap files with zstd (libzstd-dev)"
                          : "left out: .mcap files without compression (libzstd-dev liblz4-dev)");
    line("Cyclone DDS", GLINT_BUILT_WITH_CYCLONEDDS
                            ? "built in: ROS 2 topics on the network (--out dds:DOMAIN)"
                            : "left out: no ROS 2 topics on the network (cyclonedds-dev, then build again)");
    line("SQLite", GLINT_BUILT_WITH_SQLITE3 ? "built in: rosbag2's .db3 files"
                                            : "left out: no .db3 files (libsqlite3-dev, then build again)");
    line("MPI", GLINT_BUILT_WITH_MPI
                    ? "built in: mpirun -n N glint eval"
                    : "left out: eval runs in one process (libopenmpi-dev, then build again)");
    line("libwebsockets", GLINT_BUILT_WITH_LIBWEBSOCKETS
                              ? "built in: glint serve, glint view"
                              : "left out: no page, no Foxglove (libwebsockets-dev, then build again)");
    line("probes", GLINT_BUILT_WITH_SDT ? "built in: usdt:glint for bpftrace and perf (docs/TRACING.md)"
                                        : "left out (systemtap-sdt-dev, then build again)");
}

/* A device that opens, with what it has; else why not. */
static void show_device(int index)
{
    struct glint_device *device;
    struct glint_device_info info;
    char what[16], text[512];
    snprintf(what, sizeof what, "cuda:%d", index);
    if (glint_device_open(index, &device) < 0) {
        line(what, glint_error_text());
        return;
    }
    if (glint_device_describe(device, &info) < 0) {
        line(what, glint_error_text());
    } else {
        snprintf(text, sizeof text,
                 "%s, sm_%d, %d multiprocessors, %llu MiB, %llu MiB free, driver for CUDA %d.%d", info.name,
                 info.arch, info.n_multiprocessors, (unsigned long long)(info.total_bytes >> 20),
                 (unsigned long long)(info.free_bytes >> 20), info.driver / 1000, info.driver % 1000 / 10);
        line(what, text);
    }
    glint_device_close(device);
}

static void show_gpu(void)
{
    char text[512];
    struct stat st;
    int n = 0;
    if (first_line("/proc/driver/nvidia/version", text, sizeof text))
        line("NVIDIA driver", text);
    else
        line("NVIDIA driver",
             stat("/dev/nvidiactl", &st) == 0 ? "a device without a driver that answers" : "none");
    if (!glint_device_toolkit()[0]) {
        line("CUDA", "left out: the CPU only (CUDA toolkit with nvcc, then build again)");
        return;
    }
    line("CUDA", glint_device_toolkit());
    if (glint_device_count(&n) < 0)
        line("GPU", glint_error_text());
    else if (n == 0)
        line("GPU", "none that CUDA finds");
    if (n == 0)
        line("", "--device auto and cpu run on the CPU");
    for (int i = 0; i < n; i++)
        show_device(i);
}

/* Returns whether the limit is too small. */
static bool show_sockets(void)
{
    char text[64], most[160];
    if (!first_line("/proc/sys/net/core/rmem_max", text, sizeof text)) {
        line("socket buffer", "net.core.rmem_max unknown");
        return false;
    }
    const long bytes = strtol(text, NULL, 10);
    snprintf(most, sizeof most, "net.core.rmem_max = %ld%s", bytes,
             bytes < WANTED_SOCKET_BYTES ? " (small for live sensors)" : "");
    line("socket buffer", most);
    return bytes < WANTED_SOCKET_BYTES;
}

/* live and record --pcap listen below the sockets, which needs a right of its own. */
static void show_capture_right(void)
{
    line("raw capture",
         glint_has_capability(CAP_NET_RAW_BIT)
             ? "permitted"
             : "not permitted; only --pcap needs it: sudo setcap cap_net_raw+ep $(which glint)");
}

/* What a service may ask for: --priority, --lock-memory. */
static void show_limits(void)
{
    char text[200];
    const int32_t priority = glint_service_priority_limit();
    const uint64_t lock = glint_service_lock_limit();
    if (priority > 1)
        snprintf(text, sizeof text, "up to %d (--priority)", priority);
    else
        snprintf(text, sizeof text,
                 "not permitted; --priority needs LimitRTPRIO=60 in the unit, or \"rtprio 60\" in "
                 "/etc/security/limits.d");
    line("real time", text);
    if (lock == UINT64_MAX)
        snprintf(text, sizeof text, "any amount (--lock-memory)");
    else
        snprintf(text, sizeof text,
                 "%llu KiB; --lock-memory needs LimitMEMLOCK=infinity in the unit, or \"memlock "
                 "unlimited\" in /etc/security/limits.d",
                 (unsigned long long)(lock >> 10));
    line("locked memory", text);
    line("service", getenv("NOTIFY_SOCKET") ? "started by a service manager (NOTIFY_SOCKET)"
                                            : "not started by a service manager; docs/SERVICE.md has a unit");
}

static bool show_model(void)
{
    char folder[4096];
    const bool there = glint_find_model(NULL, folder, sizeof folder);
    line("default model", there ? folder : "not found");
    return !there;
}

static int run(const struct glint_command *c, int argc, char **argv)
{
    struct glint_arguments a = {c, argc, 1, argv, false};
    const char *value;
    const int arg = glint_arguments_next(&a, &value);
    if (arg == GLINT_ARG_INPUT)
        return glint_usage_error(c, "takes no input: %s", value);
    if (arg != GLINT_ARG_END)
        return glint_arguments_exit(arg);
    show_machine();
    show_gpu();
    show_libraries();
    const bool small_socket = show_sockets(), no_model = show_model();
    show_capture_right();
    show_limits();
    if (!small_socket && !no_model) {
        line("missing", "nothing");
        return GLINT_EXIT_OK;
    }
    if (small_socket)
        printf("%-16s larger socket buffers: sudo sysctl -w net.core.rmem_max=%d\n", "missing",
               WANTED_SOCKET_BYTES);
    if (no_model)
        line("missing", "the default model: set GLINT_MODELS to the folder that holds " GLINT_DEFAULT_MODEL
                        " (data/models of the source tree)");
    return GLINT_EXIT_OK;
}

static const struct glint_option options[] = {{0}};

const struct glint_command glint_cmd_doctor = {
    "doctor",   "machine, libraries, limits: what is there, what is missing and how to get it",
    "[--help]", "  glint doctor\n",
    options,    run};
