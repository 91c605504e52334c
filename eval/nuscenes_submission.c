/* eval/nuscenes_submission.c - see nuscenes_submission.h. */
#include "eval/nuscenes_submission.h"
#include "core/file.h"
#include "core/json_stream.h"
#include "core/json_write.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const meta_names[] = {"use_camera", "use_lidar", "use_radar", "use_map", "use_external"};

/* Keys of a box, in the order in which they are usually written. */
enum key {
    KEY_SAMPLE,
    KEY_TRANSLATION,
    KEY_SIZE,
    KEY_ROTATION,
    KEY_VELOCITY,
    KEY_NAME,
    KEY_SCORE,
    KEY_ATTRIBUTE,
    KEY_TRACK,
    KEY_NUM_PTS,
    KEY_EGO,
    KEYS
};

struct reader {
    struct glint_json_stream s;
    const struct glint_file *file; /* NULL: from memory */
    size_t dropped;
    const struct glint_nuscenes_split *split;
    enum glint_nuscenes_task task;
    struct glint_nuscenes_boxes *boxes;
    const char *key[KEYS];
    int64_t cap_boxes;
    bool *seen;             /* per sample of the split */
    int32_t *slot, n_slots; /* hash of track ids: index + 1 in boxes->track */
    int32_t sample;
    struct glint_token token;
};

/* Tracking ids: text to number, in the order of their coming */

static uint64_t hash_text(const char *text, size_t size)
{
    uint64_t h = UINT64_C(1469598103934665603); /* FNV-1a */
    for (size_t i = 0; i < size; i++)
        h = (h ^ (uint8_t)text[i]) * UINT64_C(1099511628211);
    return h ^ h >> 32;
}

static int32_t *find_slot(const struct reader *r, const char *text, size_t size)
{
    const uint32_t mask = (uint32_t)r->n_slots - 1;
    for (uint32_t i = (uint32_t)hash_text(text, size) & mask;; i = (i + 1) & mask) {
        const char *there = r->slot[i] ? r->boxes->track[r->slot[i] - 1] : NULL;
        if (!there || (strlen(there) == size && memcmp(there, text, size) == 0))
            return &r->slot[i];
    }
}

static int grow_tracks(struct reader *r)
{
    struct glint_nuscenes_boxes *b = r->boxes;
    const int32_t n = r->n_slots ? 2 * r->n_slots : 1024;
    int32_t *slot = n > 0 ? calloc((size_t)n, sizeof *slot) : NULL;
    char **track = slot ? realloc(b->track, (size_t)n / 2 * sizeof *track) : NULL;
    if (!track) {
        free(slot);
        return glint_fail(GLINT_E_NOMEM, "%s: no memory for %d tracking ids", r->s.name, n);
    }
    b->track = track;
    free(r->slot);
    r->slot = slot;
    r->n_slots = n;
    for (int32_t i = 0; i < b->n_tracks; i++)
        *find_slot(r, b->track[i], strlen(b->track[i])) = i + 1;
    return GLINT_OK;
}

static int intern(struct reader *r, const char *text, size_t size, int32_t *out)
{
    struct glint_nuscenes_boxes *b = r->boxes;
    if (2 * b->n_tracks >= r->n_slots)
        GLINT_TRY(grow_tracks(r));
    int32_t *slot = find_slot(r, text, size);
    if (!*slot) {
        char *copy = malloc(size + 1);
        if (!copy)
            return glint_fail(GLINT_E_NOMEM, "%s: no memory for a tracking id", r->s.name);
        memcpy(copy, text, size);
        copy[size] = 0;
        b->track[b->n_tracks++] = copy;
        *slot = b->n_tracks;
    }
    *out = *slot - 1;
    return GLINT_OK;
}

/* A box */

static int read_vector(struct reader *r, const char *what, double *out, size_t n, bool may_be_nan)
{
    size_t found;
    GLINT_TRY(glint_json_stream_f64s(&r->s, n, out, &found));
    if (found != n)
        return glint_json_stream_fail(&r->s, "%s has %zu elements, %zu expected", what, found, n);
    for (size_t i = 0; i < n && !may_be_nan; i++)
        if (isnan(out[i]))
            return glint_json_stream_fail(&r->s, "%s is NaN", what);
    return GLINT_OK;
}

