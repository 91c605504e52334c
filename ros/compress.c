/* ros/compress.c - see compress.h. */
#include "ros/compress.h"
#include <stdlib.h>
#include <string.h>
#if GLINT_HAVE_ZSTD
#include <zstd.h>
#endif
#if GLINT_HAVE_LZ4
#include <lz4frame.h>
#endif

#define ZSTD_LEVEL 1 /* a sweep in some milliseconds; higher levels save little on floats */

struct glint_compressor {
    enum glint_compression kind;
#if GLINT_HAVE_ZSTD
    ZSTD_CCtx *zstd;
#endif
};

static const char *const names[] = {"", "lz4", "zstd"};
static const bool built[] = {true, GLINT_HAVE_LZ4, GLINT_HAVE_ZSTD};

enum glint_compression glint_compression_best(void)
{
    return built[GLINT_COMPRESSION_ZSTD]  ? GLINT_COMPRESSION_ZSTD
           : built[GLINT_COMPRESSION_LZ4] ? GLINT_COMPRESSION_LZ4
                                          : GLINT_COMPRESSION_NONE;
}

const char *glint_compression_name(enum glint_compression c)
{
    return names[c];
}

int glint_compression_named(const char *name, enum glint_compression *out)
{
    if (strcmp(name, "none") == 0)
        return *out = GLINT_COMPRESSION_NONE, GLINT_OK;
    for (int i = 1; i < 3; i++)
        if (strcmp(name, names[i]) == 0) {
            *out = (enum glint_compression)i;
            return built[i] ? GLINT_OK
                            : glint_fail(GLINT_E_UNSUPPORTED, "%s: left out of this build (lib%s-dev)", name,
                                         name);
        }
    return glint_fail(GLINT_E_ARG, "%s: no such compression; known: zstd, lz4, none", name);
}

int glint_compressor_open(enum glint_compression c, struct glint_compressor **compressor_out)
{
    *compressor_out = NULL;
    if (!built[c])
        return glint_fail(GLINT_E_UNSUPPORTED, "%s: left out of this build (lib%s-dev)", names[c], names[c]);
    struct glint_compressor *p = calloc(1, sizeof *p);
    if (!p)
        return glint_fail(GLINT_E_NOMEM, "no memory for a compressor");
    p->kind = c;
#if GLINT_HAVE_ZSTD
    if (c == GLINT_COMPRESSION_ZSTD) {
        p->zstd = ZSTD_createCCtx();
        if (!p->zstd || ZSTD_isError(ZSTD_CCtx_setParameter(p->zstd, ZSTD_c_compressionLevel, ZSTD_LEVEL))) {
            glint_compressor_close(p);
            return glint_fail(GLINT_E_NOMEM, "no memory for a compressor");
        }
    }
#endif
    *compressor_out = p;
    return GLINT_OK;
}

void glint_compressor_close(struct glint_compressor *compressor)
{
    if (!compressor)
        return;
#if GLINT_HAVE_ZSTD
    ZSTD_freeCCtx(compressor->zstd);
#endif
    free(compressor);
}

#if GLINT_HAVE_ZSTD
static size_t run_zstd(struct glint_compressor *p, const uint8_t *data, size_t size, struct glint_buffer *out)
{
    const size_t most = ZSTD_compressBound(size);
    uint8_t *room = glint_buffer_room(out, most);
    const size_t n = room ? ZSTD_compress2(p->zstd, room, most, data, size) : 0;
    return ZSTD_isError(n) ? 0 : n;
}
#endif

#if GLINT_HAVE_LZ4
static size_t run_lz4(const uint8_t *data, size_t size, struct glint_buffer *out)
{
    const LZ4F_preferences_t choice = {.frameInfo = {.blockSizeID = LZ4F_max4MB, .contentSize = size}};
    const size_t most = LZ4F_compressFrameBound(size, &choice);
    uint8_t *room = glint_buffer_room(out, most);
    const size_t n = room ? LZ4F_compressFrame(room, most, data, size, &choice) : 0;
    return LZ4F_isError(n) ? 0 : n;
}
#endif

