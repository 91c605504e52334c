/* serve/server.c - see server.h. libwebsockets serves all connections in one thread (of the libraries in
 * Debian it is the one that has HTTP and WebSocket with limits and time-outs for both; libmicrohttpd would
 * leave the WebSocket frames to us). Frames come into that thread as copies through a queue in which the
 * newest win. */
#define _GNU_SOURCE
#include "serve/hub.h"
#include "core/json_write.h"
#include "core/log.h"
#include "io/output.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COPIES       5 /* frames on their way: waiting, read by the server's thread, being written */
#define WAITING      2
#define LEAST_POINTS (1 << 16)
#define HEAD_CAP     4096
#define HEAD_SECONDS 5
#define IDLE_SECONDS 15
#define PING_SECONDS 20
#define GONE_SECONDS 40
#define BURST        16 /* pieces that one client may get before the next one's turn */

/* ---- clients ---- */

/* Without a connection in tests of the protocols. */
static void ask_to_write(struct glint_client *c)
{
    if (c->wsi)
        lws_callback_on_writable(c->wsi);
}

void glint_client_word(struct glint_client *c, struct glint_message *message)
{
    if (!glint_outbox_word(&c->out, message))
        c->is_closing = true;
    ask_to_write(c);
}

void glint_client_text(struct glint_client *c, struct glint_json_writer *w)
{
    struct glint_message *m =
        glint_json_writer_finish(w) == GLINT_OK ? glint_message_text(w->text, w->size - 1) : NULL;
    glint_json_writer_fini(w);
    glint_client_word(c, m);
}

void glint_client_newest(struct glint_client *c, int topic, struct glint_message *message,
                         const uint8_t *prefix, uint8_t n_prefix)
{
    glint_outbox_newest(&c->out, topic, message, prefix, n_prefix);
    ask_to_write(c);
}

const struct glint_sink_context *glint_server_context(const struct glint_server *s)
{
    return __atomic_load_n(&s->classes, __ATOMIC_ACQUIRE);
}

void glint_client_wanting(struct glint_server *s)
{
    int32_t n = 0;
    for (const struct glint_client *c = s->clients; c; c = c->next)
        n += c->ops->wants(c);
    __atomic_store_n(&s->n_wanting, n, __ATOMIC_RELAXED);
}

static int client_open(struct glint_server *s, struct glint_client *c, struct lws *wsi,
                       const struct glint_client_ops *ops)
{
    c->server = s;
    c->wsi = wsi;
    c->ops = ops;
    c->next = s->clients;
    s->clients = c;
    s->n_clients[ops == &glint_client_page ? GLINT_CLIENT_PAGE : GLINT_CLIENT_FOXGLOVE]++;
    ops->open(c);
    glint_client_wanting(s);
    return 0;
}

static void client_close(struct glint_client *c)
{
    struct glint_server *s = c ? c->server : NULL;
    if (!s) /* the handshake failed */
        return;
    struct glint_client **at = &s->clients;
    while (*at && *at != c)
        at = &(*at)->next;
    if (*at)
        *at = c->next;
    s->n_clients[c->ops == &glint_client_page ? GLINT_CLIENT_PAGE : GLINT_CLIENT_FOXGLOVE]--;
    s->n_sent_gone += c->out.n_sent;
    s->n_dropped_gone += c->out.n_dropped;
    s->bytes_gone += c->out.bytes;
    glint_outbox_fini(&c->out);
    glint_buffer_fini(&c->in);
    c->server = NULL;
    glint_client_wanting(s);
}

static int client_refuse(struct glint_client *c, enum lws_close_status code, const char *reason)
{
    char text[100];
    const size_t n = strlen(reason) < sizeof text ? strlen(reason) : sizeof text;
    memcpy(text, reason, n);
    c->server->n_refused++;
    lws_close_reason(c->wsi, code, (unsigned char *)text, n);
    return -1;
}