static int quote_fail(struct reader *r, const char *what, struct glint_json_text text)
{
    return glint_json_stream_fail(&r->s, "%s \"%.*s\"", what, (int)(text.size < 60 ? text.size : 60),
                                  text.text);
}

static int read_sample_token(struct reader *r)
{
    struct glint_json_text text;
    struct glint_token token;
    GLINT_TRY(glint_json_stream_text(&r->s, &text));
    if (!glint_token_parse(text.text, text.size, &token) || token.hi != r->token.hi ||
        token.lo != r->token.lo)
        return quote_fail(r, "a box of another sample: sample_token", text);
    return GLINT_OK;
}

static int read_name(struct reader *r, int32_t *out)
{
    struct glint_json_text text;
    GLINT_TRY(glint_json_stream_text(&r->s, &text));
    *out = glint_nuscenes_class_named(r->task, text.text, (int32_t)text.size);
    return *out < 0 ? quote_fail(r, "unknown class", text) : GLINT_OK;
}

static int read_attribute(struct reader *r, int32_t *out)
{
    struct glint_json_text text;
    if (r->task != GLINT_NUSCENES_DETECTION)
        return glint_json_stream_skip(&r->s);
    GLINT_TRY(glint_json_stream_text(&r->s, &text));
    *out = text.size ? glint_nuscenes_attribute_named(text.text, (int32_t)text.size) : -1;
    return text.size && *out < 0 ? quote_fail(r, "unknown attribute", text) : GLINT_OK;
}

/* An id is text, or a number taken as its text. */
static int read_track(struct reader *r, int32_t *out)
{
    struct glint_json_text text;
    double number;
    if (r->task != GLINT_NUSCENES_TRACKING)
        return glint_json_stream_skip(&r->s);
    if (glint_json_stream_peek(&r->s) == '"') {
        GLINT_TRY(glint_json_stream_text(&r->s, &text));
        return intern(r, text.text, text.size, out);
    }
    GLINT_TRY(glint_json_stream_f64(&r->s, &number));
    return intern(r, (const char *)r->s.token, (size_t)(r->s.at - r->s.token), out);
}

static int read_number(struct reader *r, const char *what, double *out)
{
    GLINT_TRY(glint_json_stream_f64(&r->s, out));
    return isnan(*out) ? glint_json_stream_fail(&r->s, "%s is NaN", what) : GLINT_OK;
}

static int read_value(struct reader *r, enum key key, struct glint_nuscenes_box *box)
{
    double number, three[3];
    switch (key) {
    case KEY_SAMPLE:
        return read_sample_token(r);
    case KEY_TRANSLATION:
        return read_vector(r, "translation", box->translation, 3, false);
    case KEY_SIZE:
        return read_vector(r, "size", box->size, 3, false);
    case KEY_ROTATION:
        return read_vector(r, "rotation", box->rotation, 4, false);
    case KEY_VELOCITY:
        return read_vector(r, "velocity", box->velocity, 2, true);
    case KEY_NAME:
        return read_name(r, &box->name);
    case KEY_SCORE:
        return read_number(r, r->key[KEY_SCORE], &box->score);
    case KEY_ATTRIBUTE:
        return read_attribute(r, &box->attribute);
    case KEY_TRACK:
        return read_track(r, &box->track);
    case KEY_NUM_PTS:
        GLINT_TRY(read_number(r, "num_pts", &number));
        box->num_pts = number >= INT32_MAX ? INT32_MAX : number <= -1 ? -1 : (int32_t)number;
        return GLINT_OK;
    default:
        return read_vector(r, "ego_translation", three, 3, false);
    }
}

static int find_key(const struct reader *r, struct glint_json_text text, int from)
{
    for (int i = 0, k = from % KEYS; i < KEYS; i++, k = (k + 1) % KEYS)
        if (glint_json_text_is(text, r->key[k]))
            return k;
    return -1;
}

