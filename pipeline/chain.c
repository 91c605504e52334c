/* pipeline/chain.c - see chain.h.
 *
 * put() of a stage calls the next stage's process, or pushes into the queue to the next chain, so that a
 * chain is a plain nest of calls in one thread: no item waits inside of it. Time is taken exclusively: what a
 * stage's put() calls is not the stage's own time. */
#include "pipeline/chain.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/probe.h"
#include "core/status.h"
#include <stdio.h>
#include <string.h>

#define TOGETHER_NS        5000000
#define TOLD_FAILURES      10   /* of frames that are dropped */
#define BAD_FILES_IN_A_ROW 1000 /* a source that only fails is no folder with a few bad files */

static bool is_failure(const struct glint_chain *c, int status)
{
    if (status == GLINT_E_CANCELLED)
        return !c->cancelled; /* of the next chain: its own failure is kept already */
    return status < 0 && status != GLINT_E_AGAIN && status != GLINT_E_EOF;
}

/* Time */

/* Up to now is the current stage's time. */
static void charge(struct glint_chain *c)
{
    const int64_t now = glint_clock_monotonic_ns();
    const enum glint_stage span = c->current < 0 ? GLINT_STAGE_COUNT : c->pipeline->info[c->current]->span;
    struct glint_emit *emit = c->current < 0 ? NULL : &c->pipeline->outs[c->current].emit;
    if (span != GLINT_STAGE_COUNT)
        c->laps.ns[span] += now - c->laps.last_ns - emit->waited_ns;
    if (emit && !c->laps.is_open) /* what is listed begins after it */
        c->laps.start_ns += emit->waited_ns;
    if (emit)
        emit->waited_ns = 0;
    c->laps.last_ns = now;
}

struct glint_frame *glint_stage_new_frame(struct glint_frame_pool *pool, struct glint_emit *out)
{
    struct glint_frame *frame = glint_frame_get(pool, false);
    if (frame)
        return frame;
    const int64_t begun = glint_clock_monotonic_ns();
    frame = glint_frame_get(pool, true);
    out->waited_ns += glint_clock_monotonic_ns() - begun;
    return frame;
}

/* The time so far was nobody's; from now on it is `stage`'s. */
static void resume(struct glint_chain *c, int stage)
{
    c->current = stage;
    c->laps.last_ns = glint_clock_monotonic_ns();
    if (!c->laps.is_open)
        c->laps.start_ns = c->laps.last_ns;
}

/* Lists the times since start_ns one behind the other: they fill it but for what was waited. */
static void list(struct glint_chain *c, uint64_t frame_index)
{
    struct glint_laps *l = &c->laps;
    l->is_open = false;
    for (int i = 0; i < GLINT_STAGE_COUNT; i++) {
        if (l->ns[i] == 0)
            continue;
        glint_span_list(c->pipeline->settings.trace, (enum glint_stage)i, frame_index, l->start_ns, l->ns[i]);
        l->start_ns += l->ns[i];
        l->pending_ns[i] += l->ns[i];
        l->ns[i] = 0;
    }
}

/* All time since the last frame is this one's. */
static void settle(struct glint_chain *c, struct glint_frame *frame)
{
    list(c, frame->index);
    c->laps.start_ns =
        c->laps.last_ns; /* what was waited, and inference, which lists its own spans, is past */
    for (int i = 0; i < GLINT_STAGE_COUNT; i++)
        if (c->laps.pending_ns[i] > 0) {
            frame->latency_ns[i] =
                (frame->latency_ns[i] < 0 ? 0 : frame->latency_ns[i]) + c->laps.pending_ns[i];
            c->laps.pending_ns[i] = 0;
        }
}

/* Frames that are not published */

void glint_pipeline_count_drop(struct glint_pipeline *p, enum glint_drop why)
{
    p->dropped_by[why]++;
    p->frames_dropped++;
}

static void drop(struct glint_pipeline *p, struct glint_frame *frame, enum glint_drop why)
{
    glint_frame_unref(frame);
    glint_pipeline_count_drop(p, why);
    glint_trace_counter(p->settings.trace, "frames dropped", (double)p->frames_dropped);
}

/* Late frames are looked for where it pays: before inference and before they are published. */
static bool is_too_late(const struct glint_pipeline *p, int stage, const struct glint_frame *frame)
{
    const struct glint_pipeline_settings *s = &p->settings;
    return s->late == GLINT_LATE_SKIP && s->deadline_ns > 0 && frame->arrival_ns > 0 &&
           (stage == p->last_input + 1 || stage == p->n_stages - 1) &&
           glint_clock_monotonic_ns() - frame->arrival_ns > s->deadline_ns;
}

/* Calls and puts */

