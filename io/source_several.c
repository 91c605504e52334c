/* io/source_several.c - see source_several.h. Of each capture one packet is read ahead; sources keep a packet
 * until their next call, so nothing is copied. */
#include "io/source_several.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct input {
    struct glint_source *source;
    struct glint_packet packet; /* the next one, while there is */
    bool has;
};

struct several {
    struct glint_source base;
    int32_t n, given; /* given: input whose packet the reader has, -1: none */
    struct input input[GLINT_SEVERAL_MOST];
    int status; /* the first failure of an input */
    char reason[1024];
};

static void read_ahead(struct several *s, int32_t i)
{
    struct input *in = &s->input[i];
    const int status = in->source->ops->next_packet(in->source, &in->packet);
    in->has = status == GLINT_OK;
    in->packet.input = i;
    if (status < 0 && status != GLINT_E_EOF && s->status == GLINT_OK) {
        s->status = status;
        snprintf(s->reason, sizeof s->reason, "%s", glint_error_text());
    }
}

static int next_packet(struct glint_source *source, struct glint_packet *packet_out)
{
    struct several *s = (struct several *)source;
    int32_t first = -1;
    if (s->given >= 0)
        read_ahead(s, s->given);
    for (int32_t i = 0; i < s->n; i++)
        if (s->input[i].has && (first < 0 || s->input[i].packet.stamp_ns < s->input[first].packet.stamp_ns))
            first = i;
    s->given = first;
    if (first >= 0) {
        *packet_out = s->input[first].packet;
        return GLINT_OK;
    }
    const int status = s->status;
    s->status = GLINT_OK; /* told once; then it is the end */
    return status < 0 ? glint_fail(status, "%s", s->reason) : GLINT_E_EOF;
}

static double progress(struct glint_source *source)
{
    const struct several *s = (const struct several *)source;
    double least = 1;
    for (int32_t i = 0; i < s->n; i++) {
        struct glint_source *in = s->input[i].source;
        const double part = !s->input[i].has ? 1 : in->ops->progress ? in->ops->progress(in) : -1;
        least = part < least ? part : least;
    }
    return least;
}

static void account(const struct glint_source *source, struct glint_loss *loss)
{
    const struct several *s = (const struct several *)source;
    for (int32_t i = 0; i < s->n; i++)
        glint_source_account(s->input[i].source, loss);
}

static const char *input_path(const struct glint_source *source, int32_t input)
{
    const struct several *s = (const struct several *)source;
    return input >= 0 && input < s->n ? s->input[input].source->path : source->path;
}

static void close_all(struct glint_source *source)
{
    struct several *s = (struct several *)source;
    for (int32_t i = 0; i < s->n; i++)
        glint_source_close(s->input[i].source);
    free(s);
}

static const struct glint_source_ops ops = {.name = "several",
                                            .gives_packets = true,
                                            .next_packet = next_packet,
                                            .progress = progress,
                                            .account = account,
                                            .input_path = input_path,
                                            .close = close_all};

static int open_input(struct several *s, const char *path)
{
    struct input *in = &s->input[s->n];
    GLINT_TRY(glint_source_open(path, NULL, &in->source));
    s->n++;
    if (!in->source->ops->gives_packets)
        return glint_fail(GLINT_E_ARG, "%s: no capture: it gives frames", path);
    const size_t used = strlen(s->base.path);
    snprintf(s->base.path + used, sizeof s->base.path - used, "%s%s", used ? " + " : "", path);
    return GLINT_OK;
}

int glint_source_several_open(const char *const *paths, int32_t n, struct glint_source **source_out)
{
    *source_out = NULL;
    if (n < 1 || n > GLINT_SEVERAL_MOST)
        return glint_fail(GLINT_E_ARG, "%d captures at once, 1 to %d wanted", n, GLINT_SEVERAL_MOST);
    struct several *s = calloc(1, sizeof *s);
    if (!s)
        return glint_fail(GLINT_E_NOMEM, "no memory for a source");
    s->base.ops = &ops;
    s->given = -1;
    int status = GLINT_OK;
    for (int32_t i = 0; i < n && status == GLINT_OK; i++)
        status = open_input(s, paths[i]);
    if (status < 0) {
        close_all(&s->base);
        return status;
    }
    for (int32_t i = 0; i < n; i++)
        read_ahead(s, i);
    *source_out = &s->base;
    return GLINT_OK;
}
