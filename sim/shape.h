/* sim/shape.h - things made of parts: convex bodies, ellipsoids, cylinders, and porous volumes.
 *
 * A thing stands somewhere with a heading; its parts are in its own frame (x ahead, y left, z up, the origin
 * on the ground). Builders add a thing, then parts to the thing added last:
 *
 *     struct glint_sim_thing *t = glint_sim_thing_add(set, x, y, z, yaw, class);
 *     glint_sim_box(set, 0, 0, 0.5f, 1, 0.5f, 0.5f, 0, GLINT_SIM_PLAIN, 0.3f);
 *
 * Memory is the set's and grows; when there is no more, parts go nowhere and set->failed says so. */
#ifndef GLINT_SIM_SHAPE_H
#define GLINT_SIM_SHAPE_H
#include "sim/sim.h"

enum glint_sim_part_kind {
    GLINT_SIM_CONVEX,    /* the inside of planes */
    GLINT_SIM_ELLIPSOID, /* half axes half[] */
    GLINT_SIM_CYLINDER,  /* radius half[0] about the own z, +-half[2], closed */
    GLINT_SIM_CLOUD,     /* ellipsoid of leaves: free path p0 */
    GLINT_SIM_HEDGE      /* box of leaves: free path p0 */
};

enum glint_sim_material {
    GLINT_SIM_PLAIN,
    GLINT_SIM_GLASS,  /* p0: how often the pane itself gives an echo; p1: where the middle post stands (x) */
    GLINT_SIM_FACADE, /* p0: distance of windows, p1: their share of it */
    GLINT_SIM_MESH,   /* p0: how often a ray is stopped */
    GLINT_SIM_PAINT,  /* glossy: little comes back at glancing angles */
    GLINT_SIM_RETRO   /* signs, plates: nearly the same at all angles */
};

struct glint_sim_plane { /* inside: n . p <= d */
    float n[3], d;
    int32_t material;
};

struct glint_sim_part {
    uint8_t kind, cls, material, n_planes;
    int32_t first_plane;     /* convex: in the set's planes */
    float center[3], radius; /* sphere around it, in the thing's frame; the others' own centre */
    float axis[3][3];        /* rows: own x, y, z in the thing's frame */
    float half[3];
    float reflectivity, p0, p1;
};

struct glint_sim_thing {
    double x, y, z; /* of its origin in the world */
    float cos_yaw, sin_yaw, yaw;
    float lo[3], hi[3]; /* bounds in its own frame */
    int32_t first_part, n_parts;
    int32_t id;   /* of the object that it is; 0: none */
    uint32_t key; /* for chance at casting */
    uint8_t cls;
    /* An object's label. */
    uint8_t label;
    const char *kind;
    float length, width, height, middle; /* box, and where its middle lies along x */
};

struct glint_sim_set {
    struct glint_sim_thing *thing;
    struct glint_sim_part *part;
    struct glint_sim_plane *plane;
    int32_t n_things, cap_things, n_parts, cap_parts, n_planes, cap_planes;
    bool failed; /* out of memory: some parts are missing */
    /* What goes nowhere. */
    struct glint_sim_thing no_thing;
    struct glint_sim_part no_part;
};

void glint_sim_set_fini(struct glint_sim_set *s);
void glint_sim_set_clear(struct glint_sim_set *s); /* empty, keeps its memory */

struct glint_sim_thing *glint_sim_thing_add(struct glint_sim_set *s, double x, double y, double z, float yaw,
                                            enum glint_sim_class cls);

/* The thing added last. Valid until the next is added. */
struct glint_sim_thing *glint_sim_thing_last(struct glint_sim_set *s);

/* Parts return what may be changed further (p0, p1, cls); valid until the next is added. */
struct glint_sim_part *glint_sim_box(struct glint_sim_set *s, float x, float y, float z, float half_x,
                                     float half_y, float half_z, float yaw, enum glint_sim_material sides,
                                     float reflectivity);
struct glint_sim_part *glint_sim_ellipsoid(struct glint_sim_set *s, float x, float y, float z, float a,
                                           float b, float c, float yaw, float reflectivity);
struct glint_sim_part *glint_sim_cloud(struct glint_sim_set *s, float x, float y, float z, float a, float b,
                                       float c, float yaw, float reflectivity, float free_path);
struct glint_sim_part *glint_sim_hedge(struct glint_sim_set *s, float x, float y, float z, float a, float b,
                                       float c, float yaw, float reflectivity, float free_path);
struct glint_sim_part *glint_sim_cylinder(struct glint_sim_set *s, const float from[3], const float to[3],
                                          float radius, float reflectivity);
struct glint_sim_part *glint_sim_post(struct glint_sim_set *s, float x, float y, float z0, float z1,
                                      float radius, float reflectivity);

/* A convex body plane by plane: begin, planes, end with its bounds. */
struct glint_sim_part *glint_sim_convex(struct glint_sim_set *s, float reflectivity);
void glint_sim_face(struct glint_sim_set *s, float nx, float ny, float nz, float d,
                    enum glint_sim_material m);
void glint_sim_bounds(struct glint_sim_set *s, const float lo[3], const float hi[3]);

/* How often the panes of the part added last give an echo (0..1). */
void glint_sim_set_glass(struct glint_sim_set *s, float echo);

/* Tilts the part added last, so that its own z points along (x, y, z). */
void glint_sim_tilt(struct glint_sim_set *s, float x, float y, float z);
#endif
