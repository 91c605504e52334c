/* core/decimal.h - doubles as decimal text and back, exactly, the same in every locale.
 *
 * io/number.h has short numbers for people and is within one unit in the last place; these two are for
 * results that must survive: writing gives the shortest text that reads back to the same double, and reading
 * gives the double that is nearest to the text (ties to even). Thread-safe. */
#ifndef GLINT_CORE_DECIMAL_H
#define GLINT_CORE_DECIMAL_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GLINT_DECIMAL_TEXT 32 /* most bytes glint_decimal_write() uses */

/* A scanned decimal number: (-1)^minus x mantissa x 10^exponent, when no digit was dropped. */
struct glint_decimal {
    uint64_t mantissa; /* the first significant digits, as many as fit */
    int32_t exponent;  /* of ten */
    bool minus;
    bool inexact; /* digits were dropped that may be other than zero: only the text tells the value */
};

/* The double nearest to the number; text (not terminated) is the number as it stands, needed where the quick
 * ways do not decide. Too large: +-HUGE_VAL. */
double glint_decimal_value(const struct glint_decimal *number, const char *text, size_t size);

/* Writes a finite value as Python's repr does: shortest digits that read back to the same double, "1.0",
 * "0.001", "1e-05", "1e+16". Returns the length; text is not terminated. */
size_t glint_decimal_write(char *text /* GLINT_DECIMAL_TEXT */, double value);
#endif
