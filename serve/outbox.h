/* serve/outbox.h - what is to go to one client: a short queue of words, which are all sent in order, and for
 * each topic its newest message. A client that is slower than its topics loses the messages between; it can
 * hold up nobody and holds at most one message per topic and the one on its way. One thread at a time. */
#ifndef GLINT_SERVE_OUTBOX_H
#define GLINT_SERVE_OUTBOX_H
#include "serve/message.h"

#define GLINT_OUTBOX_WORDS  64
#define GLINT_OUTBOX_TOPICS 16
#define GLINT_OUTBOX_PREFIX 16

struct glint_outbox_entry {
    struct glint_message *message; /* NULL: none */
    uint8_t prefix[GLINT_OUTBOX_PREFIX];
    uint8_t n_prefix; /* bytes before the message's own, for this client alone */
};

struct glint_outbox { /* start with all zero */
    struct glint_outbox_entry sending, words[GLINT_OUTBOX_WORDS], newest[GLINT_OUTBOX_TOPICS];
    size_t n_out;                      /* of sending, prefix included */
    int first, n_words;                /* a ring */
    int topic;                         /* the next one whose turn it is */
    uint64_t n_sent, n_dropped, bytes; /* messages of topics; bytes of all */
};

/* Both take over the caller's reference. word: false when the queue is full, which a client that reads brings
 * about never: it is to be closed. newest: 0 <= topic < GLINT_OUTBOX_TOPICS. */
bool glint_outbox_word(struct glint_outbox *o, struct glint_message *message);
void glint_outbox_newest(struct glint_outbox *o, int topic, struct glint_message *message,
                         const uint8_t *prefix, uint8_t n_prefix);

void glint_outbox_forget(struct glint_outbox *o, int topic); /* what waits of it; NULL-safe */
bool glint_outbox_waits(const struct glint_outbox *o);       /* anything to send */

struct glint_outbox_piece {
    size_t size;
    bool is_text, is_first, is_last;
};
/* The next bytes, at most cap, to out. False when there are none. */
bool glint_outbox_take(struct glint_outbox *o, uint8_t *out, size_t cap,
                       struct glint_outbox_piece *piece_out);
void glint_outbox_fini(struct glint_outbox *o);
#endif
