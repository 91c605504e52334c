/* glint/status.h - the status codes every function of Glint returns.
 *
 * A function that can fail returns an int: GLINT_OK (0) or one of the negative
 * GLINT_E_* below. The reason, one line that names the file or field, is kept per
 * thread and read with glint_error_text(). */
#ifndef GLINT_STATUS_H
#define GLINT_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

/* X(name, value, text). GLINT_E_AGAIN and GLINT_E_EOF are flow, not failure. */
#define GLINT_STATUS_MAP(X)                                                                                  \
    X(OK, 0, "ok")                                                                                           \
    X(E_AGAIN, -1, "more input needed or output full")                                                       \
    X(E_EOF, -2, "end of input")                                                                             \
    X(E_NOMEM, -3, "out of memory")                                                                          \
    X(E_ARG, -4, "wrong argument")                                                                           \
    X(E_IO, -5, "reading or writing failed")                                                                 \
    X(E_FORMAT, -6, "bad input")                                                                             \
    X(E_UNSUPPORTED, -7, "not supported")                                                                    \
    X(E_CAPACITY, -8, "a capacity set at start is exceeded")                                                 \
    X(E_DEVICE, -9, "device error or missing permission")                                                    \
    X(E_CANCELLED, -10, "cancelled")                                                                         \
    X(E_NOTFOUND, -11, "not found")

enum glint_status {
#define GLINT_STATUS_ENUM(name, value, text) GLINT_##name = (value),
    GLINT_STATUS_MAP(GLINT_STATUS_ENUM)
#undef GLINT_STATUS_ENUM
};

/* "GLINT_E_FORMAT" and the like; "GLINT_E_?" for a value that is none. Static storage. */
const char *glint_status_name(int status);

/* The generic text of a status. Static storage. */
const char *glint_status_text(int status);

/* The reason of the last failure in the calling thread: one line, no newline, "" when
 * there was none. Valid until the thread's next failing call. */
const char *glint_error_text(void);

#ifdef __cplusplus
}
#endif
#endif
