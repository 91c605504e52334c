/* serve/server.h - results in a browser, in Foxglove and in Prometheus: one HTTP and WebSocket server in a
 * thread of its own.
 *
 *     struct glint_server_settings s = {.context = &context, .title = "vlp16"};
 *     GLINT_TRY(glint_serve_address_parse("127.0.0.1:8765", &s.address));
 *     GLINT_TRY(glint_server_open(&s, &server));
 *     ... glint_server_publish(server, frame) for every frame ...
 *     glint_server_close(server);
 *
 * GET / is the page, GET /metrics what Prometheus reads, GET /health a line of JSON; WebSocket subprotocols
 * are "glint.v1" (the page, docs/VIEW.md) and "foxglove.websocket.v1". publish copies what is needed and
 * returns: whoever is slow loses frames, which are counted, and nobody waits.
 *
 * Bounded: GLINT_SERVER_CONNECTIONS connections, of them GLINT_SERVER_CLIENTS WebSockets; request heads of 4
 * KiB within 5 s; words of clients up to 64 KiB; per client one waiting message of each topic. */
#ifndef GLINT_SERVE_SERVER_H
#define GLINT_SERVE_SERVER_H
#include "io/sink.h"
#include "serve/guard.h"
#include "serve/metrics.h"
#include "serve/shelf.h"

#define GLINT_SERVER_CONNECTIONS 96
#define GLINT_SERVER_CLIENTS     32

struct glint_server_settings {
    struct glint_serve_address address;
    const char *token; /* NULL: none, which GLINT_E_ARG refuses for other addresses than loopback */
    const struct glint_sink_context *context; /* outlives the server */
    const char *title;                        /* what is shown: input or sensor; used during open only */
    struct glint_shelf *shelf; /* a log: clients ask for its frames, and publish is not called; NULL: live */
};

struct glint_server;

/* GLINT_E_ARG, GLINT_E_IO (port in use), GLINT_E_NOMEM, GLINT_E_UNSUPPORTED (built without libwebsockets). */
int glint_server_open(const struct glint_server_settings *settings, struct glint_server **server_out);
void glint_server_close(struct glint_server *server); /* NULL is fine */

uint16_t glint_server_port(const struct glint_server *server);
/* "http://127.0.0.1:8765/", with the token where there is one. */
void glint_server_url(const struct glint_server *server, char *out, size_t size);

/* From one thread at a time. */
void glint_server_publish(struct glint_server *server, const struct glint_frame *frame);
/* Other classes: clients are greeted anew. From any thread; context outlives the server. */
void glint_server_set_context(struct glint_server *server, const struct glint_sink_context *context);
/* Counts of the run that frames do not carry, for /metrics. */
void glint_server_note(struct glint_server *server, const struct glint_sink_run *run);
/* The shelf has changed: waiting clients get their frames. From any thread. */
void glint_server_wake(struct glint_server *server);
void glint_server_counts(struct glint_server *server, struct glint_metrics_server *counts_out);

/* The same as a sink: url as in guard.h; the token is that of the environment's GLINT_TOKEN, or a new one for
 * other addresses than loopback. Tells the address in a log line. */
int glint_sink_serve_open(const char *url, const struct glint_sink_context *context,
                          struct glint_sink **sink_out);
/* Live, classes are known only when the sensor has been heard: prepare opens the server at once, and the sink
 * of the same url takes it over. forget closes one that was not taken over. Both in the thread that opens
 * sinks. */
int glint_sink_serve_prepare(const char *url);
void glint_sink_serve_forget(void);
bool glint_sink_serve_wants(const char *path); /* begins with http:// */

#define GLINT_SERVE_TOKEN 128
/* The token for an address as above; "" for none. GLINT_E_ARG: GLINT_TOKEN is too long or has characters that
 * an address cannot carry. */
int glint_serve_token(const struct glint_serve_address *address, char token_out[GLINT_SERVE_TOKEN]);
#endif
