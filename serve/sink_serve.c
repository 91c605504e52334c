/* serve/sink_serve.c - the server as an output; see server.h. */
#define _GNU_SOURCE
#include "core/log.h"
#include "serve/server.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sink_serve {
    struct glint_sink sink;
    struct glint_server *server;
};

static int serve_write(struct glint_sink *sink, const struct glint_frame *frame)
{
    glint_server_publish(((struct sink_serve *)sink)->server, frame);
    return GLINT_OK;
}

static int serve_finish(struct glint_sink *sink)
{
    (void)sink; /* who has not got a frame by now has lost it */
    return GLINT_OK;
}

static void serve_close(struct glint_sink *sink)
{
    glint_server_close(((struct sink_serve *)sink)->server);
    free(sink);
}

static void serve_account(const struct glint_sink *sink, glint_sink_count_fn *put, void *ctx)
{
    struct glint_metrics_server c;
    glint_server_counts(((const struct sink_serve *)sink)->server, &c);
    put(ctx, "connections", c.connections);
    put(ctx, "refused", c.refused);
    put(ctx, "messages_sent", c.frames_sent);
    put(ctx, "dropped_slow_client", c.frames_dropped_slow);
    put(ctx, "dropped_busy_server", c.frames_dropped_busy);
}

static void serve_note(struct glint_sink *sink, const struct glint_sink_run *run)
{
    glint_server_note(((struct sink_serve *)sink)->server, run);
}

static const struct glint_sink_ops ops = {.name = "serve",
                                          .write = serve_write,
                                          .finish = serve_finish,
                                          .close = serve_close,
                                          .account = serve_account,
                                          .note = serve_note};

bool glint_sink_serve_wants(const char *path)
{
    return strncmp(path, "http://", 7) == 0;
}

int glint_serve_token(const struct glint_serve_address *address, char token_out[GLINT_SERVE_TOKEN])
{
    const char *given = getenv("GLINT_TOKEN");
    token_out[0] = 0;
    if (given && strlen(given) >= GLINT_SERVE_TOKEN)
        return glint_fail(GLINT_E_ARG, "GLINT_TOKEN: longer than %d characters", GLINT_SERVE_TOKEN - 1);
    if (given && given[0] &&
        strspn(given, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_") != strlen(given))
        return glint_fail(GLINT_E_ARG, "GLINT_TOKEN: only letters, digits, - and _ are wanted");
    if (given && given[0])
        memcpy(token_out, given, strlen(given) + 1);
    else if (!address->is_loopback)
        return glint_token_make(token_out);
    return GLINT_OK;
}

/* One that waits for its sink. */
static struct {
    struct glint_server *server;
    char url[300];
} prepared;

static int open_server(const char *url, const struct glint_sink_context *context,
                       struct glint_server **server_out)
{
    char token[GLINT_SERVE_TOKEN], at[256];
    struct glint_server_settings settings = {.context = context, .token = token, .title = ""};
    GLINT_TRY(glint_serve_address_parse(url, &settings.address));
    GLINT_TRY(glint_serve_token(&settings.address, token));
    GLINT_TRY(glint_server_open(&settings, server_out));
    glint_server_url(*server_out, at, sizeof at);
    glint_log(GLINT_LOG_WARN, "page and Foxglove: %s", at);
    return GLINT_OK;
}

int glint_sink_serve_prepare(const char *url)
{
    static const struct glint_sink_context none;
    glint_sink_serve_forget();
    snprintf(prepared.url, sizeof prepared.url, "%s", url);
    return open_server(url, &none, &prepared.server);
}

void glint_sink_serve_forget(void)
{
    glint_server_close(prepared.server);
    prepared.server = NULL;
}

static int take_over(const char *url, const struct glint_sink_context *context,
                     struct glint_server **server_out)
{
    if (!prepared.server || strcmp(url, prepared.url) != 0)
        return open_server(url, context, server_out);
    *server_out = prepared.server;
    prepared.server = NULL;
    glint_server_set_context(*server_out, context);
    return GLINT_OK;
}

int glint_sink_serve_open(const char *url, const struct glint_sink_context *context,
                          struct glint_sink **sink_out)
{
    *sink_out = NULL;
    struct sink_serve *s = calloc(1, sizeof *s);
    if (!s)
        return glint_fail(GLINT_E_NOMEM, "no memory for an output");
    const int status = take_over(url, context, &s->server);
    if (status < 0) {
        free(s);
        return status;
    }
    s->sink = (struct glint_sink){&ops, url};
    *sink_out = &s->sink;
    return GLINT_OK;
}
