/* core/text.h - small questions about strings. */
#ifndef GLINT_CORE_TEXT_H
#define GLINT_CORE_TEXT_H
#include <stdbool.h>
#include <string.h>

static inline bool glint_ends_with(const char *text, const char *ending)
{
    const size_t n = strlen(text), m = strlen(ending);
    return n >= m && memcmp(text + n - m, ending, m) == 0;
}
#endif
