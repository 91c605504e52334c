/* io/waymo_csv.c - see waymo_csv.h. A frame is half a million lines: each return of each lidar is written to
 * its own memory on the pool, then they go out in order. */
#include "io/waymo_csv.h"
#include "core/log.h"
#include "io/number.h"
#include "io/output.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define N_IMAGES (GLINT_WAYMO_LASERS * GLINT_WAYMO_RETURNS)
#define LINE     384 /* bytes of a line, at most */

struct table {
    const struct glint_waymo_frame *frame;
    int64_t number; /* of the frame */
    struct glint_buffer text[N_IMAGES];
};

static char *put_u64(char *p, uint64_t v)
{
    char digits[20];
    size_t n = sizeof digits;
    do {
        digits[--n] = (char)('0' + v % 10);
        v /= 10;
    } while (v);
    memcpy(p, digits + n, sizeof digits - n);
    return p + (sizeof digits - n);
}

static char *put_i64(char *p, int64_t v)
{
    if (v < 0)
        *p++ = '-';
    return put_u64(p, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

/* Nine decimals: a nanometre. */
static char *put_metres(char *p, double v)
{
    if (!(fabs(v) < 1e9))
        return p + snprintf(p, 32, "%.17g", v);
    const uint64_t all = (uint64_t)(fabs(v) * 1e9 + 0.5);
    if (v < 0 && all > 0)
        *p++ = '-';
    p = put_u64(p, all / 1000000000);
    *p++ = '.';
    uint64_t rest = all % 1000000000;
    for (int i = 8; i >= 0; i--, rest /= 10)
        p[i] = (char)('0' + rest % 10);
    return p + 9;
}

/* Nine significant digits, which any float is read back from, without the zeros at their end. */
static char *put_float(char *p, float value)
{
    static const double tens[] = {1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11};
    const double v = fabs((double)value);
    if (value == truncf(value) && v < 1e6)
        return put_i64(p, (int64_t)value);
    if (!(v >= 1e-3 && v < 1e5))
        return p + snprintf(p, 32, "%.9g", (double)value);
    int decimals = 11;
    for (double bound = 1e-2; v >= bound; bound *= 10)
        decimals--;
    const uint64_t scale = (uint64_t)tens[decimals - 3], all = (uint64_t)(v * tens[decimals - 3] + 0.5);
    if (value < 0)
        *p++ = '-';
    p = put_u64(p, all / scale);
    *p++ = '.';
    uint64_t rest = all % scale;
    for (int i = decimals - 1; i >= 0; i--, rest /= 10)
        p[i] = (char)('0' + rest % 10);
    for (p += decimals; p[-1] == '0'; p--)
        ;
    return p[-1] == '.' ? p - 1 : p;
}

static char *put_line(char *p, const struct table *t, int image, int32_t k)
{
    const struct glint_waymo_image *from = &t->frame->laser[image / 2].image[image % 2];
    const struct glint_range_points *points = &from->points;
    const int32_t pixel = points->pixel[k];
    const float *value = from->pixel + GLINT_RANGE_CHANNELS * (size_t)pixel;
    const int64_t head[5] = {t->number, image / 2 + 1, image % 2 + 1, pixel / from->width,
                             pixel % from->width};
    const double at[3] = {points->x[k], points->y[k], points->z[k]};
    const int32_t *label = from->label ? from->label + (size_t)from->n_label * (size_t)pixel : NULL;
    for (int i = 0; i < 5; i++, *p++ = ',')
        p = put_i64(p, head[i]);
    for (int i = 0; i < 3; i++, *p++ = ',')
        p = put_metres(p, at[i]);
    for (int i = 0; i < GLINT_RANGE_CHANNELS; i++, *p++ = ',')
        p = put_float(p, value[i]);
    p = put_i64(p, from->n_label == 2 ? label[0] : -1);
    *p++ = ',';
    p = put_i64(p, label ? label[from->n_label - 1] : -1);
    *p++ = '\n';
    return p;
}

static void put_images(void *ctx, int64_t begin, int64_t end, int worker)
{
    struct table *t = ctx;
    (void)worker;
    for (int64_t i = begin; i < end; i++) {
        struct glint_buffer *b = &t->text[i];
        const int32_t n = t->frame->laser[i / 2].image[i % 2].points.n;
        glint_buffer_clear(b);
        for (int32_t k = 0; k < n; k++) {
            char *room = (char *)glint_buffer_room(b, LINE);
            if (!room)
                break;
            b->size += (size_t)(put_line(room, t, (int)i, k) - room);
        }
    }
}

static int write_frame(struct table *t, struct glint_pool *pool, FILE *out, const char *out_path,
                       struct glint_waymo_csv_count *count)
{
    glint_pool_for(pool, N_IMAGES, 1, put_images, t);
    for (int i = 0; i < N_IMAGES; i++) {
        if (t->text[i].failed)
            return glint_fail(GLINT_E_NOMEM, "%s: no memory for a frame's lines", out_path);
        if (t->text[i].size > 0 && fwrite(t->text[i].data, 1, t->text[i].size, out) != t->text[i].size)
            return glint_fail(GLINT_E_IO, "%s: cannot write: %s", out_path, strerror(errno));
        count->points += (uint64_t)t->frame->laser[i / 2].image[i % 2].points.n;
    }
    count->frames++;
    return GLINT_OK;
}

struct job {
    struct glint_tfrecord file;
    struct glint_pool *pool;
    struct glint_waymo_reader *reader;
    struct table table;
    const struct glint_waymo_csv_settings *settings;
    struct glint_waymo_csv_count count;
};

/* One record; a frame that cannot be read is a failure, or counted. */
static int write_record(struct job *j, const struct glint_record *record, FILE *out, const char *out_path)
{
    glint_waymo_read(j->reader, j->file.file.path, record, 1, GLINT_WAYMO_CLASSES);
    const int status = glint_waymo_reader_frame(j->reader, 0, &j->table.frame);
    if (status < 0 && j->settings->skip_corrupt) {
        glint_log(GLINT_LOG_WARN, "left out: %s", glint_error_text());
        j->count.corrupt++;
        return GLINT_OK;
    }
    GLINT_TRY(status);
    j->table.number = record->number;
    return write_frame(&j->table, j->pool, out, out_path, &j->count);
}

static int write_all(struct job *j, FILE *out, const char *out_path)
{
    static const char head[] =
        "frame,laser,return,row,col,x,y,z,range,intensity,elongation,nlz,instance,semantic\n";
    struct glint_record record;
    int status = fwrite(head, 1, sizeof head - 1, out) == sizeof head - 1
                     ? GLINT_OK
                     : glint_fail(GLINT_E_IO, "%s: cannot write: %s", out_path, strerror(errno));
    while (status == GLINT_OK && (uint64_t)j->file.n_read < j->settings->end_frame) {
        const bool wanted = (uint64_t)j->file.n_read >= j->settings->first_frame;
        status = wanted ? glint_tfrecord_next(&j->file, &record) : glint_tfrecord_skip(&j->file, &record);
        if (status == GLINT_OK && wanted)
            status = write_record(j, &record, out, out_path);
        glint_tfrecord_release(&j->file, j->file.at);
    }
    const struct glint_tfrecord_damage *d = &j->file.damage;
    j->count.corrupt += (uint64_t)(d->bad_data + d->bad_length + d->truncated);
    return status == GLINT_E_EOF ? GLINT_OK : status;
}

static int write_file(struct job *j, const char *out_path)
{
    FILE *out = strcmp(out_path, "-") == 0 ? stdout : fopen(out_path, "wb");
    char reason[1400];
    if (!out)
        return glint_fail(GLINT_E_IO, "%s: cannot create: %s", out_path, strerror(errno));
    const int status = write_all(j, out, out_path);
    snprintf(reason, sizeof reason, "%s", glint_error_text());
    if (out == stdout ? fflush(out) != 0 : fclose(out) != 0)
        if (status == GLINT_OK)
            return glint_fail(GLINT_E_IO, "%s: cannot write: %s", out_path, strerror(errno));
    return status < 0 ? glint_fail(status, "%s", reason) : GLINT_OK;
}

static int open_job(struct job *j, const char *path)
{
    GLINT_TRY(glint_tfrecord_open(&j->file, path, j->settings->skip_corrupt));
    if (j->file.file.size == 0 && !j->settings->skip_corrupt)
        return glint_fail(GLINT_E_FORMAT, "%s: empty file: no record at byte 0", path);
    j->count.corrupt += j->file.file.size == 0;
    if (!j->settings->skip_corrupt) { /* a file that is none leaves what is at out_path alone */
        struct glint_record first;
        GLINT_TRY(glint_tfrecord_next(&j->file, &first));
        glint_tfrecord_seek(&j->file, 0, 0);
    }
    if (j->settings->n_threads > 1)
        GLINT_TRY(glint_pool_open(j->settings->n_threads, &j->pool));
    return glint_waymo_reader_open(1, j->pool, &j->reader);
}

int glint_waymo_csv(const char *path, const char *out_path, const struct glint_waymo_csv_settings *settings,
                    struct glint_waymo_csv_count *count_out)
{
    struct job *j = calloc(1, sizeof *j);
    if (!j)
        return glint_fail(GLINT_E_NOMEM, "%s: no memory", path);
    j->settings = settings;
    int status = open_job(j, path);
    if (status == GLINT_OK)
        status = write_file(j, out_path);
    if (count_out)
        *count_out = j->count;
    glint_waymo_reader_close(j->reader);
    glint_pool_close(j->pool);
    glint_tfrecord_close(&j->file);
    for (int i = 0; i < N_IMAGES; i++)
        glint_buffer_fini(&j->table.text[i]);
    free(j);
    return status;
}
