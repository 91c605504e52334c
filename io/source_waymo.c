/* io/source_waymo.c - see source_waymo.h. Records are read in batches, so that the pool has work for all of
 * its threads: a frame has ten images, but one of them is a third of the work. */
#include "io/source_waymo.h"
#include "calib/pose.h"
#include "core/cpu.h"
#include "core/frame.h"
#include "core/log.h"
#include "io/waymo_files.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CAP_BATCH   8
#define CAP_THREADS 16

/* ---- a frame's points ---- */

struct fill {
    const struct glint_waymo_frame *from;
    struct glint_frame *to;
    int32_t at[GLINT_WAYMO_LASERS * GLINT_WAYMO_RETURNS + 1];
    bool insane[GLINT_WAYMO_LASERS * GLINT_WAYMO_RETURNS]; /* has points that may not enter a frame */
};

static uint16_t ring_of(int laser, int32_t row)
{
    return (uint16_t)(laser * GLINT_WAYMO_RING_LIDAR +
                      (row < GLINT_WAYMO_RING_LIDAR ? row : GLINT_WAYMO_RING_LIDAR - 1));
}

static bool is_sane(const struct glint_points *p, int32_t i)
{
    return glint_point_is_sane(p->x[i], p->y[i], p->z[i], p->intensity[i]) && isfinite(p->elongation[i]);
}

static void fill_images(void *ctx, int64_t begin, int64_t end, int worker)
{
    struct fill *fill = ctx;
    struct glint_points *p = &fill->to->points;
    (void)worker;
    for (int64_t i = begin; i < end; i++) {
        const int laser = (int)i / GLINT_WAYMO_RETURNS, ret = (int)i % GLINT_WAYMO_RETURNS;
        const struct glint_waymo_image *image = &fill->from->laser[laser].image[ret];
        const struct glint_range_points *from = &image->points;
        bool sane = true;
        for (int32_t k = 0, at = fill->at[i]; at < fill->at[i + 1]; k++, at++) {
            const float *pixel = image->pixel + GLINT_RANGE_CHANNELS * (size_t)from->pixel[k];
            p->x[at] = (float)from->x[k];
            p->y[at] = (float)from->y[k];
            p->z[at] = (float)from->z[k];
            p->intensity[at] = tanhf(pixel[1]);
            p->elongation[at] = pixel[2];
            p->ring[at] = ring_of(laser, from->pixel[k] / image->width);
            p->ret[at] = (uint8_t)ret;
            p->offset_ns[at] = 0;
            sane &= is_sane(p, at);
        }
        fill->insane[i] = !sane;
    }
}

/* Takes out what may not enter a frame. */
static void drop_insane(struct glint_frame *f)
{
    struct glint_points *p = &f->points;
    int32_t n = 0;
    for (int32_t i = 0; i < p->n; i++) {
        p->x[n] = p->x[i];
        p->y[n] = p->y[i];
        p->z[n] = p->z[i];
        p->intensity[n] = p->intensity[i];
        p->elongation[n] = p->elongation[i];
        p->ring[n] = p->ring[i];
        p->ret[n] = p->ret[i];
        p->offset_ns[n] = 0;
        n += is_sane(p, n);
    }
    f->loss.points_dropped += (uint64_t)(p->n - n);
    p->n = n;
}

void glint_waymo_to_frame(const struct glint_waymo_frame *from, struct glint_pool *pool,
                          struct glint_frame *to)
{
    const int n_images = GLINT_WAYMO_LASERS * GLINT_WAYMO_RETURNS;
    struct fill fill = {.from = from, .to = to};
    bool insane = false;
    for (int i = 0; i < n_images; i++) {
        const int32_t n = from->laser[i / GLINT_WAYMO_RETURNS].image[i % GLINT_WAYMO_RETURNS].points.n,
                      room = to->points.cap - fill.at[i];
        fill.at[i + 1] = fill.at[i] + (n < room ? n : room);
        to->loss.points_clipped += (uint64_t)(n < room ? 0 : n - room);
    }
    glint_frame_use_elongation(to);
    glint_pool_for(pool, n_images, 1, fill_images, &fill);
    to->points.n = fill.at[n_images];
    for (int i = 0; i < n_images; i++)
        insane |= fill.insane[i];
    if (insane)
        drop_insane(to);
    to->intensity_is_tanh = true;
    to->stamp_ns = from->stamp_us > 0 && from->stamp_us < INT64_MAX / 1000 ? from->stamp_us * 1000 : 0;
    snprintf(to->name, sizeof to->name, "%.100s_%lld", from->context, (long long)from->stamp_us);
    for (char *c = to->name; *c; c++) /* it becomes a file's name */
        *c = *c == '/' || (unsigned char)*c < ' ' ? '_' : *c;
}

