/* tests/fuzz/fuzz_json_stream.c - any text through the stream reader; what it takes and refuses is compared
 * with the JSON library's verdict on the same bytes. */
#include "tests/fuzz/fuzz.h"
#include "core/json.h"
#include "core/json_stream.h"

/* Takes every value by its type, so that the readers of values run too. */
static int take(struct glint_json_stream *s)
{
    struct glint_json_text text;
    double real;
    bool flag;
    int status;
    const char c = glint_json_stream_peek(s);
    if (c == '{') {
        GLINT_TRY(glint_json_stream_object(s));
        while ((status = glint_json_stream_key(s, &text)) == GLINT_OK)
            GLINT_TRY(take(s));
        return status == GLINT_E_EOF ? GLINT_OK : status;
    }
    if (c == '[') {
        GLINT_TRY(glint_json_stream_array(s));
        while ((status = glint_json_stream_item(s)) == GLINT_OK)
            GLINT_TRY(take(s));
        return status == GLINT_E_EOF ? GLINT_OK : status;
    }
    if (c == '"')
        return glint_json_stream_text(s, &text);
    if (c == 't' || c == 'f')
        return glint_json_stream_bool(s, &flag);
    return c == 'n' ? glint_json_stream_skip(s) : glint_json_stream_f64(s, &real);
}

static int read_all(const uint8_t *text, size_t size, int (*reader)(struct glint_json_stream *s),
                    unsigned flags)
{
    struct glint_json_stream s;
    glint_json_stream_init(&s, "input", text, size, flags);
    GLINT_TRY(reader(&s));
    return glint_json_stream_finish(&s);
}

/* Reasons for which the library refuses more: it keeps numbers and has no duplicate keys. */
static int library_is_stricter(const char *reason)
{
    return strstr(reason, "too big") || strstr(reason, "overflow") || strstr(reason, "duplicate") ||
           strstr(reason, "nested deeper");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *text = glint_fuzz_block(data, size);
    struct glint_json_doc *doc;
    const int taken = read_all(text, size, take, 0),
              skipped = read_all(text, size, glint_json_stream_skip, 0);
    read_all(text, size, take, GLINT_JSON_NAN);
    const int library = glint_json_parse("input", (const char *)text, size, &doc);
    const int has_nul = size > 0 && memchr(text, 0, size) != NULL; /* the library takes one for the end */
    if (!has_nul && (skipped == GLINT_OK) != (library == GLINT_OK) &&
        !(library < 0 && library_is_stricter(glint_error_text())) && !(library == GLINT_OK && size > 4096))
        abort();
    if (taken == GLINT_OK && skipped < 0)
        abort();
    glint_json_close(doc);
    free(text);
    return 0;
}
