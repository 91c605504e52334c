/* serve/http.c - requests that are no WebSocket: the page's files, /metrics, /health. */
#include "core/json_write.h"
#include "serve/assets.h"
#include "serve/hub.h"
#include <string.h>

#define HEAD_SIZE 2048

/* ---- who may see ---- */

/* The header's value, "" where there is none; false where it is longer than any that is wanted. */
static bool header(struct lws *wsi, enum lws_token_indexes token, char *out, int size)
{
    out[0] = 0;
    const int n = lws_hdr_total_length(wsi, token);
    return n <= 0 || (n < size && lws_hdr_copy(wsi, out, size, token) == n);
}

static bool has_token(const struct glint_server *s, struct lws *wsi)
{
    char text[256];
    const char *given = lws_get_urlarg_by_name(wsi, "token=", text, sizeof text);
    if (given && glint_token_equal(s->token, given))
        return true;
    if (header(wsi, WSI_TOKEN_HTTP_AUTHORIZATION, text, sizeof text) && strncmp(text, "Bearer ", 7) == 0)
        return glint_token_equal(s->token, text + 7);
    if (!header(wsi, WSI_TOKEN_PROTOCOL, text, sizeof text))
        return false;
    const char *word = strstr(text, "glint.token.");
    if (!word)
        return false;
    word += strlen("glint.token.");
    text[strcspn(word, ", ") + (size_t)(word - text)] = 0;
    return glint_token_equal(s->token, word);
}

const char *glint_http_refuses(const struct glint_server *s, struct lws *wsi)
{
    char text[256];
    if (s->token[0])
        return has_token(s, wsi) ? NULL : "a token is wanted: ?token=..., or Authorization: Bearer ...";
    if (!header(wsi, WSI_TOKEN_HOST, text, sizeof text) || !glint_host_is_local(text))
        return "only requests to this machine's own names (localhost, 127.0.0.1) are answered";
    if (!header(wsi, WSI_TOKEN_ORIGIN, text, sizeof text) || !glint_origin_is_welcome(text))
        return "pages from elsewhere may not look at this sensor without a token";
    return NULL;
}

/* ---- answers ---- */

static int add(struct lws *wsi, const char *name, const char *value, unsigned char **p, unsigned char *end)
{
    return lws_add_http_header_by_name(wsi, (const unsigned char *)name, (const unsigned char *)value,
                                       (int)strlen(value), p, end);
}

static int answer(struct lws *wsi, struct glint_http_reply *r, unsigned status, const char *type,
                  const void *bytes, size_t size)
{
    unsigned char head[LWS_PRE + HEAD_SIZE], *start = head + LWS_PRE, *p = start,
                                             *end = head + sizeof head - 1;
    r->bytes = bytes;
    r->size = size;
    r->at = 0;
    if (lws_add_http_common_headers(wsi, status, type, (lws_filepos_t)size, &p, end) ||
        add(wsi, "content-security-policy:",
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
            "connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            &p, end) ||
        add(wsi, "x-content-type-options:", "nosniff", &p, end) ||
        add(wsi, "referrer-policy:", "no-referrer", &p, end) || /* the token may be in the address */
        add(wsi, "cache-control:", "no-store", &p, end) ||
        lws_finalize_write_http_header(wsi, start, &p, end))
        return -1;
    lws_callback_on_writable(wsi);
    return 0;
}

static int answer_text(struct lws *wsi, struct glint_http_reply *r, unsigned status, const char *text)
{
    glint_buffer_clear(&r->body);
    glint_buffer_text(&r->body, text);
    glint_buffer_text(&r->body, "\n");
    if (r->body.failed)
        return -1;
    return answer(wsi, r, status, "text/plain; charset=utf-8", r->body.data, r->body.size);
}

static int refuse(struct glint_server *s, struct lws *wsi, struct glint_http_reply *r, unsigned status,
                  const char *reason)
{
    s->n_refused++;
    return answer_text(wsi, r, status, reason);
}

static int answer_metrics(struct glint_server *s, struct lws *wsi, struct glint_http_reply *r)
{
    struct glint_metrics_server counts;
    glint_server_count(s, &counts);
    glint_buffer_clear(&r->body);
    glint_metrics_write(s->metrics, &counts, &r->body);
    if (r->body.failed)
        return -1;
    return answer(wsi, r, HTTP_STATUS_OK, "text/plain; version=0.0.4; charset=utf-8", r->body.data,
                  r->body.size);
}

static int request(struct glint_server *s, struct lws *wsi, struct glint_http_reply *r, const char *path)
{
    if (lws_hdr_total_length(wsi, WSI_TOKEN_GET_URI) <= 0)
        return refuse(s, wsi, r, HTTP_STATUS_METHOD_NOT_ALLOWED, "only GET is answered");
    for (const struct glint_asset *a = glint_assets; a->path; a++) /* the program's own, no secret */
        if (strcmp(path, a->path) == 0)
            return answer(wsi, r, HTTP_STATUS_OK, a->type, a->bytes, a->size);
    const char *reason = glint_http_refuses(s, wsi);
    if (reason)
        return refuse(s, wsi, r, HTTP_STATUS_FORBIDDEN, reason);
    if (strcmp(path, "/metrics") == 0)
        return answer_metrics(s, wsi, r);
    if (strcmp(path, "/health") == 0)
        return answer_text(wsi, r, HTTP_STATUS_OK, "ok");
    return refuse(s, wsi, r, HTTP_STATUS_NOT_FOUND, "there are /, /metrics and /health, and WebSockets");
}

static int send_more(struct glint_server *s, struct lws *wsi, struct glint_http_reply *r)
{
    if (!r->bytes)
        return 0;
    const size_t left = r->size - r->at, n = left < GLINT_PIECE_SIZE ? left : GLINT_PIECE_SIZE;
    const bool last = n == left;
    memcpy(s->piece + LWS_PRE, r->bytes + r->at, n);
    if (lws_write(wsi, s->piece + LWS_PRE, n, last ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP) < (int)n)
        return -1;
    r->at += n;
    if (!last) {
        lws_callback_on_writable(wsi);
        return 0;
    }
    r->bytes = NULL;
    return lws_http_transaction_completed(wsi) ? -1 : 0;
}

int glint_http_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
    struct glint_server *s = wsi ? lws_context_user(lws_get_context(wsi)) : NULL;
    struct glint_http_reply *r = user;
    (void)len;
    switch (reason) {
    case LWS_CALLBACK_FILTER_NETWORK_CONNECTION:
        if (s->n_connections < GLINT_SERVER_CONNECTIONS)
            return 0;
        s->n_refused++;
        return 1;
    case LWS_CALLBACK_WSI_CREATE:
        s->n_connections++;
        return 0;
    case LWS_CALLBACK_WSI_DESTROY:
        s->n_connections -= s->n_connections > 0;
        return 0;
    case LWS_CALLBACK_EVENT_WAIT_CANCELLED:
        glint_server_deliver(s);
        return 0;
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION: /* a WebSocket without a subprotocol of ours */
        s->n_refused++;
        return 1;
    case LWS_CALLBACK_HTTP:
        return request(s, wsi, r, in);
    case LWS_CALLBACK_HTTP_WRITEABLE:
        return send_more(s, wsi, r);
    case LWS_CALLBACK_CLOSED_HTTP:
    case LWS_CALLBACK_HTTP_DROP_PROTOCOL:
        if (r)
            glint_buffer_fini(&r->body);
        if (r)
            r->bytes = NULL;
        return 0;
    default:
        return 0;
    }
}
