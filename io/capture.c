/* io/capture.c - see capture.h. The first packets are copied, since a source's packet lasts only until its
 * next. */
#include "io/capture.h"
#include "io/sensors.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SNIFF_PACKETS 512
#define SNIFF_BYTES   (1u << 20)

struct sniffed {
    int32_t n;
    uint32_t used;
    struct glint_packet packets[SNIFF_PACKETS];
    uint8_t bytes[SNIFF_BYTES];
};

/* Reads until enough is seen or the source ends or fails: what it fails with comes again when it is read from
 * the start. */
static int sniff(struct glint_source *source, struct sniffed *s)
{
    struct glint_packet p;
    while (s->n < SNIFF_PACKETS) {
        const int status = source->ops->next_packet(source, &p);
        if (status != GLINT_OK)
            return s->n > 0 ? GLINT_OK : status;
        if (p.size > SNIFF_BYTES - s->used)
            break;
        memcpy(s->bytes + s->used, p.data, p.size);
        p.data = s->bytes + s->used;
        s->used += p.size;
        s->packets[s->n++] = p;
    }
    return GLINT_OK;
}

static int open_for_first(struct glint_source *source, const struct glint_decoder_settings *settings,
                          struct glint_decoder **decoder_out, int32_t *cap_points_out)
{
    *decoder_out = NULL;
    if (!source->ops->gives_packets)
        return glint_fail(GLINT_E_ARG, "%s: no capture: it gives frames", source->path);
    struct sniffed *s = malloc(sizeof *s);
    if (!s)
        return glint_fail(GLINT_E_NOMEM, "no memory to look at the first packets");
    s->n = 0;
    s->used = 0;
    int status = sniff(source, s);
    if (status == GLINT_OK)
        status = glint_decoder_open(settings, s->packets, s->n, decoder_out);
    if (status == GLINT_OK && cap_points_out)
        *cap_points_out = glint_sensors_cap_points(settings, *decoder_out, s->packets, s->n);
    free(s);
    if (status == GLINT_E_FORMAT && !strstr(glint_error_text(), source->path))
        return glint_fail(status, "%s: %s", source->path, glint_error_text());
    return status;
}

int glint_capture_sniff(struct glint_source *source, const struct glint_decoder_settings *settings,
                        struct glint_decoder **decoder_out)
{
    return open_for_first(source, settings, decoder_out, NULL);
}

int glint_capture_open(const char *path, const struct glint_source_settings *source_settings,
                       const struct glint_decoder_settings *decoder_settings,
                       struct glint_capture *capture_out)
{
    struct glint_decoder_settings settings = *decoder_settings;
    struct glint_source *look = NULL;
    memset(capture_out, 0, sizeof *capture_out);
    if (!settings.capture)
        settings.capture = path;
    GLINT_TRY(glint_source_open(path, source_settings, &look));
    int status = open_for_first(look, &settings, &capture_out->decoder, &capture_out->cap_points);
    look->ops->close(look);
    if (status == GLINT_OK)
        status = glint_source_open(path, source_settings, &capture_out->source);
    if (status != GLINT_OK)
        glint_capture_close(capture_out);
    return status;
}

void glint_capture_close(struct glint_capture *capture)
{
    glint_decoder_close(capture->decoder);
    if (capture->source)
        capture->source->ops->close(capture->source);
    memset(capture, 0, sizeof *capture);
}
