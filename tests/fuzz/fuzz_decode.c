/* tests/fuzz/fuzz_decode.c - a stream of packets of one family's sensors through decoder and framer; built
 * once per family (FUZZ_FAMILY). The input says which model, and its decoder is open before the first packet,
 * with a calibration where it needs one: every input reaches it. decode_input.h has the input's format,
 * decode_mutate.c how it is changed, make_seeds.c makes the seeds. The account must hold, returns and frames
 * must be sane, whatever comes. */
#include "tests/fuzz/decode_input.h"
#include "io/framer.h"
#include "io/sensors.h"
#include <math.h>
#include <unistd.h>

#define CAP_POINTS 5000
#define CAP_SEEN   4
#define N_FILES    128

static void check(bool holds)
{
    if (!holds)
        abort();
}

/* ---- calibration files, written once ---- */

static char files[N_FILES][280];

static void remove_files(void)
{
    for (int i = 0; i < N_FILES; i++)
        if (files[i][0])
            unlink(files[i]);
}

static void write_file(char path[280], const uint8_t *bytes, size_t size, const char *ending)
{
    const char *folder = getenv("TMPDIR");
    static bool registered;
    snprintf(path, 280, "%.200s/glint_fuzz_%ld_%d%.16s", folder ? folder : "/tmp", (long)getpid(),
             (int)((path - files[0]) / 280), ending);
    FILE *f = fopen(path, "wb");
    check(f && fwrite(bytes, 1, size, f) == size && fclose(f) == 0);
    if (!registered)
        atexit(remove_files);
    registered = true;
}

/* NULL where the sensor needs none. */
static const char *calibration(int32_t sensor)
{
    static uint8_t bytes[GLINT_MADE_CALIBRATION];
    const char *ending = "";
    check(sensor < N_FILES);
    const size_t size = files[sensor][0] ? 0 : glint_made_calibration(sensor, bytes, &ending);
    if (size)
        write_file(files[sensor], bytes, size, ending);
    return files[sensor][0] ? files[sensor] : NULL;
}

/* ---- packets ---- */

struct stream {
    const uint8_t *data;
    size_t size, at;
    int32_t sensor;
    int64_t stamp_ns;
};

/* The next packet in a block of exactly its size, which is the caller's. */
static bool next_packet(struct stream *s, struct glint_packet *p)
{
    static const int64_t gaps_ns[] = {0,          100000,        1327104,  10000000,
                                      1000000000, 3600000000000, -1000000, 40000000000000000};
    size_t body, n;
    uint32_t sizes[2];
    if (s->at >= s->size)
        return false;
    const uint8_t control = s->data[s->at];
    input_sizes(s->sensor, sizes);
    s->at = input_next(s->data, s->size, s->at, s->sensor, &body, &n);
    s->stamp_ns += gaps_ns[control >> 3 & 7];
    memset(p, 0, sizeof *p);
    uint8_t *block = glint_fuzz_block(s->data + body, n);
    if ((s->data[1] & INPUT_MEND) && n >= 36)
        memset(block + 24, 0, 4); /* a Livox packet's CRC of 0 is taken for none */
    *p = (struct glint_packet){.data = block, .size = (uint32_t)n, .stamp_ns = s->stamp_ns};
    p->src_ip = 0xc0a801c9 + (control >> 6 & 1);
    p->dst_port = p->src_port = (uint16_t)(control >> 7 ? 56301 : n == 512 ? 8308 : 2368);
    return true;
}

/* The input's first packets; or one of points, or one without. How many. */
static int32_t first_packets(const struct stream *s, struct glint_packet *seen)
{
    static uint8_t bytes[GLINT_MADE_BYTES];
    struct stream ahead = *s;
    int32_t n = 0;
    if (s->data[1] & INPUT_SEEN) {
        while (n < CAP_SEEN && next_packet(&ahead, &seen[n]))
            n++;
        return n;
    }
    if (!(s->data[1] & INPUT_BLIND) || !glint_made_accessory(s->sensor, 0, bytes, seen))
        glint_made_packet(s->sensor, 0, bytes, seen);
    return 1;
}

