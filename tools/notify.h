/* tools/notify.h - words to the service manager: the protocol of sd_notify(3) over the socket that
 * NOTIFY_SOCKET names. Without it everything here does nothing. */
#ifndef GLINT_TOOLS_NOTIFY_H
#define GLINT_TOOLS_NOTIFY_H
#include <stdbool.h>
#include <stdint.h>

struct glint_notify {
    int fd;              /* -1: nobody listens */
    int64_t watchdog_ns; /* the manager wants a sign of life so often; 0: none */
};

/* Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID. A socket that cannot be used is told by false; the
 * notify is then one that does nothing. */
bool glint_notify_open(struct glint_notify *n);
void glint_notify_close(struct glint_notify *n);

/* "READY=1", "STATUS=...": one line or several with newlines between; never waits. */
void glint_notify_send(const struct glint_notify *n, const char *text);
#endif
