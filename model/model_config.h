/* model/model_config.h - the part of a model folder's config.json that every architecture shares; the
 * sections of one architecture are read by its arch_*.c. docs/MODELS.md describes every member. */
#ifndef GLINT_MODEL_MODEL_CONFIG_H
#define GLINT_MODEL_MODEL_CONFIG_H
#include "attention/vfe.h"
#include "core/json.h"
#include "voxel/voxel.h"

#define GLINT_CLASSES_MAX 64
#define GLINT_FIELDS_MAX  8

struct glint_model_config {
    struct glint_json_doc *doc; /* owns all strings */
    struct glint_json root;     /* the whole document, for an architecture's own sections */
    const char *arch, *name;
    int32_t n_classes, n_point_classes;
    const char *classes[GLINT_CLASSES_MAX], *point_classes[GLINT_CLASSES_MAX];
    int32_t n_fields; /* the point features the network takes, in its order */
    enum glint_point_field fields[GLINT_FIELDS_MAX];
    bool uses_intensity;
    float intensity_scale;    /* the frame's 0..1 times this is what the network sees; 0: unused */
    bool intensity_tanh;      /* it sees the hyperbolic tangent of a raw intensity */
    bool x_right;             /* x right, y forward: a frame's axes turned; architectures that do so */
    int32_t past_sweeps;      /* that it wants under each sweep; who gives the frames sees to it */
    double min_distance_m;    /* points nearer to their sensor are not wanted; as above */
    float sensor_height_m[2]; /* 0 0: unknown */
    float range[6];           /* x y z lowest, x y z highest, m */
    float pillar[3];          /* cell size, m */
    struct glint_grid grid;   /* origin, cell, dim, filter, drop_first; the rest is the architecture's */
    float centre_offset[3];   /* centre of a cell = (float)cell * pillar + this; rounded once */
    bool free_grid; /* cells of `cell` metres without bounds; range: where points are clipped to, or what can
                       be counted */
    double cell;
    bool cell_in_double; /* quotients by it */
    bool clips;
    int32_t max_pillars; /* most pillars of a frame; 0: as many as there are cells */
};

/* Reads and checks path. GLINT_E_NOTFOUND, GLINT_E_FORMAT with file and member. *config is then closed. */
int glint_model_config_open(const char *path, struct glint_model_config *config);
/* The same over text; `name` stands for the file in messages. */
int glint_model_config_parse(const char *name, const char *text, size_t size,
                             struct glint_model_config *config);
void glint_model_config_close(struct glint_model_config *config);

/* The object `key` of `object`, which may have only the members named in `known` (separated by blanks), so
 * that a misspelt one is an error. GLINT_E_FORMAT. */
int glint_config_section(struct glint_json object, const char *key, const char *known,
                         struct glint_json *out);

/* The check alone; members that begin with "_" are comments. */
int glint_config_only(struct glint_json object, const char *known);

/* A member that may be absent: *out is then left as it was. */
int glint_config_optional_i32(struct glint_json object, const char *key, int32_t lo, int32_t hi,
                              int32_t *out);
int glint_config_optional_f64(struct glint_json object, const char *key, double lo, double hi, double *out);
int glint_config_optional_bool(struct glint_json object, const char *key, bool *out);

/* For architectures of pillars: one cell along z. GLINT_E_FORMAT. */
int glint_config_pillars(const struct glint_model_config *config);

/* n numbers, each in [lo, hi], rounded to float. GLINT_E_FORMAT. */
int glint_config_floats(struct glint_json object, const char *key, int32_t n, double lo, double hi,
                        float *out);
#endif
