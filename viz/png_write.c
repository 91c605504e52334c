/* viz/png_write.c - see png_write.h. libpng with our memory below it: its allocations come from the arena,
 * which is reset after the image, so that a picture costs no heap. */
#include "viz/png_write.h"
#include <png.h>
#include <setjmp.h>
#include <string.h>

struct output {
    uint8_t *data;
    size_t cap, size;
};

static void put_bytes(png_structp png, png_bytep bytes, size_t n)
{
    struct output *o = png_get_io_ptr(png);
    if (n > o->cap - o->size)
        png_error(png, "output full");
    memcpy(o->data + o->size, bytes, n);
    o->size += n;
}

static void flush_nothing(png_structp png)
{
    (void)png;
}

static png_voidp take(png_structp png, png_alloc_size_t bytes)
{
    return glint_arena_alloc(png_get_mem_ptr(png), bytes);
}

static void give_back_later(png_structp png, png_voidp memory)
{
    (void)png;
    (void)memory; /* the arena is reset as a whole */
}

static void on_error(png_structp png, png_const_charp text)
{
    glint_fail(GLINT_E_CAPACITY, "png: %s", text);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text;
}

size_t glint_png_scratch_bytes(int32_t w, int32_t h)
{
    (void)h;
    return (size_t)w * 3 * 8 + (size_t)1024 * 1024; /* rows for filters; zlib's 268 KB and libpng's own */
}

size_t glint_png_most_bytes(int32_t w, int32_t h)
{
    const size_t raw = (size_t)h * ((size_t)w * 3 + 1);
    return raw + raw / 100 + 65536;
}

/* All libpng calls that may jump; locals of the caller are not touched after the jump. */
static int write_image(png_structp png, png_infop info, const struct glint_image *image)
{
    if (setjmp(png_jmpbuf(png)))
        return GLINT_E_CAPACITY;
    png_set_compression_level(png, 2); /* half of the time of the default, a tenth more bytes */
    png_set_filter(png, 0, PNG_FILTER_NONE);
    png_set_IHDR(png, info, (png_uint_32)image->w, (png_uint_32)image->h, 8, PNG_COLOR_TYPE_RGB,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    for (int32_t y = 0; y < image->h; y++)
        png_write_row(png, image->rgb + (size_t)y * (size_t)image->w * 3);
    png_write_end(png, NULL);
    return GLINT_OK;
}

int glint_png_encode(const struct glint_image *image, struct glint_arena *scratch, uint8_t *out, size_t cap,
                     size_t *size_out)
{
    const size_t mark = glint_arena_mark(scratch);
    struct output output = {out, cap, 0};
    png_structp png = png_create_write_struct_2(PNG_LIBPNG_VER_STRING, NULL, on_error, on_warning, scratch,
                                                take, give_back_later);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    int status = info ? GLINT_OK : glint_fail(GLINT_E_NOMEM, "png: no scratch memory");
    if (status == GLINT_OK) {
        png_set_write_fn(png, &output, put_bytes, flush_nothing);
        status = write_image(png, info, image);
    }
    png_destroy_write_struct(&png, &info);
    glint_arena_reset(scratch, mark);
    *size_out = status == GLINT_OK ? output.size : 0;
    return status;
}
