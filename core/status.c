/* core/status.c - see status.h. The reason is kept per thread: no call needs an error object. */
#include "core/status.h"
#include <stdarg.h>
#include <stdio.h>

static _Thread_local char reason[1024];

const char *glint_status_name(int status)
{
    switch (status) {
#define GLINT_STATUS_CASE(name, value, text)                                                                 \
    case value:                                                                                              \
        return "GLINT_" #name;
        GLINT_STATUS_MAP(GLINT_STATUS_CASE)
#undef GLINT_STATUS_CASE
    default:
        return "GLINT_E_?";
    }
}

const char *glint_status_text(int status)
{
    switch (status) {
#define GLINT_STATUS_CASE(name, value, text)                                                                 \
    case value:                                                                                              \
        return text;
        GLINT_STATUS_MAP(GLINT_STATUS_CASE)
#undef GLINT_STATUS_CASE
    default:
        return "unknown status";
    }
}

const char *glint_error_text(void)
{
    return reason;
}

int glint_fail(int status, const char *fmt, ...)
{
    char text[sizeof reason]; /* arguments may point into the old reason */
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    for (char *c = text; *c; c++)
        if (*c == '\n' || *c == '\r')
            *c = ' ';
    snprintf(reason, sizeof reason, "%s", text);
    return status;
}
