/* serve/assets.h - the page's files, embedded when Glint is built (serve/embed.cmake). */
#ifndef GLINT_SERVE_ASSETS_H
#define GLINT_SERVE_ASSETS_H
#include <stddef.h>

struct glint_asset {
    const char *path; /* "/", "/page/main.js"; NULL ends the list */
    const char *type; /* "text/html; charset=utf-8" */
    const unsigned char *bytes;
    size_t size;
};
extern const struct glint_asset glint_assets[];
#endif
