/* io/source_pcd.c - PCD clouds, version .7, as PCL writes them (its documentation, "The PCD file format"): a
 * text header with the fields' names, sizes, types and counts, then the values as text, as records, or
 * LZF-compressed field by field.
 *
 * All three kinds of data come down to columns: a first byte and a distance from one point to the next. Text
 * is turned into columns of 8-byte values first. */
#include "core/bytes.h"
#include "core/log.h"
#include "io/lzf.h"
#include "io/number.h"
#include "io/source_points.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

#define CAP_FIELDS 256
#define CAP_RECORD 65536 /* bytes of one point */
#define NANOS      INT64_C(1000000000)
#define UTC_NANOS  (INT64_C(100000000) * NANOS) /* times above (1973) are dates, not offsets */

enum role { ROLE_X, ROLE_Y, ROLE_Z, ROLE_INTENSITY, ROLE_RING, ROLE_RETURN, ROLE_TIME, ROLE_COUNT };

/* Names that drivers and PCL give to what we read; of several the one earlier in the list. */
static const struct {
    enum role role;
    const char *name;
} roles[] = {
    {ROLE_X, "x"},
    {ROLE_Y, "y"},
    {ROLE_Z, "z"},
    {ROLE_INTENSITY, "intensity"},
    {ROLE_INTENSITY, "i"},
    {ROLE_INTENSITY, "reflectivity"},
    {ROLE_RING, "ring"},
    {ROLE_RING, "channel"},
    {ROLE_RETURN, "return_type"},
    {ROLE_RETURN, "return"},
    {ROLE_TIME, "t"},
    {ROLE_TIME, "time"},
    {ROLE_TIME, "offset"},
    {ROLE_TIME, "time_stamp"},
    {ROLE_TIME, "timestamp"},
};
#define N_ROLES (sizeof roles / sizeof roles[0])

struct column { /* where a field's values are */
    const uint8_t *data;
    size_t stride;
    char type; /* 'F' 'I' 'U'; 0: there is no such field */
    uint32_t size;
};

struct header {
    const char *path;
    uint32_t n_fields;
    uint32_t size[CAP_FIELDS], count[CAP_FIELDS], offset[CAP_FIELDS]; /* offset: in a record */
    char type[CAP_FIELDS];
    char name[CAP_FIELDS][24];
    bool has_size, has_type, has_count, has_width, has_height, has_points;
    uint64_t width, height, n_points;
    int32_t n;             /* points, checked */
    uint32_t record;       /* bytes of a point */
    uint32_t n_values;     /* numbers of a point in text */
    int field[ROLE_COUNT]; /* -1: none */
    int64_t stamp_ns;
    enum { DATA_ASCII, DATA_BINARY, DATA_COMPRESSED } data;
    size_t data_at;
};

/* ---- header ---- */

struct words { /* what is left of a line */
    const char *p, *end;
};

static bool next_word(struct words *w, struct words *word_out)
{
    while (w->p < w->end && (*w->p == ' ' || *w->p == '\t' || *w->p == '\r'))
        w->p++;
    word_out->p = w->p;
    while (w->p < w->end && *w->p != ' ' && *w->p != '\t' && *w->p != '\r')
        w->p++;
    word_out->end = w->p;
    return word_out->end > word_out->p;
}

static bool word_is(struct words word, const char *text)
{
    const size_t n = strlen(text);
    return (size_t)(word.end - word.p) == n && memcmp(word.p, text, n) == 0;
}

static int bad(const struct header *h, const char *entry, const char *expected)
{
    return glint_fail(GLINT_E_FORMAT, "%s: PCD header: %s: expected %s", h->path, entry, expected);
}

static int read_fields(struct header *h, struct words *line)
{
    struct words word;
    for (h->n_fields = 0; next_word(line, &word); h->n_fields++) {
        if (h->n_fields == CAP_FIELDS)
            return bad(h, "FIELDS", "at most 256 names");
        const size_t n = (size_t)(word.end - word.p), cap = sizeof h->name[0] - 1;
        memcpy(h->name[h->n_fields], word.p, n < cap ? n : cap); /* the header comes cleared */
    }
    return h->n_fields > 0 ? GLINT_OK : bad(h, "FIELDS", "names");
}