static int check_keys(struct reader *r, unsigned seen)
{
    const unsigned common = 1u << KEY_SAMPLE | 1u << KEY_TRANSLATION | 1u << KEY_SIZE | 1u << KEY_ROTATION |
                            1u << KEY_VELOCITY | 1u << KEY_NAME;
    const unsigned needed =
        common | (r->task == GLINT_NUSCENES_DETECTION ? 1u << KEY_ATTRIBUTE : 1u << KEY_TRACK);
    for (int k = 0; k < KEYS; k++)
        if (needed >> k & ~seen >> k & 1)
            return glint_json_stream_fail(&r->s, "\"%s\" is missing", r->key[k]);
    return GLINT_OK;
}

static int read_box(struct reader *r, struct glint_nuscenes_box *box)
{
    struct glint_json_text text;
    unsigned seen = 0;
    int status, next = 0;
    *box = (struct glint_nuscenes_box){.score = -1, .attribute = -1, .num_pts = -1, .track = -1};
    GLINT_TRY(glint_json_stream_object(&r->s));
    const uint8_t *start = r->s.token;
    while ((status = glint_json_stream_key(&r->s, &text)) == GLINT_OK) {
        const int k = find_key(r, text, next);
        if (k < 0) {
            GLINT_TRY(glint_json_stream_skip(&r->s));
            continue;
        }
        GLINT_TRY(read_value(r, (enum key)k, box));
        seen |= 1u << k;
        next = k + 1;
    }
    if (status != GLINT_E_EOF)
        return status;
    r->s.token = start;
    return check_keys(r, seen);
}

/* A sample */

static int room_for_box(struct reader *r)
{
    struct glint_nuscenes_boxes *b = r->boxes;
    if (b->n < r->cap_boxes)
        return GLINT_OK;
    const int64_t cap = r->cap_boxes ? r->cap_boxes + r->cap_boxes / 2 : 4096;
    void *p = cap <= INT32_MAX ? realloc(b->box, (size_t)cap * sizeof *b->box) : NULL;
    if (!p)
        return glint_fail(GLINT_E_NOMEM, "%s: no memory for %lld boxes", r->s.name, (long long)cap);
    b->box = p;
    r->cap_boxes = cap;
    return GLINT_OK;
}

/* The failure with the sample and box in which it happened. */
static int in_box(const struct reader *r, int status, int32_t box)
{
    char reason[512], token[GLINT_TOKEN_TEXT];
    if (status != GLINT_E_FORMAT)
        return status;
    snprintf(reason, sizeof reason, "%s", glint_error_text());
    glint_token_format(r->token, token);
    return glint_fail(status, "%s (sample %s, box %d)", reason, token, box);
}

static int read_boxes(struct reader *r)
{
    struct glint_nuscenes_boxes *b = r->boxes;
    struct glint_nuscenes_range *range = &b->of_sample[r->sample];
    int status;
    range->first = b->n;
    GLINT_TRY(glint_json_stream_array(&r->s));
    while ((status = glint_json_stream_item(&r->s)) == GLINT_OK) {
        GLINT_TRY(room_for_box(r));
        status = read_box(r, &b->box[b->n]);
        if (status < 0)
            return in_box(r, status, range->n);
        b->box[b->n].sample = r->sample;
        b->box[b->n].place = (int32_t)b->n;
        b->n++;
        if (++range->n > GLINT_NUSCENES_MAX_BOXES)
            return in_box(
                r, glint_json_stream_fail(&r->s, "more than %d boxes in a sample", GLINT_NUSCENES_MAX_BOXES),
                range->n - 1);
    }
    return status == GLINT_E_EOF ? GLINT_OK : status;
}

