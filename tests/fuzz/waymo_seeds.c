/* tests/fuzz/waymo_seeds.c - inputs of fuzz_waymo: waymo_seeds FOLDER FILES.tfrecord... Made frames, and
 * those of the files with small images, as they are and with their images inflated. */
#include "tests/fuzz/fuzz.h"
#define assert_int_equal(a, b) ((a) == (b) ? (void)0 : abort())
#define assert_non_null(p)     ((p) ? (void)0 : abort())
#define assert_true(c)         ((c) ? (void)0 : abort())
static const char *glint_test_path(const char *name);
#include "tests/waymo_made.h"
#include "io/inflate.h"

#define MOST 100000 /* bytes of a frame worth starting from */

static const char *folder;
static int n_seeds;

static const char *glint_test_path(const char *name)
{
    static char path[1024];
    snprintf(path, sizeof path, "%.900s/%.100s", folder, name);
    return path;
}

static void save(char kind, const uint8_t *data, size_t size)
{
    char name[32];
    snprintf(name, sizeof name, "seed_%03d", n_seeds++);
    FILE *f = fopen(glint_test_path(name), "wb");
    if (!f || fputc(kind, f) == EOF || fwrite(data, 1, size, f) != size || fclose(f) != 0)
        abort();
}

static void inflate_image(struct glint_inflate *z, ProtobufCBinaryData *image)
{
    const uint8_t *data;
    size_t size;
    if (image->len == 0 || glint_inflate_run(z, "seed", image->data, image->len, 16u << 20, &data, &size) < 0)
        return;
    free(image->data);
    image->data = malloc(size);
    assert_non_null(image->data);
    memcpy(image->data, data, size);
    image->len = size;
}

static void inflate_images(struct glint_inflate *z, Glint__Waymo__RangeImage *image)
{
    if (!image)
        return;
    inflate_image(z, &image->range_image_compressed);
    inflate_image(z, &image->range_image_pose_compressed);
    inflate_image(z, &image->segmentation_label_compressed);
}

static void save_frame(struct glint_inflate *z, const uint8_t *data, size_t size)
{
    save(1, data, size);
    Glint__Waymo__Frame *frame = glint__waymo__frame__unpack(NULL, size, data);
    assert_non_null(frame);
    for (size_t i = 0; i < frame->n_lasers; i++) {
        inflate_images(z, frame->lasers[i]->ri_return1);
        inflate_images(z, frame->lasers[i]->ri_return2);
    }
    const size_t plain_size = glint__waymo__frame__get_packed_size(frame);
    uint8_t *plain = malloc(plain_size);
    assert_non_null(plain);
    glint__waymo__frame__pack(frame, plain);
    if (plain_size < MOST)
        save(2, plain, plain_size);
    free(plain);
    glint__waymo__frame__free_unpacked(frame, NULL);
}

/* A file of two made frames, and each of them. */
static void save_made(struct glint_inflate *z)
{
    static struct waymo_made made;
    char path[1100];
    snprintf(path, sizeof path, "%s", waymo_file("made.tfrecord", 2));
    struct glint_tfrecord file;
    if (glint_tfrecord_open(&file, path, false) < 0)
        abort();
    save(0, file.file.data, file.file.size);
    glint_tfrecord_close(&file);
    remove(path);
    uint8_t *data;
    waymo_make(&made, 0);
    const size_t size = waymo_pack(&made, &data);
    save_frame(z, data, size);
    free(data);
}

int main(int argc, char **argv)
{
    struct glint_inflate *z;
    if (argc < 2 || glint_inflate_open(&z) < 0)
        return 2;
    folder = argv[1];
    save_made(z);
    for (int i = 2; i < argc; i++) {
        struct glint_tfrecord file;
        struct glint_record record;
        if (glint_tfrecord_open(&file, argv[i], false) < 0)
            continue;
        for (int n = 0; n < 3 && glint_tfrecord_next(&file, &record) == GLINT_OK; n++)
            if (record.size < MOST)
                save_frame(z, record.data, record.size);
        glint_tfrecord_close(&file);
    }
    glint_inflate_close(z);
    printf("%d seeds\n", n_seeds);
    return 0;
}
