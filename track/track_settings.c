/* track/track_settings.c - see glint/track.h: what is known of classes by their names, and what a model's
 * config.json says otherwise. Bounds are such that nothing behind has to check: no division by zero, no pair
 * dearer than none (pairs.c). */
#include "core/json.h"
#include "glint/track.h"
#include <ctype.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* ---- classes by name ---- */

static const struct glint_track_class car = {.group = "vehicle",
                                             .accel = 3.0f,
                                             .turn = 0.6f,
                                             .slip_mps = 0.3f,
                                             .first_mps = 12.0f,
                                             .most_mps = 70.0f,
                                             .turn_decay_s = 1.5f,
                                             .noise_m = {0.25f, 0.15f},
                                             .noise_per_m = 0.004f,
                                             .noise_yaw_rad = 0.12f,
                                             .reach_m = 2.0f,
                                             .reach_mps = 40.0f,
                                             .birth_score = 0.3f,
                                             .confirm = 0.6f,
                                             .fade_s = 0.2f,
                                             .fade_hidden_s = 0.4f,
                                             .fade_empty_s = 0.1f,
                                             .fade_points_s = 0.4f,
                                             .show_s = 0.15f};

/* Longer, slower to turn; how much of them is seen differs more. */
static struct glint_track_class truck_like(void)
{
    struct glint_track_class c = car;
    c.accel = 2.0f;
    c.turn = 0.3f;
    c.noise_m[0] = 0.6f;
    c.noise_m[1] = 0.25f;
    c.reach_m = 4.0f;
    return c;
}

static struct glint_track_class two_wheeler_like(void)
{
    struct glint_track_class c = car;
    snprintf(c.group, sizeof c.group, "two-wheeler");
    c.turn = 0.8f;
    c.slip_mps = 0.7f;
    c.first_mps = 6.0f;
    c.most_mps = 25.0f;
    c.noise_m[0] = 0.2f;
    c.noise_yaw_rad = 0.2f;
    c.reach_m = 1.0f;
    c.reach_mps = 20.0f;
    return c;
}

static struct glint_track_class motorcycle_like(void)
{
    struct glint_track_class c = two_wheeler_like();
    c.first_mps = 10.0f;
    c.most_mps = 60.0f;
    c.reach_mps = 35.0f;
    return c;
}

static struct glint_track_class pedestrian_like(void)
{
    struct glint_track_class c = car;
    snprintf(c.group, sizeof c.group, "pedestrian");
    c.accel = 1.0f;
    c.turn = 1.5f;
    c.slip_mps = 100.0f;
    c.first_mps = 1.5f;
    c.most_mps = 8.0f;
    c.turn_decay_s = 0.5f;
    c.noise_m[0] = c.noise_m[1] = 0.12f;
    c.noise_yaw_rad = 0.4f;
    c.reach_m = 0.8f;
    c.reach_mps = 6.0f;
    return c;
}

static struct glint_track_class standing_like(void)
{
    struct glint_track_class c = pedestrian_like();
    snprintf(c.group, sizeof c.group, "standing");
    c.accel = 0.1f;
    c.turn = 0.1f;
    c.first_mps = 0.2f;
    c.most_mps = 2.0f;
    c.reach_mps = 2.0f;
    return c;
}

/* A word in the name decides; the first that is found, so that "motorcyclist" is no "cyclist". */
static const struct {
    const char *word;
    struct glint_track_class (*make)(void);
} kinds[] = {
    {"motor", motorcycle_like},      {"cycl", two_wheeler_like},   {"person", pedestrian_like},
    {"pedestrian", pedestrian_like}, {"truck", truck_like},        {"bus", truck_like},
    {"trailer", truck_like},         {"construction", truck_like}, {"tram", truck_like},
    {"train", truck_like},           {"barrier", standing_like},   {"cone", standing_like},
    {"sign", standing_like},         {"pole", standing_like},
};

static struct glint_track_class class_of(const char *name)
{
    char lower[64];
    size_t n = 0;
    for (; name[n] && n + 1 < sizeof lower; n++)
        lower[n] = (char)tolower((unsigned char)name[n]);
    lower[n] = 0;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strstr(lower, kinds[i].word))
            return kinds[i].make();
    if (strstr(lower, "car") || strstr(lower, "van") || strstr(lower, "vehicle"))
        return car;
    struct glint_track_class c = two_wheeler_like();
    snprintf(c.group, sizeof c.group, "%.20s", lower); /* for itself */
    return c;
}

void glint_track_settings_default(struct glint_track_settings *s, const char *const *classes, int32_t n)
{
    *s = (struct glint_track_settings){.cap_tracks = 512,
                                       .cap_boxes = 512,
                                       .period_s = 0.1f,
                                       .most_gap_s = 3.0f,
                                       .strong_score = 0.4f,
                                       .gate = 16.0f,
                                       .weight_overlap = 0.25f,
                                       .weight_class = 0.25f,
                                       .death = 0.1f,
                                       .doubt_s = 0.15f,
                                       .double_iou = 0.5f,
                                       .yaw_memory_s = 1.0f};
    s->n_classes = n < GLINT_TRACKER_CLASSES ? n : GLINT_TRACKER_CLASSES;
    s->classes[0] = class_of("");
    for (int32_t i = 0; i < s->n_classes; i++)
        s->classes[i] = class_of(classes[i]);
}

/* ---- config.json ---- */

struct member {
    const char *name;
    size_t offset; /* of a float */
    double lo, hi;
};
#define OF_ALL(name, lo, hi)                                                                                 \
    {                                                                                                        \
#name, offsetof(struct glint_track_settings, name), lo, hi                                           \
    }
