/* io/inflate.c - see inflate.h.
 *
 * With libdeflate where the build has it: whole streams in memory are what it is made for, at three times the
 * speed of zlib. It wants to know the size of what comes out, or starts again with more memory; and it only
 * says that a stream is bad. So the output's memory is kept from stream to stream, and what it refuses goes
 * through zlib, which has the last word and says why. */
#include "io/inflate.h"
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#if GLINT_HAVE_LIBDEFLATE
#include <libdeflate.h>
#endif

#define FIRST_OUTPUT ((size_t)1 << 16)

struct glint_inflate {
    z_stream stream;
    uint8_t *out;
    size_t cap;
#if GLINT_HAVE_LIBDEFLATE
    struct libdeflate_decompressor *fast;
#endif
};

int glint_inflate_open(struct glint_inflate **inflate_out)
{
    struct glint_inflate *z = calloc(1, sizeof *z);
    *inflate_out = NULL;
    if (!z || inflateInit(&z->stream) != Z_OK) {
        free(z);
        return glint_fail(GLINT_E_NOMEM, "no memory to inflate");
    }
#if GLINT_HAVE_LIBDEFLATE
    z->fast = libdeflate_alloc_decompressor(); /* NULL: zlib alone */
#endif
    *inflate_out = z;
    return GLINT_OK;
}

void glint_inflate_close(struct glint_inflate *z)
{
    if (!z)
        return;
#if GLINT_HAVE_LIBDEFLATE
    libdeflate_free_decompressor(z->fast);
#endif
    inflateEnd(&z->stream);
    free(z->out);
    free(z);
}

/* Twice the memory, cap + 1 bytes at most: that one byte tells a stream that is too long. */
static int grow(struct glint_inflate *z, size_t cap)
{
    size_t want = z->cap ? 2 * z->cap : FIRST_OUTPUT;
    if (want > cap + 1)
        want = cap + 1;
    if (want <= z->cap)
        return GLINT_OK;
    uint8_t *out = realloc(z->out, want);
    if (!out)
        return glint_fail(GLINT_E_NOMEM, "no memory for %zu inflated bytes", want);
    z->out = out;
    z->cap = want;
    return GLINT_OK;
}

/* Whether the stream is whole and good and its bytes are in out; else zlib says what it is. */
static bool inflate_fast(struct glint_inflate *z, const uint8_t *data, size_t size, size_t cap,
                         size_t *size_out)
{
#if GLINT_HAVE_LIBDEFLATE
    size_t read = 0;
    enum libdeflate_result result = LIBDEFLATE_INSUFFICIENT_SPACE;
    while (z->fast && result == LIBDEFLATE_INSUFFICIENT_SPACE) {
        result = libdeflate_zlib_decompress_ex(z->fast, data, size, z->out, z->cap, &read, size_out);
        if (result == LIBDEFLATE_INSUFFICIENT_SPACE && (z->cap > cap || grow(z, cap) < 0))
            break;
    }
    return result == LIBDEFLATE_SUCCESS && read == size && *size_out <= cap;
#else
    (void)z, (void)data, (void)size, (void)cap, (void)size_out;
    return false;
#endif
}

static int inflate_all(struct glint_inflate *z, const char *what, size_t cap, size_t *size_out)
{
    z_stream *s = &z->stream;
    for (int code = Z_OK; code != Z_STREAM_END;) {
        size_t used = (size_t)s->total_out;
        if (used > cap)
            return glint_fail(GLINT_E_FORMAT, "%s: inflates to more than %zu bytes", what, cap);
        if (used == z->cap)
            GLINT_TRY(grow(z, cap));
        s->next_out = z->out + used;
        s->avail_out = (uInt)(z->cap - used);
        code = inflate(s, Z_NO_FLUSH);
        used = (size_t)s->total_out;
        if (code == Z_MEM_ERROR)
            return glint_fail(GLINT_E_NOMEM, "%s: no memory to inflate", what);
        if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR)
            return glint_fail(GLINT_E_FORMAT, "%s: damaged zlib stream at its byte %lu (%s)", what,
                              s->total_in, s->msg ? s->msg : "a dictionary is wanted");
        if (code != Z_STREAM_END && s->avail_in == 0 && used < z->cap)
            return glint_fail(GLINT_E_FORMAT, "%s: zlib stream is cut after %lu bytes", what, s->total_in);
    }
    if ((size_t)s->total_out > cap)
        return glint_fail(GLINT_E_FORMAT, "%s: inflates to more than %zu bytes", what, cap);
    if (s->avail_in > 0)
        return glint_fail(GLINT_E_FORMAT, "%s: %u bytes behind the zlib stream", what, s->avail_in);
    *size_out = (size_t)s->total_out;
    return GLINT_OK;
}

int glint_inflate_run(struct glint_inflate *z, const char *what, const uint8_t *data, size_t size, size_t cap,
                      const uint8_t **data_out, size_t *size_out)
{
    if (size > INT_MAX || cap > INT_MAX)
        return glint_fail(GLINT_E_FORMAT, "%s: %zu bytes to inflate", what, size);
    GLINT_TRY(z->out ? GLINT_OK : grow(z, cap));
    if (inflate_fast(z, data, size, cap, size_out)) {
        *data_out = z->out;
        return GLINT_OK;
    }
    inflateReset(&z->stream);
    z->stream.next_in = (Bytef *)(uintptr_t)data; /* zlib reads it only */
    z->stream.avail_in = (uInt)size;
    GLINT_TRY(inflate_all(z, what, cap, size_out));
    *data_out = z->out;
    return GLINT_OK;
}
