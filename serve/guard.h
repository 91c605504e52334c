/* serve/guard.h - who may connect: addresses to listen at, the token, and which web pages a browser may let
 * in. Pure functions on foreign text. */
#ifndef GLINT_SERVE_GUARD_H
#define GLINT_SERVE_GUARD_H
#include "core/status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GLINT_SERVE_PORT  8765 /* where Foxglove looks first */
#define GLINT_TOKEN_BYTES 33   /* of a made token, with its end */

struct glint_serve_address {
    char host[64]; /* numeric: "127.0.0.1", "::1" */
    uint16_t port; /* 0: the system chooses */
    bool is_ipv6, is_loopback;
};

/* "ADDR", "ADDR:PORT", ":PORT", "[::1]:PORT", each also behind "http://" and before "/"; "localhost" is
 * 127.0.0.1. Without ADDR: loopback, without PORT: GLINT_SERVE_PORT. GLINT_E_ARG for names, which may mean
 * several addresses. */
int glint_serve_address_parse(const char *text, struct glint_serve_address *address_out);

/* 128 random bits as hexadecimal digits. GLINT_E_IO. */
int glint_token_make(char token_out[GLINT_TOKEN_BYTES]);

/* Takes the same time wherever they differ. */
bool glint_token_equal(const char *token, const char *given);

/* Without a token, on loopback only: what a browser says of the page that wants to connect must be a page of
 * this machine, or Foxglove's own. Else any web page could look at the sensor. host: the header "Host", which
 * must name this machine (a name in the DNS may point here too); origin: NULL or "" for programs that are no
 * browsers. */
bool glint_host_is_local(const char *host);
bool glint_origin_is_welcome(const char *origin);
#endif
