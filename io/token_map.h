/* io/token_map.h - nuScenes' tokens (32 hexadecimal digits) to numbers. */
#ifndef GLINT_IO_TOKEN_MAP_H
#define GLINT_IO_TOKEN_MAP_H
#include "core/status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GLINT_TOKEN_TEXT 33 /* with the 0 at the end */

struct glint_token { /* all zero: no token */
    uint64_t hi, lo;
};

/* Whether text is 32 lower-case hexadecimal digits, not all 0. */
bool glint_token_parse(const char *text, size_t size, struct glint_token *token_out);
void glint_token_format(struct glint_token token, char text[GLINT_TOKEN_TEXT]);

static inline bool glint_token_none(struct glint_token t)
{
    return (t.hi | t.lo) == 0;
}

struct glint_token_map { /* start with all zero */
    struct glint_token_slot {
        struct glint_token token;
        int32_t value;
    } * slot;
    int32_t n, n_slots; /* slots: a power of two, at most half of them used */
};

/* The token's value; -1 when it is not there. */
int32_t glint_token_map_find(const struct glint_token_map *map, struct glint_token token);

/* Adds a token that is none yet (value >= 0). GLINT_E_ARG when it is there or no token, GLINT_E_NOMEM. */
int glint_token_map_add(struct glint_token_map *map, struct glint_token token, int32_t value);
void glint_token_map_fini(struct glint_token_map *map);
#endif
