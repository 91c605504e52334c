/* io/framer.c - see framer.h. The cutter keeps the furthest azimuth of the turn: a step forward that passes
 * the cut angle begins a frame; a small step backward within a short time is a late packet and is passed
 * over, otherwise it was a whole turn with a gap. Longer than any turn (5 Hz) a frame never gets: clocks
 * jump, sensors stop. Parts of a turn are cut by the same steps, at more angles.
 *
 * Coverage is kept in bins of a degree: no sensor's blocks are further apart, and a lost packet spans more.
 */
#include "io/framer.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BACK_DEG   15.0f             /* more than the packets that overtake each other span */
#define BACK_NS    INT64_C(20000000) /* and the time they may be apart */
#define LONGEST_NS INT64_C(300000000)
#define LATE_MOST  32 /* packets of an older frame on end: more are of a sensor that has started again */
#define BINS       360

void glint_cutter_init(struct glint_cutter *c, double cut_deg, bool by_frame_id)
{
    memset(c, 0, sizeof *c);
    c->by_frame_id = by_frame_id;
    c->sector_deg = 360;
    c->cut_deg = (float)(cut_deg - 360 * floor(cut_deg / 360));
}

void glint_cutter_set_sector(struct glint_cutter *c, double sector_deg)
{
    c->by_frame_id = false;
    c->sector_deg = (float)sector_deg;
}

/* 0 <= a < 360 for -360 <= a < 720. */
static float wrap_deg(float a)
{
    a = a < 0 ? a + 360 : a;
    return a >= 360 ? a - 360 : a;
}

/* Where the part of the turn that rel is in ends. */
static float end_of_sector(const struct glint_cutter *c, float rel)
{
    const float end = (floorf(rel / c->sector_deg) + 1) * c->sector_deg;
    return end < 360 ? end : 360;
}

static void begin_turn(struct glint_cutter *c, float rel, int64_t t_ns)
{
    c->begun = true;
    c->last_deg = rel;
    c->last_ns = c->first_ns = t_ns;
}

/* Whether the block at this azimuth and time begins another frame; notes it. */
static bool passes(struct glint_cutter *c, float azimuth, int64_t t_ns)
{
    const float rel = wrap_deg(azimuth - c->cut_deg);
    const float step = wrap_deg(rel - c->last_deg);
    const int64_t gap = t_ns - c->last_ns, age = t_ns - c->first_ns;
    const bool too_long = age > LONGEST_NS || age < -LONGEST_NS;
    if (!c->begun || too_long) {
        const bool cut = c->begun;
        begin_turn(c, rel, t_ns);
        return cut;
    }
    if (step > 360 - BACK_DEG && gap < BACK_NS)
        return false;
    if (c->last_deg + step >= end_of_sector(c, c->last_deg)) {
        begin_turn(c, rel, t_ns);
        return true;
    }
    c->last_deg = rel;
    c->last_ns = t_ns;
    return false;
}

static int32_t find_by_azimuth(struct glint_cutter *c, const struct glint_returns *r, int32_t from)
{
    float azimuth = -1;
    for (int32_t i = from; i < r->n; i++) {
        if (r->azimuth[i] == azimuth)
            continue;
        azimuth = r->azimuth[i];
        if (passes(c, azimuth, r->t_ns[i]))
            return i;
    }
    return r->n;
}

int32_t glint_cutter_find(struct glint_cutter *c, const struct glint_returns *returns, int32_t from)
{
    if (!c->by_frame_id)
        return find_by_azimuth(c, returns, from);
    if (from >= returns->n || (c->begun && returns->frame_id == c->frame_id) || glint_cutter_late(c, returns))
        return returns->n;
    const bool cut = c->begun;
    c->begun = true;
    c->frame_id = returns->frame_id;
    return cut ? from : returns->n;
}

/* Ids count modulo 2^16 (in newer profiles 2^32, the same for small differences): less than 16 behind is
 * late, further away is a restart. */
bool glint_cutter_late(const struct glint_cutter *c, const struct glint_returns *returns)
{
    const uint16_t behind = (uint16_t)(c->frame_id - returns->frame_id);
    return c->by_frame_id && c->begun && behind > 0 && behind < 16;
}

/* The next returns begin a frame, whatever was before: their frame is the one after the last. */
static void restart(struct glint_cutter *c, const struct glint_returns *returns)
{
    c->frame_id = returns->frame_id - 1;
}

