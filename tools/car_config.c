/* tools/car_config.c - see car_config.h. The document is walked once, key by key; libyaml keeps the lines. */
#include "tools/car_config.h"
#include "core/file.h"
#include <arpa/inet.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define FILE_LARGEST (1u << 20)
#define DEG          (3.14159265358979323846 / 180)
#define KEYS_MOST    128

struct reader {
    const char *path;
    const struct glint_command *command;
    bool (*take)(void *ctx, int key, const char *value);
    void *ctx;
    struct glint_car_config *config;
    yaml_document_t *doc;
};

static unsigned long line_of(const yaml_node_t *node)
{
    return (unsigned long)node->start_mark.line + 1;
}

static const char *scalar(const yaml_node_t *node)
{
    return node && node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value : NULL;
}

/* Prints "glint: car.yaml:12: ..."; false. */
__attribute__((format(printf, 3, 4))) static bool wrong(const struct reader *r, unsigned long line,
                                                        const char *fmt, ...)
{
    char text[400];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    glint_say("%s:%lu: %s", r->path, line, text);
    return false;
}

/* ---- options ---- */

static bool is_own(const char *key)
{
    return strcmp(key, "config") == 0 || strcmp(key, "check-config") == 0;
}

static bool unknown_key(const struct reader *r, const yaml_node_t *node, const char *key)
{
    const char *near = glint_command_nearest(r->command, key);
    return near ? wrong(r, line_of(node), "unknown key \"%.60s\": did you mean %s?", key, near)
                : wrong(r, line_of(node), "unknown key \"%.60s\": options of glint %s and sensors are known",
                        key, r->command->name);
}

/* With the line of the value in every word about it. */
static bool take_at(struct reader *r, const yaml_node_t *node, int key, const char *value)
{
    char origin[1100];
    snprintf(origin, sizeof origin, "%.1000s:%lu", r->path, line_of(node));
    glint_usage_origin(origin);
    const bool good = r->take(r->ctx, key, value);
    glint_usage_origin(NULL);
    return good;
}

static bool take_flag(struct reader *r, const yaml_node_t *node, const struct glint_option *o)
{
    const char *text = scalar(node);
    if (text && strcmp(text, "false") == 0)
        return true;
    if (!text || strcmp(text, "true") != 0)
        return wrong(r, line_of(node), "%s: true or false expected", o->name + 2);
    return take_at(r, node, o->key, NULL);
}

static bool take_each(struct reader *r, const yaml_node_t *list, const struct glint_option *o)
{
    for (yaml_node_item_t *i = list->data.sequence.items.start; i < list->data.sequence.items.top; i++) {
        const yaml_node_t *item = yaml_document_get_node(r->doc, *i);
        const char *text = scalar(item);
        if (!text || !text[0])
            return wrong(r, line_of(item), "%s: a list of values expected", o->name + 2);
        if (!take_at(r, item, o->key, text))
            return false;
    }
    return true;
}

/* [front, left] is front,left: libyaml's memory for the text goes with the document. */
static bool take_joined(struct reader *r, const yaml_node_t *list, const struct glint_option *o)
{
    char text[1024] = "";
    size_t n = 0;
    for (yaml_node_item_t *i = list->data.sequence.items.start; i < list->data.sequence.items.top; i++) {
        const char *item = scalar(yaml_document_get_node(r->doc, *i));
        if (!item || strlen(item) + 2 > sizeof text - n)
            return wrong(r, line_of(list), "%s: a short list of values expected", o->name + 2);
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", n ? "," : "", item);
    }
    const int node =
        yaml_document_add_scalar(r->doc, NULL, (yaml_char_t *)text, (int)n, YAML_ANY_SCALAR_STYLE);
    const yaml_node_t *joined = node ? yaml_document_get_node(r->doc, node) : NULL;
    return joined ? take_at(r, list, o->key, scalar(joined)) : wrong(r, line_of(list), "no memory");
}

