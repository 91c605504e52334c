/* tests/truth.h - decoded captures against the truth tables of GLINT_SHARED/captures: every point of the
 * table is found by packet, block, channel and return, at its place, with its intensity, ring and time. */
#ifndef GLINT_TESTS_TRUTH_H
#define GLINT_TESTS_TRUTH_H
#include "tests/util.h"
#include "core/bytes.h"
#include "core/file.h"
#include "core/json.h"
#include "io/capture.h"
#include <math.h>

struct truth_point {
    uint64_t key; /* packet, block, channel, return */
    double p[3];
    int64_t t_ns;
    uint8_t intensity;
    uint16_t ring;
};

static inline uint64_t truth_key(uint64_t packet, uint64_t block, uint64_t channel, uint64_t ret)
{
    return ((packet * 8192 + block) * 512 + channel) * 8 + ret;
}

static inline int truth_by_key(const void *a, const void *b)
{
    const struct truth_point *x = a, *y = b;
    return x->key < y->key ? -1 : x->key > y->key;
}

/* ---- the table ---- */

struct truth_columns {
    int64_t record_bytes, records;
    bool ouster; /* column and row instead of block and channel; t_ns of the sensor's clock */
    int64_t x, y, z, t_ns, packet, block, channel, ret, intensity, ring; /* offsets, -1: none */
};

static inline int64_t truth_number(struct glint_json object, const char *key)
{
    double v;
    assert_int_equal(glint_json_f64(object, key, 0, 1e9, &v), GLINT_OK);
    return (int64_t)v;
}

static inline int64_t truth_offset(struct glint_json columns, const char *name)
{
    for (size_t i = 0; i < glint_json_size(columns); i++) {
        const char *text;
        assert_int_equal(glint_json_string(glint_json_at(columns, i), "name", &text), GLINT_OK);
        if (strcmp(text, name) == 0)
            return truth_number(glint_json_at(columns, i), "offset");
    }
    return -1;
}

static inline struct truth_columns truth_describe(struct glint_json truth)
{
    const struct glint_json c = glint_json_get(truth, "columns");
    struct truth_columns t = {.record_bytes = truth_number(truth, "record_bytes"),
                              .records = truth_number(truth, "records")};
    t.ouster = truth_offset(c, "row") >= 0;
    const bool recomputed = truth_offset(c, "rx") >= 0;
    t.x = truth_offset(c, recomputed ? "rx" : "x");
    t.y = truth_offset(c, recomputed ? "ry" : "y");
    t.z = truth_offset(c, recomputed ? "rz" : "z");
    t.t_ns = truth_offset(c, "t_ns");
    t.packet = truth_offset(c, "packet");
    t.block = truth_offset(c, t.ouster ? "column" : "block");
    t.channel = truth_offset(c, t.ouster ? "row" : "channel");
    t.ret = truth_offset(c, "return_index");
    t.intensity = truth_offset(c, t.ouster ? "reflectivity" : "intensity");
    t.ring = truth_offset(c, "ring");
    return t;
}

static inline struct truth_point truth_row(const struct truth_columns *t, const uint8_t *r)
{
    struct truth_point p;
    p.key = truth_key(glint_le32(r + t->packet), t->ouster ? glint_le16(r + t->block) : r[t->block],
                      glint_le16(r + t->channel), r[t->ret]);
    p.p[0] = (double)glint_le_f32(r + t->x);
    p.p[1] = (double)glint_le_f32(r + t->y);
    p.p[2] = (double)glint_le_f32(r + t->z);
    p.t_ns = t->ouster ? (int64_t)glint_le64(r + t->t_ns) : (int32_t)glint_le32(r + t->t_ns);
    p.intensity = r[t->intensity];
    p.ring = t->ring >= 0 ? glint_le16(r + t->ring) : UINT16_MAX;
    return p;
}

/* ---- what we decode ---- */

struct truth_decoded {
    size_t n, cap;
    struct truth_point *points; /* sorted by key */
    struct glint_loss loss;
};

static inline void truth_take(struct truth_decoded *d, const struct glint_returns *r, uint64_t packet)
{
    for (int32_t i = 0; i < r->n; i++) {
        if (d->n == d->cap) {
            d->cap = d->cap ? d->cap * 2 : 1 << 16;
            d->points = realloc(d->points, d->cap * sizeof *d->points);
            assert_non_null(d->points);
        }
        struct truth_point *p = &d->points[d->n++];
        *p = (struct truth_point){.key = truth_key(packet, r->block[i], r->channel[i], r->ret[i]),
                                  .p = {(double)r->x[i], (double)r->y[i], (double)r->z[i]},
                                  .t_ns = r->t_ns[i],
                                  .intensity = (uint8_t)lroundf(r->intensity[i] * 255),
                                  .ring = r->ring[i]};
    }
}

