/* pipeline/pipeline.c - see glint/pipeline.h: which stages, in which threads, with which memory. */
#include "core/clock.h"
#include "core/status.h"
#include "pipeline/chain.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POINTS_UNLESS_KNOWN 300000

void glint_pipeline_settings_default(struct glint_pipeline_settings *settings)
{
    *settings = (struct glint_pipeline_settings){
        .n_threads = 1, .end_frame = UINT64_MAX, .queue_depth = 1, .cap_boxes = 4096};
}

int32_t glint_pipeline_cap_points(struct glint_source *source, const struct glint_decoder *decoder)
{
    int32_t n = 0;
    if (source->ops->gives_packets)
        n = decoder ? decoder->cap_points : 0;
    else if (source->ops->cap_points)
        n = source->ops->cap_points(source);
    return n > 0 ? n : POINTS_UNLESS_KNOWN;
}

/* Opening */

static int check_merge(const struct glint_pipeline_settings *s)
{
    if (!s->source->ops->gives_packets)
        return glint_fail(GLINT_E_ARG, "%s: frames are not merged by sensor, packets are", s->source->path);
    if (s->merge->n_sensors < 1 || s->merge->n_sensors > GLINT_PIPELINE_MERGE)
        return glint_fail(GLINT_E_ARG, "merging %d sensors, 1 to %d wanted", s->merge->n_sensors,
                          GLINT_PIPELINE_MERGE);
    return GLINT_OK;
}

const char *glint_drop_name(enum glint_drop why)
{
    static const char *const names[] = {
#define DROP_NAME(upper, name) #name,
        GLINT_DROP_MAP(DROP_NAME)
#undef DROP_NAME
    };
    return (unsigned)why < GLINT_DROP_COUNT ? names[why] : "?";
}

static int check(const struct glint_pipeline_settings *s)
{
    if (!s->source)
        return glint_fail(GLINT_E_ARG, "pipeline without a source");
    if (s->n_sinks < 0 || s->n_sinks > GLINT_PIPELINE_SINKS)
        return glint_fail(GLINT_E_ARG, "%d sinks: 0 to %d wanted", s->n_sinks, GLINT_PIPELINE_SINKS);
    if (s->n_threads < 1 || s->queue_depth < 1 || s->queue_depth > 1024)
        return glint_fail(GLINT_E_ARG, "%d threads, queues of %d: 1 or more, and 1 to 1024 wanted",
                          s->n_threads, s->queue_depth);
    if (s->deadline_ns < 0)
        return glint_fail(GLINT_E_ARG, "a deadline of %lld ns", (long long)s->deadline_ns);
    return s->merge ? check_merge(s) : GLINT_OK;
}

/* Points of a frame for those of one sensor's sweep. */
static int32_t all_together(const struct glint_pipeline_settings *s, int32_t cap_points)
{
    const int32_t n = s->merge ? s->merge->n_sensors : 1, most = INT32_MAX / 4;
    return cap_points > most / n ? most : cap_points * n;
}

static int32_t stacked(const struct glint_pipeline_settings *s, int32_t cap_points)
{
    return cap_points * (s->stack > 1 ? s->stack : 1);
}

/* A decoder for each place, which also tells calibrations that cannot be read; the first one's is kept. */
static int open_places(struct glint_pipeline *p, int32_t *cap_points_out)
{
    const struct glint_pipeline_settings *s = &p->settings;
    for (int32_t i = s->n_places; i-- > 0;) {
        const struct glint_decoder_settings wanted = {.sensor = s->places[i].sensor,
                                                      .calib = s->places[i].calib,
                                                      .scale = (enum glint_time_scale)s->time_scale};
        struct glint_decoder *decoder;
        GLINT_TRY(glint_decoder_open(&wanted, NULL, 0, &decoder));
        *cap_points_out = decoder->cap_points > *cap_points_out ? decoder->cap_points : *cap_points_out;
        if (i == 0)
            p->own_decoder = decoder;
        else
            glint_decoder_close(decoder);
    }
    return GLINT_OK;
}

