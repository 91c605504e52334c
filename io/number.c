/* io/number.c - see number.h. The library's strtod and printf follow the process's locale, which a library
 * must not change; results here are the same bytes everywhere. */
#include "io/number.h"
#include <ctype.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

static bool is_digit(const char *p, const char *end)
{
    return p < end && *p >= '0' && *p <= '9';
}

static bool word_is(const char *p, const char *end, const char *word)
{
    for (; *word; word++, p++)
        if (p >= end || tolower((unsigned char)*p) != *word)
            return false;
    return true;
}

/* value x 10^exponent. Powers to 22 are exact doubles, so one rounding happens in the usual case. */
static double scale(uint64_t mantissa, ptrdiff_t exponent)
{
    static const double power[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                   1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    if (mantissa <= UINT64_C(1) << 53 && exponent >= -22 && exponent <= 22)
        return exponent < 0 ? (double)mantissa / power[-exponent] : (double)mantissa * power[exponent];
    if (mantissa == 0 || exponent < -400)
        return 0;
    if (exponent > 400)
        return INFINITY;
    long double value = (long double)mantissa;
    for (ptrdiff_t e = exponent; e > 0; e--)
        value *= 10;
    for (ptrdiff_t e = exponent; e < 0; e++)
        value /= 10;
    return (double)value;
}

/* Digits of one part into mantissa; returns how many of them it no longer had room for. */
static ptrdiff_t digits(const char **p, const char *end, uint64_t *mantissa)
{
    ptrdiff_t beyond = 0;
    for (; is_digit(*p, end); (*p)++) {
        if (*mantissa < (UINT64_MAX - 9) / 10 && beyond == 0)
            *mantissa = *mantissa * 10 + (uint64_t)(**p - '0');
        else
            beyond++;
    }
    return beyond;
}

static const char *read_exponent(const char *p, const char *end, ptrdiff_t *exponent)
{
    if (p >= end || (*p != 'e' && *p != 'E'))
        return p;
    const char *q = p + 1;
    const bool minus = q < end && *q == '-';
    if (q < end && (*q == '-' || *q == '+'))
        q++;
    if (!is_digit(q, end))
        return p; /* "1e" is the number 1 and a letter */
    ptrdiff_t e = 0;
    for (; is_digit(q, end); q++)
        if (e < 100000)
            e = e * 10 + (*q - '0');
    *exponent += minus ? -e : e;
    return q;
}

const char *glint_number_read(const char *p, const char *end, double *value_out)
{
    const bool minus = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+'))
        p++;
    if (word_is(p, end, "nan")) {
        *value_out = NAN;
        return p + 3;
    }
    if (word_is(p, end, "inf")) {
        *value_out = minus ? -INFINITY : INFINITY;
        return word_is(p, end, "infinity") ? p + 8 : p + 3;
    }
    const char *begin = p;
    uint64_t mantissa = 0;
    ptrdiff_t exponent = digits(&p, end, &mantissa);
    ptrdiff_t n = p - begin;
    if (p < end && *p == '.') {
        begin = ++p;
        const ptrdiff_t beyond = digits(&p, end, &mantissa);
        const ptrdiff_t places = p - begin;
        n += places;
        exponent -= places - beyond;
    }
    if (n == 0)
        return NULL;
    p = read_exponent(p, end, &exponent);
    const double value = scale(mantissa, exponent);
    *value_out = minus ? -value : value;
    return p;
}

const char *glint_number_read_i64(const char *p, const char *end, int64_t *value_out)
{
    const bool minus = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+'))
        p++;
    if (!is_digit(p, end))
        return NULL;
    uint64_t mantissa = 0;
    if (digits(&p, end, &mantissa) > 0 || mantissa > INT64_MAX)
        return NULL;
    *value_out = minus ? -(int64_t)mantissa : (int64_t)mantissa;
    return p;
}

/* The digits of v, at least `least` of them. */
static size_t put_digits(char *text, uint64_t v, int least)
{
    char back[20];
    int n = 0;
    for (; v > 0 || n < least; v /= 10)
        back[n++] = (char)('0' + v % 10);
    for (int i = 0; i < n; i++)
        text[i] = back[n - 1 - i];
    return (size_t)n;
}

size_t glint_number_write(char *text, double value, int decimals)
{
    static const double power[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6};
    if (!(fabs(value) <= 1e12)) {
        memcpy(text, "null", 4);
        return 4;
    }
    const uint64_t unit = (uint64_t)power[decimals];
    const uint64_t scaled = (uint64_t)llround(fabs(value) * power[decimals]);
    size_t n = 0;
    if (value < 0 && scaled > 0)
        text[n++] = '-';
    n += put_digits(text + n, scaled / unit, 1);
    if (scaled % unit == 0)
        return n;
    text[n++] = '.';
    n += put_digits(text + n, scaled % unit, decimals);
    while (text[n - 1] == '0')
        n--;
    return n;
}

size_t glint_number_write_i64(char *text, int64_t value)
{
    size_t n = 0;
    if (value < 0)
        text[n++] = '-';
    return n + put_digits(text + n, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, 1);
}
