/* serve/server_none.c - a build without libwebsockets. */
#include "serve/server.h"

int glint_server_open(const struct glint_server_settings *settings, struct glint_server **server_out)
{
    (void)settings;
    *server_out = NULL;
    return glint_fail(GLINT_E_UNSUPPORTED,
                      "built without libwebsockets (libwebsockets-dev): there is no server");
}

void glint_server_close(struct glint_server *server)
{
    (void)server;
}

uint16_t glint_server_port(const struct glint_server *server)
{
    (void)server;
    return 0;
}

void glint_server_url(const struct glint_server *server, char *out, size_t size)
{
    (void)server;
    if (size)
        out[0] = 0;
}

void glint_server_publish(struct glint_server *server, const struct glint_frame *frame)
{
    (void)server;
    (void)frame;
}

void glint_server_note(struct glint_server *server, const struct glint_sink_run *run)
{
    (void)server;
    (void)run;
}

void glint_server_set_context(struct glint_server *server, const struct glint_sink_context *context)
{
    (void)server;
    (void)context;
}

void glint_server_wake(struct glint_server *server)
{
    (void)server;
}

void glint_server_counts(struct glint_server *server, struct glint_metrics_server *counts_out)
{
    (void)server;
    *counts_out = (struct glint_metrics_server){0};
}
