/* tests/test_sink_masks.c - masks as nuScenes has them, byte by byte. */
#include "tests/clouds.h"

#include "io/sinks.h"
#include <zlib.h>

static const char *const classes[] = {"car"}, *const point_classes[] = {"car", "road"};
static const struct glint_sink_context ctx = {1, 2, classes, point_classes};

static struct glint_frame *masked_frame(void)
{
    struct glint_frame *f = cloud_frame(CLOUD_CAP);
    for (int i = 0; i < 5; i++)
        glint_frame_add_point(f, 1, 2, 3, 0, 0, 0, 0);
    f->n_boxes = 2;
    f->boxes[0] = (struct glint_box){.id = -1};
    f->boxes[1] = (struct glint_box){.id = 41};
    f->has_masks = true;
    memcpy(f->point_class, (const uint8_t[]){0, 1, 255, 0, 0}, 5);
    memcpy(f->point_instance, (const uint16_t[]){1, 0, 0, 2, 9}, 10);
    return f;
}

static char *write_and_read(const char *name, const struct glint_frame *f, size_t *size)
{
    struct glint_sink *sink;
    const char *path = glint_test_path(name);
    expect_ok(glint_sink_open_by_ending(path, &ctx, &sink));
    expect_ok(sink->ops->write(sink, f));
    expect_ok(glint_sink_finish_close(sink));
    return glint_test_read(path, size);
}

static void lidarseg_is_a_byte_per_point(void **state)
{
    struct glint_frame *f = masked_frame();
    size_t size;
    (void)state;
    char *bytes = write_and_read("0_lidarseg.bin", f, &size);
    assert_int_equal(size, 5);
    assert_memory_equal(bytes, ((const char[]){1, 2, 0, 1, 1}), 5);
    free(bytes);
    cloud_frame_done(f);
}

static uint32_t u32(const char *at)
{
    uint32_t v;
    memcpy(&v, at, 4);
    return v;
}

static void panoptic_is_an_npz_of_class_and_instance(void **state)
{
    static const uint16_t wanted[] = {1001, 2000, 0, 1042, 1000};
    struct glint_frame *f = masked_frame();
    size_t size;
    (void)state;
    char *zip = write_and_read("0_panoptic.npz", f, &size);
    assert_memory_equal(zip, "PK\3\4", 4);
    assert_memory_equal(zip + 30, "data.npy\x93NUMPY\1", 15);
    const char *npy = zip + 38;
    assert_int_equal(u32(zip + 18), 128 + 10);
    assert_int_equal(u32(zip + 14), crc32(0, (const uint8_t *)npy, 138));
    assert_memory_equal(npy + 10, "{'descr': '<u2', 'fortran_order': False, 'shape': (5,), }", 57);
    assert_int_equal(npy[127], '\n');
    assert_memory_equal(npy + 128, wanted, sizeof wanted);
    const char *entry = npy + 138, *end = entry + 54;
    assert_memory_equal(entry, "PK\1\2", 4);
    assert_int_equal(u32(entry + 16), u32(zip + 14));
    assert_memory_equal(end, "PK\5\6", 4);
    assert_int_equal(u32(end + 12), 54);
    assert_int_equal(u32(end + 16), entry - zip);
    assert_int_equal(size, end + 22 - zip);
    free(zip);
    f->has_masks = false;
    f->points.n = 0;
    zip = write_and_read("1_panoptic.npz", f, &size);
    assert_int_equal(size, 38 + 128 + 54 + 22);
    free(zip);
    cloud_frame_done(f);
}

/* SemanticKITTI's own labels where the classes are its 19; else counted from 1. */
static void labels_are_semantickittis(void **state)
{
    static const char *const names[] = {
        "car",          "bicycle", "motorcycle", "truck",    "other-vehicle", "person",   "bicyclist",
        "motorcyclist", "road",    "parking",    "sidewalk", "other-ground",  "building", "fence",
        "vegetation",   "trunk",   "terrain",    "pole",     "traffic-sign"};
    static const uint32_t wanted[2][5] = {{0x1000a, 11, 0, 0x2000a, 0x9000a},
                                          {0x10001, 2, 0, 0x20001, 0x90001}};
    struct glint_frame *f = masked_frame();
    (void)state;
    for (int i = 0; i < 2; i++) {
        const struct glint_sink_context context = {1, i ? 18 : 19, classes, names};
        struct glint_sink *sink;
        const char *path = glint_test_path(i ? "1.label" : "0.label");
        size_t size;
        expect_ok(glint_sink_open_by_ending(path, &context, &sink));
        expect_ok(sink->ops->write(sink, f));
        expect_ok(glint_sink_finish_close(sink));
        char *bytes = glint_test_read(path, &size);
        assert_int_equal(size, sizeof wanted[i]);
        assert_memory_equal(bytes, wanted[i], sizeof wanted[i]);
        free(bytes);
    }
    cloud_frame_done(f);
}

static void a_model_without_masks_writes_none(void **state)
{
    static const struct glint_sink_context boxes = {1, 0, classes, NULL};
    struct glint_sink *sink;
    (void)state;
    assert_int_equal(glint_sink_open_by_ending("x_lidarseg.bin", &boxes, &sink), GLINT_E_UNSUPPORTED);
    assert_int_equal(glint_sink_open_by_ending("x.npz", &boxes, &sink), GLINT_E_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(lidarseg_is_a_byte_per_point),
                                       cmocka_unit_test(panoptic_is_an_npz_of_class_and_instance),
                                       cmocka_unit_test(labels_are_semantickittis),
                                       cmocka_unit_test(a_model_without_masks_writes_none)};
    return cmocka_run_group_tests(tests, glint_test_folder_make, glint_test_folder_remove);
}