static inline struct truth_decoded truth_decode(const char *capture_path, const char *calib)
{
    const struct glint_decoder_settings settings = {.sensor = "auto", .calib = calib};
    struct truth_decoded d = {0};
    struct glint_capture c;
    struct glint_packet p;
    struct glint_returns *r = malloc(sizeof *r);
    int status = glint_capture_open(capture_path, NULL, &settings, &c);
    if (status != GLINT_OK)
        fail_msg("%s", glint_error_text());
    while ((status = c.source->ops->next_packet(c.source, &p)) == GLINT_OK)
        if (glint_decoder_take(c.decoder, &p, r, &d.loss) == GLINT_PACKET_LIDAR)
            truth_take(&d, r, p.record);
    assert_int_equal(status, GLINT_E_EOF);
    glint_capture_close(&c);
    free(r);
    qsort(d.points, d.n, sizeof *d.points, truth_by_key);
    return d;
}

/* The decoded point of this key nearest to the place (a VLP-16 block has two firings under one key). */
static inline const struct truth_point *truth_find(const struct truth_decoded *d,
                                                   const struct truth_point *want, double *error)
{
    const struct truth_point *hit = bsearch(want, d->points, d->n, sizeof *d->points, truth_by_key),
                             *best = NULL;
    *error = INFINITY;
    while (hit && hit > d->points && hit[-1].key == want->key)
        hit--;
    for (; hit && hit < d->points + d->n && hit->key == want->key; hit++) {
        const double e = sqrt(pow(hit->p[0] - want->p[0], 2) + pow(hit->p[1] - want->p[1], 2) +
                              pow(hit->p[2] - want->p[2], 2));
        if (e < *error) {
            *error = e;
            best = hit;
        }
    }
    return best;
}

/* Times agree when the difference is one number: per packet (times since the packet's) or over all (Ouster).
 */
struct truth_clock {
    bool begun;
    uint64_t packet;
    int64_t difference;
};

static inline void truth_check_time(struct truth_clock *clock, bool whole, const struct truth_point *want,
                                    const struct truth_point *got)
{
    const uint64_t packet = want->key / (8192 * 512 * 8);
    if (!clock->begun || (!whole && packet != clock->packet)) {
        clock->begun = true;
        clock->packet = packet;
        clock->difference = got->t_ns - want->t_ns;
    }
    assert_int_equal(got->t_ns - want->t_ns, clock->difference);
}

/* folder and names below GLINT_SHARED/captures; calib NULL: built in or found. tolerance_m beyond 1e-6 of the
 * range. */
static inline void truth_check(const char *folder, const char *stem, const char *calib, double tolerance_m,
                               bool times)
{
    char capture[600], description[600], table[600], calibration[600];
    snprintf(capture, sizeof capture, "%s/captures/%s/%s.pcap", GLINT_SHARED, folder, stem);
    snprintf(description, sizeof description, "%s/captures/%s/%s.truth.json", GLINT_SHARED, folder, stem);
    snprintf(table, sizeof table, "%s/captures/%s/%s.truth.bin", GLINT_SHARED, folder, stem);
    snprintf(calibration, sizeof calibration, "%s/captures/%s/%s", GLINT_SHARED, folder, calib ? calib : "");
    struct glint_json_doc *doc;
    struct glint_file file;
    struct stat st;
    if (stat(capture, &st) != 0)
        skip();
    assert_int_equal(glint_json_load(description, &doc), GLINT_OK);
    assert_int_equal(glint_file_open(&file, table), GLINT_OK);
    const struct truth_columns t = truth_describe(glint_json_get(glint_json_root(doc), "truth"));
    assert_int_equal(file.size, t.record_bytes * t.records);
    struct truth_decoded d = truth_decode(capture, calib ? calibration : NULL);
    struct truth_clock clock = {0};
    double worst = 0;
    for (int64_t i = 0; i < t.records; i++) {
        const struct truth_point want = truth_row(&t, file.data + i * t.record_bytes);
        double error;
        const struct truth_point *got = truth_find(&d, &want, &error);
        assert_non_null(got);
        worst = fmax(worst, error - 1e-6 * sqrt(want.p[0] * want.p[0] + want.p[1] * want.p[1] +
                                                want.p[2] * want.p[2]));
        assert_int_equal(got->intensity, want.intensity);
        if (want.ring != UINT16_MAX)
            assert_int_equal(got->ring, want.ring);
        if (times)
            truth_check_time(&clock, t.ouster, &want, got);
    }
    assert_true(worst <= tolerance_m);
    assert_int_equal(d.loss.packets_malformed + d.loss.packets_foreign, 0);
    free(d.points);
    glint_file_close(&file);
    glint_json_close(doc);
}
#endif
