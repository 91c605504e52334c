/* io/number.h - decimal numbers in text files, the same in every locale. */
#ifndef GLINT_IO_NUMBER_H
#define GLINT_IO_NUMBER_H
#include <stddef.h>
#include <stdint.h>

#define GLINT_NUMBER_TEXT 32 /* most bytes glint_number_write() uses */

/* Reads a decimal number ("-1.5e-3", "nan", "inf") that starts at p and ends before `end`. Returns the first
 * byte after it, or NULL when there is none. The value is within one unit in the last place of the nearest
 * double; exact for up to 15 digits and small exponents. */
const char *glint_number_read(const char *p, const char *end, double *value_out);

/* The same for a whole number; NULL too when it does not fit. */
const char *glint_number_read_i64(const char *p, const char *end, int64_t *value_out);

/* Writes value rounded to `decimals` (0..6) places without trailing zeros, "-0" as "0", to text; returns the
 * length. What is not finite or beyond 1e12 becomes "null" (length 4). text is not terminated. */
size_t glint_number_write(char *text /* GLINT_NUMBER_TEXT */, double value, int decimals);
size_t glint_number_write_i64(char *text /* GLINT_NUMBER_TEXT */, int64_t value);
#endif
