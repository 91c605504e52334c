/* viz/png_write.h - an RGB image to PNG bytes in memory that is already there. */
#ifndef GLINT_VIZ_PNG_WRITE_H
#define GLINT_VIZ_PNG_WRITE_H
#include "core/arena.h"
#include "core/status.h"
#include "viz/raster.h"

/* Memory that glint_png_encode takes from its arena, and the most bytes it can give, for an image of w x h.
 */
size_t glint_png_scratch_bytes(int32_t w, int32_t h);
size_t glint_png_most_bytes(int32_t w, int32_t h);

/* Writes the file's bytes to out (of `cap`) and their number to *size_out. The arena is used from its mark on
 * and given back. The same image gives the same bytes with the same zlib. GLINT_E_CAPACITY, GLINT_E_NOMEM. */
int glint_png_encode(const struct glint_image *image, struct glint_arena *scratch, uint8_t *out, size_t cap,
                     size_t *size_out);
#endif
