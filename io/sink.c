/* io/sink.c - see sink.h and sinks.h: paths with numbers, and which sink a path gets. */
#define _POSIX_C_SOURCE 200809L
#include "io/sink.h"
#include "core/text.h"
#include "io/sinks.h"
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Reads "%06d" at p (behind the %): width and end, or NULL for anything else. */
static const char *read_number(const char *p, int *width_out, bool *zeros_out)
{
    *zeros_out = *p == '0';
    *width_out = 0;
    for (; *p >= '0' && *p <= '9'; p++)
        if ((*width_out = *width_out * 10 + (*p - '0')) > 20)
            return NULL;
    return *p == 'd' ? p + 1 : NULL;
}

static int put(char *out, size_t size, size_t *n, const char *text, size_t length)
{
    if (length >= size - *n)
        return glint_fail(GLINT_E_ARG, "%.60s...: path too long", out);
    memcpy(out + *n, text, length);
    *n += length;
    out[*n] = 0;
    return GLINT_OK;
}

int glint_sink_path(const char *pattern, uint64_t index, char *path_out, size_t size)
{
    size_t n = 0;
    bool numbered = false;
    path_out[0] = 0;
    for (const char *p = pattern; *p;) {
        if (*p != '%' || p[1] == '%') {
            GLINT_TRY(put(path_out, size, &n, p, 1));
            p += *p == '%' ? 2 : 1;
            continue;
        }
        int width;
        bool zeros;
        const char *next = read_number(p + 1, &width, &zeros);
        if (!next || numbered)
            return glint_fail(
                GLINT_E_ARG, "%s: only one %%d, %%06d or the like can stand for the frame's number", pattern);
        char number[32];
        const int length =
            snprintf(number, sizeof number, zeros ? "%0*llu" : "%*llu", width, (unsigned long long)index);
        GLINT_TRY(put(path_out, size, &n, number, (size_t)length));
        numbered = true;
        p = next;
    }
    return GLINT_OK;
}

int glint_sink_finish_close(struct glint_sink *sink)
{
    if (!sink)
        return GLINT_OK;
    const int status = sink->ops->finish(sink);
    sink->ops->close(sink);
    return status;
}

/* A pipe or a device, which have no endings. */
static bool is_stream(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

int glint_sink_open_by_ending(const char *path, const struct glint_sink_context *ctx,
                              struct glint_sink **sink_out)
{
    *sink_out = NULL;
    if (strcmp(path, "-") == 0 || glint_ends_with(path, ".jsonl"))
        return glint_sink_jsonl_open(path, ctx, sink_out);
    if (glint_ends_with(path, ".label"))
        return glint_sink_label_open(path, ctx, sink_out);
    if (glint_ends_with(path, "_lidarseg.bin"))
        return glint_sink_lidarseg_open(path, ctx, sink_out);
    if (glint_ends_with(path, ".npz"))
        return glint_sink_panoptic_open(path, ctx, sink_out);
    if (glint_ends_with(path, ".pcd") || glint_ends_with(path, ".bin") || glint_ends_with(path, ".csv"))
        return glint_sink_cloud_open(path, ctx, sink_out);
    if (glint_ends_with(path, ".mcap"))
        return glint_fail(GLINT_E_UNSUPPORTED, "%s: MCAP is not written by this command", path);
    if (is_stream(path))
        return glint_sink_jsonl_open(path, ctx, sink_out);
    return glint_fail(
        GLINT_E_ARG,
        "%s: unknown ending of an output; known: .jsonl .mcap .label _lidarseg.bin .npz .png .pcd "
        ".bin .csv, dds:DOMAIN",
        path);
}
