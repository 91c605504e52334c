/* eval/report_text.c - see report_text.h. */
#include "eval/report_text.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void glint_report_put(struct glint_buffer *b, const char *fmt, ...)
{
    char text[640];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    glint_buffer_text(b, text);
}

static const char *entity(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    default:
        return (unsigned char)c < ' ' ? "" : NULL;
    }
}

void glint_report_escape(struct glint_buffer *b, const char *text)
{
    for (const char *p = text; *p; p++) {
        const char *instead = entity(*p);
        if (instead)
            glint_buffer_text(b, instead);
        else
            glint_buffer_add(b, p, 1);
    }
}

void glint_report_base64(struct glint_buffer *b, const uint8_t *data, size_t size)
{
    static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const size_t n = (size + 2) / 3 * 4;
    uint8_t *out = n ? glint_buffer_room(b, n) : NULL;
    if (!out)
        return;
    for (size_t i = 0; i < size; i += 3) {
        const uint32_t second = i + 1 < size ? data[i + 1] : 0, third = i + 2 < size ? data[i + 2] : 0;
        const uint32_t bits = (uint32_t)data[i] << 16 | second << 8 | third;
        *out++ = (uint8_t)digit[bits >> 18];
        *out++ = (uint8_t)digit[bits >> 12 & 63];
        *out++ = i + 1 < size ? (uint8_t)digit[bits >> 6 & 63] : '=';
        *out++ = i + 2 < size ? (uint8_t)digit[bits & 63] : '=';
    }
    b->size += n;
}