static bool read_whole(struct words word, uint64_t most, uint64_t *value_out)
{
    int64_t value;
    if (glint_number_read_i64(word.p, word.end, &value) != word.end || value < 0 || (uint64_t)value > most)
        return false;
    *value_out = (uint64_t)value;
    return true;
}

/* One whole number per field, lo..hi. */
static int read_per_field(const struct header *h, const char *entry, struct words *line, uint32_t lo,
                          uint32_t hi, uint32_t *out)
{
    struct words word;
    uint32_t n = 0;
    for (; next_word(line, &word); n++) {
        uint64_t value;
        if (n == h->n_fields || !read_whole(word, hi, &value) || value < lo)
            return bad(h, entry, "one small whole number per field of FIELDS");
        out[n] = (uint32_t)value;
    }
    return n == h->n_fields ? GLINT_OK : bad(h, entry, "as many entries as FIELDS");
}

static int read_types(struct header *h, struct words *line)
{
    struct words word;
    uint32_t n = 0;
    for (; next_word(line, &word); n++) {
        if (n == h->n_fields || word.end - word.p != 1 || !strchr("FIU", *word.p))
            return bad(h, "TYPE", "F, I or U per field of FIELDS");
        h->type[n] = *word.p;
    }
    return n == h->n_fields ? GLINT_OK : bad(h, "TYPE", "as many entries as FIELDS");
}

static int read_number(const struct header *h, const char *entry, struct words *line, uint64_t *out)
{
    struct words word;
    if (!next_word(line, &word) || !read_whole(word, INT32_MAX, out))
        return bad(h, entry, "a whole number below 2^31");
    return GLINT_OK;
}

static int read_data_kind(struct header *h, struct words *line)
{
    struct words word;
    if (next_word(line, &word)) {
        if (word_is(word, "ascii"))
            return h->data = DATA_ASCII, GLINT_OK;
        if (word_is(word, "binary"))
            return h->data = DATA_BINARY, GLINT_OK;
        if (word_is(word, "binary_compressed"))
            return h->data = DATA_COMPRESSED, GLINT_OK;
    }
    return bad(h, "DATA", "ascii, binary or binary_compressed");
}

/* Our own files carry the frame's time in a comment: "# stamp_ns 1700000000000000000". */
static void read_comment(struct header *h, struct words line)
{
    struct words word;
    int64_t ns;
    line.p++;
    if (next_word(&line, &word) && word_is(word, "stamp_ns") && next_word(&line, &word) &&
        glint_number_read_i64(word.p, word.end, &ns) == word.end && ns > 0)
        h->stamp_ns = ns;
}

static int read_line(struct header *h, struct words line, bool *is_data_out)
{
    struct words entry;
    *is_data_out = false;
    if (line.p < line.end && *line.p == '#')
        return read_comment(h, line), GLINT_OK;
    if (!next_word(&line, &entry) || word_is(entry, "VERSION") || word_is(entry, "VIEWPOINT"))
        return GLINT_OK;
    if (word_is(entry, "FIELDS") || word_is(entry, "COLUMNS"))
        return h->n_fields > 0 ? bad(h, "FIELDS", "it once") : read_fields(h, &line);
    if (word_is(entry, "SIZE"))
        return h->has_size = true, read_per_field(h, "SIZE", &line, 1, 8, h->size);
    if (word_is(entry, "TYPE"))
        return h->has_type = true, read_types(h, &line);
    if (word_is(entry, "COUNT"))
        return h->has_count = true, read_per_field(h, "COUNT", &line, 1, CAP_RECORD, h->count);
    if (word_is(entry, "WIDTH"))
        return h->has_width = true, read_number(h, "WIDTH", &line, &h->width);
    if (word_is(entry, "HEIGHT"))
        return h->has_height = true, read_number(h, "HEIGHT", &line, &h->height);
    if (word_is(entry, "POINTS"))
        return h->has_points = true, read_number(h, "POINTS", &line, &h->n_points);
    if (word_is(entry, "DATA"))
        return *is_data_out = true, read_data_kind(h, &line);
    return glint_fail(GLINT_E_FORMAT, "%s: PCD header: unknown entry \"%.*s\"", h->path,
                      (int)(entry.end - entry.p > 20 ? 20 : entry.end - entry.p), entry.p);
}

