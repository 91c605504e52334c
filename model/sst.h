/* model/sst.h - what an SST's training configuration becomes (convert_sst.c); see struct glint_arch. */
#ifndef GLINT_MODEL_SST_H
#define GLINT_MODEL_SST_H
#include "model/build.h"

bool glint_sst_recognise(struct glint_json foreign);
int glint_sst_convert(struct glint_json foreign, struct glint_text *text);
#endif