int glint_compressor_run(struct glint_compressor *compressor, const uint8_t *data, size_t size,
                         struct glint_buffer *out)
{
    size_t n = 0;
    if (compressor->kind == GLINT_COMPRESSION_NONE) {
        glint_buffer_add(out, data, size);
        return out->failed ? glint_fail(GLINT_E_NOMEM, "no memory for %zu bytes", size) : GLINT_OK;
    }
#if GLINT_HAVE_ZSTD
    if (compressor->kind == GLINT_COMPRESSION_ZSTD)
        n = run_zstd(compressor, data, size, out);
#endif
#if GLINT_HAVE_LZ4
    if (compressor->kind == GLINT_COMPRESSION_LZ4)
        n = run_lz4(data, size, out);
#endif
    out->size += n;
    return n > 0 ? GLINT_OK : glint_fail(GLINT_E_NOMEM, "no memory to compress %zu bytes", size);
}

/* ---- unpacking ---- */

#if GLINT_HAVE_LZ4
static bool unpack_lz4(const uint8_t *packed, size_t packed_size, uint8_t *out, size_t size)
{
    LZ4F_dctx *context;
    if (LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION)))
        return false;
    size_t at = 0, done = 0, hint = 1;
    while (hint != 0 && at < packed_size) {
        size_t taken = packed_size - at, made = size - done;
        hint = LZ4F_decompress(context, out + done, &made, packed + at, &taken, NULL);
        if (LZ4F_isError(hint) || (taken == 0 && made == 0))
            break;
        at += taken;
        done += made;
    }
    LZ4F_freeDecompressionContext(context);
    return hint == 0 && done == size;
}
#endif

int glint_decompress(const char *name, const uint8_t *packed, size_t packed_size, uint8_t *out, size_t size,
                     const char *what)
{
    bool good = false, known = false;
    if (name[0] == 0) {
        known = true;
        good = packed_size == size;
        if (good && size > 0)
            memcpy(out, packed, size);
    }
#if GLINT_HAVE_ZSTD
    if (strcmp(name, "zstd") == 0) {
        known = true;
        good = ZSTD_decompress(out, size, packed, packed_size) == size;
    }
#endif
#if GLINT_HAVE_LZ4
    if (strcmp(name, "lz4") == 0) {
        known = true;
        good = unpack_lz4(packed, packed_size, out, size);
    }
#endif
    if (!known)
        return glint_fail(GLINT_E_UNSUPPORTED, "%s: compression \"%.16s\": this build knows none%s%s", what,
                          name, GLINT_HAVE_ZSTD ? ", zstd" : "", GLINT_HAVE_LZ4 ? ", lz4" : "");
    return good ? GLINT_OK
                : glint_fail(GLINT_E_FORMAT, "%s: %zu packed bytes do not unpack to the %zu announced", what,
                             packed_size, size);
}

bool glint_is_packed_message(const uint8_t *data, size_t size)
{
    static const uint8_t magic[4] = {0x28, 0xb5, 0x2f, 0xfd};
    return size >= sizeof magic && memcmp(data, magic, sizeof magic) == 0;
}

int glint_unpack_message(const uint8_t *data, size_t size, size_t most, struct glint_buffer *out,
                         const char *what)
{
    unsigned long long n = 0;
#if GLINT_HAVE_ZSTD
    n = ZSTD_getFrameContentSize(data, size);
#endif
    if (n > most)
        return glint_fail(GLINT_E_FORMAT,
                          "%s: a packed message that does not say its size, or more than %zu bytes", what,
                          most);
    glint_buffer_clear(out);
    uint8_t *room = glint_buffer_room(out, (size_t)n + 1);
    if (!room)
        return glint_fail(GLINT_E_NOMEM, "%s: no memory for %llu bytes", what, n);
    GLINT_TRY(glint_decompress("zstd", data, size, room, (size_t)n, what));
    out->size = (size_t)n;
    return GLINT_OK;
}
