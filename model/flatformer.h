/* model/flatformer.h - the import of FlatFormer weights, beside its architecture file. */
#ifndef GLINT_MODEL_FLATFORMER_H
#define GLINT_MODEL_FLATFORMER_H
#include "model/build.h"

/* See struct glint_arch. */
bool glint_flatformer_recognise(struct glint_json foreign);
int glint_flatformer_convert(struct glint_json foreign, struct glint_text *text);
#endif
