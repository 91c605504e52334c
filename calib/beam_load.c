/* calib/beam_load.c - see beam_load.h. YAML through libyaml's document tree; the CSV by hand. */
#include "calib/beam_load.h"
#include "core/file.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define FILE_LARGEST (1u << 20)

typedef int parse_fn(const char *name, const char *text, size_t size, int32_t n,
                     struct glint_beams *beams_out);

static int load(const char *path, int32_t n, parse_fn *parse, struct glint_beams *beams_out)
{
    struct glint_file file;
    GLINT_TRY(glint_file_open(&file, path));
    int status;
    if (file.size == 0)
        status = glint_fail(GLINT_E_FORMAT, "%s: empty file, expected a calibration of %d lasers", path, n);
    else if (file.size > FILE_LARGEST)
        status = glint_fail(GLINT_E_FORMAT, "%s: %zu bytes are too many for a calibration", path, file.size);
    else
        status = parse(path, (const char *)file.data, file.size, n, beams_out);
    glint_file_close(&file);
    return status;
}

int glint_beams_load_velodyne(const char *path, int32_t n, struct glint_beams *beams_out)
{
    return load(path, n, glint_beams_parse_velodyne, beams_out);
}

int glint_beams_load_hesai(const char *path, int32_t n, struct glint_beams *beams_out)
{
    return load(path, n, glint_beams_parse_hesai, beams_out);
}

static void start(struct glint_beams *b, const char *name, int32_t n)
{
    memset(b, 0, sizeof *b);
    b->n = n;
    snprintf(b->source, sizeof b->source, "%s", name);
}

/* Notes laser id as given; GLINT_E_FORMAT when it is out of range or was given before. */
static int note_laser(const char *name, int32_t id, int32_t n, bool *given)
{
    if (id < 0 || id >= n)
        return glint_fail(GLINT_E_FORMAT, "%s: laser %d, but the sensor has 0..%d", name, id, n - 1);
    if (given[id])
        return glint_fail(GLINT_E_FORMAT, "%s: laser %d is there twice", name, id);
    given[id] = true;
    return GLINT_OK;
}

static int check_all_given(const char *name, int32_t n, const bool *given)
{
    for (int32_t i = 0; i < n; i++)
        if (!given[i])
            return glint_fail(GLINT_E_FORMAT, "%s: laser %d of %d is missing", name, i, n);
    return GLINT_OK;
}

/* ---- Velodyne YAML ---- */

static yaml_node_t *member(yaml_document_t *doc, yaml_node_t *map, const char *key)
{
    if (!map || map->type != YAML_MAPPING_NODE)
        return NULL;
    for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top; p++) {
        const yaml_node_t *k = yaml_document_get_node(doc, p->key);
        if (k && k->type == YAML_SCALAR_NODE && strcmp((const char *)k->data.scalar.value, key) == 0)
            return yaml_document_get_node(doc, p->value);
    }
    return NULL;
}

/* A number with |value| <= most; absent is 0 unless required. */
static int number(const char *name, yaml_document_t *doc, yaml_node_t *laser, const char *key, bool required,
                  double most, double *out)
{
    const yaml_node_t *node = member(doc, laser, key);
    *out = 0;
    if (!node && !required)
        return GLINT_OK;
    const unsigned long line = (unsigned long)laser->start_mark.line + 1;
    if (!node || node->type != YAML_SCALAR_NODE)
        return glint_fail(GLINT_E_FORMAT, "%s:%lu: a laser without %s", name, line, key);
    char *end;
    const char *text = (const char *)node->data.scalar.value;
    *out = strtod(text, &end);
    if (end == text || *end != '\0' || !(fabs(*out) <= most))
        return glint_fail(GLINT_E_FORMAT, "%s:%lu: %s is \"%.40s\", expected a number within +-%g", name,
                          line, key, text, most);
    return GLINT_OK;
}

static int read_laser(const char *name, yaml_document_t *doc, yaml_node_t *laser, struct glint_beams *b,
                      bool *given)
{
    if (!laser || laser->type != YAML_MAPPING_NODE)
        return glint_fail(GLINT_E_FORMAT, "%s: a member of lasers is no map", name);
    double id, rot;
    GLINT_TRY(number(name, doc, laser, "laser_id", true, 1e6, &id));
    GLINT_TRY(note_laser(name, (int32_t)id, b->n, given));
    const int32_t i = (int32_t)id;
    GLINT_TRY(number(name, doc, laser, "vert_correction", true, GLINT_PI / 2, &b->elevation[i]));
    GLINT_TRY(number(name, doc, laser, "rot_correction", true, 2 * GLINT_PI, &rot));
    GLINT_TRY(number(name, doc, laser, "dist_correction", false, 100, &b->range[i]));
    GLINT_TRY(number(name, doc, laser, "vert_offset_correction", false, 10, &b->up[i]));
    GLINT_TRY(number(name, doc, laser, "horiz_offset_correction", false, 10, &b->left[i]));
    b->azimuth[i] = -rot;
    return GLINT_OK;
}

