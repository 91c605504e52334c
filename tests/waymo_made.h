/* tests/waymo_made.h - small made frames of Waymo's format: TOP 4 x 6 with poses and labels, FRONT 3 x 5.
 * Include after tests/files.h; needs protobuf-c. */
#ifndef GLINT_TESTS_WAYMO_MADE_H
#define GLINT_TESTS_WAYMO_MADE_H
#include "io/tfrecord.h"
#include "io/waymo.pb-c.h"
#include <zlib.h>

/* What a frame is made of; members may be changed before it is packed. */
struct waymo_made {
    Glint__Waymo__Frame frame;
    Glint__Waymo__Context context;
    Glint__Waymo__LaserCalibration calibration[2], *calibrations[2];
    Glint__Waymo__Transform pose, extrinsic[2];
    Glint__Waymo__Laser laser[2], *lasers[2];
    Glint__Waymo__RangeImage image[2];
    Glint__Waymo__Label label, *labels[1];
    Glint__Waymo__Box box;
    Glint__Waymo__Polygon2d zone, *zones[1];
    double matrix[16], inclination[3], polygon[2][3];
    float range[2][4 * 6 * 4], poses[4 * 6 * 6];
    int32_t classes[4 * 6 * 2];
    uint8_t packed[4][2048]; /* the images: TOP's range, poses, classes, FRONT's range */
    size_t n_packed[4];
    char name[32];
};

/* A matrix message as a zlib stream. */
static inline size_t waymo_compress(const uint8_t *message, size_t size, uint8_t *out, size_t cap)
{
    uLongf n = cap;
    assert_int_equal(compress(out, &n, message, size), Z_OK);
    return n;
}

static inline void waymo_floats(struct waymo_made *w, int k, float *data, int32_t height, int32_t width,
                                int32_t channels)
{
    uint8_t message[4096];
    Glint__Waymo__MatrixFloat m = GLINT__WAYMO__MATRIX_FLOAT__INIT;
    Glint__Waymo__MatrixShape shape = GLINT__WAYMO__MATRIX_SHAPE__INIT;
    int32_t dims[3] = {height, width, channels};
    shape.dims = dims;
    shape.n_dims = 3;
    m.data = data;
    m.n_data = (size_t)(height * width * channels);
    m.shape = &shape;
    w->n_packed[k] = waymo_compress(message, glint__waymo__matrix_float__pack(&m, message), w->packed[k],
                                    sizeof w->packed[k]);
}

static inline void waymo_integers(struct waymo_made *w, int k, int32_t *data, int32_t height, int32_t width,
                                  int32_t channels)
{
    uint8_t message[4096];
    Glint__Waymo__MatrixInt32 m = GLINT__WAYMO__MATRIX_INT32__INIT;
    Glint__Waymo__MatrixShape shape = GLINT__WAYMO__MATRIX_SHAPE__INIT;
    int32_t dims[3] = {height, width, channels};
    shape.dims = dims;
    shape.n_dims = 3;
    m.data = data;
    m.n_data = (size_t)(height * width * channels);
    m.shape = &shape;
    w->n_packed[k] = waymo_compress(message, glint__waymo__matrix_int32__pack(&m, message), w->packed[k],
                                    sizeof w->packed[k]);
}

static inline void waymo_fill(struct waymo_made *w, int index)
{
    for (int i = 0; i < 24; i++) {
        const bool empty = i % 5 == 0;
        const float pixel[4] = {10.0f + (float)i, 0.25f * (float)i, 0.5f, i % 7 == 1 ? 1.0f : -1.0f};
        const float pose[6] = {0, 0, 0.001f * (float)(i % 6), 100.5f, -20, 3};
        for (int k = 0; k < 4; k++)
            w->range[0][4 * i + k] = w->range[1][4 * i + k] = empty ? -1 : pixel[k];
        memcpy(w->poses + 6 * i, pose, sizeof pose);
        w->classes[2 * i] = 40 + i;
        w->classes[2 * i + 1] = i % 23;
    }
    snprintf(w->name, sizeof w->name, "made_%d", index / 3);
    w->frame.has_timestamp_micros = 1;
    w->frame.timestamp_micros = 1557845612000000 + 100000 * (int64_t)index;
}