/* A message comes in pieces. */
static int client_receive(struct glint_client *c, const void *bytes, size_t size)
{
    lws_validity_confirmed(c->wsi);
    if (c->in.size + size > GLINT_WORD_CAP)
        return client_refuse(c, LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE, "longer than 64 KiB");
    glint_buffer_add(&c->in, bytes, size);
    if (c->in.failed)
        return -1;
    if (!lws_is_final_fragment(c->wsi) || lws_remaining_packet_payload(c->wsi) > 0)
        return 0;
    const bool good = c->ops->word(c, (const char *)c->in.data, c->in.size, !lws_frame_is_binary(c->wsi));
    glint_buffer_clear(&c->in);
    if (!good)
        return client_refuse(c, LWS_CLOSE_STATUS_POLICY_VIOLATION, glint_error_text());
    glint_client_wanting(c->server);
    return c->is_closing ? -1 : 0;
}

static int client_write(struct glint_client *c)
{
    struct glint_server *s = c->server;
    struct glint_outbox_piece piece;
    if (c->is_closing)
        return client_refuse(c, LWS_CLOSE_STATUS_POLICY_VIOLATION, "answers are not read");
    for (int i = 0; i < BURST && !lws_send_pipe_choked(c->wsi); i++) {
        if (!glint_outbox_take(&c->out, s->piece + LWS_PRE, GLINT_PIECE_SIZE, &piece))
            return 0;
        int flags = !piece.is_first ? LWS_WRITE_CONTINUATION
                    : piece.is_text ? LWS_WRITE_TEXT
                                    : LWS_WRITE_BINARY;
        flags |= piece.is_last ? 0 : LWS_WRITE_NO_FIN;
        const int n = lws_write(c->wsi, s->piece + LWS_PRE, piece.size, (enum lws_write_protocol)flags);
        if (n < (int)piece.size)
            return -1;
    }
    if (glint_outbox_waits(&c->out))
        lws_callback_on_writable(c->wsi);
    return 0;
}

static bool may_enter(struct glint_server *s, struct lws *wsi)
{
    const uint32_t n = s->n_clients[GLINT_CLIENT_PAGE] + s->n_clients[GLINT_CLIENT_FOXGLOVE];
    const bool may = n < GLINT_SERVER_CLIENTS && !glint_http_refuses(s, wsi);
    s->n_refused += !may;
    return may;
}

static int client_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                           size_t len)
{
    struct glint_server *s = wsi ? lws_context_user(lws_get_context(wsi)) : NULL;
    struct glint_client *c = user;
    switch (reason) {
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
        return may_enter(s, wsi) ? 0 : 1;
    case LWS_CALLBACK_ESTABLISHED:
        return client_open(s, c, wsi, lws_get_protocol(wsi)->user);
    case LWS_CALLBACK_RECEIVE:
        return client_receive(c, in, len);
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return client_write(c);
    case LWS_CALLBACK_CLOSED:
        client_close(c);
        return 0;
    default:
        return 0;
    }
}

/* ---- the thread ---- */

/* The shelf works for one place at a time: when the frame there is there, for the next client that waits. */
static void want_next(struct glint_server *s)
{
    struct glint_shelf_state state;
    uint64_t index;
    const struct glint_client *c = s->clients;
    while (c && !c->waits)
        c = c->next;
    if (!c)
        return;
    glint_shelf_state(s->settings.shelf, &state);
    struct glint_message *there = glint_shelf_get(s->settings.shelf, state.cursor, &index);
    if (there)
        glint_shelf_want(s->settings.shelf, c->wanted);
    glint_message_unref(there);
}

static void deliver_shelf(struct glint_server *s)
{
    uint64_t index;
    for (struct glint_client *c = s->clients; c; c = c->next) {
        struct glint_message *m = c->waits ? glint_shelf_get(s->settings.shelf, c->wanted, &index) : NULL;
        if (!m)
            continue;
        c->waits = false;
        if (index != c->wanted)
            glint_client_page_instead(c, index);
        glint_client_newest(c, 0, m, NULL, 0);
    }
    want_next(s);
}

