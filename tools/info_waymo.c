/* tools/info_waymo.c - see info_waymo.h. */
#define _POSIX_C_SOURCE 200809L
#include "tools/info_waymo.h"
#include "core/log.h"
#include "core/status.h"
#include "io/source_waymo.h"
#include "io/waymo_files.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

struct summary {
    json_t *segments, *images;
    uint64_t frames, labels[5], zones, corrupt, points;
    int64_t first_us, last_us;
    char context[256]; /* of the last frame */
};

static void put_count(json_t *object, const char *key, uint64_t value)
{
    json_object_set_new(object, key, json_integer((json_int_t)value));
}

static json_t *text_json(const char *text)
{
    json_t *value = json_string(text);
    return value ? value : json_string("(not UTF-8)");
}

static void put_time(json_t *object, const char *key, int64_t us)
{
    const time_t seconds = (time_t)(us / 1000000);
    struct tm utc;
    char text[64], whole[96];
    if (!gmtime_r(&seconds, &utc))
        return;
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(whole, sizeof whole, "%s.%06dZ", text, (int)(us % 1000000));
    json_object_set_new(object, key, json_string(whole));
}

static void add_segment(struct summary *s, const struct glint_waymo_frame *f)
{
    char text[512];
    if (s->frames > 0 && strcmp(s->context, f->context) == 0)
        return;
    snprintf(s->context, sizeof s->context, "%s", f->context);
    snprintf(text, sizeof text, "%.200s%s%.60s%s%.60s%s%.60s", f->context, f->location[0] ? ", " : "",
             f->location, f->time_of_day[0] ? ", " : "", f->time_of_day, f->weather[0] ? ", " : "",
             f->weather);
    json_array_append_new(s->segments, text_json(text));
}

static void add_frame(struct summary *s, const struct glint_waymo_frame *f)
{
    add_segment(s, f);
    if (s->frames == 0 || f->stamp_us < s->first_us)
        s->first_us = f->stamp_us;
    if (s->frames == 0 || f->stamp_us > s->last_us)
        s->last_us = f->stamp_us;
    s->frames++;
    s->zones += (uint64_t)f->n_zones;
    for (int32_t i = 0; i < f->n_labels; i++)
        s->labels[f->labels[i].type >= 1 && f->labels[i].type <= 4 ? f->labels[i].type : 0]++;
}

static void add_images(struct summary *s, const struct glint_waymo_frame *f)
{
    for (int l = 0; l < GLINT_WAYMO_LASERS; l++)
        for (int r = 0; r < GLINT_WAYMO_RETURNS; r++) {
            const struct glint_waymo_image *image = &f->laser[l].image[r];
            char text[128];
            if (image->height == 0)
                continue;
            snprintf(text, sizeof text, "%s return %d: %d x %d, %d points%s", glint_waymo_laser_name(l),
                     r + 1, image->height, image->width, image->points.n, image->label ? ", classes" : "");
            json_array_append_new(s->images, json_string(text));
            s->points += (uint64_t)image->points.n;
        }
}

/* GLINT_E_AGAIN: counted as damaged. */
static int read_record(struct glint_waymo_reader *reader, const char *path, const struct glint_record *record,
                       bool skip_corrupt, struct summary *s)
{
    const struct glint_waymo_frame *f;
    const bool first = s->frames == 0;
    glint_waymo_read(reader, path, record, 1, first ? GLINT_WAYMO_CLASSES : GLINT_WAYMO_LABELS);
    const int status = glint_waymo_reader_frame(reader, 0, &f);
    if (status < 0 && skip_corrupt) {
        glint_log(GLINT_LOG_WARN, "left out: %s", glint_error_text());
        return GLINT_E_AGAIN;
    }
    GLINT_TRY(status);
    add_frame(s, f);
    if (first)
        add_images(s, f);
    return GLINT_OK;
}

static int read_file(struct glint_waymo_reader *reader, const char *path, bool skip_corrupt,
                     struct summary *s)
{
    struct glint_tfrecord file;
    struct glint_record record;
    GLINT_TRY(glint_tfrecord_open(&file, path, skip_corrupt));
    int status = GLINT_OK;
    if (file.file.size == 0) {
        s->corrupt++;
        status =
            skip_corrupt ? GLINT_OK : glint_fail(GLINT_E_FORMAT, "%s: empty file: no record at byte 0", path);
    }
    while (status == GLINT_OK && (status = glint_tfrecord_next(&file, &record)) == GLINT_OK) {
        status = read_record(reader, path, &record, skip_corrupt, s);
        if (status == GLINT_E_AGAIN) {
            s->corrupt++;
            status = GLINT_OK;
        }
        glint_tfrecord_release(&file, file.at);
    }
    s->corrupt += (uint64_t)(file.damage.bad_data + file.damage.bad_length + file.damage.truncated);
    glint_tfrecord_close(&file);
    return status == GLINT_E_EOF ? GLINT_OK : status;
}

static void put_summary(json_t *out, const struct summary *s, int32_t n_files)
{
    static const char *const types[] = {"labels_unknown", "labels_vehicle", "labels_pedestrian",
                                        "labels_sign", "labels_cyclist"};
    json_object_set_new(out, "kind", json_string("Waymo frames (TFRecord)"));
    put_count(out, "files", (uint64_t)n_files);
    json_object_set(out, "segments", s->segments);
    put_count(out, "frames", s->frames);
    if (s->frames > 0) {
        put_time(out, "first_frame", s->first_us);
        put_time(out, "last_frame", s->last_us);
    }
    put_count(out, "points_of_first_frame", s->points);
    json_object_set(out, "images_of_first_frame", s->images);
    for (int i = 0; i < 5; i++)
        if (i > 0 || s->labels[i] > 0)
            put_count(out, types[i], s->labels[i]);
    put_count(out, "no_label_zones", s->zones);
    put_count(out, "damaged_records", s->corrupt);
}

int glint_info_waymo(const char *path, bool skip_corrupt, json_t *out)
{
    struct glint_waymo_files files = {0};
    struct glint_waymo_reader *reader = NULL;
    struct summary s = {.segments = json_array(), .images = json_array()};
    int status = glint_waymo_files_add(&files, path);
    if (status == GLINT_OK)
        status = glint_waymo_reader_open(1, NULL, &reader);
    for (int32_t i = 0; i < files.n && status == GLINT_OK; i++)
        status = read_file(reader, files.path[i], skip_corrupt, &s);
    if (status == GLINT_OK)
        put_summary(out, &s, files.n);
    glint_waymo_reader_close(reader);
    glint_waymo_files_fini(&files);
    json_decref(s.segments);
    json_decref(s.images);
    return status;
}
