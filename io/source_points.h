/* io/source_points.h - files of points: formats and their readers, and the source that gives the frames of
 * one such file or of a folder of them. docs/FORMATS.md says what is in each format. */
#ifndef GLINT_IO_SOURCE_POINTS_H
#define GLINT_IO_SOURCE_POINTS_H
#include "core/frame.h"
#include "io/source.h"

#define GLINT_CLOUD_CAP_POINTS (16 << 20) /* a file with more points in a frame is refused: it is no scan */

struct glint_cloud_file { /* a file as a reader sees it; nothing in it is trusted */
    const char *path;     /* for messages and the frame's name */
    const uint8_t *data;
    size_t size;
};

struct glint_cloud_scratch { /* memory between file and frame, grows to what the largest file needs */
    uint8_t *data;
    size_t cap;
    bool said_scale; /* how intensity was scaled is told once per source */
};
/* GLINT_E_NOMEM. Start with all zero; what was inside is lost. */
int glint_cloud_scratch_reserve(struct glint_cloud_scratch *scratch, size_t size);
void glint_cloud_scratch_fini(struct glint_cloud_scratch *scratch);

/* A format of point files. Readers can be given any bytes: they fail with GLINT_E_FORMAT, naming the path and
 * what was expected, or fill points, stamp_ns and the counts of what they left out. */
struct glint_cloud_format {
    const char *name; /* as in glint_source_settings.format */
    /* Frames in the file and the most points of one of them, from sizes and headers. */
    int (*count)(const struct glint_cloud_file *file, int32_t *n_frames_out, int32_t *cap_points_out);
    int (*read)(const struct glint_cloud_file *file, int32_t item, struct glint_cloud_scratch *scratch,
                struct glint_frame *frame);
};
extern const struct glint_cloud_format glint_cloud_kitti, glint_cloud_nuscenes, glint_cloud_argoverse2,
    glint_cloud_pcd, glint_cloud_glint_bin, glint_cloud_glint_csv, glint_cloud_tensors;

/* The format of a file by the ending of its name and, where that leaves a doubt, by its content; NULL: none
 * of these. */
const struct glint_cloud_format *glint_cloud_format_of(const struct glint_cloud_file *file);

/* One by its name ("kitti"; "glint" is .csv or .bin by the ending); NULL: unknown. */
const struct glint_cloud_format *glint_cloud_format_named(const char *name, const char *path);

/* Whether a file starts with the header line of our own tables of points. */
bool glint_cloud_is_csv(const uint8_t *data, size_t size);

/* Whether this path ends like a point file of ours. */
bool glint_cloud_ending(const char *path);

/* Reads item of a file in memory into a cleared frame and sets its name, source and stamp. */
int glint_cloud_read(const struct glint_cloud_format *format, const struct glint_cloud_file *file,
                     int32_t item, struct glint_cloud_scratch *scratch, struct glint_frame *frame);

/* nuScenes' LIDAR_TOP frame (x right, y forward, z up) to the vehicle frame (x forward, y left) and back. */
void glint_nuscenes_to_vehicle(const float sensor[3], float vehicle_out[3]);
void glint_nuscenes_from_vehicle(const float vehicle[3], float sensor_out[3]);

/* Frames of one file, or of all point files of a folder in byte order of their names (not of folders inside
 * it). A file that cannot be read fails the call that meets it; the next call goes on with the next file, and
 * the frame's number stays unused. format NULL: by each file. GLINT_E_NOTFOUND, GLINT_E_IO, GLINT_E_FORMAT
 * (empty file, no point file in the folder). */
int glint_source_points_open(const char *path, const char *format, struct glint_source **source_out);
#endif
