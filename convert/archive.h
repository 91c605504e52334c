/* convert/archive.h - what torch.save wrote: the values of its pickle and the numbers of its storages.
 *
 * Two formats: a zip archive (FOLDER/data.pkl, FOLDER/data/KEY; since PyTorch 1.6), and before it one file of
 * five pickles (magic number, version, system, values, keys of storages) with the storages behind them. The
 * file is mapped; numbers are read where they lie. What else may carry the ending .pth is refused by name:
 * tar files of before 2017, TorchScript, numbers of big-endian machines. */
#ifndef GLINT_CONVERT_ARCHIVE_H
#define GLINT_CONVERT_ARCHIVE_H
#include "convert/numbers.h"
#include "convert/pickle.h"

struct glint_archive;

/* Whether bytes begin as one of both formats, or one that is refused. */
bool glint_archive_begins(const uint8_t *bytes, size_t size);

/* GLINT_E_NOTFOUND, GLINT_E_IO, GLINT_E_FORMAT with entry or offset; GLINT_E_NOMEM. */
int glint_archive_open(const char *path, struct glint_archive **archive_out);
/* The same over memory, which must outlive it (fuzzing, tests). */
int glint_archive_parse(const char *name, const uint8_t *bytes, size_t size,
                        struct glint_archive **archive_out);
void glint_archive_close(struct glint_archive *archive); /* NULL is fine */

const struct glint_pickle *glint_archive_values(const struct glint_archive *archive);
const char *glint_archive_format(const struct glint_archive *archive); /* in words */

/* The little-endian numbers of a storage (values->storages[index]), all n of them from `first` on, at any
 * address. *owned_out is to be freed (NULL: they lie in the file). GLINT_E_FORMAT: there is no such storage,
 * it has another size, or is damaged. */
int glint_archive_storage(const struct glint_archive *archive, uint32_t index, const uint8_t **out,
                          void **owned_out);

/* All tensors of a PyTorch archive, wherever they are in it, under the way there ("optimizer.state.0.step"):
 * calls fn for each, with the number of those that came before. At most 100000, 16 containers deep; a failure
 * of fn ends it. */
typedef int glint_archive_tensor_fn(void *ctx, const char *way, const struct glint_numbers *numbers);
int glint_archive_tensors(const struct glint_archive *archive, glint_archive_tensor_fn *fn, void *ctx);
#endif