/* Sizes that go together, where each field is, and which ones are ours. */
static int check_fields(struct header *h)
{
    if (h->n_fields == 0 || !h->has_size || !h->has_type)
        return bad(h, "FIELDS, SIZE, TYPE", "all three");
    for (uint32_t i = 0; i < h->n_fields; i++) {
        const uint32_t size = h->size[i];
        if (size != 4 && size != 8 && (h->type[i] == 'F' || (size != 1 && size != 2)))
            return glint_fail(GLINT_E_FORMAT, "%s: PCD header: field %s: no type %c of %u bytes", h->path,
                              h->name[i], h->type[i], size);
        if (!h->has_count)
            h->count[i] = 1;
        h->offset[i] = h->record;
        h->record += size * h->count[i];
        h->n_values += h->count[i];
        if (h->record > CAP_RECORD)
            return bad(h, "SIZE and COUNT", "at most 65536 bytes a point");
    }
    for (int r = 0; r < ROLE_COUNT; r++)
        h->field[r] = -1;
    for (size_t k = 0; k < N_ROLES; k++)
        for (uint32_t i = 0; i < h->n_fields && h->field[roles[k].role] < 0; i++)
            if (h->count[i] == 1 && strcmp(h->name[i], roles[k].name) == 0)
                h->field[roles[k].role] = (int)i;
    if (h->field[ROLE_X] < 0 || h->field[ROLE_Y] < 0 || h->field[ROLE_Z] < 0)
        return bad(h, "FIELDS", "x, y and z among them");
    return GLINT_OK;
}

static int check_count(struct header *h)
{
    if (!h->has_width || !h->has_height)
        return bad(h, "WIDTH, HEIGHT", "both");
    const uint64_t n = h->width * h->height; /* both below 2^31 */
    if (h->has_points && n != h->n_points)
        return glint_fail(GLINT_E_FORMAT, "%s: PCD header: WIDTH %llu x HEIGHT %llu is not POINTS %llu",
                          h->path, (unsigned long long)h->width, (unsigned long long)h->height,
                          (unsigned long long)h->n_points);
    if (n > GLINT_CLOUD_CAP_POINTS)
        return glint_fail(GLINT_E_FORMAT, "%s: PCD header: %llu points; a scan has at most %d", h->path,
                          (unsigned long long)n, GLINT_CLOUD_CAP_POINTS);
    h->n = (int32_t)n;
    return GLINT_OK;
}

static int check_compressed(const struct header *h, const uint8_t *data, size_t left)
{
    const size_t want = (size_t)h->n * h->record;
    if (h->n == 0)
        return GLINT_OK;
    if (left < 8)
        return glint_fail(GLINT_E_FORMAT, "%s: PCD: %zu bytes of data, expected two sizes", h->path, left);
    const size_t packed = glint_le32(data), unpacked = glint_le32(data + 4);
    if (packed > left - 8)
        return glint_fail(GLINT_E_FORMAT, "%s: PCD: %zu compressed bytes announced, the file holds %zu",
                          h->path, packed, left - 8);
    if (unpacked != want)
        return glint_fail(GLINT_E_FORMAT,
                          "%s: PCD: %zu bytes announced, the header's %d points of %u bytes make %zu",
                          h->path, unpacked, h->n, h->record, want);
    if (want / 100 > packed) /* LZF makes at most 264 bytes of 3 */
        return glint_fail(GLINT_E_FORMAT, "%s: PCD: %zu compressed bytes cannot hold %zu", h->path, packed,
                          want);
    return GLINT_OK;
}

