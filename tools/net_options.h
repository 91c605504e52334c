/* tools/net_options.h - what live and record share: options of the network, Ctrl-C, what is told and written
 * about what came. */
#ifndef GLINT_TOOLS_NET_OPTIONS_H
#define GLINT_TOOLS_NET_OPTIONS_H
#include "io/source_live.h"
#include "tools/options.h"
#include <jansson.h>

/* Keys of these options; a command's own keys are below. */
enum {
    NET_IFACE = 100,
    NET_PORT,
    NET_GROUP,
    NET_ADDRESS,
    NET_PCAP,
    NET_FILTER,
    NET_DURATION,
    NET_RCVBUF,
    NET_RING,
    NET_HARDWARE
};

#define GLINT_NET_OPTIONS                                                                                    \
    {"--port", "N", "UDP port to listen at; may repeat (default: the sensor's)", NET_PORT},                  \
        {"--iface", "IF", "network interface (default: all)", NET_IFACE},                                    \
        {"--address", "ADDR", "local address to listen at (default: all)", NET_ADDRESS},                     \
        {"--group", "ADDR", "multicast group to join", NET_GROUP},                                           \
        {"--pcap", NULL, "capture on --iface with libpcap instead of sockets (needs CAP_NET_RAW)",           \
         NET_PCAP},                                                                                          \
        {"--filter", "BPF", "with --pcap: which packets (default: udp and the ports)", NET_FILTER},          \
        {"--duration", "S", "end after so many seconds", NET_DURATION},                                      \
        {"--rcvbuf", "MIB", "socket buffer to ask the kernel for (default: 32)", NET_RCVBUF},                \
        {"--ring", "MIB", "memory for packets not looked at yet (default: 64)", NET_RING},                   \
    {                                                                                                        \
        "--hw-stamps", NULL, "time stamps of the network card, where its clock is UTC", NET_HARDWARE         \
    }

/* Takes one of GLINT_NET_OPTIONS; false after a printed line. value's memory must stay. */
bool glint_net_take(const struct glint_command *c, struct glint_live_settings *s, int key, const char *value);

/* Where no port was given: those of the sensor ("vlp16", "ouster" ...). False when it has no known ones. */
bool glint_net_default_ports(struct glint_live_settings *s, const char *sensor);

/* Ctrl-C and SIGTERM stop the source (once; the second kills the program), until NULL is given. */
void glint_net_stop_on_signal(struct glint_source *source);

/* Tells when the kernel grants a smaller buffer than asked for, and the command that helps. */
void glint_net_warn_buffer(const struct glint_source *source);

/* One line about drops, nothing when there are none. */
void glint_net_tell_drops(const struct glint_live_stats *stats);

/* {"received": ..., "bytes": ..., "kernel_drops": ...} */
json_t *glint_net_json(const struct glint_live_stats *stats);

/* Writes the object to path ("-": stdout) and releases it; GLINT_E_IO. */
int glint_net_write_json(json_t *object, const char *path);
#endif