/* ---- frames ---- */

enum { EXPECTED = 1, SEEN = 2 };

struct glint_framer {
    struct glint_cutter cutter;
    float cos, sin; /* of the turn to the vehicle's frame */
    bool open;      /* the frame at hand has its first block */
    int64_t stamp_ns;
    uint64_t n_frames, dropped, clipped;
    int32_t n_late; /* packets on end */
    const struct glint_decoder *decoder;
    uint8_t bin[BINS]; /* degrees from the cut angle, of the frame at hand */
    bool empty[BINS];  /* blocks without returns since the last one with */
    int32_t n_expected, n_seen;
    char sensor[64];
};

static int check_settings(const struct glint_framer_settings *s, const struct glint_decoder *d)
{
    if (!(fabs(s->cut_deg) <= 3600))
        return glint_fail(GLINT_E_ARG, "cut angle %g degrees", s->cut_deg);
    if (s->sub_sweep_deg != 0 && !(s->sub_sweep_deg >= 1 && s->sub_sweep_deg <= 360))
        return glint_fail(GLINT_E_ARG, "a frame every %g degrees: expected 1 to 360", s->sub_sweep_deg);
    if ((s->cut_deg != 0 || s->sub_sweep_deg != 0) && !d->turns)
        return glint_fail(GLINT_E_UNSUPPORTED, "%s: its scan is no turn: there is no angle to cut at",
                          d->sensor);
    return GLINT_OK;
}

int glint_framer_open(const struct glint_framer_settings *settings, const struct glint_decoder *decoder,
                      struct glint_framer **framer_out)
{
    *framer_out = NULL;
    GLINT_TRY(check_settings(settings, decoder));
    struct glint_framer *f = calloc(1, sizeof *f);
    if (!f)
        return glint_fail(GLINT_E_NOMEM, "no memory for a framer");
    const double yaw = settings->to_vehicle ? decoder->to_vehicle_yaw : 0;
    f->decoder = decoder;
    glint_cutter_init(&f->cutter, settings->cut_deg, decoder->cut_by_frame_id && settings->cut_deg == 0);
    if (settings->sub_sweep_deg != 0)
        glint_cutter_set_sector(&f->cutter, settings->sub_sweep_deg);
    f->cos = (float)(round(cos(yaw) * 1e12) / 1e12); /* quarter turns exactly */
    f->sin = (float)(round(sin(yaw) * 1e12) / 1e12);
    snprintf(f->sensor, sizeof f->sensor, "%s", decoder->sensor);
    *framer_out = f;
    return GLINT_OK;
}

void glint_framer_close(struct glint_framer *framer)
{
    free(framer);
}

/* ---- coverage ---- */

/* Degree k from the cut angle is one that the sensor looks at and that is of the part of the turn rel is in.
 */
static bool is_expected(const struct glint_framer *f, float rel, int32_t k)
{
    const float *window = f->decoder->window_deg;
    const float start = floorf(rel / f->cutter.sector_deg) * f->cutter.sector_deg, deg = (float)k + 0.5f;
    const float width = wrap_deg(window[1] - window[0]);
    const bool in_window = window[0] == window[1] || wrap_deg(deg + f->cutter.cut_deg - window[0]) < width;
    return in_window && deg >= start && deg < end_of_sector(&f->cutter, rel);
}

static void see(struct glint_framer *f, int32_t k)
{
    f->n_seen += f->bin[k] == EXPECTED;
    f->bin[k] = f->bin[k] == EXPECTED ? SEEN : f->bin[k];
}

/* The frame's first return is at azimuth rel. Blocks without returns since the last one may be of this frame.
 */
static void begin_coverage(struct glint_framer *f, float rel)
{
    f->n_seen = f->n_expected = 0;
    for (int32_t k = 0; k < BINS; k++) {
        f->bin[k] = is_expected(f, rel, k) ? EXPECTED : 0;
        f->n_expected += f->bin[k] == EXPECTED;
        if (f->empty[k] && (float)k <= rel)
            see(f, k);
    }
    memset(f->empty, 0, sizeof f->empty);
}