static int read_lasers(const char *name, yaml_document_t *doc, struct glint_beams *b)
{
    bool given[GLINT_BEAMS_CAP] = {false};
    const yaml_node_t *lasers = member(doc, yaml_document_get_root_node(doc), "lasers");
    if (!lasers || lasers->type != YAML_SEQUENCE_NODE)
        return glint_fail(GLINT_E_FORMAT, "%s: no list \"lasers\": not a Velodyne calibration", name);
    for (const yaml_node_item_t *i = lasers->data.sequence.items.start; i < lasers->data.sequence.items.top;
         i++)
        GLINT_TRY(read_laser(name, doc, yaml_document_get_node(doc, *i), b, given));
    return check_all_given(name, b->n, given);
}

int glint_beams_parse_velodyne(const char *name, const char *text, size_t size, int32_t n,
                               struct glint_beams *beams_out)
{
    yaml_parser_t parser;
    yaml_document_t doc;
    if (!yaml_parser_initialize(&parser))
        return glint_fail(GLINT_E_NOMEM, "%s: no memory for a YAML parser", name);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
    int status;
    if (!yaml_parser_load(&parser, &doc)) {
        status =
            glint_fail(GLINT_E_FORMAT, "%s:%lu: not YAML: %s", name,
                       (unsigned long)parser.problem_mark.line + 1, parser.problem ? parser.problem : "?");
    } else {
        start(beams_out, name, n);
        status = read_lasers(name, &doc, beams_out);
        if (status == GLINT_OK)
            glint_beams_finish(beams_out);
        yaml_document_delete(&doc);
    }
    yaml_parser_delete(&parser);
    return status;
}

/* ---- Hesai CSV ---- */

/* Copies the next line without its end into line_out; false at the end of the text. */
static bool next_line(const char **at, const char *end, char *line_out, size_t cap)
{
    if (*at >= end)
        return false;
    const char *stop = memchr(*at, '\n', (size_t)(end - *at));
    const char *next = stop ? stop + 1 : end;
    size_t n = (size_t)((stop ? stop : end) - *at);
    if (n > 0 && (*at)[n - 1] == '\r')
        n--;
    n = n < cap - 1 ? n : cap - 1;
    memcpy(line_out, *at, n);
    line_out[n] = '\0';
    *at = next;
    return true;
}

static int read_row(const char *name, int number_of_line, const char *line, struct glint_beams *b,
                    bool *given)
{
    int id;
    double elevation, azimuth;
    char rest;
    const int n = sscanf(line, " %9d , %lf , %lf %c", &id, &elevation, &azimuth, &rest);
    if ((n != 3 && !(n == 4 && rest == ',')) || !(fabs(elevation) <= 90) || !(fabs(azimuth) <= 360))
        return glint_fail(GLINT_E_FORMAT, "%s:%d: \"%.60s\", expected laser,elevation,azimuth in degrees",
                          name, number_of_line, line);
    GLINT_TRY(note_laser(name, id - 1, b->n, given));
    b->elevation[id - 1] = elevation * (GLINT_PI / 180);
    b->azimuth[id - 1] = azimuth * (GLINT_PI / 180);
    return GLINT_OK;
}

static bool is_blank(const char *line)
{
    return line[strspn(line, " \t,")] == '\0';
}

int glint_beams_parse_hesai(const char *name, const char *text, size_t size, int32_t n,
                            struct glint_beams *beams_out)
{
    bool given[GLINT_BEAMS_CAP] = {false};
    char line[160];
    const char *at = text, *end = text + size;
    start(beams_out, name, n);
    if (!next_line(&at, end, line, sizeof line) || !strstr(line, "Elevation") || !strstr(line, "Azimuth"))
        return glint_fail(GLINT_E_FORMAT, "%s:1: expected the header \"Channel,Elevation,Azimuth\"", name);
    for (int row = 2; next_line(&at, end, line, sizeof line); row++)
        if (!is_blank(line))
            GLINT_TRY(read_row(name, row, line, beams_out, given));
    GLINT_TRY(check_all_given(name, n, given));
    glint_beams_finish(beams_out);
    return GLINT_OK;
}