void glint_server_deliver(struct glint_server *s)
{
    struct glint_frame *frame;
    if (__atomic_exchange_n(&s->greet_anew, false, __ATOMIC_ACQ_REL))
        for (struct glint_client *c = s->clients; c; c = c->next)
            if (c->ops == &glint_client_page)
                c->ops->open(c);
    if (s->settings.shelf)
        deliver_shelf(s);
    while (s->waiting && (frame = glint_ring_take(s->waiting))) {
        glint_client_page.frame(s, frame);
        glint_client_foxglove.frame(s, frame);
        glint_frame_unref(frame);
    }
}

void glint_server_count(struct glint_server *s, struct glint_metrics_server *out)
{
    *out = (struct glint_metrics_server){
        .connections = s->n_connections,
        .clients_page = s->n_clients[GLINT_CLIENT_PAGE],
        .clients_foxglove = s->n_clients[GLINT_CLIENT_FOXGLOVE],
        .refused = s->n_refused,
        .frames_sent = s->n_sent_gone,
        .frames_dropped_slow = s->n_dropped_gone,
        .frames_dropped_busy = __atomic_load_n(&s->n_busy, __ATOMIC_RELAXED),
        .bytes_sent = s->bytes_gone,
    };
    for (const struct glint_client *c = s->clients; c; c = c->next) {
        out->frames_sent += c->out.n_sent;
        out->frames_dropped_slow += c->out.n_dropped;
        out->bytes_sent += c->out.bytes;
    }
    pthread_mutex_lock(&s->counts_mutex);
    s->counts = *out;
    pthread_mutex_unlock(&s->counts_mutex);
}

static void each_second(lws_sorted_usec_list_t *sul)
{
    struct glint_server *s = lws_container_of(sul, struct glint_server, each_second);
    struct glint_metrics_server counts;
    glint_server_count(s, &counts);
    for (struct glint_client *c = s->clients; c; c = c->next)
        if (c->ops->second)
            c->ops->second(c);
    lws_sul_schedule(s->network, 0, sul, each_second, LWS_US_PER_SEC);
}

static void *serve(void *arg)
{
    struct glint_server *s = arg;
    lws_sul_schedule(s->network, 0, &s->each_second, each_second, LWS_US_PER_SEC);
    while (!__atomic_load_n(&s->stopping, __ATOMIC_ACQUIRE) && lws_service(s->network, 0) >= 0)
        ;
    return NULL;
}

/* ---- open and close ---- */

static const lws_retry_bo_t idle = {.secs_since_valid_ping = PING_SECONDS,
                                    .secs_since_valid_hangup = GONE_SECONDS};

static const struct lws_protocols protocols[] = {{.name = "http",
                                                  .callback = glint_http_callback,
                                                  .per_session_data_size = sizeof(struct glint_http_reply),
                                                  .rx_buffer_size = HEAD_CAP,
                                                  .tx_packet_size = GLINT_PIECE_SIZE},
                                                 {.name = "glint.v1",
                                                  .callback = client_callback,
                                                  .per_session_data_size = sizeof(struct glint_client),
                                                  .rx_buffer_size = HEAD_CAP,
                                                  .user = (void *)(uintptr_t)&glint_client_page,
                                                  .tx_packet_size = GLINT_PIECE_SIZE + 16},
                                                 {.name = "foxglove.websocket.v1",
                                                  .callback = client_callback,
                                                  .per_session_data_size = sizeof(struct glint_client),
                                                  .rx_buffer_size = HEAD_CAP,
                                                  .user = (void *)(uintptr_t)&glint_client_foxglove,
                                                  .tx_packet_size = GLINT_PIECE_SIZE + 16},
                                                 {0}};

