/* model/model_config.c - see model_config.h. Whatever a number is used for later (a size, a divisor, an
 * index) is bounded here, so that the rest of the model room may trust it. */
#include "model/model_config.h"
#include "core/status.h"
#include <math.h>
#include <string.h>

#define GRID_MAX   4096 /* cells per side */
#define GRID_Z_MAX 1024
#define METRES_MAX 1e4 /* of any coordinate */
#define SWEEPS_MAX 31  /* past ones in a frame */

/* Members */

static bool in_list(const char *list, const char *word)
{
    const size_t n = strlen(word);
    for (const char *at = list; n && (at = strstr(at, word)); at += n)
        if ((at == list || at[-1] == ' ') && (at[n] == 0 || at[n] == ' '))
            return true;
    return false;
}

int glint_config_only(struct glint_json object, const char *known)
{
    if (!glint_json_is_object(object))
        return glint_json_fail(object, "an object expected");
    for (size_t i = 0; i < glint_json_members(object); i++) {
        const char *key = glint_json_key(object, i);
        if (key[0] != '_' && (strchr(key, ' ') || !in_list(known, key)))
            return glint_json_fail(glint_json_get(object, key), "unknown member; known are: %s", known);
    }
    return GLINT_OK;
}

int glint_config_section(struct glint_json object, const char *key, const char *known, struct glint_json *out)
{
    *out = glint_json_get(object, key);
    return glint_config_only(*out, known);
}

int glint_config_optional_i32(struct glint_json object, const char *key, int32_t lo, int32_t hi, int32_t *out)
{
    return glint_json_has(object, key) ? glint_json_i32(object, key, lo, hi, out) : GLINT_OK;
}

int glint_config_optional_f64(struct glint_json object, const char *key, double lo, double hi, double *out)
{
    return glint_json_has(object, key) ? glint_json_f64(object, key, lo, hi, out) : GLINT_OK;
}

int glint_config_optional_bool(struct glint_json object, const char *key, bool *out)
{
    return glint_json_has(object, key) ? glint_json_bool(object, key, out) : GLINT_OK;
}

int glint_config_floats(struct glint_json object, const char *key, int32_t n, double lo, double hi,
                        float *out)
{
    double value[GLINT_CLASSES_MAX];
    GLINT_TRY(glint_json_f64s(object, key, n, GLINT_CLASSES_MAX, value, NULL));
    for (int32_t i = 0; i < n; i++) {
        if (!(value[i] >= lo && value[i] <= hi))
            return glint_json_fail(glint_json_at(glint_json_get(object, key), (size_t)i),
                                   "%g..%g expected, found %g", lo, hi, value[i]);
        out[i] = (float)value[i];
    }
    return GLINT_OK;
}

/* Classes and input */

static int read_classes(struct glint_json root, const char *key, const char **names, int32_t *n)
{
    GLINT_TRY(glint_json_strings(root, key, GLINT_CLASSES_MAX, names, n));
    for (int32_t i = 0; i < *n; i++)
        for (int32_t k = 0; k <= i; k++)
            if (!names[i][0] || (k < i && !strcmp(names[i], names[k])))
                return glint_json_fail(glint_json_at(glint_json_get(root, key), (size_t)i),
                                       "a name that is not empty and not there already expected");
    return GLINT_OK;
}

static int read_fields(struct glint_model_config *c, struct glint_json input)
{
    static const char *const known[] = {"x", "y", "z", "intensity", "elongation", "lag"};
    enum { N_KNOWN = sizeof known / sizeof known[0] };
    const char *names[GLINT_FIELDS_MAX];
    GLINT_TRY(glint_json_strings(input, "fields", GLINT_FIELDS_MAX, names, &c->n_fields));
    for (int32_t i = 0; i < c->n_fields; i++) {
        int32_t f = 0;
        while (f < N_KNOWN && strcmp(names[i], known[f]))
            f++;
        if (f == N_KNOWN || (i < 3 && f != i) || (i >= 3 && f < 3))
            return glint_json_fail(glint_json_at(glint_json_get(input, "fields"), (size_t)i),
                                   "x, y, z, then intensity, elongation or lag expected, found \"%s\"",
                                   names[i]);
        c->fields[i] = (enum glint_point_field)f;
        c->uses_intensity |= f == GLINT_FIELD_INTENSITY;
    }
    return c->n_fields >= 3
               ? GLINT_OK
               : glint_json_fail(glint_json_get(input, "fields"), "x, y and z expected at least");
}