int32_t glint_waymo_cap_points(const struct glint_waymo_frame *frame)
{
    int32_t n = 0;
    for (int l = 0; l < GLINT_WAYMO_LASERS; l++)
        for (int r = 0; r < GLINT_WAYMO_RETURNS; r++)
            n += frame->laser[l].image[r].height * frame->laser[l].image[r].width;
    return n;
}

/* ---- the source ---- */

struct source_waymo {
    struct glint_source source;
    struct glint_waymo_files files;
    int32_t next;
    bool is_list, skip_corrupt;
    struct glint_pool *pool;
    struct glint_waymo_reader *reader;
    int32_t cap_batch, cap_points;

    struct glint_tfrecord file; /* open while has_file */
    bool has_file;
    struct glint_record batch[CAP_BATCH];
    int32_t n_batch, at; /* frames read, and the next of them to be given */
    int pending;         /* failure met behind the batch's records */
    char reason[1400];   /* of pending */
    uint64_t n_frames;   /* given, failures counted: their numbers stay unused */
    struct glint_loss loss;
};

static int64_t damaged(const struct glint_tfrecord *file)
{
    return file->damage.bad_data + file->damage.bad_length + file->damage.truncated;
}

static void close_file(struct source_waymo *s)
{
    if (!s->has_file)
        return;
    glint_tfrecord_close(&s->file);
    s->has_file = false;
}

/* The next file. One without a record is a failure of its own, or counted. */
static int open_next(struct source_waymo *s)
{
    if (s->next == s->files.n)
        return GLINT_E_EOF;
    const char *path = s->files.path[s->next++];
    GLINT_TRY(glint_tfrecord_open(&s->file, path, s->skip_corrupt));
    s->has_file = true;
    if (s->file.file.size > 0)
        return GLINT_OK;
    close_file(s);
    if (!s->skip_corrupt)
        return glint_fail(GLINT_E_FORMAT, "%s: empty file: no record at byte 0", path);
    glint_log(GLINT_LOG_WARN, "%s: left out: empty file", path);
    s->loss.records_corrupt++;
    return GLINT_OK;
}

/* The next records of the open file; its end closes it. A failure waits until the frames before it are given.
 */
static void take_batch(struct source_waymo *s)
{
    const int64_t before = damaged(&s->file);
    int status = GLINT_OK;
    s->n_batch = s->at = 0;
    glint_tfrecord_release(&s->file, s->file.at);
    while (s->n_batch < s->cap_batch && status == GLINT_OK) {
        status = glint_tfrecord_next(&s->file, &s->batch[s->n_batch]);
        s->n_batch += status == GLINT_OK;
    }
    s->loss.records_corrupt += (uint64_t)(damaged(&s->file) - before);
    if (status < 0 && status != GLINT_E_EOF) {
        s->pending = status;
        snprintf(s->reason, sizeof s->reason, "%s", glint_error_text());
    }
    if (s->n_batch > 0)
        glint_waymo_read(s->reader, s->file.file.path, s->batch, s->n_batch, GLINT_WAYMO_POINTS);
    if (status == GLINT_E_EOF)
        close_file(s);
}

/* Has frames in the batch, or a failure. */
static int more(struct source_waymo *s)
{
    while (s->at == s->n_batch) {
        if (s->pending) {
            const int status = s->pending;
            s->pending = GLINT_OK;
            return glint_fail(status, "%s", s->reason);
        }
        if (!s->has_file)
            GLINT_TRY(open_next(s));
        if (s->has_file)
            take_batch(s);
    }
    return GLINT_OK;
}

/* A pose that is none is left out. */
static void take_pose(const struct glint_waymo_frame *from, struct glint_frame *frame)
{
    struct glint_pose pose;
    if (!from->has_pose || glint_pose_from_matrix(from->pose, &pose) < 0)
        return;
    frame->has_pose = true;
    frame->reference_ns = frame->stamp_ns;
    memcpy(frame->pose_position, pose.t, sizeof pose.t);
    memcpy(frame->pose_rotation, pose.q, sizeof pose.q);
}

static int give(struct source_waymo *s, struct glint_frame *frame)
{
    const struct glint_waymo_frame *from;
    GLINT_TRY(glint_waymo_reader_frame(s->reader, s->at++, &from));
    glint_waymo_to_frame(from, s->pool, frame);
    glint_frame_no_viewpoint(frame); /* of five lidars */
    take_pose(from, frame);
    snprintf(frame->source, sizeof frame->source, "%s", s->files.path[s->next - 1]);
    s->loss.points_dropped += frame->loss.points_dropped;
    s->loss.points_clipped += frame->loss.points_clipped;
    return GLINT_OK;
}