/* libwebsockets says only that it failed: the reason is the system's. */
static int check_port(const struct glint_serve_address *a)
{
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(a->port)};
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(a->port)};
    const int one = 1, fd = socket(a->is_ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return glint_fail(GLINT_E_IO, "%s port %u: %s", a->host, a->port, strerror(errno));
    inet_pton(AF_INET6, a->host, &v6.sin6_addr);
    inet_pton(AF_INET, a->host, &v4.sin_addr);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    const int bad = a->is_ipv6 ? bind(fd, (struct sockaddr *)&v6, sizeof v6) || listen(fd, 1)
                               : bind(fd, (struct sockaddr *)&v4, sizeof v4) || listen(fd, 1);
    const int reason = errno;
    close(fd);
    return bad ? glint_fail(GLINT_E_IO, "cannot listen at %s port %u: %s", a->host, a->port, strerror(reason))
               : GLINT_OK;
}

static int context_open(struct glint_server *s)
{
    const struct glint_serve_address *a = &s->settings.address;
    const struct lws_context_creation_info info = {
        .iface = a->host,
        .port = a->port,
        .protocols = protocols,
        .gid = -1,
        .uid = -1,
        .user = s,
        .options = (a->is_ipv6 ? 0 : LWS_SERVER_OPTION_DISABLE_IPV6) |
                   LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND | LWS_SERVER_OPTION_VALIDATE_UTF8,
        .max_http_header_data = HEAD_CAP,
        .max_http_header_pool = GLINT_SERVER_CONNECTIONS,
        .timeout_secs = HEAD_SECONDS,
        .timeout_secs_ah_idle = HEAD_SECONDS,
        .keepalive_timeout = IDLE_SECONDS,
        .fd_limit_per_thread = GLINT_SERVER_CONNECTIONS + 16,
        .pt_serv_buf_size = HEAD_CAP,
        .server_string = "glint",
        .retry_and_idle_policy = &idle,
    };
    GLINT_TRY(check_port(a));
    lws_set_log_level(0, NULL); /* what clients do wrong is counted, not told */
    s->network = lws_create_context(&info);
    if (!s->network)
        return glint_fail(GLINT_E_IO, "cannot listen at %s port %u", a->host, a->port);
    s->port = (uint16_t)lws_get_vhost_listen_port(lws_get_vhost_by_name(s->network, "default"));
    return GLINT_OK;
}

static int start(struct glint_server *s)
{
    const struct glint_server_settings *set = &s->settings;
    if (!set->address.is_loopback && !s->token[0])
        return glint_fail(GLINT_E_ARG, "%s: other addresses than this machine's own want a token",
                          set->address.host);
    GLINT_TRY(glint_metrics_open(&s->metrics));
    GLINT_TRY(glint_token_make(s->session));
    if (!set->shelf)
        GLINT_TRY(glint_ring_open(WAITING, GLINT_RING_NEWEST, &s->waiting));
    GLINT_TRY(context_open(s));
    const int failed = pthread_create(&s->thread, NULL, serve, s);
    if (failed)
        return glint_fail(GLINT_E_NOMEM, "no thread for the server: %s", strerror(failed));
    s->has_thread = true;
    return GLINT_OK;
}

int glint_server_open(const struct glint_server_settings *settings, struct glint_server **server_out)
{
    struct glint_server *s = *server_out = calloc(1, sizeof *s);
    if (!s)
        return glint_fail(GLINT_E_NOMEM, "no memory for the server");
    s->settings = *settings;
    s->classes = settings->context;
    pthread_mutex_init(&s->counts_mutex, NULL);
    snprintf(s->title, sizeof s->title, "%s", settings->title ? settings->title : "");
    snprintf(s->token, sizeof s->token, "%s", settings->token ? settings->token : "");
    const int status = start(s);
    if (status < 0) {
        glint_server_close(s);
        *server_out = NULL;
    }
    return status;
}

