/* io/decode_csv.c - see decode_csv.h. Numbers are written by hand: a capture is a million lines. */
#include "io/decode_csv.h"
#include "io/capture.h"
#include "io/framer.h"
#include "io/source_pcap.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MOST 192 /* bytes of one line, at most */

struct writer {
    FILE *file;
    const char *path;
    char text[1 << 16];
    size_t n;
};

static int flush(struct writer *w)
{
    if (w->n > 0 && fwrite(w->text, 1, w->n, w->file) != w->n)
        return glint_fail(GLINT_E_IO, "%s: cannot write: %s", w->path, strerror(errno));
    w->n = 0;
    return GLINT_OK;
}

static void put_unsigned(struct writer *w, uint64_t v)
{
    char digits[20];
    size_t n = sizeof digits;
    do {
        digits[--n] = (char)('0' + v % 10);
        v /= 10;
    } while (v);
    memcpy(w->text + w->n, digits + n, sizeof digits - n);
    w->n += sizeof digits - n;
}

/* v with `decimals` of them, rounded half away from zero; scale = 10^decimals. |v| is far below 2^63 / scale.
 */
static void put_fixed(struct writer *w, double v, int decimals, uint64_t scale)
{
    const uint64_t all = (uint64_t)(fabs(v) * (double)scale + 0.5);
    if (v < 0 && all > 0)
        w->text[w->n++] = '-';
    put_unsigned(w, all / scale);
    w->text[w->n++] = '.';
    uint64_t rest = all % scale;
    for (int i = decimals - 1; i >= 0; i--, rest /= 10)
        w->text[w->n + (size_t)i] = (char)('0' + rest % 10);
    w->n += (size_t)decimals;
}

static void put_count(struct writer *w, uint64_t v)
{
    put_unsigned(w, v);
    w->text[w->n++] = ',';
}

static void put_metres(struct writer *w, float v)
{
    put_fixed(w, fabsf(v) < 1e9f ? (double)v : 0, 6, 1000000);
    w->text[w->n++] = ',';
}

static int put_return(struct writer *w, const struct glint_returns *r, int32_t i, uint64_t frame,
                      uint64_t record)
{
    if (w->n + LINE_MOST > sizeof w->text)
        GLINT_TRY(flush(w));
    put_count(w, frame);
    put_count(w, record);
    put_count(w, r->block[i]);
    put_count(w, r->channel[i]);
    put_count(w, r->ret[i]);
    put_metres(w, r->x[i]);
    put_metres(w, r->y[i]);
    put_metres(w, r->z[i]);
    put_fixed(w, (double)r->intensity[i], 4, 10000);
    w->text[w->n++] = ',';
    if (r->t_ns[i] < 0)
        w->text[w->n++] = '-';
    put_unsigned(w, r->t_ns[i] < 0 ? 0 - (uint64_t)r->t_ns[i] : (uint64_t)r->t_ns[i]);
    w->text[w->n++] = '\n';
    return GLINT_OK;
}

static int put_packet(struct writer *w, const struct glint_returns *r, uint64_t record,
                      struct glint_cutter *cutter, uint64_t *frame)
{
    for (int32_t i = 0; i < r->n;) {
        const int32_t to = glint_cutter_find(cutter, r, i);
        for (; i < to; i++)
            GLINT_TRY(put_return(w, r, i, *frame, record));
        *frame += to < r->n;
    }
    return GLINT_OK;
}

static int write_all(struct glint_capture *c, struct writer *w, struct glint_returns *r,
                     struct glint_loss *loss)
{
    struct glint_cutter cutter;
    struct glint_packet p;
    uint64_t frame = 0, points = 0;
    int status;
    glint_cutter_init(&cutter, 0, c->decoder->cut_by_frame_id);
    while ((status = c->source->ops->next_packet(c->source, &p)) == GLINT_OK)
        if (glint_decoder_take(c->decoder, &p, r, loss) == GLINT_PACKET_LIDAR) {
            points += (uint64_t)r->n;
            GLINT_TRY(put_packet(w, r, p.record, &cutter, &frame));
        }
    glint_source_pcap_account(c->source, loss);
    if (status == GLINT_E_EOF && points == 0)
        return glint_fail(GLINT_E_FORMAT, "%s: no points: none of its %llu packets is of a sweep of the %s",
                          c->source->path, (unsigned long long)loss->packets_received, c->decoder->sensor);
    return status == GLINT_E_EOF ? GLINT_OK : status;
}

/* Writes what is left and closes; the first failure stays. */
static int finish(struct writer *w, int status)
{
    char reason[1024];
    snprintf(reason, sizeof reason, "%s", glint_error_text());
    int written = flush(w);
    if (w->file == stdout ? fflush(stdout) != 0 : fclose(w->file) != 0)
        if (written == GLINT_OK)
            written = glint_fail(GLINT_E_IO, "%s: cannot write: %s", w->path, strerror(errno));
    return status < 0 ? glint_fail(status, "%s", reason) : written;
}

static int convert(struct glint_capture *c, const char *out_path, struct glint_loss *loss)
{
    static const char head[] = "frame,packet,block,channel,return,x,y,z,intensity,t_ns\n";
    struct writer *w = malloc(sizeof *w);
    struct glint_returns *r = malloc(sizeof *r);
    int status = GLINT_E_NOMEM;
    if (!w || !r) {
        status = glint_fail(GLINT_E_NOMEM, "no memory for the returns of a packet");
    } else {
        w->path = out_path;
        w->n = 0;
        w->file = strcmp(out_path, "-") == 0 ? stdout : fopen(out_path, "wb");
        if (!w->file) {
            status = glint_fail(GLINT_E_IO, "%s: cannot create: %s", out_path, strerror(errno));
        } else {
            memcpy(w->text, head, sizeof head - 1);
            w->n = sizeof head - 1;
            status = finish(w, write_all(c, w, r, loss));
        }
    }
    free(r);
    free(w);
    return status;
}

int glint_decode_csv(const char *path, const struct glint_decoder_settings *settings, const char *out_path,
                     struct glint_loss *loss_out)
{
    struct glint_loss loss;
    struct glint_capture capture;
    memset(&loss, 0, sizeof loss);
    int status = glint_capture_open(path, NULL, settings, &capture);
    if (status == GLINT_OK) {
        status = convert(&capture, out_path, &loss);
        glint_capture_close(&capture);
    }
    if (loss_out)
        *loss_out = loss;
    return status;
}
