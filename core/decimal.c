/* core/decimal.c - see decimal.h.
 *
 * Reading, in order of cost: (1) a mantissa below 2^53 and a power of ten up to 10^22 are both exact doubles,
 * so one product or quotient rounds once (Clinger, "How to read floating point numbers accurately", 1990).
 * (2) Where long double has 64 bits, the same holds for mantissas below 2^64 and powers up to 10^27; rounding
 * its result to 53 bits is a second rounding, which can only differ from the single one when the 11 bits that
 * go lie within one unit of the half way: those cases are left to (3), the C library, whose strtod rounds
 * correctly. It and printf follow the locale, so they are called in the "C" locale of this thread alone. */
#define _POSIX_C_SOURCE 200809L
#include "core/decimal.h"
#include <float.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static locale_t c_locale;

static void make_locale(void)
{
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

static locale_t enter_c_locale(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_locale);
    return c_locale ? uselocale(c_locale) : (locale_t)0;
}

static void leave_c_locale(locale_t before)
{
    if (before)
        uselocale(before);
}

/* Reading */

static const double power10[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

#if LDBL_MANT_DIG == 64
static bool value_by_long_double(const struct glint_decimal *d, double *out)
{
    static const long double power[] = {1e0L,  1e1L,  1e2L,  1e3L,  1e4L,  1e5L,  1e6L,  1e7L,  1e8L,  1e9L,
                                        1e10L, 1e11L, 1e12L, 1e13L, 1e14L, 1e15L, 1e16L, 1e17L, 1e18L, 1e19L,
                                        1e20L, 1e21L, 1e22L, 1e23L, 1e24L, 1e25L, 1e26L, 1e27L};
    if (d->exponent < -27 || d->exponent > 27)
        return false;
    const long double mantissa = (long double)d->mantissa;
    const long double value =
        d->exponent < 0 ? mantissa / power[-d->exponent] : mantissa * power[d->exponent];
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits); /* the 64 bits of the mantissa come first */
    const uint64_t tail = bits & 0x7ff;
    if (tail >= 0x3ff && tail <= 0x401)
        return false;
    *out = (double)value;
    return true;
}
#else
static bool value_by_long_double(const struct glint_decimal *d, double *out)
{
    (void)d;
    (void)out;
    return false;
}
#endif

static double value_by_library(const char *text, size_t size)
{
    char small[512], *copy = size < sizeof small ? small : malloc(size + 1);
    if (!copy)
        return NAN;
    memcpy(copy, text, size);
    copy[size] = 0;
    const locale_t before = enter_c_locale();
    const double value = strtod(copy, NULL);
    leave_c_locale(before);
    if (copy != small)
        free(copy);
    return value;
}

double glint_decimal_value(const struct glint_decimal *d, const char *text, size_t size)
{
    double value;
    if (d->inexact)
        return value_by_library(text, size);
    if (d->mantissa <= UINT64_C(1) << 53 && d->exponent >= -22 && d->exponent <= 22)
        value = d->exponent < 0 ? (double)d->mantissa / power10[-d->exponent]
                                : (double)d->mantissa * power10[d->exponent];
    else if (d->mantissa == 0)
        value = 0;
    else if (!value_by_long_double(d, &value))
        return value_by_library(text, size);
    return d->minus ? -value : value;
}

/* Writing */

struct digits { /* 0.d1d2d3... x 10^point */
    char digit[24];
    int n, point;
};

/* A decimal of at most 15 digits that reads back to the value is the only one of its length, hence the
 * shortest; most numbers in our files have at most six places. */
static bool few_places(double value, struct digits *out)
{
    const double scaled = value * 1e6;
    if (!(scaled < 1e15) || rint(scaled) / 1e6 != value)
        return false;
    const int n = snprintf(out->digit, sizeof out->digit, "%lld", llrint(scaled));
    out->n = n;
    out->point = n - 6;
    return true;
}

static void shortest(double value, struct digits *out)
{
    char text[40];
    const locale_t before = enter_c_locale();
    for (int n = value < DBL_MIN ? 1 : 15; n <= 17; n++) { /* subnormal numbers have fewer digits */
        snprintf(text, sizeof text, "%.*e", n - 1, value);
        if (n == 17 || strtod(text, NULL) == value)
            break;
    }
    leave_c_locale(before);
    const char *e = strchr(text, 'e');
    out->n = 0;
    for (const char *p = text; p < e; p++)
        if (*p >= '0' && *p <= '9')
            out->digit[out->n++] = *p;
    out->point = atoi(e + 1) + 1;
}

static size_t put_zeros(char *text, int n)
{
    for (int i = 0; i < n; i++)
        text[i] = '0';
    return n > 0 ? (size_t)n : 0;
}

/* Python's choice: an exponent below 1e-4 and from 1e16 on. */
static size_t put_plain(char *text, const struct digits *d)
{
    size_t n = 0;
    if (d->point <= 0) {
        text[n++] = '0';
        text[n++] = '.';
        n += put_zeros(text + n, -d->point);
        memcpy(text + n, d->digit, (size_t)d->n);
        return n + (size_t)d->n;
    }
    const int whole = d->n < d->point ? d->n : d->point;
    memcpy(text, d->digit, (size_t)whole);
    n = (size_t)whole;
    n += put_zeros(text + n, d->point - whole);
    text[n++] = '.';
    if (d->n <= whole) {
        text[n++] = '0';
        return n;
    }
    memcpy(text + n, d->digit + whole, (size_t)(d->n - whole));
    return n + (size_t)(d->n - whole);
}

static size_t put_exponent(char *text, const struct digits *d)
{
    size_t n = 0;
    text[n++] = d->digit[0];
    if (d->n > 1) {
        text[n++] = '.';
        memcpy(text + n, d->digit + 1, (size_t)(d->n - 1));
        n += (size_t)(d->n - 1);
    }
    char exponent[8];
    const int m = snprintf(exponent, sizeof exponent, "e%c%02d", d->point > 0 ? '+' : '-', abs(d->point - 1));
    memcpy(text + n, exponent, (size_t)m);
    return n + (size_t)m;
}

size_t glint_decimal_write(char *text, double value)
{
    size_t n = 0;
    if (signbit(value)) {
        text[n++] = '-';
        value = -value;
    }
    if (value == 0) {
        memcpy(text + n, "0.0", 3);
        return n + 3;
    }
    struct digits d;
    if (!few_places(value, &d))
        shortest(value, &d);
    while (d.n > 1 && d.digit[d.n - 1] == '0')
        d.n--;
    if (d.point > -4 && d.point <= 16)
        return n + put_plain(text + n, &d);
    return n + put_exponent(text + n, &d);
}
