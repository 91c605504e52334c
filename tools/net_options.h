/* tools/net_options.h - what live and record share: options of the network, Ctrl-C, what is told and written
 * about what came. */
#ifndef GLINT_TOOLS_NET_OPTIONS_H
#define GLINT_TOOLS_NET_OPTIONS_H
#include "io/source_live.h"
#include "tools/options.h"
#include <jansson.h>

/* Takes an option of the group NET (shared_options.h); false after a printed line. value's memory must stay.
 */
bool glint_net_take(const struct glint_command *c, struct glint_live_settings *s, int key, const char *value);

/* Adds the ports that sensors of this name have from the factory; false: not known. */
bool glint_net_default_ports(struct glint_live_settings *s, const char *sensor);

/* Checks what belongs together; where no port was given those of the sensor ("vlp16", "ouster" ...; may be
 * NULL) are taken. -1: go on; else the exit code after a printed line. */
int glint_net_check(const struct glint_command *c, struct glint_live_settings *s, const char *sensor);

/* Ctrl-C and SIGTERM stop the source (once; the second kills the program), until NULL is given. */
void glint_net_stop_on_signal(struct glint_source *source);

/* Whether SIGHUP came since the last call; from the first call of stop_on_signal on, unless words go to a
 * terminal. */
bool glint_net_hung_up(void);

/* Tells when the kernel grants a smaller buffer than asked for, and the command that helps. */
void glint_net_warn_buffer(const struct glint_source *source);

/* One line about drops, nothing when there are none. */
void glint_net_tell_drops(const struct glint_live_stats *stats);

/* {"received": ..., "bytes": ..., "kernel_drops": ...} */
json_t *glint_net_json(const struct glint_live_stats *stats);

/* Writes the object to path ("-": stdout) and releases it; GLINT_E_IO. */
int glint_net_write_json(json_t *object, const char *path);
#endif