static int call(struct glint_chain *c, int stage, struct glint_item item)
{
    struct glint_pipeline *p = c->pipeline;
    const int before = c->current;
    if (item.kind == GLINT_ITEM_FRAME && is_too_late(p, stage, item.data)) {
        drop(p, item.data, GLINT_DROP_LATE);
        return GLINT_OK;
    }
    charge(c);
    c->current = stage;
    GLINT_PROBE2(stage__begin, p->info[stage]->name,
                 item.kind == GLINT_ITEM_FRAME ? (int64_t)((struct glint_frame *)item.data)->index : -1);
    const int status = p->info[stage]->process(p->priv[stage], item, &p->outs[stage].emit);
    charge(c);
    c->current = before;
    if (is_failure(c, status) && p->settings.skip_failed_frames && c->failed < 0 && stage > p->maker) {
        glint_pipeline_count_drop(p, GLINT_DROP_FAILED);
        if (p->n_told_failed++ < TOLD_FAILURES)
            glint_log(GLINT_LOG_WARN, "a frame is dropped: %s", glint_error_text());
        return GLINT_OK;
    }
    if (is_failure(c, status) && c->failed < 0) {
        c->failed = stage;
        if (item.kind == GLINT_ITEM_FRAME)
            glint_pipeline_count_drop(p, GLINT_DROP_FAILED);
        if (stage > 0) /* a source's failure need not be the end: see run_source */
            glint_pipeline_keep_failure(p, status);
    }
    return status;
}

static int publish_done(struct glint_pipeline *p, struct glint_frame *frame)
{
    glint_trace_frame_done(p->settings.trace, frame);
    p->frames_late += (frame->health >> GLINT_HEALTH_LATE) & 1;
    glint_frame_unref(frame);
    p->frames_published++;
    return GLINT_OK;
}

static int push(struct glint_chain *c, struct glint_frame *frame)
{
    struct glint_pipeline *p = c->pipeline;
    void *oldest;
    frame->queued_ns = glint_clock_monotonic_ns();
    const int status = glint_ring_push(c->out, frame, &oldest);
    if (status < 0) {
        c->cancelled = true;
        drop(p, frame, GLINT_DROP_FAILED);
    } else if (oldest) {
        drop(p, oldest, GLINT_DROP_QUEUE);
    }
    return status;
}

static int hand_on(struct glint_chain *c, int stage, struct glint_frame *frame)
{
    if (stage + 1 == c->pipeline->n_stages)
        return publish_done(c->pipeline, frame);
    if (stage + 1 == c->first + c->n)
        return push(c, frame);
    return call(c, stage + 1, (struct glint_item){GLINT_ITEM_FRAME, frame});
}

/* What the stage that made the frame cannot know: of files their account, of merged frames who is missing. */
static void note_health(const struct glint_pipeline *p, struct glint_frame *frame)
{
    if (!p->sensors)
        frame->health |= glint_health_of_loss(&p->last_loss, &frame->loss);
    if (frame->missing[0])
        frame->health |= GLINT_HEALTH_BIT(GLINT_HEALTH_SENSOR_MISSING);
}

/* A new frame gets its number; false: it is before the wanted range. */
static bool admit(struct glint_pipeline *p, struct glint_frame *frame)
{
    note_health(p, frame);
    p->last_loss = frame->loss;
    frame->loss.frames_dropped = p->frames_dropped + p->loss.frames_dropped;
    frame->index = p->n_made++;
    if (frame->index < p->settings.first_frame)
        return false;
    if (!frame->name[0])
        snprintf(frame->name, sizeof frame->name, "%06llu", (unsigned long long)frame->index);
    p->frames_in++;
    return true;
}

static int put_frame(struct glint_chain *c, int stage, struct glint_frame *frame)
{
    struct glint_pipeline *p = c->pipeline;
    int status = GLINT_OK;
    charge(c);
    c->current = -1;
    const bool wanted = stage != p->maker || admit(p, frame);
    settle(c, frame);
    if (wanted)
        status = hand_on(c, stage, frame);
    else
        glint_frame_unref(frame);
    resume(c, stage <= p->maker ? stage : -1); /* makers go on with the next frame, others are done */
    if (status == GLINT_OK && stage == p->maker && p->n_made >= p->settings.end_frame)
        status = GLINT_E_EOF;
    return status;
}

int glint_chain_put(struct glint_emit *emit, struct glint_item item)
{
    struct glint_chain_out *out = (struct glint_chain_out *)emit; /* its first member */
    if (item.kind == GLINT_ITEM_FRAME)
        return put_frame(out->chain, out->stage, item.data);
    return call(out->chain, out->stage + 1, item);
}

/* Running */

/* Live packets come one by one, some microseconds of work each: the calls of some time are listed as one. */
static void list_calls(struct glint_chain *c)
{
    c->laps.is_open = c->first == 0 && c->laps.last_ns - c->laps.start_ns < TOGETHER_NS;
    if (!c->laps.is_open)
        list(c, c->first == 0 ? c->pipeline->n_made : GLINT_TRACE_NO_FRAME);
}