static int open_sensors(struct glint_pipeline *p)
{
    struct glint_pipeline_settings *s = &p->settings;
    struct glint_decoder *first = s->decoder;
    const struct glint_decoder_settings wanted = {.sensor = s->sensor,
                                                  .calib = s->calib,
                                                  .capture = s->source->path,
                                                  .scale = (enum glint_time_scale)s->time_scale};
    GLINT_TRY(glint_peek_init(&p->peek));
    p->env.peek = &p->peek;
    int32_t cap_points = 0;
    if (s->n_places > 0) {
        GLINT_TRY(open_places(p, &cap_points));
        first = p->own_decoder;
    } else if (!first) {
        GLINT_TRY(glint_peek_decoder(&p->peek, s->source, &wanted, &p->own_decoder, &cap_points));
        first = p->own_decoder;
    }
    if (s->cap_points == 0)
        s->cap_points = stacked(
            s, all_together(s, cap_points > 0 ? cap_points : glint_pipeline_cap_points(s->source, first)));
    GLINT_TRY(glint_sensors_open(&wanted, first, &p->sensors));
    glint_sensors_set_source(p->sensors, s->source);
    if (s->n_places > 0)
        glint_sensors_set_places(p->sensors, s->places, s->n_places);
    p->env.sensors = p->sensors;
    return GLINT_OK;
}

static void add_stage(struct glint_pipeline *p, const struct glint_stage_info *info)
{
    p->info[p->n_stages++] = info;
}

static bool wants_align(const struct glint_pipeline_settings *s)
{
    return s->poses || s->mount || s->deskew != GLINT_DESKEW_OFF || s->stack > 1;
}

static void choose_stages(struct glint_pipeline *p)
{
    if (p->settings.source->ops->gives_packets) {
        add_stage(p, &glint_stage_packets);
        add_stage(p, &glint_stage_decode);
        add_stage(p, &glint_stage_frame);
    } else {
        add_stage(p, &glint_stage_frames);
    }
    if (p->settings.merge)
        add_stage(p, &glint_stage_merge);
    p->maker = p->n_stages - 1;
    if (wants_align(&p->settings))
        add_stage(p, &glint_stage_align);
    p->last_input = p->n_stages - 1;
    if (p->settings.model)
        add_stage(p, &glint_stage_infer);
    if (p->settings.tracker)
        add_stage(p, &glint_stage_track);
    add_stage(p, &glint_stage_publish);
}

static int init_stages(struct glint_pipeline *p)
{
    for (int i = 0; i < p->n_stages; i++) {
        p->priv[i] = calloc(1, p->info[i]->priv_size);
        if (!p->priv[i])
            return glint_fail(GLINT_E_NOMEM, "no memory for stage %s", p->info[i]->name);
        p->outs[i].emit.put = glint_chain_put;
        p->outs[i].stage = i;
        GLINT_TRY(p->info[i]->init(p->priv[i], &p->env));
    }
    return GLINT_OK;
}

static void add_chain(struct glint_pipeline *p, const char *name, int first, int end)
{
    struct glint_chain *c = &p->chains[p->n_chains++];
    *c = (struct glint_chain){
        .pipeline = p, .name = name, .first = first, .n = end - first, .current = -1, .failed = -1};
    for (int i = first; i < end; i++)
        p->outs[i].chain = c;
}

/* Chain i and the next one share ring i. Only the first queue may drop: what is inferred is published. */
static int make_chains(struct glint_pipeline *p)
{
    if (p->settings.n_threads == 1) {
        add_chain(p, "glint", 0, p->n_stages);
        return GLINT_OK;
    }
    add_chain(p, "input", 0, p->last_input + 1);
    if (p->n_stages - 1 > p->last_input + 1)
        add_chain(p, p->settings.model ? "infer" : "track", p->last_input + 1, p->n_stages - 1);
    add_chain(p, "publish", p->n_stages - 1, p->n_stages);
    for (int i = 0; i + 1 < p->n_chains; i++) {
        const bool newest = i == 0 && p->settings.policy == GLINT_QUEUE_NEWEST;
        GLINT_TRY(glint_ring_open(p->settings.queue_depth, newest ? GLINT_RING_NEWEST : GLINT_RING_WAIT,
                                  &p->rings[i]));
        p->chains[i].out = p->chains[i + 1].in = p->rings[i];
    }
    return GLINT_OK;
}