static int next_frame(struct glint_source *source, struct glint_frame *frame)
{
    struct source_waymo *s = (struct source_waymo *)source;
    for (;;) {
        int status = more(s);
        if (status == GLINT_E_EOF)
            return status;
        const bool met = status == GLINT_OK;
        if (met)
            status = give(s, frame);
        if (met && status < 0 && s->skip_corrupt) {
            glint_log(GLINT_LOG_WARN, "left out: %s", glint_error_text());
            s->loss.records_corrupt++;
            continue;
        }
        frame->index = s->n_frames++;
        frame->loss = s->loss;
        return status;
    }
}

static int32_t cap_points(struct glint_source *source)
{
    return ((struct source_waymo *)source)->cap_points;
}

static double progress(struct glint_source *source)
{
    const struct source_waymo *s = (struct source_waymo *)source;
    const double part = s->has_file ? (double)s->file.at / (double)s->file.file.size - 1 : 0;
    return ((double)s->next + part) / (double)s->files.n;
}

static void account(const struct glint_source *source, struct glint_loss *loss)
{
    const struct source_waymo *s = (const struct source_waymo *)source;
    loss->records_corrupt = s->loss.records_corrupt;
}

static void close_source(struct glint_source *source)
{
    struct source_waymo *s = (struct source_waymo *)source;
    close_file(s);
    glint_waymo_reader_close(s->reader);
    glint_pool_close(s->pool);
    glint_waymo_files_fini(&s->files);
    free(s);
}

static const struct glint_source_ops ops = {
    .name = "waymo",
    .next_frame = next_frame,
    .cap_points = cap_points,
    .progress = progress,
    .account = account,
    .close = close_source,
};

/* The first frames are read now: they say how many points a frame has, as those of a segment are all of one
 * size; and a file that is no such file is told before anything starts. */
static int look(struct source_waymo *s, bool *consumed_out)
{
    int status;
    *consumed_out = false;
    while ((status = more(s)) != GLINT_E_EOF) {
        const struct glint_waymo_frame *frame;
        if (status < 0 && !s->is_list)
            return status;
        for (int32_t i = 0; status == GLINT_OK && i < s->n_batch; i++)
            if (glint_waymo_reader_frame(s->reader, i, &frame) == GLINT_OK) {
                const int32_t n = glint_waymo_cap_points(frame);
                s->cap_points = n > s->cap_points ? n : s->cap_points;
            } else if (i == 0 && !s->is_list && !s->skip_corrupt) {
                return glint_waymo_reader_frame(s->reader, i, &frame);
            }
        if (s->cap_points > 0)
            return GLINT_OK;
        s->at = s->n_batch; /* frames without images */
        *consumed_out = true;
    }
    return GLINT_OK;
}

static void rewind_all(struct source_waymo *s)
{
    close_file(s);
    s->n_batch = s->at = 0;
    s->next = 0;
    s->pending = GLINT_OK;
    s->loss = (struct glint_loss){0};
}

static int open_parts(struct source_waymo *s, const struct glint_source_settings *settings)
{
    int32_t n = settings ? settings->n_threads : 1;
    bool consumed;
    n = n == 0 ? glint_cpu_count() : n;
    n = n < 1 ? 1 : n > CAP_THREADS ? CAP_THREADS : n;
    s->skip_corrupt = settings && settings->skip_corrupt;
    s->cap_batch = n == 1 ? 1 : n < 4 ? 2 : n / 2;
    if (n > 1)
        GLINT_TRY(glint_pool_open(n, &s->pool));
    GLINT_TRY(glint_waymo_reader_open(s->cap_batch, s->pool, &s->reader));
    GLINT_TRY(glint_waymo_files_add(&s->files, s->source.path));
    s->is_list = s->files.n > 1;
    GLINT_TRY(look(s, &consumed));
    if (consumed || s->next > 1)
        rewind_all(s);
    return GLINT_OK;
}

int glint_source_waymo_open(const char *path, const struct glint_source_settings *settings,
                            struct glint_source **source_out)
{
    *source_out = NULL;
    if (strlen(path) >= sizeof(*source_out)->path)
        return glint_fail(GLINT_E_ARG, "%.60s...: path too long", path);
    struct source_waymo *s = calloc(1, sizeof *s);
    if (!s)
        return glint_fail(GLINT_E_NOMEM, "%s: no memory", path);
    s->source.ops = &ops;
    snprintf(s->source.path, sizeof s->source.path, "%s", path);
    const int status = open_parts(s, settings);
    if (status < 0) {
        close_source(&s->source);
        return status;
    }
    *source_out = &s->source;
    return GLINT_OK;
}
