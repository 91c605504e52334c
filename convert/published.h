/* convert/published.h - configurations as they were published, in terms of the networks here.
 *
 * mmdetection3d's for FlatFormer, OpenPCDet's for DSVT and CenterPoint, Pointcept's for PTv3. Each becomes
 * the architecture's own training description (the flat object that its convert function takes, as reference
 * weights carry it) and what config.json has beside the network: classes, input fields, scale of intensity,
 * sweeps. What a network here does not do (another norm, head or attention) is refused with member and value.
 */
#ifndef GLINT_CONVERT_PUBLISHED_H
#define GLINT_CONVERT_PUBLISHED_H
#include "core/json.h"
#include "model/build.h"
#include <jansson.h>

struct glint_published {
    const char *framework; /* in words; NULL: of no framework known here */
    const char *arch;
    json_t *training;        /* for glint_arch.convert */
    json_t *overlay;         /* members of config.json, put over what convert made */
    struct glint_text notes; /* lines "- ...\n" */
    char notes_data[2048];
};

/* root: the configuration as JSON (config_file.h); name: for config.json. framework stays NULL when it is
 * none of these. GLINT_E_FORMAT, GLINT_E_NOMEM. */
int glint_published_read(struct glint_json root, const char *name, struct glint_published *out);
void glint_published_fini(struct glint_published *published);

/* text: config.json as convert made it; the overlay's members are put over it (objects are merged). */
int glint_published_overlay(const struct glint_published *published, struct glint_text *text);

/* ---- for published_*.c ---- */

struct glint_framework {
    const char *name;
    bool (*recognise)(struct glint_json root);
    int (*read)(struct glint_json root, struct glint_published *out); /* arch, training, overlay, notes */
};
extern const struct glint_framework glint_published_mmdet3d, glint_published_openpcdet,
    glint_published_pointcept;

/* The first object below value, at most 24 deep, whose `key` is the text; absent when there is none. */
struct glint_json glint_published_find(struct glint_json value, const char *key, const char *text);

/* training[key] = object.member, which must be there (or, when otherwise is not NULL, is that: JSON text). */
int glint_published_copy(struct glint_published *p, const char *key, struct glint_json object,
                         const char *member, const char *otherwise);
void glint_published_set(struct glint_published *p, const char *key, json_t *value); /* takes the reference */

/* object.member, when it is there, must be this. */
int glint_published_bool(struct glint_json object, const char *member, bool wanted);
int glint_published_text(struct glint_json object, const char *member, const char *wanted);

json_t *glint_published_node(struct glint_json value);    /* NULL: absent; the document's reference */
json_t *glint_published_input(struct glint_published *p); /* overlay.input, made when it is not there */

/* overlay[key] = the texts of an array, in lower case when lower is set. */
int glint_published_classes(struct glint_published *p, const char *key, struct glint_json names, bool lower);
#endif
