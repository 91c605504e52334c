/* serve/client_foxglove.c - see hub.h; the protocol comes with the messages. */
#include "serve/hub.h"

static void client_open(struct glint_client *c)
{
    (void)c;
}

static bool word(struct glint_client *c, const char *text, size_t size, bool is_text)
{
    (void)c;
    (void)text;
    (void)size;
    (void)is_text;
    return true;
}

static bool wants(const struct glint_client *c)
{
    (void)c;
    return false;
}

static void frame(struct glint_server *s, const struct glint_frame *f)
{
    (void)s;
    (void)f;
}

const struct glint_client_ops glint_client_foxglove = {"foxglove", client_open, word, wants, frame, NULL};