/* Whether the file can hold so many points at all: memory is reserved by their number. */
static int check_size(const struct header *h, const struct glint_cloud_file *file)
{
    const size_t left = file->size - h->data_at, count = (size_t)h->n;
    if (h->data == DATA_COMPRESSED)
        return check_compressed(h, file->data + h->data_at, left);
    if (h->data == DATA_ASCII && count * h->n_values * 2 > left + 1) /* a digit and a blank each */
        return glint_fail(GLINT_E_FORMAT,
                          "%s: PCD header says %d points of %u numbers, the file holds %zu bytes of data",
                          h->path, h->n, h->n_values, left);
    if (h->data == DATA_BINARY && left < count * h->record)
        return glint_fail(GLINT_E_FORMAT,
                          "%s: PCD header says %d points of %u bytes, the file holds %zu bytes of data",
                          h->path, h->n, h->record, left);
    return GLINT_OK;
}

static int read_header(const struct glint_cloud_file *file, struct header *h)
{
    memset(h, 0, sizeof *h);
    h->path = file->path;
    if (file->size == 0)
        return glint_fail(GLINT_E_FORMAT, "%s: empty file", file->path);
    const char *p = (const char *)file->data, *end = p + file->size;
    while (p < end) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        if (!newline)
            break;
        bool is_data;
        GLINT_TRY(read_line(h, (struct words){p, newline}, &is_data));
        p = newline + 1;
        if (is_data) {
            h->data_at = (size_t)(p - (const char *)file->data);
            GLINT_TRY(check_fields(h));
            GLINT_TRY(check_count(h));
            return check_size(h, file);
        }
    }
    return bad(h, "DATA", "ascii, binary or binary_compressed before the points");
}

/* ---- columns ---- */

static int binary_columns(const struct header *h, const struct glint_cloud_file *file, struct column *columns)
{
    const size_t left = file->size - h->data_at, want = (size_t)h->n * h->record;
    for (size_t i = h->data_at + want; i < file->size; i++) /* padding is fine, points would be lost */
        if (file->data[i] != 0 && file->data[i] != '\n' && file->data[i] != '\r')
            return glint_fail(GLINT_E_FORMAT,
                              "%s: PCD header says %d points of %u bytes, the file holds %zu bytes of data",
                              h->path, h->n, h->record, left);
    for (int r = 0; r < ROLE_COUNT; r++) {
        const int f = h->field[r];
        if (f >= 0)
            columns[r] =
                (struct column){file->data + h->data_at + h->offset[f], h->record, h->type[f], h->size[f]};
    }
    return GLINT_OK;
}

static int compressed_columns(const struct header *h, const struct glint_cloud_file *file,
                              struct glint_cloud_scratch *scratch, struct column *columns)
{
    const size_t want = (size_t)h->n * h->record;
    const uint8_t *data = file->data + h->data_at;
    if (h->n == 0)
        return GLINT_OK;
    const size_t packed = glint_le32(data);
    GLINT_TRY(glint_cloud_scratch_reserve(scratch, want));
    if (!glint_lzf_decompress(data + 8, packed, scratch->data, want))
        return glint_fail(GLINT_E_FORMAT, "%s: PCD: compressed data at offset %zu is broken", h->path,
                          h->data_at + 8);
    for (int r = 0; r < ROLE_COUNT; r++) {
        const int f = h->field[r];
        if (f >= 0)
            columns[r] = (struct column){scratch->data + (size_t)h->n * h->offset[f], h->size[f], h->type[f],
                                         h->size[f]};
    }
    return GLINT_OK;
}

/* The values of one line of text into row i of the columns. */
static bool text_row(const struct header *h, struct words line, const int8_t *role_of, int32_t i,
                     uint8_t *out)
{
    struct words word;
    for (uint32_t v = 0; v < h->n_values; v++) {
        if (!next_word(&line, &word))
            return false;
        if (role_of[v] < 0)
            continue;
        uint8_t *at = out + ((size_t)role_of[v] * (size_t)h->n + (size_t)i) * 8;
        double value;
        int64_t whole;
        if (h->type[h->field[role_of[v]]] == 'F') {
            if (glint_number_read(word.p, word.end, &value) != word.end)
                return false;
            memcpy(at, &value, 8);
        } else {
            if (glint_number_read_i64(word.p, word.end, &whole) != word.end)
                return false;
            memcpy(at, &whole, 8);
        }
    }
    return !next_word(&line, &word);
}

