/* eval/wire.c - see wire.h. */
#include "eval/wire.h"

int glint_wire_fail(const struct glint_wire *w, const uint8_t *at, const char *what)
{
    return glint_fail(GLINT_E_FORMAT, "%s: byte %zu: %s", w->name, (size_t)(at - w->base), what);
}
