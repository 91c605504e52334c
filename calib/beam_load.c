/* calib/beam_load.c - see beam_load.h. YAML through libyaml's document tree; the CSV by hand. */
#include "calib/beam_load.h"
#include "core/file.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define FILE_LARGEST (1u << 20)
#define FOCUS_MOST   131.0 /* m: the greatest distance */

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
    b->has_near = b->has_focus = true; /* until a laser has not */
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

static bool is_true(yaml_document_t *doc, yaml_node_t *laser, const char *key)
{
    const yaml_node_t *node = member(doc, laser, key);
    return node && node->type == YAML_SCALAR_NODE &&
           strcmp((const char *)node->data.scalar.value, "true") == 0;
}

/* What an HDL-64E has beside. */
static int read_near(const char *name, yaml_document_t *doc, yaml_node_t *laser, struct glint_beams *b,
                     int32_t i)
{
    GLINT_TRY(number(name, doc, laser, "dist_correction_x", false, 100, &b->near_beside[i]));
    GLINT_TRY(number(name, doc, laser, "dist_correction_y", false, 100, &b->near_ahead[i]));
    GLINT_TRY(number(name, doc, laser, "focal_distance", false, FOCUS_MOST, &b->focus[i]));
    GLINT_TRY(number(name, doc, laser, "focal_slope", false, 100, &b->focus_slope[i]));
    GLINT_TRY(number(name, doc, laser, "min_intensity", false, 255, &b->least[i]));
    GLINT_TRY(number(name, doc, laser, "max_intensity", false, 255, &b->most[i]));
    b->most[i] = member(doc, laser, "max_intensity") ? b->most[i] : 255;
    b->has_near = b->has_near && is_true(doc, laser, "two_pt_correction_available") &&
                  member(doc, laser, "dist_correction_x") && member(doc, laser, "dist_correction_y");
    b->has_focus = b->has_focus && member(doc, laser, "focal_distance") && member(doc, laser, "focal_slope");
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
    return read_near(name, doc, laser, b, i);
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

static int parse_yaml(const char *name, const char *text, size_t size, int32_t n,
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

/* ---- Velodyne DB XML ---- */

/* Where `what` begins in from..end; NULL: nowhere. */
static const char *find(const char *from, const char *end, const char *what)
{
    const size_t n = strlen(what);
    while (from && from + n <= end) {
        from = memchr(from, what[0], (size_t)(end - from) - n + 1);
        if (from && memcmp(from, what, n) == 0)
            return from;
        from = from ? from + 1 : NULL;
    }
    return NULL;
}

/* The text between <tag> and </tag> inside from..end as a number; false when there is none. */
static bool element(const char *from, const char *end, const char *tag, double *out)
{
    char open[40], number[40], *rest;
    size_t k = 0;
    snprintf(open, sizeof open, "<%s>", tag);
    const char *p = find(from, end, open);
    if (!p)
        return false;
    for (p += strlen(open); p < end && *p != '<' && k + 1 < sizeof number; p++)
        number[k++] = *p;
    number[k] = '\0';
    *out = strtod(number, &rest);
    return rest != number && p < end && *p == '<' && isfinite(*out);
}

/* What an HDL-64E has beside; 0 in the near corrections is none. */
static int read_px_near(const char *name, const char *from, const char *end, struct glint_beams *b, int32_t i)
{
    double beside = 0, ahead = 0, focus = 0, slope = 0;
    element(from, end, "distCorrectionX_", &beside);
    element(from, end, "distCorrectionY_", &ahead);
    b->has_focus = b->has_focus && element(from, end, "focalDistance_", &focus) &&
                   element(from, end, "focalSlope_", &slope);
    b->has_near = b->has_near && beside != 0 && ahead != 0;
    if (!(fabs(beside) <= 1000 && fabs(ahead) <= 1000 && fabs(focus) <= FOCUS_MOST * 100 &&
          fabs(slope) <= 100))
        return glint_fail(
            GLINT_E_FORMAT,
            "%s: laser %d: a correction near the sensor of more than 10 m, a focus beyond %g m or a "
            "slope beyond 100",
            name, i, FOCUS_MOST);
    b->near_beside[i] = beside * 0.01;
    b->near_ahead[i] = ahead * 0.01;
    b->focus[i] = focus * 0.01;
    b->focus_slope[i] = slope;
    return GLINT_OK;
}

static int read_px(const char *name, const char *from, const char *end, struct glint_beams *b, bool *given)
{
    double id, azimuth, elevation, range = 0, up = 0, left = 0;
    if (!element(from, end, "id_", &id) || !element(from, end, "rotCorrection_", &azimuth) ||
        !element(from, end, "vertCorrection_", &elevation) || !(fabs(elevation) <= 90) ||
        !(fabs(azimuth) <= 360))
        return glint_fail(GLINT_E_FORMAT,
                          "%s: a <px> without id_, rotCorrection_ and vertCorrection_ in degrees", name);
    if (!(id >= 0 && id < GLINT_BEAMS_CAP))
        return glint_fail(GLINT_E_FORMAT, "%s: laser %g, expected 0 to %d", name, id, b->n - 1);
    GLINT_TRY(note_laser(name, (int32_t)id, b->n, given));
    element(from, end, "distCorrection_", &range);
    element(from, end, "vertOffsetCorrection_", &up);
    element(from, end, "horizOffsetCorrection_", &left);
    if (!(fabs(range) <= 1000 && fabs(up) <= 1000 && fabs(left) <= 1000))
        return glint_fail(GLINT_E_FORMAT, "%s: laser %g: a correction of more than 10 m", name, id);
    const int32_t i = (int32_t)id;
    b->elevation[i] = elevation * (GLINT_PI / 180);
    b->azimuth[i] = -azimuth * (GLINT_PI / 180);
    b->range[i] = range * 0.01;
    b->up[i] = up * 0.01;
    b->left[i] = left * 0.01;
    return read_px_near(name, from, end, b, i);
}

/* <tag><count>64</count><item_version>0</item_version><item>30</item> ... : one value for each laser, as far
 * as there are; the others get `otherwise`. */
static void read_list(const char *text, const char *end, const char *tag, double otherwise, int32_t n,
                      double *out)
{
    char open[40];
    snprintf(open, sizeof open, "<%s>", tag);
    const char *p = find(text, end, open);
    for (int32_t i = 0; i < n; i++) {
        p = p ? find(p + 1, end, "<item>") : NULL;
        if (!p || !element(p, end, "item", &out[i]) || !(out[i] >= 0 && out[i] <= 255))
            out[i] = otherwise;
    }
}

/* Files list 64 lasers whatever the sensor has: those beyond n are passed over when they are disabled or zero
 * is not told, so only lasers below n are read. */
static int parse_xml(const char *name, const char *text, size_t size, int32_t n,
                     struct glint_beams *beams_out)
{
    bool given[GLINT_BEAMS_CAP] = {false};
    const char *end = text + size;
    start(beams_out, name, n);
    for (const char *p = find(text, end, "<px"); p; p = find(p + 1, end, "<px")) {
        const char *close = find(p, end, "</px>");
        double id;
        if (!close)
            return glint_fail(GLINT_E_FORMAT, "%s: a <px> that does not end", name);
        if (element(p, close, "id_", &id) && id >= n && id < GLINT_BEAMS_CAP)
            continue;
        GLINT_TRY(read_px(name, p, close, beams_out, given));
    }
    GLINT_TRY(check_all_given(name, n, given));
    read_list(text, end, "minIntensity_", 0, n, beams_out->least);
    read_list(text, end, "maxIntensity_", 255, n, beams_out->most);
    glint_beams_finish(beams_out);
    return GLINT_OK;
}

int glint_beams_parse_velodyne(const char *name, const char *text, size_t size, int32_t n,
                               struct glint_beams *beams_out)
{
    size_t at = 0;
    while (at < size && strchr(" \t\r\n", text[at]) && text[at])
        at++;
    return at < size && text[at] == '<' ? parse_xml(name, text, size, n, beams_out)
                                        : parse_yaml(name, text, size, n, beams_out);
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