static int read_input(struct glint_model_config *c)
{
    struct glint_json input;
    GLINT_TRY(glint_config_section(c->root, "input",
                                   "fields intensity sensor_height_m axes sweeps min_distance_m", &input));
    GLINT_TRY(read_fields(c, input));
    GLINT_TRY(glint_config_optional_i32(input, "sweeps", 0, SWEEPS_MAX, &c->past_sweeps));
    GLINT_TRY(glint_config_optional_f64(input, "min_distance_m", 0, METRES_MAX, &c->min_distance_m));
    const char *text = "0..1";
    if (glint_json_has(input, "intensity"))
        GLINT_TRY(glint_json_string(input, "intensity", &text));
    c->intensity_tanh = !strcmp(text, "tanh");
    if (strcmp(text, "0..1") && strcmp(text, "0..255") && strcmp(text, "unused") && !c->intensity_tanh)
        return glint_json_fail(glint_json_get(input, "intensity"),
                               "\"0..1\", \"0..255\", \"tanh\" or \"unused\" expected, found \"%s\"", text);
    c->intensity_scale = !strcmp(text, "0..255") ? 255.0f : strcmp(text, "unused") ? 1.0f : 0.0f;
    c->uses_intensity &= c->intensity_scale > 0;
    text = "x forward, y left, z up";
    if (glint_json_has(input, "axes"))
        GLINT_TRY(glint_json_string(input, "axes", &text));
    c->x_right = !strcmp(text, "x right, y forward, z up");
    if (strcmp(text, "x forward, y left, z up") && !c->x_right)
        return glint_json_fail(
            glint_json_get(input, "axes"),
            "\"x forward, y left, z up\" or \"x right, y forward, z up\" expected, found \"%s\"", text);
    if (glint_json_has(input, "sensor_height_m"))
        GLINT_TRY(glint_config_floats(input, "sensor_height_m", 2, 0, 100, c->sensor_height_m));
    return c->sensor_height_m[0] <= c->sensor_height_m[1]
               ? GLINT_OK
               : glint_json_fail(glint_json_get(input, "sensor_height_m"), "lowest, then highest expected");
}

/* Grid: the number of cells is ceil((hi - lo) / cell), all in float, as the references compute it. */

static int read_cells(struct glint_model_config *c, struct glint_json grid)
{
    struct glint_grid *g = &c->grid;
    double lo[6], size[3], cells = 1;
    int32_t given[3];
    const bool has_cells = glint_json_has(grid, "cells");
    if (has_cells)
        GLINT_TRY(glint_json_i32s(grid, "cells", 3, 3, 1, GRID_MAX, given, NULL));
    GLINT_TRY(glint_config_floats(grid, "range", 6, -METRES_MAX, METRES_MAX, c->range));
    GLINT_TRY(glint_config_floats(grid, "pillar", 3, 1e-3, METRES_MAX, c->pillar));
    GLINT_TRY(glint_json_f64s(grid, "range", 6, 6, lo, NULL));
    GLINT_TRY(glint_json_f64s(grid, "pillar", 3, 3, size, NULL));
    for (int k = 0; k < 3; k++) {
        const float quotient = (c->range[3 + k] - c->range[k]) / c->pillar[k];
        const float n = has_cells ? (float)given[k] : ceilf(quotient);
        const int32_t most = k < 2 ? GRID_MAX : GRID_Z_MAX;
        if (!(c->range[k] < c->range[3 + k]))
            return glint_json_fail(glint_json_at(glint_json_get(grid, "range"), (size_t)k),
                                   "three lowest, then three higher coordinates expected");
        if (has_cells && !(fabsf(n - quotient) <= 0.5f))
            return glint_json_fail(glint_json_at(glint_json_get(grid, "cells"), (size_t)k),
                                   "%g, by range and pillar, expected, found %d", (double)roundf(quotient),
                                   given[k]);
        if (n > (float)most)
            return glint_json_fail(glint_json_at(glint_json_get(grid, "pillar"), (size_t)k),
                                   "at most %d cells along %c expected, found %g", most, "xyz"[k], (double)n);
        g->origin[k] = c->range[k];
        g->cell[k] = c->pillar[k];
        g->dim[k] = (int32_t)n;
        c->centre_offset[k] = (float)(size[k] / 2 + lo[k]);
        cells *= (double)n;
    }
    return cells <= INT32_MAX ? GLINT_OK
                              : glint_json_fail(grid, "%.0f cells, at most %d expected", cells, INT32_MAX);
}