static inline void waymo_calibrate(struct waymo_made *w)
{
    static double flat[2] = {-0.3, 0.1};
    for (int i = 0; i < 16; i++)
        w->matrix[i] = i % 5 == 0;
    for (int i = 0; i < 3; i++)
        w->inclination[i] = -0.2 + 0.1 * i;
    for (int i = 0; i < 2; i++) {
        w->extrinsic[i] = w->pose = (Glint__Waymo__Transform)GLINT__WAYMO__TRANSFORM__INIT;
        w->extrinsic[i].n_transform = w->pose.n_transform = 16;
        w->extrinsic[i].transform = w->pose.transform = w->matrix;
        w->calibration[i] = (Glint__Waymo__LaserCalibration)GLINT__WAYMO__LASER_CALIBRATION__INIT;
        w->calibration[i].has_name = 1;
        w->calibration[i].name = 2 - i; /* not in the lidars' order */
        w->calibration[i].extrinsic = &w->extrinsic[i];
        w->calibrations[i] = &w->calibration[i];
    }
    w->calibration[0].n_beam_inclinations = 3;
    w->calibration[0].beam_inclinations = w->inclination;
    w->calibration[1].has_beam_inclination_min = w->calibration[1].has_beam_inclination_max = 1;
    w->calibration[1].beam_inclination_min = flat[0];
    w->calibration[1].beam_inclination_max = flat[1];
    w->context = (Glint__Waymo__Context)GLINT__WAYMO__CONTEXT__INIT;
    w->context.name = w->name;
    w->context.n_laser_calibrations = 2;
    w->context.laser_calibrations = w->calibrations;
}

static inline void waymo_label(struct waymo_made *w)
{
    w->label = (Glint__Waymo__Label)GLINT__WAYMO__LABEL__INIT;
    w->box = (Glint__Waymo__Box)GLINT__WAYMO__BOX__INIT;
    w->box.has_center_x = w->box.has_length = w->box.has_width = w->box.has_height = 1;
    w->box.center_x = 12;
    w->box.length = 4.5;
    w->box.width = 2;
    w->box.height = 1.5;
    w->label.box = &w->box;
    w->label.has_type = w->label.has_num_lidar_points_in_box = 1;
    w->label.type = 1;
    w->label.num_lidar_points_in_box = 9;
    w->label.id = w->name;
    w->labels[0] = &w->label;
    w->zone = (Glint__Waymo__Polygon2d)GLINT__WAYMO__POLYGON2D__INIT;
    w->zone.n_x = w->zone.n_y = 3;
    w->zone.x = w->polygon[0];
    w->zone.y = w->polygon[1];
    w->zones[0] = &w->zone;
}

/* Frame `index` of a made file. */
static inline void waymo_make(struct waymo_made *w, int index)
{
    memset(w, 0, sizeof *w);
    w->frame = (Glint__Waymo__Frame)GLINT__WAYMO__FRAME__INIT;
    waymo_fill(w, index);
    waymo_calibrate(w);
    waymo_label(w);
    waymo_floats(w, 0, w->range[0], 4, 6, 4);
    waymo_floats(w, 1, w->poses, 4, 6, 6);
    waymo_integers(w, 2, w->classes, 4, 6, 2);
    waymo_floats(w, 3, w->range[1], 3, 5, 4);
    for (int i = 0; i < 2; i++) {
        w->image[i] = (Glint__Waymo__RangeImage)GLINT__WAYMO__RANGE_IMAGE__INIT;
        w->laser[i] = (Glint__Waymo__Laser)GLINT__WAYMO__LASER__INIT;
        w->laser[i].has_name = 1;
        w->laser[i].name = i + 1;
        w->laser[i].ri_return1 = &w->image[i];
        w->lasers[i] = &w->laser[i];
        w->image[i].has_range_image_compressed = 1;
    }
    w->image[0].has_range_image_pose_compressed = w->image[0].has_segmentation_label_compressed = 1;
    w->frame.context = &w->context;
    w->frame.pose = &w->pose;
    w->frame.n_lasers = 2;
    w->frame.lasers = w->lasers;
    w->frame.n_laser_labels = w->frame.n_no_label_zones = 1;
    w->frame.laser_labels = w->labels;
    w->frame.no_label_zones = w->zones;
}

/* The packed frame; *data_out is the caller's. */
static inline size_t waymo_pack(struct waymo_made *w, uint8_t **data_out)
{
    w->image[0].range_image_compressed = (ProtobufCBinaryData){w->n_packed[0], w->packed[0]};
    w->image[0].range_image_pose_compressed = (ProtobufCBinaryData){w->n_packed[1], w->packed[1]};
    w->image[0].segmentation_label_compressed = (ProtobufCBinaryData){w->n_packed[2], w->packed[2]};
    w->image[1].range_image_compressed = (ProtobufCBinaryData){w->n_packed[3], w->packed[3]};
    *data_out = malloc(glint__waymo__frame__get_packed_size(&w->frame));
    assert_non_null(*data_out);
    return glint__waymo__frame__pack(&w->frame, *data_out);
}

/* A file of n made frames in the test's folder. */
static inline const char *waymo_file(const char *name, int n)
{
    const char *path = glint_test_path(name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    for (int i = 0; i < n; i++) {
        static struct waymo_made made;
        uint8_t *data;
        waymo_make(&made, i);
        const size_t size = waymo_pack(&made, &data);
        assert_true(glint_tfrecord_write(f, data, size));
        free(data);
    }
    assert_int_equal(fclose(f), 0);
    return path;
}
#endif
