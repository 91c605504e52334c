/* io/proto_memory.c - see proto_memory.h. Blocks of growing size, filled from their start; free does nothing.
 */
#include "io/proto_memory.h"
#include "core/status.h"
#include <protobuf-c/protobuf-c.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>

#define FIRST_BLOCK ((size_t)64 << 10)

struct glint_proto_block {
    struct glint_proto_block *older;
    size_t cap;
    alignas(max_align_t) uint8_t bytes[];
};

void glint_proto_memory_init(struct glint_proto_memory *m, size_t limit)
{
    *m = (struct glint_proto_memory){.limit = limit};
}

static void free_blocks(struct glint_proto_block *block)
{
    while (block) {
        struct glint_proto_block *older = block->older;
        free(block);
        block = older;
    }
}

void glint_proto_memory_fini(struct glint_proto_memory *m)
{
    free_blocks(m->blocks);
    *m = (struct glint_proto_memory){.limit = m->limit};
}

/* The newest block is the largest: messages of like size soon need no other. */
void glint_proto_memory_reset(struct glint_proto_memory *m)
{
    if (m->blocks) {
        free_blocks(m->blocks->older);
        m->blocks->older = NULL;
    }
    m->used = m->total = 0;
    m->exceeded = false;
}

static bool add_block(struct glint_proto_memory *m, size_t size)
{
    size_t cap = m->blocks ? 2 * m->blocks->cap : FIRST_BLOCK;
    if (cap > m->limit)
        cap = m->limit;
    if (cap < size)
        cap = size;
    struct glint_proto_block *block = malloc(sizeof *block + cap);
    if (!block)
        return false;
    block->older = m->blocks;
    block->cap = cap;
    m->blocks = block;
    m->used = 0;
    return true;
}

void *glint_proto_memory_take(struct glint_proto_memory *m, size_t size)
{
    const size_t align = alignof(max_align_t);
    size = size ? size : 1;
    const size_t rounded = (size + align - 1) / align * align;
    const bool fits = size <= m->limit && rounded <= m->limit - m->total;
    if (!fits || ((!m->blocks || rounded > m->blocks->cap - m->used) && !add_block(m, rounded))) {
        m->exceeded = true;
        return NULL;
    }
    void *p = m->blocks->bytes + m->used;
    m->used += rounded;
    m->total += rounded;
    return p;
}

static void *proto_alloc(void *memory, size_t size)
{
    return glint_proto_memory_take(memory, size);
}

static void proto_free(void *memory, void *p)
{
    (void)memory, (void)p;
}

void glint_proto_memory_allocator(struct glint_proto_memory *m, struct ProtobufCAllocator *allocator_out)
{
    *allocator_out = (ProtobufCAllocator){proto_alloc, proto_free, m};
}

int glint_proto_memory_fail(const struct glint_proto_memory *m, const char *what, const char *message)
{
    return m->exceeded ? glint_fail(GLINT_E_FORMAT, "%s: a %s message that takes more than %zu MB of memory",
                                    what, message, m->limit >> 20)
                       : glint_fail(GLINT_E_FORMAT, "%s: no valid %s message", what, message);
}