static int read_sample(struct reader *r, struct glint_json_text text)
{
    int32_t row = -1;
    if (glint_token_parse(text.text, text.size, &r->token))
        row = glint_token_map_find(&r->split->tables->samples, r->token);
    r->sample = row < 0 ? -1 : r->split->place[row];
    if (r->sample < 0)
        return quote_fail(r, "results of a sample that is not in the split:", text);
    if (r->seen[r->sample])
        return quote_fail(r, "results of a sample that were there before:", text);
    r->seen[r->sample] = true;
    GLINT_TRY(read_boxes(r));
    if (r->file)
        glint_file_done(r->file, (size_t)(r->s.at - r->file->data), &r->dropped);
    return GLINT_OK;
}

/* The file */

static int read_results(struct reader *r)
{
    struct glint_json_text key;
    int status;
    GLINT_TRY(glint_json_stream_object(&r->s));
    while ((status = glint_json_stream_key(&r->s, &key)) == GLINT_OK)
        GLINT_TRY(read_sample(r, key));
    return status == GLINT_E_EOF ? GLINT_OK : status;
}

static int read_meta(struct reader *r)
{
    struct glint_json_text key;
    int status;
    if (glint_json_stream_peek(&r->s) != '{')
        return glint_json_stream_skip(&r->s);
    GLINT_TRY(glint_json_stream_object(&r->s));
    while ((status = glint_json_stream_key(&r->s, &key)) == GLINT_OK) {
        bool *to = NULL;
        for (int i = 0; i < 5; i++)
            if (glint_json_text_is(key, meta_names[i]))
                to = &r->boxes->meta[i];
        const char c = glint_json_stream_peek(&r->s);
        GLINT_TRY(to && (c == 't' || c == 'f') ? glint_json_stream_bool(&r->s, to)
                                               : glint_json_stream_skip(&r->s));
    }
    return status == GLINT_E_EOF ? GLINT_OK : status;
}

static int read_document(struct reader *r)
{
    struct glint_json_text key;
    bool results = false, meta = false;
    int status;
    GLINT_TRY(glint_json_stream_object(&r->s));
    while ((status = glint_json_stream_key(&r->s, &key)) == GLINT_OK) {
        if (glint_json_text_is(key, "results") && results)
            return glint_json_stream_fail(&r->s, "\"results\" is there twice");
        if (glint_json_text_is(key, "results")) {
            results = true;
            GLINT_TRY(read_results(r));
        } else if (glint_json_text_is(key, "meta")) {
            meta = true;
            GLINT_TRY(read_meta(r));
        } else {
            GLINT_TRY(glint_json_stream_skip(&r->s));
        }
    }
    if (status != GLINT_E_EOF)
        return status;
    GLINT_TRY(glint_json_stream_finish(&r->s));
    if (!results || !meta)
        return glint_fail(GLINT_E_FORMAT, "%s: \"%s\" is missing", r->s.name, results ? "meta" : "results");
    return GLINT_OK;
}

/* All samples of the split, and at least one box. */
static int check_complete(const struct reader *r)
{
    const struct glint_nuscenes_split *split = r->split;
    int32_t n_missing = 0, first = -1;
    for (int32_t i = 0; i < split->n_samples; i++) {
        if (!r->seen[i] && first < 0)
            first = i;
        n_missing += !r->seen[i];
    }
    if (n_missing > 0) {
        char token[GLINT_TOKEN_TEXT];
        glint_token_format(split->tables->sample[split->sample[first].sample].token, token);
        return glint_fail(GLINT_E_FORMAT,
                          "%s: results of %d of %d samples of the split are missing, the first is %s",
                          r->s.name, n_missing, split->n_samples, token);
    }
    if (r->boxes->n == 0)
        return glint_fail(GLINT_E_FORMAT, "%s: no sample has any box", r->s.name);
    return GLINT_OK;
}

