/* calib/extrinsics.c - see extrinsics.h. The frames are read as they come, parents by name; then the tree is
 * made from the root down, so that what is not reached is what is wrong. */
#include "calib/extrinsics.h"
#include "core/file.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define FILE_LARGEST (1u << 20)
#define DEG          (3.14159265358979323846 / 180)

/* ---- the tree ---- */

void glint_extrinsics_init(struct glint_extrinsics *e, const char *root)
{
    memset(e, 0, sizeof *e);
    snprintf(e->frame[0].name, sizeof e->frame[0].name, "%s", root);
    e->frame[0].parent = -1;
    e->frame[0].pose = glint_pose_identity();
    e->n = 1;
    snprintf(e->path, sizeof e->path, "extrinsics");
}

static int32_t lookup(const struct glint_extrinsics *e, const char *name)
{
    for (int32_t i = 0; i < e->n; i++)
        if (strcmp(e->frame[i].name, name) == 0)
            return i;
    return -1;
}

int glint_extrinsics_add(struct glint_extrinsics *e, const char *name, const char *parent,
                         struct glint_pose parent_from_frame)
{
    const int32_t p = lookup(e, parent);
    if (p < 0 || lookup(e, name) >= 0 || e->n == GLINT_EXTRINSICS_CAP ||
        strlen(name) >= GLINT_EXTRINSICS_NAME)
        return glint_fail(GLINT_E_ARG,
                          "frame %s below %s: no such parent, a name in use or too long, or %d frames", name,
                          parent, GLINT_EXTRINSICS_CAP);
    struct glint_extrinsics_frame *f = &e->frame[e->n++];
    snprintf(f->name, sizeof f->name, "%s", name);
    f->parent = p;
    f->pose = parent_from_frame;
    return GLINT_OK;
}

int glint_extrinsics_find(const struct glint_extrinsics *e, const char *name)
{
    const int32_t i = lookup(e, name);
    if (i >= 0)
        return i;
    char names[512] = "";
    for (int32_t k = 0; k < e->n; k++) {
        const size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s%s", k ? ", " : "", e->frame[k].name);
    }
    return glint_fail(GLINT_E_NOTFOUND, "%s: no frame \"%.60s\": there are %s", e->path, name, names);
}

static struct glint_pose root_from(const struct glint_extrinsics *e, int32_t i)
{
    struct glint_pose pose = glint_pose_identity();
    for (; i > 0; i = e->frame[i].parent)
        pose = glint_pose_compose(e->frame[i].pose, pose);
    return pose;
}

int glint_extrinsics_between(const struct glint_extrinsics *e, const char *from, const char *to,
                             struct glint_pose *to_from_out)
{
    const int a = glint_extrinsics_find(e, from);
    if (a < 0)
        return a;
    const int b = glint_extrinsics_find(e, to);
    if (b < 0)
        return b;
    *to_from_out = glint_pose_compose(glint_pose_inverse(root_from(e, b)), root_from(e, a));
    return GLINT_OK;
}

/* ---- reading ---- */

struct entry { /* a frame as it stands in the file */
    const char *name, *parent;
    unsigned long line;
    struct glint_pose pose;
};

struct reader {
    const char *name; /* of the file */
    yaml_document_t doc;
    int32_t n;
    struct entry entry[GLINT_EXTRINSICS_CAP];
};

static unsigned long line_of(const yaml_node_t *node)
{
    return (unsigned long)node->start_mark.line + 1;
}

static const char *scalar(const yaml_node_t *node)
{
    return node && node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value : NULL;
}

static int read_numbers(struct reader *r, const yaml_node_t *node, const char *key, int n, double most,
                        double *out)
{
    int got = 0;
    if (node->type == YAML_SEQUENCE_NODE)
        for (yaml_node_item_t *i = node->data.sequence.items.start; i < node->data.sequence.items.top;
             i++, got++) {
            const char *text = scalar(yaml_document_get_node(&r->doc, *i));
            char *end = NULL;
            const double value = text ? strtod(text, &end) : NAN;
            if (!text || end == text || *end || !(fabs(value) <= most) || got == n)
                return glint_fail(GLINT_E_FORMAT, "%s:%lu: %s: %d numbers within +-%g expected", r->name,
                                  line_of(node), key, n, most);
            out[got] = value;
        }
    if (got != n)
        return glint_fail(GLINT_E_FORMAT, "%s:%lu: %s: a list of %d numbers expected", r->name, line_of(node),
                          key, n);
    return GLINT_OK;
}

enum { PARENT = 1, TRANSLATION = 2, RPY = 4, QUATERNION = 8 };

static int read_rotation(struct reader *r, const yaml_node_t *node, int key, struct glint_pose *pose)
{
    if (key == QUATERNION) {
        GLINT_TRY(read_numbers(r, node, "quaternion", 4, 2, pose->q));
        if (glint_pose_unit(pose) < 0)
            return glint_fail(GLINT_E_FORMAT, "%s:%lu: quaternion: w, x, y, z of length 1 expected", r->name,
                              line_of(node));
        return GLINT_OK;
    }
    double rpy[3];
    GLINT_TRY(read_numbers(r, node, "rotation_rpy_deg", 3, 360, rpy));
    memcpy(pose->q, glint_pose_from_rpy(rpy[0] * DEG, rpy[1] * DEG, rpy[2] * DEG, pose->t).q, sizeof pose->q);
    return GLINT_OK;
}