/* Cells without bounds: what voxel/level.h can count is the range, and the size of the grid. */
static int read_free_grid(struct glint_model_config *c, struct glint_json grid)
{
    static const int32_t cells[3] = {1 << 15, 1 << 15, 1 << 14};
    const char *quotient = "f32";
    GLINT_TRY(glint_config_section(c->root, "grid", "cell clip quotient", &grid));
    GLINT_TRY(glint_json_f64(grid, "cell", 1e-3, 100, &c->cell));
    if (glint_json_has(grid, "quotient"))
        GLINT_TRY(glint_json_string(grid, "quotient", &quotient));
    c->cell_in_double = !strcmp(quotient, "f64");
    if (!c->cell_in_double && strcmp(quotient, "f32"))
        return glint_json_fail(glint_json_get(grid, "quotient"), "\"f32\" or \"f64\" expected, found \"%s\"",
                               quotient);
    c->free_grid = true;
    for (int k = 0; k < 3; k++) {
        c->grid.dim[k] = cells[k];
        c->grid.cell[k] = c->pillar[k] = (float)c->cell;
        c->range[3 + k] = (float)c->cell * (float)(cells[k] / 2);
        c->range[k] = c->grid.origin[k] = -c->range[3 + k];
    }
    c->clips = glint_json_has(grid, "clip");
    if (c->clips)
        GLINT_TRY(glint_config_floats(grid, "clip", 6, -METRES_MAX, METRES_MAX, c->range));
    for (int k = 0; k < 3; k++)
        if (!(c->range[k] < c->range[3 + k]))
            return glint_json_fail(glint_json_at(glint_json_get(grid, "clip"), (size_t)k),
                                   "three lowest, then three higher coordinates expected");
    return GLINT_OK;
}

static int read_grid(struct glint_model_config *c)
{
    struct glint_json grid;
    if (glint_json_has(glint_json_get(c->root, "grid"), "cell"))
        return read_free_grid(c, glint_json_get(c->root, "grid"));
    GLINT_TRY(glint_config_section(c->root, "grid", "range filter pillar cells max_pillars drop_first_pillar",
                                   &grid));
    GLINT_TRY(read_cells(c, grid));
    c->grid.filter = glint_json_has(grid, "filter");
    if (c->grid.filter) {
        float bounds[6];
        GLINT_TRY(glint_config_floats(grid, "filter", 6, -METRES_MAX, METRES_MAX, bounds));
        memcpy(c->grid.keep_lo, bounds, sizeof c->grid.keep_lo);
        memcpy(c->grid.keep_hi, bounds + 3, sizeof c->grid.keep_hi);
    }
    GLINT_TRY(glint_config_optional_bool(grid, "drop_first_pillar", &c->grid.drop_first));
    return glint_config_optional_i32(grid, "max_pillars", 1, GRID_MAX * GRID_MAX, &c->max_pillars);
}

int glint_config_pillars(const struct glint_model_config *c)
{
    return c->grid.dim[2] == 1 ? GLINT_OK
                               : glint_json_fail(glint_json_get(glint_json_get(c->root, "grid"), "pillar"),
                                                 "one cell along z expected, found %d", c->grid.dim[2]);
}

/* The document */

static int read_root(struct glint_model_config *c)
{
    int32_t version;
    if (!glint_json_is_object(c->root))
        return glint_json_fail(c->root, "an object expected");
    GLINT_TRY(glint_json_i32(c->root, "glint", 1, 1, &version));
    GLINT_TRY(glint_json_string(c->root, "arch", &c->arch));
    GLINT_TRY(glint_json_string(c->root, "name", &c->name));
    GLINT_TRY(read_classes(c->root, "classes", c->classes, &c->n_classes));
    if (glint_json_has(c->root, "point_classes"))
        GLINT_TRY(read_classes(c->root, "point_classes", c->point_classes, &c->n_point_classes));
    if (c->n_classes < 1 && c->n_point_classes < 1)
        return glint_json_fail(glint_json_get(c->root, "classes"), "one class at least expected");
    GLINT_TRY(read_input(c));
    return read_grid(c);
}

static int read_document(struct glint_json_doc *doc, struct glint_model_config *config)
{
    *config = (struct glint_model_config){.doc = doc, .root = glint_json_root(doc)};
    const int status = read_root(config);
    if (status != GLINT_OK)
        glint_model_config_close(config);
    return status;
}

int glint_model_config_open(const char *path, struct glint_model_config *config)
{
    struct glint_json_doc *doc;
    *config = (struct glint_model_config){0};
    GLINT_TRY(glint_json_load(path, &doc));
    return read_document(doc, config);
}

int glint_model_config_parse(const char *name, const char *text, size_t size,
                             struct glint_model_config *config)
{
    struct glint_json_doc *doc;
    *config = (struct glint_model_config){0};
    GLINT_TRY(glint_json_parse(name, text, size, &doc));
    return read_document(doc, config);
}

void glint_model_config_close(struct glint_model_config *config)
{
    glint_json_close(config->doc);
    *config = (struct glint_model_config){0};
}