static bool may_repeat(const char *name)
{
    static const char *const names[] = {"--out", "--port", "--group"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static bool take_option(struct reader *r, const yaml_node_t *key, yaml_node_t *value)
{
    char name[64];
    const struct glint_option *o = NULL;
    if (snprintf(name, sizeof name, "--%s", scalar(key)) < (int)sizeof name && !is_own(scalar(key)))
        o = glint_command_option(r->command, name);
    if (!o)
        return unknown_key(r, key, scalar(key));
    if (!o->value)
        return take_flag(r, value, o);
    if (value->type == YAML_SEQUENCE_NODE) {
        const yaml_node_t list = *value; /* adding a node may move the others */
        return may_repeat(name) ? take_each(r, &list, o) : take_joined(r, &list, o);
    }
    const char *text = scalar(value);
    if (!text || !text[0])
        return wrong(r, line_of(value), "%s: a value expected: %s", o->name + 2, o->value);
    if (strcmp(name, "--merge") == 0 && strcmp(text, "all") == 0)
        text = r->config->names;
    return take_at(r, value, o->key, text);
}

/* ---- sensors ---- */

enum {
    NAME = 1,
    SENSOR = 2,
    ADDRESS = 4,
    PORT = 8,
    CALIB = 16,
    GROUP = 32,
    TRANSLATION = 64,
    RPY = 128,
    QUATERNION = 256
};

static const struct {
    const char *name;
    int key;
} sensor_keys[] = {{"name", NAME},
                   {"sensor", SENSOR},
                   {"address", ADDRESS},
                   {"port", PORT},
                   {"calib", CALIB},
                   {"group", GROUP},
                   {"translation", TRANSLATION},
                   {"rotation_rpy_deg", RPY},
                   {"quaternion", QUATERNION}};

static bool read_numbers(const struct reader *r, const yaml_node_t *node, const char *key, int n, double most,
                         double *out)
{
    int got = 0;
    if (node->type == YAML_SEQUENCE_NODE)
        for (yaml_node_item_t *i = node->data.sequence.items.start; i < node->data.sequence.items.top; i++) {
            const char *text = scalar(yaml_document_get_node(r->doc, *i));
            char *end = NULL;
            const double v = text ? strtod(text, &end) : NAN;
            if (got == n || !text || end == text || *end || !(fabs(v) <= most))
                return wrong(r, line_of(node), "%s: %d numbers within +-%g expected", key, n, most);
            out[got++] = v;
        }
    return got == n || wrong(r, line_of(node), "%s: a list of %d numbers expected", key, n);
}

static bool read_rpy(const struct reader *r, const yaml_node_t *node, struct glint_pose *pose)
{
    double rpy[3];
    if (!read_numbers(r, node, "rotation_rpy_deg", 3, 360, rpy))
        return false;
    memcpy(pose->q, glint_pose_from_rpy(rpy[0] * DEG, rpy[1] * DEG, rpy[2] * DEG, pose->t).q, sizeof pose->q);
    return true;
}

static bool read_quaternion(const struct reader *r, const yaml_node_t *node, struct glint_pose *pose)
{
    if (!read_numbers(r, node, "quaternion", 4, 2, pose->q))
        return false;
    return glint_pose_unit(pose) >= 0 ||
           wrong(r, line_of(node), "quaternion: w, x, y, z of length 1 expected");
}

static bool read_address(const struct reader *r, const yaml_node_t *node, uint32_t *out)
{
    struct in_addr ip;
    const char *text = scalar(node);
    if (!text || inet_pton(AF_INET, text, &ip) != 1)
        return wrong(r, line_of(node), "address: an IPv4 address expected, such as 192.168.1.201");
    *out = ntohl(ip.s_addr);
    return true;
}

static bool read_port(const struct reader *r, const yaml_node_t *node, uint16_t *out)
{
    const char *text = scalar(node);
    char *end = NULL;
    const long v = text ? strtol(text, &end, 10) : 0;
    if (!text || end == text || *end || v < 1 || v > 65535)
        return wrong(r, line_of(node), "port: a whole number from 1 to 65535 expected");
    *out = (uint16_t)v;
    return true;
}

static bool read_text(const struct reader *r, const yaml_node_t *node, const char *key, const char **out)
{
    *out = scalar(node);
    return (*out && (*out)[0]) || wrong(r, line_of(node), "%s: a value expected", key);
}

static bool read_name(const struct reader *r, const yaml_node_t *node, const char **out)
{
    if (!read_text(r, node, "name", out))
        return false;
    return (strlen(*out) < 32 && !strpbrk(*out, ",= +")) ||
           wrong(r, line_of(node), "name: up to 31 characters without , = + and blanks expected");
}

static bool read_member(const struct reader *r, int key, const char *name, const yaml_node_t *value,
                        struct glint_car_sensor *s)
{
    switch (key) {
    case NAME:
        return read_name(r, value, &s->place.name);
    case SENSOR:
        return read_text(r, value, name, &s->place.sensor);
    case CALIB:
        return read_text(r, value, name, &s->place.calib);
    case GROUP:
        return read_text(r, value, name, &s->group);
    case ADDRESS:
        return read_address(r, value, &s->place.src_ip);
    case PORT:
        return read_port(r, value, &s->place.port);
    case TRANSLATION:
        return read_numbers(r, value, name, 3, 1e3, s->pose.t);
    case RPY:
        return read_rpy(r, value, &s->pose);
    default:
        return read_quaternion(r, value, &s->pose);
    }
}

static int key_of(const char *name)
{
    for (size_t i = 0; name && i < sizeof sensor_keys / sizeof sensor_keys[0]; i++)
        if (strcmp(sensor_keys[i].name, name) == 0)
            return sensor_keys[i].key;
    return 0;
}

static bool check_sensor(const struct reader *r, struct glint_car_sensor *s, int given)
{
    const char *missing = !(given & NAME) ? "name" : !(given & SENSOR) ? "sensor" : NULL;
    if (missing)
        return wrong(r, s->line, "a sensor without %s", missing);
    if (!(given & (ADDRESS | PORT)))
        return wrong(r, s->line, "sensor %s: which packets are its? address, port or both expected",
                     s->place.name);
    const bool turned = given & (RPY | QUATERNION);
    if ((given & RPY && given & QUATERNION) || turned != (bool)(given & TRANSLATION))
        return wrong(r, s->line,
                     "sensor %s: its pose is translation and one of rotation_rpy_deg and quaternion",
                     s->place.name);
    s->has_pose = turned;
    return true;
}

/* Names are different, and no packet fits two of them. */
static bool check_apart(const struct reader *r, const struct glint_car_sensor *s)
{
    for (const struct glint_car_sensor *o = r->config->sensor; o < s; o++) {
        if (strcmp(o->place.name, s->place.name) == 0)
            return wrong(r, s->line, "sensor %s is there twice (first in line %lu)", s->place.name, o->line);
        const bool ip = o->place.src_ip == 0 || s->place.src_ip == 0 || o->place.src_ip == s->place.src_ip;
        const bool port = o->place.port == 0 || s->place.port == 0 || o->place.port == s->place.port;
        if (ip && port)
            return wrong(r, s->line,
                         "packets of sensor %s are those of %s too: another address or port expected",
                         s->place.name, o->place.name);
    }
    return true;
}

static bool read_sensor(struct reader *r, const yaml_node_t *map)
{
    struct glint_car_config *c = r->config;
    int given = 0;
    if (map->type != YAML_MAPPING_NODE)
        return wrong(r, line_of(map), "sensors: a list of maps expected: - name: front");
    if (c->n_sensors == GLINT_CAR_SENSORS)
        return wrong(r, line_of(map), "more than %d sensors", GLINT_CAR_SENSORS);
    struct glint_car_sensor *s = &c->sensor[c->n_sensors++];
    *s = (struct glint_car_sensor){.line = line_of(map), .pose = glint_pose_identity()};
    for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top; p++) {
        const yaml_node_t *node = yaml_document_get_node(r->doc, p->key);
        const char *name = scalar(node);
        const int key = key_of(name);
        if (!key)
            return wrong(r, line_of(node),
                         "unknown key \"%.40s\" of a sensor: name, sensor, address, port, group, calib, "
                         "translation, rotation_rpy_deg, quaternion are known",
                         name ? name : "?");
        if (given & key)
            return wrong(r, line_of(node), "%s is there twice", name);
        given |= key;
        if (!read_member(r, key, name, yaml_document_get_node(r->doc, p->value), s))
            return false;
    }
    return check_sensor(r, s, given) && check_apart(r, s);
}

static bool read_sensors(struct reader *r, const yaml_node_t *list)
{
    if (list->type != YAML_SEQUENCE_NODE || list->data.sequence.items.start == list->data.sequence.items.top)
        return wrong(r, line_of(list), "sensors: a list of maps expected: - name: front");
    for (yaml_node_item_t *i = list->data.sequence.items.start; i < list->data.sequence.items.top; i++)
        if (!read_sensor(r, yaml_document_get_node(r->doc, *i)))
            return false;
    size_t n = 0;
    for (int32_t i = 0; i < r->config->n_sensors; i++)
        n += (size_t)snprintf(r->config->names + n, sizeof r->config->names - n, "%s%s", i ? "," : "",
                              r->config->sensor[i].place.name);
    return true;
}

/* ---- the file ---- */

static bool is_sensors(const yaml_node_t *key)
{
    return scalar(key) && strcmp(scalar(key), "sensors") == 0;
}

/* Keys that are no text, or there twice. */
static bool check_keys(const struct reader *r, const yaml_node_t *root)
{
    const yaml_node_pair_t *first = root->data.mapping.pairs.start, *top = root->data.mapping.pairs.top;
    if (top - first > KEYS_MOST)
        return wrong(r, line_of(root), "more than %d keys", KEYS_MOST);
    for (const yaml_node_pair_t *p = first; p < top; p++) {
        const yaml_node_t *key = yaml_document_get_node(r->doc, p->key);
        if (!scalar(key) || !scalar(key)[0])
            return wrong(r, line_of(key), "a key expected: the name of an option, or sensors");
        for (const yaml_node_pair_t *q = first; q < p; q++) {
            const yaml_node_t *other = yaml_document_get_node(r->doc, q->key);
            if (strcmp(scalar(other), scalar(key)) == 0)
                return wrong(r, line_of(key), "%s is there twice (first in line %lu)", scalar(key),
                             line_of(other));
        }
    }
    return true;
}

/* Sensors first: `merge: all` stands for them. Nodes are taken by number, as options may add some. */
static bool read_root(struct reader *r)
{
    const yaml_node_t *root = yaml_document_get_root_node(r->doc);
    if (!root || root->type != YAML_MAPPING_NODE)
        return wrong(r, 1, "a map of options expected: model: glint-tiny");
    if (!check_keys(r, root))
        return false;
    const yaml_node_pair_t *first = root->data.mapping.pairs.start, *top = root->data.mapping.pairs.top;
    for (const yaml_node_pair_t *p = first; p < top; p++)
        if (is_sensors(yaml_document_get_node(r->doc, p->key)) &&
            !read_sensors(r, yaml_document_get_node(r->doc, p->value)))
            return false;
    for (const yaml_node_pair_t *p = first; p < top; p++) {
        const yaml_node_t key = *yaml_document_get_node(r->doc, p->key);
        if (!is_sensors(&key) && !take_option(r, &key, yaml_document_get_node(r->doc, p->value)))
            return false;
    }
    return true;
}

static bool parse(struct reader *r, const struct glint_file *file)
{
    yaml_parser_t parser;
    if (file->size == 0 || file->size > FILE_LARGEST)
        return wrong(r, 1, "%zu bytes, a configuration in YAML expected", file->size);
    if (!yaml_parser_initialize(&parser))
        return wrong(r, 1, "no memory for a YAML parser");
    yaml_parser_set_input_string(&parser, file->data, file->size);
    const bool good = yaml_parser_load(&parser, r->doc);
    if (!good) {
        memset(r->doc, 0, sizeof *r->doc);
        wrong(r, (unsigned long)parser.problem_mark.line + 1, "not YAML: %s",
              parser.problem ? parser.problem : "?");
    }
    yaml_parser_delete(&parser);
    return good && read_root(r);
}

int glint_car_config_load(const char *path, const struct glint_command *command,
                          bool (*take)(void *ctx, int key, const char *value), void *ctx,
                          struct glint_car_config **config_out)
{
    struct glint_file file;
    struct glint_car_config *c = calloc(1, sizeof *c);
    struct reader r = {path, command, take, ctx, c, calloc(1, sizeof(yaml_document_t))};
    *config_out = c;
    if (c)
        c->document = r.doc;
    if (!c || !r.doc)
        return GLINT_EXIT_FAILED;
    const int status = glint_file_open(&file, path);
    if (status < 0)
        return glint_report_failure(status, GLINT_SIDE_INPUT);
    const bool good = parse(&r, &file);
    glint_file_close(&file);
    return good ? 0 : GLINT_EXIT_INPUT;
}

void glint_car_config_close(struct glint_car_config *c)
{
    if (!c)
        return;
    if (c->document)
        yaml_document_delete(c->document);
    free(c->document);
    free(c);
}