/* One frame per chain, those in the queues, one in the making per further sensor and one that others are
 * merged into: then the input never waits for one. Frames of sensors that do not appear cost no memory: it is
 * not touched. */
static int make_frames(struct glint_pipeline *p)
{
    const struct glint_pipeline_settings *s = &p->settings;
    const int32_t n = p->n_chains + (p->n_chains - 1) * s->queue_depth;
    GLINT_TRY(glint_frame_pool_open(n + (p->sensors ? GLINT_SENSORS_CAP : 0), s->cap_points, s->cap_boxes,
                                    &p->frames));
    if (s->policy == GLINT_QUEUE_NEWEST) /* of a run without end */
        glint_frame_pool_warm(p->frames, n);
    return GLINT_OK;
}

static int open_parts(struct glint_pipeline *p)
{
    p->env.settings = &p->settings;
    p->env.loss = &p->loss;
    p->env.sink_failed = p->sink_failed;
    if (p->settings.source->ops->gives_packets)
        GLINT_TRY(open_sensors(p));
    if (p->settings.cap_points == 0)
        p->settings.cap_points = stacked(&p->settings, glint_pipeline_cap_points(p->settings.source, NULL));
    if (p->settings.open_model)
        GLINT_TRY(
            p->settings.open_model(p->settings.open_model_ctx, p->settings.cap_points, &p->settings.model));
    choose_stages(p);
    GLINT_TRY(make_chains(p));
    GLINT_TRY(make_frames(p));
    p->env.frames = p->frames;
    return init_stages(p);
}

int glint_pipeline_open(const struct glint_pipeline_settings *settings, struct glint_pipeline **pipeline_out)
{
    *pipeline_out = NULL;
    GLINT_TRY(check(settings));
    struct glint_pipeline *p = calloc(1, sizeof *p);
    if (!p)
        return glint_fail(GLINT_E_NOMEM, "no memory for a pipeline");
    p->settings = *settings;
    p->progress_ppm = -1;
    pthread_mutex_init(&p->mutex, NULL);
    const int status = open_parts(p);
    if (status != GLINT_OK) {
        p->settings.n_sinks = 0; /* still the caller's */
        glint_pipeline_close(p);
        return status;
    }
    *pipeline_out = p;
    return GLINT_OK;
}

void glint_pipeline_close(struct glint_pipeline *p)
{
    if (!p)
        return;
    for (int i = p->n_stages; i-- > 0;) {
        if (p->priv[i] && p->info[i]->fini)
            p->info[i]->fini(p->priv[i]);
        free(p->priv[i]);
    }
    for (int32_t i = 0; i < p->settings.n_sinks; i++)
        p->settings.sinks[i]->ops->close(p->settings.sinks[i]);
    for (int i = 0; i < GLINT_CHAINS - 1; i++)
        glint_ring_close(p->rings[i]);
    glint_frame_pool_close(p->frames);
    glint_peek_fini(&p->peek);
    glint_sensors_close(p->sensors);
    glint_decoder_close(p->own_decoder);
    pthread_mutex_destroy(&p->mutex);
    free(p);
}

/* Running */

bool glint_pipeline_keep_failure(struct glint_pipeline *p, int status)
{
    pthread_mutex_lock(&p->mutex);
    const bool first = p->status == GLINT_OK;
    if (first) {
        p->status = status;
        snprintf(p->reason, sizeof p->reason, "%s", glint_error_text());
    }
    pthread_mutex_unlock(&p->mutex);
    return first;
}

static void *chain_main(void *arg)
{
    glint_chain_run(arg);
    return NULL;
}

/* The last chain runs here, the others in threads of their own. */
static void run_chains(struct glint_pipeline *p)
{
    for (int i = 0; i + 1 < p->n_chains; i++) {
        struct glint_chain *c = &p->chains[i];
        c->started = pthread_create(&c->thread, NULL, chain_main, c) == 0;
        if (!c->started) {
            glint_pipeline_keep_failure(p, glint_fail(GLINT_E_NOMEM, "cannot start thread %s", c->name));
            glint_chain_end(c);
        }
    }
    glint_chain_run(&p->chains[p->n_chains - 1]);
    for (int i = 0; i + 1 < p->n_chains; i++)
        if (p->chains[i].started)
            pthread_join(p->chains[i].thread, NULL);
}

