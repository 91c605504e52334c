/* tools/notify.c - see notify.h. A datagram per message, as sd_notify(3) describes under "Notes"; a path that
 * begins with @ is in the abstract namespace. */
#define _GNU_SOURCE
#include "tools/notify.h"
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int64_t watchdog_ns(void)
{
    const char *period = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    if (!period || (pid && strtol(pid, NULL, 10) != (long)getpid()))
        return 0;
    const long long us = strtoll(period, NULL, 10);
    return us > 0 && us < 86400LL * 1000000 ? us * 1000 : 0;
}

static bool connect_to(int fd, const char *path)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    const size_t n = strlen(path);
    if (n < 2 || n >= sizeof at.sun_path || (path[0] != '/' && path[0] != '@'))
        return false;
    memcpy(at.sun_path, path, n);
    if (path[0] == '@')
        at.sun_path[0] = '\0';
    const socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + (path[0] == '/'));
    return connect(fd, (struct sockaddr *)&at, size) == 0;
}

bool glint_notify_open(struct glint_notify *n)
{
    const char *path = getenv("NOTIFY_SOCKET");
    *n = (struct glint_notify){.fd = -1};
    if (!path)
        return true;
    n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (n->fd < 0 || !connect_to(n->fd, path)) {
        glint_notify_close(n);
        return false;
    }
    n->watchdog_ns = watchdog_ns();
    return true;
}

void glint_notify_close(struct glint_notify *n)
{
    if (n->fd >= 0)
        close(n->fd);
    n->fd = -1;
}

void glint_notify_send(const struct glint_notify *n, const char *text)
{
    if (n->fd >= 0)
        (void)!send(n->fd, text, strlen(text), MSG_NOSIGNAL);
}
