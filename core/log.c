/* core/log.c - see log.h. */
#include "core/log.h"
#include <stdarg.h>
#include <stdio.h>

static glint_log_fn *sink;
static void *sink_ctx;
static enum glint_log_level sink_least = GLINT_LOG_INFO;

void glint_log_set(glint_log_fn *fn, void *ctx, enum glint_log_level least)
{
    sink = fn;
    sink_ctx = ctx;
    sink_least = least;
}

void glint_log(enum glint_log_level level, const char *fmt, ...)
{
    if (!sink || level < sink_least)
        return;
    char line[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    sink(sink_ctx, level, line);
}
