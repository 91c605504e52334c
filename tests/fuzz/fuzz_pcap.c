/* tests/fuzz/fuzz_pcap.c - any capture: source, whatever decoder its packets want, framer. The account must
 * hold and frames must be sane whatever comes. */
#include "tests/fuzz/fuzz.h"
#include "io/capture.h"
#include "io/framer.h"
#include "io/source_pcap.h"
#include <math.h>

#define CAP_POINTS 2000

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void check_frame(const struct glint_frame *f)
{
    check(f->points.n >= 0 && f->points.n <= CAP_POINTS);
    for (int32_t i = 0; i < f->points.n; i++)
        check(isfinite(f->points.x[i]) && isfinite(f->points.y[i]) && isfinite(f->points.z[i]));
}

static void push(struct glint_framer *framer, const struct glint_returns *r, struct glint_frame_pool *pool,
                 struct glint_frame **frame)
{
    int32_t pos = 0, n_frames = 0;
    while (pos < r->n) {
        if (glint_framer_push(framer, r, &pos, *frame) == GLINT_E_AGAIN)
            continue;
        check_frame(*frame);
        check((*frame)->points.n > 0 && ++n_frames <= r->n); /* each frame took a point */
        glint_frame_unref(*frame);
        *frame = glint_frame_get(pool, false);
    }
}

static void run(struct glint_source *source, struct glint_decoder *decoder, struct glint_framer *framer,
                struct glint_frame_pool *pool)
{
    static struct glint_returns returns;
    struct glint_loss loss = {0};
    struct glint_packet p;
    struct glint_frame *frame = glint_frame_get(pool, false);
    while (source->ops->next_packet(source, &p) == GLINT_OK) {
        uint8_t *exact = glint_fuzz_block(p.data, p.size);
        p.data = exact;
        if (glint_decoder_take(decoder, &p, &returns, &loss) == GLINT_PACKET_LIDAR)
            push(framer, &returns, pool, &frame);
        free(exact);
    }
    check_frame(frame);
    glint_frame_unref(frame);
    glint_source_pcap_account(source, &loss);
    check(loss.packets_received == loss.packets_decoded + loss.packets_malformed + loss.packets_foreign);
}

static const char metadata[] =
    "{\"beam_altitude_angles\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16],"
    "\"beam_azimuth_angles\":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0],\"lidar_mode\":\"512x10\"}";

/* Finds the decoder from the input itself, then reads the input from the start. */
static struct glint_decoder *decoder_for(const uint8_t *data, size_t size)
{
    static const char *path;
    struct glint_source *source;
    struct glint_decoder *decoder = NULL;
    if (!path)
        path = glint_fuzz_file((const uint8_t *)metadata, sizeof metadata - 1, ".json");
    const struct glint_decoder_settings plain = {.sensor = "auto"},
                                        ouster = {.sensor = "ouster", .calib = path};
    if (glint_source_pcap_open_memory(data, size, "input", &source) != GLINT_OK)
        return NULL;
    const int status = glint_capture_sniff(source, &plain, &decoder);
    source->ops->close(source);
    if (status != GLINT_E_NOTFOUND || glint_source_pcap_open_memory(data, size, "input", &source) != GLINT_OK)
        return decoder;
    glint_capture_sniff(source, &ouster, &decoder);
    source->ops->close(source);
    return decoder;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct glint_frame_pool *pool;
    struct glint_source *source;
    struct glint_framer *framer;
    const struct glint_framer_settings settings = {.to_vehicle = true};
    if (!pool && glint_frame_pool_open(1, CAP_POINTS, 1, &pool) != GLINT_OK)
        abort();
    struct glint_decoder *decoder = decoder_for(data, size);
    if (decoder && glint_source_pcap_open_memory(data, size, "input", &source) == GLINT_OK) {
        if (glint_framer_open(&settings, decoder, &framer) == GLINT_OK)
            run(source, decoder, framer, pool);
        glint_framer_close(framer);
        source->ops->close(source);
    }
    glint_decoder_close(decoder);
    return 0;
}