/* Blocks whose returns begin in from..to, also those that saw nothing. */
static void cover(struct glint_framer *f, const struct glint_returns *r, int32_t from, int32_t to)
{
    for (int32_t b = 0; b < r->n_blocks; b++) {
        const int32_t first = r->block_first[b], next = b + 1 < r->n_blocks ? r->block_first[b + 1] : r->n;
        const int32_t k = (int32_t)wrap_deg(r->block_azimuth[b] - f->cutter.cut_deg) % BINS;
        if (first < from || first > to || (first == to && next > first))
            continue;
        see(f, k);
        if (next > first)
            memset(f->empty, 0, sizeof f->empty);
        else
            f->empty[k] = true;
    }
}

static int64_t earliest(const struct glint_returns *r, int32_t from, int32_t to)
{
    int64_t t = r->t_ns[from];
    for (int32_t i = from; i < to && r->block[i] == r->block[from]; i++)
        t = r->t_ns[i] < t ? r->t_ns[i] : t;
    return t;
}

static void begin_frame(struct glint_framer *f, const struct glint_returns *r, int32_t from, int32_t to,
                        struct glint_frame *frame)
{
    f->open = true;
    begin_coverage(f, wrap_deg(r->azimuth[from] - f->cutter.cut_deg));
    f->stamp_ns = frame->stamp_ns = earliest(r, from, to);
    frame->index = f->n_frames++;
    snprintf(frame->name, sizeof frame->name, "%06llu", (unsigned long long)frame->index);
    snprintf(frame->source, sizeof frame->source, "%s", f->sensor);
}

static uint32_t offset_ns(int64_t t_ns, int64_t stamp_ns)
{
    const int64_t d = t_ns - stamp_ns;
    return d < 0 ? 0 : d > UINT32_MAX ? UINT32_MAX : (uint32_t)d;
}

/* Copies what fits; every point is written and the count moves on only past good ones. */
static void copy(struct glint_framer *f, const struct glint_returns *r, int32_t from, int32_t to,
                 struct glint_points *p)
{
    const float c = f->cos, s = f->sin;
    int32_t n = p->n, i = from;
    uint64_t dropped = 0;
    for (; i < to && n < p->cap; i++) {
        const float x = r->x[i], y = r->y[i], z = r->z[i];
        const bool good = glint_point_is_sane(x, y, z, r->intensity[i]);
        p->x[n] = c * x - s * y;
        p->y[n] = s * x + c * y;
        p->z[n] = z;
        p->intensity[n] = r->intensity[i];
        p->ring[n] = r->ring[i];
        p->ret[n] = r->ret[i];
        p->offset_ns[n] = offset_ns(r->t_ns[i], f->stamp_ns);
        n += good;
        dropped += !good;
    }
    f->dropped += dropped;
    f->clipped += (uint64_t)(to - i);
    p->n = n;
}

/* Returns of an older frame, which are dropped. */
static bool is_late(struct glint_framer *f, const struct glint_returns *r)
{
    f->n_late = glint_cutter_late(&f->cutter, r) ? f->n_late + 1 : 0;
    if (f->n_late <= LATE_MOST)
        return f->n_late > 0;
    restart(&f->cutter, r);
    f->n_late = 0;
    return false;
}

int glint_framer_push(struct glint_framer *framer, const struct glint_returns *returns, int32_t *pos,
                      struct glint_frame *frame)
{
    struct glint_framer *f = framer;
    int status = GLINT_E_AGAIN;
    if (is_late(f, returns)) {
        f->dropped += (uint64_t)(returns->n - *pos);
        *pos = returns->n;
    }
    while (status == GLINT_E_AGAIN && *pos < returns->n) {
        const int32_t from = *pos, to = glint_cutter_find(&f->cutter, returns, from);
        if (to > from && !f->open)
            begin_frame(f, returns, from, to, frame);
        if (f->open)
            cover(f, returns, from, to);
        if (to > from)
            copy(f, returns, from, to, &frame->points);
        *pos = to;
        if (to < returns->n && f->open && frame->points.n > 0) {
            f->open = false;
            status = GLINT_OK;
        }
    }
    if (returns->n == 0)
        cover(f, returns, 0, 0);
    if (f->decoder->turns && frame->points.n > 0)
        frame->coverage = f->n_expected ? (float)f->n_seen / (float)f->n_expected : 0;
    frame->loss.points_dropped = f->dropped;
    frame->loss.points_clipped = f->clipped;
    return status;
}
