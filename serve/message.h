/* serve/message.h - bytes that go to several clients: made once, counted references, bounded in sum. */
#ifndef GLINT_SERVE_MESSAGE_H
#define GLINT_SERVE_MESSAGE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GLINT_MESSAGE_SUM_CAP ((size_t)1 << 30) /* bytes of a process's messages, but those of shelves */

struct glint_message {
    int32_t refs; /* atomic */
    bool is_text; /* UTF-8; else binary */
    size_t size;
    uint8_t *bytes; /* behind it, size of them */
};

/* One reference, bytes not set. NULL without memory, or where all messages together would pass
 * glint_message_cap(). Thread-safe, as are the others. */
struct glint_message *glint_message_new(size_t size, bool is_text);
struct glint_message *glint_message_text(const char *text, size_t size); /* a copy */
struct glint_message *glint_message_ref(struct glint_message *message);
void glint_message_unref(struct glint_message *message); /* the last one frees; NULL is fine */
size_t glint_message_sum(void);                          /* bytes of all that there are */

/* GLINT_MESSAGE_SUM_CAP, and what was allowed beside it and not taken back: the budgets of shelves. */
size_t glint_message_cap(void);
void glint_message_allow(size_t size);
void glint_message_take_back(size_t size);
#endif