static int open_decoder(const struct stream *s, const struct glint_decoder_settings *settings,
                        struct glint_decoder **decoder)
{
    struct glint_packet seen[CAP_SEEN];
    const bool own = (s->data[1] & INPUT_SEEN) != 0, blind = (s->data[1] & INPUT_BLIND) != 0;
    const int32_t n = first_packets(s, seen);
    const int status = glint_decoder_open(settings, seen, n, decoder);
    check(status == GLINT_OK || own || blind);
    for (int32_t i = 0; i < n && own; i++)
        free((void *)(uintptr_t)seen[i].data);
    return status;
}

/* ---- what comes out ---- */

static void check_returns(const struct glint_returns *r)
{
    check(r->n >= 0 && r->n <= GLINT_RETURNS_CAP && r->n_blocks >= 0 && r->n_blocks <= GLINT_BLOCKS_CAP);
    for (int32_t b = 0; b < r->n_blocks; b++)
        check(r->block_first[b] >= 0 && r->block_first[b] <= r->n && isfinite(r->block_azimuth[b]));
    for (int32_t i = 0; i < r->n; i++)
        check(isfinite(r->x[i]) && isfinite(r->y[i]) && isfinite(r->z[i]) && r->intensity[i] >= 0 &&
              r->intensity[i] <= 1 && r->azimuth[i] >= 0 && r->azimuth[i] <= 360);
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
        check((*frame)->points.n > 0 && ++n_frames <= r->n);
        glint_frame_unref(*frame);
        *frame = glint_frame_get(pool, false);
    }
}

static void run(struct stream *s, struct glint_decoder *decoder, struct glint_sensors *sensors,
                struct glint_framer *framer)
{
    static struct glint_frame_pool *pool;
    static struct glint_returns returns;
    struct glint_loss loss = {0};
    struct glint_packet p;
    if (!pool && glint_frame_pool_open(1, CAP_POINTS, 1, &pool) != GLINT_OK)
        abort();
    struct glint_frame *frame = glint_frame_get(pool, false);
    while (next_packet(s, &p)) {
        int32_t of = 0;
        const enum glint_packet_kind kind = sensors ? glint_sensors_take(sensors, &p, &returns, &of)
                                                    : glint_decoder_take(decoder, &p, &returns, &loss);
        free((void *)(uintptr_t)p.data);
        if (kind != GLINT_PACKET_LIDAR)
            continue;
        check_returns(&returns);
        if (of == 0)
            push(framer, &returns, pool, &frame);
    }
    check_frame(frame);
    glint_frame_unref(frame);
    if (sensors)
        glint_sensors_loss(sensors, &loss);
    check(loss.packets_received == loss.packets_decoded + loss.packets_malformed + loss.packets_foreign);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < INPUT_HEAD)
        return 0;
    const uint8_t flags = data[1];
    struct stream s = {data, size, INPUT_HEAD, input_sensor(data[0] % input_n_sensors()), GLINT_MADE_T0_NS};
    const struct glint_decoder_settings settings = {
        .sensor = flags & INPUT_AUTO ? "auto" : glint_made_sensor(s.sensor), .calib = calibration(s.sensor)};
    struct glint_framer_settings framing = {.to_vehicle = (flags & INPUT_VEHICLE) != 0};
    struct glint_decoder *decoder = NULL;
    struct glint_sensors *sensors = NULL;
    struct glint_framer *framer = NULL;
    if (open_decoder(&s, &settings, &decoder) != GLINT_OK)
        return 0;
    if (decoder->turns) {
        framing.cut_deg = flags & INPUT_CUT ? 90 : 0;
        framing.sub_sweep_deg = flags & INPUT_SECTORS ? 30 : 0;
    }
    if (flags & INPUT_SENSORS)
        check(glint_sensors_open(&settings, decoder, &sensors) == GLINT_OK);
    check(glint_framer_open(&framing, decoder, &framer) == GLINT_OK);
    run(&s, decoder, sensors, framer);
    glint_framer_close(framer);
    glint_sensors_close(sensors);
    glint_decoder_close(decoder);
    return 0;
}