static int key_of(const char *key)
{
    static const struct {
        const char *name;
        int key;
    } keys[] = {{"parent", PARENT},
                {"translation", TRANSLATION},
                {"rotation_rpy_deg", RPY},
                {"quaternion", QUATERNION}};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (key && strcmp(keys[i].name, key) == 0)
            return keys[i].key;
    return 0;
}

static int read_member(struct reader *r, const yaml_node_t *key, const yaml_node_t *value, struct entry *e,
                       int *given)
{
    const char *name = scalar(key);
    const int k = key_of(name);
    if (!k)
        return glint_fail(GLINT_E_FORMAT,
                          "%s:%lu: unknown key \"%.40s\": parent, translation, rotation_rpy_deg or "
                          "quaternion expected",
                          r->name, line_of(key), name ? name : "?");
    if (*given & k)
        return glint_fail(GLINT_E_FORMAT, "%s:%lu: %s is there twice", r->name, line_of(key), name);
    *given |= k;
    if (k == TRANSLATION)
        return read_numbers(r, value, name, 3, 1e6, e->pose.t);
    if (k != PARENT)
        return read_rotation(r, value, k, &e->pose);
    e->parent = scalar(value);
    if (!e->parent || !e->parent[0] || strlen(e->parent) >= GLINT_EXTRINSICS_NAME)
        return glint_fail(GLINT_E_FORMAT, "%s:%lu: parent: the name of a frame expected", r->name,
                          line_of(value));
    return GLINT_OK;
}

static int check_given(const struct reader *r, const struct entry *e, int given)
{
    const char *missing = !(given & PARENT) ? "parent" : !(given & TRANSLATION) ? "translation" : NULL;
    if (missing)
        return glint_fail(GLINT_E_FORMAT, "%s:%lu: frame %s has no %s", r->name, e->line, e->name, missing);
    if (!(given & RPY) == !(given & QUATERNION))
        return glint_fail(GLINT_E_FORMAT,
                          "%s:%lu: frame %s: one of rotation_rpy_deg and quaternion expected, %s found",
                          r->name, e->line, e->name, given & RPY ? "both" : "neither");
    return GLINT_OK;
}

static int read_frame(struct reader *r, const yaml_node_t *key, const yaml_node_t *map)
{
    const char *name = scalar(key);
    if (!name || !name[0] || strlen(name) >= GLINT_EXTRINSICS_NAME || !map || map->type != YAML_MAPPING_NODE)
        return glint_fail(GLINT_E_FORMAT, "%s:%lu: the name of a frame with a map expected", r->name,
                          line_of(key));
    if (r->n == GLINT_EXTRINSICS_CAP - 1)
        return glint_fail(GLINT_E_FORMAT, "%s:%lu: more than %d frames", r->name, line_of(key),
                          GLINT_EXTRINSICS_CAP - 1);
    for (int32_t i = 0; i < r->n; i++)
        if (strcmp(r->entry[i].name, name) == 0)
            return glint_fail(GLINT_E_FORMAT, "%s:%lu: frame %s is there twice (first in line %lu)", r->name,
                              line_of(key), name, r->entry[i].line);
    struct entry *e = &r->entry[r->n++];
    int given = 0;
    *e = (struct entry){.name = name, .line = line_of(key), .pose = glint_pose_identity()};
    for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top; p++)
        GLINT_TRY(read_member(r, yaml_document_get_node(&r->doc, p->key),
                              yaml_document_get_node(&r->doc, p->value), e, &given));
    return check_given(r, e, given);
}

static int read_frames(struct reader *r)
{
    const yaml_node_t *root = yaml_document_get_root_node(&r->doc), *frames = NULL;
    if (root && root->type == YAML_MAPPING_NODE)
        for (yaml_node_pair_t *p = root->data.mapping.pairs.start; p < root->data.mapping.pairs.top; p++) {
            const yaml_node_t *key = yaml_document_get_node(&r->doc, p->key);
            const char *name = scalar(key);
            if (!name || strcmp(name, "frames") != 0 || frames)
                return glint_fail(GLINT_E_FORMAT,
                                  "%s:%lu: unknown key \"%.40s\": one map \"frames\" expected", r->name,
                                  line_of(key), name ? name : "?");
            frames = yaml_document_get_node(&r->doc, p->value);
        }
    if (!frames || frames->type != YAML_MAPPING_NODE ||
        frames->data.mapping.pairs.start == frames->data.mapping.pairs.top)
        return glint_fail(GLINT_E_FORMAT, "%s: no map \"frames\" with frames in it: not extrinsics", r->name);
    for (yaml_node_pair_t *p = frames->data.mapping.pairs.start; p < frames->data.mapping.pairs.top; p++)
        GLINT_TRY(read_frame(r, yaml_document_get_node(&r->doc, p->key),
                             yaml_document_get_node(&r->doc, p->value)));
    return GLINT_OK;
}