static int text_lines(const struct header *h, const struct glint_cloud_file *file, const int8_t *role_of,
                      uint8_t *out)
{
    const char *p = (const char *)file->data + h->data_at, *end = (const char *)file->data + file->size;
    int32_t n = 0;
    while (p < end) {
        const char *newline = memchr(p, '\n', (size_t)(end - p)), *stop = newline ? newline : end;
        struct words line = {p, stop}, rest = line, word;
        if (next_word(&rest, &word)) { /* empty lines are fine */
            if (n == h->n)
                return glint_fail(GLINT_E_FORMAT, "%s: PCD header says %d points, the file holds more lines",
                                  h->path, h->n);
            if (!text_row(h, line, role_of, n, out))
                return glint_fail(GLINT_E_FORMAT,
                                  "%s: PCD: line of point %d is not %u numbers of the fields' types", h->path,
                                  n, h->n_values);
            n++;
        }
        p = newline ? newline + 1 : end;
    }
    if (n < h->n)
        return glint_fail(GLINT_E_FORMAT, "%s: PCD header says %d points, the file holds %d lines", h->path,
                          h->n, n);
    return GLINT_OK;
}

static int text_columns(const struct header *h, const struct glint_cloud_file *file,
                        struct glint_cloud_scratch *scratch, struct column *columns)
{
    int8_t role_of[CAP_RECORD]; /* of the numbers of a line, -1: none of ours */
    memset(role_of, -1, h->n_values);
    for (int r = 0; r < ROLE_COUNT; r++) {
        uint32_t at = 0;
        for (int i = 0; i < h->field[r]; i++)
            at += h->count[i];
        if (h->field[r] >= 0)
            role_of[at] = (int8_t)r;
    }
    GLINT_TRY(glint_cloud_scratch_reserve(scratch, (size_t)h->n * ROLE_COUNT * 8 + 8));
    for (int r = 0; r < ROLE_COUNT; r++)
        if (h->field[r] >= 0)
            columns[r] = (struct column){scratch->data + (size_t)r * (size_t)h->n * 8, 8,
                                         h->type[h->field[r]] == 'F' ? 'F' : 'I', 8};
    return text_lines(h, file, role_of, scratch->data);
}

/* ---- values ---- */

static int64_t whole_at(const struct column *c, const uint8_t *p)
{
    switch (c->size) {
    case 1:
        return c->type == 'I' ? (int8_t)p[0] : p[0];
    case 2:
        return c->type == 'I' ? (int16_t)glint_le16(p) : glint_le16(p);
    case 4:
        return c->type == 'I' ? (int32_t)glint_le32(p) : (int64_t)glint_le32(p);
    default:
        return (int64_t)glint_le64(p);
    }
}

static double value_at(const struct column *c, int32_t i)
{
    const uint8_t *p = c->data + (size_t)i * c->stride;
    if (c->type == 'F')
        return c->size == 4 ? (double)glint_le_f32(p) : glint_le_f64(p);
    return (double)whole_at(c, p);
}

/* Nanoseconds: whole numbers are, numbers with a fraction are seconds unless too large for that. False: not a
 * time. */
static bool time_at(const struct column *c, int32_t i, int64_t *ns_out)
{
    if (c->type != 'F') {
        *ns_out = whole_at(c, c->data + (size_t)i * c->stride);
        return true;
    }
    const double t = value_at(c, i);
    if (!(fabs(t) < 9e18))
        return false;
    if (fabs(t) > 9e9) {
        *ns_out = (int64_t)t;
        return true;
    }
    const double seconds = floor(t); /* in two parts: a date in nanoseconds has more digits than a double */
    *ns_out = (int64_t)seconds * NANOS + llround((t - seconds) * 1e9);
    return true;
}

/* Where offsets count from: the first point for dates and for times counted backwards from a later moment,
 * else 0. */
static int64_t time_origin(const struct header *h, const struct column *c, int64_t *stamp_out)
{
    int64_t least = INT64_MAX, ns;
    for (int32_t i = 0; i < h->n; i++)
        if (time_at(c, i, &ns) && ns < least)
            least = ns;
    *stamp_out = h->stamp_ns > 0 ? h->stamp_ns : least != INT64_MAX && least > UTC_NANOS ? least : 0;
    return least != INT64_MAX && (least < 0 || least > UTC_NANOS) ? least : 0;
}

