/* serve/hub.h - what the server's parts share: the server, its clients, and what each protocol does with
 * them. All of it belongs to the server's thread, but for `metrics`, `frames`, `waiting` and the atomic
 * counts. */
#ifndef GLINT_SERVE_HUB_H
#define GLINT_SERVE_HUB_H
#include "core/frame.h"
#include "core/json.h"
#include "core/json_write.h"
#include "core/ring.h"
#include "serve/outbox.h"
#include "serve/server.h"
#include <libwebsockets.h>
#include <pthread.h>

#define GLINT_WORD_CAP     65536 /* bytes of a client's message */
#define GLINT_SERVER_POOLS 8
#define GLINT_PIECE_SIZE   32768 /* bytes handed to the network at once */

enum glint_client_kind { GLINT_CLIENT_PAGE, GLINT_CLIENT_FOXGLOVE, GLINT_CLIENT_KINDS };

struct glint_client { /* libwebsockets makes and clears it */
    struct glint_server *server;
    struct lws *wsi;
    const struct glint_client_ops *ops;
    struct glint_client *next;
    struct glint_outbox out;
    struct glint_buffer in; /* a message whose pieces come */
    bool is_closing;
    /* page */
    bool wants_frames, waits; /* live frames; a log's frame `wanted` */
    uint64_t wanted, given;   /* given: 1 + the frame that was sent last */
    /* foxglove */
    uint32_t subscriptions[GLINT_OUTBOX_TOPICS]; /* of each channel, valid where its bit is set */
    unsigned channels;
};

/* A protocol. word: false where the client is to be closed, reason as its text. */
struct glint_client_ops {
    const char *name;
    void (*open)(struct glint_client *client);
    bool (*word)(struct glint_client *client, const char *text, size_t size, bool is_text);
    bool (*wants)(const struct glint_client *client);                            /* frames */
    void (*frame)(struct glint_server *server, const struct glint_frame *frame); /* to all of its clients */
    void (*second)(struct glint_client *client); /* once a second; may be NULL */
};
extern const struct glint_client_ops glint_client_page, glint_client_foxglove;

struct glint_server {
    struct glint_server_settings settings;
    char title[256], token[128], session[GLINT_TOKEN_BYTES];
    uint16_t port;
    struct lws_context *network;
    lws_sorted_usec_list_t each_second;
    struct glint_client *clients;
    uint32_t n_connections, n_clients[GLINT_CLIENT_KINDS];
    uint64_t n_refused, n_sent_gone, n_dropped_gone, bytes_gone; /* of clients that have gone */
    struct glint_metrics *metrics;
    struct glint_buffer encoded; /* a message on its way */
    uint8_t piece[LWS_PRE + GLINT_PIECE_SIZE];

    pthread_t thread;
    bool has_thread;
    const struct glint_sink_context *classes; /* atomic: glint_server_context() */
    bool greet_anew;                          /* atomic */
    bool stopping;                            /* atomic */
    int32_t n_wanting;                        /* atomic: clients that want frames */
    uint64_t n_busy; /* atomic: frames that found no room on their way to the thread */
    struct glint_frame_pool *pools[GLINT_SERVER_POOLS]; /* made with the first frame, and with larger ones */
    int32_t n_pools, cap_points, cap_boxes;
    struct glint_ring *waiting;
    pthread_mutex_t counts_mutex;
    struct glint_metrics_server counts; /* under it; of the last second */
};

/* To one client; a client whose queue of words is full is closed. The message's reference is taken. */
void glint_client_word(struct glint_client *client, struct glint_message *message);
void glint_client_text(struct glint_client *client, struct glint_json_writer *w); /* finishes and frees w */
void glint_client_newest(struct glint_client *client, int topic, struct glint_message *message,
                         const uint8_t *prefix, uint8_t n_prefix);
const struct glint_sink_context *glint_server_context(const struct glint_server *server);
void glint_client_wanting(struct glint_server *server); /* counts n_wanting anew */

void glint_client_page_instead(struct glint_client *client,
                               uint64_t index); /* of the one it wants comes this one */

/* serve/http.c: protocol 0, what is no WebSocket. */
int glint_http_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len);
struct glint_http_reply {
    struct glint_buffer body; /* what was made for it */
    const uint8_t *bytes;     /* NULL: nothing to send */
    size_t size, at;
};
/* Whether a request may see what is measured, or NULL; else the reason for the client. */
const char *glint_http_refuses(const struct glint_server *server, struct lws *wsi);
void glint_server_count(struct glint_server *server, struct glint_metrics_server *counts_out);
void glint_server_deliver(struct glint_server *server); /* frames that wait, and those of the shelf */
#endif
