/* pipeline/peek.c - see peek.h. */
#include "pipeline/peek.h"
#include "core/clock.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DATAGRAM_MOST 65536
#define LEAST_BATCHES 2
#define LOOK_NS       INT64_C(500000000)

/* Appends to what the batch has. */
static int fill_on(struct glint_packet_batch *batch, struct glint_source *source)
{
    int status = GLINT_OK;
    size_t used = 0;
    for (int32_t i = 0; i < batch->n; i++)
        used += batch->packets[i].size;
    while (batch->n < GLINT_BATCH_PACKETS && GLINT_BATCH_BYTES - used >= DATAGRAM_MOST) {
        struct glint_packet *p = &batch->packets[batch->n];
        status = source->ops->next_packet(source, p);
        if (status != GLINT_OK)
            break;
        if (p->size > DATAGRAM_MOST)
            p->size = DATAGRAM_MOST;
        if (p->size > 0)
            memcpy(batch->bytes + used, p->data, p->size);
        p->data = batch->bytes + used;
        used += p->size;
        batch->n++;
    }
    batch->arrival_ns = glint_clock_monotonic_ns();
    for (int32_t i = 0; i < batch->n; i++)
        if (batch->packets[i].arrival_ns == 0)
            batch->packets[i].arrival_ns = batch->arrival_ns;
    return status;
}

int glint_packet_batch_fill(struct glint_packet_batch *batch, struct glint_source *source)
{
    batch->n = 0;
    return fill_on(batch, source);
}

int glint_peek_init(struct glint_peek *peek)
{
    memset(peek, 0, sizeof *peek);
    peek->bytes = malloc((size_t)GLINT_PEEK_BATCHES * GLINT_BATCH_BYTES);
    if (!peek->bytes)
        return glint_fail(GLINT_E_NOMEM, "no memory for packets");
    for (size_t i = 0; i < GLINT_PEEK_BATCHES; i++)
        peek->batches[i].bytes = peek->bytes + i * GLINT_BATCH_BYTES;
    return GLINT_OK;
}

void glint_peek_fini(struct glint_peek *peek)
{
    free(peek->bytes);
    peek->bytes = NULL;
}

/* One more batch; false when there is nothing more to read. A live source is waited for until the batch is
 * full, or some time after its first packet. */
static bool read_more(struct glint_peek *peek, struct glint_source *source)
{
    struct glint_packet_batch *batch = &peek->batches[peek->n];
    int64_t since_ns = 0;
    batch->n = 0;
    do {
        peek->status = fill_on(batch, source);
        if (since_ns == 0 && batch->n > 0)
            since_ns = glint_clock_monotonic_ns();
    } while (peek->status == GLINT_E_AGAIN &&
             (batch->n == 0 || glint_clock_monotonic_ns() - since_ns < LOOK_NS));
    if (peek->status < 0 && peek->status != GLINT_E_AGAIN && peek->status != GLINT_E_EOF)
        snprintf(peek->reason, sizeof peek->reason, "%s", glint_error_text());
    peek->n++;
    return peek->status == GLINT_OK || peek->status == GLINT_E_AGAIN;
}

static int32_t gather(const struct glint_peek *peek, struct glint_packet *packets)
{
    int32_t n = 0;
    for (int32_t i = 0; i < peek->n; i++)
        for (int32_t k = 0; k < peek->batches[i].n; k++)
            packets[n++] = peek->batches[i].packets[k];
    return n;
}

int glint_peek_decoder(struct glint_peek *peek, struct glint_source *source,
                       const struct glint_decoder_settings *settings, struct glint_decoder **decoder_out,
                       int32_t *cap_points_out)
{
    struct glint_packet packets[GLINT_PEEK_BATCHES * GLINT_BATCH_PACKETS];
    int status = GLINT_E_FORMAT;
    for (bool more = true; more && status == GLINT_E_FORMAT && peek->n < GLINT_PEEK_BATCHES;) {
        more = read_more(peek, source);
        const int32_t n = gather(peek, packets);
        if (n == 0 && peek->reason[0])
            return glint_fail(peek->status, "%s", peek->reason);
        if (!more || peek->n >= LEAST_BATCHES)
            status = glint_decoder_open(settings, packets, n, decoder_out);
        if (status == GLINT_OK)
            *cap_points_out = glint_sensors_cap_points(settings, *decoder_out, packets, n);
    }
    if (status == GLINT_E_FORMAT) { /* says what it saw, not where */
        char reason[1024];
        snprintf(reason, sizeof reason, "%s", glint_error_text());
        return glint_fail(status, "%s: %s", source->path, reason);
    }
    return status;
}

int glint_peek_next(struct glint_peek *peek, struct glint_source *source,
                    struct glint_packet_batch **batch_out)
{
    if (peek->next < peek->n) {
        *batch_out = &peek->batches[peek->next++];
        const bool last = peek->next == peek->n;
        if (last && peek->reason[0])
            return glint_fail(peek->status, "%s", peek->reason);
        return last ? peek->status : GLINT_OK;
    }
    *batch_out = &peek->batches[0];
    return glint_packet_batch_fill(*batch_out, source);
}
