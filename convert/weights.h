/* convert/weights.h - the tensors of a network by their names, from any file that has them: .safetensors
 * (with tensors given as a rule, core/procedural.h) or what torch.save wrote.
 *
 * In a PyTorch archive the state dict is the archive itself or a member of it (model_state, state_dict,
 * model_state_dict, model, module, net; one inside of another too); a beginning that all its names share as
 * wrappers put it there ("module.") is taken off. What was chosen, taken off and left out is told by
 * glint_weights_notes. */
#ifndef GLINT_CONVERT_WEIGHTS_H
#define GLINT_CONVERT_WEIGHTS_H
#include "convert/numbers.h"

struct glint_weights_file;

struct glint_weights_tensor {
    const char *name;             /* the file's memory; plain letters only */
    struct glint_numbers numbers; /* bytes NULL before glint_weights_numbers */
};

/* GLINT_E_NOTFOUND, GLINT_E_IO, GLINT_E_FORMAT, GLINT_E_NOMEM. */
int glint_weights_open(const char *path, struct glint_weights_file **file_out);
void glint_weights_close(struct glint_weights_file *file); /* NULL is fine */

int32_t glint_weights_count(const struct glint_weights_file *file);
const struct glint_weights_tensor *glint_weights_at(const struct glint_weights_file *file, int32_t index);
int32_t glint_weights_find(const struct glint_weights_file *file, const char *name); /* -1: none */

/* The tensor with its bytes, checked; *owned_out is to be freed (NULL: they lie in the file). */
int glint_weights_numbers(const struct glint_weights_file *file, int32_t index, struct glint_numbers *out,
                          void **owned_out);

/* The configuration that the file holds: JSON (metadata "config" of safetensors), or Python's text
 * (mmdetection3d, meta.config); NULL: none. */
const char *glint_weights_config(const struct glint_weights_file *file, bool *python_out);

const char *glint_weights_format(const struct glint_weights_file *file); /* in words */
const char *glint_weights_notes(const struct glint_weights_file *file);  /* lines "- ...\n", or "" */

#endif
