/* io/waymo_csv.h - every point of a Waymo file as a table; see docs/FORMATS.md. */
#ifndef GLINT_IO_WAYMO_CSV_H
#define GLINT_IO_WAYMO_CSV_H
#include "io/waymo_frame.h"

struct glint_waymo_csv_settings {
    int32_t n_threads; /* >= 1 */
    bool skip_corrupt;
    uint64_t first_frame, end_frame; /* records first <= i < end */
};

struct glint_waymo_csv_count {
    uint64_t frames, points;
    uint64_t corrupt; /* records left out with skip_corrupt */
};

/* Writes the points of all frames of a TFRecord file to out_path ("-": standard output): the columns of the
 * header line, in the order lidar, return, row, column. Positions are in metres with nine decimals, the
 * pixel's values have nine significant digits, which give the same float. Fails like glint_tfrecord_next and
 * glint_waymo_read before or after some lines, which stay; GLINT_E_IO when out_path cannot be written;
 * GLINT_E_NOMEM. count_out may be NULL. */
int glint_waymo_csv(const char *path, const char *out_path, const struct glint_waymo_csv_settings *settings,
                    struct glint_waymo_csv_count *count_out);
#endif
