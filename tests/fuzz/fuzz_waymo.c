/* tests/fuzz/fuzz_waymo.c - Waymo's files. The first byte says what the rest is:
 *   0  a TFRecord file
 *   1  a Frame message
 *   2  a Frame message whose images are not compressed: they are here, so that changes reach what is inside
 * them */
#include "tests/fuzz/fuzz.h"
#include "io/waymo.pb-c.h"
#include "io/waymo_frame.h"
#include <zlib.h>

static volatile double seen; /* so that all is read */

static void use(const struct glint_waymo_frame *f)
{
    double sum = 0;
    for (int l = 0; l < GLINT_WAYMO_LASERS; l++)
        for (int r = 0; r < GLINT_WAYMO_RETURNS; r++) {
            const struct glint_waymo_image *image = &f->laser[l].image[r];
            for (int32_t k = 0; k < image->points.n; k++) {
                const int32_t pixel = image->points.pixel[k];
                if (pixel < 0 || pixel >= image->height * image->width)
                    abort();
                sum += image->points.x[k] + (double)image->pixel[4 * (size_t)pixel];
                if (image->label)
                    sum += image->label[(size_t)image->n_label * (size_t)pixel];
            }
        }
    for (int32_t i = 0; i < f->n_labels; i++)
        sum += (double)strlen(f->labels[i].id) + f->labels[i].center[0];
    for (int32_t i = 0; i < f->n_zones; i++)
        for (int32_t k = 0; k < f->zones[i].n; k++)
            sum += f->zones[i].x[k] + f->zones[i].y[k];
    seen = sum;
}

static void read_frame(const struct glint_record *record)
{
    static struct glint_waymo_reader *reader;
    const struct glint_waymo_frame *frame;
    if (!reader && glint_waymo_reader_open(1, NULL, &reader) < 0)
        abort();
    glint_waymo_read(reader, "input", record, 1, GLINT_WAYMO_CLASSES);
    if (glint_waymo_reader_frame(reader, 0, &frame) == GLINT_OK)
        use(frame);
}

static void read_bytes(const uint8_t *data, size_t size)
{
    uint8_t *block = glint_fuzz_block(data, size);
    read_frame(&(struct glint_record){block, size, 0, 0});
    free(block);
}

static void read_file(const uint8_t *data, size_t size)
{
    for (int skip = 0; skip < 2; skip++) {
        struct glint_tfrecord file;
        struct glint_record record;
        int64_t n = 0;
        if (glint_tfrecord_open(&file, glint_fuzz_file(data, size, ".tfrecord"), skip) < 0)
            abort();
        int status;
        while ((status = glint_tfrecord_next(&file, &record)) != GLINT_E_EOF) {
            if (skip && status < 0)
                abort();
            if (status == GLINT_OK)
                read_frame(&record);
            if (++n > (int64_t)size)
                abort(); /* every record takes bytes */
        }
        glint_tfrecord_close(&file);
    }
}

static void compress_image(ProtobufCBinaryData *image)
{
    uLongf n = compressBound((uLong)image->len);
    uint8_t *out = malloc(n);
    if (!out || compress2(out, &n, image->data, (uLong)image->len, 1) != Z_OK)
        abort();
    free(image->data);
    *image = (ProtobufCBinaryData){n, out};
}

static void compress_images(Glint__Waymo__RangeImage *image)
{
    if (!image)
        return;
    if (image->has_range_image_compressed)
        compress_image(&image->range_image_compressed);
    if (image->has_range_image_pose_compressed)
        compress_image(&image->range_image_pose_compressed);
    if (image->has_segmentation_label_compressed)
        compress_image(&image->segmentation_label_compressed);
}

static void read_plain(const uint8_t *data, size_t size)
{
    Glint__Waymo__Frame *frame = glint__waymo__frame__unpack(NULL, size, data);
    if (!frame)
        return;
    for (size_t i = 0; i < frame->n_lasers; i++) {
        compress_images(frame->lasers[i]->ri_return1);
        compress_images(frame->lasers[i]->ri_return2);
    }
    uint8_t *packed = malloc(glint__waymo__frame__get_packed_size(frame) + 1);
    if (!packed)
        abort();
    read_bytes(packed, glint__waymo__frame__pack(frame, packed));
    free(packed);
    glint__waymo__frame__free_unpacked(frame, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    if (data[0] == 0)
        read_file(data + 1, size - 1);
    else if (data[0] == 1)
        read_bytes(data + 1, size - 1);
    else
        read_plain(data + 1, size - 1);
    return 0;
}
