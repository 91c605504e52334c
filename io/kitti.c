/* io/kitti.c - see kitti.h. */
#include "io/kitti.h"
#include "core/file.h"
#include "io/number.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N_NUMBERS    15   /* behind the type */
#define MOST_VALUE   1e6  /* px, m: nothing in a picture or around a car is beyond */
#define MOST_OBJECTS 2000 /* of a frame: a comparison takes all pairs */

static const char *const column[N_NUMBERS] = {"truncated", "occluded", "alpha",  "x1",         "y1",
                                              "x2",        "y2",       "height", "width",      "length",
                                              "x",         "y",        "z",      "rotation_y", "score"};

void glint_kitti_objects_fini(struct glint_kitti_objects *objects)
{
    free(objects->object);
    *objects = (struct glint_kitti_objects){0};
}

static int grow(struct glint_kitti_objects *objects)
{
    if (objects->n < objects->cap)
        return GLINT_OK;
    const int32_t cap = objects->cap ? 2 * objects->cap : 32;
    struct glint_kitti_object *bigger = realloc(objects->object, (size_t)cap * sizeof *bigger);
    if (!bigger)
        return glint_fail(GLINT_E_NOMEM, "no memory for %d KITTI objects", cap);
    objects->object = bigger;
    objects->cap = cap;
    return GLINT_OK;
}

struct line { /* the rest of a line, and where it stands */
    const char *name, *at, *end;
    int64_t number;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static const char *skip_blanks(struct line *l)
{
    while (l->at < l->end && is_blank(*l->at))
        l->at++;
    return l->at;
}

static int read_type(struct line *l, char *type_out, size_t size)
{
    const char *begin = skip_blanks(l);
    while (l->at < l->end && !is_blank(*l->at))
        l->at++;
    const size_t n = (size_t)(l->at - begin);
    if (n >= size || memchr(begin, '\0', n))
        return glint_fail(GLINT_E_FORMAT, "%s:%lld: expected a type of at most %zu letters", l->name,
                          (long long)l->number, size - 1);
    memcpy(type_out, begin, n);
    type_out[n] = '\0';
    return GLINT_OK;
}

static int read_number(struct line *l, const char *what, double *out)
{
    const char *begin = skip_blanks(l);
    if (begin == l->end)
        return glint_fail(GLINT_E_FORMAT, "%s:%lld: the line ends before %s", l->name, (long long)l->number,
                          what);
    const char *stop = glint_number_read(begin, l->end, out);
    if (!stop || (stop < l->end && !is_blank(*stop)))
        return glint_fail(GLINT_E_FORMAT, "%s:%lld: %s: expected a number", l->name, (long long)l->number,
                          what);
    if (!(fabs(*out) <= MOST_VALUE))
        return glint_fail(GLINT_E_FORMAT, "%s:%lld: %s: expected a number within 1e6, found %g", l->name,
                          (long long)l->number, what, *out);
    l->at = stop;
    return GLINT_OK;
}

static int read_object(struct line *l, enum glint_kitti_kind kind, struct glint_kitti_object *o)
{
    double v[N_NUMBERS] = {0};
    GLINT_TRY(read_type(l, o->type, sizeof o->type));
    const int n = kind == GLINT_KITTI_RESULTS ? N_NUMBERS : N_NUMBERS - 1;
    for (int i = 0; i < n; i++)
        GLINT_TRY(read_number(l, column[i], &v[i]));
    double ignored;
    if (kind == GLINT_KITTI_LABELS && skip_blanks(l) < l->end)
        GLINT_TRY(read_number(l, column[N_NUMBERS - 1], &ignored));
    if (skip_blanks(l) < l->end)
        return glint_fail(GLINT_E_FORMAT, "%s:%lld: more than %d columns", l->name, (long long)l->number,
                          N_NUMBERS + 1);
    o->truncated = v[0];
    o->occluded = (int32_t)v[1];
    o->alpha = v[2];
    memcpy(o->bbox, v + 3, sizeof o->bbox);
    memcpy(o->size, v + 7, sizeof o->size);
    memcpy(o->bottom, v + 10, sizeof o->bottom);
    o->rotation_y = v[13];
    o->score = v[14];
    return GLINT_OK;
}

static int parse(const char *name, const char *text, size_t size, enum glint_kitti_kind kind,
                 struct glint_kitti_objects *objects)
{
    size_t at = 0;
    for (int64_t number = 1; at < size; number++) {
        const char *newline = memchr(text + at, '\n', size - at);
        const size_t end = newline ? (size_t)(newline - text) : size;
        struct line l = {name, text + at, text + end, number};
        at = end + 1;
        if (skip_blanks(&l) == l.end)
            continue;
        if (objects->n == MOST_OBJECTS)
            return glint_fail(GLINT_E_FORMAT, "%s:%lld: more than %d objects", name, (long long)number,
                              MOST_OBJECTS);
        GLINT_TRY(grow(objects));
        GLINT_TRY(read_object(&l, kind, &objects->object[objects->n]));
        objects->n++;
    }
    return GLINT_OK;
}

int glint_kitti_objects_parse(const char *name, const uint8_t *text, size_t size, enum glint_kitti_kind kind,
                              struct glint_kitti_objects *objects)
{
    objects->n = 0;
    const int status = parse(name, (const char *)text, size, kind, objects);
    if (status < 0)
        objects->n = 0;
    return status;
}

int glint_kitti_objects_read(const char *path, enum glint_kitti_kind kind,
                             struct glint_kitti_objects *objects)
{
    struct glint_file file;
    objects->n = 0;
    GLINT_TRY(glint_file_open(&file, path));
    const int status = glint_kitti_objects_parse(path, file.data, file.size, kind, objects);
    glint_file_close(&file);
    return status;
}

static void number(struct glint_buffer *out, double value, int decimals)
{
    glint_buffer_text(out, " ");
    glint_buffer_number(out, value, decimals);
}

void glint_kitti_object_write(const struct glint_kitti_object *o, struct glint_buffer *out)
{
    glint_buffer_text(out, o->type);
    number(out, o->truncated, 2);
    number(out, o->occluded, 0);
    number(out, o->alpha, 4);
    for (int k = 0; k < 4; k++)
        number(out, o->bbox[k], 2);
    for (int k = 0; k < 3; k++)
        number(out, o->size[k], 4);
    for (int k = 0; k < 3; k++)
        number(out, o->bottom[k], 4);
    number(out, o->rotation_y, 4);
    number(out, o->score, 6);
    glint_buffer_text(out, "\n");
}
