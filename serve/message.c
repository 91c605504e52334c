/* serve/message.c - see message.h. */
#include "serve/message.h"
#include <stdlib.h>
#include <string.h>

static size_t sum, allowed;

struct glint_message *glint_message_new(size_t size, bool is_text)
{
    const size_t cap = glint_message_cap();
    if (size > cap)
        return NULL;
    if (__atomic_add_fetch(&sum, size, __ATOMIC_RELAXED) > cap) {
        __atomic_sub_fetch(&sum, size, __ATOMIC_RELAXED);
        return NULL;
    }
    struct glint_message *m = malloc(sizeof *m + size);
    if (!m) {
        __atomic_sub_fetch(&sum, size, __ATOMIC_RELAXED);
        return NULL;
    }
    *m = (struct glint_message){.refs = 1, .is_text = is_text, .size = size, .bytes = (uint8_t *)(m + 1)};
    return m;
}

struct glint_message *glint_message_text(const char *text, size_t size)
{
    struct glint_message *m = glint_message_new(size, true);
    if (m && size)
        memcpy(m->bytes, text, size);
    return m;
}

struct glint_message *glint_message_ref(struct glint_message *m)
{
    __atomic_fetch_add(&m->refs, 1, __ATOMIC_RELAXED);
    return m;
}

void glint_message_unref(struct glint_message *m)
{
    if (!m || __atomic_sub_fetch(&m->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    __atomic_sub_fetch(&sum, m->size, __ATOMIC_RELAXED);
    free(m);
}

size_t glint_message_sum(void)
{
    return __atomic_load_n(&sum, __ATOMIC_RELAXED);
}

size_t glint_message_cap(void)
{
    return GLINT_MESSAGE_SUM_CAP + __atomic_load_n(&allowed, __ATOMIC_RELAXED);
}

void glint_message_allow(size_t size)
{
    __atomic_add_fetch(&allowed, size, __ATOMIC_RELAXED);
}

void glint_message_take_back(size_t size)
{
    __atomic_sub_fetch(&allowed, size, __ATOMIC_RELAXED);
}
