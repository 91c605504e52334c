/* core/json_stream.c - see json_stream.h.
 *
 * Two bits per depth are all the state: is the bracket a brace, and has something been read inside. Lines are
 * counted only when a failure is told. Strings, the bulk of such files, are looked through eight bytes at a
 * time for a byte that ends or complicates them. */
#include "core/json_stream.h"
#include "core/decimal.h"
#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

void glint_json_stream_init(struct glint_json_stream *s, const char *name, const void *data, size_t size,
                            unsigned flags)
{
    s->name = name;
    s->begin = s->at = s->token = size ? data : (const uint8_t *)"";
    s->end = s->begin + size;
    s->flags = flags;
    s->depth = 0;
    s->fresh = s->object = 0;
}

int glint_json_stream_fail(struct glint_json_stream *s, const char *fmt, ...)
{
    char reason[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(reason, sizeof reason, fmt, args);
    va_end(args);
    int64_t line = 1;
    const uint8_t *start = s->begin;
    for (const uint8_t *p = s->begin; p < s->token; p++) {
        if (*p != '\n')
            continue;
        line++;
        start = p + 1;
    }
    return glint_fail(GLINT_E_FORMAT, "%s:%lld:%lld: %s", s->name, (long long)line,
                      (long long)(s->token - start + 1), reason);
}

/* What was found instead, for messages. */
static int unexpected(struct glint_json_stream *s, const char *expected)
{
    s->token = s->at;
    if (s->at == s->end)
        return glint_json_stream_fail(s, "%s expected, found the end of the file", expected);
    if (*s->at > 0x20 && *s->at < 0x7f)
        return glint_json_stream_fail(s, "%s expected, found '%c'", expected, *s->at);
    return glint_json_stream_fail(s, "%s expected, found byte 0x%02x", expected, *s->at);
}

static void skip_space(struct glint_json_stream *s)
{
    const uint8_t *p = s->at;
    while (p < s->end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
        p++;
    s->at = p;
}

char glint_json_stream_peek(struct glint_json_stream *s)
{
    skip_space(s);
    return s->at < s->end ? (char)*s->at : 0;
}

/* Brackets */

static int open_bracket(struct glint_json_stream *s, char bracket, const char *expected)
{
    if (glint_json_stream_peek(s) != bracket)
        return unexpected(s, expected);
    s->token = s->at++;
    if (s->depth == GLINT_JSON_STREAM_DEPTH)
        return glint_json_stream_fail(s, "nested deeper than %d", GLINT_JSON_STREAM_DEPTH);
    const uint64_t bit = UINT64_C(1) << ++s->depth;
    s->fresh |= bit;
    s->object = bracket == '{' ? s->object | bit : s->object & ~bit;
    return GLINT_OK;
}

int glint_json_stream_object(struct glint_json_stream *s)
{
    return open_bracket(s, '{', "an object");
}

int glint_json_stream_array(struct glint_json_stream *s)
{
    return open_bracket(s, '[', "an array");
}

/* The comma before the next member, or the closing bracket (GLINT_E_EOF). */
static int next(struct glint_json_stream *s, char closing, const char *expected)
{
    const uint64_t bit = UINT64_C(1) << s->depth;
    const char c = glint_json_stream_peek(s);
    if (c == closing) {
        s->token = s->at++;
        s->depth--;
        return GLINT_E_EOF;
    }
    if (s->fresh & bit) {
        s->fresh &= ~bit;
        return GLINT_OK;
    }
    if (c != ',')
        return unexpected(s, expected);
    s->at++;
    skip_space(s);
    return GLINT_OK;
}

int glint_json_stream_item(struct glint_json_stream *s)
{
    assert(s->depth > 0 && !(s->object >> s->depth & 1));
    return next(s, ']', "',' or ']'");
}

/* Strings */

#define ONES UINT64_C(0x0101010101010101)

/* Whether none of eight bytes is a quote, a backslash, a control character or beyond ASCII. (A false alarm
 * after a true one does not matter: the bytes are then looked at one by one.) */
static bool all_plain(uint64_t v)
{
    const uint64_t quote = v ^ (ONES * '"'), back = v ^ (ONES * '\\');
    const uint64_t found = (quote - ONES) | (back - ONES) | (v - ONES * 0x20) | v;
    return !(found & (ONES * 0x80));
}

static const uint8_t *plain_run(const uint8_t *p, const uint8_t *end)
{
    for (uint64_t v; end - p >= 8; p += 8) {
        memcpy(&v, p, 8);
        if (!all_plain(v))
            break;
    }
    while (p < end && *p >= 0x20 && *p < 0x80 && *p != '"' && *p != '\\')
        p++;
    return p;
}

/* Bytes of the UTF-8 sequence at p, 0 when it is none (overlong, a surrogate, beyond U+10FFFF, cut). */
static size_t utf8_size(const uint8_t *p, const uint8_t *end)
{
    const size_t n = *p < 0xc2 ? 0 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : *p < 0xf5 ? 4 : 0;
    if (n == 0 || (size_t)(end - p) < n)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    const bool wrong = (*p == 0xe0 && p[1] < 0xa0) || (*p == 0xed && p[1] >= 0xa0) ||
                       (*p == 0xf0 && p[1] < 0x90) || (*p == 0xf4 && p[1] >= 0x90);
    return wrong ? 0 : n;
}

static bool hex4(const uint8_t *p, const uint8_t *end, uint32_t *out)
{
    uint32_t v = 0;
    if (end - p < 4)
        return false;
    for (int i = 0; i < 4; i++) {
        const uint8_t c = p[i], low = c | 0x20;
        if (c >= '0' && c <= '9')
            v = v << 4 | (uint32_t)(c - '0');
        else if (low >= 'a' && low <= 'f')
            v = v << 4 | (uint32_t)(low - 'a' + 10);
        else
            return false;
    }
    *out = v;
    return true;
}

static size_t put_utf8(uint8_t *to, uint32_t c)
{
    if (c < 0x80) {
        to[0] = (uint8_t)c;
        return 1;
    }
    if (c < 0x800) {
        to[0] = (uint8_t)(0xc0 | c >> 6);
        to[1] = (uint8_t)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        to[0] = (uint8_t)(0xe0 | c >> 12);
        to[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        to[2] = (uint8_t)(0x80 | (c & 0x3f));
        return 3;
    }
    to[0] = (uint8_t)(0xf0 | c >> 18);
    to[1] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
    to[2] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
    to[3] = (uint8_t)(0x80 | (c & 0x3f));
    return 4;
}

/* What \uXXXX (p behind the u) stands for; a pair of surrogates is one character. Bytes read, 0: wrong. */
static size_t unicode_escape(const uint8_t *p, const uint8_t *end, uint32_t *out)
{
    uint32_t low;
    if (!hex4(p, end, out) || *out == 0 || (*out >= 0xdc00 && *out < 0xe000))
        return 0;
    if (*out < 0xd800 || *out >= 0xe000)
        return 4;
    if (end - p < 10 || p[4] != '\\' || p[5] != 'u' || !hex4(p + 6, end, &low) || low < 0xdc00 ||
        low >= 0xe000)
        return 0;
    *out = 0x10000 + ((*out - 0xd800) << 10) + (low - 0xdc00);
    return 10;
}

/* The escape at p ("\\n"): its bytes to `to` (at most 4), their number to *put. Bytes read, 0: wrong. */
static size_t read_escape(const uint8_t *p, const uint8_t *end, uint8_t *to, size_t *put)
{
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    *put = 1;
    if (end - p < 2)
        return 0;
    if (p[1] == 'u') {
        uint32_t c;
        const size_t n = unicode_escape(p + 2, end, &c);
        *put = n ? put_utf8(to, c) : 0;
        return n ? n + 2 : 0;
    }
    const char *name = p[1] ? strchr(names, p[1]) : NULL;
    if (!name)
        return 0;
    to[0] = (uint8_t)values[name - names];
    return 2;
}

/* From the opening quote to behind the closing one; *escapes: there are some. */
static int scan_string(struct glint_json_stream *s, bool *escapes)
{
    s->token = s->at;
    const uint8_t *p = s->at + 1;
    *escapes = false;
    for (;;) {
        p = plain_run(p, s->end);
        size_t n, put;
        uint8_t bytes[4];
        s->at = p;
        if (p == s->end)
            return glint_json_stream_fail(s, "string without end");
        if (*p == '"')
            break;
        if (*p == '\\') {
            n = read_escape(p, s->end, bytes, &put);
            *escapes = true;
        } else {
            n = utf8_size(p, s->end);
        }
        if (n == 0) {
            s->token = p;
            return glint_json_stream_fail(s, *p == '\\'  ? "unknown escape in a string"
                                             : *p < 0x20 ? "control character in a string"
                                                         : "string is not UTF-8");
        }
        p += n;
    }
    s->at = p + 1;
    return GLINT_OK;
}

static int resolve(struct glint_json_stream *s, struct glint_json_text *out)
{
    const uint8_t *p = s->token + 1, *end = s->at - 1;
    size_t size = 0;
    while (p < end) {
        size_t put = 1;
        if (size + 4 > sizeof s->scratch)
            return glint_json_stream_fail(s, "string with escapes longer than %zu bytes", sizeof s->scratch);
        if (*p == '\\')
            p += read_escape(p, end, (uint8_t *)s->scratch + size, &put);
        else
            s->scratch[size] = (char)*p++;
        size += put;
    }
    *out = (struct glint_json_text){s->scratch, size};
    return GLINT_OK;
}

static int take_string(struct glint_json_stream *s, struct glint_json_text *out)
{
    bool escapes;
    GLINT_TRY(scan_string(s, &escapes));
    if (escapes)
        return resolve(s, out);
    *out = (struct glint_json_text){(const char *)s->token + 1, (size_t)(s->at - s->token) - 2};
    return GLINT_OK;
}

int glint_json_stream_text(struct glint_json_stream *s, struct glint_json_text *out)
{
    if (glint_json_stream_peek(s) != '"')
        return unexpected(s, "a string");
    return take_string(s, out);
}

int glint_json_stream_key(struct glint_json_stream *s, struct glint_json_text *key_out)
{
    assert(s->depth > 0 && (s->object >> s->depth & 1));
    const int status = next(s, '}', "',' or '}'");
    if (status != GLINT_OK)
        return status;
    if (glint_json_stream_peek(s) != '"')
        return unexpected(s, "a key in quotes");
    GLINT_TRY(take_string(s, key_out));
    if (glint_json_stream_peek(s) != ':')
        return unexpected(s, "':'");
    s->at++;
    return GLINT_OK;
}

/* Numbers */

static bool is_digit(const uint8_t *p, const uint8_t *end)
{
    return p < end && (uint8_t)(*p - '0') < 10;
}

/* Digits into the mantissa as long as they fit; returns how many did not. */
static ptrdiff_t take_digits(const uint8_t **p, const uint8_t *end, struct glint_decimal *d)
{
    ptrdiff_t beyond = 0;
    for (; is_digit(*p, end); (*p)++) {
        const uint64_t digit = (uint64_t)(**p - '0');
        if (beyond == 0 && d->mantissa < (UINT64_MAX - 9) / 10) {
            d->mantissa = d->mantissa * 10 + digit;
            continue;
        }
        beyond++;
        d->inexact = d->inexact || digit != 0;
    }
    return beyond;
}

static int32_t clamp_exponent(ptrdiff_t e)
{
    return e > 100000 ? 100000 : e < -100000 ? -100000 : (int32_t)e;
}

static bool take_exponent(const uint8_t **p, const uint8_t *end, struct glint_decimal *d)
{
    const bool minus = *p < end && **p == '-';
    if (*p < end && (**p == '-' || **p == '+'))
        (*p)++;
    if (!is_digit(*p, end))
        return false;
    int32_t e = 0;
    for (; is_digit(*p, end); (*p)++)
        if (e < 100000)
            e = e * 10 + (**p - '0');
    d->exponent += minus ? -e : e;
    return true;
}

/* The digits behind the point. Those that no longer fit count neither as digits nor as places; when already
 * the whole part was cut, all do not. */
static bool take_places(const uint8_t **p, const uint8_t *end, struct glint_decimal *d)
{
    const uint8_t *first = *p;
    if (d->exponent == 0) {
        const ptrdiff_t beyond = take_digits(p, end, d);
        d->exponent = clamp_exponent(-(*p - first - beyond));
    }
    for (d->inexact = d->inexact || d->exponent > 0; is_digit(*p, end);)
        (*p)++;
    return *p > first;
}

/* digits[.digits][e[+-]digits] by JSON's rules; *whole: without fraction and exponent. */
static int scan_number(struct glint_json_stream *s, struct glint_decimal *d, bool *whole)
{
    *d = (struct glint_decimal){0};
    s->token = s->at;
    const uint8_t *p = s->at, *end = s->end;
    d->minus = p < end && *p == '-';
    s->at = p += d->minus;
    if (!is_digit(p, end))
        return unexpected(s, "a number");
    const bool zero = *p == '0';
    d->exponent = clamp_exponent(take_digits(&p, end, d));
    bool ok = !zero || p - s->at == 1;
    *whole = true;
    if (p < end && *p == '.') {
        p++;
        ok = take_places(&p, end, d) && ok;
        *whole = false;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        ok = take_exponent(&p, end, d) && ok;
        *whole = false;
    }
    s->at = p;
    return ok ? GLINT_OK : glint_json_stream_fail(s, "malformed number");
}

static bool take_word(struct glint_json_stream *s, const char *word)
{
    const size_t n = strlen(word);
    if ((size_t)(s->end - s->at) < n || memcmp(s->at, word, n) != 0)
        return false;
    s->token = s->at;
    s->at += n;
    return true;
}

static bool take_not_finite(struct glint_json_stream *s, double *out)
{
    if (!(s->flags & GLINT_JSON_NAN))
        return false;
    *out = NAN;
    if (take_word(s, "NaN"))
        return true;
    *out = take_word(s, "Infinity") ? HUGE_VAL : take_word(s, "-Infinity") ? -HUGE_VAL : 0;
    return *out != 0;
}

int glint_json_stream_f64(struct glint_json_stream *s, double *out)
{
    struct glint_decimal d;
    bool whole;
    skip_space(s);
    if (s->at < s->end && !is_digit(s->at, s->end) && take_not_finite(s, out))
        return GLINT_OK;
    GLINT_TRY(scan_number(s, &d, &whole));
    *out = glint_decimal_value(&d, (const char *)s->token, (size_t)(s->at - s->token));
    if (!isfinite(*out))
        return glint_json_stream_fail(s, "number too large");
    return GLINT_OK;
}

int glint_json_stream_i64(struct glint_json_stream *s, int64_t *out)
{
    struct glint_decimal d;
    bool whole;
    skip_space(s);
    GLINT_TRY(scan_number(s, &d, &whole));
    if (!whole)
        return glint_json_stream_fail(s, "a whole number expected");
    if (d.exponent != 0 || d.mantissa > INT64_MAX)
        return glint_json_stream_fail(s, "number too large");
    *out = d.minus ? -(int64_t)d.mantissa : (int64_t)d.mantissa;
    return GLINT_OK;
}

int glint_json_stream_f64s(struct glint_json_stream *s, size_t n, double *out, size_t *n_out)
{
    size_t found = 0;
    GLINT_TRY(glint_json_stream_array(s));
    const uint8_t *start = s->token;
    int status;
    while ((status = glint_json_stream_item(s)) == GLINT_OK) {
        double value;
        GLINT_TRY(glint_json_stream_f64(s, &value));
        if (found < n)
            out[found] = value;
        found++;
    }
    if (status != GLINT_E_EOF)
        return status;
    if (n_out)
        *n_out = found;
    s->token = start;
    if (!n_out && found != n)
        return glint_json_stream_fail(s, "%zu numbers expected, found %zu", n, found);
    return GLINT_OK;
}

/* The rest */

int glint_json_stream_bool(struct glint_json_stream *s, bool *out)
{
    skip_space(s);
    *out = take_word(s, "true");
    return *out || take_word(s, "false") ? GLINT_OK : unexpected(s, "true or false");
}

static int skip_scalar(struct glint_json_stream *s)
{
    struct glint_decimal d;
    double value;
    bool flag;
    const char c = glint_json_stream_peek(s);
    if (c == '"')
        return scan_string(s, &flag);
    if (take_word(s, "true") || take_word(s, "false") || take_word(s, "null") || take_not_finite(s, &value))
        return GLINT_OK;
    if (c != '-' && !(c >= '0' && c <= '9'))
        return unexpected(s, "a value");
    return scan_number(s, &d, &flag);
}

int glint_json_stream_skip(struct glint_json_stream *s)
{
    const int32_t base = s->depth;
    do {
        const char c = glint_json_stream_peek(s);
        GLINT_TRY(c == '{'   ? glint_json_stream_object(s)
                  : c == '[' ? glint_json_stream_array(s)
                             : skip_scalar(s));
        while (s->depth > base) { /* to the next value, out of what ends before it */
            struct glint_json_text key;
            const int status =
                s->object >> s->depth & 1 ? glint_json_stream_key(s, &key) : glint_json_stream_item(s);
            if (status == GLINT_OK)
                break;
            if (status != GLINT_E_EOF)
                return status;
        }
    } while (s->depth > base);
    return GLINT_OK;
}

int glint_json_stream_finish(struct glint_json_stream *s)
{
    return glint_json_stream_peek(s) == 0 && s->at == s->end ? GLINT_OK
                                                             : unexpected(s, "the end of the file");
}
