/* io/proto_memory.h - memory for protobuf-c to unpack foreign messages into: bounded, and given back in one
 * go.
 *
 *     struct glint_proto_memory memory;
 *     glint_proto_memory_init(&memory, limit);
 *     struct ProtobufCAllocator allocator;
 *     glint_proto_memory_allocator(&memory, &allocator);
 *     message = some__message__unpack(&allocator, size, data);   NULL: see glint_proto_memory_fail
 *     ... message is valid until glint_proto_memory_reset; never free it by some__message__free_unpacked ...
 *
 * protobuf-c keeps about 50 bytes for every field it meets, known or not, so that hostile bytes take up to 50
 * times their size; here they take what the limit allows. Its depth is that of our messages, which do not
 * contain themselves, and it refuses groups. */
#ifndef GLINT_IO_PROTO_MEMORY_H
#define GLINT_IO_PROTO_MEMORY_H
#include <stdbool.h>
#include <stddef.h>

struct glint_proto_block;
struct glint_proto_memory {
    struct glint_proto_block *blocks; /* the newest first */
    size_t used;                      /* of the newest block */
    size_t total, limit;              /* bytes taken, at most */
    bool exceeded;                    /* a wish was refused since the last reset */
};

void glint_proto_memory_init(struct glint_proto_memory *m, size_t limit);
void glint_proto_memory_reset(struct glint_proto_memory *m); /* keeps memory for the next message */
void glint_proto_memory_fini(struct glint_proto_memory *m);

/* size bytes aligned for anything, NULL beyond the limit. */
void *glint_proto_memory_take(struct glint_proto_memory *m, size_t size);

struct ProtobufCAllocator;
void glint_proto_memory_allocator(struct glint_proto_memory *m, struct ProtobufCAllocator *allocator_out);

/* Why an unpack gave NULL: "WHAT: no valid MESSAGE message" or that it takes more memory than the limit.
 * Returns the status. */
int glint_proto_memory_fail(const struct glint_proto_memory *m, const char *what, const char *message);
#endif