#define OF_CLASS(name, lo, hi)                                                                               \
    {                                                                                                        \
#name, offsetof(struct glint_track_class, name), lo, hi                                              \
    }

static const struct member of_all[] = {
    OF_ALL(period_s, 1e-3, 10), OF_ALL(most_gap_s, 1e-3, 60),   OF_ALL(keep_score, 0, 1),
    OF_ALL(strong_score, 0, 1), OF_ALL(gate, 1, 100),           OF_ALL(weight_overlap, 0, 2),
    OF_ALL(weight_class, 0, 2), OF_ALL(death, 1e-3, 1),         OF_ALL(doubt_s, 0, 10),
    OF_ALL(double_iou, 0, 1),   OF_ALL(yaw_memory_s, 1e-2, 60),
};
static const struct member of_class[] = {
    OF_CLASS(accel, 1e-3, 100),        OF_CLASS(turn, 1e-3, 100),          OF_CLASS(slip_mps, 1e-2, 1000),
    OF_CLASS(first_mps, 1e-2, 200),    OF_CLASS(most_mps, 1e-2, 1000),     OF_CLASS(turn_decay_s, 0, 1000),
    OF_CLASS(noise_per_m, 0, 1),       OF_CLASS(noise_yaw_rad, 1e-3, 10),  OF_CLASS(noise_velocity, 0, 100),
    OF_CLASS(reach_m, 0, 100),         OF_CLASS(reach_mps, 0, 1000),       OF_CLASS(birth_score, 0, 1),
    OF_CLASS(confirm, 0, 0.99),        OF_CLASS(fade_s, 1e-3, 100),        OF_CLASS(fade_hidden_s, 1e-3, 100),
    OF_CLASS(fade_empty_s, 1e-3, 100), OF_CLASS(fade_points_s, 1e-3, 100), OF_CLASS(show_s, 0, 100),
};
#define COUNT(list) (sizeof(list) / sizeof(list)[0])

static int read_number(struct glint_json object, const char *key, const struct member *list, size_t n,
                       void *into)
{
    for (size_t i = 0; i < n; i++) {
        double value;
        if (strcmp(key, list[i].name) != 0)
            continue;
        GLINT_TRY(glint_json_f64(object, key, list[i].lo, list[i].hi, &value));
        *(float *)((char *)into + list[i].offset) = (float)value;
        return GLINT_OK;
    }
    return glint_json_fail(glint_json_get(object, key), "not a setting of tracking (glint/track.h has them)");
}

static int read_noise(struct glint_json object, struct glint_track_class *c)
{
    double value[2];
    GLINT_TRY(glint_json_f64s(object, "noise_m", 2, 2, value, NULL));
    for (int k = 0; k < 2; k++) {
        if (!(value[k] >= 1e-3 && value[k] <= 100))
            return glint_json_fail(glint_json_get(object, "noise_m"), "0.001..100 expected, found %g",
                                   value[k]);
        c->noise_m[k] = (float)value[k];
    }
    return GLINT_OK;
}

static int read_class(struct glint_json object, struct glint_track_class *c)
{
    if (!glint_json_is_object(object))
        return glint_json_fail(object, "an object expected");
    for (size_t i = 0; i < glint_json_members(object); i++) {
        const char *key = glint_json_key(object, i), *group;
        if (strcmp(key, "noise_m") == 0) {
            GLINT_TRY(read_noise(object, c));
        } else if (strcmp(key, "group") == 0) {
            GLINT_TRY(glint_json_string(object, key, &group));
            snprintf(c->group, sizeof c->group, "%.23s", group);
        } else if (key[0] != '_') {
            GLINT_TRY(read_number(object, key, of_class, COUNT(of_class), c));
        }
    }
    return GLINT_OK;
}

static int read_classes(struct glint_json object, const char *const *classes, struct glint_track_settings *s)
{
    if (!glint_json_is_object(object))
        return glint_json_fail(object, "an object expected");
    for (size_t i = 0; i < glint_json_members(object); i++) {
        const char *key = glint_json_key(object, i);
        int32_t label = 0;
        while (label < s->n_classes && strcmp(classes[label], key) != 0)
            label++;
        if (label == s->n_classes)
            return glint_json_fail(glint_json_get(object, key), "not a class of the model");
        GLINT_TRY(read_class(glint_json_get(object, key), &s->classes[label]));
    }
    return GLINT_OK;
}

static int read_section(struct glint_json track, const char *const *classes, struct glint_track_settings *s)
{
    if (!glint_json_is_object(track))
        return glint_json_fail(track, "an object expected");
    for (size_t i = 0; i < glint_json_members(track); i++) {
        const char *key = glint_json_key(track, i);
        if (strcmp(key, "classes") == 0)
            GLINT_TRY(read_classes(glint_json_get(track, key), classes, s));
        else if (strcmp(key, "cap_tracks") == 0)
            GLINT_TRY(glint_json_i32(track, key, 1, 4096, &s->cap_tracks));
        else if (strcmp(key, "cap_boxes") == 0)
            GLINT_TRY(glint_json_i32(track, key, 1, 4096, &s->cap_boxes));
        else if (key[0] != '_')
            GLINT_TRY(read_number(track, key, of_all, COUNT(of_all), s));
    }
    return GLINT_OK;
}

int glint_track_settings_read(struct glint_track_settings *s, const char *config_path,
                              const char *const *classes, int32_t n)
{
    struct glint_json_doc *doc;
    (void)n; /* as many as s has classes, or more */
    GLINT_TRY(glint_json_load(config_path, &doc));
    const struct glint_json root = glint_json_root(doc);
    const int status =
        glint_json_has(root, "track") ? read_section(glint_json_get(root, "track"), classes, s) : GLINT_OK;
    glint_json_close(doc);
    return status;
}