static int read_submission(const char *name, const void *data, size_t size, const struct glint_file *file,
                           const struct glint_nuscenes_split *split, enum glint_nuscenes_task task,
                           struct glint_nuscenes_boxes *boxes)
{
    const struct glint_nuscenes_task_info *info = glint_nuscenes_task_info(task);
    GLINT_TRY(glint_nuscenes_boxes_init(boxes, split));
    struct reader *r = calloc(1, sizeof *r);
    bool *seen = calloc((size_t)split->n_samples + 1, sizeof *seen);
    int status = r && seen ? GLINT_OK : glint_fail(GLINT_E_NOMEM, "%s: no memory", name);
    if (status == GLINT_OK) {
        *r = (struct reader){.file = file,
                             .split = split,
                             .task = task,
                             .boxes = boxes,
                             .seen = seen,
                             .key = {"sample_token", "translation", "size", "rotation", "velocity",
                                     info->name_key, info->score_key, "attribute_name", "tracking_id",
                                     "num_pts", "ego_translation"}};
        glint_json_stream_init(&r->s, name, data, size, GLINT_JSON_NAN);
        status = read_document(r);
    }
    if (status == GLINT_OK)
        status = check_complete(r);
    if (r)
        free(r->slot);
    free(seen);
    free(r);
    return status;
}

int glint_nuscenes_submission_parse(const char *name, const void *data, size_t size,
                                    const struct glint_nuscenes_split *split, enum glint_nuscenes_task task,
                                    struct glint_nuscenes_boxes *boxes)
{
    return read_submission(name, data, size, NULL, split, task, boxes);
}

int glint_nuscenes_submission_read(const char *path, const struct glint_nuscenes_split *split,
                                   enum glint_nuscenes_task task, struct glint_nuscenes_boxes *boxes)
{
    struct glint_file file;
    memset(boxes, 0, sizeof *boxes);
    GLINT_TRY(glint_file_open(&file, path));
    const int status = read_submission(path, file.data, file.size, &file, split, task, boxes);
    glint_file_close(&file);
    return status;
}

/* Writing */

static void write_box(struct glint_json_writer *w, enum glint_nuscenes_task task,
                      const struct glint_nuscenes_boxes *boxes, const struct glint_nuscenes_box *box,
                      const char *token)
{
    const struct glint_nuscenes_task_info *info = glint_nuscenes_task_info(task);
    glint_json_put_object(w, NULL);
    glint_json_put_text(w, "sample_token", token);
    glint_json_put_f64s(w, "translation", box->translation, 3);
    glint_json_put_f64s(w, "size", box->size, 3);
    glint_json_put_f64s(w, "rotation", box->rotation, 4);
    glint_json_put_array(w, "velocity");
    for (int i = 0; i < 2; i++)
        glint_json_put_f64_python(w, NULL, box->velocity[i]);
    glint_json_put_end(w);
    glint_json_put_text(w, info->name_key, info->name[box->name]);
    glint_json_put_f64(w, info->score_key, box->score);
    if (task == GLINT_NUSCENES_DETECTION)
        glint_json_put_text(w, "attribute_name",
                            box->attribute < 0 ? "" : glint_nuscenes_attributes[box->attribute]);
    else
        glint_json_put_text(w, "tracking_id", boxes->track[box->track]);
    glint_json_put_end(w);
}

int glint_nuscenes_submission_write(const char *path, const struct glint_nuscenes_split *split,
                                    enum glint_nuscenes_task task, const struct glint_nuscenes_boxes *boxes)
{
    struct glint_json_writer w;
    char token[GLINT_TOKEN_TEXT];
    GLINT_TRY(glint_json_writer_create(&w, path, 0));
    glint_json_put_object(&w, NULL);
    glint_json_put_object(&w, "meta");
    for (int i = 0; i < 5; i++)
        glint_json_put_bool(&w, meta_names[i], boxes->meta[i]);
    glint_json_put_end(&w);
    glint_json_put_object(&w, "results");
    for (int32_t i = 0; i < split->n_samples; i++) {
        const struct glint_nuscenes_range *range = &boxes->of_sample[i];
        glint_token_format(split->tables->sample[split->sample[i].sample].token, token);
        glint_json_put_array(&w, token);
        for (int32_t k = 0; k < range->n; k++)
            write_box(&w, task, boxes, &boxes->box[range->first + k], token);
        glint_json_put_end(&w);
    }
    glint_json_put_end(&w);
    glint_json_put_end(&w);
    return glint_json_writer_finish(&w);
}
