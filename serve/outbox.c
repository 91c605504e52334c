/* serve/outbox.c - see outbox.h. Words go before topics, topics take turns. */
#include "serve/outbox.h"
#include <assert.h>
#include <string.h>

bool glint_outbox_word(struct glint_outbox *o, struct glint_message *message)
{
    if (!message || o->n_words == GLINT_OUTBOX_WORDS) {
        glint_message_unref(message);
        return false;
    }
    o->words[(o->first + o->n_words++) % GLINT_OUTBOX_WORDS] =
        (struct glint_outbox_entry){.message = message};
    return true;
}

void glint_outbox_newest(struct glint_outbox *o, int topic, struct glint_message *message,
                         const uint8_t *prefix, uint8_t n_prefix)
{
    assert(topic >= 0 && topic < GLINT_OUTBOX_TOPICS && n_prefix <= GLINT_OUTBOX_PREFIX);
    struct glint_outbox_entry *e = &o->newest[topic];
    o->n_dropped += e->message != NULL;
    glint_message_unref(e->message);
    *e = (struct glint_outbox_entry){.message = message, .n_prefix = n_prefix};
    if (n_prefix)
        memcpy(e->prefix, prefix, n_prefix);
}

void glint_outbox_forget(struct glint_outbox *o, int topic)
{
    glint_message_unref(o->newest[topic].message);
    o->newest[topic].message = NULL;
}

bool glint_outbox_waits(const struct glint_outbox *o)
{
    if (o->sending.message || o->n_words)
        return true;
    for (int i = 0; i < GLINT_OUTBOX_TOPICS; i++)
        if (o->newest[i].message)
            return true;
    return false;
}

/* The next message begins. */
static bool begin(struct glint_outbox *o)
{
    o->n_out = 0;
    if (o->n_words) {
        o->sending = o->words[o->first];
        o->first = (o->first + 1) % GLINT_OUTBOX_WORDS;
        o->n_words--;
        return true;
    }
    for (int i = 0; i < GLINT_OUTBOX_TOPICS; i++) {
        struct glint_outbox_entry *e = &o->newest[(o->topic + i) % GLINT_OUTBOX_TOPICS];
        if (!e->message)
            continue;
        o->topic = (o->topic + i + 1) % GLINT_OUTBOX_TOPICS;
        o->sending = *e;
        e->message = NULL;
        o->n_sent++;
        return true;
    }
    return false;
}

bool glint_outbox_take(struct glint_outbox *o, uint8_t *out, size_t cap, struct glint_outbox_piece *piece_out)
{
    struct glint_outbox_entry *e = &o->sending;
    if (!e->message && !begin(o))
        return false;
    const size_t n_prefix = e->n_prefix, size = n_prefix + e->message->size;
    const size_t before = o->n_out < n_prefix ? n_prefix - o->n_out : 0;
    assert(cap > n_prefix);
    size_t n = size - o->n_out;
    n = n < cap ? n : cap;
    memcpy(out, e->prefix + n_prefix - before, before); /* before < cap: the prefix goes in the first piece */
    if (n > before)
        memcpy(out + before, e->message->bytes + o->n_out + before - n_prefix, n - before);
    *piece_out = (struct glint_outbox_piece){.size = n,
                                             .is_text = e->message->is_text,
                                             .is_first = o->n_out == 0,
                                             .is_last = o->n_out + n == size};
    o->n_out += n;
    o->bytes += n;
    if (piece_out->is_last) {
        glint_message_unref(e->message);
        e->message = NULL;
    }
    return true;
}

void glint_outbox_fini(struct glint_outbox *o)
{
    glint_message_unref(o->sending.message);
    for (; o->n_words; o->n_words--, o->first = (o->first + 1) % GLINT_OUTBOX_WORDS)
        glint_message_unref(o->words[o->first].message);
    for (int i = 0; i < GLINT_OUTBOX_TOPICS; i++)
        glint_message_unref(o->newest[i].message);
    memset(o, 0, sizeof *o);
}
