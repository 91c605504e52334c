/* core/log.h - words for people, by level, through one callback. Nothing else prints. */
#ifndef GLINT_CORE_LOG_H
#define GLINT_CORE_LOG_H
#include "core/status.h"

enum glint_log_level { GLINT_LOG_DEBUG, GLINT_LOG_INFO, GLINT_LOG_WARN, GLINT_LOG_ERROR };

typedef void glint_log_fn(void *ctx, enum glint_log_level level, const char *line);

/* Where lines go; NULL: nowhere (the default). Call before any other thread runs. */
void glint_log_set(glint_log_fn *fn, void *ctx, enum glint_log_level least);

/* One line, no newline at its end. Thread-safe as far as the callback is. */
void glint_log(enum glint_log_level level, const char *fmt, ...) GLINT_PRINTF(2, 3);
#endif
