/* core/status.h - how functions inside Glint fail; see glint/status.h for the codes. */
#ifndef GLINT_CORE_STATUS_H
#define GLINT_CORE_STATUS_H
#include "glint/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define GLINT_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define GLINT_PRINTF(fmt, args)
#endif

/* Keeps the formatted reason for glint_error_text() of this thread and returns `status`, so
 * that a failure is one line: return glint_fail(GLINT_E_FORMAT, "%s: ...", path). The text
 * names the file and offset or field and what was expected. Never call it for flow codes. */
int glint_fail(int status, const char *fmt, ...) GLINT_PRINTF(2, 3);

/* Forwards a failure (any negative status) of expr to the caller. */
#define GLINT_TRY(expr)                                                                                      \
    do {                                                                                                     \
        const int glint_try_status_ = (expr);                                                                \
        if (glint_try_status_ < 0)                                                                           \
            return glint_try_status_;                                                                        \
    } while (0)

#ifdef __cplusplus
}
#endif
#endif
