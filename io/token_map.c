/* io/token_map.c - see token_map.h. Open addressing; tokens are hashes already, so one product spreads them.
 */
#include "io/token_map.h"
#include <stdlib.h>
#include <string.h>

bool glint_token_parse(const char *text, size_t size, struct glint_token *token_out)
{
    if (size != 32)
        return false;
    uint64_t half[2] = {0, 0};
    for (size_t i = 0; i < 32; i++) {
        const char c = text[i];
        const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (digit < 0)
            return false;
        half[i / 16] = half[i / 16] << 4 | (uint64_t)digit;
    }
    *token_out = (struct glint_token){half[0], half[1]};
    return !glint_token_none(*token_out);
}

void glint_token_format(struct glint_token token, char text[GLINT_TOKEN_TEXT])
{
    for (int i = 0; i < 32; i++)
        text[i] = "0123456789abcdef"[(i < 16 ? token.hi : token.lo) >> (60 - 4 * (i % 16)) & 15];
    text[32] = 0;
}

/* The token's slot, or the free one where it would go. */
static struct glint_token_slot *slot_of(const struct glint_token_map *map, struct glint_token t)
{
    const uint32_t mask = (uint32_t)map->n_slots - 1;
    uint32_t i = (uint32_t)(((t.hi ^ t.lo) * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & mask;
    for (;; i = (i + 1) & mask) {
        struct glint_token_slot *s = &map->slot[i];
        if (glint_token_none(s->token) || (s->token.hi == t.hi && s->token.lo == t.lo))
            return s;
    }
}

int32_t glint_token_map_find(const struct glint_token_map *map, struct glint_token token)
{
    if (map->n == 0 || glint_token_none(token))
        return -1;
    const struct glint_token_slot *s = slot_of(map, token);
    return glint_token_none(s->token) ? -1 : s->value;
}

static int grow(struct glint_token_map *map)
{
    struct glint_token_map larger = {.n = map->n, .n_slots = map->n_slots ? 2 * map->n_slots : 64};
    if (map->n_slots > INT32_MAX / 2)
        return glint_fail(GLINT_E_CAPACITY, "more than %d tokens", map->n);
    larger.slot = calloc((size_t)larger.n_slots, sizeof *larger.slot);
    if (!larger.slot)
        return glint_fail(GLINT_E_NOMEM, "no memory for %d tokens", map->n);
    for (int32_t i = 0; i < map->n_slots; i++)
        if (!glint_token_none(map->slot[i].token))
            *slot_of(&larger, map->slot[i].token) = map->slot[i];
    free(map->slot);
    *map = larger;
    return GLINT_OK;
}

int glint_token_map_add(struct glint_token_map *map, struct glint_token token, int32_t value)
{
    if (2 * map->n >= map->n_slots)
        GLINT_TRY(grow(map));
    struct glint_token_slot *s = slot_of(map, token);
    if (glint_token_none(token) || !glint_token_none(s->token))
        return glint_fail(GLINT_E_ARG, "token is there already");
    *s = (struct glint_token_slot){token, value};
    map->n++;
    return GLINT_OK;
}

void glint_token_map_fini(struct glint_token_map *map)
{
    free(map->slot);
    memset(map, 0, sizeof *map);
}
