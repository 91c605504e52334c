/* io/capture.h - a capture with the decoder its packets want: what tools and the pipeline open. */
#ifndef GLINT_IO_CAPTURE_H
#define GLINT_IO_CAPTURE_H
#include "io/decoder.h"

struct glint_capture {
    struct glint_source *source;   /* at its first packet */
    struct glint_decoder *decoder; /* of the first sensor */
    int32_t cap_points;            /* of a frame of any sensor among the first packets */
};

/* Opens path, looks at its first packets (up to 512), opens the decoder they want and stands at the first
 * packet again. decoder_settings->capture may be NULL: path. Fails as glint_source_open and
 * glint_decoder_open do, with the path in the text; GLINT_E_ARG for a source that gives no packets.
 * *capture_out is all zero on failure. */
int glint_capture_open(const char *path, const struct glint_source_settings *source_settings,
                       const struct glint_decoder_settings *decoder_settings,
                       struct glint_capture *capture_out);

/* Finds the decoder for an open source of packets and does not go back: for memory and live sources. The
 * packets read are lost to the caller. */
int glint_capture_sniff(struct glint_source *source, const struct glint_decoder_settings *settings,
                        struct glint_decoder **decoder_out);

void glint_capture_close(struct glint_capture *capture); /* all zero is fine */
#endif
