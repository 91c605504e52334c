/* serve/guard.c - see guard.h. */
#define _GNU_SOURCE
#include "serve/guard.h"
#include "core/text.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

static bool address_is_loopback(const char *host, bool *is_ipv6_out)
{
    struct in_addr v4;
    struct in6_addr v6;
    *is_ipv6_out = false;
    if (inet_pton(AF_INET, host, &v4) == 1)
        return (ntohl(v4.s_addr) >> 24) == 127;
    *is_ipv6_out = inet_pton(AF_INET6, host, &v6) == 1;
    return *is_ipv6_out && IN6_IS_ADDR_LOOPBACK(&v6);
}

/* "HOST", "HOST:PORT", "[HOST]:PORT", ":PORT" in its parts; port_out NULL where there is none. */
static bool split(const char *text, size_t n, char *host_out, size_t size, const char **port_out)
{
    const bool bracket = n > 0 && text[0] == '[';
    const char *end = bracket ? memchr(text, ']', n) : memchr(text, ':', n);
    if (bracket && !end)
        return false;
    const char *host = text + bracket, *stop = end ? end : text + n;
    const char *after = end ? end + bracket : text + n;
    if (!bracket && end && memchr(end + 1, ':', (size_t)(text + n - end - 1))) { /* a bare IPv6 address */
        stop = after = text + n;
    }
    *port_out = after < text + n && *after == ':' ? after + 1 : NULL;
    if ((size_t)(stop - host) >= size || (after < text + n && *after != ':'))
        return false;
    memcpy(host_out, host, (size_t)(stop - host));
    host_out[stop - host] = 0;
    return true;
}

int glint_serve_address_parse(const char *text, struct glint_serve_address *a)
{
    const char *at = strncmp(text, "http://", 7) == 0 ? text + 7 : text, *port = NULL;
    const size_t n = strcspn(at, "/");
    char *end = NULL;
    *a = (struct glint_serve_address){.port = GLINT_SERVE_PORT};
    if (at[n] && at[n + 1])
        return glint_fail(GLINT_E_ARG, "%s: nothing behind the address is wanted", text);
    if (!split(at, n, a->host, sizeof a->host, &port))
        return glint_fail(GLINT_E_ARG, "%s: no address; ADDR, ADDR:PORT or :PORT is wanted", text);
    if (port) {
        errno = 0;
        const long value = strtol(port, &end, 10);
        if (end == port || end != at + n || value < 0 || value > 65535 || errno || *port == '-' ||
            *port == '+')
            return glint_fail(GLINT_E_ARG, "%s: a port is a number from 0 to 65535", text);
        a->port = (uint16_t)value;
    }
    if (!a->host[0] || strcmp(a->host, "localhost") == 0)
        snprintf(a->host, sizeof a->host, "127.0.0.1");
    struct in_addr v4;
    a->is_loopback = address_is_loopback(a->host, &a->is_ipv6);
    if (!a->is_ipv6 && inet_pton(AF_INET, a->host, &v4) != 1)
        return glint_fail(GLINT_E_ARG, "%s: %s is no numeric address such as 127.0.0.1 or 0.0.0.0", text,
                          a->host);
    return GLINT_OK;
}

int glint_token_make(char token_out[GLINT_TOKEN_BYTES])
{
    uint8_t bits[(GLINT_TOKEN_BYTES - 1) / 2];
    if (getrandom(bits, sizeof bits, 0) != (ssize_t)sizeof bits)
        return glint_fail(GLINT_E_IO, "no random numbers for a token: %s", strerror(errno));
    for (size_t i = 0; i < sizeof bits; i++)
        snprintf(token_out + 2 * i, 3, "%02x", bits[i]);
    return GLINT_OK;
}

bool glint_token_equal(const char *token, const char *given)
{
    const size_t n = strlen(token), m = strlen(given);
    unsigned differ = n != m || n == 0;
    for (size_t i = 0; i < m; i++) /* as long as what was given, whose length is no secret */
        differ |= (unsigned)(unsigned char)given[i] ^ (unsigned)(unsigned char)token[n ? i % n : 0];
    return differ == 0;
}

bool glint_host_is_local(const char *host)
{
    char name[64];
    const char *port;
    bool is_ipv6;
    if (!split(host, strlen(host), name, sizeof name, &port))
        return false;
    return strcasecmp(name, "localhost") == 0 || address_is_loopback(name, &is_ipv6);
}

static bool is_or_ends_with(const char *name, const char *domain)
{
    const size_t n = strlen(name), m = strlen(domain);
    return n >= m && strcasecmp(name + n - m, domain) == 0 && (n == m || name[n - m - 1] == '.');
}

bool glint_origin_is_welcome(const char *origin)
{
    char name[256];
    const char *port;
    if (!origin || !origin[0] || strcmp(origin, "file://") == 0) /* a program; Foxglove on the desktop */
        return true;
    const char *host = strstr(origin, "://");
    if (!host || (strncmp(origin, "http://", 7) != 0 && strncmp(origin, "https://", 8) != 0))
        return false; /* "null": any page can have that */
    host += 3;
    if (glint_host_is_local(host))
        return true;
    return strncmp(origin, "https://", 8) == 0 && split(host, strlen(host), name, sizeof name, &port) &&
           !port && (is_or_ends_with(name, "foxglove.dev") || is_or_ends_with(name, "foxglove.com"));
}
