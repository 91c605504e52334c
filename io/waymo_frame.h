/* io/waymo_frame.h - a Frame message of the Waymo Open Dataset (perception, v1) as plain data: what one
 * record of its TFRecord files holds.
 *
 * Without protobuf-c every call fails with GLINT_E_UNSUPPORTED, "built without protobuf-c". */
#ifndef GLINT_IO_WAYMO_FRAME_H
#define GLINT_IO_WAYMO_FRAME_H
#include "core/pool.h"
#include "io/range_image.h"
#include "io/tfrecord.h"

#define GLINT_WAYMO_LASERS     5
#define GLINT_WAYMO_RETURNS    2
#define GLINT_WAYMO_CAP_PIXELS (1 << 20) /* of an image; the largest there is has 169,600 */

/* One return of one lidar. */
struct glint_waymo_image {
    int32_t height, width; /* 0: there is none */
    const float *pixel;    /* height x width x 4, see io/range_image.h; an empty pixel is -1 */
    const int32_t *label;  /* height x width x n_label, or NULL: instance, semantic class (or that alone) */
    int32_t n_label;       /* 2, 1; 0 without labels */
    struct glint_range_points points;
};

struct glint_waymo_laser {
    struct glint_waymo_image image[GLINT_WAYMO_RETURNS];
    const float
        *pose; /* of the first image, height x width x 6; NULL: this lidar has none. For both returns */
    double *inclination;  /* of the first image's rows, rad, the first row first */
    double extrinsic[16]; /* vehicle from lidar */
};

struct glint_waymo_label {
    const char *id;                     /* "" when absent */
    int32_t type;                       /* 1 vehicle, 2 pedestrian, 3 sign, 4 cyclist, else unknown */
    double center[3], size[3], heading; /* vehicle frame; length along the heading, width, height */
    double speed[2];                    /* m/s along the vehicle frame's x and y */
    int32_t detection_difficulty, tracking_difficulty; /* 0 unknown, 1, 2 */
    int32_t n_points, n_top_points;                    /* inside, of all lidars and of TOP; 0 when absent */
};

struct glint_waymo_zone { /* a polygon in the global frame that was not labelled */
    const char *id;
    const double *x, *y;
    int32_t n;
};

struct glint_waymo_frame {
    const char *context;                          /* name of the segment */
    const char *time_of_day, *location, *weather; /* "" when absent */
    int64_t stamp_us;
    double pose[16]; /* global from vehicle */
    bool has_pose;
    struct glint_waymo_laser laser[GLINT_WAYMO_LASERS]; /* TOP, FRONT, SIDE_LEFT, SIDE_RIGHT, REAR */
    int32_t n_labels, n_zones;
    struct glint_waymo_label *labels;
    struct glint_waymo_zone *zones;
};

/* "TOP" ... of laser 0..4 (the dataset's numbers less one). Static storage. */
const char *glint_waymo_laser_name(int32_t laser);

enum glint_waymo_parts {
    GLINT_WAYMO_LABELS,  /* all but the images */
    GLINT_WAYMO_POINTS,  /* with range images and their points */
    GLINT_WAYMO_CLASSES, /* and with the pixels' labels */
};

/* Reads up to n_frames frames at a time, on the pool (NULL: in the caller), which outlives it; keeps its
 * memory for the next ones. GLINT_E_NOMEM, GLINT_E_UNSUPPORTED. */
struct glint_waymo_reader;
int glint_waymo_reader_open(int32_t n_frames, struct glint_pool *pool,
                            struct glint_waymo_reader **reader_out);
void glint_waymo_reader_close(struct glint_waymo_reader *reader); /* NULL is fine */

/* Reads the frames of n <= n_frames records of the file `path`. Each has its own status: GLINT_E_FORMAT for a
 * record that is no frame, an image without calibration, sizes that do not fit, zlib streams that are damaged
 * or cut; GLINT_E_NOMEM. The records need not stay. */
void glint_waymo_read(struct glint_waymo_reader *reader, const char *path, const struct glint_record *records,
                      int32_t n, enum glint_waymo_parts parts);

/* Frame i of the last read: its status, which in the calling thread keeps the reason like glint_fail (path,
 * record, byte, lidar, what was expected), and what was read, valid until the next read. */
int glint_waymo_reader_frame(const struct glint_waymo_reader *reader, int32_t i,
                             const struct glint_waymo_frame **frame_out);
#endif
