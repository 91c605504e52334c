/* pipeline/peek.h - batches of packets, and looking at the first ones of a source before it runs: a decoder
 * is chosen by them, and a source (a live one above all) cannot go back. */
#ifndef GLINT_PIPELINE_PEEK_H
#define GLINT_PIPELINE_PEEK_H
#include "pipeline/stage.h"

#define GLINT_PEEK_BATCHES 16 /* most: 512 packets */

/* Reads packets into batch until it is full, the source says GLINT_E_AGAIN, ends or fails: that status, else
 * GLINT_OK. batch->n may be > 0 with any of them. A payload longer than any datagram is cut. */
int glint_packet_batch_fill(struct glint_packet_batch *batch, struct glint_source *source);

struct glint_peek {
    struct glint_packet_batch batches[GLINT_PEEK_BATCHES];
    int32_t n;         /* batches read */
    int32_t next;      /* batch to hand out */
    int status;        /* what the last one ended with */
    char reason[1024]; /* glint_error_text() of that, "" when it was none */
    uint8_t *bytes;    /* memory of all batches; touched as far as packets come */
};

int glint_peek_init(struct glint_peek *peek); /* GLINT_E_NOMEM */
void glint_peek_fini(struct glint_peek *peek);

/* Reads until a decoder knows the packets, at least 64 and at most 512 of them, or to the end.
 * cap_points_out: of a frame of any sensor among them. Fails as glint_decoder_open, or as the source when it
 * gave nothing at all. */
int glint_peek_decoder(struct glint_peek *peek, struct glint_source *source,
                       const struct glint_decoder_settings *settings, struct glint_decoder **decoder_out,
                       int32_t *cap_points_out);

/* The next batch: those peeked at first, then new ones, in the first batch's memory. Status as
 * glint_packet_batch_fill. */
int glint_peek_next(struct glint_peek *peek, struct glint_source *source,
                    struct glint_packet_batch **batch_out);
#endif
