/* convert/pickle_machine.h - private to pickle.c (opcodes) and pickle_known.c (globals and what calling them
 * makes). */
#ifndef GLINT_CONVERT_PICKLE_MACHINE_H
#define GLINT_CONVERT_PICKLE_MACHINE_H
#include "convert/pickle.h"
#include "core/status.h"

#define GLINT_PICKLE_TENSORS (1u << 15)
#define GLINT_PICKLE_SCRATCH 65536 /* bytes */

struct glint_pickle_machine {
    struct glint_pickle *p;
    const char *name;
    uint64_t base; /* of offsets in messages */
    const uint8_t *bytes;
    size_t size, at, op; /* bytes; next to read; where the running opcode is */
    uint32_t cap_values, cap_cells, cap_storages, cap_tensors, cap_stack, cap_memo, cap_marks;
    uint32_t *stack, *memo, *marks; /* memo: value + 1; 0: none */
    uint32_t n_stack, n_memo, n_marks;
    size_t scratch_used;
};

/* "NAME: offset N: ..." with GLINT_E_FORMAT. */
int glint_pickle_wrong(const struct glint_pickle_machine *m, const char *fmt, ...) GLINT_PRINTF(2, 3);

int glint_pickle_add(struct glint_pickle_machine *m, struct glint_pickle_value v, uint32_t *out);

/* The value of an element of a container: of a list or a tuple the i-th; NULL where there is none. */
const struct glint_pickle_value *glint_pickle_item(const struct glint_pickle *p, uint32_t container,
                                                   uint32_t i, uint32_t *index_out);

/* The value that module.name stands for (GLOBAL). GLINT_E_FORMAT, naming it, when it is not known. */
int glint_pickle_global(struct glint_pickle_machine *m, const uint8_t *module, size_t module_size,
                        const uint8_t *name, size_t name_size, uint32_t *out);

/* callable(*args) */
int glint_pickle_call(struct glint_pickle_machine *m, uint32_t callable, uint32_t args, uint32_t *out);

/* object.__setstate__(state) */
int glint_pickle_build(struct glint_pickle_machine *m, uint32_t object, uint32_t state);

/* What the persistent id stands for: a STORAGE. */
int glint_pickle_persistent(struct glint_pickle_machine *m, uint32_t id, uint32_t *out);

/* Room for one more element of an array that doubles up to `most`. */
int glint_pickle_grow(struct glint_pickle_machine *m, void *array /* its address */, uint32_t *cap,
                      uint32_t need, uint32_t most, size_t size);
#endif