static bool is_entry(const struct reader *r, const char *name)
{
    for (int32_t i = 0; i < r->n; i++)
        if (strcmp(r->entry[i].name, name) == 0)
            return true;
    return false;
}

/* The one parent without an entry. */
static int find_root(const struct reader *r, const char **root_out)
{
    const struct entry *first = NULL;
    for (int32_t i = 0; i < r->n; i++) {
        const struct entry *e = &r->entry[i];
        if (is_entry(r, e->parent))
            continue;
        if (first && strcmp(first->parent, e->parent) != 0)
            return glint_fail(GLINT_E_FORMAT,
                              "%s:%lu: parent %s of %s is no frame, and the root is %s already", r->name,
                              e->line, e->parent, e->name, first->parent);
        first = first ? first : e;
    }
    if (!first)
        return glint_fail(GLINT_E_FORMAT, "%s:%lu: frame %s is its own parent over others: no root", r->name,
                          r->entry[0].line, r->entry[0].name);
    *root_out = first->parent;
    return GLINT_OK;
}

/* From the root down; in each round, frames whose parents are there. */
static int make_tree(const struct reader *r, struct glint_extrinsics *out)
{
    const char *root = NULL;
    GLINT_TRY(find_root(r, &root));
    glint_extrinsics_init(out, root);
    for (bool added = true; added;) {
        added = false;
        for (int32_t i = 0; i < r->n; i++) {
            const struct entry *e = &r->entry[i];
            if (lookup(out, e->name) >= 0 || lookup(out, e->parent) < 0)
                continue;
            GLINT_TRY(glint_extrinsics_add(out, e->name, e->parent, e->pose));
            added = true;
        }
    }
    for (int32_t i = 0; i < r->n; i++)
        if (lookup(out, r->entry[i].name) < 0)
            return glint_fail(GLINT_E_FORMAT, "%s:%lu: frame %s is its own parent over others", r->name,
                              r->entry[i].line, r->entry[i].name);
    snprintf(out->path, sizeof out->path, "%s", r->name);
    return GLINT_OK;
}

int glint_extrinsics_parse(const char *name, const char *text, size_t size,
                           struct glint_extrinsics *extrinsics_out)
{
    yaml_parser_t parser;
    struct reader *r = calloc(1, sizeof *r);
    if (!r || !yaml_parser_initialize(&parser)) {
        free(r);
        return glint_fail(GLINT_E_NOMEM, "%s: no memory for a YAML parser", name);
    }
    r->name = name;
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
    int status;
    if (!yaml_parser_load(&parser, &r->doc)) {
        status =
            glint_fail(GLINT_E_FORMAT, "%s:%lu: not YAML: %s", name,
                       (unsigned long)parser.problem_mark.line + 1, parser.problem ? parser.problem : "?");
    } else {
        status = read_frames(r);
        if (status == GLINT_OK)
            status = make_tree(r, extrinsics_out);
        yaml_document_delete(&r->doc);
    }
    yaml_parser_delete(&parser);
    free(r);
    return status;
}

int glint_extrinsics_load(const char *path, struct glint_extrinsics *extrinsics_out)
{
    struct glint_file file;
    GLINT_TRY(glint_file_open(&file, path));
    int status;
    if (file.size == 0 || file.size > FILE_LARGEST)
        status = glint_fail(GLINT_E_FORMAT, "%s: %zu bytes, extrinsics in YAML expected", path, file.size);
    else
        status = glint_extrinsics_parse(path, (const char *)file.data, file.size, extrinsics_out);
    glint_file_close(&file);
    return status;
}

/* ---- writing ---- */

static void put_comment(FILE *out, const char *comment)
{
    while (comment && *comment) {
        const size_t n = strcspn(comment, "\n");
        fprintf(out, "# %.*s\n", (int)n, comment);
        comment += n + (comment[n] == '\n');
    }
}

int glint_extrinsics_write(const struct glint_extrinsics *e, const char *comment, const char *path)
{
    struct glint_file_out f;
    GLINT_TRY(glint_file_create(&f, path));
    put_comment(f.stream, comment);
    fprintf(f.stream, "frames:\n");
    for (int32_t i = 1; i < e->n; i++) {
        const struct glint_extrinsics_frame *x = &e->frame[i];
        double rpy[3];
        glint_pose_to_rpy(x->pose, rpy);
        fprintf(f.stream, "  %s:\n    parent: %s\n    translation: [%.6f, %.6f, %.6f]\n", x->name,
                e->frame[x->parent].name, x->pose.t[0], x->pose.t[1], x->pose.t[2]);
        fprintf(f.stream, "    rotation_rpy_deg: [%.6f, %.6f, %.6f]\n", rpy[0] / DEG, rpy[1] / DEG,
                rpy[2] / DEG);
    }
    return glint_file_commit(&f);
}
