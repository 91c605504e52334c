/* io/nuscenes_tables.h - the tables of a nuScenes dataset (v1.0 schema) as arrays.
 *
 *     struct glint_nuscenes_tables *t;
 *     GLINT_TRY(glint_nuscenes_tables_open("/data/nuscenes", "v1.0-trainval", &t));
 *     const struct glint_nuscenes_sample *s = &t->sample[0];
 *     const struct glint_nuscenes_sweep *key = &t->sweep[s->key];  // LIDAR_TOP, its pose and calibration
 *     ...
 *     glint_nuscenes_tables_close(t);
 *
 * The JSON files (about 2 GB for trainval) are read once as streams; what stays in memory is what lidar
 * perception needs: of sample_data (2.6 million rows) and ego_pose the rows of LIDAR_TOP. Rows refer to each
 * other by index, -1 for none. Tables keep the order of their files. log, map, sensor and visibility are not
 * kept. A dataset without annotations (v1.0-test) has empty tables of them; lidarseg and panoptic are
 * optional. Everything is in the dataset's own conventions: metres, quaternions w, x, y, z, sizes width,
 * length, height, timestamps in microseconds. */
#ifndef GLINT_IO_NUSCENES_TABLES_H
#define GLINT_IO_NUSCENES_TABLES_H
#include "calib/pose.h"
#include "io/token_map.h"

#define GLINT_NUSCENES_NAME 64

struct glint_nuscenes_scene {
    struct glint_token token;
    char name[GLINT_NUSCENES_NAME]; /* "scene-0103" */
    int32_t n_samples;              /* counted in the sample table */
};

struct glint_nuscenes_sample {
    struct glint_token token;
    int64_t timestamp_us;
    int32_t scene;
    int32_t key;                  /* its key frame of LIDAR_TOP in sweep[]; -1: none */
    int32_t first, n_annotations; /* of_sample[first..] are its annotations in the order of their table */
};

struct glint_nuscenes_sweep { /* a row of sample_data of LIDAR_TOP: key frames and sweeps */
    struct glint_token token;
    int64_t timestamp_us;
    int32_t sample, calibration, pose;
    int32_t prev, next;
    bool is_key_frame;
    uint32_t file;               /* path below the dataset's root: text + file */
    uint32_t lidarseg, panoptic; /* likewise; 0: none */
};

struct glint_nuscenes_category {
    struct glint_token token;
    char name[GLINT_NUSCENES_NAME]; /* "vehicle.car" */
    int32_t index;                  /* of lidarseg; -1: the table has none */
};

struct glint_nuscenes_attribute {
    struct glint_token token;
    char name[GLINT_NUSCENES_NAME];
};

struct glint_nuscenes_instance {
    struct glint_token token;
    int32_t category;
};

struct glint_nuscenes_annotation {
    double translation[3], size[3], rotation[4];
    int32_t sample, instance, prev, next;
    int32_t attribute; /* the first of them */
    int32_t n_attributes;
    int32_t n_lidar, n_radar; /* points inside */
};

struct glint_nuscenes_tables {
    char root[1024], version[GLINT_NUSCENES_NAME];
    int32_t n_scenes, n_samples, n_sweeps, n_calibrations, n_poses, n_categories, n_attributes, n_instances,
        n_annotations;
    struct glint_nuscenes_scene *scene;
    struct glint_nuscenes_sample *sample;
    struct glint_nuscenes_sweep *sweep;
    struct glint_pose *calibration; /* vehicle from sensor, unit quaternions */
    struct glint_pose *pose;        /* world from vehicle, unit quaternions; poses of sweeps */
    struct glint_nuscenes_category *category;
    struct glint_nuscenes_attribute *attribute;
    struct glint_nuscenes_instance *instance;
    struct glint_nuscenes_annotation *annotation;
    int32_t *of_sample;               /* annotations sorted by sample */
    char *text;                       /* paths; text[0] is 0 */
    struct glint_token_map samples;   /* token -> index in sample[] */
    struct glint_token_map sweep_map; /* token -> index in sweep[] */
    int64_t n_other_data;             /* rows of sample_data of other sensors */
};

/* root/version/NAME.json. GLINT_E_NOTFOUND with the file that is missing, GLINT_E_FORMAT with file, line and
 * what was expected (a field missing or of another type, a token that is in no row), GLINT_E_NOMEM. */
int glint_nuscenes_tables_open(const char *root, const char *version,
                               struct glint_nuscenes_tables **tables_out);
void glint_nuscenes_tables_close(struct glint_nuscenes_tables *tables); /* NULL is fine */

/* Velocity of an annotation in the world, m/s: the way between its neighbours (or itself, where there is one
 * neighbour) over the time between; NaN without neighbours, or when they are more than 1.5 s apart (3 s
 * between both neighbours). */
void glint_nuscenes_velocity(const struct glint_nuscenes_tables *tables, int32_t annotation,
                             double velocity_out[2]);

/* Whether a scene belongs to a split: "train", "val", "test", "mini_train", "mini_val", as in the official
 * lists. -1: no such split. */
int glint_nuscenes_in_split(const char *split, const char *scene_name);
#endif