void glint_server_close(struct glint_server *s)
{
    struct glint_frame *frame;
    if (!s)
        return;
    __atomic_store_n(&s->stopping, true, __ATOMIC_RELEASE);
    if (s->has_thread) {
        lws_cancel_service(s->network);
        pthread_join(s->thread, NULL);
    }
    if (s->network)
        lws_context_destroy(s->network);
    while (s->waiting && (frame = glint_ring_take(s->waiting)))
        glint_frame_unref(frame);
    glint_ring_close(s->waiting);
    for (int i = 0; i < s->n_pools; i++)
        glint_frame_pool_close(s->pools[i]);
    glint_buffer_fini(&s->encoded);
    glint_metrics_close(s->metrics);
    pthread_mutex_destroy(&s->counts_mutex);
    free(s);
}

uint16_t glint_server_port(const struct glint_server *s)
{
    return s->port;
}

void glint_server_url(const struct glint_server *s, char *out, size_t size)
{
    const struct glint_serve_address *a = &s->settings.address;
    snprintf(out, size, a->is_ipv6 ? "http://[%s]:%u/%s%s" : "http://%s:%u/%s%s", a->host, s->port,
             s->token[0] ? "?token=" : "", s->token);
}

/* ---- the pipeline's side ---- */

/* A pool whose frames have room for this one. There are few sizes: each pool has twice the room of the one
 * before, and stays until the end, because its frames may be out. */
static struct glint_frame_pool *pool_for(struct glint_server *s, const struct glint_frame *frame)
{
    const struct glint_points *p = &frame->points;
    if (s->n_pools > 0 && p->n <= s->cap_points && frame->n_boxes <= s->cap_boxes)
        return s->pools[s->n_pools - 1];
    if (s->n_pools == GLINT_SERVER_POOLS)
        return NULL;
    int32_t cap = p->cap > LEAST_POINTS ? p->cap : LEAST_POINTS;
    cap = s->n_pools > 0 && cap < 2 * s->cap_points ? 2 * s->cap_points : cap;
    const int32_t boxes = frame->cap_boxes > 1024 ? frame->cap_boxes : 1024;
    if (glint_frame_pool_open(COPIES, cap, boxes, &s->pools[s->n_pools]) < 0)
        return NULL;
    s->cap_points = cap;
    s->cap_boxes = boxes;
    return s->pools[s->n_pools++];
}

static void hand_over(struct glint_server *s, const struct glint_frame *frame)
{
    struct glint_frame_pool *pool = pool_for(s, frame);
    struct glint_frame *copy = pool ? glint_frame_get(pool, false) : NULL;
    void *dropped = NULL;
    if (!copy) {
        __atomic_add_fetch(&s->n_busy, 1, __ATOMIC_RELAXED);
        return;
    }
    glint_frame_copy(copy, frame);
    if (glint_ring_push(s->waiting, copy, &dropped) < 0)
        dropped = copy;
    if (dropped)
        __atomic_add_fetch(&s->n_busy, 1, __ATOMIC_RELAXED);
    glint_frame_unref(dropped);
    lws_cancel_service(s->network);
}

void glint_server_publish(struct glint_server *s, const struct glint_frame *frame)
{
    glint_metrics_add(s->metrics, frame);
    if (__atomic_load_n(&s->n_wanting, __ATOMIC_RELAXED) > 0)
        hand_over(s, frame);
}

void glint_server_set_context(struct glint_server *s, const struct glint_sink_context *context)
{
    __atomic_store_n(&s->classes, context, __ATOMIC_RELEASE);
    __atomic_store_n(&s->greet_anew, true, __ATOMIC_RELEASE);
    lws_cancel_service(s->network);
}

void glint_server_note(struct glint_server *s, const struct glint_sink_run *run)
{
    glint_metrics_note(s->metrics, run);
}

void glint_server_wake(struct glint_server *s)
{
    lws_cancel_service(s->network);
}

void glint_server_counts(struct glint_server *s, struct glint_metrics_server *out)
{
    pthread_mutex_lock(&s->counts_mutex);
    *out = s->counts;
    pthread_mutex_unlock(&s->counts_mutex);
}