/* One call from outside: the chain's time begins and ends with it. */
static int pump(struct glint_chain *c, struct glint_item item)
{
    resume(c, -1);
    c->failed = -1;
    const int status = call(c, c->first, item);
    list_calls(c);
    return status;
}

static void note_progress(struct glint_pipeline *p)
{
    struct glint_source *source = p->settings.source;
    const double part = source->ops->progress ? source->ops->progress(source) : -1;
    p->progress_ppm = part >= 0 && part <= 1 ? (int32_t)(part * 1e6) : -1;
}

/* Whether the input goes on after this failure of its source; the failure is kept in any case. */
static bool passes_over(struct glint_chain *c, int status, int *n_bad)
{
    struct glint_pipeline *p = c->pipeline;
    if (!is_failure(c, status) || c->failed != 0)
        return false;
    const bool kept = glint_pipeline_keep_failure(p, status);
    if (p->maker != 0 || p->settings.stop_at_bad_file || ++*n_bad == BAD_FILES_IN_A_ROW)
        return false;
    if (!kept)
        glint_log(GLINT_LOG_WARN, "%s", glint_error_text());
    p->n_made++;
    p->frames_in++;
    glint_pipeline_count_drop(p, GLINT_DROP_INPUT);
    return p->n_made < p->settings.end_frame;
}

/* What stages still hold goes the same way; not after a failure of a stage, nor when no more is wanted. */
static void flush(struct glint_chain *c)
{
    struct glint_pipeline *p = c->pipeline;
    for (int i = c->first; i < c->first + c->n; i++) {
        if (!p->info[i]->flush)
            continue;
        resume(c, i);
        c->failed = -1;
        const int status = p->info[i]->flush(p->priv[i], &p->outs[i].emit);
        if (is_failure(c, status) && c->failed < 0)
            glint_pipeline_keep_failure(p, status);
        if (status < 0)
            return;
    }
}

/* Nothing comes at the moment: what waits for a time goes on. As flush, but for the end. */
static int tick(struct glint_chain *c)
{
    struct glint_pipeline *p = c->pipeline;
    for (int i = c->first; i < c->first + c->n; i++) {
        if (!p->info[i]->tick)
            continue;
        resume(c, i);
        c->failed = -1;
        const int status = p->info[i]->tick(p->priv[i], glint_clock_utc_ns(), &p->outs[i].emit);
        if (is_failure(c, status) && c->failed < 0) {
            c->failed = i;
            glint_pipeline_keep_failure(p, status);
        }
        if (status < 0)
            return status;
    }
    return GLINT_OK;
}

static void run_source(struct glint_chain *c)
{
    struct glint_pipeline *p = c->pipeline;
    const struct glint_item nothing = {GLINT_ITEM_NONE, NULL};
    int status = p->settings.end_frame > p->settings.first_frame ? GLINT_OK : GLINT_E_EOF, n_bad = 0;
    while (!p->stop && (status == GLINT_OK || status == GLINT_E_AGAIN)) {
        status = pump(c, nothing);
        note_progress(p);
        if (status == GLINT_OK)
            n_bad = 0;
        else if (status == GLINT_E_AGAIN)
            status = tick(c);
        else if (passes_over(c, status, &n_bad))
            status = GLINT_OK;
    }
    if (!p->stop && c->failed <= 0 && !c->cancelled && p->n_made < p->settings.end_frame)
        flush(c);
}

/* Recorded input is read ahead as far as the queues reach: what a frame waits there says nothing of how late
 * its result is, so its clock stands still meanwhile. Live input does not wait for anybody; there it counts.
 */
static void stop_clock(const struct glint_pipeline *p, struct glint_frame *frame)
{
    if (p->settings.policy == GLINT_QUEUE_WAIT && frame->arrival_ns > 0)
        frame->arrival_ns += glint_clock_monotonic_ns() - frame->queued_ns;
}

static void run_frames(struct glint_chain *c)
{
    struct glint_item item = {GLINT_ITEM_FRAME, NULL};
    while (glint_ring_pop(c->in, &item.data) == GLINT_OK) {
        stop_clock(c->pipeline, item.data);
        if (pump(c, item) != GLINT_OK)
            return;
    }
    flush(c);
}

void glint_chain_end(struct glint_chain *c)
{
    if (c->in) {
        glint_ring_cancel(c->in);
        for (struct glint_frame *frame; (frame = glint_ring_take(c->in)) != NULL;)
            drop(c->pipeline, frame, GLINT_DROP_FAILED);
    }
    if (c->out)
        glint_ring_finish(c->out);
}

void glint_chain_run(struct glint_chain *c)
{
    glint_trace_thread(c->pipeline->settings.trace, c->name);
    if (c->in)
        run_frames(c);
    else
        run_source(c);
    list(c, c->first == 0 ? c->pipeline->n_made : GLINT_TRACE_NO_FRAME);
    glint_chain_end(c);
}