static void finish_sinks(struct glint_pipeline *p)
{
    for (int32_t i = 0; i < p->settings.n_sinks; i++) {
        struct glint_sink *sink = p->settings.sinks[i];
        const int status = p->sink_failed[i] ? GLINT_OK : sink->ops->finish(sink);
        if (status < 0)
            glint_pipeline_keep_failure(p, status);
    }
}

int glint_pipeline_run(struct glint_pipeline *p)
{
    if (p->started_ns != 0)
        return glint_fail(GLINT_E_ARG, "a pipeline runs once");
    p->started_ns = glint_clock_monotonic_ns();
    run_chains(p);
    finish_sinks(p);
    p->ended_ns = glint_clock_monotonic_ns();
    if (p->status != GLINT_OK)
        return glint_fail(p->status, "%s", p->reason);
    return p->stop ? glint_fail(GLINT_E_CANCELLED, "stopped") : GLINT_OK;
}

void glint_pipeline_stop(struct glint_pipeline *p)
{
    atomic_store(&p->stop, true);
}

/* After run: what the packets and the last frame say. */
static void sum_up_loss(const struct glint_pipeline *p, struct glint_loss *loss)
{
    *loss = p->last_loss;
    if (p->sensors) {
        glint_sensors_loss(p->sensors, loss);
        glint_source_account(p->settings.source, loss);
    } else if (!p->settings.source->ops->gives_packets) {
        glint_source_account(p->settings.source, loss);
    }
    if (p->settings.merge)
        loss->sensors_missed = p->loss.sensors_missed;
    loss->frames_dropped = p->frames_dropped + p->loss.frames_dropped;
    loss->frames_without_pose = p->loss.frames_without_pose;
    loss->points_clipped += p->loss.points_clipped; /* framed, stacked */
}

int32_t glint_pipeline_sensors(const struct glint_pipeline *p, struct glint_pipeline_sensor *out, int32_t cap)
{
    int32_t n = p->sensors && p->ended_ns != 0 ? glint_sensors_count(p->sensors) : 0;
    n = n < cap ? n : cap;
    for (int32_t i = 0; i < n; i++) {
        const struct glint_sensor *s = glint_sensors_get(p->sensors, i);
        struct glint_clock_fit fit;
        out[i] = (struct glint_pipeline_sensor){.src_ip = s->src_ip,
                                                .port = s->port,
                                                .time_scale = (int32_t)s->decoder->time_scale,
                                                .clock_moved_ns = s->decoder->clock_offset_ns,
                                                .has_clock = glint_clock_model_fit(&s->clock, &fit),
                                                .clock_offset_ns = fit.offset_ns,
                                                .clock_drift_ppm = fit.drift_ppm,
                                                .clock_jumps = fit.jumps,
                                                .frames = s->frames,
                                                .loss = s->loss};
        snprintf(out[i].name, sizeof out[i].name, "%s", s->name);
    }
    return n;
}

void glint_pipeline_stats(const struct glint_pipeline *p, struct glint_pipeline_stats *stats_out)
{
    *stats_out = (struct glint_pipeline_stats){.frames_in = p->frames_in,
                                               .frames_published = p->frames_published,
                                               .frames_dropped = p->frames_dropped,
                                               .frames_late = p->frames_late};
    for (int i = 0; i < GLINT_DROP_COUNT; i++)
        stats_out->dropped_by[i] = p->dropped_by[i];
    const int64_t started = p->started_ns, ended = p->ended_ns;
    const int32_t ppm = p->progress_ppm;
    if (started != 0)
        stats_out->wall_ns = (ended != 0 ? ended : glint_clock_monotonic_ns()) - started;
    stats_out->progress = ppm < 0 ? -1 : 1e-6 * ppm;
    if (ended != 0)
        sum_up_loss(p, &stats_out->loss);
}
