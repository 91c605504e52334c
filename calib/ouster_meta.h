/* calib/ouster_meta.h - an Ouster sensor's metadata: beam angles, frame and packet format, transforms. */
#ifndef GLINT_CALIB_OUSTER_META_H
#define GLINT_CALIB_OUSTER_META_H
#include "calib/beam.h"

#define GLINT_OUSTER_COLUMNS_CAP 8192

struct glint_ouster_meta {
    char path[1024];
    char product[64]; /* "OS-1-64", "" when the file does not say */
    char profile[48]; /* udp_profile_lidar; "LEGACY" when the file does not say */
    bool fusa;        /* header_type "FUSA": functional safety headers, frame ids of 32 bits */
    int32_t pixels, columns_per_frame, columns_per_packet;
    int32_t window[2]; /* first and last measurement id that is sent; first > last: across 0 */
    double altitude_deg[GLINT_BEAMS_CAP], azimuth_deg[GLINT_BEAMS_CAP]; /* per pixel */
    double beam_offset_m[2];    /* origin of the beams from the lidar's: outwards, upwards */
    double lidar_to_sensor[12]; /* three rows of a 4 x 4 matrix, metres */
};

/* Reads a metadata file in any of its shapes: flat (firmware before 3), nested (lidar_data_format,
 * beam_intrinsics, ...), or reduced to beam angles and lidar_mode, which takes the defaults of first
 * generation sensors. GLINT_E_FORMAT with the member; GLINT_E_NOTFOUND, GLINT_E_IO. */
int glint_ouster_meta_load(const char *path, struct glint_ouster_meta *meta_out);
int glint_ouster_meta_parse(const char *name, const char *text, size_t size,
                            struct glint_ouster_meta *meta_out);

/* Looks beside a capture: its own name with .json, then every *.json of the folder, the most similar name
 * first; the first that is a metadata file and that `fits` takes. GLINT_E_NOTFOUND says where was looked. */
typedef bool glint_ouster_fits_fn(void *ctx, const struct glint_ouster_meta *meta);
int glint_ouster_meta_find(const char *capture, glint_ouster_fits_fn *fits, void *ctx,
                           struct glint_ouster_meta *meta_out);
#endif