static uint32_t to_offset(int64_t ns, int64_t origin)
{
    const uint64_t offset = (uint64_t)ns - (uint64_t)origin; /* origin <= ns or 0 */
    return ns < origin ? 0 : offset > UINT32_MAX ? UINT32_MAX : (uint32_t)offset;
}

/* 1 for intensities of 0..1; 1/255 where any value is above. */
static float intensity_factor(const struct header *h, const struct column *c,
                              struct glint_cloud_scratch *scratch)
{
    double most = 0;
    for (int32_t i = 0; i < h->n; i++) {
        const double value = value_at(c, i);
        if (isfinite(value) && value > most)
            most = value;
    }
    if (most <= 1)
        return 1;
    glint_log(scratch->said_scale ? GLINT_LOG_DEBUG : GLINT_LOG_INFO,
              "%s: intensity up to %g, divided by 255", h->path, most);
    scratch->said_scale = true;
    return 1.0f / 255.0f;
}

static float to_intensity(double value, float factor)
{
    const float scaled = factor == 1 ? (float)value : (float)value / 255.0f;
    return scaled >= 0 ? fminf(scaled, 1) : 0; /* NaN: 0 */
}

static uint16_t to_small(double value, double most)
{
    return value >= 0 && value <= most ? (uint16_t)value : 0;
}

static void fill(const struct header *h, const struct column *c, struct glint_cloud_scratch *scratch,
                 struct glint_frame *frame)
{
    const float factor = c[ROLE_INTENSITY].type ? intensity_factor(h, &c[ROLE_INTENSITY], scratch) : 1;
    frame->stamp_ns = h->stamp_ns;
    const int64_t origin = c[ROLE_TIME].type ? time_origin(h, &c[ROLE_TIME], &frame->stamp_ns) : 0;
    for (int32_t i = 0; i < h->n; i++) {
        int64_t ns = origin;
        const float x = (float)value_at(&c[ROLE_X], i), y = (float)value_at(&c[ROLE_Y], i),
                    z = (float)value_at(&c[ROLE_Z], i);
        const float intensity =
            c[ROLE_INTENSITY].type ? to_intensity(value_at(&c[ROLE_INTENSITY], i), factor) : 0;
        const uint16_t ring = c[ROLE_RING].type ? to_small(value_at(&c[ROLE_RING], i), UINT16_MAX) : 0;
        const uint8_t ret =
            c[ROLE_RETURN].type ? (uint8_t)to_small(value_at(&c[ROLE_RETURN], i), UINT8_MAX) : 0;
        if (!c[ROLE_TIME].type || !time_at(&c[ROLE_TIME], i, &ns))
            ns = origin;
        glint_frame_add_point(frame, x, y, z, intensity, ring, ret, to_offset(ns, origin));
    }
}

/* ---- the format ---- */

static int pcd_count(const struct glint_cloud_file *file, int32_t *n_frames_out, int32_t *cap_points_out)
{
    struct header h;
    GLINT_TRY(read_header(file, &h));
    *n_frames_out = 1;
    *cap_points_out = h.n;
    return GLINT_OK;
}

static int pcd_read(const struct glint_cloud_file *file, int32_t item, struct glint_cloud_scratch *scratch,
                    struct glint_frame *frame)
{
    struct header h;
    struct column columns[ROLE_COUNT] = {0};
    (void)item;
    GLINT_TRY(read_header(file, &h));
    if (h.data == DATA_BINARY)
        GLINT_TRY(binary_columns(&h, file, columns));
    if (h.data == DATA_COMPRESSED)
        GLINT_TRY(compressed_columns(&h, file, scratch, columns));
    if (h.data == DATA_ASCII)
        GLINT_TRY(text_columns(&h, file, scratch, columns));
    fill(&h, columns, scratch, frame);
    return GLINT_OK;
}

const struct glint_cloud_format glint_cloud_pcd = {"pcd", pcd_count, pcd_read};
